//! Story: one patient, one caller, and what this caller may see, by rules that were written for these tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::client::Question;
use crate::process;
use crate::record::Record;
use crate::trouble::Trouble;

/// How much a caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sees {
    /// Nothing: the patient is as unknown.
    Nothing,
    /// What is not hidden.
    Some,
    /// All that the profile offers.
    All,
}

/// What a role may ask for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    kinds: Vec<String>,
    outside: Vec<Outside>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outside {
    kind: String,
    at: String,
    unless: Vec<String>,
}

/// One patient, one caller, one purpose, under the policies in force.
#[derive(Debug, Clone)]
pub struct Story {
    /// The policy in force and those that are asked after it; none for the site's own.
    pub policies: Vec<String>,
    /// The file of the patient's records, and the id of the first Patient in it.
    pub patient: String,
    /// The name of the caller's certificate.
    pub caller: String,
    /// The purpose.
    pub purpose: String,
    /// The reason, percent-encoded.
    pub reason: Option<String>,
    /// How much the caller may see.
    pub sees: Sees,
    profile: Profile,
    named: Vec<String>,
    linked: Vec<Linked>,
}

/// A resource that refers to what is hidden, and stays.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Linked {
    resource: String,
    /// The bytes of it that go.
    goes: String,
}

/// Elements through which a resource inherits the labels of what it refers to.
const LINKS: [&str; 4] = ["medicationReference", "reasonReference", "derivedFrom", "partOf"];

impl Story {
    /// Reads the stories of `stories.toml` that hold as the site is configured.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn all() -> Result<Vec<Self>, Trouble> {
        let mut stories = Self::read(&process::own("stories.toml"))?;
        stories.retain(|story| story.policies.is_empty());
        Ok(stories)
    }

    /// Reads those that name the policies in force.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn of_policies() -> Result<Vec<Self>, Trouble> {
        let mut stories = Self::read(&process::own("stories.toml"))?;
        stories.retain(|story| !story.policies.is_empty());
        Ok(stories)
    }

    fn read(path: &Path) -> Result<Vec<Self>, Trouble> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            profiles: BTreeMap<String, Profile>,
            story: Vec<Written>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(default)]
            policies: Vec<String>,
            patient: String,
            caller: String,
            sees: Sees,
            purpose: Option<String>,
            reason: Option<String>,
            profile: Option<String>,
            #[serde(default)]
            hidden: Vec<String>,
            #[serde(default)]
            linked: Vec<Linked>,
        }
        let text = std::fs::read_to_string(path).map_err(|error| Trouble::file(path, &error))?;
        let file: File = toml::from_str(&text).map_err(|_| Trouble::content(path, "profiles and stories"))?;
        let mut stories = Vec::new();
        for Written { policies, patient, caller, sees, purpose, reason, profile, hidden, linked } in file.story {
            let profile = file.profiles.get(profile.as_deref().unwrap_or("summary"));
            stories.push(Self {
                policies,
                patient,
                caller,
                purpose: purpose.unwrap_or_else(|| "TREAT".to_owned()),
                reason,
                sees,
                profile: profile.cloned().ok_or_else(|| Trouble::content(path, "a profile that is there"))?,
                named: hidden,
                linked,
            });
        }
        Ok(stories)
    }

    /// Returns who asks what about whom, for a reader.
    #[must_use]
    pub fn name(&self) -> String {
        let policies = if self.policies.is_empty() { String::new() } else { format!("{}: ", self.policies.join(", ")) };
        format!("{policies}{}, asked about by {} for {}", self.patient, self.caller, self.purpose)
    }

    /// Returns the types that the caller's role may ask for.
    #[must_use]
    pub fn kinds(&self) -> &[String] {
        &self.profile.kinds
    }

    /// Returns `question` as this caller asks it.
    #[must_use]
    pub fn asks(&self, question: Question) -> Question {
        question.for_purpose(&self.purpose, self.reason.as_deref())
    }

    /// Returns the records of this patient.
    pub fn own<'r>(&self, records: &'r [Record]) -> impl Iterator<Item = &'r Record> {
        let patient = self.patient.clone();
        records.iter().filter(move |record| record.file() == patient)
    }

    /// Returns what must leave no trace: what the story names, and what inherits the labels of that. Of a patient of whom
    /// nothing may be seen that is everything.
    ///
    /// Consents stay: they are what is decided by, and the same in both worlds.
    ///
    /// # Errors
    ///
    /// When the story names what is not in the records.
    pub fn hidden(&self, records: &[Record]) -> Result<BTreeSet<String>, Trouble> {
        let own: Vec<&Record> = self.own(records).filter(|record| record.resource_type() != "Consent").collect();
        let known: BTreeSet<&str> = own.iter().map(|record| record.reference()).collect();
        if known.is_empty() || self.named.iter().any(|name| !known.contains(name.as_str())) {
            return Err(Trouble::Shape { what: "a story about records that are not there" });
        }
        if self.sees == Sees::Nothing {
            return Ok(known.into_iter().map(str::to_owned).collect());
        }
        let mut hidden: BTreeSet<String> = self.named.iter().cloned().collect();
        loop {
            let before = hidden.len();
            for record in own.iter().filter(|record| record.resource_type() != "Patient") {
                if record.refers_through(&LINKS).iter().any(|reference| hidden.contains(reference)) {
                    hidden.insert(record.reference().to_owned());
                }
            }
            if hidden.len() == before {
                return Ok(hidden);
            }
        }
    }

    /// Returns what the caller may be given, by type and id.
    ///
    /// # Errors
    ///
    /// When the story names what is not in the records.
    pub fn visible<'r>(&self, records: &'r [Record]) -> Result<BTreeMap<&'r str, &'r Record>, Trouble> {
        let hidden = self.hidden(records)?;
        let visible = self
            .own(records)
            .filter(|record| self.offers(record) && !hidden.contains(record.reference()) && self.sees != Sees::Nothing);
        Ok(visible.map(|record| (record.reference(), record)).collect())
    }

    /// Returns a resource as the caller may be given it: without what leads to something hidden and, where anything is hidden
    /// from the caller, without the numbers that would show a gap (docs/deciding.md, "What refers to what is hidden").
    ///
    /// # Errors
    ///
    /// When the story names bytes that are not in it.
    pub fn without_links(&self, reference: &str, resource: &str) -> Result<String, Trouble> {
        let mut left = resource.to_owned();
        for Linked { resource: _, goes } in self.linked.iter().filter(|linked| linked.resource == reference) {
            if !left.contains(goes.as_str()) {
                return Err(Trouble::Shape { what: "a story about bytes that are not there" });
            }
            left = left.replacen(goes.as_str(), "", 1);
        }
        match self.sees {
            Sees::Some => Ok(without_ranks(&left)),
            Sees::Nothing | Sees::All => Ok(left),
        }
    }

    /// Returns true if and only if the profile of the caller's role has this resource.
    #[must_use]
    pub fn offers(&self, record: &Record) -> bool {
        let value = record.value();
        let outside = |rule: &Outside| {
            let text = value.pointer(&rule.at).and_then(Value::as_str);
            rule.kind == record.resource_type() && !text.is_some_and(|text| rule.unless.iter().any(|one| one == text))
        };
        self.profile.kinds.iter().any(|kind| kind == record.resource_type())
            && !self.profile.outside.iter().any(outside)
    }
}

/// Takes the rank out of each diagnosis, which stands behind its condition in the records.
fn without_ranks(resource: &str) -> String {
    let mut parts = resource.split(r#","rank":"#);
    let mut left = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        left.push_str(part.trim_start_matches(|sign: char| sign.is_ascii_digit()));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(sees: Sees, hidden: &[&str]) -> Story {
        let stories = Story::all().unwrap();
        let mut story = stories.into_iter().next().unwrap();
        story.patient = String::new();
        story.sees = sees;
        story.named = hidden.iter().map(|&name| name.to_owned()).collect();
        story
    }

    fn records() -> Vec<Record> {
        [
            r#"{"resourceType":"Patient","id":"p"}"#,
            r#"{"resourceType":"Condition","id":"secret"}"#,
            r#"{"resourceType":"Encounter","id":"e","class":{"code":"IMP"},"d":{"reference":"Condition/secret"}}"#,
            r#"{"resourceType":"MedicationRequest","id":"m","reasonReference":[{"reference":"Condition/secret"}]}"#,
            r#"{"resourceType":"Observation","id":"o","derivedFrom":[{"reference":"MedicationRequest/m"}]}"#,
            r#"{"resourceType":"Encounter","id":"amb","class":{"code":"AMB"}}"#,
            r#"{"resourceType":"Flag","id":"f"}"#,
            r#"{"resourceType":"Consent","id":"c","scope":{"coding":[{"code":"patient-privacy"}]}}"#,
        ]
        .into_iter()
        .map(|raw| Record::read(raw).unwrap())
        .collect()
    }

    #[test]
    fn the_stories_can_be_read() {
        let stories = Story::all().unwrap();
        assert!(stories.iter().any(|story| story.sees == Sees::Some));
        assert!(stories.iter().any(|story| story.purpose == "ETREAT"));
    }

    #[test]
    fn what_inherits_from_something_hidden_is_hidden_and_what_is_outside_is_not_given() {
        let records = records();
        let story = story(Sees::Some, &["Condition/secret"]);
        let hidden: Vec<String> = story.hidden(&records).unwrap().into_iter().collect();
        assert_eq!(hidden, ["Condition/secret", "MedicationRequest/m", "Observation/o"]);
        let visible: Vec<&str> = story.visible(&records).unwrap().into_keys().collect();
        assert_eq!(visible, ["Encounter/e", "Flag/f", "Patient/p"]);
    }

    #[test]
    fn of_a_patient_of_whom_nothing_may_be_seen_all_but_the_consents_is_hidden() {
        let records = records();
        let story = story(Sees::Nothing, &[]);
        assert_eq!(story.hidden(&records).unwrap().len(), 7);
        assert!(story.visible(&records).unwrap().is_empty());
    }

    #[test]
    fn what_leads_to_something_hidden_is_given_without_that() {
        let mut story = story(Sees::Some, &["Condition/secret"]);
        story.linked = vec![Linked { resource: "Encounter/e".to_owned(), goes: r#","b":2"#.to_owned() }];
        let given = r#"{"a":1,"b":2}"#;
        assert_eq!(story.without_links("Encounter/e", given).unwrap(), r#"{"a":1}"#);
        assert_eq!(story.without_links("Encounter/f", given).unwrap(), given);
        assert!(story.without_links("Encounter/e", "{}").is_err());
    }

    #[test]
    fn a_story_about_what_is_not_there_is_trouble() {
        assert!(story(Sees::Some, &["Condition/gone"]).hidden(&records()).is_err());
    }

    #[test]
    fn ranks_go_where_something_is_hidden_and_stay_where_nothing_is() {
        let text = r#"{"diagnosis":[{"condition":{"reference":"Condition/1"},"rank":12},{"condition":{},"rank":1}]}"#;
        let left = r#"{"diagnosis":[{"condition":{"reference":"Condition/1"}},{"condition":{}}]}"#;
        assert_eq!(story(Sees::Some, &[]).without_links("Encounter/none", text).unwrap(), left);
        assert_eq!(story(Sees::All, &[]).without_links("Encounter/none", text).unwrap(), text);
    }
}
