//! Twin worlds: a record with hidden data, and the record in which it never was, give the same bytes (invariant 11).
//!
//! Everything follows from a seed. `SLUIS_TWIN_SEED` is the first one, `SLUIS_TWIN_REQUESTS` says how many answers are
//! compared.

mod ask;
mod chance;
mod compare;
mod kinds;
mod model;
mod record;
mod shrink;

use self::compare::Case;
use super::one_at_a_time;

/// How many questions are asked about one record.
const QUESTIONS: usize = 40;

fn setting(name: &str, otherwise: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many worlds, and which")]
    let value = std::env::var(name);
    value.ok().map_or(otherwise, |value| value.parse().expect(name))
}

/// Asks about the records of seeds from `first` on until so many answers are the same in both worlds; two at a time, for
/// that is what machines that run tests have.
fn assert_same_worlds(first: u64, requests: usize) {
    let run = |mut seed: u64| {
        let mut compared = 0;
        while compared < requests / 2 {
            compared += checked(seed);
            seed += 2;
        }
    };
    std::thread::scope(|scope| {
        let threads = [first, first + 1].map(|seed| scope.spawn(move || run(seed)));
        for thread in threads {
            thread.join().unwrap_or_else(|told| std::panic::resume_unwind(told));
        }
    });
}

/// Asks about the record of one seed; returns how many answers were compared.
fn checked(seed: u64) -> usize {
    let case = Case::of(seed, QUESTIONS);
    case.check().unwrap_or_else(|wrong| {
        let (case, wrong) = shrink::smallest(case, wrong);
        panic!("SLUIS_TWIN_SEED={seed}\n{}\n{}\n{}", wrong.question, wrong.what, case.story());
    })
}

#[test]
fn hidden_data_and_data_that_never_was_give_the_same_bytes() {
    let _turn = one_at_a_time();
    let seed = setting("SLUIS_TWIN_SEED", 1);
    let requests = usize::try_from(setting("SLUIS_TWIN_REQUESTS", 5_000)).unwrap();
    println!("SLUIS_TWIN_SEED={seed}");
    assert_same_worlds(seed, requests);
}

/// A test that cannot fail shows nothing: each of the mistakes that can be planted in the view shows in the answers about some
/// record.
#[cfg(feature = "faults")]
#[test]
fn every_planted_fault_is_noticed() {
    use crate::view::faults::{Fault, plant};

    let _turn = one_at_a_time();
    let mut unnoticed = Vec::new();
    for fault in Fault::ALL {
        let shows = |seed: &u64| {
            let case = Case::of(*seed, QUESTIONS);
            plant(Some(fault));
            let is_wrong = case.check().is_err();
            plant(None);
            is_wrong && case.check().is_ok()
        };
        match (1..=2_000).find(shows) {
            Some(seed) => println!("{} shows at seed {seed}", fault.name()),
            None => unnoticed.push(fault.name()),
        }
    }
    assert!(unnoticed.is_empty(), "went unnoticed: {unnoticed:?}");
}
