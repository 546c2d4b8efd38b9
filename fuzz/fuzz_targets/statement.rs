//! Statements: arbitrary bytes as a statement, its header and claims, a set of keys, or a list of what was taken back.
//!
//! The first byte says as what. Nothing panics; whatever says of every signature that it is good, who acts is somebody whom the
//! claims name, at the organisation of the certificate.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sluis::identity::statement::{
    Accepted, Algorithm, ClaimPaths, DeziRules, Flavour, IuaRules, JwkSet, Proof, Revocation, Signed, StatementIssuer,
    UnprovenList, Unproven, acting,
};
use sluis::identity::{Caller, CallerNames, CardType, CertificateFacts};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// Says of every signature that it is good, and of every statement that it holds.
struct Credulous;

impl Proof for Credulous {
    fn verify(&self, signed: &Signed<'_>, _: OffsetDateTime) -> Result<(), Unproven> {
        assert!(!signed.kid.is_empty() && !signed.signature.is_empty() && signed.input.contains('.'));
        Ok(())
    }

    fn is_not_revoked(&self, _: &str, _: OffsetDateTime) -> Result<(), Unproven> {
        Ok(())
    }
}

static ACCEPTED: LazyLock<[Accepted<Credulous>; 2]> = LazyLock::new(|| {
    let text = |text: &str| vec![text.to_owned()];
    let path = |text: &str| text.parse().expect("a path");
    let issuer = |name: &str, kind: &str, flavour| StatementIssuer {
        name: name.to_owned(),
        flavour,
        types: text(kind),
        algorithms: Algorithm::ALL.to_vec(),
        key_urls: Vec::new(),
        skew: Duration::minutes(1),
        max_age: Duration::days(1),
        roles: BTreeMap::new(),
    };
    let dezi = Flavour::Dezi(DeziRules {
        schemas: text("https://www.dezi.nl/json_schemas/v1/verklaring.json"),
        assurance: text("http://eidas.europa.eu/LoA/high"),
        role_sources: text("http://www.dezi.nl/rol_bron/big"),
        status_urls: text("https://auth.dezi.nl/status/v1/verklaring/"),
        revocation: Revocation::Required,
    });
    let iua = Flavour::Iua(IuaRules {
        audiences: text("https://sluis.test/fhir"),
        scopes: text("user/*.rs"),
        paths: ClaimPaths {
            person: path("/sub"),
            name: path("/extensions/ihe_iua/subject_name"),
            role: path("/extensions/ihe_iua/subject_role"),
            organisation: path("/extensions/ihe_iua/subject_organization_id"),
            purpose: path("/extensions/ihe_iua/purpose_of_use"),
        },
    });
    [issuer("https://abonnee.dezi.nl", "JWT", dezi), issuer("https://as.example", "at+jwt", iua)]
        .map(|issuer| Accepted { issuer, proof: Credulous })
});

static SYSTEM: LazyLock<Caller> = LazyLock::new(|| {
    let certificate = CertificateFacts {
        subject: String::new(),
        issuer: String::new(),
        serial: String::new(),
        not_before: NOW,
        not_after: NOW,
        sha256: "ab".repeat(32),
    };
    let (ura, uzi) = ("90000101".parse().expect("a URA"), "900000112".parse().expect("a number"));
    Caller::new(ura, uzi, CardType::System, None, CallerNames::default(), Some(certificate))
});

fuzz_target!(|input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else { return };
    match kind {
        b'k' => {
            if let Ok(set) = JwkSet::read(bytes) {
                assert!(!set.keys().is_empty());
            }
        }
        b'l' => {
            let Ok(text) = std::str::from_utf8(bytes) else { return };
            if let Ok(list) = UnprovenList::read(text)
                && let Ok(list) = list.proven("https://abonnee.dezi.nl", NOW, |_| Ok(()))
            {
                assert!(NOW < list.until());
                assert_eq!(list.is_not_revoked("", list.until()), Err(Unproven::RevocationUnknown));
            }
        }
        b'p' => {
            // A header and claims as they are written, so that not every change breaks the encoding.
            let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
            let (header, claims) = bytes.split_at(at);
            let claims = claims.get(1..).unwrap_or_default();
            judge(&format!("Bearer {}.{}.AAAA", base64url(header), base64url(claims)), Some(claims));
        }
        _ => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                judge(&format!("Bearer {text}"), None);
                judge(text, None);
            }
        }
    }
});

fn judge(field: &str, claims: Option<&[u8]>) {
    let Ok(Some(acting)) = acting(&[field], &SYSTEM, &*ACCEPTED, NOW) else { return };
    assert_eq!(acting.ura(), SYSTEM.ura());
    assert_eq!(acting.system(), Some(SYSTEM.uzi()));
    let person = acting.person().expect("a person").as_str();
    assert!(acting.role().is_some() && acting.statement().is_some());
    if let Some(claims) = claims {
        // A number that is too large for this reader may stand in a claim that nobody reads.
        let Ok(claims) = serde_json::from_slice::<serde_json::Value>(claims) else { return };
        let named = ["sub", "dezi_nummer"].map(|claim| claims[claim].as_str().is_some_and(|text| text.ends_with(person)));
        assert!(named.contains(&true), "{person}");
    }
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..=chunk.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}
