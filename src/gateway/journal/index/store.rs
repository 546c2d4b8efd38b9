//! The file of the index: a redb database of four tables.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redb::{Builder, Database, ReadOnlyDatabase, ReadableDatabase, ReadableTable, TableDefinition};

use super::place::{Moment, Open, Row, key};
use super::{Index, IndexError, Name};
use crate::audit::{Hash, Head};
use crate::gateway::journal::segments::Mark;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SEGMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("segments");
const ACCESSES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("accesses");
const OPEN: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("open");

/// What the tables hold; another program may write others.
const FORMAT: &[u8] = b"1";

/// Pages that are held in memory.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// How long whoever reads waits for whoever writes: a segment is taken in well before.
const PATIENCE: Duration = Duration::from_secs(5);

/// One use of the file at a time in this process; others are kept out by a lock on the file.
static USE: Mutex<()> = Mutex::new(());

/// A segment as it was when it was indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) mark: Mark,
    pub(super) last: Head,
}

impl Indexed {
    fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::new();
        self.mark.numbers().iter().for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
        out.extend_from_slice(&self.last.seq.to_be_bytes());
        out.extend_from_slice(self.last.hash.bytes());
        out
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut number = || {
            let (number, rest) = bytes.split_first_chunk()?;
            bytes = rest;
            Some(u64::from_be_bytes(*number))
        };
        let mark = [number()?, number()?, number()?, number()?, number()?, number()?];
        let seq = number()?;
        let hash = <[u8; 32]>::try_from(bytes).ok()?;
        Some(Self { mark: Mark::from_numbers(mark), last: Head { seq, hash: Hash::from(hash) } })
    }
}

/// What one segment adds.
#[derive(Default)]
pub(super) struct Taken {
    /// By their keys.
    pub(super) rows: BTreeMap<Vec<u8>, Row>,
    /// What is open behind it, by the number of the intent.
    pub(super) open: BTreeMap<u64, Open>,
    /// How long the longest access lasted, in microseconds.
    pub(super) longest: u64,
}

/// What is read of an index about somebody.
pub(super) struct Found {
    pub(super) segments: BTreeMap<u64, Indexed>,
    pub(super) rows: Vec<Row>,
    pub(super) open: Vec<Open>,
}

/// Returns the directory of the keys that the index in `file` was made with.
pub(super) fn keys_of(file: &Path) -> Result<PathBuf, IndexError> {
    reading(file, |database| {
        let meta = database.begin_read()?.open_table(META)?;
        let keys = meta.get("keys")?.map(|keys| keys.value().to_owned());
        Ok(keys.map(|keys| PathBuf::from(std::ffi::OsString::from_vec(keys))))
    })?
    .ok_or(IndexError::Unreadable)
}

/// Reads what the index says of whoever has that name, of accesses that were over at `from` or later and had begun at `to`.
pub(super) fn find(index: &Index, name: &Name, from: Moment, to: Moment) -> Result<Found, IndexError> {
    let check = index.check()?;
    let (is_ours, found) = reading(&index.file(), |database| {
        let transaction = database.begin_read()?;
        let meta = transaction.open_table(META)?;
        if !is_of(&check, &meta)? {
            return Ok((false, None));
        }
        let longest = longest(&meta)?;
        let accesses = transaction.open_table(ACCESSES)?;
        let until = Moment(to.0.saturating_add_unsigned(longest));
        let mut rows = Vec::new();
        let mut whole = true;
        // What lasted longest may be over so much later than what is asked for; what is over at no known time stands last.
        let timeless = (until < Moment::LAST).then_some((Moment::LAST, Moment::LAST));
        for (from, until) in std::iter::once((from, until)).chain(timeless).filter(|(from, until)| from <= until) {
            let (from, until) = (key(name, from, 0), key(name, until, u64::MAX));
            for entry in accesses.range(from.as_slice()..=until.as_slice())? {
                match Row::read(entry?.1.value()) {
                    Some(row) if row.began <= to => rows.push(row),
                    Some(_) => {}
                    None => whole = false,
                }
            }
        }
        let segments = segments_in(&transaction.open_table(SEGMENTS)?)?;
        let open = open_in(&transaction.open_table(OPEN)?)?;
        let found = match (whole, segments, open) {
            (true, Some(segments), Some(open)) => Some(Found { segments, rows, open: open.into_values().collect() }),
            _ => None,
        };
        Ok((true, found))
    })?;
    match (is_ours, found) {
        (false, _) => Err(IndexError::OtherKey),
        (true, None) => Err(IndexError::Unreadable),
        (true, Some(found)) => Ok(found),
    }
}

/// Removes an index that nobody uses.
pub(super) fn remove(file: &Path) -> Result<(), IndexError> {
    let _alone = USE.lock().unwrap_or_else(PoisonError::into_inner);
    match guarded(|| Ok(builder().open(file)?)).map(drop) {
        Err(IndexError::InUse) => Err(IndexError::InUse),
        Ok(()) | Err(_) => discard(file),
    }
}

/// An index that is written to.
pub(super) struct Writing {
    database: Database,
    _alone: std::sync::MutexGuard<'static, ()>,
}

impl Writing {
    /// Opens the index, and makes it anew where there is none that can be used; returns why, where it was.
    pub(super) fn open(index: &Index) -> Result<(Self, Option<IndexError>), IndexError> {
        let (file, check) = (index.file(), index.check()?);
        let alone = USE.lock().unwrap_or_else(PoisonError::into_inner);
        let why = match guarded(|| Ok(builder().open(&file)?)) {
            Ok(database) => {
                let ours = guarded(|| is_of(&check, &database.begin_read()?.open_table(META)?));
                match ours {
                    Ok(true) => return Ok((Self { database, _alone: alone }, None)),
                    Ok(false) => IndexError::OtherKey,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        if matches!(why, IndexError::InUse) {
            return Err(why);
        }
        discard(&file)?;
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        made.map_err(super::disk("make the index"))?;
        let database = guarded(|| {
            let database = builder().create(&file)?;
            let transaction = database.begin_write()?;
            {
                let mut meta = transaction.open_table(META)?;
                meta.insert("format", FORMAT)?;
                meta.insert("keys", index.keys.as_os_str().as_bytes())?;
                meta.insert("check", check.as_slice())?;
                transaction.open_table(SEGMENTS)?;
                transaction.open_table(ACCESSES)?;
                transaction.open_table(OPEN)?;
            }
            transaction.commit()?;
            Ok(database)
        })?;
        Ok((Self { database, _alone: alone }, Some(why)))
    }

    /// Removes the index: the next that opens it makes it anew.
    pub(super) fn remove(self, index: &Index) -> Result<(), IndexError> {
        drop(self.database);
        discard(&index.file())
    }

    pub(super) fn segments(&self) -> Result<BTreeMap<u64, Indexed>, IndexError> {
        let read = guarded(|| segments_in(&self.database.begin_read()?.open_table(SEGMENTS)?))?;
        read.ok_or(IndexError::Unreadable)
    }

    pub(super) fn open_intents(&self) -> Result<BTreeMap<u64, Open>, IndexError> {
        let read = guarded(|| open_in(&self.database.begin_read()?.open_table(OPEN)?))?;
        read.ok_or(IndexError::Unreadable)
    }

    /// Adds a segment and what it tells, all of it or nothing.
    pub(super) fn add(&self, number: u64, indexed: Indexed, taken: &Taken) -> Result<(), IndexError> {
        guarded(|| {
            let transaction = self.database.begin_write()?;
            {
                let mut meta = transaction.open_table(META)?;
                let longest = longest(&meta)?.max(taken.longest);
                meta.insert("longest", longest.to_be_bytes().as_slice())?;
                transaction.open_table(SEGMENTS)?.insert(number, indexed.to_bytes().as_slice())?;
                let mut accesses = transaction.open_table(ACCESSES)?;
                for (key, row) in &taken.rows {
                    accesses.insert(key.as_slice(), row.to_bytes().as_slice())?;
                }
                let mut open = transaction.open_table(OPEN)?;
                open.retain(|_, _| false)?;
                for (seq, intent) in &taken.open {
                    open.insert(seq, intent.to_bytes().as_slice())?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// Notes that a segment was verified as it is.
    pub(super) fn note(&self, number: u64, indexed: Indexed) -> Result<(), IndexError> {
        guarded(|| {
            let transaction = self.database.begin_write()?;
            transaction.open_table(SEGMENTS)?.insert(number, indexed.to_bytes().as_slice())?;
            Ok(transaction.commit()?)
        })
    }

    /// Forgets the segments before one, and what ended in them.
    pub(super) fn forget_before(&self, first: u64) -> Result<(), IndexError> {
        let ended_before = |bytes: &[u8]| {
            let last = Row::read(bytes).and_then(|row| row.places.last().map(|place| place.segment));
            last.is_none_or(|segment| segment < first)
        };
        guarded(|| {
            let transaction = self.database.begin_write()?;
            transaction.open_table(SEGMENTS)?.retain(|number, _| number >= first)?;
            transaction.open_table(ACCESSES)?.retain(|_, bytes| !ended_before(bytes))?;
            Ok(transaction.commit()?)
        })
    }
}

fn discard(file: &Path) -> Result<(), IndexError> {
    match std::fs::remove_file(file) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(IndexError::Disk { doing: "remove the index", source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn reading<T>(file: &Path, read: impl Fn(&ReadOnlyDatabase) -> Result<T, redb::Error>) -> Result<T, IndexError> {
    let _alone = USE.lock().unwrap_or_else(PoisonError::into_inner);
    let until = Instant::now() + PATIENCE;
    loop {
        match guarded(|| read(&builder().open_read_only(file)?)) {
            Err(IndexError::InUse) if Instant::now() < until => sleep(Duration::from_millis(20)),
            ended => return ended,
        }
    }
}

/// A file that was damaged must be made anew, whatever reading it comes to.
fn guarded<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(told(error)),
        Err(_) => Err(IndexError::Unreadable),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the list of another crate, which may grow: the others are faults")]
fn told(error: redb::Error) -> IndexError {
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => IndexError::InUse,
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::NotFound => IndexError::Absent,
        // What is no database is told as invalid data, what is cut short as an end that comes too early.
        redb::Error::Io(error)
            if matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) =>
        {
            IndexError::Unreadable
        }
        redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::RepairAborted
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. } => IndexError::Unreadable,
        other => other.into(),
    }
}

fn is_of(check: &Name, meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<bool, redb::Error> {
    let is =
        |name: &str, expected: &[u8]| Ok::<_, redb::Error>(meta.get(name)?.is_some_and(|is| is.value() == expected));
    Ok(is("format", FORMAT)? && is("check", check)?)
}

fn longest(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<u64, redb::Error> {
    let longest = meta.get("longest")?;
    Ok(longest.and_then(|bytes| bytes.value().first_chunk().copied()).map_or(0, u64::from_be_bytes))
}

fn segments_in(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Option<BTreeMap<u64, Indexed>>, redb::Error> {
    let mut segments = BTreeMap::new();
    for entry in table.iter()? {
        let (number, bytes) = entry?;
        let Some(indexed) = Indexed::read(bytes.value()) else { return Ok(None) };
        segments.insert(number.value(), indexed);
    }
    Ok(Some(segments))
}

fn open_in(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Option<BTreeMap<u64, Open>>, redb::Error> {
    let mut open = BTreeMap::new();
    for entry in table.iter()? {
        let (seq, bytes) = entry?;
        let Some(intent) = Open::read(bytes.value()) else { return Ok(None) };
        open.insert(seq.value(), intent);
    }
    Ok(Some(open))
}
