//! A scripted upstream: answers searches by patient and by id, reads, and its own page links.

use std::cell::RefCell;

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
}

struct Stored {
    text: String,
    resource_type: String,
    id: String,
    subjects: Vec<String>,
}

impl Upstream {
    pub(super) fn new(resources: impl IntoIterator<Item = String>, page: usize) -> Self {
        let store = |text: String| {
            let document = Document::read(text.as_bytes(), limits::RESOURCE).expect("a resource");
            let root = document.root();
            let text_of = |name| root.text_of(name).unwrap_or_default().into_owned();
            let subjects = subjects(root, &[]).iter().map(|id| id.as_str().to_owned()).collect();
            Stored { resource_type: text_of("resourceType"), id: text_of("id"), subjects, text: text.clone() }
        };
        Self { resources: resources.into_iter().map(store).collect(), page, asked: RefCell::default() }
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
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.filter(|(given, _)| *given == name).map(|(_, value)| value.replace("%2C", ",")).next()
        };
        let within = |list: &str, id: &str| list.split(',').any(|one| one == id);
        let ids = value("_id");
        let person = value("patient").or_else(|| value("beneficiary"));
        let found: Vec<_> = self
            .resources
            .iter()
            .filter(|one| one.resource_type == resource_type)
            .filter(|one| ids.as_ref().is_none_or(|ids| within(ids, &one.id)))
            .filter(|one| person.as_ref().is_none_or(|ids| one.subjects.iter().any(|id| within(ids, id))))
            .collect();
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
