//! Where a journey ends before an answer, and what of that is seen from outside.

use super::lookup::LookUpError;
use super::patient_index::NoPerson;
use super::upstream::UpstreamError;
use crate::consent::{Denial, Ground};
use crate::identity::statement::Unproven;
use crate::query::Unclassifiable;
use crate::refusal::Refusal;

/// What the caller sees of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A refusal of its own.
    Refusal(Refusal),
    /// As for somebody unknown: a search that found nothing, a read of what is not there.
    Unknown,
}

/// Why a journey ends before an answer, and what is on record about it.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) seen: Seen,
    pub(super) ground: Option<Ground>,
    pub(super) cause: &'static str,
    /// Consents that spoke against it.
    pub(super) consents: Vec<String>,
}

impl Stop {
    pub(super) fn refused(refusal: Refusal, cause: &'static str) -> Self {
        Self { seen: Seen::Refusal(refusal), ground: None, cause, consents: Vec::new() }
    }

    /// The caller is none that this gateway is for.
    pub(super) fn not_admitted() -> Self {
        let ground = Ground::RoleNotAdmitted;
        Self { ground: Some(ground), ..Self::refused(Refusal::Forbidden, ground.code()) }
    }

    pub(super) fn unknown(cause: &'static str) -> Self {
        Self { seen: Seen::Unknown, ground: None, cause, consents: Vec::new() }
    }
}

impl From<Unproven> for Stop {
    fn from(unproven: Unproven) -> Self {
        Self::refused(Refusal::UnprovenPerson, unproven.code())
    }
}

impl From<LookUpError> for Stop {
    fn from(error: LookUpError) -> Self {
        match error {
            LookUpError::Upstream(UpstreamError::Timeout) => Self::refused(Refusal::Timeout, "look-up-timeout"),
            LookUpError::Upstream(
                error @ (UpstreamError::Unreachable
                | UpstreamError::Status { .. }
                | UpstreamError::Representation
                | UpstreamError::TooLong),
            ) => Self::refused(Refusal::Upstream, error.code()),
            LookUpError::Json(_) | LookUpError::Shape => Self::refused(Refusal::Upstream, "look-up-unreadable"),
            LookUpError::Repeated => Self::refused(Refusal::Upstream, "look-up-repeated"),
            LookUpError::TooMany => Self::refused(Refusal::Upstream, "look-up-too-many"),
        }
    }
}

impl From<NoPerson> for Stop {
    fn from(error: NoPerson) -> Self {
        match error {
            NoPerson::Unknown => Self::unknown("nobody"),
            NoPerson::LookUp(error) => error.into(),
        }
    }
}

impl From<Unclassifiable> for Stop {
    fn from(error: Unclassifiable) -> Self {
        Self::refused(Refusal::from(error), error.issue())
    }
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        let (ground, consents) = (denial.ground(), denial.consents().to_vec());
        let seen = match ground {
            Ground::RoleNotAdmitted | Ground::PurposeNotAdmitted => Seen::Refusal(Refusal::Forbidden),
            Ground::ReasonMissing => Seen::Refusal(Refusal::Required),
            Ground::EvidenceUnavailable => Seen::Refusal(Refusal::Unavailable),
            Ground::RulePermits
            | Ground::RuleDenies
            | Ground::NothingOnFile
            | Ground::PolicyPermits
            | Ground::PolicyDenies
            | Ground::ConsentUnreadable
            | Ground::NoTreatmentRelation
            | Ground::BreakGlass
            | Ground::OtherPerson
            | Ground::ReferenceHidden
            | Ground::OutsideProfile => Seen::Unknown,
        };
        Self { seen, ground: Some(ground), cause: ground.code(), consents }
    }
}
