//! Shadow: what other policies would make of the same question. It changes nothing; where it differs is put on record.

use time::OffsetDateTime;

use super::asked::Asked;
use super::decide::{Decision, decide};
use super::evidence::Evidence;
use super::ground::Ground;
use super::plan::{Plan, Sight};
use crate::profile::Regime;

/// What other policies make of a question.
#[derive(Debug, Clone)]
pub struct Shadow {
    policy: String,
    decision: Decision,
}

impl Shadow {
    /// Decides by `regime`, beside the decision that counts.
    #[must_use]
    pub fn of(asked: &Asked<'_>, evidence: &Evidence, regime: &Regime, now: OffsetDateTime) -> Self {
        Self { policy: regime.name().to_owned(), decision: decide(asked, evidence, regime, now) }
    }

    /// Returns the name of the policy.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Returns the ground, of a permit or a denial.
    #[must_use]
    pub fn ground(&self) -> Ground {
        match &self.decision {
            Decision::Permit(plan) => plan.ground(),
            Decision::Deny(denial) => denial.ground(),
        }
    }

    /// Returns whether anything could be seen.
    #[must_use]
    pub fn sight(&self) -> Sight {
        match &self.decision {
            Decision::Permit(_) => Sight::Visible,
            Decision::Deny(_) => Sight::Hidden,
        }
    }

    /// Returns what it would take out; nothing where it would permit nothing.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        match &self.decision {
            Decision::Permit(plan) => Some(plan),
            Decision::Deny(_) => None,
        }
    }
}
