//! Random resources, with labels and codes that Consents name too.

use serde_json::{Value, json};

use super::{ATC, Chance, ICD, LOINC, SNOMED, SYSTEM};

impl Chance {
    pub(super) fn label(&mut self) -> Value {
        let confidentiality = self.in_hundred(60);
        let (system, codes) = match confidentiality {
            true => ("v3-Confidentiality", &["L", "M", "N", "N", "R", "R", "V"][..]),
            false => ("v3-ActCode", &["PSY", "HIV", "SPI", "SUD", "ETH", "ETHUD", "OPIOIDUD", "SDV"][..]),
        };
        json!({"system": format!("{SYSTEM}{system}"), "code": self.one(codes)})
    }

    pub(super) fn coding(&mut self) -> Value {
        let (system, code) = self.one(&[
            (LOINC, "85354-9"),
            (LOINC, "4548-4"),
            (LOINC, "7917-8"),
            (LOINC, "5643-2"),
            (ATC, "N05AN01"),
            (ATC, "A10BA02"),
            (ATC, "C09AA02"),
            (ATC, "J05AR03"),
            (ATC, "N07BB04"),
            (ATC, "N07BC02"),
            (ICD, "F32.1"),
            (ICD, "E11.9"),
            (ICD, "B20"),
            (SNOMED, "44054006"),
            (SNOMED, "38341003"),
            (ATC, "J07BB02"),
            ("http://x.example/lab", "glu"),
        ]);
        json!({"system": system, "code": code})
    }

    pub(super) fn resource(&mut self, name: &str, names: &[String]) -> Value {
        let (kind, id) = name.split_once('/').unwrap();
        let mut resource = json!({"resourceType": kind, "id": id});
        let author = json!({"reference": self.one(&["Practitioner/5", "Practitioner/6", "Organization/54"])});
        let has_author = self.in_hundred(60);
        let dated = self.one(&[
            "2024-06-01",
            "2024-06",
            "2024",
            "2023-12-31",
            "2024-12-31",
            "2025-01-01",
            "2024-06-01T12:00:00Z",
            "2024-03-04",
        ]);
        let lasting = self.one(&[
            json!({"start": "2024-12-30", "end": "2025-01-02"}),
            json!({"start": "2024-03-04"}),
            json!({"start": "2024-01-01", "end": "2024-01-03"}),
        ]);
        let has_date = self.in_hundred(80);
        let (subject, author_element, date, span, code) = match kind {
            "Observation" => ("subject", "performer", "effectiveDateTime", "effectivePeriod", "code"),
            "Condition" => ("subject", "asserter", "onsetDateTime", "onsetPeriod", "code"),
            "MedicationRequest" => ("subject", "requester", "authoredOn", "authoredOn", "medicationCodeableConcept"),
            "Immunization" => ("patient", "", "occurrenceDateTime", "occurrenceDateTime", "vaccineCode"),
            "Encounter" => ("subject", "", "", "period", ""),
            _ => ("beneficiary", "", "", "", ""),
        };
        resource[subject] = json!({"reference": "Patient/1"});
        if has_author && !author_element.is_empty() {
            resource[author_element] = if author_element == "performer" { json!([author]) } else { author };
        }
        if has_date && !span.is_empty() {
            let lasts = date.is_empty() || (span != date && self.in_hundred(40));
            resource[if lasts { span } else { date }] = if lasts { lasting } else { json!(dated) };
        }
        if !code.is_empty() && self.in_hundred(92) {
            let concept = json!({"coding": self.some(2, Self::coding)});
            if code.starts_with("medication") && self.in_hundred(25) {
                resource["contained"] = json!([{"resourceType": "Medication", "id": "m", "code": concept}]);
                resource["medicationReference"] = json!({"reference": "#m"});
            } else {
                resource[code] = concept;
            }
        }
        if matches!(kind, "Observation" | "Condition" | "MedicationRequest") && self.in_hundred(40) {
            resource["encounter"] = json!({"reference": self.one(names)});
        }
        if self.in_hundred(45) {
            resource["meta"] = json!({"security": self.some(2, Self::label)});
        }
        resource
    }
}
