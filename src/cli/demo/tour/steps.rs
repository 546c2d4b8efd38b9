//! The steps of the tour, as data: one story after the other.

mod story;

use super::step::Expected::{Document, Metadata, NoHandshake, Nothing, Refused, Resource, Searchset};
use super::step::{Pages, Step};
use story::{ANNA, BRAM, CARLA, DIRK, DOOR, ELS, FATIMA, FORBIDDEN, GIJS, GLASS, HENK, UNKNOWN, get, urgent};

/// The tour, in order.
pub const STEPS: &[Step] = &[
    get(
        ANNA,
        "huisarts-brug",
        "Condition?patient=anna",
        "Nothing on file is no (policy wabvpz): the answer is that of a patient who has no conditions.",
        Nothing { lacks: "Condition/anna-condition-1" },
    ),
    get(
        ANNA,
        "huisarts-brug",
        "Condition?patient=nobody",
        "An unknown patient gets the same answer: it does not tell who is a patient here.",
        Nothing { lacks: "Condition/anna-condition-1" },
    ),
    get(ANNA, "huisarts-brug", "Patient/anna", "The same by id: nobody may know.", UNKNOWN),
    get(ANNA, "huisarts-brug", "Patient/nobody", "And that of somebody who was never here: the same bytes.", UNKNOWN),
    get(
        BRAM,
        "huisarts-brug",
        "Patient/bram",
        "Consent/bram-consent-1 permits De Brug: the Patient, byte for byte, without its narrative.",
        Resource("Patient/bram"),
    ),
    get(
        BRAM,
        "huisarts-brug",
        "Condition?patient=bram",
        "All his conditions; `total` and the server's own links are gone.",
        Searchset {
            has: &["Condition/bram-condition-1", "Condition/bram-condition-2", "Condition/bram-condition-3"],
            lacks: &["Condition/anna-condition-1"],
        },
    ),
    Step {
        method: "POST",
        form: Some("identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999990202"),
        ..get(
            BRAM,
            "huisarts-brug",
            "Patient/_search",
            "By BSN, in a body, where it stays out of logs.",
            Searchset { has: &["Patient/bram"], lacks: &[] },
        )
    },
    get(
        BRAM,
        "huisarts-brug",
        "MedicationRequest?patient=bram&category=http://snomed.info/sct%7C33633005",
        "The medication agreements (MA) of the medication process.",
        Searchset {
            has: &["MedicationRequest/bram-medicationrequest-1", "MedicationRequest/bram-medicationrequest-3"],
            lacks: &["MedicationRequest/bram-medicationrequest-2"],
        },
    ),
    Step {
        pages: Pages::All,
        ..get(
            BRAM,
            "huisarts-brug",
            "Observation?patient=bram&category=http://snomed.info/sct%7C49581000146104&_count=2",
            "Laboratory results, two at a time: `next` links are sealed and lead through the gateway to the last one.",
            Searchset {
                has: &[
                    "Observation/bram-observation-lab-1",
                    "Observation/bram-observation-lab-2",
                    "Observation/bram-observation-lab-3",
                    "Observation/bram-observation-lab-4",
                    "Observation/bram-observation-lab-5",
                    "Observation/bram-observation-lab-6",
                ],
                lacks: &["Observation/bram-observation-bp-1"],
            },
        )
    },
    get(
        BRAM,
        "huisarts-brug",
        "Patient/bram/AllergyIntolerance",
        "A compartment search, which the server behind does not serve: it becomes a search by patient.",
        Searchset { has: &["AllergyIntolerance/bram-allergy-1", "AllergyIntolerance/bram-allergy-2"], lacks: &[] },
    ),
    get(
        BRAM,
        "huisarts-brug",
        "Encounter?patient=bram",
        "Admissions are in the BgZ, visits to the clinic are not: what is outside the exchange stays out.",
        Searchset { has: &["Encounter/bram-encounter-1"], lacks: &["Encounter/bram-encounter-2"] },
    ),
    get(
        BRAM,
        "huisarts-noord",
        "Condition?patient=bram",
        "The permit names De Brug: for another practice there is nothing on file.",
        Nothing { lacks: "Condition/bram-condition-1" },
    ),
    get(BRAM, "huisarts-noord", "Condition/bram-condition-1", "Nor by id.", UNKNOWN),
    get(
        CARLA,
        "huisarts-brug",
        "Condition?patient=carla",
        "Her own GP sees everything.",
        Searchset {
            has: &[
                "Condition/carla-condition-1",
                "Condition/carla-condition-2",
                "Condition/carla-condition-depression",
                "Condition/carla-condition-anxiety",
            ],
            lacks: &[],
        },
    ),
    get(
        CARLA,
        "huisarts-noord",
        "Condition?patient=carla",
        "Diabetes and asthma; depression and anxiety, known as psychiatry by their codes, never existed.",
        Searchset {
            has: &["Condition/carla-condition-1", "Condition/carla-condition-2"],
            lacks: &["carla-condition-depression", "carla-condition-anxiety"],
        },
    ),
    get(CARLA, "huisarts-noord", "Condition/carla-condition-depression", "Not by id either.", UNKNOWN),
    get(
        CARLA,
        "huisarts-brug",
        "Condition/carla-condition-depression",
        "The same request from her own GP.",
        Resource("Condition/carla-condition-depression"),
    ),
    get(
        CARLA,
        "huisarts-brug",
        "MedicationRequest?patient=carla",
        "All agreements, those of the psychiatrist too.",
        Searchset {
            has: &[
                "MedicationRequest/carla-medicationrequest-1",
                "MedicationRequest/carla-medicationrequest-sertraline",
                "MedicationRequest/carla-medicationrequest-quetiapine",
                "MedicationRequest/carla-medicationrequest-propranolol",
            ],
            lacks: &[],
        },
    ),
    get(
        CARLA,
        "huisarts-noord",
        "MedicationRequest?patient=carla",
        "No sertraline (in a Medication of its own), no quetiapine (contained), and no trace of the reason for propranolol.",
        Searchset {
            has: &["MedicationRequest/carla-medicationrequest-1", "MedicationRequest/carla-medicationrequest-inhaler"],
            lacks: &["sertraline", "quetiapine", "carla-condition-anxiety", "carla-condition-depression", "ggz"],
        },
    ),
    get(
        CARLA,
        "huisarts-noord",
        "Encounter?patient=carla",
        "The psychiatric admission is hidden, and nothing that is left tells of her depression.",
        Searchset {
            has: &["Encounter/carla-encounter-1"],
            lacks: &["carla-encounter-ggz", "carla-condition-depression"],
        },
    ),
    get(
        CARLA,
        "huisarts-noord",
        "DocumentReference?patient=carla",
        "The letter of the internist, not that of the psychiatrist, which its source labelled.",
        Searchset { has: &["DocumentReference/carla-document-1"], lacks: &["ggz", "psychiat"] },
    ),
    Step {
        pages: Pages::All,
        ..get(
            CARLA,
            "huisarts-noord",
            "Observation?patient=carla&_count=4",
            "Pages are filled up: hidden results leave no short page behind.",
            Searchset {
                has: &[
                    "Observation/carla-observation-lab-1",
                    "Observation/carla-observation-lab-6",
                    "Observation/carla-observation-bp-1",
                    "Observation/carla-observation-weight-1",
                ],
                lacks: &["carla-observation-phq9", "lithium", "14334-7"],
            },
        )
    },
    get(
        CARLA,
        "huisarts-noord",
        "Patient/carla/$summary",
        "The International Patient Summary, composed here of what is visible: a document that keeps its form.",
        Document {
            has: &["Patient/carla", "Condition/carla-condition-1", "MedicationRequest/carla-medicationrequest-1"],
            lacks: &["carla-condition-depression", "sertraline", "quetiapine", "psychiat"],
        },
    ),
    get(
        CARLA,
        "huisarts-brug",
        "Patient/carla/$summary",
        "Her own GP's has the depression among the problems.",
        Document { has: &["Condition/carla-condition-depression"], lacks: &[] },
    ),
    get(
        CARLA,
        "apotheker",
        "MedicationDispense?patient=carla",
        "The objection is against one GP: the pharmacist sees what was dispensed.",
        Searchset {
            has: &[
                "MedicationDispense/carla-medicationdispense-1",
                "MedicationDispense/carla-medicationdispense-sertraline",
            ],
            lacks: &[],
        },
    ),
    get(
        DIRK,
        "internist-oost",
        "AllergyIntolerance?patient=dirk",
        "Whoever acts for Streekziekenhuis Oost is barred.",
        Nothing { lacks: "AllergyIntolerance/dirk-allergy-1" },
    ),
    get(DIRK, "seh-arts", "Condition/dirk-condition-1", "Every one of them.", UNKNOWN),
    get(
        DIRK,
        "huisarts-noord",
        "AllergyIntolerance?patient=dirk",
        "His GP is not.",
        Searchset { has: &["AllergyIntolerance/dirk-allergy-1", "AllergyIntolerance/dirk-allergy-2"], lacks: &[] },
    ),
    get(
        DIRK,
        "apotheker",
        "AllergyIntolerance?patient=dirk",
        "Nor is the pharmacist: allergies belong to the medication overview.",
        Searchset { has: &["AllergyIntolerance/dirk-allergy-1"], lacks: &[] },
    ),
    get(
        ELS,
        "huisarts-brug",
        "Condition?patient=els",
        "An expired permit is no permit.",
        Nothing { lacks: "Condition/els-condition-1" },
    ),
    get(
        FATIMA,
        "seh-arts",
        "AllergyIntolerance?patient=fatima",
        "For treatment the objection holds.",
        Nothing { lacks: "AllergyIntolerance/fatima-allergy-1" },
    ),
    urgent(
        ("ETREAT", None),
        FATIMA,
        "seh-arts",
        "AllergyIntolerance?patient=fatima",
        "An emergency needs a reason.",
        Refused { status: 400, code: "required" },
    ),
    urgent(
        ("ETREAT", Some("Bewusteloos%20op%20de%20SEH%2C%20anafylaxie%3F")),
        FATIMA,
        "seh-arts",
        "AllergyIntolerance?patient=fatima",
        "With purpose ETREAT and a reason, the exception she made for emergencies opens; the journal holds the reason.",
        Searchset { has: &["AllergyIntolerance/fatima-allergy-1", "AllergyIntolerance/fatima-allergy-2"], lacks: &[] },
    ),
    urgent(
        ("BTG", Some("Bewusteloos%20op%20de%20SEH")),
        FATIMA,
        "seh-arts",
        "AllergyIntolerance?patient=fatima",
        "Break-glass lies below emergencies: her exception opens for it too, without anything being broken.",
        Searchset { has: &["AllergyIntolerance/fatima-allergy-1", "AllergyIntolerance/fatima-allergy-2"], lacks: &[] },
    ),
    urgent(
        ("ETREAT", Some("Nieuwsgierig")),
        FATIMA,
        "apotheker",
        "AllergyIntolerance?patient=fatima",
        "A pharmacist may not declare an emergency.",
        FORBIDDEN,
    ),
    get(
        GLASS,
        "seh-arts",
        "AllergyIntolerance?patient=anna",
        "Anna never decided anything: for treatment there is nothing to see.",
        Nothing { lacks: "AllergyIntolerance/anna-allergy-1" },
    ),
    urgent(
        ("BTG", None),
        GLASS,
        "seh-arts",
        "AllergyIntolerance?patient=anna",
        "Nobody breaks the glass without saying why.",
        Refused { status: 400, code: "required" },
    ),
    urgent(
        ("BTG", Some("Bewusteloos%20op%20de%20SEH%2C%20anafylaxie%3F")),
        GLASS,
        "seh-arts",
        "AllergyIntolerance?patient=anna",
        "With a reason a doctor may, where consent is missing: four hours that `sluis audit review` lists as one emergency.",
        Searchset { has: &["AllergyIntolerance/anna-allergy-1"], lacks: &[] },
    ),
    urgent(
        ("BTG", Some("Nieuwsgierig")),
        GLASS,
        "apotheker",
        "AllergyIntolerance?patient=anna",
        "A pharmacist may not, whatever the reason.",
        FORBIDDEN,
    ),
    urgent(
        ("BTG", Some("Bewusteloos%20op%20de%20SEH")),
        GLASS,
        "seh-arts",
        "AllergyIntolerance?patient=dirk",
        "Dirk said no to this hospital: break-glass does not go before that under this policy.",
        Nothing { lacks: "AllergyIntolerance/dirk-allergy-1" },
    ),
    get(
        GIJS,
        "huisarts-brug",
        "Condition?patient.identifier=http://fhir.nl/fhir/NamingSystem/bsn%7C999990706",
        "Both records have his BSN: they are asked together, and consent on one holds for the person.",
        Searchset { has: &["Condition/gijs-condition-1", "Condition/gijs-old-condition-1"], lacks: &[] },
    ),
    get(
        GIJS,
        "apotheker",
        "AllergyIntolerance?patient=gijs-old",
        "By either id.",
        Searchset { has: &["AllergyIntolerance/gijs-allergy-1", "AllergyIntolerance/gijs-old-allergy-1"], lacks: &[] },
    ),
    get(
        HENK,
        "huisarts-brug",
        "Condition?patient=henk",
        "One of his two Consents has a modifierExtension nobody here understands: it may say anything, so it says no.",
        Nothing { lacks: "Condition/henk-condition-1" },
    ),
    get(
        DOOR,
        "assistent",
        "Condition?patient=bram",
        "An employee's card proves no profession: no exchange is open.",
        FORBIDDEN,
    ),
    get(DOOR, "systeem", "MedicationRequest?patient=carla", "A server proves no person.", FORBIDDEN),
    get(
        DOOR,
        "apotheker",
        "Condition?patient=carla",
        "Conditions are not in the exchange open to a pharmacist.",
        FORBIDDEN,
    ),
    Step {
        purpose: None,
        ..get(
            DOOR,
            "huisarts-brug",
            "Condition?patient=bram",
            "No purpose, no answer.",
            Refused { status: 400, code: "required" },
        )
    },
    Step {
        purpose: Some("HRESCH"),
        ..get(DOOR, "huisarts-brug", "Condition?patient=bram", "Research is no purpose of these exchanges.", FORBIDDEN)
    },
    get(
        DOOR,
        "huisarts-brug",
        "Condition?patient=bram&_has:Observation:patient:code=1234-5",
        "What the exchange does not list is refused, not ignored.",
        Refused { status: 400, code: "not-supported" },
    ),
    Step {
        method: "DELETE",
        ..get(
            DOOR,
            "huisarts-brug",
            "Condition/bram-condition-1",
            "Sluis reads.",
            Refused { status: 405, code: "not-supported" },
        )
    },
    Step {
        purpose: None,
        ..get(DOOR, "apotheker", "metadata", "What this gateway offers; nothing of the server behind it.", Metadata)
    },
    get(DOOR, "huisarts-revoked", "Patient/bram", "A revoked card does not get past the handshake.", NoHandshake),
];

#[cfg(test)]
mod tests;
