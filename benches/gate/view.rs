//! The two ways through the view against `serde_json` that skips the same bytes (`IgnoredAny`).
//!
//! A caller gets a hundred entries at most, so the 16 MB are some fifty searchsets, each an answer of its own.

use std::sync::Arc;
use std::time::Duration;

use serde::de::IgnoredAny;
use sluis::consent::Plan;
use sluis::label::Tables;
use sluis::profile::{Offer, shipped_exchanges};
use sluis::query::{Query, RequestHead, Search, classify};
use sluis::view::{Answer, Mode, Narrative, Step, Surroundings};

use crate::deciding;
use crate::figures::{Figures, median, number, timed};
use crate::searchset::{self, BASE, RESTRICTED_EACH, Type};

/// Bytes that a chunk of an upstream body has.
pub(crate) const CHUNK: usize = 64 * 1024;

const BYTES: usize = 16 * 1024 * 1024;

const ROUNDS: usize = 9;

pub(crate) fn measure(figures: &mut Figures) {
    let pages = searchset::pages(BYTES);
    let bytes: usize = pages.iter().map(|(_, page)| page.len()).sum();
    let surroundings = surroundings();
    let asked: Vec<(Search, &[u8])> =
        pages.iter().map(|(kind, page)| (search(*kind, &surroundings), page.as_slice())).collect();
    let pass = |plan: &Plan, expected: usize| {
        let mut released = 0;
        let took = timed(|| {
            for (search, page) in &asked {
                released += answer(search.clone(), plan.clone(), surroundings.clone(), page);
            }
        });
        assert_eq!(released, expected, "entries released of {bytes} bytes");
        took
    };
    let all = asked.len() * searchset::PAGE;
    let (straight, judged) = (deciding::straight(), deciding::judged());
    let mut took: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let rounds = [ignore(&asked), pass(&straight, all), pass(&judged, all - all / RESTRICTED_EACH)];
        took.iter_mut().zip(rounds).for_each(|(times, round)| times.push(round.as_secs_f64()));
    }
    let [ignored, straight, judged] = took;
    let speed = |times: &[f64]| number(bytes) / 1e6 / median(times);
    let ratios = |times: &[f64]| -> Vec<f64> { ignored.iter().zip(times).map(|(one, other)| one / other).collect() };
    figures.median("view_straight_ignored", &ratios(&straight));
    figures.median("view_judged_ignored", &ratios(&judged));
    figures.one("ignored_mb_per_s", speed(&ignored));
    figures.one("view_straight_mb_per_s", speed(&straight));
    figures.one("view_judged_mb_per_s", speed(&judged));
}

fn ignore(asked: &[(Search, &[u8])]) -> Duration {
    timed(|| {
        for (_, page) in asked {
            serde_json::from_slice::<IgnoredAny>(page).expect("the pages are JSON");
        }
    })
}

/// Lets one answer run over `page`, answers what it looks up, and returns how many entries it released.
fn answer(search: Search, plan: Plan, surroundings: Surroundings, page: &[u8]) -> usize {
    let mut answer = Answer::search(search, plan, surroundings, 0);
    let mut bytes = 0;
    while let Step::Ask(target) = answer.step() {
        let looked_up = looked_up(target.as_str());
        for chunk in looked_up.as_deref().map_or(page, str::as_bytes).chunks(CHUNK) {
            answer.push(chunk).expect("the view reads the page");
            bytes += answer.take().len();
        }
        answer.end_of_body().expect("the page is whole");
        bytes += answer.take().len();
    }
    bytes += answer.close(None).len();
    assert!(bytes > 0, "a searchset is released");
    answer.report().released.len()
}

/// Returns the answer to a search by id, if that is what `target` is.
fn looked_up(target: &str) -> Option<String> {
    let (resource_type, query) = target.split_once("?_id=")?;
    let ids = query.split('&').next()?.replace("%2C", ",");
    let ids: Vec<&str> = ids.split(',').collect();
    Some(searchset::by_ids(resource_type, &ids))
}

pub(crate) fn surroundings() -> Surroundings {
    let exchanges: Vec<_> = shipped_exchanges().expect("the shipped profiles").into_iter().map(Arc::new).collect();
    Surroundings {
        offer: Offer::to(&exchanges, deciding::caller().role()),
        tables: Arc::new(Tables::shipped().expect("the shipped tables")),
        person: vec!["p1".parse().expect("an id")],
        upstream_bases: vec![BASE.to_owned()],
        public_base: "https://localhost:8443/fhir".to_owned(),
        narrative: Narrative::Drop,
        mode: Mode::Silent,
        shadow: None,
    }
}

/// Returns the search for everything of that type.
pub(crate) fn search(kind: Type, surroundings: &Surroundings) -> Search {
    let head = RequestHead {
        method: "GET",
        target: &format!("/fhir/{}?patient=p1&_count={}", kind.name, searchset::PAGE),
        content_type: None,
        accept: None,
        prefer: None,
        method_override: false,
        body: b"",
    };
    match classify(&head, "/fhir", &surroundings.offer) {
        Ok(Query::Search(search)) => search,
        other => panic!("not a search: {other:?}"),
    }
}
