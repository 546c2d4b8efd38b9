//! Records: those of the demo by reference, and plain ones made for a test.

use serde_json::Value;
use sluis::cli::demo::record::RECORDS;

/// References of everything in the demo's record of that name, in its order.
pub(crate) fn references_of(record: &str) -> Vec<String> {
    each(record).iter().map(reference).collect()
}

/// Every resource in the demo's record of that name.
pub(crate) fn each(record: &str) -> Vec<Value> {
    let (_, text) = RECORDS.iter().find(|(name, _)| *name == record).unwrap();
    let bundle: Value = serde_json::from_str(text).unwrap();
    bundle["entry"].as_array().unwrap().iter().map(|entry| entry["resource"].clone()).collect()
}

/// Every resource in the demo's record of that name, as text without white space, its members in their order.
pub(crate) fn texts(record: &str) -> Vec<(String, String)> {
    #[derive(serde::Deserialize)]
    struct Bundle<'b> {
        #[serde(borrow)]
        entry: Vec<Entry<'b>>,
    }
    #[derive(serde::Deserialize)]
    struct Entry<'b> {
        #[serde(borrow)]
        resource: &'b serde_json::value::RawValue,
    }
    let (_, text) = RECORDS.iter().find(|(name, _)| *name == record).unwrap();
    let bundle: Bundle<'_> = serde_json::from_str(text).unwrap();
    let texts = bundle.entry.iter().map(|entry| without_space(entry.resource.get()));
    references_of(record).into_iter().zip(texts).collect()
}

fn without_space(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            let ends = *character == '"' && !escaped;
            escaped = inside && *character == '\\' && !escaped;
            inside ^= ends;
            inside || !character.is_ascii_whitespace()
        })
        .collect()
}

fn reference(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

/// A Patient with that BSN.
pub(crate) fn patient(id: &str, bsn: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"{id}","identifier":[{{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"{bsn}"}}],"name":[{{"family":"Zandstra"}}]}}"#
    )
}

/// A Consent that lets everybody see everything of a patient, for treatment.
pub(crate) fn permit(id: &str, patient: &str) -> String {
    consent(id, patient, r#"{"type":"permit"}"#)
}

/// A Consent with that provision.
pub(crate) fn consent(id: &str, patient: &str, provision: &str) -> String {
    format!(
        r#"{{"resourceType":"Consent","id":"{id}","status":"active","scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},"category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],"patient":{{"reference":"Patient/{patient}"}},"dateTime":"2025-03-10T10:00:00+01:00","organization":[{{"reference":"Organization/sluis"}}],"policy":[{{"uri":"https://wetten.overheid.nl/BWBR0023864"}}],"provision":{provision}}}"#
    )
}

/// A laboratory result of a patient, with further members.
pub(crate) fn result(id: &str, patient: &str, members: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}}]}},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"718-7"}}]}},"subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2025-06-01"{members}}}"#
    )
}

/// Laboratory results of a patient, each of a bit more than `bytes`.
pub(crate) fn long_results(patient: &str, count: usize, bytes: usize) -> Vec<String> {
    let long = "x".repeat(bytes);
    let note = format!(r#","note":[{{"text":"{long}"}}]"#);
    (0..count).map(|number| result(&format!("{patient}-long-{number:03}"), patient, &note)).collect()
}

/// A searchset as a server writes it, with these resources.
pub(crate) fn searchset(base: &str, resources: &[String]) -> String {
    let entries: Vec<String> = resources
        .iter()
        .map(|text| {
            let resource: Value = serde_json::from_str(text).unwrap();
            let url = reference(&resource);
            format!(r#"{{"fullUrl":"{base}/{url}","resource":{text},"search":{{"mode":"match"}}}}"#)
        })
        .collect();
    format!(
        r#"{{"resourceType":"Bundle","type":"searchset","link":[{{"relation":"self","url":"{base}/Observation"}}],"entry":[{}]}}"#,
        entries.join(",")
    )
}
