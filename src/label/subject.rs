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
    /// The resource that contains it, if one does.
    container: Option<Value<'a>>,
    linked: &'a [Value<'a>],
}

impl<'a> Subject<'a> {
    /// Returns `resource` with the resources that it reaches through links ([`is_link`]), as far as they were found.
    #[must_use]
    pub fn new(resource: Value<'a>, linked: &'a [Value<'a>]) -> Self {
        Self { resource, container: None, linked }
    }

    /// Returns a resource that `container` contains: its fragments lead to its neighbours.
    #[must_use]
    pub fn inside(resource: Value<'a>, container: Value<'a>, linked: &'a [Value<'a>]) -> Self {
        Self { resource, container: Some(container), linked }
    }

    /// Returns `resource` with those it contains alone.
    #[must_use]
    pub fn alone(resource: Value<'a>) -> Self {
        Self { resource, container: None, linked: &[] }
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

    /// Calls `each` with every resource along links and links of links: those that were found outside, and of those that one
    /// of them contains the ones that a link leads to. What is contained and not linked stands for itself.
    pub(super) fn each_linked(&self, each: &mut impl FnMut(Value<'a>)) {
        self.linked.iter().for_each(|linked| each(*linked));
        each_linked_inside(self.resource, self.container.unwrap_or(self.resource), each);
        self.linked.iter().for_each(|linked| each_linked_inside(*linked, *linked, each));
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
        let container = self.container.unwrap_or(self.resource);
        let contained = text.is_some().then(|| container.get("contained")).flatten();
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

/// Calls `each` with every resource in `container` that links lead to from `resource`, and from there.
fn each_linked_inside<'a>(resource: Value<'a>, container: Value<'a>, each: &mut impl FnMut(Value<'a>)) {
    let Some(contained) = container.get("contained") else { return };
    let mut left: Vec<Value<'a>> = contained.items().filter(|one| one.span() != resource.span()).collect();
    let mut ahead = vec![resource];
    while let Some(from) = ahead.pop() {
        let mut fragments = Vec::new();
        for member in from.members().filter(|member| member.name != "contained") {
            linked_fragments(member.value, is_link(member.name), &mut fragments);
        }
        left.retain(|one| {
            let id = one.text_of("id");
            let is_linked = id.is_some_and(|id| fragments.iter().any(|fragment| *fragment == id));
            if is_linked {
                each(*one);
                ahead.push(*one);
            }
            !is_linked
        });
    }
}

/// Gathers the fragments to which references at links lead.
fn linked_fragments(value: Value<'_>, is_linked: bool, found: &mut Vec<String>) {
    for member in value.members() {
        match member.value.kind() {
            Kind::String if is_linked && member.name == "reference" => {
                let fragment = member.value.as_str().and_then(|text| text.strip_prefix('#').map(str::to_owned));
                found.extend(fragment);
            }
            Kind::Object | Kind::Array => {
                let below = if member.name == "reference" { is_linked } else { is_link(member.name) };
                linked_fragments(member.value, below, found);
            }
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
        }
    }
    value.items().for_each(|item| linked_fragments(item, is_linked, found));
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

    /// Returns the ids of what is linked.
    fn linked(subject: Subject<'_>) -> Vec<String> {
        let mut found = Vec::new();
        subject.each_linked(&mut |one| found.push(one.text_of("id").unwrap().into_owned()));
        found
    }

    #[test]
    fn of_what_is_contained_that_is_linked_which_a_link_leads_to() {
        let text = r##"{"resourceType":"Procedure","id":"p","contained":[
            {"resourceType":"Condition","id":"reason"},{"resourceType":"Condition","id":"other"},
            {"resourceType":"Procedure","id":"whole","reasonReference":[{"reference":"#deep"}]},
            {"resourceType":"Observation","id":"deep","derivedFrom":[{"reference":"#whole"}]}],
            "reasonReference":[{"reference":"#reason"}],"partOf":[{"reference":"#whole"}],"focus":{"reference":"#other"}}"##;
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        assert_eq!(linked(Subject::alone(document.root())), ["reason", "whole", "deep"]);
        let whole = document.root().get("contained").unwrap().items().nth(2).unwrap();
        assert_eq!(linked(Subject::inside(whole, document.root(), &[])), ["deep"]);
        let outside = [document.root()];
        let plain = Document::read(br#"{"resourceType":"Procedure","id":"q"}"#, limits::RESOURCE).unwrap();
        assert_eq!(linked(Subject::new(plain.root(), &outside)), ["p", "reason", "whole", "deep"]);
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
