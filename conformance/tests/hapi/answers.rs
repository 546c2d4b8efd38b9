//! Answers: for each story what its caller gets, against what HAPI itself has. Every story that shows something has a twin in
//! which the same patient shows nothing, or is asked about by somebody else.

use std::collections::BTreeSet;

use sluis_conformance::client::{Client, Question};
use sluis_conformance::record::Record;
use sluis_conformance::story::{Sees, Story};
use sluis_conformance::twin;

use crate::bench::{Bench, Tried};
use crate::outcome::{assert_same, delivered, expected, page};

/// Who asks what about whom: one module of tests for each line. A test below holds them to `stories.toml`.
macro_rules! stories {
    ($($name:ident: $patient:literal, $caller:literal, $purpose:literal;)*) => {
        const COVERED: &[(&str, &str, &str)] = &[$(($patient, $caller, $purpose)),*];

        $(mod $name {
            use super::{Tried, Ways, matches, read, whole_in_pages};

            #[test]
            fn a_search_by_get_gives_what_the_server_has_of_what_may_be_seen() -> Tried {
                matches(($patient, $caller, $purpose), Ways::Get)
            }

            #[test]
            fn a_search_by_post_gives_what_the_server_has_of_what_may_be_seen() -> Tried {
                matches(($patient, $caller, $purpose), Ways::Post)
            }

            #[test]
            fn a_search_of_the_compartment_gives_what_the_server_has_of_what_may_be_seen() -> Tried {
                matches(($patient, $caller, $purpose), Ways::Compartment)
            }

            #[test]
            fn a_search_by_bsn_gives_what_the_server_has_of_what_may_be_seen() -> Tried {
                matches(($patient, $caller, $purpose), Ways::Bsn)
            }

            #[test]
            fn pages_of_two_give_the_whole() -> Tried {
                whole_in_pages(($patient, $caller, $purpose))
            }

            #[test]
            fn what_may_be_seen_can_be_read_and_the_rest_is_as_unknown() -> Tried {
                read(($patient, $caller, $purpose))
            }
        })*
    };
}

stories! {
    anna_decided_nothing: "anna", "huisarts-brug", "TREAT";
    bram_permits_his_gp: "bram", "huisarts-brug", "TREAT";
    bram_permits_no_other_gp: "bram", "huisarts-noord", "TREAT";
    carla_withholds_nothing_from_her_gp: "carla", "huisarts-brug", "TREAT";
    carla_withholds_no_medication_from_the_pharmacist: "carla", "apotheker", "TREAT";
    carla_withholds_mental_health_from_another_gp: "carla", "huisarts-noord", "TREAT";
    dirk_permits_his_gp: "dirk", "huisarts-brug", "TREAT";
    dirk_bars_one_hospital: "dirk", "internist-oost", "TREAT";
    els_permitted_until_last_year: "els", "huisarts-brug", "TREAT";
    fatima_permits_in_an_emergency: "fatima", "seh-arts", "ETREAT";
    fatima_objects_without_one: "fatima", "seh-arts", "TREAT";
    gijs_has_two_records: "gijs", "huisarts-brug", "TREAT";
    gijs_permits_the_pharmacist: "gijs", "apotheker", "TREAT";
    gijs_permits_no_other_gp: "gijs", "huisarts-noord", "TREAT";
    henk_wrote_what_nobody_can_read: "henk", "huisarts-brug", "TREAT";
    lena_withholds_nothing_from_her_gp: "lena", "huisarts-brug", "TREAT";
    lena_withholds_what_inherits_hiv_from_another_gp: "lena", "huisarts-noord", "TREAT";
}

type Names = (&'static str, &'static str, &'static str);

/// The ways to ask for all resources of one type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ways {
    Get,
    Post,
    Compartment,
    Bsn,
}

fn matches((patient, caller, purpose): Names, way: Ways) -> Tried {
    let mut bench = Bench::loaded()?;
    let story = bench.story(patient, caller, purpose)?;
    shows(&mut bench, &story, way)
}

/// Asserts that searches give what the server has of what may be seen.
pub(crate) fn shows(bench: &mut Bench, story: &Story, way: Ways) -> Tried {
    let patient = &story.patient;
    let upstream = bench.hapi.base().trim_start_matches("http://").to_owned();
    let (mut client, base, public_base) = ask(bench, story)?;
    let bsn = bsn_of(bench, story)?;
    let mut seen = 0;
    let has: BTreeSet<String> = story.own(&bench.records).map(Record::resource_type).map(str::to_owned).collect();
    for kind in story.kinds() {
        // Of types that the patient has nothing of, one way is enough.
        if !matches!(way, Ways::Get) && !has.contains(kind) {
            continue;
        }
        let by_id = if kind == "Patient" { "_id" } else { "patient" };
        let by_bsn = if kind == "Patient" { "identifier" } else { "patient.identifier" };
        let question = match way {
            Ways::Get => Question::get(&format!("{base}/{kind}?{by_id}={patient}&_count=100")),
            Ways::Post => Question::post(&format!("{base}/{kind}/_search"), &format!("{by_id}={patient}&_count=100")),
            Ways::Compartment if kind == "Patient" => continue,
            Ways::Compartment => Question::get(&format!("{base}/Patient/{patient}/{kind}?_count=100")),
            Ways::Bsn => Question::get(&format!("{base}/{kind}?{by_bsn}={bsn}&_count=100")),
        };
        let response = client.ask(&story.asks(question))?;
        let found = delivered(page(&response, &public_base, &upstream)?)?;
        assert_same(&found, &expected(bench, story, kind)?, &format!("{}: {kind}", story.name()));
        seen += found.len();
    }
    assert_eq!(seen > 0, story.sees != Sees::Nothing, "{}", story.name());
    Ok(())
}

fn whole_in_pages((patient, caller, purpose): Names) -> Tried {
    let mut bench = Bench::loaded()?;
    let story = bench.story(patient, caller, purpose)?;
    let upstream = bench.hapi.base().trim_start_matches("http://").to_owned();
    let (mut client, base, public_base) = ask(&mut bench, &story)?;
    for kind in ["Condition", "MedicationRequest", "Observation", "Encounter"] {
        if !story.kinds().iter().any(|own| own == kind) {
            continue;
        }
        let question = story.asks(Question::get(&format!("{base}/{kind}?patient={patient}&_count=2")));
        let pages = twin::walk(bench.gateway()?, &mut client, caller, &question);
        let mut found = Vec::new();
        for (number, exchange) in pages.iter().enumerate() {
            let response = exchange.answer.as_ref().map_err(|&error| error)?;
            let entries = delivered(page(response, &public_base, &upstream)?)?;
            let is_last = number + 1 == pages.len();
            assert!(entries.len() == 2 || is_last, "{}: {} entries", exchange.asked, entries.len());
            assert!(!entries.is_empty() || number == 0, "{}: a page for nothing", exchange.asked);
            found.extend(entries);
        }
        assert_same(&found, &expected(&mut bench, &story, kind)?, kind);
    }
    Ok(())
}

fn read((patient, caller, purpose): Names) -> Tried {
    let mut bench = Bench::loaded()?;
    let story = bench.story(patient, caller, purpose)?;
    reads(&mut bench, &story)
}

/// Asserts that what may be seen can be read, and that the rest is as unknown.
pub(crate) fn reads(bench: &mut Bench, story: &Story) -> Tried {
    let (mut client, base, _) = ask(bench, story)?;
    let mut known = Vec::new();
    for kind in story.kinds() {
        known.extend(expected(bench, story, kind)?);
    }
    let unknown = client.ask(&story.asks(Question::get(&format!("{base}/Condition/never-used-1"))))?;
    let unknown_of_own = client.ask(&story.asks(Question::get(&format!("{base}/Observation/never-used-1"))))?;
    for record in story.own(&bench.records) {
        let reference = record.reference();
        let response = client.ask(&story.asks(Question::get(&format!("{base}/{reference}"))))?;
        let is_offered = story.kinds().iter().any(|kind| kind == record.resource_type());
        match known.iter().find(|(own, _)| own == reference) {
            Some((_, bytes)) => {
                assert_eq!(response.status, 200, "{reference}: {}", response.text());
                assert_eq!(&response.text(), bytes, "{reference}");
            }
            None if is_offered => {
                assert_eq!(response.status, 404, "{reference}");
                assert_eq!(response.text(), unknown_of_own.text(), "{reference}");
            }
            None => assert!(matches!(response.status, 403 | 404), "{reference}: {}", response.status),
        }
    }
    assert!(matches!(unknown.status, 403 | 404));
    assert_eq!(unknown_of_own.status, 404);
    Ok(())
}

fn ask(bench: &mut Bench, story: &Story) -> Result<(Client, String, String), Box<dyn std::error::Error>> {
    let policies: Vec<&str> = story.policies.iter().map(String::as_str).collect();
    let gateway = bench.under(&policies)?;
    Ok((gateway.client(&story.caller)?, gateway.base_path().to_owned(), gateway.public_base().to_owned()))
}

fn bsn_of(bench: &Bench, story: &Story) -> Result<String, Box<dyn std::error::Error>> {
    let reference = format!("Patient/{}", story.patient);
    let own = story.own(&bench.records).find(|record| record.reference() == reference);
    let value = own.ok_or("a story about nobody")?.value();
    let text = |name: &str| value.pointer(&format!("/identifier/0/{name}")).and_then(|text| text.as_str());
    Ok(format!("{}%7C{}", text("system").ok_or("no BSN")?, text("value").ok_or("no BSN")?))
}

#[test]
fn every_story_of_the_file_is_covered_and_shows_something_or_has_a_twin_that_does() -> Tried {
    let stories = Story::all()?;
    let names: Vec<(&str, &str, &str)> =
        stories.iter().map(|story| (story.patient.as_str(), story.caller.as_str(), story.purpose.as_str())).collect();
    assert_eq!(names, COVERED);
    Ok(())
}

#[test]
fn an_answer_to_somebody_denied_is_the_answer_about_somebody_unknown() -> Tried {
    let mut bench = Bench::loaded()?;
    let denied: Vec<Story> = bench.stories.iter().filter(|story| story.sees == Sees::Nothing).cloned().collect();
    for story in denied {
        is_as_unknown(&mut bench, &story)?;
    }
    Ok(())
}

/// Asserts that the answer about the patient is the answer about somebody unknown.
pub(crate) fn is_as_unknown(bench: &mut Bench, story: &Story) -> Tried {
    let (mut client, base, _) = ask(bench, story)?;
    // Every role may ask for it.
    let about = |patient: &str| story.asks(Question::get(&format!("{base}/AllergyIntolerance?patient={patient}")));
    let known = client.ask(&about(&story.patient))?;
    // As long as the patient's own id: the link to the answer itself repeats it.
    let unknown = client.ask(&about(&"x".repeat(story.patient.len())))?;
    assert_eq!((known.status, unknown.status), (200, 200), "{}", story.name());
    let unnamed = known.text().replace(&story.patient, &"x".repeat(story.patient.len()));
    assert_eq!(unnamed, unknown.text(), "{}", story.name());
    Ok(())
}

#[test]
fn whoever_proves_no_profession_is_refused_alike_whatever_is_on_file() -> Tried {
    let mut bench = Bench::loaded()?;
    for caller in ["assistent", "systeem"] {
        let mut bodies = Vec::new();
        for patient in ["anna", "bram", "nobody"] {
            let gateway = bench.gateway()?;
            let target = format!("{}/Condition?patient={patient}", gateway.base_path());
            let response = gateway.client(caller)?.ask(&Question::get(&target).for_purpose("TREAT", None))?;
            assert_eq!(response.status, 403, "{caller}: {}", response.text());
            bodies.push(response.body);
        }
        assert!(bodies.windows(2).all(|pair| pair.first() == pair.last()), "{caller}");
    }
    Ok(())
}

#[test]
fn a_revoked_card_gets_no_answer_at_all() -> Tried {
    let mut bench = Bench::loaded()?;
    let gateway = bench.gateway()?;
    let question = Question::get(&format!("{}/metadata", gateway.base_path()));
    assert!(gateway.client("huisarts-revoked")?.ask(&question).is_err());
    assert_eq!(gateway.client("huisarts-brug")?.ask(&question)?.status, 200);
    Ok(())
}

#[test]
fn metadata_says_what_the_gateway_offers_and_nothing_of_the_server_behind() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().trim_start_matches("http://").to_owned();
    let gateway = bench.gateway()?;
    let response =
        gateway.client("huisarts-brug")?.ask(&Question::get(&format!("{}/metadata", gateway.base_path())))?;
    let text = response.text();
    assert_eq!(response.status, 200);
    assert!(text.contains("CapabilityStatement") && text.contains("MedicationRequest"));
    assert!(!text.contains(&upstream) && !text.to_ascii_lowercase().contains("hapi"), "{text}");
    Ok(())
}

#[test]
fn an_emergency_without_a_reason_is_refused_and_with_one_is_not() -> Tried {
    let mut bench = Bench::loaded()?;
    let gateway = bench.gateway()?;
    let mut client = gateway.client("seh-arts")?;
    let question = Question::get(&format!("{}/Condition?patient=fatima", gateway.base_path()));
    assert_eq!(client.ask(&question.clone().for_purpose("ETREAT", None))?.status, 400);
    assert_eq!(client.ask(&question.for_purpose("ETREAT", Some("unconscious")))?.status, 200);
    Ok(())
}
