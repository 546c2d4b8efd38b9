//! Why a statement does not prove who acts: a closed list.

/// Why a statement does not prove who acts, in the order of the codes. The same codes go to log, metrics and audit; the
/// caller sees one refusal for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unproven {
    /// `alg` is none of the algorithms that count, or none that this issuer signs with.
    Algorithm,
    /// It is bound to another client certificate.
    AnotherCertificate,
    /// `loa_dezi`: the person did not prove who they are well enough.
    Assurance,
    /// It was made for somebody else.
    Audience,
    /// A statement came with a certificate that is not that of a system.
    Certificate,
    /// A claim that is needed is missing, or not of its form.
    Claim,
    /// `crit`: the header says that something must be understood.
    Critical,
    /// The key stands in the header.
    EmbeddedKey,
    /// It has ended.
    Expired,
    /// Not three parts in base64url.
    Form,
    /// It was issued in the future.
    IssuedInFuture,
    /// `iss` is no issuer that is accepted here.
    Issuer,
    /// Header or claims are no JSON, or can be read in two ways.
    Json,
    /// The key does not go with the algorithm, or is too weak.
    KeyUnfit,
    /// The issuer has no key of that name.
    KeyUnknown,
    /// `jku` or `x5u` is none of the configured addresses.
    KeyUrl,
    /// No keys of the issuer are at hand that are fresh enough.
    KeysUnavailable,
    /// It is limited in a way that is not judged here: to a patient, by a Consent.
    Limited,
    /// No issuer is accepted here.
    NotAccepted,
    /// It is bound to no client certificate.
    NotBound,
    /// It does not hold yet.
    NotYetValid,
    /// It names another organisation than the certificate.
    Organisation,
    /// It names no person by a number of the register.
    Person,
    /// It states no purpose, one that is not known, or another than the request.
    Purpose,
    /// More than one header `Authorization`.
    Repeated,
    /// Whether it was taken back is not known.
    RevocationUnknown,
    /// It was taken back.
    Revoked,
    /// It states no role of the register.
    Role,
    /// `json_schema` is not the known one.
    Schema,
    /// The header `Authorization` is not of the scheme Bearer.
    Scheme,
    /// None of its scopes is enough.
    Scope,
    /// The signature is not that of the key.
    Signature,
    /// `status_uri` is not where the register answers for this statement.
    StatusUrl,
    /// More bytes than a statement may have.
    TooLong,
    /// It was made too long ago.
    TooOld,
    /// `typ` is none of this issuer's.
    Type,
}

impl Unproven {
    /// Every reason.
    pub const ALL: [Self; 36] = [
        Self::Algorithm,
        Self::AnotherCertificate,
        Self::Assurance,
        Self::Audience,
        Self::Certificate,
        Self::Claim,
        Self::Critical,
        Self::EmbeddedKey,
        Self::Expired,
        Self::Form,
        Self::IssuedInFuture,
        Self::Issuer,
        Self::Json,
        Self::KeyUnfit,
        Self::KeyUnknown,
        Self::KeyUrl,
        Self::KeysUnavailable,
        Self::Limited,
        Self::NotAccepted,
        Self::NotBound,
        Self::NotYetValid,
        Self::Organisation,
        Self::Person,
        Self::Purpose,
        Self::Repeated,
        Self::RevocationUnknown,
        Self::Revoked,
        Self::Role,
        Self::Schema,
        Self::Scheme,
        Self::Scope,
        Self::Signature,
        Self::StatusUrl,
        Self::TooLong,
        Self::TooOld,
        Self::Type,
    ];

    /// Returns the code, as other programs know it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Algorithm => "statement-algorithm",
            Self::AnotherCertificate => "statement-another-certificate",
            Self::Assurance => "statement-assurance",
            Self::Audience => "statement-audience",
            Self::Certificate => "statement-certificate",
            Self::Claim => "statement-claim",
            Self::Critical => "statement-critical",
            Self::EmbeddedKey => "statement-embedded-key",
            Self::Expired => "statement-expired",
            Self::Form => "statement-form",
            Self::IssuedInFuture => "statement-issued-in-future",
            Self::Issuer => "statement-issuer",
            Self::Json => "statement-json",
            Self::KeyUnfit => "statement-key-unfit",
            Self::KeyUnknown => "statement-key-unknown",
            Self::KeyUrl => "statement-key-url",
            Self::KeysUnavailable => "statement-keys-unavailable",
            Self::Limited => "statement-limited",
            Self::NotAccepted => "statement-not-accepted",
            Self::NotBound => "statement-not-bound",
            Self::NotYetValid => "statement-not-yet-valid",
            Self::Organisation => "statement-organisation",
            Self::Person => "statement-person",
            Self::Purpose => "statement-purpose",
            Self::Repeated => "statement-repeated",
            Self::RevocationUnknown => "statement-revocation-unknown",
            Self::Revoked => "statement-revoked",
            Self::Role => "statement-role",
            Self::Schema => "statement-schema",
            Self::Scheme => "statement-scheme",
            Self::Scope => "statement-scope",
            Self::Signature => "statement-signature",
            Self::StatusUrl => "statement-status-url",
            Self::TooLong => "statement-too-long",
            Self::TooOld => "statement-too-old",
            Self::Type => "statement-type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_in_their_order_and_each_once() {
        let codes = Unproven::ALL.map(Unproven::code);
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }

    /// Whoever integrates finds each code with what to do about it.
    #[test]
    fn every_code_is_explained_to_integrators() {
        let page = include_str!("../../../docs/integrating.md");
        for code in Unproven::ALL.map(Unproven::code) {
            assert!(page.contains(&format!("`{code}`")), "{code}");
        }
    }
}
