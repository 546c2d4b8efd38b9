use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use time::macros::datetime;

use super::*;
use crate::audit::{Event, EventKind, Verdict};
use crate::gateway::clock::Clock;
use crate::gateway::journal::Journal;
use crate::gateway::journal::segments;

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("sluis-index-{}-{name}", std::process::id())))
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn index(&self) -> Index {
        Index::of(&self.journal(), &self.0.join("keys")).unwrap()
    }

    /// Writes explanations about a patient, some to a segment.
    fn explain(&self, count: usize) {
        let clock = Clock::by_hand(datetime!(2026-03-01 12:00 UTC)).0;
        for _ in 0..count {
            let journal = Journal::in_segments_of(1_000, &self.journal(), clock.clone());
            journal.event(Event::new(EventKind::Explained).about(["Patient/1"]));
            journal.stop();
        }
    }

    fn segments(&self) -> usize {
        segments::list(&self.journal()).unwrap().segments.len()
    }

    /// How many lines about the patient are found by the index, and how many segments are left to read.
    fn found(&self) -> Result<(usize, usize), IndexError> {
        let part = Part::of(&self.index(), Whom::Reference("Patient/1"), Span::default())?;
        let mut lines = 0;
        let read = part.read(|_, line| lines += usize::from(memchr::memmem::find(line, b"Patient/1").is_some()))?;
        match read.verdict {
            Verdict::Altered => Err(IndexError::Altered { segment: String::new() }),
            Verdict::Intact | Verdict::Torn => Ok((lines, part.unindexed())),
        }
    }
}

fn whole(index: &Index) -> Built {
    loop {
        if let Step::Whole(built) = index.step().unwrap() {
            return built;
        }
    }
}

#[test]
fn a_keeper_follows_the_journal_a_segment_behind() {
    let scratch = Scratch::new("kept");
    scratch.explain(12);
    assert!(matches!(scratch.found(), Err(IndexError::Absent)));
    let keeper = Keeper::start(scratch.index(), Duration::from_millis(5)).unwrap();
    let until = |count: usize| {
        let until = Instant::now() + Duration::from_secs(60);
        while keeper.state() != Keeping::Whole || scratch.found().ok() != Some((count, 1)) {
            assert!(Instant::now() < until, "{keeper:?} {:?}", scratch.found());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    until(12);
    scratch.explain(12);
    until(24);
    // Deleted, it is made anew.
    fs::remove_file(scratch.journal().join(FILE)).unwrap();
    until(24);
    drop(keeper);
    assert_eq!(scratch.found().unwrap(), (24, 1));
}

#[test]
fn what_is_gone_from_the_front_of_a_journal_is_forgotten_and_a_hole_begins_the_index_anew() {
    let scratch = Scratch::new("front");
    scratch.explain(20);
    let index = scratch.index();
    assert_eq!(whole(&index).segments, scratch.segments() - 1);
    let before = scratch.found().unwrap().0;
    for number in [1, 2] {
        fs::remove_file(scratch.journal().join(segments::name_of(number))).unwrap();
    }
    // Nothing signed says that it may be so; the index covers what is there.
    assert!(before == 20 && matches!(scratch.found(), Err(IndexError::Keys(_))));
    assert_eq!(whole(&index).segments, scratch.segments() - 1);
    // A hole in the middle is no removal from the front.
    fs::remove_file(scratch.journal().join(segments::name_of(5))).unwrap();
    assert!((0..4).any(|_| matches!(index.step(), Ok(Step::Anew(IndexError::Misfit)))));
}

#[test]
fn a_segment_that_grew_or_was_cut_behind_the_index_is_no_longer_covered() {
    let scratch = Scratch::new("grown");
    scratch.explain(12);
    let index = scratch.index();
    whole(&index);
    let path = scratch.journal().join(segments::name_of(2));
    let good = fs::read(&path).unwrap();
    for bytes in [[good.as_slice(), b"{}\n"].concat(), good[..good.len() - 1].to_vec(), Vec::new()] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(scratch.found(), Err(IndexError::Misfit | IndexError::Altered { .. })));
        assert!((0..4).any(|_| matches!(index.step(), Err(IndexError::Altered { .. }))));
    }
    fs::write(&path, good).unwrap();
    whole(&index);
    assert_eq!(scratch.found().unwrap(), (12, 1));
    // The last segments gone, the index tells of more than there is.
    let last = scratch.segments();
    for number in [last, last - 1] {
        fs::remove_file(scratch.journal().join(segments::name_of(u64::try_from(number).unwrap()))).unwrap();
    }
    assert!(matches!(scratch.found(), Err(IndexError::Misfit)));
}
