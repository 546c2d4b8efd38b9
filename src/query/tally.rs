//! Tally: whether the matches are counted (`_total`, `_summary=count`, `_count=0`).
//!
//! It never goes upstream, whose count is of what a caller may not see as well: what is visible is counted here.

use super::Unclassifiable;

/// Whether the matches are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tally {
    /// They are not.
    #[default]
    Unsaid,
    /// They are, and a page of them is given.
    Total,
    /// They are, and none is given.
    Only,
}

impl Tally {
    /// Reads the value of `_total`. An estimate is not to be had: it would be one of what is not visible.
    pub(super) fn total(value: &str) -> Result<Self, Unclassifiable> {
        match value {
            "none" => Ok(Self::Unsaid),
            "accurate" => Ok(Self::Total),
            "estimate" => Err(Unclassifiable::Parameter),
            _ => Err(Unclassifiable::Value),
        }
    }

    /// Returns name and value of the parameter that says it; none where nothing is counted.
    pub(super) fn written(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Unsaid => None,
            Self::Total => Some(("_total", "accurate")),
            Self::Only => Some(("_summary", "count")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_accurate_or_none() {
        assert_eq!(Tally::total("accurate"), Ok(Tally::Total));
        assert_eq!(Tally::total("none"), Ok(Tally::Unsaid));
        assert_eq!(Tally::total("estimate"), Err(Unclassifiable::Parameter));
        for value in ["", "Accurate", "true"] {
            assert_eq!(Tally::total(value), Err(Unclassifiable::Value), "{value}");
        }
    }
}
