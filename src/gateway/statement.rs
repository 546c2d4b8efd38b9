//! Statements: the keys of those who say who acts behind a system, kept at hand, and what they took back.
//!
//! Keys (JWKS) and lists come from files, or from addresses of the configuration that are fetched in the background and kept
//! in those files. Nothing is fetched for a request: who is asked by nobody's token cannot be made to ask.

mod follow;
mod keys;
mod settings;

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use time::OffsetDateTime;

use super::admin::Check;
use crate::identity::Caller;
use crate::identity::statement::{self, Accepted, KeySetError, ListError, Proof, RevocationList, Signed, Unproven};
use crate::identity::statement::{UnprovenList, acting};
use crate::limits;
pub(super) use follow::{codes as fetch_codes, follow};
use keys::KeySet;
pub use settings::{DocumentSettings, ListSettings, StatementSettings};

/// Why keys or a list are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read or written.
    #[error("the file cannot be read or written ({0})")]
    File(io::ErrorKind),
    /// It is longer than it may be.
    #[error("it is longer than it may be")]
    TooLong,
    /// It is no set of keys that counts.
    #[error(transparent)]
    Keys(#[from] KeySetError),
    /// It is no list that counts.
    #[error(transparent)]
    List(#[from] ListError),
    /// It is older than the list in force.
    #[error("it is older than the one in force")]
    Older,
}

impl DocumentError {
    fn code(self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::TooLong => "too-long",
            Self::Keys(error) => error.code(),
            Self::List(error) => error.code(),
            Self::Older => "older",
        }
    }
}

/// A file of the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {cause}")]
pub struct StatementsError {
    file: String,
    cause: DocumentError,
}

/// What of an issuer comes from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Keys,
    List,
}

/// Keys and list of one issuer, as they are at the moment.
#[derive(Debug)]
struct Shelf {
    settings: StatementSettings,
    keys: ArcSwapOption<Keys>,
    list: ArcSwapOption<RevocationList>,
}

#[derive(Debug)]
struct Keys {
    set: KeySet,
    /// When keys that were fetched count no more; those of a file count as long as they stand there.
    until: Option<OffsetDateTime>,
}

impl Keys {
    fn hold(&self, now: OffsetDateTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Proof for Arc<Shelf> {
    fn verify(&self, signed: &Signed<'_>, now: OffsetDateTime) -> Result<(), Unproven> {
        let keys = self.keys.load();
        let keys = keys.as_ref().filter(|keys| keys.hold(now)).ok_or(Unproven::KeysUnavailable)?;
        keys.set.verify(signed)
    }

    fn is_not_revoked(&self, id: &str, now: OffsetDateTime) -> Result<(), Unproven> {
        let list = self.list.load();
        list.as_ref().ok_or(Unproven::RevocationUnknown)?.is_not_revoked(id, now)
    }
}

impl Shelf {
    fn document(&self, piece: Piece) -> Option<&DocumentSettings> {
        match piece {
            Piece::Keys => Some(&self.settings.keys),
            Piece::List => self.settings.list.as_ref().map(|list| &list.document),
        }
    }

    /// Puts what was read or fetched at `since` in force; returns when it ends.
    fn take(
        self: &Arc<Self>,
        piece: Piece,
        bytes: &[u8],
        since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, DocumentError> {
        let longest = since + self.settings.keys_max_age;
        match piece {
            Piece::Keys => {
                let until = self.settings.keys.url.as_ref().map(|_| longest);
                self.keys.store(Some(Arc::new(Keys { set: KeySet::read(bytes)?, until })));
                Ok(longest)
            }
            Piece::List => {
                let text = std::str::from_utf8(bytes).map_err(|_| ListError::Shape)?;
                let issuer = self.settings.list.as_ref().map_or("", |list| &list.issuer);
                let list = UnprovenList::read(text)?.proven(issuer, now, |signed| self.verify(signed, now))?;
                let until = list.until();
                // Whoever brings back an older one brings back what was not taken back yet.
                if self.list.load().as_ref().is_some_and(|there| until < there.until()) {
                    return Err(DocumentError::Older);
                }
                self.list.store(Some(Arc::new(list)));
                Ok(until)
            }
        }
    }

    /// Reads a file and puts it in force.
    fn read(self: &Arc<Self>, piece: Piece, now: OffsetDateTime) -> Result<(), DocumentError> {
        let Some(document) = self.document(piece) else { return Ok(()) };
        let failed = |error: io::Error| DocumentError::File(error.kind());
        let metadata = std::fs::metadata(&document.file).map_err(failed)?;
        if usize::try_from(metadata.len()).map_or(true, |length| length > piece.limit()) {
            return Err(DocumentError::TooLong);
        }
        let bytes = std::fs::read(&document.file).map_err(failed)?;
        // A file from a future that is not there yet was written now.
        let written = metadata.modified().map_or(now, OffsetDateTime::from).min(now);
        self.take(piece, &bytes, written, now).map(|_| ())
    }
}

impl Piece {
    const ALL: [Self; 2] = [Self::Keys, Self::List];

    fn limit(self) -> usize {
        match self {
            Self::Keys => limits::KEY_SET.bytes,
            Self::List => limits::REVOCATION_LIST.bytes,
        }
    }
}

/// The issuers whose statements count, each with its keys.
pub struct Statements(Vec<Accepted<Arc<Shelf>>>);

impl fmt::Debug for Statements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Statements({})", self.0.len())
    }
}

impl Statements {
    /// Reads the files. One that is fetched need not be there yet.
    ///
    /// # Errors
    /// A file that cannot be used, and that nothing else brings.
    pub fn load(settings: &[StatementSettings], now: OffsetDateTime) -> Result<Self, StatementsError> {
        let mut accepted = Vec::new();
        for settings in settings {
            let shelf =
                Shelf { settings: settings.clone(), keys: ArcSwapOption::empty(), list: ArcSwapOption::empty() };
            let shelf = Arc::new(shelf);
            for piece in Piece::ALL {
                let Some(document) = shelf.document(piece) else { continue };
                let file = document.file.display().to_string();
                match shelf.read(piece, now) {
                    Ok(()) => {}
                    Err(DocumentError::File(io::ErrorKind::NotFound)) if document.url.is_some() => {}
                    // A list is signed with keys that may not be here yet, and one that was kept may have ended.
                    Err(cause) if document.url.is_some() || shelf.awaits(piece, cause) => {
                        tracing::warn!(file, %cause, "what was kept of an issuer of statements does not count");
                    }
                    Err(cause) => return Err(StatementsError { file, cause }),
                }
            }
            accepted.push(Accepted { issuer: settings.issuer.clone(), proof: shelf });
        }
        Ok(Self(accepted))
    }

    /// Returns the caller as who acts behind its system, by the values of `Authorization`; none where there is none.
    pub(super) fn acting(
        &self,
        authorization: &[&str],
        caller: &Caller,
        now: OffsetDateTime,
    ) -> Result<Option<Caller>, Unproven> {
        acting(authorization, caller, &self.0, now)
    }

    /// Returns what `/ready` says of keys and lists; nothing where no statement counts.
    pub(super) fn checks(&self, now: OffsetDateTime) -> Vec<Check> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let have_keys = |shelf: &Arc<Shelf>| shelf.keys.load().as_ref().is_some_and(|keys| keys.hold(now));
        let have_lists = |shelf: &Arc<Shelf>| {
            shelf.settings.list.is_none() || shelf.list.load().as_ref().is_some_and(|list| now < list.until())
        };
        let check = |name, holds: &dyn Fn(&Arc<Shelf>) -> bool| {
            let all = self.0.iter().all(|accepted| holds(&accepted.proof));
            if all { Check::passing(name) } else { Check::failing(name, "missing") }
        };
        vec![check("statement-keys", &have_keys), check("statement-revocation", &have_lists)]
    }

    fn shelves(&self) -> impl Iterator<Item = &Arc<Shelf>> {
        self.0.iter().map(|accepted| &accepted.proof)
    }
}

impl Shelf {
    /// Returns true if and only if a list cannot be judged for want of keys that are fetched.
    fn awaits(&self, piece: Piece, cause: DocumentError) -> bool {
        let no_keys = DocumentError::List(ListError::Jws(statement::Unproven::KeysUnavailable));
        piece == Piece::List && cause == no_keys && self.settings.keys.url.is_some()
    }
}

#[cfg(test)]
mod tests;
