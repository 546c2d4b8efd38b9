//! Steady: search parameters whose answer nothing that is taken out can change.
//!
//! A server answers a parameter by the resource as it has it. Where an element that the parameter looks at can be taken out of
//! what is released, a match would tell of it: `Encounter?diagnosis=Condition/77` finds the contact whose diagnosis is hidden.
//! So a server is asked only by elements that never go but with their resource.

use std::collections::HashSet;

use crate::view::structure::{Holds, Presence, TypeOf, looked_at};

/// Returns true if and only if FHIR R4 has that search parameter, of that kind (`token`, `date`), for that type, and every
/// element it looks at stays as long as the resource does.
#[must_use]
pub(crate) fn is_steady(resource_type: &str, parameter: &str, kind: &str) -> bool {
    let Some(resource) = TypeOf::of(resource_type) else { return false };
    let paths = looked_at(resource_type, parameter, kind);
    !paths.is_empty() && paths.iter().all(|path| stays(resource, path))
}

/// Returns true if and only if what stands at `path` never goes by itself, nor with a part of the resource around it.
fn stays(resource: TypeOf, path: &str) -> bool {
    let mut at = vec![resource];
    for (depth, name) in path.split('.').enumerate() {
        // What is around an element goes when it loses what it cannot be without; the resource itself may.
        if depth > 0 && at.iter().any(|kind| loses_itself(*kind, &mut HashSet::new())) {
            return false;
        }
        let elements: Vec<_> = at.iter().flat_map(|kind| kind.elements_of(name)).collect();
        if elements.is_empty() || elements.iter().any(|element| element.holds == Holds::Address) {
            return false;
        }
        at = elements
            .iter()
            .filter_map(|element| match element.holds {
                Holds::Elements(kind) => Some(kind),
                Holds::Primitive | Holds::Address | Holds::Resource | Holds::Unknown => None,
            })
            .collect();
    }
    !at.iter().any(|kind| loses_itself(*kind, &mut HashSet::new()))
}

/// Returns true if and only if a value of that type is a reference, cannot be without one, or goes with others of its kind.
fn loses_itself(kind: TypeOf, seen: &mut HashSet<&'static str>) -> bool {
    if kind.name() == "Reference" || kind.is_numbered() {
        return true;
    }
    if !seen.insert(kind.name()) {
        return false;
    }
    kind.elements().any(|element| match (element.need, element.holds) {
        (Presence::Required, Holds::Elements(inner)) => loses_itself(inner, seen),
        (Presence::Required, Holds::Address | Holds::Resource | Holds::Unknown) => true,
        (Presence::Required, Holds::Primitive) | (Presence::Optional, _) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_coded_or_dated_by_itself_is_steady() {
        for (resource_type, parameter, kind) in [
            ("Observation", "code", "token"),
            ("Observation", "date", "date"),
            ("AllergyIntolerance", "code", "token"),
            ("Encounter", "class", "token"),
            ("Specimen", "collected", "date"),
            ("MedicationRequest", "code", "token"),
            ("MedicationRequest", "identifier", "token"),
            ("ImmunizationRecommendation", "status", "token"),
        ] {
            assert!(is_steady(resource_type, parameter, kind), "{resource_type}?{parameter}");
        }
    }

    #[test]
    fn what_goes_with_a_reference_is_not() {
        for (resource_type, parameter) in [
            ("Encounter", "diagnosis"),
            ("Encounter", "part-of"),
            ("Encounter", "location-period"),
            ("MedicationRequest", "encounter"),
            ("MedicationRequest", "medication"),
            ("List", "item"),
            ("Observation", "nothing"),
            ("Nothing", "code"),
        ] {
            for kind in ["token", "date", "reference"] {
                assert!(!is_steady(resource_type, parameter, kind), "{resource_type}?{parameter}");
            }
        }
        assert!(!is_steady("Observation", "code", "date") && !is_steady("Observation", "date", "token"));
    }
}
