//! Value set: a named set of codes that a Consent may speak of instead of listing them. Files in `profiles/value-sets/`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::{ProfileError, code_system};

const SHIPPED: &[(&str, &str)] = &[
    ("profiles/value-sets/hiv.toml", include_str!("../../profiles/value-sets/hiv.toml")),
    ("profiles/value-sets/mental-health.toml", include_str!("../../profiles/value-sets/mental-health.toml")),
    ("profiles/value-sets/vital-signs.toml", include_str!("../../profiles/value-sets/vital-signs.toml")),
];

/// The value sets that are known, by canonical URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueSets(BTreeMap<String, Arc<ValueSet>>);

/// A set of codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueSet {
    systems: BTreeMap<String, Members>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Members {
    codes: BTreeSet<String>,
    prefixes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValueSet {
    canonical: String,
    #[serde(rename = "title")]
    _title: String,
    include: Vec<RawInclude>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInclude {
    system: String,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
}

impl ValueSets {
    /// Returns the value sets that are part of Sluis.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn shipped() -> Result<Self, ProfileError> {
        Self::with_own([])
    }

    /// Returns the value sets that are part of Sluis with a hospital's own: one of the same canonical URL takes the place of
    /// a shipped one.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn with_own<'f>(own: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        let mut sets = Self::read(SHIPPED.iter().copied())?;
        sets.0.extend(Self::read(own)?.0);
        Ok(sets)
    }

    /// Reads value sets from their files: name and text of each.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        let mut sets = Self::default();
        for (file, text) in files {
            let raw: RawValueSet = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
            let canonical = raw.canonical.clone();
            if canonical.is_empty() || canonical.contains('|') || sets.0.contains_key(&canonical) {
                return Err(ProfileError::new(file, "canonical", "a URL without version that no other value set has"));
            }
            sets.0.insert(canonical, Arc::new(ValueSet::compile(file, raw)?));
        }
        Ok(sets)
    }

    /// Returns the value set of that canonical URL. One that is asked for in a version is not known: which codes that version
    /// has is not told here.
    #[must_use]
    pub fn get(&self, canonical: &str) -> Option<&Arc<ValueSet>> {
        self.0.get(canonical.trim_end_matches('/'))
    }
}

impl ValueSet {
    fn compile(file: &str, raw: RawValueSet) -> Result<Self, ProfileError> {
        let mut set = Self::default();
        for include in raw.include {
            let words = || include.codes.iter().chain(&include.prefixes);
            if words().next().is_none() || words().any(String::is_empty) {
                return Err(ProfileError::new(file, "include", "codes or prefixes, none of them empty"));
            }
            let members = set.systems.entry(code_system(&include.system).to_owned()).or_default();
            members.codes.extend(include.codes);
            members.prefixes.extend(include.prefixes);
        }
        if set.systems.is_empty() {
            return Err(ProfileError::new(file, "include", "at least one system"));
        }
        Ok(set)
    }

    /// Returns true if and only if the code is a member. Allocates nothing.
    #[must_use]
    pub fn contains(&self, system: &str, code: &str) -> bool {
        self.systems.get(code_system(system)).is_some_and(|members| {
            members.codes.contains(code) || members.prefixes.iter().any(|prefix| code.starts_with(prefix.as_str()))
        })
    }

    /// Returns the systems of which a code is a member.
    pub(crate) fn systems_of<'s>(&'s self, code: &'s str) -> impl Iterator<Item = &'s str> {
        self.systems.keys().map(String::as_str).filter(move |system| self.contains(system, code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_set_holds_its_codes_and_what_begins_with_its_prefixes() {
        let sets = ValueSets::shipped().unwrap();
        let set = sets.get("http://hl7.org/fhir/ValueSet/observation-vitalsignresult").unwrap();
        assert!(set.contains("http://loinc.org", "8867-4") && set.contains("urn:oid:2.16.840.1.113883.6.1", "8867-4"));
        assert!(!set.contains("http://loinc.org", "4548-4") && !set.contains("http://snomed.info/sct", "8867-4"));
        let set = sets.get("urn:sluis:value-set:hiv").unwrap();
        assert!(set.contains("http://www.whocc.no/atc", "J05AE03") && !set.contains("http://www.whocc.no/atc", "J05"));
    }

    #[test]
    fn a_version_of_a_value_set_is_not_known() {
        let sets = ValueSets::shipped().unwrap();
        assert!(sets.get("http://hl7.org/fhir/ValueSet/observation-vitalsignresult|4.0.1").is_none());
        assert!(sets.get("http://hl7.org/fhir/ValueSet/observation-status").is_none());
    }

    #[test]
    fn a_file_with_a_mistake_is_not_read() {
        for text in [
            "canonical = \"urn:a\"\ntitle = \"x\"\ninclude = []",
            "canonical = \"urn:a\"\ntitle = \"x\"\n[[include]]\nsystem = \"s\"",
            "canonical = \"urn:a\"\ntitle = \"x\"\n[[include]]\nsystem = \"s\"\nprefixes = [\"\"]",
            "canonical = \"urn:a|1\"\ntitle = \"x\"\n[[include]]\nsystem = \"s\"\ncodes = [\"1\"]",
            "canonical = \"urn:a\"\ntitle = \"x\"\nstrange = 1\n[[include]]\nsystem = \"s\"\ncodes = [\"1\"]",
        ] {
            assert!(ValueSets::read([("x.toml", text)]).is_err(), "{text}");
        }
        let text = "canonical = \"urn:a\"\ntitle = \"x\"\n[[include]]\nsystem = \"s\"\ncodes = [\"1\"]";
        assert!(ValueSets::read([("x.toml", text)]).is_ok());
        assert!(ValueSets::read([("x.toml", text), ("y.toml", text)]).is_err(), "one name, two value sets");
    }
}
