//! The data types of FHIR that a Consent is made of, each with every member it may have.

use std::borrow::Cow;

use super::Unreadable;
use crate::consent::record;
use crate::consent::rule::{Identifier, Who};
use crate::consent::source::Source;
use crate::consent::window::Window;
use crate::json::{Items, Kind, Value};

/// Checks that `value` is an object that has members, and none but those of `known` and `silent`: extensions of primitive
/// members that say nothing.
pub(super) fn object(value: Value<'_>, known: &[&str], silent: &[&str]) -> Result<(), Unreadable> {
    if value.kind() != Kind::Object || value.members().next().is_none() {
        return Err(Unreadable::IllFormed);
    }
    if value.members().all(|member| known.contains(&member.name) || silent.contains(&member.name)) {
        Ok(())
    } else {
        Err(Unreadable::UnknownMember)
    }
}

/// Returns the items of a list that may be absent, but not empty: FHIR has no empty lists, so one may mean anything.
pub(super) fn list<'d>(object: Value<'d>, name: &str) -> Result<Items<'d>, Unreadable> {
    let Some(list) = object.get(name) else { return Ok(object.items()) };
    if list.kind() == Kind::Array && list.items().next().is_some() {
        Ok(list.items())
    } else {
        Err(Unreadable::IllFormed)
    }
}

/// Returns a string that may be absent.
pub(super) fn string<'d>(object: Value<'d>, name: &str) -> Result<Option<Cow<'d, str>>, Unreadable> {
    match object.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().filter(|text| !text.is_empty()).map(Some).ok_or(Unreadable::IllFormed),
    }
}

/// A code of a system.
pub(super) struct Coding<'d> {
    pub(super) system: Cow<'d, str>,
    pub(super) code: Cow<'d, str>,
}

/// Reads a Coding. Without a system or a code it could mean anything.
pub(super) fn coding(value: Value<'_>) -> Result<Coding<'_>, Unreadable> {
    object(
        value,
        &["id", "extension", "system", "version", "code", "display", "userSelected"],
        &["_display", "_version"],
    )?;
    match (string(value, "system")?, string(value, "code")?) {
        (Some(system), Some(code)) => Ok(Coding { system: unslashed(system), code }),
        (_, _) => Err(Unreadable::IllFormed),
    }
}

fn unslashed(system: Cow<'_, str>) -> Cow<'_, str> {
    match system {
        Cow::Borrowed(system) => Cow::Borrowed(system.trim_end_matches('/')),
        Cow::Owned(system) => Cow::Owned(system.trim_end_matches('/').to_owned()),
    }
}

/// Reads the codings of a CodeableConcept; none when it is text alone.
pub(super) fn concept(value: Value<'_>) -> Result<Vec<Coding<'_>>, Unreadable> {
    object(value, &["id", "extension", "coding", "text"], &["_text"])?;
    list(value, "coding")?.map(coding).collect()
}

/// Reads a Reference; one that says nothing but a name stays unresolved.
pub(super) fn reference(value: Value<'_>, source: &Source, container: &str) -> Result<Who, Unreadable> {
    object(value, &["id", "extension", "reference", "type", "identifier", "display"], &["_display"])?;
    string(value, "reference")?;
    if let Some(inner) = value.get("identifier") {
        identifier(inner)?;
    }
    Ok(record::who(value, source, container))
}

/// Reads a Reference that leads to no party and no data.
pub(super) fn reference_alone(value: Value<'_>) -> Result<(), Unreadable> {
    reference(value, &Source::default(), "").map(drop)
}

/// Reads a list of References.
pub(super) fn references(
    object: Value<'_>,
    name: &str,
    source: &Source,
    container: &str,
) -> Result<Vec<Who>, Unreadable> {
    list(object, name)?.map(|value| reference(value, source, container)).collect()
}

/// Reads an Identifier; nothing where it has no system or no value, and so can be that of anything.
pub(super) fn identifier(value: Value<'_>) -> Result<Option<Identifier>, Unreadable> {
    let known = ["id", "extension", "use", "type", "system", "value", "period", "assigner"];
    object(value, &known, &["_use"])?;
    Ok(match (string(value, "system")?, string(value, "value")?) {
        (Some(system), Some(value)) => Some(Identifier { system: system.into_owned(), value: value.into_owned() }),
        (_, _) => None,
    })
}

/// Reads a date or dateTime that may be absent.
pub(super) fn date(object: Value<'_>, name: &str) -> Result<Option<Window>, Unreadable> {
    match string(object, name)? {
        None => Ok(None),
        Some(text) => Window::at(&text).map(Some).ok_or(Unreadable::IllFormed),
    }
}

/// Returns true if and only if a member anywhere in the Consent may change the meaning of what is around it.
pub(super) fn is_modified(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Object => value
            .members()
            .any(|member| matches!(member.name, "modifierExtension" | "implicitRules") || is_modified(member.value)),
        Kind::Array => value.items().any(is_modified),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => false,
    }
}

/// Reads a Period.
pub(super) fn period(value: Value<'_>) -> Result<Window, Unreadable> {
    object(value, &["id", "extension", "start", "end"], &[])?;
    let (start, end) = (string(value, "start")?, string(value, "end")?);
    Window::of(start.as_deref(), end.as_deref()).ok_or(Unreadable::IllFormed)
}
