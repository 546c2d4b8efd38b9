//! Audit: who asked what for whom, why, on what ground, and what left.
//!
//! A *trail* is the audit of one request: opened when the caller is known, closed exactly once. It hands *records* to a
//! *sink*; the journal of the gateway is the sink that writes them to disk, chained by their hashes. An intent is on
//! record before data that can be released is asked for; the closing record says how it ended. An *event* is a record of
//! something that is no request of a known caller.
//!
//! One record is one JSON line. `v`, `seq`, `time`, `kind`, `request`, `ground`, `prev` and `hash` stand on every line;
//! the others are the fields of NEN 7513:2018 as far as they are known:
//!
//! | NEN 7513 | member |
//! | --- | --- |
//! | 7.2.1, 7.2.4 event code, nature | `kind`, `interaction` (restful-interaction), `operation`, `event` |
//! | 7.2.2 action code | `action` |
//! | 7.2.3 date and time | `time` |
//! | 7.2.5 result | `outcome`, `status`, `cause` |
//! | 7.3.1 to 7.3.4 user, name, role | `who` |
//! | 7.3.10 access point | `address` |
//! | 7.4.1, 7.4.3 object | `patient`: its references, and the BSN where the request named one |
//! | 7.4.6 authorisation protocol | `authorisation.policy`, `exchange`; without a decision the policy in force |
//! | 7.4.7 treatment-relation protocol | `authorisation.relation`: the resource that shows it |
//! | 7.4.8 consent profile | `authorisation.consents`, with `ground` |
//! | 7.4.12 query | `asked`, base64 of what was received |
//! | 7.5.2 source | `source` |
//!
//! An access that is to be reviewed says so in `review`: `break-glass` with its `emergency` (id, since, until), or `reason`.
//!
//! The record is the protected part: it names the patient and, in `withheld`, what the caller was not to know of. It never
//! holds content of a resource, and none of this is for logs: the types here show nothing of it in `Debug`.

mod access;
mod access_log;
mod chain;
mod checkpoint;
mod event;
mod facts;
mod fhir;
mod incident;
mod members;
pub mod nen7513;
mod record;
mod trail;
mod verify;

pub use access::{Access, Accesses, Occurrence, Subject, Told};
pub use access_log::{Days, Language, LogLine, NotDays, Page, Shown, access_log};
pub use chain::{Entry, Hash, Head, Misread, NoCheckpoint, NotAHash, OpenIntent, read, written};
pub use checkpoint::{Checkpoint, Signature};
pub use event::{Event, EventKind};
pub use facts::{Basis, Closing, Differs, Emergency, Interaction, Opening, Outcome, Patient, Question, Review};
pub use fhir::{AuditEvent, Part, audit_events, patient_event};
pub use incident::{Incident, Reached};
pub use record::{Kind, Record};
pub use trail::{Sink, Trail};
pub use verify::{Bad, Ending, Fault, Verdict, Verification, Verifier};

#[cfg(test)]
mod tests;
