//! Query: a request head that was understood.

mod id;

pub use id::{BSN_SYSTEM, Bsn, Id, NotAnIdentifier};
