//! Links: the resources whose labels others inherit, kept as the server has them until those are judged.
//!
//! A resource is judged when everything it reaches along links is known, so that its verdict does not depend on what shares
//! a page with it, nor on what came first.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::json::{Document, JsonError};
use crate::limits;
use crate::view::ViewError;
use crate::view::reference::Key;

/// What is known of one resource that others are linked to.
enum Linked {
    /// It is not there.
    Absent,
    /// Its text, and what it is linked to itself.
    Found(Vec<u8>, Vec<Key>),
}

/// What can be reached along links.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// All of it is known; these are there.
    Known(Vec<Key>),
    /// These must be looked up first.
    Unknown(Vec<Key>),
}

/// Resources by what others inherit from them; it lasts for one request, and is bounded in bytes.
#[derive(Default)]
pub(super) struct Links {
    kept: HashMap<Key, Linked>,
    /// What is looked up for the sake of those that are linked to it.
    wanted: BTreeSet<Key>,
    bytes: usize,
}

impl Links {
    /// Takes note of what is looked up for its labels.
    pub(super) fn want(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.wanted.extend(keys);
    }

    /// Returns true if and only if that resource is looked up for its labels.
    pub(super) fn wants(&self, key: &Key) -> bool {
        self.wanted.contains(key)
    }

    /// Keeps a resource; what is kept already stays.
    ///
    /// # Errors
    /// More bytes than one page may take.
    pub(super) fn keep(&mut self, key: &Key, text: &str, links: &[Key]) -> Result<(), ViewError> {
        self.wanted.remove(key);
        if self.kept.contains_key(key) {
            return Ok(());
        }
        self.bytes += text.len();
        if self.bytes > limits::PAGE_BYTES {
            return Err(ViewError::PageTooLarge);
        }
        self.kept.insert(key.clone(), Linked::Found(text.as_bytes().to_vec(), links.to_vec()));
        Ok(())
    }

    /// Takes note that a resource which is still wanted is not there.
    pub(super) fn absent(&mut self, key: &Key) {
        if self.wanted.remove(key) {
            self.kept.insert(key.clone(), Linked::Absent);
        }
    }

    /// Forgets everything: it can be looked up again.
    pub(super) fn make_room(&mut self) {
        *self = Self::default();
    }

    /// Forgets everything where it is much. What is linked to is often the same from one page to the next.
    pub(super) fn make_room_where_full(&mut self) {
        if self.bytes > limits::LINKED_BYTES {
            self.make_room();
        }
    }

    /// Returns what `from`, which is linked to `links`, reaches. How deep is looked is how deep references are: what reaches
    /// deeper is hidden for that. Of more than [`limits::REFERENCES`] the rest are not followed.
    pub(super) fn reach(&self, from: &Key, links: &[Key]) -> Reach {
        let mut seen = HashSet::from([from]);
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        let mut level: Vec<&Key> = links.iter().collect();
        for _ in 0..limits::REFERENCE_DEPTH {
            let mut next = Vec::new();
            for key in level {
                if seen.len() > limits::REFERENCES || !seen.insert(key) {
                    continue;
                }
                match self.kept.get(key) {
                    None => unknown.push(key.clone()),
                    Some(Linked::Absent) => {}
                    Some(Linked::Found(_, links)) => {
                        known.push(key.clone());
                        next.extend(links);
                    }
                }
            }
            level = next;
        }
        if unknown.is_empty() { Reach::Known(known) } else { Reach::Unknown(unknown) }
    }

    /// Returns what a resource that is kept is linked to.
    pub(super) fn of(&self, key: &Key) -> &[Key] {
        match self.kept.get(key) {
            Some(Linked::Found(_, links)) => links,
            Some(Linked::Absent) | None => &[],
        }
    }

    /// Reads every resource that is kept.
    ///
    /// # Errors
    /// One that is no strict JSON; each was when it came.
    pub(super) fn documents(&self) -> Result<HashMap<Key, Document<'_>>, ViewError> {
        let found = self.kept.iter().filter_map(|(key, linked)| match linked {
            Linked::Found(text, _) => Some((key, text)),
            Linked::Absent => None,
        });
        let read = found.map(|(key, text)| Ok((key.clone(), Document::read(text, limits::RESOURCE)?)));
        read.collect::<Result<_, JsonError>>().map_err(|_| ViewError::NotStrictJson)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::query::Id;

    fn key(id: &str) -> Key {
        Key { resource_type: "Observation".to_owned(), id: Id::from_str(id).unwrap() }
    }

    fn keys(ids: &[&str]) -> Vec<Key> {
        ids.iter().map(|id| key(id)).collect()
    }

    fn links(found: &[(&str, &[&str])]) -> Links {
        let mut links = Links::default();
        for (id, to) in found {
            links.keep(&key(id), "{}", &keys(to)).unwrap();
        }
        links
    }

    #[test]
    fn what_is_reached_by_links_of_links_is_known_when_all_of_it_is() {
        let mut links = links(&[("b", &["c"])]);
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Unknown(keys(&["c"])));
        links.keep(&key("c"), "{}", &keys(&["b", "a"])).unwrap();
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Known(keys(&["b", "c"])));
    }

    #[test]
    fn what_is_not_there_is_known_and_reached_by_nobody() {
        let mut links = links(&[]);
        links.want([key("b")]);
        links.absent(&key("b"));
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Known(Vec::new()));
    }

    #[test]
    fn what_is_not_there_is_noted_of_what_was_wanted_alone() {
        let mut links = links(&[("b", &[])]);
        links.absent(&key("b"));
        links.absent(&key("c"));
        assert_eq!(links.reach(&key("a"), &keys(&["b", "c"])), Reach::Unknown(keys(&["c"])));
        assert!(links.documents().unwrap().contains_key(&key("b")));
    }

    #[test]
    fn little_stays_from_page_to_page_and_much_does_not() {
        let mut links = Links::default();
        links.keep(&key("b"), &" ".repeat(limits::LINKED_BYTES), &[]).unwrap();
        links.make_room_where_full();
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Known(keys(&["b"])));
        links.keep(&key("c"), "{}", &[]).unwrap();
        links.make_room_where_full();
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Unknown(keys(&["b"])));
    }

    #[test]
    fn more_bytes_than_a_page_may_take_are_refused() {
        let mut links = Links::default();
        let text = " ".repeat(limits::PAGE_BYTES / 2 + 1);
        assert_eq!(links.keep(&key("b"), &text, &[]), Ok(()));
        assert_eq!(links.keep(&key("c"), &text, &[]), Err(ViewError::PageTooLarge));
    }
}
