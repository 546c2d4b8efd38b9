//! Ids of AuditEvents: the same record makes the same ones.

use sha2::{Digest as _, Sha256};

use crate::audit::Hash;

/// Returns an id in the form of a UUID (version 8, RFC 9562) of the record with that hash.
pub(super) fn of(record: Hash, label: &str, index: usize) -> String {
    let digest = Sha256::digest(format!("{record} {label} {index}"));
    let mut digits: Vec<char> = Vec::with_capacity(36);
    for (at, byte) in digest.iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            digits.push('-');
        }
        let byte = match at {
            6 => 0x80 | (byte & 0x0f),
            8 => 0x80 | (byte & 0x3f),
            _ => *byte,
        };
        digits.extend([byte >> 4, byte & 0xf].iter().filter_map(|nibble| char::from_digit(u32::from(*nibble), 16)));
    }
    digits.into_iter().collect()
}
