//! The view: what is left of the upstream's answer for this caller.
//!
//! Upstream bytes come in, released bytes go out; nothing here waits, asks or sends. What is visible is said in the design
//! of the project: each resource is judged as the server has it, what is hidden leaves no trace, and what is released is
//! the server's own bytes.

mod compartment;
mod error;
mod released;

pub use compartment::subjects;
pub use error::{Origin, ViewError};
pub use released::{Released, Report, empty_searchset};

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A searchset, to be closed with its links.
    Searchset {
        /// How many visible matches the next page skips; none when no visible match follows.
        next_skip: Option<usize>,
    },
    /// One resource, ready to be taken.
    Resource,
    /// Hidden, outside, deleted or unknown: these cannot be told apart.
    NotVisible,
}

/// Whether the narrative (`text`) of resources is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Narrative {
    /// Never.
    Drop,
    /// Where nothing is left to judge per resource; who gets one can tell that no plan is in force.
    Keep,
}
