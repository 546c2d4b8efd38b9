//! Judge: what one resource is to this caller, as the server has it.

use std::str::FromStr;

use crate::consent::{Ground, Plan, Sight, is_privacy_consent};
use crate::json::Value;
use crate::label::{Subject, is_link};
use crate::limits;
use crate::profile::SUPPORTING;
use crate::query::Id;
use crate::view::absence::denies_what_may_be_hidden;
use crate::view::compartment::Whose;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::foreign::has_foreign_member;
use crate::view::need::{Need, Needs};
use crate::view::reference::{Key, Known};
use crate::view::resource::{Leads, Resource, Tie};
use crate::view::ties::{Around, Loses, Ties, WithPlan, may_number_neighbours, ties};
use crate::view::unit::unit_of;
use crate::view::words::{FreeText, has_words};
use crate::view::{Narrative, Surroundings, ViewError};

/// What a resource is, its references aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// This caller may see it.
    Visible,
    /// No exchange profile of this caller has it: not delivered, but what refers to it stays.
    Outside,
    /// It leaves no trace.
    Hidden(Ground),
    /// It inherits labels: what it is linked to must be looked up first.
    Waits,
}

/// What a resource refers to, and must be looked up for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Refers {
    /// Where its references lead, and what goes with them.
    pub(super) ties: Ties,
    /// Which of those it contains are hidden by themselves, by number; none where the list is empty.
    pub(super) hidden_inside: Vec<bool>,
    /// Those whose labels it inherits.
    pub(super) links: Vec<Key>,
    /// What other policies would make of it, where that is something else.
    pub(super) differs: Option<Sight>,
}

impl Refers {
    /// Returns true if and only if the resource can be released as it is, whatever else is visible.
    pub(super) fn is_free(&self) -> bool {
        self.ties.targets.is_empty() && self.ties.loses == Loses::Nothing && self.ties.needs == Needs::NOTHING
    }
}

/// The resources that a resource is linked to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Linked<'a> {
    /// They were not looked up.
    Unknown,
    /// These are there.
    Known(&'a [Value<'a>]),
}

/// How a resource was come upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// As what was asked for: it must be about the person.
    Asked,
    /// Through a reference: it may be nobody's own.
    Referred,
}

/// Judges the resources of one answer.
#[derive(Debug)]
pub(super) struct Judge {
    plan: Plan,
    pub(super) surroundings: Surroundings,
    /// Where references lead into the upstream: below its own bases, and below the public one, which they become. A resource
    /// must look the same before and after it is written as it is released.
    bases: Vec<String>,
}

impl Judge {
    pub(super) fn new(plan: Plan, surroundings: Surroundings) -> Self {
        let mut bases = surroundings.upstream_bases.clone();
        if !bases.contains(&surroundings.public_base) {
            bases.push(surroundings.public_base.clone());
        }
        Self { plan, bases, surroundings }
    }

    /// Returns true if and only if nothing is left to judge by rules.
    pub(super) fn is_straight(&self) -> bool {
        self.plan.is_straight()
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known { person: &self.surroundings.person, bases: &self.bases }
    }

    /// Judges `resource` by itself and what it inherits, and puts what must be looked up before it can be released, and what
    /// goes with what is hidden, into `refers`.
    ///
    /// With a plan every reference but those to the person is looked up; without one only those to Consents, which may be of
    /// the kind that is never visible.
    ///
    /// # Errors
    /// A resource that would be visible, but holds a resource where none stands: what it is cannot be told.
    pub(super) fn find(
        &self,
        resource: &Resource<'_>,
        met: Met,
        linked: Linked<'_>,
        refers: &mut Refers,
    ) -> Result<Finding, ViewError> {
        *refers = Refers::default();
        #[cfg(feature = "faults")]
        let is_privacy_consent = |value: Value<'_>| is_privacy_consent(value) && !is_planted(Fault::ReleaseConsent);
        if is_privacy_consent(resource.value) {
            return Ok(Finding::Hidden(Ground::PolicyDenies));
        }
        let leads = self.look_around(resource, refers);
        if !self.may_be_about(resource, met) {
            return Ok(Finding::Hidden(Ground::OtherPerson));
        }
        let linked = match linked {
            Linked::Unknown if !refers.links.is_empty() => return Ok(Finding::Waits),
            Linked::Unknown => &[],
            Linked::Known(linked) => linked,
        };
        refers.differs = self.differs(resource, linked);
        if !self.is_straight()
            && let Some(ground) = self.hidden_by_plan(resource, linked)
        {
            return Ok(Finding::Hidden(ground));
        }
        if self.withholds_words(resource) {
            return Ok(Finding::Hidden(Ground::PolicyDenies));
        }
        refers.hidden_inside = self.hidden_inside(resource, linked);
        if let Some(ground) = self.tie(resource, leads, refers)? {
            return Ok(Finding::Hidden(ground));
        }
        if self.plan.may_rest_on_references() && !self.has_footing(resource, linked, &mut refers.ties) {
            return Ok(Finding::Hidden(Ground::ReferenceHidden));
        }
        if leads.misplaced {
            return Err(ViewError::MalformedResource);
        }
        // An element that no profile of FHIR defines may say anything; with a plan it takes its resource with it.
        #[cfg(feature = "faults")]
        let has_foreign_member = |value: Value<'_>| has_foreign_member(value) && !is_planted(Fault::KeepForeignMember);
        if !self.is_straight() && has_foreign_member(resource.value) {
            return Ok(Finding::Hidden(Ground::ReferenceHidden));
        }
        #[cfg(feature = "faults")]
        let unit_of = |key: &Key| unit_of(key).filter(|_| !is_planted(Fault::SkipUnits));
        if !self.is_straight()
            && let Some(unit) = unit_of(&resource.key()?)
        {
            refers.ties.require(Need::Key(unit));
        }
        let offered = self.surroundings.offer.holds(resource.value);
        #[cfg(feature = "faults")]
        let offered = offered || is_planted(Fault::ReleaseOutside);
        Ok(if offered || is_supporting(resource) { Finding::Visible } else { Finding::Outside })
    }

    /// Finds everything that a resource refers to, whatever the elements are.
    fn look_around(&self, resource: &Resource<'_>, refers: &mut Refers) -> Leads {
        let Refers { ties: Ties { targets, .. }, links, .. } = refers;
        let (straight, inherits) = (self.is_straight(), self.plan.reads_links());
        let leads = resource.walk(self.known(), |resource_type, id, tie| {
            if (!straight || resource_type == "Consent")
                && let Ok(id) = Id::from_str(id)
            {
                let key = Key { resource_type: resource_type.to_owned(), id };
                if inherits && tie == Tie::Link {
                    links.push(key.clone());
                }
                targets.push(key);
            }
        });
        for keys in [targets, links] {
            keys.sort_unstable();
            keys.dedup();
        }
        #[cfg(feature = "faults")]
        if is_planted(Fault::SkipLinks) {
            refers.links.clear();
        }
        leads
    }

    /// Finds what goes with what is hidden. Returns why the resource itself goes, if it does whatever else is visible.
    ///
    /// # Errors
    /// More contained resources than can be followed.
    fn tie(&self, resource: &Resource<'_>, leads: Leads, refers: &mut Refers) -> Result<Option<Ground>, ViewError> {
        let is_bound = leads.other_person
            || (leads.nowhere && !self.is_straight())
            || refers.hidden_inside.contains(&true)
            || !refers.ties.targets.is_empty()
            || (!self.is_straight() && may_number_neighbours(resource.value));
        #[cfg(feature = "faults")]
        let is_bound = is_bound
            && !is_planted(Fault::SkipReferences)
            && !(leads.other_person && is_planted(Fault::ReleaseOtherPerson));
        if !is_bound {
            refers.ties = Ties::default();
            return Ok(None);
        }
        if resource.contained().nth(limits::CONTAINED).is_some() {
            return Err(ViewError::ResourceTooLarge);
        }
        let plan = if self.is_straight() { WithPlan::No } else { WithPlan::Yes };
        let around = Around { known: self.known(), plan, hidden_inside: &refers.hidden_inside };
        refers.ties = ties(resource.value, around);
        #[cfg(feature = "faults")]
        let holds_narrative = |one: &Resource<'_>| holds_narrative(one) && !is_planted(Fault::KeepNarrativeOfLoss);
        if self.surroundings.narrative == Narrative::Keep && self.is_straight() && holds_narrative(resource) {
            needs_all_of_it(&mut refers.ties);
        }
        if refers.ties.needs.whole != Need::Never {
            return Ok(None);
        }
        let without_plan = ties(resource.value, Around { plan: WithPlan::No, hidden_inside: &[], ..around });
        let lost = if self.is_straight() { leads.other_person } else { without_plan.needs.whole == Need::Never };
        Ok(Some(if lost { Ground::OtherPerson } else { Ground::ReferenceHidden }))
    }

    /// Makes a resource that a rule permits for what it points to need that (design section 3, "What is visible", point 1).
    /// Returns true if and only if there is such a thing, or no need of it.
    fn has_footing(&self, resource: &Resource<'_>, linked: &[Value<'_>], ties: &mut Ties) -> bool {
        let verdict = self.plan.judge(Subject::new(resource.value, linked), &self.surroundings.tables);
        let Some(places) = self.plan.rests_on(&verdict, resource.value) else { return true };
        let pointed = ties.targets.iter().filter(|key| places.contains(&key.reference().as_str()));
        let footing = Need::any(pointed.map(|key| Need::Key(key.clone())).collect());
        ties.require(footing);
        ties.needs.whole != Need::Never
    }

    /// Evidence is about one person: what is not shown to be about that person is another's.
    fn may_be_about(&self, resource: &Resource<'_>, met: Met) -> bool {
        match (met, resource.whose) {
            (Met::Referred, Whose::Supporting(_)) => true,
            (Met::Asked, Whose::Supporting(_) | Whose::Unknown) | (Met::Referred, Whose::Unknown) => false,
            (_, Whose::Person | Whose::About(_) | Whose::AboutEach(_, _)) => resource.is_about(self.known()),
        }
    }

    fn hidden_by_plan(&self, resource: &Resource<'_>, linked: &[Value<'_>]) -> Option<Ground> {
        #[cfg(feature = "faults")]
        if is_planted(Fault::ReleaseHidden) {
            return None;
        }
        let tables = &self.surroundings.tables;
        let verdict = self.plan.judge(Subject::new(resource.value, linked), tables);
        if !verdict.is_visible() {
            return Some(verdict.ground());
        }
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepAbsence) {
            return None;
        }
        let can_hide = |resource_type: &str| self.plan.can_hide(resource_type);
        denies_what_may_be_hidden(resource.value, &can_hide).then_some(Ground::PolicyDenies)
    }

    /// Returns true if and only if a resource goes for what it says in words. Where it does is a matter of the plan and of itself
    /// alone; whoever takes part in the care is not the person's own record, and of some types a policy withholds nothing.
    fn withholds_words(&self, resource: &Resource<'_>) -> bool {
        let is_own_data = match resource.whose {
            Whose::About(_) | Whose::AboutEach(..) | Whose::Unknown => true,
            Whose::Person | Whose::Supporting(_) => false,
        };
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepFreeText) {
            return false;
        }
        self.surroundings.free_text == FreeText::Withhold
            && !self.is_straight()
            && is_own_data
            && !self.plan.never_withholds(&resource.resource_type)
            && has_words(resource.value)
    }

    /// Returns what other policies would make of a resource by itself, where that is something else.
    fn differs(&self, resource: &Resource<'_>, linked: &[Value<'_>]) -> Option<Sight> {
        let shadow = self.surroundings.shadow.as_ref()?;
        let subject = Subject::new(resource.value, linked);
        let judged = |plan: &Plan| plan.judge(subject, &self.surroundings.tables).sight();
        let sight = judged(shadow);
        (sight != judged(&self.plan)).then_some(sight)
    }

    /// Returns which contained resources are hidden by their own codes: one shares the verdict of its container, unless its
    /// own codes say otherwise; that no rule speaks of it by itself says nothing.
    fn hidden_inside(&self, resource: &Resource<'_>, linked: &[Value<'_>]) -> Vec<bool> {
        #[cfg(feature = "faults")]
        if is_planted(Fault::ReleaseHidden) {
            return Vec::new();
        }
        #[cfg(feature = "faults")]
        if is_planted(Fault::SkipContained) {
            return resource.contained().map(is_privacy_consent).collect();
        }
        let is_hidden = |contained: Value<'_>| {
            if is_privacy_consent(contained) {
                return true;
            }
            if self.is_straight() {
                return false;
            }
            let has_links = contained.members().any(|member| is_link(member.name));
            let subject = Subject::inside(contained, resource.value, if has_links { linked } else { &[] });
            let verdict = self.plan.judge(subject, &self.surroundings.tables);
            !verdict.is_visible() && verdict.ground() != Ground::NothingOnFile
        };
        resource.contained().map(is_hidden).collect()
    }
}

/// A narrative that is passed on may tell of what goes, and to drop it there alone would be a mark: so a resource that has
/// one goes with the first thing it would lose.
fn needs_all_of_it(ties: &mut Ties) {
    let never = (ties.loses == Loses::Something).then_some(Need::Never);
    ties.require(Need::all(ties.targets.iter().cloned().map(Need::Key).chain(never).collect()));
}

/// Returns true if and only if the resource, one it contains or a section of one has a narrative.
fn holds_narrative(resource: &Resource<'_>) -> bool {
    let has = |one: Value<'_>| one.get("text").is_some() || one.get("section").is_some();
    has(resource.value) || resource.contained().any(has)
}

fn is_supporting(resource: &Resource<'_>) -> bool {
    SUPPORTING.contains(&resource.resource_type.as_ref())
}
