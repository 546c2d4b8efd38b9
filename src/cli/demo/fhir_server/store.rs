//! The resources of the server, as JSON text.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

use crate::json::{Bounds, Document, Kind, Value};
use crate::query::Id;

/// A text that is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// Not strict JSON.
    #[error("not strict JSON")]
    Json,
    /// No `resourceType`, or no `id` of FHIR's shape.
    #[error("no resource with a type and an id")]
    Resource,
    /// No Bundle of type transaction whose entries are PUTs of resources under their own type and id.
    #[error("no transaction of PUTs")]
    Transaction,
}

/// Loading is for the demo and for tests: the bounds are wide.
pub(super) const BOUNDS: Bounds = Bounds { bytes: 64 * 1024 * 1024, depth: 128, members: 1024 };

/// The moment of the first version of everything.
const FIRST: OffsetDateTime = datetime!(2026-01-05 08:00 UTC);

/// Type and id of a resource.
pub(super) type Key = (String, String);

/// One version of a resource.
#[derive(Debug)]
pub(super) struct Stored {
    /// The resource, one line, with its `meta`.
    pub(super) text: String,
    /// Its version number.
    pub(super) version: u32,
    /// Its place in the order of arrival, which is the order of a search without `_sort`.
    sequence: u64,
}

/// What is kept under a key.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// The current version.
    Living(Arc<Stored>),
    /// It was deleted with this version.
    Deleted(u32),
}

/// All resources.
#[derive(Debug, Default)]
pub(super) struct Store {
    kept: BTreeMap<Key, Kept>,
    sequence: u64,
}

impl Store {
    /// Stores one resource and returns its key.
    pub(super) fn put(&mut self, text: &str) -> Result<Key, NotStored> {
        let document = Document::read(text.as_bytes(), BOUNDS).map_err(|_| NotStored::Json)?;
        let root = document.root();
        let (Some(kind), Some(id)) = (root.text_of("resourceType"), root.text_of("id")) else {
            return Err(NotStored::Resource);
        };
        if Id::from_str(&id).is_err() {
            return Err(NotStored::Resource);
        }
        let key = (kind.into_owned(), id.into_owned());
        let (version, sequence) = match self.kept.get(&key) {
            Some(Kept::Living(stored)) => (stored.version + 1, stored.sequence),
            Some(Kept::Deleted(version)) => (version + 1, self.next()),
            None => (1, self.next()),
        };
        let text = rewritten(root, version);
        self.kept.insert(key.clone(), Kept::Living(Arc::new(Stored { text, version, sequence })));
        Ok(key)
    }

    /// Stores one resource under an id of the server's own and returns its key.
    pub(super) fn create(&mut self, text: &str) -> Result<Key, NotStored> {
        let mut resource: serde_json::Value = serde_json::from_str(text).map_err(|_| NotStored::Json)?;
        let id = format!("made-{}", self.sequence + 1);
        resource.as_object_mut().ok_or(NotStored::Resource)?.insert("id".to_owned(), id.into());
        self.put(&resource.to_string())
    }

    /// Stores the resources of a transaction and returns how many there were.
    pub(super) fn load(&mut self, bundle: &str) -> Result<usize, NotStored> {
        let document = Document::read(bundle.as_bytes(), BOUNDS).map_err(|_| NotStored::Json)?;
        let root = document.root();
        if root.text_of("type").as_deref() != Some("transaction") {
            return Err(NotStored::Transaction);
        }
        let mut count = 0;
        for entry in root.get("entry").into_iter().flat_map(|entries| entries.items()) {
            let (Some(resource), Some(request)) = (entry.get("resource"), entry.get("request")) else {
                return Err(NotStored::Transaction);
            };
            let own = format!(
                "{}/{}",
                resource.text_of("resourceType").unwrap_or_default(),
                resource.text_of("id").unwrap_or_default()
            );
            if request.text_of("method").as_deref() != Some("PUT") || request.text_of("url").as_deref() != Some(&own) {
                return Err(NotStored::Transaction);
            }
            self.put(resource.raw())?;
            count += 1;
        }
        Ok(count)
    }

    /// Deletes a resource, `Type/id`.
    pub(super) fn delete(&mut self, reference: &str) {
        if let Some(kept) = key(reference).and_then(|key| self.kept.get_mut(&key))
            && let Kept::Living(stored) = kept
        {
            *kept = Kept::Deleted(stored.version + 1);
        }
    }

    /// Forgets a resource, `Type/id`.
    pub(super) fn expunge(&mut self, reference: &str) {
        if let Some(key) = key(reference) {
            self.kept.remove(&key);
        }
    }

    /// Returns what is kept under a key.
    pub(super) fn get(&self, kind: &str, id: &str) -> Option<Kept> {
        self.kept.get(&(kind.to_owned(), id.to_owned())).cloned()
    }

    /// Returns the living resources of a type with their ids, in the order of arrival.
    pub(super) fn of_type(&self, kind: &str) -> Vec<(String, Arc<Stored>)> {
        let first = (kind.to_owned(), String::new());
        let mut found: Vec<_> = self
            .kept
            .range(first..)
            .take_while(|((each, _), _)| each == kind)
            .filter_map(|((_, id), kept)| match kept {
                Kept::Living(stored) => Some((id.clone(), Arc::clone(stored))),
                Kept::Deleted(_) => None,
            })
            .collect();
        found.sort_by_key(|(_, stored)| stored.sequence);
        found
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// Returns the moment of a version, as FHIR writes an instant.
pub(super) fn instant(version: u64) -> String {
    let seconds = i64::try_from(version.saturating_sub(1)).unwrap_or(0);
    let moment = FIRST.saturating_add(time::Duration::seconds(seconds));
    let text = moment.format(&Rfc3339).unwrap_or_default();
    text.replace('Z', ".000+00:00")
}

fn key(reference: &str) -> Option<Key> {
    let (kind, id) = reference.split_once('/')?;
    Some((kind.to_owned(), id.to_owned()))
}

/// Returns the resource as the server keeps it: on one line; type, id and `meta` first; version and moment in `meta`.
fn rewritten(resource: Value<'_>, version: u32) -> String {
    let mut text = String::with_capacity(resource.raw().len() + 96);
    text.push('{');
    for name in ["resourceType", "id"] {
        if let Some(value) = resource.get(name) {
            member(&mut text, name, value);
        }
    }
    let moment = instant(u64::from(version));
    text.push_str(&format!(r#","meta":{{"versionId":"{version}","lastUpdated":"{moment}""#));
    for each in resource.get("meta").into_iter().flat_map(|meta| meta.members()) {
        if !matches!(each.name, "versionId" | "lastUpdated") {
            member(&mut text, each.name, each.value);
        }
    }
    text.push('}');
    for each in resource.members() {
        if !matches!(each.name, "resourceType" | "id" | "meta") {
            member(&mut text, each.name, each.value);
        }
    }
    text.push('}');
    text
}

fn member(text: &mut String, name: &str, value: Value<'_>) {
    if !text.ends_with('{') {
        text.push(',');
    }
    text.push('"');
    text.push_str(name);
    text.push_str("\":");
    compact(text, value);
}

/// Writes a value without the space between its parts.
fn compact(text: &mut String, value: Value<'_>) {
    match value.kind() {
        Kind::Object => {
            text.push('{');
            for each in value.members() {
                member(text, each.name, each.value);
            }
            text.push('}');
        }
        Kind::Array => {
            text.push('[');
            for (index, item) in value.items().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                compact(text, item);
            }
            text.push(']');
        }
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => text.push_str(value.raw()),
    }
}
