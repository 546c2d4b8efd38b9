//! Making a certificate, and what was made.

use std::sync::OnceLock;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Ref};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::der::{OCTETS, SEQUENCE, Scheme, context, extension, moment, sequence, tlv, unsigned};
use super::{Ca, PkiError, ca};

/// The subject, issuer and time of a certificate to be made.
pub(super) struct Body<'a> {
    pub(super) serial: u64,
    pub(super) issuer: &'a [u8],
    pub(super) issuer_key: &'a PKey<Private>,
    pub(super) subject: &'a [u8],
    pub(super) key: &'a PKey<Private>,
    pub(super) valid: (OffsetDateTime, OffsetDateTime),
    pub(super) extensions: Vec<Vec<u8>>,
}

impl Body<'_> {
    pub(super) fn certify(self, scheme: Scheme) -> Result<X509, ErrorStack> {
        let Self { serial, issuer, issuer_key, subject, key, valid: (from, until), mut extensions } = self;
        extensions.push(extension("2.5.29.35", false, &authority_key(issuer_key)?)?);
        extensions.push(extension("2.5.29.14", false, &tlv(OCTETS, &key_identifier(key)?))?);
        let part = sequence(&[
            &tlv(context(0), &unsigned(&[2])),
            &unsigned(&serial.to_be_bytes()),
            &scheme.algorithm()?,
            issuer,
            &sequence(&[&moment(from), &moment(until)]),
            subject,
            &key.public_key_to_der()?,
            &tlv(context(3), &tlv(SEQUENCE, &extensions.concat())),
        ]);
        X509::from_der(&scheme.sign(issuer_key, &part)?)
    }
}

fn key_identifier(key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    Ok(Sha256::digest(key.public_key_to_der()?).iter().copied().take(20).collect())
}

pub(super) fn authority_key(key: &PKey<Private>) -> Result<Vec<u8>, ErrorStack> {
    Ok(sequence(&[&tlv(0x80, &key_identifier(key)?)]))
}

/// Returns a key of the process, made when it is first asked for.
pub(super) fn key(slot: usize) -> Result<PKey<Private>, ErrorStack> {
    static KEYS: [OnceLock<PKey<Private>>; KEY_COUNT] = [const { OnceLock::new() }; KEY_COUNT];
    let bits = match slot {
        LARGE_KEY => 4096,
        WEAK_KEY => 1024,
        _ => 2048,
    };
    let made = || PKey::from_rsa(Rsa::generate(bits)?);
    let Some(place) = KEYS.get(slot) else { return made() };
    match place.get() {
        Some(key) => Ok(key.clone()),
        None => {
            let key = made()?;
            Ok(place.get_or_init(|| key).clone())
        }
    }
}

/// One key for each CA, one for the root above them, one for the gateway, two that callers share, and two of other lengths.
const KEY_COUNT: usize = ca::ALL.len() + 6;
pub(super) const ROOT_KEY: usize = ca::ALL.len();
pub(super) const GATEWAY_KEY: usize = ca::ALL.len() + 1;
pub(super) const CALLER_KEYS: [usize; 2] = [ca::ALL.len() + 2, ca::ALL.len() + 3];
pub(super) const LARGE_KEY: usize = ca::ALL.len() + 4;
pub(super) const WEAK_KEY: usize = ca::ALL.len() + 5;

/// A certificate that the PKI issued, with its key and the CAs that its owner sends along.
#[derive(Clone)]
pub struct Issued {
    pub(super) name: String,
    pub(super) ca: Ca,
    pub(super) certificate: X509,
    pub(super) key: PKey<Private>,
    pub(super) chain: Vec<X509>,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").field("name", &self.name).field("ca", &self.ca).finish_non_exhaustive()
    }
}

impl Issued {
    /// Returns the name of its files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the certificate.
    #[must_use]
    pub fn certificate(&self) -> &X509Ref {
        &self.certificate
    }

    /// Returns the CAs between it and its anchor.
    #[must_use]
    pub fn chain(&self) -> &[X509] {
        &self.chain
    }

    /// Returns the private key.
    #[must_use]
    pub fn key(&self) -> &PKey<Private> {
        &self.key
    }

    /// Returns the DER of the certificate.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn der(&self) -> Result<Vec<u8>, PkiError> {
        Ok(self.certificate.to_der()?)
    }

    /// Returns the certificate and its chain in PEM, leaf first.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn pem(&self) -> Result<Vec<u8>, PkiError> {
        let mut pem = self.certificate.to_pem()?;
        for certificate in &self.chain {
            pem.extend(certificate.to_pem()?);
        }
        Ok(pem)
    }

    /// Returns the private key in PEM (PKCS#8).
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn key_pem(&self) -> Result<Vec<u8>, PkiError> {
        Ok(self.key.private_key_to_pem_pkcs8()?)
    }
}
