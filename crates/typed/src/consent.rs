//! Consents: what two readers of one must agree on.

use fhir_sdk::DateTime;
use fhir_sdk::r4b::codes::{ConsentProvisionType, ConsentState};
use fhir_sdk::r4b::resources::{ConsentProvision, Resource};
use fhir_sdk::r4b::types::{CodeableConcept, Coding};

use super::{NotRead, resource};

/// What fhir-sdk reads in a Consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedConsent {
    /// Whether it is in force.
    pub status: TypedStatus,
    /// Every code of `scope`, whatever its system.
    pub scopes: Vec<String>,
    /// The reference to the patient.
    pub patient: Option<String>,
    /// Every provision, each before those inside it.
    pub provisions: Vec<TypedProvision>,
}

/// One provision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedProvision {
    /// Provisions around it.
    pub depth: usize,
    /// What it says itself; what it takes from around it is not computed.
    pub effect: TypedEffect,
    /// What it is about.
    pub elements: TypedElements,
}

/// What the elements of a provision state: codes of codings, and references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedElements {
    /// `period` and `dataPeriod`: start and end as they are written, without the time.
    pub periods: Vec<String>,
    /// `actor`: references.
    pub actors: Vec<String>,
    /// `action`: codes.
    pub actions: Vec<String>,
    /// `securityLabel`: codes.
    pub labels: Vec<String>,
    /// `purpose`: codes.
    pub purposes: Vec<String>,
    /// `class`, in R5 `resourceType` and `documentType`: codes.
    pub classes: Vec<String>,
    /// `code`: codes.
    pub codes: Vec<String>,
    /// `data`: meaning and reference.
    pub data: Vec<(String, String)>,
}

/// The type of a provision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypedEffect {
    /// `permit`
    Permit,
    /// `deny`
    Deny,
    /// None is stated.
    Unstated,
}

/// The status of a Consent (consent-state-codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the codes of FHIR R4")]
pub enum TypedStatus {
    Draft,
    Proposed,
    Active,
    Rejected,
    Inactive,
    EnteredInError,
}

impl TypedStatus {
    /// Returns the code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Inactive => "inactive",
            Self::EnteredInError => "entered-in-error",
        }
    }
}

/// Reads a Consent.
///
/// # Errors
/// The bytes are no Consent of R4B.
pub fn consent(bytes: &[u8]) -> Result<TypedConsent, NotRead> {
    let Resource::Consent(consent) = resource(bytes)? else { return Err(NotRead::AnotherType) };
    let mut provisions = Vec::new();
    if let Some(provision) = &consent.provision {
        list(provision, 0, &mut provisions);
    }
    Ok(TypedConsent {
        status: match consent.status {
            ConsentState::Draft => TypedStatus::Draft,
            ConsentState::Proposed => TypedStatus::Proposed,
            ConsentState::Active => TypedStatus::Active,
            ConsentState::Rejected => TypedStatus::Rejected,
            ConsentState::Inactive => TypedStatus::Inactive,
            ConsentState::EnteredInError => TypedStatus::EnteredInError,
        },
        scopes: consent.scope.coding.iter().flatten().filter_map(|coding| coding.code.clone()).collect(),
        patient: consent.patient.as_ref().and_then(|patient| patient.reference.clone()),
        provisions,
    })
}

fn list(provision: &ConsentProvision, depth: usize, provisions: &mut Vec<TypedProvision>) {
    let effect = match provision.r#type {
        Some(ConsentProvisionType::Permit) => TypedEffect::Permit,
        Some(ConsentProvisionType::Deny) => TypedEffect::Deny,
        None => TypedEffect::Unstated,
    };
    provisions.push(TypedProvision { depth, effect, elements: elements(provision) });
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
    TypedElements {
        periods: sides.flatten().map(day).collect(),
        actors: provision
            .actor
            .iter()
            .flatten()
            .map(|one| one.reference.reference.clone().unwrap_or_default())
            .collect(),
        actions: spoken(&provision.action),
        labels: codes(&provision.security_label),
        purposes: codes(&provision.purpose),
        classes: codes(&provision.class),
        codes: spoken(&provision.code),
        data: provision
            .data
            .iter()
            .flatten()
            .map(|one| (one.meaning.to_string(), one.reference.reference.clone().unwrap_or_default()))
            .collect(),
    }
}

/// Returns the date of a dateTime: how fhir-sdk writes a time is its own.
pub(crate) fn day(moment: &DateTime) -> String {
    let text = serde_json::to_value(moment).ok().and_then(|text| text.as_str().map(str::to_owned));
    text.unwrap_or_default().split('T').next().unwrap_or_default().to_owned()
}
