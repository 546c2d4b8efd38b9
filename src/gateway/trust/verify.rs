//! Judging a chain: by itself, and inside a handshake.

use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::ssl::{SslContextBuilder, SslVerifyMode};
use openssl::stack::{Stack, StackRef};
use openssl::x509::store::{X509Store, X509StoreBuilder, X509StoreRef};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext, X509StoreContextRef, X509VerifyResult};

use super::fault::Fault;
use super::findings::findings_of;
use super::{Moment, Trust, TrustError, Unproven};
use crate::identity::{Finding, Reason, Refused};

/// Certificates between a leaf and its anchor: PKIoverheid has three levels above a leaf.
const DEPTH: i32 = 8;

/// RSA of 2048 bits and SHA-256 at least, as OpenSSL's security level 2 has it.
const SECURITY_LEVEL: i32 = 2;

/// What of a certificate's chain is judged in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    Whole,
    ChainAlone,
    Purpose,
    Validity,
}

impl Trust {
    /// Judges a certificate and those its owner sent along: chain, purpose, validity, revocation.
    ///
    /// # Errors
    ///
    /// Every reason that could be found, in the order of [`Reason`].
    pub fn verify(&self, leaf: &X509Ref, chain: &StackRef<X509>) -> Result<(), Vec<Reason>> {
        self.examine(leaf, chain).map_err(|refused| refused.reasons().to_vec())
    }

    /// Judges as [`Self::verify`] does, and says what is wrong.
    ///
    /// # Errors
    ///
    /// Everything that could be found.
    pub fn examine(&self, leaf: &X509Ref, chain: &StackRef<X509>) -> Result<(), Refused> {
        if self.prove(leaf, chain)?.is_empty() {
            return Ok(());
        }
        Err(Refused::new(vec![Finding::of(Reason::RevocationUnknown, "no CRL of it, and no responder was asked")]))
    }

    /// Judges as [`Self::verify`] does; returns the certificates that a responder is still to be asked about.
    ///
    /// # Errors
    ///
    /// As [`Self::verify`].
    pub(in crate::gateway) fn prove(&self, leaf: &X509Ref, chain: &StackRef<X509>) -> Result<Vec<Unproven>, Refused> {
        let failed = |_| (vec![Finding::of(Reason::UntrustedChain, "OpenSSL could not judge it")], Vec::new());
        let (findings, unproven) = self.judge(leaf, chain).unwrap_or_else(failed);
        if findings.is_empty() { Ok(unproven) } else { Err(Refused::new(findings)) }
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

    fn judge(&self, leaf: &X509Ref, sent: &StackRef<X509>) -> Result<(Vec<Finding>, Vec<Unproven>), ErrorStack> {
        let (first, mut chain) = run(&*self.store(Pass::Whole)?, leaf, sent)?;
        let mut faults: Vec<Fault> = first.into_iter().collect();
        if first.is_some() {
            // OpenSSL stops at the first error. What else is wrong can be found only on a chain that stands.
            let (fault, bare) = run(&*self.store(Pass::ChainAlone)?, leaf, sent)?;
            faults.extend(fault);
            if bare.is_some() {
                for pass in [Pass::Purpose, Pass::Validity] {
                    faults.extend(run(&*self.store(pass)?, leaf, sent)?.0);
                }
            }
            chain = bare;
        }
        let mut unproven = Vec::new();
        if let Some(chain) = chain {
            let (revoked, open) = self.revocation_of(&chain)?;
            faults.extend(revoked);
            unproven = open;
        }
        // The same fault is found in several passes.
        let mut findings: Vec<Finding> = Vec::new();
        for finding in faults.into_iter().map(Fault::finding) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        Ok((findings, unproven))
    }

    /// Judges each certificate of a chain below its anchor, which is the last; returns also those that only a responder can
    /// tell of.
    fn revocation_of(&self, chain: &StackRef<X509>) -> Result<(Vec<Fault>, Vec<Unproven>), ErrorStack> {
        let Some((store, _)) = &self.revocation else { return Ok((Vec::new(), Vec::new())) };
        let (mut faults, mut unproven) = (Vec::new(), Vec::new());
        for (depth, certificate) in chain.iter().enumerate().take(chain.len().saturating_sub(1)) {
            let (Some(fault), _) = run(store, certificate, chain)? else { continue };
            match chain.iter().nth(depth.saturating_add(1)) {
                Some(issuer) if fault.is_without_crl() && self.asks() => {
                    let (certificate, issuer) = (certificate.to_owned(), issuer.to_owned());
                    unproven.push(Unproven { certificate, issuer, depth });
                }
                Some(_) | None => {
                    faults.push(Fault { result: fault.result, depth: depth.saturating_add(fault.depth) });
                }
            }
        }
        Ok((faults, unproven))
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
            // Who is to be asked cannot be waited for here: each request does, before it gets anything.
            let faults = |chain| self.revocation_of(chain).map_or_else(|_| broken(), |(faults, _)| faults);
            context.chain().map_or_else(broken, faults)
        };
        let Some(first) = faults.first() else { return true };
        if let Some(findings) = findings_of(context) {
            faults.iter().for_each(|fault| findings.note(fault.finding()));
        }
        context.set_error(first.result);
        false
    }

    fn store(&self, pass: Pass) -> Result<X509Store, ErrorStack> {
        Ok(store_builder(&self.anchors, pass, self.moment, X509VerifyFlags::empty())?.build())
    }
}

/// Makes a store of these anchors for one pass.
pub(super) fn store_builder(
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
