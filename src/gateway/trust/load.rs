//! Reading directories of certificates and of CRLs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::ssl::SslFiletype;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::{X509, X509Crl};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::TrustError;

pub(super) fn anchors(dir: &Path) -> Result<Vec<X509>, TrustError> {
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
    if anchors.is_empty() { Err(TrustError::NoAnchor { path: dir.to_owned() }) } else { Ok(anchors) }
}

/// Returns the DER of every certificate in a file, in the order of the file.
fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, TrustError> {
    blocks(path, &["CERTIFICATE", "X509 CERTIFICATE"], "a certificate")
}

/// Adds every CRL of `dir` to the store; returns of each issuer until when its newest CRL holds.
pub(super) fn crls(dir: &Path, store: &mut X509StoreBuilder) -> Result<BTreeMap<Vec<u8>, OffsetDateTime>, TrustError> {
    let lookup = store.add_lookup(X509Lookup::file())?;
    let mut next_updates = BTreeMap::new();
    for path in files(dir, &["pem", "crl"])? {
        let malformed = || TrustError::Malformed { path: path.clone(), expected: "a CRL" };
        let ders = blocks(&path, &["X509 CRL"], "a CRL")?;
        for der in &ders {
            let crl = X509Crl::from_der(der).map_err(|_| malformed())?;
            let Some(next_update) = crl.next_update() else { return Err(TrustError::NoNextUpdate { path }) };
            let next_update = moment(next_update)?;
            let newest = next_updates.entry(crl.issuer_name().to_der()?).or_insert(next_update);
            *newest = next_update.max(*newest);
        }
        if ders.is_empty() {
            continue;
        }
        // OpenSSL takes CRLs into a store from files only, and the binding takes only names it can hold as a C string.
        if path.to_str().is_none_or(|text| text.contains('\0')) {
            return Err(malformed());
        }
        let kind = if is_pem(&read(&path)?) { SslFiletype::PEM } else { SslFiletype::ASN1 };
        let loaded = lookup.load_crl_file(&path, kind).map_err(|_| malformed())?;
        if usize::try_from(loaded) != Ok(ders.len()) {
            return Err(malformed());
        }
    }
    Ok(next_updates)
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

fn moment(time: &Asn1TimeRef) -> Result<OffsetDateTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    let since = Duration::days(since.days.into()) + Duration::seconds(since.secs.into());
    Ok(OffsetDateTime::UNIX_EPOCH.saturating_add(since))
}
