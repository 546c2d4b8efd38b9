//! What a hospital's own policy may say and no shipped one does: break-glass that goes before a patient's word, and kinds of
//! which nothing is withheld.

use std::sync::Arc;

use time::macros::datetime;

use crate::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Ground, Holder, Purpose,
    Source, Standing, TreatmentRelation, Unlabelled, decide,
};
use crate::identity::{Caller, CallerNames, CardType};
use crate::json::Document;
use crate::label::{Subject, Tables};
use crate::limits;
use crate::profile::{Policy, Regime, shipped_exchanges, shipped_policies, shipped_regime};

const WABVPZ: &str = include_str!("../../../profiles/policies/wabvpz.toml");
const OBJECTION: &str = "overrides = [\"objection\"]";
const BOTH: &str = "overrides = [\"objection\", \"unreadable-consent\"]";
const DENY: &str = r#"{"type":"deny"}"#;
const DENY_CONDITIONS: &str =
    r#"{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}]}"#;
const PERMIT_ALLERGIES: &str =
    r#"{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"AllergyIntolerance"}]}"#;
const UNREADABLE: &str = r#"{"type":"deny","colour":"red"}"#;

fn own(changes: &[(&str, &str)]) -> Regime {
    let text = changes.iter().fold(WABVPZ.to_owned(), |text, (right, wrong)| {
        assert!(text.contains(right), "{right}");
        text.replace(right, wrong)
    });
    let exchanges: Vec<_> = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect();
    Regime::new(Policy::read("mine.toml", &text).unwrap(), Vec::new(), &exchanges).unwrap()
}

fn decided(regime: &Regime, provision: &str, purpose: &str) -> Decision {
    let consent = format!(
        r#"{{"resourceType":"Consent","id":"7","status":"active","patient":{{"reference":"Patient/1"}},"scope":{{"coding":[
        {{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},"provision":{provision}}}"#
    );
    let (consents, patient) = ([consent.into_bytes()], ["Patient/1".to_owned()]);
    let evidence = Evidence::read(&Source::default(), &consents, FhirVersion::R4, &patient, Standing::Full);
    let (ura, uzi) = ("00000001".parse().unwrap(), "900000001".parse().unwrap());
    let role = Some("01.015".parse().unwrap());
    let caller = Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None);
    let asked = Asked {
        caller: &caller,
        records: &CallerRecords::none(),
        relation: &TreatmentRelation::none(),
        holder: &Holder::new("00000002".parse().unwrap()),
        purpose: Purpose::of(purpose).unwrap(),
        reason: Some("spoed"),
        action: Action::Access,
        admission: Admission::Everything,
        combining: Combining::DenyOverrides,
        unlabelled: Unlabelled::Normal,
    };
    decide(&asked, &evidence, regime, datetime!(2026-03-01 12:00 UTC))
}

/// Returns what of these types may be seen, each with its ground; nothing where the decision is a denial.
fn seen(decision: &Decision) -> Vec<(&'static str, Ground)> {
    let Decision::Permit(plan) = decision else { return Vec::new() };
    let tables = Tables::shipped().unwrap();
    let judged = ["Condition", "AllergyIntolerance", "Encounter", "Location"].into_iter().filter_map(|kind| {
        let text = format!(r#"{{"resourceType":"{kind}","id":"x"}}"#);
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        let verdict = plan.judge(Subject::alone(document.root()), &tables);
        assert!(verdict.is_visible() || plan.can_hide(kind), "{kind} is hidden and cannot be");
        assert!(verdict.is_visible() || !plan.is_straight(), "{kind} is hidden on the straight way");
        verdict.is_visible().then_some((kind, verdict.ground()))
    });
    judged.collect()
}

fn kinds(decision: &Decision) -> Vec<&'static str> {
    seen(decision).into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn break_glass_goes_before_an_objection_where_the_policy_says_so_and_for_btg_alone() {
    let regime = own(&[("overrides = []", OBJECTION)]);
    let broken = decided(&regime, DENY, "BTG");
    assert_eq!(kinds(&broken), ["Condition", "AllergyIntolerance", "Encounter", "Location"]);
    assert!(matches!(&broken, Decision::Permit(plan) if plan.ground() == Ground::BreakGlass && plan.is_straight()));
    assert!(kinds(&decided(&regime, DENY, "ETREAT")).is_empty());
    assert!(kinds(&decided(&own(&[]), DENY, "BTG")).is_empty());
}

#[test]
fn what_is_overridden_says_so_for_each_resource() {
    let regime = own(&[("overrides = []", OBJECTION), ("exchanges = \"any\"", "exchanges = [\"acute\"]")]);
    let seen = seen(&decided(&regime, DENY_CONDITIONS, "BTG"));
    assert_eq!(seen[0], ("Condition", Ground::BreakGlass));
    assert_eq!(seen[1], ("AllergyIntolerance", Ground::BreakGlass));
    // An encounter is no part of the acute data set, for which alone the glass is broken.
    assert!(!seen.iter().any(|(kind, _)| *kind == "Encounter"));
}

#[test]
fn break_glass_goes_before_what_cannot_be_read_only_where_the_policy_says_that_too() {
    assert!(kinds(&decided(&own(&[("overrides = []", OBJECTION)]), UNREADABLE, "BTG")).is_empty());
    let regime = own(&[("overrides = []", BOTH)]);
    assert_eq!(kinds(&decided(&regime, UNREADABLE, "BTG")).len(), 4);
    assert!(kinds(&decided(&regime, UNREADABLE, "ETREAT")).is_empty());
}

#[test]
fn of_what_is_never_withheld_nothing_is_hidden_from_whoever_may_see_anything() {
    let never = [("never = []", "never = [\"Condition\"]")];
    let permitted = format!(r#"{{"type":"permit","provision":[{DENY_CONDITIONS}]}}"#);
    assert_eq!(
        kinds(&decided(&own(&never), &permitted, "TREAT")),
        ["Condition", "AllergyIntolerance", "Encounter", "Location"]
    );
    assert_eq!(kinds(&decided(&own(&[]), &permitted, "TREAT")), ["AllergyIntolerance", "Encounter", "Location"]);
    assert_eq!(
        kinds(&decided(&own(&never), PERMIT_ALLERGIES, "TREAT")),
        ["Condition", "AllergyIntolerance", "Location"]
    );
    // Who may see nothing sees nothing.
    assert!(kinds(&decided(&own(&never), DENY, "TREAT")).is_empty());
}

#[test]
fn no_shipped_policy_and_no_chain_of_two_shows_anything_over_an_objection() {
    let names: Vec<_> = shipped_policies().unwrap().iter().map(|policy| policy.name().to_owned()).collect();
    let chains = names.iter().flat_map(|first| names.iter().map(move |second| (first.as_str(), second.as_str())));
    let mut shown_without = 0;
    for (first, second) in chains {
        let regime = if first == second { shipped_regime(&[first]) } else { shipped_regime(&[first, second]) }.unwrap();
        for purpose in ["TREAT", "COC", "ETREAT", "BTG", "HRESCH"] {
            assert!(kinds(&decided(&regime, DENY, purpose)).is_empty(), "{first} {second} {purpose}");
            let denied = kinds(&decided(&regime, DENY_CONDITIONS, purpose));
            assert!(!denied.contains(&"Condition"), "{first} {second} {purpose}");
            shown_without += kinds(&decided(&regime, r#"{"type":"permit"}"#, purpose)).len();
        }
    }
    // The same questions with a permit are answered, so the denials above are the objection's.
    assert!(shown_without > 100, "{shown_without}");
}
