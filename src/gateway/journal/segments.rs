//! Finding and reading the segments of a journal.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::audit::Ending;
use crate::limits;

/// A file of the journal.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) name: String,
    path: PathBuf,
}

/// What lies in the directory of a journal.
pub(crate) struct Listing {
    /// The segments in their order.
    pub(crate) segments: Vec<Segment>,
    /// Names that end like those of segments and are none.
    pub(crate) strangers: Vec<String>,
}

/// Returns the name of the segment of that number.
pub(crate) fn name_of(number: u64) -> String {
    format!("{number:06}.jsonl")
}

/// Lists the segments in `directory`.
pub(crate) fn list(directory: &Path) -> io::Result<Listing> {
    let mut listing = Listing { segments: Vec::new(), strangers: Vec::new() };
    for file in std::fs::read_dir(directory)? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(digits) = name.strip_suffix(".jsonl") else { continue };
        match digits.parse().ok().filter(|number| name_of(*number) == name) {
            Some(number) => listing.segments.push(Segment { number, name, path: file.path() }),
            None => listing.strangers.push(name),
        }
    }
    listing.segments.sort_by_key(|segment| segment.number);
    listing.strangers.sort();
    Ok(listing)
}

/// What tells a file from what it was: its inode, its length, and when it was written and changed. Whoever writes to it
/// changes the last, which no program can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark([u64; 6]);

impl Mark {
    /// Looks at a file.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
        let [written, written_nanos, changed, changed_nanos] = times.map(i64::cast_unsigned);
        Ok(Self([metadata.ino(), metadata.len(), written, written_nanos, changed, changed_nanos]))
    }

    pub(crate) fn numbers(self) -> [u64; 6] {
        self.0
    }

    pub(crate) fn from_numbers(numbers: [u64; 6]) -> Self {
        Self(numbers)
    }
}

impl Segment {
    /// Looks at the file.
    pub(crate) fn mark(&self) -> io::Result<Mark> {
        Mark::of(&self.path)
    }

    /// Opens the file to read in it.
    pub(crate) fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Reads the lines one by one, without their ends. A line beyond the bound is given in pieces, none of which is a
    /// record.
    pub(crate) fn each_line(&self, mut read: impl FnMut(&[u8], Ending)) -> io::Result<()> {
        let mut file = BufReader::with_capacity(256 * 1024, File::open(&self.path)?);
        let bound = u64::try_from(limits::RECORD_BYTES).unwrap_or(u64::MAX);
        let mut line = Vec::new();
        loop {
            line.clear();
            file.by_ref().take(bound).read_until(b'\n', &mut line)?;
            match line.strip_suffix(b"\n") {
                Some(line) => read(line, Ending::Newline),
                None if line.is_empty() => return Ok(()),
                None if line.len() >= limits::RECORD_BYTES => read(&line, Ending::Newline),
                None => read(&line, Ending::File),
            }
        }
    }
}
