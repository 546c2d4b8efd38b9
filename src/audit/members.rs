//! Writes the members of a record: one way to write each value, on one line, and no way to fail.

use std::fmt::Write as _;

/// The members of one JSON object, written one after another.
#[derive(Default)]
pub(super) struct Members(String);

impl Members {
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(&mut self.0, value);
    }

    /// Writes nothing where there is no value.
    pub(super) fn known(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(super) fn text_or_null(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => {
                self.name(name);
                self.0.push_str("null");
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        number(&mut self.0, value);
    }

    pub(super) fn texts<'t>(&mut self, name: &str, values: impl IntoIterator<Item = &'t str>) {
        self.name(name);
        list(&mut self.0, values, quote);
    }

    pub(super) fn numbers(&mut self, name: &str, values: &[u64]) {
        self.name(name);
        list(&mut self.0, values.iter().copied(), number);
    }

    pub(super) fn object(&mut self, name: &str, write: impl FnOnce(&mut Members)) {
        self.name(name);
        object(&mut self.0, write);
    }

    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Members, T),
    ) {
        self.name(name);
        list(&mut self.0, values, |out, value| object(out, |members| write(members, value)));
    }

    /// Adds members that were written before.
    pub(super) fn written(&mut self, members: &str) {
        if !members.is_empty() {
            self.comma();
            self.0.push_str(members);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn name(&mut self, name: &str) {
        self.comma();
        quote(&mut self.0, name);
        self.0.push(':');
    }

    fn comma(&mut self) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
    }
}

fn object(out: &mut String, write: impl FnOnce(&mut Members)) {
    let mut inner = Members::default();
    write(&mut inner);
    out.push('{');
    out.push_str(&inner.0);
    out.push('}');
}

fn list<T>(out: &mut String, values: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    out.push('[');
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, value);
    }
    out.push(']');
}

fn number(out: &mut String, value: u64) {
    out.push_str(&value.to_string());
}

/// RFC 8259, section 7: quotation mark, reverse solidus and the control characters must be escaped, nothing else is.
fn quote(out: &mut String, value: &str) {
    out.push('"');
    let mut rest = value;
    // What needs no escape, which is nearly always all of it, is copied in one piece.
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let mut characters = escaped.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some(control) => {
                // Writing to a String does not fail.
                write!(out, "\\u{:04x}", u32::from(control)).unwrap_or_default();
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_stays_on_one_line_and_reads_back_as_it_was(name in ".*", value in ".*") {
            let mut members = Members::default();
            members.text(&name, &value);
            let text = format!("{{{}}}", members.into_text());
            prop_assert!(!text.contains('\n'));
            let read: std::collections::BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.get(&name), Some(&value));
        }
    }

    #[test]
    fn members_of_every_kind_make_one_json_object() {
        let mut members = Members::default();
        members.number("n", 7);
        members.known("absent", None);
        members.text_or_null("nothing", None);
        members.texts("t", ["a", "b"]);
        members.numbers("s", &[1, 2]);
        members.object("o", |inner| inner.text("x", "\u{1}\"\\"));
        members.objects("l", [1, 2], |inner, value| inner.number("v", value));
        members.written("\"w\":1");
        assert_eq!(
            members.into_text(),
            r#""n":7,"nothing":null,"t":["a","b"],"s":[1,2],"o":{"x":"\u0001\"\\"},"l":[{"v":1},{"v":2}],"w":1"#
        );
    }
}
