//! Matches: how far a search is.

use std::collections::{BTreeSet, VecDeque};

use super::hold::Hold;
use crate::json::Document;
use crate::limits;
use crate::query::{Search, Tally, Target};
use crate::view::ViewError;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::graph::{Batch, batches};
use crate::view::include::targets;
use crate::view::reference::{Key, Known};
use crate::view::resource::Resource;
use crate::view::visited::Visited;
use crate::view::writer::Writer;

/// The state of a search: first its matches come, page by page, then what they include.
pub(super) struct Matches {
    search: Search,
    /// Visible matches still to be passed over.
    skip: usize,
    /// Visible matches still to be released.
    wanted: usize,
    /// How many visible matches this page and those before it hold.
    end: usize,
    is_full: bool,
    /// How many visible matches there were.
    met: usize,
    /// The upstream page that is read.
    page: Option<Target>,
    is_first_page: bool,
    /// Whether the first page stated what was asked.
    is_stated: bool,
    /// How many of its entries were taken before: a page that is too large to be held is asked for again.
    passed: usize,
    /// How many of its entries came.
    seen: usize,
    /// The rest of it does not fit.
    is_cut: bool,
    next_page: Option<Target>,
    visited: Visited,
    /// What released matches refer to through the elements whose targets were asked for.
    included: BTreeSet<Key>,
    /// The includes still to be asked for, once all matches are there.
    includes: Option<VecDeque<Batch>>,
    /// All that was asked for as an include.
    asked: BTreeSet<Key>,
    /// How often it was gone on from what was included.
    rounds: usize,
}

impl Matches {
    /// Begins with the first page that the upstream is asked for.
    pub(super) fn new(search: Search, skip: usize, page: Option<Target>) -> Self {
        let wanted = search.count();
        let end = skip.saturating_add(wanted);
        let included = BTreeSet::new();
        Self {
            search,
            skip,
            wanted,
            end,
            is_full: false,
            met: 0,
            page,
            is_first_page: true,
            is_stated: false,
            passed: 0,
            seen: 0,
            is_cut: false,
            next_page: None,
            visited: Visited::default(),
            included,
            includes: None,
            asked: BTreeSet::new(),
            rounds: 0,
        }
    }

    pub(super) fn search(&self) -> &Search {
        &self.search
    }

    /// Returns true if and only if no further match matters: one was found that the page has no room for, and nothing is
    /// counted.
    pub(super) fn is_done(&self) -> bool {
        self.is_full && self.search.tally() == Tally::Unsaid
    }

    /// Returns the number of visible matches, where it was asked for.
    pub(super) fn total(&self) -> Option<usize> {
        match self.search.tally() {
            Tally::Unsaid => None,
            Tally::Total | Tally::Only => Some(self.met),
        }
    }

    /// Returns true if and only if matches are still read, and no includes yet.
    pub(super) fn are_coming(&self) -> bool {
        self.includes.is_none()
    }

    /// Returns how many matches more are passed over or taken.
    pub(super) fn room(&self) -> usize {
        self.skip + self.wanted
    }

    /// Turns to the matches of another search, whose first page is that; they are counted on from those before.
    pub(super) fn turn_to(&mut self, search: Search, page: Option<Target>) {
        self.search = search;
        (self.page, self.is_first_page, self.passed, self.seen, self.is_cut) = (page, true, 0, 0, false);
        self.is_stated = false;
        self.next_page = None;
        self.visited = Visited::default();
        self.includes = None;
    }

    /// Turns from matches to what the answer refers to.
    pub(super) fn turn_to_referred(&mut self, batches: Vec<Batch>) {
        self.includes = Some(batches.into());
    }

    /// Returns where the next page begins, if a visible match follows.
    pub(super) fn next_skip(&self) -> Option<usize> {
        if self.is_full && self.search.tally() != Tally::Only { Some(self.end) } else { None }
    }

    /// Counts one more visible match. Returns true if and only if it belongs to the page.
    pub(super) fn takes_next(&mut self) -> bool {
        self.met += 1;
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.wanted == 0 {
            self.is_full = true;
            return false;
        }
        self.wanted -= 1;
        true
    }

    /// Returns true if and only if the next entry, of that many bytes, is to be taken beside what is held. One that does not
    /// fit ends this part of the page; a page in parts gives what it would give in one.
    pub(super) fn takes_entry(&mut self, bytes: usize, hold: &Hold) -> bool {
        if self.is_done() || self.is_cut {
            return false;
        }
        if self.seen < self.passed {
            self.seen += 1;
            return false;
        }
        if !hold.is_empty() && hold.bytes() + bytes > limits::PART_BYTES {
            self.is_cut = true;
            return false;
        }
        self.seen += 1;
        true
    }

    /// Leaves the entry that was taken last for the next part of the page, which begins with it.
    pub(super) fn leave_entry(&mut self) {
        self.seen = self.seen.saturating_sub(1);
        self.is_cut = true;
    }

    /// Returns true if and only if nothing more of the page is taken. Of a first page the end is wanted in any case: what it
    /// states may stand there.
    pub(super) fn has_enough(&self) -> bool {
        (self.is_cut || self.is_done()) && (self.is_stated || !self.is_first_page)
    }

    /// Where a hidden match is not passed over as if it were not there.
    #[cfg(feature = "faults")]
    pub(super) fn passes_hidden(&mut self) {
        if is_planted(Fault::NextForHidden) && self.wanted == 0 {
            self.is_full = true;
        }
        if is_planted(Fault::TotalOfHidden) {
            self.met += 1;
        }
    }

    /// Ends an upstream page, or the part of it that fitted. `self_link` is that of the page, if it has one.
    ///
    /// A server that states no parameters at all is believed: whose each entry is is looked at in any case, and one that it
    /// should not have found is of what this caller may see.
    ///
    /// # Errors
    /// A first page that does not state what was asked, or a page that leads to one that was read.
    pub(super) fn end_page(&mut self, next_page: Option<Target>, self_link: Option<&str>) -> Result<(), ViewError> {
        let echoes = |link: &str| self.page.as_ref().is_none_or(|page| page.is_echoed_by(link));
        if self.is_first_page && !self_link.is_none_or(echoes) {
            return Err(ViewError::NotEchoed);
        }
        self.is_stated = true;
        if self.is_cut {
            return Ok(());
        }
        self.visited.leads(self.page.as_ref(), next_page.as_ref())?;
        self.next_page = next_page;
        Ok(())
    }

    /// Returns the upstream page to read next, if one is needed and there: the same once more where a part of it is left. How
    /// many there are is not bounded but by the time for the request, since most of what they hold may be hidden.
    ///
    /// # Errors
    /// More visible matches than are counted.
    pub(super) fn next_page(&mut self) -> Result<Option<Target>, ViewError> {
        if self.total().is_some_and(|total| total > limits::TOTAL) {
            return Err(ViewError::TooManyMatches);
        }
        #[cfg(feature = "faults")]
        if is_planted(Fault::PageGap) {
            self.next_page = None;
        }
        if self.is_done() {
            return Ok(None);
        }
        if self.is_cut {
            (self.is_cut, self.passed, self.seen) = (false, self.seen, 0);
            return Ok(self.page.clone());
        }
        let next_page = self.next_page.take();
        if next_page.is_some() {
            (self.page, self.is_first_page, self.passed, self.seen) = (next_page.clone(), false, 0, 0);
        }
        Ok(next_page)
    }

    /// Returns what `resource` refers to through the elements whose targets were asked for.
    pub(super) fn targets(&self, resource: &Resource<'_>, known: Known<'_>) -> Vec<Key> {
        targets(self.search.includes(), resource, known)
    }

    /// Adds to what is included: a released match refers to it.
    pub(super) fn include(&mut self, targets: Vec<Key>) {
        self.included.extend(targets);
    }

    /// Turns from matches to includes. What is a match of this page is not included again.
    ///
    /// # Errors
    /// More includes than one answer may cost.
    pub(super) fn begin_includes(&mut self, writer: &Writer) -> Result<(), ViewError> {
        if self.included.len() > limits::REFERENCES {
            return Err(ViewError::TooManyIncludes);
        }
        let mut included = std::mem::take(&mut self.included);
        included.retain(|key| !writer.has(key));
        self.asked.extend(included.iter().cloned());
        self.includes = Some(batches(included).into());
        Ok(())
    }

    /// Returns what an include, as it is released, refers to through the elements that are followed further.
    ///
    /// # Errors
    /// One that cannot be read; it was when it came.
    pub(super) fn further(&self, included: &[u8], known: Known<'_>) -> Result<Vec<Key>, ViewError> {
        if self.search.iterates().is_empty() {
            return Ok(Vec::new());
        }
        let document = Document::read(included, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
        let resource = Resource::read(document.root())?;
        let through = self.search.iterates().iter().filter(|include| include.source() == resource.resource_type);
        Ok(targets(&through.cloned().collect::<Vec<_>>(), &resource, known))
    }

    /// Returns the next includes to ask for: those of the matches, then round by round those of what was included. What is there
    /// already is not included again, so a circle ends.
    ///
    /// # Errors
    /// More includes, or more rounds, than one answer may cost.
    pub(super) fn next_include(&mut self, writer: &Writer) -> Result<Option<Batch>, ViewError> {
        let Some(includes) = &mut self.includes else { return Ok(None) };
        if let Some(batch) = includes.pop_front() {
            return Ok(Some(batch));
        }
        let mut further = std::mem::take(&mut self.included);
        further.retain(|key| !writer.has(key) && self.asked.insert(key.clone()));
        if further.is_empty() {
            return Ok(None);
        }
        self.rounds += 1;
        if self.rounds > limits::REFERENCE_DEPTH || self.asked.len() > limits::REFERENCES {
            return Err(ViewError::TooManyIncludes);
        }
        let mut batches: VecDeque<Batch> = batches(further).into();
        let first = batches.pop_front();
        self.includes = Some(batches);
        Ok(first)
    }
}
