//! Seen: what a caller may see of an invented record, written from the design of the project and not from its code.
//!
//! A resource is hidden by itself, or because it cannot be without something hidden; what belongs together is hidden
//! together. What is left is the greatest set in which nothing is hidden.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Bond, Role, Told};
use super::part::Part;
use super::plan::{Days, Plan, SILENCED};
use super::thing::{Code, Inside, Link, Place, Thing, To, Whose};

/// What is left of a patient's record.
pub(super) struct Seen<'p> {
    part: &'p Part,
    visible: BTreeSet<usize>,
    labels: BTreeMap<usize, Labels>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Labels {
    restricted: bool,
    hiv: bool,
}

impl<'p> Seen<'p> {
    pub(super) fn of(part: &'p Part) -> Self {
        let mut seen = Self { part, visible: BTreeSet::new(), labels: inherited(&part.things) };
        let by_itself = part.things.iter().filter(|thing| !seen.is_barred(thing));
        seen.visible = by_itself.map(|thing| thing.number).collect();
        loop {
            let whole = part.things.iter().filter(|thing| seen.is_visible(thing) && seen.is_whole(thing));
            let whole: BTreeSet<usize> = whole.map(|thing| thing.number).collect();
            if whole.len() == seen.visible.len() {
                return seen;
            }
            seen.visible = whole;
        }
    }

    pub(super) fn is_visible(&self, thing: &Thing) -> bool {
        self.visible.contains(&thing.number)
    }

    /// Returns true if and only if what is contained at `place` goes.
    pub(super) fn loses_inside(&self, thing: &Thing, place: usize) -> bool {
        thing.inside.get(place).is_some_and(|inside| match (inside, &self.part.plan) {
            (Inside::Consent | Inside::RelatedPerson, _) => true,
            (_, Plan::Without(kinds)) => kinds.contains(&inside.name()),
            (Inside::Observation, Plan::Labels | Plan::NotOf(_)) => true,
            (
                Inside::Device | Inside::Observation,
                Plan::Straight
                | Plan::Nothing
                | Plan::Labels
                | Plan::Only(_)
                | Plan::Instance(_)
                | Plan::NotOf(_)
                | Plan::OnlyOf(_),
            ) => false,
        })
    }

    fn is_straight(&self) -> bool {
        self.part.plan == Plan::Straight
    }

    /// Hidden by itself, whatever it refers to.
    fn is_barred(&self, thing: &Thing) -> bool {
        let labels = self.labels.get(&thing.number).copied().unwrap_or_default();
        let is_named = |kinds: &[String]| kinds.contains(&thing.kind.name);
        let is_supporting = thing.kind.role == Role::Supporting;
        let by_rule = match &self.part.plan {
            Plan::Straight => false,
            Plan::Nothing => return true,
            Plan::Labels => labels.restricted || labels.hiv && SILENCED.contains(&thing.kind.name.as_str()),
            Plan::Without(kinds) => is_named(kinds),
            Plan::Only(kinds) => !is_supporting && !is_named(kinds),
            Plan::Instance(number) => *number == thing.number,
            Plan::NotOf(days) => !is_supporting && days.meet(thing),
            Plan::OnlyOf(days) => !is_supporting && !days.cover(thing),
        };
        let may_be_hidden = match &self.part.plan {
            Plan::Straight => false,
            // A rule about one resource is no rule about its type, as far as a plan knows.
            Plan::Nothing | Plan::Labels | Plan::Instance(_) | Plan::NotOf(_) | Plan::OnlyOf(_) => true,
            Plan::Without(kinds) => is_named(kinds),
            Plan::Only(kinds) => !is_named(kinds),
        };
        is_others(thing) || by_rule && thing.kind.role != Role::Patient || may_be_hidden && thing.code == Code::Absent
    }

    /// Whether all that it cannot be without is visible.
    fn is_whole(&self, thing: &Thing) -> bool {
        let is_modified = thing.links.iter().any(|link| link.place == Place::Modifier && !self.keeps(thing, link));
        let lacks = (0..).zip(&thing.kind.slot).any(|(place, slot)| {
            let is_bound = match slot.bond {
                Bond::Loose => false,
                Bond::Required => true,
                Bond::Gathers => !thing.valued,
            };
            let mut links = thing.links.iter().filter(|link| link.place == Place::Slot(place)).peekable();
            is_bound && links.peek().is_some() && !links.any(|link| self.keeps(thing, link))
        });
        !is_modified && !lacks && self.unit(thing).iter().all(|number| self.visible.contains(number))
    }

    fn keeps(&self, thing: &Thing, link: &Link) -> bool {
        match link.to {
            To::Thing(number) => match self.part.things.get(number) {
                // Without a plan Consents alone are looked up.
                Some(target) if self.is_straight() => target.kind.name != "Consent" || self.is_visible(target),
                Some(target) => self.is_visible(target),
                None => false,
            },
            To::Identifier | To::Elsewhere => self.is_straight(),
            To::Person | To::Display => true,
            To::OtherPerson | To::Privacy => false,
            To::Inside(place) => !self.loses_inside(thing, place),
        }
    }

    /// Those it is judged together with, where there is a plan: of one treatment, or where one replaces another.
    fn unit(&self, thing: &Thing) -> BTreeSet<usize> {
        let mut unit = BTreeSet::from([thing.number]);
        if self.is_straight() {
            return unit;
        }
        loop {
            let before = unit.len();
            for one in self.part.things.iter().filter(|one| !is_about_others(one)) {
                let is_bound = self.part.things.iter().any(|other| {
                    unit.contains(&other.number)
                        && (replaces(one, other) || replaces(other, one) || same_treatment(one, other))
                });
                if is_bound {
                    unit.insert(one.number);
                }
            }
            if unit.len() == before {
                return unit;
            }
        }
    }
}

impl Days {
    fn meet(self, thing: &Thing) -> bool {
        let is_over = self.until.is_some_and(|until| thing.day > until);
        match thing.kind.told {
            Told::Nothing => true,
            Told::Day => self.from.is_none_or(|from| from <= thing.day) && !is_over,
            // It may go on.
            Told::Beginning => !is_over,
        }
    }

    fn cover(self, thing: &Thing) -> bool {
        let has_begun = self.from.is_none_or(|from| from <= thing.day);
        match thing.kind.told {
            Told::Nothing => false,
            Told::Day => has_begun && self.until.is_none_or(|until| thing.day <= until),
            Told::Beginning => has_begun && self.until.is_none(),
        }
    }
}

/// Another person's, nobody's, or in a second person's compartment.
fn is_others(thing: &Thing) -> bool {
    let names_another = |link: &Link| link.to == To::OtherPerson && thing.slot(link).is_some_and(|slot| slot.people);
    is_about_others(thing) || thing.links.iter().any(names_another)
}

/// Another person's or nobody's.
fn is_about_others(thing: &Thing) -> bool {
    match thing.kind.role {
        Role::Patient | Role::Supporting => false,
        // A Group is of several people; whose it is cannot be told.
        Role::Clinical => thing.kind.subject.is_empty() || thing.whose == Whose::Others,
    }
}

/// Whether the one says that it replaces the other.
fn replaces(one: &Thing, other: &Thing) -> bool {
    one.links.iter().any(|link| link.to == To::Thing(other.number) && one.slot(link).is_some_and(|slot| slot.unit))
}

fn same_treatment(one: &Thing, other: &Thing) -> bool {
    one.treatment.is_some() && one.treatment == other.treatment
}

/// What each thing is sensitive for: itself, and what it is linked to.
fn inherited(things: &[Thing]) -> BTreeMap<usize, Labels> {
    let own = |thing: &Thing| Labels {
        restricted: thing.label == Some("R"),
        hiv: thing.code == Code::Hiv && !thing.kind.coded.is_empty() && !thing.is_by_reference(),
    };
    let mut labels: BTreeMap<_, _> = things.iter().map(|thing| (thing.number, own(thing))).collect();
    loop {
        let before = labels.clone();
        for thing in things {
            for link in thing.links.iter().filter(|link| thing.slot(link).is_some_and(|slot| slot.link)) {
                let To::Thing(number) = link.to else { continue };
                let Some(more) = before.get(&number) else { continue };
                let all = labels.entry(thing.number).or_default();
                *all = Labels { restricted: all.restricted || more.restricted, hiv: all.hiv || more.hiv };
            }
        }
        if labels == before {
            return labels;
        }
    }
}
