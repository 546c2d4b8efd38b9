//! Several Consents: which of them stand, and whose word counts.

use serde_json::Value;

use super::moment::{Span, span};
use super::rules::{self, Word};
use super::{Case, Says, list, text};

/// A Consent that stands, and whether its permits do: they do not where one replaces it that is not in force.
pub(super) struct Standing<'a> {
    pub(super) consent: &'a Value,
    pub(super) permits: bool,
}

/// The Consents that no other replaces.
pub(super) fn standing<'a>(case: &Case<'_>, consents: &[&'a Value]) -> Vec<Standing<'a>> {
    let mut standing = Vec::new();
    for consent in consents {
        let others = consents.iter().filter(|other| replaces(case, consents, other, consent));
        let (in_force, not_in_force): (Vec<&&Value>, Vec<_>) =
            others.partition(|other| rules::is_in_force(case, other));
        if in_force.is_empty() {
            standing.push(Standing { consent, permits: not_in_force.is_empty() });
        }
    }
    standing
}

/// A newer one of the same business identifier, or one that was made from it. Circles replace nothing.
fn replaces(case: &Case<'_>, consents: &[&Value], new: &Value, old: &Value) -> bool {
    let has_number = |number: &Value| {
        list(old, "identifier").iter().any(|own| own["system"] == number["system"] && own["value"] == number["value"])
    };
    let newer = is_newer(dated(case, new), dated(case, old)) && dated(case, old) != UNDATED;
    (newer && list(new, "identifier").iter().any(has_number))
        || (is_made_from(case, new, old) && !comes_from(case, consents, old, new, 0))
}

/// Whether a Consent names another that is not newer as its source.
fn is_made_from(case: &Case<'_>, new: &Value, old: &Value) -> bool {
    let name = format!("Consent/{}", text(old, "id"));
    let source = &new["sourceReference"];
    let mut sources = source.as_array().map_or_else(|| vec![source], |many| many.iter().collect()).into_iter();
    let older = is_newer(dated(case, old), dated(case, new)) && dated(case, new) != UNDATED;
    sources.any(|one| text(one, "reference") == name) && !older
}

/// Whether a Consent was made from another by way of others.
fn comes_from(case: &Case<'_>, consents: &[&Value], new: &Value, old: &Value, depth: usize) -> bool {
    let by_way_of =
        |between: &&Value| is_made_from(case, new, between) && comes_from(case, consents, between, old, depth + 1);
    depth < consents.len() && (is_made_from(case, new, old) || consents.iter().any(by_way_of))
}

const UNDATED: Span = (i64::MIN, i64::MIN);

/// When a Consent was given; one without a date, or with one that is still to come, is older than all others.
fn dated(case: &Case<'_>, consent: &Value) -> Span {
    let date = span(&consent[if case.r5 { "date" } else { "dateTime" }]);
    date.filter(|date| date.0 <= case.now).unwrap_or(UNDATED)
}

fn is_newer(one: Span, other: Span) -> bool {
    one.0 > other.1
}

/// What all of them say of a resource.
pub(super) fn word(case: &Case<'_>, consents: &[Standing<'_>], resource: &Value) -> Option<Says> {
    let said = consents
        .iter()
        .flat_map(|one| rules::words(case, one, resource).into_iter().map(|word| (dated(case, one.consent), word)));
    combined(case, &said.collect::<Vec<_>>())
}

/// Whether any of them speaks in this context, of whatever data.
pub(super) fn speak(case: &Case<'_>, consents: &[Standing<'_>]) -> bool {
    consents.iter().any(|one| rules::conceivable(case, one).iter().any(Option::is_some))
}

/// Whether there can be a resource that they permit.
pub(super) fn may_permit(case: &Case<'_>, consents: &[Standing<'_>]) -> bool {
    let mut worlds = vec![Vec::new()];
    for consent in consents {
        let words = rules::conceivable(case, consent);
        let with = |world: &Vec<(Span, Word)>, word: &Option<Word>| {
            world.iter().copied().chain(word.map(|word| (dated(case, consent.consent), word))).collect::<Vec<_>>()
        };
        worlds = worlds.iter().flat_map(|world| words.iter().map(|word| with(world, word))).collect();
    }
    worlds.iter().any(|world| combined(case, world) == Some(Says::Permit))
}

fn combined(case: &Case<'_>, said: &[(Span, Word)]) -> Option<Says> {
    let beats = |one: &(Span, Word), other: &(Span, Word)| match text(case.input, "combining") {
        "newest-wins" => is_newer(one.0, other.0),
        "most-specific" => {
            let (one, other) = (one.1.weight, other.1.weight);
            one != other && one.iter().zip(other).all(|(one, other)| *one >= other)
        }
        _ => false,
    };
    let counting = said.iter().filter(|one| !said.iter().any(|other| beats(other, one)));
    let says: Vec<Says> = counting.map(|one| one.1.says).collect();
    if says.contains(&Says::Deny) { Some(Says::Deny) } else { says.first().copied() }
}
