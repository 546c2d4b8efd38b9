//! Resource: what judging needs to know of one, read from its spans.

use std::borrow::Cow;
use std::str::FromStr;

use crate::json::{Kind, Value};
use crate::label::is_link;
use crate::query::Id;
use crate::view::ViewError;
use crate::view::compartment::{Whose, each_subject, whose};
use crate::view::reference::{Key, Known, Lead, is_type_name, logical, says_patient};

/// One resource and what it says of itself.
#[derive(Debug, Clone)]
pub(super) struct Resource<'d> {
    pub(super) value: Value<'d>,
    pub(super) resource_type: Cow<'d, str>,
    pub(super) id: Cow<'d, str>,
    pub(super) whose: Whose,
}

/// What the references of a resource lead to, those to other resources aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Leads {
    /// Some lead to another person, or hold one.
    pub(super) other_person: bool,
    /// Some lead to nothing that can be looked up.
    pub(super) nowhere: bool,
    /// A resource stands where none stands in a resource of a summary: inside an element, or inside a contained one.
    pub(super) misplaced: bool,
}

/// What a reference makes of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// Something whose labels are inherited.
    Link,
    /// Something else.
    Plain,
}

impl Tie {
    fn of(element: &str) -> Self {
        if is_link(element) { Self::Link } else { Self::Plain }
    }
}

impl<'d> Resource<'d> {
    /// Reads type and id.
    ///
    /// # Errors
    /// A resource without either cannot be judged.
    pub(super) fn read(value: Value<'d>) -> Result<Self, ViewError> {
        let resource_type = value.text_of("resourceType").filter(|name| is_type_name(name));
        let id = value.text_of("id").filter(|id| Id::is_written_as(id));
        let (Some(resource_type), Some(id)) = (resource_type, id) else {
            return Err(ViewError::MalformedResource);
        };
        let whose = whose(&resource_type);
        Ok(Self { value, resource_type, id, whose })
    }

    /// Returns type and id to keep.
    pub(super) fn key(&self) -> Result<Key, ViewError> {
        let id = Id::from_str(&self.id).map_err(|_| ViewError::MalformedResource)?;
        Ok(Key { resource_type: self.resource_type.clone().into_owned(), id })
    }

    /// Returns true if and only if the resource says that it is about the person.
    pub(super) fn is_about(&self, known: Known<'_>) -> bool {
        if self.whose == Whose::Person {
            return known.is_own(&self.id);
        }
        let mut own = false;
        each_subject(self.value, self.whose, |subject| {
            own |= subject.text_of("reference").is_some_and(|text| matches!(known.lead(&text), Lead::Own(_)));
        });
        own
    }

    /// Returns the contained resources.
    pub(super) fn contained(&self) -> impl Iterator<Item = Value<'d>> {
        self.value.get("contained").into_iter().flat_map(|contained| contained.items())
    }

    /// Walks over every element, extensions and contained resources included, and calls `each` with type and id of every
    /// resource of the upstream that a reference leads to, and with what that reference is.
    pub(super) fn walk(&self, known: Known<'_>, each: impl FnMut(&str, &str, Tie)) -> Leads {
        let mut walk = Walk { resource: self, known, each, leads: Leads::default(), inside: None };
        for member in self.value.members() {
            if member.name == "contained" {
                member.value.items().for_each(|contained| walk.contained(contained));
            } else {
                walk.element(member.value, Tie::of(member.name));
            }
        }
        walk.leads
    }
}

struct Walk<'r, 'd, 's, F> {
    resource: &'r Resource<'d>,
    known: Known<'s>,
    each: F,
    leads: Leads,
    /// The ids of the contained resources, in order; read when the first reference leads to one.
    inside: Option<Vec<Cow<'d, str>>>,
}

impl<F: FnMut(&str, &str, Tie)> Walk<'_, '_, '_, F> {
    /// A contained Patient cannot be shown to be the person.
    fn contained(&mut self, contained: Value<'_>) {
        let resource_type = contained.text_of("resourceType");
        self.leads.misplaced |= resource_type.is_none() || contained.get("contained").is_some();
        self.leads.other_person |= resource_type.is_some_and(|name| name == "Patient");
        contained.members().for_each(|member| self.element(member.value, Tie::of(member.name)));
    }

    fn element(&mut self, value: Value<'_>, tie: Tie) {
        match value.kind() {
            Kind::Array => value.items().for_each(|item| self.element(item, tie)),
            Kind::Object => self.object(value, tie),
            Kind::String => self.text(value),
            Kind::Number | Kind::Bool | Kind::Null => {}
        }
    }

    /// A text may be an address of a resource; which elements hold addresses is not asked here.
    fn text(&mut self, text: Value<'_>) {
        if !self.known.may_be_address(text.raw()) {
            return;
        }
        let text = text.as_str().unwrap_or_default();
        match self.known.address(&text) {
            Some(Lead::OtherPerson) => self.leads.other_person = true,
            Some(Lead::Resource(resource_type, id)) => (self.each)(resource_type, id, Tie::Plain),
            Some(Lead::Nowhere) => self.leads.nowhere = true,
            Some(Lead::Own(_) | Lead::Inside(_)) | None => {}
        }
    }

    fn object(&mut self, object: Value<'_>, tie: Tie) {
        let mut literal = false;
        let mut identified = false;
        for member in object.members() {
            match member.name {
                "resourceType" => self.leads.misplaced = true,
                "reference" if member.value.kind() == Kind::String => {
                    literal = true;
                    let text = member.value.as_str().unwrap_or_default();
                    self.lead(self.known.lead(&text), object, tie);
                }
                "identifier" => identified = member.value.kind() == Kind::Object,
                _ => {}
            }
            // R5 has references one level deeper, in a CodeableReference.
            let below = if member.name == "reference" { tie } else { Tie::of(member.name) };
            if member.name == "reference" && member.value.kind() == Kind::String {
                continue;
            }
            self.element(member.value, below);
        }
        if identified
            && !literal
            && let Some(lead) = logical(object)
        {
            self.lead(lead, object, tie);
        }
    }

    fn lead(&mut self, lead: Lead<'_>, reference: Value<'_>, tie: Tie) {
        match lead {
            Lead::Own(_) => {}
            Lead::OtherPerson => self.leads.other_person = true,
            Lead::Resource(resource_type, id) => {
                self.leads.other_person |= says_patient(reference);
                (self.each)(resource_type, id, tie);
            }
            Lead::Inside(fragment) => self.leads.nowhere |= !self.holds(fragment),
            Lead::Nowhere => {
                self.leads.other_person |= says_patient(reference);
                self.leads.nowhere = true;
            }
        }
    }

    /// `#` alone is the container itself.
    fn holds(&mut self, fragment: &str) -> bool {
        let contained = self.resource.contained();
        let inside = self.inside.get_or_insert_with(|| {
            let mut ids: Vec<_> = contained.filter_map(|contained| contained.text_of("id")).collect();
            ids.sort_unstable();
            ids
        });
        fragment.is_empty() || inside.binary_search_by(|id| id.as_ref().cmp(fragment)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    /// Returns what the references of `text` lead to, and the resources among them.
    fn walk(text: &str) -> (Leads, Vec<String>) {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        let person = [Id::from_str("a").unwrap()];
        let bases = ["http://u/fhir".to_owned()];
        let mut keys = Vec::new();
        let leads = Resource::read(document.root()).unwrap().walk(
            Known { person: &person, bases: &bases },
            |resource_type, id, tie| {
                let mark = if tie == Tie::Link { "!" } else { "" };
                keys.push(format!("{resource_type}/{id}{mark}"))
            },
        );
        (leads, keys)
    }

    fn observation(members: &str) -> String {
        format!(r#"{{"resourceType":"Observation","id":"1","subject":{{"reference":"Patient/a"}},{members}}}"#)
    }

    const NONE: Leads = Leads { other_person: false, nowhere: false, misplaced: false };

    #[test]
    fn every_reference_is_found_wherever_it_stands() {
        let text = observation(
            r##""encounter":{"reference":"Encounter/1"},
               "_status":{"extension":[{"url":"x","valueReference":{"reference":"Device/2"}}]},
               "extension":[{"url":"x","extension":[{"url":"y","valueReference":{"reference":"http:\/\/u/fhir/Condition/3"}}]}],
               "contained":[{"resourceType":"Medication","id":"m","manufacturer":{"reference":"Organization/4"}}],
               "hasMember":[{"reference":"Observation/5/_history/1"},{"reference":"#m"},{"reference":"#"}]"##,
        );
        let keys = ["Encounter/1", "Device/2", "Condition/3", "Organization/4", "Observation/5"];
        assert_eq!(walk(&text), (NONE, keys.map(str::to_owned).to_vec()));
    }

    #[test]
    fn links_are_told_from_other_references_wherever_they_stand() {
        let text = observation(
            r#""derivedFrom":[{"reference":"Observation/1","identifier":{"assigner":{"reference":"Organization/2"}}}],
               "medication":{"reference":{"reference":"Medication/3"}},"basedOn":[{"reference":"ServiceRequest/4"}],
               "activity":[{"detail":{"reasonReference":[{"reference":"Condition/5"}]}}],
               "contained":[{"resourceType":"Procedure","id":"p","partOf":[{"reference":"Procedure/6"}]}]"#,
        );
        let keys =
            ["Observation/1!", "Organization/2", "Medication/3!", "ServiceRequest/4", "Condition/5!", "Procedure/6!"];
        assert_eq!(walk(&text), (NONE, keys.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_second_person_is_found_wherever_it_stands() {
        for members in [
            r#""focus":[{"reference":"Patient/b"}]"#,
            r#""extension":[{"url":"x","valueReference":{"reference":"http://elsewhere/Patient/a"}}]"#,
            r#""contained":[{"resourceType":"Patient","id":"p"}]"#,
            r#""contained":[{"resourceType":"Basic","id":"p","subject":{"reference":"Patient/b"}}]"#,
            r#""performer":[{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}}]"#,
            r#""performer":[{"type":"Patient","reference":"urn:uuid:1"}]"#,
        ] {
            assert!(walk(&observation(members)).0.other_person, "{members}");
        }
        for members in [
            r#""focus":[{"reference":"Patient/a"}]"#,
            r#""performer":[{"type":"Practitioner","identifier":{"system":"x"}}]"#,
            r#""identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}]"#,
        ] {
            assert!(!walk(&observation(members)).0.other_person, "{members}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_told_from_what_is_only_text() {
        for members in [
            r##""focus":[{"reference":"#none"}]"##,
            r#""focus":[{"reference":"urn:uuid:1"}]"#,
            r#""focus":[{"identifier":{"value":"1"},"display":"x"}]"#,
        ] {
            assert_eq!(walk(&observation(members)).0, Leads { nowhere: true, ..NONE }, "{members}");
        }
        assert_eq!(walk(&observation(r#""performer":[{"display":"x"}]"#)).0, NONE);
    }

    #[test]
    fn references_to_what_is_contained_cost_no_more_than_there_are() {
        let contained: Vec<_> = (0..40_000).map(|at| format!(r#"{{"resourceType":"Basic","id":"c{at}"}}"#)).collect();
        let references = vec![r##"{"reference":"#c39999"}"##; 40_000].join(",");
        let text = observation(&format!(r#""contained":[{}],"focus":[{references}]"#, contained.join(",")));
        assert_eq!(walk(&text).0, NONE);
    }

    #[test]
    fn a_resource_in_an_odd_place_is_seen() {
        for members in [
            r#""valueX":{"resourceType":"Condition","id":"1"}"#,
            r#""contained":[{"resourceType":"List","contained":[{"resourceType":"Condition"}]}]"#,
            r#""contained":[{"id":"1"}]"#,
        ] {
            assert!(walk(&observation(members)).0.misplaced, "{members}");
        }
        assert!(!walk(&observation(r#""contained":[{"resourceType":"Condition","id":"1"}]"#)).0.misplaced);
    }

    #[test]
    fn a_resource_without_type_or_id_cannot_be_judged() {
        for text in [
            r#"{"id":"1"}"#,
            r#"{"resourceType":"Observation"}"#,
            r#"{"resourceType":"a","id":"1"}"#,
            "[]",
            r#"{"resourceType":"Observation","id":"../1"}"#,
        ] {
            let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
            assert_eq!(Resource::read(document.root()).unwrap_err(), ViewError::MalformedResource, "{text}");
        }
    }
}
