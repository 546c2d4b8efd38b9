use proptest::prelude::*;

use super::*;

const TAG: &str =
    r#""tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]"#;

fn projected(projection: &Projection, resource: &str) -> String {
    String::from_utf8(project(resource.as_bytes().to_vec(), projection).unwrap()).unwrap()
}

fn elements(names: &[&str]) -> Projection {
    Projection::Elements(names.iter().map(|name| (*name).to_owned()).collect())
}

/// `META` stands for the members of `meta` that the tag is added to.
fn tagged_as(expected: &str) -> String {
    expected.replace("META,", &format!("{TAG},")).replace("META", TAG)
}

#[test]
fn whole_resources_keep_every_byte() {
    let text = r#"{ "resourceType":"Observation" , "id":"1","meta":{ },"x":1.50 }"#;
    assert_eq!(projected(&Projection::Whole, text), text);
}

#[test]
fn elements_that_are_listed_stay_with_what_the_resource_cannot_be_without() {
    let text = r#"{"resourceType":"Observation","id":"1","meta":{"versionId":"2"},"text":{"div":"x"},
        "status":"final","_status":{"id":"s"},"code":{"text":"c"},"subject":{"reference":"Patient/a"},
        "valueQuantity":{"value":1.50, "unit":"mg"},"_issued":{"id":"i"},"issued":"2024","note":[{"text":"n"}],
        "modifierExtension":[{"url":"u","valueCode":"c"}],"foreign":1}"#;
    let expected = r#"{"resourceType":"Observation","id":"1","meta":{"versionId":"2",META},"status":"final","_status":{"id":"s"},"code":{"text":"c"},"valueQuantity":{"value":1.50, "unit":"mg"},"modifierExtension":[{"url":"u","valueCode":"c"}]}"#;
    assert_eq!(projected(&elements(&["value"]), text), tagged_as(expected));
    let issued = projected(&elements(&["issued"]), text);
    assert!(issued.contains(r#""_issued":{"id":"i"},"issued":"2024""#) && !issued.contains("valueQuantity"));
}

#[test]
fn what_turns_the_meaning_of_a_resource_stays() {
    let request = r#"{"resourceType":"MedicationRequest","id":"1","doNotPerform":true,"note":[]}"#;
    assert!(projected(&elements(&["note"]), request).contains(r#""doNotPerform":true"#));
    let condition = r#"{"resourceType":"Condition","id":"1","verificationStatus":{"text":"refuted"},"note":[]}"#;
    for projection in [elements(&["code"]), Projection::Summary] {
        assert!(projected(&projection, condition).contains("refuted"));
    }
}

#[test]
fn a_summary_holds_what_the_definitions_mark() {
    let text = r#"{"resourceType":"Observation","id":"1","extension":[{"url":"e"}],"language":"nl","status":"final",
        "category":[{"text":"lab"}],"code":{"coding":[{"code":"c","extension":[{"url":"x"}]}]},"note":[{"text":"n"}],
        "component":[{"id":"gone","extension":[{"url":"y"}],"code":{"text":"d"},"valueString":"v","_valueString":{"id":"p"},
            "interpretation":[{"text":"high"}]},{"interpretation":[]}],"referenceRange":[{"text":"r"}]}"#;
    let expected = r#"{"resourceType":"Observation","id":"1","meta":{META},"status":"final","code":{"coding":[{"code":"c","extension":[{"url":"x"}]}]},"component":[{"code":{"text":"d"},"valueString":"v","_valueString":{"id":"p"}}]}"#;
    assert_eq!(projected(&Projection::Summary, text), tagged_as(expected));
}

#[test]
fn a_summary_keeps_what_is_required_whole_where_nothing_of_it_is_marked() {
    let text = r#"{"resourceType":"Observation","id":"1","code":{"unheard":1},"status":"final"}"#;
    assert!(projected(&Projection::Summary, text).contains(r#""code":{"unheard":1}"#));
}

#[test]
fn the_rest_without_its_narrative_is_all_but_that() {
    let text = r#"{"resourceType":"X","id":"1","text":{"div":"x"},"contained":[{"id":"c"}],"foreign":1}"#;
    let expected = r#"{"resourceType":"X","id":"1","meta":{META},"contained":[{"id":"c"}],"foreign":1}"#;
    assert_eq!(projected(&Projection::Data, text), tagged_as(expected));
}

#[test]
fn a_contained_resource_stays_with_what_refers_to_it() {
    let text = r##"{"resourceType":"MedicationRequest","id":"1","contained":[{"resourceType":"Medication","id":"m",
        "manufacturer":{"reference":"#o"}},{"resourceType":"Organization","id":"o"},{"resourceType":"Device","id":"d"}],
        "medicationReference":{"reference":"#m"},"note":[{"authorReference":{"reference":"#d"}}]}"##;
    for projection in [elements(&["status"]), Projection::Summary] {
        let given = projected(&projection, text);
        assert!(given.contains(r##""id":"m""##) && given.contains(r##""id":"o""##) && !given.contains(r##""id":"d""##));
        assert!(given.find("contained").unwrap() < given.find("medicationReference").unwrap());
    }
    assert!(projected(&elements(&["contained"]), text).contains(r##""id":"d""##));
    let none = r#"{"resourceType":"MedicationRequest","id":"1","contained":[{"id":"d"}],"status":"active"}"#;
    assert!(!projected(&Projection::Summary, none).contains("contained"));
}

#[test]
fn the_tag_stands_beside_others_and_once() {
    for (meta, expected) in [
        (r#"{"tag":[{"code":"a"} , {"code":"b"}],"versionId":"1"}"#, None),
        (r#"{ }"#, Some(tagged_as("{META}"))),
        (r#"{"tag":[ ]}"#, Some(tagged_as("{META}"))),
    ] {
        let given = projected(&Projection::Data, &format!(r#"{{"resourceType":"X","meta":{meta},"id":"1"}}"#));
        let expected = expected.unwrap_or_else(|| {
            TAG.replace(r#""tag":["#, r#"{"versionId":"1","tag":[{"code":"a"},{"code":"b"},"#) + "}"
        });
        assert_eq!(given, format!(r#"{{"resourceType":"X","meta":{expected},"id":"1"}}"#));
        assert_eq!(projected(&Projection::Data, &given), given);
    }
    for meta in ["1", "[]", r#"{"tag":{}}"#] {
        let text = format!(r#"{{"resourceType":"X","id":"1","meta":{meta}}}"#);
        assert_eq!(project(text.into_bytes(), &Projection::Data), Err(ViewError::MalformedResource), "{meta}");
    }
}

/// The leaves of a value: where each stands, and its bytes.
fn leaves(value: Value<'_>, path: &str, out: &mut Vec<(String, String)>) {
    match value.kind() {
        Kind::Object => {
            value.members().for_each(|member| leaves(member.value, &format!("{path}.{}", member.name), out))
        }
        Kind::Array => value.items().for_each(|item| leaves(item, &format!("{path}[]"), out)),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => out.push((path.to_owned(), value.raw().to_owned())),
    }
}

fn any_value() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["1.50", "\"x\"", "\"#c\"", "true", "null", "{}", "[ ]"]).prop_map(str::to_owned);
    leaf.prop_recursive(3, 24, 4, |inner| {
        let names =
            vec!["code", "coding", "value", "valueString", "_valueString", "extension", "text", "id", "reference"];
        let names = prop::sample::subsequence(names, 0..4);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(" ,"))),
            (names, prop::collection::vec(inner, 4)).prop_map(|(names, values)| {
                let members: Vec<_> =
                    names.iter().zip(values).map(|(name, value)| format!("\"{name}\" : {value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

proptest! {
    /// What is shown was there at the same place with the same bytes, but for the tag; doing it twice changes nothing.
    #[test]
    fn every_leaf_of_a_part_is_one_of_the_whole(
        names in prop::sample::subsequence(vec!["status", "code", "valueQuantity", "component", "note", "text", "contained", "foreign", "_status"], 0..9),
        values in prop::collection::vec(any_value(), 9),
        projection in prop::sample::select(vec![Projection::Summary, Projection::Data, elements(&["code", "note"]), elements(&["value"])]),
    ) {
        let members: Vec<_> = names.iter().zip(&values).map(|(name, value)| format!(", \"{name}\": {value}")).collect();
        let text = format!(r#"{{"resourceType":"Observation","id":"1"{}}}"#, members.concat());
        let given = projected(&projection, &text);
        let (whole, part) = (Document::read(text.as_bytes(), limits::RESOURCE).unwrap(), Document::read(given.as_bytes(), limits::RESOURCE).unwrap());
        let (mut before, mut after) = (Vec::new(), Vec::new());
        leaves(whole.root(), "", &mut before);
        leaves(part.root(), "", &mut after);
        after.retain(|(path, _)| !path.starts_with(".meta"));
        let mut rest = before.into_iter();
        for leaf in after {
            prop_assert!(rest.any(|one| one == leaf), "{:?} of {}", leaf, given);
        }
        prop_assert!(given.contains("SUBSETTED"));
        prop_assert_eq!(projected(&projection, &given), given);
    }
}
