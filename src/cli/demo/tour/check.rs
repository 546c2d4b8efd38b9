//! Whether an answer is the one expected.

use super::ask::AskError;
use super::step::{Expected, Step};
use crate::json::{Bounds, Document, Value};

/// Answers of the demo are small; a larger one is not the one expected.
const BOUNDS: Bounds = Bounds { bytes: 4 * 1024 * 1024, depth: 64, members: 256 };

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// What the caller got, in a line.
pub type Outcome = Result<String, Mismatch>;

/// How an answer is not the one expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// There was no answer.
    #[error("no answer: {0}")]
    NoAnswer(AskError),
    /// There was an answer where the handshake should have failed.
    #[error("answered with {status}, and no answer was expected")]
    Answered {
        /// The status.
        status: u16,
    },
    /// Another status.
    #[error("status {found} where {expected} was expected")]
    Status {
        /// What came.
        found: u16,
        /// What was to come.
        expected: u16,
    },
    /// Another kind of body.
    #[error("the body is no {expected}")]
    Shape {
        /// What was to come.
        expected: &'static str,
    },
    /// An OperationOutcome with another code.
    #[error("the outcome says {found} where {expected} was expected")]
    Code {
        /// What came.
        found: String,
        /// What was to come.
        expected: &'static str,
    },
    /// Something is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Something is there that was not to be.
    #[error("{0} shows")]
    Shows(String),
}

/// Judges the answers to a step: one, or one for each page.
pub(super) fn check(step: &Step, replies: &Result<Vec<Reply>, AskError>, public_base: &str) -> Outcome {
    let replies = match (replies, step.expected) {
        (Err(AskError::Handshake | AskError::Closed), Expected::NoHandshake) => {
            return Ok("no answer: the handshake failed".to_owned());
        }
        (Err(error), _) => return Err(Mismatch::NoAnswer(*error)),
        (Ok(replies), _) => replies,
    };
    let Some(first) = replies.first() else { return Err(Mismatch::NoAnswer(AskError::NoResponse)) };
    let status = match step.expected {
        Expected::Searchset { .. }
        | Expected::Nothing { .. }
        | Expected::Document { .. }
        | Expected::Resource(_)
        | Expected::Metadata => 200,
        Expected::Refused { status, .. } => status,
        Expected::NoHandshake => return Err(Mismatch::Answered { status: first.status }),
    };
    if let Some(other) = replies.iter().find(|reply| reply.status != status) {
        return Err(Mismatch::Status { found: other.status, expected: status });
    }
    match step.expected {
        Expected::Searchset { has, lacks } => {
            for text in lacks {
                no_trace(replies, text)?;
            }
            let found = entries(replies, public_base)?;
            match has.iter().find(|reference| !found.iter().any(|each| each == *reference)) {
                Some(missing) => Err(Mismatch::Missing(missing)),
                None => Ok(listed(&found, replies.len())),
            }
        }
        Expected::Nothing { lacks } => {
            no_trace(replies, lacks)?;
            match entries(replies, public_base)?.pop() {
                Some(entry) => Err(Mismatch::Shows(entry)),
                None => Ok("200, a searchset without entries".to_owned()),
            }
        }
        Expected::Document { has, lacks } => {
            for text in lacks {
                no_trace(replies, text)?;
            }
            read(first, "document", |root| documented(root, has, public_base))
        }
        Expected::Resource(reference) => read(first, "resource", |root| {
            if own_reference(root).as_deref() == Some(reference) {
                Ok(format!("200, {reference}"))
            } else {
                Err(Mismatch::Missing(reference))
            }
        }),
        Expected::Refused { code, .. } => read(first, "OperationOutcome", |root| {
            is(root, "OperationOutcome")?;
            let found = root
                .get("issue")
                .and_then(|issues| issues.items().next())
                .and_then(|issue| issue.text_of("code").map(std::borrow::Cow::into_owned));
            match found {
                Some(found) if found == code => Ok(format!("{status}, OperationOutcome: {code}")),
                found => Err(Mismatch::Code { found: found.unwrap_or_default(), expected: code }),
            }
        }),
        Expected::Metadata => read(first, "CapabilityStatement", |root| {
            is(root, "CapabilityStatement")?;
            no_trace(replies, "HAPI")?;
            Ok("200, a CapabilityStatement".to_owned())
        }),
        Expected::NoHandshake => Err(Mismatch::Answered { status: first.status }),
    }
}

/// Returns the `next` link of a searchset.
pub(super) fn next(reply: &Reply) -> Option<String> {
    let document = Document::read(&reply.body, BOUNDS).ok()?;
    let links = document.root().get("link")?;
    let next = links.items().find(|link| link.text_of("relation").as_deref() == Some("next"))?;
    next.text_of("url").map(std::borrow::Cow::into_owned)
}

fn read(reply: &Reply, expected: &'static str, judge: impl FnOnce(Value<'_>) -> Outcome) -> Outcome {
    let document = Document::read(&reply.body, BOUNDS).map_err(|_| Mismatch::Shape { expected })?;
    judge(document.root())
}

fn is(root: Value<'_>, expected: &'static str) -> Result<(), Mismatch> {
    if root.text_of("resourceType").as_deref() == Some(expected) { Ok(()) } else { Err(Mismatch::Shape { expected }) }
}

fn own_reference(resource: Value<'_>) -> Option<String> {
    Some(format!("{}/{}", resource.text_of("resourceType")?, resource.text_of("id")?))
}

fn no_trace(replies: &[Reply], text: &str) -> Result<(), Mismatch> {
    let shows = |reply: &Reply| memchr::memmem::find(&reply.body, text.as_bytes()).is_some();
    if replies.iter().any(shows) { Err(Mismatch::Shows(text.to_owned())) } else { Ok(()) }
}

/// Returns the references of all entries; their full URLs must be the gateway's.
fn entries(replies: &[Reply], public_base: &str) -> Result<Vec<String>, Mismatch> {
    let shape = || Mismatch::Shape { expected: "searchset" };
    let mut found = Vec::new();
    for reply in replies {
        let document = Document::read(&reply.body, BOUNDS).map_err(|_| shape())?;
        let root = document.root();
        is(root, "Bundle")?;
        if root.text_of("type").as_deref() != Some("searchset") {
            return Err(shape());
        }
        for entry in root.get("entry").iter().flat_map(Value::items) {
            let reference = entry.get("resource").and_then(own_reference).ok_or_else(shape)?;
            let full_url = entry.text_of("fullUrl").unwrap_or_default();
            if full_url != format!("{public_base}/{reference}") {
                return Err(Mismatch::Shows(full_url.into_owned()));
            }
            found.push(reference);
        }
    }
    Ok(found)
}

/// Judges a document: its Composition comes first, and what must be there is there under the gateway's own URLs.
fn documented(root: Value<'_>, has: &[&'static str], public_base: &str) -> Outcome {
    is(root, "Bundle")?;
    let entries: Vec<Value<'_>> = root.get("entry").iter().flat_map(Value::items).collect();
    let first = entries.first().and_then(|entry| entry.get("resource"));
    let title = first.and_then(|composition| composition.text_of("title")).unwrap_or_default();
    let sections = first.and_then(|composition| composition.get("section")).map_or(0, |list| list.items().count());
    if root.text_of("type").as_deref() != Some("document") || sections == 0 {
        return Err(Mismatch::Shape { expected: "document" });
    }
    let is_there = |reference: &&&str| {
        let url = format!("{public_base}/{reference}");
        entries.iter().any(|entry| entry.text_of("fullUrl").as_deref() == Some(url.as_str()))
    };
    match has.iter().find(|reference| !is_there(reference)) {
        Some(missing) => Err(Mismatch::Missing(missing)),
        None => Ok(format!("200, a document: {title}, {sections} sections, {} entries", entries.len())),
    }
}

fn listed(found: &[String], pages: usize) -> String {
    let over = if pages > 1 { format!(" on {pages} pages") } else { String::new() };
    match found {
        [] => "200, a searchset without entries".to_owned(),
        [one] => format!("200, one entry{over}: {one}"),
        _ => format!("200, {} entries{over}: {}", found.len(), found.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::STEPS;
    use super::*;

    const BASE: &str = "https://localhost:1/fhir";

    fn step(expected: Expected) -> Step {
        Step { expected, ..STEPS[0] }
    }

    fn judged(expected: Expected, status: u16, body: &str) -> Outcome {
        check(&step(expected), &Ok(vec![Reply { status, body: body.into() }]), BASE)
    }

    const ONE: &str = r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"n"}],"entry":[{"fullUrl":"https://localhost:1/fhir/Condition/c","resource":{"resourceType":"Condition","id":"c"}}]}"#;
    const NONE: &str = r#"{"resourceType":"Bundle","type":"searchset"}"#;

    #[test]
    fn a_searchset_has_what_it_should_and_no_trace_of_the_rest() {
        let expected = |has, lacks| Expected::Searchset { has, lacks };
        assert!(judged(expected(&["Condition/c"], &["Condition/d"]), 200, ONE).is_ok());
        assert_eq!(judged(expected(&["Condition/d"], &[]), 200, ONE), Err(Mismatch::Missing("Condition/d")));
        assert_eq!(judged(expected(&[], &["Condition/c"]), 200, ONE), Err(Mismatch::Shows("Condition/c".into())));
        let foreign = ONE.replace("localhost:1", "10.0.0.1");
        assert!(matches!(judged(expected(&[], &[]), 200, &foreign), Err(Mismatch::Shows(_))));
    }

    #[test]
    fn nothing_is_a_searchset_without_entries() {
        let expected = Expected::Nothing { lacks: "Condition/x" };
        assert!(judged(expected, 200, NONE).is_ok());
        assert_eq!(judged(expected, 200, ONE), Err(Mismatch::Shows("Condition/c".into())));
        assert_eq!(judged(expected, 404, NONE), Err(Mismatch::Status { found: 404, expected: 200 }));
    }

    #[test]
    fn a_refusal_has_its_status_and_its_code() {
        let expected = Expected::Refused { status: 403, code: "forbidden" };
        let body = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"forbidden"}]}"#;
        assert!(judged(expected, 403, body).is_ok());
        assert!(matches!(judged(expected, 403, &body.replace("forbidden", "x")), Err(Mismatch::Code { .. })));
        assert_eq!(judged(expected, 403, NONE), Err(Mismatch::Shape { expected: "OperationOutcome" }));
    }

    #[test]
    fn a_handshake_that_should_fail_is_no_answer_and_no_other_failure() {
        let failed = |error| check(&step(Expected::NoHandshake), &Err(error), BASE);
        assert!(failed(AskError::Handshake).is_ok() && failed(AskError::Closed).is_ok());
        assert!(failed(AskError::NoResponse).is_err() && failed(AskError::Body).is_err());
        assert_eq!(judged(Expected::NoHandshake, 200, NONE), Err(Mismatch::Answered { status: 200 }));
    }

    #[test]
    fn the_next_link_is_found() {
        assert_eq!(next(&Reply { status: 200, body: ONE.into() }).as_deref(), Some("n"));
        assert_eq!(next(&Reply { status: 200, body: NONE.into() }), None);
    }
}
