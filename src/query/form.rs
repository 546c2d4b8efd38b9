//! Form: names and values of a query string or an `application/x-www-form-urlencoded` body, percent-decoded once.
//!
//! What a second percent-decoding would change is refused: a value that still holds `%` and two hexadecimal digits. A
//! decoded `%` before anything else is itself and stays, and so does a decoded `+`: time zones need `%2B`. A `+` that is
//! written as such is a space.

use crate::limits;

use super::Unclassifiable;

/// One name and its value, decoded.
#[derive(PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair(…)")
    }
}

/// Reads the pairs of a form in their order. An empty text is a form without any.
pub(super) fn read(text: &str) -> Result<Vec<Pair>, Unclassifiable> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut pairs = Vec::new();
    for part in text.split('&') {
        if pairs.len() == limits::PARAMETERS {
            return Err(Unclassifiable::TooLong);
        }
        let (name, value) = part.split_once('=').ok_or(Unclassifiable::Encoding)?;
        let (name, value) = (decode(name, Plus::IsSpace)?, decode(value, Plus::IsSpace)?);
        if name.is_empty() {
            return Err(Unclassifiable::Encoding);
        }
        pairs.push(Pair { name, value });
    }
    Ok(pairs)
}

/// What a `+` that is not encoded means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    /// A space: in forms.
    IsSpace,
    /// Itself: everywhere else.
    IsItself,
}

/// Decodes `text` once and refuses what is broken, what a second decoding would change, and control characters.
pub(super) fn decode(text: &str, plus: Plus) -> Result<String, Unclassifiable> {
    let bytes = decode_bytes(text, plus).ok_or(Unclassifiable::Encoding)?;
    let decoded = String::from_utf8(bytes).map_err(|_| Unclassifiable::Encoding)?;
    let mut behind = decoded.as_bytes();
    while let Some((first, rest)) = behind.split_first() {
        if *first == b'%' && rest.len() >= 2 && rest.iter().take(2).all(u8::is_ascii_hexdigit) {
            return Err(Unclassifiable::Encoding);
        }
        behind = rest;
    }
    if decoded.chars().any(char::is_control) { Err(Unclassifiable::Encoding) } else { Ok(decoded) }
}

fn decode_bytes(text: &str, plus: Plus) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? * 16 + hex(bytes.next()?)?,
            b'+' if plus == Plus::IsSpace => b' ',
            0x21..=0x7e => byte,
            _ => return None,
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends a parameter to a target that ends with `?` or with another parameter.
pub(super) fn append(target: &mut String, name: &str, value: &str) {
    if !target.ends_with('?') {
        target.push('&');
    }
    encode(name, target);
    target.push('=');
    encode(value, target);
}

/// Appends `text`, percent-encoded but for what no reader of a query takes for punctuation.
pub(super) fn encode(text: &str, target: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            target.push(char::from(byte));
        } else {
            target.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str) -> Result<String, Unclassifiable> {
        read(&format!("a={text}")).map(|pairs| pairs.into_iter().next().unwrap().value)
    }

    #[test]
    fn a_value_is_decoded_once() {
        for (text, value) in [
            ("b", "b"),
            ("%62", "b"),
            ("b+c", "b c"),
            ("%2B01", "+01"),
            ("a%7Cb", "a|b"),
            ("%C3%A9", "é"),
            ("b=c", "b=c"),
        ] {
            assert_eq!(value_of(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_literal_percent_stays_unless_it_would_be_decoded_again() {
        assert_eq!(value_of("100%25").as_deref(), Ok("100%"));
        assert_eq!(value_of("%25zz").as_deref(), Ok("%zz"));
        assert_eq!(value_of("%252").as_deref(), Ok("%2"));
        for text in ["%2531", "%252e", "%2525%32%35", "1%25%34%31"] {
            assert_eq!(value_of(text), Err(Unclassifiable::Encoding), "{text}");
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        for text in ["%", "%4", "%zz", "%00", "%0a", "%7f", "%C2%85", "%ff", "%c0%af", "%ed%a0%80", "é", "b c"] {
            assert_eq!(value_of(text), Err(Unclassifiable::Encoding), "{text}");
        }
        for text in ["&", "a=b&", "&a=b", "a=b&&c=d", "a", "=b", "a=b&c"] {
            assert_eq!(read(text), Err(Unclassifiable::Encoding), "{text}");
        }
    }

    #[test]
    fn parameters_are_bounded() {
        let most = vec!["a=b"; limits::PARAMETERS];
        assert!(read(&most.join("&")).is_ok());
        assert_eq!(read(&format!("{}&a=b", most.join("&"))), Err(Unclassifiable::TooLong));
    }

    proptest::proptest! {
        #[test]
        fn what_was_encoded_decodes_to_itself(value in "[ -$&-~]{0,40}") {
            let mut text = String::new();
            encode(&value, &mut text);
            proptest::prop_assert_eq!(decode(&text, Plus::IsSpace), Ok(value));
        }
    }
}
