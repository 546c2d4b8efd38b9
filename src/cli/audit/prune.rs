//! `sluis audit prune`: removes what was kept for as long as the policy says.
//!
//! Whole segments go, oldest first, as far as each record in them is older than that, none belongs to an item that is open for
//! review or has to be sent on yet, and a later segment is there. A signed statement of what goes is on record in `retention/` before it does. The
//! gateway may run: it writes to the last segment alone, which stays.

use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::below::{open_signed, user, write};
use super::review::first_open;
use super::{AuditError, each_judged, exit_code};
use crate::audit::{Event, Head, Verdict, Verifier, read};
use crate::gateway::clock::Clock;
use crate::gateway::config::Retention;
use crate::gateway::forwarder::cursor;
use crate::gateway::journal::removed::DIRECTORY;
use crate::gateway::journal::segments::{self, Segment};
use crate::gateway::signing::{PublicKeys, Signer};

/// What is to be pruned.
#[derive(Debug, Clone, Copy)]
pub struct Pruning<'a> {
    /// The journal's directory.
    pub directory: &'a Path,
    /// The directory of the keys.
    pub keys: &'a Path,
    /// For how long records are kept.
    pub retention: Option<Retention>,
    /// Who prunes, in their own words.
    pub by: Option<&'a str>,
    /// Whether it only says what would go.
    pub dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    /// Names of the segments that went, or would go.
    removed: Vec<String>,
    /// How far the record goes that is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// What is old enough and stays, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
}

#[derive(Serialize)]
struct Held {
    segment: String,
    by: &'static str,
}

/// Prunes. Returns the answer for stdout and the exit code: 0, or 2 where the journal is altered, and then nothing is removed.
///
/// # Errors
/// No time is set, a file cannot be read or removed, or the statement cannot be put on record.
pub fn prune(pruning: Pruning<'_>, clock: Clock) -> Result<(String, i32), AuditError> {
    let Pruning { directory, keys, retention, by, dry_run } = pruning;
    let retention = retention.ok_or(AuditError::NoRetention)?;
    let known = PublicKeys::read(keys)?;
    let found = each_judged(directory, Verifier::from_the_first().keyed(), Some(&known), |_, _| Ok(()))?;
    let mut answer = Answer { verdict: found.verdict.code(), removed: Vec::new(), seq: None, until: None, held: None };
    let goes = if found.verdict == Verdict::Altered {
        None
    } else {
        going(directory, retention.ends_before(clock.now()), &mut answer)?
    };
    if let (Some(going), false) = (goes, dry_run) {
        let event = Event::removed(going.last, &going.until)
            .with("segments", &answer.removed.join(" "))
            .with("retention", &retention.to_string())
            .with("user", &user());
        let event = by.into_iter().fold(event, |event, by| event.with("by", by));
        // Held until all is gone: two of them at one time would state what the other removes.
        let statements = open_signed(&directory.join(DIRECTORY), clock, Signer::read(keys)?)
            .map_err(|source| AuditError::Below { name: DIRECTORY, source })?;
        write(&statements, event)?;
        for name in &answer.removed {
            let removed = std::fs::remove_file(directory.join(name));
            removed.map_err(|source| AuditError::Unremovable { segment: name.clone(), source })?;
        }
        statements.stop();
    }
    Ok((serde_json::to_string(&answer)?, exit_code(found.verdict)))
}

/// The end of what goes.
struct Going {
    last: Head,
    until: String,
}

/// Finds what goes and tells of it in `answer`.
fn going(directory: &Path, ends: Option<OffsetDateTime>, answer: &mut Answer) -> Result<Option<Going>, AuditError> {
    let unreadable = |source| AuditError::Unreadable { what: "the journal", source };
    // Of each hold the first record that it needs.
    let holds = [("review", first_open(directory)?), ("forward", cursor::lowest(directory)?)];
    let segments = segments::list(directory).map_err(unreadable)?.segments;
    let mut goes = None;
    for (segment, next) in segments.iter().zip(segments.iter().skip(1)) {
        let span = Span::of(segment).map_err(unreadable)?;
        let follows = Span::of(next).map_err(unreadable)?.first;
        // Of a clock that was set back, or a time that could not be written, nothing is older than anything.
        let (Some(latest), Some(last), Some(ends)) = (span.latest, span.last, ends) else { break };
        if latest >= ends || follows != Some(last) {
            break;
        }
        let needed = |first: &Option<u64>| first.is_some_and(|first| first <= last.seq);
        if let Some((by, _)) = holds.iter().find(|(_, first)| needed(first)) {
            answer.held = Some(Held { segment: segment.name.clone(), by });
            break;
        }
        answer.removed.push(segment.name.clone());
        answer.seq = Some(last.seq);
        answer.until = latest.format(&Rfc3339).ok();
        goes = Some(Going { last, until: answer.until.clone().unwrap_or_default() });
    }
    Ok(goes)
}

/// What a segment holds.
#[derive(Default)]
struct Span {
    /// The head that its first line follows.
    first: Option<Head>,
    last: Option<Head>,
    /// The latest time of a record in it; none where one has none.
    latest: Option<OffsetDateTime>,
}

impl Span {
    fn of(segment: &Segment) -> std::io::Result<Self> {
        let (mut span, mut timeless) = (Self::default(), false);
        segment.each_line(|line, _| {
            let Ok(entry) = read(line) else {
                timeless = true;
                return;
            };
            span.first.get_or_insert(Head { seq: entry.seq.saturating_sub(1), hash: entry.prev });
            span.last = Some(entry.head());
            let time = entry.time().and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
            timeless |= time.is_none();
            span.latest = span.latest.max(time);
        })?;
        if timeless {
            span.latest = None;
        }
        Ok(span)
    }
}
