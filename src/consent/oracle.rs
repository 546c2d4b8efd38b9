//! A second evaluator of decision cases, for tests alone.
//!
//! It was written from the specification of Consents, without a look at the evaluator that the gateway uses (where that leaves
//! a choice, from `docs/deciding.md`), and it is made otherwise: that one compiles Consents into rules once and keeps a plan,
//! this one walks the JSON anew for every resource. What both answer to a case must be the same. It knows no more than what
//! random cases hold (see [`chance`]), is slow, and is meant to be read next to the specification.

mod actors;
mod chance;
mod combine;
mod data;
mod moment;
mod reading;
mod rules;
mod shrink;
mod tests;

use serde_json::Value;

/// What a rule says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Says {
    Permit,
    Deny,
}

impl Says {
    fn opposite(self) -> Self {
        match self {
            Self::Permit => Self::Deny,
            Self::Deny => Self::Permit,
        }
    }
}

/// Whether something holds. What cannot be told holds for a denial and not for a permit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fit {
    Yes,
    No,
    Unknown,
}

impl Fit {
    fn of(known: bool) -> Self {
        if known { Self::Yes } else { Self::No }
    }

    fn holds_for(self, says: Says) -> bool {
        self == Self::Yes || (self == Self::Unknown && says == Says::Deny)
    }

    /// One of them.
    fn any(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::No, |one, other| match (one, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::No, Self::No) => Self::No,
        })
    }

    /// Each of them.
    fn all(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::Yes, |one, other| match (one, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        })
    }

    /// What holds, but cannot be relied on.
    fn unless(self, doubtful: bool) -> Self {
        if doubtful && self == Self::Yes { Self::Unknown } else { self }
    }
}

/// What a case comes to.
#[derive(Debug, Eq, PartialEq)]
struct Answer {
    decision: &'static str,
    /// What the policy makes of it where nothing is on file.
    default: bool,
    /// Whether each resource of the case is visible.
    visible: Vec<bool>,
}

/// A case, with what is asked often.
struct Case<'a> {
    input: &'a Value,
    now: i64,
    r5: bool,
}

fn answer(input: &Value) -> Answer {
    let case =
        Case { input, now: moment::span(&input["now"]).expect("a moment").0, r5: input["fhir_version"] == "5.0" };
    let resources = list(input, "resources");
    let default = by_default(&case);
    let refused = Answer { decision: "deny", default, visible: vec![false; resources.len()] };
    let needs_reason = lies_below(text(input, "purpose"), "ETREAT");
    if (needs_reason && text(input, "reason").trim().is_empty()) || list(input, "patient").is_empty() {
        return refused;
    }
    let (read, unreadable) = reading::in_force(&case);
    if unreadable {
        return refused;
    }
    let standing = combine::standing(&case, &read);
    let words: Vec<_> = resources.iter().map(|resource| combine::word(&case, &standing, resource)).collect();
    let permits = words.contains(&Some(Says::Permit)) || (words.is_empty() && combine::may_permit(&case, &standing));
    let decision = match (combine::speak(&case, &standing), permits) {
        (false, _) => "nothing-on-file",
        (true, true) => "permit",
        (true, false) => "deny",
    };
    let visible = words.into_iter().map(|word| word.map_or(default, |says| says == Says::Permit)).collect();
    Answer { decision, default, visible }
}

/// `wabvpz`: nothing on file is no. `ehds`: it is yes for a proven role with treatment or what lies below it.
fn by_default(case: &Case<'_>) -> bool {
    let proven = !text(&case.input["caller"], "role").is_empty();
    case.input["policy"] == "ehds" && proven && lies_below(text(case.input, "purpose"), "TREAT")
}

/// v3-ActReason: what lies below what.
fn lies_below(purpose: &str, listed: &str) -> bool {
    const BELOW: [(&str, &str); 10] = [
        ("TREAT", "COC ETREAT TREATDS CLINTRL POPHLTH"),
        ("ETREAT", "BTG ERTREAT"),
        ("HPAYMT", "CLMATTCH COVAUTH COVERAGE REMITADV PMTDS"),
        ("COVERAGE", "ELIGDTRM ELIGVER ENROLLM MILDCRG"),
        ("HOPERAT", "CAREMGT GOV HQUALIMP HSYSADMIN PATADMIN TRAIN"),
        ("HSYSADMIN", "LABELING METAMGT"),
        ("HRESCH", "BIORCH CLINTRCH DSRCH POARCH TRANSRCH"),
        ("CLINTRCH", "CLINTRCHNPC CLINTRCHPC PRECLINTRCH"),
        ("PATRQT", "FAMRQT PWATRNY SUPNWK"),
        ("PUBHLTH", "DISASTER THREAT"),
    ];
    purpose == listed
        || BELOW
            .iter()
            .any(|(above, below)| below.split(' ').any(|below| below == purpose) && lies_below(above, listed))
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

/// The codes of one system among codings; names of the same system that are met in the wild count.
fn codes<'a>(codings: impl IntoIterator<Item = &'a Value>, system: &str) -> Vec<&'a str> {
    let known = |coding: &&Value| {
        let named = text(coding, "system").trim_end_matches('/');
        named.strip_prefix("http://terminology.hl7.org/CodeSystem/") == Some(system)
            || Some(system)
                == named.strip_prefix("http://hl7.org/fhir/v3/").map(|old| match old {
                    "Confidentiality" => "v3-Confidentiality",
                    "ActCode" => "v3-ActCode",
                    "ActReason" => "v3-ActReason",
                    other => other,
                })
            || named == system
    };
    codings.into_iter().filter(known).map(|coding| text(coding, "code")).collect()
}

/// The codings of a list of CodeableConcepts.
fn codings<'a>(concepts: impl IntoIterator<Item = &'a Value>) -> impl Iterator<Item = &'a Value> {
    concepts.into_iter().flat_map(|concept| list(concept, "coding"))
}
