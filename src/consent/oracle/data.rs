//! Which data is meant: security labels, kinds, codes, the time of the data, and single resources.

use serde_json::Value;

use super::moment::{ALWAYS, Span, inside, overlap, span};
use super::rules::{Effective, Match};
use super::{Case, Fit, Says, codes, codings, list, text};

const KINDS: [&str; 2] = ["http://hl7.org/fhir/resource-types", "http://hl7.org/fhir/fhir-types"];
/// The system of types of documents.
const DOCUMENTS: &str = "http://loinc.org";
const CLASSES: [&str; 3] = ["class", "resourceType", "documentType"];
const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];
const SENSITIVE: &str =
    "BH COGN DVD EMOTDIS ETH ETHUD GDIS HIV MH MST OPIOIDUD PREGNANT PSY PSYTHPN SCA SDV SEX SPI STD SUD VIO";

/// What the shipped tables say of the codes that random cases hold.
const TABLE: [(&str, &str); 18] = [
    ("85354-9", "normal"),
    ("4548-4", "normal"),
    ("7917-8", "HIV"),
    ("5643-2", "ETHUD"),
    ("N05AN01", "PSY"),
    ("A10BA02", "normal"),
    ("C09AA02", "normal"),
    ("J05AR03", "HIV"),
    ("N07BB04", "ETHUD"),
    ("N07BC02", "OPIOIDUD"),
    ("F32.1", "PSY"),
    ("E11.9", "normal"),
    ("B20", "HIV"),
    ("44054006", "normal"),
    ("38341003", "normal"),
    ("J07BB02", "normal"),
    ("J01CE01", "normal"),
    ("A51.0", "STD"),
];

/// Whether every element that a rule has fits a resource.
pub(super) fn fits(case: &Case<'_>, says: Says, effective: &Effective<'_>, resource: &Value) -> bool {
    let all = effective.iter().map(|(name, element)| {
        let items: Vec<_> = element.as_array().into_iter().flatten().collect();
        match *name {
            "securityLabel" => Fit::of(labelled(case, says, &items, resource)),
            "class" | "resourceType" | "documentType" => classed(&items, resource),
            "code" => coded(&items, resource),
            "dataPeriod" => Fit::of(dated(says, element, resource)),
            "data" => Fit::any(items.iter().map(|item| meant(item, resource))),
            _ => Fit::Yes,
        }
    });
    Fit::all(all).holds_for(says)
}

/// Whether data fits that is not told: a list of kinds of a foreign system matches nothing.
pub(super) fn may_fit(effective: &Effective<'_>) -> Match {
    let known = |item: &Value| KINDS.contains(&text(item, "system")) || text(item, "system") == DOCUMENTS;
    let none = |element: &&Value| !element.as_array().into_iter().flatten().any(known);
    if CLASSES.iter().filter_map(|name| effective.get(name)).any(none) {
        return Match::Never;
    }
    let limits = ["securityLabel", "code", "dataPeriod", "data"];
    let limited = CLASSES.iter().chain(&limits).any(|name| effective.contains_key(name));
    if limited { Match::Sometimes } else { Match::Always }
}

/// A kind of resource, or of document.
fn classed(items: &[&Value], resource: &Value) -> Fit {
    let kind = text(resource, "resourceType");
    let types: Vec<_> = list(&resource["type"], "coding").iter().collect();
    Fit::any(items.iter().map(|item| {
        let is_document = kind == "DocumentReference" || kind == "Composition";
        match text(item, "system") {
            DOCUMENTS if is_document && types.is_empty() => Fit::Unknown,
            DOCUMENTS => Fit::of(
                is_document && types.iter().any(|own| own["system"] == DOCUMENTS && own["code"] == item["code"]),
            ),
            system => Fit::of(KINDS.contains(&system) && text(item, "code") == kind),
        }
    }))
}

/// A permit lists the highest level and every sensitivity that it covers; a denial the lowest level and any sensitivity.
fn labelled(case: &Case<'_>, says: Says, items: &[&Value], resource: &Value) -> bool {
    let level_of = |code: &str| LEVELS.iter().position(|level| *level == code);
    let levels = |codings: &[&Value]| -> Vec<usize> {
        codes(codings.iter().copied(), "v3-Confidentiality").into_iter().filter_map(level_of).collect()
    };
    let sensitive = |codings: &[&Value]| -> Vec<String> {
        let known = |code: &&str| SENSITIVE.split(' ').any(|one| one == *code);
        codes(codings.iter().copied(), "v3-ActCode").into_iter().filter(known).map(str::to_owned).collect()
    };
    let marks: Vec<_> = list(&resource["meta"], "security").iter().collect();
    let told: Vec<_> = all_codes(resource)
        .iter()
        .filter_map(|code| TABLE.iter().find(|entry| entry.0 == *code).map(|entry| entry.1))
        .collect();
    let mut of_resource = sensitive(&marks);
    of_resource.extend(told.iter().filter(|label| **label != "normal").map(|label| (*label).to_owned()));
    let unlabelled = told.is_empty() && case.input["unlabelled"] != "normal" && !is_never_hidden(resource);
    let level = levels(&marks).into_iter().max().or_else(|| level_of(if unlabelled { "R" } else { "N" }));

    let listed = sensitive(items);
    let (lowest, highest) = (levels(items).into_iter().min(), levels(items).into_iter().max());
    match says {
        Says::Permit => {
            let covers = |label: &String| listed.iter().any(|listed| sensitivity_below(label, listed));
            highest.is_some_and(|highest| level <= Some(highest))
                || (!of_resource.is_empty() && of_resource.iter().all(covers))
        }
        Says::Deny => {
            // ETH is not above ETHUD in the code system, but means the same as SUD to a denial.
            let alias = |code: &'_ str| if code == "ETH" { "SUD".to_owned() } else { code.to_owned() };
            let meets = |label: &String| listed.iter().any(|listed| sensitivity_below(&alias(label), &alias(listed)));
            lowest.is_some_and(|lowest| level >= Some(lowest))
                || of_resource.iter().any(meets)
                || (!listed.is_empty() && of_resource.is_empty() && unlabelled)
        }
    }
}

fn is_never_hidden(resource: &Value) -> bool {
    ["Patient", "RelatedPerson", "Coverage"].contains(&text(resource, "resourceType"))
}

fn sensitivity_below(code: &str, listed: &str) -> bool {
    const ABOVE: [(&str, &str); 10] = [
        ("ETHUD", "SUD"),
        ("OPIOIDUD", "SUD"),
        ("SUD", "SPI"),
        ("MH", "SPI"),
        ("PSY", "SPI"),
        ("PSYTHPN", "SPI"),
        ("BH", "SPI"),
        ("COGN", "BH"),
        ("DVD", "BH"),
        ("EMOTDIS", "BH"),
    ];
    code == listed || ABOVE.iter().any(|(below, above)| *below == code && sensitivity_below(above, listed))
}

/// The concept that tells what a resource is about.
fn concepts(resource: &Value) -> Vec<&Value> {
    let names = ["code", "medicationCodeableConcept", "vaccineCode", "type"];
    let own = names.iter().filter_map(|name| resource.get(*name));
    let referred = text(&resource["medicationReference"], "reference").strip_prefix('#');
    let contained = list(resource, "contained").iter().filter(|one| Some(text(one, "id")) == referred);
    let all = own.chain(contained.filter_map(|one| one.get("code")));
    all.flat_map(|one| one.as_array().map_or_else(|| vec![one], |many| many.iter().collect())).collect()
}

fn all_codes(resource: &Value) -> Vec<&str> {
    codings(concepts(resource).into_iter().chain(list(resource, "reasonCode")))
        .map(|coding| text(coding, "code"))
        .collect()
}

fn coded(items: &[&Value], resource: &Value) -> Fit {
    let mut own = codings(concepts(resource)).peekable();
    let listed: Vec<_> = codings(items.iter().copied()).collect();
    if own.peek().is_none() {
        return Fit::Unknown;
    }
    Fit::of(own.any(|own| listed.iter().any(|one| one["system"] == own["system"] && one["code"] == own["code"])))
}

/// A permit needs all of the time of the data to lie inside, a denial any of it; what has no time meets a denial.
fn dated(says: Says, period: &Value, resource: &Value) -> bool {
    let names = [
        "effectiveDateTime",
        "effectivePeriod",
        "effectiveInstant",
        "onsetDateTime",
        "onsetPeriod",
        "authoredOn",
        "performedDateTime",
        "performedPeriod",
        "occurrenceDateTime",
    ];
    let encounter = (text(resource, "resourceType") == "Encounter").then_some("period");
    let own: Vec<Span> =
        names.into_iter().chain(encounter).filter_map(|name| resource.get(name)).filter_map(span).collect();
    let limit = span(period).unwrap_or(ALWAYS);
    match says {
        Says::Permit => !own.is_empty() && own.iter().all(|own| inside(*own, limit)),
        Says::Deny => own.is_empty() || own.iter().any(|own| overlap(*own, limit)),
    }
}

fn meant(item: &Value, resource: &Value) -> Fit {
    let meant = plain(text(&item["reference"], "reference"));
    let is_it = format!("{}/{}", text(resource, "resourceType"), text(resource, "id")) == meant;
    match text(item, "meaning") {
        "instance" => Fit::of(is_it),
        "related" | "dependents" => Fit::of(is_it || points_to(resource, meant)),
        "authoredby" => {
            let names = ["author", "performer", "recorder", "asserter", "requester"];
            let mut authors = Vec::new();
            for value in names.iter().filter_map(|name| resource.get(*name)) {
                references(value, &mut authors);
            }
            if authors.is_empty() { Fit::Unknown } else { Fit::of(authors.contains(&meant)) }
        }
        _ => Fit::Unknown,
    }
}

/// Whether a permit is for single resources alone, or a denial for one of them.
pub(super) fn is_single(says: Says, items: &Value) -> bool {
    let mut single = items.as_array().into_iter().flatten().map(|item| text(item, "meaning") == "instance");
    match says {
        Says::Permit => single.all(|single| single),
        Says::Deny => single.any(|single| single),
    }
}

fn plain(reference: &str) -> &str {
    reference.split("/_history/").next().unwrap_or_default()
}

fn points_to(resource: &Value, to: &str) -> bool {
    let mut found = Vec::new();
    references(resource, &mut found);
    found.contains(&to)
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    if let Some(reference) = value.get("reference").and_then(Value::as_str) {
        found.push(plain(reference));
    }
    let members = value.as_object().into_iter().flat_map(|object| object.values());
    members.chain(value.as_array().into_iter().flatten()).for_each(|inner| references(inner, found));
}
