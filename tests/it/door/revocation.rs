//! Certificates that lose what they had, and files that change while the door is open.

use std::sync::Arc;

use sluis::cli::demo::pki::{Ca, Leaf, Pki, World};
use sluis::gateway::revocation::{LiveTrust, TrustOptions};
use sluis::identity::{Reason, Register, Strictness};

use super::house::{House, PATIENCE, Plan, now};
use super::{URA, assert_admitted, assert_refused, doctor, pki, with};

#[test]
fn a_revoked_certificate_is_refused() {
    let mut pki = pki();
    let revoked = pki.issue("revoked", &doctor()).unwrap();
    let good = pki.issue("good", &doctor()).unwrap();
    pki.revoke(&revoked).unwrap();
    let house = House::open(pki);
    assert_refused(&house, &revoked, "revoked");
    assert_admitted(&house, &good);
}

#[test]
fn a_certificate_of_a_revoked_issuer_is_refused() {
    let mut pki = pki();
    let caller = pki.issue("caller", &Leaf::system_g4(World::Test, "900016532", URA, "client.example")).unwrap();
    let doctor = pki.issue("doctor", &doctor()).unwrap();
    pki.revoke_g4_issuer().unwrap();
    let house = House::open(pki);
    assert_refused(&house, &caller, "revoked-issuer");
    assert_admitted(&house, &doctor);
}

#[test]
fn a_crl_past_its_next_update_refuses() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    pki.hold_crls_until(now() - time::Duration::MINUTE);
    let house = House::open(pki);
    assert_refused(&house, &caller, "crl-expired");
    let checks = house.tls.trust().checks(now());
    assert!(format!("{checks:?}").contains("expired"));
}

#[test]
fn without_the_crl_of_its_issuer_a_certificate_is_refused() {
    let (house, caller) = with(&doctor());
    let before = house.tls.trust().current().number();
    std::fs::remove_file(house.file("crl/zorgverlener.crl")).unwrap();
    house.settle(|tls| tls.trust().current().number() > before);
    house.tls.look();
    assert_refused(&house, &caller, "revocation-unknown");
}

#[test]
fn without_any_crl_a_certificate_is_admitted_only_where_revocation_is_off() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let house = House::planned(pki, &Plan { revocation: false, ..Plan::default() });
    assert_admitted(&house, &caller);
}

#[test]
fn a_certificate_revoked_while_connected_is_refused_at_the_next_request() {
    let mut pki = pki();
    let (leaf, other) = (doctor(), doctor());
    let caller = pki.issue("caller", &leaf).unwrap();
    let bystander = pki.issue("bystander", &other).unwrap();
    let mut house = House::open(pki);
    let mut call = house.call(&caller).unwrap();
    let mut beside = house.call(&bystander).unwrap();
    assert_eq!(call.get("/").unwrap().0, 200);
    assert_eq!(beside.get("/").unwrap().0, 200);
    house.pki.revoke(&caller).unwrap();
    house.publish();
    assert_eq!(call.get("/").unwrap(), (401, "revoked".to_owned()));
    assert_eq!(beside.get("/").unwrap().0, 200);
    assert_refused(&house, &caller, "revoked");
}

#[test]
fn a_certificate_that_expires_while_connected_is_refused_at_the_next_request() {
    let (house, caller) = with(&doctor());
    let mut call = house.call(&caller).unwrap();
    assert_eq!(call.get("/").unwrap().0, 200);
    house.hand.set(now() + time::Duration::days(4 * 365));
    assert_eq!(call.get("/").unwrap(), (401, "expired".to_owned()));
    assert_eq!(call.end(), "");
}

#[test]
fn a_crl_that_passes_its_next_update_while_connected_refuses_at_the_next_request() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let bystander = pki.issue("bystander", &Leaf::employee(World::Test, "900016529", URA)).unwrap();
    let next_update = now() + time::Duration::seconds(8);
    pki.hold_crl_until(Ca::Professional, next_update).unwrap();
    let house = House::open(pki);
    let (mut call, mut beside) = (house.call(&caller).unwrap(), house.call(&bystander).unwrap());
    assert_eq!(call.get("/").unwrap().0, 200);
    assert_eq!(beside.get("/").unwrap().0, 200);
    while now() <= next_update + time::Duration::SECOND {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    house.hand.set(now());
    assert_eq!(call.get("/").unwrap(), (401, "crl-expired".to_owned()));
    assert_eq!(beside.get("/").unwrap().0, 200);
}

#[test]
fn a_crl_that_cannot_be_read_leaves_the_one_before_in_force_and_says_so() {
    let mut pki = pki();
    let revoked = pki.issue("revoked", &doctor()).unwrap();
    let good = pki.issue("good", &doctor()).unwrap();
    pki.revoke(&revoked).unwrap();
    let house = House::open(pki);
    std::fs::write(house.file("crl/zorgverlener.crl"), "half a file").unwrap();
    house.settle(|tls| tls.trust().is_broken());
    assert_refused(&house, &revoked, "revoked");
    assert_admitted(&house, &good);
    assert!(format!("{:?}", house.tls.trust().checks(now())).contains("unreadable-files"));
    house.pki.write_crls(&house.file("crl")).unwrap();
    house.settle(|tls| !tls.trust().is_broken());
    assert!(!format!("{:?}", house.tls.trust().checks(now())).contains("unreadable-files"));
}

#[test]
fn a_crl_that_is_older_or_forged_leaves_the_one_before_in_force() {
    let mut pki = pki();
    let revoked = pki.issue("revoked", &doctor()).unwrap();
    let good = pki.issue("good", &doctor()).unwrap();
    let mut house = House::open(pki);
    let path = house.file("crl/zorgverlener.crl");
    let old = std::fs::read(&path).unwrap();
    house.pki.revoke(&revoked).unwrap();
    house.publish();
    assert_refused(&house, &revoked, "revoked");
    let new = std::fs::read(&path).unwrap();
    let mut forged = new.clone();
    *forged.last_mut().unwrap() ^= 1;
    for wrong in [old, forged] {
        std::fs::write(&path, &wrong).unwrap();
        house.settle(|tls| tls.trust().is_broken());
        assert!(house.call(&revoked).and_then(|mut call| call.get("/")).is_err());
        assert_eq!(house.failure(), "revoked");
        assert_admitted(&house, &good);
        std::fs::write(&path, &new).unwrap();
        house.settle(|tls| !tls.trust().is_broken());
    }
}

/// Whoever takes the file of a CRL away for a moment does not bring back an older one with that.
#[test]
fn a_crl_that_went_away_does_not_come_back_in_an_older_edition() {
    let mut pki = pki();
    let revoked = pki.issue("revoked", &doctor()).unwrap();
    let good = pki.issue("good", &doctor()).unwrap();
    let mut house = House::planned(pki, &Plan { seen: Some("seen/editions.json"), ..Plan::default() });
    let path = house.file("crl/zorgverlener.crl");
    let old = std::fs::read(&path).unwrap();
    house.pki.revoke(&revoked).unwrap();
    house.publish();
    let new = std::fs::read(&path).unwrap();
    let before = house.tls.trust().current().number();
    std::fs::remove_file(&path).unwrap();
    house.settle(|tls| tls.trust().current().number() > before);
    house.tls.look();
    assert_refused(&house, &good, "revocation-unknown");
    std::fs::write(&path, &old).unwrap();
    house.settle(|tls| tls.trust().is_broken());
    for caller in [&revoked, &good] {
        assert!(house.call(caller).and_then(|mut call| call.get("/")).is_err());
        assert_eq!(house.failure(), "revocation-unknown");
    }
    // Nor by a restart, since it is on disk what was seen.
    let options = |seen| TrustOptions {
        trust: house.file("trust"),
        intermediates: None,
        crl: Some(house.file("crl")),
        seen,
        ocsp: None,
        register: Arc::new(Register::new(Strictness::Test)),
    };
    let restarted = LiveTrust::load(options(Some(house.file("seen/editions.json")))).unwrap();
    let nobody = openssl::stack::Stack::new().unwrap();
    let verdict = restarted.current().trust().verify(revoked.certificate(), &nobody);
    assert_eq!(verdict, Err(vec![Reason::RevocationUnknown]));
    assert!(restarted.is_broken());
    assert!(format!("{:?}", restarted.checks(now())).contains("Older"));
    // The twin: without what was seen nothing tells the old one from the newest.
    let forgetful = LiveTrust::load(options(None)).unwrap();
    assert_eq!(forgetful.current().trust().verify(revoked.certificate(), &nobody), Ok(()));
    // The one that was there is taken again.
    std::fs::write(&path, &new).unwrap();
    house.settle(|tls| !tls.trust().is_broken());
    assert_admitted(&house, &good);
    assert!(house.call(&revoked).and_then(|mut call| call.get("/")).is_err());
    assert_eq!(house.failure(), "revoked");
}

#[test]
fn a_delta_crl_beside_a_full_one_is_told_of_and_changes_nothing() {
    let (house, caller) = with(&doctor());
    let delta = house.pki.crl_with(Ca::Professional, &[("2.5.29.27", true, &[2, 1, 0])]).unwrap();
    let before = house.tls.trust().current().number();
    std::fs::write(house.file("crl/delta.crl"), &delta).unwrap();
    house.settle(|tls| tls.trust().current().number() > before);
    assert_admitted(&house, &caller);
    let delta_told = |house: &House| format!("{:?}", house.tls.trust().checks(now())).contains("Delta");
    assert!(delta_told(&house) && !house.tls.trust().is_broken());
    // In the place of the full one: what was in force stays.
    std::fs::write(house.file("crl/zorgverlener.crl"), &delta).unwrap();
    house.settle(|tls| tls.trust().is_broken());
    assert_admitted(&house, &caller);
}

#[test]
fn a_new_certificate_of_the_gateway_counts_without_a_restart() {
    let (house, caller) = with(&doctor());
    let mut before = house.call(&caller).unwrap();
    let other = Pki::new(World::Test, now() + time::Duration::HOUR).unwrap();
    std::fs::write(house.file("server.pem"), other.server().pem().unwrap()).unwrap();
    let renewed = other.server().der().unwrap();
    let started = std::time::Instant::now();
    while house.call(&caller).unwrap().certificate() != renewed {
        assert!(started.elapsed() < PATIENCE);
    }
    assert_eq!(before.get("/").unwrap().0, 200);
}

#[test]
fn a_broken_certificate_of_the_gateway_leaves_the_one_before_in_force() {
    let (house, caller) = with(&doctor());
    std::fs::write(house.file("server.key"), "no key").unwrap();
    house.settle(|tls| tls.check() != sluis::gateway::admin::Check::passing("certificate"));
    assert_admitted(&house, &caller);
}

#[test]
fn a_certificate_that_names_nobody_gets_401_and_the_connection_ends() {
    let (house, caller) = with(&doctor().text(""));
    let mut call = house.call(&caller).unwrap();
    assert_eq!(call.get("/").unwrap(), (401, "no-uzi-identity".to_owned()));
    assert_eq!(call.end(), "");
}
