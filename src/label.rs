//! Labels: how confidential a resource is, and what it is sensitive for.
//!
//! A label comes from the resource's own `meta.security` and from its codes, looked up in the tables of `profiles/labels/`.
//! A resource whose code no table knows and that carries no label is unlabelled; what that means is the policy's say.

mod confidentiality;
mod sensitivity;
mod subject;
mod tables;
mod walk;

pub use confidentiality::Confidentiality;
pub use sensitivity::Sensitivities;
pub use subject::{Subject, is_link};
pub use tables::Tables;

/// What is known of a resource's confidentiality and sensitivity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Label {
    /// The highest confidentiality the resource carries itself.
    pub confidentiality: Option<Confidentiality>,
    /// Every sensitivity it carries itself or that a table gives one of its codes.
    pub sensitivities: Sensitivities,
    /// Whether a table knows the resource's own code.
    pub code: CodeKnown,
}

/// Whether a table knows what a resource is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodeKnown {
    /// Each of its primary concepts has a code that a table lists, as sensitive or as normal.
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
}
