//! Accesses: what a journal tells of each request, read back from its records.
//!
//! A request is told by its intent and its closing record, one that was refused by its closing record alone, and one whose
//! gateway was killed by its intent and a closing record that says no more than that. Records of older gateways lack
//! members that younger ones have; what they lack is not known, and nothing is made up for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chain::{Entry, Hash};
use super::record::Kind;

/// Something that a journal tells.
#[derive(Debug)]
pub enum Told {
    /// A request of a known caller.
    Access(Box<Access>),
    /// Something else.
    Occurrence(Box<Occurrence>),
}

impl Told {
    /// Returns when it was put on record, if that could be written.
    #[must_use]
    pub fn time(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Access(access) => access.time,
            Self::Occurrence(occurrence) => occurrence.time,
        }
    }

    /// Returns whom it is about, if it is about anybody.
    #[must_use]
    pub fn patient(&self) -> Option<&Subject> {
        match self {
            Self::Access(access) => access.facts.patient.as_ref(),
            Self::Occurrence(occurrence) => occurrence.facts.patient.as_ref(),
        }
    }
}

/// One request of a known caller.
pub struct Access {
    /// Of its last record.
    pub(super) hash: Hash,
    /// Of its last record.
    pub(super) time: Option<OffsetDateTime>,
    /// When data was about to be asked for; none where it was not.
    pub(super) intended: Option<OffsetDateTime>,
    /// Whether data was about to be asked for: the decision was a permit.
    pub(super) permitted: bool,
    pub(super) facts: Facts,
}

/// Something on record that is no request of a known caller.
pub struct Occurrence {
    pub(super) hash: Hash,
    pub(super) time: Option<OffsetDateTime>,
    pub(super) facts: Facts,
}

impl Access {
    /// Returns when it was put on record last, if that could be written.
    #[must_use]
    pub fn time(&self) -> Option<OffsetDateTime> {
        self.time
    }

    /// Returns when it began, as far as that could be written.
    #[must_use]
    pub fn began(&self) -> Option<OffsetDateTime> {
        self.intended.or(self.time)
    }

    /// Returns whom it is about, if that is known.
    #[must_use]
    pub fn patient(&self) -> Option<&Subject> {
        self.facts.patient.as_ref()
    }

    /// Returns references to what left, where that is on record: not of a request that is under way, nor of one whose trail
    /// was cut off. What was never asked for never left.
    #[must_use]
    pub fn released(&self) -> Option<&[String]> {
        if self.permitted { self.facts.released.as_deref() } else { Some(&[]) }
    }

    /// Returns how many matches the answer said there are, where it did and there are any: that tells something of the person
    /// though no resource left.
    #[must_use]
    pub fn counted(&self) -> Option<u64> {
        self.facts.total.filter(|total| self.permitted && *total > 0)
    }
}

/// The person that an access is about.
#[derive(Clone, Deserialize)]
pub struct Subject {
    /// References to all Patient records of the person.
    pub references: Vec<String>,
    /// The BSN, where it is known.
    pub bsn: Option<String>,
}

/// The members of a line that tell more than its place.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    pub(super) time: Option<String>,
    pub(super) request: Option<String>,
    pub(super) ground: Option<String>,
    pub(super) who: Option<Who>,
    pub(super) address: Option<String>,
    pub(super) asked: Option<Asked>,
    pub(super) purpose: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) action: Option<String>,
    pub(super) interaction: Option<String>,
    pub(super) operation: Option<String>,
    #[serde(rename = "type")]
    pub(super) resource_type: Option<String>,
    pub(super) exchange: Option<String>,
    pub(super) patient: Option<Subject>,
    pub(super) authorisation: Option<Authorisation>,
    pub(super) review: Option<String>,
    pub(super) emergency: Option<Emergency>,
    pub(super) source: Option<Source>,
    pub(super) outcome: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) released: Option<Vec<String>>,
    pub(super) total: Option<u64>,
    pub(super) withheld: BTreeMap<String, Vec<String>>,
    pub(super) event: Option<String>,
    pub(super) reasons: Vec<String>,
    pub(super) state: Option<String>,
    pub(super) count: Option<u64>,
    pub(super) user: Option<String>,
    pub(super) by: Option<String>,
    pub(super) command: Option<String>,
}

#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub(super) struct Who {
    pub(super) ura: String,
    pub(super) uzi: String,
    pub(super) card_type: String,
    pub(super) role: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) surname: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) certificate: Option<Certificate>,
    pub(super) statement: Option<Statement>,
}

/// What says who acts behind a system.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Statement {
    pub(super) kind: String,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) jti: String,
    pub(super) system: String,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Certificate {
    pub(super) sha256: String,
}

impl Who {
    /// Returns the role that is proven, or what stands on a certificate that proves none (CPS UZI-register, 7.1).
    pub(super) fn role(&self) -> &str {
        self.role.as_deref().unwrap_or("00.000")
    }

    /// Returns true if and only if a person is proven: by a card, or by a statement.
    pub(super) fn is_person(&self) -> bool {
        matches!(self.card_type.as_str(), "Z" | "N") || self.statement.is_some()
    }

    pub(super) fn name(&self) -> Option<String> {
        let words = [self.given_name.as_deref(), self.surname.as_deref()];
        let name = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        (!name.is_empty()).then_some(name)
    }
}

/// A request as it came, each part in base64.
#[derive(Clone, Deserialize)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    /// How long the target was, where it is on record by its beginning.
    pub(super) target_bytes: Option<u64>,
    pub(super) form: Option<String>,
    pub(super) form_bytes: Option<u64>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Authorisation {
    pub(super) policy: String,
    #[serde(default)]
    pub(super) consents: Vec<String>,
    pub(super) relation: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Emergency {
    pub(super) id: String,
    pub(super) since: String,
    pub(super) until: String,
}

#[derive(Clone, Deserialize)]
pub(super) struct Source {
    pub(super) holder: String,
    pub(super) upstream: Option<String>,
    pub(super) base: Option<String>,
}

/// Gathers the records of each request, in the order of the journal.
#[derive(Debug, Default)]
pub struct Accesses {
    /// By the number of the intent.
    open: BTreeMap<u64, Access>,
    /// With the number of the record that says so.
    source: Option<(u64, Source)>,
}

impl Accesses {
    /// Takes the next record, and returns what it completes.
    ///
    /// # Errors
    /// The record has a member of a kind that no gateway writes.
    pub fn take(&mut self, entry: &Entry, line: &[u8]) -> Result<Option<Told>, serde_json::Error> {
        let mut facts: Facts = serde_json::from_slice(line)?;
        match (&facts.source, &self.source) {
            (Some(source), _) => self.source = Some((entry.seq, source.clone())),
            // An event is of the gateway that wrote what stands before it.
            (None, Some((_, source))) if entry.kind == Kind::Event => facts.source = Some(source.clone()),
            (None, _) => {}
        }
        let (hash, time) = (entry.hash, facts.time.as_deref().and_then(moment));
        Ok(match entry.kind {
            Kind::Intent => {
                self.open.insert(entry.seq, Access { hash, time, intended: time, permitted: true, facts });
                None
            }
            Kind::Close => Some(Told::Access(Box::new(self.close(entry, time, facts)))),
            Kind::Event => Some(Told::Occurrence(Box::new(Occurrence { hash, time, facts }))),
        })
    }

    /// Returns the number of the first record that what follows can still need: whoever begins there knows as much, so that
    /// what is told from here on is told the same way again. None where nothing before is needed.
    #[must_use]
    pub fn needs(&self) -> Option<u64> {
        let intent = self.open.first_key_value().map(|(seq, _)| *seq);
        let source = self.source.as_ref().map(|(seq, _)| *seq);
        intent.into_iter().chain(source).min()
    }

    /// Returns the requests whose end is not on record, in the order in which they began.
    #[must_use]
    pub fn under_way(self) -> Vec<Access> {
        self.open.into_values().collect()
    }

    fn close(&mut self, entry: &Entry, time: Option<OffsetDateTime>, mut facts: Facts) -> Access {
        let intents: Vec<Access> = entry.intents.iter().filter_map(|intent| self.open.remove(intent)).collect();
        let intended = intents.first().and_then(|intent| intent.intended);
        // A start closes what it finds open, and knows no more of it than its intent does.
        if let (None, Some(intent)) = (&facts.who, intents.into_iter().next_back()) {
            let Facts { outcome, cause, .. } = facts;
            facts = Facts { outcome, cause, ..intent.facts };
        }
        Access { hash: entry.hash, time, intended, permitted: !entry.intents.is_empty(), facts }
    }
}

pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Access({})", self.hash)
    }
}

impl fmt::Debug for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Occurrence({})", self.facts.event.as_deref().unwrap_or_default())
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(…)")
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.holder)
    }
}
