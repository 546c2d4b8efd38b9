//! The answer to a question in full: the decision, and what it makes of each resource (`sluis decide`, `sluis explain`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use time::OffsetDateTime;

use super::asked::{Admission, Asked};
use super::decide::{Decision, Denial, conclude, weigh};
use super::evidence::Evidence;
use super::ground::Ground;
use super::plan::Plan;
use super::rest::{Objection, Rest};
use crate::json::Value;
use crate::label::{Subject, Tables};
use crate::profile::{Offer, Regime, SUPPORTING};

/// A decision, and what it makes of each resource. Its members are those of `sluis decide`.
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
    /// Decides a question, and judges each of `resources` alone: references between them are the view's work.
    #[must_use]
    pub fn to(
        asked: &Asked<'_>,
        evidence: &Evidence,
        regime: &Regime,
        resources: &[Value<'_>],
        tables: &Tables,
        now: OffsetDateTime,
    ) -> Self {
        let before_rules = || Fallback::of(&Rest::of(asked, regime, Objection::None, now));
        let offer = match asked.admission {
            Admission::Everything => None,
            Admission::Through(offer) => Some(offer),
        };
        if offer.is_some_and(Offer::is_empty) {
            return refused(Ground::RoleNotAdmitted, &[], before_rules(), resources);
        }
        match weigh(asked, evidence, regime, now) {
            Err(denial) => refused(denial.ground(), denial.consents(), before_rules(), resources),
            Ok(plan) => weighed(plan, offer, resources, tables),
        }
    }

    /// Corrects what was judged of each resource alone by what the view made of all of them: what something hidden is
    /// linked to, or refers to it, may go with it. `released` and `withheld` are references; what was come upon by
    /// references alone is added.
    pub fn viewed(&mut self, released: &BTreeSet<String>, withheld: &BTreeMap<String, Ground>) {
        let seen: BTreeSet<String> = self.resources.iter().map(|one| one.reference.clone()).collect();
        for one in &mut self.resources {
            let is_released = released.contains(&one.reference);
            if one.visible != is_released {
                let ground =
                    withheld.get(&one.reference).map_or(Ground::ReferenceHidden.code(), |ground| ground.code());
                one.visible = is_released;
                one.ground = if is_released { self.ground } else { ground };
                (one.consent, one.provision) = (None, None);
            }
        }
        let more = |reference: &String, visible, ground| Judged {
            reference: reference.clone(),
            visible,
            ground,
            consent: None,
            provision: None,
        };
        let added = released.iter().map(|reference| more(reference, true, self.ground));
        let held = withheld.iter().map(|(reference, ground)| more(reference, false, ground.code()));
        let added: Vec<_> = added.chain(held).filter(|one| !seen.contains(&one.reference)).collect();
        self.resources.extend(added);
    }

    /// Returns each resource with what is made of it, as columns: reference, `yes` or `no`, ground, Consent, provision.
    pub fn rows(&self) -> impl Iterator<Item = [&str; 5]> {
        self.resources.iter().map(|one| {
            let seen = if one.visible { "yes" } else { "no" };
            let (consent, provision) = (one.consent.as_deref(), one.provision.as_deref());
            [&one.reference, seen, one.ground, consent.unwrap_or("-"), provision.unwrap_or("-")]
        })
    }

    /// Returns true if and only if some resource is visible.
    #[must_use]
    pub fn shows_something(&self) -> bool {
        self.resources.iter().any(|one| one.visible)
    }

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

fn weighed(plan: Plan, offer: Option<&Offer>, resources: &[Value<'_>], tables: &Tables) -> Answer {
    let denial = match conclude(plan.clone()) {
        Decision::Permit(_) => None,
        Decision::Deny(denial) => Some(denial),
    };
    let judged = resources.iter().map(|resource| judge(*resource, &plan, denial.as_ref(), offer, tables));
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

fn judge(resource: Value<'_>, plan: &Plan, denial: Option<&Denial>, offer: Option<&Offer>, tables: &Tables) -> Judged {
    let reference = reference_of(resource);
    let is_supporting = SUPPORTING.iter().any(|name| resource.text_of("resourceType").as_deref() == Some(*name));
    if offer.is_some_and(|offer| !is_supporting && !offer.holds(resource)) {
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
