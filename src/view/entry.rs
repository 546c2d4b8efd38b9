//! Entry: one item of a searchset, read strictly.

use crate::json::{Kind, Value};
use crate::view::ViewError;

/// Returns the resource that matched, or nothing when the entry is no match.
///
/// What a server adds besides matches stays behind: an outcome speaks of its own search, and includes are resolved here
/// (they are never asked of the upstream).
///
/// # Errors
/// A member that an entry of a searchset does not have, or a match without a resource.
pub(super) fn matched(entry: Value<'_>) -> Result<Option<Value<'_>>, ViewError> {
    let mut resource = None;
    let mut is_match = true;
    for member in entry.members() {
        match (member.name, member.value.kind()) {
            ("resource", Kind::Object) => resource = Some(member.value),
            ("search", Kind::Object) => is_match = read_mode(member.value)?,
            ("fullUrl" | "id", Kind::String) | ("link" | "extension", Kind::Array) => {}
            _ => return Err(ViewError::NotASearchset),
        }
    }
    match (is_match, resource) {
        (true, Some(resource)) => Ok(Some(resource)),
        (true, None) => Err(ViewError::MalformedResource),
        (false, _) => Ok(None),
    }
}

/// Returns true if and only if `search` says that the entry is a match. A server that does not say (the mode is optional
/// in FHIR R4) sends matches.
fn read_mode(search: Value<'_>) -> Result<bool, ViewError> {
    let mut is_match = true;
    for member in search.members() {
        match (member.name, member.value.kind()) {
            ("mode", Kind::String) => match member.value.as_str().as_deref() {
                Some("match") => is_match = true,
                Some("include" | "outcome") => is_match = false,
                Some(_) | None => return Err(ViewError::NotASearchset),
            },
            ("score", Kind::Number) | ("id", Kind::String) | ("extension", Kind::Array) => {}
            _ => return Err(ViewError::NotASearchset),
        }
    }
    Ok(is_match)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn read(text: &str) -> Result<Option<String>, ViewError> {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        matched(document.root()).map(|resource| resource.map(|resource| resource.raw().to_owned()))
    }

    #[test]
    fn a_match_gives_its_resource() {
        for text in [
            r#"{"resource":{"a":1}}"#,
            r#"{"fullUrl":"http://u/A/1","resource":{"a":1},"search":{"mode":"match","score":0.5}}"#,
            r#"{"id":"x","link":[],"extension":[],"search":{},"resource":{"a":1}}"#,
        ] {
            assert_eq!(read(text), Ok(Some(r#"{"a":1}"#.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_match_stays_behind() {
        for text in [
            r#"{"resource":{"a":1},"search":{"mode":"include"}}"#,
            r#"{"resource":{"resourceType":"OperationOutcome"},"search":{"mode":"outcome"}}"#,
            r#"{"search":{"mode":"outcome"}}"#,
        ] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_entry_of_a_searchset_is_refused() {
        for text in [
            r#"{"resource":{},"request":{"method":"GET","url":"x"}}"#,
            r#"{"resource":{},"response":{"status":"200"}}"#,
            r#"{"resource":{},"extra":1}"#,
            r#"{"resource":[]}"#,
            r#"{"resource":{},"search":{"mode":"other"}}"#,
            r#"{"resource":{},"search":{"mode":1}}"#,
            r#"{"resource":{},"search":{"mode":"match","extra":1}}"#,
            r#"{"resource":{},"modifierExtension":[]}"#,
        ] {
            assert_eq!(read(text), Err(ViewError::NotASearchset), "{text}");
        }
        assert_eq!(read(r#"{"search":{"mode":"match"}}"#), Err(ViewError::MalformedResource));
    }
}
