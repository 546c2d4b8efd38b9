//! The door: the listener that callers come through.
//!
//! An accept loop of our own around actix, for what actix hides: why a handshake failed. Each connection is accepted with
//! the certificates, anchors and CRLs in force at that moment, its certificate is read once into a [`Peer`], and HTTP/1.1
//! or HTTP/2 (by ALPN) is served by one handler that takes every request, whatever its method and path.

mod answer;
mod handshake;
mod peer;
mod stream;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::{App, HttpRequest, HttpResponse, web};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::clock::Clock;
use super::metrics::Metrics;
use super::tls::LiveTls;
pub use handshake::{FailedHandshake, HandshakeFailure};
pub use peer::{NotAClient, Peer};
use stream::Stream;

/// Handshakes under way at one time, in all workers: each holds buffers for somebody who is not known yet.
const HANDSHAKES: usize = 1024;

/// Connections per worker: what one worker can hold in memory without a request on them.
const CONNECTIONS: usize = 10_000;

/// How long a connection may be idle: a handshake with a card is dear, so callers keep theirs.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Waiting for the head of a request once it began.
const HEAD: Duration = Duration::from_secs(5);

/// Waiting for the caller to close after we did.
const DISCONNECT: Duration = Duration::from_secs(5);

/// What a finished answer gets to reach the caller before its connection is dropped: HTTP/2 in actix has no way to say
/// that it is the last one.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What an answer that was made at the deadline gets to reach the caller.
const PAST_DEADLINE: Duration = Duration::from_secs(1);

/// How the door is set up.
#[derive(Debug, Clone)]
pub struct DoorOptions {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Threads that serve requests, at least 1.
    pub workers: usize,
    /// How long one request may take in all, once the gateway is told to stop as well. A caller who has not taken the answer
    /// by then loses the connection.
    pub deadline: Duration,
}

/// Told about every handshake that failed.
pub type OnFailure = Arc<dyn Fn(&FailedHandshake) + Send + Sync>;

/// What every worker shares.
#[derive(Clone)]
struct Shared {
    tls: Arc<LiveTls>,
    clock: Clock,
    metrics: Arc<Metrics>,
    handshakes: Arc<Semaphore>,
    on_failure: OnFailure,
    deadline: Duration,
}

/// A listener that is bound and not yet served.
pub struct Door {
    address: SocketAddr,
    builder: ServerBuilder,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Door {
    /// Binds the address. `worker` is called once in each worker thread and returns the handler of that worker's requests.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn open<W, H, F>(
        options: &DoorOptions,
        tls: Arc<LiveTls>,
        clock: Clock,
        metrics: Arc<Metrics>,
        on_failure: OnFailure,
        worker: W,
    ) -> io::Result<Self>
    where
        W: Fn() -> H + Clone + Send + 'static,
        H: Fn(HttpRequest, web::Payload) -> F + Clone + 'static,
        F: Future<Output = HttpResponse> + 'static,
    {
        let listener = TcpListener::bind(options.address)?;
        let address = listener.local_addr()?;
        let shared = Shared {
            tls,
            clock,
            metrics,
            handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
            on_failure,
            deadline: options.deadline,
        };
        let builder = Server::build()
            .workers(options.workers)
            .max_concurrent_connections(CONNECTIONS)
            .disable_signals()
            .shutdown_timeout(options.deadline.as_secs().max(1));
        Ok(Self { address, builder: listen(builder, "door", listener, shared, worker)? })
    }

    /// Opens a second door beside this one, at another address and with its own TLS. Both are served by the same threads, and
    /// end together. Returns the address that is bound.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn beside<W, H, F>(
        self,
        options: &DoorOptions,
        tls: Arc<LiveTls>,
        clock: Clock,
        metrics: Arc<Metrics>,
        on_failure: OnFailure,
        worker: W,
    ) -> io::Result<(Self, SocketAddr)>
    where
        W: Fn() -> H + Clone + Send + 'static,
        H: Fn(HttpRequest, web::Payload) -> F + Clone + 'static,
        F: Future<Output = HttpResponse> + 'static,
    {
        let listener = TcpListener::bind(options.address)?;
        let second = listener.local_addr()?;
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
        let shared = Shared { tls, clock, metrics, handshakes, on_failure, deadline: options.deadline };
        let Self { address, builder } = self;
        Ok((Self { address, builder: listen(builder, "beside", listener, shared, worker)? }, second))
    }

    /// Returns the address that is bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready, then finishes what runs and returns.
    ///
    /// # Errors
    /// When no worker can be started.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        self.builder.shutdown_signal(stop).run().await
    }
}

fn listen<W, H, F>(
    builder: ServerBuilder,
    name: &str,
    listener: TcpListener,
    shared: Shared,
    worker: W,
) -> io::Result<ServerBuilder>
where
    W: Fn() -> H + Clone + Send + 'static,
    H: Fn(HttpRequest, web::Payload) -> F + Clone + 'static,
    F: Future<Output = HttpResponse> + 'static,
{
    let stopping = builder.graceful_shutdown_signal();
    builder.listen(name, listener, move || {
        let shared = shared.clone();
        let stopping = stopping.clone();
        let http = http(worker(), Arc::clone(&shared.metrics), stopping.clone());
        fn_factory(move || {
            let shared = shared.clone();
            let stopping = stopping.clone();
            let http = http.new_service(());
            async move {
                let http = Rc::new(http.await?);
                Ok::<_, ()>(fn_service(move |tcp| serve(tcp, shared.clone(), Rc::clone(&http), stopping.clone())))
            }
        })
    })
}

/// HTTP over a stream: every request goes to the one handler.
fn http<H, F>(
    handler: H,
    metrics: Arc<Metrics>,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<
    (Stream, Protocol, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
    Future: 'static,
    Service: 'static,
>
where
    H: Fn(HttpRequest, web::Payload) -> F + Clone + 'static,
    F: Future<Output = HttpResponse> + 'static,
{
    let app = App::new().default_service(web::to(answer::counted(handler, metrics)));
    let app = actix_service::IntoServiceFactory::<_, actix_http::Request>::into_factory(app);
    HttpService::build()
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(HEAD)
        .client_disconnect_timeout(DISCONNECT)
        .secure()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|stream: &Stream, extensions| {
            extensions.insert(stream.peer().clone());
        })
        .finish(map_config(app, |()| AppConfig::default()))
}

/// One connection, from its first byte to its last.
async fn serve<S>(tcp: TcpStream, shared: Shared, http: Rc<S>, stopping: GracefulShutdownSignal) -> Result<(), ()>
where
    S: Service<(Stream, Protocol, Option<SocketAddr>), Response = (), Error = DispatchError>,
{
    let Some(stream) = handshake::accept(tcp, &shared).await else { return Ok(()) };
    let deadline = shared.deadline;
    let _counted = Connected::new(shared.metrics);
    let peer = stream.peer().clone();
    let (protocol, address) = (stream.protocol(), peer.address());
    if poll_fn(|context| http.poll_ready(context)).await.is_err() {
        return Err(());
    }
    let serving = http.call((stream, protocol, Some(address)));
    tokio::select! {
        // How a connection ends is of no interest by itself: each request has its own record.
        ended = serving => ended.map_err(|_| ()),
        () = is_to_end(&peer, &stopping) => Ok(()),
        () = peer.overdue(deadline + PAST_DEADLINE) => Ok(()),
    }
}

/// Ready when the gateway stops, or the peer is refused, and no answer is under way.
async fn is_to_end(peer: &Peer, stopping: &GracefulShutdownSignal) {
    tokio::select! {
        () = stopping.notified() => (),
        () = peer.refused() => (),
    }
    loop {
        peer.idle().await;
        tokio::time::sleep(LAST_WORDS).await;
        if peer.is_idle() {
            return;
        }
    }
}

/// Counts an open connection as long as it lives.
struct Connected(Arc<Metrics>);

impl Connected {
    fn new(metrics: Arc<Metrics>) -> Self {
        metrics.connected();
        Self(metrics)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.disconnected();
    }
}
