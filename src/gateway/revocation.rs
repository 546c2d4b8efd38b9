//! Trust that follows its files: certificates and CRLs are looked at again and again, and a change counts without a
//! restart.
//!
//! A set of files that cannot be read, or that holds a CRL older than one that was seen, leaves the state before it in
//! force, and says so in log, metrics and `/ready`: a half-written CRL must not shut out everybody. What is in force still
//! ends by its own dates. Which CRLs were seen is kept for the process, and on disk where CRLs are fetched: one whose file
//! went away does not come back in an older edition.

mod fetch;
mod fingerprint;
mod ocsp;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use time::OffsetDateTime;

use super::admin::Check;
use super::config::IdentitySettings;
use super::metrics::Metrics;
use super::trust::{Crl, CrlError, CrlState, Directories, Editions, Moment, Standing, Trust, TrustError, Unproven};
use crate::identity::{Finding, Reason, Refused, Register};
pub(super) use fetch::codes as fetch_codes;
pub use fetch::{FetchError, FetchOptions, Fetching};
pub(super) use fingerprint::Fingerprint;
use ocsp::Ocsp;
pub(super) use ocsp::codes as ocsp_codes;
pub use ocsp::{OcspError, OcspOptions};

/// How long a verdict on a chain counts when nothing changed: long enough that it costs a busy connection nothing, short
/// enough that a CA that expires ends what came through it.
const VERDICT_SECONDS: i64 = 300;

/// Where is kept which CRLs were seen, below the directory of CRLs: in a directory of its own, so that it changes nothing
/// among them.
const SEEN: &str = "seen/editions.json";

/// What a look at the files found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing changed.
    Same,
    /// What changed is in force.
    Renewed,
    /// What changed cannot be read, and the state before it stays in force.
    Broken,
}

/// Where anchors and CRLs are.
#[derive(Debug, Clone)]
pub struct TrustOptions {
    /// Directory of issuing CAs.
    pub trust: PathBuf,
    /// Directory of CAs below an anchor, known for their CRLs.
    pub intermediates: Option<PathBuf>,
    /// Directory of CRLs; none only where revocation is off.
    pub crl: Option<PathBuf>,
    /// File in which is kept which CRLs were seen; none where nobody fetches them, and the directory is not the gateway's to
    /// write in.
    pub seen: Option<PathBuf>,
    /// Who is asked where an issuer has no CRL; none where its callers are refused then.
    pub ocsp: Option<OcspOptions>,
    /// What certificates are read by.
    pub register: Arc<Register>,
}

impl TrustOptions {
    /// Returns those of a configuration.
    #[must_use]
    pub fn of(settings: &IdentitySettings) -> Self {
        let IdentitySettings { trust, intermediates, crl, register, fetch, ocsp, test: _, admit: _, statements: _ } =
            settings;
        let (trust, intermediates, crl) = (trust.clone(), intermediates.clone(), crl.clone());
        let seen = fetch.as_ref().map(|fetch| fetch.directory.join(SEEN));
        Self { trust, intermediates, crl, seen, ocsp: ocsp.clone(), register: Arc::clone(register) }
    }
}

/// Anchors and CRLs as they were at one loading, and what certificates were read by.
#[derive(Debug)]
pub struct Generation {
    number: u64,
    trust: Arc<Trust>,
    register: Arc<Register>,
}

/// When a verdict was given: it counts as long as another moment gives an equal one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    generation: u64,
    slot: i64,
}

impl Generation {
    /// Returns which loading it was, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the anchors and CRLs.
    #[must_use]
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// Returns what certificates are read by.
    #[must_use]
    pub fn register(&self) -> &Arc<Register> {
        &self.register
    }

    /// Once any CRL is too old, verdicts are given anew each second: others may follow.
    pub(super) fn mark(&self, now: OffsetDateTime) -> Mark {
        let now_seconds = now.unix_timestamp();
        let slot = if self.is_stale(now) { now_seconds } else { now_seconds.div_euclid(VERDICT_SECONDS) };
        Mark { generation: self.number, slot }
    }

    fn is_stale(&self, now: OffsetDateTime) -> bool {
        self.trust.earliest_next_update().is_some_and(|next_update| next_update <= now)
    }
}

/// The trust in force, and the files it follows.
#[derive(Debug)]
pub struct LiveTrust {
    options: ArcSwap<TrustOptions>,
    current: ArcSwap<Generation>,
    seen: Mutex<Fingerprint>,
    editions: Mutex<Editions>,
    ocsp: ArcSwapOption<Ocsp>,
    metrics: OnceLock<Arc<Metrics>>,
    broken: AtomicBool,
}

impl LiveTrust {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Whatever makes them unreadable: at the start there is no state before it.
    pub fn load(options: TrustOptions) -> Result<Self, TrustError> {
        // Taken before reading: what changes meanwhile differs from it and is read at the next look.
        let seen = fingerprint(&options);
        let editions = noted(&options)?;
        let trust = read(&options, &editions)?;
        let register = Arc::clone(&options.register);
        trust.tell_set_aside();
        // There is no state before it that could stay.
        let forged = trust.holds_forged();
        let (ocsp, trust, path) = (asking(&options)?, Arc::new(trust), options.seen.clone());
        let live = Self {
            options: ArcSwap::from_pointee(options),
            current: ArcSwap::from_pointee(Generation { number: 1, trust: Arc::clone(&trust), register }),
            seen: Mutex::new(seen),
            editions: Mutex::new(editions),
            ocsp: ArcSwapOption::from(ocsp.map(Arc::new)),
            metrics: OnceLock::new(),
            broken: AtomicBool::new(forged),
        };
        live.note(path.as_deref(), |editions| trust.note(editions));
        Ok(live)
    }

    /// Returns what is in force.
    #[must_use]
    pub fn current(&self) -> Arc<Generation> {
        self.current.load_full()
    }

    /// Returns true if and only if the files as they are cannot be read, so that an older state is in force.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Looks at the files and reads them if they changed.
    pub fn look(&self) -> Look {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let options = self.options.load_full();
        let found = fingerprint(&options);
        if *seen == found {
            return Look::Same;
        }
        *seen = found;
        let current = self.current();
        let read = read(&options, &self.editions());
        match read.and_then(|trust| trust.may_follow(&current.trust).map(|()| trust)) {
            Ok(trust) => {
                self.succeed(trust, Arc::clone(&current.register), options.seen.as_deref());
                Look::Renewed
            }
            Err(error) => {
                self.broken.store(true, Ordering::Release);
                tracing::error!(%error, "certificates or CRLs cannot be taken, the state before stays in force");
                Look::Broken
            }
        }
    }

    /// Follows other files, and reads certificates by another register. Where that fails, nothing changes.
    ///
    /// # Errors
    /// Whatever makes the files unusable.
    pub fn follow(&self, options: TrustOptions) -> Result<(), TrustError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = fingerprint(&options);
        let current = self.current();
        let noted = noted(&options)?;
        let mut editions = self.editions();
        editions.extend(&noted);
        let trust = read(&options, &editions)?;
        trust.may_follow(&current.trust)?;
        let ocsp = asking(&options)?;
        *seen = found;
        let same = self.ocsp.load().as_ref().map(|ocsp| ocsp.options().clone()) == options.ocsp;
        if !same {
            // What was said to the one before was said to the settings before.
            self.ocsp.store(ocsp.map(Arc::new));
            if let Some(metrics) = self.metrics.get() {
                self.count_in(metrics);
            }
        }
        // The same one leaves what was read by it as it is.
        let same = *current.register == *options.register;
        let register = if same { &current.register } else { &options.register };
        self.note(None, |editions| editions.extend(&noted));
        self.succeed(trust, Arc::clone(register), options.seen.as_deref());
        self.options.store(Arc::new(options));
        Ok(())
    }

    fn succeed(&self, trust: Trust, register: Arc<Register>, path: Option<&Path>) {
        let number = self.current.load().number.saturating_add(1);
        let crl_issuers = trust.crl_issuers();
        trust.tell_set_aside();
        self.note(path, |editions| trust.note(editions));
        self.current.store(Arc::new(Generation { number, trust: Arc::new(trust), register }));
        self.broken.store(false, Ordering::Release);
        tracing::info!(generation = number, crl_issuers, "certificates and CRLs were read again");
    }

    fn editions(&self) -> Editions {
        self.editions.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what was seen, for the process whether or not the disk takes it.
    fn note(&self, path: Option<&Path>, note: impl FnOnce(&mut Editions)) {
        let mut editions = self.editions.lock().unwrap_or_else(PoisonError::into_inner);
        let before = editions.clone();
        note(&mut editions);
        let Some(path) = path else { return };
        if *editions == before && path.exists() {
            return;
        }
        if let Err(error) = editions.write(path) {
            tracing::error!(path = %path.display(), %error, "which CRLs were seen cannot be kept on disk");
        }
    }

    /// Judges a CRL that comes from elsewhere; returns until when it holds.
    pub(super) fn take(&self, crl: &Crl, now: OffsetDateTime) -> Result<OffsetDateTime, CrlError> {
        self.current.load().trust.take(crl, &self.editions(), now)
    }

    /// Counts what responders say from here on.
    pub fn count_in(&self, metrics: &Arc<Metrics>) {
        self.metrics.get_or_init(|| Arc::clone(metrics));
        if let Some(ocsp) = &*self.ocsp.load() {
            ocsp.count_in(metrics);
        }
    }

    /// Asks responders about certificates that no CRL tells of, where no answer is in hand.
    ///
    /// # Errors
    /// Every reason for which one is not known to be good.
    pub(super) async fn prove(&self, unproven: &[Unproven], now: OffsetDateTime) -> Result<(), Refused> {
        if unproven.is_empty() {
            return Ok(());
        }
        match self.ocsp.load_full() {
            Some(ocsp) => ocsp.prove(unproven, now).await,
            None => Err(Refused::new(vec![Finding::of(Reason::RevocationUnknown, "no CRL, and nobody to ask")])),
        }
    }

    /// Notes a CRL that was taken, before its file is read: none from before it is taken meanwhile.
    pub(super) fn took(&self, crl: &Crl) {
        self.note(self.options.load().seen.as_deref(), |editions| crl.note(editions));
    }

    /// Returns how each issuer stands with its CRLs.
    #[must_use]
    pub fn standings(&self, now: OffsetDateTime) -> Vec<Standing> {
        self.current().trust.standings(now)
    }

    /// Returns what `/ready` says about trust and CRLs.
    #[must_use]
    pub fn checks(&self, now: OffsetDateTime) -> Vec<Check> {
        let trust =
            if self.is_broken() { Check::failing("trust", "unreadable-files") } else { Check::passing("trust") };
        let standings = self.standings(now);
        let has = |state: CrlState| standings.iter().any(|standing| standing.state == state);
        let crl = if self.options.load().crl.is_none() {
            Check::passing("crl")
        } else if has(CrlState::Ended) {
            Check::failing("crl", "expired")
        } else if has(CrlState::Missing) || (self.current().trust.crl_issuers() == 0 && !has(CrlState::Asked)) {
            Check::failing("crl", "missing")
        } else if has(CrlState::NotYet) {
            Check::failing("crl", "not-yet")
        } else {
            Check::passing("crl")
        };
        vec![trust, crl.about(standings)]
    }
}

fn noted(options: &TrustOptions) -> Result<Editions, TrustError> {
    options.seen.as_deref().map_or_else(|| Ok(Editions::default()), Editions::read)
}

fn read(options: &TrustOptions, seen: &Editions) -> Result<Trust, TrustError> {
    let (intermediates, crl) = (options.intermediates.as_deref(), options.crl.as_deref());
    let trust = Trust::of(Directories { trust: &options.trust, intermediates, crl }, Moment::Present, seen)?;
    Ok(if options.ocsp.is_some() { trust.asking() } else { trust })
}

fn asking(options: &TrustOptions) -> Result<Option<Ocsp>, TrustError> {
    options.ocsp.clone().map(Ocsp::new).transpose().map_err(|_| TrustError::Client)
}

fn fingerprint(options: &TrustOptions) -> Fingerprint {
    Fingerprint::of(std::iter::once(&options.trust).chain(&options.intermediates).chain(&options.crl))
}
