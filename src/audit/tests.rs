//! A journal in memory, for the tests of what reads one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::consent::{Ground, Purpose};
use crate::identity::{Caller, CallerNames, CardType, CertificateFacts, StatementKind, doctor_behind};

pub(super) const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// Writes the lines as the journal of the gateway does: a closing record names the intent that it closes.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<State>>);

struct State {
    head: Head,
    now: OffsetDateTime,
    open: BTreeMap<String, u64>,
    lines: Vec<Vec<u8>>,
}

impl Default for State {
    fn default() -> Self {
        Self { head: Head::NONE, now: NOON, open: BTreeMap::new(), lines: Vec::new() }
    }
}

impl Sink for Written {
    type Ticket = ();

    fn append(&self, record: Record) {
        let mut state = self.0.lock().unwrap();
        let (request, kind) = (record.request().unwrap_or_default().to_owned(), record.kind());
        let closed = if kind == Kind::Close { state.open.remove(&request) } else { None };
        let intents: Vec<u64> = closed.into_iter().collect();
        let (mut line, now) = (Vec::new(), state.now);
        state.head.write(&record, now, &intents, &mut line);
        line.pop();
        state.lines.push(line);
        if kind == Kind::Intent {
            let seq = state.head.seq;
            state.open.insert(request, seq);
        }
    }
}

impl Written {
    pub(super) fn at(&self, now: OffsetDateTime) {
        self.0.lock().unwrap().now = now;
    }

    /// The lines, without their ends.
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().lines.clone()
    }

    /// Everything that the journal tells, and what is under way at its end.
    pub(super) fn told(&self) -> (Vec<Told>, Vec<Access>) {
        let mut accesses = Accesses::default();
        let lines = self.0.lock().unwrap().lines.clone();
        let take = |line: &Vec<u8>| accesses.take(&read(line).unwrap(), line).unwrap();
        let told = lines.iter().filter_map(take).collect();
        (told, accesses.under_way())
    }

    pub(super) fn accesses(&self) -> Vec<Access> {
        let access = |told| if let Told::Access(access) = told { Some(*access) } else { None };
        self.told().0.into_iter().filter_map(access).collect()
    }
}

/// A request as a test tells it.
pub(super) struct Story {
    pub(super) id: &'static str,
    pub(super) card: CardType,
    pub(super) ura: &'static str,
    pub(super) purpose: &'static str,
    pub(super) interaction: Option<Interaction>,
    pub(super) target: &'static str,
    pub(super) patient: &'static [&'static str],
    pub(super) ground: Option<Ground>,
    pub(super) permitted: bool,
    pub(super) consents: &'static [&'static str],
    pub(super) review: Option<Review>,
    pub(super) outcome: Outcome,
    pub(super) cause: Option<&'static str>,
    pub(super) released: &'static [&'static str],
    pub(super) total: Option<u64>,
    pub(super) withheld: &'static [&'static str],
    /// What says who acts behind the system.
    pub(super) statement: Option<StatementKind>,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            id: "search",
            card: CardType::Professional,
            ura: "00000001",
            purpose: "TREAT",
            interaction: Some(Interaction::SearchType),
            target: "/fhir/Condition?patient=1",
            patient: &["Patient/1"],
            ground: Some(Ground::RulePermits),
            permitted: true,
            consents: &["Consent/7"],
            review: None,
            outcome: Outcome::Delivered,
            cause: None,
            released: &["Condition/1", "Condition/2"],
            total: None,
            withheld: &["Condition/hidden"],
            statement: None,
        }
    }
}

impl Story {
    fn opening(&self) -> Opening {
        let names = CallerNames {
            given_name: Some("Jo".to_owned()),
            surname: Some("de Wit".to_owned()),
            organization: Some("Praktijk <Brug>".to_owned()),
            ..CallerNames::default()
        };
        let certificate = CertificateFacts {
            subject: "CN=Jo".to_owned(),
            issuer: "CN=UZI".to_owned(),
            serial: "01".to_owned(),
            not_before: NOON,
            not_after: NOON,
            sha256: "ab".repeat(32),
        };
        let caller = Caller::new(
            self.ura.parse().unwrap(),
            "900000001".parse().unwrap(),
            self.card,
            Some("01.015".parse().unwrap()),
            names,
            Some(certificate),
        );
        let caller = match self.statement {
            Some(kind) => doctor_behind(&caller, "900022159", kind),
            None => caller,
        };
        Opening {
            request: self.id.to_owned(),
            caller: Arc::new(caller),
            address: "[2001:db8::7]:4711".parse().unwrap(),
            method: "GET".to_owned(),
            target: self.target.as_bytes().to_vec(),
            form: Vec::new(),
            purpose: Purpose::of(self.purpose),
            reason: self.review.as_ref().map(|_| "bewusteloos".to_owned()),
            holder: "00000002".parse().unwrap(),
            upstream: "hapi".to_owned(),
            base: "https://sluis.example/fhir".to_owned(),
            policy: "wabvpz".to_owned(),
        }
    }

    /// Opens the trail and brings it to its decision.
    pub(super) fn begin(&self, written: &Written) -> Trail<Written> {
        let mut trail = Trail::open(written.clone(), self.opening());
        if let Some(interaction) = self.interaction {
            let resource_type = self.target.split(['/', '?']).nth(2).map(str::to_owned);
            trail.understood(Question { interaction, resource_type, exchange: Some("ips".to_owned()) });
        }
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        if !self.patient.is_empty() {
            let bsn = self.patient[0].ends_with('1').then(|| "999911120".parse().unwrap());
            trail.about(Patient { references: texts(self.patient), bsn });
        }
        if let Some(ground) = self.ground {
            let basis = Basis {
                ground,
                policy: "wabvpz".to_owned(),
                consents: texts(self.consents),
                relation: Some("Encounter/1".to_owned()),
                review: self.review.clone(),
                shadow: None,
            };
            if self.permitted {
                trail.intend(basis);
            } else {
                trail.denied(basis);
            }
        }
        trail
    }

    pub(super) fn tell(&self, written: &Written) {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        self.begin(written).close(&Closing {
            outcome: self.outcome,
            status: Some(200),
            cause: self.cause,
            released: texts(self.released),
            withheld: self.withheld.iter().map(|one| ((*one).to_owned(), Ground::RuleDenies)).collect(),
            differs: Vec::new(),
            total: self.total,
            bytes: 10,
        });
    }
}

/// An emergency in which the glass was broken.
pub(super) fn emergency() -> Option<Review> {
    Some(Review::Emergency(Emergency { id: "e-1".to_owned(), since: NOON, until: datetime!(2026-03-01 16:00 UTC) }))
}

#[test]
fn a_request_is_told_by_its_intent_and_its_closing_record_together() {
    let written = Written::default();
    let trail = Story::default().begin(&written);
    written.at(datetime!(2026-03-01 12:01 UTC));
    drop(trail);
    let accesses = written.accesses();
    assert_eq!(accesses.len(), 1);
    assert_eq!(accesses[0].intended, Some(NOON));
    assert_eq!(accesses[0].time(), Some(datetime!(2026-03-01 12:01 UTC)));
    // Nobody knows what left before the trail was cut off, and that is said.
    assert_eq!(accesses[0].released(), None);
    assert_eq!(accesses[0].patient().unwrap().references, ["Patient/1"]);
}

#[test]
fn what_a_start_closed_is_told_by_its_intent() {
    let written = Written::default();
    let trail = Story::default().begin(&written);
    written.append(Record::abandoned(Some("search"), Some("rule-permits")));
    std::mem::forget(trail);
    let accesses = written.accesses();
    assert_eq!(accesses[0].patient().unwrap().bsn.as_deref(), Some("999911120"));
    assert_eq!((accesses[0].facts.outcome.as_deref(), accesses[0].released()), (Some("cut-off"), None));
}

#[test]
fn what_never_ended_is_under_way() {
    let written = Written::default();
    let trail = Story::default().begin(&written);
    let (told, under_way) = written.told();
    assert_eq!((told.len(), under_way.len()), (0, 1));
    drop(trail);
    assert!(written.told().1.is_empty());
}

#[test]
fn an_event_is_of_the_gateway_that_wrote_what_stands_before_it() {
    let written = Written::default();
    written.append(Event::new(EventKind::Trust).into());
    written.append(Event::new(EventKind::Start).at("00000002", "https://sluis.example/fhir").into());
    written.append(Event::new(EventKind::Stop).into());
    let sources = written.told().0.into_iter().map(|told| match told {
        Told::Occurrence(occurrence) => occurrence.facts.source.map(|source| source.holder),
        Told::Access(_) => panic!("an access"),
    });
    let holder = Some("00000002".to_owned());
    assert_eq!(sources.collect::<Vec<_>>(), [None, holder.clone(), holder]);
}
