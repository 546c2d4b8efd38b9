use super::*;
use crate::json::Document;
use crate::limits;

fn label(resource: &str) -> Label {
    let document = Document::read(resource.as_bytes(), limits::RESOURCE).unwrap();
    Tables::shipped().unwrap().of(Subject::alone(document.root()))
}

/// The label of `resource`, linked to `linked`.
fn inherited(resource: &str, linked: &[&str]) -> Label {
    let read = |text: &&str| Document::read(text.as_bytes().to_vec().leak(), limits::RESOURCE).unwrap();
    let documents: Vec<_> = linked.iter().map(read).collect();
    let linked: Vec<_> = documents.iter().map(Document::root).collect();
    let document = Document::read(resource.as_bytes(), limits::RESOURCE).unwrap();
    Tables::shipped().unwrap().of(Subject::new(document.root(), &linked))
}

fn coded(system: &str, code: &str) -> Label {
    label(&format!(r#"{{"resourceType":"Condition","code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#))
}

fn sensitive(code: &str) -> Sensitivities {
    Sensitivities::of(code).unwrap()
}

const ATC: &str = "http://www.whocc.no/atc";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10";
const ICPC: &str = "http://hl7.org/fhir/sid/icpc-1-NL";
const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";

#[test]
fn codes_of_every_system_tell_what_they_are_sensitive_for() {
    for (system, code, expected) in [
        (ATC, "N05AN01", "PSY"),
        (ATC, "J05AR03", "HIV"),
        (ATC, "N07BB04", "ETHUD"),
        (ATC, "G03AA07", "SEX"),
        (ICD, "F32.1", "PSY"),
        (ICD, "B24", "HIV"),
        (ICD, "F02.4", "HIV"),
        (ICD, "O04.9", "PREGNANT"),
        (ICPC, "P76", "PSY"),
        (ICPC, "B90", "HIV"),
        (SNOMED, "35489007", "PSY"),
        (LOINC, "7917-8", "HIV"),
    ] {
        let label = coded(system, code);
        assert!(label.sensitivities.meets(sensitive(expected)), "{system} {code}");
        assert_eq!(label.code, CodeKnown::Yes, "{system} {code}");
    }
}

#[test]
fn ordinary_codes_are_known_and_sensitive_for_nothing() {
    let loinc = ["85354-9", "29463-7", "8302-2", "4548-4", "2160-0", "718-7"].map(|code| (LOINC, code));
    let atc = ["A10BA02", "C03AA03", "C07AB02", "C08CA01", "C09AA02", "B01AC06", "R03AC02", "J01CA04", "N02BE01"];
    let others = [
        (SNOMED, "44054006"),
        (SNOMED, "38341003"),
        (SNOMED, "195967001"),
        (SNOMED, "91936005"),
        (SNOMED, "764146007"),
        (ICD, "E11.9"),
        (ICD, "I10"),
        (ICD, "J45.9"),
        (ICPC, "T90"),
        (ICPC, "T90.02"),
        (ICPC, "K86"),
        (ICPC, "R96"),
    ];
    for (system, code) in loinc.into_iter().chain(atc.map(|code| (ATC, code))).chain(others) {
        let label = coded(system, code);
        assert_eq!(label.code, CodeKnown::Yes, "{system} {code}");
        assert!(label.sensitivities.is_empty(), "{system} {code}");
    }
}

#[test]
fn what_no_table_lists_is_unlabelled_and_what_carries_a_label_is_not() {
    assert!(coded("http://x.example", "1").is_unlabelled());
    assert!(coded(ATC, "Z99").is_unlabelled());
    assert!(label(r#"{"resourceType":"Encounter"}"#).is_unlabelled());
    let text = r#"{"resourceType":"Encounter","meta":{"security":[
        {"system":"http://hl7.org/fhir/v3/Confidentiality/","code":"N"}]}}"#;
    assert!(!label(text).is_unlabelled());
}

#[test]
fn of_several_levels_the_highest_counts_and_a_retired_one_is_the_highest() {
    let of = |codes: &[&str]| {
        let codings = codes.iter().map(|code| {
            format!(r#"{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{code}"}}"#)
        });
        let codings = codings.collect::<Vec<_>>().join(",");
        label(&format!(r#"{{"resourceType":"Flag","meta":{{"security":[{codings}]}}}}"#)).confidentiality
    };
    assert_eq!(of(&["L", "R", "N"]), Some(Confidentiality::Restricted));
    assert_eq!(of(&["N", "HIV"]), Some(Confidentiality::VeryRestricted));
    assert_eq!(of(&[]), None);
}

#[test]
fn one_known_coding_of_a_concept_is_enough_and_every_coding_tells() {
    let text = r#"{"resourceType":"Condition","code":{"coding":[{"system":"http://x.example","code":"1"},
        {"system":"http://hl7.org/fhir/sid/icd-10","code":"I10"},{"system":"http://snomed.info/sct","code":"86406008"}]}}"#;
    let label = label(text);
    assert_eq!(label.code, CodeKnown::Yes);
    assert!(label.sensitivities.meets(sensitive("HIV")));
}

#[test]
fn codes_within_a_resource_tell_and_a_body_site_does_not() {
    let component = r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
        "component":[{"code":{"coding":[{"system":"http://loinc.org","code":"7917-8"}]}}]}"#;
    assert!(label(component).sensitivities.meets(sensitive("HIV")));
    let site = r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
        "bodySite":{"coding":[{"system":"http://snomed.info/sct","code":"86406008"}]}}"#;
    assert!(label(site).sensitivities.is_empty());
}

const REQUEST: &str =
    r#"{"resourceType":"MedicationRequest","id":"r","medicationReference":{"reference":"Medication/m"}}"#;

fn medication(members: &str) -> String {
    format!(r#"{{"resourceType":"Medication","id":"m",{members}}}"#)
}

fn atc(code: &str) -> String {
    format!(r#""code":{{"coding":[{{"system":"{ATC}","code":"{code}"}}]}}"#)
}

fn level(code: &str) -> String {
    format!(
        r#""meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{code}"}}]}}"#
    )
}

#[test]
fn what_a_resource_is_linked_to_labels_it() {
    let label = inherited(REQUEST, &[&medication(&atc("J05AR03"))]);
    assert!(label.sensitivities.meets(sensitive("HIV")));
    assert_eq!((label.code, label.is_unlabelled()), (CodeKnown::Yes, false));
    let ordinary = inherited(REQUEST, &[&medication(&atc("A10BA02"))]);
    assert!(ordinary.sensitivities.is_empty() && ordinary.code == CodeKnown::Yes);
    assert!(inherited(REQUEST, &[]).is_unlabelled(), "a medication that was not found is not known");
}

#[test]
fn a_linked_resource_raises_a_label_and_never_lowers_one() {
    let level_of = |own: &str, linked: &str| {
        let own = format!(r#"{{"resourceType":"Procedure",{}}}"#, level(own));
        inherited(&own, &[&medication(&level(linked))]).confidentiality
    };
    assert_eq!(level_of("N", "R"), Some(Confidentiality::Restricted));
    assert_eq!(level_of("V", "R"), Some(Confidentiality::VeryRestricted));
    assert_eq!(level_of("R", "L"), Some(Confidentiality::Restricted));
    assert!(inherited(REQUEST, &[&medication(&level("N"))]).is_unlabelled());
}

#[test]
fn the_code_of_a_reason_does_not_make_a_resource_known() {
    let procedure = r#"{"resourceType":"Procedure","reasonReference":[{"reference":"Condition/c"}]}"#;
    let reason = r#"{"resourceType":"Condition","id":"c","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"B24"}]}}"#;
    let label = inherited(procedure, &[reason]);
    assert!(label.sensitivities.meets(sensitive("HIV")) && label.code == CodeKnown::No);
}

#[test]
fn a_number_of_the_g_standaard_is_unknown_until_a_hospital_translates_it() {
    const GPK: &str = "urn:oid:2.16.840.1.113883.2.4.4.1";
    let text =
        format!(r#"{{"resourceType":"Medication","code":{{"coding":[{{"system":"{GPK}","code":"12345678"}}]}}}}"#);
    let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
    let by = |tables: &Tables| tables.of(Subject::alone(document.root()));
    assert!(by(&Tables::shipped().unwrap()).is_unlabelled());
    let own = |to: &str| {
        format!(
            "name = \"g-standaard-gpk\"\nsystems = [\"{GPK}\"]\nvetting = \"needed\"\n\
             [translation]\nto = \"{ATC}\"\ncodes = {{ \"12345678\" = \"{to}\", \"2\" = \"Z99\" }}\n"
        )
    };
    let psychiatric = Tables::with_own([("gpk.toml", own("N05AN01").as_str())]).unwrap();
    assert!(by(&psychiatric).sensitivities.meets(sensitive("PSY")));
    let ordinary = by(&Tables::with_own([("gpk.toml", own("A10BA02").as_str())]).unwrap());
    assert!(ordinary.code == CodeKnown::Yes && ordinary.sensitivities.is_empty());
    assert!(by(&Tables::with_own([("gpk.toml", own("Z99").as_str())]).unwrap()).is_unlabelled());
    // An ATC code beside the number is enough.
    let translated = format!(
        r#"{{"resourceType":"Medication","code":{{"coding":[{{"system":"{GPK}","code":"12345678"}},
            {{"system":"{ATC}","code":"N05AN01"}}]}}}}"#
    );
    assert!(label(&translated).sensitivities.meets(sensitive("PSY")));
}

#[test]
fn an_own_table_takes_the_place_of_the_shipped_one_of_its_name_and_another_stands_beside_them() {
    let table = |name: &str, system: &str, code: &str| {
        format!(
            "name = \"{name}\"\nsystems = [\"{system}\"]\nvetting = \"board of the hospital\"\n\
             [[group]]\nlabel = \"PSY\"\nwhy = \"x\"\ncodes = [\"{code}\"]"
        )
    };
    let of = |tables: &Tables, system: &str, code: &str| {
        let text =
            format!(r#"{{"resourceType":"Condition","code":{{"coding":[{{"system":"{system}","code":"{code}"}}]}}}}"#);
        tables.of(Subject::alone(Document::read(text.as_bytes(), limits::RESOURCE).unwrap().root()))
    };
    let own = [table("atc", ATC, "A10BA02"), table("local", "urn:local", "7")];
    let tables = Tables::with_own([("atc.toml", own[0].as_str()), ("local.toml", own[1].as_str())]).unwrap();
    assert!(of(&tables, ATC, "A10BA02").sensitivities.meets(sensitive("PSY")));
    assert!(of(&tables, ATC, "J05AR03").is_unlabelled(), "the shipped table is gone");
    assert!(of(&tables, "urn:local", "7").sensitivities.meets(sensitive("PSY")));
    assert!(of(&tables, ICD, "B24").sensitivities.meets(sensitive("HIV")), "the other tables stay");
    let second = table("mine", ATC, "A10BA02");
    let error = Tables::with_own([("mine.toml", second.as_str())]).unwrap_err();
    assert!(error.file() == "mine.toml" && error.key().contains(ATC), "{error}");
}

#[test]
fn a_code_in_escapes_is_the_same_code() {
    assert!(coded(r"http:\/\/www.whocc.no\/atc", r"N05\u0041N01").sensitivities.meets(sensitive("PSY")));
}

#[test]
fn a_mistake_in_a_table_names_file_and_key() {
    let table = |group: &str| format!("name = \"x\"\nsystems = [\"urn:x\"]\nvetting = \"needed\"\n[[group]]\n{group}");
    for (group, key) in [
        ("label = \"PSYCH\"\nwhy = \"x\"\ncodes = [\"1\"]", "group.label"),
        ("label = \"PSY\"\nwhy = \"x\"\nprefixes = [\"F29-F20\"]", "group.prefixes"),
        ("label = \"PSY\"\nwhy = \"x\"\ncode = [\"1\"]", "code"),
        ("label = \"PSY\"\nwhy = \"x\"\ncodes = [\"\"]", "group"),
        ("label = \"PSY\"\nwhy = \"x\"\n[translation]\nto = \"urn:none\"\ncodes = {}", "translation.to"),
    ] {
        let error = Tables::read([("mine.toml", table(group).as_str())]).unwrap_err();
        assert!(error.file() == "mine.toml" && error.key().contains(key), "{error}");
    }
    let both =
        "label = \"PSY\"\nwhy = \"x\"\ncodes = [\"1\"]\n[[group]]\nlabel = \"normal\"\nwhy = \"x\"\ncodes = [\"1\"]";
    assert!(Tables::read([("mine.toml", table(both).as_str())]).is_err());
    let good = table("label = \"PSY\"\nwhy = \"x\"\ncodes = [\"1\"]");
    assert!(Tables::read([("a.toml", good.as_str())]).is_ok());
    assert!(Tables::read([("a.toml", good.as_str()), ("b.toml", good.as_str())]).is_err());
}
