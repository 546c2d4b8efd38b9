//! The records that Consents, callers and treatment relations speak of, looked up until nothing more is wanted.

use std::collections::{BTreeMap, BTreeSet};

use crate::consent::{CallerRecords, Evidence, Source, TreatmentRelation};
use crate::gateway::lookup::{self, LookUpError};
use crate::gateway::metrics::Call;
use crate::gateway::upstream::Upstream;
use crate::json::Value;
use crate::limits;
use crate::query::{Id, LookUp};

/// What refers to records that must be looked up before deciding.
pub(super) trait Unresolved {
    fn wanted(&self, source: &Source) -> Vec<String>;
    fn resolve(&mut self, source: &Source, reference: &str, resource: &[u8]);
    fn absent(&mut self, source: &Source, reference: &str);
}

impl Unresolved for Evidence {
    fn wanted(&self, _: &Source) -> Vec<String> {
        self.wanted()
    }

    fn resolve(&mut self, _: &Source, reference: &str, resource: &[u8]) {
        self.resolve(reference, resource);
    }

    fn absent(&mut self, _: &Source, reference: &str) {
        self.absent(reference);
    }
}

impl Unresolved for TreatmentRelation {
    fn wanted(&self, _: &Source) -> Vec<String> {
        self.wanted()
    }

    fn resolve(&mut self, _: &Source, reference: &str, resource: &[u8]) {
        self.resolve(reference, resource);
    }

    fn absent(&mut self, _: &Source, reference: &str) {
        self.absent(reference);
    }
}

impl Unresolved for CallerRecords {
    fn wanted(&self, source: &Source) -> Vec<String> {
        self.wanted(source)
    }

    fn resolve(&mut self, source: &Source, reference: &str, resource: &[u8]) {
        self.resolve(source, reference, resource);
    }

    fn absent(&mut self, source: &Source, reference: &str) {
        self.absent(source, reference);
    }
}

/// Looks up what is wanted, and what that wants in turn, level by level. What is not found is known to be absent.
pub(super) async fn resolve_all(
    source: &Source,
    bases: &[String],
    server: &Upstream,
    who: &mut impl Unresolved,
) -> Result<(), LookUpError> {
    let mut asked = BTreeSet::new();
    for _ in 0..limits::ACTOR_DEPTH {
        let mut by_type: BTreeMap<String, Vec<Id>> = BTreeMap::new();
        for reference in who.wanted(source) {
            let Some((kind, id)) = reference.split_once('/') else { continue };
            let Ok(id) = id.parse() else { continue };
            if asked.insert(reference.clone()) {
                by_type.entry(kind.to_owned()).or_default().push(id);
            }
        }
        if asked.len() > limits::REFERENCED {
            return Err(LookUpError::TooMany);
        }
        if by_type.is_empty() {
            return Ok(());
        }
        for (kind, ids) in by_type {
            let Some(lookup) = LookUp::by_ids(&kind, &ids) else { continue };
            let mut missing: BTreeSet<String> = ids.iter().map(|id| format!("{kind}/{}", id.as_str())).collect();
            let each = |resource: Value<'_>| {
                if let Some(reference) = reference_of(resource)
                    && missing.remove(&reference)
                {
                    who.resolve(source, &reference, resource.raw().as_bytes());
                }
            };
            lookup::search(server, Call::Consent, bases, lookup, limits::REFERENCED, each).await?;
            for reference in missing {
                who.absent(source, &reference);
            }
        }
    }
    Ok(())
}

fn reference_of(resource: Value<'_>) -> Option<String> {
    Some(format!("{}/{}", resource.text_of("resourceType")?, resource.text_of("id")?))
}
