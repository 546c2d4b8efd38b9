//! The permit: the proof that a query was decided, and the only way to a request for data that can be released.

use time::OffsetDateTime;

use super::{Asked, Decision, Denial, Evidence, Plan, decide};
use crate::profile::Regime;
use crate::query::{Everything, LastN, Read, Search, Summary};
use crate::view::{Answer, Letterhead, Surroundings};

/// A query for data of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// One resource.
    Read(Read),
    /// A search, from so many visible matches on.
    Search(Search, usize),
    /// A summary, and what it is written on.
    Summary(Summary, Box<Letterhead>),
    /// All that is offered of one patient, from so many visible matches on.
    Everything(Everything, usize),
    /// The last observations of one patient.
    LastN(LastN),
}

/// The proof that a query was decided and permitted. It has no public constructor but the decision, cannot be cloned, and
/// is used up by the answer it leads to (invariant 1).
#[derive(Debug)]
pub struct Permit {
    wish: Wish,
    plan: Plan,
}

impl Permit {
    /// Decides a wish.
    ///
    /// # Errors
    /// The denial, with its ground.
    pub fn decide(
        wish: Wish,
        asked: &Asked<'_>,
        evidence: &Evidence,
        regime: &Regime,
        now: OffsetDateTime,
    ) -> Result<Self, Denial> {
        match decide(asked, evidence, regime, now) {
            Decision::Permit(plan) => Ok(Self { wish, plan }),
            Decision::Deny(denial) => Err(denial),
        }
    }

    /// Returns what must be taken out, and on which ground the rest may be seen.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Uses the permit up: the answer asks the upstream for what was permitted and releases what the plan leaves.
    #[must_use]
    pub fn answer(self, surroundings: Surroundings) -> Answer {
        match self.wish {
            Wish::Read(read) => Answer::read(read, self.plan, surroundings),
            Wish::Search(search, skip) => Answer::search(search, self.plan, surroundings, skip),
            Wish::Summary(summary, letterhead) => Answer::summary(summary, *letterhead, self.plan, surroundings),
            Wish::Everything(everything, skip) => Answer::everything(everything, self.plan, surroundings, skip),
            Wish::LastN(lastn) => Answer::lastn(lastn, self.plan, surroundings),
        }
    }
}
