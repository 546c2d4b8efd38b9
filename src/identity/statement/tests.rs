//! The order of the checks, with a proof that is not OpenSSL's. Statements of every shape are tested where keys are
//! (`gateway::statement`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::identity::CallerNames;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

/// Says the same of every signature.
struct Every(Result<(), Unproven>);

impl Proof for Every {
    fn verify(&self, _: &Signed<'_>, _: OffsetDateTime) -> Result<(), Unproven> {
        self.0
    }

    fn is_not_revoked(&self, _: &str, _: OffsetDateTime) -> Result<(), Unproven> {
        Err(Unproven::RevocationUnknown)
    }
}

fn accepted(verdict: Result<(), Unproven>) -> [Accepted<Every>; 1] {
    let issuer = StatementIssuer {
        name: "https://abonnee.dezi.nl".to_owned(),
        flavour: Flavour::Dezi(DeziRules {
            schemas: vec!["s".to_owned()],
            assurance: vec!["high".to_owned()],
            role_sources: vec!["big".to_owned()],
            status_urls: vec!["https://status/".to_owned()],
            revocation: Revocation::Required,
        }),
        types: vec!["JWT".to_owned()],
        algorithms: vec![Algorithm::Rs256],
        key_urls: Vec::new(),
        skew: time::Duration::minutes(1),
        max_age: time::Duration::days(1),
        roles: std::collections::BTreeMap::new(),
    };
    [Accepted { issuer, proof: Every(verdict) }]
}

fn system() -> Caller {
    let (ura, uzi) = ("90000101".parse().unwrap(), "900000112".parse().unwrap());
    Caller::new(ura, uzi, CardType::System, None, CallerNames::default(), None)
}

fn field(header: &str, claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("Bearer {}.{}.AAAA", encode(header), encode(claims))
}

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"a"}"#;

fn judged(header: &str, claims: &str, verdict: Result<(), Unproven>) -> Unproven {
    acting(&[&field(header, claims)], &system(), &accepted(verdict), NOW).unwrap_err()
}

#[test]
fn nothing_of_the_claims_counts_before_the_signature_but_whose_they_are() {
    let ended = r#"{"iss":"https://abonnee.dezi.nl","nbf":1,"exp":2}"#;
    assert_eq!(judged(HEADER, ended, Err(Unproven::Signature)), Unproven::Signature);
    assert_eq!(judged(HEADER, ended, Ok(())), Unproven::Expired);
    assert_eq!(judged(HEADER, r#"{"iss":"another"}"#, Err(Unproven::Signature)), Unproven::Issuer);
}

#[test]
fn a_good_statement_counts_only_when_it_is_known_that_it_was_not_taken_back() {
    let now = NOW.unix_timestamp();
    let claims = format!(
        r#"{{"iss":"https://abonnee.dezi.nl","nbf":{},"exp":{},"jti":"j","verklaring_id":"v","json_schema":"s","loa_dezi":"high",
        "abonnee_nummer":"90000101","dezi_nummer":"900022159","rol_code":"01.015","rol_code_bron":"big","status_uri":"https://status/v"}}"#,
        now - 1,
        now + 1
    );
    assert_eq!(judged(HEADER, &claims, Ok(())), Unproven::RevocationUnknown);
}

proptest! {
    /// Invariant 8, and nobody is made of what is not proven.
    #[test]
    fn whatever_is_sent_is_a_refusal_and_no_panic(
        scheme in prop_oneof![Just("Bearer "), Just("bearer"), Just(""), Just("Basic ")],
        text in "[A-Za-z0-9._=+/-]{0,200}|\\PC{0,40}",
        header in "\\PC{0,60}",
        claims in "\\PC{0,60}",
    ) {
        for field in [format!("{scheme}{text}"), field(&header, &claims), field(HEADER, &claims)] {
            prop_assert!(acting(&[&field], &system(), &accepted(Ok(())), NOW).is_err());
        }
        prop_assert!(JwkSet::read(claims.as_bytes()).is_err());
        prop_assert!(UnprovenList::read(&text).is_err() || text.matches('.').count() == 2);
    }
}
