//! Foreign: members that FHIR R4 does not define.
//!
//! One may say anything. Without a plan it stays, as fidelity has it; with one it takes its resource along (design section
//! 3, "What is visible", point 6).

use crate::json::{Kind, Value};
use crate::view::structure::{Holds, TypeOf};

/// Returns true if and only if something in a resource is not defined by FHIR R4: a type, a member, or a value of another
/// kind than its element has.
pub(super) fn has_foreign_member(resource: Value<'_>) -> bool {
    let kind = resource.text_of("resourceType").and_then(|name| TypeOf::of(&name));
    kind.is_none_or(|kind| {
        resource.members().any(|member| member.name != "resourceType" && is_foreign(kind, member.name, member.value))
    })
}

fn is_foreign(kind: TypeOf, name: &str, value: Value<'_>) -> bool {
    kind.element(name).is_none_or(|element| does_not_hold(element.holds, value))
}

fn does_not_hold(holds: Holds, value: Value<'_>) -> bool {
    match (value.kind(), holds) {
        (Kind::Array, _) => value.items().any(|item| does_not_hold(holds, item)),
        // A place in an array of primitives, or of what stands beside them.
        (Kind::Null, _) | (Kind::String | Kind::Number | Kind::Bool, Holds::Primitive | Holds::Address) => false,
        (Kind::Object, Holds::Elements(kind)) => {
            value.members().any(|member| is_foreign(kind, member.name, member.value))
        }
        (Kind::Object, Holds::Resource) => has_foreign_member(value),
        (Kind::Object, Holds::Primitive | Holds::Address)
        | (Kind::String | Kind::Number | Kind::Bool, Holds::Elements(_) | Holds::Resource)
        | (_, Holds::Unknown) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn is_foreign_in(members: &str) -> bool {
        let text = format!(r#"{{"resourceType":"Observation","id":"1",{members}}}"#);
        has_foreign_member(Document::read(text.as_bytes(), limits::RESOURCE).unwrap().root())
    }

    #[test]
    fn a_member_that_its_type_does_not_have_is_foreign_wherever_it_stands() {
        for members in [
            r#""fhir_comments":["x"]"#,
            r#""Note":"x""#,
            r#""code":{"x-y":1}"#,
            r#""note2":[{"text":"x"}]"#,
            r#""reasonCode":[{"text":"x"}]"#,
            r#""_code":{"id":"x"}"#,
            r#""_status":{"value":"x"}"#,
            r#""component":[{"code":{"text":"x"},"why":"y"}]"#,
            r#""extension":[{"url":"x","valueCoding":{"label":"y"}}]"#,
            r#""contained":[{"resourceType":"Condition","id":"c","reason":"y"}]"#,
            r#""contained":[{"resourceType":"Conditions","id":"c"}]"#,
            r#""":1"#,
        ] {
            assert!(is_foreign_in(members), "{members}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_foreign() {
        for members in [r#""code":"HIV""#, r#""status":{"text":"x"}"#, r#""note":["x"]"#, r#""contained":["x"]"#] {
            assert!(is_foreign_in(members), "{members}");
        }
    }

    #[test]
    fn what_fhir_defines_is_not_foreign() {
        for members in [
            r#""status":"final","_status":{"id":"x","extension":[{"url":"u","valueString":"y"}]}"#,
            r#""contained":[{"resourceType":"Medication","id":"m","code":{"text":"x"}}]"#,
            r#""meta":{"profile":["p"],"security":[{"system":"s","code":"c","userSelected":true}]}"#,
            r#""text":{"status":"generated","div":"<div/>"},"valueQuantity":{"value":1.50}"#,
            r#""subject":{"reference":"Patient/a","identifier":{"assigner":{"display":"x"}}}"#,
            r#""component":[{"code":{"text":"x"},"valueString":"y","interpretation":[{"text":"z"}]}]"#,
        ] {
            assert!(!is_foreign_in(members), "{members}");
        }
    }
}
