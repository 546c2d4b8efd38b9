//! Reasons: why a certificate is refused, a closed list.

/// Why a certificate is refused, in the order of the codes. The same codes go to the caller of `sluis uzi inspect`, log, metrics and audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Field 4 is not Z, N, M or S.
    CardType,
    /// A CRL that is needed is past its nextUpdate.
    CrlExpired,
    /// The moment is after notAfter.
    Expired,
    /// A field has not the width or the characters of its form.
    FieldWidth,
    /// Subject serialNumber, UPN, permanentIdentifier, issuer or policy contradict the name.
    NameMismatch,
    /// Not exactly one otherName of type 2.5.5.5 in the seven-field form, or no certificate of the strict form.
    NoUziIdentity,
    /// The moment is before notBefore.
    NotYetValid,
    /// The CA that the name states does not issue this type.
    OidTypeMismatch,
    /// Revocation must be known, and neither a valid CRL nor a responder tells.
    RevocationUnknown,
    /// The certificate is on its issuer's CRL, or its responder says so.
    Revoked,
    /// A CA between the certificate and the anchor is on its issuer's CRL, or its responder says so.
    RevokedIssuer,
    /// A Z card without a profession, or a role on another type.
    Role,
    /// The name is not an IA5String.
    StringType,
    /// The name states a CA that is not in the register, or one of the test register outside a test.
    UnknownIssuerOid,
    /// No chain to an anchor that holds.
    UntrustedChain,
    /// The name is not of version 1.
    Version,
    /// Not a certificate for client authentication with a digital signature, or a CA.
    WrongKeyPurpose,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 17] = [
        Self::CardType,
        Self::CrlExpired,
        Self::Expired,
        Self::FieldWidth,
        Self::NameMismatch,
        Self::NoUziIdentity,
        Self::NotYetValid,
        Self::OidTypeMismatch,
        Self::RevocationUnknown,
        Self::Revoked,
        Self::RevokedIssuer,
        Self::Role,
        Self::StringType,
        Self::UnknownIssuerOid,
        Self::UntrustedChain,
        Self::Version,
        Self::WrongKeyPurpose,
    ];

    /// Returns the code, as other programs know it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CardType => "card-type",
            Self::CrlExpired => "crl-expired",
            Self::Expired => "expired",
            Self::FieldWidth => "field-width",
            Self::NameMismatch => "name-mismatch",
            Self::NoUziIdentity => "no-uzi-identity",
            Self::NotYetValid => "not-yet-valid",
            Self::OidTypeMismatch => "oid-type-mismatch",
            Self::Revoked => "revoked",
            Self::RevokedIssuer => "revoked-issuer",
            Self::RevocationUnknown => "revocation-unknown",
            Self::Role => "role",
            Self::StringType => "string-type",
            Self::UnknownIssuerOid => "unknown-issuer-oid",
            Self::UntrustedChain => "untrusted-chain",
            Self::Version => "version",
            Self::WrongKeyPurpose => "wrong-key-purpose",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_sorted_and_kebab_case() {
        let codes = Reason::ALL.map(Reason::code);
        assert!(codes.is_sorted_by(|a, b| a < b));
        assert!(Reason::ALL.is_sorted());
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    }
}
