//! Why an answer cannot be given: what the upstream sent is not what was asked for, or a bound was met.

/// Why the view stops. A view that stopped never ends as if it were whole: what was released is cut off.
///
/// No variant carries data: what the upstream said stays here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ViewError {
    /// The body is not JSON that every reader reads alike.
    #[error("upstream body is not strict json")]
    NotStrictJson,
    /// The body ends before its outermost value does.
    #[error("upstream body is truncated")]
    Truncated,
    /// The body is no Bundle of type searchset, or holds something that a searchset does not.
    #[error("upstream body is not a searchset")]
    NotASearchset,
    /// A resource without a type or an id, or with a resource in a place where resources do not stand.
    #[error("upstream resource is malformed")]
    MalformedResource,
    /// A resource that was not asked for: another type, another id.
    #[error("upstream answered with a resource that was not asked for")]
    NotAsked,
    /// The `self` link of a search does not say that every parameter was used.
    #[error("upstream did not use every parameter that it was asked with")]
    NotEchoed,
    /// A page link leads to a page that was read before, or that it stands on.
    #[error("upstream pages lead in a circle")]
    Circle,
    /// A page link leads elsewhere.
    #[error("upstream page link leads to another place")]
    ForeignLink,
    /// The upstream does not know what was searched.
    #[error("upstream has no such search")]
    NoSuchSearch,
    /// Bytes came that nothing asked for, or a body ended that had not begun.
    #[error("view was driven out of step")]
    OutOfStep,
    /// More pages than one answer may cost.
    #[error("search takes too many upstream pages")]
    TooManyPages,
    /// More includes than one answer may cost.
    #[error("search has too many includes")]
    TooManyIncludes,
    /// More behind one visible resource than is looked at.
    #[error("resource refers to too many others")]
    TooManyReferences,
    /// More visible matches than are counted.
    #[error("search has too many matches to count")]
    TooManyMatches,
    /// A resource that is too large to hold.
    #[error("resource is too large")]
    ResourceTooLarge,
    /// A page that is too large to hold.
    #[error("upstream page is too large")]
    PageTooLarge,
    /// More than a summary, or a page of everything, holds.
    #[error("composed answer is too large")]
    ComposedTooLarge,
}

/// Which side an error comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The upstream sent what cannot be used: a bad gateway.
    Upstream,
    /// A bound of ours was met: the question is too costly.
    Bound,
}

impl ViewError {
    /// Returns the code that stands in log and journal.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotStrictJson => "not-strict-json",
            Self::Truncated => "truncated",
            Self::NotASearchset => "not-a-searchset",
            Self::MalformedResource => "malformed-resource",
            Self::NotAsked => "not-asked",
            Self::NotEchoed => "not-echoed",
            Self::Circle => "circle",
            Self::ForeignLink => "foreign-link",
            Self::NoSuchSearch => "no-such-search",
            Self::OutOfStep => "out-of-step",
            Self::TooManyPages => "too-many-pages",
            Self::TooManyIncludes => "too-many-includes",
            Self::TooManyReferences => "too-many-references",
            Self::TooManyMatches => "too-many-matches",
            Self::ResourceTooLarge => "resource-too-large",
            Self::PageTooLarge => "page-too-large",
            Self::ComposedTooLarge => "composed-too-large",
        }
    }

    /// Returns true if and only if it may be one entry alone that cannot be read, and not the searchset around it.
    pub(super) fn is_of_an_entry(self) -> bool {
        match self {
            Self::NotStrictJson | Self::NotASearchset | Self::MalformedResource | Self::ResourceTooLarge => true,
            Self::Truncated
            | Self::NotAsked
            | Self::NotEchoed
            | Self::Circle
            | Self::ForeignLink
            | Self::NoSuchSearch
            | Self::OutOfStep
            | Self::TooManyPages
            | Self::TooManyIncludes
            | Self::TooManyReferences
            | Self::TooManyMatches
            | Self::PageTooLarge
            | Self::ComposedTooLarge => false,
        }
    }

    /// Returns which side the error comes from.
    #[must_use]
    pub fn origin(self) -> Origin {
        match self {
            Self::NotStrictJson
            | Self::Truncated
            | Self::NotASearchset
            | Self::MalformedResource
            | Self::NotAsked
            | Self::NotEchoed
            | Self::Circle
            | Self::ForeignLink
            | Self::NoSuchSearch
            | Self::OutOfStep => Origin::Upstream,
            Self::TooManyPages
            | Self::TooManyIncludes
            | Self::TooManyReferences
            | Self::TooManyMatches
            | Self::ResourceTooLarge
            | Self::PageTooLarge
            | Self::ComposedTooLarge => Origin::Bound,
        }
    }
}
