//! Request: what is asked of a gateway about one patient, so that every way to a resource is tried.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::client::Question;
use crate::record::Record;
use crate::story::Story;

/// The system of the BSN.
const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";

/// Token parameters, and where in a record of that type their codes stand.
const TOKENS: &[(&str, &str, &str)] = &[
    ("AllergyIntolerance", "code", "/code/coding/0"),
    ("AllergyIntolerance", "clinical-status", "/clinicalStatus/coding/0"),
    ("Condition", "code", "/code/coding/0"),
    ("Condition", "category", "/category/0/coding/0"),
    ("DocumentReference", "type", "/type/coding/0"),
    ("DocumentReference", "status", "/status"),
    ("Encounter", "class", "/class"),
    ("Encounter", "status", "/status"),
    ("Flag", "category", "/category/0/coding/0"),
    ("Immunization", "vaccine-code", "/vaccineCode/coding/0"),
    ("MedicationDispense", "category", "/category/coding/0"),
    ("MedicationDispense", "code", "/medicationCodeableConcept/coding/0"),
    ("MedicationRequest", "code", "/medicationCodeableConcept/coding/0"),
    ("MedicationRequest", "category", "/category/0/coding/0"),
    ("MedicationRequest", "identifier", "/identifier/0"),
    ("MedicationRequest", "status", "/status"),
    ("MedicationStatement", "code", "/medicationCodeableConcept/coding/0"),
    ("Observation", "code", "/code/coding/0"),
    ("Observation", "category", "/category/0/coding/0"),
    ("Procedure", "code", "/code/coding/0"),
];

/// Date parameters and sorting.
const RANGES: &[(&str, &str)] = &[
    ("Condition", "recorded-date=ge2023-01-01"),
    ("Condition", "recorded-date=ge2023-01-01&recorded-date=lt2024-01-01"),
    ("Condition", "_sort=-recorded-date"),
    ("Encounter", "date=ge2023-01-01&date=lt2024-01-01"),
    ("Encounter", "_sort=date"),
    ("MedicationRequest", "authoredon=ge2023-01-01"),
    ("MedicationRequest", "_sort=-authoredon"),
    ("MedicationRequest", "period-of-use=ge2023-01-01"),
    ("Observation", "date=ge2023-01-01"),
    ("Observation", "_sort=-date"),
];

/// Includes: the type that is searched for, the parameter.
const INCLUDES: &[(&str, &str)] = &[
    ("MedicationRequest", "medication"),
    ("MedicationRequest", "requester"),
    ("MedicationRequest", "patient"),
    ("MedicationDispense", "prescription"),
    ("MedicationDispense", "performer"),
    ("Observation", "performer"),
    ("Condition", "asserter"),
    ("Encounter", "location"),
    ("Encounter", "practitioner"),
    ("DocumentReference", "author"),
    ("DeviceUseStatement", "device"),
    ("Patient", "general-practitioner"),
];

/// How much of each resource is wanted: the type that is searched for, the parameters.
const SHAPES: &[(&str, &str)] = &[
    ("Observation", "_summary=true"),
    ("Observation", "_summary=data&_count=2"),
    ("Observation", "_elements=code,value,derivedFrom,hasMember"),
    ("Encounter", "_elements=diagnosis,reasonReference"),
    ("Condition", "_summary=true"),
    ("MedicationRequest", "_elements=reasonReference&_include=MedicationRequest:medication"),
    ("Patient", "_elements=name,link"),
    ("Observation", "_summary=count"),
    ("Encounter", "_count=0"),
    ("Condition", "_count=2&_total=accurate"),
];

/// Parts of a query that no profile admits, or that stand for a question nobody may ask.
const REFUSED: &[&str] = &[
    "foo=bar",
    "code:in=http://example.org/set",
    "_has:Observation:patient:code=1",
    "subject.name=Smit",
    "patient.name=Smit",
    "_include=*",
    "_include:iterate=MedicationRequest:medication",
    "_revinclude=Provenance:target",
    "_filter=code%20eq%201",
    "_summary=text",
    "_total=estimate",
    "_format=xml",
    "_contained=true",
    "_text=a",
    "_content=a",
    "_lastUpdated=gt2020-01-01",
    "_sort=code",
    "_count=-1",
    "_count=a",
    "_page=AAAA",
    "_page=",
    "encounter=Encounter/1",
    "_getpages=1",
    "_query=everything",
    "_security=R",
];

/// Targets below the base that are refused whatever is on file.
const REFUSED_TARGETS: &[&str] = &[
    "",
    "/",
    "/Observation",
    "/Patient",
    "/Patient/$everything",
    "/Practitioner",
    "/Practitioner/psychiater",
    "/Medication/sertraline",
    "/Medication?_id=sertraline",
    "/Basic?patient=x",
    "/_history",
    "/Observation/_history",
    "/$export",
    "/AuditEvent",
    "/Observation/a%2Fb",
    "/Patient/a/Observation/_history",
    "/?_type=Observation",
];

/// What is asked about one patient.
#[derive(Debug)]
pub struct Requests<'a> {
    story: &'a Story,
    records: Vec<&'a Record>,
    base: &'a str,
    bsn: String,
    made: Vec<Question>,
}

/// Returns what a story's caller asks about its patient: by every id, type, parameter and way there is. `base` is the path
/// of the gateway's base. Page links are for the asker to follow.
#[must_use]
pub fn about(story: &Story, records: &[Record], base: &str) -> Vec<Question> {
    let records: Vec<&Record> = story.own(records).collect();
    let own = records.iter().find(|record| record.reference() == format!("Patient/{}", story.patient));
    let bsn = own.map(|patient| patient.value()).and_then(|patient| {
        let identifiers = patient.get("identifier")?.as_array()?.clone();
        let bsn = identifiers.into_iter().find(|one| one.get("system").and_then(Value::as_str) == Some(BSN))?;
        bsn.get("value").and_then(Value::as_str).map(str::to_owned)
    });
    let mut requests = Requests { story, records, base, bsn: bsn.unwrap_or_default(), made: Vec::new() };
    requests.reads();
    requests.types();
    requests.parameters();
    requests.pages();
    requests.includes();
    requests.shapes();
    requests.refused();
    requests.made
}

impl Requests<'_> {
    fn get(&mut self, target: &str) {
        let question = Question::get(&format!("{}{target}", self.base));
        self.made.push(self.story.asks(question));
    }

    fn post(&mut self, target: &str, form: &str) {
        let question = Question::post(&format!("{}{target}", self.base), form);
        self.made.push(self.story.asks(question));
    }

    fn search(&mut self, kind: &str, rest: &str) {
        let name = if kind == "Patient" { "_id" } else { "patient" };
        self.get(&format!("/{kind}?{name}={}&{rest}", self.story.patient));
    }

    fn has(&self, kind: &str) -> bool {
        self.records.iter().any(|record| record.resource_type() == kind)
    }

    /// Every resource of the patient, by id; and ids that were never used.
    fn reads(&mut self) {
        let references: Vec<String> = self.records.iter().map(|record| record.reference().to_owned()).collect();
        for reference in references {
            self.get(&format!("/{reference}"));
        }
        for kind in ["Patient", "Condition", "Observation", "MedicationRequest", "Encounter", "Flag", "Device"] {
            self.get(&format!("/{kind}/never-used-1"));
        }
    }

    /// Every type: by id, by BSN, by POST, in the compartment.
    fn types(&mut self) {
        let (patient, bsn) = (self.story.patient.clone(), self.bsn.clone());
        for (nth, kind) in self.story.kinds().to_vec().iter().enumerate().filter(|(_, kind)| *kind != "Patient") {
            self.get(&format!("/{kind}?patient={patient}"));
            self.get(&format!("/{kind}?patient=Patient/{patient}"));
            if nth % 2 == 0 || self.has(kind) {
                self.get(&format!("/Patient/{patient}/{kind}"));
                self.post(&format!("/{kind}/_search"), &format!("patient={patient}"));
                self.get(&format!("/{kind}?patient.identifier={BSN}%7C{bsn}"));
            }
        }
        self.get(&format!("/Patient?_id={patient}"));
        self.get(&format!("/Patient?identifier={BSN}%7C{bsn}"));
        self.post("/Patient/_search", &format!("identifier={BSN}%7C{bsn}"));
        self.get(&format!("/Patient?identifier={BSN}%7C999990019"));
        self.get("/Patient?_id=never-used-1");
        self.get("/Observation?patient=never-used-1");
        self.get(&format!("/Observation?patient.identifier={BSN}%7C999990019"));
    }

    /// Codes that stand in the records, hidden ones too; date ranges and sorting.
    fn parameters(&mut self) {
        for &(kind, name, pointer) in TOKENS {
            let mut values = BTreeSet::new();
            for record in self.records.iter().filter(|record| record.resource_type() == kind) {
                values.extend(record.value().pointer(pointer).and_then(token));
            }
            for value in values {
                self.search(kind, &format!("{name}={value}"));
            }
        }
        for &(kind, rest) in RANGES {
            self.search(kind, rest);
        }
    }

    fn pages(&mut self) {
        for kind in ["Condition", "MedicationRequest", "Observation", "Encounter"] {
            for count in 1..=3 {
                self.search(kind, &format!("_count={count}"));
            }
        }
        let form = format!("patient={}&_count=2", self.story.patient);
        self.post("/Observation/_search", &form);
        self.search("Immunization", "date=lt2020-01-01&_count=50");
        self.search("Observation", "_count=2&_sort=-date");
        self.search("MedicationRequest", "_count=2&_include=MedicationRequest:medication");
    }

    fn includes(&mut self) {
        for &(kind, parameter) in INCLUDES {
            self.search(kind, &format!("_include={kind}:{parameter}"));
        }
    }

    fn shapes(&mut self) {
        for &(kind, rest) in SHAPES {
            self.search(kind, rest);
        }
    }

    fn refused(&mut self) {
        for rest in REFUSED {
            self.search("Observation", rest);
        }
        for target in REFUSED_TARGETS {
            self.get(target);
        }
        let patient = self.story.patient.clone();
        for rest in ["$everything", "$summary", "_history", "_history/1", "*"] {
            self.get(&format!("/Patient/{patient}/{rest}"));
        }
        let condition = self.records.iter().rfind(|record| record.resource_type() == "Condition");
        if let Some(reference) = condition.map(|record| record.reference().to_owned()) {
            self.get(&format!("/{reference}/_history/1"));
            self.get(&format!("/{reference}?_format=xml"));
            let question = Question::get(&format!("{}/{reference}", self.base));
            for method in ["DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"] {
                self.made.push(self.story.asks(question.clone().by(method)));
            }
            self.made.push(self.story.asks(question.clone().with("Accept", "application/fhir+xml")));
            self.made.push(self.story.asks(question.clone().with("If-None-Match", "W/\"1\"")));
            self.made.push(question.clone());
            // With a reason a doctor who breaks the glass may see more than the story says.
            for (purpose, reason) in [("BTG", None), ("HMARKT", Some("why")), ("nonsense", Some("why"))] {
                self.made.push(question.clone().for_purpose(purpose, reason));
            }
        }
    }
}

/// Returns a code as a search parameter's value.
fn token(value: &Value) -> Option<String> {
    if let Some(code) = value.as_str() {
        return Some(code.to_owned());
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let code = text("code").or_else(|| text("value"))?;
    Some(format!("{}%7C{code}", text("system")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_story_has_many_questions_and_each_only_once_with_its_purpose() {
        let stories = Story::all().unwrap();
        let story = stories.iter().find(|story| story.purpose == "ETREAT").unwrap();
        let questions = about(story, &[], "/fhir");
        assert!(questions.len() >= 100, "{}", questions.len());
        let texts: BTreeSet<String> = questions.iter().map(Question::text).collect();
        assert_eq!(texts.len(), questions.len());
        assert!(questions.iter().all(|question| question.target.starts_with("/fhir")));
        assert!(questions.iter().all(|question| question.purpose.as_deref() == Some("ETREAT")));
    }

    #[test]
    fn codes_are_asked_for_with_their_system() {
        let value = serde_json::json!({"system": "s", "code": "c"});
        assert_eq!(token(&value).as_deref(), Some("s%7Cc"));
        assert_eq!(token(&serde_json::json!("active")).as_deref(), Some("active"));
        assert_eq!(token(&serde_json::json!({"code": "c"})), None);
    }
}
