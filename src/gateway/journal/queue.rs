//! What waits for the thread that writes.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::NoTrail;
use crate::audit::{Kind, Record};
use crate::limits;

/// A record that waits.
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) time: OffsetDateTime,
    pub(super) trail: Option<u64>,
    /// Held until the record is durable.
    place: Option<Arc<Place>>,
    durable: Option<oneshot::Sender<()>>,
}

impl Entry {
    pub(super) fn of(record: Record, time: OffsetDateTime) -> Self {
        Self { record, time, trail: None, place: None, durable: None }
    }

    pub(super) fn in_trail(mut self, trail: u64, place: Arc<Place>) -> Self {
        self.trail = Some(trail);
        self.place = Some(place);
        self
    }

    pub(super) fn closing(mut self, trail: u64) -> Self {
        self.trail = Some(trail);
        self
    }

    pub(super) fn telling(mut self, durable: oneshot::Sender<()>) -> Self {
        self.durable = Some(durable);
        self
    }

    /// Tells that the record is durable and gives up its place.
    pub(super) fn tell(self) {
        if let Some(durable) = self.durable {
            // Nobody may be waiting any more; the record stands all the same.
            durable.send(()).unwrap_or_default();
        }
    }
}

/// How much may wait, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Capacity {
    /// Places, one for each trail.
    pub(super) trails: usize,
    /// Intents and events.
    pub(super) waiting: usize,
    /// How long records that no request stands still for wait for an intent to share a sync with.
    pub(super) linger: Duration,
}

/// Under load the next intent comes sooner; without it a closing record is on disk a moment later.
const LINGER: Duration = Duration::from_millis(5);

impl Default for Capacity {
    fn default() -> Self {
        Self { trails: limits::OPEN_TRAILS, waiting: limits::RECORDS_WAITING, linger: LINGER }
    }
}

/// A place in the queue for the closing record of one trail.
pub(super) struct Place(Arc<Queue>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    capacity: Capacity,
    taken: AtomicUsize,
    next_trail: AtomicU64,
    turned_away: AtomicU64,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// Those of them that close no trail.
    waiting: usize,
    /// Whether an intent is among them: a request stands still until it is durable.
    pressing: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new(capacity: Capacity, first_trail: u64) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            capacity,
            taken: AtomicUsize::new(0),
            next_trail: AtomicU64::new(first_trail),
            turned_away: AtomicU64::new(0),
        }
    }

    /// Admits a trail: gives it a number and a place.
    pub(super) fn admit(queue: &Arc<Self>) -> Result<(u64, Arc<Place>), NoTrail> {
        if queue.is_closed() {
            return Err(NoTrail::Broken);
        }
        let before = queue.taken.fetch_add(1, Ordering::Relaxed);
        // From here on the place gives back what was taken, whether it is granted or not.
        let place = Place(Arc::clone(queue));
        if before >= queue.capacity.trails {
            queue.turned_away.fetch_add(1, Ordering::Relaxed);
            return Err(NoTrail::Busy);
        }
        Ok((queue.next_trail.fetch_add(1, Ordering::Relaxed), Arc::new(place)))
    }

    /// Takes an entry, and returns true if and only if it will be written. Neither waits nor panics.
    pub(super) fn push(&self, entry: Entry) -> bool {
        let mut state = self.state();
        if state.closed {
            return false;
        }
        match entry.record.kind() {
            // Each closing record has a place, so there are never more of them than places.
            Kind::Close => {}
            Kind::Intent | Kind::Event if state.waiting >= self.capacity.waiting => return false,
            Kind::Intent | Kind::Event => state.waiting += 1,
        }
        let presses = entry.record.kind() == Kind::Intent;
        state.pressing |= presses;
        state.entries.push(entry);
        let is_first = state.entries.len() == 1;
        drop(state);
        if presses || is_first {
            self.filled.notify_one();
        }
        true
    }

    /// Waits for entries and takes all; none when the queue has ended and is empty. Where none of them is an intent, it
    /// waits a little for one. Who has the patience for only so long gets an empty list then.
    pub(super) fn take(&self, patience: Option<Duration>) -> Option<Vec<Entry>> {
        let idle = |state: &mut State| state.entries.is_empty() && !state.closed;
        let state = match patience {
            None => self.filled.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.filled.wait_timeout_while(self.state(), patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if state.entries.is_empty() {
            return if state.closed { None } else { Some(Vec::new()) };
        }
        let lingers = |state: &mut State| !state.pressing && !state.closed;
        let waited = self.filled.wait_timeout_while(state, self.capacity.linger, lingers);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting = 0;
        state.pressing = false;
        Some(std::mem::take(&mut state.entries))
    }

    /// Returns how many trails found no place since this was last asked.
    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.swap(0, Ordering::Relaxed)
    }

    /// Takes no more; what waits is still written.
    pub(super) fn end(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// Takes no more and lets go of what waits: their tickets fail.
    pub(super) fn break_off(&self) {
        let mut state = self.state();
        state.closed = true;
        let unwritten = std::mem::take(&mut state.entries);
        drop(state);
        drop(unwritten);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
