//! Forwarding: a gateway sends its record on to a real server, is killed while it does, and the server has it all, once.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use sluis_conformance::client::Question;
use sluis_conformance::gateway::{Gateway, Setting};

use crate::bench::{Bench, Tried};

/// A server on a busy machine takes a second for a transaction.
const PATIENCE: Duration = Duration::from_secs(90);

fn ask(gateway: &Gateway, rounds: usize) -> Tried {
    let base = gateway.base_path().to_owned();
    for target in ["Condition?patient=carla", "Patient/bram", "Condition?patient=anna"].iter().cycle().take(rounds) {
        let question = Question::get(&format!("{base}/{target}")).for_purpose("TREAT", None);
        gateway.client("huisarts-brug")?.ask(&question)?;
    }
    Ok(())
}

/// How many AuditEvents a search finds.
fn found(bench: &mut Bench) -> Result<u64, Box<dyn std::error::Error>> {
    let found = bench.hapi.get("/AuditEvent?_summary=count")?;
    let total = serde_json::from_slice::<Value>(&found.body)?.get("total").and_then(Value::as_u64);
    Ok(total.ok_or("a search without total")?)
}

#[test]
fn a_gateway_that_is_killed_while_it_sends_its_record_on_has_it_all_in_the_server_once() -> Tried {
    let mut bench = Bench::loaded()?;
    bench.spoil();
    let before = found(&mut bench)?;
    let upstream = bench.hapi.base().to_owned();
    let mut gateway = bench.site.start(&Setting { forward: Some(&upstream), ..Setting::before(&upstream) })?;
    for round in 0..3 {
        ask(&gateway, 9)?;
        // Before anything is sent, while it is sent, and some time after.
        sleep(Duration::from_millis(250 * round));
        gateway = bench.site.start_again(gateway.kill()?)?;
    }
    ask(&gateway, 6)?;
    let until = Instant::now() + PATIENCE;
    // What closes the last request comes a moment after its answer.
    sleep(Duration::from_millis(500));
    while gateway.behind()?.ok_or("nothing is sent on")? > 0 {
        assert!(Instant::now() < until, "{:?} records are not sent", gateway.behind()?);
        sleep(Duration::from_millis(100));
    }
    // How it ends would be on record too, and sent at the next start.
    let kept = gateway.kill()?;
    let events = bench.site.journal(kept).export()?;
    assert!(events.len() > 60, "{}", events.len());
    let mut kept = BTreeMap::new();
    for event in &events {
        let response = bench.hapi.get(&format!("/{}", event.reference()))?;
        let resource: Value = serde_json::from_slice(&response.body)?;
        let version = resource.pointer("/meta/versionId").and_then(Value::as_str).map(str::to_owned);
        kept.insert(event.reference(), (response.status, version, resource.get("entity").cloned()));
    }
    for event in &events {
        let entity = event.value().get("entity").cloned();
        assert_eq!(kept.get(&event.reference()), Some(&(200, Some("1".to_owned()), entity)), "{}", event.raw());
    }
    let ids: u64 = u64::try_from(kept.len())?;
    assert_eq!((ids, found(&mut bench)?), (u64::try_from(events.len())?, before + ids));
    Ok(())
}
