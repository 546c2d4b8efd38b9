//! Codes of a provision: what is of a system that is ours must be known, what is of another matches nothing.

use std::borrow::Cow;
use std::sync::Arc;

use super::element::{Coding, coding, concept, list};
use super::{Form, Unreadable};
use crate::consent::class::Classes;
use crate::consent::code::Codes;
use crate::consent::purpose::Purpose;
use crate::consent::resource_type;
use crate::consent::rule::{Action, ActorRole, Element, LabelSet};
use crate::consent::source::Source;
use crate::json::Value;
use crate::label::{Confidentiality, Sensitivities};
use crate::profile::{LOINC, Sought, code_system};

/// Where canonical URLs stand as codes.
const URI: &str = "urn:ietf:rfc:3986";

/// Where media types stand as codes.
const MEDIA: &str = "urn:ietf:bcp:13";

fn is_system(coding: &Coding<'_>, names: &[&str]) -> bool {
    names.contains(&coding.system.as_ref())
}

pub(super) fn actor_role(codings: &[Coding<'_>]) -> Result<ActorRole, Unreadable> {
    let mut role = ActorRole::Strange;
    for coding in codings {
        let participation = [
            "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
            "http://hl7.org/fhir/v3/ParticipationType",
            "urn:oid:2.16.840.1.113883.5.90",
        ];
        if !is_system(coding, &participation) {
            continue;
        }
        let named = match coding.code.as_ref() {
            "IRCP" | "PRCP" => ActorRole::Recipient,
            "CST" => ActorRole::Custodian,
            _ => return Err(Unreadable::UnknownCode),
        };
        if role != ActorRole::Strange && role != named {
            return Err(Unreadable::IllFormed);
        }
        role = named;
    }
    Ok(role)
}

pub(super) fn actions(value: Value<'_>) -> Result<Element<Vec<Action>>, Unreadable> {
    if value.get("action").is_none() {
        return Ok(Element::Absent);
    }
    let mut actions = Vec::new();
    for item in list(value, "action")? {
        for coding in &spoken(item)? {
            let systems = ["http://terminology.hl7.org/CodeSystem/consentaction", "http://hl7.org/fhir/consentaction"];
            if is_system(coding, &systems) {
                actions.push(Action::of(&coding.code).ok_or(Unreadable::UnknownCode)?);
            }
        }
    }
    Ok(Element::Stated(actions))
}

/// Reads a concept that says something in codes: one in words alone may be any.
fn spoken(value: Value<'_>) -> Result<Vec<Coding<'_>>, Unreadable> {
    let codings = concept(value)?;
    if codings.is_empty() { Err(Unreadable::IllFormed) } else { Ok(codings) }
}

pub(super) fn purposes(value: Value<'_>) -> Result<Element<Vec<Purpose>>, Unreadable> {
    if value.get("purpose").is_none() {
        return Ok(Element::Absent);
    }
    let systems = [
        "http://terminology.hl7.org/CodeSystem/v3-ActReason",
        "http://hl7.org/fhir/v3/ActReason",
        "urn:oid:2.16.840.1.113883.5.8",
    ];
    let mut purposes = Vec::new();
    for item in list(value, "purpose")? {
        let coding = coding(item)?;
        if is_system(&coding, &systems) {
            purposes.push(Purpose::of(&coding.code).ok_or(Unreadable::UnknownCode)?);
        }
    }
    Ok(Element::Stated(purposes))
}

/// Reads a list of classes: types of resources, kinds of documents, media types, categories.
pub(super) fn classes(
    value: Value<'_>,
    name: &str,
    form: Form,
    source: &Source,
) -> Result<Element<Arc<Classes>>, Unreadable> {
    if value.get(name).is_none() {
        return Ok(Element::Absent);
    }
    let mut classes = Classes::default();
    for item in list(value, name)? {
        let coding = coding(item)?;
        match code_system(&coding.system) {
            "http://hl7.org/fhir/resource-types" | "http://hl7.org/fhir/fhir-types" => {
                let named = match form {
                    Form::R4 => resource_type::named(&coding.code),
                    Form::R5 => resource_type::named_in_r5(&coding.code),
                };
                classes.add_type(named.ok_or(Unreadable::UnknownCode)?);
            }
            LOINC => classes.add_document(&coding.code),
            MEDIA => classes.add_media(&coding.code),
            // A profile: whether a resource conforms to it is not judged.
            URI => return Err(Unreadable::NotJudged),
            _ => match source.categories().data(&coding.system, &coding.code) {
                Sought::Is(category) => classes.add_category(category),
                Sought::Unknown => return Err(Unreadable::UnknownCode),
                Sought::Foreign => {}
            },
        }
    }
    Ok(Element::Stated(Arc::new(classes)))
}

/// Reads `code`. A coding may name a value set, in the place of a code or in that of a system; one that is not known may hold
/// anything. It may name a category too.
pub(super) fn codes(value: Value<'_>, source: &Source) -> Result<Element<Arc<Codes>>, Unreadable> {
    if value.get("code").is_none() {
        return Ok(Element::Absent);
    }
    let known = |canonical: &str| source.value_sets().get(canonical).cloned().ok_or(Unreadable::ValueSet);
    let mut codes = Codes::default();
    for item in list(value, "code")? {
        for coding in &spoken(item)? {
            if coding.system == URI {
                codes.add_set(known(&coding.code)?);
            } else if coding.system.contains("/ValueSet/") || coding.system.contains(":value-set:") {
                let set = known(&coding.system)?;
                let systems: Vec<_> = set.systems_of(&coding.code).map(str::to_owned).collect();
                if systems.is_empty() {
                    return Err(Unreadable::UnknownCode);
                }
                systems.iter().for_each(|system| codes.add(system, &coding.code));
            } else {
                match source.categories().data(&coding.system, &coding.code) {
                    Sought::Is(category) => codes.add_category(category),
                    Sought::Unknown => return Err(Unreadable::UnknownCode),
                    Sought::Foreign => codes.add(&coding.system, &coding.code),
                }
            }
        }
    }
    Ok(Element::Stated(Arc::new(codes)))
}

pub(super) fn labels(value: Value<'_>) -> Result<Element<LabelSet>, Unreadable> {
    if value.get("securityLabel").is_none() {
        return Ok(Element::Absent);
    }
    let mut labels = LabelSet::default();
    for item in list(value, "securityLabel")? {
        let coding = coding(item)?;
        let code: &Cow<'_, str> = &coding.code;
        if Confidentiality::is_system(&coding.system) {
            labels.add_level(Confidentiality::of(code).ok_or(Unreadable::UnknownCode)?);
        } else if Sensitivities::is_system(&coding.system) && !Sensitivities::is_handling(code) {
            labels.add(Sensitivities::of(code).ok_or(Unreadable::UnknownCode)?);
        }
    }
    Ok(Element::Stated(labels))
}
