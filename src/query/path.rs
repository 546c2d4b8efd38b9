//! Path: which interaction a request target asks for.
//!
//! Everything that two servers could resolve to two places is refused: absolute and authority forms, fragments, empty
//! segments, dot segments, parameters of a segment, encoded slashes.

use std::str::FromStr;

use crate::limits;

use super::form::{self, Plus};
use super::{Id, Unclassifiable};

/// A request line that is understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Metadata,
    Read {
        resource_type: String,
        id: Id,
    },
    Search {
        resource_type: String,
        compartment: Option<Id>,
    },
    PostSearch {
        resource_type: String,
    },
    /// `$summary`, of the patient that the path names or of one that a parameter names.
    Summary {
        id: Option<Id>,
        parameters: Place,
    },
    Everything {
        id: Id,
    },
    LastN {
        parameters: Place,
    },
}

/// Where the parameters of an operation stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Body,
}

/// Splits an origin-form target into what it asks for and its query.
pub(super) fn route<'t>(
    method: &str,
    target: &'t str,
    base_path: &str,
) -> Result<(Route, Option<&'t str>), Unclassifiable> {
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        _ => return Err(Unclassifiable::Method),
    };
    if target.len() > limits::TARGET_BYTES {
        return Err(Unclassifiable::TooLong);
    }
    if !target.starts_with('/') || !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Unclassifiable::Path);
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let below = path.strip_prefix(base_path.trim_end_matches('/')).ok_or(Unclassifiable::OutsideBase)?;
    let segments = match below {
        "" | "/" => Vec::new(),
        below => {
            let below = below.strip_prefix('/').ok_or(Unclassifiable::OutsideBase)?;
            below.split('/').map(|segment| form::decode(segment, Plus::IsItself)).collect::<Result<Vec<_>, _>>()?
        }
    };
    let segments = segments.iter().map(String::as_str).collect::<Vec<_>>();
    Ok((interaction(method, &segments)?, query))
}

#[derive(Debug, Clone, Copy)]
enum Method {
    Get,
    Post,
}

impl Method {
    fn place(self) -> Place {
        match self {
            Self::Get => Place::Query,
            Self::Post => Place::Body,
        }
    }
}

fn interaction(method: Method, segments: &[&str]) -> Result<Route, Unclassifiable> {
    // A segment that no API of FHIR writes is refused for its shape before anything is said about what is offered.
    if !segments.iter().all(|segment| is_operation(segment) || Id::from_str(segment).is_ok()) {
        return Err(Unclassifiable::Path);
    }
    match (method, segments) {
        (Method::Get, ["metadata"]) => Ok(Route::Metadata),
        (Method::Post, [resource_type, "_search"]) => {
            Ok(Route::PostSearch { resource_type: type_of(resource_type)?.to_owned() })
        }
        (method, ["Patient", "$summary"]) => Ok(Route::Summary { id: None, parameters: method.place() }),
        (method, ["Patient", id, "$summary"]) if !is_operation(id) => {
            let id = Id::from_str(id).map_err(|_| Unclassifiable::Path)?;
            Ok(Route::Summary { id: Some(id), parameters: method.place() })
        }
        (Method::Get, ["Patient", id, "$everything"]) if !is_operation(id) => {
            Ok(Route::Everything { id: Id::from_str(id).map_err(|_| Unclassifiable::Path)? })
        }
        (method, ["Observation", "$lastn"]) => Ok(Route::LastN { parameters: method.place() }),
        // Search of the whole system, by POST.
        (Method::Post, ["_search"]) => Err(Unclassifiable::NotOffered),
        // A search by POST is asked for with POST; every other POST writes or runs something else.
        (Method::Get, [_, "_search"]) | (Method::Post, _) => Err(Unclassifiable::Method),
        (Method::Get, [resource_type]) if !is_operation(resource_type) => {
            Ok(Route::Search { resource_type: type_of(resource_type)?.to_owned(), compartment: None })
        }
        (Method::Get, [resource_type, id]) if !is_operation(id) => {
            let id = Id::from_str(id).map_err(|_| Unclassifiable::Path)?;
            Ok(Route::Read { resource_type: type_of(resource_type)?.to_owned(), id })
        }
        (Method::Get, ["Patient", id, resource_type])
            if !is_operation(id) && !is_operation(resource_type) && *resource_type != "Patient" =>
        {
            let id = Id::from_str(id).map_err(|_| Unclassifiable::Path)?;
            Ok(Route::Search { resource_type: type_of(resource_type)?.to_owned(), compartment: Some(id) })
        }
        // Search of the whole system, history, version reads, other operations and compartments.
        (Method::Get, _) => Err(Unclassifiable::NotOffered),
    }
}

/// Returns true if and only if the segment is an interaction's own word: `_history`, `$everything`, `*`.
fn is_operation(segment: &str) -> bool {
    let word = segment.strip_prefix(['_', '$']);
    segment == "*" || word.is_some_and(|word| !word.is_empty() && word.bytes().all(is_word_byte))
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Returns the segment where it can be a type; one in other letters is a type that nobody offers.
fn type_of(segment: &str) -> Result<&str, Unclassifiable> {
    let letters = segment.bytes().all(|byte| byte.is_ascii_alphabetic());
    if letters && segment.starts_with(|first: char| first.is_ascii_uppercase()) {
        Ok(segment)
    } else {
        Err(Unclassifiable::NotOffered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Result<Route, Unclassifiable> {
        route("GET", target, "/fhir").map(|(route, _)| route)
    }

    #[test]
    fn the_interactions_that_are_offered_are_told_apart() {
        let id = || Id::from_str("1").unwrap();
        let search = |compartment| Route::Search { resource_type: "Condition".to_owned(), compartment };
        assert_eq!(get("/fhir/metadata"), Ok(Route::Metadata));
        assert_eq!(get("/fhir/Condition/1"), Ok(Route::Read { resource_type: "Condition".to_owned(), id: id() }));
        assert_eq!(get("/fhir/Condition"), Ok(search(None)));
        assert_eq!(get("/fhir/Patient/1/Condition"), Ok(search(Some(id()))));
        assert_eq!(get("/fhir/%50atient/%31/Condition"), Ok(search(Some(id()))));
        let post = route("POST", "/fhir/Condition/_search", "/fhir").unwrap();
        assert_eq!(get("/fhir/Observation/$lastn"), Ok(Route::LastN { parameters: Place::Query }));
        assert_eq!(post, (Route::PostSearch { resource_type: "Condition".to_owned() }, None));
    }

    #[test]
    fn a_path_that_two_servers_could_read_differently_is_refused() {
        for target in [
            "/fhir//Patient/1",
            "/fhir/Patient/",
            "/fhir/Patient/1/",
            "/fhir/./Patient/1",
            "/fhir/Patient/1/../2",
            "/fhir/%2e%2e/Patient/1",
            "/fhir/Patient/a%2Fb",
            "/fhir/Patient%2f1",
            "/fhir/Patient;x=1/1",
            "/fhir/Patient/1;v=2",
            "/fhir/Patient/1%3F_format=json",
            "/fhir/Patient/1%00",
            "/fhir/Patient/%2531",
            "/fhir/Patient/1\\..\\2",
            "/fhir/Pat ient/1",
            "/fhir/Patient/é",
            "/fhir/Patient/%EF%BC%8E",
            "/fhir/Patient/1#x",
            "https://localhost/fhir/Patient/1",
            "fhir/Patient/1",
            "",
            "*",
        ] {
            let refusal = get(target).unwrap_err();
            assert!(matches!(refusal, Unclassifiable::Path | Unclassifiable::Encoding), "{target}: {refusal:?}");
        }
    }

    #[test]
    fn what_is_below_another_base_is_elsewhere() {
        for target in ["/", "/fhirx/Patient/1", "/other", "/FHIR/Patient/1", "//fhir/Patient/1", "/%66hir/Patient/1"] {
            assert_eq!(get(target), Err(Unclassifiable::OutsideBase), "{target}");
        }
        assert_eq!(route("GET", "/metadata", "").map(|(route, _)| route), Ok(Route::Metadata));
    }

    #[test]
    fn the_rest_of_the_api_is_refused_by_name() {
        for target in [
            "/fhir",
            "/fhir/",
            "/fhir/_history",
            "/fhir/$export",
            "/fhir/_search",
            "/fhir/Patient/1/_history",
            "/fhir/Patient/1/_history/2",
            "/fhir/Patient/$everything",
            "/fhir/Patient/1/$lastn",
            "/fhir/Condition/$lastn",
            "/fhir/Observation/1/$lastn",
            "/fhir/Patient/1/Observation/$lastn",
            "/fhir/Encounter/1/$everything",
            "/fhir/Encounter/1/$summary",
            "/fhir/Patient/$match",
            "/fhir/Patient/1/*",
            "/fhir/Patient/1/Patient",
            "/fhir/Encounter/1/Observation",
            "/fhir/patient/1",
            "/fhir/PATIENT1/1",
        ] {
            assert_eq!(get(target), Err(Unclassifiable::NotOffered), "{target}");
        }
        for target in ["/fhir", "/fhir/Patient", "/fhir/Patient/1", "/fhir/Patient/1/$everything", "/fhir/metadata"] {
            assert_eq!(route("POST", target, "/fhir"), Err(Unclassifiable::Method), "{target}");
        }
        for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", ""] {
            assert_eq!(route(method, "/fhir/Patient/1", "/fhir"), Err(Unclassifiable::Method), "{method}");
        }
        assert_eq!(get("/fhir/Patient/_search"), Err(Unclassifiable::Method));
    }
}
