//! `[portal]`: the listener for patient portals.

use super::Check;
use crate::gateway::config::{IdentitySettings, Listen, PortalSettings, raw};
use crate::limits;

impl Check {
    pub(super) fn portal(
        &mut self,
        raw: raw::Portal,
        identity: Option<&IdentitySettings>,
        listen: Option<&Listen>,
    ) -> Option<PortalSettings> {
        let raw::Portal { address, certificate, key, public_base, trust, crl, revocation, clients, contact } = raw;
        let address = self.address("portal.address", &address);
        let fixed = address.filter(|address| address.port() != 0);
        if fixed.is_some() && fixed == listen.map(|listen| listen.address) {
            self.mistake::<()>("portal.address", "another address than listen.address");
        }
        let certificate = self.file("portal.certificate", &certificate);
        let key = self.file("portal.key", &key);
        let public_base = self.base("portal.public_base", &public_base);
        let trust = self.directory("portal.trust", &trust);
        let same = |one: &std::path::Path, other: &std::path::Path| {
            one == other || one.canonicalize().ok().is_some_and(|one| other.canonicalize().ok() == Some(one))
        };
        if identity.is_some_and(|identity| same(&identity.trust, &trust)) {
            self.mistake::<()>("portal.trust", "CAs of portals alone: identity.trust holds those of callers");
        }
        let crl = match (revocation.as_str(), crl) {
            ("require", Some(crl)) => Some(self.directory("portal.crl", &crl)),
            ("require", None) => self.mistake(
                "portal.crl",
                "a directory of CRLs of the CAs in portal.trust, or portal.revocation = \"off\" where they publish none",
            ),
            ("off", None) => None,
            ("off", Some(_)) => self.mistake("portal.crl", "no such key where portal.revocation is \"off\""),
            _ => self.mistake("portal.revocation", "\"require\" or \"off\""),
        };
        let is_name = |name: &String| {
            (1..=253).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        };
        if !(1..=limits::PORTAL_CLIENTS).contains(&clients.len()) || !clients.iter().all(is_name) {
            let most = limits::PORTAL_CLIENTS;
            self.mistake::<()>("portal.clients", format!("DNS names in the certificates of portals, from 1 to {most}"));
        }
        if contact.trim().is_empty() || contact.len() > limits::CONTACT_BYTES {
            let most = limits::CONTACT_BYTES;
            self.mistake::<()>("portal.contact", format!("whom a patient can turn to, at most {most} bytes"));
        }
        Some(PortalSettings {
            address: address?,
            certificate,
            key,
            public_base: public_base?,
            trust,
            crl,
            clients,
            contact,
        })
    }
}
