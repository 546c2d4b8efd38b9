//! Pages: how far the resources of one type of the person are gathered.

use crate::limits;
use crate::query::{Id, Target};
use crate::view::ViewError;
use crate::view::visited::Visited;

/// The pages of one search for what may be judged together. One that holds more than fits is asked for again, for its rest.
#[derive(Debug)]
pub(super) struct Pages {
    resource_type: &'static str,
    /// The page that is read.
    page: Option<Target>,
    next_page: Option<Target>,
    visited: Visited,
    is_first: bool,
    /// How many of its entries were taken before.
    passed: usize,
    /// How many of its entries came.
    seen: usize,
    /// The bytes of those that were taken of this part.
    bytes: usize,
    /// The rest of it does not fit.
    is_cut: bool,
}

impl Pages {
    /// Begins before the first page.
    pub(super) fn of(resource_type: &'static str, person: &[Id]) -> Self {
        let next_page = Target::of_person(resource_type, person);
        let (is_first, is_cut) = (true, false);
        let visited = Visited::default();
        Self { resource_type, page: None, next_page, visited, is_first, passed: 0, seen: 0, bytes: 0, is_cut }
    }

    pub(super) fn resource_type(&self) -> &'static str {
        self.resource_type
    }

    /// Returns true if and only if the next entry, of that many bytes, is to be taken.
    pub(super) fn takes_entry(&mut self, bytes: usize) -> bool {
        if self.is_cut {
            return false;
        }
        if self.seen < self.passed {
            self.seen += 1;
            return false;
        }
        if self.bytes > 0 && self.bytes + bytes > limits::PART_BYTES {
            self.is_cut = true;
            return false;
        }
        self.bytes += bytes;
        self.seen += 1;
        true
    }

    /// Ends a page, or the part of it that fitted. How many there are is bounded by the time for the request alone: most of what
    /// they hold may be hidden.
    ///
    /// # Errors
    /// A first page that does not state what was asked, or a page that leads to one that was read.
    pub(super) fn end(&mut self, next_page: Option<Target>, self_link: Option<&str>) -> Result<(), ViewError> {
        let echoes = |link: &str| self.page.as_ref().is_none_or(|page| page.is_echoed_by(link));
        if self.is_first && !self_link.is_none_or(echoes) {
            return Err(ViewError::NotEchoed);
        }
        if self.is_cut {
            return Ok(());
        }
        self.visited.leads(self.page.as_ref(), next_page.as_ref())?;
        self.next_page = next_page;
        Ok(())
    }

    /// Takes note that there is no such page. A server that has no such type has none of them; of one that has, a page is
    /// missing.
    ///
    /// # Errors
    /// A page that another led to, or whose first part came.
    pub(super) fn absent(&self) -> Result<(), ViewError> {
        if self.is_first && self.passed == 0 { Ok(()) } else { Err(ViewError::NoSuchSearch) }
    }

    /// Returns what to ask next: the rest of the page, or the next page, if there is one.
    pub(super) fn next(&mut self) -> Option<Target> {
        (self.bytes, self.passed) = (0, if self.is_cut { self.seen } else { 0 });
        self.seen = 0;
        if std::mem::take(&mut self.is_cut) {
            return self.page.clone();
        }
        let next_page = self.next_page.take()?;
        self.is_first = self.page.is_none();
        self.page = Some(next_page.clone());
        Some(next_page)
    }
}
