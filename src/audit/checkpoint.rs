//! Checkpoints: the head of the chain, signed.
//!
//! Hashes can be made by anybody. Whoever can write the journal can write all of it anew, and only a signature shows that
//! the gateway did not: a checkpoint is an event that signs the line before it, and with it every line before that. One that
//! is kept elsewhere tells besides that nothing was cut off behind it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::chain::{Hash, Head};

/// What a checkpoint says, as it stands on a line.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Stated {
    seq: u64,
    hash: Hash,
    key: String,
    signature: String,
}

impl std::fmt::Debug for Stated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stated({})", self.seq)
    }
}

/// A signed head.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    head: Head,
    time: String,
    key: String,
    signature: Vec<u8>,
}

impl Checkpoint {
    /// Returns what is signed: four lines, each with its end: `sluis checkpoint 1`, number and hash of the last line that is
    /// covered, and the `time` of the checkpoint as it stands on its line.
    #[must_use]
    pub fn message(head: Head, time: &str) -> Vec<u8> {
        format!("sluis checkpoint 1\n{}\n{}\n{time}\n", head.seq, head.hash).into_bytes()
    }

    /// Reads what a line states; none where the signature is no base64.
    pub(super) fn of(stated: &Stated, time: Option<&str>) -> Option<Self> {
        let Stated { seq, hash, key, signature } = stated;
        let signature = STANDARD.decode(signature).ok()?;
        let head = Head { seq: *seq, hash: *hash };
        Some(Self { head, time: time.unwrap_or_default().to_owned(), key: key.clone(), signature })
    }

    /// Returns the last line that it covers.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Returns when it was written, as it stands on its line.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.time
    }

    /// Returns the id of the key that it says it was signed with.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the signature, of [`Self::signed`].
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Returns what the signature must be of.
    #[must_use]
    pub fn signed(&self) -> Vec<u8> {
        Self::message(self.head, &self.time)
    }
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checkpoint({})", self.head.seq)
    }
}

/// What became of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// It was made with a key that is known, over what the checkpoint says.
    Good,
    /// It was not, though the key is known.
    Bad,
    /// Nobody can tell: the key is not known.
    UnknownKey,
}
