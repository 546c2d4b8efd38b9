//! Deciding: from a patient's Consents to what this caller may see.

mod ground;
mod purpose;

pub use ground::Ground;
pub use purpose::Purpose;
