//! Class: the kinds of resources and documents that a rule is about (R4 `class`; R5 `resourceType` and `documentType`).

use std::sync::Arc;

use super::likeness::Likeness;
use super::rule::Effect;
use crate::json::{Kind, Value};
use crate::profile::{Belonging, DataCategory, LOINC, code_system};

/// What one element lists: any of it will do. One that is empty listed codes of foreign systems alone, and matches nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Classes {
    types: Vec<&'static str>,
    /// LOINC codes of kinds of documents.
    documents: Vec<String>,
    /// Media types of documents.
    media: Vec<String>,
    categories: Categories,
}

/// Categories of data: any of them will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Categories(Vec<Arc<DataCategory>>);

/// How many resources of a type are of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    None,
    Some,
    All,
}

/// Types that say in `type` what kind of document they are or lead to.
const DOCUMENTS: [&str; 3] = ["Composition", "DocumentManifest", "DocumentReference"];

/// Types that say what format their content has.
const WITH_MEDIA: [&str; 3] = ["Binary", "DocumentReference", "Media"];

impl Classes {
    pub(super) fn add_type(&mut self, name: &'static str) {
        self.types.push(name);
    }

    pub(super) fn add_document(&mut self, loinc: &str) {
        self.documents.push(loinc.to_owned());
    }

    pub(super) fn add_media(&mut self, media: &str) {
        self.media.push(media.to_owned());
    }

    pub(super) fn add_category(&mut self, category: Arc<DataCategory>) {
        self.categories.add(category);
    }

    /// Returns true if and only if it names the type itself, or a category with resources of it.
    pub(super) fn names(&self, resource_type: &str) -> bool {
        self.types.contains(&resource_type) || self.categories.share(resource_type, Effect::Permit) != Share::None
    }

    /// Returns how many resources are of these classes for a rule of that effect: of that type, or of any.
    pub(super) fn share(&self, resource_type: Option<&str>, effect: Effect) -> Share {
        let Some(resource_type) = resource_type else {
            let nothing = self.types.is_empty() && self.documents.is_empty() && self.media.is_empty();
            return if nothing && self.categories.0.is_empty() { Share::None } else { Share::Some };
        };
        let is_document = DOCUMENTS.contains(&resource_type) || resource_type == "DiagnosticReport";
        let by_category = self.categories.share(resource_type, effect);
        if self.types.contains(&resource_type) || by_category == Share::All {
            Share::All
        } else if by_category == Share::Some
            || (is_document && !self.documents.is_empty())
            || (WITH_MEDIA.contains(&resource_type) && !self.media.is_empty())
        {
            Share::Some
        } else {
            Share::None
        }
    }

    /// Returns whether a resource is of one of these classes for a rule of that effect.
    pub(super) fn likeness(&self, resource: Value<'_>, resource_type: &str, effect: Effect) -> Likeness {
        if self.types.contains(&resource_type) {
            return Likeness::Is;
        }
        let by_category = self.categories.likeness(resource, resource_type, effect);
        by_category.or(self.as_document(resource, resource_type)).or(self.as_media(resource, resource_type))
    }

    /// A document that says in no code what it is may be any; a report may be written as a document.
    fn as_document(&self, resource: Value<'_>, resource_type: &str) -> Likeness {
        if self.documents.is_empty() {
            return Likeness::IsNot;
        }
        if DOCUMENTS.contains(&resource_type) {
            match self.lists_one_of(resource.get("type")) {
                Coded::Listed => Likeness::Is,
                Coded::Other => Likeness::IsNot,
                Coded::No => Likeness::Unknown,
            }
        } else if resource_type == "DiagnosticReport" && self.lists_one_of(resource.get("code")) == Coded::Listed {
            Likeness::Unknown
        } else {
            Likeness::IsNot
        }
    }

    fn lists_one_of(&self, concept: Option<Value<'_>>) -> Coded {
        let codings = concept.and_then(|concept| concept.get("coding"));
        let mut found = Coded::No;
        for coding in codings.iter().flat_map(Value::items) {
            let (Some(system), Some(code)) = (coding.text_of("system"), coding.text_of("code")) else { continue };
            if code_system(&system) == LOINC && self.documents.iter().any(|listed| *listed == code) {
                return Coded::Listed;
            }
            found = Coded::Other;
        }
        found
    }

    /// Of several contents a permit needs all to be listed; one that states no format may have any.
    fn as_media(&self, resource: Value<'_>, resource_type: &str) -> Likeness {
        if self.media.is_empty() || !WITH_MEDIA.contains(&resource_type) {
            return Likeness::IsNot;
        }
        let one = |format: Option<Value<'_>>| match format.and_then(|format| format.as_str()) {
            Some(format) => Likeness::of(self.media.iter().any(|listed| format.eq_ignore_ascii_case(listed))),
            None => Likeness::Unknown,
        };
        match (resource_type, resource.get("content")) {
            ("DocumentReference", Some(contents)) if contents.kind() == Kind::Array => {
                let formats = contents.items().map(|content| content.get("attachment")?.get("contentType"));
                let same = |all: Likeness, next| if all == next { all } else { Likeness::Unknown };
                formats.map(one).reduce(same).unwrap_or(Likeness::Unknown)
            }
            ("Media", Some(content)) => one(content.get("contentType")),
            ("Binary", _) => one(resource.get("contentType")),
            (_, _) => Likeness::Unknown,
        }
    }
}

impl Categories {
    pub(super) fn add(&mut self, category: Arc<DataCategory>) {
        self.0.push(category);
    }

    /// Returns whether a resource is of one of these categories for a rule of that effect: a permit of a category covers what
    /// belongs to it, a denial reaches what is of it alone (P9).
    pub(super) fn likeness(&self, resource: Value<'_>, resource_type: &str, effect: Effect) -> Likeness {
        let belonging = |category: &Arc<DataCategory>| match effect {
            Effect::Permit => category.covers(resource, resource_type),
            Effect::Deny => category.holds(resource, resource_type),
        };
        let likeness = |belonging| match belonging {
            Belonging::Yes => Likeness::Is,
            Belonging::No => Likeness::IsNot,
            Belonging::Untold => Likeness::Unknown,
        };
        self.0.iter().map(belonging).map(likeness).fold(Likeness::IsNot, Likeness::or)
    }

    /// Returns how many resources of a type are of these categories for a rule of that effect.
    fn share(&self, resource_type: &str, effect: Effect) -> Share {
        let of_type = |category: &Arc<DataCategory>| match effect {
            Effect::Permit => category.covers_type(resource_type),
            Effect::Deny => category.holds_type(resource_type),
        };
        self.0.iter().map(of_type).fold(Share::None, |all, one| match (all, one) {
            (Share::All, _) | (_, Belonging::Yes) => Share::All,
            (Share::Some, _) | (_, Belonging::Untold) => Share::Some,
            (Share::None, Belonging::No) => Share::None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coded {
    Listed,
    Other,
    No,
}
