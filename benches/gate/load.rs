//! A load of keep-alive HTTP/1.1 requests over mutual TLS: the same client for every proxy that is measured.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslFiletype, SslMethod};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::proxies::Files;

/// Throughput and latency of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Result {
    pub(crate) requests_per_second: f64,
    pub(crate) median: Duration,
}

/// Sends requests over `connections` connections for `time`, and checks that every answer is a 200.
pub(crate) async fn run(address: SocketAddr, files: &Files, target: &str, connections: usize, time: Duration) -> Result {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nSluis-Purpose: TREAT\r\nAccept: application/fhir+json\r\n\r\n");
    let mut streams = Vec::new();
    for _ in 0..connections {
        streams.push(connect(address, files).await);
    }
    let start = Instant::now();
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::spawn(ask_until(stream, request.clone(), start + time)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("a client does not panic"));
    }
    let elapsed = start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Result { requests_per_second: latencies.len() as f64 / elapsed, median: latencies[latencies.len() / 2] }
}

async fn connect(address: SocketAddr, files: &Files) -> SslStream<TcpStream> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).expect("OpenSSL works");
    builder.set_ca_file(&files.server_ca).expect("a CA file");
    builder.set_certificate_chain_file(&files.caller).expect("a certificate");
    builder.set_private_key_file(&files.caller_key, SslFiletype::PEM).expect("a key");
    let ssl = builder.build().configure().expect("OpenSSL works").into_ssl("localhost").expect("a name");
    let stream = TcpStream::connect(address).await.expect("the proxy listens");
    stream.set_nodelay(true).expect("a socket");
    let mut stream = SslStream::new(ssl, stream).expect("OpenSSL works");
    Pin::new(&mut stream).connect().await.expect("the handshake succeeds");
    stream
}

async fn ask_until(mut stream: SslStream<TcpStream>, request: String, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut buffer = Vec::with_capacity(64 * 1024);
    while Instant::now() < end {
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("the connection is kept");
        read_answer(&mut stream, &mut buffer).await;
        latencies.push(start.elapsed());
    }
    latencies
}

/// Reads one answer of a stated length.
async fn read_answer(stream: &mut SslStream<TcpStream>, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        if let Some(head) = find(buffer, b"\r\n\r\n") {
            let text = std::str::from_utf8(&buffer[..head]).expect("a head is text").to_ascii_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{text}");
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("a length").trim().parse().expect("a number");
            while buffer.len() < head + 4 + length {
                assert!(stream.read_buf(buffer).await.expect("an answer") > 0, "the answer is cut off");
            }
            return;
        }
        assert!(stream.read_buf(buffer).await.expect("an answer") > 0, "no answer");
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
