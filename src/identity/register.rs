//! The UZI register as certificates show it: which CA issues what, under which OID and policy.

use super::CardType;

/// Which register: the one of production, or the one for tests and acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum World {
    Production,
    Test,
}

/// What an issuing CA issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Issues {
    pub(super) card_type: CardType,
    pub(super) world: World,
}

const fn issues(card_type: CardType, world: World) -> Issues {
    Issues { card_type, world }
}

/// Returns what the CA with this OID issues (CPS UZI-register, 7.1; for the test register, its cards).
///
/// 99.219 was not seen on a card: it is the next in the series, where M stands in production.
pub(super) fn of_oid(oid: &str) -> Option<Issues> {
    match oid {
        "2.16.528.1.1003.1.3.5.5.2" => Some(issues(CardType::Professional, World::Production)),
        "2.16.528.1.1003.1.3.5.5.3" => Some(issues(CardType::Employee, World::Production)),
        "2.16.528.1.1003.1.3.5.5.4" => Some(issues(CardType::Function, World::Production)),
        "2.16.528.1.1003.1.3.5.5.5" => Some(issues(CardType::System, World::Production)),
        "2.16.528.1.1007.99.217" => Some(issues(CardType::Professional, World::Test)),
        "2.16.528.1.1007.99.218" => Some(issues(CardType::Employee, World::Test)),
        "2.16.528.1.1007.99.219" => Some(issues(CardType::Function, World::Test)),
        "2.16.528.1.1007.99.2110" => Some(issues(CardType::System, World::Test)),
        _ => None,
    }
}

/// Returns what the CA with this common name issues.
pub(super) fn of_name(common_name: &str) -> Option<Issues> {
    // Names of G4 CAs end in the year of their issue.
    match without_year(common_name) {
        "UZI Server - G4 PKIo Priv G-TLS SYS" => return Some(issues(CardType::System, World::Production)),
        "ACCEPTATIE UZI Server - G4 Priv G-TLS SYS" => return Some(issues(CardType::System, World::Test)),
        _ => {}
    }
    let (world, name) = match common_name.strip_prefix("TEST ") {
        Some(name) => (World::Test, name),
        None => (World::Production, common_name),
    };
    let card_type = match name {
        "UZI-register Zorgverlener CA G3" => CardType::Professional,
        "UZI-register Medewerker op naam CA G3" => CardType::Employee,
        "UZI-register Medewerker niet op naam CA G3" => CardType::Function,
        "UZI-register Private Server CA G1" => CardType::System,
        _ => return None,
    };
    Some(issues(card_type, world))
}

fn without_year(common_name: &str) -> &str {
    match common_name.rsplit_once(" - ") {
        Some((name, year)) if year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => common_name,
    }
}

/// What a policy of the register says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// Authenticity of a Z or N card, in this register.
    Person(World),
    /// Authenticity of an M card.
    Function(World),
    /// A server.
    System(World),
    /// Of the register, but for signing or for confidentiality.
    NotForAuthentication,
}

/// Returns what the register means by a policy; nothing for policies of others, which may stand beside it.
///
/// 99.214 and 99.215 were not seen on a card: they are the next in the series, where M stands in production.
pub(super) fn of_policy(oid: &str) -> Option<Policy> {
    match oid {
        "2.16.528.1.1003.1.2.5.1" => Some(Policy::Person(World::Production)),
        "2.16.528.1.1007.99.211" => Some(Policy::Person(World::Test)),
        "2.16.528.1.1003.1.2.5.4" => Some(Policy::Function(World::Production)),
        "2.16.528.1.1007.99.214" => Some(Policy::Function(World::Test)),
        "2.16.528.1.1003.1.2.8.6" | "2.16.528.1.1003.1.2.44.15.35.11" => Some(Policy::System(World::Production)),
        "2.16.528.1.1007.99.12" | "2.16.528.1.1007.99.44.15.35.11" => Some(Policy::System(World::Test)),
        "2.16.528.1.1003.1.2.5.2" | "2.16.528.1.1003.1.2.5.3" | "2.16.528.1.1003.1.2.5.5" => {
            Some(Policy::NotForAuthentication)
        }
        "2.16.528.1.1007.99.212" | "2.16.528.1.1007.99.213" | "2.16.528.1.1007.99.215" => {
            Some(Policy::NotForAuthentication)
        }
        _ => None,
    }
}

impl Policy {
    /// Returns true if and only if a certificate of this type carries it; of any register where none is known.
    pub(super) fn fits(self, card_type: CardType, world: Option<World>) -> bool {
        let own = match card_type {
            CardType::Professional | CardType::Employee => Self::Person,
            CardType::Function => Self::Function,
            CardType::System => Self::System,
        };
        match world {
            Some(world) => self == own(world),
            None => self == own(World::Production) || self == own(World::Test),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_is_known_by_its_whole_name_only() {
        let server = Some(issues(CardType::System, World::Test));
        assert_eq!(of_name("ACCEPTATIE UZI Server - G4 Priv G-TLS SYS - 2025"), server);
        assert_eq!(of_name("TEST UZI-register Private Server CA G1"), server);
        for name in ["UZI-register Private Server CA G1 ", "UZI-register Zorgverlener CA G3 - 2025", "TEST ", ""] {
            assert_eq!(of_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_policy_fits_its_own_type_in_its_own_register() {
        let policy = of_policy("2.16.528.1.1003.1.2.5.1").unwrap();
        assert!(policy.fits(CardType::Professional, Some(World::Production)));
        assert!(policy.fits(CardType::Employee, None));
        assert!(!policy.fits(CardType::Professional, Some(World::Test)));
        assert!(!policy.fits(CardType::System, None));
        assert_eq!(of_policy("2.16.528.1.1003.1.2.5.3"), Some(Policy::NotForAuthentication));
        assert_eq!(of_policy("0.4.0.2042.1.1"), None);
    }
}
