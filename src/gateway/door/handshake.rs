//! The handshake, and why it failed.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{self, Ssl, SslRef};
use openssl::stack::Stack;
use openssl::x509::X509;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use super::stream::Stream;
use super::{Peer, Shared};
use crate::gateway::trust::Findings;
use crate::identity::Reason;

/// Waiting for a handshake, its turn included.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Waiting for the client to read why its handshake failed.
const ALERT: Duration = Duration::from_secs(1);

/// What a client may still send while it has not read the alert: the flight that was under way, and little more.
const UNREAD_BYTES: u64 = 64 * 1024;

/// `SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE` of OpenSSL (sslerr.h).
const NO_CERTIFICATE: i32 = 199;

/// Why a handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// The certificate was judged, and this was the first thing against it.
    Refused(Reason),
    /// The client showed no certificate.
    NoCertificate,
    /// The client was too slow.
    Timeout,
    /// Anything else: no TLS, no common version or suite, hung up.
    Failed,
}

impl HandshakeFailure {
    /// Returns the code that stands in log, metrics and journal.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Refused(reason) => reason.code(),
            Self::NoCertificate => "no-certificate",
            Self::Timeout => "timeout",
            Self::Failed => "handshake-failed",
        }
    }

    /// Returns the code of every failure.
    pub(in crate::gateway) fn codes() -> impl Iterator<Item = &'static str> {
        let others = [Self::NoCertificate, Self::Timeout, Self::Failed];
        Reason::ALL.into_iter().map(Self::Refused).chain(others).map(Self::code)
    }
}

/// A handshake that failed: it is on record, although nobody was identified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedHandshake {
    /// Where the client called from.
    pub address: SocketAddr,
    /// Why it failed.
    pub failure: HandshakeFailure,
}

/// Does the handshake; reports it if it fails.
pub(super) async fn accept(tcp: TcpStream, shared: &Shared) -> Option<Stream> {
    // A client that is gone already has no address, and nothing to be told.
    let address = tcp.peer_addr().ok()?;
    match timeout(HANDSHAKE, shake(tcp, address, shared)).await.unwrap_or(Err(HandshakeFailure::Timeout)) {
        Ok(stream) => Some(stream),
        Err(failure) => {
            shared.metrics.handshake_failed(failure);
            (shared.on_failure)(&FailedHandshake { address, failure });
            None
        }
    }
}

async fn shake(tcp: TcpStream, address: SocketAddr, shared: &Shared) -> Result<Stream, HandshakeFailure> {
    let _turn = shared.handshakes.acquire().await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    let acceptor = shared.tls.current();
    let mut ssl = Ssl::new(&acceptor.context).map_err(failed)?;
    let findings = Findings::attach(&mut ssl).map_err(failed)?;
    let mut tls = SslStream::new(ssl, tcp).map_err(failed)?;
    if let Err(error) = Pin::new(&mut tls).accept().await {
        let failure = match findings.reasons().first() {
            Some(reason) => HandshakeFailure::Refused(*reason),
            None if is_without_certificate(&error) => HandshakeFailure::NoCertificate,
            None => HandshakeFailure::Failed,
        };
        for finding in findings.all() {
            // Of what was found, only our words and OpenSSL's.
            tracing::warn!(
                reason = finding.reason().code(),
                check = finding.check(),
                field = finding.field(),
                expected = finding.expected(),
                found = finding.found_for_log(),
                "a certificate was refused in its handshake"
            );
        }
        actix_rt::spawn(let_read(tls));
        return Err(failure);
    }
    let now = shared.clock.now();
    let (leaf, chain) = certificates(tls.ssl()).map_err(failed)?.ok_or(HandshakeFailure::NoCertificate)?;
    let peer = Peer::new(leaf, chain, address, &acceptor.generation, now).map_err(failed)?;
    if acceptor.generation.trust().asks() {
        let (peer, tls) = (peer.clone(), Arc::clone(&shared.tls));
        actix_rt::spawn(async move { peer.prepare(now, tls.trust()).await });
    }
    Ok(Stream::new(tls, peer, shared.deadline))
}

fn failed<E>(_: E) -> HandshakeFailure {
    HandshakeFailure::Failed
}

fn is_without_certificate(error: &ssl::Error) -> bool {
    error.ssl_error().is_some_and(|stack| stack.errors().iter().any(|error| error.reason_code() == NO_CERTIFICATE))
}

/// Copies the leaf and what was sent with it.
fn certificates(ssl: &SslRef) -> Result<Option<(X509, Stack<X509>)>, ErrorStack> {
    let Some(leaf) = ssl.peer_certificate() else { return Ok(None) };
    let mut chain = Stack::new()?;
    for certificate in ssl.peer_cert_chain().into_iter().flatten() {
        chain.push(certificate.to_owned())?;
    }
    Ok(Some((leaf, chain)))
}

/// Gives the client time to read the alert: closing a socket with unread bytes resets the connection, and a reset
/// overtakes the alert.
async fn let_read(mut tls: SslStream<TcpStream>) {
    let tcp = tls.get_mut();
    if tcp.shutdown().await.is_err() {
        return;
    }
    let mut unread = tcp.take(UNREAD_BYTES);
    // Whether the client closed, sent too much or took too long, the socket is dropped.
    drop(timeout(ALERT, tokio::io::copy(&mut unread, &mut tokio::io::sink())).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_failures_are_distinct() {
        let mut codes: Vec<&str> = HandshakeFailure::codes().collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
