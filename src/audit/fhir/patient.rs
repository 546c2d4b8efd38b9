//! What a patient may see of an access, as one AuditEvent: what a line of the access log says, and nothing else.
//!
//! It names the organisation and the role, no person; the kinds of data, no resource; and the patient by BSN, not by the ids
//! of a server. The Consents that an access rested on are the patient's own and are named.

use serde_json::{Value, json};

use super::entities::{ENTITY_TYPE, OBJECT_ROLE, consents};
use super::{ACT_REASON, AuditEvent, EVENT_TYPE, RESTFUL, URA, coding, id, observer, outcome, period, put, recorded};
use crate::audit::access::Access;
use crate::audit::access_log::Looked;
use crate::query::BSN_SYSTEM;

/// Makes the AuditEvent that the patient of an access may see. None of one that is under way: how it ends is not known.
#[must_use]
pub fn patient_event(access: &Access) -> Option<AuditEvent> {
    let facts = &access.facts;
    let (code, looked) = (facts.outcome.as_deref()?, Looked::of(access)?);
    let mut event = json!({
        "resourceType": "AuditEvent",
        "id": id::of(access.hash, "patient", 0),
        "type": coding(EVENT_TYPE, "rest", "RESTful Operation"),
        "action": facts.action.as_deref().unwrap_or("E"),
        "outcome": outcome(code),
        "agent": agents(&looked),
        "source": {"observer": observer(facts.source.as_ref())},
        "entity": entities(access, &looked),
    });
    let interaction = facts.interaction.as_deref().map(|code| json!([coding(RESTFUL, code, code)]));
    put(&mut event, "subtype", interaction);
    put(&mut event, "period", period(access));
    put(&mut event, "recorded", recorded(access));
    put(&mut event, "purposeOfEvent", purpose(&looked));
    Some(AuditEvent(event))
}

fn purpose(looked: &Looked) -> Option<Value> {
    let code = looked.purpose.as_deref()?;
    Some(json!([{"coding": [{"system": ACT_REASON, "code": code}]}]))
}

fn agents(looked: &Looked) -> Value {
    let recipient =
        coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient");
    let mut user = json!({"type": {"coding": [recipient]}, "requestor": true});
    let role = looked.role.as_deref();
    let role = role
        .map(|code| json!([{"coding": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "code": code}]}]));
    put(&mut user, "role", role);
    put(&mut user, "policy", looked.policy.as_deref().map(|name| json!([format!("urn:sluis:policy:{name}")])));
    put(&mut user, "purposeOfUse", purpose(looked));
    let provider = coding("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV", "healthcare provider");
    let mut organisation = json!({"identifier": {"system": URA, "value": looked.ura}});
    put(&mut organisation, "display", looked.organisation.as_ref().map(|name| json!(name)));
    json!([user, {"type": {"coding": [provider]}, "who": organisation, "requestor": false}])
}

fn entities(access: &Access, looked: &Looked) -> Value {
    let detail = |(name, value): (&str, &str)| json!({"type": name, "valueString": value});
    let emergency = if looked.emergency { "true" } else { "false" };
    let ground = looked.ground.as_deref().map(|ground| ("ground", ground));
    let details = ground.into_iter().chain([("shown", looked.shown.code()), ("emergency", emergency)]);
    let mut person = json!({
        "type": coding(ENTITY_TYPE, "1", "Person"),
        "role": coding(OBJECT_ROLE, "1", "Patient"),
        "detail": details.map(detail).collect::<Vec<_>>(),
    });
    let bsn = access.patient().and_then(|patient| patient.bsn.as_deref());
    put(&mut person, "what", bsn.map(|bsn| json!({"identifier": {"system": BSN_SYSTEM, "value": bsn}})));
    let kinds = looked.kinds.iter().map(|kind| {
        json!({
            "type": coding(ENTITY_TYPE, "2", "System Object"),
            "role": coding(OBJECT_ROLE, "4", "Domain Resource"),
            "name": kind,
        })
    });
    std::iter::once(person).chain(kinds).chain(consents(&looked.consents)).collect::<Vec<_>>().into()
}
