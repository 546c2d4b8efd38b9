//! The rest: what the policies make of what no rule speaks about, and of what break-glass goes before.

use time::OffsetDateTime;

use super::asked::{Admission, Asked};
use super::condition::Facts;
use super::ground::Ground;
use super::parties::Parties;
use super::rule::{Effect, LabelSet};
use crate::profile::{AfterObjection, Extent, Overrides, Party, Policy, Regime, Relation};

/// What holds for a resource that no rule speaks about: it is shown if one of the policies in force grants it.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    granted: Vec<Granted>,
    /// Why not, where none does.
    denied: Ground,
}

/// What one policy grants.
#[derive(Debug, Clone)]
struct Granted {
    policy: String,
    ground: Ground,
    extent: Extent,
    but_not: Option<LabelSet>,
    /// The resource that shows the treatment relation it rests on.
    relation: Option<String>,
    /// What it goes before: nothing, unless the glass is broken.
    overrides: Overrides,
}

/// Whether rules deny anything of what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objection {
    None,
    Some,
}

impl Rest {
    /// Asks the policies in force, in order: each grants what it admits itself. That consent is missing is filled in by
    /// break-glass after them all.
    pub(super) fn of(asked: &Asked<'_>, regime: &Regime, objection: Objection, now: OffsetDateTime) -> Self {
        let party = Party::of(asked.caller, asked.holder.ura());
        let (mut granted, mut denied) = (Vec::new(), Ground::NothingOnFile);
        for policy in regime.in_force(now) {
            let Some(grant) = policy.grant(asked.caller, party, asked.purpose) else { continue };
            let Some(extent) = extent(asked, regime, policy) else { continue };
            let barred = objection == Objection::Some && grant.after_objection() == AfterObjection::Nothing;
            if barred {
                continue;
            }
            let relation = match grant.relation() {
                Relation::NotAsked => None,
                Relation::Required => {
                    let parties = Parties::of(asked, now);
                    let Some(shown) = asked.relation.shown(policy.signs(), party, &parties, now) else {
                        denied = Ground::NoTreatmentRelation;
                        continue;
                    };
                    Some(shown.to_owned())
                }
            };
            let (policy, ground, overrides) = (policy.name().to_owned(), Ground::PolicyPermits, Overrides::Nothing);
            granted.push(Granted { policy, ground, extent, but_not: grant.but_not(), relation, overrides });
        }
        for policy in regime.in_force(now) {
            let Some(glass) = policy.break_glass(asked.caller, asked.purpose) else { continue };
            // Who breaks the glass is admitted by name, in whatever way the question is put.
            let Some(extent) = regime.extent(policy, asked.caller, asked.purpose) else { continue };
            let (policy, ground, overrides) = (policy.name().to_owned(), Ground::BreakGlass, glass.overrides());
            granted.push(Granted { policy, ground, extent, but_not: None, relation: None, overrides });
        }
        Self { granted, denied }
    }

    /// Returns what of this goes before a Consent that cannot be read, if any does: nothing else may be shown then, since it
    /// may deny anything.
    pub(super) fn before_what_cannot_be_read(mut self) -> Option<Self> {
        self.granted.retain(|one| one.overrides == Overrides::ObjectionAndUnreadable);
        if self.granted.is_empty() { None } else { Some(self) }
    }

    /// Returns true if and only if nothing is granted.
    pub(super) fn is_nothing(&self) -> bool {
        self.granted.is_empty()
    }

    /// Returns why nothing is granted, where nothing is.
    pub(super) fn denied(&self) -> Ground {
        self.denied
    }

    /// Returns on which ground something is granted, by which policy, and what shows the treatment relation it rests on.
    pub(super) fn granted(&self) -> Option<(Ground, &str, Option<&str>)> {
        self.granted.first().map(|one| (one.ground, one.policy.as_str(), one.relation.as_deref()))
    }

    /// Returns true if and only if break-glass goes before what rules deny, for some resource.
    pub(super) fn goes_before_denials(&self) -> bool {
        self.granted.iter().any(Granted::is_override)
    }

    /// Returns true if and only if it does for every resource.
    pub(super) fn goes_before_every_denial(&self) -> bool {
        self.granted.iter().any(|one| one.is_override() && one.is_everything())
    }

    /// Returns true if and only if it does for every resource of that type.
    pub(super) fn goes_before_denials_of(&self, resource_type: &str) -> bool {
        self.granted.iter().any(|one| one.is_override() && one.is_all_of(resource_type))
    }

    /// Returns true if and only if it does for this resource.
    pub(super) fn goes_before_denial(&self, facts: &Facts<'_>) -> bool {
        self.granted.iter().any(|one| one.is_override() && one.holds(facts))
    }

    /// Returns true if and only if every resource is granted.
    pub(super) fn is_everything(&self) -> bool {
        self.granted.iter().any(Granted::is_everything)
    }

    /// Returns true if and only if every resource of that type is granted.
    pub(super) fn is_all_of(&self, resource_type: &str) -> bool {
        self.granted.iter().any(|one| one.is_all_of(resource_type))
    }

    /// Returns true if and only if labels have to be read.
    pub(super) fn names_labels(&self) -> bool {
        self.granted.iter().any(|one| one.but_not.is_some())
    }

    /// Returns what is made of a resource, and why.
    pub(super) fn judge(&self, facts: &Facts<'_>) -> (Effect, Ground) {
        match self.granted.iter().find(|one| one.holds(facts)) {
            Some(one) if one.ground == Ground::BreakGlass => (Effect::Permit, Ground::BreakGlass),
            // What a policy grants is told by the decision; of a resource it is said that no rule speaks about it.
            Some(_) => (Effect::Permit, Ground::NothingOnFile),
            None => (Effect::Deny, self.denied),
        }
    }

    /// Returns true if and only if what is granted leaves out what carries these labels.
    pub(super) fn leaves_out(&self, facts: &Facts<'_>) -> bool {
        !self.granted.is_empty() && self.granted.iter().all(|one| one.leaves_out(facts))
    }
}

fn extent(asked: &Asked<'_>, regime: &Regime, policy: &Policy) -> Option<Extent> {
    match asked.admission {
        Admission::Through(_) => regime.extent(policy, asked.caller, asked.purpose),
        Admission::Everything => regime.extent_to_anybody(policy),
    }
}

impl Granted {
    fn is_override(&self) -> bool {
        match self.overrides {
            Overrides::Nothing => false,
            Overrides::Objection | Overrides::ObjectionAndUnreadable => true,
        }
    }

    fn is_all_of(&self, resource_type: &str) -> bool {
        self.but_not.is_none() && self.extent.holds_all(resource_type)
    }

    fn is_everything(&self) -> bool {
        match self.extent {
            Extent::Everything => self.but_not.is_none(),
            Extent::Exchanges(_) => false,
        }
    }

    fn holds(&self, facts: &Facts<'_>) -> bool {
        self.extent.holds(facts.subject.resource()) && !self.leaves_out(facts)
    }

    fn leaves_out(&self, facts: &Facts<'_>) -> bool {
        self.but_not.is_some_and(|labels| labels.are_met(Effect::Deny, facts))
    }
}

#[cfg(test)]
mod tests;
