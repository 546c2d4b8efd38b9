//! Seal: identifiers that are a function of content; those of a person's data cannot be made without the key.

use sha2::{Digest, Sha256};

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// The key of what is no secret: who makes a document, and for which record.
pub(super) const OPEN: [u8; 32] = [0; 32];

/// Returns a UUID of `content`, as a URN; `of` keeps identifiers of different things apart.
pub(super) fn urn(key: &[u8; 32], of: &str, content: &[&[u8]]) -> String {
    let mut digest = hmac(key, of, content);
    // RFC 9562, 5.8: version 8, whose bits are the maker's own, and the variant.
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut digest;
    *version = 0x80 | (*version & 0x0f);
    *variant = 0x80 | (*variant & 0x3f);
    let mut urn = "urn:uuid:".to_owned();
    for (at, byte) in digest.iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            urn.push('-');
        }
        urn.push_str(&format!("{byte:02x}"));
    }
    urn
}

/// HMAC-SHA-256 (RFC 2104). Each part goes in behind its length, so that no border between parts can be moved.
fn hmac(key: &[u8; 32], of: &str, content: &[&[u8]]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; BLOCK];
        block.iter_mut().zip(key).for_each(|(place, byte)| *place ^= byte);
        block
    };
    let mut inner = Sha256::new();
    inner.update(pad(0x36));
    for part in std::iter::once(of.as_bytes()).chain(content.iter().copied()) {
        inner.update(part.len().to_be_bytes());
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(pad(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_of_content_and_key_and_nothing_else() {
        let one = urn(&[1; 32], "document", &[b"a", b"b"]);
        assert_eq!(one, urn(&[1; 32], "document", &[b"a", b"b"]));
        for other in [
            urn(&[2; 32], "document", &[b"a", b"b"]),
            urn(&[1; 32], "author", &[b"a", b"b"]),
            urn(&[1; 32], "document", &[b"ab"]),
            urn(&[1; 32], "document", &[b"a", b"c"]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn an_identifier_is_a_uuid_of_the_makers_own_version() {
        let urn = urn(&[7; 32], "document", &[]);
        let groups: Vec<_> = urn.strip_prefix("urn:uuid:").unwrap().split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(urn.chars().nth(23), Some('8'));
        assert!(urn.chars().nth(28).is_some_and(|variant| "89ab".contains(variant)));
    }

    #[cfg(feature = "gateway")]
    #[test]
    fn the_keyed_hash_is_hmac() {
        let openssl = {
            use openssl::hash::MessageDigest;
            use openssl::pkey::PKey;
            use openssl::sign::Signer;
            let key = PKey::hmac(&[7; 32]).unwrap();
            let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
            signer.update(&[0, 0, 0, 0, 0, 0, 0, 1, b'd', 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b']).unwrap();
            signer.sign_to_vec().unwrap()
        };
        assert_eq!(hmac(&[7; 32], "d", &[b"ab"]).to_vec(), openssl);
    }
}
