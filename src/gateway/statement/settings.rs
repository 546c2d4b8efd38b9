//! What the configuration says of one issuer.

use std::path::PathBuf;
use std::time::Duration;

use crate::identity::statement::StatementIssuer;

/// An issuer whose statements count, and where its keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementSettings {
    /// What is accepted of it.
    pub issuer: StatementIssuer,
    /// Its keys, a JWKS.
    pub keys: DocumentSettings,
    /// What it took back; none for kinds that do not last.
    pub list: Option<ListSettings>,
    /// CAs that the servers must come from, PEM; those of the system where there is none.
    pub ca: Option<PathBuf>,
    /// How often what has an address is fetched, at least.
    pub every: Duration,
    /// How long keys that were fetched count.
    pub keys_max_age: Duration,
}

/// A file, and where what stands in it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentSettings {
    /// The file; where there is an address, what was fetched is kept in it.
    pub file: PathBuf,
    /// The address; none where somebody else keeps the file.
    pub url: Option<String>,
}

/// A list of what was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSettings {
    /// Where it is.
    pub document: DocumentSettings,
    /// The value of its `iss`.
    pub issuer: String,
}
