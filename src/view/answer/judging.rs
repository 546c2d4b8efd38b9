//! Judging: what is made of each resource that the upstream sends, at once or when what it inherits is looked up.

use std::collections::{BTreeSet, HashMap};

use super::hold::{Held, State};
use super::{Answer, Task};
use crate::consent::Ground;
use crate::json::{Document, Value};
use crate::limits;
use crate::query::Projection;
use crate::view::ViewError;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::graph::{Batch, Node};
use crate::view::judge::{Finding, Judge, Linked, Met, Refers};
use crate::view::links::{Kept, Links, Reach};
use crate::view::need::Needs;
use crate::view::reference::Key;
use crate::view::resource::Resource;
use crate::view::writer::Mode;

/// The linked resources of one page, read once.
type Documents<'l> = HashMap<Key, Document<'l>>;

/// What a resource is, or why it cannot be judged.
type Found = Result<Finding, ViewError>;

impl Answer {
    /// Judges a match and releases it, or holds it until its references are looked up.
    pub(super) fn matched(&mut self, resource: &Resource<'_>) -> Result<(), ViewError> {
        let Task::Search(matches) = &mut self.task else { return Err(ViewError::OutOfStep) };
        if resource.resource_type != matches.search().resource_type() {
            return Err(ViewError::NotAsked);
        }
        let mut refers = Refers::default();
        let finding = self.judge.find(resource, Met::Asked, Linked::Unknown, &mut refers)?;
        let key = resource.key()?;
        if finding == Finding::Visible && refers.is_free() && self.hold.is_empty() {
            self.writer.differs(&key, refers.differs);
            if !self.judge.is_straight() {
                self.graph.learn(key.clone(), Node::Stays(Needs::NOTHING));
            }
            if matches.search().matches(resource.value) && matches.takes_next() {
                matches.include(matches.targets(resource, self.judge.known()));
                let scrubber = &self.scrubber;
                if *matches.search().projection() == Projection::Whole {
                    self.writer.entry(&key, Mode::Match, |out| scrubber.write(resource.value, out));
                } else {
                    let mut bytes = Vec::new();
                    scrubber.write(resource.value, &mut bytes);
                    let bytes = self.part(bytes)?;
                    self.writer.entry(&key, Mode::Match, |out| out.extend_from_slice(&bytes));
                }
            }
            return Ok(());
        }
        self.keep(resource, key, finding, refers, Met::Asked)
    }

    /// Judges the target of a reference.
    pub(super) fn looked_up(&mut self, resource: &Resource<'_>, batch: &Batch) -> Result<(), ViewError> {
        let (key, finding, refers) = self.referred(resource, batch)?;
        // What is not kept is looked up again.
        let _kept = self.take_note(resource, key, finding, refers);
        Ok(())
    }

    /// Keeps what was made of a resource that is not released here, and its text where that is needed.
    fn take_note(&mut self, resource: &Resource<'_>, key: Key, finding: Found, refers: Refers) -> Kept {
        let waits = finding == Ok(Finding::Waits) && !self.graph.knows(&key);
        if (waits || self.links.wants(&key))
            && self.links.keep(&key, resource.value.raw(), &refers.links) == Kept::NoRoom
        {
            return Kept::NoRoom;
        }
        if waits {
            self.waiting.insert(key);
        } else {
            self.graph.learn(key, node(finding, refers));
        }
        Kept::Yes
    }

    /// Judges what may be judged together with what was met.
    pub(super) fn gathered(&mut self, resource: &Resource<'_>) -> Result<(), ViewError> {
        if self.units.resource_type() != Some(resource.resource_type.as_ref()) {
            return Err(ViewError::NotAsked);
        }
        if !resource.is_about(self.judge.known()) {
            return Ok(());
        }
        let key = resource.key()?;
        self.units.add(&key, resource.value, self.judge.known());
        if self.graph.knows(&key) || self.waiting.contains(&key) || self.hold.iter().any(|held| held.key == key) {
            return Ok(());
        }
        let mut refers = Refers::default();
        let finding = self.judge.find(resource, Met::Referred, Linked::Unknown, &mut refers);
        match self.take_note(resource, key, finding, refers) {
            Kept::Yes => Ok(()),
            // A part of a page is less than there is room for, beside the little that is kept from one to the next.
            Kept::NoRoom => Err(ViewError::PageTooLarge),
        }
    }

    /// Judges the target of a reference, and holds it to be released.
    pub(super) fn included(&mut self, resource: &Resource<'_>, batch: &Batch) -> Result<(), ViewError> {
        let (key, finding, refers) = self.referred(resource, batch)?;
        self.keep(resource, key, finding?, refers, Met::Referred)
    }

    fn referred(&self, resource: &Resource<'_>, batch: &Batch) -> Result<(Key, Found, Refers), ViewError> {
        let key = resource.key()?;
        if key.resource_type != batch.resource_type || !batch.ids.contains(&key.id) {
            return Err(ViewError::NotAsked);
        }
        let mut refers = Refers::default();
        let finding = self.judge.find(resource, Met::Referred, Linked::Unknown, &mut refers);
        Ok((key, finding, refers))
    }

    /// Judges the resource that was read.
    pub(super) fn resource(&mut self, bytes: &[u8]) -> Result<(), ViewError> {
        let document = Document::read(bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
        let resource = Resource::read(document.root())?;
        let Task::Read(read) = &self.task else { return Err(ViewError::OutOfStep) };
        if resource.resource_type != read.resource_type() || resource.id != read.id().as_str() {
            return Err(ViewError::NotAsked);
        }
        let mut refers = Refers::default();
        let finding = self.judge.find(&resource, Met::Asked, Linked::Unknown, &mut refers)?;
        self.keep(&resource, resource.key()?, finding, refers, Met::Asked)
    }

    /// Holds what may be released or is not judged yet, and puts on record what may not be released.
    fn keep(
        &mut self,
        resource: &Resource<'_>,
        key: Key,
        finding: Finding,
        refers: Refers,
        met: Met,
    ) -> Result<(), ViewError> {
        if finding != Finding::Waits && !self.judge.is_straight() {
            self.graph.learn(key.clone(), node(Ok(finding), refers.clone()));
        }
        if met == Met::Asked {
            self.writer.differs(&key, refers.differs);
        }
        let matches = match &mut self.task {
            Task::Search(matches) if matches.are_coming() => Some(matches),
            Task::Search(_) | Task::Read(_) => None,
        };
        match finding {
            Finding::Hidden(ground) => {
                #[cfg(feature = "faults")]
                if let Some(matches) = matches {
                    if is_planted(Fault::CountHidden) {
                        matches.takes_next();
                    }
                    if is_planted(Fault::IncludeOfHidden) {
                        matches.include(matches.targets(resource, self.judge.known()));
                    }
                    matches.passes_hidden();
                }
                self.writer.withhold(&key, ground);
            }
            Finding::Outside => self.writer.withhold(&key, Ground::OutsideProfile),
            Finding::Waits => {
                let bytes = resource.value.raw().as_bytes().to_vec();
                let Refers { ties, hidden_inside, links, differs: _ } = refers;
                let state = State::Waits(links, met);
                self.hold.add(Held { key, bytes, ties, hidden_inside, included: Vec::new(), state })?;
            }
            Finding::Visible => {
                let mut bytes = Vec::new();
                self.scrubber.write(resource.value, &mut bytes);
                let included = matches.map(|matches| matches.targets(resource, self.judge.known()));
                let included = included.unwrap_or_default();
                let Refers { ties, hidden_inside, links: _, differs: _ } = refers;
                self.hold.add(Held { key, bytes, ties, hidden_inside, included, state: State::Judged })?;
            }
        }
        Ok(())
    }

    /// Judges those that wait for what they inherit. Returns what must be looked up before they can be judged.
    pub(super) fn judge_linked(&mut self) -> Result<BTreeSet<Key>, ViewError> {
        loop {
            let unknown = self.unknown_links();
            if !unknown.is_empty() {
                return Ok(unknown);
            }
            self.judge_waiting()?;
            if !self.links.is_narrow() {
                return Ok(unknown);
            }
            // What was kept for one is not needed for the next.
            let have_all = self.waiting.is_empty() && !self.hold.iter().any(Held::waits);
            self.narrow();
            if have_all {
                return Ok(unknown);
            }
        }
    }

    /// Returns what must be looked up for those that wait: for all, or for one where there is room for one alone.
    fn unknown_links(&self) -> BTreeSet<Key> {
        let held = self.hold.iter().filter_map(|held| match &held.state {
            State::Waits(links, _) => Some((&held.key, links.as_slice())),
            State::Judged | State::Unjudged(_) => None,
        });
        let waiting = self.waiting.iter().map(|key| (key, self.links.of(key)));
        let each = held.chain(waiting).map(|(key, links)| match self.links.reach(key, links) {
            Reach::Unknown(unknown) => unknown,
            Reach::Known(_) | Reach::TooMuch => Vec::new(),
        });
        if self.links.is_narrow() { each.take(1).flatten().take(1).collect() } else { each.flatten().collect() }
    }

    /// Judges those that waited for what they inherit and for which it is looked up.
    fn judge_waiting(&mut self) -> Result<(), ViewError> {
        if self.waiting.is_empty() && !self.hold.iter().any(Held::waits) {
            return Ok(());
        }
        let links = std::mem::take(&mut self.links);
        let documents = links.documents()?;
        let mut not_hidden = Vec::new();
        for key in std::mem::take(&mut self.waiting) {
            let Some(document) = documents.get(&key) else { return Err(ViewError::OutOfStep) };
            let resource = Resource::read(document.root())?;
            match find_linked(&self.judge, &resource, &links, &documents, links.of(&key), Met::Referred)? {
                None => drop(self.waiting.insert(key)),
                Some((Ok(Finding::Hidden(_)), _)) => self.graph.learn(key, Node::Hidden),
                Some((finding, refers)) => not_hidden.push((key, finding, refers)),
            }
        }
        for (key, finding, refers) in not_hidden {
            let doubt = links.doubt(&key, links.of(&key), |key| self.graph.node(key) == Some(&Node::Hidden));
            self.graph.learn(key, node(doubt.map_or(finding, Err), refers));
        }
        for held in self.hold.take() {
            let State::Waits(to, met) = &held.state else {
                self.hold.add(held)?;
                continue;
            };
            let document = Document::read(&held.bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
            let resource = Resource::read(document.root())?;
            let Some((finding, refers)) = find_linked(&self.judge, &resource, &links, &documents, to, *met)? else {
                self.hold.add(held)?;
                continue;
            };
            let doubt = links.doubt(&held.key, to, |key| self.graph.node(key) == Some(&Node::Hidden));
            let doubt = doubt.filter(|_| !matches!(finding, Ok(Finding::Hidden(_))));
            match doubt.map_or(finding, Err) {
                Ok(finding) => self.keep(&resource, held.key.clone(), finding, refers, *met)?,
                // It is an error in its turn, if the answer comes to it.
                Err(error) => {
                    self.graph.learn(held.key.clone(), Node::Unjudged(error));
                    self.hold.add(Held { state: State::Unjudged(error), ..held })?;
                }
            }
        }
        drop(documents);
        self.links = links;
        Ok(())
    }
}

/// Judges a resource that is linked to `to`, if what it reaches is all looked up. What inherits more than is looked at is hidden,
/// for what it inherits cannot be told; that depends on it alone, and so does not tell of anything else.
fn find_linked(
    judge: &Judge,
    resource: &Resource<'_>,
    links: &Links,
    documents: &Documents<'_>,
    to: &[Key],
    met: Met,
) -> Result<Option<(Found, Refers)>, ViewError> {
    let reached = match links.reach(&resource.key()?, to) {
        Reach::Unknown(_) => return Ok(None),
        Reach::TooMuch => {
            let finding = Finding::Hidden(Ground::ReferenceHidden);
            return Ok(Some((Ok(finding), Refers::default())));
        }
        Reach::Known(reached) => reached,
    };
    let linked: Vec<Value<'_>> = reached.iter().filter_map(|key| Some(documents.get(key)?.root())).collect();
    let mut refers = Refers::default();
    let finding = judge.find(resource, met, Linked::Known(&linked), &mut refers);
    Ok(Some((finding, refers)))
}

fn node(finding: Found, refers: Refers) -> Node {
    match finding {
        Ok(Finding::Visible | Finding::Outside) => Node::Stays(refers.ties.needs),
        Ok(Finding::Hidden(_) | Finding::Waits) => Node::Hidden,
        Err(error) => Node::Unjudged(error),
    }
}
