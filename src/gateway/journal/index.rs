//! The index of a journal: where it tells of a patient or a caller, so that an answer about one person reads their lines and
//! not all of them.
//!
//! It is one file beside the segments, `index.redb`, and holds places only: segment, offset, number and the beginning of a
//! hash. A patient is in it by a keyed hash of BSN or reference, with a key of `keys.directory`; nobody can be found in it
//! without that key. It covers the segments that another one follows, which never change again; the last segment is always
//! read as it is. It can be made anew from the journal at any time, and is never trusted more than the journal: each line is
//! read from the journal and must be the one that the index means, a segment that is not as it was when it was indexed is
//! verified anew, and whatever does not fit ends in a reading without the index.
//!
//! The file is opened for each use and closed after it, so that the gateway and a command can both use it.

mod build;
mod keeper;
mod part;
mod place;
mod store;

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::gateway::keys::{self, KeysError};
use crate::gateway::token::hmac;
use crate::identity::Ura;
use crate::query::Bsn;

#[cfg(test)]
use build::Built;
pub(crate) use build::Step;
pub(crate) use keeper::{Keeper, Keeping};
pub(crate) use part::Part;

/// The name of the file.
const FILE: &str = "index.redb";

/// Why an index cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is none.
    #[error("there is no index")]
    Absent,
    /// Another process has it open.
    #[error("the index is in use")]
    InUse,
    /// It is not whole, or of another version of the program.
    #[error("the index cannot be read")]
    Unreadable,
    /// It was made with another key than the one in force.
    #[error("the index was made with another key")]
    OtherKey,
    /// It tells of another journal than the one beside it, or of one that has changed.
    #[error("the index does not fit the journal")]
    Misfit,
    /// The journal itself is not as it was written.
    #[error("the journal is altered at segment {segment}")]
    Altered {
        /// Name of the segment.
        segment: String,
    },
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    Hash,
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The disk refused.
    #[error("cannot {doing}")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file takes no entry.
    #[error("the index cannot be written")]
    Store(#[source] Box<redb::Error>),
}

impl From<redb::Error> for IndexError {
    fn from(error: redb::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> IndexError {
    move |source| IndexError::Disk { doing, source }
}

/// Whom lines are about.
#[derive(Clone, Copy)]
pub(crate) enum Whom<'a> {
    /// The patient with that BSN.
    Bsn(&'a Bsn),
    /// The Patient record with that reference.
    Reference(&'a str),
    /// The organisation that asked.
    Caller(&'a Ura),
}

impl Whom<'_> {
    fn name(&self) -> (&'static str, &str) {
        match self {
            Self::Bsn(bsn) => (BSN, bsn.as_str()),
            Self::Reference(reference) => (REFERENCE, reference),
            Self::Caller(ura) => (CALLER, ura.as_str()),
        }
    }
}

const BSN: &str = "bsn";
const REFERENCE: &str = "reference";
const CALLER: &str = "caller";

/// A span of time, open where an end is not given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// From this moment on.
    pub(crate) from: Option<OffsetDateTime>,
    /// Before this one.
    pub(crate) to: Option<OffsetDateTime>,
}

/// An index: where it is, and the key that finds somebody in it.
pub(crate) struct Index {
    directory: PathBuf,
    keys: PathBuf,
    key: [u8; 32],
}

/// How somebody is called in an index.
type Name = [u8; 16];

impl Index {
    /// Returns the index of the journal in `directory`, with a key from `keys`, which is made there where there is none.
    pub(crate) fn of(directory: &Path, keys: &Path) -> Result<Self, IndexError> {
        let key = keys::index_key(keys)?;
        let keys = std::path::absolute(keys).map_err(disk("find the directory of the keys"))?;
        Ok(Self { directory: directory.to_owned(), keys, key })
    }

    /// Returns the index that lies in `directory`, with the key from the directory that it names, or from `keys`.
    pub(crate) fn found(directory: &Path, keys: Option<&Path>) -> Result<Self, IndexError> {
        let keys = match keys {
            Some(keys) => keys.to_owned(),
            None => store::keys_of(&directory.join(FILE))?,
        };
        let key = keys::known_index_key(&keys)?.ok_or(IndexError::OtherKey)?;
        Ok(Self { directory: directory.to_owned(), keys, key })
    }

    /// Returns all of the journal, as if there were no index.
    pub(crate) fn without(&self) -> Result<Part, IndexError> {
        Part::all(self)
    }

    /// Removes the index: the next step makes it anew.
    pub(crate) fn remove(&self) -> Result<(), IndexError> {
        store::remove(&self.file())
    }

    fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn name(&self, kind: &str, of: &str) -> Result<Name, IndexError> {
        let hash = hmac(&self.key, format!("{kind} {of}").as_bytes());
        hash.and_then(|hash| hash.first_chunk().copied()).ok_or(IndexError::Hash)
    }

    /// What tells one key from another and finds nobody.
    fn check(&self) -> Result<Name, IndexError> {
        self.name("check", "")
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Index(…)")
    }
}

#[cfg(test)]
mod tests;
