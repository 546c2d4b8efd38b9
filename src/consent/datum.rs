//! Datum: single resources that a rule is about, and what belongs to them (`provision.data`).

use super::actor::compare_identifiers;
use super::caller_records::kind_of;
use super::likeness::Likeness;
use super::record::Referenced;
use super::rule::{Identifier, Who};
use super::source::Source;
use crate::json::{Kind, Value};
use crate::label::Subject;

/// One of the things that `data` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Datum {
    pub(super) meaning: Meaning,
    pub(super) who: Who,
}

/// Which resources are meant by naming one, of `http://hl7.org/fhir/consent-data-meaning`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// That one.
    Instance,
    /// That one, and those that point to it: what belongs to an Encounter, a CarePlan, an EpisodeOfCare.
    Related,
    /// That one, and what depends on it.
    Dependents,
    /// Those that it wrote.
    AuthoredBy,
}

impl Meaning {
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "instance" => Some(Self::Instance),
            "related" => Some(Self::Related),
            "dependents" => Some(Self::Dependents),
            "authoredby" => Some(Self::AuthoredBy),
            _ => None,
        }
    }
}

/// Everything that one `data` element means, ready to be compared with resources: any of it will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Targets {
    source: Source,
    list: Vec<Target>,
}

/// A resource that is named.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    meaning: Meaning,
    /// `Type/id` where the data is, if that can be told.
    local: Option<String>,
    /// Its type, empty where that cannot be told.
    kind: String,
    identifiers: Vec<Identifier>,
    /// `Type/id` of what it refers to itself, as far as its record was found.
    leads_to: Vec<String>,
}

/// Types of which one is never the other.
const DISTINCT: [&str; 6] = ["Device", "Organization", "Patient", "Practitioner", "RelatedPerson", "Location"];

/// Elements that say who wrote a resource, or who answers for it.
const AUTHORS: [&str; 6] = ["author", "performer", "recorder", "asserter", "requester", "informationSource"];

impl Targets {
    pub(super) fn of(data: &[Datum], source: &Source, referenced: &Referenced) -> Self {
        let target = |datum: &Datum| {
            let reference = datum.who.reference.as_deref();
            let record = reference.and_then(|reference| referenced.get(reference));
            let identifiers = datum.who.identifier.iter().chain(record.iter().flat_map(|one| &one.identifiers));
            let leads_to = record.iter().flat_map(|record| &record.leads_to);
            Target {
                meaning: datum.meaning,
                local: reference.and_then(|reference| source.at_data(reference)).map(str::to_owned),
                kind: match (record, reference) {
                    (Some(record), _) => record.kind.clone(),
                    (None, Some(reference)) if !reference.contains('#') => kind_of(reference).to_owned(),
                    (None, _) => String::new(),
                },
                identifiers: identifiers.cloned().collect(),
                leads_to: leads_to.filter_map(|to| source.at_data(to)).map(str::to_owned).collect(),
            }
        };
        Self { source: source.clone(), list: data.iter().map(target).collect() }
    }

    /// Returns whether a resource is one of those that are meant. Allocates nothing.
    pub(super) fn likeness(&self, subject: Subject<'_>, resource_type: &str) -> Likeness {
        let one = |target: &Target| {
            let resource = subject.resource();
            if target.meaning == Meaning::AuthoredBy {
                return target.wrote(resource, &self.source);
            }
            let itself = target.is(resource, resource_type);
            match target.meaning {
                Meaning::Instance | Meaning::AuthoredBy => itself,
                Meaning::Related => {
                    // What it refers to may be meant as well (FHIR says so, and PCF the other way round).
                    let leads = target.leads_to.iter().any(|to| is_local(resource, resource_type, to));
                    let pointed = itself.or(target.is_pointed_to_by(resource, &self.source));
                    if leads { pointed.or(Likeness::Unknown) } else { pointed }
                }
                Meaning::Dependents => {
                    let near = itself.or(target.is_pointed_to_by(resource, &self.source));
                    let far = |one: &Value<'_>| target.is_pointed_to_by(*one, &self.source) != Likeness::IsNot;
                    if subject.linked().iter().any(far) { near.or(Likeness::Unknown) } else { near }
                }
            }
        };
        self.list.iter().map(one).fold(Likeness::IsNot, Likeness::or)
    }

    /// Returns true if and only if the resource itself is named.
    pub(super) fn name(&self, resource: Value<'_>, resource_type: &str) -> bool {
        let names = |target: &Target| {
            target.meaning != Meaning::AuthoredBy && target.is(resource, resource_type) == Likeness::Is
        };
        self.list.iter().any(names)
    }

    /// Returns `Type/id` of the resources that others may point to, as far as that can be told.
    pub(super) fn places(&self) -> Vec<&str> {
        let pointed = self.list.iter().filter(|target| target.meaning != Meaning::Instance);
        pointed.filter_map(|target| target.local.as_deref()).collect()
    }

    /// Returns true if and only if only single resources are named.
    pub(super) fn are_instances(&self) -> bool {
        self.list.iter().all(|target| target.meaning == Meaning::Instance)
    }

    /// Returns true if and only if a single resource is named, alone or beside others.
    pub(super) fn have_instances(&self) -> bool {
        self.list.iter().any(|target| target.meaning == Meaning::Instance)
    }
}

fn is_local(resource: Value<'_>, resource_type: &str, local: &str) -> bool {
    let parts = local.split_once('/');
    parts.is_some_and(|(kind, id)| kind == resource_type && resource.text_of("id").as_deref() == Some(id))
}

impl Target {
    /// Returns whether the resource is this one: by its id, and by its business identifiers.
    fn is(&self, resource: Value<'_>, resource_type: &str) -> Likeness {
        if !self.kind.is_empty() && self.kind != resource_type {
            return Likeness::IsNot;
        }
        let by_id = match &self.local {
            Some(local) => Likeness::of(is_local(resource, resource_type, local)),
            None => Likeness::Unknown,
        };
        let theirs = resource.get("identifier");
        by_id.agreed(compare_identifiers(theirs.iter().flat_map(Value::items), &self.identifiers))
    }

    /// Returns whether some reference in the resource leads here.
    fn is_pointed_to_by(&self, resource: Value<'_>, source: &Source) -> Likeness {
        let mut likeness = Likeness::IsNot;
        each_reference(resource, &mut |reference| likeness = likeness.or(self.is_at(reference, source)));
        likeness
    }

    /// Returns whether who wrote the resource is this one. Of what nobody is said to have written, anybody may have.
    fn wrote(&self, resource: Value<'_>, source: &Source) -> Likeness {
        let mut likeness = None;
        let mut one = |author: Value<'_>| {
            let author = ["actor", "individual"].iter().find_map(|name| author.get(name)).unwrap_or(author);
            let found = self.is_author(author, resource, source);
            likeness = Some(likeness.map_or(found, |before: Likeness| before.or(found)));
        };
        for author in AUTHORS.iter().filter_map(|name| resource.get(name)) {
            match author.kind() {
                Kind::Array => author.items().for_each(&mut one),
                Kind::Object => one(author),
                Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
            }
        }
        likeness.unwrap_or(Likeness::Unknown)
    }

    fn is_author(&self, author: Value<'_>, resource: Value<'_>, source: &Source) -> Likeness {
        let text = author.text_of("reference");
        let Some(id) = text.as_deref().and_then(|text| text.strip_prefix('#')) else {
            let says_nothing = text.is_none() && author.get("identifier").is_none();
            return if says_nothing { Likeness::Unknown } else { self.is_at(author, source) };
        };
        let contained = resource.get("contained");
        let inside = contained.iter().flat_map(Value::items).find(|one| one.text_of("id").as_deref() == Some(id));
        let theirs = inside.and_then(|inside| inside.get("identifier"));
        compare_identifiers(theirs.iter().flat_map(Value::items), &self.identifiers)
    }

    /// Returns whether a reference leads here: by what it points to, and by the identifier it gives.
    fn is_at(&self, reference: Value<'_>, source: &Source) -> Likeness {
        let text = reference.text_of("reference");
        let says = reference.text_of("type");
        if text.as_deref().is_some_and(|text| text.starts_with('#')) {
            return Likeness::IsNot;
        }
        let there = text.as_deref().and_then(|text| source.data_reference(text));
        let kind = match (there, text.as_deref()) {
            (Some(there), _) => there.split_once('/').map(|(kind, _)| kind),
            (None, Some(_)) => None,
            (None, None) => says.as_deref().map(|says| says.rsplit('/').next().unwrap_or(says)),
        };
        if let Some(kind) = kind
            && kind != self.kind
            && !self.kind.is_empty()
        {
            let distinct = !may_stand_for(kind, &self.kind);
            return if distinct { Likeness::IsNot } else { Likeness::Unknown };
        }
        let by_place = match (there, &self.local) {
            (Some(there), Some(local)) => Likeness::of(there == local),
            (_, _) => Likeness::Unknown,
        };
        by_place.agreed(compare_identifiers(reference.get("identifier").into_iter(), &self.identifiers))
    }
}

/// Returns true if and only if one of the two may be the other, or stand for it: a role is somebody's, a team is of people.
fn may_stand_for(one: &str, other: &str) -> bool {
    let groups = ["CareTeam", "Group", "PractitionerRole", "HealthcareService"];
    let people = |kind: &str| groups.contains(&kind) || DISTINCT.contains(&kind);
    (groups.contains(&one) || groups.contains(&other)) && people(one) && people(other)
}

/// Calls `each` with every Reference in a resource that leads anywhere: with a literal reference, or with an identifier.
fn each_reference<'d>(value: Value<'d>, each: &mut impl FnMut(Value<'d>)) {
    match value.kind() {
        Kind::Object => {
            let mut may_be = false;
            for member in value.members() {
                match (member.name, member.value.kind()) {
                    ("reference", Kind::String) | ("identifier", Kind::Object) => may_be = true,
                    (_, Kind::Object | Kind::Array) => each_reference(member.value, each),
                    (_, _) => {}
                }
            }
            let is_reference = || {
                value.members().all(|member| {
                    matches!(member.name, "id" | "extension" | "reference" | "type" | "identifier" | "display")
                })
            };
            if may_be && (value.get("reference").is_some() || is_reference()) {
                each(value);
            }
        }
        Kind::Array => value.items().for_each(|item| each_reference(item, each)),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
    }
}

/// Returns what a resource refers to, in references that are normalised.
pub(super) fn references_of(resource: Value<'_>, source: &Source, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    each_reference(resource, &mut |reference| {
        if let Some(text) = reference.text_of("reference")
            && found.len() < limit
        {
            found.push(source.normalise(&text));
        }
    });
    found
}
