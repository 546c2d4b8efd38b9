//! A FHIR server behind the gateway, over HTTP.
//!
//! Two doors, by type: [`Upstream::ask`] takes a [`Target`], which only a permit makes, and gives a body that may be
//! released through the view; [`Upstream::look`] takes a [`LookUp`] and gives bytes that can be judged but never released.
//! Only the gateway's own headers go out, redirects, proxies and compression are off, and a body is read chunk by chunk.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, StatusCode};

use super::config::Access;
use super::metrics::{Answered, Call, Metrics};
use crate::limits;
use crate::query::{LookUp, Target};

/// Why a server gave no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, or it broke.
    #[error("the server cannot be reached or broke off")]
    Unreachable,
    /// No answer or no next byte in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// A status other than 200, 404 and 410.
    #[error("the server answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// Not FHIR JSON, or compressed.
    #[error("the server answered with another representation than FHIR JSON")]
    Representation,
    /// A look-up larger than its bound.
    #[error("the server answered with more bytes than a look-up may have")]
    TooLong,
}

impl UpstreamError {
    /// Returns a code for metrics and logs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Status { .. } => "status",
            Self::Representation => "representation",
            Self::TooLong => "too-long",
        }
    }
}

/// Why a client for a server cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file of the credentials cannot be read.
    #[error("{file} cannot be read: {cause}")]
    File {
        /// The file.
        file: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{file} is not a {expected}")]
    Content {
        /// The file.
        file: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The client itself cannot be made.
    #[error("no client can be made for the server")]
    Client,
}

/// A client for one server.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: Client,
    base: String,
    bearer: Option<HeaderValue>,
    metrics: Arc<Metrics>,
}

/// The bytes of a look-up: they can be judged, never released.
#[derive(Debug)]
pub struct Looked(Vec<u8>);

impl Looked {
    /// Returns the bytes, for judging.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The body of an answer that may be released through the view.
#[derive(Debug)]
pub struct Body(Response);

impl Body {
    /// Returns the next bytes, or none at the end of a body that is whole.
    ///
    /// # Errors
    /// A body that breaks off, or whose next byte does not come in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        self.0.chunk().await.map_err(|error| classify(&error))
    }
}

impl Upstream {
    /// Makes a client; connections are kept and belong to the thread that uses it.
    ///
    /// # Errors
    /// Credentials that cannot be read.
    pub fn new(base: &str, access: &Access, metrics: Arc<Metrics>) -> Result<Self, AccessError> {
        let (client, bearer) = client(access)?;
        Ok(Self { client, base: base.to_owned(), bearer, metrics })
    }

    /// Asks for data that may be released; none where the server says that there is none (404, 410).
    ///
    /// # Errors
    /// No usable answer.
    pub async fn ask(&self, target: &Target) -> Result<Option<Body>, UpstreamError> {
        Ok(self.counted(Call::Data, target.under(&self.base)).await?.map(Body))
    }

    /// Looks something up, for what `call` says; none where the server says that there is none (404, 410).
    ///
    /// # Errors
    /// No usable answer, or one longer than `limit` bytes.
    pub async fn look(&self, call: Call, lookup: &LookUp, limit: usize) -> Result<Option<Looked>, UpstreamError> {
        let Some(mut response) = self.counted(call, lookup.under(&self.base)).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if bytes.len() + chunk.len() > limit {
                return Err(UpstreamError::TooLong);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(Looked(bytes)))
    }

    async fn counted(&self, call: Call, url: String) -> Result<Option<Response>, UpstreamError> {
        let began = Instant::now();
        let answer = self.request(url).await;
        let answered = match &answer {
            Ok(Some(_)) => Answered::Found,
            Ok(None) => Answered::Absent,
            Err(_) => Answered::Failed,
        };
        self.metrics.upstream(call, answered, began.elapsed());
        answer
    }

    async fn request(&self, url: String) -> Result<Option<Response>, UpstreamError> {
        let mut request = self.client.get(url);
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, bearer.clone());
        }
        let response = request.send().await.map_err(|error| classify(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            status => return Err(UpstreamError::Status { status: status.as_u16() }),
        }
        if is_fhir_json(response.headers()) { Ok(Some(response)) } else { Err(UpstreamError::Representation) }
    }
}

/// Makes an HTTP client for a server, and the value of `Authorization` that goes with each request.
///
/// # Errors
/// Credentials that cannot be read.
pub(super) fn client(access: &Access) -> Result<(Client, Option<HeaderValue>), AccessError> {
    let (builder, bearer) = builder(access)?;
    Ok((builder.build().map_err(|_| AccessError::Client)?, bearer))
}

/// Prepares such a client.
///
/// # Errors
/// Credentials that cannot be read.
pub(super) fn builder(access: &Access) -> Result<(ClientBuilder, Option<HeaderValue>), AccessError> {
    let Access { ca, identity, bearer_file } = access;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/fhir+json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("prefer", HeaderValue::from_static("handling=strict"));
    let mut builder = Client::builder()
        .default_headers(headers)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(limits::CONNECT)
        .read_timeout(limits::IDLE)
        .pool_idle_timeout(Duration::from_secs(60))
        .tcp_nodelay(true);
    if let Some(ca) = ca {
        let expected = "certificate in PEM";
        let certificates = reqwest::Certificate::from_pem_bundle(&read(ca)?)
            .map_err(|_| AccessError::Content { file: ca.display().to_string(), expected })?;
        builder = builder.tls_certs_only(certificates);
    }
    if let Some((certificate, key)) = identity {
        let expected = "certificate in PEM with a key in PKCS#8 PEM";
        let identity = reqwest::Identity::from_pkcs8_pem(&read(certificate)?, &read(key)?)
            .map_err(|_| AccessError::Content { file: certificate.display().to_string(), expected })?;
        builder = builder.identity(identity);
    }
    let bearer = match bearer_file {
        Some(file) => Some(bearer(file)?),
        None => None,
    };
    Ok((builder, bearer))
}

fn is_fhir_json(headers: &HeaderMap) -> bool {
    let plain = headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let json = ["application/fhir+json", "application/json"].iter().any(|known| media_type.eq_ignore_ascii_case(known));
    plain && json
}

/// What a reqwest error means; its own text holds the URL and with it the patient, so it goes no further.
fn classify(error: &reqwest::Error) -> UpstreamError {
    if error.is_timeout() { UpstreamError::Timeout } else { UpstreamError::Unreachable }
}

fn read(file: &Path) -> Result<Vec<u8>, AccessError> {
    std::fs::read(file).map_err(|cause| AccessError::File { file: file.display().to_string(), cause })
}

/// Reads a token from its file.
///
/// # Errors
/// The file cannot be read, or holds no text.
pub(super) fn secret(file: &Path) -> Result<String, AccessError> {
    let content = || AccessError::Content { file: file.display().to_string(), expected: "bearer token" };
    let token = String::from_utf8(read(file)?).map_err(|_| content())?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty()).ok_or_else(content)
}

fn bearer(file: &Path) -> Result<HeaderValue, AccessError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", secret(file)?))
        .map_err(|_| AccessError::Content { file: file.display().to_string(), expected: "bearer token" })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_plain_fhir_json_is_read() {
        assert!(is_fhir_json(&headers(&[("content-type", "application/fhir+json;charset=UTF-8")])));
        assert!(is_fhir_json(&headers(&[("content-type", "Application/JSON"), ("content-encoding", "identity")])));
        assert!(!is_fhir_json(&headers(&[("content-type", "application/fhir+xml")])));
        assert!(!is_fhir_json(&headers(&[("content-type", "text/html")])));
        assert!(!is_fhir_json(&headers(&[])));
        assert!(!is_fhir_json(&headers(&[("content-type", "application/fhir+json"), ("content-encoding", "gzip")])));
    }
}
