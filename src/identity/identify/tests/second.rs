//! A second reading of certificates, from RFC 5280, X.690 and the CPS of the register alone: slow, strict, of nothing but
//! slices. What the first accepts and this one refuses was accepted by mistake.

/// What this reading says of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Second {
    pub(super) uzi: String,
    pub(super) ura: String,
    pub(super) card_type: String,
    pub(super) role: String,
    pub(super) issuer_oid: String,
}

/// One element of DER (X.690, 8.1 and 10.1).
#[derive(Debug, Clone, Copy)]
struct Element<'a> {
    tag: u8,
    value: &'a [u8],
    /// With tag and length.
    whole: &'a [u8],
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Splits bytes into elements, all of them.
fn elements(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    while !bytes.is_empty() {
        let (tag, first) = (*bytes.first()?, usize::from(*bytes.get(1)?));
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (head, length) = if first < 0x80 {
            (2, first)
        } else {
            let octets = first - 0x80;
            if octets == 0 || octets > 3 {
                return None;
            }
            let length = bytes.get(2..2 + octets)?.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
            // As short as can be.
            if length < 0x80 || (octets > 1 && length >> (8 * (octets - 1)) == 0) {
                return None;
            }
            (2 + octets, length)
        };
        let whole = bytes.get(..head + length)?;
        elements.push(Element { tag, value: &whole[head..], whole });
        bytes = &bytes[head + length..];
    }
    Some(elements)
}

/// The elements inside one of this tag, which is all that there is.
fn inside(bytes: &[u8], tag: u8) -> Option<Vec<Element<'_>>> {
    match elements(bytes)?.as_slice() {
        [only] if only.tag == tag => elements(only.value),
        _ => None,
    }
}

/// X.690, 8.19: arcs in base 128, none with a leading zero.
fn oid(value: &[u8]) -> Option<String> {
    let mut arcs: Vec<u64> = Vec::new();
    let mut open = false;
    for octet in value {
        if !open {
            if *octet == 0x80 {
                return None;
            }
            arcs.push(0);
        }
        let arc = arcs.last_mut()?;
        *arc = arc.checked_mul(128)? + u64::from(octet & 0x7f);
        open = octet & 0x80 != 0;
    }
    let first = *arcs.first()?;
    if open {
        return None;
    }
    let (top, second) = if first < 80 { (first / 40, first % 40) } else { (2, first - 80) };
    Some(arcs[1..].iter().fold(format!("{top}.{second}"), |text, arc| format!("{text}.{arc}")))
}

/// Attributes of a Name: type and text. RFC 5280, 4.1.2.4.
fn name(element: Element<'_>) -> Option<Vec<(String, String)>> {
    let mut attributes = Vec::new();
    if element.tag != SEQUENCE {
        return None;
    }
    for relative in elements(element.value)? {
        let set = (relative.tag == SET).then(|| elements(relative.value))??;
        if set.is_empty() {
            return None;
        }
        for attribute in set {
            let parts = (attribute.tag == SEQUENCE).then(|| elements(attribute.value))??;
            let [kind, value] = parts.as_slice() else { return None };
            if kind.tag != OBJECT {
                return None;
            }
            attributes.push((oid(kind.value)?, string(*value)?));
        }
    }
    Some(attributes)
}

/// UTF8String, PrintableString or IA5String: what the register writes.
fn string(element: Element<'_>) -> Option<String> {
    let text = std::str::from_utf8(element.value).ok()?;
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    let right = match element.tag {
        0x0c => true,
        0x13 => text.chars().all(printable),
        0x16 => text.is_ascii(),
        _ => false,
    };
    right.then(|| text.to_owned())
}

/// UTCTime or GeneralizedTime in the one form of RFC 5280, 4.1.2.5, as YYYYMMDDHHMMSS.
fn time(element: Element<'_>) -> Option<String> {
    let text = std::str::from_utf8(element.value).ok()?.strip_suffix('Z')?;
    let full = match (element.tag, text.len()) {
        (0x17, 12) => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        (0x18, 14) if text >= "2050" => text.to_owned(),
        _ => return None,
    };
    let field = |range: std::ops::Range<usize>| full.get(range)?.parse::<u8>().ok();
    let digits = full.bytes().all(|byte| byte.is_ascii_digit());
    let (month, day, hour, minute, second) =
        (field(4..6)?, field(6..8)?, field(8..10)?, field(10..12)?, field(12..14)?);
    let right = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    (digits && right).then_some(full)
}

/// Extensions by OID: each at most once (RFC 5280, 4.2).
fn extensions(bytes: &[u8]) -> Option<Vec<(String, &[u8])>> {
    let mut found: Vec<(String, &[u8])> = Vec::new();
    for extension in inside(bytes, SEQUENCE)? {
        let parts = (extension.tag == SEQUENCE).then(|| elements(extension.value))??;
        let (kind, value) = match parts.as_slice() {
            [kind, value] => (kind, value),
            // DEFAULT FALSE is not written; TRUE is FF (X.690, 11.1 and 11.5).
            [kind, critical, value] if critical.whole == [0x01, 0x01, 0xff] => (kind, value),
            _ => return None,
        };
        if kind.tag != OBJECT || value.tag != OCTET_STRING {
            return None;
        }
        let kind = oid(kind.value)?;
        if found.iter().any(|(other, _)| *other == kind) {
            return None;
        }
        found.push((kind, value.value));
    }
    Some(found)
}

/// otherNames by type: the value inside `[0]`. RFC 5280, 4.2.1.6.
fn other_names(bytes: &[u8]) -> Option<Vec<(String, Element<'_>)>> {
    let mut names = Vec::new();
    let all = inside(bytes, SEQUENCE)?;
    if all.is_empty() {
        return None;
    }
    for general in all {
        match general.tag {
            0xa0 => {
                let parts = elements(general.value)?;
                let [kind, wrapped] = parts.as_slice() else { return None };
                if kind.tag != OBJECT || wrapped.tag != 0xa0 {
                    return None;
                }
                match elements(wrapped.value)?.as_slice() {
                    [value] => names.push((oid(kind.value)?, *value)),
                    _ => return None,
                }
            }
            0x81 | 0x82 | 0xa3 | 0xa4 | 0xa5 | 0x86 | 0x87 | 0x88 => {}
            _ => return None,
        }
    }
    Some(names)
}

/// Reads a certificate of production; nothing where anything is not as it has to be. `now` is YYYYMMDDHHMMSS.
pub(super) fn read(der: &[u8], now: &str) -> Option<Second> {
    let certificate = inside(der, SEQUENCE)?;
    let [tbs, algorithm, signature] = certificate.as_slice() else { return None };
    if (tbs.tag, algorithm.tag, signature.tag) != (SEQUENCE, SEQUENCE, BIT_STRING) {
        return None;
    }
    let parts = elements(tbs.value)?;
    let [version, serial, inner, issuer, validity, subject, key, extended] = parts.as_slice() else { return None };
    // Version 3; one algorithm said twice (RFC 5280, 4.1.1.2).
    if version.whole != [0xa0, 0x03, INTEGER, 0x01, 0x02] || inner.whole != algorithm.whole {
        return None;
    }
    if serial.tag != INTEGER || key.tag != SEQUENCE || extended.tag != 0xa3 || validity.tag != SEQUENCE {
        return None;
    }
    let validity = elements(validity.value)?;
    let [from, until] = validity.as_slice() else { return None };
    if time(*from)?.as_str() > now || now > time(*until)?.as_str() {
        return None;
    }
    let (issuer, subject) = (name(*issuer)?, name(*subject)?);
    let extensions = extensions(extended.value)?;
    let extension = |oid: &str| extensions.iter().find(|(kind, _)| kind == oid).map(|(_, value)| *value);

    let names = other_names(extension("2.5.29.17")?)?;
    let mut uzi_names = names.iter().filter(|(kind, _)| kind == "2.5.5.5");
    let (Some((_, value)), None) = (uzi_names.next(), uzi_names.next()) else { return None };
    if value.tag != 0x16 {
        return None;
    }
    let text = string(*value)?;
    let fields: Vec<&str> = text.split('-').collect();
    let [issuer_oid, one, uzi, card_type, ura, role, agb] = fields.as_slice() else { return None };
    let number = |text: &str, width| text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    let role_is_one = role.len() == 6 && role.get(2..3) == Some(".") && number(&role.replace('.', ""), 5);
    if *one != "1" || !number(uzi, 9) || !number(ura, 8) || !number(agb, 8) || !role_is_one {
        return None;
    }
    // identity.md 1.3, 1.4 and 1.5: type, OID, common name of the issuer, policies.
    let (letter, cas, own): (&str, &[&str], &[&str]) = match *issuer_oid {
        "2.16.528.1.1003.1.3.5.5.2" => ("Z", &["UZI-register Zorgverlener CA G3"], &["2.16.528.1.1003.1.2.5.1"]),
        "2.16.528.1.1003.1.3.5.5.3" => ("N", &["UZI-register Medewerker op naam CA G3"], &["2.16.528.1.1003.1.2.5.1"]),
        "2.16.528.1.1003.1.3.5.5.4" => {
            ("M", &["UZI-register Medewerker niet op naam CA G3"], &["2.16.528.1.1003.1.2.5.4"])
        }
        "2.16.528.1.1003.1.3.5.5.5" => (
            "S",
            &["UZI-register Private Server CA G1", "UZI Server - G4 PKIo Priv G-TLS SYS"],
            &["2.16.528.1.1003.1.2.8.6", "2.16.528.1.1003.1.2.44.15.35.11"],
        ),
        _ => return None,
    };
    let of = |name: &[(String, String)], kind: &str| -> Vec<String> {
        name.iter().filter(|(own, _)| own == kind).map(|(_, value)| value.clone()).collect()
    };
    let common = of(&issuer, "2.5.4.3");
    let known_issuer =
        common.len() == 1 && cas.iter().any(|ca| common[0] == *ca || common[0].starts_with(&format!("{ca} - ")));
    if *card_type != letter || (letter == "Z") == (*role == "00.000") || !known_issuer {
        return None;
    }
    if of(&subject, "2.5.4.5") != [(*uzi).to_owned()] {
        return None;
    }
    for (kind, value) in &names {
        let agrees = match kind.as_str() {
            "1.3.6.1.4.1.311.20.2.3" => value.tag == 0x0c && string(*value)? == format!("{uzi}@{ura}"),
            "1.3.6.1.5.5.7.8.3" => {
                let parts = (value.tag == SEQUENCE).then(|| elements(value.value))??;
                let [number, assigner] = parts.as_slice() else { return None };
                (number.tag, assigner.tag) == (0x0c, OBJECT)
                    && string(*number)? == *ura
                    && oid(assigner.value)? == "2.16.528.1.1007.3.3"
            }
            _ => true,
        };
        if !agrees {
            return None;
        }
    }
    let policies = inside(extension("2.5.29.32")?, SEQUENCE)?;
    let mut stated = Vec::new();
    for policy in policies {
        let parts = (policy.tag == SEQUENCE).then(|| elements(policy.value))??;
        stated.push(parts.first().filter(|kind| kind.tag == OBJECT).and_then(|kind| oid(kind.value))?);
    }
    // Of the register, by the arcs that only it has, and not one of its own: for something else.
    let foreign = |policy: &String| {
        let known = ["2.16.528.1.1003.1.2.8.6", "2.16.528.1.1003.1.2.44.15.35.11"];
        !known.contains(&policy.as_str())
            && !policy.starts_with("2.16.528.1.1003.1.2.5.")
            && !policy.starts_with("2.16.528.1.1007.")
    };
    let is_own = |policy: &String| own.contains(&policy.as_str());
    if !stated.iter().any(is_own) || !stated.iter().all(|policy| is_own(policy) || foreign(policy)) {
        return None;
    }
    // KeyUsage: digitalSignature is bit 0. No trailing zero bits (X.690, 11.2.2).
    match elements(extension("2.5.29.15")?)?.as_slice() {
        [bits] if bits.tag == BIT_STRING => match bits.value {
            [unused, rest @ ..] if *unused < 8 && rest.first().is_some_and(|first| first & 0x80 != 0) => {
                let last = *rest.last()?;
                if rest.len() > 2 || last == 0 || u32::from(*unused) != last.trailing_zeros() {
                    return None;
                }
            }
            _ => return None,
        },
        _ => return None,
    }
    let purposes = inside(extension("2.5.29.37")?, SEQUENCE)?;
    let mut is_client = false;
    for purpose in purposes {
        is_client |= purpose.tag == OBJECT && oid(purpose.value)? == "1.3.6.1.5.5.7.3.2";
        if purpose.tag != OBJECT {
            return None;
        }
    }
    if !is_client {
        return None;
    }
    // BasicConstraints: cA has the default FALSE, which is not written.
    if extension("2.5.29.19").is_some_and(|value| value != [SEQUENCE, 0]) {
        return None;
    }
    Some(Second {
        uzi: (*uzi).to_owned(),
        ura: (*ura).to_owned(),
        card_type: (*card_type).to_owned(),
        role: (*role).to_owned(),
        issuer_oid: (*issuer_oid).to_owned(),
    })
}
