//! Directory answer: what a FHIR server (IHE mCSD) says of the kind of one organisation.
//!
//! What it does not say, or says in two ways, is not known.

use super::actor::is_ura;
use super::record::Record;
use super::source::Source;
use crate::identity::{FacilityTypes, Ura};
use crate::json::Value;

/// Names of the code system of organisation types.
const SYSTEMS: [&str; 3] = [
    "http://nictiz.nl/fhir/NamingSystem/organization-type",
    "http://fhir.nl/fhir/NamingSystem/organization-type",
    "urn:oid:2.16.840.1.113883.2.4.15.1060",
];

/// What a FHIR directory says of one organisation, record by record.
#[derive(Debug)]
pub struct DirectoryAnswer<'u> {
    ura: &'u Ura,
    found: Vec<FacilityTypes>,
}

impl<'u> DirectoryAnswer<'u> {
    /// Returns an answer about the organisation of that number, without a record.
    #[must_use]
    pub fn about(ura: &'u Ura) -> Self {
        Self { ura, found: Vec::new() }
    }

    /// Takes an Organization. One that does not carry the number, or is not active, says nothing.
    pub fn take(&mut self, organization: Value<'_>) {
        let record = Record::read(organization, &Source::default(), "");
        let is_other = record.kind != "Organization" || !record.identifiers.iter().any(|one| is_ura(one, self.ura));
        // Inactive, modified: a record that must not be read as it stands.
        if is_other || record.doubtful {
            return;
        }
        let types = organization.get("type");
        let codings = types.iter().flat_map(Value::items).filter_map(|concept| concept.get("coding"));
        let known = codings.flat_map(|codings| codings.items().collect::<Vec<_>>()).filter(|coding| {
            coding.text_of("system").is_some_and(|system| SYSTEMS.contains(&system.trim_end_matches('/')))
        });
        let codes = known.filter_map(|coding| coding.text_of("code").map(|code| code.into_owned()));
        self.found.push(FacilityTypes::of(codes.collect()));
    }

    /// Returns what all records say alike.
    #[must_use]
    pub fn facility_types(self) -> FacilityTypes {
        let mut found = self.found.into_iter();
        let Some(first) = found.next() else { return FacilityTypes::Unknown };
        if found.all(|other| other == first) { first } else { FacilityTypes::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn said(organizations: &[&str]) -> FacilityTypes {
        let ura = "00000003".parse().unwrap();
        let mut answer = DirectoryAnswer::about(&ura);
        for text in organizations {
            answer.take(Document::read(text.as_bytes(), limits::RESOURCE).unwrap().root());
        }
        answer.facility_types()
    }

    fn organization(ura: &str, types: &str, members: &str) -> String {
        format!(
            r#"{{"resourceType":"Organization","id":"o"{members},"identifier":[{{"system":"http://fhir.nl/fhir/NamingSystem/ura",
            "value":"{ura}"}}],"type":[{types}]}}"#
        )
    }

    fn coded(system: &str, code: &str) -> String {
        format!(r#"{{"coding":[{{"system":"{system}","code":"{code}"}}]}}"#)
    }

    #[test]
    fn the_types_of_the_record_with_the_number_are_known_by_every_name_of_their_system() {
        for system in SYSTEMS {
            let text = organization("00000003", &coded(system, "Z3"), ",\"active\":true");
            assert_eq!(said(&[&text]), FacilityTypes::Known(vec!["Z3".to_owned()]), "{system}");
        }
        let both = [coded(SYSTEMS[0], "Z3"), coded(SYSTEMS[0], "K3")].join(",");
        let known = FacilityTypes::Known(vec!["K3".to_owned(), "Z3".to_owned()]);
        assert_eq!(said(&[&organization("00000003", &both, "")]), known);
    }

    #[test]
    fn nothing_is_known_from_another_organisation_an_inactive_one_another_system_or_nothing() {
        let z3 = coded(SYSTEMS[0], "Z3");
        for text in [
            organization("00000004", &z3, ""),
            organization("00000003", &z3, ",\"active\":false"),
            organization("00000003", &z3, ",\"modifierExtension\":[{\"url\":\"urn:x\"}]"),
            organization("00000003", &coded("urn:other", "Z3"), ""),
            organization("00000003", &z3, "").replace("\"Organization\"", "\"Location\""),
        ] {
            assert_eq!(said(&[&text]), FacilityTypes::Unknown, "{text}");
        }
        assert_eq!(said(&[]), FacilityTypes::Unknown);
    }

    #[test]
    fn records_that_say_different_things_say_nothing() {
        let one = organization("00000003", &coded(SYSTEMS[0], "Z3"), "");
        let other = organization("00000003", &coded(SYSTEMS[0], "V6"), "");
        let mute = organization("00000003", &coded("urn:other", "V6"), "");
        assert_eq!(said(&[&one, &other]), FacilityTypes::Unknown);
        assert_eq!(said(&[&one, &mute]), FacilityTypes::Unknown);
        assert_eq!(said(&[&one, &one]), FacilityTypes::Known(vec!["Z3".to_owned()]));
    }
}
