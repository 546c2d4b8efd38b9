//! The model: what a caller may see of a record, written from the design of the project and not from the view.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::{Bond, Role, Told};
use super::record::{Code, Contained, Inside, Keeps, Link, Place, Record, Thing, To, Whose};
use crate::view::{FreeText, Narrative};

/// What is on file, and under which policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Everything is visible.
    Straight,
    /// What is restricted is hidden, and of Observations and prescriptions what tells of HIV.
    Labels,
    /// These types are hidden.
    Without(&'static [&'static str]),
    /// Of what is a patient's, these types alone are visible.
    Only(&'static [&'static str]),
    /// The thing of that number is hidden.
    Instance(usize),
    /// What is of these days is hidden, and what does not tell its time.
    NotOf(Days),
    /// Of what is a patient's, that alone is visible which is of these days as a whole.
    OnlyOf(Days),
}

/// Days of the month of the records, by number, the last one included; a side without a limit is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) from: Option<usize>,
    pub(super) until: Option<usize>,
}

impl Days {
    fn meet(self, thing: &Thing) -> bool {
        match thing.kind.told() {
            Told::Nothing => true,
            Told::Day => {
                self.from.is_none_or(|from| from <= thing.day) && self.until.is_none_or(|until| thing.day <= until)
            }
            // It may go on.
            Told::Beginning => self.until.is_none_or(|until| thing.day <= until),
        }
    }

    fn cover(self, thing: &Thing) -> bool {
        let has_begun = self.from.is_none_or(|from| from <= thing.day);
        match thing.kind.told() {
            Told::Nothing => false,
            Told::Day => has_begun && self.until.is_none_or(|until| thing.day <= until),
            Told::Beginning => has_begun && self.until.is_none(),
        }
    }
}

/// The types that tell of HIV to nobody.
pub(super) const SILENCED: [&str; 2] = ["MedicationRequest", "Observation"];

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    Doctor,
    Pharmacist,
}

/// What is left of a record.
pub(super) struct Seen<'r> {
    record: &'r Record,
    plan: Plan,
    narrative: Narrative,
    free_text: FreeText,
    visible: BTreeSet<usize>,
    labels: BTreeMap<usize, Labels>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Labels {
    restricted: bool,
    hiv: bool,
}

impl<'r> Seen<'r> {
    /// The greatest set in which nothing is hidden by itself or lacks what it cannot be without.
    pub(super) fn of(record: &'r Record, plan: Plan, narrative: Narrative, free_text: FreeText) -> Self {
        let (visible, labels) = (BTreeSet::new(), inherited(record));
        let mut seen = Self { record, plan, narrative, free_text, visible, labels };
        seen.visible = record.things.iter().filter(|thing| !seen.is_barred(thing)).map(|thing| thing.number).collect();
        loop {
            let whole = record.things.iter().filter(|thing| seen.is_visible(thing) && seen.is_whole(thing));
            let whole: BTreeSet<_> = whole.map(|thing| thing.number).collect();
            if whole.len() == seen.visible.len() {
                return seen;
            }
            seen.visible = whole;
        }
    }

    pub(super) fn is_visible(&self, thing: &Thing) -> bool {
        self.visible.contains(&thing.number)
    }

    /// Whether it is given to somebody who asks for it by type and id.
    pub(super) fn is_delivered(&self, thing: &Thing, asker: Asker) -> bool {
        let is_offered = match (thing.kind.role, asker) {
            (Role::Patient | Role::Medicinal, _) | (Role::Clinical, Asker::Doctor) => true,
            (Role::Clinical, Asker::Pharmacist) | (Role::Unoffered | Role::Supporting, _) => false,
        };
        // No resource here is in the category of results of a laboratory, and a pharmacist is offered those alone.
        let is_outside = thing.kind.belongs.is_some() && !thing.belongs
            || asker == Asker::Pharmacist && thing.kind.name == "Observation";
        is_offered && !is_outside && self.is_visible(thing)
    }

    fn is_straight(&self) -> bool {
        self.plan == Plan::Straight
    }

    /// Hidden by itself, whatever it refers to.
    fn is_barred(&self, thing: &Thing) -> bool {
        // What cannot be judged is not hidden.
        if thing.is_broken {
            return false;
        }
        let labels = self.labels.get(&thing.number).copied().unwrap_or_default();
        let is_named = |kinds: &[&str]| kinds.contains(&thing.kind.name);
        let is_patient = thing.kind.role == Role::Patient;
        let is_about_sharing = thing.kind.name == "Consent" && !thing.belongs;
        let by_rule = match self.plan {
            Plan::Straight => false,
            Plan::Labels => labels.restricted || labels.hiv && is_named(&SILENCED),
            Plan::Without(kinds) => is_named(kinds),
            Plan::Only(kinds) => !is_named(kinds) && !thing.is_supporting(),
            Plan::Instance(number) => number == thing.number,
            Plan::NotOf(days) => !thing.is_supporting() && days.meet(thing),
            Plan::OnlyOf(days) => !thing.is_supporting() && !days.cover(thing),
        };
        let may_be_hidden = match self.plan {
            Plan::Straight => false,
            // A rule about one resource is no rule about its type, as far as a plan knows.
            Plan::Labels | Plan::Instance(_) | Plan::NotOf(_) | Plan::OnlyOf(_) => true,
            Plan::Without(kinds) => is_named(kinds),
            Plan::Only(kinds) => !is_named(kinds),
        };
        is_others(thing)
            || is_about_sharing
            || by_rule && !is_patient
            || may_be_hidden && thing.code == Code::Absent
            || !self.is_straight() && thing.is_foreign
            || !self.is_straight() && self.free_text == FreeText::Withhold && thing.has_words()
    }

    /// Whether all that it cannot be without is visible.
    fn is_whole(&self, thing: &Thing) -> bool {
        if thing.is_broken {
            return true;
        }
        let is_modified = thing.links.iter().any(|link| link.place == Place::Modifier && !self.link(thing, link));
        let lacks = thing.kind.slots.iter().enumerate().any(|(place, slot)| {
            let is_bound = match slot.bond {
                Bond::Loose => false,
                Bond::Required => true,
                Bond::Gathers => !thing.valued,
            };
            let mut links = thing.links.iter().filter(|link| link.place == Place::Slot(place)).peekable();
            is_bound && links.peek().is_some() && !links.any(|link| self.link(thing, link))
        });
        // A narrative that is passed on may tell of what went.
        let is_told =
            self.is_straight() && self.narrative == Narrative::Keep && thing.has_narrative && self.loses(thing);
        !is_modified && !lacks && !is_told && self.unit(thing).iter().all(|number| self.visible.contains(number))
    }

    /// Whether anything in it goes.
    fn loses(&self, thing: &Thing) -> bool {
        let inside = 0..thing.contained.len();
        thing.links.iter().any(|link| !self.link(thing, link))
            || inside.clone().any(|place| !self.contained(thing, place) || !self.inner(thing, place))
    }

    /// Those it is judged together with, where there is a plan: of one treatment, or where one replaces another.
    fn unit(&self, thing: &Thing) -> BTreeSet<usize> {
        let mut unit = BTreeSet::from([thing.number]);
        if self.is_straight() || thing.is_broken {
            return unit;
        }
        loop {
            let before = unit.len();
            for one in &self.record.things {
                let is_bound = self.record.things.iter().any(|other| {
                    unit.contains(&other.number)
                        && (replaces(one, other) || replaces(other, one) || same_treatment(one, other))
                });
                // What is about the person binds, though another one has a part in it and it is hidden for that.
                if is_bound && !is_about_others(one) && !one.is_broken {
                    unit.insert(one.number);
                }
            }
            if unit.len() == before {
                return unit;
            }
        }
    }

    /// What it contains and loses, by place.
    fn lost(&self, thing: &Thing) -> BTreeSet<usize> {
        let mut lost = BTreeSet::new();
        loop {
            let before = lost.len();
            for (place, Contained { what, label, link }) in thing.contained.iter().enumerate() {
                let by_rule = match (self.plan, what) {
                    // A permit of the container is one of what it contains.
                    (Plan::Straight | Plan::Instance(_) | Plan::Only(_) | Plan::OnlyOf(_), _) => false,
                    // None of them tells its time; what supports others is not asked for it.
                    (Plan::NotOf(_), what) => *what != Inside::Device,
                    (Plan::Labels, Inside::Observation) => true,
                    (Plan::Labels, _) => *label == Some("R"),
                    (Plan::Without(kinds), _) => kinds.contains(&what.name().as_str()),
                };
                let is_lost = by_rule
                    || match what {
                        Inside::Consent | Inside::RelatedPerson => true,
                        Inside::DeviceUseStatement => link.is_some_and(|(to, _)| !self.is_kept(to, &lost)),
                        Inside::Device | Inside::Observation => false,
                    };
                let is_orphan =
                    self.refer_to(thing, place, &BTreeSet::new()) > 0 && self.refer_to(thing, place, &lost) == 0;
                if is_lost || is_orphan {
                    lost.insert(place);
                }
            }
            if lost.len() == before {
                return lost;
            }
        }
    }

    /// How many references to what is contained at `place` stand where nothing is lost.
    fn refer_to(&self, thing: &Thing, place: usize, lost: &BTreeSet<usize>) -> usize {
        let own = thing.links.iter().filter(|link| link.to == To::Contained(place)).count();
        let inner = thing.contained.iter().enumerate().filter(|(from, contained)| {
            !lost.contains(from) && contained.link.is_some_and(|(to, _)| to == To::Contained(place))
        });
        own + inner.count()
    }

    fn is_kept(&self, to: To, lost: &BTreeSet<usize>) -> bool {
        match to {
            To::Thing(number) => match self.record.find(number) {
                // Without a plan Consents alone are looked up.
                Some(thing) if self.is_straight() => thing.kind.name != "Consent" || self.is_visible(thing),
                Some(thing) => self.is_visible(thing),
                None => self.is_straight(),
            },
            To::Never(_) | To::Elsewhere | To::Urn | To::Identifier | To::Query => self.is_straight(),
            To::Person | To::Display => true,
            To::OtherPerson => false,
            To::Contained(place) => !lost.contains(&place),
        }
    }
}

impl Keeps for Seen<'_> {
    fn link(&self, from: &Thing, link: &Link) -> bool {
        self.is_kept(link.to, &self.lost(from))
    }

    fn contained(&self, of: &Thing, place: usize) -> bool {
        !self.lost(of).contains(&place)
    }

    fn inner(&self, of: &Thing, place: usize) -> bool {
        of.contained[place].link.is_none_or(|(to, _)| self.is_kept(to, &self.lost(of)))
    }

    fn is_marked(&self, _: &Thing) -> bool {
        false
    }
}

/// The world as the server has it.
pub(super) struct Everything<'s>(pub(super) &'s Seen<'s>);

impl Keeps for Everything<'_> {
    fn link(&self, _: &Thing, _: &Link) -> bool {
        true
    }

    fn contained(&self, _: &Thing, _: usize) -> bool {
        true
    }

    fn inner(&self, _: &Thing, _: usize) -> bool {
        true
    }

    fn is_marked(&self, thing: &Thing) -> bool {
        !self.0.is_visible(thing)
    }
}

/// Another person's, nobody's, or in a second person's compartment.
fn is_others(thing: &Thing) -> bool {
    let names_another = thing.links.iter().any(|link| match (link.place, link.to) {
        (Place::Slot(slot), To::OtherPerson) => thing.kind.compartment.contains(&thing.kind.slots[slot].member),
        _ => false,
    });
    is_about_others(thing) || names_another
}

/// Another person's or nobody's.
fn is_about_others(thing: &Thing) -> bool {
    match thing.kind.role {
        Role::Patient | Role::Supporting => false,
        // A Group is of several people; whose it is cannot be told.
        _ if thing.kind.subject.is_empty() => true,
        Role::Medicinal | Role::Clinical | Role::Unoffered => thing.whose == Whose::Others,
    }
}

/// Whether the one says that it replaces the other.
fn replaces(one: &Thing, other: &Thing) -> bool {
    one.links.iter().any(|link| match link.place {
        Place::Slot(slot) => one.kind.slots[slot].is_bond() && link.to == To::Thing(other.number),
        Place::Extension | Place::Nested | Place::Primitive | Place::Address | Place::Modifier => false,
    })
}

fn same_treatment(one: &Thing, other: &Thing) -> bool {
    one.treatment.is_some() && one.treatment == other.treatment
}

/// What each thing is sensitive for: itself, and what it is linked to.
fn inherited(record: &Record) -> BTreeMap<usize, Labels> {
    let own = |thing: &Thing| Labels {
        restricted: thing.label == Some("R"),
        hiv: thing.code == Code::Hiv && !thing.kind.coded.is_empty(),
    };
    let mut labels: BTreeMap<_, _> = record.things.iter().map(|thing| (thing.number, own(thing))).collect();
    loop {
        let before = labels.clone();
        for thing in &record.things {
            let links = thing.links.iter().filter(|link| match link.place {
                Place::Slot(slot) => thing.kind.slots[slot].is_link(),
                Place::Extension | Place::Nested | Place::Primitive | Place::Address | Place::Modifier => false,
            });
            for link in links {
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
