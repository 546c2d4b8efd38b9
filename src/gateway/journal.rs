//! The journal: the record on disk.
//!
//! A directory of append-only segments `000001.jsonl`, `000002.jsonl`, …, each of mode 0600. Number and chain go on from one
//! segment to the next. A segment begins with an event that names the intents open at that place, so that a start reads the
//! last segment alone. The first record of a day (UTC) begins one, and the first behind a length.
//!
//! Segments are not allocated ahead. Measured on ext4, a sync takes as long in a file whose blocks were allocated before as in
//! one that grows, and some 15 of 60 µs less in one that was filled with zeros; where a disk takes milliseconds, nothing of
//! that shows. A reader could not tell zeros from a torn tail.
//!
//! One thread writes. It takes what waits, writes it in one piece, calls `fdatasync` once and then wakes everyone whose
//! record is durable: the more that wait, the more records a sync carries. A closing record, which no request stands still
//! for, waits a moment for an intent to share a sync with. The first error of a write or of a sync breaks the journal for
//! good, because after a failed `fdatasync` nobody can say what is on disk: every ticket fails from then on, nothing that
//! needs an intent is served, and only a new start, which reads the disk again, mends it.
//!
//! No record waits for room, so nothing is lost for want of it. A trail is admitted with a place of its own
//! ([`Journal::sink`]); the place is free again when the closing record is durable, so at most as many closing records as
//! there are places can wait, and one that is dropped in the middle of a panic only pushes to a list. Intents and events
//! have a bound of their own; an intent above it fails, an event is counted. Events that anybody can bring about are
//! admitted at a rate, and the number of those that were not is on record.
//!
//! At the start the journal recovers: a last line without its end is cut off (it was never acknowledged), that is put on
//! record, and intents without a closing record are closed as cut off. A journal that is altered is not written to.
//!
//! With a signer, checkpoints stand between the records: at the start and the end, at the end of a segment, and never so far
//! apart that much could be written anew without the key.

mod disk;
mod flood;
pub mod index;
mod queue;
mod recovery;
pub(crate) mod removed;
mod sealing;
pub(crate) mod segments;
pub(crate) mod tail;
mod writer;

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use crate::audit::{Event, EventKind, Fault, Head, Record, Sink};
use crate::gateway::clock::Clock;
use crate::gateway::config::Durability;
use crate::gateway::signing::{PublicKeys, Signer};
use crate::limits;
use disk::{Directory, Disk};
use flood::Flood;
use queue::{Capacity, Entry, Place, Queue};
use recovery::Found;
use writer::Writer;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes to the directory.
    #[error("the journal is in use by another process")]
    InUse,
    /// The journal is not as it was written.
    #[error("the journal is altered at segment {segment}, line {line}: {}", .fault.code())]
    Altered {
        /// Name of the segment.
        segment: String,
        /// Number of the line in it.
        line: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// The disk refused.
    #[error("cannot {doing}")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Why no trail can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTrail {
    /// The journal is broken or has ended.
    #[error("the journal is broken")]
    Broken,
    /// Too many trails are open.
    #[error("too many requests are open")]
    Busy,
}

/// The record is not durable and will not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record is not durable")]
pub struct Unrecorded;

/// Tells when a record is durable.
#[must_use = "a record is durable only when its ticket says so"]
pub struct Ticket(oneshot::Receiver<()>);

impl Future for Ticket {
    type Output = Result<(), Unrecorded>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let told = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(told.map_err(|_| Unrecorded))
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

/// The journal of a gateway.
pub struct Journal {
    queue: Arc<Queue>,
    clock: Clock,
    flood: Mutex<Flood>,
    durable: watch::Receiver<Head>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in `directory`, which is made if it is not there, and recovers what a gateway that ended without
    /// a stop left behind.
    ///
    /// # Errors
    /// Another process has it, it is altered, or the disk refuses.
    pub fn open(directory: &Path, clock: Clock) -> Result<Self, JournalError> {
        Self::open_with(directory, clock, None, Durability::Group)
    }

    /// Opens it as [`Self::open`] does, and signs what is written.
    ///
    /// # Errors
    /// Another process has it, it is altered, or the disk refuses.
    pub fn open_signed(directory: &Path, clock: Clock, signer: Signer) -> Result<Self, JournalError> {
        Self::open_with(directory, clock, Some(Arc::new(signer)), Durability::Group)
    }

    pub(crate) fn open_with(
        directory: &Path,
        clock: Clock,
        signer: Option<Arc<Signer>>,
        durability: Durability,
    ) -> Result<Self, JournalError> {
        let locked = Directory::lock(directory)?;
        let unknown = PublicKeys::default();
        let found = recovery::read(directory, signer.as_ref().map_or(&unknown, |signer| signer.known()))?;
        let disk = locked.resume(found.at)?.keeping(durability);
        Self::begin(disk, found, limits::SEGMENT_BYTES, Capacity::default(), clock, signer)
    }

    /// Opens a journal whose segments are short.
    #[cfg(test)]
    pub(crate) fn in_segments_of(bytes: u64, directory: &Path, clock: Clock) -> Self {
        let locked = Directory::lock(directory).unwrap();
        let found = recovery::read(directory, &PublicKeys::default()).unwrap();
        let disk = locked.resume(found.at).unwrap();
        Self::begin(disk, found, bytes, Capacity::default(), clock, None).unwrap()
    }

    fn begin(
        disk: impl Disk + 'static,
        found: Found,
        segment_bytes: u64,
        capacity: Capacity,
        clock: Clock,
        signer: Option<Arc<Signer>>,
    ) -> Result<Self, JournalError> {
        let mut writer = Writer::new(disk, &found, segment_bytes, signer);
        let first_trail = writer
            .recover(&found, clock.now())
            .map_err(|source| JournalError::Disk { doing: "write to the journal", source })?;
        let durable = writer.durable();
        let queue = Arc::new(Queue::new(capacity, first_trail));
        let (theirs, time) = (Arc::clone(&queue), clock.clone());
        let thread =
            std::thread::Builder::new()
                .name("journal".to_owned())
                .spawn(move || writer.run(&theirs, &time))
                .map_err(|source| JournalError::Disk { doing: "start the thread that writes the journal", source })?;
        Ok(Self { queue, clock, flood: Mutex::new(Flood::default()), durable, writer: Mutex::new(Some(thread)) })
    }

    /// Returns the sink of one trail, with a place for its closing record.
    ///
    /// # Errors
    /// The journal is broken, or there is no place: the request must not be served.
    pub fn sink(&self) -> Result<JournalSink, NoTrail> {
        let (trail, place) = Queue::admit(&self.queue)?;
        Ok(JournalSink { queue: Arc::clone(&self.queue), clock: self.clock.clone(), trail, place })
    }

    /// Puts an event on record, or counts it where unproven callers bring about too many.
    pub fn event(&self, event: Event) {
        let now = self.clock.now();
        let minute = now.unix_timestamp().div_euclid(60);
        let (admitted, dropped) = self.flood().admit(minute, event.kind().is_unproven());
        self.count_dropped(dropped);
        if admitted && !self.queue.push(Entry::of(event.into(), now)) {
            self.flood().count(1);
        }
    }

    /// Puts an event of somebody who is known on record, and tells when it is durable.
    pub fn record(&self, event: Event) -> Ticket {
        let (durable, ticket) = oneshot::channel();
        // An entry that is not taken is dropped with its end of the ticket, which then fails.
        self.queue.push(Entry::of(event.into(), self.clock.now()).telling(durable));
        Ticket(ticket)
    }

    /// Returns what tells the head up to which the journal is durable, and when there is more; its sender is gone once the
    /// journal has ended. What lies beyond it must be shown to nobody outside: a power cut can still take it away.
    #[must_use]
    pub fn durable(&self) -> watch::Receiver<Head> {
        self.durable.clone()
    }

    /// Returns true if and only if the journal takes no records any more.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.queue.is_closed()
    }

    /// Writes what waits and ends the journal: records that come later are refused. Waits for the disk, so it is not for
    /// a thread that runs tasks.
    pub fn stop(&self) {
        let dropped = self.flood().settle();
        self.count_dropped(dropped);
        self.queue.end();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!("the thread that writes the journal fell over");
        }
    }

    fn count_dropped(&self, dropped: u64) {
        if dropped > 0 {
            let event = Event::new(EventKind::Dropped).counting("count", dropped);
            if !self.queue.push(Entry::of(event.into(), self.clock.now())) {
                self.flood().count(dropped);
            }
        }
    }

    fn flood(&self) -> MutexGuard<'_, Flood> {
        self.flood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("broken", &self.is_broken()).finish_non_exhaustive()
    }
}

/// Where the records of one trail go.
pub struct JournalSink {
    queue: Arc<Queue>,
    clock: Clock,
    trail: u64,
    place: Arc<Place>,
}

impl Sink for JournalSink {
    type Ticket = Ticket;

    fn append(&self, record: Record) -> Ticket {
        let (durable, ticket) = oneshot::channel();
        let entry = Entry::of(record, self.clock.now());
        // An entry that is not taken is dropped with its end of the ticket, which then fails.
        self.queue.push(entry.in_trail(self.trail, Arc::clone(&self.place)).telling(durable));
        Ticket(ticket)
    }
}

impl fmt::Debug for JournalSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JournalSink({})", self.trail)
    }
}

#[cfg(test)]
mod tests;
