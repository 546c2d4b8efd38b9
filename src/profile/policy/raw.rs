//! A policy as its file writes it. A key that is not here is an error.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPolicy {
    pub(super) name: String,
    pub(super) title: String,
    #[serde(rename = "cites")]
    pub(super) _cites: Vec<String>,
    /// First and last day on which it grants anything.
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    /// `as-it-is` or `pseudonymised`.
    pub(super) released: Option<String>,
    pub(super) purpose: Vec<RawAdmission>,
    pub(super) reason: RawReason,
    pub(super) nothing_on_file: RawDefaults,
    #[serde(default)]
    pub(super) relation: Vec<RawSign>,
    pub(super) break_glass: Option<RawBreakGlass>,
    #[serde(default)]
    pub(super) withheld: RawWithheld,
    pub(super) unlabelled: RawUnlabelled,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmission {
    pub(super) codes: Vec<String>,
    pub(super) callers: RawList,
    pub(super) roles: RawList,
    pub(super) exchanges: RawList,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReason {
    pub(super) purposes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDefaults {
    pub(super) third_parties: RawDefault,
    pub(super) own_people: RawDefault,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDefault {
    pub(super) then: RawEffect,
    pub(super) purposes: Option<Vec<String>>,
    pub(super) roles: Option<RawList>,
    /// Only inside a treatment relation that a resource shows.
    pub(super) treatment_relation: Option<RawNeed>,
    /// Not for a patient who denies this caller anything at all.
    pub(super) after_an_objection: Option<RawAfterObjection>,
    /// Labels whose resources are left out.
    pub(super) but_not: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawEffect {
    Permit,
    Deny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawNeed {
    Required,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawAfterObjection {
    Nothing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSign {
    pub(super) shown_by: String,
    pub(super) naming: Vec<String>,
    pub(super) status: Option<Vec<String>>,
    pub(super) within: Option<String>,
    #[serde(rename = "for")]
    pub(super) whose: Option<RawWhose>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawWhose {
    ThirdParties,
    OwnPeople,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawBreakGlass {
    pub(super) fills_in: Vec<String>,
    pub(super) overrides: Vec<String>,
    pub(super) lasts: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawWithheld {
    pub(super) never: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawUnlabelled {
    pub(super) never_hidden: Vec<String>,
}

/// A word that stands for many, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawList {
    Word(String),
    Listed(Vec<String>),
}
