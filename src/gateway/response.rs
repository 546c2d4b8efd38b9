//! From what may leave to an HTTP response: status, the allow-listed headers, and a body that closes the record when it has
//! been handed to the connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};

use super::forward::{Broken, Forward, Progress};
use super::journal::JournalSink;
use super::validator::Validator;
use crate::audit::{Closing, Outcome, Trail};
use crate::refusal::Refusal;
use crate::view::ViewError;

/// The name of the header that a request is known by.
const REQUEST_ID: &str = "x-request-id";

/// Returns the caller's own request id where it is well formed, and makes one where it is not.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let well_formed = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(well_formed);
    given.map_or_else(made_id, str::to_owned)
}

/// Returns an id that nobody has.
pub(super) fn made_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness from the system an id that repeats is better than no answer: it names a request, nothing rests on it.
    let _made = openssl::rand::rand_bytes(&mut bytes);
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(digit).collect()
}

/// Begins an answer: its status, and the headers that each has.
pub(super) fn head(status: u16, id: &str) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    builder.insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/fhir+json; charset=utf-8")));
    builder.insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    builder.insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
    builder.insert_header((REQUEST_ID, id));
    if status == 405 {
        builder.insert_header((header::ALLOW, HeaderValue::from_static("GET, POST")));
    }
    builder
}

/// Answers a refusal that no trail goes with.
pub(super) fn refuse(refusal: Refusal, id: &str) -> HttpResponse {
    head(refusal.status(), id).body(refusal.body())
}

/// Answers a refusal and ends the connection: its certificate is not good any more.
pub(super) fn refuse_and_close(refusal: Refusal, id: &str) -> HttpResponse {
    head(refusal.status(), id).force_close().body(refusal.body())
}

/// Answers with a whole body; the record is closed when it has been handed to the connection.
pub(super) fn whole(
    status: u16,
    body: impl Into<Bytes>,
    id: &str,
    trail: Trail<JournalSink>,
    mut closing: Closing,
) -> HttpResponse {
    let body = body.into();
    closing.status = Some(status);
    closing.bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
    head(status, id).body(Recorded { body: Some(body), end: Some((trail, closing)) })
}

/// Says that a bearer token is what would prove who asks (RFC 9110, 11.6.1); nothing of why the one that came does not.
pub(super) fn challenge(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Answers a read with a whole body and its ETag.
pub(super) fn read(
    body: Vec<u8>,
    validator: &Validator,
    id: &str,
    trail: Trail<JournalSink>,
    closing: Closing,
) -> HttpResponse {
    let mut response = whole(200, body, id, trail, closing);
    if let Ok(value) = HeaderValue::from_str(validator.as_str()) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// Answers that the caller has what it reads already. That is on record as released: whoever names the ETag of a resource holds
/// it, and learns that it is still what there is to see.
pub(super) fn not_modified(
    validator: &Validator,
    id: &str,
    trail: Trail<JournalSink>,
    mut closing: Closing,
) -> HttpResponse {
    closing.status = Some(304);
    // There is no body whose sending could be waited for.
    drop(trail.close(&closing));
    let mut builder = head(304, id);
    builder.insert_header((header::ETAG, validator.as_str()));
    let mut response = builder.finish();
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// A body of known length. Dropped before it was handed over, it takes its trail with it, which then closes as cut off.
struct Recorded {
    body: Option<Bytes>,
    end: Option<(Trail<JournalSink>, Closing)>,
}

impl MessageBody for Recorded {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.body.as_ref().map_or(0, |body| u64::try_from(body.len()).unwrap_or(u64::MAX)))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let body = self.body.take();
        if body.is_some()
            && let Some((trail, closing)) = self.end.take()
        {
            // Not waited for: what had to be durable was, before any data was asked for.
            drop(trail.close(&closing));
        }
        Poll::Ready(body.map(Ok))
    }
}

/// An answer on its way whose first bytes are released already.
pub(super) struct Streaming {
    pub(super) first: Vec<u8>,
    pub(super) forward: Forward,
    pub(super) trail: Trail<JournalSink>,
}

/// Answers with a body that is released piece by piece. What breaks it ends the connection: it never ends as if it were whole.
pub(super) fn streamed(streaming: Streaming, id: &str) -> HttpResponse {
    let Streaming { first, forward, trail } = streaming;
    let state = UnderWay { pieces: Pieces::new(first), forward, trail: Some(trail), bytes: 0 };
    in_pieces(stream::unfold(state, piece), id)
}

/// Answers with a body that comes piece by piece; one that breaks ends the connection.
pub(super) fn in_pieces(pieces: impl Stream<Item = Result<Bytes, Broken>> + 'static, id: &str) -> HttpResponse {
    head(200, id).body(BoxBody::new(actix_web::body::BodyStream::new(Box::pin(pieces))))
}

/// Bytes that are released and not sent yet, cut into pieces of one size whatever they came as: pieces as they come would
/// tell how much of each page of the server was left out.
pub(super) struct Pieces {
    waiting: BytesMut,
}

impl Pieces {
    const SIZE: usize = 32 * 1024;

    pub(super) fn new(first: Vec<u8>) -> Self {
        Self { waiting: BytesMut::from(Bytes::from(first)) }
    }

    pub(super) fn add(&mut self, released: &[u8]) {
        self.waiting.extend_from_slice(released);
    }

    /// Takes the next piece, if there is enough for one.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        (self.waiting.len() >= Self::SIZE).then(|| self.waiting.split_to(Self::SIZE).freeze())
    }

    /// Takes what is left at the end.
    pub(super) fn last(&mut self) -> Option<Bytes> {
        (!self.waiting.is_empty()).then(|| self.waiting.split().freeze())
    }
}

struct UnderWay {
    pieces: Pieces,
    forward: Forward,
    trail: Option<Trail<JournalSink>>,
    bytes: u64,
}

impl Drop for UnderWay {
    /// A caller who hangs up, or does not read, has seen what was sent until then.
    fn drop(&mut self) {
        let cause = self.forward.is_overdue().then_some("deadline");
        close(self, Outcome::CutOff, cause);
    }
}

async fn piece(mut state: UnderWay) -> Option<(Result<Bytes, Broken>, UnderWay)> {
    state.trail.as_ref()?;
    let next = loop {
        if let Some(next) = state.pieces.next() {
            break Some(next);
        }
        match state.forward.advance().await {
            Ok(Progress::Released(bytes)) => state.pieces.add(&bytes),
            Ok(Progress::Whole) => break state.pieces.last(),
            // An answer that began has something to show. One that says otherwise is not whole.
            ended @ (Ok(Progress::NotVisible) | Err(_)) => {
                let broken = ended.err().unwrap_or(Broken::View(ViewError::OutOfStep));
                tracing::warn!(cause = broken.code(), "an answer broke after it had begun and was cut off");
                close(&mut state, Outcome::Failed, Some(broken.code()));
                return Some((Err(broken), state));
            }
        }
    };
    match next {
        Some(next) => {
            state.bytes += u64::try_from(next.len()).unwrap_or(u64::MAX);
            Some((Ok(next), state))
        }
        None => {
            close(&mut state, Outcome::Delivered, None);
            None
        }
    }
}

/// Closes the record, once; what was released may be more than was sent when it broke off, never less.
fn close(state: &mut UnderWay, outcome: Outcome, cause: Option<&'static str>) {
    let Some(trail) = state.trail.take() else { return };
    let report = state.forward.report();
    let closing = Closing {
        outcome,
        status: Some(200),
        cause,
        released: report.released,
        withheld: report.withheld,
        differs: report.differs,
        total: report.total.map(|total| u64::try_from(total).unwrap_or(u64::MAX)),
        bytes: state.bytes,
    };
    drop(trail.close(&closing));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(given: &'static str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::HeaderName::from_static(REQUEST_ID), HeaderValue::from_static(given));
        request_id(&headers)
    }

    #[test]
    fn pieces_tell_nothing_of_what_was_released_together() {
        let body: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let sent = |cut: &[usize]| {
            let mut rest = body.as_slice();
            let mut pieces = Pieces::new(Vec::new());
            let mut sent = Vec::new();
            for size in cut.iter().cycle() {
                let (released, behind) = rest.split_at(rest.len().min(*size));
                pieces.add(released);
                sent.extend(std::iter::from_fn(|| pieces.next()));
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            sent.extend(pieces.last());
            sent
        };
        let whole = sent(&[body.len()]);
        assert_eq!(whole.concat(), body);
        assert_eq!(sent(&[7_001, 90_000, 1]), whole);
        assert_eq!(sent(&[33]), whole);
    }

    #[test]
    fn a_well_formed_request_id_is_kept_and_any_other_is_replaced() {
        assert_eq!(id_for("a-1_b.c"), "a-1_b.c");
        for odd in ["", "a b", "a\"b", "<script>"] {
            assert_eq!(id_for(odd).len(), 32);
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 32);
    }
}
