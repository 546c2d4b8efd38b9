//! Part: one patient of an invented world, what is on file about them, and who asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::chance::Chance;
use super::kinds::{Kind, Role};
use super::plan::Plan;
use super::seen::Seen;
use super::thing::{Around, Inside, NOWHERE, Thing, To, Whose};
use crate::record::Record;
use crate::trouble::Trouble;

/// The person whom nobody asks about.
pub(super) const OTHER: &str = "nobody-asks";
const OTHER_WORDS: &str = "kanarie-nobody-z";

/// How many things a patient has, their own record aside.
const FEWEST: usize = 14;
const MOST: usize = 26;

/// One patient.
#[derive(Debug)]
pub struct Part {
    pub(super) number: usize,
    pub(super) plan: Plan,
    pub(super) things: Vec<Thing>,
    /// How many Patient records the person has.
    pub(super) records: usize,
    pub(super) bsn: String,
    caller: &'static str,
}

impl Part {
    /// Makes the patient of that number, with any plan where none is given; `opt_out` says whether nothing on file is a yes.
    pub(super) fn of(
        number: usize,
        plan: Option<Plan>,
        opt_out: bool,
        kinds: &[Arc<Kind>],
        chance: &mut Chance,
    ) -> Self {
        let many = FEWEST + chance.below(MOST - FEWEST);
        let mut chosen: Vec<Arc<Kind>> = kinds.iter().take(1).cloned().collect();
        let rest: Vec<&Arc<Kind>> = kinds.iter().skip(1).collect();
        // A few types that have much to do with each other, rather than one of each.
        let favourites: Vec<usize> = (0..4).map(|_| chance.below(rest.len())).collect();
        for place in 0..many {
            let at = match (place, chance.below(4)) {
                // So that a world has every type.
                (..7, _) => (number * 7 + place) % rest.len().max(1),
                (_, 0) => 0,
                (_, 1 | 2) => chance.one(&favourites).copied().unwrap_or_default(),
                (_, _) => chance.below(rest.len()),
            };
            chosen.extend(rest.get(at).map(|kind| Arc::clone(kind)));
        }
        let records = if chance.once_in(3) { 2 } else { 1 };
        let made = chosen.iter().enumerate().map(|(at, kind)| Thing::of(at, Arc::clone(kind), records, chance));
        let mut things: Vec<Thing> = made.collect();
        for thing in &mut things {
            thing.link(&chosen, chance);
        }
        let plan = plan.unwrap_or_else(|| Plan::any(&things, opt_out, chance));
        if plan == Plan::Straight {
            // Without a plan references into another's record are not looked up: that is not promised.
            let others: BTreeSet<usize> =
                things.iter().filter(|thing| thing.whose == Whose::Others).map(|thing| thing.number).collect();
            let is_others = |to: To| matches!(to, To::Thing(number) if others.contains(&number));
            things.iter_mut().for_each(|thing| thing.links.retain(|link| !is_others(link.to)));
        }
        let caller = match chance.below(5) {
            0 => "apotheker",
            1 => "internist-oost",
            _ => "huisarts-brug",
        };
        Self { number, plan, things, records, bsn: bsn(number), caller }
    }

    /// Takes out all that is nobody's to see.
    pub(super) fn open(&mut self) {
        for thing in &mut self.things {
            if thing.whose == Whose::Others {
                thing.whose = Whose::Own(0);
            }
            thing.links.retain(|link| !matches!(link.to, To::OtherPerson | To::Privacy));
            let is_about_others = |inside: &Inside| matches!(inside, Inside::Consent | Inside::RelatedPerson);
            thing.inside.iter_mut().filter(|one| is_about_others(one)).for_each(|one| *one = Inside::Device);
        }
    }

    /// Returns the name of the certificate of who asks.
    #[must_use]
    pub fn caller(&self) -> &'static str {
        self.caller
    }

    /// Returns the id of the person's first Patient record.
    #[must_use]
    pub fn patient(&self) -> String {
        format!("p{}", self.number)
    }

    /// Returns `Type/id` of a thing.
    pub(super) fn reference(&self, thing: &Thing) -> String {
        match thing.kind.role {
            Role::Patient => format!("Patient/{}", self.patient()),
            Role::Clinical | Role::Supporting => format!("{}/k{}-{:02}", thing.kind.name, self.number, thing.number),
        }
    }

    /// Returns everything of this patient, for a server with that base URL.
    ///
    /// # Errors
    /// Never: each has a type and an id.
    pub(super) fn records(&self, base: &str) -> Result<Vec<Record>, Trouble> {
        let around = Written { part: self, base };
        let patient = format!("Patient/{}", self.patient());
        let number =
            format!(r#","identifier":[{{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"{}"}}]}}"#, self.bsn);
        let mut texts = Vec::new();
        for thing in &self.things {
            let text = thing.text(&around);
            if thing.kind.role != Role::Patient {
                texts.push(text);
                continue;
            }
            let numbered = format!("{}{number}", text.strip_suffix('}').unwrap_or(&text));
            if self.records == 2 {
                let (id, second) = (format!(r#""id":"{}""#, self.patient()), format!(r#""id":"{}b""#, self.patient()));
                texts.push(numbered.replacen(&id, &second, 1));
            }
            texts.push(numbered);
        }
        texts.extend(self.plan.consent(self.number, &patient, &|number| {
            self.things.iter().find(|thing| thing.number == number).map(|thing| self.reference(thing))
        }));
        texts.iter().map(|text| Record::read(text)).collect()
    }

    /// Returns `Type/id` of what must leave no trace in any answer to this caller.
    pub(super) fn hidden(&self) -> BTreeSet<String> {
        let seen = Seen::of(self);
        let hidden = self.things.iter().filter(|thing| !seen.is_visible(thing)).map(|thing| self.reference(thing));
        let mut hidden: BTreeSet<String> = hidden.collect();
        if self.plan == Plan::Nothing && self.records == 2 {
            hidden.insert(format!("Patient/{}b", self.patient()));
        }
        hidden
    }

    /// Returns the texts that may stand in no answer to this caller: words of what is hidden, its ids, every narrative, what
    /// is decided by.
    pub(super) fn canaries(&self) -> BTreeSet<String> {
        let seen = Seen::of(self);
        let mut canaries = BTreeSet::from([privacy(self.number), privacy_words(self.number)]);
        canaries.extend([OTHER, OTHER_WORDS].map(str::to_owned));
        if self.plan != Plan::Straight {
            canaries.extend(NOWHERE.map(str::to_owned));
        }
        for thing in &self.things {
            canaries.insert(narrative(self.number, thing.number));
            let lost = (0..thing.inside.len()).filter(|place| seen.loses_inside(thing, *place));
            canaries.extend(lost.map(|place| words(self.number, thing.number, Some(place))));
            if !seen.is_visible(thing) {
                canaries.insert(words(self.number, thing.number, None));
                let reference = self.reference(thing);
                canaries.extend(reference.split('/').nth(1).map(str::to_owned));
            }
        }
        canaries
    }

    /// Returns the texts that stand in this patient's record alone.
    pub(super) fn marks(&self) -> BTreeSet<String> {
        let mut marks = self.canaries();
        marks.retain(|mark| mark != OTHER && mark != OTHER_WORDS && !NOWHERE.contains(&mark.as_str()));
        marks.extend(self.things.iter().map(|thing| words(self.number, thing.number, None)));
        marks.extend(self.things.iter().filter_map(|thing| self.reference(thing).split('/').nth(1).map(str::to_owned)));
        marks
    }

    /// Returns every resource of the patient with what is made of it, for a reader.
    #[must_use]
    pub fn told(&self) -> String {
        let (seen, around) = (Seen::of(self), Written { part: self, base: "http://upstream/fhir" });
        let mut told = format!("{} asks about {} under {:?}\n", self.caller, self.patient(), self.plan);
        for thing in &self.things {
            let sight = if seen.is_visible(thing) { "visible" } else { "hidden" };
            told.push_str(&format!("{sight}: {}\n", thing.text(&around)));
        }
        told
    }
}

struct Written<'a> {
    part: &'a Part,
    base: &'a str,
}

impl Around for Written<'_> {
    fn address(&self, to: To) -> (String, String) {
        let number = self.part.number;
        match to {
            To::Thing(at) => match self.part.things.get(at) {
                Some(thing) => (self.part.reference(thing), words(number, at, None)),
                None => (String::new(), String::new()),
            },
            To::Person => (format!("Patient/{}", self.part.patient()), words(number, 0, None)),
            To::OtherPerson => (format!("Patient/{OTHER}"), OTHER_WORDS.to_owned()),
            To::Privacy => (format!("Consent/{}", privacy(number)), privacy_words(number)),
            To::Inside(_) | To::Identifier | To::Elsewhere | To::Display => (String::new(), String::new()),
        }
    }

    fn words(&self, number: usize, inside: Option<usize>) -> String {
        words(self.part.number, number, inside)
    }

    fn narrative(&self, number: usize) -> String {
        narrative(self.part.number, number)
    }

    fn id(&self, thing: &Thing) -> String {
        self.part.reference(thing).split('/').nth(1).unwrap_or_default().to_owned()
    }

    fn base(&self) -> &str {
        self.base
    }
}

fn words(part: usize, thing: usize, inside: Option<usize>) -> String {
    let inside = inside.map(|place| format!("-in{place}")).unwrap_or_default();
    format!("kanarie-{part}-{thing}{inside}-z")
}

fn narrative(part: usize, thing: usize) -> String {
    format!("verhaal-{part}-{thing}-z")
}

/// The id of the Consent that is decided by.
pub(super) fn privacy(part: usize) -> String {
    format!("toestemming-{part}-z")
}

/// Words that stand in it.
pub(super) fn privacy_words(part: usize) -> String {
    format!("kanarie-toestemming-{part}-z")
}

/// Returns the person whom nobody asks about.
///
/// # Errors
/// Never: it has a type and an id.
pub(super) fn other() -> Result<Record, Trouble> {
    Record::read(&format!(r#"{{"resourceType":"Patient","id":"{OTHER}","name":[{{"text":"{OTHER_WORDS}"}}]}}"#))
}

/// A number that begins with 9999 and passes the eleven test, another for each patient.
fn bsn(part: usize) -> String {
    let is_number = |number: &usize| {
        let digits: Vec<usize> = number.to_string().bytes().map(|digit| usize::from(digit - b'0')).collect();
        let weighed: usize = digits.iter().zip((2..=9).rev()).map(|(digit, weight)| digit * weight).sum();
        digits.last().is_some_and(|last| weighed % 11 == *last)
    };
    (999_970_000..999_980_000).filter(is_number).nth(part).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_pass_the_eleven_test() {
        assert_eq!(bsn(0).len(), 9);
        let sum = |text: &str| -> i32 {
            let digits: Vec<i32> = text.bytes().map(|digit| i32::from(digit - b'0')).collect();
            digits.iter().zip([9, 8, 7, 6, 5, 4, 3, 2, -1]).map(|(digit, weight)| digit * weight).sum()
        };
        for part in 0..8 {
            assert!(bsn(part).starts_with("9999") && sum(&bsn(part)) % 11 == 0, "{}", bsn(part));
        }
        assert_ne!(bsn(0), bsn(1));
    }
}
