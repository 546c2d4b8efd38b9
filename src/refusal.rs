//! Every failure a caller can see: a status and a fixed OperationOutcome.
//!
//! Nothing here carries data: whatever the cause, the same refusal is the same bytes (invariant 10). Stages know causes;
//! only this module says what of a cause is seen from outside.

use crate::identity::Reason;
use crate::query::Unclassifiable;

/// What a caller sees when the answer is no or cannot be given (`domain` rules: FHIR R4 OperationOutcome, issue-type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The certificate's UZI name is missing or wrong.
    UnknownCaller,
    /// The certificate is no longer valid, or revoked.
    ExpiredCaller,
    /// `Authorization` does not prove who acts behind the system, whatever the cause.
    UnprovenPerson,
    /// Hidden, denied, deleted or unknown: one answer.
    NotFound,
    /// Role, purpose, type or interaction are not admitted, whatever the data.
    Forbidden,
    /// The answer would cost more than a bound allows.
    TooCostly,
    /// A method that is not served.
    Method,
    /// A header or parameter that must be there is not.
    Required,
    /// A header or parameter has a value that is not a value of its kind.
    Value,
    /// Duplicate or ill-formed.
    Invalid,
    /// A parameter, modifier or header that is not supported.
    NotSupported,
    /// A representation that is not offered.
    NotAcceptable,
    /// A request body that is no form.
    MediaType,
    /// The record cannot be kept, or Consents cannot be read now.
    Unavailable,
    /// The upstream is down or answers what cannot be read.
    Upstream,
    /// The upstream or the whole request took too long.
    Timeout,
    /// A fault of our own.
    Internal,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 17] = [
        Self::UnknownCaller,
        Self::ExpiredCaller,
        Self::UnprovenPerson,
        Self::NotFound,
        Self::Forbidden,
        Self::TooCostly,
        Self::Method,
        Self::Required,
        Self::Value,
        Self::Invalid,
        Self::NotSupported,
        Self::NotAcceptable,
        Self::MediaType,
        Self::Unavailable,
        Self::Upstream,
        Self::Timeout,
        Self::Internal,
    ];

    /// Returns what a caller sees whose certificate was good at the handshake and names nobody, or is not good any more.
    #[must_use]
    pub fn of_identity(reasons: &[Reason]) -> Self {
        let over = |reason: &Reason| match reason {
            Reason::Expired
            | Reason::NotYetValid
            | Reason::Revoked
            | Reason::RevokedIssuer
            | Reason::CrlExpired
            | Reason::RevocationUnknown
            | Reason::UntrustedChain => true,
            Reason::NoUziIdentity
            | Reason::StringType
            | Reason::FieldWidth
            | Reason::UnknownIssuerOid
            | Reason::Version
            | Reason::CardType
            | Reason::Role
            | Reason::OidTypeMismatch
            | Reason::NameMismatch
            | Reason::WrongKeyPurpose => false,
        };
        // A name that is no UZI name stays one when the certificate also ran out.
        if reasons.iter().all(over) { Self::ExpiredCaller } else { Self::UnknownCaller }
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.parts().0
    }

    /// Returns the issue-type code of the OperationOutcome.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.parts().1
    }

    /// Returns the body: an OperationOutcome of fixed bytes.
    #[must_use]
    pub fn body(self) -> String {
        let (_, code, text) = self.parts();
        format!(
            "{{\"resourceType\":\"OperationOutcome\",\"issue\":[{{\"severity\":\"error\",\"code\":\"{code}\",\"details\":{{\"text\":\"{text}\"}}}}]}}"
        )
    }

    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::UnknownCaller => {
                (401, "unknown", "The client certificate does not name a caller that is known here.")
            }
            Self::ExpiredCaller => (401, "expired", "The client certificate is not valid any more."),
            Self::UnprovenPerson => (401, "login", "The bearer token does not prove who acts behind the system."),
            Self::NotFound => (404, "not-found", "There is nothing here for this caller."),
            Self::Forbidden => (403, "forbidden", "This is not offered to this role for this purpose."),
            Self::TooCostly => (403, "too-costly", "The answer is too large; ask for less at a time."),
            Self::Method => {
                (405, "not-supported", "Only GET, and POST of a search, an operation or a batch of reads, are served.")
            }
            Self::Required => {
                (400, "required", "A patient, what $lastn looks for, Sluis-Purpose, or a Sluis-Reason is missing.")
            }
            Self::Value => (400, "value", "A value is not one of its kind."),
            Self::Invalid => (400, "invalid", "The request is ill-formed, or says a thing twice."),
            Self::NotSupported => (400, "not-supported", "A parameter, modifier or header is not supported."),
            Self::NotAcceptable => (406, "not-supported", "Only application/fhir+json is offered."),
            Self::MediaType => (
                415,
                "not-supported",
                "A search is posted as application/x-www-form-urlencoded, anything else as application/fhir+json.",
            ),
            Self::Unavailable => (503, "transient", "The request cannot be answered now; try again later."),
            Self::Upstream => (502, "transient", "The server behind the gateway did not answer as it should."),
            Self::Timeout => (504, "timeout", "The server behind the gateway did not answer in time."),
            Self::Internal => (500, "exception", "The gateway could not answer."),
        }
    }
}

impl From<Unclassifiable> for Refusal {
    fn from(error: Unclassifiable) -> Self {
        match error {
            Unclassifiable::NotOffered => Self::Forbidden,
            Unclassifiable::OutsideBase | Unclassifiable::Supporting => Self::NotFound,
            Unclassifiable::Method => Self::Method,
            Unclassifiable::Format => Self::NotAcceptable,
            Unclassifiable::MediaType => Self::MediaType,
            Unclassifiable::MethodOverride | Unclassifiable::Preference | Unclassifiable::Parameter => {
                Self::NotSupported
            }
            Unclassifiable::NobodyNamed | Unclassifiable::CodeMissing | Unclassifiable::PurposeMissing => {
                Self::Required
            }
            Unclassifiable::PurposeUnknown => Self::Value,
            Unclassifiable::Path
            | Unclassifiable::Encoding
            | Unclassifiable::TooLong
            | Unclassifiable::Body
            | Unclassifiable::Value
            | Unclassifiable::Repeated
            | Unclassifiable::SeveralNamed
            | Unclassifiable::Reason => Self::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits::RESOURCE;

    #[test]
    fn every_refusal_is_an_operation_outcome_of_its_own_code() {
        for refusal in Refusal::ALL {
            let body = refusal.body();
            let document = Document::read(body.as_bytes(), RESOURCE).expect("an outcome is JSON");
            assert_eq!(document.root().text_of("resourceType").unwrap(), "OperationOutcome");
            let issue = document.root().get("issue").unwrap().items().next().unwrap();
            assert_eq!(issue.text_of("code").unwrap(), refusal.code());
            assert!((400..600).contains(&refusal.status()));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_as_it_says_itself() {
        for error in Unclassifiable::ALL {
            let refusal = Refusal::from(error);
            assert_eq!((refusal.status(), refusal.code()), (error.status(), error.issue()), "{error:?}");
        }
    }

    #[test]
    fn a_certificate_that_ran_out_and_one_that_names_nobody_are_told_apart() {
        assert_eq!(Refusal::of_identity(&[Reason::Expired]), Refusal::ExpiredCaller);
        assert_eq!(Refusal::of_identity(&[Reason::NoUziIdentity, Reason::Expired]), Refusal::UnknownCaller);
    }
}
