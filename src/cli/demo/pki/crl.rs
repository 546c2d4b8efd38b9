//! CRLs of the test PKI: full ones, and those that are to be refused.

use std::path::Path;

use openssl::x509::X509Crl;
use time::Duration;

use super::der::{SEQUENCE, Scheme, context, extension, moment, sequence, tlv, unsigned};
use super::issued::authority_key;
use super::{Authority, Ca, Pki, PkiError, write};

impl Pki {
    /// Writes the CRLs into `dir`, each replaced in one step: a reader sees the old or the new one.
    ///
    /// # Errors
    ///
    /// When a file cannot be written or OpenSSL fails.
    pub fn write_crls(&self, dir: &Path) -> Result<(), PkiError> {
        for authority in &self.authorities {
            if let Some(name) = authority.ca.file() {
                write(dir, &format!("{name}.crl"), &self.crl(authority, &[])?)?;
            }
        }
        Ok(())
    }

    /// Writes the CRL of one CA into `dir`, in one step.
    ///
    /// # Errors
    ///
    /// When a file cannot be written or OpenSSL fails.
    pub fn write_crl(&self, ca: Ca, dir: &Path) -> Result<(), PkiError> {
        let name = ca.file().ok_or(PkiError::NoSuchCa)?;
        write(dir, &format!("{name}.crl"), &self.crl_of(ca)?)
    }

    /// Returns the CRL of a CA.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn crl_of(&self, ca: Ca) -> Result<Vec<u8>, PkiError> {
        self.crl(self.authority(ca)?, &[])
    }

    /// Returns the CRL of a CA with further extensions: the OID of each, whether it is critical, the DER of its value.
    ///
    /// # Errors
    ///
    /// When an OID is none, or OpenSSL fails.
    pub fn crl_with(&self, ca: Ca, extensions: &[(&str, bool, &[u8])]) -> Result<Vec<u8>, PkiError> {
        self.crl(self.authority(ca)?, extensions)
    }

    fn crl(&self, authority: &Authority, further: &[(&str, bool, &[u8])]) -> Result<Vec<u8>, PkiError> {
        let this_update = (self.now - Duration::HOUR).min(authority.next_update - Duration::hours(48));
        let revoked: Vec<Vec<u8>> =
            authority.revoked.iter().map(|serial| sequence(&[serial, &moment(this_update)])).collect();
        let revoked = if revoked.is_empty() { Vec::new() } else { tlv(SEQUENCE, &revoked.concat()) };
        let mut extensions = vec![
            extension("2.5.29.35", false, &authority_key(&authority.key)?)?,
            extension("2.5.29.20", false, &unsigned(&authority.revoked.len().to_be_bytes()))?,
        ];
        for (kind, critical, value) in further {
            extensions.push(extension(kind, *critical, value)?);
        }
        let scheme = authority.ca.scheme();
        let part = sequence(&[
            &unsigned(&[1]),
            &scheme.algorithm()?,
            &authority.name,
            &moment(this_update),
            &moment(authority.next_update),
            &revoked,
            &tlv(context(0), &tlv(SEQUENCE, &extensions.concat())),
        ]);
        let der = scheme.sign(&authority.key, &part)?;
        // Registers publish DER; the G4 ones are written as PEM here so that both are read.
        match scheme {
            Scheme::Pkcs1Sha256 => Ok(der),
            Scheme::PssSha512 => Ok(X509Crl::from_der(&der)?.to_pem()?),
        }
    }
}
