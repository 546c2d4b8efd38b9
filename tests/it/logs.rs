//! Nothing that tells who a patient is, what a patient has or who called leaves by logs, metrics or the admin listener
//! (design, law 3 and section 6; style rule 11).

use std::collections::BTreeSet;

use serde_json::Value;
use sluis::cli::demo::fhir_server::Fault;
use sluis::cli::demo::stage::Addresses;
use sluis::cli::demo::tour::{self, Colour};

use crate::world::ask::Ask;
use crate::world::{Plan, World, records};

const PATIENTS: &[&str] = &["anna", "bram", "carla", "dirk", "els", "fatima", "gijs", "henk"];

/// Names, numbers, codes and words of all patients, ids of all that is theirs, and numbers and names of who calls.
fn canaries() -> BTreeSet<String> {
    let mut canaries = BTreeSet::new();
    for patient in PATIENTS {
        canaries.extend(
            records::references_of(patient)
                .into_iter()
                .map(|reference| reference.split_once('/').unwrap().1.to_owned()),
        );
        records::each(patient).iter().for_each(|resource| collect(resource, "", &mut canaries));
        for before in ["=", "/", "%2F"] {
            canaries.insert(format!("{before}{patient}"));
        }
        canaries.remove(*patient);
    }
    for number in 101..=113 {
        canaries.insert(format!("900000{number}"));
    }
    canaries.extend(["Noordhoek", "Pillen", "Oosting", "Hanna", "Bewusteloos", "anafylaxie"].map(str::to_owned));
    canaries
}

/// Strings that would be known anywhere: long enough not to stand in a log by chance.
fn collect(value: &Value, name: &str, canaries: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let tells =
                ["value", "code", "display", "text", "family", "line", "birthDate", "title", "data"].contains(&name);
            if tells && text.len() >= 7 && !text.contains("://") {
                canaries.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, canaries)),
        Value::Object(members) => members.iter().for_each(|(name, member)| collect(member, name, canaries)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn plan(level: &str) -> Plan {
    let addresses = Addresses::free().unwrap();
    let public_base = addresses.public_base();
    Plan::of_demo()
        .set("listen.address", addresses.gateway.to_string())
        .set("listen.public_base", public_base)
        .set("telemetry.level", level)
}

fn assert_tells_nothing(world: &World, what: &str, text: &str) {
    // The directory of the world is in messages about files.
    let text = text.replace(world.dir().to_str().unwrap(), "");
    for canary in canaries() {
        if let Some(line) = text.lines().find(|line| line.contains(&canary)) {
            panic!("{canary} in {what}: {line}");
        }
    }
}

/// Asks everything, the wrong things too, and breaks the upstream in every way.
async fn take_the_tour(world: &World) {
    let public_base = format!("https://localhost:{}/fhir", world.port());
    let score = tour::walk(world.dir(), &public_base, &mut Vec::new(), Colour::Plain).await.unwrap();
    assert!(score.steps > 40 && score.failed == 0, "{score:?}");
    for fault in [
        Fault::Down,
        Fault::Html500,
        Fault::WrongContentType,
        Fault::CutAfter(500),
        Fault::MalformedAfter(500),
        Fault::Redirect("http://127.0.0.1:1/bram-condition-1?patient=bram".into()),
    ] {
        for prefix in ["Observation", "Consent", "Patient", "Organization"] {
            world.server().plant(prefix, fault.clone());
            for target in [
                "Observation?patient=bram&code=http://snomed.info/sct%7C44054006",
                "Observation/carla-observation-lithium",
                "Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999990305",
            ] {
                let reply = world.try_ask(&Ask::get("huisarts-noord", target)).await;
                assert!(reply.is_ok_and(|reply| reply.status >= 200));
            }
            world.server().heal();
        }
    }
}

/// At the level that holds what every other level holds.
#[tokio::test]
async fn a_whole_run_tells_nothing() {
    let mut world = plan("trace").open();
    take_the_tour(&world).await;
    for path in ["/metrics", "/ready", "/live", "/nothing"] {
        let (_, body) = world.admin_get(path).await;
        assert_tells_nothing(&world, path, &body);
    }
    let (_, metrics) = world.admin_get("/metrics").await;
    assert!(metrics.contains("sluis_"), "{metrics}");
    world.gateway().stop();
    let log = world.log();
    assert!(log.lines().count() > 5, "the log is empty: {log}");
    assert_tells_nothing(&world, "the log", &log);
}

/// Whoever mends it has what there is to act on, and nothing of what the certificate says.
#[tokio::test]
async fn a_refused_certificate_is_told_of_by_check_and_field() {
    let mut world = Plan::of_demo().set("identity.test", false).open();
    assert_eq!(world.get("huisarts-brug", "Condition?patient=bram").await.status, 401);
    assert!(world.try_ask(&Ask::get("huisarts-revoked", "Condition?patient=bram")).await.is_err());
    world.gateway().stop();
    let log = world.log();
    let line = |parts: &[&str]| log.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    let named = ["\"reason\":\"unknown-issuer-oid\"", "\"check\":\"name\"", "\"field\":\"CA OID (field 1)\""];
    assert!(line(&named) && line(&["\"reason\":\"unknown-issuer-oid\"", "of the UZI register"]), "{log}");
    let revoked = ["\"reason\":\"revoked\"", "\"check\":\"revocation\"", "certificate revoked (OpenSSL 23)"];
    assert!(line(&revoked), "{log}");
    assert_tells_nothing(&world, "the log", &log);
}

/// The twin: the search for canaries finds one, and what must be on record is in the journal, where it belongs.
#[tokio::test]
async fn the_canaries_are_in_the_answers_and_in_the_journal() {
    let world = World::of_demo();
    let request = Ask::get("huisarts-brug", "Condition?patient=bram").under("canary");
    let found = |text: &str| canaries().iter().filter(|canary| text.contains(canary.as_str())).count();
    assert!(found(world.ask(&request).await.text()) > 5);
    world.closed("canary").await;
    assert!(found(&std::fs::read_to_string(world.dir().join("journal/000001.jsonl")).unwrap()) > 3);
}
