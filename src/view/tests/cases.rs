//! Cases as files: what hides a resource or a part of it, each with a twin that differs in that alone and is visible.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::upstream::Upstream;
use super::{Given, ask_in, coded, labels, one_at_a_time, straight, surroundings, telling};
use crate::consent::Plan;
use crate::view::{FreeText, Narrative, Surroundings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows.
    what: String,
    /// `straight`, `labels` where restricted resources are hidden, `telling` where what tells of HIV is visible alone, or `coded`
    /// where one medicine is.
    plans: Vec<PlanName>,
    /// What is asked.
    query: String,
    /// What the setting says of narratives; none are passed on where it says nothing.
    #[serde(default)]
    narrative: NarrativeName,
    /// What the setting says of free text; it is kept where it says nothing.
    #[serde(default)]
    free_text: FreeTextName,
    /// The reason that goes on record for what is hidden.
    #[serde(default)]
    ground: String,
    /// What else the upstream has.
    #[serde(default)]
    around: Vec<Box<RawValue>>,
    /// Each is hidden.
    #[serde(default)]
    hidden: Vec<Box<RawValue>>,
    /// Each is delivered without what is hidden, as if it had never been there.
    #[serde(default)]
    cut: Vec<Cut>,
    /// Each is visible.
    visible: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    given: Box<RawValue>,
    left: Box<RawValue>,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum NarrativeName {
    #[default]
    Drop,
    Keep,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum FreeTextName {
    #[default]
    Keep,
    Withhold,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum PlanName {
    Straight,
    Labels,
    Telling,
    Coded,
}

impl PlanName {
    fn plan(self) -> Plan {
        match self {
            Self::Straight => straight(),
            Self::Labels => labels(),
            Self::Telling => telling(),
            Self::Coded => coded(),
        }
    }
}

impl Case {
    fn ask(&self, upstream: &Upstream, plan: PlanName) -> Given {
        let narrative = match self.narrative {
            NarrativeName::Drop => Narrative::Drop,
            NarrativeName::Keep => Narrative::Keep,
        };
        let free_text = match self.free_text {
            FreeTextName::Keep => FreeText::Keep,
            FreeTextName::Withhold => FreeText::Withhold,
        };
        let surroundings = Surroundings { narrative, free_text, ..surroundings() };
        ask_in(upstream, plan.plan(), surroundings, &self.query, 0, 7).unwrap()
    }
}

fn run(file: &str, case: &Case) {
    let around = || case.around.iter().map(|one| one.get().to_owned());
    let reference = |resource: &str| {
        let value: serde_json::Value = serde_json::from_str(resource).unwrap();
        format!("{}/{}", value["resourceType"].as_str().unwrap(), value["id"].as_str().unwrap())
    };
    for plan in &case.plans {
        let without = case.ask(&Upstream::new(around(), 10), *plan);
        for hidden in &case.hidden {
            let upstream = Upstream::new(around().chain([hidden.get().to_owned()]), 10);
            let with = case.ask(&upstream, *plan);
            let place = format!("{file}: {}: {}", case.what, hidden.get());
            let reference = reference(hidden.get());
            assert_eq!(with.body, without.body, "{place}");
            let ground = with.report.withheld.iter().find(|(withheld, _)| *withheld == reference);
            assert_eq!(ground.map(|(_, ground)| ground.code()), Some(case.ground.as_str()), "{place}");
        }
        for Cut { given, left } in &case.cut {
            let world = |resource: &str| Upstream::new(around().chain([resource.to_owned()]), 10);
            let with = case.ask(&world(given.get()), *plan);
            let without = case.ask(&world(left.get()), *plan);
            let place = format!("{file}: {}: {}", case.what, given.get());
            assert_eq!(with.body, without.body, "{place}");
            assert!(with.body.contains(left.get()), "{place}: {}", with.body);
        }
        for visible in &case.visible {
            let upstream = Upstream::new(around().chain([visible.get().to_owned()]), 10);
            let with = case.ask(&upstream, *plan);
            let place = format!("{file}: {}: {}", case.what, visible.get());
            assert!(with.body.contains(visible.get()), "{place}: {}", with.body);
            assert!(with.report.released.contains(&reference(visible.get())), "{place}");
        }
    }
}

#[test]
fn each_hidden_case_leaves_no_trace_and_its_twin_is_delivered_as_it_is() {
    let _turn = one_at_a_time();
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/view");
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "cases are missing");
    for file in files {
        let name = file.display().to_string();
        let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).expect(&name);
        for case in &cases {
            let without = case.hidden.len() + case.cut.len();
            assert!(without > 0 && !case.visible.is_empty(), "{name}: a case has a twin");
            run(&name, case);
        }
    }
}
