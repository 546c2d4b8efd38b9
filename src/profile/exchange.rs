//! Exchange profile: one declared kind of traffic, and which queries and resources belong to it.

mod compile;
mod raw;
mod section;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::identity::Role;
use crate::json::Value;

use super::criteria::Condition;
use super::{ElementPath, ProfileError};

pub use section::{Line, Section};

/// Types that are visible because a visible resource refers to them (design, section 3, "What is visible", 4): no profile
/// offers them for themselves.
pub const SUPPORTING: [&str; 8] =
    ["Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Substance", "Device", "Endpoint"];

/// The parameter that every type has: when a resource last changed.
pub const LAST_UPDATED: &str = "_lastUpdated";

/// One declared kind of traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    name: String,
    title: String,
    roles: Vec<String>,
    unproven_role: bool,
    kinds: Vec<Arc<Kind>>,
    sections: Vec<Section>,
    lines: BTreeMap<String, Line>,
}

impl Exchange {
    /// Reads the profile `text` of `file`.
    ///
    /// # Errors
    /// The first mistake, with its key.
    pub fn read(file: &str, text: &str) -> Result<Self, ProfileError> {
        compile::exchange(file, text)
    }

    /// Returns the name by which configuration and records know it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns true if and only if a caller with this proven role, or with none, may ask.
    #[must_use]
    pub fn admits_role(&self, role: Option<&Role>) -> bool {
        match role {
            Some(role) => self.roles.iter().any(|prefix| role.is_within(prefix)),
            None => self.unproven_role,
        }
    }

    /// Returns the kinds of resources it offers, ordered by type.
    #[must_use]
    pub fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// Returns the kind of that type, if it is offered.
    #[must_use]
    pub fn kind(&self, resource_type: &str) -> Option<&Arc<Kind>> {
        self.kinds.iter().find(|kind| kind.resource_type == resource_type)
    }

    /// Returns the sections of the summary that is composed from it, in their order; none where it composes none.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Returns what the text of a section says of a resource of that type, if the profile tells.
    #[must_use]
    pub fn line(&self, resource_type: &str) -> Option<&Line> {
        self.lines.get(resource_type)
    }

    /// Returns true if and only if the type of `resource` is offered and its criteria hold; else it is outside.
    #[must_use]
    pub fn holds(&self, resource: Value<'_>) -> bool {
        resource.text_of("resourceType").and_then(|name| self.kind(&name)).is_some_and(|kind| kind.holds(resource))
    }
}

/// One type of resource in an exchange profile: how it is asked for and which of its resources belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    resource_type: String,
    read: bool,
    search: bool,
    patient_names: Vec<String>,
    parameters: Vec<Parameter>,
    sort: Vec<String>,
    includes: Vec<Include>,
    iterated: Vec<Include>,
    belongs: Vec<Vec<Condition>>,
    never: Vec<Condition>,
}

impl Kind {
    /// Returns the type.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// Returns true if and only if it may be read by id.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.read
    }

    /// Returns true if and only if it may be searched.
    #[must_use]
    pub fn is_searched(&self) -> bool {
        self.search
    }

    /// Returns the parameters that name the patient; the first one is the one that goes upstream. None for Patient
    /// itself, which is named by `_id` or `identifier`.
    #[must_use]
    pub fn patient_names(&self) -> &[String] {
        &self.patient_names
    }

    /// Returns the parameters that may be given, ordered by name.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Returns the parameters by which a search may be sorted, beside `_id` and `_lastUpdated`.
    #[must_use]
    pub fn sort(&self) -> &[String] {
        &self.sort
    }

    /// Returns the includes that may be asked for, ordered by parameter.
    #[must_use]
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// Returns the includes that may go on from what others bring (`_include:iterate`), ordered by type and parameter.
    #[must_use]
    pub fn iterated(&self) -> &[Include] {
        &self.iterated
    }

    /// Returns true if and only if `resource`, of this type, belongs to the exchange.
    #[must_use]
    pub fn holds(&self, resource: Value<'_>) -> bool {
        let belongs = self.belongs.is_empty()
            || self.belongs.iter().any(|all| all.iter().all(|condition| condition.is_met(resource)));
        belongs && !self.never.iter().any(|condition| condition.is_met(resource))
    }

    /// Returns true if and only if every resource of the type belongs to the exchange.
    #[must_use]
    pub fn holds_every_resource(&self) -> bool {
        self.belongs.is_empty() && self.never.is_empty()
    }
}

/// What a parameter's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    /// Codes.
    Token,
    /// Dates with a prefix.
    Date,
}

/// Who answers a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The server: it is a search parameter of R4.
    Upstream,
    /// This gateway, on each resource: it is none, and another server may know it otherwise or not at all. The first of
    /// these elements that is there counts.
    Here(Vec<ElementPath>),
}

/// A parameter of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    name: String,
    value: ParameterType,
    answered: Answered,
}

impl Parameter {
    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what its value is.
    #[must_use]
    pub fn value(&self) -> ParameterType {
        self.value
    }

    /// Returns true if and only if it is never sent upstream.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self.answered {
            Answered::Upstream => false,
            Answered::Here(_) => true,
        }
    }

    pub(crate) fn answered(&self) -> &Answered {
        &self.answered
    }
}

/// An allow-listed include: references at one element of one type, to some types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    source: String,
    parameter: String,
    element: ElementPath,
    element_text: String,
    targets: Vec<String>,
}

impl Include {
    /// Returns the type whose references are followed.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the search parameter that names the references.
    #[must_use]
    pub fn parameter(&self) -> &str {
        &self.parameter
    }

    /// Returns where the references stand in a resource of the source type.
    #[must_use]
    pub fn path(&self) -> &ElementPath {
        &self.element
    }

    /// Returns the same as the profile writes it, such as `medicationReference` or `participant.individual`.
    #[must_use]
    pub fn element(&self) -> &str {
        &self.element_text
    }

    /// Returns the types that are included.
    #[must_use]
    pub fn targets(&self) -> &[String] {
        &self.targets
    }

    /// Returns true if and only if resources of that type are included.
    #[must_use]
    pub fn brings(&self, resource_type: &str) -> bool {
        self.targets.iter().any(|target| target == resource_type)
    }

    /// Returns the same include, of one of its targets only.
    pub(crate) fn narrowed(&self, target: &str) -> Option<Self> {
        let targets = self.targets.iter().filter(|known| *known == target).cloned().collect::<Vec<_>>();
        if targets.is_empty() { None } else { Some(Self { targets, ..self.clone() }) }
    }
}

/// Returns the exchange profiles that come with Sluis.
///
/// # Errors
/// A mistake in one of them; a test reads them all.
pub fn shipped_exchanges() -> Result<Vec<Exchange>, ProfileError> {
    [
        ("profiles/exchanges/ips.toml", include_str!("../../profiles/exchanges/ips.toml")),
        ("profiles/exchanges/bgz.toml", include_str!("../../profiles/exchanges/bgz.toml")),
        ("profiles/exchanges/medication.toml", include_str!("../../profiles/exchanges/medication.toml")),
        ("profiles/exchanges/acute.toml", include_str!("../../profiles/exchanges/acute.toml")),
    ]
    .into_iter()
    .map(|(file, text)| Exchange::read(file, text))
    .collect()
}

#[cfg(test)]
mod tests;
