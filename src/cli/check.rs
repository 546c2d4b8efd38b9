//! `sluis check`: every mistake in a configuration and in what it names.

use std::path::Path;

use crate::gateway::config::{self, Config, Mistake};
use crate::gateway::start;
use crate::gateway::state::Rules;
use crate::gateway::trust::{Moment, Trust};

/// Finds every mistake: in the file, in the profiles, in trust and CRLs, and in the sources of Consents, which must answer a
/// search for one patient.
#[must_use]
pub fn check(path: &Path) -> Vec<Mistake> {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(mistakes) => return mistakes,
    };
    let mistake =
        |key: &str, expected: String| Mistake { file: path.display().to_string(), key: key.to_owned(), expected };
    let mut mistakes = Vec::new();
    if let Err(error) = Rules::read(&config) {
        mistakes.push(mistake("", error.to_string()));
    }
    if let Err(error) = Trust::load(&config.identity.trust, config.identity.crl.as_deref(), Moment::Present) {
        mistakes.push(mistake("identity", error.to_string()));
    }
    for (source, fault) in probe(&config) {
        mistakes.push(mistake(
            "consent.sources",
            format!("a server that can be searched for one patient; {source}: {fault}"),
        ));
    }
    mistakes
}

/// Asks every source of Consents for those of a patient who is not there.
fn probe(config: &Config) -> Vec<(String, String)> {
    let system = actix_rt::System::new();
    system.block_on(start::probe(config))
}

/// Returns the mistakes as one JSON object.
#[must_use]
pub fn report(mistakes: &[Mistake]) -> String {
    let each = mistakes.iter().map(|mistake| {
        let Mistake { file, key, expected } = mistake;
        serde_json::json!({ "file": file, "key": key, "expected": expected })
    });
    serde_json::json!({ "mistakes": each.collect::<Vec<_>>() }).to_string()
}
