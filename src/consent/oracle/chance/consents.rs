//! Random Consents, a few of which cannot be read.

use serde_json::{Value, json};

use super::{Chance, ROLE, SNOMED, SYSTEM, TYPES, URA, UZI};

/// Whom a Consent may name; one is never found.
const ACTORS: [&str; 17] = [
    "Organization/54",
    "Organization/54",
    "Organization/55",
    "Organization/50",
    "Organization/56",
    "Organization/57",
    "Organization/58",
    "Organization/59",
    "Organization/99",
    "Practitioner/5",
    "Practitioner/6",
    "Practitioner/7",
    "PractitionerRole/3",
    "PractitionerRole/4",
    "PractitionerRole/8",
    "Group/2",
    "CareTeam/4",
];

impl Chance {
    pub(super) fn consent(&mut self, id: usize, r5: bool, names: &[String]) -> Value {
        let concept =
            |system: &str, code: &str| json!({"coding": [{"system": format!("{SYSTEM}{system}"), "code": code}]});
        let mut consent = json!({"resourceType": "Consent", "id": id.to_string(), "status": "active"});
        let scope = if self.in_hundred(6) { self.one(&["research", "treatment", "adr"]) } else { "patient-privacy" };
        if self.in_hundred(5) {
            consent["status"] = json!(self.one(&["draft", "inactive", "entered-in-error"]));
        }
        let patient = json!({"reference": if self.in_hundred(3) { "Patient/2" } else { "Patient/1" }});
        let date = self.one(&[
            "2025-06-01",
            "2025-06-01",
            "2025-06",
            "2024-01-01",
            "2026-01-01",
            "2025-06-02",
            "2027-01-01",
            "",
        ]);
        if self.in_hundred(15) {
            consent["identifier"] = json!([{"system": "http://x.example/toestemming", "value": self.one(&["1", "2"])}]);
        }
        if self.in_hundred(4) {
            let verified = [self.in_hundred(50), self.in_hundred(50)];
            consent["verification"] = json!(verified.map(|verified| json!({"verified": verified})));
        }
        let manager = json!([{"reference": self.one(&["Organization/1", "Organization/9", "Organization/77"])}]);
        let is_managed = self.in_hundred(12);
        if r5 {
            consent["category"] = json!([concept("consentscope", scope)]);
            consent["subject"] = patient;
            consent["decision"] = json!(self.one(&["permit", "deny"]));
            if self.in_hundred(15) {
                consent["period"] = self.period();
            }
            if is_managed {
                consent["controller"] = manager;
            }
            if self.in_hundred(85) {
                consent["provision"] = json!(self.some(2, |chance| chance.provision(1, true, names)));
            }
        } else {
            consent["scope"] = concept("consentscope", scope);
            consent["category"] = json!([concept("v3-ActCode", "IDSCL")]);
            consent["patient"] = patient;
            if is_managed {
                consent["organization"] = manager;
            }
            let has_provision = self.in_hundred(93);
            if has_provision {
                consent["provision"] = self.provision(0, false, names);
            }
            if !has_provision || self.in_hundred(25) {
                consent["policyRule"] = concept("v3-ActCode", self.one(&["OPTIN", "OPTOUT"]));
            } else if consent["provision"]["type"].is_null() {
                // What is within a provision that is an exception to nothing has to say itself what it is.
                let nested = consent.pointer_mut("/provision/provision").and_then(Value::as_array_mut);
                for nested in nested.into_iter().flatten() {
                    nested["type"] = json!(self.one(&["permit", "deny"]));
                }
            }
        }
        if !date.is_empty() {
            consent[if r5 { "date" } else { "dateTime" }] = json!(date);
        }
        if self.in_hundred(5) {
            let source = json!({"reference": format!("Consent/{}", self.one(&[1, 2]))});
            consent["sourceReference"] = if r5 { json!([source]) } else { source };
        }
        if self.in_hundred(4) {
            self.spoil(&mut consent, r5);
        }
        consent
    }

    /// Makes a Consent unreadable.
    fn spoil(&mut self, consent: &mut Value, r5: bool) {
        consent.as_object_mut().unwrap().remove("verification");
        consent[if r5 { "subject" } else { "patient" }] = json!({"reference": "Patient/1"});
        if let Some(provision) = consent.pointer_mut(if r5 { "/provision/0" } else { "/provision" }) {
            let (name, value) = self.one(&[
                ("typ", json!("deny")),
                ("type", json!("allow")),
                ("modifierExtension", json!([{"url": "http://x.example/not", "valueBoolean": true}])),
                ("purpose", json!([{"system": format!("{SYSTEM}v3-ActReason"), "code": "CURE"}])),
                ("action", json!([{"coding": [{"system": format!("{SYSTEM}consentaction"), "code": "copy"}]}])),
                ("securityLabel", json!([{"system": format!("{SYSTEM}v3-Confidentiality"), "code": "HIV"}])),
                ("code", json!({"coding": [{"system": SNOMED, "code": "44054006"}]})),
                ("period", json!({"start": "2026-13-01"})),
                ("dataPeriod", json!({"start": "2024-02-30"})),
                ("data", json!([{"meaning": "about", "reference": {"reference": "Observation/1"}}])),
                ("actor", json!([])),
                ("provision", json!([{"typ": "permit"}])),
            ]);
            provision[name] = value;
        } else {
            consent["status"] = json!("in-force");
        }
    }

    fn provision(&mut self, depth: usize, r5: bool, names: &[String]) -> Value {
        let mut provision = json!({});
        let coded = |system: &str, code: &str| json!({"system": format!("{SYSTEM}{system}"), "code": code});
        if !r5 && self.in_hundred(if depth == 0 { 92 } else { 75 }) {
            provision["type"] = json!(self.one(&["permit", "deny"]));
        }
        if self.in_hundred(12) {
            provision["period"] = self.period();
        }
        if self.in_hundred(35) {
            provision["actor"] = json!(self.some(2, Self::actor));
        }
        if self.in_hundred(10) {
            let action = |chance: &mut Self| json!({"coding": [coded("consentaction", chance.one(&["access", "access", "disclose"]))]});
            provision["action"] = json!(self.some(2, action));
        }
        if self.in_hundred(25) {
            let purposes = ["TREAT", "TREAT", "ETREAT", "BTG", "HRESCH", "HPAYMT", "COC"];
            provision["purpose"] = json!(self.some(2, |chance| coded("v3-ActReason", chance.one(&purposes))));
        }
        if self.in_hundred(25) {
            provision["securityLabel"] = json!(self.some(2, Self::label));
        }
        if self.in_hundred(25) {
            let (name, system) = if r5 {
                ("resourceType", "http://hl7.org/fhir/fhir-types")
            } else {
                ("class", "http://hl7.org/fhir/resource-types")
            };
            let kind = |chance: &mut Self| {
                let system = if chance.in_hundred(4) { "http://x.example/class" } else { system };
                json!({"system": system, "code": chance.one(&TYPES)})
            };
            provision[name] = json!(self.some(3, kind));
        }
        if self.in_hundred(12) {
            provision["code"] = json!(self.some(2, |chance| json!({"coding": chance.some(2, Self::coding)})));
        }
        if self.in_hundred(15) {
            provision["dataPeriod"] = self.one(&[
                json!({"start": "2024-01-01", "end": "2024-12-31"}),
                json!({"start": "2024", "end": "2024-06"}),
                json!({"start": "2024-03-04"}),
                json!({"end": "2023"}),
            ]);
        }
        if self.in_hundred(15) {
            provision["data"] = json!(self.some(2, |chance| chance.data(names)));
        }
        if depth < 3 && self.in_hundred(if depth == 0 { 50 } else { 30 }) {
            provision["provision"] = json!(self.some(2, |chance| chance.provision(depth + 1, r5, names)));
        }
        if provision == json!({}) {
            provision["purpose"] = json!([coded("v3-ActReason", "TREAT")]);
        }
        provision
    }

    fn period(&mut self) -> Value {
        self.one(&[
            json!({"start": "2026"}),
            json!({"end": "2025"}),
            json!({"start": "2026-03", "end": "2026-03"}),
            json!({"start": "2026-03-01T12:00:00Z"}),
            json!({"start": "2026-03-01T12:00:01Z"}),
            json!({"end": "2026-03-01T12:00:00Z"}),
            json!({"end": "2026-02"}),
            json!({"start": "2025-01-01", "end": "2026-12-31"}),
        ])
    }

    fn actor(&mut self) -> Value {
        let role = self.one(&["IRCP", "IRCP", "IRCP", "IRCP", "PRCP", "CST"]);
        let reference = match role {
            "CST" => json!({"reference": self.one(&["Organization/1", "Organization/9", "Organization/77"])}),
            _ => match self.below(10) {
                0 => json!({"identifier": {"system": ROLE, "value": self.one(&["01.015", "17.075"])}}),
                1 => json!({"identifier": {"system": URA, "value": self.one(&["00000001", "00000009"])}}),
                2 => json!({"identifier": {"system": UZI, "value": self.one(&["900000001", "900000002"])}}),
                _ => json!({"reference": self.one(&ACTORS)}),
            },
        };
        json!({"role": {"coding": [{"system": format!("{SYSTEM}v3-ParticipationType"), "code": role}]}, "reference": reference})
    }

    fn data(&mut self, names: &[String]) -> Value {
        match self.one(&["instance", "instance", "related", "dependents", "authoredby"]) {
            "authoredby" => {
                let author = self.one(&["Practitioner/5", "Practitioner/6", "Organization/54"]);
                json!({"meaning": "authoredby", "reference": {"reference": author}})
            }
            meaning => {
                let version = if self.in_hundred(10) { "/_history/2" } else { "" };
                json!({"meaning": meaning, "reference": {"reference": format!("{}{version}", self.one(names))}})
            }
        }
    }
}
