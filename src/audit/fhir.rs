//! AuditEvents: what a journal tells, in the resource of FHIR R4 that others read.
//!
//! A request makes several, each for every Patient record of the person it is about: the interaction, the decision, where
//! data left the organisation the disclosure, and where the glass was broken an alert. They follow the patterns of IHE BALP
//! and claim a profile (`meta.profile`) only where every element that it asks for is on record: a refusal follows the
//! pattern and claims none, as does a decision without any Consent.
//!
//! | NEN 7513:2018 | AuditEvent |
//! | --- | --- |
//! | 7.2 event code, action, time, nature, result | `type`, `action`, `recorded` and `period`, `subtype`, `outcome` |
//! | 7.3.1 to 7.3.5 user, name, role, initiator | `agent` IRCP: `who`, `name`, `role`, `requestor` |
//! | 7.3.1 user behind a system | the same, by a statement: `agent` UserOauthAgent and, of the decision, `entity` by its id |
//! | 7.3.6 responsible | `agent` PROV: the organisation |
//! | 7.3.10 access point | `agent.network` of the client |
//! | 7.4.1, 7.4.3 patient | `entity` 1: `what`, by reference and BSN |
//! | 7.4.6 authorisation protocol | `agent.policy` of the user |
//! | 7.4.7 treatment relation | `entity` 1: `detail` |
//! | 7.4.8 consent | `entity` of type Consent |
//! | 7.4.12 query | `entity` 24: `query` |
//! | emergency | `purposeOfUse`, `entity` 1: `detail`, an alert of its own |
//! | 7.5.1, 7.5.2 source | `source` |
//!
//! None tells what was withheld: a read that was refused names no resource, and nobody learns from an AuditEvent why. What
//! was withheld stands in one more AuditEvent that is made only for [`Part::Protected`].

mod agents;
mod decision;
mod entities;
mod id;
mod patient;
mod request;
mod security;

use std::fmt;

use serde_json::{Value, json};

use super::access::{Access, Source, Told};
pub(super) use entities::raw;
pub use patient::patient_event;

/// Who may read what is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Whoever may read AuditEvents.
    Open,
    /// Whoever may read the journal: what was withheld is in it too.
    Protected,
}

/// An AuditEvent of FHIR R4.
#[derive(Clone, PartialEq)]
pub struct AuditEvent(Value);

impl AuditEvent {
    /// Returns its id, which is the same each time that it is made of the same record.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the resource.
    #[must_use]
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// Returns the resource as JSON, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Debug for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditEvent(…)")
    }
}

/// Makes the AuditEvents of what a journal tells; the same ones, under the same ids, each time. A request that is under way
/// makes none: how it ends is not known. Nor does what only concerns the files of the journal.
#[must_use]
pub fn audit_events(told: &Told, part: Part) -> Vec<AuditEvent> {
    match told {
        Told::Access(access) if access.facts.outcome.is_none() => Vec::new(),
        Told::Access(access) => subjects(access)
            .into_iter()
            .enumerate()
            .flat_map(|(index, patient)| About { access, index, patient }.events(part))
            .collect(),
        Told::Occurrence(occurrence) => security::of(occurrence).into_iter().collect(),
    }
}

/// Returns each Patient record of the person, or one of nobody.
fn subjects(access: &Access) -> Vec<Option<&str>> {
    let references = access.facts.patient.as_ref().map_or(&[][..], |patient| &patient.references);
    if references.is_empty() { vec![None] } else { references.iter().map(|one| Some(one.as_str())).collect() }
}

/// A request, as far as it is about one Patient record.
struct About<'a> {
    access: &'a Access,
    index: usize,
    patient: Option<&'a str>,
}

impl About<'_> {
    fn events(&self, part: Part) -> Vec<AuditEvent> {
        let protected = match part {
            Part::Open => None,
            Part::Protected => self.withheld(),
        };
        let made = [Some(self.interaction()), self.decision(), self.override_alert(), self.disclosure(), protected];
        made.into_iter().flatten().collect()
    }

    /// Returns what is the same in all of them, to be added to.
    fn event(&self, label: &str, profile: Option<&str>) -> Value {
        let facts = &self.access.facts;
        let mut event = json!({
            "resourceType": "AuditEvent",
            "id": id::of(self.access.hash, label, self.index),
            "source": source(facts.source.as_ref()),
        });
        put(&mut event, "recorded", recorded(self.access));
        put(&mut event, "period", period(self.access));
        put(&mut event, "meta", profile.map(|name| json!({"profile": [format!("{BALP}StructureDefinition/{name}")]})));
        event
    }
}

const BALP: &str = "https://profiles.ihe.net/ITI/BALP/";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const RESTFUL: &str = "http://hl7.org/fhir/restful-interaction";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({"system": system, "code": code, "display": display})
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

/// Who recorded it: the holder. A source that is not on record is only named.
fn observer(source: Option<&Source>) -> Value {
    match source {
        Some(source) => json!({"identifier": {"system": URA, "value": source.holder}}),
        None => json!({"display": "sluis"}),
    }
}

fn source(source: Option<&Source>) -> Value {
    let mut made = json!({
        "observer": observer(source),
        "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
    });
    let site = source.and_then(|source| source.base.as_ref().or(source.upstream.as_ref()));
    put(&mut made, "site", site.map(|site| json!(site)));
    made
}

/// A time outside the years of RFC 3339 is on no record; the first moment stands for it, since FHIR asks for one.
fn recorded(access: &Access) -> Option<Value> {
    Some(json!(access.facts.time.as_deref().unwrap_or("1970-01-01T00:00:00Z")))
}

/// How a request ended, as an outcome of AuditEvents; not why.
fn outcome(code: &str) -> &'static str {
    match code {
        "delivered" => "0",
        "refused" => "4",
        _ => "8",
    }
}

fn period(access: &Access) -> Option<Value> {
    use time::format_description::well_known::Rfc3339;
    let text = |at: time::OffsetDateTime| at.format(&Rfc3339).ok();
    Some(json!({"start": text(access.intended?)?, "end": text(access.time?)?}))
}

#[cfg(test)]
mod tests;
