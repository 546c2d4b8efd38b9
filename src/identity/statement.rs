//! Statements: who acts behind a system, in the words of an issuer that is trusted here.
//!
//! A server certificate proves a system and no person. The person comes with each request in `Authorization: Bearer`, as one
//! of two kinds of JWS (RFC 7515): a Dezi statement, which the person got from the register when logging in and which names
//! the organisation, or an access token of IHE IUA (RFC 9068), which an authorization server made for this gateway and this
//! client certificate. Both are read by the same strict reader, judged here with the time as an argument, and proven by
//! whoever holds the keys ([`Proof`]). Nothing in a statement says where a key or a status is to be had: addresses in it are
//! compared with those of the configuration, and never followed.
//!
//! Without a statement a system is a system. One that is not good is a refusal, never a system.

mod algorithm;
mod claims;
mod compact;
mod dezi;
mod issuer;
mod iua;
mod jwk;
mod number;
mod revocation_list;
mod unproven;

use time::OffsetDateTime;

pub use algorithm::Algorithm;
pub use compact::Signed;
pub use issuer::{ClaimPaths, DeziRules, Flavour, IuaRules, NotAPath, Path, Revocation, StatementIssuer};
pub use jwk::{Curve, Jwk, JwkSet, KeySetError, Material};
pub use revocation_list::{ListError, RevocationList, UnprovenList};
pub use unproven::Unproven;

use super::caller::{Caller, CardType};
use crate::json::Document;
use crate::limits;
use claims::Claims;
use compact::Compact;

/// What is known of one issuer besides its rules: its keys, and what it took back.
pub trait Proof {
    /// Checks a signature by the issuer's key of that name.
    ///
    /// # Errors
    /// No keys that count, no such key, one that does not go with the algorithm, or another signature.
    fn verify(&self, signed: &Signed<'_>, now: OffsetDateTime) -> Result<(), Unproven>;

    /// Checks that the statement of that id is not taken back.
    ///
    /// # Errors
    /// It is, or nothing that holds tells.
    fn is_not_revoked(&self, id: &str, now: OffsetDateTime) -> Result<(), Unproven>;
}

/// An issuer whose statements count.
#[derive(Debug, Clone)]
pub struct Accepted<P> {
    /// What is accepted of it.
    pub issuer: StatementIssuer,
    /// What proves that it is the issuer's.
    pub proof: P,
}

/// Returns the caller as who acts behind its system, by the values of the header `Authorization`; none where there is no
/// such header, and the caller is who the certificate names.
///
/// # Errors
/// The first thing that keeps the header from proving who acts.
pub fn acting<P: Proof>(
    authorization: &[&str],
    caller: &Caller,
    accepted: &[Accepted<P>],
    now: OffsetDateTime,
) -> Result<Option<Caller>, Unproven> {
    let Some(token) = bearer(authorization)? else { return Ok(None) };
    if accepted.is_empty() {
        return Err(Unproven::NotAccepted);
    }
    match caller.card_type() {
        CardType::System => {}
        // Their certificate says who they are, or that nobody can be told.
        CardType::Professional | CardType::Employee | CardType::Function => return Err(Unproven::Certificate),
    }
    let statement = Compact::read(token, limits::STATEMENT_BYTES)?;
    let document = Document::read(statement.payload(), limits::STATEMENT).map_err(|_| Unproven::Json)?;
    let claims = Claims::of(document.root())?;
    let named = claims.text("iss")?;
    let known = accepted.iter().find(|accepted| accepted.issuer.name == named);
    let Accepted { issuer, proof } = known.ok_or(Unproven::Issuer)?;
    issuer.admits(&statement)?;
    proof.verify(&statement.signed(), now)?;
    // From here on these are the words of the issuer.
    let expires = issuer.holds(&claims, now)?;
    let acting = match &issuer.flavour {
        Flavour::Dezi(rules) => dezi::read(&claims, issuer, rules, caller, expires, proof, now)?,
        Flavour::Iua(rules) => iua::read(&claims, issuer, rules, caller, expires)?,
    };
    Ok(Some(caller.behind_which(acting)))
}

/// Reads the header: one value, of the scheme Bearer (RFC 6750, 2.1).
fn bearer<'h>(values: &[&'h str]) -> Result<Option<&'h str>, Unproven> {
    let value = match values {
        [] => return Ok(None),
        [value] => value,
        [_, _, ..] => return Err(Unproven::Repeated),
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token)),
        Some(_) | None => Err(Unproven::Scheme),
    }
}

#[cfg(test)]
mod tests;
