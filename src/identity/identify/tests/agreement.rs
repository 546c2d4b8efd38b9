//! The rest of the certificate says the same as the name, and it is for what it is used for.

use time::Duration;
use time::macros::datetime;

use super::super::*;
use super::cases::{NOW, URA, UZI, accepted, accepted_in_test_only, by, der, m, n, reasons, refused, s, z};
use crate::cli::demo::pki::{AltName, Ca, World as Register};

#[test]
fn the_issuer_is_the_ca_that_the_name_states() {
    for ca in [Ca::Employee, Ca::Function, Ca::Server, Ca::ServerG4] {
        refused(|register| z(register).issued_by(ca), &[Reason::NameMismatch]);
    }
    refused(|register| s(register).issued_by(Ca::Professional), &[Reason::NameMismatch]);
    accepted(|register| s(register).issued_by(Ca::ServerG4));
    // A CA whose name says nothing.
    accepted_in_test_only(|register| z(register).issued_by(Ca::Gateway), &[Reason::NameMismatch]);
}

#[test]
fn the_registers_do_not_mix() {
    let test_oid = z(Register::Production).field(1, Ca::Professional.issuer_oid(Register::Test));
    assert_eq!(reasons(Register::Production, &test_oid, Strictness::Test), [Reason::NameMismatch]);
    let production_oid = z(Register::Test).field(1, Ca::Professional.issuer_oid(Register::Production));
    assert_eq!(reasons(Register::Test, &production_oid, Strictness::Production), [Reason::NameMismatch]);
    assert_eq!(reasons(Register::Test, &production_oid, Strictness::Test), [Reason::NameMismatch]);
}

#[test]
fn the_policy_is_that_of_the_type() {
    accepted_in_test_only(|register| z(register).policies(None), &[Reason::NameMismatch]);
    for policy in ["2.16.528.1.1003.1.2.5.2", "2.16.528.1.1003.1.2.5.3", "2.16.528.1.1007.99.212", "1.2.3"] {
        refused(|register| z(register).policies(Some(&[policy])), &[Reason::NameMismatch]);
    }
    refused(|register| z(register).policies(Some(Ca::Server.policies(register))), &[Reason::NameMismatch]);
    refused(|register| m(register).policies(Some(Ca::Employee.policies(register))), &[Reason::NameMismatch]);
    refused(|register| n(register).policies(Some(&[])), &[Reason::NameMismatch]);
    accepted(|register| n(register).policies(Some(Ca::Professional.policies(register))));
    accepted(|register| s(register).policies(Some(Ca::ServerG4.policies(register))));
    accepted_in_test_only(
        |register| {
            let own = Ca::Professional.policies(register)[0];
            z(register).policies(Some(&["2.16.528.1.1007.99.2042", own]))
        },
        &[Reason::NameMismatch],
    );
    refused(
        |register| {
            let own = Ca::Professional.policies(register)[0];
            z(register).policies(Some(&[own, "2.16.528.1.1003.1.2.5.2"]))
        },
        &[Reason::NameMismatch],
    );
}

#[test]
fn the_subject_has_the_uzi_number() {
    for number in [Some("900016529"), Some(""), None, Some(" 900016528")] {
        refused(|register| z(register).serial_number(number), &[Reason::NameMismatch]);
    }
    accepted(|register| z(register).serial_number(Some(UZI)));
    refused(|register| z(register).field(3, "900016529"), &[Reason::NameMismatch]);
}

#[test]
fn the_user_principal_name_agrees_if_it_is_there() {
    for name in ["900016529@90000382", "900016528@90000383", "900016528", "", "900016528@90000382 "] {
        refused(|register| z(register).upn(Some(name)), &[Reason::NameMismatch]);
    }
    refused(|register| z(register).also(AltName::Upn("x".to_owned())), &[Reason::NameMismatch]);
    accepted(|register| z(register).upn(None));
    accepted(|register| s(register).upn(Some("900016528@90000382")));
    refused(|register| z(register).field(5, "90000383"), &[Reason::NameMismatch]);
}

#[test]
fn the_permanent_identifier_agrees_if_it_is_there() {
    refused(|register| s(register).permanent(Some("90000383")), &[Reason::NameMismatch]);
    refused(|register| s(register).permanent(Some("")), &[Reason::NameMismatch]);
    refused(
        |register| s(register).permanent(None).also(AltName::OtherPermanent(URA.to_owned(), "1.2.3".to_owned())),
        &[Reason::NameMismatch],
    );
    accepted(|register| s(register).permanent(None));
    accepted(|register| z(register).permanent(Some(URA)));
}

#[test]
fn the_certificate_is_for_signing_and_client_authentication() {
    accepted_in_test_only(|register| z(register).key_usage(None), &[Reason::WrongKeyPurpose]);
    // HND: nonRepudiation with e-mail; VRT: encipherment.
    refused(
        |register| z(register).key_usage(Some(&[1])).extended_key_usage(Some(&["1.3.6.1.5.5.7.3.4"])),
        &[Reason::WrongKeyPurpose],
    );
    refused(|register| z(register).key_usage(Some(&[2, 3])), &[Reason::WrongKeyPurpose]);
    refused(|register| z(register).key_usage(Some(&[])), &[Reason::WrongKeyPurpose]);
    refused(|register| z(register).extended_key_usage(None), &[Reason::WrongKeyPurpose]);
    refused(|register| z(register).extended_key_usage(Some(&["1.3.6.1.5.5.7.3.1"])), &[Reason::WrongKeyPurpose]);
    refused(|register| z(register).extended_key_usage(Some(&["2.5.29.37.0"])), &[Reason::WrongKeyPurpose]);
    refused(|register| z(register).ca(), &[Reason::WrongKeyPurpose]);
    accepted(|register| z(register).key_usage(Some(&[0, 1, 2])));
    accepted(|register| z(register).extended_key_usage(Some(&["1.3.6.1.5.5.7.3.2"])));
}

#[test]
fn validity_counts_with_both_its_ends() {
    let (before, after) = (NOW - Duration::HOUR, NOW + Duration::HOUR);
    refused(|register| z(register).valid(before, NOW - Duration::SECOND), &[Reason::Expired]);
    refused(|register| z(register).valid(NOW + Duration::SECOND, after), &[Reason::NotYetValid]);
    accepted(|register| z(register).valid(before, NOW));
    accepted(|register| z(register).valid(NOW, after));
    accepted(|register| z(register).valid(NOW, datetime!(2061-01-01 0:00 UTC)));
}

#[test]
fn every_reason_is_told() {
    let leaf = |register| {
        z(register)
            .field(2, "2")
            .field(6, "00.000")
            .field(7, "1234567890")
            .upn(Some("x"))
            .key_usage(Some(&[1]))
            .valid(NOW - Duration::days(9), NOW - Duration::DAY)
    };
    refused(
        leaf,
        &[
            Reason::Expired,
            Reason::FieldWidth,
            Reason::NameMismatch,
            Reason::Role,
            Reason::Version,
            Reason::WrongKeyPurpose,
        ],
    );
}

#[test]
fn what_a_refused_certificate_says_is_told() {
    let leaf = z(Register::Test).field(7, "1").field(5, "abc").named("Anna", "de Vries");
    let examination = examine(&der(Register::Test, &leaf), NOW, &by(Strictness::Production));
    let statement = examination.statement().unwrap();
    assert_eq!((statement.ura.as_str(), statement.agb.as_str()), ("abc", "1"));
    assert_eq!(examination.names().surname.as_deref(), Some("de Vries"));
    assert!(examination.certificate().is_some());
    assert!(examination.reasons().contains(&Reason::FieldWidth));
}
