//! Condition: what a resource must be for a provision to match it.

use std::sync::Arc;

use super::asked::Unlabelled;
use super::class::{Classes, Share};
use super::code::Codes;
use super::datum::Targets;
use super::likeness::Likeness;
use super::rule::{Effect, Element, LabelSet};
use super::specificity::Aim;
use super::window::Window;
use crate::json::Value;
use crate::label::{CodeKnown, Confidentiality, Label, Subject};

/// What a resource must be.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) classes: Element<Arc<Classes>>,
    pub(super) documents: Element<Arc<Classes>>,
    pub(super) codes: Element<Arc<Codes>>,
    pub(super) labels: Element<LabelSet>,
    pub(super) data_period: Element<Window>,
    pub(super) data: Element<Arc<Targets>>,
}

/// What is known of a resource that is put to a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'r> {
    pub(super) subject: Subject<'r>,
    pub(super) resource_type: &'r str,
    pub(super) label: Label,
    /// What it counts as when it carries no label and its code is not known.
    pub(super) unlabelled: Unlabelled,
    /// Its clinical time, as far as it is asked for and told.
    pub(super) time: Option<Window>,
    pub(super) asks: Asks,
}

/// Which provisions are asked about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// All.
    Every,
    /// Those that name it: its type, its code or itself.
    NamingIt,
    /// Those that name it, or a label.
    NamingItOrLabel,
}

impl Condition {
    /// What every resource is.
    pub(super) const ANY: Self = Self {
        classes: Element::Absent,
        documents: Element::Absent,
        codes: Element::Absent,
        labels: Element::Absent,
        data_period: Element::Absent,
        data: Element::Absent,
    };

    /// Returns true if and only if a resource meets every element that is stated, for a rule of that effect. Allocates nothing.
    pub(super) fn is_met(&self, effect: Effect, facts: &Facts<'_>) -> bool {
        let (subject, resource_type) = (facts.subject, facts.resource_type);
        let of_class =
            |classes: &Arc<Classes>| classes.likeness(subject.resource(), resource_type, effect).matches(effect);
        self.classes.is_met(of_class)
            && self.documents.is_met(of_class)
            && self.labels.is_met(|labels| labels.are_met(effect, facts))
            && self.data_period.is_met(|period| within(period, facts.time).matches(effect))
            && self.codes.is_met(|codes| codes.likeness(subject, resource_type, effect).matches(effect))
            && self.data.is_met(|data| data.likeness(subject, resource_type).matches(effect))
            && self.is_asked(effect, facts)
    }

    fn is_asked(&self, effect: Effect, facts: &Facts<'_>) -> bool {
        let (subject, resource_type) = (facts.subject, facts.resource_type);
        let names_it = || {
            let names_type = |classes: &Arc<Classes>| classes.names(resource_type);
            let names_code = |codes: &Arc<Codes>| codes.likeness(subject, resource_type, effect) == Likeness::Is;
            let names_itself = |data: &Arc<Targets>| data.name(subject.resource(), resource_type);
            self.classes.is_stated_and(names_type)
                || self.codes.is_stated_and(names_code)
                || self.data.is_stated_and(names_itself)
        };
        match facts.asks {
            Asks::Every => true,
            Asks::NamingIt => names_it(),
            Asks::NamingItOrLabel => matches!(self.labels, Element::Stated(_)) || names_it(),
        }
    }

    /// Returns true if and only if a resource that is asked about only by what names it may be of that type.
    pub(super) fn may_name(&self, resource_type: &str) -> bool {
        let by_itself = |stated: bool| stated && !matches!(self.classes, Element::Stated(_));
        self.classes.is_stated_and(|classes| classes.names(resource_type))
            || by_itself(matches!(self.labels, Element::Stated(_)))
            || by_itself(matches!(self.codes, Element::Stated(_)))
            || by_itself(matches!(self.data, Element::Stated(_)))
    }

    /// Returns what the resource was found by, of the data that is stated: `Type/id` of each resource that it may point to.
    /// Nothing where it is met by what the resource is itself.
    pub(super) fn rests_on(&self, resource: Value<'_>) -> Option<Vec<&str>> {
        match &self.data {
            Element::Stated(data) if !data.name(resource, &resource.text_of("resourceType")?) => Some(data.places()),
            Element::Stated(_) | Element::Absent => None,
        }
    }

    /// Returns true if and only if a resource may meet it by what it points to.
    pub(super) fn may_rest_on_references(&self) -> bool {
        self.data.is_stated_and(|data| !data.are_instances())
    }

    /// Returns true if and only if what a resource is linked to may change whether it meets it.
    pub(super) fn reads_links(&self) -> bool {
        matches!(self.labels, Element::Stated(_))
            || matches!(self.codes, Element::Stated(_))
            || self.may_rest_on_references()
    }

    /// Returns how many resources meet it in a rule of that effect: of that type, or of any.
    pub(super) fn share(&self, resource_type: Option<&str>, effect: Effect) -> Share {
        let of_class = |classes: &Element<Arc<Classes>>| match classes {
            Element::Absent => Share::All,
            Element::Stated(classes) => classes.share(resource_type, effect),
        };
        match (of_class(&self.classes), of_class(&self.documents)) {
            (Share::None, _) | (_, Share::None) => Share::None,
            (Share::All, Share::All) if self.aims_at_all() || self.states_classes_alone() => Share::All,
            (_, _) => Share::Some,
        }
    }

    fn states_classes_alone(&self) -> bool {
        matches!(
            (&self.codes, &self.labels, &self.data_period, &self.data),
            (Element::Absent, Element::Absent, Element::Absent, Element::Absent)
        )
    }

    fn aims_at_all(&self) -> bool {
        self.aim(Effect::Permit) == Aim::Any
    }

    /// Returns at what data a rule is aimed that has this condition. A denial that names single resources is as narrow as if
    /// it named nothing beside them: it must not be weaker for saying more.
    pub(super) fn aim(&self, effect: Effect) -> Aim {
        let is_single = |data: &Targets| match effect {
            Effect::Permit => data.are_instances(),
            Effect::Deny => data.have_instances(),
        };
        match (&self.data, &self.codes) {
            (Element::Stated(data), _) if is_single(data) => Aim::Single,
            (_, Element::Stated(_)) => Aim::Code,
            (Element::Stated(_), Element::Absent) => Aim::Kind,
            (Element::Absent, Element::Absent) => {
                match (&self.classes, &self.documents, &self.labels, &self.data_period) {
                    (Element::Absent, Element::Absent, Element::Absent, Element::Absent) => Aim::Any,
                    (_, _, _, _) => Aim::Kind,
                }
            }
        }
    }
}

/// Returns whether data of that time is of the period. What is undated may be.
fn within(period: &Window, time: Option<Window>) -> Likeness {
    match time {
        Some(time) if period.covers(&time) => Likeness::Is,
        Some(time) if !period.may_meet(&time) => Likeness::IsNot,
        Some(_) | None => Likeness::Unknown,
    }
}

impl LabelSet {
    /// The match of consent.md 1.4: for a permit the listed level is a ceiling and every sensitivity must be listed, for a
    /// deny it is a floor and one is enough; either axis will do.
    pub(super) fn are_met(&self, effect: Effect, facts: &Facts<'_>) -> bool {
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
                    || (!label.own.is_empty() && sensitivities.is_among(self.below))
            }
            Effect::Deny => {
                self.lowest.is_some_and(|lowest| level >= lowest)
                    || sensitivities.meets(self.reach)
                    || (sensitivities.is_empty() && !self.listed.is_empty() && unknown)
            }
        }
    }
}
