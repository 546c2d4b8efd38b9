//! Links to a following page: the question and where to go on, sealed, so that no BSN stands in them.

use serde::{Deserialize, Serialize};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::gateway::token::{NotGood, PageKeys};
use crate::limits;
use crate::query::{LogForm, LogQuery};

const USE: &str = "pages of an access log";

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

#[derive(Serialize, Deserialize)]
struct Claims {
    client: String,
    bsn: String,
    first: String,
    last: String,
    count: usize,
    skip: usize,
    until: i64,
}

/// Seals the page that begins after `skip` events, for that client.
pub(super) fn seal(
    keys: &PageKeys,
    query: &LogQuery,
    skip: usize,
    client: &str,
    now: OffsetDateTime,
) -> Result<String, NotGood> {
    let LogForm::Events(count) = query.form else { return Err(NotGood) };
    let day = |day: Option<Date>| day.and_then(|day| day.format(DAY).ok()).ok_or(NotGood);
    let claims = Claims {
        client: client.to_owned(),
        bsn: query.bsn.as_str().to_owned(),
        first: day(query.first)?,
        last: day(query.last)?,
        count,
        skip,
        until: (now + limits::PAGE_TOKEN_AGE).unix_timestamp(),
    };
    keys.seal_text(USE, &serde_json::to_string(&claims).map_err(|_| NotGood)?)
}

/// Opens a token; returns the question and how many events were told.
pub(super) fn open(
    keys: &PageKeys,
    token: &str,
    client: &str,
    now: OffsetDateTime,
) -> Result<(LogQuery, usize), NotGood> {
    let claims: Claims = serde_json::from_str(&keys.open_text(USE, token)?).map_err(|_| NotGood)?;
    if claims.client != client || claims.until < now.unix_timestamp() {
        return Err(NotGood);
    }
    let day = |text: &str| Date::parse(text, DAY).map(Some).map_err(|_| NotGood);
    let (first, last) = (day(&claims.first)?, day(&claims.last)?);
    let bsn = claims.bsn.parse().map_err(|_| NotGood)?;
    Ok((LogQuery { bsn, first, last, form: LogForm::Events(claims.count) }, claims.skip))
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    #[test]
    fn a_token_opens_for_its_client_in_its_time_and_shows_nobody() {
        let keys = PageKeys::new(vec![[7; 32]]);
        let now = datetime!(2026-03-01 12:00 UTC);
        let query = LogQuery {
            bsn: "999911120".parse().unwrap(),
            first: Some(date!(2026 - 01 - 01)),
            last: Some(date!(2026 - 03 - 01)),
            form: LogForm::Events(7),
        };
        let token = seal(&keys, &query, 14, "portal.example", now).unwrap();
        assert!(token.len() < limits::PAGE_TOKEN_BYTES && !token.contains("9999"));
        assert_eq!(open(&keys, &token, "portal.example", now), Ok((query, 14)));
        assert!(open(&keys, &token, "other.example", now).is_err());
        assert!(open(&keys, &token, "portal.example", now + limits::PAGE_TOKEN_AGE + time::Duration::SECOND).is_err());
        assert!(open(&PageKeys::new(vec![[8; 32]]), &token, "portal.example", now).is_err());
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(open(&keys, &changed, "portal.example", now).is_err(), "{at}");
        }
    }
}
