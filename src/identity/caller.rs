//! The caller: who calls, proven by a certificate, and behind a system by a statement.

use std::fmt;
use std::str::FromStr;

use time::OffsetDateTime;

use super::acting::{Acting, PersonNames, StatedPurposes, StatementFacts};
use crate::consent::Purpose;

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

/// Who calls: an organisation, and the person, function or system at it, or the person behind a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    ura: Ura,
    uzi: UziNumber,
    card_type: CardType,
    role: Option<Role>,
    names: CallerNames,
    certificate: Option<CertificateFacts>,
    acting: Option<Box<Acting>>,
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
        Self { ura, uzi, card_type, role, names, certificate, acting: None }
    }

    /// Returns the caller as who acts behind this system: the person of a statement, at the organisation of the certificate.
    #[must_use]
    pub(super) fn behind_which(&self, acting: Acting) -> Self {
        let PersonNames { given_name, surname } = acting.names.clone();
        let names = CallerNames { given_name, surname, title: None, ..self.names.clone() };
        Self { names, acting: Some(Box::new(acting)), ..self.clone() }
    }

    /// Returns the organisation.
    #[must_use]
    pub fn ura(&self) -> &Ura {
        &self.ura
    }

    /// Returns the number of who acts: the person, of the certificate or of a statement, else the function or the system.
    /// Whatever is kept for one caller is kept under this number and that of the system.
    #[must_use]
    pub fn uzi(&self) -> &UziNumber {
        self.acting.as_ref().map_or(&self.uzi, |acting| &acting.person)
    }

    /// Returns the number of the system, if the certificate is one of a system, whoever acts behind it.
    #[must_use]
    pub fn system(&self) -> Option<&UziNumber> {
        match self.card_type {
            CardType::System => Some(&self.uzi),
            CardType::Professional | CardType::Employee | CardType::Function => None,
        }
    }

    /// Returns the kind of certificate.
    #[must_use]
    pub fn card_type(&self) -> CardType {
        self.card_type
    }

    /// Returns what the caller counts as where kinds of callers are told apart: who acts behind a system in a role of the
    /// register is a professional like one with a card.
    #[must_use]
    pub fn kind(&self) -> CardType {
        self.acting.as_ref().map_or(self.card_type, |_| CardType::Professional)
    }

    /// Returns the role that the certificate or a statement proves, if one is proven.
    #[must_use]
    pub fn role(&self) -> Option<&Role> {
        self.acting.as_ref().map(|acting| &acting.role).or(self.role.as_ref())
    }

    /// Returns the number of the person, if a person is proven: a function or a system proves none by itself.
    #[must_use]
    pub fn person(&self) -> Option<&UziNumber> {
        match self.card_type {
            CardType::Professional | CardType::Employee => Some(&self.uzi),
            CardType::Function | CardType::System => self.acting.as_ref().map(|acting| &acting.person),
        }
    }

    /// Returns what says who acts behind the system, if anything does.
    #[must_use]
    pub fn statement(&self) -> Option<&StatementFacts> {
        self.acting.as_ref().map(|acting| &acting.facts)
    }

    /// Returns true if and only if no statement was made for other purposes than this one.
    #[must_use]
    pub fn may_declare(&self, purpose: Purpose) -> bool {
        match self.acting.as_ref().map(|acting| &acting.purposes) {
            None | Some(StatedPurposes::Open) => true,
            Some(StatedPurposes::Only(purposes)) => purposes.contains(&purpose),
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
