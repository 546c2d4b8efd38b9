//! One line of the record, but for its place in the chain.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::facts::{Basis, Closing, Differs, Emergency, Opening, Outcome, Patient, Question, Review};
use super::members::Members;
use crate::consent::{Ground, Sight};
use crate::identity::Caller;
use crate::limits;

/// What a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Data that can be released is about to be asked for.
    Intent,
    /// A request of a known caller has ended.
    Close,
    /// Something that is no request of a known caller.
    Event,
}

impl Kind {
    /// Returns the word that stands on record.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Close => "close",
            Self::Event => "event",
        }
    }
}

/// A record as it waits for its place in the chain: number, time and hashes are given where it is written.
pub struct Record {
    pub(super) kind: Kind,
    pub(super) request: Option<String>,
    pub(super) ground: Option<String>,
    /// The other members, written: `"who":{…},…`.
    pub(super) body: String,
}

impl Record {
    /// Returns what the record is of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the id of the request, if the record is of one.
    #[must_use]
    pub fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }

    /// Returns the code of the ground, if there was a decision.
    #[must_use]
    pub fn ground(&self) -> Option<&str> {
        self.ground.as_deref()
    }

    /// Returns the closing record of a request whose intent was found without one: the gateway that served it is gone.
    #[must_use]
    pub fn abandoned(request: Option<&str>, ground: Option<&str>) -> Self {
        let mut members = Members::default();
        members.text("outcome", Outcome::CutOff.code());
        members.text("cause", "gateway-ended");
        Self {
            kind: Kind::Close,
            request: request.map(str::to_owned),
            ground: ground.map(str::to_owned),
            body: members.into_text(),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({})", self.kind.code())
    }
}

/// Everything a trail knows.
pub(super) struct Account {
    pub(super) opening: Opening,
    pub(super) question: Option<Question>,
    pub(super) patient: Option<Patient>,
    pub(super) basis: Option<Basis>,
}

impl Account {
    pub(super) fn intent(&self) -> Record {
        self.record(Kind::Intent, self.members())
    }

    /// Without a `closing` the trail was dropped: what left is not known here, so the record claims nothing about it.
    pub(super) fn close(&self, closing: Option<&Closing>) -> Record {
        let mut members = self.members();
        match closing {
            Some(closing) => ended(&mut members, closing),
            None => members.text("outcome", Outcome::CutOff.code()),
        }
        self.record(Kind::Close, members)
    }

    fn record(&self, kind: Kind, members: Members) -> Record {
        Record {
            kind,
            request: Some(self.opening.request.clone()),
            ground: self.basis.as_ref().map(|basis| basis.ground.code().to_owned()),
            body: members.into_text(),
        }
    }

    fn members(&self) -> Members {
        let mut members = Members::default();
        let opening = &self.opening;
        members.object("who", |who| self::who(who, &opening.caller));
        members.text("address", &opening.address.to_string());
        members.object("asked", |asked| {
            asked.text("method", &opening.method.chars().take(METHOD).collect::<String>());
            received(asked, ("target", "target_bytes"), &opening.target, limits::TARGET_BYTES);
            if !opening.form.is_empty() {
                received(asked, ("form", "form_bytes"), &opening.form, limits::FORM_BYTES);
            }
        });
        members.known("purpose", opening.purpose.map(|purpose| purpose.code()));
        members.known("reason", opening.reason.as_deref());
        // A request that was not understood was an attempt to have something done.
        members.text("action", self.question.as_ref().map_or("E", |question| question.interaction.action()));
        if let Some(question) = &self.question {
            members.text("interaction", question.interaction.code());
            members.known("operation", question.interaction.operation());
            members.known("type", question.resource_type.as_deref());
            members.known("exchange", question.exchange.as_deref());
        }
        if let Some(patient) = &self.patient {
            members.object("patient", |members| {
                members.texts("references", patient.references.iter().map(String::as_str));
                members.known("bsn", patient.bsn.as_ref().map(|bsn| bsn.as_str()));
            });
        }
        // A request that was refused before a decision was refused under the policy in force.
        members.object("authorisation", |members| match &self.basis {
            None => members.text("policy", &opening.policy),
            Some(basis) => {
                members.text("policy", &basis.policy);
                members.texts("consents", basis.consents.iter().map(String::as_str));
                members.known("relation", basis.relation.as_deref());
            }
        });
        if let Some(basis) = &self.basis {
            if let Some(review) = &basis.review {
                self::review(&mut members, review);
            }
            if let Some(Differs { policy, ground, sight }) = &basis.shadow {
                members.object("shadow", |shadow| {
                    shadow.text("policy", policy);
                    shadow.text("ground", ground.code());
                    shadow.text("would", would(*sight));
                });
            }
        }
        members.object("source", |source| {
            source.text("holder", opening.holder.as_str());
            source.text("upstream", &opening.upstream);
            source.text("base", &opening.base);
        });
        members
    }
}

fn review(members: &mut Members, review: &Review) {
    match review {
        Review::Reason => members.text("review", "reason"),
        Review::Emergency(Emergency { id, since, until }) => {
            members.text("review", "break-glass");
            members.object("emergency", |emergency| {
                emergency.text("id", id);
                let moment = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
                emergency.text("since", &moment(*since));
                emergency.text("until", &moment(*until));
            });
        }
    }
}

/// Longer than any method that is known; what is not known is cut.
const METHOD: usize = 32;

/// Writes bytes as they came; a request that is too long to be understood is on record by its beginning and its length.
fn received(members: &mut Members, (name, length): (&str, &str), bytes: &[u8], limit: usize) {
    match bytes.get(..limit) {
        Some(beginning) if bytes.len() > limit => {
            members.text(name, &STANDARD.encode(beginning));
            members.number(length, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        }
        Some(_) | None => members.text(name, &STANDARD.encode(bytes)),
    }
}

fn who(who: &mut Members, caller: &Caller) {
    who.text("ura", caller.ura().as_str());
    who.text("uzi", caller.uzi().as_str());
    who.text("card_type", caller.card_type().letter().encode_utf8(&mut [0; 4]));
    if let (Some(statement), Some(system)) = (caller.statement(), caller.system()) {
        // Who acts is who stands here; the system is named beside what says so.
        who.object("statement", |members| {
            members.text("kind", statement.kind.code());
            members.text("issuer", &statement.issuer);
            members.text("subject", &statement.subject);
            members.text("jti", &statement.jti);
            members.text("system", system.as_str());
        });
    }
    who.known("role", caller.role().map(|role| role.as_str()));
    let names = caller.names();
    who.known("given_name", names.given_name.as_deref());
    who.known("surname", names.surname.as_deref());
    who.known("title", names.title.as_deref());
    who.known("organization", names.organization.as_deref());
    who.known("agb", names.agb.as_deref());
    if let Some(facts) = caller.certificate() {
        who.object("certificate", |certificate| {
            certificate.text("issuer", &facts.issuer);
            certificate.text("serial", &facts.serial);
            certificate.text("sha256", &facts.sha256);
        });
    }
}

fn ended(members: &mut Members, closing: &Closing) {
    members.text("outcome", closing.outcome.code());
    if let Some(status) = closing.status {
        members.number("status", status.into());
    }
    members.known("cause", closing.cause);
    members.texts("released", closing.released.iter().map(String::as_str));
    if let Some(total) = closing.total {
        members.number("total", total);
    }
    members.object("withheld", |withheld| {
        let mut by_ground: BTreeMap<&'static str, Vec<&str>> = BTreeMap::new();
        for (reference, ground) in &closing.withheld {
            by_ground.entry(Ground::code(*ground)).or_default().push(reference);
        }
        for (ground, references) in by_ground {
            withheld.texts(ground, references);
        }
    });
    if !closing.differs.is_empty() {
        members.object("differs", |shadow| {
            for sight in [Sight::Visible, Sight::Hidden] {
                let those = closing.differs.iter().filter(|(_, differs)| *differs == sight);
                shadow.texts(would(sight), those.map(|(reference, _)| reference.as_str()));
            }
        });
    }
    members.number("bytes", closing.bytes);
}

fn would(sight: Sight) -> &'static str {
    match sight {
        Sight::Visible => "show",
        Sight::Hidden => "hide",
    }
}
