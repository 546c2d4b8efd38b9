//! The audit of one request.

use std::fmt;

use super::facts::{Basis, Closing, Opening, Patient, Question};
use super::record::{Account, Record};

/// Where records go.
pub trait Sink {
    /// What tells when the record is durable. It need not be waited for.
    type Ticket;

    /// Takes the record. Must neither block nor panic: a trail may end in the middle of a panic.
    fn append(&self, record: Record) -> Self::Ticket;
}

/// The audit of one request: opened when the caller is known, closed exactly once.
///
/// `close` consumes it; a trail that is dropped, by a hang-up or a panic, closes itself as cut off (invariant 3).
pub struct Trail<S: Sink> {
    sink: S,
    account: Account,
    closed: bool,
}

impl<S: Sink> Trail<S> {
    /// Opens the trail of a request whose caller is known.
    #[must_use]
    pub fn open(sink: S, opening: Opening) -> Self {
        Self { sink, account: Account { opening, question: None, patient: None, basis: None }, closed: false }
    }

    /// Notes what the query was understood to ask.
    pub fn understood(&mut self, question: Question) {
        self.account.question = Some(question);
    }

    /// Notes whom the query is about.
    pub fn about(&mut self, patient: Patient) {
        self.account.patient = Some(patient);
    }

    /// Notes what a denial rests on; the closing record says that it was one.
    pub fn denied(&mut self, basis: Basis) {
        self.account.basis = Some(basis);
    }

    /// Puts on record that data will be asked for on the strength of a permit that rests on `basis`.
    ///
    /// No data that can be released may be asked for before the ticket says that the intent is durable.
    pub fn intend(&mut self, basis: Basis) -> S::Ticket {
        self.account.basis = Some(basis);
        self.sink.append(self.account.intent())
    }

    /// Closes the trail.
    pub fn close(mut self, closing: &Closing) -> S::Ticket {
        self.closed = true;
        self.sink.append(self.account.close(Some(closing)))
    }
}

impl<S: Sink> Drop for Trail<S> {
    fn drop(&mut self) {
        if !self.closed {
            drop(self.sink.append(self.account.close(None)));
        }
    }
}

impl<S: Sink> fmt::Debug for Trail<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trail(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;
    use crate::audit::{Head, Interaction, Kind, Outcome};
    use crate::consent::{Ground, Purpose, Sight};
    use crate::identity::{Caller, CallerNames, CardType};

    /// Keeps the kinds and the lines of what one trail hands over.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<(Kind, String)>>>);

    impl Sink for Kept {
        type Ticket = ();

        fn append(&self, record: Record) {
            let mut line = Vec::new();
            let mut head = Head::NONE;
            head.write(&record, datetime!(2026-03-01 12:00 UTC), &[], &mut line);
            self.0.lock().unwrap().push((record.kind(), String::from_utf8(line).unwrap()));
        }
    }

    impl Kept {
        fn closing(&self) -> usize {
            self.0.lock().unwrap().iter().filter(|(kind, _)| *kind == Kind::Close).count()
        }

        fn last(&self) -> serde_json::Value {
            serde_json::from_str(&self.0.lock().unwrap().last().unwrap().1).unwrap()
        }
    }

    fn opening() -> Opening {
        let names = CallerNames { surname: Some("de Wit \"\n".to_owned()), ..CallerNames::default() };
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
            target: b"/fhir/Observation?patient=1&\xff".to_vec(),
            form: Vec::new(),
            purpose: Purpose::of("TREAT"),
            reason: None,
            holder: "00000002".parse().unwrap(),
            upstream: "hapi".to_owned(),
            base: "https://localhost/fhir".to_owned(),
            policy: "wabvpz".to_owned(),
        }
    }

    fn basis() -> Basis {
        Basis {
            ground: Ground::RulePermits,
            policy: "wabvpz".to_owned(),
            consents: vec!["Consent/7".to_owned()],
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
            released: vec!["Observation/1".to_owned()],
            withheld: vec![
                ("Observation/2".to_owned(), Ground::RuleDenies),
                ("Condition/3".to_owned(), Ground::ReferenceHidden),
                ("Observation/4".to_owned(), Ground::RuleDenies),
            ],
            differs: vec![("Observation/1".to_owned(), Sight::Hidden), ("Observation/2".to_owned(), Sight::Visible)],
            total: Some(7),
            bytes: 1234,
        }
    }

    #[test]
    fn a_delivered_request_has_every_known_field_of_nen_7513_on_record() {
        let kept = Kept::default();
        let mut trail = Trail::open(kept.clone(), opening());
        trail.understood(Question {
            interaction: Interaction::SearchType,
            resource_type: Some("Observation".to_owned()),
            exchange: Some("ips".to_owned()),
        });
        trail.about(Patient { references: vec!["Patient/1".to_owned()], bsn: Some("999911120".parse().unwrap()) });
        trail.intend(basis());
        trail.close(&delivered());
        let close = kept.last();
        let expected = serde_json::json!({
            "v": 1, "seq": 1, "time": "2026-03-01T12:00:00.000000Z", "kind": "close", "request": "r-1",
            "ground": "rule-permits",
            "who": {"ura": "00000001", "uzi": "900000001", "card_type": "Z", "role": "01.015", "surname": "de Wit \"\n"},
            "address": "192.0.2.1:4711",
            "asked": {"method": "GET", "target": "L2ZoaXIvT2JzZXJ2YXRpb24/cGF0aWVudD0xJv8="},
            "purpose": "TREAT", "action": "E", "interaction": "search-type", "type": "Observation", "exchange": "ips",
            "patient": {"references": ["Patient/1"], "bsn": "999911120"},
            "authorisation": {"policy": "wabvpz", "consents": ["Consent/7"]},
            "source": {"holder": "00000002", "upstream": "hapi", "base": "https://localhost/fhir"},
            "outcome": "delivered", "status": 200, "released": ["Observation/1"], "total": 7,
            "withheld": {"reference-hidden": ["Condition/3"], "rule-denies": ["Observation/2", "Observation/4"]},
            "differs": {"show": ["Observation/2"], "hide": ["Observation/1"]},
            "bytes": 1234, "prev": "0".repeat(64), "hash": close["hash"],
        });
        assert_eq!(close, expected);
    }

    #[test]
    fn what_is_withheld_stands_in_no_intent() {
        let kept = Kept::default();
        let mut trail = Trail::open(kept.clone(), opening());
        trail.intend(basis());
        let intent = kept.last();
        assert_eq!(intent["kind"], "intent");
        assert_eq!(intent["withheld"], serde_json::Value::Null);
        assert_eq!(intent["outcome"], serde_json::Value::Null);
    }

    #[test]
    fn a_request_that_was_not_understood_is_on_record_as_it_came() {
        let kept = Kept::default();
        let mut long = opening();
        long.target = vec![b'a'; 3 * crate::limits::TARGET_BYTES];
        let refused = Closing {
            outcome: Outcome::Refused,
            status: Some(400),
            cause: Some("too-long"),
            released: vec![],
            withheld: vec![],
            differs: Vec::new(),
            total: None,
            bytes: 0,
        };
        Trail::open(kept.clone(), long).close(&refused);
        let close = kept.last();
        assert_eq!(close["ground"], serde_json::Value::Null);
        assert_eq!((close["action"].as_str(), close["cause"].as_str()), (Some("E"), Some("too-long")));
        assert_eq!(close["asked"]["target_bytes"], 3 * crate::limits::TARGET_BYTES);
        assert!(close["asked"]["target"].as_str().unwrap().len() < 2 * crate::limits::TARGET_BYTES);
    }

    #[test]
    fn nothing_of_the_person_shows_in_debug() {
        let kept = Kept::default();
        let patient = Patient { references: vec!["Patient/1".to_owned()], bsn: Some("999911120".parse().unwrap()) };
        let shown = format!("{:?} {:?} {patient:?} {:?}", opening(), delivered(), Trail::open(kept, opening()));
        for planted in ["999911120", "Patient/1", "Wit", "Observation", "900000001"] {
            assert!(!shown.contains(planted), "{planted}");
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Deed {
        Understand,
        Know,
        Deny,
        Intend,
    }

    #[derive(Debug, Clone, Copy)]
    enum End {
        Close,
        Drop,
        Panic,
    }

    fn run(kept: &Kept, deeds: &[Deed], end: End) {
        let mut trail = Trail::open(kept.clone(), opening());
        for deed in deeds {
            match deed {
                Deed::Understand => {
                    trail.understood(Question { interaction: Interaction::Read, resource_type: None, exchange: None })
                }
                Deed::Know => trail.about(Patient::default()),
                Deed::Deny => trail.denied(basis()),
                Deed::Intend => trail.intend(basis()),
            }
        }
        match end {
            End::Close => trail.close(&delivered()),
            End::Drop => drop(trail),
            // The hook that prints is not run: this is no news.
            End::Panic => resume_unwind(Box::new("the view fell over")),
        }
    }

    proptest! {
        /// Invariant 3.
        #[test]
        fn every_trail_has_exactly_one_closing_record(
            deeds in prop::collection::vec(
                prop_oneof![Just(Deed::Understand), Just(Deed::Know), Just(Deed::Deny), Just(Deed::Intend)], 0..6),
            end in prop_oneof![Just(End::Close), Just(End::Drop), Just(End::Panic)],
        ) {
            let kept = Kept::default();
            let ran = catch_unwind(AssertUnwindSafe(|| run(&kept, &deeds, end)));
            prop_assert_eq!(ran.is_err(), matches!(end, End::Panic));
            prop_assert_eq!(kept.closing(), 1);
            let last = kept.last();
            prop_assert_eq!(&last["kind"], "close");
            let outcome = if matches!(end, End::Close) { "delivered" } else { "cut-off" };
            prop_assert_eq!(&last["outcome"], outcome);
            let intents = deeds.iter().filter(|deed| matches!(deed, Deed::Intend)).count();
            prop_assert_eq!(kept.0.lock().unwrap().len(), intents + 1);
        }
    }
}
