//! Identity: arbitrary bytes as the certificate of a caller.
//!
//! Nothing panics, and who is accepted is who the bytes name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluis::identity::{Caller, Register, Role, Statement, Strictness, examine, identify};
use time::OffsetDateTime;
use time::macros::datetime;

/// A moment at which the certificates among the seeds are valid.
const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fuzz_target!(|der: &[u8]| {
    let production = judge(der, Strictness::Production);
    let test = judge(der, Strictness::Test);
    if production.is_some() {
        assert_eq!(production, test, "the lenient reading accepts what the strict one does");
    }
});

/// Identifies and examines, which agree with one another.
fn judge(der: &[u8], strictness: Strictness) -> Option<Caller> {
    let register = Register::new(strictness);
    let examination = examine(der, NOW, &register);
    match identify(der, NOW, &register) {
        Err(refused) => {
            assert_eq!(refused.reasons(), examination.reasons());
            assert!(!refused.reasons().is_empty());
            None
        }
        Ok(caller) => {
            assert_eq!(examination.reasons(), []);
            is_named(&caller, examination.statement().expect("a caller is read from a statement"), der);
            Some(caller)
        }
    }
}

/// Checks that the bytes hold the name that the caller was read from, field by field.
fn is_named(caller: &Caller, statement: &Statement, der: &[u8]) {
    let Statement { issuer_oid, version, uzi, card_type, ura, role, agb } = statement;
    let name = [issuer_oid, version, uzi, card_type, ura, role, agb].map(String::as_str).join("-");
    assert!(der.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    assert_eq!(caller.uzi().as_str(), format!("{uzi:0>9}"));
    assert_eq!(caller.ura().as_str(), format!("{ura:0>8}"));
    assert_eq!(caller.card_type().letter().to_string(), *card_type);
    assert_eq!(caller.role().map_or("00.000", Role::as_str), role);
}
