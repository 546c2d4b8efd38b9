//! The server over real HTTP.

use std::time::Duration;

use super::*;

#[derive(Debug)]
struct Got {
    status: u16,
    content_type: String,
    etag: Option<String>,
    body: Result<String, reqwest::Error>,
}

impl Got {
    fn body(&self) -> &str {
        self.body.as_ref().unwrap()
    }

    fn next(&self) -> Option<String> {
        let (_, rest) = self.body().split_once(r#"{"relation":"next","url":""#)?;
        Some(rest.split_once('"')?.0.to_owned())
    }
}

async fn get(url: &str) -> Result<Got, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut response = client.get(url).send().await?;
    let text = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (etag, content_type) = (text("etag"), text("content-type").unwrap_or_default());
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    let body = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => break Err(error),
        }
    };
    Ok(Got { status, content_type, etag, body })
}

fn two_patients() -> FhirServer {
    let server = FhirServer::start().unwrap();
    for (id, bsn) in [("a", "999911120"), ("b", "900186021")] {
        server
            .put(&format!(
                r#"{{"resourceType": "Patient", "id": "{id}", "identifier": [{{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "{bsn}"}}]}}"#
            ))
            .unwrap();
        for number in 1..=5 {
            server
                .put(&format!(
                    r#"{{"resourceType":"Observation","id":"{id}-{number}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"c{number}"}}]}},"subject":{{"reference":"Patient/{id}"}},"effectiveDateTime":"2025-0{number}-01","valueQuantity":{{"value":1.50}}}}"#
                ))
                .unwrap();
        }
    }
    server
}

async fn ids(server: &FhirServer, target: &str) -> Vec<String> {
    let got = get(&format!("{}/{target}", server.base())).await.unwrap();
    assert_eq!(got.status, 200, "{target}: {:?}", got.body);
    let starts = got.body().split(r#""fullUrl":""#).skip(1);
    starts.map(|rest| rest.split_once('"').unwrap().0.rsplit_once('/').unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn a_resource_is_read_as_it_was_written_on_one_line_with_its_version() {
    let server = two_patients();
    let got = get(&format!("{}/Observation/a-1", server.base())).await.unwrap();
    assert_eq!((got.status, got.etag.as_deref()), (200, Some("W/\"1\"")));
    assert_eq!(got.content_type, "application/fhir+json;charset=utf-8");
    assert!(got.body().starts_with(
        r#"{"resourceType":"Observation","id":"a-1","meta":{"versionId":"1","lastUpdated":"2026-01-05T08:00:00.000+00:00"},"status":"final""#
    ));
    assert!(got.body().ends_with(r#""valueQuantity":{"value":1.50}}"#));
}

#[tokio::test]
async fn deleted_is_410_and_unknown_is_404() {
    let server = two_patients();
    server.delete("Observation/a-1");
    server.expunge("Observation/a-2");
    for (id, status) in [("a-1", 410), ("a-2", 404), ("never", 404)] {
        let got = get(&format!("{}/Observation/{id}", server.base())).await.unwrap();
        assert_eq!(got.status, status, "{id}");
        assert!(got.body().starts_with(r#"{"resourceType":"OperationOutcome""#));
    }
    assert_eq!(ids(&server, "Observation?patient=a").await, ["a-3", "a-4", "a-5"]);
}

#[tokio::test]
async fn searches_match_as_the_standard_says() {
    let server = two_patients();
    for (target, expected) in [
        ("Observation?patient=a&_count=2&_total=none", &["a-1", "a-2"][..]),
        ("Observation?patient=a,b&code=http://loinc.org%7Cc1", &["a-1", "b-1"]),
        ("Observation?patient=a&patient=b", &[]),
        ("Observation?subject=Patient/b&code=c1,c2", &["b-1", "b-2"]),
        ("Observation?subject:Patient=b&code=c1", &["b-1"]),
        ("Observation?_id=a-2,b-3", &["a-2", "b-3"]),
        ("Observation?patient=a&_sort=-date&_count=2", &["a-5", "a-4"]),
        ("Observation?patient=a,b&_sort=-date,_id&_count=3", &["a-5", "b-5", "a-4"]),
        ("Observation?patient=a,b&_sort=-_id&_count=2", &["b-5", "b-4"]),
        ("Observation?patient=a&date=ge2025-03&date=lt2025-05-01", &["a-3", "a-4"]),
        ("Observation?patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn|900186021&code=c5", &["b-5"]),
        ("Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999911120", &["a"]),
        ("Patient?identifier=http://fhir.nl/fhir/NamingSystem/uzi%7C999911120", &[]),
        ("Observation?status=amended&patient=a", &[]),
    ] {
        assert_eq!(ids(&server, target).await, expected, "{target}");
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_a_400_that_lists_the_known_ones() {
    let server = two_patients();
    for target in ["Observation?foo=1", "Flag?category=x", "Observation?date=yesterday", "Observation?code="] {
        assert_eq!(get(&format!("{}/{target}", server.base())).await.unwrap().status, 400, "{target}");
    }
    let got = get(&format!("{}/Observation?foo=1", server.base())).await.unwrap();
    assert!(got.body().contains("HAPI-0524") && got.body().contains("subject"));
}

#[tokio::test]
async fn pages_follow_an_opaque_link_on_the_base() {
    let server = two_patients();
    let first = get(&format!("{}/Observation?patient=a&_count=2", server.base())).await.unwrap();
    assert!(!first.body().contains("\"total\""));
    let next = first.next().unwrap();
    assert!(next.starts_with(&format!("{}?_getpages=", server.base())), "{next}");
    let second = get(&next).await.unwrap();
    let third = get(&second.next().unwrap()).await.unwrap();
    assert!(third.body().contains("a-5") && third.next().is_none());
    assert!(third.body().contains(r#""relation":"previous""#));
    let gone = get(&format!("{}?_getpages=no-such", server.base())).await.unwrap();
    assert_eq!(gone.status, 410);
}

#[tokio::test]
async fn a_whole_result_has_a_total_unless_none_is_wanted() {
    let server = two_patients();
    let whole = get(&format!("{}/Observation?patient=a", server.base())).await.unwrap();
    assert!(whole.body().contains(r#""total":5"#));
    let none = get(&format!("{}/Observation?patient=a&_total=none", server.base())).await.unwrap();
    assert!(!none.body().contains("\"total\""));
}

#[tokio::test]
async fn two_servers_with_the_same_content_keep_the_same_bytes() {
    let (one, other) = (two_patients(), two_patients());
    let read =
        async |server: &FhirServer| get(&format!("{}/Observation/b-4", server.base())).await.unwrap().body().to_owned();
    assert_eq!(read(&one).await, read(&other).await);
}

#[tokio::test]
async fn faults_act_where_they_were_planted_until_they_are_healed() {
    let server = two_patients();
    let observations = format!("{}/Observation?patient=a", server.base());
    server.plant("Observation", Fault::Down);
    assert!(get(&observations).await.is_err());
    assert_eq!(get(&format!("{}/Patient/a", server.base())).await.unwrap().status, 200);
    server.heal();
    assert_eq!(get(&observations).await.unwrap().status, 200);
}

#[tokio::test]
async fn each_fault_looks_like_itself() {
    let server = two_patients();
    let url = format!("{}/Observation?patient=a", server.base());
    let whole = get(&url).await.unwrap().body().len();
    server.plant("", Fault::CutAfter(300));
    assert!(get(&url).await.unwrap().body.is_err());
    server.plant("", Fault::MalformedAfter(300));
    let malformed = get(&url).await.unwrap();
    assert_eq!((malformed.body().len(), malformed.body().find('\0')), (whole + 1, Some(300)));
    server.plant("", Fault::WrongContentType);
    assert_eq!(get(&url).await.unwrap().content_type, "text/html");
    server.plant("", Fault::Html500);
    assert!(get(&url).await.unwrap().body().starts_with("<html>"));
    server.plant("", Fault::Slow(Duration::from_secs(30)));
    assert!(tokio::time::timeout(Duration::from_millis(200), get(&url)).await.is_err());
    server.plant("", Fault::Stall(10));
    assert!(tokio::time::timeout(Duration::from_millis(200), get(&url)).await.is_err());
    server.plant("", Fault::Header("Content-Encoding", "gzip".into()));
    assert_eq!(get(&url).await.unwrap().body().len(), whole);
    server.plant("", Fault::Redirect(format!("{}/Patient/a", server.base())));
    assert!(get(&url).await.unwrap_err().is_redirect());
    server.plant("", Fault::Answer { status: 418, content_type: "a/b".into(), body: "c".into() });
    assert_eq!(get(&url).await.unwrap().status, 418);
}

#[tokio::test]
async fn only_later_pages_fail_when_pages_fail() {
    let server = two_patients();
    server.plant("Observation", Fault::FailPage);
    let first = get(&format!("{}/Observation?patient=a&_count=2", server.base())).await.unwrap();
    assert_eq!(first.status, 200);
    assert_eq!(get(&first.next().unwrap()).await.unwrap().status, 500);
}

#[tokio::test]
async fn a_stopped_server_refuses_connections() {
    let mut server = two_patients();
    server.stop();
    assert!(get(&format!("{}/metadata", server.base())).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn requests_are_remembered_with_their_headers() {
    let server = two_patients();
    get(&format!("{}/Patient/a?x=1", server.base())).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].target, "Patient/a?x=1");
    assert!(seen[0].headers.iter().any(|(name, _)| name == "host"));
}

#[test]
fn what_is_no_resource_is_not_stored() {
    let server = FhirServer::start().unwrap();
    assert_eq!(server.put("{"), Err(NotStored::Json));
    assert_eq!(server.put(r#"{"resourceType":"Patient"}"#), Err(NotStored::Resource));
    assert_eq!(server.load(r#"{"resourceType":"Bundle","type":"batch"}"#), Err(NotStored::Transaction));
}
