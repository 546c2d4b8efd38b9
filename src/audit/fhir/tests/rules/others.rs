//! What BALP asks of a disclosure and of a decision by Consents.

use serde_json::json;

use super::{
    CONSENT, DISCLOSURE, Of, Rule, again, agent, agents, entities, entity, every, has, lacks, list, text, without,
};

pub(super) const OTHERS: &[Rule] = &[
    (
        "disclosure: no modifierExtension",
        DISCLOSURE,
        |e| e["modifierExtension"].is_null(),
        |e| e["modifierExtension"] = json!([]),
    ),
    ("disclosure: type", DISCLOSURE, |e| e["type"]["code"] == "110106", |e| e["type"]["code"] = json!("110107")),
    (
        "disclosure: subtype",
        DISCLOSURE,
        |e| list(e, "subtype").any(|s| s["code"] == "disclose"),
        |e| without(&mut e["subtype"][0], "code"),
    ),
    ("disclosure: action R", DISCLOSURE, |e| e["action"] == "R", |e| e["action"] = json!("C")),
    ("disclosure: one source", DISCLOSURE, |e| agents(e, "110153").count() == 1, |e| again(e, "agent", "110153")),
    (
        "disclosure: the source recorded it",
        DISCLOSURE,
        |e| every(agents(e, "110153").map(|a| a["who"] == e["source"]["observer"])),
        |e| agent(e, "110153")["who"] = json!({"display": "x"}),
    ),
    (
        "disclosure: the source has network",
        DISCLOSURE,
        |e| every(agents(e, "110153").map(|a| has(a, &["network"]))),
        |e| without(agent(e, "110153"), "network"),
    ),
    ("disclosure: one recipient", DISCLOSURE, |e| agents(e, "110152").count() == 1, |e| again(e, "agent", "110152")),
    (
        "disclosure: the recipient has who and network",
        DISCLOSURE,
        |e| every(agents(e, "110152").map(|a| has(a, &["who", "network"]))),
        |e| without(agent(e, "110152"), "who"),
    ),
    (
        "disclosure: one custodian at most, with who",
        DISCLOSURE,
        |e| agents(e, "159541003").count() <= 1 && every(agents(e, "159541003").map(|a| has(a, &["who"]))),
        |e| without(agent(e, "159541003"), "who"),
    ),
    ("disclosure: one patient", DISCLOSURE, |e| entities(e, "1").count() == 1, |e| again(e, "entity", "1")),
    (
        "disclosure: the patient's role",
        DISCLOSURE,
        |e| every(entities(e, "1").map(|n| n["role"]["code"] == "1")),
        |e| entity(e, "1")["role"]["code"] = json!("2"),
    ),
    (
        "disclosure: some data",
        DISCLOSURE,
        |e| entities(e, "2").next().is_some(),
        |e| e["entity"].as_array_mut().unwrap().retain(|n| n["type"]["code"] != "2"),
    ),
    ("consent: type", CONSENT, |e| e["type"]["code"] == "110113", |e| e["type"]["code"] = json!("110114")),
    (
        "consent: subtype",
        CONSENT,
        |e| every(list(e, "subtype").map(|s| s["code"] == "AuthZ-Consent" || s["code"] == "AuthZ-Role")),
        |e| e["subtype"][0]["code"] = json!("AuthZ"),
    ),
    ("consent: action E", CONSENT, |e| e["action"] == "E", |e| e["action"] = json!("R")),
    (
        "consent: a denial says why",
        CONSENT,
        |e| e["outcome"] == "0" || text(&e["outcomeDesc"]),
        |e| {
            e["outcome"] = json!("8");
            without(e, "outcomeDesc");
        },
    ),
    ("consent: one client", CONSENT, |e| agents(e, "110150").count() == 1, |e| again(e, "agent", "110150")),
    (
        "consent: the client has who and network",
        CONSENT,
        |e| every(agents(e, "110150").map(|a| has(a, &["who", "network"]))),
        |e| without(agent(e, "110150"), "network"),
    ),
    (
        "consent: the client has no more",
        CONSENT,
        |e| {
            every(
                agents(e, "110150").map(|a| lacks(a, &["role", "altId", "name", "location", "media", "purposeOfUse"])),
            )
        },
        |e| agent(e, "110150")["name"] = json!("x"),
    ),
    (
        "consent: one user",
        CONSENT,
        |e| agents(e, "IRCP").count() == 1,
        |e| {
            again(e, "agent", "IRCP");
            e["agent"].as_array_mut().unwrap().last_mut().unwrap()["requestor"] = json!(false);
        },
    ),
    (
        "consent: the user has no altId or location",
        CONSENT,
        |e| every(agents(e, "IRCP").map(|a| lacks(a, &["altId", "location"]))),
        |e| agent(e, "IRCP")["altId"] = json!("x"),
    ),
    (
        "consent: the organisation has no more",
        CONSENT,
        |e| {
            every(agents(e, "PROV").map(|a| {
                a["requestor"] == false
                    && lacks(a, &["role", "altId", "name", "location", "policy", "media", "network"])
            }))
        },
        |e| agent(e, "PROV")["policy"] = json!(["urn:x"]),
    ),
    ("consent: one authoriser", CONSENT, |e| agents(e, "authserver").count() == 1, |e| again(e, "agent", "authserver")),
    (
        "consent: the authoriser recorded it",
        CONSENT,
        |e| every(agents(e, "authserver").map(|a| a["who"] == e["source"]["observer"])),
        |e| agent(e, "authserver")["who"] = json!({"display": "x"}),
    ),
    (
        "consent: the authoriser has no more",
        CONSENT,
        |e| {
            every(agents(e, "authserver").map(|a| {
                lacks(a, &["role", "altId", "name", "location", "policy", "media", "network", "purposeOfUse"])
            }))
        },
        |e| agent(e, "authserver")["network"] = json!({"type": "2"}),
    ),
    (
        "consent: nothing but person and Consents",
        CONSENT,
        |e| {
            every(
                list(e, "entity")
                    .map(|n| matches!(n["type"]["code"].as_str(), Some("1" | "Consent" | "UserOauthAgent"))),
            )
        },
        |e| e["entity"].as_array_mut().unwrap().push(json!({"type": {"code": "2"}})),
    ),
    ("consent: one patient", CONSENT, |e| entities(e, "1").count() == 1, |e| again(e, "entity", "1")),
    (
        "consent: the patient's role",
        CONSENT,
        |e| every(entities(e, "1").map(|n| n["role"]["code"] == "1")),
        |e| without(entity(e, "1"), "role"),
    ),
    (
        "consent: a Consent, by what",
        CONSENT,
        |e| entities(e, "Consent").next().is_some() && every(entities(e, "Consent").map(|n| has(n, &["what"]))),
        |e| without(entity(e, "Consent"), "what"),
    ),
];

/// What BALP asks where a token was used: OAUTHaccessTokenUse.Minimal, and the entity of AuthZconsent.
pub(super) const TOKEN: &[Rule] = &[
    (
        "token: one policy, the id of the token",
        Of::Token,
        |e| {
            every(agents(e, "UserOauthAgent").map(|a| {
                list(a, "policy").count() == 1
                    && a["policy"][0].as_str().is_some_and(|jti| jti.starts_with("urn:ietf:params:oauth:jti:"))
            }))
        },
        |e| agent(e, "UserOauthAgent")["policy"][0] = json!("token-1"),
    ),
    (
        "token: who, by its issuer",
        Of::Token,
        |e| every(agents(e, "UserOauthAgent").map(|a| has(&a["who"]["identifier"], &["system", "value"]))),
        |e| without(agent(e, "UserOauthAgent"), "who"),
    ),
    (
        "token: the user asked",
        Of::Token,
        |e| every(agents(e, "UserOauthAgent").map(|a| a["requestor"] == true)),
        |e| agent(e, "UserOauthAgent")["requestor"] = json!(false),
    ),
    (
        "token: its user is no network device",
        Of::Token,
        |e| every(agents(e, "UserOauthAgent").map(|a| lacks(a, &["network", "media"]))),
        |e| agent(e, "UserOauthAgent")["network"] = json!({"type": "2"}),
    ),
    (
        "token: one entity at most, by its id",
        Of::Any,
        |e| {
            entities(e, "UserOauthAgent").count() <= 1
                && every(entities(e, "UserOauthAgent").map(|n| {
                    n["what"]["identifier"]["value"]
                        .as_str()
                        .is_some_and(|jti| jti.starts_with("urn:ietf:params:oauth:"))
                }))
        },
        |e| {
            let twice = json!([{"type": {"code": "UserOauthAgent"}}]);
            match e["entity"].as_array_mut() {
                Some(all) => all.push(twice[0].clone()),
                None => e["entity"] = twice,
            }
        },
    ),
];
