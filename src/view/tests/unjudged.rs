//! What cannot be judged is an error where something visible hangs on it, and nothing where it is only led to by what is hidden.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

fn about(resource_type: &str, id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"{resource_type}","id":"{id}","subject":{{"reference":"Patient/a"}}{members}}}"#)
}

fn refers(element: &str, to: &[&str]) -> String {
    let each: Vec<_> = to.iter().map(|to| format!(r#"{{"reference":"{to}"}}"#)).collect();
    format!(r#","{element}":[{}]"#, each.join(","))
}

/// The same resource in ways in which it cannot be judged, with what is wrong with each.
fn broken(resource: &str) -> Vec<(String, ViewError)> {
    let with = |members: &str| resource.replacen('{', &format!("{{{members},"), 1);
    let deep = "[".repeat(limits::RESOURCE.depth) + &"]".repeat(limits::RESOURCE.depth);
    vec![
        (
            with(&format!(r#""note":[{{"text":"{}"}}]"#, "x".repeat(limits::RESOURCE.bytes))),
            ViewError::ResourceTooLarge,
        ),
        (with(&format!(r#""deep":{deep}"#)), ViewError::NotStrictJson),
        (with(r#""note":[],"note":[]"#), ViewError::NotStrictJson),
        (with(r#""odd":{"resourceType":"Condition","id":"c"}"#), ViewError::MalformedResource),
    ]
}

fn told(resources: &[String], target: &str) -> Result<(String, Ending), ViewError> {
    let upstream = Upstream::new(resources.iter().cloned(), 10);
    ask(&upstream, labels(), target, 0, 1_000_000).map(|given| (given.body, given.ending))
}

#[test]
fn what_only_something_hidden_leads_to_is_judged_by_nobody() {
    let _turn = one_at_a_time();
    let visible = about("Observation", "o", &refers("partOf", &["Procedure/gone", "Procedure/good"]));
    let good = about("Procedure", "good", r#","status":"completed""#);
    let hidden = about("Observation", "h", &format!("{}{RESTRICTED}", refers("partOf", &["Procedure/bad"])));
    for (bad, error) in broken(&about("Procedure", "bad", "")) {
        for target in ["Observation?patient=a", "Observation/o", "Observation?patient=a&_total=accurate"] {
            let without = told(&[visible.clone(), good.clone(), bad.clone()], target);
            assert!(without.as_ref().is_ok_and(|(body, _)| body.contains("good") && !body.contains("gone")));
            let with = told(&[hidden.clone(), visible.clone(), good.clone(), bad.clone()], target);
            assert!(with == without, "{target} {error:?}");
            // It is there in both worlds, and something visible inherits from it, or refers to it.
            for element in ["partOf", "focus"] {
                let leads = about("Observation", "v", &refers(element, &["Procedure/bad"]));
                let target = target.replace("/o", "/v");
                let seen = [leads.clone(), good.clone(), bad.clone()];
                assert_eq!(told(&seen, &target), Err(error), "{target} {element}");
                let all = [hidden.clone(), visible.clone(), leads, good.clone(), bad.clone()];
                assert_eq!(told(&all, &target), Err(error), "{target} {element}");
            }
        }
    }
}

#[test]
fn what_is_hidden_by_its_own_labels_is_so_whatever_it_inherits_and_hides_what_is_behind_it() {
    let _turn = one_at_a_time();
    // The result inherits from a hidden procedure, which is linked to what cannot be read.
    let procedure = |label: &str| about("Procedure", "p", &format!("{}{label}", refers("partOf", &["Procedure/bad"])));
    let result = about("Observation", "o", &refers("partOf", &["Procedure/p"]));
    let (bad, error) = broken(&about("Procedure", "bad", "")).remove(1);
    assert_eq!(told(&[result.clone(), procedure(""), bad.clone()], "Observation?patient=a"), Err(error));
    let with = told(&[result, procedure(RESTRICTED), bad], "Observation?patient=a");
    assert_eq!(with, told(&[], "Observation?patient=a"));
}

#[test]
fn a_unit_that_cannot_be_judged_counts_where_one_of_it_would_be_visible() {
    let _turn = one_at_a_time();
    let result = |id: &str, label: &str| about("Observation", id, label);
    let report = |id: &str, of: &str| about("DiagnosticReport", id, &refers("result", &[of]));
    let leads = |to: &[&str]| about("Observation", "o", &refers("focus", to));
    for (bad, error) in broken(&report("bad", "Observation/x")) {
        // Its result is hidden, and it goes for that.
        let world = [leads(&["DiagnosticReport/d"]), report("d", "Observation/h"), bad.clone()];
        let world = [world.as_slice(), &[result("h", RESTRICTED), result("x", "")]].concat();
        let never = [leads(&[]).replace(r#","focus":[]"#, ""), bad.clone(), result("x", "")];
        assert!(
            told(&world, "Observation/o") == told(&never, "Observation/o") && told(&never, "Observation/o").is_ok()
        );
        // What belongs together with the other one cannot be told.
        let replaces = r#","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/diagnosticReport-replaces","valueReference":{"reference":"DiagnosticReport/bad"}}]"#;
        let bound = report("d", "Observation/x").replacen(r#","result""#, &format!(r#"{replaces},"result""#), 1);
        let world = [leads(&["DiagnosticReport/d"]), bound, bad, result("x", "")];
        assert_eq!(told(&world, "Observation/o"), Err(error));
        assert_eq!(told(&world, "DiagnosticReport/d"), Err(error));
    }
}

#[test]
fn an_error_behind_a_full_page_counts_for_the_page_it_is_on() {
    let _turn = one_at_a_time();
    let visible = |id: &str| about("Observation", id, "");
    let leads = about("Observation", "z", &refers("partOf", &["Procedure/bad"]));
    let (bad, error) = broken(&about("Procedure", "bad", "")).remove(1);
    let world = [visible("o1"), visible("o2"), visible("o3"), leads, bad];
    let target = "Observation?patient=a&_count=2";
    assert!(told(&world, target).is_ok());
    assert_eq!(told(&world, "Observation?patient=a&_count=3"), Err(error));
}

const MEGABYTE: usize = 1024 * 1024;

/// Documents of one megabyte each, of that number on.
fn documents(from: usize, count: usize) -> (Vec<String>, Vec<String>) {
    let text = "x".repeat(MEGABYTE);
    let one = |number: usize| about("DocumentReference", &format!("d{number}"), &format!(r#","description":"{text}""#));
    let numbers = || from..from + count;
    (numbers().map(|number| format!("DocumentReference/d{number}")).collect(), numbers().map(one).collect())
}

fn derived(id: &str, from: &[String], label: &str) -> String {
    let from: Vec<_> = from.iter().map(String::as_str).collect();
    about("Observation", id, &format!("{}{label}", refers("derivedFrom", &from)))
}

#[test]
fn what_is_inherited_takes_no_more_room_than_what_one_inherits() {
    let _turn = one_at_a_time();
    let (names, mut documents) = documents(0, 60);
    let (first, second) = names.split_at(30);
    let world = |documents: &[String], label: &str| {
        let results = [derived("o1", first, label), about("Observation", "o2", ""), derived("o3", second, "")];
        [results.as_slice(), documents].concat()
    };
    let released = |world: &[String]| {
        let upstream = Upstream::new(world.iter().cloned(), 10);
        ask(&upstream, labels(), "Observation?patient=a", 0, 1_000_000).map(|given| given.report.released)
    };
    let all = ["Observation/o1", "Observation/o2", "Observation/o3"].map(str::to_owned);
    assert_eq!(released(&world(&documents, "")), Ok(all.to_vec()));
    // What is hidden leaves the others where they are, however much it inherits.
    assert_eq!(released(&world(&documents, RESTRICTED)), Ok(all[1..].to_vec()));
    // A label counts wherever it stands among them.
    documents[59] = documents[59].replacen('}', &format!("}}{RESTRICTED}"), 1);
    assert_eq!(released(&world(&documents, "")), Ok(all[..2].to_vec()));
}

#[test]
fn what_inherits_more_than_is_looked_at_is_hidden_and_uses_up_nothing_of_the_others() {
    let _turn = one_at_a_time();
    let (names, documents) = documents(0, limits::PAGE_BYTES / MEGABYTE + 1);
    let visible = derived("o", &names[..2], "");
    let many: Vec<_> = (0..=limits::REFERENCES).map(|number| format!("DocumentReference/n{number}")).collect();
    let world = [derived("large", &names, ""), derived("many", &many, ""), visible.clone()];
    let with = told(&[world.as_slice(), &documents].concat(), "Observation?patient=a");
    let without = told(&[&[visible][..], &documents].concat(), "Observation?patient=a");
    assert!(without.is_ok() && with == without);
    let fewer = [derived("large", &names[2..], ""), derived("many", &many[1..], "")];
    for id in ["large", "many"] {
        let read = told(&[fewer.as_slice(), &documents].concat(), &format!("Observation/{id}"));
        assert!(read.is_ok_and(|(_, ending)| ending == Ending::Resource), "{id}");
    }
}

#[test]
fn what_is_judged_together_may_inherit_more_than_there_is_room_for() {
    let _turn = one_at_a_time();
    let treatment = r#","extension":[{"url":"http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier","valueIdentifier":{"system":"s","value":"v"}}]"#;
    let text = "x".repeat(MEGABYTE);
    let count = limits::PAGE_BYTES / MEGABYTE + 8;
    let medication = |number: usize, label: &str| {
        format!(
            r#"{{"resourceType":"Medication","id":"m{number}","ingredient":[{{"itemCodeableConcept":{{"text":"{text}"}}}}]{label}}}"#
        )
    };
    let given = |number: usize| {
        let medication =
            format!(r#","status":"completed","medicationReference":{{"reference":"Medication/m{number}"}}{treatment}"#);
        about("MedicationAdministration", &format!("a{number}"), &medication)
    };
    let prescription = about(
        "MedicationRequest",
        "r",
        &format!(r#","status":"active","intent":"order","medicationCodeableConcept":{{"text":"t"}}{treatment}"#),
    );
    for (label, ending) in [("", Ending::Resource), (RESTRICTED, Ending::NotVisible)] {
        let last = count - 1;
        let medications = (0..count).map(|number| medication(number, if number == last { label } else { "" }));
        let world: Vec<_> = (0..count).map(given).chain(medications).chain([prescription.clone()]).collect();
        assert_eq!(told(&world, "MedicationRequest/r").map(|(_, ending)| ending), Ok(ending), "{label}");
    }
}

#[test]
fn a_page_that_another_led_to_and_is_not_there_is_an_error_where_it_matters() {
    let _turn = one_at_a_time();
    let page = |entry: &str, next: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"searchset","link":[{{"relation":"next","url":"http://upstream/fhir?{next}"}}],"entry":[{entry}]}}"#
        )
    };
    let request = r#"{"resource":{"resourceType":"MedicationRequest","id":"r","subject":{"reference":"Patient/a"},"medicationReference":{"reference":"Medication/m"},"requester":{"reference":"Practitioner/p"}}}"#;
    let surroundings = surroundings();
    let target = "MedicationRequest?patient=a&_include=MedicationRequest:medication";
    let Query::Search(search) = query(target, &surroundings) else { panic!("a search") };
    let mut answer = Answer::search(search, straight(), surroundings, 0);
    assert!(matches!(answer.step(), Step::Ask(_)));
    let matches = format!(r#"{{"resourceType":"Bundle","type":"searchset","entry":[{request}]}}"#);
    answer.push(matches.as_bytes()).unwrap();
    answer.end_of_body().unwrap();
    assert!(matches!(answer.step(), Step::Ask(target) if target.as_str().starts_with("Medication?_id=m")));
    answer.push(page("", "more").as_bytes()).unwrap();
    answer.end_of_body().unwrap();
    assert!(matches!(answer.step(), Step::Ask(target) if target.as_str() == "?more"));
    assert_eq!(answer.absent(), Err(ViewError::NoSuchSearch));
}
