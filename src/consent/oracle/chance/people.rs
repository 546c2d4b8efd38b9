//! Random callers, and the records that Consents refer to.

use serde_json::{Map, Value, json};

use super::{AGB, Chance, URA, UZI};

impl Chance {
    pub(super) fn caller(&mut self) -> Value {
        let mut caller = json!({"ura": "00000001", "uzi": "900000001", "card_type": "Z", "role": "01.015"});
        match self.below(10) {
            0 => caller["ura"] = json!("00000077"),
            1 => caller["uzi"] = json!("900000002"),
            2 => caller["role"] = json!("17.075"),
            3 => caller = json!({"ura": "00000001", "uzi": "900000009", "card_type": "S"}),
            4 => caller["ura"] = json!("00000002"),
            _ => {}
        }
        if self.in_hundred(30) {
            caller["identifiers"] = json!([{"system": AGB, "value": "01012345"}]);
        }
        let mut own = Vec::new();
        if caller["ura"] == "00000001" && self.in_hundred(50) {
            own.push("Organization/54");
        }
        if caller["uzi"] == "900000001" && self.in_hundred(50) {
            own.push("Practitioner/5");
        }
        if !own.is_empty() {
            caller["references"] = json!(own);
        }
        caller
    }

    /// Whom Consents speak about. Some are not found, some are no longer active.
    pub(super) fn referenced(&mut self) -> Value {
        let mut people = |chance: &mut Self| json!({"reference": chance.one(&["Practitioner/5", "Practitioner/6", "Organization/54", "Organization/56"])});
        let members: Vec<_> = self.some(2, &mut people).into_iter().map(|one| json!({"entity": one})).collect();
        let team: Vec<_> = self.some(2, &mut people).into_iter().map(|one| json!({"member": one})).collect();
        let number = |system: &str, value: &str| json!([{"system": system, "value": value}]);
        let role = |person: &str, organisation: &str| json!({"practitioner": {"reference": person}, "organization": {"reference": organisation}});
        let records = [
            ("Organization/1", json!({"identifier": number(URA, "00000002")})),
            ("Organization/9", json!({"identifier": number(URA, "00000009")})),
            (
                "Organization/54",
                json!({"identifier": number(URA, "00000001"), "partOf": {"reference": "Organization/50"}}),
            ),
            ("Organization/55", json!({"partOf": {"reference": "Organization/54"}})),
            (
                "Organization/59",
                json!({"identifier": number(URA, "00000009"), "partOf": {"reference": "Organization/54"}}),
            ),
            ("Organization/50", json!({"identifier": number(URA, "00000050")})),
            ("Organization/56", json!({"identifier": number("urn:oid:2.16.528.1.1007.3.3", "00000009")})),
            ("Organization/57", json!({"name": "De Horizon"})),
            ("Organization/58", json!({"identifier": number(AGB, self.one(&["01012345", "01099999"]))})),
            ("Practitioner/5", json!({"identifier": number(UZI, "900000001")})),
            ("Practitioner/6", json!({"identifier": number(UZI, "900000002")})),
            ("Practitioner/7", json!({"active": true})),
            ("PractitionerRole/3", role("Practitioner/5", "Organization/54")),
            ("PractitionerRole/4", role("Practitioner/5", "Organization/56")),
            ("PractitionerRole/8", role("Practitioner/6", "Organization/54")),
            ("Group/2", json!({"type": "practitioner", "actual": self.in_hundred(90), "member": members})),
            (
                "CareTeam/4",
                json!({"status": self.one(&["active", "active", "active", "inactive"]), "participant": team}),
            ),
        ];
        let mut found = Map::new();
        for (name, mut record) in records {
            let (kind, id) = name.split_once('/').unwrap();
            record["resourceType"] = json!(kind);
            record["id"] = json!(id);
            if self.in_hundred(5) && !matches!(kind, "Group" | "CareTeam") {
                record["active"] = json!(false);
            }
            if self.in_hundred(95) {
                found.insert(name.to_owned(), record);
            }
        }
        found.into()
    }
}
