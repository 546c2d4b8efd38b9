//! The engine against targets that fail in every way, with gateways that are killed in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::audit::{Event, EventKind, Hash};
use crate::gateway::clock::Clock;
use crate::gateway::journal::segments::name_of;

/// A journal of some segments, and what its writer says.
struct World {
    journal: PathBuf,
    durable: watch::Sender<Head>,
    /// From the head of nothing on.
    heads: Vec<Head>,
}

impl World {
    fn of(name: &str, segments: &[usize]) -> Self {
        let journal = std::env::temp_dir().join(format!("sluis-forward-{}-{name}", std::process::id()));
        fs::remove_dir_all(&journal).unwrap_or_default();
        fs::create_dir_all(&journal).unwrap();
        let (mut head, mut heads) = (Head::NONE, vec![Head::NONE]);
        for (index, lines) in segments.iter().enumerate() {
            let mut text = Vec::new();
            for _ in 0..*lines {
                head.write(&Event::new(EventKind::Start).into(), datetime!(2026-03-01 12:00 UTC), &[], &mut text);
                heads.push(head);
            }
            fs::write(journal.join(name_of(u64::try_from(index).unwrap() + 1)), text).unwrap();
        }
        Self { journal, durable: watch::Sender::new(head), heads }
    }

    /// A gateway that starts: nothing is known but what is on disk.
    fn engine<T: Target>(&self, target: T) -> Engine<T> {
        let source = Source {
            journal: self.journal.clone(),
            durable: self.durable.subscribe(),
            clock: Clock::by_hand(datetime!(2026-03-01 12:01 UTC)).0,
        };
        let standing = Arc::new(Standing::new("central", source.durable.clone(), source.clock.clone()));
        let backoff = Backoff::up_to(Duration::from_millis(1));
        Engine::new(target, &source, CursorFile::of(&self.journal, "central", "fhir", "t"), backoff, standing)
    }

    fn cursor(&self) -> Cursor {
        CursorFile::of(&self.journal, "central", "fhir", "t").read().unwrap().unwrap()
    }

    fn cursor_path(&self) -> PathBuf {
        self.journal.join("forward/central")
    }

    fn ids(&self, of: std::ops::RangeInclusive<usize>) -> Vec<String> {
        self.heads[of].iter().map(|head| head.hash.to_string()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.journal).unwrap_or_default();
    }
}

/// What a target does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Take,
    /// Takes it, and the answer is lost.
    TakeAndLose,
    /// Takes the first of it and fails.
    TakeSome,
    Fail,
}

/// What a target has: in order, each with its place in the journal.
#[derive(Default)]
struct Store {
    has: Vec<(u64, Payload)>,
    deeds: Vec<Deed>,
    refused: Option<String>,
    sent: usize,
}

/// A target that keeps what it has in the order in which it came, and says where it is; or one that puts each under its id.
struct Scripted<'s> {
    store: &'s Mutex<Store>,
    is_stream: bool,
    forms_only_even: bool,
}

fn store() -> Mutex<Store> {
    Mutex::new(Store::default())
}

fn stream(store: &Mutex<Store>) -> Scripted<'_> {
    Scripted { store, is_stream: true, forms_only_even: false }
}

fn by_id(store: &Mutex<Store>) -> Scripted<'_> {
    Scripted { store, is_stream: false, forms_only_even: false }
}

impl Target for Scripted<'_> {
    fn form(&mut self, entry: &Entry, line: &[u8]) -> Result<Vec<Payload>, serde_json::Error> {
        if self.forms_only_even && !entry.seq.is_multiple_of(2) {
            return Ok(Vec::new());
        }
        Ok(vec![Payload { id: entry.hash.to_string(), bytes: line.to_vec() }])
    }

    fn needs(&self) -> Option<u64> {
        None
    }

    fn forget(&mut self) {}

    async fn join(&mut self) -> Result<Place, Failure> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_stream {
            return Ok(Place::Unsaid);
        }
        Ok(store.has.last().map_or(Place::Nowhere, |(seq, payload)| {
            Place::Behind(Head { seq: *seq, hash: payload.id.parse().unwrap() })
        }))
    }

    async fn send(&mut self, payloads: &[&Payload]) -> Result<(), Failure> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.sent += 1;
        if payloads.iter().any(|payload| store.refused.as_ref() == Some(&payload.id)) {
            return Err(Failure::Refused);
        }
        let deed = store.deeds.pop().unwrap_or(Deed::Take);
        let count = match deed {
            Deed::Take | Deed::TakeAndLose => payloads.len(),
            Deed::TakeSome => payloads.len() / 2,
            Deed::Fail => 0,
        };
        for payload in &payloads[..count] {
            let line: serde_json::Value = serde_json::from_slice(&payload.bytes).unwrap();
            store.has.push((line["seq"].as_u64().unwrap(), (*payload).clone()));
        }
        if deed == Deed::Take { Ok(()) } else { Err(Failure::Passing(Reason::Unreachable)) }
    }
}

impl Store {
    fn ids(&self) -> Vec<String> {
        self.has.iter().map(|(_, payload)| payload.id.clone()).collect()
    }

    /// What stands under each id; sending one again must not change it.
    fn by_id(&self) -> BTreeMap<String, Vec<u8>> {
        let mut by_id = BTreeMap::new();
        for (_, Payload { id, bytes }) in &self.has {
            let before = by_id.insert(id.clone(), bytes.clone());
            assert!(before.is_none_or(|before| before == *bytes), "{id} changed");
        }
        by_id
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![Just(Deed::Take), Just(Deed::TakeAndLose), Just(Deed::TakeSome), Just(Deed::Fail)]
}

/// What happens between two attempts.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Killed,
    /// Killed after the acknowledgement and before the cursor moved.
    KilledWithOlderCursor,
    CursorLost,
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        3 => Just(Between::Nothing),
        1 => Just(Between::Killed),
        1 => Just(Between::KilledWithOlderCursor),
        1 => Just(Between::CursorLost)
    ]
}

/// Sends everything on, with these deeds of the target and these fates of the gateway.
fn sent_on<'s>(world: &World, target: impl Fn() -> Scripted<'s>, fates: &[Between]) {
    let runtime = runtime();
    let mut engine = world.engine(target());
    let mut fates = fates.iter();
    let mut older = None;
    for _ in 0..200 {
        if runtime.block_on(engine.run(Until::Sent)).is_ok() && fates.len() == 0 {
            return;
        }
        let current = fs::read(world.cursor_path()).ok();
        match fates.next().copied().unwrap_or(Between::Nothing) {
            Between::Nothing => continue,
            Between::Killed => {}
            Between::KilledWithOlderCursor => match &older {
                Some(text) => fs::write(world.cursor_path(), text).unwrap(),
                None => fs::remove_file(world.cursor_path()).unwrap_or_default(),
            },
            Between::CursorLost => fs::remove_file(world.cursor_path()).unwrap_or_default(),
        }
        older = current;
        engine = world.engine(target());
    }
    panic!("not everything was sent");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_a_stream_has_every_record_once_and_in_order(
        segments in prop::collection::vec(1_usize..60, 1..4),
        deeds in prop::collection::vec(deed(), 0..12),
        fates in prop::collection::vec(between(), 0..12),
    ) {
        let world = World::of("stream", &segments);
        let store = Mutex::new(Store { deeds, ..Store::default() });
        sent_on(&world, || stream(&store), &fates);
        let expected = world.ids(1..=world.heads.len() - 1);
        prop_assert_eq!(store.lock().unwrap().ids(), expected);
        prop_assert_eq!(world.cursor().head, *world.heads.last().unwrap());
    }

    #[test]
    fn whatever_fails_a_server_has_every_record_under_its_id_and_unchanged(
        segments in prop::collection::vec(1_usize..60, 1..4),
        deeds in prop::collection::vec(deed(), 0..12),
        fates in prop::collection::vec(between(), 0..12),
    ) {
        let world = World::of("ids", &segments);
        let store = Mutex::new(Store { deeds, ..Store::default() });
        sent_on(&world, || by_id(&store), &fates);
        let mut expected = world.ids(1..=world.heads.len() - 1);
        expected.sort();
        prop_assert_eq!(store.lock().unwrap().by_id().into_keys().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_record_that_is_refused_for_good_stops_the_forwarder_with_all_before_it_sent_and_none_behind() {
    let world = World::of("poison", &[40, 30]);
    let store = store();
    store.lock().unwrap().refused = Some(world.heads[33].hash.to_string());
    store.lock().unwrap().deeds = vec![Deed::Fail, Deed::Take, Deed::TakeAndLose];
    let mut engine = world.engine(by_id(&store));
    assert_eq!(runtime().block_on(engine.run(Until::Halted)), Err(Reason::Refused));
    assert_eq!(store.lock().unwrap().by_id().len(), 32);
    assert_eq!(world.cursor().head, world.heads[32]);
    // A new start finds it refused again.
    assert_eq!(runtime().block_on(world.engine(by_id(&store)).run(Until::Halted)), Err(Reason::Refused));
    assert_eq!(store.lock().unwrap().by_id().len(), 32);
    // The twin: once the target takes it, everything goes on.
    store.lock().unwrap().refused = None;
    assert_eq!(runtime().block_on(world.engine(by_id(&store)).run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().by_id().len(), 70);
}

#[test]
fn nothing_is_sent_before_it_is_durable() {
    let world = World::of("durable", &[5, 5]);
    world.durable.send_replace(world.heads[6]);
    let store = store();
    let mut engine = world.engine(by_id(&store));
    let runtime = runtime();
    assert_eq!(runtime.block_on(engine.run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().ids(), world.ids(1..=6));
    world.durable.send_replace(world.heads[10]);
    assert_eq!(runtime.block_on(engine.run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().ids(), world.ids(1..=10));
}

#[test]
fn records_of_which_nothing_is_sent_move_the_cursor_too() {
    let world = World::of("nothing", &[3]);
    let store = store();
    let mut engine = world.engine(Scripted { forms_only_even: true, ..by_id(&store) });
    assert_eq!(runtime().block_on(engine.run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().ids(), world.ids(2..=2));
    assert_eq!((world.cursor().head, world.cursor().from), (world.heads[3], 4));
}

#[test]
fn a_cursor_that_cannot_be_kept_is_told_and_kept_once_it_can() {
    let world = World::of("unkept", &[6]);
    world.durable.send_replace(world.heads[3]);
    let store = store();
    let runtime = runtime();
    let mut engine = world.engine(by_id(&store));
    assert_eq!(runtime.block_on(engine.run(Until::Sent)), Ok(()));
    let beside = world.journal.join("forward/.central");
    fs::create_dir(&beside).unwrap();
    world.durable.send_replace(world.heads[6]);
    assert_eq!(runtime.block_on(engine.run(Until::Sent)), Err(Reason::Cursor));
    assert_eq!(runtime.block_on(engine.run(Until::Sent)), Err(Reason::Cursor));
    assert_eq!((store.lock().unwrap().ids(), world.cursor().head), (world.ids(1..=6), world.heads[3]));
    fs::remove_dir(&beside).unwrap();
    assert_eq!(runtime.block_on(engine.run(Until::Sent)), Ok(()));
    assert_eq!((store.lock().unwrap().ids(), world.cursor().head), (world.ids(1..=6), world.heads[6]));
}

#[test]
fn a_stream_that_lost_what_it_had_or_has_another_journal_stops_the_forwarder() {
    let world = World::of("stream-lost", &[10]);
    let store = store();
    let runtime = runtime();
    assert_eq!(runtime.block_on(world.engine(stream(&store)).run(Until::Sent)), Ok(()));
    let full = std::mem::take(&mut store.lock().unwrap().has);
    assert_eq!(runtime.block_on(world.engine(stream(&store)).run(Until::Halted)), Err(Reason::Lost));
    store.lock().unwrap().has = full[..6].to_vec();
    assert_eq!(runtime.block_on(world.engine(stream(&store)).run(Until::Halted)), Err(Reason::Lost));
    // Its operator says that what it lost is to be sent again.
    fs::remove_file(world.cursor_path()).unwrap();
    assert_eq!(runtime.block_on(world.engine(stream(&store)).run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().ids(), world.ids(1..=10));
    // A record in its last place that this journal does not have there, or not yet.
    for (seq, hash) in [(10, Hash::NONE), (4, Hash::NONE), (11, world.heads[10].hash)] {
        fs::remove_file(world.cursor_path()).unwrap();
        let mut has = full.clone();
        has.push((seq, Payload { id: hash.to_string(), bytes: Vec::new() }));
        store.lock().unwrap().has = has;
        let sent = store.lock().unwrap().sent;
        assert_eq!(runtime.block_on(world.engine(stream(&store)).run(Until::Halted)), Err(Reason::Foreign), "{seq}");
        assert_eq!(store.lock().unwrap().sent, sent);
    }
}

fn rewritten(segment: &Path, one: &str, other: &str) {
    let text = fs::read_to_string(segment).unwrap();
    fs::write(segment, text.replacen(one, other, 1)).unwrap();
}

#[test]
fn a_journal_that_is_altered_cleared_too_far_or_cut_off_behind_what_was_sent_stops_the_forwarder() {
    let world = World::of("journal", &[4, 4, 4]);
    world.durable.send_replace(world.heads[6]);
    let store = store();
    let runtime = runtime();
    assert_eq!(runtime.block_on(world.engine(by_id(&store)).run(Until::Sent)), Ok(()));
    // Cut off: the journal knows less than was sent.
    world.durable.send_replace(world.heads[5]);
    assert_eq!(runtime.block_on(world.engine(by_id(&store)).run(Until::Halted)), Err(Reason::Journal));
    world.durable.send_replace(world.heads[12]);
    // What was sent may be cleared; the segment that holds the next record may not.
    fs::remove_file(world.journal.join(name_of(1))).unwrap();
    rewritten(&world.journal.join(name_of(3)), "start", "trust");
    assert_eq!(runtime.block_on(world.engine(by_id(&store)).run(Until::Halted)), Err(Reason::Journal));
    assert_eq!(store.lock().unwrap().ids(), world.ids(1..=6));
    rewritten(&world.journal.join(name_of(3)), "trust", "start");
    let second = fs::read(world.journal.join(name_of(2))).unwrap();
    fs::remove_file(world.journal.join(name_of(2))).unwrap();
    assert_eq!(runtime.block_on(world.engine(by_id(&store)).run(Until::Halted)), Err(Reason::Journal));
    fs::write(world.journal.join(name_of(2)), second).unwrap();
    assert_eq!(runtime.block_on(world.engine(by_id(&store)).run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().ids(), world.ids(1..=12));
}

#[test]
fn a_forwarder_that_begins_where_records_were_cleared_begins_with_the_first_there_is() {
    let world = World::of("begins", &[4, 4]);
    fs::remove_file(world.journal.join(name_of(1))).unwrap();
    let store = store();
    assert_eq!(runtime().block_on(world.engine(stream(&store)).run(Until::Sent)), Ok(()));
    assert_eq!(store.lock().unwrap().ids(), world.ids(5..=8));
}
