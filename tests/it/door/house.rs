//! A door on loopback with a test PKI on disk, and callers that knock.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode, SslVersion};
use sluis::cli::demo::pki::{Ca, Issued, Pki};
use sluis::gateway::clock::{Clock, Hand};
use sluis::gateway::door::{Door, DoorOptions, FailedHandshake, Peer};
use sluis::gateway::metrics::Metrics;
use sluis::gateway::revocation::{LiveTrust, OcspOptions, TrustOptions};
use sluis::gateway::stop::Stop;
use sluis::gateway::tls::{LiveTls, TlsOptions, TlsVersion, Watch};
use sluis::identity::{Register, Strictness};
use time::OffsetDateTime;

/// Long enough for a slow machine; nothing waits for it to pass.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The moment of the PKI: that of the machine, since OpenSSL judges by its own clock.
pub(super) fn now() -> OffsetDateTime {
    Clock::system().now()
}

/// A directory that goes away with its owner.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sluis-door-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// What differs from a door as usual.
pub(super) struct Plan {
    pub(super) min: TlsVersion,
    pub(super) revocation: bool,
    /// Who is asked where there is no CRL.
    pub(super) ocsp: Option<OcspOptions>,
    /// File below the directory in which is kept which CRLs were seen.
    pub(super) seen: Option<&'static str>,
    /// How long the handler takes.
    pub(super) slowness: Duration,
    /// How long a request may take.
    pub(super) deadline: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            min: TlsVersion::Tls12,
            revocation: true,
            seen: None,
            ocsp: None,
            slowness: Duration::ZERO,
            deadline: Duration::from_secs(5),
        }
    }
}

/// A door that is served by a thread of its own. Its handler answers with the URA of the caller, or 401 with the reasons.
pub(super) struct House {
    pub(super) pki: Pki,
    pub(super) directory: Directory,
    pub(super) tls: Arc<LiveTls>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) hand: Hand,
    address: SocketAddr,
    failures: mpsc::Receiver<FailedHandshake>,
    stop: Stop,
    server: Option<JoinHandle<io::Result<()>>>,
    _watch: Watch,
}

impl House {
    pub(super) fn open(pki: Pki) -> Self {
        Self::planned(pki, &Plan::default())
    }

    pub(super) fn planned(pki: Pki, plan: &Plan) -> Self {
        let directory = Directory::new();
        pki.write(directory.path()).unwrap();
        let register = Arc::new(Register::new(Strictness::Test));
        let crl = plan.revocation.then(|| directory.path().join("crl"));
        let trust = Arc::new(
            LiveTrust::load(TrustOptions {
                trust: directory.path().join("trust"),
                intermediates: None,
                ocsp: plan.ocsp.clone(),
                seen: plan.seen.map(|name| directory.path().join(name)),
                crl,
                register,
            })
            .unwrap(),
        );
        let certificate = directory.path().join("server.pem");
        let options = TlsOptions { certificate, key: directory.path().join("server.key"), min: plan.min };
        let metrics = Arc::new(Metrics::new(&["ips"]));
        trust.count_in(&metrics);
        let tls = Arc::new(LiveTls::load(options, trust).unwrap());
        let watch =
            Watch::start(Arc::clone(&tls), Some(Arc::clone(&metrics)), Duration::from_millis(20), Arc::new(|_| ()))
                .unwrap();
        let (tell, failures) = mpsc::channel();
        let tell = Mutex::new(tell);
        let (clock, hand) = Clock::by_hand(now());
        let (trusting, slowness) = (Arc::clone(&tls), plan.slowness);
        let timing = clock.clone();
        let door = Door::open(
            &DoorOptions { address: "127.0.0.1:0".parse().unwrap(), workers: 1, deadline: plan.deadline },
            Arc::clone(&tls),
            clock,
            Arc::clone(&metrics),
            Arc::new(move |failed| tell.lock().unwrap().send(failed.clone()).unwrap_or_default()),
            move || {
                let (tls, clock) = (Arc::clone(&trusting), timing.clone());
                move |request: HttpRequest, payload: web::Payload| {
                    answer(request, payload, Arc::clone(&tls), clock.clone(), slowness)
                }
            },
        )
        .unwrap();
        let address = door.address();
        let stop = Stop::new();
        let asked = stop.asked();
        let server = std::thread::spawn(move || actix_web::rt::System::new().block_on(door.serve(asked)));
        Self { pki, directory, tls, metrics, hand, address, failures, stop, server: Some(server), _watch: watch }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A caller as usual: this certificate, whatever version is common.
    pub(super) fn call(&self, caller: &Issued) -> io::Result<Call> {
        self.knock(Some(caller), None)
    }

    /// Who can call from another thread, with this certificate.
    pub(super) fn caller(&self, caller: &Issued) -> Caller {
        Caller { connector: self.connector(Some(caller), None), address: self.address }
    }

    pub(super) fn knock(&self, caller: Option<&Issued>, version: Option<SslVersion>) -> io::Result<Call> {
        Caller { connector: self.connector(caller, version), address: self.address }.call()
    }

    fn connector(&self, caller: Option<&Issued>, version: Option<SslVersion>) -> SslConnector {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_ca_file(self.file("server-ca.pem")).unwrap();
        builder.set_verify(SslVerifyMode::PEER);
        builder.set_min_proto_version(version).unwrap();
        builder.set_max_proto_version(version).unwrap();
        if let Some(caller) = caller {
            builder.set_certificate(caller.certificate()).unwrap();
            builder.set_private_key(caller.key()).unwrap();
            for certificate in caller.chain() {
                builder.add_extra_chain_cert(certificate.clone()).unwrap();
            }
        }
        builder.build()
    }

    /// Returns the code of the next handshake that failed.
    pub(super) fn failure(&self) -> &'static str {
        let failed = self.failures.recv_timeout(PATIENCE).expect("a handshake that failed");
        assert!(failed.address.ip().is_loopback());
        failed.failure.code()
    }

    /// Waits until the files as they are now are in force.
    pub(super) fn settle(&self, holds: impl Fn(&LiveTls) -> bool) {
        let started = Instant::now();
        while !holds(&self.tls) {
            assert!(started.elapsed() < PATIENCE, "the files were not read again");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes the CRLs anew and waits until they are in force.
    pub(super) fn publish(&self) {
        let before = self.tls.trust().current().number();
        self.pki.write_crls(&self.file("crl")).unwrap();
        self.settle(|tls| tls.trust().current().number() > before);
        // Several files are replaced one after the other: the last of them must be in as well.
        self.tls.look();
    }

    /// Writes the CRL of one CA anew and looks at once, without waiting for the watch.
    pub(super) fn publish_now(&self, ca: Ca) {
        let before = self.tls.trust().current().number();
        self.pki.write_crl(ca, &self.file("crl")).unwrap();
        self.settle(|tls| {
            tls.look();
            tls.trust().current().number() > before
        });
    }

    /// Tells the door to stop; returns when it did.
    pub(super) fn close(&mut self) -> Duration {
        let started = Instant::now();
        self.stop.now();
        if let Some(server) = self.server.take() {
            server.join().unwrap().unwrap();
        }
        started.elapsed()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.now();
    }
}

/// More than all buffers between two ends of a connection hold.
pub(super) const LARGE: usize = 32 * 1024 * 1024;

/// Answers with method, path and URA: who got through. Its body can be awaited as long as the plan says.
async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    tls: Arc<LiveTls>,
    clock: Clock,
    slowness: Duration,
) -> HttpResponse {
    drop(payload);
    tokio::time::sleep(slowness).await;
    let Some(peer) = request.conn_data::<Peer>() else { return HttpResponse::InternalServerError().finish() };
    match peer.admit(clock.now(), tls.trust()).await {
        Ok(_) if request.path() == "/large" => HttpResponse::Ok().body("x".repeat(LARGE)),
        Ok(caller) => {
            let version = request.version();
            HttpResponse::Ok().body(format!(
                "{version:?} {} {} {}",
                request.method(),
                request.uri(),
                caller.ura().as_str()
            ))
        }
        Err(refused) => {
            let codes: Vec<&str> = refused.reasons().iter().map(|reason| reason.code()).collect();
            HttpResponse::Unauthorized().force_close().body(codes.join(" "))
        }
    }
}

/// Somebody who can call.
pub(super) struct Caller {
    connector: SslConnector,
    address: SocketAddr,
}

impl Caller {
    pub(super) fn call(&self) -> io::Result<Call> {
        let ssl = self.connector.configure().unwrap().into_ssl("localhost").unwrap();
        let tcp = TcpStream::connect(self.address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let mut stream = SslStream::new(ssl, tcp)?;
        stream.connect().map_err(io::Error::other)?;
        Ok(Call(stream))
    }
}

/// An HTTP/1.1 connection of a caller.
pub(super) struct Call(SslStream<TcpStream>);

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

impl Call {
    pub(super) fn tls(&self) -> &'static str {
        self.0.ssl().version_str()
    }

    /// The DER of the gateway's certificate.
    pub(super) fn certificate(&self) -> Vec<u8> {
        self.0.ssl().peer_certificate().unwrap().to_der().unwrap()
    }

    /// Asks for a path and returns status and body.
    pub(super) fn get(&mut self, path: &str) -> io::Result<(u16, String)> {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())?;
        let (head, body) = self.answer()?;
        Ok((status(&head), body))
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    /// Reads one answer with a length; head and body.
    pub(super) fn answer(&mut self) -> io::Result<(String, String)> {
        let mut bytes = Vec::new();
        let mut byte = [0; 1];
        while !bytes.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte)?;
            bytes.extend_from_slice(&byte);
        }
        let head = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body)?;
        Ok((head, String::from_utf8(body).unwrap()))
    }

    /// Reads until the door closes; the rest of what it sent.
    pub(super) fn end(&mut self) -> String {
        let mut rest = Vec::new();
        // A connection that ends without close_notify has ended all the same.
        self.0.read_to_end(&mut rest).unwrap_or_default();
        String::from_utf8_lossy(&rest).into_owned()
    }
}

pub(super) fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}
