//! OCSP in place of a CRL that is not there: what a responder says, and everything that it may fail to say.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssl::nid::Nid;
use sluis::cli::demo::pki::{Answer, Ca, Issued, Leaf, Pki, Says, Signer, World};
use sluis::gateway::revocation::OcspOptions;
use sluis::limits;

use super::house::{House, Plan, now};
use super::{URA, assert_admitted, assert_refused, doctor, pki};

/// A responder on loopback: it answers every question with what it was given last, and keeps what it was asked.
struct Responder {
    address: SocketAddr,
    answer: Arc<Mutex<Option<Vec<u8>>>>,
    asked: Arc<AtomicUsize>,
    wrong: Arc<AtomicUsize>,
}

impl Responder {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let responder = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::default(),
            asked: Arc::default(),
            wrong: Arc::default(),
        };
        let (answer, asked, wrong) =
            (Arc::clone(&responder.answer), Arc::clone(&responder.asked), Arc::clone(&responder.wrong));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some((head, body)) = request(&mut stream) else { continue };
                asked.fetch_add(1, Ordering::SeqCst);
                let right = head.starts_with("POST / ") && head.contains("content-type: application/ocsp-request\r\n");
                wrong.fetch_add(usize::from(!right || body.first() != Some(&0x30)), Ordering::SeqCst);
                match answer.lock().unwrap().clone() {
                    Some(answer) => stream.write_all(&answer).unwrap_or_default(),
                    // It holds the connection, and says nothing.
                    None => std::mem::forget(stream),
                }
            }
        });
        responder
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn says(&self, body: &[u8]) {
        self.answers("200 OK", body);
    }

    fn answers(&self, status: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        *self.answer.lock().unwrap() = Some([head.as_bytes(), body].concat());
    }

    fn keeps_silent(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        assert_eq!(self.wrong.load(Ordering::SeqCst), 0, "a question that is none");
        self.asked.load(Ordering::SeqCst)
    }
}

fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") else { continue };
        let head =
            String::from_utf8(bytes[..end + 2].to_vec()).unwrap().to_ascii_lowercase().replacen("post", "POST", 1);
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        if bytes.len() - end - 4 >= length {
            return Some((head, bytes[end + 4..].to_vec()));
        }
    }
}

const ISSUER: &str = "TEST UZI-register Zorgverlener CA G3";

fn good() -> Answer {
    let this_update = now() - time::Duration::MINUTE;
    let next_update = Some(this_update + time::Duration::HOUR);
    Answer { says: Says::Good, signer: Signer::Itself(Ca::Professional), this_update, next_update }
}

fn options(responder: &Responder) -> OcspOptions {
    let responders = vec![(ISSUER.to_owned(), responder.url())];
    OcspOptions { responders, hosts: Vec::new(), max_age: Duration::from_secs(3600) }
}

/// A house without the CRL of zorgverleners.
fn house(pki: Pki, ocsp: Option<OcspOptions>) -> House {
    let house = House::planned(pki, &Plan { ocsp, ..Plan::default() });
    let before = house.tls.trust().current().number();
    std::fs::remove_file(house.file("crl/zorgverlener.crl")).unwrap();
    house.settle(|tls| tls.trust().current().number() > before);
    house.tls.look();
    house
}

fn answer(pki: &Pki, caller: &Issued, answer: &Answer) -> Vec<u8> {
    pki.answer(caller.certificate(), Ca::Professional, answer).unwrap()
}

#[test]
fn a_responder_that_says_good_stands_in_for_a_crl_and_is_asked_once() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let bystander = pki.issue("bystander", &Leaf::employee(World::Test, "900016529", URA)).unwrap();
    let responder = Responder::new();
    responder.says(&answer(&pki, &caller, &good()));
    let house = house(pki, Some(options(&responder)));
    let mut call = house.call(&caller).unwrap();
    for _ in 0..3 {
        assert_eq!(call.get("/").unwrap().0, 200);
    }
    assert_admitted(&house, &caller);
    assert_eq!(responder.asked(), 1);
    assert!(house.metrics.render().contains("sluis_ocsp_answers_total{result=\"good\"} 1\n"));
    assert!(format!("{:?}", house.tls.trust().checks(now())).contains("state: Asked"));
    // Of whom a CRL tells nobody is asked.
    assert_admitted(&house, &bystander);
    assert_eq!(responder.asked(), 1);
}

#[test]
fn nobody_is_asked_where_it_is_off() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let house = house(pki, None);
    assert_refused(&house, &caller, "revocation-unknown");
}

/// What a responder says, and what a request comes to; the twin that is admitted is `good` in the table itself.
#[test]
fn every_answer_but_a_good_one_refuses_with_the_reason_that_it_is() {
    let mut pki = pki();
    let responder = Responder::new();
    let hour = time::Duration::HOUR;
    let of = |signer| Answer { signer, ..good() };
    let at = |this_update, next_update| Answer { this_update, next_update, ..good() };
    let ca = Ca::Professional;
    let cases: [(&str, Answer, &str); 14] = [
        ("good", good(), ""),
        ("revoked", Answer { says: Says::Revoked, ..good() }, "revoked"),
        ("unknown", Answer { says: Says::Unknown, ..good() }, "revocation-unknown"),
        ("delegate", of(Signer::Delegate(ca)), ""),
        ("delegate-revoked", Answer { says: Says::Revoked, ..of(Signer::Delegate(ca)) }, "revoked"),
        ("without-purpose", of(Signer::WithoutPurpose(ca)), "revocation-unknown"),
        ("ended-delegate", of(Signer::Ended(ca)), "revocation-unknown"),
        ("another-ca", of(Signer::Itself(Ca::Employee)), "revocation-unknown"),
        ("delegate-of-another", of(Signer::Delegate(Ca::Employee)), "revocation-unknown"),
        ("impostor", of(Signer::Itself(Ca::Impostor)), "revocation-unknown"),
        ("stale", at(now() - hour * 2, Some(now() - hour)), "revocation-unknown"),
        ("to-come", at(now() + hour, Some(now() + hour * 2)), "revocation-unknown"),
        ("without-end", at(now() - time::Duration::MINUTE, None), ""),
        ("without-end-and-old", at(now() - hour * 2, None), "revocation-unknown"),
    ];
    let callers: Vec<Issued> = cases.iter().map(|(name, ..)| pki.issue(name, &doctor()).unwrap()).collect();
    let answers: Vec<Vec<u8>> =
        cases.iter().zip(&callers).map(|((_, said, _), caller)| answer(&pki, caller, said)).collect();
    let stranger = pki.issue("stranger", &doctor()).unwrap();
    let house = house(pki, Some(options(&responder)));
    for (((name, _, reason), caller), said) in cases.iter().zip(&callers).zip(&answers) {
        responder.says(said);
        let mut call = house.call(caller).unwrap();
        let (status, body) = call.get("/").unwrap();
        if reason.is_empty() {
            assert_eq!(status, 200, "{name}: {body}");
        } else {
            assert_eq!((status, body.as_str()), (401, *reason), "{name}");
            assert_eq!(call.end(), "", "{name}");
        }
    }
    // A good answer, about somebody else.
    responder.says(&answers[0]);
    assert_eq!(house.call(&stranger).unwrap().get("/").unwrap(), (401, "revocation-unknown".to_owned()));
    let metrics = house.metrics.render();
    for (result, count) in [
        ("good", 3),
        ("revoked", 2),
        ("unknown", 1),
        ("not-signed", 5),
        ("ended", 2),
        ("not-yet", 1),
        ("other-certificate", 1),
    ] {
        assert!(metrics.contains(&format!("sluis_ocsp_answers_total{{result=\"{result}\"}} {count}\n")), "{metrics}");
    }
}

#[test]
fn a_responder_that_is_down_slow_or_answers_rubbish_refuses() {
    let mut pki = pki();
    let responder = Responder::new();
    let names = ["html", "empty", "try-later", "status", "cut", "behind", "large", "silent"];
    let callers: Vec<Issued> = names.iter().map(|name| pki.issue(name, &doctor()).unwrap()).collect();
    let whole: Vec<Vec<u8>> = callers.iter().map(|caller| answer(&pki, caller, &good())).collect();
    let down = pki.issue("down", &doctor()).unwrap();
    let mut settings = options(&responder);
    let house = house(pki, Some(settings.clone()));
    let refused = |house: &House, caller: &Issued| {
        let answer = house.call(caller).unwrap().get("/").unwrap();
        assert_eq!(answer, (401, "revocation-unknown".to_owned()), "{caller:?}");
    };
    let behind = [&whole[5][..], b"x"].concat();
    let large = vec![b'x'; limits::OCSP_BYTES + 1];
    for (at, body) in
        [(0, &b"<html>"[..]), (1, b""), (2, &Pki::no_answer()), (4, &whole[4][..100]), (5, &behind), (6, &large)]
    {
        responder.says(body);
        refused(&house, &callers[at]);
    }
    responder.answers("500 Oops", &whole[3]);
    refused(&house, &callers[3]);
    responder.keeps_silent();
    let started = Instant::now();
    refused(&house, &callers[7]);
    assert!(started.elapsed() < limits::OCSP_ASK * 2);
    // Asked again a moment later, not at once.
    let asked = responder.asked();
    responder.says(&whole[7]);
    refused(&house, &callers[7]);
    assert_eq!(responder.asked(), asked);
    std::thread::sleep(limits::OCSP_PAUSE);
    assert_eq!(house.call(&callers[7]).unwrap().get("/").unwrap().0, 200);
    // Nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.responders[0].1 = format!("http://{closed}/");
    let register = Arc::clone(house.tls.trust().current().register());
    let (trust, crl) = (house.file("trust"), Some(house.file("crl")));
    let following = sluis::gateway::revocation::TrustOptions {
        trust,
        crl,
        intermediates: None,
        seen: None,
        ocsp: Some(settings),
        register,
    };
    house.tls.trust().follow(following).unwrap();
    house.tls.look();
    refused(&house, &down);
    let metrics = house.metrics.render();
    for (result, count) in [
        ("malformed", 4),
        ("refused", 1),
        ("status", 1),
        ("too-long", 1),
        ("timeout", 1),
        ("unreachable", 1),
        ("good", 1),
    ] {
        assert!(metrics.contains(&format!("sluis_ocsp_answers_total{{result=\"{result}\"}} {count}\n")), "{metrics}");
    }
}

#[test]
fn a_card_that_is_revoked_later_is_refused_on_a_connection_that_is_there() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let responder = Responder::new();
    responder.says(&answer(&pki, &caller, &good()));
    let revoked = answer(&pki, &caller, &Answer { says: Says::Revoked, ..good() });
    let settings = OcspOptions { max_age: Duration::from_secs(60), ..options(&responder) };
    let house = house(pki, Some(settings));
    let mut call = house.call(&caller).unwrap();
    assert_eq!(call.get("/").unwrap().0, 200);
    responder.says(&revoked);
    house.hand.set(now() + time::Duration::seconds(50));
    assert_eq!(call.get("/").unwrap().0, 200);
    assert_eq!(responder.asked(), 1);
    house.hand.set(now() + time::Duration::seconds(61));
    assert_eq!(call.get("/").unwrap(), (401, "revoked".to_owned()));
    assert_eq!(call.end(), "");
}

#[test]
fn an_answer_that_ends_with_nobody_to_ask_any_more_admits_nobody() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let responder = Responder::new();
    responder.says(&answer(&pki, &caller, &good()));
    let house = house(pki, Some(options(&responder)));
    let mut call = house.call(&caller).unwrap();
    assert_eq!(call.get("/").unwrap().0, 200);
    responder.answers("503 Busy", b"");
    house.hand.set(now() + time::Duration::HOUR);
    assert_eq!(call.get("/").unwrap(), (401, "revocation-unknown".to_owned()));
}

#[test]
fn a_crl_that_comes_or_runs_out_is_judged_by_and_no_responder_is_asked() {
    let mut pki = pki();
    let revoked = pki.issue("revoked", &doctor()).unwrap();
    let other = pki.issue("other", &doctor()).unwrap();
    let responder = Responder::new();
    responder.says(&answer(&pki, &revoked, &good()));
    let mut house = house(pki, Some(options(&responder)));
    let mut call = house.call(&revoked).unwrap();
    assert_eq!(call.get("/").unwrap().0, 200);
    house.pki.revoke(&revoked).unwrap();
    house.publish();
    assert_eq!(call.get("/").unwrap(), (401, "revoked".to_owned()));
    assert_refused(&house, &revoked, "revoked");
    assert_admitted(&house, &other);
    let mut pki = Pki::new(World::Test, now()).unwrap();
    let caller = pki.issue("caller", &doctor()).unwrap();
    pki.hold_crls_until(now() - time::Duration::MINUTE);
    let ended = House::planned(pki, &Plan { ocsp: Some(options(&responder)), ..Plan::default() });
    let asked = responder.asked();
    assert_refused(&ended, &caller, "crl-expired");
    assert_eq!(responder.asked(), asked);
}

#[test]
fn a_responder_that_a_certificate_names_is_asked_on_a_listed_host_alone() {
    let mut pki = pki();
    let (listed, other) = (Responder::new(), Responder::new());
    let caller = pki.issue("caller", &doctor().responder_at(&listed.url()).unwrap()).unwrap();
    let lured = pki.issue("lured", &doctor().responder_at(&other.url()).unwrap()).unwrap();
    let silent = pki.issue("silent", &doctor()).unwrap();
    listed.says(&answer(&pki, &caller, &good()));
    other.says(&answer(&pki, &lured, &good()));
    let hosts = vec![listed.address.to_string()];
    let settings = OcspOptions { responders: Vec::new(), hosts, max_age: Duration::from_secs(3600) };
    let house = house(pki, Some(settings));
    assert_admitted(&house, &caller);
    for refused in [&lured, &silent] {
        let answer = house.call(refused).unwrap().get("/").unwrap();
        assert_eq!(answer, (401, "revocation-unknown".to_owned()));
    }
    assert_eq!((listed.asked(), other.asked()), (1, 0));
}

#[test]
fn a_ca_below_the_anchor_is_asked_about_like_the_card() {
    for (says, expected) in [(Says::Good, (200, None)), (Says::Revoked, (401, Some("revoked-issuer")))] {
        let mut pki = pki();
        let caller = pki.issue("caller", &Leaf::system_g4(World::Test, "900016532", URA, "client.example")).unwrap();
        let responder = Responder::new();
        let parent = Ca::ServerG4Parent;
        let about = pki.certificate_of(Ca::ServerG4).unwrap();
        let said = Answer { says, signer: Signer::Itself(parent), ..good() };
        responder.says(&pki.answer(about, parent, &said).unwrap());
        let name = pki.certificate_of(parent).unwrap().subject_name().entries_by_nid(Nid::COMMONNAME).last();
        let name = name.unwrap().data().to_string().unwrap();
        let settings = OcspOptions { responders: vec![(name, responder.url())], ..options(&responder) };
        let house = House::planned(pki, &Plan { ocsp: Some(settings), ..Plan::default() });
        let before = house.tls.trust().current().number();
        std::fs::remove_file(house.file("crl/server-g4-parent.crl")).unwrap();
        house.settle(|tls| tls.trust().current().number() > before);
        house.tls.look();
        let (status, body) = house.call(&caller).unwrap().get("/").unwrap();
        assert_eq!((status, (status != 200).then_some(body.as_str())), expected);
        // Of the card itself a CRL tells.
        assert_eq!(responder.asked(), 1);
    }
}

/// Each request of many at once waits for the one question.
#[test]
fn callers_who_come_together_ask_once() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let responder = Responder::new();
    responder.says(&answer(&pki, &caller, &good()));
    let house = house(pki, Some(options(&responder)));
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let caller = house.caller(&caller);
            std::thread::spawn(move || caller.call().unwrap().get("/").unwrap().0)
        })
        .collect();
    for call in calls {
        assert_eq!(call.join().unwrap(), 200);
    }
    assert_eq!(responder.asked(), 1);
}
