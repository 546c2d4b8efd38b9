//! Certificates of every shape, made as they are asked for: each that is refused next to one that is not. Here, the name.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::Duration;
use time::macros::datetime;

use super::super::*;
use crate::cli::demo::pki::{AltName, Ca, Leaf, Pki, World as Register};
use crate::identity::{CardType, Role};

pub(super) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
pub(super) const UZI: &str = "900016528";
pub(super) const URA: &str = "90000382";
const TEST_Z: &str = "2.16.528.1.1007.99.217-1-900016528-Z-90000382-01.015-00000000";

pub(super) type Shape = fn(Register) -> Leaf;
pub(super) const SHAPES: [Shape; 5] = [z, n, m, s, g4];

pub(super) fn z(register: Register) -> Leaf {
    Leaf::professional(register, UZI, URA, "01.015")
}

pub(super) fn n(register: Register) -> Leaf {
    Leaf::employee(register, UZI, URA)
}

pub(super) fn m(register: Register) -> Leaf {
    Leaf::function(register, UZI, URA, "Balie")
}

pub(super) fn s(register: Register) -> Leaf {
    Leaf::system(register, UZI, URA, "epd.example")
}

pub(super) fn g4(register: Register) -> Leaf {
    Leaf::system_g4(register, UZI, URA, "epd.example")
}

pub(super) fn der(register: Register, leaf: &Leaf) -> Vec<u8> {
    static PKIS: Mutex<Vec<(Register, Pki)>> = Mutex::new(Vec::new());
    let mut pkis: MutexGuard<'_, Vec<(Register, Pki)>> = PKIS.lock().unwrap_or_else(PoisonError::into_inner);
    if !pkis.iter().any(|(made, _)| *made == register) {
        pkis.push((register, Pki::new(register, NOW).unwrap()));
    }
    let (_, pki) = pkis.iter_mut().find(|(made, _)| *made == register).unwrap();
    pki.issue("case", leaf).unwrap().der().unwrap()
}

/// What certificates are read by.
pub(super) fn by(strictness: Strictness) -> crate::identity::Register {
    crate::identity::Register::new(strictness)
}

pub(super) fn reasons(register: Register, leaf: &Leaf, strictness: Strictness) -> Vec<Reason> {
    examine(&der(register, leaf), NOW, &by(strictness)).reasons().to_vec()
}

/// Checks in both registers and strictnesses: in production to the letter, in a test as leniently as may be.
pub(super) fn both(change: impl Fn(Register) -> Leaf, strict: &[Reason], lenient: &[Reason]) {
    let found = reasons(Register::Production, &change(Register::Production), Strictness::Production);
    assert_eq!(found, strict, "production");
    let found = reasons(Register::Test, &change(Register::Test), Strictness::Test);
    assert_eq!(found, lenient, "test");
}

pub(super) fn refused(change: impl Fn(Register) -> Leaf, reasons: &[Reason]) {
    both(change, reasons, reasons);
}

pub(super) fn accepted(change: impl Fn(Register) -> Leaf) {
    both(change, &[], &[]);
}

pub(super) fn accepted_in_test_only(change: impl Fn(Register) -> Leaf, strict: &[Reason]) {
    both(change, strict, &[]);
}

#[test]
fn every_type_and_generation_proves_its_caller() {
    let shapes: [(Shape, CardType, Option<&str>); 5] = [
        (z, CardType::Professional, Some("01.015")),
        (n, CardType::Employee, None),
        (m, CardType::Function, None),
        (s, CardType::System, None),
        (g4, CardType::System, None),
    ];
    for register in [(Register::Production, Strictness::Production), (Register::Test, Strictness::Test)] {
        for (leaf, card_type, role) in shapes {
            let caller = identify(&der(register.0, &leaf(register.0)), NOW, &by(register.1)).unwrap();
            assert_eq!((caller.uzi().as_str(), caller.ura().as_str()), (UZI, URA));
            assert_eq!(caller.card_type(), card_type);
            assert_eq!(caller.role().map(Role::as_str), role);
            assert_eq!(caller.certificate().unwrap().not_after, NOW + Duration::days(3 * 365));
        }
    }
}

#[test]
fn names_of_the_subject_are_read() {
    let leaf = z(Register::Test)
        .named("Anna", "de Vries")
        .titled("Huisarts")
        .of("Huisartsenpraktijk, Ré")
        .field(7, "01234567");
    let caller = identify(&der(Register::Test, &leaf), NOW, &by(Strictness::Test)).unwrap();
    let names = caller.names();
    assert_eq!(names.given_name.as_deref(), Some("Anna"));
    assert_eq!(names.surname.as_deref(), Some("de Vries"));
    assert_eq!(names.title.as_deref(), Some("Huisarts"));
    assert_eq!(names.organization.as_deref(), Some("Huisartsenpraktijk, Ré"));
    assert_eq!(names.agb.as_deref(), Some("01234567"));
    let facts = caller.certificate().unwrap();
    assert_eq!(
        facts.subject,
        "CN=Anna de Vries,serialNumber=900016528,GN=Anna,SN=de Vries,title=Huisarts,O=Huisartsenpraktijk\\, Ré,C=NL"
    );
    assert_eq!(
        facts.issuer,
        "CN=TEST UZI-register Zorgverlener CA G3,organizationIdentifier=NTRNL-50000535,O=CIBG,C=NL"
    );
    assert!(!format!("{caller:?}").contains("Vries"));
}

#[test]
fn the_test_register_counts_in_a_test_only() {
    assert_eq!(reasons(Register::Test, &z(Register::Test), Strictness::Production), [Reason::UnknownIssuerOid],);
    assert_eq!(reasons(Register::Test, &z(Register::Test), Strictness::Test), []);
    assert_eq!(reasons(Register::Production, &z(Register::Production), Strictness::Test), []);
}

#[test]
fn there_is_exactly_one_uzi_name() {
    refused(|register| z(register).text(""), &[Reason::NoUziIdentity]);
    refused(|register| z(register).text("").upn(None), &[Reason::NoUziIdentity]);
    refused(|register| z(register).text("").upn(None).permanent(Some(URA)), &[Reason::NoUziIdentity]);
    refused(|register| z(register).also(AltName::Uzi("anything".to_owned())), &[Reason::NoUziIdentity]);
    refused(
        |register| {
            let oid = Ca::Professional.issuer_oid(register);
            z(register).also(AltName::Uzi(format!("{oid}-1-{UZI}-Z-{URA}-01.015-00000000")))
        },
        &[Reason::NoUziIdentity],
    );
    accepted(|register| z(register).also(AltName::Dns("z.example".to_owned())));
}

#[test]
fn the_order_of_names_does_not_matter() {
    for leaf in SHAPES {
        accepted(|register| leaf(register).reversed());
    }
}

#[test]
fn a_name_that_is_no_der_hides_no_second_one() {
    // [0] { OID 2.5.5.5 } without a value; an e-mail address.
    refused(|register| z(register).also(AltName::Raw(vec![0xa0, 5, 6, 3, 0x55, 5, 5])), &[Reason::NoUziIdentity]);
    accepted(|register| z(register).also(AltName::Raw(vec![0x81, 3, b'a', b'@', b'b'])));
}

#[test]
fn the_name_has_seven_fields() {
    for text in [
        "2.16.528.1.1007.99.217-1-900016528-Z-90000382-01.015",
        "2.16.528.1.1007.99.217-1-900016528-Z-90000382-01.015-00000000-1",
        "2.16.528.1.1007.99.217:1:900016528:Z:90000382:01.015:00000000",
        "900016528@90000382",
    ] {
        assert_eq!(
            reasons(Register::Test, &z(Register::Test).text(text), Strictness::Test),
            [Reason::NoUziIdentity],
            "{text}"
        );
    }
    assert_eq!(reasons(Register::Test, &z(Register::Test).text(TEST_Z), Strictness::Test), []);
}

#[test]
fn a_utf8_name_counts_in_a_test_only() {
    accepted_in_test_only(|register| z(register).utf8(), &[Reason::StringType]);
    accepted(z);
    // The same name as a PrintableString: nobody writes that.
    refused(
        |register| {
            let text = format!("{}-1-{UZI}-Z-{URA}-01.015-00000000", Ca::Professional.issuer_oid(register));
            let value = [&[0x13, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
            let inner = [&[0xa0, length(&value)], value.as_slice()].concat();
            let content = [&[6, 3, 0x55, 5, 5], inner.as_slice()].concat();
            z(register).text("").also(AltName::Raw([&[0xa0, length(&content)], content.as_slice()].concat()))
        },
        &[Reason::StringType],
    );
}

#[test]
fn letters_beyond_ascii_make_no_ia5_string() {
    refused(|register| z(register).field(7, "0000000é"), &[Reason::FieldWidth, Reason::StringType]);
}

#[test]
fn each_field_has_its_width() {
    let uzi = |register, uzi| z(register).field(3, uzi).serial_number(Some(uzi)).upn(None);
    let ura = |register, ura| z(register).field(5, ura).upn(None);
    refused(|register| uzi(register, "9000165280"), &[Reason::FieldWidth]);
    refused(|register| uzi(register, "90001652x"), &[Reason::FieldWidth]);
    refused(|register| ura(register, "900003820"), &[Reason::FieldWidth]);
    refused(|register| ura(register, "9000038 "), &[Reason::FieldWidth]);
    accepted(|register| uzi(register, "900016529"));
    accepted(|register| ura(register, "90000383"));
    refused(|register| z(register).field(7, "000000000"), &[Reason::FieldWidth]);
    refused(|register| z(register).field(7, "0000000a"), &[Reason::FieldWidth]);
    refused(|register| z(register).field(7, ""), &[Reason::FieldWidth]);
    refused(|register| z(register).field(6, "01.15"), &[Reason::FieldWidth]);
    refused(|register| z(register).field(6, "1.015"), &[Reason::FieldWidth]);
    refused(|register| z(register).field(6, "01015"), &[Reason::FieldWidth]);
    refused(|register| z(register).field(2, "11"), &[Reason::FieldWidth, Reason::Version]);
    refused(|register| z(register).field(4, "ZZ"), &[Reason::CardType, Reason::FieldWidth]);
    accepted(|register| z(register).field(7, "12345678"));
    accepted(|register| z(register).field(6, "01.999"));
}

#[test]
fn short_numbers_count_in_a_test_only() {
    let short = |register| Leaf::system(register, "12", "345", "epd.example").field(7, "0");
    accepted_in_test_only(short, &[Reason::FieldWidth]);
    let caller = identify(&der(Register::Test, &short(Register::Test)), NOW, &by(Strictness::Test)).unwrap();
    assert_eq!((caller.uzi().as_str(), caller.ura().as_str()), ("000000012", "00000345"));
    accepted_in_test_only(
        |register| short(register).serial_number(Some("000000012")),
        &[Reason::FieldWidth, Reason::NameMismatch],
    );
    both(
        |register| short(register).serial_number(Some("13")),
        &[Reason::FieldWidth, Reason::NameMismatch],
        &[Reason::NameMismatch],
    );
    refused(|register| short(register).field(5, "").permanent(None), &[Reason::FieldWidth]);
}

#[test]
fn the_version_is_one() {
    for version in ["0", "2", "9"] {
        refused(|register| z(register).field(2, version), &[Reason::Version]);
    }
    accepted(|register| z(register).field(2, "1"));
}

#[test]
fn the_card_type_is_one_of_four() {
    for card_type in ["X", "z", "0"] {
        refused(|register| z(register).field(4, card_type), &[Reason::CardType]);
    }
    accepted(|register| z(register).field(4, "Z"));
}

#[test]
fn only_a_professional_has_a_role() {
    refused(|register| z(register).field(6, "00.000"), &[Reason::Role]);
    accepted(|register| z(register).field(6, "30.000"));
    for leaf in SHAPES.into_iter().skip(1) {
        refused(|register| leaf(register).field(6, "01.015"), &[Reason::Role]);
        accepted(|register| leaf(register).field(6, "00.000"));
    }
}

#[test]
fn the_issuer_oid_is_one_of_the_register() {
    for oid in ["2.16.528.1.1003.1.3.5.5.1", "2.16.528.1.1007.99.2111", "1.2.3", "", "2.16.528.1.1003.1.3.5.5.2."] {
        refused(|register| z(register).field(1, oid), &[Reason::UnknownIssuerOid]);
    }
}

#[test]
fn the_issuer_oid_fits_the_card_type() {
    // An N name of the CA for N, said to be Z; and the other way around.
    refused(|register| n(register).field(4, "Z").field(6, "01.015"), &[Reason::OidTypeMismatch]);
    refused(|register| z(register).field(4, "N").field(6, "00.000"), &[Reason::OidTypeMismatch]);
    refused(|register| z(register).field(4, "S"), &[Reason::OidTypeMismatch, Reason::Role]);
    refused(
        |register| z(register).field(1, Ca::Employee.issuer_oid(register)),
        &[Reason::NameMismatch, Reason::OidTypeMismatch],
    );
}

/// Makes the certificates that the core's tests read, where OpenSSL is not there to make them.
#[test]
#[ignore = "writes tests/cases/identity; run it when the shape of the stored certificates must change"]
fn write_the_stored_certificates() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/identity");
    let (from, until) = (NOW - Duration::DAY, datetime!(2126-01-01 0:00 UTC));
    for case in super::stored::CASES {
        let (register, leaf) = match case.file {
            "production-z" => (Register::Production, z(Register::Production)),
            "production-s-g4" => (Register::Production, g4(Register::Production)),
            "test-z" => (Register::Test, z(Register::Test)),
            "test-n" => (Register::Test, n(Register::Test)),
            "test-m" => (Register::Test, m(Register::Test)),
            "test-s" => (Register::Test, s(Register::Test)),
            "production-utf8" => (Register::Production, z(Register::Production).utf8()),
            "production-two-names" => {
                (Register::Production, z(Register::Production).also(AltName::Uzi(TEST_Z.to_owned())))
            }
            "production-foreign-upn" => (Register::Production, z(Register::Production).upn(Some("900016529@90000382"))),
            "production-confidentiality" => (
                Register::Production,
                z(Register::Production)
                    .key_usage(Some(&[2, 3]))
                    .extended_key_usage(Some(&["1.3.6.1.5.5.7.3.4"]))
                    .policies(Some(&["2.16.528.1.1003.1.2.5.3"])),
            ),
            other => panic!("no such case: {other}"),
        };
        let leaf = leaf.valid(from, until);
        std::fs::write(dir.join(format!("{}.der", case.file)), der(register, &leaf)).unwrap();
    }
}
