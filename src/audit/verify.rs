//! Verifying: is every line there, in its place, as it was written?
//!
//! Whoever can write the journal can cut lines off its end, or write all of it anew: only a head that is kept elsewhere
//! tells the one, and only checkpoints, signed with a key that they have not, the other. Verification claims no more than
//! what it was given to compare with shows.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::access::moment;
use super::chain::{Entry, Hash, Head, MARK, Misread, SEAL, read};
use super::checkpoint::{Checkpoint, Signature};
use crate::limits;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The line is no record.
    Malformed,
    /// The line is not the one that was written.
    Altered,
    /// Lines before this one are missing.
    Missing,
    /// The line should stand further up, or stands here a second time.
    OutOfOrder,
    /// The line has the right number and follows another line than the one before it.
    Unlinked,
    /// A line without its end, with more behind it.
    Unterminated,
    /// The last line without its end: it was never acknowledged.
    Torn,
    /// A file among the segments that is none.
    NotASegment,
    /// The head that was kept elsewhere is not in the chain.
    HeadMissing,
    /// A checkpoint is none, or was not signed with the key that it names.
    BadSignature,
    /// More lies behind the last checkpoint that is good than a gateway leaves without one.
    Unsigned,
}

impl Fault {
    /// Returns the code that `sluis audit verify` writes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::OutOfOrder => "out-of-order",
            Self::Unlinked => "unlinked",
            Self::Unterminated => "unterminated",
            Self::Torn => "torn",
            Self::NotASegment => "not-a-segment",
            Self::HeadMissing => "head-missing",
            Self::BadSignature => "bad-signature",
            Self::Unsigned => "unsigned",
        }
    }
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// Name of the segment.
    pub segment: String,
    /// Number of the line in it, from 1; 0 is the segment itself.
    pub line: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What verification found, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every line is there, in its place, as it was written.
    Intact,
    /// So is every acknowledged one, and behind them is the beginning of another.
    Torn,
    /// Something is wrong.
    Altered,
}

impl Verdict {
    /// Returns the word that `sluis audit verify` writes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Torn => "torn",
            Self::Altered => "altered",
        }
    }
}

/// What verification found.
#[derive(Debug, Clone)]
pub struct Verification {
    /// In one word.
    pub verdict: Verdict,
    /// Lines that end, good or bad.
    pub records: u64,
    /// The faults, in order; of very many the first.
    pub bad: Vec<Bad>,
    /// The head of the chain as far as it can be read.
    pub head: Head,
    /// How many checkpoints there are.
    pub checkpoints: u64,
    /// How many of them are good: signed with a key that is known.
    pub checked: u64,
    /// The last one that is.
    pub signed: Option<Checkpoint>,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a line feed.
    Newline,
    /// With the file.
    File,
}

/// What lies behind the last checkpoint that is good.
#[derive(Debug, Clone, Copy, Default)]
struct Behind {
    lines: u64,
    /// When the next checkpoint would have been written.
    due: Option<OffsetDateTime>,
    overdue: bool,
}

/// Reads the lines of a journal one by one and compares each with what must follow.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// The head behind which the next line must stand; unknown behind a line that tells nothing of its place.
    expected: Option<Head>,
    head: Head,
    sought: BTreeSet<Hash>,
    keyed: bool,
    checkpoints: u64,
    checked: u64,
    signed: Option<Checkpoint>,
    behind: Behind,
    segment: String,
    line: u64,
    records: u64,
    altered: bool,
    torn: bool,
    bad: Vec<Bad>,
}

impl Verifier {
    /// Returns a verifier of a journal from its first line on.
    #[must_use]
    pub fn from_the_first() -> Self {
        Self {
            expected: Some(Head::NONE),
            head: Head::NONE,
            sought: BTreeSet::new(),
            keyed: false,
            checkpoints: 0,
            checked: 0,
            signed: None,
            behind: Behind::default(),
            segment: String::new(),
            line: 0,
            records: 0,
            altered: false,
            torn: false,
            bad: Vec::new(),
        }
    }

    /// Returns a verifier that takes the place of the first line it is given as it is: what lies before is not judged.
    #[must_use]
    pub fn from_here() -> Self {
        Self { expected: None, ..Self::from_the_first() }
    }

    /// Returns a verifier of what stands behind that head.
    #[must_use]
    pub fn following(head: Head) -> Self {
        Self { expected: Some(head), head, ..Self::from_the_first() }
    }

    /// Has a journal from its first line on begin behind `head`, where what stood before it was removed.
    #[must_use]
    pub fn behind(self, head: Head) -> Self {
        if self.expected == Some(Head::NONE) { Self { expected: Some(head), head, ..self } } else { self }
    }

    /// Asks that a line with this hash is found.
    #[must_use]
    pub fn seeking(mut self, head: Hash) -> Self {
        // The head of an empty journal is a head of every journal.
        self.sought.extend((head != Hash::NONE).then_some(head));
        self
    }

    /// Asks that what is there is signed, but for what a gateway leaves behind its last checkpoint.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// Takes note of what became of the signature of a checkpoint, the line that was read last.
    pub fn judged(&mut self, checkpoint: Checkpoint, signature: Signature) {
        match signature {
            Signature::Good => {
                self.checked += 1;
                let every = time::Duration::try_from(limits::CHECKPOINT_EVERY).unwrap_or_default();
                let due = moment(checkpoint.time()).and_then(|time| time.checked_add(every));
                self.behind = Behind { due, ..Behind::default() };
                self.signed = Some(checkpoint);
            }
            Signature::Bad => self.here(Fault::BadSignature),
            // A good one further on vouches for it.
            Signature::UnknownKey => {}
        }
    }

    /// Turns to the segment of that name.
    pub fn segment(&mut self, name: &str) {
        self.outlive_torn();
        name.clone_into(&mut self.segment);
        self.line = 0;
    }

    /// Notes a file that has the name of no segment.
    pub fn not_a_segment(&mut self, name: &str) {
        self.fault(Bad { segment: name.to_owned(), line: 0, fault: Fault::NotASegment });
    }

    /// Reads the next line, without its end, and returns it if it is as it was written.
    pub fn line(&mut self, line: &[u8], ending: Ending) -> Option<Entry> {
        self.outlive_torn();
        self.line += 1;
        match ending {
            Ending::Newline => self.records += 1,
            Ending::File => {
                self.tail(line);
                return None;
            }
        }
        match read(line) {
            Ok(entry) => {
                if let Some(fault) = self.misplaced(&entry) {
                    self.here(fault);
                }
                self.expected = Some(entry.head());
                self.head = entry.head();
                self.sought.remove(&entry.hash);
                self.signable(&entry);
                Some(entry)
            }
            Err(Misread { fault, head }) => {
                self.here(fault);
                self.expected = head;
                None
            }
        }
    }

    /// Returns what was found.
    #[must_use]
    pub fn finish(mut self) -> Verification {
        if !self.sought.is_empty() {
            self.here(Fault::HeadMissing);
        }
        let Behind { lines, overdue, .. } = self.behind;
        let signed = self.signed.is_some() && lines <= limits::CHECKPOINT_RECORDS && !overdue;
        if self.keyed && lines > 0 && !signed {
            self.here(Fault::Unsigned);
        }
        let verdict = match (self.altered, self.torn) {
            (true, _) => Verdict::Altered,
            (false, true) => Verdict::Torn,
            (false, false) => Verdict::Intact,
        };
        Verification {
            verdict,
            records: self.records,
            bad: self.bad,
            head: self.head,
            checkpoints: self.checkpoints,
            checked: self.checked,
            signed: self.signed,
        }
    }

    fn signable(&mut self, entry: &Entry) {
        match entry.checkpoint() {
            Ok(None) => {}
            Ok(Some(_)) => self.checkpoints += 1,
            Err(_) => self.here(Fault::BadSignature),
        }
        self.behind.lines += 1;
        if let (true, Some(due)) = (self.keyed, self.behind.due) {
            self.behind.overdue |= entry.time().and_then(moment).is_some_and(|time| time > due);
        }
    }

    fn misplaced(&self, entry: &Entry) -> Option<Fault> {
        let expected = self.expected?;
        let next = expected.seq.saturating_add(1);
        match entry.seq.cmp(&next) {
            std::cmp::Ordering::Greater => Some(Fault::Missing),
            std::cmp::Ordering::Less => Some(Fault::OutOfOrder),
            std::cmp::Ordering::Equal => (entry.prev != expected.hash).then_some(Fault::Unlinked),
        }
    }

    /// What a write that did not finish leaves is the beginning of a line. A whole record with something else than a line's
    /// end behind it is not that.
    fn tail(&mut self, line: &[u8]) {
        let end = memchr::memmem::find(line, MARK).map_or(line.len(), |at| at + SEAL);
        let whole = line.get(..end).filter(|whole| whole.len() < line.len());
        if whole.is_some_and(|whole| read(whole).is_ok()) {
            self.here(Fault::Altered);
        } else {
            self.torn = true;
            self.list(Bad { segment: self.segment.clone(), line: self.line, fault: Fault::Torn });
        }
    }

    /// A line without its end is torn only if nothing is behind it.
    fn outlive_torn(&mut self) {
        if self.torn {
            self.torn = false;
            self.altered = true;
            if let Some(bad) = self.bad.last_mut().filter(|bad| bad.fault == Fault::Torn) {
                bad.fault = Fault::Unterminated;
            }
        }
    }

    fn here(&mut self, fault: Fault) {
        self.fault(Bad { segment: self.segment.clone(), line: self.line, fault });
    }

    fn fault(&mut self, bad: Bad) {
        self.altered = true;
        self.list(bad);
    }

    fn list(&mut self, bad: Bad) {
        if self.bad.len() < limits::JOURNAL_FAULTS {
            self.bad.push(bad);
        }
    }
}

#[cfg(test)]
mod tests;
