//! What is read of a Consent first: whether it is in force, what it is about, and whose it is.

use super::element::{concept, date, list, object, reference_alone};
use super::{Form, Unreadable};
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
    pub(super) form: Form,
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
        let status = root.text_of("status");
        let form = match version {
            FhirVersion::R4 | FhirVersion::R4b => Form::R4,
            FhirVersion::R5 => Form::R5,
            FhirVersion::Stu3 => return Err(Unreadable::Version),
        };
        match (status.as_deref(), form) {
            (Some("active"), _) => {}
            (Some("draft" | "inactive" | "entered-in-error"), _)
            | (Some("proposed" | "rejected"), Form::R4)
            | (Some("not-done" | "unknown"), Form::R5) => return Ok(Set::Aside),
            (Some(_) | None, _) => return Err(Unreadable::Status),
        }
        let scope = match form {
            Form::R4 => scope(root)?,
            // What names its patient as R4 does must not pass for one that is about nobody.
            Form::R5 if ["scope", "patient"].iter().any(|name| root.get(name).is_some()) => {
                return Err(Unreadable::UnknownMember);
            }
            Form::R5 => scope_of_r5(root)?,
        };
        let Some(scope) = scope else { return Ok(Set::Aside) };
        let is_about = match form {
            Form::R4 => is_about(root, source, patient)?,
            Form::R5 => is_about_in_r5(root, source, patient)?,
        };
        if !is_about || is_unverified(root, form)? {
            return Ok(Set::Aside);
        }
        Ok(Set::Counts(Self { form, scope }))
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

/// What a category of R5 says the Consent is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Privacy,
    Research,
    /// Treatment, directives: not sharing data.
    Otherwise,
}

/// Reads the scope of R5, whose codes stand among the categories. One that no category tells to be about something else is
/// about sharing data.
fn scope_of_r5(root: Value<'_>) -> Result<Option<Scope>, Unreadable> {
    let mut about = Vec::new();
    for category in list(root, "category")? {
        for coding in concept(category)? {
            if SCOPES.contains(&coding.system.as_ref()) {
                about.push(match coding.code.as_ref() {
                    "patient-privacy" => About::Privacy,
                    "research" => About::Research,
                    "treatment" | "adr" => About::Otherwise,
                    _ => return Err(Unreadable::Scope),
                });
            } else {
                about.extend(match (coding.system.as_ref(), coding.code.as_ref()) {
                    ("http://terminology.hl7.org/CodeSystem/consentcategorycodes", code) => match code {
                        "acd" | "dnr" | "hcd" | "polst" => Some(About::Otherwise),
                        "research" | "rsdid" | "rsreid" => Some(About::Research),
                        _ => Some(About::Privacy),
                    },
                    (_, "IDSCL" | "INFA" | "INFAO" | "INFASO") => Some(About::Privacy),
                    (_, "RESEARCH" | "RSDID" | "RSREID") => Some(About::Research),
                    (_, _) => None,
                });
            }
        }
    }
    Ok(if about.contains(&About::Privacy) || about.is_empty() {
        Some(Scope::Any)
    } else if about.contains(&About::Research) {
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

/// The same of R5, where the subject may also be a Practitioner, who is not this patient, or a Group, which may hold them.
fn is_about_in_r5(root: Value<'_>, source: &Source, patient: &[String]) -> Result<bool, Unreadable> {
    let Some(subject) = root.get("subject") else { return Ok(false) };
    let reference = subject.text_of("reference").map(|reference| source.normalise(&reference));
    match reference {
        Some(reference) if patient.contains(&reference) => Ok(true),
        Some(reference) => match source.local(&reference).and_then(|local| local.split_once('/')) {
            Some(("Patient" | "Practitioner", _)) => Ok(false),
            Some(_) | None => Err(Unreadable::Patient),
        },
        None => Err(Unreadable::Patient),
    }
}

/// Returns true if and only if verification was tried, and never succeeded (consent.md 1.1).
fn is_unverified(root: Value<'_>, form: Form) -> Result<bool, Unreadable> {
    let mut any = false;
    let mut all_false = true;
    for verification in list(root, "verification")? {
        match form {
            Form::R4 => {
                let known = ["id", "extension", "verified", "verifiedWith", "verificationDate"];
                object(verification, &known, &["_verificationDate"])?;
                date(verification, "verificationDate")?;
            }
            Form::R5 => {
                let known = [
                    "id",
                    "extension",
                    "verified",
                    "verificationType",
                    "verifiedBy",
                    "verifiedWith",
                    "verificationDate",
                ];
                object(verification, &known, &["_verificationDate"])?;
                if let Some(by) = verification.get("verifiedBy") {
                    reference_alone(by)?;
                }
            }
        }
        let verified = verification.get("verified").filter(|verified| verified.kind() == Kind::Bool);
        any = true;
        all_false &= !verified.and_then(|verified| verified.as_bool()).ok_or(Unreadable::IllFormed)?;
    }
    Ok(any && all_false)
}
