//! The JSON of a case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::CaseMistake;
use crate::consent::asked::Holder;
use crate::consent::caller_records::CallerRecords;
use crate::consent::evidence::{Evidence, FhirVersion, Standing};
use crate::consent::relation::TreatmentRelation;
use crate::consent::source::Source;
use crate::identity::{Caller, CallerNames, FacilityTypes};
use crate::json::Document;
use crate::limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    now: String,
    pub(super) purpose: String,
    pub(super) reason: Option<String>,
    pub(super) action: Option<String>,
    pub(super) fhir_version: Option<String>,
    caller: RawCaller,
    holder: RawHolder,
    patient: Option<Vec<String>>,
    pub(super) exchange: Option<String>,
    pub(super) policy: String,
    #[serde(default)]
    pub(super) also: Vec<String>,
    pub(super) combining: Option<String>,
    pub(super) unlabelled: Option<String>,
    consents: Vec<Box<RawValue>>,
    #[serde(default)]
    referenced: BTreeMap<String, Box<RawValue>>,
    #[serde(default)]
    relation: Vec<Box<RawValue>>,
    #[serde(default)]
    pub(super) resources: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCaller {
    ura: String,
    uzi: String,
    card_type: String,
    role: Option<String>,
    #[serde(default)]
    identifiers: Vec<RawIdentifier>,
    #[serde(default)]
    references: Vec<String>,
    /// The kinds of the caller's organisation, codes of the organisation types of Nictiz; none where they are not known.
    #[serde(default)]
    facility_types: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIdentifier {
    system: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHolder {
    ura: String,
    #[serde(default)]
    references: Vec<String>,
}

pub(super) fn read(input: &[u8]) -> Result<Input, CaseMistake> {
    serde_json::from_slice(input).map_err(|error| CaseMistake::Form(error.to_string()))
}

impl Input {
    pub(super) fn now(&self) -> Result<OffsetDateTime, CaseMistake> {
        let expected = "a moment such as 2026-03-01T12:00:00Z";
        OffsetDateTime::parse(&self.now, &Rfc3339).map_err(|_| CaseMistake::Value { member: "now", expected })
    }

    pub(super) fn caller(&self) -> Result<Caller, CaseMistake> {
        let wrong = |member, expected| CaseMistake::Value { member, expected };
        let RawCaller { ura, uzi, card_type, role, identifiers: _, references: _, facility_types: _ } = &self.caller;
        let role = role.as_deref().map(|role| role.parse().map_err(|_| wrong("caller.role", "a role such as 01.015")));
        Ok(Caller::new(
            ura.parse().map_err(|_| wrong("caller.ura", "eight digits"))?,
            uzi.parse().map_err(|_| wrong("caller.uzi", "nine digits"))?,
            card_type.parse().map_err(|_| wrong("caller.card_type", "Z, N, M or S"))?,
            role.transpose()?,
            CallerNames::default(),
            None,
        ))
    }

    /// Returns the records that are said to be the caller's, as far as the case holds them.
    pub(super) fn records(&self, source: &Source) -> CallerRecords {
        let facility = FacilityTypes::of(self.caller.facility_types.clone());
        let mut records = CallerRecords::none().at(facility);
        let identifiers = self.caller.identifiers.iter().map(|one| (one.system.clone(), one.value.clone()));
        records.stated(source, &self.caller.references, &identifiers.collect::<Vec<_>>());
        loop {
            let wanted = records.wanted(source);
            if wanted.is_empty() {
                return records;
            }
            for reference in wanted {
                match self.referenced.get(&reference) {
                    Some(resource) => records.resolve(source, &reference, resource.get().as_bytes()),
                    None => records.absent(source, &reference),
                }
            }
        }
    }

    pub(super) fn holder(&self, source: &Source) -> Result<Holder, CaseMistake> {
        let ura = self.holder.ura.parse();
        let ura = ura.map_err(|_| CaseMistake::Value { member: "holder.ura", expected: "eight digits" })?;
        Ok(self.holder.references.iter().fold(Holder::new(ura), |holder, one| holder.known_as(source, one)))
    }

    /// Returns what the resources of the case show of a treatment relation.
    pub(super) fn relation(&self, source: &Source) -> TreatmentRelation {
        let bytes = |raw: &[Box<RawValue>]| raw.iter().map(|raw| raw.get().as_bytes().to_vec()).collect::<Vec<_>>();
        let patient = self.patient(&bytes(&self.consents));
        let mut relation = TreatmentRelation::read(source, &bytes(&self.relation), &patient);
        loop {
            let wanted = relation.wanted();
            if wanted.is_empty() {
                return relation;
            }
            for reference in wanted {
                match self.referenced.get(&reference) {
                    Some(resource) => relation.resolve(&reference, resource.get().as_bytes()),
                    None => relation.absent(&reference),
                }
            }
        }
    }

    fn patient(&self, consents: &[Vec<u8>]) -> Vec<String> {
        self.patient.clone().unwrap_or_else(|| named_patients(consents))
    }

    pub(super) fn evidence(&self, source: &Source, version: FhirVersion) -> Evidence {
        let consents: Vec<_> = self.consents.iter().map(|raw| raw.get().as_bytes().to_vec()).collect();
        let patient = self.patient(&consents);
        let mut evidence = Evidence::read(source, &consents, version, &patient, Standing::Full);
        loop {
            let wanted = evidence.wanted();
            if wanted.is_empty() {
                return evidence;
            }
            for reference in wanted {
                match self.referenced.get(&reference) {
                    Some(resource) => evidence.resolve(&reference, resource.get().as_bytes()),
                    None => evidence.absent(&reference),
                }
            }
        }
    }
}

/// Returns the patients that the Consents name: a case that names none is about those.
fn named_patients(consents: &[Vec<u8>]) -> Vec<String> {
    let named = consents.iter().filter_map(|bytes| {
        let document = Document::read(bytes, limits::CONSENT).ok()?;
        let root = document.root();
        let subject = root.get("patient").or_else(|| root.get("subject"))?;
        Some(subject.text_of("reference")?.into_owned())
    });
    // Somebody, so that a case without Consents is about a person of whom nothing is on file.
    named.chain(std::iter::once("Patient/1".to_owned())).collect()
}
