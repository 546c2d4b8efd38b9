//! A JWS in its compact form, taken apart. What is there, not whether it is right.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use super::unproven::Unproven;
use crate::json::{Document, Kind, Value};
use crate::limits;

/// What is signed, by what it says, and the signature.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'t> {
    /// The algorithm that the header names.
    pub algorithm: Algorithm,
    /// The name of the key.
    pub kid: &'t str,
    /// Header and claims as they were sent, with the dot between them: what the signature is over.
    pub input: &'t str,
    /// The signature.
    pub signature: &'t [u8],
}

/// The members of the header that count. Those that are not known are left aside (RFC 7515, 4), but for those that would
/// change how the rest is read or where keys come from: a header that has one is not read.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    pub(super) kind: Option<String>,
    /// Addresses of keys: `jku`, `x5u`.
    pub(super) key_urls: Vec<String>,
}

/// A JWS.
#[derive(Clone)]
pub(super) struct Compact<'t> {
    header: Header,
    input: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Compact<'t> {
    /// Reads a JWS of at most `limit` characters.
    pub(super) fn read(text: &'t str, limit: usize) -> Result<Self, Unproven> {
        if text.len() > limit {
            return Err(Unproven::TooLong);
        }
        // Two dots: one with four is encrypted, and none of those is read.
        let (input, signature) = text.rsplit_once('.').ok_or(Unproven::Form)?;
        let (header, payload) = input.split_once('.').ok_or(Unproven::Form)?;
        if payload.contains('.') {
            return Err(Unproven::Form);
        }
        let header = Header::read(&decode(header)?)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        if payload.is_empty() || signature.is_empty() {
            return Err(Unproven::Form);
        }
        Ok(Self { header, input, payload, signature })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn signed(&self) -> Signed<'_> {
        let Self { header, input, signature, payload: _ } = self;
        Signed { algorithm: header.algorithm, kid: &header.kid, input, signature }
    }
}

/// RFC 7515, 2: base64url without padding. What has bits beyond its bytes is not read: two texts would be one statement.
fn decode(part: &str) -> Result<Vec<u8>, Unproven> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Unproven::Form)
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Unproven> {
        let document = Document::read(bytes, limits::STATEMENT_HEADER).map_err(|_| Unproven::Json)?;
        let header = document.root();
        if header.kind() != Kind::Object {
            return Err(Unproven::Json);
        }
        let has = |name: &str| header.get(name).is_some();
        // RFC 7515, 4.1.11; RFC 7797: `b64` changes what is signed.
        if has("crit") || has("b64") {
            return Err(Unproven::Critical);
        }
        if has("jwk") || has("x5c") {
            return Err(Unproven::EmbeddedKey);
        }
        // RFC 7516: of what is encrypted or compressed.
        if has("enc") || has("zip") {
            return Err(Unproven::Form);
        }
        let algorithm = header.text_of("alg").and_then(|name| Algorithm::of(&name)).ok_or(Unproven::Algorithm)?;
        let kid = header.text_of("kid").filter(|kid| (1..=limits::KEY_NAME_BYTES).contains(&kid.len()));
        let kid = kid.ok_or(Unproven::KeyUnknown)?.into_owned();
        let kind = text(header, "typ").map_err(|()| Unproven::Type)?;
        let mut key_urls = Vec::new();
        for name in ["jku", "x5u"] {
            key_urls.extend(text(header, name).map_err(|()| Unproven::KeyUrl)?);
        }
        Ok(Self { algorithm, kid, kind, key_urls })
    }
}

/// Returns a member that is a string where it is there at all.
fn text(header: Value<'_>, name: &str) -> Result<Option<String>, ()> {
    match header.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(|text| Some(text.into_owned())).ok_or(()),
    }
}
