//! `sluis uzi inspect`: what a UZI certificate says, and whether the gateway would accept it.

mod table;

use std::path::PathBuf;

use openssl::stack::Stack;
use openssl::x509::X509;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::gateway::trust::{self, Moment, Trust, TrustError};
use crate::identity::{
    CallerNames, CertificateFacts, Examination, Finding, Reason, Refused, Register, Statement, Strictness, examine,
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The certificate, PEM, DER or PKCS#7; further ones in it are offered as intermediates.
    pub certificate: PathBuf,
    /// Directory of anchors; without it the chain is not judged.
    pub trust: Option<PathBuf>,
    /// Directory of CRLs; without it revocation is not judged.
    pub crl: Option<PathBuf>,
    /// The moment to judge at.
    pub now: OffsetDateTime,
    /// How strictly.
    pub strictness: Strictness,
    /// A table for people instead of JSON.
    pub table: bool,
}

/// A mistake in what was asked: there is nothing to accept or refuse.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A file or directory cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The file holds no certificate, or something that is none.
    #[error("{path}: expected a certificate in PEM, DER or PKCS#7, perhaps with its intermediates")]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// CRLs are believed by the signature of an issuer, which must be trusted first.
    #[error("--crl needs --trust")]
    CrlWithoutTrust,
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// The answer cannot be written: a year beyond 9999.
    #[error("the certificate has a date that cannot be written")]
    Unwritable,
}

/// Inspects a certificate; returns one line of JSON, or a table, and the exit code: 0 accept, 2 refuse.
///
/// # Errors
///
/// When the input is not a certificate, or a directory cannot be used: exit code 1.
pub fn inspect(options: &Options) -> Result<(String, u8), InspectError> {
    let Options { certificate: path, trust, crl, now, strictness, table } = options;
    if crl.is_some() && trust.is_none() {
        return Err(InspectError::CrlWithoutTrust);
    }
    let no_certificate = || InspectError::NoCertificate { path: path.clone() };
    let ders = trust::certificates(path)?;
    let (leaf, intermediates) = ders.split_first().ok_or_else(no_certificate)?;
    let examination = examine(leaf, *now, &Register::new(*strictness));
    let facts = examination.certificate().ok_or_else(no_certificate)?;
    let mut findings = examination.findings().to_vec();
    let mut checked = vec!["name", "usage", "validity"];
    if let Some(trust) = trust {
        let trust = Trust::load(trust, crl.as_deref(), Moment::At(*now))?;
        checked.push("chain");
        checked.extend(crl.is_some().then_some("revocation"));
        let mut chain = Stack::new()?;
        for der in intermediates {
            chain.push(X509::from_der(der).map_err(|_| no_certificate())?)?;
        }
        // What OpenSSL cannot read has no chain.
        let judged = match X509::from_der(leaf) {
            Ok(leaf) => trust.examine(&leaf, &chain),
            Err(_) => Err(Refused::new(vec![Finding::of(Reason::UntrustedChain, "OpenSSL cannot read it")])),
        };
        // What both find is told by the one that knows the field.
        let known: Vec<Reason> = examination.reasons().to_vec();
        let judged = judged.err().map(|refused| refused.findings().to_vec()).unwrap_or_default();
        findings.extend(judged.into_iter().filter(|finding| !known.contains(&finding.reason())));
    }
    let refused = Refused::new(findings);
    let reasons = refused.reasons();
    let answer = answer(&examination, facts, &refused, checked)?;
    let text = if *table {
        table::of(&answer)
    } else {
        serde_json::to_string(&answer).map_err(|_| InspectError::Unwritable)?
    };
    Ok((text, if reasons.is_empty() { 0 } else { 2 }))
}

/// What is written; the names are fixed for other programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    verdict: &'static str,
    reasons: Vec<&'static str>,
    /// What is wrong, in the order of the reasons: at least one for each.
    findings: Vec<Told<'a>>,
    checked: Vec<&'static str>,
    identity: Option<Identity<'a>>,
    certificate: Certificate<'a>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct Told<'a> {
    reason: &'static str,
    check: &'static str,
    field: &'static str,
    expected: &'a str,
    found: &'a str,
}

impl<'a> Told<'a> {
    fn of(finding: &'a Finding) -> Self {
        let (reason, check, field) = (finding.reason().code(), finding.check(), finding.field());
        Self { reason, check, field, expected: finding.expected(), found: finding.found() }
    }
}

#[derive(Debug, Serialize)]
struct Identity<'a> {
    issuer_oid: &'a str,
    version: &'a str,
    uzi: &'a str,
    card_type: &'a str,
    ura: &'a str,
    role: &'a str,
    agb: &'a str,
    given_name: Option<&'a str>,
    surname: Option<&'a str>,
    title: Option<&'a str>,
    organization: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Certificate<'a> {
    subject: &'a str,
    issuer: &'a str,
    serial: &'a str,
    not_before: String,
    not_after: String,
    sha256: &'a str,
}

fn answer<'a>(
    examination: &'a Examination,
    facts: &'a CertificateFacts,
    refused: &'a Refused,
    checked: Vec<&'static str>,
) -> Result<Answer<'a>, InspectError> {
    let CertificateFacts { subject, issuer, serial, not_before, not_after, sha256 } = facts;
    let date = |moment: &OffsetDateTime| moment.format(&Rfc3339).map_err(|_| InspectError::Unwritable);
    Ok(Answer {
        verdict: if refused.reasons().is_empty() { "accept" } else { "refuse" },
        reasons: refused.reasons().iter().map(|reason| reason.code()).collect(),
        findings: refused.findings().iter().map(Told::of).collect(),
        checked,
        identity: examination.statement().map(|statement| identity(statement, examination.names())),
        certificate: Certificate {
            subject,
            issuer,
            serial,
            not_before: date(not_before)?,
            not_after: date(not_after)?,
            sha256,
        },
    })
}

fn identity<'a>(statement: &'a Statement, names: &'a CallerNames) -> Identity<'a> {
    let Statement { issuer_oid, version, uzi, card_type, ura, role, agb } = statement;
    let CallerNames { given_name, surname, title, organization, agb: _ } = names;
    Identity {
        issuer_oid,
        version,
        uzi,
        card_type,
        ura,
        role,
        agb,
        given_name: given_name.as_deref(),
        surname: surname.as_deref(),
        title: title.as_deref(),
        organization: organization.as_deref(),
    }
}

#[cfg(test)]
mod tests;
