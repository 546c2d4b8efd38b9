//! Faults: mistakes that can be planted in the view while it runs.
//!
//! Only a build with the feature `faults` has them. The twin-world tests plant each and must notice: a test that cannot fail
//! shows nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The Bundle says how many matches were met, hidden ones included.
    KeepTotal,
    /// References to hidden resources are not looked for.
    SkipReferences,
    /// References that could go alone stay.
    KeepReferences,
    /// What goes leaves white space behind.
    KeepGap,
    /// Narratives are passed on.
    KeepNarrative,
    /// A page is not filled again from the next upstream page.
    PageGap,
    /// What the plan hides is released.
    ReleaseHidden,
    /// What is about another person too is released.
    ReleaseOtherPerson,
    /// The upstream's own link to its next page is passed on.
    KeepUpstreamLink,
    /// What lies behind the first reference is not looked at.
    ShallowReferences,
    /// Hidden matches are counted as those a page passes over.
    CountHidden,
    /// What a resource is linked to does not label it.
    SkipLinks,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 12] = [
        Self::KeepTotal,
        Self::SkipReferences,
        Self::KeepReferences,
        Self::KeepGap,
        Self::KeepNarrative,
        Self::PageGap,
        Self::ReleaseHidden,
        Self::ReleaseOtherPerson,
        Self::KeepUpstreamLink,
        Self::ShallowReferences,
        Self::CountHidden,
        Self::SkipLinks,
    ];

    /// Returns the fault of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KeepTotal => "keep-total",
            Self::SkipReferences => "skip-references",
            Self::KeepReferences => "keep-references",
            Self::KeepGap => "keep-gap",
            Self::KeepNarrative => "keep-narrative",
            Self::PageGap => "page-gap",
            Self::ReleaseHidden => "release-hidden",
            Self::ReleaseOtherPerson => "release-other-person",
            Self::KeepUpstreamLink => "keep-upstream-link",
            Self::ShallowReferences => "shallow-references",
            Self::CountHidden => "count-hidden",
            Self::SkipLinks => "skip-links",
        }
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|fault| *fault == self).map_or(0, |place| place + 1)
    }
}

/// One more than the place of the planted fault; 0 for none.
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Plants `fault` in every answer of this process, or none.
pub fn plant(fault: Option<Fault>) {
    PLANTED.store(fault.map_or(0, Fault::place), Ordering::SeqCst);
}

/// Returns true if and only if `fault` is planted.
pub(super) fn is_planted(fault: Fault) -> bool {
    PLANTED.load(Ordering::SeqCst) == fault.place()
}
