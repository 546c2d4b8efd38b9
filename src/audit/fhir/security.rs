//! What is no request of a known caller: the gateway's own life, and who was turned away at the door.

use serde_json::{Value, json};

use super::agents::network;
use super::entities::{patient, person};
use super::{AuditEvent, DCM, coding, id, observer, put, source};
use crate::audit::access::{Facts, Occurrence};

/// An event of DICOM's vocabulary, and whether it is one that should not be.
struct Code {
    kind: (&'static str, &'static str),
    subtype: Option<(&'static str, &'static str)>,
    outcome: &'static str,
}

const APPLICATION: (&str, &str) = ("110100", "Application Activity");
const ALERT: (&str, &str) = ("110113", "Security Alert");
const LOG_USED: (&str, &str) = ("110101", "Audit Log Used");

/// Returns none for what only concerns the files of the journal.
fn code(facts: &Facts) -> Option<Code> {
    let of = |kind, subtype, outcome| Some(Code { kind, subtype, outcome });
    let broken = facts.state.as_deref() == Some("broken");
    match facts.event.as_deref()? {
        "start" => of(APPLICATION, Some(("110120", "Application Start")), "0"),
        "stop" => of(APPLICATION, Some(("110121", "Application Stop")), "0"),
        "handshake-failed" | "identity-refused" => of(ALERT, Some(("110126", "Node Authentication")), "4"),
        "trust" | "configuration" => {
            of(ALERT, Some(("110129", "Security Configuration")), if broken { "8" } else { "0" })
        }
        "recovered" => of(ALERT, Some(("110134", "Audit Recording Started")), "4"),
        "dropped" => of(ALERT, Some(("110133", "Audit Recording Stopped")), "4"),
        "turned-away" => of(ALERT, None, "8"),
        "explained" => of(ALERT, Some(("110132", "Use of Restricted Function")), "0"),
        "reviewed" | "read" | "log-shown" => of(LOG_USED, None, "0"),
        "log-refused" => of(LOG_USED, None, "4"),
        "removed" => of(ALERT, Some(("110129", "Security Configuration")), "0"),
        "segment" | "checkpoint" => None,
        // Of a younger gateway than this program: it is told by its name.
        _ => of(ALERT, None, "0"),
    }
}

pub(super) fn of(occurrence: &Occurrence) -> Option<AuditEvent> {
    let facts = &occurrence.facts;
    let Code { kind, subtype, outcome } = code(facts)?;
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": id::of(occurrence.hash, "event", 0),
        "type": coding(DCM, kind.0, kind.1),
        "action": "E",
        "recorded": facts.time.as_deref().unwrap_or("1970-01-01T00:00:00Z"),
        "outcome": outcome,
        "outcomeDesc": told(facts),
        "agent": [agent(facts)],
        "source": source(facts.source.as_ref()),
    });
    put(&mut event, "subtype", subtype.map(|(code, display)| json!([coding(DCM, code, display)])));
    let references = facts.patient.as_ref().map_or(&[][..], |patient| &patient.references);
    let subject = facts.patient.as_ref();
    let mut people: Vec<Value> = references.iter().map(|reference| patient(reference, subject)).collect();
    // A portal knows a patient by BSN alone.
    if people.is_empty() && subject.is_some_and(|subject| subject.bsn.is_some()) {
        people.push(person(None, subject));
    }
    put(&mut event, "entity", (!people.is_empty()).then(|| json!(people)));
    Some(AuditEvent(event))
}

/// The event by our own name for it, with the codes of why and how often.
fn told(facts: &Facts) -> String {
    let count = facts.count.map(|count| count.to_string());
    let words = facts.event.iter().chain(&facts.command).chain(&facts.reasons).chain(&facts.state).chain(&count);
    words.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Whoever brought it about: a portal, somebody at an address, a user of this machine, or the gateway itself.
fn agent(facts: &Facts) -> Value {
    let named = facts.by.as_ref().map(|name| json!(name));
    match (&facts.address, &facts.user) {
        (Some(address), _) if facts.by.is_some() => {
            json!({"who": {"display": facts.by}, "requestor": true, "network": network(address)})
        }
        (Some(address), _) => json!({"who": {"display": "unproven"}, "requestor": true, "network": network(address)}),
        (None, Some(user)) => {
            let mut agent = json!({"altId": user, "requestor": true});
            put(&mut agent, "name", named);
            agent
        }
        (None, None) => {
            let application = coding(DCM, "110150", "Application");
            json!({
                "type": {"coding": [application]}, "who": observer(facts.source.as_ref()), "requestor": false,
            })
        }
    }
}
