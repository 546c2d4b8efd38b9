//! Who calls in the demo: the cards and servers that its PKI issues.

use time::OffsetDateTime;

use super::pki::{Leaf, Pki, PkiError, World};

/// One caller; its organisation and person stand in the shared record with the same numbers.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// The name of its files.
    pub name: &'static str,
    /// Who it is, for a reader.
    pub title: &'static str,
    card: Card,
    uzi: &'static str,
    ura: &'static str,
    organization: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Card {
    Professional { role: &'static str, given: &'static str, surname: &'static str },
    Revoked { role: &'static str, given: &'static str, surname: &'static str },
    Employee { given: &'static str, surname: &'static str },
    System { host: &'static str },
}

const BRUG: (&str, &str) = ("90000101", "Huisartsenpraktijk De Brug");
const NOORD: (&str, &str) = ("90000102", "Huisartsenpraktijk Noord");
const GRACHT: (&str, &str) = ("90000103", "Apotheek Aan de Gracht");
const OOST: (&str, &str) = ("90000104", "Streekziekenhuis Oost");

const fn member(
    name: &'static str,
    title: &'static str,
    uzi: &'static str,
    at: (&'static str, &'static str),
    card: Card,
) -> Member {
    Member { name, title, card, uzi, ura: at.0, organization: at.1 }
}

/// Everybody who calls.
pub const CAST: &[Member] = &[
    member(
        "huisarts-brug",
        "Hanna Brug, huisarts at Huisartsenpraktijk De Brug",
        "900000101",
        BRUG,
        Card::Professional { role: "01.015", given: "Hanna", surname: "Brug" },
    ),
    member(
        "huisarts-noord",
        "Niels Noordhoek, huisarts at Huisartsenpraktijk Noord",
        "900000102",
        NOORD,
        Card::Professional { role: "01.015", given: "Niels", surname: "Noordhoek" },
    ),
    member(
        "apotheker",
        "Petra Pillen, apotheker at Apotheek Aan de Gracht",
        "900000103",
        GRACHT,
        Card::Professional { role: "17.075", given: "Petra", surname: "Pillen" },
    ),
    member(
        "seh-arts",
        "Sanne Snel, SEH-arts at Streekziekenhuis Oost",
        "900000104",
        OOST,
        Card::Professional { role: "01.071", given: "Sanne", surname: "Snel" },
    ),
    member(
        "internist-oost",
        "Omar Oosting, internist at Streekziekenhuis Oost",
        "900000105",
        OOST,
        Card::Professional { role: "01.016", given: "Omar", surname: "Oosting" },
    ),
    member(
        "assistent",
        "Ans Balie, medewerker (no registered profession) at Huisartsenpraktijk De Brug",
        "900000111",
        BRUG,
        Card::Employee { given: "Ans", surname: "Balie" },
    ),
    member(
        "systeem",
        "a server of Apotheek Aan de Gracht, nobody behind it",
        "900000112",
        GRACHT,
        Card::System { host: "ais.gracht.example" },
    ),
    member(
        "huisarts-revoked",
        "somebody with the revoked card of Hans Brug, once huisarts at De Brug",
        "900000113",
        BRUG,
        Card::Revoked { role: "01.015", given: "Hans", surname: "Brug" },
    ),
];

#[cfg(test)]
impl Member {
    /// Returns the caller that `identify` makes of the certificate.
    pub(super) fn caller(&self) -> crate::identity::Caller {
        use crate::identity::CardType;
        let (card_type, role) = match self.card {
            Card::Professional { role, .. } | Card::Revoked { role, .. } => (CardType::Professional, role.parse().ok()),
            Card::Employee { .. } => (CardType::Employee, None),
            Card::System { .. } => (CardType::System, None),
        };
        let (ura, uzi) = (self.ura.parse().unwrap(), self.uzi.parse().unwrap());
        crate::identity::Caller::new(ura, uzi, card_type, role, crate::identity::CallerNames::default(), None)
    }
}

/// Returns the member of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Member> {
    CAST.iter().find(|member| member.name == name)
}

/// Makes a PKI that issued a certificate to everybody.
///
/// # Errors
/// When OpenSSL fails.
pub fn pki(now: OffsetDateTime) -> Result<Pki, PkiError> {
    let world = World::Test;
    let mut pki = Pki::new(world, now)?;
    for member in CAST {
        let Member { name, uzi, ura, organization, .. } = *member;
        match member.card {
            Card::Professional { role, given, surname } => {
                pki.issue(name, &Leaf::professional(world, uzi, ura, role).named(given, surname).of(organization))?;
            }
            Card::Revoked { role, given, surname } => {
                let leaf = Leaf::professional(world, uzi, ura, role).named(given, surname).of(organization);
                let issued = pki.issue(name, &leaf)?;
                pki.revoke(&issued)?;
            }
            Card::Employee { given, surname } => {
                pki.issue(name, &Leaf::employee(world, uzi, ura).named(given, surname).of(organization))?;
            }
            Card::System { host } => {
                pki.issue(name, &Leaf::system_g4(world, uzi, ura, host).of(organization))?;
            }
        }
    }
    Ok(pki)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::record::tests::each_resource;
    use super::*;
    use crate::json::Value;

    /// Returns the values of identifiers of that system in the shared record.
    fn numbers(system: &str) -> BTreeSet<String> {
        let mut numbers = BTreeSet::new();
        each_resource(|_, _, resource| {
            for identifier in resource.get("identifier").iter().flat_map(Value::items) {
                if identifier.text_of("system").is_some_and(|text| text.ends_with(system)) {
                    numbers.insert(identifier.text_of("value").unwrap().into_owned());
                }
            }
        });
        numbers
    }

    #[test]
    fn every_organisation_that_calls_is_in_the_shared_record() {
        let known = numbers("/ura");
        for member in CAST {
            assert!(known.contains(member.ura), "{}", member.name);
        }
    }

    #[test]
    fn every_professional_who_calls_with_a_good_card_is_in_the_shared_record() {
        let known = numbers("/uzi-nr-pers");
        for member in CAST.iter().filter(|member| matches!(member.card, Card::Professional { .. })) {
            assert!(known.contains(member.uzi), "{}", member.name);
        }
    }
}
