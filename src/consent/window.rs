//! A span of time: a FHIR Period or dateTime, with partial dates expanded.
//!
//! A date has no zone. Where the zone matters, it is judged in every zone that may be meant, from UTC to Amsterdam's summer
//! time: a permit must hold in each of them, a denial in one. Two dates are compared in the same zone.

use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

use super::rule::Effect;

/// A span of time; a side without a limit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    from: Option<Limit>,
    /// The first moment that is no longer inside.
    until: Option<Limit>,
}

/// One end of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    /// In the zone that is stated; in UTC where none is.
    at: OffsetDateTime,
    zone: Zone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Stated,
    Unstated,
}

/// How far east of UTC a date without a zone may be meant. What lies between these two needs no look: every comparison here
/// that holds at neither end holds nowhere between.
const EAST: [Duration; 2] = [Duration::ZERO, Duration::hours(2)];

impl Limit {
    fn seen(self, east: Duration) -> OffsetDateTime {
        match self.zone {
            Zone::Stated => self.at,
            Zone::Unstated => self.at.checked_sub(east).unwrap_or(self.at),
        }
    }
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
            (Some(from), Some(until)) if EAST.iter().all(|east| from.seen(*east) >= until.seen(*east)) => None,
            (_, _) => Some(Self { from, until }),
        }
    }

    /// Returns all that a dateTime stands for: its whole day, month, year or second.
    pub(super) fn at(text: &str) -> Option<Self> {
        let (first, after) = expand(text)?;
        Some(Self { from: Some(first), until: Some(after) })
    }

    /// Returns true if and only if `now` lies inside, whatever zone is meant.
    pub(super) fn holds(&self, now: OffsetDateTime) -> bool {
        EAST.iter().all(|east| self.holds_in(*east, now))
    }

    /// Returns true if and only if `now` may lie inside.
    pub(super) fn may_hold(&self, now: OffsetDateTime) -> bool {
        EAST.iter().any(|east| self.holds_in(*east, now))
    }

    /// Returns true if and only if a rule of that effect with this period is in force.
    pub(super) fn is_in_force(&self, effect: Effect, now: OffsetDateTime) -> bool {
        match effect {
            Effect::Permit => self.holds(now),
            Effect::Deny => self.may_hold(now),
        }
    }

    /// Returns true if and only if `other` lies wholly inside, whatever zone is meant.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let covers = |east: &Duration| {
            let begins = match (self.from, other.from) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(from), Some(other)) => from.seen(*east) <= other.seen(*east),
            };
            let ends = match (self.until, other.until) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(until), Some(other)) => other.seen(*east) <= until.seen(*east),
            };
            begins && ends
        };
        EAST.iter().all(covers)
    }

    /// Returns true if and only if both may have a moment in common.
    pub(super) fn may_meet(&self, other: &Self) -> bool {
        let before = |from: Option<Limit>, until: Option<Limit>, east: Duration| match (from, until) {
            (Some(from), Some(until)) => from.seen(east) < until.seen(east),
            (_, _) => true,
        };
        EAST.iter().any(|east| before(self.from, other.until, *east) && before(other.from, self.until, *east))
    }

    /// Returns true if and only if this begins when `other` is over, whatever zone is meant.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        match (self.from, other.until) {
            (Some(from), Some(until)) => EAST.iter().all(|east| from.seen(*east) >= until.seen(*east)),
            (_, _) => false,
        }
    }

    /// Returns true if and only if this has not begun, whatever zone is meant.
    pub(super) fn is_ahead_of(&self, now: OffsetDateTime) -> bool {
        self.from.is_some_and(|from| EAST.iter().all(|east| from.seen(*east) > now))
    }

    /// Returns true if and only if `now` lies inside or no further from it than `margin`, whatever zone is meant. A side
    /// without a limit counts as being where the other one is.
    pub(super) fn is_near(&self, now: OffsetDateTime, margin: Duration) -> bool {
        let (Some(first), Some(last)) = (self.from.or(self.until), self.until.or(self.from)) else { return false };
        EAST.iter().all(|east| {
            let (first, last) = (first.seen(*east), last.seen(*east));
            let begins = first.checked_sub(margin).unwrap_or(first);
            let ends = last.checked_add(margin).unwrap_or(last);
            begins <= now && now < ends
        })
    }

    fn holds_in(&self, east: Duration, now: OffsetDateTime) -> bool {
        self.from.is_none_or(|from| from.seen(east) <= now) && self.until.is_none_or(|until| now < until.seen(east))
    }
}

/// Returns the first moment that a dateTime stands for and the first after it.
fn expand(text: &str) -> Option<(Limit, Limit)> {
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
    let (first, after) = match (month.flatten(), day.flatten(), time) {
        (None, None, None) => Some((midnight(year, 1, 1)?, midnight(year + 1, 1, 1)?)),
        (Some(12), None, None) => Some((midnight(year, 12, 1)?, midnight(year + 1, 1, 1)?)),
        (Some(month), None, None) => Some((midnight(year, month, 1)?, midnight(year, month + 1, 1)?)),
        (Some(month), Some(day), None) => {
            let first = midnight(year, month, day)?;
            Some((first, first.checked_add(Duration::DAY)?))
        }
        (Some(month), Some(day), Some(time)) => moment(midnight(year, month, day)?, time),
        (_, _, _) => None,
    }?;
    let zone = if time.is_some() { Zone::Stated } else { Zone::Unstated };
    Some((Limit { at: first, zone }, Limit { at: after, zone }))
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
            let given: i64 = if shape { digits.parse().ok()? } else { return None };
            let scale = 10_i64.checked_pow(u32::try_from(9 - digits.len()).ok()?)?;
            let at = at.checked_add(Duration::nanoseconds(given.checked_mul(scale)?))?;
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
            ("2026", datetime!(2026-12-31 21:59:59 UTC), datetime!(2027-01-01 0:00 UTC)),
            ("2026-12", datetime!(2026-12-31 21:59:59 UTC), datetime!(2027-01-01 0:00 UTC)),
            ("2026-02", datetime!(2026-02-28 12:00 UTC), datetime!(2026-03-01 0:00 UTC)),
            ("2026-02-28", datetime!(2026-02-28 21:59:59 UTC), datetime!(2026-03-01 0:00 UTC)),
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
    fn a_date_is_narrow_for_a_permit_and_wide_for_a_denial() {
        let day = Window::at("2026-03-01").unwrap();
        for (now, permit, deny) in [
            (datetime!(2026-02-28 21:59:59 UTC), false, false),
            (datetime!(2026-02-28 22:00 UTC), false, true),
            (datetime!(2026-03-01 0:00 UTC), true, true),
            (datetime!(2026-03-01 21:59:59 UTC), true, true),
            (datetime!(2026-03-01 22:00 UTC), false, true),
            (datetime!(2026-03-02 0:00 UTC), false, false),
        ] {
            assert_eq!((day.holds(now), day.may_hold(now)), (permit, deny), "{now}");
            assert_eq!((day.is_in_force(Effect::Permit, now), day.is_in_force(Effect::Deny, now)), (permit, deny));
        }
        let moment = Window::at("2026-03-01T00:30:00+02:00").unwrap();
        let now = datetime!(2026-02-28 22:30 UTC);
        assert!(moment.holds(now) && moment.may_hold(now), "what states its zone is one moment");
    }

    #[test]
    fn two_dates_are_compared_in_one_zone_and_a_date_with_a_moment_in_every_one() {
        let year = Window::of(Some("2025-01-01"), Some("2025-12-31")).unwrap();
        for (text, covered, met) in [
            ("2025-01-01", true, true),
            ("2025-12-31", true, true),
            ("2025-06", true, true),
            ("2026-01-01", false, false),
            ("2024-12-31", false, false),
            ("2025", true, true),
            ("2024-12-31T22:30:00Z", false, true),
            ("2025-12-31T21:59:59Z", true, true),
            ("2025-12-31T22:30:00Z", false, true),
            ("2026-01-01T00:30:00Z", false, false),
        ] {
            let time = Window::at(text).unwrap();
            assert_eq!((year.covers(&time), year.may_meet(&time)), (covered, met), "{text}");
        }
        let open = Window::of(Some("2025-03-01"), None).unwrap();
        assert!(!year.covers(&open) && year.may_meet(&open) && open.covers(&open));
        assert!(!Window::of(None, Some("2024-12-31")).unwrap().may_meet(&year));
    }

    #[test]
    fn one_time_is_after_another_only_where_no_zone_makes_them_meet() {
        let at = |text| Window::at(text).unwrap();
        assert!(at("2026-01-02").is_after(&at("2026-01-01")));
        assert!(!at("2026-01-01").is_after(&at("2026-01-01")));
        assert!(!at("2026-01-15").is_after(&at("2026-01")));
        assert!(at("2026-01-02T00:00:00Z").is_after(&at("2026-01-01")));
        assert!(!at("2026-01-01T23:00:00Z").is_after(&at("2026-01-01")), "in UTC that is the same day");
        assert!(at("2026-03-02").is_ahead_of(datetime!(2026-03-01 12:00 UTC)));
        assert!(!at("2026-03-01").is_ahead_of(datetime!(2026-02-28 23:00 UTC)), "in Amsterdam it has begun");
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
