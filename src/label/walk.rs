//! The codes of a resource: every Coding in it, but for those of the resources it contains.

use crate::json::{Kind, Value};

/// Elements whose codes say nothing about what the resource is sensitive for.
const SILENT: &[&str] = &["meta", "text", "bodySite", "bodySiteCodeableConcept"];

/// Calls `each` with every object of a resource that has a system and a code.
pub(super) fn each_own_coding<'d>(resource: Value<'d>, each: &mut impl FnMut(Value<'d>, Value<'d>)) {
    for member in resource.members() {
        if member.name != "contained" && !SILENT.contains(&member.name) {
            every_coding(member.value, each);
        }
    }
}

fn every_coding<'d>(value: Value<'d>, each: &mut impl FnMut(Value<'d>, Value<'d>)) {
    match value.kind() {
        Kind::Object => {
            let (mut system, mut code) = (None, None);
            for member in value.members() {
                match member.name {
                    "system" => system = Some(member.value),
                    "code" if member.value.kind() == Kind::String => code = Some(member.value),
                    name if SILENT.contains(&name) => {}
                    _ => every_coding(member.value, each),
                }
            }
            if let (Some(system), Some(code)) = (system, code) {
                each(system, code);
            }
        }
        Kind::Array => value.items().for_each(|item| every_coding(item, each)),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
    }
}
