use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::audit::{Basis, Closing, Emergency, Opening, Outcome, Patient, Review, Trail};
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
        let (text, code) = verify(&self.0, None).unwrap();
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
        bytes: 10,
    }
}

#[test]
fn an_intact_journal_is_a_yes() {
    let written = Written::new("intact");
    let (answer, code) = written.verified();
    let head = answer["head"].clone();
    assert_eq!((answer, code), (json!({"verdict": "intact", "records": 7, "bad": [], "head": head}), 0));
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
    let (kept, _) = verify(&written.0, None).unwrap();
    let plain = serde_json::from_str::<Value>(&kept).unwrap()["head"].as_str().unwrap().to_owned();
    let text = fs::read_to_string(written.segment()).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() + 1;
    for head in [kept, format!("{plain}\n")] {
        fs::write(written.segment(), &text).unwrap();
        let head = written.beside(&head);
        assert_eq!(verify(&written.0, Some(&head)).unwrap().1, 0);
        fs::write(written.segment(), &text.as_bytes()[..cut]).unwrap();
        assert_eq!(verify(&written.0, None).unwrap().1, 0);
        let (answer, code) = verify(&written.0, Some(&head)).unwrap();
        assert_eq!(code, 2);
        assert!(answer.contains("head-missing"));
    }
}

#[test]
fn a_head_kept_before_more_was_written_still_holds() {
    let written = Written::new("grown");
    let head = written.beside(&verify(&written.0, None).unwrap().0);
    exchange(&written.journal(), "Patient/3", None);
    assert_eq!(verify(&written.0, Some(&head)).unwrap().1, 0);
}

#[test]
fn what_is_no_journal_and_what_is_no_head_are_mistakes() {
    let written = Written::new("mistakes");
    assert!(matches!(verify(&written.0.join("none"), None), Err(AuditError::Unreadable { .. })));
    for text in ["", "abc", "{\"head\":\"abc\"}", "{}"] {
        assert!(matches!(verify(&written.0, Some(&written.beside(text))), Err(AuditError::NotAHead)), "{text:?}");
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
    let (text, code) = review(&written.0, false).unwrap();
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
            json!(["reason", "r-6", "ETREAT", ["spoed"], ["r-6", "r-7"]]),
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

    let (table, code) = review(&written.0, true).unwrap();
    assert_eq!((code, table.lines().count()), (0, 4));
    assert!(table.lines().next().unwrap().contains("3 requests, 3 released") && !table.contains('\u{1b}'));
    assert!(table.ends_with("3 to review, the journal is intact"));
}

#[test]
fn an_altered_journal_is_said_to_be_where_it_is_reviewed() {
    let written = Written::new("review-altered");
    let text = fs::read_to_string(written.segment()).unwrap();
    fs::write(written.segment(), text.replacen("Patient/2", "Patient/3", 1)).unwrap();
    let (text, code) = review(&written.0, false).unwrap();
    assert_eq!((serde_json::from_str::<Value>(&text).unwrap(), code), (json!({"verdict": "altered", "items": []}), 2));
}
