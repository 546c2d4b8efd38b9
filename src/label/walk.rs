//! The codes of a resource: every Coding in it, and the concepts that say what it is.

use crate::json::{Kind, Value};

/// Elements whose codes say nothing about what the resource is sensitive for.
const SILENT: &[&str] = &["meta", "text", "bodySite", "bodySiteCodeableConcept"];

/// Elements that say what a resource is.
pub(super) const PRIMARY: &[&str] = &["code", "medicationCodeableConcept", "vaccineCode", "type"];

/// Calls `each` with every object below `value` that has a system and a code; codes of contained resources count for their
/// container.
pub(super) fn every_coding<'d>(value: Value<'d>, each: &mut impl FnMut(Value<'d>, Value<'d>)) {
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

/// Returns true if and only if the resource, or a resource it contains in the place of its code, has primary concepts and
/// `known` holds for each of them.
pub(super) fn each_primary_concept(resource: Value<'_>, known: &impl Fn(Value<'_>) -> bool) -> bool {
    let mut concepts = Concepts::default();
    concepts.look_at(resource, known);
    if concepts.seen == 0 && resource.get("medicationReference").is_some() {
        let contained = resource.get("contained");
        for inner in contained.iter().flat_map(Value::items) {
            concepts.look_at(inner, known);
        }
    }
    concepts.seen > 0 && concepts.unknown == 0
}

#[derive(Default)]
struct Concepts {
    seen: usize,
    unknown: usize,
}

impl Concepts {
    fn look_at(&mut self, resource: Value<'_>, known: &impl Fn(Value<'_>) -> bool) {
        for member in resource.members().filter(|member| PRIMARY.contains(&member.name)) {
            match member.value.kind() {
                Kind::Object => self.count(member.value, known),
                Kind::Array => member.value.items().for_each(|item| self.count(item, known)),
                Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
            }
        }
    }

    fn count(&mut self, concept: Value<'_>, known: &impl Fn(Value<'_>) -> bool) {
        self.seen += 1;
        if !known(concept) {
            self.unknown += 1;
        }
    }
}
