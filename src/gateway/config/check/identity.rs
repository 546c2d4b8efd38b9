//! The keys of `[identity]`: which certificates count, and who may call.

use std::sync::Arc;

use super::Check;
use crate::gateway::config::{IdentitySettings, raw};
use crate::identity::{Admitted, CardType, Issuer, Register, Role, Strictness, Ura, World};

impl Check {
    pub(super) fn identity(&mut self, raw: raw::Identity) -> Option<IdentitySettings> {
        let raw::Identity { trust, crl, urls, revocation, test, issuer, admit } = raw;
        let trust = self.directory("identity.trust", &trust);
        if urls.is_some() {
            self.mistake::<()>("identity.urls", "nothing: fetching CRLs is not supported; keep identity.crl filled");
        }
        let crl = match (revocation.as_str(), crl) {
            ("require", Some(crl)) => Some(self.directory("identity.crl", &crl)),
            ("require", None) => self.mistake("identity.crl", "a directory of CRLs, since revocation is required"),
            ("off", _) if test => None,
            ("off", _) => {
                self.mistake("identity.revocation", "\"require\": \"off\" only goes with identity.test = true")
            }
            _ => self.mistake("identity.revocation", "\"require\" or \"off\""),
        };
        let mut register = Register::new(if test { Strictness::Test } else { Strictness::Production });
        for issuer in issuer {
            if let Some(issuer) = self.issuer(issuer) {
                register = register.with(issuer);
            }
        }
        Some(IdentitySettings { trust, crl, test, register: Arc::new(register), admit: self.admit(admit) })
    }

    fn issuer(&mut self, raw: raw::Issuer) -> Option<Issuer> {
        let raw::Issuer { oid, names, policies, card_type, test } = raw;
        if !is_oid(&oid) {
            self.mistake::<()>("identity.issuer.oid", "an OID, such as 2.16.528.1.1003.1.3.5.5.2");
        }
        if names.is_empty() || names.iter().any(String::is_empty) {
            self.mistake::<()>("identity.issuer.names", "the common names of the CA, at least one");
        }
        if policies.is_empty() || !policies.iter().all(|policy| is_oid(policy)) {
            self.mistake::<()>("identity.issuer.policies", "the OIDs of its policies for authentication, at least one");
        }
        let card_type = self.card_type("identity.issuer.type", &card_type)?;
        Some(Issuer { oid, names, policies, card_type, world: if test { World::Test } else { World::Production } })
    }

    fn admit(&mut self, raw: raw::Admit) -> Admitted {
        let raw::Admit { types, roles, organisations } = raw;
        let empty = [&types, &roles, &organisations].into_iter().flatten().any(Vec::is_empty);
        if empty {
            self.mistake::<()>("identity.admit", "lists of at least one, or no list: an empty one admits nobody");
        }
        let types = types.map(|types| {
            types.iter().filter_map(|one| self.card_type("identity.admit.types", one)).collect::<Vec<_>>()
        });
        for role in roles.iter().flatten().filter(|role| !is_role(role)) {
            self.mistake::<()>("identity.admit.roles", format!("a role (01.015) or a profession (01), not {role:?}"));
        }
        if let (Some(types), Some(_)) = (&types, &roles)
            && !types.contains(&CardType::Professional)
        {
            self.mistake::<()>(
                "identity.admit.roles",
                "nothing where types leave out \"Z\": no other type proves a role",
            );
        }
        let organisations = organisations
            .map(|organisations| organisations.iter().filter_map(|ura| self.organisation(ura)).collect::<Vec<_>>());
        Admitted::only(types, roles, organisations)
    }

    fn organisation(&mut self, text: &str) -> Option<Ura> {
        text.parse().ok().or_else(|| self.mistake("identity.admit.organisations", "URAs, of eight digits each"))
    }

    fn card_type(&mut self, key: &str, text: &str) -> Option<CardType> {
        text.parse().ok().or_else(|| self.mistake(key, "\"Z\", \"N\", \"M\" or \"S\""))
    }
}

fn is_role(text: &str) -> bool {
    let is_profession = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_profession || text.parse::<Role>().is_ok()
}

fn is_oid(text: &str) -> bool {
    let is_arc = |arc: &str| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
    text.contains('.') && text.split('.').all(is_arc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_has_arcs_of_digits() {
        assert!(is_oid("2.16.528.1"));
        for text in ["", "2", "2.", ".2", "2..1", "2.x"] {
            assert!(!is_oid(text), "{text}");
        }
    }

    #[test]
    fn a_role_is_a_code_or_a_profession() {
        assert!(is_role("01") && is_role("01.015"));
        for text in ["", "1", "01.", "01.15", "01.0150", "xx"] {
            assert!(!is_role(text), "{text}");
        }
    }
}
