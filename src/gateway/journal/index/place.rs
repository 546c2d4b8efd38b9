//! Places: where a line stands in a journal, and how the index writes that.

use time::OffsetDateTime;

use super::Name;
use crate::audit::{Entry, Hash};

/// Where one line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// The beginning of the hash of the line.
    pub(super) hash: u64,
}

impl Place {
    pub(super) const BYTES: usize = 40;

    /// Returns true if and only if this is the line that is meant.
    pub(super) fn is_of(&self, entry: &Entry) -> bool {
        self.seq == entry.seq && self.hash == beginning(entry.hash)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for number in [self.seq, self.segment, self.offset, self.length, self.hash] {
            out.extend_from_slice(&number.to_be_bytes());
        }
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut number = || number(bytes);
        Some(Self { seq: number()?, segment: number()?, offset: number()?, length: number()?, hash: number()? })
    }
}

pub(super) fn beginning(hash: Hash) -> u64 {
    hash.bytes().first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// Takes a number off the front of `bytes`.
pub(super) fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*number))
}

/// A moment in microseconds, as records have it; what could not be written is before and behind all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) i64);

impl Moment {
    pub(super) const FIRST: Self = Self(i64::MIN);
    pub(super) const LAST: Self = Self(i64::MAX);

    /// The microsecond that the moment is in.
    pub(super) fn of(moment: OffsetDateTime) -> Self {
        let micros = moment.unix_timestamp_nanos().div_euclid(1_000);
        Self(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Returns bytes that are in the order of the moments.
    fn bytes(self) -> [u8; 8] {
        (self.0 ^ i64::MIN).to_be_bytes()
    }

    fn read(number: u64) -> Self {
        Self(i64::from_be_bytes(number.to_be_bytes()) ^ i64::MIN)
    }
}

/// Where an access, or an event, stands in the journal: its closing record last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) began: Moment,
    pub(super) places: Vec<Place>,
}

impl Row {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.places.len() * Place::BYTES);
        out.extend_from_slice(&self.began.bytes());
        self.places.iter().for_each(|place| place.write(&mut out));
        out
    }

    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let began = Moment::read(number(&mut bytes)?);
        Some(Self { began, places: places(bytes)? })
    }
}

fn places(mut bytes: &[u8]) -> Option<Vec<Place>> {
    let mut places = Vec::with_capacity(bytes.len() / Place::BYTES);
    while !bytes.is_empty() {
        places.push(Place::read(&mut bytes)?);
    }
    Some(places)
}

/// The key of a row: whom it is about, when it was over, and the number of its last line.
pub(super) fn key(name: &Name, ended: Moment, seq: u64) -> Vec<u8> {
    [name.as_slice(), &ended.bytes(), &seq.to_be_bytes()].concat()
}

/// An intent that nothing closes as far as the index goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) place: Place,
    pub(super) began: Option<Moment>,
    pub(super) names: Vec<Name>,
}

impl Open {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.place.write(&mut out);
        // What could not be written may have been at any time.
        out.extend_from_slice(&self.began.unwrap_or(Moment::FIRST).bytes());
        self.names.iter().for_each(|name| out.extend_from_slice(name));
        out
    }

    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let place = Place::read(&mut bytes)?;
        let began = Moment::read(number(&mut bytes)?);
        let mut names = Vec::new();
        while !bytes.is_empty() {
            let (name, rest) = bytes.split_first_chunk()?;
            names.push(*name);
            bytes = rest;
        }
        Some(Self { place, began: (began != Moment::FIRST).then_some(began), names })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> impl Strategy<Value = Place> {
        (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>())
            .prop_map(|(seq, segment, offset, length, hash)| Place { seq, segment, offset, length, hash })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            began in any::<i64>(),
            places in prop::collection::vec(place(), 0..4),
            names in prop::collection::vec(any::<[u8; 16]>(), 0..4),
        ) {
            let row = Row { began: Moment(began), places: places.clone() };
            prop_assert_eq!(Row::read(&row.to_bytes()), Some(row.clone()));
            prop_assert_eq!(Row::read(&[row.to_bytes(), vec![0]].concat()), None);
            for place in places {
                let began = (began != i64::MIN).then_some(Moment(began));
                let open = Open { place, began, names: names.clone() };
                prop_assert_eq!(Open::read(&open.to_bytes()), Some(open));
            }
        }

        #[test]
        fn keys_are_in_the_order_of_the_moments(one in any::<i64>(), other in any::<i64>()) {
            let key = |moment| key(&[7; 16], Moment(moment), 0);
            prop_assert_eq!(key(one).cmp(&key(other)), one.cmp(&other));
        }
    }
}
