//! The decision: pure and total. Evidence that is missing or cannot be read is a denial.

use time::OffsetDateTime;

use super::asked::{Admission, Asked};
use super::evaluate::Question;
use super::evidence::{Availability, Content, Evidence, Filed, Scope};
use super::ground::Ground;
use super::plan::Plan;
use super::purpose::Purpose;
use super::replace;
use super::rest::{Objection, Rest};
use crate::identity::Caller;
use crate::profile::Regime;

/// Whether a caller may see anything, and what must be taken out.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Something may be seen.
    Permit(Plan),
    /// Nothing may.
    Deny(Denial),
}

/// Why nothing may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    ground: Ground,
    consents: Vec<String>,
}

impl Denial {
    fn new(ground: Ground) -> Self {
        Self { ground, consents: Vec::new() }
    }

    /// Returns the ground.
    #[must_use]
    pub fn ground(&self) -> Ground {
        self.ground
    }

    /// Returns the Consents it rests on.
    #[must_use]
    pub fn consents(&self) -> &[String] {
        &self.consents
    }
}

/// Decides what may be seen of the patient whose evidence this is: first whether the policy admits the question, then
/// whether all evidence can be read, then by rules, and by the policy where no rule speaks.
///
/// Total: evidence that is unavailable or unreadable is a denial, and so is a question that nothing speaks about, unless the
/// policy says otherwise.
#[must_use]
pub fn decide(asked: &Asked<'_>, evidence: &Evidence, regime: &Regime, now: OffsetDateTime) -> Decision {
    match weigh(asked, evidence, regime, now) {
        Err(denial) => Decision::Deny(denial),
        Ok(plan) => conclude(plan),
    }
}

/// Weighs every Consent for the question; a denial is one for which rules need not be asked.
pub(super) fn weigh(
    asked: &Asked<'_>,
    evidence: &Evidence,
    regime: &Regime,
    now: OffsetDateTime,
) -> Result<Plan, Denial> {
    admit(asked.caller, asked.purpose, asked.reason, asked.admission, regime, now)?;
    match evidence.availability() {
        Availability::Failed => return Err(Denial::new(Ground::EvidenceUnavailable)),
        Availability::Whole => {}
    }
    let counts = |filed: &&Filed| match filed.scope {
        Scope::Any => true,
        Scope::Research => Purpose::of("HRESCH").is_some_and(|research| asked.purpose.is_within(research)),
    };
    let filed = || evidence.parts().iter().flat_map(|part| part.filed.iter().map(move |filed| (part, filed)));
    let filed = || filed().filter(|(_, filed)| counts(filed));
    let unreadable = filed().filter(|(_, filed)| matches!(filed.content, Content::Unreadable(_)));
    let unreadable: Vec<_> = unreadable.map(|(_, filed)| filed.reference.clone()).collect();
    if !unreadable.is_empty() {
        let rest = Rest::of(asked, regime, Objection::Some, now).before_what_cannot_be_read();
        let rest = rest.ok_or(Denial { ground: Ground::ConsentUnreadable, consents: unreadable })?;
        return Ok(Plan::new(Vec::new(), asked.combining, rest, asked.unlabelled, regime));
    }
    let question = Question::new(asked, now);
    let weighed = replace::weigh(&question, filed());
    let denies = weighed.iter().any(|one| one.outlook(None).deny);
    let rest = Rest::of(asked, regime, if denies { Objection::Some } else { Objection::None }, now);
    Ok(Plan::new(weighed, asked.combining, rest, asked.unlabelled, regime))
}

/// Admits a question by what does not depend on anybody's data: may this caller declare that purpose, by some policy in
/// force and for some exchange profile, and is the reason there that it needs? [`decide`] asks this first too; a gateway asks it before it looks anybody up.
///
/// # Errors
/// A denial with ground `purpose-not-admitted` or `reason-missing`.
pub fn admit(
    caller: &Caller,
    purpose: Purpose,
    reason: Option<&str>,
    admission: Admission<'_>,
    regime: &Regime,
    now: OffsetDateTime,
) -> Result<(), Denial> {
    match admission {
        Admission::Through(offer) if regime.admitted(offer, caller, purpose, now).is_empty() => {
            return Err(Denial::new(Ground::PurposeNotAdmitted));
        }
        Admission::Through(_) | Admission::Everything => {}
    }
    if regime.needs_reason(purpose) && reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Denial::new(Ground::ReasonMissing));
    }
    Ok(())
}

pub(super) fn conclude(plan: Plan) -> Decision {
    let denying: Vec<_> = plan.denying_all().map(str::to_owned).collect();
    if !denying.is_empty() && !plan.rest().goes_before_denials() {
        return Decision::Deny(Denial { ground: Ground::RuleDenies, consents: denying });
    }
    if plan.permits_by_rule() || !plan.rest().is_nothing() {
        return Decision::Permit(plan);
    }
    let speaks = !plan.consents().is_empty();
    let ground = if speaks { Ground::RuleDenies } else { plan.rest().denied() };
    Decision::Deny(Denial { ground, consents: plan.consents().to_vec() })
}

#[cfg(test)]
mod tests;
