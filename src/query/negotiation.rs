//! Negotiation: the answer is FHIR JSON in UTF-8, and a caller who wants something else is told so.

use super::Unclassifiable;

/// Ways to name JSON in `_format` (FHIR R4, 3.1.0.1.11); a `+` in a form is a space.
const FORMATS: [&str; 5] = ["json", "application/json", "application/fhir+json", "application/fhir json", "text/json"];

/// Reads the value of `_format`.
pub(super) fn format(value: &str) -> Result<(), Unclassifiable> {
    if FORMATS.contains(&value) { Ok(()) } else { Err(Unclassifiable::Format) }
}

/// Reads an `Accept` header: FHIR JSON, or plain JSON by name, must be acceptable (RFC 9110, 12.5.1).
pub(super) fn accept(header: Option<&str>) -> Result<(), Unclassifiable> {
    let Some(header) = header else { return Ok(()) };
    let ranges = ranges(header)?;
    let weight = |name: &str| weight_of(&ranges, name);
    // The most specific range that covers the answer's type decides; plain JSON is taken for it where it is named.
    let fhir = ["application/fhir+json", "application/*", "*/*"].into_iter().find_map(weight);
    let plain = ["application/json", "text/json"].into_iter().filter_map(weight).any(|acceptable| acceptable);
    if fhir.unwrap_or(false) || plain { Ok(()) } else { Err(Unclassifiable::Format) }
}

/// Reads an `Accept` header of whoever asks for a page: HTML must be acceptable.
pub(super) fn html(header: Option<&str>) -> Result<(), Unclassifiable> {
    let Some(header) = header else { return Ok(()) };
    let ranges = ranges(header)?;
    let html = ["text/html", "text/*", "*/*"].into_iter().find_map(|name| weight_of(&ranges, name));
    if html.unwrap_or(false) { Ok(()) } else { Err(Unclassifiable::Format) }
}

fn ranges(header: &str) -> Result<Vec<Range>, Unclassifiable> {
    split(header, ',').map(range).collect::<Option<_>>().ok_or(Unclassifiable::Format)
}

/// Returns whether what is called so is acceptable, where that is said.
fn weight_of(ranges: &[Range], name: &str) -> Option<bool> {
    let named = ranges.iter().filter(|range| range.name == name).map(|range| range.acceptable);
    named.reduce(|one, other| one || other)
}

struct Range {
    name: String,
    acceptable: bool,
}

/// Reads one media range; none where it is not written as one.
fn range(text: &str) -> Option<Range> {
    let mut parts = split(text, ';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&byte))
    };
    let (kind, subtype) = name.split_once('/')?;
    if !token(kind) || !token(subtype) {
        return None;
    }
    let mut acceptable = true;
    for part in parts {
        let (key, value) = part.split_once('=')?;
        let value = value.trim_matches('"');
        let good = match key.trim().to_ascii_lowercase().as_str() {
            "q" => weight(value)?,
            "charset" => value.eq_ignore_ascii_case("utf-8"),
            "fhirversion" => value == "4.0",
            // What a parameter that is not known asks for cannot be promised.
            _ => false,
        };
        acceptable = acceptable && good;
    }
    Some(Range { name, acceptable })
}

/// Reads a quality value, `0` to `1` with at most three decimals: true if and only if it is more than none.
fn weight(text: &str) -> Option<bool> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let zero = decimals.bytes().all(|byte| byte == b'0');
    match whole {
        "0" if digits => Some(!zero),
        "1" if digits && zero => Some(true),
        _ => None,
    }
}

/// Reads the `Content-Type` of a search by POST: a form, in UTF-8 where it says so.
pub(super) fn content_type(header: Option<&str>) -> Result<(), Unclassifiable> {
    body_of(header, &["application/x-www-form-urlencoded"])
}

/// Reads the `Content-Type` of an operation by POST: JSON, in UTF-8 where it says so.
pub(super) fn fhir_json(header: Option<&str>) -> Result<(), Unclassifiable> {
    body_of(header, &["application/fhir+json", "application/json"])
}

fn body_of(header: Option<&str>, known: &[&str]) -> Result<(), Unclassifiable> {
    let header = header.ok_or(Unclassifiable::MediaType)?;
    let mut parts = split(header, ';').map(str::trim);
    let named = parts.next().is_some_and(|name| known.iter().any(|known| name.eq_ignore_ascii_case(known)));
    let utf8 = parts.all(|part| {
        part.split_once('=').is_some_and(|(key, value)| {
            key.trim().eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    });
    if named && utf8 { Ok(()) } else { Err(Unclassifiable::MediaType) }
}

/// Reads a `Prefer` header: an answer at another time is not to be had; every other preference may be left aside
/// (RFC 7240, 2).
pub(super) fn prefer(header: Option<&str>) -> Result<(), Unclassifiable> {
    let later = header.is_some_and(|header| {
        split(header, ',').any(|preference| {
            let name = preference.split([';', '=']).next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("respond-async")
        })
    });
    if later { Err(Unclassifiable::Preference) } else { Ok(()) }
}

/// Splits at `separator` outside quoted strings.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_acceptable_in_each_of_its_ways() {
        for header in [
            "*/*",
            "application/*",
            "application/fhir+json",
            "application/json",
            "text/json",
            "Application/FHIR+JSON",
            "application/fhir+json; charset=utf-8",
            "application/fhir+json;fhirVersion=4.0",
            "application/fhir+xml, application/fhir+json;q=0.9",
            "text/html, */*;q=0.1",
            "text/html;x=\"a,b\", application/json",
        ] {
            assert_eq!(accept(Some(header)), Ok(()), "{header}");
        }
        assert_eq!(accept(None), Ok(()));
    }

    #[test]
    fn anything_else_is_not() {
        for header in [
            "",
            "application/fhir+xml",
            "text/html",
            "text/*",
            "text/turtle",
            "application/fhir+json;q=0",
            "application/fhir+json;q=0, */*",
            "application/fhir+json;q=0.000",
            "application/fhir+json;q=2",
            "application/fhir+json;q=x",
            "application/fhir+json; fhirVersion=3.0",
            "application/fhir+json; charset=utf-16",
            "application/fhir+ndjson",
            "json",
            "application/",
            "*/*,",
        ] {
            assert_eq!(accept(Some(header)), Err(Unclassifiable::Format), "{header}");
        }
    }

    #[test]
    fn only_a_form_is_a_search_by_post() {
        for header in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\""] {
            assert_eq!(content_type(Some(header)), Ok(()), "{header}");
        }
        for header in
            ["application/json", "application/x-www-form-urlencoded; charset=utf-16", "", "multipart/form-data"]
        {
            assert_eq!(content_type(Some(header)), Err(Unclassifiable::MediaType), "{header}");
        }
        assert_eq!(content_type(None), Err(Unclassifiable::MediaType));
    }

    #[test]
    fn an_answer_at_another_time_is_refused_and_other_preferences_are_not() {
        for header in ["respond-async", "handling=strict, Respond-Async", "respond-async; wait=5"] {
            assert_eq!(prefer(Some(header)), Err(Unclassifiable::Preference), "{header}");
        }
        for header in [None, Some("handling=strict"), Some("return=minimal, x=\"respond-async, y\"")] {
            assert_eq!(prefer(header), Ok(()), "{header:?}");
        }
    }
}
