//! Who is meant: the actors of a provision next to the caller and the holder.

use serde_json::Value;

use super::{Case, Fit, Says, codes, codings, list, moment, text};

const URA: [&str; 2] = ["http://fhir.nl/fhir/NamingSystem/ura", "urn:oid:2.16.528.1.1007.3.3"];
const UZI: [&str; 2] = ["http://fhir.nl/fhir/NamingSystem/uzi-nr-pers", "urn:oid:2.16.528.1.1007.3.1"];
const ROLE: &str = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode";

/// Whether somebody is meant by the actors of a provision.
///
/// Actors are alternatives. But where a permit names custodians of the data next to recipients, both have to hold: a custodian
/// does not make everybody a recipient.
pub(super) fn fit(case: &Case<'_>, consent: &Value, actors: &Value, says: Says) -> Fit {
    let (custodians, recipients): (Vec<_>, Vec<_>) =
        actors.as_array().into_iter().flatten().partition(|actor| is_custodian(actor));
    let holder = Fit::any(custodians.iter().map(|actor| holder(case, consent, &actor["reference"])));
    let caller = Fit::any(recipients.iter().map(|actor| caller(case, consent, &actor["reference"], 0)));
    match says {
        Says::Permit if !custodians.is_empty() && !recipients.is_empty() => Fit::all([holder, caller]),
        Says::Permit | Says::Deny => Fit::any([holder, caller]),
    }
}

/// How specific the actors are that match: a single caller before a category of callers, the holder before all holders.
pub(super) fn weigh(case: &Case<'_>, consent: &Value, says: Says, actors: &Value) -> [u8; 2] {
    let mut weight = [0, 0];
    for actor in actors.as_array().into_iter().flatten() {
        let reference = &actor["reference"];
        if is_custodian(actor) {
            weight[1] = weight[1].max(u8::from(holder(case, consent, reference).holds_for(says)));
        } else if caller(case, consent, reference, 0).holds_for(says) {
            let name = text(reference, "reference");
            let category = name.starts_with("Group/")
                || name.starts_with("CareTeam/")
                || text(&reference["identifier"], "system") == ROLE;
            weight[0] = weight[0].max(if category { 1 } else { 2 });
        }
    }
    weight
}

fn is_custodian(actor: &Value) -> bool {
    codes(codings([&actor["role"]]), "v3-ParticipationType") == ["CST"]
}

/// Whether the holder is named among these actors as the custodian of the data.
pub(super) fn for_holder(case: &Case<'_>, consent: &Value, actors: &Value) -> bool {
    let named = actors.as_array().into_iter().flatten().filter(|actor| is_custodian(actor));
    Fit::any(named.map(|actor| holder(case, consent, &actor["reference"]))) == Fit::Yes
}

/// Whether the holder manages a Consent: it is named, or nobody is.
pub(super) fn managed_by_holder(case: &Case<'_>, consent: &Value) -> bool {
    let managers = list(consent, if case.r5 { "controller" } else { "organization" });
    managers.is_empty() || Fit::any(managers.iter().map(|manager| holder(case, consent, manager))) == Fit::Yes
}

fn holder(case: &Case<'_>, consent: &Value, reference: &Value) -> Fit {
    let holder = &case.input["holder"];
    if list(holder, "references").iter().any(|own| own == &literal(reference)) {
        return Fit::Yes;
    }
    let record = resolve(case, consent, reference);
    let numbers = record.map_or(&[][..], |record| list(record, "identifier")).iter().chain(reference.get("identifier"));
    let uras: Vec<_> =
        numbers.filter(|number| URA.contains(&text(number, "system"))).map(|number| text(number, "value")).collect();
    match (uras.is_empty(), uras.iter().all(|ura| *ura == text(holder, "ura"))) {
        (true, _) => Fit::Unknown,
        (false, all) => Fit::of(all),
    }
}

fn caller(case: &Case<'_>, consent: &Value, reference: &Value, depth: usize) -> Fit {
    let number = reference.get("identifier").map(|number| numbered(case, number));
    let name = literal(reference);
    let record = (!name.is_empty()).then(|| {
        let known = resolve(case, consent, reference).map(|record| recorded(case, consent, record, depth));
        if is_own(case, &name) && known != Some(Fit::No) { Fit::Yes } else { known.unwrap_or(Fit::Unknown) }
    });
    match (number, record) {
        (Some(one), Some(other)) if one == other => one,
        // A number of a system that cannot be compared, or a record that is not found, says nothing beside the other.
        (Some(Fit::Unknown), Some(known)) | (Some(known), Some(Fit::Unknown)) => known,
        (Some(_), Some(_)) | (None, None) => Fit::Unknown,
        (Some(known), None) | (None, Some(known)) => known,
    }
}

fn is_own(case: &Case<'_>, name: &str) -> bool {
    list(&case.input["caller"], "references").iter().any(|own| own == name)
}

/// `Type/id`, without a version.
fn literal(reference: &Value) -> String {
    text(reference, "reference").split("/_history/").next().unwrap_or_default().to_owned()
}

fn resolve<'a>(case: &Case<'a>, consent: &'a Value, reference: &Value) -> Option<&'a Value> {
    let name = literal(reference);
    match name.strip_prefix('#') {
        Some(id) => list(consent, "contained").iter().find(|one| text(one, "id") == id),
        None => case.input["referenced"].get(&name),
    }
}

fn is_person(case: &Case<'_>) -> bool {
    text(&case.input["caller"], "card_type") == "Z"
}

/// One business identifier next to those of the caller.
fn numbered(case: &Case<'_>, number: &Value) -> Fit {
    let caller = &case.input["caller"];
    let (system, value) = (text(number, "system"), text(number, "value"));
    if URA.contains(&system) {
        return Fit::of(value == text(caller, "ura"));
    }
    if UZI.contains(&system) {
        // A system proves no person.
        return if is_person(case) { Fit::of(value == text(caller, "uzi")) } else { Fit::Unknown };
    }
    if system == ROLE {
        let role = text(caller, "role");
        return if role.is_empty() { Fit::Unknown } else { Fit::of(value == role) };
    }
    let mut shared = list(caller, "identifiers").iter().filter(|own| text(own, "system") == system).peekable();
    if shared.peek().is_none() { Fit::Unknown } else { Fit::of(shared.any(|own| text(own, "value") == value)) }
}

/// A record that an actor refers to next to the caller.
fn recorded(case: &Case<'_>, consent: &Value, record: &Value, depth: usize) -> Fit {
    if depth > 4 {
        return Fit::Unknown;
    }
    let part = |reference: &Value| caller(case, consent, reference, depth + 1);
    let kind = text(record, "resourceType");
    let ended = record["active"] == false
        || record
            .get("period")
            .is_some_and(|period| moment::span(period).is_none_or(|span| span.1 < case.now || case.now < span.0));
    match kind {
        "Organization" => organisation(case, consent, record).unless(ended),
        "Practitioner" if !is_person(case) => Fit::Unknown,
        "Practitioner" => unless_own_is_known(case, record, by_numbers(case, record)).unless(ended),
        "PractitionerRole" => Fit::all([part(&record["practitioner"]), part(&record["organization"])]).unless(ended),
        "Group" => {
            let members =
                Fit::any(list(record, "member").iter().map(|one| part(&one["entity"]).unless(one["inactive"] == true)));
            if record["actual"] == true { members } else { Fit::Unknown }
        }
        "CareTeam" => {
            let members = Fit::any(list(record, "participant").iter().map(|one| part(&one["member"])));
            // Who was in a team that has ended is not told.
            if ended || record["status"] != "active" { Fit::Unknown } else { members }
        }
        _ => Fit::Unknown,
    }
}

/// By the numbers of a record; unknown without one that can be compared.
fn by_numbers(case: &Case<'_>, record: &Value) -> Fit {
    let numbers: Vec<_> = list(record, "identifier").iter().map(|number| numbered(case, number)).collect();
    match (numbers.contains(&Fit::Yes), numbers.contains(&Fit::No)) {
        (true, _) => Fit::Yes,
        (false, true) => Fit::No,
        (false, false) => Fit::Unknown,
    }
}

/// A record that no number compares is another's if the caller's own record of its type is known.
fn unless_own_is_known(case: &Case<'_>, record: &Value, fit: Fit) -> Fit {
    let kind = format!("{}/", text(record, "resourceType"));
    let mut own = list(&case.input["caller"], "references").iter().filter_map(Value::as_str);
    if fit == Fit::Unknown && own.any(|own| own.starts_with(&kind)) { Fit::No } else { fit }
}

/// A part of the caller's organisation and what that is part of are meant by a denial; a permit does not reach them.
fn organisation(case: &Case<'_>, consent: &Value, record: &Value) -> Fit {
    let by_number = by_numbers(case, record);
    if by_number == Fit::Yes {
        return by_number;
    }
    let named = format!("Organization/{}", text(record, "id"));
    let is_part = above(case, consent, record).into_iter().any(|one| match one {
        Some((name, above)) => is_own(case, &name) || by_numbers(case, above) == Fit::Yes,
        None => true,
    });
    // What is not found above the caller's own may be this one, unless a number says that it is another.
    let unnumbered = by_number == Fit::Unknown;
    let has_part = list(&case.input["caller"], "references").iter().filter_map(Value::as_str).any(|mine| {
        let above_mine = case.input["referenced"].get(mine).map(|mine| above(case, consent, mine));
        above_mine.into_iter().flatten().any(|one| one.map_or(unnumbered, |(name, _)| name == named))
    });
    if is_part || has_part { Fit::Unknown } else { unless_own_is_known(case, record, by_number) }
}

/// What an organisation is part of, and what that is part of; none stands for what is not found.
fn above<'a>(case: &Case<'a>, consent: &'a Value, record: &'a Value) -> Vec<Option<(String, &'a Value)>> {
    let mut found = Vec::new();
    let mut at = record;
    while let Some(part_of) = at.get("partOf").filter(|_| found.len() < 8) {
        let next = resolve(case, consent, part_of).map(|above| (literal(part_of), above));
        found.push(next.clone());
        let Some((_, above)) = next else { break };
        at = above;
    }
    found
}
