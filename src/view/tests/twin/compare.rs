//! Compare: one record in both worlds, asked the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::ask::{Answered, Scene, questions, walk};
use super::chance::Chance;
use super::kinds::included_through;
use super::model::{Everything, Plan, Seen};
use super::record::Record;
use crate::view::tests::document::broken;
use crate::view::tests::upstream::{BASE, Upstream};
use crate::view::{Ending, Narrative};

/// A record, who asks about it under what plan, and what they ask.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) record: Record,
    pub(super) scene: Scene,
    pub(super) questions: Vec<String>,
}

/// What was wrong, and with which question.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) question: String,
    pub(super) what: String,
}

impl Case {
    pub(super) fn of(seed: u64, many: usize) -> Self {
        let mut chance = Chance::of(seed);
        let record = Record::of(&mut chance);
        let scene = Scene::of(&record, &mut chance);
        let questions = questions(&record, many, &mut chance);
        Self { record, scene, questions }
    }

    /// Asks in both worlds; returns how many answers were compared.
    pub(super) fn check(&self) -> Result<usize, Wrong> {
        let Self { record, scene, questions } = self;
        let seen = Seen::of(record, scene.plan, scene.narrative, scene.free_text);
        let plan = scene.decided(record);
        let [(page, chunk), (other_page, other_chunk)] = scene.sizes;
        let whole = record.things.iter().map(|thing| record.text(thing, &Everything(&seen)));
        let whole = Upstream::new(whole, page).unordered();
        let left: Vec<_> =
            record.things.iter().filter(|one| seen.is_visible(one)).map(|one| record.text(one, &seen)).collect();
        let expected = left.iter().map(|text| (reference(text), released(text, scene))).collect();
        let left = Upstream::new(left, other_page).unordered();
        let mut compared = 0;
        for question in questions {
            let one = walk(&whole, scene, &plan, question, chunk);
            let other = walk(&left, scene, &plan, question, other_chunk);
            let wrong = |what| Wrong { question: question.clone(), what };
            same(&one, &other).map_err(wrong)?;
            for given in one.iter().flatten() {
                is_faithful(question, &given.body, given.ending, &expected, scene).map_err(wrong)?;
            }
            if let ([Ok(given)], false) = (one.as_slice(), question.contains(['?', '$'])) {
                let delivered = record.things.iter().find(|thing| {
                    *question == format!("{}/{}", thing.kind.name, thing.id()) && seen.is_delivered(thing, scene.asker)
                });
                if delivered.is_some() != (given.ending == Ending::Resource) {
                    return Err(wrong(format!("read {:?}: the model says otherwise", given.ending)));
                }
            }
            compared += one.len();
        }
        Ok(compared)
    }

    /// Returns everything a reader needs to see what is wrong.
    pub(super) fn story(&self) -> String {
        let seen = Seen::of(&self.record, self.scene.plan, self.scene.narrative, self.scene.free_text);
        let mut story = format!("{:?}\n", self.scene);
        for thing in &self.record.things {
            let is_visible = if seen.is_visible(thing) { "visible" } else { "hidden" };
            story += &format!("{is_visible}: {}\n", self.record.text(thing, &Everything(&seen)));
            if seen.is_visible(thing) {
                story += &format!("    left: {}\n", self.record.text(thing, &seen));
            }
        }
        story
    }
}

/// Law 1.
fn same(one: &[Answered], other: &[Answered]) -> Result<(), String> {
    for (place, (one, other)) in one.iter().zip(other).enumerate() {
        let is_same = match (one, other) {
            (Ok(one), Ok(other)) => (&one.body, one.ending) == (&other.body, other.ending),
            (Err(one), Err(other)) => one == other,
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        if !is_same {
            return Err(format!("page {place}: {}\nand: {}", told(one), told(other)));
        }
        if let Ok(given) = one
            && given.body.contains("CANARY")
        {
            return Err(format!("page {place} holds a canary: {}", given.body));
        }
    }
    if one.len() != other.len() {
        return Err(format!("{} and {} pages", one.len(), other.len()));
    }
    Ok(())
}

fn told(answered: &Answered) -> String {
    match answered {
        Ok(given) => format!("{:?} {} {:?}", given.ending, given.body, given.report.withheld),
        Err(error) => error.clone(),
    }
}

/// Law 2: what is released is what the server said.
fn is_faithful(
    question: &str,
    body: &str,
    ending: Ending,
    expected: &BTreeMap<String, String>,
    scene: &Scene,
) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Bundle {
        #[serde(default)]
        entry: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        resource: Box<RawValue>,
        search: Option<Value>,
    }
    let marks = ["REDACTED", "suppressed"].map(|mark| body.matches(mark).count());
    let is_searchset = matches!(ending, Ending::Searchset { .. });
    let is_bundle = is_searchset || ending == Ending::Resource && question.ends_with("$summary");
    let expected_marks = match (is_bundle && scene.is_noticed(), is_searchset) {
        (false, _) => [0, 0],
        (true, true) => [1, 1],
        (true, false) => [1, 0],
    };
    if marks != expected_marks {
        return Err(format!("{marks:?} notices: {body}"));
    }
    let released: Vec<String> = match ending {
        Ending::NotVisible => Vec::new(),
        Ending::Resource => vec![body.to_owned()],
        Ending::Searchset { .. } => {
            let Bundle { mut entry } = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
            let is = |entry: &Entry, mode: &str| entry.search.as_ref().is_some_and(|search| search["mode"] == mode);
            entry.retain(|entry| !is(entry, "outcome"));
            let (includes, matches): (Vec<_>, Vec<_>) = entry.iter().partition(|entry| is(entry, "include"));
            let texts = |entries: &[&Entry]| -> Vec<String> {
                entries.iter().map(|entry| entry.resource.get().to_owned()).collect()
            };
            let is_whole = ["$everything", "_elements=", "_summary="].iter().all(|part| !question.contains(part));
            if is_whole {
                are_reached(question, &texts(&matches), &texts(&includes))?;
            }
            texts(&entry.iter().collect::<Vec<_>>())
        }
    };
    let keeps_narrative = scene.narrative == Narrative::Keep && scene.plan == Plan::Straight;
    if question.ends_with("$summary") {
        if ending == Ending::Resource && !keeps_narrative {
            let document = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
            let rules = broken(&document);
            return if rules.is_empty() { Ok(()) } else { Err(format!("{rules:?}: {body}")) };
        }
        return Ok(());
    }
    let is_part = ["_elements=", "_summary=true", "_summary=data"].iter().any(|part| question.contains(part));
    for text in released.into_iter().filter(|_| !is_part) {
        match expected.get(&reference(&text)) {
            Some(expected) if *expected == text => {}
            expected => return Err(format!("released: {text}\nexpected: {expected:?}")),
        }
    }
    let is_clean = !body.contains("upstream") && !body.contains("alias");
    if !is_clean || !keeps_narrative && body.contains("NARRATIVE") {
        return Err(format!("holds what no answer may hold: {body}"));
    }
    Ok(())
}

/// Each include is reached from a match through an element that was asked for, and they stand in order.
fn are_reached(question: &str, matches: &[String], includes: &[String]) -> Result<(), String> {
    let asked = question.split('&').filter_map(|part| part.strip_prefix("_include=")?.split_once(':'));
    let members: Vec<_> = asked.map(|(_, include)| included_through(include)).collect();
    let values: Vec<Value> = matches.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    let reached: Vec<String> =
        values.iter().flat_map(|value| members.iter().map(|member| value[*member].to_string())).collect();
    let references: Vec<_> = includes.iter().map(|text| reference(text)).collect();
    let is_among = |reached: &[String], one: &str| reached.iter().any(|text| text.contains(one));
    let (mut first, mut second): (Vec<String>, Vec<String>) =
        references.iter().cloned().partition(|one| is_among(&reached, one));
    // What an include brings comes behind those of the matches.
    let is_iterated = question.contains("_include:iterate=PractitionerRole:organization");
    let values: Vec<Value> = includes.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    let roles = values.iter().filter(|value| is_iterated && value["resourceType"] == "PractitionerRole");
    let further: Vec<String> = roles.map(|value| value["organization"].to_string()).collect();
    first.sort();
    second.sort();
    match second.iter().find(|one| !is_among(&further, one)) {
        Some(stray) => Err(format!("{stray} is included through no element of {members:?}")),
        None if references == [first.as_slice(), &second].concat() => Ok(()),
        None => Err(format!("includes stand in the order {references:?}")),
    }
}

/// What is released of a resource that holds nothing hidden.
fn released(text: &str, scene: &Scene) -> String {
    let text = text.replace(BASE, "https://gw/fhir").replace("http://alias/fhir", "https://gw/fhir");
    let keeps_narrative = scene.narrative == Narrative::Keep && scene.plan == Plan::Straight;
    match text.split_once(r#""text":{"status":"generated","div":"NARRATIVE plain"}"#) {
        // The comma behind it goes along.
        Some((before, behind)) if !keeps_narrative => {
            let (_, rest) = behind.split_once('"').unwrap();
            format!("{before}\"{rest}")
        }
        Some(_) | None => text,
    }
}

/// `Type/id`: these stand first in each resource.
fn reference(text: &str) -> String {
    let mut parts = text.split('"').skip(3);
    format!("{}/{}", parts.next().unwrap_or_default(), parts.nth(3).unwrap_or_default())
}
