//! `/hooks/NAME`: a notice of the server of that name, by PUT or POST, at the path itself or below it.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, AUTHORIZATION, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::gateway::hook::{Hooks, Notice};
use crate::gateway::metrics::Metrics;

/// What of a body is taken off the connection: a resource is rarely longer, and nothing of it is read.
const BODY_BYTES: usize = 1024 * 1024;

/// Waiting for the end of a body.
const BODY: Duration = Duration::from_secs(5);

/// Answers what is asked of `/hooks/…`.
pub(super) async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    hooks: Option<&Hooks>,
    metrics: &Metrics,
) -> HttpResponse {
    let below = request.path().strip_prefix("/hooks/").unwrap_or_default();
    let name = below.split('/').next().unwrap_or_default();
    let known = hooks.filter(|hooks| hooks.names.iter().any(|known| known == name));
    let Some(hooks) = known else { return HttpResponse::NotFound().finish() };
    if ![Method::PUT, Method::POST].contains(request.method()) {
        return HttpResponse::MethodNotAllowed().insert_header((ALLOW, "POST, PUT")).finish();
    }
    let notice = judge(request, hooks);
    metrics.notice(notice);
    match notice {
        Notice::Received => {
            // At once: what the body says changes nothing, and it may be slow.
            (hooks.notice)();
            tracing::debug!(hook = name, "a server says that something changed");
        }
        Notice::Unproven | Notice::Wrong => tracing::warn!(hook = name, cause = notice.code(), "a notice is refused"),
    }
    let mut builder = match notice {
        Notice::Received => HttpResponse::Ok(),
        Notice::Unproven => HttpResponse::Unauthorized(),
        Notice::Wrong => HttpResponse::Forbidden(),
    };
    if notice == Notice::Unproven {
        builder.insert_header((WWW_AUTHENTICATE, "Bearer"));
    }
    if notice != Notice::Received || !drained(payload).await {
        builder.force_close();
    }
    builder.finish()
}

fn judge(request: &HttpRequest, hooks: &Hooks) -> Notice {
    let mut given = request.headers().get_all(AUTHORIZATION);
    match (given.next(), given.next()) {
        (None, _) => Notice::Unproven,
        (Some(one), None) if one.to_str().is_ok_and(|given| hooks.secret.is_in(given)) => Notice::Received,
        (Some(_), _) => Notice::Wrong,
    }
}

/// Takes the body off the connection unread. Returns true if and only if it came to its end within the bounds.
async fn drained(mut payload: web::Payload) -> bool {
    let mut bytes = 0;
    let whole = async {
        while let Some(chunk) = payload.next().await {
            bytes += chunk.map_or(BODY_BYTES, |chunk| chunk.len());
            if bytes >= BODY_BYTES {
                return false;
            }
        }
        true
    };
    timeout(BODY, whole).await.unwrap_or(false)
}
