//! The form of a certificate: DER to the letter, and the frame of RFC 5280 around what is read elsewhere.
//!
//! Readers of certificates differ in what they forgive. What this reading forgives and the caller's or OpenSSL's does not,
//! or the other way around, could be two certificates in one; so nothing is forgiven.

use super::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_3, GENERALIZED_TIME, INTEGER, OBJECT, OCTET_STRING, SEQUENCE, SET, UTC_TIME, all,
    is_oid, is_string, whole,
};

/// `[0]` with the number of version 3.
const VERSION_3: &[u8] = &[INTEGER, 1, 2];
const TRUE: &[u8] = &[0xff];
const BOOLEAN: u8 = 0x01;

/// The extensions whose inside matters: extKeyUsage, keyUsage, basicConstraints, certificatePolicies.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const POLICIES: &[u8] = &[0x55, 0x1d, 0x20];

/// Returns true if and only if the certificate is of the strict form.
pub(super) fn is_strict(der: &[u8]) -> bool {
    certificate(der).is_some()
}

fn certificate(der: &[u8]) -> Option<()> {
    let parts = all(whole(der, SEQUENCE)?)?;
    let [(SEQUENCE, signed), (SEQUENCE, algorithm), (BIT_STRING, _)] = parts.as_slice() else { return None };
    let parts = all(signed)?;
    let [
        (CONTEXT_0, version),
        (INTEGER, _),
        (SEQUENCE, inner),
        (SEQUENCE, issuer),
        (SEQUENCE, validity),
        (SEQUENCE, subject),
        (SEQUENCE, _),
        (CONTEXT_3, extended),
    ] = parts.as_slice()
    else {
        return None;
    };
    // RFC 5280, 4.1.1.2: the algorithm inside what is signed is the one outside.
    if *version != VERSION_3 || inner != algorithm {
        return None;
    }
    name(issuer)?;
    name(subject)?;
    let validity = all(validity)?;
    let [from, until] = validity.as_slice() else { return None };
    moment(*from)?;
    moment(*until)?;
    extensions(whole(extended, SEQUENCE)?)
}

/// RFC 5280, 4.1.2.4.
fn name(content: &[u8]) -> Option<()> {
    for (tag, relative) in all(content)? {
        let attributes = all(relative)?;
        if tag != SET || attributes.is_empty() {
            return None;
        }
        for (tag, attribute) in attributes {
            let parts = all(attribute)?;
            let [(OBJECT, kind), (string, text)] = parts.as_slice() else { return None };
            if tag != SEQUENCE || !is_oid(kind) || !is_string(*string, text) {
                return None;
            }
        }
    }
    Some(())
}

/// RFC 5280, 4.1.2.5: UTCTime until 2049 and GeneralizedTime from 2050, with seconds and in UTC.
fn moment((tag, content): (u8, &[u8])) -> Option<()> {
    let digits = content.strip_suffix(b"Z")?;
    let right = match tag {
        UTC_TIME => digits.len() == 12,
        GENERALIZED_TIME => digits.len() == 14 && digits >= b"2050".as_slice(),
        _ => false,
    };
    (right && digits.iter().all(u8::is_ascii_digit)).then_some(())
}

/// RFC 5280, 4.2: each at most once.
fn extensions(content: &[u8]) -> Option<()> {
    let mut seen: Vec<&[u8]> = Vec::new();
    for (tag, extension) in all(content)? {
        let parts = all(extension)?;
        let (kind, value) = match parts.as_slice() {
            [(OBJECT, kind), (OCTET_STRING, value)] => (*kind, *value),
            // FALSE is the default, which is not written (X.690, 11.5); TRUE is FF (11.1).
            [(OBJECT, kind), (BOOLEAN, TRUE), (OCTET_STRING, value)] => (*kind, *value),
            _ => return None,
        };
        if tag != SEQUENCE || !is_oid(kind) || seen.contains(&kind) {
            return None;
        }
        seen.push(kind);
        let is_right = match kind {
            KEY_USAGE => named_bits(value),
            EXTENDED_KEY_USAGE => all(whole(value, SEQUENCE)?)?.iter().all(|(tag, oid)| *tag == OBJECT && is_oid(oid)),
            POLICIES => policies(whole(value, SEQUENCE)?).is_some(),
            // A leaf says nothing here: FALSE is the default.
            BASIC_CONSTRAINTS => {
                matches!(
                    all(whole(value, SEQUENCE)?)?.as_slice(),
                    [] | [(BOOLEAN, TRUE)] | [(BOOLEAN, TRUE), (INTEGER, _)]
                )
            }
            _ => true,
        };
        if !is_right {
            return None;
        }
    }
    Some(())
}

/// RFC 5280, 4.2.1.4: each policy once, perhaps with qualifiers.
fn policies(content: &[u8]) -> Option<()> {
    let mut seen: Vec<&[u8]> = Vec::new();
    for (tag, policy) in all(content)? {
        let parts = all(policy)?;
        let ([(OBJECT, oid)] | [(OBJECT, oid), (SEQUENCE, _)]) = parts.as_slice() else { return None };
        if tag != SEQUENCE || !is_oid(oid) || seen.contains(oid) {
            return None;
        }
        seen.push(oid);
    }
    Some(())
}

/// X.690, 11.2.2: no zero bits behind the last one.
fn named_bits(value: &[u8]) -> bool {
    match whole(value, BIT_STRING) {
        Some([0]) => true,
        Some([unused, bits @ ..]) => {
            bits.last().is_some_and(|last| *last != 0 && bits.len() <= 2 && u32::from(*unused) == last.trailing_zeros())
        }
        Some([]) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_one_form() {
        let is_one = |tag, text: &str| moment((tag, text.as_bytes())).is_some();
        assert!(is_one(UTC_TIME, "260301120000Z"));
        assert!(is_one(GENERALIZED_TIME, "20610301120000Z"));
        for (tag, text) in [
            (UTC_TIME, "2603011200Z"),
            (UTC_TIME, "260301120000+0100"),
            (UTC_TIME, "260301120000"),
            (GENERALIZED_TIME, "20260301120000Z"),
            (GENERALIZED_TIME, "20610301120000.5Z"),
            (UTC_TIME, "26030112000xZ"),
        ] {
            assert!(!is_one(tag, text), "{text}");
        }
    }

    #[test]
    fn named_bits_end_at_the_last_one() {
        assert!(named_bits(&[3, 2, 7, 0x80]));
        assert!(named_bits(&[3, 2, 5, 0xa0]));
        assert!(named_bits(&[3, 1, 0]));
        for bits in
            [&[3, 2, 0, 0x80][..], &[3, 2, 7, 0], &[3, 3, 0, 0x80, 0], &[3, 0], &[3, 4, 0, 1, 1, 1], &[4, 2, 7, 0x80]]
        {
            assert!(!named_bits(bits), "{bits:02x?}");
        }
    }
}
