//! Specificity: how narrowly a rule is aimed, for combining by `most-specific` (`domain/mitz.md` 3.6).
//!
//! A rule is aimed at a holder, at who asks, at a context (purpose, action) and at data. One is more specific than another
//! if it is so in one of these and less so in none. Two that are each narrower in something are not more specific than each
//! other: then the objection wins.

use super::parties::{Met, Named};

/// How narrowly one rule is aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Specificity {
    holder: u8,
    caller: u8,
    context: u8,
    data: u8,
}

/// At what data a rule is aimed, from the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aim {
    /// All.
    Any,
    /// A kind, a label, a time, an author.
    Kind,
    /// A code.
    Code,
    /// Single resources.
    Single,
}

impl Specificity {
    /// A rule that is aimed at nothing.
    pub(super) const GENERAL: Self = Self { holder: 0, caller: 0, context: 0, data: 0 };

    /// `context` counts the steps of the purpose below the widest; 0 where neither purpose nor action is stated.
    pub(super) fn new(met: Met, context: u8, aim: Aim) -> Self {
        let named = |named: Named| match named {
            Named::Nobody => 0,
            Named::Category => 1,
            Named::Single => 2,
        };
        let data = match aim {
            Aim::Any => 0,
            Aim::Kind => 1,
            Aim::Code => 2,
            Aim::Single => 3,
        };
        Self { holder: named(met.holder), caller: named(met.caller), context: context.min(3), data }
    }

    /// Returns true if and only if this is more specific than `other`.
    fn beats(self, other: Self) -> bool {
        let pairs = [
            (self.holder, other.holder),
            (self.caller, other.caller),
            (self.context, other.context),
            (self.data, other.data),
        ];
        pairs.iter().all(|(own, other)| own >= other) && self != other
    }

    /// Three steps for a holder, three for a caller, four for a context, four for data.
    fn number(self) -> u32 {
        ((u32::from(self.holder) * 3 + u32::from(self.caller)) * 4 + u32::from(self.context)) * 4 + u32::from(self.data)
    }
}

/// How narrowly several rules are aimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Specificities([u128; 2]);

impl Specificities {
    pub(super) fn of(one: Specificity) -> Self {
        let number = one.number();
        match number.checked_sub(128) {
            None => Self([1 << number, 0]),
            Some(above) => Self([0, 1 << above]),
        }
    }

    pub(super) fn with(self, other: Self) -> Self {
        let (Self([low, high]), Self([others_low, others_high])) = (self, other);
        Self([low | others_low, high | others_high])
    }

    fn has(self, one: Specificity) -> bool {
        self.with(Self::of(one)) == self
    }

    fn each(self) -> impl Iterator<Item = Specificity> {
        let all = (0..3_u8).flat_map(|holder| (0..3_u8).map(move |caller| (holder, caller)));
        let all = all.flat_map(|(holder, caller)| (0..16_u8).map(move |rest| (holder, caller, rest / 4, rest % 4)));
        all.map(|(holder, caller, context, data)| Specificity { holder, caller, context, data })
            .filter(move |one| self.has(*one))
    }

    /// Returns true if and only if one of these is not beaten by any of `others`.
    pub(super) fn hold_against(self, others: Self) -> bool {
        self.each().any(|own| !others.each().any(|other| other.beats(own)))
    }

    /// Returns true if and only if one of `others` beats one of these.
    pub(super) fn may_be_beaten_by(self, others: Self) -> bool {
        self.each().any(|own| others.each().any(|other| other.beats(own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(holder: Named, caller: Named, context: u8, aim: Aim) -> Specificity {
        Specificity::new(Met { holder, caller }, context, aim)
    }

    #[test]
    fn narrower_in_one_thing_and_wider_in_none_is_more_specific() {
        use Named::{Category, Nobody, Single};
        let general = rule(Nobody, Nobody, 0, Aim::Any);
        for narrower in [
            rule(Nobody, Category, 0, Aim::Any),
            rule(Nobody, Single, 0, Aim::Any),
            rule(Single, Nobody, 0, Aim::Any),
            rule(Nobody, Nobody, 1, Aim::Any),
            rule(Nobody, Nobody, 0, Aim::Kind),
        ] {
            assert!(narrower.beats(general) && !general.beats(narrower), "{narrower:?}");
        }
        assert!(rule(Nobody, Single, 1, Aim::Any).beats(rule(Nobody, Category, 1, Aim::Any)));
        assert!(!rule(Nobody, Single, 0, Aim::Any).beats(rule(Nobody, Category, 1, Aim::Any)), "each narrower in one");
        assert!(!general.beats(general));
    }

    #[test]
    fn every_specificity_is_told_from_every_other() {
        let mut all = Specificities::default();
        let mut count = 0;
        for one in Specificities([u128::MAX; 2]).each() {
            assert!(!all.has(one), "{one:?}");
            all = all.with(Specificities::of(one));
            count += 1;
        }
        assert_eq!((count, all.each().count()), (144, 144));
    }

    #[test]
    fn a_set_holds_where_one_of_it_is_not_beaten() {
        let general = Specificities::of(Specificity::GENERAL);
        let single = Specificities::of(rule(Named::Nobody, Named::Single, 0, Aim::Any));
        assert!(general.hold_against(general) && single.hold_against(general) && !general.hold_against(single));
        assert!(general.with(single).hold_against(single) && general.with(single).may_be_beaten_by(single));
        assert!(general.hold_against(Specificities::default()) && !Specificities::default().hold_against(general));
    }
}
