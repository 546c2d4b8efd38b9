//! Treatment relation: the resources in the holder's own records that show who treats a patient (P10, P14).
//!
//! Strict: what cannot be read, compared or dated shows nothing. Which kinds of resources count, by which elements, in which
//! statuses and how long, is the policy's say ([`Sign`]); what is read here is what each of them says.

mod read;

use time::OffsetDateTime;

use super::actor::{is_of_a_person, is_role_system};
use super::caller_records::kind_of;
use super::likeness::Likeness;
use super::parties::Parties;
use super::record::Referenced;
use super::rule::Who;
use super::source::Source;
use super::window::Window;
use crate::limits;
use crate::profile::{Currency, Party, Sign};

/// The resources about one patient that may show who treats them.
#[derive(Debug, Clone, Default)]
pub struct TreatmentRelation {
    source: Source,
    bonds: Vec<Bond>,
    referenced: Referenced,
}

/// One resource about the patient, and whom it names.
#[derive(Debug, Clone)]
struct Bond {
    /// `CareTeam/3`
    reference: String,
    kind: String,
    status: Option<String>,
    dated: Dated,
    named: Vec<Named>,
}

/// When a resource says that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dated {
    /// It does not say.
    Not,
    /// It says so.
    In(Window),
    /// What it says cannot be read.
    Unreadable,
}

/// Somebody whom a resource names at one of its elements.
#[derive(Debug, Clone)]
struct Named {
    element: &'static str,
    who: Who,
    /// On whose behalf, where it says so: then that has to be the caller's organisation as well.
    behalf: Option<Who>,
    dated: Dated,
}

impl TreatmentRelation {
    /// Returns the relation that nothing shows.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads what resources of `source` say about the patient whose records there are `patient`. One that is about somebody
    /// else, carries a modifier or cannot be read is set aside; more of them than can be judged show nothing.
    #[must_use]
    pub fn read(source: &Source, resources: &[Vec<u8>], patient: &[String]) -> Self {
        let mut relation = Self { source: source.clone(), ..Self::default() };
        if resources.len() > limits::RELATION_RESOURCES {
            return relation;
        }
        let patient: Vec<_> = patient.iter().map(|reference| source.normalise(reference)).collect();
        for bytes in resources {
            let bond = read::bond(bytes, source, &patient, &mut relation.referenced);
            relation.bonds.extend(bond.filter(|bond| !bond.named.is_empty()));
        }
        relation
    }

    /// Returns the references at the source that are still to be looked up before deciding: who is named, and whom those
    /// refer to. What is not looked up is nobody.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        let mut wanted: Vec<String> = Vec::new();
        let named = self.bonds.iter().flat_map(|bond| &bond.named);
        let mut ahead: Vec<&str> = named
            .flat_map(|named| std::iter::once(&named.who).chain(&named.behalf))
            .filter_map(|who| who.reference.as_deref())
            .collect();
        let mut seen: Vec<&str> = Vec::new();
        while let Some(reference) = ahead.pop() {
            if seen.contains(&reference) || self.referenced.len() + wanted.len() >= limits::REFERENCED {
                continue;
            }
            seen.push(reference);
            if let Some(record) = self.referenced.get(reference) {
                ahead.extend(record.parties().filter_map(|who| who.reference.as_deref()));
            } else if !self.referenced.is_known(reference)
                && let Some(local) = self.source.local(reference)
            {
                wanted.push(local.to_owned());
            }
        }
        wanted
    }

    /// Adds what the source has under a reference that was wanted.
    pub fn resolve(&mut self, reference: &str, resource: &[u8]) {
        self.referenced.add(self.source.normalise(reference), resource, &self.source);
    }

    /// Records that the source has nothing under a reference that was wanted.
    pub fn absent(&mut self, reference: &str) {
        self.referenced.absent(self.source.normalise(reference));
    }

    /// Returns the first resource that shows that the caller treats the patient, by what a policy lets count.
    pub(super) fn shown(
        &self,
        signs: &[Sign],
        party: Party,
        parties: &Parties<'_>,
        now: OffsetDateTime,
    ) -> Option<&str> {
        let shows = |bond: &&Bond| {
            signs.iter().filter(|sign| sign.counts_for(party)).any(|sign| {
                bond.is_current(sign, now)
                    && bond.named.iter().any(|named| self.is_caller(named, sign, party, parties, now))
            })
        };
        self.bonds.iter().find(shows).map(|bond| bond.reference.as_str())
    }

    fn is_caller(&self, named: &Named, sign: &Sign, party: Party, parties: &Parties<'_>, now: OffsetDateTime) -> bool {
        let proven = |who: &Who| parties.likeness_to_caller(who, &self.referenced) == Likeness::Is;
        sign.naming().iter().any(|element| element == named.element)
            && named.dated.holds(now)
            && self.names_somebody(&named.who, party, limits::ACTOR_DEPTH)
            && proven(&named.who)
            && named.behalf.as_ref().is_none_or(proven)
    }

    /// Returns true if and only if it is somebody who can treat the patient that is meant: a person or an organisation, or a
    /// team of them; a role alone is everybody who has it. In the holder's own records naming an organisation tells nothing
    /// about one of its people, so there it has to be a person.
    fn names_somebody(&self, who: &Who, party: Party, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let third = party == Party::Third;
        let record = who.reference.as_deref().and_then(|reference| self.referenced.get(reference));
        match (record, who.reference.as_deref()) {
            (Some(record), _) => match record.kind.as_str() {
                "Practitioner" => true,
                "Organization" => third,
                "PractitionerRole" => record.practitioner.is_some() || (third && record.organization.is_some()),
                "CareTeam" => record.members.iter().all(|member| self.names_somebody(&member.who, party, depth)),
                _ => false,
            },
            (None, Some(reference)) => match kind_of(reference) {
                "Practitioner" => true,
                "Organization" => third,
                _ => false,
            },
            (None, None) => who
                .identifier
                .as_ref()
                .is_some_and(|identifier| is_of_a_person(identifier) || (third && !is_role_system(&identifier.system))),
        }
    }
}

impl Bond {
    fn is_current(&self, sign: &Sign, now: OffsetDateTime) -> bool {
        let status = match &self.status {
            Some(status) => sign.statuses().contains(status),
            // A Patient has none.
            None => sign.statuses().is_empty(),
        };
        let dated = match (sign.currency(), self.dated) {
            (Currency::Present, dated) => dated.holds(now),
            (Currency::Within(margin), Dated::In(window)) => window.is_near(now, margin),
            (Currency::Within(_), Dated::Not | Dated::Unreadable) => false,
        };
        self.kind == sign.kind() && status && dated
    }
}

impl Dated {
    fn holds(self, now: OffsetDateTime) -> bool {
        match self {
            Self::Not => true,
            Self::In(window) => window.holds(now),
            Self::Unreadable => false,
        }
    }
}

#[cfg(test)]
mod tests;
