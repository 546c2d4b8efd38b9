//! TLS towards callers: what is offered, what is demanded, and how it follows its files.
//!
//! Versions and suites are those that the Dutch national guideline (NCSC, ICT-beveiligingsrichtlijnen voor TLS 2.1) calls
//! good. There is no resumption of any kind: a resumed session would bring back a caller whose chain and revocation were
//! not judged again.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use openssl::error::ErrorStack;
use openssl::ssl::{
    AlpnError, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslMode, SslOptions, SslSessionCacheMode,
    SslVersion, select_next_proto,
};

use super::admin::Check;
use super::metrics::Metrics;
use super::revocation::{Fingerprint, Generation, LiveTrust, Look};
use super::trust::TrustError;

/// TLS 1.2 suites: forward secrecy and authenticated encryption only.
const SUITES_12: &str = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:\
     ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256";
const SUITES_13: &str = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
const GROUPS: &str = "X25519:P-256:P-384:X448";
/// No SHA-1 and no SHA-224, which TLS 1.2 would allow. PKCS#1 v1.5 stays: cards that sign TLS 1.2 handshakes know no other.
const SIGNATURES: &str = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:\
     RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// ALPN: HTTP/2 first.
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2
    Tls12,
    /// TLS 1.3
    Tls13,
}

/// The gateway's own certificate and what it accepts.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// Server certificate and chain, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Lowest version.
    pub min: TlsVersion,
}

/// Why a listener cannot be made of its files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file holds no PEM certificate.
    #[error("{path}: cannot be read as certificates in PEM")]
    Certificate {
        /// Which.
        path: PathBuf,
    },
    /// The key file holds no PEM key, or that of another certificate.
    #[error("{path}: cannot be read as the key, in PEM, of the certificate")]
    Key {
        /// Which.
        path: PathBuf,
    },
    /// Anchors and CRLs cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] ErrorStack),
}

/// What a handshake needs, made of files as they were at one moment.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) context: SslContext,
    pub(super) generation: Arc<Generation>,
}

/// The TLS side of the listener, and the files it follows.
pub struct LiveTls {
    options: TlsOptions,
    trust: Arc<LiveTrust>,
    current: ArcSwap<Acceptor>,
    seen: Mutex<Fingerprint>,
    broken: AtomicBool,
}

impl std::fmt::Debug for LiveTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveTls").field("options", &self.options).field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl LiveTls {
    /// Reads certificate and key for the first time.
    ///
    /// # Errors
    /// Whatever makes them unusable.
    pub fn load(options: TlsOptions, trust: Arc<LiveTrust>) -> Result<Self, TlsError> {
        let seen = fingerprint(&options);
        let acceptor = acceptor(&options, trust.current())?;
        Ok(Self {
            options,
            trust,
            current: ArcSwap::from_pointee(acceptor),
            seen: Mutex::new(seen),
            broken: AtomicBool::new(false),
        })
    }

    pub(super) fn current(&self) -> Arc<Acceptor> {
        self.current.load_full()
    }

    /// Returns the trust that handshakes are judged by.
    #[must_use]
    pub fn trust(&self) -> &Arc<LiveTrust> {
        &self.trust
    }

    /// Looks at every file, those of the trust included, and lets what changed count for the next handshake. Returns what
    /// became of the trust.
    pub fn look(&self) -> Look {
        let trust = self.trust.look();
        self.renew();
        trust
    }

    fn renew(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = fingerprint(&self.options);
        let generation = self.trust.current();
        let renewed = *seen != found;
        if !renewed && self.current.load().generation.number() == generation.number() {
            return;
        }
        match acceptor(&self.options, generation) {
            Ok(acceptor) => {
                self.current.store(Arc::new(acceptor));
                self.broken.store(false, Ordering::Release);
                if renewed {
                    tracing::info!("the certificate of the listener was read again");
                }
            }
            Err(error) => {
                // Said once per change of files, not at every look.
                if !self.broken.swap(true, Ordering::AcqRel) || renewed {
                    tracing::error!(%error, "the certificate of the listener cannot be used, the one before stays");
                }
            }
        }
        *seen = found;
    }

    /// Returns what `/ready` says about the certificate of the listener.
    #[must_use]
    pub fn check(&self) -> Check {
        if self.broken.load(Ordering::Acquire) {
            Check::failing("certificate", "unreadable-files")
        } else {
            Check::passing("certificate")
        }
    }
}

fn fingerprint(options: &TlsOptions) -> Fingerprint {
    Fingerprint::of([&options.certificate, &options.key])
}

fn acceptor(options: &TlsOptions, generation: Arc<Generation>) -> Result<Acceptor, TlsError> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(match options.min {
        TlsVersion::Tls12 => SslVersion::TLS1_2,
        TlsVersion::Tls13 => SslVersion::TLS1_3,
    }))?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_3))?;
    builder.set_cipher_list(SUITES_12)?;
    builder.set_ciphersuites(SUITES_13)?;
    builder.set_groups_list(GROUPS)?;
    builder.set_sigalgs_list(SIGNATURES)?;
    builder.set_options(
        SslOptions::CIPHER_SERVER_PREFERENCE
            | SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_TICKET,
    );
    builder.set_num_tickets(0)?;
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    // Streams are read and written without blocking. The store holds the callers' CAs: it must not complete our own chain.
    builder.set_mode(
        SslMode::AUTO_RETRY
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER
            | SslMode::RELEASE_BUFFERS
            | SslMode::NO_AUTO_CHAIN,
    );
    builder.set_alpn_select_callback(|_, offered| select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::ALERT_FATAL));
    builder
        .set_certificate_chain_file(&options.certificate)
        .map_err(|_| TlsError::Certificate { path: options.certificate.clone() })?;
    let key = |_| TlsError::Key { path: options.key.clone() };
    builder.set_private_key_file(&options.key, SslFiletype::PEM).map_err(key)?;
    builder.check_private_key().map_err(key)?;
    generation.trust().apply(&mut builder)?;
    Ok(Acceptor { context: builder.build(), generation })
}

/// Told when anchors or CRLs were read again, or could not be: both are on record.
pub type OnTrust = Arc<dyn Fn(Look) + Send + Sync>;

/// A thread that looks at the files until it is dropped. It is not of a runtime: reading a CRL of a few megabytes would
/// hold up requests.
#[derive(Debug)]
pub struct Watch {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// How often to look: a change must count within 5 s.
    pub const EVERY: Duration = Duration::from_secs(2);

    /// Starts to look every `every`. What it finds about trust is counted in `metrics`, if that is the trust of callers.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        tls: Arc<LiveTls>,
        metrics: Option<Arc<Metrics>>,
        every: Duration,
        on_trust: OnTrust,
    ) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopping);
        let thread = thread::Builder::new().name("sluis-watch".to_owned()).spawn(move || {
            while !told.load(Ordering::Acquire) {
                match tls.look() {
                    Look::Same => {}
                    look @ (Look::Renewed | Look::Broken) => on_trust(look),
                }
                if let Some(metrics) = &metrics {
                    let trust = tls.trust();
                    let current = trust.current();
                    let next_update = current.trust().earliest_next_update().map(time::OffsetDateTime::unix_timestamp);
                    metrics.trust(current.number(), trust.is_broken(), next_update);
                    metrics.crl_issuers(current.trust().crl_ends());
                }
                thread::park_timeout(every);
            }
        })?;
        Ok(Self { stopping, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the watch over certificates and CRLs had died");
            }
        }
    }
}
