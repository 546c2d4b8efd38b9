//! The records of the demo: synthetic Dutch patients, each with a story about consent.
//!
//! Each file is a FHIR R4 transaction of PUTs that any R4 server takes as it is: `shared` first, which holds the
//! organisations, professionals and medicines that the others refer to. Nobody in them exists.

/// The records in the order in which they are loaded: name and text.
pub const RECORDS: &[(&str, &str)] = &[
    ("shared", include_str!("record/shared.json")),
    ("anna", include_str!("record/anna.json")),
    ("bram", include_str!("record/bram.json")),
    ("carla", include_str!("record/carla.json")),
    ("dirk", include_str!("record/dirk.json")),
    ("els", include_str!("record/els.json")),
    ("fatima", include_str!("record/fatima.json")),
    ("gijs", include_str!("record/gijs.json")),
    ("henk", include_str!("record/henk.json")),
];

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::str::FromStr;

    use super::*;
    use crate::json::{Bounds, Document, Kind, Value};
    use crate::query::{BSN_SYSTEM, Bsn, Id};

    const BOUNDS: Bounds = Bounds { bytes: 1 << 20, depth: 64, members: 64 };

    /// Calls `each` with record, reference (`Type/id`) and resource of every entry.
    pub(in super::super) fn each_resource(mut each: impl FnMut(&str, &str, Value<'_>)) {
        for (record, text) in RECORDS {
            let document = Document::read(text.as_bytes(), BOUNDS).unwrap_or_else(|error| panic!("{record}: {error}"));
            for entry in document.root().get("entry").unwrap().items() {
                let resource = entry.get("resource").unwrap();
                let reference =
                    format!("{}/{}", resource.text_of("resourceType").unwrap(), resource.text_of("id").unwrap());
                assert_eq!(entry.get("request").unwrap().text_of("url").as_deref(), Some(reference.as_str()));
                each(record, &reference, resource);
            }
        }
    }

    /// Returns every `Type/id` in the records.
    pub(in super::super) fn references() -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        each_resource(|record, reference, _| {
            assert!(all.insert(reference.to_owned()), "{reference} of {record} is not the only one");
        });
        all
    }

    fn each_member<'d>(value: Value<'d>, name: &str, each: &mut impl FnMut(Value<'d>)) {
        match value.kind() {
            Kind::Object => value.members().for_each(|member| {
                if member.name == name {
                    each(member.value);
                }
                each_member(member.value, name, each);
            }),
            Kind::Array => value.items().for_each(|item| each_member(item, name, each)),
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
        }
    }

    #[test]
    fn every_id_is_the_only_one_and_can_be_chosen_by_a_client() {
        for reference in references() {
            let (_, id) = reference.split_once('/').unwrap();
            assert!(Id::from_str(id).is_ok() && id.contains(|letter: char| letter.is_ascii_alphabetic()), "{id}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere_in_the_records() {
        let known = references();
        each_resource(|_, owner, resource| {
            let mut contained = BTreeSet::new();
            for inside in resource.get("contained").iter().flat_map(Value::items) {
                contained.insert(format!("#{}", inside.text_of("id").unwrap()));
            }
            each_member(resource, "reference", &mut |value| {
                // In Consent.provision.actor the member of that name is the Reference itself.
                if let Some(reference) = value.as_str() {
                    assert!(known.contains(&*reference) || contained.contains(&*reference), "{owner}: {reference}");
                }
            });
        });
    }

    #[test]
    fn every_bsn_is_a_test_number_and_only_one_person_has_two_records() {
        let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        each_resource(|_, reference, resource| {
            for identifier in resource.get("identifier").iter().flat_map(Value::items) {
                if identifier.text_of("system").as_deref() == Some(BSN_SYSTEM) {
                    let bsn = identifier.text_of("value").unwrap();
                    assert!(Bsn::from_str(&bsn).is_ok() && bsn.starts_with("9999"), "{reference}");
                    holders.entry(bsn.into_owned()).or_default().push(reference.to_owned());
                }
            }
        });
        let shared: Vec<_> = holders.values().filter(|records| records.len() > 1).collect();
        assert_eq!(shared, [&["Patient/gijs", "Patient/gijs-old"]]);
        assert_eq!(holders.len(), 8);
    }

    #[test]
    fn every_patient_has_enough_for_summary_medication_and_pages() {
        for (record, _) in RECORDS.iter().skip(1) {
            let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
            each_resource(|of, reference, _| {
                if of == *record {
                    *kinds.entry(reference.split_once('/').unwrap().0.to_owned()).or_default() += 1;
                }
            });
            for kind in [
                "AllergyIntolerance",
                "Condition",
                "Coverage",
                "DocumentReference",
                "Encounter",
                "Flag",
                "Immunization",
                "MedicationAdministration",
                "MedicationDispense",
                "MedicationRequest",
                "MedicationStatement",
                "Procedure",
            ] {
                assert!(kinds.contains_key(kind), "{record} has no {kind}");
            }
            assert!(kinds["Observation"] >= 8, "{record}");
        }
    }

    #[test]
    fn some_resources_have_a_narrative_so_that_its_loss_shows() {
        let mut narratives = 0;
        each_resource(|_, _, resource| narratives += usize::from(resource.get("text").is_some()));
        assert!(narratives > 20);
    }

    #[test]
    fn only_anna_has_no_consent() {
        let mut without: BTreeSet<_> = RECORDS.iter().map(|(record, _)| (*record).to_owned()).collect();
        each_resource(|record, reference, _| {
            if reference.starts_with("Consent/") {
                without.remove(record);
            }
        });
        assert_eq!(without.into_iter().collect::<Vec<_>>(), ["anna", "shared"]);
    }
}
