//! The caller's own records at the sources of Consents: what makes references comparable.

use super::actor::{is_ura, is_uzi};
use super::record::{Record, Referenced};
use super::rule::Identifier;
use super::source::Source;
use crate::identity::{Caller, FacilityTypes};
use crate::json::Document;
use crate::limits;

/// The caller's own Organization and Practitioner records, and the organisations that its own is part of.
#[derive(Debug, Clone, Default)]
pub struct CallerRecords {
    references: Vec<String>,
    /// Identifiers that are the caller's, of its organisation or of its person.
    stated: Vec<Identifier>,
    facility: FacilityTypes,
    referenced: Referenced,
}

impl CallerRecords {
    /// Returns no records: references are then compared by identifiers alone.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds an Organization or Practitioner that was found at `source` by the caller's number. One that does not carry the
    /// number is not the caller's, and is not added.
    pub fn found(&mut self, source: &Source, caller: &Caller, resource: &[u8]) {
        let Ok(document) = Document::read(resource, limits::RESOURCE) else { return };
        let root = document.root();
        let (Some(kind), Some(id)) = (root.text_of("resourceType"), root.text_of("id")) else { return };
        let reference = source.normalise(&format!("{kind}/{id}"));
        let record = Record::read(root, source, &reference);
        let is_own = match kind.as_ref() {
            "Organization" => record.identifiers.iter().any(|one| is_ura(one, caller.ura())),
            "Practitioner" => caller.person().is_some_and(|uzi| record.identifiers.iter().any(|one| is_uzi(one, uzi))),
            _ => false,
        };
        if !is_own {
            return;
        }
        self.referenced.put(reference.clone(), root, source);
        self.references.push(reference);
    }

    /// Adds records that are said to be the caller's, and identifiers that are.
    pub fn stated(&mut self, source: &Source, references: &[String], identifiers: &[(String, String)]) {
        self.references.extend(references.iter().map(|reference| source.normalise(reference)));
        let pair = |(system, value): &(String, String)| Identifier { system: system.clone(), value: value.clone() };
        self.stated.extend(identifiers.iter().map(pair));
    }

    /// Takes note of the kind of the caller's organisation, as a directory has it.
    #[must_use]
    pub fn at(self, facility: FacilityTypes) -> Self {
        Self { facility, ..self }
    }

    pub(super) fn facility(&self) -> &FacilityTypes {
        &self.facility
    }

    /// Returns the references at `source` that are still to be looked up: the caller's own records, and the organisations
    /// that its own is part of.
    #[must_use]
    pub fn wanted(&self, source: &Source) -> Vec<String> {
        let mut wanted = Vec::new();
        for own in self.own("Organization").chain(self.own("Practitioner")) {
            let missing = self.ascend(own).last().filter(|top| !self.referenced.is_known(top));
            let local = missing.and_then(|missing| source.local(missing)).map(str::to_owned);
            wanted.extend(local.filter(|local| !wanted.contains(local)));
        }
        wanted
    }

    /// Adds what `source` has under a reference.
    pub fn resolve(&mut self, source: &Source, reference: &str, resource: &[u8]) {
        self.referenced.add(source.normalise(reference), resource, source);
    }

    /// Records that `source` has nothing under a reference.
    pub fn absent(&mut self, source: &Source, reference: &str) {
        self.referenced.absent(source.normalise(reference));
    }

    /// Returns the caller's own references to records of that kind.
    pub(super) fn own<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s str> {
        self.references.iter().map(String::as_str).filter(move |reference| kind_of(reference) == kind)
    }

    /// Returns the references from `own` upwards along `partOf`; the last may be one that was not looked up.
    pub(super) fn ascend<'s>(&'s self, own: &'s str) -> impl Iterator<Item = &'s str> {
        let above = |at: &&'s str| self.referenced.get(at)?.part_of.as_ref()?.reference.as_deref();
        std::iter::successors(Some(own), above).take(limits::ACTOR_DEPTH + 1)
    }

    pub(super) fn referenced(&self) -> &Referenced {
        &self.referenced
    }

    /// Returns the identifiers of the caller's own records of that kind, and those that may be of any.
    pub(super) fn identifiers<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Identifier> {
        let records = self.own(kind).filter_map(|own| self.referenced.get(own));
        records.flat_map(|record| &record.identifiers).chain(&self.stated)
    }
}

/// Returns the type that a reference names: the last part but one of its path.
pub(super) fn kind_of(reference: &str) -> &str {
    reference.rsplit('/').nth(1).unwrap_or_default()
}
