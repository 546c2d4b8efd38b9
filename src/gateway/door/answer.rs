//! Around the handler: what holds for every request, and knowing when its answer is out.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use super::Peer;
use super::peer::Answering;
use crate::gateway::metrics::Metrics;

/// Target and headers of one request: more than any allowed search and a bearer token need, less than what actix takes.
const HEAD_BYTES: usize = 32 * 1024;

/// A body that is known to be under way until it is dropped, sent or not.
pub(super) struct Counted {
    body: BoxBody,
    _under_way: UnderWay,
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

struct UnderWay {
    metrics: Arc<Metrics>,
    _answering: Option<Answering>,
}

impl UnderWay {
    fn begin(request: &HttpRequest, metrics: &Arc<Metrics>) -> Self {
        metrics.request_began();
        let _answering = request.conn_data::<Peer>().map(Peer::answering);
        Self { metrics: Arc::clone(metrics), _answering }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.metrics.request_ended();
    }
}

/// Wraps a handler: a head that is too large gets the bare answer of a framing error, and each answer is counted from the
/// first byte of its request to the last of its body.
pub(super) fn counted<H, F>(
    handler: H,
    metrics: Arc<Metrics>,
) -> impl Fn(HttpRequest, web::Payload) -> Pin<Box<dyn Future<Output = HttpResponse<Counted>>>> + Clone + 'static
where
    H: Fn(HttpRequest, web::Payload) -> F + Clone + 'static,
    F: Future<Output = HttpResponse> + 'static,
{
    move |request, payload| {
        let under_way = UnderWay::begin(&request, &metrics);
        let answer = (head_bytes(&request) <= HEAD_BYTES).then(|| handler(request, payload));
        Box::pin(async move {
            let response = match answer {
                Some(answer) => answer.await,
                None => HttpResponse::BadRequest().force_close().finish(),
            };
            response.map_body(|_, body| Counted { body, _under_way: under_way })
        })
    }
}

fn head_bytes(request: &HttpRequest) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    fields.fold(target, usize::saturating_add)
}
