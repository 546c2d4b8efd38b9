//! Matches: how far a search is.

use std::collections::{BTreeSet, VecDeque};
use std::str::FromStr;

use crate::limits;
use crate::query::{Id, Search, Tally, Target};
use crate::view::ViewError;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::graph::{Batch, batches};
use crate::view::reference::{Key, Known, Lead};
use crate::view::resource::Resource;
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
    pages: usize,
    next_page: Option<Target>,
    /// What released matches refer to through the elements whose targets were asked for.
    included: BTreeSet<Key>,
    /// The includes still to be asked for, once all matches are there.
    includes: Option<VecDeque<Batch>>,
}

impl Matches {
    pub(super) fn new(search: Search, skip: usize) -> Self {
        let wanted = search.count();
        let end = skip.saturating_add(wanted);
        let included = BTreeSet::new();
        Self { search, skip, wanted, end, is_full: false, met: 0, pages: 0, next_page: None, included, includes: None }
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

    /// Turns to the matches of another search, which are counted on from those before.
    pub(super) fn turn_to(&mut self, search: Search) {
        self.search = search;
        self.pages = 0;
        self.next_page = None;
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

    /// Ends an upstream page.
    ///
    /// # Errors
    /// A first page that does not echo the person, or more pages than one answer may cost.
    pub(super) fn end_page(&mut self, next_page: Option<Target>, echoed: bool) -> Result<(), ViewError> {
        self.pages += 1;
        if self.pages == 1 && !echoed {
            return Err(ViewError::PersonNotEchoed);
        }
        self.next_page = next_page;
        Ok(())
    }

    /// Returns the upstream page to read next, if one is needed and there.
    ///
    /// # Errors
    /// More pages than one answer may cost, or more visible matches than are counted.
    pub(super) fn next_page(&mut self) -> Result<Option<Target>, ViewError> {
        if self.total().is_some_and(|total| total > limits::TOTAL) {
            return Err(ViewError::TooManyMatches);
        }
        #[cfg(feature = "faults")]
        if is_planted(Fault::PageGap) {
            self.next_page = None;
        }
        let next_page = self.next_page.take().filter(|_| !self.is_done());
        if next_page.is_some() && self.pages >= limits::UPSTREAM_PAGES {
            return Err(ViewError::TooManyPages);
        }
        Ok(next_page)
    }

    /// Returns what `resource` refers to through the elements whose targets were asked for.
    pub(super) fn targets(&self, resource: &Resource<'_>, known: Known<'_>) -> Vec<Key> {
        let mut keys = Vec::new();
        for include in self.search.includes() {
            let mut note = |resource_type: &str, id: &str| {
                if include.targets().iter().any(|target| target == resource_type)
                    && let Ok(id) = Id::from_str(id)
                {
                    keys.push(Key { resource_type: resource_type.to_owned(), id });
                }
            };
            include.path().any(resource.value, &mut |reference| {
                match reference.text_of("reference").as_deref().map(|text| known.lead(text)) {
                    Some(Lead::Resource(resource_type, id)) => note(resource_type, id),
                    Some(Lead::Own(id)) => note("Patient", id),
                    Some(Lead::OtherPerson | Lead::Inside(_) | Lead::Nowhere) | None => {}
                }
                false
            });
        }
        keys
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
        self.includes = Some(batches(included).into());
        Ok(())
    }

    /// Returns the next includes to ask for.
    pub(super) fn next_include(&mut self) -> Option<Batch> {
        self.includes.as_mut().and_then(VecDeque::pop_front)
    }
}
