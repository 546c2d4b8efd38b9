//! The record sent on (`[[audit.forward]]`): whatever the target does, and whenever the gateway is killed, the target has
//! everything, once, and care goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::process::sluis;
use crate::world::target::{Deed, Target};
use crate::world::{Plan, World, journal};

fn forwarder(target: &Target) -> toml::Table {
    let mut table = toml::Table::new();
    for (key, value) in [("name", "central"), ("kind", "fhir"), ("longest_wait", "200ms")] {
        table.insert(key.to_owned(), value.into());
    }
    table.insert("base".to_owned(), target.base().into());
    table
}

fn plan(forwarder: toml::Table) -> Plan {
    Plan::of_demo().set("audit.forward", vec![toml::Value::Table(forwarder)])
}

async fn ask(world: &World, id: &str) {
    let reply = world.ask(&Ask::get("huisarts-noord", "Condition?patient=carla").under(id)).await;
    assert_eq!(reply.status, 200);
}

/// What `sluis audit export` makes of the journal, by id.
fn exported(world: &World, more: &[&str]) -> BTreeMap<String, String> {
    let directory = world.dir().join("journal");
    let mut arguments = vec!["audit", "export", directory.to_str().unwrap()];
    arguments.extend(more);
    let ran = sluis(&arguments, "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    ran.stdout.lines().map(|line| (id(line), line.to_owned())).collect()
}

async fn until(world: &World, what: &str, holds: impl AsyncFn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < patience, "{what}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn told(world: &World) -> (u16, Value) {
    // A gateway that has just started may not have asked its sources yet; nothing else keeps it from being ready.
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let (status, text) = world.admin_get("/ready").await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        if answer["checks"]["consent-sources"] == "ok" || Instant::now() > patience {
            return (status, answer["forward"]["central"].clone());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_all_sent(world: &World) {
    until(world, "not everything is sent", async || told(world).await.1["records"] == 0).await;
}

fn mentions(has: &BTreeMap<String, String>, request: &str) -> bool {
    has.values().any(|event| event.contains(&format!("\"{request}\"")))
}

#[tokio::test]
async fn the_record_is_sent_on_as_it_is_exported_and_without_what_was_withheld() {
    let target = Target::up();
    let mut forwarder = forwarder(&target);
    forwarder.insert("bearer_file".to_owned(), "token".into());
    let plan = plan(forwarder);
    std::fs::write(plan.dir().join("token"), "s3cret\n").unwrap();
    let mut world = plan.open();
    for id in ["one", "two"] {
        ask(&world, id).await;
        world.closed(id).await;
    }
    until_all_sent(&world).await;
    assert!(mentions(&target.has(), "two"));
    let (status, told) = told(&world).await;
    assert_eq!((status, told), (200, json!({"state": "ok", "records": 0, "seconds": 0})));
    let (_, metrics) = world.admin_get("/metrics").await;
    let sent =
        metrics.lines().find_map(|line| line.strip_prefix("sluis_forward_records_total{forwarder=\"central\"} "));
    assert!(sent.unwrap().parse::<u64>().unwrap() > 4, "{metrics}");
    // What is on record of the stop itself goes too.
    world.gateway().stop();
    assert_eq!(target.has(), exported(&world, &[]));
    for head in target.heads() {
        let head = head.to_lowercase();
        assert!(head.contains("authorization: bearer s3cret") && head.contains("prefer: return=minimal"), "{head}");
        assert_eq!(head.matches("prefer:").count(), 1, "{head}");
    }
    // The twin, for whoever may read the journal.
    assert!(!target.has().values().any(|event| event.contains("carla-condition-anxiety")));
    let protected = exported(&world, &["--withheld"]);
    assert!(protected.values().any(|event| event.contains("carla-condition-anxiety")));
    let all = Target::up();
    let mut forwarder = self::forwarder(&all);
    forwarder.insert("name".to_owned(), "protected".into());
    forwarder.insert("withheld".to_owned(), true.into());
    set_forwarders(&world, vec![forwarder]);
    world.start_again();
    world.gateway().stop();
    assert_eq!(all.has(), exported(&world, &["--withheld"]));
    world.assert_intact();
}

fn set_forwarders(world: &World, forwarders: Vec<toml::Table>) {
    let path = world.dir().join("sluis.toml");
    let mut configuration: toml::Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    configuration["audit"].as_table_mut().unwrap().insert("forward".to_owned(), forwarders.into());
    std::fs::write(&path, toml::to_string(&configuration).unwrap()).unwrap();
}

#[tokio::test]
async fn a_target_that_is_down_or_fails_in_any_way_has_everything_once_in_the_end() {
    let mut target = Target::down();
    let mut world = plan(forwarder(&target)).open();
    ask(&world, "down").await;
    until(&world, "nobody noticed", async || told(&world).await.1["state"] == "failing").await;
    let (status, state) = told(&world).await;
    // Care goes on.
    assert_eq!((status, &state["reason"]), (200, &json!("unreachable")));
    assert!(state["records"].as_u64().unwrap() > 0);
    let (_, metrics) = world.admin_get("/metrics").await;
    assert!(
        metrics.contains("sluis_forward_failures_total{forwarder=\"central\",reason=\"unreachable\"} "),
        "{metrics}"
    );
    target.will([
        Deed::Status(500),
        Deed::TakeAndHangUp,
        Deed::HangUp,
        Deed::TakeAndCut,
        Deed::FailLast(500),
        Deed::TakeAndAnswer("{}"),
        Deed::TakeAndAnswer(r#"{"resourceType":"Bundle","type":"transaction-response","entry":[]}"#),
        Deed::Status(401),
        Deed::Status(302),
        Deed::FailLast(409),
        Deed::TakeSlowly(Duration::from_millis(300)),
    ]);
    target.start();
    until(&world, "not all was tried", async || target.did()).await;
    ask(&world, "up").await;
    world.closed("up").await;
    until_all_sent(&world).await;
    target.stop();
    ask(&world, "down-again").await;
    world.closed("down-again").await;
    // It ends in time though its target is gone, and sends the rest the next time.
    world.gateway().stop();
    assert!(!mentions(&target.has(), "down-again"));
    target.start();
    world.start_again();
    until_all_sent(&world).await;
    world.gateway().stop();
    assert_eq!(target.has(), exported(&world, &[]));
    world.assert_intact();
}

/// A gateway that is killed has sent what the cursor does not know of; it is sent again, and nothing changes by it.
#[tokio::test]
async fn a_gateway_that_is_killed_again_and_again_while_it_sends_loses_nothing_and_doubles_nothing() {
    let target = Target::up();
    let mut world = plan(forwarder(&target)).open();
    for round in 0..6 {
        target.will(match round % 3 {
            // The target has it and the gateway does not know: killed between the two.
            0 => vec![Deed::TakeAndHangUp, Deed::TakeAndHangUp],
            1 => vec![Deed::TakeSlowly(Duration::from_millis(150)), Deed::TakeAndCut],
            _ => vec![],
        });
        let before = target.requests();
        for number in 0..4 {
            ask(&world, &format!("k{round}-{number}")).await;
        }
        until(&world, "nothing is sent", async || target.requests() > before).await;
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        world.gateway().kill();
        if round == 3 {
            std::fs::remove_file(world.dir().join("journal/forward/central")).unwrap();
        }
        world.start_again();
    }
    until_all_sent(&world).await;
    world.gateway().stop();
    let expected = exported(&world, &[]);
    assert!(mentions(&expected, "k5-3"));
    assert_eq!(target.has(), expected);
    world.assert_intact();
}

#[tokio::test]
async fn a_record_that_the_target_refuses_stops_the_forwarder_loudly_and_is_sent_once_it_is_taken() {
    let target = Target::up();
    target.refuse(Some("\"poison\""));
    let mut world = plan(forwarder(&target)).open();
    for id in ["before", "poison", "behind"] {
        ask(&world, id).await;
        world.closed(id).await;
    }
    until(&world, "it goes on", async || told(&world).await.1["state"] == "stopped").await;
    let (status, state) = told(&world).await;
    assert_eq!((status, &state["reason"]), (200, &json!("refused")));
    let (_, metrics) = world.admin_get("/metrics").await;
    assert!(metrics.contains("sluis_forward_stopped{forwarder=\"central\"} 1\n"), "{metrics}");
    assert!(world.log().contains("a forwarder stopped"), "{}", world.log());
    let has = target.has();
    assert_eq!(["before", "poison", "behind"].map(|id| mentions(&has, id)), [true, false, false]);
    // Care goes on, and nothing more is asked of the target.
    let requests = target.requests();
    ask(&world, "later").await;
    world.closed("later").await;
    assert_eq!(target.requests(), requests);
    target.refuse(None);
    world.gateway().hang_up();
    until_all_sent(&world).await;
    assert!(mentions(&target.has(), "later"));
    world.gateway().stop();
    assert_eq!(target.has(), exported(&world, &[]));
    // What was refused stopped nothing else: every record of it is there.
    assert_eq!(journal::lines(world.dir()).iter().filter(|line| line["kind"] == "close").count(), 4);
}

#[tokio::test]
async fn a_forwarder_can_come_and_go_while_the_gateway_runs_and_never_takes_anothers_cursor() {
    let (one, other) = (Target::up(), Target::up());
    let mut world = World::of_demo();
    ask(&world, "early").await;
    world.closed("early").await;
    set_forwarders(&world, vec![forwarder(&one)]);
    world.gateway().hang_up();
    // Everything that is on record, not only what comes.
    until(&world, "not sent", async || mentions(&one.has(), "early")).await;
    until_all_sent(&world).await;
    // The same name towards somewhere else would never send what was sent before.
    set_forwarders(&world, vec![forwarder(&other)]);
    world.gateway().hang_up();
    until(&world, "it counts", async || world.admin_get("/ready").await.1.contains("unusable-file")).await;
    assert_eq!(other.requests(), 0);
    ask(&world, "late").await;
    world.closed("late").await;
    until(&world, "not sent", async || mentions(&one.has(), "late")).await;
    let mut named = forwarder(&other);
    named.insert("name".to_owned(), "other".into());
    set_forwarders(&world, vec![named]);
    world.gateway().hang_up();
    until(&world, "not sent", async || mentions(&other.has(), "late")).await;
    assert!(world.log().contains("a cursor of no forwarder"), "{}", world.log());
    world.gateway().stop();
    assert_eq!(other.has(), exported(&world, &[]));
}

#[test]
fn a_forwarder_that_is_not_understood_is_a_mistake_by_name() {
    if cfg!(not(feature = "nats")) {
        let table = toml::toml! {
            name = "central"
            kind = "nats"
            withheld = true
            servers = ["nats://127.0.0.1:1"]
            stream = "R"
        };
        let plan = plan(table);
        let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
        assert!(ran.code == Some(1) && ran.stdout.contains("the feature nats"), "{}", ran.stdout);
        let ran = sluis(&["serve", "--config", plan.write().to_str().unwrap()], "");
        assert!(ran.code == Some(1) && ran.stderr.contains("the feature nats"), "{}", ran.stderr);
    }
    let checked = |change: &[(&str, toml::Value)]| {
        let mut table = toml::Table::new();
        for (key, value) in [("name", "central"), ("kind", "fhir"), ("base", "http://127.0.0.1:1/fhir")] {
            table.insert(key.to_owned(), value.into());
        }
        for (key, value) in change {
            table.insert((*key).to_owned(), value.clone());
        }
        let plan = plan(table);
        let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
        (ran.code, ran.json()["mistakes"].to_string())
    };
    assert_eq!(checked(&[]).0, Some(0), "{}", checked(&[]).1);
    for (key, value, named) in [
        ("name", "../central", "audit.forward.name"),
        ("name", "", "audit.forward.name"),
        ("kind", "syslog", "audit.forward.kind"),
        ("base", "ftp://127.0.0.1", "audit.forward.base"),
        ("longest_wait", "soon", "audit.forward.longest_wait"),
        ("certificate", "sluis.toml", "audit.forward.key"),
        ("bearer_file", "nowhere", "audit.forward.bearer_file"),
        ("stream", "RECORD", "audit.forward.stream"),
        ("unknown", "x", "unknown field `unknown`"),
    ] {
        let (code, mistakes) = checked(&[(key, value.into())]);
        assert!(code == Some(1) && mistakes.contains(named), "{key}: {mistakes}");
    }
}
