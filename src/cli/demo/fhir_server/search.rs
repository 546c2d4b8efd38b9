//! Searches and their pages.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use super::criterion::{BadSearch, Criterion, at, is_coded, span};
use super::parameter;
use super::store::{BOUNDS, Kept, Store, Stored, instant};
use crate::json::Document;

/// Entries of a page when nothing is asked for.
const DEFAULT_COUNT: usize = 10;

/// The largest page.
const MAX_COUNT: usize = 500;

/// Added to moments so that those before 1970 sort as text.
const AHEAD: i64 = 100_000_000_000;

/// Searches whose pages are remembered.
const REMEMBERED: usize = 1024;

/// A search, read.
#[derive(Debug)]
pub(super) struct Search {
    kind: String,
    criteria: Vec<Criterion>,
    count: usize,
    /// What is sorted by, most important first.
    sort: Vec<Sort>,
    total: Total,
    /// The parameters as they stand in the `self` link.
    echo: String,
}

#[derive(Debug)]
struct Sort {
    name: String,
    newest_first: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Total {
    AsItComes,
    Accurate,
    None,
}

impl Search {
    /// Reads the parameters of a search for `kind`.
    pub(super) fn read(kind: &str, parameters: &[(String, String)]) -> Result<Self, BadSearch> {
        let mut search = Self {
            kind: kind.to_owned(),
            criteria: Vec::new(),
            count: DEFAULT_COUNT,
            sort: Vec::new(),
            total: Total::AsItComes,
            echo: String::new(),
        };
        let mut sorted: Vec<_> = parameters.to_vec();
        sorted.sort();
        search.echo = sorted
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect::<Vec<_>>()
            .join("&");
        for (name, value) in parameters {
            let bad = || BadSearch::Value(name.clone());
            match name.as_str() {
                "_count" => search.count = value.parse::<usize>().map_err(|_| bad())?.min(MAX_COUNT),
                "_sort" => {
                    for value in value.split(',') {
                        let bare = value.strip_prefix('-').unwrap_or(value);
                        if !matches!(bare, "_lastUpdated" | "_id") && parameter::parameter(kind, bare).is_none() {
                            return Err(bad());
                        }
                        search.sort.push(Sort { name: bare.to_owned(), newest_first: value.starts_with('-') });
                    }
                }
                "_total" => {
                    search.total = match value.as_str() {
                        "none" | "estimate" => Total::None,
                        "accurate" => Total::Accurate,
                        _ => return Err(bad()),
                    };
                }
                "_format" | "_pretty" => {}
                _ => search.criteria.push(Criterion::read(kind, name, value)?),
            }
        }
        Ok(search)
    }

    /// Returns the resources that match, in order.
    fn run(&self, store: &Store, base: &str) -> Vec<(String, Arc<Stored>)> {
        let identified = |reference: &str, values: &[String]| {
            let Some((kind, id)) = reference.split_once('/') else { return false };
            let Some(Kept::Living(patient)) = store.get(kind, id) else { return false };
            let Ok(document) = Document::read(patient.text.as_bytes(), BOUNDS) else { return false };
            at(document.root(), "identifier").iter().any(|each| values.iter().any(|value| is_coded(*each, value)))
        };
        let mut found = store.of_type(&self.kind);
        found.retain(|(id, stored)| {
            Document::read(stored.text.as_bytes(), BOUNDS).is_ok_and(|document| {
                let root = document.root();
                self.criteria.iter().all(|criterion| criterion.matches(id, root, base, identified))
            })
        });
        for sort in self.sort.iter().rev() {
            if sort.newest_first {
                found.sort_by_cached_key(|(id, stored)| Reverse(sort.key(&self.kind, id, stored)));
            } else {
                found.sort_by_cached_key(|(id, stored)| sort.key(&self.kind, id, stored));
            }
        }
        found
    }
}

impl Sort {
    /// A text whose order is the order asked for; resources without the element come last, newest first or not.
    fn key(&self, kind: &str, id: &str, stored: &Stored) -> String {
        match self.name.as_str() {
            "_id" => id.to_owned(),
            "_lastUpdated" => format!("{:010}", stored.version),
            name => {
                let paths = parameter::parameter(kind, name).map_or("", |parameter| parameter.paths);
                let Ok(document) = Document::read(stored.text.as_bytes(), BOUNDS) else { return String::new() };
                let moment = at(document.root(), paths).first().and_then(|value| {
                    let text = value.as_str().or_else(|| value.text_of("start"));
                    text.map(|text| {
                        span(&text)
                            .map_or_else(|| text.to_string(), |(from, _)| (from.unix_timestamp() + AHEAD).to_string())
                    })
                });
                let missing = if self.newest_first { "" } else { "~" };
                moment.map_or_else(|| missing.to_owned(), |text| format!("{text:0>12}"))
            }
        }
    }
}

/// Searches whose pages can be asked for.
#[derive(Debug, Default)]
pub(super) struct Pages {
    remembered: VecDeque<Remembered>,
    searches: u64,
}

#[derive(Debug)]
struct Remembered {
    token: String,
    target: String,
    matches: Vec<(String, Arc<Stored>)>,
    kind: String,
    total: Total,
}

/// Which page is asked for.
#[derive(Debug)]
pub(super) struct PageRequest {
    token: String,
    offset: usize,
    count: usize,
}

impl PageRequest {
    /// Reads the parameters of a page link, if they are one's.
    pub(super) fn read(parameters: &[(String, String)]) -> Option<Self> {
        let value = |name: &str| parameters.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
        Some(Self {
            token: value("_getpages")?.to_owned(),
            offset: value("_getpagesoffset").and_then(|text| text.parse().ok()).unwrap_or(0),
            count: value("_count").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT),
        })
    }
}

impl Pages {
    /// Runs a search, remembers it and returns its first page.
    pub(super) fn first(&mut self, store: &Store, base: &str, search: &Search, target: &str) -> String {
        self.searches += 1;
        if self.remembered.len() >= REMEMBERED {
            self.remembered.pop_front();
        }
        let remembered = Remembered {
            token: token(),
            target: target.to_owned(),
            matches: search.run(store, base),
            kind: search.kind.clone(),
            total: search.total,
        };
        let own = match target.split_once('?') {
            Some((path, _)) if search.echo.is_empty() => format!("{base}/{path}"),
            Some((path, _)) => format!("{base}/{path}?{}", search.echo),
            None => format!("{base}/{target}"),
        };
        let page = remembered.page(base, &own, 0, search.count, self.searches);
        self.remembered.push_back(remembered);
        page
    }

    /// Returns a later page, if its search is remembered.
    pub(super) fn page(&mut self, base: &str, request: &PageRequest) -> Option<String> {
        self.searches += 1;
        let remembered = self.remembered.iter().find(|each| each.token == request.token)?;
        let own = remembered.link(base, request.offset, request.count);
        Some(remembered.page(base, &own, request.offset, request.count, self.searches))
    }

    /// Returns the target of the search that a page continues.
    pub(super) fn target(&self, request: &PageRequest) -> Option<String> {
        self.remembered.iter().find(|each| each.token == request.token).map(|each| each.target.clone())
    }
}

impl Remembered {
    fn link(&self, base: &str, offset: usize, count: usize) -> String {
        format!("{base}?_getpages={}&_getpagesoffset={offset}&_count={count}&_bundletype=searchset", self.token)
    }

    fn page(&self, base: &str, own: &str, offset: usize, count: usize, searches: u64) -> String {
        let matches = self.matches.len();
        let fits = offset == 0 && matches <= count;
        let mut text = format!(
            r#"{{"resourceType":"Bundle","id":"{}","meta":{{"lastUpdated":"{}"}},"type":"searchset""#,
            self.token,
            instant(searches)
        );
        let counted = match self.total {
            Total::None => false,
            Total::Accurate => true,
            Total::AsItComes => fits || count == 0,
        };
        if counted {
            text.push_str(&format!(r#","total":{matches}"#));
        }
        if count > 0 {
            text.push_str(&format!(r#","link":[{{"relation":"self","url":"{own}"}}"#));
            if offset + count < matches {
                let url = self.link(base, offset + count, count);
                text.push_str(&format!(r#",{{"relation":"next","url":"{url}"}}"#));
            }
            if offset > 0 {
                let url = self.link(base, offset.saturating_sub(count), count);
                text.push_str(&format!(r#",{{"relation":"previous","url":"{url}"}}"#));
            }
            text.push(']');
        }
        let mut opened = false;
        for (id, stored) in self.matches.iter().skip(offset).take(count) {
            text.push_str(if opened { "," } else { r#","entry":["# });
            opened = true;
            text.push_str(&format!(
                r#"{{"fullUrl":"{base}/{}/{id}","resource":{},"search":{{"mode":"match"}}}}"#,
                self.kind, stored.text
            ));
        }
        if opened {
            text.push(']');
        }
        text.push('}');
        text
    }
}

/// Returns the name of a search: nobody can guess it.
fn token() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the token is still a name; the demo's server protects nothing.
    openssl::rand::rand_bytes(&mut bytes).unwrap_or_default();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut parts = Vec::new();
    let mut rest = hex.as_str();
    for length in [8, 4, 4, 4, 12] {
        let Some((part, more)) = rest.split_at_checked(length) else { break };
        parts.push(part);
        rest = more;
    }
    parts.join("-")
}

/// Percent-encodes what HAPI encodes in its links.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'*') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
