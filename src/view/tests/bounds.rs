//! Bounds count what is released: what is hidden never uses one up.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

fn observation(id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/a"}}{members}}}"#)
}

fn three_behind(hidden: usize) -> Vec<String> {
    let hidden = (0..hidden).map(|number| observation(&format!("h{number}"), RESTRICTED));
    hidden.chain(["x", "y", "z"].map(|id| observation(id, ""))).collect()
}

#[test]
fn three_visible_behind_twenty_thousand_hidden_are_given() {
    let _turn = one_at_a_time();
    let alone = ask(&Upstream::new(three_behind(0), 9), labels(), "Observation?patient=a", 0, 64).unwrap();
    assert_eq!(alone.report.released.len(), 3);
    // As many as the server puts on a page, and one by one.
    for (hidden, page) in [(20_000, 200), (limits::UPSTREAM_PAGES + 200, 1)] {
        let upstream = Upstream::new(three_behind(hidden), page);
        let given = ask(&upstream, labels(), "Observation?patient=a", 0, 100_000).unwrap();
        assert_eq!((given.body, given.ending), (alone.body.clone(), alone.ending), "{hidden}");
    }
}

/// Results of that many bytes each, with a reference that must be looked up; the odd ones are hidden.
fn large(count: usize, bytes: usize) -> Vec<String> {
    let long = "x".repeat(bytes);
    let one = |number: usize| {
        let performer = r#","performer":[{"reference":"Practitioner/p"}]"#;
        let label = if number % 2 == 1 { RESTRICTED } else { "" };
        observation(&format!("l{number}"), &format!(r#","valueString":"{long}"{performer}{label}"#))
    };
    let practitioner = r#"{"resourceType":"Practitioner","id":"p"}"#.to_owned();
    (0..count).map(one).chain([practitioner]).collect()
}

#[test]
fn a_page_that_is_too_large_to_be_held_is_taken_in_parts() {
    let _turn = one_at_a_time();
    let bytes = 3 * 1024 * 1024;
    let count = 2 * limits::PAGE_BYTES / bytes + 1;
    for target in ["Observation?patient=a", "Observation?patient=a&_count=3&_total=accurate"] {
        let small = Upstream::new(large(count, bytes), 1);
        let expected = ask(&small, labels(), target, 0, 1_000_000).unwrap();
        let upstream = Upstream::new(large(count, bytes), count);
        let given = ask(&upstream, labels(), target, 0, 1_000_000).unwrap();
        assert!(given == expected, "{target}");
        let pages = upstream.asked().iter().filter(|asked| asked.starts_with("Observation?")).count();
        assert!(pages > 1, "{target}");
    }
}

#[test]
fn the_rest_of_a_page_may_be_left_unread_once_nothing_more_of_it_fits() {
    let _turn = one_at_a_time();
    let (bytes, surroundings) = (3 * 1024 * 1024, surroundings());
    let upstream = Upstream::new(large(14, bytes), 14);
    let Query::Search(search) = query("Observation?patient=a", &surroundings) else { panic!("a search") };
    let expected = ask(&upstream, labels(), "Observation?patient=a", 0, 1_000_000).unwrap();
    let mut answer = Answer::search(search, labels(), surroundings, 0);
    let (mut body, mut left) = (Vec::new(), 0);
    while let Step::Ask(target) = answer.step() {
        let bytes = upstream.answer(target.as_str()).unwrap();
        let mut chunks = bytes.as_bytes().chunks(100_000);
        for chunk in chunks.by_ref() {
            answer.push(chunk).unwrap();
            if answer.has_enough() {
                break;
            }
        }
        left += chunks.len();
        let ended = if answer.has_enough() { answer.end_early() } else { answer.end_of_body() };
        ended.unwrap();
        body.extend(answer.take().into_bytes());
    }
    body.extend(answer.close(None).into_bytes());
    assert!(body == expected.body.as_bytes() && left > 0);
    assert_eq!(answer.end_early(), Err(ViewError::OutOfStep));
}
