//! Reviews: who looked at an access afterwards, when, and what they found.
//!
//! They are on record in a journal of their own, `review/` below that of the gateway, which holds its own lock: so an item
//! is closed while the gateway runs. Nothing is closed over a journal that is altered.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::{AuditError, each_line, exit_code};
use super::{Item, State, read};
use crate::audit::{Event, EventKind, Kind, Sink as _, Verdict, Verifier};
use crate::gateway::clock::Clock;
use crate::gateway::journal::{Journal, NoTrail, Unrecorded};
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
}

/// A review on record.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Reviewed {
    time: String,
    by: String,
    verdict: String,
    /// The user of the machine who put it on record.
    user: String,
    #[serde(skip_serializing)]
    item: String,
}

impl Reviewed {
    pub(super) fn text(&self) -> String {
        format!("closed {} by {}: \"{}\"", self.time, self.by, self.verdict)
    }
}

/// Closes an item by a review. Returns the item for stdout and the exit code: 0, or 2 where it is closed already, or where
/// the journal or that of the reviews is altered.
///
/// # Errors
/// There is no such item, the review says nothing, or it cannot be put on record.
pub fn close(directory: &Path, closing: Closing<'_>, clock: Clock) -> Result<(String, i32), AuditError> {
    let Closing { id, by, verdict } = closing;
    let says = |text: &str| !text.trim().is_empty() && text.len() <= limits::REVIEW_BYTES;
    if !says(by) || !says(verdict) {
        return Err(AuditError::NoReview);
    }
    let (items, found) = read(directory)?;
    if found == Verdict::Altered {
        return Ok((serde_json::json!({"verdict": found.code()}).to_string(), exit_code(found)));
    }
    let named = |items: Vec<Item>| items.into_iter().find(|item| item.id == id).ok_or(AuditError::NoItem);
    let item = named(items)?;
    if item.state == State::Closed {
        return Ok((serde_json::to_string(&item)?, REFUSED));
    }
    record(&directory.join(DIRECTORY), &item, closing, clock)?;
    let (items, found) = read(directory)?;
    Ok((serde_json::to_string(&named(items)?)?, exit_code(found)))
}

const REFUSED: i32 = 2;

fn record(reviews: &Path, item: &Item, closing: Closing<'_>, clock: Clock) -> Result<(), AuditError> {
    // Whoever runs the program: the owner of its own process.
    let user = std::fs::metadata("/proc/self").map(|process| process.uid());
    let user = user.map_or_else(|_| "unknown".to_owned(), |user| user.to_string());
    let event = Event::new(EventKind::Reviewed)
        .with("item", closing.id)
        .with("by", closing.by)
        .with("verdict", closing.verdict)
        .with("user", &user)
        .about(item.patient.iter().map(String::as_str));
    let journal = Journal::open(reviews, clock)?;
    let sink = journal.sink().map_err(|_: NoTrail| Unrecorded)?;
    let durable = actix_rt::System::new().block_on(sink.append(event.into()));
    drop(sink);
    journal.stop();
    Ok(durable?)
}

/// Adds to each item its reviews, closes what was reviewed after its last request, and tells whether the reviews are as
/// they were written.
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
        let asked = item.requests.iter().filter_map(|asked| moment(&asked.time)).max();
        let reviewed = item.reviews.iter().filter_map(|review| moment(&review.time)).max();
        // A request of the moment of the review, or of one that is not known, may not have been seen.
        if matches!((asked, reviewed), (Some(asked), Some(reviewed)) if asked < reviewed) {
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
