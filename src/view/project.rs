//! Project: the part of a resource that was asked for (`_elements`, `_summary`).
//!
//! It is taken of a resource as it is released, without what is hidden, so it can show no more than that. What stays keeps its
//! bytes; what a resource cannot be without stays, what modifies it, its id and its `meta`. Every projected resource is
//! tagged SUBSETTED, whether or not something went: the tag speaks of the question.

use std::collections::BTreeSet;

use crate::json::{Document, Kind, Value};
use crate::limits;
use crate::query::Projection;
use crate::view::ViewError;
use crate::view::structure::{Element, Holds, Marks, Presence, TypeOf};

const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// Returns true if and only if resources of that type have an element of that name in FHIR R4; a choice of types has its name
/// without the type (`value`).
#[must_use]
pub(crate) fn has_element(resource_type: &str, name: &str) -> bool {
    !name.starts_with('_') && TypeOf::of(resource_type).is_some_and(|kind| kind.has_base(name))
}

/// Returns what `projection` leaves of a resource.
///
/// # Errors
/// A resource whose `meta` is none, so that it cannot be tagged.
pub(super) fn project(resource: Vec<u8>, projection: &Projection) -> Result<Vec<u8>, ViewError> {
    if *projection == Projection::Whole {
        return Ok(resource);
    }
    let document = Document::read(&resource, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
    let root = document.root();
    let kind = root.text_of("resourceType").and_then(|name| TypeOf::of(&name));
    let mut part = Part { projection, kind, fragments: BTreeSet::new() };
    let keeps_contained = part.keeps_contained();
    let mut members: Vec<(&str, Vec<u8>)> = Vec::new();
    for member in root.members().filter(|member| member.name != "contained" || keeps_contained) {
        let written = match (member.name, root.get("meta")) {
            ("meta", _) => Some(tagged(member.value)?),
            ("id", None) => {
                members.push((member.name, member.value.raw().as_bytes().to_vec()));
                members.push(("meta", format!(r#"{{"tag":[{SUBSETTED}]}}"#).into_bytes()));
                None
            }
            (name, _) => part.member(name, member.value),
        };
        members.extend(written.map(|written| (member.name, written)));
    }
    if !keeps_contained && let Some((place, contained)) = part.contained(root) {
        let place =
            root.members().skip(place + 1).find_map(|behind| members.iter().position(|(name, _)| *name == behind.name));
        members.insert(place.unwrap_or(members.len()), ("contained", contained));
    }
    Ok(object(members))
}

/// Returns `meta` with the tag.
fn tagged(meta: Value<'_>) -> Result<Vec<u8>, ViewError> {
    let tags = meta.get("tag");
    if meta.kind() != Kind::Object || tags.is_some_and(|tags| tags.kind() != Kind::Array) {
        return Err(ViewError::MalformedResource);
    }
    let is_subsetted = |tag: Value<'_>| {
        tag.text_of("system").as_deref() == Some(SYSTEM) && tag.text_of("code").as_deref() == Some("SUBSETTED")
    };
    let items = || tags.into_iter().flat_map(|tags| tags.items());
    if items().any(is_subsetted) {
        return Ok(meta.raw().as_bytes().to_vec());
    }
    let tags: Vec<&str> = items().map(|tag| tag.raw()).chain([SUBSETTED]).collect();
    let tags = format!("[{}]", tags.join(",")).into_bytes();
    let rest = meta.members().filter(|member| member.name != "tag");
    let mut members: Vec<_> = rest.map(|member| (member.name, member.value.raw().as_bytes().to_vec())).collect();
    members.push(("tag", tags));
    Ok(object(members))
}

fn object(members: Vec<(&str, Vec<u8>)>) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (number, (name, value)) in members.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        // A name with an escape is not read as JSON here, so it is written as it stands.
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        out.extend(value);
    }
    out.push(b'}');
    out
}

struct Part<'p> {
    projection: &'p Projection,
    kind: Option<TypeOf>,
    /// The contained resources that something which stays refers to, by id.
    fragments: BTreeSet<String>,
}

/// Where an element stands: inside a data type extensions belong to the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Resource,
    Value,
}

impl Part<'_> {
    fn keeps_contained(&self) -> bool {
        match self.projection {
            Projection::Whole | Projection::Data => true,
            Projection::Elements(names) => names.iter().any(|name| name == "contained"),
            Projection::Summary => false,
        }
    }

    /// Returns what stays of a member of the resource.
    fn member(&mut self, name: &str, value: Value<'_>) -> Option<Vec<u8>> {
        let base = name.strip_prefix('_').unwrap_or(name);
        let element = self.kind.and_then(|kind| Some((kind.element(base)?, kind.marks(base)?)));
        let stays = match (self.projection, element) {
            (_, _) if matches!(name, "resourceType" | "id") => true,
            (Projection::Whole, _) => true,
            (Projection::Data, _) => name != "text",
            (Projection::Elements(_) | Projection::Summary, None) => false,
            (Projection::Elements(names), Some((element, marks))) => {
                let asked = names.iter().any(|name| name == marks.base.unwrap_or(base));
                asked || marks.modifier || element.need == Presence::Required
            }
            (Projection::Summary, Some((element, _))) if base == name => {
                return self.summary(name, element, self.kind, Within::Resource, value);
            }
            (Projection::Summary, Some((element, marks))) => in_summary(element, marks),
        };
        stays.then(|| self.copy(value))
    }

    /// Returns what of a member of `kind` belongs to a summary.
    fn summary(
        &mut self,
        name: &str,
        element: Element,
        kind: Option<TypeOf>,
        within: Within,
        value: Value<'_>,
    ) -> Option<Vec<u8>> {
        let marks = kind.and_then(|kind| kind.marks(name)).unwrap_or(Marks::NONE);
        let of_value = within == Within::Value && matches!(name, "id" | "extension");
        if !in_summary(element, marks) && !of_value {
            return None;
        }
        let Holds::Elements(inner) = element.holds else { return Some(self.copy(value)) };
        let within = if inner.is_part_of_resource() { within } else { Within::Value };
        match self.elements(inner, within, value) {
            // A value that would be an empty shell is none, unless its owner cannot be without it.
            None if element.need == Presence::Required => Some(self.copy(value)),
            written => written,
        }
    }

    fn elements(&mut self, kind: TypeOf, within: Within, value: Value<'_>) -> Option<Vec<u8>> {
        match value.kind() {
            Kind::Array => {
                let items: Vec<_> = value.items().filter_map(|item| self.elements(kind, within, item)).collect();
                if items.is_empty() { None } else { Some([b"[".as_slice(), &items.join(&b','), b"]"].concat()) }
            }
            Kind::Object => {
                let mut members = Vec::new();
                for member in value.members() {
                    let base = member.name.strip_prefix('_').unwrap_or(member.name);
                    let Some(element) = kind.element(base) else { continue };
                    let written = if base == member.name {
                        self.summary(base, element, Some(kind), within, member.value)
                    } else {
                        let marks = kind.marks(base).unwrap_or(Marks::NONE);
                        in_summary(element, marks).then(|| self.copy(member.value))
                    };
                    members.extend(written.map(|written| (member.name, written)));
                }
                if members.is_empty() { None } else { Some(object(members)) }
            }
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => Some(self.copy(value)),
        }
    }

    /// Returns a value as it is, and takes note of the contained resources that it refers to.
    fn copy(&mut self, value: Value<'_>) -> Vec<u8> {
        self.note(value);
        value.raw().as_bytes().to_vec()
    }

    fn note(&mut self, value: Value<'_>) {
        value.items().for_each(|item| self.note(item));
        for member in value.members() {
            self.note(member.value);
        }
        if let Kind::String = value.kind()
            && let Some(fragment) = value.as_str().as_deref().and_then(|text| text.strip_prefix('#'))
        {
            self.fragments.insert(fragment.to_owned());
        }
    }

    /// Returns the contained resources that something which stays refers to, and the number of the member that they are.
    fn contained(&mut self, root: Value<'_>) -> Option<(usize, Vec<u8>)> {
        let (place, all) = root.members().enumerate().find(|(_, member)| member.name == "contained")?;
        let mut stays: Vec<bool> = all.value.items().map(|_| false).collect();
        loop {
            let before = stays.clone();
            for (one, stays) in all.value.items().zip(&mut stays).filter(|(_, stays)| !**stays) {
                if one.text_of("id").is_some_and(|id| self.fragments.contains(id.as_ref())) {
                    self.note(one);
                    *stays = true;
                }
            }
            if before == stays {
                break;
            }
        }
        let kept = all.value.items().zip(&stays).filter(|(_, stays)| **stays);
        let kept: Vec<&str> = kept.map(|(one, _)| one.raw()).collect();
        if kept.is_empty() { None } else { Some((place, format!("[{}]", kept.join(",")).into_bytes())) }
    }
}

fn in_summary(element: Element, marks: Marks) -> bool {
    marks.summary || marks.modifier || element.need == Presence::Required
}

#[cfg(test)]
mod tests;
