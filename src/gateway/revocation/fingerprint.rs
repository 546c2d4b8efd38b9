//! Telling whether files changed, without reading them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What tells a file from what stood there before. The inode and its change time are part of it: a file that is put in
/// place by renaming, or a directory behind a symbolic link that is swapped, may keep length and modification time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Names and marks of files at one moment. Equal ones mean that nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Fingerprint(BTreeMap<PathBuf, Option<Mark>>);

impl Fingerprint {
    /// Looks at files, and at every file in directories, not at what is in directories below. What cannot be looked at is
    /// marked as such.
    pub(in crate::gateway) fn of<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let mut marks = BTreeMap::new();
        for path in paths {
            let entries = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
            // What stands in a directory below is no file of this one, and neither is what becomes of it.
            let entries = entries.filter(|entry| !entry.is_dir());
            for path in entries.chain([path.clone()]) {
                let mark = mark(&path);
                marks.insert(path, mark);
            }
        }
        Self(marks)
    }
}

fn mark(path: &Path) -> Option<Mark> {
    fs::metadata(path).ok().as_ref().map(Mark::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("sluis-fingerprint-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        directory
    }

    #[test]
    fn the_same_files_have_the_same_fingerprint() {
        let directory = directory("same");
        fs::write(directory.join("a.pem"), "a").unwrap();
        assert_eq!(Fingerprint::of([&directory]), Fingerprint::of([&directory]));
    }

    #[test]
    fn a_file_replaced_by_one_of_the_same_length_is_seen() {
        let directory = directory("replaced");
        fs::write(directory.join("a.pem"), "a").unwrap();
        let before = Fingerprint::of([&directory]);
        fs::write(directory.join("b"), "b").unwrap();
        fs::rename(directory.join("b"), directory.join("a.pem")).unwrap();
        assert_ne!(Fingerprint::of([&directory]), before);
    }

    #[test]
    fn what_changes_in_a_directory_below_is_none_of_its_files() {
        let directory = directory("below");
        fs::create_dir_all(directory.join("seen")).unwrap();
        let before = Fingerprint::of([&directory]);
        fs::write(directory.join("seen/a"), "a").unwrap();
        assert_eq!(Fingerprint::of([&directory]), before);
    }

    #[test]
    fn a_file_that_goes_away_is_seen() {
        let directory = directory("gone");
        let file = directory.join("a.pem");
        fs::write(&file, "a").unwrap();
        let before = Fingerprint::of([&file]);
        fs::remove_file(&file).unwrap();
        assert_ne!(Fingerprint::of([&file]), before);
    }
}
