//! The end of a journey: the answer that goes out, and the record that closes with it.

use super::forward::{Broken, Forward, Progress};
use super::halt::{Seen, Stop};
use super::journal::JournalSink;
use super::response::{self, Streaming};
use super::state::Worker;
use super::validator::Validator;
use crate::audit::{Basis, Closing, Differs, Outcome, Trail};
use crate::consent::Ground;
use crate::limits;
use crate::query::Tally;
use crate::refusal::Refusal;
use crate::view::{self, Notice};
use actix_web::HttpResponse;

/// How much of an answer is held back before any of it goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// The first bytes.
    Little,
    /// All: a read, which is in memory as a whole, and whose ETag is known at its end.
    All,
}

/// An answer that is ready to go out.
pub(super) enum Delivery {
    /// All of it, and the end of its record.
    Whole { status: u16, body: Vec<u8>, closing: Closing },
    /// More than is held back: its first bytes, and where the rest comes from.
    Begun { first: Vec<u8>, forward: Box<Forward> },
}

impl Delivery {
    fn refused(refusal: Refusal, closing: Closing) -> Self {
        Self::Whole { status: refusal.status(), body: refusal.body().into_bytes(), closing }
    }
}

/// What every end needs.
pub(super) struct End<'e> {
    pub(super) worker: &'e Worker,
    pub(super) trail: Trail<JournalSink>,
    pub(super) id: &'e str,
    /// The exchange profile, for the metrics.
    pub(super) exchange: Option<String>,
}

impl End<'_> {
    /// Answers with our own CapabilityStatement.
    pub(super) fn statement(self) -> HttpResponse {
        self.count(Outcome::Delivered, None);
        let body = self.worker.gateway.statement.clone();
        response::whole(200, body, self.id, self.trail, closing(Outcome::Delivered, None))
    }

    /// Answers with what the view releases. A read comes with its values of `If-None-Match`: they are compared when what the
    /// caller may see of it is known and the intent is on record.
    pub(super) async fn deliver(self, forward: Forward, read: Option<Vec<String>>) -> HttpResponse {
        let holds = if read.is_some() { Holds::All } else { Holds::Little };
        match self.delivery(forward, holds).await {
            Delivery::Begun { first, forward } => {
                response::streamed(Streaming { first, forward: *forward, trail: self.trail }, self.id)
            }
            Delivery::Whole { status: 200, body, closing } => {
                let keys = &self.worker.gateway.page_keys;
                let validator = read.as_ref().and_then(|_| Validator::of(&body, keys));
                match (validator, &read) {
                    (Some(validator), Some(named)) if validator.is_named_by(named) => {
                        response::not_modified(&validator, self.id, self.trail, closing)
                    }
                    (Some(validator), _) => response::read(body, &validator, self.id, self.trail, closing),
                    (None, _) => response::whole(200, body, self.id, self.trail, closing),
                }
            }
            Delivery::Whole { status, body, closing } => response::whole(status, body, self.id, self.trail, closing),
        }
    }

    /// Holds the first bytes back, so that an answer that breaks early is a clean refusal.
    pub(super) async fn delivery(&self, mut forward: Forward, holds: Holds) -> Delivery {
        let mut held = Vec::new();
        loop {
            match forward.advance().await {
                Ok(Progress::Released(bytes)) if held.is_empty() => held = bytes,
                Ok(Progress::Released(bytes)) => held.extend_from_slice(&bytes),
                Ok(Progress::Whole) => {
                    self.count(Outcome::Delivered, None);
                    let report = forward.report();
                    let mut closing = closing(Outcome::Delivered, None);
                    (closing.released, closing.withheld, closing.differs) =
                        (report.released, report.withheld, report.differs);
                    closing.total = report.total.map(|total| u64::try_from(total).unwrap_or(u64::MAX));
                    return Delivery::Whole { status: 200, body: held, closing };
                }
                Ok(Progress::NotVisible) => {
                    self.count(Outcome::Refused, None);
                    let mut closing = closing(Outcome::Refused, Some("not-visible"));
                    let report = forward.report();
                    (closing.withheld, closing.differs) = (report.withheld, report.differs);
                    return Delivery::refused(Refusal::NotFound, closing);
                }
                Err(broken) => return self.failed(broken),
            }
            if held.len() > limits::HELD_BYTES && holds == Holds::Little {
                self.count(Outcome::Delivered, None);
                return Delivery::Begun { first: held, forward: Box::new(forward) };
            }
        }
    }

    fn failed(&self, broken: Broken) -> Delivery {
        tracing::warn!(request = self.id, cause = broken.code(), "the upstream gave nothing that can be released");
        self.count(Outcome::Failed, None);
        Delivery::refused(broken.refusal(), closing(Outcome::Failed, Some(broken.code())))
    }

    /// Answers a journey that stopped.
    pub(super) fn stopped(
        mut self,
        stop: &Stop,
        shadow: Option<Differs>,
        search: Option<&(String, Tally)>,
    ) -> HttpResponse {
        let (status, body, closing) = self.stop(stop, shadow, search);
        let response = response::whole(status, body, self.id, self.trail, closing);
        if stop.seen == Seen::Refusal(Refusal::UnprovenPerson) { response::challenge(response) } else { response }
    }

    /// Returns the status and the body of an answer to a journey that stopped, and the end of its record. `search` is the `self`
    /// link of a search that was understood, and whether it counts: who may see nothing gets what a search that found nothing
    /// gets.
    pub(super) fn stop(
        &mut self,
        stop: &Stop,
        shadow: Option<Differs>,
        search: Option<&(String, Tally)>,
    ) -> (u16, Vec<u8>, Closing) {
        self.count(Outcome::Refused, stop.ground);
        if let Some(ground) = stop.ground {
            let policy = self.worker.gateway.regime.name().to_owned();
            let consents = stop.consents.clone();
            self.trail.denied(Basis { ground, policy, consents, relation: None, review: None, shadow });
        }
        let (status, body) = match (stop.seen, search) {
            (Seen::Refusal(refusal), _) => (refusal.status(), refusal.body().into_bytes()),
            (Seen::Unknown, Some((link, tally))) => {
                let notice = Notice::of_denial(self.worker.gateway.config.policy.mode);
                (200, view::empty_searchset(link, *tally, notice).into_bytes())
            }
            (Seen::Unknown, None) => (Refusal::NotFound.status(), Refusal::NotFound.body().into_bytes()),
        };
        (status, body, closing(Outcome::Refused, Some(stop.cause)))
    }

    fn count(&self, outcome: Outcome, ground: Option<Ground>) {
        self.worker.gateway.metrics.exchange(outcome, ground, self.exchange.as_deref());
    }
}

pub(super) fn closing(outcome: Outcome, cause: Option<&'static str>) -> Closing {
    Closing {
        outcome,
        status: None,
        cause,
        released: Vec::new(),
        withheld: Vec::new(),
        differs: Vec::new(),
        total: None,
        bytes: 0,
    }
}
