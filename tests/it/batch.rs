//! A batch of reads: each entry its own exchange with its own decision and record, in one answer that breaks as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sluis::cli::demo::fhir_server::Fault;

use crate::world::ask::{Ask, Reply};
use crate::world::{Plan, World, records};

const NOORD: &str = "huisarts-noord";
const BRUG: &str = "huisarts-brug";

fn batch_of(who: &'static str, entries: &[Value]) -> Ask {
    Ask::post(who, "", json!({"resourceType": "Bundle", "type": "batch", "entry": entries}).to_string())
}

fn gets(who: &'static str, urls: &[&str]) -> Ask {
    let entry = |url: &&str| json!({"request": {"method": "GET", "url": url}});
    batch_of(who, &urls.iter().map(entry).collect::<Vec<_>>())
}

/// Status and resource, or outcome, of each entry, as they were written.
fn entries(reply: &Reply) -> Vec<(String, String)> {
    #[derive(Deserialize)]
    struct Bundle<'b> {
        #[serde(rename = "type")]
        kind: &'b str,
        #[serde(borrow)]
        entry: Vec<Entry<'b>>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry<'b> {
        #[serde(borrow)]
        resource: Option<&'b RawValue>,
        #[serde(borrow)]
        response: Response<'b>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Response<'b> {
        status: &'b str,
        #[serde(borrow)]
        outcome: Option<&'b RawValue>,
    }
    assert_eq!(reply.status, 200, "{}", reply.text());
    let bundle: Bundle<'_> =
        serde_json::from_str(reply.text()).unwrap_or_else(|error| panic!("{error}: {}", reply.text()));
    assert_eq!(bundle.kind, "batch-response");
    let told = |entry: &Entry<'_>| {
        assert_eq!(entry.resource.is_some(), entry.response.outcome.is_none());
        let body = entry.resource.or(entry.response.outcome).unwrap();
        (entry.response.status.to_owned(), body.get().to_owned())
    };
    bundle.entry.iter().map(told).collect()
}

fn statuses(reply: &Reply) -> Vec<String> {
    entries(reply).into_iter().map(|(status, _)| status).collect()
}

const QUESTIONS: [&str; 8] = [
    "Patient?_id=carla",
    "Condition?patient=carla&_count=2",
    "Observation/$lastn?patient=carla&category=laboratory",
    "Condition/carla-condition-depression",
    "Patient/carla/$everything?_count=3",
    "Observation?patient=nobody",
    "Patient/carla",
    "Observation/nothing",
];

#[tokio::test]
async fn each_entry_is_answered_in_order_as_it_is_alone() {
    let world = World::of_demo();
    let reply = world.ask(&gets(NOORD, &QUESTIONS).under("b")).await;
    assert_eq!(reply.header("x-request-id"), Some("b"));
    assert_eq!(reply.header("content-type"), Some("application/fhir+json; charset=utf-8"));
    assert_eq!(statuses(&reply), ["200", "200", "200", "404", "200", "200", "200", "404"]);
    for ((status, body), question) in entries(&reply).into_iter().zip(QUESTIONS) {
        let alone = world.get(NOORD, question).await;
        let together = Reply { body: body.into_bytes(), ..alone.clone() };
        assert_eq!(status, alone.status.to_string());
        assert_eq!(together.compared().text(), alone.compared().text(), "{question}");
    }
    // The server gets what it would get otherwise.
    assert!(world.asked().iter().all(|seen| seen.method == "GET" && !seen.target.contains('$')));
}

#[tokio::test]
async fn each_entry_is_on_record_by_itself_and_the_batch_too() {
    let world = World::of_demo();
    let reply = world.ask(&gets(NOORD, &QUESTIONS).under("b")).await;
    assert_eq!(world.intents("b"), 0);
    let close = world.closed("b").await;
    assert_eq!(
        (&close["interaction"], &close["outcome"], &close["status"]),
        (&json!("batch"), &json!("delivered"), &json!(200))
    );
    assert_eq!((&close["bytes"], &close["purpose"]), (&json!(reply.body.len()), &json!("TREAT")));
    assert!(close["released"].as_array().is_none_or(Vec::is_empty) && close.get("patient").is_none(), "{close}");
    for (number, (status, body)) in (1..).zip(entries(&reply)) {
        let close = world.closed(&format!("b.{number}")).await;
        assert_eq!(close["status"].to_string(), status);
        assert_eq!(close["bytes"], json!(body.len()), "{number}");
        let shows = body.contains("\"carla");
        assert_eq!(world.intents(&format!("b.{number}")) == 1, shows || number == 4, "{number}: {close}");
    }
    let close = world.closed("b.2").await;
    assert_eq!((&close["interaction"], &close["type"]), (&json!("search-type"), &json!("Condition")));
    assert_eq!(close["withheld"]["rule-denies"][0], "Condition/carla-condition-anxiety");
    world.assert_intact();
}

#[tokio::test]
async fn what_is_hidden_in_one_entry_and_what_never_was_give_the_same_bytes() {
    let hidden = Plan::of_demo().with_known_keys();
    let absent = Plan::of_demo().with_known_keys();
    for reference in ["Condition/carla-condition-depression", "Condition/carla-condition-anxiety"] {
        absent.server().expunge(reference);
    }
    let (hidden, absent) = (hidden.open(), absent.open());
    let questions = [
        "Condition?patient=carla&_count=1",
        "Condition/carla-condition-depression",
        "Condition?patient=carla&_summary=count",
        "Observation?patient=carla&_count=1",
    ];
    let ask = gets(NOORD, &questions);
    let (here, there) = (hidden.ask(&ask).await.compared(), absent.ask(&ask).await.compared());
    assert_eq!((here.status, &here.headers, here.text()), (there.status, &there.headers, there.text()));
    // The twin: whom nothing is hidden from sees a difference.
    let ask = gets(BRUG, &questions);
    assert_ne!(hidden.ask(&ask).await.compared().text(), absent.ask(&ask).await.compared().text());
}

#[tokio::test]
async fn who_may_not_know_learns_no_more_from_a_batch() {
    let world = World::of_demo();
    let questions = |patient: &str| {
        let of = |question: &str| question.replace('@', patient);
        ["Patient/@", "Patient/@/$summary", "Patient/@/$everything", "Observation/$lastn?patient=@&code=1"].map(of)
    };
    let mut told = Vec::new();
    for patient in ["anna", "nobody", "els"] {
        let questions = questions(patient);
        told.push(world.ask(&gets(BRUG, &questions.each_ref().map(String::as_str))).await.compared());
    }
    assert_eq!(statuses(&told[0]), ["404", "404", "404", "404"]);
    assert!(told.windows(2).all(|two| two[0] == two[1]));
    let questions = questions("bram");
    let bram = world.ask(&gets(BRUG, &questions.each_ref().map(String::as_str))).await;
    assert_eq!(statuses(&bram)[..3], ["200", "200", "200"]);
}

#[tokio::test]
async fn an_entry_that_is_no_read_is_refused_by_name_and_the_others_are_answered() {
    let world = World::of_demo();
    let get = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let other = |method: &str, url: &str| json!({"request": {"method": method, "url": url}});
    let cases = [
        (get("Patient/bram"), "200", ""),
        (other("POST", "Observation/_search"), "405", "not-supported"),
        (other("DELETE", "Patient/bram"), "405", "not-supported"),
        (other("HEAD", "Patient/bram"), "405", "not-supported"),
        (
            json!({"request": {"method": "PUT", "url": "Patient/bram"}, "resource": {"resourceType": "Patient"}}),
            "400",
            "invalid",
        ),
        (
            json!({"request": {"method": "GET", "url": "Patient/bram", "ifNoneMatch": "W/\"1\""}}),
            "400",
            "not-supported",
        ),
        (get("metadata"), "403", "forbidden"),
        (get("%6Detadata"), "403", "forbidden"),
        (get(""), "403", "forbidden"),
        (get("/Patient/bram"), "400", "invalid"),
        (get("../fhir/Patient/bram"), "400", "invalid"),
        (get("https://sluis.test/fhir/Patient/bram"), "400", "invalid"),
        (get("Patient/%2562ram"), "400", "invalid"),
        (get("Patient/bram#x"), "400", "invalid"),
        (get("Patient/br am"), "400", "invalid"),
        (get("_history"), "403", "forbidden"),
        (get("Observation"), "400", "required"),
        (get("Observation?patient=bram&_has:Observation:patient:code=1"), "400", "not-supported"),
        (get("Patient/bram?_format=xml"), "406", "not-supported"),
        (get("Patient/%62ram"), "200", ""),
    ];
    let asked: Vec<Value> = cases.iter().map(|(entry, ..)| entry.clone()).collect();
    let reply = world.ask(&batch_of(BRUG, &asked).under("odd")).await;
    for ((told, (entry, status, code)), number) in entries(&reply).iter().zip(&cases).zip(1..) {
        let body: Value = serde_json::from_str(&told.1).unwrap();
        let issue = body["issue"][0]["code"].as_str().unwrap_or_default();
        assert_eq!((told.0.as_str(), issue), (*status, *code), "{entry}: {}", told.1);
        assert_eq!(world.closed(&format!("odd.{number}")).await["status"].to_string(), *status);
        assert_eq!(world.intents(&format!("odd.{number}")) == 1, *status == "200", "{entry}");
    }
    assert_eq!(entries(&reply).len(), cases.len());
}

#[tokio::test]
async fn one_purpose_counts_for_all_and_without_one_nothing_is_done() {
    let world = World::of_demo();
    let ask = gets(BRUG, &["Patient/bram", "Observation?patient=bram"]);
    for (purpose, refusal) in [(None, "required"), (Some("NOTHING"), "value")] {
        let reply = world.ask(&Ask { purpose, ..ask.clone() }.under("none")).await;
        assert_eq!(reply.refusal(), (400, refusal.to_owned()));
    }
    assert!(world.asked().is_empty());
    // Known, and not admitted: each is told so.
    let reply = world.ask(&Ask { purpose: Some("HMARKT"), ..ask.clone() }).await;
    assert_eq!(statuses(&reply), ["403", "403"]);
    let reply = world.ask(&Ask { purpose: Some("ETREAT"), ..ask.clone() }).await;
    assert_eq!(statuses(&reply), ["400", "400"]);
    let with_reason = Ask { purpose: Some("ETREAT"), reason: Some("unconscious"), ..ask };
    let reply = world.ask(&with_reason.under("why")).await;
    assert_eq!(statuses(&reply), ["200", "200"]);
    assert_eq!(world.closed("why.2").await["reason"], "unconscious");
}

#[tokio::test]
async fn an_entry_that_fails_before_it_began_is_refused_and_one_that_breaks_cuts_the_whole_off() {
    let plan = Plan::of_demo();
    for each in records::long_results("bram", 100, 20_000) {
        plan.server().put(&each).unwrap();
    }
    let world = plan.open();
    let ask = gets(BRUG, &["Patient/bram", "Observation?patient=bram&_count=100", "Condition?patient=bram"]);
    let whole = world.ask(&ask).await;
    assert_eq!(statuses(&whole), ["200", "200", "200"]);
    assert!(whole.body.len() > 2_000_000);
    world.server().plant("Observation", Fault::Html500);
    assert_eq!(statuses(&world.ask(&ask).await), ["200", "502", "200"]);
    for (id, fault) in [("cut", Fault::CutAfter(1_000_000)), ("bad", Fault::MalformedAfter(1_000_000))] {
        world.server().plant("Observation", fault);
        let cut = world.try_ask(&ask.clone().under(id)).await;
        let cut = cut.expect_err("the answer ended as if it were whole");
        assert_eq!(cut.status, 200);
        let outcomes: BTreeMap<String, Value> =
            futures_util::future::join_all([id.to_owned(), format!("{id}.1"), format!("{id}.2")].map(|id| {
                let world = &world;
                async move { (id.clone(), world.closed(&id).await["outcome"].clone()) }
            }))
            .await
            .into_iter()
            .collect();
        assert_eq!(outcomes[id], "failed");
        assert_eq!(
            (&outcomes[&format!("{id}.1")], &outcomes[&format!("{id}.2")]),
            (&json!("delivered"), &json!("failed"))
        );
        assert!(world.on_record("close", &format!("{id}.3")).is_empty());
    }
    world.server().heal();
    assert_eq!(world.ask(&ask).await.compared().text(), whole.compared().text());
    world.assert_intact();
}

#[tokio::test]
async fn all_entries_have_the_time_of_one_request() {
    let world = Plan::of_demo().set("listen.deadline", "2s").open();
    world.server().plant("Condition", Fault::Slow(Duration::from_secs(20)));
    let ask = gets(BRUG, &["Patient/bram", "Condition?patient=bram", "Observation?patient=bram", "Patient/bram"]);
    let reply = world.ask(&ask.under("late")).await;
    let statuses = statuses(&reply);
    assert_eq!(statuses[..2], ["200", "504"]);
    assert!(statuses[2..].iter().all(|status| status == "504"), "{statuses:?}");
    assert_eq!(world.closed("late").await["outcome"], "delivered");
    assert_eq!(world.closed("late.4").await["status"], 504);
}
