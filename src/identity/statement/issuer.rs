//! An issuer: what is accepted of it, and the checks that both kinds of statements share.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use time::{Duration, OffsetDateTime};

use super::algorithm::Algorithm;
use super::claims::{Claims, Coded};
use super::compact::Compact;
use super::number::ROLES;
use super::unproven::Unproven;
use crate::identity::acting::StatementKind;
use crate::identity::caller::Role;

/// What is accepted of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementIssuer {
    /// The value of `iss`, character for character.
    pub name: String,
    /// The kind of its statements, with the rules of that kind.
    pub flavour: Flavour,
    /// Values of `typ`; compared without case, and without a leading `application/` (RFC 7515, 4.1.9).
    pub types: Vec<String>,
    /// The algorithms it signs with.
    pub algorithms: Vec<Algorithm>,
    /// Addresses of keys that its headers may state; where there is none, none may.
    pub key_urls: Vec<String>,
    /// How far its clock and ours may be apart.
    pub skew: Duration,
    /// How old a statement may be, whatever it says of its own end.
    pub max_age: Duration,
    /// Roles of the UZI register for codes of other systems: `system|code`, or a bare `code` where none is stated.
    pub roles: BTreeMap<String, Role>,
}

/// The rules of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flavour {
    /// A Dezi statement.
    Dezi(DeziRules),
    /// An access token of IHE IUA.
    Iua(IuaRules),
}

/// What a Dezi statement must say (interface specification 0.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeziRules {
    /// Values of `json_schema`.
    pub schemas: Vec<String>,
    /// Values of `loa_dezi`.
    pub assurance: Vec<String>,
    /// Values of `rol_code_bron` whose codes are those of the UZI register.
    pub role_sources: Vec<String>,
    /// What `status_uri` is without the id at its end.
    pub status_urls: Vec<String>,
    /// Whether it must be known that a statement was not taken back.
    pub revocation: Revocation,
}

/// Whether it must be known that a statement was not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// A list that holds must be at hand.
    Required,
    /// Nobody asks; for tests.
    Off,
}

/// What an access token must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IuaRules {
    /// Values of `aud` that mean this gateway.
    pub audiences: Vec<String>,
    /// Scopes each of which is enough.
    pub scopes: Vec<String>,
    /// Where what IUA says of the person stands.
    pub paths: ClaimPaths,
}

/// Where in an access token the claims stand that no source confirms a place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPaths {
    /// The number of the person.
    pub person: Path,
    /// Their name.
    pub name: Path,
    /// Their role.
    pub role: Path,
    /// The number of their organisation.
    pub organisation: Path,
    /// The purposes of use.
    pub purpose: Path,
}

/// Member names from the outermost object inwards, as a JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// A text that is no JSON pointer to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON pointer to a member, such as /sub")]
pub struct NotAPath;

impl FromStr for Path {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let names = text.strip_prefix('/').ok_or(NotAPath)?.split('/');
        let names: Vec<String> = names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        if names.iter().any(String::is_empty) { Err(NotAPath) } else { Ok(Self(names)) }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|name| write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")))
    }
}

impl Path {
    pub(super) fn names(&self) -> &[String] {
        &self.0
    }
}

impl StatementIssuer {
    /// Returns the kind of its statements.
    #[must_use]
    pub fn kind(&self) -> StatementKind {
        match self.flavour {
            Flavour::Dezi(_) => StatementKind::Dezi,
            Flavour::Iua(_) => StatementKind::Iua,
        }
    }

    /// Judges the header: before a signature is checked, since it says how.
    pub(super) fn admits(&self, statement: &Compact<'_>) -> Result<(), Unproven> {
        let header = statement.header();
        let kind = header.kind.as_deref().map(media_type).ok_or(Unproven::Type)?;
        if !self.types.iter().any(|known| media_type(known) == kind) {
            return Err(Unproven::Type);
        }
        if !self.algorithms.contains(&header.algorithm) {
            return Err(Unproven::Algorithm);
        }
        if header.key_urls.iter().any(|url| !self.key_urls.contains(url)) {
            return Err(Unproven::KeyUrl);
        }
        Ok(())
    }

    /// Judges when the statement holds, and returns when it ends.
    pub(super) fn holds(&self, claims: &Claims<'_>, now: OffsetDateTime) -> Result<OffsetDateTime, Unproven> {
        let (issued, begins) = (claims.moment("iat")?, claims.moment("nbf")?);
        let ends = claims.moment("exp")?.ok_or(Unproven::Claim)?;
        // RFC 9068, 2.2 asks for `iat`; a Dezi statement has `nbf` alone.
        let made = match self.flavour {
            Flavour::Dezi(_) => begins.and(issued.or(begins)).ok_or(Unproven::Claim)?,
            Flavour::Iua(_) => issued.ok_or(Unproven::Claim)?,
        };
        if ends <= made {
            return Err(Unproven::Claim);
        }
        if ends.saturating_add(self.skew) <= now {
            return Err(Unproven::Expired);
        }
        if begins.is_some_and(|begins| now < begins.saturating_sub(self.skew)) {
            return Err(Unproven::NotYetValid);
        }
        if issued.is_some_and(|issued| now < issued.saturating_sub(self.skew)) {
            return Err(Unproven::IssuedInFuture);
        }
        if made.saturating_add(self.max_age).saturating_add(self.skew) < now {
            return Err(Unproven::TooOld);
        }
        Ok(ends)
    }

    /// Returns the role of the UZI register that a code stands for.
    pub(super) fn role(&self, coded: &Coded) -> Result<Role, Unproven> {
        let key = match &coded.system {
            Some(system) => format!("{system}|{}", coded.code),
            None => coded.code.clone(),
        };
        let role = match self.roles.get(&key) {
            Some(role) => role.clone(),
            None => ROLES.code(coded).and_then(|code| code.parse().ok()).ok_or(Unproven::Role)?,
        };
        // CPS UZI-register, 7.1: what stands where there is no profession.
        if role.as_str() == "00.000" { Err(Unproven::Role) } else { Ok(role) }
    }
}

fn media_type(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    text.strip_prefix("application/").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_json_pointer() {
        let path: Path = "/extensions/ihe_iua/https:~1~1example~1a~0b".parse().unwrap();
        assert_eq!(path.names(), ["extensions", "ihe_iua", "https://example/a~b"]);
        assert_eq!(path.to_string(), "/extensions/ihe_iua/https:~1~1example~1a~0b");
        for text in ["", "/", "sub", "/a//b", "/a/"] {
            assert_eq!(text.parse::<Path>(), Err(NotAPath), "{text}");
        }
    }
}
