//! Where Consents come from, and how references are written there.

use std::sync::Arc;

use crate::profile::{Categories, ValueSets};
use crate::query::Id;

/// A server that holds Consents and the records they refer to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Every base URL of the server, the first is the one to compare by; none when references are only ever relative.
    bases: Vec<String>,
    register: Register,
    data: Data,
    value_sets: Arc<ValueSets>,
    categories: Arc<Categories>,
}

/// Where the data is that Consents of a source are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Data {
    /// At the source itself.
    #[default]
    Here,
    /// On another server, with these base URLs.
    Elsewhere(Vec<String>),
}

/// Whose Consents a source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Register {
    /// Those that the holder manages; a permit that another holder manages is silent here.
    #[default]
    Own,
    /// Those of several holders, by agreement among them.
    Shared,
}

impl Source {
    /// Returns the source with these base URLs (the server's own and the aliases it is known by).
    #[must_use]
    pub fn new(bases: &[String], register: Register) -> Self {
        let bases = bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect();
        Self { bases, register, data: Data::Here, value_sets: Arc::default(), categories: Arc::default() }
    }

    /// Says that the data is on another server, with these base URLs: only references below them lead to data.
    #[must_use]
    pub fn with_data_at(mut self, bases: &[String]) -> Self {
        self.data = Data::Elsewhere(bases.iter().map(|base| base.trim_end_matches('/').to_owned()).collect());
        self
    }

    /// Says which value sets its Consents may name.
    #[must_use]
    pub fn with_value_sets(mut self, value_sets: Arc<ValueSets>) -> Self {
        self.value_sets = value_sets;
        self
    }

    /// Says which categories of data and of providers its Consents may name.
    #[must_use]
    pub fn with_categories(mut self, categories: Arc<Categories>) -> Self {
        self.categories = categories;
        self
    }

    pub(super) fn categories(&self) -> &Categories {
        &self.categories
    }

    pub(super) fn value_sets(&self) -> &ValueSets {
        &self.value_sets
    }

    pub(super) fn is_shared(&self) -> bool {
        self.register == Register::Shared
    }

    /// Returns a reference in the one form in which it can be compared: without version, absolute when the source has a base.
    pub(super) fn normalise(&self, reference: &str) -> String {
        let reference = reference.split_once("/_history/").map_or(reference, |(before, _)| before);
        let known = self.bases.iter().find_map(|base| reference.strip_prefix(base.as_str())?.strip_prefix('/'));
        let local = known.unwrap_or(reference);
        match (self.bases.first(), is_local(local)) {
            (Some(base), true) => format!("{base}/{local}"),
            (_, _) => local.to_owned(),
        }
    }

    /// Returns type and id, `Organization/54`, of a normalised reference into this source.
    pub(super) fn local<'r>(&self, normalised: &'r str) -> Option<&'r str> {
        let local = match self.bases.first() {
            Some(base) => normalised.strip_prefix(base.as_str())?.strip_prefix('/')?,
            None => normalised,
        };
        if is_local(local) { Some(local) } else { None }
    }
}

impl Source {
    /// Returns type and id of the data that a normalised reference of this source leads to.
    pub(super) fn at_data<'r>(&self, normalised: &'r str) -> Option<&'r str> {
        match &self.data {
            Data::Here => self.local(normalised),
            Data::Elsewhere(bases) => below(bases, normalised).filter(|local| is_local(local)),
        }
    }

    /// Returns type and id of the data that a reference in the data leads to. Allocates nothing.
    pub(super) fn data_reference<'r>(&self, reference: &'r str) -> Option<&'r str> {
        let bases = match &self.data {
            Data::Here => &self.bases,
            Data::Elsewhere(bases) => bases,
        };
        let reference = reference.split_once("/_history/").map_or(reference, |(before, _)| before);
        Some(below(bases, reference).unwrap_or(reference)).filter(|local| is_local(local))
    }
}

fn below<'r>(bases: &[String], reference: &'r str) -> Option<&'r str> {
    bases.iter().find_map(|base| reference.strip_prefix(base.as_str())?.strip_prefix('/'))
}

fn is_local(reference: &str) -> bool {
    let Some((kind, id)) = reference.split_once('/') else { return false };
    !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphabetic()) && Id::is_written_as(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_reference_has_one_normal_form() {
        let bases = ["https://a.example/fhir/".to_owned(), "http://internal:8080/fhir".to_owned()];
        let source = Source::new(&bases, Register::Own);
        for written in [
            "Organization/54",
            "Organization/54/_history/3",
            "https://a.example/fhir/Organization/54",
            "http://internal:8080/fhir/Organization/54/_history/1",
        ] {
            let normalised = source.normalise(written);
            assert_eq!(normalised, "https://a.example/fhir/Organization/54", "{written}");
            assert_eq!(source.local(&normalised), Some("Organization/54"));
        }
    }

    #[test]
    fn a_reference_elsewhere_is_not_local() {
        let source = Source::new(&["https://a.example/fhir".to_owned()], Register::Own);
        for written in
            ["https://b.example/fhir/Organization/54", "urn:uuid:1", "Organization", "Organization/5/4", "x/.."]
        {
            assert_eq!(source.local(&source.normalise(written)), None, "{written}");
        }
        assert_eq!(Source::default().normalise("Organization/54/_history/2"), "Organization/54");
    }
}
