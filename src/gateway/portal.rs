//! The portal: a listener of its own, through which a patient portal fetches the access log of one patient at a time.
//!
//! Clients of it are no callers, and callers are no clients of it: it has its own anchors, its own names of those who may
//! come, and refuses a certificate with a UZI name whoever signed it. What may be asked is in [`LogQuery`]; the answer is made
//! from the journal alone, so nothing is looked up anywhere, and somebody whom nobody knows has the log of somebody about whom
//! nobody asked: an empty one.
//!
//! Every look is on record before its bytes leave, as an event that names the client and the patient. Those events are no
//! lines of the access log: it tells who asked for data of the patient's record, and a portal is shown none of it. Whoever may
//! read the journal sees them (`sluis audit show`, `export`).
//!
//! Nothing is shown of a journal that is altered, nor while more of it would have to be read than a bound allows.

mod answer;
mod read;
mod token;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::config::PortalSettings;
use super::door::{NotAClient, Peer};
use super::journal::index::Index;
use super::live::Live;
use super::received::{Received, receive};
use super::response;
use super::revocation::LiveTrust;
use super::state::Gateway;
use crate::audit::{Days, Event, EventKind, NotDays};
use crate::limits;
use crate::query::{self, LogForm, LogQuery, LogQuestion, Unclassifiable};
use crate::refusal::Refusal;
use read::Unread;

/// What the requests of the listener share.
pub(super) struct Portal {
    live: Arc<Live>,
    trust: Arc<LiveTrust>,
    settings: PortalSettings,
    base_path: String,
    index: Arc<Index>,
    reading: Arc<Semaphore>,
}

impl std::fmt::Debug for Portal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Portal(…)")
    }
}

/// How a portal is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// A log was shown, empty or not.
    Shown,
    /// What was asked is not offered, or not to this client.
    Refused,
    /// It could not be answered.
    Failed,
}

impl Looked {
    pub(super) const ALL: [Self; 3] = [Self::Shown, Self::Refused, Self::Failed];

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What is asked, and which part of it.
struct Wanted {
    query: LogQuery,
    days: Days,
    skip: usize,
}

/// Why there is no log.
struct NoLog {
    refusal: Refusal,
    cause: &'static str,
}

impl NoLog {
    fn of(refusal: Refusal, cause: &'static str) -> Self {
        Self { refusal, cause }
    }
}

impl From<Unclassifiable> for NoLog {
    fn from(error: Unclassifiable) -> Self {
        Self::of(error.into(), error.issue())
    }
}

impl From<NotDays> for NoLog {
    fn from(error: NotDays) -> Self {
        match error {
            NotDays::Backwards => Self::of(Refusal::Invalid, "days"),
            NotDays::TooMany => Self::of(Refusal::TooCostly, "days"),
        }
    }
}

impl From<Unread> for NoLog {
    fn from(error: Unread) -> Self {
        match error {
            Unread::Altered => Self::of(Refusal::Unavailable, "journal-altered"),
            Unread::NotIndexed => Self::of(Refusal::Unavailable, "not-indexed"),
            Unread::TooMuch => Self::of(Refusal::TooCostly, "too-many-lines"),
            Unread::Failed => Self::of(Refusal::Unavailable, "journal-unreadable"),
        }
    }
}

impl Portal {
    pub(super) fn new(live: Arc<Live>, trust: Arc<LiveTrust>, settings: PortalSettings, index: Index) -> Self {
        let base_path = settings.public_base.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let (index, reading) = (Arc::new(index), Arc::new(Semaphore::new(limits::LOGS)));
        Self { live, trust, settings, base_path, index, reading }
    }

    /// Serves one request.
    pub(super) async fn answer(&self, request: HttpRequest, payload: web::Payload) -> HttpResponse {
        let gateway = self.live.current();
        let now = gateway.clock.now();
        let deadline = Instant::now() + gateway.config.listen.deadline;
        let id = response::request_id(request.headers());
        let Some(peer) = request.conn_data::<Peer>() else { return response::refuse(Refusal::Internal, &id) };
        let client = match peer.admit_client(now, &self.trust, &self.settings.clients).await {
            Ok(client) => client,
            Err(stranger) => return not_a_client(&gateway, peer, &stranger, &id),
        };
        // Nothing can be put on record: nothing is read either.
        if gateway.journal.is_broken() {
            gateway.metrics.portal(Looked::Failed);
            return response::refuse(Refusal::Unavailable, &id);
        }
        let event = |kind| Event::new(kind).from_address(peer.address()).with("by", &client).with("request_id", &id);
        let received = receive(id.clone(), &request, payload, &gateway.base_path, deadline).await;
        let made = match self.wanted(&gateway, &received, &client, now) {
            Ok(wanted) => {
                let made = timeout_at(deadline, self.make(&gateway, &wanted, &client, now)).await;
                made.unwrap_or_else(|_| Err(NoLog::of(Refusal::Timeout, "deadline"))).map(|made| (made, wanted))
            }
            Err(refused) => Err(refused),
        };
        match made {
            Ok((made, Wanted { query, days, .. })) => {
                let form = match query.form {
                    LogForm::Events(_) => "events",
                    LogForm::Page(_) => "page",
                };
                let event = event(EventKind::LogShown).about_person(&query.bsn).with("form", form);
                let event =
                    event.with("first_day", &days.first().to_string()).with("last_day", &days.last().to_string());
                let event = event.counting("count", u64::try_from(made.count).unwrap_or(u64::MAX));
                // On record, durably, before a byte of it leaves.
                if gateway.journal.record(event).await.is_err() {
                    gateway.metrics.portal(Looked::Failed);
                    return response::refuse(Refusal::Unavailable, &id);
                }
                gateway.metrics.portal(Looked::Shown);
                made.respond(&id)
            }
            Err(NoLog { refusal, cause }) => {
                let failed = refusal.status() >= 500;
                if failed {
                    tracing::error!(request = id, cause, "an access log cannot be shown");
                }
                gateway.metrics.portal(if failed { Looked::Failed } else { Looked::Refused });
                gateway.journal.event(event(EventKind::LogRefused).because([cause]));
                response::refuse(refusal, &id)
            }
        }
    }

    fn wanted(
        &self,
        gateway: &Gateway,
        received: &Received<'_>,
        client: &str,
        now: OffsetDateTime,
    ) -> Result<Wanted, NoLog> {
        if let Some((refusal, cause)) = received.broken {
            return Err(NoLog::of(refusal, cause));
        }
        let (query, skip) = match received.with_head(|head| query::understand(head, &self.base_path))? {
            LogQuestion::Of(query) => (query, 0),
            LogQuestion::Next(token) => {
                let opened = token::open(&gateway.page_keys, &token, client, now);
                opened.map_err(|_| NoLog::of(Refusal::Invalid, "page-token"))?
            }
        };
        let days = Days::between(query.first, query.last, now)?;
        Ok(Wanted { query, days, skip })
    }

    async fn make(
        &self,
        gateway: &Gateway,
        wanted: &Wanted,
        client: &str,
        now: OffsetDateTime,
    ) -> Result<answer::Made, NoLog> {
        let not_now = |_| NoLog::of(Refusal::Unavailable, "busy");
        let turn = Arc::clone(&self.reading).acquire_owned().await.map_err(not_now)?;
        let (index, bsn, days) = (Arc::clone(&self.index), wanted.query.bsn.clone(), wanted.days);
        // It waits for the disk. Who gives up waiting does not stop it, so the turn is over when the reading is.
        let reading = tokio::task::spawn_blocking(move || {
            let read = read::accesses(&index, &bsn, days);
            drop(turn);
            read
        });
        let accesses = reading.await.map_err(|_| NoLog::of(Refusal::Internal, "reading-fell-over"))??;
        answer::make(self, gateway, wanted, &accesses, client, now)
    }
}

fn not_a_client(gateway: &Gateway, peer: &Peer, stranger: &NotAClient, id: &str) -> HttpResponse {
    let codes = stranger.codes();
    tracing::warn!(request = id, reasons = codes.join(","), "a certificate is of no client of the portal listener");
    let event = Event::new(EventKind::IdentityRefused).from_address(peer.address()).with("request_id", id);
    gateway.journal.event(event.with("listener", "portal").because(codes));
    gateway.metrics.portal(Looked::Refused);
    response::refuse_and_close(stranger.refusal(), id)
}
