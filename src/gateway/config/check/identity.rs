//! The keys of `[identity]`: which certificates count, and who may call.

use std::sync::Arc;

use reqwest::Url;

use super::Check;
use crate::gateway::config::{IdentitySettings, Listen, raw};
use crate::gateway::revocation::{FetchOptions, OcspOptions};
use crate::gateway::statement::StatementSettings;
use crate::identity::{Admitted, CardType, Issuer, Register, Role, Strictness, Ura, World};
use crate::limits;

impl Check {
    pub(super) fn identity(&mut self, raw: raw::Identity, listen: Option<&Listen>) -> Option<IdentitySettings> {
        let raw::Identity {
            trust,
            crl,
            urls,
            fetch_every,
            intermediates,
            revocation,
            test,
            ocsp,
            ocsp_hosts,
            ocsp_max_age,
            responder,
            issuer,
            admit,
            statement,
        } = raw;
        let ocsp = self.ocsp(&ocsp, ocsp_hosts, &ocsp_max_age, responder);
        let trust = self.directory("identity.trust", &trust);
        let intermediates = intermediates.map(|path| self.directory("identity.intermediates", &path));
        let every = self.duration("identity.fetch_every", &fetch_every);
        let fetch = urls.map(|urls| {
            self.check_urls(&urls);
            // What is fetched makes its directory.
            let directory = self.directory.join(crl.clone().unwrap_or_else(|| "crl/".into()));
            FetchOptions { urls, directory, every: every.unwrap_or_default() }
        });
        let crl = match (revocation.as_str(), crl, &fetch) {
            ("require", _, Some(fetch)) => Some(fetch.directory.clone()),
            ("require", Some(crl), None) => Some(self.directory("identity.crl", &crl)),
            ("require", None, None) => self.mistake(
                "identity.crl",
                "a directory of CRLs, or identity.urls to fetch them from, since revocation is required",
            ),
            ("off", _, _) if test && ocsp.is_some() => {
                self.mistake("identity.ocsp", "\"off\" where identity.revocation is \"off\": nobody is asked then")
            }
            ("off", _, _) if test => None,
            ("off", _, _) => {
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
        let fetch = fetch.filter(|_| crl.is_some());
        let statements = self.statements(statement, listen, test);
        let (register, admit) = (Arc::new(register), self.admit(admit, &statements));
        Some(IdentitySettings { trust, intermediates, crl, fetch, ocsp, test, register, admit, statements })
    }

    fn ocsp(
        &mut self,
        mode: &str,
        hosts: Vec<String>,
        max_age: &str,
        responders: Vec<raw::Responder>,
    ) -> Option<OcspOptions> {
        let max_age = self.duration("identity.ocsp_max_age", max_age);
        for host in hosts.iter().filter(|host| !is_host(host)) {
            self.mistake::<()>(
                "identity.ocsp_hosts",
                format!("hosts in small letters, with a port where it is not the usual one, not {host:?}"),
            );
        }
        let mut all: Vec<(String, String)> = Vec::new();
        for raw::Responder { issuer, url } in responders {
            if !is_url(&url) {
                self.mistake::<()>("identity.responder.url", format!("an http or https URL, not {url:?}"));
            }
            if issuer.is_empty() || all.iter().any(|(other, _)| *other == issuer) {
                self.mistake::<()>("identity.responder.issuer", "the common name of a CA, each once");
            }
            all.push((issuer, url));
        }
        match mode {
            "off" if all.is_empty() && hosts.is_empty() => None,
            "off" => {
                self.mistake("identity.ocsp", "\"fallback\", or neither identity.responder nor identity.ocsp_hosts")
            }
            "fallback" if all.is_empty() && hosts.is_empty() => {
                self.mistake("identity.responder", "one, or identity.ocsp_hosts: otherwise nobody can be asked")
            }
            "fallback" => Some(OcspOptions { responders: all, hosts, max_age: max_age? }),
            _ => self.mistake("identity.ocsp", "\"off\" or \"fallback\""),
        }
    }

    fn check_urls(&mut self, urls: &[String]) {
        if urls.is_empty() || urls.len() > limits::CRL_URLS {
            self.mistake::<()>("identity.urls", format!("from 1 to {} URLs of CRLs", limits::CRL_URLS));
        }
        for url in urls {
            if !is_url(url) {
                self.mistake::<()>("identity.urls", format!("http or https URLs of CRLs, not {url:?}"));
            }
        }
        let repeated = urls.iter().enumerate().any(|(at, url)| urls.iter().take(at).any(|other| other == url));
        if repeated {
            self.mistake::<()>("identity.urls", "each URL once");
        }
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

    fn admit(&mut self, raw: raw::Admit, statements: &[StatementSettings]) -> Admitted {
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
        let proves_one = |types: &Vec<CardType>| {
            types.contains(&CardType::Professional) || (types.contains(&CardType::System) && !statements.is_empty())
        };
        if let (Some(types), Some(_)) = (&types, &roles)
            && !proves_one(types)
        {
            self.mistake::<()>(
                "identity.admit.roles",
                "nothing where types leave out \"Z\": no other type proves a role, but \"S\" with a statement",
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

fn is_url(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host() && url.username().is_empty())
}

/// Returns true if and only if a URL with this host, and a port that is not the usual one, has it written so.
fn is_host(text: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{text}/")) else { return false };
    let Some(host) = url.host_str() else { return false };
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")) == text
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
    fn a_host_is_written_as_urls_have_it() {
        assert!(is_host("ocsp.example") && is_host("ocsp.example:8080") && is_host("127.0.0.1:9") && is_host("[::1]"));
        for text in
            ["", "Ocsp.example", "ocsp.example:80", "http://ocsp.example", "ocsp.example/", "a@ocsp.example", "a b"]
        {
            assert!(!is_host(text), "{text}");
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
