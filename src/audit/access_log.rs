//! The access log of a patient: who looked, when, at what kind of data, for what, and on which ground (P15; NEN 7513,
//! chapter 9).
//!
//! A line says the day and the time of the Netherlands, the organisation and the role, never a name of an employee. Equal
//! lines of one day are one line that says how often. It says what was asked for and whether something was shown; what was
//! withheld is in none. Attempts that were refused are among the lines, as ones that showed nothing: with whom a look can be
//! taken up does not depend on whether it met anything (P15; TWIIN 10.1.9 logs attempts as well).

mod days;
mod page;
mod summer;
mod words;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use super::access::Access;
pub use days::{Days, NotDays};
pub use page::Page;
pub use words::Language;

/// Whether something was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// Something was.
    Something,
    /// How many there are, and none of them.
    Number,
    /// Nothing was.
    Nothing,
    /// How the request ended is not on record.
    Unknown,
}

impl Shown {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Something => "something",
            Self::Number => "number",
            Self::Nothing => "nothing",
            Self::Unknown => "unknown",
        }
    }
}

/// One line of the access log.
#[derive(Clone, Serialize)]
pub struct LogLine {
    /// The day in the Netherlands.
    day: String,
    /// The time of the first that the line stands for.
    first: String,
    /// The time of the last.
    last: String,
    /// How many it stands for.
    times: u64,
    #[serde(flatten)]
    access: Looked,
}

/// What makes lines of a day equal.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Looked {
    pub(super) ura: String,
    pub(super) organisation: Option<String>,
    /// Of the UZI register; none where none is proven.
    pub(super) role: Option<String>,
    /// Whether a person asked, and not a system or a function.
    person: bool,
    /// Types of what was shown; where nothing was, or it is not known, of what was asked for.
    pub(super) kinds: BTreeSet<String>,
    pub(super) shown: Shown,
    pub(super) purpose: Option<String>,
    pub(super) ground: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) consents: Vec<String>,
    /// Whether the emergency button was used.
    pub(super) emergency: bool,
}

/// Makes the access log of what one patient's accesses are, in the order of time.
#[must_use]
pub fn access_log<'a>(accesses: impl IntoIterator<Item = &'a Access>) -> Vec<LogLine> {
    let mut accesses: Vec<_> = accesses.into_iter().collect();
    accesses.sort_by_key(|access| begun(access));
    let mut lines: Vec<LogLine> = Vec::new();
    for access in accesses {
        let Some(looked) = Looked::of(access) else { continue };
        let (day, time) = begun(access).map_or_else(|| (String::new(), String::new()), summer::day_and_time);
        match lines.iter_mut().rev().take_while(|line| line.day == day).find(|line| line.access == looked) {
            Some(line) => {
                line.last = time;
                line.times += 1;
            }
            None => lines.push(LogLine { day, first: time.clone(), last: time, times: 1, access: looked }),
        }
    }
    lines
}

fn begun(access: &Access) -> Option<OffsetDateTime> {
    access.intended.or(access.time)
}

impl Looked {
    pub(super) fn of(access: &Access) -> Option<Self> {
        let facts = &access.facts;
        let who = facts.who.as_ref()?;
        let released = access.released();
        let shown = match released {
            None => Shown::Unknown,
            Some([]) if access.counted().is_some() => Shown::Number,
            Some([]) => Shown::Nothing,
            Some(_) => Shown::Something,
        };
        let kind = |reference: &String| reference.split('/').next().unwrap_or_default().to_owned();
        let mut kinds: BTreeSet<String> = released.unwrap_or_default().iter().map(kind).collect();
        if kinds.is_empty() {
            kinds.extend(facts.resource_type.clone().or_else(|| facts.operation.clone()));
        }
        let basis = facts.authorisation.as_ref();
        Some(Self {
            ura: who.ura.clone(),
            organisation: who.organization.clone(),
            role: who.role.clone(),
            person: who.is_person(),
            kinds,
            shown,
            purpose: facts.purpose.clone(),
            ground: facts.ground.clone(),
            policy: basis.map(|basis| basis.policy.clone()),
            consents: basis.map(|basis| basis.consents.clone()).unwrap_or_default(),
            emergency: facts.emergency.is_some(),
        })
    }
}

impl fmt::Debug for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogLine(…)")
    }
}

#[cfg(test)]
mod tests;
