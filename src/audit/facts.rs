//! What a trail comes to know of one request, stage by stage.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::consent::{Ground, Purpose, Sight};
use crate::identity::{Caller, Ura};
use crate::query::Bsn;

/// What is known when the caller is known.
pub struct Opening {
    /// The X-Request-Id, the caller's or ours.
    pub request: String,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Where the connection comes from.
    pub address: SocketAddr,
    /// The method as received.
    pub method: String,
    /// The request target as received, understood or not.
    pub target: Vec<u8>,
    /// The body of a POST as received; empty where there is none.
    pub form: Vec<u8>,
    /// Why, if that was understood.
    pub purpose: Option<Purpose>,
    /// The caller's own words for it, if given and understood.
    pub reason: Option<String>,
    /// Whose data is behind the gateway.
    pub holder: Ura,
    /// The name of the server that holds it.
    pub upstream: String,
    /// The base URL under which the gateway is called.
    pub base: String,
    /// The name of the policy in force, by which an answer is decided or refused.
    pub policy: String,
}

/// What the query was understood to ask.
pub struct Question {
    /// The kind of interaction.
    pub interaction: Interaction,
    /// The resource type, where the interaction has one.
    pub resource_type: Option<String>,
    /// The exchange profile that admits the query.
    pub exchange: Option<String>,
}

/// An interaction of the REST API, by its code in `http://hl7.org/fhir/restful-interaction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interaction {
    /// `metadata`
    Capabilities,
    /// One resource by its id.
    Read,
    /// A search by type.
    SearchType,
    /// `$summary`
    Summary,
    /// `$everything`
    Everything,
    /// `$lastn`
    LastN,
    /// Several requests in one; each has a record of its own.
    Batch,
}

impl Interaction {
    /// Returns the code of the interaction.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::Read => "read",
            Self::SearchType => "search-type",
            Self::Summary | Self::Everything | Self::LastN => "operation",
            Self::Batch => "batch",
        }
    }

    /// Returns the name of the operation, where it is one.
    #[must_use]
    pub fn operation(self) -> Option<&'static str> {
        match self {
            Self::Capabilities | Self::Read | Self::SearchType | Self::Batch => None,
            Self::Summary => Some("summary"),
            Self::Everything => Some("everything"),
            Self::LastN => Some("lastn"),
        }
    }

    /// Returns the action code of AuditEvent: a search or an operation executes, a read reads (IHE BALP, Query and Read patterns).
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Capabilities | Self::Read => "R",
            Self::SearchType | Self::Summary | Self::Everything | Self::LastN | Self::Batch => "E",
        }
    }
}

/// Whom the query is about.
#[derive(Clone, Default)]
pub struct Patient {
    /// References to all Patient records of the person: `Patient/1`.
    pub references: Vec<String>,
    /// The BSN, where the request named the person by it or the look-up told it.
    pub bsn: Option<Bsn>,
}

/// What a decision, either way, rests on.
#[derive(Clone)]
pub struct Basis {
    /// The ground.
    pub ground: Ground,
    /// The name of the policy in force.
    pub policy: String,
    /// References to the Consents that spoke.
    pub consents: Vec<String>,
    /// The resource that shows the treatment relation on which the policy grants something.
    pub relation: Option<String>,
    /// Why the access is to be reviewed.
    pub review: Option<Review>,
    /// What other policies would have decided, where that is something else.
    pub shadow: Option<Differs>,
}

/// A decision of other policies that differs from the one that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs {
    /// The name of the policy.
    pub policy: String,
    /// Its ground.
    pub ground: Ground,
    /// Whether it would show something or nothing.
    pub sight: Sight,
}

/// Why an access is to be reviewed afterwards (P12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// Its purpose is one that needs a reason.
    Reason,
    /// The glass was broken.
    Emergency(Emergency),
}

/// One emergency of one caller and one patient: all that is asked in it is reviewed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Its id.
    pub id: String,
    /// The moment of the first request.
    pub since: OffsetDateTime,
    /// The first moment that is no longer in it.
    pub until: OffsetDateTime,
}

/// How a request ended.
pub struct Closing {
    /// The end itself.
    pub outcome: Outcome,
    /// The status of the answer, if one began.
    pub status: Option<u16>,
    /// The code of the refusal or failure, where there was one.
    pub cause: Option<&'static str>,
    /// References to what left, in order.
    pub released: Vec<String>,
    /// References to what was not shown, each with its ground.
    pub withheld: Vec<(String, Ground)>,
    /// References to what other policies would show and this does not, or the other way round.
    pub differs: Vec<(String, Sight)>,
    /// How many matches the answer says there are, where it says it.
    pub total: Option<u64>,
    /// Bytes of the body that left.
    pub bytes: u64,
}

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The answer left in full.
    Delivered,
    /// The answer is no.
    Refused,
    /// An answer could not be given.
    Failed,
    /// The exchange ended before the answer did.
    CutOff,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Refused, Self::Failed, Self::CutOff];

    /// Returns the code that stands on record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::CutOff => "cut-off",
        }
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opening(…)")
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({})", self.interaction.code())
    }
}

impl fmt::Debug for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patient(…)")
    }
}

impl fmt::Debug for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Basis({})", self.ground.code())
    }
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Closing({})", self.outcome.code())
    }
}
