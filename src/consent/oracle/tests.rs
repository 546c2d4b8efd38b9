//! Both evaluators next to each other.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;

use serde_json::Value;

use super::chance::{Chance, Scope};
use super::shrink::shrink;
use super::{Answer, answer};

/// Set this to run a seed again.
const SEED: &str = "SLUIS_ORACLE_SEED";
/// A Consent or several, a caller and one resource: so many are judged in a run.
const TRIPLES: usize = 100_000;

#[expect(clippy::disallowed_methods, reason = "a test may be told its seed")]
fn seed() -> u64 {
    match std::env::var(SEED) {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => RandomState::new().hash_one(0),
    }
}

/// What the gateway's own evaluator answers.
fn first(case: &Value) -> Result<Answer, String> {
    let answered = crate::consent::answer(case.to_string().as_bytes()).map_err(|mistake| mistake.to_string())?;
    let answered = serde_json::to_value(answered).unwrap();
    let decision = ["permit", "deny", "nothing-on-file"].into_iter().find(|one| answered["decision"] == *one).unwrap();
    let resources = answered["resources"].as_array().unwrap();
    let visible = resources.iter().map(|one| one["visible"].as_bool().unwrap()).collect();
    Ok(Answer { decision, default: answered["default"] == "permit", visible })
}

/// What is different, in a form that says whether a smaller case is wrong in the same way.
fn difference(first: &Result<Answer, String>, second: &Answer) -> Option<String> {
    let first = match first {
        Ok(first) if first == second => return None,
        Ok(first) => first,
        Err(mistake) => return Some(format!("a mistake: {mistake}")),
    };
    if first.decision != second.decision || first.default != second.default {
        let told = |one: &Answer| format!("{} by default {}", one.decision, one.default);
        return Some(format!("first {}, second {}", told(first), told(second)));
    }
    let (first, second) = first.visible.iter().zip(&second.visible).find(|(first, second)| first != second)?;
    Some(format!("of one resource, visible: first {first}, second {second}"))
}

fn is_wrong_as(case: &Value, wrong: &str) -> bool {
    !case["resources"][0].is_null() && difference(&first(case), &answer(case)).as_deref() == Some(wrong)
}

/// Puts so many random triples of a scope to both; returns how often each outcome was met.
fn agree(seed: u64, scope: Scope, triples: usize) -> BTreeMap<(&'static str, bool), usize> {
    println!("{SEED}={seed}");
    let mut chance = Chance::new(seed);
    let mut seen = BTreeMap::new();
    let mut judged = 0;
    while judged < triples {
        let case = chance.case(scope);
        let answered = answer(&case);
        if let Some(wrong) = difference(&first(&case), &answered) {
            // To the terminal itself and before anything else is done: what a test prints is lost where the run is cut off.
            let told = format!("{SEED}={seed} {scope:?}: {wrong}\n{case}\n");
            std::io::stderr().write_all(told.as_bytes()).unwrap();
            let small = shrink(&case, &|small| is_wrong_as(small, &wrong));
            panic!("{SEED}={seed}: {wrong}\n{small:#}\nfirst {:?}\nsecond {:?}", first(&small), answer(&small));
        }
        judged += answered.visible.len();
        for visible in answered.visible {
            *seen.entry((answered.decision, visible)).or_insert(0) += 1;
        }
    }
    seen
}

#[test]
fn both_evaluators_agree_in_an_emergency_about_data_that_tells_neither_code_nor_time() {
    let seed = seed();
    let seen = agree(seed, Scope::UNTOLD, TRIPLES / 10);
    for outcome in [("permit", true), ("permit", false), ("deny", false), ("nothing-on-file", true)] {
        assert!(seen.contains_key(&outcome), "{SEED}={seed}: {outcome:?} in {seen:?}");
    }
}

/// `SLUIS_ORACLE_ROUNDS` runs, each of another seed, half of them in an emergency.
#[test]
#[ignore = "takes as long as it is told to"]
fn both_evaluators_agree_on_as_many_random_triples_as_are_asked_for() {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the test says for how long")]
    let rounds = std::env::var("SLUIS_ORACLE_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"));
    let first = seed();
    for round in 0..rounds {
        let scope = if round % 2 == 0 { Scope::UNTOLD } else { Scope::ANYTHING };
        agree(first.wrapping_add(round), scope, TRIPLES);
    }
}

#[test]
fn both_evaluators_agree_on_a_hundred_thousand_random_triples() {
    let seed = seed();
    let seen = agree(seed, Scope::ANYTHING, TRIPLES);
    // Each outcome is met often, or the run shows little.
    let outcomes =
        [("permit", true), ("permit", false), ("deny", false), ("nothing-on-file", true), ("nothing-on-file", false)];
    for outcome in outcomes {
        let many = seen.get(&outcome).is_some_and(|many| *many > TRIPLES / 100);
        assert!(many, "{SEED}={seed}: {outcome:?} in {seen:?}");
    }
}

/// The files whose cases hold no more than the second evaluator knows, but for broken glass.
const KNOWN: [&str; 3] = ["pcf-", "newest-wins-", "most-specific-"];

#[test]
fn the_second_evaluator_answers_the_cases_of_pcf_and_of_combining_as_they_expect() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/decision");
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let is_known =
        |file: &std::fs::DirEntry| KNOWN.iter().any(|known| file.file_name().to_string_lossy().starts_with(known));
    let (mut known, mut wrong) = (0, Vec::new());
    for file in files.filter(is_known) {
        let text = std::fs::read_to_string(file.path()).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let expect = &case["expect"];
        if case["input"]["purpose"] == "BTG" {
            continue;
        }
        let answered = answer(&case["input"]);
        let visible = expect["resources"].as_array().map(|all| all.iter().map(|one| one["visible"] == true).collect());
        let decision = expect["decision"] == answered.decision;
        let default = expect["default"].is_null() || (expect["default"] == "permit") == answered.default;
        if !decision || !default || visible.is_some_and(|visible: Vec<bool>| visible != answered.visible) {
            wrong.push(format!("{}: expected {expect}, answered {answered:?}", case["name"]));
        }
        known += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(known > 80, "{known}");
}
