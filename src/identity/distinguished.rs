//! Distinguished names as text (RFC 4514): the last part first, with escapes, so that no value can look like two parts.

use std::fmt::Write as _;

use x509_parser::oid_registry::Oid;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Writes a name.
///
/// Short names beyond those of RFC 4514 are used for the attributes that certificates of the register have.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = dotted(attribute.attr_type()).unwrap_or_else(|| hex(attribute.attr_type().as_bytes()));
    let name = match oid.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.25" => "DC",
        _ => oid.as_str(),
    };
    match attribute.as_str() {
        Ok(value) => format!("{name}={}", escaped(value)),
        Err(_) => format!("{name}=#{}", hex(attribute.as_slice())),
    }
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (place, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', character]),
            '#' if place == 0 => out.push_str("\\#"),
            ' ' if place == 0 || place == last => out.push_str("\\ "),
            _ if character.is_control() => {
                for byte in character.to_string().bytes() {
                    out.push('\\');
                    out.push_str(&hex(&[byte]));
                }
            }
            _ => out.push(character),
        }
    }
    out
}

/// Writes an OID with dots; nothing when it is not in the one form that DER allows (X.690, 8.19).
///
/// By hand, because x509-parser's own text is the same for `55 04 05`, `55 04 80 05` and `55 04 85`.
pub(super) fn dotted(oid: &Oid<'_>) -> Option<String> {
    let mut arcs: Vec<u64> = Vec::new();
    let mut arc: Option<u64> = None;
    for byte in oid.as_bytes() {
        if arc.is_none() && *byte == 0x80 {
            return None;
        }
        let value = arc.unwrap_or(0).checked_mul(128)?.checked_add(u64::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            arcs.push(value);
            arc = None;
        } else {
            arc = Some(value);
        }
    }
    let (first, rest) = arcs.split_first()?;
    if arc.is_some() {
        return None;
    }
    let top = (*first / 40).min(2);
    let second = first.checked_sub(top.checked_mul(40)?)?;
    Some(rest.iter().fold(format!("{top}.{second}"), |text, arc| format!("{text}.{arc}")))
}

/// Writes bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut out, byte| {
        // Writing to a String cannot fail.
        if write!(out, "{byte:02x}").is_err() {
            out.push('?');
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_look_like_another_part() {
        assert_eq!(escaped("a,CN=b"), "a\\,CN=b");
        assert_eq!(escaped(" #x "), "\\ #x\\ ");
        assert_eq!(escaped("#x"), "\\#x");
        assert_eq!(escaped("a\nb\u{85}"), "a\\0ab\\c2\\85");
        assert_eq!(escaped("Tést"), "Tést");
        assert_eq!(escaped(" "), "\\ ");
    }

    #[test]
    fn bytes_become_lower_case_hexadecimal() {
        assert_eq!(hex(&[0x00, 0xab, 0x7f]), "00ab7f");
    }

    #[test]
    fn only_the_one_form_of_an_oid_is_written() {
        let text = |bytes: &'static [u8]| dotted(&Oid::new(bytes.into()));
        assert_eq!(text(&[0x55, 0x04, 0x05]).as_deref(), Some("2.5.4.5"));
        assert_eq!(text(&[0x60, 0x84, 0x10, 0x01]).as_deref(), Some("2.16.528.1"));
        assert_eq!(text(&[0x88, 0x37, 0x03]).as_deref(), Some("2.999.3"));
        assert_eq!(text(&[0x2a, 0x03]).as_deref(), Some("1.2.3"));
        for bad in [&[0x55, 0x04, 0x80, 0x05][..], &[0x55, 0x04, 0x85], &[], &[0xff; 12]] {
            assert_eq!(text(bad), None, "{bad:02x?}");
        }
    }
}
