//! Trust that follows its files: certificates and CRLs are looked at again and again, and a change counts without a
//! restart.
//!
//! A set of files that cannot be read, or that holds a CRL older than the one before, leaves the state before it in force, and says so in log, metrics and `/ready`: a
//! half-written CRL must not shut out everybody. What is in force still ends by its own dates.

mod fetch;
mod fingerprint;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use time::OffsetDateTime;

use super::admin::Check;
use super::config::IdentitySettings;
use super::trust::{Directories, Moment, Trust, TrustError};
use crate::identity::Register;
pub(super) use fetch::codes as fetch_codes;
pub use fetch::{FetchError, FetchOptions, Fetching};
pub(super) use fingerprint::Fingerprint;

/// How long a verdict on a chain counts when nothing changed: long enough that it costs a busy connection nothing, short
/// enough that a CA that expires ends what came through it.
const VERDICT_SECONDS: i64 = 300;

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
    /// What certificates are read by.
    pub register: Arc<Register>,
}

impl TrustOptions {
    /// Returns those of a configuration.
    #[must_use]
    pub fn of(settings: &IdentitySettings) -> Self {
        let IdentitySettings { trust, intermediates, crl, register, fetch: _, test: _, admit: _ } = settings;
        let (trust, intermediates, crl) = (trust.clone(), intermediates.clone(), crl.clone());
        Self { trust, intermediates, crl, register: Arc::clone(register) }
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
        let trust = read(&options)?;
        let register = Arc::clone(&options.register);
        let unsigned = trust.holds_unsigned();
        if unsigned {
            tracing::error!("a CRL is not signed by its issuer: callers of that CA are refused");
        }
        Ok(Self {
            options: ArcSwap::from_pointee(options),
            current: ArcSwap::from_pointee(Generation { number: 1, trust: Arc::new(trust), register }),
            seen: Mutex::new(seen),
            // There is no state before it that could stay.
            broken: AtomicBool::new(unsigned),
        })
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
        match read(&options).and_then(|trust| trust.may_follow(&current.trust).map(|()| trust)) {
            Ok(trust) => {
                self.succeed(trust, Arc::clone(&current.register));
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
        let trust = read(&options)?;
        trust.may_follow(&current.trust)?;
        *seen = found;
        // The same one leaves what was read by it as it is.
        let same = *current.register == *options.register;
        let register = if same { &current.register } else { &options.register };
        self.succeed(trust, Arc::clone(register));
        self.options.store(Arc::new(options));
        Ok(())
    }

    fn succeed(&self, trust: Trust, register: Arc<Register>) {
        let number = self.current.load().number.saturating_add(1);
        let crl_issuers = trust.crl_issuers();
        self.current.store(Arc::new(Generation { number, trust: Arc::new(trust), register }));
        self.broken.store(false, Ordering::Release);
        tracing::info!(generation = number, crl_issuers, "certificates and CRLs were read again");
    }

    /// Returns what `/ready` says about trust and CRLs.
    #[must_use]
    pub fn checks(&self, now: OffsetDateTime) -> Vec<Check> {
        let current = self.current();
        let trust =
            if self.is_broken() { Check::failing("trust", "unreadable-files") } else { Check::passing("trust") };
        let crl = if self.options.load().crl.is_none() {
            Check::passing("crl")
        } else if current.trust.crl_issuers() == 0 {
            Check::failing("crl", "missing")
        } else if current.is_stale(now) {
            Check::failing("crl", "expired")
        } else {
            Check::passing("crl")
        };
        vec![trust, crl]
    }
}

fn read(options: &TrustOptions) -> Result<Trust, TrustError> {
    let (intermediates, crl) = (options.intermediates.as_deref(), options.crl.as_deref());
    Trust::of(Directories { trust: &options.trust, intermediates, crl }, Moment::Present)
}

fn fingerprint(options: &TrustOptions) -> Fingerprint {
    Fingerprint::of(std::iter::once(&options.trust).chain(&options.intermediates).chain(&options.crl))
}
