//! `sluis explain`: what a caller would see of live data, and why, as JSON or as a table.

use crate::cli::{ExplainArguments, MISTAKE};
use crate::consent::Answer;
use crate::gateway::clock::Clock;
use crate::gateway::config;
use crate::gateway::explain::{Ask, ExplainError, explain as ask};
use crate::gateway::trust;

/// The request is refused, or nothing would be seen.
const REFUSED: u8 = 2;

/// Why nothing is explained, and the exit code.
#[derive(Debug)]
pub struct Mistakes {
    /// 1 for a mistake in what was asked, 2 where the gateway would refuse.
    pub code: u8,
    /// What is wrong.
    pub mistakes: Vec<String>,
}

impl Mistakes {
    fn one(code: u8, mistake: impl ToString) -> Self {
        Self { code, mistakes: vec![mistake.to_string()] }
    }
}

/// Explains; returns what is to be written, and the exit code: 0 where the caller would see something, 2 where not.
///
/// # Errors
/// A mistake in the input, or a request that would be refused whoever the patient is.
pub fn explain(arguments: &ExplainArguments, clock: Clock) -> Result<(String, u8), Mistakes> {
    let ExplainArguments { config, caller, purpose, reason, table, request } = arguments;
    let config = config::load(config)
        .map_err(|mistakes| Mistakes { code: MISTAKE, mistakes: mistakes.iter().map(ToString::to_string).collect() })?;
    let certificates = trust::certificates(caller).map_err(|error| Mistakes::one(MISTAKE, error))?;
    let no_certificate = || Mistakes::one(MISTAKE, format!("{}: expected a certificate", caller.display()));
    let certificate = certificates.into_iter().next().ok_or_else(no_certificate)?;
    let (purpose, reason, request) = (purpose.clone(), reason.clone(), request.clone());
    let question = Ask { certificate, purpose, reason, request };
    let explained = actix_rt::System::new().block_on(ask(config, clock, &question));
    let explanation = explained
        .map_err(|error: ExplainError| Mistakes::one(if error.is_refusal() { REFUSED } else { MISTAKE }, error))?;
    let answer = explanation.answer();
    let text = if *table {
        columns(answer)
    } else {
        serde_json::to_string(&explanation).map_err(|error| Mistakes::one(MISTAKE, error))?
    };
    Ok((text, if answer.shows_something() { 0 } else { REFUSED }))
}

/// Writes each resource on a line of its own, below names.
fn columns(answer: &Answer) -> String {
    let head = ["resource", "visible", "ground", "consent", "provision"];
    let rows: Vec<[&str; 5]> = std::iter::once(head).chain(answer.rows()).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[&str; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
