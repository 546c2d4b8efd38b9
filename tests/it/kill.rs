//! `kill -9` at random moments under load: what a client saw is on record, and the record stands (invariant 12).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::Value;

use crate::world::ask::{Ask, ask};
use crate::world::{Plan, journal, records};

const CLIENTS: usize = 8;

/// Kills where the environment says nothing; `make kill` has more.
const KILLS: u64 = 30;

/// Answers of one round before the kill, so that there is a load on a slow machine too.
const ANSWERS: usize = 12;

const TARGETS: [&str; 3] = ["Observation?patient=bram&_count=100", "Patient/bram", "Condition?patient=bram"];

/// Invariant 12.
#[tokio::test]
async fn after_a_kill_under_load_the_journal_stands_and_knows_every_answer_that_was_seen() {
    let kills = number("SLUIS_KILLS").unwrap_or(KILLS);
    let seed = number("SLUIS_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("SLUIS_KILLS={kills} SLUIS_KILL_SEED={seed}");
    let plan = Plan::of_demo();
    for each in records::long_results("bram", 40, 10_000) {
        plan.server().put(&each).unwrap();
    }
    let mut world = plan.open();
    let mut seen = BTreeSet::new();
    let mut partly = 0;
    let answered = Arc::new(AtomicUsize::new(0));
    for round in 0..usize::try_from(kills).unwrap() {
        let (client, port) = (world.client("huisarts-brug"), world.port());
        let callers = (0..CLIENTS).map(|number| (client.clone(), format!("k{round}-{number}"), Arc::clone(&answered)));
        let tasks: Vec<_> =
            callers.map(|(client, id, answered)| tokio::spawn(load(client, port, id, answered))).collect();
        let until = Instant::now() + Duration::from_secs(20);
        while answered.load(Ordering::SeqCst) < (round + 1) * ANSWERS && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
        // Somewhere in the requests that follow: in a look-up, before or in a write of the journal, in the middle of a body.
        tokio::time::sleep(Duration::from_micros(moment(seed, round))).await;
        world.gateway().kill();
        for task in tasks {
            let (whole, part) = task.await.unwrap();
            partly += part.len();
            seen.extend(whole);
            seen.extend(part);
        }
        let ran = journal::verify(world.dir());
        let verdict = ran.json()["verdict"].as_str().unwrap().to_owned();
        assert!(ran.code == Some(0) && ["intact", "torn"].contains(&&*verdict), "{}", ran.stdout);
        let lines = journal::lines(world.dir());
        let intents: BTreeSet<_> = lines
            .iter()
            .filter(|line| line["kind"] == "intent")
            .map(|line| line["request"].as_str().unwrap())
            .collect();
        let unknown: Vec<_> = seen.iter().filter(|id| !intents.contains(id.as_str())).collect();
        assert!(unknown.is_empty(), "round {round}: seen and not on record: {unknown:?}");
        world.start_again();
    }
    assert!(seen.len() > 100, "only {} answers were seen", seen.len());
    println!("{} answers seen, {partly} of them in part", seen.len());
    world.gateway().stop();
    world.assert_intact();
    // Every intent has its end, by the gateway that served it or by the one that started after.
    let lines = journal::lines(world.dir());
    let closed_by_start: BTreeSet<u64> = lines
        .iter()
        .filter(|line| line["kind"] == "close")
        .flat_map(|line| line["intents"].as_array().into_iter().flatten().filter_map(Value::as_u64))
        .collect();
    let closed: BTreeSet<_> =
        lines.iter().filter(|line| line["kind"] == "close").filter_map(|line| line["request"].as_str()).collect();
    for intent in lines.iter().filter(|line| line["kind"] == "intent") {
        let id = intent["request"].as_str().unwrap();
        assert!(closed.contains(id) || closed_by_start.contains(&intent["seq"].as_u64().unwrap()), "{id} is open");
    }
    assert!(lines.iter().any(|line| line["cause"] == "gateway-ended"), "no intent was open at any of the kills");
}

fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "who runs the test says how long and from which seed")]
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// How long a round goes on, in microseconds, up to 40 ms: SplitMix64, which any seed will do for.
fn moment(seed: u64, round: usize) -> u64 {
    let step = u64::try_from(round).unwrap().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = seed.wrapping_add(step);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % 40_000
}

/// Asks until nobody answers; the ids whose answer came whole, and in part.
async fn load(client: Client, port: u16, id: String, answered: Arc<AtomicUsize>) -> (Vec<String>, Vec<String>) {
    let (mut whole, mut partly) = (Vec::new(), Vec::new());
    for (number, target) in TARGETS.iter().cycle().enumerate() {
        let id = format!("{id}-{number}");
        match ask(&client, port, &Ask::get("huisarts-brug", *target).under(&*id)).await {
            // A connection that the upstream closes while it is taken up again is a failure, and no data.
            Ok(reply) if reply.status == 502 => {}
            Ok(reply) => {
                assert_eq!(reply.status, 200, "{id}: {}", reply.text());
                answered.fetch_add(1, Ordering::SeqCst);
                whole.push(id);
            }
            Err(cut) if cut.status != 0 => partly.push(id),
            Err(_) => break,
        }
    }
    (whole, partly)
}
