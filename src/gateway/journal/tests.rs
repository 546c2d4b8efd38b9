mod planted;
mod sealed;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use time::macros::datetime;

use super::*;
use crate::audit::{Basis, Closing, Opening, Outcome, Trail, Verdict, Verification, Verifier};
use crate::consent::Ground;
use crate::gateway::clock::Hand;
use crate::identity::{Caller, CallerNames, CardType};

/// A directory that goes when the test ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("sluis-journal-{}-{number}-{name}", std::process::id())))
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.0.join(segments::name_of(number))
    }

    fn lines(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        for segment in segments::list(&self.0).unwrap().segments {
            segment.each_line(|line, _| lines.push(serde_json::from_slice(line).unwrap())).unwrap();
        }
        lines
    }

    fn verified(&self) -> Verification {
        let mut verifier = Verifier::from_the_first();
        for segment in segments::list(&self.0).unwrap().segments {
            verifier.segment(&segment.name);
            segment.each_line(|line, ending| drop(verifier.line(line, ending))).unwrap();
        }
        verifier.finish()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

fn noon() -> (Clock, Hand) {
    Clock::by_hand(datetime!(2026-03-01 12:00 UTC))
}

fn opened(scratch: &Scratch) -> Journal {
    Journal::open(&scratch.0, noon().0).unwrap()
}

fn wait(ticket: Ticket) -> Result<(), Unrecorded> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(ticket)
}

fn trail(journal: &Journal, request: &str) -> Trail<JournalSink> {
    let caller = Caller::new(
        "00000001".parse().unwrap(),
        "900000001".parse().unwrap(),
        CardType::Professional,
        Some("01.015".parse().unwrap()),
        CallerNames::default(),
        None,
    );
    let opening = Opening {
        request: request.to_owned(),
        caller: Arc::new(caller),
        address: "192.0.2.1:4711".parse().unwrap(),
        method: "GET".to_owned(),
        target: b"/fhir/Patient/1".to_vec(),
        form: Vec::new(),
        purpose: None,
        reason: None,
        holder: "00000002".parse().unwrap(),
        upstream: "hapi".to_owned(),
        base: "https://localhost/fhir".to_owned(),
        policy: "wabvpz".to_owned(),
    };
    Trail::open(journal.sink().unwrap(), opening)
}

fn basis() -> Basis {
    Basis {
        ground: Ground::RulePermits,
        policy: "wabvpz".to_owned(),
        consents: Vec::new(),
        relation: None,
        review: None,
        shadow: None,
    }
}

fn delivered() -> Closing {
    Closing {
        outcome: Outcome::Delivered,
        status: Some(200),
        cause: None,
        released: Vec::new(),
        withheld: Vec::new(),
        differs: Vec::new(),
        total: None,
        bytes: 1,
    }
}

fn exchange(journal: &Journal, request: &str) {
    let mut trail = trail(journal, request);
    wait(trail.intend(basis())).unwrap();
    wait(trail.close(&delivered())).unwrap();
}

#[test]
fn an_exchange_is_on_disk_when_its_tickets_say_so_and_nobody_else_can_read_it() {
    let scratch = Scratch::new("exchange");
    let journal = opened(&scratch);
    exchange(&journal, "r-1");
    let lines = scratch.lines();
    assert_eq!(lines.iter().map(|line| &line["kind"]).collect::<Vec<_>>(), ["event", "intent", "close"]);
    assert_eq!((&lines[0]["event"], &lines[0]["open"]), (&"segment".into(), &serde_json::json!([])));
    assert_eq!(lines[2]["intents"], serde_json::json!([2]));
    assert_eq!(lines[2]["time"], "2026-03-01T12:00:00.000000Z");
    assert_eq!(fs::metadata(scratch.segment(1)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&scratch.0).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(scratch.verified().verdict, Verdict::Intact);
}

#[test]
fn a_second_gateway_on_the_same_journal_is_refused_until_the_first_has_ended() {
    let scratch = Scratch::new("lock");
    let journal = opened(&scratch);
    assert!(matches!(Journal::open(&scratch.0, noon().0), Err(JournalError::InUse)));
    drop(journal);
    assert!(Journal::open(&scratch.0, noon().0).is_ok());
}

#[test]
fn the_chain_goes_on_over_starts_and_segments() {
    let scratch = Scratch::new("segments");
    for start in 0..3 {
        let locked = Directory::lock(&scratch.0).unwrap();
        let found = recovery::read(&scratch.0, &PublicKeys::default()).unwrap();
        let disk = locked.resume(found.at).unwrap();
        let journal = Journal::begin(disk, found, 2_000, Capacity::default(), noon().0, None).unwrap();
        for count in 0..5 {
            exchange(&journal, &format!("r-{start}-{count}"));
        }
    }
    assert!(segments::list(&scratch.0).unwrap().segments.len() > 3);
    let found = scratch.verified();
    assert_eq!((found.verdict, found.bad), (Verdict::Intact, Vec::new()));
    let lines = scratch.lines();
    assert_eq!(lines.iter().filter(|line| line["kind"] == "close").count(), 15);
    assert!(lines.iter().all(|line| line["outcome"] != "cut-off"));
}

#[test]
fn a_day_begins_a_segment_and_a_clock_that_is_set_back_ends_none() {
    let scratch = Scratch::new("days");
    let (clock, hand) = noon();
    let journal = Journal::open(&scratch.0, clock.clone()).unwrap();
    let segments = || segments::list(&scratch.0).unwrap().segments.len();
    exchange(&journal, "r-1");
    for (moment, expected) in [
        (datetime!(2026-03-01 23:59:59 UTC), 1),
        (datetime!(2026-02-27 12:00 UTC), 1),
        (datetime!(2026-03-02 0:00 UTC), 2),
        (datetime!(2026-03-02 18:00 UTC), 2),
    ] {
        hand.set(moment);
        exchange(&journal, "r-2");
        assert_eq!(segments(), expected, "{moment}");
    }
    journal.stop();
    drop(journal);
    // A start on the same day goes on in the same segment, one on the next begins another with its first record.
    for (moment, expected) in [(datetime!(2026-03-02 23:00 UTC), 2), (datetime!(2026-03-05 8:00 UTC), 3)] {
        hand.set(moment);
        let journal = Journal::open(&scratch.0, clock.clone()).unwrap();
        exchange(&journal, "r-3");
        drop(journal);
        assert_eq!(segments(), expected, "{moment}");
    }
    let found = scratch.verified();
    assert_eq!((found.verdict, found.bad), (Verdict::Intact, Vec::new()));
}

#[test]
fn a_segment_names_the_intents_that_are_open_where_it_begins() {
    let scratch = Scratch::new("carried");
    let locked = Directory::lock(&scratch.0).unwrap();
    let found = recovery::read(&scratch.0, &PublicKeys::default()).unwrap();
    let disk = locked.resume(found.at).unwrap();
    let journal = Journal::begin(disk, found, 1, Capacity::default(), noon().0, None).unwrap();
    let mut open = trail(&journal, "r-open");
    wait(open.intend(basis())).unwrap();
    exchange(&journal, "r-other");
    journal.stop();
    // The journal has ended before the trail: its closing record cannot be written, as when the gateway is killed.
    drop(open);
    drop(journal);
    let last = segments::list(&scratch.0).unwrap().segments.last().unwrap().number;
    let carried = serde_json::json!([{"seq": 3, "request": "r-open", "ground": "rule-permits"}]);
    let text = fs::read_to_string(scratch.segment(last)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(text.lines().next().unwrap()).unwrap()["open"][0], carried[0]);

    drop(opened(&scratch));
    drop(opened(&scratch));
    let closes: Vec<Value> = scratch.lines().into_iter().filter(|line| line["request"] == "r-open").collect();
    assert_eq!(closes.len(), 2, "one intent, closed once");
    assert_eq!((&closes[1]["outcome"], &closes[1]["intents"]), (&"cut-off".into(), &serde_json::json!([3])));
    assert_eq!(closes[1]["ground"], "rule-permits");
    assert_eq!(scratch.verified().verdict, Verdict::Intact);
}

#[test]
fn a_torn_tail_at_any_byte_is_cut_off_recorded_and_its_intent_closed_once() {
    let scratch = Scratch::new("torn");
    let journal = opened(&scratch);
    let mut open = trail(&journal, "r-1");
    wait(open.intend(basis())).unwrap();
    wait(open.close(&delivered())).unwrap();
    drop(journal);
    let whole = fs::read(scratch.segment(1)).unwrap();
    let close = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in close..whole.len() {
        fs::write(scratch.segment(1), &whole[..cut]).unwrap();
        drop(opened(&scratch));
        let found = scratch.verified();
        assert_eq!((found.verdict, found.bad), (Verdict::Intact, Vec::new()), "byte {cut}");
        let lines = scratch.lines();
        let recovered = lines.iter().filter(|line| line["event"] == "recovered").collect::<Vec<_>>();
        if cut > close {
            assert_eq!(recovered.len(), 1, "byte {cut}");
            assert_eq!(recovered[0]["bytes"], cut - close);
        }
        let closes: Vec<_> = lines.iter().filter(|line| line["kind"] == "close").collect();
        assert_eq!(closes.len(), 1, "byte {cut}");
        assert_eq!(closes[0]["outcome"], "cut-off");
    }
}

#[test]
fn a_segment_that_was_begun_and_not_written_follows_the_one_before() {
    let scratch = Scratch::new("begun");
    let journal = opened(&scratch);
    exchange(&journal, "r-1");
    drop(journal);
    for torn in ["", "{\"v\":1,\"seq\":4"] {
        fs::write(scratch.segment(2), torn).unwrap();
        exchange(&opened(&scratch), "r-2");
        let found = scratch.verified();
        assert_eq!((found.verdict, found.bad), (Verdict::Intact, Vec::new()));
        fs::remove_file(scratch.segment(2)).unwrap();
    }
}

#[test]
fn an_altered_journal_is_not_written_to() {
    let scratch = Scratch::new("altered");
    let journal = opened(&scratch);
    exchange(&journal, "r-1");
    drop(journal);
    let altered = fs::read_to_string(scratch.segment(1)).unwrap().replace("rule-permits", "rule-denies!");
    fs::write(scratch.segment(1), &altered).unwrap();
    let error = Journal::open(&scratch.0, noon().0).unwrap_err();
    assert_eq!(error.to_string(), "the journal is altered at segment 000001.jsonl, line 2: altered");
    assert_eq!(fs::read_to_string(scratch.segment(1)).unwrap(), altered);
}

#[test]
fn a_stranger_among_the_segments_is_refused() {
    let scratch = Scratch::new("stranger");
    drop(opened(&scratch));
    fs::copy(scratch.segment(1), scratch.0.join("1.jsonl")).unwrap();
    let error = Journal::open(&scratch.0, noon().0).unwrap_err();
    assert_eq!(error.to_string(), "the journal is altered at segment 1.jsonl, line 0: not-a-segment");
}

#[test]
fn a_flood_of_failed_handshakes_is_bounded_and_its_size_is_on_record() {
    let scratch = Scratch::new("flood");
    let (clock, hand) = noon();
    let journal = Journal::open(&scratch.0, clock).unwrap();
    let handshake = || {
        let event = Event::new(EventKind::HandshakeFailed);
        event.from_address("192.0.2.7:1".parse().unwrap()).because(["untrusted-chain"])
    };
    for _ in 0..10_000 {
        journal.event(handshake());
    }
    hand.set(datetime!(2026-03-01 12:01 UTC));
    journal.event(handshake());
    for _ in 0..1_000 {
        journal.event(handshake());
    }
    journal.event(Event::new(EventKind::Stop));
    journal.stop();
    let lines = scratch.lines();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let shown = u64::from(limits::UNPROVEN_EVENTS);
    assert_eq!(u64::try_from(of("handshake-failed").len()).unwrap(), 2 * shown);
    assert_eq!(of("handshake-failed")[0]["reasons"], serde_json::json!(["untrusted-chain"]));
    let counts: Vec<_> = of("dropped").iter().map(|line| line["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [10_000 - shown, 1_001 - shown]);
    assert_eq!(of("stop").len(), 1);
}

#[test]
fn a_journal_that_was_stopped_takes_no_records() {
    let scratch = Scratch::new("stopped");
    let journal = opened(&scratch);
    let mut late = trail(&journal, "r-1");
    journal.stop();
    assert_eq!(wait(late.intend(basis())), Err(Unrecorded));
    assert_eq!(journal.sink().unwrap_err(), NoTrail::Broken);
}

/// Invariants 3 and 12: a kill leaves some beginning of what was written, and so does this test.
#[test]
fn wherever_the_writing_ends_every_intent_is_closed_exactly_once() {
    let scratch = Scratch::new("killed");
    let begin = |segment_bytes| {
        let locked = Directory::lock(&scratch.0).unwrap();
        let found = recovery::read(&scratch.0, &PublicKeys::default()).unwrap();
        let disk = locked.resume(found.at).unwrap();
        Journal::begin(disk, found, segment_bytes, Capacity::default(), noon().0, None).unwrap()
    };
    let journal = begin(2_500);
    let mut open = Vec::new();
    for count in 0..12 {
        let mut trail = trail(&journal, "the same id for all");
        wait(trail.intend(basis())).unwrap();
        open.push(trail);
        if count % 3 > 0 {
            let position = count % open.len();
            wait(open.remove(position).close(&delivered())).unwrap();
        }
    }
    journal.stop();
    drop((open, journal));
    let last = segments::list(&scratch.0).unwrap().segments.last().unwrap().number;
    let whole = fs::read(scratch.segment(last)).unwrap();
    assert!(last > 2);
    for cut in (0..whole.len()).step_by(17).chain([whole.len() - 1, whole.len()]) {
        fs::write(scratch.segment(last), &whole[..cut]).unwrap();
        drop(begin(u64::MAX));
        assert_eq!(scratch.verified().verdict, Verdict::Intact, "byte {cut}");
        let lines = scratch.lines();
        let intents = lines.iter().filter(|line| line["kind"] == "intent").map(|line| line["seq"].as_u64().unwrap());
        let closes = lines.iter().filter(|line| line["kind"] == "close");
        let mut closed: Vec<_> = closes.flat_map(|line| line["intents"].as_array().unwrap().clone()).collect();
        closed.sort_by_key(|seq| seq.as_u64());
        assert_eq!(closed, intents.map(Value::from).collect::<Vec<_>>(), "byte {cut}");
    }
}
