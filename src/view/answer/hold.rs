//! Hold: what may be released once its references are looked up.

use crate::limits;
use crate::view::ViewError;
use crate::view::judge::Met;
use crate::view::reference::Key;
use crate::view::ties::Ties;

/// A resource that is visible by itself, as far as that is known.
pub(super) struct Held {
    pub(super) key: Key,
    /// The resource as it would be released; as the server has it while it waits.
    pub(super) bytes: Vec<u8>,
    /// What it refers to, and what goes with that.
    pub(super) ties: Ties,
    /// Which of those it contains are hidden by themselves.
    pub(super) hidden_inside: Vec<bool>,
    /// What would be included with it.
    pub(super) included: Vec<Key>,
    pub(super) state: State,
}

/// Whether a held resource is judged.
pub(super) enum State {
    /// It is visible by itself.
    Judged,
    /// It is linked to these, which must be looked up first; and how it was come upon.
    Waits(Vec<Key>, Met),
    /// It cannot be judged, for what it inherits cannot be.
    Unjudged(ViewError),
}

impl Held {
    /// Returns true if and only if it is not judged yet.
    pub(super) fn waits(&self) -> bool {
        matches!(self.state, State::Waits(..))
    }
}

/// Resources that are held, in their order; bounded in bytes.
#[derive(Default)]
pub(super) struct Hold {
    held: Vec<Held>,
    bytes: usize,
}

impl Hold {
    /// Holds one more.
    ///
    /// # Errors
    /// More bytes than one page may take.
    pub(super) fn add(&mut self, held: Held) -> Result<(), ViewError> {
        self.bytes += held.bytes.len();
        if self.bytes > limits::PAGE_BYTES {
            return Err(ViewError::PageTooLarge);
        }
        self.held.push(held);
        Ok(())
    }

    /// Returns how many bytes are held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    /// Orders what is held by type and id.
    pub(super) fn sort(&mut self) {
        self.held.sort_by(|one, other| one.key.cmp(&other.key));
    }

    /// Returns what is held, and holds nothing.
    pub(super) fn take(&mut self) -> Vec<Held> {
        self.bytes = 0;
        std::mem::take(&mut self.held)
    }
}
