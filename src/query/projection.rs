//! Projection: how much of each resource is wanted (`_elements`, `_summary`).
//!
//! It never goes upstream: a resource must be whole to be judged. What it says is applied to what may be released.

use crate::limits;
use crate::view;

use super::Unclassifiable;

/// How much of each resource is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// All of it.
    #[default]
    Whole,
    /// These elements of what was asked for, in order, each once; a choice of types is named without its type (`value`). What
    /// is included stays whole (FHIR R4, 3.1.1.5.9).
    Elements(Vec<String>),
    /// What the definition of its type marks as a summary.
    Summary,
    /// All but the narrative.
    Data,
}

impl Projection {
    /// Reads the value of `_elements` for a type.
    pub(super) fn elements(resource_type: &str, value: &str) -> Result<Self, Unclassifiable> {
        let mut names: Vec<String> = value.split(',').map(str::to_owned).collect();
        if names.len() > limits::VALUES {
            return Err(Unclassifiable::TooLong);
        }
        if names.iter().any(|name| !view::has_element(resource_type, name)) {
            return Err(Unclassifiable::Value);
        }
        names.sort_unstable();
        names.dedup();
        Ok(Self::Elements(names))
    }

    /// Reads the value of `_summary` where it asks for resources. A narrative alone (`text`) is not to be had: none is passed
    /// on.
    pub(super) fn summary(value: &str) -> Result<Self, Unclassifiable> {
        match value {
            "true" => Ok(Self::Summary),
            "data" => Ok(Self::Data),
            "false" => Ok(Self::Whole),
            "text" | "count" => Err(Unclassifiable::Parameter),
            _ => Err(Unclassifiable::Value),
        }
    }

    /// Returns name and value of the parameter that says it; none for whole resources.
    pub(super) fn written(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Whole => None,
            Self::Elements(names) => Some(("_elements", names.join(","))),
            Self::Summary => Some(("_summary", "true".to_owned())),
            Self::Data => Some(("_summary", "data".to_owned())),
        }
    }
}

/// Reads both parameters, each given once at most. Together they would be two answers to one question.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    elements: Option<Projection>,
    summary: Option<Projection>,
}

impl Wanted {
    pub(super) fn elements(&mut self, resource_type: &str, value: &str) -> Result<(), Unclassifiable> {
        once(&mut self.elements, Projection::elements(resource_type, value)?)
    }

    pub(super) fn summary(&mut self, value: &str) -> Result<(), Unclassifiable> {
        once(&mut self.summary, Projection::summary(value)?)
    }

    pub(super) fn read(self) -> Result<Projection, Unclassifiable> {
        match (self.elements, self.summary) {
            (Some(elements), None | Some(Projection::Whole)) => Ok(elements),
            (Some(_), Some(_)) => Err(Unclassifiable::Parameter),
            (None, summary) => Ok(summary.unwrap_or_default()),
        }
    }
}

/// Takes a value that may be given once.
pub(super) fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Unclassifiable> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Unclassifiable::Repeated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(elements: Option<&str>, summary: Option<&str>) -> Result<Projection, Unclassifiable> {
        let mut wanted = Wanted::default();
        elements.map_or(Ok(()), |value| wanted.elements("Observation", value))?;
        summary.map_or(Ok(()), |value| wanted.summary(value))?;
        wanted.read()
    }

    #[test]
    fn elements_are_those_of_the_type_and_are_written_in_order() {
        let read = |value| read(Some(value), None);
        let projection = read("value,code,value").unwrap();
        assert_eq!(projection.written(), Some(("_elements", "code,value".to_owned())));
        for value in
            ["", "code,", "nothing", "value[x]", "valueQuantity", "component.code", "Observation.code", "_code"]
        {
            assert_eq!(read(value), Err(Unclassifiable::Value), "{value}");
        }
    }

    #[test]
    fn a_summary_is_one_of_those_that_are_made_here() {
        assert_eq!(read(None, Some("true")), Ok(Projection::Summary));
        assert_eq!(read(None, Some("data")), Ok(Projection::Data));
        assert_eq!(read(None, Some("false")), Ok(Projection::Whole));
        assert_eq!(read(None, Some("text")), Err(Unclassifiable::Parameter));
        assert_eq!(read(None, Some("True")), Err(Unclassifiable::Value));
    }

    #[test]
    fn one_answer_is_shaped_one_way() {
        assert_eq!(read(Some("code"), Some("false")), Ok(Projection::Elements(vec!["code".to_owned()])));
        assert_eq!(read(Some("code"), Some("true")), Err(Unclassifiable::Parameter));
        assert_eq!(read(Some("code"), Some("data")), Err(Unclassifiable::Parameter));
    }
}
