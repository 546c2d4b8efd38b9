//! The thread that writes.

use std::collections::BTreeMap;
use std::io;

use time::OffsetDateTime;

use super::disk::Disk;
use super::queue::{Entry, Queue};
use super::recovery::Found;
use crate::audit::{Event, EventKind, Head, Kind, OpenIntent, Record};
use crate::gateway::clock::Clock;

/// What the buffer keeps of its memory after a long batch.
const BUFFER: usize = 1024 * 1024;

pub(super) struct Writer<D> {
    disk: D,
    head: Head,
    /// The intents of each trail that are not closed.
    open: BTreeMap<u64, Vec<OpenIntent>>,
    segment_bytes: u64,
    buffer: Vec<u8>,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(disk: D, head: Head, segment_bytes: u64) -> Self {
        Self { disk, head, open: BTreeMap::new(), segment_bytes, buffer: Vec::new() }
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
        while let Some(mut entries) = queue.take() {
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
    }

    /// Writes the entries in one piece and waits until they are durable.
    fn commit(&mut self, entries: &[Entry], now: OffsetDateTime) -> io::Result<()> {
        if self.disk.length() >= self.segment_bytes {
            self.disk.turn()?;
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER);
        if self.disk.length() == 0 {
            let event = Event::new(EventKind::Segment).carrying(self.open.values().flatten());
            self.head.write(&event.into(), now, &[], &mut self.buffer);
        }
        for entry in entries {
            self.line(entry);
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.disk.write(&self.buffer)?;
        self.disk.sync()
    }

    fn line(&mut self, entry: &Entry) {
        let closed = match (entry.record.kind(), entry.trail) {
            (Kind::Close, Some(trail)) => self.open.remove(&trail).unwrap_or_default(),
            (Kind::Close | Kind::Intent | Kind::Event, _) => Vec::new(),
        };
        let intents: Vec<u64> = closed.iter().map(|intent| intent.seq).collect();
        self.head.write(&entry.record, entry.time, &intents, &mut self.buffer);
        if let (Kind::Intent, Some(trail)) = (entry.record.kind(), entry.trail) {
            let request = entry.record.request().map(str::to_owned);
            let ground = entry.record.ground().map(str::to_owned);
            self.open.entry(trail).or_default().push(OpenIntent { seq: self.head.seq, request, ground });
        }
    }
}

struct BreakOff<'q>(&'q Queue);

impl Drop for BreakOff<'_> {
    fn drop(&mut self) {
        self.0.break_off();
    }
}
