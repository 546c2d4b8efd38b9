//! When the journal is signed: at the start and at the end, where a segment ends, behind a number of records, and after a time
//! in which anything was written.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::audit::{Head, Record};
use crate::gateway::signing::{NotSigned, Signer};
use crate::limits;

/// What lies behind the last checkpoint.
pub(super) struct Sealing {
    signer: Arc<Signer>,
    behind: u64,
    /// When the last one was written; none before the first of this start.
    last: Option<OffsetDateTime>,
}

impl Sealing {
    pub(super) fn with(signer: Arc<Signer>) -> Self {
        Self { signer, behind: 0, last: None }
    }

    /// Takes note of a record.
    pub(super) fn add(&mut self) {
        self.behind = self.behind.saturating_add(1);
    }

    /// Returns true if and only if a record lies behind the last checkpoint.
    pub(super) fn has_work(&self) -> bool {
        self.behind > 0
    }

    /// Returns true if and only if no more records may follow without a checkpoint.
    pub(super) fn is_full(&self) -> bool {
        self.behind >= limits::CHECKPOINT_RECORDS
    }

    /// Returns true if and only if a checkpoint is to be written: the first of this start, or one after a time. A clock that
    /// was set back tells nothing of how long it has been.
    pub(super) fn is_due(&self, now: OffsetDateTime) -> bool {
        self.last.is_none_or(|last| self.has_work() && (now < last || now - last >= limits::CHECKPOINT_EVERY))
    }

    /// Returns how long to wait for more records before what is there is signed.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.has_work().then_some(limits::CHECKPOINT_EVERY)
    }

    /// Returns the checkpoint of `head`, which is to be written next.
    pub(super) fn checkpoint(&mut self, head: Head, now: OffsetDateTime) -> Result<Record, NotSigned> {
        let event = self.signer.checkpoint(head, now)?;
        self.behind = 0;
        self.last = Some(now);
        Ok(event.into())
    }
}
