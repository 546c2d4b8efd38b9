//! Paths to elements of a resource, and the codes that stand there.

use crate::json::{Kind, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Extension(String),
}

/// A path to elements of a resource, as profiles write it: `code`, `participant.individual`,
/// `extension(http://…).valuePeriod`. A list on the way stands for each of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementPath(Vec<Step>);

impl ElementPath {
    /// Reads a path, if `text` is one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text;
        loop {
            let (step, behind) = match rest.strip_prefix("extension(") {
                Some(inside) => {
                    let (url, behind) = inside.split_once(')')?;
                    (Step::Extension(url.to_owned()), behind)
                }
                None => {
                    let end = rest.find('.').unwrap_or(rest.len());
                    let (name, behind) = (rest.get(..end)?, rest.get(end..)?);
                    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                        return None;
                    }
                    (Step::Member(name.to_owned()), behind)
                }
            };
            steps.push(step);
            if behind.is_empty() {
                return Some(Self(steps));
            }
            rest = behind.strip_prefix('.')?;
        }
    }

    /// Returns true if and only if `test` holds for some value at this path of `resource`; asks no further then.
    pub fn any<'d>(&self, resource: Value<'d>, test: &mut dyn FnMut(Value<'d>) -> bool) -> bool {
        walk(resource, &self.0, test)
    }
}

fn walk<'d>(value: Value<'d>, steps: &[Step], test: &mut dyn FnMut(Value<'d>) -> bool) -> bool {
    if value.kind() == Kind::Array {
        return value.items().any(|item| walk(item, steps, test));
    }
    match steps.split_first() {
        None => test(value),
        Some((Step::Member(name), rest)) => value.get(name).is_some_and(|inner| walk(inner, rest, test)),
        Some((Step::Extension(url), rest)) => value.get("extension").is_some_and(|list| {
            list.items()
                .filter(|item| item.text_of("url").as_deref() == Some(url.as_str()))
                .any(|item| walk(item, rest, test))
        }),
    }
}

/// What is said about the system of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CodeSystem {
    /// Nothing: a code of any system.
    Any,
    /// A code without a system.
    Absent,
    /// A code of this system.
    Is(String),
}

/// A code that is looked for, in the three forms of a FHIR token: `code`, `|code`, `system|code`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub(crate) system: CodeSystem,
    pub(crate) code: String,
}

impl std::fmt::Debug for Token {
    /// Shows no code: together with a patient it tells of a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Returns true if and only if `value`, a code, a Coding or a CodeableConcept, has this code.
    pub(crate) fn is_in(&self, value: Value<'_>) -> bool {
        match value.kind() {
            // The system of a bare code is fixed by its element and not written: only a token that names none can meet it.
            Kind::String => !matches!(self.system, CodeSystem::Is(_)) && value.as_str().as_deref() == Some(&self.code),
            Kind::Object => match value.get("coding") {
                Some(codings) => codings.items().any(|coding| self.is_coding(coding)),
                None => self.is_coding(value),
            },
            Kind::Array | Kind::Number | Kind::Bool | Kind::Null => false,
        }
    }

    fn is_coding(&self, coding: Value<'_>) -> bool {
        let system = coding.text_of("system");
        let agrees = match &self.system {
            CodeSystem::Any => true,
            CodeSystem::Absent => system.is_none(),
            CodeSystem::Is(wanted) => system.as_deref() == Some(wanted.as_str()),
        };
        agrees && coding.text_of("code").as_deref() == Some(self.code.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits::RESOURCE;

    const RESOURCE_TEXT: &str = r#"{"status":"active","code":{"coding":[{"system":"http://a","code":"1"},{"code":"2"}]},
        "class":{"system":"http://b","code":"3"},"participant":[{"individual":{"reference":"Practitioner/1"}},{}],
        "extension":[{"url":"http://x","valueCode":"n"},{"url":"http://e.example/x","valueCode":"y"}]}"#;

    fn found(path: &str, system: CodeSystem, code: &str) -> bool {
        let document = Document::read(RESOURCE_TEXT.as_bytes(), RESOURCE).unwrap();
        let token = Token { system, code: code.to_owned() };
        ElementPath::read(path).unwrap().any(document.root(), &mut |value| token.is_in(value))
    }

    #[test]
    fn a_token_meets_a_code_in_the_form_it_names() {
        let is = |system: &str| CodeSystem::Is(system.to_owned());
        assert!(found("code", is("http://a"), "1") && !found("code", is("http://b"), "1"));
        assert!(found("code", CodeSystem::Any, "1") && !found("code", CodeSystem::Any, "3"));
        assert!(found("code", CodeSystem::Absent, "2") && !found("code", CodeSystem::Absent, "1"));
        assert!(found("class", is("http://b"), "3"));
        assert!(found("status", CodeSystem::Any, "active") && !found("status", is("http://a"), "active"));
    }

    #[test]
    fn a_path_goes_through_lists_and_into_the_extension_it_names() {
        assert!(found("extension(http://e.example/x).valueCode", CodeSystem::Any, "y"));
        assert!(!found("extension(http://e.example/x).valueCode", CodeSystem::Any, "n"));
        assert!(found("participant.individual.reference", CodeSystem::Any, "Practitioner/1"));
    }

    #[test]
    fn what_is_no_path_is_not_read() {
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "extension(", "extension(x)y"] {
            assert!(ElementPath::read(bad).is_none(), "{bad:?}");
        }
    }
}
