//! Comparing an actor of a rule with who asks and whose data it is, by what can be proven.
//!
//! The answer has three values: an actor that cannot be resolved or compared may be meant. A deny then matches, a permit does
//! not (consent.md 1.5, point 5).

use std::cell::Cell;

use time::OffsetDateTime;

use super::asked::{Asked, Holder};
use super::caller_records::{CallerRecords, kind_of};
use super::record::{Member, Record, Referenced};
use super::rule::{Actor, ActorRole, Effect, Identifier, Who};
use super::window::Window;
use crate::identity::{CardType, Ura, UziNumber};
use crate::limits::{ACTOR_COMPARISONS, ACTOR_DEPTH};

/// Whether an actor is the one it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// Proven to be.
    Is,
    /// Proven to be another.
    IsNot,
    /// Neither is proven.
    Unknown,
}

impl Likeness {
    /// Returns the likeness to somebody who is this and that.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::IsNot, _) | (_, Self::IsNot) => Self::IsNot,
            (Self::Is, Self::Is) => Self::Is,
            (_, _) => Self::Unknown,
        }
    }

    /// Returns the likeness to somebody who is this or that.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Is, _) | (_, Self::Is) => Self::Is,
            (Self::IsNot, Self::IsNot) => Self::IsNot,
            (_, _) => Self::Unknown,
        }
    }

    /// Takes back a proof that rests on something doubtful.
    fn doubted_if(self, doubtful: bool) -> Self {
        if doubtful && self == Self::Is { Self::Unknown } else { self }
    }
}

const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";
const UZI_PERSON: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers";
const UZI_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-sys";
const UZI_ROLE: &str = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode";
const AGB: &str = "http://fhir.nl/fhir/NamingSystem/agb-z";

/// Returns one name for a system of identifiers that has several (`domain/exchanges.md` 7).
fn canonical(system: &str) -> &str {
    match system.trim_end_matches('/') {
        URA | "urn:oid:2.16.528.1.1007.3.3" => URA,
        UZI_PERSON | "http://fhir.nl/fhir/NamingSystem/uzi" | "urn:oid:2.16.528.1.1007.3.1" => UZI_PERSON,
        UZI_SYSTEM | "urn:oid:2.16.528.1.1007.3.2" => UZI_SYSTEM,
        UZI_ROLE | "urn:oid:2.16.840.1.113883.2.4.15.111" => UZI_ROLE,
        AGB | "http://fhir.nl/fhir/NamingSystem/agb" | "urn:oid:2.16.840.1.113883.2.4.6.1" => AGB,
        other => other,
    }
}

pub(super) fn is_role_system(system: &str) -> bool {
    canonical(system) == UZI_ROLE
}

pub(super) fn is_ura(identifier: &Identifier, ura: &Ura) -> bool {
    canonical(&identifier.system) == URA && same_value(URA, &identifier.value, ura.as_str()) == Likeness::Is
}

pub(super) fn is_uzi(identifier: &Identifier, uzi: &UziNumber) -> bool {
    canonical(&identifier.system) == UZI_PERSON
        && same_value(UZI_PERSON, &identifier.value, uzi.as_str()) == Likeness::Is
}

/// Compares two values of one system. Numbers of the UZI register are written with and without leading zeros; what is not a
/// number there cannot be compared.
fn same_value(system: &str, left: &str, right: &str) -> Likeness {
    let number = matches!(system, URA | UZI_PERSON | UZI_SYSTEM | AGB);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if number && !(is_number(left) && is_number(right)) {
        return Likeness::Unknown;
    }
    let same = if number { left.trim_start_matches('0') == right.trim_start_matches('0') } else { left == right };
    if same { Likeness::Is } else { Likeness::IsNot }
}

/// Compares the identifiers of a record with what is known of somebody, system by system. Systems that contradict each
/// other prove nothing, nor does having no system in common.
fn compare<'i>(theirs: impl Iterator<Item = &'i Identifier>, known: &[(&str, &str)]) -> Likeness {
    let (mut agree, mut differ) = (false, false);
    let theirs: Vec<_> = theirs.map(|one| (canonical(&one.system), one.value.as_str())).collect();
    // What is known is little; theirs is as long as its author likes.
    for (index, (system, _)) in known.iter().enumerate() {
        if known.iter().take(index).any(|(earlier, _)| earlier == system) {
            continue;
        }
        let values = known.iter().filter(|(of, _)| of == system).map(|(_, value)| *value);
        let here = theirs.iter().filter(|(of, _)| of == system).map(|(_, value)| *value);
        let pairs = here.flat_map(|here| values.clone().map(move |there| same_value(system, here, there)));
        match pairs.reduce(Likeness::or) {
            Some(Likeness::Is) => agree = true,
            Some(Likeness::IsNot) => differ = true,
            Some(Likeness::Unknown) | None => {}
        }
    }
    match (agree, differ) {
        (true, false) => Likeness::Is,
        (false, true) => Likeness::IsNot,
        (true, true) | (false, false) => Likeness::Unknown,
    }
}

/// Compares what a reference says itself and what is in its record; when they contradict each other, nothing is proven.
fn compare_both(who: &Who, record: Option<&Record>, known: &[(&str, &str)]) -> Likeness {
    let stated = compare(who.identifier.iter(), known);
    let found = compare(record.iter().flat_map(|record| &record.identifiers), known);
    match (stated, found) {
        (Likeness::Unknown, one) | (one, Likeness::Unknown) => one,
        (Likeness::Is, Likeness::Is) => Likeness::Is,
        (Likeness::IsNot, Likeness::IsNot) => Likeness::IsNot,
        (Likeness::Is, Likeness::IsNot) | (Likeness::IsNot, Likeness::Is) => Likeness::Unknown,
    }
}

/// Returns the identifiers that no certificate proves: numbers of the UZI register come from the certificate alone.
fn unproven<'i>(identifiers: impl Iterator<Item = &'i Identifier>) -> impl Iterator<Item = (&'i str, &'i str)> {
    identifiers
        .map(|one| (canonical(&one.system), one.value.as_str()))
        .filter(|(system, _)| !matches!(*system, URA | UZI_PERSON | UZI_SYSTEM | UZI_ROLE))
}

/// An organisation to compare with: its records and identifiers, and the organisations it is part of.
struct Side<'a> {
    references: Vec<&'a str>,
    known: Vec<(&'a str, &'a str)>,
    above: Vec<(&'a str, Option<&'a Record>)>,
}

impl<'a> Side<'a> {
    fn caller(asked: &'a Asked<'_>) -> Self {
        let records = asked.records;
        let mut known = vec![(URA, asked.caller.ura().as_str())];
        known.extend(unproven(records.identifiers("Organization")));
        let references: Vec<_> = records.own("Organization").collect();
        let above = references.iter().flat_map(|own| records.ascend(own).skip(1));
        let above = above.map(|reference| (reference, records.referenced().get(reference))).collect();
        Self { references, known, above }
    }

    fn holder(holder: &'a Holder) -> Self {
        let references = holder.references().iter().map(String::as_str).collect();
        Self { references, known: vec![(URA, holder.ura().as_str())], above: Vec::new() }
    }

    /// Compares an organisation: the same, a part of it or one it is part of (unproven, either way), or another.
    fn likeness(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        let Some(depth) = depth.checked_sub(1) else { return Likeness::Unknown };
        let reference = who.reference.as_deref();
        if reference.is_some_and(|reference| self.references.contains(&reference)) {
            return Likeness::Is;
        }
        if reference.is_some_and(|reference| self.above.iter().any(|(above, _)| *above == reference)) {
            return Likeness::Unknown;
        }
        let record = reference.and_then(|reference| referenced.get(reference));
        let identifiers = || who.identifier.iter().chain(record.iter().flat_map(|record| &record.identifiers));
        let by_number = compare_both(who, record, &self.known);
        if by_number == Likeness::Is {
            return by_number.doubted_if(record.is_some_and(|record| record.doubtful));
        }
        let is_above = |record: &&Record| {
            let known: Vec<_> =
                record.identifiers.iter().map(|one| (canonical(&one.system), one.value.as_str())).collect();
            compare(identifiers(), &known) == Likeness::Is
        };
        if self.above.iter().filter_map(|(_, record)| record.as_ref()).any(is_above) {
            return Likeness::Unknown;
        }
        let part_of = record.and_then(|record| record.part_of.as_ref());
        if part_of.is_some_and(|part_of| self.likeness(part_of, referenced, depth) != Likeness::IsNot) {
            return Likeness::Unknown;
        }
        // Another record is another organisation, when both are known as far up as they go.
        let all_known = self.above.iter().all(|(_, record)| record.is_some());
        if by_number == Likeness::IsNot || (record.is_some() && !self.references.is_empty() && all_known) {
            Likeness::IsNot
        } else {
            Likeness::Unknown
        }
    }
}

/// Who asks and whose data it is, ready to be compared with actors.
pub(super) struct Parties<'a> {
    asked: &'a Asked<'a>,
    caller: Side<'a>,
    holder: Side<'a>,
    now: OffsetDateTime,
    /// Comparisons that may still be made: teams of teams grow faster than any Consent.
    left: Cell<usize>,
}

impl<'a> Parties<'a> {
    pub(super) fn of(asked: &'a Asked<'a>, now: OffsetDateTime) -> Self {
        let left = Cell::new(ACTOR_COMPARISONS);
        Self { asked, caller: Side::caller(asked), holder: Side::holder(asked.holder), now, left }
    }

    /// Returns true if and only if a rule of that effect with these actors is about who asks and whose data it is.
    ///
    /// A deny matches when any actor may be meant. A permit that names both custodians and recipients needs one proven of
    /// each: naming whose data it is does not make everybody a recipient.
    pub(super) fn match_actors(&self, actors: &[Actor], effect: Effect, referenced: &Referenced) -> bool {
        let likeness = |actor: &Actor| match actor.role {
            ActorRole::Recipient => self.recipient(&actor.who, referenced, ACTOR_DEPTH),
            ActorRole::Custodian => self.custodian(&actor.who, referenced),
            ActorRole::Strange => Likeness::Unknown,
        };
        match effect {
            Effect::Deny => actors.iter().any(|actor| likeness(actor) != Likeness::IsNot),
            Effect::Permit => {
                let (custodians, recipients): (Vec<_>, Vec<_>) =
                    actors.iter().partition(|actor| actor.role == ActorRole::Custodian);
                let proven =
                    |group: &[&Actor]| group.is_empty() || group.iter().any(|one| likeness(one) == Likeness::Is);
                !actors.is_empty() && proven(&custodians) && proven(&recipients)
            }
        }
    }

    /// Returns the likeness of an organisation to the holder.
    pub(super) fn custodian(&self, who: &Who, referenced: &Referenced) -> Likeness {
        match kind(who, referenced) {
            "Organization" | "" => self.holder.likeness(who, referenced, ACTOR_DEPTH),
            _ => Likeness::Unknown,
        }
    }

    fn recipient(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), self.left.get().checked_sub(1)) else {
            return Likeness::Unknown;
        };
        self.left.set(left);
        match kind(who, referenced) {
            "Organization" => self.caller.likeness(who, referenced, ACTOR_DEPTH),
            "Practitioner" => self.person(who, referenced),
            "PractitionerRole" => self.practitioner_role(who, referenced, depth),
            "Group" | "CareTeam" => self.team(who, referenced, depth),
            "Device" => self.device(who, referenced),
            "" => self.identified(who, referenced),
            _ => Likeness::Unknown,
        }
    }

    fn records(&self) -> &'a CallerRecords {
        self.asked.records
    }

    fn is_own(&self, who: &Who, kind: &str) -> bool {
        self.records().own(kind).any(|own| who.reference.as_deref() == Some(own))
    }

    /// A system or a function proves no person, so it may be anybody's.
    fn person(&self, who: &Who, referenced: &Referenced) -> Likeness {
        let Some(uzi) = self.asked.caller.person() else { return Likeness::Unknown };
        if self.is_own(who, "Practitioner") {
            return Likeness::Is;
        }
        let record = who.reference.as_deref().and_then(|reference| referenced.get(reference));
        let mut known = vec![(UZI_PERSON, uzi.as_str())];
        known.extend(unproven(self.records().identifiers("Practitioner")));
        match compare_both(who, record, &known) {
            Likeness::Is => Likeness::Is.doubted_if(record.is_some_and(|record| record.doubtful)),
            Likeness::IsNot => Likeness::IsNot,
            Likeness::Unknown if record.is_some() && self.records().own("Practitioner").next().is_some() => {
                Likeness::IsNot
            }
            Likeness::Unknown => Likeness::Unknown,
        }
    }

    /// Each part that is stated must hold; a role that the caller has not proven is not held against it.
    fn practitioner_role(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        if self.asked.caller.person().is_some() && self.is_own(who, "PractitionerRole") {
            return Likeness::Is;
        }
        let Some(record) = who.reference.as_deref().and_then(|reference| referenced.get(reference)) else {
            return Likeness::Unknown;
        };
        let mut likeness = Likeness::Is.doubted_if(record.doubtful || self.is_over(record.period));
        if let Some(practitioner) = &record.practitioner {
            likeness = likeness.and(self.recipient(practitioner, referenced, depth));
        }
        if let Some(organization) = &record.organization {
            likeness = likeness.and(self.recipient(organization, referenced, depth));
        }
        let role = self.asked.caller.role();
        let role_proven = record.roles.uzi.iter().any(|code| role.is_some_and(|role| role.is_within(code)));
        let unproven = !record.roles.uzi.is_empty() && !role_proven;
        let incomparable = record.roles.others && record.practitioner.is_none() && !role_proven;
        let nobody = record.practitioner.is_none() && record.organization.is_none();
        likeness.doubted_if(unproven || incomparable || nobody)
    }

    fn team(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        let Some(record) = who.reference.as_deref().and_then(|reference| referenced.get(reference)) else {
            return Likeness::Unknown;
        };
        let member = |member: &Member| {
            let own = self.recipient(&member.who, referenced, depth);
            let own =
                member.on_behalf_of.iter().fold(own, |own, behalf| own.and(self.recipient(behalf, referenced, depth)));
            own.doubted_if(member.doubtful || self.is_over(member.period))
        };
        let doubtful = record.doubtful || self.is_over(record.period);
        let found = record.members.iter().map(member).reduce(Likeness::or).unwrap_or(Likeness::Unknown);
        // Who is no member of a team that describes its members may be one by that description.
        if doubtful { Likeness::Unknown } else { found }
    }

    fn device(&self, who: &Who, referenced: &Referenced) -> Likeness {
        if self.is_own(who, "Device") {
            return Likeness::Is;
        }
        let record = who.reference.as_deref().and_then(|reference| referenced.get(reference));
        match self.asked.caller.card_type() {
            CardType::System => compare_both(who, record, &[(UZI_SYSTEM, self.asked.caller.uzi().as_str())]),
            CardType::Professional | CardType::Employee | CardType::Function => Likeness::Unknown,
        }
    }

    /// Compares an actor that is named by a business identifier alone.
    fn identified(&self, who: &Who, referenced: &Referenced) -> Likeness {
        let Some(identifier) = &who.identifier else { return Likeness::Unknown };
        match canonical(&identifier.system) {
            URA => self.caller.likeness(who, referenced, ACTOR_DEPTH),
            UZI_PERSON => self.person(who, referenced),
            UZI_SYSTEM => self.device(who, referenced),
            UZI_ROLE => match self.asked.caller.role() {
                Some(role) if role.is_within(&identifier.value) => Likeness::Is,
                Some(_) => Likeness::IsNot,
                None => Likeness::Unknown,
            },
            _ => {
                let organization = unproven(self.records().identifiers("Organization"));
                let person = unproven(self.records().identifiers("Practitioner"));
                compare(std::iter::once(identifier), &organization.chain(person).collect::<Vec<_>>())
            }
        }
    }

    fn is_over(&self, period: Option<Window>) -> bool {
        period.is_some_and(|period| !period.holds(self.now))
    }
}

/// Returns the type of record that is meant, empty when only an identifier is given. What is contained says its type only
/// in its record.
fn kind<'w>(who: &'w Who, referenced: &'w Referenced) -> &'w str {
    let Some(reference) = who.reference.as_deref() else { return "" };
    match referenced.get(reference) {
        Some(record) => &record.kind,
        None if reference.contains('#') => "contained",
        None => kind_of(reference),
    }
}
