//! A static upstream: answers by path from memory, over keep-alive HTTP/1.1, in a thread of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The record that is asked for: one patient with a Consent that permits everything.
#[derive(Debug)]
pub(crate) struct Static {
    answers: HashMap<String, Vec<u8>>,
}

const EMPTY: &str = r#"{"resourceType":"Bundle","type":"searchset"}"#;
const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"http://fhir.nl/fhir/NamingSystem/bsn","value":"999911120"}]}"#;

impl Static {
    pub(crate) fn new(caller_ura: &str) -> Self {
        let consent = r#"{"resourceType":"Consent","id":"c1","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/p1"},"dateTime":"2026-01-01","policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}}"#;
        let organization = format!(
            r#"{{"resourceType":"Organization","id":"o1","identifier":[{{"system":"http://fhir.nl/fhir/NamingSystem/ura","value":"{caller_ura}"}}]}}"#
        );
        let entries: Vec<String> = (0..8).map(|number| observation(number, 900)).collect();
        let mut answers = HashMap::new();
        let mut put = |path: &str, body: String| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json;charset=utf-8\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            answers.insert(path.to_owned(), [head.into_bytes(), body.into_bytes()].concat());
        };
        put("/fhir/Patient/p1", PATIENT.to_owned());
        put("/fhir/Patient", bundle("Patient?identifier=http%3A%2F%2Ffhir.nl%2Ffhir%2FNamingSystem%2Fbsn%7C999911120", &[PATIENT]));
        put("/fhir/Consent", bundle("Consent?patient=p1", &[consent]));
        put("/fhir/Organization", bundle("Organization?identifier=x", &[&organization]));
        put("/fhir/Practitioner", EMPTY.to_owned());
        put("/fhir/Observation/o0", observation(0, 1_800));
        let borrowed: Vec<&str> = entries.iter().map(String::as_str).collect();
        put("/fhir/Observation", bundle("Observation?patient=p1", &borrowed));
        Self { answers }
    }

    pub(crate) fn start(self) -> SocketAddr {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                send.send(listener.local_addr().expect("an address")).expect("the bench waits");
                let answers = Arc::new(self);
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, answers.clone()));
                }
            });
        });
        receive.recv().expect("the upstream starts")
    }
}

fn observation(number: usize, bytes: usize) -> String {
    let note = "x".repeat(bytes.saturating_sub(420));
    format!(
        r#"{{"resourceType":"Observation","id":"o{number}","meta":{{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000+00:00"}},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"718-7"}}]}},"subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2026-01-01","valueQuantity":{{"value":8.10,"unit":"mmol/L"}},"note":[{{"text":"{note}"}}]}}"#
    )
}

fn bundle(query: &str, resources: &[&str]) -> String {
    let entries: Vec<String> = resources
        .iter()
        .map(|resource| format!(r#"{{"fullUrl":"http://127.0.0.1/fhir/x","resource":{resource},"search":{{"mode":"match"}}}}"#))
        .collect();
    format!(
        r#"{{"resourceType":"Bundle","id":"b1","type":"searchset","link":[{{"relation":"self","url":"http://127.0.0.1/fhir/{query}"}}],"entry":[{}]}}"#,
        entries.join(",")
    )
}

async fn serve(mut stream: TcpStream, answers: Arc<Static>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut buffer = Vec::with_capacity(8 * 1024);
    loop {
        while let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.drain(..end + 4);
            let target = head.split(' ').nth(1).unwrap_or_default();
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let linked = path == "/fhir/Patient" && query.contains("link=");
            let answer = if linked { None } else { answers.answers.get(path) };
            let missing = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n{EMPTY}",
                EMPTY.len()
            );
            let bytes = answer.map_or(missing.as_bytes(), Vec::as_slice);
            if stream.write_all(bytes).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
