//! Keeping an index: a thread that takes in each segment once another one follows it. No request waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::build::{Built, Step};
use super::{FILE, Index, IndexError};
use crate::gateway::journal::segments::{self, Mark};

/// How an index is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It is behind the journal.
    Behind,
    /// It covers all that it can.
    Whole,
    /// It cannot be kept, and answers are read from the journal without it.
    Failed,
    /// The journal is altered.
    Altered,
}

impl Keeping {
    const ALL: [Self; 4] = [Self::Behind, Self::Whole, Self::Failed, Self::Altered];

    fn of(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Behind)
    }
}

/// Keeps an index until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    state: Arc<AtomicU8>,
    ending: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// How often to look for a segment that is complete.
    pub(crate) const EVERY: Duration = Duration::from_secs(2);

    /// How long to leave alone what failed.
    const REST: Duration = Duration::from_secs(60);

    /// Begins to keep an index.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(index: Index, every: Duration) -> std::io::Result<Self> {
        let state = Arc::new(AtomicU8::new(0));
        let (ending, ended) = channel();
        let told = Arc::clone(&state);
        let thread = thread::Builder::new().name("sluis-index".to_owned()).spawn(move || {
            let mut tended = Tended { index, seen: None, state: Keeping::Behind };
            loop {
                let rest = match tended.tend() {
                    // Whoever reads has a turn.
                    Some(Keeping::Behind) => Duration::from_millis(20),
                    Some(Keeping::Whole) | None => every,
                    Some(Keeping::Failed | Keeping::Altered) => Self::REST,
                };
                let number = Keeping::ALL.iter().position(|known| *known == tended.state).unwrap_or_default();
                told.store(u8::try_from(number).unwrap_or_default(), Ordering::Release);
                if ended.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { state, ending: Some(ending), thread: Some(thread) })
    }

    /// Returns how the index is kept.
    pub(crate) fn state(&self) -> Keeping {
        Keeping::of(self.state.load(Ordering::Acquire))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.ending.take());
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the thread that keeps the index had fallen over");
        }
    }
}

/// An index and what was seen when it was whole.
struct Tended {
    index: Index,
    seen: Option<Vec<Option<Mark>>>,
    state: Keeping,
}

impl Tended {
    /// Goes a step where something changed; returns what it came to.
    fn tend(&mut self) -> Option<Keeping> {
        let found = self.look();
        if self.state == Keeping::Whole && found.is_some() && found == self.seen {
            return None;
        }
        let before = self.state;
        self.state = match self.index.step() {
            Ok(Step::More) => Keeping::Behind,
            Ok(Step::Anew(IndexError::Absent)) => {
                tracing::info!("an index of the journal is made");
                Keeping::Behind
            }
            Ok(Step::Anew(why)) => {
                tracing::warn!(why = %why, "the index of the journal is made anew");
                Keeping::Behind
            }
            Ok(Step::Whole(Built { segments, seq })) => {
                if before != Keeping::Whole {
                    tracing::info!(segments, seq, "the index covers the journal but for its last segment");
                }
                self.seen = self.look();
                Keeping::Whole
            }
            // A command reads it.
            Err(IndexError::InUse) => return None,
            Err(error @ IndexError::Altered { .. }) => {
                if before != Keeping::Altered {
                    tracing::error!(%error, "the journal cannot be indexed");
                }
                Keeping::Altered
            }
            Err(error) => {
                if before != Keeping::Failed {
                    tracing::error!(%error, "the index of the journal cannot be kept");
                }
                Keeping::Failed
            }
        };
        Some(self.state)
    }

    /// Looks at what would be read: the segments but the last, which grows, how many there are, and the index.
    fn look(&self) -> Option<Vec<Option<Mark>>> {
        let listing = segments::list(&self.index.directory).ok()?;
        let complete = listing.segments.split_last().map_or(&[][..], |(_, complete)| complete);
        let mut marks: Vec<Option<Mark>> = complete.iter().map(|segment| segment.mark().ok()).collect();
        marks.extend(listing.strangers.iter().map(|_| None));
        marks.push(Mark::of(&self.index.directory.join(FILE)).ok());
        Some(marks)
    }
}
