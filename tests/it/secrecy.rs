//! Law 1, secrecy: the answer is the answer of a world in which the hidden data never existed (invariants 10 and 11).

use serde_json::Value;
use sluis::gateway::clock::Clock;
use sluis::gateway::keys::page_keys;
use sluis::gateway::token::Binding;
use sluis::limits;
use tokio::sync::OnceCell;

use crate::world::ask::{Ask, Reply, ask};
use crate::world::stories::{STORIES, Sees, Story};
use crate::world::{PUBLIC_BASE, Plan, World, records};

/// Every answer to a story's questions, first pages and following ones, without what may differ.
async fn answers(world: &World, story: &Story) -> Vec<(Ask, Reply)> {
    let client = world.client(story.who);
    let mut answers = Vec::new();
    for question in story.questions() {
        let reply = ask(&client, world.port(), &question).await.unwrap();
        answers.push((question, reply.compared()));
    }
    let small = story.searches().into_iter().filter(|search| search.target.ends_with("_count=2"));
    for search in small {
        answers.extend(world.pages(&search).await.into_iter().map(|reply| (search.clone(), reply.compared())));
    }
    answers
}

fn assert_same(left: &[(Ask, Reply)], right: &[(Ask, Reply)], difference: &str) {
    assert_eq!(left.len(), right.len(), "{difference} changes how many pages there are");
    for ((question, here), (_, there)) in left.iter().zip(right) {
        assert_eq!((here.status, &here.headers), (there.status, &there.headers), "{difference} shows in {question:?}");
        assert_eq!(here.text(), there.text(), "{difference} shows in {question:?}");
    }
}

/// Plants, beside each patient's own results, one that speaks of another person too.
fn plant_other_person(plan: &Plan, story: &Story) {
    let other = if story.patient == "anna" { "bram" } else { "anna" };
    let performer = format!(r#","performer":[{{"reference":"Patient/{other}"}}]"#);
    plan.server().put(&records::result("between-two", story.patient, &performer)).unwrap();
}

/// What of a patient's record this caller may not see; Patients and Consents are inputs of deciding.
fn hidden(story: &Story) -> Vec<String> {
    match story.sees {
        Sees::All => Vec::new(),
        Sees::Nothing => {
            let mut all = records::references_of(story.patient);
            all.retain(|reference| !reference.starts_with("Patient/") && !reference.starts_with("Consent/"));
            all
        }
        Sees::AllBut { hidden, .. } => hidden.iter().map(|reference| (*reference).to_owned()).collect(),
    }
}

async fn full(story: &Story) -> Vec<(Ask, Reply)> {
    let plan = Plan::of_demo().with_known_keys();
    plant_other_person(&plan, story);
    answers(&plan.open(), story).await
}

/// The answers of Carla's full world to the one from whom she withholds something.
async fn carla_withholding() -> (&'static Story, &'static [(Ask, Reply)]) {
    static ANSWERS: OnceCell<Vec<(Ask, Reply)>> = OnceCell::const_new();
    let carla = story("carla", "huisarts-noord");
    (carla, ANSWERS.get_or_init(|| full(carla)).await)
}

async fn without(story: &Story, gone: &[String]) -> Vec<(Ask, Reply)> {
    let plan = Plan::of_demo().with_known_keys();
    for reference in gone {
        plan.server().expunge(reference);
    }
    answers(&plan.open(), story).await
}

async fn assert_secret(story: &Story) {
    assert!(story.questions().len() >= 40);
    let here = full(story).await;
    assert_same(&here, &without(story, &hidden(story)).await, "what is hidden");
}

fn story(patient: &str, who: &str) -> &'static Story {
    STORIES.iter().find(|story| story.patient == patient && story.who == who).unwrap()
}

/// Each story of the demo, invariant 11; those with one patient share a test.
macro_rules! twins {
    ($($name:ident: $patient:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            for story in STORIES.iter().filter(|story| story.patient == $patient) {
                assert_secret(story).await;
            }
        }
    )*};
}

twins! {
    what_anna_never_consented_to_leaves_no_trace: "anna";
    what_bram_permits_to_one_practice_leaves_no_trace_for_another: "bram";
    what_carla_withholds_leaves_no_trace: "carla";
    what_dirk_withholds_from_a_hospital_leaves_no_trace: "dirk";
    what_els_permitted_once_leaves_no_trace: "els";
    what_fatima_opens_in_an_emergency_leaves_no_trace_without_one: "fatima";
    what_is_on_either_record_of_gijs_leaves_no_trace: "gijs";
    what_an_unreadable_consent_of_henk_closes_leaves_no_trace: "henk";
}

#[tokio::test]
async fn what_refers_to_the_hidden_looks_as_if_it_never_had() {
    let carla = story("carla", "huisarts-noord");
    let Sees::AllBut { hidden, linked } = carla.sees else { panic!("nothing is hidden of Carla") };
    let world = |hidden: &[&str], linked: &[(&str, &str)]| {
        let plan = Plan::of_demo().with_known_keys();
        let record = records::texts(carla.patient);
        record.iter().for_each(|(reference, _)| plan.server().expunge(reference));
        for (reference, text) in record.iter().filter(|(reference, _)| !hidden.contains(&reference.as_str())) {
            let text = linked.iter().filter(|(from, _)| from == reference).fold(text.clone(), |text, (_, part)| {
                assert!(text.contains(part), "{reference} has no {part}");
                text.replace(part, "")
            });
            plan.server().put(&text).unwrap();
        }
        plan.open()
    };
    let here = answers(&world(&[], &[]), carla).await;
    assert_same(&here, &answers(&world(hidden, linked), carla).await, "what was linked");
    for (reference, part) in linked {
        let seen = |text: &str| {
            here.iter().any(|(question, reply)| question.target == *reference && reply.text().contains(text))
        };
        assert!(seen(r#""status":"finished""#) && !seen(part), "{reference}");
    }
}

#[tokio::test]
async fn a_resource_that_was_deleted_and_one_that_is_hidden_look_the_same() {
    let (carla, here) = carla_withholding().await;
    let plan = Plan::of_demo().with_known_keys();
    for reference in hidden(carla) {
        plan.server().delete(&reference);
    }
    assert_same(here, &answers(&plan.open(), carla).await, "a tombstone");
}

#[tokio::test]
async fn a_patient_who_is_denied_and_one_who_was_never_here_look_the_same() {
    for patient in ["anna", "els", "henk"] {
        let denied = story(patient, "huisarts-brug");
        let here = full(denied).await;
        assert_same(&here, &without(denied, &records::references_of(patient)).await, "the patient");
    }
}

/// The twin of all the above: the comparison sees a difference where there is one to see.
#[tokio::test]
async fn the_comparison_sees_what_is_not_hidden() {
    let carla = story("carla", "huisarts-brug");
    let gone = hidden(story("carla", "huisarts-noord"));
    let (here, there) = (full(carla).await, without(carla, &gone).await);
    let differing = here.iter().zip(&there).filter(|((_, here), (_, there))| here != there).count();
    assert!(differing >= gone.len(), "{differing}");
}

#[tokio::test]
async fn what_is_hidden_is_nowhere_and_what_is_not_is_there() {
    let (carla, here) = carla_withholding().await;
    let mut released = Vec::new();
    for (_, reply) in here {
        for word in ["depress", "angst", "ggz", "sertraline", "quetiapine", "crisis", "14334-7\",\"display", "PHQ"] {
            assert!(!reply.text().contains(word), "{word} shows in {}", reply.text());
        }
        if reply.status == 200 && reply.json()["resourceType"] == "Bundle" {
            released.extend(reply.entries());
        }
    }
    let is_there = |reference: &str| released.iter().any(|each| each == reference);
    for reference in
        ["Condition/carla-condition-1", "Encounter/carla-encounter-1", "Observation/carla-observation-lab-6"]
    {
        assert!(is_there(reference), "{reference}");
    }
    assert!(hidden(carla).iter().all(|reference| !is_there(reference)));
}

/// Invariant 10.
#[tokio::test]
async fn a_search_that_finds_nothing_is_the_same_bytes_whatever_the_cause() {
    let plan = Plan::of_demo().with_known_keys();
    plan.server().put(&records::patient("leeg", "999911120")).unwrap();
    plan.server().put(&records::permit("leeg-consent", "leeg")).unwrap();
    let world = plan.open();
    let mut bodies = Vec::new();
    // Nothing on file, unknown, expired, unreadable, nothing there though all is permitted.
    for patient in ["anna", "nobody", "els", "henk", "leeg"] {
        let reply = world.get("huisarts-brug", format!("Condition?patient={patient}")).await;
        assert_eq!(reply.entries(), Vec::<String>::new(), "{patient}");
        let reply = reply.compared();
        let headers: Vec<_> = reply.headers.iter().filter(|(name, _)| name != "content-length").cloned().collect();
        bodies.push((reply.status, headers, reply.text().replace(&format!("patient={patient}"), "patient=X")));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:#?}");
}

/// Invariant 10.
#[tokio::test]
async fn a_read_that_shows_nothing_is_the_same_bytes_whatever_the_cause() {
    let plan = Plan::of_demo().with_known_keys();
    plan.server().delete("Observation/carla-observation-lab-2");
    plant_other_person(&plan, story("carla", "huisarts-noord"));
    let world = plan.open();
    let mut replies = Vec::new();
    for target in [
        "Condition/nothing",                                     // unknown
        "Patient/nobody",                                        // an unknown patient
        "Condition/carla-condition-depression",                  // hidden
        "MedicationRequest/carla-medicationrequest-propranolol", // withheld with it
        "Encounter/carla-encounter-2",                           // outside the exchange
        "Observation/carla-observation-lab-2",                   // deleted
        "Observation/between-two",                               // of another person too
        "Patient/anna",                                          // nothing on file
        "Condition/bram-condition-1",                            // permitted to others
        "Consent/carla-consent-1",                               // never data
        "Practitioner/psychiater",                               // nobody's
        "Medication/sertraline",
    ] {
        let reply = world.get("huisarts-noord", target).await;
        assert_eq!(reply.refusal(), (404, "not-found".to_owned()), "{target}");
        replies.push((target, reply.compared()));
    }
    for (target, reply) in &replies {
        assert_eq!(*reply, replies[0].1, "{target}");
    }
}

/// Invariant 10.
#[tokio::test]
async fn a_page_token_that_is_not_good_is_the_same_bytes_whatever_the_cause() {
    let world = World::of_demo();
    let first = world.ask(&Ask::get("huisarts-brug", "Observation?patient=bram&_count=2").under("first")).await;
    let who = world.closed("first").await["who"].clone();
    let good = first.next().unwrap();
    let (_, token) = good.split_once("_page=").unwrap();
    let mut tampered = token.to_owned().into_bytes();
    tampered[20] = if tampered[20] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    let page = |patient: &str, token: &str| format!("Observation?patient={patient}&_count=2&_page={token}");
    let mut asks = vec![
        Ask::get("huisarts-brug", page("bram", "nothing")),
        Ask::get("huisarts-brug", page("bram", &tampered)),
        Ask::get("huisarts-brug", page("bram", token.strip_suffix(|_: char| true).unwrap())),
        Ask::get("huisarts-brug", page("carla", token)), // of another patient
        Ask::get("huisarts-brug", page("nobody", token)), // of somebody unknown
        Ask::get("huisarts-brug", page("anna", token)),  // of one without consent
        Ask::get("huisarts-noord", page("bram", token)), // of another caller
        Ask::get("huisarts-brug", format!("Condition?patient=bram&_count=2&_page={token}")), // of another query
        Ask::get("huisarts-brug", format!("Observation?patient=bram&_count=3&_page={token}")),
        Ask::get("huisarts-brug", page("nobody", "nothing")),
    ];
    // For another purpose, one that this caller may have too.
    let emergency =
        |target| Ask { purpose: Some("ETREAT"), reason: Some("Bewusteloos"), ..Ask::get("huisarts-brug", target) };
    assert_eq!(world.ask(&emergency("Observation?patient=bram&_count=2".to_owned())).await.status, 200);
    asks.push(emergency(page("bram", token)));
    // Made with the gateway's own key, a little more than its age ago.
    let aged = |age: time::Duration| sealed_by_gateway(&world, &who, &first, age);
    asks.push(Ask::get("huisarts-brug", page("bram", &aged(limits::PAGE_TOKEN_AGE + time::Duration::seconds(2)))));
    let mut replies = Vec::new();
    for request in &asks {
        let reply = world.ask(request).await;
        assert_eq!(reply.refusal(), (400, "invalid".to_owned()), "{request:?}");
        replies.push(reply.compared());
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]));
    // The twin: to whom it was given, for what it was given, it leads on.
    let second = world.get("huisarts-brug", good).await.entries();
    assert_eq!(second.len(), 2);
    // And one that is as old as it may be.
    let old = aged(limits::PAGE_TOKEN_AGE - time::Duration::seconds(60));
    assert_eq!(world.get("huisarts-brug", page("bram", &old)).await.entries(), second);
}

/// The token of the second page after `first`, as the gateway would have made it that long ago for the caller on record.
fn sealed_by_gateway(world: &World, who: &Value, first: &Reply, age: time::Duration) -> String {
    let bundle = first.json();
    let link = bundle["link"].as_array().unwrap().iter().find(|link| link["relation"] == "self").unwrap();
    let search = link["url"].as_str().unwrap().strip_prefix(PUBLIC_BASE).unwrap().trim_start_matches('/');
    let text = |name: &str| who[name].as_str().unwrap();
    // No system: it is a person with a card.
    let binding = Binding::to(&[text("ura"), text("uzi"), text("role"), "", "TREAT", search]);
    let keys = page_keys(&world.dir().join("keys")).unwrap();
    keys.seal(first.entries().len(), &binding, Clock::system().now() - age + limits::PAGE_TOKEN_AGE).unwrap()
}

#[tokio::test]
async fn page_tokens_have_one_length() {
    let world = World::of_demo();
    let mut lengths = Vec::new();
    for reply in world.pages(&Ask::get("huisarts-brug", "Observation?patient=bram&_count=1")).await {
        lengths.extend(reply.next().map(|next| next.len()));
    }
    assert!(lengths.len() > 8);
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{lengths:?}");
}

/// A page that was full of hidden results is filled up from the following ones, and `next` means that something follows.
#[tokio::test]
async fn hidden_results_leave_no_short_page_and_no_empty_last_one() {
    let world = World::of_demo();
    let all = Ask::get("huisarts-noord", "Condition?patient=carla&_count=100");
    let visible = world.ask(&all).await.entries();
    let pages = world.pages(&Ask::get("huisarts-noord", "Condition?patient=carla&_count=1")).await;
    assert_eq!(pages.iter().map(|page| page.entries().len()).collect::<Vec<_>>(), vec![1; visible.len()]);
}
