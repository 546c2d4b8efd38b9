//! The two headers that say why: `Sluis-Purpose` and `Sluis-Reason`.

use crate::consent::Purpose;
use crate::limits;

use super::Unclassifiable;
use super::form::{self, Plus};

/// Reads the values of the header `Sluis-Purpose`: one bare code of v3-ActReason.
///
/// # Errors
/// `PurposeMissing` where there is none, `PurposeUnknown` where it is repeated or not a purpose of use.
pub fn purpose(values: &[&str]) -> Result<Purpose, Unclassifiable> {
    match values {
        [] => Err(Unclassifiable::PurposeMissing),
        [code] => Purpose::of(code).ok_or(Unclassifiable::PurposeUnknown),
        [_, _, ..] => Err(Unclassifiable::PurposeUnknown),
    }
}

/// Reads the values of the header `Sluis-Reason`, percent-encoded UTF-8. A blank reason is none.
///
/// # Errors
/// `Reason` where it is repeated, too long, not UTF-8, or holds control characters.
pub fn reason(values: &[&str]) -> Result<Option<String>, Unclassifiable> {
    let value = match values {
        [] => return Ok(None),
        [value] => value,
        [_, _, ..] => return Err(Unclassifiable::Reason),
    };
    // Spaces are no trouble in a header, and people write them.
    let words = value.split(' ').map(|word| form::decode(word, Plus::IsItself)).collect::<Result<Vec<_>, _>>();
    let text = words.map_err(|_| Unclassifiable::Reason)?.join(" ");
    if text.len() > limits::REASON_BYTES {
        return Err(Unclassifiable::Reason);
    }
    let text = text.trim();
    Ok(if text.is_empty() { None } else { Some(text.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_one_code_as_the_code_system_writes_it() {
        assert_eq!(purpose(&["TREAT"]).map(Purpose::code), Ok("TREAT"));
        assert_eq!(purpose(&[]), Err(Unclassifiable::PurposeMissing));
        for values in [&["treat"][..], &["TREAT", "TREAT"], &["TREAT,BTG"], &["TREAT "], &[""], &["v3-ActReason|TREAT"]]
        {
            assert_eq!(purpose(values), Err(Unclassifiable::PurposeUnknown), "{values:?}");
        }
    }

    #[test]
    fn a_reason_is_text_that_was_encoded_once() {
        assert_eq!(
            reason(&["bewusteloos%20op%20de%20SEH%2C%20co%C3%ABrci"]),
            Ok(Some("bewusteloos op de SEH, coërci".to_owned()))
        );
        assert_eq!(reason(&["patient unconscious + alone"]), Ok(Some("patient unconscious + alone".to_owned())));
        for absent in [&[][..], &[""], &["%20"]] {
            assert_eq!(reason(absent), Ok(None), "{absent:?}");
        }
        for values in [&["a", "b"][..], &["%ff"], &["%0a"], &["é"], &["%2541"], &["100%"]] {
            assert_eq!(reason(values), Err(Unclassifiable::Reason), "{values:?}");
        }
    }

    #[test]
    fn a_reason_is_bounded() {
        assert!(reason(&[&"a".repeat(limits::REASON_BYTES)]).is_ok());
        assert_eq!(reason(&[&"a".repeat(limits::REASON_BYTES + 1)]), Err(Unclassifiable::Reason));
    }
}
