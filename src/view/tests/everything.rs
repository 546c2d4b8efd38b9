//! Everything: the order, the pages and the supporting resources of `$everything`.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

fn of(resource_type: &str, id: &str, members: &str) -> String {
    let element = if resource_type == "AllergyIntolerance" { "patient" } else { "subject" };
    format!(r#"{{"resourceType":"{resource_type}","id":"{id}","{element}":{{"reference":"Patient/a"}}{members}}}"#)
}

fn plain(resource_type: &str, id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"{resource_type}","id":"{id}"{members}}}"#)
}

fn record() -> Vec<String> {
    vec![
        of("Observation", "o2", r#","performer":[{"reference":"PractitionerRole/r"}]"#),
        of("Observation", "o1", ""),
        of("Condition", "c1", r#","asserter":{"reference":"Practitioner/z"}"#),
        of("Condition", "c2", RESTRICTED),
        of("Condition", "c3", &format!(r#","asserter":{{"reference":"Practitioner/gone"}}{RESTRICTED}"#)),
        plain("Practitioner", "p", ""),
        plain("Practitioner", "z", ""),
        plain("Practitioner", "gone", ""),
        plain("Practitioner", "nobody", ""),
        plain(
            "PractitionerRole",
            "r",
            r#","practitioner":{"reference":"Practitioner/p"},"organization":{"reference":"Organization/o"}"#,
        ),
        plain("Organization", "o", ""),
        plain("Patient", "a", ""),
        plain("Patient", "b", ""),
    ]
}

fn released(given: &Given) -> Vec<&str> {
    given.report.released.iter().map(String::as_str).collect()
}

fn everything(resources: Vec<String>, plan: Plan, rest: &str, skip: usize) -> Given {
    ask(&Upstream::new(resources, 2), plan, &format!("Patient/a/$everything{rest}"), skip, 50).unwrap()
}

#[test]
fn everything_is_the_patient_then_type_by_type_then_what_they_refer_to() {
    let _turn = one_at_a_time();
    let given = everything(record(), straight(), "", 0);
    assert_eq!(
        released(&given),
        [
            "Patient/a",
            "Condition/c1",
            "Condition/c2",
            "Condition/c3",
            "Observation/o2",
            "Observation/o1",
            "Organization/o",
            "Practitioner/gone",
            "Practitioner/p",
            "Practitioner/z",
            "PractitionerRole/r",
        ]
    );
    assert_eq!(given.ending, Ending::Searchset { next_skip: None });
    let bundle: serde_json::Value = serde_json::from_str(&given.body).unwrap();
    assert_eq!(bundle["link"][0]["url"], "https://gw/fhir/Patient/a/$everything?_count=20");
    assert_eq!(bundle["entry"][5]["search"]["mode"], "match");
    assert_eq!(bundle["entry"][6]["search"]["mode"], "include");
}

#[test]
fn what_only_the_hidden_refer_to_is_not_there() {
    let _turn = one_at_a_time();
    let given = everything(record(), labels(), "", 0);
    assert!(released(&given).contains(&"Practitioner/z") && !given.body.contains("gone"), "{}", given.body);
    assert!(!given.body.contains("Condition/c2") && !given.body.contains("Condition/c3"));
    let visible = record().into_iter().filter(|text| !text.contains(r#""R""#));
    assert_eq!(given.body, everything(visible.collect(), labels(), "", 0).body);
}

#[test]
fn pages_go_on_from_type_to_type() {
    let _turn = one_at_a_time();
    for (plan, all) in [(straight(), 6), (labels(), 4)] {
        let (mut matches, mut skip) = (Vec::new(), Some(0));
        while let Some(passed) = skip {
            let given = everything(record(), plan.clone(), "?_count=1", passed);
            let Ending::Searchset { next_skip } = given.ending else { panic!("{given:?}") };
            let bundle: serde_json::Value = serde_json::from_str(&given.body).unwrap();
            let entries = bundle["entry"].as_array().unwrap();
            assert_eq!(entries.iter().filter(|entry| entry["search"]["mode"] == "match").count(), 1);
            matches.push(released(&given)[0].to_owned());
            skip = next_skip;
        }
        assert_eq!(matches.len(), all);
        assert_eq!((matches[0].as_str(), matches[all - 1].as_str()), ("Patient/a", "Observation/o1"));
    }
}

#[test]
fn types_narrow_what_is_asked_for_and_what_comes_with_it() {
    let _turn = one_at_a_time();
    let given = everything(record(), straight(), "?_type=Observation", 0);
    assert_eq!(released(&given), ["Observation/o2", "Observation/o1"]);
    let given = everything(record(), straight(), "?_type=Observation,Practitioner", 0);
    assert_eq!(released(&given), ["Observation/o2", "Observation/o1", "Practitioner/p"]);
}

#[test]
fn nothing_visible_is_as_nobody() {
    let _turn = one_at_a_time();
    let hidden = vec![of("Condition", "c2", RESTRICTED)];
    for resources in [hidden.clone(), Vec::new()] {
        let given = everything(resources, labels(), "", 0);
        assert_eq!((given.ending, given.body.as_str()), (Ending::NotVisible, ""));
    }
    // Behind the last page there is nothing either.
    assert_eq!(everything(record(), labels(), "", 40).ending, Ending::NotVisible);
    assert_eq!(everything(hidden, straight(), "", 0).ending, Ending::Searchset { next_skip: None });
}
