//! Evaluating the rules of one Consent for one question: what depends on the question alone is settled here, what depends on
//! each resource is left as conditions (consent.md 1.6).

mod in_force;

use std::sync::Arc;

use time::OffsetDateTime;

use super::asked::Asked;
use super::condition::Condition;
use super::datum::{Datum, Targets};
use super::evidence::Part;
use super::likeness::Likeness;
use super::parties::{Met, Named, Parties};
use super::purpose::Purpose;
use super::rule::{Base, Effect, Element, LabelSet, PcfPolicy, Root, Rule, Statement, Who};
use super::specificity::Specificity;
use super::tree::{Branch, Own, Tree};
use crate::label::Confidentiality;
use in_force::InForce;

/// A question, ready to be put to rules.
pub(super) struct Question<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) parties: Parties<'a>,
    pub(super) now: OffsetDateTime,
}

/// Which effects of a Consent may count.
#[derive(Clone, Copy)]
enum Counts {
    Both,
    /// Another holder manages it: of its permits only those that name the holder as custodian count.
    HeldHere,
    /// It may be over: then only what denies counts.
    Denials,
}

impl Counts {
    /// Returns true if and only if a provision counts that is met by those whom it names.
    fn allows(self, effect: Effect, met: Met) -> bool {
        match (effect, self) {
            (Effect::Deny, _) | (Effect::Permit, Self::Both) => true,
            (Effect::Permit, Self::HeldHere) => met.holder > Named::Nobody,
            (Effect::Permit, Self::Denials) => false,
        }
    }
}

impl<'a> Question<'a> {
    pub(super) fn new(asked: &'a Asked<'a>, now: OffsetDateTime) -> Self {
        Self { asked, parties: Parties::of(asked, now), now }
    }

    /// Returns true if and only if a Consent whose outermost provision has this period is in force for rules of that effect.
    pub(super) fn is_in_force(&self, statement: &Statement, effect: Effect) -> bool {
        statement.period().is_met(|period| period.is_in_force(effect, self.now))
    }

    /// Returns what the Consent makes of this question, for each resource.
    pub(super) fn put_to(&self, statement: &Statement, part: &Part) -> Tree {
        // Outside the period of the outermost provision the whole Consent is silent, its base too.
        if !self.is_in_force(statement, Effect::Deny) {
            return Tree::new(None, None);
        }
        let counts = if !self.is_in_force(statement, Effect::Permit) {
            Counts::Denials
        } else if self.is_foreign(part, &statement.managers) {
            Counts::HeldHere
        } else {
            Counts::Both
        };
        let root = match &statement.root {
            Root::None => None,
            Root::Untyped(rule) => Some(Branch { own: Own::Never, ..self.branch(rule, None, part, counts) }),
            Root::Rule(rule) => Some(self.branch(rule, None, part, counts)),
        };
        let base = self.base(statement);
        Tree::new(root, base.filter(|base| counts.allows(base.effect, Met::default())))
    }

    fn branch(&self, rule: &Rule, around: Option<InForce<'_>>, part: &Part, counts: Counts) -> Branch {
        let in_force = InForce::of(rule, around);
        // Exceptions are asked even where the provision around them does not match.
        let exceptions = rule.exceptions.iter().map(|inner| self.branch(inner, Some(in_force), part, counts)).collect();
        let met = self.met(in_force, rule.effect, part);
        let met = met.filter(|met| counts.allows(rule.effect, *met));
        let (own, specificity) = match met {
            None => (Own::Never, Specificity::GENERAL),
            Some(met) => {
                let condition = condition(in_force, part);
                let specificity = Specificity::new(met, self.context(in_force), condition.aim(rule.effect));
                (Own::When(condition), specificity)
            }
        };
        Branch { effect: rule.effect, place: Arc::clone(&rule.place), specificity, own, exceptions }
    }

    /// Returns whom the rule names where the elements that depend on the question alone are met; nothing where they are not.
    fn met(&self, rule: InForce<'_>, effect: Effect, part: &Part) -> Option<Met> {
        let is_met = rule.period.is_met(|period| period.is_in_force(effect, self.now))
            && rule.purposes.is_met(|purposes| purposes.iter().any(|listed| self.asked.purpose.is_within(*listed)))
            && rule.actions.is_met(|actions| actions.contains(&self.asked.action));
        match rule.actors {
            _ if !is_met => None,
            Element::Absent => Some(Met::default()),
            Element::Stated(actors) => self.parties.match_actors(actors, effect, &part.referenced),
        }
    }

    /// Returns how narrow a context is that is met: how far its purpose lies below the widest.
    fn context(&self, rule: InForce<'_>) -> u8 {
        let action = u8::from(matches!(rule.actions, Element::Stated(_)));
        match rule.purposes {
            Element::Absent => action,
            Element::Stated(purposes) => {
                let met = purposes.iter().filter(|listed| self.asked.purpose.is_within(**listed));
                met.map(|listed| listed.depth()).max().unwrap_or(action)
            }
        }
    }

    /// Returns what holds where no provision matches.
    ///
    /// A policy of PCF is what the Consent elaborates in its provisions, so that it permits by itself only where there are
    /// none: a permit that is limited to an actor or a time is not widened by the policy that it names.
    fn base(&self, statement: &Statement) -> Option<Branch> {
        let purpose = self.asked.purpose;
        let is_for = |codes: &[&str]| codes.iter().filter_map(|code| Purpose::of(code)).any(|of| purpose.is_within(of));
        let elaborated = !matches!(statement.root, Root::None);
        let normal = || {
            let mut labels = LabelSet::default();
            labels.add_level(Confidentiality::Normal);
            Condition { labels: Element::Stated(labels), ..Condition::ANY }
        };
        let (effect, place, condition) = match statement.base {
            Base::Silent => return None,
            Base::Says(effect) => (effect, "policyRule", Condition::ANY),
            Base::Pcf(PcfPolicy::Deny) => (Effect::Deny, "policy", Condition::ANY),
            Base::Pcf(PcfPolicy::BreakGlassOnly) if !is_for(&["BTG"]) => (Effect::Deny, "policy", Condition::ANY),
            Base::Pcf(_) if elaborated => return None,
            Base::Pcf(PcfPolicy::BreakGlassOnly) => (Effect::Permit, "policy", Condition::ANY),
            Base::Pcf(PcfPolicy::BasicNormal) if !is_for(&["TREAT", "HPAYMT", "HOPERAT"]) => return None,
            Base::Pcf(PcfPolicy::BasicNormal | PcfPolicy::AllNormal) => (Effect::Permit, "policy", normal()),
        };
        let (place, specificity) = (Arc::from(place), Specificity::GENERAL);
        Some(Branch { effect, place, specificity, own: Own::When(condition), exceptions: Vec::new() })
    }

    /// Returns true if and only if another holder manages the Consent, so that its permits are silent here but for those that
    /// name the holder as custodian: one with managers of which none is proven to be the holder, from a source that is no
    /// shared register.
    pub(super) fn is_foreign(&self, part: &Part, managers: &[Who]) -> bool {
        let is_holder = |who: &Who| self.parties.custodian(who, &part.referenced) == Likeness::Is;
        !managers.is_empty() && !part.source.is_shared() && !managers.iter().any(is_holder)
    }

    /// Returns true if and only if the Consent gives rights to somebody (R5 `grantee`), and neither who asks nor whose data it
    /// is is proven to be among them.
    pub(super) fn is_granted_to_others(&self, part: &Part, grantees: &[Who]) -> bool {
        let is_meant = |who: &Who| self.parties.is_either(who, &part.referenced);
        !grantees.is_empty() && !grantees.iter().any(is_meant)
    }
}

fn condition(rule: InForce<'_>, part: &Part) -> Condition {
    let targets = |data: &Vec<Datum>| Arc::new(Targets::of(data, &part.source, &part.referenced));
    Condition {
        classes: rule.classes.clone(),
        documents: rule.documents.clone(),
        codes: rule.codes.clone(),
        labels: rule.labels.clone(),
        data_period: rule.data_period.clone(),
        data: match rule.data {
            Element::Absent => Element::Absent,
            Element::Stated(data) => Element::Stated(targets(data)),
        },
    }
}
