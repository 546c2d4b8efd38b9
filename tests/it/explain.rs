//! `sluis explain` as a process: what a caller would see of live data and why, beside what the gateway lets through.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::journal;
use crate::world::process::{Ran, sluis};
use crate::world::stories::{STORIES, Sees};
use crate::world::{World, records};

fn explain(world: &World, who: &str, purpose: &str, more: &[&str]) -> Ran {
    let path = |file: PathBuf| file.display().to_string();
    let (config, certificate) =
        (path(world.dir().join("sluis.toml")), path(world.dir().join(format!("callers/{who}.pem"))));
    let mut arguments = vec!["explain", "--config", &config, "--caller", &certificate, "--purpose", purpose];
    arguments.extend(more);
    sluis(&arguments, "")
}

/// References by whether they are visible.
fn by_sight(answer: &Value, visible: bool) -> BTreeSet<String> {
    let resources = answer["resources"].as_array().unwrap().iter();
    let chosen = resources.filter(|one| one["visible"] == json!(visible));
    chosen.map(|one| one["reference"].as_str().unwrap().to_owned()).collect()
}

fn row<'a>(answer: &'a Value, reference: &str) -> &'a Value {
    answer["resources"].as_array().unwrap().iter().find(|one| one["reference"] == json!(reference)).unwrap()
}

#[tokio::test]
async fn everything_is_explained_as_the_gateway_lets_it_through() {
    let world = World::of_demo();
    let ran = explain(&world, "huisarts-noord", "TREAT", &["GET /fhir/Patient/carla/$everything"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let answer = ran.json();

    let carla = STORIES.iter().find(|story| story.patient == "carla" && story.who == "huisarts-noord").unwrap();
    let mut released = BTreeSet::new();
    for search in carla.searches().into_iter().filter(|search| search.target.ends_with("_count=100")) {
        released.extend(world.ask(&search).await.entries());
    }
    released.extend(world.ask(&Ask::get("huisarts-noord", "Patient?_id=carla")).await.entries());
    // What that refers to comes with it.
    let whole = world.ask(&Ask::get("huisarts-noord", "Patient/carla/$everything?_count=100")).await.entries();
    assert!(released.is_subset(&whole.iter().cloned().collect()));
    released.extend(whole);
    assert_eq!(by_sight(&answer, true), released);
    let Sees::AllBut { hidden, .. } = carla.sees else { panic!("nothing is hidden of Carla") };
    assert!(hidden.iter().all(|reference| by_sight(&answer, false).contains(*reference)), "{answer}");
    assert_eq!((&answer["patient"], &answer["decision"]), (&json!(["Patient/carla"]), &json!("permit")));
    let depression = row(&answer, "Condition/carla-condition-depression");
    assert_eq!(
        (&depression["ground"], &depression["consent"]),
        (&json!("rule-denies"), &json!("Consent/carla-consent-1"))
    );
    assert!(depression["provision"].as_str().unwrap().starts_with("provision.provision"), "{depression}");
}

#[tokio::test]
async fn a_summary_is_explained_by_what_it_is_composed_of() {
    let world = World::of_demo();
    let answer = explain(&world, "huisarts-noord", "TREAT", &["GET /fhir/Patient/carla/$summary"]).json();
    let document = world.ask(&Ask::get("huisarts-noord", "Patient/carla/$summary")).await;
    let supporting = ["Medication/", "Practitioner/", "PractitionerRole/", "Organization/", "Location/", "Device/"];
    let mut entries = document.entries();
    entries.retain(|reference| !supporting.iter().any(|name| reference.starts_with(name)));
    assert!(entries.iter().all(|reference| by_sight(&answer, true).contains(reference)), "{answer}");
    assert!(by_sight(&answer, false).contains("Condition/carla-condition-depression"));
}

#[tokio::test]
async fn a_search_and_a_read_are_explained_alone() {
    let world = World::of_demo();
    let ran = explain(&world, "huisarts-noord", "TREAT", &["GET /fhir/Condition?patient=carla&_count=1"]);
    let answer = ran.json();
    assert_eq!(
        by_sight(&answer, true),
        BTreeSet::from(["Condition/carla-condition-1", "Condition/carla-condition-2"].map(str::to_owned))
    );
    let ran = explain(&world, "huisarts-noord", "TREAT", &["GET /fhir/Flag/carla-flag-crisis"]);
    assert_eq!((ran.code, by_sight(&ran.json(), false).len()), (Some(2), 1));
    let ran = explain(&world, "huisarts-brug", "TREAT", &["GET /fhir/Flag/carla-flag-crisis"]);
    assert_eq!((ran.code, by_sight(&ran.json(), true).len()), (Some(0), 1));
}

#[tokio::test]
async fn who_may_see_nothing_is_explained_with_the_ground() {
    let world = World::of_demo();
    let ran = explain(&world, "huisarts-brug", "TREAT", &["GET /fhir/Patient/anna/$everything"]);
    let answer = ran.json();
    assert_eq!((ran.code, &answer["ground"], &answer["default"]), (Some(2), &json!("nothing-on-file"), &json!("deny")));
    assert!(by_sight(&answer, true).is_empty() && by_sight(&answer, false).len() > 10);
    let ran = explain(
        &world,
        "seh-arts",
        "ETREAT",
        &["--reason", "bewusteloos gevonden", "GET /fhir/Condition?patient=fatima"],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = explain(&world, "seh-arts", "TREAT", &["GET /fhir/Condition?patient=fatima"]);
    assert_eq!((ran.code, ran.json()["decision"].clone()), (Some(2), json!("deny")));
}

#[tokio::test]
async fn a_table_has_a_line_for_each_resource() {
    let world = World::of_demo();
    let ran = explain(&world, "huisarts-noord", "TREAT", &["--table", "GET /fhir/Condition?patient=carla"]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("resource"), "{}", ran.stdout);
    assert_eq!(
        lines.len(),
        1 + records::references_of("carla").iter().filter(|one| one.starts_with("Condition/")).count()
    );
    let hidden = lines.iter().find(|line| line.contains("carla-condition-depression")).unwrap();
    assert!(
        hidden.contains(" no ") && hidden.contains("rule-denies") && hidden.contains("Consent/carla-consent-1"),
        "{hidden}"
    );
}

#[tokio::test]
async fn an_explanation_is_on_record_beside_a_gateway_that_runs() {
    let world = World::of_demo();
    explain(&world, "huisarts-noord", "TREAT", &["GET /fhir/Condition?patient=carla"]);
    let directory = world.dir().join("journal/explain");
    let verified = sluis(&["audit", "verify", directory.to_str().unwrap()], "");
    assert_eq!(verified.json()["verdict"], "intact");
    let lines = journal::lines_in(&directory);
    let event = lines.iter().find(|line| line["event"] == "explained").unwrap();
    assert_eq!((&event["patient"], &event["purpose"]), (&json!({"references": ["Patient/carla"]}), &json!("TREAT")));
    assert_eq!(event["request"], Value::Null);
    assert_eq!(event["asked"], "GET /fhir/Condition?patient=carla");
    let shown = sluis(&["audit", "show", directory.to_str().unwrap(), "--patient", "Patient/carla", "--json"], "");
    assert!(shown.code == Some(0) && shown.stdout.contains("explained"), "{} {}", shown.stdout, shown.stderr);
    assert!(event["user"].is_string() && event["ura"].is_string() && event["uzi"].is_string(), "{event}");
    // The gateway's own journal knows nothing of it, and goes on.
    assert_eq!(world.ask(&Ask::get("huisarts-noord", "Condition?patient=carla")).await.status, 200);
    assert!(journal::lines(world.dir()).iter().all(|line| line["event"] != "explained"));
}

#[tokio::test]
async fn what_would_be_refused_is_said_and_nobody_is_looked_up() {
    let world = World::of_demo();
    let before = world.asked().len();
    for (purpose, request, says) in [
        ("TREAT", "GET /fhir/Observation?patient=carla&_has:x=1", "400"),
        ("TREAT", "GET /fhir/Binary/1", "403"),
        ("NONE", "GET /fhir/Condition?patient=carla", "400"),
    ] {
        let ran = explain(&world, "huisarts-noord", purpose, &[request]);
        assert_eq!(ran.code, Some(2), "{request}: {}", ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stdout.is_empty(), "{request}: {}", ran.stderr);
    }
    for request in ["DELETE /fhir/Condition/1", "/fhir/Condition/1"] {
        assert_eq!(explain(&world, "huisarts-noord", "TREAT", &[request]).code, Some(1), "{request}");
    }
    assert_eq!(world.asked().len(), before);
    let ran = explain(&world, "huisarts-noord", "TREAT", &["GET /fhir/Condition?patient=nobody"]);
    assert_eq!(ran.code, Some(2));
}
