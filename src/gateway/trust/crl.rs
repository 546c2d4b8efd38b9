//! One CRL: whose it is, how old, and whether the CA that it names signed it.

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Crl};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::Pem;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _};

/// How far the clock of the register may be ahead of ours.
const SKEW: Duration = Duration::minutes(5);

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
    #[error("it is older than the one that is there")]
    Older,
}

impl CrlError {
    /// Every one.
    pub(in crate::gateway) const ALL: [Self; 6] =
        [Self::Malformed, Self::UnknownIssuer, Self::NotSigned, Self::NotYet, Self::Ended, Self::Older];

    pub(in crate::gateway) fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownIssuer => "unknown-issuer",
            Self::NotSigned => "not-signed",
            Self::NotYet => "not-yet",
            Self::Ended => "ended",
            Self::Older => "older",
        }
    }
}

/// Where a CRL stands among those of its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edition {
    /// CRLNumber (RFC 5280, 5.2.3), without leading zeros.
    number: Option<Vec<u8>>,
    this_update: OffsetDateTime,
    pub(super) next_update: OffsetDateTime,
}

impl Edition {
    /// Returns true if and only if this one was published before the other: by number, where both have one, or by time.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        let by_number = match (&self.number, &other.number) {
            (Some(own), Some(others)) => (own.len(), own) < (others.len(), others),
            (_, _) => false,
        };
        by_number || self.this_update < other.this_update
    }
}

/// A CRL that could be read.
pub(in crate::gateway) struct Crl {
    der: Vec<u8>,
    parsed: X509Crl,
    issuer: Vec<u8>,
    edition: Edition,
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
        Ok(Self { der, parsed, issuer, edition })
    }

    /// Returns its DER.
    pub(in crate::gateway) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the name of its issuer, in DER.
    pub(in crate::gateway) fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    pub(super) fn edition(&self) -> &Edition {
        &self.edition
    }

    /// Checks that one of these CAs has the name of its issuer and signed it.
    pub(super) fn is_signed_by_one_of<'a>(&self, cas: impl Iterator<Item = &'a X509>) -> Result<(), CrlError> {
        let mut found = Err(CrlError::UnknownIssuer);
        for ca in cas {
            let same = ca.subject_name().try_cmp(self.parsed.issuer_name());
            if !same.is_ok_and(|order| order == std::cmp::Ordering::Equal) {
                continue;
            }
            found = Err(CrlError::NotSigned);
            // A CA of the same name may have another key.
            if ca.public_key().and_then(|key| self.parsed.verify(&key)).is_ok_and(|signed| signed) {
                return Ok(());
            }
        }
        found
    }

    /// Checks that the moment is inside the time that it holds.
    pub(super) fn holds_at(&self, now: OffsetDateTime) -> Result<(), CrlError> {
        if self.edition.this_update > now + SKEW {
            return Err(CrlError::NotYet);
        }
        if self.edition.next_update <= now {
            return Err(CrlError::Ended);
        }
        Ok(())
    }
}

fn moment(time: &Asn1TimeRef) -> Result<OffsetDateTime, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    let since = Duration::days(since.days.into()) + Duration::seconds(since.secs.into());
    Ok(OffsetDateTime::UNIX_EPOCH.saturating_add(since))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn edition(number: Option<&[u8]>, hour: i64) -> Edition {
        let this_update = datetime!(2026-03-01 12:00 UTC) + Duration::hours(hour);
        Edition { number: number.map(<[u8]>::to_vec), this_update, next_update: this_update + Duration::days(2) }
    }

    #[test]
    fn an_edition_is_before_another_by_its_number_or_its_time() {
        let (low, high) = (edition(Some(&[0xff]), 0), edition(Some(&[0x01, 0x00]), 0));
        assert!(low.is_before(&high) && !high.is_before(&low));
        assert!(!low.is_before(&low));
        assert!(edition(Some(&[5]), 0).is_before(&edition(Some(&[5]), 1)));
        assert!(edition(Some(&[6]), 0).is_before(&edition(Some(&[5]), 1)));
        assert!(edition(None, 0).is_before(&edition(Some(&[5]), 1)));
        assert!(!edition(None, 1).is_before(&edition(Some(&[5]), 1)));
    }

    #[test]
    fn what_is_not_exactly_one_crl_is_malformed() {
        for bytes in [&b""[..], b"no CRL", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"] {
            assert!(matches!(Crl::read(bytes), Err(CrlError::Malformed)));
        }
    }
}
