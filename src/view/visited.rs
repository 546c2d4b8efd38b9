//! Visited: the pages of one search that were read.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::query::Target;
use crate::view::ViewError;

/// The pages that were read, each by eight bytes of what it was asked with: there may be many.
#[derive(Debug, Default)]
pub(super) struct Visited(HashSet<u64>);

impl Visited {
    /// Takes note of a page, and of the one that it leads to.
    ///
    /// # Errors
    /// A page that leads to itself, or to one that was read before: its end would never come.
    pub(super) fn leads(&mut self, page: Option<&Target>, next_page: Option<&Target>) -> Result<(), ViewError> {
        self.0.extend(page.map(mark));
        match next_page {
            Some(next_page) if self.0.contains(&mark(next_page)) => Err(ViewError::Circle),
            Some(_) | None => Ok(()),
        }
    }
}

fn mark(page: &Target) -> u64 {
    let mut hasher = DefaultHasher::new();
    page.as_str().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_any_length_is_noticed_when_it_closes() {
        let bases = ["http://u".to_owned()];
        let page = |number: usize| Target::follow(&format!("http://u?page={number}"), &bases).unwrap();
        for length in [1, 2, 3, 100] {
            let mut visited = Visited::default();
            for number in 1..length {
                assert_eq!(visited.leads(Some(&page(number)), Some(&page(number + 1))), Ok(()));
            }
            for back in [1, length] {
                assert_eq!(visited.leads(Some(&page(length)), Some(&page(back))), Err(ViewError::Circle));
            }
            assert_eq!(visited.leads(Some(&page(length)), None), Ok(()));
        }
    }
}
