//! One exchange: the journey of one request, stage by stage. Read this first.
//!
//! Identity, query, patient, evidence, decision, intent on record, upstream through the view, bytes out, record closed.
//! Each stage hands on what the next one needs or stops with a [`Stop`]; nothing that could be released is asked for before
//! the intent is durable.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use super::batch::{self, Shared};
use super::door::Peer;
use super::end::End;
use super::forward::{Forward, Paging};
use super::halt::{Seen, Stop};
use super::journal::JournalSink;
use super::patient_index::Person;
use super::received::{Received, opening, receive};
use super::response;
use super::state::{Gateway, Worker};
use super::token::Binding;
use crate::audit::{Basis, Differs, Interaction, Outcome, Patient, Question, Review, Trail};
use crate::consent::{self, Admission, Permit, Plan, Purpose, Shadow, Sight, Wish};
use crate::identity::Caller;
use crate::identity::statement::Unproven;
use crate::limits;
use crate::profile::Offer;
use crate::query::{self, Entry, Query, Tally, Unclassifiable};
use crate::refusal::Refusal;

/// What a journey that did not stop came to.
pub(super) enum Reply {
    /// Our own CapabilityStatement.
    Statement,
    /// Data, as the view releases it.
    Data(Box<Forward>),
}

/// Serves one request from its first byte to its closing record.
pub(super) async fn exchange(worker: &Rc<Worker>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let gateway = &worker.gateway;
    let now = gateway.clock.now();
    let deadline = Instant::now() + gateway.config.listen.deadline;
    let id = response::request_id(request.headers());
    let Some(peer) = request.conn_data::<Peer>() else { return response::refuse(Refusal::Internal, &id) };
    let caller = match peer.admit(now, &gateway.trust).await {
        Ok(caller) => caller,
        Err(refused) => {
            gateway.not_admitted(&id, peer, &refused);
            return response::refuse_and_close(Refusal::of_identity(refused.reasons()), &id);
        }
    };
    // A journal that takes no records refuses before any look-up.
    let Ok(sink) = gateway.journal.sink() else {
        gateway.metrics.exchange(Outcome::Refused, None, None);
        return response::refuse(Refusal::Unavailable, &id);
    };
    let received = receive(id, &request, payload, &gateway.base_path, deadline).await;
    let purpose = query::purpose(&received.header("sluis-purpose"));
    let reason = query::reason(&received.header("sluis-reason"));
    // Who acts behind a system. Where that is not proven, the system is who tried.
    let acting = gateway.acting(&received.id, &received.header("authorization"), &caller, now);
    let (caller, unproven) = match acting {
        Ok(acting) => (acting, None),
        Err(unproven) => (caller, Some(unproven)),
    };
    let mut trail = Trail::open(sink, opening(worker, &caller, peer, &received, purpose.ok(), reason.as_ref().ok()));
    if let Some(unproven) = unproven {
        return End { worker, trail, id: &received.id, exchange: None }.stopped(&unproven.into(), None, None);
    }
    let asking = Asking { worker, caller: &caller, received: &received, now, deadline };
    if query::is_batch(&received.method, &received.target, &gateway.base_path) {
        return match asking.entries(purpose, reason) {
            Ok(entries) => {
                let (worker, caller, peer) = (Rc::clone(worker), Arc::clone(&caller), peer.clone());
                batch::answer(Shared { worker, caller, peer, now, deadline }, &received, entries, trail)
            }
            Err(stop) => End { worker, trail, id: &received.id, exchange: None }.stopped(&stop, None, None),
        };
    }
    let Travelled { outcome, exchange, shadow, search, read } = travel(asking, &mut trail, purpose, reason).await;
    let end = End { worker, trail, id: &received.id, exchange };
    match outcome {
        Ok(Reply::Statement) => end.statement(),
        Ok(Reply::Data(forward)) => end.deliver(*forward, read).await,
        Err(stop) => end.stopped(&stop, shadow, search.as_ref()),
    }
}

/// A request of a known caller, before its journey.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) worker: &'a Worker,
    pub(super) caller: &'a Caller,
    pub(super) received: &'a Received<'a>,
    pub(super) now: OffsetDateTime,
    pub(super) deadline: Instant,
}

impl Asking<'_> {
    /// Returns the entries of a batch. What is wrong with all of it is refused before any of it is done.
    fn entries(
        &self,
        purpose: Result<Purpose, Unclassifiable>,
        reason: Result<Option<String>, Unclassifiable>,
    ) -> Result<Vec<Entry>, Stop> {
        if let Some((refusal, cause)) = self.received.broken {
            return Err(Stop::refused(refusal, cause));
        }
        let gateway = &self.worker.gateway;
        if !gateway.config.identity.admit.admits(self.caller) {
            return Err(Stop::not_admitted());
        }
        let entries = self.received.with_head(|head| query::batch(head, &gateway.base_path))?;
        let _declared = (purpose?, reason?);
        Ok(entries)
    }
}

/// How a journey went.
pub(super) struct Travelled {
    pub(super) outcome: Result<Reply, Stop>,
    /// The exchange profile that admits the query.
    pub(super) exchange: Option<String>,
    /// What other policies make of the question, where that differs from the decision.
    pub(super) shadow: Option<Differs>,
    /// The `self` link of a search that was understood, and whether it counts: whoever may see nothing gets an empty searchset
    /// with it.
    pub(super) search: Option<(String, Tally)>,
    /// What a read says it has already: the values of `If-None-Match`.
    pub(super) read: Option<Vec<String>>,
}

/// Makes the journey of one request up to its answer, in the time there is.
pub(super) async fn travel(
    asking: Asking<'_>,
    trail: &mut Trail<JournalSink>,
    purpose: Result<Purpose, Unclassifiable>,
    reason: Result<Option<String>, Unclassifiable>,
) -> Travelled {
    let Asking { worker, caller, received, now, deadline } = asking;
    let mut journey =
        Journey { worker, caller, received, now, deadline, exchange: None, shadow: None, search: None, read: None };
    let outcome = timeout_at(deadline, journey.travel(trail, purpose, reason)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(Stop::refused(Refusal::Timeout, "deadline")));
    let Journey { exchange, shadow, search, read, .. } = journey;
    Travelled { outcome, exchange, shadow, search, read }
}

/// One request under way.
struct Journey<'j> {
    worker: &'j Worker,
    caller: &'j Caller,
    received: &'j Received<'j>,
    now: OffsetDateTime,
    deadline: Instant,
    // See `Travelled`.
    exchange: Option<String>,
    shadow: Option<Differs>,
    search: Option<(String, Tally)>,
    read: Option<Vec<String>>,
}

impl Journey<'_> {
    async fn travel(
        &mut self,
        trail: &mut Trail<JournalSink>,
        purpose: Result<Purpose, Unclassifiable>,
        reason: Result<Option<String>, Unclassifiable>,
    ) -> Result<Reply, Stop> {
        let gateway = &self.worker.gateway;
        if !gateway.config.identity.admit.admits(self.caller) {
            return Err(Stop::not_admitted());
        }
        let role = Offer::to(&gateway.exchanges, self.caller.role());
        let offer = gateway.offer(&role, self.caller, purpose.ok(), self.now);
        let query = self.understand(&offer, trail)?;
        if query == Query::Metadata {
            return Ok(Reply::Statement);
        }
        let (purpose, reason) = (purpose?, reason?);
        if !self.caller.may_declare(purpose) {
            return Err(Stop::refused(Refusal::Forbidden, Unproven::Purpose.code()));
        }
        // What does not depend on data is refused before anybody is looked up.
        let admission = Admission::Through(&role);
        consent::admit(self.caller, purpose, reason.as_deref(), admission, &gateway.regime, self.now)?;

        // A page link is judged before anybody is looked up: a token that is not good must not tell who is known here.
        let pages = query.without_page().map(|target| (self.binding(&target, purpose), target));
        let skip = self.skip(query.page(), pages.as_ref().map(|(binding, _)| binding))?;

        // Whom it is about.
        if let (Query::Search(search), Some((_, target))) = (&query, &pages) {
            self.search = Some((self.public(target), search.tally()));
        }
        let person = match self.worker.person(&query).await {
            Err(stop) if stop.seen == Seen::Unknown => {
                // The canonical target names whom it is about, wherever the request did.
                let asked = pages.as_ref().map_or_else(|| query.target(), |(_, target)| target.clone());
                return Err(self.worker.inquire_about_nobody(stop, &asked, self.caller, purpose, self.now).await);
            }
            found => found?,
        };
        trail.about(Patient { references: person.references(), bsn: Some(person.bsn.clone()) });

        // What is on file, and what follows from it.
        let wish = gateway.wish(query, skip, self.now)?;
        let (permit, shadow) = self.decide(wish, &person, purpose, reason.as_deref(), admission).await?;

        // On record, durably, before any data is asked for.
        let basis = self.basis(permit.plan(), &person, purpose);
        let until = self.links_until(&basis);
        let durable = trail.intend(basis).await;
        durable.map_err(|_| Stop::refused(Refusal::Unavailable, "journal-broken"))?;

        let paging = pages.map(|(binding, target)| {
            Arc::new(Paging {
                public_base: gateway.config.listen.public_base.clone(),
                target,
                keys: gateway.page_keys.clone(),
                binding,
                until,
            })
        });
        let answer = permit.answer(self.worker.surroundings(offer, &person, shadow.as_ref()));
        Ok(Reply::Data(Box::new(Forward::new(answer, self.worker.upstream.clone(), paging, self.deadline))))
    }

    fn understand(&mut self, offer: &Offer, trail: &mut Trail<JournalSink>) -> Result<Query, Stop> {
        if let Some((refusal, cause)) = self.received.broken {
            return Err(Stop::refused(refusal, cause));
        }
        let gateway = &self.worker.gateway;
        let query = self.received.with_head(|head| query::classify(head, &gateway.base_path, offer))?;
        let (interaction, resource_type) = match &query {
            Query::Metadata => (Interaction::Capabilities, None),
            Query::Read(read) => (Interaction::Read, Some(read.resource_type().to_owned())),
            Query::Search(search) => (Interaction::SearchType, Some(search.resource_type().to_owned())),
            Query::Summary(_) => (Interaction::Summary, Some("Patient".to_owned())),
            Query::Everything(_) => (Interaction::Everything, Some("Patient".to_owned())),
            Query::LastN(lastn) => (Interaction::LastN, Some(lastn.search().resource_type().to_owned())),
        };
        if let Query::Read(_) = &query {
            self.read = Some(self.received.header("if-none-match").into_iter().map(str::to_owned).collect());
        }
        self.exchange = offer.admitting(&query).map(str::to_owned);
        trail.understood(Question { interaction, resource_type, exchange: self.exchange.clone() });
        Ok(query)
    }

    /// Decides, and asks the policies that change nothing as well.
    async fn decide(
        &mut self,
        wish: Wish,
        person: &Arc<Person>,
        purpose: Purpose,
        reason: Option<&str>,
        admission: Admission<'_>,
    ) -> Result<(Permit, Option<Shadow>), Stop> {
        let gateway = &self.worker.gateway;
        let known = self.worker.inquire(person, self.caller, purpose, self.now).await?;
        let asked = known.asked(gateway, self.caller, purpose, reason, admission);
        let decided = Permit::decide(wish, &asked, known.evidence(), &gateway.regime, self.now);
        let shadow = gateway.shadow.as_ref().map(|regime| Shadow::of(&asked, known.evidence(), regime, self.now));
        let (sight, ground) = match &decided {
            Ok(permit) => (Sight::Visible, permit.plan().ground()),
            Err(denial) => (Sight::Hidden, denial.ground()),
        };
        self.shadow =
            shadow.as_ref().filter(|shadow| (shadow.sight(), shadow.ground()) != (sight, ground)).map(differs);
        Ok((decided?, shadow))
    }

    /// Returns what the permit rests on, for the record: with the emergency that the request is part of, where it is in one.
    fn basis(&self, plan: &Plan, person: &Person, purpose: Purpose) -> Basis {
        let Gateway { regime, emergencies, .. } = &*self.worker.gateway;
        let review = match regime.emergency(self.caller, purpose, self.now) {
            Some(lasts) => Some(Review::Emergency(emergencies.enter(self.caller, &person.bsn, lasts, self.now))),
            None if regime.needs_reason(purpose) => Some(Review::Reason),
            None => None,
        };
        Basis {
            ground: plan.ground(),
            policy: plan.policy().unwrap_or(regime.name()).to_owned(),
            consents: plan.consents().to_vec(),
            relation: plan.relation().map(str::to_owned),
            review,
            shadow: self.shadow.clone(),
        }
    }

    /// Until when a link to a following page is good: it does not outlive the emergency in which it was made.
    fn links_until(&self, basis: &Basis) -> OffsetDateTime {
        let usual = self.now + limits::PAGE_TOKEN_AGE;
        match &basis.review {
            Some(Review::Emergency(emergency)) => usual.min(emergency.until),
            Some(Review::Reason) | None => usual,
        }
    }

    fn binding(&self, target: &str, purpose: Purpose) -> Binding {
        Binding::to(&[
            self.caller.ura().as_str(),
            self.caller.uzi().as_str(),
            self.caller.role().map_or("", |role| role.as_str()),
            // A person with a card and the same person behind a system are two callers.
            self.caller.system().map_or("", |system| system.as_str()),
            purpose.code(),
            target,
        ])
    }

    fn skip(&self, token: Option<&str>, binding: Option<&Binding>) -> Result<usize, Stop> {
        let not_good = || Stop::refused(Refusal::Invalid, "page-token");
        let Some(token) = token else { return Ok(0) };
        let keys = &self.worker.gateway.page_keys;
        let skip = keys.open(token, binding.ok_or_else(not_good)?, self.now).map_err(|_| not_good())?;
        if skip > limits::SKIP { Err(Stop::refused(Refusal::TooCostly, "skip")) } else { Ok(skip) }
    }

    fn public(&self, target: &str) -> String {
        format!("{}/{target}", self.worker.gateway.config.listen.public_base)
    }
}

fn differs(shadow: &Shadow) -> Differs {
    Differs { policy: shadow.policy().to_owned(), ground: shadow.ground(), sight: shadow.sight() }
}
