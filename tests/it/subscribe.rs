//! `sluis subscribe`: the upstream is asked to announce what decisions rest on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sluis::cli::demo::fhir_server::Fault;

use crate::world::Plan;
use crate::world::ask::plain_get;
use crate::world::process::{Ran, sluis};

const SECRET: &str = "a-secret-of-the-server";
const BASE: &str = "http://127.0.0.1:9443";
const ENDPOINT: &str = "http://127.0.0.1:9443/hooks/records";
const TYPES: [&str; 7] =
    ["Consent", "Patient", "Organization", "Practitioner", "PractitionerRole", "CareTeam", "Group"];

fn plan() -> Plan {
    Plan::of_demo().set("consent.hook_secret", SECRET).set("consent.hook_base", BASE)
}

fn subscribe(plan: &Plan) -> Ran {
    sluis(&["subscribe", "--config", plan.write().to_str().unwrap()], "")
}

/// What was done, by type.
fn done(ran: &Ran) -> Vec<(String, String)> {
    assert!(!ran.stdout.contains(SECRET) && !ran.stderr.contains(SECRET));
    let report = ran.json();
    let each = report["subscriptions"].as_array().unwrap().iter().map(|each| {
        assert_eq!((&each["upstream"], &each["endpoint"]), (&json!("records"), &json!(ENDPOINT)));
        let kind = each["criteria"].as_str().unwrap().strip_suffix('?').unwrap();
        (kind.to_owned(), each["done"].as_str().unwrap().to_owned())
    });
    each.collect()
}

fn all(what: &str) -> Vec<(String, String)> {
    TYPES.iter().map(|kind| ((*kind).to_owned(), what.to_owned())).collect()
}

async fn stored(plan: &Plan) -> Vec<Value> {
    let (status, body) = plain_get(&format!("{}/Subscription?_count=100", plan.server().base())).await.unwrap();
    assert_eq!(status, 200, "{body}");
    let bundle: Value = serde_json::from_str(&body).unwrap();
    bundle["entry"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect()
}

#[tokio::test]
async fn it_makes_one_subscription_for_each_type_and_none_twice() {
    let plan = plan();
    let first = subscribe(&plan);
    assert_eq!((first.code, done(&first)), (Some(0), all("created")), "{}", first.stderr);
    let there = stored(&plan).await;
    assert_eq!(there.len(), TYPES.len());
    for each in &there {
        let channel = &each["channel"];
        assert_eq!((&each["status"], &channel["type"]), (&json!("active"), &json!("rest-hook")));
        assert_eq!(channel["endpoint"], ENDPOINT);
        assert_eq!(channel["header"], json!([format!("Authorization: Bearer {SECRET}")]));
        assert!(channel.get("payload").is_none(), "{each}");
    }
    let again = subscribe(&plan);
    assert_eq!((again.code, done(&again)), (Some(0), all("unchanged")));
    assert_eq!(stored(&plan).await, there);
}

#[tokio::test]
async fn what_is_there_and_says_something_else_is_written_anew_under_its_id() {
    let plan = plan();
    subscribe(&plan);
    let ids = |all: Vec<Value>| all.iter().map(|each| each["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    let before = ids(stored(&plan).await);
    let plan = plan.set("consent.hook_secret", "another-secret-of-some");
    let again = subscribe(&plan);
    assert_eq!((again.code, done(&again)), (Some(0), all("updated")));
    let there = stored(&plan).await;
    assert_eq!(there[0]["channel"]["header"], json!(["Authorization: Bearer another-secret-of-some"]));
    assert_eq!(ids(there), before);
}

/// Of other gateways in front of the same server, and of anybody else.
#[tokio::test]
async fn subscriptions_of_others_are_left_alone() {
    let plan = plan();
    let other = r#"{"resourceType":"Subscription","id":"other","status":"active","reason":"x","criteria":"Consent?","channel":{"type":"rest-hook","endpoint":"http://127.0.0.1:9444/hooks/records"}}"#;
    plan.server().put(other).unwrap();
    assert_eq!(done(&subscribe(&plan)), all("created"));
    let there = stored(&plan).await;
    let kept = there.iter().find(|each| each["id"] == "other").unwrap();
    assert_eq!((kept["meta"]["versionId"].as_str(), there.len()), (Some("1"), TYPES.len() + 1));
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_turned_off_and_comes_back() {
    let plan = plan();
    subscribe(&plan);
    let plan = plan.set("consent.hook_types", vec!["Consent".to_owned()]);
    let fewer = subscribe(&plan);
    assert_eq!(fewer.code, Some(0), "{}", fewer.stdout);
    let mut done_now = done(&fewer);
    done_now.sort();
    let expected = |kind: &&str| ((*kind).to_owned(), if *kind == "Consent" { "unchanged" } else { "off" }.to_owned());
    let mut wanted: Vec<_> = TYPES.iter().map(expected).collect();
    wanted.sort();
    assert_eq!(done_now, wanted);
    let off = stored(&plan).await.into_iter().filter(|each| each["status"] == "off").count();
    assert_eq!(off, TYPES.len() - 1);
    // Once off, there is nothing to do about them.
    assert_eq!(done(&subscribe(&plan)), [("Consent".to_owned(), "unchanged".to_owned())]);
    let plan = plan.set("consent.hook_types", TYPES.map(str::to_owned).to_vec());
    let more = subscribe(&plan);
    assert!(done(&more).contains(&("Patient".to_owned(), "updated".to_owned())), "{}", more.stdout);
    assert_eq!(stored(&plan).await.len(), TYPES.len());
}

#[test]
fn what_is_missing_is_a_mistake_and_a_server_that_refuses_is_not() {
    let ran = subscribe(&Plan::of_demo());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("consent.hook_secret"), "{}", ran.stderr);
    let ran = subscribe(&Plan::of_demo().set("consent.hook_secret", SECRET));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("consent.hook_base"), "{}", ran.stderr);
    let ran = subscribe(&plan().set("consent.combining", "whatever"));
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("consent.combining"), "{}", ran.stderr);
    let refuses = |status, body: &str| Fault::Answer {
        status,
        content_type: "application/fhir+json".to_owned(),
        body: body.to_owned(),
    };
    for (asked, fault) in [
        ("", Fault::Down),
        ("Subscription", refuses(422, r#"{"resourceType":"OperationOutcome"}"#)),
        ("Subscription?", Fault::Html500),
        ("Subscription", refuses(201, "[]")),
    ] {
        let plan = plan();
        plan.server().plant(asked, fault);
        let ran = subscribe(&plan);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(!ran.stderr.contains(SECRET) && !ran.stderr.contains("127.0.0.1"), "{}", ran.stderr);
    }
}

/// The gateway itself writes nothing, whatever is configured.
#[tokio::test]
async fn a_serving_gateway_subscribes_to_nothing() {
    let world = plan().open();
    assert_eq!(world.get("huisarts-brug", "Condition?patient=bram").await.status, 200);
    assert!(world.server().seen().iter().all(|seen| seen.method == "GET" && !seen.target.starts_with("Subscription")));
}
