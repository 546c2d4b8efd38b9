//! Provisions, read into rules.

use std::sync::Arc;

use super::element::{concept, list, object, period, reference, string};
use super::statement::signed;
use super::{Form, Unreadable, code};
use crate::consent::datum::{Datum, Meaning};
use crate::consent::rule::{Actor, ActorRole, Base, Effect, Element, Root, Rule, Who};
use crate::consent::source::Source;
use crate::consent::window::Window;
use crate::json::Value;
use crate::limits;
use crate::profile::Sought;

const R4: &[&str] = &[
    "id",
    "extension",
    "type",
    "period",
    "actor",
    "action",
    "securityLabel",
    "purpose",
    "class",
    "code",
    "dataPeriod",
    "data",
    "provision",
];

const R5: &[&str] = &[
    "id",
    "extension",
    "period",
    "actor",
    "action",
    "securityLabel",
    "purpose",
    "documentType",
    "resourceType",
    "code",
    "dataPeriod",
    "data",
    "provision",
];

/// Elements that make an outermost provision without a type an exception to the base.
const CONSTRAINTS: &[&str] = &["actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data"];

/// Reads the outermost provision of R4. Without a type it takes the base's, or, when it narrows something down, the opposite:
/// it is then itself an exception.
pub(super) fn root(value: Value<'_>, base: Base, source: &Source, container: &str) -> Result<Root, Unreadable> {
    let narrows = CONSTRAINTS.iter().any(|name| value.get(name).is_some());
    let untyped = match (signed(base), narrows) {
        (None, _) => None,
        (Some(effect), false) => Some(effect),
        (Some(effect), true) => Some(effect.opposite()),
    };
    let mut reader = Reader { form: Form::R4, source, container, read: 0 };
    let rule = reader.rule(value, untyped.unwrap_or(Effect::Deny), "provision".to_owned(), 1)?;
    let rule = Box::new(rule);
    if value.get("type").is_some() || untyped.is_some() { Ok(Root::Rule(rule)) } else { Ok(Root::Untyped(rule)) }
}

/// Reads the provisions of R5: each is an exception to what is around it.
pub(super) fn exceptions_of_r5(
    root: Value<'_>,
    around: Effect,
    source: &Source,
    container: &str,
) -> Result<Vec<Rule>, Unreadable> {
    let mut reader = Reader { form: Form::R5, source, container, read: 0 };
    let one = |(index, inner)| reader.rule(inner, around.opposite(), format!("provision[{index}]"), 1);
    list(root, "provision")?.enumerate().map(one).collect()
}

struct Reader<'s> {
    form: Form,
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
        if self.form == Form::R5 && value.get("expression").is_some() {
            return Err(Unreadable::NotJudged);
        }
        object(value, if self.form == Form::R4 { R4 } else { R5 }, &[])?;
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
        let (classes, documents) = match self.form {
            Form::R4 => (code::classes(value, "class", self.form, self.source)?, Element::Absent),
            Form::R5 => {
                let types = code::classes(value, "resourceType", self.form, self.source)?;
                (types, code::classes(value, "documentType", self.form, self.source)?)
            }
        };
        Ok(Rule {
            effect,
            place: Arc::from(place),
            period: window(value, "period")?,
            actors: stated(value, "actor", |item| self.actor(item))?,
            actions: code::actions(value)?,
            purposes: code::purposes(value)?,
            classes,
            documents,
            codes: code::codes(value, self.source)?,
            labels: code::labels(value)?,
            data_period: window(value, "dataPeriod")?,
            data: stated(value, "data", |item| self.datum(item))?,
            exceptions,
        })
    }

    /// R5 lets either part of an actor be absent: one without a role may have any, one without a reference may be anybody.
    fn actor(&self, value: Value<'_>) -> Result<Actor, Unreadable> {
        object(value, &["id", "extension", "role", "reference"], &[])?;
        let role = match (value.get("role"), self.form) {
            (Some(role), _) => code::actor_role(&concept(role)?)?,
            (None, Form::R5) => ActorRole::Unstated,
            (None, Form::R4) => return Err(Unreadable::IllFormed),
        };
        let who = match (value.get("reference"), self.form) {
            (Some(who), _) => reference(who, self.source, self.container)?,
            (None, Form::R5) => Who::default(),
            (None, Form::R4) => return Err(Unreadable::IllFormed),
        };
        let categories = self.source.categories();
        let sought = who.identifier.as_ref().map(|one| categories.provider(&one.system, &one.value));
        if sought == Some(Sought::Unknown) {
            return Err(Unreadable::UnknownCode);
        }
        Ok(Actor { role, who })
    }

    fn datum(&self, value: Value<'_>) -> Result<Datum, Unreadable> {
        object(value, &["id", "extension", "meaning", "reference"], &[])?;
        let meaning = string(value, "meaning")?.ok_or(Unreadable::IllFormed)?;
        let meaning = Meaning::of(&meaning).ok_or(Unreadable::UnknownCode)?;
        let who = value.get("reference").ok_or(Unreadable::IllFormed)?;
        Ok(Datum { meaning, who: reference(who, self.source, self.container)? })
    }
}

fn window(value: Value<'_>, name: &str) -> Result<Element<Window>, Unreadable> {
    match value.get(name) {
        Some(value) => Ok(Element::Stated(period(value)?)),
        None => Ok(Element::Absent),
    }
}

fn stated<'d, T>(
    value: Value<'d>,
    name: &str,
    mut read: impl FnMut(Value<'d>) -> Result<T, Unreadable>,
) -> Result<Element<Vec<T>>, Unreadable> {
    if value.get(name).is_none() {
        return Ok(Element::Absent);
    }
    let mut kept = Vec::new();
    for item in list(value, name)? {
        kept.push(read(item)?);
    }
    Ok(Element::Stated(kept))
}
