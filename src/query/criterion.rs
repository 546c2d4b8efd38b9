//! Criterion: one parameter of a search with its typed values, and what it means on a resource.
//!
//! Values are read in the forms below and written anew from what was read, so that a caller's own bytes never travel on.
//! Escapes (`\,`), `$` and modifiers are not understood and so refused.

use crate::json::{Kind, Value};
use crate::limits;
use crate::profile::{Answered, CodeSystem, Parameter, ParameterType, Token};

use super::date::{Instant, PartialDate};
use super::form::Pair;
use super::{Unclassifiable, subject};

/// A parameter and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Criterion {
    pub(super) parameter: Parameter,
    pub(super) values: Values,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Values {
    /// One of these codes.
    Tokens(Vec<Token>),
    /// All of these bounds: one, or a lower and an upper one.
    Dates(Vec<Bound>),
}

/// A date with its prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) prefix: Prefix,
    pub(super) date: PartialDate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    Equal,
    AtLeast,
    After,
    AtMost,
    Before,
}

impl Prefix {
    fn text(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::AtLeast => "ge",
            Self::After => "gt",
            Self::AtMost => "le",
            Self::Before => "lt",
        }
    }
}

impl Criterion {
    /// Reads the values that `pairs` give to `parameter`.
    pub(super) fn read(parameter: &Parameter, pairs: &[&Pair]) -> Result<Self, Unclassifiable> {
        let values = match parameter.value() {
            ParameterType::Token => match pairs {
                [pair] => Values::Tokens(tokens(&pair.value)?),
                _ => return Err(Unclassifiable::Repeated),
            },
            ParameterType::Date => Values::Dates(dates(pairs)?),
        };
        Ok(Self { parameter: parameter.clone(), values })
    }

    /// Returns each occurrence of the parameter as it is written in a canonical query, before encoding.
    pub(super) fn written(&self) -> Vec<String> {
        match &self.values {
            Values::Tokens(tokens) => {
                let tokens = tokens.iter().map(|token| match &token.system {
                    CodeSystem::Any => token.code.clone(),
                    CodeSystem::Absent => format!("|{}", token.code),
                    CodeSystem::Is(system) => format!("{system}|{}", token.code),
                });
                vec![tokens.collect::<Vec<_>>().join(",")]
            }
            Values::Dates(bounds) => {
                bounds.iter().map(|bound| format!("{}{}", bound.prefix.text(), bound.date.as_str())).collect()
            }
        }
    }

    /// Returns true if and only if the server answers this criterion, or it holds on `resource`.
    ///
    /// A date is compared with the first of the profile's elements that has a time: a period overlaps `ge` and `le`, ends
    /// after `gt`, begins before `lt`, and lies within `eq`; an open end has no bound. What has no time that can be read
    /// does not match.
    pub(super) fn matches(&self, resource: Value<'_>) -> bool {
        let paths = match self.parameter.answered() {
            Answered::Upstream => return true,
            Answered::Here(paths) => paths,
        };
        match &self.values {
            Values::Tokens(tokens) => {
                paths.iter().any(|path| path.any(resource, &mut |value| tokens.iter().any(|token| token.is_in(value))))
            }
            Values::Dates(bounds) => paths
                .iter()
                .find_map(|path| {
                    let mut found = None;
                    path.any(resource, &mut |value| {
                        found = period(value);
                        found.is_some()
                    });
                    found
                })
                .is_some_and(|period| bounds.iter().all(|bound| bound.holds(&period))),
        }
    }
}

/// Reads `code`, `|code` or `system|code`, several of them separated by commas.
fn tokens(text: &str) -> Result<Vec<Token>, Unclassifiable> {
    let tokens = text.split(',').map(token).collect::<Result<Vec<_>, _>>()?;
    if tokens.len() > limits::VALUES { Err(Unclassifiable::TooLong) } else { Ok(tokens) }
}

fn token(text: &str) -> Result<Token, Unclassifiable> {
    let (system, code) = match text.split_once('|') {
        None => (CodeSystem::Any, text),
        Some(("", code)) => (CodeSystem::Absent, code),
        Some((system, code)) => (CodeSystem::Is(system.to_owned()), code),
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\|$,\"<>".contains(&byte));
    let well_formed = !code.is_empty() && plain(code);
    let known = match &system {
        CodeSystem::Any | CodeSystem::Absent => true,
        // The number of a citizen names the patient or nothing: it never goes upstream as a criterion.
        CodeSystem::Is(system) => plain(system) && system.contains(':') && !subject::is_bsn_system(system),
    };
    if well_formed && known { Ok(Token { system, code: code.to_owned() }) } else { Err(Unclassifiable::Value) }
}

/// Reads one bound, or a lower and an upper one; the lower one comes first.
fn dates(pairs: &[&Pair]) -> Result<Vec<Bound>, Unclassifiable> {
    let bounds = pairs.iter().map(|pair| bound(&pair.value)).collect::<Result<Vec<_>, _>>()?;
    let is_lower = |bound: &Bound| matches!(bound.prefix, Prefix::AtLeast | Prefix::After);
    let is_upper = |bound: &Bound| matches!(bound.prefix, Prefix::AtMost | Prefix::Before);
    match bounds.as_slice() {
        [_] => Ok(bounds),
        [lower, upper] if is_lower(lower) && is_upper(upper) => Ok(bounds),
        [upper, lower] if is_lower(lower) && is_upper(upper) => Ok(vec![lower.clone(), upper.clone()]),
        _ => Err(Unclassifiable::Repeated),
    }
}

fn bound(text: &str) -> Result<Bound, Unclassifiable> {
    let letters = text.find(|character: char| !character.is_ascii_lowercase()).unwrap_or(text.len());
    let (prefix, date) = text.split_at_checked(letters).ok_or(Unclassifiable::Value)?;
    let prefix = match prefix {
        "" | "eq" => Prefix::Equal,
        "ge" => Prefix::AtLeast,
        "gt" => Prefix::After,
        "le" => Prefix::AtMost,
        "lt" => Prefix::Before,
        "ne" | "sa" | "eb" | "ap" => return Err(Unclassifiable::Parameter),
        _ => return Err(Unclassifiable::Value),
    };
    Ok(Bound { prefix, date: PartialDate::read(date).ok_or(Unclassifiable::Value)? })
}

struct Period {
    from: Option<Instant>,
    until: Option<Instant>,
}

/// Reads a Period or a date; none where no time can be read.
fn period(value: Value<'_>) -> Option<Period> {
    let date = |value: Value<'_>| value.as_str().and_then(|text| PartialDate::read(&text));
    match value.kind() {
        Kind::String => date(value).map(|date| Period { from: Some(date.from()), until: Some(date.until()) }),
        Kind::Object => {
            let end = |name: &str| match value.get(name) {
                None => Some(None),
                Some(value) => date(value).map(Some),
            };
            let (start, end) = (end("start")?, end("end")?);
            if start.is_none() && end.is_none() {
                return None;
            }
            Some(Period { from: start.map(|start| start.from()), until: end.map(|end| end.until()) })
        }
        Kind::Array | Kind::Number | Kind::Bool | Kind::Null => None,
    }
}

impl Bound {
    fn holds(&self, period: &Period) -> bool {
        let (from, until) = (self.date.from(), self.date.until());
        let begins_before = |bound: Instant| period.from.is_none_or(|start| start.is_before(bound));
        let ends_behind = |bound: Instant| period.until.is_none_or(|end| bound.is_before(end));
        match self.prefix {
            Prefix::Equal => {
                period.from.is_some_and(|start| !start.is_before(from))
                    && period.until.is_some_and(|end| !until.is_before(end))
            }
            Prefix::AtLeast => ends_behind(from),
            Prefix::After => ends_behind(until),
            Prefix::AtMost => begins_before(until),
            Prefix::Before => begins_before(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::json::Document;
    use crate::profile::{Offer, shipped_exchanges};
    use crate::query::{Query, RequestHead, classify};

    fn matches(query: &str, resource: &str) -> bool {
        let exchanges = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
        let offer = Offer::to(&exchanges, Some(&"01.015".parse().unwrap()));
        let target = format!("/fhir/{query}");
        let (content_type, accept, prefer, body) = (None, None, None, &b""[..]);
        let method_override = false;
        let head = RequestHead { method: "GET", target: &target, content_type, accept, prefer, method_override, body };
        let Ok(Query::Search(search)) = classify(&head, "/fhir", &offer) else { panic!("{query} is a search") };
        let document = Document::read(resource.as_bytes(), limits::RESOURCE).unwrap();
        search.matches(document.root())
    }

    fn in_use(bounds: &[&str], elements: &str) -> bool {
        let bounds = bounds.iter().map(|bound| format!("&period-of-use={bound}")).collect::<String>();
        let resource = format!(r#"{{"resourceType":"MedicationRequest",{elements}}}"#);
        matches(&format!("MedicationRequest?patient=1{bounds}"), &resource)
    }

    #[test]
    fn a_parameter_that_the_server_answers_holds_here() {
        assert!(matches("Observation?patient=1&code=a&date=2020", "{}"));
    }

    #[test]
    fn when_a_resource_last_changed_is_looked_up_in_it() {
        let at = |bounds: &str, moment: &str| {
            let resource = format!(r#"{{"meta":{{"lastUpdated":"{moment}"}}}}"#);
            matches(&format!("Observation?patient=1&{bounds}"), &resource)
        };
        let moment = "2024-05-06T10:00:00.123+02:00";
        for (bounds, found) in [
            ("_lastUpdated=2024-05-06", true),
            ("_lastUpdated=ge2024-05-06T08:00:00Z", true),
            ("_lastUpdated=gt2024-05-06T08:00:00Z", false),
            ("_lastUpdated=gt2024-05-06T07:59:59Z", true),
            ("_lastUpdated=lt2024-05-06T08:00:00Z", false),
            ("_lastUpdated=ge2024&_lastUpdated=lt2025", true),
            ("_lastUpdated=lt2024", false),
        ] {
            assert_eq!(at(bounds, moment), found, "{bounds}");
        }
        assert!(!matches("Observation?patient=1&_lastUpdated=ge1900", r#"{"meta":{}}"#));
    }

    #[test]
    fn a_category_is_looked_for_in_the_resource() {
        let flag = r#"{"category":[{"coding":[{"system":"http://s","code":"1"},{"code":"2"}]}]}"#;
        for (token, found) in [
            ("http://s|1", true),
            ("http://s|2", false),
            ("|2", true),
            ("|1", false),
            ("1", true),
            ("9,2", true),
            ("9", false),
        ] {
            assert_eq!(matches(&format!("Flag?patient=1&category={token}"), flag), found, "{token}");
            let dispense = flag.replace("[{\"coding\"", "{\"coding\"").replace("}]}]}", "}]}}");
            assert_eq!(matches(&format!("MedicationDispense?patient=1&category={token}"), &dispense), found, "{token}");
        }
        assert!(!matches("Flag?patient=1&category=1", "{}"));
    }

    const YEAR: &str = r#""dispenseRequest":{"validityPeriod":{"start":"2024-01-01","end":"2024-12-31"}}"#;

    #[test]
    fn a_period_of_use_overlaps_what_is_asked() {
        for (bound, found) in [
            ("ge2024-12-31", true),
            ("ge2025", false),
            ("gt2024-12-30", true),
            ("gt2024-12-31", false),
            ("le2024-01-01", true),
            ("le2023", false),
            ("lt2024-01-02", true),
            ("lt2024-01-01", false),
            ("2024", true),
            ("eq2024-06", false),
            ("ge2024-12-31T23:00:00%2B01:00", true),
        ] {
            assert_eq!(in_use(&[bound], YEAR), found, "{bound}");
        }
        assert!(in_use(&["ge2023-06", "le2024-06"], YEAR) && !in_use(&["ge2025", "le2026"], YEAR));
    }

    #[test]
    fn an_open_end_has_no_bound() {
        let since = r#""dispenseRequest":{"validityPeriod":{"start":"2024-03"}}"#;
        assert!(in_use(&["ge2099"], since) && in_use(&["le2024-03-01"], since) && !in_use(&["le2024-02"], since));
        assert!(!in_use(&["2024"], since));
        let until = r#""dispenseRequest":{"validityPeriod":{"end":"2024-03"}}"#;
        assert!(in_use(&["le1990"], until) && in_use(&["ge2024-03-31"], until) && !in_use(&["ge2024-04"], until));
    }

    #[test]
    fn the_first_element_that_has_a_time_counts() {
        let extension = r#""extension":[{"url":"http://nictiz.nl/fhir/StructureDefinition/ext-TimeInterval.Period",
            "valuePeriod":{"start":"2020","end":"2020"}}]"#;
        assert!(
            in_use(&["2020"], &format!("{extension},{YEAR}")) && !in_use(&["2024"], &format!("{extension},{YEAR}"))
        );
        assert!(in_use(&["2023-05-06"], r#""authoredOn":"2023-05-06T10:00:00+02:00""#));
        let effective = |elements: &str| matches("MedicationStatement?patient=1&period-of-use=ge2024", elements);
        assert!(effective(r#"{"effectivePeriod":{"start":"2020"}}"#) && effective(r#"{"effectiveDateTime":"2024"}"#));
        assert!(!effective(r#"{"effectiveDateTime":"2023"}"#));
    }

    #[test]
    fn what_has_no_time_that_can_be_read_does_not_match() {
        for elements in [
            r#""status":"active""#,
            r#""authoredOn":"yesterday""#,
            r#""authoredOn":2024"#,
            r#""dispenseRequest":{"validityPeriod":{}}"#,
            r#""dispenseRequest":{"validityPeriod":{"start":"2024","end":"later"}}"#,
        ] {
            assert!(!in_use(&["ge1900"], elements), "{elements}");
        }
    }
}
