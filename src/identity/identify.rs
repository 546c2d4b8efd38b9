//! Identifying: from a certificate to a caller, or to every reason why not.

use time::OffsetDateTime;

use super::Reason;
use super::caller::{Caller, CallerNames, CertificateFacts};
use super::certificate;
use super::finding::Finding;
use super::register::Register;
use super::san::Statement;
use crate::limits;

mod checks;

/// The code that N, M and S certificates have for a role, and Z ones never.
const NO_ROLE: &str = "00.000";

/// How strictly a certificate is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The register of production, to the letter.
    Production,
    /// Also the test register, UTF8String, short numbers, an absent key usage or policy, and an issuer whose name is no
    /// UZI CA's: what test CAs of other projects make. Nothing else.
    Test,
}

/// A certificate that proves no caller, with every reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate proves no caller")]
pub struct Refused {
    reasons: Vec<Reason>,
    findings: Vec<Finding>,
}

impl Refused {
    /// Refuses for what was found, at least one thing.
    #[must_use]
    pub fn new(mut findings: Vec<Finding>) -> Self {
        // In the order of their reasons, and as they were found within one.
        findings.sort_by_key(Finding::reason);
        let mut reasons: Vec<Reason> = findings.iter().map(Finding::reason).collect();
        reasons.dedup();
        Self { reasons, findings }
    }

    /// Returns the reasons, sorted, at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Returns what is wrong, in the order of the reasons, at least one for each.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// What a certificate says, and what it proves.
#[derive(Debug, Clone)]
pub struct Examination {
    statement: Option<Statement>,
    names: CallerNames,
    certificate: Option<CertificateFacts>,
    verdict: Result<Caller, Refused>,
}

impl Examination {
    /// Returns the fields of the UZI name, if one is there in the seven-field form, right or wrong.
    #[must_use]
    pub fn statement(&self) -> Option<&Statement> {
        self.statement.as_ref()
    }

    /// Returns the names in the subject.
    #[must_use]
    pub fn names(&self) -> &CallerNames {
        &self.names
    }

    /// Returns what the certificate says about itself; nothing when the bytes are no certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateFacts> {
        self.certificate.as_ref()
    }

    /// Returns every reason why it proves no caller.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        self.verdict.as_ref().err().map_or(&[], Refused::reasons)
    }

    /// Returns what is wrong with it, in the order of the reasons.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.verdict.as_ref().err().map_or(&[], Refused::findings)
    }
}

/// Identifies the caller by the leaf of its chain. Whether the chain holds is not judged here.
///
/// # Errors
///
/// With every reason, when anything about name, usage or validity is not as the register makes it.
pub fn identify(leaf_der: &[u8], now: OffsetDateTime, register: &Register) -> Result<Caller, Refused> {
    examine(leaf_der, now, register).verdict
}

/// Reads what a certificate says even where it is refused.
#[must_use]
pub fn examine(leaf_der: &[u8], now: OffsetDateTime, register: &Register) -> Examination {
    let strictness = register.strictness();
    let Some(certificate) = certificate::read(leaf_der) else {
        let expected = format!("one, in DER, of at most {} bytes", limits::CERTIFICATE_BYTES);
        let finding = Finding::told(Reason::NoUziIdentity, "certificate", expected, "something else");
        let verdict = Err(Refused::new(vec![finding]));
        return Examination { statement: None, names: CallerNames::default(), certificate: None, verdict };
    };
    let (name, mut findings) = checks::name_of(&certificate, strictness);
    findings.extend(checks::form(&certificate));
    let statement = name.and_then(|name| name.statement.clone());
    if let Some(statement) = &statement {
        findings.extend(checks::fields(statement, register));
        findings.extend(checks::agreement(statement, &certificate, register));
    }
    findings.extend(checks::usage(&certificate, strictness));
    findings.extend(checks::validity(&certificate, now));

    let mut names = certificate.names.clone();
    names.agb = statement.as_ref().map(|statement| statement.agb.clone());
    let caller = statement.as_ref().and_then(|statement| caller(statement, &names, &certificate.facts));
    if caller.is_none() && findings.is_empty() {
        findings.push(Finding::of(Reason::FieldWidth, "fields that name nobody"));
    }
    let verdict = match caller {
        Some(caller) if findings.is_empty() => Ok(caller),
        Some(_) | None => Err(Refused::new(findings)),
    };
    Examination { statement, names, certificate: Some(certificate.facts), verdict }
}

fn caller(statement: &Statement, names: &CallerNames, facts: &CertificateFacts) -> Option<Caller> {
    let ura = padded(&statement.ura, 8).parse().ok()?;
    let uzi = padded(&statement.uzi, 9).parse().ok()?;
    let role = if statement.role == NO_ROLE { None } else { Some(statement.role.parse().ok()?) };
    Some(Caller::new(ura, uzi, statement.card_type.parse().ok()?, role, names.clone(), Some(facts.clone())))
}

/// Puts the leading zeros back that a test certificate left out; a number of full width stays as it is.
fn padded(number: &str, width: usize) -> String {
    format!("{number:0>width$}")
}

#[cfg(test)]
mod tests;
