//! Facility types: what kind of organisation the caller's is, which no certificate says.
//!
//! A directory says it. The codes are those of the organisation types of Nictiz (`domain/exchanges.md` 7).

/// What is known of the kind of an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FacilityTypes {
    /// No directory says it.
    #[default]
    Unknown,
    /// A directory says that it is of these kinds, at least one.
    Known(Vec<String>),
}

impl FacilityTypes {
    /// Returns those codes as what is known; of none, nothing is.
    #[must_use]
    pub fn of(mut codes: Vec<String>) -> Self {
        codes.retain(|code| !code.is_empty());
        codes.sort_unstable();
        codes.dedup();
        if codes.is_empty() { Self::Unknown } else { Self::Known(codes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_nothing_known_and_the_order_of_codes_says_nothing() {
        assert_eq!(FacilityTypes::of(vec![String::new()]), FacilityTypes::Unknown);
        let of = |codes: &[&str]| FacilityTypes::of(codes.iter().map(|code| (*code).to_owned()).collect());
        assert_eq!(of(&["Z3", "K3", "Z3"]), of(&["K3", "Z3"]));
    }
}
