//! Cursors: how far each forwarder is, on disk.
//!
//! `forward/NAME` below the directory of the journal, one JSON object. It is written beside, synced and renamed, so that
//! there is always a whole one. It names the target it is for: under another target the same place would mean that nothing
//! before it is ever sent.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::audit::{Hash, Head};

/// Why a cursor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The disk refused.
    #[error("the cursor {file} cannot be read")]
    Disk {
        /// The file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not one that a forwarder wrote.
    #[error("{file} is no cursor: without it everything on record is sent again")]
    Malformed {
        /// The file.
        file: String,
    },
    /// It is the cursor of a forwarder to somewhere else.
    #[error(
        "{file} is the cursor towards another target: give the forwarder another name, or remove the file to send everything on record"
    )]
    OtherTarget {
        /// The file.
        file: String,
    },
}

/// How far a forwarder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Of the last record that the target acknowledged.
    pub(crate) head: Head,
    /// Number of the first record that has to be read to go on behind it.
    pub(crate) from: u64,
    /// Whether the target ever acknowledged anything: a forwarder that begins may begin behind records that are gone.
    pub(crate) begun: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u64,
    kind: String,
    target: String,
    seq: u64,
    hash: String,
    from: u64,
    begun: bool,
}

const VERSION: u64 = 1;

/// The file of a cursor.
#[derive(Debug, Clone)]
pub(super) struct CursorFile {
    directory: PathBuf,
    name: String,
    kind: &'static str,
    target: String,
}

impl CursorFile {
    pub(super) fn of(journal: &Path, name: &str, kind: &'static str, target: &str) -> Self {
        Self { directory: directory(journal), name: name.to_owned(), kind, target: target.to_owned() }
    }

    /// Reads the cursor; none where there is no file.
    pub(super) fn read(&self) -> Result<Option<Cursor>, CursorError> {
        let path = self.directory.join(&self.name);
        let Some(written) = read(&path)? else { return Ok(None) };
        if written.kind != self.kind || written.target != self.target {
            return Err(CursorError::OtherTarget { file: path.display().to_string() });
        }
        cursor(&written).map(Some).ok_or_else(|| CursorError::Malformed { file: path.display().to_string() })
    }

    /// Makes the cursor durable.
    pub(super) fn keep(&self, cursor: Cursor) -> io::Result<()> {
        if !self.directory.is_dir() {
            DirBuilder::new().mode(0o700).create(&self.directory)?;
            File::open(self.directory.join(".."))?.sync_all()?;
        }
        let Cursor { head, from, begun } = cursor;
        let (kind, target) = (self.kind.to_owned(), self.target.clone());
        let written = Written { v: VERSION, kind, target, seq: head.seq, hash: head.hash.to_string(), from, begun };
        let mut text = serde_json::to_vec(&written)?;
        text.push(b'\n');
        // A name that no forwarder can have.
        let beside = self.directory.join(format!(".{}", self.name));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, self.directory.join(&self.name))?;
        File::open(&self.directory)?.sync_all()
    }
}

/// Returns the number of the first record of the journal in this directory that a forwarder still needs: no record from there
/// on may be removed. None where there is no forwarder. Every cursor that is there counts, whether its forwarder is
/// configured or not: whoever takes a forwarder away removes its cursor.
///
/// # Errors
/// A cursor that cannot be read: then nothing may be removed.
pub(crate) fn lowest(journal: &Path) -> Result<Option<u64>, CursorError> {
    let directory = directory(journal);
    let disk = |source| CursorError::Disk { file: directory.display().to_string(), source };
    let mut lowest: Option<u64> = None;
    for name in names(journal).map_err(disk)? {
        let path = directory.join(&name);
        let written = read(&path)?.as_ref().and_then(cursor);
        let cursor = written.ok_or_else(|| CursorError::Malformed { file: path.display().to_string() })?;
        lowest = Some(lowest.map_or(cursor.from, |lowest| lowest.min(cursor.from)));
    }
    Ok(lowest)
}

/// Returns the names of the cursors that are there.
pub(super) fn names(journal: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory(journal)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn directory(journal: &Path) -> PathBuf {
    journal.join("forward")
}

fn read(path: &Path) -> Result<Option<Written>, CursorError> {
    let file = || path.display().to_string();
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CursorError::Disk { file: file(), source }),
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| CursorError::Malformed { file: file() }),
    }
}

/// Returns none for what no forwarder writes.
fn cursor(written: &Written) -> Option<Cursor> {
    let hash: Hash = written.hash.parse().ok()?;
    let sound = written.v == VERSION && written.from >= 1 && written.from <= written.seq.checked_add(1)?;
    sound.then_some(Cursor { head: Head { seq: written.seq, hash }, from: written.from, begun: written.begun })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("sluis-cursor-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    fn cursor_at(seq: u64, from: u64) -> Cursor {
        Cursor { head: Head { seq, hash: "ab".repeat(32).parse().unwrap() }, from, begun: true }
    }

    #[test]
    fn what_was_kept_is_read_and_only_for_the_same_target() {
        let journal = journal("kept");
        let file = CursorFile::of(&journal, "central", "fhir", "http://127.0.0.1/fhir");
        assert_eq!(file.read().unwrap(), None);
        file.keep(cursor_at(7, 5)).unwrap();
        file.keep(cursor_at(9, 10)).unwrap();
        assert_eq!(file.read().unwrap(), Some(cursor_at(9, 10)));
        for (kind, target) in [("nats", "http://127.0.0.1/fhir"), ("fhir", "http://127.0.0.2/fhir")] {
            let other = CursorFile::of(&journal, "central", kind, target);
            assert!(matches!(other.read(), Err(CursorError::OtherTarget { .. })));
        }
        fs::remove_dir_all(journal).unwrap();
    }

    #[test]
    fn a_file_that_no_forwarder_wrote_is_no_cursor() {
        let journal = journal("none");
        let file = CursorFile::of(&journal, "central", "fhir", "t");
        file.keep(cursor_at(7, 5)).unwrap();
        let path = journal.join("forward/central");
        let good = fs::read_to_string(&path).unwrap();
        for (one, other) in [
            ("\"from\":5", "\"from\":9"),
            ("\"from\":5", "\"from\":0"),
            ("\"v\":1", "\"v\":2"),
            ("\"hash\":\"ab", "\"hash\":\"AB"),
            ("\"seq\":7", "\"seq\":-7"),
            ("\"begun\":true", "\"begun\":true,\"more\":1"),
            ("}", ""),
        ] {
            let bad = good.replacen(one, other, 1);
            assert_ne!(bad, good);
            fs::write(&path, bad).unwrap();
            assert!(matches!(file.read(), Err(CursorError::Malformed { .. })), "{other}");
            assert!(lowest(&journal).is_err());
        }
        fs::remove_dir_all(journal).unwrap();
    }

    #[test]
    fn the_lowest_cursor_is_that_of_the_forwarder_that_needs_most() {
        let journal = journal("lowest");
        assert_eq!(lowest(&journal).unwrap(), None);
        CursorFile::of(&journal, "one", "fhir", "t").keep(cursor_at(70, 65)).unwrap();
        CursorFile::of(&journal, "two", "fhir", "u").keep(cursor_at(90, 91)).unwrap();
        assert_eq!(lowest(&journal).unwrap(), Some(65));
        assert_eq!(names(&journal).unwrap(), ["one", "two"]);
        fs::remove_dir_all(journal).unwrap();
    }
}
