//! Graph: what was looked up of the resources that references lead to.
//!
//! A resource is visible only if everything its references lead to is (in this version of the view, a resource that refers
//! to a hidden one is withheld as a whole). The greatest set that satisfies this is unique: a resource is in it if and only
//! if nothing hidden can be reached from it. How far is looked is counted from each resource by itself, so that its verdict
//! does not depend on what shares a page with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::limits;
use crate::query::Id;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::reference::Key;

/// What is known of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Hidden by itself.
    Hidden,
    /// Not hidden by itself; this is what it refers to.
    Stays(Vec<Key>),
}

/// What is known of everything a resource refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outlook {
    /// Nothing hidden can be reached.
    Clear,
    /// Something hidden can be reached, or the end cannot.
    Barred,
    /// These must be looked up first.
    Unknown(Vec<Key>),
}

impl Outlook {
    /// Returns what must be looked up first.
    pub(super) fn unknown(&self) -> &[Key] {
        match self {
            Self::Unknown(keys) => keys,
            Self::Clear | Self::Barred => &[],
        }
    }
}

/// Resources that are looked up together: one type, several ids.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) resource_type: String,
    pub(super) ids: Vec<Id>,
}

/// Resources by what was found out about them; it lasts for one request.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Key, Node>,
}

impl Graph {
    /// Keeps what is known of `key`; what is known already stays, so that a verdict does not change in one request.
    pub(super) fn learn(&mut self, key: Key, node: Node) {
        self.nodes.entry(key).or_insert(node);
    }

    /// Forgets what was looked up when there is much of it: it can be looked up again.
    pub(super) fn make_room(&mut self) {
        if self.nodes.len() > limits::REFERENCES {
            self.nodes.clear();
        }
    }

    /// Returns what can be reached from `from`, which refers to `references`.
    pub(super) fn outlook(&self, from: &Key, references: &[Key]) -> Outlook {
        let mut seen = HashSet::from([from]);
        let mut unknown = Vec::new();
        let mut level: Vec<&Key> = references.iter().collect();
        for _ in 0..limits::REFERENCE_DEPTH {
            let mut next = Vec::new();
            for key in level {
                if !seen.insert(key) {
                    continue;
                }
                match self.nodes.get(key) {
                    None => unknown.push(key.clone()),
                    Some(Node::Hidden) => return Outlook::Barred,
                    Some(Node::Stays(references)) => next.extend(references),
                }
            }
            if seen.len() > limits::REFERENCES {
                return Outlook::Barred;
            }
            #[cfg(feature = "faults")]
            if is_planted(Fault::ShallowReferences) {
                next.clear();
            }
            level = next;
        }
        if level.iter().any(|key| !seen.contains(key)) {
            Outlook::Barred
        } else if unknown.is_empty() {
            Outlook::Clear
        } else {
            Outlook::Unknown(unknown)
        }
    }
}

/// Gathers `keys` by type, a bounded number of ids at a time, ordered by type and id.
pub(super) fn batches(keys: BTreeSet<Key>) -> Vec<Batch> {
    let mut by_type: BTreeMap<String, Vec<Id>> = BTreeMap::new();
    for key in keys {
        by_type.entry(key.resource_type).or_default().push(key.id);
    }
    let batch = |resource_type: &str, ids: &[Id]| Batch { resource_type: resource_type.to_owned(), ids: ids.to_vec() };
    by_type.iter().flat_map(|(name, ids)| ids.chunks(limits::VALUES).map(move |ids| batch(name, ids))).collect()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn key(id: &str) -> Key {
        Key { resource_type: "Condition".to_owned(), id: Id::from_str(id).unwrap() }
    }

    fn keys(ids: &[&str]) -> Vec<Key> {
        ids.iter().map(|id| key(id)).collect()
    }

    fn graph(nodes: &[(&str, &[&str])]) -> Graph {
        let mut graph = Graph::default();
        for (id, references) in nodes {
            graph.learn(key(id), Node::Stays(keys(references)));
        }
        graph
    }

    #[test]
    fn what_reaches_something_hidden_is_barred_and_a_circle_alone_is_not() {
        let mut graph = graph(&[("b", &["c"]), ("c", &["b", "a"])]);
        assert_eq!(graph.outlook(&key("a"), &keys(&["b"])), Outlook::Clear);
        graph.learn(key("h"), Node::Hidden);
        graph.learn(key("d"), Node::Stays(keys(&["b", "h"])));
        assert_eq!(graph.outlook(&key("a"), &keys(&["d"])), Outlook::Barred);
    }

    #[test]
    fn what_was_not_looked_up_is_named_once() {
        let graph = graph(&[("b", &["x", "y"]), ("c", &["x"])]);
        assert_eq!(graph.outlook(&key("a"), &keys(&["b", "c"])), Outlook::Unknown(keys(&["x", "y"])));
    }

    #[test]
    fn what_lies_deeper_counts_as_hidden() {
        let ids: Vec<String> = (0..=limits::REFERENCE_DEPTH).map(|depth| format!("n{depth}")).collect();
        let chain = |length: usize| {
            let mut graph = Graph::default();
            for (index, id) in ids.iter().enumerate().take(length) {
                let next = ids.get(index + 1).filter(|_| index + 1 < length).map(|id| key(id));
                graph.learn(key(id), Node::Stays(next.into_iter().collect()));
            }
            graph.outlook(&key("a"), &keys(&["n0"]))
        };
        assert_eq!(chain(limits::REFERENCE_DEPTH), Outlook::Clear);
        assert_eq!(chain(limits::REFERENCE_DEPTH + 1), Outlook::Barred);
    }

    #[test]
    fn a_verdict_does_not_change_within_a_request() {
        let mut graph = Graph::default();
        graph.learn(key("b"), Node::Hidden);
        graph.learn(key("b"), Node::Stays(Vec::new()));
        assert_eq!(graph.outlook(&key("a"), &keys(&["b"])), Outlook::Barred);
    }

    #[test]
    fn batches_are_of_one_type_and_bounded() {
        let mut wanted: BTreeSet<Key> = (0..=limits::VALUES).map(|id| key(&format!("c{id}"))).collect();
        wanted.insert(Key { resource_type: "Account".to_owned(), id: Id::from_str("1").unwrap() });
        let batches = batches(wanted);
        let sizes: Vec<_> = batches.iter().map(|batch| (batch.resource_type.as_str(), batch.ids.len())).collect();
        assert_eq!(sizes, [("Account", 1), ("Condition", limits::VALUES), ("Condition", 1)]);
    }
}
