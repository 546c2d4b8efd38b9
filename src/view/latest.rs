//! Latest: the last observations of each code, found as the visible ones pass by.
//!
//! Observations are of one group where their codes share a coding (system and code), also by way of a third one, or, where one
//! has no coding, where the texts of their codes are the same (FHIR R4, Observation/$lastn); value sets and subsumption are
//! not looked at. Only the last of each group are kept. Nothing here depends on the order in which they come.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::json::{Document, Value};
use crate::limits;
use crate::query::{LastN, PartialDate};
use crate::view::ViewError;
use crate::view::include::targets;
use crate::view::reference::{Key, Known};
use crate::view::resource::Resource;

/// An observation that is one of the last so far.
pub(super) struct Kept {
    pub(super) key: Key,
    /// As it is released.
    pub(super) bytes: Vec<u8>,
    rank: Rank,
}

impl Kept {
    /// The latest comes first; what is alike in that is in the order of the ids.
    fn order(&self) -> (Reverse<Rank>, &Key) {
        (Reverse(self.rank), &self.key)
    }
}

/// How late an observation is. One that does not say when it was made comes before all that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Rank {
    made: Option<Stretch>,
    /// When it was made available: `issued`.
    issued: Option<i128>,
}

/// From when until when, in nanoseconds UTC: what ended later is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    until: i128,
    from: i128,
}

/// What tells a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Code {
    Coded { system: Option<String>, code: String },
    Text(String),
    Absent,
}

/// The last of each group so far.
pub(super) struct Latest {
    lastn: LastN,
    groups: Vec<Group>,
    by_code: HashMap<Code, usize>,
    bytes: usize,
}

/// A group, or what became part of another one.
enum Group {
    Of(Vec<Kept>),
    PartOf(usize),
}

impl Latest {
    pub(super) fn new(lastn: LastN) -> Self {
        Self { lastn, groups: Vec::new(), by_code: HashMap::new(), bytes: 0 }
    }

    pub(super) fn lastn(&self) -> &LastN {
        &self.lastn
    }

    /// Takes an observation as it would be released.
    ///
    /// # Errors
    /// More than one answer holds.
    pub(super) fn take(&mut self, key: Key, bytes: Vec<u8>) -> Result<(), ViewError> {
        let document = Document::read(&bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
        let observation = document.root();
        if !self.lastn.counts(observation) {
            return Ok(());
        }
        let (codes, rank) = (codes(observation), rank(observation));
        drop(document);
        let group = self.group(codes);
        self.bytes += bytes.len();
        if let Some(Group::Of(kept)) = self.groups.get_mut(group) {
            kept.push(Kept { key, bytes, rank });
        }
        self.shorten(group);
        if self.bytes > limits::COMPOSED_BYTES { Err(ViewError::ComposedTooLarge) } else { Ok(()) }
    }

    /// Returns the last ones, the latest first.
    pub(super) fn last(&self) -> Vec<&Kept> {
        let kept = self.groups.iter().flat_map(|group| match group {
            Group::Of(kept) => kept.as_slice(),
            Group::PartOf(_) => &[],
        });
        let mut last: Vec<&Kept> = kept.collect();
        last.sort_by(|one, other| one.order().cmp(&other.order()));
        last
    }

    /// Returns what is to come along with them.
    ///
    /// # Errors
    /// More than one answer may refer to.
    pub(super) fn included(&self, known: Known<'_>) -> Result<BTreeSet<Key>, ViewError> {
        let last = self.last();
        let mut included = BTreeSet::new();
        for kept in &last {
            let document = Document::read(&kept.bytes, limits::RESOURCE).map_err(|_| ViewError::NotStrictJson)?;
            included.extend(targets(self.lastn.includes(), &Resource::read(document.root())?, known));
        }
        for kept in last {
            included.remove(&kept.key);
        }
        if included.len() > limits::REFERENCES { Err(ViewError::TooManyIncludes) } else { Ok(included) }
    }

    /// Returns the one group of these codes: those that were several until now become one.
    fn group(&mut self, codes: Vec<Code>) -> usize {
        let mut found: Vec<usize> = codes.iter().filter_map(|code| self.by_code.get(code)).copied().collect();
        for group in &mut found {
            *group = self.standing(*group);
        }
        found.sort_unstable();
        found.dedup();
        let mut found = found.into_iter();
        let group = found.next().unwrap_or_else(|| {
            self.groups.push(Group::Of(Vec::new()));
            self.groups.len() - 1
        });
        for part in found {
            let joined = self.groups.get_mut(part).map(|part| std::mem::replace(part, Group::PartOf(group)));
            if let (Some(Group::Of(joined)), Some(Group::Of(kept))) = (joined, self.groups.get_mut(group)) {
                kept.extend(joined);
            }
        }
        for code in codes {
            if !self.by_code.contains_key(&code) {
                self.bytes += code.bytes();
            }
            self.by_code.insert(code, group);
        }
        group
    }

    /// Returns the group that a group has become part of; itself where it stands.
    fn standing(&self, mut group: usize) -> usize {
        while let Some(Group::PartOf(other)) = self.groups.get(group) {
            group = *other;
        }
        group
    }

    /// Keeps the last of a group only.
    fn shorten(&mut self, group: usize) {
        let Some(Group::Of(kept)) = self.groups.get_mut(group) else { return };
        kept.sort_by(|one, other| one.order().cmp(&other.order()));
        let max = self.lastn.max();
        let gone: usize = kept.iter().skip(max).map(|kept| kept.bytes.len()).sum();
        kept.truncate(max);
        self.bytes = self.bytes.saturating_sub(gone);
    }
}

impl Code {
    /// Returns about how much room it takes.
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Coded { system, code } => system.as_ref().map_or(0, String::len) + code.len(),
                Self::Text(text) => text.len(),
                Self::Absent => 0,
            }
    }
}

/// Returns the codings of an observation's code; without any its text, and what has neither is alike.
fn codes(observation: Value<'_>) -> Vec<Code> {
    let Some(concept) = observation.get("code") else { return vec![Code::Absent] };
    let coded = concept.get("coding").into_iter().flat_map(|codings| codings.items()).filter_map(|coding| {
        let code = coding.text_of("code")?.into_owned();
        Some(Code::Coded { system: coding.text_of("system").map(std::borrow::Cow::into_owned), code })
    });
    let mut codes: Vec<Code> = coded.collect();
    if codes.is_empty() {
        codes.push(concept.text_of("text").map_or(Code::Absent, |text| Code::Text(text.into_owned())));
    }
    codes
}

/// Reads how late an observation is. A period counts by its end, an open one by its start; a timing by the last of its events.
fn rank(observation: Value<'_>) -> Rank {
    let text = |value: Value<'_>| stretch(&value.as_str()?);
    let made = observation
        .get("effectiveDateTime")
        .or_else(|| observation.get("effectiveInstant"))
        .and_then(text)
        .or_else(|| period(observation.get("effectivePeriod")?))
        .or_else(|| observation.get("effectiveTiming")?.get("event")?.items().filter_map(text).max());
    let issued = observation.get("issued").and_then(text).map(|issued| issued.from);
    Rank { made, issued }
}

fn period(period: Value<'_>) -> Option<Stretch> {
    let at = |name: &str| stretch(&period.text_of(name)?);
    match (at("start"), at("end")) {
        (Some(start), Some(end)) => Some(Stretch { until: end.until, from: start.from }),
        (start, end) => start.or(end),
    }
}

fn stretch(text: &str) -> Option<Stretch> {
    let date = PartialDate::read(text)?;
    Some(Stretch { until: date.until().in_utc(), from: date.from().in_utc() })
}
