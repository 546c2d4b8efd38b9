//! Profiles: the files that say what kinds of traffic there are, and what holds for them.

mod error;

pub use error::ProfileError;
