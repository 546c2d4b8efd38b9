//! Notice: what a searchset says of itself where callers are told that data may have been withheld.
//!
//! It is a function of the plan alone: the same on every answer and page of one patient, caller and profile, whatever the
//! question found. It says that data **may** have been withheld, never that some was (design, "Mode").

use crate::consent::Plan;
use crate::view::released::Entries;

/// What callers are told of what is withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Silent,
    /// That data may have been withheld, where a plan is.
    Notice,
}

/// Whether a searchset says that data may have been withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// It does not.
    None,
    /// It does.
    Given,
}

impl Notice {
    /// Returns that of an answer under `plan`.
    pub(super) fn under(plan: &Plan, mode: Mode) -> Self {
        match mode {
            Mode::Notice if !plan.is_straight() => Self::Given,
            Mode::Notice | Mode::Silent => Self::None,
        }
    }

    /// Returns that of an answer to whoever may see nothing of a person, known or not: all of it may have been withheld.
    #[must_use]
    pub fn of_denial(mode: Mode) -> Self {
        match mode {
            Mode::Notice => Self::Given,
            Mode::Silent => Self::None,
        }
    }

    /// Writes what stands among the Bundle's own members, behind its type.
    pub(super) fn write_label(self, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Given => out.extend_from_slice(LABEL),
        }
    }

    /// Writes the outcome behind the entries. Returns whether there are entries then.
    pub(super) fn write_outcome(self, entries: Entries, out: &mut Vec<u8>) -> Entries {
        match self {
            Self::None => entries,
            Self::Given => {
                out.extend_from_slice(match entries {
                    Entries::None => br#","entry":["#.as_slice(),
                    Entries::Some => b",",
                });
                out.extend_from_slice(OUTCOME);
                Entries::Some
            }
        }
    }
}

const LABEL: &[u8] = br#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED","display":"redacted"}]}"#;

const OUTCOME: &[u8] = br#"{"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"information","code":"suppressed","details":{"text":"Data may have been withheld from this answer."}}]},"search":{"mode":"outcome"}}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use crate::limits;

    #[test]
    fn what_is_written_is_json() {
        let outcome = Document::read(OUTCOME, limits::RESOURCE).unwrap();
        let issues = outcome.root().get("resource").and_then(|outcome| outcome.get("issue")).unwrap();
        assert_eq!(issues.items().next().unwrap().text_of("code").unwrap(), "suppressed");
        let bundle = [br#"{"resourceType":"Bundle""#.as_slice(), LABEL, b"}"].concat();
        assert!(Document::read(&bundle, limits::RESOURCE).unwrap().root().get("meta").is_some());
    }

    #[test]
    fn a_silent_searchset_says_nothing() {
        let mut out = Vec::new();
        Notice::None.write_label(&mut out);
        assert_eq!(Notice::None.write_outcome(Entries::None, &mut out), Entries::None);
        assert!(out.is_empty());
        assert_eq!(Notice::of_denial(Mode::Silent), Notice::None);
    }
}
