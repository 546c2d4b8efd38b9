//! Reading a Consent of FHIR R4, R4B or R5 into rules, strictly.
//!
//! Every member is known to matter or known not to; anything else makes the Consent unreadable, and so does a
//! `modifierExtension` anywhere. Status, scope and patient are read first: what they set aside is not read further.

mod base;
mod code;
mod element;
mod head;
mod provision;
mod statement;

use std::str::FromStr;

use super::evidence::{Content, FhirVersion, Filed};
use super::record::Referenced;
use super::source::Source;
use crate::json::Document;
use crate::limits;
use crate::query::Id;
use head::{Head, Set};

/// How a Consent is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As in R4 and R4B, which have the same Consent.
    R4,
    /// As in R5.
    R5,
}

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
    /// Its status is none of its version.
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
    /// It names a value set whose codes are not known.
    #[error("unknown value set")]
    ValueSet,
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
    match statement::read(root, head.form, source, container) {
        Ok(statement) => {
            referenced.put_contained(container, root, source);
            Some(Filed { reference, scope: head.scope, content: Content::Read(statement) })
        }
        Err(why) => unreadable(reference, head.scope, why),
    }
}
