//! What was removed of a journal by policy: where the chain begins that is left.
//!
//! Whole segments go, oldest first. Before they do, a statement is on record in a journal of its own, `retention/` below the
//! gateway's, which is signed: number and hash of the last record that goes. The rest is proven from there on; without a
//! statement a beginning that is not there is missing.

use std::io;
use std::path::Path;

use serde::Deserialize;

use super::segments;
use crate::audit::{Ending, EventKind, Hash, Head, Verdict, Verifier, read};
use crate::gateway::signing::PublicKeys;

/// Name of the journal with the statements.
pub(crate) const DIRECTORY: &str = "retention";

/// What a statement says was removed: all records up to one.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Removed {
    /// Number of the last of them.
    pub(crate) seq: u64,
    /// Its hash.
    pub(crate) hash: Hash,
    /// When it was written.
    pub(crate) until: String,
}

/// Where a journal begins.
#[derive(Debug, Clone)]
pub(crate) struct Beginning {
    /// The head behind which its first line must stand.
    pub(crate) behind: Head,
    /// What was removed before it.
    pub(crate) removed: Option<Removed>,
}

impl Beginning {
    /// Finds out where the journal in `directory` begins; with keys, statements count only where they are signed with one.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn of(directory: &Path, keys: Option<&PublicKeys>) -> io::Result<Self> {
        let first = Self { behind: Head::NONE, removed: None };
        let segments = segments::list(directory)?.segments;
        let Some(segment) = segments.first().filter(|segment| segment.number > 1) else { return Ok(first) };
        let mut behind = None;
        segment.each_line(|line, _| {
            // A line that is none leaves the beginning unknown: whoever verifies finds it.
            let before =
                || read(line).ok().and_then(|entry| Some(Head { seq: entry.seq.checked_sub(1)?, hash: entry.prev }));
            behind.get_or_insert_with(before);
        })?;
        let Some(behind) = behind.flatten() else { return Ok(first) };
        let covers =
            |removed: &Removed| removed.seq > behind.seq || removed.seq == behind.seq && removed.hash == behind.hash;
        let removed = statements(&directory.join(DIRECTORY), keys)?.into_iter().rev().find(covers);
        Ok(removed.map_or(first, |removed| Self { behind, removed: Some(removed) }))
    }

    /// Has a verifier begin there. Where some of what is to go is still there, it must be what the statement is of.
    pub(crate) fn begin(&self, verifier: Verifier) -> Verifier {
        let verifier = verifier.behind(self.behind);
        match &self.removed {
            Some(removed) if removed.seq > self.behind.seq => verifier.seeking(removed.hash),
            Some(_) | None => verifier,
        }
    }
}

/// Reads every statement, the latest last; none of a journal that is altered.
fn statements(directory: &Path, keys: Option<&PublicKeys>) -> io::Result<Vec<Removed>> {
    #[derive(Deserialize)]
    struct Line {
        event: Option<String>,
        removed: Option<Removed>,
    }
    if !directory.try_exists()? {
        return Ok(Vec::new());
    }
    let mut verifier = if keys.is_some() { Verifier::from_the_first().keyed() } else { Verifier::from_the_first() };
    let mut statements = Vec::new();
    let listing = segments::list(directory)?;
    listing.strangers.iter().for_each(|stranger| verifier.not_a_segment(stranger));
    for segment in &listing.segments {
        verifier.segment(&segment.name);
        segment.each_line(|line, ending: Ending| {
            let Some(entry) = verifier.line(line, ending) else { return };
            if let (Some(keys), Ok(Some(checkpoint))) = (keys, entry.checkpoint()) {
                let signature = keys.judge(&checkpoint);
                verifier.judged(checkpoint, signature);
            }
            let line = serde_json::from_slice::<Line>(line).ok();
            let line = line.filter(|line| line.event.as_deref() == Some(EventKind::Removed.code()));
            statements.extend(line.and_then(|line| line.removed));
        })?;
    }
    Ok(if verifier.finish().verdict == Verdict::Altered { Vec::new() } else { statements })
}
