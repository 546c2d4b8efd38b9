//! Dates of FHIR as spans of seconds: a partial date stands for all of its day, month or year.

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, Month, OffsetDateTime};

/// First and last second.
pub(super) type Span = (i64, i64);

/// From the beginning of time to its end.
pub(super) const ALWAYS: Span = (i64::MIN, i64::MAX);

/// Reads a date, a partial date, a moment or a Period; none if it is no such thing.
pub(super) fn span(value: &Value) -> Option<Span> {
    if let Some(text) = value.as_str() {
        return date(text);
    }
    let period = value.as_object()?;
    let known = period.keys().all(|name| name == "start" || name == "end");
    let start = period.get("start").map_or(Some(ALWAYS), span)?.0;
    let end = period.get("end").map_or(Some(ALWAYS), span)?.1;
    (known && !period.is_empty() && start <= end).then_some((start, end))
}

fn date(text: &str) -> Option<Span> {
    if text.contains('T') {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp();
        return Some((moment, moment));
    }
    let parts: Vec<_> = text.split('-').map(|part| part.parse::<u16>().ok()).collect::<Option<_>>()?;
    let (year, month, day) = match parts.as_slice() {
        [year] => (year, None, None),
        [year, month] => (year, Some(month), None),
        [year, month, day] => (year, Some(month), Some(day)),
        _ => return None,
    };
    let at = |month: u16, day: u16| {
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        Date::from_calendar_date(i32::from(*year), month, u8::try_from(day).ok()?).ok()
    };
    let first = at(*month.unwrap_or(&1), *day.unwrap_or(&1))?;
    let next = match (month, day) {
        (_, Some(_)) => first.next_day(),
        (Some(12), None) | (None, None) => Date::from_calendar_date(i32::from(*year) + 1, Month::January, 1).ok(),
        (Some(month), None) => at(month + 1, 1),
    }?;
    let last = next.midnight() - Duration::SECOND;
    Some((first.midnight().assume_utc().unix_timestamp(), last.assume_utc().unix_timestamp()))
}

pub(super) fn inside(one: Span, other: Span) -> bool {
    other.0 <= one.0 && one.1 <= other.1
}

pub(super) fn overlap(one: Span, other: Span) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}
