//! Looking: what becomes of a look-up of targets of references, once its pages are read.

use super::{Answer, Of};
use crate::view::ViewError;
use crate::view::graph::{Batch, Node};
use crate::view::need::Needs;
use crate::view::reference::Key;

impl Answer {
    /// Takes note that an entry cannot be read. It is an error where something visible hangs on it and nowhere else, so that
    /// nothing hidden tells by what it leads to.
    ///
    /// # Errors
    /// An entry of what was asked for itself, and what is wrong with more than one entry.
    pub(super) fn unread(&mut self, of: &Of, error: ViewError) -> Result<(), ViewError> {
        match of {
            Of::LookUp(..) if error.is_of_an_entry() => self.unread = Some(error),
            Of::Unit if error.is_of_an_entry() => self.units.unread(error),
            Of::LookUp(..) | Of::Unit | Of::Matches | Of::Includes(..) => return Err(error),
        }
        Ok(())
    }

    /// What was asked for and did not come is not there. With a plan it counts as hidden; without one the reference stays.
    ///
    /// Where something came that cannot be read, those that did not come are asked for one by one, to learn which it is.
    pub(super) fn end_of_look_up(&mut self, batch: Batch) {
        let unread = self.unread.take();
        if self.links.is_full() {
            return self.narrow();
        }
        let absent = if self.judge.is_straight() { Node::Stays(Needs::NOTHING) } else { Node::Hidden };
        let is_alone = batch.ids.len() == 1;
        for id in batch.ids {
            let key = Key { resource_type: batch.resource_type.clone(), id };
            let is_known = self.graph.knows(&key) || self.waiting.contains(&key);
            if is_known && !self.links.wants(&key) {
                continue;
            }
            let node = match unread {
                Some(_) if !is_alone => {
                    self.look_ups.push_front(Batch { resource_type: key.resource_type, ids: vec![key.id] });
                    continue;
                }
                Some(error) => {
                    self.links.unread(&key, error);
                    Node::Unjudged(error)
                }
                None => {
                    self.links.absent(&key);
                    absent.clone()
                }
            };
            if !self.waiting.contains(&key) {
                self.graph.learn(key, node);
            }
        }
    }

    /// Makes room for what one after the other inherits. Those that wait are looked up again, but for those whose verdict their
    /// unit is made of.
    pub(super) fn narrow(&mut self) {
        self.look_ups.clear();
        let Self { links, waiting, units, .. } = self;
        waiting.retain(|key| units.holds(key));
        links.narrow(|key| waiting.contains(key));
    }
}

/// A batch has as many pages as ids at most.
pub(super) fn another_page(batch: &Batch, pages: usize) -> Result<usize, ViewError> {
    if pages < batch.ids.len() { Ok(pages + 1) } else { Err(ViewError::TooManyPages) }
}
