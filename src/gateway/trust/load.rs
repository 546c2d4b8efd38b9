//! Reading directories of certificates and of CRLs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use openssl::ssl::SslFiletype;
use openssl::x509::X509;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crl::{Crl, CrlError, Edition};
use super::{Revocation, TrustError};

pub(super) fn anchors(dir: &Path) -> Result<Vec<X509>, TrustError> {
    let anchors = authorities(dir)?;
    if anchors.is_empty() { Err(TrustError::NoAnchor { path: dir.to_owned() }) } else { Ok(anchors) }
}

/// Returns every certificate of a directory; each must be one of a CA.
pub(super) fn authorities(dir: &Path) -> Result<Vec<X509>, TrustError> {
    let mut anchors = Vec::new();
    for path in files(dir, &["pem", "crt", "cer"])? {
        for der in certificates(&path)? {
            let malformed = || TrustError::Malformed { path: path.clone(), expected: "a certificate" };
            let (rest, certificate) = X509Certificate::from_der(&der).map_err(|_| malformed())?;
            if !rest.is_empty() {
                return Err(malformed());
            }
            if !certificate.is_ca() {
                return Err(TrustError::NotACa { path });
            }
            anchors.push(X509::from_der(&der).map_err(|_| malformed())?);
        }
    }
    Ok(anchors)
}

/// Returns the DER of every certificate in a file, in the order of the file.
fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, TrustError> {
    blocks(path, &["CERTIFICATE", "X509 CERTIFICATE"], "a certificate")
}

/// Adds every CRL of `dir` to the store, and judges whether the CAs that are known signed those that say to be theirs.
pub(super) fn crls(dir: &Path, store: &mut X509StoreBuilder, known: &[&X509]) -> Result<Revocation, TrustError> {
    let lookup = store.add_lookup(X509Lookup::file())?;
    let (mut newest, mut unsigned): (BTreeMap<Vec<u8>, Edition>, _) = (BTreeMap::new(), Vec::new());
    for path in files(dir, &["pem", "crl"])? {
        let malformed = || TrustError::Malformed { path: path.clone(), expected: "a CRL" };
        let ders = blocks(&path, &["X509 CRL"], "a CRL")?;
        let count = ders.len();
        for der in ders {
            if without_next_update(&der) {
                return Err(TrustError::NoNextUpdate { path });
            }
            let crl = Crl::of_der(der).map_err(|_| malformed())?;
            if crl.is_signed_by_one_of(known.iter().copied()) == Err(CrlError::NotSigned) {
                unsigned.push(path.clone());
                continue;
            }
            let edition = crl.edition().clone();
            let there = newest.entry(crl.issuer().to_owned()).or_insert_with(|| edition.clone());
            if there.is_before(&edition) {
                *there = edition;
            }
        }
        if count == 0 {
            continue;
        }
        // OpenSSL takes CRLs into a store from files only, and the binding takes only names it can hold as a C string.
        if path.to_str().is_none_or(|text| text.contains('\0')) {
            return Err(malformed());
        }
        let kind = if is_pem(&read(&path)?) { SslFiletype::PEM } else { SslFiletype::ASN1 };
        let loaded = lookup.load_crl_file(&path, kind).map_err(|_| malformed())?;
        if usize::try_from(loaded) != Ok(count) {
            return Err(malformed());
        }
    }
    Ok(Revocation { newest, unsigned })
}

fn without_next_update(der: &[u8]) -> bool {
    openssl::x509::X509Crl::from_der(der).is_ok_and(|crl| crl.next_update().is_none())
}

/// Returns the files of a directory that end in one of `endings`, in the order of their names.
fn files(dir: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, TrustError> {
    let unreadable = |error: std::io::Error| TrustError::Unreadable { path: dir.to_owned(), kind: error.kind() };
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let counts =
            path.extension().and_then(|ending| ending.to_str()).is_some_and(|ending| endings.contains(&ending));
        if counts && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the DER of every block with one of `labels`, or of the whole file when it is not PEM.
///
/// A PEM file may hold other things as well: `*.pem` counts in both directories, and they may be one.
fn blocks(path: &Path, labels: &[&str], expected: &'static str) -> Result<Vec<Vec<u8>>, TrustError> {
    let bytes = read(path)?;
    if !is_pem(&bytes) {
        return Ok(vec![bytes]);
    }
    let mut blocks = Vec::new();
    for block in Pem::iter_from_buffer(&bytes) {
        let block = block.map_err(|_| TrustError::Malformed { path: path.to_owned(), expected })?;
        if labels.contains(&block.label.as_str()) {
            blocks.push(block.contents);
        }
    }
    Ok(blocks)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    fs::read(path).map_err(|error| TrustError::Unreadable { path: path.to_owned(), kind: error.kind() })
}

pub(super) fn is_pem(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"-----BEGIN ").is_some()
}
