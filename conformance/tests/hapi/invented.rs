//! Invented: twin worlds and fidelity on HAPI, with patients that follow from a seed.
//!
//! `SLUIS_TWIN_SEED` is the first seed, `SLUIS_TWIN_REQUESTS` says how many answers are compared (300 where nothing is said).

use std::collections::{BTreeMap, BTreeSet};
use std::num::ParseIntError;
use std::path::PathBuf;

use sluis_conformance::gateway::{Setting, Site};
use sluis_conformance::invented::World;
use sluis_conformance::record::{Record, entries, without_narrative};
use sluis_conformance::twin::{self, Report};
use sluis_conformance::wire::Response;

use crate::bench::{Bench, Tried};

/// How many questions are asked about one world; with their pages they are more requests.
const QUESTIONS: usize = 300;

/// How many requests show that what may be seen is the server's own.
const FAITHFUL: usize = 500;

fn setting(name: &str, otherwise: u64) -> Result<u64, ParseIntError> {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how many worlds, and which")]
    let value = std::env::var(name);
    value.ok().map_or(Ok(otherwise), |value| value.parse())
}

impl Bench {
    /// Loads an invented world in place of everything else, but for those who provide care.
    fn invent(&mut self, world: &World) -> Tried {
        self.spoil();
        let base = self.hapi.base().to_owned();
        let shared = self.records.iter().filter(|record| record.file() == "shared").cloned();
        let records: Vec<Record> = shared.chain(world.records(&base)?).collect();
        self.hapi.clear()?;
        Ok(self.hapi.load(&records)?)
    }
}

fn compared(bench: &mut Bench, seed: u64) -> Result<Report, Box<dyn std::error::Error>> {
    let mut world = World::of(seed)?;
    bench.invent(&world)?;
    let upstream = bench.hapi.base().to_owned();
    let Bench { hapi, site, .. } = bench;
    let play = world.play(Setting::before(&upstream), site.base_path(), QUESTIONS);
    let report = twin::play(hapi, site, &play, &[None])?.pop().ok_or("no report")?;
    let faults: Vec<String> = report.faults().collect();
    if !faults.is_empty() {
        let about: String = play.scripts.iter().map(|script| script.about.as_str()).collect();
        let first = faults.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
        let wrong = format!("SLUIS_TWIN_SEED={seed}: {} of {} answers", faults.len(), report.compared);
        return Err(format!("{wrong}:\n{first}\n{about}").into());
    }
    Ok(report)
}

#[test]
fn what_is_hidden_of_invented_patients_leaves_no_trace_in_any_answer() -> Tried {
    let mut bench = Bench::hold()?;
    let (mut seed, wanted) = (setting("SLUIS_TWIN_SEED", 1)?, setting("SLUIS_TWIN_REQUESTS", 300)?);
    let (mut requests, mut shown) = (0, 0);
    while requests < usize::try_from(wanted)? {
        println!("SLUIS_TWIN_SEED={seed}");
        let report = compared(&mut bench, seed)?;
        requests += report.compared;
        shown += report.shown;
        seed += 1;
    }
    println!("{requests} requests, of which {shown} showed something");
    // Answers that hold nothing are alike, whatever is hidden.
    assert!(requests >= 300 && shown * 3 > requests, "{shown} of {requests}");
    Ok(())
}

#[test]
fn what_may_be_seen_of_invented_patients_is_the_server_s_own_byte_for_byte() -> Tried {
    let mut bench = Bench::hold()?;
    let seed = setting("SLUIS_TWIN_SEED", 1)?;
    println!("SLUIS_TWIN_SEED={seed}");
    let mut world = World::open(seed)?;
    bench.invent(&world)?;
    let upstream = bench.hapi.base().to_owned();
    let public_base = bench.site.public_base().to_owned();
    let mut stored = BTreeMap::new();
    for record in world.records(&upstream)? {
        let own = without_narrative(&bench.hapi.get(&format!("/{}", record.reference()))?.text())?;
        stored.insert(record.reference().to_owned(), own.replace(&upstream, &public_base));
    }
    let setting = Setting { unlabelled: Some("normal"), ..Setting::under(&upstream, &["wabvpz"]) };
    let gateway = bench.site.start(&setting)?;
    let (mut requests, mut released, mut seen) = (0, 0, BTreeSet::new());
    while requests < FAITHFUL {
        for (part, questions) in world.questions(gateway.base_path(), FAITHFUL / 4) {
            let mut client = gateway.client(part.caller())?;
            for question in &questions {
                for exchange in twin::walk(&gateway, &mut client, part.caller(), question) {
                    let response = exchange.answer.map_err(|error| format!("{}: {error}", exchange.asked))?;
                    requests += 1;
                    for (reference, text) in resources(&response)? {
                        let own = stored.get(&reference).ok_or_else(|| format!("{reference} is not the server's"))?;
                        assert_eq!(&text, own, "SLUIS_TWIN_SEED={seed} {}: {reference}", exchange.asked);
                        released += 1;
                        seen.insert(reference);
                    }
                }
            }
        }
    }
    println!("{requests} requests, {released} resources, {} of {}", seen.len(), stored.len());
    assert!(requests >= FAITHFUL && released >= requests / 2, "{released} resources in {requests} answers");
    assert!(seen.len() * 2 > stored.len(), "{} of {} were seen", seen.len(), stored.len());
    assert_eq!(gateway.stop()?.verify()?, "intact");
    Ok(())
}

/// The resources of an answer, as bytes.
fn resources(response: &Response) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    let text = response.text();
    match response.status {
        200 if text.starts_with(r#"{"resourceType":"Bundle""#) => {
            let entries = entries(&response.body)?;
            entries.into_iter().map(|entry| Ok((entry.reference()?, entry.resource))).collect()
        }
        200 => Ok(vec![(Record::read(&text)?.reference().to_owned(), text)]),
        // What this role may not ask for, and what is not there.
        403 | 404 => Ok(Vec::new()),
        status => Err(format!("{status}: {text}").into()),
    }
}

/// Faults that show in answers about the patients of one seed; five more show in stories (`twins`).
const FAULTS: &[&str] = &[
    "skip-references",
    "keep-references",
    "keep-narrative",
    "release-hidden",
    "release-other-person",
    "skip-links",
    "keep-contained",
    "keep-display",
    "keep-without-required",
    "keep-empty-gatherer",
    "keep-identifier",
    "keep-absolute",
    "keep-nowhere",
    "keep-address",
    "release-consent",
    "keep-absence",
    "skip-contained",
    "include-of-hidden",
    "total-of-hidden",
    "keep-base",
];

/// Faults that these worlds do not show, and why; the gateway's own tests notice each.
const ALIKE: &[(&str, &str)] = &[
    (
        "keep-gap",
        "what refers to something hidden keeps its bytes when that is expunged, and the gap is in both worlds",
    ),
    ("mark-loss", "the same holds for the mark"),
    ("release-outside", "what is outside is in both worlds"),
    ("include-through-other", "what is included too much is in both worlds"),
    ("unordered-includes", "the order is HAPI's in both worlds"),
    ("keep-versioned", "HAPI takes the version out of references"),
    ("keep-foreign-member", "HAPI drops what FHIR does not define"),
    ("keep-narrative-of-loss", "narratives are not passed on here"),
    ("keep-orphan", "an extension refers to each that is contained"),
    ("keep-modifier", "no modifier of these patients refers to something hidden in what else stays"),
    ("skip-compartment", "nothing of these patients is another's by a second reference alone"),
    ("skip-units", "whatever belongs together is hidden by itself in these worlds"),
    ("next-for-hidden", "no page of these questions has hidden matches alone behind it"),
];

/// A seed about whose patients each of them shows.
const SHOWING: u64 = 1;

#[test]
fn each_fault_shows_on_hapi_or_it_is_said_why_not() {
    let alike = ALIKE.iter().map(|(fault, why)| {
        assert!(!why.is_empty(), "{fault}");
        *fault
    });
    let shown: BTreeSet<&str> = FAULTS.iter().chain(crate::twins::FAULTS).copied().collect();
    let alike: BTreeSet<&str> = alike.collect();
    assert!(shown.is_disjoint(&alike));
    assert_eq!((shown.len(), alike.len()), (25, 13), "thirty-eight can be planted");
}

#[test]
#[ignore = "needs SLUIS_FAULTS_BIN, a gateway built with --features faults"]
fn a_fault_planted_in_the_view_is_noticed_in_answers_about_invented_patients() -> Tried {
    #[expect(clippy::disallowed_methods, reason = "the program under test is chosen by whoever runs the test")]
    let program = PathBuf::from(std::env::var("SLUIS_FAULTS_BIN")?);
    let mut bench = Bench::hold()?;
    let world = World::of(setting("SLUIS_TWIN_SEED", SHOWING)?)?;
    bench.invent(&world)?;
    let mut site = Site::write(&program, &bench.site.directory().with_extension("invented"))?;
    let upstream = bench.hapi.base().to_owned();
    let play = world.play_of_faults(Setting::before(&upstream), site.base_path());
    let faults: Vec<Option<&str>> = std::iter::once(None).chain(FAULTS.iter().copied().map(Some)).collect();
    let noticed = twin::notice(&mut bench.hapi, &mut site, &play, &faults)?;
    let mut unnoticed = Vec::new();
    for (fault, noticed) in faults.iter().zip(&noticed) {
        match (fault, noticed) {
            (None, Some(wrong)) => panic!("without a fault: {wrong}"),
            (Some(fault), None) => unnoticed.push(*fault),
            (None, None) => {}
            (Some(fault), Some(shown)) => println!("{fault} shows: {shown}"),
        }
    }
    assert_eq!(unnoticed, Vec::<&str>::new());
    Ok(())
}
