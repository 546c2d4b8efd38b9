//! Reading about somebody by the index, where it can be used; the answer is the same without it, and takes longer.

use std::path::Path;

use serde::Serialize;

use super::{AuditError, Period, Sought, each_line};
use crate::audit::{Access, Accesses, Entry, Told, Verdict, Verification, Verifier};
use crate::gateway::journal::index::{Index, IndexError, Part, Span, Step, Whom};
use crate::identity::Ura;

/// Whom an answer is about.
#[derive(Clone, Copy)]
pub(super) enum About<'a> {
    Patient(&'a Sought),
    Caller(&'a Ura),
}

impl About<'_> {
    fn whom(&self) -> Whom<'_> {
        match self {
            Self::Patient(Sought::Bsn(bsn)) => Whom::Bsn(bsn),
            Self::Patient(Sought::Reference(reference)) => Whom::Reference(reference),
            Self::Caller(ura) => Whom::Caller(ura),
        }
    }
}

/// Reads the lines that an answer needs, those of others among them.
pub(super) fn each_line_about(
    directory: &Path,
    about: About<'_>,
    period: Period,
    take: impl FnMut(&Entry, &[u8]) -> Result<(), AuditError>,
) -> Result<Verification, AuditError> {
    match usable(directory, about, period) {
        Some((part, _)) => each_line_of(&part, take),
        None => each_line(directory, Verifier::from_the_first(), take),
    }
}

fn each_line_of(
    part: &Part,
    mut take: impl FnMut(&Entry, &[u8]) -> Result<(), AuditError>,
) -> Result<Verification, AuditError> {
    let mut taken = Ok(());
    let found = part.read(|entry, line| {
        if taken.is_ok() {
            taken = take(entry, line);
        }
    })?;
    taken.map(|()| found)
}

/// Reads the accesses that an answer needs, those of others among them, those that are under way last. Nothing of a journal
/// that is altered is believed: its verdict is all there is.
pub(super) fn each_access_about(
    directory: &Path,
    about: About<'_>,
    period: Period,
    mut take: impl FnMut(Access),
) -> Result<Verdict, AuditError> {
    let part = usable(directory, about, period);
    let verdict = match &part {
        Some((_, verdict)) => *verdict,
        None => each_line(directory, Verifier::from_the_first(), |_, _| Ok(()))?.verdict,
    };
    if verdict == Verdict::Altered {
        return Ok(verdict);
    }
    let mut accesses = Accesses::default();
    let each = |entry: &Entry, line: &[u8]| {
        if let Some(Told::Access(access)) = accesses.take(entry, line)? {
            take(*access);
        }
        Ok(())
    };
    let found = match &part {
        Some((part, _)) => each_line_of(part, each),
        None => each_line(directory, Verifier::from_the_first(), each),
    }?;
    accesses.under_way().into_iter().for_each(take);
    Ok(found.verdict)
}

/// Returns the part of the journal that is enough and its verdict, if the index is there, fits, and what it leaves to be read
/// is whole.
fn usable(directory: &Path, about: About<'_>, period: Period) -> Option<(Part, Verdict)> {
    let (from, to) = period.ends();
    let part = Index::found(directory, None).and_then(|index| Part::of(&index, about.whom(), Span { from, to }));
    let read = part.and_then(|part| Ok((part.read(|_, _| {})?.verdict, part)));
    match read {
        Ok((verdict @ (Verdict::Intact | Verdict::Torn), part)) => Some((part, verdict)),
        // All of it is read, and judged.
        Ok((Verdict::Altered, _)) | Err(IndexError::Absent) => None,
        Err(error) => {
            eprintln!("sluis: {error}: the journal is read without it");
            None
        }
    }
}

/// Makes the index of a journal, or brings it up to date; from its beginning where it is to be made anew. Returns the answer
/// for stdout and the exit code: 0, or 2 where the journal is altered.
///
/// # Errors
/// The journal cannot be read, there is no key, or the index cannot be written.
pub fn index(directory: &Path, keys: Option<&Path>, rebuild: bool) -> Result<(String, i32), AuditError> {
    let index = match (keys, Index::found(directory, None)) {
        (Some(keys), _) => Index::of(directory, keys)?,
        (None, Ok(index)) => index,
        (None, Err(_)) => return Err(AuditError::NoKeys),
    };
    if rebuild {
        index.remove()?;
    }
    loop {
        match index.step() {
            Ok(Step::Whole(built)) => {
                let answer = Indexed { verdict: "whole", segments: built.segments, seq: built.seq };
                return Ok((serde_json::to_string(&answer)?, 0));
            }
            Ok(Step::More | Step::Anew(IndexError::Absent)) => {}
            Ok(Step::Anew(why)) => eprintln!("sluis: {why}: it is made anew"),
            Err(error @ IndexError::Altered { .. }) => {
                eprintln!("sluis: {error}: `sluis audit verify` says where");
                let answer = Indexed { verdict: Verdict::Altered.code(), segments: 0, seq: 0 };
                return Ok((serde_json::to_string(&answer)?, 2));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// How far the index goes: what stands behind is read from the journal.
#[derive(Serialize)]
struct Indexed {
    verdict: &'static str,
    segments: usize,
    seq: u64,
}

#[cfg(test)]
mod tests;
