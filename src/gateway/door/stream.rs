//! The stream of one connection, with who is at its other end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_http::Protocol;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::Peer;

/// An accepted TLS stream and its peer.
pub(super) struct Stream {
    tls: SslStream<TcpStream>,
    peer: Peer,
}

impl Stream {
    pub(super) fn new(tls: SslStream<TcpStream>, peer: Peer) -> Self {
        Self { tls, peer }
    }

    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What ALPN chose; HTTP/1.1 where the client named nothing.
    pub(super) fn protocol(&self) -> Protocol {
        match self.tls.ssl().selected_alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            Some(_) | None => Protocol::Http1,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
