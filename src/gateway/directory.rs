//! Directory: what kind of organisation a caller's is, from a file of the hospital's or a FHIR server (IHE mCSD).
//!
//! The file is asked first. Where a server is named and does not answer, nothing can be decided: whether it is asked depends
//! on the caller alone, so that its failure tells nothing about anybody.

use super::config::DirectorySettings;
use super::lookup::{self, LookUpError};
use super::metrics::Call;
use super::upstream::Upstream;
use crate::consent::DirectoryAnswer;
use crate::identity::{FacilityTypes, Ura};
use crate::json::Value;
use crate::limits;
use crate::query::LookUp;

const URA_SYSTEM: &str = "http://fhir.nl/fhir/NamingSystem/ura";

/// What a directory knows, and where it is asked further.
#[derive(Debug, Default)]
pub struct Directory {
    settings: DirectorySettings,
}

impl Directory {
    /// Returns the directory of a configuration.
    #[must_use]
    pub fn new(settings: &DirectorySettings) -> Self {
        Self { settings: settings.clone() }
    }

    /// Returns the kind of the organisation of that number; `server` is this thread's client of the FHIR server.
    ///
    /// # Errors
    /// A server that gives no usable answer.
    pub(super) async fn facility_types(
        &self,
        server: Option<&Upstream>,
        ura: &Ura,
    ) -> Result<FacilityTypes, LookUpError> {
        if let Some(listed) = self.settings.listed.get(ura) {
            return Ok(listed.clone());
        }
        let (Some(server), Some(settings)) = (server, &self.settings.server) else { return Ok(FacilityTypes::Unknown) };
        let lookup = LookUp::by_identifier("Organization", URA_SYSTEM, ura.as_str());
        let mut answer = DirectoryAnswer::about(ura);
        let bases = [settings.base.clone()];
        let each = |organization: Value<'_>| answer.take(organization);
        lookup::search(server, Call::Directory, &bases, lookup, limits::REFERENCED, each).await?;
        Ok(answer.facility_types())
    }
}

/// Returns a look-up of an organisation that no register has: whether it can be answered is all that it tells.
pub(super) fn nobodys_organisation() -> LookUp {
    LookUp::by_identifier("Organization", URA_SYSTEM, "00000000")
}
