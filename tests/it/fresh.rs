//! Evidence: what is on file about consent is asked, remembered for a while, and never assumed.

use std::time::{Duration, Instant};

use sluis::cli::demo::fhir_server::Fault;

use crate::world::ask::{Ask, Reply};
use crate::world::{Plan, records};

const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn%7C";

/// Questions about somebody who permits, somebody who decided nothing and somebody who is not there.
fn about_known_and_unknown() -> Vec<Ask> {
    let get = |target: String| Ask::get("huisarts-brug", target);
    let mut asks = Vec::new();
    for patient in ["bram", "anna", "nobody"] {
        asks.push(get(format!("Condition?patient={patient}")));
        asks.push(get(format!("Patient/{patient}")));
        asks.push(get(format!("Condition/{patient}-condition-1")));
        asks.push(Ask::post("huisarts-brug", "Observation/_search", format!("patient={patient}")));
    }
    for number in ["999990202", "999911120"] {
        asks.push(get(format!("Patient?identifier={BSN}{number}")));
        asks.push(get(format!("Observation?patient.identifier={BSN}{number}")));
    }
    asks
}

/// Invariant 10. A refusal that only those who are known get would tell who is known.
#[tokio::test]
async fn while_a_source_of_consents_fails_who_is_unknown_gets_the_refusal_of_who_is_known() {
    // Nothing is remembered, so that the fault is met each time.
    let world = Plan::of_demo().set("consent.max_age", "1ms").open();
    for (asked, fault) in [("Consent", Fault::Down), ("Consent", Fault::Html500), ("Organization", Fault::Down)] {
        world.server().plant(asked, fault);
        let mut replies: Vec<Reply> = Vec::new();
        for ask in about_known_and_unknown() {
            let reply = world.ask(&ask).await;
            assert_eq!(reply.refusal(), (503, "transient".to_owned()), "{asked}: {ask:?}");
            replies.push(reply.compared());
        }
        assert!(replies.windows(2).all(|pair| pair[0] == pair[1]), "{replies:#?}");
        world.server().heal();
    }
    // The twin: when the source works again, each gets its answer.
    assert!(!world.get("huisarts-brug", "Condition?patient=bram").await.entries().is_empty());
    assert_eq!(world.get("huisarts-brug", "Patient/bram").await.status, 200);
    assert!(world.get("huisarts-brug", "Condition?patient=nobody").await.entries().is_empty());
    assert_eq!(world.get("huisarts-brug", "Patient/nobody").await.status, 404);
}

const MAX_AGE: Duration = Duration::from_secs(4);

/// Evidence is remembered by the person with all records: what was read for fewer of them is not what is asked for.
#[tokio::test]
async fn a_record_of_the_same_person_that_appears_brings_its_consents() {
    let world = Plan::of_demo().set("consent.max_age", "4s").open();
    let ask = || async { world.get("huisarts-brug", "Observation?patient=bram").await };
    // Who Bram is, is remembered first; what is on file about him a good while later, so that it outlives that.
    world.server().plant("Consent", Fault::Down);
    assert_eq!(ask().await.status, 503);
    let person = Instant::now();
    world.server().heal();
    tokio::time::sleep(MAX_AGE / 2).await;
    let evidence = Instant::now();
    assert!(!ask().await.entries().is_empty());
    world.server().put(&records::patient("bram-again", "999990202")).unwrap();
    world.server().put(&records::consent("bram-objection", "bram-again", r#"{"type":"deny"}"#)).unwrap();
    tokio::time::sleep((MAX_AGE + Duration::from_millis(300)).saturating_sub(person.elapsed())).await;
    assert!(ask().await.entries().is_empty(), "the objection on the other record does not count");
    assert!(evidence.elapsed() < MAX_AGE, "the machine is too slow for this to show anything");
    assert_eq!(world.get("huisarts-brug", "Patient/bram").await.status, 404);
}

/// The twin: a second record without a Consent of its own takes nothing away.
#[tokio::test]
async fn a_record_of_the_same_person_that_says_nothing_changes_nothing() {
    let plan = Plan::of_demo();
    plan.server().put(&records::patient("bram-again", "999990202")).unwrap();
    plan.server().put(&records::consent("anna-objection", "anna", r#"{"type":"deny"}"#)).unwrap();
    let world = plan.open();
    assert!(!world.get("huisarts-brug", "Observation?patient=bram").await.entries().is_empty());
}
