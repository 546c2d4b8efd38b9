//! What is read of a Consent first: whether it is in force, what it is about, and whose it is.

use super::Unreadable;
use super::element::{concept, list, object};
use crate::consent::evidence::{FhirVersion, Scope};
use crate::consent::source::Source;
use crate::json::{Kind, Value};

/// Whether a Consent counts.
pub(super) enum Set {
    Aside,
    Counts(Head),
}

/// What is known of a Consent that counts.
pub(super) struct Head {
    pub(super) scope: Scope,
}

const SCOPES: &[&str] = &["http://terminology.hl7.org/CodeSystem/consentscope", "http://hl7.org/fhir/consentscope"];

impl Head {
    pub(super) fn read(
        root: Value<'_>,
        version: FhirVersion,
        source: &Source,
        patient: &[String],
    ) -> Result<Set, Unreadable> {
        if root.text_of("resourceType").as_deref() != Some("Consent") {
            return Err(Unreadable::NotConsent);
        }
        match root.text_of("status").as_deref() {
            Some("active") => {}
            Some("draft" | "proposed" | "rejected" | "inactive" | "entered-in-error") => return Ok(Set::Aside),
            Some(_) | None => return Err(Unreadable::Status),
        }
        match version {
            FhirVersion::R4 | FhirVersion::R4b => {}
            FhirVersion::Stu3 | FhirVersion::R5 => return Err(Unreadable::Version),
        }
        let Some(scope) = scope(root)? else { return Ok(Set::Aside) };
        if !is_about(root, source, patient)? || is_unverified(root)? {
            return Ok(Set::Aside);
        }
        Ok(Set::Counts(Self { scope }))
    }
}

/// Reads the scope; nothing when it is of a kind that is not about sharing data. Of several, the one that counts counts.
fn scope(root: Value<'_>) -> Result<Option<Scope>, Unreadable> {
    let codings = concept(root.get("scope").ok_or(Unreadable::Scope)?)?;
    let codes =
        codings.iter().filter(|coding| SCOPES.contains(&coding.system.as_ref())).map(|coding| coding.code.as_ref());
    let codes: Vec<_> = codes.collect();
    if codes.is_empty()
        || !codes.iter().all(|code| matches!(*code, "patient-privacy" | "research" | "treatment" | "adr"))
    {
        return Err(Unreadable::Scope);
    }
    Ok(if codes.contains(&"patient-privacy") {
        Some(Scope::Any)
    } else if codes.contains(&"research") {
        Some(Scope::Research)
    } else {
        None
    })
}

/// Returns true if and only if the Consent is about the patient. One about nobody is general, and no patient's consent.
fn is_about(root: Value<'_>, source: &Source, patient: &[String]) -> Result<bool, Unreadable> {
    let Some(subject) = root.get("patient") else { return Ok(false) };
    let reference = subject.text_of("reference").map(|reference| source.normalise(&reference));
    match reference {
        Some(reference) if patient.contains(&reference) => Ok(true),
        Some(reference) if source.local(&reference).is_some() => Ok(false),
        Some(_) | None => Err(Unreadable::Patient),
    }
}

/// Returns true if and only if verification was tried, and never succeeded (consent.md 1.1).
fn is_unverified(root: Value<'_>) -> Result<bool, Unreadable> {
    let mut any = false;
    let mut all_false = true;
    for verification in list(root, "verification")? {
        object(
            verification,
            &["id", "extension", "verified", "verifiedWith", "verificationDate"],
            &["_verificationDate"],
        )?;
        let verified = verification.get("verified").filter(|verified| verified.kind() == Kind::Bool);
        any = true;
        all_false &= !verified.and_then(|verified| verified.as_bool()).ok_or(Unreadable::IllFormed)?;
    }
    Ok(any && all_false)
}
