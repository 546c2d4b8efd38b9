//! Deciding: from a patient's Consents to what this caller may see.
//!
//! [`Evidence`] is read from the Consents on file, strictly; [`decide`] puts a question to it and yields a [`Decision`]; what
//! is left to judge on each resource is the [`Plan`] of a permit.

mod actor;
mod answer;
mod asked;
mod caller_records;
mod case;
mod class;
mod clinical_time;
mod code;
mod combine;
mod condition;
mod datum;
mod decide;
mod directory_answer;
mod evaluate;
mod evidence;
mod ground;
#[cfg(test)]
mod laws;
mod likeness;
#[cfg(test)]
mod oracle;
mod parties;
mod permit;
mod plan;
mod privacy;
mod purpose;
mod read;
mod record;
mod relation;
mod replace;
mod resource_type;
mod rest;
mod rule;
mod shadow;
mod source;
mod specificity;
mod tree;
mod window;

pub use answer::Answer;
pub use asked::{Admission, Asked, Holder, NotUnlabelled, Unlabelled};
pub use caller_records::CallerRecords;
pub use case::{CaseMistake, answer};
pub use combine::{Combining, NotCombining};
pub use decide::{Decision, Denial, admit, decide};
pub use directory_answer::DirectoryAnswer;
pub use evidence::{Evidence, FhirVersion, Standing};
pub use ground::Ground;
pub use permit::{Permit, Wish};
pub use plan::{Plan, Sight, Verdict};
pub use privacy::is_privacy_consent;
pub use purpose::Purpose;
pub use read::Unreadable;
pub use relation::TreatmentRelation;
pub(crate) use rule::LabelSet;
pub use rule::{Action, Effect};
pub use shadow::Shadow;
pub use source::{Register, Source};
