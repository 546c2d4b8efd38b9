//! Look-ups: searches whose results are judged, never released, read to their last page.

use std::collections::HashSet;

use super::metrics::Call;
use super::upstream::{Upstream, UpstreamError};
use crate::json::{Bounds, Document, JsonError, Value};
use crate::limits;
use crate::query::{Id, LookUp};

/// One page of a look-up: some hundred resources.
const PAGE: Bounds = Bounds { bytes: 32 * 1024 * 1024, ..limits::RESOURCE };

/// Why a look-up tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookUpError {
    /// The server gave no usable answer.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The answer is not JSON that can be read one way only.
    #[error("the server's answer cannot be read: {0}")]
    Json(#[from] JsonError),
    /// The answer is no searchset of resources, or not the resource that was asked for.
    #[error("the server's answer is not what was asked for")]
    Shape,
    /// A page leads to one that was read, or gives what another one gave: then others may be missing from all.
    #[error("the server's pages repeat one another")]
    Repeated,
    /// More results than a bound allows.
    #[error("the server's answer has more results than the bound")]
    TooMany,
}

/// Searches, and hands every resource of every page to `each`.
///
/// # Errors
/// A page that fails, is not a searchset, or repeats another, or more than `bound` results: then nothing that was handed over counts.
pub(super) async fn search(
    upstream: &Upstream,
    call: Call,
    bases: &[String],
    lookup: LookUp,
    bound: usize,
    mut each: impl FnMut(Value<'_>),
) -> Result<(), LookUpError> {
    let (mut seen, mut read) = (0, Read::default());
    let mut next = Some(lookup);
    for _ in 0..limits::UPSTREAM_PAGES {
        let Some(lookup) = next.take() else { return Ok(()) };
        let page = upstream.look(call, &lookup, PAGE.bytes).await?.ok_or(LookUpError::Shape)?;
        let document = Document::read(page.bytes(), PAGE)?;
        let bundle = document.root();
        seen += resources(bundle, bound - seen, &mut each)?;
        read.page(lookup.as_str(), bundle)?;
        next = next_page(bundle, bases)?;
    }
    Err(LookUpError::TooMany)
}

/// What the pages of one look-up were, and gave. They are asked for in the order of ids; a server that leaves that aside, and cuts
/// each page from another order, is found out by what it gives twice.
#[derive(Default)]
struct Read {
    pages: HashSet<String>,
    resources: HashSet<String>,
}

impl Read {
    fn page(&mut self, page: &str, bundle: Value<'_>) -> Result<(), LookUpError> {
        let given = bundle.get("entry").into_iter().flat_map(|entry| entry.items()).filter_map(|entry| {
            let resource = entry.get("resource")?;
            Some(format!("{}/{}", resource.text_of("resourceType")?, resource.text_of("id")?))
        });
        // One page may well give what is asked for twice.
        let given: HashSet<String> = given.collect();
        if !self.pages.insert(page.to_owned()) || given.iter().any(|one| self.resources.contains(one)) {
            return Err(LookUpError::Repeated);
        }
        self.resources.extend(given);
        Ok(())
    }
}

/// Searches, and hands every resource of the first page to `each`, whatever follows.
///
/// # Errors
/// A page that fails or is not a searchset: then nothing that was handed over counts.
pub(super) async fn first_page(
    upstream: &Upstream,
    call: Call,
    lookup: &LookUp,
    mut each: impl FnMut(Value<'_>),
) -> Result<(), LookUpError> {
    let page = upstream.look(call, lookup, PAGE.bytes).await?.ok_or(LookUpError::Shape)?;
    let document = Document::read(page.bytes(), PAGE)?;
    resources(document.root(), usize::MAX, &mut each).map(|_| ())
}

/// Hands every resource of a searchset to `each`, and returns how many there were.
fn resources(bundle: Value<'_>, bound: usize, each: &mut impl FnMut(Value<'_>)) -> Result<usize, LookUpError> {
    let is = |name, wanted| bundle.text_of(name).is_some_and(|text| text == wanted);
    if !is("resourceType", "Bundle") || !is("type", "searchset") {
        return Err(LookUpError::Shape);
    }
    let mut seen = 0;
    for entry in bundle.get("entry").iter().flat_map(Value::items) {
        seen += 1;
        if seen > bound {
            return Err(LookUpError::TooMany);
        }
        each(entry.get("resource").ok_or(LookUpError::Shape)?);
    }
    Ok(seen)
}

fn next_page(bundle: Value<'_>, bases: &[String]) -> Result<Option<LookUp>, LookUpError> {
    for link in bundle.get("link").iter().flat_map(Value::items) {
        if link.text_of("relation").is_some_and(|relation| relation == "next") {
            let url = link.text_of("url").ok_or(LookUpError::Shape)?;
            // A link to another place is not followed, and what it would have held is missing: no answer.
            return LookUp::follow(&url, bases).map(Some).ok_or(LookUpError::Shape);
        }
    }
    Ok(None)
}

/// Reads one resource; none where the server has none.
///
/// # Errors
/// An answer that is not a JSON object of the asked type and id: what another resource says must not be remembered of this one.
pub(super) async fn read<T>(
    upstream: &Upstream,
    call: Call,
    resource_type: &str,
    id: &Id,
    use_it: impl FnOnce(Value<'_>) -> T,
) -> Result<Option<T>, LookUpError> {
    let lookup = LookUp::read(resource_type, id);
    let Some(looked) = upstream.look(call, &lookup, limits::RESOURCE.bytes).await? else { return Ok(None) };
    let document = Document::read(looked.bytes(), limits::RESOURCE)?;
    let resource = document.root();
    let is = |name, wanted| resource.text_of(name).is_some_and(|text| text == wanted);
    if !is("resourceType", resource_type) || !is("id", id.as_str()) {
        return Err(LookUpError::Shape);
    }
    Ok(Some(use_it(resource)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_repeat_one_another_are_an_error() {
        let page = |ids: &[&str]| {
            let entry = |id: &&str| format!(r#"{{"resource":{{"resourceType":"Consent","id":"{id}"}}}}"#);
            format!(
                r#"{{"entry":[{},{{"resource":{{"resourceType":"OperationOutcome"}}}}]}}"#,
                ids.iter().map(entry).collect::<Vec<_>>().join(",")
            )
        };
        for (last, link, read) in [
            (["c"].as_slice(), "?2", Ok(())),
            (&["c"], "?1", Err(LookUpError::Repeated)),
            (&["c", "b"], "?2", Err(LookUpError::Repeated)),
        ] {
            let mut pages = Read::default();
            for (link, ids, read) in [("?1", ["a", "b", "b"].as_slice(), Ok(())), (link, last, read)] {
                let text = page(ids);
                let document = Document::read(text.as_bytes(), PAGE).unwrap();
                assert_eq!(pages.page(link, document.root()), read, "{last:?} {link}");
            }
        }
    }
}
