//! Words: what a resource says in free text, which no rule can judge.
//!
//! A note may tell of anything: of a diagnosis that is hidden, of the medicine for it. Whether it does cannot be told, nor which
//! resource it would be: that one may lead to the note's, share a visit with it or have nothing to do with it, and the same
//! record without what is hidden has the note as well. So where words are withheld, that depends on the plan and on the resource
//! itself alone.

use crate::json::{Kind, Value};
use crate::view::structure::{Holds, Text, TypeOf};

/// What becomes of free text where there is a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeText {
    /// It is passed on.
    Keep,
    /// A resource of the person that carries any is hidden.
    Withhold,
}

/// Strings of resources that name or number what the resource is: they say no more than its codes, by which it is judged.
const NAMES: [&str; 37] = [
    "id",
    "name",
    "title",
    "alias",
    "deviceName",
    "brand",
    "color",
    "productName",
    "additiveProductName",
    "baseFormulaProductName",
    "manufacturer",
    "lotNumber",
    "serialNumber",
    "modelNumber",
    "partNumber",
    "version",
    "distinctIdentifier",
    "deviceIdentifier",
    "carrierHRF",
    "series",
    "doseNumberString",
    "seriesDosesString",
    "linkId",
    "prefix",
    "network",
    "subscriberId",
    "dependent",
    "preAuthRef",
    "documentType",
    "datasetId",
    "readsetId",
    "variantsetId",
    "genomeBuild",
    "cigar",
    "observedAllele",
    "referenceAllele",
    "observedSeq",
];

/// Returns true if and only if a resource, or one it contains, carries free text: an annotation, a document, or words in an element
/// that FHIR R4 has for them.
pub(super) fn has_words(resource: Value<'_>) -> bool {
    let kind = resource.text_of("resourceType").and_then(|name| TypeOf::of(&name));
    kind.is_some_and(|kind| has_words_inside(kind, resource))
}

fn has_words_inside(kind: TypeOf, object: Value<'_>) -> bool {
    object.members().any(|member| {
        is_prose(kind, member.name)
            || match kind.element(member.name).map(|element| element.holds) {
                Some(Holds::Elements(inner)) => each(member.value).any(|value| is_wordy(inner, value)),
                Some(Holds::Resource) => each(member.value).any(has_words),
                Some(Holds::Primitive | Holds::Address | Holds::Unknown) | None => false,
            }
    })
}

fn is_wordy(kind: TypeOf, value: Value<'_>) -> bool {
    match kind.name() {
        "Annotation" => true,
        "Attachment" => ["data", "url", "title"].iter().any(|name| value.get(name).is_some()),
        // Where there is a plan no narrative is passed on. The parts of names and addresses stand in extensions of theirs, and what is
        // normal is said of everybody.
        "Narrative" | "HumanName" | "Address" | "Observation.referenceRange" => false,
        _ => has_words_inside(kind, value),
    }
}

/// Returns true if and only if an element is there for words. The text of a code, a dose or a quantity is that code, dose or
/// quantity in other words, and the name of what is referred to goes with the reference.
fn is_prose(kind: TypeOf, name: &str) -> bool {
    match kind.text(name) {
        None => false,
        Some(Text::Markdown) => true,
        Some(Text::String) if !kind.is_part_of_resource() => {
            matches!((kind.name(), name), ("Extension", "valueString") | ("Dosage", "patientInstruction"))
        }
        Some(Text::String) => {
            let is_dose_or_question = name == "text"
                && matches!(kind.name(), "MedicationAdministration.dosage" | "QuestionnaireResponse.item");
            !NAMES.contains(&name) && !is_dose_or_question
        }
    }
}

/// Returns the one there is, or each of several.
fn each<'d>(value: Value<'d>) -> impl Iterator<Item = Value<'d>> {
    (value.kind() == Kind::Object).then_some(value).into_iter().chain(value.items())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn says(resource_type: &str, members: &str) -> bool {
        let text = format!(r#"{{"resourceType":"{resource_type}","id":"1",{members}}}"#);
        has_words(Document::read(text.as_bytes(), limits::RESOURCE).unwrap().root())
    }

    #[test]
    fn notes_documents_and_words_are_found_wherever_they_stand() {
        for (resource_type, members) in [
            ("Observation", r#""note":[{"text":"x"}]"#),
            ("Observation", r#""valueString":"x""#),
            ("Observation", r#""component":[{"code":{},"valueString":"x"}]"#),
            ("Observation", r#""extension":[{"url":"u","extension":[{"url":"v","valueMarkdown":"x"}]}]"#),
            ("Observation", r#""_status":{"extension":[{"url":"u","valueString":"x"}]}"#),
            ("Observation", r#""contained":[{"resourceType":"Procedure","id":"p","note":[{"text":"x"}]}]"#),
            ("DiagnosticReport", r#""conclusion":"x""#),
            ("DiagnosticReport", r#""presentedForm":[{"data":"eA=="}]"#),
            ("DocumentReference", r#""content":[{"attachment":{"url":"Binary/1"}}]"#),
            ("DocumentReference", r#""description":"x""#),
            ("CarePlan", r#""activity":[{"detail":{"description":"x"}}]"#),
            ("CarePlan", r#""activity":[{"progress":[{"text":"x"}]}]"#),
            ("AllergyIntolerance", r#""reaction":[{"description":"x"}]"#),
            ("MedicationRequest", r#""dosageInstruction":[{"patientInstruction":"x"}]"#),
            ("Condition", r#""onsetString":"x""#),
            ("Communication", r#""payload":[{"contentString":"x"}]"#),
            ("QuestionnaireResponse", r#""item":[{"item":[{"answer":[{"valueString":"x"}]}]}]"#),
        ] {
            assert!(says(resource_type, members), "{resource_type} {members}");
        }
    }

    #[test]
    fn names_codes_and_doses_are_no_free_text() {
        for (resource_type, members) in [
            ("Observation", r#""code":{"coding":[{"display":"x"}],"text":"x"},"valueQuantity":{"value":1,"unit":"x"}"#),
            ("Observation", r#""subject":{"reference":"Patient/a","display":"x"}"#),
            ("Observation", r#""referenceRange":[{"text":"x"}],"text":{"div":"x"}"#),
            ("MedicationRequest", r#""dosageInstruction":[{"text":"x","timing":{"code":{"text":"x"}}}]"#),
            ("MedicationAdministration", r#""dosage":{"text":"x"}"#),
            ("DocumentReference", r#""content":[{"attachment":{"contentType":"text/plain"}}]"#),
            ("Immunization", r#""lotNumber":"x","protocolApplied":[{"series":"x","doseNumberString":"x"}]"#),
            (
                "RelatedPerson",
                r#""name":[{"text":"x","family":"x","_family":{"extension":[{"url":"u","valueString":"x"}]}}]"#,
            ),
            ("QuestionnaireResponse", r#""item":[{"linkId":"x","text":"x"}]"#),
            ("CarePlan", r#""title":"x""#),
        ] {
            assert!(!says(resource_type, members), "{resource_type} {members}");
        }
    }

    /// A name that is misspelt, or no string of any resource, would let words through.
    #[test]
    fn every_name_is_one_of_the_table() {
        for name in NAMES {
            assert!(
                TypeOf::all().any(|kind| kind.is_part_of_resource() && kind.text(name) == Some(Text::String)),
                "{name}"
            );
        }
    }
}
