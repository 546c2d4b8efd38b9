//! A static upstream: answers by path from memory over keep-alive HTTP/1.1, in a thread of its own.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A read whose answer has 2 KB.
pub(crate) const READ: &str = "/fhir/Observation/o0";

/// A search whose answer has 10 KB.
pub(crate) const SEARCH: &str = "/fhir/Observation?patient=p1&_count=20";

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}]}"#;

const CONSENT: &str = r#"{"resourceType":"Consent","id":"c1","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/p1"},"dateTime":"2026-01-01","policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}}"#;

/// What is answered: whole responses, by a path and a piece of the query that it must have.
type Answers = HashMap<&'static str, Vec<(&'static str, Vec<u8>)>>;

/// Starts the upstream: one person, whose Consent permits treatment, with laboratory results; and the calling organisation.
pub(crate) fn start() -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            tell.send(address).expect("somebody waits for the address");
            let answers = Arc::new(answers(&format!("http://{address}/fhir")));
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers)));
            }
        });
    });
    told.recv().expect("the upstream starts")
}

fn answers(base: &str) -> Answers {
    let organization = r#"{"resourceType":"Organization","id":"org1","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/ura","value":"90000101"}]}"#;
    let practitioner = r#"{"resourceType":"Practitioner","id":"arts1","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/uzi-nr-pers","value":"900000101"}]}"#;
    let observations: Vec<String> = (0..8).map(|number| observation(number, 720)).collect();
    let observations: Vec<&str> = observations.iter().map(String::as_str).collect();
    let (patients, consents) = ("Patient?identifier=999911120", "Consent?patient=p1");
    let (organizations, practitioners) = ("Organization?identifier=90000101", "Practitioner?identifier=900000101");
    HashMap::from([
        ("/fhir/Patient/p1", vec![("", response(PATIENT))]),
        ("/fhir/Patient", vec![("999911120", response(&searchset(base, patients, &[PATIENT])))]),
        ("/fhir/Consent", vec![("patient=p1", response(&searchset(base, consents, &[CONSENT])))]),
        ("/fhir/Organization", vec![("90000101", response(&searchset(base, organizations, &[organization])))]),
        ("/fhir/Practitioner", vec![("900000101", response(&searchset(base, practitioners, &[practitioner])))]),
        (READ, vec![("", response(&observation(0, 1_600)))]),
        (
            "/fhir/Observation",
            vec![("patient=p1", response(&searchset(base, "Observation?patient=p1", &observations)))],
        ),
    ])
}

fn observation(number: usize, note: usize) -> String {
    let note = "Geen bijzonderheden. ".repeat(note / 21);
    format!(
        r#"{{"resourceType":"Observation","id":"o{number}","meta":{{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000+00:00"}},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"718-7"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2026-01-01","valueQuantity":{{"value":8.10,"unit":"mmol/L"}},"note":[{{"text":"{note}"}}]}}"#
    )
}

fn searchset(base: &str, query: &str, resources: &[&str]) -> String {
    let mut entries = String::new();
    for (number, resource) in resources.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        write!(
            entries,
            r#"{comma}{{"fullUrl":"{base}/x/{number}","resource":{resource},"search":{{"mode":"match"}}}}"#
        )
        .unwrap_or_default();
    }
    format!(
        r#"{{"resourceType":"Bundle","id":"b1","type":"searchset","link":[{{"relation":"self","url":"{base}/{query}"}}],"entry":[{entries}]}}"#
    )
}

fn response(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json;charset=utf-8\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let nothing = response(r#"{"resourceType":"Bundle","type":"searchset"}"#);
    let mut buffer = Vec::with_capacity(8 * 1024);
    loop {
        while let Some(end) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
            let head = buffer.get(..end).and_then(|head| std::str::from_utf8(head).ok()).unwrap_or_default();
            let target = head.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let known = answers.get(path).into_iter().flatten().find(|(piece, _)| query.contains(piece));
            if stream.write_all(known.map_or(&nothing, |(_, answer)| answer)).await.is_err() {
                return;
            }
            buffer.drain(..end + 4);
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
