//! A decision as a case: everything it depends on in one JSON text, and the answer as another (`sluis decide`).

mod input;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use serde::Serialize;
use time::OffsetDateTime;

use super::asked::{Admission, Asked, Holder, Unlabelled};
use super::caller_records::CallerRecords;
use super::combine::Combining;
use super::decide::{Decision, Denial, conclude, weigh};
use super::evidence::{Evidence, FhirVersion};
use super::ground::Ground;
use super::plan::Plan;
use super::purpose::Purpose;
use super::relation::TreatmentRelation;
use super::rest::{Objection, Rest};
use super::rule::Action;
use super::source::Source;
use crate::identity::Caller;
use crate::json::{Document, Value};
use crate::label::{Subject, Tables};
use crate::limits;
use crate::profile::{
    Exchange, Offer, Policy, ProfileError, Regime, SUPPORTING, ValueSets, shipped_exchanges, shipped_policies,
};
use input::Input;

/// Why a case cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseMistake {
    /// It is not JSON of the form a case has.
    #[error("not a case: {0}")]
    Form(String),
    /// A member has a value it cannot have.
    #[error("{member}: expected {expected}")]
    Value {
        /// Which member.
        member: &'static str,
        /// What may stand there.
        expected: &'static str,
    },
    /// It asks for something that is not built.
    #[error("{member}: {what} is not built yet")]
    NotBuilt {
        /// Which member.
        member: &'static str,
        /// What it asks for.
        what: &'static str,
    },
    /// A profile that is part of Sluis is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// The answer to a case.
#[derive(Debug, Serialize)]
pub struct Answer {
    decision: Outcome,
    default: Outcome,
    ground: &'static str,
    consents: Vec<String>,
    /// The policy that permits where no rule speaks, and the resource that shows the treatment relation it asks for.
    policy: Option<String>,
    relation: Option<String>,
    resources: Vec<Judged>,
}

/// What holds where no rule speaks.
struct Fallback {
    default: Outcome,
    policy: Option<String>,
    relation: Option<String>,
}

impl Fallback {
    fn of(rest: &Rest) -> Self {
        match rest.granted() {
            Some((_, policy, relation)) => Self {
                default: Outcome::Permit,
                policy: Some(policy.to_owned()),
                relation: relation.map(str::to_owned),
            },
            None => Self { default: Outcome::Deny, policy: None, relation: None },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Permit,
    Deny,
    NothingOnFile,
}

#[derive(Debug, Serialize)]
struct Judged {
    reference: String,
    visible: bool,
    ground: &'static str,
    consent: Option<String>,
    provision: Option<String>,
}

impl Answer {
    /// Returns true if and only if the decision is a permit, or nothing is on file and the policy permits.
    #[must_use]
    pub fn is_permit(&self) -> bool {
        match self.decision {
            Outcome::Permit => true,
            Outcome::Deny => false,
            Outcome::NothingOnFile => self.default == Outcome::Permit,
        }
    }
}

/// A case whose members have been understood.
struct Case {
    now: OffsetDateTime,
    purpose: Purpose,
    reason: Option<String>,
    action: Action,
    caller: Caller,
    records: CallerRecords,
    holder: Holder,
    exchange: Option<Arc<Exchange>>,
    regime: Regime,
    relation: TreatmentRelation,
    combining: Combining,
    unlabelled: Unlabelled,
    evidence: Evidence,
    resources: Vec<Vec<u8>>,
}

/// What is part of Sluis: read once, however many cases are answered.
struct Shipped {
    tables: Tables,
    exchanges: Vec<Arc<Exchange>>,
    policies: Vec<Policy>,
}

fn shipped() -> Result<&'static Shipped, ProfileError> {
    static SHIPPED: LazyLock<Result<Shipped, ProfileError>> = LazyLock::new(|| {
        let exchanges = shipped_exchanges()?.into_iter().map(Arc::new).collect();
        Ok(Shipped { tables: Tables::shipped()?, exchanges, policies: shipped_policies()? })
    });
    SHIPPED.as_ref().map_err(ProfileError::clone)
}

/// Answers a case.
///
/// # Errors
/// The case is ill-formed, or asks for what is not built.
pub fn answer(input: &[u8]) -> Result<Answer, CaseMistake> {
    let case = understand(input::read(input)?)?;
    let tables = &shipped()?.tables;
    let documents = case.resources.iter().map(|bytes| Document::read(bytes, limits::RESOURCE));
    let documents = documents.collect::<Result<Vec<_>, _>>();
    let documents = documents.map_err(|_| CaseMistake::Value { member: "resources", expected: "resources" })?;
    let offer = case.exchange.as_ref().map(|exchange| Offer::to(&[Arc::clone(exchange)], case.caller.role()));
    let asked = Asked {
        caller: &case.caller,
        records: &case.records,
        holder: &case.holder,
        relation: &case.relation,
        purpose: case.purpose,
        reason: case.reason.as_deref(),
        action: case.action,
        admission: offer.as_ref().map_or(Admission::Everything, Admission::Through),
        combining: case.combining,
        unlabelled: case.unlabelled,
    };
    let resources: Vec<_> = documents.iter().map(Document::root).collect();
    let before_rules = || Fallback::of(&Rest::of(&asked, &case.regime, Objection::None, case.now));
    if offer.as_ref().is_some_and(Offer::is_empty) {
        return Ok(refused(Ground::RoleNotAdmitted, &[], before_rules(), &resources));
    }
    match weigh(&asked, &case.evidence, &case.regime, case.now) {
        Err(denial) => Ok(refused(denial.ground(), denial.consents(), before_rules(), &resources)),
        Ok(plan) => Ok(weighed(plan, case.exchange.as_deref(), &resources, tables)),
    }
}

/// The answer where rules were not asked.
fn refused(ground: Ground, consents: &[String], fallback: Fallback, resources: &[Value<'_>]) -> Answer {
    let Fallback { default, policy, relation } = fallback;
    let judged = |resource: &Value<'_>| Judged {
        reference: reference_of(*resource),
        visible: false,
        ground: ground.code(),
        consent: consents.first().cloned(),
        provision: None,
    };
    Answer {
        decision: Outcome::Deny,
        default,
        ground: ground.code(),
        consents: consents.to_vec(),
        policy,
        relation,
        resources: resources.iter().map(judged).collect(),
    }
}

fn weighed(plan: Plan, exchange: Option<&Exchange>, resources: &[Value<'_>], tables: &Tables) -> Answer {
    let denial = match conclude(plan.clone()) {
        Decision::Permit(_) => None,
        Decision::Deny(denial) => Some(denial),
    };
    let judged = resources.iter().map(|resource| judge(*resource, &plan, denial.as_ref(), exchange, tables));
    let judged: Vec<_> = judged.collect();
    let Fallback { default, policy, relation } = Fallback::of(plan.rest());
    let by_rule = |one: &Judged| one.visible && one.ground == Ground::RulePermits.code();
    let broken = |one: &Judged| one.visible && one.ground == Ground::BreakGlass.code();
    let permits =
        if judged.is_empty() { denial.is_none() && plan.permits_by_rule() } else { judged.iter().any(by_rule) };
    let breaks = if judged.is_empty() {
        denial.is_none() && plan.ground() == Ground::BreakGlass
    } else {
        judged.iter().any(broken)
    };
    // Why nothing is on file for this caller, where no Consent speaks.
    let unspoken = if breaks {
        Ground::BreakGlass
    } else if plan.rest().is_nothing() {
        plan.rest().denied()
    } else {
        Ground::NothingOnFile
    };
    let (decision, ground) = match (plan.consents().is_empty(), permits, breaks) {
        (true, _, _) => (Outcome::NothingOnFile, unspoken),
        (false, true, _) => (Outcome::Permit, Ground::RulePermits),
        (false, false, true) => (Outcome::Permit, Ground::BreakGlass),
        (false, false, false) => (Outcome::Deny, Ground::RuleDenies),
    };
    let (ground, consents) = (ground.code(), plan.consents().to_vec());
    Answer { decision, default, ground, consents, policy, relation, resources: judged }
}

fn judge(
    resource: Value<'_>,
    plan: &Plan,
    denial: Option<&Denial>,
    exchange: Option<&Exchange>,
    tables: &Tables,
) -> Judged {
    let reference = reference_of(resource);
    let is_supporting = SUPPORTING.iter().any(|name| resource.text_of("resourceType").as_deref() == Some(*name));
    if exchange.is_some_and(|exchange| !is_supporting && !exchange.holds(resource)) {
        let ground = Ground::OutsideProfile.code();
        return Judged { reference, visible: false, ground, consent: None, provision: None };
    }
    let verdict = plan.judge(Subject::alone(resource), tables);
    match denial {
        // What supports other data is not seen where nothing is.
        Some(denial) if verdict.is_visible() => {
            let ground = denial.ground().code();
            Judged { reference, visible: false, ground, consent: denial.consents().first().cloned(), provision: None }
        }
        Some(_) | None => {
            let (consent, provision) = plan.locate(&verdict).unzip();
            let consent = consent.map(str::to_owned);
            Judged { reference, visible: verdict.is_visible(), ground: verdict.ground().code(), consent, provision }
        }
    }
}

fn reference_of(resource: Value<'_>) -> String {
    let text = |name| resource.text_of(name).unwrap_or_default();
    format!("{}/{}", text("resourceType"), text("id"))
}

fn understand(input: Input) -> Result<Case, CaseMistake> {
    let wrong = |member, expected| CaseMistake::Value { member, expected };
    let version = FhirVersion::of(input.fhir_version.as_deref().unwrap_or("4.0"));
    let version = version.ok_or(wrong("fhir_version", "4.0, 4.3 or 5.0"))?;
    match version {
        FhirVersion::R4 | FhirVersion::R4b | FhirVersion::R5 => {}
        FhirVersion::Stu3 => return Err(CaseMistake::NotBuilt { member: "fhir_version", what: "Consent of STU3" }),
    }
    let source = Source::default().with_value_sets(Arc::new(ValueSets::shipped()?));
    let caller = input.caller()?;
    let regime = regime(&input)?;
    let exchange = match &input.exchange {
        None => None,
        Some(name) => {
            let found = shipped()?.exchanges.iter().find(|exchange| exchange.name() == name.as_str());
            Some(Arc::clone(found.ok_or(wrong("exchange", "the name of an exchange profile that is part of Sluis"))?))
        }
    };
    let combining = Combining::of(input.combining.as_deref().unwrap_or("deny-overrides"));
    let unlabelled = Unlabelled::of(input.unlabelled.as_deref().unwrap_or("restricted"));
    Ok(Case {
        now: input.now()?,
        purpose: Purpose::of(&input.purpose).ok_or(wrong("purpose", "a code of v3-ActReason below PurposeOfUse"))?,
        action: Action::of(input.action.as_deref().unwrap_or("access"))
            .ok_or(wrong("action", "collect, access, use, disclose or correct"))?,
        records: input.records(&source),
        holder: input.holder(&source)?,
        regime,
        relation: input.relation(&source),
        combining: combining.map_err(|_| wrong("combining", "deny-overrides, newest-wins or most-specific"))?,
        unlabelled: unlabelled.map_err(|_| wrong("unlabelled", "restricted or normal"))?,
        evidence: input.evidence(&source, version),
        reason: input.reason,
        resources: input.resources.iter().map(|raw| raw.get().as_bytes().to_vec()).collect(),
        exchange,
        caller,
    })
}

fn regime(input: &Input) -> Result<Regime, CaseMistake> {
    let wrong = |member, expected| CaseMistake::Value { member, expected };
    let Shipped { exchanges, policies, .. } = shipped()?;
    let of = |name: &String| policies.iter().find(|policy| policy.name() == name).cloned();
    let first = of(&input.policy).ok_or(wrong("policy", "the name of a policy that is part of Sluis"))?;
    let repeated =
        |(at, name): (usize, &String)| *name == input.policy || input.also.iter().take(at).any(|one| one == name);
    let others = wrong("also", "names of other policies that are part of Sluis, each once");
    if input.also.iter().enumerate().any(repeated) {
        return Err(others);
    }
    let also = input.also.iter().map(of).collect::<Option<_>>().ok_or(others)?;
    Ok(Regime::new(first, also, exchanges)?)
}
