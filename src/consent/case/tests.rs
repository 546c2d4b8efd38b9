//! Replays the cases of `tests/cases/decision`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer;
use crate::consent::Ground;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    cites: Vec<String>,
    input: Box<RawValue>,
    expect: Value,
}

fn cases() -> Vec<(String, Case)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/decision");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.display().to_string(), case)
    };
    files.map(read).collect()
}

/// Answers a case as `sluis decide` does: the answer or the mistake, with the exit code.
fn outcome(case: &Case) -> Value {
    match answer(case.input.get().as_bytes()) {
        Ok(answer) => {
            let exit = if answer.is_permit() { 0 } else { 2 };
            let mut value = serde_json::to_value(answer).unwrap();
            value["exit"] = exit.into();
            value
        }
        Err(mistake) => serde_json::json!({"exit": 1, "mistake": mistake.to_string()}),
    }
}

/// Returns true if and only if everything expected is there; a mistake need only be named.
fn holds(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected.iter().all(|(name, expected)| {
            let Some(actual) = actual.get(name) else { return false };
            match (name.as_str(), expected.as_str(), actual.as_str()) {
                ("mistake", Some(expected), Some(actual)) => actual.contains(expected),
                (_, _, _) => holds(expected, actual),
            }
        }),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(expected, actual)| holds(expected, actual))
        }
        (_, _) => expected == actual,
    }
}

#[test]
fn every_case_is_answered_as_it_expects() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        assert!(!case.cites.is_empty(), "{file} cites nothing");
        let outcome = outcome(&case);
        if !holds(&case.expect, &outcome) {
            wrong.push(format!("{}\n  expected {}\n  answered {outcome}", case.name, case.expect));
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn there_are_cases_for_each_ground_that_deciding_can_yield() {
    // The others come of what the view sees.
    let elsewhere = [Ground::OtherPerson, Ground::ReferenceHidden];
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut seen = BTreeSet::new();
    for (_, case) in &cases {
        let outcome = outcome(case);
        let of_resources = outcome["resources"].as_array().into_iter().flatten().map(|one| &one["ground"]);
        seen.extend(of_resources.chain([&outcome["ground"]]).filter_map(Value::as_str).map(str::to_owned));
    }
    for ground in Ground::ALL.iter().filter(|ground| !elsewhere.contains(ground)) {
        assert!(seen.contains(ground.code()), "{}", ground.code());
    }
}

/// The requirements of law and debate that concern deciding (docs/deciding.md).
const REQUIREMENTS: [&str; 15] =
    ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12", "P13", "P14", "P20"];

#[test]
fn each_requirement_that_concerns_deciding_has_cases_that_permit_and_that_deny() {
    let cases: Vec<_> = cases().into_iter().map(|(_, case)| (outcome(&case)["exit"].clone(), case.cites)).collect();
    for requirement in REQUIREMENTS {
        for exit in [0, 2] {
            let cited =
                |(ended, cites): &(Value, Vec<String>)| *ended == exit && cites.iter().any(|one| one == requirement);
            assert!(cases.iter().any(cited), "{requirement} has no case that ends with {exit}");
        }
    }
}

#[test]
fn every_shipped_policy_has_cases_that_permit_and_that_deny() {
    for policy in crate::profile::shipped_policies().unwrap() {
        let named = format!("\"policy\": \"{}\"", policy.name());
        let of_policy = || cases().into_iter().filter(|(_, case)| case.input.get().contains(&named));
        let ended: BTreeSet<_> = of_policy().map(|(_, case)| outcome(&case)["exit"].as_u64()).collect();
        assert!(ended.contains(&Some(0)) && ended.contains(&Some(2)), "{}: {ended:?}", policy.name());
    }
}
