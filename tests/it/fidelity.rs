//! Law 2, fidelity: what is let through is what the server said, byte for byte, but for narratives and its own URLs.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::world::ask::{Ask, plain_get};
use crate::world::stories::{STORIES, Sees};
use crate::world::{PUBLIC_BASE, Plan, World, records};

/// A Bundle, its resources as they are written.
#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    resource: Box<RawValue>,
}

/// An object's members in their order, values as they are written.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A resource as it should be released: the server's bytes but for the narrative and the server's base.
fn expected(resource: &str, base: &str) -> String {
    let Members(members) = serde_json::from_str(resource).unwrap();
    let kept: Vec<String> = members
        .iter()
        .filter(|(name, _)| name != "text")
        .map(|(name, value)| format!("{}:{}", serde_json::to_string(name).unwrap(), value.get()))
        .collect();
    format!("{{{}}}", kept.join(",")).replace(base, PUBLIC_BASE)
}

fn resources(bundle: &str) -> Vec<String> {
    let bundle: Bundle = serde_json::from_str(bundle).unwrap();
    bundle.entry.iter().map(|entry| entry.resource.get().to_owned()).collect()
}

/// What the upstream itself answers to a target.
async fn said(world: &World, target: &str) -> String {
    let (status, body) = plain_get(&format!("{}/{target}", world.server().base())).await.unwrap();
    assert_eq!(status, 200, "{target}");
    body
}

/// What no exchange of these stories has, though the type is offered.
fn is_outside(resource: &str, who: &str) -> bool {
    let resource: serde_json::Value = serde_json::from_str(resource).unwrap();
    let code = |at: &str| resource.pointer(at).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    match resource["resourceType"].as_str().unwrap() {
        "Encounter" => code("/class/code") != "IMP",
        "Consent" => true,
        "Flag" if who == "apotheker" => {
            !["350241000146102", "225419007"].contains(&&*code("/category/0/coding/0/code"))
        }
        "Observation" if who == "apotheker" => code("/category/0/coding/0/code") != "laboratory",
        _ => false,
    }
}

#[tokio::test]
async fn who_may_see_everything_gets_all_of_it_byte_for_byte() {
    let world = World::of_demo();
    let mut compared = 0;
    for story in STORIES.iter().filter(|story| matches!(story.sees, Sees::All)) {
        for search in story.searches().iter().filter(|search| search.target.ends_with("_count=100")) {
            let reply = world.ask(search).await;
            if story.who == "apotheker" && reply.status == 403 {
                continue; // Not in the exchange that is open to a pharmacist.
            }
            let both = if story.patient == "gijs" { "gijs,gijs-old" } else { story.patient };
            // Matches that nothing else puts in order are asked for by id.
            let target = search.target.replace(&format!("patient={}", story.patient), &format!("patient={both}"));
            let target = if target.contains("_sort=") { target } else { format!("{target}&_sort=_id") };
            let wanted: Vec<String> = resources(&said(&world, &target).await)
                .iter()
                .filter(|resource| !is_outside(resource, story.who))
                .map(|resource| expected(resource, world.server().base()))
                .collect();
            assert_eq!(resources(reply.text()), wanted, "{search:?}");
            compared += wanted.len();
        }
    }
    assert!(compared > 150, "{compared}");
}

#[tokio::test]
async fn a_read_gives_the_server_s_own_bytes() {
    let world = World::of_demo();
    let mut with_narrative = 0;
    for reference in records::references_of("bram") {
        let resource = said(&world, &reference).await;
        if is_outside(&resource, "huisarts-brug") || reference.starts_with("Device/") {
            continue;
        }
        let reply = world.get("huisarts-brug", reference.as_str()).await;
        assert_eq!(reply.status, 200, "{reference} {}", reply.text());
        assert_eq!(reply.text(), expected(&resource, world.server().base()), "{reference}");
        assert_eq!(reply.header("content-type"), Some("application/fhir+json; charset=utf-8"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        with_narrative += usize::from(resource.contains("\"text\":{\"status\""));
    }
    assert!(with_narrative > 0, "no narrative was there to be dropped");
}

/// Odd but right JSON: each of these would change if a resource were read and written anew.
#[tokio::test]
async fn odd_numbers_escapes_orders_and_unknown_members_survive() {
    let plan = Plan::of_demo();
    let base = plan.server().base().to_owned();
    let odd = format!(
        r#","zebra":{{"b":1,"a":[]}},"valueQuantity":{{"value":1.50,"unit":"caf\u00e9 \/ \ud83d\ude00","low":-0.0,"high":1E+2,"long":123456789012345678901234567890.00000000000000000001}},"extension":[{{"url":"{base}/StructureDefinition/x","valueReference":{{"reference":"{base}/Patient/bram"}}}}],"note":[{{"text":"<script> \"quoted\" é"}}],"_status":{{"id":"s"}},"Text":"not a narrative""#
    );
    plan.server().put(&records::result("odd", "bram", &odd)).unwrap();
    let world = plan.open();
    let wanted = expected(&said(&world, "Observation/odd").await, &base);
    for part in
        ["1.50", "1E+2", "-0.0", "caf\\u00e9 \\/ \\ud83d", "\"zebra\":{\"b\":1,\"a\":[]}", "00000001", PUBLIC_BASE]
    {
        assert!(wanted.contains(part), "{part}");
    }
    let read = world.get("huisarts-brug", "Observation/odd").await;
    assert_eq!((read.status, read.text()), (200, wanted.as_str()));
    let search = world.get("huisarts-brug", "Observation?patient=bram&_count=100").await;
    assert!(resources(search.text()).contains(&wanted));
}

#[tokio::test]
async fn the_upstream_is_nowhere_in_an_answer() {
    let world = World::of_demo();
    let upstream = world.server().base().trim_start_matches("http://").trim_end_matches("/fhir").to_owned();
    let mut asks = vec![Ask { purpose: None, ..Ask::get("huisarts-brug", "metadata") }];
    asks.extend(STORIES.iter().find(|story| story.patient == "bram").unwrap().questions());
    for request in asks {
        let reply = world.ask(&request).await;
        let headers = format!("{:?}", reply.headers);
        for trace in [upstream.as_str(), "HAPI", "_getpages", "X-Powered-By", "x-powered-by"] {
            assert!(!reply.text().contains(trace) && !headers.contains(trace), "{trace} in {request:?}");
        }
    }
}

#[tokio::test]
async fn the_same_question_gets_the_same_bytes_again() {
    let world = World::of_demo();
    for target in ["Observation?patient=bram&_count=3", "Condition?patient=bram", "Patient/bram", "metadata"] {
        let first = world.get("huisarts-brug", target).await.compared();
        assert_eq!(first, world.get("huisarts-brug", target).await.compared(), "{target}");
        let answer = first.json();
        if answer["resourceType"] == "Bundle" {
            // What a server makes anew for each search never leaves.
            assert!(["id", "meta", "total", "timestamp"].iter().all(|name| answer.get(name).is_none()), "{target}");
        }
    }
}
