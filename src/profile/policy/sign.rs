//! Sign: a kind of resource that shows a treatment relation, where a policy says that it counts (P10, P14).

use time::Duration;

/// What of a resource has to hold for it to show that somebody treats the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    pub(super) kind: String,
    pub(super) naming: Vec<String>,
    pub(super) statuses: Vec<String>,
    pub(super) currency: Currency,
    pub(super) whose: Whose,
}

/// When a sign counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Currency {
    /// While the period of the resource holds; its status says that it goes on, so a period need not be there.
    Present,
    /// From so long before its dates until so long after them; without a date it shows nothing.
    Within(Duration),
}

/// To whom a sign applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Everybody,
    ThirdParties,
    OwnPeople,
}

/// The types that can be a sign, and the elements of each that name who treats the patient.
const KINDS: &[(&str, &[&str])] = &[
    ("Appointment", &["participant"]),
    ("CareTeam", &["participant", "managingOrganization"]),
    ("Encounter", &["participant", "serviceProvider"]),
    ("EpisodeOfCare", &["careManager", "managingOrganization", "team"]),
    ("Patient", &["generalPractitioner", "managingOrganization"]),
    ("ServiceRequest", &["performer", "requester"]),
    ("Task", &["owner", "requester"]),
];

impl Sign {
    /// Returns the elements of that type that can name who treats the patient; none for a type that is no sign.
    pub(super) fn elements(kind: &str) -> Option<&'static [&'static str]> {
        KINDS.iter().find(|(known, _)| *known == kind).map(|(_, elements)| *elements)
    }

    /// Returns true if and only if the type says in itself until when it goes on, so that it need not be dated.
    pub(super) fn has_period(kind: &str) -> bool {
        matches!(kind, "Appointment" | "CareTeam" | "Encounter" | "EpisodeOfCare")
    }

    /// Returns the type of resource.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the elements in which whoever treats the patient is named.
    #[must_use]
    pub fn naming(&self) -> &[String] {
        &self.naming
    }

    /// Returns the statuses that count; none for a Patient, which has none.
    #[must_use]
    pub fn statuses(&self) -> &[String] {
        &self.statuses
    }

    /// Returns when it counts.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// Returns true if and only if it counts for the holder's own people, or else for third parties.
    #[must_use]
    pub fn counts_for(&self, party: super::Party) -> bool {
        match (self.whose, party) {
            (Whose::Everybody, _)
            | (Whose::ThirdParties, super::Party::Third)
            | (Whose::OwnPeople, super::Party::Own) => true,
            (Whose::ThirdParties, super::Party::Own) | (Whose::OwnPeople, super::Party::Third) => false,
        }
    }
}
