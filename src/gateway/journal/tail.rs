//! Reading the journal behind the thread that writes it.
//!
//! A tail gives the lines one by one, each compared with its own hash and with the line before it, and goes from one segment
//! to the next. It never reads beyond the head that it is told is durable ([`Journal::durable`](super::Journal::durable)): a
//! line that a power cut can still take away is given to nobody. All it waits for is the disk.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::segments::{self, Segment};
use crate::audit::{Entry, Fault, Head, Misread, read};
use crate::limits;

/// Bytes that are read at a time.
const BUFFER: usize = 256 * 1024;

/// Why the next line cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TailError {
    /// The disk refused.
    #[error("the journal cannot be read")]
    Disk(#[from] io::Error),
    /// The line that is to be next is not there: its segment is gone.
    #[error("lines of the journal are missing")]
    Missing,
    /// The line that is to be next is not as it was written.
    #[error("the journal is altered: {}", .0.code())]
    Altered(Fault),
}

/// Where a reader of the journal is.
pub(crate) struct Tail {
    directory: PathBuf,
    number: u64,
    file: BufReader<File>,
    /// Of the line that was read last.
    head: Head,
    line: Vec<u8>,
}

/// A line as it stands in the journal.
pub(crate) struct Line<'t> {
    /// What the chain knows of it.
    pub(crate) entry: Entry,
    /// The whole of it, without its end.
    pub(crate) bytes: &'t [u8],
}

impl Tail {
    /// Begins where the segment begins that holds the line of that number; where it is in none any more, with the first that
    /// there is. Lines before the one that was asked for are for the caller to pass over.
    ///
    /// # Errors
    /// There is no line at all, or it cannot be read.
    pub(crate) fn at(directory: &Path, seq: u64) -> Result<Self, TailError> {
        let segments = segments::list(directory)?.segments;
        let mut earliest = None;
        for segment in segments.iter().rev() {
            let Some(tail) = Self::beginning(directory, segment)? else { continue };
            let holds = tail.head.seq < seq;
            earliest = Some(tail);
            if holds {
                break;
            }
        }
        earliest.ok_or(TailError::Missing)
    }

    /// Returns the head behind which the next line stands.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// Returns the next line up to the one that `durable` is the head of; none where all of them were read.
    ///
    /// # Errors
    /// The line is missing or altered, or the disk refuses.
    pub(crate) fn next(&mut self, durable: Head) -> Result<Option<Line<'_>>, TailError> {
        if self.head.seq >= durable.seq {
            return Ok(None);
        }
        while !self.fill()? {
            self.number += 1;
            let path = self.directory.join(segments::name_of(self.number));
            match File::open(path) {
                Ok(file) => self.file = BufReader::with_capacity(BUFFER, file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(TailError::Missing),
                Err(error) => return Err(error.into()),
            }
        }
        let bytes = self.line.strip_suffix(b"\n").ok_or(TailError::Altered(Fault::Unterminated))?;
        let entry = read(bytes).map_err(|Misread { fault, .. }| TailError::Altered(fault))?;
        if entry.seq != self.head.seq.saturating_add(1) {
            return Err(TailError::Missing);
        }
        if entry.prev != self.head.hash {
            return Err(TailError::Altered(Fault::Unlinked));
        }
        self.head = entry.head();
        Ok(Some(Line { entry, bytes }))
    }

    /// Reads a line; false at the end of the segment.
    fn fill(&mut self) -> io::Result<bool> {
        self.line.clear();
        let bound = u64::try_from(limits::RECORD_BYTES).unwrap_or(u64::MAX);
        Ok(self.file.by_ref().take(bound).read_until(b'\n', &mut self.line)? > 0)
    }

    /// Returns a tail at the beginning of the segment; none where it has no whole line yet.
    fn beginning(directory: &Path, segment: &Segment) -> Result<Option<Self>, TailError> {
        let open = || File::open(directory.join(&segment.name)).map(|file| BufReader::with_capacity(BUFFER, file));
        let (number, directory) = (segment.number, directory.to_owned());
        let mut tail = Self { directory, number, file: open()?, head: Head::NONE, line: Vec::new() };
        tail.fill()?;
        let Some(bytes) = tail.line.strip_suffix(b"\n") else { return Ok(None) };
        let first = read(bytes).map_err(|Misread { fault, .. }| TailError::Altered(fault))?;
        let head =
            Head { seq: first.seq.checked_sub(1).ok_or(TailError::Altered(Fault::Malformed))?, hash: first.prev };
        Ok(Some(Self { file: open()?, head, ..tail }))
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tail({})", self.head.seq)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use time::macros::datetime;

    use super::*;
    use crate::audit::{Event, EventKind, Hash};

    /// Writes segments with so many lines each, and returns their directory and the head of each line.
    fn journal(name: &str, segments: &[usize]) -> (PathBuf, Vec<Head>) {
        let directory = std::env::temp_dir().join(format!("sluis-tail-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (mut head, mut heads) = (Head::NONE, vec![Head::NONE]);
        for (index, lines) in segments.iter().enumerate() {
            let mut text = Vec::new();
            for _ in 0..*lines {
                head.write(&Event::new(EventKind::Start).into(), datetime!(2026-03-01 12:00 UTC), &[], &mut text);
                heads.push(head);
            }
            fs::write(directory.join(segments::name_of(u64::try_from(index).unwrap() + 1)), text).unwrap();
        }
        (directory, heads)
    }

    fn numbers(tail: &mut Tail, durable: Head) -> Vec<u64> {
        std::iter::from_fn(|| tail.next(durable).unwrap().map(|line| line.entry.seq)).collect()
    }

    #[test]
    fn every_durable_line_is_given_once_and_in_order_across_segments() {
        let (directory, heads) = journal("order", &[3, 2, 0]);
        let mut tail = Tail::at(&directory, 1).unwrap();
        assert_eq!(numbers(&mut tail, heads[4]), [1, 2, 3, 4]);
        assert!(tail.next(heads[4]).unwrap().is_none());
        assert_eq!(numbers(&mut tail, heads[5]), [5]);
        assert_eq!(tail.head(), heads[5]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_tail_begins_with_the_segment_that_holds_the_line() {
        let (directory, heads) = journal("at", &[3, 2, 2]);
        for (seq, first) in [(0, 1), (1, 1), (3, 1), (4, 4), (5, 4), (6, 6), (7, 6), (8, 6)] {
            let mut tail = Tail::at(&directory, seq).unwrap();
            assert_eq!(tail.head(), heads[first - 1], "{seq}");
            assert_eq!(tail.next(heads[7]).unwrap().unwrap().entry.head(), heads[first]);
        }
        fs::remove_file(directory.join("000001.jsonl")).unwrap();
        assert_eq!(Tail::at(&directory, 1).unwrap().head(), heads[3]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_is_not_durable_is_not_read_however_much_of_it_is_there() {
        let (directory, heads) = journal("durable", &[2]);
        let segment = directory.join("000001.jsonl");
        let whole = fs::read(&segment).unwrap();
        fs::write(&segment, &whole[..whole.len() - 10]).unwrap();
        let mut tail = Tail::at(&directory, 1).unwrap();
        assert_eq!(numbers(&mut tail, heads[1]), [1]);
        // Its end comes later; nobody was told that it is durable before.
        fs::write(&segment, &whole).unwrap();
        let mut tail = Tail::at(&directory, 1).unwrap();
        assert_eq!(numbers(&mut tail, heads[2]), [1, 2]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_line_that_is_gone_altered_or_of_another_journal_ends_the_tail() {
        let (directory, heads) = journal("bad", &[2, 2]);
        let (first, second) = (directory.join("000001.jsonl"), directory.join("000002.jsonl"));
        let (one, two) = (fs::read_to_string(&first).unwrap(), fs::read_to_string(&second).unwrap());
        let last = |text: &str| {
            fs::write(&second, text).unwrap();
            let mut tail = match Tail::at(&directory, 1) {
                Ok(tail) => tail,
                Err(error) => return error,
            };
            loop {
                match tail.next(heads[4]) {
                    Ok(line) => assert!(line.is_some(), "all were read"),
                    Err(error) => return error,
                }
            }
        };
        assert!(matches!(last(&two.replacen("start", "trust", 1)), TailError::Altered(Fault::Altered)));
        let (third, fourth) = two.split_at(two.find('\n').unwrap() + 1);
        assert!(matches!(last(fourth), TailError::Missing));
        assert!(matches!(last(third), TailError::Missing));
        assert!(matches!(last(two.strip_suffix('\n').unwrap()), TailError::Altered(Fault::Unterminated)));
        let mut other = Vec::new();
        let mut head = Head { seq: 2, hash: Hash::NONE };
        head.write(&Event::new(EventKind::Start).into(), datetime!(2026-03-01 12:00 UTC), &[], &mut other);
        assert!(matches!(last(std::str::from_utf8(&other).unwrap()), TailError::Altered(Fault::Unlinked)));
        fs::remove_file(&second).unwrap();
        fs::write(&first, &one).unwrap();
        let mut tail = Tail::at(&directory, 1).unwrap();
        assert_eq!(numbers(&mut tail, heads[2]), [1, 2]);
        assert!(matches!(tail.next(heads[4]).err(), Some(TailError::Missing)));
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_journal_without_a_line_has_no_tail() {
        let (directory, _) = journal("none", &[0]);
        assert!(matches!(Tail::at(&directory, 1), Err(TailError::Missing)));
        fs::remove_dir_all(directory).unwrap();
    }
}
