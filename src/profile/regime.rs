//! The regime: the policies in force, one and those that are asked after it.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::policy::Exchanges;
use super::{Exchange, Form, Offer, Party, Policy, ProfileError, Relation, Sign, shipped_exchanges, shipped_policies};
use crate::consent::Purpose;
use crate::identity::{Caller, Ura};
use crate::json::Value;

/// The policy in force and those that are asked, in order, where it finds nothing on file. Each grants only what it admits
/// itself; none goes over an objection because another one does.
#[derive(Debug, Clone)]
pub struct Regime {
    policies: Vec<Policy>,
    exchanges: Vec<Arc<Exchange>>,
}

/// Of which data a policy speaks.
#[derive(Debug, Clone)]
pub enum Extent {
    /// All.
    Everything,
    /// What belongs to one of these exchange profiles.
    Exchanges(Vec<Arc<Exchange>>),
}

impl Regime {
    /// Returns the regime of `first` and, in their order, `also`; `exchanges` are all exchange profiles that there are.
    ///
    /// # Errors
    /// A policy that stands there twice, or names an exchange profile that there is not.
    pub fn new(first: Policy, also: Vec<Policy>, exchanges: &[Arc<Exchange>]) -> Result<Self, ProfileError> {
        let mut policies = vec![first];
        policies.extend(also);
        let mut kept: Vec<Arc<Exchange>> = Vec::new();
        for (index, policy) in policies.iter().enumerate() {
            if policies.iter().skip(index + 1).any(|other| other.name() == policy.name()) {
                return Err(ProfileError::new(policy.name(), "policy.also", "each policy once"));
            }
            for named in policy.exchanges() {
                let Exchanges::Named(names) = named else { continue };
                for name in names {
                    let known = exchanges.iter().find(|exchange| exchange.name() == name);
                    let expected = format!("exchange profiles that there are, and {name} is none");
                    let known =
                        known.ok_or_else(|| ProfileError::new(policy.name(), "purpose.exchanges", &expected))?;
                    if !kept.iter().any(|exchange| exchange.name() == name) {
                        kept.push(Arc::clone(known));
                    }
                }
            }
        }
        Ok(Self { policies, exchanges: kept })
    }

    /// Returns the name of the policy that is asked first, by which the regime is known.
    #[must_use]
    pub fn name(&self) -> &str {
        self.policies.first().map_or("", Policy::name)
    }

    /// Returns the policies, in the order in which they are asked.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Returns the policies that are in force on that day, in order.
    pub fn in_force(&self, now: OffsetDateTime) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(move |policy| policy.is_in_force(now))
    }

    /// Returns those of the offered exchange profiles for which some policy lets the caller declare the purpose.
    #[must_use]
    pub fn admitted(&self, offer: &Offer, caller: &Caller, purpose: Purpose, now: OffsetDateTime) -> Offer {
        let admits = |exchange: &Exchange| {
            self.in_force(now).any(|policy| {
                policy.admitted(caller, purpose).any(|exchanges| match exchanges {
                    Exchanges::Any => true,
                    Exchanges::Named(names) => names.iter().any(|name| name == exchange.name()),
                })
            })
        };
        offer.narrowed(admits)
    }

    /// Returns true if and only if who declares the purpose has to say why: one policy that asks is enough.
    #[must_use]
    pub fn needs_reason(&self, purpose: Purpose) -> bool {
        self.policies.iter().any(|policy| policy.needs_reason(purpose))
    }

    /// Returns true if and only if some policy would grant the caller something inside a treatment relation.
    #[must_use]
    pub fn asks_relation(&self, caller: &Caller, holder: &Ura, purpose: Purpose, now: OffsetDateTime) -> bool {
        let party = Party::of(caller, holder);
        self.in_force(now).any(|policy| {
            policy.grant(caller, party, purpose).is_some_and(|grant| grant.relation() == Relation::Required)
        })
    }

    /// Returns what shows a treatment relation by some policy.
    pub fn signs(&self) -> impl Iterator<Item = &Sign> {
        self.policies.iter().flat_map(Policy::signs)
    }

    /// Returns how long an emergency lasts that the caller declares, where some policy lets them break the glass: as long as
    /// the strictest of these policies says.
    #[must_use]
    pub fn emergency(&self, caller: &Caller, purpose: Purpose, now: OffsetDateTime) -> Option<Duration> {
        let glasses = self.in_force(now).filter_map(|policy| policy.break_glass(caller, purpose));
        glasses.map(|glass| glass.lasts()).min()
    }

    /// Returns the policies under which data may be released only in a form that cannot be made yet.
    pub fn not_releasable(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(|policy| match policy.form() {
            Form::AsItIs => false,
            Form::Pseudonymised => true,
        })
    }

    /// Returns true if and only if some policy admits something for one of these exchange profiles.
    #[must_use]
    pub fn serves(&self, exchanges: &[Arc<Exchange>]) -> bool {
        let named = |names: &[String]| exchanges.iter().any(|one| names.iter().any(|name| name == one.name()));
        self.policies.iter().flat_map(Policy::exchanges).any(|admitted| match admitted {
            Exchanges::Any => true,
            Exchanges::Named(names) => named(names),
        })
    }

    /// Returns of which data a policy speaks to that caller with that purpose; nothing where it does not admit it.
    #[must_use]
    pub fn extent(&self, policy: &Policy, caller: &Caller, purpose: Purpose) -> Option<Extent> {
        self.together(policy.admitted(caller, purpose))
    }

    /// Returns of which data a policy speaks at all.
    #[must_use]
    pub fn extent_to_anybody(&self, policy: &Policy) -> Option<Extent> {
        self.together(policy.exchanges())
    }

    fn together<'p>(&self, admitted: impl Iterator<Item = &'p Exchanges>) -> Option<Extent> {
        let mut named: Option<Vec<Arc<Exchange>>> = None;
        for exchanges in admitted {
            let Exchanges::Named(names) = exchanges else { return Some(Extent::Everything) };
            let known = self.exchanges.iter().filter(|exchange| names.iter().any(|name| name == exchange.name()));
            named.get_or_insert_default().extend(known.map(Arc::clone));
        }
        named.map(Extent::Exchanges)
    }

    /// Returns the types of resources of which nothing is withheld: the first policy's say.
    #[must_use]
    pub fn never_withheld(&self) -> &[String] {
        self.policies.first().map_or(&[], Policy::never_withheld)
    }

    /// Returns the types of resources that are never hidden for being unlabelled alone: the first policy's say.
    #[must_use]
    pub fn never_hidden_unlabelled(&self) -> &[String] {
        self.policies.first().map_or(&[], Policy::never_hidden_unlabelled)
    }
}

impl Extent {
    /// Returns true if and only if the resource is among that data.
    #[must_use]
    pub fn holds(&self, resource: Value<'_>) -> bool {
        match self {
            Self::Everything => true,
            Self::Exchanges(exchanges) => exchanges.iter().any(|exchange| exchange.holds(resource)),
        }
    }

    /// Returns true if and only if every resource of that type is.
    #[must_use]
    pub fn holds_all(&self, resource_type: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Exchanges(exchanges) => exchanges
                .iter()
                .filter_map(|exchange| exchange.kind(resource_type))
                .any(|kind| kind.holds_every_resource()),
        }
    }
}

/// Returns the regime of shipped policies of those names, the first one first.
///
/// # Errors
/// A mistake in a file, or a name that no policy has.
pub fn shipped_regime(names: &[&str]) -> Result<Regime, ProfileError> {
    let exchanges: Vec<_> = shipped_exchanges()?.into_iter().map(Arc::new).collect();
    let shipped = shipped_policies()?;
    let mut policies = Vec::new();
    for name in names {
        let found = shipped.iter().find(|policy| policy.name() == *name);
        policies.push(found.cloned().ok_or_else(|| ProfileError::new(name, "name", "a policy that is part of Sluis"))?);
    }
    let mut policies = policies.into_iter();
    let first = policies.next().ok_or_else(|| ProfileError::new("", "name", "at least one policy"))?;
    Regime::new(first, policies.collect(), &exchanges)
}

#[cfg(test)]
mod tests;
