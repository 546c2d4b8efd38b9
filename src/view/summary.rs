//! Summary: the International Patient Summary (HL7 IPS 2.0.1), a document made of what is visible.
//!
//! Every part of it is made here, for every patient: the sections, what their text says, the identifier. All but the two
//! moments is a function of what was released, so that what was not released never shows.

mod line;
mod seal;
mod written;

use std::collections::BTreeSet;

use time::OffsetDateTime;

use self::line::Lines;
use self::written::{Page, Paper};
use crate::identity::Ura;
use crate::json::{Document, Value};
use crate::limits;
use crate::profile::Section;
use crate::query::{Subject, Summary};
use crate::view::composed::Found;
use crate::view::notice::Notice;
use crate::view::reference::{Key, Known};

/// What a summary says of its making: who makes it, and when.
#[derive(Clone, PartialEq, Eq)]
pub struct Letterhead {
    /// Whose data it is: the author and the custodian.
    pub ura: Ura,
    /// The author's name.
    pub name: String,
    /// The moment: `Bundle.timestamp` and `Composition.date`.
    pub now: OffsetDateTime,
    /// The key of identifiers: who does not have it cannot try out what content gives an identifier.
    pub key: [u8; 32],
}

impl std::fmt::Debug for Letterhead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letterhead(…)")
    }
}

/// The summary that is wanted, and what it is written on.
pub(super) struct SummaryForm {
    summary: Summary,
    letterhead: Letterhead,
    public_base: String,
    notice: Notice,
}

/// A summary, ready to go out.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    /// The resources of the upstream in it, in order.
    pub(super) released: Vec<Key>,
}

impl SummaryForm {
    pub(super) fn new(summary: Summary, letterhead: Letterhead, public_base: String, notice: Notice) -> Self {
        Self { summary, letterhead, public_base, notice }
    }

    /// Returns the Patient, then the entries of the sections in their order, each once; nothing without the Patient.
    pub(super) fn roots<'f>(&self, matches: &'f [Found]) -> Vec<&'f Found> {
        let Some(patient) = self.patient(matches) else { return Vec::new() };
        let mut seen = BTreeSet::new();
        let entries = self.sections(matches).into_iter().flat_map(|(_, entries)| entries);
        std::iter::once(patient).chain(entries).filter(|found| seen.insert(&found.key)).collect()
    }

    /// Returns true if and only if `resource` is one of the profile that the summary is composed of.
    pub(super) fn holds(&self, resource: Value<'_>) -> bool {
        self.summary.exchange().holds(resource)
    }

    /// Returns the record that the summary is about: the one that was named, or the first of those with the number.
    fn patient<'f>(&self, matches: &'f [Found]) -> Option<&'f Found> {
        matches.iter().filter(|found| found.key.resource_type == "Patient").find(|found| match self.summary.subject() {
            Subject::Id(id) => found.key.id == *id,
            Subject::Bsn(_) => true,
        })
    }

    /// Returns each section with its entries, in the order in which they were found.
    fn sections<'f>(&self, matches: &'f [Found]) -> Vec<(&Section, Vec<&'f Found>)> {
        let exchange = self.summary.exchange();
        let mut sections: Vec<_> = exchange.sections().iter().map(|section| (section, Vec::new())).collect();
        for found in matches {
            // What was released was read before; what cannot be read stands nowhere.
            let Ok(document) = Document::read(&found.bytes, limits::RESOURCE) else { continue };
            let resource = document.root();
            if !self.holds(resource) {
                continue;
            }
            for (section, entries) in &mut sections {
                if section.holds(resource) {
                    entries.push(found);
                }
            }
        }
        sections
    }

    /// Writes the document: `behind` is what its entries refer to. Nothing where no section has an entry: who has none is
    /// answered as who is not known (design, section 3, "Mode").
    pub(super) fn write(&self, matches: &[Found], behind: &[&Found], known: Known<'_>) -> Option<Written> {
        let patient = self.patient(matches)?;
        let sections = self.sections(matches);
        if sections.iter().all(|(_, entries)| entries.is_empty()) {
            return None;
        }
        let resources: Vec<&Found> = self.roots(matches).into_iter().chain(behind.iter().copied()).collect();
        let lines = Lines::new(self.summary.exchange(), known, &resources);
        let paper = Paper { letterhead: &self.letterhead, public_base: &self.public_base, notice: self.notice };
        let bytes = paper.document(&Page { patient: &patient.key, sections: &sections, resources: &resources }, &lines);
        Some(Written { bytes, released: resources.iter().map(|found| found.key.clone()).collect() })
    }
}
