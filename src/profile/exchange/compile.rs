//! From the file's words to a profile that cannot be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::raw::{RawExchange, RawInclude, RawInteraction, RawKind, RawParameter, RawParameterType};
use super::{Answered, Exchange, Include, Kind, LAST_UPDATED, Parameter, ParameterType, SUPPORTING};
use crate::profile::criteria::{self, Condition, is_role_prefix, is_type, is_uri};
use crate::profile::{ElementPath, ProfileError};
use crate::view::is_steady;

pub(super) fn exchange(file: &str, text: &str) -> Result<Exchange, ProfileError> {
    let raw: RawExchange = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
    let RawExchange { name, title, roles, unproven_role, systems, kinds } = raw;
    let compiler = Compiler { file, systems: &systems };
    compiler.require(!name.is_empty() && name.bytes().all(is_name_byte), "name", "a name of a-z, 0-9 and -")?;
    for role in &roles {
        compiler.require(is_role_prefix(role), "roles", "role codes, NN or NN.NNN")?;
    }
    for (alias, system) in &systems {
        compiler.require(is_uri(system), &format!("systems.{alias}"), "the URI of a code system")?;
    }
    compiler.require(!kinds.is_empty(), "kinds", "at least one kind of resource")?;
    let kinds = kinds.into_iter().map(|(name, kind)| compiler.kind(name, kind).map(Arc::new));
    Ok(Exchange { name, title, roles, unproven_role, kinds: kinds.collect::<Result<_, _>>()? })
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

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
        let belongs = match belongs {
            None => Vec::new(),
            Some(alternatives) => {
                let filled = !alternatives.is_empty() && alternatives.iter().all(|one| !one.is_empty());
                self.require(
                    filled,
                    &inside("belongs"),
                    "at least one condition, or no key where all of the type belongs",
                )?;
                let compiled = alternatives.into_iter().map(|one| self.conditions(&inside("belongs"), one));
                compiled.collect::<Result<_, _>>()?
            }
        };
        Ok(Kind {
            read: interactions.contains(&RawInteraction::Read),
            search: interactions.contains(&RawInteraction::Search),
            patient_names: patient,
            parameters,
            sort,
            includes,
            belongs,
            never: self.conditions(&inside("never"), never)?,
            resource_type,
        })
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
