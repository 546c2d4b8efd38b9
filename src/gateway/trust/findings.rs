//! Findings: what a handshake has against a certificate, handed from OpenSSL's callback to the door.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslRef};
use openssl::x509::{X509StoreContext, X509StoreContextRef};

use crate::identity::{Finding, Reason};

/// What a handshake found against the certificate; attached to a connection before its handshake.
#[derive(Debug, Clone, Default)]
pub struct Findings(Arc<Mutex<Vec<Finding>>>);

impl Findings {
    /// Attaches findings, empty as yet, to a connection.
    ///
    /// # Errors
    ///
    /// When OpenSSL has no place for them.
    pub fn attach(ssl: &mut SslRef) -> Result<Self, ErrorStack> {
        let findings = Self::default();
        ssl.set_ex_data(findings_index()?, findings.clone());
        Ok(findings)
    }

    /// Returns the reasons of what was found. Empty when the certificate holds, or the handshake failed for another cause.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        self.all().iter().map(Finding::reason).collect()
    }

    /// Returns what was found.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, finding: Finding) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }
}

fn findings_index() -> Result<Index<Ssl, Findings>, ErrorStack> {
    static INDEX: OnceLock<Index<Ssl, Findings>> = OnceLock::new();
    if let Some(index) = INDEX.get() {
        return Ok(*index);
    }
    let index = Ssl::new_ex_index()?;
    Ok(*INDEX.get_or_init(|| index))
}

/// Returns the findings of the connection that is being verified, if it has them.
pub(super) fn findings_of(context: &X509StoreContextRef) -> Option<Findings> {
    let ssl = context.ex_data(X509StoreContext::ssl_idx().ok()?)?;
    ssl.ex_data(findings_index().ok()?).cloned()
}
