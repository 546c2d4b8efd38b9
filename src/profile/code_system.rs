//! Code systems under their one name.

/// LOINC.
pub(crate) const LOINC: &str = "http://loinc.org";

/// Other names of code systems, by the one that codes are compared by.
const ALIASES: [(&str, &str); 11] = [
    ("urn:oid:2.16.840.1.113883.6.1", LOINC),
    ("urn:oid:2.16.840.1.113883.6.96", "http://snomed.info/sct"),
    ("urn:oid:2.16.840.1.113883.6.73", "http://www.whocc.no/atc"),
    ("http://hl7.org/fhir/sid/icd-10-nl", "http://hl7.org/fhir/sid/icd-10"),
    ("urn:oid:2.16.840.1.113883.6.3", "http://hl7.org/fhir/sid/icd-10"),
    ("urn:oid:2.16.840.1.113883.6.3.2", "http://hl7.org/fhir/sid/icd-10"),
    ("http://hl7.org/fhir/sid/icpc-1-NL", "http://hl7.org/fhir/sid/icpc-1"),
    ("http://hl7.org/fhir/sid/icpc-1-nl", "http://hl7.org/fhir/sid/icpc-1"),
    ("urn:oid:2.16.840.1.113883.2.4.4.31.1", "http://hl7.org/fhir/sid/icpc-1"),
    ("http://hl7.org/fhir/v3/ActCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
    ("urn:oid:2.16.840.1.113883.5.4", "http://terminology.hl7.org/CodeSystem/v3-ActCode"),
];

/// Returns the one name of a code system that has several.
pub(crate) fn code_system(system: &str) -> &str {
    let system = system.trim_end_matches('/');
    ALIASES.iter().find(|(alias, _)| *alias == system).map_or(system, |(_, name)| name)
}
