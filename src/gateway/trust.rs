//! Trust: the anchors and CRLs in force, and what they say about a certificate.
//!
//! One way of judging for the TLS door and for `sluis uzi inspect`. The certificates of the trust directory are the only
//! anchors, wherever they stand in their own hierarchy (`PARTIAL_CHAIN`): other CAs under the same root prove nothing.
//! Every certificate below the anchor must be on no CRL of its issuer, and there must be one. OpenSSL's `CRL_CHECK_ALL`
//! would ask for the anchor's own CRL too, which nobody publishes next to a CA that is the anchor. So each certificate
//! below the anchor is judged by itself (`CRL_CHECK`), which needs no error to be excused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use openssl::x509::X509;
use openssl::x509::store::X509Store;
use openssl::x509::verify::X509VerifyFlags;
use time::OffsetDateTime;

use verify::{Pass, store_builder};

mod bundle;
mod crl;
mod error;
mod fault;
mod findings;
mod load;
mod verify;

pub(in crate::gateway) use crl::Crl;
pub use crl::CrlError;
pub use error::TrustError;
pub use findings::Findings;

/// Returns the DER of every certificate in a file of PEM, DER or PKCS#7, the leaf first.
///
/// # Errors
///
/// When the file cannot be read, is malformed, or is PKCS#7 without one leaf. Whether what DER it holds is a certificate is
/// not judged.
pub fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, TrustError> {
    bundle::certificates(path)
}

/// At which moment certificates and CRLs are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When the judging happens, by OpenSSL's clock.
    Present,
    /// Always at this one.
    At(OffsetDateTime),
}

/// The anchors and CRLs in force.
pub struct Trust {
    anchors: Vec<X509>,
    /// CAs below an anchor, known for their CRLs alone.
    intermediates: Vec<X509>,
    revocation: Option<(X509Store, Revocation)>,
    moment: Moment,
}

/// The CRLs of a directory.
struct Revocation {
    /// Of each issuer, the newest.
    newest: BTreeMap<Vec<u8>, crl::Edition>,
    /// Files with CRLs that say to be of a CA that did not sign them.
    unsigned: Vec<PathBuf>,
}

/// The directories of a trust.
#[derive(Debug, Clone, Copy)]
pub struct Directories<'a> {
    /// The anchors.
    pub trust: &'a Path,
    /// CAs below an anchor, whose CRLs are judged before one of their certificates is seen.
    pub intermediates: Option<&'a Path>,
    /// The CRLs; none where revocation is not judged.
    pub crl: Option<&'a Path>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust")
            .field("anchors", &self.anchors.len())
            .field("crls", &self.crl_issuers())
            .field("moment", &self.moment)
            .finish()
    }
}

impl Trust {
    /// Reads the anchors in `trust_dir` and, if revocation is judged, the CRLs in `crl_dir`.
    ///
    /// Every `*.pem`, `*.crt`, `*.cer` counts as certificates, every `*.pem`, `*.crl` as CRLs; several per PEM file.
    ///
    /// # Errors
    ///
    /// When a file that counts cannot be read in full, or there is no anchor.
    pub fn load(trust_dir: &Path, crl_dir: Option<&Path>, moment: Moment) -> Result<Self, TrustError> {
        Self::of(Directories { trust: trust_dir, intermediates: None, crl: crl_dir }, moment)
    }

    /// Reads these directories.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn of(directories: Directories<'_>, moment: Moment) -> Result<Self, TrustError> {
        let Directories { trust, intermediates, crl } = directories;
        let anchors = load::anchors(trust)?;
        let intermediates = intermediates.map_or_else(|| Ok(Vec::new()), load::authorities)?;
        let revocation = match crl {
            Some(dir) => {
                let mut builder = store_builder(&anchors, Pass::Validity, moment, X509VerifyFlags::CRL_CHECK)?;
                let known: Vec<&X509> = anchors.iter().chain(&intermediates).collect();
                let revocation = load::crls(dir, &mut builder, &known)?;
                Some((builder.build(), revocation))
            }
            None => None,
        };
        Ok(Self { anchors, intermediates, revocation, moment })
    }

    /// Checks that this may take the place of what was in force: no CRL that its issuer did not sign, and none that is older
    /// than the one before.
    ///
    /// # Errors
    ///
    /// The first that may not.
    pub fn may_follow(&self, before: &Self) -> Result<(), TrustError> {
        let Some((_, revocation)) = &self.revocation else { return Ok(()) };
        if let Some(path) = revocation.unsigned.first() {
            return Err(TrustError::NotSigned { path: path.clone() });
        }
        let there = before.revocation.as_ref().map(|(_, revocation)| &revocation.newest);
        let is_older = |(issuer, edition): (&Vec<u8>, &crl::Edition)| {
            there.and_then(|there| there.get(issuer)).is_some_and(|there| edition.is_before(there))
        };
        match revocation.newest.iter().filter(|&each| is_older(each)).count() {
            0 => Ok(()),
            issuers => Err(TrustError::Older { issuers }),
        }
    }

    /// Judges a CRL that comes from elsewhere; returns until when it holds.
    ///
    /// # Errors
    ///
    /// It is of nobody known here, not signed, does not hold, or is older than what is in force.
    pub(in crate::gateway) fn take(&self, crl: &Crl, now: OffsetDateTime) -> Result<OffsetDateTime, CrlError> {
        crl.is_signed_by_one_of(self.anchors.iter().chain(&self.intermediates))?;
        crl.holds_at(now)?;
        let there = self.revocation.as_ref().and_then(|(_, revocation)| revocation.newest.get(crl.issuer()));
        if there.is_some_and(|there| crl.edition().is_before(there)) {
            return Err(CrlError::Older);
        }
        Ok(crl.edition().next_update)
    }

    /// Returns true if and only if a CRL says to be of a CA that is known and did not sign it.
    #[must_use]
    pub fn holds_unsigned(&self) -> bool {
        self.revocation.as_ref().is_some_and(|(_, revocation)| !revocation.unsigned.is_empty())
    }

    /// Returns until when every issuer's newest CRL holds; nothing when revocation is not judged or no CRL is there.
    #[must_use]
    pub fn earliest_next_update(&self) -> Option<OffsetDateTime> {
        self.revocation.as_ref()?.1.newest.values().map(|edition| edition.next_update).min()
    }

    /// Returns how many issuers have a CRL.
    #[must_use]
    pub fn crl_issuers(&self) -> usize {
        self.revocation.as_ref().map_or(0, |(_, revocation)| revocation.newest.len())
    }
}

#[cfg(test)]
mod tests;
