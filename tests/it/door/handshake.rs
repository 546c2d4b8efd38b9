//! The handshake: what it takes and what it refuses.

use std::process::{Command, Stdio};

use openssl::ssl::SslVersion;
use sluis::cli::demo::pki::{Ca, Leaf, World};
use sluis::gateway::tls::TlsVersion;

use super::house::{House, Plan, now};
use super::{URA, assert_admitted, assert_refused, doctor, pki, with};

#[test]
fn a_card_is_admitted_with_tls_1_2_and_1_3() {
    let (house, caller) = with(&doctor());
    for (version, name) in [(SslVersion::TLS1_2, "TLSv1.2"), (SslVersion::TLS1_3, "TLSv1.3")] {
        let mut call = house.knock(Some(&caller), Some(version)).unwrap();
        assert_eq!(call.tls(), name);
        assert_eq!(call.get("/").unwrap().0, 200);
    }
}

#[test]
fn every_kind_of_certificate_is_admitted() {
    for leaf in [
        doctor(),
        Leaf::employee(World::Test, "900016529", URA),
        Leaf::function(World::Test, "900016530", URA, "Balie"),
        Leaf::system(World::Test, "900016531", URA, "client.example"),
    ] {
        let (house, caller) = with(&leaf);
        assert_admitted(&house, &caller);
    }
}

#[test]
fn a_g4_certificate_signed_with_pss_and_sha_512_is_admitted() {
    let (house, caller) = with(&Leaf::system_g4(World::Test, "900016532", URA, "client.example"));
    assert_admitted(&house, &caller);
}

#[test]
fn tls_1_1_is_refused() {
    let (house, caller) = with(&doctor());
    assert!(house.knock(Some(&caller), Some(SslVersion::TLS1_1)).is_err());
}

#[test]
fn tls_1_2_is_refused_where_1_3_is_the_least() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let house = House::planned(pki, &Plan { min: TlsVersion::Tls13, ..Plan::default() });
    assert!(house.knock(Some(&caller), Some(SslVersion::TLS1_2)).is_err());
    assert_eq!(house.failure(), "handshake-failed");
    assert_admitted(&house, &caller);
}

#[test]
fn who_shows_no_certificate_is_refused() {
    let (house, _) = with(&doctor());
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let answer = house.knock(None, Some(version)).and_then(|mut call| call.get("/"));
        assert!(answer.is_err());
        assert_eq!(house.failure(), "no-certificate");
    }
}

#[test]
fn what_is_no_tls_is_a_handshake_that_failed() {
    use std::io::{Read as _, Write as _};
    let (house, _) = with(&doctor());
    let mut tcp = std::net::TcpStream::connect(house.address()).unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).unwrap_or_default();
    assert!(!answer.starts_with(b"HTTP/"));
    assert_eq!(house.failure(), "handshake-failed");
}

#[test]
fn who_begins_a_handshake_and_says_nothing_is_timed_out() {
    let (house, _) = with(&doctor());
    let _silent = std::net::TcpStream::connect(house.address()).unwrap();
    assert_eq!(house.failure(), "timeout");
}

#[test]
fn an_expired_certificate_is_refused() {
    let day = time::Duration::DAY;
    let (house, caller) = with(&doctor().valid(now() - day * 10, now() - day));
    assert_refused(&house, &caller, "expired");
}

#[test]
fn a_certificate_of_tomorrow_is_refused() {
    let day = time::Duration::DAY;
    let (house, caller) = with(&doctor().valid(now() + day, now() + day * 10));
    assert_refused(&house, &caller, "not-yet-valid");
}

#[test]
fn a_certificate_for_signing_mail_is_refused() {
    let (house, caller) = with(&doctor().extended_key_usage(Some(&["1.3.6.1.5.5.7.3.4"])));
    assert_refused(&house, &caller, "wrong-key-purpose");
}

#[test]
fn a_ca_that_is_no_anchor_proves_nothing() {
    let (house, caller) = with(&doctor().issued_by(Ca::Gateway));
    assert_refused(&house, &caller, "untrusted-chain");
}

#[test]
fn a_ca_with_the_name_of_an_anchor_and_another_key_proves_nothing() {
    let (house, caller) = with(&doctor().issued_by(Ca::Impostor));
    assert_refused(&house, &caller, "untrusted-chain");
}

/// Runs `openssl s_client` against the door with the caller's files; returns what it prints.
fn s_client(house: &House, version: &str, arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(["s_client", version, "-connect", &house.address().to_string()])
        .arg("-cert")
        .arg(house.file("callers/caller.pem"))
        .arg("-key")
        .arg(house.file("callers/caller.key"))
        .args(arguments)
        .current_dir(house.directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn sessions_are_not_resumed() {
    let (house, _) = with(&doctor());
    for version in ["-tls1_2", "-tls1_3"] {
        let first = s_client(&house, version, &["-sess_out", "session.pem"]);
        assert!(first.contains("New, TLSv1."), "{first}");
        assert!(!first.contains("TLS session ticket"), "{first}");
        assert!(!first.contains("Post-Handshake New Session Ticket arrived"), "{first}");
        // TLS 1.2 gives the session an identifier whatever the server does; with it the client asks to resume.
        if house.file("session.pem").exists() {
            let second = s_client(&house, version, &["-sess_in", "session.pem"]);
            assert!(second.contains("New, TLSv1."), "{second}");
            assert!(!second.contains("Reused, TLSv1."), "{second}");
        }
    }
}

#[test]
fn a_handshake_cannot_be_negotiated_anew() {
    let (house, caller) = with(&doctor());
    let mut child = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &house.address().to_string(), "-cert"])
        .arg(house.file("callers/caller.pem"))
        .arg("-key")
        .arg(house.file("callers/caller.key"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"R\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no renegotiation"), "{text}");
    assert_admitted(&house, &caller);
}

#[test]
fn suites_without_forward_secrecy_are_refused() {
    let (house, _) = with(&doctor());
    for suite in ["AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384"] {
        let text = s_client(&house, "-tls1_2", &["-cipher", suite]);
        assert!(text.contains("handshake failure"), "{suite}: {text}");
    }
    let text = s_client(&house, "-tls1_2", &["-cipher", "ECDHE-RSA-CHACHA20-POLY1305"]);
    assert!(text.contains("Cipher is ECDHE-RSA-CHACHA20-POLY1305"), "{text}");
}
