//! Statements of every shape, made as they are asked for: each that is refused next to one that is not. What is accepted is
//! read a second time, by another reader.

mod cases;
mod keys;
mod live;
mod second;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::cli::demo::signer::{Signer, jwks};
use crate::gateway::config;
use crate::identity::statement::{Algorithm, Curve};
use crate::identity::{CallerNames, CardType, CertificateFacts};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const URA: &str = "90000101";
const PERSON: &str = "900022159";
const DEZI: &str = "https://abonnee.dezi.nl";
const IUA: &str = "https://as.example";
const ID: &str = "0e970fcb-530c-482e-ba28-47b461d4dcb5";
const REVOKED: &str = "0E970FCB-530c-482e-ba28-000000000000";

/// The keys of all tests: made once.
fn signer(name: &str) -> Signer {
    static SIGNERS: OnceLock<Vec<Signer>> = OnceLock::new();
    let made = || {
        let rsa = |kid: &str, bits| Signer::rsa(kid, bits).unwrap();
        let ec = |kid: &str, curve| Signer::ec(kid, curve).unwrap();
        vec![
            rsa("rsa", 2048),
            rsa("rsa-2", 2048),
            rsa("other", 2048),
            rsa("weak", 1024),
            ec("p256", Curve::P256),
            ec("p384", Curve::P384),
            ec("p521", Curve::P521),
        ]
    };
    SIGNERS.get_or_init(made).iter().find(|signer| signer.kid() == name).unwrap().clone()
}

/// The set that both issuers publish: every signer but the other, one key for encryption, and one for one algorithm alone.
fn key_set() -> String {
    let known = ["rsa", "rsa-2", "weak", "p256", "p384", "p521"].map(signer);
    let mut set: Value = serde_json::from_str(&jwks(&known.each_ref()).unwrap()).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    for (kid, name, value) in [("enc", "use", "enc"), ("ps256", "alg", "PS256")] {
        let mut key = signer("rsa-2").named(kid).jwk().unwrap();
        key[name] = json!(value);
        keys.push(key);
    }
    set.to_string()
}

/// The list that the register publishes, holding for an hour.
fn list(revoked: &[&str], until: OffsetDateTime) -> String {
    let revoked: Vec<Value> =
        revoked.iter().map(|id| json!({"verklaringId": id, "revocatieTijdstip": "2026-02-28T09:00:00Z"})).collect();
    let from = NOW - time::Duration::hours(1);
    let claims = json!({
        "iss": DEZI, "nbf": from.unix_timestamp().to_string(), "exp": until.unix_timestamp().to_string(),
        "ververs_tijdstip": "2026-03-01T12:30:00Z", "revocaties": revoked,
    });
    signer("rsa-2").sign(Algorithm::Rs256, "JOSE", &claims).unwrap()
}

/// A directory with a configuration that accepts both kinds, by the defaults that hold for everybody.
struct Desk(PathBuf);

impl Drop for Desk {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

impl Desk {
    fn new() -> Self {
        static DESKS: AtomicUsize = AtomicUsize::new(0);
        let number = DESKS.fetch_add(1, Ordering::Relaxed);
        let desk = Self(std::env::temp_dir().join(format!("sluis-statement-{}-{number}", std::process::id())));
        for directory in ["trust", "crl"] {
            std::fs::create_dir_all(desk.0.join(directory)).unwrap();
        }
        for file in ["server.pem", "server.key"] {
            desk.write(file, "");
        }
        desk.write("dezi.json", &key_set());
        desk.write("iua.json", &key_set());
        desk.write("list.jws", &list(&[REVOKED], NOW + time::Duration::hours(1)));
        desk
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.0.join(file), text).unwrap();
    }

    fn settings(&self, dezi: &str, iua: &str) -> Result<Vec<StatementSettings>, Vec<String>> {
        let text = format!(
            r#"
            audit = {{ directory = "journal" }}
            holder = {{ ura = "00000002" }}
            [listen]
            address = "127.0.0.1:0"
            certificate = "server.pem"
            key = "server.key"
            public_base = "https://sluis.test/fhir"
            [[upstream]]
            name = "hapi"
            base = "http://127.0.0.1:1/fhir"
            [identity]
            trust = "trust"
            crl = "crl"
            [[identity.statement]]
            kind = "dezi"
            issuer = "{DEZI}"
            jwks = "dezi.json"
            revocations = "list.jws"
            {dezi}
            [[identity.statement]]
            kind = "iua"
            issuer = "{IUA}"
            jwks = "iua.json"
            scopes = ["user/*.rs", "user/*.read"]
            {iua}
            "#
        );
        self.write("sluis.toml", &text);
        let told = |mistakes: Vec<config::Mistake>| mistakes.iter().map(ToString::to_string).collect();
        config::load(&self.0.join("sluis.toml")).map(|config| config.identity.statements).map_err(told)
    }

    fn statements(&self) -> Statements {
        let roles = "[identity.statement.roles]\n\"urn:example:roles|gp\" = \"01.015\"";
        Statements::load(&self.settings(roles, roles).unwrap(), NOW).unwrap()
    }
}

fn caller(card: CardType, ura: &str, sha256: &str) -> Caller {
    let certificate = CertificateFacts {
        subject: "CN=ais".to_owned(),
        issuer: "CN=UZI".to_owned(),
        serial: "01".to_owned(),
        not_before: NOW,
        not_after: NOW,
        sha256: sha256.to_owned(),
    };
    let names = CallerNames { organization: Some("De Brug".to_owned()), ..CallerNames::default() };
    let role = (card == CardType::Professional).then(|| "01.016".parse().unwrap());
    Caller::new(ura.parse().unwrap(), "900000112".parse().unwrap(), card, role, names, Some(certificate))
}

fn system() -> Caller {
    caller(CardType::System, URA, &"ab".repeat(32))
}

/// Claims of a statement that is good at [`NOW`].
fn good(kind: &str) -> Value {
    let now = NOW.unix_timestamp();
    if kind == "dezi" {
        return json!({
            "json_schema": "https://www.dezi.nl/json_schemas/v1/verklaring.json",
            "loa_dezi": "http://eidas.europa.eu/LoA/high", "jti": "f410b255-6b07-4182-ac5c-c41f02bd3995",
            "verklaring_id": ID, "dezi_nummer": PERSON, "voorletters": "J.", "voorvoegsel": null,
            "achternaam": "Jansen", "abonnee_nummer": URA, "abonnee_naam": "Tést Zorginstelling 01",
            "rol_code": "01.015", "rol_naam": "Huisarts", "rol_code_bron": "http://www.dezi.nl/rol_bron/big",
            "status_uri": format!("https://auth.dezi.nl/status/v1/verklaring/{ID}"),
            "nbf": now - 3600, "exp": now + 90 * 86_400, "iss": DEZI,
        });
    }
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    json!({
        "iss": IUA, "sub": PERSON, "client_id": "ais", "aud": "https://sluis.test/fhir", "jti": "token-1",
        "iat": now - 60, "exp": now + 240, "scope": "openid user/*.rs",
        "cnf": {"x5t#S256": "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"},
        "extensions": {"ihe_iua": {
            "subject_name": "J. Jansen", "subject_organization": "De Brug", "subject_organization_id": URA,
            "subject_role": [{"system": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "code": "01.015"}],
            "purpose_of_use": [{"system": reason, "code": "TREAT"}],
        }},
    })
}

fn kind_of(kind: &str) -> &'static str {
    if kind == "dezi" { "JWT" } else { "at+jwt" }
}
