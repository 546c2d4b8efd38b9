//! NEN 7513: what a journal tells, as a table of the fields of that standard.
//!
//! One row for each request and each event, in CSV (RFC 4180) with names in the first row. What was withheld is in none, and
//! a read that was refused names no resource.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::access::{Access, Facts, Told};
use super::fhir::raw;

/// Names of the columns, each a field of NEN 7513:2018.
const COLUMNS: [&str; 20] = [
    "event",
    "action",
    "time",
    "nature",
    "result",
    "ground",
    "user_id",
    "user_name",
    "user_role",
    "responsible",
    "access_point",
    "purpose",
    "object_type",
    "object_id",
    "authorisation_protocol",
    "treatment_relation",
    "consent_profile",
    "query",
    "emergency",
    "source",
];

/// Returns the first row, with its end.
#[must_use]
pub fn heading() -> String {
    row(COLUMNS.map(str::to_owned))
}

/// Returns the row of what was told, with its end; none for a request that is under way, and for what only concerns the
/// files of the journal.
#[must_use]
pub fn record(told: &Told) -> Option<String> {
    let (facts, read) = match told {
        Told::Access(access) => (&access.facts, is_read(access)),
        Told::Occurrence(occurrence) => (&occurrence.facts, false),
    };
    let of_files = matches!(facts.event.as_deref(), Some("segment" | "checkpoint"));
    if facts.outcome.is_none() && facts.event.is_none() || of_files {
        return None;
    }
    let who = facts.who.as_ref();
    let basis = facts.authorisation.as_ref();
    let asked = facts.asked.as_ref().filter(|_| !read);
    Some(row([
        known(if facts.event.is_some() { &facts.event } else { &facts.interaction }),
        known(&facts.action),
        known(&facts.time),
        known(if facts.operation.is_some() { &facts.operation } else { &facts.resource_type }),
        facts.outcome.clone().unwrap_or_else(|| facts.reasons.join(" ")),
        known(&facts.ground),
        who.map_or_else(|| known(&facts.user), |who| who.uzi.clone()),
        who.and_then(super::access::Who::name).unwrap_or_else(|| known(&facts.by)),
        who.map(|who| who.role().to_owned()).unwrap_or_default(),
        who.map(|who| who.ura.clone()).unwrap_or_default(),
        known(&facts.address),
        known(&facts.purpose),
        if facts.patient.is_some() { "1".to_owned() } else { String::new() },
        object(facts),
        basis.map(|basis| basis.policy.clone()).unwrap_or_default(),
        basis.and_then(|basis| basis.relation.clone()).unwrap_or_default(),
        basis.map(|basis| basis.consents.join(" ")).unwrap_or_default(),
        asked.map(|asked| STANDARD.encode(raw(asked))).unwrap_or_default(),
        facts.emergency.as_ref().map(|emergency| emergency.id.clone()).unwrap_or_default(),
        facts.source.as_ref().map(|source| source.holder.clone()).unwrap_or_default(),
    ]))
}

fn is_read(access: &Access) -> bool {
    matches!(access.facts.interaction.as_deref(), Some("read" | "vread"))
}

fn known(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

/// The BSN, and the references of all Patient records.
fn object(facts: &Facts) -> String {
    let Some(patient) = &facts.patient else { return String::new() };
    patient.bsn.iter().chain(&patient.references).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn row(cells: [String; 20]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// Names and requests are others' words: a spreadsheet must take none for a formula.
fn cell(text: &str) -> String {
    let mark = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tests::{Story, Written, emergency};
    use crate::audit::{Event, EventKind, Interaction, Outcome, Sink as _};
    use crate::consent::Ground;
    use crate::identity::{CardType, StatementKind};

    fn rows(written: &Written) -> Vec<Vec<String>> {
        let (told, under_way) = written.told();
        drop(under_way);
        let rows = told.iter().filter_map(record);
        let cells = |row: String| {
            let row = row.strip_prefix('"').unwrap().strip_suffix("\"\r\n").unwrap().to_owned();
            row.split("\",\"").map(str::to_owned).collect()
        };
        std::iter::once(heading()).chain(rows).map(cells).collect()
    }

    #[test]
    fn every_mandatory_field_of_a_request_has_its_value() {
        let written = Written::default();
        Story {
            purpose: "BTG",
            ground: Some(Ground::BreakGlass),
            review: emergency(),
            patient: &["Patient/1", "Patient/11"],
            ..Story::default()
        }
        .tell(&written);
        let rows = rows(&written);
        let expected = [
            ("event", "search-type"),
            ("action", "E"),
            ("time", "2026-03-01T12:00:00.000000Z"),
            ("result", "delivered"),
            ("user_id", "900000001"),
            ("user_name", "Jo de Wit"),
            ("user_role", "01.015"),
            ("responsible", "00000001"),
            ("access_point", "[2001:db8::7]:4711"),
            ("object_type", "1"),
            ("object_id", "999911120 Patient/1 Patient/11"),
            ("authorisation_protocol", "wabvpz"),
            ("treatment_relation", "Encounter/1"),
            ("consent_profile", "Consent/7"),
            ("query", "R0VUIC9maGlyL0NvbmRpdGlvbj9wYXRpZW50PTE="),
            ("emergency", "e-1"),
            ("source", "00000002"),
        ];
        for (name, value) in expected {
            let at = rows[0].iter().position(|column| column == name).unwrap();
            assert_eq!(rows[1][at], value, "{name}");
        }
        assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
        assert!(!rows[1].join(" ").contains("hidden"));
    }

    #[test]
    fn who_acts_behind_a_system_is_the_user() {
        let written = Written::default();
        let (card, statement) = (CardType::System, Some(StatementKind::Dezi));
        Story { card, statement, ..Story::default() }.tell(&written);
        let row = rows(&written).pop().unwrap();
        assert_eq!(row[6..9], ["900022159", "J. Jansen", "01.015"]);
    }

    #[test]
    fn a_read_that_was_refused_names_no_resource() {
        let written = Written::default();
        let target = "/fhir/Condition/hidden";
        let (interaction, outcome) = (Some(Interaction::Read), Outcome::Refused);
        Story { interaction, target, outcome, released: &[], ..Story::default() }.tell(&written);
        let row = rows(&written).pop().unwrap();
        assert_eq!((row[4].as_str(), row[17].as_str()), ("refused", ""));
        assert!(!row.join(" ").contains("hidden"));
    }

    #[test]
    fn what_is_under_way_and_what_concerns_files_alone_has_no_row() {
        let written = Written::default();
        written.append(Event::new(EventKind::Segment).carrying([]).into());
        written.append(Event::checkpoint(crate::audit::Head::NONE, "k", b"s").into());
        written.append(Event::new(EventKind::Start).into());
        let trail = Story::default().begin(&written);
        assert_eq!(rows(&written).len(), 2);
        drop(trail);
        assert_eq!(rows(&written).len(), 3);
    }

    #[test]
    fn others_words_are_neither_formulas_nor_more_cells() {
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("a\",\"b"), "\"a\"\",\"\"b\"");
        assert_eq!(cell("\n@x"), "\"'\n@x\"");
    }
}
