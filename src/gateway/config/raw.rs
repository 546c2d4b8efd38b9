//! The keys of the file as they are written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) holder: Holder,
    pub(super) listen: Listen,
    pub(super) identity: Identity,
    #[serde(default)]
    pub(super) admin: Admin,
    pub(super) upstream: Vec<Upstream>,
    #[serde(default)]
    pub(super) consent: Consent,
    #[serde(default)]
    pub(super) directory: Directory,
    #[serde(default)]
    pub(super) policy: Policy,
    pub(super) audit: Audit,
    #[serde(default)]
    pub(super) keys: Keys,
    #[serde(default)]
    pub(super) profiles: Profiles,
    pub(super) portal: Option<Portal>,
    #[serde(default)]
    pub(super) telemetry: Telemetry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holder {
    pub(super) ura: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) facility_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) address: String,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) public_base: String,
    #[serde(default = "tls_min")]
    pub(super) tls_min: String,
    #[serde(default = "deadline")]
    pub(super) deadline: String,
    pub(super) workers: Option<usize>,
}

fn tls_min() -> String {
    "1.2".to_owned()
}

fn deadline() -> String {
    "30s".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) trust: PathBuf,
    pub(super) crl: Option<PathBuf>,
    pub(super) urls: Option<Vec<String>>,
    #[serde(default = "hourly")]
    pub(super) fetch_every: String,
    pub(super) intermediates: Option<PathBuf>,
    #[serde(default = "require")]
    pub(super) revocation: String,
    #[serde(default)]
    pub(super) test: bool,
    #[serde(default = "off")]
    pub(super) ocsp: String,
    #[serde(default)]
    pub(super) ocsp_hosts: Vec<String>,
    #[serde(default = "hourly")]
    pub(super) ocsp_max_age: String,
    #[serde(default)]
    pub(super) responder: Vec<Responder>,
    #[serde(default)]
    pub(super) issuer: Vec<Issuer>,
    #[serde(default)]
    pub(super) admit: Admit,
    #[serde(default)]
    pub(super) statement: Vec<Statement>,
}

/// Keys of one kind alone are none where they are left out; what holds then is said where they are checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    pub(super) kind: String,
    pub(super) issuer: String,
    pub(super) jwks: PathBuf,
    pub(super) jwks_url: Option<String>,
    pub(super) ca: Option<PathBuf>,
    #[serde(default = "quarterly")]
    pub(super) fetch_every: String,
    #[serde(default = "daily")]
    pub(super) keys_max_age: String,
    pub(super) types: Option<Vec<String>>,
    pub(super) algorithms: Option<Vec<String>>,
    pub(super) jku: Option<Vec<String>>,
    #[serde(default = "skew")]
    pub(super) skew: String,
    pub(super) max_age: Option<String>,
    #[serde(default)]
    pub(super) roles: BTreeMap<String, String>,
    pub(super) schemas: Option<Vec<String>>,
    pub(super) assurance: Option<Vec<String>>,
    pub(super) role_sources: Option<Vec<String>>,
    pub(super) status: Option<Vec<String>>,
    pub(super) revocation: Option<String>,
    pub(super) revocations: Option<PathBuf>,
    pub(super) revocations_url: Option<String>,
    pub(super) revocations_issuer: Option<String>,
    pub(super) audience: Option<Vec<String>>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) claims: Option<Claims>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Claims {
    pub(super) person: Option<String>,
    pub(super) name: Option<String>,
    pub(super) role: Option<String>,
    pub(super) organisation: Option<String>,
    pub(super) purpose: Option<String>,
}

fn quarterly() -> String {
    "15m".to_owned()
}

fn daily() -> String {
    "24h".to_owned()
}

fn skew() -> String {
    "60s".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Responder {
    pub(super) issuer: String,
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    pub(super) oid: String,
    pub(super) names: Vec<String>,
    pub(super) policies: Vec<String>,
    #[serde(rename = "type")]
    pub(super) card_type: String,
    #[serde(default)]
    pub(super) test: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Admit {
    pub(super) types: Option<Vec<String>>,
    pub(super) roles: Option<Vec<String>>,
    pub(super) organisations: Option<Vec<String>>,
}

fn hourly() -> String {
    "1h".to_owned()
}

fn off() -> String {
    "off".to_owned()
}

fn require() -> String {
    "require".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Admin {
    pub(super) address: String,
    pub(super) allow: Vec<String>,
}

impl Default for Admin {
    fn default() -> Self {
        Self { address: "127.0.0.1:9443".to_owned(), allow: Vec::new() }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) base: String,
    #[serde(default = "r4")]
    pub(super) fhir_version: String,
    #[serde(default = "all_exchanges")]
    pub(super) exchanges: Vec<String>,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) bearer_file: Option<PathBuf>,
}

fn r4() -> String {
    "4.0".to_owned()
}

fn all_exchanges() -> Vec<String> {
    ["ips", "bgz", "medication"].map(str::to_owned).to_vec()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Consent {
    pub(super) sources: Vec<String>,
    pub(super) registers: Vec<String>,
    pub(super) fhir_version: String,
    pub(super) max_age: String,
    pub(super) combining: String,
    pub(super) hook_secret: Option<String>,
    pub(super) hook_secret_file: Option<PathBuf>,
    pub(super) hook_base: Option<String>,
    pub(super) hook_types: Option<Vec<String>>,
}

impl Default for Consent {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            registers: Vec::new(),
            fhir_version: "4.0".to_owned(),
            max_age: "60s".to_owned(),
            combining: "deny-overrides".to_owned(),
            hook_secret: None,
            hook_secret_file: None,
            hook_base: None,
            hook_types: None,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Directory {
    pub(super) file: Option<PathBuf>,
    pub(super) url: Option<String>,
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) bearer_file: Option<PathBuf>,
}

/// The file that `directory.file` names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organisations {
    pub(super) organisation: Vec<Organisation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Organisation {
    pub(super) ura: String,
    /// For whoever reads the file.
    #[serde(default, rename = "name")]
    pub(super) _name: String,
    pub(super) facility_types: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) also: Vec<String>,
    pub(super) shadow: Option<String>,
    pub(super) mode: String,
    pub(super) narrative: String,
    pub(super) free_text: String,
    pub(super) unlabelled: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            name: "wabvpz".to_owned(),
            also: Vec::new(),
            shadow: None,
            mode: "silent".to_owned(),
            narrative: "drop".to_owned(),
            free_text: "keep".to_owned(),
            unlabelled: "restricted".to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    pub(super) directory: PathBuf,
    #[serde(default = "group")]
    pub(super) durability: String,
    pub(super) retention: Option<String>,
    #[serde(default)]
    pub(super) forward: Vec<Forward>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forward {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) base: Option<String>,
    pub(super) servers: Option<Vec<String>>,
    pub(super) stream: Option<String>,
    pub(super) subject: Option<String>,
    #[serde(default)]
    pub(super) withheld: bool,
    #[serde(default = "a_minute")]
    pub(super) longest_wait: String,
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) bearer_file: Option<PathBuf>,
}

fn a_minute() -> String {
    "1m".to_owned()
}

fn group() -> String {
    "group".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Keys {
    pub(super) directory: PathBuf,
}

impl Default for Keys {
    fn default() -> Self {
        Self { directory: PathBuf::from("keys/") }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Profiles {
    pub(super) directory: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Portal {
    pub(super) address: String,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) public_base: String,
    pub(super) trust: PathBuf,
    pub(super) crl: Option<PathBuf>,
    #[serde(default = "require")]
    pub(super) revocation: String,
    pub(super) clients: Vec<String>,
    pub(super) contact: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Telemetry {
    pub(super) level: String,
    pub(super) otlp: Option<String>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { level: "info".to_owned(), otlp: None }
    }
}
