//! From the words of category files to categories that cannot be wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::Deserialize;

use super::{Categories, DataCategory, List, Part, ProviderCategory, Types};
use crate::profile::ProfileError;
use crate::profile::criteria::{conditions, is_role_prefix, is_type, is_uri};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFile {
    name: String,
    #[serde(rename = "title")]
    _title: String,
    /// The names under which the categories' own code system is known.
    systems: Vec<String>,
    /// Who has judged the file: `needed` while nobody has.
    vetting: String,
    /// Short names of code systems, for the codes below.
    #[serde(default)]
    codes_of: BTreeMap<String, String>,
    /// Parts that several categories name.
    #[serde(default)]
    parts: BTreeMap<String, Vec<RawPart>>,
    #[serde(default)]
    category: Vec<RawCategory>,
    #[serde(default)]
    provider: Vec<RawProvider>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawPart {
    types: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    only: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    unless: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCategory {
    code: String,
    title: String,
    /// What is of the category: names in `parts`.
    #[serde(default)]
    holds: Vec<String>,
    /// Categories of this file that are wholly within it.
    #[serde(default)]
    contains: Vec<String>,
    /// What a permit of it covers besides: names in `parts`.
    #[serde(default)]
    covers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawProvider {
    code: String,
    title: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    facility_types: Vec<String>,
}

/// Compiles `shipped` categories and `own` ones; an own file takes the place of the shipped one of its name.
pub(super) fn categories<'f>(
    shipped: impl IntoIterator<Item = (&'f str, &'f str)>,
    own: impl IntoIterator<Item = (&'f str, &'f str)>,
) -> Result<Categories, ProfileError> {
    let own = own.into_iter().map(|(file, text)| parse(file, text)).collect::<Result<Vec<_>, _>>()?;
    let shipped = shipped.into_iter().map(|(file, text)| parse(file, text)).collect::<Result<Vec<_>, _>>()?;
    let is_replaced = |name: &str| own.iter().any(|(_, one)| one.name == name);
    let shipped: Vec<_> = shipped.into_iter().filter(|(_, one)| !is_replaced(&one.name)).collect();
    let mut compiled = Categories::default();
    for (index, (file, raw)) in shipped.into_iter().chain(own).enumerate() {
        for system in &raw.systems {
            let key = format!("systems = {system}");
            if !is_uri(system) {
                return Err(ProfileError::new(file, &key, "the URI of a code system"));
            }
            if compiled.systems.insert(system.trim_end_matches('/').to_owned(), index).is_some() {
                return Err(ProfileError::new(file, &key, "a system no other file is about"));
            }
        }
        compiled.lists.push(list(file, raw)?);
    }
    Ok(compiled)
}

fn parse<'f>(file: &'f str, text: &str) -> Result<(&'f str, RawFile), ProfileError> {
    let raw: RawFile = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
    let wrong = |key: &str, expected: &str| Err(ProfileError::new(file, key, expected));
    if raw.name.is_empty() {
        return wrong("name", "a name");
    }
    if raw.vetting.is_empty() {
        return wrong("vetting", "who has judged the file, or needed");
    }
    if raw.systems.is_empty() {
        return wrong("systems", "the code system that the categories are of");
    }
    if raw.category.is_empty() && raw.provider.is_empty() {
        return wrong("category", "at least one category or provider");
    }
    Ok((file, raw))
}

fn list(file: &str, raw: RawFile) -> Result<List, ProfileError> {
    let RawFile { name: _, _title: _, systems: _, vetting: _, codes_of, parts, category, provider } = raw;
    let named = parts.into_iter().map(|(name, parts)| {
        let key = format!("parts.{name}");
        let compiled = parts.into_iter().map(|one| part(file, &codes_of, &key, one));
        Ok((name, compiled.collect::<Result<Vec<_>, ProfileError>>()?))
    });
    let compiler = Compiler { file, parts: named.collect::<Result<_, ProfileError>>()?, category: &category };
    let mut list = List::default();
    for one in &category {
        let (mut narrow, mut wide) = (Vec::new(), Vec::new());
        compiler.gather(one, &mut BTreeSet::new(), &mut narrow, &mut wide)?;
        if narrow.is_empty() {
            let key = format!("category.{}", one.code);
            return Err(ProfileError::new(file, &key, "something that it holds or contains"));
        }
        wide.splice(0..0, narrow.iter().cloned());
        let compiled = DataCategory { code: one.code.clone(), title: one.title.clone(), narrow, wide };
        if one.code.is_empty() || list.data.insert(one.code.clone(), Arc::new(compiled)).is_some() {
            return Err(ProfileError::new(
                file,
                &format!("category.{}", one.code),
                "a code that no other category has",
            ));
        }
    }
    for one in provider {
        let RawProvider { code, title, roles, facility_types } = one;
        let key = format!("provider.{code}");
        if roles.iter().any(|role| !is_role_prefix(role)) {
            return Err(ProfileError::new(file, &format!("{key}.roles"), "role codes, NN or NN.NNN"));
        }
        if (roles.is_empty() && facility_types.is_empty()) || facility_types.iter().any(String::is_empty) {
            return Err(ProfileError::new(file, &key, "roles or types of facilities"));
        }
        let compiled = ProviderCategory { code: code.clone(), title, roles, facility_types };
        if code.is_empty() || list.providers.insert(code, Arc::new(compiled)).is_some() {
            return Err(ProfileError::new(file, &key, "a code that no other provider has"));
        }
    }
    Ok(list)
}

fn part(file: &str, systems: &BTreeMap<String, String>, key: &str, raw: RawPart) -> Result<Part, ProfileError> {
    let RawPart { types, except, only, unless } = raw;
    let all = types == ["*"];
    let known = |types: &[String]| types.iter().all(|one| is_type(one));
    if !all && (types.is_empty() || !known(&types) || !except.is_empty()) {
        return Err(ProfileError::new(file, &format!("{key}.types"), "types of FHIR, or \"*\" alone, with except"));
    }
    if !known(&except) {
        return Err(ProfileError::new(file, &format!("{key}.except"), "types of FHIR"));
    }
    Ok(Part {
        types: if all { Types::AllBut(except) } else { Types::These(types) },
        only: conditions(file, systems, &format!("{key}.only"), only)?,
        unless: conditions(file, systems, &format!("{key}.unless"), unless)?,
    })
}

struct Compiler<'r> {
    file: &'r str,
    parts: HashMap<String, Vec<Part>>,
    category: &'r [RawCategory],
}

impl<'r> Compiler<'r> {
    /// Adds what `one` holds to `narrow` and what it covers besides to `wide`, with those of the categories inside it.
    fn gather(
        &self,
        one: &'r RawCategory,
        around: &mut BTreeSet<&'r str>,
        narrow: &mut Vec<Part>,
        wide: &mut Vec<Part>,
    ) -> Result<(), ProfileError> {
        let wrong = |key: &str, expected: &str| {
            let key = format!("category.{}.{key}", one.code);
            Err(ProfileError::new(self.file, &key, expected))
        };
        if !around.insert(&one.code) {
            return wrong("contains", "no category that contains it");
        }
        for (names, key, into) in [(&one.holds, "holds", &mut *narrow), (&one.covers, "covers", &mut *wide)] {
            for name in names {
                let Some(parts) = self.parts.get(name) else { return wrong(key, "names in parts") };
                into.extend(parts.iter().cloned());
            }
        }
        for inner in &one.contains {
            let Some(inner) = self.category.iter().find(|other| other.code == *inner) else {
                return wrong("contains", "codes of this file");
            };
            self.gather(inner, around, narrow, wide)?;
        }
        around.remove(one.code.as_str());
        Ok(())
    }
}
