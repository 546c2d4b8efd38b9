//! Twins: invariant 11 on HAPI. What a caller may not see leaves no trace in any answer, for every story.

use std::path::PathBuf;

use sluis_conformance::gateway::{Setting, Site};
use sluis_conformance::story::{Sees, Story};
use sluis_conformance::twin::{self, Asked, Report};

use crate::bench::{Bench, Tried};

/// Asserts that nothing is wrong, and that enough was asked for that to mean something.
#[track_caller]
fn assert_same_worlds(report: &Report, stories: &[&Story]) {
    let faults: Vec<String> = report.faults().collect();
    let first = faults.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{} of {} answers:\n{first}", faults.len(), report.compared);
    assert!(report.fewest >= 40, "a story has only {} questions", report.fewest);
    assert!(report.compared >= 40 * stories.len());
}

#[test]
fn two_processes_give_the_same_answers_where_nothing_is_hidden() -> Tried {
    let mut bench = Bench::loaded()?;
    let stories = bench.stories.clone();
    let stories: Vec<&Story> = stories.iter().filter(|story| story.sees == Sees::All).collect();
    let Bench { hapi, site, .. } = &mut *bench;
    for report in twin::run(hapi, site, &stories, &[None], Asked::Enough)? {
        assert_same_worlds(&report, &stories);
    }
    Ok(())
}

#[test]
fn what_is_hidden_leaves_no_trace_in_any_answer() -> Tried {
    let mut bench = Bench::loaded()?;
    assert!(bench.close()?.iter().all(|verdict| verdict == "intact"));
    bench.spoil();
    let stories = bench.stories.clone();
    let stories: Vec<&Story> = stories.iter().filter(|story| story.sees != Sees::All).collect();
    let Bench { hapi, site, .. } = &mut *bench;
    for report in twin::run(hapi, site, &stories, &[None], Asked::Enough)? {
        assert_same_worlds(&report, &stories);
    }
    Ok(())
}

#[test]
fn what_a_policy_does_not_grant_leaves_no_trace_in_any_answer() -> Tried {
    let mut bench = Bench::loaded()?;
    bench.spoil();
    let story = bench.story_under(&["wabvpz", "acute"], "ilse", "seh-arts", "ETREAT")?;
    let Bench { hapi, site, .. } = &mut *bench;
    for report in twin::run(hapi, site, &[&story], &[None], Asked::Enough)? {
        assert_same_worlds(&report, &[&story]);
    }
    Ok(())
}

/// Faults that twin worlds can tell with these records. Of the others, some show in both worlds alike (what refers to something
/// hidden keeps its bytes here when that is expunged) and for some there is nothing in the records; the gateway's own tests
/// plant every one.
pub(crate) const FAULTS: &[&str] = &[
    "release-hidden",
    "skip-references",
    "shallow-references",
    "skip-links",
    "page-gap",
    "count-hidden",
    "keep-total",
    "keep-upstream-link",
];

#[test]
#[ignore = "needs SLUIS_FAULTS_BIN, a gateway built with --features faults"]
fn a_fault_planted_in_the_view_is_noticed() -> Tried {
    #[expect(clippy::disallowed_methods, reason = "the program under test is chosen by whoever runs the test")]
    let program = PathBuf::from(std::env::var("SLUIS_FAULTS_BIN")?);
    let mut bench = Bench::loaded()?;
    bench.spoil();
    let stories = bench.stories.clone();
    let stories: Vec<&Story> = stories.iter().filter(|story| story.sees == Sees::Some).collect();
    let mut site = Site::write(&program, &bench.site.directory().with_extension("faults"))?;
    let faults: Vec<Option<&str>> = std::iter::once(None).chain(FAULTS.iter().copied().map(Some)).collect();
    let reports = twin::run(&mut bench.hapi, &mut site, &stories, &faults, Asked::WhatShowsFaults)?;
    let noticed = faults.iter().zip(&reports).filter(|(_, report)| report.faults().count() > 0);
    assert_eq!(
        noticed.map(|(&fault, _)| fault).collect::<Vec<_>>(),
        FAULTS.iter().copied().map(Some).collect::<Vec<_>>()
    );
    let upstream = bench.hapi.base().to_owned();
    let unknown = Setting { fault: Some("no-such-fault"), ..Setting::before(&upstream) };
    assert!(site.start(&unknown).is_err(), "a fault that does not exist must not be taken for none");
    Ok(())
}
