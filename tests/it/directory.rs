//! What a directory says of the caller's organisation counts where a Consent speaks of kinds of providers.

use serde_json::{Value, json};
use sluis::cli::demo::fhir_server::{Fault, FhirServer};

use crate::world::ask::Ask;
use crate::world::process::sluis;
use crate::world::{Plan, World, records};

const SEARCH: &str = "Condition?patient=bram";

/// Bram's Consent, for hospitals (`V6` is no type of RPZAC001; `Z3` is one) or whoever the code means.
fn consent_for(kind: &str) -> String {
    let all = records::each("bram");
    let mut consent = all.into_iter().find(|each| each["resourceType"] == "Consent").unwrap();
    consent["provision"] = json!({
        "type": "permit",
        "actor": [{
            "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]},
            "reference": {"identifier": {
                "system": "http://fhir.nl/otv/CodeSystem/raadplegende-zorgaanbiedercategorie", "value": kind
            }}
        }]
    });
    consent.to_string()
}

fn plan() -> Plan {
    let plan = Plan::of_demo();
    plan.server().put(&consent_for("RPZAC001")).unwrap();
    plan
}

fn organisation(ura: &str, types: &[&str]) -> Value {
    let codings: Vec<_> = types
        .iter()
        .map(|code| json!({"coding": [{"system": "http://nictiz.nl/fhir/NamingSystem/organization-type", "code": code}]}))
        .collect();
    json!({
        "resourceType": "Organization", "id": format!("o-{ura}"), "active": true, "type": codings,
        "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": ura}]
    })
}

async fn found(world: &World, who: &'static str) -> usize {
    let reply = world.ask(&Ask::get(who, SEARCH)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.entries().len()
}

/// The URA that the certificate of that caller proves.
fn ura_of(world: &World, who: &str) -> String {
    let certificate = world.dir().join(format!("callers/{who}.pem"));
    let ran = sluis(&["uzi", "inspect", "--lenient-test", certificate.to_str().unwrap()], "");
    ran.json()["identity"]["ura"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_file_says_of_which_kind_an_organisation_is() {
    let world = plan().open();
    let ura = ura_of(&world, "seh-arts");
    assert_eq!(found(&world, "seh-arts").await, 0, "nothing says what kind of place it is");
    for (kind, sees) in [("Z3", true), ("V6", false)] {
        let plan = plan();
        let file = format!("[[organisation]]\nura = \"{ura}\"\nname = \"x\"\nfacility_types = [\"{kind}\"]\n");
        std::fs::write(plan.dir().join("organisations.toml"), file).unwrap();
        let world = plan.set("directory.file", "organisations.toml").open();
        assert_eq!(found(&world, "seh-arts").await > 0, sees, "{kind}");
    }
}

#[tokio::test]
async fn a_fhir_directory_is_asked_and_what_it_says_is_remembered() {
    let directory = FhirServer::start().unwrap();
    let ura = ura_of(&plan().open(), "seh-arts");
    directory.put(&organisation(&ura, &["Z3"]).to_string()).unwrap();
    let world = plan().set("directory.url", directory.base()).open();
    assert!(found(&world, "seh-arts").await > 0);
    assert!(found(&world, "seh-arts").await > 0);
    let asked = directory.seen().into_iter().filter(|seen| seen.target.contains(&ura)).count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_directory_that_fails_is_a_refusal_for_everybody_and_shows_where_operators_look() {
    let directory = FhirServer::start().unwrap();
    directory.plant("Organization", Fault::Html500);
    let plan = plan().set("directory.url", directory.base());
    let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
    assert!(ran.code == Some(1) && ran.stdout.contains("directory.url"), "{}", ran.stdout);
    let world = plan.open();
    for patient in ["bram", "nobody"] {
        let reply = world.ask(&Ask::get("huisarts-brug", format!("Condition?patient={patient}"))).await;
        assert_eq!(reply.refusal(), (503, "transient".to_owned()), "{patient}");
    }
    let (status, ready) = world.admin_get("/ready").await;
    assert!(status == 503 && ready.contains("\"directory\":\"unavailable\""), "{ready}");
    directory.heal();
    assert!(found(&world, "huisarts-brug").await > 0, "a general practitioner by role");
}

#[test]
fn each_mistake_in_the_file_is_named() {
    for (text, word) in [
        ("[[organisation]]\nura = \"1\"\nfacility_types = [\"Z3\"]", "organisation[0].ura"),
        ("[[organisation]]\nura = \"00000001\"\nfacility_types = []", "organisation[0].facility_types"),
        ("[[organisation]]\nura = \"00000001\"\nkind = \"Z3\"", "kind"),
        (
            "[[organisation]]\nura = \"00000001\"\nfacility_types = [\"Z3\"]\n[[organisation]]\nura = \"00000001\"\nfacility_types = [\"V6\"]",
            "organisation[1].ura",
        ),
    ] {
        let plan = Plan::of_demo();
        std::fs::write(plan.dir().join("organisations.toml"), text).unwrap();
        let plan = plan.set("directory.file", "organisations.toml");
        let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
        assert!(ran.code == Some(1) && ran.stdout.contains(word), "{text}: {}", ran.stdout);
    }
}
