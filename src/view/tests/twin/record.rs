//! Record: what the upstream of one world has, made from a seed, and how it is written.

use super::chance::Chance;
use super::kinds::{Bond, KINDS, Kind, Role, Slot};
use crate::view::tests::upstream::BASE;

const HIV: &str = r#"{"system":"http://hl7.org/fhir/sid/icd-10","code":"B24"}"#;

/// The most resources of one record.
const THINGS: usize = 14;

/// One resource.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) number: usize,
    pub(super) kind: &'static Kind,
    pub(super) whose: Whose,
    pub(super) label: Option<&'static str>,
    pub(super) code: Code,
    /// What `status` says, by number.
    pub(super) status: usize,
    pub(super) day: usize,
    /// A profile has it, where profiles make a difference within its type; of Consents, it is a directive.
    pub(super) belongs: bool,
    /// An Observation with a value does not only gather others.
    pub(super) valued: bool,
    pub(super) has_narrative: bool,
    /// It has a note, if its kind may.
    pub(super) has_note: bool,
    /// The pharmaceutical treatment it is a building block of.
    pub(super) treatment: Option<usize>,
    /// It has a member that FHIR does not define.
    pub(super) is_foreign: bool,
    /// It cannot be read: a member stands in it twice.
    pub(super) is_broken: bool,
    pub(super) contained: Vec<Contained>,
    pub(super) links: Vec<Link>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The person's, by the first or the second of their Patient records.
    Own(&'static str),
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

/// A resource inside another; its id is its place.
#[derive(Debug, Clone)]
pub(super) struct Contained {
    pub(super) what: Inside,
    pub(super) label: Option<&'static str>,
    /// In an extension, or, where it is something that cannot be without one, there.
    pub(super) link: Option<(To, Spelling)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Device,
    /// Cannot be without what it refers to.
    DeviceUseStatement,
    /// One about sharing data.
    Consent,
    /// Somebody around another person.
    RelatedPerson,
    /// One whose code tells of HIV.
    Observation,
}

#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) place: Place,
    pub(super) to: To,
    pub(super) spelling: Spelling,
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
    /// As the address that an extension has for its value.
    Address,
    Modifier,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The thing of that number; it need not be there any more.
    Thing(usize),
    /// A resource of that type that never was.
    Never(&'static str),
    /// The person's own record.
    Person,
    OtherPerson,
    /// What is contained at that place.
    Contained(usize),
    /// On another server.
    Elsewhere,
    Urn,
    Identifier,
    Query,
    /// Only words.
    Display,
}

/// How a reference is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelling {
    pub(super) style: usize,
    pub(super) has_display: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) things: Vec<Thing>,
    /// What stands between members and items.
    pub(super) comma: &'static str,
}

/// What a world keeps of a record.
pub(super) trait Keeps {
    fn link(&self, from: &Thing, link: &Link) -> bool;
    fn contained(&self, of: &Thing, place: usize) -> bool;
    /// The reference inside a contained resource.
    fn inner(&self, of: &Thing, place: usize) -> bool;
    /// Whether the words tell of hidden things; a world where those never were has no such words.
    fn is_marked(&self, thing: &Thing) -> bool;
}

impl Record {
    pub(super) fn of(chance: &mut Chance) -> Self {
        let count = 4 + chance.below(THINGS - 3);
        let mut kinds: Vec<&'static Kind> = vec![&KINDS[0]];
        // A few types that have much to do with each other, rather than one of each.
        let favourites: Vec<usize> = (0..4).map(|_| chance.below(KINDS.len())).collect();
        while kinds.len() < count {
            let place = match chance.below(5) {
                0 => 1,
                1 | 2 => *chance.one(&favourites),
                _ => chance.below(KINDS.len()),
            };
            if place > 0 {
                kinds.push(&KINDS[place]);
            }
        }
        let mut things: Vec<Thing> = (0..count).map(|number| Thing::of(number, kinds[number], chance)).collect();
        for thing in &mut things {
            for _ in 0..chance.below(4) {
                thing.links.extend(thing.any_link(&kinds, chance));
            }
            for slot in 0..thing.kind.slots.len() {
                if thing.kind.slots[slot].bond == Bond::Required && !chance.once_in(12) {
                    thing.links.extend(thing.any_in(slot, &kinds, chance));
                }
            }
        }
        for thing in things.iter_mut().filter(|thing| !thing.kind.is_inherited() && thing.kind.role != Role::Patient) {
            thing.is_broken = chance.once_in(40);
        }
        Self { things, comma: *chance.one(&[",", ", ", " ,", " ,\n  "]) }
    }

    pub(super) fn find(&self, number: usize) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.number == number)
    }

    /// Returns the resource as it is written in a world.
    pub(super) fn text(&self, thing: &Thing, keeps: &impl Keeps) -> String {
        let kind = thing.kind;
        let words = if keeps.is_marked(thing) { "CANARY" } else { "plain" };
        let mut members = vec![format!(r#""resourceType":"{}","id":"{}""#, kind.name, thing.id())];
        members.push(meta(thing.label, &format!(r#""lastUpdated":"{}T00:00:00Z""#, thing.date())));
        if thing.has_narrative {
            members.push(format!(r#""text":{{"status":"generated","div":"NARRATIVE {words}"}}"#));
        }
        let inside: Vec<_> = (0..thing.contained.len())
            .filter(|place| keeps.contained(thing, *place))
            .map(|place| self.contained(thing, place, keeps.inner(thing, place)))
            .collect();
        members.extend(self.list("contained", &inside));
        let links =
            |place: Place| thing.links.iter().filter(move |link| link.place == place && keeps.link(thing, link));
        let extension = |link: &Link| extension(&self.reference(link.to, link.spelling));
        let mut extensions: Vec<_> = links(Place::Extension).map(extension).collect();
        extensions.extend(
            links(Place::Nested).map(|link| format!(r#"{{"url":"http://x/f","extension":[{}]}}"#, extension(link))),
        );
        extensions
            .extend(links(Place::Address).map(|link| {
                format!(r#"{{"url":"http://x/u","valueUri":"{}"}}"#, self.address(link.to, link.spelling))
            }));
        extensions.extend(thing.treatment.map(|treatment| {
            let url = "http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier";
            format!(r#"{{"url":"{url}","valueIdentifier":{{"system":"http://x/mbh","value":"{treatment}"}}}}"#)
        }));
        members.extend(self.list("extension", &extensions));
        let modifiers: Vec<_> = links(Place::Modifier).map(extension).collect();
        members.extend(self.list("modifierExtension", &modifiers));
        members.push(r#""language":"nl""#.to_owned());
        let inner: Vec<_> = links(Place::Primitive).map(extension).collect();
        members.extend(self.list("extension", &inner).map(|inner| format!(r#""_language":{{{inner}}}"#)));
        if let Some(subject) = thing.subject() {
            members.push(subject);
        }
        if let Some(status) = kind.statuses.get(thing.status % kind.statuses.len().max(1)) {
            members.push(format!(r#""status":"{status}""#));
        }
        members.extend(thing.extras());
        for (place, slot) in kind.slots.iter().enumerate() {
            members.extend(self.slot(thing, place, slot, keeps));
        }
        if thing.has_note && kind.takes_notes() {
            members.push(format!(r#""note":[{{"text":"{words}"}}]"#));
        }
        if thing.is_foreign {
            members.push(format!(r#""zebra":{{"b":1.50,"a":"{words}"}}"#));
        }
        members.push(format!(r#""implicitRules":"{BASE}/rules""#));
        let identifier = format!(r#"{{"system":"http://x/y","value":"{words}"}}"#);
        members.push(match kind.name {
            "Composition" => format!(r#""identifier":{identifier}"#),
            _ => format!(r#""identifier":[{identifier}]"#),
        });
        if thing.is_broken {
            members.push(r#""language":"nl""#.to_owned());
        }
        format!("{{{}}}", members.join(self.comma))
    }

    /// Writes the member of a slot with what a world keeps of it.
    fn slot(&self, thing: &Thing, place: usize, slot: &Slot, keeps: &impl Keeps) -> Option<String> {
        let mut items = Vec::new();
        for link in thing.links.iter().filter(|link| link.place == Place::Slot(place)) {
            if keeps.link(thing, link) {
                items.push(slot.item.replace('@', &self.reference(link.to, link.spelling)));
            } else if !slot.rest.is_empty() {
                items.push(slot.rest.to_owned());
            }
        }
        match (slot.is_list, items.first()) {
            (_, None) => None,
            (true, _) => self.list(slot.member, &items),
            (false, Some(item)) => Some(format!(r#""{}":{item}"#, slot.member)),
        }
    }

    fn list(&self, member: &str, items: &[String]) -> Option<String> {
        (!items.is_empty()).then(|| format!(r#""{member}":[{}]"#, items.join(self.comma)))
    }

    fn contained(&self, thing: &Thing, place: usize, has_link: bool) -> String {
        let Contained { what, label, link } = &thing.contained[place];
        let link = link.filter(|_| has_link).map(|(to, spelling)| self.reference(to, spelling));
        let rest = match what {
            Inside::Device => link.map(|link| format!(r#""extension":[{}]"#, extension(&link))),
            Inside::DeviceUseStatement => {
                let device = link.map(|link| format!(r#","device":{link}"#)).unwrap_or_default();
                Some(format!(r#""subject":{{"reference":"Patient/a"}}{device}"#))
            }
            Inside::Consent => Some(consent("patient-privacy")),
            Inside::RelatedPerson => {
                let link = link.map(|link| format!(r#""extension":[{}],"#, extension(&link))).unwrap_or_default();
                Some(format!(r#"{link}"patient":{{"reference":"Patient/b"}}"#))
            }
            Inside::Observation => Some(format!(r#""code":{{"coding":[{HIV}]}}"#)),
        };
        let mut members = vec![format!(r#""resourceType":"{}","id":"c{place}""#, what.name())];
        members.extend(label.map(|label| meta(Some(label), "")));
        members.extend(rest);
        format!("{{{}}}", members.join(self.comma))
    }

    /// Writes a reference.
    fn reference(&self, to: To, spelling: Spelling) -> String {
        match to {
            To::Identifier => r#"{"identifier":{"system":"http://x/y","value":"1"},"display":"logical"}"#.to_owned(),
            To::Display => r#"{"display":"words"}"#.to_owned(),
            To::Thing(_)
            | To::Never(_)
            | To::Person
            | To::OtherPerson
            | To::Contained(_)
            | To::Elsewhere
            | To::Urn
            | To::Query => {
                let display = if spelling.has_display { r#","display":"shown""# } else { "" };
                format!(r#"{{"reference":"{}"{display}}}"#, self.address(to, spelling))
            }
        }
    }

    /// Writes where a reference leads.
    fn address(&self, to: To, Spelling { style, has_display: _ }: Spelling) -> String {
        let written = |kind: &str, id: &str| match style {
            0 => format!("{kind}/{id}"),
            1 => format!("{kind}/{id}/_history/1"),
            2 => format!("{BASE}/{kind}/{id}"),
            3 => format!("http://alias/fhir/{kind}/{id}"),
            _ => format!(r"{kind}\/{id}"),
        };
        match to {
            To::Thing(number) => match self.find(number) {
                Some(thing) => written(thing.kind.name, &thing.id()),
                None => written("Condition", "gone"),
            },
            To::Never(kind) => written(kind, "never"),
            To::Person => written("Patient", "a"),
            To::OtherPerson => written("Patient", "b"),
            To::Contained(place) => format!("#c{place}"),
            To::Elsewhere => "http://elsewhere/fhir/Condition/1".to_owned(),
            To::Urn => "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0".to_owned(),
            To::Query => "Condition?identifier=1".to_owned(),
            To::Identifier | To::Display => String::new(),
        }
    }
}

impl Thing {
    fn of(number: usize, kind: &'static Kind, chance: &mut Chance) -> Self {
        let is_patient = kind.role == Role::Patient;
        let whose = match chance.below(10) {
            0 if !is_patient => Whose::Others,
            1 | 2 if !is_patient => Whose::Own("a2"),
            _ => Whose::Own("a"),
        };
        let code = match chance.below(10) {
            0 | 1 => Code::Hiv,
            2 if kind.name == "AllergyIntolerance" || kind.name == "Condition" => Code::Absent,
            _ => Code::Plain,
        };
        let contained = if !is_patient && chance.once_in(3) { 1 + chance.below(3) } else { 0 };
        let contained = (0..contained).map(|place| Contained::of(place, contained, chance)).collect();
        Self {
            number,
            kind,
            whose,
            label: if is_patient { None } else { *chance.one(&[Some("R"), Some("N"), Some("N"), None, None, None]) },
            code,
            status: chance.below(4),
            day: chance.below(9),
            belongs: !chance.once_in(4),
            valued: chance.once_in(3) && kind.name == "Observation",
            has_narrative: chance.once_in(2),
            has_note: chance.once_in(4),
            treatment: if kind.name.starts_with("Medication") && !kind.subject.is_empty() && chance.once_in(2) {
                Some(chance.below(2))
            } else {
                None
            },
            is_foreign: chance.once_in(25) && !is_patient,
            is_broken: false,
            contained,
            links: Vec::new(),
        }
    }

    /// A reference from anywhere in it to anything.
    fn any_link(&self, kinds: &[&'static Kind], chance: &mut Chance) -> Option<Link> {
        let place = match chance.below(14) {
            0 => Place::Extension,
            1 => Place::Nested,
            2 => Place::Primitive,
            4 => Place::Address,
            3 if chance.once_in(3) && self.kind.role != Role::Patient => Place::Modifier,
            _ if self.kind.slots.is_empty() => return None,
            _ => {
                let slot = chance.below(self.kind.slots.len());
                if self.is_full(slot) {
                    return None;
                }
                return self.any_in(slot, kinds, chance);
            }
        };
        let to = match chance.below(8) {
            0 if !self.contained.is_empty() && place != Place::Address => {
                To::Contained(chance.below(self.contained.len()))
            }
            1 if place != Place::Address => any_odd(chance, "Condition"),
            _ => To::Thing(chance.below(kinds.len())),
        };
        Some(Link { place, to, spelling: Spelling::of(chance) })
    }

    fn is_full(&self, slot: usize) -> bool {
        !self.kind.slots[slot].is_list && self.links.iter().any(|link| link.place == Place::Slot(slot))
    }

    /// A reference in a slot, to what belongs there.
    fn any_in(&self, slot: usize, kinds: &[&'static Kind], chance: &mut Chance) -> Option<Link> {
        if self.is_full(slot) {
            return None;
        }
        let targets = kinds.iter().enumerate().filter(|(_, kind)| self.kind.slots[slot].targets.contains(&kind.name));
        let targets: Vec<usize> = targets.map(|(number, _)| number).filter(|number| *number != self.number).collect();
        let odd = any_odd(chance, self.kind.slots[slot].targets[0]);
        let to = if targets.is_empty() || chance.once_in(8) { odd } else { To::Thing(*chance.one(&targets)) };
        Some(Link { place: Place::Slot(slot), to, spelling: Spelling::of(chance) })
    }

    pub(super) fn id(&self) -> String {
        match self.kind.role {
            Role::Patient => "a".to_owned(),
            Role::Medicinal | Role::Clinical | Role::Unoffered | Role::Supporting => format!("k{:02}", self.number),
        }
    }

    pub(super) fn is_supporting(&self) -> bool {
        self.kind.role == Role::Supporting
    }

    /// Whether it says something in words. A report has a conclusion.
    pub(super) fn has_words(&self) -> bool {
        self.has_note && self.kind.takes_notes() || self.kind.name == "DiagnosticReport"
    }

    fn subject(&self) -> Option<String> {
        let id = match self.whose {
            Whose::Own(id) => id,
            Whose::Others => "b",
        };
        let subject = self.kind.subject.replace('@', &format!(r#"{{"reference":"Patient/{id}"}}"#));
        // Who takes part in the care of whom is told by one member: what else stands in it is a slot of the kind.
        (!subject.is_empty()).then_some(subject)
    }

    pub(super) fn date(&self) -> String {
        date(self.day)
    }

    /// Members that have no reference in them.
    fn extras(&self) -> Vec<String> {
        let mut extras = Vec::new();
        if !self.kind.dated.is_empty() {
            extras.push(self.kind.dated.replace('@', &self.date()));
        }
        let is_medicine_by_reference = self.links.iter().any(|link| match link.place {
            Place::Slot(slot) => self.kind.slots[slot].member == "medicationReference",
            Place::Extension | Place::Nested | Place::Primitive | Place::Address | Place::Modifier => false,
        });
        if !self.kind.coded.is_empty() {
            let coded = match self.kind.name {
                _ if !is_medicine_by_reference => self.kind.coded,
                "MedicationDispense" => r#""type":{"coding":[@]}"#,
                _ => r#""reasonCode":[{"coding":[@]}]"#,
            };
            extras.push(coded.replace('@', self.coding()));
        }
        if let Some((inside, outside)) = self.kind.belongs {
            extras.push(if self.belongs { inside } else { outside }.to_owned());
        }
        match self.kind.name {
            "Observation" if self.valued => extras.push(r#""valueQuantity":{"value":1.50}"#.to_owned()),
            "Consent" => extras.push(consent(if self.belongs { "adr" } else { "patient-privacy" })),
            _ => {}
        }
        extras
    }

    fn coding(&self) -> &'static str {
        match self.code {
            Code::Plain => r#"{"system":"http://x/codes","code":"plain"}"#,
            Code::Hiv => HIV,
            Code::Absent if self.kind.name == "Condition" => {
                r#"{"system":"http://snomed.info/sct","code":"160245001"}"#
            }
            Code::Absent => r#"{"system":"http://snomed.info/sct","code":"716186003"}"#,
        }
    }
}

impl Inside {
    /// Its type.
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }
}

impl Contained {
    fn of(place: usize, count: usize, chance: &mut Chance) -> Self {
        let what = *chance.one(&[
            Inside::Device,
            Inside::Device,
            Inside::DeviceUseStatement,
            Inside::DeviceUseStatement,
            Inside::Consent,
            Inside::RelatedPerson,
            Inside::Observation,
        ]);
        let to = match chance.below(4) {
            0 | 1 if place + 1 < count => To::Contained(place + 1),
            2 => To::Identifier,
            _ => To::Thing(chance.below(THINGS)),
        };
        let is_linked = match what {
            Inside::Device => chance.once_in(2),
            Inside::DeviceUseStatement | Inside::RelatedPerson => true,
            Inside::Consent | Inside::Observation => false,
        };
        let label = *chance.one(&[None, None, None, Some("N"), Some("R")]);
        Self { what, label, link: is_linked.then(|| (to, Spelling::of(chance))) }
    }
}

impl Spelling {
    fn of(chance: &mut Chance) -> Self {
        Self { style: chance.below(5), has_display: chance.once_in(2) }
    }
}

fn any_odd(chance: &mut Chance, kind: &'static str) -> To {
    *chance.one(&[
        To::Never(kind),
        To::Person,
        To::OtherPerson,
        To::Elsewhere,
        To::Urn,
        To::Identifier,
        To::Query,
        To::Display,
    ])
}

/// A day of the month of the records.
pub(super) fn date(day: usize) -> String {
    format!("2026-01-{:02}", day + 1)
}

fn meta(label: Option<&'static str>, first: &str) -> String {
    let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
    let label = label.map(|code| format!(r#""security":[{{"system":"{system}","code":"{code}"}}]"#));
    let members: Vec<_> = [first.to_owned()].into_iter().chain(label).filter(|member| !member.is_empty()).collect();
    format!(r#""meta":{{{}}}"#, members.join(","))
}

fn extension(reference: &str) -> String {
    format!(r#"{{"url":"http://x/e","valueReference":{reference}}}"#)
}

fn consent(scope: &str) -> String {
    let system = "http://terminology.hl7.org/CodeSystem/consentscope";
    format!(
        r#""scope":{{"coding":[{{"system":"{system}","code":"{scope}"}}]}},"category":[{{"coding":[{{"system":"http://snomed.info/sct","code":"11341000146107"}}]}}]"#
    )
}
