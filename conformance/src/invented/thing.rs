//! Thing: one invented resource, and how it is written.

use std::sync::Arc;

use super::chance::Chance;
use super::kinds::{Bond, Kind, Role, Slot};

const HIV: &str = r#"{"system":"http://hl7.org/fhir/sid/icd-10","code":"B24"}"#;
const PLAIN: &str = r#"{"system":"http://x.example/codes","code":"plain"}"#;
/// No known problems, no known allergies.
const NO_PROBLEM: &str = r#"{"system":"http://snomed.info/sct","code":"160245001"}"#;
const NO_ALLERGY: &str = r#"{"system":"http://snomed.info/sct","code":"716186003"}"#;
const TREATMENT: &str = "http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier";

/// One resource.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) number: usize,
    pub(super) kind: Arc<Kind>,
    pub(super) whose: Whose,
    pub(super) label: Option<&'static str>,
    pub(super) code: Code,
    pub(super) status: usize,
    /// The day of the month that it is of.
    pub(super) day: usize,
    /// An Observation with a value does not only gather others.
    pub(super) valued: bool,
    /// The pharmaceutical treatment it is a building block of.
    pub(super) treatment: Option<usize>,
    pub(super) inside: Vec<Inside>,
    pub(super) links: Vec<Link>,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The person's, by the first or the second of their Patient records.
    Own(usize),
    /// Of a person whom nobody asks about.
    Others,
}

/// What its code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Plain,
    Hiv,
    /// That there is none of it.
    Absent,
}

/// A resource inside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Device,
    /// One whose code tells of HIV.
    Observation,
    /// One about sharing data.
    Consent,
    /// Somebody around another person.
    RelatedPerson,
}

/// A reference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) place: Place,
    pub(super) to: To,
    pub(super) has_display: bool,
}

/// Where a reference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a slot of its kind, by number.
    Slot(usize),
    Extension,
    /// In an extension inside an extension.
    Nested,
    /// In an extension of a primitive.
    Primitive,
    /// As the address that an extension has for its value, below the server's own base or relative to it.
    Address,
    Modifier,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The thing of that number.
    Thing(usize),
    Person,
    OtherPerson,
    /// What is decided by.
    Privacy,
    /// What is contained, by number.
    Inside(usize),
    Identifier,
    /// A resource of another server.
    Elsewhere,
    Display,
}

/// What stands in a reference that leads nowhere here: with a plan it goes.
pub(super) const NOWHERE: [&str; 2] = ["logisch-z", "elders-z"];

/// What stands around a thing while it is written.
pub(super) trait Around {
    /// Returns `Type/id` of what a reference leads to, and its words.
    fn address(&self, to: To) -> (String, String);
    /// Returns the words of a thing, or of what it contains.
    fn words(&self, number: usize, inside: Option<usize>) -> String;
    /// Returns the words of its narrative.
    fn narrative(&self, number: usize) -> String;
    fn id(&self, thing: &Thing) -> String;
    /// Returns the base URL of the server.
    fn base(&self) -> &str;
}

impl Thing {
    pub(super) fn of(number: usize, kind: Arc<Kind>, records: usize, chance: &mut Chance) -> Self {
        let is_patient = kind.role == Role::Patient;
        let is_own = kind.role != Role::Clinical || !chance.once_in(10);
        let whose = if is_own { Whose::Own(chance.below(records)) } else { Whose::Others };
        let code = match chance.below(10) {
            0 | 1 => Code::Hiv,
            2 if kind.name == "AllergyIntolerance" || kind.name == "Condition" => Code::Absent,
            _ => Code::Plain,
        };
        let inside = if !is_patient && chance.once_in(3) { 1 + chance.below(2) } else { 0 };
        let kinds = [Inside::Device, Inside::Observation, Inside::Consent, Inside::RelatedPerson];
        let inside: Vec<Inside> = (0..inside).filter_map(|_| chance.one(&kinds).copied()).collect();
        Self {
            number,
            whose,
            label: chance.one(&[Some("R"), Some("N"), Some("N"), None, None, None]).copied().flatten(),
            code,
            status: chance.below(4),
            day: chance.below(9),
            valued: kind.name == "Observation" && chance.once_in(3),
            treatment: (kind.treatment && chance.once_in(2)).then(|| chance.below(2)),
            links: (0..inside.len()).map(|place| Link::plain(Place::Extension, To::Inside(place))).collect(),
            inside,
            kind,
        }
        .unlabelled_if(is_patient)
    }

    /// The person's own record is never labelled here.
    fn unlabelled_if(self, is_patient: bool) -> Self {
        if is_patient { Self { label: None, ..self } } else { self }
    }

    /// Adds references to the things of `kinds`, by number, and to others.
    pub(super) fn link(&mut self, kinds: &[Arc<Kind>], chance: &mut Chance) {
        let kind = Arc::clone(&self.kind);
        for (number, slot) in kind.slot.iter().enumerate() {
            let times = match slot.bond {
                Bond::Required => 1,
                Bond::Gathers => chance.below(4),
                Bond::Loose => usize::from(chance.once_in(3)),
            };
            for _ in 0..if slot.list { times } else { times.min(1) } {
                self.links.extend(self.any_in(number, slot, kinds, chance));
            }
        }
        for _ in 0..chance.below(3) {
            let place = match chance.below(9) {
                0 | 1 => Place::Nested,
                2 => Place::Primitive,
                3 | 4 => Place::Address,
                5 if chance.once_in(3) && kind.role == Role::Clinical => Place::Modifier,
                _ => Place::Extension,
            };
            let to = match chance.below(9) {
                0 => To::OtherPerson,
                1 => To::Privacy,
                2 if place != Place::Address => To::Identifier,
                3 => To::Person,
                4 if place != Place::Address => To::Elsewhere,
                _ => To::Thing(chance.below(kinds.len())),
            };
            self.links.push(Link { place, to, has_display: chance.once_in(2) });
        }
    }

    fn any_in(&self, number: usize, slot: &Slot, kinds: &[Arc<Kind>], chance: &mut Chance) -> Option<Link> {
        let place = Place::Slot(number);
        let is_target = |(at, kind): &(usize, &Arc<Kind>)| *at != self.number && slot.targets.contains(&kind.name);
        let targets: Vec<usize> = kinds.iter().enumerate().filter(is_target).map(|(at, _)| at).collect();
        let has_display = chance.once_in(2);
        let odd = match chance.below(14) {
            0 if slot.people => Some(To::OtherPerson),
            1 => Some(To::Display),
            2 => Some(To::Identifier),
            _ => None,
        };
        let to = odd.or_else(|| chance.one(&targets).map(|at| To::Thing(*at)))?;
        Some(Link { place, to, has_display })
    }

    /// Returns true if and only if its medicine is another resource.
    pub(super) fn is_by_reference(&self) -> bool {
        self.links.iter().any(|link| self.slot(link).is_some_and(|slot| slot.member == "medicationReference"))
    }

    /// Returns the slot in which a reference of it stands.
    pub(super) fn slot(&self, link: &Link) -> Option<&Slot> {
        match link.place {
            Place::Slot(number) => self.kind.slot.get(number),
            Place::Extension | Place::Nested | Place::Primitive | Place::Address | Place::Modifier => None,
        }
    }

    fn coding(&self) -> &'static str {
        match self.code {
            Code::Plain => PLAIN,
            Code::Hiv => HIV,
            Code::Absent if self.kind.name == "Condition" => NO_PROBLEM,
            Code::Absent => NO_ALLERGY,
        }
    }

    /// Returns the resource as it is put on a server.
    pub(super) fn text(&self, around: &impl Around) -> String {
        let kind = &self.kind;
        let words = around.words(self.number, None);
        let mut members = vec![format!(r#""resourceType":"{}","id":"{}""#, kind.name, around.id(self))];
        if let Some(label) = self.label {
            let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
            members.push(format!(r#""meta":{{"security":[{{"system":"{system}","code":"{label}"}}]}}"#));
        }
        let narrative = around.narrative(self.number);
        members.push(format!(
            r#""text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{narrative}</div>"}}"#
        ));
        let inside: Vec<String> =
            (0..).zip(&self.inside).map(|(place, one)| self.contained(place, *one, around)).collect();
        members.extend(list("contained", &inside));
        let at = |place: Place| self.links.iter().filter(move |link| link.place == place);
        let written = |link: &Link| extension(&reference(link, around));
        let mut extensions: Vec<String> = at(Place::Extension).map(written).collect();
        let nested = |link| format!(r#"{{"url":"http://x.example/f","extension":[{}]}}"#, written(link));
        extensions.extend(at(Place::Nested).map(nested));
        extensions.extend(at(Place::Address).map(|link| {
            let (address, _) = around.address(link.to);
            let base = if link.has_display { format!("{}/", around.base()) } else { String::new() };
            format!(r#"{{"url":"http://x.example/u","valueUri":"{base}{address}"}}"#)
        }));
        extensions.extend(self.treatment.map(|treatment| {
            let value = format!(r#"{{"system":"http://x.example/mbh","value":"{treatment}"}}"#);
            format!(r#"{{"url":"{TREATMENT}","valueIdentifier":{value}}}"#)
        }));
        members.extend(list("extension", &extensions));
        members.extend(list("modifierExtension", &at(Place::Modifier).map(written).collect::<Vec<_>>()));
        members.push(r#""language":"nl""#.to_owned());
        let inner = list("extension", &at(Place::Primitive).map(written).collect::<Vec<_>>());
        members.extend(inner.map(|inner| format!(r#""_language":{{{inner}}}"#)));
        members.extend(self.own(&words, around));
        for (number, slot) in kind.slot.iter().enumerate() {
            let items = at(Place::Slot(number)).map(|link| slot.item.replace('@', &reference(link, around)));
            let items: Vec<String> = items.collect();
            match items.first() {
                Some(_) if slot.list => members.extend(list(&slot.member, &items)),
                Some(item) => members.push(format!(r#""{}":{item}"#, slot.member)),
                None => {}
            }
        }
        let identifier = format!(r#"{{"system":"http://x.example/y","value":"{words}"}}"#);
        members.push(match (kind.name.as_str(), kind.role) {
            ("Composition", _) => format!(r#""identifier":{identifier}"#),
            // A person is known by a number that only they have; the caller of this adds it.
            (_, Role::Patient) => format!(r#""name":[{{"text":"{words}"}}]"#),
            _ => format!(r#""identifier":[{identifier}]"#),
        });
        format!("{{{}}}", members.join(","))
    }

    /// Members that have no reference in them but to whose it is.
    fn own(&self, words: &str, around: &impl Around) -> Vec<String> {
        let kind = &self.kind;
        let mut own = Vec::new();
        if !kind.subject.is_empty() {
            let (patient, _) = around.address(match self.whose {
                Whose::Own(_) => To::Person,
                Whose::Others => To::OtherPerson,
            });
            let patient = match self.whose {
                Whose::Own(1) => format!("{patient}b"),
                Whose::Own(_) | Whose::Others => patient,
            };
            own.push(kind.subject.replace('@', &format!(r#"{{"reference":"{patient}"}}"#)));
        }
        let status = kind.statuses.get(self.status % kind.statuses.len().max(1));
        own.extend(status.map(|status| format!(r#""status":"{status}""#)));
        if !kind.dated.is_empty() {
            own.push(kind.dated.replace('%', &date(self.day)));
        }
        if !kind.coded.is_empty() && !self.is_by_reference() {
            own.push(kind.coded.replace('$', self.coding()).replace('~', words));
        }
        if !kind.more.is_empty() {
            own.push(kind.more.replace('~', words));
        }
        if self.valued {
            own.push(r#""valueQuantity":{"value":1.50}"#.to_owned());
        }
        own
    }

    fn contained(&self, place: usize, inside: Inside, around: &impl Around) -> String {
        let words = around.words(self.number, Some(place));
        let (other, _) = around.address(To::OtherPerson);
        let scope =
            r#"{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]}"#;
        let rest = match inside {
            Inside::Device => format!(r#""distinctIdentifier":"{words}""#),
            Inside::Observation => format!(r#""status":"final","code":{{"coding":[{HIV}],"text":"{words}"}}"#),
            Inside::Consent => format!(r#""status":"active","scope":{scope},"category":[{{"text":"{words}"}}]"#),
            Inside::RelatedPerson => format!(r#""patient":{{"reference":"{other}"}},"name":[{{"text":"{words}"}}]"#),
        };
        format!(r#"{{"resourceType":"{}","id":"c{place}",{rest}}}"#, inside.name())
    }
}

impl Link {
    fn plain(place: Place, to: To) -> Self {
        Self { place, to, has_display: false }
    }
}

impl Inside {
    /// Returns its type.
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }
}

/// A day of the month of the records.
pub(super) fn date(day: usize) -> String {
    format!("2026-01-{:02}", day + 1)
}

fn reference(link: &Link, around: &impl Around) -> String {
    let (address, words) = around.address(link.to);
    match link.to {
        To::Identifier => {
            let [value, _] = NOWHERE;
            format!(r#"{{"identifier":{{"system":"http://x.example/y","value":"{value}"}},"display":"{value}"}}"#)
        }
        To::Elsewhere => {
            let [_, id] = NOWHERE;
            format!(r#"{{"reference":"http://elsewhere.example/fhir/Condition/{id}"}}"#)
        }
        To::Display => r#"{"display":"words"}"#.to_owned(),
        To::Inside(place) => format!(r##"{{"reference":"#c{place}"}}"##),
        To::Thing(_) | To::Person | To::OtherPerson | To::Privacy => {
            let display = if link.has_display { format!(r#","display":"{words}""#) } else { String::new() };
            format!(r#"{{"reference":"{address}"{display}}}"#)
        }
    }
}

fn extension(reference: &str) -> String {
    format!(r#"{{"url":"http://x.example/e","valueReference":{reference}}}"#)
}

fn list(member: &str, items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| format!(r#""{member}":[{}]"#, items.join(",")))
}
