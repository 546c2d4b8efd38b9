//! The access token of IHE IUA (ITI-71, JWT option), in the form of RFC 9068: made for this gateway, for this client
//! certificate (RFC 8705), for a person with a role and one or more purposes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::claims::{self, Claims};
use super::issuer::{IuaRules, StatementIssuer};
use super::number::{ORGANISATIONS, PEOPLE, PURPOSES};
use super::unproven::Unproven;
use crate::consent::Purpose;
use crate::identity::acting::{Acting, PersonNames, StatedPurposes, StatementFacts, StatementKind};
use crate::identity::caller::{Caller, UziNumber};
use crate::json::{Kind, Value};

/// Claims that limit a token in ways that are not judged here: to one patient (SMART), to what was asked for in detail (RFC
/// 9396), to what somebody else was allowed (RFC 8693).
const LIMITS: [&str; 6] = ["authorization_details", "act", "patient", "fhirContext", "encounter", "ehrId"];

/// Members of the extension of IUA that limit it: `person_id` is the patient's.
const IUA_LIMITS: [&str; 1] = ["person_id"];

/// Reads who acts from claims whose signature, type and time are good.
pub(super) fn read(
    claims: &Claims<'_>,
    issuer: &StatementIssuer,
    rules: &IuaRules,
    caller: &Caller,
    expires: OffsetDateTime,
) -> Result<Acting, Unproven> {
    // RFC 9068, 2.2: what every token has.
    let (jti, subject) = (claims.token("jti")?, claims.text("sub")?.into_owned());
    claims.text("client_id")?;
    if !claims.names_one_of("aud", &rules.audiences)? {
        return Err(Unproven::Audience);
    }
    is_bound(claims.get("cnf"), caller)?;
    if is_limited(*claims) {
        return Err(Unproven::Limited);
    }
    let scope = claims.text("scope").map_err(|_| Unproven::Scope)?;
    if !scope.split(' ').any(|scope| rules.scopes.iter().any(|known| known == scope)) {
        return Err(Unproven::Scope);
    }
    let text = |path: &super::Path| claims.at(path.names()).and_then(claims::plain);
    let organisation = text(&rules.paths.organisation).ok_or(Unproven::Organisation)?;
    if ORGANISATIONS.number(&organisation) != Some(caller.ura().as_str()) {
        return Err(Unproven::Organisation);
    }
    let person = text(&rules.paths.person).ok_or(Unproven::Person)?;
    let person: Option<UziNumber> = PEOPLE.number(&person).and_then(|number| number.parse().ok());
    let person = person.ok_or(Unproven::Person)?;
    // Of several roles, which one the person acts in cannot be told.
    let roles = claims.at(rules.paths.role.names()).and_then(claims::codes).ok_or(Unproven::Role)?;
    let [role] = roles.as_slice() else { return Err(Unproven::Role) };
    let role = issuer.role(role)?;
    let purposes = claims.at(rules.paths.purpose.names()).and_then(claims::codes).ok_or(Unproven::Purpose)?;
    let purposes: Option<Vec<Purpose>> =
        purposes.iter().map(|coded| PURPOSES.code(coded).and_then(Purpose::of)).collect();
    let purposes = purposes.filter(|purposes| !purposes.is_empty()).ok_or(Unproven::Purpose)?;
    let name = text(&rules.paths.name).map(std::borrow::Cow::into_owned);
    let facts = StatementFacts { kind: StatementKind::Iua, issuer: issuer.name.clone(), subject, jti, expires };
    let names = PersonNames { given_name: None, surname: name };
    Ok(Acting { person, role, names, purposes: StatedPurposes::Only(purposes), facts })
}

/// RFC 8705, 3.1: bound to the client certificate, and to nothing else: what else it is bound to would have to be proven too.
fn is_bound(confirmation: Option<Value<'_>>, caller: &Caller) -> Result<(), Unproven> {
    let confirmation = confirmation.ok_or(Unproven::NotBound)?;
    let thumbprint = confirmation.text_of("x5t#S256").ok_or(Unproven::NotBound)?;
    if confirmation.members().count() != 1 {
        return Err(Unproven::NotBound);
    }
    let own = caller.certificate().map(|certificate| thumbprint_of(&certificate.sha256));
    if own.is_some_and(|own| own == thumbprint) { Ok(()) } else { Err(Unproven::AnotherCertificate) }
}

/// Returns a SHA-256 in hexadecimal as RFC 8705 writes it.
fn thumbprint_of(sha256: &str) -> String {
    let nibbles: Vec<u8> =
        sha256.chars().filter_map(|digit| digit.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok())).collect();
    let bytes: Vec<u8> =
        nibbles.chunks(2).map(|pair| pair.iter().fold(0_u8, |byte, nibble| byte.wrapping_shl(4) | nibble)).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether it says less than a token of this person would: in a claim, or in an extension beside that of IUA, such as those
/// that tie it to a Consent (`ihe_bppc`, `ihe_pcf`).
fn is_limited(claims: Claims<'_>) -> bool {
    let extensions = claims.get("extensions");
    let foreign = extensions.is_some_and(|extensions| {
        extensions.kind() != Kind::Object || extensions.members().any(|member| member.name != "ihe_iua")
    });
    let iua = extensions.and_then(|extensions| extensions.get("ihe_iua"));
    let within = iua.is_some_and(|iua| IUA_LIMITS.iter().any(|name| iua.get(name).is_some()));
    foreign || within || LIMITS.iter().any(|name| claims.get(name).is_some())
}
