//! The gateway in force, and its configuration file: a new configuration takes its place without a connection being lost.
//!
//! What is under way is finished under the configuration that it began under; the next request is judged by the new one. A
//! file that cannot be used leaves everything as it was, and says so in log, metrics and `/ready`. What cannot change while
//! the gateway runs (`listen.address` …) keeps standing and is named.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::admin::Check;
use super::config::{self, Durability};
use super::fetching::Tasks;
use super::forwarder::{self, Forwarders};
use super::revocation::{Fetching, TrustOptions};
use super::state::{Gateway, StartError, Worker};
use super::statement;
use super::tls::TlsError;
use super::upstream::AccessError;
use crate::audit::{Event, EventKind};

/// What a reading of the configuration came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is in force.
    Renewed,
    /// It cannot be used, and the one before stays in force.
    Broken,
}

impl Reading {
    pub(super) const ALL: [Self; 2] = [Self::Renewed, Self::Broken];

    /// Returns the code that stands on record.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Broken => "broken",
        }
    }
}

/// The gateway in force.
pub(super) struct Live {
    current: ArcSwap<Gateway>,
    broken: AtomicBool,
    fetching: Mutex<Option<Followed>>,
    forwarding: Mutex<Option<Forwarders>>,
}

/// What is fetched and looked at in the background, until it is dropped.
struct Followed {
    _crls: Option<Fetching>,
    _statements: Tasks,
}

impl Live {
    /// Puts a gateway in force.
    pub(super) fn new(gateway: Gateway) -> Self {
        Self {
            current: ArcSwap::from_pointee(gateway),
            broken: AtomicBool::new(false),
            fetching: Mutex::new(None),
            forwarding: Mutex::new(None),
        }
    }

    pub(super) fn current(&self) -> Arc<Gateway> {
        self.current.load_full()
    }

    /// Returns true if and only if this is the gateway in force.
    pub(super) fn is_current(&self, gateway: &Arc<Gateway>) -> bool {
        Arc::ptr_eq(gateway, &self.current.load())
    }

    /// Starts to fetch what the configuration names, in place of what the one before did; needs a runtime.
    pub(super) fn fetch(&self) -> Result<(), StartError> {
        let gateway = self.current();
        let crls = match &gateway.config.identity.fetch {
            None => None,
            Some(options) => {
                let fetching = Fetching::start(options, &gateway.trust, &gateway.clock, &gateway.metrics);
                Some(fetching.map_err(|_| AccessError::Client)?)
            }
        };
        let statements = statement::follow(&gateway.statements, &gateway.clock, &gateway.metrics)?;
        let followed = Followed { _crls: crls, _statements: statements };
        *self.fetching.lock().unwrap_or_else(PoisonError::into_inner) = Some(followed);
        Ok(())
    }

    /// Starts to send the record on, in place of what did under the configuration before; waits until that has ended.
    pub(super) fn forward(&self) -> Result<(), StartError> {
        let mut forwarding = self.forwarding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = forwarding.take() {
            before.stop();
        }
        let gateway = self.current();
        let source = forwarder::Source {
            journal: gateway.config.audit.clone(),
            durable: gateway.journal.durable(),
            clock: gateway.clock.clone(),
        };
        let started = Forwarders::start(&source, &gateway.config.forward)?;
        gateway.metrics.forwarding(started.standings());
        *forwarding = Some(started);
        Ok(())
    }

    /// Stops to send the record on, and waits for that.
    pub(super) fn stop_forwarding(&self) {
        let forwarding = self.forwarding.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(forwarding) = forwarding {
            forwarding.stop();
        }
    }

    /// Stops to fetch.
    pub(super) fn rest(&self) {
        drop(self.fetching.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Reads the configuration file again and puts it in force. It waits for the disk.
    pub(super) fn read_again(&self) -> Reading {
        let before = self.current();
        // Whatever the file says: nothing that was remembered counts any more.
        before.forget();
        let read = Self::successor(&before);
        let reading = match &read {
            Ok(_) => Reading::Renewed,
            Err(mistakes) => {
                for mistake in mistakes {
                    tracing::error!(mistake, "the configuration cannot be used, the one before stays in force");
                }
                Reading::Broken
            }
        };
        if let Ok(gateway) = read {
            self.current.store(gateway);
            // What was asked under it meanwhile.
            before.forget();
            tracing::info!("the configuration was read again, and what was remembered of Consents is forgotten");
        }
        self.broken.store(reading == Reading::Broken, Ordering::Release);
        before.metrics.configuration(reading);
        before.journal.event(Event::new(EventKind::Configuration).with("state", reading.code()));
        reading
    }

    /// Makes the gateway that is to follow, or says every mistake.
    fn successor(before: &Gateway) -> Result<Arc<Gateway>, Vec<String>> {
        let told = |error: StartError| vec![error.to_string()];
        let mut config = config::load(&before.config.file)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        if before.config.durability == Durability::None && !config.identity.test {
            // A journal that waits for no disk is for test certificates, and cannot be exchanged while it is written to.
            return Err(vec!["audit.durability is \"none\", which needs identity.test = true: restart".to_owned()]);
        }
        for key in config.keep_what_stands(&before.config) {
            tracing::warn!(key, "changed in the configuration, and needs a restart to count");
        }
        if let Some(fetch) = &config.identity.fetch {
            Fetching::prepare(fetch)
                .map_err(|cause| told(StartError::System { doing: "make the directory identity.crl", cause }))?;
        }
        let (identity, test) = (TrustOptions::of(&config.identity), config.identity.test);
        let gateway = Arc::new(before.followed_by(config).map_err(told)?);
        forwarder::check(&gateway.config.audit, &gateway.config.forward).map_err(|error| told(error.into()))?;
        // A worker that cannot be made is known here; each thread makes its own.
        Worker::new(Arc::clone(&gateway)).map_err(|error| told(error.into()))?;
        // The last step that can fail: from here on both hold.
        gateway.trust.follow(identity).map_err(|error| told(TlsError::from(error).into()))?;
        if test {
            tracing::warn!("test certificates are accepted: identity.test is true");
        }
        Ok(gateway)
    }

    /// Returns what `/ready` says about the configuration.
    pub(super) fn check(&self) -> Check {
        if self.broken.load(Ordering::Acquire) {
            Check::failing("configuration", "unusable-file")
        } else {
            Check::passing("configuration")
        }
    }
}
