//! From the file's words to a profile that cannot be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::raw::{
    RawEntries, RawExchange, RawInclude, RawInteraction, RawKind, RawLine, RawParameter, RawParameterType, RawSection,
};
use super::section::{Entries, Line, REQUIRED, Section};
use super::{Answered, Exchange, Include, Kind, LAST_UPDATED, Parameter, ParameterType, SUPPORTING};
use crate::profile::criteria::{self, Condition, is_role_prefix, is_type, is_uri};
use crate::profile::{ElementPath, ProfileError};
use crate::view::is_steady;

pub(super) fn exchange(file: &str, text: &str) -> Result<Exchange, ProfileError> {
    let raw: RawExchange = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
    let RawExchange { name, title, roles, unproven_role, systems, kinds, supporting, sections, lines } = raw;
    let compiler = Compiler { file, systems: &systems };
    compiler.require(!name.is_empty() && name.bytes().all(is_name_byte), "name", "a name of a-z, 0-9 and -")?;
    for role in &roles {
        compiler.require(is_role_prefix(role), "roles", "role codes, NN or NN.NNN")?;
    }
    for (alias, system) in &systems {
        compiler.require(is_uri(system), &format!("systems.{alias}"), "the URI of a code system")?;
    }
    compiler.require(!kinds.is_empty(), "kinds", "at least one kind of resource")?;
    let kinds = kinds.into_iter().map(|(name, kind)| compiler.kind(name, kind)).collect::<Result<Vec<_>, _>>()?;
    let mut listed = compiler.supporting(supporting)?;
    listed.extend(kinds.iter().flat_map(|kind| kind.includes.iter().cloned()));
    let with_iterated = |kind: Kind| Arc::new(Kind { iterated: iterated(&kind.includes, &listed), ..kind });
    let kinds: Vec<_> = kinds.into_iter().map(with_iterated).collect();
    let sections = compiler.sections(&kinds, sections)?;
    let lines = lines.into_iter().map(|(name, line)| Ok((name.clone(), compiler.line(&name, line)?)));
    let lines = lines.collect::<Result<_, ProfileError>>()?;
    Ok(Exchange { name, title, roles, unproven_role, kinds, sections, lines })
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Returns those of the `listed` includes that go on from what `includes` bring, ordered by type and parameter.
fn iterated(includes: &[Include], listed: &[Include]) -> Vec<Include> {
    let mut iterated: Vec<Include> = Vec::new();
    loop {
        let brought = |source: &str| includes.iter().chain(&iterated).any(|one| one.brings(source));
        let further = listed.iter().filter(|one| brought(one.source()) && !iterated.contains(one));
        let further: Vec<_> = further.cloned().collect();
        if further.is_empty() {
            iterated.sort_by(|one, other| (one.source(), one.parameter()).cmp(&(other.source(), other.parameter())));
            return iterated;
        }
        iterated.extend(further);
    }
}

/// Elements, and the codes of which one must stand there.
type Table = BTreeMap<String, Vec<String>>;

struct Compiler<'a> {
    file: &'a str,
    systems: &'a BTreeMap<String, String>,
}

impl Compiler<'_> {
    fn require(&self, holds: bool, key: &str, expected: &str) -> Result<(), ProfileError> {
        if holds { Ok(()) } else { Err(ProfileError::new(self.file, key, expected)) }
    }

    fn kind(&self, resource_type: String, raw: RawKind) -> Result<Kind, ProfileError> {
        let RawKind { interactions, patient, parameters, sort, includes, belongs, never } = raw;
        let key = format!("kinds.{resource_type}");
        let inside = |name: &str| format!("{key}.{name}");
        self.require(is_type(&resource_type), &key, "a type of FHIR")?;
        let supporting = SUPPORTING.contains(&resource_type.as_str());
        self.require(
            !supporting,
            &key,
            "a type that is asked for by itself: supporting types come with what refers to them",
        )?;
        self.require(!interactions.is_empty(), &inside("interactions"), "read, search or both")?;
        if resource_type == "Patient" {
            self.require(patient.is_empty(), &inside("patient"), "nothing: a Patient is named by _id and identifier")?;
        } else {
            self.require(!patient.is_empty(), &inside("patient"), "the parameters that name the patient")?;
        }
        for name in &patient {
            let known = !name.is_empty() && name.bytes().all(is_name_byte);
            self.require(known, &inside("patient"), "names of search parameters")?;
        }
        for name in &sort {
            self.require(
                is_steady(&resource_type, name, "date"),
                &inside("sort"),
                "dates of FHIR R4 for that type which are never taken out of a resource",
            )?;
        }
        let parameters = parameters.into_iter().map(|(name, raw)| {
            let key = format!("{key}.parameters.{name}");
            let taken = patient.contains(&name) || (resource_type == "Patient" && name == "identifier");
            self.require(!taken && name.bytes().all(is_name_byte), &key, "a name that does not name the patient")?;
            self.parameter(&resource_type, name, &key, &raw)
        });
        let mut parameters = parameters.collect::<Result<Vec<_>, _>>()?;
        // Every type has it; `_` is before all letters that a name may begin with.
        parameters.insert(0, self.last_updated()?);
        let includes = includes.into_iter().map(|(name, raw)| {
            let key = format!("{key}.includes.{name}");
            self.include(&resource_type, name, &key, raw)
        });
        let includes = includes.collect::<Result<Vec<_>, _>>()?;
        let belongs = self.belongs(&inside("belongs"), belongs)?;
        Ok(Kind {
            read: interactions.contains(&RawInteraction::Read),
            search: interactions.contains(&RawInteraction::Search),
            patient_names: patient,
            parameters,
            sort,
            includes,
            iterated: Vec::new(),
            belongs,
            never: self.conditions(&inside("never"), never)?,
            resource_type,
        })
    }

    fn belongs(&self, key: &str, raw: Option<Vec<Table>>) -> Result<Vec<Vec<Condition>>, ProfileError> {
        let Some(alternatives) = raw else { return Ok(Vec::new()) };
        let filled = !alternatives.is_empty() && alternatives.iter().all(|one| !one.is_empty());
        self.require(filled, key, "at least one condition, or no key where all of the type belongs")?;
        alternatives.into_iter().map(|one| self.conditions(key, one)).collect()
    }

    /// A profile without sections composes no summary; one that has some has those that a summary must have.
    fn sections(&self, kinds: &[Arc<Kind>], raw: Vec<RawSection>) -> Result<Vec<Section>, ProfileError> {
        let sections = raw.into_iter().map(|section| self.section(kinds, section));
        let sections = sections.collect::<Result<Vec<_>, _>>()?;
        let count = |code: &str| sections.iter().filter(|section| section.code() == code).count();
        self.require(sections.iter().all(|section| count(section.code()) == 1), "sections", "each section once")?;
        let required = |code: &&str| sections.iter().any(|section| section.code() == *code && section.is_required());
        let whole = sections.is_empty() || REQUIRED.iter().all(required);
        self.require(whole, "sections", "problems, allergies and medication, each with required = true")?;
        let patient = kinds.iter().any(|kind| kind.resource_type() == "Patient" && kind.is_searched());
        self.require(
            sections.is_empty() || patient,
            "kinds.Patient",
            "a Patient that may be searched, for the summary",
        )?;
        Ok(sections)
    }

    fn section(&self, kinds: &[Arc<Kind>], raw: RawSection) -> Result<Section, ProfileError> {
        let RawSection { code, title, required, entries } = raw;
        let key = format!("sections.{code}");
        let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        self.require(is_code, "sections.code", "a code of LOINC")?;
        self.require(!title.trim().is_empty(), &format!("{key}.title"), "a title")?;
        self.require(!entries.is_empty(), &format!("{key}.entries"), "at least one kind of resource")?;
        let entries = entries.into_iter().map(|(name, RawEntries { belongs, never })| {
            let key = format!("{key}.entries.{name}");
            let known = kinds.iter().any(|kind| kind.resource_type() == name && kind.is_searched());
            self.require(known, &key, "a kind of this profile that may be searched")?;
            let belongs = self.belongs(&format!("{key}.belongs"), belongs)?;
            let never = self.conditions(&format!("{key}.never"), never)?;
            Ok(Entries::new(name, belongs, never))
        });
        Ok(Section::new(code, title, required, entries.collect::<Result<_, ProfileError>>()?))
    }

    fn line(&self, resource_type: &str, raw: RawLine) -> Result<Line, ProfileError> {
        let RawLine { says, since } = raw;
        let key = format!("lines.{resource_type}");
        self.require(is_type(resource_type), &key, "a type of FHIR")?;
        let paths = |texts: Vec<String>| texts.iter().map(|text| self.path(&key, text)).collect::<Result<Vec<_>, _>>();
        Ok(Line::new(paths(says)?, paths(since)?))
    }

    /// When a resource last changed is asked of each one that is visible: other servers count other changes.
    fn last_updated(&self) -> Result<Parameter, ProfileError> {
        let path = self.path("_lastUpdated", "meta.lastUpdated")?;
        let (name, value) = (LAST_UPDATED.to_owned(), ParameterType::Date);
        Ok(Parameter { name, value, answered: Answered::Here(vec![path]) })
    }

    fn parameter(
        &self,
        resource_type: &str,
        name: String,
        key: &str,
        raw: &RawParameter,
    ) -> Result<Parameter, ProfileError> {
        let RawParameter { value, local, elements } = raw;
        self.require(*local != elements.is_empty(), key, "elements where local = true, and only there")?;
        let paths = elements.iter().map(|element| self.path(key, element)).collect::<Result<Vec<_>, _>>()?;
        let value = match value {
            RawParameterType::Token => ParameterType::Token,
            RawParameterType::Date => ParameterType::Date,
        };
        let kind = match value {
            ParameterType::Token => "token",
            ParameterType::Date => "date",
        };
        self.require(
            *local || is_steady(resource_type, &name, kind),
            key,
            "a parameter of FHIR R4 for that type whose elements are never taken out; any other is answered here, with \
             local = true",
        )?;
        Ok(Parameter { name, value, answered: if *local { Answered::Here(paths) } else { Answered::Upstream } })
    }

    /// What only comes with others has no kind: which of its references may be followed further stands by itself.
    fn supporting(&self, raw: BTreeMap<String, BTreeMap<String, RawInclude>>) -> Result<Vec<Include>, ProfileError> {
        let mut includes = Vec::new();
        for (source, raw) in raw {
            let key = format!("supporting.{source}");
            self.require(SUPPORTING.contains(&source.as_str()), &key, "a type that comes with what refers to it")?;
            for (name, raw) in raw {
                includes.push(self.include(&source, name.clone(), &format!("{key}.{name}"), raw)?);
            }
        }
        Ok(includes)
    }

    fn include(&self, source: &str, parameter: String, key: &str, raw: RawInclude) -> Result<Include, ProfileError> {
        let RawInclude { element, targets } = raw;
        let known = !targets.is_empty() && targets.iter().all(|target| is_type(target));
        self.require(known, &format!("{key}.targets"), "types of FHIR")?;
        let path = self.path(&format!("{key}.element"), &element)?;
        Ok(Include { source: source.to_owned(), parameter, element: path, element_text: element, targets })
    }

    fn path(&self, key: &str, text: &str) -> Result<ElementPath, ProfileError> {
        ElementPath::read(text).ok_or_else(|| ProfileError::new(self.file, key, "a path to an element"))
    }

    fn conditions(&self, key: &str, raw: BTreeMap<String, Vec<String>>) -> Result<Vec<Condition>, ProfileError> {
        criteria::conditions(self.file, self.systems, key, raw)
    }
}
