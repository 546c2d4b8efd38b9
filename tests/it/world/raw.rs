//! A caller that sends exactly the bytes it is given.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslStream};

/// One TLS connection, HTTP/1.1 by what is sent.
pub(crate) struct Wire(SslStream<TcpStream>);

/// What came back, as far as it came.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn connect(dir: &Path, who: &str, port: u16) -> Self {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_ca_file(dir.join("server-ca.pem")).unwrap();
        connector.set_certificate_chain_file(dir.join(format!("callers/{who}.pem"))).unwrap();
        connector.set_private_key_file(dir.join(format!("callers/{who}.key")), SslFiletype::PEM).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.set_nodelay(true).unwrap();
        Self(connector.build().connect("localhost", socket).unwrap())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
    }

    /// Sends what the other side takes; it may hang up before it has all.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).and_then(|()| self.0.flush()).unwrap_or_default();
    }

    /// Says that nothing more is sent.
    pub(crate) fn finish(&mut self) {
        self.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap_or_default();
    }

    /// Reads at least so many bytes, or to the end.
    pub(crate) fn read(&mut self, at_least: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while bytes.len() < at_least {
            match self.0.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
        }
        bytes
    }

    /// Reads one answer: the connection is closed after it, or its length is known.
    pub(crate) fn hear(&mut self) -> Option<Heard> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            if let Some(heard) = whole(&bytes) {
                return Some(heard);
            }
            match self.0.read(&mut chunk) {
                Ok(0) | Err(_) => return partial(&bytes),
                Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

fn partial(bytes: &[u8]) -> Option<Heard> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Heard { status, head, body: bytes[end + 4..].to_vec() })
}

fn whole(bytes: &[u8]) -> Option<Heard> {
    let heard = partial(bytes)?;
    let length = heard.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    (heard.body.len() >= length).then_some(heard)
}
