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

use edition::Edition;
use verify::{Pass, store_builder};

mod bundle;
mod crl;
mod edition;
mod error;
mod fault;
mod findings;
mod load;
mod standing;
mod verify;

pub(in crate::gateway) use crl::Crl;
pub use crl::CrlError;
pub use edition::Editions;
pub(in crate::gateway) use edition::SKEW;
pub use error::TrustError;
pub use findings::Findings;
pub use standing::{CrlState, Standing};

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

/// What becomes of a certificate whose issuer has no CRL here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithoutCrl {
    /// Nothing shows that it is not revoked.
    Refused,
    /// A responder is to be asked, before anything is granted.
    Asked,
}

/// A certificate that holds but for one thing: whether it is revoked is not known.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Unproven {
    pub(in crate::gateway) certificate: X509,
    pub(in crate::gateway) issuer: X509,
    /// Certificates between it and the leaf, the leaf included: 0 is the leaf.
    pub(in crate::gateway) depth: usize,
}

impl Unproven {
    /// Returns the common name of its issuer.
    pub(in crate::gateway) fn issuer_name(&self) -> String {
        crl::common_name(self.issuer.subject_name())
    }
}

/// The anchors and CRLs in force.
pub struct Trust {
    without_crl: WithoutCrl,
    anchors: Vec<X509>,
    /// CAs below an anchor, known for their CRLs alone.
    intermediates: Vec<X509>,
    revocation: Option<(X509Store, Revocation)>,
    moment: Moment,
}

/// The CRLs of a directory.
struct Revocation {
    /// Of each series, the newest that counts.
    newest: BTreeMap<String, Newest>,
    set_aside: Vec<SetAside>,
}

/// The newest CRL of a series.
struct Newest {
    path: PathBuf,
    /// The common name of its issuer.
    issuer: String,
    /// The CA that signed it, where that is known.
    signer: Option<X509>,
    edition: Edition,
}

/// A CRL that does not count, and the file with it.
struct SetAside {
    path: PathBuf,
    /// The common name of the issuer that it says to have.
    issuer: String,
    cause: CrlError,
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
        Self::of(Directories { trust: trust_dir, intermediates: None, crl: crl_dir }, moment, &Editions::default())
    }

    /// Reads these directories; a CRL from before what was `seen` of its issuer does not count.
    ///
    /// # Errors
    ///
    /// As [`Self::load`].
    pub fn of(directories: Directories<'_>, moment: Moment, seen: &Editions) -> Result<Self, TrustError> {
        let Directories { trust, intermediates, crl } = directories;
        let anchors = load::anchors(trust)?;
        let intermediates = intermediates.map_or_else(|| Ok(Vec::new()), load::authorities)?;
        let revocation = match crl {
            Some(dir) => {
                let mut builder = store_builder(&anchors, Pass::Validity, moment, X509VerifyFlags::CRL_CHECK)?;
                let known: Vec<&X509> = anchors.iter().chain(&intermediates).collect();
                let revocation = load::crls(dir, &mut builder, &known, seen)?;
                Some((builder.build(), revocation))
            }
            None => None,
        };
        Ok(Self { without_crl: WithoutCrl::Refused, anchors, intermediates, revocation, moment })
    }

    /// Leaves certificates whose issuer has no CRL here to whoever can ask a responder.
    #[must_use]
    pub fn asking(self) -> Self {
        Self { without_crl: WithoutCrl::Asked, ..self }
    }

    /// Returns true if and only if something else than a CRL may tell that a certificate is not revoked.
    pub(in crate::gateway) fn asks(&self) -> bool {
        self.without_crl == WithoutCrl::Asked
    }

    /// Checks that this may take the place of what was in force: no CRL that its issuer did not sign, none from before one
    /// that was seen, and no part where a full one was.
    ///
    /// # Errors
    ///
    /// The first that may not.
    pub(in crate::gateway) fn may_follow(&self, before: &Self) -> Result<(), TrustError> {
        let Some((_, revocation)) = &self.revocation else { return Ok(()) };
        // Of an issuer that is not known nothing is kept: it is told by what was in force.
        for (series, Newest { path, issuer, edition, signer: _ }) in &revocation.newest {
            let there = before.revocation.as_ref().and_then(|(_, there)| there.newest.get(series));
            if there.is_some_and(|there| edition.is_before(&there.edition)) {
                return Err(TrustError::Older { path: path.clone(), issuer: issuer.clone() });
            }
        }
        for SetAside { path, issuer, cause } in &revocation.set_aside {
            let (path, issuer, cause) = (path.clone(), issuer.clone(), *cause);
            match cause {
                CrlError::NotSigned => return Err(TrustError::NotSigned { path, issuer }),
                CrlError::Older => return Err(TrustError::Older { path, issuer }),
                CrlError::Delta
                | CrlError::Partial
                | CrlError::CriticalExtension
                | CrlError::Malformed
                | CrlError::UnknownIssuer
                | CrlError::NotYet
                | CrlError::Ended => {
                    // Beside a full one it takes nothing away.
                    if before.has_crl_of(&issuer) && !self.has_crl_of(&issuer) {
                        return Err(TrustError::NotWhole { path, issuer, cause });
                    }
                }
            }
        }
        Ok(())
    }

    fn has_crl_of(&self, issuer: &str) -> bool {
        self.newest().any(|newest| newest.issuer == issuer)
    }

    fn newest(&self) -> impl Iterator<Item = &Newest> {
        self.revocation.iter().flat_map(|(_, revocation)| revocation.newest.values())
    }

    fn known(&self) -> impl Iterator<Item = &X509> {
        self.anchors.iter().chain(&self.intermediates)
    }

    /// Judges a CRL that comes from elsewhere; returns until when it holds.
    ///
    /// # Errors
    ///
    /// It is of nobody known here, not signed, a part, does not hold, or is from before one that was `seen`.
    pub(in crate::gateway) fn take(
        &self,
        crl: &Crl,
        seen: &Editions,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, CrlError> {
        crl.signer(self.known())?;
        crl.is_whole()?;
        crl.edition().holds_at(now)?;
        if seen.are_beyond(crl.series(), crl.edition()) {
            return Err(CrlError::Older);
        }
        Ok(crl.edition().next_update)
    }

    /// Notes which editions are in force. One whose issuer is not known may be anybody's, and is not noted.
    pub(in crate::gateway) fn note(&self, seen: &mut Editions) {
        let Some((_, revocation)) = &self.revocation else { return };
        for (series, newest) in revocation.newest.iter().filter(|(_, newest)| newest.signer.is_some()) {
            seen.note(series, &newest.edition);
        }
    }

    /// Returns true if and only if a CRL says to be of a CA that is known and did not sign it, or is from before one that
    /// was seen.
    #[must_use]
    pub fn holds_forged(&self) -> bool {
        let forged = |aside: &SetAside| matches!(aside.cause, CrlError::NotSigned | CrlError::Older);
        self.set_aside().any(forged)
    }

    fn set_aside(&self) -> impl Iterator<Item = &SetAside> {
        self.revocation.iter().flat_map(|(_, revocation)| &revocation.set_aside)
    }

    /// Says in the log which CRLs do not count.
    pub(in crate::gateway) fn tell_set_aside(&self) {
        for SetAside { path, issuer, cause } in self.set_aside() {
            tracing::error!(
                path = %path.display(), issuer, check = cause.code(),
                "a file of CRLs does not count: {cause}"
            );
        }
    }

    /// Returns until when every issuer's newest CRL holds; nothing when revocation is not judged or no CRL is there.
    #[must_use]
    pub fn earliest_next_update(&self) -> Option<OffsetDateTime> {
        self.newest().map(|newest| newest.edition.next_update).min()
    }

    /// Returns how many issuers have a CRL.
    #[must_use]
    pub fn crl_issuers(&self) -> usize {
        self.revocation.as_ref().map_or(0, |(_, revocation)| revocation.newest.len())
    }
}

#[cfg(test)]
mod tests;
