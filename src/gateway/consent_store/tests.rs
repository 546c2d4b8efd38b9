//! A memory that is empty, full or behind is a look-up, never a yes.

use std::time::Duration;

use super::*;
use crate::cli::demo::fhir_server::FhirServer;
use crate::gateway::config::Access;
use crate::gateway::metrics::Metrics;
use crate::identity::{CallerNames, CardType};

const PERSONS: [(&str, &str); 3] = [("a", "999911120"), ("b", "999990202"), ("c", "999990305")];

/// A Consent that cannot be read, so that what is on file shows by name.
fn consent(patient: &str, status: &str) -> String {
    format!(
        r#"{{"resourceType":"Consent","id":"of-{patient}","status":"{status}","patient":{{"reference":"Patient/{patient}"}}}}"#
    )
}

fn servers(upstream: &Upstream) -> Servers {
    Servers { sources: vec![upstream.clone()], upstream: upstream.clone(), directory: None }
}

/// A server with everybody's Consent, and a store over it with so many places.
struct Office {
    server: FhirServer,
    upstream: Upstream,
    patients: PatientIndex,
    store: ConsentStore,
    memory: Memory,
}

impl Office {
    fn with_places(places: u64) -> Self {
        let server = FhirServer::start().unwrap();
        for (id, number) in PERSONS {
            let identifier = format!(r#"[{{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"{number}"}}]"#);
            server.put(&format!(r#"{{"resourceType":"Patient","id":"{id}","identifier":{identifier}}}"#)).unwrap();
            server.put(&consent(id, "active")).unwrap();
        }
        let base = server.base().to_owned();
        let bases: Arc<[String]> = Arc::from([base.clone()]);
        let memory = Memory::new(Duration::from_secs(3600), places);
        let upstream = Upstream::new(&base, &Access::default(), Arc::new(Metrics::new(&[]))).unwrap();
        let patients = PatientIndex::new(bases.clone(), &memory);
        let (version, access) = (FhirVersion::R4, Access::default());
        let source = config::Source { base, version, is_upstream: true, is_register: false, access };
        let store = ConsentStore::new(
            &[source],
            &bases,
            &patients,
            (&Arc::default(), &Arc::default()),
            &memory,
            std::iter::empty(),
            Directory::default(),
        );
        Self { server, upstream, patients, store, memory }
    }

    /// The names of what is on file about somebody.
    async fn on_file(&self, patient: &str) -> Vec<String> {
        let person = self.patients.by_id(&self.upstream, &patient.parse().unwrap()).await.unwrap();
        let servers = servers(&self.upstream);
        let on_file = self.store.on_file(&servers, &person, &caller(), &"00000002".parse().unwrap()).await.unwrap();
        on_file.evidence.unreadable().map(|(reference, _)| reference.to_owned()).collect()
    }

    fn look_ups(&self) -> usize {
        self.server.seen().iter().filter(|seen| seen.target.starts_with("Consent?")).count()
    }
}

fn caller() -> Caller {
    let (ura, uzi, role) = ("00000001", "900000001", "01.015");
    Caller::new(
        ura.parse().unwrap(),
        uzi.parse().unwrap(),
        CardType::Professional,
        Some(role.parse().unwrap()),
        CallerNames::default(),
        None,
    )
}

fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

#[test]
fn what_is_on_file_about_somebody_is_theirs_however_few_places_there_are() {
    run(async {
        for places in [0, 1, 2, 100] {
            let office = Office::with_places(places);
            for _ in 0..4 {
                for (patient, _) in PERSONS {
                    assert_eq!(office.on_file(patient).await, [format!("Consent/of-{patient}")], "{places} places");
                }
            }
        }
    });
}

#[test]
fn what_there_is_no_place_for_is_looked_up_and_what_there_is_a_place_for_is_not() {
    run(async {
        let full = Office::with_places(0);
        assert_eq!(full.on_file("a").await.len(), 1);
        full.server.put(&consent("a", "inactive")).unwrap();
        assert_eq!((full.on_file("a").await.len(), full.look_ups()), (0, 2));
        // The twin.
        let roomy = Office::with_places(100);
        assert_eq!(roomy.on_file("a").await.len(), 1);
        roomy.server.put(&consent("a", "inactive")).unwrap();
        assert_eq!((roomy.on_file("a").await.len(), roomy.look_ups()), (1, 1));
    });
}

#[test]
fn what_ended_is_looked_up_with_its_places_given_up_or_not() {
    run(async {
        for gives_up in [true, false] {
            let office = Office::with_places(2);
            for (patient, _) in PERSONS {
                assert_eq!(office.on_file(patient).await.len(), 1);
                office.server.put(&consent(patient, "inactive")).unwrap();
            }
            assert!(office.memory.end());
            if gives_up {
                office.store.make_room();
                office.patients.make_room();
            }
            for (patient, _) in PERSONS {
                assert!(office.on_file(patient).await.is_empty(), "{patient}");
            }
        }
    });
}

#[test]
fn a_source_that_fails_leaves_nothing_that_counts() {
    run(async {
        let mut office = Office::with_places(100);
        assert_eq!(office.on_file("a").await.len(), 1);
        let person = office.patients.by_id(&office.upstream, &"a".parse().unwrap()).await.unwrap();
        assert!(office.memory.end());
        office.server.stop();
        let servers = servers(&office.upstream);
        let on_file = office.store.on_file(&servers, &person, &caller(), &"00000002".parse().unwrap()).await;
        assert!(matches!(on_file, Err(NoPerson::LookUp(_))));
    });
}
