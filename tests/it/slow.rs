//! Callers who are slow: one request has one deadline, for what the caller sends and for what the caller takes.

use std::time::{Duration, Instant};

use futures_util::stream;
use serde_json::{Value, json};

use crate::world::ask::{Ask, ask};
use crate::world::raw::Wire;
use crate::world::{Plan, World, records};

const DEADLINE: Duration = Duration::from_secs(3);

/// Somebody's results in one page, more than all buffers between two ends of a connection hold.
const RESULTS: usize = 100;

fn plan() -> Plan {
    let plan = Plan::of_demo().set("listen.deadline", "3s");
    for each in records::long_results("bram", RESULTS, 200_000) {
        plan.server().put(&each).unwrap();
    }
    plan
}

const LONG: &str = "Observation?patient=bram&_count=100";

fn get(id: &str, target: &str) -> String {
    format!("GET /fhir/{target} HTTP/1.1\r\nHost: localhost\r\nSluis-Purpose: TREAT\r\nX-Request-Id: {id}\r\n\r\n")
}

/// A head that promises a form of so many bytes.
fn post(id: &str, length: usize) -> String {
    format!(
        "POST /fhir/Observation/_search HTTP/1.1\r\nHost: localhost\r\nSluis-Purpose: TREAT\r\nX-Request-Id: {id}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// It came when the deadline was over, and not much later.
fn assert_at_deadline(began: Instant) {
    let took = began.elapsed();
    assert!((DEADLINE..DEADLINE * 3).contains(&took), "{took:?}");
}

async fn assert_closed_as_too_slow(world: &World, id: &str) {
    let close = world.closed(id).await;
    assert_eq!((&close["outcome"], &close["status"]), (&json!("refused"), &json!(504)), "{close}");
    assert_eq!(close["cause"], "body-too-slow");
    assert!(world.on_record("intent", id).is_empty());
}

#[tokio::test]
async fn a_body_that_does_not_come_over_http_1_is_a_504_at_the_deadline() {
    let world = Plan::of_demo().set("listen.deadline", "3s").open();
    let form = "patient=bram";
    for (id, sent) in [("nothing", ""), ("half", "patient=")] {
        let began = Instant::now();
        let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
        wire.send(post(id, form.len()).as_bytes());
        wire.send(sent.as_bytes());
        let heard = wire.hear().unwrap();
        assert_eq!(heard.status, 504, "{}", heard.head);
        assert!(String::from_utf8_lossy(&heard.body).contains("\"code\":\"timeout\""));
        assert_at_deadline(began);
        assert_closed_as_too_slow(&world, id).await;
    }
    assert!(world.asked().is_empty());
    // The twin: a body that comes late and in time.
    let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
    wire.send(post("late", form.len()).as_bytes());
    tokio::time::sleep(DEADLINE / 3).await;
    wire.send(form.as_bytes());
    assert_eq!(wire.hear().unwrap().status, 200);
    assert_eq!(world.closed("late").await["outcome"], "delivered");
}

#[tokio::test]
async fn a_body_that_does_not_come_over_http_2_is_a_504_at_the_deadline() {
    let world = Plan::of_demo().set("listen.deadline", "3s").open();
    let client = world.client("huisarts-brug");
    let url = format!("https://localhost:{}/fhir/Observation/_search", world.port());
    let request = |id: &str, body: reqwest::Body| {
        client
            .post(&url)
            .header("Sluis-Purpose", "TREAT")
            .header("X-Request-Id", id)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
    };
    let began = Instant::now();
    let never = stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let response = request("nothing", reqwest::Body::wrap_stream(never)).await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 504));
    assert_at_deadline(began);
    assert_closed_as_too_slow(&world, "nothing").await;
    // The twin.
    let late = stream::once(async {
        tokio::time::sleep(DEADLINE / 3).await;
        Ok::<_, std::io::Error>(b"patient=bram".to_vec())
    });
    assert_eq!(request("late", reqwest::Body::wrap_stream(late)).await.unwrap().status(), 200);
}

/// The record of an answer that the caller did not take: closed at the deadline, with what had been released until then.
async fn assert_cut_off_at_deadline(world: &World, id: &str, began: Instant) {
    let close = world.closed(id).await;
    assert_at_deadline(began);
    assert_eq!((&close["outcome"], &close["cause"]), (&json!("cut-off"), &json!("deadline")), "{close}");
    let released = close["released"].as_array().map_or(0, Vec::len);
    assert!((1..RESULTS).contains(&released), "{released}");
    assert!(close["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    assert_eq!(world.on_record("intent", id).len(), 1);
}

async fn connections(world: &World) -> Option<u32> {
    let (_, metrics) = world.admin_get("/metrics").await;
    metrics.lines().find_map(|line| line.strip_prefix("sluis_connections ")?.parse().ok())
}

#[tokio::test]
async fn who_stops_reading_over_http_1_is_cut_off_at_the_deadline() {
    let world = plan().open();
    let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
    let began = Instant::now();
    wire.send(get("unread", LONG).as_bytes());
    assert!(wire.read(50_000).starts_with(b"HTTP/1.1 200"));
    assert_cut_off_at_deadline(&world, "unread", began).await;
    assert_eq!(connections(&world).await, Some(0));
    // What is left in the buffers does not end as a whole answer does.
    let rest = wire.read(usize::MAX);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
    // The twin: who reads.
    let whole = world.ask(&Ask::get("huisarts-brug", LONG).under("read")).await;
    assert_eq!(whole.entries().len(), RESULTS);
    assert_eq!(world.closed("read").await["outcome"], "delivered");
    world.assert_intact();
}

/// As slow as can be and never still: each byte that is taken is progress, and the deadline holds all the same.
#[tokio::test]
async fn who_reads_drop_by_drop_is_cut_off_at_the_deadline() {
    let world = plan().open();
    let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
    let began = Instant::now();
    wire.send(get("drops", LONG).as_bytes());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let reading = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(50)).is_err() && !wire.read(4_000).is_empty() {}
    });
    assert_cut_off_at_deadline(&world, "drops", began).await;
    stop.send(()).unwrap_or_default();
    reading.join().unwrap();
}

/// Over HTTP/2 it is the window that is not opened, while the connection itself is read.
#[tokio::test]
async fn who_stops_reading_over_http_2_is_cut_off_at_the_deadline() {
    let world = plan().open();
    let client = world.client("huisarts-brug");
    let began = Instant::now();
    let url = format!("https://localhost:{}/fhir/{LONG}", world.port());
    let request = client.get(url).header("Sluis-Purpose", "TREAT").header("X-Request-Id", "unread");
    let mut response = request.send().await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    assert_cut_off_at_deadline(&world, "unread", began).await;
    let ended = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            ended => break ended,
        }
    };
    assert!(ended.is_err(), "it ended as if it were whole");
    // The twin, for which the connection is made anew.
    let read = Ask::get("huisarts-brug", LONG).under("read");
    assert_eq!(ask(&client, world.port(), &read).await.unwrap().entries().len(), RESULTS);
}

/// The twin of all these: nobody waits for an answer there.
#[tokio::test]
async fn a_connection_that_is_idle_past_the_deadline_is_kept() {
    let world = Plan::of_demo().set("listen.deadline", "1s").open();
    let mut wire = Wire::connect(world.dir(), "huisarts-brug", world.port());
    for id in ["first", "second"] {
        wire.send(get(id, "Patient/bram").as_bytes());
        let heard = wire.hear().unwrap();
        let patient: Value = serde_json::from_slice(&heard.body).unwrap();
        assert_eq!((heard.status, &patient["id"]), (200, &json!("bram")));
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
}
