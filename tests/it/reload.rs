//! A configuration that changes while the gateway runs: SIGHUP reads the file again.

use std::time::{Duration, Instant};

use crate::world::ask::Ask;
use crate::world::{Plan, World};

const SEARCH: &str = "Condition?patient=bram";

/// Sets a key in the file of a world that runs, and sends SIGHUP.
fn change(world: &mut World, key: &str, value: impl Into<toml::Value>) {
    let path = world.dir().join("sluis.toml");
    let mut configuration: toml::Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let (section, name) = key.split_once('.').unwrap();
    let section = configuration.entry(section).or_insert_with(|| toml::Table::new().into());
    section.as_table_mut().unwrap().insert(name.to_owned(), value.into());
    std::fs::write(&path, toml::to_string(&configuration).unwrap()).unwrap();
    world.gateway().hang_up();
}

async fn count(world: &World, line: &str) -> u64 {
    let (_, metrics) = world.admin_get("/metrics").await;
    metrics.lines().find_map(|text| text.strip_prefix(line)).map_or(0, |count| count.trim().parse().unwrap())
}

/// Waits until so many readings came to this.
async fn until_read(world: &World, result: &str, times: u64) {
    let line = format!("sluis_configuration_reads_total{{result=\"{result}\"}} ");
    let started = Instant::now();
    while count(world, &line).await < times {
        assert!(started.elapsed() < Duration::from_secs(20), "not read: {}", world.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_new_configuration_counts_at_the_next_request_of_a_connection_that_stays() {
    let mut world = World::of_demo();
    // One client with a connection that is kept.
    let (client, port) = (world.client("huisarts-brug"), world.port());
    let ask = |id: &str| Ask::get("huisarts-brug", SEARCH).under(id);
    let status = async |id: &str| crate::world::ask::ask(&client, port, &ask(id)).await.unwrap().status;
    assert_eq!(status("before").await, 200);
    let connections = "sluis_connections ";
    assert_eq!(count(&world, connections).await, 1);
    let roles = toml::Table::from_iter([("roles".to_owned(), vec!["30"].into())]);
    change(&mut world, "identity.admit", roles);
    until_read(&world, "renewed", 1).await;
    assert_eq!(status("between").await, 403);
    change(&mut world, "identity.admit", toml::Table::new());
    until_read(&world, "renewed", 2).await;
    assert_eq!(status("after").await, 200);
    assert_eq!(count(&world, connections).await, 1);
    for (id, ground) in [("before", "rule-permits"), ("between", "role-not-admitted"), ("after", "rule-permits")] {
        assert_eq!(world.closed(id).await["ground"], ground, "{id}");
    }
    world.assert_intact();
}

#[tokio::test]
async fn another_policy_decides_from_the_next_request_on() {
    let mut world = World::of_demo();
    let nothing_on_file = Ask::get("huisarts-brug", "AllergyIntolerance?patient=anna");
    assert_eq!(world.ask(&nothing_on_file).await.entries().len(), 0);
    change(&mut world, "policy.name", "ehds");
    until_read(&world, "renewed", 1).await;
    assert!(!world.ask(&nothing_on_file).await.entries().is_empty());
    change(&mut world, "policy.name", "wabvpz");
    until_read(&world, "renewed", 2).await;
    assert_eq!(world.ask(&nothing_on_file).await.entries().len(), 0);
}

#[tokio::test]
async fn a_test_card_is_refused_once_no_test_is_on() {
    let mut world = World::of_demo();
    assert_eq!(world.get("huisarts-brug", SEARCH).await.status, 200);
    change(&mut world, "identity.test", false);
    until_read(&world, "renewed", 1).await;
    assert_eq!(world.get("huisarts-brug", SEARCH).await.status, 401);
}

#[tokio::test]
async fn a_broken_file_leaves_the_one_before_in_force_and_says_so() {
    let mut world = World::of_demo();
    for (key, value) in [
        ("policy.name", "nobody-knows"),
        ("policy.mode", "loud"),
        ("identity.trust", "nowhere/"),
        ("upstream.extra", "unknown"),
    ] {
        let path = world.dir().join("sluis.toml");
        let good = std::fs::read(&path).unwrap();
        let broken = count(&world, "sluis_configuration_reads_total{result=\"broken\"} ").await;
        let renewed = count(&world, "sluis_configuration_reads_total{result=\"renewed\"} ").await;
        if key == "upstream.extra" {
            std::fs::write(&path, "not = [a configuration").unwrap();
            world.gateway().hang_up();
        } else {
            change(&mut world, key, value);
        }
        until_read(&world, "broken", broken + 1).await;
        assert_eq!(world.get("huisarts-brug", SEARCH).await.status, 200, "{key}");
        let (status, ready) = world.admin_get("/ready").await;
        assert_eq!((status, ready.contains("\"configuration\":\"unusable-file\"")), (503, true), "{ready}");
        assert_eq!(count(&world, "sluis_configuration_broken ").await, 1);
        std::fs::write(&path, good).unwrap();
        world.gateway().hang_up();
        until_read(&world, "renewed", renewed + 1).await;
        assert!(world.admin_get("/ready").await.1.contains("\"configuration\":\"ok\""));
    }
    assert!(world.log().contains("the configuration cannot be used"), "{}", world.log());
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_stays_as_it_was() {
    let mut world = World::of_demo();
    change(&mut world, "listen.address", "127.0.0.1:1");
    until_read(&world, "renewed", 1).await;
    change(&mut world, "audit.directory", "elsewhere/");
    until_read(&world, "renewed", 2).await;
    assert_eq!(world.get("huisarts-brug", SEARCH).await.status, 200);
    let log = world.log();
    for key in ["listen.address", "audit.directory"] {
        assert!(log.lines().any(|line| line.contains("needs a restart") && line.contains(key)), "{key}: {log}");
    }
    assert!(!log.lines().any(|line| line.contains("needs a restart") && line.contains("listen.key")), "{log}");
    assert!(!world.dir().join("elsewhere").exists());
    world.assert_intact();
}

#[tokio::test]
async fn crls_that_are_to_be_fetched_from_now_on_are() {
    let mut world = Plan::of_demo().open();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    change(&mut world, "identity.urls", vec![format!("http://{closed}/x.crl")]);
    until_read(&world, "renewed", 1).await;
    let started = Instant::now();
    while count(&world, "sluis_crl_fetches_total{result=\"unreachable\"} ").await == 0 {
        assert!(started.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.get("huisarts-brug", SEARCH).await.status, 200);
}

#[tokio::test]
async fn readings_under_load_lose_no_request() {
    let mut world = World::of_demo();
    let (over, port) = (std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)), world.port());
    let mut clients = Vec::new();
    for number in 0..8 {
        let (client, over) = (world.client("huisarts-brug"), std::sync::Arc::clone(&over));
        clients.push(tokio::spawn(async move {
            let target = if number % 2 == 0 { "metadata" } else { SEARCH };
            let mut count = 0;
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                let reply = crate::world::ask::ask(&client, port, &Ask::get("huisarts-brug", target)).await.unwrap();
                assert_eq!(reply.status, 200, "{}", reply.text());
                count += 1;
            }
            count
        }));
    }
    for number in 1..=20 {
        change(&mut world, "policy.narrative", if number % 2 == 0 { "drop" } else { "keep" });
        until_read(&world, "renewed", number).await;
    }
    over.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut count = 0;
    for client in clients {
        count += client.await.unwrap();
    }
    assert!(count > 20, "{count}");
    world.assert_intact();
}
