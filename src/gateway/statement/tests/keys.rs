//! Sets of keys: which are taken, and what each algorithm's signatures are checked with.

use super::*;
use crate::gateway::statement::keys::KeySet;
use crate::identity::statement::Unproven;

fn set(keys: &[Value]) -> Result<KeySet, KeySetError> {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
}

fn jwk(name: &str) -> Value {
    signer(name).jwk().unwrap()
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

#[test]
fn a_set_that_can_be_read_in_two_ways_or_gives_a_secret_away_is_none() {
    assert!(set(&[jwk("rsa"), jwk("p256")]).is_ok());
    let error = |keys: &[Value]| set(keys).unwrap_err();
    assert_eq!(error(&[jwk("rsa"), with(jwk("p256"), "kid", json!("rsa"))]), KeySetError::RepeatedName);
    assert_eq!(error(&[with(jwk("p256"), "d", json!("AQ"))]), KeySetError::Secret);
    assert_eq!(error(&[jwk("rsa"), json!({"kty": "oct", "kid": "s", "k": "AAAA"})]), KeySetError::Secret);
    for keys in [vec![], vec![jwk("weak")], vec![with(jwk("rsa"), "use", json!("enc"))]] {
        assert_eq!(error(&keys), KeySetError::NoKey, "{keys:?}");
    }
    assert_eq!(error(&vec![with(jwk("rsa"), "kid", json!(0)); 65]), KeySetError::Shape);
    for (text, expected) in [
        ("", KeySetError::Json),
        ("{\"keys\":[],\"keys\":[]}", KeySetError::Json),
        ("[]", KeySetError::Shape),
        ("{\"keys\":{}}", KeySetError::Shape),
        ("{\"keys\":[1]}", KeySetError::Shape),
    ] {
        assert_eq!(KeySet::read(text.as_bytes()).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn a_key_that_is_no_good_is_left_out_and_known_by_its_name() {
    let zero = URL_ZERO.to_owned();
    let off_its_curve = with(with(jwk("p256"), "kid", json!("off")), "y", json!(zero));
    let small_exponent = with(with(jwk("rsa-2"), "kid", json!("three")), "e", json!("Aw"));
    let even = with(with(jwk("rsa-2"), "kid", json!("even")), "e", json!("AQAA"));
    let unknown = with(with(jwk("rsa-2"), "kid", json!("hs")), "alg", json!("HS256"));
    let named = ["off", "three", "even", "hs", "weak"];
    let set = set(&[jwk("rsa"), off_its_curve, small_exponent, even, unknown, jwk("weak")]).unwrap();
    for kid in named {
        let signer = signer(if kid == "weak" { "weak" } else { "rsa-2" }).named(kid);
        assert_eq!(verified(&set, &signer, Algorithm::Rs256), Err(Unproven::KeyUnfit), "{kid}");
    }
    assert_eq!(verified(&set, &signer("rsa"), Algorithm::Rs256), Ok(()));
    assert_eq!(verified(&set, &signer("other"), Algorithm::Rs256), Err(Unproven::KeyUnknown));
    assert_eq!(verified(&set, &signer("other").named("rsa"), Algorithm::Rs256), Err(Unproven::Signature));
}

/// 32 bytes of zero.
const URL_ZERO: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn verified(set: &KeySet, signer: &Signer, algorithm: Algorithm) -> Result<(), Unproven> {
    let token = signer.sign(algorithm, "JWT", &json!({"a": 1})).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    use base64::Engine as _;
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    set.verify(&Signed { algorithm, kid: signer.kid(), input, signature: &signature })
}

#[test]
fn each_algorithm_goes_with_its_own_keys_alone() {
    let set = KeySet::read(key_set().as_bytes()).unwrap();
    for algorithm in Algorithm::ALL {
        for (kid, family) in [("rsa", "RSA"), ("p256", "ES256"), ("p384", "ES384"), ("p521", "ES512")] {
            let goes = algorithm.name() == family || (kid == "rsa" && algorithm.name().starts_with(['R', 'P']));
            if goes {
                assert_eq!(verified(&set, &signer(kid), algorithm), Ok(()), "{kid} {algorithm:?}");
            } else {
                let signed = Signed { algorithm, kid, input: "a.b", signature: &[1; 64] };
                assert_eq!(set.verify(&signed), Err(Unproven::KeyUnfit), "{kid} {algorithm:?}");
            }
        }
    }
}

#[test]
fn a_signature_of_another_form_is_none() {
    let set = KeySet::read(key_set().as_bytes()).unwrap();
    for (algorithm, kid, length) in [
        (Algorithm::Es256, "p256", 0),
        (Algorithm::Es256, "p256", 63),
        (Algorithm::Es256, "p256", 64),
        (Algorithm::Es256, "p256", 65),
        (Algorithm::Es512, "p521", 132),
        (Algorithm::Rs256, "rsa", 255),
        (Algorithm::Ps256, "rsa", 256),
    ] {
        for byte in [0, 1, 255] {
            let signed = Signed { algorithm, kid, input: "a.b", signature: &vec![byte; length] };
            assert_eq!(set.verify(&signed), Err(Unproven::Signature), "{kid} {length} {byte}");
        }
    }
}
