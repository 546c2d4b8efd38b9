//! Provisions, read into rules.

use std::borrow::Cow;

use super::Unreadable;
use super::element::{Coding, coding, concept, list, object, period, reference, string};
use crate::consent::purpose::Purpose;
use crate::consent::rule::{Action, Actor, ActorRole, Base, Effect, Element, LabelSet, Root, Rule};
use crate::consent::source::Source;
use crate::json::Value;
use crate::label::{Confidentiality, Sensitivities};
use crate::limits;

const MEMBERS: &[&str] =
    &["id", "extension", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "provision"];

/// Elements that are not judged.
const NOT_JUDGED: &[&str] = &["code", "dataPeriod", "data"];

/// Elements that make an outermost provision without a type an exception to the base.
const CONSTRAINTS: &[&str] = &["actor", "action", "securityLabel", "purpose", "class"];

/// Reads the outermost provision. Without a type it takes the base's, or, when it narrows something down, the opposite: it is
/// then itself an exception.
pub(super) fn root(value: Value<'_>, base: Base, source: &Source, container: &str) -> Result<Root, Unreadable> {
    let narrows = CONSTRAINTS.iter().any(|name| value.get(name).is_some());
    let untyped = match (base, narrows) {
        (Base::Silent, _) => None,
        (Base::Says(effect), false) => Some(effect),
        (Base::Says(effect), true) => Some(effect.opposite()),
    };
    let mut reader = Reader { source, container, read: 0 };
    let rule = reader.rule(value, untyped.unwrap_or(Effect::Deny), "provision".to_owned(), 1)?;
    let rule = Box::new(rule);
    if value.get("type").is_some() || untyped.is_some() { Ok(Root::Rule(rule)) } else { Ok(Root::Untyped(rule)) }
}

struct Reader<'s> {
    source: &'s Source,
    container: &'s str,
    read: usize,
}

impl Reader<'_> {
    fn rule(&mut self, value: Value<'_>, untyped: Effect, place: String, depth: usize) -> Result<Rule, Unreadable> {
        self.read += 1;
        if depth > limits::PROVISION_DEPTH || self.read > limits::PROVISIONS {
            return Err(Unreadable::Limit);
        }
        if value.members().any(|member| NOT_JUDGED.contains(&member.name)) {
            return Err(Unreadable::NotJudged);
        }
        object(value, MEMBERS, &[])?;
        let effect = match string(value, "type")?.as_deref() {
            Some("permit") => Effect::Permit,
            Some("deny") => Effect::Deny,
            Some(_) => return Err(Unreadable::UnknownCode),
            None => untyped,
        };
        let mut exceptions = Vec::new();
        for (index, inner) in list(value, "provision")?.enumerate() {
            let place = format!("{place}.provision[{index}]");
            exceptions.push(self.rule(inner, effect.opposite(), place, depth + 1)?);
        }
        Ok(Rule {
            effect,
            place,
            period: match value.get("period") {
                Some(value) => Element::Stated(period(value)?),
                None => Element::Absent,
            },
            actors: stated(value, "actor", |item| self.actor(item).map(Some))?,
            actions: action_codes(value)?,
            purposes: stated(value, "purpose", |item| purpose(&coding(item)?))?,
            classes: stated(value, "class", |item| class(&coding(item)?))?,
            labels: labels(value)?,
            exceptions,
        })
    }

    fn actor(&self, value: Value<'_>) -> Result<Actor, Unreadable> {
        object(value, &["id", "extension", "role", "reference"], &[])?;
        let role = actor_role(&concept(value.get("role").ok_or(Unreadable::IllFormed)?)?)?;
        let who = value.get("reference").ok_or(Unreadable::IllFormed)?;
        Ok(Actor { role, who: reference(who, self.source, self.container)? })
    }
}

/// Reads a list of which `read` keeps what is of a system that is ours.
fn stated<'d, T>(
    value: Value<'d>,
    name: &str,
    mut read: impl FnMut(Value<'d>) -> Result<Option<T>, Unreadable>,
) -> Result<Element<Vec<T>>, Unreadable> {
    if value.get(name).is_none() {
        return Ok(Element::Absent);
    }
    let mut kept = Vec::new();
    for item in list(value, name)? {
        kept.extend(read(item)?);
    }
    Ok(Element::Stated(kept))
}

fn is_system(coding: &Coding<'_>, names: &[&str]) -> bool {
    names.contains(&coding.system.as_ref())
}

fn actor_role(codings: &[Coding<'_>]) -> Result<ActorRole, Unreadable> {
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

fn action_codes(value: Value<'_>) -> Result<Element<Vec<Action>>, Unreadable> {
    if value.get("action").is_none() {
        return Ok(Element::Absent);
    }
    let mut actions = Vec::new();
    for item in list(value, "action")? {
        let codings = concept(item)?;
        // An action in words alone may be any.
        if codings.is_empty() {
            return Err(Unreadable::IllFormed);
        }
        for coding in &codings {
            let systems = ["http://terminology.hl7.org/CodeSystem/consentaction", "http://hl7.org/fhir/consentaction"];
            if is_system(coding, &systems) {
                actions.push(Action::of(&coding.code).ok_or(Unreadable::UnknownCode)?);
            }
        }
    }
    Ok(Element::Stated(actions))
}

fn purpose(coding: &Coding<'_>) -> Result<Option<Purpose>, Unreadable> {
    let systems = [
        "http://terminology.hl7.org/CodeSystem/v3-ActReason",
        "http://hl7.org/fhir/v3/ActReason",
        "urn:oid:2.16.840.1.113883.5.8",
    ];
    if !is_system(coding, &systems) {
        return Ok(None);
    }
    Purpose::of(&coding.code).map(Some).ok_or(Unreadable::UnknownCode)
}

fn class(coding: &Coding<'_>) -> Result<Option<&'static str>, Unreadable> {
    match coding.system.as_ref() {
        "http://hl7.org/fhir/resource-types" => {
            let known = super::super::resource_type::RESOURCE_TYPES.iter().find(|known| **known == coding.code);
            known.copied().map(Some).ok_or(Unreadable::UnknownCode)
        }
        "http://loinc.org" | "urn:ietf:rfc:3986" | "urn:ietf:bcp:13" => Err(Unreadable::NotJudged),
        _ => Ok(None),
    }
}

fn labels(value: Value<'_>) -> Result<Element<LabelSet>, Unreadable> {
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
