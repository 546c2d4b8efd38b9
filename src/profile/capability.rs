//! CapabilityStatement: what the exchange profiles offer, the same for every caller, without a trace of the upstream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Exchange, Include, Kind, ParameterType};
use crate::limits;

/// What every caller must know of every answer (design, section 3, "What is visible", 7).
pub(crate) const INCOMPLETE: &str = "Data may be incomplete: what a patient's consent or the law does not let through is left out \
                          without a sign. Absence of data says nothing about the patient.";

/// Returns the CapabilityStatement of a gateway with these profiles: valid R4, the same text for the same arguments.
///
/// `public_base` is the base that callers use, `date` the moment of the configuration as a FHIR `dateTime`.
#[must_use]
pub fn capability_statement(
    exchanges: &[Arc<Exchange>],
    public_base: &str,
    software_version: &str,
    date: &str,
) -> String {
    let mut kinds: BTreeMap<&str, Vec<&Kind>> = BTreeMap::new();
    for kind in exchanges.iter().flat_map(|exchange| exchange.kinds()) {
        kinds.entry(kind.resource_type()).or_default().push(kind);
    }
    let titles = exchanges.iter().map(|exchange| exchange.title()).collect::<Vec<_>>().join("; ");
    let summarised = exchanges.iter().any(|exchange| !exchange.sections().is_empty());
    let resources = kinds.iter().map(|(resource_type, kinds)| match *resource_type {
        "Patient" => with_operations(resource(resource_type, kinds), on_a_record(summarised)),
        "Observation" if kinds.iter().any(|kind| kind.is_searched()) => {
            with_operations(resource(resource_type, kinds), vec![lastn()])
        }
        _ => resource(resource_type, kinds),
    });
    let resources = resources.collect::<Vec<_>>();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "Sluis", "version": software_version},
        "implementation": {"description": INCOMPLETE, "url": public_base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "rest": [{
            "mode": "server",
            "documentation": format!(
                "{INCOMPLETE} Exchanges: {titles}. Each request is about one patient and says its purpose in the header \
                 Sluis-Purpose, a code of v3-ActReason. What may be asked depends on the role of the caller. Of results: \
                 _count, _total (accurate, none), _summary (true, data, count, false), _elements, _sort (dates, _id, _lastUpdated) and the \
                 includes listed."
            ),
            "security": {
                "cors": false,
                "service": [{"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "Certificates"
                }]}],
                "description": "Mutual TLS with a certificate of the UZI register; with that of a system, and where it is \
                                accepted, a Dezi statement or an IUA token as bearer token says who acts."
            },
            "resource": resources,
            "interaction": [{
                "code": "batch",
                "documentation": format!("Of up to {} reads, by GET each.", limits::BATCH_ENTRIES),
            }],
        }],
    })
    .to_string()
}

/// Adds the operations of a type.
fn with_operations(mut resource: Value, operations: Vec<Value>) -> Value {
    if let Some(members) = resource.as_object_mut() {
        members.insert("operation".to_owned(), Value::Array(operations));
    }
    resource
}

fn lastn() -> Value {
    json!({
        "name": "lastn",
        "definition": "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
        "documentation": "Of one patient, with category or code; the last max (1 to 100) of each code, among those that this caller may see.",
    })
}

/// Returns the operations on one patient's record.
fn on_a_record(summarised: bool) -> Vec<Value> {
    let mut operations = vec![json!({
        "name": "everything",
        "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        "documentation": "Of one patient, by id, with _type and _count.",
    })];
    if summarised {
        operations.push(json!({
            "name": "summary",
            "definition": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary",
            "documentation": INCOMPLETE,
        }));
    }
    operations
}

fn resource(resource_type: &str, kinds: &[&Kind]) -> Value {
    let interactions = [
        ("read", kinds.iter().any(|kind| kind.is_read())),
        ("search-type", kinds.iter().any(|kind| kind.is_searched())),
    ];
    let interactions = interactions.iter().filter(|(_, offered)| *offered).map(|(code, _)| json!({"code": code}));
    let mut parameters: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut includes, mut iterated) = (BTreeSet::new(), BTreeSet::new());
    for kind in kinds.iter().filter(|kind| kind.is_searched()) {
        if kind.patient_names().is_empty() {
            parameters.extend([("_id", "token"), ("identifier", "token")]);
        }
        parameters.extend(kind.patient_names().iter().map(|name| (name.as_str(), "reference")));
        parameters.extend(kind.parameters().iter().map(|parameter| (parameter.name(), type_of(parameter.value()))));
        let triple = |include: &Include| format!("{}:{}", include.source(), include.parameter());
        includes.extend(kind.includes().iter().map(triple));
        iterated.extend(kind.iterated().iter().map(triple));
    }
    let parameters = parameters.iter().map(|(name, kind)| json!({"name": name, "type": kind})).collect::<Vec<_>>();
    let mut resource = json!({
        "type": resource_type,
        "interaction": interactions.collect::<Vec<_>>(),
        "versioning": "no-version",
        "readHistory": false,
        "updateCreate": false,
        "conditionalCreate": false,
        "conditionalRead": "not-supported",
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
    });
    // An empty array is no valid FHIR.
    if let Some(members) = resource.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("searchParam".to_owned(), Value::Array(parameters));
        }
        if !includes.is_empty() {
            members.insert("searchInclude".to_owned(), json!(includes));
        }
        // FHIR R4 has no element that tells what may be followed from an include.
        if !iterated.is_empty() {
            let iterated = iterated.into_iter().collect::<Vec<_>>().join(", ");
            let told = format!("Of what is included, with _include:iterate: {iterated}.");
            members.insert("documentation".to_owned(), json!(told));
        }
    }
    resource
}

fn type_of(parameter: ParameterType) -> &'static str {
    match parameter {
        ParameterType::Token => "token",
        ParameterType::Date => "date",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::shipped_exchanges;

    fn statement() -> String {
        let exchanges = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
        capability_statement(&exchanges, "https://localhost:8443/fhir", "0.1.0", "2026-01-01T00:00:00Z")
    }

    #[test]
    fn the_statement_is_the_same_each_time_and_says_that_data_may_be_incomplete() {
        assert_eq!(statement(), statement());
        assert!(statement().contains("Data may be incomplete"));
    }

    #[test]
    fn a_summary_is_offered_where_a_profile_has_its_sections() {
        let exchanges = shipped_exchanges().unwrap().into_iter().filter(|exchange| exchange.name() != "ips");
        let exchanges = exchanges.map(Arc::new).collect::<Vec<_>>();
        let statement =
            capability_statement(&exchanges, "https://localhost:8443/fhir", "0.1.0", "2026-01-01T00:00:00Z");
        assert!(statement.contains("Patient-everything") && !statement.contains("OperationDefinition/summary"));
    }

    #[test]
    fn the_statement_offers_what_the_profiles_offer_and_nothing_else() {
        let statement: Value = serde_json::from_str(&statement()).unwrap();
        let rest = &statement["rest"][0];
        assert_eq!(
            (&rest["interaction"][0]["code"], rest["interaction"].as_array().unwrap().len()),
            (&json!("batch"), 1)
        );
        assert!(rest.get("operation").is_none());
        let resources = rest["resource"].as_array().unwrap();
        assert!(
            resources.iter().all(|resource| resource["type"] != "Practitioner" && resource["type"] != "Medication")
        );
        let request = resources.iter().find(|resource| resource["type"] == "MedicationRequest").unwrap();
        assert_eq!(request["interaction"], json!([{"code": "read"}, {"code": "search-type"}]));
        assert!(request["searchParam"].as_array().unwrap().contains(&json!({"name": "period-of-use", "type": "date"})));
        assert!(request["searchInclude"].as_array().unwrap().contains(&json!("MedicationRequest:medication")));
        let told = request["documentation"].as_str().unwrap();
        assert!(told.contains("PractitionerRole:organization") && !told.contains("Observation:"), "{told}");
        let patient = resources.iter().find(|resource| resource["type"] == "Patient").unwrap();
        let operations = patient["operation"].as_array().unwrap().iter().map(|operation| operation["name"].clone());
        assert_eq!(operations.collect::<Vec<_>>(), ["everything", "summary"]);
        let observation = resources.iter().find(|resource| resource["type"] == "Observation").unwrap();
        assert_eq!(observation["operation"][0]["name"], "lastn");
        let with = resources.iter().filter(|resource| resource.get("operation").is_some()).count();
        assert_eq!(with, 2, "no other type has operations");
        assert_eq!(
            patient["searchParam"],
            json!([
                {"name": "_id", "type": "token"},
                {"name": "_lastUpdated", "type": "date"},
                {"name": "identifier", "type": "token"}
            ])
        );
    }
}
