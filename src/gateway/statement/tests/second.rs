//! A second reader of statements, written apart from the first: what the first accepts must be good by this one too.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::*;

/// Checks an accepted statement: its parts, its type, its times and whom it names, by a JSON reader that takes anything.
pub(super) fn agrees(kind: &str, field: &str, caller: &Caller, at: OffsetDateTime, name: &str) {
    let (scheme, token) = field.split_once(' ').unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!((scheme.to_lowercase().as_str(), parts.len()), ("bearer", 3), "{name}");
    let [header, claims] = [parts[0], parts[1]].map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), part, "{name}: one text for each statement");
        serde_json::from_slice::<Value>(&bytes).unwrap()
    });
    for never in ["crit", "b64", "jwk", "x5c", "x5u", "zip", "enc"] {
        assert!(header.get(never).is_none(), "{name}: {never}");
    }
    let typ = header["typ"].as_str().unwrap().to_lowercase().replace("application/", "");
    assert_eq!(typ, kind_of(kind).to_lowercase(), "{name}");
    let algorithm = header["alg"].as_str().unwrap();
    assert!(["RS", "PS", "ES"].iter().any(|family| algorithm.starts_with(family)), "{name}");
    let (now, skew) = (at.unix_timestamp(), 60);
    let seconds = |claim: &str| claims[claim].as_i64();
    assert!(now < seconds("exp").unwrap() + skew, "{name}");
    for from in ["nbf", "iat"] {
        assert!(seconds(from).is_none_or(|from| from - skew <= now), "{name}: {from}");
    }
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()), "{name}");
    if kind == "dezi" {
        assert_eq!(claims["iss"], DEZI, "{name}");
        assert_eq!(claims["abonnee_nummer"], caller.ura().as_str(), "{name}");
        assert!(claims["status_uri"].as_str().unwrap().ends_with(claims["verklaring_id"].as_str().unwrap()), "{name}");
        let made = seconds("iat").or(seconds("nbf")).unwrap();
        assert!(now - made <= 86_400 + skew, "{name}");
    } else {
        assert_eq!(claims["iss"], IUA, "{name}");
        let audiences = claims["aud"].as_array().cloned().unwrap_or_else(|| vec![claims["aud"].clone()]);
        assert!(audiences.contains(&json!("https://sluis.test/fhir")), "{name}");
        let sha256 = caller.certificate().unwrap().sha256.as_bytes().to_vec();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = sha256.chunks(2).map(byte).collect();
        assert_eq!(claims["cnf"], json!({"x5t#S256": URL_SAFE_NO_PAD.encode(bytes)}), "{name}");
        assert_eq!(claims["extensions"].as_object().unwrap().len(), 1, "{name}");
        assert!(now - seconds("iat").unwrap() <= 3600 + skew, "{name}");
    }
}

/// Every place in a statement, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut inside = |name: String, member: &Value| {
        let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        places(member, &pointer, found);
        found.push(pointer);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| inside(name.clone(), member)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| inside(at.to_string(), item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever one place of a good statement becomes, nothing is accepted that the second reader would not accept.
    #[test]
    fn what_is_accepted_is_accepted_by_the_second_reader(
        is_dezi in any::<bool>(),
        place in any::<prop::sample::Index>(),
        made in prop_oneof![
            Just(Value::Null), Just(json!([])), Just(json!({})), Just(json!("")), Just(json!(0)), Just(json!(true)),
            Just(json!(4_000_000_000_u32)), Just(json!(1_772_366_400)), Just(json!("now")), Just(json!(["TREAT"])),
            "[a-z0-9./:]{1,12}".prop_map(Value::from), any::<i64>().prop_map(Value::from),
        ],
    ) {
        let kind = if is_dezi { "dezi" } else { "iua" };
        let header = json!({"alg": "ES256", "typ": kind_of(kind), "kid": "p256"});
        let algorithm = if is_dezi { ("rsa", Algorithm::Rs256) } else { ("p256", Algorithm::Es256) };
        let mut both = json!({"header": header, "claims": good(kind)});
        both["header"]["alg"] = json!(algorithm.1.name());
        both["header"]["kid"] = json!(algorithm.0);
        let mut all = Vec::new();
        places(&both, "", &mut all);
        let place = place.get(&all);
        *both.pointer_mut(place).unwrap() = made;
        let token = signer(algorithm.0).seal(algorithm.1, &both["header"].to_string(), &both["claims"].to_string()).unwrap();
        let field = format!("Bearer {token}");
        let desk = DESK.with(Arc::clone);
        if let Ok(Some(acting)) = desk.1.acting(&[&field], &system(), NOW) {
            agrees(kind, &field, &system(), NOW, place);
            prop_assert!(acting.person().is_some() && acting.role().is_some());
        }
    }
}

thread_local! {
    static DESK: Arc<(Desk, Statements)> = {
        let desk = Desk::new();
        let statements = desk.statements();
        Arc::new((desk, statements))
    };
}
