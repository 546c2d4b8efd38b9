//! The Dezi statement (`verklaring`, interface specification 0.7): who logged in, at which organisation, in which role.
//!
//! It is bound to no client: whoever has it could send it. So it counts only with a server certificate of the organisation
//! that it names, and only as long as the register has not taken it back.

use time::OffsetDateTime;

use super::Proof;
use super::claims::{Claims, Coded};
use super::issuer::{DeziRules, Revocation, StatementIssuer};
use super::unproven::Unproven;
use crate::identity::acting::{Acting, PersonNames, StatedPurposes, StatementFacts, StatementKind};
use crate::identity::caller::{Caller, UziNumber};

/// Reads who acts from claims whose signature, type and time are good.
pub(super) fn read(
    claims: &Claims<'_>,
    issuer: &StatementIssuer,
    rules: &DeziRules,
    caller: &Caller,
    expires: OffsetDateTime,
    proof: &impl Proof,
    now: OffsetDateTime,
) -> Result<Acting, Unproven> {
    let (jti, id) = (claims.token("jti")?, claims.token("verklaring_id")?);
    if !rules.schemas.iter().any(|known| claims.text("json_schema").is_ok_and(|schema| schema == *known)) {
        return Err(Unproven::Schema);
    }
    if !rules.assurance.iter().any(|known| claims.text("loa_dezi").is_ok_and(|level| level == *known)) {
        return Err(Unproven::Assurance);
    }
    if claims.text("abonnee_nummer")? != caller.ura().as_str() {
        return Err(Unproven::Organisation);
    }
    let person: UziNumber = claims.text("dezi_nummer")?.parse().map_err(|_| Unproven::Person)?;
    let (source, code) = (claims.text("rol_code_bron")?, claims.text("rol_code")?.into_owned());
    let coded = if rules.role_sources.iter().any(|known| source == *known) {
        Coded { system: None, code }
    } else {
        Coded { system: Some(source.into_owned()), code }
    };
    let role = issuer.role(&coded)?;
    // The status is asked nowhere for one statement: where it would be must be where the register's list speaks of.
    let status = claims.text("status_uri")?;
    if !rules.status_urls.iter().any(|known| status.strip_prefix(known.as_str()) == Some(&id)) {
        return Err(Unproven::StatusUrl);
    }
    match rules.revocation {
        Revocation::Required => proof.is_not_revoked(&id, now)?,
        Revocation::Off => {}
    }
    let given_name = claims.optional("voorletters")?.map(std::borrow::Cow::into_owned);
    let surname = match (claims.optional("voorvoegsel")?, claims.optional("achternaam")?) {
        (Some(prefix), Some(surname)) => Some(format!("{prefix} {surname}")),
        (None, Some(surname)) => Some(surname.into_owned()),
        (_, None) => None,
    };
    let subject = person.as_str().to_owned();
    let facts = StatementFacts { kind: StatementKind::Dezi, issuer: issuer.name.clone(), subject, jti, expires };
    Ok(Acting { person, role, names: PersonNames { given_name, surname }, purposes: StatedPurposes::Open, facts })
}
