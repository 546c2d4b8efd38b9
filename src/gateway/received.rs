//! A request as it was received, apart from the types of the HTTP library, and the opening of its record.

use std::sync::Arc;

use actix_web::http::Version;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::door::Peer;
use super::state::Worker;
use crate::audit::Opening;
use crate::consent::Purpose;
use crate::identity::Caller;
use crate::limits;
use crate::query::{self, RequestHead};
use crate::refusal::Refusal;

/// A request, taken apart.
pub(super) struct Received<'r> {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: &'r HeaderMap,
    pub(super) body: Vec<u8>,
    /// What went wrong before the body was whole.
    pub(super) broken: Option<(Refusal, &'static str)>,
}

impl Received<'_> {
    /// Returns every value of a header; one that is no text counts as ill-formed.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).map(|value| value.to_str().unwrap_or("\u{fffd}")).collect()
    }

    /// Gives `read` what is read of it to understand it.
    pub(super) fn with_head<T>(&self, read: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        // RFC 9110, 5.3: several fields of one name are one list.
        let header = |name: &str| {
            let values = self.header(name);
            (!values.is_empty()).then(|| values.join(","))
        };
        let (content_type, accept, prefer) = (header("content-type"), header("accept"), header("prefer"));
        read(&RequestHead {
            method: &self.method,
            target: &self.target,
            content_type: content_type.as_deref(),
            accept: accept.as_deref(),
            prefer: prefer.as_deref(),
            method_override: ["x-http-method-override", "x-http-method", "x-method-override"]
                .iter()
                .any(|name| self.headers.contains_key(*name)),
            body: &self.body,
        })
    }
}

/// Takes the request apart. A body longer than any form, or any batch where one belongs, is cut: what is left cannot be understood and is refused.
pub(super) async fn receive<'r>(
    id: String,
    request: &'r HttpRequest,
    mut payload: web::Payload,
    base_path: &str,
    deadline: Instant,
) -> Received<'r> {
    let (method, target) = (request.method().as_str().to_owned(), target_of(request));
    let longest = if query::is_batch(&method, &target, base_path) { limits::BATCH_BYTES } else { limits::FORM_BYTES };
    let mut body = Vec::new();
    let mut broken = None;
    while body.len() <= longest {
        match timeout_at(deadline, payload.next()).await {
            Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Ok(Some(Err(_))) => broken = Some((Refusal::Invalid, "body-broken-off")),
            Err(_) => broken = Some((Refusal::Timeout, "body-too-slow")),
        }
        if broken.is_some() {
            break;
        }
    }
    Received { id, method, target, headers: request.headers(), body, broken }
}

/// The target as it was sent. HTTP/2 has the authority in the head of every request, where it is no part of the target;
/// an absolute target over HTTP/1.1 is left whole, and refused.
fn target_of(request: &HttpRequest) -> String {
    let uri = request.uri();
    match uri.path_and_query() {
        Some(path_and_query) if request.version() >= Version::HTTP_2 => path_and_query.as_str().to_owned(),
        Some(_) | None => uri.to_string(),
    }
}

/// Returns what is known of a request when its caller is.
pub(super) fn opening(
    worker: &Worker,
    caller: &Arc<Caller>,
    peer: &Peer,
    received: &Received<'_>,
    purpose: Option<Purpose>,
    reason: Option<&Option<String>>,
) -> Opening {
    let gateway = &worker.gateway;
    Opening {
        request: received.id.clone(),
        caller: caller.clone(),
        address: peer.address(),
        method: received.method.clone(),
        target: received.target.clone().into_bytes(),
        form: received.body.clone(),
        purpose,
        reason: reason.cloned().flatten(),
        holder: gateway.config.holder.ura.clone(),
        upstream: gateway.config.upstream.name.clone(),
        base: gateway.config.listen.public_base.clone(),
        policy: gateway.regime.name().to_owned(),
    }
}
