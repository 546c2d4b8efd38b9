//! Evaluating the rules of one Consent for one question: what depends on the question alone is settled here, what depends on
//! each resource is left as conditions (consent.md 1.6).

use time::OffsetDateTime;

use super::actor::{Likeness, Parties};
use super::asked::Asked;
use super::evidence::Part;
use super::purpose::Purpose;
use super::record::Referenced;
use super::rule::{Action, Actor, ActorRole, Base, Effect, Element, LabelSet, Root, Rule, Statement, Who};
use super::tree::{Branch, Condition, Own, Tree};
use super::window::Window;

/// A question, ready to be put to rules.
pub(super) struct Question<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) parties: Parties<'a>,
    pub(super) now: OffsetDateTime,
}

/// What holds for a provision: its own elements and, for those it leaves out, those of the provision around it.
#[derive(Clone, Copy)]
struct InForce<'r> {
    period: &'r Element<Window>,
    actors: &'r Element<Vec<Actor>>,
    actions: &'r Element<Vec<Action>>,
    purposes: &'r Element<Vec<Purpose>>,
    classes: &'r Element<Vec<&'static str>>,
    labels: &'r Element<LabelSet>,
}

impl Rule {
    fn in_force<'r>(&'r self, around: Option<InForce<'r>>) -> InForce<'r> {
        match around {
            None => InForce {
                period: &self.period,
                actors: &self.actors,
                actions: &self.actions,
                purposes: &self.purposes,
                classes: &self.classes,
                labels: &self.labels,
            },
            Some(around) => InForce {
                period: self.period.or(around.period),
                actors: self.actors.or(around.actors),
                actions: self.actions.or(around.actions),
                purposes: self.purposes.or(around.purposes),
                classes: self.classes.or(around.classes),
                labels: self.labels.or(around.labels),
            },
        }
    }
}

impl<'a> Question<'a> {
    pub(super) fn new(asked: &'a Asked<'a>, now: OffsetDateTime) -> Self {
        Self { asked, parties: Parties::of(asked, now), now }
    }

    /// Returns what the Consent makes of this question, for each resource.
    pub(super) fn put_to(&self, statement: &Statement, referenced: &Referenced) -> Tree {
        // Outside the period of the outermost provision the whole Consent is silent, its base too.
        if statement.root.rule().is_some_and(|rule| !rule.period.is_met(|period| period.holds(self.now))) {
            return Tree::new(None, None);
        }
        let root = match &statement.root {
            Root::None => None,
            Root::Untyped(rule) => Some(Branch { own: Own::Never, ..self.branch(rule, None, referenced) }),
            Root::Rule(rule) => Some(self.branch(rule, None, referenced)),
        };
        let base = match statement.base {
            Base::Silent => None,
            Base::Says(effect) => Some(effect),
        };
        Tree::new(root, base)
    }

    fn branch(&self, rule: &Rule, around: Option<InForce<'_>>, referenced: &Referenced) -> Branch {
        let in_force = rule.in_force(around);
        // Exceptions are asked even where the provision around them does not match.
        let exceptions = rule.exceptions.iter().map(|inner| self.branch(inner, Some(in_force), referenced)).collect();
        let own = if self.is_met(in_force, rule.effect, referenced) {
            Own::When(Condition { classes: in_force.classes.clone(), labels: in_force.labels.clone() })
        } else {
            Own::Never
        };
        Branch { effect: rule.effect, place: rule.place.clone(), own, exceptions }
    }

    /// Returns true if and only if the elements that depend on the question alone are met.
    fn is_met(&self, rule: InForce<'_>, effect: Effect, referenced: &Referenced) -> bool {
        let purpose = self.asked.purpose;
        rule.period.is_met(|period| period.holds(self.now))
            && rule.purposes.is_met(|purposes| purposes.iter().any(|listed| purpose.is_within(*listed)))
            && rule.actions.is_met(|actions| actions.contains(&self.asked.action))
            && rule.actors.is_met(|actors| self.parties.match_actors(actors, effect, referenced))
    }

    /// Returns true if and only if another holder manages the Consent, so that its permits are silent here: one with
    /// managers of which none is proven to be the holder, no permit that names the holder as custodian, and a source that is
    /// no shared register.
    pub(super) fn is_foreign(&self, part: &Part, managers: &[Who], statement: &Statement) -> bool {
        let is_holder = |who: &Who| self.parties.custodian(who, &part.referenced) == Likeness::Is;
        if managers.is_empty() || part.source.is_shared() || managers.iter().any(is_holder) {
            return false;
        }
        let mut named = false;
        if let Some(rule) = statement.root.rule() {
            rule.for_each(&mut |rule| {
                let custodian = |actor: &Actor| actor.role == ActorRole::Custodian && is_holder(&actor.who);
                named |= rule.effect == Effect::Permit && rule.actors().any(custodian);
            });
        }
        !named
    }
}
