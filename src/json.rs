//! A JSON text and the span of every value in it.
//!
//! Judging needs to read a few members of a resource and the view needs to copy the rest byte for byte, so a text is read
//! once into a flat list of spans: nothing is converted, nothing is copied. Reading is strict where two readers of one text
//! could see two things (RFC 8259 leaves those open): a member name that repeats or is written with escapes, invalid UTF-8,
//! a lone surrogate, a byte order mark, bytes after the end are errors. Depth, size and members of one object are bounded.

use std::borrow::Cow;
use std::ops::Range;

/// How large a text may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Arrays and objects inside one another.
    pub depth: usize,
    /// Members of one object: names are compared pair by pair, so this bounds work as well.
    pub members: usize,
}

/// Why a text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than allowed.
    #[error("text is longer than {limit} bytes")]
    TooLong {
        /// Bytes that are allowed.
        limit: usize,
    },
    /// More nesting than allowed.
    #[error("nesting is deeper than the limit at byte {at}")]
    TooDeep {
        /// Offset of the value that is too deep.
        at: usize,
    },
    /// More members in one object than allowed.
    #[error("an object has too many members at byte {at}")]
    TooManyMembers {
        /// Offset of the member that is one too many.
        at: usize,
    },
    /// Not UTF-8.
    #[error("text is not UTF-8")]
    Encoding,
    /// Not JSON.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset of the first byte that does not fit.
        at: usize,
    },
    /// Two members of one object have the same name.
    #[error("a member name repeats at byte {at}")]
    RepeatedMember {
        /// Offset of the second name.
        at: usize,
    },
    /// A member name is written with an escape.
    #[error("a member name is escaped at byte {at}")]
    EscapedMember {
        /// Offset of the name.
        at: usize,
    },
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// A number, as written.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// Offsets have 32 bits: a text is shorter, and a document is read faster the less is written about it.
#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// Index of the first node behind this one and all inside it.
    next: u32,
    /// Where the member's name stands, without its quotes; empty for an item of an array.
    name: Name,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    start: u32,
    end: u32,
}

const NAMELESS: Name = Name { start: 0, end: 0 };

impl Name {
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(wide(self.start)..wide(self.end))
    }
}

/// Narrows an offset into a text that is short enough for 32 bits.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn wide(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// A JSON text that was read.
#[derive(Debug)]
pub struct Document<'b> {
    text: &'b str,
    nodes: Vec<Node>,
}

impl<'b> Document<'b> {
    /// Reads `bytes` as one JSON text.
    ///
    /// # Errors
    /// The first thing that makes the text ambiguous, too large or not JSON.
    pub fn read(bytes: &'b [u8], bounds: Bounds) -> Result<Self, JsonError> {
        let limit = bounds.bytes.min(wide(u32::MAX));
        if bytes.len() > limit {
            return Err(JsonError::TooLong { limit });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::Encoding)?;
        // FHIR has a value in some thirty bytes; a guess that is too low costs a copy, no more.
        let nodes = Vec::with_capacity((bytes.len() / 24).clamp(8, 1024));
        let mut reader = Reader { bytes, at: 0, nodes, bounds };
        reader.value(0, NAMELESS)?;
        reader.space();
        if reader.at != bytes.len() {
            return Err(JsonError::Syntax { at: reader.at });
        }
        Ok(Self { text, nodes: reader.nodes })
    }

    /// Returns the outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value { text: self.text, nodes: &self.nodes, index: 0 }
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy)]
pub struct Value<'d> {
    text: &'d str,
    nodes: &'d [Node],
    index: usize,
}

impl std::fmt::Debug for Value<'_> {
    /// Shows kind and place, never content: a value may be a person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {:?}", self.kind(), self.span())
    }
}

const NOTHING: Node = Node { kind: Kind::Null, start: 0, end: 0, next: 0, name: NAMELESS };

impl<'d> Value<'d> {
    fn node(&self) -> &'d Node {
        self.nodes.get(self.index).unwrap_or(&NOTHING)
    }

    /// Returns what the value is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Returns where the value stands in the text, quotes and brackets included.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        let node = self.node();
        wide(node.start)..wide(node.end)
    }

    /// Returns the value as it is written.
    #[must_use]
    pub fn raw(&self) -> &'d str {
        self.text.get(self.span()).unwrap_or_default()
    }

    /// Returns the members of an object in their order; none for any other kind.
    #[must_use]
    pub fn members(&self) -> Members<'d> {
        Members(self.inside(Kind::Object))
    }

    /// Returns the items of an array in their order; none for any other kind.
    #[must_use]
    pub fn items(&self) -> Items<'d> {
        self.inside(Kind::Array)
    }

    /// Returns the member of that name, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        self.members().find(|member| member.name == name).map(|member| member.value)
    }

    /// Returns the string without its escapes, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'d, str>> {
        if self.kind() != Kind::String {
            return None;
        }
        let Range { start, end } = self.span();
        let inner = self.text.get(start + 1..end.saturating_sub(1))?;
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str::<String>(self.raw()).ok().map(Cow::Owned)
    }

    /// Returns the boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Kind::Bool => Some(self.raw() == "true"),
            Kind::Object | Kind::Array | Kind::String | Kind::Number | Kind::Null => None,
        }
    }

    /// Returns the string member of that name without its escapes.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<Cow<'d, str>> {
        self.get(name).and_then(|value| value.as_str())
    }

    fn inside(&self, kind: Kind) -> Items<'d> {
        let node = self.node();
        let (at, end) = if node.kind == kind { (self.index + 1, wide(node.next)) } else { (0, 0) };
        Items { text: self.text, nodes: self.nodes, at, end }
    }
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Member<'d> {
    /// Its name; member names of FHIR need no escapes, and a text that has one is not read.
    pub name: &'d str,
    /// Its value.
    pub value: Value<'d>,
    /// Where the member stands in the text: from the opening quote of its name to the end of its value.
    pub span: (usize, usize),
}

/// The items of an array, in order.
#[derive(Clone)]
pub struct Items<'d> {
    text: &'d str,
    nodes: &'d [Node],
    at: usize,
    end: usize,
}

impl std::fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Items({}..{})", self.at, self.end)
    }
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        if self.at >= self.end {
            return None;
        }
        let value = Value { text: self.text, nodes: self.nodes, index: self.at };
        // A node's end is behind its start, so this always moves on.
        self.at = wide(value.node().next).max(self.at + 1);
        Some(value)
    }
}

/// The members of an object, in order.
#[derive(Debug, Clone)]
pub struct Members<'d>(Items<'d>);

impl<'d> Iterator for Members<'d> {
    type Item = Member<'d>;

    fn next(&mut self) -> Option<Member<'d>> {
        let value = self.0.next()?;
        let Node { name, end, .. } = *value.node();
        let start = wide(name.start);
        let text = value.text.get(start..wide(name.end)).unwrap_or_default();
        Some(Member { name: text, value, span: (start.saturating_sub(1), wide(end)) })
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    nodes: Vec<Node>,
    bounds: Bounds,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn syntax<T>(&self) -> Result<T, JsonError> {
        Err(JsonError::Syntax { at: self.at })
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize, name: Name) -> Result<(), JsonError> {
        self.space();
        let index = self.nodes.len();
        let start = narrow(self.at);
        let kind = match self.peek() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            Some(_) | None => return self.syntax(),
        };
        self.nodes.push(Node { kind, start, end: start, next: narrow(index + 1), name });
        match kind {
            Kind::Object => self.object(depth, index)?,
            Kind::Array => self.array(depth)?,
            Kind::String => {
                self.string()?;
            }
            Kind::Number => self.number()?,
            Kind::Bool if self.peek() == Some(b't') => self.word(b"true")?,
            Kind::Bool => self.word(b"false")?,
            Kind::Null => self.word(b"null")?,
        }
        let next = narrow(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = narrow(self.at);
            node.next = next;
        }
        Ok(())
    }

    fn enter(&mut self, depth: usize) -> Result<usize, JsonError> {
        if depth >= self.bounds.depth {
            return Err(JsonError::TooDeep { at: self.at });
        }
        self.at += 1;
        self.space();
        Ok(depth + 1)
    }

    fn object(&mut self, depth: usize, index: usize) -> Result<(), JsonError> {
        let depth = self.enter(depth)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut members = 0;
        loop {
            if self.peek() != Some(b'"') {
                return self.syntax();
            }
            let at = self.at + 1;
            let escaped = self.string()?;
            if escaped {
                return Err(JsonError::EscapedMember { at });
            }
            let name = Name { start: narrow(at), end: narrow(self.at - 1) };
            members += 1;
            if members > self.bounds.members {
                return Err(JsonError::TooManyMembers { at });
            }
            if self.has_member(index, name) {
                return Err(JsonError::RepeatedMember { at });
            }
            self.space();
            if self.peek() != Some(b':') {
                return self.syntax();
            }
            self.at += 1;
            self.value(depth, name)?;
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.space();
                }
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) | None => return self.syntax(),
            }
        }
    }

    fn has_member(&self, object: usize, name: Name) -> bool {
        let (wanted, length) = (name.of(self.bytes), name.end - name.start);
        let mut at = object + 1;
        while let Some(node) = self.nodes.get(at) {
            // Most names differ in length, which is known without a look at the text.
            if node.name.end - node.name.start == length && node.name.of(self.bytes) == wanted {
                return true;
            }
            at = wide(node.next).max(at + 1);
        }
        false
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        let depth = self.enter(depth)?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth, NAMELESS)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) | None => return self.syntax(),
            }
        }
    }

    /// Reads a string and returns true if and only if it holds an escape.
    fn string(&mut self) -> Result<bool, JsonError> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return self.syntax(),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let unit = self.code_unit()?;
                match unit {
                    0xdc00..=0xdfff => self.syntax(),
                    0xd800..=0xdbff => {
                        if self.peek() != Some(b'\\') {
                            return self.syntax();
                        }
                        self.at += 1;
                        if self.peek() != Some(b'u') {
                            return self.syntax();
                        }
                        match self.code_unit()? {
                            0xdc00..=0xdfff => Ok(()),
                            _ => self.syntax(),
                        }
                    }
                    _ => Ok(()),
                }
            }
            Some(_) | None => self.syntax(),
        }
    }

    /// Reads `uXXXX`, standing on the `u`.
    fn code_unit(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            self.at += 1;
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return self.syntax() };
            unit = unit * 16 + digit;
        }
        self.at += 1;
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            Some(_) | None => return self.syntax(),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.syntax() } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if self.bytes.get(self.at..self.at + word.len()) == Some(word) {
            self.at += word.len();
            return Ok(());
        }
        self.syntax()
    }
}

/// Returns how many bytes may be passed over because none of them ends a string, begins an escape or is a control
/// character. Near the end of the text it may be fewer than there are.
fn plain(bytes: &[u8]) -> usize {
    let mut passed = 0;
    for word in bytes.as_chunks::<8>().0 {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return passed + wide(stops.trailing_zeros() / 8);
        }
        passed += 8;
    }
    passed
}

/// Returns a word whose lowest bit that is set is in the first byte of `word` that is `"`, `\` or a control character; zero
/// when there is none. Higher bits may be set for other bytes: a borrow runs through them.
fn stops(word: u64) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bound: u64| word.wrapping_sub(bound * LOW) & !word;
    let is = |byte: u8| below(word ^ (u64::from(byte) * LOW), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & HIGH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 4096, depth: 8, members: 16 };

    fn error(text: &str) -> JsonError {
        Document::read(text.as_bytes(), BOUNDS).expect_err("must not be read")
    }

    #[test]
    fn spans_give_back_the_bytes_as_written() {
        let text = br#" {"value" : 1.50, "list":[ 1e-7 ,"x"] } "#;
        let document = Document::read(text, BOUNDS).unwrap();
        assert_eq!(document.root().get("value").unwrap().raw(), "1.50");
        let list: Vec<_> = document.root().get("list").unwrap().items().map(|v| v.raw()).collect();
        assert_eq!(list, ["1e-7", "\"x\""]);
    }

    #[test]
    fn a_name_that_repeats_is_refused_and_one_that_differs_is_read() {
        assert!(matches!(error(r#"{"a":1,"a":2}"#), JsonError::RepeatedMember { .. }));
        assert!(matches!(error(r#"{"a":{"b":1},"c":2,"a":2}"#), JsonError::RepeatedMember { .. }));
        assert!(Document::read(br#"{"a":{"a":1},"A":2}"#, BOUNDS).is_ok());
    }

    #[test]
    fn an_escaped_name_is_refused_and_an_escaped_value_is_read() {
        assert!(matches!(error(r#"{"\u0061":1}"#), JsonError::EscapedMember { .. }));
        let document = Document::read(br#"{"a":"http:\/\/x\u00e9"}"#, BOUNDS).unwrap();
        assert_eq!(document.root().text_of("a").unwrap(), "http://x\u{e9}");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "NaN",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "{} {}",
            "\u{feff}{}",
            "\"\\udc00\"",
            "tru",
            "{a:1}",
            "[1 2]",
            "+1",
            "\"abc",
            "{\"a\"}",
            "/*x*/1",
            "-",
        ] {
            assert!(Document::read(text.as_bytes(), BOUNDS).is_err(), "{text:?}");
        }
        assert_eq!(Document::read(b"\"\xff\"", BOUNDS).unwrap_err(), JsonError::Encoding);
    }

    #[test]
    fn bounds_are_errors() {
        assert!(matches!(error("[[[[[[[[[1]]]]]]]]]"), JsonError::TooDeep { .. }));
        let many: Vec<_> = (0..17).map(|i| format!("\"{i}\":1")).collect();
        assert!(matches!(error(&format!("{{{}}}", many.join(","))), JsonError::TooManyMembers { .. }));
        let long = format!("\"{}\"", "x".repeat(5000));
        assert!(matches!(error(&long), JsonError::TooLong { .. }));
    }

    #[test]
    fn debug_shows_no_content() {
        let document = Document::read(br#"{"family":"Jansen"}"#, BOUNDS).unwrap();
        assert!(!format!("{:?}", document.root()).contains("Jansen"));
    }

    proptest! {
        #[test]
        fn only_plain_bytes_are_passed_over_and_no_stop_is(bytes in prop::collection::vec(any_byte(), 0..40)) {
            let is_stop = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let passed = plain(&bytes);
            prop_assert!(!bytes[..passed].iter().any(is_stop));
            // What is left is shorter than a word, or begins with a stop.
            prop_assert!(bytes.len() - passed < 8 || is_stop(&bytes[passed]));
        }
    }

    /// Bytes next to the ones that matter more often than others.
    fn any_byte() -> impl Strategy<Value = u8> {
        let near = prop::sample::select(vec![
            0x00, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xa2, 0xdc, 0xff,
        ]);
        prop_oneof![3 => Just(b'a'), 1 => near, 1 => any::<u8>()]
    }
}
