//! Policies: what each of them makes of who decided nothing, who objects and who treats whom; break-glass; labels that are
//! inherited. The stories that name policies in `stories.toml` say what is seen; each that shows nothing has one that shows
//! something under the same policies.

use std::collections::BTreeSet;
use std::error::Error;

use serde_json::{Value, json};
use sluis_conformance::client::{Client, Question};
use sluis_conformance::gateway::{Gateway, Setting};
use sluis_conformance::record::Record;
use sluis_conformance::story::{Sees, Story};
use sluis_conformance::wire::Response;

use crate::answers::{Ways, is_as_unknown, reads, shows};
use crate::bench::{Bench, Tried};
use crate::consents::{count, settles};

/// One test for each story that names policies. A test below holds them to `stories.toml`.
macro_rules! stories {
    ($($name:ident: $policies:expr, $patient:literal, $caller:literal, $purpose:literal;)*) => {
        const COVERED: &[(&[&str], &str, &str, &str)] = &[$((&$policies, $patient, $caller, $purpose)),*];

        $(#[test]
        fn $name() -> Tried {
            holds(&$policies, $patient, $caller, $purpose)
        })*
    };
}

stories! {
    wabvpz_shows_nothing_where_nothing_is_on_file: ["wabvpz"], "ilse", "seh-arts", "TREAT";
    wabvpz_shows_what_is_permitted: ["wabvpz"], "bram", "huisarts-brug", "TREAT";
    break_glass_fills_in_for_missing_consent: ["wabvpz"], "ilse", "seh-arts", "BTG";
    break_glass_does_not_go_before_an_objection: ["wabvpz"], "kees", "seh-arts", "BTG";
    break_glass_does_not_go_before_an_objection_to_a_part: ["wabvpz"], "lena", "huisarts-noord", "BTG";
    break_glass_is_let_in_by_who_opened_for_emergencies: ["wabvpz"], "fatima", "seh-arts", "BTG";
    ehds_shows_a_doctor_what_nobody_objects_to: ["ehds"], "anna", "huisarts-noord", "TREAT";
    ehds_shows_a_pharmacist_medication_that_nobody_objects_to: ["ehds"], "ilse", "apotheker", "TREAT";
    ehds_takes_a_permit_that_ended_for_nothing: ["ehds"], "els", "huisarts-brug", "TREAT";
    ehds_shows_nothing_over_an_objection: ["ehds"], "kees", "huisarts-noord", "TREAT";
    ehds_shows_nothing_to_the_hospital_that_is_objected_to: ["ehds"], "dirk", "internist-oost", "TREAT";
    ehds_shows_everybody_else_what_one_hospital_is_not_shown: ["ehds"], "dirk", "huisarts-brug", "TREAT";
    ehds_shows_nothing_where_a_consent_cannot_be_read: ["ehds"], "henk", "huisarts-brug", "TREAT";
    ehds_lets_break_glass_show_what_nobody_objects_to: ["ehds"], "anna", "seh-arts", "BTG";
    ehds_lets_no_break_glass_go_before_an_objection: ["ehds"], "kees", "seh-arts", "BTG";
    wgbo_shows_a_patient_to_their_general_practitioner: ["wgbo"], "anna", "huisarts-brug", "TREAT";
    wgbo_shows_nothing_to_another_general_practitioner: ["wgbo"], "anna", "huisarts-noord", "TREAT";
    wgbo_shows_a_patient_to_a_member_of_their_team: ["wgbo"], "ilse", "internist-oost", "TREAT";
    wgbo_shows_nothing_to_a_colleague_outside_the_team: ["wgbo"], "ilse", "seh-arts", "TREAT";
    wgbo_shows_nothing_to_a_member_of_a_team_that_is_no_more: ["wgbo"], "ilse", "apotheker", "TREAT";
    wgbo_shows_a_patient_to_who_has_an_episode_of_care: ["wgbo"], "ilse", "huisarts-noord", "TREAT";
    wgbo_shows_nothing_after_an_episode_of_care: ["wgbo"], "ilse", "huisarts-brug", "TREAT";
    wgbo_shows_nothing_over_an_objection_inside_a_relation: ["wgbo"], "kees", "huisarts-brug", "TREAT";
    wgbo_lets_break_glass_make_up_for_a_relation: ["wgbo"], "ilse", "seh-arts", "BTG";
    wgbo_lets_no_break_glass_go_before_an_objection: ["wgbo"], "kees", "seh-arts", "BTG";
    acute_shows_the_acute_data_set_and_nothing_else: ["acute"], "ilse", "seh-arts", "ETREAT";
    acute_shows_nothing_over_an_objection: ["acute"], "kees", "seh-arts", "ETREAT";
    acute_shows_nothing_to_the_hospital_that_is_objected_to: ["acute"], "dirk", "seh-arts", "ETREAT";
    acute_lets_break_glass_show_the_acute_data_set: ["acute"], "ilse", "seh-arts", "BTG";
    acute_lets_no_break_glass_go_before_an_objection: ["acute"], "kees", "seh-arts", "BTG";
    a_chain_shows_nothing_that_neither_policy_grants: ["wabvpz", "acute"], "ilse", "seh-arts", "TREAT";
    a_chain_shows_what_the_second_policy_grants: ["wabvpz", "acute"], "ilse", "seh-arts", "ETREAT";
    a_chain_shows_what_a_rule_permits_before_any_policy: ["wabvpz", "acute"], "bram", "huisarts-brug", "ETREAT";
    a_chain_shows_nothing_over_an_objection: ["wabvpz", "acute"], "kees", "seh-arts", "ETREAT";
    a_chain_lets_break_glass_show_what_the_first_policy_lets_it: ["wabvpz", "acute"], "ilse", "seh-arts", "BTG";
}

/// Percent-encoded, as it is sent.
const REASON: &str = "found%20unconscious";

fn holds(policies: &[&str], patient: &str, caller: &str, purpose: &str) -> Tried {
    let mut bench = Bench::loaded()?;
    let story = bench.story_under(policies, patient, caller, purpose)?;
    // By POST only what there is of the patient is asked for; reads and what is as unknown are by GET.
    shows(&mut bench, &story, Ways::Post)?;
    reads(&mut bench, &story)?;
    if story.sees == Sees::Nothing {
        is_as_unknown(&mut bench, &story)?;
    }
    Ok(())
}

#[test]
fn every_story_of_policies_is_covered_and_one_that_shows_nothing_has_a_twin_that_does() -> Tried {
    let bench = Bench::loaded()?;
    let stories = &bench.of_policies;
    let same = stories.iter().zip(COVERED).all(|(story, (policies, patient, caller, purpose))| {
        story.policies == *policies
            && (story.patient.as_str(), story.caller.as_str()) == (*patient, *caller)
            && story.purpose == *purpose
    });
    assert!(same && stories.len() == COVERED.len());
    for story in stories.iter().filter(|story| story.sees == Sees::Nothing) {
        let is_twin = |other: &&Story| {
            other.policies == story.policies
                && other.sees != Sees::Nothing
                && (other.patient == story.patient || other.caller == story.caller)
        };
        assert!(stories.iter().any(|other| is_twin(&other)), "{}", story.name());
    }
    Ok(())
}

/// Asks for something below the base.
fn ask(
    gateway: &Gateway,
    caller: &str,
    target: &str,
    purpose: &str,
    reason: Option<&str>,
) -> Result<Response, Box<dyn Error>> {
    let question = Question::get(&format!("{}/{target}", gateway.base_path())).for_purpose(purpose, reason);
    Ok(gateway.client(caller)?.ask(&question)?)
}

/// Asserts that a question is refused in one way, whoever it is about: who decided nothing, who objects, nobody.
#[track_caller]
fn is_refused_alike(gateway: &Gateway, caller: &str, purpose: &str, reason: Option<&str>, status: u16) -> Tried {
    let mut bodies = BTreeSet::new();
    for patient in ["ilse", "kees", "none"] {
        let response = ask(gateway, caller, &format!("AllergyIntolerance?patient={patient}"), purpose, reason)?;
        assert_eq!(response.status, status, "{caller} for {purpose}: {}", response.text());
        bodies.insert(response.body);
    }
    assert_eq!(bodies.len(), 1);
    Ok(())
}

#[test]
fn ehds_admits_no_one_without_a_proven_role_and_no_research() -> Tried {
    let mut bench = Bench::loaded()?;
    let gateway = bench.under(&["ehds"])?;
    for caller in ["assistent", "systeem"] {
        is_refused_alike(gateway, caller, "TREAT", None, 403)?;
    }
    is_refused_alike(gateway, "huisarts-noord", "HRESCH", None, 403)?;
    assert_eq!(ask(gateway, "huisarts-noord", "AllergyIntolerance?patient=ilse", "TREAT", None)?.status, 200);
    Ok(())
}

#[test]
fn acute_admits_emergencies_alone_with_a_reason_and_of_who_may_declare_them() -> Tried {
    let mut bench = Bench::loaded()?;
    let gateway = bench.under(&["acute"])?;
    is_refused_alike(gateway, "seh-arts", "TREAT", None, 403)?;
    is_refused_alike(gateway, "seh-arts", "TREAT", Some(REASON), 403)?;
    is_refused_alike(gateway, "seh-arts", "ETREAT", None, 400)?;
    is_refused_alike(gateway, "apotheker", "ETREAT", Some(REASON), 403)?;
    let response = ask(gateway, "seh-arts", "AllergyIntolerance?patient=ilse", "ETREAT", Some(REASON))?;
    assert_eq!(response.status, 200, "{}", response.text());
    Ok(())
}

#[test]
fn what_is_not_in_the_acute_data_set_is_not_offered_under_acute_whoever_it_is_about() -> Tried {
    let mut bench = Bench::loaded()?;
    let gateway = bench.under(&["acute"])?;
    for kind in ["Encounter", "Immunization", "CareTeam", "Procedure", "DocumentReference"] {
        let about =
            |patient: &str| ask(gateway, "seh-arts", &format!("{kind}?patient={patient}"), "ETREAT", Some(REASON));
        let (known, unknown) = (about("ilse")?, about("none")?);
        assert_eq!((known.status, unknown.status), (403, 403), "{kind}: {}", known.text());
        assert_eq!(known.text(), unknown.text());
    }
    // The twin: a chain in which another policy admits them, and a rule of the patient shows them.
    let gateway = bench.under(&["wabvpz", "acute"])?;
    let response = ask(gateway, "huisarts-brug", "Encounter?patient=bram", "ETREAT", Some(REASON))?;
    assert!(response.text().contains("bram-encounter-1"), "{}", response.text());
    Ok(())
}

#[test]
fn research_is_refused_at_the_start_and_by_check_and_both_say_why() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().to_owned();
    let site = &mut bench.site;
    for policies in [&["research"][..], &["ehds", "research"]] {
        for subcommand in ["check", "serve"] {
            let (code, said) = site.told(subcommand, &Setting::under(&upstream, policies))?;
            assert_eq!(code, Some(1), "{subcommand} {policies:?}: {said}");
            assert!(said.contains("research") && said.contains("pseudonymised"), "{subcommand} {policies:?}: {said}");
        }
    }
    let (code, said) = site.told("check", &Setting::under(&upstream, &["ehds", "acute"]))?;
    assert_eq!(code, Some(0), "{said}");
    Ok(())
}

/// Returns what is at `pointer`, or null.
fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

#[test]
fn break_glass_needs_a_reason_and_a_doctor_and_is_on_record_and_on_the_list_to_review() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().to_owned();
    let gateway = bench.site.start(&Setting::before(&upstream))?;
    is_refused_alike(&gateway, "seh-arts", "BTG", None, 400)?;
    is_refused_alike(&gateway, "apotheker", "BTG", Some(REASON), 403)?;
    assert_eq!(ask(&gateway, "apotheker", "AllergyIntolerance?patient=ilse", "TREAT", None)?.status, 200);
    let mut client = gateway.client("seh-arts")?;
    let mut shown = |target: &str, purpose: &str, reason: Option<&str>, id: &str| -> Result<usize, Box<dyn Error>> {
        let question = Question::get(&format!("{}/{target}", gateway.base_path())).for_purpose(purpose, reason);
        count(&mut client, &question.with("X-Request-Id", id))
    };
    assert_eq!(shown("Condition?patient=ilse", "TREAT", None, "treatment")?, 0);
    assert_eq!(shown("Condition?patient=ilse", "BTG", Some(REASON), "glass-1")?, 1);
    assert_eq!(shown("Observation?patient=ilse", "BTG", Some("still%20unconscious"), "glass-2")?, 2);
    // Its twin on the list: a rule shows it, and the purpose needed a reason.
    assert!(shown("Condition?patient=fatima", "ETREAT", Some(REASON), "emergency")? > 0);
    drop(client);

    let journal = gateway.stop()?;
    assert_eq!(journal.verify()?, "intact");
    let intents = journal.on_record("intent", "glass-1")?;
    let [intent] = intents.as_slice() else { return Err("no single intent".into()) };
    assert_eq!(
        (at(intent, "/ground"), at(intent, "/purpose"), at(intent, "/reason")),
        (&json!("break-glass"), &json!("BTG"), &json!("found unconscious"))
    );
    let emergencies = journal.on_record("intent", "emergency")?;
    assert_eq!(emergencies.iter().map(|intent| at(intent, "/ground")).collect::<Vec<_>>(), [&json!("rule-permits")]);

    let list = journal.review()?;
    let told: Vec<Value> = list
        .iter()
        .map(|item| {
            let requests =
                at(item, "/requests").as_array().into_iter().flatten().map(|one| at(one, "/request").clone());
            json!([
                at(item, "/kind"),
                at(item, "/who/uzi"),
                at(item, "/patient"),
                at(item, "/reasons"),
                requests.collect::<Vec<_>>()
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!([
                "break-glass",
                "900000104",
                ["Patient/ilse"],
                ["found unconscious", "still unconscious"],
                ["glass-1", "glass-2"]
            ]),
            json!(["reason", "900000104", ["Patient/fatima"], ["found unconscious"], ["emergency"]]),
        ]
    );
    Ok(())
}

#[test]
fn the_record_names_what_shows_a_relation_and_one_that_ends_counts_within_the_greatest_age() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().to_owned();
    let gateway = bench.site.start(&Setting { max_age: Some("1s"), ..Setting::under(&upstream, &["wgbo"]) })?;
    let about = |patient: &str, id: &str| {
        let target = format!("{}/Condition?patient={patient}", gateway.base_path());
        Question::get(&target).for_purpose("TREAT", None).with("X-Request-Id", id)
    };
    let mut noord = gateway.client("huisarts-noord")?;
    for (client, patient, id) in [
        (&mut gateway.client("huisarts-brug")?, "anna", "practitioner"),
        (&mut gateway.client("internist-oost")?, "ilse", "team"),
        (&mut noord, "ilse", "episode"),
    ] {
        assert!(count(client, &about(patient, id))? > 0, "{id}");
    }
    let episode = bench.records.iter().find(|record| record.reference() == "EpisodeOfCare/ilse-episode-1").cloned();
    let episode = episode.ok_or("Ilse's episode of care is not in the records")?;
    let over = Record::read(&episode.raw().replacen(r#""status": "active""#, r#""status": "finished""#, 1))?;
    assert_ne!(episode.raw(), over.raw());
    let question = about("ilse", "relation");
    bench.hapi.put(&over)?;
    assert!(settles(&mut noord, &question, |count| count == 0)?, "over, and still shown");
    bench.hapi.put(&episode)?;
    assert!(settles(&mut noord, &question, |count| count > 0)?, "goes on, and still not shown");
    drop(noord);

    let journal = gateway.stop()?;
    assert_eq!(journal.verify()?, "intact");
    let shown_by = ["practitioner", "team", "episode"].map(|id| {
        let intents = journal.on_record("intent", id).unwrap_or_default();
        intents.first().map(|intent| at(intent, "/authorisation/relation").clone())
    });
    let names = ["Patient/anna", "CareTeam/ilse-careteam-1", "EpisodeOfCare/ilse-episode-1"];
    assert_eq!(shown_by, names.map(|name| Some(json!(name))));
    Ok(())
}

#[test]
fn what_inherits_a_label_is_withheld_by_the_rule_about_it_and_not_for_what_it_refers_to() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().to_owned();
    // What no table knows counts as normal here, so that only a label can be the cause.
    let gateway = bench.site.start(&Setting { unlabelled: Some("normal"), ..Setting::before(&upstream) })?;
    let shown = |client: &mut Client, kind: &str, id: &str| {
        let target = format!("{}/{kind}?patient=lena&_count=100", gateway.base_path());
        count(client, &Question::get(&target).for_purpose("TREAT", None).with("X-Request-Id", id))
    };
    let (mut noord, mut brug) = (gateway.client("huisarts-noord")?, gateway.client("huisarts-brug")?);
    assert_eq!(shown(&mut noord, "Observation", "results")?, 2);
    assert_eq!(shown(&mut noord, "MedicationRequest", "prescriptions")?, 1);
    // The twin: no rule withholds anything from her own GP.
    assert_eq!(shown(&mut brug, "Observation", "all-results")?, 5);
    assert_eq!(shown(&mut brug, "MedicationRequest", "all-prescriptions")?, 2);
    drop((noord, brug));

    let journal = gateway.stop()?;
    let withheld = |id: &str| {
        let closed = journal.on_record("close", id)?;
        Ok::<_, Box<dyn Error>>(closed.first().map(|record| at(record, "/withheld").clone()))
    };
    let results = ["derived", "load", "twice"].map(|name| format!("Observation/lena-observation-{name}"));
    let named = |value: Option<Value>| -> BTreeSet<String> {
        let rules = value.map(|value| at(&value, "/rule-denies").clone());
        rules.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    assert_eq!(named(withheld("results")?), BTreeSet::from(results));
    let prescriptions = BTreeSet::from(["MedicationRequest/lena-medicationrequest-2".to_owned()]);
    assert_eq!(named(withheld("prescriptions")?), prescriptions);
    for id in ["all-results", "all-prescriptions"] {
        assert!(named(withheld(id)?).is_empty());
    }
    Ok(())
}
