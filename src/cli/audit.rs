//! `sluis audit`: verifies a journal, shows what is on record about a patient, exports it, lists what is to be reviewed.
//!
//! All read, none writes to the journal of the gateway, and none needs the gateway to have ended: a line that is being written looks torn.

mod access_log;
mod below;
mod export;
mod incident;
mod indexed;
mod period;
mod prune;
mod reading;
mod review;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::audit::{Entry, Kind, Subject, Told, Verdict, Verification, Verifier};
use crate::gateway::forwarder::cursor::CursorError;
use crate::gateway::journal::index::IndexError;
use crate::gateway::journal::removed::Beginning;
use crate::gateway::journal::{JournalError, Unrecorded, segments};
use crate::gateway::keys::KeysError;
use crate::gateway::signing::PublicKeys;
use crate::limits;
use crate::query::{Bsn, Id};
pub use access_log::{Form, access_log};
pub use export::{Choice, Format, export};
pub use incident::incident;
pub use indexed::index;
use indexed::{About, each_line_about};
pub use period::{NotAPeriod, Period};
pub use prune::{Pruning, prune};
pub use reading::Reading;
pub use review::{Closing, Listing, close, review};
pub use verify::{Against, verify};

/// Why there is no answer: a mistake in what was asked, exit code 1.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file or the directory cannot be read.
    #[error("cannot read {what}")]
    Unreadable {
        /// Which of them.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file with the head holds none.
    #[error(
        "the head is neither 64 lower-case hexadecimal digits, nor an answer of `sluis audit verify`, nor a line of a journal"
    )]
    NotAHead,
    /// The public keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The patient is named in no way that is on record.
    #[error("the patient is neither a BSN nor a reference like Patient/1")]
    NotAPatient,
    /// No number of an organisation.
    #[error("the caller is no URA: 8 digits are expected")]
    NotAnOrganisation,
    /// A moment that is none, or an end before its beginning.
    #[error(transparent)]
    NotAPeriod(#[from] NotAPeriod),
    /// No item of that id is to be reviewed.
    #[error("nothing that is to be reviewed has this id: `sluis audit review` lists what is")]
    NoItem,
    /// A review without a name or a verdict, or with one that is too long.
    #[error("--by and --verdict: expected text of at most {} bytes each", limits::REVIEW_BYTES)]
    NoReview,
    /// Nobody listed the item as this user, so that nobody knows what was seen of it.
    #[error(
        "this user has not listed it as it is: `sluis audit review` lists what is to be reviewed, and --upto says as of when"
    )]
    NotListed,
    /// How far what is sent on is behind cannot be told.
    #[error(transparent)]
    Forward(#[from] CursorError),
    /// The configuration says for how long nothing.
    #[error("audit.retention is not set: the record is kept for ever")]
    NoRetention,
    /// A segment that is to go cannot be removed.
    #[error("cannot remove {segment}; what was to go with it is stated as removed, run the command again")]
    Unremovable {
        /// Its name.
        segment: String,
        /// What the system said.
        source: io::Error,
    },
    /// A journal below that of the gateway takes no record.
    #[error("what was asked is not on record, so it is not done")]
    NotOnRecord(#[from] Unrecorded),
    /// A journal below that of the gateway cannot be opened.
    #[error("what was asked cannot be put on record in {name}/, so it is not done: {source}")]
    Below {
        /// Its name.
        name: &'static str,
        /// Why.
        source: JournalError,
    },
    /// The index is there and cannot be used or made.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Nothing says where the key of the index is.
    #[error("there is no index that names the directory of the keys: --keys says which it is")]
    NoKeys,
    /// What is asked for cannot be written out.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
    /// The answer cannot be written.
    #[error("the answer cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

/// Shows what is on record about a patient, named by BSN or by reference (`Patient/1`): as one JSON object with the
/// records as they stand in the journal, or as a line of text for each. Returns the answer for stdout and the exit code:
/// 0, or 2 if the journal is altered. Only lines that are as they were written are shown.
///
/// # Errors
/// The journal cannot be read, or the patient is named otherwise.
pub fn show(directory: &Path, patient: &str, json: bool) -> Result<(String, i32), AuditError> {
    let sought = Sought::of(patient)?;
    let mut intents = BTreeSet::new();
    let mut shown = Vec::new();
    let found = each_line_about(directory, About::Patient(&sought), Period::default(), |entry, line| {
        let record: Record<'_> = serde_json::from_slice(line)?;
        let about = record.patient.as_ref().is_some_and(|patient| sought.is(patient));
        // The closing record of an intent that a start found open names the intent and says no more.
        if about || entry.intents.iter().any(|intent| intents.contains(intent)) {
            if entry.kind == Kind::Intent {
                intents.insert(entry.seq);
            }
            shown.push(if json { serde_json::from_slice::<&RawValue>(line)?.get().to_owned() } else { record.text() });
        }
        Ok(())
    })?;
    let verdict = found.verdict.code();
    let text = if json {
        let records = shown.into_iter().map(RawValue::from_string).collect::<Result<_, _>>()?;
        serde_json::to_string(&Shown { verdict, records })?
    } else {
        shown.push(format!("{} records, the journal is {verdict}", shown.len()));
        shown.join("\n")
    };
    Ok((text, exit_code(found.verdict)))
}

fn exit_code(verdict: Verdict) -> i32 {
    match verdict {
        Verdict::Intact | Verdict::Torn => 0,
        Verdict::Altered => 2,
    }
}

#[derive(Serialize)]
struct Shown {
    verdict: &'static str,
    records: Vec<Box<RawValue>>,
}

/// Reads every line of the journal and gives those that are as they were written.
fn each_line(
    directory: &Path,
    verifier: Verifier,
    take: impl FnMut(&Entry, &[u8]) -> Result<(), AuditError>,
) -> Result<Verification, AuditError> {
    each_judged(directory, verifier, None, take)
}

/// Reads every line as [`each_line`] does, and judges the signature of each checkpoint by the keys.
fn each_judged(
    directory: &Path,
    mut verifier: Verifier,
    keys: Option<&PublicKeys>,
    mut take: impl FnMut(&Entry, &[u8]) -> Result<(), AuditError>,
) -> Result<Verification, AuditError> {
    let unreadable = |source| AuditError::Unreadable { what: "the journal", source };
    verifier = Beginning::of(directory, keys).map_err(unreadable)?.begin(verifier);
    let listing = segments::list(directory).map_err(unreadable)?;
    for stranger in &listing.strangers {
        verifier.not_a_segment(stranger);
    }
    let mut taken = Ok(());
    for segment in &listing.segments {
        verifier.segment(&segment.name);
        let read = segment.each_line(|line, ending| {
            let Some(entry) = verifier.line(line, ending) else { return };
            if let (Some(keys), Ok(Some(checkpoint))) = (keys, entry.checkpoint()) {
                let signature = keys.judge(&checkpoint);
                verifier.judged(checkpoint, signature);
            }
            if taken.is_ok() {
                taken = take(&entry, line);
            }
        });
        read.map_err(unreadable)?;
    }
    taken.map(|()| verifier.finish())
}

/// How a patient is named on the command line.
enum Sought {
    Bsn(Bsn),
    Reference(String),
}

impl Sought {
    fn of(text: &str) -> Result<Self, AuditError> {
        if let Ok(bsn) = text.parse() {
            return Ok(Self::Bsn(bsn));
        }
        let id = text.strip_prefix("Patient/").and_then(|id| id.parse::<Id>().ok());
        id.map(|_| Self::Reference(text.to_owned())).ok_or(AuditError::NotAPatient)
    }

    fn is(&self, patient: &Subject) -> bool {
        match self {
            Self::Bsn(bsn) => patient.bsn.as_deref() == Some(bsn.as_str()),
            Self::Reference(reference) => patient.references.contains(reference),
        }
    }

    fn is_told_by(&self, told: &Told) -> bool {
        told.patient().is_some_and(|patient| self.is(patient))
    }
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Who {
    ura: String,
    organization: String,
    uzi: String,
    role: String,
    surname: String,
}

/// What a line of text shows of a record.
#[derive(Deserialize)]
struct Record<'a> {
    time: Option<&'a str>,
    kind: &'a str,
    ground: Option<&'a str>,
    #[serde(default)]
    who: Who,
    patient: Option<Subject>,
    purpose: Option<String>,
    reason: Option<String>,
    exchange: Option<String>,
    interaction: Option<String>,
    operation: Option<String>,
    #[serde(rename = "type")]
    resource_type: Option<String>,
    outcome: Option<String>,
    status: Option<u16>,
    #[serde(default)]
    released: Vec<String>,
    total: Option<u64>,
    #[serde(default)]
    withheld: BTreeMap<String, Vec<String>>,
}

impl Record<'_> {
    fn text(&self) -> String {
        let who = &self.who;
        let status = self.status.map(|status| status.to_string());
        let words = [
            self.time,
            Some(self.kind),
            Some(who.ura.as_str()),
            Some(who.organization.as_str()),
            Some(who.uzi.as_str()),
            Some(who.role.as_str()),
            Some(who.surname.as_str()),
            self.purpose.as_deref(),
            self.reason.as_deref(),
            self.exchange.as_deref(),
            self.interaction.as_deref(),
            self.operation.as_deref(),
            self.resource_type.as_deref(),
            self.outcome.as_deref(),
            status.as_deref(),
            self.ground,
        ];
        let mut text = words.into_iter().flatten().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ");
        if !self.released.is_empty() {
            // Writing to a String does not fail.
            write!(text, "  released {}", self.released.len()).unwrap_or_default();
        }
        if let Some(total) = self.total {
            write!(text, "  counted {total}").unwrap_or_default();
        }
        for (ground, references) in &self.withheld {
            write!(text, "  withheld {} ({ground})", references.len()).unwrap_or_default();
        }
        plain(&text)
    }
}

/// Names and reasons are others' words; a terminal must not obey them.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests;
