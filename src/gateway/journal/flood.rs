//! How many events unproven callers may put on record.

use crate::limits;

/// Admits a number of events per minute and counts the others.
#[derive(Debug, Default)]
pub(super) struct Flood {
    minute: i64,
    admitted: u32,
    dropped: u64,
}

impl Flood {
    /// Tells whether an event of that minute goes on record, and how many were dropped in minutes that are over.
    pub(super) fn admit(&mut self, minute: i64, unproven: bool) -> (bool, u64) {
        let mut over = 0;
        // A clock that is set back starts another minute as well.
        if minute != self.minute {
            over = self.settle();
            self.minute = minute;
            self.admitted = 0;
        }
        if !unproven {
            return (true, over);
        }
        if self.admitted < limits::UNPROVEN_EVENTS {
            self.admitted += 1;
            return (true, over);
        }
        self.count(1);
        (false, over)
    }

    /// Counts events that did not go on record.
    pub(super) fn count(&mut self, events: u64) {
        self.dropped = self.dropped.saturating_add(events);
    }

    /// Returns how many were dropped and not told yet.
    pub(super) fn settle(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_rate_is_counted_and_told_in_the_next_minute() {
        let mut flood = Flood::default();
        let admitted = (0..1_000).filter(|_| flood.admit(7, true).0).count();
        assert_eq!(admitted, usize::try_from(limits::UNPROVEN_EVENTS).unwrap());
        assert_eq!(flood.admit(8, true), (true, 1_000 - u64::from(limits::UNPROVEN_EVENTS)));
        assert_eq!(flood.admit(8, true), (true, 0));
    }

    #[test]
    fn what_only_the_gateway_brings_about_is_always_on_record() {
        let mut flood = Flood::default();
        assert!((0..1_000).all(|_| flood.admit(7, false).0));
        assert_eq!(flood.settle(), 0);
    }
}
