mod pruned;
mod reading;
mod signed;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::audit::{Basis, Closing, Emergency, Opening, Outcome, Part, Patient, Review, Trail};
use crate::consent::{Ground, Purpose};
use crate::gateway::clock::Clock;
use crate::gateway::journal::Journal;
use crate::identity::{Caller, CallerNames, CardType};

/// A directory with a journal, gone when the test ends.
struct Written(PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

impl Written {
    fn new(name: &str) -> Self {
        let written = Self(std::env::temp_dir().join(format!("sluis-audit-{}-{name}", std::process::id())));
        let journal = written.journal();
        exchange(&journal, "Patient/1", Some("999911120"));
        exchange(&journal, "Patient/2", Some("999990019"));
        exchange(&journal, "Patient/1", Some("999911120"));
        journal.stop();
        written
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.0, Clock::by_hand(datetime!(2026-03-01 12:00 UTC)).0).unwrap()
    }

    fn segment(&self) -> PathBuf {
        self.0.join("000001.jsonl")
    }

    fn beside(&self, text: &str) -> PathBuf {
        let path = self.0.join("head");
        fs::write(&path, text).unwrap();
        path
    }

    fn verified(&self) -> (Value, i32) {
        let (text, code) = verify(&self.0, Against::default()).unwrap();
        (serde_json::from_str(&text).unwrap(), code)
    }

    fn shown(&self, patient: &str) -> Vec<Value> {
        let (text, code) = show(&self.0, patient, true).unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((code, &answer["verdict"]), (0, &json!("intact")));
        answer["records"].as_array().unwrap().clone()
    }
}

fn opening() -> Opening {
    let names = CallerNames { surname: Some("de Wit\u{1b}[2J".to_owned()), ..CallerNames::default() };
    let caller = Caller::new(
        "00000001".parse().unwrap(),
        "900000001".parse().unwrap(),
        CardType::Professional,
        Some("01.015".parse().unwrap()),
        names,
        None,
    );
    Opening {
        request: "r-1".to_owned(),
        caller: Arc::new(caller),
        address: "192.0.2.1:4711".parse().unwrap(),
        method: "GET".to_owned(),
        target: b"/fhir/Patient/1".to_vec(),
        form: Vec::new(),
        purpose: Purpose::of("TREAT"),
        reason: None,
        holder: "00000002".parse().unwrap(),
        upstream: "hapi".to_owned(),
        base: "https://localhost/fhir".to_owned(),
        policy: "wabvpz".to_owned(),
    }
}

fn trail(journal: &Journal, patient: &str, bsn: Option<&str>) -> Trail<crate::gateway::journal::JournalSink> {
    let mut trail = Trail::open(journal.sink().unwrap(), opening());
    trail.about(Patient { references: vec![patient.to_owned()], bsn: bsn.map(|bsn| bsn.parse().unwrap()) });
    let basis = Basis {
        ground: Ground::RulePermits,
        policy: "wabvpz".to_owned(),
        consents: Vec::new(),
        relation: None,
        review: None,
        shadow: None,
    };
    drop(trail.intend(basis));
    trail
}

fn exchange(journal: &Journal, patient: &str, bsn: Option<&str>) {
    drop(trail(journal, patient, bsn).close(&closing(patient)));
}

fn closing(released: &str) -> Closing {
    Closing {
        outcome: Outcome::Delivered,
        status: Some(200),
        cause: None,
        released: vec![released.to_owned()],
        withheld: vec![("Observation/9".to_owned(), Ground::RuleDenies)],
        differs: Vec::new(),
        total: None,
        bytes: 10,
    }
}

#[test]
fn an_intact_journal_is_a_yes() {
    let written = Written::new("intact");
    let (answer, code) = written.verified();
    let head = answer["head"].clone();
    assert_eq!(
        (answer, code),
        (json!({"verdict": "intact", "records": 7, "bad": [], "head": head, "seq": 7, "checkpoints": 0}), 0)
    );
    assert_eq!(head.as_str().unwrap().len(), 64);
}

#[test]
fn an_altered_line_is_a_no_that_says_where() {
    let written = Written::new("altered");
    let text = fs::read_to_string(written.segment()).unwrap();
    fs::write(written.segment(), text.replacen("Patient/2", "Patient/3", 1)).unwrap();
    let (answer, code) = written.verified();
    assert_eq!((&answer["verdict"], code), (&json!("altered"), 2));
    assert_eq!(answer["bad"], json!([{"segment": "000001.jsonl", "line": 4, "reason": "altered"}]));
    assert_eq!(show(&written.0, "Patient/1", true).unwrap().1, 2);
}

#[test]
fn a_torn_tail_is_no_alteration() {
    let written = Written::new("torn");
    let bytes = fs::read(written.segment()).unwrap();
    fs::write(written.segment(), &bytes[..bytes.len() - 9]).unwrap();
    let (answer, code) = written.verified();
    assert_eq!((&answer["verdict"], &answer["records"], code), (&json!("torn"), &json!(6), 0));
    assert_eq!(answer["bad"], json!([{"segment": "000001.jsonl", "line": 7, "reason": "torn"}]));
}

#[test]
fn a_head_that_was_kept_shows_a_cut_tail() {
    let written = Written::new("head");
    let (kept, _) = verify(&written.0, Against::default()).unwrap();
    let plain = serde_json::from_str::<Value>(&kept).unwrap()["head"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(written.segment()).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() + 1;
    for head in [kept, format!("{plain}\n")] {
        fs::write(written.segment(), &text).unwrap();
        let head = written.beside(&head);
        assert_eq!(verify(&written.0, Against { head: Some(&head), key: None }).unwrap().1, 0);
        fs::write(written.segment(), &text.as_bytes()[..cut]).unwrap();
        assert_eq!(verify(&written.0, Against::default()).unwrap().1, 0);
        let (answer, code) = verify(&written.0, Against { head: Some(&head), key: None }).unwrap();
        assert_eq!(code, 2);
        assert!(answer.contains("head-missing"));
    }
}

#[test]
fn a_head_kept_before_more_was_written_still_holds() {
    let written = Written::new("grown");
    let head = written.beside(&verify(&written.0, Against::default()).unwrap().0);
    exchange(&written.journal(), "Patient/3", None);
    assert_eq!(verify(&written.0, Against { head: Some(&head), key: None }).unwrap().1, 0);
}

#[test]
fn what_is_no_journal_and_what_is_no_head_are_mistakes() {
    let written = Written::new("mistakes");
    assert!(matches!(verify(&written.0.join("none"), Against::default()), Err(AuditError::Unreadable { .. })));
    for text in ["", "abc", "{\"head\":\"abc\"}", "{}"] {
        assert!(
            matches!(
                verify(&written.0, Against { head: Some(&written.beside(text)), key: None }),
                Err(AuditError::NotAHead)
            ),
            "{text:?}"
        );
    }
}

#[test]
fn a_patient_is_shown_by_bsn_or_by_reference_and_nobody_else_is() {
    let written = Written::new("shown");
    for patient in ["999911120", "Patient/1"] {
        let records = written.shown(patient);
        assert_eq!(records.len(), 4, "{patient}");
        assert!(records.iter().all(|record| record["patient"]["references"] == json!(["Patient/1"])));
    }
    assert!(written.shown("Patient/4").is_empty());
    for mistake in ["999911121", "alice", "Patient/", "Patient/1/2", ""] {
        assert!(matches!(show(&written.0, mistake, true), Err(AuditError::NotAPatient)), "{mistake:?}");
    }
}

#[test]
fn a_request_that_a_start_found_open_is_shown_with_how_it_ended() {
    let written = Written::new("abandoned");
    let journal = written.journal();
    let open = trail(&journal, "Patient/7", None);
    journal.stop();
    drop(open);
    drop(journal);
    drop(written.journal());
    let records = written.shown("Patient/7");
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["outcome"], "cut-off");
}

#[test]
fn the_text_says_who_why_and_how_it_ended_and_commands_no_terminal() {
    let written = Written::new("text");
    let (text, code) = show(&written.0, "Patient/2", false).unwrap();
    assert_eq!(code, 0);
    let lines: Vec<_> = text.lines().collect();
    let expected = "2026-03-01T12:00:00.000000Z  close  00000001  900000001  01.015  de Wit [2J  TREAT  delivered  200  \
                    rule-permits  released 1  withheld 1 (rule-denies)";
    assert_eq!(lines[1], expected);
    assert_eq!(lines[2], "2 records, the journal is intact");
    assert!(!text.contains('\u{1b}'));
}

/// Puts an access on record that is to be reviewed.
fn reviewed(journal: &Journal, request: &str, purpose: &str, reason: &str, review: Option<Review>) {
    let mut opening = opening();
    opening.request = request.to_owned();
    opening.purpose = Purpose::of(purpose);
    opening.reason = Some(reason.to_owned());
    let mut trail = Trail::open(journal.sink().unwrap(), opening);
    trail.about(Patient { references: vec!["Patient/1".to_owned()], bsn: Some("999911120".parse().unwrap()) });
    let (policy, consents) = ("wabvpz".to_owned(), Vec::new());
    drop(trail.intend(Basis { ground: Ground::BreakGlass, policy, consents, relation: None, review, shadow: None }));
    drop(trail.close(&closing("Condition/1")));
}

fn emergency(id: &str) -> Option<Review> {
    let (since, until) = (datetime!(2026-03-01 12:00 UTC), datetime!(2026-03-01 16:00 UTC));
    Some(Review::Emergency(Emergency { id: id.to_owned(), since, until }))
}

#[test]
fn an_emergency_is_one_item_and_what_needed_a_reason_another() {
    let written = Written::new("review");
    let journal = written.journal();
    reviewed(&journal, "r-2", "BTG", "bewusteloos", emergency("e-1"));
    reviewed(&journal, "r-3", "BTG", "bewusteloos", emergency("e-1"));
    reviewed(&journal, "r-4", "BTG", "nog steeds\u{1b}", emergency("e-1"));
    reviewed(&journal, "r-5", "BTG", "opnieuw", emergency("e-2"));
    reviewed(&journal, "r-6", "ETREAT", "spoed", Some(Review::Reason));
    reviewed(&journal, "r-7", "ETREAT", "spoed", Some(Review::Reason));
    reviewed(&journal, "r-8", "TREAT", "zomaar", None);
    journal.stop();
    let Listing { text, code, .. } = review(&written.0, false).unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &answer["verdict"]), (0, &json!("intact")));
    let items = answer["items"].as_array().unwrap();
    let shape = |item: &Value| {
        let requests: Vec<_> = item["requests"].as_array().unwrap().iter().map(|one| one["request"].clone()).collect();
        json!([item["kind"], item["id"], item["purpose"], item["reasons"], requests])
    };
    assert_eq!(
        items.iter().map(shape).collect::<Vec<_>>(),
        [
            json!(["break-glass", "e-1", "BTG", ["bewusteloos", "nog steeds\u{1b}"], ["r-2", "r-3", "r-4"]]),
            json!(["break-glass", "e-2", "BTG", ["opnieuw"], ["r-5"]]),
            json!(["reason", items[2]["id"], "ETREAT", ["spoed"], ["r-6", "r-7"]]),
        ]
    );
    let first = &items[0];
    assert_eq!((&first["since"], &first["until"]), (&json!("2026-03-01T12:00:00Z"), &json!("2026-03-01T16:00:00Z")));
    assert_eq!((&first["patient"], &first["who"]["uzi"]), (&json!(["Patient/1"]), &json!("900000001")));
    let request = &first["requests"][0];
    assert_eq!(
        (&request["ground"], &request["outcome"], &request["released"]),
        (&json!("break-glass"), &json!("delivered"), &json!(1))
    );
    assert!(!text.contains("999911120"), "the number of the patient");

    let Listing { text: table, code, .. } = review(&written.0, true).unwrap();
    assert_eq!((code, table.lines().count()), (0, 4));
    assert!(table.lines().next().unwrap().contains("3 requests, 3 released") && !table.contains('\u{1b}'));
    assert!(table.ends_with("3 to review of 3, the journal is intact"));
}

#[test]
fn an_altered_journal_is_said_to_be_where_it_is_reviewed() {
    let written = Written::new("review-altered");
    let text = fs::read_to_string(written.segment()).unwrap();
    fs::write(written.segment(), text.replacen("Patient/2", "Patient/3", 1)).unwrap();
    let Listing { text, code, .. } = review(&written.0, false).unwrap();
    assert_eq!(
        (serde_json::from_str::<Value>(&text).unwrap(), code),
        (json!({"verdict": "altered", "open": 0, "items": []}), 2)
    );
}

fn exported(written: &Written, format: Format, patient: Option<&str>, from: Option<&str>) -> (String, i32) {
    let period = Period::of(from, None).unwrap();
    let mut out = Vec::new();
    let code = export(&written.0, Choice { format, period, patient, part: Part::Open }, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), code)
}

#[test]
fn an_export_has_what_is_on_record_about_one_patient_or_about_all_in_a_period() {
    let written = Written::new("export");
    let (all, code) = exported(&written, Format::Ndjson, None, None);
    assert_eq!((code, all.lines().count()), (0, 9));
    let about = |line: &str| serde_json::from_str::<Value>(line).unwrap()["entity"].to_string().contains("Patient/2");
    let (one, _) = exported(&written, Format::Ndjson, Some("999990019"), None);
    assert_eq!((one.lines().count(), one.lines().all(about)), (3, true));
    assert_eq!(exported(&written, Format::Ndjson, None, Some("2026-03-02")), (String::new(), 0));
    let (table, _) = exported(&written, Format::Csv, Some("Patient/1"), None);
    assert_eq!(table.lines().count(), 3);
    assert!(!all.contains("Observation/9") && !table.contains("Observation/9"), "what was withheld");
}

#[test]
fn nothing_of_an_altered_journal_is_exported() {
    let written = Written::new("export-altered");
    let text = fs::read_to_string(written.segment()).unwrap();
    // The last line: all before it is as it was written.
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(written.segment(), format!("{before}\n{}\n", last.replacen("Patient/1", "Patient/3", 1))).unwrap();
    for format in [Format::Ndjson, Format::Csv] {
        assert_eq!(exported(&written, format, None, None), (String::new(), 2));
    }
}

fn closed(written: &Written, id: &str, verdict: &str, minute: u8) -> Result<(Value, i32), AuditError> {
    let clock = Clock::by_hand(datetime!(2026-03-01 13:00 UTC) + time::Duration::minutes(i64::from(minute))).0;
    let (text, code) =
        close(&written.0, review::Closing { id, by: "Functionaris", verdict, upto: Some(u64::MAX) }, clock)?;
    Ok((serde_json::from_str(&text).unwrap(), code))
}

fn items(written: &Written) -> Vec<Value> {
    let Listing { text, code, .. } = review(&written.0, false).unwrap();
    assert_eq!(code, 0);
    serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().clone()
}

#[test]
fn a_review_closes_one_item_for_good_unless_more_is_asked() {
    let written = Written::new("close");
    let journal = written.journal();
    reviewed(&journal, "r-2", "BTG", "bewusteloos", emergency("e-1"));
    reviewed(&journal, "r-6", "ETREAT", "spoed", Some(Review::Reason));
    // The gateway runs on while somebody reviews.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while items(&written).len() < 2 && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let reasoned = items(&written)[1]["id"].as_str().unwrap().to_owned();
    let (answer, code) = closed(&written, "e-1", "terecht \u{1b}", 0).unwrap();
    assert_eq!((&answer["state"], code), (&json!("closed"), 0));
    let review = &items(&written)[0]["reviews"][0];
    assert_eq!(
        (&review["by"], &review["verdict"], &review["time"]),
        (&json!("Functionaris"), &json!("terecht \u{1b}"), &json!("2026-03-01T13:00:00.000000Z"))
    );
    assert_eq!(items(&written)[1]["state"], "open");
    assert!(!super::review(&written.0, true).unwrap().text.contains('\u{1b}'));
    // A second verdict is refused; the other item takes one.
    assert_eq!(closed(&written, "e-1", "toch niet", 1).unwrap().1, 2);
    assert_eq!(closed(&written, &reasoned, "terecht", 1).unwrap().1, 0);
    assert_eq!(items(&written)[0]["reviews"].as_array().unwrap().len(), 1);
    // What is asked in the same emergency afterwards was not reviewed.
    journal.stop();
    let later = Journal::open(&written.0, Clock::by_hand(datetime!(2026-03-01 15:00 UTC)).0).unwrap();
    reviewed(&later, "r-9", "BTG", "bewusteloos", emergency("e-1"));
    later.stop();
    let states: Vec<_> = items(&written).iter().map(|item| item["state"].clone()).collect();
    assert_eq!(states, ["open", "closed"]);
    let (text, code) = verify(&written.0.join("review"), Against::default()).unwrap();
    assert!(code == 0 && text.contains("intact"), "{text}");
}

#[test]
fn a_review_needs_an_item_a_name_a_verdict_and_journals_that_are_intact() {
    let written = Written::new("close-mistakes");
    let journal = written.journal();
    reviewed(&journal, "r-2", "BTG", "bewusteloos", emergency("e-1"));
    journal.stop();
    assert!(matches!(closed(&written, "e-2", "terecht", 0), Err(AuditError::NoItem)));
    for verdict in ["", " \t", &"x".repeat(limits::REVIEW_BYTES + 1)] {
        assert!(matches!(closed(&written, "e-1", verdict, 0), Err(AuditError::NoReview)));
    }
    assert!(!written.0.join("review").exists());
    closed(&written, "e-1", "terecht", 0).unwrap();
    let reviews = written.0.join("review/000001.jsonl");
    let text = fs::read_to_string(&reviews).unwrap();
    fs::write(&reviews, text.replacen("terecht", "onterecht", 1)).unwrap();
    assert_eq!(review(&written.0, false).unwrap().code, 2);
    assert_eq!(closed(&written, "e-1", "nog eens", 1).unwrap().1, 2);
}

#[test]
fn an_incident_and_an_access_log_tell_what_is_on_record_and_nothing_of_an_altered_journal() {
    let written = Written::new("incident");
    let always = Period::of(None, None).unwrap();
    let json = |answer: Result<(String, i32), AuditError>| {
        let (text, code) = answer.unwrap();
        (serde_json::from_str::<Value>(&text).unwrap(), code)
    };
    let (reached, code) = json(incident(&written.0, "00000001", always, false));
    assert_eq!((code, &reached["requests"], reached["patients"].as_array().unwrap().len()), (0, &json!(3), 2));
    assert_eq!(json(incident(&written.0, "00000009", always, false)).0["patients"], json!([]));
    let later = Period::of(Some("2026-03-02"), None).unwrap();
    assert_eq!(json(incident(&written.0, "00000001", later, false)).0["requests"], 0);
    let (table, _) = incident(&written.0, "00000001", always, true).unwrap();
    assert!(
        table.starts_with("999911120  Patient/1  2026-03-01")
            && table.contains("  Patient 1  2 requests\n")
            && table.lines().count() == 3,
        "{table}"
    );
    assert!(matches!(incident(&written.0, "brug", always, false), Err(AuditError::NotAnOrganisation)));

    let (log, code) = json(access_log(&written.0, "999911120", always, Form::Json));
    assert_eq!((code, &log["lines"][0]["times"]), (0, &json!(2)));
    let (page, _) = access_log(&written.0, "Patient/2", always, Form::Page(crate::audit::Language::Dutch)).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("Observation"));

    let text = fs::read_to_string(written.segment()).unwrap();
    fs::write(written.segment(), text.replacen("Patient/2", "Patient/3", 1)).unwrap();
    assert_eq!(json(incident(&written.0, "00000001", always, false)), (json!({"verdict": "altered"}), 2));
    let nothing = json!({"verdict": "altered", "lines": []});
    assert_eq!(json(access_log(&written.0, "999911120", always, Form::Json)), (nothing, 2));
}
