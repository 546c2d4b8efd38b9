//! Gateway: a data directory as `sluis demo --write` makes it, and gateway processes on it, one after another.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use toml::Table;

use crate::client::Client;
use crate::crowd;
use crate::journal::Journal;
use crate::process::{self, Process};
use crate::record::Record;
use crate::trouble::Trouble;
use crate::wire::{Connection, Request, WireError};

/// A data directory: a test PKI, records, a configuration.
#[derive(Debug)]
pub struct Site {
    program: PathBuf,
    directory: PathBuf,
    configuration: Table,
    public_base: String,
    started: usize,
}

/// In what a gateway process differs from the site's configuration.
#[derive(Debug, Clone)]
pub struct Setting<'a> {
    /// The base URL of the FHIR server behind it.
    pub upstream: &'a str,
    /// The policy in force and those that are asked after it; none for the site's own.
    pub policies: &'a [&'a str],
    /// The exchange profiles of the server behind it; none for the site's own.
    pub exchanges: &'a [&'a str],
    /// `policy.unlabelled`, where it matters.
    pub unlabelled: Option<&'a str>,
    /// `policy.mode`, where it matters.
    pub mode: Option<&'a str>,
    /// `consent.max_age`, where it matters.
    pub max_age: Option<&'a str>,
    /// `consent.hook_secret`, where the server announces changes.
    pub hook_secret: Option<&'a str>,
    /// The name of its directory of keys: gateways of the same name make the same ETags.
    pub keys: &'a str,
    /// The base URL of a FHIR server that the record is sent on to.
    pub forward: Option<&'a str>,
    /// A fault to plant, in a gateway that was built with faults.
    pub fault: Option<&'a str>,
}

impl<'a> Setting<'a> {
    /// Returns the setting of a gateway in front of `upstream` that differs in nothing else.
    #[must_use]
    pub fn before(upstream: &'a str) -> Self {
        Self {
            upstream,
            policies: &[],
            exchanges: &[],
            unlabelled: None,
            mode: None,
            max_age: None,
            hook_secret: None,
            keys: "keys",
            forward: None,
            fault: None,
        }
    }

    /// Returns that of one under other policies, with every exchange profile that those name; of the site's own where there
    /// are none.
    #[must_use]
    pub fn under(upstream: &'a str, policies: &'a [&'a str]) -> Self {
        let exchanges: &[&str] = if policies.is_empty() { &[] } else { &["ips", "bgz", "medication", "acute"] };
        Self { policies, exchanges, ..Self::before(upstream) }
    }
}

/// Returns the gateway's binary: `SLUIS_BIN`, or the one that `cargo build` makes.
#[must_use]
pub fn program() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the program under test is chosen by whoever runs the test")]
    let chosen = std::env::var("SLUIS_BIN").ok();
    chosen.map_or_else(|| process::own("../target/debug/sluis"), PathBuf::from)
}

impl Site {
    /// Makes a data directory in place of `directory`, which is removed first.
    ///
    /// # Errors
    ///
    /// When the program is not there or does not write what it should.
    pub fn write(program: &Path, directory: &Path) -> Result<Self, Trouble> {
        if directory.exists() {
            std::fs::remove_dir_all(directory).map_err(|error| Trouble::file(directory, &error))?;
        }
        process::run(Command::new(program).args(["demo", "--write", "--dir"]).arg(directory))?;
        let path = directory.join("sluis.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| Trouble::file(&path, &error))?;
        let configuration: Table = text.parse().map_err(|_| Trouble::content(&path, "TOML"))?;
        let base = configuration.get("listen").and_then(|listen| listen.get("public_base"));
        let base = base.and_then(toml::Value::as_str).ok_or_else(|| Trouble::content(&path, "listen.public_base"))?;
        let public_base = base.to_owned();
        Ok(Self {
            program: program.to_owned(),
            directory: directory.to_owned(),
            configuration,
            public_base,
            started: 0,
        })
    }

    /// Returns the data directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the base URL that answers carry.
    #[must_use]
    pub fn public_base(&self) -> &str {
        &self.public_base
    }

    /// Returns the path of its base.
    #[must_use]
    pub fn base_path(&self) -> &str {
        split(&self.public_base).1
    }

    /// Reads the records: the demo's, and what these tests need beside them.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, Trouble> {
        let mut records = Record::all(&self.directory.join("records"))?;
        records.extend(Record::all(&process::own("records"))?);
        records.extend(crowd::immunizations()?);
        Ok(records)
    }

    /// Starts a gateway process with a journal of its own.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start(&mut self, setting: &Setting<'_>) -> Result<Gateway, Trouble> {
        let (configuration, path, journal) = self.write_configuration(setting)?;
        let journal = self.directory.join(journal);
        self.serve(Kept { configuration, path, journal }, setting.fault)
    }

    /// Starts a gateway process again that was killed, on its own journal.
    ///
    /// # Errors
    ///
    /// When it does not become ready.
    pub fn start_again(&self, kept: Kept) -> Result<Gateway, Trouble> {
        self.serve(kept, None)
    }

    /// Returns the journal of a gateway that was killed.
    #[must_use]
    pub fn journal(&self, kept: Kept) -> Journal {
        Journal::new(self.program.clone(), kept.journal)
    }

    fn serve(&self, kept: Kept, fault: Option<&str>) -> Result<Gateway, Trouble> {
        let log = kept.path.with_extension("log");
        let options = std::fs::File::options().create(true).append(true).open(&log);
        let log = options.map_err(|error| Trouble::file(&log, &error))?;
        let (process, line) = Process::start_kept(&self.program, |command| {
            command.args(["serve", "--config"]).arg(&kept.path).stderr(Stdio::from(log));
            if let Some(fault) = fault {
                command.env("SLUIS_FAULT", fault);
            }
        })?;
        let ready: Option<Value> = serde_json::from_str(&line).ok();
        let said = |name: &str| Some(ready.as_ref()?.get(name)?.as_str()?.to_owned());
        let (Some(address), Some(admin)) = (said("listening"), said("admin")) else {
            return Err(process.not_ready(&line));
        };
        Ok(Gateway {
            process,
            program: self.program.clone(),
            site: self.directory.clone(),
            public_base: self.public_base.clone(),
            address,
            admin,
            kept,
        })
    }

    /// Runs a subcommand on a configuration, `check` or a `serve` that is to fail; returns its exit code and all that it says.
    /// One that goes on is ended, which is an exit code of its own.
    ///
    /// # Errors
    ///
    /// When it cannot be run.
    pub fn told(&mut self, subcommand: &str, setting: &Setting<'_>) -> Result<(Option<i32>, String), Trouble> {
        let (_, path, _) = self.write_configuration(setting)?;
        let mut command = Command::new("timeout");
        command.arg("30").arg(&self.program).args([subcommand, "--config"]).arg(&path).stdin(Stdio::null());
        let start = |error: std::io::Error| Trouble::Start { program: self.program.clone(), kind: error.kind() };
        let output = command.output().map_err(start)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.code(), text(&output.stdout) + &text(&output.stderr)))
    }

    /// Writes a configuration with a journal of its own; returns it, its file and the name of the journal.
    fn write_configuration(&mut self, setting: &Setting<'_>) -> Result<(Table, PathBuf, String), Trouble> {
        self.started += 1;
        let journal = format!("journal-{}", self.started);
        let configuration = self.configured(setting, &journal);
        let path = self.directory.join(format!("sluis-{}.toml", self.started));
        std::fs::write(&path, configuration.to_string()).map_err(|error| Trouble::file(&path, &error))?;
        Ok((configuration, path, journal))
    }

    fn configured(&self, setting: &Setting<'_>, journal: &str) -> Table {
        let mut configuration = self.configuration.clone();
        put(&mut configuration, "listen", "address", "127.0.0.1:0");
        put(&mut configuration, "admin", "address", "127.0.0.1:0");
        put(&mut configuration, "audit", "directory", journal);
        put(&mut configuration, "keys", "directory", setting.keys);
        if let Some(base) = setting.forward {
            let pairs = [("name", "central"), ("kind", "fhir"), ("base", base), ("longest_wait", "1s")];
            let pairs = pairs.map(|(key, value)| (key.to_owned(), toml::Value::from(value)));
            put(&mut configuration, "audit", "forward", vec![toml::Value::Table(Table::from_iter(pairs))]);
        }
        if let Some(unlabelled) = setting.unlabelled {
            put(&mut configuration, "policy", "unlabelled", unlabelled);
        }
        if let Some(mode) = setting.mode {
            put(&mut configuration, "policy", "mode", mode);
        }
        if let Some(max_age) = setting.max_age {
            put(&mut configuration, "consent", "max_age", max_age);
        }
        if let Some(secret) = setting.hook_secret {
            put(&mut configuration, "consent", "hook_secret", secret);
        }
        if let Some((name, also)) = setting.policies.split_first() {
            put(&mut configuration, "policy", "name", *name);
            put(&mut configuration, "policy", "also", also.to_vec());
        }
        if let Some(toml::Value::Array(upstreams)) = configuration.get_mut("upstream") {
            for upstream in upstreams.iter_mut().filter_map(toml::Value::as_table_mut) {
                upstream.insert("base".to_owned(), toml::Value::from(setting.upstream));
                if !setting.exchanges.is_empty() {
                    upstream.insert("exchanges".to_owned(), toml::Value::from(setting.exchanges.to_vec()));
                }
            }
        }
        configuration
    }
}

fn put(configuration: &mut Table, section: &str, key: &str, value: impl Into<toml::Value>) {
    let section = configuration.entry(section).or_insert_with(|| toml::Value::Table(Table::new()));
    if let Some(section) = section.as_table_mut() {
        section.insert(key.to_owned(), value.into());
    }
}

/// Splits a base URL into host (with its port) and path.
fn split(base: &str) -> (&str, &str) {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    rest.find('/').map_or((rest, ""), |at| rest.split_at(at))
}

/// A running gateway. Dropped, it is told to stop.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    program: PathBuf,
    site: PathBuf,
    public_base: String,
    address: String,
    admin: String,
    kept: Kept,
}

/// What is left of a gateway that was killed: its configuration, and what it put on record.
#[derive(Debug)]
pub struct Kept {
    configuration: Table,
    path: PathBuf,
    journal: PathBuf,
}

impl Gateway {
    /// Returns the address it listens on.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns the base URL that its answers carry.
    #[must_use]
    pub fn public_base(&self) -> &str {
        &self.public_base
    }

    /// Returns the path of its base.
    #[must_use]
    pub fn base_path(&self) -> &str {
        let (_, path) = split(&self.public_base);
        path
    }

    /// Returns what is sent to this process to follow a link that it wrote.
    #[must_use]
    pub fn target(&self, url: &str) -> String {
        let rest = url.strip_prefix(&self.public_base).unwrap_or(url);
        format!("{}{rest}", self.base_path())
    }

    /// Returns a caller, by the name of its certificate.
    ///
    /// # Errors
    ///
    /// When there is no such certificate.
    pub fn client(&self, caller: &str) -> Result<Client, Trouble> {
        let (host, _) = split(&self.public_base);
        Client::new(&self.site, caller, host, &self.address)
    }

    /// Runs `sluis subscribe`, so that the FHIR server tells this process; returns what it reports.
    ///
    /// # Errors
    ///
    /// When a Subscription is not in force after it.
    pub fn subscribe(&self) -> Result<Value, Trouble> {
        let mut configuration = self.kept.configuration.clone();
        put(&mut configuration, "consent", "hook_base", format!("http://{}", self.admin));
        let path = self.kept.journal.with_extension("subscribe.toml");
        std::fs::write(&path, configuration.to_string()).map_err(|error| Trouble::file(&path, &error))?;
        let output = process::run(Command::new(&self.program).args(["subscribe", "--config"]).arg(&path))?;
        serde_json::from_slice(&output).map_err(|_| Trouble::Shape { what: "the report of subscribing" })
    }

    /// Returns how many notices of the FHIR server it received.
    ///
    /// # Errors
    ///
    /// When its admin listener does not say.
    pub fn notices(&self) -> Result<u64, Trouble> {
        // What never happened is left out.
        Ok(self.figure("sluis_notices_total{result=\"received\"} ")?.unwrap_or_default())
    }

    /// Returns how many records are not sent on yet; none where it sends nothing on.
    ///
    /// # Errors
    ///
    /// When its admin listener does not say.
    pub fn behind(&self) -> Result<Option<u64>, Trouble> {
        self.figure("sluis_forward_lag_records{forwarder=\"central\"} ")
    }

    /// Returns the value of the line of the metrics that begins so.
    fn figure(&self, beginning: &str) -> Result<Option<u64>, Trouble> {
        let mut connection = Connection::over(TcpStream::connect(&self.admin).map_err(WireError::from)?);
        let headers = [("Host", self.admin.as_str())];
        let request = Request { method: "GET", target: "/metrics", headers: &headers, body: b"" };
        let metrics = connection.exchange(&request)?.text();
        Ok(metrics.lines().find_map(|line| line.strip_prefix(beginning)?.parse().ok()))
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn kill(self) -> Result<Kept, Trouble> {
        self.process.kill()?;
        Ok(self.kept)
    }

    /// Tells it to stop, by SIGTERM, and returns its journal.
    ///
    /// # Errors
    ///
    /// When its exit status is another than 0.
    pub fn stop(self) -> Result<Journal, Trouble> {
        let status = self.process.stop()?;
        if status.success() {
            return Ok(Journal::new(self.program, self.kept.journal));
        }
        Err(Trouble::Ended { program: self.program, status: status.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_split_into_host_and_path() {
        assert_eq!(split("https://localhost:8443/fhir"), ("localhost:8443", "/fhir"));
        assert_eq!(split("https://localhost"), ("localhost", ""));
    }

    #[test]
    fn a_gateway_is_put_before_the_server_with_its_own_journal_and_free_ports() {
        let configuration =
            "[listen]\naddress = '127.0.0.1:8443'\nkey = 'k'\n[[upstream]]\nname = 'hapi'\nbase = 'x'\n";
        let site = Site {
            program: PathBuf::new(),
            directory: PathBuf::new(),
            configuration: configuration.parse().unwrap(),
            public_base: String::new(),
            started: 0,
        };
        let setting = Setting {
            max_age: Some("1s"),
            policies: &["wabvpz", "acute"],
            exchanges: &["bgz", "acute"],
            ..Setting::before("http://127.0.0.1:1/fhir")
        };
        let made = site.configured(&setting, "journal-1").to_string();
        let made: Table = made.parse().unwrap();
        assert_eq!(made["upstream"][0]["base"].as_str(), Some("http://127.0.0.1:1/fhir"));
        assert_eq!(made["upstream"][0]["name"].as_str(), Some("hapi"));
        assert_eq!(made["listen"]["address"].as_str(), Some("127.0.0.1:0"));
        assert_eq!(made["listen"]["key"].as_str(), Some("k"));
        assert_eq!(made["audit"]["directory"].as_str(), Some("journal-1"));
        assert_eq!(made["consent"]["max_age"].as_str(), Some("1s"));
        assert_eq!(made["policy"].to_string(), r#"{ also = ["acute"], name = "wabvpz" }"#);
        assert_eq!(made["upstream"][0]["exchanges"].to_string(), r#"["bgz", "acute"]"#);
    }
}
