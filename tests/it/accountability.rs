//! Law 3, accountability: no byte of patient data leaves before a record of it is durable, and every end is on record
//! (invariant 3; of invariant 12 see `kill`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use sluis::cli::demo::fhir_server::Fault;

use crate::world::ask::{Ask, ask};
use crate::world::raw::Wire;
use crate::world::stories::STORIES;
use crate::world::{Plan, World, journal, records};

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Invariant 3: one closing record for each request, and an intent before it where data was asked for.
#[tokio::test]
async fn every_answer_has_one_closing_record_and_data_has_an_intent_before_it() {
    let world = World::of_demo();
    let mut number = 0;
    for story in STORIES {
        let client = world.client(story.who);
        let mut questions = story.questions();
        questions.truncate(30);
        for question in questions {
            number += 1;
            let id = format!("r-{number}");
            let reply = ask(&client, world.port(), &question.clone().under(&*id)).await.unwrap();
            assert_eq!(reply.header("x-request-id"), Some(id.as_str()));
            // The answer is here, so the intent must be on disk by now.
            let intents = world.intents(&id);
            let is_bundle = reply.json()["resourceType"] == "Bundle";
            let shows = reply.status == 200 && (!is_bundle || !reply.entries().is_empty());
            assert!(intents == 1 || (intents == 0 && !shows), "{intents} intents of {question:?}");
        }
    }
    world.closed(&format!("r-{number}")).await;
    let lines = journal::lines(world.dir());
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["request"].is_string()) {
        kinds.entry(line["request"].as_str().unwrap()).or_default().push(line["kind"].as_str().unwrap());
    }
    for each in 1..=number {
        let id = format!("r-{each}");
        let kinds = &kinds[id.as_str()];
        assert!(*kinds == ["intent", "close"] || *kinds == ["close"], "{id}: {kinds:?}");
    }
    world.assert_intact();
}

#[tokio::test]
async fn the_record_says_who_asked_for_whom_and_why_and_what_left() {
    let world = World::of_demo();
    let target = "Condition?patient=carla";
    let reply = world.ask(&Ask::get("huisarts-noord", target).under("noord")).await;
    let close = world.closed("noord").await;
    assert_eq!((&close["outcome"], &close["status"]), (&json!("delivered"), &json!(200)));
    assert_eq!((&close["who"]["ura"], &close["who"]["role"]), (&json!("90000102"), &json!("01.015")));
    assert_eq!((&close["purpose"], &close["ground"]), (&json!("TREAT"), &json!("rule-permits")));
    assert_eq!((&close["exchange"], &close["type"]), (&json!("ips"), &json!("Condition")));
    assert_eq!(close["patient"], json!({"references": ["Patient/carla"], "bsn": "999990305"}));
    assert_eq!(texts(&close["authorisation"]["consents"]), ["Consent/carla-consent-1"]);
    assert_eq!(texts(&close["released"]), reply.entries());
    assert_eq!(close["bytes"], json!(reply.body.len()));
    let withheld: BTreeSet<_> = texts(&close["withheld"]["rule-denies"]).into_iter().collect();
    let expected = ["Condition/carla-condition-anxiety", "Condition/carla-condition-depression"];
    assert_eq!(withheld, BTreeSet::from(expected));
    // The intent knows everything but the end.
    let intent = &world.on_record("intent", "noord")[0];
    for member in ["who", "address", "asked", "purpose", "patient", "authorisation", "source", "exchange"] {
        assert_eq!(intent[member], close[member], "{member}");
    }
}

#[tokio::test]
async fn a_denial_a_refusal_and_a_failure_are_on_record_each_as_what_it_is() {
    let world = World::of_demo();
    let emergency = Ask {
        purpose: Some("ETREAT"),
        reason: Some("Buiten%20bewustzijn"),
        ..Ask::get("seh-arts", "Flag?patient=fatima")
    };
    for (id, request, outcome, status, ground) in [
        (
            "nothing-on-file",
            Ask::get("huisarts-brug", "Condition?patient=anna"),
            "refused",
            200,
            json!("nothing-on-file"),
        ),
        ("barred", Ask::get("internist-oost", "Condition/dirk-condition-1"), "refused", 404, json!("rule-denies")),
        (
            "unreadable",
            Ask::get("huisarts-brug", "Condition?patient=henk"),
            "refused",
            200,
            json!("consent-unreadable"),
        ),
        ("unknown", Ask::get("huisarts-brug", "Patient/nobody"), "refused", 404, Value::Null),
        (
            "hidden",
            Ask::get("huisarts-noord", "Condition/carla-condition-anxiety"),
            "refused",
            404,
            json!("rule-permits"),
        ),
        (
            "not-understood",
            Ask::get("huisarts-brug", "Condition?patient=bram&_has:x:y:z=1"),
            "refused",
            400,
            Value::Null,
        ),
        (
            "purpose",
            Ask { purpose: Some("HRESCH"), ..Ask::get("huisarts-brug", "Condition?patient=bram") },
            "refused",
            403,
            json!("purpose-not-admitted"),
        ),
        ("role", Ask::get("assistent", "Condition?patient=bram"), "refused", 403, Value::Null),
        ("metadata", Ask::get("huisarts-brug", "metadata"), "delivered", 200, Value::Null),
        ("emergency", emergency, "delivered", 200, json!("rule-permits")),
    ] {
        let reply = world.ask(&request.under(id)).await;
        let close = world.closed(id).await;
        assert_eq!(reply.status, status, "{id}: {}", reply.text());
        assert_eq!(
            (&close["outcome"], &close["status"], &close["ground"]),
            (&json!(outcome), &json!(status), &ground),
            "{id}"
        );
    }
    assert_eq!(world.closed("emergency").await["reason"], "Buiten bewustzijn");
    world.server().plant("Condition", Fault::Html500);
    let failed = world.ask(&Ask::get("huisarts-brug", "Condition?patient=bram").under("failed")).await;
    assert_eq!(failed.status, 502);
    let close = world.closed("failed").await;
    assert_eq!((&close["outcome"], &close["status"]), (&json!("failed"), &json!(502)));
    assert_eq!(world.on_record("intent", "failed").len(), 1);
}

fn request(id: &str, target: &str) -> Vec<u8> {
    format!("GET /fhir/{target} HTTP/1.1\r\nHost: localhost\r\nSluis-Purpose: TREAT\r\nX-Request-Id: {id}\r\n\r\n")
        .into()
}

/// Invariant 3, hang-ups.
#[tokio::test]
async fn who_hangs_up_in_the_middle_of_a_body_is_on_record_as_cut_off() {
    let plan = Plan::of_demo();
    for each in records::long_results("bram", 100, 20_000) {
        plan.server().put(&each).unwrap();
    }
    let world = plan.open();
    let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
    wire.send(&request("part", "Observation?patient=bram&_count=100"));
    let heard = wire.read(100_000);
    assert!(heard.starts_with(b"HTTP/1.1 200") && heard.len() >= 100_000);
    drop(wire);
    let close = world.closed("part").await;
    assert_eq!((&close["outcome"], &close["status"]), (&json!("cut-off"), &json!(200)));
    // What was released until then, at least what was read.
    let released = texts(&close["released"]).len();
    assert!((4..100).contains(&released), "{released}");
    assert!((100_000..2_000_000).contains(&close["bytes"].as_u64().unwrap()), "{close}");
    assert_eq!(world.on_record("intent", "part").len(), 1);
    // The twin: who reads to the end.
    let whole = world.ask(&Ask::get("huisarts-brug", "Observation?patient=bram&_count=100").under("whole")).await;
    let close = world.closed("whole").await;
    assert_eq!((&close["outcome"], &close["bytes"]), (&json!("delivered"), &json!(whole.body.len())));
    world.assert_intact();
}

/// Invariant 3. A connection of HTTP/1.1 may be half closed, so the request goes on and its end is on record as it came.
#[tokio::test]
async fn who_hangs_up_before_the_answer_is_on_record_once() {
    let world = World::of_demo();
    world.server().plant("Condition", Fault::Slow(Duration::from_secs(2)));
    let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
    wire.send(&request("early", "Condition?patient=bram"));
    world.until_asked("Condition").await;
    drop(wire);
    let close = world.closed("early").await;
    assert!(close["outcome"] == "cut-off" || close["outcome"] == "delivered", "{close}");
    assert_eq!(world.on_record("intent", "early").len(), 1);
}

/// A body that was cut off by the upstream is a failure, with what had been released until then.
#[tokio::test]
async fn a_body_that_breaks_is_on_record_with_what_had_left() {
    let plan = Plan::of_demo();
    for each in records::long_results("bram", 100, 20_000) {
        plan.server().put(&each).unwrap();
    }
    let world = plan.open();
    world.server().plant("Observation", Fault::CutAfter(1_500_000));
    let cut = world.try_ask(&Ask::get("huisarts-brug", "Observation?patient=bram&_count=100").under("broken")).await;
    let cut = cut.unwrap_err();
    assert_eq!(cut.status, 200);
    let close = world.closed("broken").await;
    assert_eq!((&close["outcome"], &close["cause"]), (&json!("failed"), &json!("unreachable")));
    let released = texts(&close["released"]).len();
    assert!(released > 40 && released < 100, "{released}");
    assert!(close["bytes"].as_u64().unwrap() >= u64::try_from(cut.bytes).unwrap());
}

/// A journal that cannot grow: no intent, no answer.
#[tokio::test]
async fn on_a_full_disk_nothing_is_shown() {
    let mut world = Plan::of_demo().with_disk_of(64 * 1024).open();
    let client = world.client("huisarts-brug");
    let mut shown = BTreeSet::new();
    let mut refused = 0;
    for number in 0..200 {
        let id = format!("f-{number}");
        let reply =
            ask(&client, world.port(), &Ask::get("huisarts-brug", "Condition?patient=bram").under(&*id)).await.unwrap();
        if reply.status == 200 {
            assert_eq!(refused, 0, "shown after the disk was full");
            shown.insert(id);
        } else {
            assert_eq!(reply.refusal(), (503, "transient".to_owned()));
            refused += 1;
            if refused == 5 {
                break;
            }
        }
    }
    assert!(shown.len() > 5 && refused == 5, "{} shown, {refused} refused", shown.len());
    let intents: BTreeSet<_> = journal::lines(world.dir())
        .iter()
        .filter(|line| line["kind"] == "intent")
        .filter_map(|line| line["request"].as_str().map(str::to_owned))
        .collect();
    assert!(shown.is_subset(&intents));
    // No look-up is made for whom no record can be kept, operators see it, and what needs no record says so too.
    world.server().forget_seen();
    assert_eq!(world.get("huisarts-brug", "Condition?patient=carla").await.status, 503);
    assert!(world.asked().is_empty());
    assert_eq!(world.admin_get("/ready").await.0, 503);
    assert_eq!(world.admin_get("/live").await.0, 200);
    // The twin: a start with room mends it.
    world.gateway().terminate();
    world.gateway().wait(Duration::from_secs(20));
    world.start_again();
    assert_eq!(world.get("huisarts-brug", "Condition?patient=bram").await.status, 200);
    world.gateway().stop();
    world.assert_intact();
}

#[tokio::test]
async fn a_start_closes_what_was_open_when_the_gateway_was_killed() {
    let mut world = World::of_demo();
    world.server().plant("Condition", Fault::Slow(Duration::from_secs(20)));
    let (client, port) = (world.client("huisarts-brug"), world.port());
    let open = tokio::spawn(async move {
        ask(&client, port, &Ask::get("huisarts-brug", "Condition?patient=bram").under("open")).await
    });
    for _ in 0..100 {
        if !world.on_record("intent", "open").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.gateway().kill();
    assert!(open.await.unwrap().is_err());
    assert_eq!((world.on_record("intent", "open").len(), world.on_record("close", "open").len()), (1, 0));
    world.start_again();
    let close = world.closed("open").await;
    assert_eq!((&close["outcome"], &close["cause"]), (&json!("cut-off"), &json!("gateway-ended")));
    world.gateway().stop();
    world.assert_intact();
}

/// The start does not go on from a journal that somebody changed.
#[tokio::test]
async fn a_gateway_does_not_start_on_an_altered_journal() {
    let mut world = World::of_demo();
    world.ask(&Ask::get("huisarts-brug", "Condition?patient=bram").under("one")).await;
    world.closed("one").await;
    world.gateway().stop();
    let segment = world.dir().join("journal/000001.jsonl");
    let text = std::fs::read_to_string(&segment).unwrap();
    std::fs::write(&segment, text.replacen("90000101", "90000102", 1)).unwrap();
    let ran = journal::verify(world.dir());
    assert_eq!((ran.code, &ran.json()["verdict"]), (Some(2), &json!("altered")));
    let again =
        crate::world::process::sluis(&["serve", "--config", world.dir().join("sluis.toml").to_str().unwrap()], "");
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert_eq!(again.stdout, "");
}
