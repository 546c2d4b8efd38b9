//! Identity: the caller, read from the certificate of the connection.

mod caller;

pub use caller::{Caller, CallerNames, CardType, CertificateFacts, IllFormed, Role, Ura, UziNumber};
