//! Consents: what two readers of one must agree on.

use fhir_sdk::r4b::codes::{ConsentProvisionType, ConsentState};
use fhir_sdk::r4b::resources::{ConsentProvision, Resource};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypedProvision {
    /// Provisions around it.
    pub depth: usize,
    /// What it says itself; what it takes from around it is not computed.
    pub effect: TypedEffect,
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
    provisions.push(TypedProvision { depth, effect });
    for inner in provision.provision.iter().flatten() {
        list(inner, depth + 1, provisions);
    }
}
