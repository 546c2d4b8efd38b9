//! Parties: who asks and whose data it is, compared with the actors of a rule.

use std::cell::Cell;

use time::OffsetDateTime;

use super::actor::{Side, URA, UZI_PERSON, UZI_ROLE, UZI_SYSTEM, canonical, compare, compare_both, unproven};
use super::asked::Asked;
use super::caller_records::{CallerRecords, kind_of};
use super::likeness::Likeness;
use super::record::{Member, Referenced};
use super::rule::{Actor, ActorRole, Effect, Who};
use super::window::Window;
use crate::limits::{ACTOR_COMPARISONS, ACTOR_DEPTH};
use crate::profile::Membership;

/// Whom a rule names that is about who asks and whose data it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Met {
    pub(super) holder: Named,
    pub(super) caller: Named,
}

/// How somebody is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Named {
    /// Not at all.
    #[default]
    Nobody,
    /// As one of several: by a role, as a member of a group or team.
    Category,
    /// By itself.
    Single,
}

/// Who asks and whose data it is, ready to be compared with actors.
pub(super) struct Parties<'a> {
    asked: &'a Asked<'a>,
    caller: Side<'a>,
    holder: Side<'a>,
    now: OffsetDateTime,
    /// Comparisons that may still be made: teams of teams grow faster than any Consent.
    left: Cell<usize>,
}

impl<'a> Parties<'a> {
    pub(super) fn of(asked: &'a Asked<'a>, now: OffsetDateTime) -> Self {
        let left = Cell::new(ACTOR_COMPARISONS);
        Self { asked, caller: Side::caller(asked), holder: Side::holder(asked.holder), now, left }
    }

    /// Returns whom a rule of that effect names with these actors; nothing when it is not about who asks and whose data it is.
    ///
    /// A deny matches when any actor may be meant. A permit that names both custodians and recipients needs one proven of
    /// each: naming whose data it is does not make everybody a recipient.
    pub(super) fn match_actors(&self, actors: &[Actor], effect: Effect, referenced: &Referenced) -> Option<Met> {
        let mut met = Met::default();
        let (mut custodians, mut recipients, mut any) = (false, false, false);
        for actor in actors {
            let is_custodian = actor.role == ActorRole::Custodian;
            custodians |= is_custodian;
            recipients |= !is_custodian;
            if self.likeness(actor, referenced).matches(effect) {
                any = true;
                let named = self.named(&actor.who, referenced);
                let side = if is_custodian { &mut met.holder } else { &mut met.caller };
                *side = (*side).max(named);
            }
        }
        let is_met = match effect {
            Effect::Deny => any,
            Effect::Permit => {
                let proven = |listed: bool, named: Named| !listed || named > Named::Nobody;
                any && proven(custodians, met.holder) && proven(recipients, met.caller)
            }
        };
        is_met.then_some(met)
    }

    fn likeness(&self, actor: &Actor, referenced: &Referenced) -> Likeness {
        match actor.role {
            ActorRole::Recipient => self.recipient(&actor.who, referenced, ACTOR_DEPTH),
            ActorRole::Custodian => self.custodian(&actor.who, referenced),
            // In whatever role: who is neither is not meant, and of who is one it is not said that this one is meant.
            ActorRole::Unstated => {
                let either = self.recipient(&actor.who, referenced, ACTOR_DEPTH);
                either.or(self.custodian(&actor.who, referenced)).doubted_if(true)
            }
            ActorRole::Strange => Likeness::Unknown,
        }
    }

    /// Returns how somebody who is met is named.
    fn named(&self, who: &Who, referenced: &Referenced) -> Named {
        let by_role = || {
            let system = who.identifier.as_ref().map(|identifier| canonical(&identifier.system));
            who.reference.is_none() && (system == Some(UZI_ROLE) || who.category.is_some())
        };
        let record = who.reference.as_deref().and_then(|reference| referenced.get(reference));
        match kind(who, referenced) {
            "Group" | "CareTeam" => Named::Category,
            "PractitionerRole"
                if record.is_some_and(|one| one.practitioner.is_none() && one.organization.is_none()) =>
            {
                Named::Category
            }
            _ if by_role() => Named::Category,
            _ => Named::Single,
        }
    }

    /// Returns the likeness of somebody to the caller.
    pub(super) fn likeness_to_caller(&self, who: &Who, referenced: &Referenced) -> Likeness {
        self.recipient(who, referenced, ACTOR_DEPTH)
    }

    /// Returns the likeness of an organisation to the holder.
    pub(super) fn custodian(&self, who: &Who, referenced: &Referenced) -> Likeness {
        match kind(who, referenced) {
            "Organization" | "" => self.holder.likeness(who, referenced, ACTOR_DEPTH),
            _ => Likeness::Unknown,
        }
    }

    /// Returns true if and only if somebody is proven to be who asks, or whose data it is.
    pub(super) fn is_either(&self, who: &Who, referenced: &Referenced) -> bool {
        let caller = self.recipient(who, referenced, ACTOR_DEPTH);
        caller.or(self.custodian(who, referenced)) == Likeness::Is
    }

    fn recipient(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), self.left.get().checked_sub(1)) else {
            return Likeness::Unknown;
        };
        self.left.set(left);
        match kind(who, referenced) {
            "Organization" => self.caller.likeness(who, referenced, ACTOR_DEPTH),
            "Practitioner" => self.person(who, referenced),
            "PractitionerRole" => self.practitioner_role(who, referenced, depth),
            "Group" | "CareTeam" => self.team(who, referenced, depth),
            "Device" => self.device(who, referenced),
            "RelatedPerson" => self.relative(who, referenced),
            "" => self.identified(who, referenced),
            _ => Likeness::Unknown,
        }
    }

    fn records(&self) -> &'a CallerRecords {
        self.asked.records
    }

    fn is_own(&self, who: &Who, kind: &str) -> bool {
        self.records().own(kind).any(|own| who.reference.as_deref() == Some(own))
    }

    /// A system or a function proves no person, so it may be anybody's.
    fn person(&self, who: &Who, referenced: &Referenced) -> Likeness {
        let Some(uzi) = self.asked.caller.person() else { return Likeness::Unknown };
        if self.is_own(who, "Practitioner") {
            return Likeness::Is;
        }
        let record = who.reference.as_deref().and_then(|reference| referenced.get(reference));
        let mut known = vec![(UZI_PERSON, uzi.as_str())];
        known.extend(unproven(self.records().identifiers("Practitioner")));
        match compare_both(who, record, &known) {
            Likeness::Is => Likeness::Is.doubted_if(record.is_some_and(|record| record.doubtful)),
            Likeness::IsNot => Likeness::IsNot,
            Likeness::Unknown if record.is_some() && self.records().own("Practitioner").next().is_some() => {
                Likeness::IsNot
            }
            Likeness::Unknown => Likeness::Unknown,
        }
    }

    /// A relative may be a care provider too: only a number of the register tells.
    fn relative(&self, who: &Who, referenced: &Referenced) -> Likeness {
        let Some(uzi) = self.asked.caller.person() else { return Likeness::Unknown };
        if self.is_own(who, "RelatedPerson") {
            return Likeness::Is;
        }
        let record = who.reference.as_deref().and_then(|reference| referenced.get(reference));
        let likeness = compare_both(who, record, &[(UZI_PERSON, uzi.as_str())]);
        likeness.doubted_if(record.is_some_and(|record| record.doubtful || self.is_over(record.period)))
    }

    /// Each part that is stated must hold; a role that the caller has not proven is not held against it.
    fn practitioner_role(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        if self.asked.caller.person().is_some() && self.is_own(who, "PractitionerRole") {
            return Likeness::Is;
        }
        let Some(record) = who.reference.as_deref().and_then(|reference| referenced.get(reference)) else {
            return Likeness::Unknown;
        };
        let mut likeness = Likeness::Is.doubted_if(record.doubtful || self.is_over(record.period));
        if let Some(practitioner) = &record.practitioner {
            likeness = likeness.and(self.recipient(practitioner, referenced, depth));
        }
        if let Some(organization) = &record.organization {
            likeness = likeness.and(self.recipient(organization, referenced, depth));
        }
        let role = self.asked.caller.role();
        let role_proven = record.roles.uzi.iter().any(|code| role.is_some_and(|role| role.is_within(code)));
        let unproven = !record.roles.uzi.is_empty() && !role_proven;
        let incomparable = record.roles.others && record.practitioner.is_none() && !role_proven;
        let nobody = record.practitioner.is_none() && record.organization.is_none();
        likeness.doubted_if(unproven || incomparable || nobody)
    }

    fn team(&self, who: &Who, referenced: &Referenced, depth: usize) -> Likeness {
        let Some(record) = who.reference.as_deref().and_then(|reference| referenced.get(reference)) else {
            return Likeness::Unknown;
        };
        let member = |member: &Member| {
            let own = self.recipient(&member.who, referenced, depth);
            let own =
                member.on_behalf_of.iter().fold(own, |own, behalf| own.and(self.recipient(behalf, referenced, depth)));
            own.doubted_if(member.doubtful || self.is_over(member.period))
        };
        let doubtful = record.doubtful || self.is_over(record.period);
        let found = record.members.iter().map(member).reduce(Likeness::or).unwrap_or(Likeness::Unknown);
        // Who is no member of a team that describes its members may be one by that description.
        if doubtful { Likeness::Unknown } else { found }
    }

    fn device(&self, who: &Who, referenced: &Referenced) -> Likeness {
        if self.is_own(who, "Device") {
            return Likeness::Is;
        }
        let record = who.reference.as_deref().and_then(|reference| referenced.get(reference));
        match self.asked.caller.system() {
            Some(system) => compare_both(who, record, &[(UZI_SYSTEM, system.as_str())]),
            None => Likeness::Unknown,
        }
    }

    /// Compares an actor that is named by a business identifier alone.
    fn identified(&self, who: &Who, referenced: &Referenced) -> Likeness {
        let Some(identifier) = &who.identifier else { return Likeness::Unknown };
        if let Some(category) = &who.category {
            return match category.membership(self.asked.caller.role(), self.records().facility()) {
                Membership::Member => Likeness::Is,
                Membership::NoMember => Likeness::IsNot,
                Membership::Unproven => Likeness::Unknown,
            };
        }
        match canonical(&identifier.system) {
            URA => self.caller.likeness(who, referenced, ACTOR_DEPTH),
            UZI_PERSON => self.person(who, referenced),
            UZI_SYSTEM => self.device(who, referenced),
            UZI_ROLE => match self.asked.caller.role() {
                Some(role) if role.is_within(&identifier.value) => Likeness::Is,
                Some(_) => Likeness::IsNot,
                None => Likeness::Unknown,
            },
            _ => {
                let organization = unproven(self.records().identifiers("Organization"));
                let person = unproven(self.records().identifiers("Practitioner"));
                compare(std::iter::once(identifier), &organization.chain(person).collect::<Vec<_>>())
            }
        }
    }

    fn is_over(&self, period: Option<Window>) -> bool {
        period.is_some_and(|period| !period.holds(self.now))
    }
}

/// Returns the type of record that is meant, empty when only an identifier is given. What is contained says its type only
/// in its record.
fn kind<'w>(who: &'w Who, referenced: &'w Referenced) -> &'w str {
    let Some(reference) = who.reference.as_deref() else { return "" };
    match referenced.get(reference) {
        Some(record) => &record.kind,
        None if reference.contains('#') => "contained",
        None => kind_of(reference),
    }
}
