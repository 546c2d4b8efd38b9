//! Search: one type, one patient, typed criteria, and how the result is wanted.

use std::sync::Arc;

use crate::json::Value;
use crate::limits;
use crate::profile::{Include, Kind, LAST_UPDATED};

use super::criterion::Criterion;
use super::form::{Pair, append};
use super::projection::{self, Projection, once};
use super::subject::{self, Subject};
use super::tally::Tally;
use super::target::{self, LookUp, Target};
use super::{Id, Unclassifiable, negotiation};

/// A search that one exchange profile admits.
#[derive(Clone, PartialEq, Eq)]
pub struct Search {
    kind: Arc<Kind>,
    subject: Subject,
    criteria: Vec<Criterion>,
    sort: Vec<Sort>,
    includes: Vec<Include>,
    iterates: Vec<Include>,
    projection: Projection,
    tally: Tally,
    count: usize,
    page: Option<String>,
}

impl std::fmt::Debug for Search {
    /// Shows the type only: what is asked of whom tells of a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Search({})", self.kind.resource_type())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sort {
    name: String,
    descending: bool,
}

impl Sort {
    /// Reads the keys of `_sort`, the most important one first, each once.
    fn read(kind: &Kind, value: &str) -> Result<Vec<Self>, Unclassifiable> {
        let mut keys: Vec<Self> = Vec::new();
        for key in value.split(',') {
            let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
            if ![ID, LAST_UPDATED].contains(&name) && !kind.sort().iter().any(|known| known == name) {
                return Err(Unclassifiable::Parameter);
            }
            if keys.iter().any(|known| known.name == name) {
                return Err(Unclassifiable::Repeated);
            }
            keys.push(Self { name: name.to_owned(), descending });
        }
        Ok(keys)
    }

    /// Writes the keys as they are read.
    fn written(keys: &[Self]) -> Option<String> {
        let key = |sort: &Self| format!("{}{}", if sort.descending { "-" } else { "" }, sort.name);
        if keys.is_empty() { None } else { Some(keys.iter().map(key).collect::<Vec<_>>().join(",")) }
    }
}

const ID: &str = "_id";

/// FHIR R4, 3.1.1.5.3: the include is of what another one brought.
const ITERATE: &str = "_include:iterate";

impl Search {
    /// Reads the decoded `pairs` as a search of `kind`; `compartment` is the patient that the path names, if it does.
    pub(super) fn read(kind: &Arc<Kind>, compartment: Option<&Id>, pairs: &[Pair]) -> Result<Self, Unclassifiable> {
        let mut named = Vec::new();
        let mut given: Vec<Vec<&Pair>> = kind.parameters().iter().map(|_| Vec::new()).collect();
        let mut wanted = Wanted::default();
        for pair in pairs {
            if let Some(subject) = subject::named_by(kind.patient_names(), pair) {
                named.push(subject?);
            } else if let Some((_, given)) =
                kind.parameters().iter().zip(&mut given).find(|(parameter, _)| parameter.name() == pair.name)
            {
                given.push(pair);
            } else {
                wanted.read(kind, pair)?;
            }
        }
        let criteria = kind.parameters().iter().zip(&given).filter(|(_, given)| !given.is_empty());
        let criteria =
            criteria.map(|(parameter, given)| Criterion::read(parameter, given)).collect::<Result<_, _>>()?;
        let Wanted { mut sort, mut includes, mut iterates, projection, count, total, only, page, format: _ } = wanted;
        includes.sort_by_key(written_include);
        iterates.sort_by_key(written_include);
        if !are_reached(&includes, &iterates) {
            return Err(Unclassifiable::Parameter);
        }
        let mut projection = projection.read()?;
        // FHIR R4, 3.1.1.5.4: `_count=0` is `_summary=count`.
        let tally = if only || count == Some(0) { Tally::Only } else { total.unwrap_or_default() };
        let mut count = count.unwrap_or(limits::PAGE_DEFAULT);
        if tally == Tally::Only {
            // Nothing is given, so nothing says how, and nothing follows.
            if page.is_some() {
                return Err(Unclassifiable::Parameter);
            }
            (sort, projection, count) = (None, Projection::Whole, 0);
            (includes, iterates) = (Vec::new(), Vec::new());
        }
        Ok(Self {
            kind: Arc::clone(kind),
            subject: one_subject(named, compartment)?,
            criteria,
            sort: sort.unwrap_or_default(),
            includes,
            iterates,
            projection,
            tally,
            count,
            page,
        })
    }

    /// Returns the search for all that one kind holds of `subject`, in pages of `count`.
    pub(super) fn all_of(kind: &Arc<Kind>, subject: Subject, count: usize) -> Self {
        let kind = Arc::clone(kind);
        Self {
            kind,
            subject,
            criteria: Vec::new(),
            sort: Vec::new(),
            includes: Vec::new(),
            iterates: Vec::new(),
            projection: Projection::Whole,
            tally: Tally::Unsaid,
            count,
            page: None,
        }
    }

    /// Returns the same search, with so many matches at most.
    pub(super) fn of_at_most(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// Returns the same search, of matches alone.
    #[must_use]
    pub(crate) fn without_includes(&self) -> Self {
        Self { includes: Vec::new(), iterates: Vec::new(), ..self.clone() }
    }

    /// Returns true if and only if the parameter of that name is given.
    pub(super) fn names(&self, name: &str) -> bool {
        self.criteria.iter().any(|criterion| criterion.parameter.name() == name)
    }

    /// Returns the type.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        self.kind.resource_type()
    }

    /// Returns what the profile that admits it says about the type.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns whom it is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Returns whether the matches are counted, which the view does itself.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns how many matches a page may hold: none where they are counted only.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the page token, which nothing here has opened.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// Returns the includes, which the view resolves itself.
    #[must_use]
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// Returns what is followed further from what is included.
    #[must_use]
    pub fn iterates(&self) -> &[Include] {
        &self.iterates
    }

    /// Returns how much of each resource is wanted, which the view applies itself.
    #[must_use]
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Returns true if and only if some parameter is answered here.
    pub(crate) fn is_answered_here(&self) -> bool {
        self.criteria.iter().any(|criterion| criterion.parameter.is_local())
    }

    /// Returns true if and only if every parameter that is answered here holds on `resource`. It is asked of a resource without
    /// what is hidden: what went can be neither found nor missed.
    #[must_use]
    pub fn matches(&self, resource: Value<'_>) -> bool {
        self.criteria.iter().all(|criterion| criterion.matches(resource))
    }

    /// Returns the canonical target below the base, without the page token: what such a token is bound to.
    #[must_use]
    pub fn without_page(&self) -> String {
        let mut target = format!("{}?", self.resource_type());
        self.append_question(&mut target);
        if let Some((name, value)) = self.projection.written() {
            append(&mut target, name, &value);
        }
        if let Some((name, value)) = self.tally.written() {
            append(&mut target, name, value);
        }
        if self.tally != Tally::Only {
            append(&mut target, "_count", &self.count.to_string());
        }
        target
    }

    /// Returns the canonical target below the base.
    #[must_use]
    pub fn target(&self) -> String {
        let mut target = self.without_page();
        if let Some(page) = &self.page {
            append(&mut target, "_page", page);
        }
        target
    }

    /// Returns what is asked of the upstream: this search of all records of one `person`, in pages of `count`. None where
    /// the person has no record: an empty parameter would ask for everybody's.
    ///
    /// Includes stay out, and so do parameters that are answered here. What sorts alike is sorted by id: a server may give it in
    /// another order each time it is asked, and a page that passes over the first matches would then repeat or lose some.
    #[must_use]
    pub fn upstream(&self, person: &[Id], count: usize) -> Option<Target> {
        self.asked_upstream(person, count).map(Target::new)
    }

    /// Returns the same as a look-up: what it finds is judged, never released.
    #[must_use]
    pub fn looked_up(&self, person: &[Id]) -> Option<LookUp> {
        self.asked_upstream(person, limits::UPSTREAM_PAGE).map(LookUp::new)
    }

    /// Writes what is asked for, without how the result is cut up.
    pub(super) fn append_question(&self, target: &mut String) {
        let (name, value) = subject::written(self.kind.patient_names(), &self.subject);
        append(target, &name, &value);
        self.append_criteria(target, |_| true);
        self.append_sort(target);
        for include in &self.includes {
            append(target, "_include", &written_include(include));
        }
        for include in &self.iterates {
            append(target, ITERATE, &written_include(include));
        }
    }

    fn asked_upstream(&self, person: &[Id], count: usize) -> Option<String> {
        let mut target = format!("{}?", self.resource_type());
        let name = self.kind.patient_names().first().map_or("_id", String::as_str);
        append(&mut target, name, &target::id_list(person)?);
        self.append_criteria(&mut target, |criterion| !criterion.parameter.is_local());
        append(&mut target, "_count", &count.to_string());
        let mut keys = self.sort.clone();
        if !keys.iter().any(|key| key.name == ID) {
            keys.push(Sort { name: ID.to_owned(), descending: false });
        }
        if let Some(sort) = Sort::written(&keys) {
            append(&mut target, "_sort", &sort);
        }
        append(&mut target, "_total", "none");
        Some(target)
    }

    fn append_criteria(&self, target: &mut String, wanted: impl Fn(&Criterion) -> bool) {
        for criterion in self.criteria.iter().filter(|criterion| wanted(criterion)) {
            for value in criterion.written() {
                append(target, criterion.parameter.name(), &value);
            }
        }
    }

    fn append_sort(&self, target: &mut String) {
        if let Some(sort) = Sort::written(&self.sort) {
            append(target, "_sort", &sort);
        }
    }
}

fn one_subject(named: Vec<Subject>, compartment: Option<&Id>) -> Result<Subject, Unclassifiable> {
    let compartment = compartment.map(|id| Subject::Id(id.clone()));
    let mut named = named.into_iter();
    match (compartment, named.next(), named.next()) {
        (None, None, _) => Err(Unclassifiable::NobodyNamed),
        (Some(subject), None, _) | (None, Some(subject), None) => Ok(subject),
        // The path and one parameter that say the same name one patient.
        (Some(subject), Some(other), None) if subject == other => Ok(subject),
        (_, Some(_), _) => Err(Unclassifiable::SeveralNamed),
    }
}

/// How the result is wanted: what stands beside patient and criteria.
#[derive(Debug, Default)]
struct Wanted {
    sort: Option<Vec<Sort>>,
    includes: Vec<Include>,
    iterates: Vec<Include>,
    projection: projection::Wanted,
    count: Option<usize>,
    total: Option<Tally>,
    /// The matches are counted, and nothing else.
    only: bool,
    page: Option<String>,
    format: Option<()>,
}

impl Wanted {
    fn read(&mut self, kind: &Kind, pair: &Pair) -> Result<(), Unclassifiable> {
        let value = pair.value.as_str();
        match pair.name.as_str() {
            "_count" => once(&mut self.count, count(value)?),
            "_sort" => once(&mut self.sort, Sort::read(kind, value)?),
            "_page" => once(&mut self.page, page(value)?),
            "_elements" => self.projection.elements(kind.resource_type(), value),
            "_summary" if value == "count" => {
                self.only = true;
                self.projection.summary("false")
            }
            "_summary" => self.projection.summary(value),
            "_total" => once(&mut self.total, Tally::total(value)?),
            "_format" => once(&mut self.format, negotiation::format(value)?),
            "_include" => listed(&mut self.includes, include(kind.includes(), value)?),
            ITERATE => listed(&mut self.iterates, include(kind.iterated(), value)?),
            _ => Err(Unclassifiable::Parameter),
        }
    }
}

pub(super) fn count(value: &str) -> Result<usize, Unclassifiable> {
    let plain = (1..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(count) if plain && count <= limits::PAGE => Ok(count),
        Ok(_) | Err(_) => Err(Unclassifiable::Value),
    }
}

pub(super) fn page(value: &str) -> Result<String, Unclassifiable> {
    let shape = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if shape && (1..=limits::PAGE_TOKEN_BYTES).contains(&value.len()) {
        Ok(value.to_owned())
    } else {
        Err(Unclassifiable::Value)
    }
}

/// Reads `Type:parameter` or `Type:parameter:Target`, one of those that are allowed.
fn include(allowed: &[Include], value: &str) -> Result<Include, Unclassifiable> {
    let mut parts = value.split(':');
    let (source, parameter, target, more) = (parts.next(), parts.next(), parts.next(), parts.next());
    if more.is_some() {
        return Err(Unclassifiable::Parameter);
    }
    let is_named = |include: &&Include| Some(include.source()) == source && Some(include.parameter()) == parameter;
    let known = allowed.iter().find(is_named);
    let include = match target {
        None => known.cloned(),
        Some(target) => known.and_then(|include| include.narrowed(target)),
    };
    include.ok_or(Unclassifiable::Parameter)
}

/// Adds an include to a list in which each target stands once.
fn listed(list: &mut Vec<Include>, include: Include) -> Result<(), Unclassifiable> {
    let again = |known: &Include| {
        let is_same = known.source() == include.source() && known.parameter() == include.parameter();
        is_same && known.targets().iter().any(|target| include.brings(target))
    };
    if list.iter().any(again) {
        return Err(Unclassifiable::Repeated);
    }
    list.push(include);
    Ok(())
}

/// Returns true if and only if each of `iterates` goes on from what others bring: one that nothing leads to would be asked in
/// vain, and servers differ in whether they follow it from the matches.
fn are_reached(includes: &[Include], iterates: &[Include]) -> bool {
    let (mut ahead, mut brought): (Vec<_>, Vec<_>) = (iterates.iter().collect(), includes.iter().collect());
    loop {
        let (further, left): (Vec<&Include>, Vec<&Include>) =
            ahead.into_iter().partition(|one| brought.iter().any(|by| by.brings(one.source())));
        if left.is_empty() || further.is_empty() {
            return left.is_empty();
        }
        brought.extend(further);
        ahead = left;
    }
}

/// Writes an include so that it is read as the same one: its target is named where it is the only one.
fn written_include(include: &Include) -> String {
    let pair = format!("{}:{}", include.source(), include.parameter());
    match include.targets() {
        [target] => format!("{pair}:{target}"),
        _ => pair,
    }
}

#[cfg(test)]
mod laws;
