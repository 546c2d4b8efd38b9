//! The configuration file: raw keys as they stand in TOML, then values that cannot be wrong.
//!
//! Every mistake is found in one run and names the file, the key and what was expected. Unknown keys are mistakes. Paths
//! are relative to the file.

mod check;
mod raw;
mod retention;
mod standing;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use check::{Mistake, load};
pub use retention::{NotARetention, Retention};

use super::admin::Network;
use super::hook::HookSecret;
use super::revocation::{FetchOptions, OcspOptions};
use super::statement::StatementSettings;
use super::tls::TlsVersion;
use crate::audit::Part;
use crate::consent::{Combining, FhirVersion, Unlabelled};
use crate::identity::{Admitted, FacilityTypes, Register, Ura};
use crate::view::{FreeText, Mode, Narrative};

/// All settings of a gateway.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// Whose data is behind the gateway.
    pub holder: HolderSettings,
    /// Where callers come in.
    pub listen: Listen,
    /// Which certificates count.
    pub identity: IdentitySettings,
    /// Where operators look.
    pub admin: Admin,
    /// The server behind the gateway.
    pub upstream: UpstreamSettings,
    /// Where Consents are read.
    pub consent: ConsentSettings,
    /// What says the kind of an organisation.
    pub directory: DirectorySettings,
    /// The legal regime.
    pub policy: PolicySettings,
    /// Directory of the journal.
    pub audit: PathBuf,
    /// What a record waits for before data is asked for.
    pub durability: Durability,
    /// For how long its records are kept; for ever where it is not said.
    pub retention: Option<Retention>,
    /// Where the record is sent on to.
    pub forward: Vec<ForwardSettings>,
    /// Directory of the keys.
    pub keys: PathBuf,
    /// Directory with exchange profiles, policies and labels of the hospital's own, beside the shipped ones.
    pub profiles: Option<PathBuf>,
    /// Where patient portals come in; none where there is no such listener.
    pub portal: Option<PortalSettings>,
    /// Logs and traces.
    pub telemetry: TelemetrySettings,
}

impl Config {
    /// Returns the upstreams that Consents are read from: they can say when one changes.
    pub fn announcing(&self) -> impl Iterator<Item = &UpstreamSettings> {
        self.consent.sources.iter().filter(|source| source.is_upstream).map(|_| &self.upstream)
    }
}

/// The organisation whose data is behind the gateway.
#[derive(Debug, Clone)]
pub struct HolderSettings {
    /// Its number.
    pub ura: Ura,
    /// Its name, for the record.
    pub name: String,
    /// Its kind, a code of the organisation types of Nictiz.
    pub facility_type: Option<String>,
}

/// The listener for callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Server certificate and chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The base URL callers use, without a slash at its end.
    pub public_base: String,
    /// Lowest TLS version.
    pub tls_min: TlsVersion,
    /// One request in all, whatever the upstream does.
    pub deadline: Duration,
    /// Threads that serve requests.
    pub workers: usize,
}

/// Which certificates count.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Directory of issuing CAs.
    pub trust: PathBuf,
    /// Directory of CAs below an anchor, known for their CRLs alone.
    pub intermediates: Option<PathBuf>,
    /// Directory of CRLs; none only where revocation is off.
    pub crl: Option<PathBuf>,
    /// From where CRLs are fetched into that directory; none where somebody else keeps it filled.
    pub fetch: Option<FetchOptions>,
    /// Who is asked where an issuer has no CRL; none where its callers are refused then.
    pub ocsp: Option<OcspOptions>,
    /// Accept test OIDs and lenient test certificates.
    pub test: bool,
    /// The issuing CAs whose certificates count, and how strictly these are read.
    pub register: Arc<Register>,
    /// Who may call at all.
    pub admit: Admitted,
    /// Whose statements say who acts behind a system.
    pub statements: Vec<StatementSettings>,
}

/// The listener for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Networks that may call, beside loopback.
    pub allow: Vec<Network>,
}

/// The FHIR server behind the gateway.
#[derive(Debug, Clone)]
pub struct UpstreamSettings {
    /// Its name in this configuration.
    pub name: String,
    /// Its base URL without a slash at its end.
    pub base: String,
    /// Names of the exchange profiles it serves.
    pub exchanges: Vec<String>,
    /// Other base URLs under which it is known.
    pub aliases: Vec<String>,
    /// Credentials towards it.
    pub access: Access,
}

/// How the gateway proves itself to a server, and the server itself to the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// CA that the server's certificate must come from, PEM; the system's where there is none.
    pub ca: Option<PathBuf>,
    /// Client certificate, PEM, and its key, PKCS#8 PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// File with a bearer token.
    pub bearer_file: Option<PathBuf>,
}

/// Where Consents are read.
#[derive(Debug, Clone)]
pub struct ConsentSettings {
    /// Every source is asked; one that fails makes the evidence unavailable.
    pub sources: Vec<Source>,
    /// How long what was read counts.
    pub max_age: Duration,
    /// How several Consents combine.
    pub combining: Combining,
    /// How the upstream says that something changed; none where it does not.
    pub hook: Option<HookSettings>,
}

/// How a server says that something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSettings {
    /// What it proves itself with.
    pub secret: HookSecret,
    /// URL under which it reaches the admin listener, without a slash at its end, for `sluis subscribe`.
    pub base: Option<String>,
    /// The types it is asked to speak of.
    pub types: Vec<&'static str>,
}

/// One source of Consents.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its base URL without a slash at its end.
    pub base: String,
    /// Whether it is the upstream itself, so that Patient ids are the same.
    pub is_upstream: bool,
    /// The version of FHIR that its Consents are written in.
    pub version: FhirVersion,
    /// Whether it holds Consents for several holders, so that a permit managed by another one counts.
    pub is_register: bool,
    /// Credentials towards it.
    pub access: Access,
}

/// What says the kind of an organisation, which no certificate says.
#[derive(Debug, Clone, Default)]
pub struct DirectorySettings {
    /// What the hospital's own file has.
    pub listed: HashMap<Ura, FacilityTypes>,
    /// The FHIR server that is asked about the others.
    pub server: Option<DirectoryServer>,
}

/// A FHIR server with Organizations.
#[derive(Debug, Clone)]
pub struct DirectoryServer {
    /// Its base URL without a slash at its end.
    pub base: String,
    /// Credentials towards it.
    pub access: Access,
}

/// The legal regime.
#[derive(Debug, Clone)]
pub struct PolicySettings {
    /// Name of a policy, shipped or of a file in `policies/`.
    pub name: String,
    /// Names of those that are asked, in order, where it finds nothing on file.
    pub also: Vec<String>,
    /// Name of a policy that decides beside it and changes nothing.
    pub shadow: Option<String>,
    /// What a resource that no label table knows counts as.
    pub unlabelled: Unlabelled,
    /// What callers are told of what is withheld.
    pub mode: Mode,
    /// Whether narratives are passed on where no plan is.
    pub narrative: Narrative,
    /// Whether what carries free text is passed on where a plan is.
    pub free_text: FreeText,
}

/// A store that the record is sent on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardSettings {
    /// Its name, and that of its cursor.
    pub name: String,
    /// What it is.
    pub kind: ForwardKind,
    /// The longest wait between attempts to reach it.
    pub longest_wait: Duration,
}

/// What the record is sent on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardKind {
    /// A FHIR server, as AuditEvents.
    Fhir {
        /// Its base URL without a slash at its end.
        base: String,
        /// Credentials towards it.
        access: Access,
        /// Whether what was withheld is among it.
        part: Part,
    },
    /// A stream of NATS JetStream, as the lines of the journal.
    #[cfg(feature = "nats")]
    Nats {
        /// URLs of its servers.
        servers: Vec<String>,
        /// The name of the stream.
        stream: String,
        /// The subject of this journal in it.
        subject: String,
        /// Credentials towards it.
        access: Access,
    },
}

impl ForwardKind {
    /// Returns the word of the configuration.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fhir { .. } => "fhir",
            #[cfg(feature = "nats")]
            Self::Nats { .. } => "nats",
        }
    }

    /// Returns what tells one target from another.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::Fhir { base, .. } => base.clone(),
            // Its servers come and go.
            #[cfg(feature = "nats")]
            Self::Nats { stream, subject, .. } => format!("{stream} {subject}"),
        }
    }
}

/// The listener for patient portals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalSettings {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Server certificate and chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The base URL that portals use, without a slash at its end.
    pub public_base: String,
    /// Directory of the CAs that portals' certificates come from.
    pub trust: PathBuf,
    /// Directory of their CRLs; none only where revocation is off.
    pub crl: Option<PathBuf>,
    /// The DNS names of those who may come.
    pub clients: Vec<String>,
    /// Whom a patient can turn to, as the page says it.
    pub contact: String,
}

/// What a record waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// That the disk has it.
    Group,
    /// That the system has it: for measurements with test certificates alone, since a power cut takes it away.
    None,
}

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Base URL of an OTLP receiver.
    pub otlp: Option<String>,
}
