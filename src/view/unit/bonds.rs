//! Bonds: what one resource says that makes others be judged with it.

use std::str::FromStr;

use crate::json::{Kind, Value};
use crate::query::Id;
use crate::view::reference::{Key, Known, Lead};

/// An identifier, by system and value.
pub(super) type Name = (String, String);

/// The system of identifiers that are URIs; such a value says so itself.
const URI: &str = "urn:ietf:rfc:3986";

/// What makes a resource belong to a unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Bonds {
    /// Treatments, by their identifiers.
    pub(super) treatments: Vec<Name>,
    /// What it replaces, stops or corrects.
    pub(super) others: Vec<Key>,
    /// The same, where it is named by identifier.
    pub(super) called: Vec<Called>,
    /// Its own identifiers.
    pub(super) names: Vec<Name>,
}

/// A resource that is named by identifier.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) name: Name,
    /// Its type, where that is said.
    pub(super) only: Option<String>,
}

impl Bonds {
    pub(super) fn of(resource: Value<'_>, known: Known<'_>) -> Self {
        let mut bonds = Self::default();
        for member in resource.members() {
            match member.name {
                "priorPrescription" | "priorRequest" | "replaces" => bonds.gather(member.value, known, None),
                // A stop is based on what it stops; another kind of resource (a plan, a referral) is only the occasion.
                "basedOn" => bonds.gather(member.value, known, resource.text_of("resourceType").as_deref()),
                "relatesTo" => {
                    for target in member.value.items().flat_map(|item| item.members()) {
                        match target.name {
                            "target" | "targetReference" => bonds.gather(target.value, known, None),
                            "targetIdentifier" => bonds.call(target.value, None),
                            _ => {}
                        }
                    }
                }
                "identifier" | "masterIdentifier" => bonds.names.extend(each(member.value).filter_map(name)),
                "extension" | "modifierExtension" => {
                    member.value.items().for_each(|extension| bonds.extension(extension, known));
                }
                _ => {}
            }
        }
        bonds
    }

    fn extension(&mut self, extension: Value<'_>, known: Known<'_>) {
        let url = extension.text_of("url").unwrap_or_default();
        let last: String =
            url.rsplit('/').next().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let last = last.to_ascii_lowercase();
        // Nictiz: ext-PharmaceuticalTreatment.Identifier (R4), zib-Medication-MedicationTreatment (STU3).
        if last.ends_with("pharmaceuticaltreatmentidentifier") || last.ends_with("medicationtreatment") {
            let identifier = extension.get("valueIdentifier");
            let text = |name: &str| identifier.and_then(|one| one.text_of(name)).unwrap_or_default().into_owned();
            self.treatments.extend(identifier.map(|_| (text("system"), text("value"))));
        }
        // FHIR: request-replaces, diagnosticReport-replaces, diagnosticReport-addendumOf.
        if (last.ends_with("replaces") || last.ends_with("addendumof"))
            && let Some(reference) = extension.get("valueReference")
        {
            self.gather(reference, known, None);
        }
    }

    /// Takes what one or several references lead to or name, if it is of that type.
    fn gather(&mut self, references: Value<'_>, known: Known<'_>, only: Option<&str>) {
        for reference in each(references) {
            if let Some(text) = reference.text_of("reference")
                && let Lead::Resource(resource_type, id) = known.lead(&text)
                && only.is_none_or(|only| only == resource_type)
                && let Ok(id) = Id::from_str(id)
            {
                self.others.push(Key { resource_type: resource_type.to_owned(), id });
            }
            let said = reference.text_of("type");
            let said = said.as_deref().map(|said| said.rsplit('/').next().unwrap_or(said));
            if let Some(identifier) = reference.get("identifier")
                && (only.is_none() || said.is_none() || said == only)
            {
                self.call(identifier, said.or(only));
            }
        }
    }

    fn call(&mut self, identifier: Value<'_>, only: Option<&str>) {
        self.called.extend(name(identifier).map(|name| Called { name, only: only.map(str::to_owned) }));
    }
}

/// Returns the one there is, or each of several.
fn each<'d>(value: Value<'d>) -> impl Iterator<Item = Value<'d>> {
    (value.kind() == Kind::Object).then_some(value).into_iter().chain(value.items())
}

/// Returns system and value of an identifier; one without a value names nothing.
fn name(identifier: Value<'_>) -> Option<Name> {
    let value = identifier.text_of("value").filter(|value| !value.is_empty())?.into_owned();
    let system = identifier.text_of("system").unwrap_or_default();
    let is_uri = system == URI && value.starts_with("urn:");
    Some((if is_uri { String::new() } else { system.into_owned() }, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn key(reference: &str) -> Key {
        let (resource_type, id) = reference.split_once('/').unwrap();
        Key { resource_type: resource_type.to_owned(), id: Id::from_str(id).unwrap() }
    }

    fn bonds(text: &str) -> Bonds {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        Bonds::of(document.root(), Known { person: &[], bases: &["http://u/fhir".to_owned()] })
    }

    #[test]
    fn what_a_resource_replaces_stops_or_corrects_is_found() {
        for (text, expected) in [
            (
                r#"{"resourceType":"MedicationRequest","priorPrescription":{"reference":"MedicationRequest/1"}}"#,
                "MedicationRequest/1",
            ),
            (
                r#"{"resourceType":"MedicationRequest","basedOn":[{"reference":"http://u/fhir/MedicationRequest/1"}]}"#,
                "MedicationRequest/1",
            ),
            (
                r#"{"resourceType":"ServiceRequest","replaces":[{"reference":"ServiceRequest/1/_history/2"}]}"#,
                "ServiceRequest/1",
            ),
            (r#"{"resourceType":"DeviceRequest","priorRequest":[{"reference":"DeviceRequest/1"}]}"#, "DeviceRequest/1"),
            (
                r#"{"resourceType":"DocumentReference","relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/1"}}]}"#,
                "DocumentReference/1",
            ),
            (
                r#"{"resourceType":"Composition","relatesTo":[{"code":"appends","targetReference":{"reference":"Composition/1"}}]}"#,
                "Composition/1",
            ),
            (
                r#"{"resourceType":"DiagnosticReport","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/diagnosticReport-addendumOf","valueReference":{"reference":"DiagnosticReport/1"}}]}"#,
                "DiagnosticReport/1",
            ),
        ] {
            assert_eq!(bonds(text), Bonds { others: vec![key(expected)], ..Bonds::default() }, "{text}");
        }
        for text in [
            r#"{"resourceType":"MedicationRequest","basedOn":[{"reference":"CarePlan/1"}]}"#,
            r#"{"resourceType":"MedicationRequest","reasonReference":[{"reference":"Condition/1"}]}"#,
        ] {
            assert_eq!(bonds(text), Bonds::default(), "{text}");
        }
    }

    #[test]
    fn a_treatment_is_known_by_its_identifier() {
        for url in [
            "http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier",
            "http://nictiz.nl/fhir/StructureDefinition/zib-Medication-MedicationTreatment",
        ] {
            let text = format!(
                r#"{{"resourceType":"MedicationDispense","extension":[{{"url":"{url}","valueIdentifier":{{"system":"s","value":"v"}}}}]}}"#
            );
            let expected = Bonds { treatments: vec![("s".to_owned(), "v".to_owned())], ..Bonds::default() };
            assert_eq!(bonds(&text), expected, "{url}");
        }
    }

    #[test]
    fn what_is_named_by_identifier_is_found() {
        let named = |system: &str, value: &str| (system.to_owned(), value.to_owned());
        for (text, name, only) in [
            (
                r#"{"resourceType":"DocumentReference","relatesTo":[{"target":{"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:oid:1.2"}}}]}"#,
                named("", "urn:oid:1.2"),
                None,
            ),
            (
                r#"{"resourceType":"Composition","relatesTo":[{"targetIdentifier":{"system":"s","value":"v"}}]}"#,
                named("s", "v"),
                None,
            ),
            (
                r#"{"resourceType":"ServiceRequest","replaces":[{"type":"http://hl7.org/fhir/StructureDefinition/ServiceRequest","identifier":{"value":"v"}}]}"#,
                named("", "v"),
                Some("ServiceRequest"),
            ),
            (
                r#"{"resourceType":"ServiceRequest","basedOn":[{"identifier":{"system":"s","value":"v"}}]}"#,
                named("s", "v"),
                Some("ServiceRequest"),
            ),
        ] {
            let called = vec![Called { name, only: only.map(str::to_owned) }];
            assert_eq!(bonds(text), Bonds { called, ..Bonds::default() }, "{text}");
        }
        for text in [
            r#"{"resourceType":"ServiceRequest","basedOn":[{"type":"CarePlan","identifier":{"system":"s","value":"v"}}]}"#,
            r#"{"resourceType":"ServiceRequest","replaces":[{"identifier":{"system":"s"}}]}"#,
        ] {
            assert_eq!(bonds(text), Bonds::default(), "{text}");
        }
    }

    #[test]
    fn a_resource_is_known_by_all_its_identifiers() {
        let text = r#"{"resourceType":"DocumentReference","masterIdentifier":{"value":"m"},"identifier":[{"system":"s","value":"v"},{"use":"old"}]}"#;
        let names = [("", "m"), ("s", "v")].map(|(system, value)| (system.to_owned(), value.to_owned()));
        assert_eq!(bonds(text), Bonds { names: names.to_vec(), ..Bonds::default() });
    }
}
