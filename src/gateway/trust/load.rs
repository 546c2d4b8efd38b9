//! Reading directories of certificates and of CRLs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use openssl::ssl::SslFiletype;
use openssl::x509::X509;
use openssl::x509::store::{File, X509Lookup, X509LookupRef, X509StoreBuilder};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crl::{Crl, CrlError};
use super::edition::Editions;
use super::{Newest, Revocation, SetAside, TrustError};

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

/// A CRL of a file, and what is known of it.
struct Found<'a> {
    crl: Crl,
    signer: Result<&'a X509, CrlError>,
}

/// Adds every CRL of `dir` that counts to the store. A file with one that does not is set aside as a whole, since OpenSSL
/// reads files as a whole: of nobody known by that signature, a part, or before what was seen of its issuer.
pub(super) fn crls(
    dir: &Path,
    store: &mut X509StoreBuilder,
    known: &[&X509],
    seen: &Editions,
) -> Result<Revocation, TrustError> {
    let mut read = Vec::new();
    for path in files(dir, &["pem", "crl"])? {
        let mut found = Vec::new();
        for der in blocks(&path, &["X509 CRL"], "a CRL")? {
            if without_next_update(&der) {
                return Err(TrustError::NoNextUpdate { path });
            }
            let malformed = |_| TrustError::Malformed { path: path.clone(), expected: "a CRL" };
            let crl = Crl::of_der(der).map_err(malformed)?;
            let signer = crl.signer(known.iter().copied());
            found.push(Found { crl, signer });
        }
        if !found.is_empty() {
            read.push((path, found));
        }
    }
    let (mut counting, mut set_aside) = (Vec::new(), Vec::new());
    for (path, found) in read {
        let aside: Vec<SetAside> = found.iter().filter_map(|found| Some(found.aside(&path, found.fault()?))).collect();
        if aside.is_empty() {
            counting.push((path, found));
        }
        set_aside.extend(aside);
    }
    // A file that goes may have held what another one's late CRL stood beside.
    let newest = loop {
        let newest = newest(&counting);
        let is_late = |found: &&Found<'_>| {
            let newest = newest.get(found.crl.series());
            newest.is_some_and(|Newest { edition, .. }| {
                seen.are_beyond(found.crl.series(), edition) || found.crl.edition().may_overtake(edition)
            })
        };
        let aside = counting
            .iter()
            .flat_map(|(path, found)| found.iter().filter(is_late).map(|found| found.aside(path, CrlError::Older)));
        let aside: Vec<SetAside> = aside.collect();
        if aside.is_empty() {
            break newest;
        }
        counting.retain(|(path, _)| !aside.iter().any(|aside| aside.path == *path));
        set_aside.extend(aside);
    };
    let lookup = store.add_lookup(X509Lookup::file())?;
    for (path, found) in &counting {
        load(lookup, path, found.len())?;
    }
    Ok(Revocation { newest, set_aside })
}

/// Returns the newest CRL of each series. What was published before it may stand beside it.
fn newest(counting: &[(PathBuf, Vec<Found<'_>>)]) -> BTreeMap<String, Newest> {
    let mut all: BTreeMap<String, Newest> = BTreeMap::new();
    for (path, found) in counting {
        for found in found {
            let newest = found.newest(path);
            match all.get_mut(found.crl.series()) {
                Some(there) if there.edition.is_before(&newest.edition) => *there = newest,
                Some(_) => {}
                None => drop(all.insert(found.crl.series().to_owned(), newest)),
            }
        }
    }
    all
}

impl Found<'_> {
    /// Returns why it does not count, whatever else is there.
    fn fault(&self) -> Option<CrlError> {
        if matches!(self.signer, Err(CrlError::NotSigned)) {
            return Some(CrlError::NotSigned);
        }
        self.crl.is_whole().err()
    }

    fn aside(&self, path: &Path, cause: CrlError) -> SetAside {
        SetAside { path: path.to_owned(), issuer: self.crl.issuer(), cause }
    }

    fn newest(&self, path: &Path) -> Newest {
        let Self { crl, signer } = self;
        let (issuer, signer) = (crl.issuer(), signer.ok().cloned());
        Newest { path: path.to_owned(), issuer, signer, edition: crl.edition().clone() }
    }
}

/// OpenSSL takes CRLs into a store from files only, and the binding takes only names it can hold as a C string.
fn load(lookup: &mut X509LookupRef<File>, path: &Path, count: usize) -> Result<(), TrustError> {
    let malformed = || TrustError::Malformed { path: path.to_owned(), expected: "a CRL" };
    if path.to_str().is_none_or(|text| text.contains('\0')) {
        return Err(malformed());
    }
    let kind = if is_pem(&read(path)?) { SslFiletype::PEM } else { SslFiletype::ASN1 };
    let loaded = lookup.load_crl_file(path, kind).map_err(|_| malformed())?;
    if usize::try_from(loaded) != Ok(count) {
        return Err(malformed());
    }
    Ok(())
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
