//! Subject: the one patient a search names.

use std::str::FromStr;

use super::form::Pair;
use super::{BSN_OID, BSN_SYSTEM, Bsn, Id, Unclassifiable};

/// Whom a search is about, as the caller names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The logical id of a Patient.
    Id(Id),
    /// The number of a citizen.
    Bsn(Bsn),
}

pub(super) fn is_bsn_system(system: &str) -> bool {
    system.eq_ignore_ascii_case(BSN_SYSTEM) || system.eq_ignore_ascii_case(BSN_OID)
}

/// Reads the parameter that names the patient of a type with these names for it; none where `pair` is another parameter.
///
/// The names: each of `names` (`patient`, `subject` …) by id, with `.identifier` by BSN, and the typed forms of `patient`.
/// A Patient itself, which has no names, goes by `_id` and `identifier`.
pub(super) fn named_by(names: &[String], pair: &Pair) -> Option<Result<Subject, Unclassifiable>> {
    let by_id = |value: &str| {
        let id = if names.is_empty() { value } else { value.strip_prefix("Patient/").unwrap_or(value) };
        Id::from_str(id).map(Subject::Id).map_err(|_| ill_formed(value))
    };
    let name = pair.name.as_str();
    if names.is_empty() {
        return match name {
            "_id" => Some(by_id(&pair.value)),
            "identifier" => Some(by_bsn(&pair.value)),
            _ => None,
        };
    }
    let typed = name.strip_prefix("patient:Patient");
    let (name, chain) = match (typed, name.split_once('.')) {
        (Some(chain), _) => ("patient", chain),
        (None, Some((name, _))) => (name, pair.name.get(name.len()..).unwrap_or_default()),
        (None, None) => (name, ""),
    };
    if !names.iter().any(|known| known == name) {
        return None;
    }
    match chain {
        "" => Some(by_id(&pair.value)),
        ".identifier" => Some(by_bsn(&pair.value)),
        _ => None,
    }
}

/// Reads the token of a BSN.
pub(super) fn by_bsn(value: &str) -> Result<Subject, Unclassifiable> {
    let (system, number) = value.split_once('|').ok_or_else(|| ill_formed(value))?;
    if system != BSN_SYSTEM && system != BSN_OID {
        return Err(ill_formed(value));
    }
    Bsn::from_str(number).map(Subject::Bsn).map_err(|_| ill_formed(value))
}

/// Returns why a value names nobody: a list names several.
fn ill_formed(value: &str) -> Unclassifiable {
    if value.contains(',') { Unclassifiable::SeveralNamed } else { Unclassifiable::Value }
}

/// Writes the subject as the canonical parameter of a type whose names for it these are, before encoding.
pub(super) fn written(names: &[String], subject: &Subject) -> (String, String) {
    match (names.first(), subject) {
        (None, Subject::Id(id)) => ("_id".to_owned(), id.as_str().to_owned()),
        (None, Subject::Bsn(bsn)) => ("identifier".to_owned(), format!("{BSN_SYSTEM}|{}", bsn.as_str())),
        (Some(name), Subject::Id(id)) => (name.clone(), id.as_str().to_owned()),
        (Some(name), Subject::Bsn(bsn)) => (format!("{name}.identifier"), format!("{BSN_SYSTEM}|{}", bsn.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str], name: &str, value: &str) -> Option<Result<Subject, Unclassifiable>> {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        named_by(&names, &Pair { name: name.to_owned(), value: value.to_owned() })
    }

    #[test]
    fn a_patient_is_named_by_id_or_by_bsn() {
        let bsn = Some(Ok(Subject::Bsn(Bsn::from_str("999911120").unwrap())));
        let id = Some(Ok(Subject::Id(Id::from_str("1").unwrap())));
        let uri = "http://fhir.nl/fhir/NamingSystem/bsn|999911120";
        for name in ["patient", "subject", "patient:Patient"] {
            assert_eq!(read(&["patient", "subject"], name, "1"), id, "{name}");
            assert_eq!(read(&["patient", "subject"], name, "Patient/1"), id, "{name}");
            assert_eq!(read(&["patient", "subject"], &format!("{name}.identifier"), uri), bsn, "{name}");
        }
        assert_eq!(read(&["patient"], "patient.identifier", "urn:oid:2.16.840.1.113883.2.4.6.3|999911120"), bsn);
        assert_eq!(read(&[], "_id", "1"), id);
        assert_eq!(read(&[], "identifier", uri), bsn);
    }

    #[test]
    fn other_parameters_name_nobody() {
        for name in
            ["subject", "patient.name", "patient.identifier.value", "patient:Group", "patient:identifier", "Patient"]
        {
            assert_eq!(read(&["patient"], name, "1"), None, "{name}");
        }
        assert_eq!(read(&[], "patient", "1"), None);
        assert_eq!(read(&["subject"], "patient:Patient", "1"), None);
        assert_eq!(read(&["patient", "subject"], "subject:Patient", "1"), None);
    }

    #[test]
    fn a_value_that_is_no_one_is_refused() {
        for value in
            ["", "Group/1", "Patient/", "Patient/1/_history/2", "http://x/Patient/1", "..", "a b", "Patient/Patient/1"]
        {
            assert_eq!(read(&["patient"], "patient", value), Some(Err(Unclassifiable::Value)), "{value}");
        }
        for value in
            ["999911120", "|999911120", "http://fhir.nl/fhir/NamingSystem/bsn|999911121", "http://x|999911120", "|"]
        {
            assert_eq!(read(&["patient"], "patient.identifier", value), Some(Err(Unclassifiable::Value)), "{value}");
        }
        assert_eq!(read(&["patient"], "patient", "1,2"), Some(Err(Unclassifiable::SeveralNamed)));
        assert_eq!(read(&[], "_id", "Patient/1"), Some(Err(Unclassifiable::Value)));
    }
}
