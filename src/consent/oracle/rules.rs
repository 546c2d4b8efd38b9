//! One Consent and one resource: what the provisions say.
//!
//! A provision inherits from the one around it, element by element. The deepest that matches speaks; among siblings a denial
//! does.

use std::collections::BTreeMap;

use serde_json::Value;

use super::combine::Standing;
use super::{Case, Fit, Says, actors, codes, codings, data, lies_below, list, moment, text};

/// The elements that limit a provision.
pub(super) const ELEMENTS: [&str; 11] = [
    "period",
    "actor",
    "action",
    "purpose",
    "securityLabel",
    "class",
    "resourceType",
    "documentType",
    "code",
    "dataPeriod",
    "data",
];

/// The elements that hold for a provision: its own, and those of the ones around it that it leaves out.
pub(super) type Effective<'a> = BTreeMap<&'static str, &'a Value>;

/// How specific a rule is: about which caller, which holder, in what context, of what data.
pub(super) type Weight = [u8; 4];

/// What a rule says, how specific it is, and whether it counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Word {
    pub(super) says: Says,
    pub(super) weight: Weight,
    counts: bool,
}

/// A Consent taken apart: what holds where no provision matches, the outermost provision and what it says.
struct Shape<'a> {
    base: Option<Says>,
    root: &'a Value,
    says: Option<Says>,
    /// Another holder manages it.
    is_foreign: bool,
    /// Nothing tells what the outermost provision is an exception to.
    is_baseless: bool,
}

/// The rules of a Consent that decide on a resource; all of them say the same.
pub(super) fn words(case: &Case<'_>, standing: &Standing<'_>, resource: &Value) -> Vec<Word> {
    let consent = standing.consent;
    let Some(shape) = shape(case, consent) else { return vec![] };
    let rule = |says: Says, effective: &Effective<'_>| {
        let matches = is_heard(case, consent, &shape, says, effective)
            && in_context(case, consent, says, effective)
            && data::fits(case, says, effective, resource);
        matches.then(|| Word {
            says,
            weight: weigh(case, consent, says, effective),
            counts: says == Says::Deny || !shape.is_baseless,
        })
    };
    let mut words = deepest(shape.root, shape.says, &Effective::new(), &rule);
    if words.is_empty() {
        words.extend(shape.base.and_then(|says| rule(says, &Effective::new())));
    }
    words.retain(|word| word.counts && (standing.permits || word.says == Says::Deny));
    words
}

/// The deepest provisions that match; among siblings those that deny.
fn deepest<'a>(
    node: &'a Value,
    said: Option<Says>,
    around: &Effective<'a>,
    rule: &dyn Fn(Says, &Effective<'_>) -> Option<Word>,
) -> Vec<Word> {
    let effective = inherit(node, around);
    let below = list(node, "provision").iter().flat_map(|nested| {
        let own = says(text(nested, "type")).or(said.map(Says::opposite));
        deepest(nested, own, &effective, rule)
    });
    let mut below: Vec<Word> = below.collect();
    if below.iter().any(|word| word.says == Says::Deny) {
        below.retain(|word| word.says == Says::Deny);
    }
    if below.is_empty() { said.and_then(|said| rule(said, &effective)).into_iter().collect() } else { below }
}

fn inherit<'a>(node: &'a Value, around: &Effective<'a>) -> Effective<'a> {
    let mut effective = around.clone();
    let own = |name: &&'static str| node.get(*name).filter(|own| !own.is_string()).map(|own| (*name, own));
    effective.extend(ELEMENTS.iter().filter_map(own));
    effective
}

/// Everything that a Consent can say in this context, of whatever data; none stands for nothing.
pub(super) fn conceivable(case: &Case<'_>, standing: &Standing<'_>) -> Possible {
    let consent = standing.consent;
    let Some(shape) = shape(case, consent) else { return vec![None] };
    let words = possible(case, consent, &shape, &|_, effective| data::may_fit(effective));
    words
        .into_iter()
        .map(|word| word.filter(|word| word.counts && (standing.permits || word.says == Says::Deny)))
        .collect()
}

fn shape<'a>(case: &Case<'_>, consent: &'a Value) -> Option<Shape<'a>> {
    let is_foreign = !actors::managed_by_holder(case, consent);
    if case.r5 {
        let decision = says(text(consent, "decision"))?;
        return in_time(case, &consent["period"]).then_some(Shape {
            base: None,
            root: consent,
            says: Some(decision),
            is_foreign,
            is_baseless: false,
        });
    }
    let rule = codes(codings([&consent["policyRule"]]), "v3-ActCode");
    let base = match rule.as_slice() {
        ["OPTIN"] => Some(Says::Permit),
        ["OPTOUT"] => Some(Says::Deny),
        _ => None,
    };
    let root = &consent["provision"];
    if !in_time(case, &root["period"]) {
        return None;
    }
    let limited = ELEMENTS.iter().any(|name| *name != "period" && !root[*name].is_null());
    let own = says(text(root, "type"));
    let says = own.or(if limited { base.map(Says::opposite) } else { base });
    Some(Shape { base, root, says, is_foreign, is_baseless: says.is_none() })
}

/// Whether a Consent says something that can be computed, at this time, by the word of the holder and not of research alone.
pub(super) fn is_in_force(case: &Case<'_>, consent: &Value) -> bool {
    let scopes = codings(list(consent, "category").iter().chain([&consent["scope"]]));
    let is_for_research = codes(scopes, "consentscope").contains(&"research");
    !is_for_research && shape(case, consent).is_some_and(|shape| !shape.is_foreign && !shape.is_baseless)
}

fn in_time(case: &Case<'_>, period: &Value) -> bool {
    period.is_null() || moment::span(period).is_some_and(|(start, end)| start <= case.now && case.now <= end)
}

fn says(word: &str) -> Option<Says> {
    match word {
        "permit" => Some(Says::Permit),
        "deny" => Some(Says::Deny),
        _ => None,
    }
}

/// A permit that another manages is as if it were not there, unless it is for data in the custody of the holder.
fn is_heard(case: &Case<'_>, consent: &Value, shape: &Shape<'_>, says: Says, effective: &Effective<'_>) -> bool {
    let names_holder = || effective.get("actor").is_some_and(|actors| actors::for_holder(case, consent, actors));
    says == Says::Deny || !shape.is_foreign || names_holder()
}

/// How a rule matches data that is not told.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Match {
    Always,
    Sometimes,
    Never,
}

/// What can be said; none stands for nothing.
pub(super) type Possible = Vec<Option<Word>>;

fn possible(
    case: &Case<'_>,
    consent: &Value,
    shape: &Shape<'_>,
    of_data: &dyn Fn(Says, &Effective<'_>) -> Match,
) -> Possible {
    let rule = |says: Says, effective: &Effective<'_>| {
        let counts = says == Says::Deny || !shape.is_baseless;
        let in_context = is_heard(case, consent, shape, says, effective) && in_context(case, consent, says, effective);
        let matches = if in_context { of_data(says, effective) } else { Match::Never };
        (Word { says, weight: weigh(case, consent, says, effective), counts }, matches)
    };
    let words = below(shape.root, shape.says, &Effective::new(), &rule);
    let base = shape.base.map(|says| rule(says, &Effective::new())).filter(|(_, matches)| *matches != Match::Never);
    let base = base.map(|(word, _)| word);
    words.into_iter().map(|word| word.or(base)).collect()
}

/// What a provision and those within it can say: the deepest that match; among siblings a denial.
fn below<'a>(
    node: &'a Value,
    said: Option<Says>,
    around: &Effective<'a>,
    rule: &dyn Fn(Says, &Effective<'_>) -> (Word, Match),
) -> Possible {
    let effective = inherit(node, around);
    let mut words: Possible = vec![None];
    for nested in list(node, "provision") {
        let own = says(text(nested, "type")).or(said.map(Says::opposite));
        let others = below(nested, own, &effective, rule);
        words = words.iter().flat_map(|one| others.iter().map(|other| stronger(*one, *other))).collect();
        words.sort_by_key(|word| word.map(|word| (word.says == Says::Deny, word.weight, word.counts)));
        words.dedup();
    }
    let Some(said) = said else { return words };
    let (word, matches) = rule(said, &effective);
    match (words.contains(&None), matches) {
        (false, _) | (_, Match::Never) => {}
        (true, Match::Always) => words.iter_mut().filter(|one| one.is_none()).for_each(|one| *one = Some(word)),
        (true, Match::Sometimes) => words.push(Some(word)),
    }
    words
}

/// Of two siblings: a denial before a permit, what counts before what does not, the more specific.
fn stronger(one: Option<Word>, other: Option<Word>) -> Option<Word> {
    let (Some(a), Some(b)) = (one, other) else { return one.or(other) };
    let rank = |word: Word| (word.says == Says::Deny, word.counts, word.weight);
    Some(if rank(a) >= rank(b) { a } else { b })
}

/// Period, action, purpose and actor: what the request alone can tell.
fn in_context(case: &Case<'_>, consent: &Value, says: Says, effective: &Effective<'_>) -> bool {
    let action = match text(case.input, "action") {
        "" => "access",
        action => action,
    };
    let all = effective.iter().map(|(name, element)| {
        let items = element.as_array().into_iter().flatten();
        match *name {
            "period" => Fit::of(moment::span(element).is_some_and(|(start, end)| start <= case.now && case.now <= end)),
            "action" => Fit::of(codes(codings(items), "consentaction").contains(&action)),
            "purpose" => Fit::of(codes(items, "v3-ActReason").iter().any(|listed| covers(case, listed))),
            "actor" => actors::fit(case, consent, element, says),
            _ => Fit::Yes,
        }
    });
    Fit::all(all).holds_for(says)
}

fn covers(case: &Case<'_>, purpose: &str) -> bool {
    lies_below(text(case.input, "purpose"), purpose)
}

/// A single caller, the holder and single data are more specific than categories, and these than all; a purpose is the more
/// specific the further down it stands, an action than none.
fn weigh(case: &Case<'_>, consent: &Value, says: Says, effective: &Effective<'_>) -> Weight {
    let has = |name: &str| effective.contains_key(name);
    let [caller, holder] = effective.get("actor").map_or([0, 0], |actors| actors::weigh(case, consent, says, actors));
    let purposes = effective.get("purpose").and_then(|element| element.as_array());
    let matching =
        codes(purposes.into_iter().flatten(), "v3-ActReason").into_iter().filter(|listed| covers(case, listed));
    let context = matching.map(depth).max().unwrap_or(0).max(u8::from(has("action")));
    let limits = ["securityLabel", "class", "resourceType", "documentType", "dataPeriod", "data"];
    let of_data = if effective.get("data").is_some_and(|items| data::is_single(says, items)) {
        3
    } else if has("code") {
        2
    } else {
        u8::from(limits.iter().any(|name| has(name)))
    };
    [caller, holder, context, of_data]
}

/// How far down a purpose stands.
fn depth(purpose: &str) -> u8 {
    let above =
        ["TREAT", "ETREAT", "HPAYMT", "COVERAGE", "HOPERAT", "HSYSADMIN", "HRESCH", "CLINTRCH", "PATRQT", "PUBHLTH"];
    let above = above.iter().filter(|above| **above != purpose && lies_below(purpose, above)).count();
    u8::try_from(above + 1).unwrap()
}
