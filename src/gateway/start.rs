//! How a gateway comes to life, and how it ends.

use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::{HttpRequest, web};
use tokio::signal::unix::{SignalKind, signal};

use super::admin::{Admin, AdminOptions, Check, Checks};
use super::clock::Clock;
use super::config::{self, Config, Mistake};
use super::directory;
use super::door::{Door, DoorOptions, FailedHandshake, OnFailure};
use super::ending::{self, Ending, Stage};
use super::exchange::exchange;
use super::hook::Hooks;
use super::lookup;
use super::metrics::{Call, Metrics};
use super::response;
use super::revocation::{Fetching, LiveTrust, Look, TrustOptions};
use super::state::{Gateway, StartError, Worker};
use super::stop::Stop;
use super::telemetry::{Telemetry, TelemetryOptions};
use super::tls::{LiveTls, TlsOptions, Watch};
use super::upstream::{AccessError, Upstream};
use crate::audit::{Event, EventKind};
use crate::limits;
use crate::query::LookUp;
use crate::refusal::Refusal;

/// How often a source of Consents is asked whether it can be searched, for `/ready`.
const PROBE: Duration = Duration::from_secs(10);

/// A gateway whose addresses are bound.
pub struct Running {
    gateway: Arc<Gateway>,
    door: Door,
    admin: Admin,
    tls: Arc<LiveTls>,
    stop: Stop,
    _watch: Watch,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("door", &self.door).field("admin", &self.admin).finish_non_exhaustive()
    }
}

/// Runs a gateway until it is told to stop by SIGTERM or SIGINT; SIGHUP ends what is remembered of Consents.
///
/// # Errors
/// A part that cannot be used.
pub fn run(config: Config, ready: impl FnOnce(&Running)) -> Result<(), StartError> {
    let config::TelemetrySettings { level, otlp } = config.telemetry.clone();
    let telemetry = Telemetry::start(&TelemetryOptions { level, otlp })?;
    let allowed = config.listen.deadline + ending::GRACE;
    let ending = Ending::default();
    let bounded = OnceLock::new();
    let ended = actix_rt::System::new().block_on(async {
        let running = Running::new(config, Clock::system())?;
        running.stop.on_signals().map_err(failed("listen for signals"))?;
        ready(&running);
        let asked = running.stop.asked();
        let watched = async {
            asked.await;
            bounded.set(ending.within(allowed)).unwrap_or_default();
            std::future::pending().await
        };
        tokio::select! {
            biased;
            never = watched => never,
            served = running.serve(&ending) => served,
        }
    });
    telemetry.stop();
    ended
}

/// Why a gateway of the same process did not start.
#[derive(Debug, thiserror::Error)]
pub enum InProcessError {
    /// The configuration has mistakes; the first is named.
    #[error("{0}")]
    Config(Mistake),
    /// A part cannot be used.
    #[error("{0}")]
    Start(#[from] StartError),
}

/// A gateway in this process; it stops when this is dropped.
#[derive(Debug)]
pub struct InProcess {
    stop: Stop,
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.stop.now();
    }
}

/// Starts a gateway in this process from a configuration file.
///
/// # Errors
/// The configuration has mistakes, or a part cannot be used.
pub async fn in_process(file: &Path) -> Result<InProcess, InProcessError> {
    let config = config::load(file).map_err(|mistakes| {
        let nameless =
            || Mistake { file: file.display().to_string(), key: String::new(), expected: "a configuration".to_owned() };
        InProcessError::Config(mistakes.into_iter().next().unwrap_or_else(nameless))
    })?;
    let running = Running::new(config, Clock::system())?;
    let stop = running.stop.clone();
    actix_rt::spawn(async move {
        if let Err(error) = running.serve(&Ending::default()).await {
            tracing::error!(%error, "the gateway ended");
        }
    });
    Ok(InProcess { stop })
}

/// A server that decisions rest on and that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The key that names it.
    pub key: &'static str,
    /// Its base URL.
    pub base: String,
    /// Why.
    pub fault: String,
}

const SOURCES: &str = "consent.sources";
const DIRECTORY: &str = "directory.url";

/// Asks every source of Consents for those of a patient who is not there, and the directory for an organisation that is not,
/// and returns which could not answer.
pub async fn probe(config: &Config) -> Vec<Unasked> {
    // What a probe asks is no traffic of callers: it counts for itself.
    let metrics = Arc::new(Metrics::new(&[]));
    let consents = config.consent.sources.iter().map(|source| (SOURCES, &source.base, &source.access));
    let directory = config.directory.server.iter().map(|server| (DIRECTORY, &server.base, &server.access));
    let mut faults = Vec::new();
    for (key, base, access) in consents.chain(directory) {
        let lookup = if key == SOURCES { LookUp::nobodys_consents() } else { Some(directory::nobodys_organisation()) };
        let Some(lookup) = lookup else { continue };
        let asked = match Upstream::new(base, access, Arc::clone(&metrics)) {
            Ok(upstream) => can_search(&upstream, base, lookup).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(fault) = asked {
            faults.push(Unasked { key, base: base.clone(), fault });
        }
    }
    faults
}

async fn can_search(upstream: &Upstream, base: &str, lookup: LookUp) -> Result<(), String> {
    lookup::search(upstream, Call::Consent, &[base.to_owned()], lookup, limits::CONSENTS, |_| {})
        .await
        .map_err(|error| error.to_string())
}

fn failed(doing: &'static str) -> impl FnOnce(std::io::Error) -> StartError {
    move |cause| StartError::System { doing, cause }
}

impl Running {
    /// Puts a gateway together and binds its addresses.
    ///
    /// # Errors
    /// A part that cannot be used.
    pub fn new(config: Config, clock: Clock) -> Result<Self, StartError> {
        let settings = config.clone();
        let names: Vec<&str> = settings.upstream.exchanges.iter().map(String::as_str).collect();
        let metrics = Arc::new(Metrics::new(&names));
        let test = settings.identity.test;
        if let Some(fetch) = &settings.identity.fetch {
            Fetching::prepare(fetch).map_err(failed("make the directory identity.crl"))?;
        }
        let trust =
            Arc::new(LiveTrust::load(TrustOptions::of(&settings.identity)).map_err(super::tls::TlsError::from)?);
        let config::Listen { address, certificate, key, tls_min, deadline, workers, .. } = settings.listen;
        let tls = Arc::new(LiveTls::load(TlsOptions { certificate, key, min: tls_min }, Arc::clone(&trust))?);
        let gateway = Arc::new(Gateway::new(config, trust, clock.clone(), Arc::clone(&metrics))?);
        let options = DoorOptions { address, workers, deadline };
        if test {
            tracing::warn!("test certificates are accepted: identity.test is true");
        }
        // A worker that cannot be made is known here; each thread makes its own.
        Worker::new(Arc::clone(&gateway))?;
        let shared = Arc::clone(&gateway);
        let worker = move || {
            let worker = Worker::new(Arc::clone(&shared)).map(Rc::new).ok();
            move |request: HttpRequest, payload: web::Payload| {
                let worker = worker.clone();
                async move {
                    match worker {
                        Some(worker) => exchange(&worker, request, payload).await,
                        // A file of the credentials went away between the start and now.
                        None => response::refuse(Refusal::Internal, &response::request_id(request.headers())),
                    }
                }
            }
        };
        let (metrics_of_door, told) = (Arc::clone(&metrics), on_failure(&gateway));
        let door = Door::open(&options, Arc::clone(&tls), clock, metrics_of_door, told, worker);
        let door = door.map_err(failed("bind listen.address"))?;
        let admin = Admin::open(AdminOptions { address: settings.admin.address, allow: settings.admin.allow })?;
        let watch = Watch::start(Arc::clone(&tls), metrics, Watch::EVERY, on_trust(&gateway));
        let watch = watch.map_err(failed("start a thread that watches certificates"))?;
        Ok(Self { gateway, door, admin, tls, stop: Stop::new(), _watch: watch })
    }

    /// Returns where callers come in.
    #[must_use]
    pub fn listening(&self) -> SocketAddr {
        self.door.address()
    }

    /// Returns where operators look.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.address()
    }

    /// Serves until it is told to stop, and finishes what runs.
    ///
    /// # Errors
    /// A listener that fails.
    async fn serve(self, ending: &Ending) -> Result<(), StartError> {
        let Self { gateway, door, admin, tls, stop, _watch } = self;
        gateway.journal.event(Event::new(EventKind::Start).with("version", env!("CARGO_PKG_VERSION")));
        let sources = Arc::new(Sources::default());
        let fetching = fetching(&gateway)?;
        let asking = actix_rt::spawn(ask_sources(Arc::clone(&gateway), Arc::clone(&sources)));
        let forgetting = actix_rt::spawn(forget_on_hangup(Arc::clone(&gateway)));
        let metrics = Arc::clone(&gateway.metrics);
        // A server of actix that was told to stop ends every thread of the process when it is done, so operators are served
        // until the last answer to a caller is out.
        let out = Stop::new();
        let looked_after =
            actix_rt::spawn(admin.serve(metrics, checks(&gateway, tls, sources), hooks(&gateway), out.asked()));
        let served = door.serve(stop.asked()).await.map_err(failed("serve"));
        ending.waits_for(Stage::AdminListener);
        out.now();
        drop(fetching);
        asking.abort();
        forgetting.abort();
        if looked_after.await.is_err() {
            tracing::error!("the admin listener fell over");
        }
        gateway.journal.event(Event::new(EventKind::Stop));
        // It waits for the disk; nothing else runs any more.
        ending.waits_for(Stage::Journal);
        gateway.journal.stop();
        ending.waits_for(Stage::Rest);
        served
    }
}

/// Whether the servers that decisions rest on could be asked when they were asked last.
#[derive(Debug, Default)]
struct Sources {
    consents: AtomicBool,
    directory: AtomicBool,
}

impl Sources {
    fn checks(&self, config: &Config) -> impl Iterator<Item = Check> {
        let check = |name, could: &AtomicBool| {
            if could.load(Ordering::Acquire) { Check::passing(name) } else { Check::failing(name, "unavailable") }
        };
        let consents = check("consent-sources", &self.consents);
        let directory = config.directory.server.as_ref().map(|_| check("directory", &self.directory));
        std::iter::once(consents).chain(directory)
    }

    fn asked(&self, faults: &[Unasked]) {
        for (key, could) in [(SOURCES, &self.consents), (DIRECTORY, &self.directory)] {
            could.store(!faults.iter().any(|fault| fault.key == key), Ordering::Release);
        }
    }
}

async fn ask_sources(gateway: Arc<Gateway>, sources: Arc<Sources>) {
    loop {
        let faults = probe(&gateway.config).await;
        for Unasked { key, fault, .. } in &faults {
            tracing::warn!(key, fault, "a server that decisions rest on cannot be asked");
        }
        sources.asked(&faults);
        tokio::time::sleep(PROBE).await;
    }
}

fn fetching(gateway: &Gateway) -> Result<Option<Fetching>, StartError> {
    let Some(options) = &gateway.config.identity.fetch else { return Ok(None) };
    let fetching = Fetching::start(options, &gateway.trust, &gateway.clock, &gateway.metrics);
    fetching.map(Some).map_err(|_| AccessError::Client.into())
}

async fn forget_on_hangup(gateway: Arc<Gateway>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        tracing::error!("SIGHUP cannot be listened for");
        return;
    };
    while hangup.recv().await.is_some() {
        tracing::info!("what was remembered of Consents is forgotten");
        gateway.forget();
    }
}

fn hooks(gateway: &Arc<Gateway>) -> Option<Hooks> {
    let config = &gateway.config;
    let secret = config.consent.hook.as_ref()?.secret.clone();
    let names = config.announcing().map(|upstream| upstream.name.clone()).collect();
    let gateway = Arc::clone(gateway);
    Some(Hooks { names, secret, notice: Arc::new(move || gateway.forget()) })
}

fn checks(gateway: &Arc<Gateway>, tls: Arc<LiveTls>, sources: Arc<Sources>) -> Checks {
    let gateway = Arc::clone(gateway);
    Arc::new(move || {
        let broken = gateway.journal.is_broken();
        gateway.metrics.journal_broken(broken);
        let journal = if broken { Check::failing("journal", "broken") } else { Check::passing("journal") };
        let mut checks = vec![journal, tls.check()];
        checks.extend(sources.checks(&gateway.config));
        checks.extend(gateway.trust.checks(gateway.clock.now()));
        checks
    })
}

fn on_failure(gateway: &Arc<Gateway>) -> OnFailure {
    let gateway = Arc::clone(gateway);
    Arc::new(move |failed: &FailedHandshake| {
        let event = Event::new(EventKind::HandshakeFailed).from_address(failed.address);
        gateway.journal.event(event.because([failed.failure.code()]));
    })
}

fn on_trust(gateway: &Arc<Gateway>) -> Arc<dyn Fn(Look) + Send + Sync> {
    let gateway = Arc::clone(gateway);
    Arc::new(move |look| {
        let state = match look {
            Look::Same => return,
            Look::Renewed => "renewed",
            Look::Broken => "broken",
        };
        gateway.journal.event(Event::new(EventKind::Trust).with("state", state));
    })
}
