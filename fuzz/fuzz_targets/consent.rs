//! Deciding: arbitrary bytes as a Consent and as the records it refers to.
//!
//! The Consent comes first, then a zero byte and a record for each reference that is wanted. Nothing panics, and nothing
//! that is not understood in full leads to a permit: where the policy says no, a permit needs a Consent that another reader
//! finds a reason for a permit in, and whose members are all known.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sluis::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Ground, Holder, Purpose,
    Register, Source, Standing, TreatmentRelation, Unlabelled, decide,
};
use sluis::identity::{Caller, CallerNames, CardType};
use sluis::profile::{Categories, Regime, ValueSets, shipped_regime};
use time::macros::datetime;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0);
    let consent = parts.next().unwrap_or_default();
    let records: Vec<_> = parts.collect();
    for (version, form) in [(FhirVersion::R4, &R4), (FhirVersion::R5, &R5)] {
        for purpose in ["TREAT", "HRESCH"] {
            let decided = |standing, policy| decision(consent, version, &records, standing, purpose, policy);
            let denials = decided(Standing::DenialsOnly, &WORLD.opt_in);
            assert!(matches!(denials, Decision::Deny(_)), "a Consent of which only denials count permits nothing");
            match decided(Standing::Full, &WORLD.opt_in) {
                Decision::Permit(plan) => {
                    assert_eq!(plan.ground(), Ground::RulePermits);
                    understood(consent, form);
                }
                Decision::Deny(denial) => assert_ne!(denial.ground(), Ground::EvidenceUnavailable),
            }
            decided(Standing::Full, &WORLD.opt_out);
        }
    }
});

fn decision(
    consent: &[u8],
    version: FhirVersion,
    records: &[&[u8]],
    standing: Standing,
    purpose: &str,
    regime: &Regime,
) -> Decision {
    let evidence = evidence(consent, version, records, standing);
    let asked = |combining| Asked {
        caller: &WORLD.caller,
        records: &WORLD.records,
        relation: &WORLD.relation,
        holder: &WORLD.holder,
        purpose: Purpose::of(purpose).expect("a purpose"),
        reason: None,
        action: Action::Access,
        admission: Admission::Everything,
        combining,
        unlabelled: Unlabelled::Restricted,
    };
    let now = datetime!(2026-03-01 12:00 UTC);
    let decision = decide(&asked(Combining::DenyOverrides), &evidence, regime, now);
    if let (true, Decision::Permit(_)) = (evidence.unreadable().next().is_some(), &decision) {
        // A research Consent counts for research alone, so one that cannot be read says nothing about treatment.
        assert!(purpose == "TREAT" && is_research(consent), "unreadable");
    }
    // One Consent is combined with none: every way of combining makes the same of it.
    for combining in [Combining::NewestWins, Combining::MostSpecific] {
        let other = decide(&asked(combining), &evidence, regime, now);
        assert_eq!(matches!(other, Decision::Permit(_)), matches!(decision, Decision::Permit(_)), "{combining:?}");
    }
    let unavailable = evidence.merge(Evidence::unavailable());
    let lost = decide(&asked(Combining::DenyOverrides), &unavailable, regime, now);
    assert!(matches!(lost, Decision::Deny(_)), "a source that failed");
    decision
}

fn evidence(consent: &[u8], version: FhirVersion, records: &[&[u8]], standing: Standing) -> Evidence {
    let patient = ["Patient/1".to_owned()];
    let mut evidence = Evidence::read(&WORLD.source, &[consent.to_vec()], version, &patient, standing);
    let mut records = records.iter();
    loop {
        let wanted = evidence.wanted();
        if wanted.is_empty() {
            return evidence;
        }
        for reference in wanted {
            match records.next() {
                Some(record) => evidence.resolve(&reference, record),
                None => evidence.absent(&reference),
            }
        }
    }
}

/// What another reader knows of a version of FHIR.
struct Form {
    members: &'static [&'static str],
    provision: &'static [&'static str],
    subject: &'static str,
}

const R4: Form = Form {
    members: &[
        "resourceType",
        "id",
        "meta",
        "language",
        "_language",
        "text",
        "contained",
        "extension",
        "identifier",
        "status",
        "scope",
        "category",
        "patient",
        "dateTime",
        "_dateTime",
        "performer",
        "organization",
        "sourceAttachment",
        "sourceReference",
        "policy",
        "policyRule",
        "verification",
        "provision",
    ],
    provision: &[
        "id",
        "extension",
        "type",
        "period",
        "actor",
        "action",
        "securityLabel",
        "purpose",
        "class",
        "code",
        "dataPeriod",
        "data",
        "provision",
    ],
    subject: "patient",
};

const R5: Form = Form {
    members: &[
        "resourceType",
        "id",
        "meta",
        "language",
        "_language",
        "text",
        "contained",
        "extension",
        "identifier",
        "status",
        "category",
        "subject",
        "date",
        "_date",
        "period",
        "grantor",
        "grantee",
        "manager",
        "controller",
        "sourceAttachment",
        "sourceReference",
        "regulatoryBasis",
        "policyBasis",
        "policyText",
        "verification",
        "decision",
        "provision",
    ],
    provision: &[
        "id",
        "extension",
        "period",
        "actor",
        "action",
        "securityLabel",
        "purpose",
        "documentType",
        "resourceType",
        "code",
        "dataPeriod",
        "data",
        "provision",
    ],
    subject: "subject",
};

/// Checks with another reader that a Consent that permits is one, in force, and says so somewhere.
fn understood(consent: &[u8], form: &Form) {
    // A number may be larger than this reader takes; none says anything in a Consent.
    let Ok(consent) = serde_json::from_slice::<Value>(consent) else { return assert!(is_json(consent)) };
    let members = consent.as_object().expect("an object");
    assert!(members.keys().all(|name| form.members.contains(&name.as_str())), "an unknown member");
    assert_eq!((&consent["resourceType"], &consent["status"]), (&"Consent".into(), &"active".into()));
    let subject = &consent[form.subject]["reference"];
    assert!(subject.as_str().is_some_and(|reference| reference.contains("Patient/1")));
    let root = &consent["provision"];
    assert!(permits(&consent, form), "nothing permits");
    assert!(!holds(&consent, &|name| name == "modifierExtension" || name == "implicitRules"));
    assert!(is_known(root, form), "a member of a provision that is not known");
}

/// Something permits: the Consent as a whole, a policy that it names, or a provision by its type or as the exception to one
/// that denies.
fn permits(consent: &Value, form: &Form) -> bool {
    let root = &consent["provision"];
    if form.subject == "subject" {
        return consent["decision"] == "permit" || root.is_array() || !consent["policyBasis"].is_null();
    }
    let opts_in = consent["policyRule"]["coding"]
        .as_array()
        .is_some_and(|codings| codings.iter().any(|coding| coding["code"] == "OPTIN"));
    let policies = consent["policy"].as_array();
    let names_policy = policies.is_some_and(|policies| {
        policies.iter().any(|policy| policy["uri"].as_str().is_some_and(|uri| uri.contains("ITI/PCF/Policy-")))
    });
    opts_in || permits_inside(root) || (root.is_null() && names_policy)
}

fn permits_inside(provision: &Value) -> bool {
    let inner = provision["provision"].as_array();
    provision.is_object()
        && (provision["type"] == "permit"
            || provision.get("type").is_none()
            || inner.is_some_and(|inner| inner.iter().any(permits_inside)))
}

fn holds(value: &Value, wanted: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| wanted(name) || holds(value, wanted)),
        Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Every provision holds members that are known, and no other.
fn is_known(provision: &Value, form: &Form) -> bool {
    match provision {
        Value::Array(all) => all.iter().all(|one| is_known(one, form)),
        Value::Object(members) => {
            members.keys().all(|name| form.provision.contains(&name.as_str()))
                && members.get("provision").is_none_or(|inner| is_known(inner, form))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn is_research(consent: &[u8]) -> bool {
    let Ok(consent) = serde_json::from_slice::<Value>(consent) else { return is_json(consent) };
    let says = |concept: &Value| {
        concept["coding"].as_array().is_some_and(|codings| {
            codings.iter().any(|coding| {
                matches!(
                    coding["code"].as_str(),
                    Some("research" | "rsdid" | "rsreid" | "RESEARCH" | "RSDID" | "RSREID")
                )
            })
        })
    };
    says(&consent["scope"]) || consent["category"].as_array().is_some_and(|all| all.iter().any(says))
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct World {
    caller: Caller,
    records: CallerRecords,
    relation: TreatmentRelation,
    holder: Holder,
    source: Source,
    /// Where nothing is on file: no.
    opt_in: Regime,
    /// Where nothing is on file: yes.
    opt_out: Regime,
}

impl World {
    fn new() -> Self {
        let regime = |name: &str| shipped_regime(&[name]).expect("a shipped policy");
        let (ura, uzi) = ("00000001".parse().expect("a URA"), "900000001".parse().expect("a UZI number"));
        let role = Some("01.015".parse().expect("a role"));
        let value_sets = Arc::new(ValueSets::shipped().expect("value sets"));
        let categories = Arc::new(Categories::shipped().expect("categories"));
        let source = Source::new(&[], Register::Own).with_value_sets(value_sets).with_categories(categories);
        Self {
            caller: Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None),
            records: CallerRecords::none(),
            relation: TreatmentRelation::none(),
            holder: Holder::new("00000002".parse().expect("a URA")).known_as(&source, "Organization/1"),
            source,
            opt_in: regime("wabvpz"),
            opt_out: regime("ehds"),
        }
    }
}
