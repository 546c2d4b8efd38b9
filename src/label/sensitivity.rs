//! What a resource is sensitive for: the sensitivity codes of v3-ActCode, and which lies below which.

/// A set of sensitivities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sensitivities(u64);

/// Code and parent, from UTG `v3-ActCode.xml`. A parent stands before what lies below it.
const CODES: &[(&str, &str)] = &[
    ("_InformationSensitivityPolicy", ""),
    ("_ActInformationSensitivityPolicy", "_InformationSensitivityPolicy"),
    ("_EntitySensitivityPolicyType", "_InformationSensitivityPolicy"),
    ("_RoleInformationSensitivityPolicy", "_InformationSensitivityPolicy"),
    ("ETH", "_ActInformationSensitivityPolicy"),
    ("GDIS", "_ActInformationSensitivityPolicy"),
    ("HIV", "_ActInformationSensitivityPolicy"),
    ("MST", "_ActInformationSensitivityPolicy"),
    ("PREGNANT", "_ActInformationSensitivityPolicy"),
    ("SCA", "_ActInformationSensitivityPolicy"),
    ("SICKLE", "SCA"),
    ("SDV", "_ActInformationSensitivityPolicy"),
    ("SEX", "_ActInformationSensitivityPolicy"),
    ("SPI", "_ActInformationSensitivityPolicy"),
    ("BH", "SPI"),
    ("COGN", "BH"),
    ("DVD", "BH"),
    ("EMOTDIS", "BH"),
    ("MH", "SPI"),
    ("PSY", "SPI"),
    ("PSYTHPN", "SPI"),
    ("SUD", "SPI"),
    ("ETHUD", "SUD"),
    ("OPIOIDUD", "SUD"),
    ("STD", "_ActInformationSensitivityPolicy"),
    ("TBOO", "_ActInformationSensitivityPolicy"),
    ("VIO", "_ActInformationSensitivityPolicy"),
    ("IDS", "_ActInformationSensitivityPolicy"),
    ("DEMO", "_EntitySensitivityPolicyType"),
    ("DOB", "_EntitySensitivityPolicyType"),
    ("GENDER", "_EntitySensitivityPolicyType"),
    ("LIVARG", "_EntitySensitivityPolicyType"),
    ("MARST", "_EntitySensitivityPolicyType"),
    ("PATLOC", "_EntitySensitivityPolicyType"),
    ("RACE", "_EntitySensitivityPolicyType"),
    ("REL", "_EntitySensitivityPolicyType"),
    ("B", "_RoleInformationSensitivityPolicy"),
    ("EMPL", "_RoleInformationSensitivityPolicy"),
    ("LOCIS", "_RoleInformationSensitivityPolicy"),
    ("SSP", "_RoleInformationSensitivityPolicy"),
    ("ADOL", "_InformationSensitivityPolicy"),
    ("CEL", "_InformationSensitivityPolicy"),
    ("VIP", "CEL"),
    ("DIA", "_InformationSensitivityPolicy"),
    ("DRGIS", "_InformationSensitivityPolicy"),
    ("EMP", "_InformationSensitivityPolicy"),
    ("PDS", "_InformationSensitivityPolicy"),
    ("PHY", "_InformationSensitivityPolicy"),
    ("PRS", "_InformationSensitivityPolicy"),
];

/// Codes of v3-ActCode that may stand beside a sensitivity and say nothing about it: obligations and refrains.
const HANDLING: &[&str] = &[
    "ANONY",
    "AOD",
    "AUDIT",
    "AUDTR",
    "CPLYPOL",
    "CPLYCC",
    "CPLYCD",
    "CPLYCUI",
    "CPLYJPP",
    "CPLYJSP",
    "CPLYOPP",
    "CPLYOSP",
    "DECLASSIFYLABEL",
    "DEID",
    "DELAU",
    "DOWNGRDLABEL",
    "DRIVLABEL",
    "ENCRYPT",
    "ENCRYPTR",
    "ENCRYPTT",
    "ENCRYPTU",
    "HUAPRV",
    "LABEL",
    "MASK",
    "MINEC",
    "PERSISTLABEL",
    "PRIVMARK",
    "CUIMark",
    "PSEUD",
    "REDACT",
    "UPGRDLABEL",
    "PROCESSINLINELABEL",
    "NOAUTH",
    "NOCOLLECT",
    "NODSCLCD",
    "NODSCLCDS",
    "NOINTEGRATE",
    "NOLIST",
    "NOMOU",
    "NOORGPOL",
    "NOPAT",
    "NOPERSISTP",
    "NORDSCLCD",
    "NORDSLCD",
    "NORDSCLCDS",
    "NORDSCLW",
    "NORELINK",
    "NOREUSE",
    "NOVIP",
    "ORCON",
];

/// A sensitivity the tables know and v3-ActCode has no code for.
const HEPATITIS: u64 = 1 << 62;
/// A label of v3-ActCode that we do not know: it may mean anything.
const UNKNOWN: u64 = 1 << 63;

/// The system of the sensitivities that v3-ActCode has no code for; its one code is `HEPATITIS` (viral hepatitis).
const OWN_SYSTEM: &str = "urn:sluis:sensitivity";

impl Sensitivities {
    /// Nothing sensitive.
    pub const NONE: Self = Self(0);

    /// Returns true if and only if `system` is v3-ActCode, under a name it has or had (the value set is used as one).
    #[must_use]
    pub fn is_system(system: &str) -> bool {
        matches!(
            system.trim_end_matches('/'),
            "http://terminology.hl7.org/CodeSystem/v3-ActCode"
                | "http://hl7.org/fhir/v3/ActCode"
                | "http://terminology.hl7.org/ValueSet/v3-InformationSensitivityPolicy"
                | "urn:oid:2.16.840.1.113883.5.4"
                | OWN_SYSTEM
        )
    }

    /// Returns the sensitivity of that code alone, without what lies below it.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        if code == "HEPATITIS" {
            return Some(Self(HEPATITIS));
        }
        CODES.iter().position(|(known, _)| *known == code).map(|index| Self(1 << index))
    }

    /// Returns what a code stands for as the label of a resource: one that is neither a sensitivity nor an obligation
    /// counts as a sensitivity that nobody knows.
    #[must_use]
    pub fn carried(code: &str) -> Self {
        if Self::is_handling(code) { Self::NONE } else { Self::of(code).unwrap_or(Self(UNKNOWN)) }
    }

    /// Returns true if and only if the code is an obligation or a refrain of v3-ActCode.
    #[must_use]
    pub fn is_handling(code: &str) -> bool {
        HANDLING.contains(&code)
    }

    /// Returns this and everything below it.
    #[must_use]
    pub fn with_below(self) -> Self {
        let mut bits = self.0;
        for (index, (_, parent)) in CODES.iter().enumerate() {
            if Self::of(parent).is_some_and(|parent| bits & parent.0 != 0) {
                bits |= 1 << index;
            }
        }
        Self(bits)
    }

    /// Returns what a denial of these reaches: everything below them; ETH and SUD, which the tree keeps apart, reach each
    /// other; and a label that nobody knows.
    #[must_use]
    pub fn reach_of_denial(self) -> Self {
        let mut reach = self.with_below();
        let alias = Self::of("ETH").unwrap_or_default().union(Self::of("SUD").unwrap_or_default());
        if reach.meets(alias) {
            reach = reach.union(alias).with_below();
        }
        if reach.is_empty() { reach } else { Self(reach.0 | UNKNOWN) }
    }

    /// Returns both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns true if and only if there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns true if and only if the two have one in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns true if and only if each of these is among `other`.
    #[must_use]
    pub fn is_among(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Sensitivities {
        Sensitivities::of(code).unwrap()
    }

    #[test]
    fn what_lies_below_is_reached_and_what_lies_above_is_not() {
        assert!(of("ETHUD").is_among(of("SPI").with_below()) && of("COGN").is_among(of("SPI").with_below()));
        assert!(!of("SPI").is_among(of("SUD").with_below()));
        for apart in ["HIV", "STD", "SEX", "SDV", "GDIS"] {
            assert!(!of(apart).meets(of("SPI").reach_of_denial()), "{apart}");
        }
    }

    #[test]
    fn a_denial_of_eth_reaches_substance_use_and_a_permit_does_not() {
        assert!(of("ETHUD").meets(of("ETH").reach_of_denial()) && of("ETH").meets(of("SUD").reach_of_denial()));
        assert!(!of("SUD").is_among(of("ETH").with_below()));
    }

    #[test]
    fn an_unknown_label_is_reached_by_every_denial_and_by_no_permit() {
        let strange = Sensitivities::carried("XYZ");
        assert!(strange.meets(of("PSY").reach_of_denial()));
        assert!(!strange.is_among(of("_InformationSensitivityPolicy").with_below()));
        assert!(Sensitivities::carried("REDACT").is_empty());
    }

    #[test]
    fn every_parent_stands_before_its_children() {
        for (index, (code, parent)) in CODES.iter().enumerate() {
            let at = CODES.iter().position(|(known, _)| known == parent);
            assert!(parent.is_empty() || at.is_some_and(|at| at < index), "{code}");
        }
        assert!(CODES.len() < 62);
    }
}
