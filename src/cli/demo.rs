//! The demo: synthetic patients behind a gateway, all on loopback.

pub mod fhir_server;
pub mod pki;
