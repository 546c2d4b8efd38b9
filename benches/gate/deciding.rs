//! Deciding, over a Consent with a hundred provisions, and judging resources by the plan that comes of it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use sluis::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Holder, Plan, Purpose,
    Register, Source, Standing, TreatmentRelation, Unlabelled, decide,
};
use sluis::identity::{Caller, CallerNames, CardType};
use sluis::json::{Document, Value};
use sluis::label::{Subject, Tables};
use sluis::limits;
use sluis::profile::{Regime, shipped_regime};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::figures::{Figures, number};
use crate::searchset::{self, BASE, TYPES, pick};

const PROVISIONS: usize = 100;
const RESOURCES: usize = 1_000;
const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(200);

/// Decides once and judges, so that a test tells when the Consent or the resources are no longer what deciding reads.
pub(crate) fn rehearse() {
    with_judging(|_, _| ());
}

pub(crate) fn measure(figures: &mut Figures) {
    with_judging(|question, judge| {
        figures.median("decide_per_second", &per_second(|| drop(black_box(question.decide()))));
        let decided_and_judged = per_second(|| {
            black_box(judge(&question.decide()));
        });
        figures.median("decide_judge_1000_per_second", &decided_and_judged);
    });
}

/// Hands over a question, and what judges the resources by a plan and counts those that are visible.
fn with_judging(work: impl FnOnce(&Question, &dyn Fn(&Plan) -> usize)) {
    let question = Question::about(&consent(&exceptions()));
    let plan = question.decide();
    assert!(!plan.is_straight(), "there is something to judge");
    let texts: Vec<String> = (0..RESOURCES).map(resource).collect();
    let documents: Vec<Document<'_>> =
        texts.iter().map(|text| Document::read(text.as_bytes(), limits::RESOURCE).expect("a resource")).collect();
    let resources: Vec<Value<'_>> = documents.iter().filter_map(|entry| entry.root().get("resource")).collect();
    assert_eq!(resources.len(), RESOURCES);
    let tables = Tables::shipped().expect("the shipped tables");
    let judge = |plan: &Plan| {
        resources.iter().filter(|resource| plan.judge(Subject::alone(**resource), &tables).is_visible()).count()
    };
    let visible = judge(&plan);
    assert!(0 < visible && visible < RESOURCES, "some are hidden: {visible} are visible");
    work(&question, &judge);
}

/// Returns how often `work` is done in a second, round by round.
fn per_second(mut work: impl FnMut()) -> Vec<f64> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut times = 0;
        while start.elapsed() < ROUND {
            work();
            times += 1;
        }
        rounds.push(number(times) / start.elapsed().as_secs_f64());
    }
    rounds
}

/// The plan of a patient who permits everything.
pub(crate) fn straight() -> Plan {
    let plan = Question::about(&consent("")).decide();
    assert!(plan.is_straight(), "nothing is left to judge");
    plan
}

/// The plan of a patient who permits everything that is not labelled restricted.
pub(crate) fn judged() -> Plan {
    let restricted = r#","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}]"#;
    Question::about(&consent(restricted)).decide()
}

/// A huisarts.
pub(crate) fn caller() -> Caller {
    Caller::new(
        "90000101".parse().expect("a URA"),
        "900000101".parse().expect("a UZI number"),
        CardType::Professional,
        Some("01.015".parse().expect("a role")),
        CallerNames::default(),
        None,
    )
}

struct Question {
    caller: Caller,
    records: CallerRecords,
    holder: Holder,
    evidence: Evidence,
    relation: TreatmentRelation,
    regime: Regime,
}

impl Question {
    fn about(consent: &str) -> Self {
        let source = Source::new(&[BASE.to_owned()], Register::Own);
        let consents = [consent.as_bytes().to_vec()];
        let patient = ["Patient/p1".to_owned()];
        let evidence = Evidence::read(&source, &consents, FhirVersion::R4, &patient, Standing::Full);
        Self {
            caller: caller(),
            records: CallerRecords::none(),
            holder: Holder::new("00000002".parse().expect("a URA")),
            evidence,
            relation: TreatmentRelation::none(),
            regime: shipped_regime(&["wabvpz"]).expect("the shipped policies"),
        }
    }

    fn decide(&self) -> Plan {
        let asked = Asked {
            caller: &self.caller,
            records: &self.records,
            relation: &self.relation,
            holder: &self.holder,
            purpose: Purpose::of("TREAT").expect("a purpose"),
            reason: None,
            action: Action::Access,
            admission: Admission::Everything,
            combining: Combining::DenyOverrides,
            // What no table knows is shown, so that the labels of the resources decide.
            unlabelled: Unlabelled::Normal,
        };
        match decide(&asked, &self.evidence, &self.regime, NOW) {
            Decision::Permit(plan) => plan,
            Decision::Deny(denial) => panic!("denied: {denial:?}"),
        }
    }
}

/// A Consent that permits treatment, with exceptions.
fn consent(exceptions: &str) -> String {
    format!(
        r#"{{"resourceType":"Consent","id":"c1","status":"active","scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},"category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],"patient":{{"reference":"Patient/p1"}},"dateTime":"2026-01-01","policyRule":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}}]}},"provision":{{"type":"permit","purpose":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}}]{exceptions}}}}}"#
    )
}

/// Exceptions of every kind: for other organisations, other purposes, periods, labels, types; one with an exception of its
/// own.
fn exceptions() -> String {
    let one = |number: usize| {
        match number % 5 {
        0 => format!(
            r#"{{"type":"deny","actor":[{{"role":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}}]}},"reference":{{"identifier":{{"system":"http://fhir.nl/fhir/NamingSystem/ura","value":"{:08}"}}}}}}]}}"#,
            90_001_000 + number
        ),
        1 => format!(r#"{{"type":"deny","period":{{"start":"{}-01-01","end":"{}-06-30"}}}}"#, 1980 + number % 40, 1981 + number % 40),
        2 => {
            let sensitivity = pick(&["HIV", "PSY", "SEX", "SUD", "STD", "MH"], number);
            format!(
                r#"{{"type":"deny","securityLabel":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{sensitivity}"}}]}}"#
            )
        }
        3 => r#"{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HRESCH"}]}"#
            .to_owned(),
        _ => {
            let class = pick(&["Encounter", "Flag", "CarePlan", "Appointment"], number);
            format!(
                r#"{{"type":"deny","class":[{{"system":"http://hl7.org/fhir/resource-types","code":"{class}"}}],"securityLabel":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}}]}}"#
            )
        }
    }
    };
    // The outermost provision, one that is restricted, and its exception are the other three.
    let mut all: Vec<String> = (0..PROVISIONS - 3).map(one).collect();
    all.push(
        r#"{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}],"provision":[{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"AllergyIntolerance"}]}]}"#
            .to_owned(),
    );
    format!(r#","provision":[{}]"#, all.join(","))
}

fn resource(number: usize) -> String {
    let mut text = String::new();
    let kind = TYPES.get(number % TYPES.len()).copied().expect("a type");
    searchset::entry(&mut text, kind, number, 200);
    text
}
