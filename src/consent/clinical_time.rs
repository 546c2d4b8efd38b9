//! Clinical time: when what a resource tells was so.

use super::window::Window;
use crate::json::{Kind, Value};

/// Elements that may be a moment, a period or something that is no time, by the part of the name they have in common.
const CHOICES: [&str; 8] =
    ["effective", "onset", "performed", "occurrence", "timing", "identified", "collected", "serviced"];

/// Elements that are a period or a moment, the one that tells most of the data first.
const PLAIN: [&str; 23] = [
    "period",
    "executionPeriod",
    "servicePeriod",
    "billablePeriod",
    "started",
    "whenHandedOver",
    "whenPrepared",
    "authoredOn",
    "authored",
    "dateTime",
    "sent",
    "date",
    "startDate",
    "recordedDate",
    "recorded",
    "recordedOn",
    "dateAsserted",
    "assertedDate",
    "issued",
    "created",
    "createdDateTime",
    "createdPeriod",
    "dateRecorded",
];

/// Returns the time of the data: when it was observed, began, was done, was to be done; when it was written where that is
/// not told. Nothing where the resource is undated: it tells no time, or one that is none (an age, a text). Allocates nothing.
pub(super) fn clinical_time(resource: Value<'_>) -> Option<Window> {
    for prefix in CHOICES {
        let chosen = resource.members().find_map(|member| Some((choice_of(prefix, member.name)?, member.value)));
        if let Some((choice, value)) = chosen {
            return match choice {
                "DateTime" if prefix == "onset" => until_abatement(resource, value),
                "DateTime" | "Period" | "Instant" | "Date" => stated(value),
                _ => None,
            };
        }
    }
    if let Some(member) = resource.get("context").and_then(|context| context.get("period")) {
        return stated(member);
    }
    if let Some(collected) = resource.get("collection") {
        return ["collectedDateTime", "collectedPeriod"].iter().find_map(|name| collected.get(name)).and_then(stated);
    }
    if resource.get("start").is_some() || resource.get("end").is_some() {
        return period(resource);
    }
    PLAIN.iter().find_map(|name| resource.get(name)).and_then(stated)
}

/// Returns what is chosen of an element that may be several things: `DateTime` of `effectiveDateTime`.
fn choice_of<'n>(prefix: &str, name: &'n str) -> Option<&'n str> {
    name.strip_prefix(prefix).filter(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// What had a beginning lasted until its end, where one is told.
fn until_abatement(resource: Value<'_>, onset: Value<'_>) -> Option<Window> {
    match resource.text_of("abatementDateTime") {
        Some(abatement) => Window::of(Some(&onset.as_str()?), Some(&abatement)),
        None => stated(onset),
    }
}

fn stated(value: Value<'_>) -> Option<Window> {
    match value.kind() {
        Kind::String => Window::at(&value.as_str()?),
        Kind::Object => period(value),
        Kind::Array | Kind::Number | Kind::Bool | Kind::Null => None,
    }
}

fn period(value: Value<'_>) -> Option<Window> {
    let side = |name: &str| match value.get(name) {
        None => Some(None),
        Some(text) => text.as_str().map(Some),
    };
    Window::of(side("start")?.as_deref(), side("end")?.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    fn time(text: &str) -> Option<Window> {
        let document = Document::read(text.as_bytes(), limits::RESOURCE).unwrap();
        clinical_time(document.root())
    }

    #[test]
    fn the_time_of_data_is_the_clinical_one_and_the_time_of_writing_where_that_is_not_told() {
        let day = Window::at("2025-03-01");
        for text in [
            r#"{"effectiveDateTime":"2025-03-01","issued":"2026-01-01T00:00:00Z"}"#,
            r#"{"effectivePeriod":{"start":"2025-03-01","end":"2025-03-01"}}"#,
            r#"{"onsetDateTime":"2025-03-01","recordedDate":"2026-01-01"}"#,
            r#"{"recordedDate":"2025-03-01"}"#,
            r#"{"authoredOn":"2025-03-01"}"#,
            r#"{"date":"2024-01-01","context":{"period":{"start":"2025-03-01","end":"2025-03-01"}}}"#,
            r#"{"start":"2025-03-01","end":"2025-03-01","created":"2024-01-01"}"#,
            r#"{"collection":{"collectedDateTime":"2025-03-01"},"receivedTime":"2025-03-03"}"#,
        ] {
            assert_eq!(time(text), day, "{text}");
        }
        let lasted = time(r#"{"onsetDateTime":"2020","abatementDateTime":"2024"}"#);
        assert_eq!(lasted, Window::of(Some("2020"), Some("2024")));
        assert_eq!(time(r#"{"period":{"start":"2020"}}"#), Window::of(Some("2020"), None));
    }

    #[test]
    fn what_tells_no_time_is_undated_though_it_was_written_some_time() {
        for text in [
            "{}",
            r#"{"onsetString":"as a child","recordedDate":"2020"}"#,
            r#"{"onsetAge":{"value":4}}"#,
            r#"{"effectiveTiming":{"event":["2020"]}}"#,
            r#"{"effectiveDateTime":"last year"}"#,
            r#"{"period":{}}"#,
            r#"{"period":{"start":5,"end":"2020"}}"#,
            r#"{"period":{"start":"2021","end":"2020"}}"#,
            r#"{"_effectiveDateTime":{"extension":[]}}"#,
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
