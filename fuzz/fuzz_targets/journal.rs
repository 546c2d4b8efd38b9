//! The record: arbitrary bytes as the lines of a journal, and a good journal of which something is not as it was written.
//!
//! Nothing panics, what is taken for a record is one to another reader too, and a journal that was changed in any way is found
//! out by whoever kept its head.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sluis::audit::{Ending, Head, Record, Verdict, Verification, Verifier};
use time::macros::datetime;

/// Three lines, and the head behind them.
static JOURNAL: LazyLock<(Vec<u8>, Head)> = LazyLock::new(|| {
    let (mut head, mut lines) = (Head::NONE, Vec::new());
    for (request, intents) in [(Some("one"), &[1][..]), (Some("another"), &[2]), (None, &[])] {
        let record = Record::abandoned(request, Some("rule-permits"));
        head.write(&record, datetime!(2026-03-01 12:00 UTC), intents, &mut lines);
    }
    (lines, head)
});

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    read(rest, Verifier::from_here());
    read(rest, Verifier::from_the_first());
    let (written, head) = &*JOURNAL;
    let changed = changed(written, choice, rest);
    let found = read(&changed, Verifier::from_the_first().seeking(head.hash));
    assert_eq!(found.verdict == Verdict::Intact, changed == *written, "{}", String::from_utf8_lossy(&changed));
});

/// Reads bytes as a segment.
fn read(bytes: &[u8], mut verifier: Verifier) -> Verification {
    verifier.segment("segment");
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    let mut ended = 0;
    while let Some(line) = lines.next() {
        let ending = if lines.peek().is_some() { Ending::Newline } else { Ending::File };
        if ending == Ending::File && line.is_empty() {
            break;
        }
        ended += u64::from(ending == Ending::Newline);
        if let Some(entry) = verifier.line(line, ending) {
            let value: Value = serde_json::from_slice(line).expect("JSON to everybody");
            assert_eq!(value["seq"], entry.seq);
            assert_eq!(value["hash"], entry.hash.to_string());
            assert_eq!(value["prev"], entry.prev.to_string());
        }
    }
    let found = verifier.finish();
    assert_eq!(found.records, ended);
    found
}

/// Changes a journal as the input says: the first two bytes are a place, the rest is what comes there.
fn changed(written: &[u8], choice: u8, rest: &[u8]) -> Vec<u8> {
    let (place, rest) = match rest {
        [high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])) % (written.len() + 1), rest),
        _ => return written.to_vec(),
    };
    let (before, behind) = written.split_at(place);
    match choice % 5 {
        // Put in.
        0 => [before, rest, behind].concat(),
        // Put over what is there.
        1 => [before, rest, behind.get(rest.len()..).unwrap_or_default()].concat(),
        // Taken out.
        2 => [before, behind.get(rest.len()..).unwrap_or_default()].concat(),
        // Cut off.
        3 => before.to_vec(),
        // Said twice.
        _ => [before, behind.get(..rest.len().min(behind.len())).unwrap_or_default(), behind].concat(),
    }
}
