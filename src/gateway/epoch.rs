//! Epoch: the number under which things are remembered. When one ends, nothing that was remembered under it counts.
//!
//! It is part of the key of every cache that decisions rest on, so that a look-up that began before the end cannot bring
//! back what ended. Ending one that nothing was asked under changes nothing: of many notices in a row the first ends what is
//! remembered, and the others find nothing there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The lowest bit says whether something was asked under the epoch, the others are its number.
const ASKED: u64 = 1;

/// The present epoch, shared by all caches that end together.
#[derive(Debug, Clone, Default)]
pub struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Returns the present number, for a look-up that begins.
    #[must_use]
    pub fn begin(&self) -> u64 {
        let state = self.0.load(Ordering::SeqCst);
        // Most often it is marked already, and nobody has to write.
        let state = if state & ASKED == ASKED { state } else { self.0.fetch_or(ASKED, Ordering::SeqCst) };
        state >> 1
    }

    /// Ends the present epoch. Returns true if and only if something was asked under it.
    pub fn end(&self) -> bool {
        let next = |state: u64| (state & ASKED == ASKED).then(|| (state | ASKED).wrapping_add(1));
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_after_an_end_has_another_number_than_what_began_before() {
        let epoch = Epoch::default();
        let before = epoch.begin();
        assert_eq!(epoch.begin(), before);
        assert!(epoch.end());
        assert_ne!(epoch.begin(), before);
    }

    #[test]
    fn ends_in_a_row_are_one_and_the_first_look_up_after_them_can_be_ended_again() {
        let epoch = Epoch::default();
        assert!(!epoch.end());
        let mut seen = vec![epoch.begin()];
        for _ in 0..3 {
            assert!(epoch.end());
            assert!(!epoch.end() && !epoch.end());
            let number = epoch.begin();
            assert!(!seen.contains(&number));
            seen.push(number);
        }
    }

    #[test]
    fn clones_are_one_epoch() {
        let epoch = Epoch::default();
        let other = epoch.clone();
        let before = epoch.begin();
        assert!(other.end());
        assert_ne!(epoch.begin(), before);
    }

    /// Whoever begins after an end returned must not get the number from before it, whatever else goes on.
    #[test]
    fn no_number_outlives_an_end_on_another_thread() {
        let epoch = Epoch::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let before = epoch.begin();
                        epoch.end();
                        assert!(epoch.begin() > before);
                    }
                });
            }
        });
    }
}
