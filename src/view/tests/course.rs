//! The course of an answer: pages, includes, reads, and what stops it.

use super::upstream::Upstream;
use super::*;
use crate::consent::Sight;

fn observation(id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/a"}}{members}}}"#)
}

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

fn released(given: &Given) -> Vec<&str> {
    given.report.released.iter().map(String::as_str).collect()
}

fn next(given: &Given) -> Option<usize> {
    match given.ending {
        Ending::Searchset { next_skip } => next_skip,
        Ending::Resource | Ending::NotVisible => panic!("no searchset"),
    }
}

#[test]
fn a_page_is_refilled_and_next_is_there_only_if_a_visible_match_follows() {
    let _turn = one_at_a_time();
    let resources: Vec<_> =
        (0..9).map(|index| observation(&format!("o{index}"), if index % 2 == 0 { "" } else { RESTRICTED })).collect();
    for page in [1, 2, 3, 100] {
        let upstream = Upstream::new(resources.clone(), page);
        let given = ask(&upstream, labels(), "Observation?patient=a&_count=2", 0, 64).unwrap();
        assert_eq!((released(&given), next(&given)), (vec!["Observation/o0", "Observation/o2"], Some(2)));
        let given = ask(&upstream, labels(), "Observation?patient=a&_count=2", 2, 64).unwrap();
        assert_eq!((released(&given), next(&given)), (vec!["Observation/o4", "Observation/o6"], Some(4)));
        let given = ask(&upstream, labels(), "Observation?patient=a&_count=2", 4, 64).unwrap();
        assert_eq!((released(&given), next(&given)), (vec!["Observation/o8"], None));
    }
}

#[test]
fn the_searchset_is_ours_around_the_servers_resources() {
    let _turn = one_at_a_time();
    let resource = observation("o", r#","valueQuantity":{"value":1.50 },"text":{"status":"generated","div":"<div/>"}"#);
    let given = ask(&Upstream::new([resource.clone()], 9), straight(), "Observation?patient=a", 0, 5).unwrap();
    let scrubbed = resource.replace(r#","text":{"status":"generated","div":"<div/>"}"#, "");
    assert_eq!(
        given.body,
        format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"fullUrl":"https://gw/fhir/Observation/o","resource":{scrubbed},"search":{{"mode":"match"}}}}],"link":[{{"relation":"self","url":"https://gw/fhir/Observation?patient=a&_count=20"}}]}}"#
        )
    );
}

#[test]
fn nothing_visible_is_the_same_as_nothing_there() {
    let _turn = one_at_a_time();
    let hidden =
        ask(&Upstream::new([observation("o", RESTRICTED)], 9), labels(), "Observation?patient=a", 0, 64).unwrap();
    let nothing = ask(&Upstream::new([], 9), labels(), "Observation?patient=a", 0, 64).unwrap();
    let denied =
        empty_searchset("https://gw/fhir/Observation?patient=a&_count=20", Tally::Unsaid, Notice::None).into_bytes();
    assert_eq!(hidden.body, nothing.body);
    assert_eq!(hidden.body.as_bytes(), denied);
}

#[test]
fn includes_follow_the_matches_once_each_by_type_and_id() {
    let _turn = one_at_a_time();
    let request = |id: &str, medication: &str, requester: &str| {
        format!(
            r#"{{"resourceType":"MedicationRequest","id":"{id}","subject":{{"reference":"Patient/a"}},"medicationReference":{{"reference":"Medication/{medication}"}},"requester":{{"reference":"Practitioner/{requester}"}}}}"#
        )
    };
    let resources = [
        request("r1", "z", "p"),
        request("r2", "y", "p"),
        request("r3", "z", "q"),
        request("r4", "w", "q"),
        r#"{"resourceType":"Medication","id":"w"}"#.to_owned(),
        r#"{"resourceType":"Medication","id":"z"}"#.to_owned(),
        r#"{"resourceType":"Medication","id":"y"}"#.to_owned(),
        r#"{"resourceType":"Practitioner","id":"p"}"#.to_owned(),
        r#"{"resourceType":"Practitioner","id":"q"}"#.to_owned(),
    ];
    let target = "MedicationRequest?patient=a&_count=3&_include=MedicationRequest:medication";
    for plan in [straight, labels] {
        let given = ask(&Upstream::new(resources.clone(), 2), plan(), target, 0, 64).unwrap();
        assert_eq!(
            released(&given),
            ["MedicationRequest/r1", "MedicationRequest/r2", "MedicationRequest/r3", "Medication/y", "Medication/z"]
        );
        assert_eq!(given.body.matches(r#""mode":"include""#).count(), 2);
    }
}

#[test]
fn a_read_gives_the_resource_or_nothing_that_tells_why() {
    let _turn = one_at_a_time();
    let upstream = Upstream::new([observation("v", ""), observation("h", RESTRICTED)], 9);
    let read = |id: &str| ask(&upstream, labels(), &format!("Observation/{id}"), 0, 64).unwrap();
    assert_eq!((read("v").ending, read("v").body), (Ending::Resource, observation("v", "")));
    for id in ["h", "absent"] {
        assert_eq!((read(id).ending, read(id).body), (Ending::NotVisible, String::new()), "{id}");
    }
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let _turn = one_at_a_time();
    let bundle = |entry: &str| format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{entry}]}}"#);
    let asked = r#"{"resource":{"resourceType":"Condition","id":"1","subject":{"reference":"Patient/a"}}}"#;
    for (body, error) in [
        (bundle(asked), ViewError::NotAsked),
        (bundle(r#"{"resource":{"resourceType":"Observation"}}"#), ViewError::MalformedResource),
        (bundle(r#"{"resource":{"resourceType":"Observation","id":"1","id":"2"}}"#), ViewError::NotStrictJson),
        ("<html>".to_owned(), ViewError::NotASearchset),
        (
            r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"http://upstream/fhir/Observation?_count=9"}]}"#
                .to_owned(),
            ViewError::NotEchoed,
        ),
        (
            r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"http://upstream/fhir/Observation?patient=a"}]}"#
                .to_owned(),
            ViewError::NotEchoed,
        ),
        (
            r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"http://elsewhere/fhir?x=y"}]}"#
                .to_owned(),
            ViewError::ForeignLink,
        ),
    ] {
        let mut answer = observations();
        assert!(matches!(answer.step(), Step::Ask(_)));
        let result = answer.push(body.as_bytes()).and_then(|()| answer.end_of_body());
        assert_eq!(result, Err(error), "{body}");
        assert_eq!(answer.push(b"{}"), Err(ViewError::OutOfStep));
        assert_eq!(answer.step(), Step::End(Ending::NotVisible));
        assert!(answer.close(None).is_empty(), "what failed never ends as if it were whole");
    }
}

#[test]
fn a_page_that_leads_to_itself_is_no_page() {
    let _turn = one_at_a_time();
    let body = r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"http://upstream/fhir?again"}]}"#;
    let mut answer = observations();
    let mut pages = 0;
    let result = loop {
        assert!(matches!(answer.step(), Step::Ask(_)));
        answer.push(body.as_bytes()).unwrap();
        pages += 1;
        if let Err(error) = answer.end_of_body() {
            break error;
        }
    };
    assert_eq!((result, result.origin(), pages), (ViewError::Circle, Origin::Upstream, 2));
}

#[test]
fn two_pages_that_lead_to_each_other_are_no_pages() {
    let _turn = one_at_a_time();
    let page = |next: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"searchset","link":[{{"relation":"next","url":"http://upstream/fhir?{next}"}}]}}"#
        )
    };
    let mut answer = observations();
    for (next, ended) in [("one", Ok(())), ("other", Ok(())), ("one", Err(ViewError::Circle))] {
        assert!(matches!(answer.step(), Step::Ask(_)));
        answer.push(page(next).as_bytes()).unwrap();
        assert_eq!(answer.end_of_body(), ended, "{next}");
    }
}

#[test]
fn a_read_that_answers_with_another_resource_is_refused() {
    let _turn = one_at_a_time();
    for body in [observation("other", ""), observation("v", "").replace("Observation", "Condition")] {
        let surroundings = surroundings();
        let Query::Read(read) = query("Observation/v", &surroundings) else { panic!("a read") };
        let mut answer = Answer::read(read, straight(), surroundings);
        assert!(matches!(answer.step(), Step::Ask(_)));
        answer.push(body.as_bytes()).unwrap();
        assert_eq!(answer.end_of_body(), Err(ViewError::NotAsked));
    }
}

#[test]
fn references_to_the_person_and_inside_the_page_cost_no_look_up() {
    let _turn = one_at_a_time();
    let resources = [
        observation("o1", r#","hasMember":[{"reference":"Observation/o2"}],"performer":[{"reference":"Patient/a2"}]"#),
        observation("o2", ""),
    ];
    let upstream = Upstream::new(resources, 9);
    let given = ask(&upstream, labels(), "Observation?patient=a", 0, 64).unwrap();
    assert_eq!((released(&given).len(), upstream.asked().len()), (2, 1));
}

#[test]
fn the_straight_path_looks_nothing_up_but_consents() {
    let _turn = one_at_a_time();
    let resources = [
        observation("o1", r#","encounter":{"reference":"Encounter/gone"}"#),
        observation("o2", r#","extension":[{"url":"x","valueReference":{"reference":"Consent/gone"}}]"#),
        observation("o3", ""),
    ];
    let upstream = Upstream::new(resources, 9);
    let given = ask(&upstream, straight(), "Observation?patient=a", 0, 64).unwrap();
    assert_eq!(released(&given), ["Observation/o1", "Observation/o2", "Observation/o3"]);
    let asked = upstream.asked();
    assert!(asked.len() == 2 && asked.iter().any(|asked| asked.starts_with("Consent?_id=gone")), "{asked:?}");
}

fn observations() -> Answer {
    let surroundings = surroundings();
    let Query::Search(search) = query("Observation?patient=a", &surroundings) else { panic!("a search") };
    Answer::search(search, straight(), surroundings, 0)
}

#[test]
fn where_another_plan_differs_is_reported_and_changes_nothing() {
    let _turn = one_at_a_time();
    let observation = |id: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/a"}},"meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{code}"}}]}}}}"#
        )
    };
    let upstream = Upstream::new([observation("n", "N"), observation("r", "R")], 10);
    let cases = [
        (straight(), labels(), Some(Sight::Hidden)),
        (labels(), straight(), Some(Sight::Visible)),
        (labels(), labels(), None),
    ];
    for (plan, shadow, differs) in cases {
        for target in ["Observation?patient=a", "Observation/r"] {
            let alone = ask(&upstream, plan.clone(), target, 0, 7).unwrap();
            let beside = ask_beside(&upstream, plan.clone(), Some(shadow.clone()), target, 0, 7).unwrap();
            assert_eq!((&beside.body, beside.ending), (&alone.body, alone.ending), "{target}");
            let reported: Vec<_> = differs.map(|sight| ("Observation/r".to_owned(), sight)).into_iter().collect();
            assert_eq!((beside.report.differs, alone.report.differs.len()), (reported, 0), "{target}");
        }
    }
}
