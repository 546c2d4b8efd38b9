//! `sluis serve`, `sluis check` and `sluis demo` as an operator meets them (design section 6).

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sluis::cli::demo::fhir_server::Fault;

use crate::world::ask::{Ask, ask};
use crate::world::process::{Ran, sluis};
use crate::world::{Plan, World};

fn check(configuration: &Path) -> Ran {
    sluis(&["check", "--config", configuration.to_str().unwrap()], "")
}

#[tokio::test]
async fn the_ready_line_says_where_it_listens_and_it_does() {
    let mut world = World::of_demo();
    let ready = world.gateway().ready().clone();
    let names: Vec<_> = ready.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["admin", "listening"]);
    assert!(world.port() != 0 && !world.admin().ends_with(":0"));
    assert_eq!(world.get("huisarts-brug", "metadata").await.status, 200);
    assert_eq!(world.admin_get("/live").await.0, 200);
}

/// A client for the server is dear to make, and a connection to it takes as long as an answer.
#[tokio::test]
async fn connections_to_the_server_are_kept_from_one_request_to_the_next() {
    let world = Plan::of_demo().set("listen.workers", 1).open();
    for _ in 0..12 {
        assert_eq!(world.get("huisarts-brug", "Observation?patient=bram").await.status, 200);
    }
    let asked = world.asked();
    let connections: HashSet<_> = asked.iter().map(|seen| seen.peer.expect("a request has a connection")).collect();
    assert!(asked.len() >= 12 && connections.len() < 6, "{} requests on {connections:?}", asked.len());
}

#[tokio::test]
async fn sigterm_finishes_what_runs_and_ends_with_zero() {
    let mut world = World::of_demo();
    world.server().plant("Condition", Fault::Slow(Duration::from_secs(3)));
    let (client, port) = (world.client("huisarts-brug"), world.port());
    let request = Ask::get("huisarts-brug", "Condition?patient=bram").under("running");
    let running = tokio::spawn(async move { ask(&client, port, &request).await });
    world.until_asked("Condition").await;
    world.gateway().terminate();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // Nobody comes in any more, and who was in gets the whole answer.
    let late = world.try_ask(&Ask::get("huisarts-brug", "metadata")).await;
    assert_eq!(late.unwrap_err().status, 0);
    let reply = running.await.unwrap().unwrap_or_else(|cut| panic!("{cut:?}\n{}", world.log()));
    assert_eq!((reply.status, reply.entries().len()), (200, 3));
    assert_eq!(world.gateway().wait(Duration::from_secs(20)).code(), Some(0));
    assert_eq!(world.closed("running").await["outcome"], "delivered");
    world.assert_intact();
}

#[tokio::test]
async fn operators_see_that_it_lives_is_ready_and_what_it_counts() {
    let world = World::of_demo();
    for _ in 0..100 {
        if world.admin_get("/ready").await.0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, ready) = world.admin_get("/ready").await;
    assert_eq!(status, 200, "{ready}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ready).unwrap()["ready"], true);
    world.get("huisarts-brug", "Condition?patient=bram").await;
    world.get("huisarts-brug", "Condition?patient=anna").await;
    let (status, metrics) = world.admin_get("/metrics").await;
    assert_eq!(status, 200);
    let counted = |parts: &[&str]| {
        metrics.lines().any(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)))
    };
    assert!(counted(&["outcome=\"delivered\""]), "{metrics}");
    assert!(counted(&["outcome=\"refused\"", "ground=\"nothing-on-file\""]), "{metrics}");
    assert_eq!(world.admin_get("/fhir/Patient/bram").await.0, 404);
    assert_eq!(world.admin_get("/").await.0, 404);
}

#[tokio::test]
async fn it_is_not_ready_while_a_source_of_consents_cannot_be_searched() {
    let plan = Plan::of_demo();
    plan.server().plant("Consent", Fault::Html500);
    let world = plan.open();
    world.until_asked("Consent").await;
    let (status, ready) = world.admin_get("/ready").await;
    assert_eq!(status, 503, "{ready}");
    assert!(ready.contains("consent-sources"), "{ready}");
    assert_eq!(world.admin_get("/live").await.0, 200);
}

#[test]
fn a_port_in_use_is_an_error_that_ends_with_one() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["listen.address", "admin.address"] {
        let plan = Plan::of_demo().set(key, address.as_str());
        let ran = sluis(&["serve", "--config", plan.write().to_str().unwrap()], "");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("bind") || ran.stderr.contains("bound"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn it_runs_with_one_worker_and_with_several() {
    for workers in [1, 3] {
        let world = Plan::of_demo().set("listen.workers", workers).open();
        let mut running = Vec::new();
        for _ in 0..8 {
            let (client, port) = (world.client("huisarts-brug"), world.port());
            let request = Ask::get("huisarts-brug", "Observation?patient=bram&_count=100");
            running.push(tokio::spawn(async move { ask(&client, port, &request).await.unwrap() }));
        }
        for each in running {
            assert_eq!(each.await.unwrap().status, 200);
        }
    }
}

#[tokio::test]
async fn keys_and_journal_are_for_the_gateway_alone_and_page_links_outlive_a_restart() {
    let mut world = World::of_demo();
    let next = world.get("huisarts-brug", "Observation?patient=bram&_count=2").await.next().unwrap();
    let second = world.get("huisarts-brug", &*next).await.compared();
    for dir in ["keys", "journal"] {
        for entry in std::fs::read_dir(world.dir().join(dir)).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", entry.path().display());
        }
    }
    world.gateway().stop();
    world.start_again();
    assert_eq!(world.get("huisarts-brug", &*next).await.compared(), second);
    // The twin: without its key a link is no link.
    world.gateway().stop();
    std::fs::remove_dir_all(world.dir().join("keys")).unwrap();
    world.start_again();
    assert_eq!(world.get("huisarts-brug", next).await.refusal(), (400, "invalid".to_owned()));
}

#[test]
fn two_gateways_do_not_share_a_journal() {
    let world = World::of_demo();
    let ran = sluis(&["serve", "--config", world.dir().join("sluis.toml").to_str().unwrap()], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("in use"), "{}", ran.stderr);
}

#[test]
fn a_good_configuration_checks_out() {
    let plan = Plan::of_demo();
    let ran = check(&plan.write());
    assert_eq!((ran.code, ran.json()), (Some(0), json!({ "mistakes": [] })), "{}", ran.stderr);
}

#[test]
fn a_ca_without_a_crl_is_named_and_the_others_with_the_end_of_theirs() {
    let plan = Plan::of_demo();
    let file = plan.write();
    std::fs::remove_file(plan.dir().join("crl/zorgverlener.crl")).unwrap();
    let ran = check(&file);
    assert_eq!(ran.code, Some(1));
    let report = ran.json();
    let [mistake] = report["mistakes"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!(mistake["key"], "identity.crl");
    let expected = mistake["expected"].as_str().unwrap();
    assert!(expected.contains("a CRL of") && expected.contains("Zorgverlener CA"), "{expected}");
    let ends = ran.stderr.lines().filter(|line| line.contains(": ok, until 20")).count();
    assert!(ends >= 4 && ran.stderr.contains("Zorgverlener CA G3: missing"), "{}", ran.stderr);
}

/// Each wrong value, and the key that is named.
#[test]
fn every_mistake_is_named_with_file_and_key_in_one_run() {
    let plan = Plan::of_demo()
        .set("holder.ura", "12345")
        .set("listen.address", "localhost")
        .set("listen.certificate", "nothing.pem")
        .set("listen.public_base", "ftp://x/fhir")
        .set("listen.tls_min", "1.1")
        .set("listen.deadline", "soon")
        .set("listen.workers", 0)
        .set("identity.trust", "nowhere/")
        .set("identity.revocation", "perhaps")
        .set("identity.ocsp", "perhaps")
        .set("identity.ocsp_max_age", "soon")
        .set("identity.ocsp_hosts", vec!["http://OCSP.example".to_owned()])
        .set("admin.address", "0.0.0.0:9443")
        .set("consent.sources", vec!["mitz".to_owned()])
        .set("consent.max_age", "-1s")
        .set("consent.combining", "whatever")
        .set("policy.mode", "loud")
        .set("policy.narrative", "perhaps")
        .set("policy.free_text", "perhaps")
        .set("policy.unlabelled", "maybe")
        .set("audit.retention", "for ever")
        .set("audit.durability", "perhaps");
    let file = plan.write();
    let ran = check(&file);
    assert_eq!(ran.code, Some(1));
    let report = ran.json();
    let mistakes = report["mistakes"].as_array().unwrap();
    for key in [
        "holder.ura",
        "listen.address",
        "listen.certificate",
        "listen.public_base",
        "listen.tls_min",
        "listen.deadline",
        "listen.workers",
        "identity.trust",
        "identity.revocation",
        "identity.ocsp",
        "identity.ocsp_max_age",
        "identity.ocsp_hosts",
        "admin.allow",
        "consent.sources",
        "consent.max_age",
        "consent.combining",
        "policy.mode",
        "policy.narrative",
        "policy.free_text",
        "policy.unlabelled",
        "audit.retention",
        "audit.durability",
    ] {
        let named = mistakes.iter().filter(|mistake| mistake["key"] == key).count();
        assert_eq!(named, 1, "{key}: {report}");
        assert!(ran.stderr.contains(key), "{key}: {}", ran.stderr);
    }
    for mistake in mistakes {
        assert_eq!(mistake["file"], file.to_str().unwrap(), "{mistake}");
        assert!(!mistake["expected"].as_str().unwrap().is_empty(), "{mistake}");
    }
    // Nor does a gateway start on it.
    let ran = sluis(&["serve", "--config", file.to_str().unwrap()], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("holder.ura"), "{}", ran.stderr);
}

/// Neither a record that a power cut takes away nor one that is kept too short is for a hospital.
#[test]
fn what_is_for_measurements_alone_is_refused_outside_of_them() {
    for (key, value) in [("audit.durability", "none"), ("audit.retention", "4y")] {
        for test in [true, false] {
            let ran = check(&Plan::of_demo().set(key, value).set("identity.test", test).write());
            let report = ran.json();
            let named = report["mistakes"].as_array().unwrap().iter().any(|mistake| mistake["key"] == key);
            assert_eq!(named, !test, "{key} with test = {test}: {report}");
        }
    }
    assert_eq!(
        check(&Plan::of_demo().set("audit.retention", "5y").set("audit.durability", "group").write()).code,
        Some(0)
    );
}

#[test]
fn a_misspelt_key_is_a_mistake_in_every_section() {
    for section in [
        "holder",
        "listen",
        "identity",
        "admin",
        "consent",
        "directory",
        "policy",
        "audit",
        "keys",
        "telemetry",
        "nothing",
    ] {
        let plan = Plan::of_demo().set(&format!("{section}.misspelt"), "x");
        let ran = check(&plan.write());
        let word = if section == "nothing" { "nothing" } else { "misspelt" };
        assert_eq!(ran.code, Some(1), "{section}");
        assert!(ran.stdout.contains(word), "{section}: {}", ran.stdout);
    }
}

#[test]
fn what_the_configuration_names_is_checked_too() {
    for (key, value, word) in [
        ("policy.name", "nobody-s", "nobody-s"),
        ("policy.mode", "loud", "policy.mode"),
        ("consent.sources", "fhir:http://127.0.0.1:9/fhir", "consent.sources"),
        ("identity.trust", "journal-is-no-trust/", "identity.trust"),
    ] {
        let plan = Plan::of_demo();
        std::fs::create_dir_all(plan.dir().join("journal-is-no-trust")).unwrap();
        let plan = if key == "consent.sources" { plan.set(key, vec![value.to_owned()]) } else { plan.set(key, value) };
        let ran = check(&plan.write());
        assert_eq!(ran.code, Some(1), "{key}: {}", ran.stdout);
        assert!(ran.stdout.contains(word) || ran.stdout.contains("identity"), "{key}: {}", ran.stdout);
    }
}

/// Label tables and categories are data: a hospital brings its own, and a mistake in one is named where it is.
#[test]
fn files_of_the_hospitals_own_are_checked_too() {
    let table = |label: &str| {
        format!(
            "name = \"own\"\nsystems = [\"urn:own\"]\nvetting = \"the board\"\n[[group]]\nlabel = \"{label}\"\nwhy = \"x\"\ncodes = [\"1\"]"
        )
    };
    let category = |types: &str| {
        format!(
            "name = \"own\"\ntitle = \"x\"\nsystems = [\"urn:own\"]\nvetting = \"the board\"\n[parts]\np = [{{ types = [\"{types}\"] }}]\n[[category]]\ncode = \"1\"\ntitle = \"x\"\nholds = [\"p\"]"
        )
    };
    let with = |kind: &str, text: &str| {
        let plan = Plan::of_demo().set("profiles.directory", "own/");
        let directory = plan.dir().join("own").join(kind);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("mine.toml"), text).unwrap();
        check(&plan.write())
    };
    for (kind, good, bad, key) in [
        ("labels", table("PSY"), table("PSYCHE"), "group.label"),
        ("categories", category("Goal"), category("goal"), "parts.p.types"),
    ] {
        assert_eq!(with(kind, &good).code, Some(0), "{kind}");
        let ran = with(kind, &bad);
        assert_eq!(ran.code, Some(1), "{kind}");
        let mistake = ran.json()["mistakes"][0].clone();
        assert!(mistake["file"].as_str().unwrap().ends_with("mine.toml"), "{mistake}");
        assert!(mistake["key"].as_str().unwrap().contains(key), "{mistake}");
    }
}

/// The shipped policy would be in force instead, and nobody would know.
#[test]
fn a_directory_of_the_hospitals_own_that_leads_nowhere_is_a_mistake() {
    let plan = Plan::of_demo().set("profiles.directory", "own/");
    let own = plan.dir().join("own");
    std::fs::create_dir_all(&own).unwrap();
    assert_eq!(check(&plan.write()).code, Some(0), "a kind of which there is none at all");
    std::os::unix::fs::symlink(own.join("gone"), own.join("policies")).unwrap();
    let ran = check(&plan.write());
    assert!(ran.code == Some(1) && ran.stdout.contains("own/policies"), "{}", ran.stdout);
}

#[test]
fn a_sample_counts_what_no_table_knows_and_tells_nothing_of_anybody() {
    let plan = Plan::of_demo();
    let file = plan.write();
    let ran = sluis(&["check", "--sample", "--config", file.to_str().unwrap()], "");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.json();
    let counted = &report["unlabelled"];
    assert_eq!(counted["not-sampled"], json!([]));
    let of = |list: &str, key: &str, name: &str| {
        let all = counted[list].as_array().unwrap();
        all.iter().find(|one| one[key] == name).cloned().unwrap_or_else(|| panic!("{name}: {report}"))
    };
    let conditions = of("types", "type", "Condition");
    assert!(conditions["resources"].as_u64().unwrap() > 3, "{conditions}");
    let atc = of("systems", "system", "http://www.whocc.no/atc");
    assert!(atc["unlabelled"].as_u64().unwrap() < atc["resources"].as_u64().unwrap(), "{atc}");
    for told in ["9999", "bram", "anna", "display", "text"] {
        assert!(!ran.stdout.contains(told), "{told}: {}", ran.stdout);
    }
    // Nothing is sampled of a server that is not there, nor where the configuration is wrong.
    let away = Plan::of_demo().in_front_of("http://127.0.0.1:9/fhir").write();
    let ran = sluis(&["check", "--sample", "--config", away.to_str().unwrap()], "");
    assert_eq!((ran.code, ran.json().get("unlabelled")), (Some(1), None));
}

#[test]
fn revocation_is_off_for_tests_only() {
    let off = |test: bool| {
        let plan = Plan::of_demo().set("identity.test", test).set("identity.revocation", "off");
        check(&plan.write()).code
    };
    assert_eq!((off(true), off(false)), (Some(0), Some(1)));
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_and_so_is_a_command_that_is_none() {
    assert_eq!(check(Path::new("/nowhere/sluis.toml")).code, Some(1));
    assert_eq!(sluis(&["serve", "--config", "/nowhere/sluis.toml"], "").code, Some(1));
    for arguments in [&["dance"][..], &["serve"], &["check", "--config"], &["uzi", "inspect"], &[]] {
        let ran = sluis(arguments, "");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(sluis(&["--help"], "").code, Some(0));
}

/// The whole tour in one process, as a visitor takes it.
#[test]
fn the_demo_plays_its_tour_once_without_a_failure() {
    let ran = sluis(&["demo", "--once"], "");
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let last: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert!(last["steps"].as_u64().unwrap() > 40, "{last}");
    assert_eq!(last["failed"], 0);
}
