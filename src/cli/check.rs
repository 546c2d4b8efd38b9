//! `sluis check`: every mistake in a configuration and in what it names.

use std::path::Path;

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::gateway::clock::Clock;
use crate::gateway::config::{self, Config, IdentitySettings, Mistake, PortalSettings};
use crate::gateway::forwarder;
use crate::gateway::revocation::TrustOptions;
use crate::gateway::sample::{self, Sample};
use crate::gateway::start::{self, Unasked};
use crate::gateway::state::{Rules, StartError};
use crate::gateway::statement::Statements;
use crate::gateway::trust::{CrlState, Directories, Editions, Moment, Standing, Trust, TrustError};
use crate::label::{Share, SystemName};

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
    match Rules::read(&config) {
        Ok(_) => {}
        // A file of the hospital's own, not the configuration.
        Err(StartError::Profile(error)) => mistakes.push(Mistake {
            file: error.file().to_owned(),
            key: error.key().to_owned(),
            expected: error.expected().to_owned(),
        }),
        Err(error) => mistakes.push(mistake("", error.to_string())),
    }
    match trust(&config.identity) {
        Ok(trust) => {
            let fetched = config.identity.fetch.is_some();
            let expected = trust.standings(Clock::system().now()).into_iter().filter_map(|one| expected(&one, fetched));
            mistakes.extend(expected.map(|expected| mistake("identity.crl", expected)));
        }
        Err(error) => mistakes.push(mistake("identity", error.to_string())),
    }
    if let Some(portal) = &config.portal {
        match portals(portal) {
            Ok(trust) => {
                // Each of these CAs issues what is to be judged, a root as well.
                let needed = |one: Standing| {
                    if matches!(one.state, CrlState::None) { Standing { state: CrlState::Missing, ..one } } else { one }
                };
                let standings = trust.standings(Clock::system().now()).into_iter().map(needed);
                let expected = standings.filter_map(|one| expected(&one, false));
                mistakes.extend(expected.map(|expected| mistake("portal.crl", expected)));
            }
            Err(error) => mistakes.push(mistake("portal", error.to_string())),
        }
    }
    if let Err(error) = forwarder::check(&config.audit, &config.forward) {
        mistakes.push(mistake("audit.forward", error.to_string()));
    }
    if let Err(error) = Statements::load(&config.identity.statements, Clock::system().now()) {
        mistakes.push(mistake("identity.statement", error.to_string()));
    }
    for Unasked { key, base, fault } in probe(&config) {
        let expected = if key == "directory.url" {
            format!("a server that can be searched for an organisation by its URA; {base}: {fault}")
        } else {
            format!("a server that can be searched for one patient; {base}: {fault}")
        };
        mistakes.push(mistake(key, expected));
    }
    mistakes
}

fn trust(identity: &IdentitySettings) -> Result<Trust, TrustError> {
    // What is fetched need not be there yet.
    let crl = identity.crl.as_deref().filter(|crl| identity.fetch.is_none() || crl.is_dir());
    let directories = Directories { trust: &identity.trust, intermediates: identity.intermediates.as_deref(), crl };
    let seen = TrustOptions::of(identity).seen;
    let seen = seen.as_deref().map_or_else(|| Ok(Editions::default()), Editions::read)?;
    let trust = Trust::of(directories, Moment::Present, &seen)?;
    Ok(if identity.ocsp.is_some() { trust.asking() } else { trust })
}

fn portals(portal: &PortalSettings) -> Result<Trust, TrustError> {
    let directories = Directories { trust: &portal.trust, intermediates: None, crl: portal.crl.as_deref() };
    Trust::of(directories, Moment::Present, &Editions::default())
}

/// Returns what was expected of the CRLs of an issuer, where that is not what is there. What is missing or has ended is
/// fetched, where CRLs are.
fn expected(standing: &Standing, fetched: bool) -> Option<String> {
    let Standing { issuer, state, until } = standing;
    let ended = until.and_then(|until| until.format(&Rfc3339).ok()).unwrap_or_default();
    match state {
        CrlState::Holds | CrlState::None | CrlState::Asked => None,
        CrlState::Missing | CrlState::Ended if fetched => None,
        CrlState::Missing => Some(format!("a CRL of {issuer}; there is none, and its callers are refused")),
        CrlState::Ended => {
            Some(format!("a CRL of {issuer} that holds; it ended at {ended}, and its callers are refused"))
        }
        CrlState::NotYet => Some(format!("a CRL of {issuer} that holds; its thisUpdate is to come")),
        CrlState::SetAside(cause) => Some(format!("a CRL of {issuer} that counts; {cause}")),
    }
}

/// Returns one line for each issuer: until when its CRL holds, or how it stands.
#[must_use]
pub fn crls(path: &Path) -> Vec<String> {
    let trust = config::load(path).ok().and_then(|config| trust(&config.identity).ok());
    let standings = trust.map(|trust| trust.standings(Clock::system().now())).unwrap_or_default();
    let line = |Standing { issuer, state, until }: Standing| {
        let until = until.and_then(|until| until.format(&Rfc3339).ok()).map(|until| format!(", until {until}"));
        format!("CRL of {issuer}: {}{}", state.code(), until.unwrap_or_default())
    };
    standings.into_iter().map(line).collect()
}

fn probe(config: &Config) -> Vec<Unasked> {
    let system = actix_rt::System::new();
    system.block_on(start::probe(config))
}

/// Counts in a sample of the upstream's data what no label table knows; nothing where the configuration has a mistake.
#[must_use]
pub fn sample(path: &Path) -> Option<Sample> {
    let config = config::load(path).ok()?;
    let rules = Rules::read(&config).ok()?;
    let system = actix_rt::System::new();
    system.block_on(sample::take(&config, &rules)).ok()
}

/// Returns the mistakes as one JSON object, with what a sample told where one was taken.
#[must_use]
pub fn report(mistakes: &[Mistake], sample: Option<&Sample>) -> String {
    let each = mistakes.iter().map(|mistake| {
        let Mistake { file, key, expected } = mistake;
        json!({ "file": file, "key": key, "expected": expected })
    });
    let mut report = json!({ "mistakes": each.collect::<Vec<_>>() });
    if let (Some(sample), Some(report)) = (sample, report.as_object_mut()) {
        report.insert("unlabelled".to_owned(), counts(sample));
    }
    report.to_string()
}

fn counts(sample: &Sample) -> Value {
    let types = sample.census.types().map(|(name, share)| {
        let Share { resources, unlabelled } = share;
        json!({ "type": name, "resources": resources, "unlabelled": unlabelled })
    });
    let systems = sample.census.systems().map(|(name, share)| {
        let Share { resources, unlabelled } = share;
        let name = match name {
            SystemName::Known(name) => name,
            SystemName::Other => "another",
            SystemName::None => "none",
        };
        json!({ "system": name, "resources": resources, "unlabelled": unlabelled })
    });
    let (types, systems): (Vec<_>, Vec<_>) = (types.collect(), systems.collect());
    json!({ "types": types, "systems": systems, "not-sampled": sample.missing })
}
