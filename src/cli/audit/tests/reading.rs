//! Who read the record, and what a review covers.

use super::*;
use crate::audit::Verdict;

fn clock() -> Clock {
    Clock::by_hand(datetime!(2026-03-02 9:00 UTC)).0
}

fn readings(written: &Written) -> Vec<Value> {
    let text = fs::read_to_string(written.0.join("reading/000001.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == "read").collect()
}

#[test]
fn a_reading_says_who_read_what_of_whom_and_of_which_time() {
    let written = Written::new("reading");
    let (by, from, to) = (Some("J. Smit"), Some("2026-03-01"), Some("2026-03-02"));
    Reading { command: "access-log", by, patient: Some("999911120"), from, to, ..Reading::default() }
        .on_record(&written.0, clock())
        .unwrap();
    Reading { command: "show", patient: Some("Patient/2"), ..Reading::default() }
        .on_record(&written.0, clock())
        .unwrap();
    let lines = readings(&written);
    assert_eq!(lines[0]["patient"], json!({"references": [], "bsn": "999911120"}));
    assert_eq!((&lines[0]["command"], &lines[0]["by"]), (&json!("access-log"), &json!("J. Smit")));
    assert_eq!((&lines[0]["from"], &lines[0]["to"]), (&json!("2026-03-01"), &json!("2026-03-02")));
    assert_eq!((&lines[1]["patient"]["references"], &lines[1]["by"]), (&json!(["Patient/2"]), &Value::Null));
    assert!(lines.iter().all(|line| line["user"].as_str().unwrap().parse::<u32>().is_ok()));
    // It is a journal like any other: verified with the gateway's, and exported as the use of the log.
    let (answer, code) = written.verified();
    assert_eq!((code, &answer["below"]["reading"]["verdict"]), (0, &json!(Verdict::Intact.code())));
    let mut out = Vec::new();
    let choice =
        Choice { format: Format::Ndjson, period: Period::of(None, None).unwrap(), patient: None, part: Part::Open };
    export(&written.0.join("reading"), choice, &mut out).unwrap();
    let event: Value = serde_json::from_slice(out.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!((&event["type"]["code"], &event["agent"][0]["name"]), (&json!("110101"), &json!("J. Smit")));
    assert_eq!((&event["outcomeDesc"], &event["outcome"]), (&json!("read access-log"), &json!("0")));
}

#[test]
fn what_cannot_be_put_on_record_is_an_error() {
    let written = Written::new("unreadable");
    fs::write(written.0.join("reading"), "a file").unwrap();
    let refused = Reading { command: "show", ..Reading::default() }.on_record(&written.0, clock());
    assert!(matches!(refused, Err(AuditError::Below { name: "reading", .. })));
    let nobody = Reading { command: "show", patient: Some("Carla"), ..Reading::default() };
    assert!(matches!(nobody.on_record(&written.0, clock()), Err(AuditError::NotAPatient)));
}

#[test]
fn readings_at_one_time_wait_for_one_another() {
    let written = Written::new("at-once");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                Reading { command: "show", ..Reading::default() }.on_record(&written.0, clock()).unwrap();
            });
        }
    });
    assert_eq!(readings(&written).len(), 8);
}

fn listed(written: &Written) -> Vec<Value> {
    let Listing { text, last, .. } = review(&written.0, false).unwrap();
    Reading { command: "review", upto: Some(last), ..Reading::default() }.on_record(&written.0, clock()).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().clone()
}

#[test]
fn a_review_closes_what_its_reviewer_listed_and_nothing_that_came_since() {
    let written = Written::new("seen");
    let close = |upto| {
        let closing = review::Closing { id: "e-1", by: "FG", verdict: "terecht", upto };
        close(&written.0, closing, clock()).map(|(text, code)| {
            let item: Value = serde_json::from_str(&text).unwrap();
            (item["state"].as_str().unwrap().to_owned(), item["reviews"].as_array().unwrap().len(), code)
        })
    };
    let ask = |id: &str| {
        let journal = written.journal();
        reviewed(&journal, id, "BTG", "bewusteloos", emergency("e-1"));
        journal.stop();
    };
    ask("r-1");
    assert!(matches!(close(None), Err(AuditError::NotListed)), "nobody listed anything");
    let upto = listed(&written)[0]["upto"].as_u64();
    // Asked between the listing and the review, at the same moment of a clock that stands still.
    ask("r-2");
    assert_eq!(close(None).unwrap(), ("open".to_owned(), 1, 0));
    // All that was listed is closed; a second verdict about it is refused, by the listing and by its number.
    assert_eq!(close(None).unwrap().2, 2);
    assert_eq!(close(upto).unwrap().2, 2);
    assert!(matches!(close(Some(1)), Err(AuditError::NotListed)), "before its first request");
    assert_eq!(listed(&written)[0]["state"], "open");
    assert_eq!(close(None).unwrap(), ("closed".to_owned(), 2, 0));
    // Nobody closes what is not there yet.
    ask("r-3");
    assert_eq!(close(Some(u64::MAX)).unwrap(), ("closed".to_owned(), 3, 0));
    ask("r-4");
    assert_eq!(listed(&written)[0]["state"], "open");
}

/// Records of an older gateway have no number: they cover what was asked before their moment.
#[test]
fn a_review_without_a_number_covers_what_was_asked_before_it() {
    let written = Written::new("older");
    let journal = written.journal();
    reviewed(&journal, "r-1", "BTG", "bewusteloos", emergency("e-1"));
    journal.stop();
    let older = |minute: i64| {
        let at = datetime!(2026-03-01 12:00 UTC) + time::Duration::minutes(minute);
        let journal = Journal::open(&written.0.join("review"), Clock::by_hand(at).0).unwrap();
        let event = crate::audit::Event::new(crate::audit::EventKind::Reviewed).with("item", "e-1").with("by", "FG");
        journal.event(event.with("verdict", "terecht").with("user", "1"));
        journal.stop();
        listed(&written)[0]["state"].clone()
    };
    assert_eq!((older(0), older(1)), (json!("open"), json!("closed")));
}

#[test]
fn a_number_of_matches_is_on_record_where_it_is_read() {
    let written = Written::new("counted");
    let journal = written.journal();
    let counted = Closing { released: Vec::new(), total: Some(4), ..closing("") };
    drop(trail(&journal, "Patient/4", None).close(&counted));
    journal.stop();
    let always = Period::of(None, None).unwrap();
    let (text, _) = show(&written.0, "Patient/4", false).unwrap();
    assert!(text.contains("counted 4"), "{text}");
    let log = access_log(&written.0, "Patient/4", always, Form::Json).unwrap().0;
    assert_eq!(serde_json::from_str::<Value>(&log).unwrap()["lines"][0]["shown"], "number");
    let page = access_log(&written.0, "Patient/4", always, Form::Page(crate::audit::Language::Dutch)).unwrap().0;
    assert!(page.contains("alleen het aantal"), "{page}");
    let reached = incident(&written.0, "00000001", always, true).unwrap().0;
    assert!(reached.contains("1 requests, 1 counted"), "{reached}");
}
