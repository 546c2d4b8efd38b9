//! Batch: several requests in one (FHIR R4, 3.1.0.11), of which only reads are taken.
//!
//! The body is read once and strictly. What it says of each entry is a request target as one on a request line: it goes
//! through the same parser and is a request of its own from there on.

use super::{RequestHead, Unclassifiable, negotiation, operation};
use crate::json::{Bounds, Document, Kind, Value};
use crate::limits;

/// An entry of a batch.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// A GET to this target, path and query in origin form, which nobody has looked at yet.
    Get(String),
    /// It is no GET of something; the others may be all the same.
    Refused(Unclassifiable),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry(…)")
    }
}

/// Returns true if and only if a request with this method and target, in origin form, is one to the base itself, where
/// batches go.
#[must_use]
pub fn is_batch(method: &str, target: &str, base_path: &str) -> bool {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let base = base_path.trim_end_matches('/');
    method == "POST" && path.strip_prefix(base).is_some_and(|rest| rest == "/" || (rest.is_empty() && !base.is_empty()))
}

/// Reads the entries of a batch, in their order; `head` is one for which [`is_batch`] holds. There is at least one.
///
/// # Errors
/// Why the whole is refused: it is no batch, or not read as every reader would read it. Nothing of it is done then.
pub fn batch(head: &RequestHead<'_>, base_path: &str) -> Result<Vec<Entry>, Unclassifiable> {
    if head.method_override {
        return Err(Unclassifiable::MethodOverride);
    }
    if head.target.len() > limits::TARGET_BYTES || head.body.len() > limits::BATCH_BYTES {
        return Err(Unclassifiable::TooLong);
    }
    negotiation::prefer(head.prefer)?;
    let query = head.target.split_once('?').map_or("", |(_, query)| query);
    let format = operation::beside(query)?;
    for pair in &format {
        negotiation::format(&pair.value)?;
    }
    match format.len() {
        0 => negotiation::accept(head.accept)?,
        1 => {}
        _ => return Err(Unclassifiable::Repeated),
    }
    negotiation::fhir_json(head.content_type)?;
    let bounds = Bounds { bytes: limits::BATCH_BYTES, ..limits::RESOURCE };
    let document = Document::read(head.body, bounds).map_err(|_| Unclassifiable::Body)?;
    entries(document.root(), base_path)
}

fn entries(bundle: Value<'_>, base_path: &str) -> Result<Vec<Entry>, Unclassifiable> {
    if bundle.text_of("resourceType").as_deref() != Some("Bundle") {
        return Err(Unclassifiable::Body);
    }
    match bundle.text_of("type").as_deref() {
        Some("batch") => {}
        // All of it or nothing: it writes.
        Some("transaction") => return Err(Unclassifiable::Method),
        Some(_) | None => return Err(Unclassifiable::Body),
    }
    let mut entries = Vec::new();
    for member in bundle.members() {
        match (member.name, member.value.kind()) {
            ("resourceType" | "type", _) | ("id" | "language" | "timestamp", Kind::String) | ("meta", Kind::Object) => {
            }
            // FHIR R4, Resource.implicitRules: a modifier, which nobody here knows.
            ("implicitRules", _) => return Err(Unclassifiable::Parameter),
            ("entry", Kind::Array) => {
                for item in member.value.items() {
                    if entries.len() == limits::BATCH_ENTRIES {
                        return Err(Unclassifiable::TooLong);
                    }
                    let entry = target(item, base_path);
                    entries.push(entry.map_or_else(Entry::Refused, Entry::Get));
                }
            }
            _ => return Err(Unclassifiable::Body),
        }
    }
    if entries.is_empty() { Err(Unclassifiable::Body) } else { Ok(entries) }
}

/// Returns the request target of an entry: its URL, which is relative to the base, behind the base.
fn target(entry: Value<'_>, base_path: &str) -> Result<String, Unclassifiable> {
    let mut request = None;
    for member in entry.members() {
        match (member.name, member.value.kind()) {
            ("request", Kind::Object) => request = Some(member.value),
            // A resource is something to be written.
            _ => return Err(Unclassifiable::Body),
        }
    }
    let request = request.ok_or(Unclassifiable::Body)?;
    let (mut method, mut url) = (None, None);
    for member in request.members() {
        match (member.name, member.value.kind()) {
            ("method", Kind::String) => method = member.value.as_str(),
            ("url", Kind::String) => url = member.value.as_str(),
            // `ifNoneMatch` and the other conditions.
            _ => return Err(Unclassifiable::Parameter),
        }
    }
    match (method.as_deref(), url) {
        (Some("GET"), Some(url)) => Ok(format!("{}/{url}", base_path.trim_end_matches('/'))),
        (Some(_), Some(_)) => Err(Unclassifiable::Method),
        (_, None) | (None, _) => Err(Unclassifiable::Body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head<'a>(target: &'a str, body: &'a str) -> RequestHead<'a> {
        RequestHead {
            method: "POST",
            target,
            content_type: Some("application/fhir+json"),
            accept: None,
            prefer: None,
            method_override: false,
            body: body.as_bytes(),
        }
    }

    fn read(body: &str) -> Result<Vec<Entry>, Unclassifiable> {
        batch(&head("/fhir", body), "/fhir")
    }

    /// A batch of one entry.
    fn one(entry: &str) -> Entry {
        let mut entries = read(&format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{entry}]}}"#)).unwrap();
        assert_eq!(entries.len(), 1);
        entries.remove(0)
    }

    fn get(url: &str) -> String {
        format!(r#"{{"request":{{"method":"GET","url":"{url}"}}}}"#)
    }

    #[test]
    fn a_batch_is_what_is_posted_to_the_base() {
        for (target, base) in [("/fhir", "/fhir"), ("/fhir/", "/fhir"), ("/fhir?_format=json", "/fhir/"), ("/", "")] {
            assert!(is_batch("POST", target, base) && !is_batch("GET", target, base), "{target}");
        }
        for target in ["/fhir//", "/fhirx", "/fhir/Patient", "/", "", "/%66hir", "https://gw/fhir"] {
            assert!(!is_batch("POST", target, "/fhir"), "{target}");
        }
    }

    #[test]
    fn each_entry_is_a_target_below_the_base_that_nobody_has_decoded() {
        let entry = |url: &str, target: &str| assert_eq!(one(&get(url)), Entry::Get(target.to_owned()), "{url}");
        entry("Observation?patient=1", "/fhir/Observation?patient=1");
        entry(r"Observation\u002F%31", "/fhir/Observation/%31");
        // What becomes of these is for the parser of targets to say.
        entry("../admin", "/fhir/../admin");
        entry("/Observation/1", "/fhir//Observation/1");
        entry("https://gw/fhir/Observation/1", "/fhir/https://gw/fhir/Observation/1");
    }

    #[test]
    fn an_entry_that_is_no_get_is_refused_and_the_others_are_not() {
        for (entry, refusal) in [
            (r#"{"request":{"method":"POST","url":"Observation"}}"#, Unclassifiable::Method),
            (r#"{"request":{"method":"HEAD","url":"Observation/1"}}"#, Unclassifiable::Method),
            (r#"{"request":{"method":"get","url":"Observation/1"}}"#, Unclassifiable::Method),
            (r#"{"request":{"method":"GET"}}"#, Unclassifiable::Body),
            (r#"{"request":{"url":"Observation/1"}}"#, Unclassifiable::Body),
            (r#"{"request":{"method":"GET","url":"A/1","ifNoneMatch":"W/\"1\""}}"#, Unclassifiable::Parameter),
            (r#"{"request":{"method":"GET","url":"A/1","ifModifiedSince":"2024"}}"#, Unclassifiable::Parameter),
            (r#"{"request":{"method":"GET","url":["A/1"]}}"#, Unclassifiable::Parameter),
            (r#"{"request":{"method":"GET","url":"A/1"},"resource":{"resourceType":"Basic"}}"#, Unclassifiable::Body),
            (r#"{"request":{"method":"GET","url":"A/1"},"response":{"status":"200"}}"#, Unclassifiable::Body),
            (r#"{"fullUrl":"urn:uuid:1"}"#, Unclassifiable::Body),
            ("[]", Unclassifiable::Body),
            ("1", Unclassifiable::Body),
        ] {
            assert_eq!(one(entry), Entry::Refused(refusal), "{entry}");
        }
    }

    #[test]
    fn what_is_no_batch_is_refused_as_a_whole() {
        let with = |members: &str| format!(r#"{{"resourceType":"Bundle",{members}}}"#);
        let entry = get("A/1");
        for (body, refusal) in [
            (with(&format!(r#""type":"transaction","entry":[{entry}]"#)), Unclassifiable::Method),
            (with(&format!(r#""type":"searchset","entry":[{entry}]"#)), Unclassifiable::Body),
            (with(&format!(r#""entry":[{entry}]"#)), Unclassifiable::Body),
            (with(r#""type":"batch""#), Unclassifiable::Body),
            (with(r#""type":"batch","entry":[]"#), Unclassifiable::Body),
            (with(&format!(r#""type":"batch","entry":{entry}"#)), Unclassifiable::Body),
            (with(&format!(r#""type":"batch","entry":[{entry}],"entry":[]"#)), Unclassifiable::Body),
            (with(&format!(r#""type":"batch","total":1,"entry":[{entry}]"#)), Unclassifiable::Body),
            (
                with(&format!(r#""type":"batch","implicitRules":"http://x","entry":[{entry}]"#)),
                Unclassifiable::Parameter,
            ),
            (format!(r#"{{"resourceType":"Parameters","type":"batch","entry":[{entry}]}}"#), Unclassifiable::Body),
            (with(&format!(r#""type":"batch","entry":[{entry}]"#)) + "x", Unclassifiable::Body),
            (String::new(), Unclassifiable::Body),
        ] {
            assert_eq!(read(&body), Err(refusal), "{body}");
        }
        let many = vec![entry; limits::BATCH_ENTRIES + 1].join(",");
        assert_eq!(read(&with(&format!(r#""type":"batch","entry":[{many}]"#))), Err(Unclassifiable::TooLong));
        let long = format!(r#""type":"batch","id":"{}","entry":[]"#, "x".repeat(limits::BATCH_BYTES));
        assert_eq!(read(&with(&long)), Err(Unclassifiable::TooLong));
    }

    #[test]
    fn a_batch_says_its_media_type_and_wants_fhir_json() {
        let body = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#, get("A/1"));
        let good = head("/fhir?_format=json", &body);
        assert!(batch(&good, "/fhir").is_ok());
        for (head, refusal) in [
            (RequestHead { content_type: None, ..good }, Unclassifiable::MediaType),
            (
                RequestHead { content_type: Some("application/x-www-form-urlencoded"), ..good },
                Unclassifiable::MediaType,
            ),
            (RequestHead { target: "/fhir", accept: Some("application/fhir+xml"), ..good }, Unclassifiable::Format),
            (RequestHead { target: "/fhir?_format=xml", ..good }, Unclassifiable::Format),
            (RequestHead { target: "/fhir?_format=json&_format=json", ..good }, Unclassifiable::Repeated),
            (RequestHead { target: "/fhir?patient=1", ..good }, Unclassifiable::Body),
            (RequestHead { prefer: Some("respond-async"), ..good }, Unclassifiable::Preference),
            (RequestHead { method_override: true, ..good }, Unclassifiable::MethodOverride),
        ] {
            assert_eq!(batch(&head, "/fhir"), Err(refusal));
        }
    }
}
