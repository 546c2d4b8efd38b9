//! Runs the twin worlds by hand: `twin DIRECTORY [PATIENT [CALLER]]` writes a line for each thing that is wrong.
//!
//! The gateway is `SLUIS_BIN`; `SLUIS_FAULT`, in a build that has faults, plants one. Exit code 0: the worlds are the same;
//! 2: they are not; 1: the run could not be made.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use sluis_conformance::Trouble;
use sluis_conformance::gateway::{self, Site};
use sluis_conformance::hapi::Hapi;
use sluis_conformance::story::Story;
use sluis_conformance::twin::{self, Asked, Report};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((directory, wanted)) = arguments.split_first() else {
        return told("twin DIRECTORY [PATIENT [CALLER]]", 1);
    };
    match run(Path::new(directory), wanted) {
        Ok(reports) => {
            let faults: Vec<String> = reports.iter().flat_map(Report::faults).collect();
            let compared: usize = reports.iter().map(|report| report.compared).sum();
            told(&format!("{}\n{compared} answers compared, {} wrong", faults.join("\n"), faults.len()), {
                if faults.is_empty() { 0 } else { 2 }
            })
        }
        Err(trouble) => told(&trouble.to_string(), 1),
    }
}

fn told(text: &str, code: u8) -> ExitCode {
    // Whoever closed standard output still gets the exit code.
    writeln!(std::io::stdout(), "{}", text.trim_start()).ok();
    ExitCode::from(code)
}

/// Runs one story at a time, for several may be about one patient.
fn run(directory: &Path, wanted: &[String]) -> Result<Vec<Report>, Trouble> {
    let mut site = Site::write(&gateway::program(), &directory.join("site"))?;
    let mut hapi = Hapi::start(&directory.join("hapi.log"))?;
    let is_wanted =
        |story: &&Story| wanted.iter().zip([&story.patient, &story.caller]).all(|(wanted, own)| wanted == own);
    let mut reports = Vec::new();
    for story in Story::all()?.iter().filter(is_wanted) {
        hapi.clear()?;
        hapi.load(&site.records()?)?;
        reports.extend(twin::run(&mut hapi, &mut site, &[story], &[None], Asked::Enough)?);
    }
    Ok(reports)
}
