//! Graph: what was looked up of the resources that references lead to.
//!
//! A resource is visible only if what it requires is (the rest goes, and it stays). The greatest set that satisfies this is
//! unique. How far is looked is counted from each resource by itself, so that its verdict does not depend on what shares a
//! page with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::limits;
use crate::query::Id;
use crate::view::ViewError;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::need::Needs;
use crate::view::reference::Key;

/// What is known of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Hidden by itself.
    Hidden,
    /// Not hidden by itself; this is what it requires.
    Stays(Needs),
    /// It is there, and cannot be judged. That is not hidden: it is an error, where something visible hangs on it.
    Unjudged(ViewError),
}

/// What is known of everything a resource requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It is visible.
    Clear,
    /// It is not: something it requires is hidden, or too far away.
    Barred,
    /// These must be looked up first.
    Unknown(Vec<Key>),
    /// It would be, and reaches more than is looked at, or hangs on what cannot be judged.
    Fails(ViewError),
}

impl Outlook {
    /// Returns what must be looked up first.
    pub(super) fn unknown(&self) -> &[Key] {
        match self {
            Self::Unknown(keys) => keys,
            Self::Clear | Self::Barred | Self::Fails(_) => &[],
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

    /// Returns true if and only if something is known of `key`.
    pub(super) fn knows(&self, key: &Key) -> bool {
        self.nodes.contains_key(key)
    }

    /// Returns what is known of `key`.
    pub(super) fn node(&self, key: &Key) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// Forgets what was looked up when there is much of it: it can be looked up again.
    pub(super) fn make_room(&mut self) {
        if self.nodes.len() > limits::REFERENCES {
            self.nodes.clear();
        }
    }

    /// Returns whether the target of a reference is visible.
    pub(super) fn sight(&self, target: &Key) -> Outlook {
        match self.nodes.get(target) {
            None => Outlook::Unknown(vec![target.clone()]),
            Some(Node::Hidden) => Outlook::Barred,
            Some(Node::Unjudged(error)) => Outlook::Fails(*error),
            #[cfg(feature = "faults")]
            Some(Node::Stays(_)) if is_planted(Fault::ShallowReferences) => Outlook::Clear,
            Some(Node::Stays(needs)) => self.outlook(target, needs),
        }
    }

    /// Returns whether `from`, which is not hidden by itself, is visible.
    pub(super) fn outlook(&self, from: &Key, needs: &Needs) -> Outlook {
        if *needs == Needs::NOTHING {
            return Outlook::Clear;
        }
        let mut seen = HashSet::from([from]);
        let mut reached = vec![(from, needs)];
        let (mut unknown, mut unjudged) = (Vec::new(), Vec::new());
        let mut level: Vec<&Key> = Vec::new();
        needs.each_key(&mut |key| level.push(key));
        for _ in 0..limits::REFERENCE_DEPTH {
            let mut next = Vec::new();
            for key in level {
                if !seen.insert(key) {
                    continue;
                }
                match self.nodes.get(key) {
                    None => unknown.push(key),
                    Some(Node::Hidden) => {}
                    Some(Node::Unjudged(error)) => unjudged.push((key, *error)),
                    #[cfg(feature = "faults")]
                    Some(Node::Stays(_)) if is_planted(Fault::ShallowReferences) => reached.push((key, &NOTHING)),
                    Some(Node::Stays(needs)) => {
                        reached.push((key, needs));
                        needs.each_key(&mut |key| next.push(key));
                    }
                }
            }
            level = next;
        }
        // What is not known yet, or cannot be, may be visible; what is hidden, or lies deeper, is not.
        let may_be: HashSet<&Key> = unknown.iter().copied().chain(unjudged.iter().map(|(key, _)| *key)).collect();
        let visible = greatest(&reached, &may_be);
        if !visible.contains(from) {
            return Outlook::Barred;
        }
        if !unknown.is_empty() {
            return Outlook::Unknown(unknown.into_iter().cloned().collect());
        }
        if visible.len() > limits::REFERENCES && is_behind_more(from, &reached, &visible) {
            return Outlook::Fails(ViewError::TooManyReferences);
        }
        if !unjudged.is_empty() && !greatest(&reached, &HashSet::new()).contains(from) {
            let is_there = |key: &Key| visible.contains(key) || may_be.contains(key);
            let ahead = ahead_of(from, &reached, &is_there);
            let first = unjudged.iter().filter(|(key, _)| ahead.contains(key)).min_by_key(|(key, _)| *key);
            return first.map_or(Outlook::Barred, |(_, error)| Outlook::Fails(*error));
        }
        Outlook::Clear
    }
}

#[cfg(feature = "faults")]
static NOTHING: Needs = Needs::NOTHING;

/// Returns the greatest set of what was reached in which everything has what it requires.
fn greatest<'k>(reached: &[(&'k Key, &Needs)], may_be: &HashSet<&'k Key>) -> HashSet<&'k Key> {
    let mut visible: HashSet<&Key> = reached.iter().map(|(key, _)| *key).collect();
    loop {
        let is_visible = |key: &Key| visible.contains(key) || may_be.contains(key);
        let gone: Vec<&Key> = reached
            .iter()
            .filter(|(key, needs)| visible.contains(key) && !needs.are_met(&is_visible))
            .map(|(key, _)| *key)
            .collect();
        if gone.is_empty() {
            return visible;
        }
        for key in gone {
            visible.remove(key);
        }
    }
}

/// Returns true if and only if more is reached from there than may be, along what is visible alone: what is hidden never uses
/// a bound up.
fn is_behind_more(from: &Key, reached: &[(&Key, &Needs)], visible: &HashSet<&Key>) -> bool {
    // It is not behind itself.
    ahead_of(from, reached, &|key| visible.contains(key)).len() > limits::REFERENCES + 1
}

/// Returns what is reached from there, itself included, along what is there alone.
fn ahead_of<'k>(from: &'k Key, reached: &[(&'k Key, &'k Needs)], is_there: &dyn Fn(&Key) -> bool) -> HashSet<&'k Key> {
    let needs: HashMap<&Key, &'k Needs> = reached.iter().copied().collect();
    let (mut seen, mut ahead) = (HashSet::from([from]), vec![from]);
    while let Some(key) = ahead.pop() {
        let Some(needs) = needs.get(key) else { continue };
        needs.each_key(&mut |key| {
            if is_there(key) && seen.insert(key) {
                ahead.push(key);
            }
        });
    }
    seen
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
    use crate::view::need::Need;

    fn key(id: &str) -> Key {
        Key { resource_type: "Condition".to_owned(), id: Id::from_str(id).unwrap() }
    }

    fn keys(ids: &[&str]) -> Vec<Key> {
        ids.iter().map(|id| key(id)).collect()
    }

    /// Each of these is required.
    fn needs(ids: &[&str]) -> Needs {
        Needs { whole: Need::all(keys(ids).into_iter().map(Need::Key).collect()), inside: Vec::new() }
    }

    fn graph(nodes: &[(&str, &[&str])]) -> Graph {
        let mut graph = Graph::default();
        for (id, required) in nodes {
            graph.learn(key(id), Node::Stays(needs(required)));
        }
        graph
    }

    #[test]
    fn what_requires_something_hidden_is_barred_and_a_circle_alone_is_not() {
        let mut graph = graph(&[("b", &["c"]), ("c", &["b", "a"])]);
        assert_eq!(graph.outlook(&key("a"), &needs(&["b"])), Outlook::Clear);
        graph.learn(key("h"), Node::Hidden);
        graph.learn(key("d"), Node::Stays(needs(&["b", "h"])));
        assert_eq!(graph.outlook(&key("a"), &needs(&["d"])), Outlook::Barred);
        assert_eq!(graph.sight(&key("d")), Outlook::Barred);
        assert_eq!(graph.sight(&key("c")), Outlook::Unknown(keys(&["a"])));
    }

    #[test]
    fn a_circle_goes_with_the_one_that_lacks_something() {
        let mut graph = graph(&[("b", &["c"]), ("c", &["a"])]);
        graph.learn(key("h"), Node::Hidden);
        assert_eq!(graph.outlook(&key("a"), &needs(&["b", "h"])), Outlook::Barred);
        assert_eq!(graph.outlook(&key("a"), &needs(&["b"])), Outlook::Clear);
    }

    #[test]
    fn one_of_several_is_enough_where_one_is_required() {
        let mut graph = graph(&[("b", &[])]);
        graph.learn(key("h"), Node::Hidden);
        let one_of = |ids: &[&str]| Needs {
            whole: Need::any(keys(ids).into_iter().map(Need::Key).collect()),
            inside: Vec::new(),
        };
        assert_eq!(graph.outlook(&key("a"), &one_of(&["h", "b"])), Outlook::Clear);
        assert_eq!(graph.outlook(&key("a"), &one_of(&["h"])), Outlook::Barred);
    }

    #[test]
    fn what_was_not_looked_up_is_named_once() {
        let graph = graph(&[("b", &["x", "y"]), ("c", &["x"])]);
        assert_eq!(graph.outlook(&key("a"), &needs(&["b", "c"])), Outlook::Unknown(keys(&["x", "y"])));
    }

    #[test]
    fn what_lies_deeper_counts_as_hidden() {
        let ids: Vec<String> = (0..=limits::REFERENCE_DEPTH).map(|depth| format!("n{depth}")).collect();
        let chain = |length: usize| {
            let mut graph = Graph::default();
            for (index, id) in ids.iter().enumerate().take(length) {
                let next = ids.get(index + 1).filter(|_| index + 1 < length).map(String::as_str);
                graph.learn(key(id), Node::Stays(needs(next.as_slice())));
            }
            graph.outlook(&key("a"), &needs(&["n0"]))
        };
        assert_eq!(chain(limits::REFERENCE_DEPTH), Outlook::Clear);
        assert_eq!(chain(limits::REFERENCE_DEPTH + 1), Outlook::Barred);
    }

    #[test]
    fn more_than_may_be_reached_is_an_error_and_what_is_hidden_is_not_counted() {
        let ids: Vec<String> = (0..=limits::REFERENCES).map(|number| format!("n{number}")).collect();
        let mut graph = Graph::default();
        for id in ids.iter().skip(1) {
            graph.learn(key(id), Node::Stays(Needs::NOTHING));
        }
        let all = |ids: &[String]| needs(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let any = |ids: &[String]| {
            let needs = ids.iter().map(|id| Need::Key(key(id)));
            Needs { whole: Need::any(needs.collect()), inside: Vec::new() }
        };
        assert_eq!(graph.outlook(&key("a"), &all(&ids[1..])), Outlook::Clear);
        assert_eq!(graph.outlook(&key("a"), &any(&ids)), Outlook::Unknown(keys(&["n0"])));
        let with = |node: Node| {
            let mut graph = Graph { nodes: graph.nodes.clone() };
            graph.learn(key("n0"), node);
            (graph.outlook(&key("a"), &all(&ids)), graph.outlook(&key("a"), &any(&ids)))
        };
        assert_eq!(with(Node::Hidden), (Outlook::Barred, Outlook::Clear));
        let too_many = || Outlook::Fails(ViewError::TooManyReferences);
        assert_eq!(with(Node::Stays(Needs::NOTHING)), (too_many(), too_many()));
        // What goes itself leads nowhere.
        graph.learn(key("h"), Node::Hidden);
        graph.learn(key("n0"), Node::Stays(needs(&["n1", "h"])));
        assert_eq!(graph.outlook(&key("a"), &any(&ids)), Outlook::Clear);
    }

    #[test]
    fn a_verdict_does_not_change_within_a_request() {
        let mut graph = Graph::default();
        graph.learn(key("b"), Node::Hidden);
        graph.learn(key("b"), Node::Stays(Needs::NOTHING));
        assert_eq!(graph.outlook(&key("a"), &needs(&["b"])), Outlook::Barred);
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_where_it_decides() {
        let fails = |error| Outlook::Fails(error);
        let any = |ids: &[&str]| Needs {
            whole: Need::any(keys(ids).into_iter().map(Need::Key).collect()),
            inside: Vec::new(),
        };
        let mut graph = graph(&[("b", &[]), ("c", &["u"])]);
        graph.learn(key("u"), Node::Unjudged(ViewError::NotStrictJson));
        graph.learn(key("t"), Node::Unjudged(ViewError::ResourceTooLarge));
        graph.learn(key("h"), Node::Hidden);
        graph.learn(key("d"), Node::Stays(needs(&["h", "t"])));
        assert_eq!(graph.sight(&key("u")), fails(ViewError::NotStrictJson));
        assert_eq!(graph.outlook(&key("a"), &needs(&["c"])), fails(ViewError::NotStrictJson));
        assert_eq!(graph.outlook(&key("a"), &any(&["c", "h"])), fails(ViewError::NotStrictJson));
        // What is not there either way, or is there in any case, hangs on nothing.
        assert_eq!(graph.outlook(&key("a"), &needs(&["c", "h"])), Outlook::Barred);
        assert_eq!(graph.outlook(&key("a"), &any(&["c", "b"])), Outlook::Clear);
        // Only something hidden leads to the one that comes first.
        assert_eq!(graph.outlook(&key("a"), &any(&["d", "c"])), fails(ViewError::NotStrictJson));
        assert_eq!(graph.outlook(&key("a"), &any(&["t", "c"])), fails(ViewError::ResourceTooLarge));
        // What is not known is looked up first.
        assert_eq!(graph.outlook(&key("a"), &needs(&["c", "x"])), Outlook::Unknown(keys(&["x"])));
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
