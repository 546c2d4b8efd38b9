//! Sluis: a FHIR gateway that lets through what the patient's Consent allows, and nothing else.

pub mod audit;
#[cfg(feature = "gateway")]
pub mod cli;
pub mod consent;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod identity;
pub mod json;
pub mod label;
pub mod limits;
pub mod profile;
pub mod query;
pub mod view;
