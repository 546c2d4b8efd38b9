//! Line: what the text of a section says of one entry, made of the entry's own codes and dates.

use std::collections::HashMap;
use std::str::FromStr;

use crate::json::{Document, Kind, Value};
use crate::limits;
use crate::profile::{ElementPath, Exchange};
use crate::query::Id;
use crate::view::composed::Found;
use crate::view::reference::{Key, Known, Lead};

/// A reference leads to what says it in its own words; that does not lead on for long.
const STEPS: usize = 2;

/// What stands for the words of an entry that a line could not say truly.
const SEE_ENTRY: &str = "see the entry";

/// Says lines of the resources of one summary.
pub(super) struct Lines<'f> {
    exchange: &'f Exchange,
    known: Known<'f>,
    resources: HashMap<&'f Key, &'f Found>,
}

impl<'f> Lines<'f> {
    pub(super) fn new(exchange: &'f Exchange, known: Known<'f>, resources: &[&'f Found]) -> Self {
        let resources = resources.iter().map(|found| (&found.key, *found)).collect();
        Self { exchange, known, resources }
    }

    /// Returns the line of one entry, not escaped yet: its name, then its date. Of one that something in it may turn into its
    /// opposite, the type alone: a line must not say of a medicine that is not to be given that it is.
    pub(super) fn of(&self, found: &Found) -> String {
        let resource_type = found.key.resource_type.as_str();
        if read(found, |resource| is_modified(resource).then_some(())).is_some() {
            return format!("{resource_type}, {SEE_ENTRY}");
        }
        let words = self.words(found, STEPS).unwrap_or_else(|| resource_type.to_owned());
        let since = read(found, |resource| {
            let paths = self.exchange.line(resource_type)?.since();
            first(paths, resource, &mut |value| value.as_str().map(|text| text.chars().take(10).collect()))
        });
        match since {
            Some(since) => format!("{words} ({since})"),
            None => words,
        }
    }

    fn words(&self, found: &Found, steps: usize) -> Option<String> {
        read(found, |resource| {
            let paths = self.exchange.line(&found.key.resource_type)?.says();
            first(paths, resource, &mut |value| self.said(value, steps))
        })
    }

    fn said(&self, value: Value<'_>, steps: usize) -> Option<String> {
        let text = match value.kind() {
            Kind::String => value.as_str().map(|text| text.into_owned()),
            Kind::Object => concept(value).or_else(|| self.referred(value, steps)),
            Kind::Array | Kind::Number | Kind::Bool | Kind::Null => None,
        }?;
        let words = text.split(|sign: char| sign.is_whitespace() || sign.is_control()).filter(|word| !word.is_empty());
        let text = words.collect::<Vec<_>>().join(" ");
        let short: String = text.chars().take(limits::LINE_CHARACTERS).collect();
        if short.is_empty() { None } else { Some(if short.len() < text.len() { short + "…" } else { short }) }
    }

    /// Returns what a Reference says: the words of what it leads to, else its own.
    fn referred(&self, reference: Value<'_>, steps: usize) -> Option<String> {
        let text = reference.text_of("reference");
        let target = text.and_then(|text| {
            let (resource_type, id) = match self.known.lead(&text) {
                Lead::Resource(resource_type, id) => (resource_type, id),
                Lead::Own(id) => ("Patient", id),
                Lead::OtherPerson | Lead::Inside(_) | Lead::Nowhere => return None,
            };
            let key = Key { resource_type: resource_type.to_owned(), id: Id::from_str(id).ok()? };
            self.resources.get(&key).copied()
        });
        let words = target.filter(|_| steps > 0).and_then(|target| self.words(target, steps - 1));
        words.or_else(|| reference.text_of("display").map(|text| text.into_owned()))
    }
}

/// Returns true if and only if an element says that the others must not be taken as they stand (FHIR R4, 2.1.0.5.2, 2.3.5). What
/// `status` and `verificationStatus` turn into its opposite stands in no section.
fn is_modified(resource: Value<'_>) -> bool {
    resource.get("modifierExtension").is_some()
        || resource.get("implicitRules").is_some()
        || resource.get("doNotPerform").is_some_and(|value| value.as_bool() != Some(false))
}

/// Returns what a CodeableConcept says: its text, else the display or the code of its first coding.
fn concept(value: Value<'_>) -> Option<String> {
    let filled = |text: std::borrow::Cow<'_, str>| (!text.trim().is_empty()).then(|| text.into_owned());
    if let Some(text) = value.text_of("text").and_then(filled) {
        return Some(text);
    }
    let codings = value.get("coding")?;
    let display = codings.items().find_map(|coding| coding.text_of("display").and_then(filled));
    display.or_else(|| codings.items().find_map(|coding| coding.text_of("code").and_then(filled)))
}

fn read<T>(found: &Found, say: impl FnOnce(Value<'_>) -> Option<T>) -> Option<T> {
    let document = Document::read(&found.bytes, limits::RESOURCE).ok()?;
    say(document.root())
}

fn first(
    paths: &[ElementPath],
    resource: Value<'_>,
    say: &mut dyn FnMut(Value<'_>) -> Option<String>,
) -> Option<String> {
    paths.iter().find_map(|path| {
        let mut said = None;
        path.any(resource, &mut |value| {
            said = say(value);
            said.is_some()
        });
        said
    })
}
