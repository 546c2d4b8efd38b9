//! Dates as FHIR writes them: a year, a month, a day or a moment, each a stretch of time.

use time::{Date, Month, PrimitiveDateTime, Time};

/// A FHIR `date`, `dateTime` or `instant`: from its first moment up to, not including, the first behind it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PartialDate {
    text: String,
    from: Instant,
    until: Instant,
}

impl std::fmt::Debug for PartialDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartialDate(…)")
    }
}

/// A moment on the clock of the place where it was written, and that clock's distance to UTC where it was written too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    wall: i128,
    offset: Option<i128>,
}

impl Instant {
    /// Returns the moment in nanoseconds since 1970, UTC: by what the clock showed where no distance is written. Unlike
    /// [`Self::is_before`] it orders all moments.
    pub(crate) fn in_utc(self) -> i128 {
        self.wall - self.offset.unwrap_or(0)
    }

    /// Compares in UTC where both say their distance to it, else by what the clocks showed: a date without a zone is the
    /// date that people at the place wrote.
    pub(crate) fn is_before(self, other: Self) -> bool {
        match (self.offset, other.offset) {
            (Some(one), Some(two)) => self.wall - one < other.wall - two,
            (None, _) | (_, None) => self.wall < other.wall,
        }
    }
}

/// Nanoseconds.
const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

impl PartialDate {
    /// Reads `text`, if it is a date in one of FHIR's precisions; a time of day must say its zone.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (date, clock) = match text.split_once('T') {
            Some((date, clock)) => (date, Some(clock)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |month| month.map(Some))?;
        let day = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |day| day.map(Some))?;
        if parts.next().is_some() || year == 0 || (clock.is_some() && day.is_none()) {
            return None;
        }
        let start = midnight(year, month.unwrap_or(1), day.unwrap_or(1))?;
        let (from, until, offset) = match (clock, month, day) {
            (Some(clock), ..) => {
                let (time, precision, offset) = clock_time(clock)?;
                (start + time, start + time + precision, Some(offset))
            }
            (None, _, Some(_)) => (start, start + DAY, None),
            (None, Some(12), None) | (None, None, None) => (start, midnight(year + 1, 1, 1).unwrap_or(i128::MAX), None),
            (None, Some(month), None) => (start, midnight(year, month + 1, 1)?, None),
        };
        let at = |wall| Instant { wall, offset };
        Some(Self { text: text.to_owned(), from: at(from), until: at(until) })
    }

    /// Returns it as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn from(&self) -> Instant {
        self.from
    }

    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}

fn digits(text: &str, count: usize) -> Option<u16> {
    if text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn midnight(year: u16, month: u16, day: u16) -> Option<i128> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    Some(PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_utc().unix_timestamp_nanos())
}

/// Reads `hh:mm[:ss[.f…]]` and its zone: the time of day, how long it lasts, and the distance to UTC.
fn clock_time(text: &str) -> Option<(i128, i128, i128)> {
    let (clock, offset) = match text.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let at = text.rfind(['+', '-'])?;
            let (clock, zone) = (text.get(..at)?, text.get(at..)?);
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 14 || minutes > 59 {
                return None;
            }
            let offset = i128::from(hours * 60 + minutes) * 60 * SECOND;
            (clock, if zone.starts_with('-') { -offset } else { offset })
        }
    };
    let (hour, rest) = clock.split_once(':')?;
    let (minute, second) = rest.split_once(':').map_or((rest, None), |(minute, second)| (minute, Some(second)));
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let time = i128::from(hour * 60 + minute) * 60 * SECOND;
    let Some(second) = second else { return Some((time, 60 * SECOND, offset)) };
    let (second, fraction) = second.split_once('.').map_or((second, None), |(whole, part)| (whole, Some(part)));
    let second = digits(second, 2).filter(|second| *second < 60)?;
    let time = time + i128::from(second) * SECOND;
    let Some(fraction) = fraction else { return Some((time, SECOND, offset)) };
    let mut unit = SECOND;
    let mut part = 0;
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    for byte in fraction.bytes() {
        unit /= 10;
        part += i128::from(char::from(byte).to_digit(10)?) * unit;
    }
    Some((time + part, unit, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> PartialDate {
        PartialDate::read(text).unwrap()
    }

    #[test]
    fn a_date_lasts_as_long_as_its_precision() {
        for (short, last, next) in [
            ("2024", "2024-12-31", "2025-01-01"),
            ("2024-02", "2024-02-29", "2024-03-01"),
            ("2024-12", "2024-12-31", "2025-01-01"),
            ("2024-02-29T10:00Z", "2024-02-29T10:00:59Z", "2024-02-29T10:01:00Z"),
            ("2024-02-29T10:00:00.5+01:00", "2024-02-29T10:00:00.59+01:00", "2024-02-29T10:00:00.6+01:00"),
        ] {
            assert!(!date(last).from().is_before(date(short).from()), "{short}");
            assert!(date(last).from().is_before(date(short).until()), "{short}");
            assert!(!date(next).from().is_before(date(short).until()), "{short}");
        }
    }

    #[test]
    fn moments_are_compared_in_utc_and_dates_as_they_were_written() {
        assert!(date("2024-01-01T00:30:00+01:00").from().is_before(date("2024-01-01T00:00:00Z").from()));
        assert!(!date("2024-01-01T00:30:00+01:00").from().is_before(date("2024-01-01").from()));
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in [
            "",
            "24",
            "0000",
            "2024-1",
            "2024-13",
            "2024-02-30",
            "2024-01-01T",
            "2024-01-01T10:00",
            "2024-01-01T24:00Z",
            "2024-01-01T10Z",
            "2024-01-01T10:00:60Z",
            "2024-01-01T10:00:00.Z",
            "2024-01T10:00Z",
            "2024-01-01-01",
            "2024-01-01T10:00+15:00",
            "2024-01-01T10:00+1:00",
            "+2024",
            "2024-01-01 ",
            "2024-01-01T10:00:00z",
        ] {
            assert!(PartialDate::read(text).is_none(), "{text:?}");
        }
        assert!(PartialDate::read("9999").is_some());
    }
}
