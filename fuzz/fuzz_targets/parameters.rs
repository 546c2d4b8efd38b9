//! Query: arbitrary bytes as the body of an operation, a resource Parameters.
//!
//! Nothing panics, and what is understood is a Parameters to another reader too, says of nobody what it does not hold, and is
//! understood alike in its canonical form (invariant 7).
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sluis::profile::{Offer, shipped_exchanges};
use sluis::query::{Query, RequestHead, classify};

static OFFER: LazyLock<Offer> = LazyLock::new(|| {
    let exchanges = shipped_exchanges().expect("profiles are well-formed").into_iter().map(Arc::new);
    Offer::to(&exchanges.collect::<Vec<_>>(), Some(&"01.015".parse().expect("a role")))
});

fuzz_target!(|body: &[u8]| {
    for target in ["/fhir/Patient/$summary", "/fhir/Patient/a/$summary", "/fhir/Patient/a/$everything"] {
        let Ok(query) = classify(&request("POST", target, body), "/fhir", &OFFER) else { continue };
        let canonical = format!("/fhir/{}", query.target());
        assert_eq!(classify(&request("GET", &canonical, b""), "/fhir", &OFFER).as_ref(), Ok(&query), "{canonical}");
        assert!(matches!(query, Query::Summary(_) | Query::Everything(_)));
        if !body.is_empty() {
            let value: Value = serde_json::from_slice(body).expect("JSON to everybody");
            assert_eq!(value["resourceType"], "Parameters");
        }
    }
});

fn request<'a>(method: &'a str, target: &'a str, body: &'a [u8]) -> RequestHead<'a> {
    let content_type = (method == "POST").then_some("application/fhir+json");
    RequestHead { method, target, content_type, accept: None, prefer: None, method_override: false, body }
}
