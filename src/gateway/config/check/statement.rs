//! `[[identity.statement]]`: whose statements say who acts behind a system.
//!
//! What no source confirms (domain of Dezi and IUA: names, addresses, places of claims) is a key with a default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::Check;
use crate::gateway::config::{Listen, raw};
use crate::gateway::statement::{DocumentSettings, ListSettings, StatementSettings};
use crate::identity::statement::{
    Algorithm, ClaimPaths, DeziRules, Flavour, IuaRules, Path, Revocation, StatementIssuer,
};
use crate::limits;

const KEY: &str = "identity.statement";

impl Check {
    pub(super) fn statements(
        &mut self,
        raw: Vec<raw::Statement>,
        listen: Option<&Listen>,
        test: bool,
    ) -> Vec<StatementSettings> {
        if raw.len() > limits::STATEMENT_ISSUERS {
            self.mistake::<()>(KEY, format!("{} issuers at most", limits::STATEMENT_ISSUERS));
        }
        let mut statements: Vec<StatementSettings> = Vec::new();
        for raw in raw {
            let Some(one) = self.statement(raw, listen, test) else { continue };
            if statements.iter().any(|other| other.issuer.name == one.issuer.name) {
                self.mistake::<()>("identity.statement.issuer", "each issuer once");
            }
            let files = |one: &StatementSettings| {
                let list = one.list.iter().map(|list| list.document.file.clone());
                list.chain([one.keys.file.clone()]).collect::<Vec<_>>()
            };
            // What is fetched for one would take the place of what is another's.
            let own = files(&one);
            let shared = statements.iter().flat_map(files).any(|file| own.contains(&file));
            if shared || own.iter().enumerate().any(|(at, file)| own.iter().take(at).any(|other| other == file)) {
                self.mistake::<()>("identity.statement.jwks", "a file of its own for each set of keys and each list");
            }
            statements.push(one);
        }
        statements
    }

    fn statement(&mut self, raw: raw::Statement, listen: Option<&Listen>, test: bool) -> Option<StatementSettings> {
        let mistakes = self.mistakes.len();
        let (name, max_age) = (raw.issuer.clone(), raw.max_age.clone());
        if name.is_empty() || name.len() > limits::CLAIM_BYTES {
            self.mistake::<()>("identity.statement.issuer", "the value of `iss`, character for character");
        }
        let keys = self.document("jwks", raw.jwks.clone(), raw.jwks_url.clone());
        let ca = raw.ca.clone().map(|ca| self.file("identity.statement.ca", &ca));
        let every = self.duration("identity.statement.fetch_every", &raw.fetch_every);
        let keys_max_age = self.duration("identity.statement.keys_max_age", &raw.keys_max_age);
        let skew = self.duration("identity.statement.skew", &raw.skew);
        if skew.is_some_and(|skew| skew > Duration::from_secs(300)) {
            self.mistake::<()>("identity.statement.skew", "5m at most: clocks that are further apart are wrong");
        }
        let roles = self.roles(&raw.roles);
        let key_urls = raw.jku.clone();
        let (types, algorithms) = (raw.types.clone(), raw.algorithms.clone());
        let (flavour, list, defaults) = match raw.kind.as_str() {
            "dezi" => self.dezi(raw, test)?,
            "iua" => self.iua(raw, listen)?,
            _ => return self.mistake("identity.statement.kind", "\"dezi\" or \"iua\""),
        };
        let types = self.values("types", types, &[defaults.kind]);
        let signs_with: Vec<&str> = defaults.algorithms.iter().map(|algorithm| algorithm.name()).collect();
        let algorithms = self.values("algorithms", algorithms, &signs_with);
        let known: Vec<Algorithm> = algorithms.iter().filter_map(|name| Algorithm::of(name)).collect();
        if known.len() != algorithms.len() {
            let names = Algorithm::ALL.map(Algorithm::name).join(", ");
            self.mistake::<()>("identity.statement.algorithms", format!("some of {names}"));
        }
        let key_urls = key_urls.unwrap_or_else(|| defaults.key_urls.iter().map(|&url| url.to_owned()).collect());
        let max_age = self.duration("identity.statement.max_age", max_age.as_deref().unwrap_or(defaults.max_age));
        let issuer = StatementIssuer {
            name,
            flavour,
            types,
            algorithms: known,
            key_urls,
            skew: seconds(skew?),
            max_age: seconds(max_age?),
            roles,
        };
        let settings = StatementSettings { issuer, keys: keys?, list, ca, every: every?, keys_max_age: keys_max_age? };
        (self.mistakes.len() == mistakes).then_some(settings)
    }

    fn dezi(&mut self, raw: raw::Statement, test: bool) -> Option<(Flavour, Option<ListSettings>, Defaults)> {
        let others = [("audience", raw.audience.is_some()), ("scopes", raw.scopes.is_some())];
        self.others("iua", others.into_iter().chain([("claims", raw.claims.is_some())]));
        let file = raw.revocations.map(|file| self.document("revocations", file, raw.revocations_url.clone()));
        let issuer = raw.revocations_issuer.unwrap_or_else(|| raw.issuer.clone());
        let (revocation, list) = match (raw.revocation.as_deref().unwrap_or("require"), file) {
            ("require", Some(document)) => (Revocation::Required, Some(ListSettings { document: document?, issuer })),
            ("require", None) => {
                return self.mistake(
                    "identity.statement.revocations",
                    "the file of the list of statements that were taken back, since revocation is required",
                );
            }
            ("off", _) if test => (Revocation::Off, None),
            ("off", _) => {
                return self.mistake(
                    "identity.statement.revocation",
                    "\"require\": \"off\" only goes with identity.test = true",
                );
            }
            _ => return self.mistake("identity.statement.revocation", "\"require\" or \"off\""),
        };
        let rules = DeziRules {
            schemas: self.values("schemas", raw.schemas, &["https://www.dezi.nl/json_schemas/v1/verklaring.json"]),
            assurance: self.values("assurance", raw.assurance, &["http://eidas.europa.eu/LoA/high"]),
            role_sources: self.values(
                "role_sources",
                raw.role_sources,
                &["http://www.dezi.nl/rol_bron/big", "http://www.dezi.nl/rol_code_bron/big"],
            ),
            status_urls: self.values("status", raw.status, &["https://auth.dezi.nl/status/v1/verklaring/"]),
            revocation,
        };
        let defaults = Defaults {
            kind: "JWT",
            algorithms: &[Algorithm::Rs256],
            key_urls: &["https://auth.dezi.nl/dezi/jwks.json"],
            max_age: "24h",
        };
        Some((Flavour::Dezi(rules), list, defaults))
    }

    fn iua(
        &mut self,
        raw: raw::Statement,
        listen: Option<&Listen>,
    ) -> Option<(Flavour, Option<ListSettings>, Defaults)> {
        let others = [
            ("schemas", raw.schemas.is_some()),
            ("assurance", raw.assurance.is_some()),
            ("role_sources", raw.role_sources.is_some()),
            ("status", raw.status.is_some()),
            ("revocation", raw.revocation.is_some()),
            ("revocations", raw.revocations.is_some()),
            ("revocations_url", raw.revocations_url.is_some()),
            ("revocations_issuer", raw.revocations_issuer.is_some()),
        ];
        self.others("dezi", others);
        let own: Vec<&str> = listen.iter().map(|listen| listen.public_base.as_str()).collect();
        let audiences = match raw.audience {
            // Where the listener is wrong, that mistake is named already.
            None if own.is_empty() => return None,
            audience => self.values("audience", audience, &own),
        };
        let scopes = raw.scopes.unwrap_or_default();
        let is_scope = |scope: &String| !scope.is_empty() && !scope.contains(' ');
        if scopes.is_empty() || !scopes.iter().all(is_scope) {
            self.mistake::<()>("identity.statement.scopes", "scopes each of which is enough, at least one");
        }
        let raw::Claims { person, name, role, organisation, purpose } = raw.claims.unwrap_or_default();
        let paths = ClaimPaths {
            person: self.path("person", person, "/sub")?,
            name: self.path("name", name, "/extensions/ihe_iua/subject_name")?,
            role: self.path("role", role, "/extensions/ihe_iua/subject_role")?,
            organisation: self.path("organisation", organisation, "/extensions/ihe_iua/subject_organization_id")?,
            purpose: self.path("purpose", purpose, "/extensions/ihe_iua/purpose_of_use")?,
        };
        let defaults = Defaults { kind: "at+jwt", algorithms: &Algorithm::ALL, key_urls: &[], max_age: "1h" };
        Some((Flavour::Iua(IuaRules { audiences, scopes, paths }), None, defaults))
    }

    /// Names each key that goes with the other kind.
    fn others<'k>(&mut self, kind: &str, keys: impl IntoIterator<Item = (&'k str, bool)>) {
        for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
            self.mistake::<()>(&format!("{KEY}.{key}"), format!("nothing: it goes with kind = \"{kind}\""));
        }
    }

    /// A file that must be there, but for what is fetched into it.
    fn document(&mut self, key: &str, file: PathBuf, url: Option<String>) -> Option<DocumentSettings> {
        let Some(url) = url else {
            return Some(DocumentSettings { file: self.file(&format!("{KEY}.{key}"), &file), url: None });
        };
        let key = format!("{KEY}.{key}_url");
        let file = self.directory.join(file);
        if !file.parent().is_some_and(std::path::Path::is_dir) {
            self.mistake::<()>(&key, format!("a directory for {}", file.display()));
        }
        if is_trusted_address(&url) {
            Some(DocumentSettings { file, url: Some(url) })
        } else {
            self.mistake(&key, "an https URL, or http on this machine: keys are believed by where they come from")
        }
    }

    fn values(&mut self, key: &str, given: Option<Vec<String>>, default: &[&str]) -> Vec<String> {
        let mut values = given.unwrap_or_else(|| default.iter().map(|&one| one.to_owned()).collect());
        if values.is_empty() || values.iter().any(String::is_empty) {
            self.mistake::<()>(&format!("{KEY}.{key}"), "a list of at least one: an empty one accepts nothing");
        }
        values.dedup();
        values
    }

    fn path(&mut self, key: &str, given: Option<String>, default: &str) -> Option<Path> {
        let path = given.as_deref().unwrap_or(default).parse().ok();
        path.or_else(|| self.mistake(&format!("{KEY}.claims.{key}"), "a JSON pointer, such as /sub"))
    }

    fn roles(&mut self, roles: &BTreeMap<String, String>) -> BTreeMap<String, crate::identity::Role> {
        let mut read = BTreeMap::new();
        for (code, role) in roles {
            match role.parse() {
                Ok(role) => {
                    read.insert(code.clone(), role);
                }
                Err(_) => self.mistake::<()>("identity.statement.roles", "roles of the register, 01.015").unwrap_or(()),
            }
        }
        read
    }
}

/// What holds where a key is left out that both kinds have.
struct Defaults {
    kind: &'static str,
    algorithms: &'static [Algorithm],
    key_urls: &'static [&'static str],
    max_age: &'static str,
}

/// Over plain HTTP whoever is between would choose the keys.
fn is_trusted_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && super::hook::is_loopback(text)))
}

fn seconds(duration: Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::ZERO)
}
