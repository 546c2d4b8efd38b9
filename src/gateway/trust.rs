//! Trust: the anchors and CRLs in force, and what they say about a certificate.
//!
//! One way of judging for the TLS door and for `sluis uzi inspect`. The certificates of the trust directory are the only
//! anchors, wherever they stand in their own hierarchy (`PARTIAL_CHAIN`): other CAs under the same root prove nothing.
//! Every certificate below the anchor must be on no CRL of its issuer, and there must be one. OpenSSL's `CRL_CHECK_ALL`
//! would ask for the anchor's own CRL too, which nobody publishes next to a CA that is the anchor. So each certificate
//! below the anchor is judged by itself (`CRL_CHECK`), which needs no error to be excused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{Ssl, SslContextBuilder, SslRef, SslVerifyMode};
use openssl::stack::{Stack, StackRef};
use openssl::x509::store::{X509Store, X509StoreBuilder, X509StoreRef};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext, X509StoreContextRef, X509VerifyResult};
use time::OffsetDateTime;

use crate::identity::Reason;

mod bundle;
mod crl;
mod load;

pub(in crate::gateway) use crl::Crl;
pub use crl::CrlError;

/// Certificates between a leaf and its anchor: PKIoverheid has three levels above a leaf.
const DEPTH: i32 = 8;

/// RSA of 2048 bits and SHA-256 at least, as OpenSSL's security level 2 has it.
const SECURITY_LEVEL: i32 = 2;

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
    #[error("{path}: a CRL that its issuer did not sign")]
    NotSigned {
        /// Which.
        path: PathBuf,
    },
    /// A CRL that was published before the one in force.
    #[error("a CRL of {issuers} issuers is older than the one in force")]
    Older {
        /// Of how many issuers.
        issuers: usize,
    },
    /// The trust directory holds no certificate.
    #[error("{path}: no certificate in *.pem, *.crt or *.cer")]
    NoAnchor {
        /// Which.
        path: PathBuf,
    },
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] ErrorStack),
}

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

/// What of a certificate's chain is judged in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Whole,
    ChainAlone,
    Purpose,
    Validity,
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

    /// Judges a certificate and those its owner sent along: chain, purpose, validity, revocation.
    ///
    /// # Errors
    ///
    /// Every reason that could be found, in the order of [`Reason`].
    pub fn verify(&self, leaf: &X509Ref, chain: &StackRef<X509>) -> Result<(), Vec<Reason>> {
        let reasons = self.judge(leaf, chain).unwrap_or_else(|_| vec![Reason::UntrustedChain]);
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }

    /// Makes a TLS server ask for a certificate, and judge it during the handshake.
    ///
    /// What is found goes to the [`Findings`] of the connection, if it has them.
    ///
    /// # Errors
    ///
    /// When OpenSSL cannot make a store.
    pub fn apply(self: &Arc<Self>, builder: &mut SslContextBuilder) -> Result<(), TrustError> {
        builder.set_verify_cert_store(self.store(Pass::Whole)?)?;
        let trust = Arc::clone(self);
        builder
            .set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, move |holds, context| {
                trust.judge_in_handshake(holds, context)
            });
        Ok(())
    }

    fn judge(&self, leaf: &X509Ref, sent: &StackRef<X509>) -> Result<Vec<Reason>, ErrorStack> {
        let (first, mut chain) = run(&*self.store(Pass::Whole)?, leaf, sent)?;
        let mut reasons: Vec<Reason> = first.map(Fault::reason).into_iter().collect();
        if first.is_some() {
            // OpenSSL stops at the first error. What else is wrong can be found only on a chain that stands.
            let (fault, bare) = run(&*self.store(Pass::ChainAlone)?, leaf, sent)?;
            reasons.extend(fault.map(Fault::reason));
            if bare.is_some() {
                for pass in [Pass::Purpose, Pass::Validity] {
                    reasons.extend(run(&*self.store(pass)?, leaf, sent)?.0.map(Fault::reason));
                }
            }
            chain = bare;
        }
        if let Some(chain) = chain {
            reasons.extend(self.revocation_of(&chain)?.into_iter().map(Fault::reason));
        }
        reasons.sort_unstable();
        reasons.dedup();
        Ok(reasons)
    }

    /// Judges each certificate of a chain below its anchor, which is the last.
    fn revocation_of(&self, chain: &StackRef<X509>) -> Result<Vec<Fault>, ErrorStack> {
        let Some((store, _)) = &self.revocation else { return Ok(Vec::new()) };
        let mut faults = Vec::new();
        for (depth, certificate) in chain.iter().enumerate().take(chain.len().saturating_sub(1)) {
            if let (Some(fault), _) = run(store, certificate, chain)? {
                faults.push(Fault { result: fault.result, depth: depth.saturating_add(fault.depth) });
            }
        }
        Ok(faults)
    }

    /// The callback of the handshake: OpenSSL calls it once with each certificate that holds, the leaf last, when chain,
    /// purpose and validity are known to be right; and with each error.
    fn judge_in_handshake(&self, holds: bool, context: &mut X509StoreContextRef) -> bool {
        let depth = usize::try_from(context.error_depth()).unwrap_or(usize::MAX);
        let faults = if !holds {
            vec![Fault { result: context.error(), depth }]
        } else if depth > 0 {
            return true;
        } else {
            let broken = || vec![Fault { result: X509VerifyResult::APPLICATION_VERIFICATION, depth }];
            context.chain().map_or_else(broken, |chain| self.revocation_of(chain).unwrap_or_else(|_| broken()))
        };
        let Some(first) = faults.first() else { return true };
        if let Some(findings) = findings_of(context) {
            faults.iter().for_each(|fault| findings.note(fault.reason()));
        }
        context.set_error(first.result);
        false
    }

    fn store(&self, pass: Pass) -> Result<X509Store, ErrorStack> {
        Ok(store_builder(&self.anchors, pass, self.moment, X509VerifyFlags::empty())?.build())
    }
}

fn store_builder(
    anchors: &[X509],
    pass: Pass,
    moment: Moment,
    flags: X509VerifyFlags,
) -> Result<X509StoreBuilder, ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::TRUSTED_FIRST | flags)?;
    parameters.set_depth(DEPTH);
    parameters.set_auth_level(SECURITY_LEVEL);
    let (validity, purpose) = match pass {
        Pass::Whole => (true, true),
        Pass::ChainAlone => (false, false),
        Pass::Purpose => (false, true),
        Pass::Validity => (true, false),
    };
    if purpose {
        parameters.set_purpose(X509PurposeId::SSL_CLIENT)?;
    }
    match moment {
        Moment::At(moment) if validity => parameters.set_time(moment.unix_timestamp()),
        Moment::Present if validity => {}
        Moment::At(_) | Moment::Present => parameters.set_flags(X509VerifyFlags::NO_CHECK_TIME)?,
    }
    let mut builder = X509StoreBuilder::new()?;
    for anchor in anchors {
        builder.add_cert(anchor.clone())?;
    }
    builder.set_param(&parameters)?;
    Ok(builder)
}

/// Runs one verification; returns what is wrong, or the chain that holds, leaf first, anchor last.
fn run(
    store: &X509StoreRef,
    leaf: &X509Ref,
    sent: &StackRef<X509>,
) -> Result<(Option<Fault>, Option<Stack<X509>>), ErrorStack> {
    X509StoreContext::new()?.init(store, leaf, sent, |context| {
        if !context.verify_cert()? {
            let depth = usize::try_from(context.error_depth()).unwrap_or(usize::MAX);
            return Ok((Some(Fault { result: context.error(), depth }), None));
        }
        let mut chain = Stack::new()?;
        for certificate in context.chain().into_iter().flatten() {
            chain.push(certificate.to_owned())?;
        }
        Ok((None, Some(chain)))
    })
}

/// What OpenSSL found wrong, and with which certificate: 0 is the leaf.
#[derive(Debug, Clone, Copy)]
struct Fault {
    result: X509VerifyResult,
    depth: usize,
}

/// The values of `X509_V_ERR_*` (x509_vfy.h) that have a reason of their own.
mod code {
    pub(super) const UNABLE_TO_GET_CRL: i32 = 3;
    pub(super) const UNABLE_TO_DECRYPT_CRL_SIGNATURE: i32 = 5;
    pub(super) const CRL_SIGNATURE_FAILURE: i32 = 8;
    pub(super) const CERT_NOT_YET_VALID: i32 = 9;
    pub(super) const CERT_HAS_EXPIRED: i32 = 10;
    pub(super) const CRL_NOT_YET_VALID: i32 = 11;
    pub(super) const CRL_HAS_EXPIRED: i32 = 12;
    pub(super) const ERROR_IN_CRL_LAST_UPDATE_FIELD: i32 = 15;
    pub(super) const ERROR_IN_CRL_NEXT_UPDATE_FIELD: i32 = 16;
    pub(super) const CERT_REVOKED: i32 = 23;
    pub(super) const INVALID_PURPOSE: i32 = 26;
    pub(super) const UNABLE_TO_GET_CRL_ISSUER: i32 = 33;
    pub(super) const KEYUSAGE_NO_CRL_SIGN: i32 = 35;
    pub(super) const UNHANDLED_CRITICAL_CRL_EXTENSION: i32 = 36;
    pub(super) const KEYUSAGE_NO_DIGITAL_SIGNATURE: i32 = 39;
    pub(super) const DIFFERENT_CRL_SCOPE: i32 = 44;
    pub(super) const CRL_PATH_VALIDATION_ERROR: i32 = 54;
}

impl Fault {
    fn reason(self) -> Reason {
        let leaf = self.depth == 0;
        match self.result.as_raw() {
            code::CERT_REVOKED if leaf => Reason::Revoked,
            code::CERT_REVOKED => Reason::RevokedIssuer,
            code::CRL_HAS_EXPIRED => Reason::CrlExpired,
            _ if is_about_revocation(self.result) => Reason::RevocationUnknown,
            code::CERT_HAS_EXPIRED if leaf => Reason::Expired,
            code::CERT_NOT_YET_VALID if leaf => Reason::NotYetValid,
            code::INVALID_PURPOSE | code::KEYUSAGE_NO_DIGITAL_SIGNATURE if leaf => Reason::WrongKeyPurpose,
            _ => Reason::UntrustedChain,
        }
    }
}

fn is_about_revocation(result: X509VerifyResult) -> bool {
    matches!(
        result.as_raw(),
        code::UNABLE_TO_GET_CRL
            | code::UNABLE_TO_DECRYPT_CRL_SIGNATURE
            | code::CRL_SIGNATURE_FAILURE
            | code::CRL_NOT_YET_VALID
            | code::CRL_HAS_EXPIRED
            | code::ERROR_IN_CRL_LAST_UPDATE_FIELD
            | code::ERROR_IN_CRL_NEXT_UPDATE_FIELD
            | code::CERT_REVOKED
            | code::UNABLE_TO_GET_CRL_ISSUER
            | code::KEYUSAGE_NO_CRL_SIGN
            | code::UNHANDLED_CRITICAL_CRL_EXTENSION
            | code::DIFFERENT_CRL_SCOPE
            | code::CRL_PATH_VALIDATION_ERROR
    )
}

/// What a handshake found against the certificate; attached to a connection before its handshake.
#[derive(Debug, Clone, Default)]
pub struct Findings(Arc<Mutex<Vec<Reason>>>);

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

    /// Returns what was found. Empty when the certificate holds, or the handshake failed for another cause.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, reason: Reason) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reason);
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

fn findings_of(context: &X509StoreContextRef) -> Option<Findings> {
    let ssl = context.ex_data(X509StoreContext::ssl_idx().ok()?)?;
    ssl.ex_data(findings_index().ok()?).cloned()
}

#[cfg(test)]
mod tests;
