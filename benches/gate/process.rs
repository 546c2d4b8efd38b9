//! Processes under measurement: the gateway, and what Linux tells about a process.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn new(child: Child, address: SocketAddr) -> Self {
        Self { child, address }
    }

    /// Returns the time that it had on a processor.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the process runs");
        // Behind the name, which may hold anything: state is the first field, user and system time the 12th and 13th.
        let (_, fields) = stat.rsplit_once(") ").expect("the form of proc(5)");
        let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number"));
        Duration::from_millis(ticks.sum::<u64>() * MS_PER_TICK)
    }
}

/// Linux counts in hundredths of a second here, whatever the clock of the kernel.
const MS_PER_TICK: u64 = 10;

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself is what is wanted too.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// The gateway as it was built with this measurement.
const SLUIS: &str = env!("CARGO_BIN_EXE_sluis");

/// Writes the demo's PKI into `directory`.
pub(crate) fn write_pki(directory: &Path) {
    let written = Command::new(SLUIS).args(["demo", "--write", "--dir"]).arg(directory).stdout(Stdio::null()).status();
    assert!(written.is_ok_and(|status| status.success()), "sluis demo --write");
}

/// Starts a gateway with one worker before `upstream`, with a journal of its own for each `durability`.
pub(crate) fn start_gateway(directory: &Path, upstream: SocketAddr, durability: &str) -> Process {
    let mut config = String::new();
    write!(
        config,
        r#"
[holder]
ura = "00000002"
[listen]
address = "127.0.0.1:0"
certificate = "server.pem"
key = "server.key"
public_base = "https://localhost:8443/fhir"
workers = 1
[identity]
trust = "trust/"
crl = "crl/"
test = true
[admin]
address = "127.0.0.1:0"
[[upstream]]
name = "records"
base = "http://{upstream}/fhir"
[consent]
sources = ["upstream:records"]
# Longer than the measurement: the figures that are warm are all warm.
max_age = "300s"
[audit]
directory = "journal-{durability}/"
durability = "{durability}"
"#
    )
    .unwrap_or_default();
    let file = directory.join(format!("bench-{durability}.toml"));
    let log_file = directory.join(format!("gateway-{durability}.log"));
    std::fs::write(&file, config).expect("a configuration is written");
    let log = std::fs::File::create(&log_file).expect("a log is written");
    let mut child = Command::new(SLUIS)
        .args(["serve", "--config"])
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the gateway starts");
    let mut ready = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut ready).expect("the gateway says that it is ready");
    let address = ready.split('"').nth(3).and_then(|address| address.parse().ok());
    let Some(address) = address else {
        let log = std::fs::read_to_string(&log_file).unwrap_or_default();
        panic!("the gateway is not ready: {ready}{log}");
    };
    Process::new(child, address)
}
