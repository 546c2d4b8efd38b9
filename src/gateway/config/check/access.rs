//! The keys by which the gateway and a server prove themselves to each other.

use std::path::PathBuf;

use super::Check;
use crate::gateway::config::Access;

/// Those keys as they are written.
pub(super) struct Raw {
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) bearer_file: Option<PathBuf>,
}

impl Check {
    /// Checks the keys of `section`.
    pub(super) fn access(&mut self, section: &str, raw: Raw) -> Access {
        let Raw { ca, certificate, key, bearer_file } = raw;
        let named = |key: &str| format!("{section}.{key}");
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Some((self.file(&named("certificate"), &certificate), self.file(&named("key"), &key)))
            }
            (None, None) => None,
            (Some(_), None) => self.mistake(&named("key"), format!("the key that goes with {section}.certificate")),
            (None, Some(_)) => {
                self.mistake(&named("certificate"), format!("the certificate that goes with {section}.key"))
            }
        };
        Access {
            ca: ca.map(|path| self.file(&named("ca"), &path)),
            identity,
            bearer_file: bearer_file.map(|path| self.file(&named("bearer_file"), &path)),
        }
    }
}
