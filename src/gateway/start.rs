//! How a gateway comes to life, and how it ends.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::{HttpRequest, web};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::admin::{Admin, AdminOptions, Check, Checks};
use super::clock::Clock;
use super::config::{self, Config, Mistake};
use super::directory;
use super::door::{Door, DoorOptions, FailedHandshake, OnFailure};
use super::ending::{self, Ending, Stage};
use super::exchange::exchange;
use super::forwarder;
use super::hook::Hooks;
use super::journal::index::{Index, Keeper, Keeping};
use super::live::{Live, Reading};
use super::lookup;
use super::metrics::{Call, Metrics};
use super::portal::Portal;
use super::response;
use super::revocation::{Fetching, LiveTrust, Look, TrustOptions};
use super::state::{Gateway, StartError, Worker};
use super::stop::Stop;
use super::telemetry::{Telemetry, TelemetryOptions};
use super::tls::{LiveTls, TlsOptions, Watch};
use super::upstream::Upstream;
use crate::audit::{Event, EventKind};
use crate::limits;
use crate::query::LookUp;
use crate::refusal::Refusal;

/// How often a source of Consents is asked whether it can be searched, for `/ready`.
const PROBE: Duration = Duration::from_secs(10);

/// A gateway whose addresses are bound.
pub struct Running {
    live: Arc<Live>,
    door: Door,
    admin: Admin,
    portal: Option<SocketAddr>,
    tls: Arc<LiveTls>,
    stop: Stop,
    /// Listened for before anybody is told that the gateway is ready: unheard, the signal would end the process.
    hangup: Signal,
    _watches: Vec<Watch>,
    keeper: Arc<Keeper>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("door", &self.door).field("admin", &self.admin).finish_non_exhaustive()
    }
}

/// Runs a gateway until it is told to stop by SIGTERM or SIGINT; SIGHUP reads the configuration file again and ends
/// what is remembered of Consents.
///
/// # Errors
/// A part that cannot be used.
pub fn run(config: Config, ready: impl FnOnce(&Running)) -> Result<(), StartError> {
    let config::TelemetrySettings { level, otlp } = config.telemetry.clone();
    let telemetry = Telemetry::start(&TelemetryOptions { level, otlp })?;
    let allowed = config.listen.deadline + ending::GRACE;
    let ending = Ending::default();
    let bounded = OnceLock::new();
    let system = actix_rt::System::new();
    let ended = system.block_on(async {
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
    // The process ends now. Dropping the runtime would wait for whoever looks up a name for a probe, as long as that takes.
    std::mem::forget(system);
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
        trust.count_in(&metrics);
        let config::Listen { address, certificate, key, tls_min, deadline, workers, .. } = settings.listen.clone();
        let tls = Arc::new(LiveTls::load(TlsOptions { certificate, key, min: tls_min }, Arc::clone(&trust))?);
        let gateway = Gateway::new(config, trust, clock.clone(), Arc::clone(&metrics))?;
        let live = Arc::new(Live::new(gateway));
        let options = DoorOptions { address, workers, deadline };
        if test {
            tracing::warn!("test certificates are accepted: identity.test is true");
        }
        if settings.durability == config::Durability::None {
            tracing::warn!("no record waits for the disk: audit.durability is none");
        }
        forwarder::check(&settings.audit, &settings.forward)?;
        // A worker that cannot be made is known here; each thread makes its own.
        Worker::new(live.current())?;
        let shared = Arc::clone(&live);
        let worker = move || {
            // Shared by all clones of the handler: the door makes one for each request.
            let (shared, own) = (Arc::clone(&shared), Rc::new(RefCell::new(None)));
            move |request: HttpRequest, payload: web::Payload| {
                let worker = in_force(&shared, &own);
                async move {
                    match worker {
                        Some(worker) => exchange(&worker, request, payload).await,
                        // A file of the credentials went away between the start and now.
                        None => response::refuse(Refusal::Internal, &response::request_id(request.headers())),
                    }
                }
            }
        };
        let (metrics_of_door, told) = (Arc::clone(&metrics), on_failure(&live, None));
        let door = Door::open(&options, Arc::clone(&tls), clock.clone(), metrics_of_door, told, worker);
        let door = door.map_err(failed("bind listen.address"))?;
        let (index, keeper) = kept(&settings)?;
        let mut watches = Vec::new();
        let (door, portal) = match settings.portal {
            Some(portal) => {
                let options =
                    TlsOptions { certificate: portal.certificate.clone(), key: portal.key.clone(), min: tls_min };
                let tls = Arc::new(LiveTls::load(options, Arc::new(trust_of(&portal, &settings.identity)?))?);
                let options = DoorOptions { address: portal.address, workers, deadline };
                let portal = Arc::new(Portal::new(Arc::clone(&live), Arc::clone(tls.trust()), portal, index));
                let worker = move || {
                    let portal = Arc::clone(&portal);
                    move |request: HttpRequest, payload: web::Payload| {
                        let portal = Arc::clone(&portal);
                        async move { portal.answer(request, payload).await }
                    }
                };
                let told = on_failure(&live, Some("portal"));
                let opened = door.beside(&options, Arc::clone(&tls), clock, Arc::clone(&metrics), told, worker);
                let (door, address) = opened.map_err(failed("bind portal.address"))?;
                let watch = Watch::start(tls, None, Watch::EVERY, on_trust(&live, Some("portal")));
                watches.push(watch.map_err(failed("start a thread that watches certificates"))?);
                (door, Some(address))
            }
            None => (door, None),
        };
        let admin = Admin::open(AdminOptions { address: settings.admin.address, allow: settings.admin.allow })?;
        let watch = Watch::start(Arc::clone(&tls), Some(metrics), Watch::EVERY, on_trust(&live, None));
        watches.push(watch.map_err(failed("start a thread that watches certificates"))?);
        let hangup = signal(SignalKind::hangup()).map_err(failed("listen for SIGHUP"))?;
        Ok(Self { live, door, admin, portal, tls, stop: Stop::new(), hangup, _watches: watches, keeper })
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

    /// Returns where patient portals come in, if they do.
    #[must_use]
    pub fn portal(&self) -> Option<SocketAddr> {
        self.portal
    }

    /// Serves until it is told to stop, and finishes what runs.
    ///
    /// # Errors
    /// A listener that fails.
    async fn serve(self, ending: &Ending) -> Result<(), StartError> {
        let Self { live, door, admin, portal: _, tls, stop, hangup, _watches, keeper } = self;
        let gateway = live.current();
        let (holder, base) = (gateway.config.holder.ura.as_str(), &gateway.config.listen.public_base);
        let begun = Event::new(EventKind::Start).at(holder, base).with("version", env!("CARGO_PKG_VERSION"));
        gateway.journal.event(begun);
        let sources = Arc::new(Sources::default());
        live.fetch()?;
        live.forward()?;
        let asking = actix_rt::spawn(ask_sources(Arc::clone(&live), Arc::clone(&sources)));
        let reading = actix_rt::spawn(read_on_hangup(Arc::clone(&live), hangup));
        let metrics = Arc::clone(&gateway.metrics);
        // A server of actix that was told to stop ends every thread of the process when it is done, so operators are served
        // until the last answer to a caller is out.
        let out = Stop::new();
        let looked_after =
            actix_rt::spawn(admin.serve(metrics, checks(&live, &keeper, tls, sources), hooks(&live), out.asked()));
        let served = door.serve(stop.asked()).await.map_err(failed("serve"));
        ending.waits_for(Stage::AdminListener);
        out.now();
        live.rest();
        asking.abort();
        reading.abort();
        if looked_after.await.is_err() {
            tracing::error!("the admin listener fell over");
        }
        gateway.journal.event(Event::new(EventKind::Stop));
        drop(keeper);
        // It waits for the disk; nothing else runs any more.
        ending.waits_for(Stage::Journal);
        gateway.journal.stop();
        ending.waits_for(Stage::Forwarders);
        live.stop_forwarding();
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

async fn ask_sources(live: Arc<Live>, sources: Arc<Sources>) {
    loop {
        let faults = probe(&live.current().config).await;
        for Unasked { key, fault, .. } in &faults {
            tracing::warn!(key, fault, "a server that decisions rest on cannot be asked");
        }
        sources.asked(&faults);
        tokio::time::sleep(PROBE).await;
    }
}

/// Returns the worker of this thread, made anew where another gateway is in force.
fn in_force(live: &Live, own: &RefCell<Option<Rc<Worker>>>) -> Option<Rc<Worker>> {
    let mut own = own.borrow_mut();
    if own.as_ref().is_none_or(|worker| !live.is_current(&worker.gateway)) {
        *own = Worker::new(live.current()).map(Rc::new).ok();
    }
    own.clone()
}

async fn read_on_hangup(live: Arc<Live>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        // It waits for the disk, and compiles.
        let read = Arc::clone(&live);
        let reading = tokio::task::spawn_blocking(move || {
            let reading = read.read_again();
            // What stopped because of its target is tried again, whatever the file says.
            if let Err(error) = read.forward() {
                tracing::error!(%error, "the record cannot be sent on");
            }
            reading
        })
        .await;
        if matches!(reading, Ok(Reading::Renewed)) && live.fetch().is_err() {
            tracing::error!("CRLs, or keys of issuers of statements, cannot be fetched");
        }
    }
}

fn hooks(live: &Arc<Live>) -> Option<Hooks> {
    let gateway = live.current();
    let config = &gateway.config;
    let secret = config.consent.hook.as_ref()?.secret.clone();
    let names = config.announcing().map(|upstream| upstream.name.clone()).collect();
    let live = Arc::clone(live);
    Some(Hooks { names, secret, notice: Arc::new(move || live.current().forget()) })
}

fn checks(live: &Arc<Live>, keeper: &Arc<Keeper>, tls: Arc<LiveTls>, sources: Arc<Sources>) -> Checks {
    // The keeper ends with the gateway, whoever still asks.
    let (live, keeper) = (Arc::clone(live), Arc::downgrade(keeper));
    Arc::new(move || {
        let gateway = live.current();
        let broken = gateway.journal.is_broken();
        gateway.metrics.journal_broken(broken);
        gateway.metrics.index_behind(keeper.upgrade().is_none_or(|keeper| keeper.state() != Keeping::Whole));
        let journal = if broken { Check::failing("journal", "broken") } else { Check::passing("journal") };
        let mut checks = vec![journal, live.check(), tls.check()];
        checks.extend(sources.checks(&gateway.config));
        let now = gateway.clock.now();
        checks.extend(gateway.trust.checks(now));
        checks.extend(gateway.statements.checks(now));
        checks
    })
}

/// Begins to keep the index of the journal.
fn kept(config: &Config) -> Result<(Index, Arc<Keeper>), StartError> {
    let keeper = Keeper::start(Index::of(&config.audit, &config.keys)?, Keeper::EVERY);
    let keeper = keeper.map_err(failed("start a thread that keeps the index"))?;
    Ok((Index::of(&config.audit, &config.keys)?, Arc::new(keeper)))
}

/// Reads what certificates of portals are judged by.
fn trust_of(portal: &config::PortalSettings, identity: &config::IdentitySettings) -> Result<LiveTrust, StartError> {
    if portal.crl.is_none() {
        tracing::warn!("certificates of portals are not checked for revocation: portal.revocation is off");
    }
    let (trust, crl) = (portal.trust.clone(), portal.crl.clone());
    let register = Arc::clone(&identity.register);
    let loaded = LiveTrust::load(TrustOptions { trust, intermediates: None, crl, seen: None, ocsp: None, register });
    Ok(loaded.map_err(super::tls::TlsError::from)?)
}

/// Adds which listener an event is of, where it is not the one of callers.
fn at(event: Event, listener: Option<&'static str>) -> Event {
    match listener {
        Some(listener) => event.with("listener", listener),
        None => event,
    }
}

fn on_failure(live: &Live, listener: Option<&'static str>) -> OnFailure {
    // It stays, whatever gateway is in force.
    let journal = Arc::clone(&live.current().journal);
    Arc::new(move |failed: &FailedHandshake| {
        let event = Event::new(EventKind::HandshakeFailed).from_address(failed.address);
        journal.event(at(event.because([failed.failure.code()]), listener));
    })
}

fn on_trust(live: &Live, listener: Option<&'static str>) -> Arc<dyn Fn(Look) + Send + Sync> {
    let journal = Arc::clone(&live.current().journal);
    Arc::new(move |look| {
        let state = match look {
            Look::Same => return,
            Look::Renewed => "renewed",
            Look::Broken => "broken",
        };
        journal.event(at(Event::new(EventKind::Trust).with("state", state), listener));
    })
}
