//! Who may call at all: `[identity.admit]`, and issuing CAs of a hospital's own.

use crate::world::process::sluis;
use crate::world::{Plan, World};

fn admit(key: &str, values: &[&str]) -> toml::Table {
    let values = values.iter().map(|&value| value.into()).collect();
    toml::Table::from_iter([(key.to_owned(), toml::Value::Array(values))])
}

fn world(admit: toml::Table) -> World {
    Plan::of_demo().set("identity.admit", admit).open()
}

async fn status(world: &World, who: &'static str, target: &str) -> u16 {
    world.get(who, target).await.status
}

const SEARCH: &str = "Condition?patient=bram";

#[tokio::test]
async fn a_role_that_is_not_listed_is_refused_whatever_the_policy_admits() {
    let world = world(admit("roles", &["01"]));
    assert_eq!(status(&world, "huisarts-brug", SEARCH).await, 200);
    for (who, target) in [("apotheker", "MedicationRequest?patient=bram"), ("systeem", "metadata")] {
        assert_eq!(world.get(who, target).await.refusal(), (403, "forbidden".to_owned()), "{who}");
    }
    // The twin: without a list both are let in.
    let world = World::of_demo();
    assert_eq!(status(&world, "apotheker", "MedicationRequest?patient=bram").await, 200);
    assert_eq!(status(&world, "systeem", "metadata").await, 200);
}

#[tokio::test]
async fn an_organisation_that_is_not_listed_is_refused_and_on_record() {
    let world = world(admit("organisations", &["90000101"]));
    assert_eq!(status(&world, "huisarts-brug", SEARCH).await, 200);
    let ask = crate::world::ask::Ask::get("huisarts-noord", SEARCH).under("elsewhere");
    assert_eq!(world.ask(&ask).await.refusal(), (403, "forbidden".to_owned()));
    let closed = world.closed("elsewhere").await;
    assert_eq!((&closed["outcome"], &closed["ground"]), (&"refused".into(), &"role-not-admitted".into()));
    let asked = world.asked();
    assert!(!asked.iter().any(|seen| seen.target.contains("90000102")), "somebody was looked up");
}

#[tokio::test]
async fn a_type_that_is_not_listed_is_refused() {
    let world = world(admit("types", &["Z", "N"]));
    assert_eq!(status(&world, "systeem", "metadata").await, 403);
    assert_eq!(status(&world, "huisarts-brug", "metadata").await, 200);
}

#[test]
fn what_is_no_list_of_callers_or_no_issuer_is_a_mistake() {
    let mistakes = |key: &str, value: toml::Value| {
        let plan = Plan::of_demo().set(key, value);
        let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
        let report = ran.json();
        let keys = report["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["key"].to_string());
        keys.collect::<Vec<_>>().join(" ")
    };
    for (key, values) in [("roles", &["1"][..]), ("types", &["X"]), ("organisations", &["1234567"]), ("roles", &[])] {
        assert!(mistakes("identity.admit", admit(key, values).into()).contains("identity.admit"), "{key} {values:?}");
    }
    let issuer = |text: &str| toml::Value::Array(vec![toml::from_str::<toml::Table>(text).unwrap().into()]);
    let good = "oid = \"1.2.3\"\nnames = [\"UZI Zorgverlener G4\"]\npolicies = [\"1.2.4\"]\ntype = \"Z\"";
    assert_eq!(mistakes("identity.issuer", issuer(good)), "");
    for (from, to, key) in [
        ("1.2.3", "1.2.", "identity.issuer.oid"),
        ("[\"1.2.4\"]", "[]", "identity.issuer.policies"),
        ("[\"UZI Zorgverlener G4\"]", "[]", "identity.issuer.names"),
        ("\"Z\"", "\"z\"", "identity.issuer.type"),
    ] {
        assert!(mistakes("identity.issuer", issuer(&good.replace(from, to))).contains(key), "{key}");
    }
}
