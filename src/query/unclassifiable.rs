//! Why a request head is no query: one closed list, none of which depends on data.

/// Why a request is not understood, or understood and not offered. Each says what its refusal is (design, section 6, HTTP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unclassifiable {
    /// Not GET, nor POST of a `_search`: 405 `not-supported`.
    #[error("the method is not offered here")]
    Method,
    /// A header asks for another method than the request line: 400 `not-supported`.
    #[error("a header overrides the method")]
    MethodOverride,
    /// A path that servers read in different ways, or that names nothing of FHIR: 400 `invalid`.
    #[error("the path is ill-formed")]
    Path,
    /// Below another path than the gateway's base: 404 `not-found`.
    #[error("the path is outside the base")]
    OutsideBase,
    /// Percent-encoding, UTF-8 or the form's punctuation is broken, or a second decoding would change something:
    /// 400 `invalid`.
    #[error("the parameters are not encoded as a form, once")]
    Encoding,
    /// More bytes, parameters or values than are read: 400 `invalid`.
    #[error("the request is longer than the limit")]
    TooLong,
    /// A body where none belongs, or parameters in both query and body: 400 `invalid`.
    #[error("a body stands where none belongs")]
    Body,
    /// A body that is no form: 415 `not-supported`.
    #[error("the content type is not a form")]
    MediaType,
    /// `_format` or `Accept` wants something other than FHIR JSON: 406 `not-supported`.
    #[error("the format is not offered")]
    Format,
    /// `Prefer` wants an answer at another time: 400 `not-supported`.
    #[error("the preference is not supported")]
    Preference,
    /// A type or an interaction that no exchange profile of this role offers: 403 `forbidden`.
    #[error("no exchange profile of this role offers that")]
    NotOffered,
    /// A read of a type that only comes with what refers to it: 404 `not-found`.
    #[error("supporting resources are not read by id")]
    Supporting,
    /// A parameter, modifier, prefix, include or sort key that is not allowed: 400 `not-supported`.
    #[error("the parameter is not supported")]
    Parameter,
    /// A value that is not of the parameter's form: 400 `invalid`.
    #[error("the value is ill-formed")]
    Value,
    /// A parameter that may stand once stands twice: 400 `invalid`.
    #[error("the parameter is repeated")]
    Repeated,
    /// Nothing names the patient: 400 `required`.
    #[error("no patient is named")]
    NobodyNamed,
    /// `$lastn` without a category or a code: 400 `required`.
    #[error("no category and no code is named")]
    CodeMissing,
    /// More than one thing names the patient, or several patients are named: 400 `invalid`.
    #[error("more than one patient is named")]
    SeveralNamed,
    /// No purpose is given: 400 `required`.
    #[error("no purpose is given")]
    PurposeMissing,
    /// The purpose is not one code of v3-ActReason: 400 `value`.
    #[error("the purpose is not one known code")]
    PurposeUnknown,
    /// The reason is repeated, too long or no percent-encoded UTF-8: 400 `invalid`.
    #[error("the reason is ill-formed")]
    Reason,
}

impl Unclassifiable {
    /// Every one of them.
    pub const ALL: [Self; 21] = [
        Self::Method,
        Self::MethodOverride,
        Self::Path,
        Self::OutsideBase,
        Self::Encoding,
        Self::TooLong,
        Self::Body,
        Self::MediaType,
        Self::Format,
        Self::Preference,
        Self::NotOffered,
        Self::Supporting,
        Self::Parameter,
        Self::Value,
        Self::Repeated,
        Self::NobodyNamed,
        Self::CodeMissing,
        Self::SeveralNamed,
        Self::PurposeMissing,
        Self::PurposeUnknown,
        Self::Reason,
    ];

    /// Returns the HTTP status of its refusal.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NotOffered => 403,
            Self::OutsideBase | Self::Supporting => 404,
            Self::Method => 405,
            Self::Format => 406,
            Self::MediaType => 415,
            Self::MethodOverride
            | Self::Path
            | Self::Encoding
            | Self::TooLong
            | Self::Body
            | Self::Preference
            | Self::Parameter
            | Self::Value
            | Self::Repeated
            | Self::NobodyNamed
            | Self::CodeMissing
            | Self::SeveralNamed
            | Self::PurposeMissing
            | Self::PurposeUnknown
            | Self::Reason => 400,
        }
    }

    /// Returns the code of its OperationOutcome's issue.
    #[must_use]
    pub fn issue(self) -> &'static str {
        match self {
            Self::Method
            | Self::MethodOverride
            | Self::MediaType
            | Self::Format
            | Self::Preference
            | Self::Parameter => "not-supported",
            Self::NotOffered => "forbidden",
            Self::OutsideBase | Self::Supporting => "not-found",
            Self::NobodyNamed | Self::CodeMissing | Self::PurposeMissing => "required",
            Self::PurposeUnknown => "value",
            Self::Path
            | Self::Encoding
            | Self::TooLong
            | Self::Body
            | Self::Value
            | Self::Repeated
            | Self::SeveralNamed
            | Self::Reason => "invalid",
        }
    }
}
