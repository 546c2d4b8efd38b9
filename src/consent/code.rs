//! Code: which data a rule is about, by what a resource says it is.

use std::sync::Arc;

use super::class::Categories;
use super::likeness::Likeness;
use super::rule::Effect;
use crate::json::{Kind, Value};
use crate::label::Subject;
use crate::profile::{DataCategory, ValueSet, code_system};

/// The codes that one element lists: any of them will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Codes {
    /// Systems under their one name, with a code.
    exact: Vec<(String, String)>,
    sets: Vec<Arc<ValueSet>>,
    categories: Categories,
}

/// Types that have no code of their own: they are of no code at all, where another type that states none may be of any.
const CODELESS: [&str; 5] = ["Endpoint", "Patient", "Practitioner", "RelatedPerson", "VisionPrescription"];

/// Where types say what they are that say it neither in `code` nor in `type`.
const ELSEWHERE: [(&str, &[&str]); 11] = [
    ("AdverseEvent", &["event"]),
    ("Appointment", &["serviceType"]),
    ("CarePlan", &["category"]),
    ("CareTeam", &["category"]),
    ("Communication", &["topic"]),
    ("DeviceRequest", &["codeCodeableConcept"]),
    ("FamilyMemberHistory", &["condition", "code"]),
    ("Goal", &["description"]),
    ("ImagingStudy", &["procedureCode"]),
    ("ImmunizationRecommendation", &["recommendation", "vaccineCode"]),
    ("NutritionOrder", &["oralDiet", "type"]),
];

impl Codes {
    pub(super) fn add(&mut self, system: &str, code: &str) {
        self.exact.push((code_system(system).to_owned(), code.to_owned()));
    }

    pub(super) fn add_set(&mut self, set: Arc<ValueSet>) {
        self.sets.push(set);
    }

    pub(super) fn add_category(&mut self, category: Arc<DataCategory>) {
        self.categories.add(category);
    }

    fn lists(&self, system: &str, code: &str) -> bool {
        let system = code_system(system);
        self.exact.iter().any(|(of, listed)| of == system && listed == code)
            || self.sets.iter().any(|set| set.contains(system, code))
    }

    /// Returns whether a resource is what one of the codes says, by any coding of what it says it is, or of one of the
    /// categories, for a rule of that effect. One that says in no code what it is, or by a Medication that was not found, may
    /// be anything.
    pub(super) fn likeness(&self, subject: Subject<'_>, resource_type: &str, effect: Effect) -> Likeness {
        let by_category = self.categories.likeness(subject.resource(), resource_type, effect);
        if self.exact.is_empty() && self.sets.is_empty() {
            return by_category;
        }
        by_category.or(self.by_code(subject, resource_type))
    }

    fn by_code(&self, subject: Subject<'_>, resource_type: &str) -> Likeness {
        let mut found = Found { codes: self, listed: false, other: false, uncoded: false };
        subject.each_concept(&mut |concept| found.look_at(concept));
        if let Some((_, path)) = ELSEWHERE.iter().find(|(name, _)| *name == resource_type) {
            each_at(subject.resource(), path, &mut |concept| found.look_at(concept));
        }
        if found.listed {
            Likeness::Is
        } else if found.uncoded || subject.lacks_medication() {
            Likeness::Unknown
        } else if found.other {
            self.likeness_of_components(subject.resource())
        } else if CODELESS.contains(&resource_type) {
            Likeness::IsNot
        } else {
            Likeness::Unknown
        }
    }

    /// A panel is not what one of its components is, but it holds it: a denial of the component reaches it.
    fn likeness_of_components(&self, resource: Value<'_>) -> Likeness {
        let mut found = Found { codes: self, listed: false, other: false, uncoded: false };
        each_at(resource, &["component", "code"], &mut |concept| found.look_at(concept));
        if found.listed || found.uncoded { Likeness::Unknown } else { Likeness::IsNot }
    }
}

struct Found<'c> {
    codes: &'c Codes,
    listed: bool,
    other: bool,
    /// A concept in words alone, or with a code of no system.
    uncoded: bool,
}

impl Found<'_> {
    fn look_at(&mut self, concept: Value<'_>) {
        let codings = concept.get("coding");
        let mut coded = false;
        for coding in codings.iter().flat_map(Value::items) {
            let (Some(system), Some(code)) = (coding.text_of("system"), coding.text_of("code")) else { continue };
            coded = true;
            self.listed |= self.codes.lists(&system, &code);
        }
        self.other |= coded;
        self.uncoded |= !coded;
    }
}

/// Calls `each` with every value at a path; lists on the way stand for each of their items.
pub(super) fn each_at<'d>(value: Value<'d>, path: &[&str], each: &mut impl FnMut(Value<'d>)) {
    if value.kind() == Kind::Array {
        value.items().for_each(|item| each_at(item, path, each));
        return;
    }
    match path.split_first() {
        None => each(value),
        Some((name, rest)) => {
            if let Some(inner) = value.get(name) {
                each_at(inner, rest, each);
            }
        }
    }
}
