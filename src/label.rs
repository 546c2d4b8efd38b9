//! Labels: how confidential a resource is, and what it is sensitive for.
//!
//! A label comes from the resource's own `meta.security`, from its codes, looked up in the tables of `profiles/labels/`, and
//! from the resources it is linked to. What it contains has a label of its own. A resource whose code no table knows and that carries no label is unlabelled; what
//! that means is the policy's say.

mod census;
mod confidentiality;
mod sensitivity;
mod subject;
mod tables;
mod walk;

pub use census::{Census, Share, SystemName};
pub use confidentiality::Confidentiality;
pub use sensitivity::Sensitivities;
pub use subject::{Subject, is_link};
pub use tables::Tables;

/// What is known of a resource's confidentiality and sensitivity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Label {
    /// The highest confidentiality the resource carries itself, or inherits above normal.
    pub confidentiality: Option<Confidentiality>,
    /// Every sensitivity it carries itself, that a table gives one of its codes, or that it inherits.
    pub sensitivities: Sensitivities,
    /// Of these, those a permit may rest on: its own, and its Medication's, without which it is not seen. What else it is
    /// linked to may be hidden and then says nothing for it: it would tell that the hidden thing is there.
    pub own: Sensitivities,
    /// Whether a table knows the resource's own code.
    pub code: CodeKnown,
}

/// Whether a table knows what a resource is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodeKnown {
    /// Each of its primary concepts has a code that a table lists, as sensitive or as normal. Where a Medication stands in the
    /// place of its code, those are the Medication's.
    Yes,
    /// It has no code, or one that no table lists.
    #[default]
    No,
}

impl Label {
    /// Returns true if and only if nothing is known: no label of its own, and no table that lists its code.
    #[must_use]
    pub fn is_unlabelled(&self) -> bool {
        self.confidentiality.is_none() && self.sensitivities.is_empty() && self.code == CodeKnown::No
    }

    /// Adds what is inherited: every sensitivity, and a confidentiality above normal. A label is only raised by what it
    /// inherits: that something else is normal does not make this so.
    pub(crate) fn inherit(&mut self, other: Self) {
        self.sensitivities = self.sensitivities.union(other.sensitivities);
        let raised = other.confidentiality.filter(|level| *level > Confidentiality::Normal);
        self.confidentiality = self.confidentiality.max(raised);
    }
}
