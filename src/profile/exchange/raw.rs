//! An exchange profile as its file writes it. A key that is not here is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExchange {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) roles: Vec<String>,
    /// Callers who prove no role may ask. No shipped profile says so.
    #[serde(default)]
    pub(super) unproven_role: bool,
    /// Short names of code systems, for the codes below.
    #[serde(default)]
    pub(super) systems: BTreeMap<String, String>,
    pub(super) kinds: BTreeMap<String, RawKind>,
    /// Includes of types that come with what refers to them, by type and name.
    #[serde(default)]
    pub(super) supporting: BTreeMap<String, BTreeMap<String, RawInclude>>,
    /// The sections of a summary, in their order; none where no summary is composed.
    #[serde(default)]
    pub(super) sections: Vec<RawSection>,
    /// What the text of a section says of a resource, by type.
    #[serde(default)]
    pub(super) lines: BTreeMap<String, RawLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSection {
    /// A code of LOINC.
    pub(super) code: String,
    pub(super) title: String,
    /// It is there without an entry as well.
    #[serde(default)]
    pub(super) required: bool,
    pub(super) entries: BTreeMap<String, RawEntries>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntries {
    pub(super) belongs: Option<Vec<BTreeMap<String, Vec<String>>>>,
    #[serde(default)]
    pub(super) never: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLine {
    pub(super) says: Vec<String>,
    #[serde(default)]
    pub(super) since: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKind {
    pub(super) interactions: Vec<RawInteraction>,
    #[serde(default)]
    pub(super) patient: Vec<String>,
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, RawParameter>,
    #[serde(default)]
    pub(super) sort: Vec<String>,
    #[serde(default)]
    pub(super) includes: BTreeMap<String, RawInclude>,
    /// One of these must hold; each is a table of elements and codes, all of which must hold.
    pub(super) belongs: Option<Vec<BTreeMap<String, Vec<String>>>>,
    /// None of these may hold.
    #[serde(default)]
    pub(super) never: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawInteraction {
    Read,
    Search,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawParameterType {
    Token,
    Date,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParameter {
    #[serde(rename = "type")]
    pub(super) value: RawParameterType,
    #[serde(default)]
    pub(super) local: bool,
    #[serde(default)]
    pub(super) elements: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInclude {
    pub(super) element: String,
    pub(super) targets: Vec<String>,
}
