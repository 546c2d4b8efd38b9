//! Consents of R5: what two readers of one must agree on.

use fhir_sdk::r5::codes::ConsentProvisionType;
use fhir_sdk::r5::resources::{ConsentProvision, Resource};
use fhir_sdk::r5::types::{CodeableConcept, Coding};

use super::NotRead;
use super::consent::{TypedEffect, TypedElements, TypedProvision, day};

/// What fhir-sdk reads in a Consent of R5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedConsentR5 {
    /// The code of its status.
    pub status: String,
    /// `decision`: what holds where no provision does.
    pub decision: TypedEffect,
    /// The reference to the patient.
    pub subject: Option<String>,
    /// Every provision, each before those inside it. In R5 none has an effect of its own.
    pub provisions: Vec<TypedProvision>,
}

/// Reads a Consent of R5.
///
/// # Errors
/// The bytes are no Consent of R5.
pub fn consent_r5(bytes: &[u8]) -> Result<TypedConsentR5, NotRead> {
    let resource: Resource = serde_json::from_slice(bytes).map_err(|_| NotRead::NotR5)?;
    let Resource::Consent(consent) = resource else { return Err(NotRead::AnotherType) };
    let mut provisions = Vec::new();
    consent.provision.iter().flatten().for_each(|provision| list(provision, 0, &mut provisions));
    Ok(TypedConsentR5 {
        status: consent.status.to_string(),
        decision: match consent.decision {
            Some(ConsentProvisionType::Permit) => TypedEffect::Permit,
            Some(ConsentProvisionType::Deny) => TypedEffect::Deny,
            None => TypedEffect::Unstated,
        },
        subject: consent.subject.as_ref().and_then(|subject| subject.reference.clone()),
        provisions,
    })
}

fn list(provision: &ConsentProvision, depth: usize, provisions: &mut Vec<TypedProvision>) {
    provisions.push(TypedProvision { depth, effect: TypedEffect::Unstated, elements: elements(provision) });
    for inner in provision.provision.iter().flatten() {
        list(inner, depth + 1, provisions);
    }
}

fn elements(provision: &ConsentProvision) -> TypedElements {
    let codes = |codings: &[Option<Coding>]| -> Vec<String> {
        codings.iter().flatten().filter_map(|coding| coding.code.clone()).collect()
    };
    let spoken = |concepts: &[Option<CodeableConcept>]| -> Vec<String> {
        concepts.iter().flatten().flat_map(|concept| codes(&concept.coding)).collect()
    };
    let periods = [&provision.period, &provision.data_period];
    let sides = periods.into_iter().flatten().flat_map(|period| [&period.start, &period.end]);
    let actors =
        provision.actor.iter().flatten().map(|actor| {
            actor.reference.as_ref().and_then(|reference| reference.reference.clone()).unwrap_or_default()
        });
    let data = provision.data.iter().flatten();
    TypedElements {
        periods: sides.flatten().map(day).collect(),
        actors: actors.collect(),
        actions: spoken(&provision.action),
        labels: codes(&provision.security_label),
        purposes: codes(&provision.purpose),
        classes: [codes(&provision.resource_type), codes(&provision.document_type)].concat(),
        codes: spoken(&provision.code),
        data: data.map(|one| (one.meaning.to_string(), one.reference.reference.clone().unwrap_or_default())).collect(),
    }
}
