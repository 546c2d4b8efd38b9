//! One exchange: the journey of one request, stage by stage. Read this first.
//!
//! Identity, query, patient, evidence, decision, intent on record, upstream through the view, bytes out, record closed.
//! Each stage hands on what the next one needs or stops with a [`Stop`]; nothing that could be released is asked for before
//! the intent is durable.

use std::sync::Arc;

use actix_web::http::Version;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::door::Peer;
use super::end::End;
use super::forward::{Forward, Paging};
use super::halt::{Seen, Stop};
use super::journal::JournalSink;
use super::lookup;
use super::metrics::Call;
use super::patient_index::{NoPerson, Person};
use super::response;
use super::state::Worker;
use super::token::Binding;
use crate::audit::{Basis, Interaction, Opening, Outcome, Patient, Question, Trail};
use crate::consent::{self, Action, Admission, Asked, Permit, Purpose, Wish};
use crate::identity::Caller;
use crate::json::Value;
use crate::limits;
use crate::profile::Offer;
use crate::query::{self, Id, Query, Read, RequestHead, Search, Unclassifiable};
use crate::refusal::Refusal;
use crate::view::{self, Surroundings};

/// A request apart from the types of the HTTP library.
struct Received<'r> {
    id: String,
    method: String,
    target: String,
    headers: &'r HeaderMap,
    body: Vec<u8>,
    /// What went wrong before the body was whole.
    broken: Option<(Refusal, &'static str)>,
}

impl Received<'_> {
    /// Returns every value of a header; one that is no text counts as ill-formed.
    fn header(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).map(|value| value.to_str().unwrap_or("\u{fffd}")).collect()
    }
}

/// What a journey that did not stop came to.
enum Reply {
    /// Our own CapabilityStatement.
    Statement,
    /// Data, as the view releases it.
    Data(Box<Forward>),
}

/// Serves one request from its first byte to its closing record.
pub(super) async fn exchange(worker: &Worker, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let gateway = &worker.gateway;
    let now = gateway.clock.now();
    let deadline = Instant::now() + gateway.config.listen.deadline;
    let id = response::request_id(request.headers());
    let Some(peer) = request.conn_data::<Peer>() else { return response::refuse(Refusal::Internal, &id) };
    let caller = match peer.admit(now, &gateway.trust) {
        Ok(caller) => caller,
        Err(reasons) => {
            gateway.not_admitted(&id, peer, &reasons);
            return response::refuse_and_close(Refusal::of_identity(&reasons), &id);
        }
    };
    // A journal that takes no records refuses before any look-up.
    let Ok(sink) = gateway.journal.sink() else {
        gateway.metrics.exchange(Outcome::Refused, None, None);
        return response::refuse(Refusal::Unavailable, &id);
    };
    let received = receive(id, &request, payload, deadline).await;
    let purpose = query::purpose(&received.header("sluis-purpose"));
    let reason = query::reason(&received.header("sluis-reason"));
    let mut trail = Trail::open(sink, opening(worker, &caller, peer, &received, purpose.ok(), reason.as_ref().ok()));
    let mut journey =
        Journey { worker, caller: &caller, received: &received, now, deadline, exchange: None, self_link: None };
    let outcome = timeout_at(deadline, journey.travel(&mut trail, purpose, reason)).await;
    let Journey { exchange, self_link, .. } = journey;
    let end = End { worker, trail, id: &received.id, exchange };
    match outcome.unwrap_or_else(|_| Err(Stop::refused(Refusal::Timeout, "deadline"))) {
        Ok(Reply::Statement) => end.statement(),
        Ok(Reply::Data(forward)) => end.deliver(*forward).await,
        Err(stop) => end.stopped(&stop, self_link.as_deref()),
    }
}

/// One request under way.
struct Journey<'j> {
    worker: &'j Worker,
    caller: &'j Caller,
    received: &'j Received<'j>,
    now: OffsetDateTime,
    deadline: Instant,
    /// The exchange profile that admits the query.
    exchange: Option<String>,
    /// The `self` link of a search that was understood: whoever may see nothing gets an empty searchset with it.
    self_link: Option<String>,
}

impl Journey<'_> {
    async fn travel(
        &mut self,
        trail: &mut Trail<JournalSink>,
        purpose: Result<Purpose, Unclassifiable>,
        reason: Result<Option<String>, Unclassifiable>,
    ) -> Result<Reply, Stop> {
        let gateway = &self.worker.gateway;
        let offer = Offer::to(&gateway.exchanges, self.caller.role());
        let (search, read) = match self.understand(&offer, trail)? {
            Query::Metadata => return Ok(Reply::Statement),
            Query::Search(search) => (Some(search), None),
            Query::Read(read) => (None, Some(read)),
        };
        let (purpose, reason) = (purpose?, reason?);
        // What does not depend on data is refused before anybody is looked up.
        consent::admit(self.caller, purpose, reason.as_deref(), Admission::ByPolicy, &gateway.policy)?;

        // A page link is judged before anybody is looked up: a token that is not good must not tell who is known here.
        let binding = search.as_ref().map(|search| self.binding(search, purpose));
        let skip = self.skip(search.as_ref(), binding.as_ref())?;

        // Whom it is about.
        self.self_link = search.as_ref().map(|search| self.public(&search.without_page()));
        let found = match (&search, &read) {
            (Some(search), _) => {
                gateway.patients.find(&self.worker.upstream, search.subject()).await.map_err(Stop::from)
            }
            (None, Some(read)) => self.owner(read).await,
            (None, None) => return Err(Stop::refused(Refusal::Internal, "no-query")),
        };
        let person = match found {
            Err(stop) if stop.seen == Seen::Unknown => return Err(self.nobody(stop).await),
            found => found?,
        };
        trail.about(Patient { references: person.references(), bsn: Some(person.bsn.clone()) });

        // What is on file, and what follows from it.
        let wish = match (search.clone(), read) {
            (Some(search), _) => Wish::Search(search, skip),
            (None, Some(read)) => Wish::Read(read),
            (None, None) => return Err(Stop::refused(Refusal::Internal, "no-query")),
        };
        let permit = self.decide(wish, &person, purpose, reason.as_deref()).await?;

        // On record, durably, before any data is asked for.
        let basis = Basis {
            ground: permit.plan().ground(),
            policy: gateway.policy.name().to_owned(),
            consents: permit.plan().consents().to_vec(),
        };
        let durable = trail.intend(basis).await;
        durable.map_err(|_| Stop::refused(Refusal::Unavailable, "journal-broken"))?;

        let paging = search.zip(binding).map(|(search, binding)| {
            Arc::new(Paging {
                public_base: gateway.config.listen.public_base.clone(),
                search,
                keys: gateway.page_keys.clone(),
                binding,
                now: self.now,
            })
        });
        let answer = permit.answer(self.surroundings(offer, &person));
        Ok(Reply::Data(Box::new(Forward::new(answer, self.worker.upstream.clone(), paging, self.deadline))))
    }

    fn understand(&mut self, offer: &Offer, trail: &mut Trail<JournalSink>) -> Result<Query, Stop> {
        if let Some((refusal, cause)) = self.received.broken {
            return Err(Stop::refused(refusal, cause));
        }
        // RFC 9110, 5.3: several fields of one name are one list.
        let header = |name: &str| {
            let values = self.received.header(name);
            (!values.is_empty()).then(|| values.join(","))
        };
        let (content_type, accept, prefer) = (header("content-type"), header("accept"), header("prefer"));
        let head = RequestHead {
            method: &self.received.method,
            target: &self.received.target,
            content_type: content_type.as_deref(),
            accept: accept.as_deref(),
            prefer: prefer.as_deref(),
            method_override: ["x-http-method-override", "x-http-method", "x-method-override"]
                .iter()
                .any(|name| self.received.headers.contains_key(*name)),
            body: &self.received.body,
        };
        let query = query::classify(&head, &self.worker.gateway.base_path, offer)?;
        let (interaction, resource_type) = match &query {
            Query::Metadata => (Interaction::Capabilities, None),
            Query::Read(read) => (Interaction::Read, Some(read.resource_type().to_owned())),
            Query::Search(search) => (Interaction::SearchType, Some(search.resource_type().to_owned())),
        };
        self.exchange = offer.admitting(&query).map(str::to_owned);
        trail.understood(Question { interaction, resource_type, exchange: self.exchange.clone() });
        Ok(query)
    }

    /// Finds whose the resource of a read is, by a look-up whose result is not released.
    async fn owner(&self, read: &Read) -> Result<Arc<Person>, Stop> {
        let gateway = &self.worker.gateway;
        let patients = &gateway.patients;
        if read.resource_type() == "Patient" {
            return Ok(patients.by_id(&self.worker.upstream, read.id()).await?);
        }
        let key = (read.resource_type().to_owned(), read.id().clone());
        let owner = match gateway.owners.get(&key).await {
            Some(owner) => owner,
            None => {
                let each = |found: Value<'_>| view::subjects(found, &gateway.bases);
                let (upstream, call) = (&self.worker.upstream, Call::Reference);
                let subjects = lookup::read(upstream, call, read.resource_type(), read.id(), each).await?;
                let mut subjects: Vec<Id> = subjects.unwrap_or_default();
                // Several are one person's at most: the view hides what is about another one too.
                subjects.truncate(1);
                let owner = subjects.pop().ok_or(Stop::unknown("nobody"))?;
                gateway.owners.insert(key, owner.clone()).await;
                owner
            }
        };
        Ok(patients.by_id(&self.worker.upstream, &owner).await?)
    }

    /// Asks the sources of Consents all the same: while one fails, who is known gets no answer, and who is not must not
    /// get one either.
    async fn nobody(&self, stop: Stop) -> Stop {
        let gateway = &self.worker.gateway;
        let holder = &gateway.config.holder.ura;
        let asked = self.self_link.as_deref().unwrap_or(&self.received.target);
        match gateway.consents.on_nobody(&self.worker.sources, asked, self.caller, holder).await {
            Ok(()) => stop,
            Err(error) => unavailable(&error),
        }
    }

    async fn decide(
        &self,
        wish: Wish,
        person: &Arc<Person>,
        purpose: Purpose,
        reason: Option<&str>,
    ) -> Result<Permit, Stop> {
        let gateway = &self.worker.gateway;
        let holder = &gateway.config.holder.ura;
        let on_file = gateway.consents.on_file(&self.worker.sources, person, self.caller, holder).await;
        let on_file = on_file.map_err(|error| unavailable(&error))?;
        let asked = Asked {
            caller: self.caller,
            records: &on_file.caller,
            holder: &on_file.holder,
            purpose,
            reason,
            action: Action::Access,
            admission: Admission::ByPolicy,
            combining: gateway.config.consent.combining,
            unlabelled: gateway.config.policy.unlabelled,
        };
        Ok(Permit::decide(wish, &asked, &on_file.evidence, &gateway.policy, self.now)?)
    }

    fn binding(&self, search: &Search, purpose: Purpose) -> Binding {
        Binding::to(&[
            self.caller.ura().as_str(),
            self.caller.uzi().as_str(),
            self.caller.role().map_or("", |role| role.as_str()),
            purpose.code(),
            &search.without_page(),
        ])
    }

    fn skip(&self, search: Option<&Search>, binding: Option<&Binding>) -> Result<usize, Stop> {
        let not_good = || Stop::refused(Refusal::Invalid, "page-token");
        let Some(token) = search.and_then(Search::page) else { return Ok(0) };
        let keys = &self.worker.gateway.page_keys;
        let skip = keys.open(token, binding.ok_or_else(not_good)?, self.now).map_err(|_| not_good())?;
        if skip > limits::SKIP { Err(Stop::refused(Refusal::TooCostly, "skip")) } else { Ok(skip) }
    }

    fn surroundings(&self, offer: Offer, person: &Person) -> Surroundings {
        let gateway = &self.worker.gateway;
        Surroundings {
            offer,
            tables: gateway.tables.clone(),
            person: person.records.clone(),
            upstream_bases: gateway.bases.to_vec(),
            public_base: gateway.config.listen.public_base.clone(),
            narrative: gateway.config.policy.narrative,
        }
    }

    fn public(&self, target: &str) -> String {
        format!("{}/{target}", self.worker.gateway.config.listen.public_base)
    }
}

fn unavailable(error: &NoPerson) -> Stop {
    tracing::warn!(cause = %error, "Consents cannot be read, the request is refused");
    Stop::refused(Refusal::Unavailable, "evidence-unavailable")
}

/// Takes the request apart. A body longer than any form is cut: what is left cannot be understood and is refused.
async fn receive(id: String, request: &HttpRequest, mut payload: web::Payload, deadline: Instant) -> Received<'_> {
    let mut body = Vec::new();
    let mut broken = None;
    while body.len() <= limits::FORM_BYTES {
        match timeout_at(deadline, payload.next()).await {
            Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Ok(Some(Err(_))) => broken = Some((Refusal::Invalid, "body-broken-off")),
            Err(_) => broken = Some((Refusal::Timeout, "body-too-slow")),
        }
        if broken.is_some() {
            break;
        }
    }
    let (method, target) = (request.method().as_str().to_owned(), target_of(request));
    Received { id, method, target, headers: request.headers(), body, broken }
}

/// The target as it was sent. HTTP/2 has the authority in the head of every request, where it is no part of the target;
/// an absolute target over HTTP/1.1 is left whole, and refused.
fn target_of(request: &HttpRequest) -> String {
    let uri = request.uri();
    match uri.path_and_query() {
        Some(path_and_query) if request.version() >= Version::HTTP_2 => path_and_query.as_str().to_owned(),
        Some(_) | None => uri.to_string(),
    }
}

fn opening(
    worker: &Worker,
    caller: &Arc<Caller>,
    peer: &Peer,
    received: &Received<'_>,
    purpose: Option<Purpose>,
    reason: Option<&Option<String>>,
) -> Opening {
    let gateway = &worker.gateway;
    Opening {
        request: received.id.clone(),
        caller: caller.clone(),
        address: peer.address(),
        method: received.method.clone(),
        target: received.target.clone().into_bytes(),
        form: received.body.clone(),
        purpose,
        reason: reason.cloned().flatten(),
        holder: gateway.config.holder.ura.clone(),
        upstream: gateway.config.upstream.name.clone(),
    }
}
