//! Answers of an OCSP responder (RFC 6960), right and wrong.

use openssl::error::ErrorStack;
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509Ref;
use time::OffsetDateTime;

use super::der::{self, OCTETS, SEQUENCE, UTF8, context, extension, generalized, oid, sequence, tlv};
use super::issued::{Body, CALLER_KEYS, key};
use super::{Ca, Pki, PkiError, leaf, serial_of};

/// What a responder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// certStatus good.
    Good,
    /// certStatus revoked.
    Revoked,
    /// certStatus unknown.
    Unknown,
}

/// Who signs an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// A CA itself.
    Itself(Ca),
    /// Whom a CA issued a certificate to for signing answers.
    Delegate(Ca),
    /// Whom a CA issued a certificate to for something else.
    WithoutPurpose(Ca),
    /// A delegate whose certificate has ended.
    Ended(Ca),
}

/// An answer to be made.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// What it says.
    pub says: Says,
    /// Who signs it.
    pub signer: Signer,
    /// Of when it is.
    pub this_update: OffsetDateTime,
    /// When it ends.
    pub next_update: Option<OffsetDateTime>,
}

/// What an answer is signed with.
struct Signing {
    name: Vec<u8>,
    key: PKey<Private>,
    /// The certificate that is sent along.
    shown: Option<Vec<u8>>,
}

impl Pki {
    /// Returns an OCSPResponse about a certificate of a CA.
    ///
    /// # Errors
    ///
    /// When OpenSSL fails.
    pub fn answer(&self, about: &X509Ref, ca: Ca, answer: &Answer) -> Result<Vec<u8>, PkiError> {
        let Answer { says, signer, this_update, next_update } = answer;
        let status = match says {
            Says::Good => tlv(0x80, &[]),
            Says::Revoked => tlv(context(1), &generalized(*this_update)),
            Says::Unknown => tlv(0x82, &[]),
        };
        let end = next_update.map(|end| tlv(context(0), &generalized(end))).unwrap_or_default();
        let single = sequence(&[&self.certificate_id(about, ca)?, &status, &generalized(*this_update), &end]);
        let Signing { name, key, shown } = self.signer(*signer)?;
        let part = sequence(&[&tlv(context(1), &name), &generalized(*this_update), &sequence(&[&single])]);
        let scheme = der::Scheme::Pkcs1Sha256;
        let shown = shown.map(|certificate| tlv(context(0), &sequence(&[&certificate]))).unwrap_or_default();
        let basic = scheme.sign_before(&key, &part, &shown)?;
        let body = sequence(&[&oid("1.3.6.1.5.5.7.48.1.1")?, &tlv(OCTETS, &basic)]);
        Ok(sequence(&[&tlv(ENUMERATED, &[0]), &tlv(context(0), &body)]))
    }

    /// Returns an OCSPResponse that only says that there is none: `tryLater`.
    #[must_use]
    pub fn no_answer() -> Vec<u8> {
        sequence(&[&tlv(ENUMERATED, &[3])])
    }

    fn certificate_id(&self, about: &X509Ref, ca: Ca) -> Result<Vec<u8>, PkiError> {
        let issuer = self.certificate_of(ca)?;
        let sha1 = |bytes: &[u8]| hash(MessageDigest::sha1(), bytes);
        let name = sha1(&issuer.subject_name().to_der()?)?;
        let key = sha1(&issuer.public_key()?.rsa()?.public_key_to_der_pkcs1()?)?;
        let algorithm = sequence(&[&oid("1.3.14.3.2.26")?, &tlv(NULL, &[])]);
        Ok(sequence(&[&algorithm, &tlv(OCTETS, &name), &tlv(OCTETS, &key), &serial_of(about)?]))
    }

    fn signer(&self, signer: Signer) -> Result<Signing, PkiError> {
        let (ca, purpose, ended) = match signer {
            Signer::Itself(ca) => {
                let authority = self.authority(ca)?;
                return Ok(Signing { name: authority.name.clone(), key: authority.key.clone(), shown: None });
            }
            Signer::Delegate(ca) => (ca, OCSP_SIGNING, false),
            Signer::WithoutPurpose(ca) => (ca, "1.3.6.1.5.5.7.3.2", false),
            Signer::Ended(ca) => (ca, OCSP_SIGNING, true),
        };
        let authority = self.authority(ca)?;
        let [slot, _] = CALLER_KEYS;
        let (own, day) = (key(slot)?, time::Duration::DAY);
        let subject = der::name(&[("2.5.4.3", UTF8, "TEST OCSP responder")])?;
        let body = Body {
            serial: 0x0400,
            issuer: &authority.name,
            issuer_key: &authority.key,
            subject: &subject,
            key: &own,
            valid: if ended { (self.now - day * 9, self.now - day) } else { (self.now - day, self.now + day * 90) },
            extensions: delegate(purpose)?,
        };
        let certificate = body.certify(authority.ca.scheme())?;
        Ok(Signing { name: subject, key: own, shown: Some(certificate.to_der()?) })
    }
}

const ENUMERATED: u8 = 0x0a;
const NULL: u8 = 0x05;
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

fn delegate(purpose: &str) -> Result<Vec<Vec<u8>>, ErrorStack> {
    Ok(vec![
        extension("2.5.29.19", true, &tlv(SEQUENCE, &[]))?,
        extension("2.5.29.15", true, &leaf::key_usage(&[0]))?,
        extension("2.5.29.37", false, &sequence(&[&oid(purpose)?]))?,
        // id-pkix-ocsp-nocheck, as the register's have.
        extension("1.3.6.1.5.5.7.48.1.5", false, &tlv(NULL, &[]))?,
    ])
}
