//! Identifying: from a certificate to a caller, or to every reason why not.

use std::str::FromStr;

use time::OffsetDateTime;

use super::Reason;
use super::caller::{Caller, CallerNames, CardType, CertificateFacts, Role};
use super::certificate::{self, Certificate, Extension, Form, Place, Purpose, Usage};
use super::register::{Issues, Policy, Register, World};
use super::san::{AltNames, Statement, UziName, Written};

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
}

impl Refused {
    /// Returns the reasons, sorted, at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
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
        let verdict = Err(Refused { reasons: vec![Reason::NoUziIdentity] });
        return Examination { statement: None, names: CallerNames::default(), certificate: None, verdict };
    };
    let (name, mut reasons) = name_of(&certificate, strictness);
    match certificate.form {
        Form::Strict => {}
        Form::Lax => reasons.push(Reason::NoUziIdentity),
    }
    let statement = name.and_then(|name| name.statement.clone());
    if let Some(statement) = &statement {
        reasons.extend(fields(statement, register));
        reasons.extend(agreement(statement, &certificate, register));
    }
    reasons.extend(usage(&certificate, strictness));
    reasons.extend(validity(&certificate, now));

    let mut names = certificate.names.clone();
    names.agb = statement.as_ref().map(|statement| statement.agb.clone());
    let caller = statement.as_ref().and_then(|statement| caller(statement, &names, &certificate.facts));
    if caller.is_none() && reasons.is_empty() {
        reasons.push(Reason::FieldWidth);
    }
    reasons.sort_unstable();
    reasons.dedup();
    let verdict = match caller {
        Some(caller) if reasons.is_empty() => Ok(caller),
        Some(_) | None => Err(Refused { reasons }),
    };
    Examination { statement, names, certificate: Some(certificate.facts), verdict }
}

/// Finds the UZI name. Of several, the first that states something is shown; none is believed.
fn name_of(certificate: &Certificate, strictness: Strictness) -> (Option<&UziName>, Vec<Reason>) {
    let Extension::Present(AltNames { uzi: names, .. }) = &certificate.alt_names else {
        return (None, vec![Reason::NoUziIdentity]);
    };
    let mut reasons = Vec::new();
    let shown = names.iter().find(|name| name.statement.is_some()).or(names.first());
    if names.len() != 1 || shown.is_none_or(|name| name.statement.is_none()) {
        reasons.push(Reason::NoUziIdentity);
    }
    if let Some(name) = shown {
        match (name.written, strictness) {
            (Written::Ia5, Strictness::Production | Strictness::Test) | (Written::Utf8, Strictness::Test) => {}
            (Written::Utf8, Strictness::Production) | (Written::Otherwise, _) => reasons.push(Reason::StringType),
        }
    }
    (shown, reasons)
}

/// Judges each field by itself.
fn fields(statement: &Statement, register: &Register) -> Vec<Reason> {
    let strictness = register.strictness();
    let Statement { issuer_oid, version, uzi, card_type, ura, role, agb } = statement;
    let mut reasons = Vec::new();
    let widths = [(version, 1), (uzi, 9), (ura, 8), (agb, 8)];
    let wide = widths.iter().all(|(text, width)| is_number(text, *width, strictness)) && card_type.chars().count() == 1;
    let role_is_read = Role::from_str(role).is_ok();
    if !wide || !role_is_read {
        reasons.push(Reason::FieldWidth);
    }
    if version != "1" {
        reasons.push(Reason::Version);
    }
    let issuer = issuer_in(issuer_oid, register);
    if issuer.is_none() {
        reasons.push(Reason::UnknownIssuerOid);
    }
    match CardType::from_str(card_type) {
        Err(_) => reasons.push(Reason::CardType),
        Ok(card_type) => {
            if issuer.is_some_and(|issuer| issuer.card_type != card_type) {
                reasons.push(Reason::OidTypeMismatch);
            }
            let needs_role = match card_type {
                CardType::Professional => true,
                CardType::Employee | CardType::Function | CardType::System => false,
            };
            if role_is_read && (role != NO_ROLE) != needs_role {
                reasons.push(Reason::Role);
            }
        }
    }
    reasons
}

/// Returns true if and only if the text is a number of this width; a test certificate may leave out leading zeros.
fn is_number(text: &str, width: usize, strictness: Strictness) -> bool {
    let right_length = match strictness {
        Strictness::Production => text.len() == width,
        Strictness::Test => (1..=width).contains(&text.len()),
    };
    right_length && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn issuer_in(oid: &str, register: &Register) -> Option<Issues> {
    register.of_oid(oid).filter(|issuer| match (issuer.world, register.strictness()) {
        (World::Production, Strictness::Production | Strictness::Test) | (World::Test, Strictness::Test) => true,
        (World::Test, Strictness::Production) => false,
    })
}

/// Judges whether the rest of the certificate says the same as the name.
fn agreement(statement: &Statement, certificate: &Certificate, register: &Register) -> Option<Reason> {
    let strictness = register.strictness();
    let Statement { issuer_oid, uzi, card_type, ura, version: _, role: _, agb: _ } = statement;
    let Extension::Present(AltNames { principals, permanent, uzi: _ }) = &certificate.alt_names else { return None };
    let principal = format!("{uzi}@{ura}");
    let names_agree = principals.iter().all(|name| name.as_ref() == Some(&principal))
        && permanent.iter().all(|name| name.as_ref() == Some(ura));
    let serial_agrees = match certificate.serial_numbers.as_slice() {
        [serial] if serial == uzi => true,
        [serial] => match strictness {
            Strictness::Production => false,
            Strictness::Test => is_number(serial, 9, strictness) && padded(serial, 9) == padded(uzi, 9),
        },
        _ => false,
    };
    // The CA speaks for what it issues; only where it is unknown, the card type does.
    let issuer = register.of_oid(issuer_oid);
    let world = issuer.map(|issuer| issuer.world);
    let card_type = issuer.map_or_else(|| CardType::from_str(card_type).ok(), |issuer| Some(issuer.card_type));
    let agrees = names_agree
        && serial_agrees
        && issuer_agrees(&certificate.issuer_names, card_type, world, register)
        && policies_agree(&certificate.policies, card_type, world, register);
    (!agrees).then_some(Reason::NameMismatch)
}

fn issuer_agrees(names: &[String], card_type: Option<CardType>, world: Option<World>, register: &Register) -> bool {
    let agrees = |issues: Issues| {
        card_type.is_none_or(|card_type| card_type == issues.card_type)
            && world.is_none_or(|world| world == issues.world)
    };
    let named = match names {
        [name] => register.issues(name, agrees),
        _ => None,
    };
    match (named, register.strictness()) {
        (Some(agrees), _) => agrees,
        (None, Strictness::Production) => false,
        (None, Strictness::Test) => true,
    }
}

fn policies_agree(
    policies: &Extension<Vec<String>>,
    card_type: Option<CardType>,
    world: Option<World>,
    register: &Register,
) -> bool {
    let policies = match (policies, register.strictness()) {
        (Extension::Absent, Strictness::Test) => return true,
        (Extension::Absent, Strictness::Production) | (Extension::Unreadable, _) => return false,
        (Extension::Present(policies), _) => policies,
    };
    // The register's own policies must all fit, and one must be there. Those of others may stand beside it.
    let mut is_there = false;
    for policy in policies {
        match register.policy(policy, card_type, world) {
            Policy::Foreign => {}
            Policy::Fitting => is_there = true,
            Policy::Unfitting => return false,
        }
    }
    is_there
}

fn usage(certificate: &Certificate, strictness: Strictness) -> Option<Reason> {
    let signs = match (certificate.usage, strictness) {
        (Extension::Present(Usage::Signing), _) | (Extension::Absent, Strictness::Test) => true,
        (Extension::Absent, Strictness::Production) => false,
        (Extension::Present(Usage::NotSigning) | Extension::Unreadable, _) => false,
    };
    let authenticates = match certificate.purpose {
        Extension::Present(Purpose::ClientAuthentication) => true,
        Extension::Present(Purpose::Others) | Extension::Absent | Extension::Unreadable => false,
    };
    let is_leaf = match certificate.place {
        Extension::Present(Place::EndEntity) | Extension::Absent => true,
        Extension::Present(Place::Authority) | Extension::Unreadable => false,
    };
    (!(signs && authenticates && is_leaf)).then_some(Reason::WrongKeyPurpose)
}

/// RFC 5280, 4.1.2.5: both ends are in.
fn validity(certificate: &Certificate, now: OffsetDateTime) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if now < certificate.not_before {
        reasons.push(Reason::NotYetValid);
    }
    if certificate.not_after < now {
        reasons.push(Reason::Expired);
    }
    reasons
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
