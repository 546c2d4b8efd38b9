//! Memory: what is remembered of look-ups that decisions rest on, for how long, and until when.
//!
//! Everything is remembered for a while, in so many places, and under an epoch, whose number is part of every key. When the
//! epoch ends, nothing that was remembered under it counts: a look-up that began before the end cannot bring back what
//! ended. Ending one that nothing was asked under changes nothing: of many notices in a row the first ends what is
//! remembered, and the others find nothing there. What is not remembered, for whatever reason, is looked up.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;

/// The lowest bit says whether something was asked under the epoch, the others are its number.
const ASKED: u64 = 1;

/// A cache by what was asked and the number of the epoch that it was asked under.
pub(super) type Remembered<K, V> = Cache<(K, u64), V>;

/// What all caches that end together share.
#[derive(Debug, Clone)]
pub struct Memory {
    epoch: Arc<AtomicU64>,
    max_age: Duration,
    places: u64,
}

impl Memory {
    /// Remembers for `max_age`, in each cache at most so many things.
    #[must_use]
    pub fn new(max_age: Duration, places: u64) -> Self {
        Self { epoch: Arc::default(), max_age, places }
    }

    /// Makes a cache. Each of its keys has a number that [`Self::begin`] returned.
    pub(super) fn cache<K, V>(&self) -> Remembered<K, V>
    where
        K: Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        Cache::builder().max_capacity(self.places).time_to_live(self.max_age).build()
    }

    /// Returns the number of the present epoch, for a look-up that begins.
    #[must_use]
    pub fn begin(&self) -> u64 {
        let state = self.epoch.load(Ordering::SeqCst);
        // Most often it is marked already, and nobody has to write.
        let state = if state & ASKED == ASKED { state } else { self.epoch.fetch_or(ASKED, Ordering::SeqCst) };
        state >> 1
    }

    /// Ends the present epoch. Returns true if and only if something was asked under it.
    pub fn end(&self) -> bool {
        let next = |state: u64| (state & ASKED == ASKED).then(|| (state | ASKED).wrapping_add(1));
        self.epoch.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        Memory::new(Duration::from_secs(60), 100)
    }

    #[test]
    fn what_begins_after_an_end_has_another_number_than_what_began_before() {
        let memory = memory();
        let before = memory.begin();
        assert_eq!(memory.begin(), before);
        assert!(memory.end());
        assert_ne!(memory.begin(), before);
    }

    #[test]
    fn ends_in_a_row_are_one_and_the_first_look_up_after_them_can_be_ended_again() {
        let memory = memory();
        assert!(!memory.end());
        let mut seen = vec![memory.begin()];
        for _ in 0..3 {
            assert!(memory.end());
            assert!(!memory.end() && !memory.end());
            let number = memory.begin();
            assert!(!seen.contains(&number));
            seen.push(number);
        }
    }

    #[test]
    fn clones_end_together() {
        let memory = memory();
        let other = memory.clone();
        let before = memory.begin();
        assert!(other.end());
        assert_ne!(memory.begin(), before);
    }

    /// Whoever begins after an end returned must not get the number from before it, whatever else goes on.
    #[test]
    fn no_number_outlives_an_end_on_another_thread() {
        let memory = memory();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let before = memory.begin();
                        memory.end();
                        assert!(memory.begin() > before);
                    }
                });
            }
        });
    }
}
