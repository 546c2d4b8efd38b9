//! Client: a caller with its certificate, and what it asks.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslStream};

use crate::trouble::Trouble;
use crate::wire::{Connection, Request, Response, WireError};

/// How long an answer may take; a gateway's own deadline is shorter.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The method.
    pub method: String,
    /// Path and query, sent as they are.
    pub target: String,
    /// The form of a POST.
    pub form: Option<String>,
    /// `Sluis-Purpose`.
    pub purpose: Option<String>,
    /// `Sluis-Reason`, percent-encoded.
    pub reason: Option<String>,
    /// Any other headers.
    pub headers: Vec<(String, String)>,
}

impl Question {
    /// Returns a GET without a purpose.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self {
            method: "GET".to_owned(),
            target: target.to_owned(),
            form: None,
            purpose: None,
            reason: None,
            headers: Vec::new(),
        }
    }

    /// Returns a POST of a form.
    #[must_use]
    pub fn post(target: &str, form: &str) -> Self {
        Self { method: "POST".to_owned(), form: Some(form.to_owned()), ..Self::get(target) }
    }

    /// Returns the same with another method.
    #[must_use]
    pub fn by(self, method: &str) -> Self {
        Self { method: method.to_owned(), ..self }
    }

    /// Returns the same with a purpose and, if it needs one, a reason.
    #[must_use]
    pub fn for_purpose(self, purpose: &str, reason: Option<&str>) -> Self {
        Self { purpose: Some(purpose.to_owned()), reason: reason.map(str::to_owned), ..self }
    }

    /// Returns the same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns everything that is sent, for a reader and for finding what an answer may only echo.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} {}", self.method, self.target);
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        for part in self.form.iter().chain(&self.purpose).chain(&self.reason).cloned().chain(headers) {
            text.push(' ');
            text.push_str(&part);
        }
        text
    }
}

/// A caller at a gateway, with a connection that is kept.
pub struct Client {
    connector: SslConnector,
    host: String,
    address: String,
    connection: Option<Connection<SslStream<TcpStream>>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the certificate of `caller` from a site's directory; `host` is what it calls the gateway at `address`.
    ///
    /// # Errors
    ///
    /// When its files are not there.
    pub(crate) fn new(site: &Path, caller: &str, host: &str, address: &str) -> Result<Self, Trouble> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_ca_file(site.join("server-ca.pem"))?;
        builder.set_certificate_chain_file(site.join("callers").join(format!("{caller}.pem")))?;
        builder.set_private_key_file(site.join("callers").join(format!("{caller}.key")), SslFiletype::PEM)?;
        Ok(Self { connector: builder.build(), host: host.to_owned(), address: address.to_owned(), connection: None })
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When the handshake is refused, or the answer is cut off.
    pub fn ask(&mut self, question: &Question) -> Result<Response, WireError> {
        let kept = self.connection.take();
        let reused = kept.is_some();
        let mut connection = kept.map_or_else(|| self.connect(), Ok)?;
        let response = match exchange(&mut connection, &self.host, question) {
            // A server may close a kept connection at any moment between two requests.
            Err(WireError::Closed | WireError::Connection(_)) if reused => {
                connection = self.connect()?;
                exchange(&mut connection, &self.host, question)?
            }
            other => other?,
        };
        self.connection = connection.keeps().then_some(connection);
        Ok(response)
    }

    fn connect(&self) -> Result<Connection<SslStream<TcpStream>>, WireError> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let stream = self.connector.connect("localhost", stream).map_err(|_| WireError::Handshake)?;
        Ok(Connection::over(stream))
    }
}

fn exchange(
    connection: &mut Connection<SslStream<TcpStream>>,
    host: &str,
    question: &Question,
) -> Result<Response, WireError> {
    let Question { method, target, form, purpose, reason, headers } = question;
    let mut sent = vec![("Host", host)];
    let has = |name: &str| headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    if !has("Accept") {
        sent.push(("Accept", "application/fhir+json"));
    }
    if form.is_some() && !has("Content-Type") {
        sent.push(("Content-Type", "application/x-www-form-urlencoded"));
    }
    sent.extend(purpose.as_deref().map(|purpose| ("Sluis-Purpose", purpose)));
    sent.extend(reason.as_deref().map(|reason| ("Sluis-Reason", reason)));
    sent.extend(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let body = form.as_deref().unwrap_or_default().as_bytes();
    connection.exchange(&Request { method, target, headers: &sent, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_says_everything_that_is_sent() {
        let question =
            Question::post("/fhir/Patient/_search", "a=b").for_purpose("TREAT", Some("why")).with("X-Y", "z");
        assert_eq!(question.text(), "POST /fhir/Patient/_search a=b TREAT why X-Y: z");
        assert_eq!(Question::get("/x").by("HEAD").text(), "HEAD /x");
    }
}
