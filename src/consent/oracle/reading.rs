//! Which Consents count, and whether they can be read: whatever is not known to matter or not to makes one unreadable.

use serde_json::Value;

use super::{Case, codes, codings, lies_below, list, moment, text};

const TOP: &str = "resourceType id meta language text contained extension identifier status category sourceAttachment \
                   sourceReference verification provision";
const TOP_R4: &str = "scope patient dateTime performer organization policy policyRule";
const TOP_R5: &str =
    "subject date period grantor grantee manager controller regulatoryBasis policyBasis policyText decision";
const PROVISION: &str = "id extension period actor action securityLabel purpose code dataPeriod data provision";
const PURPOSES: [&str; 5] = ["TREAT", "HPAYMT", "HOPERAT", "HRESCH", "PATRQT"];
const TYPES: &str =
    "Observation Condition MedicationRequest Encounter Coverage Procedure Immunization DocumentReference Consent";
const ACT_CODES: &str = "BH COGN DVD EMOTDIS ETH ETHUD GDIS HIV MH MST OPIOIDUD PREGNANT PSY PSYTHPN SCA SDV SEX SPI STD SUD \
                         VIO REDACT";

/// How many provisions may lie in one another.
const DEEPEST: usize = 16;

/// The Consents that are in force for this patient and purpose, and whether one of them cannot be read.
pub(super) fn in_force<'a>(case: &Case<'a>) -> (Vec<&'a Value>, bool) {
    let mut read = Vec::new();
    let mut unreadable = false;
    for consent in list(case.input, "consents") {
        match standing(case, consent) {
            Standing::Aside => {}
            Standing::InForce if readable(case, consent) => read.push(consent),
            Standing::InForce | Standing::Unreadable => unreadable = true,
        }
    }
    (read, unreadable)
}

enum Standing {
    Aside,
    InForce,
    Unreadable,
}

/// Status and scope are read first: what is set aside is not read any further.
fn standing(case: &Case<'_>, consent: &Value) -> Standing {
    let aside = if case.r5 {
        "draft inactive not-done entered-in-error unknown"
    } else {
        "draft proposed rejected inactive entered-in-error"
    };
    match text(consent, "status") {
        "active" => {}
        status if aside.split(' ').any(|one| one == status) => return Standing::Aside,
        _ => return Standing::Unreadable,
    }
    let scopes = if case.r5 {
        codes(codings(list(consent, "category")), "consentscope")
    } else {
        codes(codings([&consent["scope"]]), "consentscope")
    };
    match scopes.as_slice() {
        ["patient-privacy"] => {}
        ["research"] if lies_below(text(case.input, "purpose"), "HRESCH") => {}
        ["research" | "treatment" | "adr"] => return Standing::Aside,
        _ => return Standing::Unreadable,
    }
    let patient = &consent[if case.r5 { "subject" } else { "patient" }];
    if !patient.is_null() && text(patient, "reference").is_empty() {
        return Standing::Unreadable;
    }
    let of_patient = list(case.input, "patient").iter().any(|one| *one == patient["reference"]);
    let verified = list(consent, "verification");
    let never_verified = !verified.is_empty() && verified.iter().all(|one| one["verified"] == false);
    if of_patient && !never_verified { Standing::InForce } else { Standing::Aside }
}

fn readable(case: &Case<'_>, consent: &Value) -> bool {
    let own = if case.r5 { TOP_R5 } else { TOP_R4 };
    let dates = [&consent["dateTime"], &consent["date"], &consent["period"]];
    let rule = codes(codings([&consent["policyRule"]]), "v3-ActCode");
    let provisions = &consent["provision"];
    let well_placed = provisions.is_null() || (provisions.is_array() == case.r5);
    let outermost = provisions
        .as_array()
        .map_or_else(|| if provisions.is_null() { vec![] } else { vec![provisions] }, |many| many.iter().collect());
    whole(consent)
        && only(consent, &[TOP, own])
        && dates.iter().all(|date| date.is_null() || moment::span(date).is_some())
        && rule.iter().all(|code| ["OPTIN", "OPTOUT"].contains(code))
        && (consent["decision"].is_null() || ["permit", "deny"].contains(&text(consent, "decision")))
        && well_placed
        && outermost.iter().all(|provision| provision_readable(case, provision, 1))
}

/// Nothing is empty, nothing changes the meaning of what is around it.
fn whole(value: &Value) -> bool {
    match (value.as_object(), value.as_array()) {
        (Some(object), _) => {
            !object.is_empty() && !object.contains_key("modifierExtension") && object.values().all(whole)
        }
        (_, Some(array)) => !array.is_empty() && array.iter().all(whole),
        _ => !value.is_null() && value != "",
    }
}

fn only(value: &Value, known: &[&str]) -> bool {
    let is_known = |name: &String| known.iter().any(|names| names.split(' ').any(|one| one == name));
    value.as_object().is_some_and(|object| object.keys().all(is_known))
}

fn provision_readable(case: &Case<'_>, provision: &Value, depth: usize) -> bool {
    let each = |name: &str, good: &dyn Fn(&Value) -> bool| {
        let element = &provision[name];
        element.is_null() || element.as_array().is_some_and(|many| many.iter().all(good))
    };
    let known = |system: &'static str, codes_known: &'static str| {
        move |coding: &Value| {
            codes([coding], system).iter().all(|code| codes_known.split(' ').any(|known| known == *code))
        }
    };
    let time = |name: &str| {
        provision[name].is_null() || (provision[name].is_object() && moment::span(&provision[name]).is_some())
    };
    let label =
        |coding: &Value| known("v3-Confidentiality", "U L M N R V")(coding) && known("v3-ActCode", ACT_CODES)(coding);
    let purpose = |coding: &Value| {
        codes([coding], "v3-ActReason").iter().all(|code| PURPOSES.iter().any(|above| lies_below(code, above)))
    };
    let action =
        |concept: &Value| codings([concept]).all(known("consentaction", "collect access use disclose correct"));
    let kind = known("http://hl7.org/fhir/resource-types", TYPES);
    let kind_of_r5 = known("http://hl7.org/fhir/fhir-types", TYPES);
    let actor = |actor: &Value| {
        let role = codes(codings([&actor["role"]]), "v3-ParticipationType");
        only(actor, &["id extension role reference"])
            && role.len() == 1
            && role.iter().all(|role| ["IRCP", "PRCP", "CST"].contains(role))
    };
    let data = |data: &Value| {
        let meaning = text(data, "meaning");
        only(data, &["id extension meaning reference"])
            && ["instance", "related", "dependents", "authoredby"].contains(&meaning)
    };
    let kind_of_rule = &provision["type"];
    depth <= DEEPEST
        && only(provision, &[PROVISION, if case.r5 { "resourceType documentType" } else { "type class" }])
        && (kind_of_rule.is_null() || kind_of_rule == "permit" || kind_of_rule == "deny")
        && time("period")
        && time("dataPeriod")
        && each("securityLabel", &label)
        && each("purpose", &purpose)
        && each("action", &action)
        && each("class", &kind)
        && each("resourceType", &kind_of_r5)
        && each("code", &|concept| concept.is_object())
        && each("actor", &actor)
        && each("data", &data)
        && each("provision", &|nested| provision_readable(case, nested, depth + 1))
}
