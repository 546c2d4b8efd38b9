//! Cut: a resource without what is hidden.
//!
//! What goes leaves no mark: of two neighbours the comma and the white space between them go along, an array or an object
//! that loses everything goes itself, and so does a contained resource that nothing refers to any more.

use std::ops::Range;

use crate::json::{Document, JsonError, Value};
use crate::limits;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::need::Needs;
use crate::view::reference::Key;
use crate::view::ties::{Around, Fates, Siblings, Walk, ties};

/// Writes `resource` without what must go when these are the resources that are visible. Nothing when the resource itself
/// goes.
///
/// # Errors
/// A text that cannot be read.
pub(super) fn cut(
    resource: &[u8],
    around: Around<'_>,
    visible: &dyn Fn(&Key) -> bool,
) -> Result<Option<Vec<u8>>, JsonError> {
    let document = Document::read(resource, limits::RESOURCE)?;
    let root = document.root();
    let needs: Needs = ties(root, around).needs;
    let staying = needs.staying(visible);
    let mut knife = Knife { visible, staying: &staying, gone: Vec::new(), links: Vec::new() };
    let (stays, inside) = Walk::over(root, around, &mut knife);
    if !stays {
        return Ok(None);
    }
    let Knife { mut gone, links, .. } = knife;
    let orphans = contained(root, &inside, &links, &gone);
    gone.extend(orphans);
    #[cfg(feature = "faults")]
    if is_planted(Fault::MarkLoss) && !gone.is_empty() {
        return Ok(Some([b"{ ", without(root.raw().as_bytes(), gone).get(1..).unwrap_or_default()].concat()));
    }
    Ok(Some(without(root.raw().as_bytes(), gone)))
}

/// What goes: a span, and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gone {
    span: Range<usize>,
    instead: &'static str,
}

struct Knife<'s> {
    visible: &'s dyn Fn(&Key) -> bool,
    /// Which contained resources stay.
    staying: &'s [bool],
    gone: Vec<Gone>,
    /// Where references to contained resources stand, and to which.
    links: Vec<(Range<usize>, usize)>,
}

impl Fates for Knife<'_> {
    type Fate = bool;
    const NOTES_SIBLINGS: bool = true;

    fn is_sure(fate: &bool) -> bool {
        *fate
    }

    fn stays() -> bool {
        true
    }

    fn goes(&mut self) -> bool {
        false
    }

    fn key(&mut self, key: Key) -> bool {
        (self.visible)(&key)
    }

    fn inside(&mut self, number: usize, at: Range<usize>) -> bool {
        self.links.push((at, number));
        self.staying.get(number).copied().unwrap_or(false)
    }

    fn all(&mut self, fates: Vec<bool>) -> bool {
        fates.into_iter().all(|stays| stays)
    }

    fn any(&mut self, fates: Vec<bool>) -> bool {
        fates.into_iter().any(|stays| stays)
    }

    fn siblings(&mut self, siblings: Siblings, spans: &[Range<usize>], fates: &[bool]) {
        if fates.iter().all(|stays| *stays) {
            return;
        }
        match siblings {
            Siblings::Paired => {
                let gone = spans.iter().zip(fates).filter(|(_, stays)| !**stays);
                self.gone.extend(gone.map(|(span, _)| Gone { span: span.clone(), instead: "null" }));
            }
            Siblings::Apart => leave_out(spans, fates, &mut self.gone),
        }
    }
}

/// Leaves out neighbours, each with what is between it and the one before; the first with what is behind it.
fn leave_out(spans: &[Range<usize>], fates: &[bool], gone: &mut Vec<Gone>) {
    let mut kept: Option<&Range<usize>> = None;
    let mut last: Option<&Range<usize>> = None;
    for (span, stays) in spans.iter().zip(fates) {
        if *stays {
            let from = match (kept, last) {
                (None, Some(_)) => spans.first().map(|first| first.start..span.start),
                (Some(kept), Some(last)) if kept != last => Some(kept.end..last.end),
                (_, _) => None,
            };
            gone.extend(from.map(|span| Gone { span, instead: gap() }));
            kept = Some(span);
        }
        last = Some(span);
    }
    let rest = match (kept, last) {
        (Some(kept), Some(last)) if kept != last => Some(kept.end..last.end),
        // Nothing is left: what holds them goes.
        (_, _) => None,
    };
    gone.extend(rest.map(|span| Gone { span, instead: "" }));
}

/// Returns what stands between two neighbours in the place of those that were between them: nothing.
fn gap() -> &'static str {
    #[cfg(feature = "faults")]
    if is_planted(Fault::KeepGap) {
        return " ";
    }
    ""
}

/// Returns what goes of `contained`: resources that are hidden or went, and those that lost the last reference to them.
fn contained(root: Value<'_>, inside: &[bool], links: &[(Range<usize>, usize)], gone: &[Gone]) -> Vec<Gone> {
    let Some(contained) = root.get("contained") else { return Vec::new() };
    #[cfg(feature = "faults")]
    if is_planted(Fault::KeepContained) {
        return Vec::new();
    }
    let spans: Vec<_> = contained.items().map(|one| one.span()).collect();
    let gone = outermost(gone);
    let within = |spans: &[Range<usize>], at: &Range<usize>| {
        let before = spans.partition_point(|span| span.start <= at.start);
        let last = before.checked_sub(1)?;
        spans.get(last).filter(|span| at.end <= span.end).map(|_| last)
    };
    // From each contained resource, and from outside (the last), to those that are referred to there.
    let mut all = vec![Vec::new(); spans.len() + 1];
    let mut left = all.clone();
    let mut linked = vec![false; spans.len()];
    for (at, to) in links {
        let from = within(&spans, at).unwrap_or(spans.len());
        if let (Some(all), Some(left), Some(linked)) = (all.get_mut(from), left.get_mut(from), linked.get_mut(*to)) {
            all.push(*to);
            if within(&gone, at).is_none() {
                left.push(*to);
            }
            *linked = true;
        }
    }
    let before = reached(&all, &linked, &vec![true; inside.len()]);
    let after = reached(&left, &linked, inside);
    let each = inside.iter().zip(before.iter().zip(&after));
    let stays: Vec<bool> = each.map(|(good, (before, after))| *good && (*after || !*before)).collect();
    #[cfg(feature = "faults")]
    let stays = if is_planted(Fault::KeepOrphan) { inside.to_vec() } else { stays };
    let mut gone = Vec::new();
    if stays.iter().all(|stays| *stays) {
        return gone;
    }
    if stays.iter().any(|stays| *stays) {
        leave_out(&spans, &stays, &mut gone);
        return gone;
    }
    let members: Vec<_> = root.members().map(|member| (member.name, member.span.0..member.span.1)).collect();
    let fates: Vec<_> = members.iter().map(|(name, _)| *name != "contained").collect();
    let spans: Vec<_> = members.into_iter().map(|(_, span)| span).collect();
    leave_out(&spans, &fates, &mut gone);
    gone
}

/// Returns which contained resources are reached: what nothing refers to stands for itself, and from there and from outside
/// the others are.
fn reached(links: &[Vec<usize>], linked: &[bool], good: &[bool]) -> Vec<bool> {
    let mut reached = vec![false; good.len()];
    let alone = linked.iter().enumerate().filter(|(_, linked)| !**linked).map(|(number, _)| number);
    let mut ahead: Vec<usize> = alone.chain(links.last().into_iter().flatten().copied()).collect();
    while let Some(number) = ahead.pop() {
        if let (Some(true), Some(reached @ false)) = (good.get(number), reached.get_mut(number)) {
            *reached = true;
            ahead.extend(links.get(number).into_iter().flatten());
        }
    }
    reached
}

/// Returns the spans that go, in order, without those inside others.
fn outermost(gone: &[Gone]) -> Vec<Range<usize>> {
    let mut spans: Vec<_> = gone.iter().map(|gone| gone.span.clone()).collect();
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut end = 0;
    spans.retain(|span| {
        let is_outer = span.end > end;
        end = end.max(span.end);
        is_outer
    });
    spans
}

fn without(text: &[u8], mut gone: Vec<Gone>) -> Vec<u8> {
    // Of two that begin alike the longer goes first and holds the other.
    gone.sort_by_key(|gone| (gone.span.start, std::cmp::Reverse(gone.span.end)));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for Gone { span, instead } in gone {
        if span.end <= at {
            continue;
        }
        out.extend_from_slice(text.get(at..span.start.max(at)).unwrap_or_default());
        if span.start >= at {
            out.extend_from_slice(instead.as_bytes());
        }
        at = span.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
