//! Why directories of anchors and CRLs cannot be used.

use std::path::PathBuf;

use openssl::error::ErrorStack;

use super::CrlError;

/// Why a trust or CRL directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A directory or a file in it cannot be read.
    #[error("{path}: cannot be read ({kind})")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// A file is no certificate or CRL, or not wholly.
    #[error("{path}: expected {expected} in PEM or DER")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A certificate in the trust directory is no CA, and an anchor that is a leaf would escape revocation.
    #[error("{path}: not the certificate of a CA")]
    NotACa {
        /// Which.
        path: PathBuf,
    },
    /// A CRL does not say until when it holds.
    #[error("{path}: CRL without nextUpdate")]
    NoNextUpdate {
        /// Which.
        path: PathBuf,
    },
    /// Which certificate of a PKCS#7 file is the one to be judged is not told by its order.
    #[error("{path}: expected one certificate that is no CA among those of PKCS#7")]
    NoLeaf {
        /// Which.
        path: PathBuf,
    },
    /// A CRL of a CA that is known, which that CA did not sign.
    #[error("{path}: a CRL that names {issuer} as its issuer, which did not sign it")]
    NotSigned {
        /// Which.
        path: PathBuf,
        /// Whose it says to be, by its common name.
        issuer: String,
    },
    /// A CRL that was published before one that was there.
    #[error("{path}: a CRL of {issuer} that is older than the last one seen")]
    Older {
        /// Which.
        path: PathBuf,
        /// Whose, by its common name.
        issuer: String,
    },
    /// A CRL that does not count stands where one stood that did.
    #[error("{path}: the CRL of {issuer} does not count: {cause}")]
    NotWhole {
        /// Which.
        path: PathBuf,
        /// Whose, by its common name.
        issuer: String,
        /// Why.
        cause: CrlError,
    },
    /// What the gateway noted of the CRLs that it saw.
    #[error("{path}: expected what the gateway noted of CRLs; remove it to forget which were seen")]
    Notes {
        /// Which.
        path: PathBuf,
    },
    /// The trust directory holds no certificate.
    #[error("{path}: no certificate in *.pem, *.crt or *.cer")]
    NoAnchor {
        /// Which.
        path: PathBuf,
    },
    /// No client can be made that asks responders.
    #[error("no HTTP client can be made that asks OCSP responders")]
    Client,
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] ErrorStack),
}
