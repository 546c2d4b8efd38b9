//! The caller: who calls, proven by a certificate.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

/// A text that has not the shape its register gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form the register uses")]
pub struct IllFormed;

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number of an organisation in the UZI register (URA): 8 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ura(String);

impl FromStr for Ura {
    type Err = IllFormed;

    fn from_str(text: &str) -> Result<Self, IllFormed> {
        if digits(text, 8) { Ok(Self(text.to_owned())) } else { Err(IllFormed) }
    }
}

impl Ura {
    /// Returns the eight digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The number of a person, a function or a system in the UZI register: 9 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UziNumber(String);

impl FromStr for UziNumber {
    type Err = IllFormed;

    fn from_str(text: &str) -> Result<Self, IllFormed> {
        if digits(text, 9) { Ok(Self(text.to_owned())) } else { Err(IllFormed) }
    }
}

impl UziNumber {
    /// Returns the nine digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UziNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UziNumber(…)")
    }
}

/// What kind of UZI product a certificate is (CPS UZI-register, 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardType {
    /// Zorgverlenerpas: a named professional with a registered title.
    Professional,
    /// Medewerkerpas op naam: a named employee.
    Employee,
    /// Medewerkerpas niet op naam: a function, no person.
    Function,
    /// Servercertificaat: a system.
    System,
}

impl CardType {
    /// Returns the letter of the register: Z, N, M or S.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Professional => 'Z',
            Self::Employee => 'N',
            Self::Function => 'M',
            Self::System => 'S',
        }
    }
}

impl FromStr for CardType {
    type Err = IllFormed;

    fn from_str(text: &str) -> Result<Self, IllFormed> {
        match text {
            "Z" => Ok(Self::Professional),
            "N" => Ok(Self::Employee),
            "M" => Ok(Self::Function),
            "S" => Ok(Self::System),
            _ => Err(IllFormed),
        }
    }
}

/// A role code of the UZI register: profession and specialism, `NN.NNN` (CPS V10.3, annex 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Role(String);

impl FromStr for Role {
    type Err = IllFormed;

    fn from_str(text: &str) -> Result<Self, IllFormed> {
        let Some((profession, specialism)) = text.split_once('.') else { return Err(IllFormed) };
        if digits(profession, 2) && digits(specialism, 3) { Ok(Self(text.to_owned())) } else { Err(IllFormed) }
    }
}

impl Role {
    /// Returns the code, `01.015`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if and only if the code begins with `prefix` at a border: `01` and `01.015` are prefixes of
    /// `01.015`, `01.01` and `0` are none.
    #[must_use]
    pub fn is_within(&self, prefix: &str) -> bool {
        self.0 == prefix || (prefix.len() == 2 && self.0.starts_with(prefix))
    }
}

/// What a certificate says about itself.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Subject, RFC 4514 style.
    pub subject: String,
    /// Issuer, RFC 4514 style.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal without separators.
    pub serial: String,
    /// First moment of validity.
    pub not_before: OffsetDateTime,
    /// Last moment of validity.
    pub not_after: OffsetDateTime,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub sha256: String,
}

impl fmt::Debug for CertificateFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The subject names a person.
        f.debug_struct("CertificateFacts").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// Names that go with a caller; for the record and for people, never for deciding.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallerNames {
    /// Given name of the person.
    pub given_name: Option<String>,
    /// Surname of the person.
    pub surname: Option<String>,
    /// Title of the person.
    pub title: Option<String>,
    /// Name of the organisation.
    pub organization: Option<String>,
    /// AGB code, `00000000` when there is none.
    pub agb: Option<String>,
}

impl fmt::Debug for CallerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerNames(…)")
    }
}

/// Who calls: an organisation, and the person, function or system at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    ura: Ura,
    uzi: UziNumber,
    card_type: CardType,
    role: Option<Role>,
    names: CallerNames,
    certificate: Option<CertificateFacts>,
}

impl Caller {
    /// Returns a caller as `identity::identify` proved it, or, without a certificate, as a case of `sluis decide` states it.
    #[must_use]
    pub fn new(
        ura: Ura,
        uzi: UziNumber,
        card_type: CardType,
        role: Option<Role>,
        names: CallerNames,
        certificate: Option<CertificateFacts>,
    ) -> Self {
        // Only a Z card proves a role (CPS 7.1: 00.000 on the others).
        let role = match card_type {
            CardType::Professional => role,
            CardType::Employee | CardType::Function | CardType::System => None,
        };
        Self { ura, uzi, card_type, role, names, certificate }
    }

    /// Returns the organisation.
    #[must_use]
    pub fn ura(&self) -> &Ura {
        &self.ura
    }

    /// Returns the number of the person, function or system.
    #[must_use]
    pub fn uzi(&self) -> &UziNumber {
        &self.uzi
    }

    /// Returns the kind of certificate.
    #[must_use]
    pub fn card_type(&self) -> CardType {
        self.card_type
    }

    /// Returns the role that the certificate proves, if it proves one.
    #[must_use]
    pub fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }

    /// Returns the number of the person, if a person is proven: a function or a system proves none.
    #[must_use]
    pub fn person(&self) -> Option<&UziNumber> {
        match self.card_type {
            CardType::Professional | CardType::Employee => Some(&self.uzi),
            CardType::Function | CardType::System => None,
        }
    }

    /// Returns the names, for the record.
    #[must_use]
    pub fn names(&self) -> &CallerNames {
        &self.names
    }

    /// Returns what the certificate says about itself.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateFacts> {
        self.certificate.as_ref()
    }
}
