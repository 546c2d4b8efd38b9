//! `$lastn`: the last observations of each code (FHIR R4, operation Observation/$lastn), found here among those that are
//! visible. The server is asked an ordinary search.

use super::form::{Pair, append};
use super::projection::once;
use super::search::count;
use super::{Search, Subject, Unclassifiable};
use crate::json::Value;
use crate::limits;
use crate::profile::{Include, Offer};

/// The only type that has the operation.
const TYPE: &str = "Observation";

/// What a request must say beside the patient, at least one of them.
const KINDS: [&str; 2] = ["category", "code"];

/// The last observations of one patient, so many of each code.
#[derive(Clone, PartialEq, Eq)]
pub struct LastN {
    search: Search,
    max: usize,
}

impl std::fmt::Debug for LastN {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LastN(…)")
    }
}

impl LastN {
    /// Reads `$lastn`: what a search by type takes, but for what says how its result is cut up, and `max`.
    pub(super) fn read(offer: &Offer, pairs: Vec<Pair>) -> Result<Self, Unclassifiable> {
        let (mut max, mut rest) = (None, Vec::new());
        for pair in pairs {
            match pair.name.as_str() {
                "max" => match count(&pair.value)? {
                    0 => return Err(Unclassifiable::Value),
                    number => once(&mut max, number)?,
                },
                // How many come, and in which order, is what the operation says.
                "_count" | "_elements" | "_page" | "_sort" | "_summary" | "_total" => {
                    return Err(Unclassifiable::Parameter);
                }
                _ => rest.push(pair),
            }
        }
        let search = super::search(offer, TYPE, None, &rest)?.of_at_most(limits::LASTN_OBSERVATIONS);
        // What its includes bring is the end.
        if !search.iterates().is_empty() {
            return Err(Unclassifiable::Parameter);
        }
        if !KINDS.iter().any(|name| search.names(name)) {
            return Err(Unclassifiable::CodeMissing);
        }
        Ok(Self { search, max: max.unwrap_or(1) })
    }

    /// Returns the search among whose visible matches the last ones are found; includes are those of the last ones alone.
    #[must_use]
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Returns whom it is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        self.search.subject()
    }

    /// Returns how many of each code there may be: at least 1.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// Returns what is to come along with the last ones.
    #[must_use]
    pub fn includes(&self) -> &[Include] {
        self.search.includes()
    }

    /// Returns true if and only if `observation` is one of those of which the last are wanted. What was entered in error is no
    /// observation of anything, and would stand before one that is; who asks by status gets what was asked for.
    #[must_use]
    pub fn counts(&self, observation: Value<'_>) -> bool {
        self.search.names("status") || observation.text_of("status").as_deref() != Some("entered-in-error")
    }

    /// Returns the canonical path and query below the base.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = format!("{TYPE}/$lastn?");
        self.search.append_question(&mut target);
        append(&mut target, "max", &self.max.to_string());
        target
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;
    use std::sync::Arc;

    use super::*;
    use crate::identity::Role;
    use crate::json::Document;
    use crate::profile::shipped_exchanges;

    fn read(role: &str, pairs: &[(&str, &str)]) -> Result<LastN, Unclassifiable> {
        let exchanges = shipped_exchanges().unwrap().into_iter().map(Arc::new).collect::<Vec<_>>();
        let pair = |(name, value): &(&str, &str)| Pair { name: (*name).to_owned(), value: (*value).to_owned() };
        LastN::read(&Offer::to(&exchanges, Some(&Role::from_str(role).unwrap())), pairs.iter().map(pair).collect())
    }

    #[test]
    fn one_of_each_code_is_wanted_unless_more_are_asked_for() {
        let one = read("01.015", &[("patient", "1"), ("code", "a")]).unwrap();
        assert_eq!((one.max(), one.target().as_str()), (1, "Observation/$lastn?patient=1&code=a&max=1"));
        let five = read("01.015", &[("max", "5"), ("category", "b"), ("subject", "Patient/1")]).unwrap();
        assert_eq!((five.max(), five.target().as_str()), (5, "Observation/$lastn?patient=1&category=b&max=5"));
    }

    #[test]
    fn what_an_ordinary_search_says_of_its_result_is_refused_and_so_is_one_without_a_kind() {
        for (name, value) in
            [("_count", "5"), ("_sort", "-date"), ("_page", "x"), ("_total", "none"), ("_summary", "true")]
        {
            let pairs = [("patient", "1"), ("code", "a"), (name, value)];
            assert_eq!(read("01.015", &pairs), Err(Unclassifiable::Parameter), "{name}");
        }
        for max in ["0", "101", "-1", "1.0", "", "all"] {
            let pairs = [("patient", "1"), ("code", "a"), ("max", max)];
            assert_eq!(read("01.015", &pairs), Err(Unclassifiable::Value), "{max}");
        }
        let twice = [("patient", "1"), ("code", "a"), ("max", "1"), ("max", "1")];
        assert_eq!(read("01.015", &twice), Err(Unclassifiable::Repeated));
        assert_eq!(read("01.015", &[("patient", "1"), ("date", "2024")]), Err(Unclassifiable::CodeMissing));
        assert_eq!(read("01.015", &[("code", "a")]), Err(Unclassifiable::NobodyNamed));
        assert_eq!(read("04.000", &[("patient", "1"), ("code", "a")]), Err(Unclassifiable::NotOffered));
    }

    #[test]
    fn what_was_entered_in_error_counts_only_for_who_asks_by_status() {
        let document = Document::read(br#"{"status":"entered-in-error"}"#, limits::RESOURCE).unwrap();
        let asked = [("patient", "1"), ("code", "a")];
        assert!(!read("01.015", &asked).unwrap().counts(document.root()));
        let by_status = [asked[0], asked[1], ("status", "entered-in-error,final")];
        assert!(read("01.015", &by_status).unwrap().counts(document.root()));
    }
}
