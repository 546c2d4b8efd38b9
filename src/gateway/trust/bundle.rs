//! Files of certificates as people have them: PEM, DER, or PKCS#7 (`.p7b`) in either.

use std::path::Path;

use openssl::pkcs7::Pkcs7;
use openssl::x509::X509Ref;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{TrustError, load};

/// Returns the DER of every certificate in a file, the leaf first. PEM has them in the order of the file; PKCS#7 has no
/// order, so there the leaf is the one certificate that is no CA.
///
/// # Errors
///
/// A file that cannot be read, that is malformed, or a PKCS#7 file from which no one leaf stands out. Whether what DER is in
/// it is a certificate is not judged.
pub(super) fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, TrustError> {
    let bytes = load::read(path)?;
    let malformed = || TrustError::Malformed { path: path.to_owned(), expected: "certificates" };
    if !load::is_pem(&bytes) {
        return match Pkcs7::from_der(&bytes) {
            Ok(bundle) if !is_certificate(&bytes) => unpacked(&bundle, path),
            Ok(_) | Err(_) => Ok(vec![bytes]),
        };
    }
    let mut certificates = Vec::new();
    for block in Pem::iter_from_buffer(&bytes) {
        let block = block.map_err(|_| malformed())?;
        match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" => certificates.push(block.contents),
            "PKCS7" | "CMS" => {
                let bundle = Pkcs7::from_der(&block.contents).map_err(|_| malformed())?;
                certificates.extend(unpacked(&bundle, path)?);
            }
            _ => {}
        }
    }
    Ok(certificates)
}

fn is_certificate(bytes: &[u8]) -> bool {
    X509Certificate::from_der(bytes).is_ok()
}

fn unpacked(bundle: &Pkcs7, path: &Path) -> Result<Vec<Vec<u8>>, TrustError> {
    let malformed = || TrustError::Malformed { path: path.to_owned(), expected: "certificates" };
    let held = bundle.signed().ok_or_else(malformed)?.certificates();
    let held: Vec<&X509Ref> = held.into_iter().flatten().collect();
    let mut ders = held.iter().map(|held| held.to_der()).collect::<Result<Vec<_>, _>>()?;
    let is_leaf = |der: &Vec<u8>| X509Certificate::from_der(der).is_ok_and(|(_, certificate)| !certificate.is_ca());
    let mut leaves = ders.iter().enumerate().filter(|(_, der)| is_leaf(der)).map(|(at, _)| at);
    let first = match (leaves.next(), leaves.next(), ders.len()) {
        (Some(leaf), None, _) => leaf,
        (None, _, 1) => 0,
        _ => return Err(TrustError::NoLeaf { path: path.to_owned() }),
    };
    let leaf = ders.remove(first);
    ders.insert(0, leaf);
    Ok(ders)
}
