use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::audit::{Event, EventKind, Record};

const LINES: usize = 1_000;

fn journal(lines: usize) -> Vec<Vec<u8>> {
    let mut head = Head::NONE;
    let write = |index| {
        let mut line = Vec::new();
        let event = Event::new(EventKind::Trust).counting("n", index);
        head.write(&Record::from(event), datetime!(2026-03-01 12:00 UTC), &[], &mut line);
        line
    };
    (0..u64::try_from(lines).unwrap()).map(write).collect()
}

fn at_the_first() -> Verifier {
    let mut verifier = Verifier::from_the_first();
    verifier.segment("000001.jsonl");
    verifier
}

fn feed(verifier: &mut Verifier, bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => verifier.line(line, Ending::Newline),
            None => verifier.line(line, Ending::File),
        };
    }
}

fn verified(bytes: &[u8], head: Option<Hash>) -> Verification {
    let mut verifier = at_the_first();
    if let Some(head) = head {
        verifier = verifier.seeking(head);
    }
    feed(&mut verifier, bytes);
    verifier.finish()
}

/// A journal and what the verifier knows before each of its lines: a test that changes one line need not read those
/// before it again.
struct Read {
    lines: Vec<Vec<u8>>,
    before: Vec<Verifier>,
}

fn read_up_to(count: usize) -> Read {
    let lines = journal(count);
    let mut verifier = at_the_first();
    let mut before = Vec::new();
    for line in &lines {
        before.push(verifier.clone());
        feed(&mut verifier, line);
    }
    Read { lines, before }
}

impl Read {
    /// Returns the first fault of the journal with `instead` in place of its lines from `index` on.
    #[track_caller]
    fn first_fault(&self, index: usize, instead: &[&[u8]]) -> (u64, Fault) {
        let mut verifier = self.before[index].clone();
        for line in instead {
            feed(&mut verifier, line);
            // What was found stays found: reading on cannot mend it.
            if verifier.altered {
                break;
            }
        }
        assert_eq!(verifier.clone().finish().verdict, Verdict::Altered, "from line {}", index + 1);
        verifier.bad.first().map(|bad| (bad.line, bad.fault)).unwrap()
    }

    fn from(&self, index: usize) -> Vec<&[u8]> {
        self.lines[index..].iter().map(Vec::as_slice).collect()
    }
}

fn number(index: usize) -> u64 {
    u64::try_from(index + 1).unwrap()
}

fn head_of(lines: &[Vec<u8>]) -> Hash {
    verified(&lines.concat(), None).head.hash
}

#[track_caller]
fn finds(bytes: &[u8], what: &str) -> Vec<(u64, Fault)> {
    let found = verified(bytes, None);
    assert_eq!(found.verdict, Verdict::Altered, "{what}");
    found.bad.iter().map(|bad| (bad.line, bad.fault)).collect()
}

#[test]
fn a_journal_as_it_was_written_is_intact() {
    let lines = journal(LINES);
    let found = verified(&lines.concat(), Some(head_of(&lines)));
    assert_eq!((found.verdict, found.records, found.head.seq), (Verdict::Intact, 1_000, 1_000));
    assert!(found.bad.is_empty());
    let empty = verified(b"", Some(Hash::NONE));
    assert_eq!((empty.verdict, empty.records), (Verdict::Intact, 0));
}

#[test]
fn every_change_of_one_byte_is_found() {
    let read = read_up_to(LINES);
    let mut chance = Chance::seeded();
    for (index, line) in read.lines.iter().enumerate() {
        // Of every record its first and last bytes, its end, and some by chance; of all records together every byte.
        let mut changes =
            vec![(0, 1), (index % line.len(), 1 << (index % 8)), (line.len() - 2, 1), (line.len() - 1, 0x20)];
        changes.extend((0..6).map(|_| (chance.below(line.len()), chance.byte().max(1))));
        for (at, mask) in changes {
            let mut changed = line.clone();
            changed[at] ^= mask;
            let mut instead = read.from(index);
            instead[0] = &changed;
            instead.truncate(2);
            assert_eq!(read.first_fault(index, &[&instead.concat()]).0, number(index), "byte {at} ^ {mask}");
        }
    }
}

/// Bytes that go or come, by one and in runs, wherever that is.
#[test]
fn every_byte_that_is_cut_out_or_put_in_is_found() {
    let read = read_up_to(LINES);
    let mut chance = Chance::seeded();
    for (index, line) in read.lines.iter().enumerate() {
        let (at, end) = (chance.below(line.len()), chance.below(line.len()));
        let mut without = line.clone();
        without.drain(at.min(end)..=at.max(end));
        let mut with = line.clone();
        with.insert(at, chance.byte());
        for changed in [without, with] {
            let mut instead = read.from(index);
            instead[0] = &changed;
            instead.truncate(3);
            // All of a line is a line that is missing: found where the next one stands, unless it is the last.
            if changed.is_empty() && instead.len() == 1 {
                continue;
            }
            let bytes = instead.concat();
            let mut verifier = read.before[index].clone();
            feed(&mut verifier, &bytes);
            let found = verifier.finish();
            // What lacks its end at the end of the last segment is torn, and was never acknowledged.
            let is_torn = found.verdict == Verdict::Torn && instead.len() == 1;
            assert!(found.verdict == Verdict::Altered || is_torn, "line {}: {:?}", index + 1, found.verdict);
        }
    }
}

/// Which bytes are changed is another matter each time; the seed that is printed brings them back.
struct Chance(u64);

impl Chance {
    fn seeded() -> Self {
        #[expect(clippy::disallowed_methods, reason = "who runs the test says from which seed")]
        let given = std::env::var("SLUIS_TAMPER_SEED").ok();
        let seed = given.map_or_else(|| u64::from(std::process::id()), |seed| seed.parse().unwrap());
        println!("SLUIS_TAMPER_SEED={seed}");
        Self(seed)
    }

    /// SplitMix64, which any seed will do for.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

#[test]
fn every_change_of_every_byte_of_a_record_is_found() {
    let lines = journal(3);
    for at in 0..lines[1].len() {
        for mask in [1, 0x20, 0x80] {
            let mut changed = lines.clone();
            changed[1][at] ^= mask;
            let found = finds(&changed.concat(), &format!("byte {at}"));
            assert_eq!(found.first().unwrap().0, 2, "byte {at}");
        }
    }
}

#[test]
fn an_altered_line_is_named_and_no_other() {
    let mut lines = journal(5);
    let text = String::from_utf8(lines[2].clone()).unwrap().replace("\"n\":2", "\"n\":9");
    lines[2] = text.into_bytes();
    assert_eq!(finds(&lines.concat(), "altered"), [(3, Fault::Altered)]);
}

#[test]
fn every_missing_line_but_the_last_is_found() {
    let read = read_up_to(LINES);
    for index in 0..LINES - 1 {
        assert_eq!(read.first_fault(index, &read.from(index + 1)), (number(index), Fault::Missing));
    }
}

#[test]
fn a_missing_line_is_one_fault() {
    let mut lines = journal(10);
    lines.drain(3..6);
    assert_eq!(finds(&lines.concat(), "missing"), [(4, Fault::Missing)]);
}

#[test]
fn a_cut_tail_shows_only_against_a_head_that_is_kept_elsewhere() {
    let mut lines = journal(LINES);
    let earlier = head_of(&lines[..200]);
    let head = head_of(&lines);
    lines.pop();
    assert_eq!(verified(&lines.concat(), None).verdict, Verdict::Intact);
    assert_eq!(verified(&lines.concat(), Some(earlier)).verdict, Verdict::Intact);
    let found = verified(&lines.concat(), Some(head));
    assert_eq!(found.verdict, Verdict::Altered);
    assert_eq!(found.bad.last().unwrap().fault, Fault::HeadMissing);
    // Wherever it was cut.
    let read = read_up_to(LINES);
    for before in &read.before {
        let found = before.clone().seeking(head).finish();
        assert_eq!((found.verdict, found.bad.last().unwrap().fault), (Verdict::Altered, Fault::HeadMissing));
    }
}

#[test]
fn every_swap_is_found() {
    let read = read_up_to(LINES);
    for first in 0..LINES {
        for second in [first + 1, first + 2, first + 40, LINES - 1] {
            if second > first && second < LINES {
                let mut instead = read.from(first);
                instead.swap(0, second - first);
                assert_eq!(read.first_fault(first, &instead), (number(first), Fault::Missing));
            }
        }
    }
}

#[test]
fn a_line_that_stands_there_twice_is_found() {
    let mut lines = journal(4);
    lines.insert(2, lines[1].clone());
    assert_eq!(finds(&lines.concat(), "twice"), [(3, Fault::OutOfOrder)]);
}

#[test]
fn a_line_of_another_chain_is_found() {
    let mut lines = journal(4);
    let mut head = Head { seq: 2, hash: "ab".repeat(32).parse().unwrap() };
    lines[2].clear();
    head.write(&Record::abandoned(None, None), datetime!(2026-03-01 12:00 UTC), &[], &mut lines[2]);
    assert_eq!(finds(&lines.concat(), "grafted"), [(3, Fault::Unlinked), (4, Fault::Unlinked)]);
}

#[test]
fn a_tail_cut_inside_a_line_is_torn_at_every_byte() {
    let lines = journal(3);
    let bytes = lines.concat();
    let whole = bytes.len() - lines[2].len();
    for cut in whole..bytes.len() {
        let found = verified(&bytes[..cut], None);
        let expected = if cut == whole { Verdict::Intact } else { Verdict::Torn };
        assert_eq!((found.verdict, found.records), (expected, 2), "byte {cut}");
        assert_eq!(found.head.seq, 2);
    }
}

#[test]
fn a_line_without_its_end_is_torn_only_at_the_end_of_the_last_segment() {
    let lines = journal(2);
    let mut verifier = Verifier::from_the_first();
    verifier.segment("000001.jsonl");
    verifier.line(lines[0].strip_suffix(b"\n").unwrap(), Ending::File);
    verifier.segment("000002.jsonl");
    let found = verifier.finish();
    assert_eq!(found.verdict, Verdict::Altered);
    let bad = Bad { segment: "000001.jsonl".to_owned(), line: 1, fault: Fault::Unterminated };
    assert_eq!(found.bad, [bad]);
}

#[test]
fn of_very_many_faults_the_first_are_listed_and_the_verdict_stands() {
    let found = verified(&b"{}\n".repeat(2 * limits::JOURNAL_FAULTS), None);
    assert_eq!((found.verdict, found.bad.len()), (Verdict::Altered, limits::JOURNAL_FAULTS));
}

#[test]
fn a_record_that_repeats_a_member_is_none() {
    let line = b"{\"v\":1,\"v\":1,\"seq\":1,\"kind\":\"event\"}";
    assert_eq!(read(line).unwrap_err().fault, Fault::Malformed);
}

proptest! {
    /// Invariant 8.
    #[test]
    fn arbitrary_bytes_are_no_record_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).is_err());
        prop_assert_eq!(verified(&bytes, None).head, Head::NONE);
    }
}
