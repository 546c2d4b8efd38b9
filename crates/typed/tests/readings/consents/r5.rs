//! Consents of R5, read by both.

use sluis::consent::FhirVersion;
use sluis::json::{Document, Value};
use sluis_typed::{TypedEffect, consent_r5};

use super::{FILE, Filed, all, provisions};

fn of_r5() -> Vec<Filed> {
    all().into_iter().filter(|filed| filed.version == FhirVersion::R5).collect()
}

#[test]
fn what_sluis_reads_fhir_sdk_reads_as_well_and_sees_the_same_in_it() {
    let (mut read, mut set_aside) = (0, 0);
    for filed in of_r5().iter().filter(|filed| filed.unreadable(&filed.text).is_none()) {
        let place = format!("{}: {}", filed.place, filed.text);
        let typed = match consent_r5(filed.text.as_bytes()) {
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
        assert_eq!(Some(typed.status.as_str()), root.text_of("status").as_deref(), "{place}");
        let subject = root.get("subject").and_then(|subject| subject.text_of("reference"));
        assert_eq!(typed.subject.as_deref(), subject.as_deref(), "{place}");
        let decision = match root.text_of("decision").as_deref() {
            Some("permit") => TypedEffect::Permit,
            Some("deny") => TypedEffect::Deny,
            Some(_) | None => TypedEffect::Unstated,
        };
        assert_eq!(typed.decision, decision, "{place}");
        let mut found = Vec::new();
        let stated = root.get("provision");
        stated.iter().flat_map(Value::items).for_each(|provision| provisions(provision, 0, &mut found));
        assert_eq!(typed.provisions, found, "{place}");
    }
    assert!(read >= 20 && set_aside <= 3, "{read} read, {set_aside} set aside");
}

#[test]
fn a_code_that_fhir_does_not_have_is_refused_by_both() {
    let permits = |filed: &Filed| filed.text.replace(' ', "").contains(r#""decision":"permit""#);
    let read = |filed: &Filed| filed.unreadable(&filed.text).is_none() && !filed.is_set_aside();
    let filed = of_r5().into_iter().find(|filed| permits(filed) && read(filed)).unwrap();
    assert!(consent_r5(filed.text.as_bytes()).is_ok());
    let changed = filed.text.replace(r#""permit""#, r#""perhaps""#);
    assert!(consent_r5(changed.as_bytes()).is_err(), "{changed}");
    assert!(filed.unreadable(&changed).is_some(), "{changed}");
}
