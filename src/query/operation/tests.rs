//! What operations are composed of; which requests are understood stands in `tests/cases/query`.

use std::str::FromStr;

use super::*;
use crate::identity::Role;
use crate::profile::shipped_exchanges;

fn offer(role: &str) -> Offer {
    let exchanges = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
    Offer::to(&exchanges, Some(&Role::from_str(role).unwrap()))
}

fn id() -> Id {
    Id::from_str("1").unwrap()
}

fn pair(name: &str, value: &str) -> Pair {
    Pair { name: name.to_owned(), value: value.to_owned() }
}

fn types<'s>(searches: impl Iterator<Item = &'s Search>) -> Vec<String> {
    searches.map(|search| search.resource_type().to_owned()).collect()
}

#[test]
fn a_summary_is_composed_of_the_kinds_of_its_profile_the_patient_first() {
    let summary = Summary::read(&offer("01.015"), Some(id()), &[]).unwrap();
    let types = types(summary.searches());
    assert_eq!(types[0], "Patient");
    assert!(types[1..].is_sorted() && types.contains(&"DeviceUseStatement".to_owned()));
    assert_eq!(types.len(), summary.exchange().kinds().len());
    assert!(summary.searches().all(|search| search.subject() == &Subject::Id(id()) && search.includes().is_empty()));
}

#[test]
fn a_role_without_a_profile_that_summarises_gets_no_summary() {
    assert_eq!(Summary::read(&offer("17.060"), Some(id()), &[]), Err(Unclassifiable::NotOffered));
    assert!(Everything::read(&offer("17.060"), id(), &[]).is_ok());
    assert_eq!(Everything::read(&offer("04.000"), id(), &[]), Err(Unclassifiable::NotOffered));
}

#[test]
fn everything_is_each_type_that_some_profile_offers_once() {
    let everything = Everything::read(&offer("01.015"), id(), &[]).unwrap();
    let types = types(everything.searches());
    assert_eq!(types[0], "Patient");
    assert!(types[1..].is_sorted_by(|one, other| one < other));
    for known in ["DeviceUseStatement", "MedicationDispense", "Encounter", "Coverage"] {
        assert!(types.contains(&known.to_owned()), "{known}");
    }
    assert!(everything.wants("Practitioner") && everything.wants("Medication"));
}

#[test]
fn the_types_that_were_asked_for_narrow_everything() {
    let pairs = [pair("_type", "Medication,MedicationRequest")];
    let everything = Everything::read(&offer("01.015"), id(), &pairs).unwrap();
    assert_eq!(types(everything.searches()), ["MedicationRequest"]);
    assert!(everything.wants("Medication") && !everything.wants("Practitioner"));
}

#[test]
fn a_body_is_read_as_the_pairs_that_a_form_would_hold() {
    let body = br#"{"resourceType":"Parameters","parameter":[{"name":"a","valueUri":"b"},
        {"name":"c","valueIdentifier":{"system":"s","value":"v"}},{"name":"max","valuePositiveInt":3},
        {"name":"patient","valueReference":{"reference":"Patient/1"}}]}"#;
    let read = [pair("a", "b"), pair("c", "s|v"), pair("max", "3"), pair("patient", "Patient/1")];
    assert!(parameters(body).unwrap() == read);
    assert!(parameters(b"").unwrap().is_empty());
    let many = format!(
        r#"{{"resourceType":"Parameters","parameter":[{}]}}"#,
        vec![r#"{"name":"a","valueCode":"b"}"#; limits::PARAMETERS + 1].join(",")
    );
    assert_eq!(parameters(many.as_bytes()).unwrap_err(), Unclassifiable::TooLong);
    for bad in [
        r#"{"resourceType":"Parameters","parameter":[{"name":"a"}]}"#,
        r#"{"resourceType":"Parameters","parameter":[{"name":"a","valueInteger":"1"}]}"#,
        r#"{"resourceType":"Parameters","parameter":[{"name":"a","resource":{"resourceType":"Patient"}}]}"#,
        r#"{"resourceType":"Parameters","contained":[]}"#,
        "[]",
        "{}",
        "x",
    ] {
        assert_eq!(parameters(bad.as_bytes()).unwrap_err(), Unclassifiable::Body, "{bad}");
    }
    let control = r#"{"resourceType":"Parameters","parameter":[{"name":"a","valueString":"b\u0000"}]}"#;
    assert_eq!(parameters(control.as_bytes()).unwrap_err(), Unclassifiable::Encoding);
}
