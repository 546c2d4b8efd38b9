//! Twin worlds: a record with hidden data, and the record in which it never was, give the same bytes (invariant 11).

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::document::broken;
use super::upstream::{BASE, Upstream};
use super::{Given, ask, labels, one_at_a_time, straight};
use crate::consent::Plan;
use crate::view::Ending;

/// Types, with the element that says whose a resource is.
const KINDS: [(&str, Option<&str>); 8] = [
    ("Observation", Some("subject")),
    ("Condition", Some("subject")),
    ("Encounter", Some("subject")),
    ("MedicationRequest", Some("subject")),
    ("AllergyIntolerance", Some("patient")),
    ("Medication", None),
    ("Practitioner", None),
    ("Organization", None),
];

const INPATIENT: &str = r#""class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"}"#;
/// By type: the element through which a resource inherits the labels of what it leads to, and the types of that.
const LINKS: [(&str, &str, &[&str]); 7] = [
    ("MedicationRequest", "medicationReference", &["Medication"]),
    ("MedicationRequest", "reasonReference", &["Condition", "AllergyIntolerance"]),
    ("Observation", "derivedFrom", &["Observation"]),
    ("Observation", "partOf", &["Encounter", "Condition", "AllergyIntolerance"]),
    ("Encounter", "reasonReference", &["Condition"]),
    ("Encounter", "partOf", &["Encounter"]),
    ("Organization", "partOf", &["Organization"]),
];

/// The types of which nothing may be seen that tells of HIV.
const SILENCED: [&str; 2] = ["MedicationRequest", "Observation"];

const TELLS: &str = r#""identifier":[{"type":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10","code":"B24"}]}}]"#;

const LABORATORY: &str = r#""category":[{"coding":[{"code":"laboratory"}]}]"#;

const PLAIN: &str = r#""language":"nl""#;

/// Fewer than the levels that are looked at, so that nothing lies deeper.
const THINGS: usize = 8;

#[derive(Debug, Clone)]
struct Thing {
    kind: usize,
    restricted: bool,
    /// Its code tells of HIV.
    tells: bool,
    whose: Whose,
    contained: Contained,
    /// The treatment that a prescription is part of.
    treatment: Option<usize>,
    /// Other things by number, each written in one of several ways; a number without a thing is one that is gone.
    references: Vec<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Own,
    /// The person's, and another is named in it.
    Shared,
    Others,
}

/// Whether a second person is named where the record names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    Named,
    NeverNamed,
}

/// Whether what is contained and hidden is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    AsHeld,
    AsSeen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contained {
    Nothing,
    Plain,
    Restricted,
}

fn any_thing() -> impl Strategy<Value = Thing> {
    let whose = prop_oneof![6 => Just(Whose::Own), 1 => Just(Whose::Shared), 1 => Just(Whose::Others)];
    let contained =
        prop_oneof![6 => Just(Contained::Nothing), 2 => Just(Contained::Plain), 1 => Just(Contained::Restricted)];
    let references = proptest::collection::vec((0..THINGS + 1, 0..4_usize), 0..3);
    // Observations more often: of them there are panels, and panels of panels.
    let kind = prop_oneof![2 => Just(0), 5 => 0..KINDS.len()];
    let treatment = prop::option::weighted(0.7, 0..2_usize);
    (kind, prop::bool::weighted(0.15), prop::bool::weighted(0.2), whose, contained, treatment, references).prop_map(
        |(kind, restricted, tells, whose, contained, treatment, references)| Thing {
            kind,
            restricted,
            tells,
            whose,
            contained,
            treatment,
            references,
        },
    )
}

#[derive(Debug, Clone)]
struct Record(Vec<Thing>);

impl Record {
    fn name(&self, index: usize) -> (&'static str, String) {
        match self.0.get(index) {
            Some(thing) => (KINDS[thing.kind].0, format!("t{index}")),
            None => ("Condition", "gone".to_owned()),
        }
    }

    fn reference(&self, (index, style): (usize, usize)) -> String {
        let (resource_type, id) = self.name(index);
        let text = match style {
            0 => format!("{resource_type}/{id}"),
            1 => format!("{resource_type}/{id}/_history/1"),
            2 => format!("{BASE}/{resource_type}/{id}"),
            _ => format!("http:\\/\\/alias/fhir/{resource_type}/{id}"),
        };
        let display = if index < self.0.len() && self.is_barred(index) { "CANARY" } else { "shown" };
        format!(r#"{{"reference":"{text}","display":"{display}"}}"#)
    }

    fn security(restricted: bool, year: usize) -> String {
        let code = if restricted { "R" } else { "N" };
        format!(
            r#""meta":{{"lastUpdated":"202{year}-01-01T00:00:00Z","security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"{code}"}}]}}"#
        )
    }

    /// Returns the resource with its references to what `keeps` names, and to another person if it has one and `second` says
    /// so.
    fn text(&self, index: usize, keeps: &dyn Fn(usize) -> bool, second: Second, inside: Inside) -> String {
        let thing = &self.0[index];
        let (resource_type, element) = KINDS[thing.kind];
        let canary = if self.is_barred(index) { "CANARY" } else { "plain" };
        let mut members = vec![
            format!(r#""resourceType":"{resource_type}","id":"t{index}""#),
            Self::security(thing.restricted, index),
            if resource_type == "Encounter" && !self.is_outside(index) {
                INPATIENT.to_owned()
            } else if resource_type == "Observation" {
                LABORATORY.to_owned()
            } else {
                PLAIN.to_owned()
            },
            format!(r#""text":{{"status":"generated","div":"NARRATIVE {canary}"}}"#),
        ];
        if let Some(element) = element {
            let id = if thing.whose == Whose::Others { "b" } else { "a" };
            members.push(format!(r#""{element}":{{"reference":"Patient/{id}"}}"#));
        }
        let holds = |word: &str, restricted: bool| {
            let security = Self::security(restricted, index);
            format!(r#""contained":[{{"resourceType":"Medication","id":"c",{security},"implicitRules":"{word}"}}]"#)
        };
        match (thing.contained, inside) {
            (Contained::Nothing, _) | (Contained::Restricted, Inside::AsSeen) => {}
            (Contained::Plain, _) => members.push(holds(canary, false)),
            (Contained::Restricted, Inside::AsHeld) => members.push(holds("CANARY", true)),
        }
        let first = |wanted: &[&str]| {
            let found = thing.references.iter().find(|(index, _)| wanted.contains(&self.name(*index).0));
            found.filter(|(to, _)| keeps(*to)).map(|one| self.reference(*one))
        };
        for (_, element, targets) in LINKS.iter().filter(|(source, _, _)| *source == resource_type) {
            members.extend(first(targets).map(|text| format!(r#""{element}":{text}"#)));
        }
        let gathered: Vec<_> =
            self.gathered(index).filter(|(to, _)| keeps(*to)).map(|one| self.reference(one)).collect();
        if !gathered.is_empty() {
            members.push(format!(r#""hasMember":[{}]"#, gathered.join(",")));
        }
        if thing.tells {
            members.push(TELLS.to_owned());
        }
        if resource_type == "MedicationRequest" {
            members.extend(first(&["Practitioner"]).map(|text| format!(r#""requester":{text}"#)));
        }
        let kept = thing.references.iter().filter(|(to, _)| keeps(*to));
        let mut extensions: Vec<_> = kept.map(|one| self.reference(*one)).collect();
        if thing.whose == Whose::Shared && second == Second::Named {
            extensions.push(r#"{"reference":"Patient/b"}"#.to_owned());
        }
        let mut extensions: Vec<_> =
            extensions.iter().map(|text| format!(r#"{{"url":"http://x","valueReference":{text}}}"#)).collect();
        if resource_type == "MedicationRequest" {
            extensions.extend(thing.treatment.map(|treatment| {
                format!(r#"{{"url":"http://x/ext-PharmaceuticalTreatment.Identifier","valueIdentifier":{{"value":"{treatment}"}}}}"#)
            }));
        }
        if !extensions.is_empty() {
            members.push(format!(r#""extension": [ {}]"#, extensions.join(" ,")));
        }
        members.push(format!(r#""implicitRules":"{canary}""#));
        format!("{{{}}}", members.join(", "))
    }

    /// Of the Encounters, a profile has the admissions only.
    fn is_outside(&self, index: usize) -> bool {
        KINDS[self.0[index].kind].0 == "Encounter" && index % 2 == 1
    }

    fn is_supporting(&self, index: usize) -> bool {
        KINDS[self.0[index].kind].1.is_none()
    }

    fn is_others(&self, index: usize) -> bool {
        self.0[index].whose == Whose::Others && !self.is_supporting(index)
    }

    /// What it is linked to, as [`Record::text`] writes it.
    fn links(&self, index: usize) -> impl Iterator<Item = usize> {
        let thing = &self.0[index];
        let links = LINKS.iter().filter(|(source, _, _)| *source == KINDS[thing.kind].0);
        links.filter_map(|(_, _, targets)| {
            thing.references.iter().map(|(to, _)| *to).find(|to| targets.contains(&self.name(*to).0))
        })
    }

    /// The smallest set that holds what has something itself and what is linked to something in it.
    fn inherited(&self, has: impl Fn(&Thing) -> bool) -> HashSet<usize> {
        let mut heirs: HashSet<_> = (0..self.0.len()).filter(|index| has(&self.0[*index])).collect();
        loop {
            let more: Vec<_> = (0..self.0.len())
                .filter(|index| !heirs.contains(index) && self.links(*index).any(|to| heirs.contains(&to)))
                .collect();
            if more.is_empty() {
                return heirs;
            }
            heirs.extend(more);
        }
    }

    /// Hidden by itself and what it inherits, other references aside.
    fn is_barred(&self, index: usize) -> bool {
        let is_restricted = |thing: &Thing| thing.restricted;
        let is_silenced = SILENCED.contains(&KINDS[self.0[index].kind].0);
        self.is_others(index)
            || self.inherited(is_restricted).contains(&index)
            || is_silenced && self.inherited(|thing| thing.tells).contains(&index)
    }

    /// What a panel is there to gather: an Observation without a value, of others.
    fn gathered(&self, index: usize) -> impl Iterator<Item = (usize, usize)> {
        let is_panel = KINDS[self.0[index].kind].0 == "Observation";
        let references = self.0[index].references.iter().copied();
        references.filter(move |(to, _)| is_panel && self.name(*to).0 == "Observation")
    }

    /// The medication that a request is for: it cannot be without one.
    fn medication(&self, index: usize) -> Option<usize> {
        let is = |index: usize, kind: &str| self.name(index).0 == kind;
        let mut references = self.0[index].references.iter().map(|(to, _)| *to);
        references.find(|to| is(*to, "Medication")).filter(|_| is(index, "MedicationRequest"))
    }

    /// Those of its treatment, itself among them.
    fn unit(&self, index: usize) -> impl Iterator<Item = usize> {
        let treatment = |index: usize| {
            let is_block = KINDS[self.0[index].kind].0 == "MedicationRequest" && !self.is_others(index);
            self.0[index].treatment.filter(|_| is_block)
        };
        let own = treatment(index);
        (0..self.0.len()).filter(move |other| own.is_some() && treatment(*other) == own)
    }

    /// The greatest set in which nothing is hidden by itself or lacks what it cannot be without.
    fn visible(&self) -> HashSet<usize> {
        let mut visible: HashSet<_> = (0..self.0.len()).filter(|index| !self.is_barred(*index)).collect();
        loop {
            let is_whole = |index: &usize| {
                let mut gathered = self.gathered(*index).peekable();
                self.medication(*index).is_none_or(|to| visible.contains(&to))
                    && self.unit(*index).all(|other| visible.contains(&other))
                    && (gathered.peek().is_none() || gathered.any(|(to, _)| visible.contains(&to)))
            };
            let kept: HashSet<_> = visible.iter().copied().filter(is_whole).collect();
            if kept.len() == visible.len() {
                return kept;
            }
            visible = kept;
        }
    }

    /// A world as the server has it.
    fn world(&self, has: impl Fn(usize) -> bool, page: usize) -> Upstream {
        self.world_of(has, &|_| true, Second::Named, Inside::AsHeld, page)
    }

    /// A world in which what refers to others never did, but for those that `keeps` names.
    fn world_of(
        &self,
        has: impl Fn(usize) -> bool,
        keeps: &dyn Fn(usize) -> bool,
        second: Second,
        inside: Inside,
        page: usize,
    ) -> Upstream {
        let things = (0..self.0.len()).filter(|index| has(*index));
        let patient = r#"{"resourceType":"Patient","id":"a"}"#.to_owned();
        Upstream::new(things.map(|index| self.text(index, keeps, second, inside)).chain([patient]), page)
    }
}

/// Everything a caller can ask, page by page; `chunk` is how bodies are cut.
fn all_answers(upstream: &Upstream, plan: fn() -> Plan, chunk: usize) -> Vec<(String, Given)> {
    let mut answers = Vec::new();
    let searches = ["Observation", "Condition", "Encounter", "MedicationRequest", "AllergyIntolerance"];
    let includes = "&_include=MedicationRequest:medication&_include=MedicationRequest:requester";
    for resource_type in searches {
        for shape in [
            "_count=1",
            "_count=2",
            "_count=20",
            "_count=2&_summary=true",
            "_elements=extension&_count=20&_total=accurate",
            "_summary=count",
            "_lastUpdated=ge2024&_sort=-_id&_count=3",
        ] {
            let includes = if resource_type == "MedicationRequest" { includes } else { "" };
            let target = format!("{resource_type}?patient=a&{shape}{includes}");
            answers.extend(all_pages(upstream, plan, &target, chunk));
        }
        for index in 0..=THINGS {
            let target = format!("{resource_type}/t{index}");
            let part = format!("{target}?_elements=extension");
            for target in [target, part] {
                let given = ask(upstream, plan(), &target, 0, chunk).expect("an answer");
                answers.push((target, given));
            }
        }
    }
    for target in ["$everything?_count=1", "$everything?_count=3", "$everything?_type=Condition,Medication", "$summary"]
    {
        answers.extend(all_pages(upstream, plan, &format!("Patient/a/{target}"), chunk));
    }
    answers
}

fn all_pages(upstream: &Upstream, plan: fn() -> Plan, target: &str, chunk: usize) -> Vec<(String, Given)> {
    let mut answers = Vec::new();
    let mut skip = Some(0);
    while let Some(passed) = skip {
        let given = ask(upstream, plan(), target, passed, chunk).expect("an answer");
        skip = match given.ending {
            Ending::Searchset { next_skip } => next_skip,
            Ending::Resource | Ending::NotVisible => None,
        };
        answers.push((format!("{target} from {passed}"), given));
    }
    answers
}

/// Sizes that must not show: upstream pages and chunks of two worlds.
type Sizes = ((usize, usize), (usize, usize));

fn same_bytes(record: &Record, sizes: Sizes) -> Result<(), TestCaseError> {
    let visible = record.visible();
    let ((page, chunk), (other_page, other_chunk)) = sizes;
    let one = all_answers(&record.world(|_| true, page), labels, chunk);
    let is_whole = |index| record.unit(index).all(|other| visible.contains(&other));
    let without_barred = record.world(|index| !record.is_barred(index) && is_whole(index), other_page);
    let is_visible = |index: usize| visible.contains(&index);
    let without_hidden = record.world_of(is_visible, &is_visible, Second::NeverNamed, Inside::AsSeen, other_page);
    compare(&one, &all_answers(&without_barred, labels, other_chunk))?;
    compare(&one, &all_answers(&without_hidden, labels, other_chunk))?;
    let straight_one = all_answers(&record.world(|_| true, page), straight, chunk);
    let is_own = |index: usize| !record.is_others(index);
    let without_others = record.world_of(is_own, &|_| true, Second::NeverNamed, Inside::AsHeld, other_page);
    compare(&straight_one, &all_answers(&without_others, straight, other_chunk))?;
    for (what, given) in one.iter().chain(&straight_one) {
        prop_assert!(!given.body.contains("NARRATIVE"), "{}: {}", what, given.body);
        prop_assert!(!given.body.contains("upstream"), "{}: {}", what, given.body);
    }
    for (what, given) in &one {
        prop_assert!(!given.body.contains("CANARY"), "{}: {}", what, given.body);
    }
    let is_summary = |what: &str| what.contains("$summary");
    for (what, given) in one.iter().chain(&straight_one).filter(|(what, _)| is_summary(what)) {
        if given.ending == Ending::Resource {
            let document = serde_json::from_str(&given.body).expect("JSON");
            prop_assert_eq!(broken(&document), Vec::<&str>::new(), "{}: {}", what, given.body);
        }
    }
    let resources =
        one.iter().filter(|(what, given)| given.ending == Ending::Resource && !is_summary(what) && !what.contains('?'));
    let read: HashSet<_> = resources.map(|(what, _)| what.clone()).collect();
    let delivered = |index: &&usize| !record.is_supporting(**index) && !record.is_outside(**index);
    let expected = visible.iter().filter(delivered).map(|index| {
        let (resource_type, id) = record.name(*index);
        format!("{resource_type}/{id}")
    });
    prop_assert_eq!(read, expected.collect());
    Ok(())
}

fn compare(one: &[(String, Given)], other: &[(String, Given)]) -> Result<(), TestCaseError> {
    prop_assert_eq!(one.len(), other.len(), "the worlds differ in their number of pages");
    for ((what, one), (_, other)) in one.iter().zip(other) {
        prop_assert_eq!((&one.body, one.ending), (&other.body, other.ending), "{}", what);
    }
    Ok(())
}

fn any_record() -> impl Strategy<Value = Record> {
    proptest::collection::vec(any_thing(), THINGS).prop_map(Record)
}

fn any_sizes() -> impl Strategy<Value = Sizes> {
    let sizes = || (1_usize..6, prop::sample::select(vec![1_usize, 3, 100, 100_000]));
    (sizes(), sizes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Invariant 11: twin worlds give the same bytes.
    #[test]
    fn hidden_data_and_data_that_never_was_give_the_same_bytes(record in any_record(), sizes in any_sizes()) {
        let _turn = one_at_a_time();
        same_bytes(&record, sizes)?;
    }
}

const SIZES: Sizes = ((3, 100), (2, 7));

/// A panel of a panel of a result that is hidden.
fn panels_of_panels() -> Record {
    let observation = |restricted, references: &[(usize, usize)]| Thing {
        kind: 0,
        restricted,
        tells: false,
        whose: Whose::Own,
        contained: Contained::Nothing,
        treatment: None,
        references: references.to_vec(),
    };
    let plain = || observation(false, &[]);
    let chain = [observation(false, &[(1, 0)]), observation(false, &[(2, 0)]), observation(true, &[])];
    Record(chain.into_iter().chain([(); THINGS - 3].map(|()| plain())).collect())
}

#[test]
fn a_panel_of_a_panel_of_what_is_hidden_leaves_no_trace() {
    let _turn = one_at_a_time();
    assert_eq!(panels_of_panels().visible().len(), THINGS - 3);
    same_bytes(&panels_of_panels(), SIZES).unwrap();
}

#[cfg(feature = "faults")]
#[test]
fn every_planted_fault_is_noticed() {
    use proptest::test_runner::{Config, TestRunner};

    use crate::view::faults::{Fault, plant};

    let _turn = one_at_a_time();
    for fault in Fault::ALL {
        plant(Some(fault));
        let config = Config { cases: 300, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
        // A chain of three is seldom met by chance.
        let is_noticed = same_bytes(&panels_of_panels(), SIZES).is_err()
            || TestRunner::new(config)
                .run(&(any_record(), any_sizes()), |(record, sizes)| same_bytes(&record, sizes))
                .is_err();
        plant(None);
        assert!(is_noticed, "{} went unnoticed", fault.name());
    }
}
