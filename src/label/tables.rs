//! Label tables: which codes are sensitive for what, and which are known to be ordinary.

mod compile;

use std::collections::HashMap;

use super::walk::each_own_coding;
use super::{CodeKnown, Confidentiality, Label, Sensitivities, Subject};
use crate::json::Value;
use crate::profile::ProfileError;

/// The files that are part of Sluis; they need clinical vetting, and a hospital may use its own.
const SHIPPED: [(&str, &str); 9] = [
    ("profiles/labels/atc.toml", include_str!("../../profiles/labels/atc.toml")),
    ("profiles/labels/g-standaard-gpk.toml", include_str!("../../profiles/labels/g-standaard-gpk.toml")),
    ("profiles/labels/g-standaard-hpk.toml", include_str!("../../profiles/labels/g-standaard-hpk.toml")),
    ("profiles/labels/g-standaard-prk.toml", include_str!("../../profiles/labels/g-standaard-prk.toml")),
    ("profiles/labels/g-standaard-zi.toml", include_str!("../../profiles/labels/g-standaard-zi.toml")),
    ("profiles/labels/icd-10.toml", include_str!("../../profiles/labels/icd-10.toml")),
    ("profiles/labels/icpc-1.toml", include_str!("../../profiles/labels/icpc-1.toml")),
    ("profiles/labels/loinc.toml", include_str!("../../profiles/labels/loinc.toml")),
    ("profiles/labels/snomed-ct.toml", include_str!("../../profiles/labels/snomed-ct.toml")),
];

/// What the codes of every known system stand for.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// From a name of a system to the place of its table.
    systems: HashMap<String, usize>,
    tables: Vec<Table>,
}

#[derive(Debug, Clone, Default)]
struct Table {
    /// The name by which reports call its code system: the first in its file.
    system: String,
    exact: HashMap<String, Sensitivities>,
    prefixes: HashMap<String, Sensitivities>,
    longest_prefix: usize,
}

impl Tables {
    /// Returns the tables that are part of Sluis.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn shipped() -> Result<Self, ProfileError> {
        Self::with_own([])
    }

    /// Returns the tables that are part of Sluis with a hospital's own: name and text of each file. One whose `name` is that
    /// of a shipped one takes its place, any other stands beside them.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn with_own<'f>(own: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        compile::tables(SHIPPED, own)
    }

    /// Reads tables from their files alone: name and text of each.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        compile::tables([], files)
    }

    /// Returns the label of a resource: its own, and what it inherits from those it is linked to.
    #[must_use]
    pub fn of(&self, subject: Subject<'_>) -> Label {
        let mut label = self.carried(subject.resource());
        label.own = label.sensitivities;
        subject.each_linked(&mut |linked| label.inherit(self.carried(linked)));
        if !label.sensitivities.is_empty() {
            subject.each_medication(&mut |medication| {
                label.own = label.own.union(self.carried(medication).sensitivities);
            });
        }
        let (mut seen, mut unknown) = (false, false);
        subject.each_concept(&mut |concept| {
            seen = true;
            unknown |= !self.knows(concept);
        });
        if seen && !unknown {
            label.code = CodeKnown::Yes;
        }
        label
    }

    /// Returns what a resource carries itself: by its labels and by each of its codes. What it contains is judged for itself.
    fn carried(&self, resource: Value<'_>) -> Label {
        let mut label = labels_of(resource);
        each_own_coding(resource, &mut |system, code| {
            if let Some(found) = self.find(system, code) {
                label.sensitivities = label.sensitivities.union(found);
            }
        });
        label
    }

    /// Returns true if and only if one coding of the concept is listed: as sensitive, or as normal.
    #[must_use]
    pub fn knows(&self, concept: Value<'_>) -> bool {
        let codings = concept.get("coding");
        codings.iter().flat_map(Value::items).any(|coding| match (coding.get("system"), coding.get("code")) {
            (Some(system), Some(code)) => self.find(system, code).is_some(),
            (Some(_) | None, _) => false,
        })
    }

    /// Returns the name of the code system of that name, if a table is about it.
    #[must_use]
    pub fn system(&self, name: &str) -> Option<&str> {
        Some(&self.table(name)?.system)
    }

    fn table(&self, system: &str) -> Option<&Table> {
        self.tables.get(*self.systems.get(system.trim_end_matches('/'))?)
    }

    fn find(&self, system: Value<'_>, code: Value<'_>) -> Option<Sensitivities> {
        self.table(&system.as_str()?)?.find(&code.as_str()?)
    }
}

impl Table {
    /// Returns what a code stands for: the exact code before a prefix, a longer prefix before a shorter one.
    fn find(&self, code: &str) -> Option<Sensitivities> {
        if let Some(found) = self.exact.get(code) {
            return Some(*found);
        }
        let longest = self.longest_prefix.min(code.len());
        (1..=longest).rev().find_map(|length| self.prefixes.get(code.get(..length)?).copied())
    }
}

/// Returns what one resource says of itself in `meta.security`.
fn labels_of(resource: Value<'_>) -> Label {
    let mut label = Label::default();
    if let Some(meta) = resource.get("meta") {
        let labels = meta.get("security");
        for coding in labels.iter().flat_map(Value::items) {
            let (Some(system), Some(code)) = (coding.text_of("system"), coding.text_of("code")) else { continue };
            if Confidentiality::is_system(&system) {
                // A retired code of this system was for the most private: HIV, PSY, taboo.
                let level = Confidentiality::of(&code).unwrap_or(Confidentiality::VeryRestricted);
                label.confidentiality = label.confidentiality.max(Some(level));
            } else if Sensitivities::is_system(&system) {
                label.sensitivities = label.sensitivities.union(Sensitivities::carried(&code));
            }
        }
    }
    label
}

#[cfg(test)]
mod tests;
