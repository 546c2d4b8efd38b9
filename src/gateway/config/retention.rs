//! For how long records are kept.

use std::str::FromStr;

use time::{Date, Duration, Month, OffsetDateTime};

/// How long records are kept at least, as a policy says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// So many years.
    Years(u16),
    /// So many days.
    Days(u32),
}

/// Neither years nor days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of years or days such as 5y or 1827d")]
pub struct NotARetention;

impl Retention {
    /// Returns the moment before which records need not be kept any more; none where the calendar does not reach so far back.
    #[must_use]
    pub fn ends_before(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Days(days) => now.checked_sub(Duration::days(i64::from(days))),
            Self::Years(years) => {
                let year = now.year().checked_sub(i32::from(years))?;
                let day = if now.month() == Month::February { now.day().min(28) } else { now.day() };
                Some(now.replace_date(Date::from_calendar_date(year, now.month(), day).ok()?))
            }
        }
    }

    /// Returns true if and only if records are kept for five years or longer: what practice asks under NEN 7513.
    #[must_use]
    pub fn is_usual(self) -> bool {
        match self {
            Self::Years(years) => years >= 5,
            Self::Days(days) => days >= 5 * 365 + 2,
        }
    }
}

impl FromStr for Retention {
    type Err = NotARetention;

    fn from_str(text: &str) -> Result<Self, NotARetention> {
        let retention = match (text.strip_suffix('y'), text.strip_suffix('d')) {
            (Some(years), _) => Self::Years(years.parse().map_err(|_| NotARetention)?),
            (None, Some(days)) => Self::Days(days.parse().map_err(|_| NotARetention)?),
            (None, None) => return Err(NotARetention),
        };
        if matches!(retention, Self::Years(0) | Self::Days(0)) { Err(NotARetention) } else { Ok(retention) }
    }
}

impl std::fmt::Display for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Years(years) => write!(f, "{years}y"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn years_end_on_the_same_day_and_a_leap_day_on_the_day_before() {
        let ends = |text: &str, now| text.parse::<Retention>().unwrap().ends_before(now).unwrap();
        assert_eq!(ends("5y", datetime!(2031-03-01 12:00 UTC)), datetime!(2026-03-01 12:00 UTC));
        assert_eq!(ends("5y", datetime!(2032-02-29 12:00 UTC)), datetime!(2027-02-28 12:00 UTC));
        assert_eq!(ends("10d", datetime!(2026-03-05 0:00 UTC)), datetime!(2026-02-23 0:00 UTC));
        assert_eq!("65535y".parse::<Retention>().unwrap().ends_before(datetime!(2026-03-05 0:00 UTC)), None);
    }

    #[test]
    fn what_is_no_time_is_refused_and_what_is_shorter_than_usual_is_known() {
        for text in ["", "5", "y", "0y", "0d", "-5y", "5 y", "5w", "1.5y"] {
            assert_eq!(text.parse::<Retention>(), Err(NotARetention), "{text:?}");
        }
        for (text, usual) in [("5y", true), ("4y", false), ("1827d", true), ("1826d", false)] {
            assert_eq!(text.parse::<Retention>().unwrap().is_usual(), usual, "{text}");
        }
    }
}
