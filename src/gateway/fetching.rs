//! Fetching: what is downloaded in the background again and again, kept on disk, and waited for.
//!
//! CRLs and the keys of statements come so. Nothing that a caller sends decides what is fetched, or when.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, StatusCode};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::limits;

/// The first wait after a failure; each further one is twice as long.
const BACKOFF: Duration = Duration::from_secs(5);

/// The longest wait after a failure: what is fetched must come well before the end of what is there.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// The shortest wait after a success, whatever is said of its end.
pub(super) const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Why nothing was downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// No connection, or it broke.
    #[error("the server cannot be reached or broke off")]
    Unreachable,
    /// No answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// A status other than 200.
    #[error("the server answered with status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// More bytes than are taken.
    #[error("the server answered with more bytes than are taken")]
    TooLong,
}

impl DownloadError {
    /// One of each kind.
    pub(super) const ALL: [Self; 4] = [Self::Unreachable, Self::Timeout, Self::Status { status: 0 }, Self::TooLong];

    /// Returns the code, for metrics.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Status { .. } => "status",
            Self::TooLong => "too-long",
        }
    }
}

/// Makes a client that goes straight to the server: no proxy, no redirects. `authorities` are the CAs that a server must
/// come from; those of the system where there are none.
///
/// # Errors
/// When no client can be made.
pub(super) fn client(authorities: Vec<Certificate>) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(limits::CONNECT)
        .read_timeout(limits::IDLE)
        .timeout(limits::CRL_FETCH);
    let builder = if authorities.is_empty() { builder } else { builder.tls_certs_only(authorities) };
    builder.build()
}

/// Downloads what is at a URL, of at most `limit` bytes.
///
/// # Errors
/// Whatever is no whole answer of status 200.
pub(super) async fn download(client: &Client, url: &str, limit: usize) -> Result<Vec<u8>, DownloadError> {
    received(client.get(url), limit).await
}

/// Posts `body`, and takes an answer of at most `limit` bytes.
///
/// # Errors
/// Whatever is no whole answer of status 200.
pub(super) async fn exchange(
    client: &Client,
    url: &str,
    kind: &'static str,
    body: Vec<u8>,
    limit: usize,
) -> Result<Vec<u8>, DownloadError> {
    received(client.post(url).header(CONTENT_TYPE, kind).body(body), limit).await
}

async fn received(request: RequestBuilder, limit: usize) -> Result<Vec<u8>, DownloadError> {
    let failed = |error: reqwest::Error| {
        if error.is_timeout() { DownloadError::Timeout } else { DownloadError::Unreachable }
    };
    let mut response = request.send().await.map_err(failed)?;
    if response.status() != StatusCode::OK {
        return Err(DownloadError::Status { status: response.status().as_u16() });
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len().saturating_add(chunk.len()) > limit {
            return Err(DownloadError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Writes a file in one step: whoever looks finds the one before or this one.
///
/// # Errors
/// What the system says.
pub(super) fn keep(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // No ending that counts as anything.
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(unfinished, file)
}

/// How long to wait after a success: as often as is asked, and well ahead of the end.
pub(super) fn wait(every: Duration, now: OffsetDateTime, end: OffsetDateTime) -> Duration {
    let left = Duration::try_from(end - now).unwrap_or_default();
    every.min(left / 2).max(SHORTEST_WAIT)
}

/// How long to wait after so many failures in a row.
pub(super) fn backoff(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    BACKOFF.saturating_mul(factor).min(LONGEST_BACKOFF)
}

/// Tasks that run until this is dropped.
#[derive(Debug, Default)]
pub(super) struct Tasks(Vec<JoinHandle<()>>);

impl FromIterator<JoinHandle<()>> for Tasks {
    fn from_iter<I: IntoIterator<Item = JoinHandle<()>>>(tasks: I) -> Self {
        Self(tasks.into_iter().collect())
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn what_ends_is_fetched_hourly_and_well_ahead_of_its_end() {
        assert_eq!(wait(HOUR, NOW, NOW + time::Duration::hours(48)), HOUR);
        assert_eq!(wait(HOUR, NOW, NOW + time::Duration::minutes(10)), Duration::from_secs(300));
        assert_eq!(wait(HOUR, NOW, NOW - time::Duration::minutes(10)), SHORTEST_WAIT);
    }

    #[test]
    fn failures_are_waited_after_longer_and_longer_up_to_a_bound() {
        let waits: Vec<_> = (1..=4).map(|failures| backoff(failures).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40]);
        assert_eq!(backoff(30), LONGEST_BACKOFF);
        assert_eq!(backoff(u32::MAX), LONGEST_BACKOFF);
    }
}
