//! A scripted upstream: answers searches by patient and by id, reads, and its own page links.

use std::cell::RefCell;

use serde_json::Value;

use crate::json::Document;
use crate::limits;
use crate::view::compartment::subjects;

pub(super) const BASE: &str = "http://upstream/fhir";

/// A FHIR server that has these resources.
pub(super) struct Upstream {
    resources: Vec<Stored>,
    /// The most matches it puts on a page.
    page: usize,
    asked: RefCell<Vec<String>>,
    /// What is asked for by id comes in another order than it was put in.
    is_unordered: bool,
}

struct Stored {
    text: String,
    /// For searching only; a broken one finds nothing.
    value: Value,
    resource_type: String,
    id: String,
    subjects: Vec<String>,
}

impl Stored {
    /// Where a parameter looks.
    fn at(&self, parameter: &str) -> Option<&Value> {
        let elements: &[&str] = match parameter {
            "code" => &["/code", "/medicationCodeableConcept"],
            "vaccine-code" => &["/vaccineCode"],
            "clinical-status" => &["/clinicalStatus"],
            "status" => &["/status"],
            "type" => &["/type"],
            "class" => &["/class"],
            "category" => &["/category"],
            "_lastUpdated" => &["/meta/lastUpdated"],
            "date" | "recorded-date" | "authoredon" | "whenhandedover" | "effective" | "authored" | "collected" => &[
                "/effectiveDateTime",
                "/recordedDate",
                "/period/start",
                "/authoredOn",
                "/whenHandedOver",
                "/performedDateTime",
                "/occurrenceDateTime",
                "/dateTime",
                "/date",
                "/start",
                "/receivedTime",
            ],
            _ => &[],
        };
        elements.iter().find_map(|element| self.value.pointer(element))
    }

    /// Whether one parameter holds; one that this server does not know is no criterion.
    fn meets(&self, parameter: &str, wanted: &str) -> bool {
        if ["_id", "_count", "_sort", "_total", "patient", "subject", "beneficiary"].contains(&parameter) {
            return true;
        }
        let Some(value) = self.at(parameter) else { return false };
        wanted.split(',').any(|wanted| match wanted.split_at_checked(2) {
            Some(("ge", date)) => value.as_str() >= Some(date),
            Some(("gt", date)) => value.as_str() > Some(date),
            Some(("le", date)) => value.as_str() <= Some(date),
            Some(("lt", date)) => value.as_str() < Some(date),
            _ => has_token(value, wanted),
        })
    }
}

fn has_token(value: &Value, wanted: &str) -> bool {
    let code = wanted.rsplit('|').next().unwrap_or_default();
    match value {
        Value::String(text) => text == code,
        Value::Object(members) => members.values().any(|value| has_token(value, wanted)),
        Value::Array(items) => items.iter().any(|item| has_token(item, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte.unwrap_or_default()).to_digit(16).unwrap_or_default();
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next()) * 16 + digit(rest.next())).unwrap_or_default(),
            _ => byte,
        });
    }
    String::from_utf8(bytes).expect("text")
}

impl Upstream {
    pub(super) fn new(resources: impl IntoIterator<Item = String>, page: usize) -> Self {
        let store = |text: String| {
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let text_of = |at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
            let subjects = match Document::read(text.as_bytes(), limits::RESOURCE) {
                Ok(document) => subjects(document.root(), &[]).iter().map(|id| id.as_str().to_owned()).collect(),
                // A server finds what others cannot read.
                Err(_) => vec![text_of("/subject/reference").replace("Patient/", "")],
            };
            Stored { resource_type: text_of("/resourceType"), id: text_of("/id"), subjects, text, value }
        };
        Self {
            resources: resources.into_iter().map(store).collect(),
            page,
            asked: RefCell::default(),
            is_unordered: false,
        }
    }

    /// The same server, which keeps no order where none was asked for.
    pub(super) fn unordered(self) -> Self {
        Self { is_unordered: true, ..self }
    }

    /// Returns what was asked so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Returns the body it answers with; none for 404.
    pub(super) fn answer(&self, target: &str) -> Option<String> {
        self.asked.borrow_mut().push(target.to_owned());
        match target.split_once('?') {
            Some(("", query)) => self.follow(query),
            Some((resource_type, query)) => Some(self.search(resource_type, query, 0)),
            None => {
                let found = self.resources.iter().find(|one| target == format!("{}/{}", one.resource_type, one.id));
                found.map(|one| one.text.clone())
            }
        }
    }

    /// A page link is on the base, and says neither type nor patient but to this server.
    fn follow(&self, query: &str) -> Option<String> {
        let (offset, rest) = query.strip_prefix("_pages=")?.split_once('.')?;
        let (resource_type, query) = rest.split_once('.')?;
        Some(self.search(resource_type, &query.replace('~', "&"), offset.parse().ok()?))
    }

    fn search(&self, resource_type: &str, query: &str, offset: usize) -> String {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs: Vec<_> = pairs.map(|(name, value)| (decoded(name), decoded(value))).collect();
        let value = |name: &str| pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
        let within = |list: &str, id: &str| list.split(',').any(|one| one == id);
        let ids = value("_id");
        let person = value("patient").or_else(|| value("beneficiary"));
        let mut found: Vec<_> = self
            .resources
            .iter()
            .filter(|one| one.resource_type == resource_type)
            .filter(|one| ids.as_ref().is_none_or(|ids| within(ids, &one.id)))
            .filter(|one| person.as_ref().is_none_or(|ids| one.subjects.iter().any(|id| within(ids, id))))
            .filter(|one| pairs.iter().all(|(name, value)| one.meets(name, value)))
            .collect();
        // Asked for by id, they come in no order that anybody chose.
        if ids.is_some() && self.is_unordered {
            found.reverse();
        }
        // What nothing else puts in order stays as it was put in.
        for key in value("_sort").iter().flat_map(|sort| sort.rsplit(',')) {
            match key.strip_prefix('-') {
                _ if key == "_id" => {}
                Some("_id") => found.sort_by(|one, other| other.id.cmp(&one.id)),
                Some(key) => found.sort_by_cached_key(|one| std::cmp::Reverse(one.at(key).map(Value::to_string))),
                None => found.sort_by_cached_key(|one| one.at(key).map(Value::to_string)),
            }
        }
        let count = value("_count").and_then(|count| count.parse().ok()).unwrap_or(10).min(self.page);
        let page = found.iter().skip(offset).take(count);
        let entry = |one: &&Stored| {
            let Stored { resource_type, id, text, .. } = one;
            format!(
                r#"{{"fullUrl":"{BASE}/{resource_type}/{id}","resource":{text},"search":{{"mode":"match","score":1}}}}"#
            )
        };
        let mut entries: Vec<_> = page.map(entry).collect();
        entries.push(
            r#"{"resource":{"resourceType":"OperationOutcome","id":"o"},"search":{"mode":"outcome"}}"#.to_owned(),
        );
        let mut links = format!(r#"{{"relation":"self","url":"{BASE}/{resource_type}?{query}"}}"#);
        if offset + count < found.len() {
            let (offset, query) = (offset + count, query.replace('&', "~"));
            links += &format!(r#",{{"relation":"next","url":"{BASE}?_pages={offset}.{resource_type}.{query}"}}"#);
        }
        format!(
            r#"{{"resourceType":"Bundle","id":"{}-{offset}","type":"searchset","total":{},"link":[{links}],"entry":[{}]}}"#,
            found.len(),
            found.len(),
            entries.join(", ")
        )
    }
}
