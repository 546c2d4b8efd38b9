//! What BALP, FHIR R4 and NEN 7513 ask of an AuditEvent: each rule holds, and is broken by a change that breaks no other.
//!
//! Read from `input/fsh` of <https://github.com/IHE/ITI.BasicAudit> and from NEN 7513:2018 (mandatory fields).

mod others;
mod rest;

use serde_json::{Value, json};

use super::{made, occurrences, stories};
use crate::audit::Part;

/// Which events a rule is about.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// Each.
    Any,
    /// Each that a request of a known caller makes.
    Request,
    /// Those that claim this profile.
    Profile(&'static str),
    /// Those that a token was used for.
    Token,
}

const READ: Of = Of::Profile("IHE.BasicAudit.PatientRead");
const QUERY: Of = Of::Profile("IHE.BasicAudit.PatientQuery");
const DISCLOSURE: Of = Of::Profile("IHE.BasicAudit.PrivacyDisclosure.Source");
const CONSENT: Of = Of::Profile("IHE.BasicAudit.AuthZconsent");

impl Of {
    fn covers(self, event: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Request => agents(event, "IRCP").next().is_some(),
            Self::Token => agents(event, "UserOauthAgent").next().is_some(),
            Self::Profile(name) => {
                event["meta"]["profile"][0].as_str().is_some_and(|url| url.rsplit('/').next() == Some(name))
            }
        }
    }
}

type Rule = (&'static str, Of, fn(&Value) -> bool, fn(&mut Value));

fn list<'a>(event: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    event[name].as_array().into_iter().flatten()
}

fn agents<'a>(event: &'a Value, code: &'static str) -> impl Iterator<Item = &'a Value> {
    list(event, "agent").filter(move |agent| agent["type"]["coding"][0]["code"] == code)
}

fn is_of_token(agent: &Value) -> bool {
    agent["type"]["coding"][0]["code"] == "UserOauthAgent"
}

fn agent<'a>(event: &'a mut Value, code: &str) -> &'a mut Value {
    let mut all = event["agent"].as_array_mut().unwrap().iter_mut();
    all.find(|agent| agent["type"]["coding"][0]["code"] == code).unwrap()
}

fn entities<'a>(event: &'a Value, code: &'static str) -> impl Iterator<Item = &'a Value> {
    list(event, "entity").filter(move |entity| entity["type"]["code"] == code)
}

fn entity<'a>(event: &'a mut Value, code: &str) -> &'a mut Value {
    let mut all = event["entity"].as_array_mut().unwrap().iter_mut();
    all.find(|entity| entity["type"]["code"] == code).unwrap()
}

fn again(event: &mut Value, list: &str, code: &str) {
    let copy = if list == "agent" { agent(event, code).clone() } else { entity(event, code).clone() };
    event[list].as_array_mut().unwrap().push(copy);
}

fn without(object: &mut Value, name: &str) {
    assert!(object.as_object_mut().unwrap().remove(name).is_some(), "there was no {name}");
}

fn every(mut all: impl Iterator<Item = bool>) -> bool {
    all.all(|one| one)
}

fn text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

fn has(agent: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| !agent[*name].is_null())
}

fn lacks(agent: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| agent[*name].is_null())
}

const BASE: &[Rule] = &[
    (
        "id is of the form of ids",
        Of::Any,
        |e| e["id"].as_str().is_some_and(|id| id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')),
        |e| e["id"] = json!("a b"),
    ),
    ("7.2.1 type", Of::Any, |e| text(&e["type"]["system"]), |e| without(&mut e["type"], "system")),
    (
        "7.2.2 action",
        Of::Any,
        |e| matches!(e["action"].as_str(), Some("C" | "R" | "U" | "D" | "E")),
        |e| e["action"] = json!("X"),
    ),
    (
        "7.2.3 recorded is an instant",
        Of::Any,
        |e| e["recorded"].as_str().is_some_and(|text| crate::audit::access::moment(text).is_some()),
        |e| e["recorded"] = json!("2026-03-01"),
    ),
    (
        "7.2.5 outcome",
        Of::Any,
        |e| matches!(e["outcome"].as_str(), Some("0" | "4" | "8" | "12")),
        |e| e["outcome"] = json!("9"),
    ),
    (
        "requestor on every agent",
        Of::Any,
        |e| list(e, "agent").count() > 0 && every(list(e, "agent").map(|a| a["requestor"].is_boolean())),
        |e| {
            e["agent"].as_array_mut().unwrap().push(json!({"who": {"display": "x"}}));
        },
    ),
    (
        "network types of R4",
        Of::Any,
        |e| {
            every(list(e, "agent").map(|a| {
                a["network"].is_null() || matches!(a["network"]["type"].as_str(), Some("1" | "2" | "3" | "4" | "5"))
            }))
        },
        |e| e["agent"].as_array_mut().unwrap().push(json!({"requestor": false, "network": {"type": "ip"}})),
    ),
    (
        "7.5.2 source",
        Of::Any,
        |e| has(&e["source"]["observer"]["identifier"], &["system", "value"]),
        |e| {
            without(&mut e["source"], "site");
            e["source"]["observer"]["identifier"]["system"] = Value::Null;
            for agent in e["agent"].as_array_mut().unwrap() {
                if agent["who"]["identifier"]["value"] == "00000002" {
                    agent["who"]["identifier"]["system"] = Value::Null;
                }
            }
        },
    ),
    (
        "sev-1: a name or a query",
        Of::Any,
        |e| every(list(e, "entity").map(|n| n["name"].is_null() || n["query"].is_null())),
        |e| {
            let one = json!({"name": "x", "query": "eA==", "type": {"system": "urn:x", "code": "x"}});
            match e["entity"].as_array_mut() {
                Some(all) if all.iter().any(|n| !n["query"].is_null()) => {
                    all.iter_mut().for_each(|n| n["name"] = json!("x"))
                }
                Some(_) | None => e["entity"] = json!([one]),
            }
        },
    ),
    (
        "a detail has a value",
        Of::Any,
        |e| {
            every(
                list(e, "entity").flat_map(|n| list(n, "detail")).map(|d| text(&d["type"]) && text(&d["valueString"])),
            )
        },
        |e| match e["entity"].as_array_mut() {
            Some(all) if all.iter().any(|n| n["type"]["code"] == "1") => {
                all.iter_mut().filter(|n| n["type"]["code"] == "1").for_each(|n| n["detail"] = json!([{"type": "x"}]))
            }
            Some(_) | None => {
                e["entity"] = json!([{"detail": [{"type": "x"}], "type": {"system": "urn:x", "code": "x"}}])
            }
        },
    ),
    (
        "exactly one asked",
        Of::Request,
        // The user of a token is the one who asked, once more.
        |e| list(e, "agent").filter(|a| a["requestor"] == true && !is_of_token(a)).count() == 1,
        |e| {
            e["agent"].as_array_mut().unwrap().push(json!({"requestor": true}));
        },
    ),
    (
        "7.3.1 user",
        Of::Request,
        |e| every(agents(e, "IRCP").map(|a| has(&a["who"]["identifier"], &["system", "value"]))),
        |e| without(&mut agent(e, "IRCP")["who"]["identifier"], "system"),
    ),
    (
        "7.3.4 role",
        Of::Request,
        |e| every(agents(e, "IRCP").map(|a| text(&a["role"][0]["coding"][0]["code"]))),
        |e| without(agent(e, "IRCP"), "role"),
    ),
    (
        "7.3.6 responsible organisation",
        Of::Request,
        |e| agents(e, "PROV").count() == 1 && every(agents(e, "PROV").map(|a| text(&a["who"]["identifier"]["value"]))),
        |e| without(&mut agent(e, "PROV")["who"]["identifier"], "value"),
    ),
    (
        "7.4.3 patient by reference",
        Of::Request,
        |e| every(entities(e, "1").map(|n| n["what"]["reference"].as_str().is_some_and(|r| r.starts_with("Patient/")))),
        |e| {
            if entities(e, "1").next().is_none() {
                e["entity"] = json!([{"type": {"code": "1"}}]);
            } else {
                entity(e, "1")["what"]["reference"] = json!("Group/1");
            }
        },
    ),
    (
        "7.4.6 authorisation protocol",
        Of::Request,
        |e| {
            every(
                agents(e, "IRCP")
                    .map(|a| list(a, "policy").any(|p| p.as_str().is_some_and(|p| p.starts_with("urn:sluis:policy:")))),
            )
        },
        |e| without(agent(e, "IRCP"), "policy"),
    ),
    (
        "purpose",
        Of::Request,
        |e| every(agents(e, "IRCP").map(|a| text(&a["purposeOfUse"][0]["coding"][0]["code"]))),
        |e| without(agent(e, "IRCP"), "purposeOfUse"),
    ),
    (
        "a user is no network device",
        Of::Request,
        |e| every(agents(e, "IRCP").map(|a| lacks(a, &["network", "media"]))),
        |e| agent(e, "IRCP")["network"] = json!({"type": "2"}),
    ),
];

fn rules() -> impl Iterator<Item = &'static Rule> {
    BASE.iter().chain(rest::REST).chain(others::OTHERS).chain(others::TOKEN)
}

fn broken(event: &Value) -> Vec<&'static str> {
    let fails = |(_, of, holds, _): &&Rule| of.covers(event) && !holds(event);
    rules().filter(fails).map(|(name, ..)| *name).collect()
}

fn every_event() -> Vec<Value> {
    let mut events: Vec<Value> = stories().iter().flat_map(|story| made(story, Part::Protected)).collect();
    events.extend(occurrences());
    events
}

#[test]
fn every_event_keeps_every_rule() {
    for event in every_event() {
        assert_eq!(broken(&event), Vec::<&str>::new(), "{event:#}");
    }
}

#[test]
fn each_rule_is_broken_by_a_change_that_breaks_no_other() {
    let events = every_event();
    for (name, of, _, breaks) in rules() {
        let mut covered = events.iter().filter(|event| of.covers(event)).cloned().collect::<Vec<_>>();
        assert!(!covered.is_empty(), "no event for {name}");
        for event in &mut covered {
            // A profile fixes some of what others leave open: a general rule is broken alone where none is claimed.
            let alone = event["meta"]["profile"].is_null() || matches!(of, Of::Profile(_));
            breaks(event);
            let broken = broken(event);
            assert!(broken.contains(name) && (broken.len() == 1 || !alone), "{name}: {broken:?} {event:#}");
        }
    }
}
