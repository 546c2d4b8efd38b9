//! Identifiers of things: the logical id of a resource, the number of a citizen.

use std::fmt;
use std::str::FromStr;

/// Not an identifier of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of that kind")]
pub struct NotAnIdentifier;

/// The logical id of a resource: 1 to 64 of `A-Z a-z 0-9 - .` (FHIR R4, 2.24.0.1), but for `.` and `..`, which paths read
/// as something else.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

impl FromStr for Id {
    type Err = NotAnIdentifier;

    fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
        if Self::is_written_as(text) { Ok(Self(text.to_owned())) } else { Err(NotAnIdentifier) }
    }
}

impl Id {
    /// Returns true if and only if `text` is written like a logical id.
    #[must_use]
    pub fn is_written_as(text: &str) -> bool {
        let shape = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        (1..=64).contains(&text.len()) && shape && text != "." && text != ".."
    }

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id(…)")
    }
}

/// The FHIR system of a BSN.
pub const BSN_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/bsn";

/// The same system as an OID, which some systems write instead of its URI.
pub const BSN_OID: &str = "urn:oid:2.16.840.1.113883.2.4.6.3";

/// A burgerservicenummer: nine digits that pass the eleven test
/// (9a+8b+7c+6d+5e+4f+3g+2h−i divisible by 11), and not all zero.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bsn(String);

impl FromStr for Bsn {
    type Err = NotAnIdentifier;

    fn from_str(text: &str) -> Result<Self, NotAnIdentifier> {
        if text.len() != 9 {
            return Err(NotAnIdentifier);
        }
        let mut sum = 0_i64;
        for (byte, weight) in text.bytes().zip([9, 8, 7, 6, 5, 4, 3, 2, -1]) {
            let digit = char::from(byte).to_digit(10).ok_or(NotAnIdentifier)?;
            sum += i64::from(digit) * weight;
        }
        if sum % 11 == 0 && text != "000000000" { Ok(Self(text.to_owned())) } else { Err(NotAnIdentifier) }
    }
}

impl Bsn {
    /// Returns the nine digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bsn(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bsn_passes_the_eleven_test() {
        for good in ["999911120", "900186021", "999990019"] {
            assert!(Bsn::from_str(good).is_ok(), "{good}");
        }
        for bad in ["999911121", "000000000", "99991112", "9999111200", "99991112x", " 99911120"] {
            assert!(Bsn::from_str(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_no_path() {
        for good in ["1", "a-b.c", "A"] {
            assert!(Id::from_str(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "é", "a%2F", "a_b"] {
            assert!(Id::from_str(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn neither_is_shown() {
        assert!(!format!("{:?}", Bsn::from_str("999911120").unwrap()).contains('9'));
        assert!(!format!("{:?}", Id::from_str("alice").unwrap()).contains("alice"));
    }
}
