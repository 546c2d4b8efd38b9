//! The keys directory: made at the first start, readable by the gateway alone.
//!
//! `page-NNNN.key` holds 32 bytes each; the highest number seals, the others still open tokens until they are removed. Of
//! `index-NNNN.key` the highest number is the key of the index of the journal, which is made anew where another follows.
//! `journal-NNNN.key` sign the journal: see [`super::signing`].

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::token::PageKeys;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The directory or a file in it cannot be read or made.
    #[error("{path}: {cause}")]
    File {
        /// Where.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A key file of another length.
    #[error("{path}: not a key of 32 bytes")]
    Length {
        /// Where.
        path: String,
    },
    /// A key file that holds another kind of key, or none.
    #[error("{path}: no key of Ed25519 in PEM, or not that of the pair")]
    NotAKey {
        /// Where.
        path: String,
    },
    /// The system gives no randomness.
    #[error("no randomness from the system")]
    Randomness,
}

/// Reads the keys of page tokens, and makes the first one where there is none.
///
/// # Errors
/// A directory or file that cannot be used.
pub fn page_keys(directory: &Path) -> Result<PageKeys, KeysError> {
    make_first(directory, "page")?;
    Ok(PageKeys::new(known(directory, "page")?))
}

/// Returns the key by which patients are called in the index of the journal, and makes one where there is none.
///
/// # Errors
/// A directory or file that cannot be used.
pub fn index_key(directory: &Path) -> Result<[u8; 32], KeysError> {
    make_first(directory, "index")?;
    known_index_key(directory)?.ok_or_else(|| KeysError::Length { path: directory.display().to_string() })
}

/// Returns that key where it is there.
///
/// # Errors
/// A directory or file that cannot be used.
pub fn known_index_key(directory: &Path) -> Result<Option<[u8; 32]>, KeysError> {
    Ok(known(directory, "index")?.into_iter().next())
}

/// Makes the first key of a kind where there is none.
fn make_first(directory: &Path, kind: &str) -> Result<(), KeysError> {
    let failed = |path: &Path, cause| KeysError::File { path: path.display().to_string(), cause };
    make(directory)?;
    if !listed(directory, &format!("{kind}-"), ".key")?.is_empty() {
        return Ok(());
    }
    let path = directory.join(format!("{kind}-0001.key"));
    let mut key = [0; 32];
    openssl::rand::rand_bytes(&mut key).map_err(|_| KeysError::Randomness)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = made.map_err(|cause| failed(&path, cause))?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(|cause| failed(&path, cause))
}

/// Returns the keys of a kind, newest first.
fn known(directory: &Path, kind: &str) -> Result<Vec<[u8; 32]>, KeysError> {
    let read = |path: PathBuf| {
        let failed = |cause| KeysError::File { path: path.display().to_string(), cause };
        let bytes = std::fs::read(&path).map_err(failed)?;
        <[u8; 32]>::try_from(bytes).map_err(|_| KeysError::Length { path: path.display().to_string() })
    };
    listed(directory, &format!("{kind}-"), ".key")?.into_iter().rev().map(read).collect()
}

/// Makes the directory where it is not there.
pub(super) fn make(directory: &Path) -> Result<(), KeysError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|cause| KeysError::File { path: directory.display().to_string(), cause })
}

/// Returns the files whose names begin and end so, the highest number last.
pub(super) fn listed(directory: &Path, prefix: &str, suffix: &str) -> Result<Vec<PathBuf>, KeysError> {
    let failed = |cause| KeysError::File { path: directory.display().to_string(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(prefix) && name.ends_with(suffix) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
