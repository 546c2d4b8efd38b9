//! Census: how much of some data no table knows, counted by type and by code system. It holds counts alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{Subject, Tables};
use crate::json::Value;

/// How many resources were counted, and how many of them are unlabelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// All.
    pub resources: u64,
    /// Those that carry no label and whose code no table lists.
    pub unlabelled: u64,
}

/// The code systems of a resource, as far as they may be named: the URI of one that no table is about could hold anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemName {
    /// One that a table is about.
    Known(String),
    /// Any other.
    Other,
    /// The resource says in no code what it is.
    None,
}

/// Counts over resources.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Census {
    types: BTreeMap<String, Share>,
    systems: BTreeMap<SystemName, Share>,
}

impl Census {
    /// Counts a resource of that type. One that names its medication by reference is left out: what it is, the Medication
    /// says, and that is counted for itself.
    pub fn count(&mut self, resource_type: &str, resource: Value<'_>, tables: &Tables) {
        let subject = Subject::alone(resource);
        let mut systems = BTreeSet::new();
        subject.each_concept(&mut |concept| {
            let codings = concept.get("coding");
            for system in codings.iter().flat_map(Value::items).filter_map(|coding| coding.text_of("system")) {
                systems.insert(match tables.system(&system) {
                    Some(known) => SystemName::Known(known.to_owned()),
                    None => SystemName::Other,
                });
            }
        });
        if systems.is_empty() {
            if resource.get("medicationReference").is_some() {
                return;
            }
            systems.insert(SystemName::None);
        }
        let unlabelled = tables.of(subject).is_unlabelled();
        let add = |share: &mut Share| {
            share.resources += 1;
            share.unlabelled += u64::from(unlabelled);
        };
        add(self.types.entry(resource_type.to_owned()).or_default());
        for system in systems {
            add(self.systems.entry(system).or_default());
        }
    }

    /// Returns the counts by type, ordered.
    pub fn types(&self) -> impl Iterator<Item = (&str, Share)> {
        self.types.iter().map(|(name, share)| (name.as_str(), *share))
    }

    /// Returns the counts by code system; a resource with codes of several counts for each.
    pub fn systems(&self) -> impl Iterator<Item = (&SystemName, Share)> {
        self.systems.iter().map(|(name, share)| (name, *share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn census(resources: &[&str]) -> Census {
        let tables = Tables::shipped().unwrap();
        let mut census = Census::default();
        for text in resources {
            let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
            census.count(&document.root().text_of("resourceType").unwrap(), document.root(), &tables);
        }
        census
    }

    fn share(resources: u64, unlabelled: u64) -> Share {
        Share { resources, unlabelled }
    }

    #[test]
    fn what_no_table_knows_is_counted_by_type_and_by_system() {
        let census = census(&[
            r#"{"resourceType":"Condition","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"I10"}]}}"#,
            r#"{"resourceType":"Condition","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"ZZZ"}]}}"#,
            r#"{"resourceType":"Condition","code":{"coding":[{"system":"http://own.example/999911120","code":"1"}]}}"#,
            r#"{"resourceType":"Encounter"}"#,
        ]);
        assert_eq!(census.types().collect::<Vec<_>>(), [("Condition", share(3, 2)), ("Encounter", share(1, 1))]);
        let icd = SystemName::Known("http://hl7.org/fhir/sid/icd-10".to_owned());
        let expected = [(&icd, share(2, 1)), (&SystemName::Other, share(1, 1)), (&SystemName::None, share(1, 1))];
        assert_eq!(census.systems().collect::<Vec<_>>(), expected);
        assert!(!format!("{census:?}").contains("999911120"), "a system that is not known is not named");
    }

    #[test]
    fn one_code_that_is_known_labels_a_resource_under_each_of_its_systems() {
        let census = census(&[
            r#"{"resourceType":"Medication","code":{"coding":[{"system":"urn:oid:2.16.840.1.113883.2.4.4.7","code":"1"},
                {"system":"urn:oid:2.16.840.1.113883.6.73","code":"A10BA02"}]}}"#,
        ]);
        let names: Vec<_> = census.systems().collect();
        let atc = SystemName::Known("http://www.whocc.no/atc".to_owned());
        let hpk = SystemName::Known("urn:oid:2.16.840.1.113883.2.4.4.7".to_owned());
        assert_eq!(names, [(&atc, share(1, 0)), (&hpk, share(1, 0))]);
    }

    #[test]
    fn what_names_its_medication_by_reference_is_not_counted_beside_it() {
        let request = r#"{"resourceType":"MedicationRequest","medicationReference":{"reference":"Medication/1"}}"#;
        assert_eq!(census(&[request]), Census::default());
        assert_eq!(census(&[r#"{"resourceType":"MedicationRequest"}"#]).types().count(), 1);
    }
}
