//! DER (X.690) taken apart: tags of one byte, the shortest length, nothing behind.

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const IA5: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed: otherName, and the value inside one.
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_3: u8 = 0xa3;

/// Returns the content of the only element of `input`, which has this tag.
pub(super) fn whole(input: &[u8], expected: u8) -> Option<&[u8]> {
    let (tag, content, rest) = element(input)?;
    (tag == expected && rest.is_empty()).then_some(content)
}

/// Returns every element of `input`: its tag and its content.
pub(super) fn all(mut input: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut elements = Vec::new();
    while !input.is_empty() {
        let (tag, content, rest) = element(input)?;
        elements.push((tag, content));
        input = rest;
    }
    Some(elements)
}

/// Splits off one element: tag, content, what follows.
pub(super) fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = input.split_first_chunk::<2>()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk::<1>()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (&length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(length)), rest)
        }
        // 64 KiB and more is longer than any certificate that is read.
        _ => return None,
    };
    let shortest = match first {
        0x81 => length >= 0x80,
        0x82 => length >= 0x100,
        _ => true,
    };
    if !shortest {
        return None;
    }
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// Returns true if and only if this is the content of an OBJECT IDENTIFIER: arcs that begin with no zero and end (8.19).
pub(super) fn is_oid(content: &[u8]) -> bool {
    let mut begins = true;
    for byte in content {
        if begins && *byte == 0x80 {
            return false;
        }
        begins = byte & 0x80 == 0;
    }
    begins && !content.is_empty()
}

/// Returns true if and only if this is a string of a kind that the register writes, of its characters alone.
pub(super) fn is_string(tag: u8, content: &[u8]) -> bool {
    match tag {
        UTF8 => std::str::from_utf8(content).is_ok(),
        PRINTABLE => content.iter().all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte)),
        IA5 => content.is_ascii(),
        _ => false,
    }
}
