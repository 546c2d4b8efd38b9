//! Records that Consents refer to: organisations, people, roles and teams, as far as comparing actors needs them.

use std::collections::BTreeMap;

use super::datum::references_of;
use super::rule::{Identifier, Who};
use super::source::Source;
use super::window::Window;
use crate::json::{Document, Value};
use crate::limits;
use crate::profile::Sought;

/// What is known of one record.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// The type of resource.
    pub(super) kind: String,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) part_of: Option<Who>,
    pub(super) practitioner: Option<Who>,
    pub(super) organization: Option<Who>,
    pub(super) roles: Roles,
    pub(super) members: Vec<Member>,
    /// Every reference in it, normalised.
    pub(super) leads_to: Vec<String>,
    /// Something in it makes a match unproven: it is no longer active, it only describes, or it modifies its meaning.
    pub(super) doubtful: bool,
    pub(super) period: Option<Window>,
}

/// What roles a PractitionerRole states.
#[derive(Debug, Clone, Default)]
pub(super) struct Roles {
    /// Codes of the UZI register.
    pub(super) uzi: Vec<String>,
    /// Whether there is any other code or specialty.
    pub(super) others: bool,
}

/// Somebody in a Group or CareTeam.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) who: Who,
    pub(super) on_behalf_of: Option<Who>,
    pub(super) period: Option<Window>,
    pub(super) doubtful: bool,
}

/// The records of one source that were looked up, by normalised reference; one that was not found is there without record.
#[derive(Debug, Clone, Default)]
pub(super) struct Referenced(BTreeMap<String, Option<Record>>);

impl Referenced {
    pub(super) fn get(&self, reference: &str) -> Option<&Record> {
        self.0.get(reference).and_then(Option::as_ref)
    }

    pub(super) fn is_known(&self, reference: &str) -> bool {
        self.0.contains_key(reference)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn absent(&mut self, reference: String) {
        self.0.entry(reference).or_insert(None);
    }

    /// Adds the record that `bytes` hold for `reference`; one that cannot be read, or is another than was asked for, counts
    /// as not found.
    pub(super) fn add(&mut self, reference: String, bytes: &[u8], source: &Source) {
        let document = Document::read(bytes, limits::RESOURCE).ok();
        let resource = document.as_ref().map(Document::root);
        let local = source.local(&reference).and_then(|local| local.split_once('/'));
        let fits = |resource: Value<'_>| {
            let id = resource.text_of("id");
            local.is_some_and(|(kind, wanted)| {
                resource.text_of("resourceType").as_deref() == Some(kind) && id.is_none_or(|id| id == wanted)
            })
        };
        match resource.filter(|resource| fits(*resource)) {
            Some(resource) => self.put(reference, resource, source),
            None => self.absent(reference),
        }
    }

    /// Adds a record and those it contains.
    pub(super) fn put(&mut self, reference: String, resource: Value<'_>, source: &Source) {
        self.put_contained(&reference, resource, source);
        let record = Record::read(resource, source, &reference);
        self.0.insert(reference, Some(record));
    }

    /// Adds the records that a resource contains, under the references it may use for them.
    pub(super) fn put_contained(&mut self, container: &str, resource: Value<'_>, source: &Source) {
        for inner in resource.get("contained").iter().flat_map(Value::items) {
            let Some(id) = inner.text_of("id") else { continue };
            let record = Record::read(inner, source, container);
            self.0.insert(contained(container, &id), Some(record));
        }
    }
}

fn contained(container: &str, id: &str) -> String {
    format!("{container}#{id}")
}

/// Reads a Reference leniently: what is not there is not known.
pub(super) fn who(reference: Value<'_>, source: &Source, container: &str) -> Who {
    let identifier = reference.get("identifier").and_then(identifier_of);
    let reference = reference.text_of("reference").map(|text| match text.strip_prefix('#') {
        Some(id) => contained(container, id),
        None => source.normalise(&text),
    });
    let sought = identifier.as_ref().map(|one| source.categories().provider(&one.system, &one.value));
    let category = match sought {
        Some(Sought::Is(category)) => Some(category),
        Some(Sought::Unknown | Sought::Foreign) | None => None,
    };
    Who { reference, identifier, category }
}

fn identifier_of(identifier: Value<'_>) -> Option<Identifier> {
    let (system, value) = (identifier.text_of("system")?, identifier.text_of("value")?);
    Some(Identifier { system: system.into_owned(), value: value.into_owned() })
}

impl Record {
    pub(super) fn read(resource: Value<'_>, source: &Source, container: &str) -> Self {
        let party = |name: &str| resource.get(name).map(|reference| who(reference, source, container));
        let (period, period_doubtful) = period_of(resource);
        let described = resource.get("characteristic").is_some()
            || resource.get("actual").is_some_and(|actual| actual.as_bool() != Some(true));
        let inactive = resource.get("active").is_some_and(|active| active.as_bool() != Some(true));
        let status = resource.text_of("status");
        let stopped = is_type(resource, "CareTeam") && status.as_deref() != Some("active");
        let modified = resource.raw().contains("\"modifierExtension\"") || resource.get("implicitRules").is_some();
        Self {
            kind: resource.text_of("resourceType").unwrap_or_default().into_owned(),
            identifiers: resource.get("identifier").iter().flat_map(Value::items).filter_map(identifier_of).collect(),
            part_of: party("partOf"),
            practitioner: party("practitioner"),
            organization: party("organization"),
            roles: Roles::read(resource),
            members: members(resource, source, container),
            leads_to: references_of(resource, source, limits::REFERENCES),
            doubtful: period_doubtful || described || inactive || stopped || modified,
            period,
        }
    }

    /// Returns everybody this record refers to.
    pub(super) fn parties(&self) -> impl Iterator<Item = &Who> {
        let members = self.members.iter().flat_map(|member| std::iter::once(&member.who).chain(&member.on_behalf_of));
        self.part_of.iter().chain(&self.practitioner).chain(&self.organization).chain(members)
    }
}

impl Roles {
    fn read(resource: Value<'_>) -> Self {
        let mut roles = Self::default();
        if !is_type(resource, "PractitionerRole") {
            return roles;
        }
        let concepts = ["code", "specialty"].into_iter().filter_map(|name| resource.get(name));
        for concept in concepts.flat_map(|list| list.items()) {
            let codings = concept.get("coding");
            let mut uzi = codings
                .iter()
                .flat_map(Value::items)
                .filter(|coding| coding.text_of("system").is_some_and(|system| super::actor::is_role_system(&system)));
            match uzi.next().and_then(|coding| coding.text_of("code")) {
                Some(code) => roles.uzi.push(code.into_owned()),
                None => roles.others = true,
            }
        }
        roles
    }
}

fn members(resource: Value<'_>, source: &Source, container: &str) -> Vec<Member> {
    let (list, name) = match resource.text_of("resourceType").as_deref() {
        Some("Group") => ("member", "entity"),
        Some("CareTeam") => ("participant", "member"),
        Some(_) | None => return Vec::new(),
    };
    let read = |member: Value<'_>| {
        let (period, doubtful) = period_of(member);
        Member {
            who: member.get(name).map(|reference| who(reference, source, container)).unwrap_or_default(),
            on_behalf_of: member.get("onBehalfOf").map(|reference| who(reference, source, container)),
            period,
            doubtful: doubtful || member.get("inactive").is_some_and(|inactive| inactive.as_bool() != Some(false)),
        }
    };
    resource.get(list).iter().flat_map(Value::items).map(read).collect()
}

/// Returns the period, and whether one is there that cannot be read.
fn period_of(value: Value<'_>) -> (Option<Window>, bool) {
    let Some(period) = value.get("period") else { return (None, false) };
    let window = Window::of(period.text_of("start").as_deref(), period.text_of("end").as_deref());
    (window, window.is_none())
}

fn is_type(resource: Value<'_>, name: &str) -> bool {
    resource.text_of("resourceType").as_deref() == Some(name)
}
