//! What OpenSSL finds wrong with a chain, as reasons.

use openssl::x509::X509VerifyResult;

use crate::identity::{Finding, Reason};

/// What OpenSSL found wrong, and with which certificate: 0 is the leaf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) result: X509VerifyResult,
    pub(super) depth: usize,
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
    /// Returns true if and only if there is no CRL of the issuer at all, of whatever age or worth.
    pub(super) fn is_without_crl(self) -> bool {
        self.result.as_raw() == code::UNABLE_TO_GET_CRL
    }

    /// Returns what it is, to act on.
    pub(super) fn finding(self) -> Finding {
        let (text, number) = (self.result.error_string(), self.result.as_raw());
        let which =
            if self.depth == 0 { "the certificate itself".to_owned() } else { format!("CA {} above it", self.depth) };
        Finding::of(self.reason(), format!("{text} (OpenSSL {number}), {which}"))
    }

    /// Returns the reason that it is for a refusal.
    pub(super) fn reason(self) -> Reason {
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
