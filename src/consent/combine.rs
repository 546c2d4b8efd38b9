//! Combining: how several Consents make one answer for a resource.
//!
//! Each Consent permits, denies or says nothing. In all three ways one that denies stands unless a permit goes before it, and
//! two that are equal leave the denial standing. So a denial more, or a permit less, never shows more (invariant 4): what is
//! visible can only shrink when the set of denials grows or that of permits shrinks.
//!
//! Two things are no such change, and may show more. A Consent that replaces another takes its place (`replace`). And what
//! orders them is part of what they say: to date a permit later, or to aim it more narrowly, gives it more weight.

use super::condition::Facts;
use super::plan::Weighed;
use super::rule::Effect;
use super::specificity::Specificities;
use super::tree::Said;

/// How several Consents make one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combining {
    /// One that denies goes before every one that permits.
    DenyOverrides,
    /// One that permits goes before those that deny and are surely older: it was given when their date was over. One without
    /// a date is the oldest, and so is one whose date lies in the future.
    NewestWins,
    /// One that permits goes before those that deny less specifically (`domain/mitz.md` 3.6).
    MostSpecific,
}

/// A way of combining that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ways of combining are deny-overrides, newest-wins and most-specific")]
pub struct NotCombining;

impl Combining {
    /// Returns the way of combining of that name.
    ///
    /// # Errors
    /// The name is none of the three.
    pub fn of(code: &str) -> Result<Self, NotCombining> {
        match code {
            "deny-overrides" => Ok(Self::DenyOverrides),
            "newest-wins" => Ok(Self::NewestWins),
            "most-specific" => Ok(Self::MostSpecific),
            _ => Err(NotCombining),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DenyOverrides => "deny-overrides",
            Self::NewestWins => "newest-wins",
            Self::MostSpecific => "most-specific",
        }
    }

    /// Asks each Consent, and returns what is made of their answers with the number of the one that decides. Allocates nothing.
    pub(super) fn ask(self, weighed: &[Weighed], facts: &Facts<'_>) -> Option<(usize, Said)> {
        let (mut permitted, mut denied) = (None, None);
        let mut permits = Specificities::default();
        for (index, one) in weighed.iter().enumerate() {
            let Some(said) = one.ask(facts) else { continue };
            match said.effect {
                Effect::Deny if self == Self::DenyOverrides => return Some((index, said)),
                Effect::Deny => denied = denied.or(Some((index, said))),
                Effect::Permit => {
                    permitted = permitted.or(Some((index, said)));
                    permits = permits.with(said.specificities);
                }
            }
        }
        match (self, denied, permitted) {
            (_, denied, None) => denied,
            (Self::DenyOverrides, _, permitted) | (_, None, permitted) => permitted,
            (Self::NewestWins, Some((first, _)), permitted) => {
                let stands = |(index, one): (usize, &Weighed)| {
                    let said = one.ask(facts).filter(|said| said.effect == Effect::Deny)?;
                    let permits = |newer: &Weighed| newer.ask(facts).is_some_and(|said| said.effect == Effect::Permit);
                    let overridden = weighed.iter().any(|other| other.is_newer_than(one) && permits(other));
                    (!overridden).then_some((index, said))
                };
                weighed.iter().enumerate().skip(first).find_map(stands).or(permitted)
            }
            (Self::MostSpecific, Some((first, _)), permitted) => {
                let stands = |(index, one): (usize, &Weighed)| {
                    let said = one.ask(facts).filter(|said| said.effect == Effect::Deny)?;
                    said.specificities.hold_against(permits).then_some((index, said))
                };
                weighed.iter().enumerate().skip(first).find_map(stands).or(permitted)
            }
        }
    }

    /// Returns those that deny every resource, whatever the others say.
    pub(super) fn denying_all(self, weighed: &[Weighed]) -> impl Iterator<Item = &Weighed> {
        weighed.iter().filter(move |one| {
            one.outlook(None).only_denies()
                && !weighed.iter().any(|other| other.outlook(None).permit && self.may_override(other, one))
        })
    }

    /// Returns true if and only if a permit of `one` may go before a denial of `other`.
    fn may_override(self, one: &Weighed, other: &Weighed) -> bool {
        match self {
            Self::DenyOverrides => false,
            Self::NewestWins => one.is_newer_than(other),
            Self::MostSpecific => {
                let permits = one.tree.specificities(Effect::Permit);
                other.tree.specificities(Effect::Deny).may_be_beaten_by(permits)
            }
        }
    }
}
