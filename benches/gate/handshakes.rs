//! Handshakes through the gateway and through nginx, which verify the same certificate by the same CRL; and what verifying
//! costs a request on a connection that is kept.
//!
//! Over TLS 1.2, where a client knows at the end of its handshake that its certificate was verified. A thousand cards are on
//! the CRL.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use openssl::stack::Stack;
use openssl::x509::X509Crl;
use sluis::cli::demo::pki::{Ca, Leaf, Pki, World};
use sluis::gateway::clock::Clock;
use sluis::gateway::door::Peer;
use sluis::gateway::revocation::{LiveTrust, TrustOptions};
use sluis::identity::{Register, Strictness};
use time::OffsetDateTime;

use crate::figures::{Figures, number};
use crate::load::{self, Client, Credentials};
use crate::nginx::{self, Verification};
use crate::process::{self, Process};
use crate::upstream;

const AT_ONCE: usize = 16;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);

/// Cards on the CRL.
const REVOKED: usize = 1_000;

/// Requests of which each is judged anew, and of which none has to be.
const JUDGED: u32 = 2_000;
const KEPT: u32 = 200_000;

/// A directory of the measurement, gone when it ends.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed stays below target/.
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

pub(crate) fn measure(figures: &mut Figures) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-handshakes-{}", std::process::id()));
    let directory = Directory(path);
    let dir = &directory.0;
    let now = Clock::system().now();
    let mut pki = Pki::new(World::Test, now).expect("a PKI");
    let card = Leaf::professional(World::Test, "900016528", "90000382", "01.015");
    let caller = pki.issue("caller", &card).expect("a card");
    let revoked = pki.issue("revoked", &card).expect("a card");
    pki.revoke(&revoked).expect("a revocation");
    pki.write(dir).expect("files of the PKI");
    for _ in 1..REVOKED {
        let one = pki.issue("one", &card).expect("a card");
        pki.revoke(&one).expect("a revocation");
    }
    pki.write_crls(&dir.join("crl")).expect("files of CRLs");
    let verification = verification(&pki, dir);
    let address = upstream::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let gateway = process::start_gateway(dir, address, "group");
        let nginx = nginx::start_with(dir, address, &verification);
        compare(figures, dir, &gateway, &nginx).await;
    });
    let options = TrustOptions {
        trust: dir.join("trust"),
        intermediates: None,
        crl: Some(dir.join("crl")),
        seen: None,
        ocsp: None,
        register: Arc::new(Register::new(Strictness::Test)),
    };
    let trust = LiveTrust::load(options).expect("anchors and CRLs");
    let chain = Stack::new().expect("OpenSSL works");
    let leaf = caller.certificate().to_owned();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let peer = Peer::new(leaf, chain, nowhere, &trust.current(), now).expect("a certificate that can be read");
    runtime.block_on(recheck(figures, &peer, &trust, now));
}

/// nginx asks OpenSSL for a CRL of the anchor too, which must be a root for that: the CA as one, of the same name and key.
fn verification(pki: &Pki, dir: &Path) -> Verification {
    let root = pki.rooted(Ca::Professional).and_then(|root| Ok(root.to_pem()?)).expect("a root");
    let crl = pki.crl_of(Ca::Professional).and_then(|der| Ok(X509Crl::from_der(&der)?.to_pem()?)).expect("a CRL");
    let (trusted, list) = (dir.join("nginx-root.pem"), dir.join("nginx-crl.pem"));
    std::fs::write(&trusted, root).and_then(|()| std::fs::write(&list, crl)).expect("files for nginx");
    Verification { trusted, crl: Some(list) }
}

async fn compare(figures: &mut Figures, dir: &Path, gateway: &Process, nginx: &Process) {
    let server_ca = dir.join("server-ca.pem");
    let files = |name: &str| (dir.join(format!("callers/{name}.pem")), dir.join(format!("callers/{name}.key")));
    let (caller, revoked) = (files("caller"), files("revoked"));
    let good = Credentials { server_ca: &server_ca, own: Some((&caller.0, &caller.1)) };
    let bad = Credentials { server_ca: &server_ca, own: Some((&revoked.0, &revoked.1)) };
    // Both look at the CRL: nginx lets the handshake be and refuses what is asked.
    assert!(!load::can_shake(gateway.address, bad).await, "the gateway refuses a card that is revoked");
    for (credentials, status) in [(bad, 400), (good, 200)] {
        let (answer, _) = Client::connect(nginx.address, credentials, 1).await.ask(upstream::READ).await;
        assert_eq!(answer.status, status, "nginx serves whose card is not revoked");
    }
    let (mut ratios, mut cpus, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (ours, our_cpu) = shake(gateway, good).await;
        let (theirs, their_cpu) = shake(nginx, good).await;
        // The first round warms everything up.
        if round > 0 {
            ratios.push(ours / theirs);
            cpus.push(our_cpu / their_cpu);
            counts.push(ours / ROUND.as_secs_f64());
        }
    }
    figures.median("nginx_handshakes", &ratios);
    figures.median("nginx_handshakes_cpu", &cpus);
    figures.median("gate_handshakes_per_s", &counts);
}

/// Returns how many handshakes there were, and the processor time of the server for each.
async fn shake(server: &Process, credentials: Credentials<'_>) -> (f64, f64) {
    let before = server.cpu();
    let count = number(load::shake_for(server.address, credentials, AT_ONCE, ROUND).await);
    (count, (server.cpu() - before).as_secs_f64() / count)
}

/// What admitting a request costs: where the verdict on the chain is given anew, as it is every five minutes and after any
/// change of certificates or CRLs, and where it counts still.
async fn recheck(figures: &mut Figures, peer: &Peer, trust: &LiveTrust, now: OffsetDateTime) {
    let mut rounds = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = std::time::Instant::now();
        for count in 0..JUDGED {
            // A quarter of an hour there and back: two verdicts never fall into the same five minutes.
            let moment = now + Duration::from_secs(u64::from(count % 2) * 900);
            peer.admit(moment, trust).await.expect("the card is good");
        }
        rounds.0.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(JUDGED));
        let start = std::time::Instant::now();
        for _ in 0..KEPT {
            peer.admit(now, trust).await.expect("the card is good");
        }
        rounds.1.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(KEPT));
    }
    figures.median("admit_judged_us", &rounds.0);
    figures.median("admit_kept_us", &rounds.1);
}
