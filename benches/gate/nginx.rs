//! nginx as the least that a gateway could do: mutual TLS, and passing on.
//!
//! It verifies the caller's certificate against the same anchors as the gateway, has one worker, keeps connections to the
//! upstream and writes no log.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::x509::X509;

use crate::process::Process;

/// What nginx verifies callers by.
#[derive(Debug)]
pub(crate) struct Verification {
    pub(crate) trusted: PathBuf,
    pub(crate) crl: Option<PathBuf>,
}

/// Starts nginx before `upstream`, with the gateway's anchors and without CRLs.
pub(crate) fn start(directory: &Path, upstream: SocketAddr) -> Process {
    start_with(directory, upstream, &Verification { trusted: write_trust(directory), crl: None })
}

/// Starts nginx before `upstream`.
pub(crate) fn start_with(directory: &Path, upstream: SocketAddr, verification: &Verification) -> Process {
    let Verification { trusted, crl } = verification;
    let crl = crl.as_ref().map(|crl| format!("ssl_crl {};", crl.display())).unwrap_or_default();
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let root = directory.display();
    let text = format!(
        "daemon off;
master_process off;
pid {root}/nginx.pid;
error_log {root}/nginx.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {root}/nginx-body;
  proxy_temp_path {root}/nginx-proxy;
  fastcgi_temp_path {root}/nginx-fastcgi;
  uwsgi_temp_path {root}/nginx-uwsgi;
  scgi_temp_path {root}/nginx-scgi;
  upstream records {{ server {upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {free} ssl;
    keepalive_requests 1000000000;
    ssl_certificate {root}/server.pem;
    ssl_certificate_key {root}/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
    # Only gives its name to the list of issuers that clients are shown: it is no CA.
    ssl_client_certificate {root}/server.pem;
    ssl_trusted_certificate {trust};
    {crl}
    ssl_verify_client on;
    ssl_verify_depth 3;
    location / {{
      proxy_pass http://records;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
  }}
}}
",
        trust = trusted.display()
    );
    let file = directory.join("nginx.conf");
    std::fs::write(&file, text).expect("a configuration is written");
    let child = Command::new("nginx")
        .arg("-p")
        .arg(directory)
        .arg("-e")
        .arg(directory.join("nginx.log"))
        .arg("-c")
        .arg(&file)
        .spawn();
    let process = Process::new(child.expect("nginx is installed: tools/setup bench"), free);
    for _ in 0..100 {
        if TcpStream::connect(free).is_ok() {
            return process;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nginx does not listen: {}", std::fs::read_to_string(directory.join("nginx.log")).unwrap_or_default());
}

/// Writes the gateway's anchors for nginx. They are no roots, and nginx cannot be told that an issuing CA is enough; OpenSSL
/// can, by what may stand behind a certificate in a `TRUSTED CERTIFICATE`: the purposes that it is trusted for.
fn write_trust(directory: &Path) -> PathBuf {
    let mut all = String::new();
    for entry in std::fs::read_dir(directory.join("trust")).expect("a directory of anchors") {
        let pem = std::fs::read(entry.expect("an anchor").path()).expect("an anchor is read");
        let mut der = X509::from_pem(&pem).and_then(|anchor| anchor.to_der()).expect("an anchor is a certificate");
        der.extend_from_slice(TRUSTED_FOR_CLIENTS);
        let text = STANDARD.encode(der);
        all.push_str("-----BEGIN TRUSTED CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            all.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
            all.push('\n');
        }
        all.push_str("-----END TRUSTED CERTIFICATE-----\n");
    }
    let file = directory.join("nginx-trust.pem");
    std::fs::write(&file, all).expect("anchors are written");
    file
}

/// X509_CERT_AUX of OpenSSL: trusted for id-kp-clientAuth (1.3.6.1.5.5.7.3.2).
const TRUSTED_FOR_CLIENTS: &[u8] =
    &[0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
