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
    /// It is there, and cannot be read.
    Unread(ViewError),
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
    /// It is more than is looked at: more resources or bytes, or deeper.
    TooMuch,
}

/// Whether what was offered is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    /// There is no room for it beside the others: it must be looked up again, when less is kept at one time.
    NoRoom,
}

/// Resources by what others inherit from them; it lasts for one request, and is bounded in bytes.
#[derive(Default)]
pub(super) struct Links {
    kept: HashMap<Key, Linked>,
    /// What is looked up for the sake of those that are linked to it.
    wanted: BTreeSet<Key>,
    bytes: usize,
    room: Room,
}

/// For how many of those that wait what they inherit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Room {
    /// For all of them.
    #[default]
    Ample,
    /// The last look-up brought more than fits.
    Full,
    /// For one after the other.
    Narrow,
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

    /// Keeps a resource; what is kept already stays. Where what all of them inherit does not fit, it is looked up for one after
    /// the other: how much that is for each is bounded by itself ([`Self::reach`]), so that a verdict does not depend on what
    /// else is judged.
    pub(super) fn keep(&mut self, key: &Key, text: &str, links: &[Key]) -> Kept {
        if self.kept.contains_key(key) {
            self.wanted.remove(key);
            return Kept::Yes;
        }
        match self.room {
            Room::Ample if self.bytes + text.len() > limits::PAGE_BYTES => self.room = Room::Full,
            Room::Ample | Room::Full | Room::Narrow => {}
        }
        if self.room == Room::Full {
            return Kept::NoRoom;
        }
        self.wanted.remove(key);
        self.bytes += text.len();
        self.kept.insert(key.clone(), Linked::Found(text.as_bytes().to_vec(), links.to_vec()));
        Kept::Yes
    }

    /// Returns true if and only if something was not kept for want of room.
    pub(super) fn is_full(&self) -> bool {
        self.room == Room::Full
    }

    /// Returns true if and only if there is room for what one inherits, and for that of the next when that one is judged.
    pub(super) fn is_narrow(&self) -> bool {
        self.room == Room::Narrow
    }

    /// Forgets all but these, and keeps from here on what one after the other inherits.
    pub(super) fn narrow(&mut self, stays: impl Fn(&Key) -> bool) {
        self.room = Room::Narrow;
        self.wanted.clear();
        self.kept.retain(|key, _| stays(key));
        self.bytes = self.kept.values().map(Linked::bytes).sum();
    }

    /// Takes note that a resource which is still wanted is not there.
    pub(super) fn absent(&mut self, key: &Key) {
        if self.wanted.remove(key) {
            self.kept.insert(key.clone(), Linked::Absent);
        }
    }

    /// Takes note that a resource which is still wanted is there, and cannot be read.
    pub(super) fn unread(&mut self, key: &Key, error: ViewError) {
        if self.wanted.remove(key) {
            self.kept.insert(key.clone(), Linked::Unread(error));
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

    /// Returns what `from`, which is linked to `links`, reaches. How deep is looked is how deep references are; what reaches
    /// deeper, or more than [`limits::REFERENCES`] resources or [`limits::PAGE_BYTES`] of them, inherits what cannot be told.
    pub(super) fn reach(&self, from: &Key, links: &[Key]) -> Reach {
        let mut seen = HashSet::from([from]);
        let (mut known, mut unknown, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut level: Vec<&Key> = links.iter().collect();
        for _ in 0..limits::REFERENCE_DEPTH {
            let mut next = Vec::new();
            for key in level {
                if !seen.insert(key) {
                    continue;
                }
                match self.kept.get(key) {
                    None => unknown.push(key.clone()),
                    Some(Linked::Absent | Linked::Unread(_)) => {}
                    Some(Linked::Found(text, links)) => {
                        bytes += text.len();
                        known.push(key.clone());
                        next.extend(links);
                    }
                }
                // It does not reach itself.
                if seen.len() > limits::REFERENCES + 1 || bytes > limits::PAGE_BYTES {
                    return Reach::TooMuch;
                }
            }
            level = next;
        }
        if level.iter().any(|key| !seen.contains(key)) {
            return Reach::TooMuch;
        }
        if unknown.is_empty() { Reach::Known(known) } else { Reach::Unknown(unknown) }
    }

    /// Returns why it cannot be told what `from`, which is linked to `links`, inherits, where that is so: it reaches something
    /// that cannot be read, and nothing hidden stands between.
    pub(super) fn doubt(&self, from: &Key, links: &[Key], is_hidden: impl Fn(&Key) -> bool) -> Option<ViewError> {
        let (mut seen, mut ahead) = (HashSet::from([from]), links.iter().collect::<Vec<_>>());
        let mut unread = Vec::new();
        while let Some(key) = ahead.pop() {
            match self.kept.get(key) {
                _ if !seen.insert(key) => {}
                Some(Linked::Unread(error)) => unread.push((key, *error)),
                Some(Linked::Found(_, links)) if !is_hidden(key) => ahead.extend(links),
                Some(Linked::Found(..) | Linked::Absent) | None => {}
            }
        }
        unread.into_iter().min_by_key(|(key, _)| *key).map(|(_, error)| error)
    }

    /// Returns what a resource that is kept is linked to.
    pub(super) fn of(&self, key: &Key) -> &[Key] {
        match self.kept.get(key) {
            Some(Linked::Found(_, links)) => links,
            Some(Linked::Absent | Linked::Unread(_)) | None => &[],
        }
    }

    /// Reads every resource that is kept.
    ///
    /// # Errors
    /// One that is no strict JSON; each was when it came.
    pub(super) fn documents(&self) -> Result<HashMap<Key, Document<'_>>, ViewError> {
        let found = self.kept.iter().filter_map(|(key, linked)| match linked {
            Linked::Found(text, _) => Some((key, text)),
            Linked::Absent | Linked::Unread(_) => None,
        });
        let read = found.map(|(key, text)| Ok((key.clone(), Document::read(text, limits::RESOURCE)?)));
        read.collect::<Result<_, JsonError>>().map_err(|_| ViewError::NotStrictJson)
    }
}

impl Linked {
    fn bytes(&self) -> usize {
        match self {
            Self::Found(text, _) => text.len(),
            Self::Absent | Self::Unread(_) => 0,
        }
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
            assert_eq!(links.keep(&key(id), "{}", &keys(to)), Kept::Yes);
        }
        links
    }

    #[test]
    fn what_is_reached_by_links_of_links_is_known_when_all_of_it_is() {
        let mut links = links(&[("b", &["c"])]);
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Unknown(keys(&["c"])));
        links.keep(&key("c"), "{}", &keys(&["b", "a"]));
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
        links.keep(&key("b"), &" ".repeat(limits::LINKED_BYTES), &[]);
        links.make_room_where_full();
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Known(keys(&["b"])));
        links.keep(&key("c"), "{}", &[]);
        links.make_room_where_full();
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Unknown(keys(&["b"])));
    }

    #[test]
    fn what_does_not_fit_is_looked_up_again_for_one_after_the_other() {
        let mut links = Links::default();
        let text = " ".repeat(limits::PAGE_BYTES / 2 + 1);
        assert_eq!(links.keep(&key("b"), &text, &[]), Kept::Yes);
        links.want([key("c")]);
        assert_eq!(links.keep(&key("c"), &text, &[]), Kept::NoRoom);
        assert_eq!(links.keep(&key("d"), "{}", &[]), Kept::NoRoom);
        assert!(links.is_full() && links.wants(&key("c")));
        links.narrow(|key| key.id.as_str() == "b");
        assert!(links.is_narrow() && !links.wants(&key("c")));
        assert_eq!(links.reach(&key("a"), &keys(&["b", "c"])), Reach::Unknown(keys(&["c"])));
        assert_eq!(links.keep(&key("c"), &text, &[]), Kept::Yes);
        // Each by itself fits, and both are more than one may inherit from.
        assert_eq!(links.reach(&key("a"), &keys(&["c"])), Reach::Known(keys(&["c"])));
        assert_eq!(links.reach(&key("a"), &keys(&["b", "c"])), Reach::TooMuch);
    }

    #[test]
    fn what_reaches_too_many_or_too_deep_reaches_too_much() {
        let ids: Vec<String> = (0..=limits::REFERENCES).map(|number| format!("n{number}")).collect();
        let all: Vec<Key> = ids.iter().map(|id| key(id)).collect();
        let mut links = Links::default();
        links.want(all.clone());
        all.iter().for_each(|key| links.absent(key));
        let (_, fewer) = all.split_first().unwrap();
        assert_eq!(links.reach(&key("a"), fewer), Reach::Known(Vec::new()));
        assert_eq!(links.reach(&key("a"), &all), Reach::TooMuch);
        // None of them needs to be looked up for that.
        assert_eq!(Links::default().reach(&key("a"), &all), Reach::TooMuch);
        let chain = |length: usize| {
            let mut links = Links::default();
            for (number, at) in all.iter().enumerate().take(length) {
                let next = all.get(number + 1).filter(|_| number + 1 < length);
                links.keep(at, "{}", next.cloned().as_slice());
            }
            links.reach(&key("a"), &keys(&["n0"]))
        };
        assert!(matches!(chain(limits::REFERENCE_DEPTH), Reach::Known(_)));
        assert_eq!(chain(limits::REFERENCE_DEPTH + 1), Reach::TooMuch);
    }

    #[test]
    fn what_cannot_be_read_leaves_a_doubt_behind_what_is_not_hidden() {
        let mut links = links(&[("b", &["u"]), ("h", &["t"])]);
        links.want(keys(&["u", "t"]));
        links.unread(&key("u"), ViewError::NotStrictJson);
        links.unread(&key("t"), ViewError::ResourceTooLarge);
        let doubt = |to: &[&str]| links.doubt(&key("a"), &keys(to), |key| key.id.as_str() == "h");
        assert_eq!(links.reach(&key("a"), &keys(&["b"])), Reach::Known(keys(&["b"])));
        assert_eq!(doubt(&["b"]), Some(ViewError::NotStrictJson));
        assert_eq!(doubt(&["h", "b"]), Some(ViewError::NotStrictJson));
        assert_eq!(doubt(&["t", "b"]), Some(ViewError::ResourceTooLarge));
        assert_eq!(doubt(&["h"]), None);
    }
}
