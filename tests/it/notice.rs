//! Notice mode: callers are told that data may have been withheld, by their plan alone.

use crate::world::ask::{Ask, Reply};
use crate::world::{Plan, World};

fn world(gone: &[&str]) -> World {
    let plan = Plan::of_demo().set("policy.mode", "notice");
    gone.iter().for_each(|reference| plan.server().expunge(reference));
    plan.open()
}

/// Whether the Bundle is labelled, and how many outcomes it has; an outcome stands behind all else.
fn notices(reply: &Reply) -> (bool, usize) {
    let bundle = reply.json();
    assert_eq!(bundle["resourceType"], "Bundle", "{}", reply.text());
    let outcomes = |entry: &&serde_json::Value| entry["search"]["mode"] == "outcome";
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let last = entries.iter().rev().take_while(outcomes).count();
    assert_eq!(last, entries.iter().filter(outcomes).count(), "{}", reply.text());
    (bundle["meta"]["security"][0]["code"] == "REDACTED", last)
}

#[tokio::test]
async fn every_page_of_whoever_has_a_plan_says_so_and_no_page_of_who_has_none() {
    let world = world(&[]);
    for resource_type in ["Observation", "Condition", "MedicationRequest", "Immunization", "Appointment"] {
        for (who, expected) in [("huisarts-noord", (true, 1)), ("huisarts-brug", (false, 0))] {
            let pages = world.pages(&Ask::get(who, format!("{resource_type}?patient=carla&_count=2"))).await;
            for page in pages {
                assert_eq!(notices(&page), expected, "{resource_type} of {who}: {}", page.text());
            }
        }
    }
    let read = world.get("huisarts-noord", "Condition/carla-condition-1").await;
    assert!(read.status == 200 && !read.text().contains("REDACTED"), "{}", read.text());
}

#[tokio::test]
async fn who_is_denied_and_who_is_unknown_get_the_same_notice() {
    let world = world(&[]);
    let mut bodies = Vec::new();
    // Nothing on file, unknown, unreadable.
    for patient in ["anna", "nobody", "henk"] {
        let reply = world.get("huisarts-brug", format!("Condition?patient={patient}")).await.compared();
        assert_eq!(notices(&reply), (true, 1), "{patient}");
        bodies.push(reply.text().replace(&format!("patient={patient}"), "patient=X"));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:#?}");
    let refusal = world.get("huisarts-brug", "Patient/anna").await;
    assert_eq!(refusal.refusal(), world.get("huisarts-brug", "Patient/nobody").await.refusal());
}

#[tokio::test]
async fn a_notice_does_not_tell_whether_anything_was_withheld() {
    let (here, there) = (world(&[]), world(&["Condition/carla-condition-depression"]));
    for target in ["Condition?patient=carla", "Condition?patient=carla&_count=1", "Immunization?patient=carla"] {
        let request = Ask::get("huisarts-noord", target);
        let (one, other) = (here.pages(&request).await, there.pages(&request).await);
        assert_eq!(one.len(), other.len(), "{target}");
        for (one, other) in one.into_iter().zip(other) {
            assert_eq!(one.compared().text(), other.compared().text(), "{target}");
        }
    }
}
