//! Query: a request head that was understood.
//!
//! One parser reads the caller's bytes, decodes them once, and keeps typed values only. What goes upstream, what the
//! answer's links say and what a page token is bound to is written anew from those values. Whatever is not in an exchange
//! profile of the caller's role is refused, for reasons that never depend on data.

mod batch;
mod criterion;
mod date;
mod echo;
mod form;
mod id;
mod lastn;
mod log;
mod negotiation;
mod operation;
mod path;
mod projection;
mod purpose;
mod search;
mod subject;
mod tally;
mod target;
mod unclassifiable;

pub use crate::profile::Include;
pub use batch::{Entry, batch, is_batch};
pub(crate) use date::PartialDate;
pub use id::{BSN_OID, BSN_SYSTEM, Bsn, Id, NotAnIdentifier};
pub use lastn::LastN;
pub use log::{ACCESS_LOG, EVENTS, LogForm, LogQuery, LogQuestion, understand};
pub use operation::{Everything, Summary};
pub use projection::Projection;
pub use purpose::{purpose, reason};
pub use search::Search;
pub use subject::Subject;
pub use tally::Tally;
pub use target::{LookUp, Target};
pub use unclassifiable::Unclassifiable;

use crate::limits;
use crate::profile::{Offer, SUPPORTING};

use form::Pair;
use path::{Place, Route};

/// What is read of a request to understand it.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method, as received.
    pub method: &'a str,
    /// Path and query in origin form, as received.
    pub target: &'a str,
    /// The header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The header `Accept`; several are joined with commas.
    pub accept: Option<&'a str>,
    /// The header `Prefer`; several are joined with commas.
    pub prefer: Option<&'a str>,
    /// Some header such as `X-HTTP-Method-Override` asks for another method.
    pub method_override: bool,
    /// The body.
    pub body: &'a [u8],
}

impl std::fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestHead(…)")
    }
}

/// A request that was understood and that some exchange profile of the caller's role offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The CapabilityStatement.
    Metadata,
    /// One resource by id.
    Read(Read),
    /// Resources of one type of one patient.
    Search(Search),
    /// The summary of one patient.
    Summary(Summary),
    /// All that is offered of one patient.
    Everything(Everything),
    /// The last observations of one patient.
    LastN(LastN),
}

/// A read of one resource by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    resource_type: String,
    id: Id,
    projection: Projection,
}

impl Read {
    /// Returns the type.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// Returns the logical id.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Returns how much of the resource is wanted, which the view applies itself.
    #[must_use]
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Returns what is asked of the upstream: the whole resource.
    #[must_use]
    pub fn upstream(&self) -> Target {
        Target::new(self.path())
    }

    fn path(&self) -> String {
        format!("{}/{}", self.resource_type, self.id.as_str())
    }

    fn target(&self) -> String {
        let mut target = self.path();
        if let Some((name, value)) = self.projection.written() {
            target.push('?');
            form::append(&mut target, name, &value);
        }
        target
    }
}

impl Query {
    /// Returns the canonical path and query below the base: `classify` of a GET to it returns this query (invariant 7).
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::Metadata => "metadata".to_owned(),
            Self::Read(read) => read.target(),
            Self::Search(search) => search.target(),
            Self::Summary(summary) => summary.target(),
            Self::Everything(everything) => everything.target(),
            Self::LastN(lastn) => lastn.target(),
        }
    }

    /// Returns the canonical target below the base without the page token, where the answer comes in pages.
    #[must_use]
    pub fn without_page(&self) -> Option<String> {
        match self {
            Self::Metadata | Self::Read(_) | Self::Summary(_) | Self::LastN(_) => None,
            Self::Search(search) => Some(search.without_page()),
            Self::Everything(everything) => Some(everything.without_page()),
        }
    }

    /// Returns the page token, which nothing here has opened.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        match self {
            Self::Metadata | Self::Read(_) | Self::Summary(_) | Self::LastN(_) => None,
            Self::Search(search) => search.page(),
            Self::Everything(everything) => everything.page(),
        }
    }
}

/// Reads a request head as a query that `offer` admits. `base_path` is the path of the public base, such as `/fhir`.
///
/// # Errors
/// Why it is refused; the same head is refused for the same reason whatever data there is.
pub fn classify(head: &RequestHead<'_>, base_path: &str, offer: &Offer) -> Result<Query, Unclassifiable> {
    if head.method_override {
        return Err(Unclassifiable::MethodOverride);
    }
    let (route, query) = path::route(head.method, head.target, base_path)?;
    negotiation::prefer(head.prefer)?;
    let query = query.unwrap_or_default();
    let pairs = match route {
        Route::PostSearch { .. } => {
            negotiation::content_type(head.content_type)?;
            form::read(posted(query, head.body)?)?
        }
        Route::Summary { parameters: Place::Body, .. } | Route::LastN { parameters: Place::Body } => {
            if !head.body.is_empty() {
                negotiation::fhir_json(head.content_type)?;
            }
            let mut pairs = operation::beside(query)?;
            pairs.extend(operation::parameters(head.body)?);
            pairs
        }
        Route::Metadata
        | Route::Read { .. }
        | Route::Search { .. }
        | Route::Summary { parameters: Place::Query, .. }
        | Route::Everything { .. }
        | Route::LastN { parameters: Place::Query } => {
            if !head.body.is_empty() {
                return Err(Unclassifiable::Body);
            }
            form::read(query)?
        }
    };
    // `_format`, which every branch below reads, goes before the header (FHIR R4, 3.1.0.1.11).
    let says_format = pairs.iter().any(|pair| pair.name == "_format");
    let query = match route {
        Route::Metadata => {
            allow_only(&pairs, &[("_format", &[]), ("mode", &["full", "normative", "terminology"])])?;
            Query::Metadata
        }
        Route::Read { resource_type, id } => {
            if SUPPORTING.contains(&resource_type.as_str()) {
                return Err(Unclassifiable::Supporting);
            }
            if !offer.kinds(&resource_type).any(|kind| kind.is_read()) {
                return Err(Unclassifiable::NotOffered);
            }
            let projection = projection(&resource_type, &pairs)?;
            Query::Read(Read { resource_type, id, projection })
        }
        Route::Search { resource_type, compartment } => {
            Query::Search(search(offer, &resource_type, compartment.as_ref(), &pairs)?)
        }
        Route::PostSearch { resource_type } => Query::Search(search(offer, &resource_type, None, &pairs)?),
        Route::Summary { id, parameters: _ } => Query::Summary(Summary::read(offer, id, &pairs)?),
        Route::Everything { id } => Query::Everything(Everything::read(offer, id, &pairs)?),
        Route::LastN { parameters: _ } => Query::LastN(LastN::read(offer, pairs)?),
    };
    // A form may be longer than a target, and a canonical target than what was received: what is understood must be so in
    // the links to its pages as well.
    if let Some(target) = query.without_page()
        && base_path.len() + "/".len() + target.len() + "&_page=".len() + limits::PAGE_TOKEN_BYTES
            > limits::TARGET_BYTES
    {
        return Err(Unclassifiable::TooLong);
    }
    if !says_format {
        negotiation::accept(head.accept)?;
    }
    Ok(query)
}

/// Returns the form of a search by POST: the body, or the query of a POST without one.
fn posted<'a>(query: &'a str, body: &'a [u8]) -> Result<&'a str, Unclassifiable> {
    if body.len() > limits::FORM_BYTES {
        return Err(Unclassifiable::TooLong);
    }
    match (query, body) {
        (query, []) => Ok(query),
        ("", body) => std::str::from_utf8(body).map_err(|_| Unclassifiable::Encoding),
        (_, [_, ..]) => Err(Unclassifiable::Body),
    }
}

/// Checks that only these parameters are given, each once and with one of its values; `_format` has its own.
fn allow_only(pairs: &[Pair], allowed: &[(&str, &[&str])]) -> Result<(), Unclassifiable> {
    for (index, pair) in pairs.iter().enumerate() {
        let (name, values) = allowed.iter().find(|(name, _)| *name == pair.name).ok_or(Unclassifiable::Parameter)?;
        if pairs.iter().take(index).any(|earlier| earlier.name == pair.name) {
            return Err(Unclassifiable::Repeated);
        }
        if *name == "_format" {
            negotiation::format(&pair.value)?;
        } else if !values.contains(&pair.value.as_str()) {
            return Err(Unclassifiable::Value);
        }
    }
    Ok(())
}

/// Reads the parameters of a read: how much of the resource is wanted, and `_format`.
fn projection(resource_type: &str, pairs: &[Pair]) -> Result<Projection, Unclassifiable> {
    let (mut wanted, mut format) = (projection::Wanted::default(), None);
    for pair in pairs {
        match pair.name.as_str() {
            "_elements" => wanted.elements(resource_type, &pair.value)?,
            "_summary" => wanted.summary(&pair.value)?,
            "_format" => projection::once(&mut format, negotiation::format(&pair.value)?)?,
            _ => return Err(Unclassifiable::Parameter),
        }
    }
    wanted.read()
}

/// Reads a search in the words of the first profile that has them all. Where none has, the refusal is that of the first
/// profile that knows the parameters but not a value, else that the parameter is not supported.
fn search(
    offer: &Offer,
    resource_type: &str,
    compartment: Option<&Id>,
    pairs: &[Pair],
) -> Result<Search, Unclassifiable> {
    let mut refusal = Unclassifiable::NotOffered;
    for kind in offer.kinds(resource_type).filter(|kind| kind.is_searched()) {
        match Search::read(kind, compartment, pairs) {
            Ok(search) => return Ok(search),
            Err(found) if matches!(refusal, Unclassifiable::NotOffered | Unclassifiable::Parameter) => refusal = found,
            Err(_) => {}
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod tests;
