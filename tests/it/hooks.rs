//! Notices: a server says that something changed, and what was remembered does not count from then on.

use std::time::Duration;

use reqwest::{Body, Client, Method};
use serde_json::json;
use sluis::cli::demo::fhir_server::Fault;

use crate::world::ask::{Ask, ask};
use crate::world::process::sluis;
use crate::world::{Plan, World, records};

const SECRET: &str = "a-secret-of-the-server";
const AUTHORIZATION: &str = "Bearer a-secret-of-the-server";

/// A gateway that would remember for longer than any test runs, so that only a notice can end it.
fn plan() -> Plan {
    Plan::of_demo().set("consent.max_age", "1h").set("consent.hook_secret", SECRET)
}

/// Bram's Consent with that status.
fn consent(status: &str) -> String {
    let all = records::each("bram");
    let mut consent = all.into_iter().find(|each| each["resourceType"] == "Consent").unwrap();
    consent["status"] = json!(status);
    consent.to_string()
}

async fn sees_bram(world: &World) -> bool {
    let found = !world.get("huisarts-brug", "Condition?patient=bram").await.entries().is_empty();
    let read = world.get("huisarts-brug", "Patient/bram").await.status == 200;
    assert_eq!(found, read);
    found
}

async fn tell(world: &World, method: Method, path: &str, authorization: &[&str], body: impl Into<Body>) -> u16 {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
    let mut request = client.request(method, format!("http://{}{path}", world.admin())).body(body);
    for each in authorization {
        request = request.header("Authorization", *each);
    }
    request.send().await.unwrap().status().as_u16()
}

/// As HAPI does it for a Subscription without payload.
async fn notice(world: &World) {
    assert_eq!(tell(world, Method::POST, "/hooks/records", &[AUTHORIZATION], "").await, 200);
}

/// Two gateways in front of one server, each with a hook of its own.
#[tokio::test]
async fn a_withdrawal_counts_on_the_next_request_after_its_notice_at_each_gateway() {
    let here = plan().open();
    let there = plan().in_front_of(here.server().base()).open();
    assert!(sees_bram(&here).await && sees_bram(&there).await);
    here.server().put(&consent("inactive")).unwrap();
    // The twin: nobody was told, and what is remembered counts.
    assert!(sees_bram(&here).await && sees_bram(&there).await);
    notice(&here).await;
    assert!(!sees_bram(&here).await && sees_bram(&there).await);
    notice(&there).await;
    assert!(!sees_bram(&here).await && !sees_bram(&there).await);
    // What is given again counts the same way.
    here.server().put(&consent("active")).unwrap();
    assert!(!sees_bram(&here).await && !sees_bram(&there).await);
    notice(&there).await;
    notice(&here).await;
    assert!(sees_bram(&here).await && sees_bram(&there).await);
}

/// Servers differ in method and path; what is in the body is not looked at.
#[tokio::test]
async fn whatever_form_a_notice_has_it_ends_what_is_remembered() {
    let world = plan().open();
    let large = vec![b'x'; 3 * 1024 * 1024];
    let forms: [(Method, &str, Vec<u8>); 6] = [
        (Method::POST, "/hooks/records", Vec::new()),
        (Method::PUT, "/hooks/records", b"{".to_vec()),
        (Method::PUT, "/hooks/records/Consent/bram-consent-1", consent("active").into_bytes()),
        (Method::PUT, "/hooks/records/Observation/of-somebody-else", b"{\"resourceType\":\"Observation\"}".to_vec()),
        (Method::POST, "/hooks/records/a/b/c?d=e", vec![0xff, 0]),
        (Method::POST, "/hooks/records", large),
    ];
    assert!(sees_bram(&world).await);
    for (number, (method, path, body)) in forms.into_iter().enumerate() {
        let status = if number % 2 == 0 { "inactive" } else { "active" };
        world.server().put(&consent(status)).unwrap();
        assert_eq!(sees_bram(&world).await, status != "active", "{path}");
        assert_eq!(tell(&world, method, path, &[AUTHORIZATION], body).await, 200, "{path}");
        assert_eq!(sees_bram(&world).await, status == "active", "{path}");
    }
}

#[tokio::test]
async fn a_notice_that_proves_nothing_is_refused_and_ends_nothing() {
    let world = plan().open();
    assert!(sees_bram(&world).await);
    world.server().put(&consent("inactive")).unwrap();
    let post = |path: &'static str, authorization: &'static [&'static str]| {
        tell(&world, Method::POST, path, authorization, "Zandstra 999990202")
    };
    assert_eq!(post("/hooks/records", &[]).await, 401);
    assert_eq!(post("/hooks/records", &["Bearer another-secret-of-some"]).await, 403);
    assert_eq!(post("/hooks/records", &["Basic a-secret-of-the-server"]).await, 403);
    assert_eq!(post("/hooks/records/Consent/bram-consent-1", &["Bearer a-secret-of-the-serve"]).await, 403);
    assert_eq!(post("/hooks/records", &[AUTHORIZATION, AUTHORIZATION]).await, 403);
    for path in ["/hooks/other", "/hooks/", "/hooks", "/hooks/records2", "/hooks//records"] {
        let expected = if path == "/hooks" { 405 } else { 404 };
        assert_eq!(post(path, &[AUTHORIZATION]).await, expected, "{path}");
    }
    for method in [Method::GET, Method::DELETE, Method::PATCH] {
        assert_eq!(tell(&world, method, "/hooks/records", &[AUTHORIZATION], "").await, 405);
    }
    assert_eq!(world.admin_get("/hooks/other").await.0, 404);
    assert!(sees_bram(&world).await, "something was ended");
    let (_, metrics) = world.admin_get("/metrics").await;
    for line in ["{result=\"unproven\"} 1", "{result=\"wrong-secret\"} 4"] {
        assert!(metrics.contains(&format!("sluis_notices_total{line}\n")), "{metrics}");
    }
    assert!(!metrics.contains("result=\"received\""));
    // The twin.
    notice(&world).await;
    assert!(!sees_bram(&world).await);
    assert!(world.admin_get("/metrics").await.1.contains("sluis_notices_total{result=\"received\"} 1\n"));
    let log = world.log();
    assert!(log.contains("wrong-secret") && log.contains("unproven"), "{log}");
    for word in ["Zandstra", "999990202", SECRET, "another-secret", "bram-consent"] {
        assert!(!log.contains(word), "{word} is in the log");
    }
}

#[tokio::test]
async fn without_a_secret_there_is_no_hook() {
    let world = World::of_demo();
    assert_eq!(tell(&world, Method::POST, "/hooks/records", &[AUTHORIZATION], "").await, 404);
    assert_eq!(tell(&world, Method::POST, "/hooks/records", &[], "").await, 404);
}

/// What was asked before a notice may be answered by what was on file then; it is not remembered for those who come after.
#[tokio::test]
async fn a_look_up_that_began_before_a_notice_does_not_bring_back_what_it_ended() {
    let world = plan().open();
    world.server().plant("Consent?patient=bram", Fault::Slow(Duration::from_secs(2)));
    let (client, port) = (world.client("huisarts-brug"), world.port());
    let before = Ask::get("huisarts-brug", "Condition?patient=bram");
    let before = tokio::spawn(async move { ask(&client, port, &before).await.unwrap() });
    world.until_asked("Consent?patient=bram").await;
    // The server has read the Consent by now, and its answer is on its way.
    world.server().heal();
    world.server().put(&consent("inactive")).unwrap();
    notice(&world).await;
    assert!(!sees_bram(&world).await);
    assert!(!before.await.unwrap().entries().is_empty(), "it was not under way when the notice came");
    assert!(!sees_bram(&world).await);
}

/// Who somebody is ends as well: a record that appeared has Consents of its own.
#[tokio::test]
async fn a_notice_brings_the_consents_of_a_record_that_appeared() {
    let world = plan().open();
    assert!(sees_bram(&world).await);
    world.server().put(&records::patient("bram-again", "999990202")).unwrap();
    world.server().put(&records::consent("bram-objection", "bram-again", r#"{"type":"deny"}"#)).unwrap();
    assert!(sees_bram(&world).await);
    notice(&world).await;
    assert!(!sees_bram(&world).await);
}

/// A server that says a thousand things at once costs one look-up more, not a thousand.
#[tokio::test]
async fn notices_in_a_row_cost_one_look_up() {
    let world = plan().open();
    let look_ups = || world.asked().iter().filter(|seen| seen.target.starts_with("Consent?patient=bram")).count();
    assert!(sees_bram(&world).await);
    assert_eq!(look_ups(), 1);
    for _ in 0..50 {
        notice(&world).await;
    }
    assert_eq!(look_ups(), 1);
    assert!(sees_bram(&world).await && sees_bram(&world).await);
    assert_eq!(look_ups(), 2);
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_delay_a_notice() {
    let world = plan().open();
    assert!(sees_bram(&world).await);
    world.server().put(&consent("inactive")).unwrap();
    let never = Body::wrap_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let telling = tell(&world, Method::PUT, "/hooks/records", &[AUTHORIZATION], never);
    let settled = async {
        while sees_bram(&world).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let began = std::time::Instant::now();
    tokio::select! {
        status = telling => panic!("{status} before anybody was denied"),
        () = settled => assert!(began.elapsed() < Duration::from_secs(4)),
    }
    // Nor does it keep the next one out.
    world.server().put(&consent("active")).unwrap();
    notice(&world).await;
    assert!(sees_bram(&world).await);
}

/// A source that fails after a notice is a source that fails: what was remembered is no answer.
#[tokio::test]
async fn what_a_notice_ended_is_not_fallen_back_on() {
    let world = plan().open();
    assert!(sees_bram(&world).await);
    world.server().plant("Consent", Fault::Down);
    assert!(sees_bram(&world).await);
    notice(&world).await;
    let refused = world.get("huisarts-brug", "Condition?patient=bram").await;
    assert_eq!(refused.refusal(), (503, "transient".to_owned()));
    world.server().heal();
    assert!(sees_bram(&world).await);
}

fn mistakes(plan: &Plan) -> Vec<String> {
    let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
    for output in [&ran.stdout, &ran.stderr] {
        assert!(!output.contains(SECRET), "{output}");
    }
    let report = ran.json();
    let keys = report["mistakes"].as_array().unwrap().iter().map(|mistake| mistake["key"].as_str().unwrap().to_owned());
    let keys: Vec<_> = keys.collect();
    assert_eq!(ran.code, Some(i32::from(!keys.is_empty())));
    keys
}

#[test]
fn mistakes_about_the_hook_are_named() {
    let file = |text: &str| {
        let plan = Plan::of_demo();
        std::fs::write(plan.dir().join("hook.secret"), text).unwrap();
        plan.set("consent.hook_secret_file", "hook.secret")
    };
    let away = |base: &str| plan().in_front_of("http://192.0.2.1:9/fhir").set("consent.hook_base", base);
    let types = |types: &[&str]| plan().set("consent.hook_types", types.to_vec());
    for (plan, key) in [
        (Plan::of_demo().set("consent.hook_secret", "short"), "consent.hook_secret"),
        (Plan::of_demo().set("consent.hook_secret", "with a space in between"), "consent.hook_secret"),
        (Plan::of_demo().set("consent.hook_base", "http://127.0.0.1:9443"), "consent.hook_secret"),
        (file("another-secret-of-some\n").set("consent.hook_secret", SECRET), "consent.hook_secret"),
        (file("short"), "consent.hook_secret_file"),
        (Plan::of_demo().set("consent.hook_secret_file", "nowhere"), "consent.hook_secret_file"),
        (plan().set("consent.hook_base", "hooks"), "consent.hook_base"),
        (types(&["Consent", "Observation"]), "consent.hook_types"),
        (types(&["Patient"]), "consent.hook_types"),
        (types(&[]), "consent.hook_types"),
    ] {
        assert_eq!(mistakes(&plan), [key]);
    }
    // The server is elsewhere, so that its own loopback is not this one.
    assert_eq!(mistakes(&away("http://127.0.0.1:9443")), ["consent.hook_base"]);
    assert_eq!(mistakes(&away("http://[::1]:9443")), ["consent.hook_base"]);
    let other = plan().set("consent.sources", vec!["fhir:http://127.0.0.1:9/fhir".to_owned()]);
    assert_eq!(mistakes(&other), ["consent.sources"]);
    // The twins.
    for plan in [
        plan(),
        file("another-secret-of-some\n"),
        plan().set("consent.hook_base", "http://127.0.0.1:9443"),
        types(&["Consent", "Patient"]),
    ] {
        assert_eq!(mistakes(&plan), Vec::<String>::new());
    }
}
