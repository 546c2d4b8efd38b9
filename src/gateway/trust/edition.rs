//! Editions: which CRL of an issuer was the last one seen, so that none before it comes back.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{CrlError, TrustError};
use crate::gateway::fetching;

/// How far the clock of the register may be ahead of ours.
pub(in crate::gateway) const SKEW: Duration = Duration::minutes(5);

/// Where a CRL stands among those of its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Edition {
    /// CRLNumber (RFC 5280, 5.2.3), without leading zeros.
    pub(super) number: Option<Vec<u8>>,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
}

impl Edition {
    /// Returns true if and only if this one was published before the other: by number, where both have one, or by time.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        is_before((self.number.as_deref(), self.this_update), (other.number.as_deref(), other.this_update))
    }

    /// Returns true if and only if OpenSSL might take this one though the other is newer: it knows no numbers, and takes what
    /// holds before what has ended.
    pub(super) fn may_overtake(&self, newest: &Self) -> bool {
        self.is_before(newest) && (self.this_update >= newest.this_update || self.next_update > newest.next_update)
    }

    /// Checks that the moment is inside the time that it holds.
    pub(super) fn holds_at(&self, now: OffsetDateTime) -> Result<(), CrlError> {
        if self.this_update > now + SKEW {
            return Err(CrlError::NotYet);
        }
        if self.next_update <= now {
            return Err(CrlError::Ended);
        }
        Ok(())
    }
}

fn is_before(own: (Option<&[u8]>, OffsetDateTime), other: (Option<&[u8]>, OffsetDateTime)) -> bool {
    let by_number = match (own.0, other.0) {
        (Some(own), Some(other)) => (own.len(), own) < (other.len(), other),
        (_, _) => false,
    };
    by_number || own.1 < other.1
}

/// The last edition seen of each series of CRLs, whether or not its file is still there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Editions(BTreeMap<String, Mark>);

/// An edition as it stands on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    /// CRLNumber in hexadecimal, big end first.
    number: Option<String>,
    /// thisUpdate, in seconds since 1970.
    this_update: i64,
}

impl Mark {
    fn of(edition: &Edition) -> Self {
        let hex = |number: &Vec<u8>| number.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { number: edition.number.as_ref().map(hex), this_update: edition.this_update.unix_timestamp() }
    }

    /// Compares as [`Edition::is_before`] does: hexadecimal of one length is in the order of its bytes.
    fn is_before(&self, other: &Self) -> bool {
        let number = |mark: &Self| mark.number.clone().map(String::into_bytes);
        let moment = |mark: &Self| OffsetDateTime::from_unix_timestamp(mark.this_update);
        let (Ok(own), Ok(others)) = (moment(self), moment(other)) else { return self.this_update < other.this_update };
        is_before((number(self).as_deref(), own), (number(other).as_deref(), others))
    }
}

impl Editions {
    /// Reads what was noted before; nothing where there is no file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read: what it holds would be forgotten.
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(TrustError::Unreadable { path: path.to_owned(), kind: error.kind() }),
        };
        let noted = serde_json::from_slice(&bytes);
        noted.map(Self).map_err(|_| TrustError::Notes { path: path.to_owned() })
    }

    /// Writes it in one step, into a directory that is made if it is not there.
    ///
    /// # Errors
    ///
    /// When the disk does not take it.
    pub(in crate::gateway) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let text = serde_json::to_vec(&self.0).map_err(io::Error::other)?;
        fetching::keep(path, &text)
    }

    /// Returns true if and only if a later edition of this series was seen.
    pub(super) fn are_beyond(&self, series: &str, edition: &Edition) -> bool {
        self.0.get(series).is_some_and(|seen| Mark::of(edition).is_before(seen))
    }

    /// Notes an edition; one before what was seen changes nothing.
    pub(super) fn note(&mut self, series: &str, edition: &Edition) {
        self.mark(series, Mark::of(edition));
    }

    /// Notes what others saw.
    pub(in crate::gateway) fn extend(&mut self, others: &Self) {
        others.0.iter().for_each(|(series, mark)| self.mark(series, mark.clone()));
    }

    fn mark(&mut self, series: &str, mark: Mark) {
        match self.0.get_mut(series) {
            Some(seen) if mark.is_before(seen) => {}
            Some(seen) => *seen = mark,
            None => drop(self.0.insert(series.to_owned(), mark)),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn edition(number: Option<&[u8]>, hour: i64) -> Edition {
        let this_update = datetime!(2026-03-01 12:00 UTC) + Duration::hours(hour);
        Edition { number: number.map(<[u8]>::to_vec), this_update, next_update: this_update + Duration::days(2) }
    }

    #[test]
    fn an_edition_is_before_another_by_its_number_or_its_time() {
        let before = |one: &Edition, other: &Edition| {
            let by_mark = Mark::of(one).is_before(&Mark::of(other));
            assert_eq!(one.is_before(other), by_mark, "{one:?} {other:?}");
            by_mark
        };
        let (low, high) = (edition(Some(&[0xff]), 0), edition(Some(&[0x01, 0x00]), 0));
        assert!(before(&low, &high) && !before(&high, &low));
        assert!(!before(&low, &low));
        assert!(before(&edition(Some(&[5]), 0), &edition(Some(&[5]), 1)));
        assert!(before(&edition(Some(&[6]), 0), &edition(Some(&[5]), 1)));
        assert!(before(&edition(None, 0), &edition(Some(&[5]), 1)));
        assert!(!before(&edition(None, 1), &edition(Some(&[5]), 1)));
    }

    #[test]
    fn an_older_edition_is_harmless_where_it_began_and_ends_before_the_newest() {
        let newest = edition(Some(&[5]), 1);
        assert!(!newest.may_overtake(&newest));
        assert!(!edition(Some(&[4]), 0).may_overtake(&newest));
        assert!(edition(Some(&[4]), 1).may_overtake(&newest));
        let long = Edition { next_update: newest.next_update + Duration::SECOND, ..edition(Some(&[4]), 0) };
        assert!(long.may_overtake(&newest));
    }

    #[test]
    fn what_was_seen_outlives_a_restart() {
        let directory = std::env::temp_dir().join(format!("sluis-editions-{}", std::process::id()));
        let path = directory.join("seen/editions.json");
        assert_eq!(Editions::read(&path).unwrap(), Editions::default());
        let mut seen = Editions::default();
        seen.note("z", &edition(Some(&[1, 0]), 5));
        seen.note("z", &edition(Some(&[0xff]), 6));
        seen.note("n", &edition(None, 5));
        seen.write(&path).unwrap();
        let read = Editions::read(&path).unwrap();
        assert_eq!(read, seen);
        for (series, edition, beyond) in [
            ("z", edition(Some(&[1, 0]), 5), false),
            ("z", edition(Some(&[1, 1]), 6), false),
            ("z", edition(Some(&[0xff]), 7), true),
            ("n", edition(None, 4), true),
            ("n", edition(Some(&[1]), 5), false),
            ("m", edition(None, 0), false),
        ] {
            assert_eq!(read.are_beyond(series, &edition), beyond, "{series} {edition:?}");
        }
        std::fs::write(&path, "{\"z\": {}}").unwrap();
        assert!(matches!(Editions::read(&path), Err(TrustError::Notes { .. })));
        std::fs::remove_dir_all(directory).unwrap();
    }
}
