//! Likeness: whether somebody or something is what a rule names. It has three values, because what cannot be resolved or
//! compared may be meant: a deny then matches, a permit does not (consent.md 1.5, point 5).

use super::rule::Effect;

/// Whether one thing is the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Proven to be.
    Is,
    /// Proven to be another.
    IsNot,
    /// Neither is proven.
    Unknown,
}

impl Likeness {
    /// Returns the likeness where it is known.
    pub(super) fn of(is: bool) -> Self {
        if is { Self::Is } else { Self::IsNot }
    }

    /// Returns the likeness to what is this and that.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::IsNot, _) | (_, Self::IsNot) => Self::IsNot,
            (Self::Is, Self::Is) => Self::Is,
            (_, _) => Self::Unknown,
        }
    }

    /// Returns the likeness to what is this or that.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Is, _) | (_, Self::Is) => Self::Is,
            (Self::IsNot, Self::IsNot) => Self::IsNot,
            (_, _) => Self::Unknown,
        }
    }

    /// Returns what two ways of comparing the same two make together: when they contradict each other, nothing is proven.
    pub(super) fn agreed(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, one) | (one, Self::Unknown) => one,
            (Self::Is, Self::Is) => Self::Is,
            (Self::IsNot, Self::IsNot) => Self::IsNot,
            (Self::Is, Self::IsNot) | (Self::IsNot, Self::Is) => Self::Unknown,
        }
    }

    /// Takes back a proof that rests on something doubtful.
    pub(super) fn doubted_if(self, doubtful: bool) -> Self {
        if doubtful && self == Self::Is { Self::Unknown } else { self }
    }

    /// Returns true if and only if a rule of that effect matches.
    pub(super) fn matches(self, effect: Effect) -> bool {
        match effect {
            Effect::Permit => self == Self::Is,
            Effect::Deny => self != Self::IsNot,
        }
    }
}
