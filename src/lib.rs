//! Sluis: a FHIR gateway that lets through what the patient's Consent allows, and nothing else.
//!
//! The journey of a request, and the module that each stage is:
//!
//! ```text
//! TLS handshake   chain, purpose, revocation                      gateway::door, gateway::trust
//! identity        the certificate says who calls                  identity
//! query           a request head that was understood              query, profile
//! patient         the one person it is about                      gateway::patient_index
//! evidence        that person's Consents, from every source       gateway::consent_store, consent
//! decision        permit with a plan, or denial with a ground     consent, label, profile
//! audit           the intent is durable                           audit, gateway::journal
//! upstream        a canonical request, built from the query       query, gateway::upstream
//! view            resource by resource: judged, scrubbed, paged   view
//! bytes out       only what the view released                     gateway::forward, gateway::response
//! audit           closed with what was released and withheld      audit
//! ```
//!
//! Four laws hold: secrecy, fidelity, accountability, closed; [`manual`] says what each promises and what keeps it. The
//! order of the journey is kept by types: a decision makes a [`Permit`](consent::Permit), only a permit leads to an
//! [`Answer`](view::Answer), only an answer asks for data that can be released, and only the view makes
//! [`Released`](view::Released) bytes.
//!
//! Everything outside [`gateway`] and [`cli`] is pure: values in, values out, time as an argument. It builds and tests with
//! `--no-default-features`, without any dependency that does I/O.

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
pub mod manual;
pub mod profile;
pub mod query;
pub mod refusal;
#[cfg(test)]
mod sources;
pub mod view;
