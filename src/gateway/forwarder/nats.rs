//! Lines of the journal to a stream of NATS JetStream.
//!
//! Each line goes as it stands, records and checkpoints alike, to one subject of one journal. It is published behind the last
//! message that the subject has (`Nats-Expected-Last-Subject-Sequence`) under the hash of the line (`Nats-Msg-Id`), and the next
//! goes once the stream has acknowledged: whatever was sent twice, the subject has each line once, in order.
//!
//! At the start and after each failure the connection is made anew and the last message of the subject is read: it says where to
//! go on, whatever the cursor knows. A subject whose last message is no line of this journal at its place is another
//! journal's; one that has less than it acknowledged has lost something. Neither is written to.
//!
//! The stream is the operator's: it is not made here, because nobody could tell a new one from one that was lost.

use std::error::Error as _;
use std::path::PathBuf;

use async_nats::ConnectErrorKind;
use async_nats::ConnectOptions;
use async_nats::jetstream::context::{GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self, Context, ErrorCode};

use super::engine::{Failure, Payload, Place, Reason, Target};
use crate::audit::{Entry, read};
use crate::gateway::config::Access;
use crate::gateway::upstream::{AccessError, secret};
use crate::limits;

/// A subject of a stream.
pub(super) struct NatsTarget {
    servers: Vec<String>,
    stream: String,
    subject: String,
    ca: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    token: Option<String>,
    at: Option<At>,
}

/// A connection, and where the subject is.
struct At {
    context: Context,
    /// Sequence in the stream of the last message that the subject has; 0 where it has none.
    last: u64,
}

impl NatsTarget {
    pub(super) fn new(servers: &[String], stream: &str, subject: &str, access: &Access) -> Result<Self, AccessError> {
        let Access { ca, identity, bearer_file } = access;
        Ok(Self {
            servers: servers.to_vec(),
            stream: stream.to_owned(),
            subject: subject.to_owned(),
            ca: ca.clone(),
            identity: identity.clone(),
            token: bearer_file.as_deref().map(secret).transpose()?,
            at: None,
        })
    }

    async fn connect(&self) -> Result<Context, Failure> {
        let mut options = ConnectOptions::new()
            .name("sluis")
            .connection_timeout(limits::CONNECT)
            .request_timeout(Some(limits::FORWARD_ANSWER))
            // What breaks is made anew here, with a look at where the subject is.
            .max_reconnects(1);
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &self.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone()).require_tls(true);
        }
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        let client = options.connect(self.servers.as_slice()).await.map_err(|error| unconnected(error.kind()))?;
        let mut context = jetstream::new(client);
        context.set_timeout(limits::FORWARD_ANSWER);
        Ok(context)
    }

    async fn publish(&mut self, payload: &Payload) -> Result<(), Failure> {
        let at = self.at.as_mut().ok_or(Failure::Passing(Reason::Unreachable))?;
        let message = PublishMessage::build()
            .payload(payload.bytes.clone().into())
            .message_id(&payload.id)
            .expected_stream(&self.stream)
            .expected_last_subject_sequence(at.last);
        let sent = at.context.send_publish(self.subject.clone(), message).await.map_err(|error| unsent(&error))?;
        let acknowledged = sent.await.map_err(|error| unsent(&error))?;
        // A duplicate is there already, perhaps with others behind it: where the subject is has to be read again.
        if acknowledged.duplicate || acknowledged.stream != self.stream || acknowledged.sequence <= at.last {
            return Err(Failure::Passing(Reason::Answer));
        }
        at.last = acknowledged.sequence;
        Ok(())
    }
}

impl Target for NatsTarget {
    fn form(&mut self, entry: &Entry, line: &[u8]) -> Result<Vec<Payload>, serde_json::Error> {
        Ok(vec![Payload { id: entry.hash.to_string(), bytes: line.to_vec() }])
    }

    fn needs(&self) -> Option<u64> {
        None
    }

    fn forget(&mut self) {}

    async fn join(&mut self) -> Result<Place, Failure> {
        self.at = None;
        let context = self.connect().await?;
        let stream = match context.get_stream(&self.stream).await {
            Ok(stream) => stream,
            Err(error) => return no_stream(&error.kind()),
        };
        let (place, last) = match stream.get_last_raw_message_by_subject(&self.subject).await {
            Ok(message) => {
                // What is no line stands behind no record.
                let entry = read(&message.payload).map_err(|_| Failure::Final(Reason::Foreign))?;
                (Place::Behind(entry.head()), message.sequence)
            }
            Err(error) => match error.kind() {
                LastRawMessageErrorKind::NoMessageFound => (Place::Nowhere, 0),
                LastRawMessageErrorKind::InvalidSubject
                | LastRawMessageErrorKind::JetStream(_)
                | LastRawMessageErrorKind::Other => return Err(Failure::Passing(Reason::Status)),
            },
        };
        self.at = Some(At { context, last });
        Ok(place)
    }

    async fn send(&mut self, payloads: &[&Payload]) -> Result<(), Failure> {
        for payload in payloads {
            self.publish(payload).await?;
        }
        Ok(())
    }
}

/// A stream that is not there has nothing; whether it had, the cursor knows.
fn no_stream(kind: &GetStreamErrorKind) -> Result<Place, Failure> {
    match kind {
        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(Place::Absent),
        GetStreamErrorKind::JetStream(_) => Err(Failure::Passing(Reason::Status)),
        GetStreamErrorKind::Request => Err(Failure::Passing(Reason::Unreachable)),
        GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => Err(Failure::Passing(Reason::Status)),
    }
}

fn unconnected(kind: ConnectErrorKind) -> Failure {
    Failure::Passing(match kind {
        ConnectErrorKind::TimedOut => Reason::Timeout,
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => Reason::Status,
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => Reason::Unreachable,
    })
}

fn unsent(error: &PublishError) -> Failure {
    match error.kind() {
        PublishErrorKind::TimedOut => Failure::Passing(Reason::Timeout),
        PublishErrorKind::BrokenPipe => Failure::Passing(Reason::Unreachable),
        // Somebody else wrote to the subject, or something of ours was late: the last message says.
        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => Failure::Passing(Reason::Answer),
        PublishErrorKind::StreamNotFound | PublishErrorKind::MaxAckPending => Failure::Passing(Reason::Status),
        PublishErrorKind::MaxPayloadExceeded => Failure::Refused,
        PublishErrorKind::Other => {
            let said = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
            match said.map(jetstream::Error::error_code) {
                Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => Failure::Refused,
                Some(_) => Failure::Passing(Reason::Status),
                None => Failure::Passing(Reason::Unreachable),
            }
        }
    }
}
