//! What Sluis writes, read by fhir-sdk.

use std::str::FromStr;
use std::sync::Arc;

use sluis::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Evidence, FhirVersion, Holder, Permit, Purpose, Register,
    Source, Standing, TreatmentRelation, Unlabelled, Wish,
};
use sluis::identity::{Caller, CallerNames, CardType, Role, Ura, UziNumber};
use sluis::label::Tables;
use sluis::profile::{Offer, capability_statement, shipped_exchanges, shipped_regime};
use sluis::query::{Id, Query, RequestHead, Tally, classify};
use sluis::refusal::Refusal;
use sluis::view::{Ending, FreeText, Mode, Narrative, Notice, Report, Step, Surroundings, empty_searchset, subjects};
use sluis_typed::{NotRead, bundle, observation_value, operation_outcome};
use time::macros::datetime;

use super::{FILE, demo, member};

const BASE: &str = "https://localhost:8443/fhir";

#[test]
fn the_capability_statement_is_one_and_offers_the_same_types() {
    let exchanges: Vec<_> = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect();
    let text = capability_statement(&exchanges, BASE, "0.1.0", "2026-01-01T00:00:00Z");
    let typed = sluis_typed::capability_statement(text.as_bytes()).unwrap();
    assert_eq!((typed.fhir_version.as_str(), typed.base.as_deref()), ("4.0.1", Some(BASE)));
    let offer = Offer::to(&exchanges, Some(&Role::from_str("01.015").unwrap()));
    assert!(typed.types.len() > 10 && typed.types.iter().all(|one| offer.offers(&one.name)));
    let observation = typed.types.iter().find(|one| one.name == "Observation").unwrap();
    assert_eq!(observation.interactions, ["read", "search-type"]);
    assert!(observation.parameters.contains(&"patient".to_owned()));
}

#[test]
fn every_refusal_is_an_operation_outcome_with_one_error() {
    for refusal in Refusal::ALL {
        let typed = operation_outcome(refusal.body().as_bytes()).unwrap_or_else(|error| panic!("{refusal:?}: {error}"));
        assert_eq!(typed.issues, [("error".to_owned(), refusal.code().to_owned())], "{refusal:?}");
    }
}

#[test]
fn the_searchset_that_says_nothing_is_a_bundle_without_entries() {
    let link = format!("{BASE}/Observation?patient=1&_count=20");
    for (tally, total) in [(Tally::Unsaid, None), (Tally::Total, Some(0)), (Tally::Only, Some(0))] {
        let typed = bundle(&empty_searchset(&link, tally, Notice::None).into_bytes()).unwrap();
        assert_eq!((typed.links.as_slice(), typed.total), (&[("self".to_owned(), link.clone())][..], total));
        assert_eq!(typed.entries, Vec::<String>::new());
        bundle(&empty_searchset(&link, tally, Notice::Given).into_bytes()).unwrap();
    }
}

#[test]
fn a_released_searchset_is_a_bundle_of_what_the_report_says() {
    let mut entries = 0;
    for record in ["anna", "bram", "fatima"] {
        for resource_type in
            ["Patient", "Observation", "MedicationRequest", "Condition", "Encounter", "AllergyIntolerance"]
        {
            let (body, report) = released(record, resource_type);
            let text = String::from_utf8_lossy(&body);
            let typed = bundle(&body).unwrap_or_else(|error| panic!("{record} {resource_type}: {error}: {text}"));
            let expected: Vec<_> = report.released.iter().map(|reference| format!("{BASE}/{reference}")).collect();
            assert_eq!(typed.entries, expected, "{record} {resource_type}");
            entries += expected.len();
        }
    }
    assert!(entries > 20, "{entries}");
}

#[test]
fn a_resource_of_another_type_is_not_taken_for_what_was_asked() {
    let outcome = Refusal::NotFound.body();
    assert_eq!(bundle(outcome.as_bytes()), Err(NotRead::AnotherType));
    assert_eq!(sluis_typed::consent(outcome.as_bytes()), Err(NotRead::AnotherType));
    assert_eq!(operation_outcome(b"{\"resourceType\":\"OperationOutcome\",\"issue\":1}"), Err(NotRead::NotR4b));
}

/// The canary: a feature of serde_json that any dependency may switch on for all makes fhir-sdk lose this number silently.
#[test]
fn fhir_sdk_still_reads_a_number_with_a_zero_at_its_end() {
    let text = br#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"Hb"},
        "valueQuantity":{"value":1.50,"unit":"mmol/L"}}"#;
    assert_eq!(observation_value(text), Ok(Some(1.5)));
}

/// Answers a search of one type for the patient of a demo record, under a policy that permits where nothing is on file.
fn released(record: &str, resource_type: &str) -> (Vec<u8>, Report) {
    let person = Id::from_str(record).unwrap();
    let exchanges: Vec<_> = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect();
    let offer = Offer::to(&exchanges, Some(&Role::from_str("01.015").unwrap()));
    let name = if resource_type == "Patient" { "_id" } else { "patient" };
    let head = RequestHead {
        method: "GET",
        target: &format!("/fhir/{resource_type}?{name}={record}&_count=100"),
        content_type: None,
        accept: None,
        prefer: None,
        method_override: false,
        body: b"",
    };
    let Ok(Query::Search(search)) = classify(&head, "/fhir", &offer) else { panic!("{resource_type}") };
    let surroundings = Surroundings {
        offer,
        tables: Arc::new(Tables::shipped().unwrap()),
        person: vec![person.clone()],
        upstream_bases: vec!["http://upstream/fhir".to_owned()],
        public_base: BASE.to_owned(),
        narrative: Narrative::Drop,
        free_text: FreeText::Keep,
        mode: Mode::Silent,
        shadow: None,
    };
    let mut answer = permit(Wish::Search(search, 0)).answer(surroundings);
    let mut body = Vec::new();
    loop {
        match answer.step() {
            Step::Ask(target) => {
                let page = searchset(target.as_str(), resource_type, &person);
                answer.push(page.as_bytes()).unwrap();
                answer.end_of_body().unwrap();
            }
            Step::End(Ending::Searchset { .. }) => {
                body.extend(answer.take().into_bytes());
                body.extend(answer.close(None).into_bytes());
                return (body, answer.report());
            }
            Step::End(ending) => panic!("{ending:?}"),
        }
    }
}

/// Every resource of that type and person in the demo's records; a look-up by id finds nothing.
fn searchset(target: &str, resource_type: &str, person: &Id) -> String {
    let is_look_up =
        !target.starts_with(&format!("{resource_type}?")) || target.contains("?_id=") && resource_type != "Patient";
    let wanted = |text: &str| {
        let document = sluis::json::Document::read(text.as_bytes(), FILE).unwrap();
        member(text, "resourceType").as_deref() == Some(resource_type)
            && subjects(document.root(), &[]).contains(person)
    };
    let found = demo().into_iter().map(|(_, text)| text).filter(|text| !is_look_up && wanted(text));
    let entries: Vec<_> = found.map(|text| format!(r#"{{"resource":{text},"search":{{"mode":"match"}}}}"#)).collect();
    let link = format!(r#"{{"relation":"self","url":"http://upstream/fhir/{target}"}}"#);
    format!(r#"{{"resourceType":"Bundle","type":"searchset","link":[{link}],"entry":[{}]}}"#, entries.join(","))
}

fn permit(wish: Wish) -> Permit {
    let caller = Caller::new(
        Ura::from_str("00000001").unwrap(),
        UziNumber::from_str("900000001").unwrap(),
        CardType::Professional,
        Some(Role::from_str("01.015").unwrap()),
        CallerNames::default(),
        None,
    );
    let asked = Asked {
        caller: &caller,
        records: &CallerRecords::none(),
        relation: &TreatmentRelation::none(),
        holder: &Holder::new(Ura::from_str("00000002").unwrap()),
        purpose: Purpose::of("TREAT").unwrap(),
        reason: None,
        action: Action::Access,
        admission: Admission::Everything,
        combining: Combining::DenyOverrides,
        unlabelled: Unlabelled::Normal,
    };
    let regime = shipped_regime(&["ehds"]).unwrap();
    let source = Source::new(&[], Register::Own);
    let evidence = Evidence::read(&source, &[], FhirVersion::R4, &["Patient/1".to_owned()], Standing::Full);
    Permit::decide(wish, &asked, &evidence, &regime, datetime!(2026-03-01 12:00 UTC)).unwrap()
}
