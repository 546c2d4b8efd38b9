//! The view: what is left of the upstream's answer for this caller.
//!
//! Upstream bytes come in, released bytes go out; nothing here waits, asks or sends. What is visible is said in the design
//! of the project: each resource is judged as the server has it, what is hidden leaves no trace, and what is released is
//! the server's own bytes.

mod absence;
mod answer;
mod compartment;
mod composed;
mod cut;
mod entry;
mod error;
#[cfg(feature = "faults")]
pub mod faults;
mod foreign;
mod graph;
mod include;
mod judge;
mod latest;
mod links;
mod need;
mod notice;
mod project;
mod reference;
mod released;
mod resource;
mod scan;
mod scrub;
mod steady;
mod structure;
mod summary;
mod ties;
mod unit;
mod visited;
mod words;
mod writer;

use std::sync::Arc;

use crate::consent::Plan;
use crate::label::Tables;
use crate::profile::Offer;
use crate::query::{Id, Target};

pub use answer::Answer;
pub use compartment::subjects;
pub use error::{Origin, ViewError};
pub use notice::{Mode, Notice};
pub(crate) use project::has_element;
pub use released::{Released, Report, empty_searchset};
pub(crate) use steady::is_steady;
pub use summary::Letterhead;
pub use words::FreeText;

/// What an answer depends on besides question and plan.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What the exchange profiles offer this caller.
    pub offer: Offer,
    /// What codes stand for.
    pub tables: Arc<Tables>,
    /// The Patient records of the one person whom the question is about.
    pub person: Vec<Id>,
    /// The base URLs under which the upstream is known, without a slash at the end.
    pub upstream_bases: Vec<String>,
    /// The base URL under which callers know the gateway, without a slash at the end.
    pub public_base: String,
    /// What happens to narratives.
    pub narrative: Narrative,
    /// What happens to free text where something is left to judge per resource.
    pub free_text: FreeText,
    /// What callers are told of what is withheld.
    pub mode: Mode,
    /// What other policies would take out, if they are asked as well: where they differ is reported.
    pub shadow: Option<Plan>,
}

/// What an [`Answer`] needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask the upstream this.
    Ask(Target),
    /// Nothing: the answer is there.
    End(Ending),
}

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
    /// Where nothing is left to judge per resource; who gets one can tell that no plan is in force. A resource that would lose
    /// a reference goes as a whole if it has a narrative, which may tell of what went.
    Keep,
}

#[cfg(test)]
mod tests;
