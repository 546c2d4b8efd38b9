//! The demo's stories as questions: who asks about whom, what that caller may see, and every way to ask for it.

use super::ask::Ask;
use super::records;

/// What a caller may see of a patient.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sees {
    /// Everything that its exchange profiles have.
    All,
    /// Nothing, as if the patient were unknown.
    Nothing,
    /// All but this.
    AllBut {
        /// Hidden by a rule.
        hidden: &'static [&'static str],
        /// What refers to that goes without the reference: which resource, and the part of its text that goes.
        linked: &'static [(&'static str, &'static str)],
    },
}

/// One caller and one patient.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Story {
    pub(crate) patient: &'static str,
    pub(crate) who: &'static str,
    pub(crate) emergency: bool,
    pub(crate) sees: Sees,
}

const fn story(patient: &'static str, who: &'static str, sees: Sees) -> Story {
    Story { patient, who, emergency: false, sees }
}

const WITHOUT_PSYCHIATRY: Sees = Sees::AllBut {
    hidden: &[
        "Encounter/carla-encounter-ggz",
        "DocumentReference/carla-document-ggz",
        "Condition/carla-condition-depression",
        "Condition/carla-condition-anxiety",
        "Flag/carla-flag-crisis",
        "MedicationRequest/carla-medicationrequest-sertraline",
        "MedicationRequest/carla-medicationrequest-quetiapine",
        // For the anxiety, which it inherits the label of.
        "MedicationRequest/carla-medicationrequest-propranolol",
        "MedicationDispense/carla-medicationdispense-sertraline",
        "MedicationStatement/carla-medicationstatement-sertraline",
        "Observation/carla-observation-phq9",
        "Observation/carla-observation-lithium",
    ],
    // An admission with depression among its diagnoses.
    linked: &[(
        "Encounter/carla-encounter-both",
        r#",{"condition":{"reference":"Condition/carla-condition-depression"},"rank":2}"#,
    )],
};

pub(crate) const STORIES: &[Story] = &[
    story("anna", "huisarts-brug", Sees::Nothing),
    story("bram", "huisarts-brug", Sees::All),
    story("bram", "huisarts-noord", Sees::Nothing),
    story("carla", "huisarts-brug", Sees::All),
    story("carla", "apotheker", Sees::All),
    story("carla", "huisarts-noord", WITHOUT_PSYCHIATRY),
    story("dirk", "huisarts-noord", Sees::All),
    story("dirk", "internist-oost", Sees::Nothing),
    story("els", "huisarts-brug", Sees::Nothing),
    story("fatima", "seh-arts", Sees::Nothing),
    Story { emergency: true, ..story("fatima", "seh-arts", Sees::All) },
    story("gijs", "huisarts-brug", Sees::All),
    story("gijs", "huisarts-noord", Sees::Nothing),
    story("henk", "huisarts-brug", Sees::Nothing),
];

const SEARCHED: &[&str] = &[
    "AllergyIntolerance",
    "Condition",
    "Consent",
    "Coverage",
    "DeviceUseStatement",
    "DocumentReference",
    "Encounter",
    "Flag",
    "Immunization",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
];

const BSN_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/bsn%7C";

impl Story {
    pub(crate) fn bsn(&self) -> String {
        let patient = &records::each(self.patient)[0];
        patient["identifier"][0]["value"].as_str().unwrap().to_owned()
    }

    fn asking(&self, ask: Ask) -> Ask {
        if self.emergency { Ask { purpose: Some("ETREAT"), reason: Some("Bewusteloos"), ..ask } } else { ask }
    }

    /// Searches for every type, whole and in small pages.
    pub(crate) fn searches(&self) -> Vec<Ask> {
        let Self { patient, who, .. } = self;
        let whole = SEARCHED.iter().map(|kind| Ask::get(who, format!("{kind}?patient={patient}&_count=100")));
        let paged = ["Condition", "MedicationRequest", "Observation"]
            .iter()
            .map(|kind| Ask::get(who, format!("{kind}?patient={patient}&_count=2")));
        whole.chain(paged).map(|ask| self.asking(ask)).collect()
    }

    /// Reads of everything in the patient's record, and of nothing.
    pub(crate) fn reads(&self) -> Vec<Ask> {
        let mut targets = records::references_of(self.patient);
        targets.push("Condition/nothing".to_owned());
        targets.into_iter().map(|target| self.asking(Ask::get(self.who, target))).collect()
    }

    /// Every way to ask, refused ones too.
    pub(crate) fn questions(&self) -> Vec<Ask> {
        let Self { patient, who, .. } = self;
        let bsn = self.bsn();
        let get = |target: String| Ask::get(who, target);
        let ways = [
            get(format!("Patient?_id={patient}")),
            get(format!("Patient?identifier={BSN_SYSTEM}{bsn}")),
            get(format!("Patient?_id={patient}&_include=Patient:general-practitioner")),
            get(format!("Observation?subject=Patient/{patient}&_sort=-date")),
            get(format!("Observation?patient.identifier={BSN_SYSTEM}{bsn}&_count=3")),
            get(format!("Observation?patient={patient}&code=http://loinc.org%7C14334-7,http://loinc.org%7C44261-6")),
            get(format!("Condition?patient={patient}&code=http://snomed.info/sct%7C35489007")),
            get(format!("Condition?patient={patient}&recorded-date=ge2023-01-01&recorded-date=lt2024-01-01")),
            get(format!("Encounter?patient={patient}&date=ge2023-01-01&_sort=date")),
            get(format!("MedicationRequest?patient={patient}&_include=MedicationRequest:medication")),
            get(format!("MedicationRequest?patient={patient}&_include=MedicationRequest:requester&_count=2")),
            get(format!("MedicationRequest?patient={patient}&period-of-use=ge2023-01-01")),
            get(format!("MedicationDispense?patient={patient}&_include=MedicationDispense:prescription")),
            get(format!("Encounter?patient={patient}&_elements=diagnosis,reasonReference,period")),
            get(format!("MedicationRequest?patient={patient}&_summary=true&_include=MedicationRequest:medication")),
            get(format!("Observation?patient={patient}&_summary=data&_count=3")),
            get(format!("Patient/{patient}?_elements=name,link")),
            get(format!("Observation?patient={patient}&_summary=count")),
            get(format!("Condition?patient={patient}&_count=0&recorded-date=ge2023-01-01")),
            get(format!("MedicationRequest?patient={patient}&_count=2&_total=accurate")),
            get(format!("Patient/{patient}/AllergyIntolerance")),
            get(format!("Patient/{patient}/Condition?_count=1")),
            get(format!("Patient/{patient}/$summary")),
            get(format!("Patient/$summary?identifier={BSN_SYSTEM}{bsn}")),
            get(format!("Patient/{patient}/$everything?_count=100")),
            get(format!("Patient/{patient}/$everything?_type=Condition,Practitioner")),
            get(format!("Observation/$lastn?patient={patient}&category=laboratory")),
            get(format!(
                "Observation/$lastn?patient={patient}&category=laboratory&max=3&_include=Observation:performer"
            )),
            Ask::post(who, "Observation/_search", format!("patient={patient}&_count=4")),
            Ask::post(who, "Condition/_search", format!("patient.identifier={BSN_SYSTEM}{bsn}")),
        ];
        let refused = [
            get(format!("Observation?patient={patient}&_page=nothing")),
            get(format!("Observation?patient={patient}&_summary=text")),
            get(format!("Observation?patient={patient}&_has:Observation:patient:code=1")),
            get(format!("Patient/{patient}/$everything?_since=2024-01-01")),
            get("Patient/$everything".to_owned()),
            get(format!("Patient/{patient}/$summary?_count=1")),
            get(format!("Observation/{patient}-observation-lab-1/_history")),
            Ask { purpose: Some("HRESCH"), ..get(format!("Observation?patient={patient}")) },
            Ask { purpose: None, ..get(format!("Observation?patient={patient}")) },
            Ask { method: "DELETE", ..get(format!("Patient/{patient}")) },
        ];
        let mut questions: Vec<Ask> = ways.into_iter().map(|ask| self.asking(ask)).collect();
        questions.extend(refused);
        questions.extend(self.searches());
        questions.extend(self.reads());
        questions
    }
}
