//! One CRL: whose it is, how old, whether the CA that it names signed it, and whether it speaks of all that it issued.
//!
//! `fuzz/fuzz_targets/crl.rs` compiles this file by itself.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::x509::{X509, X509Crl, X509NameRef};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use x509_parser::asn1_rs::{Any, Class, Tag};
use x509_parser::oid_registry::{
    OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_DELTA_CRL_INDICATOR, OID_X509_EXT_ISSUER_DISTRIBUTION_POINT,
};
use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

use super::edition::{Edition, Editions};

/// Why a CRL does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Not one CRL in DER or PEM, or one without nextUpdate.
    #[error("it is not one CRL, in DER or PEM, that says until when it holds")]
    Malformed,
    /// No CA that is known here has the name of its issuer.
    #[error("its issuer is no CA that is known here")]
    UnknownIssuer,
    /// The CA of that name did not sign it.
    #[error("its issuer did not sign it")]
    NotSigned,
    /// It says to be of a moment that is to come.
    #[error("it is of a moment that is to come")]
    NotYet,
    /// It is past its nextUpdate.
    #[error("it is past its nextUpdate")]
    Ended,
    /// There is a later one of the same issuer.
    #[error("it is older than the one that was there")]
    Older,
    /// It says what changed since another one (RFC 5280, 5.2.4).
    #[error("it is a delta CRL (deltaCRLIndicator), and a full one is needed")]
    Delta,
    /// It speaks of some certificates, some reasons or of those of other CAs (RFC 5280, 5.2.5).
    #[error("its issuingDistributionPoint limits it to a part, and one of all certificates and reasons is needed")]
    Partial,
    /// It has a critical extension, or an entry with one, that is not understood (RFC 5280, 5.2 and 5.3).
    #[error("it has a critical extension that is not understood")]
    CriticalExtension,
}

impl CrlError {
    /// Every one.
    pub(in crate::gateway) const ALL: [Self; 9] = [
        Self::Malformed,
        Self::UnknownIssuer,
        Self::NotSigned,
        Self::NotYet,
        Self::Ended,
        Self::Older,
        Self::Delta,
        Self::Partial,
        Self::CriticalExtension,
    ];

    pub(in crate::gateway) fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownIssuer => "unknown-issuer",
            Self::NotSigned => "not-signed",
            Self::NotYet => "not-yet",
            Self::Ended => "ended",
            Self::Older => "older",
            Self::Delta => "delta",
            Self::Partial => "partial",
            Self::CriticalExtension => "critical-extension",
        }
    }
}

/// A CRL that could be read.
pub(in crate::gateway) struct Crl {
    der: Vec<u8>,
    parsed: X509Crl,
    /// By what others of its kind are known: the name of its issuer, its key, and its distribution point where it has one.
    series: String,
    edition: Edition,
    extent: Result<(), CrlError>,
}

impl Crl {
    /// Reads bytes that are exactly one CRL.
    pub(in crate::gateway) fn read(bytes: &[u8]) -> Result<Self, CrlError> {
        if !super::load::is_pem(bytes) {
            return Self::of_der(bytes.to_vec());
        }
        let mut blocks = Pem::iter_from_buffer(bytes);
        match (blocks.next(), blocks.next()) {
            (Some(Ok(block)), None) if block.label == "X509 CRL" => Self::of_der(block.contents),
            _ => Err(CrlError::Malformed),
        }
    }

    pub(super) fn of_der(der: Vec<u8>) -> Result<Self, CrlError> {
        let parsed = X509Crl::from_der(&der).map_err(|_| CrlError::Malformed)?;
        let next_update = parsed.next_update().ok_or(CrlError::Malformed)?;
        let (this_update, next_update) = (moment(parsed.last_update()), moment(next_update));
        let (this_update, next_update) =
            this_update.and_then(|this_update| Ok((this_update, next_update?))).map_err(|_| CrlError::Malformed)?;
        let issuer = parsed.issuer_name().to_der().map_err(|_| CrlError::Malformed)?;
        let (rest, read) = CertificateRevocationList::from_der(&der).map_err(|_| CrlError::Malformed)?;
        if !rest.is_empty() {
            return Err(CrlError::Malformed);
        }
        let number = read.crl_number().map(|number| number.to_bytes_be());
        let edition = Edition { number, this_update, next_update };
        let (series, extent) = (series(&issuer, &read), extent(&read));
        Ok(Self { der, parsed, series, edition, extent })
    }

    /// Returns its DER.
    pub(in crate::gateway) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns what it has in common with those before and after it, and with no other.
    pub(super) fn series(&self) -> &str {
        &self.series
    }

    /// Returns true if and only if both name one issuer.
    pub(in crate::gateway) fn is_of_issuer_of(&self, other: &Self) -> bool {
        self.parsed.issuer_name().try_cmp(other.parsed.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
    }

    /// Returns the common name of its issuer.
    pub(super) fn issuer(&self) -> String {
        common_name(self.parsed.issuer_name())
    }

    /// Checks that it speaks of all certificates of its issuer, of all reasons, and of nobody else's.
    ///
    /// OpenSSL takes a delta CRL for a full one where nothing asks for more.
    pub(super) fn is_whole(&self) -> Result<(), CrlError> {
        self.extent
    }

    pub(super) fn edition(&self) -> &Edition {
        &self.edition
    }

    /// Notes it as seen.
    pub(in crate::gateway) fn note(&self, seen: &mut Editions) {
        seen.note(&self.series, &self.edition);
    }

    /// Returns which of these CAs has the name of its issuer and signed it.
    pub(super) fn signer<'a>(&self, cas: impl Iterator<Item = &'a X509>) -> Result<&'a X509, CrlError> {
        let mut found = Err(CrlError::UnknownIssuer);
        for ca in cas {
            let same = ca.subject_name().try_cmp(self.parsed.issuer_name());
            if !same.is_ok_and(|order| order == std::cmp::Ordering::Equal) {
                continue;
            }
            // A CA of the same name may have another key.
            if ca.public_key().and_then(|key| self.parsed.verify(&key)).is_ok_and(|signed| signed) {
                return Ok(ca);
            }
            found = Err(CrlError::NotSigned);
        }
        found
    }
}

fn moment(time: &Asn1TimeRef) -> Result<OffsetDateTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    let since = Duration::days(since.days.into()) + Duration::seconds(since.secs.into());
    Ok(OffsetDateTime::UNIX_EPOCH.saturating_add(since))
}

fn series(issuer: &[u8], read: &CertificateRevocationList<'_>) -> String {
    let mut digest = Sha256::new_with_prefix(issuer);
    // A CA may have CRLs of several points, and of several keys under one name.
    for oid in [OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_ISSUER_DISTRIBUTION_POINT] {
        for extension in read.extensions().iter().filter(|extension| extension.oid == oid) {
            digest.update(extension.value);
        }
        digest.update([0]);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn extent(read: &CertificateRevocationList<'_>) -> Result<(), CrlError> {
    for extension in read.extensions() {
        if extension.oid == OID_X509_EXT_DELTA_CRL_INDICATOR {
            return Err(CrlError::Delta);
        }
        let is_known = if extension.oid == OID_X509_EXT_ISSUER_DISTRIBUTION_POINT {
            if !names_its_point_alone(extension.value) {
                return Err(CrlError::Partial);
            }
            true
        } else {
            extension.oid == OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER
        };
        if extension.critical && !is_known {
            return Err(CrlError::CriticalExtension);
        }
    }
    // The one that RFC 5280 knows, certificateIssuer, stands in CRLs of several CAs alone.
    let entries = read.iter_revoked_certificates().flat_map(|entry| entry.extensions());
    if entries.into_iter().any(|extension| extension.critical) {
        return Err(CrlError::CriticalExtension);
    }
    Ok(())
}

/// RFC 5280, 5.2.5: of all that an issuingDistributionPoint can say, `distributionPoint [0]` alone leaves nothing out.
/// That a certificate names that very point is for OpenSSL to see.
fn names_its_point_alone(value: &[u8]) -> bool {
    let Ok((rest, point)) = Any::from_der(value) else { return false };
    if !rest.is_empty() || point.tag() != Tag::Sequence {
        return false;
    }
    let Ok((rest, name)) = Any::from_der(point.data) else { return false };
    rest.is_empty() && name.class() == Class::ContextSpecific && name.tag() == Tag(0)
}

/// Returns the common name, for people.
pub(super) fn common_name(name: &X509NameRef) -> String {
    let found = name.entries_by_nid(Nid::COMMONNAME).last();
    found.and_then(|entry| entry.data().to_string().ok()).unwrap_or_else(|| "unnamed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_exactly_one_crl_is_malformed() {
        for bytes in [&b""[..], b"no CRL", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"] {
            assert!(matches!(Crl::read(bytes), Err(CrlError::Malformed)));
        }
    }

    #[test]
    fn a_distribution_point_alone_leaves_nothing_out() {
        assert!(names_its_point_alone(&[0x30, 4, 0xa0, 2, 0xa0, 0]));
        for value in [
            &[0x30, 0][..],
            &[0x30, 3, 0x81, 1, 0xff],
            &[0x30, 7, 0xa0, 2, 0xa0, 0, 0x82, 1, 0xff],
            &[0x30, 7, 0xa0, 2, 0xa0, 0, 0x84, 1, 0x00],
            &[0x30, 4, 0xa0, 2, 0xa0, 0, 0],
            &[0xa0, 2, 0xa0, 0],
            &[0x30, 0x80, 0xa0, 0, 0, 0],
            &[],
        ] {
            assert!(!names_its_point_alone(value), "{value:02x?}");
        }
    }
}
