//! When a rule is in force: a FHIR Period, with partial dates expanded.

use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

/// A span of time; a side without a limit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    from: Option<OffsetDateTime>,
    /// The first moment that is no longer inside.
    until: Option<OffsetDateTime>,
}

impl Window {
    /// Returns the window from the first moment of `start` to the last of `end` (FHIR R4, Period: both are inclusive), or
    /// nothing when one is no FHIR dateTime, both are absent, or the end lies before the start.
    pub(super) fn of(start: Option<&str>, end: Option<&str>) -> Option<Self> {
        let from = start.map(expand);
        let until = end.map(expand);
        if from == Some(None) || until == Some(None) || (start.is_none() && end.is_none()) {
            return None;
        }
        let (from, until) = (from.flatten().map(|(first, _)| first), until.flatten().map(|(_, after)| after));
        match (from, until) {
            (Some(from), Some(until)) if from >= until => None,
            (_, _) => Some(Self { from, until }),
        }
    }

    /// Returns true if and only if `now` lies inside.
    pub(super) fn holds(&self, now: OffsetDateTime) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// Returns the first moment that a dateTime stands for and the first after it. A date has no zone: it is taken in UTC.
fn expand(text: &str) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map(|text| number(text, 2));
    let day = parts.next().map(|text| number(text, 2));
    if parts.next().is_some() || month == Some(None) || day == Some(None) {
        return None;
    }
    match (month.flatten(), day.flatten(), time) {
        (None, None, None) => Some((midnight(year, 1, 1)?, midnight(year + 1, 1, 1)?)),
        (Some(12), None, None) => Some((midnight(year, 12, 1)?, midnight(year + 1, 1, 1)?)),
        (Some(month), None, None) => Some((midnight(year, month, 1)?, midnight(year, month + 1, 1)?)),
        (Some(month), Some(day), None) => {
            let first = midnight(year, month, day)?;
            Some((first, first.checked_add(Duration::DAY)?))
        }
        (Some(month), Some(day), Some(time)) => moment(midnight(year, month, day)?, time),
        (_, _, _) => None,
    }
}

fn moment(midnight: OffsetDateTime, text: &str) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (clock, offset) = match text.strip_suffix('Z') {
        Some(clock) => (clock, UtcOffset::UTC),
        None => {
            let at = text.rfind(['+', '-'])?;
            let (clock, zone) = (text.get(..at)?, text.get(at + 1..)?);
            let sign = if text.get(at..=at) == Some("-") { -1 } else { 1 };
            let (hours, minutes) = zone.split_once(':')?;
            let (hours, minutes) = (i8::try_from(number(hours, 2)?).ok()?, i8::try_from(number(minutes, 2)?).ok()?);
            (clock, UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok().filter(|_| hours <= 14)?)
        }
    };
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut parts = clock.split(':');
    let mut next = || parts.next().and_then(|text| number(text, 2)).and_then(|n| u8::try_from(n).ok());
    let (hour, minute, second) = (next()?, next()?, next()?);
    if parts.next().is_some() {
        return None;
    }
    let time = Time::from_hms(hour, minute, second).ok()?;
    let at = midnight.replace_time(time).replace_offset(offset);
    match fraction {
        // Without a fraction the whole second is meant.
        None => Some((at, at.checked_add(Duration::SECOND)?)),
        Some(digits) => {
            let shape = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            let nanoseconds: i64 = if shape { format!("{digits:0<9}").parse().ok()? } else { return None };
            let at = at.checked_add(Duration::nanoseconds(nanoseconds))?;
            Some((at, at.checked_add(Duration::NANOSECOND)?))
        }
    }
}

fn midnight(year: i32, month: i32, day: i32) -> Option<OffsetDateTime> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    Some(date.midnight().assume_utc())
}

fn number(text: &str, digits: usize) -> Option<i32> {
    let shape = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if shape { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_partial_date_is_all_of_its_year_month_or_day() {
        for (text, inside, outside) in [
            ("2026", datetime!(2026-12-31 23:59:59 UTC), datetime!(2027-01-01 0:00 UTC)),
            ("2026-12", datetime!(2026-12-31 23:59:59 UTC), datetime!(2027-01-01 0:00 UTC)),
            ("2026-02", datetime!(2026-02-28 12:00 UTC), datetime!(2026-03-01 0:00 UTC)),
            ("2026-02-28", datetime!(2026-02-28 23:59:59 UTC), datetime!(2026-03-01 0:00 UTC)),
            ("2026-02-28T10:00:00+01:00", datetime!(2026-02-28 9:00:00.5 UTC), datetime!(2026-02-28 9:00:01 UTC)),
            (
                "2026-02-28T10:00:00.250Z",
                datetime!(2026-02-28 10:00:00.250 UTC),
                datetime!(2026-02-28 10:00:00.251 UTC),
            ),
        ] {
            let window = Window::of(Some(text), Some(text)).unwrap();
            assert!(window.holds(inside) && !window.holds(outside), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_no_window() {
        for text in [
            "",
            "26",
            "2026-13",
            "2026-02-30",
            "2026-1",
            "2026-02-28T10:00",
            "2026-02-28T10:00:00",
            "2026-02-28T25:00:00Z",
            "2026-02-28T10:00:00+15:00",
            "yesterday",
            "2026-02-28T",
            "2026-02-28 10:00:00Z",
            "+026",
            "2026-02-28T10:00:00.Z",
        ] {
            assert_eq!(Window::of(Some(text), None), None, "{text}");
        }
        assert_eq!(Window::of(None, None), None);
        assert_eq!(Window::of(Some("2026-02"), Some("2026-01")), None);
        assert!(Window::of(Some("2026-01"), Some("2026-02")).is_some());
    }
}
