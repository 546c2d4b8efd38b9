//! What is on record, in forms that others read: AuditEvents, or the fields of NEN 7513.

use std::io::Write;
use std::path::Path;

use super::{AuditError, Period, Sought, each_line, exit_code};
use crate::audit::{Accesses, Part, Told, Verdict, Verifier, audit_events, nen7513};

/// The form of what is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// AuditEvents of FHIR R4, one on each line
    Ndjson,
    /// The fields of NEN 7513, one row for each request and event
    Csv,
}

/// What is exported.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    /// The form.
    pub format: Format,
    /// Of which time.
    pub period: Period,
    /// About whom, by BSN or reference; about everybody where none is named.
    pub patient: Option<&'a str>,
    /// Whether what was withheld is among it.
    pub part: Part,
}

/// Writes what is on record to `out`. Returns the exit code: 0, or 2 where the journal is altered, and then nothing is
/// written. A request that is under way is not in it.
///
/// # Errors
/// The journal cannot be read, the patient is named in no way that is on record, or `out` takes no more.
pub fn export(directory: &Path, choice: Choice<'_>, out: &mut impl Write) -> Result<i32, AuditError> {
    let Choice { format, period, patient, part } = choice;
    let sought = patient.map(Sought::of).transpose()?;
    // All of it is verified before a line of it is believed.
    let found = each_line(directory, Verifier::from_the_first(), |_, _| Ok(()))?;
    if found.verdict == Verdict::Altered {
        return Ok(exit_code(found.verdict));
    }
    if format == Format::Csv {
        out.write_all(nen7513::heading().as_bytes()).map_err(AuditError::Output)?;
    }
    let mut accesses = Accesses::default();
    let found = each_line(directory, Verifier::from_the_first(), |entry, line| {
        let Some(told) = accesses.take(entry, line)? else { return Ok(()) };
        let chosen = period.has(told.time()) && sought.as_ref().is_none_or(|sought| sought.is_told_by(&told));
        if chosen { write(&told, format, part, out).map_err(AuditError::Output) } else { Ok(()) }
    })?;
    out.flush().map_err(AuditError::Output)?;
    Ok(exit_code(found.verdict))
}

fn write(told: &Told, format: Format, part: Part, out: &mut impl Write) -> std::io::Result<()> {
    match format {
        Format::Ndjson => audit_events(told, part).iter().try_for_each(|event| writeln!(out, "{}", event.to_json())),
        Format::Csv => out.write_all(nen7513::record(told).unwrap_or_default().as_bytes()),
    }
}
