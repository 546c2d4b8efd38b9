//! Writing DER (X.690) and the shapes of RFC 5280 that the test PKI is made of.
//!
//! By hand, because the certificates must be able to be wrong in every way a real one can be, and because the OpenSSL
//! binding signs certificates with PKCS#1 v1.5 only.

use openssl::asn1::Asn1Object;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use time::OffsetDateTime;

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const IA5: u8 = 0x16;
pub(super) const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const NULL: u8 = 0x05;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Returns the tag of a context-specific constructed element.
pub(super) fn context(number: u8) -> u8 {
    0xa0 | number
}

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        Ok(_) | Err(_) => {
            let length: Vec<u8> = content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(length.len()).unwrap_or(0x7f));
            out.extend(length);
        }
    }
    out.extend_from_slice(content);
    out
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

pub(super) fn oid(dotted: &str) -> Result<Vec<u8>, ErrorStack> {
    Ok(tlv(OBJECT, Asn1Object::from_str(dotted)?.as_slice()))
}

/// Writes an INTEGER that is not negative, from its bytes, big end first.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if bytes.first().is_none_or(|byte| *byte >= 0x80) {
        bytes.insert(0, 0);
    }
    tlv(INTEGER, &bytes)
}

pub(super) fn bits(bytes: &[u8], unused: u8) -> Vec<u8> {
    tlv(BITS, &[&[unused], bytes].concat())
}

/// RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050.
pub(super) fn moment(moment: OffsetDateTime) -> Vec<u8> {
    let moment = moment.to_offset(time::UtcOffset::UTC);
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let (hour, minute, second) = moment.to_hms();
    let rest = format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    if (1950..2050).contains(&year) {
        tlv(UTC_TIME, format!("{:02}{rest}", year % 100).as_bytes())
    } else {
        tlv(GENERALIZED_TIME, format!("{year:04}{rest}").as_bytes())
    }
}

/// Writes a GeneralizedTime, whatever the year (RFC 6960, 4.2.1).
pub(super) fn generalized(moment: OffsetDateTime) -> Vec<u8> {
    let moment = moment.to_offset(time::UtcOffset::UTC);
    let (year, month, day) = (moment.year(), u8::from(moment.month()), moment.day());
    let (hour, minute, second) = moment.to_hms();
    tlv(GENERALIZED_TIME, format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z").as_bytes())
}

/// Writes a Name of one attribute each: type, string tag, value.
pub(super) fn name(attributes: &[(&str, u8, &str)]) -> Result<Vec<u8>, ErrorStack> {
    let mut relative = Vec::new();
    for (kind, tag, value) in attributes {
        relative.extend(tlv(SET, &sequence(&[&oid(kind)?, &tlv(*tag, value.as_bytes())])));
    }
    Ok(tlv(SEQUENCE, &relative))
}

/// Writes one extension around the DER of its value.
pub(super) fn extension(kind: &str, critical: bool, value: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let critical = if critical { tlv(BOOLEAN, &[0xff]) } else { Vec::new() };
    Ok(sequence(&[&oid(kind)?, &critical, &tlv(OCTETS, value)]))
}

/// How a CA signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// sha256WithRSAEncryption, as the G3 generation.
    Pkcs1Sha256,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512, salt of 64 bytes, as the G4 generation (RFC 4055).
    PssSha512,
}

impl Scheme {
    /// Returns the AlgorithmIdentifier.
    pub(super) fn algorithm(self) -> Result<Vec<u8>, ErrorStack> {
        let null = tlv(NULL, &[]);
        match self {
            Self::Pkcs1Sha256 => Ok(sequence(&[&oid("1.2.840.113549.1.1.11")?, &null])),
            Self::PssSha512 => {
                let sha512 = sequence(&[&oid("2.16.840.1.101.3.4.2.3")?, &null]);
                let mgf1 = sequence(&[&oid("1.2.840.113549.1.1.8")?, &sha512]);
                let parameters =
                    sequence(&[&tlv(context(0), &sha512), &tlv(context(1), &mgf1), &tlv(context(2), &unsigned(&[64]))]);
                Ok(sequence(&[&oid("1.2.840.113549.1.1.10")?, &parameters]))
            }
        }
    }

    /// Signs a to-be-signed part; returns the whole: the part, the algorithm, the signature.
    pub(super) fn sign(self, key: &PKey<Private>, part: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        self.sign_before(key, part, &[])
    }

    /// Signs a part that something stands behind which is not signed.
    pub(super) fn sign_before(self, key: &PKey<Private>, part: &[u8], behind: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let digest = match self {
            Self::Pkcs1Sha256 => MessageDigest::sha256(),
            Self::PssSha512 => MessageDigest::sha512(),
        };
        let mut signer = Signer::new(digest, key)?;
        if self == Self::PssSha512 {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            signer.set_rsa_mgf1_md(digest)?;
        }
        let signature = signer.sign_oneshot_to_vec(part)?;
        Ok(sequence(&[part, &self.algorithm()?, &bits(&signature, 0), behind]))
    }
}
