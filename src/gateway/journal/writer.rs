//! The thread that writes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use time::{Date, OffsetDateTime, UtcOffset};
use tokio::sync::watch;

use super::disk::Disk;
use super::queue::{Entry, Queue};
use super::recovery::Found;
use super::sealing::Sealing;
use crate::audit::{Event, EventKind, Head, Kind, OpenIntent, Record};
use crate::gateway::clock::Clock;
use crate::gateway::signing::Signer;

/// What the buffer keeps of its memory after a long batch.
const BUFFER: usize = 1024 * 1024;

pub(super) struct Writer<D> {
    disk: D,
    head: Head,
    /// As far as it is durable.
    durable: watch::Sender<Head>,
    /// The intents of each trail that are not closed.
    open: BTreeMap<u64, Vec<OpenIntent>>,
    segment_bytes: u64,
    buffer: Vec<u8>,
    sealing: Option<Sealing>,
    /// On which the segment began, in UTC; not known of one that has no line.
    day: Option<Date>,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(disk: D, found: &Found, segment_bytes: u64, signer: Option<Arc<Signer>>) -> Self {
        let (head, day, sealing) = (found.head, found.day, signer.map(Sealing::with));
        let durable = watch::Sender::new(head);
        Self { disk, head, durable, open: BTreeMap::new(), segment_bytes, buffer: Vec::new(), sealing, day }
    }

    /// Returns what tells how far the journal is durable. What a start finds is: the segment was synced when it was opened.
    pub(super) fn durable(&self) -> watch::Receiver<Head> {
        self.durable.subscribe()
    }

    /// Puts on record what was found at the start, and returns the number that the first trail may have.
    pub(super) fn recover(&mut self, found: &Found, now: OffsetDateTime) -> io::Result<u64> {
        let mut entries = Vec::new();
        if let Some(torn) = &found.torn {
            let event = Event::new(EventKind::Recovered).with("segment", &torn.segment).counting("bytes", torn.bytes);
            entries.push(Entry::of(event.into(), now));
        }
        let mut trail = 0;
        for intent in &found.open {
            let record = Record::abandoned(intent.request.as_deref(), intent.ground.as_deref());
            self.open.insert(trail, vec![intent.clone()]);
            entries.push(Entry::of(record, now).closing(trail));
            trail += 1;
        }
        self.commit(&entries, now)?;
        Ok(trail)
    }

    /// Writes until the queue has ended or the disk fails.
    pub(super) fn run(mut self, queue: &Queue, clock: &Clock) {
        // Whatever ends this thread, nobody waits for it in vain.
        let _end = BreakOff(queue);
        while let Some(mut entries) = queue.take(self.sealing.as_ref().and_then(Sealing::patience)) {
            let now = clock.now();
            let turned_away = queue.turned_away();
            if turned_away > 0 {
                let event = Event::new(EventKind::TurnedAway).counting("count", turned_away);
                entries.push(Entry::of(event.into(), now));
            }
            match self.commit(&entries, now) {
                Ok(()) => entries.into_iter().for_each(Entry::tell),
                Err(error) => {
                    tracing::error!(error.kind = ?error.kind(), "the journal cannot be written, nothing is served");
                    return;
                }
            }
        }
        if let Err(error) = self.seal(clock.now()) {
            tracing::error!(error.kind = ?error.kind(), "the end of the journal cannot be signed");
        }
    }

    /// Writes the entries in one piece and waits until they are durable.
    fn commit(&mut self, entries: &[Entry], now: OffsetDateTime) -> io::Result<()> {
        if self.is_full(now) && !entries.is_empty() {
            // A segment ends with its signed head, so that it can be judged by itself.
            self.seal(now)?;
            self.disk.turn()?;
        }
        self.begin();
        if self.disk.length() == 0 {
            self.day = Some(day(now));
            let event = Event::new(EventKind::Segment).carrying(self.open.values().flatten());
            self.write(&event.into(), now, &[]);
        }
        for entry in entries {
            self.line(entry);
            if self.sealing.as_ref().is_some_and(Sealing::is_full) {
                self.checkpoint(now)?;
            }
        }
        if self.sealing.as_ref().is_some_and(|sealing| sealing.is_due(now)) {
            self.checkpoint(now)?;
        }
        self.end()
    }

    /// A segment ends when it is long, and with its day: what is kept for so many years goes by whole segments.
    fn is_full(&self, now: OffsetDateTime) -> bool {
        // A clock that was set back ends nothing.
        let is_over = self.day.is_some_and(|began| began < day(now));
        self.disk.length() >= self.segment_bytes || self.disk.length() > 0 && is_over
    }

    /// Signs what is not signed yet, and waits until that is durable.
    fn seal(&mut self, now: OffsetDateTime) -> io::Result<()> {
        if !self.sealing.as_ref().is_some_and(Sealing::has_work) {
            return Ok(());
        }
        self.begin();
        self.checkpoint(now)?;
        self.end()
    }

    fn begin(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER);
    }

    fn end(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.disk.write(&self.buffer)?;
        self.disk.sync()?;
        self.durable.send_replace(self.head);
        Ok(())
    }

    fn checkpoint(&mut self, now: OffsetDateTime) -> io::Result<()> {
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        let record = sealing.checkpoint(self.head, now).map_err(io::Error::other)?;
        self.head.write(&record, now, &[], &mut self.buffer);
        Ok(())
    }

    fn write(&mut self, record: &Record, time: OffsetDateTime, intents: &[u64]) {
        self.head.write(record, time, intents, &mut self.buffer);
        if let Some(sealing) = &mut self.sealing {
            sealing.add();
        }
    }

    fn line(&mut self, entry: &Entry) {
        let closed = match (entry.record.kind(), entry.trail) {
            (Kind::Close, Some(trail)) => self.open.remove(&trail).unwrap_or_default(),
            (Kind::Close | Kind::Intent | Kind::Event, _) => Vec::new(),
        };
        let intents: Vec<u64> = closed.iter().map(|intent| intent.seq).collect();
        self.write(&entry.record, entry.time, &intents);
        if let (Kind::Intent, Some(trail)) = (entry.record.kind(), entry.trail) {
            let request = entry.record.request().map(str::to_owned);
            let ground = entry.record.ground().map(str::to_owned);
            self.open.entry(trail).or_default().push(OpenIntent { seq: self.head.seq, request, ground });
        }
    }
}

fn day(moment: OffsetDateTime) -> Date {
    moment.to_offset(UtcOffset::UTC).date()
}

struct BreakOff<'q>(&'q Queue);

impl Drop for BreakOff<'_> {
    fn drop(&mut self) {
        self.0.break_off();
    }
}
