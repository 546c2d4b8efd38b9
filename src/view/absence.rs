//! Absence: statements that there is none of a kind.
//!
//! Where a plan can hide a kind, a record that says "no known allergies" would deny what is only hidden (design, section
//! 3, point 7), so such a statement is hidden as well, for everybody with that plan.

use crate::json::{Kind, Value};

/// Codes of SNOMED CT that say that nothing of a kind is known, with the kinds. From the IPS value sets for absent and
/// unknown information, and the situations below "no known allergy".
const NONE_KNOWN: [(&str, &[&str]); 11] = [
    ("716186003", ALLERGIES),
    ("409137002", ALLERGIES),
    ("428607008", ALLERGIES),
    ("429625007", ALLERGIES),
    ("1003774007", ALLERGIES),
    ("160244002", ALLERGIES),
    ("160245001", PROBLEMS),
    ("787481004", MEDICATION),
    ("787480003", PROCEDURES),
    ("787482006", IMMUNIZATIONS),
    ("787483001", DEVICES),
];

/// Words in the codes of the IPS code system for absent and unknown data, with the kinds.
const ABSENT: [(&str, &[&str]); 6] = [
    ("allerg", ALLERGIES),
    ("problem", PROBLEMS),
    ("medication", MEDICATION),
    ("procedure", PROCEDURES),
    ("immunization", IMMUNIZATIONS),
    ("device", DEVICES),
];

const ALLERGIES: &[&str] = &["AllergyIntolerance"];
const PROBLEMS: &[&str] = &["Condition"];
const MEDICATION: &[&str] =
    &["MedicationStatement", "MedicationRequest", "MedicationDispense", "MedicationAdministration"];
const PROCEDURES: &[&str] = &["Procedure"];
const IMMUNIZATIONS: &[&str] = &["Immunization"];
const DEVICES: &[&str] = &["DeviceUseStatement"];

const ABSENT_UNKNOWN: &str = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips";
const SNOMED: &str = "http://snomed.info/sct";

/// Returns true if and only if `resource` says that there is none of a kind that `can_hide` names: of its own, or of the
/// kind that the code is about.
pub(super) fn denies_what_may_be_hidden(resource: Value<'_>, can_hide: &dyn Fn(&str) -> bool) -> bool {
    let own = can_hide(&resource.text_of("resourceType").unwrap_or_default());
    states_absence(resource, &|kinds| own || kinds.iter().any(|kind| can_hide(kind)))
}

fn states_absence(value: Value<'_>, counts: &dyn Fn(&[&str]) -> bool) -> bool {
    let inside = |value: Value<'_>| match value.kind() {
        Kind::Object | Kind::Array => states_absence(value, counts),
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => false,
    };
    is_absence(value, counts)
        || value.members().any(|member| {
            let refuted = member.name == "verificationStatus" && has_code(member.value, "refuted");
            let nil = member.name == "emptyReason" && has_code(member.value, "nilknown");
            ((refuted || nil) && counts(&[])) || inside(member.value)
        })
        || value.items().any(inside)
}

/// A Coding, by its system and code.
fn is_absence(coding: Value<'_>, counts: &dyn Fn(&[&str]) -> bool) -> bool {
    let Some(system) = coding.text_of("system") else { return false };
    let Some(code) = coding.text_of("code") else { return false };
    match system.as_ref() {
        SNOMED => NONE_KNOWN.iter().any(|(known, kinds)| *known == code && counts(kinds)),
        ABSENT_UNKNOWN => {
            let mut kinds = ABSENT.iter().filter(|(word, _)| code.contains(word)).peekable();
            if kinds.peek().is_none() { counts(&[]) } else { kinds.any(|(_, kinds)| counts(kinds)) }
        }
        _ => false,
    }
}

fn has_code(concept: Value<'_>, code: &str) -> bool {
    concept
        .get("coding")
        .is_some_and(|codings| codings.items().any(|coding| coding.text_of("code").is_some_and(|given| given == code)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn denies(hideable: &str, text: &str) -> bool {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        denies_what_may_be_hidden(document.root(), &|kind| kind == hideable)
    }

    const NO_ALLERGIES: &str = r#"{"resourceType":"AllergyIntolerance","code":{"coding":[{"system":"http://snomed.info/sct","code":"716186003"}]}}"#;

    #[test]
    fn a_statement_of_absence_counts_only_where_its_kind_can_be_hidden() {
        assert!(denies("AllergyIntolerance", NO_ALLERGIES));
        assert!(!denies("Condition", NO_ALLERGIES));
    }

    #[test]
    fn a_kind_may_be_denied_by_a_resource_of_another_type() {
        let text = r#"{"resourceType":"Observation","valueCodeableConcept":{"coding":[{"system":"http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips","code":"no-known-medications"}]}}"#;
        assert!(denies("MedicationRequest", text));
        assert!(denies("Observation", text));
        assert!(!denies("AllergyIntolerance", text));
    }

    #[test]
    fn refuted_and_empty_lists_are_statements_of_absence() {
        for (kind, text) in [
            ("Condition", r#"{"resourceType":"Condition","verificationStatus":{"coding":[{"code":"refuted"}]}}"#),
            ("List", r#"{"resourceType":"List","emptyReason":{"coding":[{"code":"nilknown"}]}}"#),
        ] {
            assert!(denies(kind, text), "{text}");
            assert!(!denies("Procedure", text), "{text}");
        }
    }

    #[test]
    fn a_finding_is_no_statement_of_absence() {
        for text in [
            r#"{"resourceType":"AllergyIntolerance","code":{"coding":[{"system":"http://snomed.info/sct","code":"91936005"}]}}"#,
            r#"{"resourceType":"AllergyIntolerance","code":{"coding":[{"system":"x","code":"716186003"}]}}"#,
            r#"{"resourceType":"AllergyIntolerance","verificationStatus":{"coding":[{"code":"confirmed"}]}}"#,
            r#"{"resourceType":"AllergyIntolerance","clinicalStatus":{"coding":[{"code":"refuted"}]}}"#,
        ] {
            assert!(!denies("AllergyIntolerance", text), "{text}");
        }
    }
}
