//! What a Consent says as a whole, of either form.

use std::sync::Arc;

use super::element::{date, identifier, is_modified, list, object, period, reference, references, string};
use super::{Form, Unreadable, base, provision};
use crate::consent::rule::{Base, Effect, Element, Root, Rule, Statement, Who};
use crate::consent::source::Source;
use crate::json::Value;

/// Members of R4 that say nothing about what is permitted, or that are read.
const R4: &[&str] = &[
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "identifier",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
    "provision",
];

/// The same of R5.
const R5: &[&str] = &[
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "identifier",
    "status",
    "category",
    "subject",
    "date",
    "period",
    "grantor",
    "grantee",
    "manager",
    "controller",
    "sourceAttachment",
    "sourceReference",
    "regulatoryBasis",
    "policyBasis",
    "policyText",
    "verification",
    "decision",
    "provision",
];

pub(super) fn read(root: Value<'_>, form: Form, source: &Source, container: &str) -> Result<Statement, Unreadable> {
    if is_modified(root) {
        return Err(Unreadable::Modified);
    }
    match form {
        Form::R4 => object(root, R4, &["_language", "_dateTime"])?,
        Form::R5 => object(root, R5, &["_language", "_date"])?,
    }
    let parties = |name: &str| references(root, name, source, container);
    let identifiers = list(root, "identifier")?.map(identifier).collect::<Result<Vec<_>, _>>()?;
    let dated = date(root, if form == Form::R4 { "dateTime" } else { "date" })?;
    let (base, outermost, managers, grantees, sources) = match form {
        Form::R4 => {
            let base = base::r4(root)?;
            let outermost = match root.get("provision") {
                Some(provision) => provision::root(provision, base, source, container)?,
                None => Root::None,
            };
            let from = root.get("sourceReference").map(|from| reference(from, source, container)).transpose()?;
            (base, outermost, parties("organization")?, Vec::new(), Vec::from_iter(from))
        }
        Form::R5 => {
            let controllers = parties("controller")?;
            let managers = if controllers.is_empty() { parties("manager")? } else { controllers };
            let outermost = outermost_of_r5(root, source, container)?;
            (base::r5(root)?, outermost, managers, parties("grantee")?, parties("sourceReference")?)
        }
    };
    let replaces = sources.into_iter().filter_map(|from: Who| from.reference).collect();
    let identifiers = identifiers.into_iter().flatten().collect();
    Ok(Statement { identifiers, dated, replaces, managers, grantees, base, root: outermost })
}

/// Reads `decision` with its exceptions. Without it they have no sign, so that none of them can be computed; they are read
/// all the same, since what cannot be read must not pass for what says nothing.
fn outermost_of_r5(root: Value<'_>, source: &Source, container: &str) -> Result<Root, Unreadable> {
    let decision = match string(root, "decision")?.as_deref() {
        Some("permit") => Some(Effect::Permit),
        Some("deny") => Some(Effect::Deny),
        Some(_) => return Err(Unreadable::UnknownCode),
        None => None,
    };
    let around = decision.unwrap_or(Effect::Permit);
    let exceptions = provision::exceptions_of_r5(root, around, source, container)?;
    let in_force = match root.get("period") {
        Some(value) => Element::Stated(period(value)?),
        None => Element::Absent,
    };
    Ok(match decision {
        None => Root::None,
        Some(effect) => {
            let rule = Rule { period: in_force, exceptions, ..Rule::bare(effect, Arc::from("decision")) };
            Root::Rule(Box::new(rule))
        }
    })
}

/// Checks that a base is one that an outermost provision can take its type from.
pub(super) fn signed(base: Base) -> Option<Effect> {
    match base {
        Base::Says(effect) => Some(effect),
        // A policy that is named by its URL permits nothing that its Consent does not spell out.
        Base::Silent | Base::Pcf(_) => None,
    }
}
