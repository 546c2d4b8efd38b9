//! Includes of includes.

use super::upstream::Upstream;
use super::*;

const RESTRICTED: &str =
    r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}]}"#;

const TARGET: &str = "MedicationRequest?patient=a&_include=MedicationRequest:requester\
    &_include:iterate=PractitionerRole:organization&_include:iterate=Organization:partof";

fn request() -> String {
    r#"{"resourceType":"MedicationRequest","id":"r","subject":{"reference":"Patient/a"},"requester":{"reference":"PractitionerRole/z"}}"#.to_owned()
}

fn role() -> String {
    r#"{"resourceType":"PractitionerRole","id":"z","practitioner":{"reference":"Practitioner/p"},"organization":{"reference":"Organization/1"},"location":[{"reference":"Location/l"}]}"#.to_owned()
}

fn organisation(id: usize, above: usize, label: &str) -> String {
    format!(r#"{{"resourceType":"Organization","id":"{id}","partOf":{{"reference":"Organization/{above}"}}{label}}}"#)
}

fn others() -> [String; 2] {
    [r#"{"resourceType":"Practitioner","id":"p"}"#, r#"{"resourceType":"Location","id":"l"}"#].map(str::to_owned)
}

fn released(resources: impl IntoIterator<Item = String>, plan: Plan) -> Result<Vec<String>, ViewError> {
    ask(&Upstream::new(resources, 10), plan, TARGET, 0, 100).map(|given| given.report.released)
}

#[test]
fn includes_of_includes_follow_round_by_round_through_their_own_elements_and_a_circle_ends() {
    let _turn = one_at_a_time();
    for plan in [straight, labels] {
        let circle = [organisation(1, 2, ""), organisation(2, 1, "")];
        let resources = [request(), role()].into_iter().chain(circle).chain(others());
        let expected = ["MedicationRequest/r", "PractitionerRole/z", "Organization/1", "Organization/2"];
        assert_eq!(released(resources, plan()), Ok(expected.map(str::to_owned).to_vec()));
    }
}

#[test]
fn nothing_is_followed_from_what_is_hidden_or_not_asked_to_be() {
    let _turn = one_at_a_time();
    let world = [request(), role(), organisation(1, 2, RESTRICTED), organisation(2, 3, "")];
    let world = world.into_iter().chain(others());
    let expected = ["MedicationRequest/r", "PractitionerRole/z"].map(str::to_owned);
    assert_eq!(released(world.clone(), labels()), Ok(expected.to_vec()));
    // What refers to nothing that is there is followed to its end.
    assert_eq!(released(world, straight()).map(|released| released.len()), Ok(4));
}

#[test]
fn more_rounds_than_are_gone_are_an_error() {
    let _turn = one_at_a_time();
    let chain = |length: usize| {
        let organisations = (1..length).map(|number| organisation(number, number + 1, ""));
        let last = format!(r#"{{"resourceType":"Organization","id":"{length}"}}"#);
        [request(), role(), last].into_iter().chain(organisations).chain(others()).collect::<Vec<_>>()
    };
    let depth = limits::REFERENCE_DEPTH;
    for plan in [straight, labels] {
        assert_eq!(released(chain(depth), plan()).map(|released| released.len()), Ok(depth + 2));
        assert_eq!(released(chain(depth + 1), plan()), Err(ViewError::TooManyIncludes));
    }
}
