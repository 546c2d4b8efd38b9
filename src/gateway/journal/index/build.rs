//! Making an index: segment by segment, each verified and taken in as a whole.

use std::collections::BTreeSet;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::place::{Moment, Open, Place, Row, beginning, key};
use super::store::{Indexed, Taken, Writing};
use super::{BSN, CALLER, Index, IndexError, Name, REFERENCE, disk};
use crate::audit::{Entry, Head, Kind, Subject, Verdict, Verifier};
use crate::gateway::journal::segments::{self, Segment};

/// What one step of making an index came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// It covers all that it can.
    Whole(Built),
    /// It took in a segment, or let go of what fits no more; there may be more to do.
    More,
    /// It was begun anew, for that reason.
    Anew(IndexError),
}

/// How far an index goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Built {
    /// Segments that it covers.
    pub(crate) segments: usize,
    /// Number of the last line that it covers; 0 where it covers none.
    pub(crate) seq: u64,
}

impl Index {
    /// Goes one step towards an index that covers every segment but the last.
    ///
    /// # Errors
    /// The journal cannot be read or is altered, or the index takes nothing.
    pub(crate) fn step(&self) -> Result<Step, IndexError> {
        let listing = segments::list(&self.directory).map_err(disk("read the journal"))?;
        if let Some(stranger) = listing.strangers.into_iter().next() {
            return Err(IndexError::Altered { segment: stranger });
        }
        let complete = listing.segments.split_last().map_or(&[][..], |(_, complete)| complete);
        let (store, why) = Writing::open(self)?;
        if let Some(why) = why {
            return Ok(Step::Anew(why));
        }
        let indexed = store.segments()?;
        let first = complete.first().or(listing.segments.first()).map_or(u64::MAX, |segment| segment.number);
        if indexed.keys().next().is_some_and(|number| *number < first) {
            store.forget_before(first)?;
            return Ok(Step::More);
        }
        let mut before = None;
        for (place, (number, known)) in indexed.iter().enumerate() {
            let segment = complete.get(place).filter(|segment| segment.number == *number);
            let Some(segment) = segment else { return self.begin_anew(store) };
            let mark = segment.mark().map_err(disk("read the journal"))?;
            if mark != known.mark {
                if verified(segment, before)? != Some(known.last) {
                    return self.begin_anew(store);
                }
                store.note(*number, Indexed { mark, last: known.last })?;
                return Ok(Step::More);
            }
            before = Some(known.last);
        }
        match complete.get(indexed.len()) {
            None => Ok(Step::Whole(Built { segments: indexed.len(), seq: before.map_or(0, |head| head.seq) })),
            Some(next) => {
                self.take(&store, next, before)?;
                Ok(Step::More)
            }
        }
    }

    fn take(&self, store: &Writing, segment: &Segment, before: Option<Head>) -> Result<(), IndexError> {
        // Before it is read: what changes meanwhile is seen at the next step.
        let mark = segment.mark().map_err(disk("read the journal"))?;
        let taken = Taken { open: store.open_intents()?, ..Taken::default() };
        let mut reading = Reading { index: self, taken, failed: None };
        let mut verifier = verifier(Some(segment), before);
        verifier.segment(&segment.name);
        let mut offset: u64 = 0;
        let read = segment.each_line(|line, ending| {
            let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
            if let Some(entry) = verifier.line(line, ending)
                && reading.failed.is_none()
            {
                let hash = beginning(entry.hash);
                let place = Place { seq: entry.seq, segment: segment.number, offset, length, hash };
                reading.failed = reading.line(&entry, place, line).err();
            }
            // Each line that is taken ends with one byte more.
            offset = offset.saturating_add(length).saturating_add(1);
        });
        read.map_err(disk("read the journal"))?;
        let found = verifier.finish();
        if found.verdict != Verdict::Intact {
            return Err(IndexError::Altered { segment: segment.name.clone() });
        }
        match reading.failed {
            Some(failed) => Err(failed),
            None => store.add(segment.number, Indexed { mark, last: found.head }, &reading.taken),
        }
    }

    fn begin_anew(&self, store: Writing) -> Result<Step, IndexError> {
        store.remove(self)?;
        Ok(Step::Anew(IndexError::Misfit))
    }
}

/// Returns a verifier of what stands behind `before`, or at the beginning of the journal as far as it is there.
fn verifier(first: Option<&Segment>, before: Option<Head>) -> Verifier {
    match (before, first) {
        (Some(head), _) => Verifier::following(head),
        (None, Some(segment)) if segment.number > 1 => Verifier::from_here(),
        (None, _) => Verifier::from_the_first(),
    }
}

/// Reads a segment that was indexed before: returns the head at its end where it is as it was written.
fn verified(segment: &Segment, before: Option<Head>) -> Result<Option<Head>, IndexError> {
    let mut verifier = verifier(Some(segment), before);
    verifier.segment(&segment.name);
    let read = segment.each_line(|line, ending| drop(verifier.line(line, ending)));
    read.map_err(disk("read the journal"))?;
    let found = verifier.finish();
    Ok((found.verdict == Verdict::Intact).then_some(found.head))
}

/// What lines tell, as far as it is indexed.
struct Reading<'i> {
    index: &'i Index,
    taken: Taken,
    /// The first that could not be taken.
    failed: Option<IndexError>,
}

impl Reading<'_> {
    fn line(&mut self, entry: &Entry, place: Place, line: &[u8]) -> Result<(), IndexError> {
        // A line that is as it was written and cannot be read is no gateway's.
        let told: Told = serde_json::from_slice(line).map_err(|_| IndexError::Misfit)?;
        let at = told.time.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()).map(Moment::of);
        let mut names = self.names(&told)?;
        match entry.kind {
            Kind::Intent => {
                let names = names.into_iter().collect();
                self.taken.open.insert(entry.seq, Open { place, began: at, names });
            }
            Kind::Event => self.row(names, (at, at), vec![place]),
            Kind::Close => {
                let intents: Vec<Open> = entry.intents.iter().filter_map(|seq| self.taken.open.remove(seq)).collect();
                names.extend(intents.iter().flat_map(|intent| intent.names.iter().copied()));
                let began = intents.first().and_then(|intent| intent.began).or(at);
                let places = intents.iter().map(|intent| intent.place).chain([place]).collect();
                self.row(names, (began, at), places);
            }
        }
        Ok(())
    }

    fn row(&mut self, names: BTreeSet<Name>, (began, ended): (Option<Moment>, Option<Moment>), places: Vec<Place>) {
        if let (Some(began), Some(ended)) = (began, ended) {
            let lasted = u64::try_from(ended.0.saturating_sub(began.0)).unwrap_or_default();
            self.taken.longest = self.taken.longest.max(lasted);
        }
        let (began, ended) = (began.unwrap_or(Moment::FIRST), ended.unwrap_or(Moment::LAST));
        let seq = places.last().map_or(0, |place| place.seq);
        for name in names {
            self.taken.rows.insert(key(&name, ended, seq), Row { began, places: places.clone() });
        }
    }

    fn names(&self, told: &Told) -> Result<BTreeSet<Name>, IndexError> {
        let caller = told.who.as_ref().map(|who| (CALLER, who.ura.as_str()));
        let bsn = told.patient.as_ref().and_then(|patient| patient.bsn.as_deref()).map(|bsn| (BSN, bsn));
        let references = told.patient.iter().flat_map(|patient| &patient.references);
        let references = references.map(|reference| (REFERENCE, reference.as_str()));
        let all = caller.into_iter().chain(bsn).chain(references);
        all.map(|(kind, of)| self.index.name(kind, of)).collect()
    }
}

#[derive(Deserialize)]
struct Told {
    time: Option<String>,
    who: Option<Who>,
    patient: Option<Subject>,
}

#[derive(Deserialize)]
struct Who {
    ura: String,
}
