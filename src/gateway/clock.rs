//! The clock: the one place of the gateway that asks what time it is. The core takes the answer as an argument.

use std::sync::Arc;

use arc_swap::ArcSwap;
use time::OffsetDateTime;

/// Tells the time: that of the system, or one that a test sets.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Hand(Arc<ArcSwap<OffsetDateTime>>),
}

/// Moves the clock that was made with it.
#[derive(Debug, Clone)]
pub struct Hand(Arc<ArcSwap<OffsetDateTime>>);

impl Hand {
    /// Puts the clock at `time`.
    pub fn set(&self, time: OffsetDateTime) {
        self.0.store(Arc::new(time));
    }
}

impl Clock {
    /// Returns the clock of the system.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Returns a clock that stands at `time` until its hand moves it.
    #[must_use]
    pub fn by_hand(time: OffsetDateTime) -> (Self, Hand) {
        let shared = Arc::new(ArcSwap::from_pointee(time));
        (Self(Source::Hand(Arc::clone(&shared))), Hand(shared))
    }

    /// Returns the moment, in UTC.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            Source::System => OffsetDateTime::now_utc(),
            Source::Hand(time) => **time.load(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_clock_by_hand_stands_still_until_it_is_moved() {
        let (clock, hand) = Clock::by_hand(datetime!(2026-03-01 12:00 UTC));
        let copy = clock.clone();
        assert_eq!(clock.now(), datetime!(2026-03-01 12:00 UTC));
        hand.set(datetime!(2026-03-01 12:01 UTC));
        assert_eq!(copy.now(), datetime!(2026-03-01 12:01 UTC));
    }

    #[test]
    fn the_clock_of_the_system_runs() {
        assert!(Clock::system().now() > datetime!(2026-01-01 0:00 UTC));
    }
}
