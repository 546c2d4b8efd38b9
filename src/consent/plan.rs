//! The plan: what is left to judge on each resource.

use super::asked::Unlabelled;
use super::clinical_time::clinical_time;
use super::combine::Combining;
use super::condition::{Asks, Condition, Facts};
use super::evidence::Standing;
use super::ground::Ground;
use super::privacy::is_privacy_consent;
use super::resource_type::is_supporting;
use super::rest::Rest;
use super::rule::{Effect, Element};
use super::tree::{Outlook, Said, Tree};
use super::window::Window;
use crate::json::Value;
use crate::label::{Confidentiality, Label, Subject, Tables};
use crate::profile::Regime;

/// What a permit says must be taken out: the conditions that can only be judged on each resource.
#[derive(Debug, Clone)]
pub struct Plan {
    weighed: Vec<Weighed>,
    combining: Combining,
    /// What holds for a resource that no rule speaks about.
    rest: Rest,
    ground: Ground,
    consents: Vec<String>,
    unlabelled: Unlabelled,
    /// Types that are never hidden for being unlabelled alone.
    exempt: Vec<String>,
    /// Types of which nothing is hidden.
    never_withheld: Vec<String>,
    reading: Reading,
    dating: Dating,
    way: Way,
}

/// One Consent as it applies to the question.
#[derive(Debug, Clone)]
pub(super) struct Weighed {
    pub(super) consent: String,
    pub(super) standing: Standing,
    /// When it was given, as far as that counts.
    pub(super) dated: Option<Window>,
    pub(super) tree: Tree,
}

/// Whether labels have to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Labels,
    NoLabels,
}

/// Whether times of data have to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dating {
    Times,
    NoTimes,
}

/// Which way through the view a plan asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Straight,
    Judged,
}

/// Whether a resource may be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It may.
    Visible,
    /// It may not.
    Hidden,
}

/// What is made of one resource, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    sight: Sight,
    ground: Ground,
    /// Which Consent, and which place in it.
    rule: Option<(usize, usize)>,
}

impl Verdict {
    /// Returns whether the resource may be seen.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.sight
    }

    /// Returns true if and only if the resource may be seen.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.sight == Sight::Visible
    }

    /// Returns why.
    #[must_use]
    pub fn ground(&self) -> Ground {
        self.ground
    }

    fn by_rule((consent, said): (usize, Said)) -> Self {
        let (sight, ground) = match said.effect {
            Effect::Permit => (Sight::Visible, Ground::RulePermits),
            Effect::Deny => (Sight::Hidden, Ground::RuleDenies),
        };
        Self { sight, ground, rule: Some((consent, said.place)) }
    }
}

impl Weighed {
    pub(super) fn outlook(&self, resource_type: Option<&str>) -> Outlook {
        let outlook = self.tree.outlook(resource_type);
        match self.standing {
            Standing::Full => outlook,
            Standing::DenialsOnly => outlook.denials_only(),
        }
    }

    /// Returns true if and only if it was given when the date of the other was over; one without a date is the oldest.
    pub(super) fn is_newer_than(&self, other: &Self) -> bool {
        match (&self.dated, &other.dated) {
            (Some(own), Some(other)) => own.is_after(other),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    pub(super) fn ask(&self, facts: &Facts<'_>) -> Option<Said> {
        self.tree.ask(facts).filter(|said| match (self.standing, said.effect) {
            (Standing::DenialsOnly, Effect::Permit) => false,
            (Standing::Full, Effect::Permit) | (_, Effect::Deny) => true,
        })
    }
}

impl Plan {
    pub(super) fn new(
        weighed: Vec<Weighed>,
        combining: Combining,
        rest: Rest,
        unlabelled: Unlabelled,
        regime: &Regime,
    ) -> Self {
        let weighed: Vec<_> = weighed.into_iter().filter(|one| one.outlook(None).speaks()).collect();
        let mut consents: Vec<_> = weighed.iter().map(|one| one.consent.clone()).collect();
        consents.sort();
        consents.dedup();
        let outlooks = || weighed.iter().map(|one| one.outlook(None));
        let names_label = |condition: &Condition| matches!(condition.labels, Element::Stated(_));
        let names_time = |condition: &Condition| matches!(condition.data_period, Element::Stated(_));
        let by_rules = outlooks().any(Outlook::only_permits);
        let all_seen = rest.is_everything() || by_rules;
        let none_hidden = rest.goes_before_every_denial() || !outlooks().any(|one| one.deny);
        let ground = match rest.granted() {
            Some((Ground::BreakGlass, _, _)) if !(by_rules && none_hidden) => Ground::BreakGlass,
            Some(_) | None if outlooks().any(|one| one.permit) => Ground::RulePermits,
            Some(_) | None => Ground::PolicyPermits,
        };
        Self {
            ground,
            consents,
            unlabelled,
            exempt: regime.never_hidden_unlabelled().to_vec(),
            never_withheld: regime.never_withheld().to_vec(),
            reading: if rest.names_labels() || weighed.iter().any(|one| one.tree.any(&names_label)) {
                Reading::Labels
            } else {
                Reading::NoLabels
            },
            dating: if weighed.iter().any(|one| one.tree.any(&names_time)) { Dating::Times } else { Dating::NoTimes },
            way: if all_seen && none_hidden { Way::Straight } else { Way::Judged },
            rest,
            weighed,
            combining,
        }
    }

    /// Returns the Consents that deny every resource, whatever the others say.
    pub(super) fn denying_all(&self) -> impl Iterator<Item = &str> {
        self.combining.denying_all(&self.weighed).map(|one| one.consent.as_str())
    }

    pub(super) fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Returns the policy that grants what no rule speaks about, where one does.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.rest.granted().map(|(_, policy, _)| policy)
    }

    /// Returns the resource that shows the treatment relation on which that policy grants it.
    #[must_use]
    pub fn relation(&self) -> Option<&str> {
        self.rest.granted().and_then(|(_, _, relation)| relation)
    }

    /// Returns true if and only if some rule permits something.
    pub(super) fn permits_by_rule(&self) -> bool {
        self.weighed.iter().any(|one| one.outlook(None).permit)
    }

    /// Returns true if and only if nothing is left to judge per resource: every resource is visible by rules and policy. A
    /// Consent about privacy is hidden all the same, see [`is_privacy_consent`].
    #[must_use]
    pub fn is_straight(&self) -> bool {
        self.way == Way::Straight
    }

    /// Returns true if and only if what a resource is linked to can change its verdict.
    #[must_use]
    pub fn reads_links(&self) -> bool {
        let reads_links = |one: &Weighed| one.tree.any(&Condition::reads_links);
        self.way == Way::Judged && (self.reading == Reading::Labels || self.weighed.iter().any(reads_links))
    }

    /// Returns what a verdict rests on besides the resource itself: `Type/id` of resources of which one must be visible, for
    /// the permit to count (design, V.1). Nothing where it rests on the resource alone; an empty list where it rests on what
    /// cannot be told.
    #[must_use]
    pub fn rests_on(&self, verdict: &Verdict, resource: Value<'_>) -> Option<Vec<&str>> {
        let (consent, place) = verdict.rule.filter(|_| verdict.ground == Ground::RulePermits)?;
        self.weighed.get(consent)?.tree.condition(place)?.rests_on(resource)
    }

    /// Returns true if and only if some verdict may rest on more than the resource itself.
    #[must_use]
    pub fn may_rest_on_references(&self) -> bool {
        self.weighed.iter().any(|one| one.tree.any(&Condition::may_rest_on_references))
    }

    /// Returns why there is a plan: because a rule permits, or because the policy does where no rule speaks.
    #[must_use]
    pub fn ground(&self) -> Ground {
        self.ground
    }

    /// Returns the Consents that speak.
    #[must_use]
    pub fn consents(&self) -> &[String] {
        &self.consents
    }

    /// Returns what is made of a resource. Allocates nothing but for strings that are written with escapes.
    ///
    /// Types that support others, and the person's own Patient, are judged only by rules that name their type, their code or
    /// themselves or, where they carry one, a label; no rule about them means that they may be seen (design, V.4). Whether something visible refers to
    /// them is the view's to say.
    #[must_use]
    pub fn judge(&self, subject: Subject<'_>, tables: &Tables) -> Verdict {
        let resource = subject.resource();
        let resource_type = resource.text_of("resourceType").unwrap_or_default();
        if is_privacy_consent(resource) {
            return Verdict { sight: Sight::Hidden, ground: Ground::PolicyDenies, rule: None };
        }
        let label = match self.reading {
            Reading::Labels => tables.of(subject),
            Reading::NoLabels => Label::default(),
        };
        let exempt = self.exempt.iter().any(|exempt| *exempt == resource_type);
        let supporting = is_supporting(&resource_type);
        let unlabelled = if exempt || supporting { Unlabelled::Normal } else { self.unlabelled };
        let time = match self.dating {
            Dating::Times => clinical_time(resource),
            Dating::NoTimes => None,
        };
        let facts = Facts { subject, resource_type: &resource_type, label, unlabelled, time, asks: Asks::Every };
        if self.never_withholds(&resource_type) {
            return Verdict { sight: Sight::Visible, ground: Ground::PolicyPermits, rule: None };
        }
        let verdict = if supporting { self.judge_supporting(facts) } else { self.judge_by(&facts) };
        match verdict.sight {
            Sight::Hidden if self.rest.goes_before_denial(&facts) => {
                Verdict { sight: Sight::Visible, ground: Ground::BreakGlass, ..verdict }
            }
            Sight::Hidden | Sight::Visible => verdict,
        }
    }

    fn judge_by(&self, facts: &Facts<'_>) -> Verdict {
        if let Some(said) = self.combining.ask(&self.weighed, facts) {
            return Verdict::by_rule(said);
        }
        let (effect, ground) = self.rest.judge(facts);
        let sight = match effect {
            Effect::Permit => Sight::Visible,
            Effect::Deny => Sight::Hidden,
        };
        Verdict { sight, ground, rule: None }
    }

    fn judge_supporting(&self, facts: Facts<'_>) -> Verdict {
        let above_normal = facts.label.confidentiality.is_some_and(|level| level > Confidentiality::Normal);
        let labelled = above_normal || !facts.label.sensitivities.is_empty();
        let asks = if labelled { Asks::NamingItOrLabel } else { Asks::NamingIt };
        if let Some(said) = self.combining.ask(&self.weighed, &Facts { asks, ..facts }) {
            return Verdict::by_rule(said);
        }
        // What a policy leaves out for its label needs a rule that permits it, be it with everything else.
        let permitted =
            || self.combining.ask(&self.weighed, &facts).is_some_and(|(_, said)| said.effect == Effect::Permit);
        if labelled && self.rest.leaves_out(&facts) && !permitted() {
            return Verdict { sight: Sight::Hidden, ground: self.rest.denied(), rule: None };
        }
        Verdict { sight: Sight::Visible, ground: Ground::PolicyPermits, rule: None }
    }

    /// Returns true if and only if the policies withhold nothing of that type from whoever may see anything of the patient.
    #[must_use]
    pub fn never_withholds(&self, resource_type: &str) -> bool {
        self.never_withheld.iter().any(|kind| kind == resource_type)
    }

    /// Returns true if and only if some resource of that type may be hidden.
    #[must_use]
    pub fn can_hide(&self, resource_type: &str) -> bool {
        if resource_type == "Consent" {
            return true;
        }
        if self.is_straight() || self.never_withholds(resource_type) || self.rest.goes_before_denials_of(resource_type)
        {
            return false;
        }
        if is_supporting(resource_type) {
            return self.rest.names_labels()
                || self.weighed.iter().any(|one| one.tree.any(&|condition| condition.may_name(resource_type)));
        }
        let mut outlooks = self.weighed.iter().map(|one| one.outlook(Some(resource_type)));
        let sure = self.rest.is_all_of(resource_type) || outlooks.clone().any(Outlook::only_permits);
        !sure || outlooks.any(|one| one.deny)
    }

    /// Returns the Consent and the provision that a verdict rests on: `Consent/7`, `provision.provision[0]`.
    #[must_use]
    pub fn locate(&self, verdict: &Verdict) -> Option<(&str, String)> {
        let (consent, place) = verdict.rule?;
        let one = self.weighed.get(consent)?;
        Some((&one.consent, one.tree.place(place).to_owned()))
    }
}

#[cfg(test)]
mod tests;
