//! One parameter of a search, read, and what it matches.

use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::parameter::{Comparison, Parameter, names, parameter};
use crate::json::{Kind, Value};

/// Why a search is a 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BadSearch {
    /// The type has no such parameter.
    Unknown {
        /// The parameter.
        name: String,
        /// What the type has.
        valid: Vec<&'static str>,
    },
    /// The value is none for that parameter.
    Value(String),
}

/// One condition; values inside it are alternatives.
#[derive(Debug)]
pub(super) enum Criterion {
    /// `_id`
    Ids(Vec<String>),
    /// A parameter of the type itself.
    Own(Parameter, Vec<String>),
    /// `patient.identifier` and the like: the identifier of the patient a reference leads to.
    PatientIdentifier(Parameter, Vec<String>),
}

impl Criterion {
    /// Reads one parameter of a search for `kind`.
    pub(super) fn read(kind: &str, name: &str, text: &str) -> Result<Self, BadSearch> {
        let values = alternatives(text);
        if values.iter().any(String::is_empty) {
            return Err(BadSearch::Value(name.to_owned()));
        }
        if name == "_id" {
            return Ok(Self::Ids(values));
        }
        let unknown =
            || BadSearch::Unknown { name: name.to_owned(), valid: names(kind).map(|(each, _, _)| *each).collect() };
        let (bare, chained) = match name.strip_suffix(".identifier") {
            Some(bare) => (bare, true),
            None => (name, false),
        };
        let typed = bare.strip_suffix(":Patient");
        let parameter = parameter(kind, typed.unwrap_or(bare)).ok_or_else(unknown)?;
        match (parameter.comparison, chained) {
            (Comparison::Reference, true) => Ok(Self::PatientIdentifier(parameter, values)),
            (Comparison::Reference, false) => {
                let complete = |value: String| match typed {
                    Some(_) if !value.contains('/') => format!("Patient/{value}"),
                    Some(_) | None => value,
                };
                Ok(Self::Own(parameter, values.into_iter().map(complete).collect()))
            }
            (Comparison::Token | Comparison::Date, true) => Err(unknown()),
            (Comparison::Token | Comparison::Date, false) if typed.is_some() => Err(unknown()),
            (Comparison::Token, false) => Ok(Self::Own(parameter, values)),
            (Comparison::Date, false) if values.iter().all(|value| asked_period(value).is_some()) => {
                Ok(Self::Own(parameter, values))
            }
            (Comparison::Date, false) => Err(BadSearch::Value(name.to_owned())),
        }
    }

    /// Returns true if and only if the resource matches; `identified` says whether a reference leads to a patient with
    /// one of the identifiers.
    pub(super) fn matches(
        &self,
        id: &str,
        resource: Value<'_>,
        base: &str,
        identified: impl Fn(&str, &[String]) -> bool,
    ) -> bool {
        match self {
            Self::Ids(ids) => ids.iter().any(|each| each == id),
            Self::PatientIdentifier(parameter, values) => at(resource, parameter.paths)
                .iter()
                .filter_map(|value| value.text_of("reference"))
                .any(|reference| identified(relative(&reference, base), values)),
            Self::Own(parameter, values) => {
                let found = at(resource, parameter.paths);
                found.iter().any(|value| {
                    values.iter().any(|asked| match parameter.comparison {
                        Comparison::Reference => refers(*value, asked, base),
                        Comparison::Token => is_coded(*value, asked),
                        Comparison::Date => falls(*value, asked),
                    })
                })
            }
        }
    }
}

/// Returns the values at a path of a resource, arrays opened.
pub(super) fn at<'d>(resource: Value<'d>, paths: &str) -> Vec<Value<'d>> {
    let mut found = Vec::new();
    for path in paths.split('|') {
        let mut here = vec![resource];
        for name in path.split('.') {
            here = here.iter().filter_map(|value| value.get(name)).flat_map(opened).collect();
        }
        found.extend(here);
    }
    found
}

fn opened(value: Value<'_>) -> Vec<Value<'_>> {
    if value.kind() == Kind::Array { value.items().collect() } else { vec![value] }
}

fn alternatives(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut escaped = false;
    for letter in text.chars() {
        match letter {
            '\\' if !escaped => escaped = true,
            ',' if !escaped => values.push(String::new()),
            _ => {
                escaped = false;
                if let Some(last) = values.last_mut() {
                    last.push(letter);
                }
            }
        }
    }
    values
}

fn relative<'r>(reference: &'r str, base: &str) -> &'r str {
    reference.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(reference)
}

fn refers(value: Value<'_>, asked: &str, base: &str) -> bool {
    let Some(reference) = value.text_of("reference") else { return false };
    let reference = relative(&reference, base);
    let asked = relative(asked, base);
    // An id without a type is any type's; `patient` and `subject` with it mean the patient's.
    reference == asked || reference.split_once('/').is_some_and(|(_, id)| id == asked)
}

/// Returns true if and only if a code, coding, concept or identifier is the token asked for.
pub(super) fn is_coded(value: Value<'_>, asked: &str) -> bool {
    if value.kind() != Kind::Object {
        let plain = value.as_str().map_or_else(|| value.raw().to_owned(), std::borrow::Cow::into_owned);
        let (_, code) = asked.rsplit_once('|').unwrap_or(("", asked));
        return plain == code;
    }
    if let Some(codings) = value.get("coding") {
        return codings.items().any(|coding| is_coded(coding, asked));
    }
    let system = value.text_of("system").unwrap_or_default();
    let code = value.text_of("code").or_else(|| value.text_of("value")).unwrap_or_default();
    match asked.split_once('|') {
        None => code == asked,
        Some((wanted, "")) => system == wanted,
        Some((wanted, wanted_code)) => system == wanted && code == wanted_code,
    }
}

type Span = (OffsetDateTime, OffsetDateTime);

fn falls(value: Value<'_>, asked: &str) -> bool {
    let Some((prefix, (from, to))) = asked_period(asked) else { return false };
    let held = if value.kind() == Kind::Object {
        let start = value.text_of("start").and_then(|text| span(&text));
        let end = value.text_of("end").and_then(|text| span(&text));
        let (Some(start), None | Some(_)) = (start, end) else { return false };
        (start.0, end.map_or(OffsetDateTime::new_utc(Date::MAX, Time::MIDNIGHT), |end| end.1))
    } else {
        let Some(held) = value.as_str().and_then(|text| span(&text)) else { return false };
        held
    };
    match prefix {
        "ge" => held.1 >= from,
        "gt" => held.1 > to,
        "le" => held.0 <= to,
        "lt" => held.0 < from,
        _ => from <= held.0 && held.1 <= to,
    }
}

fn asked_period(asked: &str) -> Option<(&str, Span)> {
    let (prefix, rest) = match asked.get(..2) {
        Some(prefix @ ("ge" | "gt" | "le" | "lt" | "eq")) => (prefix, asked.get(2..)?),
        Some(_) | None => ("eq", asked),
    };
    Some((prefix, span(rest)?))
}

/// Returns the first and last moment of a date, which may be partial.
pub(super) fn span(text: &str) -> Option<Span> {
    if text.contains('T') {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        return Some((moment, moment));
    }
    let mut parts = text.split('-');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next().map(|month| month.parse::<u8>().ok().and_then(|number| Month::try_from(number).ok()));
    let day = parts.next().map(|day| day.parse::<u8>().ok());
    let (first, next) = match (month, day) {
        (None, _) => (first_of(year, Month::January)?, first_of(year + 1, Month::January)?),
        (Some(month), None) => {
            let month = month?;
            let next = if month == Month::December { year + 1 } else { year };
            (first_of(year, month)?, first_of(next, month.next())?)
        }
        (Some(month), Some(day)) => {
            let date = Date::from_calendar_date(year, month?, day?).ok()?;
            (date, date.next_day()?)
        }
    };
    let midnight = |date: Date| OffsetDateTime::new_utc(date, Time::MIDNIGHT);
    Some((midnight(first), midnight(next) - Duration::NANOSECOND))
}

fn first_of(year: i32, month: Month) -> Option<Date> {
    Date::from_calendar_date(year, month, 1).ok()
}
