//! Section: what stands in each part of a summary, and what its text says of that.

use crate::json::Value;
use crate::profile::ElementPath;
use crate::profile::criteria::Condition;

/// The sections that every International Patient Summary has (HL7 IPS 2.0.1, `ips-comp-1`): problems, allergies, medication.
pub(super) const REQUIRED: [&str; 3] = ["11450-4", "48765-2", "10160-0"];

/// One section of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    code: String,
    title: String,
    required: bool,
    entries: Vec<Entries>,
}

/// Which resources of one type stand in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entries {
    resource_type: String,
    belongs: Vec<Vec<Condition>>,
    never: Vec<Condition>,
}

impl Entries {
    pub(super) fn new(resource_type: String, belongs: Vec<Vec<Condition>>, never: Vec<Condition>) -> Self {
        Self { resource_type, belongs, never }
    }

    fn hold(&self, resource: Value<'_>) -> bool {
        let belongs = self.belongs.is_empty()
            || self.belongs.iter().any(|all| all.iter().all(|condition| condition.is_met(resource)));
        belongs && !self.never.iter().any(|condition| condition.is_met(resource))
    }
}

impl Section {
    pub(super) fn new(code: String, title: String, required: bool, entries: Vec<Entries>) -> Self {
        Self { code, title, required, entries }
    }

    /// Returns its code, one of LOINC.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns its title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns true if and only if it is there without an entry as well.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Returns the types of its entries.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entries| entries.resource_type.as_str())
    }

    /// Returns true if and only if `resource` stands in it.
    #[must_use]
    pub fn holds(&self, resource: Value<'_>) -> bool {
        let resource_type = resource.text_of("resourceType").unwrap_or_default();
        self.entries.iter().any(|entries| entries.resource_type == resource_type && entries.hold(resource))
    }
}

/// What the text of a section says of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    says: Vec<ElementPath>,
    since: Vec<ElementPath>,
}

impl Line {
    pub(super) fn new(says: Vec<ElementPath>, since: Vec<ElementPath>) -> Self {
        Self { says, since }
    }

    /// Returns where its words stand; the first that is there counts.
    #[must_use]
    pub fn says(&self) -> &[ElementPath] {
        &self.says
    }

    /// Returns where its date stands; the first that is there counts.
    #[must_use]
    pub fn since(&self) -> &[ElementPath] {
        &self.since
    }
}
