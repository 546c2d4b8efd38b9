//! Scan: cuts a searchset into its entries while it arrives.
//!
//! The bytes of each item of `entry` are handed over as soon as they are complete; everything else of the Bundle is its
//! frame, which is kept and read strictly at the end. Memory is bounded by one entry and one frame. How the bytes are cut
//! into chunks makes no difference (invariant 5).

mod frame;

pub(super) use frame::Frame;

use crate::json::{Bounds, Document};
use crate::limits;
use crate::view::ViewError;

/// Cuts one searchset.
pub(super) struct Splitter {
    place: Place,
    /// The Bundle without the items of `entry`, as it was written.
    frame: Vec<u8>,
    /// The beginning of an item whose end is in a later chunk.
    entry: Vec<u8>,
    /// Whether the item is too large: the rest of it is passed over.
    passes_over: bool,
    /// Arrays and objects around the place: of the Bundle in the frame, of the item in an item.
    depth: usize,
    text: Text,
    /// Where the frame's latest string begins, behind its quote.
    string_start: usize,
    /// Whether the next string of the frame is the name of a member of the Bundle.
    names: Names,
    /// Whether `entry` was met: a second one is refused before anything of it is handed over.
    entries_begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the Bundle.
    Before,
    /// In the Bundle, outside the items of `entry`.
    Frame,
    /// In `entry`, before its first item.
    First,
    /// In `entry`, behind an item.
    AfterItem,
    /// In `entry`, behind a comma.
    NeedItem,
    /// In an item.
    Item,
    /// Behind the Bundle.
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    /// Inside, behind a backslash.
    Escaped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// The next string names a member.
    Next,
    /// The latest name was another one.
    Other,
    /// The latest name was `entry`.
    Entry,
}

impl Splitter {
    /// Begins a searchset.
    pub(super) fn new() -> Self {
        Self {
            place: Place::Before,
            frame: Vec::new(),
            entry: Vec::new(),
            passes_over: false,
            depth: 0,
            text: Text::Outside,
            string_start: 0,
            names: Names::Other,
            entries_begun: false,
        }
    }

    /// Takes the next bytes and hands the entries that are complete to `each`, in their order; of one that is too large, the
    /// error, which is no error of the searchset if nobody needs that entry.
    ///
    /// # Errors
    /// The first thing that is not a searchset, or what `each` says.
    pub(super) fn push(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Result<&[u8], ViewError>) -> Result<(), ViewError>,
    ) -> Result<(), ViewError> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if self.place != Place::Item {
                self.byte(byte)?;
                // An item's own first byte belongs to it.
                if self.place != Place::Item {
                    at += 1;
                    continue;
                }
            }
            let rest = chunk.get(at..).unwrap_or_default();
            let (taken, ended) = self.item(rest);
            let part = rest.get(..taken).unwrap_or_default();
            at += taken;
            if !self.passes_over && self.entry.len() + part.len() > limits::RESOURCE.bytes {
                each(Err(ViewError::ResourceTooLarge))?;
                self.entry = Vec::new();
                self.passes_over = true;
            }
            if self.passes_over {
                self.passes_over = !ended;
            } else if !ended {
                self.entry.extend_from_slice(part);
            } else if self.entry.is_empty() {
                each(Ok(part))?;
            } else {
                self.entry.extend_from_slice(part);
                each(Ok(&self.entry))?;
                self.entry.clear();
            }
        }
        Ok(())
    }

    /// Ends the searchset and returns what its frame says.
    ///
    /// # Errors
    /// A Bundle that is not whole, not strict, or no searchset.
    pub(super) fn finish(self) -> Result<Frame, ViewError> {
        if self.place != Place::After {
            return Err(ViewError::Truncated);
        }
        let bounds = Bounds { bytes: limits::BUNDLE_FRAME_BYTES, ..limits::RESOURCE };
        let document = Document::read(&self.frame, bounds).map_err(|_| ViewError::NotStrictJson)?;
        frame::read(document.root())
    }

    /// Scans an item from where it was left. Returns how many bytes of `rest` belong to it and whether it ended.
    fn item(&mut self, rest: &[u8]) -> (usize, bool) {
        let mut at = 0;
        loop {
            let ahead = rest.get(at..).unwrap_or_default();
            match self.text {
                Text::Escaped if ahead.is_empty() => return (rest.len(), false),
                Text::Escaped => {
                    self.text = Text::Inside;
                    at += 1;
                }
                Text::Inside => {
                    let Some(found) = memchr::memchr2(b'"', b'\\', ahead) else { return (rest.len(), false) };
                    self.text = if ahead.get(found) == Some(&b'"') { Text::Outside } else { Text::Escaped };
                    at += found + 1;
                }
                Text::Outside => {
                    let Some(found) = memchr::memchr3(b'"', b'{', b'}', ahead) else { return (rest.len(), false) };
                    at += found + 1;
                    match ahead.get(found) {
                        Some(b'"') => self.text = Text::Inside,
                        Some(b'{') => self.depth += 1,
                        Some(_) | None => {
                            self.depth = self.depth.saturating_sub(1);
                            if self.depth == 0 {
                                self.place = Place::AfterItem;
                                // The Bundle around it.
                                self.depth = 1;
                                return (at, true);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Takes one byte that is not in an item.
    fn byte(&mut self, byte: u8) -> Result<(), ViewError> {
        let space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        match (self.place, byte) {
            (Place::Before | Place::After, _) if space => Ok(()),
            (Place::Before, b'{') => {
                self.place = Place::Frame;
                self.depth = 1;
                self.names = Names::Next;
                self.keep(byte)
            }
            (Place::Before, _) => Err(ViewError::NotASearchset),
            (Place::After, _) => Err(ViewError::NotStrictJson),
            (Place::First | Place::AfterItem | Place::NeedItem, _) if space => Ok(()),
            (Place::First | Place::NeedItem, b'{') => {
                self.place = Place::Item;
                self.depth = 0;
                Ok(())
            }
            (Place::AfterItem, b',') => {
                self.place = Place::NeedItem;
                Ok(())
            }
            (Place::First | Place::AfterItem, b']') => {
                self.place = Place::Frame;
                self.keep(byte)
            }
            (Place::First | Place::AfterItem | Place::NeedItem, _) => Err(ViewError::NotASearchset),
            (Place::Frame | Place::Item, _) => self.frame_byte(byte),
        }
    }

    /// Takes one byte of the frame: finds where `entry` begins and where the Bundle ends, and leaves the rest to
    /// [`Document::read`].
    fn frame_byte(&mut self, byte: u8) -> Result<(), ViewError> {
        match (self.text, byte) {
            (Text::Escaped, _) => self.text = Text::Inside,
            (Text::Inside, b'\\') => self.text = Text::Escaped,
            (Text::Inside, b'"') => {
                self.text = Text::Outside;
                if self.depth == 1 && self.names == Names::Next {
                    let name = self.frame.get(self.string_start..);
                    self.names = if name == Some(b"entry") { Names::Entry } else { Names::Other };
                }
            }
            (Text::Inside, _) => {}
            (Text::Outside, b'"') => {
                self.text = Text::Inside;
                self.string_start = self.frame.len() + 1;
            }
            (Text::Outside, b'[') if self.depth == 1 && self.names == Names::Entry => {
                if std::mem::replace(&mut self.entries_begun, true) {
                    return Err(ViewError::NotStrictJson);
                }
                self.place = Place::First;
            }
            (Text::Outside, b'{' | b'[') => self.depth += 1,
            (Text::Outside, b'}' | b']') => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.place = Place::After;
                }
            }
            (Text::Outside, b',') if self.depth == 1 => self.names = Names::Next,
            (Text::Outside, _) => {}
        }
        self.keep(byte)
    }

    fn keep(&mut self, byte: u8) -> Result<(), ViewError> {
        if self.frame.len() >= limits::BUNDLE_FRAME_BYTES {
            return Err(ViewError::PageTooLarge);
        }
        self.frame.push(byte);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Cut = (Vec<Vec<u8>>, Result<Frame, ViewError>);

    /// Feeds `chunks` and returns the entries that were handed over and how it ended.
    fn cut<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Cut {
        let mut splitter = Splitter::new();
        let mut entries = Vec::new();
        for chunk in chunks {
            let pushed = splitter.push(chunk, |entry| {
                entries.push(entry?.to_vec());
                Ok(())
            });
            if let Err(error) = pushed {
                return (entries, Err(error));
            }
        }
        (entries, splitter.finish())
    }

    fn whole(text: &str) -> Cut {
        cut([text.as_bytes()])
    }

    fn error(text: &str) -> ViewError {
        whole(text).1.expect_err("must not be read")
    }

    const PAGE: &str = r#" {"resourceType" : "Bundle","meta":{"entry":[{}]},"total":2,"type":"searchset",
        "link":[{"relation":"self","url":"http:\/\/u/x?a=1"},{"relation":"next","url":"http://u?p=2"}],
        "entry" : [ {"a":"}\"]{","b":[{"c":{}}]} ,{"d":"\\"}] } "#;

    #[test]
    fn a_searchset_gives_its_entries_as_written_and_its_links() {
        let (entries, frame) = whole(PAGE);
        assert_eq!(entries, [br#"{"a":"}\"]{","b":[{"c":{}}]}"#.to_vec(), br#"{"d":"\\"}"#.to_vec()]);
        let frame = frame.unwrap();
        assert_eq!(frame.self_link.as_deref(), Some("http://u/x?a=1"));
        assert_eq!(frame.next.as_deref(), Some("http://u?p=2"));
    }

    #[test]
    fn a_searchset_without_entries_is_read() {
        let nothing = Frame { self_link: None, next: None };
        for text in [
            r#"{"resourceType":"Bundle","type":"searchset"}"#,
            r#"{"type":"searchset","entry":[ ],"resourceType":"Bundle"}"#,
        ] {
            assert_eq!(whole(text), (Vec::new(), Ok(nothing.clone())), "{text}");
        }
    }

    #[test]
    fn what_is_no_searchset_is_refused() {
        for text in [
            "<html></html>",
            "[]",
            "{}",
            r#"{"resourceType":"Bundle"}"#,
            r#"{"resourceType":"Bundle","type":"batch"}"#,
            r#"{"resourceType":"OperationOutcome","type":"searchset"}"#,
            r#"{"resourceType":"Bundle","type":"searchset","extra":1}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entry":{}}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entry":[1]}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entry":[{} {}]}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entry":[{},]}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entry":[,{}]}"#,
            r#"{"resourceType":"Bundle","type":"searchset","link":{}}"#,
            r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next"}]}"#,
            r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"a"},{"relation":"next","url":"b"}]}"#,
        ] {
            assert_eq!(error(text), ViewError::NotASearchset, "{text}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [
            r#"{"resourceType":"Bundle","type":"batch","type":"searchset"}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entr\u0079":[{}]}"#,
            r#"{"resourceType":"Bundle","type":"searchset","entry":[],"entry":[{}]}"#,
            r#"{"resourceType":"Bundle","type":"searchset"}{}"#,
            r#"{"resourceType":"Bundle" "type":"searchset"}"#,
            r#"{"resourceType":"Bundle","type":"searchset",}"#,
            r#"{"resourceType":"Bundle","type":"searchset"]"#,
        ] {
            let (entries, result) = whole(text);
            assert_eq!((entries, result), (Vec::new(), Err(ViewError::NotStrictJson)), "{text}");
        }
    }

    #[test]
    fn a_body_that_ends_early_is_truncated() {
        let page = PAGE.trim_end();
        for end in 0..page.len() {
            let part = page.get(..end).unwrap_or_default();
            assert_eq!(error(part), ViewError::Truncated, "{part}");
        }
        assert!(whole(page).1.is_ok());
    }

    #[test]
    fn the_frame_is_bounded_and_an_entry_is_bounded() {
        let long = "x".repeat(limits::BUNDLE_FRAME_BYTES);
        let frame = format!(r#"{{"resourceType":"Bundle","type":"searchset","id":"{long}"}}"#);
        assert_eq!(error(&frame), ViewError::PageTooLarge);
        let fits = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"a":"{long}"}}]}}"#);
        assert!(whole(&fits).1.is_ok());
        let huge = "x".repeat(limits::RESOURCE.bytes);
        let entry = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{"a":"{huge}"}}]}}"#);
        assert_eq!(error(&entry), ViewError::ResourceTooLarge);
        assert_eq!(cut(entry.as_bytes().chunks(1 << 16)).1, Err(ViewError::ResourceTooLarge));
    }

    fn any_page() -> impl Strategy<Value = String> {
        let junk = proptest::collection::vec(
            prop::sample::select(vec!["{", "}", "[", "]", "\"", "\\", ",", ":", " ", "a", "1", "\"entry\":[", "é"]),
            0..40,
        );
        prop_oneof![
            junk.clone().prop_map(|parts| parts.concat()),
            junk.prop_map(|parts| format!(
                r#"{{"resourceType":"Bundle","type":"searchset","entry":[{{{}"#,
                parts.concat()
            )),
            Just(PAGE.to_owned()),
        ]
    }

    proptest! {
        /// Invariant 5: the output does not depend on how upstream bytes are cut into chunks.
        #[test]
        fn the_same_bytes_give_the_same_entries_however_they_are_cut(
            page in any_page(), sizes in proptest::collection::vec(1_usize..9, 1..20)
        ) {
            let mut rest = page.as_bytes();
            let mut chunks = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, behind) = rest.split_at((*size).min(rest.len()));
                chunks.push(chunk);
                rest = behind;
            }
            prop_assert_eq!(cut(chunks), whole(&page));
        }
    }
}
