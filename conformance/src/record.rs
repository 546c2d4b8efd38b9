//! Record: one resource as the bytes it was written in, and what is read from them without changing one.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::trouble::Trouble;

/// A resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    raw: String,
    reference: String,
    file: String,
}

impl Record {
    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// When it is no JSON object with a type and an id.
    pub fn read(raw: &str) -> Result<Self, Trouble> {
        let value: Value = serde_json::from_str(raw).map_err(|_| Trouble::Shape { what: "a resource" })?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let (Some(resource_type), Some(id)) = (text("resourceType"), text("id")) else {
            return Err(Trouble::Shape { what: "a resource's type and id" });
        };
        Ok(Self { reference: format!("{resource_type}/{id}"), raw: raw.to_owned(), file: String::new() })
    }

    /// Reads every resource of a directory of Bundles; each file has the records of one patient.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or is something else.
    pub fn all(directory: &Path) -> Result<Vec<Self>, Trouble> {
        let files = std::fs::read_dir(directory).map_err(|error| Trouble::file(directory, &error))?;
        let mut paths: Vec<_> = files.filter_map(Result::ok).map(|file| file.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let mut records = Vec::new();
        for path in paths {
            let text = std::fs::read(&path).map_err(|error| Trouble::file(&path, &error))?;
            let expected = |_| Trouble::content(&path, "a Bundle of resources");
            for entry in entries(&text).map_err(expected)? {
                let record = Self::read(&entry.resource).map_err(expected)?;
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                // Files are numbered in the order in which they can be loaded.
                let name = stem.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches('-');
                records.push(record.of(name));
            }
        }
        Ok(records)
    }

    /// Returns the same as one of those in `file`.
    pub(crate) fn of(self, file: &str) -> Self {
        Self { file: file.to_owned(), ..self }
    }

    /// Returns the name of the file it was read from, without its number: whose it is.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the bytes.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Returns `Type/id`.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Returns the type.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        self.reference.split('/').next().unwrap_or_default()
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.reference.split('/').nth(1).unwrap_or_default()
    }

    /// Returns it parsed, for reading only: numbers and member order are lost here.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.raw).unwrap_or_default()
    }

    /// Returns every `Type/id` that it refers to through one of these elements.
    #[must_use]
    pub fn refers_through(&self, elements: &[&str]) -> BTreeSet<String> {
        let mut references = BTreeSet::new();
        for element in elements {
            each_member(&self.value(), element, &mut |value| {
                each_member(value, "reference", &mut |value| {
                    references.extend(value.as_str().map(str::to_owned));
                });
            });
        }
        references
    }

    /// Returns every text, and every number of five characters or more, that stands in it.
    #[must_use]
    pub fn leaves(&self) -> BTreeSet<String> {
        let mut leaves = BTreeSet::new();
        collect(&self.value(), &mut leaves);
        leaves
    }
}

fn each_member(value: &Value, name: &str, each: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_member(item, name, each)),
        Value::Object(members) => members.iter().for_each(|(own, member)| {
            if own == name {
                each(member);
            }
            each_member(member, name, each);
        }),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
}

fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
        }
        Value::Number(number) => {
            let number = number.to_string();
            if number.len() >= 5 {
                into.insert(number);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(members) => members.values().for_each(|member| collect(member, into)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// One entry of a Bundle, with the bytes of its resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `fullUrl`, or nothing.
    pub full_url: String,
    /// `search.mode`, or nothing.
    pub mode: String,
    /// The bytes of the resource.
    pub resource: String,
}

impl Entry {
    /// Returns `Type/id` of the resource.
    ///
    /// # Errors
    ///
    /// When it has no type or id.
    pub fn reference(&self) -> Result<String, Trouble> {
        Record::read(&self.resource).map(|record| record.reference)
    }
}

/// Reads the entries of a Bundle.
///
/// # Errors
///
/// When `body` is no Bundle, or an entry has no resource.
pub fn entries(body: &[u8]) -> Result<Vec<Entry>, Trouble> {
    #[derive(Deserialize)]
    struct Bundle<'a> {
        #[serde(rename = "resourceType")]
        resource_type: &'a str,
        #[serde(borrow, default)]
        entry: Vec<RawEntry<'a>>,
    }
    #[derive(Deserialize)]
    struct RawEntry<'a> {
        #[serde(rename = "fullUrl", default)]
        full_url: String,
        #[serde(borrow)]
        resource: &'a RawValue,
        #[serde(default)]
        search: Search,
    }
    #[derive(Deserialize, Default)]
    struct Search {
        #[serde(default)]
        mode: String,
    }
    let bundle: Bundle<'_> = serde_json::from_slice(body).map_err(|_| Trouble::Shape { what: "a Bundle" })?;
    if bundle.resource_type != "Bundle" {
        return Err(Trouble::Shape { what: "a Bundle" });
    }
    let read = |RawEntry { full_url, resource, search }| Entry {
        full_url,
        mode: search.mode,
        resource: RawValue::get(resource).to_owned(),
    };
    Ok(bundle.entry.into_iter().map(read).collect())
}

/// Returns the URL of a link of a Bundle.
#[must_use]
pub fn link(body: &[u8], relation: &str) -> Option<String> {
    let bundle: Value = serde_json::from_slice(body).ok()?;
    let links = bundle.get("link")?.as_array()?;
    let link = links.iter().find(|link| link.get("relation").and_then(Value::as_str) == Some(relation))?;
    link.get("url").and_then(Value::as_str).map(str::to_owned)
}

/// Returns the bytes of a resource without its narrative, and without those of what it contains.
///
/// # Errors
///
/// When it is no object, or holds space between its members: HAPI writes none, so that taking a member out is exact.
pub fn without_narrative(raw: &str) -> Result<String, Trouble> {
    let shape = || Trouble::Shape { what: "a resource without spaces" };
    let Members(members) = serde_json::from_str(raw).map_err(|_| shape())?;
    if object(&members) != raw {
        return Err(shape());
    }
    let mut kept = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            "text" => {}
            "contained" => {
                let items: Vec<&RawValue> = serde_json::from_str(&value).map_err(|_| shape())?;
                let items: Vec<String> =
                    items.into_iter().map(|item| without_narrative(item.get())).collect::<Result<_, _>>()?;
                kept.push((name, format!("[{}]", items.join(","))));
            }
            _ => kept.push((name, value)),
        }
    }
    Ok(object(&kept))
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The members of an object in their order, values as bytes.
struct Members(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((name, value.get().to_owned()));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_the_narrative_out_leaves_every_other_byte() {
        let raw =
            r#"{"resourceType":"A","text":{"div":"x"},"contained":[{"id":"c","text":{}}],"v":1.50,"b":{"text":"y"}}"#;
        let rest = r#"{"resourceType":"A","contained":[{"id":"c"}],"v":1.50,"b":{"text":"y"}}"#;
        assert_eq!(without_narrative(raw).unwrap(), rest);
        assert!(without_narrative(r#"{ "a":1}"#).is_err());
    }

    #[test]
    fn entries_keep_the_bytes_of_their_resources() {
        let body = br#"{"resourceType":"Bundle","link":[{"relation":"next","url":"u"}],
            "entry":[{"fullUrl":"f","resource":{"resourceType":"A","id":"1","v": 1.50},"search":{"mode":"match"}}]}"#;
        let entries = entries(body).unwrap();
        assert_eq!(entries[0].resource, r#"{"resourceType":"A","id":"1","v": 1.50}"#);
        assert_eq!((entries[0].mode.as_str(), entries[0].reference().unwrap().as_str()), ("match", "A/1"));
        assert_eq!(link(body, "next").as_deref(), Some("u"));
        assert_eq!(link(body, "self"), None);
    }

    #[test]
    fn what_is_no_bundle_has_no_entries() {
        assert!(entries(br#"{"resourceType":"OperationOutcome"}"#).is_err());
    }

    #[test]
    fn leaves_are_texts_and_long_numbers() {
        let record =
            Record::read(r#"{"resourceType":"A","id":"1","n":12345.5,"m":7,"x":[{"y":"z"}],"b":true}"#).unwrap();
        let leaves: Vec<String> = record.leaves().into_iter().collect();
        assert_eq!(leaves, ["1", "12345.5", "A", "z"]);
    }

    #[test]
    fn a_record_refers_through_elements_of_a_name() {
        let raw = r##"{"resourceType":"A","id":"1","s":{"reference":"P/p"},"d":[{"c":{"reference":"C/c"}},{"reference":"D/d"}]}"##;
        let through =
            |elements: &[&str]| Record::read(raw).unwrap().refers_through(elements).into_iter().collect::<Vec<_>>();
        assert_eq!(through(&["c"]), ["C/c"]);
        assert_eq!(through(&["d", "s"]), ["C/c", "D/d", "P/p"]);
        assert!(through(&["e"]).is_empty());
    }
}
