//! A decision as a case: everything it depends on in one JSON text, and the answer as another (`sluis decide`).

mod input;
#[cfg(test)]
mod tests;

use std::sync::Arc;

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
use super::rule::{Action, Effect};
use super::source::Source;
use crate::identity::Caller;
use crate::json::{Document, Value};
use crate::label::{Subject, Tables};
use crate::limits;
use crate::profile::{Exchange, Policy, ProfileError, SUPPORTING, ValueSets, shipped_exchanges, shipped_policies};
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
    resources: Vec<Judged>,
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
    exchange: Option<Exchange>,
    policy: Policy,
    combining: Combining,
    unlabelled: Unlabelled,
    evidence: Evidence,
    resources: Vec<Vec<u8>>,
}

/// Answers a case.
///
/// # Errors
/// The case is ill-formed, or asks for what is not built.
pub fn answer(input: &[u8]) -> Result<Answer, CaseMistake> {
    let case = understand(input::read(input)?)?;
    let tables = Tables::shipped()?;
    let documents = case.resources.iter().map(|bytes| Document::read(bytes, limits::RESOURCE));
    let documents = documents.collect::<Result<Vec<_>, _>>();
    let documents = documents.map_err(|_| CaseMistake::Value { member: "resources", expected: "resources" })?;
    let asked = Asked {
        caller: &case.caller,
        records: &case.records,
        holder: &case.holder,
        purpose: case.purpose,
        reason: case.reason.as_deref(),
        action: case.action,
        admission: if case.exchange.is_some() { Admission::ByPolicy } else { Admission::Everything },
        combining: case.combining,
        unlabelled: case.unlabelled,
    };
    let rest = case.policy.where_nothing_is_on_file(&case.caller, case.holder.ura(), case.purpose);
    let default = match rest {
        Effect::Permit => Outcome::Permit,
        Effect::Deny => Outcome::Deny,
    };
    let resources: Vec<_> = documents.iter().map(Document::root).collect();
    if case.exchange.as_ref().is_some_and(|exchange| !exchange.admits_role(case.caller.role())) {
        return Ok(refused(Ground::RoleNotAdmitted, &[], default, &resources));
    }
    match weigh(&asked, &case.evidence, &case.policy, case.now) {
        Err(denial) => Ok(refused(denial.ground(), denial.consents(), default, &resources)),
        Ok(plan) => Ok(weighed(plan, default, case.exchange.as_ref(), &resources, &tables)),
    }
}

/// The answer where rules were not asked.
fn refused(ground: Ground, consents: &[String], default: Outcome, resources: &[Value<'_>]) -> Answer {
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
        resources: resources.iter().map(judged).collect(),
    }
}

fn weighed(
    plan: Plan,
    default: Outcome,
    exchange: Option<&Exchange>,
    resources: &[Value<'_>],
    tables: &Tables,
) -> Answer {
    let denial = match conclude(plan.clone()) {
        Decision::Permit(_) => None,
        Decision::Deny(denial) => Some(denial),
    };
    let judged = resources.iter().map(|resource| judge(*resource, &plan, denial.as_ref(), exchange, tables));
    let judged: Vec<_> = judged.collect();
    let by_rule = |one: &Judged| one.visible && one.ground == Ground::RulePermits.code();
    let permits = if judged.is_empty() {
        denial.is_none() && plan.ground() == Ground::RulePermits
    } else {
        judged.iter().any(by_rule)
    };
    let (decision, ground) = if plan.consents().is_empty() {
        (Outcome::NothingOnFile, Ground::NothingOnFile)
    } else if permits {
        (Outcome::Permit, Ground::RulePermits)
    } else {
        (Outcome::Deny, Ground::RuleDenies)
    };
    Answer { decision, default, ground: ground.code(), consents: plan.consents().to_vec(), resources: judged }
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
    if !input.also.is_empty() {
        return Err(CaseMistake::NotBuilt { member: "also", what: "asking several policies" });
    }
    if !input.relation.is_empty() {
        return Err(CaseMistake::NotBuilt { member: "relation", what: "the treatment relation" });
    }
    let source = Source::default().with_value_sets(Arc::new(ValueSets::shipped()?));
    let caller = input.caller()?;
    let policy = shipped_policies()?.into_iter().find(|policy| policy.name() == input.policy);
    let exchange = match &input.exchange {
        None => None,
        Some(name) => {
            let found = shipped_exchanges()?.into_iter().find(|exchange| exchange.name() == name.as_str());
            Some(found.ok_or(wrong("exchange", "the name of an exchange profile that is part of Sluis"))?)
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
        policy: policy.ok_or(wrong("policy", "the name of a policy that is part of Sluis"))?,
        combining: combining.map_err(|_| wrong("combining", "deny-overrides, newest-wins or most-specific"))?,
        unlabelled: unlabelled.map_err(|_| wrong("unlabelled", "restricted or normal"))?,
        evidence: input.evidence(&source, version),
        reason: input.reason,
        resources: input.resources.iter().map(|raw| raw.get().as_bytes().to_vec()).collect(),
        exchange,
        caller,
    })
}
