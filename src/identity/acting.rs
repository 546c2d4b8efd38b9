//! Who acts behind a system: the person of a statement that was proven.

use std::fmt;

use time::OffsetDateTime;

use super::caller::{Role, UziNumber};
use crate::consent::Purpose;

/// Which kind of statement says who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// A Dezi statement.
    Dezi,
    /// An access token of IHE IUA.
    Iua,
}

impl StatementKind {
    /// Returns the word of the configuration and of the record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Dezi => "dezi",
            Self::Iua => "iua",
        }
    }
}

/// What identifies a statement: for the record, never for deciding.
#[derive(Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// Its kind.
    pub kind: StatementKind,
    /// Who issued it (`iss`).
    pub issuer: String,
    /// Whom the issuer says it is of: `sub`, or the number of Dezi.
    pub subject: String,
    /// Its own id (`jti`), printable ASCII.
    pub jti: String,
    /// When it ends.
    pub expires: OffsetDateTime,
}

impl fmt::Debug for StatementFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementFacts").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Names of a person, as a statement has them.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct PersonNames {
    pub(super) given_name: Option<String>,
    pub(super) surname: Option<String>,
}

/// For which purposes a statement was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StatedPurposes {
    /// Its kind states none: whoever has it says why with each request.
    Open,
    /// These, and no other.
    Only(Vec<Purpose>),
}

/// Who acts behind a system. Only a statement that was proven makes one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Acting {
    pub(super) person: UziNumber,
    pub(super) role: Role,
    pub(super) names: PersonNames,
    pub(super) purposes: StatedPurposes,
    pub(super) facts: StatementFacts,
}

/// Returns a doctor of that number behind a system, as a statement of that kind says it.
#[cfg(test)]
pub(crate) fn doctor_behind(system: &super::Caller, person: &str, kind: StatementKind) -> super::Caller {
    let (issuer, subject, jti) = ("https://as.example".to_owned(), person.to_owned(), "token-1".to_owned());
    let facts = StatementFacts { kind, issuer, subject, jti, expires: OffsetDateTime::UNIX_EPOCH };
    let names = PersonNames { given_name: Some("J.".to_owned()), surname: Some("Jansen".to_owned()) };
    let (person, role) = (person.parse().unwrap(), "01.015".parse().unwrap());
    system.behind_which(Acting { person, role, names, purposes: StatedPurposes::Open, facts })
}

impl fmt::Debug for Acting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acting").field("facts", &self.facts).finish_non_exhaustive()
    }
}
