//! What Sluis writes itself, read back.

use fhir_sdk::r4b::codes::{BundleType, CapabilityStatementKind};
use fhir_sdk::r4b::resources::{ObservationValue, Resource};

use super::{NotRead, resource};

/// What fhir-sdk reads in a CapabilityStatement of a running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedCapabilities {
    /// The version of FHIR.
    pub fhir_version: String,
    /// The base URL.
    pub base: Option<String>,
    /// The types it serves.
    pub types: Vec<TypedType>,
}

/// What a CapabilityStatement says of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedType {
    /// The type.
    pub name: String,
    /// Codes of the interactions.
    pub interactions: Vec<String>,
    /// Names of the search parameters.
    pub parameters: Vec<String>,
}

/// Reads a CapabilityStatement of a running server.
///
/// # Errors
/// The bytes are no CapabilityStatement of R4B, or not that of a running server.
pub fn capability_statement(bytes: &[u8]) -> Result<TypedCapabilities, NotRead> {
    let Resource::CapabilityStatement(statement) = resource(bytes)? else { return Err(NotRead::AnotherType) };
    if statement.kind != CapabilityStatementKind::Instance {
        return Err(NotRead::AnotherType);
    }
    let resources = statement.rest.iter().flatten().flat_map(|rest| rest.resource.iter().flatten());
    let types = resources.map(|one| TypedType {
        name: one.r#type.to_string(),
        interactions: one.interaction.iter().flatten().map(|interaction| interaction.code.to_string()).collect(),
        parameters: one.search_param.iter().flatten().map(|parameter| parameter.name.clone()).collect(),
    });
    Ok(TypedCapabilities {
        fhir_version: statement.fhir_version.to_string(),
        base: statement.implementation.as_ref().and_then(|one| one.url.clone()),
        types: types.collect(),
    })
}

/// What fhir-sdk reads in an OperationOutcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedOutcome {
    /// Severity and code of each issue.
    pub issues: Vec<(String, String)>,
}

/// Reads an OperationOutcome.
///
/// # Errors
/// The bytes are no OperationOutcome of R4B.
pub fn operation_outcome(bytes: &[u8]) -> Result<TypedOutcome, NotRead> {
    let Resource::OperationOutcome(outcome) = resource(bytes)? else { return Err(NotRead::AnotherType) };
    let issues = outcome.issue.iter().flatten();
    Ok(TypedOutcome { issues: issues.map(|one| (one.severity.to_string(), one.code.to_string())).collect() })
}

/// What fhir-sdk reads in a searchset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedBundle {
    /// Relation and URL of each link.
    pub links: Vec<(String, String)>,
    /// The number of matches that it states.
    pub total: Option<u32>,
    /// The full URL of each entry that holds a resource.
    pub entries: Vec<String>,
}

/// Reads a searchset with every resource in it.
///
/// # Errors
/// The bytes are no Bundle of R4B, or no searchset.
pub fn bundle(bytes: &[u8]) -> Result<TypedBundle, NotRead> {
    let Resource::Bundle(bundle) = resource(bytes)? else { return Err(NotRead::AnotherType) };
    if bundle.r#type != BundleType::Searchset {
        return Err(NotRead::AnotherType);
    }
    let entries = bundle.entry.iter().flatten().filter(|entry| entry.resource.is_some());
    Ok(TypedBundle {
        links: bundle.link.iter().flatten().map(|link| (link.relation.clone(), link.url.clone())).collect(),
        total: bundle.total,
        entries: entries.filter_map(|entry| entry.full_url.clone()).collect(),
    })
}

/// Reads the number in the `valueQuantity` of an Observation.
///
/// With the feature `arbitrary_precision` of serde_json anywhere in the build, fhir-sdk loses such a number and says nothing.
///
/// # Errors
/// The bytes are no Observation of R4B.
pub fn observation_value(bytes: &[u8]) -> Result<Option<f64>, NotRead> {
    let Resource::Observation(observation) = resource(bytes)? else { return Err(NotRead::AnotherType) };
    match &observation.value {
        Some(ObservationValue::Quantity(quantity)) => Ok(quantity.value),
        Some(_) | None => Ok(None),
    }
}
