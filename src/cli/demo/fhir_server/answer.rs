//! Requests over HTTP and their answers.

use std::collections::VecDeque;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use bytes::Bytes;
use futures_util::stream;

use super::criterion::BadSearch;
use super::fault::{Fault, Piece, pieces};
use super::search::{PageRequest, Search};
use super::store::{Kept, instant};
use super::{SEEN, Seen, Shared, State, parameter};

const FHIR_JSON: &str = "application/fhir+json;charset=utf-8";

/// An answer before faults.
struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
    headers: Vec<(&'static str, String)>,
}

/// Answers any request.
pub(super) async fn answer(request: HttpRequest, body: Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let (answer, fault) = {
        let mut state = shared.state();
        let target = target(&request);
        remember(&mut state, &request, &target);
        let (fault_target, is_page) = continued(&state, &target);
        let fault = state
            .faults
            .iter()
            .rev()
            .find(|(prefix, fault)| {
                fault_target.starts_with(prefix.as_str()) && (is_page || !matches!(fault, Fault::FailPage))
            })
            .map(|(_, fault)| fault.clone());
        (route(&mut state, &shared.base, &request, &target, &body), fault)
    };
    if let Some(Fault::Slow(delay)) = fault {
        tokio::time::sleep(delay).await;
    }
    respond(answer, fault.as_ref())
}

fn respond(answer: Answer, fault: Option<&Fault>) -> HttpResponse {
    let (status, content_type, body) = match fault {
        Some(Fault::Html500) => {
            (500, "text/html", "<html><body><h1>500</h1><p>Internal error</p></body></html>".into())
        }
        Some(Fault::FailPage) => (500, FHIR_JSON, outcome("exception", "HAPI-0389: Failed to call access method").body),
        Some(Fault::Redirect(_)) => (302, FHIR_JSON, String::new()),
        Some(Fault::WrongContentType) => (answer.status, "text/html", answer.body),
        Some(Fault::Answer { status, content_type, body }) => (*status, content_type.as_str(), body.clone()),
        Some(
            Fault::Down
            | Fault::Slow(_)
            | Fault::Stall(_)
            | Fault::CutAfter(_)
            | Fault::MalformedAfter(_)
            | Fault::Header(..),
        )
        | None => (answer.status, answer.content_type, answer.body),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response: HttpResponseBuilder = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, content_type));
    response.insert_header(("X-Powered-By", "HAPI FHIR 8.8.0 REST Server (FHIR Server; FHIR 4.0.1/R4)"));
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    match fault {
        Some(Fault::Header(name, value)) => {
            response.insert_header((*name, value.as_str()));
        }
        Some(Fault::Redirect(url)) => {
            response.insert_header((header::LOCATION, url.as_str()));
        }
        Some(_) | None => {}
    }
    let pieces: VecDeque<Piece> = pieces(&Bytes::from(body), fault).into();
    response.streaming(stream::unfold(pieces, |mut pieces| async move {
        loop {
            match pieces.pop_front()? {
                Piece::Bytes(bytes) => return Some((Ok(bytes), pieces)),
                Piece::Pause(delay) => tokio::time::sleep(delay).await,
                Piece::Break => return Some((Err(std::io::Error::other("planted fault")), pieces)),
            }
        }
    }))
}

/// Returns path and query below the base, as received.
fn target(request: &HttpRequest) -> String {
    let whole = request.uri().path_and_query().map_or("", |target| target.as_str());
    let below = whole.strip_prefix("/fhir").unwrap_or(whole);
    below.strip_prefix('/').unwrap_or(below).to_owned()
}

fn remember(state: &mut State, request: &HttpRequest, target: &str) {
    if state.seen.len() < SEEN {
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let (method, target) = (request.method().to_string(), target.to_owned());
        state.seen.push(Seen { method, target, headers, peer: request.peer_addr() });
    }
}

/// Returns the target that faults go by, and whether the request is for a later page.
fn continued(state: &State, target: &str) -> (String, bool) {
    let page = target.strip_prefix('?').and_then(|query| PageRequest::read(&parameters(query)));
    match page.and_then(|page| state.pages.target(&page)) {
        Some(first) => (first, true),
        None => (target.to_owned(), false),
    }
}

fn parameters(text: &str) -> Vec<(String, String)> {
    web::Query::<Vec<(String, String)>>::from_query(text).map(web::Query::into_inner).unwrap_or_default()
}

fn route(state: &mut State, base: &str, request: &HttpRequest, target: &str, body: &Bytes) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let segments: Vec<&str> = path.split('/').collect();
    let text = std::str::from_utf8(body).unwrap_or_default();
    let method = request.method();
    if path.contains('%') || path.contains("//") {
        let body = "<html><body><h2>HTTP ERROR 400 Ambiguous URI path</h2></body></html>".into();
        return Answer { status: 400, content_type: "text/html;charset=iso-8859-1", body, headers: Vec::new() };
    }
    match segments.as_slice() {
        [""] if *method == Method::GET => page(state, base, query),
        [""] if *method == Method::POST => match state.store.load(text) {
            Ok(_) => fhir(200, r#"{"resourceType":"Bundle","type":"transaction-response"}"#.into()),
            Err(error) => outcome("processing", &format!("HAPI-0446: {error}")),
        },
        ["metadata"] if *method == Method::GET => fhir(200, capabilities(base)),
        [kind, ..] if !parameter::types().any(|each| each == *kind) => {
            let unknown = format!("HAPI-0302: Unknown resource type '{kind}' - Server knows how to handle others");
            Answer { status: 404, ..outcome("processing", &unknown) }
        }
        [kind] if *method == Method::GET => search(state, base, kind, target, &parameters(query)),
        [kind, "_search"] if *method == Method::POST => {
            let mut all = parameters(query);
            all.extend(parameters(text));
            search(state, base, kind, target, &all)
        }
        [kind, id] if *method == Method::GET => read(state, base, kind, id),
        [kind] if *method == Method::POST => match state.store.create(&taken_up(kind, text)) {
            Ok((kind, id)) => Answer { status: 201, ..read(state, base, &kind, &id) },
            Err(error) => outcome("processing", &format!("HAPI-1821: {error}")),
        },
        [kind, _] if *method == Method::PUT => match state.store.put(&taken_up(kind, text)) {
            Ok((kind, id)) => Answer { status: 200, ..read(state, base, &kind, &id) },
            Err(error) => outcome("processing", &format!("HAPI-1821: {error}")),
        },
        [kind, id] if *method == Method::DELETE => {
            state.store.delete(&format!("{kind}/{id}"));
            Answer { status: 200, ..outcome("informational", "Successfully deleted 1 resource(s)") }
        }
        _ => outcome("not-supported", &format!("HAPI-0287: Invalid request: {method} {path}")),
    }
}

/// A Subscription that is asked for is in force from then on; nobody is told anything by it.
fn taken_up(kind: &str, text: &str) -> String {
    if kind == "Subscription" {
        text.replacen(r#""status":"requested""#, r#""status":"active""#, 1)
    } else {
        text.to_owned()
    }
}

fn page(state: &mut State, base: &str, query: &str) -> Answer {
    let Some(request) = PageRequest::read(&parameters(query)) else {
        return outcome("not-supported", "HAPI-0287: This is the base URL of FHIR server");
    };
    match state.pages.page(base, &request) {
        Some(body) => fhir(200, body),
        None => {
            Answer { status: 410, ..outcome("processing", "HAPI-0417: Search ID does not exist and may have expired") }
        }
    }
}

fn search(state: &mut State, base: &str, kind: &str, target: &str, parameters: &[(String, String)]) -> Answer {
    match Search::read(kind, parameters) {
        Ok(search) => {
            let State { store, pages, .. } = state;
            fhir(200, pages.first(store, base, &search, target))
        }
        Err(BadSearch::Unknown { name, valid }) => {
            let valid = valid.join(", ");
            outcome(
                "processing",
                &format!(
                    "HAPI-0524: Unknown search parameter {name} for resource type {kind}. Valid search parameters for this search are: [{valid}]"
                ),
            )
        }
        Err(BadSearch::Value(name)) => outcome("processing", &format!("HAPI-1882: Invalid value of parameter {name}")),
    }
}

fn read(state: &State, base: &str, kind: &str, id: &str) -> Answer {
    match state.store.get(kind, id) {
        Some(Kept::Living(stored)) => {
            let mut answer = fhir(200, stored.text.clone());
            answer.headers.push(("ETag", format!("W/\"{}\"", stored.version)));
            answer.headers.push(("Content-Location", format!("{base}/{kind}/{id}/_history/{}", stored.version)));
            answer
        }
        Some(Kept::Deleted(version)) => {
            let when = instant(u64::from(version));
            let deleted = format!("Resource was deleted at {when}");
            let mut answer = Answer { status: 410, ..outcome("processing", &deleted) };
            answer.headers.push(("Location", format!("{base}/{kind}/{id}/_history/{version}")));
            answer
        }
        None => {
            Answer { status: 404, ..outcome("processing", &format!("HAPI-2001: Resource {kind}/{id} is not known")) }
        }
    }
}

fn fhir(status: u16, body: String) -> Answer {
    Answer { status, content_type: FHIR_JSON, body, headers: Vec::new() }
}

/// Returns a 400 with an OperationOutcome.
fn outcome(code: &str, diagnostics: &str) -> Answer {
    let quoted = serde_json::to_string(diagnostics).unwrap_or_default();
    fhir(
        400,
        format!(
            r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"{code}","diagnostics":{quoted}}}]}}"#
        ),
    )
}

fn capabilities(base: &str) -> String {
    let mut resources = Vec::new();
    for kind in parameter::types() {
        let parameters: Vec<String> =
            parameter::names(kind).map(|(name, _, _)| format!(r#"{{"name":"{name}","type":"string"}}"#)).collect();
        resources.push(format!(
            r#"{{"type":"{kind}","interaction":[{{"code":"read"}},{{"code":"search-type"}}],"searchParam":[{}]}}"#,
            parameters.join(",")
        ));
    }
    format!(
        r#"{{"resourceType":"CapabilityStatement","status":"active","date":"2026-01-05","kind":"instance","software":{{"name":"HAPI FHIR Server","version":"8.8.0"}},"implementation":{{"description":"embedded","url":"{base}"}},"fhirVersion":"4.0.1","format":["json"],"rest":[{{"mode":"server","resource":[{}]}}]}}"#,
        resources.join(",")
    )
}
