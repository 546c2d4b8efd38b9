//! Evidence: what every source has on file about consent for one person, and the records that Consents speak of.
//!
//! A source that fails makes the evidence unavailable; that is told, never remembered. What is remembered is bounded by
//! `consent.max_age` and by the end of an [`Epoch`]: a look-up that began before the end cannot bring back what ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use moka::future::Cache;

use super::config;
use super::epoch::Epoch;
use super::lookup::{self, LookUpError};
use super::metrics::Call;
use super::patient_index::{NoPerson, PatientIndex, Person};
use super::upstream::Upstream;
use crate::consent::{CallerRecords, Evidence, FhirVersion, Holder, Register, Source, Standing};
use crate::identity::{Caller, Ura};
use crate::json::Value;
use crate::limits;
use crate::profile::ValueSets;
use crate::query::{Id, LookUp};

/// FHIR systems of the numbers that records are found by.
const URA_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/ura";
const UZI_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers";

/// The part of the store that every thread shares.
#[derive(Debug)]
pub struct ConsentStore {
    sources: Vec<SourceIndex>,
    epoch: Epoch,
    /// By the person with all records: one that was found since has Consents of its own.
    evidence: Cache<(Arc<Person>, u64), Arc<Evidence>>,
    /// Who was asked about and is not known, by what was asked.
    unknown: Cache<(String, u64), ()>,
    callers: Cache<(Ura, Option<String>, u64), Arc<CallerRecords>>,
    holders: Cache<(Ura, u64), Arc<Holder>>,
}

#[derive(Debug)]
struct SourceIndex {
    source: Source,
    is_upstream: bool,
    bases: Arc<[String]>,
    patients: PatientIndex,
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
    /// Makes a store over the sources, whose evidence counts until `epoch` ends; `bases` are the URLs under which the
    /// upstream is known.
    #[must_use]
    pub fn new(
        settings: &config::ConsentSettings,
        bases: &Arc<[String]>,
        patients: &PatientIndex,
        value_sets: &Arc<ValueSets>,
        epoch: &Epoch,
    ) -> Self {
        let max_age = settings.max_age;
        let index = |settings: &config::Source| {
            let register = if settings.is_register { Register::Shared } else { Register::Own };
            let is_upstream = settings.is_upstream;
            let (source, bases, patients) = if is_upstream {
                (Source::new(bases, register), bases.clone(), patients.clone())
            } else {
                let own: Arc<[String]> = Arc::from([settings.base.clone()]);
                let patients = PatientIndex::new(own.clone(), max_age, epoch.clone());
                (Source::new(&own, register).with_data_at(bases), own, patients)
            };
            SourceIndex { source: source.with_value_sets(Arc::clone(value_sets)), is_upstream, bases, patients }
        };
        Self {
            sources: settings.sources.iter().map(index).collect(),
            epoch: epoch.clone(),
            evidence: Cache::builder().max_capacity(50_000).time_to_live(max_age).build(),
            unknown: Cache::builder().max_capacity(50_000).time_to_live(max_age).build(),
            callers: Cache::builder().max_capacity(10_000).time_to_live(max_age).build(),
            holders: Cache::builder().max_capacity(10).time_to_live(max_age).build(),
        }
    }

    /// Gives up the places of what was remembered under epochs that ended.
    pub(super) fn make_room(&self) {
        self.evidence.invalidate_all();
        self.unknown.invalidate_all();
        self.callers.invalidate_all();
        self.holders.invalidate_all();
        for source in &self.sources {
            source.patients.make_room();
        }
    }

    /// Reads what is on file about a person, and who the caller and the holder are there.
    ///
    /// `servers` are this thread's clients, one for each source, in their order. A source that fails makes the evidence
    /// unavailable.
    pub async fn on_file(
        &self,
        servers: &[Upstream],
        person: &Arc<Person>,
        caller: &Caller,
        holder: &Ura,
    ) -> Result<OnFile, NoPerson> {
        let epoch = self.epoch.begin();
        let evidence = self.evidence.try_get_with((Arc::clone(person), epoch), self.read_all(servers, person));
        let evidence = evidence.await.map_err(Arc::unwrap_or_clone)?;
        let (caller, holder) = self.parties(servers, caller, holder, epoch).await?;
        Ok(OnFile { evidence, caller, holder })
    }

    /// Asks every source about nobody, where it is not known who `asked` names: a source that fails must fail alike for
    /// those who are known and those who are not. It is remembered as long as an answer about somebody is.
    pub async fn on_nobody(
        &self,
        servers: &[Upstream],
        asked: &str,
        caller: &Caller,
        holder: &Ura,
    ) -> Result<(), NoPerson> {
        let epoch = self.epoch.begin();
        let asking = self.unknown.try_get_with((asked.to_owned(), epoch), self.ask_about_nobody(servers));
        asking.await.map_err(Arc::unwrap_or_clone)?;
        self.parties(servers, caller, holder, epoch).await.map(drop)
    }

    async fn ask_about_nobody(&self, servers: &[Upstream]) -> Result<(), NoPerson> {
        for (index, server) in self.paired(servers) {
            if let Some(lookup) = LookUp::nobodys_consents() {
                lookup::search(server, Call::Consent, &index.bases, lookup, limits::CONSENTS, |_| {}).await?;
            }
        }
        Ok(())
    }

    async fn parties(
        &self,
        servers: &[Upstream],
        caller: &Caller,
        holder: &Ura,
        epoch: u64,
    ) -> Result<(Arc<CallerRecords>, Arc<Holder>), NoPerson> {
        let uzi = caller.person().map(|number| number.as_str().to_owned());
        let key = (caller.ura().clone(), uzi, epoch);
        let records = self.callers.try_get_with(key, self.records_of(servers, caller));
        let records = records.await.map_err(Arc::unwrap_or_clone)?;
        let own = self.holders.try_get_with((holder.clone(), epoch), self.holder(servers, holder));
        let own = own.await.map_err(Arc::unwrap_or_clone)?;
        Ok((records, own))
    }

    fn paired<'s>(&'s self, servers: &'s [Upstream]) -> impl Iterator<Item = (&'s SourceIndex, &'s Upstream)> {
        self.sources.iter().zip(servers)
    }

    async fn read_all(&self, servers: &[Upstream], person: &Person) -> Result<Arc<Evidence>, NoPerson> {
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

    async fn records_of(&self, servers: &[Upstream], caller: &Caller) -> Result<Arc<CallerRecords>, NoPerson> {
        let mut records = CallerRecords::none();
        for (index, server) in self.paired(servers) {
            let mut wanted = vec![LookUp::by_identifier("Organization", URA_SYSTEM, caller.ura().as_str())];
            if let Some(uzi) = caller.person() {
                wanted.push(LookUp::by_identifier("Practitioner", UZI_SYSTEM, uzi.as_str()));
            }
            for lookup in wanted {
                let each = |record: Value<'_>| records.found(&index.source, caller, record.raw().as_bytes());
                lookup::search(server, Call::Consent, &index.bases, lookup, limits::REFERENCED, each).await?;
            }
            resolve_all(index, server, &mut records).await?;
        }
        Ok(Arc::new(records))
    }

    async fn holder(&self, servers: &[Upstream], ura: &Ura) -> Result<Arc<Holder>, NoPerson> {
        let mut holder = Holder::new(ura.clone());
        for (index, server) in self.paired(servers) {
            let lookup = LookUp::by_identifier("Organization", URA_SYSTEM, ura.as_str());
            let each = |record: Value<'_>| holder.found(&index.source, record);
            lookup::search(server, Call::Consent, &index.bases, lookup, limits::REFERENCED, each).await?;
        }
        Ok(Arc::new(holder))
    }
}

async fn read_source(index: &SourceIndex, server: &Upstream, person: &Person) -> Result<Evidence, NoPerson> {
    let (source, version) = (&index.source, FhirVersion::R4);
    let own = consents(index, server, &person.records).await?;
    let mut evidence = Evidence::read(source, &own, version, &person.references(), Standing::Full);
    if !person.linked.is_empty() {
        let linked = consents(index, server, &person.linked).await?;
        let patient = person.linked_references();
        evidence = evidence.merge(Evidence::read(source, &linked, version, &patient, Standing::DenialsOnly));
    }
    resolve_all(index, server, &mut evidence).await?;
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

/// What refers to records that must be looked up before deciding.
trait Unresolved {
    fn wanted(&self, source: &Source) -> Vec<String>;
    fn resolve(&mut self, source: &Source, reference: &str, resource: &[u8]);
    fn absent(&mut self, source: &Source, reference: &str);
}

impl Unresolved for Evidence {
    fn wanted(&self, _: &Source) -> Vec<String> {
        self.wanted()
    }

    fn resolve(&mut self, _: &Source, reference: &str, resource: &[u8]) {
        self.resolve(reference, resource);
    }

    fn absent(&mut self, _: &Source, reference: &str) {
        self.absent(reference);
    }
}

impl Unresolved for CallerRecords {
    fn wanted(&self, source: &Source) -> Vec<String> {
        self.wanted(source)
    }

    fn resolve(&mut self, source: &Source, reference: &str, resource: &[u8]) {
        self.resolve(source, reference, resource);
    }

    fn absent(&mut self, source: &Source, reference: &str) {
        self.absent(source, reference);
    }
}

/// Looks up what is wanted, and what that wants in turn, level by level. What is not found is known to be absent.
async fn resolve_all(index: &SourceIndex, server: &Upstream, who: &mut impl Unresolved) -> Result<(), LookUpError> {
    let source = &index.source;
    let mut asked = BTreeSet::new();
    for _ in 0..limits::ACTOR_DEPTH {
        let mut by_type: BTreeMap<String, Vec<Id>> = BTreeMap::new();
        for reference in who.wanted(source) {
            let Some((kind, id)) = reference.split_once('/') else { continue };
            let Ok(id) = id.parse() else { continue };
            if asked.insert(reference.clone()) {
                by_type.entry(kind.to_owned()).or_default().push(id);
            }
        }
        if asked.len() > limits::REFERENCED {
            return Err(LookUpError::TooMany);
        }
        if by_type.is_empty() {
            return Ok(());
        }
        for (kind, ids) in by_type {
            let Some(lookup) = LookUp::by_ids(&kind, &ids) else { continue };
            let mut missing: BTreeSet<String> = ids.iter().map(|id| format!("{kind}/{}", id.as_str())).collect();
            let each = |resource: Value<'_>| {
                if let Some(reference) = reference_of(resource)
                    && missing.remove(&reference)
                {
                    who.resolve(source, &reference, resource.raw().as_bytes());
                }
            };
            lookup::search(server, Call::Consent, &index.bases, lookup, limits::REFERENCED, each).await?;
            for reference in missing {
                who.absent(source, &reference);
            }
        }
    }
    Ok(())
}

fn reference_of(resource: Value<'_>) -> Option<String> {
    Some(format!("{}/{}", resource.text_of("resourceType")?, resource.text_of("id")?))
}
