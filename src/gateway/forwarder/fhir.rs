//! AuditEvents to a FHIR server.
//!
//! A record makes the AuditEvents that `sluis audit export` makes of it, each under an id that follows from the record's
//! hash. They are sent with `PUT AuditEvent/ID` in a transaction: sent again, they change nothing. A request is told once,
//! when its closing record is there; every intent has one, by its own gateway or by the start that found it open, so what is
//! under way is waited for and nothing of it is guessed.
//!
//! An answer counts if it is 200 and a `transaction-response` with an entry for each that was sent, in order, each with
//! status 200 or 201 and, where it names a location, that of what was sent.

use bytes::BytesMut;
use reqwest::header::{self, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;

use super::engine::{Failure, Payload, Place, Reason, Target};
use crate::audit::{Accesses, Entry, Part, audit_events};
use crate::gateway::config::Access;
use crate::gateway::upstream::{AccessError, builder};
use crate::limits;

/// A FHIR server that keeps AuditEvents.
pub(super) struct FhirTarget {
    client: Client,
    base: String,
    bearer: Option<HeaderValue>,
    part: Part,
    accesses: Accesses,
}

impl FhirTarget {
    pub(super) fn new(base: &str, access: &Access, part: Part) -> Result<Self, AccessError> {
        let (builder, bearer) = builder(access)?;
        let client = builder.read_timeout(limits::FORWARD_ANSWER).build().map_err(|_| AccessError::Client)?;
        Ok(Self { client, base: base.to_owned(), bearer, part, accesses: Accesses::default() })
    }

    async fn post(&self, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let mut request = self.client.post(&self.base);
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, bearer.clone());
        }
        let request = request.header(header::CONTENT_TYPE, "application/fhir+json").header("prefer", "return=minimal");
        let response = request.body(body).send().await.map_err(|error| passing(&error))?;
        match response.status() {
            StatusCode::OK => body_of(response).await,
            status => Err(of_status(status.as_u16())),
        }
    }
}

impl Target for FhirTarget {
    fn form(&mut self, entry: &Entry, line: &[u8]) -> Result<Vec<Payload>, serde_json::Error> {
        let Some(told) = self.accesses.take(entry, line)? else { return Ok(Vec::new()) };
        let events = audit_events(&told, self.part);
        Ok(events
            .iter()
            .map(|event| Payload { id: event.id().to_owned(), bytes: event.to_json().into_bytes() })
            .collect())
    }

    fn needs(&self) -> Option<u64> {
        self.accesses.needs()
    }

    fn forget(&mut self) {
        self.accesses = Accesses::default();
    }

    async fn join(&mut self) -> Result<Place, Failure> {
        Ok(Place::Unsaid)
    }

    async fn send(&mut self, payloads: &[&Payload]) -> Result<(), Failure> {
        let answer = self.post(transaction(&self.base, payloads)).await?;
        let ids: Vec<&str> = payloads.iter().map(|payload| payload.id.as_str()).collect();
        acknowledged(&answer, &ids)
    }
}

fn transaction(base: &str, payloads: &[&Payload]) -> Vec<u8> {
    let mut bundle = br#"{"resourceType":"Bundle","type":"transaction","entry":["#.to_vec();
    for (index, Payload { id, bytes }) in payloads.iter().enumerate() {
        if index > 0 {
            bundle.push(b',');
        }
        // An id is a UUID and a base is a URL: neither has a character that JSON escapes.
        bundle.extend_from_slice(format!(r#"{{"fullUrl":"{base}/AuditEvent/{id}","resource":"#).as_bytes());
        bundle.extend_from_slice(bytes);
        bundle.extend_from_slice(format!(r#","request":{{"method":"PUT","url":"AuditEvent/{id}"}}}}"#).as_bytes());
    }
    bundle.extend_from_slice(b"]}");
    bundle
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    resource_type: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    entry: Vec<Answered>,
}

#[derive(Deserialize)]
struct Answered {
    response: Said,
}

#[derive(Deserialize)]
struct Said {
    status: String,
    location: Option<String>,
}

/// Compares the answer with what was sent, one by one.
fn acknowledged(answer: &[u8], ids: &[&str]) -> Result<(), Failure> {
    const OTHER: Failure = Failure::Passing(Reason::Answer);
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| OTHER)?;
    if answer.resource_type != "Bundle" || answer.kind != "transaction-response" || answer.entry.len() != ids.len() {
        return Err(OTHER);
    }
    for (Answered { response }, id) in answer.entry.iter().zip(ids) {
        // FHIR R4, Bundle.entry.response.status: begins with the three digits of the code.
        let (code, text) = response.status.split_at_checked(3).ok_or(OTHER)?;
        let code: u16 = code.parse().map_err(|_| OTHER)?;
        if !(text.is_empty() || text.starts_with(' ')) {
            return Err(OTHER);
        }
        if code != 200 && code != 201 {
            return Err(if (200..300).contains(&code) { OTHER } else { of_status(code) });
        }
        let elsewhere = response.location.as_ref().is_some_and(|location| {
            let mut segments = location.split('/').skip_while(|segment| *segment != "AuditEvent");
            segments.nth(1) != Some(*id)
        });
        if elsewhere {
            return Err(OTHER);
        }
    }
    Ok(())
}

/// A server that says 400 or 422 has read it and will not have it, one that says 413 not all at once.
fn of_status(status: u16) -> Failure {
    if [400, 413, 422].contains(&status) { Failure::Refused } else { Failure::Passing(Reason::Status) }
}

/// The error's own text holds the URL, so it goes no further.
fn passing(error: &reqwest::Error) -> Failure {
    Failure::Passing(if error.is_timeout() { Reason::Timeout } else { Reason::Unreachable })
}

async fn body_of(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| passing(&error))? {
        if body.len() + chunk.len() > limits::FORWARD_ANSWER_BYTES {
            return Err(Failure::Passing(Reason::Answer));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(entries: &[&str]) -> Vec<u8> {
        let entries = entries.iter().map(|entry| format!(r#"{{"response":{entry}}}"#)).collect::<Vec<_>>().join(",");
        format!(r#"{{"resourceType":"Bundle","id":"x","type":"transaction-response","entry":[{entries}]}}"#)
            .into_bytes()
    }

    #[test]
    fn an_answer_counts_only_if_it_says_yes_to_each_that_was_sent() {
        let of = |entries: &[&str]| acknowledged(&answer(entries), &["a", "b"]);
        let made = r#"{"status":"201 Created","location":"AuditEvent/a/_history/1","etag":"1"}"#;
        let same = r#"{"status":"200","location":"http://127.0.0.1/fhir/AuditEvent/b/_history/1"}"#;
        assert_eq!(of(&[made, same]), Ok(()));
        assert_eq!(of(&[r#"{"status":"200 OK"}"#, r#"{"status":"201"}"#]), Ok(()));
        let other = Err(Failure::Passing(Reason::Answer));
        assert_eq!(of(&[made]), other);
        assert_eq!(of(&[made, same, same]), other);
        assert_eq!(of(&[same, made]), other);
        assert_eq!(of(&[made, r#"{"status":"202 Accepted"}"#]), other);
        assert_eq!(of(&[made, r#"{"status":"2000"}"#]), other);
        assert_eq!(of(&[made, r#"{"status":"20"}"#]), other);
        assert_eq!(of(&[made, r#"{"location":"AuditEvent/b"}"#]), other);
        assert_eq!(of(&[made, r#"{"status":"201","location":"AuditEvent"}"#]), other);
        assert_eq!(of(&[made, r#"{"status":"422 Unprocessable"}"#]), Err(Failure::Refused));
        assert_eq!(of(&[made, r#"{"status":"503"}"#]), Err(Failure::Passing(Reason::Status)));
    }

    #[test]
    fn what_is_no_answer_to_a_transaction_says_nothing() {
        for (body, ids) in [
            ("", &["a"][..]),
            ("{}", &["a"]),
            (r#"{"resourceType":"OperationOutcome"}"#, &["a"]),
            (r#"{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"200"}}]}"#, &["a"]),
            (r#"{"resourceType":"Bundle","type":"transaction-response"}"#, &["a"]),
            (r#"{"resourceType":"Bundle","type":"transaction-response","entry":[{}]}"#, &["a"]),
            (
                r#"{"resourceType":"Bundle","type":"transaction-response","entry":[{"response":{"status":"200"}}],"entry":[]}"#,
                &["a"],
            ),
        ] {
            assert_eq!(acknowledged(body.as_bytes(), ids), Err(Failure::Passing(Reason::Answer)), "{body}");
        }
    }

    #[test]
    fn a_transaction_puts_each_under_its_own_id() {
        let (one, two) = (
            Payload { id: "a".to_owned(), bytes: br#"{"id":"a"}"#.to_vec() },
            Payload { id: "b".to_owned(), bytes: br#"{"id":"b"}"#.to_vec() },
        );
        let made: serde_json::Value =
            serde_json::from_slice(&transaction("http://127.0.0.1/fhir", &[&one, &two])).unwrap();
        let entry = |id: &str| {
            serde_json::json!({
                "fullUrl": format!("http://127.0.0.1/fhir/AuditEvent/{id}"), "resource": {"id": id},
                "request": {"method": "PUT", "url": format!("AuditEvent/{id}")},
            })
        };
        let expected =
            serde_json::json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry("a"), entry("b")]});
        assert_eq!(made, expected);
    }
}
