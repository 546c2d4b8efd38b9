//! What of a configuration stands while the gateway runs.

use super::Config;

impl Config {
    /// Takes over from the configuration in force what cannot change while the gateway runs; returns the keys that would
    /// have changed.
    pub(in crate::gateway) fn keep_what_stands(&mut self, standing: &Self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        let mut keep = |key: &'static str, differs: bool| {
            if differs {
                changed.push(key);
            }
        };
        let (own, listen) = (&self.listen, &standing.listen);
        keep("listen.address", own.address != listen.address);
        keep("listen.certificate", own.certificate != listen.certificate);
        keep("listen.key", own.key != listen.key);
        keep("listen.public_base", own.public_base != listen.public_base);
        keep("listen.tls_min", own.tls_min != listen.tls_min);
        keep("listen.deadline", own.deadline != listen.deadline);
        keep("listen.workers", own.workers != listen.workers);
        keep("admin.address", self.admin.address != standing.admin.address);
        keep("admin.allow", self.admin.allow != standing.admin.allow);
        keep("upstream.name", self.upstream.name != standing.upstream.name);
        keep("upstream.exchanges", self.upstream.exchanges != standing.upstream.exchanges);
        keep("consent.hook_secret", self.consent.hook != standing.consent.hook);
        keep("audit.directory", self.audit != standing.audit);
        keep("audit.durability", self.durability != standing.durability);
        keep("keys.directory", self.keys != standing.keys);
        keep("portal", self.portal != standing.portal);
        keep("telemetry", self.telemetry != standing.telemetry);
        let Self { listen, admin, consent, audit, keys, portal, telemetry, .. } = standing.clone();
        (self.listen, self.admin, self.consent.hook) = (listen, admin, consent.hook);
        (self.audit, self.keys, self.portal, self.telemetry) = (audit, keys, portal, telemetry);
        self.durability = standing.durability;
        self.upstream.name.clone_from(&standing.upstream.name);
        self.upstream.exchanges.clone_from(&standing.upstream.exchanges);
        changed
    }
}
