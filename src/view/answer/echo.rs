//! Echo: whether a server searched for the person it was asked about.

use crate::query::{Id, Search};

/// Returns true if and only if the `self` link of a page says that the person was a parameter of the search.
///
/// FHIR R4, 3.1.1.4: the link states the parameters that the server used. One that does not know the parameter may answer
/// with everybody. A link without any query (HAPI writes one for a POST) says nothing either way; whose each entry is
/// is looked at in any case.
pub(super) fn echoes_person(link: &str, search: &Search, person: &[Id]) -> bool {
    let name = search.kind().patient_names().first().map_or("_id", String::as_str);
    echoes(link, name, person)
}

/// Returns true if and only if the `self` link of a page says that `name` was the person.
pub(super) fn echoes(link: &str, name: &str, person: &[Id]) -> bool {
    let Some((_, query)) = link.split_once('?') else { return true };
    query.split('&').any(|pair| {
        let Some((given, value)) = pair.split_once('=') else { return false };
        given == name && is_person(value, person)
    })
}

/// An id needs no escape; the signs between ids may have one.
fn is_person(value: &str, person: &[Id]) -> bool {
    let value = value.replace("%2C", ",").replace("%2c", ",").replace("%2F", "/").replace("%2f", "/");
    let ids: Vec<&str> = value.split(',').map(|id| id.strip_prefix("Patient/").unwrap_or(id)).collect();
    ids.len() == person.len() && person.iter().all(|own| ids.contains(&own.as_str()))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn echoed(link: &str) -> bool {
        let person = ["a", "b"].map(|id| Id::from_str(id).unwrap());
        echoes(link, "patient", &person)
    }

    #[test]
    fn a_link_that_names_the_person_is_an_echo() {
        for link in [
            "http://u/fhir/Observation?patient=a,b",
            "http://u/fhir/Observation?_count=1&patient=b%2Ca",
            "http://u/fhir/Observation?patient=Patient%2Fa,Patient/b&x=y",
            "http://u/fhir/Observation/_search",
        ] {
            assert!(echoed(link), "{link}");
        }
    }

    #[test]
    fn a_link_that_names_another_or_nobody_is_none() {
        for link in [
            "http://u/fhir/Observation?_count=1",
            "http://u/fhir/Observation?",
            "http://u/fhir/Observation?patient=a",
            "http://u/fhir/Observation?patient=a,c",
            "http://u/fhir/Observation?patient=a,b,c",
            "http://u/fhir/Observation?subject=a,b",
        ] {
            assert!(!echoed(link), "{link}");
        }
    }
}
