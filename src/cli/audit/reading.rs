//! Readings: who read the record, by which command, of whom and of which time (NEN 7513: the log is used).
//!
//! They are on record in `reading/` below the journal's directory before anything is shown. Where that cannot be, nothing is.

use std::path::Path;

use serde::Deserialize;

use super::below::{append, user};
use super::{AuditError, Sought, each_line};
use crate::audit::{Event, EventKind, Kind, Verifier};
use crate::gateway::clock::Clock;

const DIRECTORY: &str = "reading";

/// What is on record of one reading. The names are those that the command line has for them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'a> {
    /// The command.
    pub command: &'static str,
    /// Who reads, in their own words.
    pub by: Option<&'a str>,
    /// Of whom, by BSN or reference; of everybody where none is named.
    pub patient: Option<&'a str>,
    /// What reached which organisation.
    pub caller: Option<&'a str>,
    /// From when on.
    pub from: Option<&'a str>,
    /// Until when.
    pub to: Option<&'a str>,
    /// The item that is to be reviewed.
    pub item: Option<&'a str>,
    /// Number of the last record that was read.
    pub upto: Option<u64>,
}

impl Reading<'_> {
    /// Puts it on record, durably.
    ///
    /// # Errors
    /// It cannot be, or the patient is named in no way that is on record.
    pub fn on_record(&self, directory: &Path, clock: Clock) -> Result<(), AuditError> {
        let Self { command, by, patient, caller, from, to, item, upto } = *self;
        let mut event = Event::new(EventKind::Read).with("command", command).with("user", &user());
        for (name, value) in [("by", by), ("caller", caller), ("from", from), ("to", to), ("item", item)] {
            if let Some(value) = value {
                event = event.with(name, value);
            }
        }
        if let Some(upto) = upto {
            event = event.counting("upto", upto);
        }
        event = match patient.map(Sought::of).transpose()? {
            None => event,
            Some(Sought::Bsn(bsn)) => event.about_person(&bsn),
            Some(Sought::Reference(reference)) => event.about([reference.as_str()]),
        };
        append(directory, DIRECTORY, event, clock)
    }
}

/// Returns up to which record whoever runs the program listed what is to be reviewed, the last time they did.
pub(super) fn listed(directory: &Path) -> Result<Option<u64>, AuditError> {
    #[derive(Deserialize)]
    struct Line {
        event: String,
        command: Option<String>,
        user: Option<String>,
        item: Option<String>,
        upto: Option<u64>,
    }
    let readings = directory.join(DIRECTORY);
    let unreadable = |source| AuditError::Unreadable { what: "the journal of the readings", source };
    if !readings.try_exists().map_err(unreadable)? {
        return Ok(None);
    }
    let (mut last, own) = (None, user());
    each_line(&readings, Verifier::from_the_first(), |entry, line| {
        if entry.kind != Kind::Event {
            return Ok(());
        }
        let Line { event, command, user, item, upto } = serde_json::from_slice(line)?;
        let is_listing = event == EventKind::Read.code() && command.as_deref() == Some("review") && item.is_none();
        if is_listing && user.as_ref() == Some(&own) {
            last = upto;
        }
        Ok(())
    })?;
    Ok(last)
}
