//! Sample: some of the upstream's data, looked at to count what no label table knows. Nothing of it is kept or told but
//! counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::config::Config;
use super::lookup;
use super::metrics::{Call, Metrics};
use super::state::Rules;
use super::upstream::{AccessError, Upstream};
use crate::label::Census;
use crate::query::LookUp;

/// What a sample told.
#[derive(Debug, Default)]
pub struct Sample {
    /// The counts.
    pub census: Census,
    /// The types of which the server gave no sample.
    pub missing: Vec<String>,
}

/// Takes one page of each type that the exchange profiles offer and that may be hidden for being unlabelled; of Medications
/// too, since they stand in the place of the codes of prescriptions.
///
/// # Errors
/// A client for the upstream cannot be made.
pub async fn take(config: &Config, rules: &Rules) -> Result<Sample, AccessError> {
    let metrics = Arc::new(Metrics::new(&[]));
    let upstream = Upstream::new(&config.upstream.base, &config.upstream.access, metrics)?;
    let never_hidden = rules.regime.never_hidden_unlabelled();
    let kinds = rules.exchanges.iter().flat_map(|exchange| exchange.kinds());
    let mut types: BTreeSet<&str> = kinds.map(|kind| kind.resource_type()).collect();
    types.retain(|name| !never_hidden.iter().any(|one| one == name));
    types.insert("Medication");
    let mut sample = Sample::default();
    for resource_type in types {
        let mut counted = sample.census.clone();
        let each = |resource: crate::json::Value<'_>| {
            if resource.text_of("resourceType").is_some_and(|name| name == resource_type) {
                counted.count(resource_type, resource, &rules.tables);
            }
        };
        match lookup::first_page(&upstream, Call::Reference, &LookUp::some(resource_type), each).await {
            Ok(()) => sample.census = counted,
            Err(_) => sample.missing.push(resource_type.to_owned()),
        }
    }
    Ok(sample)
}
