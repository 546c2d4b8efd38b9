//! A law of categories: the wider one reaches more.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_wider_category_never_denies_less_nor_permits_less(
        others in elements(), effect in list(&["permit", "deny"]), narrow in list(&["GGC012", "GGC013"]),
        purpose in list(&PURPOSES), regime in regimes(),
    ) {
        let with = |code: &str| {
            let mut provision = others.clone();
            provision["class"] = json!([{"system": MITZ, "code": code}]);
            provision["type"] = json!(effect);
            let rule = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                "code": if effect == "deny" { "OPTIN" } else { "OPTOUT" }}]});
            shown(&decided(&evidence(&[json!({
                "resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": "Patient/1"},
                "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
                "policyRule": rule, "provision": provision,
            })]), regime, purpose))
        };
        let (narrower, wider) = (with(narrow), with("GGC002"));
        let (more, fewer) = if effect == "deny" { (&narrower, &wider) } else { (&wider, &narrower) };
        prop_assert!(no_more(fewer, more), "{effect} {narrow}: {narrower:?} {wider:?}");
    }
}
