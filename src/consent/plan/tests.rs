//! Judging allocates nothing, whatever the rules are about.

use time::macros::datetime;

use crate::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Holder, Plan, Purpose, Source,
    Standing, TreatmentRelation, Unlabelled, decide,
};
use crate::identity::{Caller, CallerNames, CardType};
use crate::json::{Document, Value};
use crate::label::{Subject, Tables};
use crate::limits;
use crate::profile::{ValueSets, shipped_regime};

const TYPES: &str = "http://hl7.org/fhir/resource-types";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

fn consent(id: &str, date: &str, provision: &str) -> Vec<u8> {
    format!(
        r#"{{"resourceType":"Consent","id":"{id}","status":"active","patient":{{"reference":"Patient/1"}},"dateTime":"{date}","scope":{{"coding":[
        {{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},"provision":{provision}}}"#
    )
    .into_bytes()
}

fn plan(combining: Combining) -> Plan {
    let inside = [
        format!(r#"{{"type":"deny","class":[{{"system":"{TYPES}","code":"Flag"}},{{"system":"http://loinc.org","code":"34133-9"}},{{"system":"urn:ietf:bcp:13","code":"text/plain"}}]}}"#),
        format!(r#"{{"type":"deny","securityLabel":[{{"system":"{ACT_CODE}","code":"HIV"}}]}}"#),
        r#"{"type":"deny","code":[{"coding":[{"system":"http://www.whocc.no/atc","code":"A10BA02"}]},{"coding":[{"system":"urn:ietf:rfc:3986","code":"urn:sluis:value-set:mental-health"}]}]}"#.to_owned(),
        r#"{"type":"deny","dataPeriod":{"start":"2020-01-01","end":"2020-12-31"}}"#.to_owned(),
        r#"{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Observation/9"}},{"meaning":"related","reference":{"reference":"Encounter/9"}},{"meaning":"dependents","reference":{"reference":"CarePlan/9"}},{"meaning":"authoredby","reference":{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/uzi-nr-pers","value":"900000009"}}}]}"#.to_owned(),
    ];
    let permit = format!(r#"{{"type":"permit","provision":[{}]}}"#, inside.join(","));
    let newer = r#"{"type":"permit","code":[{"coding":[{"system":"http://www.whocc.no/atc","code":"A10BA02"}]}]}"#;
    let consents = [consent("a", "2025-01-01", &permit), consent("b", "2025-02-01", newer)];
    let source = Source::default().with_value_sets(ValueSets::shipped().unwrap().into());
    let evidence = Evidence::read(&source, &consents, FhirVersion::R4, &["Patient/1".to_owned()], Standing::Full);
    assert_eq!(evidence.unreadable().next(), None);
    let (ura, uzi) = ("00000001".parse().unwrap(), "900000001".parse().unwrap());
    let role = Some("01.015".parse().unwrap());
    let caller = Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None);
    let asked = Asked {
        caller: &caller,
        records: &CallerRecords::none(),
        relation: &TreatmentRelation::none(),
        holder: &Holder::new("00000002".parse().unwrap()),
        purpose: Purpose::of("TREAT").unwrap(),
        reason: None,
        action: Action::Access,
        admission: Admission::Everything,
        combining,
        unlabelled: Unlabelled::Normal,
    };
    let regime = shipped_regime(&["wabvpz"]).unwrap();
    match decide(&asked, &evidence, &regime, datetime!(2026-03-01 12:00 UTC)) {
        Decision::Permit(plan) => plan,
        Decision::Deny(denial) => panic!("{denial:?}"),
    }
}

const RESOURCES: [&str; 6] = [
    r#"{"resourceType":"Observation","id":"1","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]}}],"effectiveDateTime":"2025-06-01T10:00:00.250+02:00","encounter":{"reference":"Encounter/1"},"performer":[{"reference":"Practitioner/1","identifier":{"system":"http://fhir.nl/fhir/NamingSystem/uzi-nr-pers","value":"900000008"}}]}"#,
    r#"{"resourceType":"MedicationRequest","id":"2","medicationCodeableConcept":{"coding":[{"system":"http://www.whocc.no/atc","code":"A10BA02"}]},"authoredOn":"2025-06-01"}"#,
    r#"{"resourceType":"DocumentReference","id":"3","type":{"coding":[{"system":"http://loinc.org","code":"60591-5"}]},"date":"2025-06-01T10:00:00Z","author":[{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/uzi-nr-pers","value":"900000008"}}],"content":[{"attachment":{"contentType":"application/pdf"}}]}"#,
    r#"{"resourceType":"MedicationRequest","id":"4","medicationReference":{"reference":"Medication/1"},"authoredOn":"2020-06-01"}"#,
    r#"{"resourceType":"Condition","id":"5","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"F20.0"}]},"onsetPeriod":{"start":"2019","end":"2020-03"}}"#,
    r#"{"resourceType":"Practitioner","id":"6"}"#,
];

#[test]
fn judging_a_resource_allocates_nothing_in_any_way_of_combining() {
    let tables = Tables::shipped().unwrap();
    let medication = r#"{"resourceType":"Medication","id":"1","code":{"coding":[{"system":"http://www.whocc.no/atc","code":"N05AN01"}]}}"#;
    let medication = Document::read(medication.as_bytes(), limits::RESOURCE).unwrap();
    let linked = [medication.root()];
    let documents = RESOURCES.map(|text| Document::read(text.as_bytes(), limits::RESOURCE).unwrap());
    let resources: Vec<Value<'_>> = documents.iter().map(Document::root).collect();
    for combining in [Combining::DenyOverrides, Combining::NewestWins, Combining::MostSpecific] {
        let plan = plan(combining);
        let mut visible = 0;
        let counted = allocation_counter::measure(|| {
            for resource in &resources {
                visible += usize::from(plan.judge(Subject::new(*resource, &linked), &tables).is_visible());
            }
        });
        assert_eq!(counted.count_total, 0, "{combining:?}");
        assert!(0 < visible && visible < resources.len(), "{combining:?}: {visible} are visible");
    }
}

#[test]
fn an_allocation_would_be_counted() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box("text".to_owned())));
    assert_eq!(counted.count_total, 1);
}
