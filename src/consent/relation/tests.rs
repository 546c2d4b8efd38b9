use serde_json::{Value, json};

use super::*;

const PATIENT: &str = "Patient/1";

fn read(resources: &[Value]) -> TreatmentRelation {
    let bytes: Vec<_> = resources.iter().map(|resource| resource.to_string().into_bytes()).collect();
    TreatmentRelation::read(&Source::default(), &bytes, &[PATIENT.to_owned()])
}

fn team(member: &str) -> Value {
    json!({
        "resourceType": "CareTeam", "id": "t", "status": "active", "subject": {"reference": PATIENT},
        "participant": [{"member": {"reference": member}}],
    })
}

#[test]
fn who_is_named_is_wanted_and_so_is_whom_those_refer_to() {
    let mut relation = read(&[team("PractitionerRole/5")]);
    assert_eq!(relation.wanted(), ["PractitionerRole/5"]);
    let role = json!({
        "resourceType": "PractitionerRole", "id": "5", "practitioner": {"reference": "Practitioner/6"},
        "organization": {"reference": "Organization/7"},
    });
    relation.resolve("PractitionerRole/5", role.to_string().as_bytes());
    let mut wanted = relation.wanted();
    wanted.sort();
    assert_eq!(wanted, ["Organization/7", "Practitioner/6"]);
    relation.absent("Organization/7");
    relation.absent("Practitioner/6");
    assert!(relation.wanted().is_empty());
}

#[test]
fn what_is_about_nobody_or_another_or_cannot_be_read_names_nobody() {
    let mut other = team("Organization/1");
    other["subject"] = json!({"reference": "Patient/2"});
    let mut nobody = team("Organization/1");
    nobody.as_object_mut().unwrap().remove("subject");
    let mut modified = team("Organization/1");
    modified["participant"][0]["modifierExtension"] = json!([{"url": "http://x.example", "valueBoolean": true}]);
    let mut without_id = team("Organization/1");
    without_id.as_object_mut().unwrap().remove("id");
    let observation = json!({"resourceType": "Observation", "id": "o", "subject": {"reference": PATIENT}});
    for resource in [other, nobody, modified, without_id, observation] {
        assert!(read(std::slice::from_ref(&resource)).bonds.is_empty(), "{resource}");
    }
    let broken = [b"{".to_vec(), b"[]".to_vec(), Vec::new()];
    assert!(TreatmentRelation::read(&Source::default(), &broken, &[PATIENT.to_owned()]).bonds.is_empty());
    assert_eq!(read(&[team("Organization/1")]).bonds.len(), 1);
}

#[test]
fn nobody_s_record_shows_nothing_and_neither_does_more_than_can_be_judged() {
    let bytes = team("Organization/1").to_string().into_bytes();
    assert!(TreatmentRelation::read(&Source::default(), std::slice::from_ref(&bytes), &[]).bonds.is_empty());
    let many = vec![bytes; limits::RELATION_RESOURCES + 1];
    assert!(TreatmentRelation::read(&Source::default(), &many, &[PATIENT.to_owned()]).bonds.is_empty());
}
