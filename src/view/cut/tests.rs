//! What is left of a resource when something it refers to is hidden.

use std::str::FromStr;

use proptest::prelude::*;

use super::*;
use crate::query::Id;
use crate::view::reference::Known;
use crate::view::ties::{Loses, WithPlan};

/// Hidden are the resources whose id begins with `h`; the person is `Patient/a`.
fn is_visible(key: &Key) -> bool {
    !key.id.as_str().starts_with('h')
}

fn with_around<T>(plan: WithPlan, hidden_inside: &[bool], run: impl FnOnce(Around<'_>) -> T) -> T {
    let person = [Id::from_str("a").unwrap()];
    let bases = ["http://u/fhir".to_owned()];
    run(Around { known: Known { person: &person, bases: &bases }, plan, hidden_inside })
}

fn cut_by(plan: WithPlan, hidden_inside: &[bool], text: &str) -> Option<String> {
    with_around(plan, hidden_inside, |around| {
        let cut = cut(text.as_bytes(), around, &is_visible).unwrap();
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        assert_eq!(ties(document.root(), around).needs.are_met(&is_visible), cut.is_some(), "{text}");
        cut.map(|bytes| String::from_utf8(bytes).unwrap())
    })
}

fn judged(text: &str) -> Option<String> {
    cut_by(WithPlan::Yes, &[], text)
}

fn observation(members: &str) -> String {
    format!(r#"{{"resourceType":"Observation","id":"1","subject":{{"reference":"Patient/a"}}{members}}}"#)
}

#[test]
fn the_smallest_optional_element_goes() {
    for (members, left) in [
        (r#","encounter":{"reference":"Encounter/h","display":"x"}"#, ""),
        (
            r#","encounter":{"reference":"http://u/fhir/Encounter/h/_history/1"},"status":"final""#,
            r#","status":"final""#,
        ),
        (
            r#","focus":[{"reference":"Condition/h"}, {"reference":"Condition/1"}, {"reference":"Condition/h2"}]"#,
            r#","focus":[{"reference":"Condition/1"}]"#,
        ),
        (r#","focus" : [ {"reference":"Condition/h"} ] ,"status":"final""#, r#" ,"status":"final""#),
        (r#","note":[{"authorReference":{"reference":"Practitioner/h"},"text":"x"}]"#, r#","note":[{"text":"x"}]"#),
        (r#","extension":[{"url":"x","valueReference":{"reference":"Condition/h"}}]"#, ""),
        (
            r#","extension":[{"url":"x","extension":[{"url":"y","valueReference":{"reference":"Condition/h"}}]},{"url":"z","valueCode":"c"}]"#,
            r#","extension":[{"url":"z","valueCode":"c"}]"#,
        ),
        (r#","_status":{"extension":[{"url":"x","valueReference":{"reference":"Condition/h"}}]}"#, ""),
        (r#","performer":[{"identifier":{"system":"s","value":"1"},"display":"x"}]"#, ""),
    ] {
        assert_eq!(judged(&observation(members)), Some(observation(left)), "{members}");
    }
    for members in [
        r#","encounter":{"reference":"Encounter/1"}"#,
        r##","focus":[{"reference":"#"}]"##,
        r#","performer":[{"display":"x"}]"#,
    ] {
        assert_eq!(judged(&observation(members)), Some(observation(members)));
    }
}

#[test]
fn an_item_goes_whole_where_the_reference_is_required_in_it() {
    let encounter =
        |diagnosis: &str| format!(r#"{{"resourceType":"Encounter","id":"1"{diagnosis},"status":"planned"}}"#);
    assert_eq!(
        judged(&encounter(
            r#","diagnosis":[{"condition":{"reference":"Condition/h"},"rank":1},{"condition":{"reference":"Condition/2"}}]"#
        )),
        Some(encounter(r#","diagnosis":[{"condition":{"reference":"Condition/2"}}]"#))
    );
    assert_eq!(
        judged(&encounter(r#","diagnosis":[{"condition":{"reference":"Condition/h"},"rank":1}]"#)),
        Some(encounter(""))
    );
}

#[test]
fn a_resource_goes_with_what_it_requires() {
    let request = |id: &str| {
        format!(
            r#"{{"resourceType":"MedicationRequest","id":"1","medicationReference":{{"reference":"Medication/{id}"}}}}"#
        )
    };
    assert_eq!(judged(&request("h")), None);
    assert_eq!(judged(&request("1")), Some(request("1")));
    let composition = |authors: &str| format!(r#"{{"resourceType":"Composition","id":"1","author":[{authors}]}}"#);
    let (seen, hidden) = (r#"{"reference":"Practitioner/1"}"#, r#"{"reference":"Practitioner/h"}"#);
    assert_eq!(judged(&composition(hidden)), None);
    assert_eq!(judged(&composition(&format!("{hidden},{seen}"))), Some(composition(seen)));
}

#[test]
fn what_only_gathers_goes_when_all_it_gathered_went() {
    for (visible, hidden) in [
        (
            r#"{"resourceType":"List","id":"1","entry":[{"item":{"reference":"Condition/1"}}]}"#,
            r#"{"resourceType":"List","id":"1","entry":[{"item":{"reference":"Condition/h"}}]}"#,
        ),
        (
            r#"{"resourceType":"Observation","id":"1","hasMember":[{"reference":"Observation/1"}]}"#,
            r#"{"resourceType":"Observation","id":"1","hasMember":[{"reference":"Observation/h"}]}"#,
        ),
        (
            r#"{"resourceType":"DiagnosticReport","id":"1","conclusion":"x","result":[{"reference":"Observation/1"}]}"#,
            r#"{"resourceType":"DiagnosticReport","id":"1","conclusion":"x","result":[{"reference":"Observation/h"}]}"#,
        ),
    ] {
        assert_eq!(judged(visible).as_deref(), Some(visible));
        assert_eq!(judged(hidden), None, "{hidden}");
    }
    let panel =
        r#"{"resourceType":"Observation","id":"1","valueInteger":1,"hasMember":[{"reference":"Observation/h"}]}"#;
    assert_eq!(judged(panel).as_deref(), Some(r#"{"resourceType":"Observation","id":"1","valueInteger":1}"#));
    let sections = |sections: &str| format!(r#"{{"resourceType":"Composition","id":"1","section":[{sections}]}}"#);
    let section = |id: &str| format!(r#"{{"title":"x","entry":[{{"reference":"Condition/{id}"}}]}}"#);
    assert_eq!(judged(&sections(&format!("{},{}", section("h"), section("1")))), Some(sections(&section("1"))));
    assert_eq!(judged(&sections(&section("h"))), None);
}

#[test]
fn a_hidden_reference_in_a_modifier_takes_its_resource() {
    let text = observation(
        r#","component":[{"modifierExtension":[{"url":"x","valueReference":{"reference":"Condition/h"}}],"code":{}}]"#,
    );
    assert_eq!(judged(&text), None);
    assert!(judged(&text.replace("Condition/h", "Condition/1")).is_some());
}

#[test]
fn paired_items_leave_a_gap() {
    let name = |extension: &str| {
        format!(
            r#"{{"resourceType":"Patient","id":"a","name":[{{"given":["A","B"],"_given":[{extension},{{"id":"x"}}]}}]}}"#
        )
    };
    let hidden = r#"{"extension":[{"url":"x","valueReference":{"reference":"Condition/h"}}]}"#;
    assert_eq!(judged(&name(hidden)), Some(name("null")));
}

#[test]
fn another_person_s_compartment_takes_the_resource_and_a_link_alone_goes() {
    for plan in [WithPlan::Yes, WithPlan::No] {
        for members in [
            r#","performer":[{"reference":"Patient/b"}]"#,
            r#","performer":[{"type":"Patient","identifier":{"value":"1"}}]"#,
            r#","performer":[{"reference":"http://elsewhere/Patient/a"}]"#,
        ] {
            assert_eq!(cut_by(plan, &[], &observation(members)), None, "{members}");
        }
        let focus = r#","focus":[{"reference":"Patient/b"}]"#;
        assert_eq!(cut_by(plan, &[], &observation(focus)), Some(observation("")));
        let patient = |link: &str| format!(r#"{{"resourceType":"Patient","id":"a"{link}}}"#);
        let link = r#","link":[{"other":{"reference":"Patient/b"},"type":"seealso"}]"#;
        assert_eq!(cut_by(plan, &[], &patient(link)), Some(patient("")));
        let device = r#"{"resourceType":"Device","id":"1","patient":{"reference":"Patient/b"}}"#;
        assert_eq!(cut_by(plan, &[], device), None);
        assert!(cut_by(plan, &[], &device.replace("Patient/b", "Patient/a")).is_some());
    }
}

#[test]
fn without_a_plan_only_other_people_and_consents_go() {
    let kept = r#","focus":[{"reference":"Condition/h"},{"reference":"urn:uuid:1"}]"#;
    let gone = r#","basedOn":[{"reference":"Consent/h"}]"#;
    assert_eq!(cut_by(WithPlan::No, &[], &observation(&format!("{kept}{gone}"))), Some(observation(kept)));
}

#[test]
fn contained_resources_go_like_references() {
    let text = |contained: &str, rest: &str| {
        format!(r#"{{"resourceType":"Observation","id":"1","contained":[{contained}],"status":"final"{rest}}}"#)
    };
    let bare = r#"{"resourceType":"Observation","id":"1","status":"final"}"#;
    let device = r#"{"resourceType":"Device","id":"d"}"#;
    let link = r##","device":{"reference":"#d"}"##;
    // Hidden by its own codes.
    assert_eq!(cut_by(WithPlan::Yes, &[true], &text(device, link)).as_deref(), Some(bare));
    // Another person's.
    let patient = r#"{"resourceType":"Patient","id":"p"}"#;
    assert_eq!(judged(&text(patient, r##","focus":[{"reference":"#p"}]"##)).as_deref(), Some(bare));
    // Gone with what it requires.
    let request = r#"{"resourceType":"MedicationRequest","id":"m","medicationReference":{"reference":"Medication/h"}}"#;
    assert_eq!(judged(&text(request, r##","focus":[{"reference":"#m"}]"##)).as_deref(), Some(bare));
    // Left without a reference, and with one.
    let specimen = r#"{"resourceType":"Specimen","id":"s"}"#;
    let inside = r##","extension":[{"url":"x","extension":[{"url":"y","valueReference":{"reference":"#s"}},{"url":"z","valueReference":{"reference":"Condition/1"}}]}]"##;
    assert_eq!(judged(&text(specimen, inside)), Some(text(specimen, inside)));
    let lost = r##","note":[{"text":"x","extension":[{"url":"x","valueReference":{"reference":"Condition/h"}}]}]"##;
    assert_eq!(
        judged(&text(&format!("{specimen},{device}"), &format!("{link}{lost}"))),
        Some(text(&format!("{specimen},{device}"), &format!(r#"{link},"note":[{{"text":"x"}}]"#)))
    );
}

#[test]
fn a_contained_resource_goes_with_the_last_reference_to_it() {
    let encounter =
        |contained: &str, rest: &str| format!(r#"{{"resourceType":"Encounter","id":"1"{contained}{rest}}}"#);
    let contained = r#","contained":[{"resourceType":"Condition","id":"c"}]"#;
    let diagnosis = |id: &str| {
        format!(
            r##","diagnosis":[{{"condition":{{"reference":"Condition/{id}"}},"use":{{"extension":[{{"url":"x","valueReference":{{"reference":"#c"}}}}]}}}}]"##
        )
    };
    assert_eq!(judged(&encounter(contained, &diagnosis("h"))), Some(encounter("", "")));
    assert_eq!(judged(&encounter(contained, &diagnosis("1"))), Some(encounter(contained, &diagnosis("1"))));
}

#[test]
fn a_chain_of_contained_resources_goes_as_a_whole_and_costs_no_more_than_there_are() {
    let links: Vec<_> = (0..limits::CONTAINED)
        .map(|number| {
            let next = if number + 1 == limits::CONTAINED { "Condition/h".to_owned() } else { format!("#c{}", number + 1) };
            format!(
                r#"{{"resourceType":"MedicationRequest","id":"c{number}","medicationReference":{{"reference":"{next}"}}}}"#
            )
        })
        .collect();
    let text = |contained: &str, focus: &str| {
        format!(r#"{{"resourceType":"Observation","id":"1"{contained},"status":"final"{focus}}}"#)
    };
    let many = vec![r##"{"reference":"#c0"}"##; 20_000].join(",");
    let given = text(&format!(r#","contained":[{}]"#, links.join(",")), &format!(r#","focus":[{many}]"#));
    assert_eq!(judged(&given), Some(text("", "")));
    let visible = given.replace("Condition/h", "Condition/1");
    assert_eq!(judged(&visible), Some(visible));
}

fn any_reference() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#"{"reference":"Condition/1"}"#,
        r#"{"reference":"Condition/h"}"#,
        r#"{"reference":"Patient/a"}"#,
        r#"{"reference":"Patient/b"}"#,
        r##"{"reference":"#c0"}"##,
        r##"{"reference":"#c1","display":"x"}"##,
        r##"{"reference":"#none"}"##,
        r##"{"reference":"#"}"##,
        r#"{"reference":"urn:uuid:1"}"#,
        r#"{"display":"x"}"#,
        r#"{"identifier":{"value":"1","assigner":{"reference":"Organization/h"}}}"#,
    ])
    .prop_map(str::to_owned)
}

/// Members that hold references, in every way that counts.
fn any_members() -> impl Strategy<Value = String> {
    let one = (0..8_usize, any_reference(), any_reference(), prop::sample::select(vec!["", " ", "\n  "])).prop_map(
        |(shape, one, other, space)| match shape {
            0 => format!(r#""encounter":{space}{one}"#),
            1 => format!(r#""focus":[{one}{space},{space}{other}]"#),
            2 => format!(r#""note":[{{"authorReference":{one},"text":"x"}},{{"authorReference":{other}}}]"#),
            3 => format!(
                r#""extension":[{{"url":"x","valueReference":{one}}}{space},{{"url":"y","extension":[{{"url":"z","valueReference":{other}}}]}}]"#
            ),
            4 => format!(r#""hasMember":[{one}]"#),
            5 => format!(r#""component":[{{"code":{{"text":"x","extension":[{{"url":"x","valueReference":{one}}}]}}}}]"#),
            6 => format!(r#""performer":[{one},{other}]"#),
            _ => format!(r#""modifierExtension":[{{"url":"x","valueReference":{one}}}]"#),
        },
    );
    proptest::collection::vec(one, 0..5).prop_map(|mut members| {
        let name = |member: &String| member.split(':').next().unwrap().to_owned();
        members.sort_by_key(name);
        members.dedup_by_key(|member| name(member));
        members.join(",")
    })
}

proptest! {
    /// Design, V.3: what is released refers to nothing hidden, and is cut no further; and the verdict is the one that was
    /// given before anything was cut.
    #[test]
    fn nothing_hidden_is_referred_to_and_nothing_is_cut_twice(
        members in any_members(), inside in proptest::collection::vec(any_members(), 2),
        hidden in proptest::collection::vec(any::<bool>(), 2), plan in any::<bool>(),
    ) {
        let contained: Vec<_> = inside.iter().enumerate()
            .map(|(number, members)| {
                let comma = if members.is_empty() { "" } else { "," };
                format!(r#"{{"resourceType":"Observation","id":"c{number}"{comma}{members}}}"#)
            })
            .collect();
        let comma = if members.is_empty() { "" } else { "," };
        let text = format!(
            r#"{{"resourceType":"Observation","id":"1","contained":[{}],"status":"final"{comma}{members}}}"#,
            contained.join(",")
        );
        let plan = if plan { WithPlan::Yes } else { WithPlan::No };
        let Some(left) = cut_by(plan, &hidden, &text) else { return Ok(()) };
        let again = cut_by(plan, &[], &left);
        prop_assert_eq!(again.as_ref(), Some(&left), "{}", text);
        with_around(plan, &[], |around| {
            let document = Document::read(left.as_bytes(), limits::RESOURCE).unwrap();
            let ties = ties(document.root(), around);
            assert_eq!(ties.loses, Loses::Nothing, "{text} became {left}");
            assert!(ties.targets.iter().all(is_visible), "{text} became {left}");
        });
    }
}
