//! Unit: resources that are judged together.
//!
//! The building blocks of one pharmaceutical treatment, and a resource with what replaces, stops or corrects it, tell of each
//! other: the strictest verdict holds for all of them (design section 3, "What is visible", point 8). Whoever belongs to a unit
//! may not be on the page, and nothing in FHIR R4 finds what replaces a resource from the resource itself; so with a plan all
//! resources of the person that could belong to one are gathered, once for each answer that meets one of them.

mod bonds;
mod pages;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::str::FromStr;

use self::bonds::{Bonds, Called, Name};
use self::pages::Pages;
use crate::json::Value;
use crate::query::{Id, Target};
use crate::view::ViewError;
use crate::view::graph::{Graph, Node};
use crate::view::need::{Need, Needs};
use crate::view::reference::{Key, Known};

/// The building blocks of a pharmaceutical treatment.
const TREATMENT: &[&str] =
    &["MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"];

/// Requests, which may replace one of another type. A prescription is replaced by a prescription alone.
const REQUESTS: &[&str] =
    &["CarePlan", "CommunicationRequest", "DeviceRequest", "NutritionOrder", "RequestGroup", "ServiceRequest"];

/// The types among which resources are judged together. No type is in two: whatever else an answer meets, the same belong
/// together.
const FAMILIES: [Family; 5] = [TREATMENT, REQUESTS, &["Composition"], &["DiagnosticReport"], &["DocumentReference"]];

/// Types whose resources are judged together; all of them are gathered where one is met.
type Family = &'static [&'static str];

/// What the name of a unit's place in the graph begins with; no type does.
const MARK: char = '~';

/// Returns the types among which a resource of that type may have others it is judged with; none where there are none.
fn family(resource_type: &str) -> Option<Family> {
    FAMILIES.into_iter().find(|family| family.contains(&resource_type))
}

/// Returns the place in the graph of the unit that a resource belongs to, if its type may belong to one.
pub(super) fn unit_of(key: &Key) -> Option<Key> {
    family(&key.resource_type)?;
    Some(Key { resource_type: format!("{MARK}{}", key.resource_type), id: key.id.clone() })
}

/// Returns the resource whose unit that is, if it is the place of a unit.
pub(super) fn member_of(unit: &Key) -> Option<Key> {
    let resource_type = unit.resource_type.strip_prefix(MARK)?;
    Some(Key { resource_type: resource_type.to_owned(), id: unit.id.clone() })
}

/// The resources of the person that may belong to units; they last for one answer.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Types that are still to be gathered.
    ahead: VecDeque<&'static str>,
    /// Types that are gathered, or are among those.
    begun: BTreeSet<&'static str>,
    /// What is gathered now.
    pages: Option<Pages>,
    /// What those say that were gathered and are not joined yet.
    bonds: BTreeMap<Key, Bonds>,
    /// Where the unit of each is judged; nowhere where it is alone.
    places: HashMap<Key, Option<Key>>,
    /// What the members of each unit need together.
    judged: HashMap<Key, Node>,
    /// Where the doubt of each family is judged of which something could not be read: it may belong to any unit.
    doubts: BTreeMap<Family, Key>,
}

impl Units {
    /// Returns what the unit at that place needs; nothing as long as those that may belong to it are not gathered, which is
    /// begun then.
    pub(super) fn node(&mut self, unit: &Key) -> Option<Node> {
        if let Some(node) = self.judged.get(unit) {
            return Some(node.clone());
        }
        let member = member_of(unit)?;
        let family = family(&member.resource_type)?;
        if family.iter().any(|name| !self.begun.contains(name)) {
            self.ahead.extend(family.iter().filter(|name| self.begun.insert(**name)));
            return None;
        }
        if self.are_coming() {
            return None;
        }
        // One that was met and is not among those of the person: who belongs to it cannot be told.
        let Some(place) = self.places.get(&member) else { return Some(Node::Hidden) };
        let needed = place.iter().chain(self.doubts.get(family));
        Some(Node::Stays(Needs { whole: Need::all(needed.cloned().map(Need::Key).collect()), inside: Vec::new() }))
    }

    /// Takes note that one of those that are gathered could not be read, and why: whom it is judged with cannot be told.
    pub(super) fn unread(&mut self, error: ViewError) {
        if let Some(family) = self.resource_type().and_then(family)
            && let (Some(first), Ok(id)) = (family.first(), Id::from_str("unread"))
        {
            let place = marked(marked(Key { resource_type: format!("{MARK}{first}"), id }));
            self.judged.entry(place.clone()).or_insert(Node::Unjudged(error));
            self.doubts.insert(family, place);
        }
    }

    /// Returns true if and only if that one is gathered, and not joined to others yet.
    pub(super) fn holds(&self, key: &Key) -> bool {
        self.bonds.contains_key(key)
    }

    /// Returns true if and only if some are still to be gathered.
    pub(super) fn are_coming(&self) -> bool {
        self.pages.is_some() || !self.ahead.is_empty()
    }

    /// Returns what to ask next, if some are still to be gathered.
    pub(super) fn next_page(&mut self, person: &[Id]) -> Option<Target> {
        loop {
            if let Some(page) = self.pages.as_mut().and_then(Pages::next) {
                return Some(page);
            }
            self.pages = None;
            self.pages = Some(Pages::of(self.ahead.pop_front()?, person));
        }
    }

    /// Returns the type that is gathered now.
    pub(super) fn resource_type(&self) -> Option<&'static str> {
        self.pages.as_ref().map(Pages::resource_type)
    }

    /// Returns true if and only if the next entry, of that many bytes, is to be taken.
    pub(super) fn takes_entry(&mut self, bytes: usize) -> bool {
        self.pages.as_mut().is_some_and(|pages| pages.takes_entry(bytes))
    }

    /// Ends a page, or the part of it that fitted.
    ///
    /// # Errors
    /// A page that is not what was asked for, or leads to itself.
    pub(super) fn end_page(&mut self, next_page: Option<Target>, self_link: Option<&str>) -> Result<(), ViewError> {
        self.pages.as_mut().map_or(Err(ViewError::OutOfStep), |pages| pages.end(next_page, self_link))
    }

    /// Takes note that there is no such page.
    ///
    /// # Errors
    /// A page that the upstream itself led to.
    pub(super) fn absent(&self) -> Result<(), ViewError> {
        self.pages.as_ref().map_or(Err(ViewError::OutOfStep), Pages::absent)
    }

    /// Takes one resource of the person.
    pub(super) fn add(&mut self, key: &Key, resource: Value<'_>, known: Known<'_>) {
        self.bonds.insert(key.clone(), Bonds::of(resource, known));
    }

    /// Joins those that were gathered, all of which are judged: each unit once, so that it does not matter how many its members
    /// are. What they said is not kept. What leads to another family binds nothing: whether that is gathered too is another
    /// question's matter.
    pub(super) fn join(&mut self, graph: &Graph) {
        let mut by_family: BTreeMap<Option<Family>, BTreeMap<Key, Bonds>> = BTreeMap::new();
        for (key, bonds) in std::mem::take(&mut self.bonds) {
            by_family.entry(family(&key.resource_type)).or_default().insert(key, bonds);
        }
        for members in by_family.values().flat_map(units) {
            let first = members.first().filter(|_| members.len() > 1);
            let place = first.and_then(unit_of).map(marked);
            self.places.extend(members.iter().map(|member| (member.clone(), place.clone())));
            self.judged.extend(place.map(|place| (place, together(&members, graph))));
        }
    }
}

fn marked(key: Key) -> Key {
    Key { resource_type: format!("{MARK}{}", key.resource_type), id: key.id }
}

/// Returns what the members of a unit need together; one that is hidden hides it, and one that cannot be judged is needed.
fn together(members: &[Key], graph: &Graph) -> Node {
    let needs = members.iter().map(|member| match graph.node(member) {
        Some(Node::Stays(needs)) => Some((Cow::Borrowed(needs), unit_of(member))),
        Some(Node::Unjudged(_)) => {
            let itself = Needs { whole: Need::Key(member.clone()), inside: Vec::new() };
            Some((Cow::Owned(itself), None))
        }
        Some(Node::Hidden) | None => None,
    });
    let needs: Option<Vec<_>> = needs.collect();
    let needs = needs.as_ref().map(|needs| needs.iter().map(|(needs, but)| (needs.as_ref(), but.clone())));
    needs.map_or(Node::Hidden, |needs| Node::Stays(Needs::together(needs)))
}

/// Returns which belong together: those of one treatment, and those that one leads to or names, as far as they are there.
fn units(bonds: &BTreeMap<Key, Bonds>) -> Vec<Vec<Key>> {
    let keys: Vec<&Key> = bonds.keys().collect();
    let places: HashMap<&Key, usize> = keys.iter().enumerate().map(|(place, key)| (*key, place)).collect();
    let mut union = Union((0..keys.len()).collect());
    let mut treated: HashMap<&Name, usize> = HashMap::new();
    let mut named: HashMap<&Name, Vec<usize>> = HashMap::new();
    for (place, bonds) in bonds.values().enumerate() {
        for treatment in &bonds.treatments {
            let other = *treated.entry(treatment).or_insert(place);
            union.join(place, other);
        }
        for name in &bonds.names {
            named.entry(name).or_default().push(place);
        }
        for other in bonds.others.iter().filter_map(|other| places.get(other)) {
            union.join(place, *other);
        }
    }
    for (place, bonds) in bonds.values().enumerate() {
        for Called { name, only } in &bonds.called {
            let is_meant = |other: &&usize| {
                let key = keys.get(**other);
                only.is_none() || key.is_some_and(|key| only.as_ref() == Some(&key.resource_type))
            };
            named.get(name).into_iter().flatten().filter(is_meant).for_each(|other| union.join(place, *other));
        }
    }

    let mut units: BTreeMap<usize, Vec<Key>> = BTreeMap::new();
    for (place, key) in keys.iter().enumerate() {
        units.entry(union.first(place)).or_default().push((*key).clone());
    }
    units.into_values().collect()
}

/// Disjoint sets of places, each known by its least.
struct Union(Vec<usize>);

impl Union {
    fn first(&self, place: usize) -> usize {
        let mut place = place;
        while let Some(above) = self.0.get(place).copied().filter(|above| *above != place) {
            place = above;
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        if let Some(above) = self.0.get_mut(one.max(other)) {
            *above = one.min(other);
        }
    }
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

    /// Three documents of which each replaces another or is replaced, and one by itself.
    fn gathered() -> (Units, Graph) {
        let mut units = Units::default();
        let unit = |reference: &str| unit_of(&key(reference)).unwrap();
        assert_eq!(units.node(&unit("DocumentReference/a")), None);
        let person = [Id::from_str("a").unwrap()];
        assert!(units.next_page(&person).is_some() && units.resource_type() == Some("DocumentReference"));
        assert!(units.next_page(&person).is_none() && !units.are_coming());
        for (id, to) in [("a", "b"), ("b", "none"), ("c", "a"), ("d", "d")] {
            let text = format!(
                r#"{{"resourceType":"DocumentReference","relatesTo":[{{"target":{{"reference":"DocumentReference/{to}"}}}}]}}"#
            );
            let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
            let known = Known { person: &[], bases: &[] };
            units.add(&key(&format!("DocumentReference/{id}")), document.root(), known);
        }
        let mut graph = Graph::default();
        for id in ["a", "b", "d"] {
            let needs = vec![Need::Key(key("Medication/m")), Need::Key(unit(&format!("DocumentReference/{id}")))];
            let needs = Needs { whole: Need::all(needs), inside: Vec::new() };
            graph.learn(key(&format!("DocumentReference/{id}")), Node::Stays(needs));
        }
        (units, graph)
    }

    #[test]
    fn a_unit_is_judged_once_and_one_that_is_not_there_is_hidden() {
        let unit = |reference: &str| unit_of(&key(reference)).unwrap();
        let need = |key: Key| Some(Node::Stays(Needs { whole: Need::Key(key), inside: Vec::new() }));
        let place = marked(unit("DocumentReference/a"));
        for (verdict, judged) in
            [(Node::Stays(Needs::NOTHING), need(key("Medication/m"))), (Node::Hidden, Some(Node::Hidden))]
        {
            let (mut units, mut graph) = gathered();
            graph.learn(key("DocumentReference/c"), verdict);
            units.join(&graph);
            for id in ["a", "b", "c"] {
                assert_eq!(units.node(&unit(&format!("DocumentReference/{id}"))), need(place.clone()));
            }
            assert_eq!(units.node(&place), judged);
            assert_eq!(units.node(&unit("DocumentReference/d")), Some(Node::Stays(Needs::NOTHING)));
            assert_eq!(units.node(&unit("DocumentReference/x")), Some(Node::Hidden));
        }
    }

    #[test]
    fn one_that_cannot_be_judged_is_needed_by_its_unit_and_one_that_cannot_be_read_by_all() {
        let unit = |reference: &str| unit_of(&key(reference)).unwrap();
        let need = |keys: Vec<Key>| {
            let whole = Need::all(keys.into_iter().map(Need::Key).collect());
            Some(Node::Stays(Needs { whole, inside: Vec::new() }))
        };
        let place = marked(unit("DocumentReference/a"));
        let (mut units, mut graph) = gathered();
        graph.learn(key("DocumentReference/c"), Node::Unjudged(ViewError::ResourceTooLarge));
        units.join(&graph);
        assert_eq!(units.node(&place), need(vec![key("DocumentReference/c"), key("Medication/m")]));
        assert_eq!(units.node(&unit("DocumentReference/d")), need(Vec::new()));

        let mut units = Units::default();
        assert_eq!(units.node(&unit("DocumentReference/d")), None);
        assert!(units.next_page(&[Id::from_str("a").unwrap()]).is_some());
        units.unread(ViewError::NotStrictJson);
        let known = Known { person: &[], bases: &[] };
        let text = r#"{"resourceType":"DocumentReference"}"#;
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        units.add(&key("DocumentReference/d"), document.root(), known);
        assert!(units.holds(&key("DocumentReference/d")));
        assert!(units.next_page(&[Id::from_str("a").unwrap()]).is_none());
        units.join(&Graph::default());
        let Some(Node::Stays(Needs { whole: Need::Key(doubt), .. })) = units.node(&unit("DocumentReference/d")) else {
            panic!("a doubt")
        };
        assert!(member_of(&doubt).is_some() && !units.holds(&key("DocumentReference/d")));
        assert_eq!(units.node(&doubt), Some(Node::Unjudged(ViewError::NotStrictJson)));
        assert_eq!(units.node(&unit("DocumentReference/x")), Some(Node::Hidden));
    }

    #[test]
    fn what_leads_to_another_family_binds_nothing() {
        let other = |resource_type: &str| {
            let mut units = Units::default();
            let known = Known { person: &[], bases: &[] };
            let names = r#"{"resourceType":"DocumentReference","relatesTo":[{"target":{"identifier":{"value":"v"}}}]}"#;
            let named = format!(r#"{{"resourceType":"{resource_type}","identifier":[{{"value":"v"}}]}}"#);
            let named_key = key(&format!("{resource_type}/b"));
            let members = [(key("DocumentReference/a"), names.to_owned()), (named_key.clone(), named)];
            for (key, text) in members {
                units.add(&key, Document::read(text.as_bytes(), limits::RESOURCE).unwrap().root(), known);
            }
            units.join(&Graph::default());
            units.places.get(&named_key).cloned()
        };
        assert_eq!(other("DiagnosticReport"), Some(None));
        assert!(other("DocumentReference").unwrap().is_some());
    }

    #[test]
    fn only_some_types_belong_to_units() {
        assert_eq!(unit_of(&key("Observation/1")), None);
        let unit = unit_of(&key("MedicationRequest/1")).unwrap();
        assert_eq!(member_of(&unit), Some(key("MedicationRequest/1")));
        assert_eq!(member_of(&key("MedicationRequest/1")), None);
    }
}
