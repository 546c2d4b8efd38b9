//! The steps against the cast and the records.

use std::collections::BTreeSet;

use super::*;
use crate::cli::demo::cast;
use crate::cli::demo::record::tests::references;

#[test]
fn the_tour_is_long_enough_and_every_story_has_a_step() {
    assert!(STEPS.len() >= 20);
    let stories: BTreeSet<_> = STEPS.iter().map(|step| step.story).collect();
    assert_eq!(stories.len(), 10);
}

#[test]
fn everybody_who_calls_is_in_the_cast_and_everybody_in_the_cast_calls() {
    let callers: BTreeSet<_> = STEPS.iter().map(|step| step.who).collect();
    assert_eq!(callers, cast::CAST.iter().map(|member| member.name).collect());
}

#[test]
fn what_is_expected_or_withheld_is_in_the_records() {
    let known = references();
    let all = |text: &str| known.iter().any(|reference| reference.contains(text));
    for step in STEPS {
        match step.expected {
            Searchset { has, lacks } => {
                let (path, _) = step.target.split_once(['?', '/']).unwrap();
                for reference in has {
                    assert!(known.contains(*reference), "{reference}");
                    let kind = step.target.rsplit_once('/').map_or(path, |(_, last)| last);
                    let (of, _) = reference.split_once('/').unwrap();
                    assert!(of == path || of == kind, "{}: {reference}", step.target);
                }
                // Codes and words may be withheld as well as references.
                assert!(lacks.iter().all(|text| all(text) || !text.contains('/')), "{}", step.target);
            }
            Nothing { lacks } => assert!(known.contains(lacks), "{lacks}"),
            Document { has, lacks } => {
                assert!(has.iter().all(|reference| known.contains(*reference)), "{}", step.target);
                assert!(lacks.iter().all(|text| all(text) || !text.contains('/')), "{}", step.target);
            }
            Resource(reference) => assert!(step.target == reference && known.contains(reference)),
            Refused { .. } | Metadata | NoHandshake => {}
        }
    }
}

#[test]
fn every_withholding_has_a_step_that_shows_the_data_to_somebody() {
    let shown: BTreeSet<_> = STEPS
        .iter()
        .flat_map(|step| match step.expected {
            Searchset { has, .. } | Document { has, .. } => has.to_vec(),
            Resource(reference) => vec![reference],
            Nothing { .. } | Refused { .. } | Metadata | NoHandshake => Vec::new(),
        })
        .collect();
    for reference in [
        "Condition/carla-condition-depression",
        "AllergyIntolerance/dirk-allergy-1",
        "AllergyIntolerance/fatima-allergy-1",
        "Condition/bram-condition-1",
        "AllergyIntolerance/anna-allergy-1",
    ] {
        assert!(shown.contains(reference), "{reference}");
    }
}
