//! `sluis audit` as a process, on journals that a real gateway wrote (design section 6, Journal; invariant 12).

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::world::ask::Ask;
use crate::world::process::{Ran, sluis};
use crate::world::{World, journal};

/// A world whose gateway answered a few requests and ended.
async fn world() -> World {
    let mut world = World::of_demo();
    for (id, request) in [
        ("brug", Ask::get("huisarts-brug", "Condition?patient=carla")),
        ("noord", Ask::get("huisarts-noord", "Condition?patient=carla")),
        ("anna", Ask::get("huisarts-brug", "Condition?patient=anna")),
        ("refused", Ask::get("huisarts-brug", "Condition?patient=carla&_summary=text")),
    ] {
        world.ask(&request.under(id)).await;
        world.closed(id).await;
    }
    world.gateway().stop();
    world
}

fn segment(world: &World) -> PathBuf {
    world.dir().join("journal/000001.jsonl")
}

fn audit(world: &World, arguments: &[&str]) -> Ran {
    let directory = world.dir().join("journal");
    let mut all = vec!["audit", arguments[0], directory.to_str().unwrap()];
    all.extend(&arguments[1..]);
    sluis(&all, "")
}

fn verdict(ran: &Ran) -> (Option<i32>, String) {
    (ran.code, ran.json()["verdict"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_journal_as_it_was_written_is_intact() {
    let world = world().await;
    let ran = audit(&world, &["verify"]);
    let answer = ran.json();
    assert_eq!(verdict(&ran), (Some(0), "intact".to_owned()));
    assert_eq!((&answer["bad"], &answer["records"]), (&json!([]), &json!(journal::lines(world.dir()).len())));
    assert_eq!(answer["head"].as_str().unwrap().len(), 64);
    for line in journal::lines(world.dir()) {
        for member in ["v", "seq", "time", "kind", "prev", "hash"] {
            assert!(!line[member].is_null(), "{member} of {line}");
        }
    }
}

/// Each line altered, left out, doubled or moved is found, and where.
#[tokio::test]
async fn any_line_that_is_altered_missing_doubled_or_moved_is_found() {
    let world = world().await;
    let good = std::fs::read_to_string(segment(&world)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let write = |lines: &[&str]| std::fs::write(segment(&world), format!("{}\n", lines.join("\n"))).unwrap();
    for at in 0..lines.len() - 1 {
        let altered = lines[at].replacen("\"time\":\"2", "\"time\":\"3", 1);
        let mut changed = lines.clone();
        changed[at] = &altered;
        let mut without = lines.clone();
        without.remove(at);
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        let mut moved = lines.clone();
        moved.swap(at, at + 1);
        for (what, lines) in [("altered", changed), ("missing", without), ("doubled", twice), ("moved", moved)] {
            write(&lines);
            let ran = audit(&world, &["verify"]);
            assert_eq!(verdict(&ran), (Some(2), "altered".to_owned()), "line {at} {what}");
            let line = ran.json()["bad"][0]["line"].as_u64().unwrap();
            let expected = u64::try_from(at).unwrap() + 1;
            assert!((expected..=expected + 1).contains(&line), "line {at} {what}: {}", ran.stdout);
        }
    }
    std::fs::write(segment(&world), good).unwrap();
    assert_eq!(verdict(&audit(&world, &["verify"])).1, "intact");
}

#[tokio::test]
async fn a_torn_tail_is_torn_and_the_next_start_puts_that_on_record() {
    let mut world = world().await;
    let good = std::fs::read_to_string(segment(&world)).unwrap();
    std::fs::write(segment(&world), format!("{good}{{\"v\":1,\"seq\":99")).unwrap();
    assert_eq!(verdict(&audit(&world, &["verify"])), (Some(0), "torn".to_owned()));
    world.start_again();
    world.gateway().stop();
    assert_eq!(verdict(&audit(&world, &["verify"])), (Some(0), "intact".to_owned()));
    assert!(journal::lines(world.dir()).iter().any(|line| line["event"] == "recovered"));
}

#[tokio::test]
async fn a_cut_tail_shows_against_a_head_that_was_kept() {
    let world = world().await;
    let kept = world.dir().join("head.json");
    std::fs::write(&kept, audit(&world, &["verify"]).stdout).unwrap();
    let with_head = |world: &World| audit(world, &["verify", "--head", kept.to_str().unwrap()]);
    assert_eq!(verdict(&with_head(&world)), (Some(0), "intact".to_owned()));
    let good = std::fs::read_to_string(segment(&world)).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    std::fs::write(segment(&world), format!("{}\n", lines[..lines.len() - 2].join("\n"))).unwrap();
    // Nobody can tell without the head; with it everybody can.
    assert_eq!(verdict(&audit(&world, &["verify"])).1, "intact");
    assert_eq!(verdict(&with_head(&world)), (Some(2), "altered".to_owned()));
}

#[tokio::test]
async fn a_patient_can_be_told_what_is_on_record() {
    let world = world().await;
    for patient in ["999990305", "Patient/carla"] {
        let ran = audit(&world, &["show", "--patient", patient, "--json"]);
        let answer = ran.json();
        assert_eq!(ran.code, Some(0));
        let requests: Vec<&Value> =
            answer["records"].as_array().unwrap().iter().map(|record| &record["request"]).collect();
        // An intent and a closing record each; nobody was looked up for the one that was refused.
        assert_eq!(requests, ["brug", "brug", "noord", "noord"], "{answer}");
    }
    let nobody = audit(&world, &["show", "--patient", "Patient/nobody", "--json"]);
    assert_eq!((nobody.code, &nobody.json()["records"]), (Some(0), &json!([])));
    assert_eq!(audit(&world, &["show", "--patient", "Carla"]).code, Some(1));
    assert_eq!(sluis(&["audit", "verify", "/nowhere"], "").code, Some(1));
}

/// Law 3 holds for the record itself.
#[tokio::test]
async fn whoever_reads_the_record_is_on_record_or_reads_nothing() {
    let mut world = world().await;
    let count = Ask::get("huisarts-noord", "Condition?patient=carla&_summary=count").under("count");
    world.start_again();
    let total = world.ask(&count).await.json()["total"].as_u64().unwrap();
    assert!(total > 0);
    let close = world.closed("count").await;
    assert_eq!((&close["total"], &close["released"]), (&json!(total), &json!([])));
    world.gateway().stop();
    let reads: [&[&str]; 5] = [
        &["show", "--patient", "999990305", "--by", "J. Smit"],
        &["export", "--patient", "Patient/carla", "--from", "2026-01-01", "--withheld"],
        &["access-log", "--patient", "999990305", "--to", "2100-01-01"],
        &["incident", "--caller", "90000102"],
        &["review"],
    ];
    for arguments in &reads {
        assert_eq!(audit(&world, arguments).code, Some(0), "{arguments:?}");
    }
    let directory = world.dir().join("journal/reading");
    let read: Vec<_> = journal::lines_in(&directory).into_iter().filter(|line| line["event"] == "read").collect();
    let commands: Vec<_> = read.iter().map(|line| line["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["show", "export --withheld", "access-log", "incident", "review"]);
    assert_eq!((&read[0]["by"], &read[0]["patient"]["bsn"]), (&json!("J. Smit"), &json!("999990305")));
    assert_eq!(
        (&read[1]["patient"]["references"], &read[1]["from"]),
        (&json!(["Patient/carla"]), &json!("2026-01-01"))
    );
    assert_eq!((&read[2]["to"], &read[3]["caller"]), (&json!("2100-01-01"), &json!("90000102")));
    world.assert_intact();
    std::fs::remove_dir_all(&directory).unwrap();
    std::fs::write(&directory, "").unwrap();
    for arguments in &reads {
        let ran = audit(&world, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{arguments:?}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn nothing_is_removed_before_its_time_and_nothing_at_all_where_none_is_set() {
    let world = world().await;
    let config = world.dir().join("sluis.toml");
    let prune = ["audit", "prune", "--config", config.to_str().unwrap()];
    let ran = sluis(&prune, "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("kept for ever"), "{}", ran.stderr);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("[audit]\n", "[audit]\nretention = \"5y\"\n", 1)).unwrap();
    let before = journal::lines(world.dir());
    let ran = sluis(&prune, "");
    assert_eq!((ran.code, ran.json()), (Some(0), json!({"verdict": "intact", "removed": []})), "{}", ran.stderr);
    assert_eq!(journal::lines(world.dir()), before);
    assert!(!world.dir().join("journal/retention").exists());
    let text = std::fs::read_to_string(segment(&world)).unwrap();
    std::fs::write(segment(&world), text.replacen("90000102", "90000103", 1)).unwrap();
    assert_eq!(verdict(&sluis(&prune, "")), (Some(2), "altered".to_owned()));
}

#[tokio::test]
async fn the_record_is_exported_as_audit_events_without_what_was_withheld() {
    let world = world().await;
    let ran = audit(&world, &["export"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["resourceType"] == "AuditEvent"));
    let of = |request: &str, profile: &str| {
        let is = |event: &&Value| {
            event["entity"].to_string().contains(&format!("\"{request}\""))
                && event["meta"]["profile"][0].as_str().is_some_and(|url| url.ends_with(profile))
        };
        events.iter().filter(is).count()
    };
    assert_eq!((of("noord", "PatientQuery"), of("noord", "PrivacyDisclosure.Source")), (1, 1), "{}", ran.stdout);
    // Nothing is on file about Anna: a query that was refused claims no profile, and nothing of her was disclosed.
    assert_eq!((of("anna", "PatientQuery"), of("anna", "PrivacyDisclosure.Source")), (0, 0));
    assert_eq!(
        (events[0]["type"]["code"].as_str(), events[0]["subtype"][0]["code"].as_str()),
        (Some("110100"), Some("110120"))
    );
    // Shown to one caller and not to the other.
    let names_hidden = |ran: &Ran, request: &str| {
        let of = |line: &&str| line.contains(&format!("\"{request}\""));
        ran.stdout.lines().filter(of).any(|line| line.contains("Condition/carla-condition-anxiety"))
    };
    assert_eq!((names_hidden(&ran, "brug"), names_hidden(&ran, "noord")), (true, false));
    assert_eq!(audit(&world, &["export"]).stdout, ran.stdout);
    // The twin: for those who may read the journal.
    assert!(names_hidden(&audit(&world, &["export", "--withheld"]), "noord"));
    let table = audit(&world, &["export", "--format", "csv", "--patient", "999990305"]);
    assert_eq!((table.code, table.stdout.lines().count()), (Some(0), 3), "{}", table.stdout);
    assert_eq!(audit(&world, &["export", "--from", "3000-01-01"]).stdout, "");
    assert_eq!(audit(&world, &["export", "--from", "gisteren"]).code, Some(1));
    let text = std::fs::read_to_string(segment(&world)).unwrap();
    std::fs::write(segment(&world), text.replacen("90000102", "90000103", 1)).unwrap();
    let altered = audit(&world, &["export"]);
    assert_eq!((altered.code, altered.stdout.as_str()), (Some(2), ""));
}

#[tokio::test]
async fn an_incident_and_the_patients_log_tell_what_was_shown_and_a_review_closes_an_emergency_while_the_gateway_runs()
{
    let mut world = World::of_demo();
    let emergency = Ask {
        purpose: Some("BTG"),
        reason: Some("Buiten%20bewustzijn"),
        ..Ask::get("seh-arts", "Condition?patient=anna")
    };
    for (id, request) in [("btg", emergency.clone()), ("noord", Ask::get("huisarts-noord", "Condition?patient=carla"))]
    {
        world.ask(&request.under(id)).await;
        world.closed(id).await;
    }
    let listed = audit(&world, &["review"]).json();
    assert_eq!((&listed["open"], &listed["items"][0]["kind"]), (&json!(1), &json!("break-glass")));
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let close = ["review", "--close", &id, "--by", "FG", "--verdict", "terecht"];
    // Asked while the reviewer reads: nobody saw it, and the review does not cover it.
    world.ask(&emergency.clone().under("meanwhile")).await;
    world.closed("meanwhile").await;
    let closed = audit(&world, &close);
    assert_eq!((closed.code, &closed.json()["state"]), (Some(0), &json!("open")), "{}", closed.stderr);
    assert_eq!(audit(&world, &["review"]).json()["open"], 1);
    let closed = audit(&world, &close);
    assert_eq!((closed.code, &closed.json()["state"]), (Some(0), &json!("closed")), "{}", closed.stderr);
    assert_eq!(audit(&world, &close).code, Some(2));
    assert_eq!(audit(&world, &["review", "--close", "no-such", "--by", "FG", "--verdict", "x"]).code, Some(1));
    assert_eq!(audit(&world, &["review", "--close", &id]).code, Some(1));
    // Who goes on asking is to be reviewed again.
    world.ask(&emergency.under("more")).await;
    world.closed("more").await;
    assert_eq!(audit(&world, &["review"]).json()["open"], 1);

    let reached = audit(&world, &["incident", "--caller", "90000102"]);
    let patients = reached.json()["patients"].as_array().unwrap().clone();
    assert_eq!((reached.code, patients.len()), (Some(0), 1), "{}", reached.stdout);
    assert_eq!(patients[0]["bsn"], "999990305");
    assert!(patients[0]["kinds"]["Condition"].as_u64().unwrap() > 0);
    assert_eq!(audit(&world, &["incident", "--caller", "brug"]).code, Some(1));

    let log = audit(&world, &["access-log", "--patient", "Patient/anna"]).json();
    assert_eq!((&log["lines"][0]["times"], &log["lines"][0]["emergency"]), (&json!(3), &json!(true)), "{log}");
    let page = audit(&world, &["access-log", "--patient", "Patient/anna", "--html", "--lang", "en"]);
    assert!(page.stdout.contains("<html lang=\"en\">") && page.stdout.contains("emergency procedure"));
    assert!(!audit(&world, &["access-log", "--patient", "Patient/carla"]).stdout.contains("carla-condition"));
    world.gateway().stop();
    world.assert_intact();
}
