//! What a search can ask for besides its criteria, over the real process: parts of resources, totals, order, bounds.

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::{World, records};

/// The resources of a searchset.
fn resources(bundle: &Value) -> Vec<Value> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"].clone()).collect()
}

fn is_subsetted(resource: &Value) -> bool {
    let tags = resource["meta"]["tag"].as_array().cloned().unwrap_or_default();
    let tag = json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"});
    tags.contains(&tag)
}

#[tokio::test]
async fn parts_are_taken_of_what_is_released_and_the_server_is_asked_for_the_whole() {
    let world = World::of_demo();
    let target = "MedicationRequest?patient=bram&_count=100&_include=MedicationRequest:requester";
    let whole = resources(&world.get("huisarts-brug", target).await.json());
    let given = world.get("huisarts-brug", format!("{target}&_elements=authoredOn")).await.json();
    let given = resources(&given);
    assert!(given.len() == whole.len() && given.iter().any(|one| one["resourceType"] == "Practitioner"));
    for (part, whole) in given.iter().zip(&whole) {
        if part["resourceType"] == "MedicationRequest" {
            assert!(is_subsetted(part) && part.get("category").is_none(), "{part}");
            for name in ["id", "status", "intent", "subject", "authoredOn"] {
                assert_eq!(part[name], whole[name], "{name}");
            }
        } else {
            assert_eq!(part, whole, "an include is whole");
        }
    }
    let read = format!("MedicationRequest/{}?_summary=true", whole[0]["id"].as_str().unwrap());
    let read = world.get("huisarts-brug", read).await.json();
    assert!(is_subsetted(&read) && read["status"] == whole[0]["status"]);
    let asked = world.asked();
    assert!(asked.iter().any(|seen| seen.target.starts_with("MedicationRequest?")));
    assert!(!asked.iter().any(|seen| seen.target.contains("_elements") || seen.target.contains("_summary")));
}

#[tokio::test]
async fn what_is_visible_is_counted_here_and_nobody_has_none() {
    let world = World::of_demo();
    let count = async |who, target: &str| {
        let reply = world.get(who, target).await;
        assert_eq!(reply.status, 200, "{target}");
        reply.json()["total"].as_u64()
    };
    for kind in ["Condition", "Observation", "MedicationRequest"] {
        let target = format!("{kind}?patient=carla");
        // Carla withholds some of it from one of the two.
        for who in ["huisarts-noord", "huisarts-brug"] {
            let whole = world.get(who, format!("{target}&_count=100")).await;
            let visible = u64::try_from(whole.entries().len()).unwrap();
            assert_eq!(count(who, &format!("{target}&_summary=count")).await, Some(visible));
            assert_eq!(count(who, &format!("{target}&_count=1&_total=accurate")).await, Some(visible));
            assert_eq!(whole.json().get("total"), None);
        }
    }
    assert_eq!(count("huisarts-brug", "Condition?patient=nobody-of-that-name&_count=0").await, Some(0));
    assert!(world.asked().iter().all(|seen| !seen.target.contains("_total=accurate")));
}

#[tokio::test]
async fn when_something_changed_is_asked_here_and_order_is_the_server_s() {
    let world = World::of_demo();
    let ids = |bundle: &Value| -> Vec<String> {
        resources(bundle).iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    // What is written twice changed later than what was written once.
    for _ in 0..2 {
        world.server().put(&records::result("written-twice", "bram", "")).unwrap();
    }
    let target = "Observation?patient=bram&_count=100";
    let all = world.get("huisarts-brug", format!("{target}&_sort=-_id")).await.json();
    let mut sorted = ids(&all);
    sorted.sort_unstable_by(|one, other| other.cmp(one));
    assert!(ids(&all) == sorted && sorted.len() > 2);
    let moments: Vec<String> =
        resources(&all).iter().map(|one| one["meta"]["lastUpdated"].as_str().unwrap().to_owned()).collect();
    let first = moments.iter().min().unwrap().replace('+', "%2B");
    for (bound, entries) in [(format!("gt{first}"), 1), (format!("ge{first}"), sorted.len()), (format!("lt{first}"), 0)]
    {
        let given = world.get("huisarts-brug", format!("{target}&_lastUpdated={bound}")).await;
        assert_eq!(given.entries().len(), entries, "{bound}");
    }
    assert!(world.asked().iter().all(|seen| !seen.target.contains("_lastUpdated")));
    let refused = world.get("huisarts-brug", format!("{target}&_sort=code")).await;
    assert_eq!(refused.refusal(), (400, "not-supported".to_owned()));
}

#[tokio::test]
async fn who_has_what_it_reads_is_told_so_after_the_decision_and_on_record() {
    let world = World::of_demo();
    let read = Ask::get("huisarts-brug", "Observation/bram-observation-lab-1");
    let whole = world.ask(&read).await;
    let etag = whole.header("etag").unwrap().to_owned();
    assert!(whole.status == 200 && etag.starts_with("W/\"") && etag != "W/\"1\"", "{etag}");
    assert_eq!(world.ask(&read).await.header("etag"), Some(etag.as_str()));
    let again = world.ask(&read.clone().having(&etag).under("has-it")).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag.as_str())));
    assert_eq!(world.intents("has-it"), 1);
    let close = world.closed("has-it").await;
    assert_eq!((&close["outcome"], &close["status"]), (&json!("delivered"), &json!(304)));
    // Who names the ETag of a resource holds it, and learns that it is still what there is: shown, with no byte of a body.
    assert_eq!((close["released"].as_array().unwrap().len(), &close["bytes"]), (1, &json!(0)));
    // The version of the server is nobody's ETag, and a part has one of its own.
    for (target, has) in [("", "W/\"1\"".to_owned()), ("?_summary=true", etag.clone())] {
        let ask = Ask { target: format!("{}{target}", read.target), ..read.clone() };
        let other = world.ask(&ask.having(has)).await;
        assert_eq!(other.status, 200, "{target}");
    }
    assert_eq!(world.get("huisarts-brug", "Observation?patient=bram").await.header("etag"), None);
}

#[tokio::test]
async fn what_is_hidden_is_not_there_whatever_the_caller_says_it_has() {
    let world = World::of_demo();
    let unknown = world.get("huisarts-noord", "Condition/nothing-of-that-name").await.compared();
    assert_eq!(unknown.status, 404);
    for has in ["*", "W/\"1\""] {
        for id in ["carla-condition-depression", "nothing-of-that-name"] {
            let read = Ask::get("huisarts-noord", format!("Condition/{id}")).having(has);
            assert_eq!(world.ask(&read).await.compared(), unknown, "{id} {has}");
        }
    }
}
