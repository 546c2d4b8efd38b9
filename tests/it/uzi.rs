//! `sluis uzi inspect` as a process (design section 6).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sluis::cli::demo::pki::{Leaf, Pki, World as Register};
use sluis::gateway::clock::Clock;
use time::Duration;

use crate::world::Plan;
use crate::world::process::{Ran, sluis};

fn inspect(dir: &Path, certificate: &Path, more: &[&str]) -> Ran {
    let (trust, crl) = (dir.join("trust"), dir.join("crl"));
    let mut arguments = vec!["uzi", "inspect", certificate.to_str().unwrap()];
    arguments.extend(["--trust", trust.to_str().unwrap(), "--crl", crl.to_str().unwrap()]);
    arguments.extend(more);
    sluis(&arguments, "")
}

fn reasons(answer: &Value) -> Vec<&str> {
    answer["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect()
}

#[test]
fn a_good_card_is_accepted_and_told_in_full() {
    let plan = Plan::of_demo();
    let card = plan.dir().join("callers/huisarts-brug.pem");
    let ran = inspect(plan.dir(), &card, &["--lenient-test"]);
    let answer = ran.json();
    assert_eq!((ran.code, &answer["verdict"], reasons(&answer)), (Some(0), &json!("accept"), vec![]), "{answer}");
    assert_eq!(answer["checked"], json!(["name", "usage", "validity", "chain", "revocation"]));
    let identity = &answer["identity"];
    for (member, value) in
        [("uzi", "900000101"), ("card_type", "Z"), ("ura", "90000101"), ("role", "01.015"), ("surname", "Brug")]
    {
        assert_eq!(identity[member], value, "{member}");
    }
    for member in ["subject", "issuer", "serial", "not_before", "not_after", "sha256"] {
        assert!(answer["certificate"][member].is_string(), "{member}");
    }
}

#[test]
fn every_card_of_the_demo_is_accepted_but_the_revoked_one() {
    let plan = Plan::of_demo();
    for entry in std::fs::read_dir(plan.dir().join("callers")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pem") {
            continue;
        }
        let is_revoked = path.to_str().unwrap().contains("revoked");
        let ran = inspect(plan.dir(), &path, &["--lenient-test"]);
        let expected: (Option<i32>, &[&str]) = if is_revoked { (Some(2), &["revoked"]) } else { (Some(0), &[]) };
        assert_eq!((ran.code, &*reasons(&ran.json())), expected, "{}", path.display());
    }
}

#[test]
fn what_was_not_given_is_not_judged_and_said_so() {
    let plan = Plan::of_demo();
    let revoked = plan.dir().join("callers/huisarts-revoked.pem");
    let ran = sluis(&["uzi", "inspect", revoked.to_str().unwrap(), "--lenient-test"], "");
    assert_eq!((ran.code, &ran.json()["checked"]), (Some(0), &json!(["name", "usage", "validity"])));
}

fn certificate(dir: &Path, name: &str, leaf: &Leaf) -> PathBuf {
    let mut pki = Pki::new(Register::Test, Clock::system().now()).unwrap();
    let issued = pki.issue(name, leaf).unwrap();
    pki.write(dir).unwrap();
    dir.join(format!("callers/{}.pem", issued.name()))
}

#[test]
fn every_reason_is_told_and_not_only_the_first() {
    let plan = Plan::of_nobody();
    let now = Clock::system().now();
    let leaf = Leaf::professional(Register::Test, "900016528", "90000382", "01.015")
        .valid(now - Duration::days(30), now - Duration::days(1))
        .field(4, "X")
        .extended_key_usage(Some(&["1.3.6.1.5.5.7.3.1"]));
    let ran = inspect(plan.dir(), &certificate(plan.dir(), "odd", &leaf), &["--lenient-test"]);
    let answer = ran.json();
    let found = reasons(&answer);
    assert_eq!((ran.code, &answer["verdict"]), (Some(2), &json!("refuse")));
    for reason in ["expired", "wrong-key-purpose"] {
        assert!(found.contains(&reason), "{found:?}");
    }
    assert!(found.len() >= 3, "{found:?}");
}

/// Packs certificates as PKCS#7, with the tool that people have.
fn pack(certificates: &Path, form: &str, out: &Path) {
    let packed = std::process::Command::new("openssl")
        .args(["crl2pkcs7", "-nocrl", "-outform", form, "-certfile"])
        .arg(certificates)
        .arg("-out")
        .arg(out)
        .status()
        .unwrap();
    assert!(packed.success());
}

#[test]
fn pkcs7_and_der_are_read_as_pem_is() {
    let plan = Plan::of_demo();
    let pem = plan.dir().join("callers/systeem.pem");
    let expected = inspect(plan.dir(), &pem, &["--lenient-test"]);
    assert_eq!(expected.code, Some(0), "{}", expected.stdout);
    // The CA first: in PKCS#7 the order says nothing.
    let text = std::fs::read_to_string(&pem).unwrap();
    let (leaf, ca) = text.split_at(text.rfind("-----BEGIN").unwrap());
    let turned = plan.dir().join("turned.pem");
    std::fs::write(&turned, [ca, leaf].concat()).unwrap();
    for (form, name) in [("DER", "chain.p7b"), ("PEM", "chain-pem.p7b")] {
        let packed = plan.dir().join(name);
        pack(&turned, form, &packed);
        let ran = inspect(plan.dir(), &packed, &["--lenient-test"]);
        assert_eq!((ran.code, ran.json()), (Some(0), expected.json()), "{name}: {}", ran.stderr);
    }
    // In DER there is one, and its intermediate is missed.
    let der = plan.dir().join("leaf.cer");
    std::fs::write(&der, openssl::x509::X509::from_pem(leaf.as_bytes()).unwrap().to_der().unwrap()).unwrap();
    assert_eq!(reasons(&inspect(plan.dir(), &der, &["--lenient-test"]).json()), ["untrusted-chain"]);
}

#[test]
fn pkcs7_without_one_leaf_is_a_mistake() {
    let plan = Plan::of_demo();
    let two = plan.dir().join("two.pem");
    let read = |name: &str| std::fs::read_to_string(plan.dir().join("callers").join(name)).unwrap();
    std::fs::write(&two, read("huisarts-brug.pem") + &read("apotheker.pem")).unwrap();
    let packed = plan.dir().join("two.p7b");
    pack(&two, "DER", &packed);
    let ran = inspect(plan.dir(), &packed, &["--lenient-test"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("PKCS#7"), "{}", ran.stderr);
}

#[test]
fn a_table_says_for_people_what_json_says_for_programs() {
    let plan = Plan::of_demo();
    let ran = inspect(plan.dir(), &plan.dir().join("callers/huisarts-revoked.pem"), &["--lenient-test", "--table"]);
    assert_eq!(ran.code, Some(2));
    for line in
        ["verdict       refuse", "reason        revoked", "card type     Z (zorgverlener)", "role          01.015"]
    {
        assert!(ran.stdout.lines().any(|written| written == line), "{line}: {}", ran.stdout);
    }
    let stranger = inspect(plan.dir(), &plan.dir().join("server.pem"), &["--table"]);
    assert!(stranger.stdout.contains("identity      none"), "{}", stranger.stdout);
}

#[test]
fn a_moment_can_be_given() {
    let plan = Plan::of_demo();
    let card = plan.dir().join("callers/huisarts-brug.pem");
    let later = inspect(plan.dir(), &card, &["--lenient-test", "--now", "2046-01-01T00:00:00Z"]);
    assert!(reasons(&later.json()).contains(&"expired"), "{}", later.stdout);
    let before = inspect(plan.dir(), &card, &["--lenient-test", "--now", "2006-01-01T00:00:00Z"]);
    assert!(reasons(&before.json()).contains(&"not-yet-valid"), "{}", before.stdout);
}

#[test]
fn a_stranger_has_no_identity_and_no_chain() {
    let plan = Plan::of_demo();
    let ran = inspect(plan.dir(), &plan.dir().join("server.pem"), &["--lenient-test"]);
    let answer = ran.json();
    assert_eq!((ran.code, &answer["identity"]), (Some(2), &Value::Null));
    for reason in ["no-uzi-identity", "untrusted-chain"] {
        assert!(reasons(&answer).contains(&reason), "{answer}");
    }
}

#[test]
fn what_is_no_certificate_ends_with_one() {
    let plan = Plan::of_demo();
    let card = plan.dir().join("callers/huisarts-brug.pem");
    for ran in [
        inspect(plan.dir(), &plan.dir().join("sluis.toml"), &[]),
        inspect(plan.dir(), &plan.dir().join("nothing.pem"), &[]),
        inspect(plan.dir(), &card, &["--now", "tomorrow"]),
        inspect(&plan.dir().join("nowhere"), &card, &[]),
    ] {
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}
