//! What holds where no provision matches: `policyRule`, or the policy of IHE PCF that a Consent names.

use super::Unreadable;
use super::element::{concept, list, object, reference_alone, string};
use crate::consent::rule::{Base, Effect, PcfPolicy};
use crate::json::Value;
use crate::label::Sensitivities;

/// Reads `policyRule`, and `policy` where that says nothing.
pub(super) fn r4(root: Value<'_>) -> Result<Base, Unreadable> {
    let rule = policy_rule(root)?;
    let mut policies = Policies::default();
    for policy in list(root, "policy")? {
        object(policy, &["id", "extension", "authority", "uri"], &["_authority", "_uri"])?;
        string(policy, "authority")?;
        policies.add(string(policy, "uri")?.as_deref());
    }
    Ok(if rule == Base::Silent { policies.base() } else { rule })
}

/// Reads `policyBasis`; what else R5 says about law and policy names texts, and computes nothing.
pub(super) fn r5(root: Value<'_>) -> Result<Base, Unreadable> {
    let mut policies = Policies::default();
    for basis in list(root, "regulatoryBasis")? {
        concept(basis)?;
    }
    for text in list(root, "policyText")? {
        reference_alone(text)?;
    }
    if let Some(basis) = root.get("policyBasis") {
        object(basis, &["id", "extension", "reference", "url"], &["_url"])?;
        if let Some(reference) = basis.get("reference") {
            reference_alone(reference)?;
        }
        policies.add(string(basis, "url")?.as_deref());
    }
    Ok(policies.base())
}

/// OPTIN and OPTOUT (also with exceptions, which the provisions then are) are a base. Codes of other systems name a form or a
/// law, and compute nothing.
fn policy_rule(root: Value<'_>) -> Result<Base, Unreadable> {
    let Some(rule) = root.get("policyRule") else { return Ok(Base::Silent) };
    let mut base = Base::Silent;
    for coding in concept(rule)? {
        if !Sensitivities::is_system(&coding.system) {
            continue;
        }
        let says = match coding.code.as_ref() {
            "OPTIN" => Base::Says(Effect::Permit),
            "OPTOUT" | "OPTOUTE" => Base::Says(Effect::Deny),
            _ => return Err(Unreadable::UnknownCode),
        };
        if base != Base::Silent && base != says {
            return Err(Unreadable::IllFormed);
        }
        base = says;
    }
    Ok(base)
}

/// The policies of PCF among those that a Consent names; of several, the one that permits least.
#[derive(Default)]
struct Policies(Vec<PcfPolicy>);

impl Policies {
    /// A URL of another policy is documentation.
    fn add(&mut self, url: Option<&str>) {
        let url = url.map(|url| url.trim_end_matches('/'));
        let path = url.and_then(|url| url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")));
        self.0.extend(match path.and_then(|path| path.strip_prefix("profiles.ihe.net/ITI/PCF/")) {
            Some("Policy-basic-normal") => Some(PcfPolicy::BasicNormal),
            Some("Policy-all-normal") => Some(PcfPolicy::AllNormal),
            Some("Policy-break-glass-only") => Some(PcfPolicy::BreakGlassOnly),
            Some("Policy-deny") => Some(PcfPolicy::Deny),
            Some(_) | None => None,
        });
    }

    fn base(&self) -> Base {
        let narrowest = [PcfPolicy::Deny, PcfPolicy::BreakGlassOnly, PcfPolicy::BasicNormal, PcfPolicy::AllNormal];
        narrowest.into_iter().find(|policy| self.0.contains(policy)).map_or(Base::Silent, Base::Pcf)
    }
}
