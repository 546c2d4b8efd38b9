//! Claims: the members of the payload, read strictly (RFC 7519).

use std::borrow::Cow;

use time::OffsetDateTime;

use super::unproven::Unproven;
use crate::json::{Kind, Value};
use crate::limits;

/// The claims of one statement.
#[derive(Clone, Copy)]
pub(super) struct Claims<'d>(Value<'d>);

/// A code, with the system that it is of where that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coded {
    pub(super) system: Option<String>,
    pub(super) code: String,
}

impl<'d> Claims<'d> {
    /// Takes the payload, which must be an object.
    pub(super) fn of(root: Value<'d>) -> Result<Self, Unproven> {
        if root.kind() == Kind::Object { Ok(Self(root)) } else { Err(Unproven::Json) }
    }

    pub(super) fn get(self, name: &str) -> Option<Value<'d>> {
        self.0.get(name)
    }

    /// Returns what stands at a path of member names, if every one is there.
    pub(super) fn at(self, path: &[String]) -> Option<Value<'d>> {
        path.iter().try_fold(self.0, |value, name| value.get(name))
    }

    /// Returns a text that must be there, of a bounded length, without control characters.
    pub(super) fn text(self, name: &str) -> Result<Cow<'d, str>, Unproven> {
        self.get(name).and_then(plain).ok_or(Unproven::Claim)
    }

    /// Returns a text that may be left out or null.
    pub(super) fn optional(self, name: &str) -> Result<Option<Cow<'d, str>>, Unproven> {
        match self.get(name) {
            None => Ok(None),
            Some(value) if value.kind() == Kind::Null => Ok(None),
            Some(value) => plain(value).map(Some).ok_or(Unproven::Claim),
        }
    }

    /// Returns a text of printable ASCII without spaces: what can stand in a URN.
    pub(super) fn token(self, name: &str) -> Result<String, Unproven> {
        let text = self.text(name)?;
        if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(text.into_owned()) } else { Err(Unproven::Claim) }
    }

    /// Returns a moment that may be left out: whole seconds since 1970. A fraction is refused, as is what is no moment: a
    /// number of milliseconds is one of a far future.
    pub(super) fn moment(self, name: &str) -> Result<Option<OffsetDateTime>, Unproven> {
        self.get(name).map(|value| moment(value).ok_or(Unproven::Claim)).transpose()
    }

    /// Returns true if and only if a text, or one of a list of texts, is one of these. Anything else in its place is refused.
    pub(super) fn names_one_of(self, name: &str, known: &[String]) -> Result<bool, Unproven> {
        let value = self.get(name).ok_or(Unproven::Claim)?;
        let named: Option<Vec<Cow<'_, str>>> = match value.kind() {
            Kind::String => plain(value).map(|text| vec![text]),
            Kind::Array => value.items().map(plain).collect(),
            Kind::Object | Kind::Number | Kind::Bool | Kind::Null => None,
        };
        let named = named.ok_or(Unproven::Claim)?;
        Ok(named.iter().any(|named| known.iter().any(|known| known == named)))
    }
}

/// Reads whole seconds since 1970.
pub(super) fn moment(value: Value<'_>) -> Option<OffsetDateTime> {
    if value.kind() != Kind::Number {
        return None;
    }
    OffsetDateTime::from_unix_timestamp(value.raw().parse::<u32>().ok()?.into()).ok()
}

/// Reads a text of a bounded length without control characters.
pub(super) fn plain(value: Value<'_>) -> Option<Cow<'_, str>> {
    value
        .as_str()
        .filter(|text| (1..=limits::CLAIM_BYTES).contains(&text.len()) && !text.contains(|c: char| c.is_control()))
}

/// Reads codes: a text, an object with `code` and `system`, or a list of those. Nothing where any is not one.
pub(super) fn codes(value: Value<'_>) -> Option<Vec<Coded>> {
    match value.kind() {
        Kind::Array => value.items().map(code).collect(),
        Kind::String | Kind::Object => code(value).map(|code| vec![code]),
        Kind::Number | Kind::Bool | Kind::Null => None,
    }
}

fn code(value: Value<'_>) -> Option<Coded> {
    if value.kind() == Kind::String {
        return Some(Coded { system: None, code: plain(value)?.into_owned() });
    }
    let system = match value.get("system") {
        None => None,
        Some(system) => Some(plain(system)?.into_owned()),
    };
    Some(Coded { system, code: plain(value.get("code")?)?.into_owned() })
}
