//! Notice mode against a scripted upstream.

use super::upstream::Upstream;
use super::*;
use crate::query::Tally;

const TARGET: &str = "Observation?patient=a&_count=2";

fn world(restricted: &[usize]) -> Upstream {
    let observation = |index: usize| {
        let code = if restricted.contains(&index) { "R" } else { "N" };
        format!(
            r#"{{"resourceType":"Observation","id":"o{index}","subject":{{"reference":"Patient/a"}},"meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{code}"}}]}}}}"#
        )
    };
    Upstream::new((0..4).map(observation), 3)
}

/// The bodies of all pages.
fn pages(upstream: &Upstream, plan: fn() -> Plan) -> Vec<String> {
    let (mut bodies, mut ahead) = (Vec::new(), Some(0));
    while let Some(skip) = ahead {
        let surroundings = Surroundings { mode: Mode::Notice, ..surroundings() };
        let given = ask_in(upstream, plan(), surroundings, TARGET, skip, 50).unwrap();
        ahead = match given.ending {
            Ending::Searchset { next_skip } => next_skip,
            Ending::Resource | Ending::NotVisible => None,
        };
        bodies.push(given.body);
    }
    bodies
}

#[test]
fn a_notice_is_on_every_page_whether_anything_is_hidden_or_not() {
    let _turn = one_at_a_time();
    for restricted in [&[][..], &[1], &[0, 1, 2, 3]] {
        let bodies = pages(&world(restricted), labels);
        for body in &bodies {
            assert_eq!((body.matches("REDACTED").count(), body.matches("suppressed").count()), (1, 1), "{body}");
            serde_json::from_str::<serde_json::Value>(body).unwrap();
        }
        if restricted.len() == 4 {
            let denied =
                empty_searchset("https://gw/fhir/Observation?patient=a&_count=2", Tally::Unsaid, Notice::Given)
                    .into_bytes();
            assert_eq!(bodies.concat().as_bytes(), denied, "the same as for whoever may see nothing");
        }
    }
}

#[test]
fn without_a_plan_there_is_no_notice() {
    let _turn = one_at_a_time();
    assert!(
        pages(&world(&[1]), straight).iter().all(|body| !body.contains("REDACTED") && !body.contains("suppressed"))
    );
}
