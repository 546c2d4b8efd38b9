//! Random cases: callers, Consents and resources that nearly always have something to do with one another.

mod consents;
mod people;
mod resources;

use serde_json::{Value, json};

const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/";
const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";
const UZI: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers";
const AGB: &str = "http://fhir.nl/fhir/NamingSystem/agb-z";
const ROLE: &str = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode";
const LOINC: &str = "http://loinc.org";
const ATC: &str = "http://www.whocc.no/atc";
const SNOMED: &str = "http://snomed.info/sct";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10";
const TYPES: [&str; 6] = ["Observation", "Condition", "MedicationRequest", "Encounter", "Coverage", "Immunization"];

/// How many resources a case has: each is judged by all of its Consents.
const RESOURCES: usize = 16;

/// What cases are about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) types: &'static [&'static str],
    pub(super) purposes: &'static [&'static str],
    pub(super) policies: &'static [&'static str],
}

impl Scope {
    pub(super) const ANYTHING: Self = Self {
        types: &TYPES,
        purposes: &["TREAT", "TREAT", "TREAT", "TREAT", "COC", "ETREAT", "ERTREAT", "HRESCH", "CLINTRCH", "HPAYMT"],
        policies: &["wabvpz", "ehds"],
    };
    /// Types without a code and a time, in an emergency, where nothing on file is a yes: few of all cases, and those in which
    /// least is known of a resource.
    pub(super) const UNTOLD: Self = Self {
        types: &["Coverage", "Coverage", "Coverage", "Encounter", "Observation"],
        purposes: &["ETREAT"],
        policies: &["ehds"],
    };
}

/// A repeatable run of chance (xorshift).
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        // The state may not be zero, and near seeds should differ from the first case on.
        let mut chance = Self((seed ^ 0x9E37_79B9_7F4A_7C15).max(1));
        (0..8).for_each(|_| {
            chance.below(2);
        });
        chance
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let end = u64::try_from(end).unwrap();
        usize::try_from((self.0 >> 11) % end).unwrap()
    }

    /// True in so many of a hundred.
    fn in_hundred(&mut self, many: usize) -> bool {
        self.below(100) < many
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let many = 1 + self.below(most);
        (0..many).map(|_| make(self)).collect()
    }

    pub(super) fn case(&mut self, scope: Scope) -> Value {
        let r5 = self.in_hundred(30);
        let kinds: Vec<_> = (0..RESOURCES).map(|_| self.one(scope.types)).collect();
        let names: Vec<_> = kinds.iter().zip(1..).map(|(kind, id)| format!("{kind}/{id}")).collect();
        let resources: Vec<_> = names.iter().map(|name| self.resource(name, &names)).collect();
        let consents = match self.below(12) {
            0 => vec![],
            1..=6 => vec![self.consent(1, r5, &names)],
            7..=9 => vec![self.consent(1, r5, &names), self.consent(2, r5, &names)],
            _ => (1..=4).map(|id| self.consent(id, r5, &names)).collect(),
        };
        let purpose = self.one(scope.purposes);
        let mut case = json!({
            "now": "2026-03-01T12:00:00Z", "purpose": purpose, "caller": self.caller(), "patient": ["Patient/1"],
            "holder": {"ura": "00000002", "references": ["Organization/1"]},
            "policy": self.one(scope.policies),
            "unlabelled": self.one(&["restricted", "restricted", "normal"]),
            "combining": self.one(&["deny-overrides", "deny-overrides", "newest-wins", "most-specific"]),
            "fhir_version": if r5 { "5.0" } else { self.one(&["4.0", "4.3"]) },
            "consents": consents, "referenced": self.referenced(), "resources": resources,
        });
        if self.in_hundred(95) {
            case["reason"] = json!("spoed");
        }
        if self.in_hundred(5) {
            case["action"] = json!("disclose");
        }
        case
    }
}
