//! Kinds: the types of invented records, as `kinds.toml` has them.

use serde::Deserialize;

use crate::process;
use crate::trouble::Trouble;

/// How a type stands to a patient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Patient,
    #[default]
    Clinical,
    /// Nobody's own: it goes with what refers to it.
    Supporting,
}

/// What a type tells of the time of its data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    #[default]
    Nothing,
    Day,
    /// When it began; that it ended is not told.
    Beginning,
}

/// What becomes of a resource when a reference of it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Bond {
    #[default]
    Loose,
    /// It cannot be without one of these.
    Required,
    /// It is there to gather these.
    Gathers,
}

/// A member for references.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    pub(super) member: String,
    #[serde(default = "itself")]
    pub(super) item: String,
    #[serde(default)]
    pub(super) list: bool,
    #[serde(default)]
    pub(super) bond: Bond,
    #[serde(default)]
    pub(super) link: bool,
    #[serde(default)]
    pub(super) unit: bool,
    #[serde(default)]
    pub(super) people: bool,
    pub(super) targets: Vec<String>,
}

fn itself() -> String {
    "@".to_owned()
}

/// A type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub(super) name: String,
    #[serde(default)]
    pub(super) role: Role,
    #[serde(default)]
    pub(super) subject: String,
    #[serde(default)]
    pub(super) dated: String,
    #[serde(default)]
    pub(super) told: Told,
    #[serde(default)]
    pub(super) coded: String,
    #[serde(default)]
    pub(super) more: String,
    /// It can be a building block of a pharmaceutical treatment.
    #[serde(default)]
    pub(super) treatment: bool,
    #[serde(default)]
    pub(super) statuses: Vec<String>,
    #[serde(default)]
    pub(super) tokens: Vec<String>,
    #[serde(default)]
    pub(super) dates: Vec<String>,
    #[serde(default)]
    pub(super) includes: Vec<String>,
    #[serde(default)]
    pub(super) slot: Vec<Slot>,
}

/// Reads the types.
///
/// # Errors
/// When they cannot be read.
pub(super) fn all() -> Result<Vec<Kind>, Trouble> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        kind: Vec<Kind>,
    }
    let path = process::own("kinds.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| Trouble::file(&path, &error))?;
    let File { kind } = toml::from_str(&text).map_err(|_| Trouble::content(&path, "types of resources"))?;
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_can_be_read_and_each_refers_to_types_that_there_are() {
        let kinds = all().unwrap();
        assert_eq!(kinds.first().map(|kind| kind.role), Some(Role::Patient));
        for target in kinds.iter().flat_map(|kind| &kind.slot).flat_map(|slot| &slot.targets) {
            assert!(kinds.iter().any(|kind| kind.name == *target), "{target}");
        }
    }
}
