//! Who may call at all: a hospital may admit fewer than the register names.

use super::caller::{Caller, CardType, Ura};

/// Which callers are admitted. Whoever is not is refused as a role that no profile is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admitted {
    types: Option<Vec<CardType>>,
    roles: Option<Vec<String>>,
    organisations: Option<Vec<Ura>>,
}

impl Admitted {
    /// Admits these types, roles and organisations, each of all where there is no list. A role is a code (`01.015`) or a
    /// profession (`01`), proven by a Z card or by a statement about who acts behind a system: where roles are listed and types
    /// are not, only who proves one is admitted.
    #[must_use]
    pub fn only(types: Option<Vec<CardType>>, roles: Option<Vec<String>>, organisations: Option<Vec<Ura>>) -> Self {
        Self { types, roles, organisations }
    }

    /// Returns true if and only if the caller is admitted.
    #[must_use]
    pub fn admits(&self, caller: &Caller) -> bool {
        let Self { types, roles, organisations } = self;
        let is_role = |roles: &Vec<String>| match caller.role() {
            Some(role) => roles.iter().any(|listed| role.is_within(listed)),
            // Who proves none is admitted by a type that proves none, where that is listed.
            None => match caller.card_type() {
                CardType::Professional => false,
                CardType::Employee | CardType::Function | CardType::System => types.is_some(),
            },
        };
        types.as_ref().is_none_or(|types| types.contains(&caller.card_type()))
            && roles.as_ref().is_none_or(is_role)
            && organisations.as_ref().is_none_or(|organisations| organisations.contains(caller.ura()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{CallerNames, StatementKind, doctor_behind};

    fn caller(card_type: CardType, role: Option<&str>, ura: &str) -> Caller {
        let role = role.map(|role| role.parse().unwrap());
        let names = CallerNames::default();
        Caller::new(ura.parse().unwrap(), "900000001".parse().unwrap(), card_type, role, names, None)
    }

    fn roles(roles: &[&str]) -> Option<Vec<String>> {
        Some(roles.iter().map(|&role| role.to_owned()).collect())
    }

    const URA: &str = "90000001";

    #[test]
    fn without_a_list_everybody_is_admitted() {
        for (card_type, role) in [(CardType::Professional, Some("01.015")), (CardType::System, None)] {
            assert!(Admitted::default().admits(&caller(card_type, role, URA)));
        }
    }

    #[test]
    fn a_list_of_types_admits_these_alone() {
        let admitted = Admitted::only(Some(vec![CardType::Professional, CardType::System]), None, None);
        assert!(admitted.admits(&caller(CardType::System, None, URA)));
        assert!(!admitted.admits(&caller(CardType::Function, None, URA)));
    }

    #[test]
    fn a_list_of_roles_admits_professions_and_codes() {
        let admitted = Admitted::only(None, roles(&["01", "30.066"]), None);
        for (role, expected) in
            [("01.015", true), ("01.000", true), ("30.066", true), ("30.067", false), ("17.000", false)]
        {
            assert_eq!(admitted.admits(&caller(CardType::Professional, Some(role), URA)), expected, "{role}");
        }
        assert!(!admitted.admits(&caller(CardType::Professional, None, URA)));
    }

    #[test]
    fn who_proves_no_role_is_admitted_beside_roles_only_where_the_type_is_listed() {
        let system = caller(CardType::System, None, URA);
        assert!(!Admitted::only(None, roles(&["01"]), None).admits(&system));
        let types = Some(vec![CardType::Professional, CardType::System]);
        assert!(Admitted::only(types, roles(&["01"]), None).admits(&system));
    }

    #[test]
    fn who_acts_behind_a_system_is_admitted_by_their_role_and_by_the_type_of_the_certificate() {
        let system = caller(CardType::System, None, URA);
        let doctor = doctor_behind(&system, "900022159", StatementKind::Iua);
        for (types, listed, expected) in [
            (None, &["01"][..], true),
            (None, &["17"], false),
            (Some(CardType::System), &["01"], true),
            (Some(CardType::System), &["17"], false),
            (Some(CardType::Professional), &["01"], false),
        ] {
            let admitted = Admitted::only(types.map(|one| vec![one]), roles(listed), None);
            assert_eq!(admitted.admits(&doctor), expected, "{types:?} {listed:?}");
        }
    }

    #[test]
    fn a_list_of_organisations_admits_their_people_alone() {
        let admitted = Admitted::only(None, None, Some(vec![URA.parse().unwrap()]));
        assert!(admitted.admits(&caller(CardType::Employee, None, URA)));
        assert!(!admitted.admits(&caller(CardType::Employee, None, "90000002")));
    }
}
