//! What requests share: one [`Gateway`] for the process, one [`Worker`] for each thread.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::admin::AdminError;
use super::clock::Clock;
use super::config::{self, Access, Config};
use super::consent_store::{ConsentStore, Servers};
use super::directory::Directory;
use super::door::{HandshakeFailure, Peer};
use super::emergency::Emergencies;
use super::forwarder::ForwardError;
use super::journal::index::IndexError;
use super::journal::{Journal, JournalError};
use super::keys::{self, KeysError};
use super::memory::{Memory, Remembered};
use super::metrics::Metrics;
use super::patient_index::PatientIndex;
use super::revocation::LiveTrust;
use super::signing::Signer;
use super::statement::{Statements, StatementsError};
use super::telemetry::TelemetryError;
use super::tls::TlsError;
use super::token::PageKeys;
use super::upstream::{AccessError, Upstream};
use crate::audit::{Event, EventKind};
use crate::identity::statement::Unproven;
use crate::identity::{Caller, Refused};
use crate::label::Tables;
use crate::limits;
use crate::profile::{self, Categories, Exchange, Policy, ProfileError, Regime, ValueSets};
use crate::query::Id;

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A profile file has a mistake.
    #[error("{0}")]
    Profile(#[from] ProfileError),
    /// A profile that the configuration names is in no file.
    #[error("{kind} {name} is in no file of the profiles")]
    NoSuchProfile {
        /// `exchange` or `policy`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A policy lets data be released only in a form that cannot be made yet.
    #[error(
        "policy {name} asks for pseudonymised data, which the gateway cannot make yet: it can be put to `sluis decide`, not in force"
    )]
    NotReleasable {
        /// The policy.
        name: String,
    },
    /// No policy admits any exchange profile that is served.
    #[error(
        "policy {name} is for exchange profiles that no upstream serves; name one of them under upstream.exchanges"
    )]
    NothingServed {
        /// The policy that is asked first.
        name: String,
    },
    /// A file of the profiles directory cannot be read.
    #[error("{path} cannot be read: {cause}")]
    File {
        /// Where.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The journal cannot be kept.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The record cannot be sent on.
    #[error("{0}")]
    Forward(#[from] ForwardError),
    /// The index of the journal cannot be kept.
    #[error("{0}")]
    Index(#[from] IndexError),
    /// The keys cannot be used.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// A client for a server cannot be made.
    #[error("{0}")]
    Access(#[from] AccessError),
    /// Anchors, CRLs, the server's certificate or its key cannot be used.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// Keys of an issuer of statements cannot be used.
    #[error("{0}")]
    Statements(#[from] StatementsError),
    /// The admin listener cannot be opened.
    #[error("{0}")]
    Admin(#[from] AdminError),
    /// Logs or traces cannot be set up.
    #[error("{0}")]
    Telemetry(#[from] TelemetryError),
    /// An address cannot be bound, or a thread cannot be started.
    #[error("{doing}: {cause}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// What every thread shares.
pub struct Gateway {
    pub(super) config: Config,
    pub(super) base_path: String,
    pub(super) bases: Arc<[String]>,
    pub(super) exchanges: Vec<Arc<Exchange>>,
    pub(super) regime: Regime,
    pub(super) shadow: Option<Regime>,
    pub(super) emergencies: Arc<Emergencies>,
    pub(super) tables: Arc<Tables>,
    pub(super) statement: Bytes,
    pub(super) page_keys: PageKeys,
    pub(super) journal: Arc<Journal>,
    /// Under which all is remembered that decisions rest on.
    pub(super) memory: Memory,
    pub(super) consents: ConsentStore,
    pub(super) patients: PatientIndex,
    /// Whose a resource is, by type and id.
    pub(super) owners: Remembered<(String, Id), Id>,
    pub(super) trust: Arc<LiveTrust>,
    pub(super) statements: Arc<Statements>,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
}

/// What stays when one gateway follows another.
struct Standing {
    journal: Arc<Journal>,
    emergencies: Arc<Emergencies>,
    trust: Arc<LiveTrust>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateway(…)")
    }
}

/// The rules of a configuration: its exchange profiles, its policy, the label tables and the categories.
#[derive(Debug)]
pub struct Rules {
    /// The exchange profiles that the upstream serves, in the order of the configuration.
    pub exchanges: Vec<Arc<Exchange>>,
    /// The policies in force.
    pub regime: Regime,
    /// Those that decide beside them and change nothing.
    pub shadow: Option<Regime>,
    /// The label tables.
    pub tables: Tables,
    /// The value sets that Consents may name.
    pub value_sets: ValueSets,
    /// The categories of data and of providers.
    pub categories: Categories,
}

impl Rules {
    /// Compiles the shipped files and the hospital's own; a file of its own replaces a shipped one of the same name.
    ///
    /// # Errors
    /// A mistake in a file, or a name that no file has.
    pub fn read(config: &Config) -> Result<Self, StartError> {
        let own = |kind: &str| match &config.profiles {
            Some(directory) => toml_files(&directory.join(kind)),
            None => Ok(Vec::new()),
        };
        let mut exchanges = profile::shipped_exchanges()?;
        for (file, text) in own("exchanges")? {
            let exchange = Exchange::read(&file, &text)?;
            exchanges.retain(|shipped| shipped.name() != exchange.name());
            exchanges.push(exchange);
        }
        let mut policies = profile::shipped_policies()?;
        for (file, text) in own("policies")? {
            let policy = Policy::read(&file, &text)?;
            policies.retain(|shipped| shipped.name() != policy.name());
            policies.push(policy);
        }
        let labels = own("labels")?;
        let files = labels.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let tables = Tables::with_own(files)?;
        let value_sets = own("value-sets")?;
        let files = value_sets.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let value_sets = ValueSets::with_own(files)?;
        let categories = own("categories")?;
        let files = categories.iter().map(|(file, text)| (file.as_str(), text.as_str()));
        let categories = Categories::with_own(files)?;
        let missing = |kind, name: &str| StartError::NoSuchProfile { kind, name: name.to_owned() };
        let exchanges: Vec<_> = exchanges.into_iter().map(Arc::new).collect();
        let mut served: Vec<Arc<Exchange>> = Vec::new();
        for name in &config.upstream.exchanges {
            let known = exchanges.iter().find(|exchange| exchange.name() == name);
            served.push(Arc::clone(known.ok_or_else(|| missing("exchange", name))?));
        }
        let policy = |name: &String| {
            let known = policies.iter().find(|policy| policy.name() == name);
            known.cloned().ok_or_else(|| missing("policy", name))
        };
        let settings = &config.policy;
        let also = settings.also.iter().map(policy).collect::<Result<_, _>>()?;
        let regime = Regime::new(policy(&settings.name)?, also, &exchanges)?;
        let shadow = settings.shadow.as_ref().map(policy).transpose()?;
        let shadow = shadow.map(|shadow| Regime::new(shadow, Vec::new(), &exchanges)).transpose()?;
        if let Some(policy) = regime.not_releasable().next() {
            return Err(StartError::NotReleasable { name: policy.name().to_owned() });
        }
        if !regime.serves(&served) {
            return Err(StartError::NothingServed { name: regime.name().to_owned() });
        }
        Ok(Self { exchanges: served, regime, shadow, tables, value_sets, categories })
    }
}

fn toml_files(directory: &Path) -> Result<Vec<(String, String)>, StartError> {
    let failed = |path: &Path, cause| StartError::File { path: path.display().to_string(), cause };
    // Only what is not there at all is none: a link that leads nowhere, or what may not be read, holds rules that count.
    match std::fs::symlink_metadata(directory) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(failed(directory, cause)),
        Ok(_) => {}
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|cause| failed(directory, cause))? {
        let path = entry.map_err(|cause| failed(directory, cause))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|cause| failed(&path, cause))?;
        Ok((path.display().to_string(), text))
    };
    paths.into_iter().map(read).collect()
}

impl Gateway {
    /// Puts a gateway together from its configuration.
    ///
    /// # Errors
    /// A part that cannot be used.
    pub fn new(config: Config, trust: Arc<LiveTrust>, clock: Clock, metrics: Arc<Metrics>) -> Result<Self, StartError> {
        let compiled = Rules::read(&config)?;
        let page_keys = keys::page_keys(&config.keys)?;
        let statements = Statements::load(&config.identity.statements, clock.now())?;
        let signer = Arc::new(Signer::read(&config.keys)?);
        let journal = Journal::open_with(&config.audit, clock.clone(), Some(signer), config.durability)?;
        let journal = Arc::new(journal);
        let standing = Standing { journal, emergencies: Arc::default(), trust, clock, metrics };
        Ok(Self::assemble(config, compiled, page_keys, statements, standing))
    }

    /// Puts together the gateway that is to follow this one under another configuration, with the same journal.
    ///
    /// # Errors
    /// A part that cannot be used.
    pub(super) fn followed_by(&self, config: Config) -> Result<Self, StartError> {
        let compiled = Rules::read(&config)?;
        let page_keys = keys::page_keys(&config.keys)?;
        let statements = Statements::load(&config.identity.statements, self.clock.now())?;
        let standing = Standing {
            journal: Arc::clone(&self.journal),
            emergencies: Arc::clone(&self.emergencies),
            trust: Arc::clone(&self.trust),
            clock: self.clock.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        Ok(Self::assemble(config, compiled, page_keys, statements, standing))
    }

    fn assemble(
        config: Config,
        compiled: Rules,
        page_keys: PageKeys,
        statements: Statements,
        standing: Standing,
    ) -> Self {
        let Rules { exchanges, regime, shadow, tables, value_sets, categories } = compiled;
        let Standing { journal, emergencies, trust, clock, metrics } = standing;
        let mut bases = vec![config.upstream.base.clone()];
        bases.extend(config.upstream.aliases.iter().cloned());
        // Whoever writes back to the server what was read here brings the public base into it.
        bases.push(config.listen.public_base.clone());
        let bases: Arc<[String]> = bases.into();
        let memory = Memory::new(config.consent.max_age, limits::REMEMBERED);
        let patients = PatientIndex::new(bases.clone(), &memory);
        let date = clock.now().format(&Rfc3339).unwrap_or_default();
        let public_base = &config.listen.public_base;
        let statement = profile::capability_statement(&exchanges, public_base, env!("CARGO_PKG_VERSION"), &date);
        let base_path = public_base.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let vocabulary = (&Arc::new(value_sets), &Arc::new(categories));
        Self {
            base_path,
            consents: ConsentStore::new(
                &config.consent.sources,
                &bases,
                &patients,
                vocabulary,
                &memory,
                regime.signs(),
                Directory::new(&config.directory),
            ),
            bases,
            exchanges,
            regime,
            shadow,
            emergencies,
            tables: Arc::new(tables),
            statement: Bytes::from(statement),
            page_keys,
            journal,
            patients,
            owners: memory.cache(),
            memory,
            trust,
            statements: Arc::new(statements),
            clock,
            metrics,
            config,
        }
    }

    /// Ends all that is remembered of persons and of evidence: what is asked from here on is looked up.
    pub(super) fn forget(&self) {
        if self.memory.end() {
            self.consents.make_room();
            self.patients.make_room();
            self.owners.invalidate_all();
        }
    }

    /// Puts on record that a certificate was good at the handshake and is not, or names nobody.
    pub(super) fn not_admitted(&self, request: &str, peer: &Peer, refused: &Refused) {
        for reason in refused.reasons() {
            self.metrics.handshake_failed(HandshakeFailure::Refused(*reason));
        }
        for finding in refused.findings() {
            tracing::warn!(
                request,
                reason = finding.reason().code(),
                check = finding.check(),
                field = finding.field(),
                expected = finding.expected(),
                found = finding.found_for_log(),
                "a certificate names no caller that is admitted"
            );
        }
        let codes: Vec<&str> = refused.reasons().iter().map(|reason| reason.code()).collect();
        let event = Event::new(EventKind::IdentityRefused);
        self.journal.event(event.from_address(peer.address()).with("request_id", request).because(codes));
    }
}

impl Gateway {
    /// Returns who asks: the caller of the certificate, or who acts behind its system by the header `Authorization`.
    ///
    /// # Errors
    /// The header does not prove who acts.
    pub(super) fn acting(
        &self,
        request: &str,
        authorization: &[&str],
        caller: &Arc<Caller>,
        now: OffsetDateTime,
    ) -> Result<Arc<Caller>, Unproven> {
        let judged = match self.statements.acting(authorization, caller, now) {
            Ok(None) => return Ok(Arc::clone(caller)),
            Ok(Some(acting)) => Ok(Arc::new(acting)),
            Err(unproven) => Err(unproven),
        };
        self.metrics.statement(judged.as_ref().map(|_| ()).map_err(|unproven| *unproven));
        if let Err(unproven) = &judged {
            tracing::warn!(request, reason = unproven.code(), "a statement does not prove who acts behind a system");
        }
        judged
    }
}

/// What belongs to one thread: its connections to the servers.
pub(super) struct Worker {
    pub(super) gateway: Arc<Gateway>,
    pub(super) upstream: Upstream,
    pub(super) servers: Servers,
}

impl Worker {
    pub(super) fn new(gateway: Arc<Gateway>) -> Result<Self, AccessError> {
        let client = |base: &str, access: &Access| Upstream::new(base, access, gateway.metrics.clone());
        let config = &gateway.config;
        let upstream = client(&config.upstream.base, &config.upstream.access)?;
        let source = |source: &config::Source| {
            if source.is_upstream { Ok(upstream.clone()) } else { client(&source.base, &source.access) }
        };
        let sources = config.consent.sources.iter().map(source).collect::<Result<_, _>>()?;
        let directory =
            config.directory.server.as_ref().map(|server| client(&server.base, &server.access)).transpose()?;
        let servers = Servers { sources, upstream: upstream.clone(), directory };
        Ok(Self { gateway, upstream, servers })
    }
}
