//! A certificate, taken apart: names, usage, policies, validity. What is there, not whether it is right.

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::oid_registry::{
    OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_CERTIFICATE_POLICIES, OID_X509_EXT_EXTENDED_KEY_USAGE,
    OID_X509_EXT_KEY_USAGE, OID_X509_EXT_SUBJECT_ALT_NAME, Oid,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::caller::{CallerNames, CertificateFacts};
use super::distinguished;
use super::form;
use super::san::{self, AltNames};
use crate::limits;

/// An extension that must be read to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension<T> {
    Absent,
    /// There twice, or not of its form.
    Unreadable,
    Present(T),
}

/// What keyUsage allows, of what matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Signing,
    NotSigning,
}

/// What extKeyUsage allows, of what matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    ClientAuthentication,
    Others,
}

/// What basicConstraints makes of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    EndEntity,
    Authority,
}

/// Whether a certificate is of the strict form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Strict,
    Lax,
}

/// What a certificate says.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) form: Form,
    pub(super) alt_names: Extension<AltNames>,
    /// Every serialNumber of the subject.
    pub(super) serial_numbers: Vec<String>,
    /// Every common name of the issuer.
    pub(super) issuer_names: Vec<String>,
    pub(super) usage: Extension<Usage>,
    pub(super) purpose: Extension<Purpose>,
    pub(super) place: Extension<Place>,
    pub(super) policies: Extension<Vec<String>>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    pub(super) names: CallerNames,
    pub(super) facts: CertificateFacts,
}

/// Reads a certificate; nothing when the bytes are not exactly one, or too many.
pub(super) fn read(der: &[u8]) -> Option<Certificate> {
    if der.len() > limits::CERTIFICATE_BYTES {
        return None;
    }
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let subject = certificate.subject();
    let (not_before, not_after) =
        (certificate.validity().not_before.to_datetime(), certificate.validity().not_after.to_datetime());
    Some(Certificate {
        form: if form::is_strict(der) { Form::Strict } else { Form::Lax },
        alt_names: extension(&certificate, &OID_X509_EXT_SUBJECT_ALT_NAME, |extension| san::read(extension.value)),
        serial_numbers: values(subject, "2.5.4.5"),
        issuer_names: values(certificate.issuer(), "2.5.4.3"),
        usage: extension(&certificate, &OID_X509_EXT_KEY_USAGE, usage),
        purpose: extension(&certificate, &OID_X509_EXT_EXTENDED_KEY_USAGE, purpose),
        place: extension(&certificate, &OID_X509_EXT_BASIC_CONSTRAINTS, place),
        policies: extension(&certificate, &OID_X509_EXT_CERTIFICATE_POLICIES, policies),
        not_before,
        not_after,
        names: CallerNames {
            given_name: values(subject, "2.5.4.42").into_iter().next(),
            surname: values(subject, "2.5.4.4").into_iter().next(),
            title: values(subject, "2.5.4.12").into_iter().next(),
            organization: values(subject, "2.5.4.10").into_iter().next(),
            agb: None,
        },
        facts: CertificateFacts {
            subject: distinguished::text(subject),
            issuer: distinguished::text(certificate.issuer()),
            serial: serial(certificate.raw_serial()),
            not_before,
            not_after,
            sha256: distinguished::hex(&Sha256::digest(der)),
        },
    })
}

/// Reads the one extension with this OID.
///
/// RFC 5280, 4.2: there is at most one. Of two, one would be believed and the other overlooked.
fn extension<T>(
    certificate: &X509Certificate<'_>,
    oid: &Oid<'_>,
    read: impl FnOnce(&X509Extension<'_>) -> Option<T>,
) -> Extension<T> {
    match certificate.get_extension_unique(oid) {
        Ok(None) => Extension::Absent,
        Ok(Some(extension)) => read(extension).map_or(Extension::Unreadable, Extension::Present),
        Err(_) => Extension::Unreadable,
    }
}

fn usage(extension: &X509Extension<'_>) -> Option<Usage> {
    let ParsedExtension::KeyUsage(usage) = extension.parsed_extension() else { return None };
    Some(if usage.digital_signature() { Usage::Signing } else { Usage::NotSigning })
}

/// `anyExtendedKeyUsage` is no client authentication: no certificate of the register has it.
fn purpose(extension: &X509Extension<'_>) -> Option<Purpose> {
    let ParsedExtension::ExtendedKeyUsage(purposes) = extension.parsed_extension() else { return None };
    Some(if purposes.client_auth { Purpose::ClientAuthentication } else { Purpose::Others })
}

fn place(extension: &X509Extension<'_>) -> Option<Place> {
    let ParsedExtension::BasicConstraints(constraints) = extension.parsed_extension() else { return None };
    Some(if constraints.ca { Place::Authority } else { Place::EndEntity })
}

fn policies(extension: &X509Extension<'_>) -> Option<Vec<String>> {
    let ParsedExtension::CertificatePolicies(policies) = extension.parsed_extension() else { return None };
    policies.iter().map(|policy| distinguished::dotted(&policy.policy_id)).collect()
}

fn values(name: &X509Name<'_>, oid: &str) -> Vec<String> {
    name.iter_attributes()
        .filter(|attribute| distinguished::dotted(attribute.attr_type()).as_deref() == Some(oid))
        .map(|attribute| attribute.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Writes a serial number without the zero byte that keeps it positive.
fn serial(bytes: &[u8]) -> String {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => distinguished::hex(rest),
        _ => distinguished::hex(bytes),
    }
}
