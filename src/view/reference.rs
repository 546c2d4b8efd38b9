//! Reference: where an element of a resource leads to.

use crate::json::{Kind, Value};
use crate::query::{BSN_OID, BSN_SYSTEM, Id};
use crate::view::structure::TypeOf;

/// A resource by type and id. Versions are left out: a verdict is about a resource, whatever its version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) resource_type: String,
    pub(super) id: Id,
}

impl Key {
    /// Returns the relative reference.
    pub(super) fn reference(&self) -> String {
        format!("{}/{}", self.resource_type, self.id.as_str())
    }
}

impl std::fmt::Debug for Key {
    /// Shows the type: an id may be a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({}/…)", self.resource_type)
    }
}

/// Where a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead<'t> {
    /// A Patient record of the person whom the query is about, by its id.
    Own(&'t str),
    /// Another person, or a Patient that cannot be told to be this one.
    OtherPerson,
    /// A resource of the upstream.
    Resource(&'t str, &'t str),
    /// A resource inside the same one, by this fragment.
    Inside(&'t str),
    /// Nothing that can be looked up.
    Nowhere,
}

/// Who the query is about, and under which names the upstream knows itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'s> {
    pub(super) person: &'s [Id],
    pub(super) bases: &'s [String],
}

impl Known<'_> {
    /// Returns where the text of a `Reference.reference` leads to.
    ///
    /// What is not a well-formed reference to a record of the upstream and yet names a patient is another person: who it is
    /// cannot be told.
    pub(super) fn lead<'t>(&self, text: &'t str) -> Lead<'t> {
        if let Some(fragment) = text.strip_prefix('#') {
            return Lead::Inside(fragment);
        }
        let Some((resource_type, id)) = split(relative(text, self.bases)) else {
            return if names_a_patient(text) { Lead::OtherPerson } else { Lead::Nowhere };
        };
        if resource_type != "Patient" {
            return Lead::Resource(resource_type, id);
        }
        if self.is_own(id) { Lead::Own(id) } else { Lead::OtherPerson }
    }

    /// Returns where an address leads to, if it is that of a resource of the upstream: absolute below one of its bases, or
    /// relative.
    ///
    /// What is elsewhere leads out of the record. What defines things says nothing of anybody. A Binary is what its document
    /// holds: it is judged when it is read, and the address stays where its document is visible.
    pub(super) fn address<'t>(&self, text: &'t str) -> Option<Lead<'t>> {
        let relative = relative(text, self.bases);
        let resource_type = relative.split(['/', '?']).next().unwrap_or_default();
        let kind = TypeOf::of(resource_type).filter(|_| is_type_name(resource_type));
        if kind.is_some_and(TypeOf::defines) || resource_type == "Binary" || relative.is_empty() {
            return None;
        }
        let is_absolute = relative.len() < text.len();
        let is_resource = kind.is_some() && split(relative).is_some();
        (is_absolute || is_resource).then(|| self.lead(text))
    }

    /// Returns false only if no address is written like that; `raw` is a string as it stands in JSON.
    pub(super) fn may_be_address(&self, raw: &str) -> bool {
        let text = raw.get(1..).unwrap_or_default();
        let Some(first) = text.as_bytes().first() else { return false };
        if *first == b'\\' {
            return true;
        }
        let begins = self.bases.iter().any(|base| base.as_bytes().first() == Some(first));
        if !begins && !first.is_ascii_uppercase() {
            return false;
        }
        // Only an escape could hide how one goes on.
        text.as_bytes().contains(&b'\\')
            || (first.is_ascii_uppercase() && text.contains('/'))
            || self.bases.iter().any(|base| text.starts_with(base.as_str()))
    }

    /// Returns true if and only if `id` is that of a Patient record of the person.
    pub(super) fn is_own(&self, id: &str) -> bool {
        self.person.iter().any(|own| own.as_str() == id)
    }
}

/// Returns what a Reference without a literal reference says: it may name a person by number all the same.
///
/// None when the object is no such Reference.
pub(super) fn logical(object: Value<'_>) -> Option<Lead<'static>> {
    let identifier = object.get("identifier").filter(|identifier| identifier.kind() == Kind::Object)?;
    let is_reference = object.members().all(|member| {
        matches!(member.name, "id" | "extension" | "type" | "_type" | "identifier" | "display" | "_display")
    });
    if !is_reference {
        return None;
    }
    let system = identifier.text_of("system").unwrap_or_default();
    Some(if says_patient(object) || system == BSN_SYSTEM || system == BSN_OID {
        Lead::OtherPerson
    } else {
        Lead::Nowhere
    })
}

/// Returns true if and only if a Reference says of itself that it leads to a Patient.
pub(super) fn says_patient(reference: Value<'_>) -> bool {
    reference.text_of("type").is_some_and(|says| says == "Patient" || says.ends_with("/Patient"))
}

/// Returns the id of the Patient of the upstream that a reference leads to, if it leads to one.
pub(super) fn patient<'t>(text: &'t str, bases: &[String]) -> Option<&'t str> {
    split(relative(text, bases)).filter(|(resource_type, _)| *resource_type == "Patient").map(|(_, id)| id)
}

/// Returns the part behind the upstream's base; the text itself when it is not under one.
fn relative<'t>(text: &'t str, bases: &[String]) -> &'t str {
    bases
        .iter()
        .filter_map(|base| text.strip_prefix(base.as_str())?.strip_prefix('/'))
        .min_by_key(|rest| rest.len())
        .unwrap_or(text)
}

/// Splits `Type/id` and `Type/id/_history/version`.
fn split(relative: &str) -> Option<(&str, &str)> {
    let mut parts = relative.split('/');
    let (resource_type, id) = (parts.next()?, parts.next()?);
    match (parts.next(), parts.next(), parts.next()) {
        (None, _, _) => {}
        (Some("_history"), Some(version), None) if Id::is_written_as(version) => {}
        (Some(_), _, _) => return None,
    }
    if is_type_name(resource_type) && Id::is_written_as(id) { Some((resource_type, id)) } else { None }
}

/// Returns true if and only if `text` is written like the name of a resource type.
pub(super) fn is_type_name(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().next().is_some_and(|first| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Returns true if and only if a text that is no reference to a record of the upstream speaks of a patient, in any spelling
/// that some reader of it would undo.
fn names_a_patient(text: &str) -> bool {
    let mut text = text.to_ascii_lowercase();
    loop {
        if [PATIENT, BSN_OID, BSN_SYSTEM].iter().any(|name| text.contains(&name.to_ascii_lowercase())) {
            return true;
        }
        // Each round makes it shorter.
        match without_escapes(&text) {
            Some(plain) => text = plain,
            None => return false,
        }
    }
}

const PATIENT: &str = "patient";

/// Undoes the percent-escapes of ASCII; nothing where there are none.
fn without_escapes(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        plain.push_str(before);
        let code = behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match code {
            Some(code) => {
                plain.push(char::from(code).to_ascii_lowercase());
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                plain.push('%');
                rest = behind;
            }
        }
    }
    plain.push_str(rest);
    (plain.len() < text.len()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn lead(text: &str) -> Lead<'_> {
        let person = [Id::from_str("a").unwrap(), Id::from_str("b").unwrap()];
        let bases = ["http://u/fhir".to_owned(), "http://u/fhir/alias".to_owned()];
        Known { person: &person, bases: &bases }.lead(text)
    }

    #[test]
    fn every_way_to_write_a_reference_leads_to_the_same_resource() {
        for text in [
            "Observation/1",
            "Observation/1/_history/7",
            "http://u/fhir/Observation/1",
            "http://u/fhir/alias/Observation/1",
            "http://u/fhir/Observation/1/_history/2",
        ] {
            assert_eq!(lead(text), Lead::Resource("Observation", "1"), "{text}");
        }
    }

    #[test]
    fn the_person_is_told_from_others() {
        for text in ["Patient/a", "Patient/a/_history/2", "http://u/fhir/Patient/a"] {
            assert_eq!(lead(text), Lead::Own("a"), "{text}");
        }
        for text in [
            "Patient/c",
            "http://u/fhir/Patient/c",
            "http://elsewhere/fhir/Patient/a",
            "Patient?identifier=x",
            "/Patient/a",
            "patient/a",
            "Patient/a/b",
            "http://u/fhir//Patient/a",
            "P%61tient/c",
            "P%2561tient/c",
            "Condition?subject=P%41TIENT/c",
            "urn:oid:2.16.840.1.113883.2.4.6.3.999911120",
            "http://fhir.nl/fhir/NamingSystem/bsn|999911120",
        ] {
            assert_eq!(lead(text), Lead::OtherPerson, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_looked_up_leads_nowhere() {
        for text in [
            "urn:uuid:0",
            "http://elsewhere/Observation/1",
            "Observation",
            "",
            "Observation/..",
            "1/2",
            "Condition/%",
            "Condition/%zz%41",
            "http://u/fhirx/Observation/1",
        ] {
            assert_eq!(lead(text), Lead::Nowhere, "{text}");
        }
        assert_eq!(lead("#med"), Lead::Inside("med"));
    }

    #[test]
    fn an_address_leads_where_a_reference_does_if_it_is_one_of_the_server() {
        let person = [Id::from_str("a").unwrap()];
        let bases = ["http://u/fhir".to_owned()];
        let known = Known { person: &person, bases: &bases };
        for (text, expected) in [
            ("http://u/fhir/Condition/1", Some(Lead::Resource("Condition", "1"))),
            ("Condition/1/_history/2", Some(Lead::Resource("Condition", "1"))),
            ("Patient/a", Some(Lead::Own("a"))),
            ("Patient/b", Some(Lead::OtherPerson)),
            ("http://u/fhir/Condition?subject=Patient/b", Some(Lead::OtherPerson)),
            ("http://u/fhir/Condition?code=1", Some(Lead::Nowhere)),
            ("http://u/fhir", None),
            ("http://u/fhir/Binary/1", None),
            ("http://u/fhir/CodeSystem/own", None),
            ("Questionnaire/1", None),
            ("http://elsewhere/fhir/Patient/b", None),
            ("http://hl7.org/fhir/StructureDefinition/Patient", None),
            ("Amlodipine/5", None),
            ("urn:oid:2.16.840.1.113883.2.4.6.3", None),
        ] {
            assert_eq!(known.address(text), expected, "{text}");
            for raw in [
                text.to_owned(),
                text.replace('/', "\\/"),
                format!("\\u00{:x}{}", text.as_bytes()[0], text.split_at(1).1),
            ] {
                assert!(expected.is_none() || known.may_be_address(&format!("\"{raw}\"")), "{raw}");
            }
        }
    }

    #[test]
    fn a_logical_reference_may_name_a_person() {
        let cases = [
            (
                r#"{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"1"}}"#,
                Some(Lead::OtherPerson),
            ),
            (r#"{"type":"Patient","identifier":{"value":"1"},"display":"x"}"#, Some(Lead::OtherPerson)),
            (
                r#"{"type":"Practitioner","identifier":{"system":"http://fhir.nl/fhir/NamingSystem/agb-z"}}"#,
                Some(Lead::Nowhere),
            ),
            (r#"{"identifier":{"system":"x"},"status":"final"}"#, None),
            (r#"{"identifier":[{"system":"x"}]}"#, None),
            (r#"{"display":"x"}"#, None),
        ];
        for (text, expected) in cases {
            let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
            assert_eq!(logical(document.root()), expected, "{text}");
        }
    }
}
