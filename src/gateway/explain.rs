//! Explanation: what a caller would see of live data, and why.
//!
//! The same stages as an exchange, without one: nothing is released. What the caller would not see is named as well, by
//! reference, so an explanation is for an operator, and it is on record before it is given: in a journal of its own,
//! `explain/` below the gateway's, since the gateway writes to that.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::clock::Clock;
use super::config::Config;
use super::forward::{Broken, Forward, Progress};
use super::halt::{Seen, Stop};
use super::inquiry::Known;
use super::lookup::{self, LookUpError};
use super::metrics::{Call, Metrics};
use super::patient_index::Person;
use super::revocation::{LiveTrust, TrustOptions};
use super::state::{Gateway, StartError, Worker};
use crate::audit::{Event, EventKind, Sink as _};
use crate::consent::{Admission, Answer, Ground, Permit, Purpose};
use crate::identity::{Caller, identify};
use crate::json::{Document, Value};
use crate::limits;
use crate::profile::Offer;
use crate::query::{self, Query, RequestHead, Search};

/// What is to be explained.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The DER of the caller's certificate.
    pub certificate: Vec<u8>,
    /// The purpose, a code of v3-ActReason.
    pub purpose: String,
    /// The reason, if one is given.
    pub reason: Option<String>,
    /// The request: `GET` and a target such as `/fhir/Condition?patient=1`, or `/fhir/Patient/1/$everything` for all that the
    /// caller may ask for.
    pub request: String,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Start(#[from] StartError),
    /// The certificate names no caller here.
    #[error("the certificate names no caller: {}", .0.join(", "))]
    NoCaller(Vec<&'static str>),
    /// The request is not of the form `GET TARGET`.
    #[error("expected a request such as \"GET /fhir/Condition?patient=1\"")]
    Request,
    /// The gateway would refuse the request whoever the patient is.
    #[error("the gateway would refuse this request: {cause} ({status})")]
    Refused {
        /// The status of the refusal.
        status: u16,
        /// Why.
        cause: &'static str,
    },
    /// Nobody is known by what the request names.
    #[error("nobody is known here by what the request names")]
    Nobody,
    /// The explanation could not be put on record.
    #[error("the explanation cannot be put on record, so it is not given")]
    NotOnRecord,
    /// A server gave no usable answer.
    #[error("the upstream gave no usable answer: {0}")]
    Upstream(&'static str),
}

impl ExplainError {
    /// Returns true if and only if the request itself was understood and is refused.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::NoCaller(_) | Self::Refused { .. } | Self::Nobody)
    }
}

/// Whom it is about, and what they would see.
#[derive(Debug, Serialize)]
pub struct Explanation {
    request: String,
    caller: Who,
    purpose: &'static str,
    patient: Vec<String>,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Debug, Serialize)]
struct Who {
    ura: String,
    uzi: String,
    card_type: char,
    role: Option<String>,
}

impl Explanation {
    /// Returns the decision, and what it makes of each resource.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        &self.answer
    }
}

/// Explains a request against the servers of a configuration.
///
/// # Errors
/// Whatever leaves nothing to explain.
pub async fn explain(mut config: Config, clock: Clock, ask: &Ask) -> Result<Explanation, ExplainError> {
    config.audit = config.audit.join("explain");
    // What was seen is for the gateway to keep, which may run.
    let trust = TrustOptions { seen: None, ..TrustOptions::of(&config.identity) };
    let trust = Arc::new(LiveTrust::load(trust).map_err(super::tls::TlsError::from).map_err(StartError::from)?);
    let now = clock.now();
    let gateway = Arc::new(Gateway::new(config, trust, clock, Arc::new(Metrics::new(&[])))?);
    let worker = Worker::new(Arc::clone(&gateway)).map_err(StartError::from)?;
    let caller = identify(&ask.certificate, now, &gateway.config.identity.register)
        .map_err(|refused| ExplainError::NoCaller(refused.reasons().iter().map(|reason| reason.code()).collect()))?;
    if !gateway.config.identity.admit.admits(&caller) {
        return Err(refused(Stop::not_admitted()));
    }
    let purpose = query::purpose(&[&ask.purpose]).map_err(Stop::from).map_err(refused)?;
    let given: Vec<&str> = ask.reason.as_deref().into_iter().collect();
    let reason = query::reason(&given).map_err(Stop::from).map_err(refused)?;
    Explaining { worker: &worker, caller: &caller, purpose, reason: reason.as_deref(), now }.run(&ask.request).await
}

struct Explaining<'e> {
    worker: &'e Worker,
    caller: &'e Caller,
    purpose: Purpose,
    reason: Option<&'e str>,
    now: OffsetDateTime,
}

impl Explaining<'_> {
    async fn run(&self, request: &str) -> Result<Explanation, ExplainError> {
        let gateway = &self.worker.gateway;
        let (method, target) = request.split_once(' ').ok_or(ExplainError::Request)?;
        if method != "GET" {
            return Err(ExplainError::Request);
        }
        let role = Offer::to(&gateway.exchanges, self.caller.role());
        let offer = gateway.offer(&role, self.caller, Some(self.purpose), self.now);
        let query = self.classify(target, &offer)?;
        let person = self.person(&query).await?;
        self.on_record(request, &person).await?;

        let known = self.worker.inquire(&person, self.caller, self.purpose, self.now).await.map_err(refused)?;
        let asked = known.asked(gateway, self.caller, self.purpose, self.reason, Admission::Through(&role));
        let mut found = Vec::new();
        self.look_up(&query, &person, &mut found).await?;
        let read = found.iter().map(|bytes| Document::read(bytes, limits::RESOURCE)).collect::<Result<Vec<_>, _>>();
        let documents = read.map_err(|_| ExplainError::Upstream("unreadable"))?;
        let resources: Vec<Value<'_>> = documents.iter().map(Document::root).collect();
        let (evidence, regime) = (known.evidence(), &gateway.regime);
        let mut answer = Answer::to(&asked, evidence, regime, &resources, &gateway.tables, self.now);
        let (mut released, mut withheld) = (BTreeSet::new(), BTreeMap::new());
        // What a summary leaves out because it belongs to no section is not hidden: its searches tell.
        let queries = match query {
            Query::Summary(summary) => summary.searches().cloned().map(Query::Search).collect(),
            query @ (Query::Metadata | Query::Read(_) | Query::Search(_) | Query::Everything(_) | Query::LastN(_)) => {
                vec![query]
            }
        };
        for query in queries {
            self.view(query, &known, &role, &offer, &person, &mut released, &mut withheld).await?;
        }
        answer.viewed(&released, &withheld);
        let who = Who {
            ura: self.caller.ura().as_str().to_owned(),
            uzi: self.caller.uzi().as_str().to_owned(),
            card_type: self.caller.card_type().letter(),
            role: self.caller.role().map(|role| role.as_str().to_owned()),
        };
        let patient = person.references();
        Ok(Explanation { request: request.to_owned(), caller: who, purpose: self.purpose.code(), patient, answer })
    }

    fn classify(&self, target: &str, offer: &Offer) -> Result<Query, ExplainError> {
        let head = RequestHead {
            method: "GET",
            target,
            content_type: None,
            accept: None,
            prefer: None,
            method_override: false,
            body: &[],
        };
        query::classify(&head, &self.worker.gateway.base_path, offer).map_err(Stop::from).map_err(refused)
    }

    async fn person(&self, query: &Query) -> Result<Arc<Person>, ExplainError> {
        if *query == Query::Metadata {
            return Err(ExplainError::Request);
        }
        self.worker
            .person(query)
            .await
            .map_err(|stop| if stop.seen == Seen::Unknown { ExplainError::Nobody } else { refused(stop) })
    }

    async fn on_record(&self, request: &str, person: &Person) -> Result<(), ExplainError> {
        // Whoever runs the program: the owner of its own process.
        let user = std::fs::metadata("/proc/self").map(|process| process.uid());
        let user = user.map_or_else(|_| "unknown".to_owned(), |user| user.to_string());
        let references = person.references();
        let event = Event::new(EventKind::Explained)
            .with("user", &user)
            .with("asked", request)
            .with("ura", self.caller.ura().as_str())
            .with("uzi", self.caller.uzi().as_str())
            .with("purpose", self.purpose.code())
            .about(references.iter().map(String::as_str));
        let sink = self.worker.gateway.journal.sink().map_err(|_| ExplainError::NotOnRecord)?;
        sink.append(event.into()).await.map_err(|_| ExplainError::NotOnRecord)
    }

    /// Looks up what a query would find, whoever may see it.
    async fn look_up(&self, query: &Query, person: &Person, found: &mut Vec<Vec<u8>>) -> Result<(), ExplainError> {
        let upstream = &self.worker.upstream;
        match query {
            Query::Metadata => Ok(()),
            Query::Read(read) => {
                let keep = |resource: Value<'_>| found.push(resource.raw().as_bytes().to_vec());
                let looked = lookup::read(upstream, Call::Reference, read.resource_type(), read.id(), keep).await;
                looked.map(|_| ()).map_err(|error: LookUpError| refused(error.into()))
            }
            Query::Search(search) => self.search(search, person, found).await,
            Query::LastN(lastn) => self.search(lastn.search(), person, found).await,
            Query::Summary(summary) => {
                for search in summary.searches() {
                    self.search(search, person, found).await?;
                }
                Ok(())
            }
            Query::Everything(everything) => {
                for search in everything.searches() {
                    self.search(search, person, found).await?;
                }
                Ok(())
            }
        }
    }

    async fn search(&self, search: &Search, person: &Person, found: &mut Vec<Vec<u8>>) -> Result<(), ExplainError> {
        let Worker { gateway, upstream, .. } = self.worker;
        let Some(lookup) = search.looked_up(&person.records) else { return Ok(()) };
        let keep = |resource: Value<'_>| {
            if is_match(search, resource) {
                found.push(resource.raw().as_bytes().to_vec());
            }
        };
        let looked = lookup::search(upstream, Call::Reference, &gateway.bases, lookup, limits::SKIP, keep).await;
        looked.map_err(|error: LookUpError| refused(error.into()))
    }

    /// Has the view make of a query what it would make of it for the caller, page by page.
    #[expect(clippy::too_many_arguments, reason = "what a decision needs, and where the result goes")]
    async fn view(
        &self,
        query: Query,
        known: &Known,
        role: &Offer,
        offer: &Offer,
        person: &Arc<Person>,
        released: &mut BTreeSet<String>,
        withheld: &mut BTreeMap<String, Ground>,
    ) -> Result<(), ExplainError> {
        let gateway = &self.worker.gateway;
        let mut skip = Some(0);
        while let Some(passed) = skip {
            let wish = gateway.wish(query.clone(), passed, self.now).map_err(refused)?;
            let asked = known.asked(gateway, self.caller, self.purpose, self.reason, Admission::Through(role));
            // Nothing is visible: the decision says why.
            let Ok(permit) = Permit::decide(wish, &asked, known.evidence(), &gateway.regime, self.now) else {
                return Ok(());
            };
            let answer = permit.answer(self.worker.surroundings(offer.clone(), person, None));
            let deadline = Instant::now() + gateway.config.listen.deadline;
            let mut forward = Forward::new(answer, self.worker.upstream.clone(), None, deadline);
            while let Progress::Released(_) = forward.advance().await.map_err(broken)? {}
            let report = forward.report();
            released.extend(report.released);
            withheld.extend(report.withheld);
            skip = forward.next_skip();
        }
        Ok(())
    }
}

fn is_match(search: &Search, resource: Value<'_>) -> bool {
    resource.text_of("resourceType").is_some_and(|name| name == search.resource_type()) && search.matches(resource)
}

fn refused(stop: Stop) -> ExplainError {
    match stop.seen {
        Seen::Refusal(refusal) => ExplainError::Refused { status: refusal.status(), cause: stop.cause },
        Seen::Unknown => ExplainError::Nobody,
    }
}

fn broken(broken: Broken) -> ExplainError {
    ExplainError::Upstream(broken.code())
}
