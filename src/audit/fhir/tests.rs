mod rules;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Part, audit_events};
use crate::audit::tests::{Story, Written, emergency};
use crate::audit::{Accesses, Event, EventKind, Interaction, Outcome, Record, Review, Sink as _, read};
use crate::consent::Ground;
use crate::identity::{CardType, StatementKind};

/// One request of each kind, and each event.
fn stories() -> Vec<Story> {
    let denied = |id, ground, consents| Story {
        id,
        ground: Some(ground),
        permitted: false,
        consents,
        outcome: Outcome::Refused,
        cause: Some(ground.code()),
        released: &[],
        withheld: &[],
        ..Story::default()
    };
    vec![
        Story::default(),
        Story {
            id: "read",
            interaction: Some(Interaction::Read),
            target: "/fhir/Condition/1",
            released: &["Condition/1"],
            withheld: &[],
            ..Story::default()
        },
        Story {
            id: "unseen",
            interaction: Some(Interaction::Read),
            target: "/fhir/Condition/hidden",
            outcome: Outcome::Refused,
            cause: Some("not-visible"),
            released: &[],
            ..Story::default()
        },
        Story { id: "system", card: CardType::System, ..Story::default() },
        Story { id: "iua", card: CardType::System, statement: Some(StatementKind::Iua), ..Story::default() },
        Story { id: "dezi", card: CardType::System, statement: Some(StatementKind::Dezi), ..Story::default() },
        Story { id: "two-records", patient: &["Patient/1", "Patient/11"], ..Story::default() },
        Story { id: "own", ura: "00000002", ..Story::default() },
        Story { id: "cut-off", outcome: Outcome::CutOff, ..Story::default() },
        Story {
            id: "break-glass",
            purpose: "BTG",
            ground: Some(Ground::BreakGlass),
            consents: &[],
            review: emergency(),
            ..Story::default()
        },
        Story { id: "reasoned", purpose: "ETREAT", review: Some(Review::Reason), ..Story::default() },
        denied("denied", Ground::RuleDenies, &["Consent/8"]),
        denied("nothing-on-file", Ground::NothingOnFile, &[]),
        Story { patient: &[], ..denied("role", Ground::RoleNotAdmitted, &[]) },
        Story {
            id: "not-understood",
            interaction: None,
            target: "/fhir/Condition?patient=1&_has=x",
            patient: &[],
            ground: None,
            permitted: false,
            outcome: Outcome::Refused,
            cause: Some("unsupported"),
            released: &[],
            withheld: &[],
            ..Story::default()
        },
        Story {
            id: "metadata",
            interaction: Some(Interaction::Capabilities),
            target: "/fhir/metadata",
            patient: &[],
            ground: None,
            permitted: false,
            released: &[],
            withheld: &[],
            ..Story::default()
        },
    ]
}

fn made(story: &Story, part: Part) -> Vec<Value> {
    let written = Written::default();
    story.tell(&written);
    values(&written, part)
}

fn values(written: &Written, part: Part) -> Vec<Value> {
    let events = written.told().0.iter().flat_map(|told| audit_events(told, part)).collect::<Vec<_>>();
    events.iter().map(|event| serde_json::from_str(&event.to_json()).unwrap()).collect()
}

fn of_story(id: &str) -> Vec<Value> {
    made(stories().iter().find(|story| story.id == id).unwrap(), Part::Open)
}

fn occurrences() -> Vec<Value> {
    let written = Written::default();
    let address = "192.0.2.9:1".parse().unwrap();
    written.append(Event::new(EventKind::Start).at("00000002", "https://sluis.example/fhir").into());
    written.append(Event::new(EventKind::HandshakeFailed).from_address(address).because(["expired"]).into());
    written.append(Event::new(EventKind::IdentityRefused).from_address(address).because(["role"]).into());
    written.append(Event::new(EventKind::Trust).with("state", "broken").into());
    written.append(Event::new(EventKind::Segment).carrying([]).into());
    written.append(Event::new(EventKind::Dropped).counting("count", 7).into());
    written.append(Event::new(EventKind::Explained).with("user", "1000").about(["Patient/1"]).into());
    written.append(Event::new(EventKind::Stop).into());
    values(&written, Part::Open)
}

/// What a request comes to: the end of the profile or of the kind, and the outcome.
fn shape(events: &[Value]) -> Vec<(String, String)> {
    let of = |event: &Value| {
        let profile = event["meta"]["profile"][0].as_str().map(|url| url.rsplit("BasicAudit.").next().unwrap());
        let kind = event["type"]["code"].as_str().unwrap();
        (profile.unwrap_or(kind).to_owned(), event["outcome"].as_str().unwrap().to_owned())
    };
    events.iter().map(of).collect()
}

#[test]
fn each_kind_of_request_makes_the_events_of_its_patterns() {
    for (id, expected) in [
        ("search", vec![("PatientQuery", "0"), ("AuthZconsent", "0"), ("PrivacyDisclosure.Source", "0")]),
        ("read", vec![("PatientRead", "0"), ("AuthZconsent", "0"), ("PrivacyDisclosure.Source", "0")]),
        ("unseen", vec![("rest", "4"), ("AuthZconsent", "0")]),
        ("own", vec![("PatientQuery", "0"), ("AuthZconsent", "0")]),
        ("cut-off", vec![("rest", "8"), ("AuthZconsent", "0"), ("PrivacyDisclosure.Source", "8")]),
        (
            "break-glass",
            vec![("PatientQuery", "0"), ("110113", "0"), ("110113", "0"), ("PrivacyDisclosure.Source", "0")],
        ),
        ("denied", vec![("rest", "4"), ("AuthZconsent", "8")]),
        ("nothing-on-file", vec![("rest", "4"), ("110113", "8")]),
        ("role", vec![("rest", "4"), ("110113", "8")]),
        ("not-understood", vec![("rest", "4")]),
        ("metadata", vec![("rest", "0")]),
    ] {
        let expected: Vec<_> = expected.iter().map(|(kind, outcome)| ((*kind).into(), (*outcome).into())).collect();
        assert_eq!(shape(&of_story(id)), expected, "{id}");
    }
    assert_eq!(of_story("two-records").len(), 6);
}

/// Who acts is the user, the system an end of the connection, and the token is named by its id and never as it is.
#[test]
fn who_acts_behind_a_system_is_the_user_and_their_token_is_named_by_its_id() {
    for (id, profiles) in [("iua", 2), ("dezi", 1), ("system", 1)] {
        let events = of_story(id);
        let (interaction, decision) = (&events[0], &events[1]);
        assert_eq!(interaction["meta"]["profile"].as_array().unwrap().len(), profiles, "{id}");
        let agent = |event: &Value, code: &str| {
            let all = event["agent"].as_array().unwrap();
            all.iter().find(|agent| agent["type"]["coding"][0]["code"] == code).cloned().unwrap_or_default()
        };
        let user = agent(interaction, "IRCP");
        let (system, number, role) = match id {
            "system" => ("uzi-nr-sys", "900000001", "00.000"),
            _ => ("uzi-nr-pers", "900022159", "01.015"),
        };
        let named = json!({"system": format!("http://fhir.nl/fhir/NamingSystem/{system}"), "value": number});
        assert_eq!((&user["who"]["identifier"], &user["role"][0]["coding"][0]["code"]), (&named, &json!(role)), "{id}");
        let token = agent(interaction, "UserOauthAgent");
        let of_token =
            decision["entity"].as_array().unwrap().iter().find(|one| one["type"]["code"] == "UserOauthAgent");
        if id == "system" {
            assert!(token.is_null() && of_token.is_none() && agent(interaction, "110153")["altId"].is_null());
        } else {
            assert_eq!(user["name"], "J. Jansen");
            assert_eq!(token["policy"], json!(["urn:ietf:params:oauth:jti:token-1"]));
            assert_eq!(token["who"]["identifier"], json!({"system": "https://as.example", "value": "900022159"}));
            assert_eq!(of_token.unwrap()["what"]["identifier"]["value"], "urn:ietf:params:oauth:jti:token-1");
            assert_eq!(agent(interaction, "110153")["altId"], "900000001");
        }
    }
}

#[test]
fn events_of_the_gateway_are_those_of_dicom() {
    let events = occurrences();
    let shape = |event: &Value| {
        json!([event["type"]["code"], event["subtype"][0]["code"], event["outcome"], event["outcomeDesc"]])
    };
    assert_eq!(
        events.iter().map(shape).collect::<Vec<_>>(),
        [
            json!(["110100", "110120", "0", "start"]),
            json!(["110113", "110126", "4", "handshake-failed expired"]),
            json!(["110113", "110126", "4", "identity-refused role"]),
            json!(["110113", "110129", "8", "trust broken"]),
            json!(["110113", "110133", "4", "dropped 7"]),
            json!(["110113", "110132", "0", "explained"]),
            json!(["110100", "110121", "0", "stop"]),
        ]
    );
    assert!(events.iter().all(|event| event["source"]["observer"]["identifier"]["value"] == "00000002"));
}

/// Another kind stops the build here: it needs a code of its own, or a reason to have no AuditEvent.
fn code_of(kind: EventKind) -> Option<(&'static str, Option<&'static str>)> {
    match kind {
        EventKind::Start => Some(("110100", Some("110120"))),
        EventKind::Stop => Some(("110100", Some("110121"))),
        EventKind::HandshakeFailed | EventKind::IdentityRefused => Some(("110113", Some("110126"))),
        EventKind::Configuration | EventKind::Trust | EventKind::Removed => Some(("110113", Some("110129"))),
        EventKind::Recovered => Some(("110113", Some("110134"))),
        EventKind::Dropped => Some(("110113", Some("110133"))),
        EventKind::TurnedAway => Some(("110113", None)),
        EventKind::Explained => Some(("110113", Some("110132"))),
        EventKind::Reviewed | EventKind::Read | EventKind::LogShown | EventKind::LogRefused => Some(("110101", None)),
        // These concern the files of the journal alone.
        EventKind::Segment | EventKind::Checkpoint => None,
    }
}

#[test]
fn every_kind_of_event_has_its_code_and_none_is_told_as_one_that_is_not_known() {
    for kind in [
        EventKind::Start,
        EventKind::Stop,
        EventKind::HandshakeFailed,
        EventKind::IdentityRefused,
        EventKind::Configuration,
        EventKind::Trust,
        EventKind::Removed,
        EventKind::LogShown,
        EventKind::LogRefused,
        EventKind::Recovered,
        EventKind::Dropped,
        EventKind::TurnedAway,
        EventKind::Explained,
        EventKind::Reviewed,
        EventKind::Read,
        EventKind::Segment,
        EventKind::Checkpoint,
    ] {
        let written = Written::default();
        written.append(Event::new(kind).into());
        let made = values(&written, Part::Open);
        let codes = made.first().map(|event| {
            (
                event["type"]["code"].as_str().unwrap().to_owned(),
                event["subtype"][0]["code"].as_str().map(str::to_owned),
            )
        });
        let expected = code_of(kind).map(|(code, subtype)| (code.to_owned(), subtype.map(str::to_owned)));
        assert_eq!(codes, expected, "{}", kind.code());
    }
}

#[test]
fn a_repeat_makes_the_same_events_and_no_two_have_one_id() {
    let written = Written::default();
    stories().iter().for_each(|story| story.tell(&written));
    let events = values(&written, Part::Protected);
    assert_eq!(events, values(&written, Part::Protected));
    let ids: BTreeSet<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
}

/// What a forwarder does that was stopped anywhere.
#[test]
fn whoever_begins_again_at_the_first_record_that_is_needed_tells_what_follows_the_same_way() {
    let written = Written::default();
    written.append(Event::new(EventKind::Start).at("00000002", "https://sluis.example/fhir").into());
    let slow = Story { id: "slow", ..Story::default() }.begin(&written);
    stories().iter().for_each(|story| story.tell(&written));
    let killed = Story { id: "killed", patient: &["Patient/7"], ..Story::default() }.begin(&written);
    written.append(Event::new(EventKind::Trust).with("state", "renewed").into());
    written.append(Event::new(EventKind::Trust).with("state", "broken").into());
    drop(slow);
    written.append(Record::abandoned(Some("killed"), Some("rule-permits")));
    std::mem::forget(killed);
    written.append(Event::new(EventKind::Stop).into());
    let lines = written.lines();
    let tell = |accesses: &mut Accesses, line: &Vec<u8>| {
        let told = accesses.take(&read(line).unwrap(), line).unwrap();
        told.map_or(Vec::new(), |told| audit_events(&told, Part::Protected))
    };
    let mut resumed_late = 0;
    for cut in 0..=lines.len() {
        let (before, behind) = lines.split_at(cut);
        let mut first = Accesses::default();
        before.iter().for_each(|line| drop(tell(&mut first, line)));
        let from = first.needs().map_or(cut, |seq| usize::try_from(seq).unwrap() - 1);
        resumed_late += usize::from(from > 0);
        let mut second = Accesses::default();
        before[from..].iter().for_each(|line| drop(tell(&mut second, line)));
        for line in behind {
            assert_eq!(tell(&mut first, line), tell(&mut second, line), "behind {cut}");
        }
    }
    // It need not be the first record each time.
    assert!(resumed_late > 2);
}

/// Whoever may read AuditEvents learns neither what was withheld nor that a read met something hidden.
#[test]
fn what_was_withheld_is_named_in_the_protected_part_alone() {
    for story in stories() {
        let open = made(&story, Part::Open);
        let text = json!(open).to_string();
        assert!(!text.contains("hidden") && !text.contains("not-visible"), "{}: {text}", story.id);
        for event in open.iter().filter(|event| event["entity"].is_array()) {
            for query in event["entity"].as_array().unwrap().iter().filter_map(|entity| entity["query"].as_str()) {
                use base64::Engine as _;
                let raw = base64::engine::general_purpose::STANDARD.decode(query).unwrap();
                assert!(!String::from_utf8(raw).unwrap().contains("hidden"), "{}", story.id);
            }
        }
        let protected = made(&story, Part::Protected);
        assert!(open.iter().all(|event| protected.contains(event)), "{}", story.id);
        let named = json!(protected).to_string();
        assert_eq!(named.contains("Condition/hidden"), !story.withheld.is_empty(), "{}", story.id);
        assert_eq!(named.contains("very restricted"), protected.len() > open.len());
    }
}

#[test]
fn a_person_a_system_and_an_older_record_are_each_told_as_what_they_are() {
    let user = |id: &str| of_story(id)[0]["agent"][2].clone();
    let (person, system) = (user("search"), user("system"));
    assert_eq!(person["who"]["identifier"]["system"], "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers");
    assert_eq!((&person["role"][0]["coding"][0]["code"], &person["name"]), (&json!("01.015"), &json!("Jo de Wit")));
    assert_eq!(system["who"]["identifier"]["system"], "http://fhir.nl/fhir/NamingSystem/uzi-nr-sys");
    assert_eq!(system["role"][0]["coding"][0]["code"], "00.000");
    // A record without the base of the gateway: a pattern that asks for it is not claimed.
    let written = Written::default();
    Story::default().tell(&written);
    let mut told = written.told().0;
    if let crate::audit::Told::Access(access) = &mut told[0] {
        access.facts.source.as_mut().unwrap().base = None;
    }
    let events = audit_events(&told[0], Part::Open);
    assert!(events.iter().all(|event| event.0["meta"].is_null()), "{events:?}");
}
