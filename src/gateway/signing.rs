//! The keys that sign the journal: Ed25519, `journal-NNNN.key` in the keys directory, each with its public key beside it in
//! `journal-NNNN.pub`, both PEM.
//!
//! The highest number signs. What the others signed can be checked as long as their public keys are there.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use openssl::pkey::{Id, PKey, Private, Public};
use openssl::sign;
use sha2::{Digest as _, Sha256};

use super::keys::{KeysError, listed, make};
use crate::audit::{Checkpoint, Event, Head, Signature, written};
use time::OffsetDateTime;

/// Public keys, by their ids.
#[derive(Clone, Default)]
pub struct PublicKeys(BTreeMap<String, PKey<Public>>);

/// Signs the head of a journal.
pub struct Signer {
    key: PKey<Private>,
    id: String,
    known: PublicKeys,
}

/// The system or its library could not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign")]
pub struct NotSigned;

impl PublicKeys {
    /// Reads public keys: those in a file, or every `journal-*.pub` of a directory of keys.
    ///
    /// # Errors
    /// A file that cannot be read or holds no key of Ed25519; a directory without any.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let mut known = Self::default();
        if path.is_dir() {
            for file in listed(path, "journal-", ".pub")? {
                known.add(&file)?;
            }
        } else {
            known.add(path)?;
        }
        if known.0.is_empty() { Err(not_a_key(path)) } else { Ok(known) }
    }

    fn add(&mut self, file: &Path) -> Result<(), KeysError> {
        const END: &str = "-----END PUBLIC KEY-----";
        let text = read(file)?;
        let text = std::str::from_utf8(&text).map_err(|_| not_a_key(file))?;
        for pem in text.split_inclusive(END).filter(|pem| pem.contains(END)) {
            let key = PKey::public_key_from_pem(pem.as_bytes()).map_err(|_| not_a_key(file))?;
            self.0.insert(id_of(&key).ok_or_else(|| not_a_key(file))?, key);
        }
        Ok(())
    }

    /// Judges the signature of a checkpoint.
    #[must_use]
    pub fn judge(&self, checkpoint: &Checkpoint) -> Signature {
        let Some(key) = self.0.get(checkpoint.key()) else { return Signature::UnknownKey };
        let verified = sign::Verifier::new_without_digest(key)
            .and_then(|mut verifier| verifier.verify_oneshot(checkpoint.signature(), &checkpoint.signed()));
        match verified {
            Ok(true) => Signature::Good,
            Ok(false) | Err(_) => Signature::Bad,
        }
    }
}

impl Signer {
    /// Reads the key that signs, and makes it where there is none.
    ///
    /// # Errors
    /// A directory or file that cannot be used.
    pub fn read(directory: &Path) -> Result<Self, KeysError> {
        make(directory)?;
        let mut files = listed(directory, "journal-", ".key")?;
        if files.is_empty() {
            let path = directory.join("journal-0001.key");
            let key = PKey::generate_ed25519().map_err(|_| KeysError::Randomness)?;
            create(&path, &key.private_key_to_pem_pkcs8().map_err(|_| not_a_key(&path))?)?;
            files.push(path);
        }
        let mut signer = None;
        for file in files {
            let key = PKey::private_key_from_pem(&read(&file)?).map_err(|_| not_a_key(&file))?;
            let id = id_of(&key).ok_or_else(|| not_a_key(&file))?;
            let public = file.with_extension("pub");
            if !public.exists() {
                create(&public, &key.public_key_to_pem().map_err(|_| not_a_key(&file))?)?;
            }
            signer = Some((key, id));
        }
        let (key, id) = signer.ok_or_else(|| not_a_key(directory))?;
        let known = PublicKeys::read(directory)?;
        // A public key of another pair beside the one that signs would make every checkpoint one of an unknown key.
        if known.0.contains_key(&id) { Ok(Self { key, id, known }) } else { Err(not_a_key(directory)) }
    }

    /// Returns the checkpoint of a head, to be written at that moment.
    ///
    /// # Errors
    /// The library does not sign.
    pub fn checkpoint(&self, head: Head, now: OffsetDateTime) -> Result<Event, NotSigned> {
        let message = Checkpoint::message(head, &written(now).unwrap_or_default());
        let signature = sign::Signer::new_without_digest(&self.key)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(&message))
            .map_err(|_| NotSigned)?;
        Ok(Event::checkpoint(head, &self.id, &signature))
    }

    /// Returns the public keys beside it, its own among them.
    #[must_use]
    pub fn known(&self) -> &PublicKeys {
        &self.known
    }
}

/// The first 16 bytes of SHA-256 over the 32 of the public key, in hexadecimal; none for a key of another kind.
fn id_of<T: openssl::pkey::HasPublic>(key: &PKey<T>) -> Option<String> {
    let raw = (key.id() == Id::ED25519).then(|| key.raw_public_key().ok()).flatten()?;
    let digest = Sha256::digest(&raw);
    Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &Path) -> Result<Vec<u8>, KeysError> {
    std::fs::read(path).map_err(|cause| KeysError::File { path: path.display().to_string(), cause })
}

fn create(path: &PathBuf, bytes: &[u8]) -> Result<(), KeysError> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|cause| KeysError::File { path: path.display().to_string(), cause })
}

fn not_a_key(path: &Path) -> KeysError {
    KeysError::NotAKey { path: path.display().to_string() }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeys({})", self.0.len())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.id)
    }
}

#[cfg(test)]
mod tests;
