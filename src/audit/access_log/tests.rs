use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::audit::tests::{Story, Written, emergency};
use crate::audit::{Interaction, Outcome};
use crate::consent::Ground;
use crate::identity::CardType;

fn lines(written: &Written) -> Vec<LogLine> {
    let (told, under_way) = written.told();
    drop(told);
    access_log(written.accesses().iter().chain(&under_way))
}

fn values(written: &Written) -> Vec<Value> {
    lines(written).iter().map(|line| serde_json::to_value(line).unwrap()).collect()
}

fn told(stories: &[Story]) -> Written {
    let written = Written::default();
    stories.iter().for_each(|story| story.tell(&written));
    written
}

#[test]
fn a_line_says_who_when_what_kind_for_what_and_on_which_ground() {
    let written = told(&[Story::default()]);
    let expected = json!({
        "day": "2026-03-01", "first": "13:00", "last": "13:00", "times": 1, "ura": "00000001",
        "organisation": "Praktijk <Brug>", "role": "01.015", "person": true, "kinds": ["Condition"],
        "shown": "something", "purpose": "TREAT", "ground": "rule-permits", "policy": "wabvpz",
        "consents": ["Consent/7"], "emergency": false,
    });
    assert_eq!(values(&written), [expected]);
}

#[test]
fn equal_lines_of_a_day_are_one_and_those_of_another_day_or_kind_are_not() {
    let written = told(&[Story::default()]);
    written.at(datetime!(2026-03-01 13:30 UTC));
    Story { released: &["Condition/9"], ..Story::default() }.tell(&written);
    Story { released: &["Observation/9"], ..Story::default() }.tell(&written);
    // A quarter past midnight in the Netherlands.
    written.at(datetime!(2026-03-01 23:15 UTC));
    Story::default().tell(&written);
    let shape = |line: &Value| json!([line["day"], line["first"], line["last"], line["times"], line["kinds"]]);
    assert_eq!(
        values(&written).iter().map(shape).collect::<Vec<_>>(),
        [
            json!(["2026-03-01", "13:00", "14:30", 2, ["Condition"]]),
            json!(["2026-03-01", "14:30", "14:30", 1, ["Observation"]]),
            json!(["2026-03-02", "00:15", "00:15", 1, ["Condition"]]),
        ]
    );
}

#[test]
fn an_emergency_a_denial_and_an_end_that_is_not_on_record_are_each_said() {
    let written = told(&[
        Story { purpose: "BTG", ground: Some(Ground::BreakGlass), review: emergency(), ..Story::default() },
        Story {
            ground: Some(Ground::RuleDenies),
            permitted: false,
            outcome: Outcome::Refused,
            released: &[],
            ..Story::default()
        },
        Story { card: CardType::System, released: &["Flag/1"], ..Story::default() },
    ]);
    drop(Story { id: "cut", ..Story::default() }.begin(&written));
    let trail = Story { id: "open", ..Story::default() }.begin(&written);
    let shape = |line: &Value| json!([line["emergency"], line["shown"], line["role"], line["times"]]);
    assert_eq!(
        values(&written).iter().map(shape).collect::<Vec<_>>(),
        [
            json!([true, "something", "01.015", 1]),
            json!([false, "nothing", "01.015", 1]),
            json!([false, "something", null, 1]),
            json!([false, "unknown", "01.015", 2]),
        ]
    );
    drop(trail);
}

/// Neither a line nor the page tells what was withheld: not what else a search found, nor what a read met.
#[test]
fn what_was_withheld_makes_no_difference() {
    let read = |withheld: &'static [&'static str]| Story {
        interaction: Some(Interaction::Read),
        target: "/fhir/Condition/hidden",
        outcome: Outcome::Refused,
        cause: Some("not-visible"),
        released: &[],
        withheld,
        ..Story::default()
    };
    let with = told(&[Story::default(), read(&["Condition/hidden"])]);
    let without = told(&[Story { withheld: &[], ..Story::default() }, read(&[])]);
    assert_eq!(values(&with), values(&without));
    let text = Page::of(&lines(&with), Language::Dutch).to_html();
    assert_eq!(text, Page::of(&lines(&without), Language::Dutch).to_html());
    assert!(!text.contains("hidden"));
}

#[test]
fn the_page_is_in_the_language_asked_for_escapes_others_words_and_has_no_scripts() {
    let written = told(&[Story { purpose: "BTG", review: emergency(), ..Story::default() }]);
    let lines = lines(&written);
    let dutch = Page::of(&lines, Language::Dutch).kept_by("Ziekenhuis \"Sluis\"", "FG <fg@sluis.example>").to_html();
    for part in [
        "<html lang=\"nl\">",
        "Praktijk &lt;Brug&gt;, huisarts (01.015)<small>URA 00000001</small>",
        "problemen en diagnoses",
        "noodprocedure",
        "toestemming van de patiënt<small>regels: wabvpz</small>",
        "<th scope=\"row\" role=\"rowheader\"><time datetime=\"2026-03-01\">1 maart 2026</time></th>",
        "<caption id=\"log\">",
        "<strong>Ziekenhuis &quot;Sluis&quot;</strong>",
        "FG &lt;fg@sluis.example&gt;",
    ] {
        assert!(dutch.contains(part), "{part} in {dutch}");
    }
    let english = Page::of(&lines, Language::English).to_html();
    assert!(english.contains("data-head=\"Which data\" class=\"kinds\">problems and diagnoses</td>"), "{english}");
    assert!(english.contains("data-head=\"Shown\">yes</td>") && !english.contains("turn to"));
    // No person, no number, nothing that runs or loads.
    for part in ["de Wit", "900000001", "999911120", "<script", "http:", "https:", "<Brug>"] {
        assert!(!dutch.contains(part), "{part}");
    }
    let now = datetime!(2026-03-01 12:00 UTC);
    let days = Days::between(None, None, now).unwrap();
    let nothing = Page::of(&[], Language::English).of_days(days).to_html();
    assert!(nothing.contains("Nothing was asked for.") && !nothing.contains("<table"));
    assert!(nothing.contains("From <time datetime=\"2025-03-01\">1 March 2025</time> up to and including"));
}
