//! A forwarder: what sends the record on to another store, line by line behind the thread that writes it.
//!
//! Each has a thread of its own, so that a target that is down, slow or wrong costs no request anything. It reads what is
//! durable ([`Tail`](super::journal::tail::Tail)), sends it in batches and in order, and moves its *cursor*, a file of its own,
//! only once the target has acknowledged. A gateway that is killed in between sends the same bytes under the same ids again,
//! which changes nothing at the target: nothing is lost, and nothing is there twice.
//!
//! A target that cannot be reached or fails is asked again, ever more seldom up to a bound. A record that it refuses for
//! good stops the forwarder, with everything before it sent: it is never passed over. How far each is behind stands in the
//! metrics and in `/ready`, where it is information: a store that lags does not stop care.
//!
//! Files: `forward/NAME` below `audit.directory`.

mod backoff;
pub(crate) mod cursor;
mod engine;
mod fhir;
#[cfg(feature = "nats")]
mod nats;
mod standing;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::clock::Clock;
use super::config::{ForwardKind, ForwardSettings};
use super::state::StartError;
use super::upstream::AccessError;
use crate::audit::Head;
use crate::limits;
use backoff::Backoff;
pub use cursor::CursorError;
use cursor::CursorFile;
use engine::{Engine, Target, Until};
use fhir::FhirTarget;
#[cfg(feature = "nats")]
use nats::NatsTarget;
pub(super) use standing::render;
pub use standing::{Standing, Told};

/// Why a forwarder cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// Credentials towards its target.
    #[error("audit.forward {name}: {source}")]
    Access {
        /// Of the forwarder.
        name: String,
        /// What is wrong with them.
        source: AccessError,
    },
    /// Its cursor.
    #[error("audit.forward {name}: {source}")]
    Cursor {
        /// Of the forwarder.
        name: String,
        /// What is wrong with it.
        source: CursorError,
    },
}

/// Checks that a forwarder can be started for each of these settings.
///
/// # Errors
/// Credentials or a cursor that cannot be used.
pub(crate) fn check(journal: &Path, settings: &[ForwardSettings]) -> Result<(), ForwardError> {
    settings.iter().try_for_each(|one| {
        prepared(one)?;
        let file = CursorFile::of(journal, &one.name, one.kind.code(), &one.kind.target());
        file.read().map(drop).map_err(|source| ForwardError::Cursor { name: one.name.clone(), source })
    })
}

/// A target that can be asked.
enum Prepared {
    Fhir(FhirTarget),
    #[cfg(feature = "nats")]
    Nats(Box<NatsTarget>),
}

fn prepared(settings: &ForwardSettings) -> Result<Prepared, ForwardError> {
    let made = match &settings.kind {
        ForwardKind::Fhir { base, access, part } => FhirTarget::new(base, access, *part).map(Prepared::Fhir),
        #[cfg(feature = "nats")]
        ForwardKind::Nats { servers, stream, subject, access } => {
            NatsTarget::new(servers, stream, subject, access).map(|target| Prepared::Nats(Box::new(target)))
        }
    };
    made.map_err(|source| ForwardError::Access { name: settings.name.clone(), source })
}

/// The forwarders that run.
pub(super) struct Forwarders {
    running: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    standings: Vec<Arc<Standing>>,
}

/// What every forwarder shares.
pub(super) struct Source {
    /// The directory of the journal.
    pub(super) journal: PathBuf,
    /// How far it is durable.
    pub(super) durable: watch::Receiver<Head>,
    pub(super) clock: Clock,
}

impl Forwarders {
    /// Starts a forwarder for each of these settings.
    ///
    /// # Errors
    /// Credentials or a cursor that cannot be used, or a thread that cannot be started.
    pub(super) fn start(source: &Source, settings: &[ForwardSettings]) -> Result<Self, StartError> {
        let stop = watch::Sender::new(false);
        let mut forwarders = Self { running: Vec::new(), stop, standings: Vec::new() };
        for one in settings {
            let standing = Arc::new(Standing::new(&one.name, source.durable.clone(), source.clock.clone()));
            forwarders.standings.push(Arc::clone(&standing));
            let told = forwarders.stop.subscribe();
            let thread = match prepared(one)? {
                Prepared::Fhir(target) => begin(source, one, target, standing, told)?,
                #[cfg(feature = "nats")]
                Prepared::Nats(target) => begin(source, one, *target, standing, told)?,
            };
            forwarders.running.push(thread);
        }
        note_unknown(&source.journal, settings);
        Ok(forwarders)
    }

    /// Returns how each stands.
    pub(super) fn standings(&self) -> Vec<Arc<Standing>> {
        self.standings.clone()
    }

    /// Tells them to stop and waits until each has: a few seconds at most.
    pub(super) fn stop(self) {
        self.stop.send_replace(true);
        for thread in self.running {
            if thread.join().is_err() {
                tracing::error!("a forwarder fell over");
            }
        }
    }
}

fn begin<T: Target + Send + 'static>(
    source: &Source,
    settings: &ForwardSettings,
    target: T,
    standing: Arc<Standing>,
    mut told: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, StartError> {
    let name = settings.name.clone();
    let file = CursorFile::of(&source.journal, &name, settings.kind.code(), &settings.kind.target());
    let backoff = Backoff::up_to(settings.longest_wait);
    let mut engine = Engine::new(target, source, file, backoff, Arc::clone(&standing));
    let system = |doing| move |cause: io::Error| StartError::System { doing, cause };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system("start a forwarder"))?;
    let run = move || {
        // Whatever ends this thread, it is seen.
        let fallen = standing.fallen_unless_ended();
        runtime.block_on(async {
            // Whoever could tell it to stop and is gone has told it.
            let until_told = async { told.wait_for(|told| *told).await.map(drop).unwrap_or_default() };
            tokio::select! {
                biased;
                () = until_told => {}
                halted = engine.run(Until::Halted) => {
                    if let Err(reason) = halted {
                        standing.halt(reason);
                        tracing::error!(forwarder = name, reason = reason.code(), "a forwarder stopped: nothing is sent on until it is mended");
                    }
                }
            }
            if !standing.is_halted() {
                // What is on record by now, if the target takes it in time.
                let last = tokio::time::timeout(limits::FORWARD_LAST, engine.run(Until::Sent)).await;
                tracing::info!(forwarder = name, sent_all = matches!(last, Ok(Ok(()))), "a forwarder ended");
            }
        });
        fallen.ended();
    };
    std::thread::Builder::new()
        .name("forwarder".to_owned())
        .spawn(run)
        .map_err(system("start the thread of a forwarder"))
}

/// A cursor that no forwarder moves keeps the journal from being cleared: whoever took the forwarder away has to say so.
fn note_unknown(journal: &Path, settings: &[ForwardSettings]) {
    for name in cursor::names(journal).unwrap_or_default() {
        if settings.iter().all(|one| one.name != name) {
            tracing::warn!(
                forwarder = name,
                "a cursor of no forwarder: remove its file to let go of the records behind it"
            );
        }
    }
}
