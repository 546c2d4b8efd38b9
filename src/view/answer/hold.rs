//! Hold: what may be released once its references are looked up.

use crate::limits;
use crate::view::ViewError;
use crate::view::reference::Key;

/// A resource that is visible by itself.
pub(super) struct Held {
    pub(super) key: Key,
    /// The resource as it would be released.
    pub(super) bytes: Vec<u8>,
    /// What must not be hidden.
    pub(super) references: Vec<Key>,
    /// What would be included with it.
    pub(super) included: Vec<Key>,
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
