//! JSON and the view: arbitrary bytes as what the upstream answers.
//!
//! The first byte chooses plan, question and chunks; the rest are bodies with a zero byte between them, one for each thing
//! the answer asks for, and 404 where there are no more. A byte from 1 to 5 stands for something that is hidden, with a word
//! that is nowhere else: that word is in no answer.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use sluis::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Holder, Plan, Purpose,
    Register, Source, Standing, TreatmentRelation, Unlabelled, decide,
};
use sluis::identity::{Caller, CallerNames, CardType};
use sluis::json::{Bounds, Document, Value};
use sluis::label::Tables;
use sluis::limits;
use sluis::profile::{Offer, shipped_exchanges, shipped_regime};
use sluis::query::{Id, Query, RequestHead, classify};
use sluis::view::{Answer, Ending, FreeText, Mode, Narrative, Report, Step, Surroundings, ViewError, subjects};
use time::macros::datetime;

const QUESTIONS: [&str; 4] = [
    "/fhir/Observation?patient=a&_count=2",
    "/fhir/MedicationRequest?patient=a&_include=MedicationRequest:medication",
    "/fhir/Observation/o",
    "/fhir/Patient?_id=a",
];

/// Things that one answer may ask for here; real ones ask for more.
const ASKS: usize = 64;

/// An answer holds resources that are as deep as one may be.
const RELEASED: Bounds =
    Bounds { bytes: usize::MAX, depth: limits::RESOURCE.depth + 8, members: limits::RESOURCE.members };

/// What the bytes 1 to 5 stand for: things of another person, and things that are restricted.
const HIDDEN: [&str; 5] = [
    r#"{"resourceType":"Observation","id":"CANARYo","subject":{"reference":"Patient/b"},"note":[{"text":"CANARYo"}]}"#,
    r#"{"reference":"Patient/b","display":"CANARYo"}"#,
    r#"{"resourceType":"Observation","id":"CANARYr","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]},"subject":{"reference":"Patient/a"},"note":[{"text":"CANARYr"}]}"#,
    r#"{"reference":"Observation/CANARYr","display":"CANARYr"}"#,
    r#"{"resourceType":"Consent","id":"CANARYo","patient":{"reference":"Patient/a"},"scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"text":"CANARYo"}]}"#,
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    // Whoever writes the word itself, or its letters one by one, says it of anything.
    let says_it = memchr::memmem::find(rest, b"CANARY").is_some() || memchr::memmem::find(rest, br"\u").is_some();
    let bodies: Vec<Vec<u8>> = rest.split(|byte| *byte == 0).map(filled).collect();
    let bodies: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    bodies.iter().for_each(|body| read(body));
    let judged = choice & 1 == 1;
    let question = &WORLD.questions[usize::from(choice >> 1) % QUESTIONS.len()];
    let whole = given(question, judged, &bodies, usize::MAX);
    let cut = given(question, judged, &bodies, usize::from(choice >> 3) + 1);
    assert_eq!(whole, cut, "invariant 5");
    if let Ok((_, ending, released)) = whole {
        if !says_it {
            let canary: &[u8] = if judged { b"CANARY" } else { b"CANARYo" };
            assert!(memchr::memmem::find(&released, canary).is_none(), "{}", String::from_utf8_lossy(&released));
        }
        match ending {
            Ending::NotVisible => assert_eq!(released, b""),
            Ending::Searchset { .. } | Ending::Resource => visible(&released, judged),
        }
    }
});

/// Writes what is hidden in the place of the bytes that stand for it; no JSON has those.
fn filled(body: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(body.len());
    for byte in body {
        match HIDDEN.get(usize::from(*byte).wrapping_sub(1)) {
            Some(hidden) => filled.extend_from_slice(hidden.as_bytes()),
            None => filled.push(*byte),
        }
    }
    filled
}

/// Reads bytes as JSON: what is read is JSON to another reader as well, and strings are the same to both.
fn read(bytes: &[u8]) {
    let Ok(document) = Document::read(bytes, limits::RESOURCE) else { return };
    serde_json::from_slice::<IgnoredAny>(bytes).expect("JSON to everybody");
    assert_eq!(document.root().raw().as_bytes(), bytes.trim_ascii());
    walk(document.root());
    let _ = subjects(document.root(), &[]);
}

fn walk(value: Value<'_>) {
    value.items().for_each(walk);
    value.members().for_each(|member| {
        assert_eq!(value.get(member.name).map(|value| value.span()), Some(member.value.span()));
        walk(member.value);
    });
    if let Some(text) = value.as_str() {
        assert_eq!(serde_json::from_str::<String>(value.raw()).ok().as_deref(), Some(text.as_ref()));
    }
}

type Given = (Report, Ending, Vec<u8>);

/// Lets an answer ask for the bodies, each cut into chunks.
fn given(question: &Query, judged: bool, bodies: &[&[u8]], chunk: usize) -> Result<Given, Option<ViewError>> {
    let plan = if judged { WORLD.labels.clone() } else { WORLD.straight.clone() };
    let mut answer = match question {
        Query::Search(search) => Answer::search(search.clone(), plan, WORLD.surroundings.clone(), 0),
        Query::Read(read) => Answer::read(read.clone(), plan, WORLD.surroundings.clone()),
        Query::LastN(lastn) => Answer::lastn(lastn.clone(), plan, WORLD.surroundings.clone()),
        Query::Summary(_) | Query::Everything(_) | Query::Metadata => return Err(None),
    };
    let mut bodies = bodies.iter();
    let mut released = Vec::new();
    for _ in 0..ASKS {
        match answer.step() {
            Step::Ask(_) => match bodies.next() {
                Some(body) => {
                    for chunk in body.chunks(chunk) {
                        answer.push(chunk)?;
                        released.extend(answer.take().into_bytes());
                    }
                    answer.end_of_body()?;
                }
                None => answer.absent()?,
            },
            Step::End(ending) => {
                released.extend(answer.take().into_bytes());
                released.extend(answer.close(None).into_bytes());
                return Ok((answer.report(), ending, released));
            }
        }
    }
    Err(None)
}

/// Checks that what was released is one strict JSON text, about the person alone, and that what the plan hides is not in it.
fn visible(released: &[u8], judged: bool) {
    let document = Document::read(released, RELEASED).expect("what ends whole is strict JSON");
    let root = document.root();
    if root.text_of("resourceType").as_deref() != Some("Bundle") {
        return resource(root, judged);
    }
    for entry in root.get("entry").iter().flat_map(Value::items) {
        resource(entry.get("resource").expect("a resource in each entry"), judged);
    }
}

fn resource(resource: Value<'_>, judged: bool) {
    let Surroundings { person, public_base, .. } = &WORLD.surroundings;
    let bases = [public_base.clone()];
    assert!(subjects(resource, &bases).iter().all(|subject| person.contains(subject)), "another person");
    let contained = resource.get("contained");
    let mut inside = contained.iter().flat_map(Value::items);
    assert!(resource.get("text").is_none() && inside.all(|one| one.get("text").is_none()), "narrative");
    let is_own = resource.text_of("resourceType").as_deref() == Some("Patient");
    if judged && !is_own {
        let security = resource.get("meta").and_then(|meta| meta.get("security"));
        let restricted = security.iter().flat_map(Value::items).any(|label| {
            label.text_of("code").as_deref() == Some("R")
                && label.text_of("system").as_deref()
                    == Some("http://terminology.hl7.org/CodeSystem/v3-Confidentiality")
        });
        assert!(!restricted, "hidden by the plan");
    }
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct World {
    surroundings: Surroundings,
    questions: [Query; QUESTIONS.len()],
    /// Everything is visible.
    straight: Plan,
    /// What is labelled restricted is hidden.
    labels: Plan,
}

impl World {
    fn new() -> Self {
        let exchanges: Vec<_> = shipped_exchanges().expect("profiles").into_iter().map(Arc::new).collect();
        let offer = Offer::to(&exchanges, Some(&"01.015".parse().expect("a role")));
        let questions = QUESTIONS.map(|target| {
            let (content_type, accept, prefer) = (None, None, None);
            let head =
                RequestHead { method: "GET", target, content_type, accept, prefer, method_override: false, body: b"" };
            classify(&head, "/fhir", &offer).expect(target)
        });
        let surroundings = Surroundings {
            offer,
            tables: Arc::new(Tables::default()),
            person: ["a", "a2"].map(|id| id.parse::<Id>().expect("an id")).to_vec(),
            upstream_bases: vec!["http://upstream/fhir".to_owned()],
            public_base: "https://gw/fhir".to_owned(),
            narrative: Narrative::Drop,
            free_text: FreeText::Keep,
            mode: Mode::Silent,
            shadow: None,
        };
        let consent = include_bytes!("../seeds/consent/restricted-is-denied");
        Self { surroundings, questions, straight: plan(&[]), labels: plan(&[consent.to_vec()]) }
    }
}

fn plan(consents: &[Vec<u8>]) -> Plan {
    let (ura, uzi) = ("00000001".parse().expect("a URA"), "900000001".parse().expect("a UZI number"));
    let role = Some("01.015".parse().expect("a role"));
    let caller = Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None);
    let asked = Asked {
        caller: &caller,
        records: &CallerRecords::none(),
        relation: &TreatmentRelation::none(),
        holder: &Holder::new("00000002".parse().expect("a URA")),
        purpose: Purpose::of("TREAT").expect("a purpose"),
        reason: None,
        action: Action::Access,
        admission: Admission::Everything,
        combining: Combining::DenyOverrides,
        unlabelled: Unlabelled::Normal,
    };
    let regime = shipped_regime(&["ehds"]).expect("a policy of opt-out");
    let source = Source::new(&[], Register::Own);
    let evidence = Evidence::read(&source, consents, FhirVersion::R4, &["Patient/1".to_owned()], Standing::Full);
    match decide(&asked, &evidence, &regime, datetime!(2026-03-01 12:00 UTC)) {
        Decision::Permit(plan) => plan,
        Decision::Deny(denial) => panic!("{denial:?}"),
    }
}
