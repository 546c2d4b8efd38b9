//! What an inspection found, for people: a line for each thing.

use super::{Answer, Certificate, Identity, Told};

/// Writes the table.
pub(super) fn of(answer: &Answer<'_>) -> String {
    let Answer { verdict, reasons, findings, checked, identity, certificate } = answer;
    let mut lines = vec![("verdict", (*verdict).to_owned())];
    lines.extend(reasons.iter().map(|reason| ("reason", (*reason).to_owned())));
    for Told { reason, check: _, field, expected, found } in findings {
        lines.push(("finding", format!("{reason}: {field}: expected {expected}; found {found}")));
    }
    lines.push(("checked", checked.join(", ")));
    match identity {
        None => lines.push(("identity", "none: no UZI name in the seven-field form".to_owned())),
        Some(identity) => lines.extend(who(identity)),
    }
    let Certificate { subject, issuer, serial, not_before, not_after, sha256 } = certificate;
    for (name, text) in [("subject", *subject), ("issuer", *issuer), ("serial", *serial)] {
        lines.push((name, text.to_owned()));
    }
    lines.push(("valid", format!("{not_before} to {not_after}")));
    lines.push(("sha256", (*sha256).to_owned()));
    let line = |(name, text): (&str, String)| format!("{name:<12}  {}", printable(&text));
    lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn who(identity: &Identity<'_>) -> Vec<(&'static str, String)> {
    let Identity { issuer_oid, version, uzi, card_type, ura, role, agb, given_name, surname, title, organization } =
        identity;
    let kind = match *card_type {
        "Z" => "Z (zorgverlener)".to_owned(),
        "N" => "N (medewerker op naam)".to_owned(),
        "M" => "M (medewerker niet op naam)".to_owned(),
        "S" => "S (server)".to_owned(),
        other => other.to_owned(),
    };
    let mut lines = vec![("card type", kind)];
    let plain = [("uzi", *uzi), ("ura", *ura), ("role", *role), ("agb", *agb)];
    lines.extend(plain.into_iter().map(|(name, text)| (name, text.to_owned())));
    lines.push(("issuer oid", format!("{issuer_oid} (version {version})")));
    let named = [("given name", given_name), ("surname", surname), ("title", title), ("organization", organization)];
    lines.extend(named.into_iter().filter_map(|(name, text)| Some((name, (*text)?.to_owned()))));
    lines
}

/// What a certificate says must not move the cursor of whoever reads it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
