//! The list of statements that the Dezi register took back (`revocatiecontrole`, interface specification 0.7): a JWS by the
//! keys that sign statements.
//!
//! How it writes moments is confirmed in no source (they are said to be texts): whole seconds since 1970, as number or text,
//! and RFC 3339 are read.

use std::collections::HashSet;
use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::claims;
use super::compact::{Compact, Signed};
use super::unproven::Unproven;
use crate::json::{Document, Kind, Value};
use crate::limits;

/// Why a list is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// No JWS, or one that is not read here.
    #[error("it is no JWS that can be read ({})", .0.code())]
    Jws(Unproven),
    /// No list.
    #[error("it is no list of statements that were taken back")]
    Shape,
    /// Another issuer's.
    #[error("it is another issuer's")]
    Issuer,
    /// It has ended, or holds only later.
    #[error("it does not hold now")]
    OutsideValidity,
}

impl ListError {
    /// One of each kind.
    pub const ALL: [Self; 4] = [Self::Jws(Unproven::Form), Self::Shape, Self::Issuer, Self::OutsideValidity];

    /// Returns the code, for metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Jws(_) => "no-jws",
            Self::Shape => "no-list",
            Self::Issuer => "another-list",
            Self::OutsideValidity => "list-outside-validity",
        }
    }
}

/// A list as it came, whose signature is not checked yet.
pub struct UnprovenList<'t>(Compact<'t>);

/// A list whose signature was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    until: OffsetDateTime,
    revoked: HashSet<String>,
}

impl fmt::Debug for UnprovenList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnprovenList(…)")
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({})", self.revoked.len())
    }
}

impl<'t> UnprovenList<'t> {
    /// Takes a list apart.
    ///
    /// # Errors
    /// It is no JWS that is read here.
    pub fn read(text: &'t str) -> Result<Self, ListError> {
        Compact::read(text.trim_end(), limits::REVOCATION_LIST.bytes).map(Self).map_err(ListError::Jws)
    }

    /// Reads the list by its issuer's name, once `verify` said that the signature is good.
    ///
    /// # Errors
    /// The signature is not, or what is signed is no list that holds.
    pub fn proven(
        self,
        issuer: &str,
        now: OffsetDateTime,
        verify: impl FnOnce(&Signed<'_>) -> Result<(), Unproven>,
    ) -> Result<RevocationList, ListError> {
        verify(&self.0.signed()).map_err(ListError::Jws)?;
        let document = Document::read(self.0.payload(), limits::REVOCATION_LIST).map_err(|_| ListError::Shape)?;
        let root = document.root();
        if root.text_of("iss").is_none_or(|named| named != issuer) {
            return Err(ListError::Issuer);
        }
        let at = |name: &str| root.get(name).and_then(moment).ok_or(ListError::Shape);
        let (from, until) = (at("nbf")?, at("exp")?);
        if now < from || until <= now {
            return Err(ListError::OutsideValidity);
        }
        let entries = root.get("revocaties").filter(|entries| entries.kind() == Kind::Array);
        // What is listed is taken back, whenever it is said to have been.
        let id = |entry: Value<'_>| claims::plain(entry.get("verklaringId")?).map(|id| id.to_ascii_lowercase());
        let revoked: Option<HashSet<String>> = entries.ok_or(ListError::Shape)?.items().map(id).collect();
        Ok(RevocationList { until, revoked: revoked.ok_or(ListError::Shape)? })
    }
}

impl RevocationList {
    /// Returns when it ends.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        self.until
    }

    /// Checks that the statement of that id is not on the list.
    ///
    /// # Errors
    /// It is, or the list has ended.
    pub fn is_not_revoked(&self, id: &str, now: OffsetDateTime) -> Result<(), Unproven> {
        // Once on the list is enough, whether it still holds or not.
        if self.revoked.contains(&id.to_ascii_lowercase()) {
            return Err(Unproven::Revoked);
        }
        if now < self.until { Ok(()) } else { Err(Unproven::RevocationUnknown) }
    }
}

fn moment(value: Value<'_>) -> Option<OffsetDateTime> {
    if let Some(moment) = claims::moment(value) {
        return Some(moment);
    }
    let text = value.as_str()?;
    match text.parse::<u32>() {
        Ok(seconds) => OffsetDateTime::from_unix_timestamp(seconds.into()).ok(),
        Err(_) => OffsetDateTime::parse(&text, &Rfc3339).ok(),
    }
}
