//! Page tokens: where a page begins, sealed so that only the caller it was made for can use it, for the same query.
//!
//! A token is AES-256-GCM over how many visible matches to skip, an expiry and a digest of what it is bound to (caller,
//! purpose, query and with it the person). It has the same length always. Whatever is wrong with one, it is not good, and nothing more is
//! said. `fuzz/fuzz_targets/token.rs` compiles this file by itself.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

const NONCE: usize = 12;
const TAG: usize = 16;
const CLAIMS: usize = 8 + 8 + 32;

/// A token that is foreign, expired, tampered with or no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page token is not good")]
pub struct NotGood;

/// What a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding([u8; 32]);

impl Binding {
    /// Binds to the parts, in order.
    #[must_use]
    pub fn to(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // The length first, so that moving a border between two parts makes another binding.
            digest.update(part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        Self(digest.finalize().into())
    }
}

/// The keys of page tokens: the first seals, every one opens.
#[derive(Clone)]
pub struct PageKeys(Vec<[u8; 32]>);

impl std::fmt::Debug for PageKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PageKeys({})", self.0.len())
    }
}

impl PageKeys {
    /// Takes the keys, newest first.
    #[must_use]
    pub fn new(keys: Vec<[u8; 32]>) -> Self {
        Self(keys)
    }

    /// Returns the key of identifiers of documents: made from the one that seals, and of no use to open a token.
    #[must_use]
    pub fn document_key(&self) -> Option<[u8; 32]> {
        let key = self.0.first()?;
        Some(Sha256::digest([b"sluis document identifiers".as_slice(), key].concat()).into())
    }

    /// Returns a keyed hash of `bytes` for one use, by the newest key; none without a key. Each use has a key of its own.
    #[must_use]
    pub fn hash(&self, used_for: &str, bytes: &[u8]) -> Option<Vec<u8>> {
        let key = hmac(self.0.first()?, used_for.as_bytes())?;
        hmac(&key, bytes)
    }

    /// Seals a text for one use.
    ///
    /// # Errors
    /// No key, or no randomness from the system.
    pub fn seal_text(&self, used_for: &str, text: &str) -> Result<String, NotGood> {
        let key = hmac(self.0.first().ok_or(NotGood)?, used_for.as_bytes()).ok_or(NotGood)?;
        let mut nonce = [0; NONCE];
        openssl::rand::rand_bytes(&mut nonce).map_err(|_| NotGood)?;
        let mut tag = [0; TAG];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), &key, Some(&nonce), &[], text.as_bytes(), &mut tag);
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed.map_err(|_| NotGood)?, &tag].concat()))
    }

    /// Opens a text that was sealed for that use.
    ///
    /// # Errors
    /// Any text that is not one of ours.
    pub fn open_text(&self, used_for: &str, token: &str) -> Result<String, NotGood> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| NotGood)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE).ok_or(NotGood)?;
        let length = rest.len().checked_sub(TAG).ok_or(NotGood)?;
        let (sealed, tag) = rest.split_at_checked(length).ok_or(NotGood)?;
        let opened = |key: &[u8; 32]| {
            let key = hmac(key, used_for.as_bytes())?;
            decrypt_aead(Cipher::aes_256_gcm(), &key, Some(nonce), &[], sealed, tag).ok()
        };
        let text = self.0.iter().find_map(opened).ok_or(NotGood)?;
        String::from_utf8(text).map_err(|_| NotGood)
    }

    /// Seals a token for the page that begins after `skip` visible matches; it is good until `expiry`.
    ///
    /// # Errors
    /// No key, or no randomness from the system.
    pub fn seal(&self, skip: usize, binding: &Binding, expiry: OffsetDateTime) -> Result<String, NotGood> {
        let key = self.0.first().ok_or(NotGood)?;
        let mut claims = Vec::with_capacity(CLAIMS);
        claims.extend_from_slice(&u64::try_from(skip).map_err(|_| NotGood)?.to_be_bytes());
        claims.extend_from_slice(&expiry.unix_timestamp().to_be_bytes());
        claims.extend_from_slice(&binding.0);
        let mut nonce = [0; NONCE];
        openssl::rand::rand_bytes(&mut nonce).map_err(|_| NotGood)?;
        let mut tag = [0; TAG];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), key, Some(&nonce), &[], &claims, &mut tag);
        let token = [nonce.as_slice(), &sealed.map_err(|_| NotGood)?, &tag].concat();
        Ok(URL_SAFE_NO_PAD.encode(token))
    }

    /// Opens a token and returns how many visible matches to skip.
    ///
    /// # Errors
    /// Any token that is not one of ours, for this binding, at this time.
    pub fn open(&self, token: &str, binding: &Binding, now: OffsetDateTime) -> Result<usize, NotGood> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| NotGood)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE).ok_or(NotGood)?;
        let (sealed, tag) = rest.split_at_checked(CLAIMS).ok_or(NotGood)?;
        let opened = |key: &[u8; 32]| decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), &[], sealed, tag).ok();
        if tag.len() != TAG {
            return Err(NotGood);
        }
        let claims = self.0.iter().find_map(opened).ok_or(NotGood)?;
        let (skip, rest) = claims.split_first_chunk::<8>().ok_or(NotGood)?;
        let (expiry, bound) = rest.split_first_chunk::<8>().ok_or(NotGood)?;
        let fresh = now.unix_timestamp() <= i64::from_be_bytes(*expiry);
        let skip = usize::try_from(u64::from_be_bytes(*skip)).map_err(|_| NotGood)?;
        if fresh && bound == binding.0 { Ok(skip) } else { Err(NotGood) }
    }
}

/// Returns the HMAC-SHA-256 of `bytes`; none where OpenSSL fails.
pub(super) fn hmac(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let key = PKey::hmac(key).ok()?;
    Signer::new(MessageDigest::sha256(), &key).ok()?.sign_oneshot_to_vec(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn keys() -> PageKeys {
        PageKeys::new(vec![[7; 32]])
    }

    #[test]
    fn a_token_opens_for_what_it_was_sealed_for_and_nothing_else() {
        let binding = Binding::to(&["900000001", "TREAT", "Observation?patient=1"]);
        let token = keys().seal(40, &binding, NOW + limits::PAGE_TOKEN_AGE).unwrap();
        assert_eq!(keys().open(&token, &binding, NOW), Ok(40));
        assert!(keys().open(&token, &Binding::to(&["900000002", "TREAT", "Observation?patient=1"]), NOW).is_err());
        assert!(keys().open(&token, &binding, NOW + limits::PAGE_TOKEN_AGE + time::Duration::SECOND).is_err());
        assert!(PageKeys::new(vec![[8; 32]]).open(&token, &binding, NOW).is_err());
        assert!(PageKeys::new(vec![[8; 32], [7; 32]]).open(&token, &binding, NOW).is_ok());
    }

    #[test]
    fn every_changed_character_spoils_a_token() {
        let binding = Binding::to(&["a"]);
        let token = keys().seal(1, &binding, NOW + limits::PAGE_TOKEN_AGE).unwrap();
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(keys().open(&changed, &binding, NOW).is_err(), "{at}");
        }
        assert!(keys().open("", &binding, NOW).is_err());
    }

    #[test]
    fn a_hash_is_of_its_use_and_its_key() {
        assert_eq!(keys().hash("a", b"x"), keys().hash("a", b"x"));
        assert_ne!(keys().hash("a", b"x"), keys().hash("b", b"x"));
        assert_ne!(keys().hash("a", b"x"), PageKeys::new(vec![[8; 32]]).hash("a", b"x"));
        assert_eq!(PageKeys::new(Vec::new()).hash("a", b"x"), None);
    }

    #[test]
    fn tokens_have_one_length() {
        let short = keys().seal(0, &Binding::to(&["a"]), NOW).unwrap();
        let long = keys().seal(9_999, &Binding::to(&[&"x".repeat(5_000)]), NOW).unwrap();
        assert_eq!(short.len(), long.len());
    }

    #[test]
    fn a_border_between_parts_cannot_be_moved() {
        assert_ne!(Binding::to(&["ab", "c"]), Binding::to(&["a", "bc"]));
    }
}
