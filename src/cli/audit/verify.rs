//! `sluis audit verify`: is every line there, in its place, as it was written, and signed by whom it should be?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{AuditError, each_judged, exit_code};
use crate::audit::{Hash, Verdict, Verification, Verifier};
use crate::gateway::journal::removed::{Beginning, Removed};
use crate::gateway::journal::segments;
use crate::gateway::signing::PublicKeys;

/// What a journal is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Against<'a> {
    /// A file with heads that were kept elsewhere: plain, as answers of this command, or as lines of the journal.
    pub head: Option<&'a Path>,
    /// A file with public keys, or a directory of keys.
    pub key: Option<&'a Path>,
}

/// Verifies the journal in `directory` and those below it (`review/`, `explain/` …). Returns the answer for stdout and the
/// exit code: 0 intact or torn, 2 altered.
///
/// # Errors
/// The journal cannot be read, or a file holds no head or no key.
pub fn verify(directory: &Path, against: Against<'_>) -> Result<(String, i32), AuditError> {
    let keys = against.key.map(PublicKeys::read).transpose()?;
    let mut kept = against.head.map(Kept::read).transpose()?.unwrap_or_default();
    let unreadable = |source| AuditError::Unreadable { what: "the journal", source };
    let removed = Beginning::of(directory, keys.as_ref()).map_err(unreadable)?.removed;
    // What was kept of records that were removed since cannot be found any more, and need not.
    kept.main.retain(|(seq, _)| seq.zip(removed.as_ref()).is_none_or(|(seq, removed)| seq > removed.seq));
    let verifier = if keys.is_some() { Verifier::from_the_first().keyed() } else { Verifier::from_the_first() };
    let found = judged(directory, kept.seek(verifier, None), keys.as_ref())?;
    let mut answer = Answer::of(&found, keys.is_some());
    answer.removed = removed.map(|Removed { seq, until, .. }| Gone { seq, until });
    let mut worst = found.verdict;
    for (name, path) in below(directory)? {
        let verifier = || kept.seek(Verifier::from_the_first(), Some(&name));
        let mut found = judged(&path, verifier(), keys.as_ref())?;
        // Not every one is signed: what a command writes that has no keys is not.
        if keys.is_some() && found.checkpoints > 0 {
            found = judged(&path, verifier().keyed(), keys.as_ref())?;
        }
        worst = worse(worst, found.verdict);
        answer.below.insert(name, Answer::of(&found, keys.is_some()));
    }
    if let Some(missing) = kept.below.keys().find(|name| !answer.below.contains_key(*name)) {
        let bad = Bad { segment: format!("{missing}/"), line: 0, reason: crate::audit::Fault::HeadMissing.code() };
        answer.bad.push(bad);
        worst = Verdict::Altered;
    }
    answer.verdict = worst.code();
    Ok((serde_json::to_string(&answer)?, exit_code(worst)))
}

fn judged(directory: &Path, verifier: Verifier, keys: Option<&PublicKeys>) -> Result<Verification, AuditError> {
    each_judged(directory, verifier, keys, |_, _| Ok(()))
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Intact => 0,
        Verdict::Torn => 1,
        Verdict::Altered => 2,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// Returns the directories below that hold segments, by their names.
fn below(directory: &Path) -> Result<BTreeMap<String, PathBuf>, AuditError> {
    let unreadable = |source| AuditError::Unreadable { what: "the journal", source };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !path.is_dir() {
            continue;
        }
        let listing = segments::list(&path).map_err(unreadable)?;
        if !listing.segments.is_empty() || !listing.strangers.is_empty() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.insert(name, path);
        }
    }
    Ok(found)
}

#[derive(Serialize)]
struct Answer {
    verdict: &'static str,
    records: u64,
    bad: Vec<Bad>,
    head: String,
    /// Its number.
    seq: u64,
    /// What was removed by policy before what is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<Gone>,
    checkpoints: u64,
    /// How many of them are signed with a key that was given; absent where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<u64>,
    /// How far the journal is signed with such a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<Signed>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    below: BTreeMap<String, Answer>,
}

#[derive(Serialize)]
struct Bad {
    segment: String,
    line: u64,
    reason: &'static str,
}

#[derive(Serialize)]
struct Gone {
    seq: u64,
    until: String,
}

#[derive(Serialize)]
struct Signed {
    seq: u64,
    time: String,
    key: String,
}

impl Answer {
    fn of(found: &Verification, keyed: bool) -> Self {
        let bad = found.bad.iter();
        let signed = found.signed.as_ref().map(|checkpoint| Signed {
            seq: checkpoint.head().seq,
            time: checkpoint.time().to_owned(),
            key: checkpoint.key().to_owned(),
        });
        Self {
            verdict: found.verdict.code(),
            records: found.records,
            bad: bad
                .map(|bad| Bad { segment: bad.segment.clone(), line: bad.line, reason: bad.fault.code() })
                .collect(),
            head: found.head.hash.to_string(),
            seq: found.head.seq,
            removed: None,
            checkpoints: found.checkpoints,
            checked: keyed.then_some(found.checked),
            signed,
            below: BTreeMap::new(),
        }
    }
}

/// Heads that were kept elsewhere.
#[derive(Default)]
struct Kept {
    /// With their numbers, where these were kept too.
    main: Vec<(Option<u64>, Hash)>,
    below: BTreeMap<String, Hash>,
}

/// An answer of `verify`, or a line of the journal.
#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Answer {
        head: Hash,
        seq: Option<u64>,
        #[serde(default)]
        below: BTreeMap<String, Below>,
    },
    Line {
        seq: u64,
        hash: Hash,
    },
}

#[derive(Deserialize)]
struct Below {
    head: Hash,
}

impl Kept {
    fn read(file: &Path) -> Result<Self, AuditError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| AuditError::Unreadable { what: "the head", source })?;
        let mut kept = Self::default();
        // A JSON object may stand on several lines, and heads of several days below one another.
        if let Ok(form) = serde_json::from_str(&text) {
            kept.add(form);
        } else {
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                match line.parse() {
                    Ok(hash) => kept.main.push((None, hash)),
                    Err(_) => kept.add(serde_json::from_str(line).map_err(|_| AuditError::NotAHead)?),
                }
            }
        }
        if kept.main.is_empty() { Err(AuditError::NotAHead) } else { Ok(kept) }
    }

    fn add(&mut self, form: Form) {
        match form {
            Form::Answer { head, seq, below } => {
                self.main.push((seq, head));
                self.below.extend(below.into_iter().map(|(name, below)| (name, below.head)));
            }
            Form::Line { seq, hash } => self.main.push((Some(seq), hash)),
        }
    }

    fn seek(&self, verifier: Verifier, below: Option<&String>) -> Verifier {
        match below {
            None => self.main.iter().fold(verifier, |verifier, (_, head)| verifier.seeking(*head)),
            Some(name) => self.below.get(name).into_iter().fold(verifier, |verifier, head| verifier.seeking(*head)),
        }
    }
}
