//! Outcome: what is compared, written so that a failed test names the first thing that is wrong.

use std::collections::BTreeSet;
use std::error::Error;

use serde_json::Value;
use sluis_conformance::record::{Entry, entries};
use sluis_conformance::story::Story;
use sluis_conformance::wire::Response;

use crate::bench::Bench;

/// One resource, by reference, as bytes without its narrative.
pub(crate) type Delivered = (String, String);

/// Returns what HAPI itself answers to a search of `kind`, in the order of ids, reduced to what the story's caller may be given.
pub(crate) fn expected(bench: &mut Bench, story: &Story, kind: &str) -> Result<Vec<Delivered>, Box<dyn Error>> {
    let visible: BTreeSet<String> = story.visible(&bench.records)?.into_keys().map(str::to_owned).collect();
    if visible.is_empty() {
        return Ok(Vec::new());
    }
    let person: Vec<&str> = story
        .own(&bench.records)
        .filter(|record| record.resource_type() == "Patient")
        .map(|record| record.id())
        .collect();
    let name = if kind == "Patient" { "_id" } else { "patient" };
    let target = format!("/{kind}?{name}={}&_count=500&_sort=_id", person.join(","));
    let has = bench.stored(&target)?;
    let seen = has.iter().filter(|(reference, _)| visible.contains(reference));
    seen.map(|(reference, text)| Ok((reference.clone(), story.without_links(reference, text)?))).collect()
}

/// Returns the entries of one page, after checking all that a page must be.
pub(crate) fn page(response: &Response, public_base: &str, upstream: &str) -> Result<Vec<Entry>, Box<dyn Error>> {
    let text = response.text();
    assert_eq!(response.status, 200, "{text}");
    assert_eq!(response.header("content-type"), Some("application/fhir+json; charset=utf-8"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(!text.contains(upstream), "the server behind is named: {text}");
    let bundle: Value = serde_json::from_str(&text)?;
    assert_eq!(bundle.get("type").and_then(Value::as_str), Some("searchset"));
    for made_anew in ["id", "meta", "total"] {
        assert_eq!(bundle.get(made_anew), None, "Bundle.{made_anew}");
    }
    let found = entries(&response.body)?;
    for entry in &found {
        assert_eq!(entry.full_url, format!("{public_base}/{}", entry.reference()?));
    }
    Ok(found)
}

/// Returns matches as they were delivered.
pub(crate) fn delivered(found: Vec<Entry>) -> Result<Vec<Delivered>, Box<dyn Error>> {
    let mut delivered = Vec::new();
    for entry in found {
        assert_eq!(entry.mode, "match");
        delivered.push((entry.reference()?, entry.resource));
    }
    Ok(delivered)
}

/// Asserts that the same resources came, in the same order, byte for byte.
#[track_caller]
pub(crate) fn assert_same(found: &[Delivered], expected: &[Delivered], about: &str) {
    let names = |list: &[Delivered]| list.iter().map(|(reference, _)| reference.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{about}");
    for ((reference, found), (_, expected)) in found.iter().zip(expected) {
        assert_eq!(found, expected, "{about}: {reference}");
    }
}
