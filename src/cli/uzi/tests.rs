use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::cli::demo::pki::{Ca, Leaf, Pki, World};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// A PKI on disk, gone when the test ends.
struct Place(PathBuf);

impl Place {
    fn with(leaf: &Leaf) -> (Self, Pki) {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sluis-inspect-{}-{number}", std::process::id()));
        let mut pki = Pki::new(World::Test, NOW).unwrap();
        pki.issue("card", leaf).unwrap();
        pki.write(&path).unwrap();
        (Self(path), pki)
    }

    fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    fn options(&self) -> Options {
        Options {
            certificate: self.join("callers/card.pem"),
            trust: Some(self.join("trust")),
            crl: Some(self.join("crl")),
            now: NOW,
            strictness: Strictness::Test,
            table: false,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn card() -> Leaf {
    Leaf::professional(World::Test, "900016528", "90000382", "01.000").named("Anna", "de Vries")
}

fn answer_to(options: &Options) -> (Value, u8) {
    let (json, code) = inspect(options).unwrap();
    (serde_json::from_str(&json).unwrap(), code)
}

#[test]
fn a_good_card_is_accepted_with_all_it_says() {
    let (place, _) = Place::with(&card());
    let (answer, code) = answer_to(&place.options());
    assert_eq!(code, 0);
    assert_eq!(answer["verdict"], "accept");
    assert_eq!(answer["reasons"], json!([]));
    assert_eq!(answer["checked"], json!(["name", "usage", "validity", "chain", "revocation"]));
    let identity = json!({
        "issuer_oid": "2.16.528.1.1007.99.217", "version": "1", "uzi": "900016528", "card_type": "Z",
        "ura": "90000382", "role": "01.000", "agb": "00000000", "given_name": "Anna", "surname": "de Vries",
        "title": "Arts", "organization": "Tést Zorginstelling 01"
    });
    assert_eq!(answer["identity"], identity);
    assert_eq!(answer["certificate"]["not_before"], "2026-02-28T12:00:00Z");
    assert_eq!(answer["certificate"]["serial"], "1001");
    assert_eq!(answer["certificate"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn what_is_not_given_is_not_judged() {
    let (place, mut pki) = Place::with(&card());
    let foreign = place.join("foreign");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join("ca.pem"), pki.server_ca().unwrap().to_pem().unwrap()).unwrap();
    let issued = pki.issue("again", &card()).unwrap();
    pki.revoke(&issued).unwrap();
    pki.write(&place.0).unwrap();

    let revoked = Options { certificate: place.join("callers/again.pem"), ..place.options() };
    assert_eq!(answer_to(&revoked).0["reasons"], json!(["revoked"]));
    let without_crl = Options { crl: None, ..revoked.clone() };
    let (answer, code) = answer_to(&without_crl);
    assert_eq!((answer["checked"].clone(), code), (json!(["name", "usage", "validity", "chain"]), 0));
    let untrusted = Options { trust: Some(foreign), ..without_crl.clone() };
    assert_eq!(answer_to(&untrusted).0["reasons"], json!(["untrusted-chain"]));
    let alone = Options { trust: None, ..without_crl };
    let (answer, code) = answer_to(&alone);
    assert_eq!((answer["checked"].clone(), code), (json!(["name", "usage", "validity"]), 0));
}

#[test]
fn a_refused_card_says_what_it_says_and_every_reason() {
    let leaf = card().field(7, "1").valid(NOW - Duration::days(9), NOW - Duration::days(2));
    let (place, mut pki) = Place::with(&leaf);
    pki.hold_crls_until(NOW - Duration::HOUR);
    pki.write(&place.0).unwrap();
    let strict = Options { strictness: Strictness::Production, ..place.options() };
    let (answer, code) = answer_to(&strict);
    assert_eq!(code, 2);
    assert_eq!(answer["verdict"], "refuse");
    assert_eq!(answer["reasons"], json!(["crl-expired", "expired", "field-width", "unknown-issuer-oid"]));
    assert_eq!(answer["identity"]["agb"], "1");
    let told = |reason: &str| {
        let findings = answer["findings"].as_array().unwrap();
        findings.iter().filter(|finding| finding["reason"] == reason).cloned().collect::<Vec<_>>()
    };
    let finding = |reason: &str, check: &str, field: &str, expected: &str, found: &str| json!({ "reason": reason, "check": check, "field": field, "expected": expected, "found": found });
    let expected = finding("field-width", "name", "AGB code (field 7)", "8 digits", "1 character, all digits");
    assert_eq!(told("field-width"), [expected]);
    let (now, ended) = ("no earlier than 2026-03-01T12:00:00Z", "2026-02-27T12:00:00Z");
    assert_eq!(told("expired"), [finding("expired", "validity", "notAfter", now, ended)]);
    let (field, expected) = ("nextUpdate of the CRL of its issuer", "a moment that is to come");
    let found = "CRL has expired (OpenSSL 12), the certificate itself";
    assert_eq!(told("crl-expired"), [finding("crl-expired", "revocation", field, expected, found)]);
    assert_eq!(told("unknown-issuer-oid")[0]["found"], Ca::Professional.issuer_oid(World::Test));
    let lenient = Options { now: NOW - Duration::minutes(48 * 60 + 30), ..place.options() };
    assert_eq!(answer_to(&lenient).0["reasons"], json!([]));
}

#[test]
fn a_certificate_without_a_uzi_name_has_no_identity() {
    let (place, _) = Place::with(&card());
    let options = Options { certificate: place.join("server.pem"), trust: None, crl: None, ..place.options() };
    let (answer, code) = answer_to(&options);
    assert_eq!(code, 2);
    assert_eq!(answer["identity"], Value::Null);
    assert_eq!(answer["reasons"], json!(["no-uzi-identity", "wrong-key-purpose"]));
    assert_eq!(answer["certificate"]["subject"], "CN=localhost,C=NL");
}

#[test]
fn intermediates_come_with_the_leaf_in_pem_and_are_missed_in_der() {
    let leaf = Leaf::system_g4(World::Test, "900016532", "90000382", "epd.example");
    let (place, mut pki) = Place::with(&leaf);
    assert_eq!(answer_to(&place.options()).1, 0);
    let der = pki.issue("der", &leaf).unwrap().der().unwrap();
    fs::write(place.join("leaf.der"), der).unwrap();
    let alone = Options { certificate: place.join("leaf.der"), ..place.options() };
    assert_eq!(answer_to(&alone).0["reasons"], json!(["untrusted-chain"]));
    pki.revoke_g4_issuer().unwrap();
    pki.write(&place.0).unwrap();
    assert_eq!(answer_to(&place.options()).0["reasons"], json!(["revoked-issuer"]));
}

#[test]
fn what_is_no_certificate_is_a_mistake_and_no_refusal() {
    let (place, _) = Place::with(&card());
    let garbage = place.join("garbage");
    fs::write(&garbage, "garbage").unwrap();
    let key_only = place.join("callers/card.key");
    for certificate in [garbage, key_only] {
        let options = Options { certificate, ..place.options() };
        assert!(matches!(inspect(&options), Err(InspectError::NoCertificate { .. })));
    }
    let nowhere = Options { certificate: place.join("nowhere"), ..place.options() };
    assert!(matches!(inspect(&nowhere), Err(InspectError::Trust(TrustError::Unreadable { .. }))));
    let crl_alone = Options { trust: None, ..place.options() };
    assert!(matches!(inspect(&crl_alone), Err(InspectError::CrlWithoutTrust)));
    assert!(inspect(&place.options()).is_ok());
}
