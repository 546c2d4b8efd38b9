//! Plan: what a patient decided, and the Consent that says so.

use super::chance::Chance;
use super::part::{privacy, privacy_words};
use super::thing::{Thing, date};

/// What is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing.
    Straight,
    /// Everything.
    Nothing,
    /// What is restricted, and of Observations and prescriptions what tells of HIV.
    Labels,
    /// These types.
    Without(Vec<String>),
    /// All types of a patient's data but these.
    Only(Vec<String>),
    /// The thing of that number.
    Instance(usize),
    /// What is of these days, and what does not tell its time.
    NotOf(Days),
    /// What is not of these days as a whole.
    OnlyOf(Days),
}

/// Days of the month, the last one included; a side without a limit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) from: Option<usize>,
    pub(super) until: Option<usize>,
}

/// The types that tell of HIV to nobody.
pub(super) const SILENCED: [&str; 2] = ["MedicationRequest", "Observation"];

impl Plan {
    /// Returns one that hides something. Where nothing on file is a yes (`opt_out`), a permit of some data leaves the rest to that.
    pub(super) fn any(things: &[Thing], opt_out: bool, chance: &mut Chance) -> Self {
        match chance.below(10) {
            0 => Self::Nothing,
            1 => Self::Instance(1 + chance.below(things.len().saturating_sub(1))),
            2 => Self::NotOf(Days::of(chance)),
            3 if !opt_out => Self::OnlyOf(Days::of(chance)),
            4 => Self::Without(kinds(things, 3, chance)),
            5 if !opt_out => Self::Only(kinds(things, 8, chance)),
            3 => Self::NotOf(Days::of(chance)),
            5 => Self::Without(kinds(things, 3, chance)),
            _ => Self::Labels,
        }
    }

    /// Returns the Consent of the patient of that number, whose record `patient` is. `reference` names a thing.
    pub(super) fn consent(
        &self,
        number: usize,
        patient: &str,
        reference: &dyn Fn(usize) -> Option<String>,
    ) -> Option<String> {
        let class = |kinds: &[String]| {
            let coding = |kind| format!(r#"{{"system":"http://hl7.org/fhir/resource-types","code":"{kind}"}}"#);
            format!(r#""class":[{}]"#, kinds.iter().map(coding).collect::<Vec<_>>().join(","))
        };
        let but = |provisions: &str| format!(r#"{{"type":"permit","provision":[{provisions}]}}"#);
        let label = |system: &str, code: &str| {
            let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
            format!(r#""securityLabel":[{{"system":"{system}","code":"{code}"}}]"#)
        };
        let provision = match self {
            Self::Straight => r#"{"type":"permit"}"#.to_owned(),
            Self::Nothing => r#"{"type":"deny"}"#.to_owned(),
            Self::Labels => {
                let (restricted, hiv) = (label("v3-Confidentiality", "R"), label("v3-ActCode", "HIV"));
                let silenced = class(&SILENCED.map(str::to_owned));
                but(&format!(r#"{{"type":"deny",{restricted}}},{{"type":"deny",{silenced},{hiv}}}"#))
            }
            Self::Without(kinds) => but(&format!(r#"{{"type":"deny",{}}}"#, class(kinds))),
            Self::Only(kinds) => format!(r#"{{"type":"permit",{}}}"#, class(kinds)),
            Self::Instance(thing) => {
                let reference = reference(*thing)?;
                let data = format!(r#""data":[{{"meaning":"instance","reference":{{"reference":"{reference}"}}}}]"#);
                but(&format!(r#"{{"type":"deny",{data}}}"#))
            }
            Self::NotOf(days) => but(&format!(r#"{{"type":"deny",{}}}"#, days.period())),
            Self::OnlyOf(days) => format!(r#"{{"type":"permit",{}}}"#, days.period()),
        };
        let scope =
            r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]}"#;
        let (id, words) = (privacy(number), privacy_words(number));
        Some(format!(
            r#"{{"resourceType":"Consent","id":"{id}","status":"active","scope":{scope},"category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}],"text":"{words}"}}],"patient":{{"reference":"{patient}"}},"dateTime":"2025-03-10","organization":[{{"reference":"Organization/sluis"}}],"policy":[{{"uri":"http://x.example/policy"}}],"provision":{provision}}}"#
        ))
    }
}

impl Days {
    fn of(chance: &mut Chance) -> Self {
        let (one, other) = (chance.below(9), chance.below(9));
        match chance.below(4) {
            0 => Self { from: Some(one), until: None },
            1 => Self { from: None, until: Some(one) },
            _ => Self { from: Some(one.min(other)), until: Some(one.max(other)) },
        }
    }

    fn period(self) -> String {
        let side = |name: &str, day: Option<usize>| day.map(|day| format!(r#""{name}":"{}""#, date(day)));
        let sides: Vec<_> = side("start", self.from).into_iter().chain(side("end", self.until)).collect();
        format!(r#""dataPeriod":{{{}}}"#, sides.join(","))
    }
}

/// Some of the types that a patient has.
fn kinds(things: &[Thing], many: usize, chance: &mut Chance) -> Vec<String> {
    let mut kinds: Vec<String> =
        (0..many).filter_map(|_| chance.one(things).map(|thing| thing.kind.name.clone())).collect();
    kinds.retain(|kind| kind != "Patient");
    kinds.push("Condition".to_owned());
    kinds.sort();
    kinds.dedup();
    kinds
}
