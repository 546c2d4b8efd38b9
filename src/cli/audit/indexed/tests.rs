use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::audit::{Basis, Closing, Event, EventKind, Language, Opening, Outcome, Patient, Trail};
use crate::cli::audit::{Against, Form, access_log, incident, show, verify};
use crate::consent::{Ground, Purpose};
use crate::gateway::clock::{Clock, Hand};
use crate::gateway::journal::Journal;
use crate::identity::{Caller, CallerNames, CardType};

const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// Several records fit, and a story takes several segments.
const SEGMENT: u64 = 4_000;

const PATIENTS: [(&str, Option<&str>); 4] = [
    ("Patient/1", Some("999911120")),
    ("Patient/2", Some("999990019")),
    ("Patient/11", Some("999911120")),
    ("Patient/1", None),
];

/// One request, or what happens between two.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Deliver,
    Deny,
    /// The trail is dropped.
    CutOff,
    /// It is under way until the gateway ends, and for good.
    LeaveOpen,
    /// The gateway ends and starts.
    Restart,
    /// Somebody is told what a caller would see.
    Explain,
    /// Time goes by, or back.
    Wait(i64),
    Index,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    deed: Deed,
    patient: usize,
    caller: usize,
}

const CALLERS: [&str; 2] = ["00000001", "00000003"];

struct Scratch {
    dir: PathBuf,
    clock: Clock,
    hand: Hand,
    now: OffsetDateTime,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).unwrap_or_default();
    }
}

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("sluis-indexed-{}-{number}", std::process::id()));
        let (clock, hand) = Clock::by_hand(NOON);
        fs::create_dir_all(&dir).unwrap();
        Self { dir, clock, hand, now: NOON }
    }

    fn journal(&self) -> PathBuf {
        self.dir.join("journal")
    }

    fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }

    fn file(&self) -> PathBuf {
        self.journal().join("index.redb")
    }

    fn start(&self) -> Journal {
        Journal::in_segments_of(SEGMENT, &self.journal(), self.clock.clone())
    }

    fn index(&self) -> (String, i32) {
        index(&self.journal(), Some(&self.keys()), false).unwrap()
    }

    fn tell(&mut self, story: &[Told]) {
        let mut journal = self.start();
        let mut open = Vec::new();
        for told in story {
            let (reference, bsn) = PATIENTS[told.patient % PATIENTS.len()];
            let begin = |journal: &Journal, permitted: bool| {
                let mut trail = Trail::open(journal.sink().unwrap(), opening(CALLERS[told.caller % CALLERS.len()]));
                let bsn = bsn.map(|bsn| bsn.parse().unwrap());
                trail.about(Patient { references: vec![reference.to_owned()], bsn });
                if permitted {
                    drop(trail.intend(basis(Ground::RulePermits)));
                } else {
                    trail.denied(basis(Ground::RuleDenies));
                }
                trail
            };
            // Each record is written by itself, so that segments are short.
            let durable = tokio::runtime::Builder::new_current_thread().build().unwrap();
            match told.deed {
                Deed::Deliver => durable.block_on(begin(&journal, true).close(&closing(reference))).unwrap(),
                Deed::Deny => drop(begin(&journal, false)),
                Deed::CutOff => drop(begin(&journal, true)),
                Deed::LeaveOpen => open.push(begin(&journal, true)),
                Deed::Explain => journal.event(Event::new(EventKind::Explained).about([reference])),
                Deed::Restart => {
                    journal.stop();
                    open.clear();
                    drop(journal);
                    journal = self.start();
                }
                Deed::Wait(minutes) => {
                    self.now += Duration::minutes(minutes);
                    self.hand.set(self.now);
                }
                Deed::Index => {
                    self.index();
                }
            }
        }
        journal.stop();
    }

    /// Everything that can be asked about everybody.
    fn answers(&self) -> Vec<(String, i32)> {
        self.answers_about(&["999911120", "999990019", "Patient/1", "Patient/2", "Patient/nobody"], &CALLERS)
    }

    /// Something of each kind.
    fn some_answers(&self) -> Vec<(String, i32)> {
        self.answers_about(&["999911120"], &["00000003"])
    }

    fn answers_about(&self, patients: &[&str], callers: &[&str]) -> Vec<(String, i32)> {
        let journal = self.journal();
        let mut answers = Vec::new();
        let periods = [
            Period::default(),
            Period::of(Some("2026-03-01"), Some("2026-03-01")).unwrap(),
            Period::of(Some("2026-03-01T13:00:00Z"), Some("2026-03-02T01:00:00.0000001Z")).unwrap(),
            Period::of(Some("2026-03-03"), None).unwrap(),
        ];
        for patient in patients {
            answers.push(show(&journal, patient, true).unwrap());
            answers.push(show(&journal, patient, false).unwrap());
            for period in periods {
                answers.push(access_log(&journal, patient, period, Form::Json).unwrap());
            }
            answers.push(access_log(&journal, patient, periods[1], Form::Page(Language::English)).unwrap());
        }
        for caller in callers {
            for period in periods {
                answers.push(incident(&journal, caller, period, false).unwrap());
            }
            answers.push(incident(&journal, caller, periods[1], true).unwrap());
        }
        answers
    }

    /// Whether an answer can be had by the index, and so is.
    fn is_usable(&self) -> bool {
        usable(&self.journal(), About::Caller(&"00000001".parse().unwrap()), Period::default()).is_some()
    }

    fn segments(&self) -> Vec<PathBuf> {
        let paths = fs::read_dir(self.journal()).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
        segments.sort();
        segments
    }
}

fn opening(ura: &str) -> Opening {
    let caller = Caller::new(
        ura.parse().unwrap(),
        "900000001".parse().unwrap(),
        CardType::Professional,
        Some("01.015".parse().unwrap()),
        CallerNames::default(),
        None,
    );
    Opening {
        request: "r".to_owned(),
        caller: Arc::new(caller),
        address: "192.0.2.1:4711".parse().unwrap(),
        method: "GET".to_owned(),
        target: b"/fhir/Condition".to_vec(),
        form: Vec::new(),
        purpose: Purpose::of("TREAT"),
        reason: None,
        holder: "00000002".parse().unwrap(),
        upstream: "hapi".to_owned(),
        base: "https://localhost/fhir".to_owned(),
        policy: "wabvpz".to_owned(),
    }
}

fn basis(ground: Ground) -> Basis {
    let (policy, consents) = ("wabvpz".to_owned(), vec!["Consent/7".to_owned()]);
    Basis { ground, policy, consents, relation: None, review: None, shadow: None }
}

fn closing(patient: &str) -> Closing {
    let of = |kind: &str| patient.replace("Patient", kind);
    Closing {
        outcome: Outcome::Delivered,
        status: Some(200),
        cause: None,
        released: vec![of("Condition"), of("Observation")],
        withheld: vec![(of("Flag"), Ground::RuleDenies)],
        differs: Vec::new(),
        total: None,
        bytes: 10,
    }
}

fn told() -> impl Strategy<Value = Told> {
    let deed = prop_oneof![
        6 => Just(Deed::Deliver),
        2 => Just(Deed::Deny),
        1 => Just(Deed::CutOff),
        1 => Just(Deed::LeaveOpen),
        1 => Just(Deed::Restart),
        1 => Just(Deed::Explain),
        2 => (-600_i64..2_000).prop_map(Deed::Wait),
        1 => Just(Deed::Index),
    ];
    (deed, 0..PATIENTS.len(), 0..CALLERS.len()).prop_map(|(deed, patient, caller)| Told { deed, patient, caller })
}

fn deliveries(count: usize) -> Vec<Told> {
    (0..count).map(|at| Told { deed: Deed::Deliver, patient: at, caller: at / 2 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// With an index and without one, complete or behind, the answers are the same bytes.
    #[test]
    fn an_answer_is_the_same_with_and_without_an_index(story in prop::collection::vec(told(), 8..40)) {
        let mut scratch = Scratch::new();
        scratch.tell(&story);
        let behind = scratch.answers();
        prop_assert_eq!(scratch.index().1, 0);
        // What was taken in during the story is no reason to read less afterwards.
        prop_assert!(scratch.is_usable());
        let indexed = scratch.answers();
        fs::remove_file(scratch.file()).unwrap();
        let plain = scratch.answers();
        prop_assert_eq!(&behind, &plain);
        prop_assert_eq!(&indexed, &plain);
    }
}

#[test]
fn an_index_that_is_cut_or_overwritten_anywhere_changes_no_answer_and_is_made_anew() {
    let mut scratch = Scratch::new();
    scratch.tell(&deliveries(12));
    let plain = scratch.some_answers();
    scratch.index();
    let whole = fs::read(scratch.file()).unwrap();
    let damaged = (0..6).map(|part| whole[..whole.len() * part / 6].to_vec()).chain((0..6).map(|part| {
        let mut bytes = whole.clone();
        let at = bytes.len() * part / 6;
        let end = (at + 4_096).min(bytes.len());
        bytes[at..end].fill(0xa5);
        bytes
    }));
    for (number, bytes) in damaged.enumerate() {
        fs::write(scratch.file(), bytes).unwrap();
        assert_eq!(scratch.some_answers(), plain, "damage {number}");
        scratch.index();
        assert_eq!(scratch.some_answers(), plain, "damage {number}");
    }
    index(&scratch.journal(), None, true).unwrap();
    assert!(scratch.is_usable());
    assert_eq!(scratch.some_answers(), plain);
}

#[test]
fn an_index_of_another_journal_or_with_another_key_is_not_used_and_is_made_anew() {
    let (mut scratch, mut other) = (Scratch::new(), Scratch::new());
    scratch.tell(&deliveries(12));
    other.tell(&deliveries(14));
    let plain = scratch.some_answers();
    other.index();
    scratch.index();
    fs::copy(other.file(), scratch.file()).unwrap();
    assert!(!scratch.is_usable());
    assert_eq!(scratch.some_answers(), plain);
    scratch.index();
    assert!(scratch.is_usable());
    fs::write(scratch.keys().join("index-0002.key"), [9; 32]).unwrap();
    assert!(!scratch.is_usable());
    assert_eq!(scratch.some_answers(), plain);
    scratch.index();
    assert!(scratch.is_usable());
    assert_eq!(scratch.some_answers(), plain);
}

/// Every line of an indexed segment, altered, left out or cut: nothing of it is believed because an index says so.
#[test]
fn an_altered_journal_is_as_altered_with_an_index_as_without() {
    let mut scratch = Scratch::new();
    scratch.tell(&deliveries(12));
    scratch.index();
    let segments = scratch.segments();
    assert!(segments.len() > 3);
    for path in [&segments[0], &segments[1], segments.last().unwrap()] {
        let good = fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        for at in [0, lines.len() / 2, lines.len() - 1] {
            let mut altered: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            altered[at] = altered[at].replacen("\"time\":\"2026", "\"time\":\"2025", 1);
            fs::write(path, altered.join("\n") + "\n").unwrap();
            let (answer, code) = access_log(&scratch.journal(), "999911120", Period::default(), Form::Json).unwrap();
            assert_eq!((code, answer.contains("\"lines\":[]")), (2, true), "{path:?} {at}: {answer}");
            assert_eq!(show(&scratch.journal(), "999990019", true).unwrap().1, 2);
            assert_eq!(verify(&scratch.journal(), Against::default()).unwrap().1, 2);
        }
        fs::write(path, good).unwrap();
    }
    // Written again as it was, it is verified anew, and the index goes on.
    assert!(!scratch.is_usable());
    assert_eq!(scratch.index().1, 0);
    assert!(scratch.is_usable());
    let path = &segments[1];
    let good = fs::read_to_string(path).unwrap();
    fs::write(path, good.replacen("\"time\":\"2026", "\"time\":\"2025", 1)).unwrap();
    assert_eq!(scratch.index().1, 2);
}

#[test]
fn an_index_names_nobody_and_is_for_its_owner_alone() {
    let mut scratch = Scratch::new();
    scratch.tell(&deliveries(12));
    assert!(scratch.index().0.contains("\"verdict\":\"whole\""));
    let bytes = fs::read(scratch.file()).unwrap();
    for name in ["999911120", "999990019", "Patient/1", "00000001"] {
        assert!(memchr::memmem::find(&bytes, name.as_bytes()).is_none(), "{name}");
    }
    assert_eq!(fs::metadata(scratch.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(scratch.keys().join("index-0001.key")).unwrap().permissions().mode() & 0o777, 0o600);
    // It says itself where its key is.
    assert_eq!(index(&scratch.journal(), None, false).unwrap().1, 0);
    fs::remove_file(scratch.file()).unwrap();
    assert!(matches!(index(&scratch.journal(), None, false), Err(AuditError::NoKeys)));
    assert!(matches!(index(Path::new("/nowhere"), Some(&scratch.keys()), false), Err(AuditError::Index(_))));
}
