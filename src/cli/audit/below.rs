//! Journals of the command line's own, below that of the gateway, which writes to its own itself.
//!
//! Each run of a command opens one, appends a record and ends. Two runs at one time wait for one another.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::AuditError;
use crate::audit::{Event, Sink as _};
use crate::gateway::clock::Clock;
use crate::gateway::config::Durability;
use crate::gateway::journal::{Journal, JournalError, NoTrail, Unrecorded};
use crate::gateway::signing::Signer;
use crate::limits;

/// Returns who runs the program, by the number that the system knows them by: the owner of its own process.
pub(super) fn user() -> String {
    let user = std::fs::metadata("/proc/self").map(|process| process.uid());
    user.map_or_else(|_| "unknown".to_owned(), |user| user.to_string())
}

/// Appends an event to the journal of that name below `directory`, and waits until it is durable.
///
/// # Errors
/// It cannot be: then what it is a record of must not happen.
pub(super) fn append(directory: &Path, name: &'static str, event: Event, clock: Clock) -> Result<(), AuditError> {
    let opened = waiting(|| Journal::open(&directory.join(name), clock.clone()));
    let journal = opened.map_err(|source| AuditError::Below { name, source })?;
    write(&journal, event)?;
    journal.stop();
    Ok(())
}

/// Opens a journal that is signed, once no other command has it.
pub(super) fn open_signed(directory: &Path, clock: Clock, signer: Signer) -> Result<Journal, JournalError> {
    let signer = Arc::new(signer);
    waiting(|| Journal::open_with(directory, clock.clone(), Some(Arc::clone(&signer)), Durability::Group))
}

/// Appends an event and waits until it is durable.
pub(super) fn write(journal: &Journal, event: Event) -> Result<(), Unrecorded> {
    let sink = journal.sink().map_err(|_: NoTrail| Unrecorded)?;
    actix_rt::System::new().block_on(sink.append(event.into()))
}

fn waiting(open: impl Fn() -> Result<Journal, JournalError>) -> Result<Journal, JournalError> {
    let until = Instant::now() + limits::OTHER_COMMANDS;
    loop {
        match open() {
            Err(JournalError::InUse) if Instant::now() < until => sleep(Duration::from_millis(20)),
            opened => return opened,
        }
    }
}
