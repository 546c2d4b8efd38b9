//! Evidence: what is on file about consent for one patient.

use super::datum::{Datum, Meaning};
use super::read::{self, Unreadable};
use super::record::Referenced;
use super::resource_type;
use super::rule::{Rule, Statement, Who};
use super::source::Source;
use crate::limits;

/// The version of FHIR that Consents are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FhirVersion {
    /// 3.0
    Stu3,
    /// 4.0
    R4,
    /// 4.3, whose Consent is that of 4.0.
    R4b,
    /// 5.0
    R5,
}

impl FhirVersion {
    /// Returns the version that configuration and cases write as `3.0`, `4.0`, `4.3`, `5.0`.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        match text {
            "3.0" => Some(Self::Stu3),
            "4.0" => Some(Self::R4),
            "4.3" => Some(Self::R4b),
            "5.0" => Some(Self::R5),
            _ => None,
        }
    }
}

/// What the Consents of one look-up are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are about the patient's own records: permits and denials count.
    Full,
    /// They are about a record that is linked by something less than the BSN: only denials count.
    DenialsOnly,
}

/// What is on file about consent for one patient: rules, nothing, or unavailable.
#[derive(Debug, Clone)]
pub struct Evidence {
    parts: Vec<Part>,
    availability: Availability,
}

/// Whether every source could be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Availability {
    Whole,
    /// One failed, or had more than can be judged.
    Failed,
}

/// What one look-up at one source brought.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) source: Source,
    pub(super) standing: Standing,
    pub(super) filed: Vec<Filed>,
    pub(super) referenced: Referenced,
}

/// One Consent that counts.
#[derive(Debug, Clone)]
pub(super) struct Filed {
    /// `Consent/7`
    pub(super) reference: String,
    pub(super) scope: Scope,
    pub(super) content: Content,
}

/// For which purposes a Consent counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// `patient-privacy`, or one that could not be read.
    Any,
    /// `research`: for research purposes only.
    Research,
}

/// What is in a Consent.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Read(Statement),
    Unreadable(Unreadable),
}

impl Evidence {
    /// Returns the evidence of a source that could not be asked.
    #[must_use]
    pub fn unavailable() -> Self {
        Self { parts: Vec::new(), availability: Availability::Failed }
    }

    /// Reads every Consent that `source` has for the patient, whose records there are `patient`; those that are not active,
    /// of another scope or of another person are set aside. More than can be judged, or no record to compare with, is as a
    /// source that failed.
    #[must_use]
    pub fn read(
        source: &Source,
        consents: &[Vec<u8>],
        version: FhirVersion,
        patient: &[String],
        standing: Standing,
    ) -> Self {
        if consents.len() > limits::CONSENTS || patient.is_empty() {
            return Self::unavailable();
        }
        let patient: Vec<_> = patient.iter().map(|reference| source.normalise(reference)).collect();
        let mut referenced = Referenced::default();
        let mut read = |(index, bytes): (usize, &Vec<u8>)| {
            let container = format!("Consent {index}");
            read::read(bytes, version, source, &patient, &container, &mut referenced)
        };
        let filed = consents.iter().enumerate().filter_map(&mut read).collect();
        let part = Part { source: source.clone(), standing, filed, referenced };
        Self { parts: vec![part], availability: Availability::Whole }
    }

    /// Returns the references at the sources that are still to be looked up before deciding, each `Type/id`: actors,
    /// managers, and what those refer to. What is not looked up counts as unresolved: it may be meant by a deny, and is not
    /// by a permit.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        let mut wanted: Vec<String> = Vec::new();
        for part in &self.parts {
            for reference in part.wanted() {
                if !wanted.contains(&reference) {
                    wanted.push(reference);
                }
            }
        }
        wanted
    }

    /// Adds what the source has under a reference that was wanted. Evidence of several sources is resolved source by source
    /// and merged after that: one reference means different things at each.
    pub fn resolve(&mut self, reference: &str, resource: &[u8]) {
        for part in &mut self.parts {
            part.referenced.add(part.source.normalise(reference), resource, &part.source);
        }
    }

    /// Records that the source has nothing under a reference that was wanted.
    pub fn absent(&mut self, reference: &str) {
        for part in &mut self.parts {
            part.referenced.absent(part.source.normalise(reference));
        }
    }

    /// Returns both together; when one is unavailable, all is.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        if other.availability == Availability::Failed {
            self.availability = Availability::Failed;
        }
        self
    }

    /// Returns the Consents that count and cannot be read, and why.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, Unreadable)> {
        self.parts.iter().flat_map(|part| &part.filed).filter_map(|filed| match filed.content {
            Content::Unreadable(why) => Some((filed.reference.as_str(), why)),
            Content::Read(_) => None,
        })
    }

    pub(super) fn availability(&self) -> Availability {
        self.availability
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl Part {
    fn wanted(&self) -> Vec<String> {
        let mut wanted = Vec::new();
        let mut ahead: Vec<&str> = self.named().filter_map(|who| who.reference.as_deref()).collect();
        let mut seen: Vec<&str> = Vec::new();
        while let Some(reference) = ahead.pop() {
            if seen.contains(&reference) || self.referenced.len() + wanted.len() >= limits::REFERENCED {
                continue;
            }
            seen.push(reference);
            if let Some(record) = self.referenced.get(reference) {
                ahead.extend(record.parties().filter_map(|who| who.reference.as_deref()));
            } else if !self.referenced.is_known(reference)
                && let Some(local) = self.source.local(reference)
                // A server that does not have the type answers no search for it.
                && local.split_once('/').is_some_and(|(kind, _)| resource_type::named(kind).is_some())
            {
                wanted.push(local.to_owned());
            }
        }
        wanted
    }

    /// Everybody and everything that the Consents name and that is compared by its record.
    fn named(&self) -> impl Iterator<Item = &Who> {
        let mut named = Vec::new();
        for filed in &self.filed {
            let Content::Read(statement) = &filed.content else { continue };
            named.extend(statement.managers.iter().chain(&statement.grantees));
            if let Some(rule) = statement.root.rule() {
                rule.for_each(&mut |rule: &Rule| {
                    named.extend(rule.actors().map(|actor| &actor.who));
                    named.extend(rule.data().filter(|datum| self.is_compared(datum)).map(|datum| &datum.who));
                });
            }
        }
        named.into_iter()
    }

    /// A single resource where the data is is told by its id.
    fn is_compared(&self, datum: &Datum) -> bool {
        let reference = datum.who.reference.as_deref();
        let is_told = reference.is_some_and(|reference| self.source.at_data(reference).is_some());
        !(is_told && datum.meaning == Meaning::Instance)
    }
}
