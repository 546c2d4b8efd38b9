//! Frame: what a searchset says around its entries.

use crate::json::{Kind, Value};
use crate::view::ViewError;

/// What the frame of a searchset says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::view) struct Frame {
    /// The search as the server understood it.
    pub(in crate::view) self_link: Option<String>,
    /// Where the next page is.
    pub(in crate::view) next: Option<String>,
}

/// Reads the Bundle around the entries. `total` counts hidden matches, `id`, `meta`, `timestamp` and `signature` belong to
/// the server's own search: all are left where they are.
pub(super) fn read(bundle: Value<'_>) -> Result<Frame, ViewError> {
    let mut frame = Frame { self_link: None, next: None };
    let mut is_bundle = false;
    let mut is_searchset = false;
    for member in bundle.members() {
        match member.name {
            "resourceType" => is_bundle = member.value.as_str().as_deref() == Some("Bundle"),
            "type" => is_searchset = member.value.as_str().as_deref() == Some("searchset"),
            "link" => read_links(member.value, &mut frame)?,
            "entry" if member.value.kind() == Kind::Array => {}
            "id" | "meta" | "language" | "identifier" | "timestamp" | "total" | "signature" => {}
            _ => return Err(ViewError::NotASearchset),
        }
    }
    if is_bundle && is_searchset { Ok(frame) } else { Err(ViewError::NotASearchset) }
}

fn read_links(links: Value<'_>, frame: &mut Frame) -> Result<(), ViewError> {
    if links.kind() != Kind::Array {
        return Err(ViewError::NotASearchset);
    }
    for link in links.items() {
        let (Some(relation), Some(url)) = (link.text_of("relation"), link.text_of("url")) else {
            return Err(ViewError::NotASearchset);
        };
        let place = match relation.as_ref() {
            "self" => &mut frame.self_link,
            "next" => &mut frame.next,
            _ => continue,
        };
        if place.replace(url.into_owned()).is_some() {
            return Err(ViewError::NotASearchset);
        }
    }
    Ok(())
}
