//! Who acts behind a system: Dezi statements and access tokens of IUA, from the header to the record.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::x509::X509;
use serde_json::{Value, json};
use sluis::cli::demo::signer::{Signer, jwks};
use sluis::gateway::clock::Clock;
use sluis::identity::statement::Algorithm;

use crate::world::ask::{Ask, Reply};
use crate::world::{PUBLIC_BASE, Plan, World};

/// The certificate of a server of the pharmacy, and the pharmacist there, who has a card as well.
const SYSTEM: &str = "systeem";
const URA: &str = "90000103";
const PHARMACIST: &str = "900000103";
const SEARCH: &str = "MedicationRequest?patient=carla";

const DEZI: &str = "https://abonnee.dezi.nl";
const ISSUER: &str = "https://as.example";

fn signer(at: usize) -> Signer {
    static SIGNERS: OnceLock<[Signer; 2]> = OnceLock::new();
    SIGNERS.get_or_init(|| ["first", "second"].map(|kid| Signer::rsa(kid, 2048).unwrap()))[at].clone()
}

fn keys(signers: &[usize]) -> String {
    let signers: Vec<Signer> = signers.iter().map(|at| signer(*at)).collect();
    jwks(&signers.iter().collect::<Vec<_>>()).unwrap()
}

fn now() -> i64 {
    Clock::system().now().unix_timestamp()
}

/// SHA-256 of a caller's certificate, as RFC 8705 writes it.
fn thumbprint(dir: &Path, who: &str) -> String {
    let pem = std::fs::read(dir.join(format!("callers/{who}.pem"))).unwrap();
    let der = X509::stack_from_pem(&pem).unwrap()[0].to_der().unwrap();
    URL_SAFE_NO_PAD.encode(openssl::sha::sha256(&der))
}

/// The claims of a token of the pharmacist's for the system's certificate.
fn token(dir: &Path, jti: &str) -> Value {
    json!({
        "iss": ISSUER, "sub": PHARMACIST, "client_id": "ais", "aud": PUBLIC_BASE, "jti": jti, "iat": now() - 5,
        "exp": now() + 300, "scope": "user/*.rs", "cnf": {"x5t#S256": thumbprint(dir, SYSTEM)},
        "extensions": {"ihe_iua": {
            "subject_name": "Petra Pillen", "subject_organization_id": URA, "subject_role": "17.075",
            "purpose_of_use": ["TREAT"],
        }},
    })
}

fn signed(by: usize, claims: &Value) -> String {
    signer(by).sign(Algorithm::Rs256, "at+jwt", claims).unwrap()
}

/// The claims of a Dezi statement of the pharmacist's.
fn declaration(id: &str) -> Value {
    json!({
        "json_schema": "https://www.dezi.nl/json_schemas/v1/verklaring.json",
        "loa_dezi": "http://eidas.europa.eu/LoA/high", "jti": format!("jti-{id}"), "verklaring_id": id,
        "dezi_nummer": PHARMACIST, "voorletters": "P.", "voorvoegsel": null, "achternaam": "Pillen",
        "abonnee_nummer": URA, "abonnee_naam": "Apotheek Aan de Gracht", "rol_code": "17.075", "rol_naam": "Apotheker",
        "rol_code_bron": "http://www.dezi.nl/rol_bron/big",
        "status_uri": format!("https://auth.dezi.nl/status/v1/verklaring/{id}"),
        "nbf": now() - 3600, "exp": now() + 86_400, "iss": DEZI,
    })
}

fn declared(id: &str) -> String {
    signer(0).sign(Algorithm::Rs256, "JWT", &declaration(id)).unwrap()
}

/// The list of what the register took back, good for an hour and some seconds more.
fn list(revoked: &[&str], more: i64) -> String {
    let revoked: Vec<Value> = revoked.iter().map(|id| json!({"verklaringId": id, "revocatieTijdstip": "x"})).collect();
    let claims = json!({
        "iss": DEZI, "nbf": (now() - 60).to_string(), "exp": (now() + 3600 + more).to_string(), "revocaties": revoked,
    });
    signer(0).sign(Algorithm::Rs256, "JOSE", &claims).unwrap()
}

fn issuers(texts: &[&str]) -> toml::Value {
    texts.iter().map(|text| toml::Value::from(toml::from_str::<toml::Table>(text).unwrap())).collect::<Vec<_>>().into()
}

const IUA: &str = "kind = \"iua\"\nissuer = \"https://as.example\"\njwks = \"iua.json\"\nscopes = [\"user/*.rs\"]\n";

/// A world that accepts tokens signed with the first key.
fn plan() -> Plan {
    let plan = Plan::of_demo().set("identity.statement", issuers(&[IUA]));
    std::fs::write(plan.dir().join("iua.json"), keys(&[0])).unwrap();
    plan
}

fn search(statement: &str) -> Ask {
    Ask::get(SYSTEM, SEARCH).by(statement)
}

#[track_caller]
fn assert_unproven(reply: &Reply) {
    assert_eq!(reply.refusal(), (401, "login".to_owned()), "{}", reply.text());
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
}

async fn cause(world: &World, id: &str) -> String {
    world.closed(id).await["cause"].as_str().unwrap_or_default().to_owned()
}

/// Where keys and lists are published: it answers every request with what it was given last for that path.
struct Publisher {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
}

impl Publisher {
    fn of(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let publisher = Self { address: listener.local_addr().unwrap(), answer: Arc::new(Mutex::new(text.to_owned())) };
        let answer = Arc::clone(&publisher.answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // The request fits into one read.
                if stream.read(&mut [0; 4096]).unwrap_or(0) > 0 {
                    let body = answer.lock().unwrap().clone();
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).unwrap_or_default();
                }
            }
        });
        publisher
    }

    fn publish(&self, text: String) {
        *self.answer.lock().unwrap() = text;
    }

    fn url(&self) -> String {
        format!("http://{}/published", self.address)
    }
}

/// Asks until the answer has that status.
async fn until(world: &World, ask: impl Fn() -> Ask, status: u16) -> Reply {
    let started = Instant::now();
    loop {
        let reply = world.ask(&ask()).await;
        if reply.status == status {
            return reply;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "still {}: {}", reply.status, world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_acts_behind_a_system_sees_what_their_card_shows_and_is_who_is_on_record() {
    // At the level that holds what every other level holds.
    let mut world = plan().set("telemetry.level", "trace").open();
    let statement = signed(0, &token(world.dir(), "token-1"));
    let seen = world.ask(&search(&statement).under("behind")).await;
    let by_card = world.get("apotheker", SEARCH).await;
    assert!(!seen.entries().is_empty());
    assert_eq!(seen.compared(), by_card.compared());
    // The twin: without a statement the system is one, and no profile is for it.
    let alone = Ask::get(SYSTEM, SEARCH).under("alone");
    assert_eq!(world.ask(&alone).await.refusal(), (403, "forbidden".to_owned()));

    let who = &world.closed("behind").await["who"];
    assert_eq!((&who["uzi"], &who["role"], &who["ura"]), (&PHARMACIST.into(), &"17.075".into(), &URA.into()));
    assert_eq!((&who["surname"], &who["organization"]), (&"Petra Pillen".into(), &"Apotheek Aan de Gracht".into()));
    let expected = json!({
        "kind": "iua", "issuer": ISSUER, "subject": PHARMACIST, "jti": "token-1", "system": "900000112",
    });
    assert_eq!(who["statement"], expected);
    let who = &world.closed("alone").await["who"];
    assert_eq!((&who["uzi"], &who["statement"]), (&"900000112".into(), &Value::Null));

    let (_, metrics) = world.admin_get("/metrics").await;
    assert!(metrics.contains("sluis_statements_total{result=\"accepted\"} 1\n"), "{metrics}");
    assert!(world.admin_get("/ready").await.1.contains("\"statement-keys\":\"ok\""));
    world.gateway().stop();
    let journal = crate::world::journal::lines(world.dir());
    let journal = journal.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for (what, text) in [("the log", world.log()), ("the journal", journal), ("the metrics", metrics)] {
        for part in statement.split('.') {
            assert!(!text.contains(part), "a part of the token is in {what}");
        }
    }
    assert!(!world.log().contains(PHARMACIST) && !world.log().contains("token-1"), "{}", world.log());
}

#[tokio::test]
async fn what_does_not_prove_who_acts_is_one_refusal_whatever_the_cause_and_never_the_system_s_answer() {
    let world = plan().open();
    let good = token(world.dir(), "token-1");
    let with = |pointer: &str, value: Value| {
        let mut claims = good.clone();
        *claims.pointer_mut(pointer).unwrap() = value;
        signed(0, &claims)
    };
    let elsewhere = thumbprint(world.dir(), "huisarts-brug");
    let mut expired = good.clone();
    (expired["iat"], expired["exp"]) = (json!(now() - 300), json!(now() - 90));
    let mut replies = Vec::new();
    for (id, statement, expected) in [
        ("expired", signed(0, &expired), "statement-expired"),
        ("stolen", with("/cnf/x5t#S256", json!(elsewhere)), "statement-another-certificate"),
        ("replayed", with("/aud", json!("https://other.example/fhir")), "statement-audience"),
        ("moved", with("/extensions/ihe_iua/subject_organization_id", json!("90000101")), "statement-organisation"),
        ("unknown-key", signed(1, &good), "statement-key-unknown"),
        ("nonsense", "nonsense".to_owned(), "statement-form"),
    ] {
        for ask in [search(&statement).under(id), Ask::get(SYSTEM, "metadata").by(&statement)] {
            let reply = world.ask(&ask).await;
            assert_unproven(&reply);
            replies.push(reply.compared());
        }
        assert_eq!(cause(&world, id).await, expected);
        // Who tried is the system: nobody else is proven.
        assert_eq!(world.closed(id).await["who"]["uzi"], "900000112", "{id}");
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]));
    // A card says who calls: a statement beside it is refused, a good one too.
    let card = Ask::get("apotheker", SEARCH).by(&signed(0, &good)).under("card");
    assert_unproven(&world.ask(&card).await);
    assert_eq!(cause(&world, "card").await, "statement-certificate");
    let basic = Ask { authorization: Some("Basic YTpi".to_owned()), ..Ask::get("apotheker", SEARCH) };
    assert_unproven(&world.ask(&basic).await);
    assert!(world.asked().is_empty(), "somebody was looked up");
    // A purpose that the token is not for is refused like one that the role is not admitted to.
    let other = Ask { purpose: Some("COC"), ..search(&signed(0, &good)) };
    assert_eq!(world.ask(&other.under("purpose")).await.refusal(), (403, "forbidden".to_owned()));
    assert_eq!(cause(&world, "purpose").await, "statement-purpose");
    let missing = Ask { purpose: None, ..search(&signed(0, &good)) };
    assert_eq!(world.ask(&missing).await.refusal(), (400, "required".to_owned()));
    // The twin, on the same connections.
    assert_eq!(world.ask(&search(&signed(0, &good))).await.status, 200);
    world.assert_intact();
}

#[tokio::test]
async fn a_page_link_is_good_for_the_same_person_behind_the_same_system() {
    let world = plan().open();
    let claims = |jti: &str, person: &str| {
        let mut claims = token(world.dir(), jti);
        claims["sub"] = json!(person);
        signed(0, &claims)
    };
    let first = Ask::get(SYSTEM, format!("{SEARCH}&_count=1")).by(&claims("token-1", PHARMACIST));
    let next = world.ask(&first).await.next().expect("a second page");
    let follow = |statement: &str| Ask::get(SYSTEM, next.clone()).by(statement);
    assert_eq!(world.ask(&follow(&claims("token-2", PHARMACIST))).await.status, 200);
    let not_good = (400, "invalid".to_owned());
    assert_eq!(world.ask(&follow(&claims("token-3", "900000199"))).await.refusal(), not_good);
    // The same person with a card is another caller.
    assert_eq!(world.get("apotheker", next.clone()).await.refusal(), not_good);
}

#[tokio::test]
async fn each_entry_of_a_batch_is_asked_by_who_acts_and_none_where_nobody_is_proven() {
    let world = plan().open();
    let entry = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let entries = [entry(SEARCH), entry("Patient/carla")];
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": entries}).to_string();
    let good = token(world.dir(), "token-1");
    let ask = |who| Ask::post(who, "", bundle.clone());
    let answered = world.ask(&ask(SYSTEM).by(&signed(0, &good)).under("batch")).await;
    assert_eq!(answered.json()["entry"].as_array().unwrap().len(), 2);
    assert_eq!(answered.compared(), world.ask(&ask("apotheker")).await.compared());
    for id in ["batch", "batch.1", "batch.2"] {
        let who = &world.closed(id).await["who"];
        assert_eq!((&who["uzi"], &who["statement"]["jti"]), (&PHARMACIST.into(), &"token-1".into()), "{id}");
    }
    assert_unproven(&world.ask(&ask(SYSTEM).by(&signed(1, &good)).under("unproven")).await);
    assert!(world.on_record("close", "unproven.1").is_empty());
    // The twin without a statement: a system, for which no entry is.
    let alone = world.ask(&ask(SYSTEM)).await.json();
    assert!(alone["entry"].as_array().unwrap().iter().all(|entry| entry["response"]["status"] == "403"), "{alone}");
}

#[tokio::test]
async fn keys_rotate_without_a_restart_and_a_key_that_went_proves_nothing() {
    let publisher = Publisher::of(&keys(&[0]));
    let rotating = format!("{IUA}jwks_url = \"{}\"\nfetch_every = \"1s\"\n", publisher.url());
    let mut world = Plan::of_demo().set("identity.statement", issuers(&[&rotating])).open();
    let dir = world.dir().to_owned();
    let by = |key: usize| search(&signed(key, &token(&dir, "token-1")));
    until(&world, || by(0), 200).await;
    assert_unproven(&world.ask(&by(1)).await);
    publisher.publish(keys(&[0, 1]));
    until(&world, || by(1), 200).await;
    assert_eq!(world.ask(&by(0)).await.status, 200);
    publisher.publish(keys(&[1]));
    until(&world, || by(0), 401).await;
    assert_eq!(world.ask(&by(1)).await.status, 200);
    // What cannot be taken leaves what was there.
    publisher.publish("{\"keys\": []}".to_owned());
    let failed = "sluis_statement_fetches_total{result=\"no-key\"} ";
    let started = Instant::now();
    while !world.admin_get("/metrics").await.1.contains(failed) {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.ask(&by(1)).await.status, 200);
    // What was fetched counts after a restart, before anything is fetched.
    world.gateway().stop();
    world.start_again();
    assert_eq!(world.ask(&by(1)).await.status, 200);
}

#[tokio::test]
async fn a_dezi_statement_counts_until_the_register_takes_it_back() {
    let publisher = Publisher::of(&list(&["another"], 0));
    let dezi = format!(
        "kind = \"dezi\"\nissuer = \"{DEZI}\"\njwks = \"dezi.json\"\nrevocations = \"list.jws\"\nrevocations_url = \"{}\"\nfetch_every = \"1s\"\n",
        publisher.url()
    );
    let plan = Plan::of_demo().set("identity.statement", issuers(&[&dezi]));
    std::fs::write(plan.dir().join("dezi.json"), keys(&[0])).unwrap();
    let world = plan.open();
    until(&world, || search(&declared("one")), 200).await;
    let reply = world.ask(&search(&declared("one")).under("one")).await;
    assert_eq!(reply.compared(), world.get("apotheker", SEARCH).await.compared());
    let statement = &world.closed("one").await["who"]["statement"];
    assert_eq!((&statement["kind"], &statement["jti"]), (&"dezi".into(), &"jti-one".into()));
    // It states no purpose: what the role may declare is what counts.
    let other = Ask { purpose: Some("COC"), ..search(&declared("one")) };
    assert_eq!(world.ask(&other).await.status, 200);
    publisher.publish(list(&["another", "one"], 60));
    until(&world, || search(&declared("one")), 401).await;
    assert_unproven(&world.ask(&search(&declared("one")).under("back")).await);
    assert_eq!(cause(&world, "back").await, "statement-revoked");
    // The twin: one that was not taken back.
    assert_eq!(world.ask(&search(&declared("two"))).await.status, 200);
    // An older list does not bring it back.
    publisher.publish(list(&[], -60));
    let older = "sluis_statement_fetches_total{result=\"older\"} ";
    let started = Instant::now();
    while !world.admin_get("/metrics").await.1.contains(older) {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", world.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_unproven(&world.ask(&search(&declared("one"))).await);
    let mut elsewhere = declaration("two");
    elsewhere["abonnee_nummer"] = json!("90000101");
    let elsewhere = signer(0).sign(Algorithm::Rs256, "JWT", &elsewhere).unwrap();
    assert_unproven(&world.ask(&search(&elsewhere).under("elsewhere")).await);
    assert_eq!(cause(&world, "elsewhere").await, "statement-organisation");
}

#[tokio::test]
async fn a_token_for_one_gateway_is_refused_at_another_and_issuers_come_and_go_with_the_configuration() {
    let other = format!("{IUA}audience = [\"https://other.example/fhir\"]\n");
    let plan = Plan::of_demo().set("identity.statement", issuers(&[&other]));
    std::fs::write(plan.dir().join("iua.json"), keys(&[0])).unwrap();
    let mut world = plan.open();
    let dir = world.dir().to_owned();
    let ask = || search(&signed(0, &token(&dir, "token-1")));
    assert_unproven(&world.ask(&ask().under("replayed")).await);
    assert_eq!(cause(&world, "replayed").await, "statement-audience");

    let path = dir.join("sluis.toml");
    let mut configuration: toml::Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let mut accept = |world: &mut World, texts: &[&str]| {
        configuration["identity"]["statement"] = issuers(texts);
        std::fs::write(&path, toml::to_string(&configuration).unwrap()).unwrap();
        world.gateway().hang_up();
    };
    accept(&mut world, &[IUA]);
    until(&world, ask, 200).await;
    // A file of keys counts without a signal.
    std::fs::write(dir.join("unfinished"), keys(&[1])).unwrap();
    std::fs::rename(dir.join("unfinished"), dir.join("iua.json")).unwrap();
    until(&world, ask, 401).await;
    std::fs::write(dir.join("unfinished"), keys(&[0, 1])).unwrap();
    std::fs::rename(dir.join("unfinished"), dir.join("iua.json")).unwrap();
    until(&world, ask, 200).await;
    accept(&mut world, &[]);
    until(&world, ask, 401).await;
    assert_unproven(&world.ask(&ask().under("gone")).await);
    assert_eq!(cause(&world, "gone").await, "statement-not-accepted");
}
