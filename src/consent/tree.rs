//! What one Consent says for one question: a tree of conditions that each resource is put to.

use std::sync::Arc;

use super::class::Share;
use super::condition::{Asks, Condition, Facts};
use super::rule::Effect;
use super::specificity::{Specificities, Specificity};

/// A Consent as it applies to one question.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: Option<Branch>,
    /// What holds where no provision matches.
    base: Option<Branch>,
}

/// A provision as it applies to one question.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) effect: Effect,
    pub(super) place: Arc<str>,
    pub(super) specificity: Specificity,
    pub(super) own: Own,
    pub(super) exceptions: Vec<Branch>,
}

/// When the provision itself matches.
#[derive(Debug, Clone)]
pub(super) enum Own {
    /// For no resource: what depends on the question alone is not met.
    Never,
    /// For each resource that meets the condition.
    When(Condition),
}

/// What a tree said, and the number of the place that said it: places are counted in the order of [`Tree::places`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) effect: Effect,
    pub(super) place: usize,
    /// How specific the provisions are that say so.
    pub(super) specificities: Specificities,
}

/// What can come of a tree, over resources that are not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outlook {
    pub(super) permit: bool,
    pub(super) deny: bool,
    pub(super) silent: bool,
}

impl Said {
    /// Adds another that says the same.
    fn with(self, other: Self) -> Self {
        Self { specificities: self.specificities.with(other.specificities), ..self }
    }
}

const SILENT: Outlook = Outlook { permit: false, deny: false, silent: true };

impl Outlook {
    fn of(effect: Effect) -> Self {
        Self { permit: effect == Effect::Permit, deny: effect == Effect::Deny, silent: false }
    }

    fn or(self, other: Self) -> Self {
        Self { permit: self.permit || other.permit, deny: self.deny || other.deny, silent: self.silent || other.silent }
    }

    /// Returns true if and only if every resource is denied.
    pub(super) fn only_denies(self) -> bool {
        self.deny && !self.permit && !self.silent
    }

    /// Returns true if and only if every resource is permitted.
    pub(super) fn only_permits(self) -> bool {
        self.permit && !self.deny && !self.silent
    }

    /// Returns true if and only if some resource is permitted or denied.
    pub(super) fn speaks(self) -> bool {
        self.permit || self.deny
    }

    /// Takes permits as silence.
    pub(super) fn denials_only(self) -> Self {
        Self { permit: false, deny: self.deny, silent: self.silent || self.permit }
    }
}

impl Tree {
    pub(super) fn new(root: Option<Branch>, base: Option<Branch>) -> Self {
        Self { root, base }
    }

    /// Returns what the Consent says of a resource; nothing where it is silent. Allocates nothing.
    pub(super) fn ask(&self, facts: &Facts<'_>) -> Option<Said> {
        let mut place = 0;
        let said = self.root.as_ref().and_then(|root| root.ask(facts, &mut place));
        let base = || self.base.as_ref().filter(|_| facts.asks == Asks::Every)?.ask(facts, &mut place);
        said.or_else(base)
    }

    /// Returns where that place is in the Consent.
    pub(super) fn place(&self, number: usize) -> &str {
        self.at(number).map_or("", |branch| branch.place.as_ref())
    }

    /// Returns what a resource must be for the provision at that place; nothing where it never matches by itself.
    pub(super) fn condition(&self, number: usize) -> Option<&Condition> {
        match &self.at(number)?.own {
            Own::When(condition) => Some(condition),
            Own::Never => None,
        }
    }

    fn at(&self, number: usize) -> Option<&Branch> {
        let mut left = number;
        self.both().find_map(|branch| branch.at(&mut left))
    }

    /// Returns what can come of the tree: for resources of that type, or of any.
    pub(super) fn outlook(&self, resource_type: Option<&str>) -> Outlook {
        let root = self.root.as_ref().map_or(SILENT, |root| root.outlook(resource_type));
        match &self.base {
            Some(base) if root.silent => Outlook { silent: false, ..root }.or(base.outlook(resource_type)),
            Some(_) | None => root,
        }
    }

    /// Returns how specific the provisions of that effect are that can match.
    pub(super) fn specificities(&self, effect: Effect) -> Specificities {
        self.both().fold(Specificities::default(), |all, branch| all.with(branch.specificities(effect)))
    }

    fn both(&self) -> impl Iterator<Item = &Branch> {
        self.root.iter().chain(&self.base)
    }

    /// Returns true if and only if a provision that can match satisfies `test`.
    pub(super) fn any(&self, test: &impl Fn(&Condition) -> bool) -> bool {
        self.both().any(|branch| branch.any(test))
    }
}

impl Branch {
    /// The exceptions go first, and a denial among them before a permit; then the provision itself.
    ///
    /// Provisions that say the same as the one that decides add how specific they are: an exception that repeats what is
    /// around it must not make it weaker.
    fn ask(&self, facts: &Facts<'_>, next: &mut usize) -> Option<Said> {
        let place = *next;
        *next += 1;
        let mut below: Option<Said> = None;
        for exception in &self.exceptions {
            below = match (below, exception.ask(facts, next)) {
                (Some(first), Some(said)) if first.effect == said.effect => Some(first.with(said)),
                (Some(first), Some(said)) => Some(if first.effect == Effect::Deny { first } else { said }),
                (first, said) => first.or(said),
            };
        }
        if below.is_some_and(|below| below.effect != self.effect) {
            return below;
        }
        let own = match &self.own {
            Own::When(condition) if condition.is_met(self.effect, facts) => {
                Some(Said { effect: self.effect, place, specificities: Specificities::of(self.specificity) })
            }
            Own::When(_) | Own::Never => None,
        };
        match (below, own) {
            (Some(below), Some(own)) => Some(below.with(own)),
            (below, own) => below.or(own),
        }
    }

    fn at(&self, left: &mut usize) -> Option<&Self> {
        if *left == 0 {
            return Some(self);
        }
        *left -= 1;
        self.exceptions.iter().find_map(|exception| exception.at(left))
    }

    fn outlook(&self, resource_type: Option<&str>) -> Outlook {
        let below = self.exceptions.iter().map(|exception| exception.outlook(resource_type));
        let (mut any, mut denied, mut silent) = (Outlook::default(), false, true);
        for outlook in below {
            any = any.or(outlook);
            denied |= outlook.only_denies();
            silent &= outlook.silent;
        }
        if denied {
            return Outlook::of(Effect::Deny);
        }
        let below = Outlook { silent: false, ..any };
        if silent { below.or(self.own_outlook(resource_type)) } else { below }
    }

    fn own_outlook(&self, resource_type: Option<&str>) -> Outlook {
        let Own::When(condition) = &self.own else { return SILENT };
        match condition.share(resource_type, self.effect) {
            Share::None => SILENT,
            Share::Some => Outlook::of(self.effect).or(SILENT),
            Share::All => Outlook::of(self.effect),
        }
    }

    fn specificities(&self, effect: Effect) -> Specificities {
        let own = match &self.own {
            Own::When(_) if self.effect == effect => Specificities::of(self.specificity),
            Own::When(_) | Own::Never => Specificities::default(),
        };
        self.exceptions.iter().fold(own, |all, exception| all.with(exception.specificities(effect)))
    }

    fn any(&self, test: &impl Fn(&Condition) -> bool) -> bool {
        let own = match &self.own {
            Own::Never => false,
            Own::When(condition) => test(condition),
        };
        own || self.exceptions.iter().any(|exception| exception.any(test))
    }
}
