//! From the raw keys of a policy file to a policy, or the first mistake with file and key.

use time::{Date, Duration, Month};

use super::raw::{
    RawAdmission, RawAfterObjection, RawBreakGlass, RawDefault, RawEffect, RawList, RawNeed, RawPolicy, RawSign,
    RawWhose,
};
use super::sign::{Currency, Sign, Whose};
use super::{
    Admission, AfterObjection, BreakGlass, Callers, Default, Exchanges, Form, Grant, Overrides, Policy, Relation, Roles,
};
use crate::consent::{LabelSet, Purpose};
use crate::identity::CardType;
use crate::label::{Confidentiality, Sensitivities};
use crate::profile::ProfileError;

pub(super) fn policy(file: &str, text: &str) -> Result<Policy, ProfileError> {
    let raw: RawPolicy = toml::from_str(text).map_err(|error| ProfileError::toml(file, text, &error))?;
    Compiler { file }.policy(raw)
}

struct Compiler<'a> {
    file: &'a str,
}

impl Compiler<'_> {
    fn mistake<T>(&self, key: &str, expected: &str) -> Result<T, ProfileError> {
        Err(ProfileError::new(self.file, key, expected))
    }

    fn require(&self, holds: bool, key: &str, expected: &str) -> Result<(), ProfileError> {
        if holds { Ok(()) } else { self.mistake(key, expected) }
    }

    fn policy(&self, raw: RawPolicy) -> Result<Policy, ProfileError> {
        let RawPolicy {
            name,
            title,
            _cites: _,
            since,
            until,
            released,
            purpose,
            reason,
            nothing_on_file,
            relation,
            break_glass,
            withheld,
            unlabelled,
        } = raw;
        self.require(!name.is_empty(), "name", "a name")?;
        let since = since.map(|text| self.day("since", &text)).transpose()?;
        let until = until.map(|text| self.day("until", &text)).transpose()?;
        let ordered = since.zip(until).is_none_or(|(since, until)| since <= until);
        self.require(ordered, "until", "a day that is not before since")?;
        let form = match released.as_deref() {
            None | Some("as-it-is") => Form::AsItIs,
            Some("pseudonymised") => Form::Pseudonymised,
            Some(_) => return self.mistake("released", "as-it-is or pseudonymised"),
        };
        let admissions = purpose.into_iter().map(|one| self.admission(one)).collect::<Result<Vec<_>, _>>()?;
        let signs = relation.into_iter().map(|one| self.sign(one)).collect::<Result<Vec<_>, _>>()?;
        let third_parties = self.default("nothing-on-file.third-parties", nothing_on_file.third_parties)?;
        let own_people = self.default("nothing-on-file.own-people", nothing_on_file.own_people)?;
        let asks = [&third_parties, &own_people].iter().any(|one| one.needs_relation());
        self.require(!asks || !signs.is_empty(), "relation", "what shows the treatment relation that is required")?;
        self.require(asks || signs.is_empty(), "relation", "nothing where no treatment relation is required")?;
        let reasons = self.purposes("reason.purposes", &reason.purposes)?;
        let break_glass = break_glass.map(|raw| self.break_glass(raw)).transpose()?;
        let policy = Policy {
            name,
            title,
            since,
            until,
            form,
            admissions,
            reasons,
            third_parties,
            own_people,
            signs,
            break_glass,
            never_withheld: self.types("withheld.never", withheld.never)?,
            exempt: self.types("unlabelled.never-hidden", unlabelled.never_hidden)?,
        };
        self.glass(&policy)?;
        Ok(policy)
    }

    /// Breaking the glass has a reason and a rule of its own, or is not admitted.
    fn glass(&self, policy: &Policy) -> Result<(), ProfileError> {
        let Some(btg) = Purpose::of("BTG") else { return Ok(()) };
        let declared = policy.admissions.iter().any(|one| one.purposes.contains(&btg));
        self.require(
            declared == policy.break_glass.is_some(),
            "break-glass",
            "where, and only where, somebody may declare BTG under [[purpose]]",
        )?;
        let reasoned = policy.reasons.iter().any(|listed| btg.is_within(*listed));
        self.require(!declared || reasoned, "reason.purposes", "BTG, or what it lies below: it needs a reason")
    }

    fn admission(&self, raw: RawAdmission) -> Result<Admission, ProfileError> {
        let RawAdmission { codes, callers, roles, exchanges } = raw;
        Ok(Admission {
            purposes: self.purposes("purpose.codes", &codes)?,
            callers: self.callers("purpose.callers", callers)?,
            roles: self.roles("purpose.roles", roles)?,
            exchanges: self.exchanges("purpose.exchanges", exchanges)?,
        })
    }

    fn purposes(&self, key: &str, codes: &[String]) -> Result<Vec<Purpose>, ProfileError> {
        let expected = "codes of v3-ActReason below PurposeOfUse";
        codes.iter().map(|code| Purpose::of(code).map_or_else(|| self.mistake(key, expected), Ok)).collect()
    }

    fn callers(&self, key: &str, raw: RawList) -> Result<Callers, ProfileError> {
        let kind = |word: &String| match word.as_str() {
            "professional" => Some(CardType::Professional),
            "employee" => Some(CardType::Employee),
            "function" => Some(CardType::Function),
            "system" => Some(CardType::System),
            _ => None,
        };
        match raw {
            RawList::Word(word) if word == "any" => Ok(Callers::Any),
            RawList::Listed(words) if !words.is_empty() && words.iter().all(|word| kind(word).is_some()) => {
                Ok(Callers::Kinds(words.iter().filter_map(kind).collect()))
            }
            RawList::Word(_) | RawList::Listed(_) => {
                self.mistake(key, "any, or some of professional, employee, function, system")
            }
        }
    }

    fn roles(&self, key: &str, raw: RawList) -> Result<Roles, ProfileError> {
        let is_code = |code: &String| {
            let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
            match code.split_once('.') {
                None => digits(code, 2),
                Some((profession, specialism)) => digits(profession, 2) && digits(specialism, 3),
            }
        };
        match raw {
            RawList::Word(word) if word == "any" => Ok(Roles::Any),
            RawList::Word(word) if word == "proven" => Ok(Roles::Proven),
            RawList::Listed(codes) if !codes.is_empty() && codes.iter().all(is_code) => Ok(Roles::Within(codes)),
            RawList::Word(_) | RawList::Listed(_) => {
                self.mistake(key, "any, proven, or role codes of the UZI register such as 01 and 01.015")
            }
        }
    }

    fn exchanges(&self, key: &str, raw: RawList) -> Result<Exchanges, ProfileError> {
        match raw {
            RawList::Word(word) if word == "any" => Ok(Exchanges::Any),
            RawList::Listed(names) if !names.is_empty() && names.iter().all(|name| !name.is_empty()) => {
                Ok(Exchanges::Named(names))
            }
            RawList::Word(_) | RawList::Listed(_) => self.mistake(key, "any, or names of exchange profiles"),
        }
    }

    fn default(&self, key: &str, raw: RawDefault) -> Result<Default, ProfileError> {
        let RawDefault { then, purposes, roles, treatment_relation, after_an_objection, but_not } = raw;
        match (then, purposes, roles) {
            (RawEffect::Permit, Some(codes), Some(roles)) => Ok(Default::Permit(Grant {
                purposes: self.purposes(key, &codes)?,
                roles: self.roles(key, roles)?,
                relation: match treatment_relation {
                    None => Relation::NotAsked,
                    Some(RawNeed::Required) => Relation::Required,
                },
                after_objection: match after_an_objection {
                    None => AfterObjection::WhatItLeaves,
                    Some(RawAfterObjection::Nothing) => AfterObjection::Nothing,
                },
                but_not: but_not.map(|codes| self.labels(key, &codes)).transpose()?,
            })),
            (RawEffect::Permit, _, _) => self.mistake(key, "purposes and roles beside then = \"permit\""),
            (RawEffect::Deny, None, None) => {
                let bare = treatment_relation.is_none() && after_an_objection.is_none() && but_not.is_none();
                self.require(bare, key, "nothing beside then = \"deny\"")?;
                Ok(Default::Deny)
            }
            (RawEffect::Deny, _, _) => self.mistake(key, "nothing beside then = \"deny\""),
        }
    }

    fn labels(&self, key: &str, codes: &[String]) -> Result<LabelSet, ProfileError> {
        let mut labels = LabelSet::default();
        for code in codes {
            match (Confidentiality::of(code), Sensitivities::of(code)) {
                (Some(level), _) => labels.add_level(level),
                (None, Some(sensitivity)) => labels.add(sensitivity),
                (None, None) => {
                    return self.mistake(key, "codes of v3-Confidentiality, or sensitivities of v3-ActCode");
                }
            }
        }
        self.require(!codes.is_empty(), key, "at least one label under but-not")?;
        Ok(labels)
    }

    fn sign(&self, raw: RawSign) -> Result<Sign, ProfileError> {
        let RawSign { shown_by, naming, status, within, whose } = raw;
        let Some(known) = Sign::elements(&shown_by) else {
            return self.mistake(
                "relation.shown-by",
                "Appointment, CareTeam, Encounter, EpisodeOfCare, Patient, ServiceRequest or Task",
            );
        };
        let named = !naming.is_empty() && naming.iter().all(|name| known.contains(&name.as_str()));
        self.require(named, "relation.naming", &format!("some of {} for {shown_by}", known.join(", ")))?;
        let (statuses, currency) = match (shown_by.as_str(), status, within) {
            ("Patient", None, None) => (Vec::new(), Currency::Present),
            ("Patient", _, _) => return self.mistake("relation", "neither status nor within for Patient"),
            (_, Some(statuses), within) if !statuses.is_empty() => {
                let currency = match within {
                    Some(text) => Currency::Within(self.duration("relation.within", &text)?),
                    None if Sign::has_period(&shown_by) => Currency::Present,
                    None => {
                        let expected = format!("a duration such as 90d: {shown_by} does not say when it ends");
                        return self.mistake("relation.within", &expected);
                    }
                };
                (statuses, currency)
            }
            (_, _, _) => return self.mistake("relation.status", "the statuses that count"),
        };
        let whose = match whose {
            None => Whose::Everybody,
            Some(RawWhose::ThirdParties) => Whose::ThirdParties,
            Some(RawWhose::OwnPeople) => Whose::OwnPeople,
        };
        Ok(Sign { kind: shown_by, naming, statuses, currency, whose })
    }

    fn break_glass(&self, raw: RawBreakGlass) -> Result<BreakGlass, ProfileError> {
        let RawBreakGlass { fills_in, overrides, lasts } = raw;
        self.require(fills_in == ["missing-consent"], "break-glass.fills-in", "[\"missing-consent\"]")?;
        let listed: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let overrides = match listed.as_slice() {
            [] => Overrides::Nothing,
            ["objection"] => Overrides::Objection,
            // What cannot be read may be an objection.
            ["objection", "unreadable-consent"] | ["unreadable-consent", "objection"] => {
                Overrides::ObjectionAndUnreadable
            }
            _ => {
                let expected = "[], [\"objection\"] or [\"objection\", \"unreadable-consent\"]";
                return self.mistake("break-glass.overrides", expected);
            }
        };
        let lasts = self.duration("break-glass.lasts", &lasts)?;
        self.require(lasts <= Duration::DAY, "break-glass.lasts", "a day at most")?;
        Ok(BreakGlass { overrides, lasts })
    }

    fn types(&self, key: &str, types: Vec<String>) -> Result<Vec<String>, ProfileError> {
        let is_type = |kind: &String| {
            kind.starts_with(|first: char| first.is_ascii_uppercase())
                && kind.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        self.require(types.iter().all(is_type), key, "types of resources")?;
        Ok(types)
    }

    fn day(&self, key: &str, text: &str) -> Result<Date, ProfileError> {
        let read = || {
            let mut parts = text.split('-');
            let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() || text.len() != 10 {
                return None;
            }
            let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
            Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
        };
        read().map_or_else(|| self.mistake(key, "a day such as 2026-03-01"), Ok)
    }

    fn duration(&self, key: &str, text: &str) -> Result<Duration, ProfileError> {
        let read = || {
            let (number, seconds) = match text.split_at_checked(text.len().checked_sub(1)?)? {
                (number, "m") => (number, 60),
                (number, "h") => (number, 3_600),
                (number, "d") => (number, 86_400),
                (_, _) => return None,
            };
            let number: i64 = if number.bytes().all(|byte| byte.is_ascii_digit()) { number.parse().ok()? } else { 0 };
            // A hundred years are more than any record.
            let seconds = number.checked_mul(seconds).filter(|seconds| (1..=3_155_760_000).contains(seconds))?;
            Some(Duration::seconds(seconds))
        };
        read().map_or_else(|| self.mistake(key, "a duration: 30m, 4h or 90d"), Ok)
    }
}
