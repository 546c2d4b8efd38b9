//! How confidential: the ordered codes of v3-Confidentiality.

/// A level of `http://terminology.hl7.org/CodeSystem/v3-Confidentiality`, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidentiality {
    /// `U`
    Unrestricted,
    /// `L`
    Low,
    /// `M`
    Moderate,
    /// `N`
    Normal,
    /// `R`
    Restricted,
    /// `V`
    VeryRestricted,
}

impl Confidentiality {
    /// Returns the level of that code; the retired codes of the system are none.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        match code {
            "U" => Some(Self::Unrestricted),
            "L" => Some(Self::Low),
            "M" => Some(Self::Moderate),
            "N" => Some(Self::Normal),
            "R" => Some(Self::Restricted),
            "V" => Some(Self::VeryRestricted),
            _ => None,
        }
    }

    /// Returns true if and only if `system` names v3-Confidentiality, under its name of today or of STU3.
    #[must_use]
    pub fn is_system(system: &str) -> bool {
        matches!(
            system.trim_end_matches('/'),
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
                | "http://hl7.org/fhir/v3/Confidentiality"
                | "urn:oid:2.16.840.1.113883.5.25"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_retired_codes_are_none() {
        let levels = ["U", "L", "M", "N", "R", "V"].map(|code| Confidentiality::of(code).unwrap());
        assert!(levels.is_sorted());
        for retired in ["B", "D", "HIV", "PSY", "r", ""] {
            assert_eq!(Confidentiality::of(retired), None, "{retired}");
        }
    }
}
