//! The files of the journal.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::JournalError;
use super::segments;
use crate::gateway::config::Durability;

/// What the writer needs of a disk; tests plant failures here.
pub(super) trait Disk: Send {
    /// Adds bytes to the segment.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Waits until all that was written is durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Goes on to the next segment.
    fn turn(&mut self) -> io::Result<()>;
    /// Returns how long the segment is.
    fn length(&self) -> u64;
}

/// A journal's directory that no other process writes to.
pub(super) struct Locked {
    path: PathBuf,
    /// The lock holds as long as the file is open.
    _lock: File,
}

/// A journal's directory with a segment that is written to.
pub(super) struct Directory {
    locked: Locked,
    segment: File,
    number: u64,
    length: u64,
    durability: Durability,
}

impl Directory {
    /// Has records wait for what the configuration says.
    pub(super) fn keeping(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Makes the directory if it is not there, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Locked, JournalError> {
        make(path).map_err(|source| JournalError::Disk { doing: "make the directory of the journal", source })?;
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"));
        let lock =
            opened.map_err(|source| JournalError::Disk { doing: "write to the directory of the journal", source })?;
        match lock.try_lock() {
            Ok(()) => Ok(Locked { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse),
            Err(TryLockError::Error(source)) => Err(JournalError::Disk { doing: "lock the journal", source }),
        }
    }
}

impl Locked {
    /// Opens the segment of that number and cuts it to that length; begins the first where there is none.
    pub(super) fn resume(self, at: Option<(u64, u64)>) -> Result<Directory, JournalError> {
        let resumed = match at {
            Some((number, length)) => open(&self.path, number, length).map(|segment| (segment, number, length)),
            None => begin(&self.path, 1).map(|segment| (segment, 1, 0)),
        };
        let (segment, number, length) =
            resumed.map_err(|source| JournalError::Disk { doing: "open a segment of the journal", source })?;
        Ok(Directory { locked: self, segment, number, length, durability: Durability::Group })
    }
}

impl Disk for Directory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.segment.write_all(bytes)?;
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.durability {
            Durability::Group => self.segment.sync_data(),
            Durability::None => Ok(()),
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        self.number += 1;
        self.segment = begin(&self.locked.path, self.number)?;
        self.length = 0;
        Ok(())
    }

    fn length(&self) -> u64 {
        self.length
    }
}

/// The name of a directory is durable when the one above it is.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    File::open(directory.join(".."))?.sync_all()
}

fn open(directory: &Path, number: u64, length: u64) -> io::Result<File> {
    let file = OpenOptions::new().append(true).open(directory.join(segments::name_of(number)))?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.set_len(length)?;
    file.sync_all()?;
    Ok(file)
}

/// The name of a file is durable when its directory is.
fn begin(directory: &Path, number: u64) -> io::Result<File> {
    let path = directory.join(segments::name_of(number));
    let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn directory(name: &str) -> (PathBuf, Directory) {
        let path = std::env::temp_dir().join(format!("sluis-disk-{}-{name}", std::process::id()));
        let directory = Directory::lock(&path).unwrap().resume(None).unwrap();
        (path, directory)
    }

    #[test]
    fn a_segment_is_made_anew_and_never_written_over() {
        let (path, mut directory) = directory("anew");
        fs::write(path.join("000002.jsonl"), "kept").unwrap();
        assert_eq!(directory.turn().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(path.join("000002.jsonl")).unwrap(), b"kept");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_full_device_is_an_error_of_the_write() {
        let (path, mut directory) = directory("full");
        assert!(directory.write(b"{}\n").is_ok());
        directory.segment = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(directory.write(b"{}\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        fs::remove_dir_all(path).unwrap();
    }
}
