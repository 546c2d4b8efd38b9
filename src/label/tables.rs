//! Label tables: which codes are sensitive for what, and which are known to be ordinary.

use std::collections::HashMap;

use serde::Deserialize;

use super::walk::{each_primary_concept, every_coding};
use super::{CodeKnown, Confidentiality, Label, Sensitivities, Subject};
use crate::json::Value;
use crate::profile::ProfileError;

/// The files that are part of Sluis; they need clinical vetting, and a hospital may use its own.
const SHIPPED: &[(&str, &str)] = &[
    ("profiles/labels/atc.toml", include_str!("../../profiles/labels/atc.toml")),
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
    exact: HashMap<String, Sensitivities>,
    prefixes: HashMap<String, Sensitivities>,
    longest_prefix: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    #[serde(rename = "name")]
    _name: String,
    systems: Vec<String>,
    /// Who has judged the table: `needed` while nobody has.
    vetting: String,
    group: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    label: String,
    #[serde(rename = "why")]
    _why: String,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
}

impl Tables {
    /// Returns the tables that are part of Sluis.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn shipped() -> Result<Self, ProfileError> {
        Self::read(SHIPPED.iter().copied())
    }

    /// Reads tables from their files: name and text of each.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        let mut tables = Self::default();
        for (file, text) in files {
            tables.add(file, text)?;
        }
        Ok(tables)
    }

    fn add(&mut self, file: &str, text: &str) -> Result<(), ProfileError> {
        let raw: RawTable = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
        if raw.vetting.is_empty() {
            return Err(ProfileError::new(file, "vetting", "who has judged the table, or needed"));
        }
        let mut table = Table::default();
        for group in &raw.group {
            let label = match group.label.as_str() {
                "normal" => Sensitivities::NONE,
                code => Sensitivities::of(code).ok_or_else(|| {
                    ProfileError::new(file, &format!("group.label = {code}"), "a sensitivity of v3-ActCode or normal")
                })?,
            };
            for code in &group.codes {
                put(&mut table.exact, file, code, label)?;
            }
            for prefix in &group.prefixes {
                for prefix in expand(prefix).ok_or_else(|| {
                    ProfileError::new(
                        file,
                        &format!("group.prefixes = {prefix}"),
                        "a prefix, or a range such as F20-F29",
                    )
                })? {
                    table.longest_prefix = table.longest_prefix.max(prefix.len());
                    put(&mut table.prefixes, file, &prefix, label)?;
                }
            }
        }
        let place = self.tables.len();
        for system in raw.systems {
            if self.systems.insert(system.clone(), place).is_some() {
                return Err(ProfileError::new(
                    file,
                    &format!("systems = {system}"),
                    "a system no other table is about",
                ));
            }
        }
        self.tables.push(table);
        Ok(())
    }

    /// Returns the label of a resource.
    #[must_use]
    pub fn of(&self, subject: Subject<'_>) -> Label {
        let resource = subject.resource();
        let mut label = own_label(resource);
        every_coding(resource, &mut |system, code| {
            if let Some(found) = self.find(system, code) {
                label.sensitivities = label.sensitivities.union(found);
            }
        });
        if each_primary_concept(resource, &|concept| self.knows(concept)) {
            label.code = CodeKnown::Yes;
        }
        label
    }

    fn knows(&self, concept: Value<'_>) -> bool {
        let codings = concept.get("coding");
        codings.iter().flat_map(Value::items).any(|coding| match (coding.get("system"), coding.get("code")) {
            (Some(system), Some(code)) => self.find(system, code).is_some(),
            (Some(_) | None, _) => false,
        })
    }

    /// Returns what a code stands for: the exact code before a prefix, a longer prefix before a shorter one.
    fn find(&self, system: Value<'_>, code: Value<'_>) -> Option<Sensitivities> {
        let (system, code) = (system.as_str()?, code.as_str()?);
        let table = self.tables.get(*self.systems.get(system.trim_end_matches('/'))?)?;
        if let Some(found) = table.exact.get(code.as_ref()) {
            return Some(*found);
        }
        let longest = table.longest_prefix.min(code.len());
        (1..=longest).rev().find_map(|length| table.prefixes.get(code.get(..length)?).copied())
    }
}

/// Returns what the resource says of itself in `meta.security`, and what those it contains say of themselves.
fn own_label(resource: Value<'_>) -> Label {
    let mut label = Label::default();
    let contained = resource.get("contained");
    let inside = contained.iter().flat_map(Value::items);
    for meta in std::iter::once(resource).chain(inside).filter_map(|one| one.get("meta")) {
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

fn put(
    map: &mut HashMap<String, Sensitivities>,
    file: &str,
    code: &str,
    label: Sensitivities,
) -> Result<(), ProfileError> {
    if code.is_empty() {
        return Err(ProfileError::new(file, "group", "codes and prefixes that are not empty"));
    }
    // Two groups may both name a code: then it is sensitive for both, unless one of them calls it normal.
    match map.insert(code.to_owned(), label) {
        Some(before) if before.is_empty() != label.is_empty() => {
            Err(ProfileError::new(file, &format!("group: {code}"), "either normal or sensitive, not both"))
        }
        Some(before) => {
            map.insert(code.to_owned(), before.union(label));
            Ok(())
        }
        None => Ok(()),
    }
}

/// Returns the prefixes that an entry stands for: itself, or each of a range of two digits behind one letter.
fn expand(entry: &str) -> Option<Vec<String>> {
    let Some((first, last)) = entry.split_once('-') else { return Some(vec![entry.to_owned()]) };
    let (letter, from) = split(first)?;
    let (same, to) = split(last)?;
    if letter != same || from > to {
        return None;
    }
    Some((from..=to).map(|number| format!("{letter}{number:02}")).collect())
}

fn split(code: &str) -> Option<(char, u8)> {
    let mut chars = code.chars();
    let letter = chars.next().filter(char::is_ascii_uppercase)?;
    let digits = chars.as_str();
    if digits.len() != 2 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(|number| (letter, number))
}

#[cfg(test)]
mod tests;
