//! Query: arbitrary bytes as a request head with its body.
//!
//! The input is written like a request: a line with method and target, lines with headers, an empty line, the body.
//! Nothing panics, and what is understood is understood alike in its canonical form (invariant 7).
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use sluis::profile::{Offer, shipped_exchanges};
use sluis::query::{Id, Query, RequestHead, classify, purpose, reason};

/// What a general practitioner, a pharmacist and a role that no profile admits are offered.
static OFFERS: LazyLock<[Offer; 3]> = LazyLock::new(|| {
    let exchanges = shipped_exchanges().expect("profiles are well-formed").into_iter().map(Arc::new);
    let exchanges: Vec<_> = exchanges.collect();
    ["01.015", "17.060", "04.000"].map(|role| Offer::to(&exchanges, Some(&role.parse().expect("a role"))))
});

fuzz_target!(|input: &[u8]| {
    let border = input.windows(2).position(|window| window == b"\n\n");
    let (head, body) = border.map_or((input, &[][..]), |at| (&input[..at], &input[at + 2..]));
    let Ok(head) = std::str::from_utf8(head) else { return };
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let Some((method, target)) = line.split_once(' ') else { return };
    let header = |name: &str| -> Vec<&str> {
        let pairs = headers.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    };
    let request = RequestHead {
        method,
        target,
        content_type: header("Content-Type").first().copied(),
        accept: header("Accept").first().copied(),
        prefer: header("Prefer").first().copied(),
        method_override: !header("X-HTTP-Method-Override").is_empty(),
        body,
    };
    if let Ok(purpose) = purpose(&header("Sluis-Purpose")) {
        assert_eq!(header("Sluis-Purpose"), [purpose.code()]);
    }
    if let Ok(Some(reason)) = reason(&header("Sluis-Reason")) {
        assert!(reason.len() <= sluis::limits::REASON_BYTES);
    }
    for offer in &*OFFERS {
        if let Ok(query) = classify(&request, "/fhir", offer) {
            understood(&query, offer);
        }
    }
});

/// Checks that the canonical form says the same, and that what goes upstream is a target that any server reads alike.
fn understood(query: &Query, offer: &Offer) {
    let target = format!("/fhir/{}", query.target());
    let canonical = RequestHead {
        method: "GET",
        target: &target,
        content_type: None,
        accept: None,
        prefer: None,
        method_override: false,
        body: b"",
    };
    assert_eq!(classify(&canonical, "/fhir", offer).as_ref(), Ok(query), "{target}");
    let upstream = match query {
        Query::Metadata | Query::Summary(_) | Query::Everything(_) | Query::LastN(_) => return,
        Query::Read(read) => read.upstream(),
        Query::Search(search) => {
            let person = ["a", "b"].map(|id| id.parse::<Id>().expect("an id"));
            assert!(search.upstream(&[], 10).is_none(), "nobody is asked for");
            let upstream = search.upstream(&person, 10).expect("a search of somebody");
            assert!(upstream.as_str().contains("=a,b&"), "{}", upstream.as_str());
            upstream
        }
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%/?&=,:|$".contains(&byte);
    assert!(upstream.as_str().bytes().all(is_plain), "{}", upstream.as_str());
    let path = upstream.as_str().split('?').next().unwrap_or_default();
    assert!(path.split('/').all(|segment| !["", ".", ".."].contains(&segment)), "{path}");
    assert!(offer.admitting(query).is_some(), "some profile admits what is understood");
}
