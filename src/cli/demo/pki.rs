//! A UZI register in code, for the demo and for tests: CAs of every type, their CRLs, and the cards and servers they issue.
//!
//! Shaped like the real one: issuing CAs that are no roots, G3 and G1 signing with PKCS#1 v1.5 and SHA-256, G4 with
//! RSASSA-PSS and SHA-512 (salt 64) below a CA of its own, so that a revoked issuer can be shown. Keys have 2048 bits
//! unless a leaf asks for another length (G4's real ones have 4096), are made once per process and shared.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Ref};
use time::{Duration, OffsetDateTime};

mod ca;
mod crl;
mod der;
mod issued;
mod leaf;
mod ocsp;

pub use ca::{Ca, World};
pub use issued::Issued;
pub use leaf::{AltName, KeyLength, Leaf};
pub use ocsp::{Answer, Says, Signer};

use der::{PRINTABLE, SEQUENCE, Scheme, UTF8, extension, sequence, tlv, unsigned};
use issued::{Body, CALLER_KEYS, GATEWAY_KEY, LARGE_KEY, ROOT_KEY, WEAK_KEY, key};

/// Why the PKI could not be made or written.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// OpenSSL could not do what it was asked.
    #[error("OpenSSL failed")]
    OpenSsl(#[from] ErrorStack),
    /// A file could not be written.
    #[error("a file of the test PKI cannot be written ({0})")]
    Unwritable(std::io::ErrorKind),
    /// A certificate names a CA that this PKI has not.
    #[error("the test PKI has no such CA")]
    NoSuchCa,
}

impl From<std::io::Error> for PkiError {
    fn from(error: std::io::Error) -> Self {
        Self::Unwritable(error.kind())
    }
}

struct Authority {
    ca: Ca,
    name: Vec<u8>,
    key: PKey<Private>,
    certificate: X509,
    /// Serial numbers, in their DER.
    revoked: Vec<Vec<u8>>,
    next_update: OffsetDateTime,
}

/// The CAs, what they issued and what they revoked.
pub struct Pki {
    now: OffsetDateTime,
    authorities: Vec<Authority>,
    server: Issued,
    callers: Vec<Issued>,
    serial: u64,
}

impl std::fmt::Debug for Pki {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pki").field("now", &self.now).field("callers", &self.callers).finish_non_exhaustive()
    }
}

impl Pki {
    /// Makes the CAs and the gateway's certificate (`localhost`, `127.0.0.1`, `::1`); nothing is revoked.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn new(world: World, now: OffsetDateTime) -> Result<Self, PkiError> {
        let years = |count: i64| Duration::days(365 * count);
        let root_name = ca_name("TEST Staat der Nederlanden Root CA - G3")?;
        let root_key = key(ROOT_KEY)?;
        let mut authorities: Vec<Authority> = Vec::new();
        for (slot, ca) in ca::ALL.into_iter().enumerate() {
            let name = ca_name(ca.common_name(world))?;
            let own_key = key(slot)?;
            let above = match ca {
                Ca::Impostor | Ca::Gateway => None,
                Ca::ServerG4 => authorities.last(),
                Ca::Professional | Ca::Employee | Ca::Function | Ca::Server | Ca::ServerG4Parent => None,
            };
            let (issuer, issuer_key, scheme) = match (ca, above) {
                (Ca::Impostor | Ca::Gateway, _) => (name.as_slice(), &own_key, ca.scheme()),
                (_, Some(parent)) => (parent.name.as_slice(), &parent.key, parent.ca.scheme()),
                (_, None) => (root_name.as_slice(), &root_key, Scheme::Pkcs1Sha256),
            };
            let body = Body {
                serial: 0x0100 + u64::try_from(slot).unwrap_or(0),
                issuer,
                issuer_key,
                subject: &name,
                key: &own_key,
                valid: (now - years(2), now + years(10)),
                extensions: vec![
                    extension("2.5.29.19", true, &tlv(SEQUENCE, &[0x01, 0x01, 0xff]))?,
                    extension("2.5.29.15", true, &leaf::key_usage(&[5, 6]))?,
                ],
            };
            let certificate = body.certify(scheme)?;
            let next_update = now + Duration::hours(48);
            authorities.push(Authority { ca, name, key: own_key, certificate, revoked: Vec::new(), next_update });
        }
        let server = gateway_certificate(&authorities, now)?;
        Ok(Self { now, authorities, server, callers: Vec::new(), serial: 0x1000 })
    }

    /// Issues a certificate; `name` becomes the name of its files.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn issue(&mut self, name: &str, leaf: &Leaf) -> Result<Issued, PkiError> {
        self.serial += 1;
        let shared = CALLER_KEYS.get(self.callers.len() % CALLER_KEYS.len()).copied().unwrap_or(ROOT_KEY);
        let slot = match leaf.key_length {
            KeyLength::Usual => shared,
            KeyLength::Large => LARGE_KEY,
            KeyLength::Weak => WEAK_KEY,
        };
        let key = key(slot)?;
        let authority = self.authority(leaf.ca)?;
        let validity = (self.now - Duration::DAY, self.now + Duration::days(3 * 365));
        let body = Body {
            serial: self.serial,
            issuer: &authority.name,
            issuer_key: &authority.key,
            subject: &leaf.subject()?,
            key: &key,
            valid: leaf.valid.unwrap_or(validity),
            extensions: leaf.extensions()?,
        };
        let certificate = body.certify(authority.ca.scheme())?;
        let chain = if leaf.ca.is_anchor() { Vec::new() } else { vec![authority.certificate.clone()] };
        let issued = Issued { name: name.to_owned(), ca: leaf.ca, certificate, key, chain };
        self.callers.push(issued.clone());
        Ok(issued)
    }

    /// Puts a certificate on its issuer's CRL, which is on disk when it is written next.
    ///
    /// # Errors
    ///
    /// When it is of another PKI, or OpenSSL fails.
    pub fn revoke(&mut self, issued: &Issued) -> Result<(), PkiError> {
        let serial = serial_of(issued.certificate())?;
        self.authority_mut(issued.ca)?.revoked.push(serial);
        Ok(())
    }

    /// Puts the CA of G4 server certificates on the CRL of the CA above it.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn revoke_g4_issuer(&mut self) -> Result<(), PkiError> {
        let serial = serial_of(&self.authority(Ca::ServerG4)?.certificate)?;
        self.authority_mut(Ca::ServerG4Parent)?.revoked.push(serial);
        Ok(())
    }

    /// Sets until when the CRLs hold; 48 hours, as in the real register, if it is not called.
    pub fn hold_crls_until(&mut self, next_update: OffsetDateTime) {
        for authority in &mut self.authorities {
            authority.next_update = next_update;
        }
    }

    /// Sets until when the CRL of one CA holds.
    ///
    /// # Errors
    ///
    /// Never, for a CA of this PKI.
    pub fn hold_crl_until(&mut self, ca: Ca, next_update: OffsetDateTime) -> Result<(), PkiError> {
        self.authority_mut(ca)?.next_update = next_update;
        Ok(())
    }

    /// Returns the gateway's own certificate.
    #[must_use]
    pub fn server(&self) -> &Issued {
        &self.server
    }

    /// Returns the CA that callers trust the gateway by.
    ///
    /// # Errors
    ///
    /// Never, for a PKI that was made.
    pub fn server_ca(&self) -> Result<&X509Ref, PkiError> {
        Ok(&self.authority(Ca::Gateway)?.certificate)
    }

    /// Returns the certificate of a CA.
    ///
    /// # Errors
    ///
    /// Never, for a CA of this PKI.
    pub fn certificate_of(&self, ca: Ca) -> Result<&X509Ref, PkiError> {
        Ok(&self.authority(ca)?.certificate)
    }

    /// Issues the certificate of an anchor again: the same name and key, another serial number and validity.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn reissued(&self, ca: Ca, valid: (OffsetDateTime, OffsetDateTime)) -> Result<X509, PkiError> {
        let above = ca_name("TEST Staat der Nederlanden Root CA - G3")?;
        self.issued_again(ca, (&above, &key(ROOT_KEY)?), valid)
    }

    /// Issues the certificate of a CA as that of a root, by its own key, for servers that take nothing else as an anchor.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn rooted(&self, ca: Ca) -> Result<X509, PkiError> {
        let authority = self.authority(ca)?;
        let valid = (self.now - Duration::DAY, self.now + Duration::days(365));
        self.issued_again(ca, (&authority.name, &authority.key), valid)
    }

    fn issued_again(
        &self,
        ca: Ca,
        (issuer, issuer_key): (&[u8], &PKey<Private>),
        valid: (OffsetDateTime, OffsetDateTime),
    ) -> Result<X509, PkiError> {
        let Authority { name, key: own_key, .. } = self.authority(ca)?;
        let body = Body {
            serial: 0x0300,
            issuer,
            issuer_key,
            subject: name,
            key: own_key,
            valid,
            extensions: vec![
                extension("2.5.29.19", true, &tlv(SEQUENCE, &[0x01, 0x01, 0xff]))?,
                extension("2.5.29.15", true, &leaf::key_usage(&[5, 6]))?,
            ],
        };
        Ok(body.certify(Scheme::Pkcs1Sha256)?)
    }

    /// Writes everything below `dir`: `trust/*.pem`, `crl/*.crl`, `server.pem`, `server.key`, `server-ca.pem` and, for
    /// each certificate issued, `callers/NAME.pem` (with its chain) and `callers/NAME.key`.
    ///
    /// # Errors
    ///
    /// When a file cannot be written or OpenSSL fails.
    pub fn write(&self, dir: &Path) -> Result<(), PkiError> {
        for authority in self.authorities.iter().filter(|authority| authority.ca.is_anchor()) {
            if let Some(name) = authority.ca.file() {
                write(&dir.join("trust"), &format!("{name}.pem"), &authority.certificate.to_pem()?)?;
            }
        }
        self.write_crls(&dir.join("crl"))?;
        write(dir, "server-ca.pem", &self.server_ca()?.to_pem()?)?;
        write(dir, "server.pem", &self.server.pem()?)?;
        write(dir, "server.key", &self.server.key_pem()?)?;
        for caller in &self.callers {
            write(&dir.join("callers"), &format!("{}.pem", caller.name), &caller.pem()?)?;
            write(&dir.join("callers"), &format!("{}.key", caller.name), &caller.key_pem()?)?;
        }
        Ok(())
    }

    fn authority(&self, ca: Ca) -> Result<&Authority, PkiError> {
        self.authorities.iter().find(|authority| authority.ca == ca).ok_or(PkiError::NoSuchCa)
    }

    fn authority_mut(&mut self, ca: Ca) -> Result<&mut Authority, PkiError> {
        self.authorities.iter_mut().find(|authority| authority.ca == ca).ok_or(PkiError::NoSuchCa)
    }
}

fn gateway_certificate(authorities: &[Authority], now: OffsetDateTime) -> Result<Issued, PkiError> {
    let authority = authorities.iter().find(|authority| authority.ca == Ca::Gateway).ok_or(PkiError::NoSuchCa)?;
    let key = key(GATEWAY_KEY)?;
    let names =
        [tlv(0x82, b"localhost"), tlv(0x87, &Ipv4Addr::LOCALHOST.octets()), tlv(0x87, &Ipv6Addr::LOCALHOST.octets())];
    let body = Body {
        serial: 0x0200,
        issuer: &authority.name,
        issuer_key: &authority.key,
        subject: &der::name(&[("2.5.4.6", PRINTABLE, "NL"), ("2.5.4.3", UTF8, "localhost")])?,
        key: &key,
        valid: (now - Duration::DAY, now + Duration::days(365)),
        extensions: vec![
            extension("2.5.29.15", true, &leaf::key_usage(&[0, 2]))?,
            extension("2.5.29.37", false, &sequence(&[&der::oid("1.3.6.1.5.5.7.3.1")?]))?,
            extension("2.5.29.17", false, &tlv(SEQUENCE, &names.concat()))?,
            extension("2.5.29.19", true, &tlv(SEQUENCE, &[]))?,
        ],
    };
    let certificate = body.certify(authority.ca.scheme())?;
    Ok(Issued { name: "server".to_owned(), ca: Ca::Gateway, certificate, key, chain: Vec::new() })
}

/// Real names of CAs, and the number of CIBG in the trade register.
fn ca_name(common_name: &str) -> Result<Vec<u8>, ErrorStack> {
    der::name(&[
        ("2.5.4.6", PRINTABLE, "NL"),
        ("2.5.4.10", UTF8, "CIBG"),
        ("2.5.4.97", UTF8, "NTRNL-50000535"),
        ("2.5.4.3", UTF8, common_name),
    ])
}

fn serial_of(certificate: &X509Ref) -> Result<Vec<u8>, ErrorStack> {
    Ok(unsigned(&certificate.serial_number().to_bn()?.to_vec()))
}

/// Writes a file that only its owner may read, in one step.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), PkiError> {
    fs::create_dir_all(dir)?;
    let unfinished = dir.join(format!(".{name}.unfinished"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    fs::rename(&unfinished, dir.join(name))?;
    Ok(())
}
