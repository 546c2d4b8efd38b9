//! Ask: what is asked about an invented patient.

use serde_json::json;

use super::chance::Chance;
use super::kinds::Role;
use super::part::Part;
use super::thing::{Thing, date};
use crate::client::Question;

const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";

/// How much of each resource is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it, or a part, or a number.
    Anything,
    /// All of it.
    Whole,
}

/// Returns so many questions about a patient; `base` is the path of the gateway's base.
pub(super) fn questions(part: &Part, base: &str, many: usize, wanted: Wanted, chance: &mut Chance) -> Vec<Question> {
    let mut asking = Asking { part, base, wanted, chance };
    let made = (0..many).filter_map(|_| asking.question());
    made.map(|question| question.for_purpose("TREAT", None)).collect()
}

/// Returns the questions that show a fault of the view soonest: for everything, then for each type with all that it refers to.
pub(super) fn showing(part: &Part, base: &str) -> [Vec<Question>; 2] {
    let patient = part.patient();
    let asked = |target: String| Question::get(&format!("{base}/{target}")).for_purpose("TREAT", None);
    let everything = vec![asked(format!("Patient/{patient}/$everything?_count=50"))];
    let mut kinds: Vec<_> =
        part.things.iter().map(|thing| &thing.kind).filter(|kind| kind.role == Role::Clinical).collect();
    kinds.sort_by(|one, other| one.name.cmp(&other.name));
    kinds.dedup_by(|one, other| one.name == other.name);
    let searches = kinds.iter().map(|kind| {
        let name = &kind.name;
        let includes: String = kind.includes.iter().map(|include| format!("&_include={name}:{include}")).collect();
        asked(format!("{name}?patient={patient}&_count=2&_total=accurate{includes}"))
    });
    [everything, searches.collect()]
}

struct Asking<'a> {
    part: &'a Part,
    base: &'a str,
    wanted: Wanted,
    chance: &'a mut Chance,
}

impl Asking<'_> {
    fn question(&mut self) -> Option<Question> {
        let (base, patient) = (self.base, self.part.patient());
        match self.chance.below(40) {
            0 if self.wanted == Wanted::Anything => Some(Question::get(&format!("{base}/Patient/{patient}/$summary"))),
            1 => {
                let kind = self.thing()?.kind.name.clone();
                let rest = match self.chance.below(3) {
                    0 => format!("_type={kind}"),
                    _ => format!("_count={}", 2 + self.chance.below(7)),
                };
                Some(Question::get(&format!("{base}/Patient/{patient}/$everything?{rest}")))
            }
            2..14 => self.read(),
            14 => {
                let code = self.chance.text(&["plain", "B24", "http%3A%2F%2Fx.example%2Fcodes%7Cplain,B24"]);
                let max = 1 + self.chance.below(3);
                let asked = format!("{base}/Observation/$lastn?patient={patient}&code={code}&max={max}");
                Some(Question::get(&asked))
            }
            15 if self.wanted == Wanted::Anything => self.batch(),
            _ => self.search(),
        }
    }

    /// Some questions in one.
    fn batch(&mut self) -> Option<Question> {
        let mut entries = Vec::new();
        for _ in 0..=self.chance.below(4) {
            let question = if self.chance.once_in(2) { self.read() } else { self.search() };
            let question = question.filter(|question| question.form.is_none())?;
            let url = question.target.strip_prefix(self.base)?.trim_start_matches('/').to_owned();
            entries.push(json!({"request": {"method": "GET", "url": url}}));
        }
        let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": entries});
        Some(Question::post(self.base, &bundle.to_string()).with("Content-Type", "application/fhir+json"))
    }

    fn thing(&mut self) -> Option<Thing> {
        self.chance.one(&self.part.things).cloned()
    }

    /// A part of each resource, instead of all of it.
    fn any_part(&mut self, sign: char) -> String {
        let parts = ["_elements=extension", "_elements=status,identifier", "_summary=true", "_summary=data"];
        format!("{sign}{}", self.chance.text(&parts))
    }

    fn read(&mut self) -> Option<Question> {
        let thing = self.thing()?;
        let is_part = self.wanted == Wanted::Anything && self.chance.once_in(6);
        let rest = if is_part { self.any_part('?') } else { String::new() };
        let reference = match self.chance.below(10) {
            0 => format!("{}/never-used", thing.kind.name),
            _ => self.part.reference(&thing),
        };
        Some(Question::get(&format!("{}/{reference}{rest}", self.base)))
    }

    fn search(&mut self) -> Option<Question> {
        let mut kind = self.thing()?.kind;
        if kind.role == Role::Supporting {
            kind =
                self.chance.one(&self.part.things.iter().map(|thing| thing.kind.clone()).collect::<Vec<_>>())?.clone();
        }
        let (name, patient) = (kind.name.as_str(), self.part.patient());
        let mut criteria = Vec::new();
        if !kind.tokens.is_empty() && self.chance.once_in(4) {
            let token = self.chance.one(&kind.tokens)?.clone();
            let statuses: Vec<&str> = kind.statuses.iter().map(String::as_str).collect();
            let value = match token.as_str() {
                "status" => self.chance.text(&statuses),
                "class" => "IMP",
                _ => self.chance.text(&[
                    "plain",
                    "http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Ficd-10%7CB24",
                    "B24,plain",
                    "none",
                ]),
            };
            criteria.push(format!("{token}={value}"));
        }
        let dated = self.chance.one(&kind.dates).cloned();
        if let Some(parameter) = &dated
            && self.chance.once_in(4)
        {
            let day = date(self.chance.below(9));
            criteria.push(format!("{parameter}={}{day}", self.chance.text(&["ge", "lt", "", "le"])));
        }
        if let Some(parameter) = &dated
            && self.chance.once_in(3)
        {
            let by_date = format!("{}{parameter}", self.chance.text(&["", "-"]));
            criteria.push(format!("_sort={}", self.chance.text(&[&by_date, "-_id", &format!("{by_date},-_id")])));
        }
        if self.chance.below(3) > 0 {
            criteria.push(format!("_count={}", self.chance.text(&["1", "2", "3", "4", "2", "20"])));
        }
        if self.wanted == Wanted::Anything {
            match self.chance.below(10) {
                0 => criteria.push("_total=accurate".to_owned()),
                1 => criteria.push("_summary=count".to_owned()),
                2 => criteria.push(self.any_part('&').trim_start_matches('&').to_owned()),
                _ => {}
            }
        }
        for include in &kind.includes {
            if self.chance.once_in(3) {
                criteria.push(format!("_include={name}:{include}"));
            }
        }
        Some(self.way(name, &patient, criteria))
    }

    /// One of the ways to ask for what is a patient's.
    fn way(&mut self, kind: &str, patient: &str, mut criteria: Vec<String>) -> Question {
        let base = self.base;
        let number = format!("identifier={BSN}%7C{}", self.part.bsn);
        let whose = match (kind, self.chance.below(5)) {
            ("Patient", 0) => number,
            ("Patient", _) => format!("_id={patient}"),
            (_, 0) => {
                let rest = if criteria.is_empty() { String::new() } else { format!("?{}", criteria.join("&")) };
                return Question::get(&format!("{base}/Patient/{patient}/{kind}{rest}"));
            }
            (_, 1) => format!("patient.{number}"),
            (_, 2) => format!("patient=Patient%2F{patient}"),
            (_, _) => format!("patient={patient}"),
        };
        criteria.insert(0, whose);
        let criteria = criteria.join("&");
        match self.chance.below(6) {
            0 => Question::post(&format!("{base}/{kind}/_search"), &criteria),
            _ => Question::get(&format!("{base}/{kind}?{criteria}")),
        }
    }
}
