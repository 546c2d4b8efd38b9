//! Judge: what one resource is to this caller, as the server has it.

use std::str::FromStr;

use crate::consent::{Ground, Plan, is_privacy_consent};
use crate::json::Value;
use crate::label::{Subject, is_link};
use crate::profile::SUPPORTING;
use crate::query::Id;
use crate::view::absence::denies_what_may_be_hidden;
use crate::view::compartment::Whose;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::reference::{Key, Known};
#[cfg(feature = "faults")]
use crate::view::resource::Leads;
use crate::view::resource::{Resource, Tie, has_foreign_member};
use crate::view::{Surroundings, ViewError};

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
    /// What must not be hidden.
    pub(super) references: Vec<Key>,
    /// Those whose labels it inherits.
    pub(super) links: Vec<Key>,
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
}

impl Judge {
    pub(super) fn new(plan: Plan, surroundings: Surroundings) -> Self {
        Self { plan, surroundings }
    }

    /// Returns true if and only if nothing is left to judge by rules.
    pub(super) fn is_straight(&self) -> bool {
        self.plan.is_straight()
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known { person: &self.surroundings.person, bases: &self.surroundings.upstream_bases }
    }

    /// Judges `resource` by itself and what it inherits, and puts what must be looked up before it can be released into
    /// `refers`.
    ///
    /// With a plan that is every reference but those to the person; without one only those to Consents, which may be of
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
        let Refers { references, links } = refers;
        references.clear();
        links.clear();
        let straight = self.is_straight();
        if is_privacy_consent(resource.value) || resource.contained().any(is_privacy_consent) {
            return Ok(Finding::Hidden(Ground::PolicyDenies));
        }
        let inherits = self.plan.reads_links();
        let leads = resource.walk(self.known(), |resource_type, id, tie| {
            if (!straight || resource_type == "Consent")
                && let Ok(id) = Id::from_str(id)
            {
                let key = Key { resource_type: resource_type.to_owned(), id };
                if inherits && tie == Tie::Link {
                    links.push(key.clone());
                }
                references.push(key);
            }
        });
        #[cfg(feature = "faults")]
        let leads = with_faults(leads, references);
        if leads.other_person || !self.may_be_about(resource, met) {
            return Ok(Finding::Hidden(Ground::OtherPerson));
        }
        references.sort_unstable();
        references.dedup();
        links.sort_unstable();
        links.dedup();
        #[cfg(feature = "faults")]
        if is_planted(Fault::SkipLinks) {
            links.clear();
        }
        let linked = match linked {
            Linked::Unknown if !links.is_empty() => return Ok(Finding::Waits),
            Linked::Unknown => &[],
            Linked::Known(linked) => linked,
        };
        if !straight && let Some(ground) = self.hidden_by_plan(resource, linked) {
            return Ok(Finding::Hidden(ground));
        }
        if leads.misplaced {
            return Err(ViewError::MalformedResource);
        }
        // An element that no profile of FHIR defines may say anything; with a plan it takes its resource with it.
        if !straight && (leads.nowhere || has_foreign_member(resource.value)) {
            return Ok(Finding::Hidden(Ground::ReferenceHidden));
        }
        let offered = self.surroundings.offer.holds(resource.value);
        Ok(if offered || is_supporting(resource) { Finding::Visible } else { Finding::Outside })
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
        // A contained resource shares the verdict of its container, unless its own codes say otherwise; that no rule
        // speaks of it by itself says nothing.
        let mut verdicts = resource.contained().map(|contained| {
            let has_links = contained.members().any(|member| is_link(member.name));
            self.plan.judge(Subject::new(contained, if has_links { linked } else { &[] }), tables)
        });
        let hidden = verdicts.find(|verdict| !verdict.is_visible() && verdict.ground() != Ground::NothingOnFile);
        if let Some(verdict) = hidden {
            return Some(verdict.ground());
        }
        let can_hide = |resource_type: &str| self.plan.can_hide(resource_type);
        denies_what_may_be_hidden(resource.value, &can_hide).then_some(Ground::PolicyDenies)
    }
}

#[cfg(feature = "faults")]
fn with_faults(leads: Leads, references: &mut Vec<Key>) -> Leads {
    if is_planted(Fault::ReleaseOtherPerson) {
        return Leads { other_person: false, ..leads };
    }
    if is_planted(Fault::SkipReferences) {
        references.clear();
        return Leads { nowhere: false, ..leads };
    }
    leads
}

fn is_supporting(resource: &Resource<'_>) -> bool {
    SUPPORTING.contains(&resource.resource_type.as_ref())
}
