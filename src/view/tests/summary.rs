//! Summary: what stands in the document, and that it tells nothing of what is hidden.

use serde_json::Value;

use super::document::{broken, composition, sections};
use super::upstream::Upstream;
use super::*;
use crate::limits;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

fn of(resource_type: &str, id: &str, members: &str) -> String {
    let element = match resource_type {
        "AllergyIntolerance" | "Immunization" => "patient",
        _ => "subject",
    };
    format!(r#"{{"resourceType":"{resource_type}","id":"{id}","{element}":{{"reference":"Patient/a"}}{members}}}"#)
}

fn plain(resource_type: &str, id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"{resource_type}","id":"{id}"{members}}}"#)
}

fn coded(text: &str) -> String {
    format!(r#","code":{{"text":"{text}"}}"#)
}

const LABORATORY: &str = r#","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}]"#;

/// A record of all sorts; what is restricted says CANARY.
fn record() -> Vec<String> {
    let status = |code: &str| format!(r#","clinicalStatus":{{"coding":[{{"code":"{code}"}}]}}"#);
    vec![
        plain("Patient", "a", r#","managingOrganization":{"reference":"Organization/gp"}"#),
        plain("Patient", "a2", ""),
        of("Condition", "asthma", &format!(r#"{}{},"onsetDateTime":"2019-05-01T10:00:00Z","asserter":{{"reference":"Practitioner/p"}}"#, coded("Asthma & <wheeze>"), status("active"))),
        of("Condition", "undated", &coded("Says nothing of how it stands")),
        of("Condition", "old", &format!("{}{}", coded("Broken leg"), status("resolved"))),
        of("Condition", "hidden", &format!(r#"{}{RESTRICTED},"asserter":{{"reference":"Practitioner/canary"}}"#, coded("CANARY"))),
        of("AllergyIntolerance", "hidden", &format!("{}{RESTRICTED}", coded("CANARY"))),
        of("MedicationRequest", "m", r#","status":"active","medicationReference":{"reference":"Medication/x"},"supportingInformation":[{"reference":"Condition/hidden","display":"CANARY"},{"reference":"Condition/old"}],"authoredOn":"2024"}"#.trim_end_matches('}')),
        of("MedicationRequest", "done", r#","status":"completed","medicationReference":{"reference":"Medication/y"}"#),
        of("Observation", "lab", &format!(r#"{}{LABORATORY},"hasMember":[{{"reference":"Observation/member"}}]"#, coded("Sodium"))),
        of("Observation", "member", &coded("In no section by itself")),
        of("Observation", "stray", &coded("In no section at all")),
        of("Observation", "hidden", &format!("{}{LABORATORY}{RESTRICTED}", coded("CANARY"))),
        of("Immunization", "hidden", &format!(r#"{RESTRICTED},"vaccineCode":{{"text":"CANARY"}}"#)),
        plain("Medication", "x", &coded("Metoprolol")),
        plain("Medication", "y", &coded("CANARY or not, nobody refers to it")),
        plain("Practitioner", "p", ""),
        plain("Practitioner", "canary", ""),
        plain("Organization", "gp", ""),
    ]
}

fn visible(record: &[String]) -> Vec<String> {
    let kept = record.iter().filter(|text| !text.contains(r#""code":"R""#));
    let link = r#"{"reference":"Condition/hidden","display":"CANARY"},"#;
    kept.map(|text| text.replace(link, "")).collect()
}

fn summary(record: Vec<String>, plan: Plan) -> Given {
    ask(&Upstream::new(record, 2), plan, "Patient/a/$summary", 0, 70).unwrap()
}

fn json(given: &Given) -> Value {
    assert_eq!(given.ending, Ending::Resource);
    serde_json::from_str(&given.body).unwrap()
}

fn section<'s>(bundle: &'s Value, code: &str) -> Option<&'s Value> {
    sections(bundle).iter().find(|section| section["code"]["coding"][0]["code"] == code)
}

fn div(section: Option<&Value>) -> &str {
    section.unwrap()["text"]["div"].as_str().unwrap()
}

#[test]
fn a_summary_keeps_the_rules_of_documents_and_of_the_guide() {
    let _turn = one_at_a_time();
    for plan in [straight(), labels()] {
        let given = summary(record(), plan);
        assert_eq!(broken(&json(&given)), Vec::<&str>::new(), "{}", given.body);
    }
}

#[test]
fn what_is_hidden_leaves_no_trace() {
    let _turn = one_at_a_time();
    let given = summary(record(), labels());
    assert!(!given.body.contains("CANARY") && !given.body.contains("canary"), "{}", given.body);
    assert_eq!(given.body, summary(visible(&record()), labels()).body);
    assert!(summary(record(), straight()).body.contains("CANARY"));
}

#[test]
fn an_empty_required_section_says_unavailable_and_an_optional_one_is_absent() {
    let _turn = one_at_a_time();
    let bundle = json(&summary(record(), labels()));
    let allergies = section(&bundle, "48765-2").unwrap();
    assert_eq!(allergies["emptyReason"]["coding"][0]["code"], "unavailable");
    assert!(div(Some(allergies)).contains("No information available"));
    assert!(section(&bundle, "11369-6").is_none());
    let whole = json(&summary(record(), straight()));
    assert!(section(&whole, "48765-2").unwrap().get("emptyReason").is_none());
    assert!(section(&whole, "11369-6").is_some());
}

#[test]
fn the_text_of_a_section_is_made_of_codes_and_dates() {
    let _turn = one_at_a_time();
    let bundle = json(&summary(record(), labels()));
    let problems = div(section(&bundle, "11450-4"));
    assert!(problems.contains("<li>Asthma &amp; &lt;wheeze&gt; (2019-05-01)</li>"), "{problems}");
    assert!(problems.contains("<li>Says nothing of how it stands</li>"));
    assert!(div(section(&bundle, "11348-0")).contains("<li>Broken leg</li>"));
    assert!(div(section(&bundle, "10160-0")).contains("<li>Metoprolol (2024)</li>"));
}

#[test]
fn entries_come_in_the_order_of_the_sections_and_then_what_they_refer_to() {
    let _turn = one_at_a_time();
    let given = summary(record(), labels());
    assert_eq!(
        given.report.released,
        [
            "Patient/a",
            "Condition/asthma",
            "Condition/undated",
            "MedicationRequest/m",
            "Observation/lab",
            "Condition/old",
            "Medication/x",
            "Observation/member",
            "Organization/gp",
            "Practitioner/p",
        ]
    );
    let bundle = json(&given);
    assert_eq!(bundle["entry"][2]["resource"]["id"], "a");
    assert_eq!(bundle["entry"].as_array().unwrap().len(), given.report.released.len() + 2);
    assert!(given.report.withheld.iter().any(|(reference, _)| reference == "Condition/hidden"));
}

#[test]
fn the_author_is_the_holder_and_the_moments_are_the_only_ones() {
    let _turn = one_at_a_time();
    let at = |now| {
        let surroundings = surroundings();
        let Query::Summary(wanted) = query("Patient/a/$summary", &surroundings) else { panic!("a summary") };
        let letterhead = Letterhead { now, ..letterhead() };
        let mut answer = Answer::summary(wanted, letterhead, labels(), surroundings);
        drive(&Upstream::new(record(), 2), &mut answer, 70).unwrap().body
    };
    let (one, other) = (at(datetime!(2026-03-01 12:00:00.5 UTC)), at(datetime!(2026-03-01 14:00 +1)));
    assert_eq!(one.replace("2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z"), other);
    assert_eq!(one.matches("2026-03-01T12:00:00Z").count(), 2);
    let bundle: Value = serde_json::from_str(&one).unwrap();
    let author = &bundle["entry"][1];
    assert_eq!(composition(&bundle)["author"][0]["reference"], author["fullUrl"]);
    assert_eq!(author["resource"]["name"], "Ziekenhuis De Sluis");
    assert_eq!(author["resource"]["identifier"][0]["value"], "00000002");
}

#[test]
fn the_identifier_is_of_what_was_released_and_of_the_key() {
    let _turn = one_at_a_time();
    let identifier = |record: Vec<String>, plan| json(&summary(record, plan))["identifier"]["value"].clone();
    let one = identifier(record(), labels());
    assert_eq!(one, identifier(visible(&record()), labels()));
    assert_ne!(one, identifier(record(), straight()));
    let changed = record().into_iter().map(|text| text.replace("Sodium", "Potassium")).collect();
    assert_ne!(one, identifier(changed, labels()));
}

#[test]
fn a_summary_without_an_entry_is_as_of_nobody() {
    let _turn = one_at_a_time();
    let patient = || plain("Patient", "a", "");
    let hidden = || of("Condition", "hidden", RESTRICTED);
    for record in [vec![patient()], vec![patient(), hidden()], vec![of("Condition", "c", "")], Vec::new()] {
        let given = summary(record.clone(), labels());
        assert_eq!((given.ending, given.body.as_str()), (Ending::NotVisible, ""), "{record:?}");
    }
    assert_eq!(summary(vec![patient(), of("Condition", "c", "")], labels()).ending, Ending::Resource);
}

#[test]
fn the_record_that_was_named_is_the_subject() {
    let _turn = one_at_a_time();
    let second =
        r#"{"resourceType":"Condition","id":"second","subject":{"reference":"Patient/a2"},"code":{"text":"x"}}"#;
    let record = || record().into_iter().chain([second.to_owned()]).collect::<Vec<_>>();
    for (target, subject) in [
        ("Patient/a2/$summary", "a2"),
        ("Patient/$summary?identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999911120", "a"),
    ] {
        let given = ask(&Upstream::new(record(), 5), labels(), target, 0, 1_000).unwrap();
        let bundle = json(&given);
        assert_eq!(composition(&bundle)["subject"]["reference"], format!("https://gw/fhir/Patient/{subject}"));
        assert_eq!(broken(&bundle), Vec::<&str>::new());
        // Entries are of either record, and both are there.
        assert!(["Patient/a", "Patient/a2"].iter().all(|one| given.report.released.contains(&(*one).to_owned())));
    }
}

#[test]
fn what_is_more_than_a_summary_holds_is_too_costly_and_what_is_hidden_does_not_count() {
    let _turn = one_at_a_time();
    let many = |restricted: usize, shown: usize| {
        let each = |at: usize, members: &str| of("Condition", &format!("c{at}"), members);
        let hidden = (0..restricted).map(|at| each(at, RESTRICTED));
        let shown = (restricted..restricted + shown).map(|at| each(at, ""));
        let record = hidden.chain(shown).chain([plain("Patient", "a", "")]).collect::<Vec<_>>();
        ask(&Upstream::new(record, 200), labels(), "Patient/a/$summary", 0, 100_000)
    };
    assert_eq!(many(0, limits::SUMMARY_ENTRIES), Err(ViewError::ComposedTooLarge));
    assert!(many(10, limits::SUMMARY_ENTRIES - 1).is_ok());
}

#[test]
fn what_a_line_says_is_short_and_of_one_line() {
    let _turn = one_at_a_time();
    let long = "é".repeat(limits::LINE_CHARACTERS + 5);
    let record = vec![plain("Patient", "a", ""), of("Condition", "c", &coded(&format!(r"two\n\tlines\u0001 {long}")))];
    let given = summary(record, labels());
    let bundle = json(&given);
    let line = div(section(&bundle, "11450-4"));
    assert!(line.contains("two lines é") && line.contains("é…</li>"), "{line}");
    assert_eq!(broken(&bundle), Vec::<&str>::new());
}

#[test]
fn an_upstream_that_does_not_know_a_kind_or_a_person_is_no_summary() {
    let _turn = one_at_a_time();
    let surroundings = surroundings();
    let Query::Summary(wanted) = query("Patient/a/$summary", &surroundings) else { panic!("a summary") };
    let mut answer = Answer::summary(wanted, letterhead(), labels(), surroundings);
    let Step::Ask(_) = answer.step() else { panic!("a question") };
    assert_eq!(answer.absent(), Err(ViewError::NoSuchSearch));
    assert_eq!((answer.step(), answer.take().len()), (Step::End(Ending::NotVisible), 0));
}

#[test]
fn what_another_profile_has_and_the_summary_has_not_stays_out_of_it() {
    let _turn = one_at_a_time();
    let letter = |id: &str, code: &str| {
        let coding = format!(r#"{{"system":"http://loinc.org","code":"{code}"}}"#);
        of("DocumentReference", id, &format!(r#","status":"current","type":{{"coding":[{coding}]}}"#))
    };
    let refers = |id: &str| format!(r#","evidence":[{{"detail":[{{"reference":"DocumentReference/{id}"}}]}}]"#);
    let of_both = vec![
        plain("Patient", "a", ""),
        of("Condition", "c", &refers("letter")),
        of("Condition", "d", &refers("directive")),
        letter("letter", "34133-9"),
        letter("directive", "42348-3"),
    ];
    let search = ask(&Upstream::new(of_both.clone(), 9), straight(), "DocumentReference?patient=a", 0, 99).unwrap();
    assert_eq!(search.report.released, ["DocumentReference/letter", "DocumentReference/directive"]);
    let given = summary(of_both, straight());
    let released = &given.report.released;
    assert!(released.contains(&"DocumentReference/directive".to_owned()), "{released:?}");
    assert!(!released.contains(&"DocumentReference/letter".to_owned()), "{released:?}");
    assert_eq!(broken(&json(&given)), Vec::<&str>::new());
}

#[test]
fn a_line_never_says_the_opposite_of_its_entry() {
    let _turn = one_at_a_time();
    let active = |more: &str| format!(r#","status":"active","medicationCodeableConcept":{{"text":"Warfarin"}}{more}"#);
    let modified = r#","modifierExtension":[{"url":"urn:x","valueBoolean":true}]"#;
    let refuted = r#","verificationStatus":{"coding":[{"code":"refuted"}]}"#;
    for (resource_type, members, code) in [
        ("MedicationRequest", active(r#","doNotPerform":true"#), "10160-0"),
        ("MedicationRequest", active(modified), "10160-0"),
        ("MedicationRequest", active(r#","implicitRules":"urn:x""#), "10160-0"),
        ("Immunization", r#","status":"not-done","vaccineCode":{"text":"Warfarin"}"#.to_owned(), "11369-6"),
        ("AllergyIntolerance", format!("{}{refuted}", coded("Warfarin")), "48765-2"),
    ] {
        let record =
            vec![plain("Patient", "a", ""), of("Condition", "c", &coded("Asthma")), of(resource_type, "x", &members)];
        let bundle = json(&summary(record, straight()));
        let text = section(&bundle, code).map(|section| div(Some(section)).to_owned()).unwrap_or_default();
        assert!(!text.contains("Warfarin"), "{members}: {text}");
    }
    // The twin.
    let record = vec![plain("Patient", "a", ""), of("MedicationRequest", "x", &active(r#","doNotPerform":false"#))];
    assert!(div(section(&json(&summary(record, straight())), "10160-0")).contains("<li>Warfarin</li>"));
}

#[test]
fn a_medicine_of_another_server_is_called_what_its_reference_calls_it() {
    let _turn = one_at_a_time();
    let taken = |reference: &str| {
        format!(r#","status":"active","medicationReference":{{"reference":"{reference}","display":"Methotrexate"}}"#)
    };
    let record = vec![
        plain("Patient", "a", ""),
        of("MedicationRequest", "theirs", &taken("https://other.example/fhir/Medication/5")),
        of("MedicationRequest", "own", &taken("Medication/5")),
        plain("Medication", "5", &coded("Paracetamol")),
    ];
    let bundle = json(&summary(record, straight()));
    let text = div(section(&bundle, "10160-0"));
    assert!(text.contains("<li>Methotrexate</li>") && text.matches("Paracetamol").count() == 1, "{text}");
}
