use std::str::FromStr;

use super::*;
use crate::json::Document;
use crate::limits::RESOURCE;

fn shipped(name: &str) -> Exchange {
    shipped_exchanges().unwrap().into_iter().find(|exchange| exchange.name() == name).unwrap()
}

fn holds(exchange: &Exchange, resource: &str) -> bool {
    exchange.holds(Document::read(resource.as_bytes(), RESOURCE).unwrap().root())
}

fn role(code: &str) -> Option<Role> {
    Some(Role::from_str(code).unwrap())
}

#[test]
fn every_shipped_profile_compiles_and_has_the_patient() {
    let exchanges = shipped_exchanges().unwrap();
    assert_eq!(exchanges.iter().map(Exchange::name).collect::<Vec<_>>(), ["ips", "bgz", "medication", "acute"]);
    for exchange in exchanges {
        let patient = exchange.kind("Patient").unwrap();
        assert!(patient.is_read() && patient.is_searched(), "{}", exchange.name());
        assert!(SUPPORTING.iter().all(|supporting| exchange.kind(supporting).is_none()), "{}", exchange.name());
    }
}

#[test]
fn a_role_is_admitted_by_its_profession_and_no_role_by_none() {
    for (name, admitted, refused) in [
        ("ips", ["01.015", "30.000", "81.000"], ["17.060", "83.000", "04.000"]),
        ("bgz", ["16.000", "25.061", "03.000"], ["17.060", "83.000", "99.000"]),
        ("medication", ["17.060", "83.000", "01.000"], ["16.000", "25.000", "10.000"]),
    ] {
        let exchange = shipped(name);
        assert!(admitted.iter().all(|code| exchange.admits_role(role(code).as_ref())), "{name}");
        assert!(!refused.iter().any(|code| exchange.admits_role(role(code).as_ref())), "{name}");
        assert!(!exchange.admits_role(None), "{name}");
    }
}

#[test]
fn medication_has_laboratory_results_and_no_other_observation() {
    let medication = shipped("medication");
    let observation = |system: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Observation","category":[{{"coding":[{{"system":"{system}","code":"{code}"}}]}}]}}"#
        )
    };
    let hl7 = "http://terminology.hl7.org/CodeSystem/observation-category";
    for (system, code) in
        [("http://snomed.info/sct", "49581000146104"), ("http://snomed.info/sct", "275711006"), (hl7, "laboratory")]
    {
        assert!(holds(&medication, &observation(system, code)), "{code}");
    }
    assert!(!holds(&medication, &observation(hl7, "vital-signs")));
    assert!(!holds(&medication, &observation("http://other.example", "laboratory")));
    assert!(!holds(&medication, r#"{"resourceType":"Observation"}"#));
    assert!(holds(&shipped("ips"), r#"{"resourceType":"Observation"}"#));
}

#[test]
fn a_consent_is_data_when_it_is_a_directive_and_never_when_it_is_about_privacy() {
    let consent = |scope: &str, category: &str| {
        format!(r#"{{"resourceType":"Consent","scope":{{"coding":[{scope}]}},"category":[{{"coding":[{category}]}}]}}"#)
    };
    let scope =
        |code: &str| format!(r#"{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"{code}"}}"#);
    let directive = r#"{"system":"http://snomed.info/sct","code":"11341000146107"}"#;
    for name in ["ips", "bgz"] {
        let exchange = shipped(name);
        assert!(holds(&exchange, &consent(&scope("adr"), directive)), "{name}");
        assert!(holds(&exchange, &consent(&scope("treatment"), directive)), "{name}");
        assert!(!holds(&exchange, &consent(&scope("patient-privacy"), directive)), "{name}");
        let both = format!("{},{}", scope("adr"), scope("research"));
        assert!(!holds(&exchange, &consent(&both, directive)), "{name}");
        let also_privacy = format!("{directive},{}", scope("patient-privacy"));
        assert!(!holds(&exchange, &consent(&scope("adr"), &also_privacy)), "{name}");
        assert!(!holds(&exchange, &consent("", directive)), "{name}");
    }
    assert!(!holds(&shipped("medication"), &consent(&scope("adr"), directive)));
}

#[test]
fn what_a_profile_does_not_offer_is_outside() {
    let bgz = shipped("bgz");
    assert!(holds(&bgz, r#"{"resourceType":"Appointment","status":"booked"}"#));
    assert!(!holds(&bgz, r#"{"resourceType":"Appointment","status":"cancelled"}"#));
    assert!(!holds(&bgz, r#"{"resourceType":"AuditEvent"}"#));
    assert!(!holds(&bgz, r#"{"status":"booked"}"#));
}

const SMALL: &str = r#"
name = "x"
title = "X"
roles = ["01"]
[systems]
sct = "http://snomed.info/sct"
[kinds.Condition]
interactions = ["read"]
patient = ["patient"]
parameters.code = { type = "token" }
includes.asserter = { element = "asserter", targets = ["Practitioner"] }
belongs = [{ category = ["sct|1"] }]
"#;

#[test]
fn a_mistake_names_file_and_key() {
    assert!(Exchange::read("x.toml", SMALL).is_ok());
    for (good, bad, key) in [
        ("name = \"x\"", "name = \"X y\"", "name"),
        ("parameters.code =", "parameters.encounter =", "kinds.Condition.parameters.encounter"),
        ("parameters.code =", "parameters.onset-date =", "kinds.Condition.parameters.onset-date"),
        ("parameters.code =", "parameters.code-of-ours =", "kinds.Condition.parameters.code-of-ours"),
        ("belongs =", "sort = [\"code\"]\nbelongs =", "kinds.Condition.sort"),
        ("[\"01\"]", "[\"1\"]", "roles"),
        ("sct = \"http", "sct = \"ftp", "systems.sct"),
        ("kinds.Condition", "kinds.condition", "kinds.condition"),
        ("kinds.Condition", "kinds.Medication", "kinds.Medication"),
        ("[\"read\"]", "[]", "kinds.Condition.interactions"),
        ("patient = [\"patient\"]", "", "kinds.Condition.patient"),
        ("kinds.Condition", "kinds.Patient", "kinds.Patient.patient"),
        ("parameters.code", "parameters.patient", "kinds.Condition.parameters.patient"),
        ("type = \"token\"", "type = \"token\", local = true", "kinds.Condition.parameters.code"),
        ("type = \"token\"", "type = \"token\", elements = [\"code\"]", "kinds.Condition.parameters.code"),
        ("\"asserter\"", "\"as serter\"", "kinds.Condition.includes.asserter.element"),
        ("[\"Practitioner\"]", "[]", "kinds.Condition.includes.asserter.targets"),
        ("[{ category = [\"sct|1\"] }]", "[]", "kinds.Condition.belongs"),
        ("[\"sct|1\"]", "[]", "kinds.Condition.belongs.category"),
        ("[\"sct|1\"]", "[\"loinc|1\"]", "kinds.Condition.belongs.category"),
    ] {
        let error = Exchange::read("x.toml", &SMALL.replace(good, bad)).unwrap_err();
        assert_eq!((error.file(), error.key()), ("x.toml", key), "{bad}");
    }
}

#[test]
fn a_key_that_is_not_known_is_an_error_at_every_level() {
    for (good, bad) in [
        ("title", "tittle"),
        ("interactions", "interaction"),
        ("type = \"token\"", "type = \"token\", locale = true"),
        ("element =", "elment ="),
        ("\"read\"", "\"vread\""),
        ("\"token\"", "\"string\""),
    ] {
        let error = Exchange::read("x.toml", &SMALL.replace(good, bad)).unwrap_err();
        assert!(error.key().starts_with("line "), "{bad}: {error}");
    }
}
