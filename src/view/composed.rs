//! Composed: an answer made of several searches, and of the supporting resources that what they found refers to.
//!
//! The searches go one after another through one judge and one graph; what they release is gathered here and written when all
//! of it is there. Everything in the answer is a function of what was released.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::str::FromStr;

use crate::json::{Document, Kind, Value};
use crate::limits;
use crate::profile::SUPPORTING;
use crate::query::{Everything, Id, Search, Target};
use crate::view::ViewError;
use crate::view::latest::Latest;
use crate::view::reference::{Key, Known, Lead};
use crate::view::summary::SummaryForm;

/// A resource as it is released.
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) bytes: Vec<u8>,
    /// What its references lead to, the person's own records included.
    refers: BTreeSet<Key>,
    /// It is of what the answer is composed of; a summary is of one exchange profile alone.
    belongs: bool,
}

/// What the answer is.
pub(super) enum Form {
    Summary(Box<SummaryForm>),
    Everything(Box<Everything>),
    LastN(Box<Latest>),
}

/// An answer in the making.
pub(super) struct Composed {
    searches: VecDeque<Search>,
    /// What the searches found, in order.
    matches: Vec<Found>,
    /// What that refers to and no search found.
    referred: BTreeMap<Key, Found>,
    asked: BTreeSet<Key>,
    rounds: usize,
    bytes: usize,
    form: Form,
}

impl Composed {
    pub(super) fn new(searches: Vec<Search>, form: Form) -> Self {
        Self {
            searches: searches.into(),
            matches: Vec::new(),
            referred: BTreeMap::new(),
            asked: BTreeSet::new(),
            rounds: 0,
            bytes: 0,
            form,
        }
    }

    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    pub(super) fn matches(&self) -> &[Found] {
        &self.matches
    }

    /// Takes the next search off.
    pub(super) fn next_search(&mut self) -> Option<Search> {
        self.searches.pop_front()
    }

    /// Gathers what was released: matches first, once they are all there what they refer to.
    ///
    /// # Errors
    /// More than one answer holds.
    pub(super) fn gather(&mut self, released: Vec<(Key, Vec<u8>)>, known: Known<'_>) -> Result<(), ViewError> {
        for (key, bytes) in released {
            if let (Form::LastN(latest), 0) = (&mut self.form, self.rounds) {
                latest.take(key, bytes)?;
                continue;
            }
            self.bytes += bytes.len();
            if self.bytes > limits::COMPOSED_BYTES {
                return Err(ViewError::ComposedTooLarge);
            }
            let document = Document::read(&bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
            let mut refers = BTreeSet::new();
            references(document.root(), known, &mut refers);
            let belongs = match &self.form {
                Form::Summary(form) => SUPPORTING.contains(&key.resource_type.as_str()) || form.holds(document.root()),
                Form::Everything(_) | Form::LastN(_) => true,
            };
            drop(document);
            let found = Found { key, bytes, refers, belongs };
            if self.rounds == 0 {
                self.matches.push(found);
            } else {
                self.referred.insert(found.key.clone(), found);
            }
        }
        Ok(())
    }

    /// Returns what is still to be asked for: the supporting resources that the answer refers to, or what it includes.
    ///
    /// # Errors
    /// More than one answer may refer to.
    pub(super) fn missing(&mut self, known: Known<'_>) -> Result<BTreeSet<Key>, ViewError> {
        if let Form::LastN(latest) = &self.form {
            let missing = if self.rounds == 0 { latest.included(known)? } else { BTreeSet::new() };
            self.rounds += 1;
            return Ok(missing);
        }
        if self.rounds >= limits::REFERENCE_DEPTH || !self.wants_supporting() {
            return Ok(BTreeSet::new());
        }
        self.rounds += 1;
        let mut missing = BTreeSet::new();
        for found in self.reached() {
            let supporting = found.refers.iter().filter(|key| SUPPORTING.contains(&key.resource_type.as_str()));
            missing.extend(supporting.filter(|key| !self.asked.contains(*key)).cloned());
        }
        self.asked.extend(missing.iter().cloned());
        if self.asked.len() > limits::REFERENCES { Err(ViewError::TooManyIncludes) } else { Ok(missing) }
    }

    fn wants_supporting(&self) -> bool {
        match &self.form {
            Form::Summary(_) => true,
            Form::Everything(everything) => SUPPORTING.iter().any(|name| everything.wants(name)),
            Form::LastN(_) => false,
        }
    }

    /// Returns what the answer begins with, and everything there is that its references lead to, ordered by type and id.
    fn reached(&self) -> Vec<&Found> {
        let mut ahead: Vec<&Found> = match &self.form {
            Form::Summary(form) => form.roots(&self.matches),
            Form::Everything(_) | Form::LastN(_) => self.matches.iter().collect(),
        };
        let matches: HashMap<&Key, &Found> = self.matches.iter().map(|found| (&found.key, found)).collect();
        let mut reached: BTreeMap<&Key, &Found> = BTreeMap::new();
        while let Some(found) = ahead.pop() {
            if reached.insert(&found.key, found).is_none() {
                let there = |key| matches.get(key).copied().or_else(|| self.referred.get(key));
                ahead.extend(found.refers.iter().filter_map(there).filter(|found| found.belongs));
            }
        }
        reached.into_values().collect()
    }

    /// Returns what was asked for beside the matches, ordered by type and id.
    pub(super) fn referred(&self) -> impl Iterator<Item = &Found> {
        self.referred.values()
    }

    /// Returns what comes behind what the answer begins with, ordered by type and id.
    pub(super) fn behind(&self) -> Vec<&Found> {
        let mut behind = self.reached();
        match &self.form {
            Form::Summary(form) => {
                let roots: BTreeSet<&Key> = form.roots(&self.matches).iter().map(|found| &found.key).collect();
                behind.retain(|found| !roots.contains(&found.key));
            }
            Form::Everything(everything) => {
                let matches: BTreeSet<&Key> = self.matches.iter().map(|found| &found.key).collect();
                behind.retain(|found| !matches.contains(&found.key) && everything.wants(&found.key.resource_type));
            }
            Form::LastN(_) => {}
        }
        behind
    }
}

/// Returns what is asked of the upstream for a search that has room for so many matches more.
pub(super) fn asked(search: &Search, person: &[Id], least: usize, room: usize) -> Option<Target> {
    search.upstream(person, (room + 1).max(least).min(limits::UPSTREAM_PAGE))
}

/// Finds every reference in `value` that leads to a resource of the upstream or to a record of the person.
fn references(value: Value<'_>, known: Known<'_>, refers: &mut BTreeSet<Key>) {
    match value.kind() {
        Kind::Array => value.items().for_each(|item| references(item, known, refers)),
        Kind::Object => {
            for member in value.members() {
                if member.name == "reference"
                    && let Some(text) = member.value.as_str()
                    && let Some((resource_type, id)) = resource(known.lead(&text))
                    && let Ok(id) = Id::from_str(id)
                {
                    refers.insert(Key { resource_type: resource_type.to_owned(), id });
                }
                references(member.value, known, refers);
            }
        }
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
    }
}

fn resource<'t>(lead: Lead<'t>) -> Option<(&'t str, &'t str)> {
    match lead {
        Lead::Own(id) => Some(("Patient", id)),
        Lead::Resource(resource_type, id) => Some((resource_type, id)),
        Lead::OtherPerson | Lead::Inside(_) | Lead::Nowhere => None,
    }
}
