//! The last observations of each code: which they are, in which order, and that none that is hidden stands before one.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

/// An observation with that code, or what stands for one, and further members.
fn observation(id: &str, code: &str, members: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{"code":"laboratory"}}]}}],"code":{code},"subject":{{"reference":"Patient/a"}}{members}}}"#
    )
}

fn coded(codes: &[&str]) -> String {
    let coding = |code: &&str| format!(r#"{{"system":"http://loinc.org","code":"{code}"}}"#);
    format!(r#"{{"coding":[{}]}}"#, codes.iter().map(coding).collect::<Vec<_>>().join(","))
}

/// An observation of one code, made then.
fn made(id: &str, code: &str, when: &str) -> String {
    observation(id, &coded(&[code]), &format!(r#","effectiveDateTime":"{when}""#))
}

fn asked(resources: impl IntoIterator<Item = String>, plan: Plan, rest: &str) -> Given {
    let target = format!("Observation/$lastn?patient=a&category=laboratory{rest}");
    ask(&Upstream::new(resources, 2), plan, &target, 0, 50).unwrap()
}

fn released(given: &Given) -> Vec<&str> {
    given.report.released.iter().map(|one| one.trim_start_matches("Observation/")).collect()
}

fn last(resources: impl IntoIterator<Item = String>, rest: &str) -> Vec<String> {
    released(&asked(resources, straight(), rest)).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_last_of_each_code_come_the_latest_first() {
    let _turn = one_at_a_time();
    let all = || {
        [
            made("w1", "weight", "2024-01-01"),
            made("w3", "weight", "2024-03-01"),
            made("w2", "weight", "2024-02-01"),
            made("h1", "height", "2020-05-05"),
            made("b1", "blood", "2025"),
        ]
    };
    assert_eq!(last(all(), ""), ["b1", "w3", "h1"]);
    assert_eq!(last(all(), "&max=2"), ["b1", "w3", "w2", "h1"]);
    let given = asked(all(), straight(), "&max=100");
    assert_eq!((given.ending, given.report.released.len()), (Ending::Searchset { next_skip: None }, 5));
    let bundle: serde_json::Value = serde_json::from_str(&given.body).unwrap();
    let link = "https://gw/fhir/Observation/$lastn?patient=a&category=laboratory&max=100";
    assert_eq!((&bundle["link"][0]["url"], bundle.get("total")), (&link.into(), None));
    assert_eq!(bundle["entry"][0]["search"]["mode"], "match");
}

#[test]
fn codes_that_share_a_coding_are_one_group_also_by_way_of_a_third() {
    let _turn = one_at_a_time();
    let at = |day: u32| format!(r#","effectiveDateTime":"2024-01-0{day}""#);
    let of = |id: &str, code: String, day| observation(id, &code, &at(day));
    let all = [
        of("a", coded(&["1"]), 1),
        of("b", coded(&["3"]), 2),
        of("c", coded(&["4", "1"]), 3),
        of("d", coded(&["3", "4"]), 4),
        of("other", r#"{"coding":[{"code":"1"}]}"#.to_owned(), 5),
        of("t1", r#"{"text":"mood"}"#.to_owned(), 6),
        of("t2", r#"{"text":"mood","coding":[{"display":"x"}]}"#.to_owned(), 7),
        of("t3", r#"{"text":"Mood"}"#.to_owned(), 8),
    ];
    assert_eq!(last(all.clone(), ""), ["t3", "t2", "other", "d"]);
    assert_eq!(last(all.into_iter().rev(), "&max=2"), ["t3", "t2", "t1", "other", "d", "c"]);
}

#[test]
fn how_late_one_is_follows_its_end_then_when_it_was_issued_then_its_id() {
    let _turn = one_at_a_time();
    let with = |id: &str, members: &str| observation(id, &coded(&["1"]), &format!(",{members}"));
    let all = [
        with("none", r#""issued":"2030-01-01T00:00:00Z""#),
        with("bad", r#""effectiveDateTime":"yesterday""#),
        with("day", r#""effectiveDateTime":"2024-05-06""#),
        with("noon", r#""effectiveInstant":"2024-05-06T12:00:00Z""#),
        with("zone", r#""effectiveDateTime":"2024-05-06T13:30:00+02:00""#),
        with("year", r#""effectivePeriod":{"start":"2024-01-01","end":"2024-05-07"}"#),
        with("open", r#""effectivePeriod":{"start":"2024-01-02"}"#),
        with("timing", r#""effectiveTiming":{"event":["2024-05-08","2023"]}"#),
        with("repeat", r#""effectiveTiming":{"repeat":{"frequency":1}}"#),
        with("twin2", r#""effectiveDateTime":"2023","issued":"2024-01-01T00:00:00Z""#),
        with("twin1", r#""effectiveDateTime":"2023","issued":"2024-01-01T00:00:00Z""#),
        with("twin0", r#""effectiveDateTime":"2023","issued":"2024-02-01T00:00:00Z""#),
    ];
    let expected =
        ["timing", "year", "day", "noon", "zone", "open", "twin0", "twin1", "twin2", "none", "bad", "repeat"];
    assert_eq!(last(all.clone(), "&max=100"), expected);
    assert_eq!(last(all.into_iter().rev(), "&max=5"), expected[..5]);
}

#[test]
fn what_is_hidden_neither_counts_nor_joins_groups() {
    let _turn = one_at_a_time();
    let hidden = |id: &str, codes: &[&str], when: &str| {
        observation(id, &coded(codes), &format!(r#","effectiveDateTime":"{when}"{RESTRICTED}"#))
    };
    let visible = [made("w1", "weight", "2024-01-01"), made("h1", "height", "2020-05-05")];
    let with =
        [visible.to_vec(), vec![hidden("secret", &["weight"], "2025"), hidden("join", &["weight", "height"], "2026")]];
    let given = asked(with.concat(), labels(), "");
    assert_eq!(released(&given), ["w1", "h1"]);
    assert_eq!(given.report.withheld.len(), 2);
    let absent = asked(visible, labels(), "");
    assert_eq!((given.body, given.ending), (absent.body, absent.ending));
    // Without a rule they are there, and one of them makes one group of two.
    assert_eq!(last(with.concat(), ""), ["join"]);
}

#[test]
fn nothing_visible_is_nothing_there() {
    let _turn = one_at_a_time();
    let secret = observation("secret", &coded(&["weight"]), RESTRICTED);
    for resources in [vec![secret], Vec::new()] {
        let given = asked(resources, labels(), "&_include=Observation:performer");
        assert_eq!((given.ending, given.body.as_str()), (Ending::NotVisible, ""));
    }
}

#[test]
fn what_is_included_is_that_of_the_last_ones_alone() {
    let _turn = one_at_a_time();
    let by = |id: &str, when: &str, who: &str| {
        let members = format!(r#","effectiveDateTime":"{when}","performer":[{{"reference":"Practitioner/{who}"}}]"#);
        observation(id, &coded(&["weight"]), &members)
    };
    let practitioner = |id: &str| format!(r#"{{"resourceType":"Practitioner","id":"{id}"}}"#);
    let panel = observation("panel", &coded(&["panel"]), r#","hasMember":[{"reference":"Observation/old"}]"#);
    let all = [
        by("new", "2024", "n"),
        by("old", "2023", "o"),
        panel,
        practitioner("n"),
        practitioner("o"),
        practitioner("z"),
    ];
    let rest = "&_include=Observation:performer&_include=Observation:has-member";
    assert_eq!(last(all.clone(), rest), ["new", "panel", "old", "Practitioner/n"]);
    assert_eq!(last(all.clone(), "&max=2&_include=Observation:has-member"), ["new", "old", "panel"]);
    assert_eq!(last(all, ""), ["new", "panel"]);
}

#[test]
fn what_was_entered_in_error_does_not_stand_before_what_was_not() {
    let _turn = one_at_a_time();
    let wrong = made("wrong", "weight", "2025").replace("\"final\"", "\"entered-in-error\"");
    let all = [made("right", "weight", "2024"), wrong];
    assert_eq!(last(all.clone(), ""), ["right"]);
    assert_eq!(last(all, "&status=entered-in-error,final"), ["wrong"]);
}

#[test]
fn more_than_are_looked_through_is_too_costly_and_hidden_ones_do_not_count() {
    let _turn = one_at_a_time();
    let many = |members: &str| {
        let one = |number| observation(&format!("o{number}"), &coded(&["weight"]), members);
        (0..=limits::LASTN_OBSERVATIONS).map(one).collect::<Vec<_>>()
    };
    let target = "Observation/$lastn?patient=a&category=laboratory";
    let given = |resources: Vec<String>| ask(&Upstream::new(resources, 200), labels(), target, 0, 1 << 20);
    assert_eq!(given(many("")), Err(ViewError::ComposedTooLarge));
    let mut hidden = many(RESTRICTED);
    hidden.push(made("shown", "weight", "2024"));
    assert_eq!(given(hidden).unwrap().report.released, ["Observation/shown"]);
}
