//! What a start finds on disk.

use std::collections::BTreeMap;
use std::path::Path;

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use super::JournalError;
use super::segments::{self, Segment};
use crate::audit::{Ending, Head, Kind, OpenIntent, Verdict, Verification, Verifier};
use crate::gateway::signing::PublicKeys;

/// What a start finds.
pub(super) struct Found {
    pub(super) head: Head,
    /// Number of the segment to go on with and how much of it is whole; none where there is no segment.
    pub(super) at: Option<(u64, u64)>,
    /// On which that segment began, where it holds a line that tells.
    pub(super) day: Option<Date>,
    /// Intents without a closing record.
    pub(super) open: Vec<OpenIntent>,
    pub(super) torn: Option<Torn>,
}

/// The beginning of a line that was never acknowledged.
pub(super) struct Torn {
    pub(super) segment: String,
    pub(super) bytes: u64,
}

/// Reads the last segment that holds a line, and those behind it. A checkpoint there that was not signed with the key that it
/// names, where that one is known, is an alteration.
pub(super) fn read(directory: &Path, known: &PublicKeys) -> Result<Found, JournalError> {
    let disk = |source| JournalError::Disk { doing: "read the journal", source };
    let listing = segments::list(directory).map_err(disk)?;
    let mut count = 1;
    loop {
        let from = listing.segments.len().saturating_sub(count);
        let (_, recent) = listing.segments.split_at_checked(from).unwrap_or_default();
        let mut reading = Reading::of(recent, known);
        for stranger in &listing.strangers {
            reading.verifier.not_a_segment(stranger);
        }
        recent.iter().try_for_each(|segment| reading.segment(segment)).map_err(disk)?;
        let (verification, found) = reading.finish(recent);
        if let (Verdict::Altered, Some(bad)) = (verification.verdict, verification.bad.into_iter().next()) {
            return Err(JournalError::Altered { segment: bad.segment, line: bad.line, fault: bad.fault });
        }
        if verification.records > 0 || from == 0 {
            return Ok(found);
        }
        count += 1;
    }
}

struct Reading<'k> {
    known: &'k PublicKeys,
    verifier: Verifier,
    open: BTreeMap<u64, OpenIntent>,
    whole: u64,
    torn: u64,
    day: Option<Date>,
}

impl<'k> Reading<'k> {
    fn of(segments: &[Segment], known: &'k PublicKeys) -> Self {
        let first = segments.first().is_none_or(|segment| segment.number == 1);
        let verifier = if first { Verifier::from_the_first() } else { Verifier::from_here() };
        Self { known, verifier, open: BTreeMap::new(), whole: 0, torn: 0, day: None }
    }

    fn segment(&mut self, segment: &Segment) -> std::io::Result<()> {
        self.verifier.segment(&segment.name);
        (self.whole, self.day) = (0, None);
        segment.each_line(|line, ending| self.line(line, ending))
    }

    fn line(&mut self, line: &[u8], ending: Ending) {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        match ending {
            Ending::Newline => self.whole = self.whole.saturating_add(length).saturating_add(1),
            Ending::File => self.torn = length,
        }
        let Some(entry) = self.verifier.line(line, ending) else { return };
        if let Ok(Some(checkpoint)) = entry.checkpoint() {
            let signature = self.known.judge(&checkpoint);
            self.verifier.judged(checkpoint, signature);
        }
        let time = entry.time().and_then(|time| OffsetDateTime::parse(time, &Rfc3339).ok());
        self.day = self.day.or(time.map(OffsetDateTime::date));
        for intent in entry.open {
            self.open.insert(intent.seq, intent);
        }
        for closed in &entry.intents {
            self.open.remove(closed);
        }
        match entry.kind {
            Kind::Intent => {
                let intent = OpenIntent { seq: entry.seq, request: entry.request, ground: entry.ground };
                self.open.insert(entry.seq, intent);
            }
            Kind::Close | Kind::Event => {}
        }
    }

    fn finish(self, segments: &[Segment]) -> (Verification, Found) {
        let verification = self.verifier.finish();
        let last = segments.last();
        let torn = last.filter(|_| self.torn > 0);
        let found = Found {
            head: verification.head,
            at: last.map(|segment| (segment.number, self.whole)),
            day: self.day,
            open: self.open.into_values().collect(),
            torn: torn.map(|segment| Torn { segment: segment.name.clone(), bytes: self.torn }),
        };
        (verification, found)
    }
}
