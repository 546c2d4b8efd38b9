//! OCSP: a second source of what is revoked, for certificates whose issuer has no CRL here.
//!
//! A handshake cannot wait for a responder, so it is let through, and each request waits until an answer is in hand, or is
//! refused: nothing that is absent means yes. An answer counts until its nextUpdate, and no longer than a setting says;
//! then the responder is asked again, on connections that are open as well. Requests carry no nonce, which the binding
//! cannot write: what keeps an old answer from coming back is that it counts no longer than it says. Whom to ask says the
//! configuration, or the certificate where the configuration lists that host.

mod answer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest};
use reqwest::{Client, Url};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::gateway::fetching::{self, DownloadError};
use crate::gateway::metrics::Metrics;
use crate::gateway::trust::Unproven;
use crate::identity::{Finding, Reason, Refused};
use crate::limits;
use answer::Told;

/// Whom to ask, and how long an answer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspOptions {
    /// The responder of an issuer: its common name, and the URL.
    pub responders: Vec<(String, String)>,
    /// Hosts, with a port where it is not the usual one, that may be asked where a certificate names them.
    pub hosts: Vec<String>,
    /// The longest that an answer counts.
    pub max_age: Duration,
}

/// Why no answer of a responder counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// Nobody may be asked.
    #[error("no responder is configured for its issuer, and it names none on a host of identity.ocsp_hosts")]
    NoResponder,
    /// No answer came.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The responder says that it cannot tell.
    #[error("the responder refuses with responseStatus {status}, and 0 (successful) is needed")]
    Refused {
        /// `OCSPResponseStatus` (RFC 6960, 4.2.1).
        status: i32,
    },
    /// Not one basic answer.
    #[error("it is not one basic response, in DER")]
    Malformed,
    /// Signed by nobody who may.
    #[error("its signer is neither the issuer nor issued by it for id-kp-OCSPSigning")]
    NotSigned,
    /// It is about other certificates.
    #[error("it is about another certificate")]
    OtherCertificate,
    /// The responder does not know the certificate.
    #[error("its certStatus is unknown, and good is needed")]
    Unknown,
    /// It is of a moment that is to come.
    #[error("its thisUpdate is to come")]
    NotYet,
    /// It is too old.
    #[error("it is past its nextUpdate, or without one and past identity.ocsp_max_age")]
    Ended,
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl,
}

impl OcspError {
    fn code(self) -> &'static str {
        match self {
            Self::NoResponder => "no-responder",
            Self::Download(error) => error.code(),
            Self::Refused { .. } => "refused",
            Self::Malformed => "malformed",
            Self::NotSigned => "not-signed",
            Self::OtherCertificate => "other-certificate",
            Self::Unknown => "unknown",
            Self::NotYet => "not-yet",
            Self::Ended => "ended",
            Self::OpenSsl => "openssl",
        }
    }
}

/// Returns the code of everything that asking can come to, for metrics.
pub(in crate::gateway) fn codes() -> impl Iterator<Item = &'static str> {
    let failed = [
        OcspError::NoResponder,
        OcspError::Refused { status: 0 },
        OcspError::Malformed,
        OcspError::NotSigned,
        OcspError::OtherCertificate,
        OcspError::Unknown,
        OcspError::NotYet,
        OcspError::Ended,
        OcspError::OpenSsl,
    ];
    let failed = failed.map(OcspError::code).into_iter().chain(DownloadError::ALL.map(DownloadError::code));
    [Told::Good, Told::Revoked].map(Told::code).into_iter().chain(failed)
}

/// The responders, and what they said.
#[derive(Debug)]
pub(super) struct Ocsp {
    options: OcspOptions,
    client: Client,
    places: Mutex<HashMap<[u8; 32], Arc<Place>>>,
    metrics: OnceLock<Arc<Metrics>>,
}

/// What is known of one certificate.
#[derive(Debug, Default)]
struct Place {
    /// Held by whoever asks: the others wait for what comes of it.
    asking: tokio::sync::Mutex<()>,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    Told { told: Told, until: OffsetDateTime },
    Failed { error: OcspError, at: Instant },
}

impl Place {
    /// Returns what holds still; a failure holds for a moment, so that callers who come again and again ask no faster.
    fn known(&self, now: OffsetDateTime) -> Option<Result<Told, OcspError>> {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known? {
            Known::Told { told, until } => (now < until).then_some(Ok(told)),
            Known::Failed { error, at } => (at.elapsed() < limits::OCSP_PAUSE).then_some(Err(error)),
        }
    }

    fn know(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl Ocsp {
    pub(super) fn new(options: OcspOptions) -> reqwest::Result<Self> {
        let client = fetching::client(Vec::new())?;
        Ok(Self { options, client, places: Mutex::default(), metrics: OnceLock::new() })
    }

    pub(super) fn options(&self) -> &OcspOptions {
        &self.options
    }

    /// Counts from here on.
    pub(super) fn count_in(&self, metrics: &Arc<Metrics>) {
        self.metrics.get_or_init(|| Arc::clone(metrics));
    }

    /// Asks about each certificate, where no answer is in hand.
    ///
    /// # Errors
    /// Every reason for which one is not known to be good.
    pub(super) async fn prove(&self, unproven: &[Unproven], now: OffsetDateTime) -> Result<(), Refused> {
        let mut findings = Vec::new();
        for one in unproven {
            match self.told(one, now).await {
                Ok(Told::Good) => {}
                Ok(Told::Revoked) => {
                    let reason = if one.depth == 0 { Reason::Revoked } else { Reason::RevokedIssuer };
                    findings.push(Finding::of(reason, "certStatus revoked, of an OCSP responder"));
                }
                Err(error) => {
                    let found = format!("no CRL, and of an OCSP answer: {error}");
                    findings.push(Finding::of(Reason::RevocationUnknown, found));
                }
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(Refused::new(findings)) }
    }

    async fn told(&self, one: &Unproven, now: OffsetDateTime) -> Result<Told, OcspError> {
        let place = self.place(one, now)?;
        if let Some(known) = place.known(now) {
            return known;
        }
        let _asking = place.asking.lock().await;
        // Somebody may have asked meanwhile.
        if let Some(known) = place.known(now) {
            return known;
        }
        let asked = timeout(limits::OCSP_ASK, self.ask(one, now)).await;
        let asked = asked.unwrap_or(Err(OcspError::Download(DownloadError::Timeout)));
        let code = asked.map_or_else(OcspError::code, |(told, _)| told.code());
        if let Some(metrics) = self.metrics.get() {
            metrics.ocsp_answered(code);
        }
        place.know(match asked {
            Ok((told, until)) => Known::Told { told, until },
            Err(error) => {
                let issuer = one.issuer_name();
                tracing::warn!(issuer, check = code, %error, "nothing that a responder says of a certificate counts");
                Known::Failed { error, at: Instant::now() }
            }
        });
        asked.map(|(told, _)| told)
    }

    async fn ask(&self, one: &Unproven, now: OffsetDateTime) -> Result<(Told, OffsetDateTime), OcspError> {
        let url = self.responder(one)?;
        let request = request(one).map_err(|_| OcspError::OpenSsl)?;
        let bytes =
            fetching::exchange(&self.client, &url, "application/ocsp-request", request, limits::OCSP_BYTES).await?;
        answer::read(&bytes, one, now, self.options.max_age)
    }

    /// Returns whom to ask: the configured responder of the issuer, or one that the certificate names on a listed host.
    fn responder(&self, one: &Unproven) -> Result<String, OcspError> {
        let issuer = one.issuer_name();
        if let Some((_, url)) = self.options.responders.iter().find(|(name, _)| *name == issuer) {
            return Ok(url.clone());
        }
        let named = one.certificate.ocsp_responders().map_err(|_| OcspError::NoResponder)?;
        let listed = |url: &&str| host(url).is_some_and(|host| self.options.hosts.contains(&host));
        named.iter().map(|url| &**url).find(listed).map(str::to_owned).ok_or(OcspError::NoResponder)
    }

    fn place(&self, one: &Unproven, now: OffsetDateTime) -> Result<Arc<Place>, OcspError> {
        let mut digest = Sha256::new();
        for certificate in [&one.certificate, &one.issuer] {
            digest.update(certificate.to_der().map_err(|_| OcspError::OpenSsl)?);
        }
        let key: [u8; 32] = digest.finalize().into();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= limits::OCSP_PLACES {
            places.retain(|_, place| place.known(now).is_some());
        }
        if places.len() >= limits::OCSP_PLACES {
            // What is forgotten is asked for again.
            places.clear();
        }
        Ok(Arc::clone(places.entry(key).or_default()))
    }
}

/// The hash of a CertID only finds a certificate, and SHA-1 is the one that every responder knows (RFC 5019, 2.1.1).
fn request(one: &Unproven) -> Result<Vec<u8>, openssl::error::ErrorStack> {
    let mut request = OcspRequest::new()?;
    request.add_id(OcspCertId::from_cert(MessageDigest::sha1(), &one.certificate, &one.issuer)?)?;
    request.to_der()
}

/// Returns the host of an http or https URL, with its port where that is not the usual one; nothing for a URL with a user.
fn host(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    if !["http", "https"].contains(&url.scheme()) || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let mut codes: Vec<&str> = codes().collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn a_host_is_the_whole_of_it_with_a_port_that_is_not_usual() {
        assert_eq!(host("http://ocsp.Example:80/x?y").as_deref(), Some("ocsp.example"));
        assert_eq!(host("https://ocsp.example/").as_deref(), Some("ocsp.example"));
        assert_eq!(host("http://ocsp.example:8080").as_deref(), Some("ocsp.example:8080"));
        assert_eq!(host("http://127.0.0.1:8080").as_deref(), Some("127.0.0.1:8080"));
        for url in
            ["ldap://ocsp.example", "http://ocsp.example@evil.example", "http://a:b@ocsp.example", "ocsp.example", ""]
        {
            let found = host(url);
            assert!(found.as_deref() != Some("ocsp.example"), "{url}: {found:?}");
        }
    }
}
