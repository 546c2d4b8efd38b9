//! The access log of one patient, for that patient (P15).

use std::path::Path;

use serde::Serialize;

use super::indexed::{About, each_access_about};
use super::{AuditError, Period, Sought, exit_code};
use crate::audit::{self, Language, LogLine, Page, Verdict};

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A page of HTML in a language.
    Page(Language),
    /// One JSON object, with codes.
    Json,
}

/// Writes the access log of a patient, named by BSN or by reference. Returns the answer for stdout and the exit code: 0, or
/// 2 if the journal is altered; then there is no page, and the JSON has no lines.
///
/// # Errors
/// The journal cannot be read, or the patient is named in no way that is on record.
pub fn access_log(directory: &Path, patient: &str, period: Period, form: Form) -> Result<(String, i32), AuditError> {
    let sought = Sought::of(patient)?;
    let mut accesses = Vec::new();
    let found = each_access_about(directory, About::Patient(&sought), period, |access| {
        if period.meets(access.began(), access.time()) && access.patient().is_some_and(|patient| sought.is(patient)) {
            accesses.push(access);
        }
    })?;
    let lines = audit::access_log(&accesses);
    let text = match form {
        Form::Page(_) if found == Verdict::Altered => String::new(),
        Form::Page(language) => Page::of(&lines, language).to_html(),
        Form::Json => serde_json::to_string(&Answer { verdict: found.code(), lines })?,
    };
    Ok((text, exit_code(found)))
}

#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    lines: Vec<LogLine>,
}
