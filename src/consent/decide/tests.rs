//! Evidence from several sources, and the plan that is left.

use std::sync::Arc;

use time::macros::datetime;

use super::*;
use crate::consent::{
    Action, CallerRecords, Combining, FhirVersion, Holder, Register, Source, Standing, TreatmentRelation, Unlabelled,
};
use crate::identity::{Caller, CallerNames, CardType};
use crate::json::Document;
use crate::label::{Subject, Tables};
use crate::limits;
use crate::profile::{Offer, shipped_exchanges, shipped_regime};

const URA: &str = "http://fhir.nl/fhir/NamingSystem/ura";

fn consent(rules: &str) -> Vec<u8> {
    format!(
        r#"{{"resourceType":"Consent","id":"7","status":"active","patient":{{"reference":"Patient/1"}},"scope":{{"coding":[
        {{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},{rules}}}"#
    )
    .into_bytes()
}

fn actor(reference: &str) -> String {
    let system = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
    format!(
        r#""actor":[{{"role":{{"coding":[{{"system":"{system}","code":"IRCP"}}]}},"reference":{{"reference":"{reference}"}}}}]"#
    )
}

fn class(name: &str) -> String {
    format!(r#""class":[{{"system":"http://hl7.org/fhir/resource-types","code":"{name}"}}]"#)
}

fn on_file(source: &Source, rules: &str, standing: Standing) -> Evidence {
    Evidence::read(source, &[consent(rules)], FhirVersion::R4, &["Patient/1".to_owned()], standing)
}

fn file(rules: &str) -> Evidence {
    on_file(&Source::default(), rules, Standing::Full)
}

fn gp() -> Caller {
    Caller::new(
        "00000001".parse().unwrap(),
        "900000001".parse().unwrap(),
        CardType::Professional,
        Some("01.015".parse().unwrap()),
        CallerNames::default(),
        None,
    )
}

fn decided_with(evidence: &Evidence, records: &CallerRecords, policy: &str) -> Decision {
    let regime = shipped_regime(&[policy]).unwrap();
    let exchanges: Vec<_> = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect();
    let caller = gp();
    let offer = Offer::to(&exchanges, caller.role());
    let asked = Asked {
        caller: &caller,
        records,
        relation: &TreatmentRelation::none(),
        holder: &Holder::new("00000002".parse().unwrap()),
        purpose: Purpose::of("TREAT").unwrap(),
        reason: None,
        action: Action::Access,
        admission: Admission::Through(&offer),
        combining: Combining::DenyOverrides,
        unlabelled: Unlabelled::Restricted,
    };
    decide(&asked, evidence, &regime, datetime!(2026-03-01 12:00 UTC))
}

fn decided(evidence: &Evidence) -> Decision {
    decided_with(evidence, &CallerRecords::none(), "wabvpz")
}

fn ground(decision: &Decision) -> Ground {
    match decision {
        Decision::Permit(plan) => plan.ground(),
        Decision::Deny(denial) => denial.ground(),
    }
}

fn plan(decision: Decision) -> Plan {
    let Decision::Permit(plan) = decision else { panic!("denied: {:?}", ground(&decision)) };
    plan
}

#[test]
fn a_permit_without_conditions_is_a_straight_plan_and_one_with_conditions_is_not() {
    let straight = plan(decided(&file(r#""provision":{"type":"permit"}"#)));
    assert!(straight.is_straight() && !straight.can_hide("Observation") && straight.can_hide("Consent"));
    let judged = plan(decided(&file(&format!(r#""provision":{{"type":"permit",{}}}"#, class("Observation")))));
    assert!(!judged.is_straight() && !judged.can_hide("Observation") && judged.can_hide("Condition"));
    assert!(!judged.can_hide("Practitioner"));
}

#[test]
fn a_permit_beside_one_for_everything_leaves_the_plan_straight_and_a_denial_does_not() {
    let all = file(r#""provision":{"type":"permit"}"#);
    let some = |effect: &str| file(&format!(r#""provision":{{"type":"{effect}",{}}}"#, class("Observation")));
    assert!(plan(decided(&all.clone().merge(some("permit")))).is_straight());
    let plan = plan(decided(&all.merge(some("deny"))));
    assert!(!plan.is_straight() && plan.can_hide("Observation") && !plan.can_hide("Condition"));
}

#[test]
fn what_the_policy_permits_is_told_from_what_a_rule_permits() {
    let nothing = Evidence::read(&Source::default(), &[], FhirVersion::R4, &["Patient/1".to_owned()], Standing::Full);
    let permitted = plan(decided_with(&nothing, &CallerRecords::none(), "ehds"));
    assert_eq!(permitted.ground(), Ground::PolicyPermits);
    assert!(permitted.is_straight() && permitted.consents().is_empty());
    assert_eq!(ground(&decided(&nothing)), Ground::NothingOnFile);
}

#[test]
fn a_verdict_says_which_provision_of_which_consent() {
    let rules = format!(r#""provision":{{"type":"permit","provision":[{{"type":"deny",{}}}]}}"#, class("Observation"));
    let plan = plan(decided(&file(&rules)));
    let tables = Tables::shipped().unwrap();
    let judged = |text: &str| {
        plan.judge(Subject::alone(Document::read(text.as_bytes(), limits::RESOURCE).unwrap().root()), &tables)
    };
    let hidden = judged(r#"{"resourceType":"Observation","id":"1"}"#);
    assert_eq!((hidden.is_visible(), hidden.ground()), (false, Ground::RuleDenies));
    assert_eq!(plan.locate(&hidden), Some(("Consent/7", "provision.provision[0]".to_owned())));
    let visible = judged(r#"{"resourceType":"Condition","id":"1"}"#);
    assert_eq!((visible.is_visible(), visible.ground()), (true, Ground::RulePermits));
    assert_eq!(plan.locate(&visible), Some(("Consent/7", "provision".to_owned())));
    let base = decided(&file(
        r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]}"#,
    ));
    let Decision::Permit(base) = base else { panic!("denied") };
    let document = Document::read(br#"{"resourceType":"Condition","id":"1"}"#, limits::RESOURCE).unwrap();
    let verdict = base.judge(Subject::alone(document.root()), &tables);
    assert_eq!(base.locate(&verdict), Some(("Consent/7", "policyRule".to_owned())));
}

#[test]
fn over_a_link_only_denials_count() {
    let linked = |rules: &str| on_file(&Source::default(), rules, Standing::DenialsOnly);
    assert_eq!(ground(&decided(&linked(r#""provision":{"type":"permit"}"#))), Ground::NothingOnFile);
    let own = file(r#""provision":{"type":"permit"}"#);
    assert_eq!(ground(&decided(&own.clone())), Ground::RulePermits);
    assert_eq!(ground(&decided(&own.merge(linked(r#""provision":{"type":"deny"}"#)))), Ground::RuleDenies);
}

#[test]
fn a_permit_of_another_holder_counts_from_a_shared_register_alone() {
    let rules = r#""organization":[{"identifier":{"system":"http://fhir.nl/fhir/NamingSystem/ura","value":"00000009"}}],
        "provision":{"type":"permit"}"#;
    let of = |register| on_file(&Source::new(&[], register), rules, Standing::Full);
    assert_eq!(ground(&decided(&of(Register::Own))), Ground::NothingOnFile);
    assert_eq!(ground(&decided(&of(Register::Shared))), Ground::RulePermits);
}

#[test]
fn references_of_one_source_mean_nothing_at_another() {
    let source = |base: &str| Source::new(&[base.to_owned()], Register::Own);
    let (here, there) = (source("https://a.example/fhir"), source("https://b.example/fhir"));
    let own = format!(
        r#"{{"resourceType":"Organization","id":"54","identifier":[{{"system":"{URA}","value":"00000001"}}]}}"#
    );
    let mut records = CallerRecords::none();
    records.found(&here, &gp(), own.as_bytes());
    let rules = format!(r#""provision":{{"type":"permit",{}}}"#, actor("Organization/54"));
    for (at, expected) in [(&here, Ground::RulePermits), (&there, Ground::NothingOnFile)] {
        let evidence = on_file(at, &rules, Standing::Full);
        assert_eq!(ground(&decided_with(&evidence, &records, "wabvpz")), expected);
    }
}

#[test]
fn a_record_that_does_not_carry_the_callers_number_is_not_the_callers() {
    let other = format!(
        r#"{{"resourceType":"Organization","id":"54","identifier":[{{"system":"{URA}","value":"00000003"}}]}}"#
    );
    let mut records = CallerRecords::none();
    records.found(&Source::default(), &gp(), other.as_bytes());
    let evidence = file(&format!(r#""provision":{{"type":"permit",{}}}"#, actor("Organization/54")));
    assert_eq!(ground(&decided_with(&evidence, &records, "wabvpz")), Ground::NothingOnFile);
}

#[test]
fn what_is_wanted_is_followed_until_nothing_is() {
    let mut evidence = file(&format!(r#""provision":{{"type":"permit",{}}}"#, actor("PractitionerRole/3")));
    let role = r#"{"resourceType":"PractitionerRole","id":"3","practitioner":{"reference":"Practitioner/5"},
        "organization":{"reference":"Organization/54"}}"#;
    assert_eq!(evidence.wanted(), ["PractitionerRole/3"]);
    evidence.resolve("PractitionerRole/3", role.as_bytes());
    let mut wanted = evidence.wanted();
    wanted.sort();
    assert_eq!(wanted, ["Organization/54", "Practitioner/5"]);
    evidence.resolve(
        "Organization/54",
        br#"{"resourceType":"Organization","id":"54","partOf":{"reference":"Organization/50"}}"#,
    );
    evidence.absent("Practitioner/5");
    assert_eq!(evidence.wanted(), ["Organization/50"]);
    evidence.absent("Organization/50");
    assert!(evidence.wanted().is_empty());
}

#[test]
fn data_is_looked_up_where_its_record_tells_more_than_its_id() {
    let wanted = |source: &Source, meaning: &str, reference: &str| {
        let data = format!(r#""data":[{{"meaning":"{meaning}","reference":{{"reference":"{reference}"}}}}]"#);
        on_file(source, &format!(r#""provision":{{"type":"deny",{data}}}"#), Standing::Full).wanted()
    };
    let here = Source::default();
    for meaning in ["related", "dependents", "authoredby"] {
        assert_eq!(wanted(&here, meaning, "Encounter/1"), ["Encounter/1"], "{meaning}");
    }
    assert!(wanted(&here, "instance", "Observation/1").is_empty(), "its id tells it");
    assert!(wanted(&here, "related", "Nothing/1").is_empty(), "no server has that type");
    let elsewhere = Source::default().with_data_at(&["http://data.example/fhir".to_owned()]);
    assert_eq!(wanted(&elsewhere, "instance", "Observation/1"), ["Observation/1"], "its id tells nothing of the data");
    assert!(wanted(&elsewhere, "instance", "http://data.example/fhir/Observation/1").is_empty());
}

#[test]
fn data_on_another_server_is_known_by_an_absolute_reference_or_a_number() {
    let source = Source::default().with_data_at(&["http://data.example/fhir".to_owned()]);
    let text = r#"{"resourceType":"Observation","id":"1","identifier":[{"system":"urn:lab","value":"A"}]}"#;
    let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
    let shown = |effect: &str, reference: &str, resolved: Option<&str>| {
        let data = format!(r#""data":[{{"meaning":"instance","reference":{{"reference":"{reference}"}}}}]"#);
        let rules = format!(r#""provision":{{"type":"{effect}",{data}}}"#);
        let mut evidence = on_file(&source, &rules, Standing::Full);
        if let Some(resolved) = resolved {
            evidence.resolve(reference, resolved.as_bytes());
        }
        let policy = if effect == "permit" { "wabvpz" } else { "ehds" };
        match decided_with(&evidence, &CallerRecords::none(), policy) {
            Decision::Permit(plan) => plan.judge(Subject::alone(document.root()), &Tables::default()).is_visible(),
            Decision::Deny(_) => false,
        }
    };
    let copy = |number: &str| {
        format!(r#"{{"resourceType":"Observation","id":"1","identifier":[{{"system":"urn:lab","value":"{number}"}}]}}"#)
    };
    assert!(shown("permit", "http://data.example/fhir/Observation/1", None));
    assert!(!shown("deny", "http://data.example/fhir/Observation/1", None));
    assert!(!shown("permit", "Observation/1", None) && !shown("deny", "Observation/1", None), "it may be or not");
    assert!(shown("permit", "Observation/1", Some(&copy("A"))) && !shown("deny", "Observation/1", Some(&copy("A"))));
    assert!(!shown("permit", "Observation/1", Some(&copy("B"))) && shown("deny", "Observation/1", Some(&copy("B"))));
}

#[test]
fn a_circle_of_organisations_ends() {
    let part = |id: &str, of: &str| {
        format!(r#"{{"resourceType":"Organization","id":"{id}","partOf":{{"reference":"Organization/{of}"}}}}"#)
    };
    let mut evidence = file(&format!(r#""provision":{{"type":"deny",{}}}"#, actor("Organization/1")));
    let mut records = CallerRecords::none();
    let own = format!(
        r#"{{"resourceType":"Organization","id":"2","identifier":[{{"system":"{URA}","value":"00000001"}}],
        "partOf":{{"reference":"Organization/3"}}}}"#
    );
    records.found(&Source::default(), &gp(), own.as_bytes());
    for (id, of) in [("1", "4"), ("4", "1"), ("3", "2")] {
        evidence.resolve(&format!("Organization/{id}"), part(id, of).as_bytes());
        records.resolve(&Source::default(), &format!("Organization/{id}"), part(id, of).as_bytes());
    }
    assert!(evidence.wanted().is_empty() && records.wanted(&Source::default()).is_empty());
    // Where the circle leads cannot be told, so the denial may be meant for the caller.
    assert_eq!(ground(&decided_with(&evidence, &records, "ehds")), Ground::RuleDenies);
}

#[test]
fn more_consents_than_can_be_judged_are_as_a_source_that_failed() {
    let many = vec![consent(r#""provision":{"type":"permit"}"#); limits::CONSENTS + 1];
    let read = |consents: &[Vec<u8>]| {
        Evidence::read(&Source::default(), consents, FhirVersion::R4, &["Patient/1".to_owned()], Standing::Full)
    };
    assert_eq!(ground(&decided(&read(&many))), Ground::EvidenceUnavailable);
    assert_eq!(ground(&decided(&read(&many[1..]))), Ground::RulePermits);
}

#[test]
fn a_consent_of_another_version_is_unreadable_by_name() {
    use crate::consent::Unreadable;
    for (version, expected) in [(FhirVersion::R5, Unreadable::UnknownMember), (FhirVersion::Stu3, Unreadable::Version)]
    {
        let bytes = [consent(r#""provision":{"type":"permit"}"#)];
        let evidence = Evidence::read(&Source::default(), &bytes, version, &["Patient/1".to_owned()], Standing::Full);
        assert_eq!(evidence.unreadable().next().map(|(_, why)| why), Some(expected));
        assert_eq!(ground(&decided(&evidence)), Ground::ConsentUnreadable);
    }
}

#[test]
fn judging_a_hundred_provisions_is_the_same_for_each_resource() {
    let inside: Vec<_> = (0..100).map(|_| format!(r#"{{"type":"deny",{}}}"#, class("Observation"))).collect();
    let rules = format!(r#""provision":{{"type":"permit","provision":[{}]}}"#, inside.join(","));
    let plan = plan(decided(&file(&rules)));
    let tables = Tables::shipped().unwrap();
    for (text, visible) in [(r#"{"resourceType":"Observation"}"#, false), (r#"{"resourceType":"Condition"}"#, true)] {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        assert_eq!(plan.judge(Subject::alone(document.root()), &tables).is_visible(), visible);
    }
}

/// Teams of teams: each of `count` contained Groups has all of them as members.
fn teams(count: usize) -> String {
    let members: Vec<_> = (0..count).map(|at| format!(r##"{{"entity":{{"reference":"#g{at}"}}}}"##)).collect();
    let team = |at| {
        let members = members.join(",");
        format!(r#"{{"resourceType":"Group","id":"g{at}","type":"person","actual":true,"member":[{members}]}}"#)
    };
    (0..count).map(team).collect::<Vec<_>>().join(",")
}

#[test]
fn teams_of_teams_without_end_are_compared_within_bounds_and_deny() {
    let rules =
        |effect: &str| format!(r##""contained":[{}],"provision":{{"type":"{effect}",{}}}"##, teams(100), actor("#g0"));
    assert_eq!(ground(&decided_with(&file(&rules("deny")), &CallerRecords::none(), "ehds")), Ground::RuleDenies);
    assert_eq!(ground(&decided(&file(&rules("permit")))), Ground::NothingOnFile);
}

#[test]
fn identifiers_without_end_are_compared_within_bounds() {
    let other = format!(r#"{{"system":"{URA}","value":"00000009"}}"#);
    let identifiers = vec![other; 7_000].join(",");
    let contained = format!(r#"{{"resourceType":"Organization","id":"o","identifier":[{identifiers}]}}"#);
    let rules = format!(r##""contained":[{contained}],"provision":{{"type":"deny",{}}}"##, actor("#o"));
    let all = file(r#""provision":{"type":"permit"}"#);
    assert!(plan(decided(&all.merge(file(&rules)))).is_straight(), "another organisation is denied");
}

#[test]
fn the_holder_is_known_by_records_that_carry_its_number() {
    let found = |record: &str| {
        let mut holder = Holder::new("00000002".parse().unwrap());
        holder.found(&Source::default(), Document::read(record.as_bytes(), limits::RESOURCE).unwrap().root());
        holder.references().to_vec()
    };
    let organization = |kind: &str, number: &str| {
        format!(r#"{{"resourceType":"{kind}","id":"o","identifier":[{{"system":"{URA}","value":"{number}"}}]}}"#)
    };
    assert_eq!(found(&organization("Organization", "00000002")), ["Organization/o"]);
    assert!(found(&organization("Organization", "00000003")).is_empty(), "a server that does not know the parameter");
    assert!(found(&organization("Location", "00000002")).is_empty());
    assert!(found(r#"{"resourceType":"Organization","id":"o"}"#).is_empty());
}
