//! The UZI register as certificates show it: which CA issues what, under which OID, name and policy.
//!
//! What the CPS of the register and its cards show is built in. What is not confirmed, or comes later, a hospital adds by
//! configuration: an issuer of its own counts beside the built-in ones, and takes the place of one with the same OID.

use super::{CardType, Strictness};

/// Which register: the one of production, or the one for tests and acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// That of production.
    Production,
    /// That for tests and acceptance.
    Test,
}

/// What an issuing CA issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Issues {
    pub(super) card_type: CardType,
    pub(super) world: World,
}

/// An issuing CA, as the certificates show it that it issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The OID that its UZI names begin with.
    pub oid: String,
    /// Its common names; a year of issue behind a hyphen (`… - 2025`) is left out.
    pub names: Vec<String>,
    /// The policies for authentication that it issues under.
    pub policies: Vec<String>,
    /// What it issues.
    pub card_type: CardType,
    /// Which register it is of.
    pub world: World,
}

/// The issuing CAs that count, and how strictly their certificates are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    strictness: Strictness,
    issuers: Vec<Issuer>,
}

type BuiltIn = (CardType, World, &'static str, &'static [&'static str], &'static [&'static str]);

/// OID, common names, policies for authentication (CPS UZI-register, 7.1; for the test register, its cards).
///
/// 99.219 was not seen on a card, nor were 99.214 and 99.215: they are the next in their series, where M stands in
/// production.
const BUILT_IN: [BuiltIn; 8] = [
    (
        CardType::Professional,
        World::Production,
        "2.16.528.1.1003.1.3.5.5.2",
        &["UZI-register Zorgverlener CA G3"],
        &["2.16.528.1.1003.1.2.5.1"],
    ),
    (
        CardType::Employee,
        World::Production,
        "2.16.528.1.1003.1.3.5.5.3",
        &["UZI-register Medewerker op naam CA G3"],
        &["2.16.528.1.1003.1.2.5.1"],
    ),
    (
        CardType::Function,
        World::Production,
        "2.16.528.1.1003.1.3.5.5.4",
        &["UZI-register Medewerker niet op naam CA G3"],
        &["2.16.528.1.1003.1.2.5.4"],
    ),
    (
        CardType::System,
        World::Production,
        "2.16.528.1.1003.1.3.5.5.5",
        &["UZI-register Private Server CA G1", "UZI Server - G4 PKIo Priv G-TLS SYS"],
        &["2.16.528.1.1003.1.2.8.6", "2.16.528.1.1003.1.2.44.15.35.11"],
    ),
    (
        CardType::Professional,
        World::Test,
        "2.16.528.1.1007.99.217",
        &["TEST UZI-register Zorgverlener CA G3"],
        &["2.16.528.1.1007.99.211"],
    ),
    (
        CardType::Employee,
        World::Test,
        "2.16.528.1.1007.99.218",
        &["TEST UZI-register Medewerker op naam CA G3"],
        &["2.16.528.1.1007.99.211"],
    ),
    (
        CardType::Function,
        World::Test,
        "2.16.528.1.1007.99.219",
        &["TEST UZI-register Medewerker niet op naam CA G3"],
        &["2.16.528.1.1007.99.214"],
    ),
    (
        CardType::System,
        World::Test,
        "2.16.528.1.1007.99.2110",
        &["TEST UZI-register Private Server CA G1", "ACCEPTATIE UZI Server - G4 Priv G-TLS SYS"],
        &["2.16.528.1.1007.99.12", "2.16.528.1.1007.99.44.15.35.11"],
    ),
];

/// Policies of the register for signing and for confidentiality: a certificate with one is not for authentication.
const NOT_FOR_AUTHENTICATION: [&str; 6] = [
    "2.16.528.1.1003.1.2.5.2",
    "2.16.528.1.1003.1.2.5.3",
    "2.16.528.1.1003.1.2.5.5",
    "2.16.528.1.1007.99.212",
    "2.16.528.1.1007.99.213",
    "2.16.528.1.1007.99.215",
];

/// What policies of persons begin with in production.
const PERSONS: &str = "2.16.528.1.1003.1.2.5.";

/// What every OID of the test register begins with.
const TEST_REGISTER: &str = "2.16.528.1.1007.";

/// What a policy of a certificate is to the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Of others: it may stand beside the register's own.
    Foreign,
    /// The register's own, for certificates like this one.
    Fitting,
    /// The register's own, for other certificates or for nothing that is known.
    Unfitting,
}

impl Register {
    /// Returns the register as it is built in.
    #[must_use]
    pub fn new(strictness: Strictness) -> Self {
        let issuers = BUILT_IN.iter().map(|(card_type, world, oid, names, policies)| Issuer {
            oid: (*oid).to_owned(),
            names: names.iter().map(|&name| name.to_owned()).collect(),
            policies: policies.iter().map(|&policy| policy.to_owned()).collect(),
            card_type: *card_type,
            world: *world,
        });
        Self { strictness, issuers: issuers.collect() }
    }

    /// Adds an issuer, in place of one with the same OID.
    #[must_use]
    pub fn with(mut self, issuer: Issuer) -> Self {
        self.issuers.retain(|other| other.oid != issuer.oid);
        self.issuers.push(issuer);
        self
    }

    /// Returns how strictly certificates are read.
    #[must_use]
    pub fn strictness(&self) -> Strictness {
        self.strictness
    }

    /// Returns what the CA with this OID issues.
    pub(super) fn of_oid(&self, oid: &str) -> Option<Issues> {
        self.issuers.iter().find(|issuer| issuer.oid == oid).map(Issuer::issues)
    }

    /// Returns true if and only if a CA with this common name issues what is asked; nothing where none has the name.
    pub(super) fn issues(&self, common_name: &str, asked: impl Fn(Issues) -> bool) -> Option<bool> {
        let name = without_year(common_name);
        let has_name = |issuer: &&Issuer| issuer.names.iter().any(|own| own == name || own == common_name);
        let mut named = self.issuers.iter().filter(has_name).map(Issuer::issues).peekable();
        named.peek()?;
        Some(named.any(asked))
    }

    /// Returns what the register means by a policy on a certificate of this type; of any type and any register where they
    /// are not known.
    pub(super) fn policy(&self, oid: &str, card_type: Option<CardType>, world: Option<World>) -> Policy {
        if NOT_FOR_AUTHENTICATION.contains(&oid) {
            return Policy::Unfitting;
        }
        let mut own =
            self.issuers.iter().filter(|issuer| issuer.policies.iter().any(|policy| policy == oid)).peekable();
        if own.peek().is_none() {
            let of_register = oid.starts_with(PERSONS);
            let of_test = oid.starts_with(TEST_REGISTER) && self.strictness == Strictness::Production;
            return if of_register || of_test { Policy::Unfitting } else { Policy::Foreign };
        }
        let fits = own.any(|issuer| {
            card_type.is_none_or(|card_type| card_type == issuer.card_type)
                && world.is_none_or(|world| world == issuer.world)
        });
        if fits { Policy::Fitting } else { Policy::Unfitting }
    }
}

impl Issuer {
    fn issues(&self) -> Issues {
        Issues { card_type: self.card_type, world: self.world }
    }
}

/// Names of G4 CAs end in the year of their issue.
fn without_year(common_name: &str) -> &str {
    match common_name.rsplit_once(" - ") {
        Some((name, year))
            if name.contains("G4") && year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            name
        }
        Some(_) | None => common_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: Issues = Issues { card_type: CardType::System, world: World::Test };

    #[test]
    fn a_ca_is_known_by_its_whole_name_only() {
        let register = Register::new(Strictness::Production);
        let is_server = |name| register.issues(name, |issues| issues == SYSTEM);
        assert_eq!(is_server("ACCEPTATIE UZI Server - G4 Priv G-TLS SYS - 2025"), Some(true));
        assert_eq!(is_server("TEST UZI-register Private Server CA G1"), Some(true));
        assert_eq!(is_server("UZI-register Private Server CA G1"), Some(false));
        for name in ["UZI-register Private Server CA G1 ", "UZI-register Zorgverlener CA G3 - 2025", "TEST ", ""] {
            assert_eq!(is_server(name), None, "{name}");
        }
    }

    #[test]
    fn a_policy_fits_its_own_type_in_its_own_register() {
        let register = Register::new(Strictness::Production);
        let policy = |card_type, world| register.policy("2.16.528.1.1003.1.2.5.1", Some(card_type), world);
        assert_eq!(policy(CardType::Professional, Some(World::Production)), Policy::Fitting);
        assert_eq!(policy(CardType::Employee, None), Policy::Fitting);
        assert_eq!(policy(CardType::Professional, Some(World::Test)), Policy::Unfitting);
        assert_eq!(policy(CardType::System, None), Policy::Unfitting);
        assert_eq!(register.policy("2.16.528.1.1003.1.2.5.3", None, None), Policy::Unfitting);
        assert_eq!(register.policy("0.4.0.2042.1.1", None, None), Policy::Foreign);
        // What the register means by it is not known; and what the test register means counts in a test only.
        assert_eq!(register.policy("2.16.528.1.1003.1.2.5.9", None, None), Policy::Unfitting);
        assert_eq!(register.policy("2.16.528.1.1007.99.2042", None, None), Policy::Unfitting);
        let test = Register::new(Strictness::Test);
        assert_eq!(test.policy("2.16.528.1.1007.99.2042", None, None), Policy::Foreign);
    }

    #[test]
    fn an_issuer_of_ones_own_counts_beside_the_built_in_or_in_place_of_one() {
        let own = |oid: &str| Issuer {
            oid: oid.to_owned(),
            names: vec!["UZI Zorgverlener G4".to_owned()],
            policies: vec!["1.2.3".to_owned()],
            card_type: CardType::Professional,
            world: World::Production,
        };
        let is_professional = |issues: Issues| issues.card_type == CardType::Professional;
        let added = Register::new(Strictness::Production).with(own("1.2.3.4"));
        assert_eq!(added.of_oid("1.2.3.4").map(is_professional), Some(true));
        assert_eq!(added.issues("UZI Zorgverlener G4", is_professional), Some(true));
        assert_eq!(added.policy("1.2.3", Some(CardType::Professional), None), Policy::Fitting);
        assert_eq!(added.policy("1.2.3", Some(CardType::System), None), Policy::Unfitting);
        assert_eq!(added.issues("UZI-register Zorgverlener CA G3", is_professional), Some(true));
        let replaced = Register::new(Strictness::Production).with(own("2.16.528.1.1003.1.3.5.5.2"));
        assert_eq!(replaced.issues("UZI-register Zorgverlener CA G3", is_professional), None);
    }
}
