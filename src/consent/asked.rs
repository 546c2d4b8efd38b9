//! What is asked: everything a decision depends on besides evidence, policy and time.

use super::actor::is_ura;
use super::caller_records::CallerRecords;
use super::combine::Combining;
use super::purpose::Purpose;
use super::record::Record;
use super::relation::TreatmentRelation;
use super::rule::Action;
use super::source::Source;
use crate::identity::{Caller, Ura};
use crate::json::Value;
use crate::profile::Offer;

/// A question to be decided.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The caller's own records at the sources of Consents.
    pub records: &'a CallerRecords,
    /// Whose data it is.
    pub holder: &'a Holder,
    /// What shows that the caller treats the patient.
    pub relation: &'a TreatmentRelation,
    /// Why it is asked.
    pub purpose: Purpose,
    /// The reason given, in words.
    pub reason: Option<&'a str>,
    /// What is to be done with the data.
    pub action: Action,
    /// Which purposes may be declared.
    pub admission: Admission<'a>,
    /// How several Consents make one answer.
    pub combining: Combining,
    /// What a resource counts as that no label table knows.
    pub unlabelled: Unlabelled,
}

/// Which purposes may be declared.
#[derive(Debug, Clone, Copy)]
pub enum Admission<'a> {
    /// Those that a policy in force grants this caller for one of these exchange profiles.
    Through(&'a Offer),
    /// All of them: an offline question that names no exchange profile.
    Everything,
}

/// What a resource counts as that no label table knows and that carries no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlabelled {
    /// As restricted, and as sensitive for what a rule denies.
    Restricted,
    /// As normal.
    Normal,
}

/// A setting that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unlabelled is restricted or normal")]
pub struct NotUnlabelled;

impl Unlabelled {
    /// Returns the setting of that name.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn of(code: &str) -> Result<Self, NotUnlabelled> {
        match code {
            "restricted" => Ok(Self::Restricted),
            "normal" => Ok(Self::Normal),
            _ => Err(NotUnlabelled),
        }
    }
}

/// The organisation whose data is behind the gateway.
#[derive(Debug, Clone)]
pub struct Holder {
    ura: Ura,
    references: Vec<String>,
}

impl Holder {
    /// Returns the holder of that number.
    #[must_use]
    pub fn new(ura: Ura) -> Self {
        Self { ura, references: Vec::new() }
    }

    /// Adds an Organization that was found at `source` by its number. One that does not carry the number is not the
    /// holder's, and is not added.
    pub fn found(&mut self, source: &Source, record: Value<'_>) {
        let reference = record.text_of("id").map(|id| format!("Organization/{id}"));
        let is_organization = record.text_of("resourceType").as_deref() == Some("Organization");
        let carries = || Record::read(record, source, "").identifiers.iter().any(|one| is_ura(one, &self.ura));
        let own = reference.filter(|_| is_organization && carries());
        self.references.extend(own.map(|own| source.normalise(&own)));
    }

    /// Adds its own Organization record at a source of Consents.
    #[must_use]
    pub fn known_as(mut self, source: &Source, reference: &str) -> Self {
        self.references.push(source.normalise(reference));
        self
    }

    /// Returns its number.
    #[must_use]
    pub fn ura(&self) -> &Ura {
        &self.ura
    }

    pub(super) fn references(&self) -> &[String] {
        &self.references
    }
}
