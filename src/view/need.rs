//! Need: what must be visible for a resource to be.
//!
//! A reference to a hidden resource goes with the smallest optional element around it; where everything around it is required,
//! its resource goes (design section 3, "What is visible", point 3). What of that depends on other resources is kept as a
//! need, so that it can be answered when those are known.

use std::collections::BTreeSet;

use crate::view::reference::Key;

/// What must be visible for an element or a resource to stay.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Need {
    /// It stays whatever is visible.
    #[default]
    Nothing,
    /// It goes whatever is visible.
    Never,
    /// This resource.
    Key(Key),
    /// The contained resource of that number.
    Inside(usize),
    /// Each of these.
    All(Vec<Need>),
    /// One of these at least.
    Any(Vec<Need>),
}

/// The need of a resource and of each one it contains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Needs {
    pub(super) whole: Need,
    pub(super) inside: Vec<Need>,
}

impl Need {
    pub(super) fn all(mut needs: Vec<Self>) -> Self {
        needs.retain(|need| *need != Self::Nothing);
        if needs.contains(&Self::Never) {
            return Self::Never;
        }
        match needs.len() {
            0 => Self::Nothing,
            1 => needs.pop().unwrap_or(Self::Nothing),
            _ => Self::All(needs),
        }
    }

    pub(super) fn any(mut needs: Vec<Self>) -> Self {
        if needs.contains(&Self::Nothing) {
            return Self::Nothing;
        }
        needs.retain(|need| *need != Self::Never);
        match needs.len() {
            0 => Self::Never,
            1 => needs.pop().unwrap_or(Self::Never),
            _ => Self::Any(needs),
        }
    }

    fn is_met(&self, visible: &dyn Fn(&Key) -> bool, inside: &[bool]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Never => false,
            Self::Key(key) => visible(key),
            Self::Inside(number) => inside.get(*number).copied().unwrap_or(false),
            Self::All(needs) => needs.iter().all(|need| need.is_met(visible, inside)),
            Self::Any(needs) => needs.iter().any(|need| need.is_met(visible, inside)),
        }
    }

    /// Calls `each` with every part that must be met for itself.
    fn each_part<'n>(&'n self, each: &mut dyn FnMut(&'n Self)) {
        match self {
            Self::All(needs) => needs.iter().for_each(|need| need.each_part(each)),
            Self::Nothing | Self::Never | Self::Key(_) | Self::Inside(_) | Self::Any(_) => each(self),
        }
    }

    fn looks_inside(&self) -> bool {
        match self {
            Self::Nothing | Self::Never | Self::Key(_) => false,
            Self::Inside(_) => true,
            Self::All(needs) | Self::Any(needs) => needs.iter().any(Self::looks_inside),
        }
    }

    /// Returns the same of contained resources that stand `by` places further.
    fn shifted(&self, by: usize) -> Self {
        let each = |needs: &[Self]| needs.iter().map(|need| need.shifted(by)).collect();
        match self {
            Self::Nothing | Self::Never | Self::Key(_) => self.clone(),
            Self::Inside(number) => Self::Inside(number + by),
            Self::All(needs) => Self::All(each(needs)),
            Self::Any(needs) => Self::Any(each(needs)),
        }
    }

    fn each_key<'n>(&'n self, each: &mut dyn FnMut(&'n Key)) {
        match self {
            Self::Nothing | Self::Never | Self::Inside(_) => {}
            Self::Key(key) => each(key),
            Self::All(needs) | Self::Any(needs) => needs.iter().for_each(|need| need.each_key(each)),
        }
    }
}

impl Needs {
    /// Needs nothing.
    pub(super) const NOTHING: Self = Self { whole: Need::Nothing, inside: Vec::new() };

    /// Returns what several resources need together, each but for the one that stands with it. What many of them need is there
    /// once.
    pub(super) fn together<'n>(each: impl Iterator<Item = (&'n Self, Option<Key>)>) -> Self {
        let (mut parts, mut inside) = (BTreeSet::new(), Vec::new());
        for (needs, but) in each {
            let by = inside.len();
            if needs.whole.looks_inside() {
                inside.extend(needs.inside.iter().map(|need| need.shifted(by)));
            }
            needs.whole.each_part(&mut |part| {
                if !matches!((part, &but), (Need::Key(key), Some(but)) if key == but) {
                    parts.insert(part.shifted(by));
                }
            });
        }
        Self { whole: Need::all(parts.into_iter().collect()), inside }
    }

    /// Returns true if and only if the resource stays, when these are the resources that are visible.
    pub(super) fn are_met(&self, visible: &dyn Fn(&Key) -> bool) -> bool {
        self.whole == Need::Nothing || self.whole.is_met(visible, &self.staying(visible))
    }

    /// Returns which contained resources stay: the greatest set whose needs are met.
    pub(super) fn staying(&self, visible: &dyn Fn(&Key) -> bool) -> Vec<bool> {
        let mut staying = vec![true; self.inside.len()];
        // Each round but the last takes one away.
        for _ in 0..=self.inside.len() {
            let next: Vec<_> = self
                .inside
                .iter()
                .zip(&staying)
                .map(|(need, stays)| *stays && need.is_met(visible, &staying))
                .collect();
            if next == staying {
                break;
            }
            staying = next;
        }
        staying
    }

    /// Calls `each` with every resource that the answer may depend on.
    pub(super) fn each_key<'n>(&'n self, each: &mut dyn FnMut(&'n Key)) {
        // What is needed inside matters only where the whole depends on it.
        if !matches!(self.whole, Need::Nothing | Need::Never) {
            self.whole.each_key(each);
            self.inside.iter().for_each(|need| need.each_key(each));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::query::Id;

    fn key(id: &str) -> Key {
        Key { resource_type: "Condition".to_owned(), id: Id::from_str(id).unwrap() }
    }

    fn need(id: &str) -> Need {
        Need::Key(key(id))
    }

    #[test]
    fn what_is_certain_is_folded() {
        assert_eq!(Need::all(vec![]), Need::Nothing);
        assert_eq!(Need::all(vec![Need::Nothing, need("a")]), need("a"));
        assert_eq!(Need::all(vec![need("a"), Need::Never]), Need::Never);
        assert_eq!(Need::any(vec![]), Need::Never);
        assert_eq!(Need::any(vec![Need::Never, need("a")]), need("a"));
        assert_eq!(Need::any(vec![need("a"), Need::Nothing]), Need::Nothing);
    }

    #[test]
    fn all_need_each_and_any_needs_one() {
        let visible = |key: &Key| key.id.as_str() == "a";
        let met = |whole: Need| Needs { whole, inside: Vec::new() }.are_met(&visible);
        assert!(met(Need::any(vec![need("a"), need("b")])));
        assert!(!met(Need::all(vec![need("a"), need("b")])));
        assert!(met(need("a")) && !met(need("b")));
    }

    #[test]
    fn what_several_need_together_is_what_each_needs_but_for_one() {
        let whole = |whole: Need| Needs { whole, inside: Vec::new() };
        let (one, other) = (whole(Need::all(vec![need("a"), need("u")])), whole(Need::all(vec![need("a"), need("b")])));
        let but = || Some(key("u"));
        let together = Needs::together([(&one, but()), (&other, but()), (&Needs::NOTHING, but())].into_iter());
        assert_eq!(together, whole(Need::all(vec![need("a"), need("b")])));
        assert_eq!(Needs::together([(&whole(need("u")), but())].into_iter()), Needs::NOTHING);
        assert_eq!(Needs::together([(&whole(Need::Never), but())].into_iter()), whole(Need::Never));
        // Each looks inside itself.
        let inside = |id: &str| Needs { whole: Need::Inside(1), inside: vec![Need::Never, need(id)] };
        let (a, b) = (inside("a"), inside("b"));
        let together = Needs::together([(&a, None), (&b, None)].into_iter());
        let met = |ids: &[&str]| together.are_met(&|key: &Key| ids.contains(&key.id.as_str()));
        assert!(met(&["a", "b"]) && !met(&["a"]) && !met(&["b"]));
    }

    #[test]
    fn contained_resources_that_need_one_another_stay_until_one_goes() {
        let circle = |last: Need| Needs {
            whole: Need::Inside(0),
            inside: vec![Need::Inside(1), Need::all(vec![Need::Inside(2), Need::Inside(0)]), last],
        };
        assert!(circle(Need::Nothing).are_met(&|_| false));
        assert!(!circle(need("a")).are_met(&|_| false));
        assert_eq!(circle(need("a")).staying(&|_| false), [false, false, false]);
    }
}
