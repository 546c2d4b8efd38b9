//! What goes by policy, what stays, and what is proven of the rest.

use std::path::Path;

use super::signed::{NOON, Signed, forge, is_checkpoint};
use super::*;
use crate::gateway::config::Retention;

/// A journal of five days, each with its segment.
fn five_days(name: &str) -> Signed {
    Signed::new(name, 5, time::Duration::DAY)
}

fn names(directory: &Path) -> Vec<String> {
    segments::list(directory).unwrap().segments.into_iter().map(|segment| segment.name).collect()
}

/// Prunes, seven days after the first, what is older than so many days.
fn pruned(signed: &Signed, days: u32, dry_run: bool) -> Result<(Value, i32), AuditError> {
    let (directory, keys) = (signed.journal(), signed.keys());
    let retention = Some(Retention::Days(days));
    let pruning = Pruning { directory: &directory, keys: &keys, retention, by: Some("FG"), dry_run };
    let (text, code) = prune(pruning, Clock::by_hand(NOON + time::Duration::days(7)).0)?;
    Ok((serde_json::from_str(&text).unwrap(), code))
}

fn verdict(signed: &Signed) -> (String, Value) {
    let (answer, _) = signed.verified(Some(&signed.keys()), None);
    (answer["verdict"].as_str().unwrap().to_owned(), answer)
}

#[test]
fn whole_segments_go_and_the_rest_is_proven() {
    let signed = five_days("whole");
    let text = fs::read_to_string(signed.journal().join("000001.jsonl")).unwrap();
    let earlier = text.lines().rfind(|line| is_checkpoint(line)).unwrap().to_owned();
    let (dry, code) = pruned(&signed, 4, true).unwrap();
    assert_eq!((code, &dry["removed"]), (0, &json!(["000001.jsonl", "000002.jsonl"])), "{dry}");
    assert_eq!(names(&signed.journal()).len(), 5, "it only said so");
    assert!(!signed.journal().join("retention").exists());

    let (answer, code) = pruned(&signed, 4, false).unwrap();
    assert_eq!((code, &answer), (0, &dry));
    assert_eq!(names(&signed.journal()), ["000003.jsonl", "000004.jsonl", "000005.jsonl"]);
    let (found, answer) = verdict(&signed);
    assert_eq!((found.as_str(), &answer["removed"]["seq"]), ("intact", &dry["seq"]), "{answer}");
    assert_eq!(answer["removed"]["until"], dry["until"]);
    assert_eq!(answer["below"]["retention"]["verdict"], "intact");
    // What was read before is read, of what is there.
    assert_eq!(show(&signed.journal(), "Patient/0", true).unwrap().0, "{\"verdict\":\"intact\",\"records\":[]}");
    assert!(show(&signed.journal(), "Patient/2", true).unwrap().0.contains("Patient/2"));
    // A line that was kept of what is gone need not be found; a head without its number cannot be told from one that was cut off.
    let head = signed.0.join("head");
    fs::write(&head, &earlier).unwrap();
    assert_eq!(signed.verified(Some(&signed.keys()), Some(&head)).1, 0);
    let hash = serde_json::from_str::<Value>(&earlier).unwrap()["hash"].as_str().unwrap().to_owned();
    fs::write(&head, hash).unwrap();
    assert_eq!(signed.verified(Some(&signed.keys()), Some(&head)).1, 2);
    // The gateway goes on, and so does the policy, but never with the last segment.
    signed.open().0.stop();
    assert_eq!(pruned(&signed, 1, false).unwrap().0["removed"], json!(["000003.jsonl", "000004.jsonl"]));
    assert_eq!(pruned(&signed, 1, false).unwrap().0["removed"], json!([]));
    assert_eq!(names(&signed.journal()).first().map(String::as_str), Some("000005.jsonl"));
    assert_eq!(verdict(&signed).0, "intact");
}

#[test]
fn without_its_statement_what_is_not_there_is_missing() {
    let signed = five_days("missing");
    fs::remove_file(signed.journal().join("000001.jsonl")).unwrap();
    assert_eq!(verdict(&signed).0, "altered");
    // A statement that somebody without the key wrote.
    let stated = fs::read_to_string(signed.journal().join("000002.jsonl")).unwrap();
    let first: Value = serde_json::from_str(stated.lines().next().unwrap()).unwrap();
    let last = crate::audit::Head {
        seq: first["seq"].as_u64().unwrap() - 1,
        hash: first["prev"].as_str().unwrap().parse().unwrap(),
    };
    let forged = Journal::open(&signed.journal().join("retention"), Clock::by_hand(NOON).0).unwrap();
    forged.event(crate::audit::Event::removed(last, "2026-03-01T12:00:00Z"));
    forged.stop();
    assert_eq!(signed.verified(None, None).0["verdict"], "intact", "the chain alone shows nothing");
    let (found, answer) = verdict(&signed);
    assert_eq!((found.as_str(), &answer["bad"][0]["reason"]), ("altered", &json!("missing")), "{answer}");
    // And one that is signed is of no use for more than it states.
    let signed = five_days("more");
    pruned(&signed, 5, false).unwrap();
    assert_eq!(verdict(&signed).0, "intact");
    fs::remove_file(signed.journal().join("000002.jsonl")).unwrap();
    assert_eq!(verdict(&signed).0, "altered");
    fs::remove_dir_all(signed.journal().join("retention")).unwrap();
    assert_eq!(verdict(&signed).0, "altered");
}

#[test]
fn what_was_stated_and_is_still_there_must_be_what_was_stated() {
    let signed = five_days("partly");
    let kept = fs::read_to_string(signed.journal().join("000002.jsonl")).unwrap();
    pruned(&signed, 4, false).unwrap();
    // The machine went down before the second file was gone: the next run takes it.
    fs::write(signed.journal().join("000002.jsonl"), &kept).unwrap();
    assert_eq!(verdict(&signed).0, "intact");
    let lines: Vec<String> = kept.lines().map(|line| line.replace("Patient/1\"", "Patient/9\"")).collect();
    let forged: String = forge(&lines).into_iter().map(|line| format!("{line}\n")).collect();
    fs::write(signed.journal().join("000002.jsonl"), forged).unwrap();
    assert_eq!(verdict(&signed).0, "altered");
    assert_eq!(pruned(&signed, 4, false).unwrap().1, 2, "nothing of a journal that is altered is removed");
    fs::write(signed.journal().join("000002.jsonl"), &kept).unwrap();
    assert_eq!(pruned(&signed, 4, false).unwrap().0["removed"], json!(["000002.jsonl"]));
    assert_eq!(verdict(&signed).0, "intact");
}

#[test]
fn what_is_open_for_review_or_has_to_be_sent_on_stays() {
    let signed = Signed::new("held", 2, time::Duration::DAY);
    let (journal, hand) = signed.open();
    hand.set(NOON + time::Duration::days(2));
    reviewed(&journal, "r-1", "BTG", "bewusteloos", emergency("e-1"));
    journal.stop();
    drop(journal);
    let (journal, hand) = signed.open();
    hand.set(NOON + time::Duration::days(4));
    exchange(&journal, "Patient/4", None);
    journal.stop();
    drop(journal);
    let held = pruned(&signed, 1, true).unwrap().0;
    assert_eq!(held["held"], json!({"segment": "000003.jsonl", "by": "review"}), "{held}");
    let cursor = |from: u64| {
        let zero = "0".repeat(64);
        fs::create_dir_all(signed.journal().join("forward")).unwrap();
        let text = format!(
            "{{\"v\":1,\"kind\":\"fhir\",\"target\":\"t\",\"seq\":{from},\"hash\":\"{zero}\",\"from\":{from},\"begun\":true}}\n"
        );
        fs::write(signed.journal().join("forward/store"), text).unwrap();
    };
    cursor(3);
    assert_eq!(pruned(&signed, 1, true).unwrap().0["held"], json!({"segment": "000001.jsonl", "by": "forward"}));
    fs::write(signed.journal().join("forward/store"), "?").unwrap();
    assert!(matches!(pruned(&signed, 1, false), Err(AuditError::Forward(_))));
    cursor(1_000);
    let closing = review::Closing { id: "e-1", by: "FG", verdict: "terecht", upto: Some(u64::MAX) };
    close(&signed.journal(), closing, Clock::by_hand(NOON).0).unwrap();
    let answer = pruned(&signed, 1, false).unwrap().0;
    assert_eq!((answer["removed"].as_array().unwrap().len(), &answer["held"]), (3, &Value::Null), "{answer}");
    assert_eq!(verdict(&signed).0, "intact");
}

#[test]
fn without_a_time_the_record_is_kept_for_ever() {
    let signed = five_days("ever");
    let (directory, keys) = (signed.journal(), signed.keys());
    let pruning = Pruning { directory: &directory, keys: &keys, retention: None, by: None, dry_run: false };
    assert!(matches!(prune(pruning, Clock::by_hand(NOON).0), Err(AuditError::NoRetention)));
    // Five years are not over.
    let pruning = Pruning { retention: Some(Retention::Years(5)), ..pruning };
    let (text, _) = prune(pruning, Clock::by_hand(NOON + time::Duration::days(1_800)).0).unwrap();
    assert!(text.contains("\"removed\":[]"), "{text}");
    assert_eq!(names(&directory).len(), 5);
}

#[test]
fn an_index_goes_on_behind_what_was_removed_by_a_signed_statement() {
    use crate::gateway::journal::index::{Index, IndexError, Part, Span, Step, Whom};
    let signed = five_days("indexed");
    let (journal, keys) = (signed.journal(), signed.keys());
    pruned(&signed, 4, false).unwrap();
    let index = Index::of(&journal, &keys).unwrap();
    while !matches!(index.step().unwrap(), Step::Whole(_)) {}
    let found = || Part::of(&index, Whom::Reference("Patient/2"), Span::default());
    let about = |part: Part| {
        let mut lines = 0;
        let read = part.read(|_, line| lines += usize::from(memchr::memmem::find(line, b"Patient/2").is_some()));
        (read.unwrap().verdict, lines)
    };
    let all = || about(index.without().unwrap());
    assert_eq!(about(found().unwrap()), all());
    assert!(matches!(all(), (Verdict::Intact, 1..)));
    // Without the statement nobody can tell that it was to go.
    fs::remove_dir_all(journal.join("retention")).unwrap();
    assert!(matches!(found(), Err(IndexError::Misfit)));
    assert_eq!(all().0, Verdict::Altered);
}
