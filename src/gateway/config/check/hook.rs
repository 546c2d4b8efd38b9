//! The keys of `[consent]` by which a server says that something changed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::Url;

use super::Check;
use crate::gateway::config::{HookSettings, Source, UpstreamSettings};
use crate::gateway::hook::{ANNOUNCED, HookSecret};

/// Those keys as they are written.
pub(super) struct Raw {
    pub(super) secret: Option<String>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) base: Option<String>,
    pub(super) types: Option<Vec<String>>,
}

const SECRET: &str = "a secret: 16 characters or more, of letters, digits and -._~+/=";

impl Check {
    /// Returns the settings, or none where no key of them is there; nothing at all after a mistake.
    pub(super) fn hook(
        &mut self,
        raw: Raw,
        sources: &[Source],
        upstream: Option<&UpstreamSettings>,
    ) -> Option<Option<HookSettings>> {
        let Raw { secret, secret_file, base, types } = raw;
        let secret = match (secret, secret_file) {
            (None, None) if base.is_none() && types.is_none() => return Some(None),
            (None, None) => self.mistake("consent.hook_secret", "a secret, since other keys of the hook are there"),
            (Some(_), Some(_)) => self.mistake("consent.hook_secret", "one of it and consent.hook_secret_file"),
            (Some(text), None) => text.parse().ok().or_else(|| self.mistake("consent.hook_secret", SECRET)),
            (None, Some(path)) => self.secret_in(&path),
        };
        self.announcing(sources, upstream);
        let base = base.map(|base| self.hook_base(&base, upstream));
        let types = self.types(types);
        let base = match base {
            Some(base) => Some(base?),
            None => None,
        };
        Some(Some(HookSettings { secret: secret?, base, types: types? }))
    }

    fn secret_in(&mut self, path: &Path) -> Option<HookSecret> {
        const KEY: &str = "consent.hook_secret_file";
        let path = self.file(KEY, path);
        if !path.is_file() {
            return None;
        }
        let secret = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
        secret.or_else(|| self.mistake(KEY, format!("a file with {SECRET}")))
    }

    /// Checks that there is a server that can say something, under a name that can stand in a path.
    fn announcing(&mut self, sources: &[Source], upstream: Option<&UpstreamSettings>) {
        // Where the upstream or a source is wrong, that mistake is named already.
        let Some(upstream) = upstream else { return };
        if !sources.is_empty() && !sources.iter().any(|source| source.is_upstream) {
            self.mistake::<()>("consent.sources", "an upstream among them, since there is a hook for it");
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if upstream.name.is_empty() || !upstream.name.bytes().all(plain) {
            self.mistake::<()>("upstream.name", "letters, digits and -._ only, since it is the name of a hook");
        }
    }

    fn hook_base(&mut self, text: &str, upstream: Option<&UpstreamSettings>) -> Option<String> {
        const KEY: &str = "consent.hook_base";
        let base = self.base(KEY, text)?;
        if upstream.is_some_and(|upstream| !is_loopback(&upstream.base)) && is_loopback(&base) {
            return self.mistake(KEY, "a URL at which the upstream, which is on another machine, reaches this one");
        }
        Some(base)
    }

    fn types(&mut self, types: Option<Vec<String>>) -> Option<Vec<&'static str>> {
        let Some(wanted) = types else { return Some(ANNOUNCED.to_vec()) };
        let known = |name: &String| ANNOUNCED.into_iter().find(|known| known == name);
        let types: Option<Vec<_>> = wanted.iter().map(known).collect();
        types.filter(|types| types.contains(&"Consent")).or_else(|| {
            self.mistake("consent.hook_types", format!("Consent, and what is wanted of {}", ANNOUNCED.join(", ")))
        })
    }
}

pub(super) fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
