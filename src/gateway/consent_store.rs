//! Evidence: what every source has on file about consent for one person, and the records that Consents speak of.
//!
//! A source that fails makes the evidence unavailable; that is told, never remembered. What is remembered is bounded by
//! `consent.max_age` and by the end of an epoch of [`Memory`]: a look-up that began before the end cannot bring back what
//! ended.

mod relation;
mod resolve;

use std::sync::Arc;

use super::config;
use super::directory::Directory;
use super::lookup;
use super::memory::{Memory, Remembered};
use super::metrics::Call;
use super::patient_index::{NoPerson, PatientIndex, Person};
use super::upstream::Upstream;
use crate::consent::{CallerRecords, Evidence, FhirVersion, Holder, Register, Source, Standing, TreatmentRelation};
use crate::identity::{Caller, Ura};
use crate::json::Value;
use crate::limits;
use crate::profile::{Categories, Sign, ValueSets};
use crate::query::{Id, LookUp};
use relation::Relations;
use resolve::resolve_all;

/// FHIR systems of the numbers that records are found by.
const URA_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/ura";
const UZI_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers";

/// The part of the store that every thread shares.
#[derive(Debug)]
pub struct ConsentStore {
    sources: Vec<SourceIndex>,
    /// The upstream, where it is no source of Consents and may show a treatment relation.
    elsewhere: Option<SourceIndex>,
    upstream: Source,
    bases: Arc<[String]>,
    memory: Memory,
    directory: Directory,
    /// By the person with all records: one that was found since has Consents of its own.
    evidence: Remembered<Arc<Person>, Arc<Evidence>>,
    /// Who was asked about and is not known, by what was asked.
    unknown: Remembered<String, ()>,
    callers: Remembered<(Ura, Option<String>), Arc<CallerRecords>>,
    holders: Remembered<Ura, Arc<Holder>>,
    relations: Relations,
    relation: Remembered<Arc<Person>, Arc<TreatmentRelation>>,
}

#[derive(Debug)]
struct SourceIndex {
    source: Source,
    version: FhirVersion,
    is_upstream: bool,
    bases: Arc<[String]>,
    patients: PatientIndex,
}

/// The clients of one thread.
#[derive(Debug)]
pub struct Servers {
    /// One for each source of Consents, in their order.
    pub sources: Vec<Upstream>,
    /// The upstream's.
    pub upstream: Upstream,
    /// That of the directory of organisations, where there is one.
    pub directory: Option<Upstream>,
}

/// What is on file, and who the caller and the holder are there.
#[derive(Debug, Clone)]
pub struct OnFile {
    /// The Consents.
    pub evidence: Arc<Evidence>,
    /// The caller's own records at the sources.
    pub caller: Arc<CallerRecords>,
    /// The holder's own records at the sources.
    pub holder: Arc<Holder>,
}

impl ConsentStore {
    /// Makes a store over the sources; `bases` are the URLs under which the upstream is known, `signs` what shows a treatment
    /// relation there, `directory` what says the kind of an organisation.
    #[must_use]
    pub fn new<'s>(
        sources: &[config::Source],
        bases: &Arc<[String]>,
        patients: &PatientIndex,
        (value_sets, categories): (&Arc<ValueSets>, &Arc<Categories>),
        memory: &Memory,
        signs: impl Iterator<Item = &'s Sign>,
        directory: Directory,
    ) -> Self {
        let index = |settings: &config::Source| {
            let register = if settings.is_register { Register::Shared } else { Register::Own };
            let is_upstream = settings.is_upstream;
            let (source, bases, patients) = if is_upstream {
                (Source::new(bases, register), bases.clone(), patients.clone())
            } else {
                let own: Arc<[String]> = Arc::from([settings.base.clone()]);
                let patients = PatientIndex::new(own.clone(), memory);
                (Source::new(&own, register).with_data_at(bases), own, patients)
            };
            let source = source.with_value_sets(Arc::clone(value_sets)).with_categories(Arc::clone(categories));
            SourceIndex { source, version: settings.version, is_upstream, bases, patients }
        };
        let sources: Vec<_> = sources.iter().map(index).collect();
        let relations = Relations::of(signs);
        // Who the caller is at the upstream has to be known, where a relation is shown there.
        let elsewhere = (!relations.is_empty() && !sources.iter().any(|source| source.is_upstream)).then(|| {
            let (source, patients) = (Source::new(bases, Register::Own), patients.clone());
            SourceIndex { source, version: FhirVersion::R4, is_upstream: true, bases: bases.clone(), patients }
        });
        Self {
            sources,
            elsewhere,
            relations,
            relation: memory.cache(),
            upstream: Source::new(bases, Register::Own),
            bases: bases.clone(),
            memory: memory.clone(),
            directory,
            evidence: memory.cache(),
            unknown: memory.cache(),
            callers: memory.cache(),
            holders: memory.cache(),
        }
    }

    /// Gives up the places of what was remembered under epochs that ended.
    pub(super) fn make_room(&self) {
        self.evidence.invalidate_all();
        self.relation.invalidate_all();
        self.unknown.invalidate_all();
        self.callers.invalidate_all();
        self.holders.invalidate_all();
        for source in &self.sources {
            source.patients.make_room();
        }
    }

    /// Reads what is on file about a person, and who the caller and the holder are there.
    ///
    /// A source that fails makes the evidence unavailable, and so does a directory that does not answer.
    pub async fn on_file(
        &self,
        servers: &Servers,
        person: &Arc<Person>,
        caller: &Caller,
        holder: &Ura,
    ) -> Result<OnFile, NoPerson> {
        let epoch = self.memory.begin();
        let evidence = self.evidence.try_get_with((Arc::clone(person), epoch), self.read_all(servers, person));
        let evidence = evidence.await.map_err(Arc::unwrap_or_clone)?;
        let (caller, holder) = self.parties(servers, caller, holder, epoch).await?;
        Ok(OnFile { evidence, caller, holder })
    }

    /// Asks every source about nobody, where it is not known who `asked` names: a source that fails must fail alike for
    /// those who are known and those who are not. It is remembered as long as an answer about somebody is.
    pub async fn on_nobody(
        &self,
        servers: &Servers,
        asked: &str,
        caller: &Caller,
        holder: &Ura,
    ) -> Result<(), NoPerson> {
        let epoch = self.memory.begin();
        let asking = self.unknown.try_get_with((asked.to_owned(), epoch), self.ask_about_nobody(servers));
        asking.await.map_err(Arc::unwrap_or_clone)?;
        self.parties(servers, caller, holder, epoch).await.map(drop)
    }

    /// Looks up what may show that somebody treats the person; `server` is this thread's client of the upstream.
    ///
    /// # Errors
    /// A look-up that failed: that nothing shows a relation is known only where everything was asked.
    pub async fn relation(&self, server: &Upstream, person: &Arc<Person>) -> Result<Arc<TreatmentRelation>, NoPerson> {
        let epoch = self.memory.begin();
        let looked_up = self.relations.look_up(server, &self.upstream, &self.bases, person);
        let found = self.relation.try_get_with((Arc::clone(person), epoch), looked_up).await;
        found.map_err(|error| NoPerson::LookUp(*error))
    }

    /// Asks the same about nobody, for the reason that [`Self::on_nobody`] has.
    pub async fn relation_of_nobody(&self, server: &Upstream, asked: &str) -> Result<(), NoPerson> {
        let epoch = self.memory.begin();
        let asking = self.relations.ask_about_nobody(server, &self.bases);
        let key = (format!("relation {asked}"), epoch);
        self.unknown.try_get_with(key, asking).await.map_err(|error| NoPerson::LookUp(*error))
    }

    async fn ask_about_nobody(&self, servers: &Servers) -> Result<(), NoPerson> {
        for (index, server) in self.paired(servers) {
            if let Some(lookup) = LookUp::nobodys_consents() {
                lookup::search(server, Call::Consent, &index.bases, lookup, limits::CONSENTS, |_| {}).await?;
            }
        }
        Ok(())
    }

    async fn parties(
        &self,
        servers: &Servers,
        caller: &Caller,
        holder: &Ura,
        epoch: u64,
    ) -> Result<(Arc<CallerRecords>, Arc<Holder>), NoPerson> {
        let uzi = caller.person().map(|number| number.as_str().to_owned());
        let key = ((caller.ura().clone(), uzi), epoch);
        let records = self.callers.try_get_with(key, self.records_of(servers, caller));
        let records = records.await.map_err(Arc::unwrap_or_clone)?;
        let own = self.holders.try_get_with((holder.clone(), epoch), self.holder(servers, holder));
        let own = own.await.map_err(Arc::unwrap_or_clone)?;
        Ok((records, own))
    }

    /// Returns the sources, and the upstream where a treatment relation is shown there, each with its client.
    fn with_upstream<'s>(&'s self, servers: &'s Servers) -> impl Iterator<Item = (&'s SourceIndex, &'s Upstream)> {
        self.paired(servers).chain(self.elsewhere.iter().zip([&servers.upstream]))
    }

    fn paired<'s>(&'s self, servers: &'s Servers) -> impl Iterator<Item = (&'s SourceIndex, &'s Upstream)> {
        self.sources.iter().zip(&servers.sources)
    }

    async fn read_all(&self, servers: &Servers, person: &Person) -> Result<Arc<Evidence>, NoPerson> {
        let mut all: Option<Evidence> = None;
        for (index, server) in self.paired(servers) {
            let there = if index.is_upstream {
                Some(Arc::new(person.clone()))
            } else {
                match index.patients.by_number(server, &person.bsn).await {
                    Ok(person) => Some(person),
                    Err(NoPerson::Unknown) => None,
                    Err(failed) => return Err(failed),
                }
            };
            let Some(there) = there else { continue };
            let evidence = read_source(index, server, &there).await?;
            all = Some(match all {
                Some(others) => others.merge(evidence),
                None => evidence,
            });
        }
        // No source knows the person: nothing is on file, and that was asked, not assumed.
        let nothing = || Evidence::read(&Source::default(), &[], FhirVersion::R4, &person.references(), Standing::Full);
        Ok(Arc::new(all.unwrap_or_else(nothing)))
    }

    async fn records_of(&self, servers: &Servers, caller: &Caller) -> Result<Arc<CallerRecords>, NoPerson> {
        let facility = self.directory.facility_types(servers.directory.as_ref(), caller.ura()).await?;
        let mut records = CallerRecords::none().at(facility);
        for (index, server) in self.with_upstream(servers) {
            let mut wanted = vec![LookUp::by_identifier("Organization", URA_SYSTEM, caller.ura().as_str())];
            if let Some(uzi) = caller.person() {
                wanted.push(LookUp::by_identifier("Practitioner", UZI_SYSTEM, uzi.as_str()));
            }
            for lookup in wanted {
                let each = |record: Value<'_>| records.found(&index.source, caller, record.raw().as_bytes());
                lookup::search(server, Call::Consent, &index.bases, lookup, limits::REFERENCED, each).await?;
            }
            resolve_all(&index.source, &index.bases, server, &mut records).await?;
        }
        Ok(Arc::new(records))
    }

    async fn holder(&self, servers: &Servers, ura: &Ura) -> Result<Arc<Holder>, NoPerson> {
        let mut holder = Holder::new(ura.clone());
        for (index, server) in self.with_upstream(servers) {
            let lookup = LookUp::by_identifier("Organization", URA_SYSTEM, ura.as_str());
            let each = |record: Value<'_>| holder.found(&index.source, record);
            lookup::search(server, Call::Consent, &index.bases, lookup, limits::REFERENCED, each).await?;
        }
        Ok(Arc::new(holder))
    }
}

async fn read_source(index: &SourceIndex, server: &Upstream, person: &Person) -> Result<Evidence, NoPerson> {
    let (source, version) = (&index.source, index.version);
    let own = consents(index, server, &person.records).await?;
    let mut evidence = Evidence::read(source, &own, version, &person.references(), Standing::Full);
    if !person.linked.is_empty() {
        let linked = consents(index, server, &person.linked).await?;
        let patient = person.linked_references();
        evidence = evidence.merge(Evidence::read(source, &linked, version, &patient, Standing::DenialsOnly));
    }
    resolve_all(source, &index.bases, server, &mut evidence).await?;
    Ok(evidence)
}

async fn consents(index: &SourceIndex, server: &Upstream, records: &[Id]) -> Result<Vec<Vec<u8>>, NoPerson> {
    let mut found = Vec::new();
    let each = |consent: Value<'_>| found.push(consent.raw().as_bytes().to_vec());
    if let Some(lookup) = LookUp::consents(records) {
        lookup::search(server, Call::Consent, &index.bases, lookup, limits::CONSENTS, each).await?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
