//! The interaction itself, and what left by it.

use serde_json::{Value, json};

use super::agents::Flow;
use super::entities::resource;
use super::{About, AuditEvent, BALP, DCM, EVENT_TYPE, RESTFUL, coding, put};

/// The pattern of a request that a token is used for, mixed into that of the request. The comprehensive one allows the user
/// one policy alone, and theirs here are several.
const TOKEN_USE: &str = "IHE.BasicAudit.OAUTHaccessTokenUse.Minimal";

/// What BALP makes of an interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Read,
    Query,
    /// An operation, the capabilities, or what was not understood: no profile is for it.
    Other,
}

impl About<'_> {
    pub(super) fn interaction(&self) -> AuditEvent {
        let facts = &self.access.facts;
        let pattern = match facts.interaction.as_deref() {
            Some("read" | "vread") => Pattern::Read,
            Some("search" | "search-type" | "search-system") => Pattern::Query,
            Some(_) | None => Pattern::Other,
        };
        let succeeded = facts.outcome.as_deref() == Some("delivered");
        let read = match (pattern, succeeded, facts.released.as_deref()) {
            (Pattern::Read, true, Some([read])) => Some(read),
            _ => None,
        };
        let profile = match pattern {
            Pattern::Read => read.map(|_| "IHE.BasicAudit.PatientRead"),
            Pattern::Query => succeeded.then_some("IHE.BasicAudit.PatientQuery").filter(|_| self.asked_in_full()),
            Pattern::Other => None,
        };
        let profile = profile.filter(|_| self.patient.is_some() && self.ends_are_known());
        let mut event = self.event("interaction", profile);
        if let Some(profile) = profile.filter(|_| self.used_a_token()) {
            let both = [profile, TOKEN_USE].map(|name| format!("{BALP}StructureDefinition/{name}"));
            put(&mut event, "meta", Some(json!({ "profile": both })));
        }
        put(&mut event, "type", Some(coding(EVENT_TYPE, "rest", "RESTful Operation")));
        put(&mut event, "subtype", self.subtype().map(|subtype| json!([subtype])));
        put(&mut event, "action", Some(json!(facts.action.as_deref().unwrap_or("E"))));
        self.ended(&mut event);
        let flow = if pattern == Pattern::Read { Flow::Answer } else { Flow::Question };
        put(&mut event, "agent", Some(json!(self.ends(flow))));
        // What was asked by a read is the resource: it is named where it was shown, and nowhere else.
        let object = if pattern == Pattern::Read { read.map(|read| resource(read)) } else { self.query() };
        self.entities(&mut event, object.into_iter().collect());
        AuditEvent(event)
    }

    /// What left the organisation. Where the end of an answer is not on record, neither is what left of it.
    pub(super) fn disclosure(&self) -> Option<AuditEvent> {
        let facts = &self.access.facts;
        let released = self.access.released();
        let left = released.is_none_or(|released| !released.is_empty()) || self.access.counted().is_some();
        let stays = facts.who.as_ref().map(|who| &who.ura) == facts.source.as_ref().map(|source| &source.holder);
        if !left || stays {
            return None;
        }
        let known = released.filter(|_| self.patient.is_some() && self.ends_are_known());
        let mut event = self.event("disclosure", known.map(|_| "IHE.BasicAudit.PrivacyDisclosure.Source"));
        put(&mut event, "type", Some(coding(DCM, "110106", "Export")));
        let disclose = coding(
            "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle",
            "disclose",
            "Disclose Record Lifecycle Event",
        );
        put(
            &mut event,
            "subtype",
            Some(json!([Some(disclose), self.subtype()].into_iter().flatten().collect::<Vec<_>>())),
        );
        put(&mut event, "action", Some(json!("R")));
        put(&mut event, "purposeOfEvent", self.purpose());
        self.ended(&mut event);
        let mut agents = self.ends(Flow::Answer);
        agents.push(self.custodian());
        put(&mut event, "agent", Some(json!(agents)));
        self.entities(&mut event, released.unwrap_or_default().iter().map(|one| resource(one)).collect());
        Some(AuditEvent(event))
    }

    /// Adds how the request ended; not why, which is for whoever may read the journal.
    fn ended(&self, event: &mut Value) {
        let outcome = self.access.facts.outcome.as_deref().unwrap_or_default();
        put(event, "outcome", Some(json!(super::outcome(outcome))));
        put(event, "outcomeDesc", Some(json!(outcome)));
    }

    fn entities(&self, event: &mut Value, objects: Vec<Value>) {
        let mut entities: Vec<Value> = self.transaction().into_iter().collect();
        entities.extend(objects);
        entities.extend(self.person());
        entities.extend(self.consents());
        put(event, "entity", (!entities.is_empty()).then(|| json!(entities)));
    }

    fn subtype(&self) -> Option<Value> {
        let facts = &self.access.facts;
        let code = facts.interaction.as_deref()?;
        Some(json!({"system": RESTFUL, "code": code, "display": code}))
    }

    fn asked_in_full(&self) -> bool {
        let asked = self.access.facts.asked.as_ref();
        asked.is_some_and(|asked| asked.target_bytes.is_none() && asked.form_bytes.is_none())
    }
}
