//! Following keys and lists: what has an address is fetched again and again, and a file is looked at.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Client};
use time::OffsetDateTime;

use super::{DocumentError, Piece, Shelf, Statements};
use crate::gateway::clock::Clock;
use crate::gateway::fetching::{self, DownloadError, SHORTEST_WAIT, Tasks, backoff, wait};
use crate::gateway::metrics::Metrics;
use crate::gateway::revocation::Fingerprint;
use crate::gateway::upstream::AccessError;
use crate::identity::statement::{KeySetError, ListError};

/// How often a file is looked at: a change must count within 5 s.
const LOOK: Duration = Duration::from_secs(2);

/// Why nothing new came of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Download(#[from] DownloadError),
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl FetchError {
    fn code(self) -> &'static str {
        match self {
            Self::Download(error) => error.code(),
            Self::Document(error) => error.code(),
        }
    }
}

const TAKEN: &str = "taken";

/// Returns the code of everything that a fetch can come to, for metrics.
pub(in crate::gateway) fn codes() -> impl Iterator<Item = &'static str> {
    let own = [DocumentError::File(std::io::ErrorKind::Other), DocumentError::Older].map(DocumentError::code);
    std::iter::once(TAKEN)
        .chain(DownloadError::ALL.map(DownloadError::code))
        .chain(own)
        .chain(KeySetError::ALL.map(KeySetError::code))
        .chain(ListError::ALL.map(ListError::code))
}

/// Starts to follow what each issuer publishes, until the tasks are dropped; needs a runtime.
///
/// # Errors
/// No client can be made, or its CAs cannot be read.
pub(in crate::gateway) fn follow(
    statements: &Statements,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Tasks, AccessError> {
    let mut tasks = Vec::new();
    for shelf in statements.shelves() {
        let client = client(shelf)?;
        for piece in Piece::ALL {
            let Some(document) = shelf.document(piece) else { continue };
            let one = One { shelf: Arc::clone(shelf), piece, clock: clock.clone(), metrics: Arc::clone(metrics) };
            tasks.push(match &document.url {
                Some(url) => tokio::spawn(one.fetch_again_and_again(client.clone(), url.clone())),
                None => tokio::spawn(one.look_again_and_again()),
            });
        }
    }
    Ok(tasks.into_iter().collect())
}

fn client(shelf: &Shelf) -> Result<Client, AccessError> {
    let authorities = match &shelf.settings.ca {
        None => Vec::new(),
        Some(file) => {
            let failed = |cause| AccessError::File { file: file.display().to_string(), cause };
            let content = |_| AccessError::Content { file: file.display().to_string(), expected: "certificate in PEM" };
            Certificate::from_pem_bundle(&std::fs::read(file).map_err(failed)?).map_err(content)?
        }
    };
    fetching::client(authorities).map_err(|_| AccessError::Client)
}

/// One thing of one issuer that is followed.
struct One {
    shelf: Arc<Shelf>,
    piece: Piece,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl One {
    async fn fetch_again_and_again(self, client: Client, url: String) {
        let every = self.shelf.settings.every;
        let mut failures = 0;
        loop {
            let fetched = self.fetch(&client, &url).await;
            self.metrics.statement_fetched(fetched.as_ref().map_or_else(|error| error.code(), |_| TAKEN));
            let wait = match fetched {
                Ok(end) => {
                    failures = 0;
                    wait(every, self.clock.now(), end)
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(url, %error, failures, "keys or a list of an issuer of statements did not come");
                    backoff(failures).min(every.max(SHORTEST_WAIT))
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn fetch(&self, client: &Client, url: &str) -> Result<OffsetDateTime, FetchError> {
        let bytes = fetching::download(client, url, self.piece.limit()).await?;
        let (shelf, piece, now) = (Arc::clone(&self.shelf), self.piece, self.clock.now());
        // A list may have megabytes: judging it and waiting for the disk is not for a thread that serves requests.
        let taken = tokio::task::spawn_blocking(move || {
            let end = shelf.take(piece, &bytes, now, now)?;
            // Written also where it is what was there: when it was written says how long it counts.
            if let Some(document) = shelf.document(piece) {
                fetching::keep(&document.file, &bytes).map_err(|error| DocumentError::File(error.kind()))?;
            }
            Ok(end)
        });
        let fell_over = Err(DocumentError::File(std::io::ErrorKind::Other));
        Ok(taken.await.unwrap_or(fell_over)?)
    }

    async fn look_again_and_again(self) {
        let mut seen = self.fingerprint();
        // What stood there at the start was read then.
        let mut broken: Option<DocumentError> = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let found = self.fingerprint();
            if found == seen && broken.is_none() {
                continue;
            }
            let changed = found != seen;
            seen = found;
            let (shelf, piece, now) = (Arc::clone(&self.shelf), self.piece, self.clock.now());
            let read = tokio::task::spawn_blocking(move || shelf.read(piece, now)).await;
            let failed = read.unwrap_or(Err(DocumentError::File(std::io::ErrorKind::Other))).err();
            match failed {
                None => tracing::info!("keys or a list of an issuer of statements were read again"),
                // Said once for each change, and not at every look.
                Some(error) if changed || broken != failed => {
                    tracing::error!(%error, "keys or a list of an issuer of statements cannot be taken, what was there stays");
                }
                Some(_) => {}
            }
            broken = failed;
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.shelf.document(self.piece).map(|document| &document.file))
    }
}
