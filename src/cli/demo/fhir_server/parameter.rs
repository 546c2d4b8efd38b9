//! The search parameters the server knows: those of FHIR R4 that an exchange profile may send.

/// How a parameter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// A literal reference.
    Reference,
    /// A code, a coding, an identifier or a boolean.
    Token,
    /// A moment or a period.
    Date,
}

use Comparison::{Date, Reference, Token};

/// One parameter of one type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    /// How it compares.
    pub(super) comparison: Comparison,
    /// The elements it looks at, `a.b` each, separated by `|`.
    pub(super) paths: &'static str,
}

type Row = (&'static str, Comparison, &'static str);

const SUBJECT: [Row; 2] = [("patient", Reference, "subject"), ("subject", Reference, "subject")];
const PATIENT: [Row; 1] = [("patient", Reference, "patient")];
const NOBODY: [Row; 0] = [];

/// Every type that is served: whose it is, and its further parameters. `identifier` and `status` are everywhere the
/// element is.
const TYPES: &[(&str, &[Row], &[Row])] = &[
    (
        "AllergyIntolerance",
        &PATIENT,
        &[
            ("clinical-status", Token, "clinicalStatus"),
            ("verification-status", Token, "verificationStatus"),
            ("category", Token, "category"),
            ("code", Token, "code|reaction.substance"),
            ("criticality", Token, "criticality"),
            ("date", Date, "recordedDate"),
            ("type", Token, "type"),
        ],
    ),
    (
        "Appointment",
        &NOBODY,
        &[
            ("patient", Reference, "participant.actor"),
            ("actor", Reference, "participant.actor"),
            ("status", Token, "status"),
            ("date", Date, "start"),
        ],
    ),
    ("Binary", &NOBODY, &[]),
    ("CarePlan", &SUBJECT, &[("status", Token, "status"), ("category", Token, "category"), ("date", Date, "period")]),
    ("CareTeam", &SUBJECT, &[("status", Token, "status"), ("category", Token, "category"), ("date", Date, "period")]),
    (
        "ClinicalImpression",
        &SUBJECT,
        &[("status", Token, "status"), ("date", Date, "effectiveDateTime|effectivePeriod|date")],
    ),
    (
        "Condition",
        &SUBJECT,
        &[
            ("clinical-status", Token, "clinicalStatus"),
            ("verification-status", Token, "verificationStatus"),
            ("category", Token, "category"),
            ("code", Token, "code"),
            ("encounter", Reference, "encounter"),
            ("onset-date", Date, "onsetDateTime|onsetPeriod"),
            ("recorded-date", Date, "recordedDate"),
        ],
    ),
    (
        "Consent",
        &NOBODY,
        &[
            // The element of R4, and that of R5.
            ("patient", Reference, "patient|subject"),
            ("status", Token, "status"),
            ("scope", Token, "scope"),
            ("category", Token, "category"),
            ("date", Date, "dateTime"),
            ("organization", Reference, "organization"),
        ],
    ),
    (
        "Coverage",
        &NOBODY,
        &[
            ("patient", Reference, "beneficiary"),
            ("beneficiary", Reference, "beneficiary"),
            ("status", Token, "status"),
            ("type", Token, "type"),
            ("payor", Reference, "payor"),
        ],
    ),
    ("Device", &PATIENT, &[("status", Token, "status"), ("type", Token, "type")]),
    (
        "DeviceRequest",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("intent", Token, "intent"),
            ("code", Token, "codeCodeableConcept"),
            ("authored-on", Date, "authoredOn"),
        ],
    ),
    ("DeviceUseStatement", &SUBJECT, &[("device", Reference, "device")]),
    (
        "DiagnosticReport",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("category", Token, "category"),
            ("code", Token, "code"),
            ("date", Date, "effectiveDateTime|effectivePeriod"),
        ],
    ),
    (
        "DocumentReference",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("type", Token, "type"),
            ("category", Token, "category"),
            ("date", Date, "date"),
        ],
    ),
    (
        "Encounter",
        &SUBJECT,
        &[("status", Token, "status"), ("class", Token, "class"), ("type", Token, "type"), ("date", Date, "period")],
    ),
    ("Endpoint", &NOBODY, &[("status", Token, "status")]),
    ("EpisodeOfCare", &PATIENT, &[("status", Token, "status"), ("date", Date, "period")]),
    ("Flag", &SUBJECT, &[("date", Date, "period"), ("encounter", Reference, "encounter")]),
    ("Goal", &SUBJECT, &[("category", Token, "category"), ("lifecycle-status", Token, "lifecycleStatus")]),
    ("Group", &NOBODY, &[("member", Reference, "member.entity"), ("code", Token, "code")]),
    (
        "Immunization",
        &PATIENT,
        &[("status", Token, "status"), ("date", Date, "occurrenceDateTime"), ("vaccine-code", Token, "vaccineCode")],
    ),
    (
        "ImmunizationRecommendation",
        &PATIENT,
        &[("date", Date, "date"), ("status", Token, "recommendation.forecastStatus")],
    ),
    ("List", &SUBJECT, &[("status", Token, "status"), ("code", Token, "code"), ("date", Date, "date")]),
    ("Location", &NOBODY, &[("status", Token, "status")]),
    ("Medication", &NOBODY, &[("status", Token, "status"), ("code", Token, "code")]),
    (
        "MedicationAdministration",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("code", Token, "medicationCodeableConcept"),
            ("medication", Reference, "medicationReference"),
            ("effective-time", Date, "effectiveDateTime|effectivePeriod"),
        ],
    ),
    (
        "MedicationDispense",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("code", Token, "medicationCodeableConcept"),
            ("medication", Reference, "medicationReference"),
            ("whenhandedover", Date, "whenHandedOver"),
            ("whenprepared", Date, "whenPrepared"),
            ("type", Token, "type"),
        ],
    ),
    (
        "MedicationRequest",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("intent", Token, "intent"),
            ("category", Token, "category"),
            ("code", Token, "medicationCodeableConcept"),
            ("medication", Reference, "medicationReference"),
            ("encounter", Reference, "encounter"),
            ("authoredon", Date, "authoredOn"),
        ],
    ),
    (
        "MedicationStatement",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("category", Token, "category"),
            ("code", Token, "medicationCodeableConcept"),
            ("medication", Reference, "medicationReference"),
            ("effective", Date, "effectiveDateTime|effectivePeriod"),
        ],
    ),
    ("NutritionOrder", &PATIENT, &[("status", Token, "status"), ("datetime", Date, "dateTime")]),
    (
        "Observation",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("category", Token, "category"),
            ("code", Token, "code"),
            ("encounter", Reference, "encounter"),
            ("date", Date, "effectiveDateTime|effectivePeriod"),
        ],
    ),
    ("Organization", &NOBODY, &[("type", Token, "type"), ("partof", Reference, "partOf")]),
    (
        "Patient",
        &NOBODY,
        &[
            ("general-practitioner", Reference, "generalPractitioner"),
            ("link", Reference, "link.other"),
            ("gender", Token, "gender"),
            ("birthdate", Date, "birthDate"),
        ],
    ),
    ("Practitioner", &NOBODY, &[]),
    (
        "PractitionerRole",
        &NOBODY,
        &[
            ("practitioner", Reference, "practitioner"),
            ("organization", Reference, "organization"),
            ("role", Token, "code"),
        ],
    ),
    (
        "Procedure",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("category", Token, "category"),
            ("code", Token, "code"),
            ("date", Date, "performedDateTime|performedPeriod"),
        ],
    ),
    ("Provenance", &NOBODY, &[("patient", Reference, "target"), ("target", Reference, "target")]),
    ("RelatedPerson", &PATIENT, &[]),
    (
        "ServiceRequest",
        &SUBJECT,
        &[
            ("authored", Date, "authoredOn"),
            ("status", Token, "status"),
            ("intent", Token, "intent"),
            ("category", Token, "category"),
            ("code", Token, "code"),
        ],
    ),
    (
        "Task",
        &NOBODY,
        &[
            ("patient", Reference, "for"),
            ("subject", Reference, "for"),
            ("status", Token, "status"),
            ("owner", Reference, "owner"),
            ("authored-on", Date, "authoredOn"),
        ],
    ),
    (
        "Specimen",
        &SUBJECT,
        &[
            ("status", Token, "status"),
            ("type", Token, "type"),
            ("collected", Date, "collection.collectedDateTime|collection.collectedPeriod"),
        ],
    ),
    (
        "Subscription",
        &NOBODY,
        &[("status", Token, "status"), ("type", Token, "channel.type"), ("url", Token, "channel.endpoint")],
    ),
    ("Substance", &NOBODY, &[("code", Token, "code")]),
];

/// Returns the types that are served.
pub(super) fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(kind, _, _)| *kind)
}

/// Returns the parameter of that name of a type, if the server knows it.
pub(super) fn parameter(kind: &str, name: &str) -> Option<Parameter> {
    if name == "identifier" {
        return Some(Parameter { comparison: Token, paths: "identifier" });
    }
    names(kind)
        .find(|(each, _, _)| *each == name)
        .map(|(_, comparison, paths)| Parameter { comparison: *comparison, paths })
}

/// Returns the parameters of a type.
pub(super) fn names(kind: &str) -> impl Iterator<Item = &'static Row> {
    TYPES
        .iter()
        .filter(move |(each, _, _)| *each == kind)
        .flat_map(|(_, whose, further)| whose.iter().chain(further.iter()))
}
