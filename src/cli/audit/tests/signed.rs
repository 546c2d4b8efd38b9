//! Journals that are signed, and forgers who can write every file of theirs.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::*;
use crate::gateway::clock::Hand;
use crate::gateway::signing::Signer;
use crate::limits;

pub(super) const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// A directory with a journal that was signed and the keys, gone when the test ends.
pub(super) struct Signed(pub(super) PathBuf);

impl Drop for Signed {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

impl Signed {
    /// A journal of so many exchanges, one each `step`.
    pub(super) fn new(name: &str, exchanges: u32, step: time::Duration) -> Self {
        let signed = Self(std::env::temp_dir().join(format!("sluis-signed-{}-{name}", std::process::id())));
        let (journal, hand) = signed.open();
        for count in 0..exchanges {
            hand.set(NOON + step * count);
            let mut trail = trail(&journal, &format!("Patient/{count}"), None);
            wait(trail.intend(permits())).unwrap();
            wait(trail.close(&closing("Observation/1"))).unwrap();
        }
        journal.stop();
        signed
    }

    pub(super) fn open(&self) -> (Journal, Hand) {
        let (clock, hand) = Clock::by_hand(NOON);
        (Journal::open_signed(&self.journal(), clock, Signer::read(&self.keys()).unwrap()).unwrap(), hand)
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    fn segment(&self) -> PathBuf {
        self.journal().join("000001.jsonl")
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.segment()).unwrap().lines().map(str::to_owned).collect()
    }

    fn write(&self, lines: &[String]) {
        fs::write(self.segment(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }

    pub(super) fn verified(&self, key: Option<&Path>, head: Option<&Path>) -> (Value, i32) {
        let (text, code) = verify(&self.journal(), Against { head, key }).unwrap();
        (serde_json::from_str(&text).unwrap(), code)
    }

    /// The reason that is found first with the key; the chain alone shows nothing.
    #[track_caller]
    fn only_the_key_tells(&self) -> String {
        assert_eq!(self.verified(None, None).0["verdict"], "intact", "without the key");
        let (answer, code) = self.verified(Some(&self.keys()), None);
        assert_eq!((&answer["verdict"], code), (&json!("altered"), 2), "{answer}");
        answer["bad"][0]["reason"].as_str().unwrap().to_owned()
    }
}

fn wait<T>(ticket: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(ticket)
}

fn permits() -> Basis {
    Basis {
        ground: Ground::RulePermits,
        policy: "wabvpz".to_owned(),
        consents: Vec::new(),
        relation: None,
        review: None,
        shadow: None,
    }
}

/// The first member of that name whose value is a text without escapes.
fn text_of(line: &str, name: &str) -> String {
    line.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

pub(super) fn is_checkpoint(line: &str) -> bool {
    line.contains("\"event\":\"checkpoint\"")
}

/// Chains the lines anew, numbers and hashes and all, as whoever knows how they are made can.
pub(super) fn forge(lines: &[String]) -> Vec<String> {
    let (mut seq, mut prev) = (0, "0".repeat(64));
    let mut forged = Vec::new();
    for line in lines {
        seq += 1;
        let body = line.split(",\"prev\":").next().unwrap();
        let (_, rest) = body.split_once(",\"time\":").unwrap();
        let hashed = format!("{{\"v\":1,\"seq\":{seq},\"time\":{rest},\"prev\":\"{prev}\"");
        prev = Sha256::digest(&hashed).iter().map(|byte| format!("{byte:02x}")).collect();
        forged.push(format!("{hashed},\"hash\":\"{prev}\"}}"));
    }
    forged
}

/// Rewrites what a checkpoint states: that of the line before it, in the chain as it is forged.
fn restate(lines: &[String], mut state: impl FnMut(u64, &str, &str) -> String) -> Vec<String> {
    let mut forged: Vec<String> = Vec::new();
    for line in lines {
        let mut line = line.clone();
        if let (true, Some(before)) = (is_checkpoint(&line), forged.last()) {
            let before: Value = serde_json::from_str(before).unwrap();
            let time = serde_json::from_str::<Value>(&line).unwrap()["time"].as_str().unwrap().to_owned();
            let stated = state(before["seq"].as_u64().unwrap(), before["hash"].as_str().unwrap(), &time);
            let (start, rest) = line.split_once("\"checkpoint\":{").unwrap();
            let (_, end) = rest.split_once('}').unwrap();
            line = format!("{start}\"checkpoint\":{{{stated}}}{end}");
        }
        forged.push(line);
        forged = forge(&forged);
    }
    forged
}

#[test]
fn a_signed_journal_is_checked_against_its_key() {
    let signed = Signed::new("checked", 5, time::Duration::MINUTE);
    let (answer, code) = signed.verified(Some(&signed.keys()), None);
    assert_eq!((&answer["verdict"], code), (&json!("intact"), 0), "{answer}");
    let (checkpoints, seq) = (answer["checkpoints"].as_u64().unwrap(), answer["signed"]["seq"].as_u64().unwrap());
    // At the start and at the end.
    assert_eq!((checkpoints, &answer["checked"]), (2, &json!(2)));
    assert_eq!(seq, answer["records"].as_u64().unwrap() - 1);
    // A file with the public key does as well; without a key nothing is said to be checked.
    assert_eq!(signed.verified(Some(&signed.keys().join("journal-0001.pub")), None).0, answer);
    let unchecked = signed.verified(None, None).0;
    assert_eq!((&unchecked["checkpoints"], &unchecked["checked"]), (&json!(2), &Value::Null));
    let none = verify(&signed.journal(), Against { head: None, key: Some(&signed.segment()) });
    assert!(matches!(none, Err(AuditError::Keys(_))));
}

#[test]
fn a_chain_that_was_made_anew_without_the_key_is_found() {
    let signed = Signed::new("forged", 12, time::Duration::MINUTE);
    let good = signed.lines();
    let altered: Vec<String> = good.iter().map(|line| line.replace("Patient/3\"", "Patient/4\"")).collect();
    assert_ne!(good, altered);
    // The checkpoints as they were: they sign lines that are not there.
    signed.write(&forge(&altered));
    for key in [None, Some(signed.keys())] {
        assert_eq!(signed.verified(key.as_deref(), None).0["bad"][0]["reason"], "bad-signature");
    }
    // They state what is there, under the signatures that were there.
    let checkpoints = good.iter().filter(|line| is_checkpoint(line));
    let mut old = checkpoints.map(|line| text_of(line, "signature"));
    let key = good.iter().find(|line| is_checkpoint(line)).unwrap();
    let key = text_of(key, "key");
    signed.write(&restate(&altered, |seq, hash, _| {
        format!("\"seq\":{seq},\"hash\":\"{hash}\",\"key\":\"{key}\",\"signature\":\"{}\"", old.next().unwrap())
    }));
    assert_eq!(signed.only_the_key_tells(), "bad-signature");
    // Signed with a key of their own, under its own id and under that of the gateway.
    let theirs = Signed(signed.0.join("theirs"));
    let forger = Signer::read(&theirs.keys()).unwrap();
    for (named, reason) in [(None, "unsigned"), (Some(&key), "bad-signature")] {
        signed.write(&restate(&altered, |seq, hash, time| {
            let time = OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).unwrap();
            let head = crate::audit::Head { seq, hash: hash.parse().unwrap() };
            let line = written_line(&forger, head, time);
            let stated = line.split("\"checkpoint\":{").nth(1).unwrap().split('}').next().unwrap().to_owned();
            match named {
                None => stated,
                Some(key) => {
                    let own = text_of(&stated, "key");
                    stated.replace(&own, key)
                }
            }
        }));
        assert_eq!(signed.only_the_key_tells(), reason);
    }
    // Without any, and without those behind the change.
    let without: Vec<String> = altered.iter().filter(|line| !is_checkpoint(line)).cloned().collect();
    signed.write(&forge(&without));
    assert_eq!(signed.only_the_key_tells(), "unsigned");
    let mut first = true;
    let kept = |line: &&String| !is_checkpoint(line) || std::mem::take(&mut first);
    let without: Vec<String> = altered.iter().filter(kept).cloned().collect();
    signed.write(&forge(&without));
    assert_eq!(signed.only_the_key_tells(), "unsigned");
    // The twin.
    signed.write(&good);
    assert_eq!(signed.verified(Some(&signed.keys()), None).1, 0);
}

fn written_line(signer: &Signer, head: crate::audit::Head, time: OffsetDateTime) -> String {
    let mut line = Vec::new();
    let mut head = head;
    let event = signer.checkpoint(head, time).unwrap();
    head.write(&event.into(), time, &[], &mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn a_checkpoint_that_was_kept_shows_a_cut_tail() {
    let signed = Signed::new("kept", 30, time::Duration::MINUTE);
    let lines = signed.lines();
    let checkpoints: Vec<usize> = (0..lines.len()).filter(|at| is_checkpoint(&lines[*at])).collect();
    assert!(checkpoints.len() > 5, "one each five minutes");
    let head = signed.0.join("head");
    for cut in [checkpoints[3] + 1, checkpoints[3]] {
        signed.write(&lines[..cut]);
        let kept = cut > checkpoints[3];
        // As the line, as several of them, and as an object on several lines.
        let pretty =
            serde_json::to_string_pretty(&serde_json::from_str::<Value>(&lines[checkpoints[3]]).unwrap()).unwrap();
        let two = format!("{}\n{}\n", lines[checkpoints[0]], lines[checkpoints[3]]);
        for text in [lines[checkpoints[3]].clone(), two, pretty] {
            fs::write(&head, text).unwrap();
            let (answer, code) = signed.verified(Some(&signed.keys()), Some(&head));
            assert_eq!(code, if kept { 0 } else { 2 }, "{answer}");
            assert_eq!(answer["bad"].to_string().contains("head-missing"), !kept);
        }
    }
}

/// Times that run backwards are on record as they were, and are no alteration.
#[test]
fn a_clock_that_goes_backwards_leaves_the_journal_signed_and_intact() {
    let signed = Signed::new("backwards", 0, time::Duration::ZERO);
    let (journal, hand) = signed.open();
    for minutes in [0, 90, 60, -600, -599, 3, 2, 1] {
        hand.set(NOON + time::Duration::minutes(minutes));
        let mut trail = trail(&journal, "Patient/1", None);
        wait(trail.intend(permits())).unwrap();
        wait(trail.close(&closing("Observation/1"))).unwrap();
        let (answer, code) = signed.verified(Some(&signed.keys()), None);
        assert_eq!(code, 0, "after {minutes}: {answer}");
    }
    journal.stop();
    let times: Vec<Value> =
        signed.lines().iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["time"].clone()).collect();
    assert!(!times.is_sorted_by_key(|time| time.as_str().unwrap().to_owned()));
    signed.open().0.stop();
    assert_eq!(signed.verified(Some(&signed.keys()), None).1, 0);
}

/// Whoever chains anew from any record on is found by the signatures behind it.
#[test]
fn a_change_anywhere_that_was_chained_anew_is_found() {
    let signed = Signed::new("anywhere", 500, time::Duration::SECOND);
    let good = signed.lines();
    assert!(good.len() > 1_000, "{}", good.len());
    let last = good.len() - 1;
    for at in (0..last).step_by(83).chain([last - 1]).filter(|at| !is_checkpoint(&good[*at])) {
        let mut altered = good.clone();
        altered[at] = altered[at].replacen("\"kind\":\"", "\"was\":1,\"kind\":\"", 1);
        signed.write(&forge(&altered));
        assert_eq!(signed.verified(Some(&signed.keys()), None).1, 2, "line {at}");
        // Left out, and what follows moved up.
        altered.remove(at);
        signed.write(&forge(&altered));
        assert_eq!(signed.verified(Some(&signed.keys()), None).1, 2, "line {at}");
    }
}

#[test]
fn a_checkpoint_is_never_far_away_and_each_start_goes_on() {
    let signed = Signed::new("often", 1_100, time::Duration::MILLISECOND);
    signed.open().0.stop();
    let lines = signed.lines();
    let checkpoints: Vec<usize> = (0..lines.len()).filter(|at| is_checkpoint(&lines[*at])).collect();
    let widest = checkpoints.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert_eq!(widest, usize::try_from(limits::CHECKPOINT_RECORDS).unwrap() + 1);
    assert_eq!(checkpoints.last(), Some(&(lines.len() - 1)));
    let (answer, code) = signed.verified(Some(&signed.keys()), None);
    assert_eq!((code, &answer["checked"]), (0, &json!(checkpoints.len())), "{answer}");
}

#[test]
fn a_gateway_does_not_go_on_from_a_chain_that_was_made_anew() {
    let signed = Signed::new("start", 3, time::Duration::MINUTE);
    let good = signed.lines();
    let key = text_of(good.iter().find(|line| is_checkpoint(line)).unwrap(), "key");
    signed.write(&restate(&good, |seq, hash, _| {
        let forged = "A".repeat(86);
        format!("\"seq\":{seq},\"hash\":\"{hash}\",\"key\":\"{key}\",\"signature\":\"{forged}==\"")
    }));
    let refused =
        Journal::open_signed(&signed.journal(), Clock::by_hand(NOON).0, Signer::read(&signed.keys()).unwrap());
    let said = refused.unwrap_err().to_string();
    assert!(said.ends_with("bad-signature"), "{said}");
    // The twin.
    signed.write(&good);
    signed.open().0.stop();
}

#[test]
fn journals_below_are_verified_as_well() {
    let signed = Signed::new("below", 2, time::Duration::MINUTE);
    let below = signed.journal().join("review");
    let review = Journal::open(&below, Clock::by_hand(NOON).0).unwrap();
    review.event(crate::audit::Event::new(crate::audit::EventKind::Reviewed).with("item", "e-1"));
    review.stop();
    let (answer, code) = signed.verified(Some(&signed.keys()), None);
    assert_eq!((code, &answer["below"]["review"]["records"]), (0, &json!(2)), "{answer}");
    let head = signed.0.join("head");
    fs::write(&head, answer.to_string()).unwrap();
    let file = below.join("000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("e-1", "e-2")).unwrap();
    let (answer, code) = signed.verified(None, None);
    assert_eq!((code, &answer["verdict"], &answer["bad"]), (2, &json!("altered"), &json!([])));
    assert_eq!(answer["below"]["review"]["bad"][0]["reason"], "altered");
    // A cut tail shows against the answer that was kept, and so does a directory that is gone.
    fs::write(&file, text.split_inclusive('\n').next().unwrap()).unwrap();
    assert_eq!((signed.verified(None, None).1, signed.verified(None, Some(&head)).1), (0, 2));
    fs::remove_dir_all(&below).unwrap();
    assert_eq!((signed.verified(None, None).1, signed.verified(None, Some(&head)).1), (0, 2));
}
