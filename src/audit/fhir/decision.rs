//! The decision, an override in an emergency, and what was withheld by it.

use serde_json::{Value, json};

use super::entities::resource;
use super::{About, AuditEvent, BALP, DCM, coding, put};

impl About<'_> {
    /// What was decided: by Consents as BALP has it, and else a plain alert of the same kind. None where nothing was.
    pub(super) fn decision(&self) -> Option<AuditEvent> {
        let ground = self.access.facts.ground.as_deref()?;
        let consents = self.consents();
        let conforms = !consents.is_empty() && self.patient.is_some() && self.ends_are_known();
        let mut event = self.event("decision", conforms.then_some("IHE.BasicAudit.AuthZconsent"));
        let permitted = self.access.permitted;
        let outcome = if permitted { "0" } else { "8" };
        let subtype = match ground {
            "role-not-admitted" | "purpose-not-admitted" | "reason-missing" => {
                ("AuthZ-Role", "Authorization Decision using only Roles")
            }
            _ => ("AuthZ-Consent", "Authorization Decision using Roles and Consent"),
        };
        let subtype = coding(&format!("{BALP}CodeSystem/AuthZsubType"), subtype.0, subtype.1);
        self.alert(&mut event, subtype, outcome, ground);
        // The pattern is closed: nothing but the person, the Consents and the token.
        let transaction = self.transaction().filter(|_| !conforms);
        let entities: Vec<Value> =
            transaction.into_iter().chain(self.person()).chain(consents).chain(self.token()).collect();
        put(&mut event, "entity", (!entities.is_empty()).then(|| json!(entities)));
        Some(AuditEvent(event))
    }

    /// The use of the emergency procedure.
    pub(super) fn override_alert(&self) -> Option<AuditEvent> {
        self.access.facts.emergency.as_ref().filter(|_| self.access.permitted)?;
        let mut event = self.event("emergency", None);
        let ground = self.access.facts.ground.as_deref().unwrap_or("break-glass");
        self.alert(&mut event, coding(DCM, "110127", "Emergency Override Started"), "0", ground);
        let entities: Vec<Value> = self.transaction().into_iter().chain(self.person()).chain(self.consents()).collect();
        put(&mut event, "entity", Some(json!(entities)));
        Some(AuditEvent(event))
    }

    /// What was not shown, each with its ground, and why a request was refused. It is labelled as what it is.
    pub(super) fn withheld(&self) -> Option<AuditEvent> {
        let facts = &self.access.facts;
        if facts.withheld.is_empty() && facts.cause.is_none() {
            return None;
        }
        let mut event = self.event("withheld", None);
        let very_restricted =
            coding("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "V", "very restricted");
        put(&mut event, "meta", Some(json!({"security": [very_restricted]})));
        let subtype = coding(
            &format!("{BALP}CodeSystem/AuthZsubType"),
            "AuthZ-Consent",
            "Authorization Decision using Roles and Consent",
        );
        self.alert(&mut event, subtype, "8", facts.cause.as_deref().unwrap_or("withheld"));
        let hidden = facts.withheld.iter().flat_map(|(ground, references)| {
            references.iter().map(move |reference| {
                let mut hidden = resource(reference);
                put(&mut hidden, "detail", Some(json!([{"type": "withheld", "valueString": ground}])));
                hidden
            })
        });
        let entities: Vec<Value> =
            self.transaction().into_iter().chain(self.query()).chain(self.person()).chain(hidden).collect();
        put(&mut event, "entity", Some(json!(entities)));
        Some(AuditEvent(event))
    }

    fn alert(&self, event: &mut Value, subtype: Value, outcome: &str, why: &str) {
        put(event, "type", Some(coding(DCM, "110113", "Security Alert")));
        put(event, "subtype", Some(json!([subtype])));
        put(event, "action", Some(json!("E")));
        put(event, "outcome", Some(json!(outcome)));
        put(event, "outcomeDesc", Some(json!(why)));
        put(event, "purposeOfEvent", self.purpose());
        put(event, "agent", Some(json!(self.authorisation())));
    }
}
