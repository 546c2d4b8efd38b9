//! Subject: a resource to be judged, with the resources whose labels it inherits.

use crate::json::{Kind, Value};

/// The elements through which a resource is about another: what that one is sensitive for, this one is.
///
/// `medication` is how other versions of FHIR and other types write `medicationReference`.
const LINKS: [&str; 5] = ["medicationReference", "medication", "reasonReference", "derivedFrom", "partOf"];

/// The elements by which a Medication stands in the place of a code.
const MEDICATION: [&str; 2] = ["medicationReference", "medication"];

/// Elements that say what a resource is.
const CODES: [&str; 3] = ["code", "medicationCodeableConcept", "vaccineCode"];

/// Returns true if and only if references at an element of that name make a resource inherit the labels of their targets.
#[must_use]
pub fn is_link(element: &str) -> bool {
    LINKS.contains(&element)
}

/// A resource as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    resource: Value<'a>,
    linked: &'a [Value<'a>],
}

impl<'a> Subject<'a> {
    /// Returns `resource` with the resources that it reaches through links ([`is_link`]), as far as they were found.
    #[must_use]
    pub fn new(resource: Value<'a>, linked: &'a [Value<'a>]) -> Self {
        Self { resource, linked }
    }

    /// Returns `resource` with those it contains alone.
    #[must_use]
    pub fn alone(resource: Value<'a>) -> Self {
        Self { resource, linked: &[] }
    }

    /// Returns the resource itself.
    #[must_use]
    pub fn resource(&self) -> Value<'a> {
        self.resource
    }

    /// Returns what was found outside it along links and links of links.
    #[must_use]
    pub fn linked(&self) -> &'a [Value<'a>] {
        self.linked
    }

    /// Calls `each` with every concept that says what the resource is: its own, and those of the Medication that its own
    /// link leads to, contained or not. Allocates nothing.
    pub fn each_concept(&self, each: &mut impl FnMut(Value<'a>)) {
        own_concepts(self.resource, each);
        self.medications().for_each(|medication| own_concepts(medication, each));
    }

    /// Calls `each` with the Medication that stands in the place of its code.
    pub(super) fn each_medication(&self, each: &mut impl FnMut(Value<'a>)) {
        self.medications().for_each(each);
    }

    /// Returns true if and only if the resource names a Medication by reference that was not found, or that says in no code
    /// what it is, or is of a type that names one and does not.
    #[must_use]
    pub fn lacks_medication(&self) -> bool {
        let names = |name: &str| self.resource.get(name).is_some();
        let resource_type = self.resource.text_of("resourceType").unwrap_or_default();
        let needs = ["MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"];
        if names("medicationCodeableConcept") || !(names("medicationReference") || needs.contains(&&*resource_type)) {
            return false;
        }
        !self.medications().any(|medication| {
            let codings = medication.get("code").and_then(|code| code.get("coding"));
            codings.is_some_and(|codings| codings.items().next().is_some())
        })
    }

    /// Returns the Medications that its own link leads to.
    fn medications(&self) -> impl Iterator<Item = Value<'a>> {
        let reference = MEDICATION.iter().find_map(|name| self.resource.get(name));
        // R5 has a CodeableReference, whose reference is one level deeper.
        let reference = reference.and_then(|found| found.get("reference"));
        let text = reference.and_then(|found| found.as_str().or_else(|| found.text_of("reference")));
        let contained = text.is_some().then(|| self.resource.get("contained")).flatten();
        let inside = contained.into_iter().flat_map(|contained| contained.items()).map(|one| (true, one));
        let outside = self.linked.iter().map(|one| (false, *one));
        inside.chain(outside).filter_map(move |(is_inside, one)| {
            let id = one.text_of("id")?;
            let leads = match (text.as_deref()?.strip_prefix('#'), is_inside) {
                (Some(fragment), true) => fragment == id,
                (None, false) => {
                    one.text_of("resourceType")? == "Medication" && names_medication(text.as_deref()?, &id)
                }
                (Some(_), false) | (None, true) => false,
            };
            leads.then_some(one)
        })
    }
}

/// Returns true if and only if `reference` ends in `Medication/id`, with a version or without.
fn names_medication(reference: &str, id: &str) -> bool {
    let mut parts = reference.rsplit('/');
    let (Some(last), Some(before)) = (parts.next(), parts.next()) else { return false };
    if before == "_history" {
        return parts.next() == Some(id) && parts.next() == Some("Medication");
    }
    last == id && before == "Medication"
}

/// A `type` says what a resource is only where nothing else does: a dispense has one beside its medication.
fn own_concepts<'a>(resource: Value<'a>, each: &mut impl FnMut(Value<'a>)) {
    let said = resource.members().any(|member| CODES.contains(&member.name) || MEDICATION.contains(&member.name));
    let says = |name: &str| if said { CODES.contains(&name) } else { name == "type" };
    for member in resource.members().filter(|member| says(member.name)) {
        match member.value.kind() {
            Kind::Object => each(member.value),
            Kind::Array => member.value.items().for_each(&mut *each),
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn concepts(resource: &str, linked: &[&str]) -> Vec<String> {
        let document = Document::read(resource.as_bytes(), limits::RESOURCE).unwrap();
        let linked: Vec<_> =
            linked.iter().map(|text| Document::read(text.as_bytes(), limits::RESOURCE).unwrap()).collect();
        let linked: Vec<_> = linked.iter().map(Document::root).collect();
        let mut found = Vec::new();
        Subject::new(document.root(), &linked).each_concept(&mut |concept| {
            found.push(concept.text_of("text").unwrap_or_default().into_owned());
        });
        found
    }

    fn medication(id: &str, text: &str) -> String {
        format!(r#"{{"resourceType":"Medication","id":"{id}","code":{{"text":"{text}"}}}}"#)
    }

    #[test]
    fn a_resource_is_about_what_its_own_codes_say() {
        assert_eq!(concepts(r#"{"resourceType":"Encounter","type":[{"text":"a"},{"text":"b"}]}"#, &[]), ["a", "b"]);
    }

    #[test]
    fn a_type_says_what_a_resource_is_only_where_nothing_else_does() {
        let dispense = r#"{"resourceType":"MedicationDispense","type":{"text":"first fill"},"medicationCodeableConcept":{"text":"m"}}"#;
        assert_eq!(concepts(dispense, &[]), ["m"]);
        let unknown = r#"{"resourceType":"MedicationDispense","type":{"text":"first fill"},"medicationReference":{"reference":"Medication/1"}}"#;
        assert!(concepts(unknown, &[]).is_empty());
    }

    #[test]
    fn the_medication_that_is_referred_to_says_what_a_resource_is_about_and_no_other_does() {
        let (own, other) = (medication("m1", "own"), medication("m2", "other"));
        for reference in ["Medication/m1", "http://u/fhir/Medication/m1", "Medication/m1/_history/m2"] {
            let request = format!(
                r#"{{"resourceType":"MedicationRequest","medicationReference":{{"reference":"{reference}"}}}}"#
            );
            assert_eq!(concepts(&request, &[&other, &own]), ["own"], "{reference}");
        }
        let reason =
            r#"{"resourceType":"Procedure","code":{"text":"p"},"reasonReference":[{"reference":"Medication/m1"}]}"#;
        assert_eq!(concepts(reason, &[&own]), ["p"]);
    }

    #[test]
    fn a_contained_medication_says_it_where_the_link_leads_to_it() {
        let text = format!(
            r##"{{"resourceType":"MedicationRequest","contained":[{},{}],"medicationReference":{{"reference":"#m2"}}}}"##,
            medication("m1", "one"),
            medication("m2", "two")
        );
        assert_eq!(concepts(&text, &[&medication("m2", "outside")]), ["two"]);
    }

    #[test]
    fn links_are_those_that_make_a_resource_inherit_and_no_other() {
        for link in ["medicationReference", "reasonReference", "derivedFrom", "partOf"] {
            assert!(is_link(link), "{link}");
        }
        for other in ["subject", "encounter", "basedOn", "hasMember", "reasonCode", "focus", "diagnosis"] {
            assert!(!is_link(other), "{other}");
        }
    }
}
