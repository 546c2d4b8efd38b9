//! Fetching CRLs: from where the register publishes them into the directory that the trust follows.
//!
//! A CRL is signed, so it is fetched over plain HTTP, as registers publish it. It is taken only when a CA that is known here
//! signed it, when it is a full one that holds, and when it is not older than what was seen: whoever is between the gateway
//! and the register can keep it from coming, and not bring back what a revoked certificate was not on yet. What was taken
//! counts again after a restart, until its own end.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::LiveTrust;
use crate::gateway::clock::Clock;
use crate::gateway::fetching::{self, DownloadError, SHORTEST_WAIT, Tasks, backoff, wait};
use crate::gateway::metrics::Metrics;
use crate::gateway::trust::{Crl, CrlError};
use crate::limits;

/// From where CRLs are fetched, where to, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOptions {
    /// Where they are published.
    pub urls: Vec<String>,
    /// The directory that the trust follows.
    pub directory: PathBuf,
    /// How often, at least.
    pub every: Duration,
}

/// Why a CRL was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nothing came.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// It is none that counts.
    #[error(transparent)]
    Crl(#[from] CrlError),
    /// It is that of another CA than the one before: what is kept of this URL would be lost.
    #[error("it is of another CA than the one before")]
    AnotherIssuer,
    /// It cannot be kept.
    #[error("it cannot be written ({0})")]
    Disk(io::ErrorKind),
}

impl FetchError {
    fn code(self) -> &'static str {
        match self {
            Self::Download(error) => error.code(),
            Self::Crl(error) => error.code(),
            Self::AnotherIssuer => "another-issuer",
            Self::Disk(_) => "disk",
        }
    }
}

/// What became of a CRL that was good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    New,
    Same,
}

impl Taken {
    fn code(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Same => "same",
        }
    }
}

/// Returns the code of everything that a fetch can come to, for metrics.
pub(in crate::gateway) fn codes() -> impl Iterator<Item = &'static str> {
    let fetched = [Taken::New, Taken::Same].map(Taken::code);
    let failed = [FetchError::AnotherIssuer, FetchError::Disk(io::ErrorKind::Other)].map(FetchError::code);
    let failed = DownloadError::ALL.map(DownloadError::code).into_iter().chain(failed);
    fetched.into_iter().chain(failed).chain(CrlError::ALL.map(CrlError::code))
}

/// CRLs being fetched, until it is dropped.
#[derive(Debug)]
pub struct Fetching {
    _tasks: Tasks,
}

impl Fetching {
    /// Makes the directory if it is not there: the trust must find it when it is read.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn prepare(options: &FetchOptions) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&options.directory)
    }

    /// Starts to fetch; needs a runtime.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn start(
        options: &FetchOptions,
        trust: &Arc<LiveTrust>,
        clock: &Clock,
        metrics: &Arc<Metrics>,
    ) -> reqwest::Result<Self> {
        let client = fetching::client(Vec::new())?;
        let fetch = |url: &String| {
            let one = One {
                client: client.clone(),
                url: url.clone(),
                file: file(&options.directory, url),
                every: options.every,
                trust: Arc::clone(trust),
                clock: clock.clone(),
                metrics: Arc::clone(metrics),
            };
            tokio::spawn(one.keep())
        };
        Ok(Self { _tasks: options.urls.iter().map(fetch).collect() })
    }
}

/// The file of a URL: fetched again, a CRL takes the place of the one before.
fn file(directory: &Path, url: &str) -> PathBuf {
    let digest = Sha256::digest(url.as_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    directory.join(format!("fetched-{name}.crl"))
}

/// One URL that is fetched again and again.
struct One {
    client: Client,
    url: String,
    file: PathBuf,
    every: Duration,
    trust: Arc<LiveTrust>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl One {
    async fn keep(self) {
        let mut failures = 0;
        loop {
            let fetched = self.fetch().await;
            let code = fetched.as_ref().map_or_else(|error| error.code(), |(taken, _)| taken.code());
            self.metrics.crl_fetched(code);
            let wait = match fetched {
                Ok((taken, next_update)) => {
                    failures = 0;
                    if taken == Taken::New {
                        tracing::info!(url = self.url, "a CRL was fetched");
                    }
                    wait(self.every, self.clock.now(), next_update)
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(url = self.url, %error, failures, "a CRL was not taken, what is there stays");
                    backoff(failures).min(self.every.max(SHORTEST_WAIT))
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn fetch(&self) -> Result<(Taken, OffsetDateTime), FetchError> {
        let bytes = fetching::download(&self.client, &self.url, limits::CRL_BYTES).await?;
        let (trust, file, now) = (Arc::clone(&self.trust), self.file.clone(), self.clock.now());
        // A CRL may have megabytes: judging it and waiting for the disk is not for a thread that serves requests.
        let kept = tokio::task::spawn_blocking(move || {
            let crl = Crl::read(&bytes)?;
            let next_update = trust.take(&crl, now)?;
            let there = std::fs::read(&file).unwrap_or_default();
            if there == crl.der() {
                return Ok((Taken::Same, next_update));
            }
            if Crl::read(&there).is_ok_and(|there| !there.is_of_issuer_of(&crl)) {
                return Err(FetchError::AnotherIssuer);
            }
            fetching::keep(&file, crl.der()).map_err(|error| FetchError::Disk(error.kind()))?;
            trust.took(&crl);
            Ok((Taken::New, next_update))
        });
        kept.await.unwrap_or(Err(FetchError::Disk(io::ErrorKind::Other)))
    }
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
    fn each_url_has_a_file_of_its_own_that_counts_as_a_crl() {
        let directory = Path::new("crl");
        let (one, other) = (file(directory, "http://a/x.crl"), file(directory, "http://a/y.crl"));
        assert_ne!(one, other);
        assert_eq!(one, file(directory, "http://a/x.crl"));
        assert_eq!(one.extension().and_then(|ending| ending.to_str()), Some("crl"));
    }
}
