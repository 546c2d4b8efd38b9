//! Structure: which elements the types of FHIR R4 have, which of them put a resource into a patient's compartment, and which
//! make a summary.
//!
//! The table is made from the definitions of FHIR R4 by `profiles/fhir/generate`; nothing in it is written by hand.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table that is part of Sluis.
const SHIPPED: &str = include_str!("../../profiles/fhir/r4.txt");

static R4: LazyLock<Structure> = LazyLock::new(|| Structure::read(SHIPPED));

/// The types of one version of FHIR.
#[derive(Debug, Default)]
struct Structure {
    places: HashMap<&'static str, usize>,
    types: Vec<Type>,
}

#[derive(Debug)]
struct Type {
    name: &'static str,
    /// By name.
    elements: Vec<(&'static str, Element, Marks)>,
    /// Those of them that hold text.
    texts: Vec<(&'static str, Text)>,
    /// Paths from the resource to the elements that name a patient whose compartment it is in.
    compartment: Vec<&'static str>,
    parameters: Vec<Parameter>,
}

/// A search parameter.
#[derive(Debug)]
struct Parameter {
    name: &'static str,
    kind: &'static str,
    paths: Vec<&'static str>,
}

/// Returns the paths of the elements that a search parameter of that kind (`token`, `date`, `reference`) looks at; none where
/// FHIR R4 has no such parameter. A path may name a choice of types without its type.
pub(super) fn looked_at(resource_type: &str, parameter: &str, kind: &str) -> &'static [&'static str] {
    let found = R4
        .places
        .get(resource_type)
        .and_then(|place| R4.types.get(*place))
        .and_then(|one| one.parameters.iter().find(|known| known.name == parameter && known.kind == kind));
    found.map(|parameter| parameter.paths.as_slice()).unwrap_or_default()
}

/// One element of a type, by its name in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    /// Whether what it is part of can be without it.
    pub(super) need: Presence,
    /// What it holds.
    pub(super) holds: Holds,
}

/// What the definition of an element says besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    /// It is part of a summary.
    pub(super) summary: bool,
    /// It changes the meaning of what it is part of.
    pub(super) modifier: bool,
    /// What a choice of types is called without its type.
    pub(super) base: Option<&'static str>,
}

impl Marks {
    pub(super) const NONE: Self = Self { summary: false, modifier: false, base: None };
}

/// Whether an element may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Optional,
    Required,
}

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A value without elements of its own.
    Primitive,
    /// Such a value that is an address: a `uri`, a `url` or a `canonical`.
    Address,
    /// Elements of a type.
    Elements(TypeOf),
    /// A resource, of whatever type it says.
    Resource,
    /// Nobody knows: the type, or the element, is not one of FHIR R4.
    Unknown,
}

/// What text an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    String,
    Markdown,
}

/// A type with elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeOf(usize);

impl TypeOf {
    /// Returns the type of that name: a resource, a data type, or `Observation.component`.
    pub(super) fn of(name: &str) -> Option<Self> {
        R4.places.get(name).copied().map(Self)
    }

    /// Returns its name.
    pub(super) fn name(self) -> &'static str {
        R4.types.get(self.0).map_or("", |one| one.name)
    }

    /// Returns the element of that name in JSON; the sibling of a primitive (`_status`) is an optional one with the elements
    /// of an Element.
    pub(super) fn element(self, name: &str) -> Option<Element> {
        let elements = &R4.types.get(self.0)?.elements;
        let find = |name: &str| {
            let place = elements.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
            elements.get(place).map(|(_, element, _)| *element)
        };
        match name.strip_prefix('_') {
            None => find(name),
            Some(name) => {
                find(name).filter(|element| matches!(element.holds, Holds::Primitive | Holds::Address))?;
                let holds = Self::of("Element").map_or(Holds::Unknown, Holds::Elements);
                Some(Element { need: Presence::Optional, holds })
            }
        }
    }

    /// Returns what text the element of that name in JSON holds, if it does.
    pub(super) fn text(self, name: &str) -> Option<Text> {
        let texts = &R4.types.get(self.0)?.texts;
        texts.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Returns every type.
    #[cfg(test)]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..R4.types.len()).map(Self)
    }

    /// Returns true if and only if resources of that type define things (a code system, a questionnaire) and say nothing of
    /// anybody: of all types, those are published.
    pub(super) fn defines(self) -> bool {
        self.element("publisher").is_some()
    }

    /// Returns true if and only if each item of this type bears a number that others in the resource count by.
    pub(super) fn is_numbered(self) -> bool {
        ["sequence", "itemSequence", "detailSequence", "subDetailSequence"]
            .iter()
            .any(|name| self.element(name).is_some_and(|element| element.need == Presence::Required))
    }

    /// Returns what the definition of the element of that name in JSON says besides.
    pub(super) fn marks(self, name: &str) -> Option<Marks> {
        let elements = &R4.types.get(self.0)?.elements;
        let place = elements.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
        elements.get(place).map(|(_, _, marks)| *marks)
    }

    /// Returns true if and only if an element has that name in the definition, where a choice of types is named without its
    /// type.
    pub(super) fn has_base(self, base: &str) -> bool {
        let elements = R4.types.get(self.0).map(|one| one.elements.as_slice()).unwrap_or_default();
        elements.iter().any(|(name, _, marks)| marks.base.unwrap_or(name) == base)
    }

    /// Returns its elements.
    pub(super) fn elements(self) -> impl Iterator<Item = Element> {
        let elements = R4.types.get(self.0).map(|one| one.elements.as_slice()).unwrap_or_default();
        elements.iter().map(|(_, element, _)| *element)
    }

    /// Returns the elements of that name, in JSON or, for a choice of types, without its type.
    pub(super) fn elements_of(self, name: &str) -> impl Iterator<Item = Element> {
        let elements = R4.types.get(self.0).map(|one| one.elements.as_slice()).unwrap_or_default();
        let is = move |known: &str, marks: &Marks| known == name || marks.base == Some(name);
        elements.iter().filter(move |(known, _, marks)| is(known, marks)).map(|(_, element, _)| *element)
    }

    /// Returns true if and only if the type is one of a resource or of a part of one, not of a value.
    pub(super) fn is_part_of_resource(self) -> bool {
        let outermost = self.name().split('.').next().and_then(Self::of);
        outermost.is_some_and(|kind| kind.element("implicitRules").is_some())
    }

    /// Returns true if and only if a reference to a patient at that path (`participant.actor`) puts a resource of this type
    /// into that patient's compartment (CompartmentDefinition/patient).
    pub(super) fn is_compartment(self, path: &[&str]) -> bool {
        let is = |known: &&str| known.split('.').eq(path.iter().copied());
        R4.types.get(self.0).is_some_and(|one| one.compartment.iter().any(is))
    }
}

impl Structure {
    fn read(text: &'static str) -> Self {
        let mut read = Self::default();
        let lines = || text.lines().filter(|line| !line.starts_with('#'));
        for name in lines().filter_map(|line| line.strip_prefix("= ")) {
            read.places.insert(name, read.types.len());
            let (elements, texts, compartment, parameters) = Default::default();
            read.types.push(Type { name, elements, texts, compartment, parameters });
        }
        let mut inside = None;
        for line in lines() {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("="), Some(name), None, None) => inside = read.places.get(name).copied(),
                (Some(name), Some(least @ ("0" | "1")), Some("1" | "*"), Some(kind)) => {
                    let need = if least == "0" { Presence::Optional } else { Presence::Required };
                    let element = Element { need, holds: read.holds(kind) };
                    let flags = words.next().unwrap_or_default();
                    let (summary, modifier) = (flags.contains('s'), flags.contains('m'));
                    let marks = Marks { summary, modifier, base: words.next() };
                    if let Some(one) = inside.and_then(|place| read.types.get_mut(place)) {
                        one.elements.push((name, element, marks));
                        one.texts.extend(Text::of(kind).map(|text| (name, text)));
                    }
                }
                (Some("@"), Some(name), _, _) => {
                    if let Some(one) = read.places.get(name).and_then(|place| read.types.get_mut(*place)) {
                        one.compartment = line.split(' ').skip(2).collect();
                    }
                }
                (Some("?"), Some(name), Some(parameter), Some(kind)) => {
                    if let Some(one) = read.places.get(name).and_then(|place| read.types.get_mut(*place)) {
                        one.parameters.push(Parameter { name: parameter, kind, paths: words.collect() });
                    }
                }
                (_, _, _, _) => {}
            }
        }
        for one in &mut read.types {
            one.elements.sort_unstable_by_key(|(name, ..)| *name);
        }
        read
    }

    fn holds(&self, kind: &str) -> Holds {
        match self.places.get(kind) {
            _ if kind == "Resource" => Holds::Resource,
            Some(place) => Holds::Elements(TypeOf(*place)),
            None if matches!(kind, "uri" | "url" | "canonical") => Holds::Address,
            None => Holds::Primitive,
        }
    }
}

impl Text {
    fn of(kind: &str) -> Option<Self> {
        match kind {
            "string" => Some(Self::String),
            "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(of: &str, name: &str) -> Option<(Presence, String)> {
        let element = TypeOf::of(of)?.element(name)?;
        let holds = match element.holds {
            Holds::Primitive => "primitive".to_owned(),
            Holds::Address => "address".to_owned(),
            Holds::Elements(kind) => kind.name().to_owned(),
            Holds::Resource => "resource".to_owned(),
            Holds::Unknown => "unknown".to_owned(),
        };
        Some((element.need, holds))
    }

    #[test]
    fn elements_are_those_of_the_definitions() {
        use Presence::{Optional, Required};
        for (of, name, need, holds) in [
            ("Encounter", "diagnosis", Optional, "Encounter.diagnosis"),
            ("Encounter.diagnosis", "condition", Required, "Reference"),
            ("MedicationRequest", "medicationReference", Required, "Reference"),
            ("Observation", "subject", Optional, "Reference"),
            ("Observation", "status", Required, "primitive"),
            ("Observation", "_status", Optional, "Element"),
            ("Composition.section", "section", Optional, "Composition.section"),
            ("Annotation", "authorReference", Optional, "Reference"),
            ("Extension", "valueReference", Optional, "Reference"),
            ("Bundle.entry", "resource", Optional, "resource"),
            ("Element", "extension", Optional, "Extension"),
            ("Attachment", "url", Optional, "address"),
            ("Attachment", "_url", Optional, "Element"),
            ("Extension", "valueUri", Optional, "address"),
            ("CarePlan", "instantiatesCanonical", Optional, "address"),
        ] {
            assert_eq!(element(of, name), Some((need, holds.to_owned())), "{of}.{name}");
        }
        for (of, name) in [("Observation", "note2"), ("Observation", "_code"), ("Nothing", "id"), ("Patient", "text2")]
        {
            assert_eq!(element(of, name), None, "{of}.{name}");
        }
    }

    #[test]
    fn elements_are_marked_as_the_definitions_mark_them() {
        let marks = |of: &str, name: &str| TypeOf::of(of).and_then(|kind| kind.marks(name));
        let (summary, modifier) = (true, true);
        assert_eq!(marks("Observation", "status"), Some(Marks { summary, modifier, base: None }));
        assert_eq!(
            marks("Observation", "valueQuantity"),
            Some(Marks { summary, modifier: false, base: Some("value") })
        );
        assert_eq!(marks("Observation", "category"), Some(Marks::NONE));
        assert_eq!(marks("MedicationRequest", "doNotPerform"), Some(Marks { summary, modifier, base: None }));
        let base = |of: &str, name: &str| TypeOf::of(of).is_some_and(|kind| kind.has_base(name));
        assert!(base("Observation", "value") && base("Observation", "code"));
        assert!(!base("Observation", "valueQuantity") && !base("Observation", "valu"));
        let part = |of: &str| TypeOf::of(of).is_some_and(TypeOf::is_part_of_resource);
        assert!(part("Observation") && part("Observation.component") && !part("Timing.repeat") && !part("Coding"));
    }

    #[test]
    fn text_is_told_from_other_primitives() {
        let text = |of: &str, name: &str| TypeOf::of(of).and_then(|kind| kind.text(name));
        assert_eq!(text("DiagnosticReport", "conclusion"), Some(Text::String));
        assert_eq!(text("Annotation", "text"), Some(Text::Markdown));
        assert_eq!(text("Observation", "status"), None);
        assert_eq!(text("Observation", "note"), None);
    }

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = |start: &str| SHIPPED.lines().filter(|line| line.starts_with(start)).count();
        let elements: usize = R4.types.iter().map(|one| one.elements.len()).sum();
        let compartments = R4.types.iter().filter(|one| !one.compartment.is_empty()).count();
        assert_eq!((R4.types.len(), compartments), (lines("= "), lines("@ ")));
        assert_eq!(elements + lines("= ") + lines("@ ") + lines("? ") + lines("#"), SHIPPED.lines().count());
    }

    #[test]
    fn what_defines_things_and_what_is_numbered_is_told_by_its_elements() {
        let is = |name: &str, what: fn(TypeOf) -> bool| TypeOf::of(name).is_some_and(what);
        for (name, defines) in [
            ("CodeSystem", true),
            ("Questionnaire", true),
            ("NamingSystem", true),
            ("Device", false),
            ("Contract", false),
        ] {
            assert_eq!(is(name, TypeOf::defines), defines, "{name}");
        }
        for (name, numbered) in
            [("Claim.diagnosis", true), ("ClaimResponse.item", true), ("Encounter.diagnosis", false)]
        {
            assert_eq!(is(name, TypeOf::is_numbered), numbered, "{name}");
        }
    }

    #[test]
    fn a_compartment_is_that_of_the_definition() {
        let is = |of: &str, path: &[&str]| TypeOf::of(of).is_some_and(|one| one.is_compartment(path));
        for (of, path) in [
            ("Appointment", &["participant", "actor"][..]),
            ("Observation", &["subject"]),
            ("Observation", &["performer"]),
            ("Condition", &["asserter"]),
            ("AllergyIntolerance", &["recorder"]),
        ] {
            assert!(is(of, path), "{of} {path:?}");
        }
        for (of, path) in
            [("Observation", &["focus"][..]), ("Appointment", &["participant"]), ("Medication", &["manufacturer"])]
        {
            assert!(!is(of, path), "{of} {path:?}");
        }
    }
}
