//! A signer of statements, for tests: what Dezi and an authorization server would be, in code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer as Signing};
use serde_json::{Value, json};

use crate::identity::statement::{Algorithm, Curve};

/// A private key with a name.
#[derive(Clone)]
pub struct Signer {
    kid: String,
    key: PKey<Private>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// Makes one with an RSA key of so many bits.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn rsa(kid: &str, bits: u32) -> Result<Self, ErrorStack> {
        Ok(Self { kid: kid.to_owned(), key: PKey::from_rsa(Rsa::generate(bits)?)? })
    }

    /// Makes one with a key on a curve.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn ec(kid: &str, curve: Curve) -> Result<Self, ErrorStack> {
        use openssl::nid::Nid;
        let group = EcGroup::from_curve_name(match curve {
            Curve::P256 => Nid::X9_62_PRIME256V1,
            Curve::P384 => Nid::SECP384R1,
            Curve::P521 => Nid::SECP521R1,
        })?;
        Ok(Self { kid: kid.to_owned(), key: PKey::from_ec_key(EcKey::generate(&group)?)? })
    }

    /// Returns the same key under another name.
    #[must_use]
    pub fn named(&self, kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: self.key.clone() }
    }

    /// Returns the name of the key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the public key as a JWK.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn jwk(&self) -> Result<Value, ErrorStack> {
        if let Ok(rsa) = self.key.rsa() {
            let (n, e) = (encode(&rsa.n().to_vec()), encode(&rsa.e().to_vec()));
            return Ok(json!({"kty": "RSA", "use": "sig", "kid": self.kid, "n": n, "e": e}));
        }
        let key = self.key.ec_key()?;
        let (mut x, mut y, mut context) = (BigNum::new()?, BigNum::new()?, BigNumContext::new()?);
        key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context)?;
        let width = i32::try_from(key.group().degree().div_ceil(8)).unwrap_or_default();
        let curve = match width {
            32 => "P-256",
            48 => "P-384",
            _ => "P-521",
        };
        let (x, y) = (encode(&x.to_vec_padded(width)?), encode(&y.to_vec_padded(width)?));
        Ok(json!({"kty": "EC", "use": "sig", "kid": self.kid, "crv": curve, "x": x, "y": y}))
    }

    /// Signs claims, under a header of this type.
    ///
    /// # Errors
    /// The key does not go with the algorithm.
    pub fn sign(&self, algorithm: Algorithm, kind: &str, claims: &Value) -> Result<String, ErrorStack> {
        let header = json!({"alg": algorithm.name(), "typ": kind, "kid": self.kid});
        self.seal(algorithm, &header.to_string(), &claims.to_string())
    }

    /// Signs a header and claims as they are written.
    ///
    /// # Errors
    /// The key does not go with the algorithm.
    pub fn seal(&self, algorithm: Algorithm, header: &str, claims: &str) -> Result<String, ErrorStack> {
        let input = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let (digest, is_pss) = match algorithm {
            Algorithm::Rs256 | Algorithm::Es256 => (MessageDigest::sha256(), false),
            Algorithm::Rs384 | Algorithm::Es384 => (MessageDigest::sha384(), false),
            Algorithm::Rs512 | Algorithm::Es512 => (MessageDigest::sha512(), false),
            Algorithm::Ps256 => (MessageDigest::sha256(), true),
            Algorithm::Ps384 => (MessageDigest::sha384(), true),
            Algorithm::Ps512 => (MessageDigest::sha512(), true),
        };
        let mut signing = Signing::new(digest, &self.key)?;
        if is_pss {
            signing.set_rsa_padding(Padding::PKCS1_PSS)?;
            signing.set_rsa_mgf1_md(digest)?;
            signing.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        let mut signature = signing.sign_oneshot_to_vec(input.as_bytes())?;
        if let Ok(key) = self.key.ec_key() {
            let width = i32::try_from(key.group().degree().div_ceil(8)).unwrap_or_default();
            let pair = EcdsaSig::from_der(&signature)?;
            signature = [pair.r().to_vec_padded(width)?, pair.s().to_vec_padded(width)?].concat();
        }
        Ok(format!("{input}.{}", encode(&signature)))
    }
}

/// Returns a set of the keys of these signers.
///
/// # Errors
/// When OpenSSL fails.
pub fn jwks(signers: &[&Signer]) -> Result<String, ErrorStack> {
    let keys = signers.iter().map(|signer| signer.jwk()).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "keys": keys }).to_string())
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
