//! What counts of CRLs, and what is told of them.

use super::*;

#[test]
fn a_crl_past_its_next_update_is_refused() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    assert_eq!(judged(&place.trust(NOW + Duration::hours(47)), &issued[0]), []);
    assert_eq!(judged(&place.trust(NOW + Duration::hours(49)), &issued[0]), [Reason::CrlExpired]);
}

#[test]
fn an_issuer_without_a_crl_is_refused() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    fs::remove_file(place.0.join("crl/zorgverlener.crl")).unwrap();
    fs::remove_file(place.0.join("crl/server-g4-parent.crl")).unwrap();
    let trust = place.trust(NOW);
    assert_eq!(judged(&trust, &issued[0]), [Reason::RevocationUnknown]);
    assert_eq!(judged(&trust, &issued[4]), [Reason::RevocationUnknown]);
    assert_eq!(judged(&trust, &issued[1]), []);
    let without = Trust::load(&place.0.join("trust"), None, Moment::At(NOW)).unwrap();
    assert_eq!(judged(&without, &issued[0]), []);
}

#[test]
fn a_crl_that_its_issuer_did_not_sign_tells_nothing() {
    let place = Place::new();
    let (pki, issued) = register();
    pki.write(&place.0).unwrap();
    let path = place.0.join("crl/zorgverlener.crl");
    let mut crl = fs::read(&path).unwrap();
    *crl.last_mut().unwrap() ^= 1;
    fs::write(&path, crl).unwrap();
    assert_eq!(judged(&place.trust(NOW), &issued[0]), [Reason::RevocationUnknown]);
}

#[test]
fn a_crl_from_elsewhere_is_taken_only_of_a_ca_that_is_known() {
    let place = Place::new();
    let (pki, _) = register();
    pki.write(&place.0).unwrap();
    let crl = Crl::read(&pki.crl_of(Ca::ServerG4).unwrap()).unwrap();
    let nothing_seen = Editions::default();
    assert_eq!(place.trust(NOW).take(&crl, &nothing_seen, NOW), Err(CrlError::UnknownIssuer));
    let intermediates = place.0.join("intermediates");
    fs::create_dir_all(&intermediates).unwrap();
    fs::write(intermediates.join("g4.pem"), pki.certificate_of(Ca::ServerG4).unwrap().to_pem().unwrap()).unwrap();
    let (trust, crl_dir) = (place.0.join("trust"), place.0.join("crl"));
    let directories = Directories { trust: &trust, intermediates: Some(&intermediates), crl: Some(&crl_dir) };
    let trust = Trust::of(directories, Moment::At(NOW), &nothing_seen).unwrap();
    assert_eq!(trust.take(&crl, &nothing_seen, NOW), Ok(NOW + Duration::hours(48)));
    assert_eq!(trust.take(&crl, &nothing_seen, NOW + Duration::hours(48)), Err(CrlError::Ended));
    assert_eq!(trust.take(&crl, &nothing_seen, NOW - Duration::hours(2)), Err(CrlError::NotYet));
    // Known for its CRLs, and no anchor for that.
    let mut pki = pki;
    let leaf = pki.issue("g4", &Leaf::system_g4(World::Test, "900016533", "90000382", "epd.example")).unwrap();
    let nothing = Stack::new().unwrap();
    assert_eq!(trust.verify(leaf.certificate(), &nothing), Err(vec![Reason::UntrustedChain]));
}

/// issuingDistributionPoint with a fullName that is this URL.
fn point(url: &str) -> Vec<u8> {
    let tlv = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
    tlv(0x30, &tlv(0xa0, &tlv(0xa0, &tlv(0x86, url.as_bytes()))))
}

const HERE: &str = "http://cdp.example/z.crl";

#[test]
fn a_crl_that_is_no_full_one_tells_nothing_and_says_why() {
    let (delta, idp) = ("2.5.29.27", "2.5.29.28");
    for (extension, cause) in [
        ((delta, true, &[2, 1, 0][..]), CrlError::Delta),
        ((delta, false, &[2, 1, 0]), CrlError::Delta),
        // onlyContainsUserCerts, onlyContainsCACerts, onlySomeReasons (keyCompromise), indirectCRL, attribute certificates.
        ((idp, true, &[0x30, 3, 0x81, 1, 0xff]), CrlError::Partial),
        ((idp, true, &[0x30, 3, 0x82, 1, 0xff]), CrlError::Partial),
        ((idp, true, &[0x30, 4, 0x83, 2, 6, 0x40]), CrlError::Partial),
        ((idp, true, &[0x30, 3, 0x84, 1, 0xff]), CrlError::Partial),
        ((idp, true, &[0x30, 3, 0x85, 1, 0xff]), CrlError::Partial),
        ((idp, false, &[0x30, 3, 0x81, 1, 0xff]), CrlError::Partial),
        ((idp, true, &[0x30, 0]), CrlError::Partial),
        (("1.2.3.4", true, &[5, 0]), CrlError::CriticalExtension),
    ] {
        let place = Place::new();
        let (pki, issued) = register();
        pki.write(&place.0).unwrap();
        let der = pki.crl_with(Ca::Professional, &[extension]).unwrap();
        fs::write(place.0.join("crl/zorgverlener.crl"), &der).unwrap();
        let trust = place.trust(NOW);
        assert_eq!(judged(&trust, &issued[0]), [Reason::RevocationUnknown], "{extension:?}");
        assert_eq!(judged(&trust, &issued[1]), []);
        let crl = Crl::read(&der).unwrap();
        assert_eq!(trust.take(&crl, &Editions::default(), NOW), Err(cause), "{extension:?}");
        let told = |state| trust.standings(NOW).iter().any(|standing| standing.state == state);
        assert!(told(CrlState::Missing) && told(CrlState::SetAside(cause)), "{:?}", trust.standings(NOW));
        // It may not take the place of a full one either; beside one it is only in the way of nobody.
        fs::write(place.0.join("crl/full.crl"), pki.crl_of(Ca::Professional).unwrap()).unwrap();
        let beside = place.trust(NOW);
        assert_eq!(judged(&beside, &issued[0]), []);
        assert!(matches!(trust.may_follow(&beside), Err(TrustError::NotWhole { .. })));
        beside.may_follow(&trust).unwrap();
    }
}

#[test]
fn extensions_that_leave_nothing_out_are_no_fault_of_a_crl() {
    let here = point(HERE);
    for extension in [("1.2.3.4", false, &[5, 0][..]), ("2.5.29.28", true, &here)] {
        let place = Place::new();
        let (mut pki, _) = register();
        let leaf = Leaf::professional(World::Test, "900016541", "90000382", "01.015");
        let there = pki.issue("there", &leaf.clone().crl_at(HERE).unwrap()).unwrap();
        let elsewhere = pki.issue("elsewhere", &leaf.crl_at("http://cdp.example/other.crl").unwrap()).unwrap();
        let revoked = pki
            .issue("revoked", &Leaf::professional(World::Test, "900016541", "90000382", "01.015").crl_at(HERE).unwrap())
            .unwrap();
        pki.revoke(&revoked).unwrap();
        pki.write(&place.0).unwrap();
        let der = pki.crl_with(Ca::Professional, &[extension]).unwrap();
        fs::write(place.0.join("crl/zorgverlener.crl"), der).unwrap();
        let trust = place.trust(NOW);
        assert_eq!(judged(&trust, &there), [], "{extension:?}");
        assert_eq!(judged(&trust, &revoked), [Reason::Revoked], "{extension:?}");
        // A CRL of one distribution point speaks of the certificates that name it, and of no others.
        let other = if extension.0 == "2.5.29.28" { vec![Reason::RevocationUnknown] } else { vec![] };
        assert_eq!(judged(&trust, &elsewhere), other, "{extension:?}");
    }
}

#[test]
fn a_crl_from_before_one_that_was_seen_does_not_count_though_no_other_is_there() {
    let place = Place::new();
    let (mut pki, issued) = register();
    let same_time = pki.crl_of(Ca::Professional).unwrap();
    pki.hold_crl_until(Ca::Professional, NOW + Duration::hours(46)).unwrap();
    let old = pki.crl_of(Ca::Professional).unwrap();
    pki.hold_crl_until(Ca::Professional, NOW + Duration::hours(48)).unwrap();
    pki.revoke(&issued[0]).unwrap();
    pki.write(&place.0).unwrap();
    let mut seen = Editions::default();
    place.trust(NOW).note(&mut seen);
    fs::write(place.0.join("crl/zorgverlener.crl"), &old).unwrap();
    let (trust_dir, crl_dir) = (place.0.join("trust"), place.0.join("crl"));
    let load = || {
        let directories = Directories { trust: &trust_dir, intermediates: None, crl: Some(&crl_dir) };
        Trust::of(directories, Moment::At(NOW), &seen).unwrap()
    };
    assert_eq!(judged(&load(), &issued[0]), [Reason::RevocationUnknown]);
    assert!(load().holds_forged());
    assert!(matches!(load().may_follow(&place.trust(NOW)), Err(TrustError::Older { .. })));
    // Beside the one that was seen it is history, in a file with others as well.
    let (new, bundle) = (pki.crl_of(Ca::Professional).unwrap(), crl_dir.join("bundle.pem"));
    fs::write(crl_dir.join("now.crl"), &new).unwrap();
    fs::remove_file(crl_dir.join("zorgverlener.crl")).unwrap();
    fs::remove_file(crl_dir.join("medewerker-op-naam.crl")).unwrap();
    let pem = |der: &[u8]| openssl::x509::X509Crl::from_der(der).unwrap().to_pem().unwrap();
    fs::write(&bundle, [pem(&old), pem(&pki.crl_of(Ca::Employee).unwrap())].concat()).unwrap();
    assert_eq!(judged(&load(), &issued[0]), [Reason::Revoked]);
    assert_eq!(judged(&load(), &issued[1]), []);
    assert!(!load().holds_forged());
    load().may_follow(&place.trust(NOW)).unwrap();
    // Not where OpenSSL, which knows no numbers, could take it for the newest.
    fs::write(crl_dir.join("again.pem"), pem(&same_time)).unwrap();
    assert_eq!(judged(&load(), &issued[0]), [Reason::Revoked]);
    assert!(load().holds_forged());
    fs::remove_file(crl_dir.join("again.pem")).unwrap();
    // Not beside one in a file that does not count.
    let delta = pki.crl_with(Ca::Employee, &[("2.5.29.27", true, &[2, 1, 0])]).unwrap();
    fs::write(crl_dir.join("now.crl"), [pem(&new), pem(&delta)].concat()).unwrap();
    assert_eq!(judged(&load(), &issued[0]), [Reason::RevocationUnknown]);
    assert_eq!(judged(&load(), &issued[1]), [Reason::RevocationUnknown]);
    assert!(load().holds_forged());
}

#[test]
fn each_issuer_is_told_of_with_the_end_of_its_crl() {
    let place = Place::new();
    let (mut pki, _) = register();
    let ended = NOW - Duration::HOUR;
    pki.hold_crl_until(Ca::Employee, ended).unwrap();
    pki.write(&place.0).unwrap();
    fs::remove_file(place.0.join("crl/zorgverlener.crl")).unwrap();
    let trust = place.trust(NOW);
    let standing = |name: &str| {
        let standings = trust.standings(NOW);
        let found = standings.into_iter().find(|standing| standing.issuer.contains(name)).unwrap();
        (found.state, found.until)
    };
    assert_eq!(standing("Zorgverlener CA"), (CrlState::Missing, None));
    assert_eq!(standing("Medewerker op naam CA"), (CrlState::Ended, Some(ended)));
    assert_eq!(standing("Medewerker niet op naam CA"), (CrlState::Holds, Some(NOW + Duration::hours(48))));
    let ends = trust.crl_ends();
    let end = |name: &str| ends.iter().find(|(issuer, _)| issuer.contains(name)).map(|(_, end)| *end);
    assert_eq!(end("Zorgverlener CA"), Some(0));
    assert_eq!(end("Medewerker op naam CA"), Some(ended.unix_timestamp()));
}
