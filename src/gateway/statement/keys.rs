//! Keys that check signatures, by OpenSSL.

use std::collections::{HashMap, HashSet};
use std::fmt;

use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Verifier};

use crate::identity::statement::{Algorithm, Curve, Jwk, JwkSet, KeySetError, Material, Signed, Unproven};

/// The keys of one issuer, by their names.
pub(super) struct KeySet {
    keys: HashMap<String, (Jwk, PKey<Public>)>,
    unfit: HashSet<String>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({})", self.keys.len())
    }
}

impl KeySet {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, KeySetError> {
        let set = JwkSet::read(bytes)?;
        let mut unfit: HashSet<String> = set.unfit().iter().cloned().collect();
        let mut keys = HashMap::new();
        for jwk in set.keys() {
            match public(&jwk.material) {
                Ok(key) => {
                    keys.insert(jwk.kid.clone(), (jwk.clone(), key));
                }
                // A point that is not on its curve, or a modulus that is none.
                Err(_) => {
                    unfit.insert(jwk.kid.clone());
                }
            }
        }
        if keys.is_empty() { Err(KeySetError::NoKey) } else { Ok(Self { keys, unfit }) }
    }

    pub(super) fn verify(&self, signed: &Signed<'_>) -> Result<(), Unproven> {
        let Some((jwk, key)) = self.keys.get(signed.kid) else {
            let is_unfit = self.unfit.contains(signed.kid);
            return Err(if is_unfit { Unproven::KeyUnfit } else { Unproven::KeyUnknown });
        };
        if !jwk.fits(signed.algorithm) {
            return Err(Unproven::KeyUnfit);
        }
        // What OpenSSL cannot read as a signature is none.
        let good = is_signature(&jwk.material, key, signed).unwrap_or(false);
        if good { Ok(()) } else { Err(Unproven::Signature) }
    }
}

fn public(material: &Material) -> Result<PKey<Public>, ErrorStack> {
    match material {
        Material::Rsa { modulus, exponent } => {
            PKey::from_rsa(Rsa::from_public_components(BigNum::from_slice(modulus)?, BigNum::from_slice(exponent)?)?)
        }
        Material::Ec { curve, x, y } => {
            let group = EcGroup::from_curve_name(match curve {
                Curve::P256 => Nid::X9_62_PRIME256V1,
                Curve::P384 => Nid::SECP384R1,
                Curve::P521 => Nid::SECP521R1,
            })?;
            let (x, y) = (BigNum::from_slice(x)?, BigNum::from_slice(y)?);
            let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y)?;
            key.check_key()?;
            PKey::from_ec_key(key)
        }
    }
}

fn is_signature(material: &Material, key: &PKey<Public>, signed: &Signed<'_>) -> Result<bool, ErrorStack> {
    let (digest, is_pss) = match signed.algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => (MessageDigest::sha256(), false),
        Algorithm::Rs384 | Algorithm::Es384 => (MessageDigest::sha384(), false),
        Algorithm::Rs512 | Algorithm::Es512 => (MessageDigest::sha512(), false),
        Algorithm::Ps256 => (MessageDigest::sha256(), true),
        Algorithm::Ps384 => (MessageDigest::sha384(), true),
        Algorithm::Ps512 => (MessageDigest::sha512(), true),
    };
    let mut verifier = Verifier::new(digest, key)?;
    if is_pss {
        // RFC 7518, 3.5: the salt is as long as the hash, and the same hash makes the mask.
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_mgf1_md(digest)?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    let signature = match material {
        Material::Rsa { .. } => signed.signature.to_vec(),
        // RFC 7518, 3.4: the two numbers side by side, each at full length.
        Material::Ec { curve, .. } => {
            let width = curve.coordinate_bytes();
            let (Some(r), Some(s)) = (signed.signature.get(..width), signed.signature.get(width..)) else {
                return Ok(false);
            };
            if s.len() != width {
                return Ok(false);
            }
            EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?.to_der()?
        }
    };
    verifier.verify_oneshot(&signature, signed.input.as_bytes())
}
