//! Inquiry: what must be known before a decision. Whom a query is about, what is on file about them, and what shows a
//! treatment relation; all of it is judged, none of it released.

use std::sync::Arc;

use time::OffsetDateTime;

use super::consent_store::OnFile;
use super::halt::Stop;
use super::lookup;
use super::metrics::Call;
use super::patient_index::{NoPerson, Person};
use super::state::{Gateway, Worker};
use crate::consent::{Action, Admission, Asked, Evidence, Purpose, Shadow, TreatmentRelation, Wish};
use crate::identity::Caller;
use crate::json::Value;
use crate::profile::{Offer, Regime};
use crate::query::{Id, Query, Read};
use crate::refusal::Refusal;
use crate::view::{self, Letterhead, Surroundings};

/// What is known of one person, for one caller.
pub(super) struct Known {
    on_file: OnFile,
    relation: Arc<TreatmentRelation>,
}

impl Known {
    /// Returns the Consents.
    pub(super) fn evidence(&self) -> &Evidence {
        &self.on_file.evidence
    }

    /// Returns the question to be decided.
    pub(super) fn asked<'a>(
        &'a self,
        gateway: &Gateway,
        caller: &'a Caller,
        purpose: Purpose,
        reason: Option<&'a str>,
        admission: Admission<'a>,
    ) -> Asked<'a> {
        Asked {
            caller,
            records: &self.on_file.caller,
            holder: &self.on_file.holder,
            relation: &self.relation,
            purpose,
            reason,
            action: Action::Access,
            admission,
            combining: gateway.config.consent.combining,
            unlabelled: gateway.config.policy.unlabelled,
        }
    }
}

impl Gateway {
    /// Returns what of the role's profiles the policies in force admit for this purpose. Where nothing is admitted, that is
    /// for the decision to say.
    pub(super) fn offer(&self, role: &Offer, caller: &Caller, purpose: Option<Purpose>, now: OffsetDateTime) -> Offer {
        let admitted = purpose.map(|purpose| self.regime.admitted(role, caller, purpose, now));
        admitted.filter(|admitted| !admitted.is_empty()).unwrap_or_else(|| role.clone())
    }

    /// Returns what is to be decided about a query, whose page begins after `skip` visible matches.
    pub(super) fn wish(&self, query: Query, skip: usize, now: OffsetDateTime) -> Result<Wish, Stop> {
        Ok(match query {
            Query::Metadata => return Err(Stop::refused(Refusal::Internal, "no-query")),
            Query::Read(read) => Wish::Read(read),
            Query::Search(search) => Wish::Search(search, skip),
            Query::Summary(summary) => {
                let holder = &self.config.holder;
                let key = self.page_keys.document_key();
                let key = key.ok_or_else(|| Stop::refused(Refusal::Internal, "no-key"))?;
                let letterhead = Letterhead { ura: holder.ura.clone(), name: holder.name.clone(), now, key };
                Wish::Summary(summary, Box::new(letterhead))
            }
            Query::Everything(everything) => Wish::Everything(everything, skip),
            Query::LastN(lastn) => Wish::LastN(lastn),
        })
    }
}

impl Worker {
    /// Finds whom a query is about.
    pub(super) async fn person(&self, query: &Query) -> Result<Arc<Person>, Stop> {
        let subject = match query {
            Query::Metadata => return Err(Stop::refused(Refusal::Internal, "no-query")),
            Query::Read(read) => return self.owner_of(read).await,
            Query::Search(search) => search.subject(),
            Query::Summary(summary) => summary.subject(),
            Query::Everything(everything) => everything.subject(),
            Query::LastN(lastn) => lastn.subject(),
        };
        Ok(self.gateway.patients.find(&self.upstream, subject).await?)
    }

    /// Finds whose the resource of a read is, by a look-up whose result is not released.
    async fn owner_of(&self, read: &Read) -> Result<Arc<Person>, Stop> {
        let gateway = &self.gateway;
        let patients = &gateway.patients;
        if read.resource_type() == "Patient" {
            return Ok(patients.by_id(&self.upstream, read.id()).await?);
        }
        let key = ((read.resource_type().to_owned(), read.id().clone()), gateway.memory.begin());
        let owner = match gateway.owners.get(&key).await {
            Some(owner) => owner,
            None => {
                let each = |found: Value<'_>| view::subjects(found, &gateway.bases);
                let (upstream, call) = (&self.upstream, Call::Reference);
                let subjects = lookup::read(upstream, call, read.resource_type(), read.id(), each).await?;
                let mut subjects: Vec<Id> = subjects.unwrap_or_default();
                // Several are one person's at most: the view hides what is about another one too.
                subjects.truncate(1);
                let owner = subjects.pop().ok_or(Stop::unknown("nobody"))?;
                gateway.owners.insert(key, owner.clone()).await;
                owner
            }
        };
        Ok(patients.by_id(&self.upstream, &owner).await?)
    }

    /// Asks the sources of Consents all the same: while one fails, who is known gets no answer, and who is not must not
    /// get one either.
    pub(super) async fn inquire_about_nobody(
        &self,
        stop: Stop,
        asked: &str,
        caller: &Caller,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Stop {
        let gateway = &self.gateway;
        let holder = &gateway.config.holder.ura;
        if let Err(error) = gateway.consents.on_nobody(&self.servers, asked, caller, holder).await {
            return unavailable(&error);
        }
        if gateway.regime.asks_relation(caller, holder, purpose, now) {
            let asking = gateway.consents.relation_of_nobody(&self.upstream, asked);
            if let Err(error) = asking.await {
                return unavailable(&error);
            }
        }
        stop
    }

    /// Reads what is on file about a person, and what shows a treatment relation where a policy asks for one.
    pub(super) async fn inquire(
        &self,
        person: &Arc<Person>,
        caller: &Caller,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<Known, Stop> {
        let gateway = &self.gateway;
        let holder = &gateway.config.holder.ura;
        let on_file = gateway.consents.on_file(&self.servers, person, caller, holder).await;
        let on_file = on_file.map_err(|error| unavailable(&error))?;
        // Whether a relation is looked up depends on nothing that is on file: a look-up that fails must not tell who is known.
        let asks = |regime: &Regime| regime.asks_relation(caller, holder, purpose, now);
        let relation = if asks(&gateway.regime) {
            let found = gateway.consents.relation(&self.upstream, person).await;
            found.map_err(|error| unavailable(&error))?
        } else if gateway.shadow.as_ref().is_some_and(asks) {
            // What fails here changes nothing for the caller: nothing shows a relation then.
            gateway.consents.relation(&self.upstream, person).await.unwrap_or_default()
        } else {
            Arc::default()
        };
        Ok(Known { on_file, relation })
    }

    /// Returns what the view needs to know of a person and of the servers.
    pub(super) fn surroundings(&self, offer: Offer, person: &Person, shadow: Option<&Shadow>) -> Surroundings {
        let gateway = &self.gateway;
        Surroundings {
            offer,
            tables: gateway.tables.clone(),
            person: person.records.clone(),
            upstream_bases: gateway.bases.to_vec(),
            public_base: gateway.config.listen.public_base.clone(),
            narrative: gateway.config.policy.narrative,
            free_text: gateway.config.policy.free_text,
            mode: gateway.config.policy.mode,
            shadow: shadow.and_then(Shadow::plan).cloned(),
        }
    }
}

fn unavailable(error: &NoPerson) -> Stop {
    tracing::warn!(cause = %error, "Consents cannot be read, the request is refused");
    Stop::refused(Refusal::Unavailable, "evidence-unavailable")
}
