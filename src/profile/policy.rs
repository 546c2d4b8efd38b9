//! The policy: the legal regime in force, what holds when no rule speaks. A file in `profiles/policies/`.

use serde::Deserialize;

use super::ProfileError;
use crate::consent::{Effect, Purpose};
use crate::identity::{Caller, Ura};

/// The files that are part of Sluis.
const SHIPPED: &[(&str, &str)] = &[
    ("profiles/policies/ehds.toml", include_str!("../../profiles/policies/ehds.toml")),
    ("profiles/policies/wabvpz.toml", include_str!("../../profiles/policies/wabvpz.toml")),
];

/// A legal regime.
#[derive(Debug, Clone)]
pub struct Policy {
    name: String,
    grants: Vec<Grant>,
    reasons: Vec<Purpose>,
    third_parties: Default,
    own_people: Default,
    exempt: Vec<String>,
}

/// Which purposes some callers may declare.
#[derive(Debug, Clone)]
struct Grant {
    purposes: Vec<Purpose>,
    roles: Roles,
}

/// What holds when nothing is on file.
#[derive(Debug, Clone)]
enum Default {
    Deny,
    Permit { purposes: Vec<Purpose>, roles: Roles },
}

/// Which roles something is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Roles {
    /// Every caller that an exchange profile admits, with a proven role or without.
    Any,
    /// Every proven role.
    Proven,
    /// Proven roles that lie within one of these.
    Within(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPolicy {
    name: String,
    #[serde(rename = "title")]
    _title: String,
    #[serde(rename = "cites")]
    _cites: Vec<String>,
    purpose: Vec<RawGrant>,
    reason: RawReason,
    nothing_on_file: RawDefaults,
    unlabelled: RawUnlabelled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    codes: Vec<String>,
    roles: RawRoles,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReason {
    purposes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDefaults {
    third_parties: RawDefault,
    own_people: RawDefault,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefault {
    then: RawEffect,
    purposes: Option<Vec<String>>,
    roles: Option<RawRoles>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawEffect {
    Permit,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawUnlabelled {
    never_hidden: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawRoles {
    Word(String),
    Codes(Vec<String>),
}

/// Returns the policies that are part of Sluis.
///
/// # Errors
/// The first mistake in a file.
pub fn shipped_policies() -> Result<Vec<Policy>, ProfileError> {
    SHIPPED.iter().map(|(file, text)| Policy::read(file, text)).collect()
}

impl Policy {
    /// Reads a policy from its file.
    ///
    /// # Errors
    /// The first mistake, with file and key.
    pub fn read(file: &str, text: &str) -> Result<Self, ProfileError> {
        let raw: RawPolicy = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
        let RawPolicy { name, _title: _, _cites: _, purpose, reason, nothing_on_file, unlabelled } = raw;
        if name.is_empty() {
            return Err(ProfileError::new(file, "name", "a name"));
        }
        let grant = |grant: RawGrant| {
            Ok(Grant {
                purposes: purposes(file, "purpose.codes", &grant.codes)?,
                roles: roles(file, "purpose.roles", grant.roles)?,
            })
        };
        let never_hidden = unlabelled.never_hidden;
        if never_hidden.iter().any(|kind| !kind.starts_with(|first: char| first.is_ascii_uppercase())) {
            return Err(ProfileError::new(file, "unlabelled.never-hidden", "types of resources"));
        }
        Ok(Self {
            name,
            grants: purpose.into_iter().map(grant).collect::<Result<_, _>>()?,
            reasons: purposes(file, "reason.purposes", &reason.purposes)?,
            third_parties: default(file, "nothing-on-file.third-parties", nothing_on_file.third_parties)?,
            own_people: default(file, "nothing-on-file.own-people", nothing_on_file.own_people)?,
            exempt: never_hidden,
        })
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns true if and only if the caller may declare the purpose. A purpose that stands in no grant is nobody's.
    #[must_use]
    pub fn admits(&self, caller: &Caller, purpose: Purpose) -> bool {
        self.grants.iter().any(|grant| grant.purposes.contains(&purpose) && grant.roles.hold(caller))
    }

    /// Returns true if and only if who declares the purpose has to say why.
    #[must_use]
    pub fn needs_reason(&self, purpose: Purpose) -> bool {
        self.reasons.iter().any(|listed| purpose.is_within(*listed))
    }

    /// Returns what holds where no rule speaks: for the holder's own people, and for everybody else.
    #[must_use]
    pub fn where_nothing_is_on_file(&self, caller: &Caller, holder: &Ura, purpose: Purpose) -> Effect {
        let own = caller.ura() == holder;
        let default = if own { &self.own_people } else { &self.third_parties };
        match default {
            // What is granted to the holder's own people needs a person.
            Default::Permit { .. } if own && caller.person().is_none() => Effect::Deny,
            Default::Permit { purposes, roles }
                if roles.hold(caller) && purposes.iter().any(|listed| purpose.is_within(*listed)) =>
            {
                Effect::Permit
            }
            Default::Permit { .. } | Default::Deny => Effect::Deny,
        }
    }

    /// Returns the types of resources that are never hidden for being unlabelled alone.
    #[must_use]
    pub fn never_hidden_unlabelled(&self) -> &[String] {
        &self.exempt
    }
}

impl Roles {
    fn hold(&self, caller: &Caller) -> bool {
        match (self, caller.role()) {
            (Self::Any, _) | (Self::Proven, Some(_)) => true,
            (Self::Within(prefixes), Some(role)) => prefixes.iter().any(|prefix| role.is_within(prefix)),
            (Self::Proven | Self::Within(_), None) => false,
        }
    }
}

fn purposes(file: &str, key: &str, codes: &[String]) -> Result<Vec<Purpose>, ProfileError> {
    let expected = "codes of v3-ActReason below PurposeOfUse";
    codes.iter().map(|code| Purpose::of(code).ok_or_else(|| ProfileError::new(file, key, expected))).collect()
}

fn roles(file: &str, key: &str, raw: RawRoles) -> Result<Roles, ProfileError> {
    let is_code = |code: &String| {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        match code.split_once('.') {
            None => digits(code, 2),
            Some((profession, specialism)) => digits(profession, 2) && digits(specialism, 3),
        }
    };
    match raw {
        RawRoles::Word(word) if word == "any" => Ok(Roles::Any),
        RawRoles::Word(word) if word == "proven" => Ok(Roles::Proven),
        RawRoles::Codes(codes) if !codes.is_empty() && codes.iter().all(is_code) => Ok(Roles::Within(codes)),
        RawRoles::Word(_) | RawRoles::Codes(_) => {
            Err(ProfileError::new(file, key, "any, proven, or role codes of the UZI register such as 01 and 01.015"))
        }
    }
}

fn default(file: &str, key: &str, raw: RawDefault) -> Result<Default, ProfileError> {
    match (raw.then, raw.purposes, raw.roles) {
        (RawEffect::Deny, None, None) => Ok(Default::Deny),
        (RawEffect::Permit, Some(codes), Some(raw)) => {
            Ok(Default::Permit { purposes: purposes(file, key, &codes)?, roles: roles(file, key, raw)? })
        }
        (RawEffect::Deny, _, _) => Err(ProfileError::new(file, key, "no purposes or roles beside then = \"deny\"")),
        (RawEffect::Permit, _, _) => Err(ProfileError::new(file, key, "purposes and roles beside then = \"permit\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{CallerNames, CardType};

    fn shipped(name: &str) -> Policy {
        shipped_policies().unwrap().into_iter().find(|policy| policy.name() == name).unwrap()
    }

    fn caller(card_type: CardType, role: Option<&str>) -> Caller {
        let role = role.map(|role| role.parse().unwrap());
        Caller::new(
            "00000001".parse().unwrap(),
            "900000001".parse().unwrap(),
            card_type,
            role,
            CallerNames::default(),
            None,
        )
    }

    fn purpose(code: &str) -> Purpose {
        Purpose::of(code).unwrap()
    }

    const WABVPZ: &str = include_str!("../../profiles/policies/wabvpz.toml");

    #[test]
    fn doctors_nurses_and_physician_assistants_declare_an_emergency_and_nobody_breaks_the_glass() {
        for name in ["wabvpz", "ehds"] {
            let policy = shipped(name);
            for (role, may) in
                [("01.015", true), ("30.000", true), ("81.000", true), ("17.000", false), ("02.000", false)]
            {
                let caller = caller(CardType::Professional, Some(role));
                assert_eq!(policy.admits(&caller, purpose("ETREAT")), may, "{name} {role}");
                assert!(
                    policy.admits(&caller, purpose("TREAT")) && !policy.admits(&caller, purpose("BTG")),
                    "{name} {role}"
                );
            }
            assert!(!policy.admits(&caller(CardType::System, None), purpose("ETREAT")), "{name}");
        }
    }

    #[test]
    fn what_yields_more_than_treatment_needs_a_reason() {
        let policy = shipped("wabvpz");
        assert!(["ETREAT", "BTG", "ERTREAT"].into_iter().all(|code| policy.needs_reason(purpose(code))));
        assert!(["TREAT", "COC"].into_iter().all(|code| !policy.needs_reason(purpose(code))));
    }

    #[test]
    fn nothing_on_file_is_no_under_wabvpz_and_yes_for_treating_callers_under_ehds() {
        let (doctor, system) = (caller(CardType::Professional, Some("01.015")), caller(CardType::System, None));
        let other: Ura = "00000002".parse().unwrap();
        let rest = |name: &str, caller: &Caller, code: &str| {
            shipped(name).where_nothing_is_on_file(caller, &other, purpose(code))
        };
        assert_eq!(rest("wabvpz", &doctor, "TREAT"), Effect::Deny);
        assert_eq!(rest("ehds", &doctor, "TREAT"), Effect::Permit);
        assert_eq!(rest("ehds", &doctor, "COC"), Effect::Permit);
        assert_eq!(rest("ehds", &doctor, "HRESCH"), Effect::Deny);
        assert_eq!(rest("ehds", &system, "TREAT"), Effect::Deny);
    }

    #[test]
    fn what_is_granted_to_the_holders_own_people_needs_a_person() {
        let policy = shipped("ehds");
        let own: Ura = "00000001".parse().unwrap();
        let doctor = caller(CardType::Professional, Some("01.015"));
        assert_eq!(policy.where_nothing_is_on_file(&doctor, &own, purpose("TREAT")), Effect::Permit);
        let function = caller(CardType::Function, None);
        assert_eq!(policy.where_nothing_is_on_file(&function, &own, purpose("TREAT")), Effect::Deny);
    }

    #[test]
    fn a_mistake_names_file_and_key() {
        for (right, wrong, key) in [
            ("name = ", "nmae = ", "nmae"),
            ("\"TREAT\"", "\"CURE\"", "purpose.codes"),
            ("roles = \"any\"", "roles = []", "purpose.roles"),
            ("then = \"deny\"", "then = \"permit\"", "nothing-on-file"),
            ("never-hidden", "never_hidden", "never_hidden"),
            ("\"Patient\"", "\"patient\"", "unlabelled.never-hidden"),
        ] {
            assert!(WABVPZ.contains(right), "{right}");
            let error = Policy::read("mine.toml", &WABVPZ.replacen(right, wrong, 1)).unwrap_err();
            assert_eq!(error.file(), "mine.toml");
            assert!(error.key().contains(key), "{wrong}: {error}");
        }
        assert!(Policy::read("mine.toml", WABVPZ).is_ok());
    }
}
