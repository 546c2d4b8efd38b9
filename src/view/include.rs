//! Include: what a resource refers to through the elements whose targets are to come along.

use std::str::FromStr;

use crate::profile::Include;
use crate::query::Id;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::reference::{Key, Known, Lead};
use crate::view::resource::Resource;

/// Returns what `resource` refers to through the elements of `includes`, in the order of its references.
pub(super) fn targets(includes: &[Include], resource: &Resource<'_>, known: Known<'_>) -> Vec<Key> {
    let mut keys = Vec::new();
    for include in includes {
        let mut note = |resource_type: &str, id: &str| {
            if include.targets().iter().any(|target| target == resource_type)
                && let Ok(id) = Id::from_str(id)
            {
                keys.push(Key { resource_type: resource_type.to_owned(), id });
            }
        };
        #[cfg(feature = "faults")]
        if is_planted(Fault::IncludeThroughOther) {
            let _leads = resource.walk(known, |resource_type, id, _| note(resource_type, id));
        }
        include.path().any(resource.value, &mut |reference| {
            match reference.text_of("reference").as_deref().map(|text| known.lead(text)) {
                Some(Lead::Resource(resource_type, id)) => note(resource_type, id),
                Some(Lead::Own(id)) => note("Patient", id),
                Some(Lead::OtherPerson | Lead::Inside(_) | Lead::Nowhere) | None => {}
            }
            false
        });
    }
    keys
}
