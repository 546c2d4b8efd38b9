//! A world: the demo's records on a scripted upstream, a test PKI, and the real gateway process in front of them.
//!
//! Everything is on loopback, on free ports, in a directory of its own that goes with the world.

pub(crate) mod ask;
pub(crate) mod journal;
#[cfg(feature = "nats")]
pub(crate) mod nats;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod records;
pub(crate) mod stories;
pub(crate) mod target;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sluis::cli::demo::fhir_server::{FhirServer, Seen};
use sluis::cli::demo::record::RECORDS;
use sluis::cli::demo::stage::{self, Addresses};
use sluis::gateway::clock::Clock;

use process::Process;

/// The base in every link, whatever port the gateway is on, so that the answers of two worlds can be compared.
pub(crate) const PUBLIC_BASE: &str = "https://sluis.test/fhir";

static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// Keys are made once for all worlds: who comes while they are made waits for them.
static KEYS: Mutex<()> = Mutex::new(());

/// A world whose gateway does not run yet.
pub(crate) struct Plan {
    dir: PathBuf,
    server: FhirServer,
    configuration: toml::Table,
    /// Bytes a file may grow to in the gateway process: a disk that is full after them.
    file_bytes: Option<u64>,
}

impl Plan {
    /// The demo's records and configuration, on port 0.
    pub(crate) fn of_demo() -> Self {
        let plan = Self::of_nobody();
        for (_, text) in RECORDS {
            plan.server.load(text).unwrap();
        }
        plan
    }

    /// Nobody's records.
    pub(crate) fn of_nobody() -> Self {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("sluis-it-{}-{number}", std::process::id()));
        let server = FhirServer::start().unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let addresses = Addresses { gateway: any, admin: any, upstream: server.base().to_owned() };
        {
            let _one_at_a_time = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
            stage::write(&dir, Clock::system().now(), addresses).unwrap();
        }
        let configuration = toml::from_str(&std::fs::read_to_string(dir.join("sluis.toml")).unwrap()).unwrap();
        let plan = Self { dir, server, configuration, file_bytes: None };
        plan.set("listen.public_base", PUBLIC_BASE)
    }

    /// Sets a key of the configuration, `listen.deadline`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        let (section, name) = key.split_once('.').unwrap();
        let section = self.configuration.entry(section).or_insert_with(|| toml::Table::new().into());
        section.as_table_mut().unwrap().insert(name.to_owned(), value.into());
        self
    }

    /// Puts the gateway in front of another server than its own.
    pub(crate) fn in_front_of(mut self, base: &str) -> Self {
        self.configuration["upstream"][0]["base"] = base.into();
        self
    }

    /// Lets no file of the gateway grow beyond so many bytes, as a full disk would.
    pub(crate) fn with_disk_of(mut self, bytes: u64) -> Self {
        self.file_bytes = Some(bytes);
        self
    }

    /// Gives the gateway keys that others of the same kind have: what is made with them is the same in twin worlds.
    pub(crate) fn with_known_keys(self) -> Self {
        let directory = self.dir.join("keys");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("page-0001.key"), [7; 32]).unwrap();
        self
    }

    pub(crate) fn server(&self) -> &FhirServer {
        &self.server
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes the configuration and returns its path.
    pub(crate) fn write(&self) -> PathBuf {
        let path = self.dir.join("sluis.toml");
        std::fs::write(&path, toml::to_string(&self.configuration).unwrap()).unwrap();
        path
    }

    /// Starts the gateway and waits until it is ready.
    pub(crate) fn open(self) -> World {
        let gateway = Process::serve(&self.write(), &self.dir, self.file_bytes);
        World { plan: self, gateway }
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans the temporary directory.
        std::fs::remove_dir_all(&self.dir).unwrap_or_default();
    }
}

/// A world whose gateway runs.
pub(crate) struct World {
    // In the order in which they end: the gateway before its upstream and its directory.
    gateway: Process,
    plan: Plan,
}

impl World {
    /// The demo's world as it is.
    pub(crate) fn of_demo() -> Self {
        Plan::of_demo().open()
    }

    pub(crate) fn server(&self) -> &FhirServer {
        &self.plan.server
    }

    /// What the upstream was asked on behalf of a caller: the gateway itself asks whether Consents can be searched.
    pub(crate) fn asked(&self) -> Vec<Seen> {
        let mut seen = self.plan.server.seen();
        seen.retain(|seen| !seen.target.contains("sluis-check"));
        seen
    }

    /// Waits until the upstream was asked for what begins so.
    pub(crate) async fn until_asked(&self, prefix: &str) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.plan.server.seen().iter().any(|seen| seen.target.starts_with(prefix)) {
            assert!(Instant::now() < until, "nobody asked for {prefix}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the upstream for good.
    pub(crate) fn stop_server(&mut self) {
        self.plan.server.stop();
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.plan.dir
    }

    pub(crate) fn gateway(&mut self) -> &mut Process {
        &mut self.gateway
    }

    pub(crate) fn port(&self) -> u16 {
        self.gateway.port()
    }

    /// The line that the gateway wrote when it was ready.
    pub(crate) fn ready(&self) -> &serde_json::Value {
        self.gateway.ready()
    }

    pub(crate) fn admin(&self) -> &str {
        self.gateway.admin()
    }

    /// What the gateway wrote to stderr so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.plan.dir.join("gateway.log")).unwrap_or_default()
    }

    /// Starts a gateway on the same directory; the one before must have ended.
    pub(crate) fn start_again(&mut self) {
        self.gateway.assert_ended();
        self.gateway = Process::serve(&self.plan.dir.join("sluis.toml"), &self.plan.dir, None);
    }
}
