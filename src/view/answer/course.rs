//! Course: what comes next in an answer, once a body has ended.

use std::collections::BTreeSet;

use super::hold::{Held, State};
use super::{Answer, Body, Next, Of, Task};
use crate::consent::Ground;
use crate::json::Document;
use crate::limits;
use crate::query::Target;
use crate::view::cut::cut;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::graph::{Batch, Outlook, batches};
use crate::view::reference::Key;
use crate::view::resource::Resource;
use crate::view::scan::Splitter;
use crate::view::ties::{Around, Loses, WithPlan};
use crate::view::unit::member_of;
use crate::view::writer::Mode;
use crate::view::{Ending, ViewError};

/// Whether what came is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    All,
    /// More must be known first.
    Waits,
}

impl Answer {
    /// Finds out what to do next.
    pub(super) fn advance(&mut self) -> Result<(), ViewError> {
        while matches!(self.next, Next::Wait) {
            if let Some(batch) = self.look_ups.pop_front() {
                self.next = ask(batch, |batch| Of::LookUp(batch, 0));
                continue;
            }
            if self.units.are_coming() {
                if self.judge_gathered()? == Settled::All {
                    let page = self.units.next_page(&self.judge.surroundings.person);
                    match page {
                        Some(page) => self.next = Next::Ask(page, searchset(Of::Unit)),
                        None => self.units.join(&self.graph),
                    }
                }
                continue;
            }
            if self.settle()? == Settled::Waits {
                continue;
            }
            let Task::Search(matches) = &mut self.task else {
                let is_visible = !self.writer.report().released.is_empty();
                self.next = Next::End(if is_visible { Ending::Resource } else { Ending::NotVisible });
                continue;
            };
            if let Some(next_page) = matches.next_page()? {
                self.gather()?;
                self.graph.make_room();
                self.links.make_room();
                self.next = Next::Ask(next_page, searchset(Of::Matches));
            } else if matches.are_coming() {
                matches.begin_includes(&self.writer)?;
            } else {
                self.links.make_room();
                let next_skip = matches.next_skip();
                self.next = match matches.next_include(&self.writer)? {
                    Some(batch) => ask(batch, |batch| Of::Includes(batch, 0)),
                    None => self.search_ended(next_skip)?,
                };
            }
        }
        Ok(())
    }

    /// Judges what came to be judged together, page by page: of what was judged its verdict is kept and not its text, so that
    /// a long record needs no more room than a short one.
    fn judge_gathered(&mut self) -> Result<Settled, ViewError> {
        let links = self.judge_linked()?;
        if links.is_empty() {
            self.links.make_room_where_full();
            return Ok(Settled::All);
        }
        self.links.want(links.iter().cloned());
        self.look_ups = batches(links).into();
        Ok(Settled::Waits)
    }

    /// Releases or withholds what is held, or finds out what must be looked up first.
    fn settle(&mut self) -> Result<Settled, ViewError> {
        if matches!(&self.task, Task::Search(matches) if !matches.are_coming()) {
            #[cfg(feature = "faults")]
            let is_sorted = !is_planted(Fault::UnorderedIncludes);
            #[cfg(not(feature = "faults"))]
            let is_sorted = true;
            if is_sorted {
                self.hold.sort();
            }
        }
        let links = self.judge_linked()?;
        if self.links.is_narrow() && !links.is_empty() {
            self.links.want(links.iter().cloned());
            self.look_ups = batches(links).into();
            return Ok(Settled::Waits);
        }
        let outlooks: Vec<Outlook> = self.hold.iter().map(|held| self.outlook(held)).collect();
        let mut unknown: BTreeSet<Key> = outlooks.iter().flat_map(Outlook::unknown).cloned().collect();
        // Those that wait are there already: they are judged when what they are linked to is.
        for held in self.hold.iter().filter(|held| held.waits()) {
            unknown.remove(&held.key);
        }
        unknown.retain(|key| !self.waiting.contains(key));
        unknown.extend(links.iter().cloned());
        self.links.want(links);
        if !unknown.is_empty() {
            let (units, mut unknown): (BTreeSet<Key>, BTreeSet<Key>) =
                unknown.into_iter().partition(|key| member_of(key).is_some());
            for unit in units {
                if let Some(node) = self.units.node(&unit) {
                    self.graph.learn(unit, node);
                }
            }
            if self.links.is_narrow() {
                unknown = unknown.into_iter().take(1).collect();
            }
            self.look_ups = batches(unknown).into();
            return Ok(Settled::Waits);
        }
        for (held, outlook) in self.hold.take().into_iter().zip(outlooks) {
            match outlook {
                Outlook::Clear => self.release(held)?,
                Outlook::Fails(_) if self.has_all() => {}
                Outlook::Fails(error) => return Err(error),
                Outlook::Barred | Outlook::Unknown(_) => self.writer.withhold(&held.key, Ground::ReferenceHidden),
            }
        }
        Ok(Settled::All)
    }

    /// Returns true if and only if nothing hangs on a further match.
    fn has_all(&self) -> bool {
        matches!(&self.task, Task::Search(matches) if matches.are_coming() && matches.is_done())
    }

    /// Returns whether a resource is visible, once everything it refers to is known: what is optional goes with what is
    /// hidden.
    fn outlook(&self, held: &Held) -> Outlook {
        if let State::Unjudged(error) = held.state {
            return Outlook::Fails(error);
        }
        match self.graph.outlook(&held.key, &held.ties.needs) {
            Outlook::Clear => {
                let sights: Vec<_> = held.ties.targets.iter().map(|target| self.graph.sight(target)).collect();
                let unknown: Vec<Key> = sights.iter().flat_map(|sight| sight.unknown().to_vec()).collect();
                if !unknown.is_empty() {
                    return Outlook::Unknown(unknown);
                }
                let fails = sights.into_iter().find(|sight| matches!(sight, Outlook::Fails(_)));
                fails.unwrap_or(Outlook::Clear)
            }
            bound @ (Outlook::Barred | Outlook::Unknown(_) | Outlook::Fails(_)) => bound,
        }
    }

    /// Takes out what is hidden. Returns false if nothing is left to release.
    fn cut(&self, held: &mut Held) -> Result<bool, ViewError> {
        let is_visible = |target: &Key| self.graph.sight(target) == Outlook::Clear;
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepReferences) {
            return Ok(true);
        }
        if held.ties.loses == Loses::Nothing && held.ties.targets.iter().all(is_visible) {
            return Ok(true);
        }
        let plan = if self.judge.is_straight() { WithPlan::No } else { WithPlan::Yes };
        let around = Around { known: self.judge.known(), plan, hidden_inside: &held.hidden_inside };
        let Some(bytes) = cut(&held.bytes, around, &is_visible).map_err(|_| ViewError::NotStrictJson)? else {
            return Ok(false);
        };
        held.bytes = bytes;
        if let Task::Search(matches) = &self.task
            && matches.are_coming()
        {
            let document = Document::read(&held.bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
            // What went is not what is included for it.
            held.included = matches.targets(&Resource::read(document.root())?, self.judge.known());
        }
        Ok(true)
    }

    /// Returns true if and only if what would be released is what was searched for.
    fn is_wanted(&self, held: &Held) -> Result<bool, ViewError> {
        match &self.task {
            Task::Search(matches) if matches.are_coming() && matches.search().is_answered_here() => {
                let document = Document::read(&held.bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
                Ok(matches.search().matches(document.root()))
            }
            Task::Search(_) | Task::Read(_) => Ok(true),
        }
    }

    fn release(&mut self, mut held: Held) -> Result<(), ViewError> {
        if !self.cut(&mut held)? {
            self.writer.withhold(&held.key, Ground::ReferenceHidden);
            return Ok(());
        }
        if !self.is_wanted(&held)? {
            return Ok(());
        }
        match &mut self.task {
            Task::Read(_) => {
                let bytes = self.part(held.bytes)?;
                self.writer.resource(&held.key, &bytes);
            }
            Task::Search(matches) if !matches.are_coming() => {
                if !self.writer.has(&held.key) {
                    matches.include(matches.further(&held.bytes, self.judge.known())?);
                    let bytes = self.part(held.bytes)?;
                    self.writer.entry(&held.key, Mode::Include, |out| out.extend_from_slice(&bytes));
                }
            }
            Task::Search(matches) => {
                if matches.takes_next() {
                    matches.include(held.included);
                    let bytes = self.part(held.bytes)?;
                    self.writer.entry(&held.key, Mode::Match, |out| out.extend_from_slice(&bytes));
                }
            }
        }
        Ok(())
    }
}

pub(super) fn searchset(of: Of) -> Body {
    Body::Searchset(Box::new(Splitter::new()), of)
}

fn ask(batch: Batch, of: impl FnOnce(Batch) -> Of) -> Next {
    match Target::by_ids(&batch.resource_type, &batch.ids, batch.ids.len()) {
        Some(target) => Next::Ask(target, searchset(of(batch))),
        None => Next::Wait,
    }
}
