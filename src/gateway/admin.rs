//! The listener for operators: is it alive, is it ready, what does it count; and for servers that say that something
//! changed. Plain HTTP, and nothing about patients.

mod hooks;
mod network;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::forwarder::Told;
use super::hook::Hooks;
use super::metrics::Metrics;
use super::trust::Standing;
pub use network::{Network, NotANetwork};

/// Seconds that answers of this listener may take once the gateway is told to stop.
const STOP_SECONDS: u64 = 1;

/// One thing that must be well before requests are worth sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    name: &'static str,
    failure: Option<&'static str>,
    crls: Vec<Standing>,
}

impl Check {
    /// Returns a check that found all well.
    #[must_use]
    pub fn passing(name: &'static str) -> Self {
        Self { name, failure: None, crls: Vec::new() }
    }

    /// Returns a check that found something wrong, by its code.
    #[must_use]
    pub fn failing(name: &'static str, code: &'static str) -> Self {
        Self { name, failure: Some(code), crls: Vec::new() }
    }

    /// Adds how issuers stand with their CRLs.
    pub(super) fn about(self, crls: Vec<Standing>) -> Self {
        Self { crls, ..self }
    }
}

/// Makes the checks of `/ready`, at each call anew.
pub type Checks = Arc<dyn Fn() -> Vec<Check> + Send + Sync>;

/// Where operators come in, and who may.
#[derive(Debug, Clone)]
pub struct AdminOptions {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Networks that may call beside loopback.
    pub allow: Vec<Network>,
}

/// Why the listener cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address can be reached from a network, and nothing says who may call.
    #[error("{address} is not on loopback, and no network is allowed to call it")]
    OpenToAll {
        /// Which.
        address: SocketAddr,
    },
    /// The address cannot be bound.
    #[error("{address} cannot be bound")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// The listener for operators, bound and not yet served.
pub struct Admin {
    options: AdminOptions,
    listener: TcpListener,
    address: SocketAddr,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("address", &self.address).finish_non_exhaustive()
    }
}

struct State {
    allow: Vec<Network>,
    metrics: Arc<Metrics>,
    checks: Checks,
    hooks: Option<Hooks>,
}

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    checks: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    crls: Vec<Issuer<'a>>,
    /// Says how the forwarders stand; none of it makes the gateway less ready.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    forward: BTreeMap<String, Told>,
}

/// How one issuer stands with its CRLs.
#[derive(Serialize)]
struct Issuer<'a> {
    issuer: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl<'a> Issuer<'a> {
    fn of(standing: &'a Standing) -> Self {
        let Standing { issuer, state, until } = standing;
        let until = until.and_then(|until| until.format(&Rfc3339).ok());
        Self { issuer, state: state.code(), until }
    }
}

impl Admin {
    /// Binds the address.
    ///
    /// # Errors
    /// An address off loopback without networks that may call, or one that cannot be bound.
    pub fn open(options: AdminOptions) -> Result<Self, AdminError> {
        let address = options.address;
        if !address.ip().is_loopback() && options.allow.is_empty() {
            return Err(AdminError::OpenToAll { address });
        }
        let bind = |source| AdminError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { options, listener, address })
    }

    /// Returns the address that is bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready.
    ///
    /// # Errors
    /// When no worker can be started.
    pub async fn serve(
        self,
        metrics: Arc<Metrics>,
        checks: Checks,
        hooks: Option<Hooks>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let state = web::Data::new(State { allow: self.options.allow, metrics, checks, hooks });
        HttpServer::new(move || App::new().app_data(state.clone()).default_service(web::to(answer)))
            .workers(1)
            .listen(self.listener)?
            .disable_signals()
            .shutdown_timeout(STOP_SECONDS)
            .shutdown_signal(stop)
            .run()
            .await
    }
}

async fn answer(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let admitted = request.peer_addr().is_some_and(|peer| {
        let address = peer.ip().to_canonical();
        address.is_loopback() || state.allow.iter().any(|network| network.contains(address))
    });
    if !admitted {
        return HttpResponse::Forbidden().finish();
    }
    if request.path().starts_with("/hooks/") {
        return hooks::answer(&request, payload, state.hooks.as_ref(), &state.metrics).await;
    }
    if request.method() != "GET" {
        return HttpResponse::MethodNotAllowed().insert_header(("allow", "GET")).finish();
    }
    let mut response = match request.path() {
        "/live" => HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body("{\"live\":true}\n"),
        "/ready" => ready(&(state.checks)(), &state.metrics),
        "/metrics" => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
            .body(state.metrics.render()),
        _ => HttpResponse::NotFound().finish(),
    };
    response.headers_mut().insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static("no-store"));
    response
}

fn ready(checks: &[Check], metrics: &Metrics) -> HttpResponse {
    let ready = checks.iter().all(|check| check.failure.is_none());
    let crls = checks.iter().flat_map(|check| &check.crls).map(Issuer::of).collect();
    let checks = checks.iter().map(|check| (check.name, check.failure.unwrap_or("ok"))).collect();
    let mut builder = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let forward = metrics.forwarders().iter().map(|one| (one.name().to_owned(), one.told())).collect();
    builder.json(Ready { ready, checks, crls, forward })
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::gateway::hook::HookSecret;
    use crate::gateway::trust::{CrlError, CrlState};

    use super::*;

    fn state(checks: Vec<Check>, allow: &[&str]) -> web::Data<State> {
        web::Data::new(State {
            allow: allow.iter().map(|network| network.parse().unwrap()).collect(),
            metrics: Arc::new(Metrics::new(&["ips"])),
            checks: Arc::new(move || checks.clone()),
            hooks: None,
        })
    }

    async fn ask(request: TestRequest, state: web::Data<State>) -> HttpResponse {
        let (request, mut payload) = request.to_http_parts();
        let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
        answer(request, payload, state).await
    }

    async fn get(path: &str, peer: &str, state: web::Data<State>) -> (u16, String) {
        let request = TestRequest::get().uri(path).peer_addr(peer.parse().unwrap());
        let response = ask(request, state).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[actix_web::test]
    async fn ready_names_each_check_and_is_503_when_one_fails() {
        let well = state(vec![Check::passing("journal"), Check::passing("trust")], &[]);
        let expected = "{\"ready\":true,\"checks\":{\"journal\":\"ok\",\"trust\":\"ok\"}}";
        assert_eq!(get("/ready", "127.0.0.1:1", well).await, (200, expected.to_owned()));
        let broken = state(vec![Check::failing("journal", "broken"), Check::passing("trust")], &[]);
        let expected = "{\"ready\":false,\"checks\":{\"journal\":\"broken\",\"trust\":\"ok\"}}";
        assert_eq!(get("/ready", "127.0.0.1:1", broken).await, (503, expected.to_owned()));
    }

    #[actix_web::test]
    async fn ready_lists_issuers_with_the_state_and_the_end_of_their_crls() {
        let until = Some(time::macros::datetime!(2026-03-03 12:00 UTC));
        let standing = |issuer: &str, state, until| Standing { issuer: issuer.to_owned(), state, until };
        let crls = vec![
            standing("A \"quoted\" CA", CrlState::Holds, until),
            standing("B", CrlState::Missing, None),
            standing("B", CrlState::SetAside(CrlError::Delta), None),
        ];
        let (status, body) =
            get("/ready", "127.0.0.1:1", state(vec![Check::failing("crl", "missing").about(crls)], &[])).await;
        assert_eq!(status, 503);
        let expected = serde_json::json!({ "ready": false, "checks": { "crl": "missing" }, "crls": [
            { "issuer": "A \"quoted\" CA", "state": "ok", "until": "2026-03-03T12:00:00Z" },
            { "issuer": "B", "state": "missing" },
            { "issuer": "B", "state": "delta" },
        ] });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap(), expected);
    }

    #[actix_web::test]
    async fn live_says_so_even_when_not_ready() {
        let broken = state(vec![Check::failing("journal", "broken")], &[]);
        assert_eq!(get("/live", "127.0.0.1:1", broken).await.0, 200);
    }

    #[actix_web::test]
    async fn metrics_are_text_for_prometheus() {
        let (status, text) = get("/metrics", "127.0.0.1:1", state(vec![], &[])).await;
        assert_eq!(status, 200);
        assert!(text.contains("# TYPE sluis_requests_in_flight gauge\nsluis_requests_in_flight 0\n"));
    }

    #[actix_web::test]
    async fn who_is_in_no_allowed_network_is_refused() {
        let state = || state(vec![], &["10.1.0.0/16"]);
        assert_eq!(get("/live", "10.2.0.1:1", state()).await.0, 403);
        assert_eq!(get("/live", "10.1.200.1:1", state()).await.0, 200);
        assert_eq!(get("/live", "[::ffff:10.1.0.9]:1", state()).await.0, 200);
        assert_eq!(get("/live", "[::1]:1", state()).await.0, 200);
    }

    #[actix_web::test]
    async fn a_notice_from_no_allowed_network_ends_nothing_even_with_the_secret() {
        let ended = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&ended);
        let secret: HookSecret = "0123456789abcdef".parse().unwrap();
        let authorization = secret.authorization();
        let notice = Arc::new(move || {
            counting.fetch_add(1, Ordering::SeqCst);
        });
        let state = web::Data::new(State {
            allow: vec!["10.1.0.0/16".parse().unwrap()],
            metrics: Arc::new(Metrics::new(&[])),
            checks: Arc::new(Vec::new),
            hooks: Some(Hooks { names: vec!["hapi".to_owned()], secret, notice }),
        });
        for (peer, status, count) in [("10.2.0.1:1", 403, 0), ("10.1.0.1:1", 200, 1), ("127.0.0.1:1", 200, 2)] {
            let request = TestRequest::post().uri("/hooks/hapi").peer_addr(peer.parse().unwrap());
            let request = request.insert_header(("authorization", authorization.as_str()));
            let response = ask(request, state.clone()).await;
            assert_eq!((response.status().as_u16(), ended.load(Ordering::SeqCst)), (status, count), "{peer}");
        }
    }

    #[actix_web::test]
    async fn other_paths_and_methods_are_refused() {
        assert_eq!(get("/metrics/x", "127.0.0.1:1", state(vec![], &[])).await.0, 404);
        let post = TestRequest::post().uri("/live").peer_addr("127.0.0.1:1".parse().unwrap());
        assert_eq!(ask(post, state(vec![], &[])).await.status().as_u16(), 405);
    }

    #[actix_web::test]
    async fn it_is_served_over_a_socket_until_the_stop() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let address = "127.0.0.1:0".parse().unwrap();
        let admin = Admin::open(AdminOptions { address, allow: Vec::new() }).unwrap();
        let (address, stop) = (admin.address(), super::super::stop::Stop::new());
        let checks: Checks = Arc::new(|| vec![Check::failing("journal", "broken")]);
        let serving = actix_web::rt::spawn(admin.serve(Arc::new(Metrics::new(&[])), checks, None, stop.asked()));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        assert!(text.ends_with("{\"ready\":false,\"checks\":{\"journal\":\"broken\"}}"), "{text}");
        stop.now();
        serving.await.unwrap().unwrap();
    }

    #[test]
    fn a_network_address_without_allowed_networks_is_not_opened() {
        let options = |allow: Vec<Network>| AdminOptions { address: "0.0.0.0:0".parse().unwrap(), allow };
        assert!(matches!(Admin::open(options(vec![])), Err(AdminError::OpenToAll { .. })));
        assert!(Admin::open(options(vec!["10.0.0.0/8".parse().unwrap()])).is_ok());
    }
}
