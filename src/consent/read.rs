//! Reading a Consent of FHIR R4 or R4B into rules, strictly.
//!
//! Every member is known to matter or known not to; anything else makes the Consent unreadable, and so does a
//! `modifierExtension` anywhere. Status, scope and patient are read first: what they set aside is not read further.

mod element;
mod head;
mod provision;

use std::str::FromStr;

use super::evidence::{Content, FhirVersion, Filed};
use super::record::{self, Referenced};
use super::rule::{Base, Effect, Root, Statement};
use super::source::Source;
use crate::json::{Document, Kind, Value};
use crate::limits;
use crate::query::Id;
use element::{concept, list, object};
use head::{Head, Set};

/// Why a Consent that counts cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON that every reader reads alike, or too large.
    #[error("not strict JSON")]
    Json,
    /// It is no Consent.
    #[error("not a Consent")]
    NotConsent,
    /// It is written in a version of FHIR that is not read.
    #[error("a version of FHIR that is not read")]
    Version,
    /// Its status is none of R4.
    #[error("unknown status")]
    Status,
    /// Its scope is missing or unknown.
    #[error("missing or unknown scope")]
    Scope,
    /// It cannot be told whose it is.
    #[error("patient cannot be told")]
    Patient,
    /// It has a `modifierExtension` or `implicitRules`: its meaning is not the one that FHIR gives it.
    #[error("modifierExtension or implicitRules")]
    Modified,
    /// It has a member that is not known.
    #[error("unknown member")]
    UnknownMember,
    /// A member has another shape than FHIR gives it.
    #[error("ill-formed member")]
    IllFormed,
    /// A code is not one of its system.
    #[error("unknown code of a known system")]
    UnknownCode,
    /// It uses an element that is not judged.
    #[error("an element that is not judged")]
    NotJudged,
    /// It has more provisions, or more of them inside one another, than are judged.
    #[error("too many provisions")]
    Limit,
}

/// Reads one Consent; nothing when it is set aside. Records it contains go into `referenced` under `container`.
pub(super) fn read(
    bytes: &[u8],
    version: FhirVersion,
    source: &Source,
    patient: &[String],
    container: &str,
    referenced: &mut Referenced,
) -> Option<Filed> {
    let unreadable =
        |reference: String, scope, why| Some(Filed { reference, scope, content: Content::Unreadable(why) });
    let any = super::evidence::Scope::Any;
    let Ok(document) = Document::read(bytes, limits::CONSENT) else {
        return unreadable("Consent".to_owned(), any, Unreadable::Json);
    };
    let root = document.root();
    let id = root.text_of("id").and_then(|id| Id::from_str(&id).ok());
    let reference = id.map_or_else(|| "Consent".to_owned(), |id| format!("Consent/{}", id.as_str()));
    let head = match Head::read(root, version, source, patient) {
        Ok(Set::Aside) => return None,
        Ok(Set::Counts(head)) => head,
        Err(why) => return unreadable(reference, any, why),
    };
    match statement(root, source, container) {
        Ok(statement) => {
            referenced.put_contained(container, root, source);
            let organizations = root.get("organization");
            let organizations = organizations.iter().flat_map(Value::items);
            let managers = organizations.map(|manager| record::who(manager, source, container)).collect();
            Some(Filed { reference, scope: head.scope, content: Content::Read { statement, managers } })
        }
        Err(why) => unreadable(reference, head.scope, why),
    }
}

/// Members that say nothing about what is permitted, or that [`Head`] has read.
const MEMBERS: &[&str] = &[
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "identifier",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
    "provision",
];

fn statement(root: Value<'_>, source: &Source, container: &str) -> Result<Statement, Unreadable> {
    if is_modified(root) {
        return Err(Unreadable::Modified);
    }
    object(root, MEMBERS, &["_language", "_dateTime"])?;
    for manager in list(root, "organization")? {
        element::reference(manager, source, container)?;
    }
    let base = base(root)?;
    let root = match root.get("provision") {
        Some(provision) => provision::root(provision, base, source, container)?,
        None => Root::None,
    };
    Ok(Statement { base, root })
}

/// Returns true if and only if a member anywhere in the Consent may change the meaning of what is around it.
fn is_modified(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Object => value
            .members()
            .any(|member| matches!(member.name, "modifierExtension" | "implicitRules") || is_modified(member.value)),
        Kind::Array => value.items().any(is_modified),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => false,
    }
}

/// Reads `policyRule`: OPTIN and OPTOUT (also with exceptions, which the provisions then are) are a base. Codes of other
/// systems name a form or a law, and compute nothing.
fn base(root: Value<'_>) -> Result<Base, Unreadable> {
    let Some(rule) = root.get("policyRule") else { return Ok(Base::Silent) };
    let mut base = Base::Silent;
    for coding in concept(rule)? {
        if !crate::label::Sensitivities::is_system(&coding.system) {
            continue;
        }
        let says = match coding.code.as_ref() {
            "OPTIN" => Base::Says(Effect::Permit),
            "OPTOUT" | "OPTOUTE" => Base::Says(Effect::Deny),
            _ => return Err(Unreadable::UnknownCode),
        };
        if base != Base::Silent && base != says {
            return Err(Unreadable::IllFormed);
        }
        base = says;
    }
    Ok(base)
}
