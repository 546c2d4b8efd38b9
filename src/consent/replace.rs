//! Replacement: a Consent that takes the place of an older one.
//!
//! One replaces another only where it carries the same business identifier and was surely given later, or says that it comes
//! from it (`source`). Neither a date nor a policy alone replaces anything, and what cannot be read replaces nothing: it
//! denies by itself, whatever stands beside it.
//!
//! Whoever is replaced says nothing, if the one that replaces it is in force and counts in full for this question. If it does
//! not (it has ended, is about research alone, is another holder's), only the permits of the older one are silent: its denials
//! stand, since what took their place does not speak.

use super::evaluate::Question;
use super::evidence::{Content, Filed, Part, Scope, Standing};
use super::plan::Weighed;
use super::rule::{Effect, Root, Statement};
use super::window::Window;

/// A Consent that can be read, with what it is worth for the question.
struct Candidate<'e> {
    part: &'e Part,
    filed: &'e Filed,
    statement: &'e Statement,
    standing: Standing,
    /// When it was given; a date in the future does not count.
    dated: Option<Window>,
    strength: Strength,
}

/// Whether the place of another can be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// It is in force, and all it says counts.
    Full,
    /// It has ended, or only its denials count.
    Partial,
}

/// What became of a Consent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stands,
    /// Its permits are silent.
    Denies,
    Gone,
}

/// Weighs the Consents that can be read for the question, without those that are replaced.
pub(super) fn weigh<'e>(question: &Question<'_>, filed: impl Iterator<Item = (&'e Part, &'e Filed)>) -> Vec<Weighed> {
    let candidates: Vec<_> = filed.filter_map(|(part, filed)| Candidate::of(question, part, filed)).collect();
    let by: Vec<Vec<usize>> = candidates.iter().map(|one| replacers(one, &candidates)).collect();
    let mut weighed = Vec::new();
    for (index, one) in candidates.iter().enumerate() {
        let standing = match fate(index, &candidates, &by) {
            Fate::Gone => continue,
            Fate::Denies => Standing::DenialsOnly,
            Fate::Stands => one.standing,
        };
        let tree = question.put_to(one.statement, one.part);
        weighed.push(Weighed { consent: one.filed.reference.clone(), standing, dated: one.dated, tree });
    }
    weighed
}

impl<'e> Candidate<'e> {
    fn of(question: &Question<'_>, part: &'e Part, filed: &'e Filed) -> Option<Self> {
        let Content::Read(statement) = &filed.content else { return None };
        let limited =
            matches!(statement.root, Root::Untyped(_)) || question.is_granted_to_others(part, &statement.grantees);
        let standing = if limited { Standing::DenialsOnly } else { part.standing };
        let counts = standing == Standing::Full
            && !question.is_foreign(part, &statement.managers)
            && question.is_in_force(statement, Effect::Permit);
        let strength = if counts { Strength::Full } else { Strength::Partial };
        let dated = statement.dated.filter(|dated| !dated.is_ahead_of(question.now));
        Some(Self { part, filed, statement, standing, dated, strength })
    }

    fn replaces(&self, other: &Self) -> bool {
        let (own, theirs) = (self.statement, other.statement);
        let same = || own.identifiers.iter().any(|one| theirs.identifiers.contains(one));
        if self.is_later_than(other) && same() {
            return true;
        }
        let reference = self.part.source.normalise(&other.filed.reference);
        std::ptr::eq(self.part, other.part) && own.replaces.contains(&reference) && !other.is_later_than(self)
    }

    fn is_later_than(&self, other: &Self) -> bool {
        match (&self.dated, &other.dated) {
            (Some(own), Some(other)) => own.is_after(other),
            (_, _) => false,
        }
    }

    /// One for research alone does not take the place of one for all purposes.
    fn strength_over(&self, other: &Self) -> Strength {
        match (self.filed.scope, other.filed.scope) {
            (Scope::Research, Scope::Any) => Strength::Partial,
            (Scope::Any, _) | (Scope::Research, Scope::Research) => self.strength,
        }
    }
}

fn replacers(one: &Candidate<'_>, all: &[Candidate<'_>]) -> Vec<usize> {
    let others = all.iter().enumerate().filter(|(_, other)| !std::ptr::eq(one.filed, other.filed));
    others.filter(|(_, other)| other.replaces(one)).map(|(index, _)| index).collect()
}

/// What replaces each other in a circle replaces nothing: all of it stands.
fn fate(index: usize, all: &[Candidate<'_>], by: &[Vec<usize>]) -> Fate {
    let mut fate = Fate::Stands;
    let Some(one) = all.get(index) else { return fate };
    for replacer in by.get(index).into_iter().flatten() {
        let Some(other) = all.get(*replacer) else { continue };
        if reaches(index, *replacer, by) {
            continue;
        }
        match other.strength_over(one) {
            Strength::Full => return Fate::Gone,
            Strength::Partial => fate = Fate::Denies,
        }
    }
    fate
}

/// Returns true if and only if `from` replaces `to`, in one step or several.
fn reaches(from: usize, to: usize, by: &[Vec<usize>]) -> bool {
    let mut seen = vec![to];
    let mut ahead = vec![to];
    while let Some(at) = ahead.pop() {
        for next in by.get(at).into_iter().flatten() {
            if *next == from {
                return true;
            }
            if !seen.contains(next) {
                seen.push(*next);
                ahead.push(*next);
            }
        }
    }
    false
}
