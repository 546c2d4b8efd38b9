//! Findings: why a certificate is refused, to act on. Which check failed, on which field, what was expected of it, and what is
//! there.

use std::borrow::Cow;
use std::fmt;

use super::Reason;

/// One thing that is wrong with a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    reason: Reason,
    field: &'static str,
    expected: Cow<'static, str>,
    found: Found,
}

/// What is there.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// In words of our own, or of OpenSSL, that say nothing about anybody.
    Told(Cow<'static, str>),
    /// What the certificate says: for whoever holds it, and for no log.
    Written(String),
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding").field("reason", &self.reason).field("field", &self.field).finish_non_exhaustive()
    }
}

impl Finding {
    /// Makes a finding whose `found` says nothing about anybody.
    pub(super) fn told(
        reason: Reason,
        field: &'static str,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { reason, field, expected: expected.into(), found: Found::Told(found.into()) }
    }

    /// Makes a finding whose `found` is what the certificate says.
    pub(super) fn written(
        reason: Reason,
        field: &'static str,
        expected: impl Into<Cow<'static, str>>,
        found: &str,
    ) -> Self {
        let found = if found.is_empty() { Found::Told("nothing".into()) } else { Found::Written(found.to_owned()) };
        Self { reason, field, expected: expected.into(), found }
    }

    /// Returns the finding of a check that a reason is enough to tell: chain and revocation. `found` says nothing about
    /// anybody.
    #[must_use]
    pub fn of(reason: Reason, found: impl Into<Cow<'static, str>>) -> Self {
        let (field, expected) = subject(reason);
        Self::told(reason, field, expected, found)
    }

    /// Returns the reason that it is for a refusal.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns which check failed, as `sluis uzi inspect` names them under `checked`.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.reason.check()
    }

    /// Returns the field that it failed on.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Returns what was expected of it.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns what is there, for whoever holds the certificate.
    #[must_use]
    pub fn found(&self) -> &str {
        match &self.found {
            Found::Told(text) => text,
            Found::Written(text) => text,
        }
    }

    /// Returns what is there, for a log: nothing that the certificate says.
    #[must_use]
    pub fn found_for_log(&self) -> &str {
        match &self.found {
            Found::Told(text) => text,
            Found::Written(_) => "another value, which `sluis uzi inspect` shows",
        }
    }
}

impl Reason {
    /// Returns the check that finds it.
    #[must_use]
    pub fn check(self) -> &'static str {
        match self {
            Self::CardType
            | Self::FieldWidth
            | Self::NameMismatch
            | Self::NoUziIdentity
            | Self::OidTypeMismatch
            | Self::Role
            | Self::StringType
            | Self::UnknownIssuerOid
            | Self::Version => "name",
            Self::Expired | Self::NotYetValid => "validity",
            Self::WrongKeyPurpose => "usage",
            Self::UntrustedChain => "chain",
            Self::CrlExpired | Self::RevocationUnknown | Self::Revoked | Self::RevokedIssuer => "revocation",
        }
    }
}

/// Returns the field of a reason, and what is expected of it.
fn subject(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::CardType
        | Reason::FieldWidth
        | Reason::NameMismatch
        | Reason::NoUziIdentity
        | Reason::OidTypeMismatch
        | Reason::Role
        | Reason::StringType
        | Reason::UnknownIssuerOid
        | Reason::Version => ("otherName 2.5.5.5", "a UZI name that the rest of the certificate agrees with"),
        Reason::Expired => ("notAfter", "no earlier than the moment of judging"),
        Reason::NotYetValid => ("notBefore", "no later than the moment of judging"),
        Reason::WrongKeyPurpose => {
            ("keyUsage, extKeyUsage", "digitalSignature and clientAuth, of a certificate that is no CA's")
        }
        Reason::UntrustedChain => ("issuer", "a chain to a CA of identity.trust, in which every certificate holds"),
        Reason::CrlExpired => ("nextUpdate of the CRL of its issuer", "a moment that is to come"),
        Reason::RevocationUnknown => {
            ("CRL of its issuer", "a full one that holds and that the issuer signed, or a good of its OCSP responder")
        }
        Reason::Revoked => ("serialNumber", "on no CRL of its issuer, and not revoked by its OCSP responder"),
        Reason::RevokedIssuer => {
            ("serialNumber of a CA above it", "on no CRL of that CA's issuer, and not revoked by its OCSP responder")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_certificate_says_is_for_its_holder_and_no_log() {
        let finding = Finding::written(Reason::Version, "version", "1", "900016528");
        assert_eq!(finding.found(), "900016528");
        assert!(!finding.found_for_log().contains("900016528"));
        assert!(!format!("{finding:?}").contains("900016528"));
        assert_eq!(Finding::written(Reason::Version, "version", "1", "").found(), "nothing");
        assert_eq!(Finding::of(Reason::Revoked, "it is on one").found_for_log(), "it is on one");
    }
}
