//! Certificates of the gateway and CRLs that change again and again while callers keep asking: nobody who is to be admitted
//! fails, and nobody who is revoked gets through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use sluis::cli::demo::pki::{Ca, Issued, Leaf, Pki, World};

use super::house::{Call, Caller, House, now};
use super::{URA, doctor, pki};

const CLIENTS: usize = 32;

/// Of them, how many lose their card on the way.
const DOOMED: usize = 8;

/// Requests on one connection, before it is opened anew.
const KEPT: usize = 7;

/// A card: good, on its way to the CRL, or on one that is in force.
const GOOD: u8 = 0;
const CHANGING: u8 = 1;
const REVOKED: u8 = 2;

/// What the clients saw.
#[derive(Default)]
struct Seen {
    over: AtomicBool,
    passed: AtomicUsize,
    refused: AtomicUsize,
    wrong: std::sync::Mutex<Vec<String>>,
}

/// Asks until it is over; what may be expected depends on the state of the card before and after.
fn ask(caller: &Caller, card: &AtomicU8, seen: &Seen) {
    let mut kept: Option<(Call, usize)> = None;
    while !seen.over.load(Ordering::SeqCst) {
        let before = card.load(Ordering::SeqCst);
        let connected = match kept.take() {
            Some((call, count)) if count < KEPT => Ok((call, count)),
            Some(_) | None => caller.call().map(|call| (call, 0)),
        };
        let answered = connected.and_then(|(mut call, count)| Ok((call.get("/")?, call, count)));
        let after = card.load(Ordering::SeqCst);
        let passed = matches!(&answered, Ok(((200, _), ..)));
        if (passed && before == REVOKED) || (!passed && after == GOOD) {
            let what = answered.as_ref().map(|(answer, ..)| answer.clone()).map_err(ToString::to_string);
            seen.wrong.lock().unwrap().push(format!("card {before} to {after}: {what:?}"));
            return;
        }
        let count = if passed { &seen.passed } else { &seen.refused };
        count.fetch_add(1, Ordering::SeqCst);
        kept = answered.ok().filter(|_| passed).map(|(_, call, count)| (call, count + 1));
    }
}

fn swap(swaps: usize) {
    let mut pki = pki();
    let cards: Vec<Issued> = (0..CLIENTS)
        .map(|number| {
            let leaf = if number % 2 == 0 { doctor() } else { Leaf::employee(World::Test, "900016529", URA) };
            pki.issue("client", &leaf).unwrap()
        })
        .collect();
    let spare: Vec<Issued> = (0..swaps).map(|_| pki.issue("spare", &doctor()).unwrap()).collect();
    let mut house = House::open(pki);
    let servers = [
        house.pki.server().pem().unwrap(),
        Pki::new(World::Test, now() + time::Duration::HOUR).unwrap().server().pem().unwrap(),
    ];
    let seen = Arc::new(Seen::default());
    let states: Vec<Arc<AtomicU8>> = (0..CLIENTS).map(|_| Arc::new(AtomicU8::new(GOOD))).collect();
    let clients: Vec<_> = cards
        .iter()
        .zip(&states)
        .map(|(card, state)| {
            let (caller, state, seen) = (house.caller(card), Arc::clone(state), Arc::clone(&seen));
            std::thread::spawn(move || ask(&caller, &state, &seen))
        })
        .collect();
    for number in 0..swaps {
        let unfinished = house.file("server.unfinished");
        std::fs::write(&unfinished, &servers[(number + 1) % 2]).unwrap();
        std::fs::rename(unfinished, house.file("server.pem")).unwrap();
        house.pki.revoke(&spare[number]).unwrap();
        let doomed = (number % (swaps / DOOMED) == 0).then_some(number / (swaps / DOOMED)).filter(|at| *at < DOOMED);
        if let Some(at) = doomed {
            states[at].store(CHANGING, Ordering::SeqCst);
            house.pki.revoke(&cards[at]).unwrap();
        }
        house.publish_now(Ca::Professional);
        if doomed.is_some_and(|at| at % 2 == 1) {
            house.publish_now(Ca::Employee);
        }
        if let Some(at) = doomed {
            states[at].store(REVOKED, Ordering::SeqCst);
        }
    }
    // What was in force last is seen by everybody.
    std::thread::sleep(std::time::Duration::from_millis(500));
    seen.over.store(true, Ordering::SeqCst);
    clients.into_iter().for_each(|client| client.join().unwrap());
    let wrong = seen.wrong.lock().unwrap();
    assert!(wrong.is_empty(), "{} of {swaps} swaps: {:?}", wrong.len(), wrong.first());
    let (passed, refused) = (seen.passed.load(Ordering::SeqCst), seen.refused.load(Ordering::SeqCst));
    assert!(passed > CLIENTS * 10 && refused > DOOMED, "{passed} passed, {refused} refused");
    assert!(house.tls.trust().current().number() > u64::try_from(swaps).unwrap());
}

#[test]
fn two_hundred_swaps_under_load_lose_nobody_and_let_nobody_through() {
    swap(200);
}
