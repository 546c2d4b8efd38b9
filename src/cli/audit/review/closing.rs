//! Reviews: who looked at an access afterwards, when, and what they found.
//!
//! They are on record in a journal of their own, `review/` below that of the gateway, which holds its own lock: so an item
//! is closed while the gateway runs. Nothing is closed over a journal that is altered.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::below::{append, user};
use super::super::{AuditError, each_line, exit_code, reading};
use super::{Item, Read, Request, State, read};
use crate::audit::{Event, EventKind, Kind, Verdict, Verifier};
use crate::gateway::clock::Clock;
use crate::limits;

const DIRECTORY: &str = "review";

/// What closes an item.
#[derive(Debug, Clone, Copy)]
pub struct Closing<'a> {
    /// The id of the item.
    pub id: &'a str,
    /// Who reviewed it.
    pub by: &'a str,
    /// What they found.
    pub verdict: &'a str,
    /// Number of the last record that they saw; that of the last listing by the same user where none is given.
    pub upto: Option<u64>,
}

/// A review on record.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Reviewed {
    time: String,
    by: String,
    verdict: String,
    /// The user of the machine who put it on record.
    user: String,
    /// Number of the last record that was seen; none of a review that covers what was asked before its moment.
    upto: Option<u64>,
    #[serde(skip_serializing)]
    item: String,
}

impl Reviewed {
    /// Returns true if and only if whoever reviewed saw that request. One of the moment of a review, or of one that is not
    /// known, may not have been seen.
    fn covers(&self, asked: &Request) -> bool {
        match self.upto {
            Some(upto) => asked.seq <= upto,
            None => matches!((moment(&asked.time), moment(&self.time)), (Some(asked), Some(time)) if asked < time),
        }
    }

    pub(super) fn text(&self) -> String {
        format!("closed {} by {}: \"{}\"", self.time, self.by, self.verdict)
    }
}

/// Closes what was listed of an item by a review; what was asked in it since then stays open. Returns the item for stdout and
/// the exit code: 0, or 2 where all of it is closed already, or where the journal or that of the reviews is altered.
///
/// # Errors
/// There is no such item, nobody listed it as this user, the review says nothing, or it cannot be put on record.
pub fn close(directory: &Path, closing: Closing<'_>, clock: Clock) -> Result<(String, i32), AuditError> {
    let Closing { id, by, verdict, upto } = closing;
    let says = |text: &str| !text.trim().is_empty() && text.len() <= limits::REVIEW_BYTES;
    if !says(by) || !says(verdict) {
        return Err(AuditError::NoReview);
    }
    let Read { items, verdict: found, last } = read(directory)?;
    if found == Verdict::Altered {
        return Ok((serde_json::json!({"verdict": found.code()}).to_string(), exit_code(found)));
    }
    let named = |items: Vec<Item>| items.into_iter().find(|item| item.id == id).ok_or(AuditError::NoItem);
    let item = named(items)?;
    // What is not there yet was seen by nobody.
    let upto = upto.map_or_else(|| reading::listed(directory), |upto| Ok(Some(upto)))?;
    let upto = upto.ok_or(AuditError::NotListed)?.min(last);
    let mut seen = item.requests.iter().filter(|asked| asked.seq <= upto).peekable();
    if seen.peek().is_none() {
        return Err(AuditError::NotListed);
    }
    if seen.all(|asked| item.is_covered(asked)) {
        return Ok((serde_json::to_string(&item)?, REFUSED));
    }
    let event = Event::new(EventKind::Reviewed)
        .with("item", id)
        .with("by", by)
        .with("verdict", verdict)
        .with("user", &user())
        .counting("upto", upto)
        .about(item.patient.iter().map(String::as_str));
    append(directory, DIRECTORY, event, clock)?;
    let Read { items, verdict: found, .. } = read(directory)?;
    Ok((serde_json::to_string(&named(items)?)?, exit_code(found)))
}

const REFUSED: i32 = 2;

impl Item {
    fn is_covered(&self, asked: &Request) -> bool {
        self.reviews.iter().any(|review| review.covers(asked))
    }
}

/// Adds to each item its reviews, closes what was seen by them to its last request, and tells whether the reviews are as they
/// were written.
pub(super) fn judge(directory: &Path, items: &mut [Item]) -> Result<Verdict, AuditError> {
    let reviews = directory.join(DIRECTORY);
    match reviews.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(Verdict::Intact),
        Err(source) => return Err(unreadable(source)),
    }
    let found = each_line(&reviews, Verifier::from_the_first(), |entry, line| {
        #[derive(Deserialize)]
        struct Line {
            event: String,
        }
        if entry.kind == Kind::Event && serde_json::from_slice::<Line>(line)?.event == EventKind::Reviewed.code() {
            let review: Reviewed = serde_json::from_slice(line)?;
            if let Some(item) = items.iter_mut().find(|item| item.id == review.item) {
                item.reviews.push(review);
            }
        }
        Ok(())
    })?;
    for item in items {
        if item.requests.iter().all(|asked| item.is_covered(asked)) {
            item.state = State::Closed;
        }
    }
    Ok(found.verdict)
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

fn unreadable(source: io::Error) -> AuditError {
    AuditError::Unreadable { what: "the journal of the reviews", source }
}
