//! The client: keep-alive HTTP/1.1 over mutual TLS, the same for everything that is measured.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use openssl::ssl::{self, SslConnector, SslFiletype, SslMethod, SslVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Whom a client shows itself as, and whom it trusts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials<'f> {
    pub(crate) server_ca: &'f Path,
    /// Certificate and key; none for a client without.
    pub(crate) own: Option<(&'f Path, &'f Path)>,
}

/// Connections to one server.
pub(crate) struct Client {
    connections: Vec<Connection>,
}

struct Connection {
    stream: SslStream<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer, as far as a client looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) bytes: usize,
}

impl Client {
    /// Connects so many times.
    pub(crate) async fn connect(address: SocketAddr, credentials: Credentials<'_>, connections: usize) -> Self {
        let connector = connector(credentials, None);
        let mut all = Vec::new();
        for _ in 0..connections {
            let stream = shake(&connector, address).await.expect("the handshake succeeds");
            all.push(Connection { stream, buffer: Vec::with_capacity(64 * 1024) });
        }
        Self { connections: all }
    }

    /// Asks once, over the first connection.
    pub(crate) async fn ask(&mut self, target: &str) -> (Answer, Duration) {
        let request = request(target);
        let start = Instant::now();
        let connection = self.connections.first_mut().expect("a connection");
        (connection.ask(&request).await, start.elapsed())
    }

    /// Asks over every connection, one request after the other on each, for `time`. Returns how often it was answered.
    pub(crate) async fn ask_for(&mut self, target: &str, time: Duration, expected: Answer) -> usize {
        let request = request(target);
        let end = Instant::now() + time;
        let asked = self.connections.iter_mut().map(async |connection| {
            let mut answered = 0;
            while Instant::now() < end {
                assert_eq!(connection.ask(&request).await, expected, "{target}");
                answered += 1;
            }
            answered
        });
        join_all(asked).await.into_iter().sum()
    }
}

/// Returns true if and only if a handshake succeeds.
pub(crate) async fn can_shake(address: SocketAddr, credentials: Credentials<'_>) -> bool {
    shake(&connector(credentials, Some(SslVersion::TLS1_2)), address).await.is_ok()
}

/// Shakes hands, so many at once and again and again, for `time`. Returns how often.
pub(crate) async fn shake_for(
    address: SocketAddr,
    credentials: Credentials<'_>,
    at_once: usize,
    time: Duration,
) -> usize {
    let connector = connector(credentials, Some(SslVersion::TLS1_2));
    let end = Instant::now() + time;
    let shaken = (0..at_once).map(async |_| {
        let mut count = 0;
        while Instant::now() < end {
            shake(&connector, address).await.expect("the handshake succeeds");
            count += 1;
        }
        count
    });
    join_all(shaken).await.into_iter().sum()
}

fn connector(credentials: Credentials<'_>, version: Option<SslVersion>) -> SslConnector {
    let Credentials { server_ca, own } = credentials;
    let mut builder = SslConnector::builder(SslMethod::tls_client()).expect("OpenSSL works");
    builder.set_ca_file(server_ca).expect("a CA");
    builder.set_max_proto_version(version).expect("a version");
    if let Some((certificate, key)) = own {
        builder.set_certificate_chain_file(certificate).expect("a certificate");
        builder.set_private_key_file(key, SslFiletype::PEM).expect("a key");
    }
    builder.build()
}

async fn shake(connector: &SslConnector, address: SocketAddr) -> Result<SslStream<TcpStream>, ssl::Error> {
    let ssl = connector.configure().and_then(|ssl| ssl.into_ssl("localhost")).expect("OpenSSL works");
    let tcp = TcpStream::connect(address).await.expect("the server listens");
    tcp.set_nodelay(true).expect("a socket");
    let mut stream = SslStream::new(ssl, tcp).expect("OpenSSL works");
    Pin::new(&mut stream).connect().await?;
    Ok(stream)
}

fn request(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nSluis-Purpose: TREAT\r\nAccept: application/fhir+json\r\n\r\n")
        .into_bytes()
}

impl Connection {
    async fn ask(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.expect("the connection is kept");
        self.buffer.clear();
        let head = loop {
            self.read().await;
            if let Some(head) = memchr::memmem::find(&self.buffer, b"\r\n\r\n") {
                break head + 4;
            }
        };
        let answer = answer(self.buffer.get(..head).unwrap_or_default());
        while self.buffer.len() < head + answer.bytes {
            self.read().await;
        }
        answer
    }

    async fn read(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.expect("an answer");
        assert!(read > 0, "an answer is cut off");
    }
}

fn answer(head: &[u8]) -> Answer {
    let text = std::str::from_utf8(head).expect("a head is text").to_ascii_lowercase();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Answer {
        status: status.expect("a status"),
        bytes: length.and_then(|length| length.parse().ok()).expect("an answer of stated length"),
    }
}
