//! What may show a treatment relation, looked up at the upstream by patient, every page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::resolve::resolve_all;
use crate::consent::{Source, TreatmentRelation};
use crate::gateway::lookup::{self, LookUpError};
use crate::gateway::metrics::Call;
use crate::gateway::patient_index::Person;
use crate::gateway::upstream::Upstream;
use crate::json::Value;
use crate::limits;
use crate::profile::Sign;
use crate::query::LookUp;

/// The types that may show a treatment relation by some policy, each with the statuses that count.
#[derive(Debug, Default)]
pub(super) struct Relations(BTreeMap<String, BTreeSet<String>>);

impl Relations {
    pub(super) fn of<'s>(signs: impl Iterator<Item = &'s Sign>) -> Self {
        let mut by_type: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for sign in signs {
            by_type.entry(sign.kind().to_owned()).or_default().extend(sign.statuses().iter().cloned());
        }
        Self(by_type)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks up everything about the person that may show who treats them.
    pub(super) async fn look_up(
        &self,
        server: &Upstream,
        source: &Source,
        bases: &[String],
        person: &Person,
    ) -> Result<Arc<TreatmentRelation>, LookUpError> {
        let mut found: Vec<Vec<u8>> = Vec::new();
        for (resource_type, statuses) in &self.0 {
            let statuses: Vec<&str> = statuses.iter().map(String::as_str).collect();
            let Some(lookup) = LookUp::relation(resource_type, &person.records, &statuses) else { continue };
            let left = limits::RELATION_RESOURCES.saturating_sub(found.len());
            let each = |resource: Value<'_>| found.push(resource.raw().as_bytes().to_vec());
            lookup::search(server, Call::Relation, bases, lookup, left, each).await?;
        }
        let mut relation = TreatmentRelation::read(source, &found, &person.references());
        resolve_all(source, bases, server, &mut relation).await?;
        Ok(Arc::new(relation))
    }

    /// Asks the same of somebody who is not there.
    pub(super) async fn ask_about_nobody(&self, server: &Upstream, bases: &[String]) -> Result<(), LookUpError> {
        for (resource_type, statuses) in &self.0 {
            let statuses: Vec<&str> = statuses.iter().map(String::as_str).collect();
            let Some(lookup) = LookUp::nobodys_relation(resource_type, &statuses) else { continue };
            lookup::search(server, Call::Relation, bases, lookup, limits::RELATION_RESOURCES, |_| {}).await?;
        }
        Ok(())
    }
}
