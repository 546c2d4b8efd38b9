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

/// What stands around a resource in an entry, at most: it counts as the resource does.
const ENVELOPE: usize = 1024;

/// What is as large as one entry may be is judged and hidden like any other, however many there are of them.
#[test]
fn hidden_entries_as_large_as_one_may_be_leave_no_trace() {
    let _turn = one_at_a_time();
    let huge = |id: &str| {
        let frame = observation(id, &format!(r#","note":[{{"text":""}}]{RESTRICTED}"#));
        let filling = "x".repeat(limits::RESOURCE.bytes - ENVELOPE - frame.len());
        frame.replacen(r#""text":"""#, &format!(r#""text":"{filling}""#), 1)
    };
    assert_eq!(huge("h0").len(), limits::RESOURCE.bytes - ENVELOPE);
    for target in ["Observation?patient=a", "Observation?patient=a&_count=2&_total=accurate", "Observation/h0"] {
        let alone = ask(&Upstream::new(three_behind(0), 9), labels(), target, 0, 100_000).unwrap();
        // On a page of their own, with others on a page, and all on one.
        for page in [1, 2, 50] {
            let hidden = (0..5).map(|number| huge(&format!("h{number}")));
            let upstream = Upstream::new(hidden.chain(three_behind(0)), page);
            let given = ask(&upstream, labels(), target, 0, 100_000).unwrap();
            assert!((&given.body, given.ending) == (&alone.body, alone.ending), "{target} in pages of {page}");
        }
    }
}

/// What cannot be read cannot be judged: that it says to be restricted, or another person's, makes it no more hidden than
/// one that says nothing. It is the same refusal for whoever may see everything and for whoever may not.
#[test]
fn a_malformed_entry_is_the_same_refusal_whatever_it_says_of_itself() {
    let _turn = one_at_a_time();
    let restricted = observation("m", RESTRICTED);
    let others = observation("m", r#","performer":[{"reference":"Patient/b"}]"#);
    for sound in [observation("m", ""), restricted, others] {
        for (from, to) in [
            (r#""id":"m","#, r#""id":"m","id":"m","#),
            (r#""subject""#, r#""note":[{"text":"a","text":"b"}],"subject""#),
            (r#""subject""#, r#""subject":{"reference":"Patient/a"},"subject""#),
        ] {
            let malformed = sound.replacen(from, to, 1);
            assert_ne!(malformed, sound);
            let all = three_behind(0).into_iter().chain([malformed.clone()]);
            let upstream = Upstream::new(all, 9);
            for plan in [labels(), straight()] {
                let told = ask(&upstream, plan, "Observation?patient=a", 0, 64);
                assert_eq!(told.unwrap_err(), ViewError::NotStrictJson, "{malformed}");
            }
        }
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
    let upstream = Upstream::new(large(24, bytes), 24);
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

/// What cannot be judged is an error where the answer comes to it, and where it does not it is as if it were not there: how much
/// is hidden before it must not decide which.
#[test]
fn an_entry_that_cannot_be_judged_behind_a_full_page_counts_for_the_page_it_is_on() {
    let _turn = one_at_a_time();
    let one = |id: &str, confidentiality: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/a"}},"meta":{{"security":[{{"system":
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{confidentiality}"}}]}}}}"#
        )
    };
    let visible: Vec<String> = (0..60).map(|number| one(&format!("o{number:02}"), "N")).collect();
    let large =
        one("z", "N").replacen('{', &format!(r#"{{"note":[{{"text":"{}"}}],"#, "x".repeat(limits::RESOURCE.bytes)), 1);
    let twice = one("z", "N").replacen('{', r#"{"note":[],"note":[],"#, 1);
    for (bad, error) in [(large, ViewError::ResourceTooLarge), (twice, ViewError::NotStrictJson)] {
        let world = |hidden: usize| {
            let hidden = (0..hidden).map(|number| one(&format!("h{number}"), "R"));
            Upstream::new(hidden.chain(visible.clone()).chain([bad.clone()]), 50)
        };
        for plan in [labels, straight] {
            let asked = |hidden, count: usize, skip| {
                ask(&world(hidden), plan(), &format!("Observation?patient=a&_count={count}"), skip, 100_000)
            };
            // Without a plan what is labelled restricted is visible as well.
            let hidden = if plan().is_straight() { 0 } else { 3 };
            for count in [9, 40, 49, 58, 59] {
                let (with, without) = (asked(hidden, count, 0).unwrap(), asked(0, count, 0).unwrap());
                assert!(with.body == without.body && with.ending == without.ending, "{count}");
            }
            for (count, skip) in [(60, 0), (49, 11), (20, 45)] {
                assert_eq!(asked(0, count, skip).unwrap_err(), error, "{count} {skip}");
                assert_eq!(asked(hidden, count, skip).unwrap_err(), error, "{count} {skip}");
            }
        }
    }
}

/// A first page of which no more is taken is read to its end all the same: it may state there what was asked.
#[test]
fn a_server_that_leaves_a_parameter_out_is_found_out_however_little_of_its_page_is_taken() {
    let _turn = one_at_a_time();
    let surroundings = surroundings();
    let Query::Search(search) = query("Observation?patient=a&status=final&_count=1", &surroundings) else {
        panic!("a search")
    };
    let entry = |id: &str| {
        format!(r#"{{"resource":{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/a"}}}}}}"#)
    };
    for (left_out, expected) in [("", Ok(())), ("&status=final", Err(ViewError::NotEchoed))] {
        let mut answer = Answer::search(search.clone(), straight(), surroundings.clone(), 0);
        let Step::Ask(target) = answer.step() else { panic!("nothing is asked") };
        assert!(target.as_str().contains("&status=final"), "{}", target.as_str());
        let stated = target.as_str().replacen(left_out, "", 1);
        let entries = ["1", "2", "3"].map(entry).join(",");
        let url = format!("{}/{stated}", super::upstream::BASE);
        let body = format!(
            r#"{{"resourceType":"Bundle","type":"searchset","entry":[{entries}],"link":[{{"relation":"self","url":"{url}"}}]}}"#
        );
        answer.push(body.as_bytes()).unwrap();
        assert!(!answer.has_enough());
        assert_eq!(answer.end_of_body(), expected, "{stated}");
    }
}
