//! `sluis decide` as a process: a case in, an answer and an exit code out (design section 6).

use serde_json::{Value, json};

use crate::world::process::{Ran, sluis};
use crate::world::records;

fn case(provision: &str) -> Value {
    let consent: Value = serde_json::from_str(&records::consent("7", "1", provision)).unwrap();
    json!({
        "now": "2026-03-01T12:00:00Z", "purpose": "TREAT",
        "caller": {"ura": "00000001", "uzi": "900000001", "card_type": "Z", "role": "01.015"},
        "holder": {"ura": "00000002", "references": ["Organization/sluis"]},
        "patient": ["Patient/1"], "policy": "wabvpz", "consents": [consent],
    })
}

fn decide(case: &Value) -> Ran {
    sluis(&["decide"], &case.to_string())
}

#[test]
fn a_permit_ends_with_zero_and_a_denial_with_two() {
    let ran = decide(&case(r#"{"type":"permit"}"#));
    let answer = ran.json();
    assert_eq!((ran.code, &answer["decision"], &answer["ground"]), (Some(0), &json!("permit"), &json!("rule-permits")));
    assert_eq!((&answer["consents"], ran.stderr.as_str()), (&json!(["Consent/7"]), ""));

    let ran = decide(&case(r#"{"type":"deny"}"#));
    let answer = ran.json();
    assert_eq!((ran.code, &answer["decision"], &answer["ground"]), (Some(2), &json!("deny"), &json!("rule-denies")));
}

#[test]
fn nothing_on_file_ends_as_the_policy_says() {
    for (policy, default, code) in [("wabvpz", "deny", 2), ("ehds", "permit", 0)] {
        let mut case = case("{}");
        case["policy"] = json!(policy);
        case["consents"] = json!([]);
        let ran = decide(&case);
        let answer = ran.json();
        assert_eq!((&answer["decision"], &answer["default"]), (&json!("nothing-on-file"), &json!(default)), "{policy}");
        assert_eq!(ran.code, Some(code), "{policy}");
    }
}

#[test]
fn each_resource_has_its_verdict_with_consent_and_provision() {
    let label = |code: &str| json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code});
    let mut case = case(
        r#"{"type":"permit","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]}]}"#,
    );
    let observation = |id: &str, labels: Value| {
        let mut resource: Value = serde_json::from_str(&records::result(id, "1", "")).unwrap();
        resource["meta"]["security"].as_array_mut().unwrap().extend(labels.as_array().unwrap().clone());
        resource
    };
    case["resources"] = json!([observation("1", json!([label("PSY")])), observation("2", json!([]))]);
    let ran = decide(&case);
    let resources = ran.json()["resources"].clone();
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        resources[0],
        json!({"reference": "Observation/1", "visible": false, "ground": "rule-denies", "consent": "Consent/7", "provision": "provision.provision[0]"})
    );
    assert_eq!((&resources[1]["reference"], &resources[1]["visible"]), (&json!("Observation/2"), &json!(true)));
}

#[test]
fn what_is_no_case_ends_with_one_and_says_why_on_stderr() {
    let mut unknown_member = case("{}");
    unknown_member["colour"] = json!("red");
    let mut no_policy = case("{}");
    no_policy["policy"] = json!("none-such");
    let mut no_moment = case("{}");
    no_moment["now"] = json!("tomorrow");
    for input in [
        String::new(),
        "{".into(),
        "[]".into(),
        "{}".into(),
        unknown_member.to_string(),
        no_policy.to_string(),
        no_moment.to_string(),
    ] {
        let ran = sluis(&["decide"], &input);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{input}");
        assert!(!ran.stderr.is_empty(), "{input}");
    }
}
