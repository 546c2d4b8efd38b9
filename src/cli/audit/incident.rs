//! Whose data of which kinds reached one organisation in a period (P25).

use std::path::Path;

use serde::Serialize;

use super::indexed::{About, each_access_about};
use super::{AuditError, Period, exit_code, plain};
use crate::audit::{Incident, Reached, Verdict};
use crate::identity::Ura;

/// Tells what reached the organisation: as one JSON object, or as a line of text for each person. Returns the answer for
/// stdout and the exit code: 0, or 2 if the journal is altered, and then nothing of it is told.
///
/// # Errors
/// The journal cannot be read, or the caller is no URA.
pub fn incident(directory: &Path, caller: &str, period: Period, table: bool) -> Result<(String, i32), AuditError> {
    let ura: Ura = caller.parse().map_err(|_| AuditError::NotAnOrganisation)?;
    let mut incident = Incident::of(ura.as_str());
    let found = each_access_about(directory, About::Caller(&ura), period, |access| {
        if period.meets(access.began(), access.time()) {
            incident.add(&access);
        }
    })?;
    let (verdict, code) = (found.code(), exit_code(found));
    let incident = (found != Verdict::Altered).then_some(incident);
    let text = if table {
        let patients = incident.as_ref().map_or(&[][..], Incident::patients);
        let mut lines: Vec<String> = patients.iter().map(Reached::line).map(|line| plain(&line)).collect();
        lines.push(format!("{} persons reached, the journal is {verdict}", patients.len()));
        lines.join("\n")
    } else {
        serde_json::to_string(&Answer { verdict, incident })?
    };
    Ok((text, code))
}

#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    #[serde(flatten)]
    incident: Option<Incident>,
}
