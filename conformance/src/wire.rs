//! Wire: HTTP/1.1 over any stream, one exchange at a time, with nothing normalised on the way.
//!
//! Ready-made clients tidy up targets and header names. What a gateway is asked and what it answers must be exactly what
//! was sent, so this one writes the target as it is given and keeps header names, their order and the body's bytes.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};

/// The longest head and the longest body that are read.
const HEAD_BYTES: u64 = 256 * 1024;
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Why an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The connection could not be made, or broke.
    #[error("the connection failed ({0})")]
    Connection(ErrorKind),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Handshake,
    /// The other side closed before it had answered anything.
    #[error("the connection was closed without an answer")]
    Closed,
    /// The answer ended before it was whole.
    #[error("the answer was cut off")]
    CutOff,
    /// The answer is no HTTP/1.1, or too long.
    #[error("the answer is no HTTP")]
    NotHttp,
}

impl From<std::io::Error> for WireError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Self::CutOff } else { Self::Connection(error.kind()) }
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The target, written as it is.
    pub target: &'a str,
    /// The headers, but for `Content-Length`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; an empty one is none.
    pub body: &'a [u8],
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// All headers, in their order, names as written.
    pub headers: Vec<(String, String)>,
    /// The body, with chunks put together.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns the value of the first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text; what is no UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection<S: Read + Write> {
    stream: BufReader<S>,
    keeps: bool,
}

impl<S: Read + Write> Connection<S> {
    /// Takes over a stream on which nothing was sent yet.
    pub fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream), keeps: true }
    }

    /// Returns true if and only if another request may be sent.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.keeps
    }

    /// Sends a request and reads its whole answer.
    ///
    /// # Errors
    ///
    /// When the connection breaks, or the answer is cut off or no HTTP.
    pub fn exchange(&mut self, request: &Request<'_>) -> Result<Response, WireError> {
        self.keeps = false;
        let head = written(request);
        let stream = self.stream.get_mut();
        stream.write_all(&head)?;
        stream.write_all(request.body)?;
        stream.flush()?;
        let (status, headers) = self.head()?;
        let mut response = Response { status, headers, body: Vec::new() };
        let bodiless = request.method == "HEAD" || status == 204 || status == 304;
        let ended = if bodiless {
            true
        } else if response.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            self.chunks(&mut response.body)?;
            true
        } else if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().map_err(|_| WireError::NotHttp)?;
            self.fill(&mut response.body, length)?;
            true
        } else {
            self.stream.read_to_end(&mut response.body)?;
            false
        };
        self.keeps = ended && !response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(response)
    }

    fn head(&mut self) -> Result<(u16, Vec<(String, String)>), WireError> {
        let mut left = HEAD_BYTES;
        let status_line = match self.line(&mut left) {
            Ok(line) if line.is_empty() => return Err(WireError::Closed),
            Ok(line) => line,
            Err(WireError::CutOff) => return Err(WireError::Closed),
            Err(error) => return Err(error),
        };
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or(WireError::NotHttp)?;
        let status = status.parse().map_err(|_| WireError::NotHttp)?;
        let mut headers = Vec::new();
        loop {
            let line = self.line(&mut left)?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').ok_or(WireError::NotHttp)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self, left: &mut u64) -> Result<String, WireError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(*left).read_until(b'\n', &mut line)?;
        *left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        if line.pop() != Some(b'\n') {
            return Err(if *left == 0 { WireError::NotHttp } else { WireError::CutOff });
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(|_| WireError::NotHttp)
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), WireError> {
        loop {
            let mut left = 1024;
            let size = self.line(&mut left)?;
            let size = size.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(|_| WireError::NotHttp)?;
            self.fill(body, size)?;
            if !self.line(&mut left)?.is_empty() {
                return Err(WireError::NotHttp);
            }
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn fill(&mut self, body: &mut Vec<u8>, length: usize) -> Result<(), WireError> {
        if length > BODY_BYTES.saturating_sub(body.len()) {
            return Err(WireError::NotHttp);
        }
        let wanted = u64::try_from(length).map_err(|_| WireError::NotHttp)?;
        let read = (&mut self.stream).take(wanted).read_to_end(body)?;
        if read == length { Ok(()) } else { Err(WireError::CutOff) }
    }
}

fn written(request: &Request<'_>) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !request.body.is_empty() || request.method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that answers with fixed bytes, whatever it is sent.
    struct Scripted {
        sent: Vec<u8>,
        answer: std::io::Cursor<Vec<u8>>,
    }

    impl Read for Scripted {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.answer.read(into)
        }
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.sent.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn answering(answer: &str) -> Connection<Scripted> {
        Connection::over(Scripted { sent: Vec::new(), answer: std::io::Cursor::new(answer.as_bytes().to_vec()) })
    }

    const ASK: Request<'_> = Request { method: "GET", target: "/a/../b%2F", headers: &[("Host", "x")], body: b"" };

    #[test]
    fn a_target_is_sent_as_it_is() {
        let mut connection = answering("HTTP/1.1 204 No Content\r\n\r\n");
        connection.exchange(&ASK).unwrap();
        assert_eq!(connection.stream.get_ref().sent, b"GET /a/../b%2F HTTP/1.1\r\nHost: x\r\n\r\n");
    }

    #[test]
    fn chunks_are_put_together_and_the_connection_is_kept() {
        let mut connection = answering(
            "HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\n\r\n",
        );
        let response = connection.exchange(&ASK).unwrap();
        assert_eq!(response.body, b"abc0123456789");
        assert_eq!(response.headers[0], ("X-B".to_owned(), "1".to_owned()));
        assert_eq!(response.header("X-A"), Some("2"));
        assert!(connection.keeps());
    }

    #[test]
    fn a_body_that_ends_before_its_length_is_cut_off() {
        let mut connection = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc");
        assert_eq!(connection.exchange(&ASK), Err(WireError::CutOff));
        assert!(!connection.keeps());
    }

    #[test]
    fn chunks_without_their_last_are_cut_off() {
        let mut connection = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        assert_eq!(connection.exchange(&ASK), Err(WireError::CutOff));
    }

    #[test]
    fn no_answer_at_all_is_told_from_half_a_one() {
        assert_eq!(answering("").exchange(&ASK), Err(WireError::Closed));
        assert_eq!(answering("HTTP/1.1 200 OK\r\nX").exchange(&ASK), Err(WireError::CutOff));
        assert_eq!(answering("hello\r\n\r\n").exchange(&ASK), Err(WireError::NotHttp));
    }

    #[test]
    fn a_connection_that_says_close_is_not_kept() {
        let mut connection = answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        connection.exchange(&ASK).unwrap();
        assert!(!connection.keeps());
    }
}
