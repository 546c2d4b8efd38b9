//! From raw keys to settings: every mistake, with the key and what was expected.

mod access;
mod directory;
mod forward;
mod hook;
mod identity;
mod portal;
mod statement;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

use super::{
    Access, Admin, Config, ConsentSettings, Durability, HolderSettings, Listen, PolicySettings, Retention, Source,
    TelemetrySettings, UpstreamSettings, raw,
};
use crate::consent::{Combining, FhirVersion, Unlabelled};
use crate::gateway::tls::TlsVersion;
use crate::view::{FreeText, Mode, Narrative};

/// One mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The key, `listen.address`; empty where the file as a whole is meant.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.file, self.expected)
        } else {
            write!(f, "{}: {}: {}", self.file, self.key, self.expected)
        }
    }
}

/// Reads and checks a configuration file.
///
/// # Errors
/// Every mistake that was found; a file that is not TOML of the right keys has one.
pub fn load(path: &Path) -> Result<Config, Vec<Mistake>> {
    let file = path.display().to_string();
    let whole = |expected: String| vec![Mistake { file: file.clone(), key: String::new(), expected }];
    let text = std::fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let raw: raw::Raw = toml::from_str(&text).map_err(|error| whole(error.to_string().trim_end().to_owned()))?;
    let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
    let mut check = Check { file, directory, mistakes: Vec::new() };
    let config = check.config(path, raw);
    match config {
        Some(config) if check.mistakes.is_empty() => Ok(config),
        Some(_) | None => Err(check.mistakes),
    }
}

struct Check {
    file: String,
    directory: PathBuf,
    mistakes: Vec<Mistake>,
}

impl Check {
    fn mistake<T>(&mut self, key: &str, expected: impl Into<String>) -> Option<T> {
        self.mistakes.push(Mistake { file: self.file.clone(), key: key.to_owned(), expected: expected.into() });
        None
    }

    fn config(&mut self, file: &Path, raw: raw::Raw) -> Option<Config> {
        // Each part is checked before any is unpacked, so that one run names every mistake.
        let holder = self.holder(raw.holder);
        let listen = self.listen(raw.listen);
        let test = raw.identity.test;
        let identity = self.identity(raw.identity, listen.as_ref());
        let admin = self.admin(raw.admin);
        let upstream = self.upstream(raw.upstream);
        let consent = self.consent(raw.consent, upstream.as_ref());
        let directory = self.organisations(raw.directory);
        let policy = self.policy(raw.policy);
        let portal = raw.portal.map(|portal| self.portal(portal, identity.as_ref(), listen.as_ref()));
        let telemetry = self.telemetry(raw.telemetry);
        let forward = self.forward(raw.audit.forward, holder.as_ref());
        let durability = match raw.audit.durability.as_str() {
            "group" => Some(Durability::Group),
            "none" if test => Some(Durability::None),
            _ => {
                self.mistake("audit.durability", "\"group\" (for measurements with identity.test = true also \"none\")")
            }
        };
        let retention = raw.audit.retention.as_deref().and_then(|text| self.retention(text, test));
        let profiles = raw.profiles.directory.map(|path| self.directory("profiles.directory", &path));
        Some(Config {
            file: file.to_owned(),
            holder: holder?,
            listen: listen?,
            identity: identity?,
            admin: admin?,
            upstream: upstream?,
            consent: consent?,
            directory: directory?,
            policy: policy?,
            audit: self.directory.join(raw.audit.directory),
            forward,
            durability: durability?,
            retention,
            keys: self.directory.join(raw.keys.directory),
            profiles,
            portal: match portal {
                Some(portal) => Some(portal?),
                None => None,
            },
            telemetry: telemetry?,
        })
    }

    fn holder(&mut self, raw: raw::Holder) -> Option<HolderSettings> {
        let raw::Holder { ura, name, facility_type } = raw;
        let Ok(ura) = ura.parse() else { return self.mistake("holder.ura", "the holder's URA, eight digits") };
        Some(HolderSettings { ura, name, facility_type })
    }

    fn listen(&mut self, raw: raw::Listen) -> Option<Listen> {
        let raw::Listen { address, certificate, key, public_base, tls_min, deadline, workers } = raw;
        let address = self.address("listen.address", &address);
        let certificate = self.file("listen.certificate", &certificate);
        let key = self.file("listen.key", &key);
        let public_base = self.base("listen.public_base", &public_base);
        let tls_min = match tls_min.as_str() {
            "1.2" => Some(TlsVersion::Tls12),
            "1.3" => Some(TlsVersion::Tls13),
            _ => self.mistake("listen.tls_min", "\"1.2\" or \"1.3\""),
        };
        let deadline = self.duration("listen.deadline", &deadline);
        let workers = workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from));
        if workers == 0 {
            self.mistake::<()>("listen.workers", "at least 1");
        }
        Some(Listen {
            address: address?,
            certificate,
            key,
            public_base: public_base?,
            tls_min: tls_min?,
            deadline: deadline?,
            workers,
        })
    }

    fn admin(&mut self, raw: raw::Admin) -> Option<Admin> {
        let raw::Admin { address, allow } = raw;
        let address = self.address("admin.address", &address)?;
        if !address.ip().is_loopback() && allow.is_empty() {
            return self.mistake("admin.allow", "networks that may call, since admin.address is not on loopback");
        }
        let networks: Vec<_> = allow.iter().filter_map(|text| text.parse().ok()).collect();
        if networks.len() != allow.len() {
            return self.mistake("admin.allow", "networks such as 10.0.0.0/8");
        }
        Some(Admin { address, allow: networks })
    }

    fn upstream(&mut self, raw: Vec<raw::Upstream>) -> Option<UpstreamSettings> {
        let mut raw = raw.into_iter();
        let (Some(one), None) = (raw.next(), raw.next()) else {
            return self.mistake("upstream", "exactly one: several servers behind one gateway are not supported");
        };
        let raw::Upstream { name, base, fhir_version, exchanges, aliases, ca, certificate, key, bearer_file } = one;
        let base = self.base("upstream.base", &base);
        if fhir_version != "4.0" {
            self.mistake::<()>("upstream.fhir_version", "\"4.0\": other versions are not supported");
        }
        let aliases = aliases.iter().filter_map(|alias| self.base("upstream.aliases", alias)).collect();
        let access = self.access("upstream", access::Raw { ca, certificate, key, bearer_file });
        Some(UpstreamSettings { name, base: base?, exchanges, aliases, access })
    }

    fn consent(&mut self, raw: raw::Consent, upstream: Option<&UpstreamSettings>) -> Option<ConsentSettings> {
        let raw::Consent {
            mut sources,
            registers,
            fhir_version,
            max_age,
            combining,
            hook_secret,
            hook_secret_file,
            hook_base,
            hook_types,
        } = raw;
        if sources.is_empty() {
            sources.extend(upstream.map(|upstream| format!("upstream:{}", upstream.name)));
        }
        for register in &registers {
            if !sources.contains(register) {
                self.mistake::<()>("consent.registers", "some of consent.sources, written the same way");
            }
        }
        let version = FhirVersion::of(&fhir_version).filter(|version| *version != FhirVersion::Stu3);
        let Some(version) = version else {
            return self.mistake("consent.fhir_version", "\"4.0\", \"4.3\" or \"5.0\": Consents of STU3 are not read");
        };
        let source = |text: &String| self.source(text, version, registers.contains(text), upstream);
        let sources: Vec<_> = sources.iter().filter_map(source).collect();
        let max_age = self.duration("consent.max_age", &max_age);
        let hook = hook::Raw { secret: hook_secret, secret_file: hook_secret_file, base: hook_base, types: hook_types };
        let hook = self.hook(hook, &sources, upstream);
        let Ok(combining) = Combining::of(&combining) else {
            return self.mistake("consent.combining", "\"deny-overrides\", \"newest-wins\" or \"most-specific\"");
        };
        Some(ConsentSettings { sources, max_age: max_age?, combining, hook: hook? })
    }

    fn source(
        &mut self,
        text: &str,
        version: FhirVersion,
        is_register: bool,
        upstream: Option<&UpstreamSettings>,
    ) -> Option<Source> {
        const EXPECTED: &str = "upstream:NAME of an upstream, or fhir:URL";
        match text.split_once(':') {
            Some(("upstream", name)) => match upstream {
                Some(upstream) if upstream.name == name => Some(Source {
                    base: upstream.base.clone(),
                    is_upstream: true,
                    version: FhirVersion::R4,
                    is_register,
                    access: upstream.access.clone(),
                }),
                // The upstream itself is wrong: that mistake is named already.
                None => None,
                Some(_) => self.mistake("consent.sources", EXPECTED),
            },
            Some(("fhir", url)) => {
                let base = self.base("consent.sources", url)?;
                Some(Source { base, is_upstream: false, version, is_register, access: Access::default() })
            }
            Some(_) | None => self.mistake("consent.sources", EXPECTED),
        }
    }

    fn policy(&mut self, raw: raw::Policy) -> Option<PolicySettings> {
        let raw::Policy { name, also, shadow, mode, narrative, free_text, unlabelled } = raw;
        let repeated =
            also.iter().enumerate().any(|(at, one)| *one == name || also.iter().take(at).any(|other| other == one));
        if repeated {
            self.mistake::<()>("policy.also", "names of other policies, each once");
        }
        let mode = match mode.as_str() {
            "silent" => Some(Mode::Silent),
            "notice" => Some(Mode::Notice),
            _ => self.mistake("policy.mode", "\"silent\" or \"notice\""),
        };
        let narrative = match narrative.as_str() {
            "drop" => Some(Narrative::Drop),
            "keep" => Some(Narrative::Keep),
            _ => self.mistake("policy.narrative", "\"drop\" or \"keep\""),
        };
        let free_text = match free_text.as_str() {
            "keep" => Some(FreeText::Keep),
            "withhold" => Some(FreeText::Withhold),
            _ => self.mistake("policy.free_text", "\"keep\" or \"withhold\""),
        };
        let unlabelled = match Unlabelled::of(&unlabelled) {
            Ok(unlabelled) => Some(unlabelled),
            Err(_) => self.mistake("policy.unlabelled", "\"restricted\" or \"normal\""),
        };
        let (unlabelled, mode, narrative, free_text) = (unlabelled?, mode?, narrative?, free_text?);
        Some(PolicySettings { name, also, shadow, unlabelled, mode, narrative, free_text })
    }

    fn retention(&mut self, text: &str, test: bool) -> Option<Retention> {
        const EXPECTED: &str = "years or days, 5y or 1827d at least (NEN 7513; less with identity.test = true only)";
        let retention = text.parse().ok().filter(|retention: &Retention| test || retention.is_usual());
        retention.or_else(|| self.mistake("audit.retention", EXPECTED))
    }

    fn telemetry(&mut self, raw: raw::Telemetry) -> Option<TelemetrySettings> {
        let raw::Telemetry { level, otlp } = raw;
        if !["error", "warn", "info", "debug", "trace"].contains(&level.as_str()) {
            return self.mistake("telemetry.level", "error, warn, info, debug or trace");
        }
        let otlp = match otlp {
            Some(url) => Some(self.base("telemetry.otlp", &url)?),
            None => None,
        };
        Some(TelemetrySettings { level, otlp })
    }

    fn address(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        text.parse().ok().or_else(|| self.mistake(key, "an address and a port, 127.0.0.1:8443"))
    }

    fn file(&mut self, key: &str, path: &Path) -> PathBuf {
        let path = self.directory.join(path);
        if !path.is_file() {
            self.mistake::<()>(key, format!("a file; there is none at {}", path.display()));
        }
        path
    }

    fn directory(&mut self, key: &str, path: &Path) -> PathBuf {
        let path = self.directory.join(path);
        if !path.is_dir() {
            self.mistake::<()>(key, format!("a directory; there is none at {}", path.display()));
        }
        path
    }

    fn base(&mut self, key: &str, text: &str) -> Option<String> {
        const EXPECTED: &str = "an http or https URL without user, query or fragment";
        let Ok(url) = Url::parse(text) else { return self.mistake(key, EXPECTED) };
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !plain || !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return self.mistake(key, EXPECTED);
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    fn duration(&mut self, key: &str, text: &str) -> Option<Duration> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => 0,
        };
        match number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)) {
            Some(milliseconds) if milliseconds > 0 => Some(Duration::from_millis(milliseconds)),
            Some(_) | None => self.mistake(key, "a duration: 500ms, 30s, 5m or 1h"),
        }
    }
}
