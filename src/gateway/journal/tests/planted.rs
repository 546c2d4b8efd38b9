//! Disks that fail or are slow, and what waits for them.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::super::*;
use super::{basis, delivered, exchange, noon, trail, wait};
use crate::audit::Head;

/// What the tests of failing disks plant.
#[derive(Clone, Default)]
struct Planted(Arc<Plan>);

#[derive(Default)]
struct Plan {
    written: Mutex<Vec<u8>>,
    writes_fail_at: Option<usize>,
    /// As what; that the disk is full where it is not said.
    write_error: Option<io::ErrorKind>,
    turns_fail: bool,
    syncs_fail_from: Option<usize>,
    syncs: AtomicUsize,
    held: Mutex<bool>,
    let_go: Condvar,
}

impl Planted {
    fn with(plan: Plan) -> Self {
        Self(Arc::new(plan))
    }

    fn journal(&self, capacity: Capacity) -> Journal {
        let found = Found { head: Head::NONE, at: None, day: None, open: Vec::new(), torn: None };
        Journal::begin(self.clone(), found, u64::MAX, capacity, noon().0, None).unwrap()
    }

    fn hold(&self) {
        *self.0.held.lock().unwrap() = true;
    }

    fn let_go(&self) {
        *self.0.held.lock().unwrap() = false;
        self.0.let_go.notify_all();
    }

    fn kinds(&self) -> Vec<(String, String)> {
        let written = self.0.written.lock().unwrap();
        let lines = written.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lines
            .map(|line| serde_json::from_slice::<Value>(line).unwrap())
            .map(|line| (word(&line["kind"]), word(&line["event"])))
            .collect()
    }
}

impl Disk for Planted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut written = self.0.written.lock().unwrap();
        let room = self.0.writes_fail_at.map_or(usize::MAX, |limit| limit - written.len());
        written.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let error = self.0.write_error.unwrap_or(io::ErrorKind::StorageFull);
        if bytes.len() > room { Err(error.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let before = self.0.syncs.fetch_add(1, Ordering::SeqCst);
        drop(self.0.let_go.wait_while(self.0.held.lock().unwrap(), |held| *held).unwrap());
        if self.0.syncs_fail_from.is_some_and(|from| before >= from) {
            return Err(io::Error::other("input/output error"));
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        if self.0.turns_fail { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }

    fn length(&self) -> u64 {
        u64::try_from(self.0.written.lock().unwrap().len()).unwrap()
    }
}

#[test]
fn a_disk_that_takes_no_more_breaks_the_journal_for_good() {
    use io::ErrorKind::{Interrupted, Other, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    for error in [StorageFull, QuotaExceeded, ReadOnlyFilesystem, PermissionDenied, Interrupted, Other] {
        let planted = Planted::with(Plan { writes_fail_at: Some(2_000), write_error: Some(error), ..Plan::default() });
        let journal = planted.journal(Capacity::default());
        let mut trails: Vec<_> = (0..10).map(|count| trail(&journal, &format!("r-{count}"))).collect();
        let refused: Vec<_> = trails.iter_mut().map(|trail| wait(trail.intend(basis())).is_err()).collect();
        assert_eq!((refused.first(), refused.last()), (Some(&false), Some(&true)));
        assert!(refused.is_sorted(), "nothing is taken after the first failure");
        assert!(journal.is_broken());
        assert_eq!(journal.sink().unwrap_err(), NoTrail::Broken);
        assert_eq!(planted.0.written.lock().unwrap().len(), 2_000, "nothing is written behind what failed");
    }
}

#[test]
fn a_segment_that_cannot_be_begun_breaks_the_journal_before_anything_is_acknowledged() {
    let planted = Planted::with(Plan { turns_fail: true, ..Plan::default() });
    let found = Found { head: Head::NONE, at: None, day: None, open: Vec::new(), torn: None };
    let journal = Journal::begin(planted.clone(), found, 1_000, Capacity::default(), noon().0, None).unwrap();
    let mut trails: Vec<_> = (0..4).map(|count| trail(&journal, &format!("r-{count}"))).collect();
    let refused: Vec<_> = trails.iter_mut().map(|trail| wait(trail.intend(basis())).is_err()).collect();
    assert!(refused.is_sorted() && refused.contains(&true) && refused.contains(&false), "{refused:?}");
    drop(trails);
    journal.stop();
    let intents = planted.kinds().iter().filter(|(kind, _)| kind == "intent").count();
    assert_eq!(intents, refused.iter().filter(|refused| !**refused).count());
}

#[test]
fn a_failed_sync_is_not_tried_again() {
    let planted = Planted::with(Plan { syncs_fail_from: Some(1), ..Plan::default() });
    let journal = planted.journal(Capacity::default());
    let mut first = trail(&journal, "r-1");
    let other = trail(&journal, "r-2");
    assert_eq!(wait(first.intend(basis())), Err(Unrecorded));
    // A trail that was open when the journal broke can be closed: that is not on record, and its ticket says so.
    assert_eq!(wait(other.close(&delivered())), Err(Unrecorded));
    assert!(journal.is_broken());
    journal.stop();
    assert_eq!(planted.0.syncs.load(Ordering::SeqCst), 2);
}

#[test]
fn a_journal_that_cannot_be_written_at_the_start_does_not_open() {
    let planted = Planted::with(Plan { writes_fail_at: Some(0), ..Plan::default() });
    let found = Found { head: Head::NONE, at: None, day: None, open: Vec::new(), torn: None };
    let refused = Journal::begin(planted, found, u64::MAX, Capacity::default(), noon().0, None);
    assert!(matches!(refused, Err(JournalError::Disk { .. })));
}

#[test]
fn many_tickets_share_few_syncs() {
    let planted = Planted::default();
    let journal = planted.journal(Capacity::default());
    planted.hold();
    let mut trails: Vec<_> = (0..500).map(|count| trail(&journal, &format!("r-{count}"))).collect();
    let tickets: Vec<_> = trails.iter_mut().map(|trail| trail.intend(basis())).collect();
    planted.let_go();
    assert!(tickets.into_iter().all(|ticket| wait(ticket).is_ok()));
    // One at the start, one for what was there when the writer woke, one for all that came meanwhile.
    assert!(planted.0.syncs.load(Ordering::SeqCst) <= 3);
}

#[test]
fn a_closing_record_shares_the_sync_of_the_next_intent() {
    let planted = Planted::default();
    let journal = planted.journal(Capacity { linger: Duration::MAX, ..Capacity::default() });
    for count in 0..3 {
        let mut trail = trail(&journal, &format!("r-{count}"));
        wait(trail.intend(basis())).unwrap();
        drop(trail.close(&delivered()));
    }
    // One at the start, one for each intent.
    assert_eq!(planted.0.syncs.load(Ordering::SeqCst), 4);
    journal.stop();
    let closed = planted.kinds().iter().filter(|(kind, _)| kind == "close").count();
    assert_eq!((planted.0.syncs.load(Ordering::SeqCst), closed), (5, 3), "the last is written when the journal ends");
}

#[test]
fn a_closing_record_has_its_place_however_much_waits() {
    let planted = Planted::default();
    let journal = planted.journal(Capacity { trails: 8, waiting: 2, ..Capacity::default() });
    let mut trails: Vec<_> = (0..8).map(|count| trail(&journal, &format!("r-{count}"))).collect();
    assert_eq!(journal.sink().unwrap_err(), NoTrail::Busy);
    planted.hold();
    let mut intents = Vec::new();
    for _ in 0..4 {
        intents.extend(trails.iter_mut().map(|trail| trail.intend(basis())));
    }
    drop(trails);
    assert_eq!(journal.sink().unwrap_err(), NoTrail::Busy, "a place is free when its closing record is durable");
    planted.let_go();
    assert!(intents.into_iter().any(|ticket| wait(ticket).is_err()), "intents have a bound");
    exchange_when_free(&journal);
    journal.stop();
    let kinds = planted.kinds();
    assert_eq!(kinds.iter().filter(|(kind, _)| kind == "close").count(), 9);
    assert!(kinds.contains(&("event".to_owned(), "turned-away".to_owned())));
}

fn exchange_when_free(journal: &Journal) {
    while journal.sink().is_err() {
        std::thread::yield_now();
    }
    exchange(journal, "r-last");
}
