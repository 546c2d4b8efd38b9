//! One answer of a responder (RFC 6960): whose it is, about what, of when, and what it says.

use std::time::Duration;

use openssl::asn1::Asn1GeneralizedTimeRef;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspBasicResponseRef, OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::OcspError;
use crate::gateway::trust::{SKEW, Unproven};

/// What a responder says of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Good,
    Revoked,
}

impl Told {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
        }
    }
}

/// Reads an answer about a certificate; returns what it says and until when that counts.
pub(super) fn read(
    bytes: &[u8],
    about: &Unproven,
    now: OffsetDateTime,
    max_age: Duration,
) -> Result<(Told, OffsetDateTime), OcspError> {
    let response = OcspResponse::from_der(bytes).map_err(|_| OcspError::Malformed)?;
    // OpenSSL reads what it needs, and there is to be nothing behind it.
    if response.to_der().map_err(|_| OcspError::Malformed)? != bytes {
        return Err(OcspError::Malformed);
    }
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Err(OcspError::Refused { status: response.status().as_raw() });
    }
    let basic = response.basic().map_err(|_| OcspError::Malformed)?;
    verify(&basic, about).map_err(|_| OcspError::NotSigned)?;
    let id = OcspCertId::from_cert(MessageDigest::sha1(), &about.certificate, &about.issuer);
    let id = id.map_err(|_| OcspError::OpenSsl)?;
    let status = basic.find_status(&id).ok_or(OcspError::OtherCertificate)?;
    let this_update = moment(status.this_update).ok_or(OcspError::Malformed)?;
    let next_update = match status.next_update() {
        Some(next_update) => Some(moment(next_update).ok_or(OcspError::Malformed)?),
        None => None,
    };
    let until = until(this_update, next_update, now, max_age)?;
    // Only what is said now says anything: an old `revoked` may have been a suspension.
    if status.status == OcspCertStatus::GOOD {
        Ok((Told::Good, until))
    } else if status.status == OcspCertStatus::REVOKED {
        Ok((Told::Revoked, until))
    } else {
        Err(OcspError::Unknown)
    }
}

/// The signer is the issuer itself, or issued by it for signing such answers (RFC 6960, 4.2.2.2); no other CA vouches.
/// Whether a delegate is revoked is not asked: whoever asks has no CRL of its issuer.
fn verify(basic: &OcspBasicResponseRef, about: &Unproven) -> Result<(), ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(about.issuer.clone())?;
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    let mut certificates = Stack::new()?;
    certificates.push(about.issuer.clone())?;
    basic.verify(&certificates, &store.build(), OcspFlag::NO_EXPLICIT)
}

/// Until when an answer counts. One without nextUpdate says that there is always a later one.
fn until(
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    now: OffsetDateTime,
    max_age: Duration,
) -> Result<OffsetDateTime, OcspError> {
    if this_update > now + SKEW {
        return Err(OcspError::NotYet);
    }
    let until = next_update.map_or(this_update + max_age, |next_update| (now + max_age).min(next_update));
    if until <= now { Err(OcspError::Ended) } else { Ok(until) }
}

/// The binding tells a time as text alone: `Mar  1 12:00:00 2026 GMT`.
fn moment(time: &Asn1GeneralizedTimeRef) -> Option<OffsetDateTime> {
    let form = format_description!("[month repr:short] [day padding:space] [hour]:[minute]:[second] [year] GMT");
    PrimitiveDateTime::parse(&time.to_string(), form).ok().map(PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    use openssl::asn1::Asn1GeneralizedTime;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_time_of_openssl_is_read_from_its_text() {
        for (text, expected) in [
            ("20260301120000Z", Some(NOW)),
            ("20261231235959Z", Some(datetime!(2026-12-31 23:59:59 UTC))),
            ("20260301120000.5Z", None),
        ] {
            assert_eq!(moment(&Asn1GeneralizedTime::from_str(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn an_answer_counts_until_its_end_and_no_longer_than_is_set() {
        let minutes = time::Duration::minutes;
        let until = |from: i64, end: Option<i64>| {
            super::until(NOW + minutes(from), end.map(|end| NOW + minutes(end)), NOW, HOUR)
        };
        assert_eq!(until(-10, Some(10)), Ok(NOW + minutes(10)));
        assert_eq!(until(-600, Some(600)), Ok(NOW + HOUR));
        assert_eq!(until(-10, None), Ok(NOW + minutes(50)));
        assert_eq!(until(3, Some(10)), Ok(NOW + minutes(10)));
        assert_eq!(until(6, Some(10)), Err(OcspError::NotYet));
        assert_eq!(until(-10, Some(0)), Err(OcspError::Ended));
        assert_eq!(until(-60, None), Err(OcspError::Ended));
    }
}
