//! The record sent on to a real NATS server: each line of the journal as it stands, once and in order.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::nats::Nats;
use crate::world::process::sluis;
use crate::world::{Plan, World};

fn forwarder(nats: &Nats) -> toml::Table {
    let mut table = toml::Table::new();
    for (key, value) in [("name", "central"), ("kind", "nats"), ("longest_wait", "200ms"), ("stream", "RECORD")] {
        table.insert(key.to_owned(), value.into());
    }
    table.insert("withheld".to_owned(), true.into());
    table.insert("servers".to_owned(), vec![nats.url()].into());
    table
}

fn with(mut table: toml::Table, key: &str, value: &str) -> toml::Table {
    table.insert(key.to_owned(), value.into());
    table
}

fn plan(forwarder: toml::Table) -> Plan {
    Plan::of_demo().set("audit.forward", vec![toml::Value::Table(forwarder)])
}

/// A directory of the server's own, which goes with it.
struct Place(std::path::PathBuf);

impl Place {
    fn of(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sluis-nats-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

async fn ask(world: &World, id: &str) {
    let reply = world.ask(&Ask::get("huisarts-noord", "Condition?patient=carla").under(id)).await;
    assert_eq!(reply.status, 200);
    world.closed(id).await;
}

async fn told(world: &World) -> Value {
    let (_, text) = world.admin_get("/ready").await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    // Whatever becomes of the target, care goes on. A gateway that has just started may not have asked its sources yet.
    let checks = answer["checks"].as_object().unwrap();
    assert!(checks.iter().all(|(name, state)| name == "consent-sources" || state == "ok"), "{text}");
    answer["forward"]["central"].clone()
}

async fn until(world: &World, member: &str, value: Value) {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let told = told(world).await;
        if told[member] == value {
            return;
        }
        assert!(Instant::now() < patience, "{member} is not {value}: {told}\n{}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The lines of a journal as they stand.
fn lines(dir: &Path) -> Vec<String> {
    let mut segments: Vec<_> = std::fs::read_dir(dir.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    segments.sort();
    let text = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap();
    segments.into_iter().map(text).collect::<String>().lines().map(str::to_owned).collect()
}

/// The subject has each line of the journal once, in order, under its hash.
async fn assert_whole(nats: &Nats, subject: &str, dir: &Path) {
    let messages: Vec<_> = nats.messages().await.into_iter().filter(|one| one.subject == subject).collect();
    let payloads: Vec<_> = messages.iter().map(|one| one.payload.clone()).collect();
    assert_eq!(payloads, lines(dir));
    for message in messages {
        let line: Value = serde_json::from_str(&message.payload).unwrap();
        assert_eq!(line["hash"], message.id.as_str());
    }
}

const SUBJECT: &str = "sluis.audit.00000002";

#[tokio::test]
async fn every_line_is_in_the_stream_once_and_in_order_whoever_is_killed() {
    let place = Place::of("killed");
    let mut nats = Nats::guarded(&place.0, "s3cret");
    let plan = plan(with(forwarder(&nats), "bearer_file", "token"));
    std::fs::write(plan.dir().join("token"), "s3cret\n").unwrap();
    let mut world = plan.open();
    ask(&world, "early").await;
    // There is no stream yet, and then no server.
    until(&world, "reason", json!("no-stream")).await;
    nats.make().await;
    until(&world, "records", json!(0)).await;
    nats.kill();
    ask(&world, "down").await;
    until(&world, "state", json!("failing")).await;
    nats.start();
    until(&world, "records", json!(0)).await;
    for round in 0..4 {
        for number in 0..3 {
            ask(&world, &format!("r{round}-{number}")).await;
        }
        match round {
            0 => nats.kill(),
            1 => world.gateway().kill(),
            // Killed between the acknowledgement and the cursor: it knows less than the stream.
            2 => {
                until(&world, "records", json!(0)).await;
                world.gateway().kill();
                std::fs::remove_file(world.dir().join("journal/forward/central")).unwrap();
            }
            _ => {
                nats.kill();
                world.gateway().kill();
            }
        }
        ["0", "3"].contains(&&*round.to_string()).then(|| nats.start());
        if round > 0 {
            world.start_again();
        }
    }
    until(&world, "records", json!(0)).await;
    world.gateway().stop();
    assert_whole(&nats, SUBJECT, world.dir()).await;
    let stored = nats.messages().await;
    assert!(stored.len() > 20);
    // They are a journal by themselves, signed as the gateway's own.
    let copy = place.0.join("copy");
    std::fs::create_dir_all(&copy).unwrap();
    let text: String = stored.iter().map(|one| format!("{}\n", one.payload)).collect();
    std::fs::write(copy.join("000001.jsonl"), text).unwrap();
    let keys = world.dir().join("keys");
    let ran = sluis(&["audit", "verify", copy.to_str().unwrap(), "--key", keys.to_str().unwrap()], "");
    assert_eq!((ran.code, &ran.json()["verdict"]), (Some(0), &json!("intact")), "{} {}", ran.stdout, ran.stderr);
    // What the last message says can be held against the journal, as can any line that is kept elsewhere.
    let head = place.0.join("head");
    std::fs::write(&head, format!("{}\n", stored.last().unwrap().payload)).unwrap();
    let verify = || {
        let journal = world.dir().join("journal");
        sluis(&["audit", "verify", journal.to_str().unwrap(), "--head", head.to_str().unwrap()], "").code
    };
    assert_eq!(verify(), Some(0));
    let last = std::fs::read_dir(world.dir().join("journal")).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|extension| extension == "jsonl").then_some(path)
    });
    let segment = last.max().unwrap();
    let text = std::fs::read_to_string(&segment).unwrap();
    let cut: Vec<&str> = text.lines().collect();
    std::fs::write(&segment, format!("{}\n", cut[..cut.len() - 1].join("\n"))).unwrap();
    assert_eq!(verify(), Some(2));
    // The stream has more than such a journal: nothing is written behind it.
    std::fs::remove_file(world.dir().join("journal/forward/central")).unwrap();
    let before = nats.messages().await;
    world.start_again();
    until(&world, "reason", json!("foreign")).await;
    until(&world, "state", json!("stopped")).await;
    assert_eq!(nats.messages().await, before);
}

#[tokio::test]
async fn a_stream_that_lost_what_it_had_stops_the_forwarder_until_somebody_says_what_to_do() {
    let place = Place::of("wiped");
    let mut nats = Nats::up(&place.0, &[]);
    nats.make().await;
    let mut world = plan(forwarder(&nats)).open();
    ask(&world, "before").await;
    until(&world, "records", json!(0)).await;
    nats.kill();
    nats.wipe();
    nats.start();
    ask(&world, "behind").await;
    until(&world, "state", json!("stopped")).await;
    assert_eq!(told(&world).await["reason"], "lost");
    assert!(world.log().contains("a forwarder stopped"));
    // Made anew it is as empty.
    nats.make().await;
    world.gateway().hang_up();
    tokio::time::sleep(Duration::from_millis(300)).await;
    until(&world, "state", json!("stopped")).await;
    assert_eq!(nats.messages().await, []);
    std::fs::remove_file(world.dir().join("journal/forward/central")).unwrap();
    world.gateway().hang_up();
    until(&world, "state", json!("ok")).await;
    until(&world, "records", json!(0)).await;
    world.gateway().stop();
    assert_whole(&nats, SUBJECT, world.dir()).await;
}

#[tokio::test]
async fn two_gateways_share_a_stream_and_never_a_subject() {
    let place = Place::of("two");
    let nats = Nats::up(&place.0, &[]);
    nats.make().await;
    let mut one = plan(forwarder(&nats)).open();
    let mut other = plan(with(forwarder(&nats), "subject", "sluis.audit.00000002.noord")).open();
    for round in 0..3 {
        ask(&one, &format!("one-{round}")).await;
        ask(&other, &format!("other-{round}")).await;
    }
    until(&one, "records", json!(0)).await;
    until(&other, "records", json!(0)).await;
    let mut thief = plan(forwarder(&nats)).open();
    until(&thief, "reason", json!("foreign")).await;
    until(&thief, "state", json!("stopped")).await;
    thief.gateway().stop();
    one.gateway().stop();
    other.gateway().stop();
    assert_whole(&nats, SUBJECT, one.dir()).await;
    assert_whole(&nats, "sluis.audit.00000002.noord", other.dir()).await;
}

#[tokio::test]
async fn a_server_is_known_by_its_ca_and_knows_the_gateway_by_its_certificate() {
    let place = Place::of("tls");
    let pki = Plan::of_nobody();
    let nats = Nats::over_tls(&place.0, pki.dir(), "huisarts-brug");
    nats.make().await;
    let own = |name: &str| pki.dir().join(name).to_str().unwrap().to_owned();
    let trusting = with(forwarder(&nats), "ca", &own("server-ca.pem"));
    let proven = with(trusting.clone(), "certificate", &own("callers/huisarts-brug.pem"));
    let proven = with(proven, "key", &own("callers/huisarts-brug.key"));
    let mut world = plan(proven.clone()).open();
    ask(&world, "proven").await;
    until(&world, "records", json!(0)).await;
    world.gateway().stop();
    assert_whole(&nats, SUBJECT, world.dir()).await;
    // Its twins: one who does not prove itself, and one to whom the server does not.
    let mut strange = proven;
    strange.insert("ca".to_owned(), own("clients.pem").into());
    std::fs::copy(place.0.join("clients.pem"), pki.dir().join("clients.pem")).unwrap();
    for one in [trusting, strange] {
        let world = plan(with(one, "subject", "sluis.audit.other")).open();
        until(&world, "state", json!("failing")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(told(&world).await["records"].as_u64().unwrap() > 0);
    }
    assert!(nats.messages().await.iter().all(|one| one.subject == SUBJECT));
}

/// A line that the server does not take is not passed over.
#[tokio::test]
async fn a_line_that_is_too_long_for_the_server_stops_the_forwarder() {
    let place = Place::of("long");
    let config = place.0.join("nats.conf");
    std::fs::write(&config, "max_payload: 2500\n").unwrap();
    let mut nats = Nats::up(&place.0, &["--config", config.to_str().unwrap()]);
    nats.make().await;
    let mut world = plan(forwarder(&nats)).open();
    ask(&world, "short").await;
    until(&world, "records", json!(0)).await;
    let long = format!("Condition?patient=carla&_id={}", vec!["a"; 50].join(",").replace('a', &"a".repeat(60)));
    world.ask(&Ask::get("huisarts-noord", long).under("long")).await;
    world.closed("long").await;
    until(&world, "state", json!("stopped")).await;
    assert_eq!(told(&world).await["reason"], "refused");
    ask(&world, "behind").await;
    assert!(!nats.messages().await.iter().any(|one| one.payload.contains("\"behind\"")));
    nats.kill();
    std::fs::write(&config, "max_payload: 100000\n").unwrap();
    nats.start();
    world.gateway().hang_up();
    until(&world, "state", json!("ok")).await;
    until(&world, "records", json!(0)).await;
    world.gateway().stop();
    assert_whole(&nats, SUBJECT, world.dir()).await;
}

#[test]
fn a_stream_that_is_not_understood_is_a_mistake_by_name() {
    let checked = |change: &[(&str, toml::Value)]| {
        let mut table = toml::Table::new();
        for (key, value) in [("name", "central"), ("kind", "nats"), ("stream", "RECORD")] {
            table.insert(key.to_owned(), value.into());
        }
        table.insert("withheld".to_owned(), true.into());
        table.insert("servers".to_owned(), vec!["tls://127.0.0.1:1"].into());
        for (key, value) in change {
            table.insert((*key).to_owned(), value.clone());
        }
        let ran = sluis(&["check", "--config", plan(table).write().to_str().unwrap()], "");
        (ran.code, ran.json()["mistakes"].to_string())
    };
    assert_eq!(checked(&[]).0, Some(0), "{}", checked(&[]).1);
    for (key, value, named) in [
        ("withheld", toml::Value::from(false), "audit.forward.withheld"),
        ("servers", Vec::<String>::new().into(), "audit.forward.servers"),
        ("servers", vec!["http://127.0.0.1:1"].into(), "audit.forward.servers"),
        ("servers", vec!["nats://user:word@127.0.0.1:1"].into(), "audit.forward.servers"),
        ("stream", "A.B".into(), "audit.forward.stream"),
        ("subject", "sluis.>".into(), "audit.forward.subject"),
        ("subject", "sluis..x".into(), "audit.forward.subject"),
        ("base", "http://127.0.0.1:1/fhir".into(), "audit.forward.base"),
    ] {
        let (code, mistakes) = checked(&[(key, value)]);
        assert!(code == Some(1) && mistakes.contains(named), "{key}: {mistakes}");
    }
}
