//! A period, as the command line names one.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// Why there is no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPeriod {
    /// Neither a moment nor a day.
    #[error("expected a moment such as 2026-03-01T12:00:00Z, or a day such as 2026-03-01")]
    NotAMoment,
    /// The end lies before the beginning.
    #[error("the period ends before it begins")]
    Backwards,
}

/// From a moment on, until before another; open where one is not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
}

impl Period {
    /// Reads two moments, RFC 3339, or days: a day begins at midnight UTC, and is in the period that ends with it.
    ///
    /// # Errors
    /// One is neither, or they are in the wrong order.
    pub fn of(from: Option<&str>, to: Option<&str>) -> Result<Self, NotAPeriod> {
        let from = from.map(|text| moment(text, false)).transpose()?;
        let to = to.map(|text| moment(text, true)).transpose()?;
        match (from, to) {
            (Some(from), Some(to)) if to < from => Err(NotAPeriod::Backwards),
            _ => Ok(Self { from, to }),
        }
    }

    /// Returns the moment it begins with and the one it ends before.
    pub(super) fn ends(&self) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
        (self.from, self.to)
    }

    /// Returns true if and only if the moment is in the period, or may be: one that could not be written is in each.
    #[must_use]
    pub fn has(&self, moment: Option<OffsetDateTime>) -> bool {
        let Some(moment) = moment else { return true };
        self.from.is_none_or(|from| from <= moment) && self.to.is_none_or(|to| moment < to)
    }

    /// Returns true if and only if some of the time between two moments is in the period, or may be.
    #[must_use]
    pub fn meets(&self, began: Option<OffsetDateTime>, ended: Option<OffsetDateTime>) -> bool {
        self.from.is_none_or(|from| ended.is_none_or(|ended| from <= ended))
            && self.to.is_none_or(|to| began.is_none_or(|began| began < to))
    }
}

fn moment(text: &str, ends: bool) -> Result<OffsetDateTime, NotAPeriod> {
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(moment);
    }
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| NotAPeriod::NotAMoment)?;
    let day = if ends { day.next_day().ok_or(NotAPeriod::NotAMoment)? } else { day };
    Ok(day.midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_period_of_days_has_all_of_its_last_day_and_nothing_behind_it() {
        let period = Period::of(Some("2026-03-01"), Some("2026-03-02")).unwrap();
        for (moment, inside) in [
            (datetime!(2026-02-28 23:59:59 UTC), false),
            (datetime!(2026-03-01 0:00 UTC), true),
            (datetime!(2026-03-02 23:59:59 UTC), true),
            (datetime!(2026-03-03 0:00 UTC), false),
        ] {
            assert_eq!(period.has(Some(moment)), inside, "{moment}");
        }
        assert!(period.has(None));
        let moments = Period::of(None, Some("2026-03-01T13:00:00+01:00")).unwrap();
        assert!(moments.has(Some(datetime!(2026-03-01 11:59 UTC))));
        assert!(!moments.has(Some(datetime!(2026-03-01 12:00 UTC))));
    }

    /// An answer that a power cut ended is closed by the next start, days later.
    #[test]
    fn what_began_in_a_period_is_met_by_it_whenever_it_ended() {
        let (began, ended) = (datetime!(2026-03-01 10:00 UTC), datetime!(2026-03-03 9:00 UTC));
        let meets = |from, to| Period::of(Some(from), Some(to)).unwrap().meets(Some(began), Some(ended));
        for (from, to, met) in [
            ("2026-03-01", "2026-03-01", true),
            ("2026-03-02", "2026-03-02", true),
            ("2026-03-03", "2026-03-09", true),
            ("2026-02-01", "2026-02-28", false),
            ("2026-03-04", "2026-03-09", false),
        ] {
            assert_eq!(meets(from, to), met, "{from} {to}");
        }
        assert!(Period::of(Some("2026-03-04"), None).unwrap().meets(Some(began), None));
    }

    #[test]
    fn what_is_no_moment_and_what_ends_before_it_begins_is_a_mistake() {
        for text in ["", "1 maart", "2026-13-01", "2026-03-01T12:00:00"] {
            assert_eq!(Period::of(Some(text), None), Err(NotAPeriod::NotAMoment), "{text:?}");
        }
        assert_eq!(Period::of(Some("2026-03-02"), Some("2026-03-01T00:00:00Z")), Err(NotAPeriod::Backwards));
    }
}
