//! Consents about privacy: never data to be seen.

use crate::json::{Kind, Value};

/// Returns true if and only if the resource is a Consent that is not plainly about treatment or directives: its scope is
/// something else or missing, or a category says privacy, disclosure or research. Such a one tells that somebody restricted
/// something (design, V.5).
#[must_use]
pub fn is_privacy_consent(resource: Value<'_>) -> bool {
    if resource.text_of("resourceType").as_deref() != Some("Consent") {
        return false;
    }
    let mut scopes = 0;
    let mut private = false;
    if let Some(scope) = resource.get("scope") {
        each_code(scope, &mut |code| {
            scopes += 1;
            private |= !matches!(code, "treatment" | "adr");
        });
    }
    if let Some(categories) = resource.get("category") {
        each_code(categories, &mut |code| private |= PRIVATE.contains(&code));
    }
    scopes == 0 || private
}

/// Categories of Consents about sharing data: of consentscope, v3-ActCode, LOINC.
const PRIVATE: &[&str] = &[
    "patient-privacy",
    "research",
    "RESEARCH",
    "RSDID",
    "RSREID",
    "IDSCL",
    "INFA",
    "INFAO",
    "INFASO",
    "INFAUTH",
    "INFCON",
    "INFCRT",
    "INFDNG",
    "INFEMER",
    "INFPWR",
    "INFREG",
    "IDSCLO",
    "59284-0",
    "57016-8",
    "64292-6",
];

fn each_code(concepts: Value<'_>, each: &mut impl FnMut(&str)) {
    match concepts.kind() {
        Kind::Array => concepts.items().for_each(|concept| each_code(concept, each)),
        Kind::Object => {
            let codings = concepts.get("coding");
            for coding in codings.iter().flat_map(Value::items) {
                each(coding.text_of("code").as_deref().unwrap_or_default());
            }
        }
        Kind::String | Kind::Number | Kind::Bool | Kind::Null => {}
    }
}
