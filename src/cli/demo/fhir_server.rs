//! A small FHIR R4 server on loopback: what the demo's gateway stands in front of, and the scripted upstream of tests.
//!
//! It answers what a gateway asks (read, search by the standard parameters, pages behind opaque links, metadata) and
//! takes single resources, by PUT or POST, and transactions of PUTs. Where a proxy can tell, it behaves as a HAPI JPA server was seen to:
//! one line of JSON, the `next` link on the base without type or patient, no total unless the result fits one page, an
//! unknown parameter is a 400, a deleted resource a 410. It keeps no clock: the moment of a version follows from its
//! number, so that two servers with the same content answer with the same bytes. Faults are planted while it runs.

mod answer;
mod criterion;
mod fault;
mod parameter;
mod search;
mod store;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

pub use fault::Fault;
pub use store::NotStored;

use search::Pages;
use store::Store;

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query below the base, as received: `Patient/a`, `Observation?patient=a`.
    pub target: String,
    /// Names (in lower case) and values of its header fields.
    pub headers: Vec<(String, String)>,
    /// Where the connection comes from that it came on: one address for each connection.
    pub peer: Option<SocketAddr>,
}

/// Requests that are remembered: a test looks at a handful, and a long run must not grow.
const SEEN: usize = 4096;

/// A body that is sent to the server: tests load a few megabytes at once.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum FhirServerError {
    /// No socket on loopback.
    #[error("no socket on loopback for the FHIR server")]
    Socket(#[source] std::io::Error),
    /// The server's thread ended before it served.
    #[error("the FHIR server did not start")]
    NotStarted,
}

#[derive(Default)]
struct State {
    store: Store,
    pages: Pages,
    faults: Vec<(String, Fault)>,
    seen: Vec<Seen>,
}

/// What the handlers share.
struct Shared {
    base: String,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked left whole resources behind or none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server; it stops when dropped.
pub struct FhirServer {
    shared: Arc<Shared>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for FhirServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FhirServer({})", self.shared.base)
    }
}

impl FhirServer {
    /// Starts an empty server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No socket, or a thread that does not start.
    pub fn start() -> Result<Self, FhirServerError> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(FhirServerError::Socket)?;
        let address = listener.local_addr().map_err(FhirServerError::Socket)?;
        let base = format!("http://{address}/fhir");
        let shared = Arc::new(Shared { base, state: Mutex::new(State::default()) });
        let (report, started) = mpsc::sync_channel(1);
        let data = web::Data::from(Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(data.clone())
                        .app_data(web::PayloadConfig::new(BODY_BYTES))
                        .default_service(web::to(answer::answer))
                })
                .workers(2)
                .disable_signals()
                .shutdown_timeout(0)
                .tcp_nodelay(true)
                .listen(listener);
                let Ok(server) = server else { return };
                let server = server.run();
                if report.send(server.handle()).is_ok() {
                    // An error of the accept loop ends the server: its clients see that.
                    server.await.unwrap_or_default();
                }
            });
        });
        let handle = started.recv().map_err(|_| FhirServerError::NotStarted)?;
        Ok(Self { shared, handle, thread: Some(thread) })
    }

    /// Returns the base URL, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.shared.base
    }

    /// Stores the resources of a transaction Bundle of PUTs and returns how many there were.
    ///
    /// # Errors
    /// A text that is no such Bundle; what stood before the entry at fault is stored.
    pub fn load(&self, bundle: &str) -> Result<usize, NotStored> {
        self.shared.state().store.load(bundle)
    }

    /// Stores one resource under its own type and id, as a new version if there is one.
    ///
    /// # Errors
    /// A text that is no resource with an id.
    pub fn put(&self, resource: &str) -> Result<(), NotStored> {
        self.shared.state().store.put(resource).map(|_| ())
    }

    /// Deletes a resource (`Observation/1`): it is 410 from then on. Unknown ones stay unknown.
    pub fn delete(&self, reference: &str) {
        self.shared.state().store.delete(reference);
    }

    /// Removes a resource as if it had never been there: delete and expunge.
    pub fn expunge(&self, reference: &str) {
        self.shared.state().store.expunge(reference);
    }

    /// Plants a fault for requests whose target below the base (`Consent?patient=…`, `Patient/a`, `metadata`) begins
    /// with `prefix`; the empty prefix is every request. A page belongs to the search it continues. The last one
    /// planted that fits is the one that acts.
    pub fn plant(&self, prefix: &str, fault: Fault) {
        self.shared.state().faults.push((prefix.to_owned(), fault));
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Returns the requests so far, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_seen(&self) {
        self.shared.state().seen.clear();
    }

    /// Stops serving and waits for that: from then on connections to the port are refused.
    pub fn stop(&mut self) {
        // The command is sent when `stop` is called; its future only waits.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

impl Drop for FhirServer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
