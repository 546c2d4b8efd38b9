//! What is to be reviewed afterwards: emergencies in which the glass was broken, and other accesses that needed a reason (P12).

mod closing;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{AuditError, Who, each_line, exit_code, plain};
use crate::audit::{Entry, Kind, Verdict, Verifier};
use closing::Reviewed;
pub use closing::{Closing, close};

/// Lists what is to be reviewed: as one JSON object, or as a line of text for each item. An emergency is one item, whatever
/// was asked in it; other accesses are one for each caller, patient, purpose and day. The patient is named by reference.
/// Each is open or closed: a review closes what its reviewer saw, and a request that came after that opens it again. The exit
/// code is 0, or 2 if the journal or that of the reviews is altered. Only lines that are as they were written count.
///
/// # Errors
/// The journal cannot be read.
pub fn review(directory: &Path, table: bool) -> Result<Listing, AuditError> {
    let Read { items, verdict: found, last } = read(directory)?;
    let verdict = found.code();
    let open = items.iter().filter(|item| item.state == State::Open).count();
    let text = if table {
        let mut lines: Vec<String> = items.iter().map(Item::text).collect();
        lines.push(format!("{open} to review of {}, the journal is {verdict}", items.len()));
        lines.join("\n")
    } else {
        serde_json::to_string(&Answer { verdict, open, items })?
    };
    Ok(Listing { text, code: exit_code(found), last })
}

/// What is to be reviewed.
pub struct Listing {
    /// The answer for stdout.
    pub text: String,
    /// The exit code.
    pub code: i32,
    /// Number of the last record that was read.
    pub last: u64,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listing({})", self.last)
    }
}

/// Returns the number of the first record of an item that is open; of all that is to be reviewed where the reviews are altered.
pub(super) fn first_open(directory: &Path) -> Result<Option<u64>, AuditError> {
    let Read { items, verdict, .. } = read(directory)?;
    let open = items.iter().filter(|item| item.state == State::Open || verdict == Verdict::Altered);
    Ok(open.flat_map(|item| item.requests.iter().map(|asked| asked.seq)).min())
}

/// Every item, and whether the journal and that of the reviews are as they were written.
struct Read {
    items: Vec<Item>,
    verdict: Verdict,
    /// Number of the last record.
    last: u64,
}

fn read(directory: &Path) -> Result<Read, AuditError> {
    let mut items: Vec<Item> = Vec::new();
    let found = each_line(directory, Verifier::from_the_first(), |entry, line| {
        let record: Record = serde_json::from_slice(line)?;
        if let Some(review) = record.review.clone() {
            match entry.kind {
                Kind::Intent => note(&mut items, record, review, entry),
                Kind::Close => ended(&mut items, &record),
                Kind::Event => {}
            }
        }
        Ok(())
    })?;
    let reviews = closing::judge(directory, &mut items)?;
    let verdict = if reviews == Verdict::Altered { reviews } else { found.verdict };
    Ok(Read { items, verdict, last: found.head.seq })
}

#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    /// How many are not closed.
    open: usize,
    items: Vec<Item>,
}

/// One thing to review.
#[derive(Serialize)]
struct Item {
    /// Of the emergency, or made of the hash of the first record: callers choose the ids of requests.
    id: String,
    /// `break-glass` or `reason`.
    kind: String,
    who: Who,
    patient: Vec<String>,
    purpose: String,
    since: String,
    until: String,
    /// In the callers' own words, each once.
    reasons: Vec<String>,
    requests: Vec<Request>,
    /// Number of the last record of a request: what `--close --upto` needs to close what is listed, and no more.
    upto: u64,
    state: State,
    /// Every review of it, in order.
    reviews: Vec<Reviewed>,
    #[serde(skip)]
    key: Key,
}

/// Whether an item waits for a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Closed,
}

/// What makes accesses one item.
#[derive(PartialEq, Eq)]
enum Key {
    Emergency(String),
    Reasoned { ura: String, uzi: String, patient: Vec<String>, purpose: String, day: String },
}

#[derive(Serialize)]
struct Request {
    #[serde(skip)]
    seq: u64,
    request: String,
    time: String,
    ground: Option<String>,
    exchange: Option<String>,
    interaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(rename = "type")]
    resource_type: Option<String>,
    /// None while the request is under way, or where the gateway ended before it did.
    outcome: Option<String>,
    released: usize,
    /// How many matches it was told there are, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

#[derive(Deserialize)]
struct Record {
    time: String,
    request: Option<String>,
    ground: Option<String>,
    #[serde(default)]
    who: Who,
    patient: Option<Patient>,
    purpose: Option<String>,
    reason: Option<String>,
    exchange: Option<String>,
    interaction: Option<String>,
    operation: Option<String>,
    #[serde(rename = "type")]
    resource_type: Option<String>,
    review: Option<String>,
    emergency: Option<Emergency>,
    outcome: Option<String>,
    #[serde(default)]
    released: Vec<String>,
    total: Option<u64>,
}

#[derive(Deserialize)]
struct Patient {
    references: Vec<String>,
}

#[derive(Deserialize, Clone)]
struct Emergency {
    id: String,
    since: String,
    until: String,
}

fn key(record: &Record) -> Key {
    match &record.emergency {
        Some(emergency) => Key::Emergency(emergency.id.clone()),
        None => Key::Reasoned {
            ura: record.who.ura.clone(),
            uzi: record.who.uzi.clone(),
            patient: record.patient.as_ref().map(|patient| patient.references.clone()).unwrap_or_default(),
            purpose: record.purpose.clone().unwrap_or_default(),
            day: record.time.split('T').next().unwrap_or_default().to_owned(),
        },
    }
}

fn note(items: &mut Vec<Item>, record: Record, review: String, entry: &Entry) {
    let key = key(&record);
    let Record { time, request, ground, who, patient, purpose, reason, exchange, .. } = record;
    let Record { interaction, operation, resource_type, .. } = record;
    let asked = Request {
        seq: entry.seq,
        request: request.unwrap_or_default(),
        time: time.clone(),
        ground,
        exchange,
        interaction,
        operation,
        resource_type,
        outcome: None,
        released: 0,
        total: None,
    };
    let at = items.iter().position(|item| item.key == key).unwrap_or_else(|| {
        let (since, until) = match &record.emergency {
            Some(emergency) => (emergency.since.clone(), emergency.until.clone()),
            None => (time.clone(), time.clone()),
        };
        let id = match &key {
            Key::Emergency(id) => id.clone(),
            Key::Reasoned { .. } => entry.hash.to_string().chars().take(16).collect(),
        };
        items.push(Item {
            id,
            kind: review,
            who,
            patient: patient.map(|patient| patient.references).unwrap_or_default(),
            purpose: purpose.unwrap_or_default(),
            since,
            until,
            reasons: Vec::new(),
            requests: Vec::new(),
            upto: entry.seq,
            state: State::Open,
            reviews: Vec::new(),
            key,
        });
        items.len() - 1
    });
    let Some(item) = items.get_mut(at) else { return };
    item.reasons.extend(reason.filter(|reason| !item.reasons.contains(reason)));
    if let Key::Reasoned { .. } = item.key {
        item.until = time;
    }
    item.upto = asked.seq;
    item.requests.push(asked);
}

/// Adds how a request ended, to the last one of that id that has not.
fn ended(items: &mut [Item], record: &Record) {
    let key = key(record);
    let item = items.iter_mut().rev().find(|item| item.key == key);
    let asked = item.and_then(|item| {
        let open = |asked: &&mut Request| asked.outcome.is_none() && Some(&asked.request) == record.request.as_ref();
        item.requests.iter_mut().rev().find(open)
    });
    if let Some(asked) = asked {
        asked.outcome.clone_from(&record.outcome);
        asked.released = record.released.len();
        asked.total = record.total;
    }
}

impl Item {
    fn text(&self) -> String {
        let who = &self.who;
        let patient = self.patient.join(" ");
        let reasons = self.reasons.iter().map(|reason| format!("\"{reason}\"")).collect::<Vec<_>>().join(" ");
        let released: usize = self.requests.iter().map(|one| one.released).sum();
        let counted = self.requests.iter().filter(|one| one.total.is_some()).count();
        let counted = if counted == 0 { String::new() } else { format!(", {counted} counted") };
        let count = format!("{} requests, {released} released{counted}", self.requests.len());
        let upto = format!("upto {}", self.upto);
        let state = match self.state {
            State::Open => "open".to_owned(),
            State::Closed => self.reviews.last().map(Reviewed::text).unwrap_or_default(),
        };
        let words = [
            self.since.as_str(),
            &self.until,
            &self.kind,
            &self.id,
            &upto,
            &who.ura,
            &who.organization,
            &who.uzi,
            &who.role,
            &who.surname,
            &patient,
            &self.purpose,
            &reasons,
            &count,
            &state,
        ];
        plain(&words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  "))
    }
}
