//! The portal listener: a patient is shown who asked for their data, by the one client that may ask, and nobody else is shown
//! anything (P15; design section 3, law 3 and 4).

mod browser;
mod pki;

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

use crate::world::ask::{Ask, Reply, client};
use crate::world::process::sluis;
use crate::world::raw::Wire;
use crate::world::{Plan, World, journal};
use pki::{PORTAL, PortalCa};

const ANNA: &str = "999990111";
const CARLA: &str = "999990305";

/// Passes the eleven test and is nobody's.
const NOBODY: &str = "999911120";

const CONTACT: &str = "de functionaris gegevensbescherming, fg@sluis.example";

const BASE: &str = "https://portal.sluis.test/log";

fn token(bsn: &str) -> String {
    format!("patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C{bsn}")
}

const UNASKED: &str = "999990202";

fn plan() -> (Plan, PortalCa) {
    let plan = Plan::of_demo();
    let ca = PortalCa::below(plan.dir());
    ca.issue("portal", 16, PORTAL);
    ca.issue("other", 17, "other.sluis.test");
    let plan = plan
        .set("portal.address", "127.0.0.1:0")
        .set("portal.certificate", "server.pem")
        .set("portal.key", "server.key")
        .set("portal.public_base", BASE)
        .set("portal.trust", "portal-trust/")
        .set("portal.clients", vec![toml::Value::from(PORTAL)])
        .set("portal.contact", CONTACT);
    (plan, ca)
}

fn unrevoked() -> Plan {
    plan().0.set("portal.revocation", "off")
}

/// A world whose gateway answered a few callers, and that the portal asks.
async fn world() -> World {
    let world = unrevoked().open();
    let emergency = Ask {
        purpose: Some("BTG"),
        reason: Some("Buiten%20bewustzijn"),
        ..Ask::get("seh-arts", "Condition?patient=anna")
    };
    for (id, request) in [
        ("brug", Ask::get("huisarts-brug", "Condition?patient=carla")),
        ("noord", Ask::get("huisarts-noord", "Condition?patient=carla")),
        ("again", Ask::get("huisarts-noord", "Condition?patient=carla&_count=2")),
        ("read", Ask::get("huisarts-noord", "Condition/carla-condition-anxiety")),
        ("anna", Ask::get("huisarts-brug", "Condition?patient=anna")),
        ("btg", emergency),
    ] {
        world.ask(&request.under(id)).await;
        world.closed(id).await;
    }
    world
}

impl World {
    fn portal_port(&self) -> u16 {
        let address = self.ready()["portal"].as_str().unwrap().parse::<std::net::SocketAddr>().unwrap();
        address.port()
    }

    fn portal(&self) -> Client {
        client(self.dir(), "portal", self.portal_port())
    }

    async fn look(&self, target: &str) -> Reply {
        self.look_with(self.portal().get(self.url(target))).await
    }

    async fn post(&self, path: &str, form: String) -> Reply {
        let kind = "application/x-www-form-urlencoded";
        self.look_with(self.portal().post(self.url(path)).header("content-type", kind).body(form)).await
    }

    fn url(&self, target: &str) -> String {
        format!("https://localhost:{}/log/{target}", self.portal_port())
    }

    async fn look_with(&self, request: reqwest::RequestBuilder) -> Reply {
        let mut response = request.header("X-Request-Id", "look").send().await.unwrap();
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut headers: Vec<_> =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        headers.retain(|(name, _)| name != "date");
        headers.sort();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.unwrap() {
            body.extend_from_slice(&chunk);
        }
        Reply { status, headers, body }
    }

    /// Waits until somebody who may not come in was refused at the listener, for these reasons one after another.
    async fn until_refused(&self, expected: &[&str]) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let lines = journal::lines(self.dir());
            let refused = lines.iter().filter(|line| line["listener"] == "portal" && line["address"].is_string());
            let reasons: Vec<&str> = refused.map(|line| line["reasons"][0].as_str().unwrap()).collect();
            if reasons == expected {
                return;
            }
            assert!(Instant::now() < until, "{reasons:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is on record of looks and of refusals, in order.
    fn looks(&self) -> Vec<Value> {
        let mut lines = journal::lines(self.dir());
        lines.retain(|line| line["event"].as_str().is_some_and(|event| event.starts_with("log-")));
        lines
    }
}

#[tokio::test]
async fn a_patient_is_shown_who_asked_in_both_forms_and_each_look_is_on_record_before_it_leaves() {
    let mut world = world().await;
    let page = world.look(&format!("access-log?{}&lang=en", token(CARLA))).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{}", page.text());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let text = page.text();
    for part in [
        "<html lang=\"en\">",
        "<strong>Ziekenhuis De Sluis</strong>",
        "general practitioner (01.015)",
        "problems and diagnoses",
        "consent of the patient",
        CONTACT,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Two callers; what one of them asked again, and what was not shown of it, is no line of its own.
    assert_eq!(text.matches("<th scope=\"row\" ").count(), 3, "{text}");
    for part in ["carla-condition", "Condition/", CARLA, "anna", "900000", "Bewusteloos"] {
        assert!(!text.contains(part), "{part} in {text}");
    }
    let posted = world.post("access-log", format!("{}&lang=en", token(CARLA))).await;
    assert_eq!(posted.text(), text);

    let events = world.post("AuditEvent/_search", token(CARLA)).await;
    let bundle = events.json();
    assert_eq!((events.status, &bundle["type"], &bundle["total"]), (200, &json!("searchset"), &json!(4)), "{bundle}");
    let event = &bundle["entry"][0]["resource"];
    assert_eq!(event["agent"][1]["who"]["identifier"]["value"], "90000101", "{event}");
    assert_eq!(event["entity"][0]["what"]["identifier"]["value"], CARLA);
    assert_eq!(event["entity"][1]["name"], "Condition");
    for part in ["carla-condition", "Patient/", "uzi-nr", "\"query\"", "hidden"] {
        assert!(!events.text().contains(part), "{part} in {}", events.text());
    }
    let again = world.look(&format!("AuditEvent?{}", token(CARLA))).await;
    assert_eq!(again.text(), events.text());

    let emergency = world.look(&format!("access-log?{}", token(ANNA))).await;
    assert!(emergency.text().contains(" class=\"emergency\">ja</td>"), "{}", emergency.text());

    let looks = world.looks();
    let shape = |look: &Value| json!([look["event"], look["by"], look["patient"]["bsn"], look["form"], look["count"]]);
    assert_eq!(
        looks.iter().map(shape).collect::<Vec<_>>(),
        [
            json!(["log-shown", PORTAL, CARLA, "page", 4]),
            json!(["log-shown", PORTAL, CARLA, "page", 4]),
            json!(["log-shown", PORTAL, CARLA, "events", 4]),
            json!(["log-shown", PORTAL, CARLA, "events", 4]),
            json!(["log-shown", PORTAL, ANNA, "page", 2]),
        ]
    );
    // Whoever may read the journal sees the looks; the patient's own log does not grow by them.
    let directory = world.dir().join("journal");
    let exported = sluis(&["audit", "export", directory.to_str().unwrap(), "--patient", CARLA], "").stdout;
    assert_eq!(exported.matches("\"outcomeDesc\":\"log-shown").count(), 4, "{exported}");
    assert!(!world.log().contains(CARLA) && !world.log().contains(ANNA));
    let metrics = world.admin_get("/metrics").await.1;
    assert!(metrics.contains("sluis_portal_requests_total{result=\"shown\"} 5\n"), "{metrics}");
    world.gateway().stop();
    world.assert_intact();
}

#[tokio::test]
async fn somebody_unknown_has_the_log_of_somebody_nobody_asked_about() {
    let world = world().await;
    for lang in ["nl", "en"] {
        let page = |bsn| format!("access-log?{}&lang={lang}", token(bsn));
        let (unknown, unasked) = (world.look(&page(NOBODY)).await, world.look(&page(UNASKED)).await);
        assert_eq!(unknown, unasked);
        assert_eq!(unknown.status, 200);
        assert!(unknown.text().contains("<p>") && !unknown.text().contains("<table"));
    }
    let events = |bsn| format!("AuditEvent?{}", token(bsn));
    let (unknown, unasked) = (world.look(&events(NOBODY)).await, world.look(&events(UNASKED)).await);
    assert_eq!(unknown.text().replace(NOBODY, "?"), unasked.text().replace(UNASKED, "?"));
    assert_eq!((&unknown.json()["total"], &unknown.json()["entry"]), (&json!(0), &Value::Null));
    // Nobody is looked up for a portal.
    assert!(world.asked().iter().all(|seen| !seen.target.contains(NOBODY)));
}

#[tokio::test]
async fn events_come_in_pages_whose_links_name_nobody_and_open_for_their_client_alone() {
    let mut world = world().await;
    let whole = world.look(&format!("AuditEvent?{}", token(CARLA))).await.json();
    let mut reply = world.look(&format!("AuditEvent?{}&_count=3", token(CARLA))).await;
    let mut entries = Vec::new();
    let mut pages = 0;
    loop {
        let bundle = reply.json();
        assert_eq!((reply.status, &bundle["total"]), (200, &json!(4)), "{bundle}");
        entries.extend(bundle["entry"].as_array().unwrap().clone());
        pages += 1;
        let links = bundle["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        let target = next["url"].as_str().unwrap().strip_prefix(BASE).unwrap().trim_start_matches('/').to_owned();
        assert!(!target.contains(CARLA) && !target.contains("bsn"), "{target}");
        let mut cut = target.clone();
        cut.pop();
        let cut = world.look(&cut).await;
        assert_eq!(cut.refusal(), (400, "invalid".to_owned()));
        reply = world.look(&target).await;
    }
    assert_eq!((pages, &json!(entries)), (2, &whole["entry"]));
    // The days of a link are those of its first page.
    let days = world.look(&format!("AuditEvent?{}&date=ge2026-01-01&date=le2026-01-31", token(CARLA))).await.json();
    assert_eq!(days["total"], 0);
    let url = days["link"][0]["url"].as_str().unwrap();
    assert!(url.contains("date=ge2026-01-01&date=le2026-01-31"), "{url}");
    world.gateway().stop();
}

/// Neither may come in where the other does, and no other client of the same CA either.
#[tokio::test]
async fn a_uzi_certificate_is_refused_at_the_portal_and_a_portals_at_the_door() {
    let mut world = world().await;
    let target = format!("access-log?{}", token(CARLA));
    let (door, portal) = (world.port(), world.portal_port());
    let request = |base: &str| format!("GET {base}/{target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    for (who, port, base) in [("huisarts-brug", portal, "/log"), ("portal", door, "/fhir")] {
        let client = client(world.dir(), who, port);
        let url = format!("https://localhost:{port}{base}/{target}");
        // The handshake ends in an alert: there is no answer at all.
        assert!(client.get(url).send().await.is_err(), "{who}");
    }
    let mut other = Wire::connect(world.dir(), "other", portal);
    other.send(request("/log").as_bytes());
    let heard = other.hear().unwrap();
    assert_eq!(heard.status, 401);
    assert!(!String::from_utf8_lossy(&heard.body).contains("html"));
    world.until_refused(&["untrusted-chain", "unknown-client"]).await;
    assert!(world.looks().is_empty());
    world.gateway().stop();
}

/// A CA that is an anchor on both sides by mistake: the UZI name itself is refused.
#[tokio::test]
async fn a_uzi_name_is_no_portal_even_where_its_ca_is_trusted() {
    let plan = unrevoked();
    let trust = plan.dir().join("trust");
    for file in std::fs::read_dir(&trust).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, plan.dir().join("portal-trust").join(path.file_name().unwrap())).unwrap();
    }
    let world = plan.open();
    let reply =
        world.look_with(client(world.dir(), "huisarts-brug", world.portal_port()).get(world.url("access-log"))).await;
    assert_eq!(reply.refusal(), (401, "unknown".to_owned()));
    world.until_refused(&["uzi-certificate"]).await;
}

#[tokio::test]
async fn a_portal_whose_certificate_is_revoked_is_refused_within_seconds() {
    let (plan, ca) = plan();
    ca.revoke(&[]);
    let world = plan.set("portal.crl", "portal-crl/").open();
    let url = world.url(&format!("access-log?{}", token(NOBODY)));
    let connected = world.portal();
    assert_eq!(connected.get(&url).send().await.unwrap().status().as_u16(), 200);
    ca.revoke(&[16]);
    let until = Instant::now() + Duration::from_secs(20);
    // On the connection that it has, and on none that it makes.
    while connected.get(&url).send().await.is_ok_and(|answer| answer.status().as_u16() == 200) {
        assert!(Instant::now() < until, "{}", world.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(world.portal().get(&url).send().await.is_err());
    let lines = journal::lines(world.dir());
    let revoked = |line: &Value| line["listener"] == "portal" && line["reasons"][0] == "revoked";
    assert!(lines.iter().any(revoked), "{lines:?}");
}

#[tokio::test]
async fn hostile_and_other_requests_are_refused_and_on_record() {
    let mut world = world().await;
    let carla = token(CARLA);
    for (target, status, code) in [
        ("metadata".to_owned(), 404, "not-found"),
        ("AuditEvent/1".to_owned(), 404, "not-found"),
        ("Patient/carla".to_owned(), 404, "not-found"),
        ("AuditEvent".to_owned(), 400, "required"),
        ("AuditEvent?patient=carla".to_owned(), 400, "not-supported"),
        (format!("AuditEvent?{carla}&{}", token(ANNA)), 400, "invalid"),
        (format!("AuditEvent?{carla}&_include=AuditEvent:patient"), 400, "not-supported"),
        (format!("AuditEvent?{carla}&date=ge2026-03-02&date=le2026-03-01"), 400, "invalid"),
        (format!("AuditEvent?{carla}&date=ge1990-01-01"), 403, "too-costly"),
        (format!("AuditEvent?{}", token("999990306")), 400, "invalid"),
        (format!("access-log?{carla}&lang=fr"), 400, "invalid"),
        ("AuditEvent?_page=abc".to_owned(), 400, "invalid"),
        (format!("AuditEvent?{carla}&x={}", "y".repeat(9_000)), 400, "invalid"),
    ] {
        let reply = world.look(&target).await;
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{target}");
        assert!(!reply.text().contains(CARLA));
    }
    let accepting = world.portal().get(world.url(&format!("access-log?{carla}"))).header("accept", "application/json");
    assert_eq!(world.look_with(accepting).await.status, 406);
    let deleting = world.portal().delete(world.url(&format!("AuditEvent?{carla}")));
    assert_eq!(world.look_with(deleting).await.status, 405);
    let posting =
        world.portal().post(world.url("AuditEvent/_search")).header("content-type", "application/json").body("{}");
    assert_eq!(world.look_with(posting).await.status, 415);
    let port = world.portal_port();
    for bytes in [
        "GET /log/../log/access-log HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
        format!("GET https://x/log/access-log?{carla} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        format!(
            "GET /log/access-log?{carla} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!("GET /log/access-log?{carla} HTTP/1.1\r\nhost: localhost\r\nx-http-method-override: POST\r\n\r\n"),
    ] {
        let mut wire = Wire::connect(world.dir(), "portal", port);
        wire.send(bytes.as_bytes());
        let heard = wire.hear().unwrap();
        assert!((400..500).contains(&heard.status), "{bytes}: {}", heard.head);
    }
    let looks = world.looks();
    assert!(looks.iter().all(|look| look["event"] == "log-refused" && look["patient"].is_null()), "{looks:?}");
    assert!(looks.len() > 15 && looks.iter().all(|look| look["by"] == PORTAL));
    assert!(!world.log().contains(CARLA));
    world.gateway().stop();
    world.assert_intact();
}

/// Law 4 and law 3: an altered journal shows nothing, and neither does one that takes no record of the look.
#[tokio::test]
async fn nothing_is_shown_of_an_altered_journal_nor_where_the_look_cannot_be_put_on_record() {
    let mut world = world().await;
    let target = format!("access-log?{}", token(CARLA));
    assert_eq!(world.look(&target).await.status, 200);
    let segment = world.dir().join("journal/000001.jsonl");
    let good = std::fs::read_to_string(&segment).unwrap();
    // A line about somebody else.
    let line = good.lines().find(|line| line.contains(ANNA)).unwrap();
    let altered = line.replacen("\"action\":\"E\"", "\"action\":\"R\"", 1);
    assert_ne!(line, altered);
    std::fs::write(&segment, good.replacen(line, &altered, 1)).unwrap();
    for target in [target.clone(), format!("AuditEvent?{}", token(CARLA))] {
        let reply = world.look(&target).await;
        assert_eq!(reply.refusal(), (503, "transient".to_owned()));
    }
    assert!(world.log().contains("journal-altered"), "{}", world.log());
    world.gateway().kill();

    let full = unrevoked().with_disk_of(24 * 1024).open();
    let client = full.portal();
    let mut shown = 0;
    loop {
        let reply = full.look_with(client.get(full.url(&target))).await;
        if reply.status != 200 {
            assert_eq!(reply.refusal(), (503, "transient".to_owned()));
            break;
        }
        shown += 1;
        assert!(shown < 1_000);
    }
    assert_eq!(full.looks().len(), shown, "each look that was shown is on record");
    assert!(shown > 10);
}

#[test]
fn a_portal_that_is_not_set_up_right_is_named() {
    for (key, value, named) in [
        ("portal.clients", toml::Value::Array(Vec::new()), "portal.clients"),
        ("portal.trust", "trust/".into(), "portal.trust"),
        ("portal.contact", " ".into(), "portal.contact"),
        ("portal.revocation", "require".into(), "portal.crl"),
        ("portal.colour", "blue".into(), "colour"),
    ] {
        let plan = unrevoked().set(key, value);
        let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
        assert_eq!(ran.code, Some(1), "{key}");
        assert!(ran.stderr.contains(named), "{key}: {}", ran.stderr);
    }
    let (plan, _ca) = plan();
    std::fs::create_dir(plan.dir().join("portal-crl")).unwrap();
    let ran = sluis(&["check", "--config", plan.set("portal.crl", "portal-crl/").write().to_str().unwrap()], "");
    assert!(ran.code == Some(1) && ran.stderr.contains("portal.crl: a CRL of"), "{}", ran.stderr);
    let plan = unrevoked();
    let ran = sluis(&["check", "--config", plan.write().to_str().unwrap()], "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
