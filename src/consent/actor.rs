//! Actor: comparing identifiers and organisations by what can be proven.

use super::asked::{Asked, Holder};
use super::likeness::Likeness;
use super::record::{Record, Referenced};
use super::rule::{Identifier, Who};
use crate::identity::{Ura, UziNumber};
use crate::json::Value;

pub(super) const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";
pub(super) const UZI_PERSON: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-pers";
pub(super) const UZI_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/uzi-nr-sys";
pub(super) const UZI_ROLE: &str = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode";
const AGB: &str = "http://fhir.nl/fhir/NamingSystem/agb-z";

/// Returns one name for a system of identifiers that has several (`domain/exchanges.md` 7).
pub(super) fn canonical(system: &str) -> &str {
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

/// Returns true if and only if identifiers of that system are those of persons.
pub(super) fn is_of_a_person(identifier: &Identifier) -> bool {
    canonical(&identifier.system) == UZI_PERSON
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
pub(super) fn compare<'i>(theirs: impl Iterator<Item = &'i Identifier>, known: &[(&str, &str)]) -> Likeness {
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

/// Compares identifiers as a resource has them with those of a record, system by system. Allocates nothing.
pub(super) fn compare_identifiers<'d>(
    theirs: impl Iterator<Item = Value<'d>> + Clone,
    known: &[Identifier],
) -> Likeness {
    let mut all = None;
    for (index, one) in known.iter().enumerate() {
        let system = canonical(&one.system);
        if known.iter().take(index).any(|earlier| canonical(&earlier.system) == system) {
            continue;
        }
        let here = theirs.clone().filter(|one| one.text_of("system").is_some_and(|of| canonical(&of) == system));
        let pairs = here.flat_map(|here| {
            let known = known.iter().filter(|one| canonical(&one.system) == system);
            known.map(move |known| match here.text_of("value") {
                Some(value) => same_value(system, &value, &known.value),
                None => Likeness::Unknown,
            })
        });
        if let Some(found) = pairs.reduce(Likeness::or) {
            all = Some(all.map_or(found, |before: Likeness| before.agreed(found)));
        }
    }
    all.unwrap_or(Likeness::Unknown)
}

/// Compares what a reference says itself and what is in its record; when they contradict each other, nothing is proven.
pub(super) fn compare_both(who: &Who, record: Option<&Record>, known: &[(&str, &str)]) -> Likeness {
    let stated = compare(who.identifier.iter(), known);
    stated.agreed(compare(record.iter().flat_map(|record| &record.identifiers), known))
}

/// Returns the identifiers that no certificate proves: numbers of the UZI register come from the certificate alone.
pub(super) fn unproven<'i>(
    identifiers: impl Iterator<Item = &'i Identifier>,
) -> impl Iterator<Item = (&'i str, &'i str)> {
    identifiers
        .map(|one| (canonical(&one.system), one.value.as_str()))
        .filter(|(system, _)| !matches!(*system, URA | UZI_PERSON | UZI_SYSTEM | UZI_ROLE))
}

/// An organisation to compare with: its records and identifiers, and the organisations it is part of.
pub(super) struct Side<'a> {
    references: Vec<&'a str>,
    known: Vec<(&'a str, &'a str)>,
    above: Vec<(&'a str, Option<&'a Record>)>,
}

impl<'a> Side<'a> {
    pub(super) fn caller(asked: &'a Asked<'_>) -> Self {
        let records = asked.records;
        let mut known = vec![(URA, asked.caller.ura().as_str())];
        known.extend(unproven(records.identifiers("Organization")));
        let references: Vec<_> = records.own("Organization").collect();
        let above = references.iter().flat_map(|own| records.ascend(own).skip(1));
        let above = above.map(|reference| (reference, records.referenced().get(reference))).collect();
        Self { references, known, above }
    }

    pub(super) fn holder(holder: &'a Holder) -> Self {
        let references = holder.references().iter().map(String::as_str).collect();
        Self { references, known: vec![(URA, holder.ura().as_str())], above: Vec::new() }
    }

    /// Compares an organisation: the same, a part of it or one it is part of (unproven, either way), or another.
    pub(super) fn likeness(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
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
