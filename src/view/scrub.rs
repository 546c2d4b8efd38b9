//! Scrub: what a released resource looks like.
//!
//! Byte for byte the server's, but for two rules: the narrative (`text` of the resource, of contained ones and of the sections
//! of a Composition) goes, and absolute URLs of the server's own base become the public base. White space, order and the text of numbers stay
//! (invariant 6).

use std::iter::Peekable;

use memchr::memmem::Finder;

use crate::json::{Kind, Member, Members, Value};
use crate::view::Narrative;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::released::push_escaped;

/// The two rules, for one answer.
#[derive(Debug)]
pub(super) struct Scrubber {
    narrative: Narrative,
    bases: Vec<(String, Finder<'static>)>,
    /// The escapes that may stand in a URL.
    escapes: [Finder<'static>; 2],
    public_base: String,
}

impl Scrubber {
    pub(super) fn new(narrative: Narrative, upstream_bases: &[String], public_base: &str) -> Self {
        // What is written below the public base already stays as it is.
        let others = upstream_bases.iter().filter(|base| *base != public_base);
        let bases = others.map(|base| (base.clone(), Finder::new(base.as_bytes()).into_owned())).collect();
        let escapes = [Finder::new("\\/"), Finder::new("\\u")];
        Self { narrative, bases, escapes, public_base: public_base.to_owned() }
    }

    /// Writes `resource` as it is released.
    pub(super) fn write(&self, resource: Value<'_>, out: &mut Vec<u8>) {
        let raw = resource.raw();
        let mut copy = Copy { raw, origin: resource.span().start, at: 0, out };
        let urls = self.may_hold_urls(raw.as_bytes());
        self.resource(resource, Place::Outermost, urls, &mut copy);
        copy.copy_to(copy.origin + raw.len());
    }

    /// Returns false only if no string can be an absolute URL of the server: none is written plainly, and none is written
    /// with the escapes that could disguise one.
    fn may_hold_urls(&self, raw: &[u8]) -> bool {
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepBase) {
            return false;
        }
        let bases = self.bases.iter().map(|(_, finder)| finder);
        bases.chain(&self.escapes).any(|finder| finder.find(raw).is_some())
    }

    fn resource(&self, resource: Value<'_>, place: Place, urls: bool, copy: &mut Copy<'_, '_>) {
        let mut before = None;
        let mut members = resource.members().peekable();
        while let Some(member) = members.next() {
            match (member.name, self.narrative, place) {
                ("text", Narrative::Drop, _) => copy.leave_out(&member, before, &mut members),
                ("contained", _, Place::Outermost) => {
                    member.value.items().for_each(|item| self.resource(item, Place::Inner, urls, copy));
                }
                // Of the types of FHIR R4 only Composition has sections; each has a narrative of its own.
                ("section", _, _) => {
                    member.value.items().for_each(|item| self.resource(item, Place::Inner, urls, copy));
                }
                _ if urls => self.element(member.value, copy),
                _ => {}
            }
            before = Some(member.span.1);
        }
    }

    fn element(&self, value: Value<'_>, copy: &mut Copy<'_, '_>) {
        match value.kind() {
            Kind::Object => value.members().for_each(|member| self.element(member.value, copy)),
            Kind::Array => value.items().for_each(|item| self.element(item, copy)),
            Kind::String => self.string(value, copy),
            Kind::Number | Kind::Bool | Kind::Null => {}
        }
    }

    fn string(&self, value: Value<'_>, copy: &mut Copy<'_, '_>) {
        // Nearly all strings begin unlike any base; only an escape could hide how one begins.
        let first = value.raw().as_bytes().get(1);
        if first != Some(&b'\\') && !self.bases.iter().any(|(base, _)| base.as_bytes().first() == first) {
            return;
        }
        let text = value.as_str().unwrap_or_default();
        let rest = |base: &String| {
            text.strip_prefix(base.as_str()).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        };
        let Some(rest) = self.bases.iter().filter_map(|(base, _)| rest(base)).min_by_key(|rest| rest.len()) else {
            return;
        };
        copy.copy_to(value.span().start);
        copy.out.push(b'"');
        push_escaped(copy.out, &self.public_base);
        push_escaped(copy.out, rest);
        copy.out.push(b'"');
        copy.skip_to(value.span().end);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outermost,
    /// A contained resource, or a section.
    Inner,
}

/// Copies a text piece by piece; places are those of the document it is part of.
struct Copy<'r, 'o> {
    raw: &'r str,
    origin: usize,
    at: usize,
    out: &'o mut Vec<u8>,
}

impl Copy<'_, '_> {
    fn copy_to(&mut self, place: usize) {
        let place = place - self.origin;
        self.out.extend_from_slice(self.raw.get(self.at..place).unwrap_or_default().as_bytes());
        self.at = place;
    }

    fn skip_to(&mut self, place: usize) {
        self.at = place - self.origin;
    }

    /// Leaves out `member`, and the comma and the white space between it and the one before it; behind it if it is the first.
    fn leave_out(&mut self, member: &Member<'_>, before: Option<usize>, behind: &mut Peekable<Members<'_>>) {
        let (start, end) = member.span;
        match (before, behind.peek()) {
            (Some(before), _) => {
                self.copy_to(before);
                self.skip_to(end);
            }
            (None, Some(next)) => {
                self.copy_to(start);
                self.skip_to(next.span.0);
            }
            (None, None) => {
                self.copy_to(start);
                self.skip_to(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn scrub(narrative: Narrative, text: &str) -> String {
        let bases = ["http://u/fhir".to_owned(), "http://u/fhir/alias".to_owned()];
        let mut out = Vec::new();
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        Scrubber::new(narrative, &bases, "https://gw/fhir").write(document.root(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_narrative_takes_one_comma_with_it_and_the_rest_stays() {
        for (text, expected) in [
            (r#"{"a":1.50 , "text":{"div":"x"} , "b" : [1e-7]}"#, r#"{"a":1.50 , "b" : [1e-7]}"#),
            (r#"{"text":{},"a":1}"#, r#"{"a":1}"#),
            (r#"{ "a":1 , "text":{} }"#, r#"{ "a":1 }"#),
            (r#"{ "text":{} }"#, r#"{  }"#),
            (
                r#"{"a":{"text":"stays"},"contained":[{"text":{},"b":{"text":"stays"}} , {"c":1,"text":{}}]}"#,
                r#"{"a":{"text":"stays"},"contained":[{"b":{"text":"stays"}} , {"c":1}]}"#,
            ),
            (
                r#"{"section":[{"title":"x","text":{},"section":[{"text":{},"code":{"text":"stays"}}]}]}"#,
                r#"{"section":[{"title":"x","section":[{"code":{"text":"stays"}}]}]}"#,
            ),
        ] {
            assert_eq!(scrub(Narrative::Drop, text), expected, "{text}");
            assert_eq!(scrub(Narrative::Keep, text), text);
        }
    }

    #[test]
    fn urls_of_the_server_become_public_and_others_stay() {
        for (text, expected) in [
            (r#"{"a":"http://u/fhir/Binary/1"}"#, r#"{"a":"https://gw/fhir/Binary/1"}"#),
            (r#"{"a":["http://u/fhir","http://u/fhir?x"]}"#, r#"{"a":["https://gw/fhir","https://gw/fhir?x"]}"#),
            (r#"{"a":"http://u/fhir/alias/B/1"}"#, r#"{"a":"https://gw/fhir/B/1"}"#),
            (r#"{"a":"http:\/\/u/fhir/B\u002f1\n\""}"#, r#"{"a":"https://gw/fhir/B/1\u000a\""}"#),
            (
                r#"{"contained":[{"a":{"b":"http://u/fhir/B/1"}}]}"#,
                r#"{"contained":[{"a":{"b":"https://gw/fhir/B/1"}}]}"#,
            ),
        ] {
            assert_eq!(scrub(Narrative::Drop, text), expected, "{text}");
        }
        for text in [
            r#"{"a":"http://u/fhirx/B"}"#,
            r#"{"a":"see http://u/fhir/B"}"#,
            r#"{"a":"http:\/\/v/\u00e9"}"#,
            r#"{"http://u/fhir/":1}"#,
        ] {
            assert_eq!(scrub(Narrative::Drop, text), text);
        }
    }

    /// A resource as text, with white space that varies.
    fn any_value() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "1.50",
            "-0",
            "1e-7",
            "true",
            "null",
            "\"x\"",
            "\"http://u/fhir/A/1\"",
            "\"http://u/fhir\"",
            "\"http:\\/\\/u/fhir/alias/B\"",
            "\"http://v/\"",
            "\"\\u00e9\"",
            "{ }",
            "[]",
        ])
        .prop_map(str::to_owned);
        leaf.prop_recursive(5, 64, 5, |inner| {
            let space = prop::sample::select(vec!["", " ", "\n", "\t "]);
            let name = prop::sample::subsequence(vec!["text", "contained", "a", "b", "extension"], 0..5).prop_shuffle();
            prop_oneof![
                (proptest::collection::vec(inner.clone(), 0..4), space.clone())
                    .prop_map(|(items, space)| format!("[{}{space}]", items.join(&format!("{space},")))),
                (name, proptest::collection::vec(inner, 5), space).prop_map(|(names, values, space)| {
                    let members: Vec<_> = names
                        .iter()
                        .zip(values)
                        .map(|(name, value)| format!("{space}\"{name}\"{space}:{value}"))
                        .collect();
                    format!("{{{}{space}}}", members.join(&format!("{space},")))
                }),
            ]
        })
    }

    /// Every leaf with its place; what the two rules concern is brought to what they make of it.
    fn leaves(value: Value<'_>, path: &str, resource: bool, out: &mut Vec<(String, String)>) {
        for member in value.members() {
            if resource && member.name == "text" {
                continue;
            }
            let path = format!("{path}.{}", member.name);
            if resource && member.name == "contained" && !path.contains("contained[") {
                for (index, item) in member.value.items().enumerate() {
                    leaves(item, &format!("{path}[{index}]"), true, out);
                }
            } else {
                leaves(member.value, &path, false, out);
            }
        }
        for (index, item) in value.items().enumerate() {
            leaves(item, &format!("{path}[{index}]"), false, out);
        }
        let raw = value.raw().to_owned();
        match value.kind() {
            Kind::Object | Kind::Array => {}
            Kind::String if value.as_str().unwrap().starts_with("http://u/fhir") => {
                let rest =
                    value.as_str().unwrap().replacen("http://u/fhir/alias", "", 1).replacen("http://u/fhir", "", 1);
                out.push((path.to_owned(), format!("\"https://gw/fhir{rest}\"")));
            }
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => out.push((path.to_owned(), raw)),
        }
    }

    proptest! {
        /// Invariant 6: every leaf in the output was in the input at the same place with the same bytes, or was made by a
        /// named rule.
        #[test]
        fn every_leaf_is_the_servers_or_a_rules(text in any_value()) {
            let text = format!("{{\"resourceType\":\"X\",\"e\":{text},\"contained\":[{text}],\"text\":{text}}}");
            let scrubbed = scrub(Narrative::Drop, &text);
            let (before, after) = (Document::read(text.as_bytes(), limits::RESOURCE).unwrap(), Document::read(scrubbed.as_bytes(), limits::RESOURCE).unwrap());
            let (mut expected, mut given) = (Vec::new(), Vec::new());
            leaves(before.root(), "", true, &mut expected);
            leaves(after.root(), "", true, &mut given);
            prop_assert_eq!(given, expected);
            prop_assert!(after.root().get("text").is_none());
        }
    }
}
