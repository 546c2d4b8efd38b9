//! A decision as a case: everything it depends on in one JSON text, and the answer as another (`sluis decide`).

mod input;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use time::OffsetDateTime;

use super::answer::Answer;
use super::asked::{Admission, Asked, Holder, Unlabelled};
use super::caller_records::CallerRecords;
use super::combine::Combining;
use super::evidence::{Evidence, FhirVersion};
use super::purpose::Purpose;
use super::relation::TreatmentRelation;
use super::rule::Action;
use super::source::Source;
use crate::identity::Caller;
use crate::json::Document;
use crate::label::Tables;
use crate::limits;
use crate::profile::{
    Categories, Exchange, Offer, Policy, ProfileError, Regime, ValueSets, shipped_exchanges, shipped_policies,
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
    value_sets: Arc<ValueSets>,
    categories: Arc<Categories>,
    exchanges: Vec<Arc<Exchange>>,
    policies: Vec<Policy>,
}

fn shipped() -> Result<&'static Shipped, ProfileError> {
    static SHIPPED: LazyLock<Result<Shipped, ProfileError>> = LazyLock::new(|| {
        let exchanges = shipped_exchanges()?.into_iter().map(Arc::new).collect();
        Ok(Shipped {
            tables: Tables::shipped()?,
            value_sets: Arc::new(ValueSets::shipped()?),
            categories: Arc::new(Categories::shipped()?),
            exchanges,
            policies: shipped_policies()?,
        })
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
    Ok(Answer::to(&asked, &case.evidence, &case.regime, &resources, tables, case.now))
}

fn understand(input: Input) -> Result<Case, CaseMistake> {
    let wrong = |member, expected| CaseMistake::Value { member, expected };
    let version = FhirVersion::of(input.fhir_version.as_deref().unwrap_or("4.0"));
    let version = version.ok_or(wrong("fhir_version", "4.0, 4.3 or 5.0"))?;
    match version {
        FhirVersion::R4 | FhirVersion::R4b | FhirVersion::R5 => {}
        FhirVersion::Stu3 => return Err(CaseMistake::NotBuilt { member: "fhir_version", what: "Consent of STU3" }),
    }
    let Shipped { value_sets, categories, tables: _, exchanges: _, policies: _ } = shipped()?;
    let source = Source::default().with_value_sets(value_sets.clone()).with_categories(categories.clone());
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
