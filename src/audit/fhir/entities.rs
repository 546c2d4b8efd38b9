//! Entities: what it was about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::agents::{jti, token_type};
use super::{About, BALP, coding, put};
use crate::audit::access::{Asked, Facts, Subject};
use crate::query::BSN_SYSTEM;

pub(super) const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
pub(super) const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

impl About<'_> {
    pub(super) fn transaction(&self) -> Option<Value> {
        let request = self.access.facts.request.as_ref()?;
        let kind = json!({"system": format!("{BALP}CodeSystem/BasicAuditEntityType"), "code": "XrequestId"});
        Some(json!({"what": {"identifier": {"value": request}}, "type": kind}))
    }

    /// The person, by this Patient record and the BSN, with what the access rested on besides Consents.
    pub(super) fn person(&self) -> Option<Value> {
        let facts = &self.access.facts;
        let mut person = patient(self.patient?, facts.patient.as_ref());
        let details = details(facts);
        put(&mut person, "detail", (!details.is_empty()).then(|| json!(details)));
        Some(person)
    }

    /// What says who acts behind a system, by its id.
    pub(super) fn token(&self) -> Option<Value> {
        let statement = self.access.facts.who.as_ref()?.statement.as_ref()?;
        Some(json!({"what": {"identifier": {"value": jti(&statement.jti)}}, "type": token_type()}))
    }

    pub(super) fn consents(&self) -> Vec<Value> {
        consents(self.access.facts.authorisation.as_ref().map_or(&[][..], |basis| &basis.consents))
    }

    /// What was asked, as it came.
    pub(super) fn query(&self) -> Option<Value> {
        let asked = self.access.facts.asked.as_ref()?;
        Some(json!({
            "type": coding(ENTITY_TYPE, "2", "System Object"),
            "role": coding(OBJECT_ROLE, "24", "Query"),
            "query": STANDARD.encode(raw(asked)),
        }))
    }
}

pub(super) fn consents(references: &[String]) -> Vec<Value> {
    references.iter().map(|consent| of_type("Consent", consent)).collect()
}

/// A Patient record of the person.
pub(super) fn patient(reference: &str, subject: Option<&Subject>) -> Value {
    person(Some(reference), subject)
}

/// The person, who may be known by BSN alone.
pub(super) fn person(reference: Option<&str>, subject: Option<&Subject>) -> Value {
    let mut what = json!({});
    put(&mut what, "reference", reference.map(|reference| json!(reference)));
    let bsn = subject.and_then(|subject| subject.bsn.as_ref());
    put(&mut what, "identifier", bsn.map(|bsn| json!({"system": BSN_SYSTEM, "value": bsn})));
    json!({
        "what": what, "type": coding(ENTITY_TYPE, "1", "Person"), "role": coding(OBJECT_ROLE, "1", "Patient"),
    })
}

/// A resource.
pub(super) fn resource(reference: &str) -> Value {
    json!({
        "what": {"reference": reference}, "type": coding(ENTITY_TYPE, "2", "System Object"),
        "role": coding(OBJECT_ROLE, "4", "Domain Resource"),
    })
}

fn of_type(kind: &str, reference: &str) -> Value {
    json!({"what": {"reference": reference}, "type": coding("http://hl7.org/fhir/resource-types", kind, kind)})
}

fn details(facts: &Facts) -> Vec<Value> {
    let relation = facts.authorisation.as_ref().and_then(|basis| basis.relation.as_deref());
    let emergency = facts.emergency.as_ref();
    let named = [
        ("treatment-relation", relation),
        ("reason", facts.reason.as_deref()),
        ("review", facts.review.as_deref()),
        ("emergency", emergency.map(|emergency| emergency.id.as_str())),
        ("emergency-since", emergency.map(|emergency| emergency.since.as_str())),
        ("emergency-until", emergency.map(|emergency| emergency.until.as_str())),
    ];
    // FHIR R4, string: at least one character that is no white space.
    let known =
        named.into_iter().filter_map(|(name, value)| Some((name, value.filter(|text| !text.trim().is_empty())?)));
    known.map(|(name, value)| json!({"type": name, "valueString": value})).collect()
}

/// Method and target, and the form of a search by POST, as they were received.
pub(in crate::audit) fn raw(asked: &Asked) -> Vec<u8> {
    let bytes = |text: &str| STANDARD.decode(text).unwrap_or_default();
    let mut raw = asked.method.clone().into_bytes();
    raw.push(b' ');
    raw.extend(bytes(&asked.target));
    if let Some(form) = &asked.form {
        raw.extend_from_slice(b"\r\n\r\n");
        raw.extend(bytes(form));
    }
    raw
}
