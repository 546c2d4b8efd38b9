//! CRLs that the gateway fetches: what is taken, what is not, and that it counts.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::x509::X509Crl;
use sluis::cli::demo::pki::{Ca, Issued, Leaf, Pki, World};
use sluis::gateway::clock::Clock;
use sluis::gateway::revocation::{FetchOptions, Fetching};
use tokio::runtime::Runtime;

use super::house::{House, PATIENCE, now};
use super::{URA, assert_admitted, assert_refused, doctor, pki};

/// Where CRLs are published: it answers every request with what it was given last.
struct Register {
    address: SocketAddr,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl Register {
    fn publishing(body: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&answer);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                // The request fits into one read; what it asks for makes no difference.
                if stream.read(&mut head).unwrap_or(0) > 0 {
                    let answer = told.lock().unwrap().clone();
                    stream.write_all(&answer).unwrap_or_default();
                }
            }
        });
        let register = Self { address, answer };
        register.publish(body);
        register
    }

    fn publish(&self, body: &[u8]) {
        self.answer_with("200 OK", body);
    }

    fn answer_with(&self, status: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        *self.answer.lock().unwrap() = [head.as_bytes(), body].concat();
    }
}

/// A house whose CRLs of zorgverleners come from a register.
struct Fetched {
    house: House,
    caller: Issued,
    bystander: Issued,
    register: Register,
    runtime: Runtime,
    fetching: Option<Fetching>,
}

impl Fetched {
    fn from(publish: impl FnOnce(&Pki) -> Vec<u8>) -> Self {
        let mut pki = pki();
        let caller = pki.issue("caller", &doctor()).unwrap();
        let bystander = pki.issue("bystander", &Leaf::employee(World::Test, "900016529", URA)).unwrap();
        let register = Register::publishing(&publish(&pki));
        let house = House::open(pki);
        let before = house.tls.trust().current().number();
        std::fs::remove_file(house.file("crl/zorgverlener.crl")).unwrap();
        house.settle(|tls| tls.trust().current().number() > before);
        assert_refused(&house, &caller, "revocation-unknown");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut fetched = Self { house, caller, bystander, register, runtime, fetching: None };
        fetched.fetch();
        fetched
    }

    fn fetch(&mut self) {
        let options = FetchOptions {
            urls: vec![format!("http://{}/cdp/zorgverlener.crl", self.register.address)],
            directory: self.house.file("crl"),
            every: Duration::from_secs(1),
        };
        let _inside = self.runtime.enter();
        let (trust, metrics) = (self.house.tls.trust(), &self.house.metrics);
        self.fetching = Some(Fetching::start(&options, trust, &Clock::system(), metrics).unwrap());
    }

    fn count(&self, result: &str) -> u64 {
        let metrics = self.house.metrics.render();
        let line = format!("sluis_crl_fetches_total{{result=\"{result}\"}} ");
        metrics.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    }

    /// Waits until a further fetch came to this.
    fn until(&self, result: &str) {
        let (before, started) = (self.count(result), Instant::now());
        while self.count(result) == before {
            assert!(started.elapsed() < PATIENCE, "no {result}: {}", self.house.metrics.render());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn status(&self) -> u16 {
        self.house.call(&self.caller).and_then(|mut call| call.get("/")).map_or(0, |(status, _)| status)
    }

    fn until_admitted(&self) {
        let started = Instant::now();
        while self.status() != 200 {
            assert!(started.elapsed() < PATIENCE);
        }
    }
}

fn crl(pki: &Pki) -> Vec<u8> {
    pki.crl_of(Ca::Professional).unwrap()
}

#[test]
fn a_crl_that_was_fetched_counts_and_outlives_a_restart() {
    let mut fetched = Fetched::from(crl);
    fetched.until_admitted();
    assert_admitted(&fetched.house, &fetched.bystander);
    assert_eq!(fetched.count("new"), 1);
    fetched.until("same");
    // Nothing is fetched any more, and everything is read anew.
    drop(fetched.fetching.take());
    let again = sluis::gateway::trust::Trust::load(
        &fetched.house.file("trust"),
        Some(&fetched.house.file("crl")),
        sluis::gateway::trust::Moment::Present,
    );
    let nobody = openssl::stack::Stack::new().unwrap();
    assert_eq!(again.unwrap().verify(fetched.caller.certificate(), &nobody), Ok(()));
}

#[test]
fn a_card_that_is_revoked_later_is_refused_once_the_crl_is_fetched() {
    let mut fetched = Fetched::from(crl);
    fetched.until_admitted();
    let mut call = fetched.house.call(&fetched.caller).unwrap();
    assert_eq!(call.get("/").unwrap().0, 200);
    let caller = fetched.caller.clone();
    fetched.house.pki.revoke(&caller).unwrap();
    fetched.register.publish(&crl(&fetched.house.pki));
    fetched.until("new");
    let started = Instant::now();
    while fetched.status() != 0 {
        assert!(started.elapsed() < PATIENCE, "the card is still admitted");
    }
    // Not over a connection that was there either.
    assert_eq!(call.get("/").unwrap(), (401, "revoked".to_owned()));
    assert_admitted(&fetched.house, &fetched.bystander);
}

#[test]
fn a_crl_that_is_older_does_not_take_the_place_of_a_newer_one() {
    let mut fetched = Fetched::from(crl);
    fetched.until_admitted();
    let old = crl(&fetched.house.pki);
    let caller = fetched.caller.clone();
    fetched.house.pki.revoke(&caller).unwrap();
    fetched.register.publish(&crl(&fetched.house.pki));
    fetched.until("new");
    // Somebody on the way brings back the one that the card was not on.
    fetched.register.publish(&old);
    fetched.until("older");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(fetched.status(), 0);
}

/// The CRL of another CA would take the place of the one that is kept, and with it what an older one is told by.
#[test]
fn a_crl_of_another_ca_does_not_make_room_for_an_older_one() {
    let mut fetched = Fetched::from(crl);
    fetched.until_admitted();
    let old = crl(&fetched.house.pki);
    let caller = fetched.caller.clone();
    fetched.house.pki.revoke(&caller).unwrap();
    fetched.register.publish(&crl(&fetched.house.pki));
    fetched.until("new");
    fetched.register.publish(&fetched.house.pki.crl_of(Ca::Employee).unwrap());
    fetched.until("another-issuer");
    fetched.register.publish(&old);
    fetched.until("older");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(fetched.status(), 0);
}

#[test]
fn an_older_crl_is_not_taken_though_the_file_of_the_newer_one_is_gone() {
    let mut fetched = Fetched::from(crl);
    fetched.until_admitted();
    let old = crl(&fetched.house.pki);
    let caller = fetched.caller.clone();
    fetched.house.pki.revoke(&caller).unwrap();
    fetched.register.publish(&crl(&fetched.house.pki));
    fetched.until("new");
    fetched.register.publish(&old);
    for entry in std::fs::read_dir(fetched.house.file("crl")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("fetched-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    fetched.until("older");
    fetched.until("older");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(fetched.status(), 0);
}

#[test]
fn what_its_issuer_did_not_sign_or_is_none_is_not_taken() {
    let fetched = Fetched::from(crl);
    fetched.until_admitted();
    let good = crl(&fetched.house.pki);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let foreign = fetched.house.pki.crl_of(Ca::Impostor).unwrap();
    let other = fetched.house.pki.crl_of(Ca::Gateway).unwrap();
    let twice = [good.clone(), good].concat();
    let with = |extension: (&str, bool, &[u8])| fetched.house.pki.crl_with(Ca::Professional, &[extension]).unwrap();
    let delta = with(("2.5.29.27", true, &[2, 1, 0]));
    let partial = with(("2.5.29.28", true, &[0x30, 3, 0x81, 1, 0xff]));
    let critical = with(("1.2.3.4", true, &[5, 0]));
    for (body, result) in [
        (&forged[..], "not-signed"),
        (&foreign, "not-signed"),
        (&other, "unknown-issuer"),
        (&twice, "malformed"),
        (b"<html>", "malformed"),
        (&delta, "delta"),
        (&partial, "partial"),
        (&critical, "critical-extension"),
    ] {
        fetched.register.publish(body);
        fetched.until(result);
        assert_eq!(fetched.status(), 200, "{result}");
    }
    assert!(!fetched.house.tls.trust().is_broken());
}

#[test]
fn a_crl_whose_end_is_past_is_not_taken() {
    let fetched = Fetched::from(|_| {
        let mut past = Pki::new(World::Test, now()).unwrap();
        past.hold_crl_until(Ca::Professional, now() - time::Duration::MINUTE).unwrap();
        past.crl_of(Ca::Professional).unwrap()
    });
    fetched.until("ended");
    assert_eq!(fetched.status(), 0);
}

#[test]
fn a_server_that_fails_is_asked_again_and_nothing_is_lost_meanwhile() {
    let fetched = Fetched::from(crl);
    fetched.until_admitted();
    fetched.register.answer_with("500 Oops", b"");
    fetched.until("status");
    assert_eq!(fetched.status(), 200);
    fetched.register.answer_with("301 Elsewhere\r\nlocation: http://127.0.0.1:1/", b"");
    fetched.until("status");
    fetched.register.publish(&vec![b'x'; sluis::limits::CRL_BYTES + 1]);
    fetched.until("too-long");
    assert_eq!(fetched.status(), 200);
    // PEM is as good as DER.
    let pem = X509Crl::from_der(&crl(&fetched.house.pki)).unwrap().to_pem().unwrap();
    fetched.register.publish(&pem);
    fetched.until("same");
}
