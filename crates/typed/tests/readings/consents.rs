//! Consents, read by both.
//!
//! What Sluis reads fhir-sdk reads too, and sees the same status and the same provisions in it. The other way round, Sluis
//! is the stricter one: `STRICTER` lists the reasons for which it does not read what fhir-sdk does.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluis::consent::{Evidence, FhirVersion, Register, Source, Standing, Unreadable};
use sluis::json::{Document, Value};
use sluis::profile::ValueSets;
use sluis_typed::{TypedEffect, TypedElements, TypedProvision, consent};

use super::{FILE, demo, files, member};

#[cfg(feature = "r5")]
mod r5;

/// Why Sluis does not read some Consents that fhir-sdk does.
const STRICTER: [(&str, Unreadable); 8] = [
    ("fhir-sdk takes any text as a reference", Unreadable::Patient),
    ("fhir-sdk carries what modifies a meaning along", Unreadable::Modified),
    ("fhir-sdk drops members it does not know", Unreadable::UnknownMember),
    ("fhir-sdk takes empty lists", Unreadable::IllFormed),
    ("fhir-sdk takes any code where the binding is not required", Unreadable::UnknownCode),
    ("fhir-sdk judges nothing", Unreadable::NotJudged),
    ("fhir-sdk knows no value sets", Unreadable::ValueSet),
    ("fhir-sdk has no bound of its own", Unreadable::Limit),
];

/// A Consent as it is written, with the patient whom it is looked up for.
struct Filed {
    place: String,
    text: String,
    version: FhirVersion,
    patient: Vec<String>,
}

fn all() -> Vec<Filed> {
    let consents = demo().into_iter().filter(|(_, text)| member(text, "resourceType").as_deref() == Some("Consent"));
    let of_demo = consents.map(|(record, text)| {
        let document = Document::read(text.as_bytes(), FILE).unwrap();
        let patient = document.root().get("patient").and_then(|patient| patient.text_of("reference"));
        let patient = patient.into_iter().map(|reference| reference.into_owned()).collect();
        Filed { place: format!("demo {record}"), version: FhirVersion::R4, patient, text }
    });
    let mut all: Vec<_> = of_demo.collect();
    assert!(all.len() >= 8, "{}", all.len());
    for (name, text) in files("tests/cases/decision") {
        let document = Document::read(text.as_bytes(), FILE).unwrap();
        let Some(input) = document.root().get("input") else { continue };
        let version = input.text_of("fhir_version").map_or(Some(FhirVersion::R4), |text| FhirVersion::of(&text));
        let Some(version) = version else { continue };
        let strings = |list: Option<Value<'_>>| -> Vec<String> {
            list.iter().flat_map(Value::items).filter_map(|item| item.as_str()).map(|text| text.into_owned()).collect()
        };
        let consents = input.get("consents");
        for consent in consents.iter().flat_map(Value::items) {
            let patient = strings(input.get("patient"));
            all.push(Filed { place: name.clone(), text: consent.raw().to_owned(), version, patient });
        }
    }
    assert!(all.len() >= 100, "{}", all.len());
    all
}

impl Filed {
    /// Returns why Sluis does not read it, if so.
    fn unreadable(&self, text: &str) -> Option<Unreadable> {
        let value_sets = Arc::new(ValueSets::shipped().unwrap());
        let source = Source::new(&[], Register::Own).with_value_sets(value_sets);
        let patient = if self.patient.is_empty() { vec!["Patient/1".to_owned()] } else { self.patient.clone() };
        let evidence = Evidence::read(&source, &[text.as_bytes().to_vec()], self.version, &patient, Standing::Full);
        evidence.unreadable().next().map(|(_, why)| why)
    }

    /// Returns true if and only if it is set aside before its rules are read: then a member too many changes nothing.
    fn is_set_aside(&self) -> bool {
        self.unreadable(&self.text.replacen('{', "{\"strange\":1,", 1)).is_none()
    }
}

/// The provisions as Sluis's own parser of JSON has them.
fn provisions(value: Value<'_>, depth: usize, found: &mut Vec<TypedProvision>) {
    let effect = match value.text_of("type").as_deref() {
        Some("permit") => TypedEffect::Permit,
        Some("deny") => TypedEffect::Deny,
        Some(_) | None => TypedEffect::Unstated,
    };
    found.push(TypedProvision { depth, effect, elements: elements(value) });
    value.get("provision").iter().flat_map(Value::items).for_each(|inner| provisions(inner, depth + 1, found));
}

fn elements(provision: Value<'_>) -> TypedElements {
    let items = |name: &str| -> Vec<Value<'_>> { provision.get(name).iter().flat_map(Value::items).collect() };
    let text = |value: Value<'_>, name: &str| value.text_of(name).map(|text| text.into_owned());
    let reference = |value: &Value<'_>| {
        let reference = value.get("reference").and_then(|reference| text(reference, "reference"));
        reference.unwrap_or_default()
    };
    let codes = |name: &str| -> Vec<String> {
        let codings = items(name).into_iter().flat_map(|item| match item.get("coding") {
            Some(codings) => codings.items().collect(),
            None => vec![item],
        });
        codings.filter_map(|coding| text(coding, "code")).collect()
    };
    let sides = ["period", "dataPeriod"].into_iter().filter_map(|name| provision.get(name));
    let sides = sides.flat_map(|period| [text(period, "start"), text(period, "end")]);
    TypedElements {
        periods: sides.flatten().map(|side| side.split('T').next().unwrap_or_default().to_owned()).collect(),
        actors: items("actor").iter().map(reference).collect(),
        actions: codes("action"),
        labels: codes("securityLabel"),
        purposes: codes("purpose"),
        classes: [codes("class"), codes("resourceType"), codes("documentType")].concat(),
        codes: codes("code"),
        data: items("data").iter().map(|one| (text(*one, "meaning").unwrap_or_default(), reference(one))).collect(),
    }
}

#[test]
fn what_sluis_reads_fhir_sdk_reads_as_well_and_sees_the_same_in_it() {
    let mut read = 0;
    let mut set_aside = 0;
    let of_r4 = |filed: &&Filed| filed.version != FhirVersion::R5 && filed.unreadable(&filed.text).is_none();
    for filed in all().iter().filter(of_r4) {
        let place = format!("{}: {}", filed.place, filed.text);
        let typed = match consent(filed.text.as_bytes()) {
            Ok(typed) => typed,
            // What says nothing about sharing data is set aside unread, whatever else is in it.
            Err(_) if filed.is_set_aside() => {
                set_aside += 1;
                continue;
            }
            Err(error) => panic!("{error}: {place}"),
        };
        read += 1;
        let document = Document::read(filed.text.as_bytes(), FILE).unwrap();
        let root = document.root();
        assert_eq!(Some(typed.status.code()), root.text_of("status").as_deref(), "{place}");
        let patient = root.get("patient").and_then(|patient| patient.text_of("reference"));
        assert_eq!(typed.patient.as_deref(), patient.as_deref(), "{place}");
        let codings = root.get("scope").and_then(|scope| scope.get("coding"));
        let scopes = codings.iter().flat_map(Value::items).filter_map(|coding| coding.text_of("code"));
        assert_eq!(typed.scopes, scopes.map(|code| code.into_owned()).collect::<Vec<_>>(), "{place}");
        let mut found = Vec::new();
        root.get("provision").iter().for_each(|provision| provisions(*provision, 0, &mut found));
        assert_eq!(typed.provisions, found, "{place}");
    }
    assert!(read >= 200 && set_aside <= 3, "{read} read, {set_aside} set aside");
}

#[test]
fn what_fhir_sdk_reads_and_sluis_does_not_is_refused_for_a_listed_reason() {
    let mut stricter: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for filed in all().into_iter().filter(|filed| filed.version != FhirVersion::R5) {
        if let (Some(why), Ok(_)) = (filed.unreadable(&filed.text), consent(filed.text.as_bytes())) {
            // One of another version of FHIR is not read at all; R4B is the only one that fhir-sdk is asked about.
            if why != Unreadable::Version {
                stricter.entry(format!("{why:?}")).or_default().push(filed.place);
            }
        }
    }
    let mut listed: Vec<_> = STRICTER.iter().map(|(_, why)| format!("{why:?}")).collect();
    listed.sort();
    assert_eq!(stricter.keys().cloned().collect::<Vec<_>>(), listed, "{stricter:#?}");
}

#[test]
fn a_code_that_fhir_does_not_have_is_refused_by_both() {
    let text = r#"{"resourceType":"Consent","id":"c","status":"sleeping","patient":{"reference":"Patient/1"},
        "scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
        "category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}]}"#;
    let filed = |text: &str| Filed {
        place: String::new(),
        text: text.to_owned(),
        version: FhirVersion::R4,
        patient: vec!["Patient/1".to_owned()],
    };
    assert!(consent(text.as_bytes()).is_err() && filed(text).unreadable(text).is_some());
    let text = text.replace("sleeping", "active");
    assert!(consent(text.as_bytes()).is_ok() && filed(&text).unreadable(&text).is_none());
}
