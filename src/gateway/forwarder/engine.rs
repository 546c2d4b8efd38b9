//! The engine: reads the journal behind its writer, sends in batches, and moves the cursor behind what was acknowledged.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;

use super::Source;
use super::backoff::Backoff;
use super::cursor::{Cursor, CursorError, CursorFile};
use super::standing::Standing;
use crate::audit::{Entry, Head};
use crate::gateway::journal::tail::{Tail, TailError};
use crate::limits;

/// Why something was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The stream is not there yet.
    Absent,
    /// An answer that says neither yes nor no.
    Status,
    /// An answer that is not one to what was sent.
    Answer,
    /// The target will not have it, and says so each time.
    Refused,
    /// The target has lost what it had acknowledged.
    Lost,
    /// The target has records of another journal, or more than this one has.
    Foreign,
    /// The journal cannot be read, or is not as it was written.
    Journal,
    /// The cursor cannot be kept.
    Cursor,
}

impl Reason {
    pub(super) const ALL: [Self; 10] = [
        Self::Unreachable,
        Self::Timeout,
        Self::Absent,
        Self::Status,
        Self::Answer,
        Self::Refused,
        Self::Lost,
        Self::Foreign,
        Self::Journal,
        Self::Cursor,
    ];

    /// Returns the code for logs, metrics and `/ready`.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Absent => "no-stream",
            Self::Status => "status",
            Self::Answer => "answer",
            Self::Refused => "refused",
            Self::Lost => "lost",
            Self::Foreign => "foreign",
            Self::Journal => "journal",
            Self::Cursor => "cursor",
        }
    }

    pub(super) fn place(self) -> usize {
        Self::ALL.iter().position(|known| *known == self).unwrap_or_default()
    }
}

/// What came of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It may pass: it is tried again.
    Passing(Reason),
    /// The target will not have what was sent, or too much of it was sent at once.
    Refused,
    /// It does not pass: going on would lose something, or send something twice.
    Final(Reason),
}

/// What is sent of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    /// Under which the target knows it: the same each time.
    pub(super) id: String,
    /// The same each time, too.
    pub(super) bytes: Vec<u8>,
}

/// Where the target says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It does not say: sending something again changes nothing there.
    Unsaid,
    /// It is not there at all.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only a stream says so"))]
    Absent,
    /// It has nothing of this journal.
    #[cfg_attr(not(any(test, feature = "nats")), expect(dead_code, reason = "only a stream says so"))]
    Nowhere,
    /// The last it has is this record.
    #[cfg_attr(not(any(test, feature = "nats")), expect(dead_code, reason = "only a stream says so"))]
    Behind(Head),
}

/// Where records go.
pub(super) trait Target {
    /// Takes the next line of the journal and returns what is to be sent of it, if anything.
    ///
    /// # Errors
    /// The line is none that a gateway writes.
    fn form(&mut self, entry: &Entry, line: &[u8]) -> Result<Vec<Payload>, serde_json::Error>;

    /// Returns the number of the first record that has to be read again by whoever goes on behind the one that was taken
    /// last; none where only what follows has to be.
    fn needs(&self) -> Option<u64>;

    /// Forgets every line that was taken.
    fn forget(&mut self);

    /// Asks the target where it is, at the start and after each failure.
    fn join(&mut self) -> impl Future<Output = Result<Place, Failure>>;

    /// Sends, and returns once the target has acknowledged all of it.
    fn send(&mut self, payloads: &[&Payload]) -> impl Future<Output = Result<(), Failure>>;
}

/// How long the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Until it cannot go on.
    Halted,
    /// Until everything is sent, or something fails.
    Sent,
}

/// A record that waits to be acknowledged.
struct Waiting {
    /// The cursor, once it is.
    cursor: Cursor,
    time: Option<i64>,
    payloads: Vec<Payload>,
}

/// One forwarder at work.
pub(super) struct Engine<T> {
    target: T,
    journal: PathBuf,
    durable: watch::Receiver<Head>,
    file: CursorFile,
    backoff: Backoff,
    standing: Arc<Standing>,
    /// None before the journal was read.
    at: Option<(Tail, Cursor)>,
    waiting: VecDeque<Waiting>,
    /// What is acknowledged and not yet on disk.
    unkept: Option<Cursor>,
    joined: bool,
    /// Records that are sent at a time: fewer after a refusal, until the one that is refused is found.
    width: usize,
    refusals: u32,
}

impl<T: Target> Engine<T> {
    pub(super) fn new(target: T, source: &Source, file: CursorFile, backoff: Backoff, standing: Arc<Standing>) -> Self {
        Self {
            target,
            journal: source.journal.clone(),
            durable: source.durable.clone(),
            file,
            backoff,
            standing,
            at: None,
            waiting: VecDeque::new(),
            unkept: None,
            joined: false,
            width: limits::FORWARD_RECORDS,
            refusals: 0,
        }
    }

    /// Sends what is on record, as it comes.
    ///
    /// # Errors
    /// Why it cannot go on; with [`Until::Sent`], why not everything was sent.
    pub(super) async fn run(&mut self, until: Until) -> Result<(), Reason> {
        loop {
            let failure = match self.step(until).await {
                Ok(Progress::Made) => continue,
                Ok(Progress::AllSent) => return Ok(()),
                Err(failure) => failure,
            };
            // Whatever failed, the target may have more or less than was thought.
            self.joined = false;
            let reason = match failure {
                Failure::Final(reason) => return Err(reason),
                Failure::Passing(reason) => reason,
                Failure::Refused => Reason::Refused,
            };
            self.standing.failed(reason);
            if until == Until::Sent {
                return Err(reason);
            }
            tracing::warn!(forwarder = self.standing.name(), reason = reason.code(), "records were not sent on");
            if reason == Reason::Journal && self.unkept.is_none() {
                self.at = None;
            }
            let records = self.batch().0;
            if reason == Reason::Refused || reason == Reason::Timeout {
                self.width = records.div_euclid(2).max(1);
            }
            if reason == Reason::Refused {
                // One that is refused in company may be somebody else's fault.
                if records > 1 {
                    continue;
                }
                self.refusals += 1;
                if self.refusals >= limits::FORWARD_REFUSALS {
                    return Err(reason);
                }
            }
            tokio::time::sleep(self.backoff.wait()).await;
        }
    }

    async fn step(&mut self, until: Until) -> Result<Progress, Failure> {
        self.keep()?;
        let cursor = self.open()?;
        // How far it is behind is known whether the target can be reached or not.
        self.read()?;
        if !self.joined {
            let place = self.target.join().await?;
            self.reach(cursor, place)?;
            self.joined = true;
            self.read()?;
        }
        if self.waiting.is_empty() {
            // Nothing is behind, so nothing is failing.
            self.standing.succeeded();
            if until == Until::Sent {
                return Ok(Progress::AllSent);
            }
            if self.durable.changed().await.is_err() {
                // The journal has ended; whoever ended it says when to stop.
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(limits::FORWARD_LINGER).await;
            return Ok(Progress::Made);
        }
        let (records, payloads) = self.batch();
        if payloads > 0 {
            // Until it is acknowledged nobody knows whether it was taken.
            self.joined = false;
            let payloads: Vec<&Payload> = self.waiting.iter().take(records).flat_map(|one| &one.payloads).collect();
            self.target.send(&payloads).await?;
            self.joined = true;
        }
        self.acknowledge(records);
        self.backoff.reset();
        self.refusals = 0;
        self.width = self.width.saturating_mul(2).min(limits::FORWARD_RECORDS);
        self.keep()?;
        self.standing.succeeded();
        Ok(Progress::Made)
    }

    /// Opens the journal where the cursor stands, unless it is open, and returns the cursor.
    fn open(&mut self) -> Result<Cursor, Failure> {
        if let Some((_, cursor)) = &self.at {
            return Ok(*cursor);
        }
        let kept = self.file.read().map_err(|error| unusable(&error))?;
        let mut tail = Tail::at(&self.journal, kept.map_or(1, |cursor| cursor.from)).map_err(unreadable)?;
        let cursor = match kept {
            Some(cursor) => cursor,
            None => {
                let head = tail.head();
                let cursor = Cursor { head, from: head.seq.saturating_add(1), begun: false };
                // From here on nothing of it is cleared before it is sent.
                self.file.keep(cursor).map_err(|error| unkept(&error))?;
                cursor
            }
        };
        self.target.forget();
        self.waiting.clear();
        // Looked at once: the writer waits for whoever looks.
        let durable = *self.durable.borrow();
        while tail.head().seq < cursor.head.seq {
            // What a journal lost is no more durable than it knows.
            let Some(line) = tail.next(durable).map_err(unreadable)? else {
                return Err(Failure::Final(Reason::Journal));
            };
            if line.entry.seq >= cursor.from {
                self.target.form(&line.entry, line.bytes).map_err(|_| Failure::Final(Reason::Journal))?;
            }
        }
        if tail.head() != cursor.head {
            return Err(Failure::Final(Reason::Journal));
        }
        self.standing.acknowledged(cursor.head, 0);
        self.at = Some((tail, cursor));
        Ok(cursor)
    }

    /// Goes on where the target is, or says why that cannot be.
    fn reach(&mut self, cursor: Cursor, place: Place) -> Result<(), Failure> {
        let theirs = match place {
            Place::Unsaid => return Ok(()),
            Place::Absent | Place::Nowhere if cursor.begun => return Err(Failure::Final(Reason::Lost)),
            Place::Absent => return Err(Failure::Passing(Reason::Absent)),
            Place::Nowhere => return Ok(()),
            Place::Behind(head) => head,
        };
        if theirs.seq < cursor.head.seq {
            return Err(Failure::Final(if cursor.begun { Reason::Lost } else { Reason::Foreign }));
        }
        if theirs.seq > self.durable.borrow().seq {
            return Err(Failure::Final(Reason::Foreign));
        }
        // An answer was lost, or the cursor: what the target has, up to there, is not sent again.
        while self.open()?.head.seq < theirs.seq {
            self.read()?;
            let has = self.waiting.iter().take_while(|one| one.cursor.head.seq <= theirs.seq).count();
            if has == 0 {
                return Err(Failure::Final(Reason::Foreign));
            }
            self.acknowledge(has);
            self.keep()?;
        }
        if self.open()?.head == theirs { Ok(()) } else { Err(Failure::Final(Reason::Foreign)) }
    }

    /// Reads what is durable, as much as is held at a time.
    fn read(&mut self) -> Result<(), Failure> {
        let durable = *self.durable.borrow_and_update();
        let Some((tail, _)) = &mut self.at else { return Ok(()) };
        let (mut entries, mut bytes) = self.waiting.iter().fold((0, 0), weigh);
        while self.waiting.len() < limits::FORWARD_RECORDS
            && entries < limits::FORWARD_ENTRIES
            && bytes < limits::FORWARD_BYTES
        {
            let Some(line) = tail.next(durable).map_err(unreadable)? else { break };
            let formed = self.target.form(&line.entry, line.bytes);
            let payloads = formed.map_err(|_| Failure::Final(Reason::Journal))?;
            let head = line.entry.head();
            let from = self.target.needs().unwrap_or(head.seq.saturating_add(1));
            let one = Waiting { cursor: Cursor { head, from, begun: true }, time: written(line.bytes), payloads };
            (entries, bytes) = weigh((entries, bytes), &one);
            self.waiting.push_back(one);
        }
        self.standing.waiting_since(self.waiting.front().and_then(|one| one.time));
        Ok(())
    }

    /// Makes the cursor durable where it moved. One that cannot be kept costs no more than that something is sent again.
    fn keep(&mut self) -> Result<(), Failure> {
        if let Some(cursor) = self.unkept {
            self.file.keep(cursor).map_err(|error| unkept(&error))?;
            self.unkept = None;
        }
        Ok(())
    }

    /// Returns how many records are sent next, and how many payloads they make.
    fn batch(&self) -> (usize, usize) {
        let (mut records, mut sum) = (0, (0, 0));
        for one in self.waiting.iter().take(self.width) {
            let with = weigh(sum, one);
            if records > 0 && (with.0 > limits::FORWARD_ENTRIES || with.1 > limits::FORWARD_BYTES) {
                break;
            }
            (records, sum) = (records + 1, with);
        }
        (records, sum.0)
    }

    /// Moves the cursor behind the first records; [`Engine::keep`] makes that durable.
    fn acknowledge(&mut self, records: usize) {
        let Some(last) = self.waiting.drain(..records.min(self.waiting.len())).next_back() else { return };
        if let Some((_, cursor)) = &mut self.at {
            *cursor = last.cursor;
        }
        self.unkept = Some(last.cursor);
        self.standing.acknowledged(last.cursor.head, records);
        self.standing.waiting_since(self.waiting.front().and_then(|one| one.time));
    }
}

enum Progress {
    Made,
    AllSent,
}

fn weigh((entries, bytes): (usize, usize), one: &Waiting) -> (usize, usize) {
    let own: usize = one.payloads.iter().map(|payload| payload.bytes.len()).sum();
    (entries + one.payloads.len(), bytes + own)
}

/// Returns when a line was written, if that could be.
fn written(line: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Dated<'l> {
        time: Option<&'l str>,
    }
    let dated: Dated<'_> = serde_json::from_slice(line).ok()?;
    OffsetDateTime::parse(dated.time?, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

fn unreadable(error: TailError) -> Failure {
    tracing::error!(%error, "a forwarder cannot go on");
    match error {
        TailError::Disk(_) => Failure::Passing(Reason::Journal),
        TailError::Missing | TailError::Altered(_) => Failure::Final(Reason::Journal),
    }
}

fn unusable(error: &CursorError) -> Failure {
    tracing::error!(%error, "a forwarder cannot go on");
    match error {
        CursorError::Disk { .. } => Failure::Passing(Reason::Cursor),
        CursorError::Malformed { .. } | CursorError::OtherTarget { .. } => Failure::Final(Reason::Cursor),
    }
}

fn unkept(error: &std::io::Error) -> Failure {
    tracing::error!(error.kind = ?error.kind(), "the cursor cannot be kept");
    Failure::Passing(Reason::Cursor)
}

#[cfg(test)]
mod tests;
