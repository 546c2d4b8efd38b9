//! Echo: whether a server says that it used what it was asked with.
//!
//! FHIR R4, 3.1.1.4: the `self` link of a searchset states the parameters that the server used. One that is missing there was
//! not understood, and the answer is one to another question.

use super::form::{self, Plus};
use super::target::Target;

/// What only says how the answer is cut up: a server may have a largest page of its own, and totals are not read.
const LEFT_ASIDE: [&str; 2] = ["_count", "_total"];

impl Target {
    /// Returns true if and only if `link`, the `self` link of the first page, states every parameter of this target. Their
    /// order, their encoding, the order of alternatives and the spelling of a patient's id are the server's own affair, and
    /// so is what it adds. A link without any parameters states nothing, as none does at all. That what sorts alike be sorted by id is a wish of ours, not of the caller.
    #[must_use]
    pub(crate) fn is_echoed_by(&self, link: &str) -> bool {
        if !link.contains('?') {
            return true;
        }
        let mut stated = parameters(link);
        let matters = |(name, value): &&(String, String)| {
            let is_ours = name == "_sort" && value.is_empty();
            !(is_ours || LEFT_ASIDE.contains(&name.as_str()))
        };
        parameters(self.as_str()).iter().filter(matters).all(|asked| {
            let place = stated.iter().position(|stated| stated == asked);
            place.map(|place| stated.swap_remove(place)).is_some()
        })
    }
}

/// Returns name and value of each parameter, written in one way. What cannot be read states nothing.
fn parameters(target: &str) -> Vec<(String, String)> {
    let Some((_, query)) = target.split_once('?') else { return Vec::new() };
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = pairs.filter_map(|(name, value)| {
        Some((form::decode(name, Plus::IsSpace).ok()?, form::decode(value, Plus::IsSpace).ok()?))
    });
    decoded.map(|(name, value)| (plain_name(&name), plain_value(&name, &value))).collect()
}

fn plain_name(name: &str) -> String {
    name.strip_suffix(":Patient").unwrap_or(name).to_owned()
}

fn plain_value(name: &str, value: &str) -> String {
    let plain = |text: &str| {
        let text = text.strip_prefix("Patient/").unwrap_or(text);
        // `eq` before a date is what is meant without it.
        let date = text.strip_prefix("eq").filter(|date| date.starts_with(|first: char| first.is_ascii_digit()));
        date.unwrap_or(text).to_owned()
    };
    let mut values: Vec<String> = value.split(',').map(plain).collect();
    if name != "_sort" {
        values.sort_unstable();
    } else if values.last().is_some_and(|last| last == "_id") {
        values.pop();
    }
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echoed(link: &str) -> bool {
        let asked = "Observation?patient=a,b&code=http://loinc.org%7C1,x&date=ge2024&date=lt2025&_count=50&_sort=-date,_id&_total=none";
        Target::new(asked.to_owned()).is_echoed_by(link)
    }

    #[test]
    fn a_link_that_states_every_parameter_is_an_echo() {
        for link in [
            "http://u/fhir/Observation?patient=a,b&code=http://loinc.org|1,x&date=ge2024&date=lt2025&_count=50&_sort=-date,_id&_total=none",
            // HAPI orders and encodes anew.
            "http://u/fhir/Observation?_count=50&_sort=-date%2C_id&_total=none&code=http%3A%2F%2Floinc.org%7C1%2Cx&date=ge2024&date=lt2025&patient=a%2Cb",
            "http://u/fhir/Observation?_sort=-date,_id&code=x,http://loinc.org%7C1&date=lt2025&date=ge2024&patient=Patient/b,Patient%2Fa&_pretty=false",
            "http://u/fhir/Observation?_sort=-date,_id&code=x,http://loinc.org%7C1&date=lt2025&date=ge2024&patient:Patient=b,a&_count=10",
            "http://u/fhir/Observation",
        ] {
            assert!(echoed(link), "{link}");
        }
    }

    #[test]
    fn a_link_that_leaves_one_out_or_states_another_value_is_none() {
        let whole =
            "http://u/fhir/Observation?patient=a,b&code=http://loinc.org%7C1,x&date=ge2024&date=lt2025&_sort=-date,_id";
        assert!(echoed(whole));
        for (good, bad) in [
            ("patient=a,b&", ""),
            ("patient=a,b", "patient=a"),
            ("patient=a,b", "patient=a,b,c"),
            ("patient=a,b", "subject=a,b"),
            ("&code=http://loinc.org%7C1,x", ""),
            ("code=http://loinc.org%7C1,x", "code=x"),
            ("&date=lt2025", ""),
            ("date=lt2025", "date=ge2024"),
            ("&_sort=-date,_id", ""),
            ("_sort=-date,_id", "_sort=_id,-date"),
        ] {
            assert!(!echoed(&whole.replace(good, bad)), "{bad}");
        }
        assert!(!echoed("http://u/fhir/Observation?"));
    }

    #[test]
    fn that_ids_decide_between_what_sorts_alike_need_not_be_stated() {
        let asked = |sort: &str| Target::new(format!("Observation?patient=a&_sort={sort}&_total=none"));
        assert!(asked("_id").is_echoed_by("http://u/Observation?patient=a"));
        assert!(asked("date,_id").is_echoed_by("http://u/Observation?patient=a&_sort=date"));
        assert!(!asked("date,_id").is_echoed_by("http://u/Observation?patient=a"));
        assert!(!asked("-_id").is_echoed_by("http://u/Observation?patient=a&_sort=_id"));
    }

    #[test]
    fn a_date_is_the_same_with_eq_and_without() {
        let asked = |text: &str| Target::new(format!("Observation?patient=a&date={text}"));
        assert!(asked("2024").is_echoed_by("http://u/Observation?patient=a&date=eq2024"));
        assert!(!asked("2024").is_echoed_by("http://u/Observation?patient=a&date=ge2024"));
        assert!(!asked("equal").is_echoed_by("http://u/Observation?patient=a&date=ual"));
    }
}
