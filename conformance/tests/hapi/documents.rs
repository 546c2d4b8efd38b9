//! Documents: what HAPI's own validator says of the summaries that are composed from what HAPI has.

use std::collections::BTreeSet;

use serde_json::Value;
use sluis_conformance::client::Question;
use sluis_conformance::story::{Sees, Story};

use crate::bench::{Bench, Tried};

/// Issues of a validator that make a document invalid.
fn errors(outcome: &Value) -> Vec<String> {
    let issues = outcome.get("issue").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_error = |issue: &&Value| matches!(issue.get("severity").and_then(Value::as_str), Some("error" | "fatal"));
    issues.iter().filter(is_error).map(Value::to_string).collect()
}

/// Has HAPI validate a resource of that type against FHIR R4.
pub(crate) fn validated(
    bench: &mut Bench,
    kind: &str,
    resource: &str,
) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let response = bench.hapi.validate(kind, resource.as_bytes())?;
    Ok(errors(&serde_json::from_slice(&response.body)?))
}

fn summary(bench: &mut Bench, story: &Story) -> Result<(u16, String), Box<dyn std::error::Error>> {
    let policies: Vec<&str> = story.policies.iter().map(String::as_str).collect();
    let gateway = bench.under(&policies)?;
    let target = format!("{}/Patient/{}/$summary", gateway.base_path(), story.patient);
    let mut client = gateway.client(&story.caller)?;
    let response = client.ask(&story.asks(Question::get(&target)))?;
    Ok((response.status, response.text()))
}

#[test]
fn a_summary_of_whoever_may_see_something_is_valid_and_nobody_else_has_one() -> Tried {
    let mut bench = Bench::loaded()?;
    let upstream = bench.hapi.base().trim_start_matches("http://").to_owned();
    let stories: Vec<Story> = bench.stories.iter().filter(|story| story.caller != "apotheker").cloned().collect();
    let mut made = 0;
    for story in stories {
        let (status, text) = summary(&mut bench, &story)?;
        if story.sees == Sees::Nothing {
            assert_eq!(status, 404, "{}: {text}", story.name());
            continue;
        }
        assert_eq!(status, 200, "{}: {text}", story.name());
        assert_eq!(validated(&mut bench, "Bundle", &text)?, Vec::<String>::new(), "{}: {text}", story.name());
        assert!(!text.contains(&upstream), "{text}");
        for reference in story.hidden(&bench.records)? {
            assert!(!text.contains(&format!("/{reference}\"")), "{}: {reference}", story.name());
        }
        made += 1;
    }
    assert!(made >= 5, "{made} summaries");
    Ok(())
}

#[test]
fn the_validator_finds_what_is_wrong_with_a_document() -> Tried {
    let mut bench = Bench::loaded()?;
    let story = bench.story("carla", "huisarts-brug", "TREAT")?;
    let (_, text) = summary(&mut bench, &story)?;
    assert_eq!(validated(&mut bench, "Bundle", &text)?, Vec::<String>::new());
    let mut unnoticed = Vec::new();
    for (from, to) in [
        (r#""type":"document""#, r#""type":"nonsense""#),
        (r#""system":"urn:ietf:rfc:3986","#, ""),
        (r#""resourceType":"Composition","#, r#""resourceType":"Composition","nonsense":1,"#),
        (r#""status":"final","#, ""),
        (r#""subject":{"reference":"#, r#""subject":{"reference":"https://elsewhere.example/Patient/x","display":"#),
    ] {
        let twin = text.replacen(from, to, 1);
        assert_ne!(twin, text, "{from}");
        if validated(&mut bench, "Bundle", &twin)?.is_empty() {
            unnoticed.push(from);
        }
    }
    assert_eq!(unnoticed, Vec::<&str>::new());
    Ok(())
}

#[test]
fn everything_is_what_the_searches_of_each_type_give_together() -> Tried {
    let mut bench = Bench::loaded()?;
    for (patient, caller) in [("carla", "huisarts-noord"), ("bram", "huisarts-brug"), ("carla", "apotheker")] {
        let story = bench.story(patient, caller, "TREAT")?;
        let visible: BTreeSet<String> = story.visible(&bench.records)?.into_keys().map(str::to_owned).collect();
        let gateway = bench.gateway()?;
        let target = format!("{}/Patient/{patient}/$everything?_count=7", gateway.base_path());
        let mut client = gateway.client(caller)?;
        let pages = sluis_conformance::twin::walk(gateway, &mut client, caller, &story.asks(Question::get(&target)));
        let mut matches = BTreeSet::new();
        for exchange in &pages {
            let response = exchange.answer.as_ref().map_err(|&error| error)?;
            assert_eq!(response.status, 200, "{}", response.text());
            for entry in sluis_conformance::record::entries(&response.body)? {
                if entry.mode == "match" {
                    assert!(matches.insert(entry.reference()?), "{} comes twice", entry.reference()?);
                }
            }
        }
        let mut expected = BTreeSet::new();
        for kind in story.kinds() {
            expected.extend(crate::outcome::expected(&mut bench, &story, kind)?.into_iter().map(|(name, _)| name));
        }
        assert_eq!(matches, expected, "{}", story.name());
        assert!(matches.is_subset(&visible));
    }
    Ok(())
}
