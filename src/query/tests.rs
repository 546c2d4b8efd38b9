use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use super::*;
use crate::identity::Role;
use crate::profile::shipped_exchanges;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    row: Option<String>,
    method: String,
    target: String,
    headers: BTreeMap<String, serde_json::Value>,
    body: Option<String>,
    #[serde(default)]
    expect: Option<Expected>,
    #[serde(default)]
    canonical: Option<String>,
    #[serde(default, rename = "bare")]
    _bare: bool,
}

#[derive(Deserialize)]
struct Expected {
    status: u16,
    code: String,
}

impl Case {
    fn header(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        match values {
            None if name == "Sluis-Purpose" => vec!["TREAT"],
            Some(serde_json::Value::Array(values)) => values.iter().filter_map(|value| value.as_str()).collect(),
            Some(value) => value.as_str().into_iter().collect(),
            None => Vec::new(),
        }
    }

    fn classified(&self, offer: &Offer) -> Result<Query, Unclassifiable> {
        let overrides = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
        let head = RequestHead {
            method: &self.method,
            target: &self.target,
            content_type: self.header("Content-Type").first().copied(),
            accept: self.header("Accept").first().copied(),
            prefer: self.header("Prefer").first().copied(),
            method_override: overrides.iter().any(|name| !self.header(name).is_empty()),
            body: self.body.as_deref().unwrap_or_default().as_bytes(),
        };
        if is_batch(head.method, head.target, "/fhir") {
            batch(&head, "/fhir")?;
        }
        let query = classify(&head, "/fhir", offer)?;
        purpose(&self.header("Sluis-Purpose"))?;
        reason(&self.header("Sluis-Reason"))?;
        Ok(query)
    }
}

fn cases(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap()
}

fn offer_to(role: &str) -> Offer {
    let exchanges = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
    Offer::to(&exchanges, Some(&Role::from_str(role).unwrap()))
}

fn get<'a>(target: &'a str) -> RequestHead<'a> {
    let (content_type, accept, prefer) = (None, None, None);
    RequestHead { method: "GET", target, content_type, accept, prefer, method_override: false, body: b"" }
}

#[test]
fn every_hostile_request_gets_its_fixed_refusal() {
    let offer = offer_to("01.015");
    let cases = cases(include_str!("../../tests/cases/query/hostile.json"));
    assert!(cases.len() >= 80);
    for case in cases {
        let expected = case.expect.as_ref().unwrap();
        assert!(case.row.is_some(), "{}", case.name);
        match case.classified(&offer) {
            Ok(query) => panic!("{}: understood as {}", case.name, query.target()),
            Err(refusal) => {
                let found = (refusal.status(), refusal.issue());
                assert_eq!(found, (expected.status, expected.code.as_str()), "{}: {refusal:?}", case.name);
            }
        }
    }
}

#[test]
fn every_good_request_is_understood_and_written_in_one_way() {
    let offer = offer_to("01.015");
    for case in cases(include_str!("../../tests/cases/query/good.json")) {
        let query = case.classified(&offer).unwrap_or_else(|refusal| panic!("{}: {refusal:?}", case.name));
        assert_eq!(Some(query.target()), case.canonical, "{}", case.name);
        let again = classify(&get(&format!("/fhir/{}", query.target())), "/fhir", &offer);
        assert_eq!(again, Ok(query), "{}", case.name);
    }
}

#[test]
fn every_refusal_has_a_status_of_a_refusal_and_a_code() {
    for refusal in Unclassifiable::ALL {
        assert!((400..500).contains(&refusal.status()) && !refusal.issue().is_empty(), "{refusal:?}");
    }
}

#[test]
fn a_role_that_no_profile_admits_is_offered_the_statement_and_nothing_else() {
    let offer = offer_to("04.000");
    assert!(offer.is_empty());
    assert_eq!(classify(&get("/fhir/metadata"), "/fhir", &offer), Ok(Query::Metadata));
    for target in ["/fhir/Patient/1", "/fhir/Observation?patient=1"] {
        assert_eq!(classify(&get(target), "/fhir", &offer), Err(Unclassifiable::NotOffered), "{target}");
    }
}

#[test]
fn the_first_profile_that_admits_a_query_is_on_record() {
    for (role, target, name) in [
        ("01.015", "/fhir/MedicationRequest?patient=1", Some("ips")),
        ("01.015", "/fhir/MedicationRequest?patient=1&period-of-use=ge2024", Some("medication")),
        ("01.015", "/fhir/Encounter/1", Some("bgz")),
        ("17.060", "/fhir/MedicationRequest/1", Some("medication")),
        ("17.060", "/fhir/metadata", None),
    ] {
        let offer = offer_to(role);
        let query = classify(&get(target), "/fhir", &offer).unwrap();
        assert_eq!(offer.admitting(&query), name, "{role} {target}");
    }
    assert!(!offer_to("17.060").offers("Condition") && offer_to("01.015").offers("Condition"));
}

#[test]
fn what_does_not_fit_in_the_links_to_its_pages_is_refused() {
    let offer = offer_to("01.015");
    let posted = |codes: usize| {
        let body = format!("patient=1&code={}", vec!["!".repeat(100); codes].join(","));
        let content_type = Some("application/x-www-form-urlencoded");
        let head =
            RequestHead { method: "POST", content_type, body: body.as_bytes(), ..get("/fhir/Observation/_search") };
        classify(&head, "/fhir", &offer)
    };
    // Each code is three times as long in the canonical target.
    let query = posted(20).unwrap();
    let page = format!("/fhir/{}&_page={}", query.target(), "a".repeat(limits::PAGE_TOKEN_BYTES));
    assert!(page.len() > 6_000 && classify(&get(&page), "/fhir", &offer).is_ok());
    assert_eq!(posted(40), Err(Unclassifiable::TooLong));
}

#[test]
fn no_debug_output_shows_what_was_asked_of_whom() {
    let offer = offer_to("01.015");
    for target in ["/fhir/Observation?patient=alice&code=secret", "/fhir/Patient/alice"] {
        let head = get(target);
        let query = classify(&head, "/fhir", &offer).unwrap();
        let shown = format!("{head:?} {query:?}");
        assert!(!shown.contains("alice") && !shown.contains("secret"), "{shown}");
    }
}
