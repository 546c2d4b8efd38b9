//! Reading what the journal tells about one patient.

use crate::audit::{Access, Accesses, Days, Told, Verdict};
use crate::gateway::journal::index::{Index, IndexError, Part, Span, Whom};
use crate::limits;
use crate::query::Bsn;

/// Why it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// The journal is not as it was written.
    Altered,
    /// The index is behind, and too much would have to be read without it.
    NotIndexed,
    /// More than is told at a time.
    TooMuch,
    /// The disk refused, or a line has a member of a kind that no gateway writes.
    Failed,
}

/// Reads the accesses to a patient's data in these days, in the order in which they ended; those under way last.
pub(super) fn accesses(index: &Index, bsn: &Bsn, days: Days) -> Result<Vec<Access>, Unread> {
    let (from, to) = days.span();
    let part = match Part::of(index, Whom::Bsn(bsn), Span { from: Some(from), to: Some(to) }) {
        Ok(part) => part,
        Err(error) => without(index, &error)?,
    };
    if part.unindexed() > limits::LOG_SEGMENTS {
        return Err(Unread::NotIndexed);
    }
    if part.bytes() > limits::LOG_BYTES {
        return Err(Unread::TooMuch);
    }
    let is_asked_for = |access: &Access| {
        let patient = access.patient().and_then(|patient| patient.bsn.as_deref());
        patient == Some(bsn.as_str()) && days.meet(access)
    };
    let (mut accesses, mut found, mut unread) = (Accesses::default(), Vec::new(), None);
    let read = part.read(|entry, line| match accesses.take(entry, line) {
        Ok(Some(Told::Access(access))) if unread.is_none() && is_asked_for(&access) => {
            found.push(*access);
            if found.len() > limits::LOG_ACCESSES {
                unread = Some(Unread::TooMuch);
            }
        }
        Ok(_) => {}
        Err(_) => unread = Some(Unread::Failed),
    });
    let verdict = match read {
        Ok(read) => read.verdict,
        Err(error) => return Err(refused(&error)),
    };
    match (verdict, unread) {
        (Verdict::Altered, _) => Err(Unread::Altered),
        (Verdict::Intact | Verdict::Torn, Some(unread)) => Err(unread),
        (Verdict::Intact | Verdict::Torn, None) => {
            found.extend(accesses.under_way().into_iter().filter(is_asked_for));
            Ok(found)
        }
    }
}

/// Reads all of a journal that is short; of a longer one nothing can be told before the index is made.
fn without(index: &Index, error: &IndexError) -> Result<Part, Unread> {
    match index.without() {
        Ok(part) if part.unindexed() <= limits::LOG_SEGMENTS => Ok(part),
        Ok(_) => Err(refused(error)),
        Err(error) => Err(refused(&error)),
    }
}

fn refused(error: &IndexError) -> Unread {
    match error {
        IndexError::Altered { .. } => Unread::Altered,
        // It is being made, or will be: what does not fit the journal shows there.
        IndexError::Absent | IndexError::InUse | IndexError::Unreadable | IndexError::OtherKey | IndexError::Misfit => {
            Unread::NotIndexed
        }
        IndexError::Hash | IndexError::Keys(_) | IndexError::Disk { .. } | IndexError::Store(_) => Unread::Failed,
    }
}
