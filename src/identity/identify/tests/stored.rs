//! Stored certificates, for the core alone; and what happens to them when bytes change.

use proptest::prelude::*;
use time::macros::datetime;

use super::super::*;
use crate::identity::Role;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// One stored certificate, and what each strictness finds.
pub(super) struct Case {
    pub(super) file: &'static str,
    pub(super) der: &'static [u8],
    production: &'static [Reason],
    test: &'static [Reason],
}

macro_rules! case {
    ($file:literal, $production:expr, $test:expr) => {
        Case {
            file: $file,
            der: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/identity/", $file, ".der")),
            production: &$production,
            test: &$test,
        }
    };
}

pub(super) const CASES: [Case; 10] = [
    case!("production-z", [], []),
    case!("production-s-g4", [], []),
    case!("test-z", [Reason::UnknownIssuerOid], []),
    case!("test-n", [Reason::UnknownIssuerOid], []),
    case!("test-m", [Reason::UnknownIssuerOid], []),
    case!("test-s", [Reason::UnknownIssuerOid], []),
    case!("production-utf8", [Reason::StringType], []),
    case!("production-two-names", [Reason::NoUziIdentity], [Reason::NoUziIdentity]),
    case!("production-foreign-upn", [Reason::NameMismatch], [Reason::NameMismatch]),
    case!(
        "production-confidentiality",
        [Reason::NameMismatch, Reason::WrongKeyPurpose],
        [Reason::NameMismatch, Reason::WrongKeyPurpose]
    ),
];

#[test]
fn stored_certificates_are_judged_as_they_were_made() {
    for case in &CASES {
        assert_eq!(
            examine(case.der, NOW, &Register::new(Strictness::Production)).reasons(),
            case.production,
            "{}",
            case.file
        );
        assert_eq!(examine(case.der, NOW, &Register::new(Strictness::Test)).reasons(), case.test, "{}", case.file);
    }
}

#[test]
fn bytes_that_are_not_exactly_one_certificate_prove_nobody() {
    let good = CASES[0].der;
    assert!(identify(good, NOW, &Register::new(Strictness::Production)).is_ok());
    let trailing = [good, &[0]].concat();
    let twice = [good, good].concat();
    let long = [good, &vec![0; crate::limits::CERTIFICATE_BYTES]].concat();
    for bytes in [&[], &good[1..], &good[..good.len() - 1], &trailing, &twice, &long] {
        let refused = identify(bytes, NOW, &Register::new(Strictness::Test)).unwrap_err();
        assert_eq!(refused.reasons(), [Reason::NoUziIdentity]);
        assert_eq!(examine(bytes, NOW, &Register::new(Strictness::Test)).certificate(), None);
    }
}

#[test]
fn time_is_what_the_caller_of_identify_says() {
    let good = CASES[0].der;
    let judged = |now| examine(good, now, &Register::new(Strictness::Production)).reasons().to_vec();
    assert_eq!(judged(datetime!(2020-01-01 0:00 UTC)), [Reason::NotYetValid]);
    assert_eq!(judged(datetime!(2126-01-01 0:00 UTC)), []);
    assert_eq!(judged(datetime!(2126-01-01 0:00:01 UTC)), [Reason::Expired]);
}

/// The UZI names as the bytes have them, found without following DER: an otherName with the OID and a string in it.
fn names_in(der: &[u8]) -> Vec<&[u8]> {
    der.windows(11)
        .enumerate()
        .filter(|(_, window)| matches!(window, [0xa0, _, 6, 3, 0x55, 5, 5, 0xa0, _, 0x16 | 0x0c, _]))
        .filter_map(|(place, window)| der.get(place + 11..place + 11 + usize::from(window[10])))
        .collect()
}

fn mutations() -> impl Strategy<Value = (usize, Vec<(usize, u8)>, Option<usize>)> {
    (0..CASES.len(), prop::collection::vec((0usize..2048, any::<u8>()), 0..4), prop::option::of(0usize..2048))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    /// Invariant 8, and: a caller is what the certificate says, whatever bytes it consists of.
    #[test]
    fn changed_bytes_never_panic_nor_prove_somebody_else((case, changes, cut) in mutations()) {
        let mut der = CASES[case].der.to_vec();
        for (place, byte) in changes {
            let place = place % der.len();
            der[place] = byte;
        }
        if let Some(cut) = cut {
            der.truncate(cut);
        }
        for strictness in [Strictness::Production, Strictness::Test] {
            let examination = examine(&der, NOW, &Register::new(strictness));
            let identified = identify(&der, NOW, &Register::new(strictness));
            prop_assert_eq!(identified.as_ref().err().map_or(&[][..], Refused::reasons), examination.reasons());
            let Ok(caller) = identified else { continue };
            let names = names_in(&der);
            prop_assert_eq!(names.len(), 1);
            let fields: Vec<&str> = std::str::from_utf8(names[0]).unwrap().split('-').collect();
            prop_assert_eq!(fields.len(), 7);
            prop_assert_eq!(caller.uzi().as_str(), format!("{:0>9}", fields[2]));
            prop_assert_eq!(caller.card_type().letter().to_string(), fields[3]);
            prop_assert_eq!(caller.ura().as_str(), format!("{:0>8}", fields[4]));
            let role = caller.role().map(Role::as_str);
            prop_assert_eq!(role.unwrap_or("00.000"), fields[5]);
        }
    }

    /// Invariant 8.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let examination = examine(&bytes, NOW, &Register::new(Strictness::Test));
        prop_assert_eq!(examination.reasons(), [Reason::NoUziIdentity]);
    }
}
