//! Whose a resource is: the patient compartment (FHIR R4, CompartmentDefinition/patient), for what a patient summary and a
//! medication overview hold.
//!
//! Only the elements that say whom a resource is about are here. Who took part (a performer, an author, a guarantor who is
//! a patient too) is found by the walk over all references: a second person anywhere hides the resource.

use std::str::FromStr;

use crate::json::{Kind, Value};
use crate::query::Id;
use crate::view::reference::patient;

/// What kind of thing a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The person's own record.
    Person,
    /// Data about a person, named by this element.
    About(&'static str),
    /// Data about a person, named by this element of the items of that element.
    AboutEach(&'static str, &'static str),
    /// Nobody's own: visible when something visible refers to it (design section 3, point 4). The element, if the type has
    /// one, says whose it is all the same (a Device that is implanted).
    Supporting(Option<&'static str>),
    /// A type whose person cannot be told.
    Unknown,
}

/// Returns where a resource of that type says whose it is.
pub(super) fn whose(resource_type: &str) -> Whose {
    match resource_type {
        "Patient" => Whose::Person,
        "Practitioner" | "PractitionerRole" | "Organization" | "Location" | "Medication" | "Substance" | "Endpoint" => {
            Whose::Supporting(None)
        }
        "Device" => Whose::Supporting(Some("patient")),
        "Appointment" => Whose::AboutEach("participant", "actor"),
        "Coverage" => Whose::About("beneficiary"),
        "Task" => Whose::About("for"),
        "AllergyIntolerance"
        | "BodyStructure"
        | "Claim"
        | "ClaimResponse"
        | "Consent"
        | "CoverageEligibilityRequest"
        | "DetectedIssue"
        | "EpisodeOfCare"
        | "ExplanationOfBenefit"
        | "FamilyMemberHistory"
        | "Immunization"
        | "ImmunizationEvaluation"
        | "ImmunizationRecommendation"
        | "MolecularSequence"
        | "NutritionOrder"
        | "RelatedPerson"
        | "VisionPrescription" => Whose::About("patient"),
        "Account"
        | "AdverseEvent"
        | "CarePlan"
        | "CareTeam"
        | "ChargeItem"
        | "ClinicalImpression"
        | "Communication"
        | "CommunicationRequest"
        | "Composition"
        | "Condition"
        | "DeviceRequest"
        | "DeviceUseStatement"
        | "DiagnosticReport"
        | "DocumentManifest"
        | "DocumentReference"
        | "Encounter"
        | "Flag"
        | "Goal"
        | "ImagingStudy"
        | "Invoice"
        | "List"
        | "Media"
        | "MedicationAdministration"
        | "MedicationDispense"
        | "MedicationRequest"
        | "MedicationStatement"
        | "Observation"
        | "Procedure"
        | "QuestionnaireResponse"
        | "RequestGroup"
        | "RiskAssessment"
        | "ServiceRequest"
        | "Specimen" => Whose::About("subject"),
        _ => Whose::Unknown,
    }
}

/// Returns true if and only if the element at that path says whose a resource of that type is.
pub(super) fn says_whose(resource_type: &str, path: &[&str]) -> bool {
    match whose(resource_type) {
        Whose::About(element) | Whose::Supporting(Some(element)) => path == [element],
        Whose::AboutEach(list, element) => path == [list, element],
        Whose::Person | Whose::Supporting(None) | Whose::Unknown => false,
    }
}

/// Returns whose a looked-up resource is: the ids of the Patient records it says it is about, each once.
///
/// None for a type that is nobody's own (a Practitioner) and for one whose person cannot be told. A reference counts only
/// if it leads into the upstream, which has these `bases`: relative, or absolute below one of them.
#[must_use]
pub fn subjects(resource: Value<'_>, bases: &[String]) -> Vec<Id> {
    let whose = whose(&resource.text_of("resourceType").unwrap_or_default());
    let mut ids = Vec::new();
    if whose == Whose::Person {
        ids.extend(resource.text_of("id").and_then(|id| Id::from_str(&id).ok()));
    }
    each_subject(resource, whose, |reference| {
        if let Some(id) = patient_of(reference, bases)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    });
    ids
}

/// Calls `each` for every Reference by which a resource says whom it is about.
pub(super) fn each_subject<'d>(resource: Value<'d>, whose: Whose, mut each: impl FnMut(Value<'d>)) {
    match whose {
        Whose::About(element) | Whose::Supporting(Some(element)) => {
            if let Some(value) = resource.get(element) {
                one_or_many(value).for_each(each);
            }
        }
        Whose::AboutEach(list, element) => {
            let items = resource.get(list).into_iter().flat_map(|list| list.items());
            items.filter_map(|item| item.get(element)).for_each(&mut each);
        }
        Whose::Person | Whose::Supporting(None) | Whose::Unknown => {}
    }
}

/// `Account.subject` repeats, every other subject does not.
fn one_or_many<'d>(value: Value<'d>) -> impl Iterator<Item = Value<'d>> {
    let one = if value.kind() == Kind::Array { None } else { Some(value) };
    one.into_iter().chain(value.items())
}

fn patient_of(reference: Value<'_>, bases: &[String]) -> Option<Id> {
    let text = reference.text_of("reference")?;
    Id::from_str(patient(&text, bases)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn subjects_of(text: &str) -> Vec<String> {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        subjects(document.root(), &["http://u/fhir".to_owned()]).iter().map(|id| id.as_str().to_owned()).collect()
    }

    #[test]
    fn a_resource_is_of_whom_it_is_about() {
        for (text, whose) in [
            (r#"{"resourceType":"Patient","id":"a"}"#, vec!["a"]),
            (r#"{"resourceType":"Observation","subject":{"reference":"Patient/a"}}"#, vec!["a"]),
            (r#"{"resourceType":"Observation","subject":{"reference":"Patient/a/_history/2"}}"#, vec!["a"]),
            (r#"{"resourceType":"Observation","subject":{"reference":"http://u/fhir/Patient/a"}}"#, vec!["a"]),
            (r#"{"resourceType":"Coverage","beneficiary":{"reference":"Patient/a"}}"#, vec!["a"]),
            (
                r#"{"resourceType":"Appointment","participant":[{"actor":{"reference":"Patient/a"}},{"actor":{"reference":"Practitioner/p"}},{"actor":{"reference":"Patient/b"}}]}"#,
                vec!["a", "b"],
            ),
            (
                r#"{"resourceType":"Account","subject":[{"reference":"Patient/a"},{"reference":"Patient/a"}]}"#,
                vec!["a"],
            ),
        ] {
            assert_eq!(subjects_of(text), whose, "{text}");
        }
    }

    #[test]
    fn whose_a_resource_is_is_not_guessed() {
        for text in [
            r#"{"resourceType":"Observation","patient":{"reference":"Patient/a"}}"#,
            r#"{"resourceType":"Observation","subject":{"reference":"Group/a"}}"#,
            r#"{"resourceType":"Observation","subject":{"reference":"http://elsewhere/Patient/a"}}"#,
            r#"{"resourceType":"Observation","subject":{"display":"a"}}"#,
            r#"{"resourceType":"Practitioner","id":"a"}"#,
            r#"{"resourceType":"Basic","subject":{"reference":"Patient/a"}}"#,
            r#"{"subject":{"reference":"Patient/a"}}"#,
            "[]",
        ] {
            assert!(subjects_of(text).is_empty(), "{text}");
        }
    }
}
