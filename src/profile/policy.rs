//! The policy: one legal regime, what holds when no rule speaks. A file in `profiles/policies/`.

mod compile;
mod raw;
mod sign;
#[cfg(test)]
mod tests;

use time::{Date, Duration, OffsetDateTime, UtcOffset};

use super::ProfileError;
use crate::consent::{LabelSet, Purpose};
use crate::identity::{Caller, CardType, Ura};
pub use sign::{Currency, Sign};

/// The files that are part of Sluis.
const SHIPPED: &[(&str, &str)] = &[
    ("profiles/policies/acute.toml", include_str!("../../profiles/policies/acute.toml")),
    ("profiles/policies/ehds.toml", include_str!("../../profiles/policies/ehds.toml")),
    ("profiles/policies/research.toml", include_str!("../../profiles/policies/research.toml")),
    ("profiles/policies/wabvpz.toml", include_str!("../../profiles/policies/wabvpz.toml")),
    ("profiles/policies/wgbo.toml", include_str!("../../profiles/policies/wgbo.toml")),
];

/// A legal regime.
#[derive(Debug, Clone)]
pub struct Policy {
    name: String,
    title: String,
    /// First and last day on which it grants anything.
    since: Option<Date>,
    until: Option<Date>,
    form: Form,
    admissions: Vec<Admission>,
    reasons: Vec<Purpose>,
    third_parties: Default,
    own_people: Default,
    signs: Vec<Sign>,
    break_glass: Option<BreakGlass>,
    never_withheld: Vec<String>,
    exempt: Vec<String>,
}

/// In what form data may be released under a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the server has it.
    AsItIs,
    /// Without what tells whose it is (P20).
    Pseudonymised,
}

/// Whether somebody belongs to the organisation whose data it is (P3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// One of the holder's own people.
    Own,
    /// Anybody else.
    Third,
}

impl Party {
    /// Returns what the caller is to the holder.
    #[must_use]
    pub fn of(caller: &Caller, holder: &Ura) -> Self {
        if caller.ura() == holder { Self::Own } else { Self::Third }
    }
}

/// Which purposes some callers may declare, and for which exchange profiles.
#[derive(Debug, Clone)]
struct Admission {
    purposes: Vec<Purpose>,
    callers: Callers,
    roles: Roles,
    exchanges: Exchanges,
}

/// Which kinds of callers something is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Callers {
    Any,
    Kinds(Vec<CardType>),
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

/// Which exchange profiles something is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exchanges {
    /// All that are configured.
    Any,
    /// These.
    Named(Vec<String>),
}

/// What holds when nothing is on file.
#[derive(Debug, Clone)]
enum Default {
    Deny,
    Permit(Grant),
}

impl Default {
    fn needs_relation(&self) -> bool {
        match self {
            Self::Deny => false,
            Self::Permit(grant) => grant.relation == Relation::Required,
        }
    }
}

/// What a policy permits where nothing is on file.
#[derive(Debug, Clone)]
pub struct Grant {
    purposes: Vec<Purpose>,
    roles: Roles,
    relation: Relation,
    after_objection: AfterObjection,
    but_not: Option<LabelSet>,
}

/// Whether a treatment relation has to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It has not.
    NotAsked,
    /// Without one nothing is granted.
    Required,
}

/// What is granted of a patient who denies this caller something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterObjection {
    /// What the objection does not reach.
    WhatItLeaves,
    /// Nothing: who said no to a part never chose to leave the rest open (P7).
    Nothing,
}

impl Grant {
    /// Returns whether a treatment relation has to be shown.
    #[must_use]
    pub fn relation(&self) -> Relation {
        self.relation
    }

    /// Returns what is granted of a patient who denies this caller something.
    #[must_use]
    pub fn after_objection(&self) -> AfterObjection {
        self.after_objection
    }

    /// Returns the labels of what is left out.
    pub(crate) fn but_not(&self) -> Option<LabelSet> {
        self.but_not
    }
}

/// What a policy lets who breaks the glass do; that consent is missing is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakGlass {
    overrides: Overrides,
    lasts: Duration,
}

/// What break-glass goes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overrides {
    /// No word of the patient's.
    Nothing,
    /// What the patient denies.
    Objection,
    /// That, and a Consent that cannot be read, which may deny anything.
    ObjectionAndUnreadable,
}

impl BreakGlass {
    /// Returns what it goes before.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        self.overrides
    }

    /// Returns how long one emergency of one caller and one patient lasts.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.lasts
    }
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
        compile::policy(file, text)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns in what form data may be released under it.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Returns true if and only if `now` lies within its first and its last day, both of UTC. Outside them it admits and
    /// grants nothing.
    #[must_use]
    pub fn is_in_force(&self, now: OffsetDateTime) -> bool {
        let today = now.to_offset(UtcOffset::UTC).date();
        self.since.is_none_or(|since| since <= today) && self.until.is_none_or(|until| today <= until)
    }

    /// Returns true if and only if the caller may declare the purpose in some exchange profile. A purpose that stands in no
    /// admission is nobody's.
    #[must_use]
    pub fn admits(&self, caller: &Caller, purpose: Purpose) -> bool {
        self.admitted(caller, purpose).next().is_some()
    }

    /// Returns for which exchange profiles the caller may declare the purpose.
    pub(super) fn admitted(&self, caller: &Caller, purpose: Purpose) -> impl Iterator<Item = &Exchanges> {
        let admits = move |one: &&Admission| {
            one.purposes.contains(&purpose) && one.callers.hold(caller) && one.roles.hold(caller)
        };
        self.admissions.iter().filter(admits).map(|one| &one.exchanges)
    }

    /// Returns for which exchange profiles anybody may declare anything.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = &Exchanges> {
        self.admissions.iter().map(|one| &one.exchanges)
    }

    /// Returns true if and only if who declares the purpose has to say why.
    #[must_use]
    pub fn needs_reason(&self, purpose: Purpose) -> bool {
        self.reasons.iter().any(|listed| purpose.is_within(*listed))
    }

    /// Returns what is granted where no rule speaks: to the holder's own people, or to everybody else. Which resources of
    /// which exchange profiles it is for is said by what admits the purpose.
    #[must_use]
    pub fn grant(&self, caller: &Caller, party: Party, purpose: Purpose) -> Option<&Grant> {
        let default = match party {
            Party::Own => &self.own_people,
            Party::Third => &self.third_parties,
        };
        match (default, party) {
            // What is granted to the holder's own people needs a person.
            (Default::Permit(_), Party::Own) if caller.person().is_none() => None,
            (Default::Permit(grant), _)
                if grant.roles.hold(caller) && grant.purposes.iter().any(|listed| purpose.is_within(*listed)) =>
            {
                Some(grant)
            }
            (Default::Permit(_) | Default::Deny, _) => None,
        }
    }

    /// Returns what shows a treatment relation.
    #[must_use]
    pub fn signs(&self) -> &[Sign] {
        &self.signs
    }

    /// Returns what the caller may do who declares this purpose, where that breaks the glass and the policy lets them.
    #[must_use]
    pub fn break_glass(&self, caller: &Caller, purpose: Purpose) -> Option<&BreakGlass> {
        let breaks = Purpose::of("BTG").is_some_and(|btg| purpose.is_within(btg));
        self.break_glass.as_ref().filter(|_| breaks && self.admits(caller, purpose))
    }

    /// Returns the types of resources of which nothing is withheld from whoever may see anything of the patient.
    #[must_use]
    pub fn never_withheld(&self) -> &[String] {
        &self.never_withheld
    }

    /// Returns the types of resources that are never hidden for being unlabelled alone.
    #[must_use]
    pub fn never_hidden_unlabelled(&self) -> &[String] {
        &self.exempt
    }
}

impl Callers {
    fn hold(&self, caller: &Caller) -> bool {
        match self {
            Self::Any => true,
            Self::Kinds(kinds) => kinds.contains(&caller.kind()),
        }
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
