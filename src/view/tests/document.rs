//! The rules of a document and of the International Patient Summary, each with a twin that breaks it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The sections, in the order of HL7 IPS 2.0.1.
const SECTIONS: [&str; 16] = [
    "11450-4", "48765-2", "10160-0", "11369-6", "30954-2", "47519-4", "46264-8", "42348-3", "104605-1", "47420-5",
    "11348-0", "10162-6", "81338-6", "18776-5", "29762-2", "8716-3",
];
const REQUIRED: [&str; 3] = ["11450-4", "48765-2", "10160-0"];
const XHTML: &str = r#"<div xmlns="http://www.w3.org/1999/xhtml">"#;

type Rule = (&'static str, fn(&Value) -> bool);

const RULES: [Rule; 21] = [
    ("a Bundle of type document", |bundle| bundle["resourceType"] == "Bundle" && bundle["type"] == "document"),
    ("bdl-1, bdl-2: neither total nor search", |bundle| {
        bundle.get("total").is_none() && entries(bundle).iter().all(|entry| entry.get("search").is_none())
    }),
    ("bdl-3, bdl-4: neither request nor response", |bundle| {
        entries(bundle).iter().all(|entry| entry.get("request").is_none() && entry.get("response").is_none())
    }),
    ("bdl-7: fullUrl is unique", |bundle| {
        let urls: BTreeSet<_> = entries(bundle).iter().map(|entry| entry["fullUrl"].to_string()).collect();
        urls.len() == entries(bundle).len()
    }),
    ("bdl-8: fullUrl is there, absolute and of no version", |bundle| {
        let is_good =
            |url: &str| (url.starts_with("https://") || url.starts_with("urn:uuid:")) && !url.contains("/_history/");
        entries(bundle).iter().all(|entry| entry["fullUrl"].as_str().is_some_and(is_good))
    }),
    ("fullUrl is that of the resource", |bundle| {
        entries(bundle).iter().all(|entry| {
            let url = text(&entry["fullUrl"]);
            let resource = &entry["resource"];
            url.starts_with("urn:uuid:")
                || url.ends_with(&format!("/{}/{}", text(&resource["resourceType"]), text(&resource["id"])))
        })
    }),
    ("bdl-9: an identifier with a system and a value", |bundle| {
        ["system", "value"].iter().all(|name| bundle["identifier"][name].is_string())
    }),
    ("bdl-10: a timestamp", |bundle| bundle["timestamp"].as_str().is_some_and(|text| text.ends_with('Z'))),
    ("bdl-11: the first entry is the Composition", |bundle| composition(bundle)["resourceType"] == "Composition"),
    ("bdl-ips-1: one Composition", |bundle| {
        entries(bundle).iter().filter(|entry| entry["resource"]["resourceType"] == "Composition").count() == 1
    }),
    ("what a Composition must say", |bundle| {
        let composition = composition(bundle);
        composition["status"] == "final"
            && composition["type"]["coding"][0] == json!({"system": "http://loinc.org", "code": "60591-5"})
            && composition["title"].is_string()
            && composition["date"] == bundle["timestamp"]
            && composition["author"].as_array().is_some_and(|authors| !authors.is_empty())
    }),
    ("the subject is a Patient", |bundle| {
        resolved(bundle, &composition(bundle)["subject"])
            .is_some_and(|entry| entry["resource"]["resourceType"] == "Patient")
    }),
    ("it says that data may be incomplete", |bundle| {
        text(&composition(bundle)["text"]["div"]).contains("Data may be incomplete")
    }),
    ("the required sections are there", |bundle| REQUIRED.iter().all(|code| codes(bundle).contains(code))),
    ("sections are those of the guide, in its order", |bundle| {
        let places: Vec<_> = codes(bundle).iter().map(|code| SECTIONS.iter().position(|known| known == code)).collect();
        places.iter().all(Option::is_some) && places.is_sorted_by(|one, other| one < other)
    }),
    ("cmp-1 and a narrative: each section has its own text", |bundle| {
        sections(bundle).iter().all(|section| is_narrative(&section["text"]))
            && is_narrative(&composition(bundle)["text"])
    }),
    ("cmp-2: an empty reason where there is no entry and nowhere else", |bundle| {
        sections(bundle).iter().all(|section| section.get("emptyReason").is_some() != section.get("entry").is_some())
    }),
    ("ips-comp-1: only a required section is empty, and it says unavailable", |bundle| {
        sections(bundle).iter().filter(|section| section.get("entry").is_none()).all(|section| {
            REQUIRED.contains(&text(&section["code"]["coding"][0]["code"]).as_str())
                && section["emptyReason"]["coding"][0]
                    == json!({
                        "system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"
                    })
                && section["emptyReason"]["text"].is_string()
        })
    }),
    ("every reference of the Composition leads to an entry", |bundle| {
        let mut references = Vec::new();
        references_in(composition(bundle), &mut references);
        references.iter().all(|reference| resolved(bundle, &json!({"reference": reference})).is_some())
    }),
    ("no entry is an orphan", |bundle| reached(bundle).len() == entries(bundle).len()),
    ("no resource has a narrative of its own", |bundle| {
        entries(bundle).iter().skip(1).all(|entry| entry["resource"].get("text").is_none())
    }),
];

/// Returns the rules that a document breaks.
pub(super) fn broken(bundle: &Value) -> Vec<&'static str> {
    RULES.iter().filter(|(_, holds)| !holds(bundle)).map(|(name, _)| *name).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn entries(bundle: &Value) -> &[Value] {
    bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn composition(bundle: &Value) -> &Value {
    &bundle["entry"][0]["resource"]
}

pub(super) fn sections(bundle: &Value) -> &[Value] {
    composition(bundle)["section"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn codes(bundle: &Value) -> Vec<&str> {
    sections(bundle).iter().filter_map(|section| section["code"]["coding"][0]["code"].as_str()).collect()
}

fn is_narrative(narrative: &Value) -> bool {
    let div = text(&narrative["div"]);
    let Some(inside) = div.strip_prefix(XHTML).and_then(|rest| rest.strip_suffix("</div>")) else { return false };
    let tags = ["<p>", "</p>", "<ul>", "</ul>", "<li>", "</li>"];
    let words = tags.iter().fold(inside.to_owned(), |text, tag| text.replace(tag, ""));
    narrative["status"] == "generated" && !words.trim().is_empty() && !words.contains(['<', '>'])
}

fn references_in(value: &Value, references: &mut Vec<String>) {
    if let Some(reference) = value.get("reference").and_then(Value::as_str) {
        references.push(reference.to_owned());
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| references_in(item, references)),
        Value::Object(members) => members.values().for_each(|member| references_in(member, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// FHIR R4, Bundle, "Resolving references in Bundles": an absolute one is a fullUrl, a relative one is below the base of the
/// entry that it stands in.
fn resolved<'b>(bundle: &'b Value, reference: &Value) -> Option<&'b Value> {
    let reference = text(&reference["reference"]);
    let url = reference.split("/_history/").next().unwrap_or_default();
    let absolute = url.starts_with("https://") || url.starts_with("urn:");
    let matches = |full: &str| if absolute { full == url } else { full.ends_with(&format!("/{url}")) };
    entries(bundle).iter().find(|entry| entry["fullUrl"].as_str().is_some_and(matches))
}

/// Returns the entries that are reached from the Composition.
fn reached(bundle: &Value) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&Value> = entries(bundle).first().into_iter().collect();
    while let Some(entry) = ahead.pop() {
        if reached.insert(entry["fullUrl"].to_string()) {
            let mut references = Vec::new();
            references_in(&entry["resource"], &mut references);
            ahead.extend(references.iter().filter_map(|to| resolved(bundle, &json!({"reference": to}))));
        }
    }
    reached
}

/// A small document that keeps every rule.
fn kept() -> Value {
    let narrative = |inside: &str| json!({"status": "generated", "div": format!("{XHTML}{inside}</div>")});
    let section = |code: &str, rest: Value| {
        let mut section = json!({"title": "t", "code": {"coding": [{"system": "http://loinc.org", "code": code}]}});
        section.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        section
    };
    let none = || {
        json!({"text": narrative("<p>No information available</p>"), "emptyReason": {"text": "none", "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "unavailable"}]}})
    };
    let entry = |text: &str, url: &str| json!({"text": narrative(text), "entry": [{"reference": url}]});
    json!({
        "resourceType": "Bundle", "type": "document", "timestamp": "2026-03-01T12:00:00Z",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1"},
        "entry": [
            {"fullUrl": "urn:uuid:c", "resource": {
                "resourceType": "Composition", "status": "final", "title": "t", "date": "2026-03-01T12:00:00Z",
                "text": narrative("<p>Data may be incomplete.</p>"),
                "type": {"coding": [{"system": "http://loinc.org", "code": "60591-5"}]},
                "subject": {"reference": "https://gw/fhir/Patient/a"}, "author": [{"reference": "urn:uuid:o"}],
                "section": [
                    section("11450-4", entry("<ul><li>a &amp; b</li></ul>", "https://gw/fhir/Condition/c")),
                    section("48765-2", none()), section("10160-0", none()),
                    section("30954-2", entry("x", "https://gw/fhir/Observation/o")),
                ],
            }},
            {"fullUrl": "urn:uuid:o", "resource": {"resourceType": "Organization"}},
            {"fullUrl": "https://gw/fhir/Patient/a", "resource": {"resourceType": "Patient", "id": "a"}},
            {"fullUrl": "https://gw/fhir/Condition/c", "resource": {"resourceType": "Condition", "id": "c",
                "asserter": {"reference": "Practitioner/p"}, "subject": {"reference": "Patient/a"}}},
            {"fullUrl": "https://gw/fhir/Observation/o", "resource": {"resourceType": "Observation", "id": "o"}},
            {"fullUrl": "https://gw/fhir/Practitioner/p", "resource": {"resourceType": "Practitioner", "id": "p"}},
        ],
    })
}

#[test]
fn each_rule_is_kept_by_one_document_and_broken_by_its_twin() {
    assert_eq!(broken(&kept()), Vec::<&str>::new());
    let composition = |name: &str| format!("/entry/0/resource/{name}");
    let section = |at: usize, name: &str| format!("/entry/0/resource/section/{at}/{name}");
    let twins: [(usize, &str, Value); 24] = [
        (0, "/type", json!("collection")),
        (1, "/total", json!(1)),
        (2, "/entry/1/request", json!({"method": "GET"})),
        (3, "/entry/1/fullUrl", json!("https://gw/fhir/Patient/a")),
        (4, "/entry/3/fullUrl", json!("https://gw/fhir/Condition/c/_history/1")),
        (5, "/entry/5/resource/id", json!("q")),
        (6, "/identifier/value", Value::Null),
        (7, "/timestamp", Value::Null),
        (8, "/entry/0/resource/resourceType", json!("List")),
        (9, "/entry/1/resource/resourceType", json!("Composition")),
        (10, &composition("status"), json!("preliminary")),
        (10, &composition("type/coding/0/code"), json!("11450-4")),
        (11, &composition("subject/reference"), json!("https://gw/fhir/Condition/c")),
        (12, &composition("text/div"), json!(format!("{XHTML}<p>All there is.</p></div>"))),
        (13, &section(2, "code/coding/0/code"), json!("11369-6")),
        (14, &section(3, "code/coding/0/code"), json!("11348-0-x")),
        (15, &section(3, "text/div"), json!(format!("{XHTML}<b>x</b></div>"))),
        (15, &section(3, "text/div"), json!(format!("{XHTML}<p> </p></div>"))),
        (16, &section(3, "emptyReason"), json!({"text": "none"})),
        (17, &section(1, "emptyReason/coding/0/code"), json!("withheld")),
        (17, &section(1, "emptyReason/coding/0/code"), json!("nilknown")),
        (18, &composition("author/0/reference"), json!("urn:uuid:x")),
        (19, "/entry/3/resource/asserter/reference", json!("Practitioner/q")),
        (20, "/entry/3/resource/text", json!({"status": "generated"})),
    ];
    let mut seen = BTreeSet::new();
    for (rule, pointer, value) in twins {
        let mut twin = kept();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        twin.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        assert!(broken(&twin).contains(&RULES[rule].0), "{pointer}: {:?}", broken(&twin));
        seen.insert(rule);
    }
    assert_eq!(seen.len(), RULES.len(), "each rule has a twin");
}
