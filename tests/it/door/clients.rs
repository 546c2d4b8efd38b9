//! Callers as they come: curl and `openssl s_client`, over TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2, with certificates of every
//! kind and every fault. What a refused caller is told is the alert of TLS, which is all that there is to act on.

use std::process::{Command, Stdio};

use sluis::cli::demo::pki::{Ca, KeyLength, Leaf, Pki, World};

use super::house::{House, now};
use super::{URA, doctor, pki};

const TLS: [&str; 2] = ["1.2", "1.3"];
const HTTP: [(&str, &str); 2] = [("--http1.1", "1.1"), ("--http2", "2")];

/// What curl says: status, version of HTTP and body, or what it complains about.
fn curl(house: &House, caller: Option<&str>, tls: &str, http: &str, paths: &[&str]) -> Result<String, String> {
    let port = house.address().port();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--verbose", "--max-time", "20", http, "--tlsv1.2", "--tls-max", tls]);
    if tls == "1.3" {
        command.arg("--tlsv1.3");
    }
    command.args(["--resolve", &format!("localhost:{port}:127.0.0.1"), "--cacert"]).arg(house.file("server-ca.pem"));
    if let Some(caller) = caller {
        command.arg("--cert").arg(house.file(&format!("callers/{caller}.pem")));
        command.arg("--key").arg(house.file(&format!("callers/{caller}.key")));
    }
    command.args(["--write-out", "|%{http_code} %{http_version} %{num_connects}\n"]);
    command.args(paths.iter().map(|path| format!("https://localhost:{port}{path}")));
    let output = command.env_remove("https_proxy").env_remove("HTTPS_PROXY").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(said) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// What `openssl s_client` says, which waits for the end of the connection where it is `patient`.
fn s_client(house: &House, caller: &str, tls: &str, patient: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", if tls == "1.2" { "-tls1_2" } else { "-tls1_3" }])
        .args(patient)
        .args(["-connect", &house.address().to_string(), "-CAfile"])
        .arg(house.file("server-ca.pem"))
        .arg("-cert")
        .arg(house.file(&format!("callers/{caller}.pem")))
        .arg("-cert_chain")
        .arg(house.file(&format!("callers/{caller}.pem")))
        .arg("-key")
        .arg(house.file(&format!("callers/{caller}.key")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn every_kind(pki: &mut Pki) -> [&'static str; 6] {
    let server = |uzi| Leaf::system_g4(World::Test, uzi, URA, "client.example");
    for (name, leaf) in [
        ("z", doctor()),
        ("n", Leaf::employee(World::Test, "900016529", URA)),
        ("m", Leaf::function(World::Test, "900016530", URA, "Balie")),
        ("s", Leaf::system(World::Test, "900016531", URA, "client.example")),
        ("g4", server("900016532")),
        ("g4-4096", server("900016533").key_length(KeyLength::Large)),
    ] {
        pki.issue(name, &leaf).unwrap();
    }
    ["z", "n", "m", "s", "g4", "g4-4096"]
}

#[test]
fn every_kind_of_certificate_is_admitted_over_every_version() {
    let mut pki = pki();
    let callers = every_kind(&mut pki);
    let house = House::open(pki);
    for tls in TLS {
        for (flag, version) in HTTP {
            for caller in callers {
                let said = curl(&house, Some(caller), tls, flag, &["/fhir/metadata"]);
                let said = said.unwrap_or_else(|complaint| panic!("{caller} {tls} {version}: {complaint}"));
                assert!(said.contains("/fhir/metadata") && said.contains(URA), "{caller} {tls} {version}: {said}");
                assert!(said.ends_with(&format!("|200 {version} 1\n")), "{caller} {tls} {version}: {said}");
            }
        }
    }
}

#[test]
fn a_connection_that_is_kept_serves_several_requests() {
    let mut pki = pki();
    pki.issue("z", &doctor()).unwrap();
    let house = House::open(pki);
    for (flag, version) in HTTP {
        let said = curl(&house, Some("z"), "1.3", flag, &["/a", "/b", "/c"]).unwrap();
        let ends: Vec<&str> = said.lines().map(|line| line.rsplit('|').next().unwrap()).collect();
        let later = format!("200 {version} 0");
        assert_eq!(ends, [&*format!("200 {version} 1"), &*later, &*later]);
    }
}

#[test]
fn s_client_is_admitted_with_the_signature_of_its_key() {
    let mut pki = pki();
    let callers = every_kind(&mut pki);
    let house = House::open(pki);
    for tls in TLS {
        for caller in callers {
            let said = s_client(&house, caller, tls, &[]);
            assert!(said.contains("Verify return code: 0 (ok)"), "{caller} {tls}: {said}");
            assert!(said.contains("Peer signature type: RSA-PSS"), "{caller} {tls}: {said}");
            assert!(!said.contains("alert"), "{caller} {tls}: {said}");
        }
    }
}

/// A fault, its code on record, and the alert by its name in OpenSSL: over TLS 1.2, over TLS 1.3 where it differs.
struct Fault {
    caller: Option<&'static str>,
    code: &'static str,
    alert: (&'static str, &'static str),
}

const fn fault(caller: &'static str, code: &'static str, alert: &'static str) -> Fault {
    Fault { caller: Some(caller), code, alert: (alert, alert) }
}

#[test]
fn every_fault_is_refused_with_its_alert_over_every_version() {
    let mut pki = pki();
    let day = time::Duration::DAY;
    let employee = Leaf::employee(World::Test, "900016529", URA);
    for (name, leaf) in [
        ("good", doctor()),
        ("expired", doctor().valid(now() - day * 10, now() - day)),
        ("early", doctor().valid(now() + day, now() + day * 10)),
        ("mail", doctor().extended_key_usage(Some(&["1.3.6.1.5.5.7.3.4"]))),
        ("encipherment", doctor().key_usage(Some(&[2, 3]))),
        ("anchorless", doctor().issued_by(Ca::Gateway)),
        ("impostor", doctor().issued_by(Ca::Impostor)),
        ("stale", employee),
        ("below", Leaf::system_g4(World::Test, "900016532", URA, "client.example")),
    ] {
        pki.issue(name, &leaf).unwrap();
    }
    let revoked = pki.issue("revoked", &doctor()).unwrap();
    pki.issue("unknown", &Leaf::function(World::Test, "900016530", URA, "Balie")).unwrap();
    pki.revoke(&revoked).unwrap();
    pki.revoke_g4_issuer().unwrap();
    pki.hold_crl_until(Ca::Employee, now() - time::Duration::MINUTE).unwrap();
    let house = House::open(pki);
    let before = house.tls.trust().current().number();
    std::fs::remove_file(house.file("crl/medewerker-niet-op-naam.crl")).unwrap();
    house.settle(|tls| tls.trust().current().number() > before);
    house.tls.look();
    let faults = [
        Fault { caller: None, code: "no-certificate", alert: ("handshake failure", "certificate required") },
        fault("expired", "expired", "certificate expired"),
        fault("early", "not-yet-valid", "bad certificate"),
        fault("mail", "wrong-key-purpose", "unsupported certificate"),
        fault("encipherment", "wrong-key-purpose", "unsupported certificate"),
        fault("anchorless", "untrusted-chain", "unknown ca"),
        fault("impostor", "untrusted-chain", "unknown ca"),
        fault("revoked", "revoked", "certificate revoked"),
        fault("below", "revoked-issuer", "certificate revoked"),
        fault("stale", "crl-expired", "certificate expired"),
        fault("unknown", "revocation-unknown", "unknown ca"),
    ];
    for (tls, at) in [("1.2", 0), ("1.3", 1)] {
        for fault in &faults {
            let alert = if at == 0 { fault.alert.0 } else { fault.alert.1 };
            for (flag, version) in HTTP {
                let said = curl(&house, fault.caller, tls, flag, &["/"]);
                let complaint = said.expect_err(fault.code);
                let complaint = complaint.to_lowercase();
                let told = ["tls alert, ", "alert "].iter().any(|word| complaint.contains(&format!("{word}{alert}")));
                assert!(told, "{} {tls} {version}: {complaint}", fault.code);
                assert_eq!(house.failure(), fault.code, "{tls} {version}");
            }
            if let Some(caller) = fault.caller {
                let said = s_client(&house, caller, tls, &["-ign_eof"]);
                assert!(said.to_lowercase().contains(alert), "{} {tls}: {said}", fault.code);
                assert_eq!(house.failure(), fault.code, "{tls}");
            }
        }
        // The twin.
        assert!(curl(&house, Some("good"), tls, "--http2", &["/"]).unwrap().contains("|200 2 "));
    }
}
