//! The view as a whole, against a scripted upstream.

mod bounds;
mod cases;
mod course;
mod document;
mod everything;
mod hostile;
mod iterate;
mod lastn;
mod notice;
mod summary;
mod total;
mod twin;
mod units;
mod unjudged;
mod upstream;

use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use self::upstream::{BASE, Upstream};
use time::macros::datetime;

use super::*;
use crate::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Holder, Plan, Purpose,
    Register, Source, Standing, TreatmentRelation, Unlabelled, decide,
};
use crate::identity::{Caller, CallerNames, CardType, Role, Ura, UziNumber};
use crate::limits;
use crate::profile::{shipped_exchanges, shipped_regime};
use crate::query::{Query, RequestHead, Tally, classify};

/// How an answer went.
#[derive(Debug, PartialEq, Eq)]
struct Given {
    body: String,
    ending: Ending,
    report: Report,
}

/// Faults are planted for the whole process, so tests of whole answers take turns.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn surroundings() -> Surroundings {
    static OFFER: LazyLock<Offer> = LazyLock::new(|| {
        let exchanges: Vec<_> = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect();
        Offer::to(&exchanges, Some(&Role::from_str("01.015").unwrap()))
    });
    static TABLES: LazyLock<Arc<Tables>> = LazyLock::new(|| Arc::new(Tables::shipped().unwrap()));
    Surroundings {
        offer: OFFER.clone(),
        tables: TABLES.clone(),
        person: ["a", "a2"].map(|id| Id::from_str(id).unwrap()).to_vec(),
        upstream_bases: vec![BASE.to_owned(), "http://alias/fhir".to_owned()],
        public_base: "https://gw/fhir".to_owned(),
        narrative: Narrative::Drop,
        free_text: FreeText::Keep,
        mode: Mode::Silent,
        shadow: None,
    }
}

/// Asks `target` of the view before `upstream`, whose bodies come in chunks of `chunk` bytes.
fn ask(upstream: &Upstream, plan: Plan, target: &str, skip: usize, chunk: usize) -> Result<Given, ViewError> {
    ask_beside(upstream, plan, None, target, skip, chunk)
}

/// The same, with a plan that changes nothing beside.
fn ask_beside(
    upstream: &Upstream,
    plan: Plan,
    shadow: Option<Plan>,
    target: &str,
    skip: usize,
    chunk: usize,
) -> Result<Given, ViewError> {
    ask_in(upstream, plan, Surroundings { shadow, ..surroundings() }, target, skip, chunk)
}

/// The same, with other settings.
fn ask_in(
    upstream: &Upstream,
    plan: Plan,
    surroundings: Surroundings,
    target: &str,
    skip: usize,
    chunk: usize,
) -> Result<Given, ViewError> {
    let mut answer = match query(target, &surroundings) {
        Query::Search(search) => Answer::search(search, plan, surroundings, skip),
        Query::Read(read) => Answer::read(read, plan, surroundings),
        Query::Summary(summary) => Answer::summary(summary, letterhead(), plan, surroundings),
        Query::Everything(everything) => Answer::everything(everything, plan, surroundings, skip),
        Query::LastN(lastn) => Answer::lastn(lastn, plan, surroundings),
        Query::Metadata => panic!("metadata is not the view's"),
    };
    drive(upstream, &mut answer, chunk)
}

fn letterhead() -> Letterhead {
    let name = "Ziekenhuis De Sluis".to_owned();
    Letterhead { ura: Ura::from_str("00000002").unwrap(), name, now: datetime!(2026-03-01 12:00 UTC), key: [7; 32] }
}

fn drive(upstream: &Upstream, answer: &mut Answer, chunk: usize) -> Result<Given, ViewError> {
    let mut body = Vec::new();
    loop {
        match answer.step() {
            Step::Ask(target) => match upstream.answer(target.as_str()) {
                Some(bytes) => {
                    for chunk in bytes.as_bytes().chunks(chunk) {
                        answer.push(chunk)?;
                        body.extend(answer.take().into_bytes());
                    }
                    answer.end_of_body()?;
                }
                None => answer.absent()?,
            },
            Step::End(ending) => {
                body.extend(answer.take().into_bytes());
                let next = match ending {
                    Ending::Searchset { next_skip } => next_skip.map(|skip| format!("https://gw/next/{skip}")),
                    Ending::Resource | Ending::NotVisible => None,
                };
                body.extend(answer.close(next.as_deref()).into_bytes());
                return Ok(Given { body: String::from_utf8(body).unwrap(), ending, report: answer.report() });
            }
        }
    }
}

/// Everything is visible by rules: nothing is on file, and the policy makes a yes of that.
fn straight() -> Plan {
    static PLAN: LazyLock<Plan> = LazyLock::new(|| plan(&[], "ehds"));
    PLAN.clone()
}

/// What is labelled restricted is hidden, and of the Observations and prescriptions those that tell of HIV.
fn labels() -> Plan {
    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        ruled(
            r#"{"type":"permit","provision":[
              {"type":"deny","securityLabel":[
                {"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]},
              {"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"MedicationRequest"},
                {"system":"http://hl7.org/fhir/resource-types","code":"Observation"}],"securityLabel":[
                {"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}"#,
            "ehds",
        )
    });
    PLAN.clone()
}

/// What tells of HIV, and of nothing else, is visible.
fn telling() -> Plan {
    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        ruled(
            r#"{"type":"permit","securityLabel":[
                {"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#,
            "wabvpz",
        )
    });
    PLAN.clone()
}

/// One medicine is visible, by its code.
fn coded() -> Plan {
    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        ruled(
            r#"{"type":"permit","code":[{"coding":[{"system":"http://www.whocc.no/atc","code":"A10BA02"}]}]}"#,
            "wabvpz",
        )
    });
    PLAN.clone()
}

fn ruled(provision: &str, policy: &str) -> Plan {
    let consent = format!(
        r#"{{"resourceType":"Consent","id":"labels","status":"active","patient":{{"reference":"Patient/a"}},
            "scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},
            "category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],
            "policy":[{{"uri":"http://x"}}],"provision":{provision}}}"#
    );
    plan(&[consent.into_bytes()], policy)
}

fn plan(consents: &[Vec<u8>], policy: &str) -> Plan {
    let caller = Caller::new(
        Ura::from_str("00000001").unwrap(),
        UziNumber::from_str("900000001").unwrap(),
        CardType::Professional,
        Some(Role::from_str("01.015").unwrap()),
        CallerNames::default(),
        None,
    );
    let patient = ["Patient/a".to_owned(), "Patient/a2".to_owned()];
    let evidence =
        Evidence::read(&Source::new(&[], Register::Own), consents, FhirVersion::R4, &patient, Standing::Full);
    let asked = Asked {
        caller: &caller,
        records: &CallerRecords::none(),
        relation: &TreatmentRelation::none(),
        holder: &Holder::new(Ura::from_str("00000002").unwrap()),
        purpose: Purpose::of("TREAT").unwrap(),
        reason: None,
        action: Action::Access,
        admission: Admission::Everything,
        combining: Combining::DenyOverrides,
        unlabelled: Unlabelled::Normal,
    };
    let regime = shipped_regime(&[policy]).unwrap();
    match decide(&asked, &evidence, &regime, datetime!(2026-03-01 12:00 UTC)) {
        Decision::Permit(plan) => plan,
        Decision::Deny(denial) => panic!("{denial:?}"),
    }
}

fn query(target: &str, surroundings: &Surroundings) -> Query {
    let head = RequestHead {
        method: "GET",
        target: &format!("/fhir/{target}"),
        content_type: None,
        accept: None,
        prefer: None,
        method_override: false,
        body: b"",
    };
    classify(&head, "/fhir", &surroundings.offer).expect(target)
}
