//! Page tokens: arbitrary text as a token, and good tokens that were changed.
//!
//! Nothing panics, and none but a token as it was sealed opens, for whom and what it was sealed and as long as it is good.
#![no_main]

#[path = "../../src/gateway/token.rs"]
#[allow(dead_code)]
mod token;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use token::{Binding, PageKeys};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const SKIP: usize = 40;

static SEALED: LazyLock<(PageKeys, Binding, String)> = LazyLock::new(|| {
    let keys = PageKeys::new(vec![[7; 32], [8; 32]]);
    let binding = Binding::to(&["900000001", "TREAT", "Observation?patient=1"]);
    let token = keys.seal(SKIP, &binding, NOW + Duration::HOUR).expect("randomness");
    (keys, binding, token)
});

fuzz_target!(|input: &[u8]| {
    let (keys, binding, sealed) = &*SEALED;
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(keys.open(text, binding, NOW).is_err() || text == sealed, "{text}");
    }
    // The same with some letters exchanged: each byte of the input is put over one of the token.
    let mut changed = sealed.clone().into_bytes();
    for pair in input.chunks_exact(2) {
        let at = usize::from(pair[0]) % changed.len();
        changed[at] = pair[1] & 0x7f;
    }
    if let Some(cut) = input.first().filter(|_| input.len() % 2 == 1) {
        changed.truncate(usize::from(*cut));
    }
    let changed = String::from_utf8(changed).expect("ASCII");
    let opened = keys.open(&changed, binding, NOW);
    assert_eq!(opened.ok(), (changed == *sealed).then_some(SKIP), "{changed}");
    let other = Binding::to(&[&String::from_utf8_lossy(input)]);
    assert!(keys.open(sealed, &other, NOW).is_err(), "bound to somebody else");
    assert!(keys.open(sealed, binding, NOW + Duration::hours(2)).is_err(), "past its time");
});
