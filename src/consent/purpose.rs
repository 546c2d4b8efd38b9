//! Why a caller asks: a code of v3-ActReason, and which code lies below which.

/// A purpose of use, `http://terminology.hl7.org/CodeSystem/v3-ActReason`, value set PurposeOfUse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Purpose(usize);

/// Code and parent, from UTG `v3-ActReason.xml` (the tree below `PurposeOfUse`).
const CODES: &[(&str, &str)] = &[
    ("HMARKT", ""),
    ("HOPERAT", ""),
    ("CAREMGT", "HOPERAT"),
    ("DONAT", "HOPERAT"),
    ("FRAUD", "HOPERAT"),
    ("GOV", "HOPERAT"),
    ("HACCRED", "HOPERAT"),
    ("HCOMPL", "HOPERAT"),
    ("HDECD", "HOPERAT"),
    ("HDIRECT", "HOPERAT"),
    ("HDM", "HOPERAT"),
    ("HLEGAL", "HOPERAT"),
    ("HOUTCOMS", "HOPERAT"),
    ("HPRGRP", "HOPERAT"),
    ("HQUALIMP", "HOPERAT"),
    ("HSYSADMIN", "HOPERAT"),
    ("LABELING", "HSYSADMIN"),
    ("METAMGT", "HSYSADMIN"),
    ("MEMADMIN", "HOPERAT"),
    ("MILCDM", "HOPERAT"),
    ("PATADMIN", "HOPERAT"),
    ("PATSFTY", "HOPERAT"),
    ("PERFMSR", "HOPERAT"),
    ("RECORDMGT", "HOPERAT"),
    ("SYSDEV", "HOPERAT"),
    ("HTEST", "SYSDEV"),
    ("TRAIN", "HOPERAT"),
    ("MLTRAINING", "HOPERAT"),
    ("HPAYMT", ""),
    ("CLMATTCH", "HPAYMT"),
    ("COVAUTH", "HPAYMT"),
    ("COVERAGE", "HPAYMT"),
    ("ELIGDTRM", "COVERAGE"),
    ("ELIGVER", "COVERAGE"),
    ("ENROLLM", "COVERAGE"),
    ("MILDCRG", "COVERAGE"),
    ("REMITADV", "HPAYMT"),
    ("PMTDS", "HPAYMT"),
    ("HRESCH", ""),
    ("BIORCH", "HRESCH"),
    ("CLINTRCH", "HRESCH"),
    ("CLINTRCHNPC", "CLINTRCH"),
    ("CLINTRCHPC", "CLINTRCH"),
    ("PRECLINTRCH", "CLINTRCH"),
    ("DSRCH", "HRESCH"),
    ("POARCH", "HRESCH"),
    ("TRANSRCH", "HRESCH"),
    ("PATRQT", ""),
    ("FAMRQT", "PATRQT"),
    ("PWATRNY", "PATRQT"),
    ("SUPNWK", "PATRQT"),
    ("PUBHLTH", ""),
    ("DISASTER", "PUBHLTH"),
    ("THREAT", "PUBHLTH"),
    ("TREAT", ""),
    ("CLINTRL", "TREAT"),
    ("COC", "TREAT"),
    ("ETREAT", "TREAT"),
    ("BTG", "ETREAT"),
    ("ERTREAT", "ETREAT"),
    ("POPHLTH", "TREAT"),
    ("TREATDS", "TREAT"),
];

impl Purpose {
    /// Returns the purpose of that code, exactly as v3-ActReason writes it.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        CODES.iter().position(|(known, _)| *known == code).map(Self)
    }

    /// Returns the code.
    #[must_use]
    pub fn code(self) -> &'static str {
        CODES.get(self.0).map_or("", |(code, _)| code)
    }

    /// Returns true if and only if this purpose is `other` or lies below it: BTG is within TREAT, TREAT is not within BTG.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        let mut at = Some(self);
        while let Some(purpose) = at {
            if purpose == other {
                return true;
            }
            at = CODES.get(purpose.0).and_then(|(_, parent)| Self::of(parent));
        }
        false
    }

    /// Returns how many steps it lies below PurposeOfUse: 1 for TREAT, 3 for BTG.
    pub(super) fn depth(self) -> u8 {
        let parent = CODES.get(self.0).and_then(|(_, parent)| Self::of(parent));
        parent.map_or(1, |parent| parent.depth().saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn break_glass_is_treatment_and_treatment_is_not_break_glass() {
        let (btg, treat) = (Purpose::of("BTG").unwrap(), Purpose::of("TREAT").unwrap());
        assert!(btg.is_within(treat) && !treat.is_within(btg));
    }

    #[test]
    fn a_code_is_taken_as_written_or_not_at_all() {
        assert!(Purpose::of("TREAT").is_some());
        for code in ["treat", "TREAT ", "", "SYSADMN"] {
            assert!(Purpose::of(code).is_none(), "{code:?}");
        }
    }

    #[test]
    fn every_parent_is_a_code() {
        for (code, parent) in CODES {
            assert!(parent.is_empty() || Purpose::of(parent).is_some(), "{code}");
        }
    }
}
