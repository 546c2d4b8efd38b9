//! Totals: the number of visible matches, by reading all of them.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

fn observation(id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/a"}}{members}}}"#)
}

/// Nine results, the odd ones hidden.
fn nine() -> Vec<String> {
    (0..9).map(|index| observation(&format!("o{index}"), if index % 2 == 0 { "" } else { RESTRICTED })).collect()
}

fn end_of(given: &Given) -> &str {
    given.body.rsplit_once("}],").unwrap().1
}

#[test]
fn a_total_counts_what_is_visible_on_every_page() {
    let _turn = one_at_a_time();
    for (page, skip, released, next) in [(1, 0, 2, Some(2)), (3, 2, 2, Some(4)), (100, 4, 1, None)] {
        let upstream = Upstream::new(nine(), page);
        let given = ask(&upstream, labels(), "Observation?patient=a&_count=2&_total=accurate", skip, 64).unwrap();
        assert_eq!((end_of(&given), given.report.released.len()), (r#""total":5}"#, released));
        assert_eq!(given.ending, Ending::Searchset { next_skip: next });
    }
}

#[test]
fn a_number_alone_is_given_with_nothing_else() {
    let _turn = one_at_a_time();
    for target in ["Observation?patient=a&_summary=count", "Observation?patient=a&_count=0&_sort=date"] {
        for (plan, total) in [(labels(), 5), (straight(), 9)] {
            let given = ask(&Upstream::new(nine(), 2), plan, target, 0, 64).unwrap();
            assert_eq!(
                given.body,
                format!(
                    r#"{{"resourceType":"Bundle","type":"searchset","link":[{{"relation":"self","url":"https://gw/fhir/Observation?patient=a&_summary=count"}}],"total":{total}}}"#
                )
            );
            assert_eq!(given.ending, Ending::Searchset { next_skip: None });
            assert!(given.report.released.is_empty());
        }
    }
}

#[test]
fn nothing_visible_and_nobody_are_counted_alike() {
    let _turn = one_at_a_time();
    let target = "Observation?patient=a&_summary=count";
    let hidden = ask(&Upstream::new([observation("o", RESTRICTED)], 9), labels(), target, 0, 64).unwrap();
    let nobody = empty_searchset(&format!("https://gw/fhir/{target}"), Tally::Only, Notice::None).into_bytes();
    assert_eq!(hidden.body.as_bytes(), nobody);
}

#[test]
fn no_total_is_given_where_none_is_asked_for() {
    let _turn = one_at_a_time();
    let with = |rest: &str| {
        ask(&Upstream::new(nine(), 2), labels(), &format!("Observation?patient=a{rest}"), 0, 64).unwrap().body
    };
    assert_eq!(with("&_total=none"), with(""));
    assert!(!with("").contains("total"));
}

#[test]
fn what_lost_what_was_searched_for_is_not_counted() {
    let _turn = one_at_a_time();
    let flag = r#"{"resourceType":"Flag","id":"f","subject":{"reference":"Patient/a"},"category":[{"text":"c","extension":[{"url":"x","valueReference":{"reference":"Condition/gone"}}]}]}"#;
    let upstream = || Upstream::new([flag.to_owned()], 9);
    for (category, total) in [("", 1), ("&category=c", 0)] {
        let given = ask(&upstream(), labels(), &format!("Flag?patient=a{category}&_summary=count"), 0, 64).unwrap();
        assert_eq!(end_of(&given), format!(r#""total":{total}}}"#));
    }
}

#[test]
fn more_than_are_counted_is_a_bound_and_hidden_ones_do_not_meet_it() {
    let _turn = one_at_a_time();
    let target = "Observation?patient=a&_summary=count";
    let many = |count: usize, members: &str| -> Vec<String> {
        (0..count).map(|number| observation(&format!("n{number}"), members)).collect()
    };
    let all = Upstream::new(many(limits::TOTAL + 1, ""), 1_000);
    assert_eq!(ask(&all, labels(), target, 0, 100_000), Err(ViewError::TooManyMatches));
    let most = Upstream::new(many(limits::TOTAL + 1, RESTRICTED).into_iter().chain(nine()), 1_000);
    assert_eq!(end_of(&ask(&most, labels(), target, 0, 100_000).unwrap()), r#""total":5}"#);
}
