//! Faults of an upstream, planted at run time.

use std::time::Duration;

use bytes::Bytes;

/// What goes wrong with an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection closes without an answer.
    Down,
    /// The answer comes late.
    Slow(Duration),
    /// The head and so many bytes of the body come, then nothing more for ten minutes.
    Stall(usize),
    /// The connection closes after so many bytes of the body.
    CutAfter(usize),
    /// The body holds a byte that no JSON text has, after so many bytes; the rest follows.
    MalformedAfter(usize),
    /// The body is right, its content type is `text/html`.
    WrongContentType,
    /// 500 with an HTML body.
    Html500,
    /// Pages after the first are a 500.
    FailPage,
    /// The answer is right and carries this header field too.
    Header(&'static str, String),
    /// 302 to that URL.
    Redirect(String),
    /// Another answer altogether.
    Answer {
        /// The status.
        status: u16,
        /// The content type.
        content_type: String,
        /// The body.
        body: String,
    },
}

/// A step of sending a body.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing for that long; what was sent before is on its way.
    Pause(Duration),
    /// The connection closes.
    Break,
}

/// Bytes that Jetty sends at once.
const CHUNK: usize = 8 * 1024;

/// Long enough that what stands before it has left the process.
const FLUSH: Duration = Duration::from_millis(20);

/// Returns how a body is sent under `fault`.
pub(super) fn pieces(body: &Bytes, fault: Option<&Fault>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    match fault {
        Some(Fault::Down) => pieces.push(Piece::Break),
        Some(Fault::CutAfter(at)) => {
            chunks(&mut pieces, body.slice(..body.len().min(*at)));
            pieces.push(Piece::Pause(FLUSH));
            pieces.push(Piece::Break);
        }
        Some(Fault::Stall(at)) => {
            chunks(&mut pieces, body.slice(..body.len().min(*at)));
            pieces.push(Piece::Pause(Duration::from_secs(600)));
            pieces.push(Piece::Break);
        }
        Some(Fault::MalformedAfter(at)) => {
            let at = body.len().min(*at);
            chunks(&mut pieces, body.slice(..at));
            chunks(&mut pieces, Bytes::from_static(b"\0"));
            chunks(&mut pieces, body.slice(at..));
        }
        Some(
            Fault::Slow(_)
            | Fault::WrongContentType
            | Fault::Html500
            | Fault::FailPage
            | Fault::Header(..)
            | Fault::Redirect(_)
            | Fault::Answer { .. },
        )
        | None => chunks(&mut pieces, body.clone()),
    }
    pieces
}

fn chunks(pieces: &mut Vec<Piece>, mut bytes: Bytes) {
    while !bytes.is_empty() {
        pieces.push(Piece::Bytes(bytes.split_to(bytes.len().min(CHUNK))));
    }
}
