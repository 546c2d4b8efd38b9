//! `$summary` and `$everything`: composed here, one decision and one record each, and closed to whoever may not know.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sluis::cli::demo::fhir_server::Fault;

use crate::world::ask::{Ask, Reply};
use crate::world::{PUBLIC_BASE, Plan, World, records};

const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";
const CARLA: &str = "999990305";

fn get(target: &str) -> Ask {
    Ask::get("huisarts-noord", target)
}

/// The sections of a document by their codes.
fn sections(reply: &Reply) -> Vec<Value> {
    let bundle = reply.json();
    assert_eq!((reply.status, &bundle["type"]), (200, &json!("document")), "{bundle}");
    bundle["entry"][0]["resource"]["section"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_summary_is_a_document_of_what_is_visible() {
    let world = World::of_demo();
    let reply = world.ask(&get("Patient/carla/$summary").under("sum")).await;
    let bundle = reply.json();
    assert_eq!(reply.header("content-type"), Some("application/fhir+json; charset=utf-8"));
    let codes: Vec<_> = sections(&reply).iter().map(|one| one["code"]["coding"][0]["code"].clone()).collect();
    assert_eq!(codes[..3], [json!("11450-4"), json!("48765-2"), json!("10160-0")]);
    for entry in bundle["entry"].as_array().unwrap().iter().skip(2) {
        let (kind, id) =
            (entry["resource"]["resourceType"].as_str().unwrap(), entry["resource"]["id"].as_str().unwrap());
        assert_eq!(entry["fullUrl"], json!(format!("{PUBLIC_BASE}/{kind}/{id}")));
    }
    for trace in ["depression", "anxiety", "sertraline", "quetiapine", "lithium", "ggz", "psychiat"] {
        assert!(!reply.text().contains(trace), "{trace}");
    }
    assert!(reply.text().contains("Data may be incomplete"));
    let own = world.get("huisarts-brug", "Patient/carla/$summary").await;
    assert!(own.text().contains("depression") && own.entries().len() > reply.entries().len());
    // The server is asked nothing but searches.
    assert!(world.asked().iter().all(|seen| !seen.target.contains('$')));
}

#[tokio::test]
async fn a_summary_has_one_intent_before_its_data_and_one_end() {
    let world = World::of_demo();
    let reply = world.ask(&get("Patient/carla/$summary").under("one")).await;
    assert_eq!(world.intents("one"), 1);
    let close = world.closed("one").await;
    assert_eq!((&close["interaction"], &close["operation"]), (&json!("operation"), &json!("summary")));
    assert_eq!((&close["exchange"], &close["type"], &close["action"]), (&json!("ips"), &json!("Patient"), &json!("E")));
    assert_eq!((&close["outcome"], &close["bytes"]), (&json!("delivered"), &json!(reply.body.len())));
    let released: Vec<_> =
        close["released"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    assert_eq!(released, reply.entries());
    let withheld = close["withheld"]["rule-denies"].as_array().unwrap();
    assert!(withheld.contains(&json!("Condition/carla-condition-depression")), "{close}");
    world.assert_intact();
}

#[tokio::test]
async fn a_summary_by_number_and_by_post_is_the_same_one() {
    let world = World::of_demo();
    let by_id = world.ask(&get("Patient/carla/$summary")).await.compared();
    let parameters = json!({"resourceType": "Parameters", "parameter": [
        {"name": "identifier", "valueString": format!("{BSN}|{CARLA}")},
        {"name": "profile", "valueCanonical": "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips"}]});
    for ask in [
        get(&format!("Patient/$summary?identifier={BSN}%7C{CARLA}")),
        Ask::post("huisarts-noord", "Patient/$summary", parameters.to_string()),
        Ask::post("huisarts-noord", "Patient/carla/$summary", r#"{"resourceType":"Parameters"}"#),
    ] {
        let reply = world.ask(&ask.under("post")).await.compared();
        assert_eq!((reply.status, reply.text()), (200, by_id.text()));
    }
}

#[tokio::test]
async fn who_may_not_know_gets_what_is_said_of_somebody_unknown() {
    let world = World::of_demo();
    let same = |reply: Reply| {
        let Reply { status, headers, body } = reply.compared();
        (status, headers, body)
    };
    let nobody = same(world.get("huisarts-brug", "Patient/nobody").await);
    assert_eq!(nobody.0, 404);
    for who in ["anna", "nobody", "els"] {
        for operation in ["$summary", "$everything", "$everything?_type=Condition"] {
            let reply = world.get("huisarts-brug", format!("Patient/{who}/{operation}")).await;
            assert_eq!(same(reply), nobody, "{who} {operation}");
        }
    }
    for number in ["999990111", "999911120"] {
        let reply = world.get("huisarts-brug", format!("Patient/$summary?identifier={BSN}%7C{number}")).await;
        assert_eq!(same(reply), nobody, "{number}");
    }
    // The twin: with a permit there is an answer.
    assert_eq!(world.get("huisarts-brug", "Patient/bram/$summary").await.status, 200);
    assert_eq!(world.get("huisarts-brug", "Patient/bram/$everything").await.status, 200);
}

#[tokio::test]
async fn a_patient_of_whom_nothing_is_on_file_has_no_summary_but_is_everything_there_is() {
    let plan = Plan::of_demo();
    let patient = |id: &str| {
        format!(r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"system":"{BSN}","value":"999911120"}}]}}"#)
    };
    plan.server().put(&patient("empty")).unwrap();
    let consent = crate::world::records::texts("bram").into_iter().find(|(one, _)| one == "Consent/bram-consent-1");
    let consent =
        consent.unwrap().1.replace("Patient/bram", "Patient/empty").replace("bram-consent-1", "empty-consent");
    plan.server().put(&consent).unwrap();
    let world = plan.open();
    assert_eq!(world.get("huisarts-brug", "Patient/empty").await.status, 200);
    assert_eq!(world.get("huisarts-brug", "Patient/empty/$summary").await.refusal(), (404, "not-found".to_owned()));
    assert_eq!(world.get("huisarts-brug", "Patient/empty/$everything").await.entries(), ["Patient/empty"]);
}

#[tokio::test]
async fn everything_comes_in_pages_that_are_the_callers_own() {
    let world = World::of_demo();
    let whole = world.ask(&get("Patient/carla/$everything?_count=100")).await;
    let matches = |reply: &Reply| {
        let bundle = reply.json();
        let entries = bundle["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "match");
        entries.map(|entry| entry["fullUrl"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let pages = world.pages(&get("Patient/carla/$everything?_count=7")).await;
    assert!(pages.len() > 2);
    assert_eq!(pages.iter().flat_map(matches).collect::<Vec<_>>(), matches(&whole));
    assert!(matches(&whole)[0].ends_with("/Patient/carla"));
    for (number, page) in pages.iter().enumerate() {
        assert!(page.json().get("total").is_none());
        assert_eq!(matches(page).len() == 7, number + 1 < pages.len());
    }
    // Supporting resources come last, by type and id, and only those that something refers to.
    let entries = whole.entries();
    let (_, supporting) = entries.split_at(matches(&whole).len());
    assert!(supporting.is_sorted() && !supporting.is_empty());
    assert!(!whole.text().contains("depression") && !whole.text().contains("sertraline"));
    assert!(world.asked().iter().all(|seen| !seen.target.contains('$')));

    // A link is good for who got it, for what it was made for.
    let next = pages[0].next().unwrap();
    let token = next.split_once("_page=").unwrap().1;
    for ask in [
        Ask::get("huisarts-brug", next.clone()),
        get(&format!("Patient/carla/$everything?_count=8&_page={token}")),
        get(&format!("Patient/bram/$everything?_count=7&_page={token}")),
        get(&format!("Patient/carla/$everything?_type=Condition&_count=7&_page={token}")),
        get(&format!("Condition?patient=carla&_count=7&_page={token}")),
    ] {
        assert_eq!(world.ask(&ask).await.refusal(), (400, "invalid".to_owned()), "{ask:?}");
    }
    let reply = world.ask(&get(&next).under("page")).await;
    let close = world.closed("page").await;
    assert_eq!((&close["operation"], &close["outcome"]), (&json!("everything"), &json!("delivered")));
    let released: BTreeSet<_> = close["released"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(released, reply.entries().iter().map(String::as_str).collect());
}

#[tokio::test]
async fn a_server_that_fails_one_search_leaves_no_half_answer() {
    let world = World::of_demo();
    world.server().plant("Procedure", Fault::Html500);
    for target in ["Patient/carla/$summary", "Patient/carla/$everything?_count=100"] {
        let reply = world.ask(&get(target)).await;
        assert_eq!(reply.refusal(), (502, "transient".to_owned()), "{target}");
        assert!(!reply.text().contains("carla"));
    }
}

#[tokio::test]
async fn a_role_without_a_profile_that_summarises_is_told_so_whoever_the_patient_is() {
    let world = World::of_demo();
    for patient in ["carla", "nobody"] {
        let reply = world.get("apotheker", format!("Patient/{patient}/$summary")).await;
        assert_eq!(reply.refusal(), (403, "forbidden".to_owned()));
    }
    let statement = world.get("apotheker", "metadata").await.json();
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let patient = resources.iter().find(|resource| resource["type"] == "Patient").unwrap();
    assert_eq!(patient["operation"][1]["name"], "summary");
}

#[tokio::test]
async fn while_consents_cannot_be_read_a_number_in_a_body_does_not_tell_who_is_known() {
    let world = World::of_demo();
    let by_number = |number: &str| {
        let parameters = json!({"resourceType": "Parameters", "parameter": [
            {"name": "identifier", "valueIdentifier": {"system": BSN, "value": number}}]});
        Ask::post("huisarts-brug", "Patient/$summary", parameters.to_string())
    };
    // What was asked about one stranger is remembered, and says nothing of the next one.
    assert_eq!(world.ask(&by_number("999911120")).await.status, 404);
    world.server().plant("Consent", Fault::Html500);
    for number in ["999990202", "999912008"] {
        assert_eq!(world.ask(&by_number(number)).await.refusal(), (503, "transient".to_owned()), "{number}");
    }
}

/// Weights of Carla's, the last of which is restricted.
fn weights(plan: &Plan, with_the_last: bool) {
    let weight = |id: &str, when: &str, label: &str| {
        records::result(id, "carla", "")
            .replace("718-7", "33914-3")
            .replace("2025-06-01", when)
            .replace(r#""code":"N""#, &format!(r#""code":"{label}""#))
    };
    for (id, when) in [("weight-1", "2025-01-01"), ("weight-3", "2025-03-01"), ("weight-2", "2025-02-01")] {
        plan.server().put(&weight(id, when, "N")).unwrap();
    }
    if with_the_last {
        plan.server().put(&weight("weight-4", "2025-04-01", "R")).unwrap();
    }
}

const LAST_WEIGHTS: &str = "Observation/$lastn?patient=carla&code=http://loinc.org%7C33914-3&max=2";

#[tokio::test]
async fn the_last_are_those_that_are_visible_as_if_no_later_one_had_been() {
    let (hidden, absent) = (Plan::of_demo(), Plan::of_demo());
    let consent = records::consent(
        "not-restricted",
        "carla",
        r#"{"type":"permit","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}]}"#,
    );
    for (plan, with_the_last) in [(&hidden, true), (&absent, false)] {
        weights(plan, with_the_last);
        plan.server().put(&consent).unwrap();
    }
    let (hidden, absent) = (hidden.open(), absent.open());
    let reply = hidden.ask(&get(LAST_WEIGHTS).under("last")).await;
    assert_eq!(reply.entries(), ["Observation/weight-3", "Observation/weight-2"]);
    assert_eq!(reply.json()["link"][0]["url"], json!(format!("{PUBLIC_BASE}/{LAST_WEIGHTS}")));
    let close = hidden.closed("last").await;
    assert_eq!((&close["interaction"], &close["operation"]), (&json!("operation"), &json!("lastn")));
    assert_eq!((&close["type"], &close["outcome"]), (&json!("Observation"), &json!("delivered")));
    assert_eq!(close["released"], json!(["Observation/weight-3", "Observation/weight-2"]));
    assert_eq!(close["withheld"]["rule-denies"], json!(["Observation/weight-4"]));
    // The server is asked nothing but searches.
    assert!(hidden.asked().iter().all(|seen| !seen.target.contains('$') && !seen.target.contains("max=")));
    let (here, there) = (reply.compared(), absent.ask(&get(LAST_WEIGHTS)).await.compared());
    assert_eq!((here.status, &here.headers, here.text()), (there.status, &there.headers, there.text()));
    hidden.assert_intact();
}

#[tokio::test]
async fn the_last_by_number_and_by_post_are_the_same() {
    let plan = Plan::of_demo();
    weights(&plan, false);
    let world = plan.open();
    let parameter = |name: &str, member: &str, value: Value| json!({"name": name, member: value});
    let kind = parameter("code", "valueString", json!("http://loinc.org|33914-3"));
    let max = parameter("max", "valuePositiveInt", json!(2));
    let by_id = parameter("patient", "valueReference", json!({"reference": "Patient/carla"}));
    let by_number = parameter("patient.identifier", "valueIdentifier", json!({"system": BSN, "value": CARLA}));
    for (patient, link) in [(by_id, true), (by_number, false)] {
        let body = json!({"resourceType": "Parameters", "parameter": [patient, kind, max]}).to_string();
        let reply = world.ask(&Ask::post("huisarts-noord", "Observation/$lastn", body)).await;
        assert_eq!(reply.entries(), ["Observation/weight-3", "Observation/weight-2"]);
        assert!(!link || reply.text() == world.ask(&get(LAST_WEIGHTS)).await.text());
    }
}

#[tokio::test]
async fn who_may_not_know_and_who_has_none_get_the_same_of_the_last() {
    let world = World::of_demo();
    let last = |patient: &str, code: &str| {
        world.get("huisarts-brug", format!("Observation/$lastn?patient={patient}&code={code}"))
    };
    let same = |reply: Reply| {
        let Reply { status, headers, body } = reply.compared();
        (status, headers, body)
    };
    let nobody = same(last("nobody", "718-7").await);
    assert_eq!(nobody.0, 404);
    // Who denies, who is unknown, and of whom there is none of that kind.
    for (patient, code) in [("anna", "718-7"), ("els", "718-7"), ("bram", "none")] {
        assert_eq!(same(last(patient, code).await), nobody, "{patient}");
    }
    // The twin: with a permit there is an answer.
    let reply = world.get("huisarts-brug", "Observation/$lastn?patient=bram&category=laboratory").await;
    assert!(!reply.entries().is_empty());
}

#[tokio::test]
async fn a_server_that_fails_the_search_gives_no_last() {
    let world = World::of_demo();
    world.server().plant("Observation", Fault::Html500);
    let reply = world.ask(&get("Observation/$lastn?patient=carla&category=laboratory")).await;
    assert_eq!(reply.refusal(), (502, "transient".to_owned()));
}
