//! Criteria: codes that stand at elements of a resource.

use std::collections::BTreeMap;

use super::{CodeSystem, ElementPath, ProfileError, Token};
use crate::json::{Kind, Value};

/// One of these codes stands at this element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    element: ElementPath,
    codes: Vec<Token>,
}

/// Whether a resource is one of those that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belonging {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// What would tell is not there.
    Untold,
}

impl Belonging {
    /// Returns whether both hold.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            (_, _) => Self::Untold,
        }
    }

    /// Returns whether either holds.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            (_, _) => Self::Untold,
        }
    }

    /// Returns whether it does not hold.
    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Untold => Self::Untold,
        }
    }
}

impl Condition {
    /// Returns true if and only if one of the codes stands there.
    pub(super) fn is_met(&self, resource: Value<'_>) -> bool {
        self.element.any(resource, &mut |value| self.codes.iter().any(|code| code.is_in(value)))
    }

    /// Returns whether one of the codes stands there. Where no code stands there that could be one of them, of a system that
    /// is looked for, that cannot be told.
    pub(super) fn belonging(&self, resource: Value<'_>) -> Belonging {
        if self.is_met(resource) {
            Belonging::Yes
        } else if self.element.any(resource, &mut |value| self.is_comparable(value)) {
            Belonging::No
        } else {
            Belonging::Untold
        }
    }

    fn is_comparable(&self, value: Value<'_>) -> bool {
        match value.kind() {
            Kind::String => true,
            Kind::Object => match value.get("coding") {
                Some(codings) => codings.items().any(|coding| self.is_of_a_system(coding)),
                None => self.is_of_a_system(value),
            },
            Kind::Array | Kind::Number | Kind::Bool | Kind::Null => false,
        }
    }

    fn is_of_a_system(&self, coding: Value<'_>) -> bool {
        let system = coding.text_of("system");
        coding.get("code").is_some()
            && self.codes.iter().any(|code| match &code.system {
                CodeSystem::Any => true,
                CodeSystem::Absent => system.is_none(),
                CodeSystem::Is(wanted) => system.as_deref() == Some(wanted.as_str()),
            })
    }
}

/// Compiles a table of elements and the codes of which one must stand there; `systems` has short names for code systems.
pub(super) fn conditions(
    file: &str,
    systems: &BTreeMap<String, String>,
    key: &str,
    raw: BTreeMap<String, Vec<String>>,
) -> Result<Vec<Condition>, ProfileError> {
    let compiled = raw.into_iter().map(|(element, codes)| {
        let key = format!("{key}.{element}");
        if codes.is_empty() {
            return Err(ProfileError::new(file, &key, "at least one code"));
        }
        let path = ElementPath::read(&element);
        let path = path.ok_or_else(|| ProfileError::new(file, &key, "a path to an element"))?;
        let codes = codes.iter().map(|text| code(file, systems, &key, text)).collect::<Result<_, _>>()?;
        Ok(Condition { element: path, codes })
    });
    compiled.collect()
}

fn code(file: &str, systems: &BTreeMap<String, String>, key: &str, text: &str) -> Result<Token, ProfileError> {
    let Some((alias, code)) = text.split_once('|') else {
        if text.is_empty() {
            return Err(ProfileError::new(file, key, "a code"));
        }
        return Ok(Token { system: CodeSystem::Any, code: text.to_owned() });
    };
    let system = systems.get(alias).filter(|_| !code.is_empty());
    let system = system.ok_or_else(|| ProfileError::new(file, key, "code, or a name in systems, | and a code"))?;
    Ok(Token { system: CodeSystem::Is(system.clone()), code: code.to_owned() })
}

/// Returns true if and only if `text` is written like the name of a resource type.
pub(super) fn is_type(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Returns true if and only if `text` is a code of roles, `NN.NNN`, or the first two digits of several.
pub(super) fn is_role_prefix(text: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((profession, specialism)) => digits(profession, 2) && digits(specialism, 3),
        None => digits(text, 2),
    }
}

/// Returns true if and only if `text` can be the URI of a code system.
pub(super) fn is_uri(text: &str) -> bool {
    ["http://", "https://", "urn:"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'|' && byte != b',')
}
