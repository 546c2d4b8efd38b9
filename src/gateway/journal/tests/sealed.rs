//! Where checkpoints stand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use time::macros::datetime;

use super::super::*;
use super::{Scratch, exchange, noon, segments, trail, wait};
use super::{basis, delivered};

fn signed(scratch: &Scratch, segment_bytes: u64) -> Journal {
    let signer = Arc::new(Signer::read(&scratch.0.join("keys")).unwrap());
    let locked = Directory::lock(&scratch.0).unwrap();
    let found = recovery::read(&scratch.0, signer.known()).unwrap();
    let disk = locked.resume(found.at).unwrap();
    Journal::begin(disk, found, segment_bytes, Capacity::default(), noon().0, Some(signer)).unwrap()
}

fn last_lines(scratch: &Scratch) -> Vec<Value> {
    let mut last = Vec::new();
    for segment in segments::list(&scratch.0).unwrap().segments {
        let mut line = Value::Null;
        segment.each_line(|text, _| line = serde_json::from_slice(text).unwrap()).unwrap();
        last.push(line);
    }
    last
}

#[test]
fn a_segment_ends_with_its_signed_head_whether_it_is_long_or_its_gateway_ends() {
    let scratch = Scratch::new("sealed");
    for _ in 0..2 {
        let journal = signed(&scratch, 3_000);
        for _ in 0..9 {
            exchange(&journal, "r-1");
        }
    }
    let last = last_lines(&scratch);
    assert!(last.len() > 4 && last.iter().all(|line| line["event"] == "checkpoint"), "{last:?}");
    assert!(last.iter().all(|line| line["checkpoint"]["seq"].as_u64() == line["seq"].as_u64().map(|seq| seq - 1)));
    assert_eq!(scratch.verified().checkpoints, u64::try_from(last.len() + 2).unwrap());
}

#[test]
fn what_is_quiet_is_not_signed_again_and_what_is_written_after_a_time_is() {
    let scratch = Scratch::new("quiet");
    let (clock, hand) = noon();
    let signer = || Signer::read(&scratch.0.join("keys")).unwrap();
    let journal = Journal::open_signed(&scratch.0, clock, signer()).unwrap();
    let checkpoints = || scratch.lines().iter().filter(|line| line["event"] == "checkpoint").count();
    let at = |minute: i64| hand.set(datetime!(2026-03-01 12:00 UTC) + time::Duration::minutes(minute));
    assert_eq!(checkpoints(), 1);
    for (minute, expected) in [(1, 1), (4, 1), (5, 2), (6, 2), (9, 2), (10, 3), (3, 4), (4, 4)] {
        at(minute);
        let mut trail = trail(&journal, "r-1");
        wait(trail.intend(basis())).unwrap();
        assert_eq!(checkpoints(), expected, "at minute {minute}");
        wait(trail.close(&delivered())).unwrap();
    }
    journal.stop();
    assert_eq!(checkpoints(), 5);
    // A start and an end without anything between them: the start signs the event of the end before it, no more.
    drop(Journal::open_signed(&scratch.0, noon().0, signer()).unwrap());
    assert_eq!(checkpoints(), 6);
}

/// A gateway that nobody calls does not leave what it wrote last unsigned.
#[test]
fn who_waits_for_records_has_patience_for_so_long_only() {
    let queue = Arc::new(Queue::new(Capacity::default(), 0));
    assert_eq!(queue.take(Some(Duration::from_millis(5))).map(|entries| entries.len()), Some(0));
    queue.end();
    assert!(queue.take(Some(Duration::from_millis(5))).is_none());
    assert!(queue.take(None).is_none());
}
