//! Reads one resource that may show a treatment relation.

use super::{Bond, Dated, Named};
use crate::consent::record::{Referenced, who};
use crate::consent::source::Source;
use crate::consent::window::Window;
use crate::json::{Document, Value};
use crate::limits;

/// Where a type says who its patient is, and who treats them.
struct Shape {
    kind: &'static str,
    patient: &'static str,
    /// Elements that are references, or lists of them.
    direct: &'static [&'static str],
    /// Elements with participants, and where those say who they are.
    participants: Option<(&'static str, &'static str)>,
}

const SHAPES: &[Shape] = &[
    Shape { kind: "Appointment", patient: "", direct: &[], participants: Some(("participant", "actor")) },
    Shape {
        kind: "CareTeam",
        patient: "subject",
        direct: &["managingOrganization"],
        participants: Some(("participant", "member")),
    },
    Shape {
        kind: "Encounter",
        patient: "subject",
        direct: &["serviceProvider"],
        participants: Some(("participant", "individual")),
    },
    Shape {
        kind: "EpisodeOfCare",
        patient: "patient",
        direct: &["careManager", "managingOrganization", "team"],
        participants: None,
    },
    Shape {
        kind: "Patient",
        patient: "",
        direct: &["generalPractitioner", "managingOrganization"],
        participants: None,
    },
    Shape { kind: "ServiceRequest", patient: "subject", direct: &["requester", "performer"], participants: None },
    Shape { kind: "Task", patient: "for", direct: &["requester", "owner"], participants: None },
];

/// Returns what the resource says, if it is about the patient and can be read. What it contains is put among `referenced`.
pub(super) fn bond(bytes: &[u8], source: &Source, patient: &[String], referenced: &mut Referenced) -> Option<Bond> {
    let document = Document::read(bytes, limits::RESOURCE).ok()?;
    let resource = document.root();
    let kind = resource.text_of("resourceType")?;
    let shape = SHAPES.iter().find(|shape| shape.kind == kind)?;
    let reference = format!("{kind}/{}", resource.text_of("id")?);
    // A modifier may turn anything into its opposite.
    if resource.raw().contains("\"modifierExtension\"") || resource.get("implicitRules").is_some() {
        return None;
    }
    let reading = Reading { source, container: &reference };
    if !reading.is_about(resource, shape, patient) {
        return None;
    }
    referenced.put_contained(&reference, resource, source);
    let status = match shape.kind {
        // One that is no longer in use shows nothing.
        "Patient" if resource.get("active").is_some_and(|active| active.as_bool() != Some(true)) => return None,
        "Patient" => None,
        _ => Some(resource.text_of("status")?.into_owned()),
    };
    Some(Bond {
        dated: dated(resource, shape.kind),
        named: reading.named(resource, shape),
        kind: kind.into_owned(),
        status,
        reference,
    })
}

struct Reading<'a> {
    source: &'a Source,
    container: &'a str,
}

impl Reading<'_> {
    fn is_about(&self, resource: Value<'_>, shape: &Shape, patient: &[String]) -> bool {
        let is_patient = |reference: Value<'_>| {
            let named = who(reference, self.source, self.container).reference;
            named.is_some_and(|named| patient.contains(&named))
        };
        match shape.kind {
            "Patient" => {
                let own = resource.text_of("id").map(|id| self.source.normalise(&format!("Patient/{id}")));
                own.is_some_and(|own| patient.contains(&own))
            }
            "Appointment" => items(resource, "participant").any(|one| {
                one.get("actor").is_some_and(is_patient) && one.text_of("status").as_deref() != Some("declined")
            }),
            _ => resource.get(shape.patient).is_some_and(is_patient),
        }
    }

    fn named(&self, resource: Value<'_>, shape: &Shape) -> Vec<Named> {
        let mut named = Vec::new();
        let read = |reference| who(reference, self.source, self.container);
        for element in shape.direct {
            let Some(value) = resource.get(element) else { continue };
            let each =
                each(value).map(|reference| Named { element, who: read(reference), behalf: None, dated: Dated::Not });
            named.extend(each);
        }
        let Some((list, actor)) = shape.participants else { return named };
        for one in items(resource, list) {
            let Some(reference) = one.get(actor) else { continue };
            // Who did not accept an appointment has none.
            if shape.kind == "Appointment" && one.text_of("status").as_deref() != Some("accepted") {
                continue;
            }
            named.push(Named {
                element: list,
                who: read(reference),
                behalf: one.get("onBehalfOf").map(read),
                dated: period(one.get("period")),
            });
        }
        named
    }
}

fn dated(resource: Value<'_>, kind: &str) -> Dated {
    let moment = |name: &str| {
        let value = resource.get(name)?;
        let text = value.as_str();
        let window = text.and_then(|text| Window::of(Some(text.as_ref()), Some(text.as_ref())));
        Some(window.map_or(Dated::Unreadable, Dated::In))
    };
    match kind {
        "CareTeam" | "Encounter" | "EpisodeOfCare" => period(resource.get("period")),
        "Appointment" if resource.get("start").is_none() && resource.get("end").is_none() => Dated::Not,
        "Appointment" => between(resource, "start", "end"),
        "ServiceRequest" => moment("authoredOn")
            .or_else(|| moment("occurrenceDateTime"))
            .unwrap_or_else(|| period(resource.get("occurrencePeriod"))),
        "Task" => moment("authoredOn").or_else(|| moment("lastModified")).unwrap_or(Dated::Not),
        _ => Dated::Not,
    }
}

fn period(period: Option<Value<'_>>) -> Dated {
    period.map_or(Dated::Not, |period| between(period, "start", "end"))
}

fn between(value: Value<'_>, start: &str, end: &str) -> Dated {
    let is_text = |name: &str| value.get(name).is_none_or(|value| value.as_str().is_some());
    if !is_text(start) || !is_text(end) {
        return Dated::Unreadable;
    }
    Window::of(value.text_of(start).as_deref(), value.text_of(end).as_deref()).map_or(Dated::Unreadable, Dated::In)
}

fn items<'v>(value: Value<'v>, name: &str) -> impl Iterator<Item = Value<'v>> {
    value.get(name).into_iter().flat_map(|list| list.items())
}

/// Returns the items of a list, or what is no list.
fn each(value: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let single = (value.kind() == crate::json::Kind::Object).then_some(value);
    single.into_iter().chain(value.items())
}
