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
    /// Contained resources that are hidden stay.
    KeepContained,
    /// Contained resources to which no reference is left stay.
    KeepOrphan,
    /// What lost something is written in another way.
    MarkLoss,
    /// Of a reference that goes, the words stay.
    KeepDisplay,
    /// What cannot be without a reference that went stays.
    KeepWithoutRequired,
    /// What gathers nothing any more stays.
    KeepEmptyGatherer,
    /// A modifier that lost a reference leaves its resource.
    KeepModifier,
    /// References by identifier alone stay.
    KeepIdentifier,
    /// References to a version stay.
    KeepVersioned,
    /// Absolute references stay.
    KeepAbsolute,
    /// References that lead nowhere stay with a plan too.
    KeepNowhere,
    /// Addresses of hidden resources stay.
    KeepAddress,
    /// What is in the compartment of a second person is released.
    SkipCompartment,
    /// Consents about sharing data are released.
    ReleaseConsent,
    /// Members that FHIR does not define stay with a plan too.
    KeepForeignMember,
    /// What carries free text is released where it is withheld.
    KeepFreeText,
    /// What belongs together is judged apart.
    SkipUnits,
    /// What no profile has is delivered.
    ReleaseOutside,
    /// Statements that there is none are released.
    KeepAbsence,
    /// A narrative is kept where something went.
    KeepNarrativeOfLoss,
    /// Contained resources are not judged.
    SkipContained,
    /// What hidden matches refer to is included.
    IncludeOfHidden,
    /// What is reached through any element is included.
    IncludeThroughOther,
    /// A link to a next page is given where hidden matches alone follow.
    NextForHidden,
    /// Hidden matches are counted where a count is asked for.
    TotalOfHidden,
    /// Includes stand in the order in which the server sends them.
    UnorderedIncludes,
    /// URLs of the upstream stay.
    KeepBase,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 39] = [
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
        Self::KeepContained,
        Self::KeepOrphan,
        Self::MarkLoss,
        Self::KeepDisplay,
        Self::KeepWithoutRequired,
        Self::KeepEmptyGatherer,
        Self::KeepModifier,
        Self::KeepIdentifier,
        Self::KeepVersioned,
        Self::KeepAbsolute,
        Self::KeepNowhere,
        Self::KeepAddress,
        Self::SkipCompartment,
        Self::ReleaseConsent,
        Self::KeepForeignMember,
        Self::KeepFreeText,
        Self::SkipUnits,
        Self::ReleaseOutside,
        Self::KeepAbsence,
        Self::KeepNarrativeOfLoss,
        Self::SkipContained,
        Self::IncludeOfHidden,
        Self::IncludeThroughOther,
        Self::NextForHidden,
        Self::TotalOfHidden,
        Self::UnorderedIncludes,
        Self::KeepBase,
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
            Self::KeepContained => "keep-contained",
            Self::KeepOrphan => "keep-orphan",
            Self::MarkLoss => "mark-loss",
            Self::KeepDisplay => "keep-display",
            Self::KeepWithoutRequired => "keep-without-required",
            Self::KeepEmptyGatherer => "keep-empty-gatherer",
            Self::KeepModifier => "keep-modifier",
            Self::KeepIdentifier => "keep-identifier",
            Self::KeepVersioned => "keep-versioned",
            Self::KeepAbsolute => "keep-absolute",
            Self::KeepNowhere => "keep-nowhere",
            Self::KeepAddress => "keep-address",
            Self::SkipCompartment => "skip-compartment",
            Self::ReleaseConsent => "release-consent",
            Self::KeepForeignMember => "keep-foreign-member",
            Self::KeepFreeText => "keep-free-text",
            Self::SkipUnits => "skip-units",
            Self::ReleaseOutside => "release-outside",
            Self::KeepAbsence => "keep-absence",
            Self::KeepNarrativeOfLoss => "keep-narrative-of-loss",
            Self::SkipContained => "skip-contained",
            Self::IncludeOfHidden => "include-of-hidden",
            Self::IncludeThroughOther => "include-through-other",
            Self::NextForHidden => "next-for-hidden",
            Self::TotalOfHidden => "total-of-hidden",
            Self::UnorderedIncludes => "unordered-includes",
            Self::KeepBase => "keep-base",
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
