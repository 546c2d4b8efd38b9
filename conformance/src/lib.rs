//! Conformance: drives a gateway by URL, in front of a real FHIR server, and knows nothing of the gateway's code.
//!
//! | module | |
//! | --- | --- |
//! | [`hapi`] | a real HAPI FHIR server, its records, and how to make one of them never have been |
//! | [`gateway`] | a data directory as `sluis demo --write` makes it, and gateway processes on it |
//! | [`client`] | a caller with its certificate, and what it asks |
//! | [`journal`] | what a gateway put on record |
//! | [`record`] | resources and Bundles as bytes |
//! | [`story`] | who may see what of the demo's patients, by rules written for these tests |
//! | [`crowd`] | so many resources of one type that they do not fit a page |
//! | [`invented`] | patients that follow from a seed, and what is asked about them |
//! | [`request`] | what is asked of a gateway about one patient |
//! | [`twin`] | the same requests in two worlds, and every difference between the answers |
//! | [`wire`] | HTTP/1.1 with nothing normalised |

pub mod client;
pub mod crowd;
pub mod gateway;
pub mod hapi;
pub mod invented;
pub mod journal;
mod process;
pub mod record;
pub mod request;
pub mod story;
pub mod trouble;
pub mod twin;
pub mod wire;

pub use trouble::Trouble;
