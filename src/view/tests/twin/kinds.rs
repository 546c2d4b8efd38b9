//! Kinds: the types of the records, written down from the standard: what leads from one resource to another, and what a
//! resource cannot be without.

/// What becomes of a resource, or of what is around a reference, when the reference goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bond {
    /// It stays without it.
    Loose,
    /// It cannot be without one of these.
    Required,
    /// It is there to gather these.
    Gathers,
}

/// A place for references.
#[derive(Debug)]
pub(super) struct Slot {
    /// The member of the resource.
    pub(super) member: &'static str,
    /// One item of it, the reference in the place of `@`.
    pub(super) item: &'static str,
    /// What stays of the item without the reference; empty when it goes with it.
    pub(super) rest: &'static str,
    pub(super) is_list: bool,
    pub(super) bond: Bond,
    pub(super) targets: &'static [&'static str],
}

impl Slot {
    /// Whether what the target is sensitive for, the resource is.
    pub(super) fn is_link(&self) -> bool {
        ["medicationReference", "reasonReference", "derivedFrom", "partOf"].contains(&self.member)
    }

    /// Whether the resource replaces the target: the two are judged together.
    pub(super) fn is_bond(&self) -> bool {
        ["priorPrescription", "replaces", "relatesTo"].contains(&self.member)
    }
}

/// How a type stands to the patient and to the exchange profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Patient,
    /// A doctor and a pharmacist may ask for it.
    Medicinal,
    /// A doctor may.
    Clinical,
    /// No profile has it.
    Unoffered,
    /// It goes with what refers to it.
    Supporting,
}

#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) role: Role,
    /// Says whose it is: a reference to the patient in the place of `@`.
    pub(super) subject: &'static str,
    /// Says when it was, a date in the place of `@`.
    pub(super) dated: &'static str,
    /// Its code, codings in the place of `@`.
    pub(super) coded: &'static str,
    /// Values of `status`; one that a profile leaves out is not among them.
    pub(super) statuses: &'static [&'static str],
    /// What makes it part of a profile, and what does not.
    pub(super) belongs: Option<(&'static str, &'static str)>,
    pub(super) slots: &'static [Slot],
    /// The members that put it into a patient's compartment, beside `subject`.
    pub(super) compartment: &'static [&'static str],
    /// Parameters of it: of tokens, of dates, includes.
    pub(super) tokens: &'static [&'static str],
    pub(super) dates: &'static [&'static str],
    pub(super) includes: &'static [&'static str],
}

/// What a type tells of the time of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// When it was received, at most.
    Nothing,
    Day,
    /// When it began; that it ended is not told.
    Beginning,
}

impl Kind {
    pub(super) fn told(&self) -> Told {
        match self.dated {
            dated if dated.is_empty() || dated.contains("receivedTime") => Told::Nothing,
            dated if dated.contains(r#""start""#) => Told::Beginning,
            _ => Told::Day,
        }
    }

    /// Whether a resource of that type may have notes.
    pub(super) fn takes_notes(&self) -> bool {
        let without = [
            "Appointment",
            "Composition",
            "Consent",
            "Coverage",
            "DiagnosticReport",
            "DocumentReference",
            "Encounter",
            "Flag",
            "Group",
            "Patient",
        ];
        self.role != Role::Supporting && !without.contains(&self.name)
    }

    /// Whether another type inherits what one of this is sensitive for.
    pub(super) fn is_inherited(&self) -> bool {
        KINDS.iter().flat_map(|kind| kind.slots).any(|slot| slot.is_link() && slot.targets.contains(&self.name))
    }
}

const NONE: Kind = Kind {
    name: "",
    role: Role::Clinical,
    subject: r#""subject":@"#,
    dated: "",
    coded: r#""code":{"coding":[@]}"#,
    statuses: &[],
    belongs: None,
    slots: &[],
    compartment: &[],
    tokens: &[],
    dates: &[],
    includes: &[],
};

const fn one(member: &'static str, targets: &'static [&'static str]) -> Slot {
    Slot { member, item: "@", rest: "", is_list: false, bond: Bond::Loose, targets }
}

const fn many(member: &'static str, targets: &'static [&'static str]) -> Slot {
    Slot { is_list: true, ..one(member, targets) }
}

const fn item(member: &'static str, item: &'static str, rest: &'static str, targets: &'static [&'static str]) -> Slot {
    Slot { item, rest, ..many(member, targets) }
}

const fn required(slot: Slot) -> Slot {
    Slot { bond: Bond::Required, ..slot }
}

const fn gathers(slot: Slot) -> Slot {
    Slot { bond: Bond::Gathers, ..slot }
}

const DOCTORS: &[&str] = &["Practitioner", "PractitionerRole"];
const ANYBODY: &[&str] = &["Practitioner", "PractitionerRole", "Organization"];
const REASONS: &[&str] = &["Condition", "Observation"];
const MEDICATION: Slot = required(one("medicationReference", &["Medication"]));
const ENCOUNTER: Slot = one("encounter", &["Encounter"]);
const WHEN: &[&str] = &["date"];
const MEDICINE: &str = r#""medicationCodeableConcept":{"coding":[@]}"#;
const IMP: &str = r#""class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"}"#;
const AMB: &str = r#""class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}"#;

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "Patient",
        role: Role::Patient,
        subject: "",
        coded: "",
        slots: &[many("generalPractitioner", ANYBODY), one("managingOrganization", &["Organization"])],
        includes: &["general-practitioner"],
        ..NONE
    },
    Kind {
        name: "Observation",
        role: Role::Medicinal,
        dated: r#""effectiveDateTime":"@""#,
        statuses: &["final", "amended"],
        slots: &[
            gathers(many("hasMember", &["Observation"])),
            many("derivedFrom", &["Observation", "DocumentReference"]),
            many("partOf", &["Procedure", "MedicationStatement"]),
            ENCOUNTER,
            many("performer", ANYBODY),
            many("focus", &["Condition", "List", "Group", "Composition", "CarePlan", "Encounter"]),
            one("specimen", &["Specimen"]),
            one("device", &["Device"]),
        ],
        compartment: &["performer"],
        tokens: &["code", "status"],
        dates: WHEN,
        includes: &["has-member", "performer", "specimen", "derived-from"],
        ..NONE
    },
    Kind {
        name: "Condition",
        dated: r#""recordedDate":"@""#,
        slots: &[
            ENCOUNTER,
            one("asserter", DOCTORS),
            item("evidence", r#"{"code":[{"text":"e"}],"detail":[@]}"#, r#"{"code":[{"text":"e"}]}"#, &["Observation"]),
            item("stage", r#"{"assessment":[@]}"#, "", &["DiagnosticReport", "Observation"]),
        ],
        compartment: &["asserter"],
        tokens: &["code"],
        dates: &["recorded-date"],
        includes: &["asserter"],
        ..NONE
    },
    Kind {
        name: "Encounter",
        dated: r#""period":{"start":"@"}"#,
        coded: "",
        statuses: &["finished", "in-progress"],
        belongs: Some((IMP, AMB)),
        slots: &[
            one("partOf", &["Encounter"]),
            many("reasonReference", REASONS),
            item("diagnosis", r#"{"condition":@,"use":{"text":"u"}}"#, "", &["Condition", "Procedure"]),
            item(
                "participant",
                r#"{"type":[{"text":"p"}],"individual":@}"#,
                r#"{"type":[{"text":"p"}]}"#,
                &["Practitioner"],
            ),
            item("location", r#"{"location":@,"status":"active"}"#, "", &["Location"]),
            one("serviceProvider", &["Organization"]),
        ],
        tokens: &["status", "class"],
        dates: WHEN,
        includes: &["location", "practitioner", "service-provider"],
        ..NONE
    },
    Kind {
        name: "MedicationRequest",
        role: Role::Medicinal,
        dated: r#""authoredOn":"@""#,
        coded: MEDICINE,
        statuses: &["active", "completed"],
        slots: &[
            MEDICATION,
            one("requester", ANYBODY),
            many("reasonReference", REASONS),
            ENCOUNTER,
            many("basedOn", &["ServiceRequest", "CarePlan"]),
            one("priorPrescription", &["MedicationRequest"]),
        ],
        tokens: &["code", "status"],
        dates: &["authoredon"],
        includes: &["medication", "requester", "patient"],
        ..NONE
    },
    Kind {
        name: "MedicationDispense",
        role: Role::Medicinal,
        dated: r#""whenHandedOver":"@""#,
        coded: MEDICINE,
        statuses: &["completed", "in-progress"],
        slots: &[
            MEDICATION,
            many("authorizingPrescription", &["MedicationRequest"]),
            item("performer", r#"{"function":{"text":"f"},"actor":@}"#, "", ANYBODY),
            one("destination", &["Location"]),
        ],
        tokens: &["code", "status"],
        dates: &["whenhandedover"],
        includes: &["medication", "prescription", "performer", "destination"],
        ..NONE
    },
    Kind {
        name: "MedicationStatement",
        role: Role::Medicinal,
        dated: r#""effectiveDateTime":"@""#,
        coded: MEDICINE,
        statuses: &["active", "stopped"],
        slots: &[
            MEDICATION,
            one("informationSource", ANYBODY),
            many("reasonReference", REASONS),
            many("derivedFrom", &["Observation", "MedicationRequest"]),
            one("context", &["Encounter"]),
        ],
        tokens: &["code", "status"],
        dates: &["effective"],
        includes: &["medication", "source", "subject"],
        ..NONE
    },
    Kind {
        name: "AllergyIntolerance",
        role: Role::Medicinal,
        subject: r#""patient":@"#,
        dated: r#""recordedDate":"@""#,
        slots: &[one("recorder", DOCTORS), one("asserter", DOCTORS), ENCOUNTER],
        compartment: &["recorder", "asserter"],
        tokens: &["code"],
        dates: WHEN,
        includes: &["asserter", "recorder"],
        ..NONE
    },
    Kind {
        name: "Procedure",
        dated: r#""performedDateTime":"@""#,
        statuses: &["completed", "in-progress"],
        slots: &[
            many("partOf", &["Procedure", "Observation"]),
            many("reasonReference", REASONS),
            item("performer", r#"{"actor":@,"function":{"text":"f"}}"#, "", ANYBODY),
            many("report", &["DiagnosticReport", "DocumentReference"]),
            ENCOUNTER,
            one("location", &["Location"]),
        ],
        compartment: &["performer"],
        tokens: &["code", "status"],
        dates: WHEN,
        includes: &["performer", "location"],
        ..NONE
    },
    Kind {
        name: "DiagnosticReport",
        dated: r#""effectiveDateTime":"@","conclusion":"c""#,
        statuses: &["final", "partial"],
        slots: &[
            gathers(many("result", &["Observation"])),
            many("specimen", &["Specimen"]),
            ENCOUNTER,
            many("performer", ANYBODY),
        ],
        tokens: &["code", "status"],
        dates: WHEN,
        includes: &["result", "performer", "specimen"],
        ..NONE
    },
    Kind {
        name: "Immunization",
        subject: r#""patient":@"#,
        dated: r#""occurrenceDateTime":"@""#,
        coded: r#""vaccineCode":{"coding":[@]}"#,
        statuses: &["completed"],
        slots: &[
            item("performer", r#"{"actor":@}"#, "", ANYBODY),
            one("location", &["Location"]),
            many("reasonReference", REASONS),
            item("reaction", r#"{"date":"2020-01-01","detail":@}"#, r#"{"date":"2020-01-01"}"#, &["Observation"]),
        ],
        tokens: &["vaccine-code", "status"],
        dates: WHEN,
        includes: &["location", "performer"],
        ..NONE
    },
    Kind {
        name: "Flag",
        dated: r#""period":{"start":"@"}"#,
        statuses: &["active"],
        slots: &[ENCOUNTER, one("author", ANYBODY)],
        dates: WHEN,
        includes: &["author", "patient"],
        ..NONE
    },
    Kind {
        name: "DocumentReference",
        dated: r#""date":"@","content":[{"attachment":{"contentType":"text/plain"}}]"#,
        coded: r#""type":{"coding":[@]}"#,
        statuses: &["current"],
        slots: &[
            many("author", ANYBODY),
            one("custodian", &["Organization"]),
            Slot { is_list: false, ..item("context", r#"{"encounter":[@]}"#, "", &["Encounter"]) },
            item("relatesTo", r#"{"code":"replaces","target":@}"#, "", &["DocumentReference"]),
        ],
        compartment: &["author"],
        tokens: &["type", "status"],
        dates: WHEN,
        includes: &["author", "custodian"],
        ..NONE
    },
    Kind {
        name: "ServiceRequest",
        dated: r#""authoredOn":"@","intent":"order""#,
        statuses: &["active"],
        slots: &[
            many("reasonReference", REASONS),
            one("requester", ANYBODY),
            ENCOUNTER,
            many("replaces", &["ServiceRequest"]),
        ],
        tokens: &["code", "status"],
        dates: &["authored"],
        includes: &["requester"],
        ..NONE
    },
    Kind {
        name: "Specimen",
        role: Role::Medicinal,
        dated: r#""receivedTime":"@""#,
        coded: r#""type":{"coding":[@]}"#,
        statuses: &["available"],
        slots: &[Slot { is_list: false, ..item("collection", r#"{"collector":@}"#, "", DOCTORS) }],
        tokens: &["status", "type"],
        ..NONE
    },
    Kind {
        name: "Appointment",
        subject: r#""participant":[{"actor":@,"status":"accepted"}]"#,
        coded: "",
        dated: r#""start":"@""#,
        statuses: &["booked"],
        slots: &[many("reasonReference", REASONS)],
        dates: WHEN,
        ..NONE
    },
    Kind {
        name: "CareTeam",
        coded: "",
        statuses: &["active"],
        slots: &[
            item("participant", r#"{"role":[{"text":"r"}],"member":@}"#, r#"{"role":[{"text":"r"}]}"#, ANYBODY),
            ENCOUNTER,
        ],
        compartment: &["participant"],
        includes: &["participant"],
        ..NONE
    },
    Kind {
        name: "Coverage",
        subject: r#""beneficiary":@"#,
        coded: "",
        statuses: &["active"],
        slots: &[required(many("payor", &["Organization"]))],
        compartment: &["payor"],
        tokens: &["status"],
        includes: &["payor"],
        ..NONE
    },
    Kind {
        name: "DeviceUseStatement",
        coded: "",
        statuses: &["active"],
        slots: &[
            required(one("device", &["Device"])),
            many("reasonReference", REASONS),
            many("derivedFrom", &["Observation"]),
        ],
        includes: &["device"],
        ..NONE
    },
    Kind {
        name: "Consent",
        subject: r#""patient":@"#,
        coded: "",
        dated: r#""dateTime":"@""#,
        statuses: &["active"],
        slots: &[many("organization", &["Organization"])],
        dates: WHEN,
        includes: &["organization"],
        ..NONE
    },
    Kind {
        name: "List",
        role: Role::Unoffered,
        coded: "",
        statuses: &["current"],
        slots: &[
            gathers(item("entry", r#"{"item":@}"#, "", &["Observation", "Condition", "MedicationRequest", "List"])),
            ENCOUNTER,
            one("source", DOCTORS),
        ],
        compartment: &["source"],
        ..NONE
    },
    Kind {
        name: "Group",
        role: Role::Unoffered,
        subject: "",
        coded: "",
        slots: &[gathers(item("member", r#"{"entity":@}"#, "", &["Practitioner", "Device", "Medication"]))],
        compartment: &["member"],
        ..NONE
    },
    Kind {
        name: "Composition",
        role: Role::Unoffered,
        coded: "",
        dated: r#""date":"@""#,
        statuses: &["final"],
        slots: &[
            required(many("author", ANYBODY)),
            gathers(item(
                "section",
                r#"{"title":"s","entry":[@]}"#,
                "",
                &["Observation", "Condition", "AllergyIntolerance"],
            )),
        ],
        compartment: &["author"],
        ..NONE
    },
    Kind {
        name: "CarePlan",
        coded: "",
        dated: r#""period":{"start":"@"},"intent":"plan""#,
        statuses: &["active"],
        slots: &[
            many("addresses", &["Condition"]),
            many("replaces", &["CarePlan"]),
            item("activity", r#"{"reference":@}"#, "", &["ServiceRequest", "MedicationRequest"]),
        ],
        tokens: &["status"],
        dates: WHEN,
        ..NONE
    },
    Kind { name: "Practitioner", role: Role::Supporting, subject: "", coded: "", ..NONE },
    Kind {
        name: "PractitionerRole",
        role: Role::Supporting,
        subject: "",
        coded: "",
        slots: &[one("practitioner", &["Practitioner"]), one("organization", &["Organization"])],
        ..NONE
    },
    Kind {
        name: "Organization",
        role: Role::Supporting,
        subject: "",
        coded: "",
        slots: &[one("partOf", &["Organization"])],
        ..NONE
    },
    Kind {
        name: "Location",
        role: Role::Supporting,
        subject: "",
        coded: "",
        slots: &[one("managingOrganization", &["Organization"]), one("partOf", &["Location"])],
        ..NONE
    },
    Kind {
        name: "Medication",
        role: Role::Supporting,
        subject: "",
        slots: &[
            one("manufacturer", &["Organization"]),
            item("ingredient", r#"{"itemReference":@}"#, "", &["Substance", "Medication"]),
        ],
        ..NONE
    },
    Kind { name: "Substance", role: Role::Supporting, subject: "", ..NONE },
    Kind {
        name: "Device",
        role: Role::Supporting,
        subject: "",
        coded: "",
        slots: &[one("owner", &["Organization"])],
        ..NONE
    },
];

/// The member through which an include is reached.
pub(super) fn included_through(include: &str) -> &str {
    match include {
        "general-practitioner" => "generalPractitioner",
        "has-member" => "hasMember",
        "derived-from" => "derivedFrom",
        "service-provider" => "serviceProvider",
        "practitioner" => "participant",
        "medication" => "medicationReference",
        "patient" => "subject",
        "prescription" => "authorizingPrescription",
        "source" => "informationSource",
        same => same,
    }
}
