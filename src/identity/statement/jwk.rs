//! A set of keys (JWKS, RFC 7517), read strictly.
//!
//! Each key that can be used is of a kind and size that counts. One that is not for signatures, or has no name, is left out;
//! one that is too weak is known by its name alone. A set that holds a secret is none: whoever published it gave it away.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::algorithm::Algorithm;
use crate::json::{Document, Kind, Value};
use crate::limits;

/// Why a set of keys is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// No JSON, or one that can be read in two ways.
    #[error("it is not JSON, or JSON that can be read in two ways")]
    Json,
    /// No set of keys.
    #[error("it is no JWKS")]
    Shape,
    /// A key has a private part, or is a shared secret.
    #[error("it holds a secret")]
    Secret,
    /// Two keys have one name.
    #[error("two keys have the same kid")]
    RepeatedName,
    /// No key in it can be used.
    #[error("no key in it can be used")]
    NoKey,
}

impl KeySetError {
    /// One of each kind.
    pub const ALL: [Self; 5] = [Self::Json, Self::Shape, Self::Secret, Self::RepeatedName, Self::NoKey];

    /// Returns the code, for metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Json => "not-json",
            Self::Shape => "no-key-set",
            Self::Secret => "secret",
            Self::RepeatedName => "repeated-kid",
            Self::NoKey => "no-key",
        }
    }
}

/// A curve of RFC 7518, 6.2.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// P-256
    P256,
    /// P-384
    P384,
    /// P-521
    P521,
}

impl Curve {
    /// Returns how many bytes a coordinate has (RFC 7518, 6.2.1.2).
    #[must_use]
    pub fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// What a public key is made of; numbers are big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// An RSA key of 2048 to 8192 bits.
    Rsa {
        /// The modulus, without leading zeros.
        modulus: Vec<u8>,
        /// The exponent, without leading zeros: odd, 65537 at least, of 4 bytes at most.
        exponent: Vec<u8>,
    },
    /// A point on a curve, if it is on it.
    Ec {
        /// The curve.
        curve: Curve,
        /// The first coordinate, at full length.
        x: Vec<u8>,
        /// The second coordinate, at full length.
        y: Vec<u8>,
    },
}

/// A key that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// Its name.
    pub kid: String,
    /// The one algorithm it is for, where the set says so.
    pub algorithm: Option<Algorithm>,
    /// What it is made of.
    pub material: Material,
}

impl Jwk {
    /// Returns true if and only if the key goes with the algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let is_for_it = self.algorithm.is_none_or(|own| own == algorithm);
        let curve = match &self.material {
            Material::Rsa { .. } => None,
            Material::Ec { curve, .. } => Some(*curve),
        };
        is_for_it
            && match algorithm {
                Algorithm::Rs256
                | Algorithm::Rs384
                | Algorithm::Rs512
                | Algorithm::Ps256
                | Algorithm::Ps384
                | Algorithm::Ps512 => curve.is_none(),
                Algorithm::Es256 => curve == Some(Curve::P256),
                Algorithm::Es384 => curve == Some(Curve::P384),
                Algorithm::Es512 => curve == Some(Curve::P521),
            }
    }
}

/// A set of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    /// Names of those that are too weak, or of no kind that counts.
    unfit: Vec<String>,
}

/// Members that hold a secret (RFC 7518, 6.2.2, 6.3.2, 6.4.1).
const SECRETS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// What makes it none that can be used.
    pub fn read(bytes: &[u8]) -> Result<Self, KeySetError> {
        let document = Document::read(bytes, limits::KEY_SET).map_err(|_| KeySetError::Json)?;
        let members = document.root().get("keys").filter(|keys| keys.kind() == Kind::Array);
        let (mut keys, mut unfit, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (count, jwk) in members.ok_or(KeySetError::Shape)?.items().enumerate() {
            if jwk.kind() != Kind::Object || count >= limits::KEYS {
                return Err(KeySetError::Shape);
            }
            if SECRETS.iter().any(|name| jwk.get(name).is_some()) {
                return Err(KeySetError::Secret);
            }
            let kid = jwk.text_of("kid").filter(|kid| (1..=limits::KEY_NAME_BYTES).contains(&kid.len()));
            // Without a name no header can choose it.
            let Some(kid) = kid.map(std::borrow::Cow::into_owned) else { continue };
            if names.contains(&kid) {
                return Err(KeySetError::RepeatedName);
            }
            names.push(kid.clone());
            if !is_for_signatures(jwk) {
                continue;
            }
            match key(kid.clone(), jwk) {
                Some(key) => keys.push(key),
                None => unfit.push(kid),
            }
        }
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self { keys, unfit }) }
    }

    /// Returns the keys that can be used.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Returns the names of those that are too weak, or of no kind that counts.
    #[must_use]
    pub fn unfit(&self) -> &[String] {
        &self.unfit
    }
}

/// RFC 7517, 4.2 and 4.3: what it is for, where that is said.
fn is_for_signatures(jwk: Value<'_>) -> bool {
    let by_use = jwk.get("use").is_none_or(|used| used.as_str().is_some_and(|used| used == "sig"));
    let verifies = |operations: Value<'_>| {
        operations.items().any(|operation| operation.as_str().is_some_and(|operation| operation == "verify"))
    };
    by_use && jwk.get("key_ops").is_none_or(verifies)
}

fn key(kid: String, jwk: Value<'_>) -> Option<Jwk> {
    let algorithm = match jwk.get("alg") {
        None => None,
        Some(name) => Some(Algorithm::of(&name.as_str()?)?),
    };
    let material = match jwk.text_of("kty")?.as_ref() {
        "RSA" => rsa(&number(jwk, "n")?, &number(jwk, "e")?)?,
        "EC" => {
            let curve = match jwk.text_of("crv")?.as_ref() {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                "P-521" => Curve::P521,
                _ => return None,
            };
            let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
            let whole = [&x, &y].iter().all(|coordinate| coordinate.len() == curve.coordinate_bytes());
            if !whole {
                return None;
            }
            Material::Ec { curve, x, y }
        }
        _ => return None,
    };
    Some(Jwk { kid, algorithm, material })
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Material> {
    let (modulus, exponent) = (significant(modulus), significant(exponent));
    let first = modulus.first()?;
    let bits = modulus.len().checked_mul(8)?.checked_sub(usize::try_from(first.leading_zeros()).ok()?)?;
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let value = exponent.iter().try_fold(0_u32, |value, byte| value.checked_mul(256)?.checked_add((*byte).into()))?;
    let good = (limits::RSA_BITS).contains(&bits) && is_odd(modulus) && is_odd(exponent) && value >= 65_537;
    good.then(|| Material::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn number(jwk: Value<'_>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(jwk.text_of(name)?.as_bytes()).ok()
}
