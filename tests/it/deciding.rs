//! Deciding end to end: what a Consent says of codes, times and single data, and how several combine.

use sluis::cli::demo::fhir_server::FhirServer;

use crate::world::{Plan, records};

/// The results of Bram that a doctor at the bridge gets to see, of those with these ids.
async fn seen(plan: Plan, ids: &[&str]) -> Vec<String> {
    let world = plan.open();
    let entries = world.get("huisarts-brug", "Observation?patient=bram").await.entries();
    let named = |entry: &String| ids.iter().any(|id| entry.ends_with(&format!("/{id}")));
    entries.into_iter().filter(named).collect()
}

fn with(consents: &[String], results: &[(&str, &str)]) -> Plan {
    let plan = Plan::of_demo();
    for consent in consents {
        plan.server().put(consent).unwrap();
    }
    for (id, members) in results {
        plan.server().put(&records::result(id, "bram", members)).unwrap();
    }
    plan
}

#[tokio::test]
async fn a_denial_of_a_visit_hides_what_belongs_to_it_and_what_it_names() {
    let visit = r#"{"resourceType":"Encounter","id":"visit","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/bram"},"extension":[{"url":"urn:x","valueReference":{"reference":"Observation/named"}}]}"#;
    let denial = r#"{"type":"deny","data":[{"meaning":"related","reference":{"reference":"Encounter/visit"}}]}"#;
    let results = [("belongs", r#","encounter":{"reference":"Encounter/visit"}"#), ("named", ""), ("other", "")];
    let plan = with(&[records::consent("about-visit", "bram", denial)], &results);
    plan.server().put(visit).unwrap();
    assert_eq!(seen(plan, &["belongs", "named", "other"]).await, ["Observation/other"]);
    // The twin: without the Consent all of them are there.
    let plan = with(&[], &results);
    plan.server().put(visit).unwrap();
    assert_eq!(seen(plan, &["belongs", "named", "other"]).await.len(), 3);
}

#[tokio::test]
async fn a_permit_for_what_belongs_to_a_visit_counts_only_where_the_visit_is_seen() {
    let visit = r#"{"resourceType":"Encounter","id":"visit","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/anna"}}"#;
    let belongs = records::result("belongs", "anna", r#","encounter":{"reference":"Encounter/visit"}"#);
    let permit = r#"{"type":"permit","data":[{"meaning":"related","reference":{"reference":"Encounter/visit"}}]}"#;
    let hidden = r#"{"type":"deny","data":[{"meaning":"instance","reference":{"reference":"Encounter/visit"}}]}"#;
    for (denials, sees) in [(vec![], 1), (vec![records::consent("no-visit", "anna", hidden)], 0)] {
        let plan = Plan::of_demo();
        let permit = records::consent("about-visit", "anna", permit);
        for resource in [visit.to_owned(), belongs.clone(), permit].iter().chain(&denials) {
            plan.server().put(resource).unwrap();
        }
        let entries = plan.open().get("huisarts-brug", "Observation?patient=anna").await.entries();
        let found = entries.iter().filter(|entry| entry.ends_with("/belongs")).count();
        assert_eq!(found, sees, "{entries:?}");
    }
}

#[tokio::test]
async fn a_denial_of_what_somebody_wrote_knows_them_by_their_number() {
    let number = r#"{"system":"http://fhir.nl/fhir/NamingSystem/uzi-nr-pers","value":"900000077"}"#;
    let writer = format!(r#"{{"resourceType":"Practitioner","id":"writer","identifier":[{number}]}}"#);
    let denial = r#"{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}],"data":[{"meaning":"authoredby","reference":{"reference":"Practitioner/writer"}}]}"#;
    let by_number = format!(r#","performer":[{{"identifier":{number}}}]"#);
    let by_other = by_number.replace("900000077", "900000078");
    let results = [("by-number", by_number.as_str()), ("by-other", by_other.as_str())];
    let plan = with(&[records::consent("about-writer", "bram", denial)], &results);
    plan.server().put(&writer).unwrap();
    let found = seen(plan, &["by-number", "by-other"]).await;
    assert!(!found.contains(&"Observation/by-number".to_owned()), "{found:?}");
}

#[tokio::test]
async fn a_value_set_of_the_hospital_s_own_is_known() {
    let denial = r#"{"type":"deny","code":[{"coding":[{"system":"urn:ietf:rfc:3986","code":"urn:own:blood"}]}]}"#;
    let consents = [records::consent("about-blood", "bram", denial)];
    let file = "canonical = \"urn:own:blood\"\ntitle = \"Blood\"\n[[include]]\nsystem = \"http://loinc.org\"\ncodes = [\"718-7\"]\n";
    let plan = with(&consents, &[("haemoglobin", "")]).set("profiles.directory", "own/");
    std::fs::create_dir_all(plan.dir().join("own/value-sets")).unwrap();
    std::fs::write(plan.dir().join("own/value-sets/blood.toml"), file).unwrap();
    let world = plan.open();
    let entries = world.get("huisarts-brug", "Observation?patient=bram").await.entries();
    assert!(!entries.is_empty() && !entries.contains(&"Observation/haemoglobin".to_owned()), "{entries:?}");
    // The twin: without the file the Consent cannot be read, and nothing is seen.
    let world = with(&consents, &[("haemoglobin", "")]).open();
    assert!(world.get("huisarts-brug", "Observation?patient=bram").await.entries().is_empty());
}

#[tokio::test]
async fn each_way_of_combining_is_the_one_that_is_configured() {
    let dated = |id: &str, date: &str, provision: &str| {
        records::consent(id, "bram", provision).replace("2025-03-10T10:00:00+01:00", date)
    };
    let kind = r#""class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]"#;
    let consents = [
        dated("objection", "2024-01-01", &format!(r#"{{"type":"deny",{kind}}}"#)),
        dated("newer", "2025-06-01", r#"{"type":"permit"}"#),
    ];
    for (combining, sees) in [("deny-overrides", false), ("newest-wins", true), ("most-specific", false)] {
        let plan = with(&consents, &[("result", "")]).set("consent.combining", combining);
        assert_eq!(seen(plan, &["result"]).await.len(), usize::from(sees), "{combining}");
    }
    // What the demo has on file for Bram is a permit for one organisation, later than the objection.
    let code = r#"{"type":"permit","code":[{"coding":[{"system":"http://loinc.org","code":"718-7"}]}]}"#;
    let consents = [consents[0].clone(), dated("specific", "2020-01-01", code)];
    for (combining, sees) in [("deny-overrides", false), ("newest-wins", true), ("most-specific", true)] {
        let plan = with(&consents, &[("result", "")]).set("consent.combining", combining);
        assert_eq!(seen(plan, &["result"]).await.len(), usize::from(sees), "{combining}");
    }
}

/// Consents of R5 at a server of their own, beside the upstream.
#[tokio::test]
async fn a_source_of_r5_is_read_as_what_it_is() {
    let consent = |decision: &str| {
        format!(
            r#"{{"resourceType":"Consent","id":"r5","status":"active","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}}],"subject":{{"reference":"Patient/register-anna"}},"decision":"{decision}"}}"#
        )
    };
    let bsn = records::each("anna")[0]["identifier"][0]["value"].as_str().unwrap().to_owned();
    for (version, decision, shows) in [("5.0", "permit", true), ("5.0", "deny", false), ("4.0", "permit", false)] {
        let register = FhirServer::start().unwrap();
        register.put(&records::patient("register-anna", &bsn)).unwrap();
        register.put(&consent(decision)).unwrap();
        let plan = Plan::of_demo()
            .set("consent.sources", vec![format!("fhir:{}", register.base())])
            .set("consent.fhir_version", version);
        let found = plan.open().get("huisarts-brug", "AllergyIntolerance?patient=anna").await.entries();
        assert_eq!(!found.is_empty(), shows, "{version} {decision}");
    }
}
