//! Keys and lists that come, go and grow old, and the keys of the configuration.

use std::time::Duration;

use super::*;
use crate::identity::statement::Unproven;

const DAY: time::Duration = time::Duration::days(1);

fn token(kind: &str, key: &str) -> String {
    format!("Bearer {}", signer(key).sign(Algorithm::Rs256, kind_of(kind), &good(kind)).unwrap())
}

fn judged(statements: &Statements, kind: &str, key: &str, at: OffsetDateTime) -> Result<(), Unproven> {
    statements.acting(&[&token(kind, key)], &system(), at).map(|acting| assert!(acting.is_some()))
}

fn shelf(statements: &Statements, at: usize) -> Arc<Shelf> {
    Arc::clone(statements.shelves().nth(at).unwrap())
}

#[test]
fn keys_that_were_fetched_count_as_long_as_is_set_and_those_of_a_file_as_long_as_they_stand_there() {
    let desk = Desk::new();
    let url = "jwks_url = \"https://as.example/jwks\"\nkeys_max_age = \"24h\"";
    std::fs::remove_file(desk.0.join("iua.json")).unwrap();
    let statements = Statements::load(&desk.settings("", url).unwrap(), NOW).unwrap();
    assert_eq!(judged(&statements, "iua", "rsa", NOW), Err(Unproven::KeysUnavailable));
    let ready = |at| statements.checks(at).iter().map(|check| format!("{check:?}")).collect::<Vec<_>>().join(" ");
    assert!(ready(NOW).contains("missing"), "{}", ready(NOW));
    let fetched = NOW - DAY + time::Duration::seconds(1);
    shelf(&statements, 1).take(Piece::Keys, key_set().as_bytes(), fetched, NOW).unwrap();
    assert_eq!(judged(&statements, "iua", "rsa", NOW), Ok(()));
    assert!(!ready(NOW).contains("missing"), "{}", ready(NOW));
    assert_eq!(judged(&statements, "iua", "rsa", NOW + time::Duration::seconds(1)), Err(Unproven::KeysUnavailable));
    // The file of Dezi's keys is as old as may be.
    assert_eq!(judged(&statements, "dezi", "rsa", NOW + time::Duration::minutes(59)), Ok(()));
}

#[test]
fn a_key_that_was_rotated_out_proves_nothing_any_more_and_one_that_came_does() {
    let desk = Desk::new();
    let statements = desk.statements();
    let shelf = shelf(&statements, 1);
    assert_eq!(judged(&statements, "iua", "other", NOW), Err(Unproven::KeyUnknown));
    let rotated = jwks(&[&signer("rsa-2"), &signer("other")]).unwrap();
    shelf.take(Piece::Keys, rotated.as_bytes(), NOW, NOW).unwrap();
    assert_eq!(judged(&statements, "iua", "other", NOW), Ok(()));
    assert_eq!(judged(&statements, "iua", "rsa", NOW), Err(Unproven::KeyUnknown));
    // One that cannot be taken changes nothing.
    assert!(shelf.take(Piece::Keys, b"{}", NOW, NOW).is_err());
    assert_eq!(judged(&statements, "iua", "other", NOW), Ok(()));
}

#[test]
fn a_list_that_ends_is_no_answer_and_an_older_one_does_not_come_back() {
    let desk = Desk::new();
    let statements = desk.statements();
    let shelf = shelf(&statements, 0);
    let (end, later) = (NOW + time::Duration::hours(1), NOW + time::Duration::hours(2));
    assert_eq!(judged(&statements, "dezi", "rsa", NOW), Ok(()));
    assert_eq!(judged(&statements, "dezi", "rsa", end), Err(Unproven::RevocationUnknown));
    let taken = |text: String, at| shelf.take(Piece::List, text.as_bytes(), at, at).map(|_| ());
    taken(list(&[ID], later), NOW).unwrap();
    assert_eq!(judged(&statements, "dezi", "rsa", NOW), Err(Unproven::Revoked));
    assert_eq!(taken(list(&[], end), NOW), Err(DocumentError::Older));
    // What is on a list that has ended is taken back all the same.
    assert_eq!(judged(&statements, "dezi", "rsa", later), Err(Unproven::Revoked));
    taken(list(&[], later + DAY), NOW).unwrap();
    assert_eq!(judged(&statements, "dezi", "rsa", NOW), Ok(()));
}

#[test]
fn a_list_that_is_not_the_issuer_s_or_does_not_hold_is_not_taken() {
    let desk = Desk::new();
    let statements = desk.statements();
    let shelf = shelf(&statements, 0);
    let good = list(&[], NOW + DAY);
    let taken = |text: &str| shelf.take(Piece::List, text.as_bytes(), NOW, NOW).map(|_| ());
    let signed = |claims: Value, key: &str| signer(key).sign(Algorithm::Rs256, "JOSE", &claims).unwrap();
    let claims = |from: i64, until: i64| {
        let now = NOW.unix_timestamp();
        json!({"iss": DEZI, "nbf": now + from, "exp": now + until, "revocaties": []})
    };
    assert_eq!(taken(&signed(claims(-1, 86_400), "rsa")), Ok(()));
    let error = |error| Err(DocumentError::List(error));
    assert_eq!(taken(&signed(claims(-2, -1), "rsa")), error(ListError::OutsideValidity));
    assert_eq!(taken(&signed(claims(1, 2), "rsa")), error(ListError::OutsideValidity));
    let with = |name: &str, value: Value| {
        let mut claims = claims(-1, 90_000);
        claims[name] = value;
        signed(claims, "rsa")
    };
    assert_eq!(taken(&with("iss", json!("https://elsewhere"))), error(ListError::Issuer));
    for (name, value) in [
        ("revocaties", json!({})),
        ("revocaties", json!([{}])),
        ("revocaties", json!([{"verklaringId": 1}])),
        ("exp", json!("soon")),
    ] {
        assert_eq!(taken(&with(name, value.clone())), error(ListError::Shape), "{name} {value}");
    }
    assert_eq!(taken(&signed(claims(-1, 90_000), "other")), error(ListError::Jws(Unproven::KeyUnknown)));
    let forged = signer("other").named("rsa").sign(Algorithm::Rs256, "JOSE", &claims(-1, 90_000)).unwrap();
    assert_eq!(taken(&forged), error(ListError::Jws(Unproven::Signature)));
    assert_eq!(taken("[]"), error(ListError::Jws(Unproven::Form)));
    // RFC 3339 is read as well, and the file may end with a line.
    let texts = json!({"iss": DEZI, "nbf": "2026-03-01T11:00:00Z", "exp": "2026-03-03T11:00:00Z", "revocaties": []});
    assert_eq!(taken(&format!("{}\n", signed(texts, "rsa"))), Ok(()));
    drop(good);
}

#[test]
fn a_list_waits_for_keys_that_are_fetched_and_a_file_that_nobody_brings_is_a_mistake() {
    let desk = Desk::new();
    std::fs::remove_file(desk.0.join("dezi.json")).unwrap();
    let fetched = "jwks_url = \"https://auth.dezi.nl/dezi/jwks.json\"";
    let statements = Statements::load(&desk.settings(fetched, "").unwrap(), NOW).unwrap();
    assert_eq!(judged(&statements, "dezi", "rsa", NOW), Err(Unproven::KeysUnavailable));
    assert!(desk.settings("", "").unwrap_err().join("\n").contains("identity.statement.jwks"));
    desk.write("dezi.json", "{\"keys\": []}");
    let told = Statements::load(&desk.settings("", "").unwrap(), NOW).unwrap_err().to_string();
    assert!(told.contains("dezi.json") && told.contains("no key"), "{told}");
}

#[test]
fn the_keys_of_the_configuration_are_checked_each() {
    let desk = Desk::new();
    for (dezi, iua, key) in [
        ("audience = [\"a\"]", "", "identity.statement.audience"),
        ("scopes = [\"a\"]", "", "identity.statement.scopes"),
        ("revocation = \"off\"", "", "identity.statement.revocation"),
        ("revocation = \"maybe\"", "", "identity.statement.revocation"),
        ("", "schemas = [\"a\"]", "identity.statement.schemas"),
        ("", "revocations = \"list.jws\"", "identity.statement.revocations"),
        ("", "audience = []", "identity.statement.audience"),
        ("", "algorithms = [\"HS256\"]", "identity.statement.algorithms"),
        ("", "algorithms = [\"none\"]", "identity.statement.algorithms"),
        ("", "types = []", "identity.statement.types"),
        ("", "skew = \"6m\"", "identity.statement.skew"),
        ("", "max_age = \"1\"", "identity.statement.max_age"),
        ("", "jwks_url = \"http://as.example/jwks\"", "identity.statement.jwks_url"),
        ("", "jwks_url = \"https://me:too@as.example/jwks\"", "identity.statement.jwks_url"),
        ("", "ca = \"nowhere.pem\"", "identity.statement.ca"),
        ("", "roles = { gp = \"1\" }", "identity.statement.roles"),
        ("", "claims = { person = \"sub\" }", "identity.statement.claims.person"),
        ("", "claims = { patient = \"/sub\" }", "patient"),
        ("", "alg = \"RS256\"", "alg"),
    ] {
        let told = desk.settings(dezi, iua).unwrap_err().join("\n");
        assert!(told.contains(key), "{dezi}{iua}: {told}");
    }
    let settings = desk.settings("", "jwks_url = \"http://127.0.0.1:1/jwks\"\nfetch_every = \"5m\"").unwrap();
    assert_eq!((settings.len(), settings[1].every), (2, Duration::from_secs(300)));
}

#[test]
fn one_issuer_twice_or_one_file_for_two_is_a_mistake() {
    let desk = Desk::new();
    let again = |issuer: &str, file: &str| {
        format!("[[identity.statement]]\nkind = \"iua\"\nissuer = \"{issuer}\"\njwks = \"{file}\"\nscopes = [\"a\"]")
    };
    desk.write("more.json", &key_set());
    assert_eq!(desk.settings("", &again("https://more", "more.json")).unwrap().len(), 3);
    for (issuer, file) in [(IUA, "more.json"), ("https://more", "iua.json"), ("https://more", "list.jws")] {
        assert!(desk.settings("", &again(issuer, file)).is_err(), "{issuer} {file}");
    }
}
