//! The stage: a directory with all that a gateway needs, and a FHIR server that holds the records.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::fhir_server::{FhirServer, FhirServerError, NotStored};
use super::pki::PkiError;
use super::{cast, record};

/// Why the stage is not set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The directory cannot be made or written to.
    #[error("the demo's directory cannot be written to ({0})")]
    Directory(std::io::ErrorKind),
    /// No port is free.
    #[error("no free port on 127.0.0.1 ({0})")]
    Port(std::io::ErrorKind),
    /// The PKI was not made or written.
    #[error("the test PKI cannot be made")]
    Pki(#[from] PkiError),
    /// The FHIR server does not run.
    #[error("the embedded FHIR server does not run")]
    Server(#[from] FhirServerError),
    /// The server did not take a record.
    #[error("a record is not loaded: {0}")]
    Record(#[from] NotStored),
}

/// Where the parts find each other.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Where the gateway listens.
    pub gateway: SocketAddr,
    /// Where its admin listener is.
    pub admin: SocketAddr,
    /// The base URL of the FHIR server behind it.
    pub upstream: String,
}

/// Where another FHIR server usually is.
const USUAL_UPSTREAM: &str = "http://127.0.0.1:8080/fhir";

const USUAL_PORTS: (u16, u16) = (8443, 9443);

impl Addresses {
    /// Returns the addresses that documentation uses, with a FHIR server of one's own.
    #[must_use]
    pub fn usual() -> Self {
        Self::at(USUAL_PORTS.0, USUAL_PORTS.1)
    }

    /// Returns free ports.
    ///
    /// # Errors
    /// When there is none.
    pub fn free() -> Result<Self, StageError> {
        // Both are held while they are chosen, so that they differ.
        let (gateway, admin) = (bind(0)?, bind(0)?);
        Ok(Self::at(port(&gateway)?, port(&admin)?))
    }

    /// Returns the usual ports if they are free, else others.
    ///
    /// # Errors
    /// When there is none.
    pub fn usual_or_free() -> Result<Self, StageError> {
        match (bind(USUAL_PORTS.0), bind(USUAL_PORTS.1)) {
            (Ok(_), Ok(_)) => Ok(Self::usual()),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Self::free(),
        }
    }

    fn at(gateway: u16, admin: u16) -> Self {
        Self {
            gateway: SocketAddr::from(([127, 0, 0, 1], gateway)),
            admin: SocketAddr::from(([127, 0, 0, 1], admin)),
            upstream: USUAL_UPSTREAM.to_owned(),
        }
    }

    /// Returns the base URL that callers use.
    #[must_use]
    pub fn public_base(&self) -> String {
        format!("https://localhost:{}/fhir", self.gateway.port())
    }
}

fn bind(port: u16) -> Result<TcpListener, StageError> {
    TcpListener::bind(("127.0.0.1", port)).map_err(|error| StageError::Port(error.kind()))
}

fn port(listener: &TcpListener) -> Result<u16, StageError> {
    listener.local_addr().map(|address| address.port()).map_err(|error| StageError::Port(error.kind()))
}

/// A set stage; a temporary directory goes when it is dropped.
#[derive(Debug)]
pub struct Stage {
    dir: PathBuf,
    is_temporary: bool,
    server: FhirServer,
    loaded: usize,
    public_base: String,
    config: PathBuf,
}

impl Stage {
    /// Starts the FHIR server with all records and writes the files into `dir`, or into a temporary directory.
    ///
    /// # Errors
    /// The first part that cannot be had.
    pub fn set(dir: Option<&Path>, now: OffsetDateTime, addresses: Addresses) -> Result<Self, StageError> {
        let server = FhirServer::start()?;
        let mut loaded = 0;
        for (_, text) in record::RECORDS {
            loaded += server.load(text)?;
        }
        let addresses = Addresses { upstream: server.base().to_owned(), ..addresses };
        let public_base = addresses.public_base();
        let (dir, is_temporary) = match dir {
            Some(dir) => (dir.to_owned(), false),
            None => {
                let name = format!("sluis-demo-{}-{}", std::process::id(), addresses.gateway.port());
                (std::env::temp_dir().join(name), true)
            }
        };
        // From here on a failure removes the directory again.
        let config = dir.join(CONFIG);
        let stage = Self { dir, is_temporary, server, loaded, public_base, config };
        write(&stage.dir, now, addresses)?;
        Ok(stage)
    }

    /// Returns the directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Returns the base URL that callers use.
    #[must_use]
    pub fn public_base(&self) -> &str {
        &self.public_base
    }

    /// Returns the FHIR server.
    #[must_use]
    pub fn server(&self) -> &FhirServer {
        &self.server
    }

    /// Returns how many resources it was loaded with.
    #[must_use]
    pub fn loaded(&self) -> usize {
        self.loaded
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.is_temporary {
            // What cannot be removed is left to whoever cleans the temporary directory.
            fs::remove_dir_all(&self.dir).unwrap_or_default();
        }
    }
}

const CONFIG: &str = "sluis.toml";

/// Writes PKI, configuration file and records into `dir`.
///
/// # Errors
/// The first file that cannot be made.
pub fn write(dir: &Path, now: OffsetDateTime, addresses: Addresses) -> Result<(), StageError> {
    let unwritable = |error: std::io::Error| StageError::Directory(error.kind());
    // Keys of callers are in it.
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unwritable)?;
    cast::pki(now)?.write(dir)?;
    fs::write(dir.join(CONFIG), configuration(&addresses)).map_err(unwritable)?;
    let records = dir.join("records");
    fs::create_dir_all(&records).map_err(unwritable)?;
    for (number, (name, text)) in record::RECORDS.iter().enumerate() {
        // In the order of their names they can be loaded: what is referred to comes first.
        fs::write(records.join(format!("{number:02}-{name}.json")), text).map_err(unwritable)?;
    }
    Ok(())
}

fn configuration(addresses: &Addresses) -> String {
    let Addresses { gateway, admin, upstream } = addresses;
    let public_base = addresses.public_base();
    format!(
        r#"# The demo's gateway. Start it by hand with `sluis serve --config {CONFIG}`.

[holder]
ura = "00000002"
name = "Ziekenhuis De Sluis"
facility_type = "V6"

[listen]
address = "{gateway}"
certificate = "server.pem"
key = "server.key"
public_base = "{public_base}"

[identity]
trust = "trust/"
crl = "crl/"
revocation = "require"
test = true

[admin]
address = "{admin}"

[[upstream]]
name = "records"
base = "{upstream}"
fhir_version = "4.0"
exchanges = ["ips", "bgz", "medication"]

[consent]
sources = ["upstream:records"]

[policy]
name = "wabvpz"

[audit]
directory = "journal/"

[keys]
directory = "keys/"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_with_the_addresses_given() {
        let addresses = Addresses::free().unwrap();
        assert_ne!(addresses.gateway, addresses.admin);
        let table: toml::Table = toml::from_str(&configuration(&addresses)).unwrap();
        assert_eq!(table["listen"]["public_base"].as_str(), Some(addresses.public_base().as_str()));
        assert_eq!(table["upstream"][0]["base"].as_str(), Some(USUAL_UPSTREAM));
    }

    #[test]
    fn a_temporary_directory_goes_with_its_stage() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let stage = Stage::set(None, now, Addresses::free().unwrap()).unwrap();
        let dir = stage.dir().to_owned();
        assert!(stage.config().is_file() && stage.loaded() > 200);
        drop(stage);
        assert!(!dir.exists());
    }
}
