//! Who a query is about: all Patient records with one BSN.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lookup::{self, LookUpError};
use super::memory::{Memory, Remembered};
use super::metrics::Call;
use super::upstream::Upstream;
use crate::json::Value;
use crate::limits;
use crate::query::{BSN_OID, BSN_SYSTEM, Bsn, Id, LookUp, Subject};

/// One person at one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// The number that makes the records one person's.
    pub bsn: Bsn,
    /// The Patient records with that number, in order.
    pub records: Vec<Id>,
    /// Patient records that are linked to them and have not that number: only denials count there.
    pub linked: Vec<Id>,
}

impl Person {
    /// Returns references to the person's records, `Patient/1`.
    #[must_use]
    pub fn references(&self) -> Vec<String> {
        references(&self.records)
    }

    /// Returns references to the linked records.
    #[must_use]
    pub fn linked_references(&self) -> Vec<String> {
        references(&self.linked)
    }
}

fn references(records: &[Id]) -> Vec<String> {
    records.iter().map(|id| format!("Patient/{}", id.as_str())).collect()
}

/// Why nobody was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPerson {
    /// Nobody of that id or number, or the records do not tell one person.
    #[error("nobody, or not one person, is known by that")]
    Unknown,
    /// The server could not be asked.
    #[error("{0}")]
    LookUp(LookUpError),
}

impl From<LookUpError> for NoPerson {
    fn from(error: LookUpError) -> Self {
        Self::LookUp(error)
    }
}

/// Finds persons at one server, and remembers them for a while, at most until the epoch of its memory ends. Only who was
/// found is remembered.
#[derive(Debug, Clone)]
pub struct PatientIndex {
    bases: Arc<[String]>,
    memory: Memory,
    numbers: Remembered<Id, Bsn>,
    persons: Remembered<Bsn, Arc<Person>>,
}

impl PatientIndex {
    /// Makes an index over the server of those bases.
    #[must_use]
    pub fn new(bases: Arc<[String]>, memory: &Memory) -> Self {
        Self { bases, memory: memory.clone(), numbers: memory.cache(), persons: memory.cache() }
    }

    /// Gives up the places of what was remembered under epochs that ended.
    pub(super) fn make_room(&self) {
        self.numbers.invalidate_all();
        self.persons.invalidate_all();
    }

    /// Finds the person that a query names.
    ///
    /// # Errors
    /// [`NoPerson::Unknown`] for whom the answer is that of somebody unknown.
    pub async fn find(&self, upstream: &Upstream, subject: &Subject) -> Result<Arc<Person>, NoPerson> {
        match subject {
            Subject::Bsn(bsn) => self.by_number(upstream, bsn).await,
            Subject::Id(id) => self.by_id(upstream, id).await,
        }
    }

    /// Finds the person that a Patient record is of.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn by_id(&self, upstream: &Upstream, id: &Id) -> Result<Arc<Person>, NoPerson> {
        let number = self.numbers.try_get_with((id.clone(), self.memory.begin()), number_of(upstream, id)).await;
        let number = number.map_err(Arc::unwrap_or_clone)?;
        let person = self.by_number(upstream, &number).await?;
        if person.records.contains(id) { Ok(person) } else { Err(NoPerson::Unknown) }
    }

    /// Finds the person of a number.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn by_number(&self, upstream: &Upstream, bsn: &Bsn) -> Result<Arc<Person>, NoPerson> {
        let key = (bsn.clone(), self.memory.begin());
        let found = self.persons.try_get_with(key, self.look_up(upstream, bsn)).await;
        found.map_err(Arc::unwrap_or_clone)
    }

    async fn look_up(&self, upstream: &Upstream, bsn: &Bsn) -> Result<Arc<Person>, NoPerson> {
        let mut records = BTreeSet::new();
        let mut linked = BTreeSet::new();
        let mut odd = false;
        let each = |patient: Value<'_>| match (id_of_patient(patient), bsn_of(patient)) {
            (Some(id), Some(number)) if number == *bsn => {
                records.insert(id);
                linked.extend(links(patient));
            }
            // The server's idea of the number differs from ours, so who this is cannot be told.
            _ => odd = true,
        };
        lookup::search(upstream, Call::Patient, &self.bases, LookUp::by_bsn(bsn), limits::PATIENT_RECORDS, each)
            .await?;
        if odd || records.is_empty() {
            return Err(NoPerson::Unknown);
        }
        let ids: Vec<Id> = records.iter().cloned().collect();
        let each = |patient: Value<'_>| linked.extend(id_of_patient(patient));
        if let Some(linking) = LookUp::linking(&ids) {
            lookup::search(upstream, Call::Patient, &self.bases, linking, limits::PATIENT_RECORDS, each).await?;
        }
        let linked = linked.difference(&records).cloned().collect();
        Ok(Arc::new(Person { bsn: bsn.clone(), records: ids, linked }))
    }
}

async fn number_of(upstream: &Upstream, id: &Id) -> Result<Bsn, NoPerson> {
    let number = lookup::read(upstream, Call::Patient, "Patient", id, bsn_of);
    number.await?.flatten().ok_or(NoPerson::Unknown)
}

fn id_of_patient(resource: Value<'_>) -> Option<Id> {
    let is_patient = resource.text_of("resourceType").is_some_and(|kind| kind == "Patient");
    if is_patient { resource.text_of("id")?.parse().ok() } else { None }
}

/// The one BSN of a Patient; none where there is none, or several, or one that fails the eleven test.
fn bsn_of(patient: Value<'_>) -> Option<Bsn> {
    let mut found: Option<Bsn> = None;
    for identifier in patient.get("identifier").iter().flat_map(Value::items) {
        let is_bsn = identifier.text_of("system").is_some_and(|system| system == BSN_SYSTEM || system == BSN_OID);
        if !is_bsn {
            continue;
        }
        let number: Bsn = identifier.text_of("value")?.parse().ok()?;
        if found.as_ref().is_some_and(|other| *other != number) {
            return None;
        }
        found = Some(number);
    }
    found
}

fn links(patient: Value<'_>) -> Vec<Id> {
    let links = patient.get("link");
    let others = links.iter().flat_map(Value::items).filter_map(|link| link.get("other")?.text_of("reference"));
    others
        .filter_map(|reference| {
            // An absolute reference to this server ends the same way; one to another server finds no Consents here.
            let (_, id) = reference.rsplit_once("Patient/")?;
            id.split('/').next()?.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::demo::fhir_server::FhirServer;
    use crate::gateway::config::Access;
    use crate::gateway::metrics::Metrics;
    use crate::json::Document;

    #[test]
    fn every_record_of_a_person_is_found_however_the_system_of_the_number_is_written() {
        actix_rt::System::new().block_on(find_records_by_both_systems());
    }

    async fn find_records_by_both_systems() {
        let server = FhirServer::start().unwrap();
        for (id, system) in [("a", BSN_SYSTEM), ("b", BSN_OID), ("c", "http://elsewhere.example/number")] {
            let identifier = format!(r#"[{{"system":"{system}","value":"999911120"}}]"#);
            server.put(&format!(r#"{{"resourceType":"Patient","id":"{id}","identifier":{identifier}}}"#)).unwrap();
        }
        let bases: Arc<[String]> = Arc::from([server.base().to_owned()]);
        let access = Access { ca: None, identity: None, bearer_file: None };
        let upstream = Upstream::new(server.base(), &access, Arc::new(Metrics::new(&[]))).unwrap();
        let index = PatientIndex::new(bases, &Memory::new(Duration::from_secs(60), 100));
        for id in ["a", "b"] {
            let person = index.by_id(&upstream, &id.parse().unwrap()).await.unwrap();
            assert_eq!(person.references(), ["Patient/a", "Patient/b"]);
        }
        assert_eq!(index.by_id(&upstream, &"c".parse().unwrap()).await, Err(NoPerson::Unknown));
    }

    fn number(patient: &str) -> Option<Bsn> {
        bsn_of(Document::read(patient.as_bytes(), limits::RESOURCE).unwrap().root())
    }

    #[test]
    fn a_patient_with_one_number_has_it_and_one_with_two_has_none() {
        let one = r#"{"identifier":[{"system":"x","value":"1"},{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}]}"#;
        assert_eq!(number(one), "999911120".parse().ok());
        let twice = r#"{"identifier":[{"system":"urn:oid:2.16.840.1.113883.2.4.6.3","value":"999911120"},{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}]}"#;
        assert_eq!(number(twice), "999911120".parse().ok());
        let two = r#"{"identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"900186021"},{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}]}"#;
        assert_eq!(number(two), None);
        let wrong = r#"{"identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911121"}]}"#;
        assert_eq!(number(wrong), None);
        assert_eq!(number("{}"), None);
    }

    #[test]
    fn links_are_read_whatever_their_form() {
        let patient = r#"{"link":[{"other":{"reference":"Patient/a"}},{"other":{"reference":"http://x/fhir/Patient/b/_history/2"}},{"other":{"reference":"RelatedPerson/c"}}]}"#;
        let document = Document::read(patient.as_bytes(), limits::RESOURCE).unwrap();
        let ids: Vec<_> = links(document.root()).iter().map(|id| id.as_str().to_owned()).collect();
        assert_eq!(ids, ["a", "b"]);
    }
}
