//! Validators: the ETag of a read, and whether the caller has that already (RFC 9110, 8.8.3 and 13.1.2).
//!
//! An ETag is a keyed hash of the body as it is released, so it says nothing of what was taken out of it, and without the key
//! nobody can tell from it what the body is. The server's own is a version, which tells of changes to what is hidden. It is
//! weak, as FHIR writes it (R4, 3.1.0.1.5).

use super::token::PageKeys;

/// The ETag of one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validator(String);

impl Validator {
    /// Returns the ETag of `body`; none where no hash can be made.
    pub(super) fn of(body: &[u8], keys: &PageKeys) -> Option<Self> {
        let hash = keys.hash("etag", body)?;
        let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(Self(format!("W/\"{digits}\"")))
    }

    /// Returns it as it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if and only if the values of `If-None-Match` name it, by weak comparison; what is ill-formed names nothing.
    pub(super) fn is_named_by(&self, if_none_match: &[String]) -> bool {
        let opaque = |text: &str| text.strip_prefix("W/").unwrap_or(text).to_owned();
        let own = opaque(&self.0);
        let mut named = if_none_match.iter().flat_map(|value| value.split(','));
        named.any(|tag| tag.trim() == "*" || opaque(tag.trim()) == own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validator(body: &str, key: u8) -> Validator {
        Validator::of(body.as_bytes(), &PageKeys::new(vec![[key; 32], [9; 32]])).unwrap()
    }

    #[test]
    fn it_is_that_of_the_body_and_the_newest_key() {
        assert_eq!(validator("{}", 1), validator("{}", 1));
        assert_ne!(validator("{}", 1), validator("{ }", 1));
        assert_ne!(validator("{}", 1), validator("{}", 2));
        let text = validator("{}", 1).as_str().to_owned();
        assert!(text.starts_with("W/\"") && text.ends_with('"') && text.len() == 36, "{text}");
        assert_eq!(Validator::of(b"{}", &PageKeys::new(Vec::new())), None);
    }

    #[test]
    fn it_is_named_in_each_of_the_ways_of_the_header() {
        let own = validator("{}", 1);
        let strong = own.as_str().replace("W/", "");
        let named =
            |values: &[&str]| own.is_named_by(&values.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert!(named(&[own.as_str()]) && named(&[&strong]) && named(&["*"]));
        assert!(named(&[&format!("\"a\" , {strong}")]) && named(&["\"a\"", own.as_str()]));
        for other in ["", "W/\"1\"", "\"\"", strong.trim_matches('"'), strong.trim_end_matches('"')] {
            assert!(!named(&[other]), "{other}");
        }
        assert!(!named(&[]));
    }
}
