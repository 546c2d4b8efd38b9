//! Something on record that is no request of a known caller.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chain::{Head, OpenIntent};
use super::members::Members;
use super::record::{Kind, Record};
use crate::query::Bsn;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The gateway began to serve.
    Start,
    /// The gateway ended as it was told.
    Stop,
    /// Configuration was read or changed.
    Configuration,
    /// Trust anchors or revocation lists changed.
    Trust,
    /// A TLS handshake failed.
    HandshakeFailed,
    /// A certificate that the handshake let through names nobody.
    IdentityRefused,
    /// A segment of the journal begins.
    Segment,
    /// The line before this one is signed.
    Checkpoint,
    /// The journal was found with a torn tail.
    Recovered,
    /// Events were not written one by one: there were too many.
    Dropped,
    /// Requests were turned away because too many were open.
    TurnedAway,
    /// An operator looked at what a caller would see of a patient, who is named.
    Explained,
    /// Somebody reviewed an access afterwards; the patient is named.
    Reviewed,
    /// Somebody read the record; the patient is named where one was asked for.
    Read,
    /// A portal was shown the access log of a patient, who is named.
    LogShown,
    /// A portal asked for an access log and was refused.
    LogRefused,
    /// Records were removed: they were kept for as long as the policy says.
    Removed,
}

impl EventKind {
    /// Returns the code that stands on record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Configuration => "configuration",
            Self::Trust => "trust",
            Self::HandshakeFailed => "handshake-failed",
            Self::IdentityRefused => "identity-refused",
            Self::Segment => "segment",
            Self::Checkpoint => "checkpoint",
            Self::Recovered => "recovered",
            Self::Dropped => "dropped",
            Self::TurnedAway => "turned-away",
            Self::Explained => "explained",
            Self::Reviewed => "reviewed",
            Self::Read => "read",
            Self::LogShown => "log-shown",
            Self::LogRefused => "log-refused",
            Self::Removed => "removed",
        }
    }

    /// Returns true if and only if somebody whose identity is not proven can bring the event about, as often as they like.
    #[must_use]
    pub fn is_unproven(self) -> bool {
        match self {
            Self::HandshakeFailed | Self::IdentityRefused => true,
            Self::Start
            | Self::Stop
            | Self::Configuration
            | Self::Trust
            | Self::Segment
            | Self::Checkpoint
            | Self::Recovered
            | Self::Dropped
            | Self::TurnedAway
            | Self::Explained
            | Self::Reviewed
            | Self::Read
            | Self::LogShown
            | Self::LogRefused
            | Self::Removed => false,
        }
    }
}

/// An event, for the journal. No patient is in it but in that of an explanation, of a review, of a reading and of an access
/// log.
pub struct Event {
    kind: EventKind,
    members: Members,
}

impl Event {
    /// Returns the checkpoint that covers `head` and all before it, by the signature of its message with the key of that id.
    #[must_use]
    pub fn checkpoint(head: Head, key: &str, signature: &[u8]) -> Self {
        let mut event = Self::new(EventKind::Checkpoint);
        event.members.object("checkpoint", |checkpoint| {
            checkpoint.number("seq", head.seq);
            checkpoint.text("hash", &head.hash.to_string());
            checkpoint.text("key", key);
            checkpoint.text("signature", &STANDARD.encode(signature));
        });
        event
    }

    /// Returns the statement that all records up to `last` were removed, which was written at `until`.
    #[must_use]
    pub fn removed(last: Head, until: &str) -> Self {
        let mut event = Self::new(EventKind::Removed);
        event.members.object("removed", |removed| {
            removed.number("seq", last.seq);
            removed.text("hash", &last.hash.to_string());
            removed.text("until", until);
        });
        event
    }

    /// Returns an event without details.
    #[must_use]
    pub fn new(kind: EventKind) -> Self {
        let mut members = Members::default();
        members.text("event", kind.code());
        Self { kind, members }
    }

    /// Adds where it came from.
    #[must_use]
    pub fn from_address(mut self, address: SocketAddr) -> Self {
        self.members.text("address", &address.to_string());
        self
    }

    /// Adds why, by the codes of whoever found it.
    #[must_use]
    pub fn because<'t>(mut self, reasons: impl IntoIterator<Item = &'t str>) -> Self {
        self.members.texts("reasons", reasons);
        self
    }

    /// Adds a detail; each event has its own names for them.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.members.text(name, value);
        self
    }

    /// Adds whose data is behind the gateway and the base URL under which it is called: the source of every record behind
    /// this one, as a request's records have it.
    #[must_use]
    pub fn at(mut self, holder: &str, base: &str) -> Self {
        self.members.object("source", |source| {
            source.text("holder", holder);
            source.text("base", base);
        });
        self
    }

    /// Adds whom it is about, by references to the Patient records, as a request's records have it.
    #[must_use]
    pub fn about<'t>(mut self, references: impl IntoIterator<Item = &'t str>) -> Self {
        self.members.object("patient", |patient| patient.texts("references", references));
        self
    }

    /// Adds whom it is about, by BSN.
    #[must_use]
    pub fn about_person(mut self, bsn: &Bsn) -> Self {
        self.members.object("patient", |patient| {
            patient.texts("references", []);
            patient.text("bsn", bsn.as_str());
        });
        self
    }

    /// Adds how many.
    #[must_use]
    pub fn counting(mut self, name: &'static str, count: u64) -> Self {
        self.members.number(name, count);
        self
    }

    /// Adds the intents that are open where a segment begins: whoever reads from there need not read what lies before.
    #[must_use]
    pub fn carrying<'o>(mut self, open: impl IntoIterator<Item = &'o OpenIntent>) -> Self {
        self.members.objects("open", open, |members, intent| {
            members.number("seq", intent.seq);
            members.text_or_null("request", intent.request.as_deref());
            members.text_or_null("ground", intent.ground.as_deref());
        });
        self
    }

    /// Returns what happened.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.kind
    }
}

impl From<Event> for Record {
    fn from(event: Event) -> Self {
        Self { kind: Kind::Event, request: None, ground: None, body: event.members.into_text() }
    }
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Event({})", self.kind.code())
    }
}
