//! The rule: our closed form of one Consent provision.

use std::sync::Arc;

use super::class::Classes;
use super::code::Codes;
use super::datum::Datum;
use super::purpose::Purpose;
use super::window::Window;
use crate::label::{Confidentiality, Sensitivities};
use crate::profile::ProviderCategory;

/// What a rule does where it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It permits.
    Permit,
    /// It denies.
    Deny,
}

impl Effect {
    pub(super) fn opposite(self) -> Self {
        match self {
            Self::Permit => Self::Deny,
            Self::Deny => Self::Permit,
        }
    }
}

/// One element of a provision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Element<T> {
    /// Not there: what the provision around it says holds; anything where none says it.
    Absent,
    /// There. A list that is empty here held codes of foreign systems only, and matches nothing.
    Stated(T),
}

impl<T> Element<T> {
    /// Returns this, or what is inherited when this is absent.
    pub(super) fn or<'e>(&'e self, inherited: &'e Self) -> &'e Self {
        match self {
            Self::Absent => inherited,
            Self::Stated(_) => self,
        }
    }

    /// Returns true if and only if the element is stated and `test` holds for what is.
    pub(super) fn is_stated_and(&self, test: impl FnOnce(&T) -> bool) -> bool {
        match self {
            Self::Absent => false,
            Self::Stated(value) => test(value),
        }
    }

    /// Returns true if and only if the element is absent or `test` holds for what is stated.
    pub(super) fn is_met(&self, test: impl FnOnce(&T) -> bool) -> bool {
        match self {
            Self::Absent => true,
            Self::Stated(value) => test(value),
        }
    }
}

/// One provision, with those inside it.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) effect: Effect,
    /// Where it stands in its Consent: `provision.provision[0]`.
    pub(super) place: Arc<str>,
    pub(super) period: Element<Window>,
    pub(super) actors: Element<Vec<Actor>>,
    pub(super) actions: Element<Vec<Action>>,
    pub(super) purposes: Element<Vec<Purpose>>,
    pub(super) classes: Element<Arc<Classes>>,
    /// R5 has kinds of documents apart.
    pub(super) documents: Element<Arc<Classes>>,
    pub(super) codes: Element<Arc<Codes>>,
    pub(super) labels: Element<LabelSet>,
    pub(super) data_period: Element<Window>,
    pub(super) data: Element<Vec<Datum>>,
    pub(super) exceptions: Vec<Rule>,
}

/// What a Consent says as a whole.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// By which it and the Consents that replace it are known.
    pub(super) identifiers: Vec<Identifier>,
    /// When it was given.
    pub(super) dated: Option<Window>,
    /// The Consents that it says it comes from, normalised.
    pub(super) replaces: Vec<String>,
    /// The organisations that manage it.
    pub(super) managers: Vec<Who>,
    /// Who is given rights by it (R5).
    pub(super) grantees: Vec<Who>,
    /// What holds where no provision matches.
    pub(super) base: Base,
    pub(super) root: Root,
}

/// What holds where no provision matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// Nothing that can be computed.
    Silent,
    /// What `policyRule` says: OPTIN or OPTOUT.
    Says(Effect),
    /// What the policy of IHE PCF says that the Consent names.
    Pcf(PcfPolicy),
}

/// An overarching policy of IHE PCF (consent.md 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PcfPolicy {
    /// Normal data, for treatment, payment and operations.
    BasicNormal,
    /// Normal data.
    AllNormal,
    /// Nothing but to who breaks the glass.
    BreakGlassOnly,
    /// Nothing.
    Deny,
}

/// The outermost provision.
#[derive(Debug, Clone)]
pub(super) enum Root {
    /// None: the base is all there is.
    None,
    /// One without an effect, because neither it nor `policyRule` has a type: it says nothing itself, and what is inside it
    /// can deny but not permit.
    Untyped(Box<Rule>),
    /// One with a known effect.
    Rule(Box<Rule>),
}

/// What is done with data, of `http://terminology.hl7.org/CodeSystem/consentaction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Gather.
    Collect,
    /// Look at: what a read asks.
    Access,
    /// Use.
    Use,
    /// Hand to others.
    Disclose,
    /// Change.
    Correct,
}

impl Action {
    /// Returns the action of that code.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        match code {
            "collect" => Some(Self::Collect),
            "access" => Some(Self::Access),
            "use" => Some(Self::Use),
            "disclose" => Some(Self::Disclose),
            "correct" => Some(Self::Correct),
            _ => None,
        }
    }
}

/// Somebody a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) role: ActorRole,
    pub(super) who: Who,
}

/// As what an actor is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActorRole {
    /// IRCP, PRCP: who receives the data; compared with the caller.
    Recipient,
    /// CST: who has the data; compared with the holder.
    Custodian,
    /// A role of a foreign system: may be anything.
    Strange,
    /// None is stated (R5).
    Unstated,
}

/// Who is meant by a Reference: any part may be missing, not all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Who {
    /// Normalised.
    pub(super) reference: Option<String>,
    pub(super) identifier: Option<Identifier>,
    /// What the identifier stands for, where it is a category of providers.
    pub(super) category: Option<Arc<ProviderCategory>>,
}

/// A business identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identifier {
    pub(super) system: String,
    pub(super) value: String,
}

/// The labels that one provision lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LabelSet {
    pub(super) lowest: Option<Confidentiality>,
    pub(super) highest: Option<Confidentiality>,
    pub(super) listed: Sensitivities,
    pub(super) below: Sensitivities,
    pub(super) reach: Sensitivities,
}

impl LabelSet {
    pub(crate) fn add_level(&mut self, level: Confidentiality) {
        self.lowest = Some(self.lowest.map_or(level, |lowest| lowest.min(level)));
        self.highest = self.highest.max(Some(level));
    }

    pub(crate) fn add(&mut self, sensitivity: Sensitivities) {
        self.listed = self.listed.union(sensitivity);
        self.below = self.listed.with_below();
        self.reach = self.listed.reach_of_denial();
    }
}

impl Statement {
    /// Returns when the whole is in force.
    pub(super) fn period(&self) -> &Element<Window> {
        self.root.rule().map_or(&Element::Absent, |rule| &rule.period)
    }
}

impl Root {
    /// Returns the outermost provision, if there is one.
    pub(super) fn rule(&self) -> Option<&Rule> {
        match self {
            Self::None => None,
            Self::Untyped(rule) | Self::Rule(rule) => Some(rule),
        }
    }
}

impl Rule {
    /// Returns a rule that states nothing but its effect.
    pub(super) fn bare(effect: Effect, place: Arc<str>) -> Self {
        Self {
            effect,
            place,
            period: Element::Absent,
            actors: Element::Absent,
            actions: Element::Absent,
            purposes: Element::Absent,
            classes: Element::Absent,
            documents: Element::Absent,
            codes: Element::Absent,
            labels: Element::Absent,
            data_period: Element::Absent,
            data: Element::Absent,
            exceptions: Vec::new(),
        }
    }

    /// Calls `each` with this provision and every one inside it.
    pub(super) fn for_each<'r>(&'r self, each: &mut impl FnMut(&'r Rule)) {
        each(self);
        for inner in &self.exceptions {
            inner.for_each(each);
        }
    }

    /// Returns the data that the provision itself states.
    pub(super) fn data(&self) -> impl Iterator<Item = &Datum> {
        match &self.data {
            Element::Absent => [].iter(),
            Element::Stated(data) => data.iter(),
        }
    }

    /// Returns the actors that the provision itself states.
    pub(super) fn actors(&self) -> impl Iterator<Item = &Actor> {
        match &self.actors {
            Element::Absent => [].iter(),
            Element::Stated(actors) => actors.iter(),
        }
    }
}
