//! Category: a kind of data, or a kind of care provider, by the name that a patient's choice has for it.
//!
//! Between yes to everything and a box for each resource (P5): files in `profiles/categories/` say which resources a code of
//! Mitz, of the EHDS or of a section of the BgZ stands for, and whom a code for a kind of provider means.

mod compile;

use std::collections::HashMap;
use std::sync::Arc;

use super::criteria::{Belonging, Condition};
use super::{ProfileError, SUPPORTING};
use crate::identity::{FacilityTypes, Role};
use crate::json::Value;

/// The files that are part of Sluis; a hospital may use its own.
const SHIPPED: [(&str, &str); 8] = [
    ("profiles/categories/aorta.toml", include_str!("../../profiles/categories/aorta.toml")),
    ("profiles/categories/bgz.toml", include_str!("../../profiles/categories/bgz.toml")),
    ("profiles/categories/ehds.toml", include_str!("../../profiles/categories/ehds.toml")),
    ("profiles/categories/generic-functions.toml", include_str!("../../profiles/categories/generic-functions.toml")),
    ("profiles/categories/mitz.toml", include_str!("../../profiles/categories/mitz.toml")),
    ("profiles/categories/mitz-providers.toml", include_str!("../../profiles/categories/mitz-providers.toml")),
    ("profiles/categories/sluis.toml", include_str!("../../profiles/categories/sluis.toml")),
    ("profiles/categories/zib.toml", include_str!("../../profiles/categories/zib.toml")),
];

/// The categories that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Categories {
    /// From a name of a system to the place of its codes.
    systems: HashMap<String, usize>,
    lists: Vec<List>,
}

/// The categories of one system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct List {
    data: HashMap<String, Arc<DataCategory>>,
    providers: HashMap<String, Arc<ProviderCategory>>,
}

/// What came of looking for a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought<C> {
    /// The system has no categories at all.
    Foreign,
    /// The system has categories, and none of that kind and code.
    Unknown,
    /// This is it.
    Is(Arc<C>),
}

impl Categories {
    /// Returns the categories that are part of Sluis.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn shipped() -> Result<Self, ProfileError> {
        Self::with_own([])
    }

    /// Returns the categories that are part of Sluis with a hospital's own: name and text of each file. One whose `name` is
    /// that of a shipped one takes its place, any other stands beside them.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn with_own<'f>(own: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        compile::categories(SHIPPED, own)
    }

    /// Reads categories from their files alone: name and text of each.
    ///
    /// # Errors
    /// The first mistake in a file.
    pub fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, ProfileError> {
        compile::categories([], files)
    }

    /// Looks for a category of data.
    #[must_use]
    pub fn data(&self, system: &str, code: &str) -> Sought<DataCategory> {
        sought(self.list(system).map(|list| &list.data), code)
    }

    /// Looks for a category of care providers.
    #[must_use]
    pub fn provider(&self, system: &str, code: &str) -> Sought<ProviderCategory> {
        sought(self.list(system).map(|list| &list.providers), code)
    }

    fn list(&self, system: &str) -> Option<&List> {
        self.lists.get(*self.systems.get(system.trim_end_matches('/'))?)
    }
}

fn sought<C>(categories: Option<&HashMap<String, Arc<C>>>, code: &str) -> Sought<C> {
    match categories {
        None => Sought::Foreign,
        Some(categories) => categories.get(code).map_or(Sought::Unknown, |found| Sought::Is(found.clone())),
    }
}

/// A kind of data.
#[derive(Debug, PartialEq, Eq)]
pub struct DataCategory {
    code: String,
    title: String,
    /// What is of the kind itself: what a denial reaches.
    narrow: Vec<Part>,
    /// With what belongs to it: what a permit reaches.
    wide: Vec<Part>,
}

/// Some of the resources of a category.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    types: Types,
    /// All of these must hold.
    only: Vec<Condition>,
    /// None of these may hold.
    unless: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Types {
    These(Vec<String>),
    /// Every type that says something about a person, but for these.
    AllBut(Vec<String>),
}

impl DataCategory {
    /// Returns its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns what people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns whether a resource is of the category itself.
    #[must_use]
    pub fn holds(&self, resource: Value<'_>, resource_type: &str) -> Belonging {
        belonging(&self.narrow, resource, resource_type)
    }

    /// Returns whether a resource is of the category or belongs to it: a medication overview is complete only with allergies,
    /// contra-indications and laboratory results (P9).
    #[must_use]
    pub fn covers(&self, resource: Value<'_>, resource_type: &str) -> Belonging {
        belonging(&self.wide, resource, resource_type)
    }

    /// Returns whether every resource of that type is of the category itself (`Yes`), none (`No`), or some may be.
    #[must_use]
    pub fn holds_type(&self, resource_type: &str) -> Belonging {
        of_type(&self.narrow, resource_type)
    }

    /// Returns whether every resource of that type is of the category or belongs to it (`Yes`), none (`No`), or some may.
    #[must_use]
    pub fn covers_type(&self, resource_type: &str) -> Belonging {
        of_type(&self.wide, resource_type)
    }
}

fn belonging(parts: &[Part], resource: Value<'_>, resource_type: &str) -> Belonging {
    let parts = parts.iter().filter(|part| part.types.contain(resource_type));
    parts.fold(Belonging::No, |found, part| found.or(part.belonging(resource)))
}

fn of_type(parts: &[Part], resource_type: &str) -> Belonging {
    let parts = parts.iter().filter(|part| part.types.contain(resource_type));
    parts.fold(Belonging::No, |found, part| found.or(part.of_type()))
}

impl Part {
    fn belonging(&self, resource: Value<'_>) -> Belonging {
        let only = self.only.iter().map(|condition| condition.belonging(resource));
        let unless = self.unless.iter().map(|condition| condition.belonging(resource).not());
        only.chain(unless).fold(Belonging::Yes, Belonging::and)
    }

    fn of_type(&self) -> Belonging {
        if self.only.is_empty() && self.unless.is_empty() { Belonging::Yes } else { Belonging::Untold }
    }
}

impl Types {
    fn contain(&self, resource_type: &str) -> bool {
        let is_among = |types: &[String]| types.iter().any(|one| one == resource_type);
        match self {
            Self::These(types) => is_among(types),
            Self::AllBut(types) => !is_among(types) && !SUPPORTING.contains(&resource_type),
        }
    }
}

/// A kind of care provider.
#[derive(Debug, PartialEq, Eq)]
pub struct ProviderCategory {
    code: String,
    title: String,
    roles: Vec<String>,
    facility_types: Vec<String>,
}

/// Whether a caller is of a kind of provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The role that the certificate proves, or the type of the caller's organisation, is one of the kind.
    Member,
    /// The type of the organisation is known and another, or the kind is known by roles alone and the proven role is another.
    NoMember,
    /// Neither is shown.
    Unproven,
}

impl ProviderCategory {
    /// Returns its code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns what people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns whether a caller with that proven role, or with none, at an organisation of those types is of this kind.
    #[must_use]
    pub fn membership(&self, role: Option<&Role>, facility: &FacilityTypes) -> Membership {
        if role.is_some_and(|role| self.roles.iter().any(|prefix| role.is_within(prefix))) {
            return Membership::Member;
        }
        match facility {
            FacilityTypes::Known(types) if types.iter().any(|one| self.facility_types.contains(one)) => {
                Membership::Member
            }
            FacilityTypes::Known(_) if !self.facility_types.is_empty() => Membership::NoMember,
            FacilityTypes::Known(_) | FacilityTypes::Unknown if role.is_some() && self.facility_types.is_empty() => {
                Membership::NoMember
            }
            FacilityTypes::Known(_) | FacilityTypes::Unknown => Membership::Unproven,
        }
    }
}

#[cfg(test)]
mod tests;
