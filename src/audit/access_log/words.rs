//! What codes say to a patient, in Dutch or in English. A code without words is shown as it is.

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Dutch.
    Dutch,
    /// English.
    English,
}

/// Two wordings of one thing.
type Words = (&'static str, &'static str);

impl Language {
    /// Returns the tag of the language (RFC 5646).
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.of(("nl", "en"))
    }

    pub(super) fn of(self, (dutch, english): Words) -> &'static str {
        match self {
            Self::Dutch => dutch,
            Self::English => english,
        }
    }

    fn found(self, table: &[(&str, Words)], code: &str) -> Option<&'static str> {
        table.iter().find(|(known, _)| *known == code).map(|(_, words)| self.of(*words))
    }

    pub(super) fn kind(self, code: &str) -> String {
        self.found(KINDS, code).unwrap_or(code).to_owned()
    }

    pub(super) fn purpose(self, code: &str) -> String {
        self.found(PURPOSES, code).unwrap_or(code).to_owned()
    }

    pub(super) fn ground(self, code: &str) -> String {
        self.found(GROUNDS, code).unwrap_or(code).to_owned()
    }

    /// Writes a day (`2026-03-01`) in words; what is none stays as it is.
    pub(super) fn day(self, text: &str) -> String {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next(), parts.next(), parts.next());
        let month = month.and_then(|month| self.found(MONTHS, month));
        match (year, month, day.map(|day| day.trim_start_matches('0'))) {
            (Some(year), Some(month), Some(day)) => format!("{day} {month} {year}"),
            _ => text.to_owned(),
        }
    }

    /// The specialism where it has words, else the profession.
    pub(super) fn role(self, code: &str) -> String {
        let profession = || code.split_once('.').and_then(|(profession, _)| self.found(ROLES, profession));
        self.found(ROLES, code).or_else(profession).map_or_else(|| code.to_owned(), |words| format!("{words} ({code})"))
    }
}

const MONTHS: &[(&str, Words)] = &[
    ("01", ("januari", "January")),
    ("02", ("februari", "February")),
    ("03", ("maart", "March")),
    ("04", ("april", "April")),
    ("05", ("mei", "May")),
    ("06", ("juni", "June")),
    ("07", ("juli", "July")),
    ("08", ("augustus", "August")),
    ("09", ("september", "September")),
    ("10", ("oktober", "October")),
    ("11", ("november", "November")),
    ("12", ("december", "December")),
];

const KINDS: &[(&str, Words)] = &[
    ("AllergyIntolerance", ("allergieën", "allergies")),
    ("Appointment", ("afspraken", "appointments")),
    ("CarePlan", ("zorgplannen", "care plans")),
    ("CareTeam", ("zorgteam", "care team")),
    ("Composition", ("samenvatting", "summary")),
    ("Condition", ("problemen en diagnoses", "problems and diagnoses")),
    ("Consent", ("toestemmingen en wilsverklaringen", "consents and directives")),
    ("Coverage", ("verzekering", "insurance")),
    ("Device", ("hulpmiddelen", "devices")),
    ("DeviceUseStatement", ("gebruik van hulpmiddelen", "use of devices")),
    ("DiagnosticReport", ("uitslagen", "reports")),
    ("DocumentReference", ("documenten", "documents")),
    ("Encounter", ("contacten", "encounters")),
    ("Flag", ("waarschuwingen", "alerts")),
    ("Goal", ("behandeldoelen", "goals")),
    ("Immunization", ("vaccinaties", "immunisations")),
    ("Location", ("locaties", "locations")),
    ("Medication", ("geneesmiddelen", "medicines")),
    ("MedicationAdministration", ("toegediende medicatie", "administered medication")),
    ("MedicationDispense", ("verstrekte medicatie", "dispensed medication")),
    ("MedicationRequest", ("medicatieafspraken", "prescriptions")),
    ("MedicationStatement", ("medicatiegebruik", "use of medication")),
    ("NutritionOrder", ("voedingsadviezen", "nutrition advice")),
    ("Observation", ("metingen en uitslagen", "measurements and results")),
    ("Organization", ("zorgaanbieders", "care providers")),
    ("Patient", ("persoonsgegevens", "personal details")),
    ("Practitioner", ("zorgverleners", "practitioners")),
    ("PractitionerRole", ("zorgverleners", "practitioners")),
    ("Procedure", ("verrichtingen", "procedures")),
    ("ServiceRequest", ("aanvragen", "requests for care")),
    ("Specimen", ("monsters", "specimens")),
    ("everything", ("het hele dossier", "the whole record")),
    ("summary", ("samenvatting", "summary")),
];

const PURPOSES: &[(&str, Words)] = &[
    ("TREAT", ("behandeling", "treatment")),
    ("ETREAT", ("spoedbehandeling", "emergency treatment")),
    ("BTG", ("noodprocedure", "emergency procedure")),
    ("COC", ("afstemming van zorg", "coordination of care")),
    ("CAREMGT", ("organisatie van zorg", "care management")),
    ("HRESCH", ("onderzoek", "research")),
    ("PATRQT", ("op verzoek van de patiënt", "at the patient's request")),
];

const GROUNDS: &[(&str, Words)] = &[
    ("rule-permits", ("toestemming van de patiënt", "consent of the patient")),
    ("rule-denies", ("geen toestemming van de patiënt", "no consent of the patient")),
    ("nothing-on-file", ("geen toestemming vastgelegd", "no consent on file")),
    ("policy-permits", ("toegestaan volgens de regels", "permitted by the rules")),
    ("policy-denies", ("niet toegestaan volgens de regels", "not permitted by the rules")),
    ("consent-unreadable", ("toestemming onleesbaar", "consent that cannot be read")),
    ("evidence-unavailable", ("toestemming niet te raadplegen", "consent that could not be asked for")),
    ("role-not-admitted", ("deze rol heeft geen toegang", "no access for this role")),
    ("purpose-not-admitted", ("dit doel geeft geen toegang", "no access for this purpose")),
    ("no-treatment-relation", ("geen behandelrelatie", "no treatment relation")),
    ("reason-missing", ("reden ontbreekt", "no reason was given")),
    ("break-glass", ("noodprocedure", "emergency procedure")),
];

/// Of the UZI register (CPS, annex 3).
const ROLES: &[(&str, Words)] = &[
    ("01", ("arts", "physician")),
    ("01.015", ("huisarts", "general practitioner")),
    ("02", ("tandarts", "dentist")),
    ("03", ("verloskundige", "midwife")),
    ("04", ("fysiotherapeut", "physiotherapist")),
    ("16", ("psychotherapeut", "psychotherapist")),
    ("17", ("apotheker", "pharmacist")),
    ("25", ("gezondheidszorgpsycholoog", "psychologist")),
    ("30", ("verpleegkundige", "nurse")),
    ("81", ("physician assistant", "physician assistant")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Ground, Purpose};

    #[test]
    fn a_code_has_words_in_both_languages_and_one_without_stays_as_it_is() {
        for (language, expected) in
            [(Language::Dutch, "huisarts (01.015)"), (Language::English, "general practitioner (01.015)")]
        {
            assert_eq!(language.role("01.015"), expected);
            assert_eq!((language.role("99.000"), language.kind("Basic")), ("99.000".to_owned(), "Basic".to_owned()));
        }
        assert_eq!(Language::Dutch.role("01.010"), "arts (01.010)");
    }

    #[test]
    fn a_day_is_written_as_people_say_it() {
        assert_eq!(Language::Dutch.day("2026-03-01"), "1 maart 2026");
        assert_eq!(Language::English.day("2026-10-30"), "30 October 2026");
        assert_eq!(Language::English.day(""), "");
    }

    #[test]
    fn every_code_that_has_words_is_one_and_each_ground_of_a_request_has_words() {
        assert!(PURPOSES.iter().all(|(code, _)| Purpose::of(code).is_some()));
        let of_resources = [Ground::OtherPerson, Ground::ReferenceHidden, Ground::OutsideProfile];
        let grounds: Vec<_> = Ground::ALL.iter().filter(|ground| !of_resources.contains(ground)).collect();
        assert_eq!(grounds.len(), GROUNDS.len());
        for ground in grounds {
            assert_ne!(Language::Dutch.ground(ground.code()), ground.code());
        }
    }
}
