//! Operations on one patient's record: `$summary` and `$everything`. Each is composed of searches of the exchange profiles.

use std::sync::Arc;

use super::form::{self, Pair, append};
use super::projection::once;
use super::search::{count, page};
use super::subject::by_bsn;
use super::{BSN_SYSTEM, Id, Search, Subject, Unclassifiable, negotiation};
use crate::json::{Document, Kind as JsonKind, Value};
use crate::limits;
use crate::profile::{Exchange, Kind, Offer, SUPPORTING};

/// What `profile` may ask for: the summary that is composed anyway.
const IPS: [&str; 2] = [
    "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips",
    "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips",
];

/// The International Patient Summary of one patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Summary {
    exchange: Arc<Exchange>,
    searches: Searches,
}

/// The searches that an operation is composed of: at least one.
#[derive(Clone, PartialEq, Eq)]
struct Searches {
    first: Search,
    rest: Vec<Search>,
}

impl Searches {
    /// Makes a search of each kind for all of `subject`: the Patient first, the others by type.
    fn of(mut kinds: Vec<&Arc<Kind>>, subject: &Subject, count: usize) -> Result<Self, Unclassifiable> {
        kinds.sort_by_key(|kind| (kind.resource_type() != "Patient", kind.resource_type().to_owned()));
        let mut searches = kinds.into_iter().map(|kind| Search::all_of(kind, subject.clone(), count));
        let first = searches.next().ok_or(Unclassifiable::NotOffered)?;
        Ok(Self { first, rest: searches.collect() })
    }

    fn all(&self) -> impl Iterator<Item = &Search> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Summary(…)")
    }
}

impl Summary {
    /// Reads `$summary` of the patient that the path names, or a parameter.
    pub(super) fn read(offer: &Offer, id: Option<Id>, pairs: &[Pair]) -> Result<Self, Unclassifiable> {
        let exchange = offer.summarising().ok_or(Unclassifiable::NotOffered)?;
        let (mut named, mut profile, mut format) = (id.map(Subject::Id), None, None);
        for pair in pairs {
            match pair.name.as_str() {
                "identifier" if named.is_some() => return Err(Unclassifiable::SeveralNamed),
                "identifier" => named = Some(by_bsn(&pair.value)?),
                "profile" => once(&mut profile, ips(&pair.value)?)?,
                "_format" => once(&mut format, negotiation::format(&pair.value)?)?,
                _ => return Err(Unclassifiable::Parameter),
            }
        }
        let subject = named.ok_or(Unclassifiable::NobodyNamed)?;
        let kinds = exchange.kinds().iter().filter(|kind| kind.is_searched()).collect();
        let searches = Searches::of(kinds, &subject, limits::SUMMARY_ENTRIES)?;
        Ok(Self { exchange: Arc::clone(exchange), searches })
    }

    /// Returns the exchange profile whose sections it has.
    #[must_use]
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Returns whom it is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        self.searches.first.subject()
    }

    /// Returns the searches it is composed of: the Patient, then what some section may hold or an entry refer to, by type.
    pub fn searches(&self) -> impl Iterator<Item = &Search> {
        self.searches.all()
    }

    /// Returns the first of them, and the others.
    pub(crate) fn in_turn(&self) -> (Search, Vec<Search>) {
        (self.searches.first.clone(), self.searches.rest.clone())
    }

    pub(super) fn target(&self) -> String {
        match self.subject() {
            Subject::Id(id) => format!("Patient/{}/$summary", id.as_str()),
            Subject::Bsn(bsn) => {
                let mut target = "Patient/$summary?".to_owned();
                append(&mut target, "identifier", &format!("{BSN_SYSTEM}|{}", bsn.as_str()));
                target
            }
        }
    }
}

/// Reads the canonical of a profile, with the version that is written here or without one.
fn ips(value: &str) -> Result<(), Unclassifiable> {
    let url = value.strip_suffix("|2.0.1").unwrap_or(value);
    if IPS.contains(&url) { Ok(()) } else { Err(Unclassifiable::Parameter) }
}

/// All that the exchange profiles offer of one patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Everything {
    id: Id,
    searches: Searches,
    /// The types that were asked for; none where all are wanted.
    types: Vec<String>,
    count: usize,
    page: Option<String>,
}

impl std::fmt::Debug for Everything {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Everything(…)")
    }
}

impl Everything {
    /// Reads `$everything` of the patient that the path names.
    pub(super) fn read(offer: &Offer, id: Id, pairs: &[Pair]) -> Result<Self, Unclassifiable> {
        let offered = offer.searched();
        let (mut types, mut size, mut token, mut format) = (Vec::new(), None, None, None);
        for pair in pairs {
            match pair.name.as_str() {
                "_type" => {
                    for name in pair.value.split(',') {
                        types.push(type_of(name, &offered)?);
                    }
                }
                "_count" => match count(&pair.value)? {
                    // It would ask how many there are, which is not counted over types.
                    0 => return Err(Unclassifiable::Parameter),
                    count => once(&mut size, count)?,
                },
                "_page" => once(&mut token, page(&pair.value)?)?,
                "_format" => once(&mut format, negotiation::format(&pair.value)?)?,
                // `_since`, `start` and `end` speak of times that a server knows and each type has its own of.
                _ => return Err(Unclassifiable::Parameter),
            }
        }
        types.sort_unstable();
        types.dedup();
        let is_wanted = |kind: &&Arc<Kind>| types.is_empty() || types.iter().any(|name| name == kind.resource_type());
        // Supporting resources come with what refers to them: alone they are no kind.
        let kinds = offered.into_iter().filter(is_wanted).collect();
        let count = size.unwrap_or(limits::PAGE_DEFAULT);
        let searches = Searches::of(kinds, &Subject::Id(id.clone()), count)?;
        Ok(Self { id, searches, types, count, page: token })
    }

    /// Returns whom it is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        self.searches.first.subject()
    }

    /// Returns how many matches a page may hold.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the page token, which nothing here has opened.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// Returns true if and only if supporting resources of that type are wanted.
    #[must_use]
    pub fn wants(&self, resource_type: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|name| name == resource_type)
    }

    /// Returns the searches it is composed of, in the order of the answer: the Patient, then type by type.
    pub fn searches(&self) -> impl Iterator<Item = &Search> {
        self.searches.all()
    }

    /// Returns the first of them, and the others.
    pub(crate) fn in_turn(&self) -> (Search, Vec<Search>) {
        (self.searches.first.clone(), self.searches.rest.clone())
    }

    /// Returns the canonical target below the base, without the page token: what such a token is bound to.
    #[must_use]
    pub fn without_page(&self) -> String {
        let mut target = format!("Patient/{}/$everything?", self.id.as_str());
        if !self.types.is_empty() {
            append(&mut target, "_type", &self.types.join(","));
        }
        append(&mut target, "_count", &self.count.to_string());
        target
    }

    pub(super) fn target(&self) -> String {
        let mut target = self.without_page();
        if let Some(page) = &self.page {
            append(&mut target, "_page", page);
        }
        target
    }
}

/// Reads a type of `_type`: one that is offered, or one that comes with what is.
fn type_of(name: &str, offered: &[&Arc<Kind>]) -> Result<String, Unclassifiable> {
    let known = SUPPORTING.contains(&name) || offered.iter().any(|kind| kind.resource_type() == name);
    if known { Ok(name.to_owned()) } else { Err(Unclassifiable::NotOffered) }
}

/// Reads the body of an operation, a resource Parameters, as the pairs of a form: each parameter with its one value, a text
/// or an Identifier. No body is no parameter.
pub(super) fn parameters(body: &[u8]) -> Result<Vec<Pair>, Unclassifiable> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    if body.len() > limits::FORM_BYTES {
        return Err(Unclassifiable::TooLong);
    }
    let document = Document::read(body, limits::RESOURCE).map_err(|_| Unclassifiable::Body)?;
    let mut pairs = Vec::new();
    for member in document.root().members() {
        match (member.name, member.value.kind()) {
            ("resourceType", _) if member.value.as_str().as_deref() == Some("Parameters") => {}
            ("id" | "implicitRules" | "language", JsonKind::String) | ("meta", JsonKind::Object) => {
                // FHIR R4, Resource.implicitRules: a modifier, which nobody here knows.
                if member.name == "implicitRules" {
                    return Err(Unclassifiable::Parameter);
                }
            }
            ("parameter", JsonKind::Array) => {
                for parameter in member.value.items() {
                    if pairs.len() == limits::PARAMETERS {
                        return Err(Unclassifiable::TooLong);
                    }
                    pairs.push(parameter_of(parameter)?);
                }
            }
            _ => return Err(Unclassifiable::Body),
        }
    }
    match document.root().get("resourceType") {
        Some(_) => Ok(pairs),
        None => Err(Unclassifiable::Body),
    }
}

fn parameter_of(parameter: Value<'_>) -> Result<Pair, Unclassifiable> {
    let (mut name, mut value) = (None, None);
    for member in parameter.members() {
        match (member.name, member.value.kind()) {
            ("name", JsonKind::String) => name = member.value.as_str(),
            ("valueString" | "valueUri" | "valueCanonical" | "valueCode", JsonKind::String) => {
                once(&mut value, member.value.as_str().unwrap_or_default().into_owned())?;
            }
            // `max`: what is no number of its kind is refused when it is read.
            ("valuePositiveInt" | "valueInteger", JsonKind::Number) => {
                once(&mut value, member.value.raw().to_owned())?;
            }
            ("valueIdentifier", JsonKind::Object) => once(&mut value, identifier(member.value)?)?,
            ("valueReference", JsonKind::Object) => once(&mut value, reference(member.value)?)?,
            _ => return Err(Unclassifiable::Body),
        }
    }
    let (Some(name), Some(value)) = (name, value) else { return Err(Unclassifiable::Body) };
    // What a form cannot hold is not in a body either.
    let plain = !name.chars().chain(value.chars()).any(char::is_control);
    if plain { Ok(Pair { name: name.into_owned(), value }) } else { Err(Unclassifiable::Encoding) }
}

/// Writes a Reference as the value that asks for it: one that is literal and says nothing else.
fn reference(value: Value<'_>) -> Result<String, Unclassifiable> {
    match (value.text_of("reference"), value.members().count()) {
        (Some(reference), 1) => Ok(reference.into_owned()),
        _ => Err(Unclassifiable::Value),
    }
}

/// Writes an Identifier as the token that asks for it.
fn identifier(value: Value<'_>) -> Result<String, Unclassifiable> {
    for member in value.members() {
        let plain = matches!(
            (member.name, member.value.kind()),
            ("system" | "value" | "use" | "id", JsonKind::String) | ("type", JsonKind::Object)
        );
        if !plain {
            return Err(Unclassifiable::Value);
        }
    }
    let (Some(system), Some(value)) = (value.text_of("system"), value.text_of("value")) else {
        return Err(Unclassifiable::Value);
    };
    Ok(format!("{system}|{value}"))
}

/// Returns the parameters that may stand beside the body of an operation: how the answer is wanted.
pub(super) fn beside(query: &str) -> Result<Vec<Pair>, Unclassifiable> {
    let pairs = form::read(query)?;
    if pairs.iter().all(|pair| pair.name == "_format") { Ok(pairs) } else { Err(Unclassifiable::Body) }
}

#[cfg(test)]
mod tests;
