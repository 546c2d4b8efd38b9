//! What is checked of a certificate: its UZI name, field by field, what must agree with it, usage and validity.

use std::str::FromStr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::Reason;
use super::super::caller::{CardType, Role};
use super::super::certificate::{Certificate, Extension, Form, Place, Purpose, Usage};
use super::super::finding::Finding;
use super::super::register::{Issues, Policy, Register, World};
use super::super::san::{AltNames, Statement, UziName, Written};
use super::{NO_ROLE, Strictness, padded};

const NAME: &str = "otherName 2.5.5.5";

/// Finds the UZI name. Of several, the first that states something is shown; none is believed.
pub(super) fn name_of(certificate: &Certificate, strictness: Strictness) -> (Option<&UziName>, Vec<Finding>) {
    const EXPECTED: &str = "exactly one otherName of type 2.5.5.5";
    let no_identity = |field, expected, found: String| Finding::told(Reason::NoUziIdentity, field, expected, found);
    let names = match &certificate.alt_names {
        Extension::Present(AltNames { uzi, .. }) => uzi,
        Extension::Absent => {
            return (None, vec![no_identity("subjectAltName", EXPECTED, "no such extension".to_owned())]);
        }
        Extension::Unreadable => {
            return (None, vec![no_identity("subjectAltName", EXPECTED, "there twice, or not in DER".to_owned())]);
        }
    };
    let mut findings = Vec::new();
    let shown = names.iter().find(|name| name.statement.is_some()).or(names.first());
    if names.len() != 1 {
        findings.push(no_identity("subjectAltName", EXPECTED, format!("{} of them", names.len())));
    } else if shown.is_none_or(|name| name.statement.is_none()) {
        let expected = "seven fields with a hyphen between: CA OID, version, UZI number, type, URA, role, AGB code";
        findings.push(no_identity(NAME, expected, "another form".to_owned()));
    }
    if let Some(name) = shown {
        let string = |found| Finding::told(Reason::StringType, NAME, "an IA5String", found);
        match (name.written, strictness) {
            (Written::Ia5, Strictness::Production | Strictness::Test) | (Written::Utf8, Strictness::Test) => {}
            (Written::Utf8, Strictness::Production) => findings.push(string("a UTF8String")),
            (Written::Otherwise, _) => findings.push(string("a string of another type")),
        }
    }
    (shown, findings)
}

/// Judges the form of the whole.
pub(super) fn form(certificate: &Certificate) -> Option<Finding> {
    match certificate.form {
        Form::Strict => None,
        Form::Lax => Some(Finding::told(
            Reason::NoUziIdentity,
            "certificate",
            "version 3, in DER to the letter, as RFC 5280 has it",
            "another form",
        )),
    }
}

/// Judges each field by itself.
pub(super) fn fields(statement: &Statement, register: &Register) -> Vec<Finding> {
    let strictness = register.strictness();
    let Statement { issuer_oid, version, uzi, card_type, ura, role, agb } = statement;
    let mut findings = Vec::new();
    let widths = [
        ("version (field 2)", "1 digit", version, 1),
        ("UZI number (field 3)", "9 digits", uzi, 9),
        ("URA (field 5)", "8 digits", ura, 8),
        ("AGB code (field 7)", "8 digits", agb, 8),
    ];
    for (field, expected, text, width) in widths {
        if !is_number(text, width, strictness) {
            findings.push(Finding::told(Reason::FieldWidth, field, expected, shape(text)));
        }
    }
    if card_type.chars().count() != 1 {
        findings.push(Finding::told(Reason::FieldWidth, "type (field 4)", "1 letter", shape(card_type)));
    }
    let role_is_read = Role::from_str(role).is_ok();
    if !role_is_read {
        findings.push(Finding::told(Reason::FieldWidth, "role (field 6)", "NN.NNN, in digits", shape(role)));
    }
    if version != "1" {
        findings.push(Finding::written(Reason::Version, "version (field 2)", "1", version));
    }
    let issuer = issuer_in(issuer_oid, register);
    if issuer.is_none() {
        let expected = match strictness {
            Strictness::Production => {
                "that of a CA of the UZI register, or of identity.issuer; none of the test register"
            }
            Strictness::Test => "that of a CA of the UZI register or its test register, or of identity.issuer",
        };
        findings.push(Finding::written(Reason::UnknownIssuerOid, "CA OID (field 1)", expected, issuer_oid));
    }
    match CardType::from_str(card_type) {
        Err(_) => findings.push(Finding::written(Reason::CardType, "type (field 4)", "Z, N, M or S", card_type)),
        Ok(card_type) => {
            if let Some(issuer) = issuer.filter(|issuer| issuer.card_type != card_type) {
                let expected = format!("{}, which the CA of field 1 issues", issuer.card_type.letter());
                findings.push(Finding::told(
                    Reason::OidTypeMismatch,
                    "type (field 4)",
                    expected,
                    card_type.letter().to_string(),
                ));
            }
            let needs_role = match card_type {
                CardType::Professional => true,
                CardType::Employee | CardType::Function | CardType::System => false,
            };
            if role_is_read && (role != NO_ROLE) != needs_role {
                let (expected, found) = if needs_role {
                    ("a profession, for type Z", NO_ROLE)
                } else {
                    ("00.000, for types N, M and S", "a profession")
                };
                findings.push(Finding::told(Reason::Role, "role (field 6)", expected, found));
            }
        }
    }
    findings
}

fn shape(text: &str) -> String {
    let digits = if text.bytes().all(|byte| byte.is_ascii_digit()) { "all digits" } else { "not all digits" };
    match text.chars().count() {
        1 => format!("1 character, {digits}"),
        count => format!("{count} characters, {digits}"),
    }
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
pub(super) fn agreement(statement: &Statement, certificate: &Certificate, register: &Register) -> Vec<Finding> {
    let Statement { issuer_oid, uzi, card_type, ura, version: _, role: _, agb: _ } = statement;
    let Extension::Present(AltNames { principals, permanent, uzi: _ }) = &certificate.alt_names else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut differs = |field, expected, found: Option<&str>, otherwise: &'static str| {
        findings.push(match found {
            Some(found) => Finding::written(Reason::NameMismatch, field, expected, found),
            None => Finding::told(Reason::NameMismatch, field, expected, otherwise),
        });
    };
    let principal = format!("{uzi}@{ura}");
    for name in principals.iter().filter(|name| name.as_ref() != Some(&principal)) {
        let expected = "UZI number@URA, as in the UZI name";
        differs("otherName 1.3.6.1.4.1.311.20.2.3 (UPN)", expected, name.as_deref(), "no UTF8String");
    }
    for name in permanent.iter().filter(|name| name.as_ref() != Some(ura)) {
        differs("permanentIdentifier", "the URA, as in the UZI name", name.as_deref(), "no URA of the register's");
    }
    if !serial_agrees(&certificate.serial_numbers, uzi, register.strictness()) {
        let found = match certificate.serial_numbers.as_slice() {
            [serial] => Some(serial.as_str()),
            _ => None,
        };
        differs("subject serialNumber", "the UZI number, as in the UZI name", found, "none, or several");
    }
    // The CA speaks for what it issues; only where it is unknown, the card type does.
    let issuer = register.of_oid(issuer_oid);
    let world = issuer.map(|issuer| issuer.world);
    let card_type = issuer.map_or_else(|| CardType::from_str(card_type).ok(), |issuer| Some(issuer.card_type));
    if !issuer_agrees(&certificate.issuer_names, card_type, world, register) {
        let found = certificate.issuer_names.join(", ");
        differs("issuer commonName", "that of the CA of field 1", Some(&found), "");
    }
    if !policies_agree(&certificate.policies, card_type, world, register) {
        let expected = "one for authentication of the CA of field 1, and none of another of the register's";
        let (found, otherwise) = match &certificate.policies {
            Extension::Present(policies) => (Some(policies.join(", ")), ""),
            Extension::Absent => (None, "no such extension"),
            Extension::Unreadable => (None, "there twice, or not in DER"),
        };
        differs("certificatePolicies", expected, found.as_deref(), otherwise);
    }
    findings
}

fn serial_agrees(serials: &[String], uzi: &str, strictness: Strictness) -> bool {
    match serials {
        [serial] if serial == uzi => true,
        [serial] => match strictness {
            Strictness::Production => false,
            Strictness::Test => is_number(serial, 9, strictness) && padded(serial, 9) == padded(uzi, 9),
        },
        _ => false,
    }
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

/// Judges what the certificate is for.
pub(super) fn usage(certificate: &Certificate, strictness: Strictness) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |field, expected, found| {
        findings.push(Finding::told(Reason::WrongKeyPurpose, field, expected, found));
    };
    match (certificate.usage, strictness) {
        (Extension::Present(Usage::Signing), _) | (Extension::Absent, Strictness::Test) => {}
        (Extension::Absent, Strictness::Production) => wrong("keyUsage", "digitalSignature", "no such extension"),
        (Extension::Present(Usage::NotSigning), _) => wrong("keyUsage", "digitalSignature", "other usages alone"),
        (Extension::Unreadable, _) => wrong("keyUsage", "digitalSignature", "there twice, or not in DER"),
    }
    let expected = "clientAuth (1.3.6.1.5.5.7.3.2)";
    match certificate.purpose {
        Extension::Present(Purpose::ClientAuthentication) => {}
        Extension::Present(Purpose::Others) => wrong("extKeyUsage", expected, "other purposes alone"),
        Extension::Absent => wrong("extKeyUsage", expected, "no such extension"),
        Extension::Unreadable => wrong("extKeyUsage", expected, "there twice, or not in DER"),
    }
    match certificate.place {
        Extension::Present(Place::EndEntity) | Extension::Absent => {}
        Extension::Present(Place::Authority) => wrong("basicConstraints", "no CA", "a CA"),
        Extension::Unreadable => wrong("basicConstraints", "no CA", "there twice, or not in DER"),
    }
    findings
}

/// RFC 5280, 4.1.2.5: both ends are in.
pub(super) fn validity(certificate: &Certificate, now: OffsetDateTime) -> Vec<Finding> {
    let date = |moment: OffsetDateTime| moment.format(&Rfc3339).unwrap_or_else(|_| "a year beyond 9999".to_owned());
    let mut findings = Vec::new();
    if now < certificate.not_before {
        let expected = format!("no later than {}", date(now));
        findings.push(Finding::told(Reason::NotYetValid, "notBefore", expected, date(certificate.not_before)));
    }
    if certificate.not_after < now {
        let expected = format!("no earlier than {}", date(now));
        findings.push(Finding::told(Reason::Expired, "notAfter", expected, date(certificate.not_after)));
    }
    findings
}
