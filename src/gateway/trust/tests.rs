use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::ssl::{Ssl, SslAcceptor, SslConnector, SslMethod, SslVersion};
use openssl::stack::Stack;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::cli::demo::pki::{Ca, Issued, Leaf, Pki, World};
use crate::identity::Reason;

mod crls;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// A directory of a test, gone when the test ends.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sluis-trust-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn trust(&self, now: OffsetDateTime) -> Trust {
        Trust::load(&self.0.join("trust"), Some(&self.0.join("crl")), Moment::At(now)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn register() -> (Pki, [Issued; 5]) {
    let mut pki = Pki::new(World::Test, NOW).unwrap();
    let leaves = [
        Leaf::professional(World::Test, "900016528", "90000382", "01.015"),
        Leaf::employee(World::Test, "900016529", "90000382"),
        Leaf::function(World::Test, "900016530", "90000382", "Balie"),
        Leaf::system(World::Test, "900016531", "90000382", "epd.example"),
        Leaf::system_g4(World::Test, "900016532", "90000382", "epd.example"),
    ];
    let issued = leaves.map(|leaf| pki.issue("leaf", &leaf).unwrap());
    (pki, issued)
}

fn judged(trust: &Trust, issued: &Issued) -> Vec<Reason> {
    let mut chain = Stack::new().unwrap();
    for certificate in issued.chain() {
        chain.push(certificate.clone()).unwrap();
    }
    trust.verify(issued.certificate(), &chain).err().unwrap_or_default()
}

#[test]
fn certificates_of_every_type_and_generation_hold() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(trust.crl_issuers(), 6);
    assert_eq!(trust.earliest_next_update(), Some(NOW + Duration::hours(48)));
    for issued in &issued {
        assert_eq!(judged(&trust, issued), [], "{issued:?}");
    }
}

#[test]
fn a_ca_of_the_same_name_with_another_key_is_not_trusted() {
    let place = Place::new();
    let (mut pki, issued) = register();
    let leaf = Leaf::professional(World::Test, "900016528", "90000382", "01.015").issued_by(Ca::Impostor);
    let impostor = pki.issue("impostor", &leaf).unwrap();
    pki.write(&place.0).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(judged(&trust, &issued[0]), []);
    assert_eq!(judged(&trust, &impostor), [Reason::UntrustedChain]);
}

/// identity.md 1.6: the issues of 2017 and 2019 of one CA share a key, and one file stands for both.
#[test]
fn a_ca_that_was_issued_again_is_known_by_its_name_and_key() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    let years = |from: i64, until: i64| (NOW + Duration::days(365 * from), NOW + Duration::days(365 * until));
    let again = pki.reissued(Ca::Professional, years(-1, 12)).unwrap();
    let with = |chain: &[&X509]| {
        let mut sent = Stack::new().unwrap();
        chain.iter().for_each(|certificate| sent.push((*certificate).clone()).unwrap());
        place.trust(NOW).verify(issued[0].certificate(), &sent).err().unwrap_or_default()
    };
    // The caller sends the later issue, the directory has the first.
    assert_eq!(with(&[&again]), []);
    // The directory has the later issue, the caller sends the first, or nothing.
    let first = pki.certificate_of(Ca::Professional).unwrap().to_owned();
    let file = place.0.join("trust/zorgverlener.pem");
    fs::write(&file, again.to_pem().unwrap()).unwrap();
    assert_eq!(with(&[&first]), []);
    assert_eq!(with(&[]), []);
    // Both, of which one has ended.
    let ended = pki.reissued(Ca::Professional, years(-3, -1)).unwrap();
    let pem = |certificate: &X509| certificate.to_pem().unwrap();
    fs::write(&file, [pem(&ended), pem(&again)].concat()).unwrap();
    assert_eq!(with(&[&ended]), []);
    // The twin: one that has ended vouches for nobody, whatever is sent along.
    fs::write(&file, pem(&ended)).unwrap();
    assert_eq!(with(&[&again]), [Reason::UntrustedChain]);
}

/// Other CAs stand below the same roots: being below one is no proof.
#[test]
fn a_ca_below_the_same_root_is_not_trusted_for_that() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    fs::remove_file(place.0.join("trust/medewerker-op-naam.pem")).unwrap();
    let mut sent = Stack::new().unwrap();
    sent.push(pki.certificate_of(Ca::Employee).unwrap().to_owned()).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(trust.verify(issued[1].certificate(), &sent), Err(vec![Reason::UntrustedChain]));
    assert_eq!(judged(&trust, &issued[0]), []);
}

#[test]
fn an_intermediate_that_was_not_sent_breaks_the_chain() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    let trust = place.trust(NOW);
    let nothing = Stack::new().unwrap();
    assert_eq!(trust.verify(issued[4].certificate(), &nothing), Err(vec![Reason::UntrustedChain]));
    assert_eq!(judged(&trust, &issued[4]), []);
}

#[test]
fn a_revoked_leaf_is_refused_and_its_neighbour_is_not() {
    let place = Place::new();
    let (mut pki, issued) = register();
    let leaf = Leaf::professional(World::Test, "900016540", "90000382", "01.015");
    let neighbour = pki.issue("neighbour", &leaf).unwrap();
    pki.revoke(&issued[0]).unwrap();
    pki.write(&place.0).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(judged(&trust, &issued[0]), [Reason::Revoked]);
    assert_eq!(judged(&trust, &neighbour), []);
}

#[test]
fn a_revoked_issuer_below_the_anchor_is_refused() {
    let place = Place::new();
    let (mut pki, issued) = register();
    pki.revoke_g4_issuer().unwrap();
    pki.write(&place.0).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(judged(&trust, &issued[4]), [Reason::RevokedIssuer]);
    assert_eq!(judged(&trust, &issued[3]), []);
}

#[test]
fn a_revoked_leaf_of_a_revoked_issuer_is_refused_for_both() {
    let place = Place::new();
    let (mut pki, issued) = register();
    pki.revoke_g4_issuer().unwrap();
    pki.revoke(&issued[4]).unwrap();
    pki.write(&place.0).unwrap();
    assert_eq!(judged(&place.trust(NOW), &issued[4]), [Reason::Revoked, Reason::RevokedIssuer]);
}

#[test]
fn every_reason_is_found_not_only_the_first() {
    let place = Place::new();
    let (mut pki, issued) = register();
    let leaf = Leaf::professional(World::Test, "900016541", "90000382", "01.015")
        .valid(NOW - Duration::days(9), NOW - Duration::days(2))
        .extended_key_usage(Some(&["1.3.6.1.5.5.7.3.4"]));
    let bad = pki.issue("bad", &leaf).unwrap();
    pki.revoke(&bad).unwrap();
    pki.write(&place.0).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(judged(&trust, &bad), [Reason::Expired, Reason::Revoked, Reason::WrongKeyPurpose]);
    assert_eq!(judged(&trust, &issued[0]), []);
}

#[test]
fn validity_counts_to_its_ends() {
    let place = Place::new();
    let (mut pki, _) = register();
    // Inside the time of the CRLs.
    let (from, until) = (NOW - Duration::MINUTE, NOW + Duration::MINUTE);
    let issued = pki.issue("short", &Leaf::employee(World::Test, "900016541", "90000382").valid(from, until)).unwrap();
    pki.write(&place.0).unwrap();
    assert_eq!(judged(&place.trust(from), &issued), []);
    // OpenSSL counts the second of notAfter itself as past.
    assert_eq!(judged(&place.trust(until - Duration::SECOND), &issued), []);
    assert_eq!(judged(&place.trust(from - Duration::SECOND), &issued), [Reason::NotYetValid]);
    assert_eq!(judged(&place.trust(until + Duration::SECOND), &issued), [Reason::Expired]);
}

#[test]
fn several_certificates_and_crls_in_one_file_all_count() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    let (trust_dir, crl_dir) = (place.0.join("one"), place.0.join("one-crl"));
    fs::create_dir_all(&trust_dir).unwrap();
    fs::create_dir_all(&crl_dir).unwrap();
    let pem = |ca| pki.certificate_of(ca).unwrap().to_pem().unwrap();
    fs::write(trust_dir.join("all.crt"), [pem(Ca::Server), pem(Ca::ServerG4Parent)].concat()).unwrap();
    fs::write(trust_dir.join("z.cer"), pki.certificate_of(Ca::Professional).unwrap().to_der().unwrap()).unwrap();
    fs::write(trust_dir.join("notes.txt"), "not a certificate").unwrap();
    let crls = ["crl/server-g4.crl", "crl/server-g4-parent.crl"].map(|name| fs::read(place.0.join(name)).unwrap());
    fs::write(crl_dir.join("both.pem"), crls.concat()).unwrap();
    fs::copy(place.0.join("crl/zorgverlener.crl"), crl_dir.join("z.crl")).unwrap();
    let trust = Trust::load(&trust_dir, Some(&crl_dir), Moment::At(NOW)).unwrap();
    assert_eq!(judged(&trust, &issued[0]), []);
    assert_eq!(judged(&trust, &issued[4]), []);
    assert_eq!(judged(&trust, &issued[3]), [Reason::RevocationUnknown]);
    assert_eq!(judged(&trust, &issued[1]), [Reason::UntrustedChain]);
}

#[test]
fn a_directory_that_is_not_wholly_understood_is_refused() {
    let place = Place::new();
    let (mut pki, _) = register();
    let leaf = pki.issue("leaf", &Leaf::employee(World::Test, "900016541", "90000382")).unwrap();
    pki.write(&place.0).unwrap();
    let (trust, crl) = (place.0.join("trust"), place.0.join("crl"));
    let load = || Trust::load(&trust, Some(&crl), Moment::At(NOW));
    load().unwrap();

    fs::write(trust.join("leaf.pem"), leaf.certificate().to_pem().unwrap()).unwrap();
    assert!(matches!(load(), Err(TrustError::NotACa { .. })));
    fs::write(trust.join("leaf.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(load(), Err(TrustError::Malformed { .. })));
    fs::remove_file(trust.join("leaf.pem")).unwrap();
    fs::write(crl.join("broken.crl"), "no CRL").unwrap();
    assert!(matches!(load(), Err(TrustError::Malformed { .. })));
    fs::remove_file(crl.join("broken.crl")).unwrap();
    load().unwrap();

    assert!(matches!(
        Trust::load(&place.0, None, Moment::At(NOW)),
        Err(TrustError::NoAnchor { .. } | TrustError::NotACa { .. })
    ));
    assert!(matches!(Trust::load(&place.0.join("nowhere"), None, Moment::At(NOW)), Err(TrustError::Unreadable { .. })));
}

/// Shakes hands over a pair of sockets; returns what the server found, and whether its side stands.
fn handshake(trust: &Arc<Trust>, pki: &Pki, caller: Option<&Issued>, version: SslVersion) -> (Vec<Reason>, bool) {
    let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(pki.server().certificate()).unwrap();
    acceptor.set_private_key(pki.server().key()).unwrap();
    trust.apply(&mut acceptor).unwrap();
    let acceptor = acceptor.build();
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.cert_store_mut().add_cert(pki.server_ca().unwrap().to_owned()).unwrap();
    connector.set_min_proto_version(Some(version)).unwrap();
    connector.set_max_proto_version(Some(version)).unwrap();
    if let Some(caller) = caller {
        connector.set_certificate(caller.certificate()).unwrap();
        connector.set_private_key(caller.key()).unwrap();
        caller.chain().iter().for_each(|ca| connector.add_extra_chain_cert(ca.clone()).unwrap());
    }
    let connector = connector.build();
    let client = std::thread::spawn(move || connector.connect("localhost", far).map(drop).is_ok());
    let mut ssl = Ssl::new(acceptor.context()).unwrap();
    let findings = Findings::attach(&mut ssl).unwrap();
    let stands = ssl.accept(near).map(drop).is_ok();
    client.join().unwrap();
    (findings.reasons(), stands)
}

#[test]
fn a_handshake_judges_as_an_inspection_does() {
    let place = Place::new();
    let present = crate::gateway::clock::Clock::system().now();
    let mut pki = Pki::new(World::Test, present).unwrap();
    let z = Leaf::professional(World::Test, "900016528", "90000382", "01.015");
    let good = pki.issue("good", &z).unwrap();
    let g4 = pki.issue("g4", &Leaf::system_g4(World::Test, "900016532", "90000382", "epd.example")).unwrap();
    let revoked = pki.issue("revoked", &z).unwrap();
    let impostor = pki.issue("impostor", &z.clone().issued_by(Ca::Impostor)).unwrap();
    let signing = pki.issue("signing", &z.clone().extended_key_usage(Some(&["1.3.6.1.5.5.7.3.4"]))).unwrap();
    let past = z.valid(present - Duration::days(9), present - Duration::DAY);
    let expired = pki.issue("expired", &past).unwrap();
    pki.revoke(&revoked).unwrap();
    pki.write(&place.0).unwrap();
    let load = || Arc::new(Trust::load(&place.0.join("trust"), Some(&place.0.join("crl")), Moment::Present).unwrap());
    let trust = load();
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let shake = |caller| handshake(&trust, &pki, Some(caller), version);
        assert_eq!(shake(&good), (vec![], true));
        assert_eq!(shake(&g4), (vec![], true));
        assert_eq!(shake(&revoked), (vec![Reason::Revoked], false));
        assert_eq!(shake(&impostor), (vec![Reason::UntrustedChain], false));
        assert_eq!(shake(&signing), (vec![Reason::WrongKeyPurpose], false));
        assert_eq!(shake(&expired), (vec![Reason::Expired], false));
        assert_eq!(handshake(&trust, &pki, None, version), (vec![], false));
    }
    pki.revoke_g4_issuer().unwrap();
    pki.hold_crl_until(Ca::Professional, present - Duration::HOUR).unwrap();
    pki.write_crls(&place.0.join("crl")).unwrap();
    let trust = load();
    let shake = |caller| handshake(&trust, &pki, Some(caller), SslVersion::TLS1_3);
    assert_eq!(shake(&g4), (vec![Reason::RevokedIssuer], false));
    assert_eq!(shake(&good), (vec![Reason::CrlExpired], false));
    fs::remove_file(place.0.join("crl/zorgverlener.crl")).unwrap();
    assert_eq!(handshake(&load(), &pki, Some(&good), SslVersion::TLS1_3), (vec![Reason::RevocationUnknown], false));
}
