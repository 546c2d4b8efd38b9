//! The tables of `tests/cases/statement/*.toml`.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::*;
use crate::consent::Purpose;
use crate::identity::statement::Unproven;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// One statement, told by what is different from a good one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    name: String,
    /// `dezi` or `iua`.
    kind: String,
    /// Members of the header that are other ones.
    header: toml::Table,
    /// Claims that are other ones; a name that begins with a slash is a JSON pointer. `now+60` is a moment.
    claims: toml::Table,
    /// What is left out, by JSON pointers: `/header/kid`, `/claims/jti`.
    without: Vec<String>,
    /// Replaced in the text of the header, and in that of the claims.
    header_text: Vec<[String; 2]>,
    claims_text: Vec<[String; 2]>,
    /// The key that signs, and how.
    key: String,
    algorithm: String,
    /// The statement as it is sent, of `{header}`, `{claims}`, `{signature}`.
    token: String,
    /// The header fields, of `{token}`.
    authorization: Vec<String>,
    card: String,
    ura: String,
    sha256: String,
    at: String,
    /// How often `{long}` is a character.
    long: usize,
    reason: Option<String>,
    person: Option<String>,
    role: Option<String>,
    user: Option<String>,
    purposes: Option<Vec<String>>,
}

impl Default for Case {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            name: String::new(),
            kind: text("iua"),
            header: toml::Table::new(),
            claims: toml::Table::new(),
            without: Vec::new(),
            header_text: Vec::new(),
            claims_text: Vec::new(),
            key: text("rsa"),
            algorithm: text("RS256"),
            token: text("{header}.{claims}.{signature}"),
            authorization: vec![text("Bearer {token}")],
            card: text("S"),
            ura: text(URA),
            sha256: "ab".repeat(32),
            at: text("now+0"),
            long: 0,
            reason: None,
            person: None,
            role: None,
            user: None,
            purposes: None,
        }
    }
}

fn moment(text: &str) -> Option<i64> {
    let seconds: i64 = text.strip_prefix("now")?.parse().ok()?;
    Some(NOW.unix_timestamp() + seconds)
}

fn value(toml: &toml::Value, long: usize) -> Value {
    match toml {
        toml::Value::String(text) => match moment(text) {
            Some(seconds) => json!(seconds),
            None => json!(text.replace("{long}", &"x".repeat(long))),
        },
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(truth) => json!(truth),
        toml::Value::Datetime(moment) => json!(moment.to_string()),
        toml::Value::Array(items) => items.iter().map(|item| value(item, long)).collect(),
        toml::Value::Table(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), value(member, long)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

/// Sets what a JSON pointer leads to; the objects on the way are made.
fn put(root: &mut Value, pointer: &str, made: Value) {
    let mut at = root;
    for name in pointer.trim_start_matches('/').split('/') {
        at = &mut at[name.replace("~1", "/").replace("~0", "~")];
    }
    *at = made;
}

fn leave_out(root: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = root.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    assert!(parent.remove(name).is_some(), "there was no {pointer}");
}

impl Case {
    fn statement(&self) -> String {
        let header = json!({"alg": self.algorithm, "typ": kind_of(&self.kind), "kid": self.key});
        let mut both = json!({"header": header, "claims": good(&self.kind)});
        for (part, members) in [("header", &self.header), ("claims", &self.claims)] {
            for (name, member) in members {
                put(&mut both[part], name, value(member, self.long));
            }
        }
        self.without.iter().for_each(|pointer| leave_out(&mut both, pointer));
        let texts = [("header", &self.header_text), ("claims", &self.claims_text)].map(|(part, changes)| {
            changes.iter().fold(both[part].to_string(), |text, [from, to]| {
                assert!(text.contains(from.as_str()), "{}: no {from} in {text}", self.name);
                text.replacen(from, to, 1)
            })
        });
        let signed = signer(&self.key).seal(Algorithm::of(&self.algorithm).unwrap(), &texts[0], &texts[1]).unwrap();
        let parts: Vec<&str> = signed.split('.').collect();
        let token = self.token.replace("{header}", parts[0]).replace("{claims}", parts[1]);
        let forged = {
            let mut bytes = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
            bytes[7] ^= 1;
            URL_SAFE_NO_PAD.encode(bytes)
        };
        token.replace("{signature}", parts[2]).replace("{forged}", &forged).replace("{long}", &"A".repeat(self.long))
    }

    fn judged(&self, statements: &Statements) -> Result<Option<Caller>, Unproven> {
        let token = self.statement();
        let fields: Vec<String> = self.authorization.iter().map(|field| field.replace("{token}", &token)).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let caller = caller(self.card.parse().unwrap(), &self.ura, &self.sha256);
        let at = OffsetDateTime::from_unix_timestamp(moment(&self.at).unwrap()).unwrap();
        let judged = statements.acting(&fields, &caller, at);
        if let (Ok(Some(_)), [field]) = (&judged, fields.as_slice()) {
            second::agrees(&self.kind, field, &caller, at, &self.name);
        }
        judged
    }
}

fn tables() -> Vec<Case> {
    let mut cases = Vec::new();
    for file in ["form", "dezi", "iua"] {
        let path = format!("{}/tests/cases/statement/{file}.toml", env!("CARGO_MANIFEST_DIR"));
        let table: Table = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        cases.extend(table.case);
    }
    cases
}

#[test]
fn every_statement_of_the_tables_is_judged_as_they_say() {
    let desk = Desk::new();
    let statements = desk.statements();
    let cases = tables();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let told = match case.judged(&statements) {
            Err(unproven) => (Some(unproven.code().to_owned()), None, None),
            Ok(None) => panic!("{}: no statement", case.name),
            Ok(Some(caller)) => {
                assert_eq!((caller.system().unwrap().as_str(), caller.ura().as_str()), ("900000112", URA));
                assert_eq!(caller.kind(), CardType::Professional, "{}", case.name);
                if let Some(user) = &case.user {
                    let names = caller.names();
                    let name = [&names.given_name, &names.surname].map(|name| name.clone().unwrap_or_default());
                    assert_eq!(name.join(" ").trim(), user, "{}", case.name);
                }
                if let Some(purposes) = &case.purposes {
                    for code in ["TREAT", "ETREAT", "BTG", "COC", "HRESCH"] {
                        let may = caller.may_declare(Purpose::of(code).unwrap());
                        assert_eq!(may, purposes.iter().any(|known| known == code), "{}: {code}", case.name);
                    }
                }
                let person = caller.person().map(|number| number.as_str().to_owned());
                (None, person, caller.role().map(|role| role.as_str().to_owned()))
            }
        };
        let expected = match &case.reason {
            Some(reason) => (Some(reason.clone()), None, None),
            None => {
                let person = case.person.clone().unwrap_or_else(|| PERSON.to_owned());
                (None, Some(person), Some(case.role.clone().unwrap_or_else(|| "01.015".to_owned())))
            }
        };
        if told != expected {
            wrong.push(format!("{}: {told:?}, not {expected:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What needs other keys or no keys at all has tests of its own; the rest stands in the tables.
#[test]
fn every_reason_has_a_case() {
    let elsewhere = [Unproven::NotAccepted, Unproven::KeysUnavailable, Unproven::RevocationUnknown].map(Unproven::code);
    let cases = tables();
    let told: BTreeSet<&str> = cases.iter().filter_map(|case| case.reason.as_deref()).chain(elsewhere).collect();
    let known: BTreeSet<&str> = Unproven::ALL.map(Unproven::code).into();
    assert_eq!(told, known);
}

#[test]
fn where_no_issuer_is_accepted_every_authorization_is_refused_and_none_is_a_system() {
    let statements = Statements::load(&[], NOW).unwrap();
    let acting = |fields: &[&str], caller: &Caller| statements.acting(fields, caller, NOW);
    assert_eq!(acting(&[], &system()), Ok(None));
    assert_eq!(acting(&["Bearer a.b.c"], &system()), Err(Unproven::NotAccepted));
    assert_eq!(acting(&["Basic YTpi"], &system()), Err(Unproven::Scheme));
    let doctor = caller(CardType::Professional, URA, "ab");
    assert_eq!(acting(&[], &doctor), Ok(None));
    assert_eq!(acting(&["Bearer a.b.c"], &doctor), Err(Unproven::NotAccepted));
}
