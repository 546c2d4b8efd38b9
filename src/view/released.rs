//! Released: the only bytes a caller may get of a record.

use crate::consent::{Ground, Sight};
use crate::query::Tally;
use crate::view::notice::Notice;

/// Bytes that the view released. Only the view makes them (invariant 2).
pub struct Released(Vec<u8>);

impl Released {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, to be sent.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Returns how many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if and only if there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Released {
    /// Shows the length, never content: the bytes are a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Released({} bytes)", self.0.len())
    }
}

/// What an answer let through and what it held back, by reference, for the record.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// References of the resources that were released, in their order.
    pub released: Vec<String>,
    /// References of the resources that were met and held back, with the reason.
    pub withheld: Vec<(String, Ground)>,
    /// References of the resources of which other policies would make something else, with what that is.
    pub differs: Vec<(String, Sight)>,
    /// How many matches the answer says there are, where it says it.
    pub total: Option<usize>,
}

impl std::fmt::Debug for Report {
    /// Shows how many, not which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Report({} released, {} withheld)", self.released.len(), self.withheld.len())
    }
}

/// Returns the searchset that says nothing: the answer for who is denied or unknown, and for a search that found nothing. A
/// search that counts is told that there are none.
#[must_use]
pub fn empty_searchset(self_link: &str, tally: Tally, notice: Notice) -> Released {
    let mut bytes = Vec::with_capacity(128 + self_link.len());
    open_searchset(&mut bytes, notice);
    let entries = notice.write_outcome(Entries::None, &mut bytes);
    let total = match tally {
        Tally::Unsaid => None,
        Tally::Total | Tally::Only => Some(0),
    };
    close_searchset(&mut bytes, entries, self_link, None, total);
    Released(bytes)
}

/// Whether the searchset that is being written has an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entries {
    None,
    Some,
}

/// Begins a searchset. Neither `id` nor `meta` of the server: they are made anew for each search.
pub(super) fn open_searchset(out: &mut Vec<u8>, notice: Notice) {
    out.extend_from_slice(br#"{"resourceType":"Bundle","type":"searchset""#);
    notice.write_label(out);
}

/// Ends a searchset with its links and, where it was asked for, the number of visible matches: it is known last.
pub(super) fn close_searchset(
    out: &mut Vec<u8>,
    entries: Entries,
    self_link: &str,
    next: Option<&str>,
    total: Option<usize>,
) {
    if entries == Entries::Some {
        out.push(b']');
    }
    out.extend_from_slice(br#","link":[{"relation":"self","url":"#);
    push_string(out, self_link);
    if let Some(next) = next {
        out.extend_from_slice(br#"},{"relation":"next","url":"#);
        push_string(out, next);
    }
    out.extend_from_slice(b"}]");
    if let Some(total) = total {
        out.extend_from_slice(format!(r#","total":{total}"#).as_bytes());
    }
    out.push(b'}');
}

/// Writes `text` as a JSON string.
pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// Writes `text` as it stands inside a JSON string.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{0}'..='\u{1f}' => out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes()),
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_searchset_has_a_self_link_and_nothing_else() {
        let bytes =
            empty_searchset("https://gw.example/fhir/Observation?patient=1", Tally::Unsaid, Notice::None).into_bytes();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"https://gw.example/fhir/Observation?patient=1"}]}"#
        );
    }

    #[test]
    fn who_asked_for_a_number_is_told_that_there_are_none() {
        for tally in [Tally::Total, Tally::Only] {
            let bytes = empty_searchset("https://gw/fhir/X?_summary=count", tally, Notice::None).into_bytes();
            assert!(String::from_utf8(bytes).unwrap().ends_with(r#"_summary=count"}],"total":0}"#));
        }
    }

    #[test]
    fn a_string_is_written_so_that_it_reads_back() {
        for text in ["", "a\"b", "a\\b", "\u{1}\n\t", "é€😀", "</script>"] {
            let mut out = Vec::new();
            push_string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let released = Released::new(b"Jansen".to_vec());
        assert!(!format!("{released:?}").contains("Jansen"));
        let report = Report { released: vec!["Patient/jansen".to_owned()], ..Report::default() };
        assert!(!format!("{report:?}").contains("jansen"));
    }
}
