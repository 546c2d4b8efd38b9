//! The policies in force, end to end: a chain, the treatment relation, break-glass and what is to be reviewed of it.

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::process::sluis;
use crate::world::{Plan, World};

const TEAM: &str = r#"{"resourceType":"CareTeam","id":"anna-team","status":"active","subject":{"reference":"Patient/anna"},"participant":[{"member":{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/ura","value":"90000101"}}}]}"#;
const SEARCH: &str = "AllergyIntolerance?patient=anna";

fn with_reason(who: &'static str, target: &str, purpose: &'static str, id: &str) -> Ask {
    Ask { purpose: Some(purpose), reason: Some("bewusteloos"), ..Ask::get(who, target).under(id) }
}

async fn found(world: &World, ask: &Ask) -> usize {
    let reply = world.ask(ask).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.entries().len()
}

#[tokio::test]
async fn under_wgbo_consent_is_presumed_inside_a_treatment_relation_and_the_record_names_what_shows_it() {
    let plan = Plan::of_demo().set("policy.name", "wgbo");
    plan.server().put(TEAM).unwrap();
    let world = plan.open();
    assert!(found(&world, &Ask::get("huisarts-brug", SEARCH).under("inside")).await > 0);
    world.closed("inside").await;
    let intent = world.on_record("intent", "inside").remove(0);
    assert_eq!(
        (&intent["ground"], &intent["authorisation"]["policy"], &intent["authorisation"]["relation"]),
        (&json!("policy-permits"), &json!("wgbo"), &json!("CareTeam/anna-team"))
    );
    assert_eq!(found(&world, &Ask::get("huisarts-noord", SEARCH).under("outside")).await, 0);
    world.closed("outside").await;
    assert_eq!(world.on_record("close", "outside")[0]["ground"], "no-treatment-relation");
    // An objection stands inside a relation too, and nobody is told anything.
    let same = |id: &str| Ask::get("huisarts-noord", format!("AllergyIntolerance?patient={id}"));
    let (nobody, outside) = (world.ask(&same("nobody")).await, world.ask(&same("anna")).await);
    assert_eq!(nobody.text().replace("nobody", "anna"), outside.text());
}

#[tokio::test]
async fn wabvpz_and_then_wgbo_and_acute_are_asked_in_order() {
    let plan = Plan::of_demo().set("policy.also", vec!["wgbo", "acute"]);
    let world = plan.open();
    assert_eq!(found(&world, &Ask::get("seh-arts", SEARCH)).await, 0);
    assert!(found(&world, &with_reason("seh-arts", SEARCH, "ETREAT", "acute")).await > 0);
    // No part of the acute data set.
    assert_eq!(found(&world, &with_reason("seh-arts", "Immunization?patient=anna", "ETREAT", "other")).await, 0);
    // Dirk said no to this hospital.
    let dirk = with_reason("seh-arts", "AllergyIntolerance?patient=dirk", "ETREAT", "dirk");
    assert_eq!(found(&world, &dirk).await, 0);
    world.closed("acute").await;
    let intent = world.on_record("intent", "acute").remove(0);
    assert_eq!((&intent["authorisation"]["policy"], &intent["review"]), (&json!("acute"), &json!("reason")));
}

#[tokio::test]
async fn what_shows_a_relation_is_looked_up_for_policies_that_ask_and_a_failure_is_a_refusal_for_everybody() {
    let mut world = Plan::of_demo().set("policy.name", "wgbo").open();
    found(&world, &Ask::get("huisarts-brug", SEARCH)).await;
    let asked = |kind: &str| world.asked().iter().any(|seen| seen.target.contains(&format!("{kind}?patient=anna")));
    for kind in ["CareTeam", "EpisodeOfCare", "Encounter", "Appointment", "ServiceRequest", "Task"] {
        assert!(asked(kind), "{kind} was not looked up");
    }
    world.stop_server();
    for patient in ["bram", "nobody"] {
        let reply = world.ask(&Ask::get("huisarts-brug", format!("AllergyIntolerance?patient={patient}"))).await;
        assert!(reply.status >= 500, "{patient}: {}", reply.status);
    }
}

#[tokio::test]
async fn break_glass_is_one_emergency_on_record_and_on_the_review_list() {
    let mut world = World::of_demo();
    assert!(found(&world, &with_reason("seh-arts", SEARCH, "BTG", "first")).await > 0);
    assert!(found(&world, &with_reason("seh-arts", "Condition?patient=anna&_count=1", "BTG", "second")).await > 0);
    let without = Ask { purpose: Some("BTG"), ..Ask::get("seh-arts", SEARCH) };
    assert_eq!(world.ask(&without).await.refusal(), (400, "required".to_owned()));
    assert_eq!(
        world.ask(&with_reason("apotheker", SEARCH, "BTG", "third")).await.refusal(),
        (403, "forbidden".to_owned())
    );
    for id in ["first", "second"] {
        world.closed(id).await;
    }
    let intents: Vec<Value> = ["first", "second"].map(|id| world.on_record("intent", id).remove(0)).to_vec();
    assert_eq!((&intents[0]["ground"], &intents[0]["review"]), (&json!("break-glass"), &json!("break-glass")));
    assert_eq!(intents[0]["emergency"], intents[1]["emergency"]);
    world.gateway().stop();
    let directory = world.dir().join("journal");
    let ran = sluis(&["audit", "review", directory.to_str().unwrap()], "");
    let items = ran.json()["items"].clone();
    assert_eq!((ran.code, items.as_array().unwrap().len()), (Some(0), 1), "{items}");
    let item = &items[0];
    assert_eq!((&item["kind"], &item["id"]), (&json!("break-glass"), &intents[0]["emergency"]["id"]));
    assert_eq!((&item["patient"], &item["reasons"]), (&json!(["Patient/anna"]), &json!(["bewusteloos"])));
    let asked: Vec<_> = item["requests"].as_array().unwrap().iter().map(|one| &one["request"]).collect();
    assert_eq!(asked, ["first", "second"]);
    let table = sluis(&["audit", "review", directory.to_str().unwrap(), "--table"], "");
    assert!(table.stdout.contains("1 to review"), "{}", table.stdout);
    assert_ne!(sluis(&["audit", "review", directory.to_str().unwrap(), "--close", "x"], "").code, Some(0));
}

#[tokio::test]
async fn a_policy_that_asks_for_pseudonyms_is_a_mistake_that_says_so() {
    let plan = Plan::of_demo().set("policy.also", vec!["research"]);
    let path = plan.write();
    let ran = sluis(&["check", "--config", path.to_str().unwrap()], "");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("pseudonymised") && ran.stdout.contains("research"), "{}", ran.stdout);
    let serve = sluis(&["serve", "--config", path.to_str().unwrap()], "");
    assert!(serve.code == Some(1) && serve.stderr.contains("pseudonymised"), "{}", serve.stderr);
}
