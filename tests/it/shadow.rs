//! A policy that decides beside the one in force: it changes nothing, and the record says where it differs.

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::{Plan, World};

const SEARCH: &str = "AllergyIntolerance?patient=anna";

fn world(name: &str, shadow: Option<&str>) -> World {
    let plan = Plan::of_demo().set("policy.name", name);
    shadow.into_iter().fold(plan, |plan, shadow| plan.set("policy.shadow", shadow)).open()
}

async fn closed(world: &World, id: &str) -> Value {
    world.closed(id).await;
    world.on_record("close", id).remove(0)
}

#[tokio::test]
async fn a_denial_that_would_be_a_permit_stays_one_and_is_on_record() {
    let ask = || Ask::get("huisarts-brug", SEARCH).under("asked");
    let (alone, beside) = (world("wabvpz", None), world("wabvpz", Some("ehds")));
    let (here, there) = (alone.ask(&ask()).await, beside.ask(&ask()).await);
    assert_eq!((here.status, here.text()), (there.status, there.text()));
    assert!(here.entries().is_empty());
    assert_eq!(closed(&alone, "asked").await["shadow"], Value::Null);
    let differs = json!({"policy": "ehds", "ground": "policy-permits", "would": "show"});
    assert_eq!(closed(&beside, "asked").await["shadow"], differs);
}

#[tokio::test]
async fn a_permit_that_would_be_a_denial_stays_one_and_is_on_record_before_data_is_asked_for() {
    let beside = world("ehds", Some("wabvpz"));
    let reply = beside.ask(&Ask::get("huisarts-brug", SEARCH).under("asked")).await;
    assert!(!reply.entries().is_empty());
    let differs = json!({"policy": "wabvpz", "ground": "nothing-on-file", "would": "hide"});
    beside.closed("asked").await;
    assert_eq!(beside.on_record("intent", "asked")[0]["shadow"], differs);
    // Where both permit by the same rule there is nothing to say.
    beside.ask(&Ask::get("huisarts-brug", "Condition?patient=bram").under("same")).await;
    assert_eq!(closed(&beside, "same").await["shadow"], Value::Null);
}

#[test]
fn a_shadow_that_is_no_policy_is_a_mistake_that_names_it() {
    let plan = Plan::of_demo().set("policy.shadow", "nothing");
    let ran = crate::world::process::sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("nothing") || ran.stderr.contains("nothing"), "{} {}", ran.stdout, ran.stderr);
}
