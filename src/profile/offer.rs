//! Offer: what the configured exchange profiles offer to one role, together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Exchange, Kind};
use crate::identity::Role;
use crate::json::Value;
use crate::query::Query;

/// The exchange profiles that admit a caller's role, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Offer(Vec<Arc<Exchange>>);

impl Offer {
    /// Returns those of `exchanges` that admit `role`.
    #[must_use]
    pub fn to(exchanges: &[Arc<Exchange>], role: Option<&Role>) -> Self {
        Self(exchanges.iter().filter(|exchange| exchange.admits_role(role)).map(Arc::clone).collect())
    }

    /// Returns those profiles that satisfy `keep`.
    pub(crate) fn narrowed(&self, keep: impl Fn(&Exchange) -> bool) -> Self {
        Self(self.0.iter().filter(|exchange| keep(exchange)).map(Arc::clone).collect())
    }

    /// Returns true if and only if no profile admits the role.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if and only if some profile offers the type.
    #[must_use]
    pub fn offers(&self, resource_type: &str) -> bool {
        self.kinds(resource_type).next().is_some()
    }

    /// Returns true if and only if `resource` belongs to some profile; else it is outside.
    #[must_use]
    pub fn holds(&self, resource: Value<'_>) -> bool {
        self.0.iter().any(|exchange| exchange.holds(resource))
    }

    /// Returns the name of the first profile that admits `query`; none for `metadata`, which needs no profile.
    #[must_use]
    pub fn admitting(&self, query: &Query) -> Option<&str> {
        let admits = |exchange: &&Arc<Exchange>| match query {
            Query::Metadata => false,
            Query::Read(read) => exchange.kind(read.resource_type()).is_some_and(|kind| kind.is_read()),
            // A search was typed by one kind; the first profile with that very kind is the first that admits it.
            Query::Search(search) => exchange.kind(search.resource_type()).is_some_and(|kind| **kind == *search.kind()),
            Query::LastN(lastn) => {
                let search = lastn.search();
                exchange.kind(search.resource_type()).is_some_and(|kind| **kind == *search.kind())
            }
            Query::Summary(summary) => exchange.name() == summary.exchange().name(),
            // What it is composed of is of all of them.
            Query::Everything(_) => true,
        };
        self.0.iter().find(admits).map(|exchange| exchange.name())
    }

    /// Returns the first profile of which a summary is composed.
    #[must_use]
    pub fn summarising(&self) -> Option<&Arc<Exchange>> {
        self.0.iter().find(|exchange| !exchange.sections().is_empty())
    }

    /// Returns one kind of each type that can be searched, by type: all that the profiles offer of one patient. Which
    /// resources of it belong is for all of them together to say.
    #[must_use]
    pub fn searched(&self) -> Vec<&Arc<Kind>> {
        let mut searched = BTreeMap::new();
        for kind in self.0.iter().flat_map(|exchange| exchange.kinds()).filter(|kind| kind.is_searched()) {
            searched.entry(kind.resource_type()).or_insert(kind);
        }
        searched.into_values().collect()
    }

    /// Returns what the profiles say about one type, in order.
    pub(crate) fn kinds<'a>(&'a self, resource_type: &'a str) -> impl Iterator<Item = &'a Arc<Kind>> {
        self.0.iter().filter_map(move |exchange| exchange.kind(resource_type))
    }
}
