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
use sluis::view::{Answer, FreeText, Mode, Narrative, Step, Surroundings};

use crate::deciding;
use crate::figures::{Figures, median, number, timed};
use crate::searchset::{self, BASE, RESTRICTED_EACH, Type};

/// Bytes that a chunk of an upstream body has.
pub(crate) const CHUNK: usize = 64 * 1024;

const BYTES: usize = 16 * 1024 * 1024;

const ROUNDS: usize = 9;

/// Searchsets, each with the search that it answers.
struct Asked {
    pages: Vec<(Search, Vec<u8>)>,
    bytes: usize,
    surroundings: Surroundings,
}

impl Asked {
    fn of(bytes: usize) -> Self {
        let surroundings = surroundings();
        let pages: Vec<_> =
            searchset::pages(bytes).into_iter().map(|(kind, page)| (search(kind, &surroundings), page)).collect();
        Self { bytes: pages.iter().map(|(_, page)| page.len()).sum(), pages, surroundings }
    }

    fn straight(&self) -> Duration {
        self.pass(&deciding::straight(), self.entries())
    }

    fn judged(&self) -> Duration {
        self.pass(&deciding::judged(), self.entries() - self.entries() / RESTRICTED_EACH)
    }

    fn entries(&self) -> usize {
        self.pages.len() * searchset::PAGE
    }

    /// Lets every page through and checks how many entries are released.
    fn pass(&self, plan: &Plan, expected: usize) -> Duration {
        let mut released = 0;
        let took = timed(|| {
            for (search, page) in &self.pages {
                released += answer(search.clone(), plan.clone(), self.surroundings.clone(), page);
            }
        });
        assert_eq!(released, expected, "entries released of {} bytes", self.bytes);
        took
    }

    fn ignore(&self) -> Duration {
        timed(|| {
            for (_, page) in &self.pages {
                serde_json::from_slice::<IgnoredAny>(page).expect("the pages are JSON");
            }
        })
    }
}

/// Lets a few pages through both ways, so that a test tells when they are no longer what the view reads.
pub(crate) fn rehearse() {
    let asked = Asked::of(BYTES / 8);
    asked.straight();
    asked.judged();
}

pub(crate) fn measure(figures: &mut Figures) {
    let asked = Asked::of(BYTES);
    let mut took: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let rounds = [asked.ignore(), asked.straight(), asked.judged()];
        took.iter_mut().zip(rounds).for_each(|(times, round)| times.push(round.as_secs_f64()));
    }
    let [ignored, straight, judged] = took;
    let speed = |times: &[f64]| number(asked.bytes) / 1e6 / median(times);
    let ratios = |times: &[f64]| -> Vec<f64> { ignored.iter().zip(times).map(|(one, other)| one / other).collect() };
    figures.median("view_straight_ignored", &ratios(&straight));
    figures.median("view_judged_ignored", &ratios(&judged));
    figures.one("ignored_mb_per_s", speed(&ignored));
    figures.one("view_straight_mb_per_s", speed(&straight));
    figures.one("view_judged_mb_per_s", speed(&judged));
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
        free_text: FreeText::Keep,
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
