//! Law 4, closed: what the upstream does wrong is a refusal or a cut-off, never an answer that looks whole (invariant 9).
//! Every fault has a twin: the same request is answered once the fault is gone.

use std::time::{Duration, Instant};

use sluis::cli::demo::fhir_server::{Fault, FhirServer};

use crate::world::ask::{Ask, CutOff, Reply};
use crate::world::{Plan, World, records};

const SEARCH: &str = "Observation?patient=bram&_count=100";

fn asked() -> Ask {
    Ask::get("huisarts-brug", SEARCH)
}

/// The refusal while the fault is there, and the answer after it.
async fn assert_refused_then_answered(world: &World, request: &Ask, refusal: (u16, &str)) {
    let reply = world.ask(request).await;
    assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()), "{request:?}");
    for word in ["Jansen", "Hemoglobine", "999990202", "html", "HAPI"] {
        assert!(!reply.text().contains(word), "{word} in {}", reply.text());
    }
    world.server().heal();
    let reply = world.ask(request).await;
    assert_eq!(reply.status, 200, "{request:?}");
}

/// Plants a fault on searches for results, and on reads of one.
async fn assert_refusal(fault: Fault, refusal: (u16, &str)) {
    assert_refusal_in(&World::of_demo(), fault, refusal).await;
}

async fn assert_refusal_in(world: &World, fault: Fault, refusal: (u16, &str)) {
    for request in [asked(), Ask::get("huisarts-brug", "Observation/bram-observation-lab-1")] {
        world.server().plant("Observation", fault.clone());
        assert_refused_then_answered(world, &request, refusal).await;
    }
}

/// Another answer than the one that was asked for, as FHIR JSON.
fn fhir(body: String) -> Fault {
    Fault::Answer { status: 200, content_type: "application/fhir+json".into(), body }
}

const BAD_GATEWAY: (u16, &str) = (502, "transient");

#[tokio::test]
async fn an_upstream_that_closes_the_connection_is_a_502() {
    assert_refusal(Fault::Down, BAD_GATEWAY).await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_502_or_503_and_comes_back() {
    let mut world = World::of_demo();
    assert_eq!(world.ask(&asked()).await.status, 200);
    world.stop_server();
    // Consents are remembered, the data is not.
    assert_eq!(world.ask(&asked()).await.refusal(), (502, "transient".to_owned()));
    // Of this patient nothing was looked up yet.
    let unknown = world.get("huisarts-brug", "Observation?patient=carla").await;
    assert!([502, 503].contains(&unknown.status), "{}", unknown.text());
    assert_eq!(world.get("huisarts-brug", "metadata").await.status, 200);
}

#[tokio::test]
async fn an_html_page_is_a_502_whatever_its_status() {
    assert_refusal(Fault::Html500, BAD_GATEWAY).await;
    assert_refusal(Fault::WrongContentType, BAD_GATEWAY).await;
}

#[tokio::test]
async fn a_body_that_is_cut_early_is_a_502() {
    assert_refusal(Fault::CutAfter(400), BAD_GATEWAY).await;
}

#[tokio::test]
async fn a_body_that_is_not_json_early_on_is_a_502() {
    assert_refusal(Fault::MalformedAfter(400), BAD_GATEWAY).await;
}

#[tokio::test]
async fn other_statuses_are_a_502() {
    let json =
        |status, body: &str| Fault::Answer { status, content_type: "application/fhir+json".into(), body: body.into() };
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing","diagnostics":"Jansen"}]}"#;
    let world = World::of_demo();
    for status in [201, 202, 206, 400, 401, 403, 429, 503] {
        assert_refusal_in(&world, json(status, outcome), BAD_GATEWAY).await;
    }
    // An OperationOutcome with 200 is no searchset and no Observation.
    for body in [outcome, "", "[]", "{}", r#"{"resourceType":"Bundle","type":"collection"}"#] {
        assert_refusal_in(&world, json(200, body), BAD_GATEWAY).await;
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    assert_refusal(Fault::Header("Content-Encoding", "gzip".into()), BAD_GATEWAY).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FhirServer::start().unwrap();
    assert_refusal(Fault::Redirect(format!("{}/Observation", elsewhere.base())), BAD_GATEWAY).await;
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn an_upstream_that_is_too_slow_is_a_504_at_the_deadline() {
    let world = Plan::of_demo().set("listen.deadline", "3s").open();
    for fault in [Fault::Slow(Duration::from_secs(20)), Fault::Stall(0), Fault::Stall(300)] {
        world.server().plant("Observation", fault);
        let began = Instant::now();
        let reply = world.ask(&asked()).await;
        assert_eq!(reply.refusal(), (504, "timeout".to_owned()));
        assert!((3..15).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        world.server().heal();
    }
    world.server().plant("Observation", Fault::Slow(Duration::from_millis(300)));
    assert_eq!(world.ask(&asked()).await.status, 200);
}

/// Two megabytes of results, so that the answer has begun long before its end.
fn plan_of_long_answers() -> Plan {
    let plan = Plan::of_demo();
    for patient in ["bram", "carla"] {
        for each in records::long_results(patient, 100, 20_000) {
            plan.server().put(&each).unwrap();
        }
    }
    plan
}

/// Where nothing is hidden the answer streams, and breaks in the caller's hands; where each resource is judged it may be
/// refused whole. It never ends well.
fn assert_not_whole(answered: Result<Reply, CutOff>) {
    match answered {
        Err(cut) => assert!(cut.status == 200 && cut.bytes < 2_500_000, "{cut:?}"),
        Ok(reply) => assert!([502, 504].contains(&reply.status), "{}", reply.status),
    }
}

/// Invariant 9.
#[tokio::test]
async fn a_body_that_turns_bad_after_a_megabyte_never_ends_well() {
    let world = plan_of_long_answers().set("listen.deadline", "6s").open();
    let judged = Ask::get("huisarts-noord", "Observation?patient=carla&_count=100");
    for request in [asked(), judged] {
        for fault in [Fault::MalformedAfter(1_000_000), Fault::CutAfter(1_000_000), Fault::Stall(1_000_000)] {
            world.server().plant("Observation", fault);
            let answered = world.try_ask(&request).await;
            if request.who == "huisarts-brug" {
                assert!(answered.is_err(), "the answer did not stream");
            }
            assert_not_whole(answered);
            world.server().heal();
        }
        assert_eq!(world.ask(&request).await.entries().len(), 100);
    }
}

/// Invariant 9, on a later upstream page: what was released before it stays incomplete.
#[tokio::test]
async fn a_following_page_that_fails_never_ends_well() {
    let plan = Plan::of_demo();
    // More hidden results than one upstream page has, between one that is visible and the others, in whatever order.
    for number in 0..260 {
        let between = r#","performer":[{"reference":"Patient/anna"}]"#;
        plan.server().put(&records::result(&format!("other-{number:03}"), "els", between)).unwrap();
    }
    plan.server().put(&records::permit("els-permit", "els")).unwrap();
    for id in ["p-1", "p-2", "p-3"] {
        plan.server().put(&records::result(id, "els", "")).unwrap();
    }
    let world = plan.open();
    let request = Ask::get("huisarts-brug", "Observation?patient=els&code=http://loinc.org%7C718-7&_count=4");
    world.server().plant("Observation", Fault::FailPage);
    assert_not_whole(world.try_ask(&request).await);
    world.server().heal();
    assert_eq!(world.ask(&request).await.entries().len(), 4);
}

/// A source of Consents that fails is no source with nothing in it.
#[tokio::test]
async fn consents_that_cannot_be_read_are_a_503() {
    // Nothing is remembered, so that each fault is met.
    let world = Plan::of_demo().set("consent.max_age", "1ms").open();
    for fault in [
        Fault::Down,
        Fault::Html500,
        Fault::WrongContentType,
        Fault::CutAfter(300),
        Fault::MalformedAfter(300),
        Fault::Header("Content-Encoding", "gzip".into()),
    ] {
        world.server().plant("Consent", fault);
        assert_refused_then_answered(&world, &asked(), (503, "transient")).await;
    }
}

#[tokio::test]
async fn a_page_of_consents_that_fails_is_a_503() {
    let plan = Plan::of_demo();
    for number in 0..230 {
        plan.server().put(&records::permit(&format!("bram-more-{number}"), "bram")).unwrap();
    }
    let world = plan.open();
    world.server().plant("Consent", Fault::FailPage);
    assert_refused_then_answered(&world, &asked(), (503, "transient")).await;
}

/// A Consent on the second page counts as one on the first.
#[tokio::test]
async fn an_objection_on_a_later_page_of_consents_counts() {
    let plan = Plan::of_demo();
    for number in 0..230 {
        plan.server().put(&records::permit(&format!("bram-more-{number}"), "bram")).unwrap();
    }
    plan.server().put(&records::consent("bram-objection", "bram", r#"{"type":"deny"}"#)).unwrap();
    let world = plan.open();
    assert!(world.ask(&asked()).await.entries().is_empty());
    assert_eq!(world.get("huisarts-brug", "Patient/bram").await.status, 404);
}

/// An upstream that does not search as it was asked: other people's data is not let through.
#[tokio::test]
async fn an_upstream_that_ignores_the_patient_parameter_shows_nobody_else() {
    let world = World::of_demo();
    let base = world.server().base().to_owned();
    let mut both = Vec::new();
    for patient in ["anna", "bram", "carla"] {
        let all = records::each(patient).into_iter().filter(|each| each["resourceType"] == "Observation");
        both.extend(all.map(|each| each.to_string()));
    }
    let body = records::searchset(&base, &both);
    world.server().plant("Observation", fhir(body));
    for who in ["huisarts-brug", "apotheker"] {
        let patient = if who == "apotheker" { "carla" } else { "bram" };
        let answered = world.try_ask(&Ask::get(who, format!("Observation?patient={patient}&_count=100"))).await;
        if let Ok(reply) = answered {
            let mine = |reference: &String| reference.starts_with(&format!("Observation/{patient}-"));
            assert!(reply.status >= 500 || reply.entries().iter().all(mine), "{:?}", reply.entries());
        }
    }
    world.server().heal();
    assert!(!world.ask(&asked()).await.entries().is_empty());
}

/// One that answers a read with another resource.
#[tokio::test]
async fn an_upstream_that_leaves_a_parameter_aside_is_a_502() {
    let world = World::of_demo();
    let base = world.server().base();
    let bundle = |query: &str| {
        let link = format!(r#"[{{"relation":"self","url":"{base}/Observation?{query}"}}]"#);
        fhir(format!(r#"{{"resourceType":"Bundle","type":"searchset","link":{link}}}"#))
    };
    let request = Ask::get("huisarts-brug", "Observation?patient=bram&code=http://loinc.org%7C14334-7");
    for left in ["patient=bram&_sort=_id", "patient=bram&code=14334-7", "code=http://loinc.org%7C14334-7", ""] {
        world.server().plant("Observation", bundle(left));
        assert_refused_then_answered(&world, &request, BAD_GATEWAY).await;
    }
    world.server().plant(
        "Observation",
        bundle("_sort=_id&code=http%3A%2F%2Floinc.org%7C14334-7&patient=Patient%2Fbram&_pretty=true"),
    );
    assert_eq!(world.ask(&request).await.entries(), Vec::<String>::new());
}

#[tokio::test]
async fn another_resource_than_the_one_that_was_read_is_not_let_through() {
    let world = World::of_demo();
    let wrong = |reference: &str| {
        let (patient, _) = reference.split_once('/').unwrap().1.split_once('-').unwrap();
        let all = records::each(patient);
        let found = all.iter().find(|each| {
            format!("{}/{}", each["resourceType"].as_str().unwrap(), each["id"].as_str().unwrap()) == reference
        });
        found.unwrap().to_string()
    };
    for reference in
        ["Observation/anna-observation-lab-1", "Observation/bram-observation-lab-2", "Condition/bram-condition-1"]
    {
        let answer = fhir(wrong(reference));
        world.server().plant("Observation/bram-observation-lab-1", answer.clone());
        world.server().plant("Observation?", fhir(wrong(reference)));
        let reply = world.get("huisarts-brug", "Observation/bram-observation-lab-1").await;
        assert!([404, 502].contains(&reply.status), "{reference}: {}", reply.text());
        world.server().heal();
    }
    assert_eq!(world.get("huisarts-brug", "Observation/bram-observation-lab-1").await.status, 200);
}

/// A Patient record that the server answers for another number: who that is cannot be told.
#[tokio::test]
async fn a_server_that_finds_another_person_by_number_shows_nobody() {
    let world = World::of_demo();
    let base = world.server().base().to_owned();
    let anna = records::each("anna")[0].to_string();
    let body = records::searchset(&base, &[anna]);
    world.server().plant("Patient?identifier", fhir(body));
    assert!(world.ask(&asked()).await.entries().is_empty());
    assert_eq!(world.get("huisarts-brug", "Patient/bram").await.status, 404);
}

/// One text, two readings: refused.
#[tokio::test]
async fn json_that_can_be_read_in_two_ways_is_not_let_through() {
    let world = World::of_demo();
    let base = world.server().base().to_owned();
    let good = records::result("twice", "bram", r#","valueString":"x""#);
    for bad in [
        good.replacen(r#""status":"final""#, r#""status":"final","status":"final""#, 1),
        good.replacen(r#""subject":"#, r#""subject":{"reference":"Patient/anna"},"subject":"#, 1),
        good.replacen(r#""reference":"Patient/bram""#, r#""reference":"Patient/anna","reference":"Patient/bram""#, 1),
        good.replacen(r#""x""#, r#""\ud800""#, 1),
        good.replacen(r#""x""#, r#"01"#, 1),
        good.replacen(r#""x""#, "\"a\tb\"", 1),
        format!("{good}{good}"),
    ] {
        // The searchset is right around it.
        let body = records::searchset(&base, std::slice::from_ref(&good)).replace(&good, &bad);
        for (prefix, body, request) in [
            ("Observation?", body, asked()),
            ("Observation/twice", bad.clone(), Ask::get("huisarts-brug", "Observation/twice")),
        ] {
            world.server().plant(prefix, fhir(body));
            let reply = world.ask(&request).await;
            assert_eq!(reply.refusal(), (502, "transient".to_owned()), "{bad}");
            world.server().heal();
        }
    }
    // The twin.
    let body = records::searchset(&base, &[good]);
    world.server().plant("Observation?", fhir(body));
    assert_eq!(world.ask(&asked()).await.entries(), ["Observation/twice"]);
}

/// Links lead where the server says, if that is itself.
#[tokio::test]
async fn a_next_link_to_another_server_is_not_followed() {
    let elsewhere = FhirServer::start().unwrap();
    let world = World::of_demo();
    let base = world.server().base().to_owned();
    let one = records::result("first", "bram", "");
    let body = records::searchset(&base, &[one]).replacen(
        r#""link":["#,
        &format!(r#""link":[{{"relation":"next","url":"{}/Observation?patient=bram"}},"#, elsewhere.base()),
        1,
    );
    world.server().plant("Observation?", fhir(body));
    assert_not_whole(world.try_ask(&asked()).await);
    assert!(elsewhere.seen().is_empty());
}

/// The gateway's own header set, whatever the caller sends.
#[tokio::test]
async fn nothing_of_the_caller_reaches_the_upstream() {
    let world = World::of_demo();
    let request = "GET /fhir/Condition?subject=Patient/bram&_format=json HTTP/1.1\r\nHost: evil.example\r\nSluis-Purpose: TREAT\r\n\
        X-Forwarded-For: 10.9.8.7\r\nForwarded: for=10.9.8.7\r\nProxy-Authorization: Bearer caller-token\r\nCookie: a=b\r\nIf-None-Match: W/\"1\"\r\n\
        X-Real-IP: 10.9.8.7\r\nAccept-Encoding: gzip\r\nRange: bytes=0-10\r\nX-Request-Id: caller-request\r\nConnection: close\r\n\r\n";
    let mut wire = crate::world::raw::Wire::connect(world.dir(), "huisarts-brug", world.port());
    wire.send(request.as_bytes());
    let heard = wire.hear().unwrap();
    assert_eq!(heard.status, 200, "{}", heard.head);
    assert!(!heard.head.to_lowercase().contains("content-encoding"), "{}", heard.head);
    let seen = world.asked();
    assert!(!seen.is_empty());
    for each in seen {
        assert_eq!(each.method, "GET");
        assert!(!each.target.contains("_format") && !each.target.contains("subject="), "{}", each.target);
        for (name, value) in &each.headers {
            let own = ["accept", "accept-encoding", "cache-control", "host", "prefer", "traceparent"];
            assert!(own.contains(&name.as_str()), "{name}: {value}");
            assert!(
                !["10.9.8.7", "evil", "caller", "gzip", "TREAT"].iter().any(|word| value.contains(word)),
                "{name}: {value}"
            );
        }
    }
}
