//! What one Consent says for one question: a tree of conditions that each resource is put to.

use super::asked::Unlabelled;
use super::rule::{Effect, Element, LabelSet};
use crate::label::{CodeKnown, Confidentiality, Label};

/// A Consent as it applies to one question.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: Option<Branch>,
    base: Option<Effect>,
}

/// A provision as it applies to one question.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) effect: Effect,
    pub(super) place: String,
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

/// What a resource must be.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) classes: Element<Vec<&'static str>>,
    pub(super) labels: Element<LabelSet>,
}

/// What is known of a resource that is put to a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'r> {
    pub(super) resource_type: &'r str,
    pub(super) label: Label,
    /// What it counts as when it carries no label and its code is not known.
    pub(super) unlabelled: Unlabelled,
    pub(super) asks: Asks,
}

/// Which provisions are asked about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// All.
    Every,
    /// Those that name its type.
    NamingType,
    /// Those that name its type, or a label.
    NamingTypeOrLabel,
}

/// What a tree said, and the number of the place that said it: places are counted in the order of [`Tree::places`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) effect: Effect,
    pub(super) place: usize,
}

/// What can come of a tree, over resources that are not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outlook {
    pub(super) permit: bool,
    pub(super) deny: bool,
    pub(super) silent: bool,
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
    pub(super) fn new(root: Option<Branch>, base: Option<Effect>) -> Self {
        Self { root, base }
    }

    /// Returns what the Consent says of a resource; nothing where it is silent. Allocates nothing.
    pub(super) fn ask(&self, facts: &Facts<'_>) -> Option<Said> {
        let mut place = 0;
        let said = self.root.as_ref().and_then(|root| root.ask(facts, &mut place));
        match (said, self.base, facts.asks) {
            (Some(said), _, _) => Some(said),
            (None, Some(effect), Asks::Every) => Some(Said { effect, place }),
            (None, _, _) => None,
        }
    }

    /// Returns where that place is in the Consent.
    pub(super) fn place(&self, number: usize) -> &str {
        let mut left = number;
        self.root.as_ref().and_then(|root| root.place(&mut left)).unwrap_or("policyRule")
    }

    /// Returns what can come of the tree: for resources of that type, or of any.
    pub(super) fn outlook(&self, resource_type: Option<&str>) -> Outlook {
        let root = self.root.as_ref().map_or(SILENT, |root| root.outlook(resource_type));
        match self.base {
            Some(effect) if root.silent => Outlook { silent: false, ..root }.or(Outlook::of(effect)),
            Some(_) | None => root,
        }
    }

    /// Returns true if and only if a provision that can match satisfies `test`.
    pub(super) fn any(&self, test: &impl Fn(&Condition) -> bool) -> bool {
        self.root.as_ref().is_some_and(|root| root.any(test))
    }
}

impl Branch {
    /// The exceptions go first, and a denial among them before a permit; then the provision itself.
    fn ask(&self, facts: &Facts<'_>, next: &mut usize) -> Option<Said> {
        let place = *next;
        *next += 1;
        let mut below: Option<Said> = None;
        for exception in &self.exceptions {
            let said = exception.ask(facts, next);
            if below.is_none_or(|below| below.effect == Effect::Permit)
                && said.is_some_and(|said| below.is_none() || said.effect == Effect::Deny)
            {
                below = said;
            }
        }
        let own = || match &self.own {
            Own::When(condition) if condition.is_met(self.effect, facts) => Some(Said { effect: self.effect, place }),
            Own::When(_) | Own::Never => None,
        };
        below.or_else(own)
    }

    fn place(&self, left: &mut usize) -> Option<&str> {
        if *left == 0 {
            return Some(&self.place);
        }
        *left -= 1;
        self.exceptions.iter().find_map(|exception| exception.place(left))
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
        let by_type = match (&condition.classes, resource_type) {
            (Element::Absent, _) => Some(true),
            (Element::Stated(classes), Some(resource_type)) => Some(classes.contains(&resource_type)),
            (Element::Stated(classes), None) => {
                if classes.is_empty() {
                    Some(false)
                } else {
                    None
                }
            }
        };
        match (by_type, &condition.labels) {
            (Some(false), _) => SILENT,
            (Some(true), Element::Absent) => Outlook::of(self.effect),
            (Some(true), Element::Stated(_)) | (None, _) => Outlook::of(self.effect).or(SILENT),
        }
    }

    fn any(&self, test: &impl Fn(&Condition) -> bool) -> bool {
        let own = match &self.own {
            Own::Never => false,
            Own::When(condition) => test(condition),
        };
        own || self.exceptions.iter().any(|exception| exception.any(test))
    }
}

impl Condition {
    fn is_met(&self, effect: Effect, facts: &Facts<'_>) -> bool {
        let names_type = matches!(&self.classes, Element::Stated(classes) if classes.contains(&facts.resource_type));
        let names_label = matches!(&self.labels, Element::Stated(_));
        let asked = match facts.asks {
            Asks::Every => true,
            Asks::NamingType => names_type,
            Asks::NamingTypeOrLabel => names_type || names_label,
        };
        asked
            && self.classes.is_met(|classes| classes.contains(&facts.resource_type))
            && self.labels.is_met(|labels| labels.are_met(effect, facts))
    }
}

impl LabelSet {
    /// The match of consent.md 1.4: for a permit the listed level is a ceiling and every sensitivity must be listed, for a
    /// deny it is a floor and one is enough; either axis will do.
    fn are_met(&self, effect: Effect, facts: &Facts<'_>) -> bool {
        let label = facts.label;
        let unknown = match (label.code, facts.unlabelled) {
            (CodeKnown::No, Unlabelled::Restricted) => true,
            (CodeKnown::Yes, _) | (CodeKnown::No, Unlabelled::Normal) => false,
        };
        let assumed = if unknown { Confidentiality::Restricted } else { Confidentiality::Normal };
        let level = label.confidentiality.unwrap_or(assumed);
        let sensitivities = label.sensitivities;
        match effect {
            Effect::Permit => {
                self.highest.is_some_and(|highest| level <= highest)
                    || (!sensitivities.is_empty() && sensitivities.is_among(self.below))
            }
            Effect::Deny => {
                self.lowest.is_some_and(|lowest| level >= lowest)
                    || sensitivities.meets(self.reach)
                    || (sensitivities.is_empty() && !self.listed.is_empty() && unknown)
            }
        }
    }
}
