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
use crate::view::links::{Links, Reach};
use crate::view::need::Needs;
use crate::view::reference::Key;
use crate::view::resource::Resource;
use crate::view::writer::Mode;

/// The linked resources of one page, read once.
type Documents<'l> = HashMap<Key, Document<'l>>;

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
        self.take_note(resource, key, finding, refers)
    }

    /// Keeps what was made of a resource that is not released here.
    fn take_note(
        &mut self,
        resource: &Resource<'_>,
        key: Key,
        finding: Finding,
        refers: Refers,
    ) -> Result<(), ViewError> {
        if finding == Finding::Waits || self.links.wants(&key) {
            self.links.keep(&key, resource.value.raw(), &refers.links)?;
        }
        if finding == Finding::Waits {
            self.waiting.insert(key);
        } else {
            self.graph.learn(key, node(finding, refers));
        }
        Ok(())
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
        let finding = self.judge.find(resource, Met::Referred, Linked::Unknown, &mut refers)?;
        self.take_note(resource, key, finding, refers)
    }

    /// Judges the target of a reference, and holds it to be released.
    pub(super) fn included(&mut self, resource: &Resource<'_>, batch: &Batch) -> Result<(), ViewError> {
        let (key, finding, refers) = self.referred(resource, batch)?;
        self.keep(resource, key, finding, refers, Met::Referred)
    }

    fn referred(&self, resource: &Resource<'_>, batch: &Batch) -> Result<(Key, Finding, Refers), ViewError> {
        let key = resource.key()?;
        if key.resource_type != batch.resource_type || !batch.ids.contains(&key.id) {
            return Err(ViewError::NotAsked);
        }
        let mut refers = Refers::default();
        let finding = self.judge.find(resource, Met::Referred, Linked::Unknown, &mut refers)?;
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
            self.graph.learn(key.clone(), node(finding, refers.clone()));
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

    /// Returns what must be looked up before those that wait for it can be judged.
    pub(super) fn unknown_links(&self) -> BTreeSet<Key> {
        let held = self.hold.iter().filter_map(|held| match &held.state {
            State::Waits(links, _) => Some((&held.key, links.as_slice())),
            State::Judged => None,
        });
        let waiting = self.waiting.iter().map(|key| (key, self.links.of(key)));
        let reach = held.chain(waiting).map(|(key, links)| self.links.reach(key, links));
        let unknown = reach.filter_map(|reach| match reach {
            Reach::Unknown(unknown) => Some(unknown),
            Reach::Known(_) => None,
        });
        unknown.flatten().collect()
    }

    /// Judges those that waited for what they inherit, now that it is looked up.
    pub(super) fn judge_waiting(&mut self) -> Result<(), ViewError> {
        if self.waiting.is_empty() && !self.hold.iter().any(Held::waits) {
            return Ok(());
        }
        let links = std::mem::take(&mut self.links);
        let documents = links.documents()?;
        for key in std::mem::take(&mut self.waiting) {
            let Some(document) = documents.get(&key) else { return Err(ViewError::OutOfStep) };
            let resource = Resource::read(document.root())?;
            let found = find_linked(&self.judge, &resource, &links, &documents, links.of(&key), Met::Referred);
            let (finding, refers) = found?;
            self.graph.learn(key, node(finding, refers));
        }
        for held in self.hold.take() {
            let State::Waits(to, met) = &held.state else {
                self.hold.add(held)?;
                continue;
            };
            let document = Document::read(&held.bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
            let resource = Resource::read(document.root())?;
            let (finding, refers) = find_linked(&self.judge, &resource, &links, &documents, to, *met)?;
            self.keep(&resource, held.key.clone(), finding, refers, *met)?;
        }
        drop(documents);
        self.links = links;
        Ok(())
    }
}

/// Judges a resource that is linked to `to`, which are all looked up.
fn find_linked(
    judge: &Judge,
    resource: &Resource<'_>,
    links: &Links,
    documents: &Documents<'_>,
    to: &[Key],
    met: Met,
) -> Result<(Finding, Refers), ViewError> {
    let Reach::Known(reached) = links.reach(&resource.key()?, to) else { return Err(ViewError::OutOfStep) };
    let linked: Vec<Value<'_>> = reached.iter().filter_map(|key| Some(documents.get(key)?.root())).collect();
    let mut refers = Refers::default();
    let finding = judge.find(resource, met, Linked::Known(&linked), &mut refers)?;
    Ok((finding, refers))
}

fn node(finding: Finding, refers: Refers) -> Node {
    match finding {
        Finding::Visible | Finding::Outside => Node::Stays(refers.ties.needs),
        Finding::Hidden(_) | Finding::Waits => Node::Hidden,
    }
}
