//! A second, typed reading of FHIR: fhir-sdk (R4B, and R5 with the feature `r5`) behind functions without type parameters.
//!
//! Sluis reads Consents and writes its own answers by itself. This crate reads the same bytes with a model that others made,
//! so that tests can compare. It is no part of the path of patient data: fhir-sdk drops members it does not know and keeps
//! decimals as floating point, so what it has read can never be passed on.
//!
//! fhir-sdk's code is generic and large; everything that instantiates it is in here, and is compiled once.

mod consent;
#[cfg(feature = "r5")]
mod consent_r5;
mod written;

pub use consent::{TypedConsent, TypedEffect, TypedElements, TypedProvision, TypedStatus, consent};
#[cfg(feature = "r5")]
pub use consent_r5::{TypedConsentR5, consent_r5};
pub use written::{
    TypedBundle, TypedCapabilities, TypedOutcome, TypedType, bundle, capability_statement, observation_value,
    operation_outcome,
};

use fhir_sdk::r4b::resources::Resource;

/// Why bytes have no typed reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRead {
    /// fhir-sdk does not read them as a resource of R4B. What it says about that may quote the resource, and is dropped.
    NotR4b,
    /// The same of R5.
    #[cfg(feature = "r5")]
    NotR5,
    /// They are a resource of another type.
    AnotherType,
}

impl std::fmt::Display for NotRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotR4b => "not a resource of FHIR R4B",
            #[cfg(feature = "r5")]
            Self::NotR5 => "not a resource of FHIR R5",
            Self::AnotherType => "a resource of another type",
        })
    }
}

impl std::error::Error for NotRead {}

fn resource(bytes: &[u8]) -> Result<Resource, NotRead> {
    serde_json::from_slice(bytes).map_err(|_| NotRead::NotR4b)
}
