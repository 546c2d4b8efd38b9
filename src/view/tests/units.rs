//! What is judged together is gathered in pages, and takes no more room than one of them.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

/// Administrations of that many bytes each, which inherit from their medication, and a prescription.
fn administered(count: usize, bytes: usize, members: &str) -> Vec<String> {
    let long = "x".repeat(bytes);
    let medication = r#""status":"completed","medicationReference":{"reference":"Medication/m"}"#;
    let one = |number: usize| {
        format!(
            r#"{{"resourceType":"MedicationAdministration","id":"m{number}","subject":{{"reference":"Patient/a"}},{medication},"note":[{{"text":"{long}"}}]{members}}}"#
        )
    };
    let medication = r#"{"resourceType":"Medication","id":"m","code":{"coding":[{"system":"http://www.whocc.no/atc","code":"A10BA02"}]}}"#;
    (0..count).map(one).chain([prescription(""), medication.to_owned()]).collect()
}

fn prescription(members: &str) -> String {
    format!(
        r#"{{"resourceType":"MedicationRequest","id":"r","subject":{{"reference":"Patient/a"}},"status":"active","intent":"order","medicationCodeableConcept":{{"coding":[{{"system":"http://www.whocc.no/atc","code":"A10BA02"}}]}}{members}}}"#
    )
}

#[test]
fn what_is_judged_together_takes_no_more_room_than_a_page_of_it() {
    let _turn = one_at_a_time();
    let alone = ask(&Upstream::new(administered(0, 0, ""), 9), labels(), "MedicationRequest/r", 0, 64).unwrap();
    assert_eq!(alone.report.released, ["MedicationRequest/r"]);
    let bytes = 1024 * 1024;
    let count = limits::PAGE_BYTES / bytes + 3;
    // In many pages, and in one that is taken in parts.
    for page in [10, count] {
        for members in ["", RESTRICTED] {
            let upstream = Upstream::new(administered(count, bytes, members), page);
            let given = ask(&upstream, labels(), "MedicationRequest/r", 0, 1_000_000).unwrap();
            assert_eq!((&given.body, given.ending), (&alone.body, alone.ending), "{page}");
            let pages = upstream.asked().iter().filter(|asked| asked.contains("MedicationAdministration")).count();
            assert!(pages > 2, "{page}");
        }
    }
}

#[test]
fn one_that_is_hidden_behind_a_page_that_is_too_large_hides_what_it_is_judged_with() {
    let _turn = one_at_a_time();
    let bytes = 1024 * 1024;
    let count = limits::PAGE_BYTES / bytes + 3;
    let treatment = r#","extension":[{"url":"http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier","valueIdentifier":{"system":"s","value":"v"}}]"#;
    for (label, released) in [(RESTRICTED, 0), ("", 1)] {
        let mut resources = administered(count, bytes, "");
        resources.retain(|one| !one.contains("MedicationRequest"));
        resources.push(prescription(treatment));
        let last = administered(1, 9, &format!("{treatment}{label}"));
        resources.extend(last.into_iter().take(1).map(|one| one.replace(r#""id":"m0""#, r#""id":"z""#)));
        let given = ask(&Upstream::new(resources, count + 1), labels(), "MedicationRequest/r", 0, 1_000_000).unwrap();
        assert_eq!(given.report.released.len(), released, "{label}");
    }
}

#[test]
fn a_page_of_what_is_judged_together_leads_to_another_that_is_there() {
    let _turn = one_at_a_time();
    let body = r#"{"resourceType":"Bundle","type":"searchset","link":[{"relation":"next","url":"http://upstream/fhir?again"}]}"#;
    // The first page leads to a second, that to itself or to nothing.
    for is_there in [true, false] {
        let surroundings = surroundings();
        let Query::Read(read) = query("MedicationRequest/r", &surroundings) else { panic!("a read") };
        let mut answer = Answer::read(read, labels(), surroundings);
        assert!(matches!(answer.step(), Step::Ask(_)));
        answer.push(prescription("").as_bytes()).unwrap();
        answer.end_of_body().unwrap();
        assert!(matches!(answer.step(), Step::Ask(target) if target.as_str().starts_with("MedicationAdministration?")));
        answer.push(body.as_bytes()).unwrap();
        answer.end_of_body().unwrap();
        assert!(matches!(answer.step(), Step::Ask(_)));
        if is_there {
            answer.push(body.as_bytes()).unwrap();
            assert_eq!(answer.end_of_body(), Err(ViewError::Circle));
        } else {
            assert_eq!(answer.absent(), Err(ViewError::NoSuchSearch));
        }
    }
}

#[test]
fn a_treatment_is_judged_however_many_belong_to_it() {
    let _turn = one_at_a_time();
    let treatment = r#","extension":[{"url":"http://nictiz.nl/fhir/StructureDefinition/ext-PharmaceuticalTreatment.Identifier","valueIdentifier":{"system":"s","value":"v"}}]"#;
    let count = limits::REFERENCES + 1;
    let world = |last: &str| {
        let mut resources = administered(count, 1, treatment);
        resources.retain(|one| !one.contains("MedicationRequest"));
        resources.push(prescription(treatment));
        if let Some(one) = resources.get_mut(count - 1) {
            *one = one.replacen('}', &format!("}}{last}"), 1);
        }
        resources
    };
    let released = |resources: Vec<String>| {
        let upstream = Upstream::new(resources, 200);
        ask(&upstream, labels(), "MedicationRequest?patient=a", 0, 100_000).map(|given| given.report.released)
    };
    assert_eq!(released(world("")), Ok(vec!["MedicationRequest/r".to_owned()]));
    assert_eq!(released(world(RESTRICTED)), Ok(Vec::new()));
    // Each needs another medicine: more than one resource may need is no shorter answer.
    let each = |(number, one): (usize, String)| one.replace("Medication/m", &format!("Medication/m{number}"));
    let mut resources: Vec<_> = world("").into_iter().enumerate().map(each).collect();
    let medication = |number: usize| format!(r#"{{"resourceType":"Medication","id":"m{number}"}}"#);
    resources.extend((0..count).map(medication));
    assert_eq!(released(resources.clone()), Err(ViewError::TooManyReferences));
    // One of them is hidden: nothing is there that could need so many.
    resources.retain(|one| *one != medication(7));
    assert_eq!(released(resources), Ok(Vec::new()));
}
