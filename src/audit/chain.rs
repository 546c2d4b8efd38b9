//! The chain: every line holds the hash of the line before it and its own.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::checkpoint::{Checkpoint, Stated};
use super::members::Members;
use super::record::{Kind, Record};
use super::verify::Fault;

/// Not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 64 lower-case hexadecimal digits are expected")]
pub struct NotAHash;

/// SHA-256 over the bytes of a line up to its own `hash` member; the `prev` of the line is among them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands as `prev` on the first line.
    pub const NONE: Self = Self([0; 32]);

    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the bytes of the hash.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(digit).collect();
        f.write_str(&digits)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let digits: Vec<u8> = text.bytes().map(nibble).collect::<Option<_>>().ok_or(NotAHash)?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
        // An odd number of digits never makes 64 of them.
        if text.len() == 64 { bytes.try_into().map(Self).map_err(|_| NotAHash) } else { Err(NotAHash) }
    }
}

impl TryFrom<String> for Hash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or_default()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The end of the chain: number and hash of its last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the line; the first is 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// RFC 3339 in UTC, always to the microsecond.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

impl Head {
    /// The head of a chain without lines.
    pub const NONE: Self = Self { seq: 0, hash: Hash::NONE };

    /// Writes the next line behind `out` and moves on to it. A closing record names the `intents` it closes.
    pub fn write(&mut self, record: &Record, time: OffsetDateTime, intents: &[u64], out: &mut Vec<u8>) {
        self.seq += 1;
        let mut members = Members::default();
        members.number("v", VERSION);
        members.number("seq", self.seq);
        members.text_or_null("time", written(time).as_deref());
        members.text("kind", record.kind.code());
        members.text_or_null("request", record.request.as_deref());
        members.text_or_null("ground", record.ground.as_deref());
        members.written(&record.body);
        if !intents.is_empty() {
            members.numbers("intents", intents);
        }
        members.text("prev", &self.hash.to_string());
        let start = out.len();
        out.push(b'{');
        out.extend_from_slice(members.into_text().as_bytes());
        self.hash = Hash::of(out.get(start..).unwrap_or_default());
        out.extend_from_slice(MARK);
        out.extend_from_slice(self.hash.to_string().as_bytes());
        out.extend_from_slice(b"\"}\n");
    }
}

/// Returns a moment as it stands on a line. One outside the years of RFC 3339 cannot be written; the record matters more than
/// its time.
#[must_use]
pub fn written(time: OffsetDateTime) -> Option<String> {
    time.to_offset(UtcOffset::UTC).format(TIME).ok()
}

const VERSION: u64 = 1;

/// Between the bytes that are hashed and the hash. It stands nowhere else on a line: quotes in texts are escaped.
pub(super) const MARK: &[u8] = b",\"hash\":\"";

/// Bytes of a line behind those that are hashed, without the line's end.
pub(super) const SEAL: usize = MARK.len() + 64 + 2;

/// An intent that no record closes.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct OpenIntent {
    /// Its number.
    pub seq: u64,
    /// The id of the request.
    pub request: Option<String>,
    /// The code of its ground.
    pub ground: Option<String>,
}

impl fmt::Debug for OpenIntent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenIntent({})", self.seq)
    }
}

/// What the chain needs to know of a line.
#[derive(Debug, Deserialize)]
pub struct Entry {
    v: u64,
    /// Number of the line.
    pub seq: u64,
    /// When it was written, if that could be.
    time: Option<String>,
    /// What it is a record of.
    pub kind: Kind,
    checkpoint: Option<Stated>,
    /// The id of the request, if it is of one.
    pub request: Option<String>,
    /// The code of the ground, if there is one.
    pub ground: Option<String>,
    /// The intents that it closes.
    #[serde(default)]
    pub intents: Vec<u64>,
    /// The intents that were open where the segment begins.
    #[serde(default)]
    pub open: Vec<OpenIntent>,
    /// The hash of the line before.
    pub prev: Hash,
    /// Its own hash.
    pub hash: Hash,
}

impl Entry {
    /// Returns the head of a chain that ends here.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }

    /// Returns when it was written, as it stands on the line.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        self.time.as_deref()
    }

    /// Returns the checkpoint, if the line is one; an error where it says that it is and signs something else than the line
    /// before it.
    ///
    /// # Errors
    /// It is a checkpoint of nothing.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, NoCheckpoint> {
        let Some(stated) = &self.checkpoint else { return Ok(None) };
        let checkpoint = Checkpoint::of(stated, self.time()).ok_or(NoCheckpoint)?;
        let before = Head { seq: self.seq.saturating_sub(1), hash: self.prev };
        if checkpoint.head() == before { Ok(Some(checkpoint)) } else { Err(NoCheckpoint) }
    }
}

/// A line says that it is a checkpoint, and signs something else than the line before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint of the line before it")]
pub struct NoCheckpoint;

/// A line that is not a record as it was written.
#[derive(Debug)]
pub struct Misread {
    /// What is wrong.
    pub fault: Fault,
    /// What the line says of its place, if it can be read at all.
    pub head: Option<Head>,
}

/// Reads a line, without its end, and compares it with its own hash.
///
/// # Errors
/// The line is no record, or not the one that was written.
pub fn read(line: &[u8]) -> Result<Entry, Misread> {
    let entry = serde_json::from_slice::<Entry>(line).ok().filter(|entry| entry.v == VERSION);
    let stated = line.len().checked_sub(SEAL).and_then(|end| line.split_at_checked(end));
    let Some((hashed, seal)) = stated else { return Err(Misread { fault: Fault::Malformed, head: None }) };
    let head = entry.as_ref().map(Entry::head);
    let seal = seal.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(b"\"}"));
    let seal = seal.and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| Hash::from_str(digits).ok());
    match (seal, entry) {
        (Some(hash), _) if hash != Hash::of(hashed) => Err(Misread { fault: Fault::Altered, head }),
        (Some(_), Some(entry)) => Ok(entry),
        (Some(_) | None, _) => Err(Misread { fault: Fault::Malformed, head }),
    }
}
