//! Part of a journal: the lines that an answer about somebody needs, and no more than an index can spare.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::place::{Moment, Place};
use super::{Index, IndexError, Span, Whom, disk, store};
use crate::audit::{self, Entry, Head, Verification, Verifier};
use crate::gateway::journal::removed::Beginning;
use crate::gateway::journal::segments::{self, Segment};
use crate::gateway::signing::PublicKeys;
use crate::limits;

/// The lines of a journal that are about somebody, and all those that no index covers. What an answer about that somebody
/// makes of these lines is what it makes of all.
pub(crate) struct Part {
    places: Vec<Place>,
    /// The segments that the places are in.
    indexed: BTreeMap<u64, Segment>,
    behind: Option<Head>,
    rest: Vec<Segment>,
    /// Where the journal begins, if that is not where it began.
    beginning: Option<Beginning>,
}

impl Part {
    /// Finds the part that is about `whom`, of accesses that meet the span.
    ///
    /// # Errors
    /// The index cannot be used.
    pub(crate) fn of(index: &Index, whom: Whom<'_>, span: Span) -> Result<Self, IndexError> {
        let (kind, of) = whom.name();
        let from = span.from.map_or(Moment::FIRST, Moment::of);
        let to = span.to.map_or(Moment::LAST, Moment::of);
        let found = store::find(index, &index.name(kind, of)?, from, to)?;
        let listing = segments::list(&index.directory).map_err(disk("read the journal"))?;
        if !listing.strangers.is_empty() {
            return Err(IndexError::Misfit);
        }
        let first = listing.segments.first().map(|segment| segment.number);
        let beginning = beginning(index, first)?;
        // What is not there must have been removed by a policy, and all that was to go be gone: otherwise it is for whoever
        // reads the whole journal to say.
        let by_policy = |Beginning { behind, removed }: &Beginning| {
            removed.as_ref().is_some_and(|removed| removed.seq <= behind.seq)
        };
        if beginning.as_ref().is_some_and(|beginning| !by_policy(beginning)) {
            return Err(IndexError::Misfit);
        }
        let (mut indexed, mut rest, mut behind) = (BTreeMap::new(), Vec::new(), None);
        // What was removed from the front is no part any more.
        let mut known = found.segments.iter().filter(|(number, _)| Some(**number) >= first).peekable();
        for segment in listing.segments {
            match known.next_if(|(number, _)| **number == segment.number) {
                Some((_, known)) if rest.is_empty() => {
                    if segment.mark().map_err(disk("read the journal"))? != known.mark {
                        return Err(IndexError::Misfit);
                    }
                    behind = Some(known.last);
                    indexed.insert(segment.number, segment);
                }
                Some(_) => return Err(IndexError::Misfit),
                None => rest.push(segment),
            }
        }
        // A segment that is in the index and not on disk, or that nothing follows, was not always so.
        if known.next().is_some() || rest.is_empty() && behind.is_some() {
            return Err(IndexError::Misfit);
        }
        let rows = found.rows.into_iter().flat_map(|row| row.places);
        // An intent that is open behind the index may be closed by any line there.
        let mut places: Vec<Place> = rows.chain(found.open.into_iter().map(|open| open.place)).collect();
        places.retain(|place| indexed.contains_key(&place.segment));
        places.sort_unstable_by_key(|place| place.seq);
        places.dedup_by_key(|place| place.seq);
        Ok(Self { places, indexed, behind, rest, beginning })
    }

    /// Returns all of a journal.
    pub(super) fn all(index: &Index) -> Result<Self, IndexError> {
        let listing = segments::list(&index.directory).map_err(disk("read the journal"))?;
        if let Some(segment) = listing.strangers.into_iter().next() {
            return Err(IndexError::Altered { segment });
        }
        let rest = listing.segments;
        let beginning = beginning(index, rest.first().map(|segment| segment.number))?;
        Ok(Self { places: Vec::new(), indexed: BTreeMap::new(), behind: None, rest, beginning })
    }

    /// Returns how many segments must be read as a whole.
    pub(crate) fn unindexed(&self) -> usize {
        self.rest.len()
    }

    /// Returns how many bytes the lines have that the index has places of.
    pub(crate) fn bytes(&self) -> u64 {
        self.places.iter().map(|place| place.length).fold(0, u64::saturating_add)
    }

    /// Reads the lines in their order and gives those that are as they were written. What is returned is of what the index
    /// does not cover.
    ///
    /// # Errors
    /// A line that the index has a place of is not there.
    pub(crate) fn read(&self, mut take: impl FnMut(&Entry, &[u8])) -> Result<Verification, IndexError> {
        let mut open: Option<(u64, File)> = None;
        let mut line = Vec::new();
        for place in &self.places {
            let file = match open.take() {
                Some((segment, file)) if segment == place.segment => file,
                Some(_) | None => {
                    let segment = self.indexed.get(&place.segment).ok_or(IndexError::Misfit)?;
                    segment.open().map_err(disk("read the journal"))?
                }
            };
            let length = usize::try_from(place.length).unwrap_or(usize::MAX);
            if length > limits::RECORD_BYTES {
                return Err(IndexError::Misfit);
            }
            line.resize(length, 0);
            file.read_exact_at(&mut line, place.offset).map_err(|_| IndexError::Misfit)?;
            let entry = audit::read(&line).ok().filter(|entry| place.is_of(entry)).ok_or(IndexError::Misfit)?;
            take(&entry, &line);
            open = Some((place.segment, file));
        }
        let mut verifier = match (self.behind, &self.beginning) {
            (Some(head), _) => Verifier::following(head),
            (None, Some(beginning)) => beginning.begin(Verifier::from_the_first()),
            (None, None) => Verifier::from_the_first(),
        };
        for segment in &self.rest {
            verifier.segment(&segment.name);
            let read = segment.each_line(|line, ending| {
                if let Some(entry) = verifier.line(line, ending) {
                    take(&entry, line);
                }
            });
            read.map_err(disk("read the journal"))?;
        }
        Ok(verifier.finish())
    }
}

/// Finds out where a journal begins whose first segment is not the first that was written; a statement that something was removed
/// counts only where it is signed.
fn beginning(index: &Index, first: Option<u64>) -> Result<Option<Beginning>, IndexError> {
    if first.is_none_or(|number| number <= 1) {
        return Ok(None);
    }
    let keys = PublicKeys::read(&index.keys)?;
    Beginning::of(&index.directory, Some(&keys)).map(Some).map_err(disk("read the journal"))
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({} lines and {} segments)", self.places.len(), self.rest.len())
    }
}
