//! Days of the Netherlands, from one to another: what a patient asks for.

use time::{Date, Duration, OffsetDateTime};

use super::summer;
use crate::audit::Access;
use crate::limits;

/// Days, the first and the last among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    first: Date,
    last: Date,
}

/// Why there are no such days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDays {
    /// The last lies before the first.
    #[error("the last day lies before the first")]
    Backwards,
    /// More than are told at a time.
    #[error("more than {} days", limits::LOG_DAYS)]
    TooMany,
}

impl Days {
    /// Returns the days from `first` to `last`. Where the last is not given it is the day of `now`, where the first is not, it
    /// is a year before the last.
    ///
    /// # Errors
    /// There are none, or too many.
    pub fn between(first: Option<Date>, last: Option<Date>, now: OffsetDateTime) -> Result<Self, NotDays> {
        let last = last.unwrap_or_else(|| summer::day(now));
        let first = first.unwrap_or_else(|| last.saturating_sub(Duration::days(USUAL)));
        let days = (last - first).whole_days();
        if days < 0 {
            return Err(NotDays::Backwards);
        }
        if days >= limits::LOG_DAYS { Err(NotDays::TooMany) } else { Ok(Self { first, last }) }
    }

    /// Returns the first day.
    #[must_use]
    pub fn first(&self) -> Date {
        self.first
    }

    /// Returns the last day.
    #[must_use]
    pub fn last(&self) -> Date {
        self.last
    }

    /// Returns the moment they begin, and the one at which they are over.
    #[must_use]
    pub fn span(&self) -> (OffsetDateTime, OffsetDateTime) {
        (summer::midnight(self.first), summer::midnight(self.last.saturating_add(Duration::DAY)))
    }

    /// Returns true if and only if the access was under way at some time of these days, or may have been.
    #[must_use]
    pub fn meet(&self, access: &Access) -> bool {
        let (from, until) = self.span();
        access.time().is_none_or(|ended| from <= ended) && access.began().is_none_or(|began| began < until)
    }
}

/// A year.
const USUAL: i64 = 365;

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn days_begin_and_end_at_midnight_in_the_netherlands() {
        let now = datetime!(2026-03-29 22:30 UTC);
        let days = Days::between(Some(date!(2026 - 03 - 29)), None, now).unwrap();
        // It is half past midnight there, on the day that follows the one with 23 hours.
        assert_eq!(days.last(), date!(2026 - 03 - 30));
        assert_eq!(days.span(), (datetime!(2026-03-28 23:00 UTC), datetime!(2026-03-30 22:00 UTC)));
    }

    #[test]
    fn without_days_it_is_the_last_year_and_more_than_the_bound_is_none() {
        let now = datetime!(2026-12-31 12:00 UTC);
        let usual = Days::between(None, None, now).unwrap();
        assert_eq!((usual.first(), usual.last()), (date!(2025 - 12 - 31), date!(2026 - 12 - 31)));
        let from = |days| Days::between(Some(date!(2026 - 12 - 31) - Duration::days(days)), None, now);
        assert!(from(limits::LOG_DAYS - 1).is_ok());
        assert_eq!(from(limits::LOG_DAYS), Err(NotDays::TooMany));
        assert_eq!(from(-1), Err(NotDays::Backwards));
    }
}
