//! Identity: the caller, read from the certificate of the connection.
//!
//! A UZI certificate says who calls in one otherName of seven fields (CPS UZI-register, 7.1), and says much of it again
//! elsewhere: in the subject, in other names, in the issuer and its policies. A caller is proven only where all of it
//! agrees. Whether the chain holds and nothing is revoked is the shell's to judge (`gateway::trust`).

mod acting;
mod admission;
mod caller;
mod certificate;
mod der;
mod distinguished;
mod facility;
mod finding;
mod form;
mod identify;
mod reason;
mod register;
mod san;
pub mod statement;

#[cfg(test)]
pub(crate) use acting::doctor_behind;
pub use acting::{StatementFacts, StatementKind};
pub use admission::Admitted;
pub use caller::{Caller, CallerNames, CardType, CertificateFacts, IllFormed, Role, Ura, UziNumber};
pub use facility::FacilityTypes;
pub use finding::Finding;
pub use identify::{Examination, Refused, Strictness, examine, identify};
pub use reason::Reason;
pub use register::{Issuer, Register, World};
pub use san::Statement;
