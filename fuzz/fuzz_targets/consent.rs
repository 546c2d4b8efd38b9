//! Deciding: arbitrary bytes as a Consent and as the records it refers to.
//!
//! The Consent comes first, then a zero byte and a record for each reference that is wanted. Nothing panics, and nothing
//! that is not understood in full leads to a permit: where the policy says no, a permit needs a Consent that another reader
//! finds a reason for a permit in, and whose members are all known.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sluis::consent::{
    Action, Admission, Asked, CallerRecords, Combining, Decision, Evidence, FhirVersion, Ground, Holder, Purpose,
    Register, Source, Standing, Unlabelled, decide,
};
use sluis::identity::{Caller, CallerNames, CardType};
use sluis::profile::{Policy, shipped_policies};
use time::macros::datetime;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0);
    let consent = parts.next().unwrap_or_default();
    let records: Vec<_> = parts.collect();
    for purpose in ["TREAT", "HRESCH"] {
        let opt_in = decision(consent, &records, Standing::Full, purpose, &WORLD.opt_in);
        let denials = decision(consent, &records, Standing::DenialsOnly, purpose, &WORLD.opt_in);
        assert!(matches!(denials, Decision::Deny(_)), "a Consent of which only denials count permits nothing");
        match opt_in {
            Decision::Permit(plan) => {
                assert_eq!(plan.ground(), Ground::RulePermits);
                understood(consent);
            }
            Decision::Deny(denial) => assert_ne!(denial.ground(), Ground::EvidenceUnavailable),
        }
        decision(consent, &records, Standing::Full, purpose, &WORLD.opt_out);
    }
});

fn decision(consent: &[u8], records: &[&[u8]], standing: Standing, purpose: &str, policy: &Policy) -> Decision {
    let evidence = evidence(consent, records, standing);
    let asked = Asked {
        caller: &WORLD.caller,
        records: &WORLD.records,
        holder: &WORLD.holder,
        purpose: Purpose::of(purpose).expect("a purpose"),
        reason: None,
        action: Action::Access,
        admission: Admission::Everything,
        combining: Combining::DenyOverrides,
        unlabelled: Unlabelled::Restricted,
    };
    let now = datetime!(2026-03-01 12:00 UTC);
    let decision = decide(&asked, &evidence, policy, now);
    if let (true, Decision::Permit(_)) = (evidence.unreadable().next().is_some(), &decision) {
        // A research Consent counts for research alone, so one that cannot be read says nothing about treatment.
        assert!(purpose == "TREAT" && is_research(consent), "unreadable");
    }
    let unavailable = evidence.merge(Evidence::unavailable());
    assert!(matches!(decide(&asked, &unavailable, policy, now), Decision::Deny(_)), "a source that failed");
    decision
}

fn evidence(consent: &[u8], records: &[&[u8]], standing: Standing) -> Evidence {
    let patient = ["Patient/1".to_owned()];
    let mut evidence = Evidence::read(&WORLD.source, &[consent.to_vec()], FhirVersion::R4, &patient, standing);
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

/// Checks with another reader that a Consent that permits is one, in force, and says so somewhere.
fn understood(consent: &[u8]) {
    const MEMBERS: [&str; 23] = [
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
    ];
    // A number may be larger than this reader takes; none says anything in a Consent.
    let Ok(consent) = serde_json::from_slice::<Value>(consent) else { return assert!(is_json(consent)) };
    let members = consent.as_object().expect("an object");
    assert!(members.keys().all(|name| MEMBERS.contains(&name.as_str())), "an unknown member");
    assert_eq!((&consent["resourceType"], &consent["status"]), (&"Consent".into(), &"active".into()));
    assert!(consent["patient"]["reference"].as_str().is_some_and(|reference| reference.contains("Patient/1")));
    let root = &consent["provision"];
    let opts_in = consent["policyRule"]["coding"]
        .as_array()
        .is_some_and(|codings| codings.iter().any(|coding| coding["code"] == "OPTIN"));
    assert!(opts_in || permits(root), "nothing permits");
    assert!(!holds(&consent, &|name| name == "modifierExtension" || name == "implicitRules"));
    assert!(is_judged(root), "an element that is not judged");
}

/// Some provision permits: by its type, or as the exception to one that denies.
fn permits(provision: &Value) -> bool {
    let inner = provision["provision"].as_array();
    provision.is_object()
        && (provision["type"] == "permit"
            || provision.get("type").is_none()
            || inner.is_some_and(|inner| inner.iter().any(permits)))
}

fn holds(value: &Value, wanted: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| wanted(name) || holds(value, wanted)),
        Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// No provision holds an element that is not judged.
fn is_judged(provision: &Value) -> bool {
    ["code", "dataPeriod", "data"].iter().all(|name| provision.get(name).is_none())
        && provision["provision"].as_array().is_none_or(|inner| inner.iter().all(is_judged))
}

fn is_research(consent: &[u8]) -> bool {
    let Ok(consent) = serde_json::from_slice::<Value>(consent) else { return is_json(consent) };
    consent["scope"]["coding"]
        .as_array()
        .is_some_and(|codings| codings.iter().any(|coding| coding["code"] == "research"))
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct World {
    caller: Caller,
    records: CallerRecords,
    holder: Holder,
    source: Source,
    /// Where nothing is on file: no.
    opt_in: Policy,
    /// Where nothing is on file: yes.
    opt_out: Policy,
}

impl World {
    fn new() -> Self {
        let policy = |name: &str| {
            let policies = shipped_policies().expect("policies").into_iter();
            policies.into_iter().find(|policy| policy.name() == name).expect("a shipped policy")
        };
        let (ura, uzi) = ("00000001".parse().expect("a URA"), "900000001".parse().expect("a UZI number"));
        let role = Some("01.015".parse().expect("a role"));
        let source = Source::new(&[], Register::Own);
        Self {
            caller: Caller::new(ura, uzi, CardType::Professional, role, CallerNames::default(), None),
            records: CallerRecords::none(),
            holder: Holder::new("00000002".parse().expect("a URA")).known_as(&source, "Organization/1"),
            source,
            opt_in: policy("wabvpz"),
            opt_out: policy("ehds"),
        }
    }
}
