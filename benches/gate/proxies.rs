//! The gateway and nginx in front of the same static upstream, over mutual TLS with kept connections.
//!
//! nginx does nothing but mutual TLS and passing on; the gateway identifies, decides by Consents it remembers, puts each
//! exchange on a durable record and lets the answer through the view. Both have one worker and are asked in turn by the same
//! client. A figure is the median of the rounds' ratios: what else the machine does hits both halves of a round.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::figures::{Figures, number};
use crate::load::{Answer, Client, Credentials};
use crate::process::{self, Process};
use crate::{nginx, upstream};

const CONNECTIONS: usize = 16;
/// Connections where what the durable record costs is measured: that many exchanges can share a sync.
const AUDITED: usize = 32;
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(2);

/// Requests one after the other, for the latency of a single one.
const SINGLE: usize = 400;

/// Starts of a gateway that remembers nothing.
const STARTS: usize = 7;

/// Files of the demo's PKI, on a real disk: the journal is kept there too.
struct Directory(PathBuf);

impl Directory {
    fn make() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
        process::write_pki(&path);
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed stays below target/.
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

struct Callers {
    server_ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Callers {
    fn huisarts(&self) -> Credentials<'_> {
        Credentials { server_ca: &self.server_ca, own: Some((&self.certificate, &self.key)) }
    }

    fn nobody(&self) -> Credentials<'_> {
        Credentials { own: None, ..self.huisarts() }
    }

    /// Somebody whose certificate is of another CA: the server itself.
    fn stranger<'f>(&'f self, (certificate, key): (&'f Path, &'f Path)) -> Credentials<'f> {
        Credentials { own: Some((certificate, key)), ..self.huisarts() }
    }
}

pub(crate) fn measure(figures: &mut Figures) {
    let directory = Directory::make();
    let callers = Callers {
        server_ca: directory.file("server-ca.pem"),
        certificate: directory.file("callers/huisarts-brug.pem"),
        key: directory.file("callers/huisarts-brug.key"),
    };
    let upstream = upstream::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        cold(figures, &directory, &callers, upstream).await;
        audit(figures, &directory, &callers, upstream).await;
        let gateway = process::start_gateway(&directory.0, upstream, "group");
        let nginx = nginx::start(&directory.0, upstream);
        let server = (directory.file("server.pem"), directory.file("server.key"));
        for credentials in [callers.nobody(), callers.stranger((&server.0, &server.1))] {
            let (answer, _) = Client::connect(nginx.address, credentials, 1).await.ask(upstream::READ).await;
            assert_eq!(answer.status, 400, "nginx serves only who shows a certificate of the anchors");
        }
        let mut pair = Pair {
            ours: Client::connect(gateway.address, callers.huisarts(), CONNECTIONS).await,
            theirs: Client::connect(nginx.address, callers.huisarts(), CONNECTIONS).await,
            gateway,
            nginx,
        };
        pair.measure(figures, upstream::READ, ["nginx_2k", "nginx_2k_cpu", "gate_2k_per_s"]).await;
        pair.measure(figures, upstream::SEARCH, ["nginx_10k", "nginx_10k_cpu", "gate_10k_per_s"]).await;
        pair.single(figures).await;
    });
    figures.median("disk_sync_ms", &syncs(&directory.file("sync")));
}

/// The first request to a gateway that remembers nothing and has no connection to its upstream.
async fn cold(figures: &mut Figures, directory: &Directory, callers: &Callers, upstream: SocketAddr) {
    let mut rounds = Vec::new();
    for _ in 0..STARTS {
        let gateway = process::start_gateway(&directory.0, upstream, "group");
        let mut client = Client::connect(gateway.address, callers.huisarts(), 1).await;
        let (answer, took) = client.ask(upstream::SEARCH).await;
        assert_eq!(answer.status, 200, "the caller may see the record");
        rounds.push(ms(took));
    }
    figures.median("exchange_cold_ms", &rounds);
}

/// What is left of the throughput where every exchange waits for a durable record: two gateways that differ in that alone, in
/// turn.
async fn audit(figures: &mut Figures, directory: &Directory, callers: &Callers, upstream: SocketAddr) {
    let on = process::start_gateway(&directory.0, upstream, "group");
    let off = process::start_gateway(&directory.0, upstream, "none");
    let mut with = Client::connect(on.address, callers.huisarts(), AUDITED).await;
    let mut without = Client::connect(off.address, callers.huisarts(), AUDITED).await;
    let expected = with.ask(upstream::READ).await.0;
    assert_eq!((expected.status, without.ask(upstream::READ).await.0), (200, expected), "the same answer");
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let durable = load(&mut with, &on, upstream::READ, expected).await;
        let other = load(&mut without, &off, upstream::READ, expected).await;
        // The first round warms everything up.
        if round > 0 {
            rounds.push(durable.requests / other.requests);
        }
    }
    figures.median("audit_throughput", &rounds);
}

/// Both servers, each with its connections.
struct Pair {
    ours: Client,
    theirs: Client,
    gateway: Process,
    nginx: Process,
}

impl Pair {
    async fn measure(&mut self, figures: &mut Figures, target: &str, names: [&'static str; 3]) {
        let (ours, theirs) = (self.ours.ask(target).await.0, self.theirs.ask(target).await.0);
        assert_eq!((ours.status, theirs.status), (200, 200), "{target}");
        println!("{target}: {} bytes from the gateway, {} from nginx", ours.bytes, theirs.bytes);
        let (mut throughput, mut cpu, mut requests) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let one = load(&mut self.ours, &self.gateway, target, ours).await;
            let other = load(&mut self.theirs, &self.nginx, target, theirs).await;
            // The first round warms everything up.
            if round > 0 {
                throughput.push(one.requests / other.requests);
                cpu.push(one.cpu / other.cpu);
                requests.push(one.requests / ROUND.as_secs_f64());
            }
        }
        let [of_throughput, of_cpu, of_requests] = names;
        figures.median(of_throughput, &throughput);
        figures.median(of_cpu, &cpu);
        figures.median(of_requests, &requests);
    }

    /// One request at a time: what a caller feels.
    async fn single(&mut self, figures: &mut Figures) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..SINGLE {
            ours.push(ms(self.ours.ask(upstream::SEARCH).await.1));
            theirs.push(ms(self.theirs.ask(upstream::SEARCH).await.1));
        }
        figures.median("exchange_warm_ms", &ours);
        figures.median("nginx_warm_ms", &theirs);
    }
}

struct Load {
    requests: f64,
    /// Processor time of the server for each request, in seconds.
    cpu: f64,
}

async fn load(client: &mut Client, server: &Process, target: &str, expected: Answer) -> Load {
    let before = server.cpu();
    let requests = number(client.ask_for(target, ROUND, expected).await);
    Load { requests, cpu: (server.cpu() - before).as_secs_f64() / requests }
}

/// What the disk of the journal takes to make one record durable.
fn syncs(file: &Path) -> Vec<f64> {
    let mut file = OpenOptions::new().append(true).create(true).open(file).expect("a file on the disk of the journal");
    let sync = |_| {
        let start = Instant::now();
        file.write_all(&[b'x'; 700]).and_then(|()| file.sync_data()).expect("the disk writes");
        ms(start.elapsed())
    };
    (0..SINGLE).map(sync).collect()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
