//! From the words of table files to tables that cannot be wrong.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Table, Tables};
use crate::label::Sensitivities;
use crate::profile::ProfileError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    name: String,
    systems: Vec<String>,
    /// Who has judged the table: `needed` while nobody has.
    vetting: String,
    #[serde(default)]
    group: Vec<RawGroup>,
    translation: Option<RawTranslation>,
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

/// Codes that stand for what a code of another table does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTranslation {
    to: String,
    codes: BTreeMap<String, String>,
}

/// Compiles `shipped` tables and `own` ones; an own one takes the place of the shipped one of its name.
pub(super) fn tables<'f>(
    shipped: impl IntoIterator<Item = (&'f str, &'f str)>,
    own: impl IntoIterator<Item = (&'f str, &'f str)>,
) -> Result<Tables, ProfileError> {
    let own = own.into_iter().map(|(file, text)| parse(file, text)).collect::<Result<Vec<_>, _>>()?;
    let shipped = shipped.into_iter().map(|(file, text)| parse(file, text)).collect::<Result<Vec<_>, _>>()?;
    let is_replaced = |name: &str| own.iter().any(|(_, one)| one.name == name);
    let shipped: Vec<_> = shipped.into_iter().filter(|(_, one)| !is_replaced(&one.name)).collect();
    let mut tables = Tables::default();
    let mut translations = Vec::new();
    for (index, (file, raw)) in shipped.into_iter().chain(own).enumerate() {
        let RawTable { name: _, systems, vetting: _, group, translation } = raw;
        let mut table = Table { system: systems.first().cloned().unwrap_or_default(), ..Table::default() };
        for one in &group {
            table.add(file, one)?;
        }
        for system in systems {
            if tables.systems.insert(system.trim_end_matches('/').to_owned(), index).is_some() {
                let key = format!("systems = {system}");
                return Err(ProfileError::new(file, &key, "a system no other table is about"));
            }
        }
        tables.tables.push(table);
        translations.extend(translation.map(|translation| (index, file, translation)));
    }
    for (index, file, translation) in translations {
        translate(&mut tables, index, file, translation)?;
    }
    Ok(tables)
}

fn parse<'f>(file: &'f str, text: &str) -> Result<(&'f str, RawTable), ProfileError> {
    let raw: RawTable = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
    if raw.vetting.is_empty() {
        return Err(ProfileError::new(file, "vetting", "who has judged the table, or needed"));
    }
    if raw.name.is_empty() {
        return Err(ProfileError::new(file, "name", "a name"));
    }
    if raw.systems.is_empty() {
        return Err(ProfileError::new(file, "systems", "the code system that the table is about"));
    }
    Ok((file, raw))
}

/// Gives each code what its translation stands for. A translation that the other table does not list leaves its code
/// unknown; one into no table is a mistake.
fn translate(tables: &mut Tables, index: usize, file: &str, translation: RawTranslation) -> Result<(), ProfileError> {
    let RawTranslation { to, codes } = translation;
    let target = tables.systems.get(to.trim_end_matches('/')).copied().filter(|target| *target != index);
    let Some(target) = target.and_then(|target| tables.tables.get(target)) else {
        return Err(ProfileError::new(file, &format!("translation.to = {to}"), "a system that another table is about"));
    };
    let mut found = Vec::new();
    for (code, other) in codes {
        if code.is_empty() || other.is_empty() {
            return Err(ProfileError::new(file, "translation.codes", "codes that are not empty"));
        }
        found.extend(target.find(&other).map(|label| (code, label)));
    }
    if let Some(table) = tables.tables.get_mut(index) {
        for (code, label) in found {
            // What a group says of the code itself goes first.
            table.exact.entry(code).or_insert(label);
        }
    }
    Ok(())
}

impl Table {
    fn add(&mut self, file: &str, group: &RawGroup) -> Result<(), ProfileError> {
        let label = match group.label.as_str() {
            "normal" => Sensitivities::NONE,
            code => Sensitivities::of(code).ok_or_else(|| {
                ProfileError::new(file, &format!("group.label = {code}"), "a sensitivity of v3-ActCode or normal")
            })?,
        };
        for code in &group.codes {
            put(&mut self.exact, file, code, label)?;
        }
        for prefix in &group.prefixes {
            let expanded = expand(prefix).ok_or_else(|| {
                let key = format!("group.prefixes = {prefix}");
                ProfileError::new(file, &key, "a prefix, or a range such as F20-F29")
            })?;
            for prefix in expanded {
                self.longest_prefix = self.longest_prefix.max(prefix.len());
                put(&mut self.prefixes, file, &prefix, label)?;
            }
        }
        Ok(())
    }
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
