use std::str::FromStr;

use super::section::REQUIRED;
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

fn sections(exchange: &Exchange, resource: &str) -> Vec<String> {
    let document = Document::read(resource.as_bytes(), RESOURCE).unwrap();
    let held = exchange.sections().iter().filter(|section| section.holds(document.root()));
    held.map(|section| section.code().to_owned()).collect()
}

#[test]
fn the_summary_has_the_sections_of_the_guide_in_its_order() {
    let ips = shipped("ips");
    let codes: Vec<_> = ips.sections().iter().map(Section::code).collect();
    // All of HL7 IPS 2.0.1 but the patient's own story, which no kind of the profile tells.
    assert_eq!(
        codes,
        [
            "11450-4", "48765-2", "10160-0", "11369-6", "30954-2", "47519-4", "46264-8", "42348-3", "104605-1",
            "47420-5", "11348-0", "10162-6", "18776-5", "29762-2", "8716-3",
        ]
    );
    let required: Vec<_> = ips.sections().iter().filter(|section| section.is_required()).map(Section::code).collect();
    assert_eq!(required, ["11450-4", "48765-2", "10160-0"]);
    assert!(ips.sections().iter().flat_map(Section::types).all(|name| ips.line(name).is_some()));
    assert!(shipped("bgz").sections().is_empty());
}

#[test]
fn each_resource_stands_in_the_sections_that_its_codes_name() {
    let ips = shipped("ips");
    let coded = |resource_type: &str, members: &str| format!(r#"{{"resourceType":"{resource_type}"{members}}}"#);
    let status = |code: &str| format!(r#","status":"{code}""#);
    let clinical = |code: &str| {
        format!(
            r#","clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/x","code":"{code}"}}]}}"#
        )
    };
    let category = |code: &str| {
        let system = "http://terminology.hl7.org/CodeSystem/observation-category";
        format!(r#","status":"final","category":[{{"coding":[{{"system":"{system}","code":"{code}"}}]}}]"#)
    };
    let cases: [(String, &[&str]); 16] = [
        (coded("Condition", &clinical("active")), &["11450-4"]),
        (coded("Condition", ""), &["11450-4"]),
        (coded("Condition", &clinical("resolved")), &["11348-0"]),
        (coded("Condition", r#","verificationStatus":{"coding":[{"code":"entered-in-error"}]}"#), &[]),
        (coded("AllergyIntolerance", ""), &["48765-2"]),
        (coded("AllergyIntolerance", &clinical("resolved")), &[]),
        (coded("MedicationStatement", &status("active")), &["10160-0"]),
        (coded("MedicationStatement", &status("completed")), &[]),
        (coded("MedicationRequest", &status("on-hold")), &["10160-0"]),
        (coded("Observation", &category("laboratory")), &["30954-2"]),
        (coded("Observation", &category("vital-signs")), &["8716-3"]),
        (coded("Observation", &category("social-history")), &["29762-2"]),
        (coded("Observation", &category("procedure")), &[]),
        (coded("Observation", r#","code":{"coding":[{"system":"http://loinc.org","code":"82810-3"}]}"#), &["10162-6"]),
        (coded("Flag", &status("active")), &["104605-1"]),
        (coded("Patient", ""), &[]),
    ];
    for (resource, expected) in cases {
        assert_eq!(sections(&ips, &resource), expected, "{resource}");
    }
}

#[test]
fn sections_that_make_no_summary_are_a_mistake() {
    let head = "name = 'x'\ntitle = 'x'\nroles = []\n";
    let kind = |name: &str, patient: &str| format!("[kinds.{name}]\ninteractions = ['search']\n{patient}\n");
    let kinds = kind("Patient", "") + &kind("Condition", "patient = ['patient']");
    let section = |code: &str, required: bool, entries: &str| {
        format!("[[sections]]\ncode = '{code}'\ntitle = 't'\nrequired = {required}\nentries.{entries} = {{}}\n")
    };
    let required = |entries: &str| REQUIRED.map(|code| section(code, true, entries)).concat();
    let read = |rest: &str| Exchange::read("x.toml", &format!("{head}{kinds}{rest}"));
    assert_eq!(read(&required("Condition")).unwrap().sections().len(), 3);
    for mistake in [
        section("11450-4", true, "Condition"),
        required("Observation"),
        required("Practitioner"),
        required("Condition").replace("10160-0", "11450-4"),
        required("Condition").replacen("required = true", "required = false", 1),
        required("Condition").replacen("'t'", "' '", 1),
        required("Condition").replacen("= {}", "= { never = { status = [] } }", 1),
        required("Condition").replacen("= {}", "= { belongs = [] }", 1),
        required("Condition") + "[lines]\nCondition = { says = ['..'] }\n",
        required("Condition") + "[lines]\nCondition = { says = ['code'], until = [] }\n",
    ] {
        assert!(read(&mistake).is_err(), "{mistake}");
    }
}
