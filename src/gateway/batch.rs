//! A batch under way: its entries one after another, each an exchange of its own, and the answer in pieces.
//!
//! Each entry has its own decision, record and intent before its data; what they share is the caller, the purpose and the time.
//! One is under way at a time and streams into the answer, so that a batch takes no more room than its largest page. One that
//! breaks after it began cuts the whole answer off.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderName};
use bytes::Bytes;
use futures_util::stream;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::door::Peer;
use super::end::{self, Delivery, End};
use super::exchange::{Asking, Reply, travel};
use super::forward::{Broken, Forward, Progress};
use super::halt::Stop;
use super::journal::JournalSink;
use super::received::{Received, opening};
use super::response::{self, Pieces};
use super::state::Worker;
use crate::audit::{Closing, Interaction, Outcome, Question, Trail};
use crate::identity::Caller;
use crate::query::{self, Entry};
use crate::refusal::Refusal;
use crate::view::ViewError;

/// What of the head of a batch holds for each entry.
const PURPOSE: &str = "sluis-purpose";
const REASON: &str = "sluis-reason";

/// The end of an entry that was answered.
const ANSWERED: &[u8] = br#","response":{"status":"200"}}"#;

/// What all entries share.
pub(super) struct Shared {
    pub(super) worker: Rc<Worker>,
    pub(super) caller: Arc<Caller>,
    pub(super) peer: Peer,
    pub(super) now: OffsetDateTime,
    pub(super) deadline: Instant,
}

/// A batch that was understood.
struct Batch {
    shared: Shared,
    id: String,
    headers: HeaderMap,
    entries: std::vec::IntoIter<Entry>,
    /// How many were begun.
    begun: usize,
    under_way: Option<UnderWay>,
    pieces: Pieces,
    /// That of the batch itself; none once it is closed.
    trail: Option<Trail<JournalSink>>,
    /// How much was handed over.
    bytes: u64,
    is_written: bool,
}

impl Drop for Batch {
    /// A caller who hangs up, or does not read, has seen what was sent until then.
    fn drop(&mut self) {
        if let Some(entry) = &mut self.under_way {
            let cause = entry.forward.is_overdue().then_some("deadline");
            entry.close(Outcome::CutOff, cause);
        }
        self.end(Outcome::CutOff, None);
    }
}

/// An entry whose first bytes are out.
struct UnderWay {
    forward: Forward,
    trail: Option<Trail<JournalSink>>,
    bytes: u64,
}

/// Answers a batch whose entries were understood to be such.
pub(super) fn answer(
    shared: Shared,
    received: &Received<'_>,
    entries: Vec<Entry>,
    mut trail: Trail<JournalSink>,
) -> HttpResponse {
    trail.understood(Question { interaction: Interaction::Batch, resource_type: None, exchange: None });
    let mut headers = HeaderMap::new();
    for name in [PURPOSE, REASON] {
        for value in received.headers.get_all(name) {
            headers.append(HeaderName::from_static(name), value.clone());
        }
    }
    let id = received.id.clone();
    let batch = Batch {
        shared,
        id: id.clone(),
        headers,
        entries: entries.into_iter(),
        begun: 0,
        under_way: None,
        pieces: Pieces::new(br#"{"resourceType":"Bundle","type":"batch-response","entry":["#.to_vec()),
        trail: Some(trail),
        bytes: 0,
        is_written: false,
    };
    response::in_pieces(stream::unfold(batch, piece), &id)
}

impl Batch {
    /// Goes on with the entry that is under way, or with the next one.
    async fn go_on(&mut self) -> Result<(), Broken> {
        let Some(entry) = &mut self.under_way else { return self.next_entry().await };
        match entry.forward.advance().await {
            Ok(Progress::Released(bytes)) => {
                entry.bytes += length(&bytes);
                self.pieces.add(&bytes);
                Ok(())
            }
            Ok(Progress::Whole) => {
                entry.close(Outcome::Delivered, None);
                self.under_way = None;
                self.pieces.add(ANSWERED);
                Ok(())
            }
            // An answer that began has something to show. One that says otherwise is not whole.
            ended @ (Ok(Progress::NotVisible) | Err(_)) => {
                let broken = ended.err().unwrap_or(Broken::View(ViewError::OutOfStep));
                entry.close(Outcome::Failed, Some(broken.code()));
                Err(broken)
            }
        }
    }

    /// Begins the next entry, or ends the answer behind the last one.
    async fn next_entry(&mut self) -> Result<(), Broken> {
        let Some(entry) = self.entries.next() else {
            self.pieces.add(b"]}");
            self.is_written = true;
            return Ok(());
        };
        if self.begun > 0 {
            self.pieces.add(b",");
        }
        self.begun += 1;
        let id = format!("{}.{}", self.id, self.begun);
        let Shared { worker, caller, peer, now, deadline } = &self.shared;
        // What cannot be on record is not done.
        let Ok(sink) = worker.gateway.journal.sink() else {
            worker.gateway.metrics.exchange(Outcome::Refused, None, None);
            self.refuse(Refusal::Unavailable.status(), Refusal::Unavailable.body().as_bytes());
            return Ok(());
        };
        // What is no GET is on record with the batch.
        let (method, target, broken) = match entry {
            Entry::Get(target) => ("GET".to_owned(), target, None),
            Entry::Refused(why) => (String::new(), String::new(), Some((Refusal::from(why), why.issue()))),
        };
        let received = Received { id, method, target, headers: &self.headers, body: Vec::new(), broken };
        let purpose = query::purpose(&received.header(PURPOSE));
        let reason = query::reason(&received.header(REASON));
        let opening = opening(worker, caller, peer, &received, purpose.ok(), reason.as_ref().ok());
        let mut trail = Trail::open(sink, opening);
        let asking = Asking { worker, caller, received: &received, now: *now, deadline: *deadline };
        let travelled = travel(asking, &mut trail, purpose, reason).await;
        let mut end = End { worker, trail, id: &received.id, exchange: travelled.exchange };
        let outcome = match travelled.outcome {
            Ok(Reply::Data(forward)) => Ok(forward),
            // It is the same for everybody, and asked for without a purpose.
            Ok(Reply::Statement) => Err(Stop::refused(Refusal::Forbidden, "metadata-in-batch")),
            Err(stop) => Err(stop),
        };
        match outcome {
            Ok(forward) => match end.delivery(*forward, end::Holds::Little).await {
                Delivery::Begun { first, forward } => {
                    self.pieces.add(br#"{"resource":"#);
                    self.pieces.add(&first);
                    let bytes = length(&first);
                    self.under_way = Some(UnderWay { forward: *forward, trail: Some(end.trail), bytes });
                }
                Delivery::Whole { status, body, closing } => {
                    self.whole(status, &body, end.trail, closing);
                }
            },
            Err(stop) => {
                let (status, body, closing) = end.stop(&stop, travelled.shadow, travelled.search.as_ref());
                self.whole(status, &body, end.trail, closing);
            }
        }
        Ok(())
    }

    /// Writes an entry whose answer is there as a whole, or its refusal.
    fn whole(&mut self, status: u16, body: &[u8], trail: Trail<JournalSink>, mut closing: Closing) {
        if status == 200 {
            self.pieces.add(br#"{"resource":"#);
            self.pieces.add(body);
            self.pieces.add(ANSWERED);
        } else {
            self.refuse(status, body);
        }
        (closing.status, closing.bytes) = (Some(status), length(body));
        // Not waited for: what had to be durable was, before any data was asked for.
        drop(trail.close(&closing));
    }

    fn refuse(&mut self, status: u16, outcome: &[u8]) {
        self.pieces.add(format!(r#"{{"response":{{"status":"{status}","outcome":"#).as_bytes());
        self.pieces.add(outcome);
        self.pieces.add(b"}}");
    }

    /// Closes the record of the batch itself, once: what was released is on those of its entries.
    fn end(&mut self, outcome: Outcome, cause: Option<&'static str>) {
        let Some(trail) = self.trail.take() else { return };
        self.shared.worker.gateway.metrics.exchange(outcome, None, None);
        let closing = Closing { status: Some(200), bytes: self.bytes, ..end::closing(outcome, cause) };
        drop(trail.close(&closing));
    }
}

impl UnderWay {
    /// Closes its record, once; what was released may be more than was sent when it broke off, never less.
    fn close(&mut self, outcome: Outcome, cause: Option<&'static str>) {
        let Some(trail) = self.trail.take() else { return };
        let report = self.forward.report();
        let closing = Closing {
            status: Some(200),
            released: report.released,
            withheld: report.withheld,
            differs: report.differs,
            total: report.total.map(|total| u64::try_from(total).unwrap_or(u64::MAX)),
            bytes: self.bytes,
            ..end::closing(outcome, cause)
        };
        drop(trail.close(&closing));
    }
}

/// Returns the next piece of the answer.
async fn piece(mut batch: Batch) -> Option<(Result<Bytes, Broken>, Batch)> {
    batch.trail.as_ref()?;
    let next = loop {
        if let Some(next) = batch.pieces.next() {
            break Some(next);
        }
        if batch.is_written {
            break batch.pieces.last();
        }
        if let Err(broken) = batch.go_on().await {
            tracing::warn!(
                cause = broken.code(),
                "an entry of a batch broke after it had begun, and the answer was cut off"
            );
            batch.end(Outcome::Failed, Some(broken.code()));
            return Some((Err(broken), batch));
        }
    };
    match next {
        Some(next) => {
            batch.bytes += length(&next);
            Some((Ok(next), batch))
        }
        None => {
            batch.end(Outcome::Delivered, None);
            None
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
