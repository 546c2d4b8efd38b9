//! Identity: the caller, read from the certificate of the connection.

mod caller;
mod reason;

pub use caller::{Caller, CallerNames, CardType, CertificateFacts, IllFormed, Role, Ura, UziNumber};
pub use reason::Reason;
