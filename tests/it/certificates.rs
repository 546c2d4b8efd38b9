//! Certificates of every shape, right and wrong, as `sluis uzi inspect` judges them: the tables in `tests/cases/identity`.
//!
//! Each case is made and judged twice: of the register of production to the letter, and of the test register leniently.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sluis::cli::demo::pki::{AltName, Ca, Issued, KeyLength, Leaf, Pki, World as Register};
use sluis::cli::uzi::{Options, inspect};
use sluis::identity::Strictness;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::door::house::Directory;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const UZI: &str = "900016528";
const URA: &str = "90000382";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// How a certificate differs from a good one, and what is found.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// z, n, m, s or g4.
    leaf: String,
    /// Who signs it, where that is not the CA of its type.
    ca: Option<String>,
    /// Fields of the UZI name, 1 to 7.
    #[serde(default)]
    field: BTreeMap<String, String>,
    text: Option<String>,
    /// `utf8` instead of an IA5String.
    string: Option<String>,
    upn: Option<Change>,
    permanent: Option<Change>,
    serial_number: Option<Change>,
    also_serial_number: Option<String>,
    #[serde(default)]
    also: Vec<Name>,
    #[serde(default)]
    reversed: bool,
    key_usage: Option<Vec<u8>>,
    extended_key_usage: Option<Vec<String>>,
    policies: Option<Vec<String>>,
    /// `key-usage`, `extended-key-usage`, `policies`: extensions that are left out.
    #[serde(default)]
    without: BTreeSet<String>,
    /// Further extensions: OID, critical, hexadecimal DER.
    #[serde(default)]
    extension: Vec<(String, bool, String)>,
    #[serde(default)]
    is_ca: bool,
    /// Seconds from the moment of judging.
    valid: Option<(i64, i64)>,
    /// `4096` or `1024` bits.
    key: Option<u32>,
    #[serde(default)]
    revoked: bool,
    /// What is found in production, and in a test where `lenient` does not say otherwise.
    reasons: Vec<String>,
    lenient: Option<Vec<String>>,
    /// What of the identity differs from what every case has.
    #[serde(default)]
    identity: BTreeMap<String, String>,
}

/// A text, or `false`: it is left out.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Change {
    Text(String),
    Absent(bool),
}

impl Change {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent(absent) => {
                assert!(!absent, "only false leaves something out");
                None
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Uzi(String),
    Utf8(String),
    Upn(String),
    Ura(String),
    Permanent(String, String),
    Dns(String),
    /// Hexadecimal DER of a GeneralName.
    Raw(String),
}

impl Case {
    fn leaf(&self, register: Register) -> Leaf {
        let filled = |text: &str| filled(text, register);
        let mut leaf = match self.leaf.as_str() {
            "z" => Leaf::professional(register, UZI, URA, "01.015"),
            "n" => Leaf::employee(register, UZI, URA),
            "m" => Leaf::function(register, UZI, URA, "Balie"),
            "s" => Leaf::system(register, UZI, URA, "epd.example"),
            "g4" => Leaf::system_g4(register, UZI, URA, "epd.example"),
            other => panic!("{}: no such leaf: {other}", self.name),
        };
        for (number, text) in &self.field {
            leaf = leaf.field(number.parse().unwrap(), &filled(text));
        }
        if let Some(ca) = &self.ca {
            leaf = leaf.issued_by(authority(ca));
        }
        if let Some(text) = &self.text {
            leaf = leaf.text(&filled(text));
        }
        if self.string.as_deref() == Some("utf8") {
            leaf = leaf.utf8();
        }
        if let Some(upn) = &self.upn {
            leaf = leaf.upn(upn.text());
        }
        if let Some(permanent) = &self.permanent {
            leaf = leaf.permanent(permanent.text());
        }
        if let Some(number) = &self.serial_number {
            leaf = leaf.serial_number(number.text());
        }
        if let Some(number) = &self.also_serial_number {
            leaf = leaf.also_serial_number(number);
        }
        for name in &self.also {
            leaf = leaf.also(match name {
                Name::Uzi(text) => AltName::Uzi(filled(text)),
                Name::Utf8(text) => AltName::UziUtf8(filled(text)),
                Name::Upn(text) => AltName::Upn(text.clone()),
                Name::Ura(text) => AltName::Ura(text.clone()),
                Name::Permanent(text, assigner) => AltName::OtherPermanent(text.clone(), assigner.clone()),
                Name::Dns(text) => AltName::Dns(text.clone()),
                Name::Raw(hex) => AltName::Raw(bytes(hex)),
            });
        }
        if self.reversed {
            leaf = leaf.reversed();
        }
        if let Some(usage) = &self.key_usage {
            leaf = leaf.key_usage(Some(usage));
        }
        let listed =
            |list: &Option<Vec<String>>| list.as_ref().map(|list| list.iter().map(|one| filled(one)).collect());
        let (purposes, policies): (Option<Vec<String>>, Option<Vec<String>>) =
            (listed(&self.extended_key_usage), listed(&self.policies));
        if let Some(purposes) = purposes {
            leaf = leaf.extended_key_usage(Some(&purposes.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        if let Some(policies) = policies {
            leaf = leaf.policies(Some(&policies.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        for extension in &self.without {
            leaf = match extension.as_str() {
                "key-usage" => leaf.key_usage(None),
                "extended-key-usage" => leaf.extended_key_usage(None),
                "policies" => leaf.policies(None),
                other => panic!("{}: no such extension: {other}", self.name),
            };
        }
        for (oid, critical, value) in &self.extension {
            leaf = leaf.extension(oid, *critical, &bytes(value)).unwrap();
        }
        if self.is_ca {
            leaf = leaf.ca();
        }
        if let Some((from, until)) = self.valid {
            leaf = leaf.valid(NOW + Duration::seconds(from), NOW + Duration::seconds(until));
        }
        leaf.key_length(match self.key {
            None => KeyLength::Usual,
            Some(4096) => KeyLength::Large,
            Some(1024) => KeyLength::Weak,
            Some(other) => panic!("{}: no key of {other} bits", self.name),
        })
    }

    fn expected(&self, register: Register) -> &[String] {
        match register {
            Register::Production => &self.reasons,
            Register::Test => self.lenient.as_ref().unwrap_or(&self.reasons),
        }
    }

    fn identity(&self) -> BTreeMap<&str, &str> {
        let mut identity = BTreeMap::from([("uzi", UZI), ("ura", URA), ("version", "1"), ("agb", "00000000")]);
        identity.insert(
            "card_type",
            match self.leaf.as_str() {
                "z" => "Z",
                "n" => "N",
                "m" => "M",
                _ => "S",
            },
        );
        identity.insert("role", if self.leaf == "z" { "01.015" } else { "00.000" });
        identity.extend(self.identity.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        identity
    }
}

fn authority(name: &str) -> Ca {
    match name {
        "z" => Ca::Professional,
        "n" => Ca::Employee,
        "m" => Ca::Function,
        "s" => Ca::Server,
        "g4" => Ca::ServerG4,
        "g4-parent" => Ca::ServerG4Parent,
        "impostor" => Ca::Impostor,
        "gateway" => Ca::Gateway,
        other => panic!("no such CA: {other}"),
    }
}

/// Puts what differs between the registers into a text: `{oid:z}` and `{policy:z}` of its own, `{other-oid:z}` and
/// `{other-policy:z}` of the other one.
fn filled(text: &str, register: Register) -> String {
    let other = match register {
        Register::Production => Register::Test,
        Register::Test => Register::Production,
    };
    let mut text = text.to_owned();
    for name in ["z", "n", "m", "s", "g4"] {
        let ca = authority(name);
        for (prefix, register) in [("", register), ("other-", other)] {
            text = text.replace(&format!("{{{prefix}oid:{name}}}"), ca.issuer_oid(register));
            text = text.replace(&format!("{{{prefix}policy:{name}}}"), ca.policies(register)[0]);
        }
    }
    assert!(!text.contains('{'), "{text}");
    text
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/identity");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let read = |path: &PathBuf| match toml::from_str::<Table>(&std::fs::read_to_string(path).unwrap()) {
        Ok(table) => table.case,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    paths.iter().flat_map(read).collect()
}

/// Each reason comes with what there is to act on: check, field, what was expected and what is there.
fn assert_told(answer: &Value, reasons: &[String], name: &str) {
    let findings = answer["findings"].as_array().unwrap();
    let mut told: Vec<&str> = findings.iter().map(|finding| finding["reason"].as_str().unwrap()).collect();
    told.dedup();
    assert_eq!(told, reasons, "{name}");
    for finding in findings {
        for member in ["check", "field", "expected", "found"] {
            assert!(!finding[member].as_str().unwrap().is_empty(), "{name}: {member} of {finding}");
        }
        assert_ne!(finding["expected"], finding["found"], "{name}");
        assert!(answer["checked"].as_array().unwrap().contains(&finding["check"]), "{name}: {finding}");
    }
}

#[test]
fn every_certificate_of_the_tables_is_judged_as_they_say() {
    let cases = cases();
    assert!(cases.len() >= 80, "{}", cases.len());
    assert_eq!(cases.iter().map(|case| &case.name).collect::<BTreeSet<_>>().len(), cases.len(), "names repeat");
    let mut wrong = Vec::new();
    for (register, strictness) in [(Register::Production, Strictness::Production), (Register::Test, Strictness::Test)] {
        let directory = Directory::new();
        let mut pki = Pki::new(register, NOW).unwrap();
        let mut issued: Vec<Issued> = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let one = pki.issue(&number.to_string(), &case.leaf(register)).unwrap();
            if case.revoked {
                pki.revoke(&one).unwrap();
            }
            issued.push(one);
        }
        pki.write(directory.path()).unwrap();
        for (number, case) in cases.iter().enumerate() {
            let options = Options {
                certificate: directory.path().join(format!("callers/{number}.pem")),
                trust: Some(directory.path().join("trust")),
                crl: Some(directory.path().join("crl")),
                now: NOW,
                strictness,
                table: false,
            };
            let (text, code) = inspect(&options).unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            let found: Vec<&str> =
                answer["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect();
            let expected = case.expected(register);
            if found != expected {
                wrong.push(format!("{} ({register:?}): expected {expected:?}, found {found:?}", case.name));
                continue;
            }
            assert_eq!(code, if expected.is_empty() { 0 } else { 2 });
            assert_told(&answer, expected, &case.name);
            if expected.is_empty() {
                for (member, value) in case.identity() {
                    assert_eq!(answer["identity"][member], value, "{} ({register:?}): {member}", case.name);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_reason_of_a_certificate_is_found_in_a_table() {
    // Those of CRLs are no property of a certificate: `door` and `gateway::trust` have them.
    let elsewhere = ["crl-expired", "revocation-unknown", "revoked-issuer"];
    let told: BTreeSet<String> = cases().into_iter().flat_map(|case| case.reasons).collect();
    for reason in sluis::identity::Reason::ALL.map(sluis::identity::Reason::code) {
        assert!(told.contains(reason) != elsewhere.contains(&reason), "{reason}");
    }
}
