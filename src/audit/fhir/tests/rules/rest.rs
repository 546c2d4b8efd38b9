//! What BALP asks of a read and of a query.

use serde_json::json;

use super::{QUERY, READ, Rule, again, agent, agents, entities, entity, every, has, lacks, list, text, without};

pub(super) const REST: &[Rule] = &[
    ("read: type", READ, |e| e["type"]["code"] == "rest", |e| e["type"]["code"] = json!("object")),
    (
        "read: subtype",
        READ,
        |e| list(e, "subtype").any(|s| matches!(s["code"].as_str(), Some("read" | "vread"))),
        |e| e["subtype"] = json!([{"code": "create"}]),
    ),
    ("read: action R", READ, |e| e["action"] == "R", |e| e["action"] = json!("E")),
    ("read: success", READ, |e| e["outcome"] == "0", |e| e["outcome"] = json!("4")),
    ("read: one client", READ, |e| agents(e, "110152").count() == 1, |e| again(e, "agent", "110152")),
    (
        "read: the client has who and network",
        READ,
        |e| every(agents(e, "110152").map(|a| has(a, &["who", "network"]))),
        |e| without(agent(e, "110152"), "network"),
    ),
    ("read: one server", READ, |e| agents(e, "110153").count() == 1, |e| again(e, "agent", "110153")),
    (
        "read: the server has who and network",
        READ,
        |e| every(agents(e, "110153").map(|a| has(a, &["who", "network"]))),
        |e| without(agent(e, "110153"), "who"),
    ),
    ("read: one resource", READ, |e| entities(e, "2").count() == 1, |e| again(e, "entity", "2")),
    (
        "read: its role and what",
        READ,
        |e| {
            every(
                entities(e, "2")
                    .map(|n| matches!(n["role"]["code"].as_str(), Some("4" | "3" | "20")) && has(n, &["what"])),
            )
        },
        |e| entity(e, "2")["role"]["code"] = json!("24"),
    ),
    ("read: one patient", READ, |e| entities(e, "1").count() == 1, |e| again(e, "entity", "1")),
    (
        "read: the patient's role",
        READ,
        |e| every(entities(e, "1").map(|n| n["role"]["code"] == "1")),
        |e| entity(e, "1")["role"]["code"] = json!("2"),
    ),
    ("query: type", QUERY, |e| e["type"]["code"] == "rest", |e| e["type"]["code"] = json!("object")),
    (
        "query: subtype",
        QUERY,
        |e| list(e, "subtype").any(|s| matches!(s["code"].as_str(), Some("search" | "search-type" | "search-system"))),
        |e| e["subtype"] = json!([{"code": "create"}]),
    ),
    ("query: action E", QUERY, |e| e["action"] == "E", |e| e["action"] = json!("R")),
    ("query: success", QUERY, |e| e["outcome"] == "0", |e| e["outcome"] = json!("8")),
    ("query: one client", QUERY, |e| agents(e, "110153").count() == 1, |e| again(e, "agent", "110153")),
    (
        "query: the client has who and network",
        QUERY,
        |e| every(agents(e, "110153").map(|a| has(a, &["who", "network"]))),
        |e| without(agent(e, "110153"), "network"),
    ),
    ("query: one server", QUERY, |e| agents(e, "110152").count() == 1, |e| again(e, "agent", "110152")),
    (
        "query: the server has who and network",
        QUERY,
        |e| every(agents(e, "110152").map(|a| has(a, &["who", "network"]))),
        |e| without(agent(e, "110152"), "who"),
    ),
    (
        "query: at most one user",
        QUERY,
        |e| agents(e, "IRCP").count() <= 1,
        |e| {
            again(e, "agent", "IRCP");
            e["agent"].as_array_mut().unwrap().last_mut().unwrap()["requestor"] = json!(false);
        },
    ),
    (
        "query: one transaction at most, by its id",
        QUERY,
        |e| {
            entities(e, "XrequestId").count() <= 1
                && every(entities(e, "XrequestId").map(|n| text(&n["what"]["identifier"]["value"])))
        },
        |e| without(&mut entity(e, "XrequestId")["what"]["identifier"], "value"),
    ),
    ("query: one query", QUERY, |e| entities(e, "2").count() == 1, |e| again(e, "entity", "2")),
    (
        "query: its role, and the request in base64",
        QUERY,
        |e| every(entities(e, "2").map(|n| n["role"]["code"] == "24" && text(&n["query"]))),
        |e| without(entity(e, "2"), "query"),
    ),
    (
        "query: no what, lifecycle or detail",
        QUERY,
        |e| every(entities(e, "2").map(|n| lacks(n, &["what", "lifecycle", "detail"]))),
        |e| entity(e, "2")["what"] = json!({"reference": "Condition/1"}),
    ),
    ("query: one patient", QUERY, |e| entities(e, "1").count() == 1, |e| again(e, "entity", "1")),
    (
        "query: the patient's role",
        QUERY,
        |e| every(entities(e, "1").map(|n| n["role"]["code"] == "1")),
        |e| entity(e, "1")["role"]["code"] = json!("2"),
    ),
];
