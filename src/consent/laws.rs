//! Laws of deciding, over generated Consents: invariant 4, and that what cannot be read never permits.

mod categories;

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use super::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Ground, Holder, Purpose,
    Source, Standing, TreatmentRelation, Unlabelled, decide,
};
use crate::identity::{Caller, CallerNames, CardType};
use crate::json::Document;
use crate::label::{Subject, Tables};
use crate::limits;
use crate::profile::{Categories, Regime, shipped_regime};

const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";

fn list<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    proptest::sample::select(values.to_vec())
}

/// Elements that a provision may have, each absent as often as not.
fn elements() -> impl Strategy<Value = Value> {
    let actors =
        [json!(null), json!("Organization/1"), json!("Organization/2"), json!("Organization/3"), json!("#none")];
    let purposes = [json!(null), json!("TREAT"), json!("ETREAT"), json!("HRESCH")];
    let classes =
        [json!(null), json!("Observation"), json!("Medication"), json!("Condition"), json!("GGC013"), json!("GGC002")];
    let labels = [json!(null), json!("N"), json!("R"), json!("PSY"), json!("SPI"), json!("HIV")];
    let data = [
        json!({}),
        json!({}),
        json!({"code": [{"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}]}),
        json!({"code": [{"coding": [{"system": "http://www.whocc.no/atc", "code": "N05AN01"}]}]}),
        json!({"dataPeriod": {"start": "2025-01-01", "end": "2025-12-31"}}),
        json!({"data": [{"meaning": "instance", "reference": {"reference": "Observation/x"}}]}),
        json!({"data": [{"meaning": "related", "reference": {"reference": "Encounter/x"}}]}),
    ];
    let parts = (list(&actors), list(&purposes), list(&classes), list(&labels), list(&data));
    parts.prop_map(|(actor, purpose, class, label, data)| {
        let mut provision = data;
        if actor.is_string() {
            let role = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]});
            provision["actor"] = json!([{"role": role, "reference": {"reference": actor}}]);
        }
        if purpose.is_string() {
            provision["purpose"] = json!([{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": purpose}]);
        }
        if class.is_string() {
            let category = class.as_str().is_some_and(|class| class.starts_with("GGC"));
            let system = if category { MITZ } else { "http://hl7.org/fhir/resource-types" };
            provision["class"] = json!([{"system": system, "code": class}]);
        }
        if let Some(code) = label.as_str() {
            let system = if code.len() == 1 { "v3-Confidentiality" } else { "v3-ActCode" };
            let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
            provision["securityLabel"] = json!([{"system": system, "code": code}]);
        }
        provision
    })
}

fn provision() -> impl Strategy<Value = Value> {
    let typed = (elements(), list(&["permit", "deny", ""])).prop_map(|(mut provision, of)| {
        if !of.is_empty() {
            provision["type"] = json!(of);
        } else if provision == json!({}) {
            provision["id"] = json!("x");
        }
        provision
    });
    typed.prop_recursive(3, 12, 3, |inner| {
        let inside = proptest::collection::vec(inner, 1..3);
        (elements(), list(&["permit", "deny", ""]), inside).prop_map(|(mut provision, of, inside)| {
            if !of.is_empty() {
                provision["type"] = json!(of);
            }
            provision["provision"] = json!(inside);
            provision
        })
    })
}

fn consent() -> impl Strategy<Value = Value> {
    let dates = ["", "2024", "2025-01-01", "2025-01-01", "2025-06-15T10:00:00Z", "2027-01-01"];
    (provision(), list(&["", "OPTIN", "OPTOUT"]), list(&dates)).prop_map(|(provision, rule, date)| {
        let mut consent = json!({
            "resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": "Patient/1"},
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "provision": provision,
        });
        if !date.is_empty() {
            consent["dateTime"] = json!(date);
        }
        if !rule.is_empty() {
            let system = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
            consent["policyRule"] = json!({"coding": [{"system": system, "code": rule}]});
        }
        consent
    })
}

/// The data categories of Mitz.
const MITZ: &str = "http://fhir.nl/otv/CodeSystem/gegevenscategorie";

static SOURCE: LazyLock<Source> =
    LazyLock::new(|| Source::default().with_categories(Arc::new(Categories::shipped().unwrap())));
static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables::shipped().unwrap());
/// Every shipped policy, and chains of them.
const REGIMES: [&[&str]; 10] = [
    &["wabvpz"],
    &["ehds"],
    &["wgbo"],
    &["acute"],
    &["research"],
    &["wabvpz", "acute"],
    &["wabvpz", "wgbo", "acute"],
    &["ehds", "research"],
    &["wgbo", "research", "acute"],
    &["acute", "ehds"],
];
static SHIPPED: LazyLock<Vec<Regime>> = LazyLock::new(|| REGIMES.map(|names| shipped_regime(names).unwrap()).to_vec());

fn regime(name: &str) -> &'static Regime {
    SHIPPED.iter().find(|regime| regime.name() == name).unwrap()
}

/// One of the regimes.
fn regimes() -> impl Strategy<Value = &'static Regime> {
    (0..REGIMES.len()).prop_map(|index| &SHIPPED[index])
}

/// A team that names the caller's organisation.
static RELATION: LazyLock<TreatmentRelation> = LazyLock::new(|| {
    let team = json!({
        "resourceType": "CareTeam", "id": "t", "status": "active", "subject": {"reference": "Patient/1"},
        "participant": [{"member": {"identifier": {"system": URA, "value": "00000001"}}}],
    });
    let team = [team.to_string().into_bytes()];
    TreatmentRelation::read(&Source::default(), &team, &["Patient/1".to_owned()])
});

fn evidence(consents: &[Value]) -> Evidence {
    let bytes: Vec<_> = consents.iter().map(|consent| consent.to_string().into_bytes()).collect();
    let patient = ["Patient/1".to_owned()];
    let mut evidence = Evidence::read(&SOURCE, &bytes, FhirVersion::R4, &patient, Standing::Full);
    for (id, ura) in [("1", "00000001"), ("2", "00000002")] {
        let organization =
            json!({"resourceType": "Organization", "id": id, "identifier": [{"system": URA, "value": ura}]});
        evidence.resolve(&format!("Organization/{id}"), organization.to_string().as_bytes());
    }
    evidence
}

fn decided(evidence: &Evidence, regime: &Regime, purpose: &str) -> Decision {
    combined(Combining::DenyOverrides, evidence, regime, purpose)
}

fn combined(combining: Combining, evidence: &Evidence, regime: &Regime, purpose: &str) -> Decision {
    let caller = Caller::new(
        "00000001".parse().unwrap(),
        "900000001".parse().unwrap(),
        CardType::Professional,
        Some("01.015".parse().unwrap()),
        CallerNames::default(),
        None,
    );
    let holder = Holder::new("00000009".parse().unwrap());
    let asked = Asked {
        caller: &caller,
        records: &CallerRecords::none(),
        relation: &RELATION,
        holder: &holder,
        purpose: Purpose::of(purpose).unwrap(),
        reason: Some("spoed"),
        action: Action::Access,
        admission: Admission::Everything,
        combining,
        unlabelled: Unlabelled::Restricted,
    };
    decide(&asked, evidence, regime, datetime!(2026-03-01 12:00 UTC))
}

/// Returns which of a fixed set of resources may be seen.
fn shown(decision: &Decision) -> Vec<bool> {
    let coded = |kind: &str, system: &str, code: &str| json!({"resourceType": kind, "id": "x", "code": {"coding": [{"system": system, "code": code}]}});
    let security = |mut resource: Value, code: &str| {
        let system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
        resource["meta"] = json!({"security": [{"system": system, "code": code}]});
        resource
    };
    let categorised = |code: &str| {
        let system = "http://terminology.hl7.org/CodeSystem/observation-category";
        let mut resource = coded("Observation", "http://loinc.org", "85354-9");
        resource["category"] = json!([{"coding": [{"system": system, "code": code}]}]);
        resource
    };
    let atc = "http://www.whocc.no/atc";
    let dated = |mut resource: Value, date: &str| {
        resource["effectiveDateTime"] = json!(date);
        resource["encounter"] = json!({"reference": "Encounter/x"});
        resource
    };
    let resources = [
        coded("Observation", "http://loinc.org", "85354-9"),
        dated(coded("Observation", "http://loinc.org", "85354-9"), "2025-06-01"),
        dated(coded("Observation", "http://loinc.org", "4548-4"), "2024-06-01"),
        coded("Observation", "http://loinc.org", "7917-8"),
        security(coded("Observation", "http://loinc.org", "85354-9"), "R"),
        coded("Observation", "http://x.example", "1"),
        categorised("laboratory"),
        categorised("vital-signs"),
        json!({"resourceType": "AllergyIntolerance", "id": "x"}),
        json!({"resourceType": "MedicationStatement", "id": "x"}),
        coded("Condition", "http://hl7.org/fhir/sid/icd-10", "F20.0"),
        coded("Condition", "http://hl7.org/fhir/sid/icd-10", "I10"),
        coded("Medication", atc, "N05AN01"),
        security(coded("Medication", atc, "A10BA02"), "V"),
        json!({"resourceType": "Encounter", "id": "x"}),
        json!({"resourceType": "Patient", "id": "1"}),
    ];
    let is_shown = |resource: &Value| match decision {
        Decision::Deny(_) => false,
        Decision::Permit(plan) => {
            let text = resource.to_string();
            let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
            let seen = plan.judge(Subject::alone(document.root()), &TABLES).is_visible();
            let kind = resource["resourceType"].as_str().unwrap();
            assert!(seen || !plan.is_straight(), "straight, yet {resource} is hidden");
            assert!(seen || plan.can_hide(kind), "cannot hide {kind}, yet {resource} is hidden");
            seen
        }
    };
    resources.iter().map(is_shown).collect()
}

fn no_more(after: &[bool], before: &[bool]) -> bool {
    after.iter().zip(before).all(|(after, before)| *before || !*after)
}

/// Calls `change` with the list of provisions inside the `nth` provision, in order.
fn change_inside(provision: &mut Value, nth: &mut usize, change: &mut impl FnMut(&mut Vec<Value>)) {
    let mut inside = match provision["provision"].take() {
        Value::Array(inside) => inside,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    };
    if *nth == 0 {
        change(&mut inside);
    }
    *nth = nth.wrapping_sub(1);
    for inner in &mut inside {
        change_inside(inner, nth, change);
    }
    match (inside.is_empty(), provision.as_object_mut()) {
        (true, Some(members)) => drop(members.remove("provision")),
        (_, _) => provision["provision"] = json!(inside),
    }
}

const PURPOSES: [&str; 4] = ["TREAT", "ETREAT", "BTG", "HRESCH"];
const COMBININGS: [Combining; 3] = [Combining::DenyOverrides, Combining::NewestWins, Combining::MostSpecific];

fn some() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(consent(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn adding_a_denying_consent_never_shows_more(
        consents in proptest::collection::vec(consent(), 0..3), objection in consent(), added in elements(),
        purpose in list(&PURPOSES), regime in regimes(), combining in list(&COMBININGS),
    ) {
        let before = shown(&combined(combining, &evidence(&consents), regime, purpose));
        let mut more = consents;
        let mut objection = objection;
        objection["id"] = json!("d");
        objection["provision"] = added;
        objection["provision"]["type"] = json!("deny");
        objection.as_object_mut().unwrap().remove("policyRule");
        more.push(objection);
        let after = shown(&combined(combining, &evidence(&more), regime, purpose));
        prop_assert!(no_more(&after, &before), "{before:?} {after:?}");
    }

    #[test]
    fn adding_a_denying_exception_never_shows_more(
        mut consents in some(), added in elements(), nth in 0_usize..6, purpose in list(&PURPOSES),
        regime in regimes(), combining in list(&COMBININGS),
    ) {
        let before = shown(&combined(combining, &evidence(&consents), regime, purpose));
        let mut exception = added;
        exception["type"] = json!("deny");
        let add = &mut |inside: &mut Vec<Value>| inside.push(exception.clone());
        change_inside(&mut consents[0]["provision"], &mut { nth }, add);
        let after = shown(&combined(combining, &evidence(&consents), regime, purpose));
        prop_assert!(no_more(&after, &before), "{before:?} {after:?}");
    }

    #[test]
    fn removing_a_permit_never_shows_more(
        mut consents in some(), nth in 0_usize..6, purpose in list(&PURPOSES),
        regime in regimes(), combining in list(&COMBININGS),
    ) {
        let before = shown(&combined(combining, &evidence(&consents), regime, purpose));
        let is_permit = |one: &Value| one["type"] == "permit" && one.get("provision").is_none();
        let remove = &mut |inside: &mut Vec<Value>| inside.retain(|one| !is_permit(one));
        change_inside(&mut consents[0]["provision"], &mut { nth }, remove);
        let after = shown(&combined(combining, &evidence(&consents), regime, purpose));
        prop_assert!(no_more(&after, &before), "{before:?} {after:?}");
    }

    #[test]
    fn no_way_of_combining_shows_less_than_deny_overrides(
        consents in some(), purpose in list(&PURPOSES), regime in regimes(),
        combining in list(&COMBININGS),
    ) {
        let evidence = evidence(&consents);
        let least = shown(&decided(&evidence, regime, purpose));
        prop_assert!(no_more(&least, &shown(&combined(combining, &evidence, regime, purpose))));
    }

    #[test]
    fn consents_of_one_date_combine_by_newest_wins_as_by_deny_overrides(
        mut consents in some(), purpose in list(&PURPOSES), regime in regimes(),
    ) {
        consents.iter_mut().for_each(|one| one["dateTime"] = json!("2025-01-01"));
        let evidence = evidence(&consents);
        let newest = shown(&combined(Combining::NewestWins, &evidence, regime, purpose));
        prop_assert_eq!(newest, shown(&decided(&evidence, regime, purpose)));
    }

    #[test]
    fn consents_of_one_identifier_that_cannot_be_ordered_all_stand(
        mut consents in some(), purpose in list(&PURPOSES), regime in regimes(),
    ) {
        consents.iter_mut().for_each(|one| one["dateTime"] = json!("2025-01-01"));
        let apart = shown(&decided(&evidence(&consents), regime, purpose));
        consents.iter_mut().for_each(|one| one["identifier"] = json!([{"system": "urn:c", "value": "1"}]));
        prop_assert_eq!(shown(&decided(&evidence(&consents), regime, purpose)), apart);
    }

    #[test]
    fn losing_a_source_denies(consents in proptest::collection::vec(consent(), 0..3), regime in regimes()) {
        for lost in [
            evidence(&consents).merge(Evidence::unavailable()),
            Evidence::unavailable().merge(evidence(&consents)),
        ] {
            match decided(&lost, regime, "TREAT") {
                Decision::Deny(denial) => prop_assert_eq!(denial.ground(), Ground::EvidenceUnavailable),
                Decision::Permit(_) => prop_assert!(false, "permitted without all evidence"),
            }
        }
    }

    #[test]
    fn a_member_nobody_knows_anywhere_in_the_rules_denies(
        mut consent in consent(), nth in 0_usize..40, name in "[a-z]{3,9}x", regime in regimes(),
    ) {
        insert(&mut consent["provision"], &name, &mut { nth });
        let evidence = evidence(&[consent]);
        prop_assert_eq!(evidence.unreadable().count(), 1);
        let Decision::Deny(denial) = decided(&evidence, regime, "TREAT") else {
            return Err(TestCaseError::fail("permitted what cannot be read"));
        };
        prop_assert_eq!(denial.ground(), Ground::ConsentUnreadable);
    }

    #[test]
    fn arbitrary_bytes_as_consent_never_permit(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in ".{0,80}") {
        for bytes in [bytes, text.into_bytes()] {
            let patient = ["Patient/1".to_owned()];
            let evidence = Evidence::read(&Source::default(), &[bytes], FhirVersion::R4, &patient, Standing::Full);
            prop_assert!(matches!(decided(&evidence, regime("ehds"), "TREAT"), Decision::Deny(_)));
        }
    }

    #[test]
    fn a_consent_that_is_cut_or_changed_never_panics_nor_permits_unread(
        consent in consent(), at in 0_usize..900, byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut bytes = consent.to_string().into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let patient = ["Patient/1".to_owned()];
        let evidence = Evidence::read(&Source::default(), &[bytes], FhirVersion::R4, &patient, Standing::Full);
        let unread = evidence.unreadable().count();
        let decision = decided(&evidence, regime("ehds"), "TREAT");
        prop_assert!(unread == 0 || matches!(decision, Decision::Deny(_)));
    }
}

/// Inserts a member into the `nth` object, in order; into the outermost when there are fewer.
fn insert(value: &mut Value, name: &str, nth: &mut usize) {
    fn walk(value: &mut Value, name: &str, nth: &mut usize) -> bool {
        match value {
            Value::Object(members) if *nth == 0 => {
                members.insert(name.to_owned(), json!("x"));
                true
            }
            Value::Object(members) => {
                *nth -= 1;
                members.values_mut().any(|inner| walk(inner, name, nth))
            }
            Value::Array(items) => items.iter_mut().any(|inner| walk(inner, name, nth)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    if !walk(value, name, nth) {
        walk(value, name, &mut 0);
    }
}
