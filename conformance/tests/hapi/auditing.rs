//! Auditing: what a gateway's record is exported as, a real server takes, and finds nothing wrong with.

use serde_json::Value;
use sluis_conformance::client::Question;
use sluis_conformance::gateway::Setting;

use crate::bench::{Bench, Tried};
use crate::documents::validated;

/// Of IHE BALP, each claimed by something in the story.
const PROFILES: [&str; 4] = ["PatientRead", "PatientQuery", "PrivacyDisclosure.Source", "AuthZconsent"];

#[test]
fn the_audit_events_of_a_story_are_valid_r4_and_are_taken() -> Tried {
    let mut bench = Bench::loaded()?;
    bench.spoil();
    let upstream = bench.hapi.base().to_owned();
    let gateway = bench.site.start(&Setting::under(&upstream, &["wabvpz"]))?;
    let base = gateway.base_path().to_owned();
    let reason = Some("Buiten%20bewustzijn");
    for (caller, target, purpose, reason) in [
        ("huisarts-brug", "Condition?patient=carla", "TREAT", None),
        ("huisarts-noord", "Condition/carla-condition-anxiety", "TREAT", None),
        ("huisarts-brug", "Patient/bram", "TREAT", None),
        ("huisarts-brug", "Condition?patient=anna", "TREAT", None),
        ("huisarts-brug", "Condition?patient=bram&_has:x:y:z=1", "TREAT", None),
        ("seh-arts", "Condition?patient=ilse", "BTG", reason),
        ("huisarts-brug", "metadata", "TREAT", None),
    ] {
        let question = Question::get(&format!("{base}/{target}")).for_purpose(purpose, reason);
        gateway.client(caller)?.ask(&question)?;
    }
    let events = gateway.stop()?.export()?;
    assert!(events.len() > 15, "{}", events.len());
    for profile in PROFILES {
        assert!(events.iter().any(|event| event.raw().contains(&format!("IHE.BasicAudit.{profile}\""))), "{profile}");
    }
    for event in &events {
        // The server has no profiles of BALP; those are held to a table of rules by the gateway's own tests.
        let mut plain: Value = serde_json::from_str(event.raw())?;
        plain.as_object_mut().and_then(|members| members.remove("meta"));
        let wrong = validated(&mut bench, "AuditEvent", &plain.to_string())?;
        assert!(wrong.is_empty(), "{wrong:?} in {}", event.raw());
        bench.hapi.put(event)?;
    }
    // The twin: the server does find what is wrong.
    let mut twin: Value = serde_json::from_str(events.first().map(|event| event.raw()).unwrap_or_default())?;
    twin.as_object_mut().and_then(|members| members.remove("agent"));
    assert!(!validated(&mut bench, "AuditEvent", &twin.to_string())?.is_empty());
    let found = bench.hapi.get("/AuditEvent?patient=Patient/carla&_summary=count")?;
    let total = serde_json::from_slice::<Value>(&found.body)?.get("total").and_then(Value::as_u64);
    assert!(total.is_some_and(|total| total >= 5), "{total:?}");
    Ok(())
}
