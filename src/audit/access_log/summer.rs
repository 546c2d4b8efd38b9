//! The time of the Netherlands: an hour before UTC, two in summer (Directive 2000/84/EC).

use time::macros::format_description;
use time::{Date, Duration, Month, OffsetDateTime, UtcOffset};

/// Returns the day and the time of day.
pub(super) fn day_and_time(moment: OffsetDateTime) -> (String, String) {
    let local = local(moment);
    let day = local.format(format_description!("[year]-[month]-[day]")).unwrap_or_default();
    (day, local.format(format_description!("[hour]:[minute]")).unwrap_or_default())
}

/// Returns the day.
pub(super) fn day(moment: OffsetDateTime) -> Date {
    local(moment).date()
}

/// Returns the moment at which a day begins: summer begins and ends by day.
pub(super) fn midnight(day: Date) -> OffsetDateTime {
    let utc = day.midnight().assume_utc();
    let winter = utc.saturating_sub(Duration::HOUR);
    if is_summer(winter) { utc.saturating_sub(Duration::hours(2)) } else { winter }
}

fn local(moment: OffsetDateTime) -> OffsetDateTime {
    let hours = if is_summer(moment) { 2 } else { 1 };
    moment.to_offset(UtcOffset::UTC).saturating_add(Duration::hours(hours))
}

/// From the last Sunday of March, 01:00 UTC, until the last Sunday of October, 01:00 UTC.
fn is_summer(moment: OffsetDateTime) -> bool {
    let year = moment.to_offset(UtcOffset::UTC).year();
    let change = |month| {
        let last = Date::from_calendar_date(year, month, 31).ok()?;
        let sunday = last.saturating_sub(Duration::days(i64::from(last.weekday().number_days_from_sunday())));
        Some(sunday.midnight().assume_utc().saturating_add(Duration::hours(1)))
    };
    match (change(Month::March), change(Month::October)) {
        (Some(begins), Some(ends)) => begins <= moment && moment < ends,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn summer_begins_and_ends_at_one_o_clock_utc_of_a_last_sunday() {
        for (moment, expected) in [
            (datetime!(2026-03-29 00:59 UTC), ("2026-03-29", "01:59")),
            (datetime!(2026-03-29 01:00 UTC), ("2026-03-29", "03:00")),
            (datetime!(2026-10-25 00:59 UTC), ("2026-10-25", "02:59")),
            (datetime!(2026-10-25 01:00 UTC), ("2026-10-25", "02:00")),
            (datetime!(2026-12-31 23:30 UTC), ("2027-01-01", "00:30")),
            (datetime!(2027-03-28 01:00 UTC), ("2027-03-28", "03:00")),
        ] {
            let (day, time) = day_and_time(moment);
            let begins = midnight(super::day(moment));
            assert_eq!(day_and_time(begins), (day.clone(), "00:00".to_owned()), "{moment}");
            assert_eq!((day.as_str(), time.as_str()), expected, "{moment}");
        }
    }
}
