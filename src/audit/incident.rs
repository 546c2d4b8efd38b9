//! An incident: whose data of which kinds reached one organisation (P25).
//!
//! What reached it is what was released to it, and numbers of matches that it was told. Where the end of an answer is not on record (the gateway was killed, or the
//! request is under way) nobody can say what left: such a request is counted as one whose reach is not known, never as one
//! that reached nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::access::Access;

/// What reached one organisation.
#[derive(Serialize)]
pub struct Incident {
    caller: String,
    /// Requests of the organisation, whatever became of them.
    requests: u64,
    /// Those of them that reached nothing.
    reached_nothing: u64,
    patients: Vec<Reached>,
}

/// What of one person reached it.
#[derive(Serialize)]
pub struct Reached {
    references: Vec<String>,
    bsn: Option<String>,
    /// How many different resources of each type.
    kinds: BTreeMap<String, usize>,
    /// The requests that reached something, or may have.
    requests: u64,
    /// Those of them of which is not known what left.
    unknown: u64,
    /// Those of them that told how many matches there are, with or without the matches.
    counted: u64,
    since: Option<String>,
    until: Option<String>,
    /// The numbers and roles of those who asked.
    callers: BTreeSet<String>,
    purposes: BTreeSet<String>,
    grounds: BTreeSet<String>,
    /// Whether the glass was broken.
    emergency: bool,
    #[serde(skip)]
    resources: BTreeSet<String>,
}

impl Incident {
    /// Returns an incident of the organisation with that number, with nothing in it.
    #[must_use]
    pub fn of(ura: &str) -> Self {
        Self { caller: ura.to_owned(), requests: 0, reached_nothing: 0, patients: Vec::new() }
    }

    /// Adds an access, if it is of that organisation.
    pub fn add(&mut self, access: &Access) {
        let facts = &access.facts;
        let Some(who) = facts.who.as_ref().filter(|who| who.ura == self.caller) else { return };
        self.requests += 1;
        let released = access.released();
        if released.is_some_and(<[String]>::is_empty) && access.counted().is_none() {
            self.reached_nothing += 1;
            return;
        }
        let reached = self.patient(access);
        reached.requests += 1;
        match released {
            Some(released) => released.iter().for_each(|resource| reached.resource(resource)),
            None => reached.unknown += 1,
        }
        reached.counted += u64::from(access.counted().is_some());
        let time = facts.time.as_ref();
        reached.since = reached.since.iter().chain(time).min().cloned();
        reached.until = reached.until.iter().chain(time).max().cloned();
        reached.callers.insert(format!("{} {}", who.uzi, who.role()));
        reached.purposes.extend(facts.purpose.clone());
        reached.grounds.extend(facts.ground.clone());
        reached.emergency |= facts.emergency.is_some();
    }

    /// Returns the persons of whom something reached it, or may have.
    #[must_use]
    pub fn patients(&self) -> &[Reached] {
        &self.patients
    }

    /// Whoever has the same BSN, or without one the same Patient records, is one person.
    fn patient(&mut self, access: &Access) -> &mut Reached {
        let subject = access.patient();
        let references = subject.map(|subject| subject.references.clone()).unwrap_or_default();
        let bsn = subject.and_then(|subject| subject.bsn.clone());
        let is = |one: &Reached| {
            if bsn.is_some() { one.bsn == bsn } else { one.bsn.is_none() && one.references == references }
        };
        let at = self.patients.iter().position(is).unwrap_or_else(|| {
            self.patients.push(Reached::of(bsn));
            self.patients.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found, or is that of what was just pushed")]
        let reached = &mut self.patients[at];
        for reference in references {
            if !reached.references.contains(&reference) {
                reached.references.push(reference);
            }
        }
        reached
    }
}

impl Reached {
    fn of(bsn: Option<String>) -> Self {
        Self {
            references: Vec::new(),
            bsn,
            kinds: BTreeMap::new(),
            requests: 0,
            unknown: 0,
            counted: 0,
            since: None,
            until: None,
            callers: BTreeSet::new(),
            purposes: BTreeSet::new(),
            grounds: BTreeSet::new(),
            emergency: false,
            resources: BTreeSet::new(),
        }
    }

    /// Counts a resource where it was not reached before.
    fn resource(&mut self, reference: &str) {
        if self.resources.insert(reference.to_owned()) {
            let kind = reference.split('/').next().unwrap_or_default();
            *self.kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// Returns what was reached on one line: who, the kinds, since when until when, how often and of how many of these is
    /// not known what left.
    #[must_use]
    pub fn line(&self) -> String {
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let since = self.since.as_deref().unwrap_or_default();
        let until = self.until.as_deref().unwrap_or_default();
        let unknown = if self.unknown == 0 { String::new() } else { format!(", {} not known", self.unknown) };
        let counted = if self.counted == 0 { String::new() } else { format!(", {} counted", self.counted) };
        let emergency = if self.emergency { "  emergency" } else { "" };
        format!(
            "{}  {}  {since}  {until}  {}  {} requests{unknown}{counted}{emergency}",
            self.bsn.as_deref().unwrap_or("-"),
            self.references.join(" "),
            kinds.join(", "),
            self.requests,
        )
    }
}

impl fmt::Debug for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incident({})", self.caller)
    }
}

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reached(…)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::Outcome;
    use crate::audit::tests::{Story, Written};
    use crate::consent::Ground;

    fn incident(written: &Written) -> Value {
        let mut incident = Incident::of("00000001");
        let (told, under_way) = written.told();
        drop(told);
        written.accesses().iter().chain(&under_way).for_each(|access| incident.add(access));
        serde_json::to_value(&incident).unwrap()
    }

    #[test]
    fn what_reached_the_caller_is_counted_for_each_person_and_kind_once() {
        let written = Written::default();
        Story::default().tell(&written);
        Story { released: &["Condition/2", "Observation/1"], ..Story::default() }.tell(&written);
        Story { patient: &["Patient/2"], released: &["Flag/1"], ..Story::default() }.tell(&written);
        Story { ura: "00000003", released: &["Procedure/1"], ..Story::default() }.tell(&written);
        Story {
            ground: Some(Ground::NothingOnFile),
            permitted: false,
            outcome: Outcome::Refused,
            released: &[],
            ..Story::default()
        }
        .tell(&written);
        let incident = incident(&written);
        assert_eq!((&incident["requests"], &incident["reached_nothing"]), (&json!(4), &json!(1)));
        let shape = |one: &Value| json!([one["bsn"], one["references"], one["kinds"], one["requests"], one["unknown"]]);
        assert_eq!(
            incident["patients"].as_array().unwrap().iter().map(shape).collect::<Vec<_>>(),
            [
                json!(["999911120", ["Patient/1"], {"Condition": 2, "Observation": 1}, 2, 0]),
                json!([null, ["Patient/2"], {"Flag": 1}, 1, 0]),
            ]
        );
        assert!(!incident.to_string().contains("hidden"), "what was withheld reached nobody");
    }

    #[test]
    fn a_number_of_matches_reached_the_caller_though_no_resource_did() {
        let written = Written::default();
        Story { released: &[], total: Some(3), ..Story::default() }.tell(&written);
        Story { released: &[], total: Some(0), patient: &["Patient/2"], ..Story::default() }.tell(&written);
        let incident = incident(&written);
        assert_eq!((&incident["reached_nothing"], incident["patients"].as_array().unwrap().len()), (&json!(1), 1));
        let reached = &incident["patients"][0];
        assert_eq!((&reached["counted"], &reached["kinds"], &reached["unknown"]), (&json!(1), &json!({}), &json!(0)));
    }

    #[test]
    fn a_request_whose_end_is_not_on_record_may_have_reached_something() {
        let written = Written::default();
        drop(Story { id: "cut", ..Story::default() }.begin(&written));
        let trail = Story { id: "open", ..Story::default() }.begin(&written);
        let reached = &incident(&written)["patients"][0];
        assert_eq!((&reached["requests"], &reached["unknown"]), (&json!(2), &json!(2)));
        drop(trail);
    }
}
