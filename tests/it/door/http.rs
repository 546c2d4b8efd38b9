//! HTTP behind the handshake: versions, framing, heads, and the end of connections.

use std::time::Duration;

use sluis::cli::demo::pki::Issued;

use super::house::{House, LARGE, PATIENCE, Plan, status};
use super::{URA, doctor, pki, with};

/// A client that chooses HTTP/2 where it is offered.
fn http_2(house: &House, caller: &Issued) -> reqwest::Client {
    let identity = reqwest::Identity::from_pkcs8_pem(&caller.pem().unwrap(), &caller.key_pem().unwrap()).unwrap();
    let ca = house.pki.server_ca().unwrap().to_pem().unwrap();
    reqwest::Client::builder()
        .no_proxy()
        .identity(identity)
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .build()
        .unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn http_2_is_served_where_the_client_offers_it_and_ends_at_a_stop() {
    let (mut house, caller) = with(&doctor());
    let client = http_2(&house, &caller);
    let url = format!("https://localhost:{}/fhir/Patient?_id=1", house.address().port());
    block_on(async {
        let mut response = client.get(&url).send().await.unwrap();
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
        assert_eq!(response.chunk().await.unwrap().unwrap(), format!("HTTP/2.0 GET {url} {URA}"));
        let took = tokio::task::spawn_blocking(move || house.close()).await.unwrap();
        assert!(took < Duration::from_secs(4), "{took:?}");
    });
}

#[test]
fn an_http_2_connection_of_a_certificate_revoked_meanwhile_ends() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let mut house = House::open(pki);
    let client = http_2(&house, &caller);
    let url = format!("https://localhost:{}/", house.address().port());
    block_on(async {
        assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
        house.pki.revoke(&caller).unwrap();
        house.publish();
        let mut response = client.get(&url).send().await.unwrap();
        assert_eq!((response.version(), response.status().as_u16()), (reqwest::Version::HTTP_2, 401));
        assert_eq!(response.chunk().await.unwrap().unwrap(), "revoked");
        let patience = tokio::time::Instant::now() + PATIENCE;
        while !house.metrics.render().contains("sluis_connections 0\n") {
            assert!(tokio::time::Instant::now() < patience, "the connection stays open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(client.get(&url).send().await.is_err());
    });
    assert_eq!(house.failure(), "revoked");
}

#[test]
fn what_is_no_http_gets_a_bare_400_and_the_connection_ends() {
    let (house, caller) = with(&doctor());
    for bytes in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        let mut call = house.call(&caller).unwrap();
        call.send(bytes.as_bytes()).unwrap();
        let (head, body) = call.answer().unwrap();
        assert_eq!((status(&head), body.as_str()), (400, ""), "{bytes}");
        assert_eq!(call.end(), "", "{bytes}");
    }
}

#[test]
fn a_head_that_is_too_large_is_refused_without_a_word() {
    let (house, caller) = with(&doctor());
    let mut call = house.call(&caller).unwrap();
    call.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(20_000)).as_bytes()).unwrap();
    assert_eq!(status(&call.answer().unwrap().0), 200);
    call.send(format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(40_000)).as_bytes()).unwrap();
    let (head, body) = call.answer().unwrap();
    assert_eq!((status(&head), body.as_str()), (400, ""));
    assert_eq!(call.end(), "");
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let (house, caller) = with(&doctor());
    let mut call = house.call(&caller).unwrap();
    call.send(b"GET / HTTP/1.1\r\nhost: a\r\n").unwrap();
    assert_eq!(status(&call.answer().unwrap().0), 408);
    assert_eq!(call.end(), "");
}

#[test]
fn a_stop_finishes_what_runs_and_closes_what_is_idle() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let mut house = House::planned(pki, &Plan { slowness: Duration::from_millis(600), ..Plan::default() });
    let mut idle = house.call(&caller).unwrap();
    let mut busy = house.call(&caller).unwrap();
    busy.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let reading = std::thread::spawn(move || busy.answer().unwrap());
    while !house.metrics.render().contains("sluis_requests_in_flight 1\n") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = house.close();
    assert_eq!(status(&reading.join().unwrap().0), 200);
    assert_eq!(idle.end(), "");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(house.call(&caller).is_err());
    assert!(house.metrics.render().contains("sluis_requests_in_flight 0\n"));
    assert!(house.metrics.render().contains("sluis_connections 0\n"));
}

/// The answer is handed over whole here: no request is under way any more, and still there is somebody to wait for.
#[test]
fn who_takes_nothing_of_an_answer_loses_the_connection_and_who_does_has_all_of_it() {
    let mut pki = pki();
    let caller = pki.issue("caller", &doctor()).unwrap();
    let house = House::planned(pki, &Plan { deadline: Duration::from_secs(2), ..Plan::default() });
    let mut reading = house.call(&caller).unwrap();
    assert_eq!(reading.get("/large").unwrap().1.len(), LARGE);
    drop(reading);
    let connections = |count: usize| {
        let patience = std::time::Instant::now() + PATIENCE;
        while !house.metrics.render().contains(&format!("sluis_connections {count}\n")) {
            assert!(std::time::Instant::now() < patience, "not {count} connections");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    connections(0);
    let mut call = house.call(&caller).unwrap();
    call.send(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    connections(1);
    connections(0);
    assert!(call.end().len() < LARGE);
}
