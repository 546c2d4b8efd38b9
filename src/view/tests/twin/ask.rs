//! Ask: the questions that are put to both worlds, and their answers, page by page.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::chance::Chance;
use super::kinds::{KINDS, Kind, Role};
use super::model::{Asker, Days, Plan};
use super::record::{Record, date};
use crate::consent;
use crate::identity;
use crate::profile::{Offer, shipped_exchanges};
use crate::query::{Query, RequestHead, classify};
use crate::view::tests::upstream::Upstream;
use crate::view::tests::{Given, drive, labels, letterhead, ruled, straight, surroundings};
use crate::view::{Answer, Ending, FreeText, Mode, Narrative, Surroundings};

/// Who asks under what plan, and what must not show.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) plan: Plan,
    pub(super) asker: Asker,
    pub(super) narrative: Narrative,
    pub(super) mode: Mode,
    pub(super) free_text: FreeText,
    /// For each world: the matches of an upstream page, and the bytes of a chunk.
    pub(super) sizes: [(usize, usize); 2],
}

/// One answer.
pub(super) type Answered = Result<Given, String>;

const WITHOUT: &[&str] = &["Condition", "Encounter", "Practitioner", "AllergyIntolerance"];
const ONLY: &[&str] = &["Observation", "MedicationRequest", "Encounter", "DiagnosticReport", "Procedure", "Specimen"];

impl Scene {
    pub(super) fn of(record: &Record, chance: &mut Chance) -> Self {
        let plan = match chance.below(10) {
            0 => Plan::Straight,
            1 => Plan::Without(WITHOUT),
            2 => Plan::Only(ONLY),
            3 => Plan::Instance(1 + chance.below(record.things.len() - 1)),
            4 => Plan::NotOf(Days::of(chance)),
            5 => Plan::OnlyOf(Days::of(chance)),
            _ => Plan::Labels,
        };
        let sizes = [(); 2].map(|()| (1 + chance.below(6), *chance.one(&[3, 64, 1000, 100_000])));
        Self {
            plan,
            asker: if chance.once_in(5) { Asker::Pharmacist } else { Asker::Doctor },
            narrative: if chance.once_in(4) { Narrative::Keep } else { Narrative::Drop },
            mode: if chance.once_in(3) { Mode::Notice } else { Mode::Silent },
            free_text: if chance.once_in(4) { FreeText::Withhold } else { FreeText::Keep },
            sizes,
        }
    }

    pub(super) fn surroundings(&self) -> Surroundings {
        static PHARMACIST: LazyLock<Offer> = LazyLock::new(|| {
            let exchanges: Vec<_> = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect();
            Offer::to(&exchanges, Some(&identity::Role::from_str("17.060").unwrap()))
        });
        let (narrative, free_text, mode) = (self.narrative, self.free_text, self.mode);
        let surroundings = Surroundings { narrative, free_text, mode, ..surroundings() };
        match self.asker {
            Asker::Doctor => surroundings,
            Asker::Pharmacist => Surroundings { offer: PHARMACIST.clone(), ..surroundings },
        }
    }

    /// Whether searchsets say that data may have been withheld: that follows from the plan, whatever is hidden.
    pub(super) fn is_noticed(&self) -> bool {
        self.mode == Mode::Notice && self.plan != Plan::Straight
    }

    /// The plan as the view gets it: decided from a Consent.
    pub(super) fn decided(&self, record: &Record) -> consent::Plan {
        let class = |kinds: &[&str]| {
            let coding = |kind| format!(r#"{{"system":"http://hl7.org/fhir/resource-types","code":"{kind}"}}"#);
            format!(r#""class":[{}]"#, kinds.iter().map(coding).collect::<Vec<_>>().join(","))
        };
        match self.plan {
            Plan::Straight => straight(),
            Plan::Labels => labels(),
            Plan::Without(kinds) => {
                decided(&format!(r#"{{"type":"permit","provision":[{{"type":"deny",{}}}]}}"#, class(kinds)), "ehds")
            }
            Plan::Only(kinds) => decided(&format!(r#"{{"type":"permit",{}}}"#, class(kinds)), "wabvpz"),
            Plan::NotOf(days) => {
                decided(&format!(r#"{{"type":"permit","provision":[{{"type":"deny",{}}}]}}"#, days.period()), "ehds")
            }
            Plan::OnlyOf(days) => decided(&format!(r#"{{"type":"permit",{}}}"#, days.period()), "wabvpz"),
            Plan::Instance(number) => {
                let reference = record
                    .find(number)
                    .map_or_else(|| "Condition/gone".to_owned(), |thing| format!("{}/{}", thing.kind.name, thing.id()));
                let data = format!(r#""data":[{{"meaning":"instance","reference":{{"reference":"{reference}"}}}}]"#);
                decided(&format!(r#"{{"type":"permit","provision":[{{"type":"deny",{data}}}]}}"#), "ehds")
            }
        }
    }
}

impl Days {
    fn of(chance: &mut Chance) -> Self {
        let (one, other) = (chance.below(9), chance.below(9));
        match chance.below(4) {
            0 => Self { from: Some(one), until: None },
            1 => Self { from: None, until: Some(one) },
            _ => Self { from: Some(one.min(other)), until: Some(one.max(other)) },
        }
    }

    fn period(self) -> String {
        let side = |name: &str, day: Option<usize>| day.map(|day| format!(r#""{name}":"{}""#, date(day)));
        let sides: Vec<_> = side("start", self.from).into_iter().chain(side("end", self.until)).collect();
        format!(r#""dataPeriod":{{{}}}"#, sides.join(","))
    }
}

/// A plan of one provision; each is decided once, for that takes longer than a question.
fn decided(provision: &str, policy: &'static str) -> consent::Plan {
    static PLANS: LazyLock<Mutex<HashMap<(String, &'static str), consent::Plan>>> = LazyLock::new(Mutex::default);
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    plans.entry((provision.to_owned(), policy)).or_insert_with(|| ruled(provision, policy)).clone()
}

/// What a caller may ask about a record.
pub(super) fn questions(record: &Record, many: usize, chance: &mut Chance) -> Vec<String> {
    let question = |_| match chance.below(40) {
        0 => "Patient/a/$summary".to_owned(),
        1 => everything(record, chance),
        2 | 3 => lastn(chance),
        number if number < 17 => read(record, chance),
        _ => search(record, chance),
    };
    (0..many).map(question).collect()
}

fn everything(record: &Record, chance: &mut Chance) -> String {
    match chance.below(3) {
        0 => format!("Patient/a/$everything?_type={}", chance.one(&record.things).kind.name),
        _ => format!("Patient/a/$everything?_count={}", 1 + chance.below(6)),
    }
}

fn lastn(chance: &mut Chance) -> String {
    let kind = chance.one(&["code=plain", "code=B24,plain", "code=none,plain", "code=plain&status=final"]);
    let include = chance.one(&["", "&_include=Observation:performer", "&_include=Observation:has-member"]);
    format!("Observation/$lastn?patient=a&{kind}&max={}{include}", 1 + chance.below(4))
}

fn read(record: &Record, chance: &mut Chance) -> String {
    let thing = chance.one(&record.things);
    let part = if chance.once_in(5) { any_part(chance, '?') } else { String::new() };
    match chance.below(8) {
        0 => format!("{}/gone{part}", thing.kind.name),
        _ => format!("{}/{}{part}", thing.kind.name, thing.id()),
    }
}

/// A part of each resource, instead of all of it.
fn any_part(chance: &mut Chance, sign: char) -> String {
    let parts = ["_elements=extension", "_elements=status,identifier", "_summary=true", "_summary=data"];
    format!("{sign}{}", chance.one(&parts))
}

fn search(record: &Record, chance: &mut Chance) -> String {
    let mut kind: &'static Kind = chance.one(&record.things).kind;
    if matches!(kind.role, Role::Supporting | Role::Unoffered) {
        kind = chance.one(KINDS);
    }
    let mut target = match kind.role {
        Role::Patient => format!("{}?_id=a", kind.name),
        Role::Medicinal | Role::Clinical | Role::Unoffered | Role::Supporting => {
            format!("{}?patient={}", kind.name, chance.one(&["a", "Patient%2Fa", "a2"]))
        }
    };
    let thing = chance.one(&record.things);
    if !kind.tokens.is_empty() && chance.once_in(4) {
        let name = *chance.one(kind.tokens);
        let value = match name {
            "status" => (*chance.one(kind.statuses)).to_owned(),
            "class" => "IMP".to_owned(),
            _ => (*chance.one(&["plain", "http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Ficd-10%7CB24", "B24,plain", "none"]))
                .to_owned(),
        };
        target += &format!("&{name}={value}");
    }
    if !kind.dates.is_empty() && chance.once_in(4) {
        let name = *chance.one(kind.dates);
        target += &format!("&{name}={}{}", chance.one(&["ge", "lt", "", "le"]), thing.date());
    }
    if chance.once_in(8) {
        target += &format!("&_lastUpdated={}{}", chance.one(&["ge", "lt"]), thing.date());
    }
    if kind.name != "Patient" && !kind.dates.is_empty() && chance.once_in(3) {
        let by_date = format!("{}{}", chance.one(&["", "-"]), kind.dates[0]);
        target += &format!("&_sort={}", chance.one(&[by_date.clone(), "-_id".to_owned(), format!("{by_date},-_id")]));
    }
    if chance.below(3) > 0 {
        target += &format!("&_count={}", chance.one(&["1", "2", "3", "4", "1", "2", "0"]));
    }
    match chance.below(10) {
        0 => target += "&_total=accurate",
        1 => target += "&_summary=count",
        2 => target += &any_part(chance, '&'),
        _ => {}
    }
    for include in kind.includes {
        if chance.once_in(3) {
            target += &format!("&_include={}:{include}", kind.name);
        }
    }
    if target.contains("_include=") && chance.once_in(2) {
        target += "&_include:iterate=PractitionerRole:organization";
    }
    target
}

/// Puts a question and follows its pages; nothing where this caller may not ask it.
pub(super) fn walk(
    upstream: &Upstream,
    scene: &Scene,
    plan: &consent::Plan,
    target: &str,
    chunk: usize,
) -> Vec<Answered> {
    let surroundings = scene.surroundings();
    let target = format!("/fhir/{target}");
    let head = RequestHead {
        method: "GET",
        target: &target,
        content_type: None,
        accept: None,
        prefer: None,
        method_override: false,
        body: b"",
    };
    let Ok(query) = classify(&head, "/fhir", &surroundings.offer) else { return Vec::new() };
    let mut answers = Vec::new();
    let mut skip = Some(0);
    while let Some(passed) = skip {
        let (plan, surroundings) = (plan.clone(), surroundings.clone());
        let mut answer = match query.clone() {
            Query::Search(search) => Answer::search(search, plan, surroundings, passed),
            Query::Read(read) => Answer::read(read, plan, surroundings),
            Query::Summary(summary) => Answer::summary(summary, letterhead(), plan, surroundings),
            Query::Everything(everything) => Answer::everything(everything, plan, surroundings, passed),
            Query::LastN(lastn) => Answer::lastn(lastn, plan, surroundings),
            Query::Metadata => return answers,
        };
        let given = drive(upstream, &mut answer, chunk).map_err(|error| format!("{error:?}"));
        skip = match &given {
            Ok(Given { ending: Ending::Searchset { next_skip }, .. }) => *next_skip,
            Ok(_) | Err(_) => None,
        };
        answers.push(given);
    }
    answers
}
